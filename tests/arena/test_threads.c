/* test_threads.c: scratch arenas and the life of threads: what a thread leaves, what a fork beside
 * others gets, and what may still be asked for while a thread ends. What else loam/scratch.h promises
 * is in test_scratch.c. */
#define _GNU_SOURCE
#include "arena_support.h"

#include "vm/memory.h"

#include <loam/scratch.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- threads come and go ---- */

/* What each thread does: nested scopes in several arenas, a child, and some never ended scopes. */
static void use_all(void *context, size_t index)
{
    loam_arena *conflicts[3] = {NULL, NULL, NULL};
    loam_scratch scratches[3];
    loam_arena *child;

    (void)context;
    for (size_t i = 0; i < 3; i++) {
        scratches[i] = loam_scratch_begin(conflicts, i);
        conflicts[i] = scratches[i].arena;
        fill_pattern(loam_arena_push_no_zero(conflicts[i], 50000 * i + 1), 50000 * i + 1, index);
    }
    child = loam_arena_create_child(conflicts[1], NULL);
    EXPECT(child && loam_arena_push(child, 5000));
    loam_scratch_end(&scratches[2]);
    if (index % 2)
        loam_scratch_end(&scratches[1]);
    if (index % 4 == 1)
        loam_scratch_end(&scratches[0]);
}

static void come_and_go(size_t threads)
{
    size_t mappings, resident;

    for (size_t i = 0; i < 10; i++)
        test_run_threads(4, use_all, NULL);
    mappings = memory_mapping_count();
    resident = resident_total();
    for (size_t i = 0; i < threads / 4; i++)
        test_run_threads(4, use_all, NULL);
    if (!figures_are_ours())
        return;
    EXPECT_LE(memory_mapping_count(), mappings + 20); /* of those kept, some are cut in two */
    EXPECT_LE(resident_total(), resident + 2 * MIB);
}

/* A thread's arenas end with it, their children too, with whatever scopes are open: mappings and
 * memory of the process stay what they were. */
TEST(threads_take_all_with_them, fast)
{
    come_and_go(200);
}

TEST(thousands_of_threads_take_all_with_them, slow)
{
    come_and_go(test_bound("LOAM_TEST_ARENA_THREADS", 10000));
}

/* ---- a thread that ends ---- */

static pthread_key_t late_key;
static atomic_size_t late_uses;

/* A destructor of a key that is older than the library's own, or younger, uses a scratch arena. */
static void use_late(void *value)
{
    size_t left = (size_t)(uintptr_t)value - 1;
    loam_scratch scratch = loam_scratch_begin(NULL, 0);

    EXPECT(loam_arena_push(scratch.arena, 100000) != NULL);
    loam_scratch_end(&scratch);
    atomic_fetch_add(&late_uses, 1);
    if (left > 0)
        EXPECT(pthread_setspecific(late_key, (void *)(uintptr_t)left) == 0);
}

static void use_and_end(void *context, size_t index)
{
    (void)context;
    EXPECT(pthread_setspecific(late_key, (void *)(uintptr_t)2) == 0);
    use_all(NULL, index);
}

/* Destructors of a thread may begin scopes after its arenas have ended; those arenas end as well. */
TEST(scopes_begun_while_a_thread_ends, fast)
{
    size_t mappings;

    for (int younger = 0; younger < 2; younger++) {
        if (younger) { /* the library has its key by now */
            test_run_threads(1, use_all, NULL);
            EXPECT(pthread_key_delete(late_key) == 0);
        }
        EXPECT(pthread_key_create(&late_key, use_late) == 0);
        for (int i = 0; i < 5; i++)
            test_run_threads(4, use_and_end, NULL);
        mappings = memory_mapping_count();
        for (int i = 0; i < 25; i++)
            test_run_threads(4, use_and_end, NULL);
        EXPECT_EQ(atomic_exchange(&late_uses, 0), 2 * 4 * 30);
        if (figures_are_ours())
            EXPECT_LE(memory_mapping_count(), mappings + 20);
    }
}

/* ---- release ---- */

/* All of a thread's arenas go when no scope is open, and none while one is. */
TEST(release, fast)
{
    loam_arena *conflicts[4];
    loam_scratch scratches[4];
    loam_stats stats;

    if (sizeof(void *) < 8)
        TEST_SKIP("assumes positions with a greatest alignment of 16");
    EXPECT(loam_scratch_release()); /* there are none */
    for (size_t i = 0; i < 4; i++) {
        scratches[i] = loam_scratch_begin(conflicts, i);
        conflicts[i] = scratches[i].arena;
        EXPECT(loam_arena_push(conflicts[i], 1000) != NULL);
    }
    for (size_t i = 4; i-- > 0;) { /* the last one open is the first arena's */
        EXPECT(!loam_scratch_release());
        EXPECT_EQ(loam_arena_pos(conflicts[i]), 1008);
        loam_scratch_end(&scratches[i]);
    }
    loam_scratch_stats(&stats);
    EXPECT_EQ(stats.blocks, 4);
    EXPECT_EQ(stats.live, 0);
    EXPECT_EQ(stats.peak, 4 * 1008);
    EXPECT(stats.reserved > 0 && stats.committed > 0);
    EXPECT(loam_scratch_release());
    loam_scratch_stats(&stats);
    EXPECT(all_zero(&stats, sizeof stats));
    scratches[0] = loam_scratch_begin(NULL, 0);
    EXPECT(loam_arena_push(scratches[0].arena, 1000) != NULL);
    loam_scratch_end(&scratches[0]);
}

