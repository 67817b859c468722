/* test_pool.c: a pool of many sizes: requests of every size and alignment, large ones too, over
 * every source; resize, good_size, whose a pointer is, figures, and the end. */
#include "pool/pool_support.h"

#include "internal/bits.h"
#include "support/blocks.h"

#include <string.h>

static const size_t sizes[] = {1,     7,     8,     9,     16,    17,     100,   128,   129,
                               500,   1000,  1024,  1025,  4000,  4096,   4097,  10000, 32767,
                               32768, 32769, 40000, 65536, 65537, 100000, 300000};

enum { SIZES = sizeof sizes / sizeof *sizes, ALIGNS = 15 };

static test_blocks live;

static void begin_default(loam_pool *pool, const source *src)
{
    loam_pool_config config = pool_config(src);

    test_blocks_init(&live);
    begin_pool(pool, &config);
}

static void keep(void *ptr, size_t size, size_t align)
{
    EXPECT(ptr != NULL);
    EXPECT(is_aligned(ptr, align));
    EXPECT(test_blocks_disjoint(&live, ptr, size));
    (void)test_blocks_add(&live, ptr, size, align);
}

static void give_all(loam_pool *pool)
{
    EXPECT_EQ(test_blocks_broken(&live), live.count);
    while (live.count > 0) {
        test_block block = test_blocks_remove(&live, live.count * 5 / 7);

        loam_pool_give_aligned(pool, block.ptr, block.size, block.align);
    }
    test_blocks_deinit(&live);
}

/* ---- requests ---- */

/* Every size with every alignment up to 16 KiB, several of each, all live at once. */
static void take_everything(source *src)
{
    loam_pool pool;
    size_t most = src->kind == SOURCE_BUFFER || src->kind == SOURCE_BUDGET ? 17 : SIZES;

    begin_default(&pool, src);
    for (size_t i = 0; i < most; i++) {
        for (size_t bit = 0; bit < ALIGNS; bit++) {
            size_t align = (size_t)1 << bit;

            keep(loam_pool_take_aligned(&pool, sizes[i], align), sizes[i], align);
        }
    }
    EXPECT_GOOD_POOL(&pool);
    EXPECT_EQ(pool_stats(&pool).blocks, live.count);
    give_all(&pool);
    EXPECT_GOOD_POOL(&pool);
    EXPECT_EQ(pool_stats(&pool).blocks, 0);
    EXPECT_EQ(pool_stats(&pool).live, 0);
    (void)loam_pool_trim(&pool);
    EXPECT_EQ(source_held(src), pool.own_size);
    loam_pool_deinit(&pool);
}

TEST(every_size_and_alignment, fast)
{
    for_each_source(take_everything);
}

/* Without an alignment: that of every type, or for small sizes the largest power of two in them. */
TEST(usual_alignment, fast)
{
    source src;
    loam_pool pool;

    source_begin(&src, SOURCE_REGION);
    begin_default(&pool, &src);
    for (size_t size = 1; size <= 3000; size++) {
        void *block = loam_pool_take(&pool, size);
        size_t align = size >= LOAM_MAX_ALIGN ? LOAM_MAX_ALIGN : (size_t)1 << loam_log2(size);

        EXPECT(block != NULL && is_aligned(block, align));
        memset(block, 0x5a, size);
        if (size % 2)
            loam_pool_give(&pool, block, size);
    }
    EXPECT_GOOD_POOL(&pool);
    EXPECT_EQ(pool_stats(&pool).blocks, 1500);
    loam_pool_deinit(&pool);
    source_end(&src);
}

/* Sizes that are none, or that nobody has, are refused and leave the pool as it was. */
static void ask_for_nonsense(source *src)
{
    static const size_t nonsense[] = {0, SIZE_MAX, (size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX,
                                      PTRDIFF_MAX - 65535};
    loam_pool pool;
    loam_stats before, after;

    begin_default(&pool, src);
    before = pool_stats(&pool);
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        if (sizeof(void *) < 8 && nonsense[i] - 1 < PTRDIFF_MAX)
            continue; /* a 32-bit process may have that much */
        EXPECT(loam_pool_take(&pool, nonsense[i]) == NULL);
        EXPECT(loam_pool_take_aligned(&pool, nonsense[i], 1 << 16) == NULL);
    }
    if (sizeof(void *) >= 8) /* with 32 bits there may be such an address, and one only */
        EXPECT(loam_pool_take_aligned(&pool, 8, (size_t)1 << (sizeof(size_t) * 8 - 1)) == NULL);
    after = pool_stats(&pool);
    EXPECT(after.failures > before.failures || sizeof(void *) < 8);
    after.failures = before.failures;
    EXPECT(memcmp(&before, &after, sizeof before) == 0);
    EXPECT_GOOD_POOL(&pool);
    loam_pool_deinit(&pool);
}

