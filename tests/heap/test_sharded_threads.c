/* test_sharded_threads.c: many threads in a sharded heap: each for itself, blocks that cross from one to
 * another, threads that purge, forks beside threads, and a burst that leaves nothing behind. */
#define _GNU_SOURCE
#include "heap/sharded_support.h"

#include "vm/memory.h"

#include <loam/vm.h>

#include <stdatomic.h>
#include <stdlib.h>

#if TEST_HAS_FORK
#include <sys/wait.h>
#include <unistd.h>
#endif

enum { THREADS = 8, HELD = 200, EXCHANGE = 512 };

static sharded the;
static size_t rounds;
static atomic_bool stop;

typedef struct parcel {
    size_t size;
    uint64_t seed;
} parcel;

static _Atomic(parcel *) exchange[EXCHANGE];

static size_t steps_of(size_t usual)
{
    return test_bound("LOAM_TEST_HEAP_STEPS", usual / (test_under_tsan() ? 4 : 1));
}

/* ---- each for itself ---- */

static void work(test_rng *rng, size_t steps)
{
    static _Thread_local struct {
        void *ptr;
        size_t size;
    } held[HELD];

    for (size_t i = 0; i < steps; i++) {
        size_t n = (size_t)test_rng_below(rng, HELD), size = sharded_size(rng);

        if (held[n].ptr && test_rng_one_in(rng, 4)) {
            EXPECT(is_signed(held[n].ptr, held[n].size, n));
            held[n].ptr = loam_heap_sharded_realloc(&the.heap, held[n].ptr, size);
            EXPECT(held[n].ptr != NULL);
            EXPECT(size < 8 || held[n].size < 8 || is_signed(held[n].ptr, 8, n));
        } else if (held[n].ptr) {
            EXPECT(is_signed(held[n].ptr, held[n].size, n));
            loam_heap_sharded_dealloc(&the.heap, held[n].ptr);
            held[n].ptr = NULL;
            continue;
        } else {
            held[n].ptr = loam_heap_sharded_alloc(&the.heap, size);
            EXPECT(held[n].ptr != NULL);
        }
        held[n].size = size;
        sign(held[n].ptr, size, n);
    }
    for (size_t n = 0; n < HELD; n++) {
        loam_heap_sharded_dealloc(&the.heap, held[n].ptr);
        held[n].ptr = NULL;
    }
}

static void work_alone(void *context, size_t index)
{
    test_rng rng;

    (void)context;
    test_rng_init(&rng, test_seed() + index);
    work(&rng, rounds);
}

static void run_threads(ground_of over, size_t shards, void (*function)(void *, size_t))
{
    sharded_begin(&the, over, 0,
                  (loam_heap_sharded_config){.shards = shards, .big = 256 * KIB, .at_once = true});
    test_run_threads(THREADS, function, NULL);
    for (size_t i = 0; i < EXCHANGE; i++)
        loam_heap_sharded_dealloc(&the.heap, atomic_exchange(&exchange[i], NULL));
    (void)sharded_look(&the, 0);
    sharded_end(&the);
}

TEST(threads_alone, fast)
{
    rounds = steps_of(6000);
    for (int over = 0; over < OVER_KINDS; over++)
        run_threads((ground_of)over, 0, work_alone);
}

/* More threads than shards, and fewer. */
TEST(threads_and_shards, fast)
{
    rounds = steps_of(3000);
    run_threads(OVER_REGION, 1, work_alone);
    run_threads(OVER_REGION, 3, work_alone);
    run_threads(OVER_REGION, 64, work_alone);
}

/* ---- blocks cross ---- */

