/* What `loam export` writes opens in the viewers it is for, and their figures are those of the trace. */
#include "export_support.h"
#include "tools_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const formats[] = {"heaptrack", "pprof", "gperftools", "massif", "chrome"};

enum { FORMATS = sizeof formats / sizeof *formats };

/* A trace of this test, and its name; which == EXPORT_TRACES: the one of the repository. */
static const char *trace_named(unsigned which, char path[256])
{
    if (which == EXPORT_TRACES)
        return LOAM_TRACE_SMALL;
    snprintf(path, 256, "%s", tools_file("trace"));
    export_write((export_trace)which, path);
    return path;
}

static void end_trace(unsigned which, const char *path)
{
    if (which != EXPORT_TRACES)
        unlink(path);
}

/* Exports to a file of this test; the result is static. */
static const char *exported(const char *trace, const char *format, const char *at)
{
    static char to[256];
    const ran *r;

    snprintf(to, sizeof to, "%s", tools_file(format));
    r = RUN("export", trace, "--to", format, "-o", to, "--at", at);

    if (r->code != 0 || r->err[0] || r->out[0])
        TEST_FAIL("export to %s ended with %d:\n%s", format, r->code, r->err);
    return to;
}

static const char *needs(const char *viewer)
{
    const char *path = export_viewer(viewer);

    if (!path)
        TEST_SKIP("the viewer is not here");
    return path;
}

static void expect_words(const ran *r, const char *words)
{
    if (r->code != 0 || !strstr(r->out, words))
        TEST_FAIL("ended with %d, and \"%s\" is not in:\n%.2000s\n%.2000s", r->code, words, r->out,
                  r->err);
}

/* ---- heaptrack ---- */

/* As heaptrack_print writes bytes. */
static const char *heaptrack_bytes(uint64_t bytes, char text[32])
{
    static const char units[] = "BKMGT";
    double value = (double)bytes;
    size_t unit = 0;

    while (unit < 4 && value > 1000) {
        value /= 1000;
        unit++;
    }
    if (unit == 0)
        snprintf(text, 32, "%lluB", (unsigned long long)bytes);
    else
        snprintf(text, 32, "%.2f%c", value, units[unit]);
    return text;
}

static void open_in_heaptrack(const char *viewer, const char *trace, const char *file)
{
    figures f = export_figures(trace);
    const ran *r = tools_run((const char *const[]){viewer, "-p0", "-a0", "-T0", file, NULL});
    char line[128], bytes[32];

    snprintf(line, sizeof line, "calls to allocation functions: %llu (",
             (unsigned long long)f.requests);
    expect_words(r, line);
    snprintf(line, sizeof line, "peak heap memory consumption: %s\n",
             heaptrack_bytes(f.peak_bytes, bytes));
    expect_words(r, line);
    snprintf(line, sizeof line, "total memory leaked: %s\n", heaptrack_bytes(f.end_bytes, bytes));
    expect_words(r, line);
    EXPECT_STR(r->err, "");
}

TEST(heaptrack_print_shows_the_figures_of_the_trace, fast)
{
    char path[256], viewer[4096];

    snprintf(viewer, sizeof viewer, "%s", needs("heaptrack_print"));
    for (unsigned which = 0; which <= EXPORT_TRACES; which++) {
        const char *trace = trace_named(which, path);
        const char *file = exported(trace, "heaptrack", "peak");

        test_note("trace %u", which);
        open_in_heaptrack(viewer, trace, file);
        unlink(file);
        end_trace(which, trace);
    }
}

/* As flamegraph.pl reads them, each stack with its number of calls behind it; and names that are
 * hostile to lines and stacks make no more of them. */
