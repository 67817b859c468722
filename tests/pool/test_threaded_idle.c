/* test_threaded_idle.c: threaded pools whose threads go idle: what they hold then, and what others can
 * give back of it. */
#define _GNU_SOURCE
#include "threaded_support.h"

#include "internal/bits.h"
#include "vm/memory.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static ground_pool g;
static pthread_barrier_t barrier;

/* ---- many idle threads after a burst ---- */

enum { IDLE = 64, BURST = 3000 };

static struct {
    void *blocks[BURST];
    size_t sizes[BURST];
} bursts[IDLE];

static loam_stats idle_stats;
static size_t idle_held, flushed_held;
static bool own_bursts;

static size_t burst_size(size_t index, size_t i)
{
    return bursts[index].sizes[i];
}

static void burst(void *context, size_t index)
{
    size_t from = own_bursts ? index : (index + 1) % IDLE;
    test_rng rng;

    (void)context;
    test_rng_init(&rng, test_seed() + index);
    for (size_t i = 0; i < BURST; i++) {
        bursts[index].sizes[i] = 1 + (size_t)test_rng_below(&rng, i % 50 == 0 ? 4000 : 400);
        bursts[index].blocks[i] = loam_pool_threaded_take(&g.pool, burst_size(index, i));
        EXPECT(bursts[index].blocks[i] != NULL);
    }
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < BURST; i++) {
        size_t n = i * 1009 % BURST;

        loam_pool_threaded_give(&g.pool, bursts[from].blocks[n], burst_size(from, n));
    }
    pthread_barrier_wait(&barrier);
    if (index == 0) {
        idle_stats = threaded_stats(&g.pool);
        idle_held = region_held(&g);
    }
    pthread_barrier_wait(&barrier);
    (void)loam_pool_threaded_thread_flush(&g.pool);
    pthread_barrier_wait(&barrier);
    if (index == 0) {
        (void)loam_pool_threaded_trim(&g.pool);
        flushed_held = region_held(&g);
    }
    pthread_barrier_wait(&barrier);
}

static void run_idle(bool own)
{
    size_t bound;

    own_bursts = own;
    begin_threaded(&g, false);
    EXPECT_EQ(pthread_barrier_init(&barrier, NULL, IDLE), 0);
    test_run_threads(IDLE, burst, NULL);
    EXPECT_EQ(pthread_barrier_destroy(&barrier), 0);
    bound = loam_pool_threaded_idle_bound(&g.pool);
    printf("%zu idle threads hold %zu KiB each; the bound is %zu KiB\n", (size_t)IDLE,
           idle_held / IDLE >> 10, bound >> 10);
    EXPECT_EQ(g.pool.heap_count, IDLE);
    EXPECT_EQ(idle_stats.blocks, 0);
    EXPECT_EQ(idle_stats.live, 0);
    EXPECT_EQ(idle_stats.committed, idle_held);
    EXPECT_LE(idle_held, IDLE * bound + LOAM_REGION_GRANULE);
    EXPECT_LE(idle_held, IDLE * (size_t)(5 << 20)); /* what is seen is far below the bound */
    EXPECT_EQ(flushed_held, (IDLE + 1) * LOAM_REGION_GRANULE);
    end_threaded(&g);
}

/* Each of 64 threads takes 3000 blocks, gives them back in another order, and waits: what they hold
 * then is within the bound, and after a flush it is their heaps alone. */
TEST(idle_threads_after_a_burst, fast)
{
    run_idle(true);
}

/* The same, where each gives what another one took. */
TEST(idle_threads_after_a_crossed_burst, fast)
{
    run_idle(false);
}

/* ---- what others can give back of idle threads ---- */

static size_t purged, resident, left_live;

