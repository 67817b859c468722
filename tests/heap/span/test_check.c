/* test_check.c: what loam_span_check() notices: each word that it looks at, broken in turn. */
#include "heap/span/span_support.h"

#include <string.h>

static world the;

typedef struct seen {
    char properties[32];
} seen;

static void note(void *context, const char *property, const void *where)
{
    seen *s = (seen *)context;

    EXPECT(where);
    EXPECT(property[0] == 'S' && property[1] > '0' && property[1] <= '9' && property[2] == ':');
    s->properties[property[1] - '0'] = 1;
}

/* The property is among those that are reported. */
static void expect_noticed(unsigned property)
{
    seen s = {{0}};

    EXPECT(!loam_span_check(&the.span, note, &s));
    EXPECT(!loam_span_check(&the.span, NULL, NULL));
    if (!s.properties[property])
        TEST_FAIL("S%u was broken, and others were reported", property);
}

/* A word broken, noticed, and mended. */
#define BREAK(word, value, property)                                                               \
    do {                                                                                           \
        size_t before_ = (size_t)(word);                                                           \
        (word) = (value);                                                                          \
        expect_noticed(property);                                                                  \
        (word) = (__typeof__(word))before_;                                                        \
        EXPECT(loam_span_check(&the.span, NULL, NULL));                                            \
    } while (0)

/*   | 5 free | 3 held | 9 free | 1 in a stack | 2 held | the rest free, clean |      two chunks */
static loam_record *records[6];

static void begin(void)
{
    static const size_t counts[6] = {5, 3, 9, 1, 2, 3};
    char *at[6];

    world_begin(&the, 1, 2, &(loam_span_config){.at_once = true, .chunks = LOAM_SPAN_PURGE});
    for (size_t i = 0; i < 6; i++) {
        at[i] = (char *)must_take(&the.span, counts[i], 1);
        records[i] = loam_region_record(&the.regions[0], loam_region_index(&the.regions[0], at[i]));
    }
    loam_span_give(&the.span, at[0], 5);
    loam_span_give(&the.span, at[2], 9);
    loam_span_give(&the.span, at[3], 1);
    loam_span_give(&the.span, at[5], 3);
    world_expect_good(&the);
}

static loam_record *after(loam_record *record, size_t count)
{
    return (loam_record *)((char *)record + count * the.regions[0].stride);
}

static uint32_t *opaque(loam_record *record, size_t word)
{
    return (uint32_t *)loam_record_opaque(record) + word;
}

TEST(records, fast)
{
    begin();
    BREAK(records[1]->extent, 4u << 8 | LOAM_REGION_DIRTY, 1);
    BREAK(records[1]->extent, 0, 1);
    BREAK(after(records[1], 1)->place, 0, 1);
    BREAK(after(records[0], 2)->place, KIND, 1);
    BREAK(after(records[2], 8)->place, LOAM_SPAN_KIND_FREE, 4);
    BREAK(after(records[0], 3)->extent, 0, 4);
    BREAK(after(records[0], 3)->extent, LOAM_REGION_DECOMMITTED, 4);
    BREAK(after(records[0], 3)->owner, &the, 8);
    BREAK(*opaque(after(records[0], 2), 5), 1, 8);
    BREAK(*opaque(records[0], 11), 1, 8);
    BREAK(*opaque(records[3], 1), 1, 8);
    world_end(&the);
}

TEST(free_runs, fast)
{
    begin();
    for (size_t word = 0; word < 3; word++) /* of the tree */
        BREAK(*opaque(records[0], word), *opaque(records[0], word) ^ 3, 3);
    BREAK(*opaque(records[0], 3), 4, 4);
    BREAK(*opaque(records[0], 4), 1, 4);
    BREAK(*opaque(records[0], 5), 99, 5);
    BREAK(*opaque(records[0], 6), (uint32_t)15 << 24, 5);
    BREAK(*opaque(records[0], 8), LOAM_SPAN_CLEAN, 3);
    BREAK(*opaque(records[0], 8), 7, 3);
    BREAK(*opaque(records[3], 0), 2, 6);
    world_end(&the);
}

TEST(figures, fast)
{
    loam_span *span = &the.span;

    begin();
    BREAK(span->live, span->live + 1, 7);
    BREAK(span->live_runs, 7, 7);
    BREAK(span->peak, 0, 7);
    BREAK(span->warm, 3, 7);
    BREAK(span->cold, 3, 7);
    BREAK(span->empty, 9, 7);
    BREAK(span->owned, 64 * 5, 9);
    BREAK(span->front, 2, 6);
    BREAK(span->front_runs[0], 2, 6);
    BREAK(span->fronts[0], 0, 6);
    BREAK(span->oldest, 0, 5);
    BREAK(span->newest, 0, 5);
    BREAK(span->roots[LOAM_SPAN_WARM], 0, 3);
    BREAK(span->free_runs[LOAM_SPAN_CLEAN], 5, 3);
    BREAK(span->grounds[0].chunks[0], 2, 9);
    world_end(&the);
}

TEST_MAIN
