/* counting: the figures are exact, in one thread and in many. */
#include "adapters/puppet.h"

#include <loam/adapters.h>

static void expect_figures(const loam_counting *counting, size_t live, size_t peak, size_t blocks,
                           size_t allocations, size_t failures)
{
    loam_stats stats;

    loam_counting_stats(counting, &stats);
    EXPECT_EQ(stats.live, live);
    EXPECT_EQ(stats.peak, peak);
    EXPECT_EQ(stats.blocks, blocks);
    EXPECT_EQ(stats.allocations, allocations);
    EXPECT_EQ(stats.failures, failures);
    EXPECT_EQ(stats.committed | stats.reserved | stats.lost | stats.metadata | stats.refused, 0);
}

/* Each operation's share in each figure, plain and atomic. */
TEST(figures_follow_each_call, fast)
{
    for (uint32_t shared = 0; shared <= 1; shared++) {
        loam_counting counting;
        loam_allocator a;
        void *one, *other;
        puppet p;

        puppet_init(&p);
        p.ops.traits |= shared ? LOAM_THREADSAFE : 0;
        loam_counting_init(&counting, puppet_allocator(&p));
        a = loam_counting_allocator(&counting);
        expect_figures(&counting, 0, 0, 0, 0, 0);
        one = loam_alloc(a, 100, 8);
        other = loam_zalloc(a, 50, 8);
        expect_figures(&counting, 150, 150, 2, 2, 0);
        loam_dealloc(a, other, 50, 8);
        expect_figures(&counting, 100, 150, 1, 2, 0);
        EXPECT(loam_resize(a, one, 100, 120, 8));
        expect_figures(&counting, 120, 150, 1, 2, 0);
        EXPECT(!loam_resize(a, one, 120, 500, 8));
        expect_figures(&counting, 120, 150, 1, 2, 0);
        EXPECT((one = loam_remap(a, one, 120, 500, 8)) != NULL);
        expect_figures(&counting, 500, 500, 1, 2, 0);
        EXPECT((one = loam_remap(a, one, 500, 10, 8)) != NULL);
        expect_figures(&counting, 10, 500, 1, 2, 0);
        p.refuse = true;
        EXPECT(!loam_alloc(a, 1, 1) && !loam_zalloc(a, 1, 1) && !loam_remap(a, one, 10, 20, 8));
        expect_figures(&counting, 10, 500, 1, 2, 2);
        loam_counting_reset_peak(&counting);
        expect_figures(&counting, 10, 10, 1, 2, 2);
        loam_counting_reset(&counting);
        expect_figures(&counting, 0, 10, 0, 2, 2);
        loam_counting_deinit(&counting);
    }
}

/* What realloc copies is live twice for a moment, and the peak says so. */
TEST(copying_shows_in_the_peak, fast)
{
    loam_counting counting;
    loam_allocator a;
    puppet p;
    void *ptr;

    puppet_init(&p);
    p.ops.resize = NULL;
    p.ops.remap = NULL;
    loam_counting_init(&counting, puppet_allocator(&p));
    a = loam_counting_allocator(&counting);
    ptr = loam_alloc(a, 1000, 8);
    EXPECT((ptr = loam_realloc(a, ptr, 1000, 3000, 8)) != NULL);
    expect_figures(&counting, 3000, 4000, 1, 2, 0);
}

enum { THREADS = 4, ROUNDS = 2000 };

/* Live bytes of a thread at its most, in units of its index + 1: 16 of one block, 32 of another. */
static const size_t most_each = 48;

typedef struct crowd {
    loam_counting counting;
    size_t held; /* what a thread may add to the peak, in all */
} crowd;

static void take_and_give(void *context, size_t index)
{
    crowd *all = context;
    loam_allocator a = loam_counting_allocator(&all->counting);
    size_t size = 16 * (index + 1);

    for (size_t i = 0; i < ROUNDS; i++) {
        void *one = loam_alloc(a, size, 8);
        void *other = loam_zalloc(a, size, 8);
        loam_stats stats;

        EXPECT(one && other);
        EXPECT((one = loam_realloc(a, one, size, size * 2, 8)) != NULL);
        loam_counting_stats(&all->counting, &stats);
        EXPECT(stats.live >= 3 * size && stats.peak >= stats.live);
        loam_dealloc(a, other, size, 8);
        loam_dealloc(a, one, size * 2, 8);
    }
}

/* No update is lost between threads, and live never falls below what a thread itself holds. */
TEST(threads_lose_no_count, fast)
{
    crowd all;
    loam_stats stats;

    loam_counting_init(&all.counting, loam_libc_allocator());
    EXPECT(loam_allocator_threadsafe(loam_counting_allocator(&all.counting)));
    test_run_threads(THREADS, take_and_give, &all);
    loam_counting_stats(&all.counting, &stats);
    EXPECT_EQ(stats.live, 0);
    EXPECT_EQ(stats.blocks, 0);
    EXPECT_EQ(stats.failures, 0);
    EXPECT_EQ(stats.allocations, THREADS * ROUNDS * 2);
    EXPECT(stats.peak >= most_each * THREADS && stats.peak <= most_each * (1 + 2 + 3 + 4));
}

TEST_MAIN
