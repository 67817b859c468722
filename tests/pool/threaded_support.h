/* threaded_support.h: what the tests of threaded pools share. */
#ifndef LOAM_TEST_THREADED_SUPPORT_H
#define LOAM_TEST_THREADED_SUPPORT_H

#include "pool_support.h"

#include <loam/pool_threaded.h>

/* A pool over a region, or over libc. */
typedef struct ground_pool {
    loam_region region;
    loam_pool_threaded pool;
    bool over_libc;
} ground_pool;

static inline void report_broken(void *context, const char *property, const void *where)
{
    (void)context;
    TEST_FAIL("the pool is not sound: %s at %p", property, where);
}

static inline void begin_threaded_over(ground_pool *g, bool over_libc, loam_pool_config config)
{
    (void)test_seed(); /* chosen before there are threads */
    g->over_libc = over_libc;
    EXPECT(loam_region_init(&g->region, NULL));
    if (over_libc)
        config.allocator = loam_libc_allocator();
    else
        config.granules = loam_region_granules(&g->region);
    EXPECT(loam_pool_threaded_init(&g->pool, &config));
}

static inline void begin_threaded(ground_pool *g, bool over_libc)
{
    begin_threaded_over(g, over_libc, (loam_pool_config){0});
}

static inline loam_stats threaded_stats(loam_pool_threaded *pool)
{
    loam_stats stats;

    loam_pool_threaded_stats(pool, &stats);
    return stats;
}

static inline size_t region_held(ground_pool *g)
{
    loam_stats stats;

    loam_region_stats(&g->region, &stats);
    return stats.live;
}

/* Nobody else is in the pool, which is sound, and has so many live blocks in so many bytes. */
static inline void expect_quiet(ground_pool *g, size_t blocks, size_t live)
{
    loam_stats stats = threaded_stats(&g->pool);
    walk_sums sums = {0, 0, 0, 0, 0};

    EXPECT_EQ(stats.blocks, blocks);
    EXPECT_EQ(stats.live, live);
    EXPECT(loam_pool_threaded_check(&g->pool, report_broken, NULL));
    stats = threaded_stats(&g->pool);
    EXPECT_EQ(stats.blocks, blocks);
    EXPECT_EQ(stats.live, live);
    EXPECT_LE(stats.live, stats.peak);
    EXPECT_LE(stats.live + stats.lost, stats.committed);
    if (g->over_libc)
        return;
    EXPECT_EQ(stats.committed, region_held(g));
    EXPECT(loam_pool_threaded_walk(&g->pool, add_to_sums, &sums));
    EXPECT_EQ(sums.live, live);
    EXPECT_EQ(sums.blocks, blocks);
    EXPECT_EQ(sums.live + sums.free + sums.metadata, stats.committed);
}

/* Ends a pool that has nothing live, which leaves nothing in the region. */
static inline void end_threaded(ground_pool *g)
{
    expect_quiet(g, 0, 0);
    loam_pool_threaded_deinit(&g->pool);
    EXPECT_EQ(region_held(g), 0);
    loam_region_deinit(&g->region);
}

/* A block that says who it is, at both of its ends. */
static inline void sign(void *block, size_t size, uint64_t seed)
{
    memcpy(block, &seed, size < 8 ? size : 8);
    if (size >= 16)
        memcpy((char *)block + size - 8, &seed, 8);
}

static inline bool is_signed(const void *block, size_t size, uint64_t seed)
{
    return memcmp(block, &seed, size < 8 ? size : 8) == 0 &&
           (size < 16 || memcmp((const char *)block + size - 8, &seed, 8) == 0);
}

/* Mostly small sizes; now and then a large block. */
static inline size_t random_size(test_rng *rng)
{
    uint64_t chance = test_rng_below(rng, 1000);

    if (chance < 2)
        return 33000 + (size_t)test_rng_below(rng, 200000);
    if (chance < 50)
        return 1 + (size_t)test_rng_below(rng, 32768);
    return 1 + (size_t)test_rng_below(rng, chance < 300 ? 1024 : 128);
}

#endif
