/* failing: exactly the calls that the rule names fail, and none of them reaches the allocator
 * below. */
#include "adapters/puppet.h"

#include <loam/adapters.h>

typedef struct fixture {
    puppet p;
    loam_failing failing;
    loam_allocator a;
} fixture;

static void set_up(fixture *f, const loam_failing_config *config)
{
    puppet_init(&f->p);
    loam_failing_init(&f->failing, puppet_allocator(&f->p), config);
    f->a = loam_failing_allocator(&f->failing);
}

/* Without a rule it only counts. */
TEST(counts_without_a_rule, fast)
{
    fixture f;
    void *ptr;

    set_up(&f, NULL);
    ptr = loam_alloc(f.a, 100, 8);
    EXPECT(ptr && loam_zalloc(f.a, 10, 8));
    EXPECT(loam_resize(f.a, ptr, 100, 110, 8) && !loam_resize(f.a, ptr, 110, 1000, 8));
    EXPECT((ptr = loam_remap(f.a, ptr, 110, 1000, 8)) != NULL);
    loam_dealloc(f.a, ptr, 1000, 8);
    EXPECT_EQ(loam_failing_calls(&f.failing, LOAM_FAILING_ALLOC), 2);
    EXPECT_EQ(loam_failing_calls(&f.failing, LOAM_FAILING_RESIZE), 2);
    EXPECT_EQ(loam_failing_calls(&f.failing, LOAM_FAILING_REMAP), 1);
    for (loam_failing_op op = LOAM_FAILING_ALLOC; op < LOAM_FAILING_OPS; op++)
        EXPECT_EQ(loam_failing_failed(&f.failing, op), 0);
}

/* The n-th call alone, or it and all after it; alloc and zalloc are counted together. */
TEST(nth_call_fails, fast)
{
    for (size_t nth = 0; nth <= 7; nth++) {
        for (int for_ever = 0; for_ever <= 1; for_ever++) {
            loam_failing_config config = {.alloc = {.nth = nth, .for_ever = for_ever}};
            size_t failed = 0;
            fixture f;

            set_up(&f, &config);
            for (size_t call = 1; call <= 6; call++) {
                bool expected = nth != 0 && (call == nth || (for_ever && call > nth));
                void *ptr = call % 2 ? loam_alloc(f.a, 8, 8) : loam_zalloc(f.a, 8, 8);

                EXPECT_EQ(ptr == NULL, expected);
                failed += expected;
            }
            EXPECT_EQ(loam_failing_calls(&f.failing, LOAM_FAILING_ALLOC), 6);
            EXPECT_EQ(loam_failing_failed(&f.failing, LOAM_FAILING_ALLOC), failed);
            EXPECT_EQ(f.p.calls.alloc + f.p.calls.zalloc, 6 - failed);
        }
    }
}

/* Each operation has a counter and a rule of its own. */
TEST(operations_are_separate, fast)
{
    loam_failing_config config = {.resize = {.nth = 1, .for_ever = true}, .remap = {.nth = 2}};
    fixture f;
    void *ptr;

    set_up(&f, &config);
    ptr = loam_alloc(f.a, 100, 8);
    EXPECT(ptr && !loam_resize(f.a, ptr, 100, 110, 8) && !loam_resize(f.a, ptr, 100, 110, 8));
    EXPECT_EQ(f.p.calls.resize, 0);
    EXPECT((ptr = loam_remap(f.a, ptr, 100, 110, 8)) != NULL);
    EXPECT(!loam_remap(f.a, ptr, 110, 120, 8));
    EXPECT((ptr = loam_remap(f.a, ptr, 110, 120, 8)) != NULL);
    EXPECT_EQ(f.p.calls.remap, 2);

    /* A realloc whose remap fails copies, and that is an alloc. */
    loam_failing_restart(&f.failing, &(loam_failing_config){.remap = {.nth = 1}});
    EXPECT((ptr = loam_realloc(f.a, ptr, 120, 4000, 8)) != NULL);
    EXPECT_EQ(loam_failing_calls(&f.failing, LOAM_FAILING_REMAP), 1);
    EXPECT_EQ(loam_failing_calls(&f.failing, LOAM_FAILING_ALLOC), 1);
    loam_dealloc(f.a, ptr, 4000, 8);
    EXPECT_EQ(f.p.live, 0);
}

