/* test_threaded.c: what loam/pool_threaded.h promises to one thread: the contract of the handle, life,
 * figures, many pools at once, refusals, misuse. Threads together are in test_threaded_threads.c. */
#include "threaded_support.h"

#include "support/conformance.h"
#include "support/fail_each.h"

#include <string.h>

/* ---- the contract ---- */

typedef struct subject {
    ground_pool ground;
    bool over_libc;
    loam_pool_config config;
} subject;

static loam_allocator make(void *context)
{
    subject *s = context;

    begin_threaded_over(&s->ground, s->over_libc, s->config);
    return loam_pool_threaded_allocator(&s->ground.pool);
}

static void end(void *context)
{
    end_threaded(&((subject *)context)->ground);
}

static void conform(const char *name, bool over_libc, loam_pool_config config)
{
    static subject s;

    s.over_libc = over_libc;
    s.config = config;
    loam_conformance_run(
        &(conformance_subject){.name = name, .context = &s, .make = make, .end = end});
}

TEST(conformance, fast)
{
    conform("over a region", false, (loam_pool_config){0});
    conform("over libc", true, (loam_pool_config){0});
}

/* Every option that changes what a request gets. */
TEST(conformance_of_options, fast)
{
    static const size_t table[] = {24, 40, 56, 1024, 4096};

    conform("powers", false, (loam_pool_config){.sizes = LOAM_POOL_POWERS});
    conform("lines", false, (loam_pool_config){.cache_lines = true});
    conform("lines over libc", true,
            (loam_pool_config){.cache_lines = true, .slab = 4 << 10, .largest = 1024});
    conform("table", false,
            (loam_pool_config){.sizes = LOAM_POOL_TABLE, .table = table, .table_count = 5});
    conform("no fronts", false, (loam_pool_config){.front = 1, .keep = 1});
    conform("long fronts", true, (loam_pool_config){.front = 64});
}

/* Any thread may use it, and nobody may put a cache before it (C4). */
TEST(traits, fast)
{
    ground_pool g;
    loam_allocator a;

    begin_threaded(&g, false);
    a = loam_pool_threaded_allocator(&g.pool);
    EXPECT(loam_allocator_threadsafe(a) && loam_allocator_reclaims(a));
    EXPECT(!a.ops->cache && a.ops->owns);
    end_threaded(&g);
    begin_threaded(&g, true);
    EXPECT(!loam_pool_threaded_allocator(&g.pool).ops->owns);
    end_threaded(&g);
}

/* ---- life ---- */

TEST(what_init_refuses, fast)
{
    static loam_pool_threaded pool;
    static const size_t descending[] = {64, 32};
    loam_locked locked;
    source s;

    source_begin(&s, SOURCE_ARENA);
    EXPECT(!loam_pool_threaded_init(&pool, &(loam_pool_config){0}));
    EXPECT(!loam_allocator_threadsafe(s.allocator));
    EXPECT(!loam_pool_threaded_init(&pool, &(loam_pool_config){.allocator = s.allocator}));
    EXPECT(!loam_pool_threaded_create(&(loam_pool_config){.allocator = s.allocator}));
    loam_locked_init(&locked, s.allocator);
    s.allocator = loam_locked_allocator(&locked);
    EXPECT(!loam_pool_threaded_init(&pool, &(loam_pool_config){.allocator = s.allocator,
                                                               .sizes = LOAM_POOL_TABLE,
                                                               .table = descending,
                                                               .table_count = 2}));
    EXPECT(loam_pool_threaded_init(&pool, &(loam_pool_config){.allocator = s.allocator}));
    loam_pool_threaded_deinit(&pool);
    source_end(&s);
}

