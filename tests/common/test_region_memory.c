/* test_region_memory.c: what lies behind granules: what reads zero, what is given back to the
 * system and committed again, and the figures and pieces that tell of it. */
#include "region_support.h"

#include "internal/vm_backend.h"

#include <loam/vm.h>

#include <string.h>

/* ---- zeros, purging, decommitting ---- */

/* A taker is told exactly which granules from the start may hold something. */
TEST(dirty_prefix_is_exact, fast)
{
    loam_granules_info info;
    loam_region region;
    char *ptr;

    region_init_chunks(&region, 1);
    ptr = (char *)loam_region_take(&region, 8, 1, KIND_A, NULL, &info);
    EXPECT_EQ(info.dirty, 0);
    EXPECT(region_reads_zero(ptr, 8));
    memset(ptr, 1, 8 * LOAM_REGION_GRANULE);
    loam_region_give(&region, ptr, 8); /* back into the frontier */

    EXPECT_PTR(loam_region_take(&region, 12, 1, KIND_A, NULL, &info), ptr);
    EXPECT_EQ(info.dirty, 8);
    EXPECT(region_reads_zero(ptr + 8 * LOAM_REGION_GRANULE, 4));

    /* A holder that purges by itself says so, and is believed. */
    EXPECT(
        loam_vm_purge(ptr + 3 * LOAM_REGION_GRANULE, 9 * LOAM_REGION_GRANULE, LOAM_VM_PURGE_NOW));
    loam_region_mark(&region, 3, 9, 0);
    loam_region_give(&region, ptr, 12);
    EXPECT_PTR(loam_region_take(&region, 12, 1, KIND_A, NULL, &info), ptr);
    EXPECT_EQ(info.dirty, 3);
    EXPECT(region_reads_zero(ptr + 3 * LOAM_REGION_GRANULE, 9));
    region_expect_whole(&region);
    loam_region_deinit(&region);
}

/* A purge takes whole granules up to its budget, the longest runs first, and never twice. */
TEST(purge_by_budget, fast)
{
    static const size_t lengths[] = {2, 70, 5, 1, 64};
    const size_t g = LOAM_REGION_GRANULE;
    loam_granules_info info;
    loam_region region;
    void *ptr;

    region_init_chunks(&region, 4);
    region_scatter_free_runs(&region, lengths, 5);
    EXPECT_EQ(loam_region_purge(&region, 0), 0);
    EXPECT_EQ(loam_region_purge(&region, g - 1), 0);
    EXPECT_EQ(loam_region_purge(&region, g), g);
    region_expect_whole(&region);
    EXPECT_EQ(loam_region_purge(&region, 100 * g + 7), 100 * g);
    region_expect_whole(&region);
    EXPECT_EQ(loam_region_purge(&region, 35 * g),
              35 * g); /* 1 + 100 + 35: 64, 70, and 2 of the 5 */
    EXPECT_EQ(loam_region_purge(&region, SIZE_MAX), 6 * g);
    EXPECT_EQ(loam_region_purge(&region, SIZE_MAX), 0);
    region_expect_whole(&region);
    EXPECT_EQ(region_stats(&region).committed - region_stats(&region).metadata,
              region.committed * g);
    for (size_t i = 0; i < 5; i++) {
        ptr = loam_region_take(&region, lengths[i], 1, KIND_B, NULL, &info);
        EXPECT_EQ(info.dirty, 0);
        EXPECT(region_reads_zero(ptr, lengths[i]));
    }
    EXPECT_EQ(region_stats(&region).live, region.frontier * g);
    loam_region_deinit(&region);
}

