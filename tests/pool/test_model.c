/* test_model.c: random runs of everything that a pool can do, beside a plain list of the blocks that
 * it should have, with all their contents; over every source, in random configurations, with a source
 * that refuses now and then. The seed is printed, and LOAM_TEST_SEED sets it; LOAM_TEST_POOL_RUNS
 * says how many runs. */
#include "pool/pool_support.h"

#include "internal/bits.h"
#include "support/blocks.h"

#include <string.h>

enum { MOST_LIVE = 3000, SMALL_SOURCE = 2 << 20 };

typedef struct model {
    source src;
    loam_pool pool;
    loam_allocator handle;
    loam_pool_config config;
    size_t table[LOAM_POOL_CLASSES];
    test_blocks live;
    size_t held; /* bytes asked for */
    size_t failures;
    size_t target; /* about how many blocks are live; changes now and then */
    bool bounded;  /* the source is full some day */
    bool pressed;
    test_rng rng;
} model;

static model the;

static size_t below(size_t limit)
{
    return (size_t)test_rng_below(&the.rng, limit);
}

/* ---- configurations ---- */

static void choose_table(void)
{
    size_t size = 0;

    the.config.table = the.table;
    the.config.table_count = 1 + below(LOAM_POOL_CLASSES);
    for (size_t i = 0; i < the.config.table_count; i++) {
        size_t step = size < LOAM_POOL_SMALL ? 8 : 128;

        size = loam_round_up(size + step * (1 + below(6)), step);
        size = size > LOAM_POOL_SMALL ? loam_round_up(size, 128) : size;
        if (size > 16384) {
            the.config.table_count = i;
            break;
        }
        the.table[i] = size;
    }
}

static void choose_config(void)
{
    static const size_t fronts[] = {0, 0, 0, 1, 2, 5, 64};
    static const size_t keeps[] = {0, 0, 1, 128 * KIB, SIZE_MAX};

    the.config = pool_config(&the.src);
    the.config.sizes = (loam_pool_sizes)below(3);
    the.config.front = fronts[below(7)];
    the.config.keep = keeps[below(5)];
    the.config.cache_lines = test_rng_one_in(&the.rng, 4);
    the.config.largest = 1000 + below(20000);
    if (test_rng_one_in(&the.rng, 2)) {
        the.config.slab = (size_t)4 * KIB << below(7);
        the.config.largest = 1 + below(the.config.slab / 5);
    }
    if (the.config.sizes == LOAM_POOL_TABLE)
        choose_table();
}

/* Some tables and slabs don't go together; then others are tried. */
static void begin(source_kind kind)
{
    source_begin(&the.src, kind);
    the.bounded = kind == SOURCE_BUFFER || kind == SOURCE_BUDGET || kind == SOURCE_ARENA;
    the.pressed = false;
    the.failures = the.held = 0;
    the.target = 1;
    test_blocks_init(&the.live);
    do
        choose_config();
    while (!loam_pool_init(&the.pool, &the.config));
    the.handle = loam_pool_allocator(&the.pool);
}

/* ---- operations ---- */

static size_t random_size(void)
{
    size_t kind = below(20);

    if (kind < 12)
        return 1 + below(200);
    if (kind < 17)
        return 1 + below(2000);
    if (kind < 19)
        return 1 + below(20000);
    return 1 + below(the.bounded ? 50000 : 300000);
}

static size_t random_align(void)
{
    return (size_t)1 << (test_rng_one_in(&the.rng, 40) ? below(16) : below(7));
}

/* A refusal is right where something is refused, or the source may be full. */
static bool may_refuse(void)
{
    return the.pressed || the.bounded;
}

static void take(void)
{
    size_t size = random_size(), align = random_align(), way = below(3);
    loam_cache_own own;
    void *ptr;

    if (the.live.count >= MOST_LIVE || (the.bounded && the.live.bytes > SMALL_SOURCE))
        return;
    if (way == 0)
        ptr = loam_alloc(the.handle, size, align);
    else if (way == 1 && loam_pool_class_aligned(&the.pool, size, align))
        ptr = loam_cache_take(loam_allocator_cache(the.handle, size, align, &own));
    else
        ptr = loam_pool_take_aligned(&the.pool, size, align);
    if (!ptr) {
        EXPECT(may_refuse());
        the.failures++;
        return;
    }
    EXPECT(is_aligned(ptr, align));
    if (!test_blocks_disjoint(&the.live, ptr, size))
        TEST_FAIL("a block of %zu bytes at %p overlaps a live one", size, ptr);
    (void)test_blocks_add(&the.live, ptr, size, align);
}