TEST(heaptrack_print_makes_stacks_of_threads_allocators_and_tags, fast)
{
    static const unsigned traces[] = {EXPORT_BUSY, EXPORT_HOSTILE};
    char viewer[4096], path[256], stacks[256];

    snprintf(viewer, sizeof viewer, "%s", needs("heaptrack_print"));
    snprintf(stacks, sizeof stacks, "%s", tools_file("stacks"));
    for (size_t i = 0; i < 2; i++) {
        const char *trace = trace_named(traces[i], path);
        const char *file = exported(trace, "heaptrack", "peak");
        const ran *r =
            tools_run((const char *const[]){viewer, "-p0", "-a0", "-T0", "-F", stacks, file, NULL});
        uint64_t sum = 0;
        size_t size;
        char *text;

        expect_words(r, i == 0 ? "Debuggee command was: /opt/serve --port 1\n"
                               : "Debuggee command was: /a b\\x0a#;\"\\\\xff<(/--x y\\x0d\\x0as");
        text = export_read(stacks, &size);
        if (i == 0)
            EXPECT(strstr(text, "\nprogram serve;thread 2 worker;allocator frames;tag parse;"
                                "blocks up to 2 KiB; ") &&
                   strstr(text, "\nprogram serve;thread 3;allocator malloc;blocks up to 2 KiB; "));
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
            size_t depth = 0;

            for (const char *at = line; *at; at++)
                depth += *at == ';';
            EXPECT(depth == 4 || depth == 5);
            sum += strtoull(strrchr(line, ' '), NULL, 10);
        }
        EXPECT_EQ(sum, export_figures(trace).requests);
        free(text);
        unlink(stacks);
        unlink(file);
        unlink(trace);
    }
}

/* ---- massif ---- */

/* 1234567 as "1,234,567". */
static const char *with_commas(uint64_t number, char text[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number), at = 0;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = 0;
    return text;
}

/* The tree of the peak has the peak's bytes, and so has its row; the last row has what is live. */
static void open_in_massif(const char *viewer, const char *trace, const char *file)
{
    figures f = export_figures(trace);
    const ran *r = tools_run((const char *const[]){viewer, file, NULL});
    char line[300], bytes[32], time[32], told[64] = "";
    const char *at, *row = NULL;

    with_commas(f.peak_bytes, bytes);
    with_commas(f.peak_time / 1000000, time);
    snprintf(told, sizeof told, " %s.%03u ", time, (unsigned)(f.peak_time / 1000 % 1000));
    snprintf(line, sizeof line,
             "%s%16s %16s             0            0\n100.00%% (%sB) (heap alloc",
             strcmp(trace, LOAM_TRACE_SMALL) == 0 ? "" : told, bytes, bytes, bytes);
    if (f.peak_bytes > 0)
        expect_words(r, line);
    if (f.peak_bytes > 0)
        expect_words(r, " (peak)");
    with_commas(f.end_bytes, bytes);
    snprintf(line, sizeof line, "%16s %16s             0            0\n", bytes, bytes);
    expect_words(r, "Number of snapshots: ");
    for (at = r->out; (at = strstr(at, line)) != NULL; at++)
        row = at;
    if (!row || strstr(row, "\n  n "))
        TEST_FAIL("the last row is not%s but:\n%s", line, row ? row : r->out);
    EXPECT_STR(r->err, "");
}

TEST(ms_print_shows_the_figures_of_the_trace, fast)
{
    char path[256], viewer[4096];

    snprintf(viewer, sizeof viewer, "%s", needs("ms_print"));
    for (unsigned which = 0; which <= EXPORT_TRACES; which++) {
        const char *trace = trace_named(which, path);
        const char *file = exported(trace, "massif", "peak");

        test_note("trace %u", which);
        open_in_massif(viewer, trace, file);
        unlink(file);
        end_trace(which, trace);
    }
}

TEST(ms_print_shows_threads_allocators_and_tags, fast)
{
    char path[256], viewer[4096];
    const char *trace, *file;
    const ran *r;

    snprintf(viewer, sizeof viewer, "%s", needs("ms_print"));
    trace = trace_named(EXPORT_BUSY, path);
    file = exported(trace, "massif", "peak");
    r = tools_run((const char *const[]){viewer, file, NULL});
    expect_words(r, "Command:            /opt/serve --port 1\n");
    expect_words(r, "time(ms)");
    expect_words(r, ": thread 2 worker (in serve)\n");
    expect_words(r, ": allocator frames (in serve)\n");
    expect_words(r, ": tag parse (in serve)\n");
    unlink(file);
    r = RUN("export", trace, "--to", "massif", "-o", file, "--time", "calls");
    EXPECT_EQ(r->code, 0);
    expect_words(tools_run((const char *const[]){viewer, file, NULL}), "time(B)");
    unlink(file);
    unlink(trace);
}

