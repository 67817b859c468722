/* test_construct.c: blocks that are constructed once and keep their state while they are free: each
 * is constructed when it is first cut, destructed once, and never written to in between. */
#include "pool/pool_support.h"

#include "internal/bits.h"

#include <string.h>

enum { MOST = 20000, SIZE = 80 };

/* What was constructed: each block begins with its number and goes on with a pattern of it. */
typedef struct toys {
    size_t size;
    size_t calls, made, ended;
    size_t refuse_from; /* this call and all after it are refused; 0: none */
    unsigned char state[MOST];
} toys;

static toys the;
static void *blocks[MOST];

static void expect_toy(const void *block)
{
    uint64_t number;

    memcpy(&number, block, sizeof number);
    EXPECT(number < the.made);
    EXPECT_EQ(the.state[number], 1);
    EXPECT(has_pattern((const char *)block + 8, the.size - 8, number));
}

static bool make_toy(void *context, void *block)
{
    uint64_t number = the.made;

    EXPECT_PTR(context, &the);
    the.calls++;
    if (the.refuse_from != 0 && the.calls >= the.refuse_from)
        return false;
    EXPECT(the.made < MOST);
    memcpy(block, &number, sizeof number);
    fill_pattern((char *)block + 8, the.size - 8, number);
    the.state[the.made++] = 1;
    return true;
}

static void end_toy(void *context, void *block)
{
    uint64_t number;

    EXPECT_PTR(context, &the);
    expect_toy(block);
    memcpy(&number, block, sizeof number);
    the.state[number] = 2;
    the.ended++;
}

static loam_pool_class_config toy_config(const source *src, size_t size)
{
    loam_pool_class_config config = class_config(src, size);

    memset(&the, 0, sizeof the);
    the.size = size;
    config.construct = make_toy;
    config.destruct = end_toy;
    config.context = &the;
    return config;
}

static void *take_toy(loam_pool_class *cls)
{
    void *block = must_take(cls);

    expect_toy(block);
    return block;
}

/* ---- state ---- */

static void churn(loam_pool_class *cls, size_t count, size_t steps)
{
    test_rng rng;

    test_rng_init(&rng, test_seed());
    for (size_t i = 0; i < steps; i++) {
        size_t at = (size_t)test_rng_below(&rng, count);

        if (blocks[at]) {
            expect_toy(blocks[at]);
            loam_pool_class_give(cls, blocks[at]);
            blocks[at] = NULL;
        } else {
            blocks[at] = take_toy(cls);
        }
    }
}

/* Whoever takes a block finds it as it was constructed, whatever happened to it before; and in the
 * end each was destructed once, those that are live too. */
static void keep_state(source *src)
{
    loam_pool_class cls;
    loam_pool_class_config config = toy_config(src, SIZE);

    memset(blocks, 0, sizeof blocks);
    begin_class(&cls, &config);
    churn(&cls, 3000, 20000);
    EXPECT_GOOD_CLASS(&cls);
    loam_pool_class_deinit(&cls);
    EXPECT(the.made > 0);
    EXPECT_EQ(the.ended, the.made);
}

TEST(blocks_keep_their_state, fast)
{
    for_each_source(keep_state);
}

