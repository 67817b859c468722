/* test_vec_model.c: random operations against a plain array, over each kind of allocator that an
 * array may meet; see vec_model.h. LOAM_TEST_VEC_STEPS says how many. */
#include "vector/vec_model.h"

#include <loam/arena.h>

static size_t steps(size_t otherwise)
{
    return test_bound("LOAM_TEST_VEC_STEPS", otherwise);
}

/* ---- grounds ---- */

static loam_split split;
static loam_checked checked;
static loam_counting counting;
static loam_budget budget;
static loam_arena arena;
static _Alignas(4096) char buffer[4 << 20];

/* What ends a run over this must have been given back, or the test fails. */
static loam_allocator count(loam_allocator below)
{
    loam_counting_init(&counting, below);
    return loam_counting_allocator(&counting);
}

static void expect_none(void)
{
    loam_stats stats;

    loam_counting_stats(&counting, &stats);
    EXPECT_EQ(stats.live, 0);
    EXPECT_EQ(stats.blocks, 0);
}

static loam_allocator begin_libc(void)
{
    return count(loam_libc_allocator());
}

static loam_allocator begin_vm(void)
{
    return count(loam_vm_allocator());
}

/* A threshold that the arrays of the model cross all the time. */
static loam_allocator begin_split(void)
{
    loam_split_init(&split, loam_libc_allocator(), loam_vm_allocator(), 4000);
    return count(loam_split_allocator(&split));
}

static loam_allocator begin_checked(void)
{
    loam_checked_init(&checked, loam_libc_allocator(), NULL);
    return loam_checked_allocator(&checked);
}

static void end_checked(void)
{
    loam_checked_deinit(&checked);
}

static loam_allocator begin_arena(void)
{
    EXPECT(loam_arena_init(&arena, NULL));
    return loam_arena_allocator(&arena);
}

static loam_allocator begin_chain(void)
{
    loam_arena_config config = {.backing = LOAM_ARENA_CHAIN, .source = begin_libc()};

    EXPECT(loam_arena_init(&arena, &config));
    return loam_arena_allocator(&arena);
}

static loam_allocator begin_fixed(void)
{
    loam_arena_config config = {
        .backing = LOAM_ARENA_FIXED, .buffer = buffer, .buffer_size = sizeof buffer};

    EXPECT(loam_arena_init(&arena, &config));
    return loam_arena_allocator(&arena);
}

static void end_arena(void)
{
    EXPECT(loam_arena_check(&arena, NULL, NULL));
    loam_arena_deinit(&arena);
}

static void end_chain(void)
{
    end_arena();
    expect_none();
}

static loam_allocator begin_checked_arena(void)
{
    loam_checked_init(&checked, begin_arena(), NULL);
    return loam_checked_allocator(&checked);
}

static void end_checked_arena(void)
{
    loam_checked_deinit(&checked);
    end_arena();
}

/* As little as makes every growth near the end a tight one. */
static loam_allocator begin_budget(void)
{
    loam_budget_config config = {.limit = MODEL_BYTES};

    loam_budget_init(&budget, begin_libc(), &config);
    return loam_budget_allocator(&budget);
}

TEST(over_libc, fast)
{
    model_run(&(model_ground){begin_libc, expect_none, false, false}, steps(1500));
}

TEST(over_vm, fast)
{
    model_run(&(model_ground){begin_vm, expect_none, false, false}, steps(700));
}

TEST(over_split, fast)
{
    model_run(&(model_ground){begin_split, expect_none, false, false}, steps(700));
}

TEST(over_checked, fast)
{
    model_run(&(model_ground){begin_checked, end_checked, false, false}, steps(700));
}

TEST(over_arena, fast)
{
    model_run(&(model_ground){begin_arena, end_arena, false, false}, steps(1500));
}

TEST(over_chained_arena, fast)
{
    model_run(&(model_ground){begin_chain, end_chain, false, false}, steps(1500));
}

TEST(over_fixed_arena, fast)
{
    model_run(&(model_ground){begin_fixed, end_arena, true, false}, steps(1500));
}

TEST(over_checked_arena, fast)
{
    model_run(&(model_ground){begin_checked_arena, end_checked_arena, false, false}, steps(700));
}

TEST(over_budget, fast)
{
    model_run(&(model_ground){begin_budget, expect_none, true, false}, steps(1500));
}

TEST(reserved, fast)
{
    model_run(&(model_ground){NULL, NULL, false, false}, steps(1500));
}

TEST(in_a_buffer_over_libc, fast)
{
    model_run(&(model_ground){begin_libc, expect_none, false, true}, steps(1500));
}

TEST(in_a_buffer_over_checked, fast)
{
    model_run(&(model_ground){begin_checked, end_checked, false, true}, steps(700));
}

TEST(in_a_buffer_over_an_arena, fast)
{
    model_run(&(model_ground){begin_arena, end_arena, false, true}, steps(700));
}

TEST(long_run_over_libc, slow)
{
    model_run(&(model_ground){begin_libc, expect_none, false, false}, steps(50000));
}

TEST(long_run_over_arena, slow)
{
    model_run(&(model_ground){begin_chain, end_chain, false, false}, steps(50000));
}

TEST(long_run_in_a_buffer, slow)
{
    model_run(&(model_ground){begin_libc, expect_none, false, true}, steps(50000));
}

TEST(long_run_reserved, slow)
{
    model_run(&(model_ground){NULL, NULL, false, false}, steps(50000));
}

TEST_MAIN