TEST(ms_print_shows_names_as_they_are, fast)
{
    char path[256], viewer[4096];
    const char *trace, *file;
    const ran *r;

    snprintf(viewer, sizeof viewer, "%s", needs("ms_print"));
    trace = trace_named(EXPORT_HOSTILE, path);
    file = exported(trace, "massif", "peak");
    r = tools_run((const char *const[]){viewer, file, NULL});
    expect_words(r, ": tag ~ hash (in a)\n");
    expect_words(r, ": tag two\\x0alines (in a)\n");
    expect_words(r, ": tag <template<x> [f[]] (in a)\n");
    expect_words(r, ": thread 14 main (in a)\n");
    unlink(file);
    unlink(trace);
}

/* ---- gperftools ---- */

static void expect_total(const char *viewer, const char *file, const char *what, uint64_t total,
                         const char *unit)
{
    const ran *r =
        tools_run((const char *const[]){viewer, "--text", "--show_bytes", what, file, NULL});
    char line[64];

    snprintf(line, sizeof line, "Total: %llu %s\n", (unsigned long long)total, unit);
    if (total > 0)
        expect_words(r, line);
    EXPECT_EQ(r->code, 0);
}

TEST(google_pprof_shows_the_figures_of_the_trace, fast)
{
    static const unsigned traces[] = {EXPORT_BUSY, EXPORT_HOSTILE, EXPORT_EMPTY, EXPORT_TRACES};
    char path[256], viewer[4096];

    snprintf(viewer, sizeof viewer, "%s", needs("google-pprof"));
    for (size_t i = 0; i < sizeof traces / sizeof *traces; i++) {
        const char *trace = trace_named(traces[i], path);
        const char *file = exported(trace, "gperftools", "peak");
        figures f = export_figures(trace);

        test_note("trace %u", traces[i]);
        expect_total(viewer, file, "--inuse_space", f.peak_bytes, "B");
        expect_total(viewer, file, "--alloc_objects", f.requests, "objects");
        unlink(file);
        file = exported(trace, "gperftools", "end");
        expect_total(viewer, file, "--inuse_space", f.end_bytes, "B");
        unlink(file);
        end_trace(traces[i], trace);
    }
}

TEST(google_pprof_shows_every_sum, slow)
{
    char path[256], viewer[4096];

    snprintf(viewer, sizeof viewer, "%s", needs("google-pprof"));
    for (unsigned which = 0; which <= EXPORT_TRACES; which++) {
        if (which == EXPORT_WIDE)
            continue; /* ten seconds for each sum */
        const char *trace = trace_named(which, path);
        const char *file = exported(trace, "gperftools", "peak");
        figures f = export_figures(trace);

        test_note("trace %u", which);
        expect_total(viewer, file, "--inuse_space", f.peak_bytes, "B");
        expect_total(viewer, file, "--inuse_objects", f.peak_blocks, "objects");
        expect_total(viewer, file, "--alloc_space", f.bytes, "B");
        expect_total(viewer, file, "--alloc_objects", f.requests, "objects");
        unlink(file);
        file = exported(trace, "gperftools", "end");
        expect_total(viewer, file, "--inuse_space", f.end_bytes, "B");
        expect_total(viewer, file, "--inuse_objects", f.end_blocks, "objects");
        unlink(file);
        end_trace(which, trace);
    }
}

/* A name comes through whole, or with its brackets changed; nothing else comes of it. */
TEST(google_pprof_shows_names_as_they_are, fast)
{
    char path[256], viewer[4096];
    const char *trace, *file;
    const ran *r;

    snprintf(viewer, sizeof viewer, "%s", needs("google-pprof"));
    trace = trace_named(EXPORT_HOSTILE, path);
    file = exported(trace, "gperftools", "peak");
    r = tools_run((const char *const[]){viewer, "--text", file, NULL});
    expect_words(r, " tag two\\x0alines\n");
    expect_words(r, " tag a-\\x2db-\\x2d\\x2dc\n");
    expect_words(r, " tag {template{x} [f[]]\n");
    expect_words(r, " tag caf\xc3\xa9 \xf0\x9f\x90\xb2\n");
    expect_words(r, " tag malloc\n");
    expect_words(r, " thread 2 two\\x0alines\n");
    unlink(file);
    unlink(trace);
}

/* ---- Chrome ---- */