/* A created pool lies in memory of its source, also in its figures, and gives all of it back. */
TEST(create, fast)
{
    loam_region region;
    loam_pool_threaded *pool;
    loam_stats stats, held;
    void *block;

    EXPECT(loam_region_init(&region, NULL));
    pool =
        loam_pool_threaded_create(&(loam_pool_config){.granules = loam_region_granules(&region)});
    EXPECT(pool != NULL);
    block = loam_pool_threaded_take(pool, 100);
    EXPECT(block != NULL);
    stats = threaded_stats(pool);
    loam_region_stats(&region, &held);
    EXPECT_EQ(stats.committed, held.live);
    EXPECT_EQ(stats.blocks, 1);
    loam_pool_threaded_destroy(pool);
    loam_pool_threaded_destroy(NULL);
    loam_region_stats(&region, &held);
    EXPECT_EQ(held.live, 0);
    loam_region_deinit(&region);
    pool = loam_pool_threaded_create(&(loam_pool_config){.allocator = loam_libc_allocator()});
    EXPECT(pool != NULL);
    loam_pool_threaded_give(pool, loam_pool_threaded_take(pool, 50), 50);
    loam_pool_threaded_destroy(pool);
}

/* All goes with the pool, whatever is live; and the pool of the next round finds none of it. */
TEST(ends_with_live_blocks, fast)
{
    ground_pool g;

    for (size_t round = 0; round < 50; round++) {
        begin_threaded(&g, false);
        for (size_t i = 1; i < 500; i++)
            EXPECT(loam_pool_threaded_take(&g.pool, i * 97 % 40000 + 1) != NULL);
        loam_pool_threaded_deinit(&g.pool);
        EXPECT_EQ(region_held(&g), 0);
        loam_region_deinit(&g.region);
    }
}

/* One thread uses more pools than it finds without a lock, and they end in another order. */
TEST(many_pools_in_one_thread, fast)
{
    enum { POOLS = 50, ROUNDS = 40 };
    static loam_pool_threaded pools[POOLS];
    static void *blocks[POOLS][ROUNDS];
    loam_region region;
    loam_stats held;

    EXPECT(loam_region_init(&region, NULL));
    for (size_t i = 0; i < POOLS; i++)
        EXPECT(loam_pool_threaded_init(
            &pools[i], &(loam_pool_config){.granules = loam_region_granules(&region)}));
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < POOLS; i++) {
            blocks[i][round] = loam_pool_threaded_take(&pools[i], 40);
            sign(blocks[i][round], 40, i * ROUNDS + round);
        }
    }
    for (size_t i = 0; i < POOLS; i++) {
        loam_pool_threaded *pool = &pools[i * 7 % POOLS];

        EXPECT_EQ(pool->heap_count, 1);
        EXPECT_EQ(threaded_stats(pool).blocks, ROUNDS);
        for (size_t round = 0; round < ROUNDS; round++) {
            EXPECT(is_signed(blocks[i * 7 % POOLS][round], 40, i * 7 % POOLS * ROUNDS + round));
            loam_pool_threaded_give(pool, blocks[i * 7 % POOLS][round], 40);
        }
        EXPECT(loam_pool_threaded_check(pool, report_broken, NULL));
        EXPECT_EQ(threaded_stats(pool).blocks, 0);
        loam_pool_threaded_deinit(pool);
    }
    loam_region_stats(&region, &held);
    EXPECT_EQ(held.live, 0);
    loam_region_deinit(&region);
}

/* A pool may stand on another one. */
TEST(pool_over_pool, fast)
{
    enum { BLOCKS = 3000 };
    static void *blocks[BLOCKS];
    static loam_pool_threaded upper;
    ground_pool g;

    begin_threaded(&g, false);
    EXPECT(loam_pool_threaded_init(
        &upper, &(loam_pool_config){.allocator = loam_pool_threaded_allocator(&g.pool),
                                    .slab = 8 << 10,
                                    .largest = 1024}));
    for (size_t i = 0; i < BLOCKS; i++)
        EXPECT((blocks[i] = loam_pool_threaded_take(&upper, i % 3000 + 1)) != NULL);
    for (size_t i = 0; i < BLOCKS; i++)
        loam_pool_threaded_give(&upper, blocks[i], i % 3000 + 1);
    EXPECT(loam_pool_threaded_check(&upper, report_broken, NULL));
    loam_pool_threaded_deinit(&upper);
    end_threaded(&g);
}

/* ---- a model ---- */

typedef struct held_block {
    char *ptr;
    size_t size, align, whole;
    uint64_t seed;
} held_block;

