/* test_base.c: base.h, version.h and the private size arithmetic. The main file of test_common. */
#include "support/test.h"

#include "internal/bits.h"

#include <loam/base.h>
#include <loam/version.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if TEST_HAS_FORK
#include <unistd.h>
#endif

/* ---- misuse ---- */

typedef struct fatal_call {
    loam_misuse what;
    const void *pointer;
} fatal_call;

static void be_fatal(void *context)
{
    const fatal_call *call = context;

    loam_fatal(call->what, call->pointer);
}

/* Each kind of misuse ends the program with its own words, its pointer, and nothing else. */
TEST(fatal_prints_one_exact_line, fast)
{
    for (int what = 0; what < LOAM_MISUSE_COUNT; what++) {
        fatal_call call = {(loam_misuse)what, &call};
        char prefix[256];

        snprintf(prefix, sizeof prefix, "loam: fatal: %s: 0x", loam_misuse_text(call.what));
        test_dies_with(be_fatal, &call, prefix, &call);
    }
}

/* Pointers from none to the highest are written whole, in lower case, without leading zeroes. */
TEST(fatal_prints_any_pointer, fast)
{
    static const char prefix[] = "loam: fatal: allocator ended with live blocks: 0x";
    const uintptr_t pointers[] = {0, 1, 15, 16, 0xabcdef, UINTPTR_MAX, UINTPTR_MAX / 2 + 1};

    for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++) {
        fatal_call call = {LOAM_MISUSE_LEAK, (const void *)pointers[i]};

        test_dies_with(be_fatal, &call, prefix, call.pointer);
    }
}

/* A number that is no kind still ends the program, with words for that. */
TEST(fatal_survives_a_bad_kind, fast)
{
    fatal_call call = {LOAM_MISUSE_COUNT, NULL};

    EXPECT_STR(loam_misuse_text(LOAM_MISUSE_COUNT), "unknown misuse");
    EXPECT_STR(loam_misuse_text((loam_misuse)1000), "unknown misuse");
    test_dies_with(be_fatal, &call, "loam: fatal: unknown misuse: 0x", NULL);
}

/* The texts are what tests, tools and people search for: there, one line each, all different. */
TEST(misuse_texts_are_distinct, fast)
{
    for (int a = 0; a < LOAM_MISUSE_COUNT; a++) {
        const char *text = loam_misuse_text((loam_misuse)a);

        EXPECT(text && strlen(text) > 8 && strlen(text) < 120);
        EXPECT(strchr(text, '\n') == NULL && strchr(text, ':') == NULL);
        for (int b = 0; b < a; b++)
            EXPECT(strcmp(text, loam_misuse_text((loam_misuse)b)) != 0);
    }
}

#if TEST_HAS_FORK

static void be_fatal_in_handler(int number)
{
    (void)number;
    loam_fatal(LOAM_MISUSE_DOUBLE_FREE, NULL);
}

static void be_fatal_in_signal(void *context)
{
    (void)context;
    signal(SIGTERM, be_fatal_in_handler);
    raise(SIGTERM);
}

/* It takes no lock and no memory, so a signal handler may call it. */
TEST(fatal_works_in_a_signal_handler, fast)
{
    test_dies_with(be_fatal_in_signal, NULL, "loam: fatal: block was given back twice: 0x", NULL);
}

static void be_fatal_without_output(void *context)
{
    (void)context;
    close(2);
    loam_fatal(LOAM_MISUSE_LEAK, NULL);
}

/* Where nobody can read the line, the program ends all the same. */
TEST(fatal_ends_without_output, fast)
{
    test_child child;

    test_run_child(be_fatal_without_output, NULL, &child);
    EXPECT_EQ(child.signal, SIGABRT);
}

#endif

static void require_truth(void *context)
{
    (void)context;
    LOAM_REQUIRE(context == NULL, LOAM_MISUSE_FOREIGN_BLOCK, context);
}

/* LOAM_REQUIRE ends the program in a checked build, and is nothing in any other. */
TEST(require_is_for_checked_builds, fast)
{
    int there = 0;

    require_truth(NULL);
#if LOAM_CHECKS
    test_dies_with(require_truth, &there, "loam: fatal: block is not of this allocator: 0x",
                   &there);
#else
    require_truth(&there);
#endif
}

/* ---- version ---- */

/* The three numbers, the one number and the text say the same. */
TEST(version_agrees_with_itself, fast)
{
    char text[64];

    snprintf(text, sizeof text, "%d.%d.%d", LOAM_VERSION_MAJOR, LOAM_VERSION_MINOR,
             LOAM_VERSION_PATCH);
    EXPECT_STR(LOAM_VERSION_STRING, text);
    EXPECT_EQ(LOAM_VERSION,
              LOAM_VERSION_MAJOR * 10000 + LOAM_VERSION_MINOR * 100 + LOAM_VERSION_PATCH);
}