TEST(requests_that_nobody_meets, fast)
{
    static const source_kind kinds[] = {SOURCE_REGION, SOURCE_REGIONS, SOURCE_VM, SOURCE_BUDGET};

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        source src;

        source_begin(&src, kinds[k]);
        ask_for_nonsense(&src);
        source_end(&src);
    }
}

/* ---- large blocks ---- */

static void use_large(source *src)
{
    loam_pool pool;
    loam_stats before, s;
    char *a, *b;

    begin_default(&pool, src);
    before = pool_stats(&pool);
    a = (char *)loam_pool_take(&pool, 100000);
    b = (char *)loam_pool_take_aligned(&pool, 10, 1 << 17);
    EXPECT(a && b && is_aligned(b, 1 << 17));
    memset(a, 1, 100000);
    memset(b, 2, 10);
    s = pool_stats(&pool);
    EXPECT_EQ(s.live, 100010);
    EXPECT_EQ(s.blocks, 2);
    EXPECT_EQ(s.allocations, before.allocations + 2);
    EXPECT_EQ(s.committed - before.committed, src->granules.ops ? 3 * LOAM_REGION_GRANULE : 100010);
    EXPECT_EQ(s.lost - before.lost, src->granules.ops ? 3 * LOAM_REGION_GRANULE - 100010 : 0);
    EXPECT_EQ(source_held(src), s.committed);
    EXPECT_EQ(loam_pool_owns(&pool, a), src->granules.ops != NULL);
    EXPECT_EQ(loam_pool_owns(&pool, a + 99999), src->granules.ops != NULL);
    EXPECT(loam_pool_find(&pool, a) == NULL);
    EXPECT_GOOD_POOL(&pool);
    loam_pool_give(&pool, a, 100000);
    EXPECT(!loam_pool_owns(&pool, a));
    loam_pool_give_aligned(&pool, b, 10, 1 << 17);
    s = pool_stats(&pool);
    EXPECT_EQ(s.live, 0);
    EXPECT_EQ(s.peak, 100010);
    EXPECT_EQ(source_held(src), pool.own_size);
    loam_pool_deinit(&pool);
}

TEST(large_blocks, fast)
{
    for_each_source(use_large);
}

/* Over granules the pool knows its large blocks: those in the middle go, the others stay. */
TEST(large_blocks_of_granules, fast)
{
    enum { MANY = 30 };
    source src;
    loam_pool pool;
    char *blocks[MANY];

    source_begin(&src, SOURCE_REGIONS);
    begin_default(&pool, &src);
    for (size_t i = 0; i < MANY; i++)
        blocks[i] = (char *)loam_pool_take(&pool, 40000 + i * 7000);
    for (size_t i = 0; i < MANY; i++) {
        size_t at = i * 7 % MANY;

        EXPECT_EQ(pool.large_blocks, MANY - i);
        loam_pool_give(&pool, blocks[at], 40000 + at * 7000);
        EXPECT_GOOD_POOL(&pool);
    }
    EXPECT_EQ(source_held(&src), pool.own_size);
    for (size_t i = 0; i < MANY; i++)
        EXPECT(loam_pool_take(&pool, 40000 + i * 7000) != NULL);
    loam_pool_deinit(&pool); /* large blocks go with the pool */
    source_end(&src);
}

/* ---- the handle: resize and good_size ---- */

