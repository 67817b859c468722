/* test.h: the harness of loam's tests: cases, expectations, deaths, seeds, threads.
 *
 *     TEST(push_keeps_alignment, fast)
 *     {
 *         EXPECT_EQ(2 + 2, 4);
 *     }
 *
 *     TEST_MAIN
 *
 * The build finds the cases by their TEST lines and makes one ctest entry of each. The second word
 * is the label: `fast` for every build, `slow` for every release, `stress` by hand.
 *
 *     prog case...         runs these cases, in this process
 *     prog                 runs all fast ones, each in a process of its own where there is fork
 *     prog --label slow    runs all slow ones
 *     prog --all           runs all
 *     prog --list          prints "case label", a line each
 *
 * Exit codes: 0 passed, 1 failed, 77 skipped. A case fails at its first expectation that does not
 * hold: it prints where and why, and its process ends there and then.
 */
#ifndef LOAM_TEST_H
#define LOAM_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Formats are those of C11 everywhere. */
#if defined(__MINGW32__)
#define TEST_FORMAT(format_at, first) __attribute__((format(gnu_printf, format_at, first)))
#else
#define TEST_FORMAT(format_at, first) __attribute__((format(printf, format_at, first)))
#endif

/* ---- cases ---- */

typedef struct test_case {
    const char *name;
    const char *label;
    void (*run)(void);
    struct test_case *next; /* in order of registration */
} test_case;

void test_register(test_case *one);
int test_main(int argc, char **argv);

#define TEST(name, label)                                                                          \
    static void test_body_of_##name(void);                                                         \
    static test_case test_case_of_##name = {#name, #label, test_body_of_##name, NULL};             \
    __attribute__((constructor)) static void test_register_of_##name(void)                         \
    {                                                                                              \
        test_register(&test_case_of_##name);                                                       \
    }                                                                                              \
    static void test_body_of_##name(void)

/* Once in a program, after its last case, without a semicolon. */
#define TEST_MAIN                                                                                  \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        return test_main(argc, argv);                                                              \
    }

/* The name of the case that runs. */
const char *test_name(void);

/* ---- expectations: each ends the process with code 1 unless it holds; any thread ---- */

#define EXPECT(condition)                                                                          \
    ((condition) ? (void)0 : test_fail_at(__FILE__, __LINE__, "expected %s", #condition))

/* Integers of any type; both are shown. */
#define EXPECT_EQ(a, b) test_expect_eq(__FILE__, __LINE__, #a, #b, (uintmax_t)(a), (uintmax_t)(b))

/* a <= b, as unsigned numbers; both are shown. */
#define EXPECT_LE(a, b) test_expect_le(__FILE__, __LINE__, #a, #b, (uintmax_t)(a), (uintmax_t)(b))

#define EXPECT_PTR(a, b) test_expect_ptr(__FILE__, __LINE__, #a, #b, (a), (b))

/* Texts; NULL equals only NULL. */
#define EXPECT_STR(a, b) test_expect_str(__FILE__, __LINE__, #a, #b, (a), (b))

#define TEST_FAIL(...) test_fail_at(__FILE__, __LINE__, __VA_ARGS__)

/* Ends the case as skipped, which says why. */
#define TEST_SKIP(reason) test_skip(reason)

/* Words that a failure prints from now on beside its own: where a loop is. NULL ends that. */
TEST_FORMAT(1, 2) void test_note(const char *format, ...);

__attribute__((noreturn))
TEST_FORMAT(3, 4) void test_fail_at(const char *file, int line, const char *format, ...);
__attribute__((noreturn)) void test_skip(const char *reason);
void test_expect_eq(const char *file, int line, const char *a_text, const char *b_text, uintmax_t a,
                    uintmax_t b);
void test_expect_le(const char *file, int line, const char *a_text, const char *b_text, uintmax_t a,
                    uintmax_t b);
void test_expect_ptr(const char *file, int line, const char *a_text, const char *b_text,
                     const void *a, const void *b);
void test_expect_str(const char *file, int line, const char *a_text, const char *b_text,
                     const char *a, const char *b);

/* ---- children: what must run, or die, in a process of its own ---- */

#if defined(_WIN32)
#define TEST_HAS_FORK 0
#else
#define TEST_HAS_FORK 1
#endif

typedef void (*test_fn)(void *context);

/* How a child ended, and the last bytes that it wrote to descriptor 2. */
typedef struct test_child {
    int exit_code;     /* -1 if a signal ended it */
    int signal;        /* 0 if it exited */
    char output[8192]; /* a text */
} test_child;

/* Runs a function in a forked child without core dumps, and waits for its end. A function that
 * returns exits with 0. Skips the case where there is no fork. The process must have no other
 * thread now. */
void test_run_child(test_fn function, void *context, test_child *result);

/* The child must be ended by SIGABRT after writing exactly one line to descriptor 2: `prefix`,
 * hex digits, newline. Under a tool that adds a report of its own (a sanitizer, Valgrind) the line
 * must be there exactly, once. */
#define test_dies(function, context, prefix)                                                       \
    test_dies_at(__FILE__, __LINE__, (function), (context), (prefix))

/* As test_dies(), and the line ends in this address. */
#define test_dies_with(function, context, prefix, address)                                         \
    test_dies_with_at(__FILE__, __LINE__, (function), (context), (prefix), (address))

/* The child must be ended by a signal other than SIGABRT's orderly end, such as a fault on a guard
 * page; or, under AddressSanitizer, by its report. */
#define test_faults(function, context) test_faults_at(__FILE__, __LINE__, (function), (context))

/* The child must exit with 0; what it wrote is shown otherwise. Code 77 skips the case. */
#define test_survives(function, context) test_survives_at(__FILE__, __LINE__, (function), (context))

void test_dies_at(const char *file, int line, test_fn function, void *context, const char *prefix);
void test_dies_with_at(const char *file, int line, test_fn function, void *context,
                       const char *prefix, const void *address);
void test_faults_at(const char *file, int line, test_fn function, void *context);
void test_survives_at(const char *file, int line, test_fn function, void *context);

/* Whether AddressSanitizer, ThreadSanitizer or Valgrind watches this program. Addresses, limits
 * and timing differ then. */
bool test_under_asan(void);
bool test_under_tsan(void);
bool test_under_valgrind(void);

/* ---- chance: everything random comes from one seed, which is printed ---- */

typedef struct test_rng {
    uint64_t state;
} test_rng;

/* The seed of this process: LOAM_TEST_SEED if it is set, a fresh one for stress cases and where
 * LOAM_TEST_SEED is "random", else always the same. Printed at its first use. */
uint64_t test_seed(void);

void test_rng_init(test_rng *rng, uint64_t seed);
uint64_t test_rng_next(test_rng *rng);
/* A number in [0, limit); limit is not 0. */
uint64_t test_rng_below(test_rng *rng, uint64_t limit);
/* True once in `n` times. */
bool test_rng_one_in(test_rng *rng, uint64_t n);

/* A bound of a test: the environment variable `name` if it is set, else `otherwise`. */
size_t test_bound(const char *name, size_t otherwise);

/* ---- threads ---- */

/* Runs function(context, 0) ... function(context, count - 1), each in a thread of its own, all at
 * once, and waits for all. `count` is at most 64. */
void test_run_threads(size_t count, void (*function)(void *context, size_t index), void *context);

#ifdef __cplusplus
}
#endif

#endif