/* Memory beyond the frontier is purged too, from the top. */
TEST(purge_beyond_the_frontier, fast)
{
    const size_t g = LOAM_REGION_GRANULE;
    loam_granules_info info;
    loam_region region;
    void *ptr;

    region_init_chunks(&region, 1);
    ptr = loam_region_take(&region, 20, 1, KIND_A, NULL, NULL);
    memset(ptr, 1, 20 * g);
    loam_region_give(&region, ptr, 20);
    EXPECT_EQ(region.frontier, 0);
    EXPECT_EQ(loam_region_purge(&region, 5 * g), 5 * g);
    region_expect_whole(&region);
    EXPECT_PTR(loam_region_take(&region, 20, 1, KIND_A, NULL, &info), ptr);
    EXPECT_EQ(info.dirty, 15);
    EXPECT(region_reads_zero((char *)ptr + 15 * g, 5));
    loam_region_give(&region, ptr, 20);
    EXPECT_EQ(loam_region_purge(&region, SIZE_MAX), 20 * g); /* all was dirty again */
    EXPECT_EQ(loam_region_purge(&region, SIZE_MAX), 0);
    region_expect_whole(&region);
    loam_region_deinit(&region);
}

/* Decommitting gives the charge back too; such granules are committed and zero when taken. */
static void decommit_by_budget(void)
{
    static const size_t lengths[] = {3, 66, 7};
    const size_t g = LOAM_REGION_GRANULE;
    size_t before, pieces;
    loam_granules_info info;
    loam_region region;
    void *ptr;

    region_init_chunks(&region, 4);
    region_scatter_free_runs(&region, lengths, 3);
    pieces = region.committed - region.frontier; /* committed ahead, where that is done */
    EXPECT_EQ(loam_region_purge(&region, 70 * g), 70 * g);
    before = region_stats(&region).committed;
    EXPECT_EQ(loam_region_decommit(&region, (pieces + 50) * g), (pieces + 50) * g);
    EXPECT_EQ(region_stats(&region).committed, before - (pieces + 50) * g);
    region_expect_whole(&region);
    EXPECT_EQ(loam_region_decommit(&region, SIZE_MAX), 26 * g);
    EXPECT_EQ(loam_region_decommit(&region, SIZE_MAX), 0);
    EXPECT_EQ(loam_region_purge(&region, SIZE_MAX), 0);
    EXPECT_EQ(region_stats(&region).committed, before - (pieces + 76) * g);
    region_expect_whole(&region);

    ptr = loam_region_take(&region, 60, 1, KIND_B, NULL, &info); /* a part of the 66 */
    EXPECT_EQ(info.index, 4);
    EXPECT_EQ(info.dirty, 0);
    EXPECT(region_reads_zero(ptr, 60));
    region_expect_whole(&region);
    memset(ptr, 1, 60 * g);
    loam_region_give(&region, ptr, 60);
    region_expect_whole(&region);
    ptr = loam_region_take(&region, 66, 1, KIND_B, NULL, &info); /* warm and cold in one */
    EXPECT_EQ(info.index, 4);
    EXPECT_EQ(info.dirty, 60);
    memset(ptr, 1, 66 * g);
    region_expect_whole(&region);
    loam_region_deinit(&region);
}

TEST(decommit_budget, fast)
{
    decommit_by_budget();
}

/* Beyond the frontier, what is decommitted is simply not committed any more. */
static void decommit_beyond(void)
{
    const size_t g = LOAM_REGION_GRANULE;
    loam_granules_info info;
    loam_region region;
    size_t committed;
    void *ptr, *low;

    region_init_chunks(&region, 2);
    low = loam_region_take(&region, 10, 1, KIND_A, NULL, NULL);
    ptr = loam_region_take(&region, 30, 1, KIND_A, NULL, NULL);
    memset(ptr, 1, 30 * g);
    loam_region_give(&region, low, 10);
    EXPECT_EQ(loam_region_decommit(&region, (region.committed - region.frontier + 4) * g),
              (region.committed - region.frontier + 4) * g);
    loam_region_give(&region, ptr, 30); /* joins cold granules, and the frontier is 0 */
    EXPECT_EQ(region.frontier, 0);
    region_expect_whole(&region);
    committed = region.committed;
    EXPECT_EQ(loam_region_decommit(&region, 8 * g), 8 * g);
    EXPECT_EQ(region.committed, committed - 8);
    region_expect_whole(&region);
    EXPECT_EQ(loam_region_decommit(&region, SIZE_MAX), (committed - 8 - 4) * g);
    EXPECT_EQ(region.committed, 0);
    EXPECT_EQ(region_stats(&region).committed, region_stats(&region).metadata);
    region_expect_whole(&region);
    ptr = loam_region_take(&region, 40, 1, KIND_A, NULL, &info);
    EXPECT_EQ(info.dirty, 0);
    EXPECT(region_reads_zero(ptr, 40));
    memset(ptr, 1, 40 * g);
    region_expect_whole(&region);
    loam_region_deinit(&region);
}