static void cross(void *context, size_t index)
{
    test_rng rng;

    (void)context;
    test_rng_init(&rng, test_seed() + index);
    for (size_t i = 0; i < rounds; i++) {
        size_t size = sizeof(parcel) + sharded_size(&rng) % 5000;
        parcel *mine = (parcel *)loam_heap_sharded_alloc(&the.heap, size);

        EXPECT(mine != NULL);
        *mine = (parcel){size, test_rng_next(&rng)};
        if (size >= sizeof(parcel) + 8)
            memcpy((char *)mine + size - 8, &mine->seed, 8);
        mine = atomic_exchange(&exchange[test_rng_below(&rng, EXCHANGE)], mine);
        if (!mine)
            continue;
        if (mine->size >= sizeof(parcel) + 8)
            EXPECT(memcmp((char *)mine + mine->size - 8, &mine->seed, 8) == 0);
        if (i % 3)
            loam_heap_sharded_dealloc(&the.heap, mine);
        else
            loam_heap_sharded_dealloc_sized(&the.heap, mine, mine->size);
        if (i % 1000 == 999)
            (void)loam_heap_sharded_purge_step(&the.heap, MIB);
    }
}

TEST(blocks_cross, fast)
{
    rounds = steps_of(20000);
    for (int over = 0; over < OVER_KINDS; over++)
        run_threads((ground_of)over, 4, cross);
}

/* All blocks of one thread are given back by the others, at once, while it takes more. */
static void take_or_give(void *context, size_t index)
{
    test_rng rng;

    (void)context;
    test_rng_init(&rng, test_seed() + index);
    for (size_t i = 0; i < rounds; i++) {
        size_t at = (size_t)test_rng_below(&rng, EXCHANGE);
        parcel *one = NULL;

        if (index < 2) {
            one = (parcel *)loam_heap_sharded_alloc(&the.heap, 24 + at);
            EXPECT(one != NULL);
            one->size = at;
        }
        one = atomic_exchange(&exchange[at], one);
        if (one) {
            EXPECT_EQ(one->size, at);
            loam_heap_sharded_dealloc(&the.heap, one);
        }
    }
}

TEST(takers_and_givers, fast)
{
    rounds = steps_of(40000);
    run_threads(OVER_REGION, 2, take_or_give);
}

/* Figures, the checker and purge steps beside threads at work. */
static void look_or_work(void *context, size_t index)
{
    test_rng rng;

    (void)context;
    test_rng_init(&rng, test_seed() + index);
    if (index != 0) {
        work(&rng, rounds);
        if (index == 1)
            atomic_store(&stop, true);
        return;
    }
    while (!atomic_load(&stop)) {
        loam_heap_sharded_figures figures;
        loam_stats stats;

        loam_heap_sharded_stats(&the.heap, &stats);
        loam_heap_sharded_look(&the.heap, &figures);
        EXPECT_LE(figures.shards, 3);
        EXPECT(loam_heap_sharded_check(&the.heap, report_sharded, NULL));
        (void)loam_heap_sharded_purge_step(&the.heap, 512 * KIB);
        (void)loam_heap_sharded_trim(&the.heap);
        EXPECT(!loam_heap_sharded_owns(&the.heap, &stats));
    }
}

TEST(looked_at_and_purged_meanwhile, fast)
{
    rounds = steps_of(4000);
    atomic_store(&stop, false);
    run_threads(OVER_SPANS, 3, look_or_work);
}

TEST(threads_for_long, slow)
{
    rounds = steps_of(60000);
    for (int over = 0; over < OVER_KINDS; over++) {
        run_threads((ground_of)over, 4, cross);
        run_threads((ground_of)over, 2, work_alone);
    }
}

/* ---- forks ---- */

#if TEST_HAS_FORK
static size_t forks;
static void *inherited[100];

static void use_in_child(void)
{
    test_rng rng;

    (void)alarm(60); /* a lock that nobody gives back must not hang the test */
    test_rng_init(&rng, 1);
    work(&rng, 500);
    for (size_t i = 0; i < 100; i++) {
        EXPECT(is_signed(inherited[i], 40 + i * 50, i));
        loam_heap_sharded_dealloc_sized(&the.heap, inherited[i], 40 + i * 50);
    }
    EXPECT(loam_heap_sharded_check(&the.heap, report_sharded, NULL));
    (void)loam_heap_sharded_purge_step(&the.heap, SIZE_MAX);
    EXPECT(loam_heap_sharded_check(&the.heap, report_sharded, NULL));
    loam_heap_sharded_deinit(&the.heap);
    _exit(0);
}