static void give(void)
{
    size_t way = below(4);
    loam_pool_class *cls;
    test_block block;

    if (the.live.count == 0)
        return;
    block = test_blocks_remove(&the.live, below(the.live.count));
    if (!test_block_intact(&block))
        TEST_FAIL("a block of %zu bytes at %p was written to", block.size, (void *)block.ptr);
    cls = loam_pool_class_aligned(&the.pool, block.size, block.align);
    if (cls && way == 0)
        loam_pool_class_give(cls, block.ptr);
    else if (cls && way == 1)
        loam_pool_give_remote(&the.pool, block.ptr, block.size, block.align);
    else if (way == 2)
        loam_dealloc(the.handle, block.ptr, block.size, block.align);
    else
        loam_pool_give_aligned(&the.pool, block.ptr, block.size, block.align);
}

/* Some blocks at once from afar. */
static void give_chain(void)
{
    void *chain[40];
    size_t size = 1 + below(200), count = 0;
    loam_pool_class *cls = loam_pool_class_aligned(&the.pool, size, 8);

    for (size_t i = 0; cls && i < the.live.count && count < 40; i++) {
        const test_block *block = &the.live.items[i];

        if (loam_pool_class_aligned(&the.pool, block->size, block->align) != cls)
            continue;
        EXPECT(test_block_intact(block));
        chain[count++] = block->ptr;
        (void)test_blocks_remove(&the.live, i--);
    }
    if (cls)
        loam_pool_class_give_remote_n(cls, chain, count);
}

static void change(void)
{
    size_t size = random_size(), index;
    bool moves = test_rng_one_in(&the.rng, 2);
    test_block block;
    void *ptr;

    if (the.live.count == 0 || (the.bounded && the.live.bytes > SMALL_SOURCE))
        return;
    index = below(the.live.count);
    block = test_blocks_remove(&the.live, index);
    EXPECT(test_block_intact(&block));
    if (moves) {
        size_t failures = pool_stats(&the.pool).failures;

        ptr = loam_realloc(the.handle, block.ptr, block.size, size, block.align);
        EXPECT(ptr != NULL || may_refuse());
        the.failures += pool_stats(&the.pool).failures - failures;
    } else {
        ptr = loam_resize(the.handle, block.ptr, block.size, size, block.align) ? block.ptr : NULL;
    }
    if (ptr)
        EXPECT(test_block_found_at(&block, ptr, loam_min(size, block.size)));
    else
        EXPECT(test_block_intact(&block));
    (void)test_blocks_add(&the.live, ptr ? ptr : block.ptr, ptr ? size : block.size, block.align);
}

static void press(void)
{
    the.pressed = !the.pressed && test_rng_one_in(&the.rng, 2);
    source_refuse_randomly(&the.src, the.pressed ? 300000 + (uint32_t)below(700001) : 0,
                           test_rng_next(&the.rng));
}

/* ---- looking ---- */

static size_t granules_of(size_t size)
{
    return loam_round_up(size, LOAM_REGION_GRANULE);
}

/* What the figures must be, from the list. */
static void expect_figures(void)
{
    loam_stats stats = pool_stats(&the.pool);
    size_t live = 0, waiting = 0;

    for (size_t i = 0; i < the.pool.count; i++)
        waiting += the.pool.classes[i].inbox != NULL;
    for (size_t i = 0; i < the.live.count; i++) {
        const test_block *b = &the.live.items[i];
        const loam_pool_class *cls = loam_pool_class_aligned(&the.pool, b->size, b->align);

        live += cls ? cls->front.size : b->size;
        EXPECT(cls || !the.pool.granules.ops || granules_of(b->size) >= b->size);
    }
    EXPECT_LE(live, stats.live);
    EXPECT(waiting != 0 || stats.live == live);
    EXPECT(waiting != 0 || stats.blocks == the.live.count);
    EXPECT_EQ(stats.failures, the.failures);
}

static void look(void)
{
    expect_figures();
    EXPECT_GOOD_POOL(&the.pool); /* takes in what waits */
    expect_figures();
    EXPECT_EQ(pool_stats(&the.pool).blocks, the.live.count);
    EXPECT_EQ(source_held(&the.src), pool_stats(&the.pool).committed);
    EXPECT_EQ(test_blocks_broken(&the.live), the.live.count);
    for (size_t i = 0; i < 5 && the.live.count > 0; i++) {
        const test_block *b = &the.live.items[below(the.live.count)];
        loam_pool_class *cls = loam_pool_class_aligned(&the.pool, b->size, b->align);

        EXPECT_PTR(loam_pool_find(&the.pool, b->ptr + below(b->size)), cls);
        EXPECT_EQ(loam_pool_owns(&the.pool, b->ptr), cls || the.pool.granules.ops);
    }
}

