/* export_support.c: traces to export, and what they add up to. */
#include "export_support.h"

#include "tools/recorder/src/trace_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- figures ---- */

static bool is_of(const trace_reader *reader, const trace_item *item, trace_text_kind kind,
                  const char *name)
{
    uint32_t number = kind == TRACE_TEXT_TAG ? item->tag : item->allocator;
    trace_text_kind got;

    return !name || (number && strcmp(trace_reader_text(reader, number, &got), name) == 0);
}

static void count(figures *f, const trace_item *item)
{
    f->end_bytes += item->size - item->before;
    f->end_blocks += item->op == TRACE_FREE ? (uint64_t)-1 : item->op != TRACE_RESIZE;
    f->requests += item->op != TRACE_FREE;
    f->bytes += item->op != TRACE_FREE ? item->size : 0;
    if (f->end_blocks > f->most_blocks)
        f->most_blocks = f->end_blocks;
    if (f->end_bytes > f->peak_bytes) {
        f->peak_bytes = f->end_bytes;
        f->peak_blocks = f->end_blocks;
        f->peak_time = item->time;
    }
}

figures export_figures_of(const char *file, trace_text_kind kind, const char *name)
{
    trace_error error = {0, ""};
    trace_reader *reader = trace_reader_open(file, &error);
    trace_result got = TRACE_WRONG;
    trace_item item;
    figures f = {0};

    while (reader && (got = trace_reader_next(reader, &item, &error)) == TRACE_GOT)
        if (item.op <= TRACE_ALLOC_ALIGNED && is_of(reader, &item, kind, name))
            count(&f, &item);
    if (got != TRACE_DONE)
        TEST_FAIL("%s: at byte %llu: %s", file, (unsigned long long)error.offset, error.reason);
    trace_reader_close(reader);
    return f;
}

figures export_figures(const char *file)
{
    return export_figures_of(file, TRACE_TEXT_TAG, NULL);
}

/* ---- traces ---- */

enum { LIVE = 400, THREADS = 3 };

typedef struct maker {
    loam_trace_writer writer;
    uint32_t free[LIVE]; /* slots */
    size_t free_count;
    uint32_t slots;
    struct {
        uint64_t size, born;
        uint32_t slot;
        unsigned owner;
    } live[LIVE]; /* in the order of birth */
    size_t live_count;
} maker;

static bool write_bytes(void *context, const void *bytes, size_t size)
{
    return fwrite(bytes, 1, size, context) == size;
}

static void take(maker *m, unsigned owner, uint16_t thread, uint64_t size)
{
    uint32_t slot = m->free_count ? m->free[--m->free_count] : m->slots++;
    uint64_t born = loam_trace_writer_alloc(&m->writer, LOAM_TRACE_ALLOC, slot, 0, thread, size);

    EXPECT(m->live_count < LIVE);
    m->live[m->live_count].size = size;
    m->live[m->live_count].born = born;
    m->live[m->live_count].slot = slot;
    m->live[m->live_count++].owner = owner;
}

static void forget(maker *m, size_t at)
{
    m->free[m->free_count++] = m->live[at].slot;
    memmove(m->live + at, m->live + at + 1, (--m->live_count - at) * sizeof *m->live);
}

static void give(maker *m, size_t at, uint16_t thread)
{
    loam_trace_writer_free(&m->writer, m->live[at].slot, thread, m->live[at].size);
    forget(m, at);
}

/* An owner gives back all of its younger blocks. */
static void give_in_bulk(maker *m, unsigned owner, uint32_t allocator, size_t from)
{
    uint64_t since = m->live[from].born, blocks = 0, bytes = 0;

    for (size_t i = m->live_count; i-- > from;)
        if (m->live[i].owner == owner) {
            blocks++;
            bytes += m->live[i].size;
            forget(m, i);
        }
    loam_trace_writer_bulk(&m->writer, 1, allocator, since, blocks, bytes);
}

static uint32_t say(maker *m, unsigned kind, uint16_t thread, const char *words)
{
    return loam_trace_writer_text(&m->writer, kind, thread, words, strlen(words));
}