/* The largest and the last value of a counter, "name" as it is in the file. False: there is none. */
static bool read_counter(const char *json, const char *name, uint64_t *most, uint64_t *last)
{
    char words[512];
    const char *at = json;
    bool found = false;

    snprintf(words, sizeof words, "\"name\":\"%s\",\"args\":{", name);
    for (*most = *last = 0; (at = strstr(at, words)) != NULL; found = true) {
        at = strchr(at + strlen(words), ':');
        EXPECT(at != NULL);
        *last = strtoull(at + 1, NULL, 10);
        *most = *last > *most ? *last : *most;
    }
    return found;
}

static void expect_counter(const char *json, const char *name, uint64_t most, uint64_t last)
{
    uint64_t got_most, got_last;

    test_note("counter %s", name);
    EXPECT(read_counter(json, name, &got_most, &got_last));
    EXPECT_EQ(got_most, most);
    EXPECT_EQ(got_last, last);
}

static char *exported_json(const char *trace)
{
    const char *file = exported(trace, "chrome", "peak"), *wrong;
    size_t size;
    char *text = export_read(file, &size);

    wrong = export_not_json(text);
    if (wrong || strlen(text) != size)
        TEST_FAIL("not JSON from byte %zu on: %.100s", (size_t)((wrong ? wrong : text) - text),
                  wrong ? wrong : "a zero byte");
    unlink(file);
    return text;
}

TEST(chrome_events_are_json_with_the_figures_of_the_trace, fast)
{
    char path[256];

    for (unsigned which = 0; which <= EXPORT_TRACES; which++) {
        const char *trace = trace_named(which, path);
        figures f = export_figures(trace);
        char *json;

        test_note("trace %u", which);
        json = exported_json(trace);
        expect_counter(json, "live bytes", f.peak_bytes, f.end_bytes);
        expect_counter(json, "live blocks", f.most_blocks, f.end_blocks);
        EXPECT_LE(strlen(json), 20000000);
        free(json);
        end_trace(which, trace);
    }
}

TEST(chrome_counts_each_allocator_and_tag, fast)
{
    static const struct {
        trace_text_kind kind;
        const char *name, *counter;
    } all[] = {{TRACE_TEXT_ALLOCATOR, "frames", "bytes of allocator frames"},
               {TRACE_TEXT_ALLOCATOR, "pool", "bytes of allocator pool"},
               {TRACE_TEXT_TAG, "parse", "bytes of tag parse"},
               {TRACE_TEXT_TAG, "draw", "bytes of tag draw"}};
    char path[256];
    const char *trace = trace_named(EXPORT_BUSY, path);
    char *json = exported_json(trace);

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        figures f = export_figures_of(trace, all[i].kind, all[i].name);

        expect_counter(json, all[i].counter, f.peak_bytes, f.end_bytes);
    }
    EXPECT(strstr(json, "\"process_name\",\"args\":{\"name\":\"serve\"}") != NULL);
    EXPECT(strstr(json, "\"pid\":4321,\"tid\":2,\"ts\":0.000,\"name\":\"thread_name\",\"args\":"
                        "{\"name\":\"thread 2 worker\"}") != NULL);
    EXPECT(strstr(json, "\"name\":\"bulk\",\"s\":\"t\",\"args\":{\"from\":\"allocator frames\","));
    free(json);
    unlink(trace);
}

/* ---- profile.proto ---- */

typedef struct field {
    unsigned number;
    uint64_t value;    /* of a varint */
    const char *bytes; /* of what has a length; else NULL */
    size_t length;
} field;

static uint64_t read_varint(const char **at, const char *end)
{
    uint64_t value = 0;

    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        unsigned char byte = (unsigned char)*(*at)++;

        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return value;
    }
    TEST_FAIL("a number has no end");
}

/* The next field of a message. False: it is over. */
static bool read_field(const char **at, const char *end, field *f)
{
    uint64_t head;

    if (*at == end)
        return false;
    head = read_varint(at, end);
    *f = (field){.number = (unsigned)(head >> 3)};
    f->value = read_varint(at, end);
    if ((head & 7) == 0)
        return true;
    EXPECT_EQ(head & 7, 2);
    EXPECT_LE(f->value, end - *at);
    f->bytes = *at;
    f->length = (size_t)f->value;
    *at += f->length;
    return true;
}

