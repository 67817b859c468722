/* replay.c: `loam replay`: runs a recorded program over allocators, each in processes of its own.
 *
 * The trace is read once, into a file in memory; each process maps it, is this very program started
 * anew (so that it can be started with another malloc), and writes its figures into a pipe.
 */
#include "replay_run.h"
#include "replay_steps.h"
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int run(int argc, char **argv);

const tool_command tool_replay = {
    "replay", "runs a recorded program over allocators, and compares them",
    "Usage: loam replay [OPTIONS] FILE\n"
    "\n"
    "Runs the calls of the trace FILE over each allocator, in the order of the trace and in one\n"
    "thread, touching each block as a program does. Each allocator has processes of its own.\n"
    "\n"
    "  --over LIST        allocators, separated by commas (default libc,heap,pool):\n"
    "                       libc     the malloc of the system\n"
    "                       heap     loam_heap in one region\n"
    "                       grown    loam_heap that grows over pages\n"
    "                       sharded  loam_heap_sharded over a region\n"
    "                       pool     loam_pool over a loam_heap that grows\n"
    "                       arena    loam_arena: nothing is given back before the end\n"
    "  --preload LIBRARY  also the malloc of a library, such as libjemalloc.so.2; may be repeated\n"
    "  --repetitions N    times are medians of so many runs (default 3, at most 64)\n"
    "  --no-latency       leaves out the percentiles\n"
    "  --no-fit           leaves out the smallest region\n"
    "  --no-worst         leaves out the fragmentation\n"
    "  --json             the figures as JSON, in nanoseconds and bytes\n"
    "  --only-calls       runs the calls once over the malloc of this process, which makes no "
    "other\n"
    "                     ones meanwhile, and prints nothing: to be looked at by other programs\n"
    "  -h, --help         this text\n"
    "\n"
    "Columns: nanoseconds of a call in memory that was used before, and the first time; what 50, "
    "99\n"
    "and 99.99 of 100 calls take at most, and the longest; peak of resident memory over peak of "
    "live\n"
    "bytes; fragmentation at the worst moment, which is the largest of 1 - live / resident bytes, "
    "at\n"
    "1000 moments evenly apart in calls, of those at which a quarter of the peak or more is live;\n"
    "smallest region over the peak, for allocators that live in one.\n",
    run};

enum { MOST_ROWS = 32 };

/* A row of the table. */
typedef struct row {
    const char *name;    /* as it is shown */
    const char *subject; /* of replay_subjects */
    const char *preload; /* or NULL */
    figures figures;
} row;

typedef struct settings {
    const char *file;
    row rows[MOST_ROWS];
    size_t count;
    replay_wish wish;
    bool json, only_calls;
    int parcel; /* descriptor */
} settings;

/* Reads the trace into a file in memory; returns its descriptor. */
static int read_trace(const char *path, bool exact)
{
    int file;

    trace_reader_close(steps_read(path, exact, NULL, NULL, &file));
    return file;
}

/* ---- the processes ---- */

/* What a process is told: descriptor of the trace, that of the pipe, subject, what to measure. */
#define WORKER "--worker"

/* -1: it is none. */
static int read_descriptor(const char *word)
{
    uint64_t number;

    return tool_read_number(word, 0, INT_MAX, &number) ? (int)number : -1;
}

/* `loam replay --worker TRACE PIPE SUBJECT KIND REPETITIONS LATENCY FIT` */
static int work(char **words)
{
    const parcel *p = steps_map(read_descriptor(words[0]));
    const subject *s = replay_find_subject(words[2], strlen(words[2]));
    replay_wish wish = {.latency = words[5][0] == '1', .fit = words[6][0] == '1'};
    uint64_t kind;
    figures f;

    if (!p || !s || !tool_read_number(words[3], 0, REPLAY_KINDS - 1, &kind) ||
        !tool_read_number(words[4], 1, 64, &wish.repetitions))
        return EXIT_BAD;
    replay_measure(p, s, (replay_kind)kind, &wish, &f);
    return write(read_descriptor(words[1]), &f, sizeof f) == sizeof f ? EXIT_GOOD : EXIT_BAD;
}

static _Noreturn void become_worker(const settings *s, const row *r, replay_kind kind, int to)
{
    char trace[16], pipe[16], repetitions[16];
    const char kind_word[] = {(char)('0' + kind), 0};
    const char *own = tool_own_path();

    (void)snprintf(trace, sizeof trace, "%d", s->parcel);
    (void)snprintf(pipe, sizeof pipe, "%d", to);
    (void)snprintf(repetitions, sizeof repetitions, "%d", (int)s->wish.repetitions);
    if (r->preload)
        setenv("LD_PRELOAD", r->preload, 1);
    if (own)
        execl(own, "loam", "replay", WORKER, trace, pipe, r->subject, kind_word, repetitions,
              s->wish.latency ? "1" : "0", s->wish.fit ? "1" : "0", (char *)NULL);
    _exit(EXIT_BAD);
}

