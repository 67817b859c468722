/* export.c: `loam export`: a trace as files that other viewers open.
 */
#include "export.h"
#include "tool.h"

#include <getopt.h>
#include <string.h>
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

static const export_format *const formats[] = {
    &export_heaptrack, &export_pprof, &export_gperftools, &export_massif, &export_chrome, NULL};

static const export_format *find_format(const char *name)
{
    if (strcmp(name, "perfetto") == 0)
        return &export_chrome;
    for (size_t i = 0; formats[i]; i++)
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

/* What the command line wants. `to` NULL: help. */
typedef struct wanted {
    const export_format *format;
    const char *file, *to;
    bool count_calls, at_end;
} wanted;

static wanted read_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"to", required_argument, NULL, 't'},   {"output", required_argument, NULL, 'o'},
        {"time", required_argument, NULL, 'c'}, {"at", required_argument, NULL, 'a'},
        {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0}};
    wanted w = {.to = "-"};
    int option;

    while ((option = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
        if (option == 'h')
            return (wanted){.to = NULL};
        if (option == 't')
            w.format = find_format(optarg);
        else if (option == 'o')
            w.to = optarg;
        else if (option == 'c')
            w.count_calls = second_of("--time", optarg, "clock", "calls");
        else if (option == 'a')
            w.at_end = second_of("--at", optarg, "peak", "end");
        else
            tool_usage(NULL);
    }
    if (!w.format)
        tool_usage("which format? --to heaptrack, pprof, gperftools, massif or chrome");
    if (optind + 1 != argc)
        tool_usage(optind == argc ? "which trace?" : "one trace at a time");
    w.file = argv[optind];
    return w;
}

/* Ends the program where the trace would be replaced by what is made of it, or a terminal be filled
 * with bytes. */
static void refuse_output(const wanted *w)
{
    if (strcmp(w->to, "-") == 0 && w->format->binary && isatty(STDOUT_FILENO))
        tool_usage("%s is no text for a terminal; name a file by -o", w->format->name);
    tool_refuse_same(w->file, w->to);
}

/* Ends the program where it can't. */
static void write_export(exporter *e, trace_reader *reader, const char *to)
{
    out *file = out_begin(to, EXIT_BAD);
    trace_error error = {0, ""};
    bool good = export_run(e, reader, file, &error);
    const char *wrong = out_end(file, good);

    if (e->text.failed || (wrong && good))
        tool_fail(EXIT_BAD, "%s: cannot be written: %s", to, wrong);
    if (!good)
        tool_fail(EXIT_BAD, "%s: at byte %llu: %s", e->file, (unsigned long long)error.offset,
                  error.reason);
}

static int run(int argc, char **argv)
{
    wanted w = read_options(argc, argv);
    trace_error error = {0, ""};
    trace_reader *reader;
    exporter *e;

    if (!w.to)
        return tool_help();
    refuse_output(&w);
    reader = trace_reader_open(w.file, &error);
    if (!reader)
        tool_fail(EXIT_BAD, "%s: at byte %llu: %s", w.file, (unsigned long long)error.offset,
                  error.reason);
    e = export_new(w.format, w.file);
    if (!e)
        tool_fail(EXIT_BAD, "out of memory");
    e->count_calls = w.count_calls;
    e->at_end = w.at_end;
    write_export(e, reader, w.to);
    export_free(e);
    trace_reader_close(reader);
    return EXIT_GOOD;
}
