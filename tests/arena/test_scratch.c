/* test_scratch.c: what loam/scratch.h promises. */
#include "arena_support.h"

#include <loam/scratch.h>

#include <string.h>

#if TEST_HAS_FORK
#include <pthread.h>
#include <sys/resource.h>
#endif

enum { MANY = 100 };

/* ---- conflicts ---- */

TEST(without_conflicts_it_is_the_same_arena, fast)
{
    loam_arena *first;

    for (int i = 0; i < 10; i++) {
        loam_scratch scratch = loam_scratch_begin(NULL, 0);

        if (i == 0)
            first = scratch.arena;
        EXPECT_PTR(scratch.arena, first);
        EXPECT_EQ(loam_arena_pos(scratch.arena), 0);
        EXPECT(loam_arena_push(scratch.arena, 1000) != NULL);
        loam_scratch_end(&scratch);
    }
}

/* Any number of conflicts: each scope gets an arena that none of the ones before it has. */
TEST(each_conflict_is_kept_away, fast)
{
    loam_arena *conflicts[MANY];
    loam_scratch scratches[MANY];
    loam_stats stats;

    for (size_t i = 0; i < MANY; i++) {
        scratches[i] = loam_scratch_begin(conflicts, i);
        conflicts[i] = scratches[i].arena;
        for (size_t k = 0; k < i; k++)
            EXPECT(conflicts[k] != conflicts[i]);
        fill_pattern(loam_arena_push_no_zero(conflicts[i], 4000), 4000, i);
    }
    for (size_t i = 0; i < MANY; i++)
        EXPECT(has_pattern(conflicts[i]->first.base, 4000, i));
    loam_scratch_stats(&stats);
    EXPECT_EQ(stats.blocks, MANY);
    EXPECT_LE((size_t)MANY * 4000, stats.live);
    for (size_t i = MANY; i-- > 0;)
        loam_scratch_end(&scratches[i]);
    loam_scratch_stats(&stats);
    EXPECT_EQ(stats.live, 0);
}

TEST(null_and_foreign_conflicts, fast)
{
    loam_arena *own = loam_arena_create(NULL);
    loam_arena *conflicts[] = {NULL, own, NULL};
    loam_scratch a = loam_scratch_begin(conflicts, 3);
    loam_scratch b = loam_scratch_begin(NULL, 0);

    EXPECT(a.arena && a.arena != own);
    EXPECT_PTR(a.arena, b.arena);
    loam_scratch_end(&b);
    loam_scratch_end(&a);
    loam_arena_destroy(own);
}

TEST(scopes_nest_in_one_arena, fast)
{
    loam_scratch outer = loam_scratch_begin(NULL, 0);
    char *kept = (char *)loam_arena_push_no_zero(outer.arena, 100);
    size_t position = loam_arena_pos(outer.arena);
    loam_scratch inner = loam_scratch_begin(NULL, 0);

    fill_pattern(kept, 100, 1);
    EXPECT_PTR(inner.arena, outer.arena);
    fill_pattern(loam_arena_push_no_zero(inner.arena, 100000), 100000, 2);
    loam_scratch_end(&inner);
    EXPECT_EQ(loam_arena_pos(outer.arena), position);
    EXPECT(has_pattern(kept, 100, 1));
    loam_scratch_end(&outer);
}

static char *greet(loam_arena *result, const char *name, bool early)
{
    LOAM_SCRATCH(scratch, result);
    char *draft = (char *)loam_arena_push(scratch.arena, 1000);

    EXPECT(scratch.arena != result);
    if (early)
        return NULL;
    memcpy(draft, "hello ", 6);
    memcpy(draft + 6, name, strlen(name) + 1);
    return loam_arena_push_text(result, draft, strlen(draft));
}

/* The macro ends the scope on every path, and keeps away from the caller's arena. */
TEST(the_macro, fast)
{
    LOAM_SCRATCH(mine, NULL);
    loam_stats before, after;

    EXPECT_STR(greet(mine.arena, "loam", false), "hello loam");
    loam_scratch_stats(&before);
    for (int i = 0; i < 1000; i++)
        EXPECT(greet(mine.arena, "loam", true) == NULL);
    loam_scratch_stats(&after);
    EXPECT_EQ(before.live, after.live);
}

/* ---- configuration ---- */

TEST(configured, fast)
{
    loam_arena_config fixed = {.backing = LOAM_ARENA_FIXED};
    loam_arena_config odd = {.auto_align = 3};
    loam_arena_config chain = {.backing = LOAM_ARENA_CHAIN, .limit = 1000, .name = "small"};
    loam_scratch scratch;

    EXPECT(!loam_scratch_configure(&fixed));
    EXPECT(!loam_scratch_configure(&odd));
    EXPECT(loam_scratch_configure(&chain));
    EXPECT(loam_scratch_release());
    scratch = loam_scratch_begin(NULL, 0);
    EXPECT_STR(loam_arena_name(scratch.arena), "small");
    EXPECT(loam_arena_push(scratch.arena, 1000) != NULL);
    EXPECT(loam_arena_push(scratch.arena, 1) == NULL);
    EXPECT(!loam_scratch_release()); /* a scope is open */
    loam_scratch_end(&scratch);
    EXPECT(loam_scratch_release());
    EXPECT(loam_scratch_configure(NULL));
    scratch = loam_scratch_begin(NULL, 0);
    EXPECT_STR(loam_arena_name(scratch.arena), "scratch");
    loam_scratch_end(&scratch);
}

