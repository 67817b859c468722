/* test_threaded_fork.c: forks beside threads that are inside a threaded pool: the child goes on as if
 * they had stopped between two calls. */
#define _GNU_SOURCE
#include "threaded_support.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if TEST_HAS_FORK
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 6, HELD = 64, INHERITED = 300, CHILD_STEPS = 500 };

static ground_pool grounds[2];
static void *inherited[2][INHERITED];
static size_t forks;
static atomic_bool stop, child_lives;

/* Blocks that its parent's other threads took; each thread has some at any time. */
static _Atomic(void *) shared[HELD];

static void work(loam_pool_threaded *pool, size_t steps, uint64_t seed)
{
    void *held[HELD] = {NULL};
    test_rng rng;

    test_rng_init(&rng, seed);
    for (size_t i = 0; i < steps; i++) {
        size_t n = (size_t)test_rng_below(&rng, HELD), size = 24 + n * 40;

        if (held[n]) {
            EXPECT(is_signed(held[n], size, n));
            loam_pool_threaded_give(pool, held[n], size);
            held[n] = NULL;
        } else {
            held[n] = loam_pool_threaded_take(pool, size);
            EXPECT(held[n] != NULL);
            sign(held[n], size, n);
        }
    }
    for (size_t n = 0; n < HELD; n++)
        if (held[n])
            loam_pool_threaded_give(pool, held[n], 24 + n * 40);
}

static void work_in_child_thread(void *context, size_t index)
{
    work(context, 4 * CHILD_STEPS, index + 1);
}

/* The sanitizers' own threads and malloc don't survive a fork beside threads. */
static bool tools_mind(void)
{
    return test_under_tsan() || test_under_asan();
}

/* Everything works, with blocks of its own, of its parent, and of threads that it does not have. */
static void use_in_child(void)
{
    (void)alarm(60); /* a lock that nobody gives back must not hang the test */
    for (size_t p = 0; p < 2; p++) {
        loam_pool_threaded *pool = &grounds[p].pool;
        size_t heaps;

        work(pool, CHILD_STEPS, 1);
        for (size_t i = 0; i < INHERITED; i++) {
            EXPECT(is_signed(inherited[p][i], 40 + i * 5, i));
            loam_pool_threaded_give(pool, inherited[p][i], 40 + i * 5);
        }
        for (size_t i = 0; p == 0 && i < HELD; i++) {
            void *block = atomic_exchange(&shared[i], NULL);

            if (block)
                loam_pool_threaded_give(pool, block, 100);
        }
        EXPECT(loam_pool_threaded_check(pool, report_broken, NULL));
        heaps = pool->heap_count < 4 ? 4 : pool->heap_count;
        if (!tools_mind())
            test_run_threads(3, work_in_child_thread, pool);
        EXPECT_LE(pool->heap_count, heaps); /* those of threads that are gone are used again */
        work(pool, CHILD_STEPS, 2);
        (void)loam_pool_threaded_trim(pool);
        EXPECT(loam_pool_threaded_check(pool, report_broken, NULL));
        EXPECT(threaded_stats(pool).blocks < THREADS * (HELD + 2)); /* what was in their hands */
        loam_pool_threaded_deinit(pool);
    }
    EXPECT_EQ(region_held(&grounds[0]), 0);
    _exit(0);
}

static void fork_again_and_again(void)
{
    for (size_t i = 0; i < forks; i++) {
        pid_t child = fork();
        int status;

        EXPECT(child >= 0);
        if (child == 0)
            use_in_child();
        atomic_store(&child_lives, true);
        EXPECT(waitpid(child, &status, 0) == child);
        EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        atomic_store(&child_lives, false);
        (void)usleep(500 + (useconds_t)(i * 7 % 500)); /* until all are at work again */
    }
    atomic_store(&stop, true);
}

static void thread_beside_forks(void *context, size_t index)
{
    test_rng rng;

    (void)context;
    if (index == 0) {
        fork_again_and_again();
        return;
    }
    test_rng_init(&rng, test_seed() + index);
    while (!atomic_load(&stop)) {
        void *block = loam_pool_threaded_take(&grounds[0].pool, 100);

        while (atomic_load(&child_lives)) /* which needs the processors, and sees nothing of this */
            (void)usleep(100);
        EXPECT(block != NULL);
        block = atomic_exchange(&shared[test_rng_below(&rng, HELD)], block);
        if (block)
            loam_pool_threaded_give(&grounds[0].pool, block, 100);
        work(&grounds[index % 2].pool, 50, test_rng_next(&rng));
        if (index == 1) /* threads begin and end, too */
            test_run_threads(2, work_in_child_thread, &grounds[index % 2].pool);
    }
}

