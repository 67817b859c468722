/* test_life.c: arenas by the thousand: what is kept of ended ones, what is shared, what a fork gets.
 */
#include "arena_support.h"

#include <stdlib.h>

#if TEST_HAS_FORK
#include <sys/wait.h>
#include <unistd.h>
#endif

static void live_once(const loam_arena_config *config, size_t size)
{
    loam_arena *arena = loam_arena_create(config);
    char *ptr;

    EXPECT(arena != NULL);
    ptr = (char *)loam_arena_push(arena, size);
    EXPECT(ptr && all_zero(ptr, size));
    fill_pattern(ptr, size, size);
    loam_arena_destroy(arena);
}

/* What is kept of ended arenas is bounded in number and memory, reads zero to the next one's
 * pushes, and goes when asked to. */
TEST(ended_arenas_are_kept_within_bounds, fast)
{
    loam_stats stats;

    (void)loam_vm_trim();
    for (size_t i = 0; i < 2000; i++)
        live_once(NULL, i % 50 == 0 ? 3 * MIB : 100 + i);
    loam_vm_trim_stats(&stats);
    EXPECT_EQ(stats.blocks, 1);
    EXPECT_LE(stats.committed, 64 * MIB);
    EXPECT(loam_vm_trim() > 0);
    loam_vm_trim_stats(&stats);
    EXPECT_EQ(stats.blocks, 0);
}

/* Arenas with other pages never get each other's reservations. */
TEST(kinds_are_kept_apart, fast)
{
    loam_arena_config small = {.page_size = loam_vm_page_size()};
    loam_arena_config large = {.page_size = 64 * KIB};
    loam_stats stats;

    (void)loam_vm_trim();
    live_once(NULL, 1000);
    live_once(&small, 1000);
    live_once(&large, 1000);
    loam_vm_trim_stats(&stats);
    EXPECT_EQ(stats.blocks, 3);
    (void)loam_vm_trim();
}

/* More arenas at once than the address space has room for whole: later ones get less, or chain. */
static void live_together(size_t count)
{
    loam_arena **arenas = (loam_arena **)malloc(count * sizeof *arenas);

    EXPECT(arenas != NULL);
    for (size_t i = 0; i < count; i++) {
        arenas[i] = loam_arena_create(NULL);
        EXPECT(arenas[i] != NULL);
        fill_pattern(loam_arena_push_no_zero(arenas[i], 500), 500, i);
    }
    for (size_t i = 0; i < count; i++) {
        loam_stats stats = stats_of(arenas[i]);

        EXPECT_EQ(stats.live, 512);
        EXPECT_GOOD(arenas[i]);
        loam_arena_destroy(arenas[i]);
    }
    free(arenas);
    (void)loam_vm_trim();
}

TEST(many_at_once, fast)
{
    if (sizeof(void *) < 8)
        TEST_SKIP("assumes positions with a greatest alignment of 16");
    live_together(test_under_tsan() || test_under_valgrind() ? 50 : 1000);
}

TEST(thousands_at_once, slow)
{
    if (test_under_tsan() || test_under_asan() || test_under_valgrind())
        TEST_SKIP("the tool has no room for so many");
    live_together(test_bound("LOAM_TEST_ARENAS", 5000));
}

static void live_in_thread(void *context, size_t index)
{
    size_t rounds = *(size_t *)context;

    for (size_t i = 0; i < rounds; i++)
        live_once(NULL, 1000 * (index + 1) + i);
}

TEST(threads_share_what_is_kept, fast)
{
    size_t rounds = test_bound("LOAM_TEST_ROUNDS", 300);
    loam_stats stats;

    test_run_threads(8, live_in_thread, &rounds);
    loam_vm_trim_stats(&stats);
    EXPECT_LE(stats.blocks, 16);
    (void)loam_vm_trim();
}

/* ---- the handle ---- */

/* A growing array over an arena grows where it is, and is copied when something is in its way. */
TEST(arrays_grow_in_place, fast)
{
    loam_arena *arena = loam_arena_create(NULL);
    loam_allocator handle = loam_arena_allocator(arena);
    size_t size = 64;
    char *array = (char *)loam_alloc(handle, size, 8);
    char *start = array;

    if (sizeof(void *) < 8)
        TEST_SKIP("assumes the address space of a 64-bit process");
    fill_pattern(array, size, 1);
    for (; size < 32 * MIB; size *= 2) {
        array = (char *)loam_realloc(handle, array, size, 2 * size, 8);
        EXPECT_PTR(array, start);
    }
    EXPECT(has_pattern(array, 64, 1));
    EXPECT_EQ(loam_arena_pos(arena), size);
    EXPECT(loam_alloc(handle, 1, 1) != NULL);
    array = (char *)loam_realloc(handle, array, size, size + 1, 8);
    EXPECT(array != start && has_pattern(array, 64, 1));
    EXPECT(!loam_allocator_reclaims(handle));
    EXPECT(loam_owns(handle, array) && !loam_owns(handle, &size));
    loam_arena_destroy(arena);
}

/* ---- fork ---- */

#if TEST_HAS_FORK
/* Parent and child go on with the same arena, each with contents of its own. */
TEST(fork_with_an_arena, fast)
{
    loam_arena *arena = loam_arena_create(NULL);
    char *shared = (char *)loam_arena_push_no_zero(arena, 100000);
    int status;
    pid_t child;

    fill_pattern(shared, 100000, 1);
    child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        char *mine = (char *)loam_arena_push(arena, 3 * MIB);
        bool good = mine && all_zero(mine, 3 * MIB) && has_pattern(shared, 100000, 1);

        fill_pattern(shared, 100000, 2);
        good = good && loam_arena_check(arena, NULL, NULL);
        loam_arena_destroy(arena);
        good = good && loam_arena_create(NULL) != NULL;
        _exit(good ? 0 : 1);
    }
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT(has_pattern(shared, 100000, 1));
    EXPECT(loam_arena_push(arena, 3 * MIB) != NULL);
    EXPECT_GOOD(arena);
    loam_arena_destroy(arena);
}

/* The cache of ended arenas may be in use by other threads at the moment of a fork. */
static void fork_or_live(void *context, size_t index)
{
    (void)context;
    for (size_t i = 0; i < 60; i++) {
        int status;
        pid_t child;

        if (index > 0) {
            for (size_t k = 0; k < 20; k++)
                live_once(NULL, 1000);
            continue;
        }
        child = fork();
        EXPECT(child >= 0);
        if (child == 0) {
            (void)alarm(30); /* a lock that nobody will give back */
            live_once(NULL, 5000);
            _exit(0);
        }
        EXPECT(waitpid(child, &status, 0) == child);
        EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

TEST(fork_beside_other_threads, fast)
{
    if (test_under_tsan())
        TEST_SKIP("TSan and a fork beside threads don't agree");
    test_run_threads(3, fork_or_live, NULL);
}
#endif

TEST_MAIN
