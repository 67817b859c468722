#include "files.h"

#include <loam/scratch.h>
#include <loam/vec_algorithms.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool files_init(struct files *files)
{
    const loam_arena_config config = {.name = "files", .auto_align = 1};

    files->texts = 0;
    files->bytes = 0;
    if (!loam_arena_init(&files->arena, &config))
        return false;
    loam_bucket_init(&files->list, loam_arena_allocator(&files->arena));
    return true;
}

void files_deinit(struct files *files)
{
    loam_bucket_deinit(&files->list);
    loam_arena_deinit(&files->arena);
}

const struct file *files_at(const struct files *files, size_t number)
{
    return loam_bucket_at(&files->list, number);
}

size_t files_asked(const struct files *files)
{
    loam_stats list;

    loam_bucket_stats(&files->list, &list);
    return files->texts + list.committed;
}

static bool add(struct files *files, const char *path, size_t name_at, size_t size, bool given)
{
    size_t length = strlen(path);
    char *copy = loam_arena_push_text(&files->arena, path, length);

    if (!copy || !loam_bucket_push(&files->list, (struct file){copy, copy + name_at, size, given}))
        return false;
    files->texts += length + 1;
    files->bytes += size;
    return true;
}

bool files_add(struct files *files, const char *path)
{
    struct stat facts;
    bool regular = stat(path, &facts) == 0 && S_ISREG(facts.st_mode);

    return add(files, path, 0, regular ? (size_t)facts.st_size : 0, true);
}

/* ---- a tree ---- */

static bool is_wanted(const char *name)
{
    static const char *const endings[] = {".c", ".h", ".md", ".txt", ".cmake", ".in"};
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++) {
        if (strcmp(dot, endings[i]) == 0)
            return true;
    }
    return false;
}

static char *join(loam_arena *arena, const char *folder, const char *name)
{
    size_t length = strlen(folder), room = length + 1 + strlen(name) + 1;
    char *path = (char *)loam_arena_push_no_zero(arena, room);

    if (path)
        snprintf(path, room, "%s%s%s", folder, length && folder[length - 1] == '/' ? "" : "/",
                 name);
    return path;
}

/* The names in a folder, sorted, so that every system shows the same. */
struct listing {
    LOAM_VEC(char *) names;
    bool is_build; /* one that CMake builds in: generated files, passed over below the root */
};

static int compare_names(void *context, const void *a, const void *b)
{
    (void)context;
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Reads a folder. The names and the array of them lie in the same arena. */
static files_tree_result list_folder(DIR *folder, loam_arena *arena, struct listing *list)
{
    list->is_build = false;
    loam_vec_init(&list->names, loam_arena_allocator(arena));
    for (struct dirent *found; (found = readdir(folder)) != NULL;) {
        char *name;

        if (strcmp(found->d_name, "CMakeCache.txt") == 0)
            list->is_build = true;
        if (found->d_name[0] == '.' || strcmp(found->d_name, "build") == 0)
            continue;
        name = loam_arena_push_text(arena, found->d_name, strlen(found->d_name));
        if (!name || !loam_vec_push(&list->names, name))
            return FILES_NO_MEMORY;
    }
    loam_vec_sort(&list->names, compare_names, NULL);
    return FILES_FOUND;
}

/* A folder and all below it. What it needs on the way lies in a scratch arena that is not the one
 * of the list, and is gone when it returns, on every path. */
static files_tree_result walk(struct files *files, const char *path, size_t name_at,
                              struct console *console)
{
    LOAM_SCRATCH(scratch, &files->arena);
    DIR *folder = opendir(path);
    files_tree_result result;
    struct listing list;

    if (!folder) {
        console_complain(console, path, "%s", strerror(errno));
        return FILES_NO_TREE;
    }
    result = list_folder(folder, scratch.arena, &list);
    closedir(folder);
    if (result != FILES_FOUND || (list.is_build && strlen(path) > name_at))
        return result;

    LOAM_VEC_EACH(char **, name, &list.names)
    {
        char *inner = join(scratch.arena, path, *name);
        struct stat facts;

        if (!inner)
            return FILES_NO_MEMORY;
        if (lstat(inner, &facts) != 0)
            continue;
        if (S_ISDIR(facts.st_mode) && walk(files, inner, name_at, console) == FILES_NO_MEMORY)
            return FILES_NO_MEMORY;
        if (S_ISREG(facts.st_mode) && is_wanted(inner) &&
            !add(files, inner, name_at, (size_t)facts.st_size, false))
            return FILES_NO_MEMORY;
    }
    return FILES_FOUND;
}

files_tree_result files_add_tree(struct files *files, const char *root, struct console *console)
{
    size_t length = strlen(root);

    return walk(files, root, length + (length && root[length - 1] != '/'), console);
}
