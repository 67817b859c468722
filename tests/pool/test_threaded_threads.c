/* test_threaded_threads.c: threaded pools under threads: blocks that cross, threads that only give,
 * that come and go; purging and figures while they run. What idle ones hold is in test_threaded_idle.c. */
#define _GNU_SOURCE
#include "threaded_support.h"

#include "internal/bits.h"
#include "vm/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8 };

static ground_pool g;

/* ---- blocks that cross threads ---- */

enum { TABLE = 4096 };

/* What is in it is written before it is put there, and read after it was taken out. */
typedef struct parcel {
    size_t size;
    uint64_t seed;
    char bytes[];
} parcel;

static _Atomic(parcel *) table[TABLE];
static size_t steps_of_each;

static parcel *wrap(test_rng *rng)
{
    size_t size = sizeof(parcel) + random_size(rng);
    parcel *p = loam_pool_threaded_take(&g.pool, size);

    EXPECT(p && is_aligned(p, LOAM_MAX_ALIGN));
    p->size = size;
    p->seed = test_rng_next(rng);
    sign(p->bytes, size - sizeof *p, p->seed);
    return p;
}

static void unwrap(parcel *p)
{
    if (!p)
        return;
    EXPECT(is_signed(p->bytes, p->size - sizeof *p, p->seed));
    loam_pool_threaded_give(&g.pool, p, p->size);
}

static void exchange(void *context, size_t index)
{
    test_rng rng;

    (void)context;
    test_rng_init(&rng, test_seed() + index);
    for (size_t i = 0; i < steps_of_each; i++) {
        parcel *p = test_rng_one_in(&rng, 3) ? NULL : wrap(&rng);

        unwrap(
            atomic_exchange_explicit(&table[test_rng_below(&rng, TABLE)], p, memory_order_acq_rel));
        if (i % 10000 == 0 && index == 1)
            (void)loam_pool_threaded_trim(&g.pool);
        if (i % 10000 == 0 && index == 2)
            (void)loam_pool_threaded_thread_flush(&g.pool);
    }
}

static void run_exchange(bool over_libc, loam_pool_config config, size_t steps)
{
    size_t blocks = 0;

    steps_of_each = steps / THREADS;
    begin_threaded_over(&g, over_libc, config);
    for (int round = 0; round < 2; round++) {
        test_run_threads(THREADS, exchange, NULL);
        blocks = 0;
        for (size_t i = 0; i < TABLE; i++)
            blocks += atomic_load(&table[i]) != NULL;
        EXPECT_EQ(threaded_stats(&g.pool).blocks, blocks);
        EXPECT(loam_pool_threaded_check(&g.pool, report_broken, NULL));
    }
    for (size_t i = 0; i < TABLE; i++)
        unwrap(atomic_exchange(&table[i], NULL));
    EXPECT_LE(g.pool.heap_count, THREADS + 1);
    end_threaded(&g);
}

/* Contents stay whole, and after the threads have ended the figures are exact. */
TEST(blocks_cross_threads, fast)
{
    size_t steps = test_bound("LOAM_TEST_POOL_STEPS", 400000);

    run_exchange(false, (loam_pool_config){0}, steps);
    run_exchange(true, (loam_pool_config){0}, steps);
    run_exchange(false, (loam_pool_config){.sizes = LOAM_POOL_POWERS, .front = 4, .keep = 1},
                 steps);
}

TEST(blocks_cross_threads_without_fronts, fast)
{
    run_exchange(false, (loam_pool_config){.front = 1}, test_bound("LOAM_TEST_POOL_STEPS", 200000));
}

TEST(blocks_cross_threads_long, slow)
{
    run_exchange(false, (loam_pool_config){0}, test_bound("LOAM_TEST_POOL_STEPS", 5000000));
    run_exchange(true, (loam_pool_config){0}, test_bound("LOAM_TEST_POOL_STEPS", 2000000));
}

TEST(a_hundred_million_operations, stress)
{
    run_exchange(false, (loam_pool_config){0}, test_bound("LOAM_TEST_POOL_STEPS", 50000000));
}

/* ---- one takes, another gives ---- */

enum { RING = 1024 };

static _Atomic(void *) ring[RING];
static atomic_bool done;

static void give_what_comes(size_t from, size_t step)
{
    for (size_t i = from;; i += step) {
        void *p;

        while ((p = atomic_exchange(&ring[i % RING], NULL)) == NULL) {
            if (atomic_load(&done) && !atomic_load(&ring[i % RING]))
                return;
            sched_yield();
        }
        EXPECT(is_signed(p, 48 + i % 3 * 100, i));
        loam_pool_threaded_give(&g.pool, p, 48 + i % 3 * 100);
    }
}

static void produce_or_consume(void *context, size_t index)
{
    size_t *most = context;

    if (index == 1) {
        give_what_comes(0, 1);
        return;
    }
    for (size_t i = 0; i < steps_of_each; i++) {
        void *p = loam_pool_threaded_take(&g.pool, 48 + i % 3 * 100);

        EXPECT(p != NULL);
        sign(p, 48 + i % 3 * 100, i);
        while (atomic_load(&ring[i % RING]))
            sched_yield();
        atomic_store(&ring[i % RING], p);
        if (i % 1000 == 0) {
            size_t held = region_held(&g);

            *most = *most < held ? held : *most;
        }
    }
    atomic_store(&done, true);
}

