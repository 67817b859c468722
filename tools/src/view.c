/* view.c: `loam view`: a page that shows a trace.
 *
 * The trace is read once, for the series of view_series.h and as the steps of replay_steps.h; then it
 * is replayed over each allocator, by this program started anew; then the page is written.
 */
#include "view_write.h"

#include "replay_steps.h"
#include "tool.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int run(int argc, char **argv);

const tool_command tool_view = {
    "view", "makes a page that shows a trace, to be looked at in a browser",
    "Usage: loam view [OPTIONS] FILE\n"
    "\n"
    "Makes one page of HTML, which needs no network, of the trace FILE: live bytes over time, "
    "where\n"
    "blocks are in memory and how much of it lies idle, sizes and lifetimes, threads, allocators "
    "and\n"
    "tags. A trace has no addresses: they are those of a replay over each allocator.\n"
    "\n"
    "  -o, --output FILE  the page (default: the name of the trace, with .html); - is standard "
    "output\n"
    "  --over LIST        allocators to replay over, separated by commas (default heap,libc):\n"
    "                     libc, heap, grown, sharded, pool, arena as in `loam replay`, or none\n"
    "  --preload LIBRARY  also the malloc of a library, such as libjemalloc.so.2; may be repeated\n"
    "  --title TEXT       what stands above the page (default: the program that was recorded)\n"
    "  --json             writes the data of the page alone, as JSON\n"
    "  -h, --help         this text\n"
    "\n"
    "The page is of less than 2 MiB, however long the trace is.\n",
    run};

typedef struct settings {
    view_data data;
    const char *path, *output, *title;
    char file[256];        /* name of the trace */
    char output_name[272]; /* that follows from it */
    bool json, chosen;
    int parcel; /* descriptor of the steps */
} settings;

/* ---- replays ---- */

#define WORKER "--worker"

/* `loam view --worker STEPS MAP SUBJECT`: two descriptors and a name. */
static int work(char **words)
{
    const subject *s = replay_find_subject(words[2], strlen(words[2]));
    const parcel *p;
    uint64_t steps, to;
    void *map;

    if (!s || !tool_read_number(words[0], 0, INT_MAX, &steps) ||
        !tool_read_number(words[1], 0, INT_MAX, &to))
        return EXIT_BAD;
    p = steps_map((int)steps);
    map =
        mmap(NULL, sizeof(view_map), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, (int)to, 0);
    if (!p || map == MAP_FAILED)
        return EXIT_BAD;
    view_map_fill(map, p, s);
    return EXIT_GOOD;
}

static _Noreturn void become_worker(const settings *s, const view_over *over, int map)
{
    char steps[16], to[16];
    const char *own = tool_own_path();

    (void)snprintf(steps, sizeof steps, "%d", s->parcel);
    (void)snprintf(to, sizeof to, "%d", map);
    if (over->preload)
        setenv("LD_PRELOAD", over->preload, 1);
    if (own)
        execl(own, "loam", "view", WORKER, steps, to, over->subject, (char *)NULL);
    _exit(EXIT_BAD);
}

static view_map *make_map(int *file)
{
    void *map;

    *file = memfd_create("loam-view", 0);
    if (*file < 0 || ftruncate(*file, sizeof(view_map)) != 0)
        tool_fail(EXIT_BAD, "no file in memory: %s", strerror(errno));
    map = mmap(NULL, sizeof(view_map), PROT_READ | PROT_WRITE, MAP_SHARED, *file, 0);
    if (map == MAP_FAILED)
        tool_fail(EXIT_BAD, "out of memory: %s", strerror(errno));
    return map;
}

static void say_failed(view_map *map, const char *why)
{
    if (!map->failed[0])
        (void)snprintf(map->failed, sizeof map->failed, "%s", why);
}

static void wait_for(view_map *map, pid_t child)
{
    int status = 0;
    char why[64];

    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    (void)snprintf(why, sizeof why, "its process was ended by signal %d", WTERMSIG(status));
    if (child < 0)
        say_failed(map, "there is no process for it");
    else if (WIFSIGNALED(status))
        say_failed(map, why);
    else if (status != 0)
        say_failed(map, "its process failed");
}

static void replay(settings *s, view_over *over, const parcel *p)
{
    const view_series *v = s->data.series;
    int file;
    pid_t child;

    over->map = make_map(&file);
    view_map_plan(over->map, v->calls, v->peak_call);
    if (steps_too_big(p, over->subject)) {
        say_failed(over->map, "not replayed: there is too little memory");
    } else {
        (void)fflush(NULL);
        child = fork();
        if (child == 0) {
            tool_end_with_parent();
            become_worker(s, over, file);
        }
        wait_for(over->map, child);
    }
    close(file);
    if (over->map->failed[0])
        tool_say("%s: %s", over->name, over->map->failed);
}