static void resize_in_class(loam_pool *pool, loam_allocator handle)
{
    for (size_t size = 1; size <= 2000; size += 13) {
        const loam_pool_class *cls = loam_pool_class_aligned(pool, size, 8);
        size_t good = cls->front.size;
        char *block = (char *)loam_alloc(handle, size, 8);

        EXPECT(block != NULL);
        memset(block, 0x11, size);
        EXPECT(loam_resize(handle, block, size, good, 8));
        EXPECT(!loam_resize(handle, block, good, good + 1, 8));
        EXPECT(!loam_resize(handle, block, good, 40000, 8));
        if (cls > pool->classes)
            EXPECT(!loam_resize(handle, block, good, cls[-1].front.size, 8));
        EXPECT(block[0] == 0x11 && block[size - 1] == 0x11);
        block = (char *)loam_realloc(handle, block, good, 3 * good, 8);
        EXPECT(block && block[0] == 0x11 && block[size - 1] == 0x11);
        loam_dealloc(handle, block, 3 * good, 8);
    }
}

static void resize_large(loam_pool *pool, loam_allocator handle)
{
    char *block = (char *)loam_alloc(handle, 70000, 8);
    bool resized;

    EXPECT(block != NULL);
    memset(block, 0x22, 70000);
    EXPECT(!loam_resize(handle, block, 70000, 100, 8)); /* that is of a class */
    resized = loam_resize(handle, block, 70000, 131072, 8);
    EXPECT(resized || !pool->granules.ops); /* two granules hold both */
    EXPECT_EQ(pool_stats(pool).live, resized ? 131072 : 70000);
    EXPECT(block[0] == 0x22 && block[69999] == 0x22);
    if (resized && pool->granules.ops)
        EXPECT(!loam_resize(handle, block, 131072, 131073, 8));
    EXPECT_GOOD_POOL(pool);
    loam_dealloc(handle, block, resized ? 131072 : 70000, 8);
    EXPECT_EQ(pool_stats(pool).live, 0);
}

static void resize(source *src)
{
    loam_pool pool;

    begin_default(&pool, src);
    resize_in_class(&pool, loam_pool_allocator(&pool));
    resize_large(&pool, loam_pool_allocator(&pool));
    EXPECT_GOOD_POOL(&pool);
    loam_pool_deinit(&pool);
}

TEST(blocks_are_resized_in_place, fast)
{
    for_each_source(resize);
}

/* good_size is monotone, at least the size, what the block really has, and its own good size. */
static void look_at_good_size(source *src)
{
    loam_pool pool;
    loam_allocator handle;

    begin_default(&pool, src);
    handle = loam_pool_allocator(&pool);
    EXPECT_EQ(loam_pool_good_size(&pool, 0, 8), 0);
    EXPECT_EQ(loam_pool_good_size(&pool, SIZE_MAX, 8), SIZE_MAX);
    EXPECT_EQ(loam_pool_good_size(&pool, PTRDIFF_MAX, 8), PTRDIFF_MAX);
    for (size_t align = 1; align <= 16384; align *= 4) {
        size_t before = 0;

        for (size_t size = 1; size <= 200000; size += size < 40000 ? 1 : 997) {
            size_t good = loam_pool_good_size(&pool, size, align);

            EXPECT(good >= size && good >= before);
            EXPECT_EQ(loam_pool_good_size(&pool, good, align), good);
            EXPECT_EQ(loam_good_size(handle, size, align), good);
            before = good;
        }
    }
    loam_pool_deinit(&pool);
}

TEST(good_size, fast)
{
    static const source_kind kinds[] = {SOURCE_REGION, SOURCE_LIBC, SOURCE_VM};

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        source src;

        source_begin(&src, kinds[k]);
        look_at_good_size(&src);
        source_end(&src);
    }
}

/* ---- whose is it? ---- */

static void look_at_find(source *src)
{
    static char elsewhere[64];
    loam_pool pool, other;
    char on_stack[64];

    begin_default(&pool, src);
    begin_default(&other, src);
    for (size_t size = 1; size <= LOAM_POOL_LARGEST; size += size / 3 + 1) {
        char *block = (char *)loam_pool_take(&pool, size);

        EXPECT(block != NULL);
        EXPECT_PTR(loam_pool_find(&pool, block),
                   loam_pool_class_aligned(&pool, size, size > 8 ? LOAM_MAX_ALIGN : 8));
        EXPECT_PTR(loam_pool_find(&pool, block + size - 1), loam_pool_find(&pool, block));
        EXPECT(loam_pool_owns(&pool, block));
        EXPECT(!loam_pool_owns(&other, block) && !loam_pool_find(&other, block));
    }
    EXPECT(!loam_pool_owns(&pool, NULL) && !loam_pool_owns(&pool, elsewhere));
    EXPECT(!loam_pool_owns(&pool, on_stack) && !loam_pool_find(&pool, on_stack));
    EXPECT(!loam_pool_owns(&pool, pool.classes)); /* its own, and no block */
    loam_pool_deinit(&other);
    loam_pool_deinit(&pool);
}