/* ---- threads ---- */

static void use_in_thread(void *context, size_t index)
{
    loam_arena **seen = (loam_arena **)context;

    for (size_t round = 0; round < 200; round++) {
        loam_scratch a = loam_scratch_begin(NULL, 0);
        loam_scratch b = loam_scratch_begin(&a.arena, 1);
        char *p = (char *)loam_arena_push_no_zero(a.arena, 3000);
        char *q = (char *)loam_arena_push_no_zero(b.arena, 3000);

        EXPECT(a.arena != b.arena);
        fill_pattern(p, 3000, index);
        fill_pattern(q, 3000, ~index);
        EXPECT(has_pattern(p, 3000, index) && has_pattern(q, 3000, ~index));
        seen[index] = a.arena;
        loam_scratch_end(&b);
        loam_scratch_end(&a);
    }
}

TEST(threads_have_their_own, fast)
{
    loam_arena *seen[8] = {NULL};

    test_run_threads(8, use_in_thread, seen);
    for (size_t i = 0; i < 8; i++)
        EXPECT(seen[i] != NULL);
}

static void use_once(void *context, size_t index)
{
    loam_scratch scratch = loam_scratch_begin(NULL, 0);

    (void)context;
    EXPECT(loam_arena_push(scratch.arena, 100000 + index) != NULL);
    loam_scratch_end(&scratch);
}

/* A thread takes its arenas with it, also one that ends with a scope open. */
static void end_threads(size_t rounds)
{
    loam_stats before, after;

    test_run_threads(8, use_once, NULL);
    loam_vm_trim_stats(&before);
    for (size_t i = 0; i < rounds; i++)
        test_run_threads(4, use_once, NULL);
    loam_vm_trim_stats(&after);
    EXPECT_LE(after.blocks, 16);
    EXPECT_EQ(after.refused, before.refused);
    (void)loam_vm_trim();
    loam_vm_trim_stats(&after);
    EXPECT_EQ(after.blocks, 0);
    EXPECT_EQ(after.reserved, 0);
}

TEST(threads_leave_nothing, fast)
{
    end_threads(50);
}

TEST(many_threads_leave_nothing, slow)
{
    end_threads(test_bound("LOAM_TEST_SCRATCH_ROUNDS", 2500));
}

/* ---- refusal ---- */

#if TEST_HAS_FORK
/* No address space is left: the arena is there, and says no. */
static void use_without_memory(void *context)
{
    struct rlimit none = {0, 0};
    loam_arena *conflicts[3];
    loam_scratch scratches[3];

    (void)context;
    EXPECT(setrlimit(RLIMIT_AS, &none) == 0);
    for (size_t i = 0; i < 3; i++) {
        scratches[i] = loam_scratch_begin(conflicts, i);
        conflicts[i] = scratches[i].arena;
        EXPECT(conflicts[i] != NULL);
        while (loam_arena_push(conflicts[i], 100000))
            continue; /* what the C library still had */
        EXPECT(loam_arena_check(conflicts[i], NULL, NULL));
    }
    for (size_t i = 3; i-- > 0;)
        loam_scratch_end(&scratches[i]);
}
#endif

TEST(never_null, fast)
{
#if TEST_HAS_FORK
    if (test_under_asan() || test_under_tsan() || test_under_valgrind())
        TEST_SKIP("the tool needs address space");
    test_survives(use_without_memory, NULL);
#else
    TEST_SKIP("there are no limits of that kind");
#endif
}

/* ---- misuse ---- */

#if TEST_HAS_FORK
static void *end_it(void *scratch)
{
    loam_scratch_end((loam_scratch *)scratch);
    return NULL;
}

static void end_elsewhere(void *context)
{
    loam_scratch scratch = loam_scratch_begin(NULL, 0);
    pthread_t thread;

    (void)context;
    if (pthread_create(&thread, NULL, end_it, &scratch) == 0)
        (void)pthread_join(thread, NULL);
}
#endif

TEST(ended_by_another_thread, fast)
{
#if TEST_HAS_FORK
    if (!LOAM_CHECKS)
        TEST_SKIP("not a checked build");
    test_dies(end_elsewhere, NULL, "loam: fatal: scratch arena ended by another thread: 0x");
#else
    TEST_SKIP("there is no fork");
#endif
}

TEST_MAIN
