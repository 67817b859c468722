/* export.c: `loam export`: a trace as files that other viewers open.
 *
 * Reads the trace once, so that it may come through a pipe. Takes memory for the slots of the trace, for
 * its sites, of which there are so many at most, and for what a format keeps, which is bounded too.
 */
#include "export.h"
#include "tool.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int run(int argc, char **argv);

const tool_command tool_export = {
    "export", "writes a trace as files that other viewers open",
    "Usage: loam export FILE --to FORMAT [-o OUT] [OPTIONS]\n"
    "\n"
    "Writes the trace FILE, or standard input for -, in the format of another viewer:\n"
    "\n"
    "  heaptrack   heaptrack_gui, heaptrack_print\n"
    "  pprof       go tool pprof, speedscope, and others that read profile.proto\n"
    "  gperftools  google-pprof\n"
    "  massif      ms_print, massif-visualizer\n"
    "  chrome      Perfetto (ui.perfetto.dev), chrome://tracing; also called perfetto\n"
    "\n"
    "  -o, --output OUT  the file; - is standard output, and so it is without this option;\n"
    "                    with a name that ends in .zst it is compressed\n"
    "  --time WHICH      clock: as the trace tells; calls: each counts as a microsecond, and so\n"
    "                    it is for a trace without times\n"
    "  --at WHEN         what pprof and gperftools call in use: peak (default) or end\n"
    "  -h, --help        this text\n"
    "\n"
    "Traces hold no call stacks. Where a viewer wants one, it gets: the program, the thread, the\n"
    "allocator, the tag, and the size up to a power of two.\n",
    run};

static const export_format *const formats[] = {&export_heaptrack, &export_pprof, &export_gperftools,
                                               &export_massif, &export_chrome};

/* ---- names ---- */

static const char *program_text(const exporter *e)
{
    trace_text_kind kind;
    const char *words =
        e->sites.program ? trace_reader_text(e->reader, e->sites.program, &kind) : NULL;

    return words && *words ? words : NULL;
}

static const char *file_name(const exporter *e)
{
    const char *slash = strrchr(e->file, '/');

    return strcmp(e->file, "-") == 0 ? "unknown" : slash ? slash + 1 : e->file;
}

void export_command(const exporter *e, const char *swaps, char *words, size_t room)
{
    const char *said = program_text(e);

    (void)text_clean(words, room, said ? said : file_name(e), swaps);
}

/* The last part of the first word. */
void export_program(const exporter *e, const char *swaps, char *name, size_t room)
{
    char first[TRACE_MOST_TEXT + 1];
    const char *said = program_text(e);
    size_t length, from;

    said = said ? said : file_name(e);
    length = program_text(e) ? strcspn(said, " ") : strcspn(said, ".");
    length = length == 0 ? strlen(said) : length;
    length = length < sizeof first ? length : sizeof first - 1;
    for (from = length; from > 0 && said[from - 1] != '/';)
        from--;
    from = from == length ? 0 : from;
    memcpy(first, said + from, length - from);
    first[length - from] = 0;
    (void)text_clean(name, room, first, swaps);
}

void export_site_name(const exporter *e, uint32_t number, const char *swaps, char name[TEXT_NAME])
{
    const site *one = &e->sites.all[number];
    char program[TEXT_NAME / 2] = "";

    if (one->level == SITE_PROGRAM)
        export_program(e, "", program, sizeof program);
    sites_describe(&e->sites, e->reader, one, program, swaps, name, TEXT_NAME);
}

/* ---- the trace ---- */

/* What a format is told of an item. False: out of memory. */
static bool follow(exporter *e, const trace_item *item)
{
    site_move move;

    if (item->op == TRACE_TEXT)
        sites_note_text(&e->sites, e->reader, item);
    if (item->op == TRACE_BULK && e->format->bulk)
        e->format->bulk(e, item);
    if (!e->count_calls)
        e->now = item->time;
    if (item->op > TRACE_ALLOC_ALIGNED)
        return true;
    e->calls++;
    if (e->count_calls)
        e->now = e->calls * 1000;
    return sites_follow(&e->sites, item, &move) &&
           (!e->format->call || e->format->call(e, item, &move));
}