TEST(restart_begins_anew, fast)
{
    loam_failing_config config = {.alloc = {.nth = 2}};
    fixture f;

    set_up(&f, &config);
    EXPECT(loam_alloc(f.a, 8, 8) && !loam_alloc(f.a, 8, 8) && loam_alloc(f.a, 8, 8));
    loam_failing_restart(&f.failing, &config);
    EXPECT_EQ(loam_failing_calls(&f.failing, LOAM_FAILING_ALLOC), 0);
    EXPECT(loam_alloc(f.a, 8, 8) && !loam_alloc(f.a, 8, 8));
    loam_failing_restart(&f.failing, NULL);
    for (int i = 0; i < 5; i++)
        EXPECT(loam_alloc(f.a, 8, 8));
    EXPECT_EQ(loam_failing_failed(&f.failing, LOAM_FAILING_ALLOC), 0);
}

/* Writes which of 64 calls fail, and returns how many of `calls` do. */
static size_t failures_by_chance(uint32_t per_million, uint64_t seed, size_t calls, uint64_t *first)
{
    loam_failing_config config = {.alloc = {.per_million = per_million}, .seed = seed};
    size_t failed = 0;
    fixture f;

    set_up(&f, &config);
    f.p.refuse = true; /* the answers of both look alike; the counts tell them apart */
    *first = 0;
    for (size_t i = 0; i < calls; i++) {
        (void)!loam_alloc(f.a, 8, 8);
        if (loam_failing_failed(&f.failing, LOAM_FAILING_ALLOC) > failed && i < 64)
            *first |= UINT64_C(1) << i;
        failed = loam_failing_failed(&f.failing, LOAM_FAILING_ALLOC);
    }
    EXPECT_EQ(f.p.calls.alloc, calls - failed);
    return failed;
}

/* The chance is what was asked for, the same calls fail each time, and other ones with another
 * seed. 100 000 calls at 25 %: 24 000 to 26 000 is more than seven standard deviations wide. */
TEST(chance_is_seeded, fast)
{
    uint64_t one, again, other;
    size_t failed = failures_by_chance(250000, 42, 100000, &one);

    EXPECT(failed > 24000 && failed < 26000);
    EXPECT_EQ(failures_by_chance(250000, 42, 100000, &again), failed);
    EXPECT_EQ(one, again);
    (void)failures_by_chance(250000, 43, 64, &other);
    EXPECT(one != other);
    EXPECT_EQ(failures_by_chance(0, 42, 1000, &one), 0);
    EXPECT_EQ(failures_by_chance(1000000, 42, 1000, &one), 1000);
}

/* The two parts of a rule add up: the n-th call fails whatever chance says, and chance goes on. */
TEST(nth_and_chance_add_up, fast)
{
    for (size_t nth = 1; nth <= 50; nth++) {
        loam_failing_config config = {.alloc = {.nth = nth, .per_million = 1}};
        fixture f;

        set_up(&f, &config);
        for (size_t call = 1; call <= 60; call++)
            EXPECT_EQ(loam_alloc(f.a, 8, 8) == NULL, call == nth);
        config.alloc = (loam_failing_rule){.nth = nth, .per_million = 1000000};
        loam_failing_restart(&f.failing, &config);
        for (size_t call = 1; call <= 60; call++)
            EXPECT(!loam_alloc(f.a, 8, 8));
    }
}

enum { THREADS = 4, ROUNDS = 1000 };

static void call_often(void *context, size_t index)
{
    loam_allocator a = loam_failing_allocator(context);

    (void)index;
    for (size_t i = 0; i < ROUNDS; i++) {
        void *ptr = loam_alloc(a, 16, 8);

        loam_dealloc(a, ptr, 16, 8);
    }
}

/* Numbers are given out once each, whoever asks: the rule hits as often as in one thread. */
TEST(threads_share_the_count, fast)
{
    loam_failing_config config = {.alloc = {.nth = THREADS * ROUNDS - 99, .for_ever = true}};
    loam_failing failing;

    loam_failing_init(&failing, loam_libc_allocator(), &config);
    test_run_threads(THREADS, call_often, &failing);
    EXPECT_EQ(loam_failing_calls(&failing, LOAM_FAILING_ALLOC), THREADS * ROUNDS);
    EXPECT_EQ(loam_failing_failed(&failing, LOAM_FAILING_ALLOC), 100);
}

TEST_MAIN
