/* test_memory.c: what a million blocks cost: slabs, their records and the class together, as the
 * region and the system tell, are at most a hundredth more than the blocks themselves. */
#include "pool/pool_support.h"

#include "vm/memory.h"

#include <string.h>

typedef struct account {
    size_t blocks;    /* bytes of blocks */
    size_t committed; /* granules that are held, their records, and the class */
    size_t resident;  /* pages of these granules that are in memory, records, and the class */
} account;

/* What belongs to a run of granules outside of it: a record and a class byte for each. */
static size_t outside_of(const loam_region *region)
{
    return region->held * (region->stride + 1);
}

static account take_many(size_t size, size_t count)
{
    loam_region_config big = {.reserve = (size_t)2 << 30};
    loam_region region;
    loam_pool_class cls;
    loam_pool_class_config config = {.size = size};
    size_t page = loam_vm_page_size();
    account a = {size * count, 0, 0};
    loam_stats stats;

    EXPECT(loam_region_init(&region, &big));
    config.granules = loam_region_granules(&region);
    begin_class(&cls, &config);
    for (size_t i = 0; i < count; i++)
        memset(must_take(&cls), 1, size);
    stats = class_stats(&cls);
    EXPECT_EQ(stats.live, a.blocks);
    EXPECT_EQ(stats.committed, region.held * LOAM_REGION_GRANULE);
    a.committed = stats.committed + outside_of(&region) + sizeof cls;
    if (memory_tells_resident())
        a.resident =
            memory_resident((void *)region.base, region.frontier * LOAM_REGION_GRANULE, page) *
                page +
            outside_of(&region) + sizeof cls;
    loam_pool_class_deinit(&cls);
    EXPECT_EQ(region.held, 0);
    loam_region_deinit(&region);
    return a;
}

static void run_all(size_t count)
{
    if (LOAM_CHECKS || test_under_asan() || test_under_tsan() || test_under_valgrind())
        TEST_SKIP("checks and tools keep their own beside the blocks");
    for (size_t size = 16; size <= 512; size += size < 64    ? 8
                                                : size < 128 ? 16
                                                : size < 256 ? 32
                                                             : 64) {
        account a = take_many(size, count);
        size_t last = LOAM_REGION_GRANULE; /* the slab in use is not full */

        test_note("%zu blocks of %zu bytes", count, size);
        EXPECT_LE(a.resident, a.blocks + a.blocks / 100 + loam_vm_page_size());
        EXPECT_LE(a.committed, a.blocks + a.blocks / 100 + (count < 1000000 ? last : 0));
        test_note(NULL);
    }
}

TEST(a_hundredth_at_most, fast)
{
    run_all(100000);
}

TEST(a_hundredth_at_most_of_a_million, slow)
{
    run_all(1000000);
}

/* The same through a pool, of which each class is used: the classes that are not cost nothing but
 * their KiB. */
TEST(a_pool_costs_little_more, slow)
{
    loam_region_config big = {.reserve = (size_t)2 << 30};
    loam_region region;
    loam_pool pool;
    loam_pool_config config = {.largest = 512};
    size_t blocks = 0;

    if (LOAM_CHECKS || test_under_asan() || test_under_tsan() || test_under_valgrind())
        TEST_SKIP("checks and tools keep their own beside the blocks");
    EXPECT(loam_region_init(&region, &big));
    config.granules = loam_region_granules(&region);
    begin_pool(&pool, &config);
    for (size_t i = 0; i < 1000000; i++) {
        const loam_pool_class *cls = &pool.classes[i % pool.count];

        EXPECT(loam_pool_take_aligned(&pool, cls->front.size, 8) != NULL);
        blocks += cls->front.size;
    }
    EXPECT_EQ(pool_stats(&pool).live, blocks);
    EXPECT_LE(pool_stats(&pool).committed + outside_of(&region) + sizeof pool,
              blocks + blocks / 100);
    EXPECT_GOOD_POOL(&pool);
    loam_pool_deinit(&pool);
    loam_region_deinit(&region);
}

TEST_MAIN
