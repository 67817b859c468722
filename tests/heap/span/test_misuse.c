/* test_misuse.c: each misuse of a span that a checked build names, with its exact words and address. */
#include "heap/span/span_support.h"

#define FOREIGN       "loam: fatal: granules are not of this span: 0x"
#define TWICE         "loam: fatal: granules were given back twice: 0x"
#define LENGTH        "loam: fatal: granules passed back with a length that they do not have: 0x"
#define BLOCK_FOREIGN "loam: fatal: block is not of this allocator: 0x"
#define BLOCK_TWICE   "loam: fatal: block was given back twice: 0x"
#define BLOCK_SIZE    "loam: fatal: block passed back with a size that it does not have: 0x"

typedef struct misuse {
    char *ptr;
    size_t count, new_count;
} misuse;

static world the, elsewhere;
static _Alignas(64) char outside[64];

static void begin(void)
{
#if !LOAM_CHECKS
    TEST_SKIP("not a checked build");
#endif
    world_begin(&the, 1, 4, NULL);
    world_begin(&elsewhere, 1, 2, NULL);
}

static void end(void)
{
    world_end(&elsewhere);
    world_end(&the);
}

static void give(void *context)
{
    const misuse *m = (const misuse *)context;

    loam_span_give(&the.span, m->ptr, m->count);
}

static void give_twice(void *context)
{
    const misuse *m = (const misuse *)context;

    loam_span_give(&the.span, m->ptr, m->count);
    loam_span_give(&the.span, m->ptr, m->count);
}

static void resize(void *context)
{
    const misuse *m = (const misuse *)context;

    (void)!loam_span_resize_run(&the.span, m->ptr, m->count, m->new_count);
}

static void dealloc(void *context)
{
    const misuse *m = (const misuse *)context;

    loam_span_dealloc(&the.span, m->ptr, m->count * GRANULE);
}

static void dealloc_twice(void *context)
{
    dealloc(context);
    dealloc(context);
}

static void resize_block(void *context)
{
    const misuse *m = (const misuse *)context;

    (void)!loam_span_resize(&the.span, m->ptr, m->count * GRANULE, m->new_count * GRANULE);
}

TEST(granules_of_others, fast)
{
    misuse m = {outside, 1, 2};

    begin();
    test_dies_with(give, &m, FOREIGN, outside);
    test_dies_with(resize, &m, FOREIGN, outside);
    m.ptr = (char *)must_take(&elsewhere.span, 1, 1);
    test_dies_with(give, &m, FOREIGN, m.ptr);
    m.ptr = (char *)loam_region_take(&the.regions[0], 1, 1, KIND, NULL, NULL);
    EXPECT(m.ptr);
    test_dies_with(give, &m, FOREIGN, m.ptr);
    loam_region_give(&the.regions[0], m.ptr, 1);
    m.ptr = (char *)must_take(&the.span, 3, 1) + 8;
    test_dies_with(give, &m, FOREIGN, m.ptr);
    end();
}

/* Into a stack, into a tree, joined with others. */
TEST(given_twice, fast)
{
    misuse m = {NULL, 0, 0};

    begin();
    for (m.count = 1; m.count < 10; m.count++) {
        m.ptr = (char *)must_take(&the.span, m.count, 1);
        test_dies_with(give_twice, &m, TWICE, m.ptr);
        loam_span_give(&the.span, m.ptr, m.count);
        test_dies_with(give, &m, TWICE, m.ptr);
    }
    end();
}

TEST(wrong_lengths, fast)
{
    misuse m = {NULL, 4, 9};

    begin();
    m.ptr = (char *)must_take(&the.span, 5, 1);
    test_dies_with(give, &m, LENGTH, m.ptr);
    test_dies_with(resize, &m, LENGTH, m.ptr);
    m.ptr += GRANULE; /* its second granule */
    test_dies_with(give, &m, LENGTH, m.ptr);
    end();
}

TEST(blocks, fast)
{
    misuse m = {outside, 1, 2};

    begin();
    test_dies_with(dealloc, &m, BLOCK_FOREIGN, outside);
    test_dies_with(resize_block, &m, BLOCK_FOREIGN, outside);
    m.ptr = (char *)loam_span_alloc(&the.span, 2 * GRANULE, 1);
    test_dies_with(dealloc, &m, BLOCK_SIZE, m.ptr);
    m.count = 2;
    test_dies_with(dealloc_twice, &m, BLOCK_TWICE, m.ptr);
    loam_span_dealloc(&the.span, m.ptr, 2 * GRANULE);
    test_dies_with(resize_block, &m, BLOCK_TWICE, m.ptr);
    end();
}

/* ---- tools: granules that nobody has may not be touched ---- */

static void touch(void *context)
{
    *(volatile char *)context = 1;
}

TEST(free_granules_are_poisoned, fast)
{
    char *ptr;

    if (!test_under_asan())
        TEST_SKIP("needs AddressSanitizer");
    world_begin(&the, 1, 2, NULL);
    ptr = (char *)must_take(&the.span, 3, 1);
    ptr[3 * GRANULE - 1] = 1;
    test_faults(touch, ptr + 3 * GRANULE);
    loam_span_give(&the.span, ptr, 3);
    test_faults(touch, ptr);
    ptr = (char *)must_take(&the.span, 2, 1);
    loam_span_give(&the.span, ptr, 2); /* into a stack */
    test_faults(touch, ptr);
    world_end(&the);
}

TEST_MAIN
