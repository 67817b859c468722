/* What `loam view` makes of traces that are cut off or changed: an error or a page, and never anything
 * else. Most of them within this process, where a sanitizer sees every byte. */
#include "view_support.h"

#include "view_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FLIPS = 10000 };

/* Reads a trace as the command does, and writes the page to nowhere. Returns whether it is good. */
static bool view(const unsigned char *bytes, size_t size)
{
    static view_series series;
    trace_error error;
    trace_item item;
    trace_result got = TRACE_WRONG;
    view_data data = {.title = "damaged", .file = "damaged", .series = &series};
    out *to;

    view_series_init(&series);
    series.reader = trace_reader_open_memory(bytes, size, &error);
    while (series.reader && (got = trace_reader_next(series.reader, &item, &error)) == TRACE_GOT)
        view_series_see(&series, &item);
    if (got == TRACE_DONE) {
        view_series_end(&series);
        to = out_begin("/dev/null", 1);
        EXPECT(view_write_page(to, &data));
        EXPECT(out_end(to, true) == NULL);
    } else {
        EXPECT(error.reason[0] != 0 && error.offset <= size);
    }
    trace_reader_close(series.reader);
    view_series_deinit(&series);
    return got == TRACE_DONE;
}

/* Bytes of a copy that is as big as it looks, so that what is read behind its end is seen. */
static unsigned char *copy(const unsigned char *bytes, size_t size)
{
    unsigned char *made = malloc(size ? size : 1);

    EXPECT(made != NULL);
    memcpy(made, bytes, size);
    return made;
}

static void damage(const unsigned char *bytes, size_t size, size_t flips, size_t *good)
{
    test_rng rng;

    test_rng_init(&rng, test_seed());
    for (size_t cut = 0; cut < size; cut++) {
        unsigned char *part = copy(bytes, cut);

        if (view(part, cut))
            TEST_FAIL("cut at %zu of %zu bytes, it is taken for a trace", cut, size);
        free(part);
    }
    EXPECT(view(bytes, size));
    *good = 0;
    for (size_t i = 0; i < flips; i++) {
        unsigned char *changed = copy(bytes, size);

        changed[test_rng_below(&rng, size)] ^= (unsigned char)(1 + test_rng_below(&rng, 255));
        *good += view(changed, size);
        free(changed);
    }
}

TEST(damage_to_version_2_is_an_error, fast)
{
    size_t good;
    sink s;

    view_rich(&s);
    damage(s.bytes, s.size, FLIPS, &good);
    EXPECT_EQ(good, 0);
    free(s.bytes);
}

static const view_call some[] = {
    {TRACE_ALLOC, 0, 100},     {TRACE_ALLOC, 1, 0}, {TRACE_ALLOC_ZEROED, 2, 5000},
    {TRACE_RESIZE, 0, 70000},  {TRACE_FREE, 1, 0},  {TRACE_ALLOC_ALIGNED, 1, 64},
    {TRACE_ALLOC, 3, 1 << 20}, {TRACE_FREE, 3, 0},  {TRACE_FREE, 2, 0},
    {TRACE_ALLOC, 2, 24},
};

static unsigned char *read_some(size_t *size)
{
    enum { CALLS = sizeof some / sizeof *some };
    const char *path = view_plain("some", some, CALLS);
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = malloc(64 + 16 * CALLS);

    EXPECT(file != NULL && bytes != NULL);
    *size = fread(bytes, 1, 64 + 16 * CALLS, file);
    EXPECT_EQ(*size, 64 + 16 * CALLS);
    fclose(file);
    unlink(path);
    return bytes;
}

TEST(damage_to_version_1_is_an_error_or_a_page, fast)
{
    size_t size, good;
    unsigned char *bytes = read_some(&size);

    damage(bytes, size, FLIPS, &good);
    free(bytes);
}

/* The command itself, which replays as well: no signal, nothing but 0 and 1. */
TEST(the_command_survives_damage, slow)
{
    test_rng rng;
    size_t size;
    unsigned char *bytes = read_some(&size);

    test_rng_init(&rng, test_seed());
    for (size_t i = 0; i < 400; i++) {
        unsigned char *changed = copy(bytes, size);
        size_t cut = i < 200 ? size : (size_t)test_rng_below(&rng, size);
        const char *path;
        const ran *r;

        changed[test_rng_below(&rng, size)] ^= (unsigned char)(1 + test_rng_below(&rng, 255));
        path = view_file("changed", changed, cut);
        r = RUN("view", path, "-o", "/dev/null");
        if (r->code != 0 && r->code != 1)
            TEST_FAIL("round %zu: it ended with %d:\n%s", i, r->code, r->err);
        if (strstr(r->err, "signal"))
            TEST_FAIL("round %zu: %s", i, r->err);
        unlink(path);
        free(changed);
    }
    free(bytes);
}
