/* test_model.c: random runs of everything that an arena can do, beside a model; see model.h. The
 * seed is printed, and LOAM_TEST_SEED sets it; LOAM_TEST_ARENA_RUNS says how many runs. */
#include "model.h"

static void run_all(size_t runs, size_t operations, bool pressure)
{
    test_rng rng;

    test_rng_init(&rng, test_seed());
    runs = test_bound("LOAM_TEST_ARENA_RUNS", runs);
    for (size_t i = 0; i < runs; i++) {
        for (int backing = LOAM_ARENA_RESERVE_CHAIN; backing <= LOAM_ARENA_FIXED; backing++)
            model_run(&rng, (loam_arena_backing)backing, operations, pressure);
    }
}

TEST(random_runs, fast)
{
    run_all(12, 700, false);
}

TEST(random_runs_under_pressure, fast)
{
    run_all(8, 700, true);
}

TEST(random_runs_long, slow)
{
    run_all(80, 3000, false);
}

TEST(random_runs_under_pressure_long, slow)
{
    run_all(60, 3000, true);
}

TEST(random_runs_for_hours, stress)
{
    run_all(100000, 4000, true);
}

TEST_MAIN