static void drop_one(ground_pool *g, held_block *b, size_t *blocks, size_t *bytes)
{
    EXPECT(is_signed(b->ptr, b->size, b->seed));
    loam_pool_threaded_give_aligned(&g->pool, b->ptr, b->size, b->align);
    b->ptr = NULL;
    *blocks -= 1;
    *bytes -= b->whole;
}

static void take_one(ground_pool *g, held_block *b, test_rng *rng, size_t *blocks, size_t *bytes)
{
    b->size = random_size(rng);
    b->align = (size_t)1 << test_rng_below(rng, test_rng_one_in(rng, 20) ? 13 : 5);
    b->seed = test_rng_next(rng);
    b->ptr = loam_pool_threaded_take_aligned(&g->pool, b->size, b->align);
    EXPECT(b->ptr && is_aligned(b->ptr, b->align));
    b->whole = loam_pool_class_aligned(&g->pool.shape, b->size, b->align)
                   ? loam_pool_threaded_good_size(&g->pool, b->size, b->align)
                   : b->size;
    EXPECT_LE(b->size, b->whole);
    EXPECT(g->over_libc || loam_pool_threaded_owns(&g->pool, b->ptr + b->size / 2));
    sign(b->ptr, b->size, b->seed);
    *blocks += 1;
    *bytes += b->whole;
}

/* Random steps; contents, alignment and figures are always those of a simple model. */
static void run_model(bool over_libc, loam_pool_config config, size_t steps)
{
    enum { HELD = 2000 };
    static held_block held[HELD];
    ground_pool g;
    size_t blocks = 0, bytes = 0;
    test_rng rng;

    memset(held, 0, sizeof held);
    test_rng_init(&rng, test_seed());
    begin_threaded_over(&g, over_libc, config);
    for (size_t i = 0; i < steps; i++) {
        held_block *b = &held[test_rng_below(&rng, i / 4096 % 2 ? HELD : HELD / 20)];
        uint64_t chance = test_rng_below(&rng, 2000);

        if (b->ptr)
            drop_one(&g, b, &blocks, &bytes);
        else
            take_one(&g, b, &rng, &blocks, &bytes);
        if (chance == 0)
            expect_quiet(&g, blocks, bytes);
        else if (chance == 1)
            (void)loam_pool_threaded_trim(&g.pool);
        else if (chance == 2)
            (void)loam_pool_threaded_thread_flush(&g.pool);
        else if (chance == 3)
            EXPECT_EQ(threaded_stats(&g.pool).live, bytes);
    }
    for (size_t i = 0; i < HELD; i++)
        if (held[i].ptr)
            drop_one(&g, &held[i], &blocks, &bytes);
    EXPECT_EQ(bytes, 0);
    end_threaded(&g);
}

TEST(model, fast)
{
    size_t steps = test_bound("LOAM_TEST_POOL_STEPS", 40000);

    run_model(false, (loam_pool_config){0}, steps);
    run_model(true, (loam_pool_config){.slab = 16 << 10, .largest = 2048}, steps);
    run_model(false, (loam_pool_config){.sizes = LOAM_POOL_POWERS, .keep = 1}, steps);
}

TEST(model_long, slow)
{
    run_model(false, (loam_pool_config){0}, test_bound("LOAM_TEST_POOL_STEPS", 3000000));
    run_model(true, (loam_pool_config){0}, test_bound("LOAM_TEST_POOL_STEPS", 1000000));
}

/* ---- sizes that no class has ---- */

enum { WAITING = 8 };
static void *waiting[WAITING];

static void give_and_take_more(void *context, size_t index)
{
    loam_pool_threaded *pool = context;
    void *block;

    (void)index;
    for (size_t i = 0; i < WAITING; i++)
        loam_pool_threaded_give(pool, waiting[i], 32);
    for (size_t size = 33; size < 2000; size += 97) {
        EXPECT((block = loam_pool_threaded_take_aligned(pool, size, WAITING)) != NULL);
        memset(block, 1, size);
        loam_pool_threaded_give_aligned(pool, block, size, WAITING);
    }
}

/* They find no class, whatever lies behind the last one of a heap: lines of blocks that wait, here of the
 * fourth class, whose count could be taken for an alignment. */