static void fork_or_work(void *context, size_t index)
{
    test_rng rng;

    if (index != 0) {
        test_rng_init(&rng, test_seed() + index);
        while (!atomic_load(&stop))
            work(&rng, 100);
        return;
    }
    (void)context;
    for (size_t i = 0; i < forks; i++) {
        pid_t child = fork();
        int status;

        EXPECT(child >= 0);
        if (child == 0)
            use_in_child();
        EXPECT(waitpid(child, &status, 0) == child);
        EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    atomic_store(&stop, true);
}

static void run_forks(size_t how_many)
{
    if (test_under_tsan() || test_under_asan())
        TEST_SKIP("the tool's own locks don't survive a fork beside threads");
    forks = how_many;
    for (int over = 0; over < OVER_KINDS; over++) {
        atomic_store(&stop, false);
        sharded_begin(&the, (ground_of)over, 0, (loam_heap_sharded_config){.shards = 3});
        for (size_t i = 0; i < 100; i++) {
            inherited[i] = loam_heap_sharded_alloc(&the.heap, 40 + i * 50);
            EXPECT(inherited[i] != NULL);
            sign(inherited[i], 40 + i * 50, i);
        }
        test_run_threads(THREADS, fork_or_work, NULL);
        (void)sharded_look(&the, 100);
        sharded_end(&the);
    }
}

TEST(forks_beside_threads, fast)
{
    run_forks(15);
}

TEST(forks_beside_threads_long, slow)
{
    run_forks(300);
}
#endif

/* ---- at rest ---- */

static atomic_int phase;
static size_t after_burst, at_rest;

/* Bytes of the region that are in memory. */
static size_t resident(void)
{
    size_t page = loam_vm_page_size();

    return page * memory_resident((void *)the.region.base,
                                  loam_region_count(&the.region) << LOAM_REGION_GRANULE_SHIFT,
                                  page);
}

static void burst_or_purge(void *context, size_t index)
{
    enum { BLOCKS = 20000 };
    void **blocks;

    (void)context;
    if (index == 2) {
        while (atomic_load(&phase) != 2)
            loam_heap_sharded_dealloc(&the.heap, NULL);
        after_burst = resident();
        while (loam_heap_sharded_purge_step(&the.heap, 1 * MIB) != 0) {
        }
        at_rest = resident();
        return;
    }
    blocks = (void **)malloc(BLOCKS * sizeof *blocks);
    EXPECT(blocks != NULL);
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t size = i % 1000 == 0 ? 1200000 : i % 2000;

        blocks[i] = loam_heap_sharded_alloc(&the.heap, size);
        EXPECT(blocks[i] != NULL);
        memset(blocks[i], 1, size);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        loam_heap_sharded_dealloc(&the.heap, blocks[i * 7 % BLOCKS]);
    free(blocks);
    atomic_fetch_add(&phase, 1);
}

/* Two threads burst, give all back, and make no further call; the steps of a third one bring what is
 * resident down to the bound: a granule for each shard. */
TEST(idle_heap_is_made_small, fast)
{
    if (!memory_tells_resident())
        TEST_SKIP("the system does not tell what is resident");
    for (int over = 0; over < OVER_KINDS; over++) {
        sharded_begin(&the, (ground_of)over, 0,
                      (loam_heap_sharded_config){.shards = 2, .at_once = true});
        atomic_store(&phase, 0);
        test_run_threads(3, burst_or_purge, NULL);
        EXPECT_LE(20 * MIB, after_burst);
        EXPECT_LE(at_rest, 2 * LOAM_REGION_GRANULE);
        EXPECT_LE(sharded_look(&the, 0).committed, 2 * LOAM_REGION_GRANULE);
        sharded_end(&the);
    }
}

TEST_MAIN
