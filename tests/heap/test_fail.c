/* test_fail.c: each call that a growing heap makes of its source, refused once and for ever. */
#include "heap/heap_support.h"

#include "support/blocks.h"
#include "support/fail_each.h"

#include <string.h>

typedef enum what { TAKE, TAKE_ZERO, TAKE_ALIGNED, CHANGE, CHANGE_ALIGNED, DROP } what;

typedef struct move {
    what kind;
    size_t size, align; /* of CHANGE and DROP: `align` is the number of the block */
} move;

static const move plan[] = {
    {TAKE, 100, 0},
    {TAKE, 3000, 0},
    {TAKE_ZERO, 9000, 0},
    {CHANGE, 20000, 1},
    {TAKE_ALIGNED, 500, 4096},
    {DROP, 0, 0},
    {TAKE, 60000, 0},
    {CHANGE, 90000, 4},
    {CHANGE_ALIGNED, 50000, 3},
    {TAKE_ZERO, 200000, 0},
    {DROP, 0, 4},
    {CHANGE, 300000, 5},
    {TAKE_ALIGNED, 64, 65536},
    {CHANGE_ALIGNED, 7000, 6},
    {DROP, 0, 5},
    {TAKE, 150000, 0},
    {CHANGE, 10, 7},
    {TAKE, 400000, 0},
};

enum { MOVES = sizeof plan / sizeof *plan, BLOCKS = 20 };

typedef struct subject {
    loam_allocator source;
    loam_heap_config config;
    loam_heap *heap;
    test_block blocks[BLOCKS];
    size_t count, at, failures;
} subject;

static void begin(void *context, loam_allocator allocator)
{
    subject *s = (subject *)context;
    loam_heap_config config = s->config;

    memset(s, 0, sizeof *s);
    s->config = config;
    s->source = allocator;
}

static bool take(subject *s, const move *m)
{
    test_block *b = &s->blocks[s->count];
    size_t align = m->kind == TAKE_ALIGNED ? m->align : 8;
    void *ptr;

    if (m->kind == TAKE_ZERO)
        ptr = loam_heap_zalloc(s->heap, m->size);
    else if (m->kind == TAKE_ALIGNED)
        ptr = loam_heap_alloc_aligned(s->heap, m->size, align);
    else
        ptr = loam_heap_alloc(s->heap, m->size);
    if (!ptr)
        return false;
    EXPECT(is_aligned(ptr, align));
    if (m->kind == TAKE_ZERO)
        EXPECT(is_zero(ptr, m->size));
    *b = (test_block){(unsigned char *)ptr, m->size, align, 0, s->count * 77};
    test_block_fill(b);
    s->count++;
    return true;
}

static bool change(subject *s, const move *m)
{
    test_block *b = &s->blocks[m->align];
    void *ptr = m->kind == CHANGE ? loam_heap_realloc(s->heap, b->ptr, m->size)
                                  : loam_heap_realloc_aligned(s->heap, b->ptr, m->size, b->align);

    if (!ptr)
        return false;
    EXPECT(test_block_found_at(b, ptr, m->size < b->size ? m->size : b->size));
    EXPECT(m->kind == CHANGE || is_aligned(ptr, b->align));
    b->ptr = (unsigned char *)ptr;
    b->size = m->size;
    test_block_fill(b);
    return true;
}

static void drop(subject *s, size_t n)
{
    loam_heap_dealloc_sized(s->heap, s->blocks[n].ptr, s->blocks[n].size);
    s->blocks[n].ptr = NULL;
}

static bool do_move(subject *s, const move *m)
{
    if (m->kind == DROP) {
        drop(s, m->align);
        return true;
    }
    return m->kind >= CHANGE ? change(s, m) : take(s, m);
}

static bool step(void *context)
{
    subject *s = (subject *)context;

    if (!s->heap && !(s->heap = loam_heap_create(s->source, &s->config)))
        return false;
    for (; s->at < MOVES; s->at++) {
        loam_stats before = heap_stats(s->heap), after;

        if (do_move(s, &plan[s->at]))
            continue;
        after = heap_stats(s->heap);
        EXPECT_EQ(after.failures, before.failures + 1);
        EXPECT_EQ(after.live, before.live);
        EXPECT_EQ(after.blocks, before.blocks);
        EXPECT_EQ(after.peak, before.peak);
        EXPECT_EQ(after.committed, before.committed);
        return false;
    }
    return true;
}

static void check(void *context, bool done)
{
    subject *s = (subject *)context;
    size_t live = 0;

    EXPECT(!done || s->at == MOVES);
    if (!s->heap)
        return;
    EXPECT_GOOD_HEAP(s->heap);
    for (size_t i = 0; i < s->count; i++) {
        if (!s->blocks[i].ptr)
            continue;
        EXPECT(test_block_intact(&s->blocks[i]));
        live++;
    }
    EXPECT_EQ(heap_stats(s->heap).blocks, live);
}

static void end(void *context)
{
    subject *s = (subject *)context;

    for (size_t i = 0; i < s->count; i++) {
        if (s->blocks[i].ptr && i % 2)
            drop(s, i);
    }
    loam_heap_destroy(s->heap);
}

static void run(loam_heap_config config, unsigned flags)
{
    static subject s;
    fail_each_scenario scenario = {.name = "growing heap",
                                   .context = &s,
                                   .flags = flags,
                                   .begin = begin,
                                   .step = step,
                                   .check = check,
                                   .end = end};

    s.config = config;
    EXPECT(fail_each_allocation(&scenario) > 10);
}

TEST(each_call_of_the_source, fast)
{
    for (size_t granule = 8; granule <= 16; granule += 8) {
        run((loam_heap_config){.granule = granule, .region_size = 4 * KIB}, 0);
        run((loam_heap_config){.granule = granule, .keep = LOAM_HEAP_KEEP_NONE}, 0);
        run((loam_heap_config){.granule = granule, .keep = LOAM_HEAP_KEEP_ALL}, 0);
    }
}

/* A source that extends in place, and reclaims nothing. */
TEST(each_call_of_a_bump, fast)
{
    run((loam_heap_config){.region_size = 4 * KIB}, FAIL_EACH_NO_RECLAIM);
    run((loam_heap_config){.granule = 8, .keep = LOAM_HEAP_KEEP_NONE}, FAIL_EACH_NO_RECLAIM);
}

TEST_MAIN
