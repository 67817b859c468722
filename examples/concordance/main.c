/* concordance: which words there are in text files, how often, and where.
 *
 * A first program with loam to read. It keeps
 *
 *   - a list of files: paths in an arena, in a bucket array over it       files.c
 *   - the words in a B-tree, their texts, and their places in a vec,      words.c
 *     over any allocators
 *   - a pool, a heap and arenas here, or the C library's malloc           memory.c
 *   - and vecs of a moment in a scratch arena                             text.c, files.c, run.c
 *
 * and shows what each of them holds, and what the same code takes over malloc. Every function that
 * needs memory may be refused it, says so in its result, and leaves everything as it was; so when
 * memory runs out the program still prints all that it found before.
 *
 *   main > options  files  run, compare > memory  index > text, token, words    report    console
 */
#include "compare.h"

/* Where loam itself lies; the build says it. */
#ifndef CONCORDANCE_TREE
#define CONCORDANCE_TREE "."
#endif

static int worse(int status, int other)
{
    return status > other ? status : other;
}

/* Makes the list of files. Returns an exit status. */
static int list_files(const struct options *options, struct files *files, struct console *console)
{
    files_tree_result found = FILES_FOUND;
    bool listed;

    if (options->tree)
        found = files_add_tree(files, options->tree, console);
    listed = found != FILES_NO_MEMORY;
    for (size_t i = 0; listed && i < options->path_count; i++)
        listed = files_add(files, options->paths[i]);
    if (!listed) {
        console_complain(console, "listing the files", "out of memory");
        return STATUS_MEMORY;
    }
    (void)loam_scratch_release(); /* what the list needed on the way is no longer needed */
    return found == FILES_FOUND ? STATUS_DONE : STATUS_FILES;
}

/* Lists the files and does what was asked. Returns an exit status. */
static int run(const struct options *options, struct files *files, struct console *console)
{
    const struct job job = {options, files, console};
    struct run_times times;
    int status = list_files(options, files, console);

    if (status == STATUS_MEMORY || (status == STATUS_FILES && files->list.count == 0))
        return status;
    if (options->compare && !options_question(options))
        return worse(status, compare_job(&job, stdout));
    return worse(status, run_job(&job, MEMORY_LOAM, stdout, &times));
}

int main(int argc, char **argv)
{
    struct options options;
    struct console console;
    struct files files;
    int status;

    if (!options_parse(&options, argc, argv, &status))
        return status;
    if (!options.tree && options.path_count == 0)
        options.tree = CONCORDANCE_TREE;
    console_init(&console, stderr);
    if (!files_init(&files)) {
        console_complain(&console, "beginning", "out of memory");
        return STATUS_MEMORY;
    }
    status = run(&options, &files, &console);
    files_deinit(&files);
    return status;
}