static void make_busy(maker *m)
{
    test_rng rng;
    uint32_t owners[3] = {0}, tags[3] = {0};

    say(m, LOAM_TRACE_PROGRAM, 0, "/opt/serve --port 1");
    owners[1] = say(m, LOAM_TRACE_ALLOCATOR, 0, "frames");
    owners[2] = say(m, LOAM_TRACE_ALLOCATOR, 0, "pool");
    tags[1] = say(m, LOAM_TRACE_TAG, 0, "parse");
    tags[2] = say(m, LOAM_TRACE_TAG, 0, "draw");
    say(m, LOAM_TRACE_THREAD, 1, "main");
    say(m, LOAM_TRACE_THREAD, 2, "worker");
    test_rng_init(&rng, test_seed());
    for (size_t i = 0; i < 20000; i++) {
        uint16_t thread = (uint16_t)(1 + test_rng_below(&rng, THREADS));
        unsigned owner = (unsigned)test_rng_below(&rng, 3);
        size_t at = m->live_count ? (size_t)test_rng_below(&rng, m->live_count) : 0;

        loam_trace_writer_time(&m->writer, i * 50000 + 7);
        if (m->live_count < LIVE && test_rng_below(&rng, 100) < 55) {
            loam_trace_writer_scope(&m->writer, thread, owners[owner],
                                    tags[test_rng_below(&rng, 3)]);
            take(m, owner, thread, test_rng_below(&rng, 2000));
        } else if (m->live_count > 0 && test_rng_below(&rng, 100) < 20) {
            uint64_t size = test_rng_below(&rng, 4000);

            loam_trace_writer_resize(&m->writer, m->live[at].slot, thread, m->live[at].size, size);
            m->live[at].size = size;
        } else if (m->live_count > 0 && i % 50 == 0) {
            give_in_bulk(m, 1, owners[1], at);
        } else if (m->live_count > 0) {
            give(m, at, thread);
        }
    }
}

static void make_hostile(maker *m)
{
    static const char *const words[] = {"",
                                        "two\nlines",
                                        "\"quoted\\",
                                        "}],{[\"",
                                        "semi;colon,comma",
                                        "# hash",
                                        "a--b---c",
                                        "<template<x> (f())",
                                        ")(",
                                        "\x01\x1b[31m\x7f",
                                        "caf\xc3\xa9 \xf0\x9f\x90\xb2",
                                        "\xff\xfe\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80",
                                        "%s%n%999999d",
                                        "main",
                                        "malloc",
                                        "n3: 5 0x1: x",
                                        "\xe2\x82"};
    static char longest[4097];

    memset(longest, '\xee', sizeof longest - 1);
    say(m, LOAM_TRACE_PROGRAM, 0, "/a b\n#;\"\\\xff<(/--x y\r\nsnapshot=7\n+ 1");
    for (uint32_t i = 0; i <= sizeof words / sizeof *words; i++) {
        const char *name = i < sizeof words / sizeof *words ? words[i] : longest;
        uint16_t thread = (uint16_t)(i + 1);
        uint32_t allocator = say(m, LOAM_TRACE_ALLOCATOR, 0, name);
        uint32_t tag = say(m, LOAM_TRACE_TAG, 0, name), again = say(m, LOAM_TRACE_TAG, 0, name);

        say(m, LOAM_TRACE_THREAD, thread, name);
        loam_trace_writer_scope(&m->writer, thread, allocator, tag);
        take(m, i, thread, 100 + i);
        loam_trace_writer_scope(&m->writer, thread, allocator, again);
        take(m, i, thread, 1000 + i);
        give_in_bulk(m, i, allocator, m->live_count - 1);
    }
}

static void make_huge(maker *m, bool still)
{
    for (unsigned power = 0; power <= 47; power++) {
        if (!still)
            loam_trace_writer_time(&m->writer, (uint64_t)1000000 << power % 20);
        take(m, 0, 1, power == 0 ? 0 : (uint64_t)1 << power);
        if (power % 3 == 1)
            give(m, m->live_count - 1, 1);
    }
}

static void make_small(maker *m)
{
    uint32_t allocator, tag;

    say(m, LOAM_TRACE_PROGRAM, 0, "p q");
    allocator = say(m, LOAM_TRACE_ALLOCATOR, 0, "arena");
    tag = say(m, LOAM_TRACE_TAG, 0, "tag");
    say(m, LOAM_TRACE_THREAD, 2, "worker");
    take(m, 0, 1, 100);
    loam_trace_writer_time(&m->writer, 5000000);
    loam_trace_writer_scope(&m->writer, 2, allocator, tag);
    take(m, 1, 2, 3000);
    take(m, 1, 2, 40);
    loam_trace_writer_resize(&m->writer, m->live[0].slot, 2, m->live[0].size, 70000);
    m->live[0].size = 70000;
    give_in_bulk(m, 1, allocator, 1);
    loam_trace_writer_time(&m->writer, 90000000);
    take(m, 1, 2, 7);
    give(m, 0, 1);
}

static void make_wide(maker *m)
{
    for (uint32_t i = 0; i < 40000; i++) {
        char name[16];
        uint32_t tag;

        snprintf(name, sizeof name, "tag%u", i % 300);
        tag = i < 300 ? say(m, LOAM_TRACE_TAG, 0, name) : 1 + i % 300;
        loam_trace_writer_scope(&m->writer, (uint16_t)(1 + i), 0, tag);
        take(m, 0, (uint16_t)(1 + i), 10 + i % 7);
        if (m->live_count > 200)
            give(m, i % 200, (uint16_t)(1 + i));
    }
}