/* Runs a process to its end and reads its figures. */
static void measure(const settings *s, const row *r, replay_kind kind, figures *f)
{
    int ends[2], status = 0;
    pid_t child;
    ssize_t got;

    *f = replay_nothing;
    if (pipe(ends) != 0)
        tool_fail(EXIT_BAD, "no pipe: %s", strerror(errno));
    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        tool_end_with_parent();
        close(ends[0]);
        become_worker(s, r, kind, ends[1]);
    }
    close(ends[1]);
    do
        got = read(ends[0], f, sizeof *f);
    while (got < 0 && errno == EINTR);
    close(ends[0]);
    if (child > 0)
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
    if (got == sizeof *f)
        return;
    *f = replay_nothing;
    if (WIFSIGNALED(status))
        (void)snprintf(f->failed, sizeof f->failed, "ended by signal %d", WTERMSIG(status));
    else
        (void)snprintf(f->failed, sizeof f->failed, "its process failed");
}

/* Adds what the other processes find out to what the first did. */
static void measure_row(const settings *s, const parcel *p, row *r, size_t at)
{
    figures cold = replay_nothing, worst = replay_nothing, *f = &r->figures;
    size_t all = s->count * REPLAY_KINDS;

    if (steps_too_big(p, r->subject)) {
        *f = replay_nothing;
        (void)snprintf(f->failed, sizeof f->failed, "too little memory");
        return;
    }
    tool_progress(r->name, at, all);
    measure(s, r, REPLAY_WARM, f);
    if (f->failed[0])
        return;
    tool_progress(r->name, at + 1, all);
    measure(s, r, REPLAY_COLD, &cold);
    tool_progress(r->name, at + 2, all);
    if (s->wish.worst)
        measure(s, r, REPLAY_WORST, &worst);
    f->cold = cold.cold;
    f->rss = worst.resident > cold.rss ? worst.resident : cold.rss;
    f->worst = worst.worst;
    f->worst_live = worst.worst_live;
    f->worst_resident = worst.worst_resident;
    f->worst_call = worst.worst_call;
}

static void measure_all(settings *s, const parcel *p)
{
    for (size_t i = 0; i < s->count; i++)
        measure_row(s, p, &s->rows[i], i * REPLAY_KINDS);
    tool_progress_end();
}

/* ---- the table ---- */

static void print_cell(double value, int width, int digits)
{
    if (value < 0)
        printf(" %*s", width, "-");
    else
        printf(" %*.*f", width, digits, value);
}

static void print_table(const settings *s, const parcel *p)
{
    printf("%s: %s calls, %s requests, at most %s live in %s blocks\n\n", s->file,
           tool_count(p->count), tool_count(p->requests), tool_bytes(p->peak_bytes),
           tool_count(p->peak_blocks));
    printf("%-24s %8s %8s %7s %7s %8s %10s %9s %7s %8s\n", "", "ns/call", "first", "p50", "p99",
           "p99.99", "max", "RSS/live", "worst %", "region");
    for (size_t i = 0; i < s->count; i++) {
        const figures *f = &s->rows[i].figures;
        double live = p->peak_bytes ? (double)p->peak_bytes : 1;

        printf("%-24.24s", s->rows[i].name);
        if (f->failed[0]) {
            printf(" %s after %s calls\n", f->failed, tool_count(f->done));
            continue;
        }
        print_cell(f->time, 8, 1);
        print_cell(f->cold, 8, 1);
        print_cell(f->p50, 7, 0);
        print_cell(f->p99, 7, 0);
        print_cell(f->p9999, 8, 0);
        print_cell(f->max, 10, 0);
        print_cell(f->rss < 0 ? -1 : f->rss / live, 9, 3);
        print_cell(f->worst < 0 ? -1 : f->worst * 100, 7, 1);
        print_cell(f->region < 0 ? -1 : f->region / live, 8, 4);
        putchar('\n');
    }
}

static void print_member(const char *name, double value)
{
    if (value < 0)
        printf(", \"%s\": null", name);
    else
        printf(", \"%s\": %.1f", name, value);
}