TEST(sizes_behind_the_last_class, fast)
{
    static const size_t table[] = {8, 16, 24, 32};
    ground_pool g;

    begin_threaded_over(
        &g, false, (loam_pool_config){.sizes = LOAM_POOL_TABLE, .table = table, .table_count = 4});
    for (size_t i = 0; i < WAITING; i++)
        EXPECT((waiting[i] = loam_pool_threaded_take(&g.pool, 32)) != NULL);
    test_run_threads(1, give_and_take_more, &g.pool);
    end_threaded(&g);
}

/* ---- giving back ---- */

/* A thread that gives all its blocks back keeps little, and after a flush nothing but its heap. */
TEST(flush_and_trim, fast)
{
    enum { BLOCKS = 20000 };
    static void *blocks[BLOCKS];
    ground_pool g;
    size_t before, after;

    begin_threaded(&g, false);
    loam_pool_threaded_give(&g.pool, loam_pool_threaded_take(&g.pool, 8), 8);
    (void)loam_pool_threaded_thread_flush(&g.pool);
    before = region_held(&g);
    EXPECT_EQ(before, threaded_stats(&g.pool).committed);
    for (int trim = 0; trim < 2; trim++) {
        for (size_t i = 0; i < BLOCKS; i++)
            EXPECT((blocks[i] = loam_pool_threaded_take(&g.pool, i % 500 + 1)) != NULL);
        for (size_t i = 0; i < BLOCKS; i++)
            loam_pool_threaded_give(&g.pool, blocks[i * 7919 % BLOCKS],
                                    i * 7919 % BLOCKS % 500 + 1);
        after = region_held(&g);
        EXPECT_LE(after - before, 60 * LOAM_REGION_GRANULE);
        EXPECT_EQ(trim ? loam_pool_threaded_trim(&g.pool)
                       : loam_pool_threaded_thread_flush(&g.pool),
                  after - before);
        EXPECT_EQ(region_held(&g), before);
    }
    EXPECT_EQ(loam_pool_threaded_trim(&g.pool), 0);
    end_threaded(&g);
}

/* ---- refusals ---- */

typedef struct refusal {
    loam_locked locked;
    loam_pool_threaded pool;
    bool begun;
    void *blocks[64];
    size_t count;
} refusal;

static void begin_refusal(void *context, loam_allocator allocator)
{
    refusal *r = context;

    loam_locked_init(&r->locked, allocator);
    r->begun = false;
    r->count = 0;
}

static size_t refusal_size(size_t i)
{
    return i % 8 == 7 ? 50000 : 16 + 500 * i;
}

static bool step_refusal(void *context)
{
    refusal *r = context;
    loam_pool_config config = {.allocator = loam_locked_allocator(&r->locked)};

    if (!r->begun && !(r->begun = loam_pool_threaded_init(&r->pool, &config)))
        return false;
    for (; r->count < 64; r->count++) {
        r->blocks[r->count] = loam_pool_threaded_take(&r->pool, refusal_size(r->count));
        if (!r->blocks[r->count])
            return false;
    }
    return true;
}

static void check_refusal(void *context, bool done)
{
    refusal *r = context;

    EXPECT(!done || r->count == 64);
    if (!r->begun)
        return;
    EXPECT(loam_pool_threaded_check(&r->pool, report_broken, NULL));
    EXPECT_EQ(threaded_stats(&r->pool).blocks, r->count);
    EXPECT(done || threaded_stats(&r->pool).failures > 0);
}

static void end_refusal(void *context)
{
    refusal *r = context;

    for (size_t i = 0; i < r->count; i++)
        loam_pool_threaded_give(&r->pool, r->blocks[i], refusal_size(i));
    if (!r->begun)
        return;
    EXPECT_EQ(threaded_stats(&r->pool).blocks, 0);
    loam_pool_threaded_deinit(&r->pool);
}

/* Whatever call of the source is refused, the pool is as before, and serves when the source does. */
TEST(refused_at_every_call, fast)
{
    static refusal r;

    EXPECT(fail_each_allocation(&(fail_each_scenario){.name = "threaded pool",
                                                      .context = &r,
                                                      .begin = begin_refusal,
                                                      .step = step_refusal,
                                                      .check = check_refusal,
                                                      .end = end_refusal}) > 0);
}

/* ---- figures ---- */