/* Keeps every fiftieth block; what waits, and what is empty, the last thread gives back step by step. */
static void burst_and_wait(void *context, size_t index)
{
    size_t page = loam_vm_page_size(), from = (index + 1) % IDLE, went;
    test_rng rng;

    (void)context;
    test_rng_init(&rng, test_seed() + index);
    for (size_t i = 0; i < BURST; i++) {
        bursts[index].sizes[i] = 1 + (size_t)test_rng_below(&rng, 400);
        bursts[index].blocks[i] = loam_pool_threaded_take(&g.pool, burst_size(index, i));
        EXPECT(bursts[index].blocks[i] != NULL);
        memset(bursts[index].blocks[i], 1, burst_size(index, i));
    }
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < BURST; i++) {
        size_t n = i * 1009 % BURST, whose = n % 2 ? index : from;

        loam_pool_threaded_give(&g.pool, bursts[whose].blocks[n], burst_size(whose, n));
    }
    pthread_barrier_wait(&barrier);
    if (index == 0) {
        for (size_t round = 0; round < 2;) {
            went = loam_pool_threaded_purge_step(&g.pool, 128 << 10);
            purged += went;
            round += went < (size_t)(128 << 10);
        }
        EXPECT_EQ(loam_pool_threaded_purge_step(&g.pool, 0), 0);
        idle_held = region_held(&g);
        left_live = threaded_stats(&g.pool).live;
        (void)loam_region_purge(&g.region, SIZE_MAX);
        if (memory_tells_resident())
            resident = memory_resident((void *)g.region.base,
                                       g.region.frontier * LOAM_REGION_GRANULE, page) *
                       page;
    }
    pthread_barrier_wait(&barrier);
}

/* Sixty-four threads take and give, and are never heard of again. Steps of one other thread bring what
 * the process has in memory to what is live, and what the threads may keep. */
TEST(purge_of_idle_threads, fast)
{
    size_t bound, seen = (size_t)2 << 20;

    begin_threaded(&g, false);
    EXPECT_EQ(pthread_barrier_init(&barrier, NULL, IDLE), 0);
    purged = resident = 0;
    test_run_threads(IDLE, burst_and_wait, NULL);
    EXPECT_EQ(pthread_barrier_destroy(&barrier), 0);
    bound = loam_pool_threaded_idle_bound(&g.pool);
    printf("purged %zu KiB; held %zu KiB, in memory %zu KiB for each of %d threads\n", purged >> 10,
           idle_held / IDLE >> 10, resident / IDLE >> 10, IDLE);
    EXPECT_EQ(left_live, 0);
    EXPECT_LE(LOAM_REGION_GRANULE, purged);
    EXPECT_LE(idle_held, left_live + IDLE * loam_min(bound, seen));
    EXPECT_LE(resident, left_live + IDLE * loam_min(bound, seen));
    end_threaded(&g);
}

/* A thread that gives its last block keeps one slab that is empty. */
static void keep_an_empty_slab(void *context, size_t index)
{
    size_t *steps = context;
    void *block = loam_pool_threaded_take(&g.pool, 20000), *other;

    EXPECT(block != NULL);
    other = loam_pool_threaded_take(&g.pool, 20000);
    loam_pool_threaded_give(&g.pool, other, 20000);
    loam_pool_threaded_give(&g.pool, block, 20000);
    pthread_barrier_wait(&barrier);
    while (index == 0 && loam_pool_threaded_purge_step(&g.pool, 1) != 0)
        *steps += 1;
    pthread_barrier_wait(&barrier);
}

/* Each step takes up where the last one ended: with a small budget all heaps are reached. */
TEST(purge_goes_round, fast)
{
    size_t steps = 0;

    begin_threaded_over(&g, false, (loam_pool_config){.front = 1}); /* no front holds them */
    EXPECT_EQ(pthread_barrier_init(&barrier, NULL, 3), 0);
    test_run_threads(3, keep_an_empty_slab, &steps);
    EXPECT_EQ(pthread_barrier_destroy(&barrier), 0);
    EXPECT_EQ(steps, 3);
    end_threaded(&g);
}

TEST_MAIN