/* ---- size arithmetic ---- */

static const size_t top_bit = SIZE_MAX - SIZE_MAX / 2;

/* Powers of two and nothing else; 0 is none. */
TEST(bits_know_powers_of_two, fast)
{
    EXPECT(!loam_is_pow2(0));
    EXPECT(!loam_is_pow2(SIZE_MAX));
    for (size_t power = 1; power != 0; power *= 2) {
        EXPECT(loam_is_pow2(power));
        EXPECT(power < 4 || (!loam_is_pow2(power - 1) && !loam_is_pow2(power + 1)));
    }
}

/* Rounding gives the nearest multiple on its side, and leaves multiples alone. */
TEST(bits_round, fast)
{
    for (size_t pow2 = 1; pow2 <= 64; pow2 *= 2) {
        for (size_t n = 0; n < 300; n++) {
            size_t down = loam_round_down(n, pow2), up = loam_round_up(n, pow2);

            EXPECT_EQ(down, n / pow2 * pow2);
            EXPECT_EQ(up, (n + pow2 - 1) / pow2 * pow2);
        }
    }
    EXPECT_EQ(loam_round_down(SIZE_MAX, top_bit), top_bit);
    EXPECT_EQ(loam_round_up(top_bit - 1, top_bit), top_bit);
}

/* Where a result does not fit, the checked forms say so, and leave it alone. */
TEST(bits_see_overflow, fast)
{
    size_t result = 77;

    EXPECT(!loam_round_up_checked(SIZE_MAX, 2, &result));
    EXPECT(!loam_round_up_checked(top_bit + 1, top_bit, &result));
    EXPECT(!loam_round_up_checked(SIZE_MAX - 4094, 4096, &result));
    EXPECT(!loam_add_checked(SIZE_MAX, 1, &result));
    EXPECT(!loam_add_checked(top_bit, top_bit, &result));
    EXPECT_EQ(result, 77);

    EXPECT(loam_round_up_checked(SIZE_MAX, 1, &result));
    EXPECT_EQ(result, SIZE_MAX);
    EXPECT(loam_round_up_checked(SIZE_MAX - 4095, 4096, &result));
    EXPECT_EQ(result, SIZE_MAX - 4095);
    EXPECT(loam_round_up_checked(0, top_bit, &result));
    EXPECT_EQ(result, 0);
    EXPECT(loam_add_checked(SIZE_MAX, 0, &result));
    EXPECT_EQ(result, SIZE_MAX);
    EXPECT(loam_add_checked(top_bit, top_bit - 1, &result));
    EXPECT_EQ(result, SIZE_MAX);
}

/* The smaller and the bigger of two, and the way to the next multiple of an address. */
TEST(bits_compare_and_pad, fast)
{
    EXPECT_EQ(loam_min(3, SIZE_MAX), 3);
    EXPECT_EQ(loam_max(3, SIZE_MAX), SIZE_MAX);
    EXPECT_EQ(loam_padding((void *)(uintptr_t)4096, 4096), 0);
    EXPECT_EQ(loam_padding((void *)(uintptr_t)4097, 4096), 4095);
    EXPECT_EQ(loam_padding((void *)(uintptr_t)4095, 4096), 1);
    EXPECT_EQ(loam_padding((void *)(uintptr_t)12345, 1), 0);
    EXPECT_EQ(loam_padding((void *)UINTPTR_MAX, 64), 1);
}

/* The highest and the lowest set bit, wherever they are. */
TEST(bits_are_found, fast)
{
    for (unsigned bit = 0; bit < sizeof(size_t) * 8; bit++) {
        size_t power = (size_t)1 << bit;

        EXPECT_EQ(loam_log2(power), bit);
        EXPECT_EQ(loam_log2(power | 1), bit);
        EXPECT_EQ(loam_log2(power + (power - 1)), bit);
    }
    for (unsigned bit = 0; bit < 64; bit++) {
        EXPECT_EQ(loam_lowest_bit((uint64_t)1 << bit), bit);
        EXPECT_EQ(loam_lowest_bit(UINT64_MAX << bit), bit);
    }
}

/* loam_clear() clears its bytes and no others, at any length. */
TEST(bits_clear, fast)
{
    unsigned char bytes[600];

    for (size_t size = 0; size <= 512; size++) {
        memset(bytes, 0xAA, sizeof bytes);
        loam_clear(bytes + 3, size);
        for (size_t i = 0; i < sizeof bytes; i++)
            EXPECT_EQ(bytes[i], i >= 3 && i < 3 + size ? 0 : 0xAA);
    }
}

TEST_MAIN