/* Bytes that are more than half of what a size_t counts are counted all the same: on 32-bit systems
 * such pools exist, and here one pretends to have handed out so much. */
TEST(more_than_half_of_all_bytes, fast)
{
    ground_pool g;
    loam_pool_class *cls;
    void *block;
    size_t more;

    begin_threaded(&g, false);
    block = loam_pool_threaded_take(&g.pool, 1024);
    EXPECT(block != NULL);
    cls = loam_record_owner(loam_region_find(&g.region, block));
    more = (SIZE_MAX / 2 + 4096) / 1024;
    cls->out += more;
    EXPECT_EQ(threaded_stats(&g.pool).blocks, more + 1);
    EXPECT_EQ(threaded_stats(&g.pool).live, (more + 1) * 1024);
    cls->out -= more;
    loam_pool_threaded_give(&g.pool, block, 1024);
    end_threaded(&g);
}

/* ---- misuse ---- */

#if LOAM_CHECKS
static ground_pool misused;

static void give_twice(void *context)
{
    void *block = loam_pool_threaded_take(&misused.pool, 100);

    (void)context;
    EXPECT(loam_pool_threaded_take(&misused.pool, 100) != NULL); /* the slab stays in use */
    loam_pool_threaded_give(&misused.pool, block, 100);
    loam_pool_threaded_give(&misused.pool, block, 100);
}

static void give_foreign(void *context)
{
    static char foreign[256];

    (void)context;
    loam_pool_threaded_give(&misused.pool, foreign, 100);
}

static void give_other_size(void *context)
{
    (void)context;
    loam_pool_threaded_give(&misused.pool, loam_pool_threaded_take(&misused.pool, 100), 200);
}

static void give_to_other_pool(void *context)
{
    static loam_pool_threaded other;

    (void)context;
    EXPECT(loam_pool_threaded_init(
        &other, &(loam_pool_config){.granules = loam_region_granules(&misused.region)}));
    loam_pool_threaded_give(&other, loam_pool_threaded_take(&other, 100), 100);
    loam_pool_threaded_give(&other, loam_pool_threaded_take(&misused.pool, 100), 100);
}

/* As give_to_other_pool(), where the region has no granule left for a heap of the other pool. */
static void give_without_heap(void *context)
{
    static loam_pool_threaded other;
    loam_granules granules = loam_region_granules(&misused.region);

    (void)context;
    EXPECT(loam_pool_threaded_init(&other, &(loam_pool_config){.granules = granules}));
    for (size_t run = 4096; run > 0; run /= 2) {
        while (loam_granules_take(granules, run, 1, LOAM_POOL_KIND_LARGE, NULL, NULL)) {
        }
    }
    loam_pool_threaded_give(&other, context, 100);
}

static void write_after(void *context)
{
    char *block = loam_pool_threaded_take(&misused.pool, 100);

    (void)context;
    loam_pool_threaded_give(&misused.pool, block, 100);
    block[50] = 1;
    (void)loam_pool_threaded_trim(&misused.pool);
}
#endif

/* A checked build names what was done; over both kinds of source. */
TEST(misuse, fast)
{
#if LOAM_CHECKS
    for (int over_libc = 0; over_libc < 2; over_libc++) {
        begin_threaded(&misused, over_libc != 0);
        test_dies(give_twice, NULL, "loam: fatal: block was given back twice: 0x");
        test_dies(give_foreign, NULL, "loam: fatal: block is not of this allocator: 0x");
        test_dies(give_other_size, NULL, "loam: fatal: block is not of this allocator: 0x");
        if (!over_libc)
            test_dies(give_to_other_pool, NULL, "loam: fatal: block is not of this allocator: 0x");
        if (!over_libc) {
            void *block = loam_pool_threaded_take(&misused.pool, 100);

            test_dies(give_without_heap, block, "loam: fatal: block is not of this allocator: 0x");
            loam_pool_threaded_give(&misused.pool, block, 100);
        }
        if (!test_under_asan())
            test_dies(write_after, NULL, "loam: fatal: write to a block that was given back: 0x");
        end_threaded(&misused);
    }
#else
    TEST_SKIP("this build has no checks");
#endif
}

TEST_MAIN