enum { VALUES = 6, STRINGS = 300000 };

typedef struct profile {
    field *strings;
    uint64_t string_count, locations, functions, samples;
    uint64_t sums[VALUES];
    uint64_t types[VALUES], units[VALUES], type_count, default_type;
    uint64_t names[STRINGS]; /* of functions by id - 1 */
} profile;

static void read_sample(profile *p, const field *sample)
{
    const char *at = sample->bytes, *end = at + sample->length;
    uint64_t places = 0, values = 0, last = 0;
    field f;

    while (read_field(&at, end, &f)) {
        const char *inner = f.bytes, *stop = f.bytes ? f.bytes + f.length : NULL;

        for (; f.number == 1 && inner < stop; places++)
            last = read_varint(&inner, stop);
        for (; f.number == 2 && inner < stop; values++) {
            EXPECT(values < VALUES);
            p->sums[values] += read_varint(&inner, stop);
        }
    }
    EXPECT_EQ(values, VALUES);
    EXPECT(places >= 2 && places <= 5 && last == 1); /* the program is the root of all */
    p->samples++;
}

static uint64_t number_of(const field *message, unsigned number)
{
    const char *at = message->bytes, *end = at + message->length;
    field f;

    while (read_field(&at, end, &f))
        if (f.number == number && !f.bytes)
            return f.value;
    return 0;
}

static void read_part(profile *p, const field *f)
{
    switch (f->number) {
    case 1:
        EXPECT(p->type_count < VALUES);
        p->types[p->type_count] = number_of(f, 1);
        p->units[p->type_count++] = number_of(f, 2);
        break;
    case 2:
        read_sample(p, f);
        break;
    case 4:
        EXPECT_EQ(number_of(f, 1), ++p->locations);
        break;
    case 5:
        EXPECT_EQ(number_of(f, 1), ++p->functions);
        p->names[p->functions - 1] = number_of(f, 2);
        break;
    case 6:
        EXPECT(p->string_count < STRINGS);
        p->strings[p->string_count++] = *f;
        break;
    case 14:
        p->default_type = f->value;
        break;
    default:;
    }
}

static bool is_string(const profile *p, uint64_t number, const char *words)
{
    return number < p->string_count && p->strings[number].length == strlen(words) &&
           memcmp(p->strings[number].bytes, words, strlen(words)) == 0;
}

static profile *read_profile(const char *text, size_t size)
{
    profile *p = calloc(1, sizeof *p);
    const char *at = text;
    field f;

    EXPECT(p != NULL && (p->strings = calloc(STRINGS, sizeof *p->strings)) != NULL);
    while (read_field(&at, text + size, &f))
        read_part(p, &f);
    return p;
}

static void expect_profile(const profile *p, const figures *f, const char *usual)
{
    static const char *const types[] = {"alloc_objects", "alloc_space",  "inuse_objects",
                                        "inuse_space",   "peak_objects", "peak_space"};
    const uint64_t sums[] = {f->requests,  f->bytes,       f->end_blocks,
                             f->end_bytes, f->peak_blocks, f->peak_bytes};

    EXPECT_EQ(p->type_count, VALUES);
    EXPECT(is_string(p, 0, "") && is_string(p, p->default_type, usual));
    for (size_t i = 0; i < VALUES; i++) {
        test_note("%s", types[i]);
        EXPECT(is_string(p, p->types[i], types[i]));
        EXPECT(is_string(p, p->units[i], i % 2 ? "bytes" : "count"));
        EXPECT_EQ(p->sums[i], sums[i]);
    }
    EXPECT_EQ(p->locations, p->functions);
    for (uint64_t i = 0; i < p->functions; i++)
        EXPECT(p->names[i] > 0 && p->names[i] < p->string_count);
}

TEST(pprof_profiles_have_the_figures_of_the_trace, fast)
{
    char path[256];

    for (unsigned which = 0; which <= EXPORT_TRACES; which++) {
        const char *trace = trace_named(which, path);
        const char *file = exported(trace, "pprof", which % 2 ? "end" : "peak");
        figures f = export_figures(trace);
        size_t size;
        char *text = export_read(file, &size);
        profile *p = read_profile(text, size);

        expect_profile(p, &f, which % 2 ? "inuse_space" : "peak_space");
        free(p->strings);
        free(p);
        free(text);
        unlink(file);
        end_trace(which, trace);
    }
}