void export_write(export_trace which, const char *file)
{
    maker *m = calloc(1, sizeof *m);
    FILE *to = fopen(file, "wb");
    loam_trace_about about = {false, UINT64_C(1700000000) * 1000000000, 4321, 10000};

    EXPECT(m != NULL && to != NULL);
    loam_trace_writer_begin(&m->writer, &about, write_bytes, to);
    if (which == EXPORT_BUSY)
        make_busy(m);
    else if (which == EXPORT_HOSTILE)
        make_hostile(m);
    else if (which == EXPORT_HUGE || which == EXPORT_STILL)
        make_huge(m, which == EXPORT_STILL);
    else if (which == EXPORT_SMALL)
        make_small(m);
    else if (which == EXPORT_WIDE)
        make_wide(m);
    EXPECT(loam_trace_writer_end(&m->writer, 0));
    fclose(to);
    free(m);
}

/* ---- files and programs ---- */

const char *export_viewer(const char *name)
{
    static char path[4096];
    const char *at = getenv("PATH");

    while (at && *at) {
        size_t length = strcspn(at, ":");

        if (snprintf(path, sizeof path, "%.*s/%s", (int)length, at, name) < (int)sizeof path &&
            access(path, X_OK) == 0)
            return path;
        at += length + (at[length] == ':');
    }
    return NULL;
}

char *export_read(const char *file, size_t *size)
{
    FILE *from = fopen(file, "rb");
    char *text;
    long length;

    EXPECT(from != NULL && fseek(from, 0, SEEK_END) == 0);
    length = ftell(from);
    EXPECT(length >= 0 && fseek(from, 0, SEEK_SET) == 0);
    *size = (size_t)length;
    text = malloc(*size + 1);
    EXPECT(text != NULL && fread(text, 1, *size, from) == *size);
    text[*size] = 0;
    fclose(from);
    return text;
}

/* ---- JSON ---- */

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* Behind a character of UTF-8; NULL: it is none, or must be escaped. */
static const char *behind_character(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    unsigned length = *at < 0x80       ? 1
                      : *at >> 5 == 6  ? 2
                      : *at >> 4 == 14 ? 3
                      : *at >> 3 == 30 ? 4
                                       : 0;
    static const uint32_t least[] = {0, 0x20, 0x80, 0x800, 0x10000};
    uint32_t value = length == 1 ? *at : *at & (0x7fu >> length);

    for (unsigned i = 1; i < length; i++) {
        if (at[i] >> 6 != 2)
            return NULL;
        value = value << 6 | (at[i] & 0x3f);
    }
    if (length == 0 || value < least[length] || value > 0x10ffff || value >> 11 == 27)
        return NULL;
    return text + length;
}

/* Behind a value, or NULL; *wrong tells where it ends to be one. */
static const char *behind_value(const char *at, const char **wrong);

static const char *behind_string(const char *at, const char **wrong)
{
    if (*at != '"') {
        *wrong = at;
        return NULL;
    }
    for (at++; *at != '"';) {
        const char *next = *at == '\\' && at[1] && strchr("\"\\/bfnrt", at[1]) ? at + 2
                           : *at == '\\'                                       ? NULL
                                         : behind_character(at);

        if (!next) {
            *wrong = at;
            return NULL;
        }
        at = next;
    }
    return at + 1;
}

static const char *behind_list(const char *at, char end, const char **wrong)
{
    at = skip_blanks(at + 1);
    while (*at != end) {
        if (end == '}') {
            at = behind_string(at, wrong);
            at = at ? skip_blanks(at) : NULL;
            if (!at || *at != ':')
                return NULL;
            at++;
        }
        at = behind_value(skip_blanks(at), wrong);
        if (!at)
            return NULL;
        at = skip_blanks(at);
        if (*at != end && (*at != ',' || skip_blanks(at + 1)[0] == end)) {
            *wrong = at;
            return NULL;
        }
        at = *at == ',' ? skip_blanks(at + 1) : at;
    }
    return at + 1;
}

static const char *behind_value(const char *at, const char **wrong)
{
    char *end;

    *wrong = at;
    if (*at == '{')
        return behind_list(at, '}', wrong);
    if (*at == '[')
        return behind_list(at, ']', wrong);
    if (*at == '"')
        return behind_string(at, wrong);
    if (*at < '0' || *at > '9')
        return NULL;
    (void)strtod(at, &end);
    return end;
}

const char *export_not_json(const char *text)
{
    const char *wrong = text, *end = behind_value(skip_blanks(text), &wrong);

    if (!end)
        return wrong;
    end = skip_blanks(end);
    return *end ? end : NULL;
}