/* What one thread takes and the other gives comes home: memory does not grow with the time. */
TEST(producer_and_consumer, fast)
{
    size_t most = 0;

    steps_of_each = test_bound("LOAM_TEST_POOL_STEPS", 200000);
    atomic_store(&done, false);
    begin_threaded(&g, false);
    test_run_threads(2, produce_or_consume, &most);
    EXPECT_LE(most, 40 * LOAM_REGION_GRANULE); /* three heaps' worth of metadata, and 300 KiB */
    end_threaded(&g);
}

/* ---- threads that only give ---- */

enum { MANY = 100000 };

static void *many[MANY];

static size_t size_of(size_t i)
{
    return 16 + i % 7 * 24;
}

static void take_many(void)
{
    for (size_t i = 0; i < MANY; i++)
        EXPECT((many[i] = loam_pool_threaded_take(&g.pool, size_of(i))) != NULL);
}

static pthread_barrier_t barrier;
static size_t idle_held;

/* Each gives its part, and then waits; thread 0 looks at what is held meanwhile. */
static void give_part(void *context, size_t index)
{
    size_t threads = *(size_t *)context;

    for (size_t i = index; i < MANY; i += threads)
        loam_pool_threaded_give(&g.pool, many[i], size_of(i));
    pthread_barrier_wait(&barrier);
    if (index == 0)
        idle_held = region_held(&g);
    pthread_barrier_wait(&barrier);
}

/* The owner takes nothing more: what was given by others goes back to the source all the same, but
 * for what may wait in fronts and at its door. */
TEST(blocks_of_an_idle_thread, fast)
{
    size_t threads = 3, before;

    begin_threaded(&g, false);
    take_many();
    before = region_held(&g);
    EXPECT_EQ(pthread_barrier_init(&barrier, NULL, 3), 0);
    test_run_threads(threads, give_part, &threads);
    EXPECT_EQ(pthread_barrier_destroy(&barrier), 0);
    EXPECT_LE(idle_held, before / 4);
    (void)loam_pool_threaded_trim(&g.pool);
    EXPECT_EQ(threaded_stats(&g.pool).blocks, 0);
    EXPECT_EQ(region_held(&g), (1 + g.pool.heap_count) * LOAM_REGION_GRANULE);
    end_threaded(&g);
}

static void take_in_thread(void *context, size_t index)
{
    (void)context;
    (void)index;
    take_many();
}

/* Slabs of threads that have ended go as soon as their last block is given: nobody has to trim but
 * the one who gave them, for its own front. */
TEST(blocks_of_a_thread_that_ended, fast)
{
    begin_threaded(&g, false);
    test_run_threads(1, take_in_thread, NULL);
    EXPECT_EQ(threaded_stats(&g.pool).blocks, MANY);
    EXPECT(g.pool.orphan != NULL);
    loam_pool_threaded_give(&g.pool, loam_pool_threaded_take(&g.pool, 4000), 4000);
    for (size_t i = 0; i < MANY; i++)
        loam_pool_threaded_give(&g.pool, many[i], size_of(i));
    EXPECT_EQ(threaded_stats(&g.pool).blocks, 0);
    (void)loam_pool_threaded_thread_flush(&g.pool);
    EXPECT_EQ(region_held(&g), (1 + g.pool.heap_count) * LOAM_REGION_GRANULE);
    end_threaded(&g);
}

static void give_some(void *context, size_t index)
{
    (void)context;
    (void)index;
    for (size_t i = 0; i < MANY; i += 2)
        loam_pool_threaded_give(&g.pool, many[i], size_of(i));
}

/* A thread takes what is free in slabs of those that have ended before it asks the source. */
TEST(slabs_of_threads_that_ended_are_used, fast)
{
    size_t held;

    begin_threaded(&g, false);
    loam_pool_threaded_give(&g.pool, loam_pool_threaded_take(&g.pool, 4000), 4000);
    test_run_threads(1, take_in_thread, NULL);
    test_run_threads(1, give_some, NULL);
    held = region_held(&g);
    for (size_t i = 0; i < MANY; i += 2)
        EXPECT((many[i] = loam_pool_threaded_take(&g.pool, size_of(i))) != NULL);
    EXPECT_LE(region_held(&g), held + 8 * LOAM_REGION_GRANULE);
    for (size_t i = 0; i < MANY; i++)
        loam_pool_threaded_give(&g.pool, many[i], size_of(i));
    end_threaded(&g);
}

/* ---- threads that come and go ---- */

static _Atomic(parcel *) left_behind[64];