/* ---- the command ---- */

TEST(export_has_help_and_refuses_what_it_does_not_know, fast)
{
    const ran *r = RUN("export", "--help");

    EXPECT_EQ(r->code, 0);
    EXPECT(strstr(r->out, "Usage: loam export ") == r->out && r->err[0] == 0);
    EXPECT_EQ(RUN("export", LOAM_TRACE_SMALL)->code, 2);
    EXPECT_EQ(RUN("export", LOAM_TRACE_SMALL, "--to", "png")->code, 2);
    EXPECT_EQ(RUN("export", "--to", "massif")->code, 2);
    EXPECT_EQ(RUN("export", "--to", "massif", LOAM_TRACE_SMALL, LOAM_TRACE_SMALL)->code, 2);
    EXPECT_EQ(RUN("export", "--to", "massif", "--time", "moon", LOAM_TRACE_SMALL)->code, 2);
    EXPECT_EQ(RUN("export", "--to", "massif", "--at", "noon", LOAM_TRACE_SMALL)->code, 2);
    r = RUN("export", "--to", "massif", "-o", LOAM_TRACE_SMALL, LOAM_TRACE_SMALL);
    EXPECT_EQ(r->code, 2);
    EXPECT(strstr(r->err, "is the trace itself") != NULL);
    r = RUN("export", "--to", "massif", "-o", "/no/such/folder/x", LOAM_TRACE_SMALL);
    EXPECT_EQ(r->code, 1);
    EXPECT(strstr(r->err, "/no/such/folder/x: cannot be written: ") != NULL);
}

/* Standard output has what the file has. */
TEST(export_writes_to_standard_output, fast)
{
    for (size_t i = 0; i < FORMATS; i++) {
        char path[256];
        const char *trace = trace_named(EXPORT_HUGE, path), *file;
        size_t size;
        char *text;
        const ran *r;

        test_note("%s", formats[i]);
        file = exported(trace, formats[i], "peak");
        text = export_read(file, &size);
        r = RUN("export", trace, "--to", formats[i], "-o", "-");
        EXPECT_EQ(r->code, 0);
        EXPECT(size < OUTPUT && memcmp(r->out, text, size) == 0 && r->out[size] == 0);
        free(text);
        unlink(file);
        unlink(trace);
    }
}

/* A full disk is told of. */
TEST(export_tells_of_a_full_disk, fast)
{
    if (access("/dev/full", W_OK) != 0)
        TEST_SKIP("there is no /dev/full");
    for (size_t i = 0; i < FORMATS; i++) {
        const ran *r = RUN("export", LOAM_TRACE_SMALL, "--to", formats[i], "-o", "/dev/full");

        test_note("%s", formats[i]);
        EXPECT_EQ(r->code, 1);
        EXPECT(strstr(r->err, "/dev/full: cannot be written: No space") != NULL);
    }
}

/* Nothing is left behind of a trace that is cut off, and what was there stays. */
TEST(export_leaves_nothing_of_a_bad_trace, fast)
{
    char path[256], part[300], to[256];
    size_t size;
    char *text = export_read(LOAM_TRACE_SMALL, &size), *kept;
    FILE *file;

    snprintf(path, sizeof path, "%s", tools_file("bad"));
    snprintf(to, sizeof to, "%s", tools_file("to"));
    snprintf(part, sizeof part, "%s.part", to);
    file = fopen(path, "wb");
    text[64 + 16 * 1000 + 4] = 99;
    EXPECT(file != NULL && fwrite(text, 1, size, file) == size && fclose(file) == 0);
    file = fopen(to, "wb");
    EXPECT(file != NULL && fputs("kept", file) >= 0 && fclose(file) == 0);
    for (size_t i = 0; i < FORMATS; i++) {
        const ran *r = RUN("export", path, "--to", formats[i], "-o", to);

        EXPECT_EQ(r->code, 1);
        EXPECT(strstr(r->err, "at byte 16068: unknown operation 99") != NULL);
        EXPECT(access(part, F_OK) != 0);
    }
    kept = export_read(to, &size);
    EXPECT_STR(kept, "kept");
    free(kept);
    free(text);
    unlink(path);
    unlink(to);
}

TEST_MAIN