/* ---- the whole ---- */

static void make(settings *s)
{
    view_series *v = malloc(sizeof *v);
    const parcel *p;

    if (!v)
        tool_fail(EXIT_BAD, "out of memory");
    view_series_init(v);
    s->data.series = v;
    v->reader = steps_read(s->path, false, view_series_see, v, &s->parcel);
    view_series_end(v);
    p = steps_map(s->parcel);
    if (!p)
        tool_fail(EXIT_BAD, "out of memory");
    if (v->calls == 0)
        s->data.over_count = 0;
    for (size_t i = 0; i < s->data.over_count; i++) {
        tool_progress(s->data.over[i].name, i, s->data.over_count);
        replay(s, &s->data.over[i], p);
    }
    tool_progress_end();
}

static void choose_title(settings *s)
{
    trace_text_kind kind;
    const char *program = trace_reader_text(s->data.series->reader, 1, &kind);

    s->data.title = s->title ? s->title : program && kind == TRACE_TEXT_PROGRAM ? program : s->file;
}

static void write_out(const settings *s)
{
    out *to = out_begin(s->output, EXIT_BAD);
    bool good = s->json ? view_write_data(to, &s->data) : view_write_page(to, &s->data);
    const char *wrong = out_end(to, good);

    if (wrong)
        tool_fail(EXIT_BAD, "%s: cannot be written: %s", s->output, wrong);
}

static void finish(settings *s)
{
    for (size_t i = 0; i < s->data.over_count; i++)
        munmap(s->data.over[i].map, sizeof(view_map));
    trace_reader_close(s->data.series->reader);
    view_series_deinit(s->data.series);
    free(s->data.series);
}

/* ---- the command line ---- */

static void add_over(settings *s, const char *name, const char *subject_name, const char *preload)
{
    if (s->data.over_count == VIEW_MAPS)
        tool_usage("more than %d allocators", VIEW_MAPS);
    s->data.over[s->data.over_count++] =
        (view_over){.name = name, .subject = subject_name, .preload = preload};
}

static void add_list(settings *s, const char *words)
{
    s->chosen = true;
    if (strcmp(words, "none") == 0)
        return;
    while (*words) {
        size_t length = strcspn(words, ",");
        const subject *found = replay_find_subject(words, length);

        if (!found)
            tool_usage("there is no allocator '%.*s'", (int)length, words);
        add_over(s, found->name, found->name, NULL);
        words += length + (words[length] == ',');
    }
}

static void add_preload(settings *s, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash && access(path, R_OK) != 0)
        tool_fail(EXIT_BAD, "%s: %s", path, strerror(errno));
    add_over(s, slash ? slash + 1 : path, "libc", path);
}

static void read_option(settings *s, int option)
{
    switch (option) {
    case 'o':
        s->output = optarg;
        break;
    case 'v':
        add_list(s, optarg);
        break;
    case 'p':
        add_preload(s, optarg);
        break;
    case 't':
        s->title = optarg;
        break;
    case 'j':
        s->json = true;
        break;
    case 'h':
        exit(tool_help());
    default:
        tool_usage(NULL);
    }
}

static bool cut_end(char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);

    if (length <= tail || strcmp(text + length - tail, end) != 0)
        return false;
    text[length - tail] = 0;
    return true;
}

/* The trace's name without folders and endings, and the page's, if none is given. */
static void choose_names(settings *s)
{
    const char *slash = strrchr(s->path, '/');

    (void)snprintf(s->file, sizeof s->file, "%s",
                   strcmp(s->path, "-") == 0 ? "trace"
                   : slash                   ? slash + 1
                                             : s->path);
    (void)cut_end(s->file, ".zst");
    (void)cut_end(s->file, ".mtr");
    s->data.file = s->file;
    (void)snprintf(s->output_name, sizeof s->output_name, "%s%s", s->file,
                   s->json ? ".json" : ".html");
    if (!s->output)
        s->output = s->output_name;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"over", required_argument, NULL, 'v'},
                                            {"preload", required_argument, NULL, 'p'},
                                            {"title", required_argument, NULL, 't'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    static settings s;
    int option;

    if (argc == 5 && strcmp(argv[1], WORKER) == 0)
        _exit(work(argv + 2)); /* with the blocks that the trace left */
    while ((option = getopt_long(argc, argv, "ho:", options, NULL)) != -1)
        read_option(&s, option);
    if (optind + 1 != argc)
        tool_usage(optind == argc ? "which trace?" : "one trace at a time");
    if (!s.chosen)
        add_list(&s, "heap,libc");
    s.path = argv[optind];
    choose_names(&s);
    tool_refuse_same(s.path, s.output);
    make(&s);
    choose_title(&s);
    write_out(&s);
    finish(&s);
    return EXIT_GOOD;
}