/* Leaves something behind, and gives what an earlier one left. */
static void live_shortly(void *context, size_t index)
{
    size_t *round = context;
    void *blocks[20];
    test_rng rng;

    test_rng_init(&rng, test_seed() + *round * 64 + index);
    for (size_t i = 0; i < 20; i++)
        EXPECT((blocks[i] = loam_pool_threaded_take(&g.pool, 20 + i * 30)) != NULL);
    unwrap(atomic_exchange(&left_behind[test_rng_below(&rng, 64)], wrap(&rng)));
    for (size_t i = 0; i < 20; i++)
        loam_pool_threaded_give(&g.pool, blocks[i], 20 + i * 30);
}

static void come_and_go(size_t threads)
{
    size_t most = 0;

    begin_threaded(&g, false);
    for (size_t round = 0; round < threads / 4; round++) {
        test_run_threads(4, live_shortly, &round);
        if (round % 64 == 0) {
            size_t held = region_held(&g);

            most = most < held ? held : most;
        }
    }
    EXPECT_LE(g.pool.heap_count, 4);
    /* 64 live blocks, each in a slab of its own at worst, one of them large; and four heaps. */
    EXPECT_LE(most, 64 * (size_t)300000);
    for (size_t i = 0; i < 64; i++)
        unwrap(atomic_exchange(&left_behind[i], NULL));
    end_threaded(&g);
}

/* As many heaps as there were threads at once; memory is bounded by what is live. */
TEST(threads_come_and_go, fast)
{
    come_and_go(test_bound("LOAM_TEST_POOL_THREADS", 2000));
}

TEST(thousands_of_threads_come_and_go, slow)
{
    come_and_go(test_bound("LOAM_TEST_POOL_THREADS", 20000));
}

TEST(a_hundred_thousand_threads, stress)
{
    come_and_go(test_bound("LOAM_TEST_POOL_THREADS", 100000));
}

/* Destructors of a thread may use the pool after its heap was given up. */
static pthread_key_t late_key;

static void use_late(void *value)
{
    size_t left = (size_t)(uintptr_t)value - 1;

    loam_pool_threaded_give(&g.pool, loam_pool_threaded_take(&g.pool, 70), 70);
    if (left > 0)
        EXPECT(pthread_setspecific(late_key, (void *)(uintptr_t)left) == 0);
}

static void use_and_end(void *context, size_t index)
{
    (void)context;
    (void)index;
    EXPECT(pthread_setspecific(late_key, (void *)(uintptr_t)2) == 0);
    loam_pool_threaded_give(&g.pool, loam_pool_threaded_take(&g.pool, 70), 70);
}

TEST(use_while_a_thread_ends, fast)
{
    begin_threaded(&g, false);
    EXPECT(pthread_key_create(&late_key, use_late) == 0);
    for (size_t i = 0; i < 100; i++)
        test_run_threads(4, use_and_end, NULL);
    EXPECT_LE(g.pool.heap_count, 4);
    EXPECT(pthread_key_delete(late_key) == 0);
    end_threaded(&g);
}

/* A thread outlives pools that it used, and uses others at the same place. */
TEST(threads_outlive_pools, fast)
{
    for (size_t i = 0; i < 20; i++) {
        begin_threaded(&g, i % 2 != 0);
        steps_of_each = 2000;
        test_run_threads(4, exchange, NULL);
        for (size_t k = 0; k < TABLE; k++)
            unwrap(atomic_exchange(&table[k], NULL));
        end_threaded(&g);
    }
}

/* ---- steps of purging, and figures, while others are at work ---- */

static size_t purged;

/* Steps while all others are at work wait for nobody, and change nothing that is to be seen. */
static void purge_or_work(void *context, size_t index)
{
    if (index == 0) {
        while (!atomic_load(&done))
            purged += loam_pool_threaded_purge_step(&g.pool, 1 << 20);
        return;
    }
    exchange(context, index);
    if (index == 1)
        atomic_store(&done, true);
}

TEST(purge_while_threads_run, fast)
{
    begin_threaded(&g, false);
    atomic_store(&done, false);
    steps_of_each = test_bound("LOAM_TEST_POOL_STEPS", 20000);
    test_run_threads(4, purge_or_work, NULL);
    for (size_t i = 0; i < TABLE; i++)
        unwrap(atomic_exchange(&table[i], NULL));
    end_threaded(&g);
}

static void look_or_work(void *context, size_t index)
{
    if (index == 0) {
        while (!atomic_load(&done)) {
            loam_stats stats = threaded_stats(&g.pool);

            EXPECT_LE(stats.live, stats.peak);
            EXPECT_LE(stats.live, SIZE_MAX >> (sizeof(void *) >= 8 ? 24 : 4));
            EXPECT(!loam_pool_threaded_owns(&g.pool, &stats));
        }
        return;
    }
    exchange(context, index);
    if (index == 1)
        atomic_store(&done, true);
}

TEST(figures_while_threads_run, fast)
{
    begin_threaded(&g, false);
    atomic_store(&done, false);
    steps_of_each = test_bound("LOAM_TEST_POOL_STEPS", 20000);
    test_run_threads(4, look_or_work, NULL);
    for (size_t i = 0; i < TABLE; i++)
        unwrap(atomic_exchange(&table[i], NULL));
    end_threaded(&g);
}

TEST_MAIN