/* While blocks are free, nobody writes to what was constructed. */
TEST(free_blocks_are_not_written, fast)
{
    source src;
    loam_pool_class cls;
    loam_pool_class_config config;

    if (test_under_asan() || test_under_valgrind())
        TEST_SKIP("free blocks must not be looked at");
    source_begin(&src, SOURCE_REGION);
    config = toy_config(&src, SIZE);
    config.keep = SIZE_MAX;
    begin_class(&cls, &config);
    for (size_t i = 0; i < 5000; i++)
        blocks[i] = take_toy(&cls);
    for (size_t i = 0; i < 5000; i++) {
        if (i % 3 == 0)
            loam_pool_class_give_remote(&cls, blocks[i]);
        else
            loam_pool_class_give(&cls, blocks[i]);
        expect_toy(blocks[i]);
    }
    EXPECT_GOOD_CLASS(&cls);
    EXPECT_EQ(class_stats(&cls).blocks, 0);
    for (size_t i = 0; i < 5000; i++)
        expect_toy(blocks[i]);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* ---- how often ---- */

/* No block is constructed before there is use for it, but for a page's worth; and none twice, also
 * when its slab was empty in between. */
TEST(construction_is_once_and_late, fast)
{
    source src;
    loam_pool_class cls;
    loam_pool_class_config config;
    size_t made;

    source_begin(&src, SOURCE_REGION);
    config = toy_config(&src, SIZE);
    config.slab = 256 * KIB; /* one slab holds all */
    begin_class(&cls, &config);
    EXPECT_EQ(the.calls, 0);
    for (size_t i = 0; i < 2000; i++) {
        blocks[i] = take_toy(&cls);
        EXPECT_LE(the.made, i + LOAM_POOL_FRONT);
        EXPECT_LE(i + 1, the.made);
    }
    made = the.made;
    for (size_t round = 0; round < 5; round++) {
        for (size_t i = 0; i < 2000; i++)
            loam_pool_class_give(&cls, blocks[i]);
        for (size_t i = 0; i < 2000; i++)
            blocks[i] = take_toy(&cls);
    }
    EXPECT_EQ(the.made, made);
    EXPECT_EQ(the.ended, 0);
    loam_pool_class_deinit(&cls);
    EXPECT_EQ(the.ended, made);
    source_end(&src);
}

/* Blocks end when their slab goes, and not before. */
TEST(destruction_is_when_a_slab_goes, fast)
{
    source src;
    loam_pool_class cls;
    loam_pool_class_config config;
    size_t capacity;

    source_begin(&src, SOURCE_LIBC);
    config = toy_config(&src, SIZE);
    config.front = config.keep = 1;
    begin_class(&cls, &config);
    (void)loam_pool_class_slab_size(&cls, &capacity);
    for (size_t i = 0; i < 2 * capacity; i++)
        blocks[i] = take_toy(&cls);
    for (size_t i = 0; i < capacity; i++) {
        EXPECT_EQ(the.ended, 0);
        loam_pool_class_give(&cls, blocks[i]);
    }
    EXPECT_EQ(the.ended, capacity);
    EXPECT_EQ(source_blocks(&src), 1);
    loam_pool_class_give(&cls, blocks[capacity]);
    EXPECT_EQ(loam_pool_class_trim(&cls), 0);
    EXPECT_EQ(the.ended, capacity);
    loam_pool_class_deinit(&cls);
    EXPECT_EQ(the.ended, 2 * capacity);
    source_end(&src);
}

/* A class may construct and not destruct. */
TEST(destruct_may_be_missing, fast)
{
    source src;
    loam_pool_class cls;
    loam_pool_class_config config;

    source_begin(&src, SOURCE_REGION);
    config = toy_config(&src, SIZE);
    config.destruct = NULL;
    begin_class(&cls, &config);
    for (size_t i = 0; i < 3000; i++)
        blocks[i] = take_toy(&cls);
    loam_pool_class_deinit(&cls);
    EXPECT_EQ(the.ended, 0);
    source_end(&src);
}

/* ---- refusals ---- */

/* From the k-th call on construct refuses: k - 1 blocks are there, all good; the next take is
 * refused, changes no figure but that of failures, and works again when construct does. */
static void refuse_from(source *src, size_t k, size_t front)
{
    loam_pool_class cls;
    loam_pool_class_config config = toy_config(src, SIZE);
    loam_stats before, after;
    void *block;

    config.front = front;
    begin_class(&cls, &config);
    the.refuse_from = k;
    for (size_t i = 0; i + 1 < k; i++)
        blocks[i] = take_toy(&cls);
    before = class_stats(&cls);
    block = loam_pool_class_take(&cls);
    EXPECT(block == NULL);
    after = class_stats(&cls);
    EXPECT_EQ(after.failures, before.failures + 1);
    EXPECT_EQ(after.live, before.live);
    EXPECT_EQ(after.peak, before.peak);
    EXPECT_EQ(after.blocks, k - 1);
    EXPECT_EQ(after.allocations, before.allocations);
    EXPECT_GOOD_CLASS(&cls);
    the.refuse_from = 0;
    block = take_toy(&cls);
    for (size_t i = 0; i + 1 < k; i++) {
        expect_toy(blocks[i]);
        loam_pool_class_give(&cls, blocks[i]);
    }
    loam_pool_class_give(&cls, block);
    EXPECT_GOOD_CLASS(&cls);
    loam_pool_class_deinit(&cls);
    EXPECT_EQ(the.ended, the.made);
}

TEST(construct_refuses, fast)
{
    static const source_kind kinds[] = {SOURCE_REGION, SOURCE_LIBC};

    for (size_t i = 0; i < 2; i++) {
        source src;

        source_begin(&src, kinds[i]);
        for (size_t k = 1; k < 2000; k += k < 150 ? 1 : 67) {
            test_note("call %zu, over %s", k, source_name(kinds[i]));
            refuse_from(&src, k, 0);
            refuse_from(&src, k, 1);
        }
        source_end(&src);
    }
}

/* ---- size and alignment ---- */

/* A constructed block is aligned as its size says, like any other: up to the alignment of every
 * type, and beyond that where it is asked for. */
TEST(constructed_blocks_are_aligned, fast)
{
    source src;
    loam_pool_class cls;

    source_begin(&src, SOURCE_REGION);
    for (size_t size = 16; size <= 4096; size += 8) {
        loam_pool_class_config config = toy_config(&src, size);
        size_t natural = loam_min(size & (0 - size), LOAM_MAX_ALIGN);

        begin_class(&cls, &config);
        for (size_t i = 0; i < 3; i++)
            EXPECT(is_aligned(take_toy(&cls), natural));
        loam_pool_class_deinit(&cls);
        for (size_t align = 8; align <= 256; align *= 2) {
            config.align = align;
            begin_class(&cls, &config);
            for (size_t i = 0; i < 3; i++)
                EXPECT(is_aligned(take_toy(&cls), align));
            loam_pool_class_deinit(&cls);
        }
    }
    source_end(&src);
}

/* What the pool needs behind a constructed block is not the user's: the handle serves the size that
 * was asked for, and not more. */
TEST(handle_of_constructed_blocks, fast)
{
    source src;
    loam_pool_class cls;
    loam_pool_class_config config;
    loam_allocator handle;
    void *block;

    source_begin(&src, SOURCE_REGION);
    config = toy_config(&src, SIZE);
    begin_class(&cls, &config);
    handle = loam_pool_class_allocator(&cls);
    EXPECT(loam_alloc(handle, SIZE + 1, 8) == NULL);
    block = loam_alloc(handle, SIZE, 8);
    EXPECT(block != NULL);
    expect_toy(block);
    EXPECT(!loam_resize(handle, block, SIZE, SIZE + 1, 8));
    EXPECT(loam_resize(handle, block, SIZE, 1, 8));
    EXPECT_EQ(loam_good_size(handle, 1, 8), SIZE);
    loam_dealloc(handle, block, 1, 8);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* The biggest constructed blocks. */
TEST(big_constructed_blocks, fast)
{
    static const size_t sizes[] = {4080, 4088, 4096, 8192, 32752, 32760, LOAM_POOL_LARGEST};
    source src;

    source_begin(&src, SOURCE_LIBC);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        loam_pool_class cls;
        loam_pool_class_config config = toy_config(&src, sizes[i]);

        test_note("size %zu", sizes[i]);
        begin_class(&cls, &config);
        for (size_t n = 0; n < 50; n++)
            blocks[n] = take_toy(&cls);
        for (size_t n = 0; n < 50; n += 2)
            loam_pool_class_give(&cls, blocks[n]);
        EXPECT_GOOD_CLASS(&cls);
        loam_pool_class_deinit(&cls);
        EXPECT_EQ(the.ended, the.made);
    }
    source_end(&src);
}

TEST_MAIN