TEST(find_and_owns, fast)
{
    static const source_kind kinds[] = {SOURCE_REGION, SOURCE_REGIONS, SOURCE_LIBC};

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        source src;

        test_note("over %s", source_name(kinds[k]));
        source_begin(&src, kinds[k]);
        look_at_find(&src);
        source_end(&src);
    }
}

/* ---- figures ---- */

/* The figures of a pool are the sums of its classes' and its own. */
TEST(figures_add_up, fast)
{
    source src;
    loam_pool pool;
    loam_stats all, sum = {0};
    size_t asked = 0;

    source_begin(&src, SOURCE_REGION);
    begin_default(&pool, &src);
    for (size_t i = 0; i < SIZES; i++) {
        for (size_t n = 0; n < 40; n++) {
            EXPECT(loam_pool_take(&pool, sizes[i]) != NULL);
            asked += loam_pool_good_size(&pool, sizes[i], sizes[i] > 8 ? LOAM_MAX_ALIGN : 8);
            if (sizes[i] > LOAM_POOL_LARGEST)
                asked += sizes[i] - loam_pool_good_size(&pool, sizes[i], LOAM_MAX_ALIGN);
        }
    }
    for (size_t i = 0; i < pool.count; i++) {
        loam_stats one = class_stats(&pool.classes[i]);

        sum.live += one.live;
        sum.committed += one.committed;
        sum.blocks += one.blocks;
        sum.metadata += one.metadata;
    }
    all = pool_stats(&pool);
    EXPECT_EQ(all.live, asked);
    EXPECT_EQ(all.live, sum.live + pool.large_live);
    EXPECT_EQ(all.blocks, SIZES * 40);
    EXPECT_EQ(all.committed, sum.committed + pool.large_held + pool.own_size);
    EXPECT_EQ(all.committed, source_held(&src));
    EXPECT_EQ(all.metadata, sum.metadata + sizeof pool);
    EXPECT_GOOD_POOL(&pool);
    loam_pool_deinit(&pool);
    source_end(&src);
}

/* ---- the end ---- */

/* The end with live blocks: over granules all goes; over an allocator all but large blocks, which
 * their owners give to that allocator. */
static void end_with_live_blocks(source *src)
{
    loam_pool pool;
    void *large;

    begin_default(&pool, src);
    for (size_t i = 0; i < 3000; i++)
        EXPECT(loam_pool_take(&pool, 1 + i * 13 % 1000) != NULL);
    large = loam_pool_take(&pool, 50000);
    EXPECT(large != NULL);
    loam_pool_deinit(&pool);
    if (!src->granules.ops) {
        EXPECT_EQ(source_held(src), 50000);
        loam_dealloc(src->allocator, large, 50000, LOAM_MAX_ALIGN);
    }
    EXPECT_EQ(source_held(src), 0);
}

TEST(the_end_gives_everything_back, fast)
{
    for_each_source(end_with_live_blocks);
}

/* Trim gives what no class needs, and says how much. */
static void trim(source *src)
{
    loam_pool pool;
    size_t held;

    begin_default(&pool, src);
    for (size_t i = 0; i < 500; i++)
        keep(loam_pool_take_aligned(&pool, sizes[i % 14], 8), sizes[i % 14], 8);
    give_all(&pool);
    held = source_held(src);
    EXPECT_EQ(loam_pool_trim(&pool), held - pool.own_size);
    EXPECT_EQ(source_held(src), pool.own_size);
    EXPECT_EQ(loam_pool_trim(&pool), 0);
    EXPECT_GOOD_POOL(&pool);
    loam_pool_deinit(&pool);
}

TEST(trim_gives_what_is_empty, fast)
{
    for_each_source(trim);
}

TEST_MAIN