static void trim(void)
{
    size_t held = source_held(&the.src), went = loam_pool_trim(&the.pool);

    EXPECT_EQ(went, held - source_held(&the.src));
    for (size_t i = 0; i < the.pool.count; i++)
        EXPECT_EQ(the.pool.classes[i].empty, 0);
}

/* ---- runs ---- */

static void operate(size_t step)
{
    uint64_t what = test_rng_below(&the.rng, 1000);

    if (step % 400 == 0)
        the.target = test_rng_one_in(&the.rng, 4) ? 1 : 1 + below(MOST_LIVE);
    if (what < 2)
        look();
    else if (what < 4)
        trim();
    else if (what < 8)
        press();
    else if (what < 16)
        give_chain();
    else if (what < 80)
        change();
    else if (test_rng_below(&the.rng, the.live.count + the.target) >= the.live.count)
        take();
    else
        give();
}

static void end(void)
{
    bool give_back = test_rng_one_in(&the.rng, 2);

    source_refuse(&the.src, 0, false);
    for (size_t i = the.live.count; i-- > 0;) {
        const test_block *b = &the.live.items[i];

        if (give_back || (!the.pool.granules.ops && /* large ones outlive the pool */
                          !loam_pool_class_aligned(&the.pool, b->size, b->align)))
            loam_pool_give_aligned(&the.pool, b->ptr, b->size, b->align);
    }
    if (give_back) {
        EXPECT_GOOD_POOL(&the.pool);
        EXPECT_EQ(pool_stats(&the.pool).live, 0);
    }
    loam_pool_deinit(&the.pool);
    test_blocks_deinit(&the.live);
    source_end(&the.src);
}

static void run_all(size_t runs, size_t steps)
{
    test_rng_init(&the.rng, test_seed());
    runs = test_bound("LOAM_TEST_POOL_RUNS", runs);
    steps /= test_under_valgrind() || test_under_tsan() ? 5 : 1;
    for (size_t i = 0; i < runs; i++) {
        for (int kind = 0; kind < SOURCE_KINDS; kind++) {
            test_note("run %zu over %s", i, source_name((source_kind)kind));
            begin((source_kind)kind);
            for (size_t step = 0; step < steps; step++)
                operate(step);
            look();
            end();
        }
    }
}

TEST(random_runs, fast)
{
    run_all(8, 4000);
}

TEST(random_runs_long, slow)
{
    run_all(100, 10000);
}

TEST(random_runs_for_hours, stress)
{
    run_all(100000, 20000);
}

/* ---- a single class against a plain list ---- */

static void run_class(source_kind kind, size_t steps)
{
    static const size_t sizes[] = {8, 16, 40, 64, 100, 512, 1360, 4064, 5000};
    loam_pool_class cls;
    loam_pool_class_config config;
    test_blocks live;
    size_t target = 1000;

    source_begin(&the.src, kind);
    config = class_config(&the.src, sizes[below(9)]);
    config.front = below(3) ? 0 : 1 + below(64);
    config.keep = below(3);
    begin_class(&cls, &config);
    test_blocks_init(&live);
    for (size_t i = 0; i < steps; i++) {
        if (test_rng_one_in(&the.rng, 500))
            target = below(2) ? 1 : 1 + below(1200);
        if (below(live.count + target) >= live.count) {
            void *block = must_take(&cls);

            EXPECT(test_blocks_disjoint(&live, block, cls.front.size));
            (void)test_blocks_add(&live, block, cls.front.size, 8);
        } else {
            test_block block = test_blocks_remove(&live, below(live.count));

            EXPECT(test_block_intact(&block));
            if (test_rng_one_in(&the.rng, 5))
                loam_pool_class_give_remote(&cls, block.ptr);
            else
                loam_pool_class_give(&cls, block.ptr);
        }
        if (test_rng_one_in(&the.rng, 1000)) {
            EXPECT_GOOD_CLASS(&cls);
            EXPECT_EQ(class_stats(&cls).blocks, live.count);
        }
    }
    EXPECT_EQ(test_blocks_broken(&live), live.count);
    test_blocks_deinit(&live);
    EXPECT_GOOD_CLASS(&cls);
    loam_pool_class_deinit(&cls);
    source_end(&the.src);
}

TEST(random_runs_of_a_class, fast)
{
    test_rng_init(&the.rng, test_seed());
    for (size_t i = 0; i < 40; i++)
        run_class(i % 2 ? SOURCE_CHECKED : SOURCE_REGION, test_under_valgrind() ? 1000 : 10000);
}

TEST_MAIN