static void print_json(const settings *s, const parcel *p)
{
    printf("{\"trace\": ");
    tool_json_text(s->file);
    printf(", \"calls\": %llu, \"requests\": %llu, \"peak_live_bytes\": %llu, "
           "\"peak_live_blocks\": %llu,\n \"allocators\": [",
           (unsigned long long)p->count, (unsigned long long)p->requests,
           (unsigned long long)p->peak_bytes, (unsigned long long)p->peak_blocks);
    for (size_t i = 0; i < s->count; i++) {
        const figures *f = &s->rows[i].figures;

        printf("%s\n  {\"name\": ", i ? "," : "");
        tool_json_text(s->rows[i].name);
        print_member("ns_per_call", f->time);
        print_member("ns_per_call_first", f->cold);
        print_member("p50_ns", f->p50);
        print_member("p99_ns", f->p99);
        print_member("p9999_ns", f->p9999);
        print_member("max_ns", f->max);
        print_member("peak_rss_bytes", f->rss);
        print_member("worst_fragmentation_percent", f->worst < 0 ? -1 : f->worst * 100);
        print_member("worst_after_calls", f->worst_call);
        print_member("worst_live_bytes", f->worst_live);
        print_member("worst_resident_bytes", f->worst_resident);
        print_member("smallest_region_bytes", f->region);
        printf(", \"failed\": ");
        if (f->failed[0])
            tool_json_text(f->failed);
        else
            (void)fputs("null", stdout);
        putchar('}');
    }
    puts("\n]}");
}

/* ---- the command line ---- */

static void add_row(settings *s, const char *name, const char *subject_name, const char *preload)
{
    if (s->count == MOST_ROWS)
        tool_usage("more than %d allocators", MOST_ROWS);
    s->rows[s->count++] = (row){.name = name, .subject = subject_name, .preload = preload};
}

static void add_list(settings *s, const char *list)
{
    while (*list) {
        size_t length = strcspn(list, ",");
        const subject *found = replay_find_subject(list, length);

        if (!found)
            tool_usage("there is no allocator '%.*s'", (int)length, list);
        add_row(s, found->name, found->name, NULL);
        list += length + (list[length] == ',');
    }
}

static void add_preload(settings *s, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash && access(path, R_OK) != 0)
        tool_fail(EXIT_BAD, "%s: %s", path, strerror(errno));
    add_row(s, slash ? slash + 1 : path, "libc", path);
}

static void read_options(int argc, char **argv, settings *s)
{
    static const struct option options[] = {{"over", required_argument, NULL, 'o'},
                                            {"preload", required_argument, NULL, 'p'},
                                            {"repetitions", required_argument, NULL, 'r'},
                                            {"no-latency", no_argument, NULL, 'l'},
                                            {"no-fit", no_argument, NULL, 'f'},
                                            {"no-worst", no_argument, NULL, 'w'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"only-calls", no_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *preloads[MOST_ROWS];
    size_t preload_count = 0;
    bool chosen = false;
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            chosen = true;
            add_list(s, optarg);
            break;
        case 'p':
            if (preload_count < MOST_ROWS)
                preloads[preload_count++] = optarg;
            break;
        case 'r':
            if (!tool_read_number(optarg, 1, 64, &s->wish.repetitions))
                tool_usage("--repetitions wants a number from 1 to 64");
            break;
        case 'l':
            s->wish.latency = false;
            break;
        case 'f':
            s->wish.fit = false;
            break;
        case 'w':
            s->wish.worst = false;
            break;
        case 'j':
            s->json = true;
            break;
        case 'c':
            s->only_calls = true;
            break;
        case 'h':
            exit(tool_help());
        default:
            tool_usage(NULL);
        }
    }
    if (!chosen)
        add_list(s, "libc,heap,pool");
    for (size_t i = 0; i < preload_count; i++)
        add_preload(s, preloads[i]);
    if (optind + 1 != argc)
        tool_usage(optind == argc ? "which trace?" : "one trace at a time");
    s->file = argv[optind];
}

/* Starts this program anew, so that nothing of what reading took is left. */
static _Noreturn void start_only_calls(int file)
{
    char number[16];
    const char *own = tool_own_path();

    (void)snprintf(number, sizeof number, "%d", file);
    if (own)
        execl(own, "loam", "replay", WORKER, number, (char *)NULL);
    tool_fail(EXIT_BAD, "cannot start anew: %s", strerror(errno));
}

static int run(int argc, char **argv)
{
    static settings s = {.wish = {3, true, true, true}};
    const parcel *p;
    bool failed = false;

    if (argc >= 3 && strcmp(argv[1], WORKER) == 0) {
        if (argc == 9)
            return work(argv + 2);
        p = steps_map(read_descriptor(argv[2]));
        return p && replay_only_calls(p) ? EXIT_GOOD : EXIT_BAD;
    }
    read_options(argc, argv, &s);
    s.parcel = read_trace(s.file, s.only_calls);
    if (s.only_calls)
        start_only_calls(s.parcel);
    p = steps_map(s.parcel);
    if (!p)
        tool_fail(EXIT_BAD, "out of memory");
    if (p->count == 0)
        tool_fail(EXIT_BAD, "%s: there is no call in it", s.file);
    measure_all(&s, p);
    if (s.json)
        print_json(&s, p);
    else
        print_table(&s, p);
    for (size_t i = 0; i < s.count; i++)
        failed = failed || s.rows[i].figures.failed[0];
    return failed ? EXIT_BAD : EXIT_GOOD;
}