static void run_forks(size_t how_many)
{
    forks = how_many;
    atomic_store(&stop, false);
    for (size_t p = 0; p < 2; p++) {
        begin_threaded(&grounds[p], p != 0 && !tools_mind());
        for (size_t i = 0; i < INHERITED; i++) {
            inherited[p][i] = loam_pool_threaded_take(&grounds[p].pool, 40 + i * 5);
            EXPECT(inherited[p][i] != NULL);
            sign(inherited[p][i], 40 + i * 5, i);
        }
    }
    test_run_threads(THREADS, thread_beside_forks, NULL);
    for (size_t i = 0; i < HELD; i++) {
        void *block = atomic_exchange(&shared[i], NULL);

        if (block)
            loam_pool_threaded_give(&grounds[0].pool, block, 100);
    }
    for (size_t p = 0; p < 2; p++) {
        for (size_t i = 0; i < INHERITED; i++)
            loam_pool_threaded_give(&grounds[p].pool, inherited[p][i], 40 + i * 5);
        end_threaded(&grounds[p]);
    }
}

/* ---- a fork that meets a thread in the middle of a call ---- */

enum { LINE = 16 }; /* small blocks of others that a thread lets wait */

static struct {
    ground_pool ground;
    void *small[2 * LINE], *other[LINE];
    atomic_int step;
} met;

static atomic_bool fork_waits;

/* Runs last before a fork, when loam has all its locks: its hooks were registered later. */
static void let_it_go_on(void)
{
    if (atomic_load(&fork_waits)) {
        atomic_store(&met.step, 3);
        (void)usleep(100000);
    }
}

__attribute__((constructor(101))) static void register_first(void)
{
    (void)pthread_atfork(let_it_go_on, NULL, NULL);
}

static void give_small(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        loam_pool_threaded_give_aligned(&met.ground.pool, met.small[i], 16, 8);
}

static void wait_for_step(int step)
{
    while (atomic_load(&met.step) != step)
        (void)usleep(1000);
}

static void give_in_child(void *context, size_t index)
{
    (void)context;
    (void)index;
    give_small(LINE, 2 * LINE);
    for (size_t i = 0; i < LINE; i++)
        loam_pool_threaded_give_aligned(&met.ground.pool, met.other[i], 24, 8);
}

/* Thread 1 fills its line, and waits for its heap's lock, which thread 0 has, who forks. */
static void give_or_fork(void *context, size_t index)
{
    int status;
    pid_t child;

    (void)context;
    if (index == 1) {
        wait_for_step(1);
        give_small(0, LINE - 1);
        atomic_store(&met.step, 2);
        wait_for_step(3);
        give_small(LINE - 1, LINE);
        return;
    }
    for (size_t i = 0; i < 2 * LINE; i++)
        met.small[i] = loam_pool_threaded_take_aligned(&met.ground.pool, 16, 8);
    for (size_t i = 0; i < LINE; i++)
        met.other[i] = loam_pool_threaded_take_aligned(&met.ground.pool, 24, 8);
    atomic_store(&met.step, 1);
    wait_for_step(2);
    atomic_store(&fork_waits, true);
    child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        (void)alarm(30);
        test_run_threads(1, give_in_child, NULL);
        _exit(loam_pool_threaded_check(&met.ground.pool, NULL, NULL) ? 0 : 1);
    }
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The heap that it has got is settled before a thread of the child may have it. */
TEST(fork_meets_a_full_line, fast)
{
    if (tools_mind())
        TEST_SKIP("the tool does not let a child of threads have threads");
    begin_threaded(&met.ground, false);
    test_run_threads(2, give_or_fork, NULL);
}

TEST(forks_beside_threads, fast)
{
    run_forks(test_bound("LOAM_TEST_POOL_FORKS", 40));
}

TEST(forks_beside_threads_long, slow)
{
    run_forks(test_bound("LOAM_TEST_POOL_FORKS", 1000));
}

TEST(forks_beside_threads_for_hours, stress)
{
    run_forks(test_bound("LOAM_TEST_POOL_FORKS", 100000));
}
#endif

TEST_MAIN