/* ---- fork ---- */

static atomic_bool stop;

static bool use_a_few(void)
{
    loam_scratch a = loam_scratch_begin(NULL, 0);
    loam_scratch b = loam_scratch_begin(&a.arena, 1);
    char *p = (char *)loam_arena_push(a.arena, 10000);
    char *q = (char *)loam_arena_push(b.arena, 10000);
    bool good = p && q && a.arena != b.arena && all_zero(p, 10000) && all_zero(q, 10000);

    if (good) {
        fill_pattern(p, 10000, 1);
        fill_pattern(q, 10000, 2);
        good = has_pattern(p, 10000, 1) && has_pattern(q, 10000, 2);
    }
    loam_scratch_end(&b);
    loam_scratch_end(&a);
    return good && loam_scratch_release();
}

/* Thread 0 forks; the others make and end scratch arenas, and change how they are to be. */
static void fork_or_use(void *context, size_t index)
{
    /* Not over malloc: a sanitizer's own is not always there after a fork. */
    loam_arena_config chain = {.backing = LOAM_ARENA_CHAIN, .source = loam_vm_allocator()};
    size_t forks = *(const size_t *)context;

    while (index > 0 && !atomic_load(&stop)) {
        EXPECT(loam_scratch_configure(index % 2 ? &chain : NULL));
        EXPECT(use_a_few());
    }
    for (size_t i = 0; index == 0 && i < forks; i++) {
        int status;
        pid_t child = fork();

        EXPECT(child >= 0);
        if (child == 0) {
            loam_arena *arena;
            bool good;

            (void)alarm(30); /* a lock that nobody gives back */
            good = use_a_few() && loam_scratch_configure(NULL) && use_a_few();
            arena = loam_arena_create(NULL);
            good = good && arena && loam_arena_push(arena, 100000);
            loam_arena_destroy(arena);
            (void)loam_vm_trim();
            _exit(good ? 0 : 1);
        }
        EXPECT(waitpid(child, &status, 0) == child);
        EXPECT(WIFEXITED(status));
        EXPECT_EQ(WEXITSTATUS(status), 0);
    }
    if (index == 0)
        atomic_store(&stop, true);
}

static void fork_beside(size_t forks)
{
    if (test_under_tsan())
        TEST_SKIP("ThreadSanitizer forbids threads and forks together");
    test_run_threads(4, fork_or_use, &forks);
}

/* A fork while other threads are in every lock there is: the child makes arenas of all kinds. */
TEST(forks_beside_scratch_arenas, fast)
{
    fork_beside(100);
}

TEST(many_forks_beside_scratch_arenas, slow)
{
    fork_beside(test_bound("LOAM_TEST_ARENA_FORKS", 3000));
}

/* A scope that is open at a fork is open on both sides, with contents of each side's own. */
TEST(fork_in_a_scope, fast)
{
    loam_scratch scratch = loam_scratch_begin(NULL, 0);
    char *ptr = (char *)loam_arena_push_no_zero(scratch.arena, 100000);
    int status;
    pid_t child;

    fill_pattern(ptr, 100000, 1);
    child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        bool good = has_pattern(ptr, 100000, 1);

        fill_pattern(ptr, 100000, 2);
        good = good && loam_arena_push(scratch.arena, 3 * MIB) != NULL;
        loam_scratch_end(&scratch);
        good = good && loam_scratch_release() && use_a_few();
        _exit(good ? 0 : 1);
    }
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT(has_pattern(ptr, 100000, 1));
    EXPECT(loam_arena_push(scratch.arena, 3 * MIB) != NULL);
    loam_scratch_end(&scratch);
}

/* ---- without memory ---- */

static void nest_without_memory(void *context)
{
    loam_arena *conflicts[50];
    loam_scratch scratches[50];
    void *volatile at_hand; /* of the C library */
    size_t refused = 0;

    (void)context;
    EXPECT(memory_limit_address_space(0));
    do
        at_hand = malloc(64);
    while (at_hand);
    for (size_t i = 0; i < 50; i++) {
        scratches[i] = loam_scratch_begin(conflicts, i);
        conflicts[i] = scratches[i].arena;
        EXPECT(conflicts[i] != NULL);
        EXPECT(loam_arena_push(conflicts[i], hidden(0)) != NULL);
        refused += loam_arena_push(conflicts[i], 1) == NULL;
        EXPECT(loam_arena_push_no_zero(conflicts[i], 100000) == NULL);
        EXPECT(!loam_arena_prepare(conflicts[i], 100000, 1));
        EXPECT(loam_arena_push_text(conflicts[i], "a long text", 11) == NULL || refused == 0);
    }
    EXPECT(refused > 0);
    for (size_t i = 50; i-- > 0;)
        loam_scratch_end(&scratches[i]);
    EXPECT(loam_scratch_release());
}

/* The arena of last resort refuses each push, and its scopes nest as all others. */
TEST(without_any_memory, fast)
{
    if (test_under_asan() || test_under_tsan() || test_under_valgrind())
        TEST_SKIP("the tool needs address space");
    test_survives(nest_without_memory, NULL);
}

TEST_MAIN