TEST(decommit_beyond_the_frontier, fast)
{
    decommit_beyond();
}

/* A holder may give granules that it has decommitted, if it says so. */
static void give_decommitted(void)
{
    loam_granules_info info;
    loam_region region;
    char *ptr;

    region_init_chunks(&region, 1);
    ptr = (char *)loam_region_take(&region, 6, 1, KIND_A, NULL, NULL);
    EXPECT(loam_region_take(&region, 1, 1, KIND_A, NULL, NULL));
    memset(ptr, 1, 6 * LOAM_REGION_GRANULE);
    EXPECT(loam_vm_decommit(ptr + 2 * LOAM_REGION_GRANULE, 3 * LOAM_REGION_GRANULE));
    loam_region_mark(&region, 2, 3, LOAM_REGION_DECOMMITTED);
    loam_region_give(&region, ptr, 6);
    region_expect_whole(&region);
    EXPECT_PTR(loam_region_take(&region, 5, 1, KIND_A, NULL, &info), ptr);
    EXPECT_EQ(info.dirty, 2);
    EXPECT(region_reads_zero(ptr + 2 * LOAM_REGION_GRANULE, 3));
    memset(ptr, 1, 5 * LOAM_REGION_GRANULE);
    region_expect_whole(&region);
    loam_region_deinit(&region);
}

TEST(decommitted_by_the_holder, fast)
{
    give_decommitted();
}

/* ---- looking at it ---- */

typedef struct sums {
    size_t of[4];
    size_t all;
    uintptr_t last_end;
    size_t stop_after;
} sums;

static bool add_item(void *context, const loam_walk_item *item)
{
    sums *s = (sums *)context;

    EXPECT(item->size > 0);
    s->of[item->kind] += item->size;
    s->all += item->size;
    return --s->stop_after != 0;
}

static void walk_adds_up(void)
{
    static const size_t lengths[] = {2, 70, 5};
    loam_region region;
    loam_stats stats;
    sums s = {.stop_after = SIZE_MAX};

    region_init_chunks(&region, 4);
    EXPECT(loam_region_walk(&region, add_item, &s));
    EXPECT_EQ(s.all, s.of[LOAM_WALK_RESERVED]);

    region_scatter_free_runs(&region, lengths, 3);
    EXPECT(loam_region_decommit(&region, 30 * LOAM_REGION_GRANULE) > 0);
    stats = region_stats(&region);
    s = (sums){.stop_after = SIZE_MAX};
    EXPECT(loam_region_walk(&region, add_item, &s));
    EXPECT_EQ(s.of[LOAM_WALK_LIVE], stats.live);
    EXPECT_EQ(s.of[LOAM_WALK_METADATA], stats.metadata);
    EXPECT_EQ(s.of[LOAM_WALK_LIVE] + s.of[LOAM_WALK_FREE] + s.of[LOAM_WALK_METADATA],
              stats.committed);
    EXPECT_EQ(s.all, stats.reserved);
    EXPECT_EQ(stats.live, 3 * LOAM_REGION_GRANULE);
    EXPECT_EQ(stats.peak, 80 * LOAM_REGION_GRANULE);
    EXPECT_EQ(stats.allocations, 6);
    EXPECT_EQ(stats.blocks, 3);
    EXPECT(stats.live + stats.lost <= stats.committed && stats.committed <= stats.reserved);

    s = (sums){.stop_after = 3};
    EXPECT(!loam_region_walk(&region, add_item, &s));
    EXPECT_EQ(s.stop_after, 0);
    loam_region_deinit(&region);
}

TEST(walk_and_stats_add_up, fast)
{
    walk_adds_up();
}

/* The same where commit is charged and what is not committed faults. */
TEST(strict_commit, fast)
{
    loam_vm_native_force_strict();
    decommit_by_budget();
    decommit_beyond();
    give_decommitted();
    walk_adds_up();
}