/* False: `error` tells why, or what was written was refused. */
static bool follow_all(exporter *e, trace_error *error)
{
    trace_item item;
    trace_result got;
    uint64_t items = 0;

    while ((got = trace_reader_next(e->reader, &item, error)) == TRACE_GOT && !e->text.failed) {
        if (!follow(e, &item))
            return trace_wrong(error, trace_reader_at(e->reader), "out of memory");
        if (++items % (1 << 18) == 0)
            tool_progress("exporting", trace_reader_at(e->reader), trace_reader_size(e->reader));
    }
    tool_progress_end();
    if (got != TRACE_DONE)
        return false;
    return e->format->end(e) || trace_wrong(error, trace_reader_at(e->reader), "out of memory");
}

/* Ends the program where it can't. */
static void write_export(exporter *e, const char *to)
{
    trace_error error = {0, ""};
    const char *wrong;
    bool good;

    e->text.to = out_begin(to, EXIT_BAD);
    good = sites_init(&e->sites) && e->format->begin(e)
               ? follow_all(e, &error)
               : trace_wrong(&error, trace_reader_at(e->reader), "out of memory");
    good = text_flush(&e->text) && good;
    wrong = out_end(e->text.to, good);
    if (e->text.failed || (wrong && good))
        tool_fail(EXIT_BAD, "%s: cannot be written: %s", to, wrong);
    if (!good)
        tool_fail(EXIT_BAD, "%s: at byte %llu: %s", e->file, (unsigned long long)error.offset,
                  error.reason);
}

/* ---- the whole ---- */

static const export_format *find_format(const char *name)
{
    if (strcmp(name, "perfetto") == 0)
        return &export_chrome;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    tool_usage("there is no format '%s'; heaptrack, pprof, gperftools, massif, chrome and perfetto "
               "are known",
               name);
}

/* Ends the program where `text` is neither. Returns whether it is the second. */
static bool second_of(const char *option, const char *text, const char *first, const char *second)
{
    if (strcmp(text, first) != 0 && strcmp(text, second) != 0)
        tool_usage("%s wants %s or %s", option, first, second);
    return strcmp(text, second) == 0;
}

/* Ends the program where the trace would be replaced by what is made of it, or a terminal be filled
 * with bytes. */
static void refuse_output(const exporter *e, const char *to)
{
    struct stat from, about;

    if (strcmp(to, "-") == 0) {
        if ((e->format->binary) && isatty(STDOUT_FILENO))
            tool_usage("%s is no text for a terminal; name a file by -o", e->format->name);
        return;
    }
    if (stat(e->file, &from) == 0 && stat(to, &about) == 0 && S_ISREG(from.st_mode) &&
        from.st_dev == about.st_dev && from.st_ino == about.st_ino)
        tool_usage("%s is the trace itself", to);
}

static const char *read_options(exporter *e, int argc, char **argv)
{
    static const struct option options[] = {
        {"to", required_argument, NULL, 't'},   {"output", required_argument, NULL, 'o'},
        {"time", required_argument, NULL, 'c'}, {"at", required_argument, NULL, 'a'},
        {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0}};
    const char *to = "-";
    int option;

    while ((option = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
        if (option == 'h')
            return NULL;
        if (option == 't')
            e->format = find_format(optarg);
        else if (option == 'o')
            to = optarg;
        else if (option == 'c')
            e->count_calls = second_of("--time", optarg, "clock", "calls");
        else if (option == 'a')
            e->at_end = second_of("--at", optarg, "peak", "end");
        else
            tool_usage(NULL);
    }
    if (!e->format)
        tool_usage("which format? --to heaptrack, pprof, gperftools, massif or chrome");
    if (optind + 1 != argc)
        tool_usage(optind == argc ? "which trace?" : "one trace at a time");
    e->file = argv[optind];
    return to;
}

static int run(int argc, char **argv)
{
    exporter *e = calloc(1, sizeof *e);
    trace_error error = {0, ""};
    const char *to;

    if (!e)
        tool_fail(EXIT_BAD, "out of memory");
    to = read_options(e, argc, argv);
    if (!to) {
        free(e);
        return tool_help();
    }
    refuse_output(e, to);
    e->state = calloc(1, e->format->state_size);
    e->reader = e->state ? trace_reader_open(e->file, &error) : NULL;
    if (!e->state)
        tool_fail(EXIT_BAD, "out of memory");
    if (!e->reader)
        tool_fail(EXIT_BAD, "%s: at byte %llu: %s", e->file, (unsigned long long)error.offset,
                  error.reason);
    if (trace_reader_head(e->reader)->time_step == 0)
        e->count_calls = true;
    write_export(e, to);
    if (e->format->drop)
        e->format->drop(e);
    sites_deinit(&e->sites);
    trace_reader_close(e->reader);
    free(e->state);
    free(e);
    return EXIT_GOOD;
}
