/* test_support.c: the harness itself. A test must be able to fail, so each way in which one can is
 * provoked here in a child, and the child's end is looked at. */
#include "support/test.h"

#include <loam/base.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#if TEST_HAS_FORK
#include <unistd.h>
#endif

/* ---- expectations ---- */

static void fails_by_condition(void *context)
{
    EXPECT(context != NULL);
}

static void fails_by_number(void *context)
{
    (void)context;
    EXPECT_EQ(2 + 2, 5);
}

static void fails_by_order(void *context)
{
    (void)context;
    EXPECT_LE(SIZE_MAX, 3);
}

static void fails_by_pointer(void *context)
{
    EXPECT_PTR(&context, NULL);
}

static void fails_by_text(void *context)
{
    (void)context;
    EXPECT_STR("left", NULL);
}

static void expect_failure(test_fn function, const char *message)
{
    test_child child;

    test_run_child(function, NULL, &child);
    EXPECT_EQ(child.exit_code, 1);
    if (!strstr(child.output, message) || !strstr(child.output, test_name()))
        TEST_FAIL("expected \"%s\" in: %s", message, child.output);
}

/* Every kind of expectation ends its process with 1 and says what it saw. */
TEST(expectations_fail, fast)
{
    expect_failure(fails_by_condition, "expected context != NULL");
    expect_failure(fails_by_number, "expected 2 + 2 == 5, but 4 (0x4) != 5 (0x5)");
    expect_failure(fails_by_order, " <= 3, but ");
    expect_failure(fails_by_pointer, "expected &context == ");
    expect_failure(fails_by_text, "\"left\" != \"(null)\"");
}

/* Expectations that hold do nothing; numbers are compared by value whatever their types. */
TEST(expectations_hold, fast)
{
    EXPECT(true);
    EXPECT_EQ((unsigned char)200, 200L);
    EXPECT_LE(3u, 3);
    EXPECT_PTR(NULL, NULL);
    EXPECT_STR("same", "same");
    EXPECT_STR(NULL, NULL);
}

static void skips(void *context)
{
    (void)context;
    TEST_SKIP("because");
}

/* A skipped case ends with 77 and says why. */
TEST(skip_is_77, fast)
{
    test_child child;

    test_run_child(skips, NULL, &child);
    EXPECT_EQ(child.exit_code, 77);
    EXPECT_STR(child.output, "skipped: skip_is_77: because\n");
}

/* ---- deaths ---- */

static void dies(void *context)
{
    loam_fatal(LOAM_MISUSE_LEAK, context);
}

static const char leak[] = "loam: fatal: allocator ended with live blocks: 0x";

/* The right death is recognised, with and without its address. */
TEST(death_is_recognised, fast)
{
    int there;

    test_dies(dies, &there, leak);
    test_dies(dies, NULL, leak);
    test_dies_with(dies, &there, leak, &there);
    test_dies_with(dies, NULL, leak, NULL);
}

#if TEST_HAS_FORK

static void returns(void *context)
{
    (void)context;
}

static void expects_death_of_survivor(void *context)
{
    test_dies(returns, context, leak);
}

static void expects_other_words(void *context)
{
    test_dies(dies, context, "loam: fatal: something else: 0x");
}

static void expects_other_address(void *context)
{
    test_dies_with(dies, context, leak, (void *)((uintptr_t)context + 1));
}

static void dies_and_says_more(void *context)
{
    (void)!write(2, "more\n", 5);
    loam_fatal(LOAM_MISUSE_LEAK, context);
}

static void expects_no_other_line(void *context)
{
    test_dies(dies_and_says_more, context, leak);
}

static void says_it_and_exits(void *context)
{
    (void)context;
    (void)!write(2, "loam: fatal: allocator ended with live blocks: 0x10\n", 52);
}

static void expects_the_signal(void *context)
{
    test_dies(says_it_and_exits, context, leak);
}

static void says_it_without_digits(void *context)
{
    (void)context;
    (void)!write(2, "loam: fatal: allocator ended with live blocks: 0x\n", 50);
    abort();
}

static void expects_digits(void *context)
{
    test_dies(says_it_without_digits, context, leak);
}

/* A death is not taken for the right one if its signal, its words, its address or the number of
 * its lines differ. */
TEST(wrong_death_is_refused, fast)
{
    expect_failure(expects_death_of_survivor, "expected SIGABRT");
    expect_failure(expects_other_words, "expected SIGABRT");
    expect_failure(expects_other_address, "expected SIGABRT");
    expect_failure(expects_the_signal, "expected SIGABRT");
    expect_failure(expects_digits, "expected SIGABRT");
    if (!test_under_asan() && !test_under_tsan() && !test_under_valgrind())
        expect_failure(expects_no_other_line, "expected SIGABRT");
}

static void faults(void *context)
{
    (void)context;
    raise(SIGSEGV);
}

static void expects_fault_of_survivor(void *context)
{
    test_faults(returns, context);
}

static void expects_survival(void *context)
{
    test_survives(dies, context);
}

/* Faults and orderly ends are told apart. */
TEST(faults_and_survivors, fast)
{
    test_faults(faults, NULL);
    test_survives(returns, NULL);
    expect_failure(expects_fault_of_survivor, "expected a fault");
    expect_failure(expects_survival, "expected an orderly end");
}

static void writes_much(void *context)
{
    (void)context;
    for (int i = 0; i < 4096; i++)
        (void)!write(2, "0123456789012345678901234567890123456789012345678901234567890123", 64);
    TEST_FAIL("the last word");
}

/* A child that writes more than is kept does not block, and its last words are kept. */
TEST(last_words_are_kept, fast)
{
    test_child child;

    test_run_child(writes_much, NULL, &child);
    EXPECT_EQ(child.exit_code, 1);
    EXPECT(strlen(child.output) >= sizeof child.output / 2 - 1);
    EXPECT(strstr(child.output, "the last word\n") != NULL);
}

#endif

/* ---- chance, bounds, threads ---- */

/* The same seed gives the same numbers, and they spread over their range. */
TEST(generator_repeats, fast)
{
    test_rng a, b;
    size_t seen[16] = {0};

    test_rng_init(&a, 42);
    test_rng_init(&b, 42);
    for (int i = 0; i < 4096; i++) {
        uint64_t x = test_rng_below(&a, 16);

        EXPECT_EQ(x, test_rng_below(&b, 16));
        EXPECT(x < 16);
        seen[x]++;
    }
    for (int i = 0; i < 16; i++)
        EXPECT(seen[i] > 128 && seen[i] < 512);
    EXPECT_EQ(test_seed(), test_seed());
}

/* A bound is its default until the environment says otherwise. */
TEST(bound_has_default, fast)
{
    EXPECT_EQ(test_bound("LOAM_TEST_NO_SUCH_BOUND", 17), 17);
}

typedef struct meeting {
    size_t seen[8];
} meeting;

static void sign_in(void *context, size_t index)
{
    meeting *m = context;

    m->seen[index]++;
}

/* Every thread runs once, with its own index. */
TEST(threads_run_once_each, fast)
{
    meeting m = {{0}};

    test_run_threads(8, sign_in, &m);
    for (int i = 0; i < 8; i++)
        EXPECT_EQ(m.seen[i], 1);
}

TEST_MAIN
