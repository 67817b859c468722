/* test.c: the harness; see test.h. Prints to descriptor 2, so that a dying child loses nothing. */
#if !defined(_WIN32)
#define _POSIX_C_SOURCE 200809L
#endif

#include "support/test.h"

#include "internal/mark.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(_WIN32)
#include <windows.h>
#else
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

enum { EXIT_PASSED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_SKIPPED = 77 };

static test_case *first_case;
static test_case **next_case = &first_case;
static const test_case *running;

/* ---- cases ---- */

void test_register(test_case *one)
{
    for (const test_case *other = first_case; other; other = other->next) {
        if (strcmp(other->name, one->name) == 0) {
            fprintf(stderr, "two cases are named %s\n", one->name);
            _Exit(EXIT_USAGE);
        }
    }
    *next_case = one;
    next_case = &one->next;
}

const char *test_name(void)
{
    return running ? running->name : "(none)";
}

static void run_here(void *context)
{
    running = context;
    running->run();
    fflush(NULL);
}

static void print_child(const test_child *child, FILE *to)
{
    if (child->output[0])
        fprintf(to, "%s%s", child->output,
                child->output[strlen(child->output) - 1] == '\n' ? "" : "\n");
    if (child->signal)
        fprintf(to, "(ended by signal %d)\n", child->signal);
}

/* Runs a case so that its failure does not end the others. Returns its exit code. */
static int run_apart(test_case *one)
{
#if TEST_HAS_FORK
    test_child child;

    test_run_child(run_here, one, &child);
    if (child.exit_code != EXIT_PASSED)
        print_child(&child, stderr);
    return child.signal ? EXIT_FAILED : child.exit_code;
#else
    run_here(one);
    return EXIT_PASSED;
#endif
}

static int run_all(const char *label)
{
    size_t passed = 0, skipped = 0, failed = 0;

    for (test_case *one = first_case; one; one = one->next) {
        int code;

        if (label && strcmp(one->label, label) != 0)
            continue;
        code = run_apart(one);
        passed += code == EXIT_PASSED;
        skipped += code == EXIT_SKIPPED;
        failed += code != EXIT_PASSED && code != EXIT_SKIPPED;
        printf("%-7s %s\n",
               code == EXIT_PASSED    ? "ok"
               : code == EXIT_SKIPPED ? "skipped"
                                      : "FAILED",
               one->name);
        fflush(stdout);
    }
    printf("%zu passed, %zu skipped, %zu failed\n", passed, skipped, failed);
    return failed ? EXIT_FAILED : EXIT_PASSED;
}

static int run_named(const char *name)
{
    for (test_case *one = first_case; one; one = one->next) {
        if (strcmp(one->name, name) == 0) {
            run_here(one);
            return EXIT_PASSED;
        }
    }
    fprintf(stderr, "there is no case named %s\n", name);
    return EXIT_USAGE;
}

static int list_cases(void)
{
    for (const test_case *one = first_case; one; one = one->next)
        printf("%s %s\n", one->name, one->label);
    return EXIT_PASSED;
}

int test_main(int argc, char **argv)
{
    if (argc < 2)
        return run_all("fast");
    if (strcmp(argv[1], "--list") == 0)
        return list_cases();
    if (strcmp(argv[1], "--all") == 0)
        return run_all(NULL);
    if (strcmp(argv[1], "--label") == 0 && argc > 2)
        return run_all(argv[2]);
    for (int i = 1; i < argc; i++) {
        int code = run_named(argv[i]);

        if (code != EXIT_PASSED)
            return code;
    }
    return EXIT_PASSED;
}

/* ---- expectations ---- */

/* Ends without exit handlers: other threads may be running, and a leak report would hide why. */
static void end_failed(void)
{
    fflush(NULL);
    _Exit(EXIT_FAILED);
}

static char note[512];

void test_note(const char *format, ...)
{
    va_list arguments;

    note[0] = '\0';
    if (!format)
        return;
    va_start(arguments, format);
    vsnprintf(note, sizeof note, format, arguments);
    va_end(arguments);
}

void test_fail_at(const char *file, int line, const char *format, ...)
{
    char text[2048];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s:%d: in %s: %s\n", file, line, test_name(), text);
    if (note[0])
        fprintf(stderr, "%s:%d: at %s\n", file, line, note);
    end_failed();
    abort();
}

void test_skip(const char *reason)
{
    fprintf(stderr, "skipped: %s: %s\n", test_name(), reason);
    fflush(NULL);
    _Exit(EXIT_SKIPPED);
}

void test_expect_eq(const char *file, int line, const char *a_text, const char *b_text, uintmax_t a,
                    uintmax_t b)
{
    if (a != b)
        test_fail_at(file, line, "expected %s == %s, but %jd (0x%jx) != %jd (0x%jx)", a_text,
                     b_text, (intmax_t)a, a, (intmax_t)b, b);
}

void test_expect_le(const char *file, int line, const char *a_text, const char *b_text, uintmax_t a,
                    uintmax_t b)
{
    if (a > b)
        test_fail_at(file, line, "expected %s <= %s, but %ju > %ju", a_text, b_text, a, b);
}

void test_expect_ptr(const char *file, int line, const char *a_text, const char *b_text,
                     const void *a, const void *b)
{
    if (a != b)
        test_fail_at(file, line, "expected %s == %s, but %p != %p", a_text, b_text, a, b);
}

void test_expect_str(const char *file, int line, const char *a_text, const char *b_text,
                     const char *a, const char *b)
{
    if (a == b || (a && b && strcmp(a, b) == 0))
        return;
    test_fail_at(file, line, "expected %s == %s, but \"%s\" != \"%s\"", a_text, b_text,
                 a ? a : "(null)", b ? b : "(null)");
}

/* ---- tools ---- */

bool test_under_asan(void)
{
    return LOAM_ASAN != 0;
}

bool test_under_tsan(void)
{
#if defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}

bool test_under_valgrind(void)
{
#if LOAM_VALGRIND
    return RUNNING_ON_VALGRIND != 0;
#else
    return false;
#endif
}

/* The sanitizers ask for their options here: a request that is too big is to be NULL, as it is for
 * malloc(), since that is what is tested. ASAN_OPTIONS and TSAN_OPTIONS still have the last word.
 */
#if LOAM_ASAN
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}
#endif

__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static bool tool_may_report(void)
{
    return test_under_asan() || test_under_tsan() || test_under_valgrind();
}

/* ---- children ---- */

#if TEST_HAS_FORK

static void be_child(test_fn function, void *context, int output)
{
    static const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)signal(SIGABRT, SIG_DFL);
    if (dup2(output, STDERR_FILENO) < 0)
        _exit(EXIT_FAILED);
    close(output);
    function(context);
    fflush(NULL);
    _exit(EXIT_PASSED);
}

/* Reads to the end of the pipe, so that nobody blocks, and keeps the end of what it reads: that is
 * where a failure tells why. */
static void read_output(int input, test_child *result)
{
    size_t length = 0;

    for (;;) {
        size_t room = sizeof result->output - 1 - length;
        ssize_t got;

        if (room == 0) {
            length /= 2;
            memmove(result->output, result->output + sizeof result->output - 1 - length, length);
            continue;
        }
        got = read(input, result->output + length, room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    result->output[length] = '\0';
}

void test_run_child(test_fn function, void *context, test_child *result)
{
    int ends[2];
    int status;
    pid_t child;

    fflush(NULL);
    if (pipe(ends) != 0 || (child = fork()) < 0)
        TEST_FAIL("cannot fork: %s", strerror(errno));
    if (child == 0) {
        close(ends[0]);
        be_child(function, context, ends[1]);
    }
    close(ends[1]);
    read_output(ends[0], result);
    close(ends[0]);
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            TEST_FAIL("cannot wait: %s", strerror(errno));
    }
    result->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

#else

void test_run_child(test_fn function, void *context, test_child *result)
{
    (void)function;
    (void)context;
    (void)result;
    TEST_SKIP("needs fork");
}

#endif

/* Whether a line, with its newline, is `prefix`, hex digits, newline; `digits` says which ones, or
 * is NULL for any. */
static bool is_fatal_line(const char *line, const char *prefix, const char *digits)
{
    size_t count;

    if (strncmp(line, prefix, strlen(prefix)) != 0)
        return false;
    line += strlen(prefix);
    count = strspn(line, "0123456789abcdef");
    if (count < 1 || count > 16 || line[count] != '\n')
        return false;
    return !digits || (strlen(digits) == count && strncmp(line, digits, count) == 0);
}

/* Whether the output has one fatal line, and nothing else unless a tool watches. */
static bool died_well(const char *output, const char *prefix, const char *digits)
{
    size_t lines = 0, found = 0;

    while (*output) {
        const char *end = strchr(output, '\n');

        lines++;
        found += is_fatal_line(output, prefix, digits);
        if (!end)
            break;
        output = end + 1;
    }
    return found == 1 && (lines == 1 || tool_may_report());
}

#if TEST_HAS_FORK

static void expect_death(const char *file, int line, test_fn function, void *context,
                         const char *prefix, const char *digits)
{
    test_child child;

    test_run_child(function, context, &child);
    if (child.signal == SIGABRT && died_well(child.output, prefix, digits))
        return;
    print_child(&child, stderr);
    test_fail_at(file, line, "expected SIGABRT and one line \"%s%s\"; exit code %d, signal %d",
                 prefix, digits ? digits : "<hex>", child.exit_code, child.signal);
}

void test_faults_at(const char *file, int line, test_fn function, void *context)
{
    test_child child;

    test_run_child(function, context, &child);
    if (child.signal == SIGSEGV || child.signal == SIGBUS)
        return;
    if (test_under_asan() && strstr(child.output, "AddressSanitizer"))
        return;
    if (test_under_tsan() && strstr(child.output, "ThreadSanitizer"))
        return;
    if (strstr(child.output, "UndefinedBehaviorSanitizer:DEADLYSIGNAL")) /* Clang's */
        return;
    print_child(&child, stderr);
    test_fail_at(file, line, "expected a fault; exit code %d, signal %d", child.exit_code,
                 child.signal);
}

#else

static void expect_death(const char *file, int line, test_fn function, void *context,
                         const char *prefix, const char *digits)
{
    (void)file, (void)line, (void)function, (void)context, (void)prefix, (void)digits;
    (void)died_well;
    TEST_SKIP("needs fork");
}

void test_faults_at(const char *file, int line, test_fn function, void *context)
{
    (void)file, (void)line, (void)function, (void)context;
    TEST_SKIP("needs fork");
}

#endif

void test_dies_at(const char *file, int line, test_fn function, void *context, const char *prefix)
{
    expect_death(file, line, function, context, prefix, NULL);
}

void test_dies_with_at(const char *file, int line, test_fn function, void *context,
                       const char *prefix, const void *address)
{
    char digits[32];

    snprintf(digits, sizeof digits, "%jx", (uintmax_t)(uintptr_t)address);
    expect_death(file, line, function, context, prefix, digits);
}

void test_survives_at(const char *file, int line, test_fn function, void *context)
{
    test_child child;

    test_run_child(function, context, &child);
    if (child.exit_code == EXIT_PASSED)
        return;
    print_child(&child, stderr);
    if (child.exit_code == EXIT_SKIPPED)
        _Exit(EXIT_SKIPPED);
    test_fail_at(file, line, "expected an orderly end; exit code %d, signal %d", child.exit_code,
                 child.signal);
}

/* ---- chance ---- */

static uint64_t fresh_seed(void)
{
    test_rng mixer;

    test_rng_init(&mixer, (uint64_t)time(NULL) * 1000000007u ^ (uint64_t)clock() << 40 ^
                              (uint64_t)(uintptr_t)&mixer);
    return test_rng_next(&mixer);
}

uint64_t test_seed(void)
{
    static uint64_t seed;
    static bool chosen;
    const char *text;

    if (chosen)
        return seed;
    chosen = true;
    text = getenv("LOAM_TEST_SEED");
    if (text && *text && strcmp(text, "random") != 0)
        seed = strtoull(text, NULL, 0);
    else if (text || (running && strcmp(running->label, "stress") == 0))
        seed = fresh_seed();
    else
        seed = 0x6c6f616d; /* "loam" */
    fprintf(stderr, "seed of %s: LOAM_TEST_SEED=0x%jx\n", test_name(), (uintmax_t)seed);
    return seed;
}

void test_rng_init(test_rng *rng, uint64_t seed)
{
    rng->state = seed;
}

/* SplitMix64 (Steele, Lea, Flood 2014): a counter and a mixer, so that every seed is a good one. */
uint64_t test_rng_next(test_rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t test_rng_below(test_rng *rng, uint64_t limit)
{
    return test_rng_next(rng) % limit;
}

bool test_rng_one_in(test_rng *rng, uint64_t n)
{
    return test_rng_below(rng, n) == 0;
}

size_t test_bound(const char *name, size_t otherwise)
{
    const char *text = getenv(name);
    char *end;
    unsigned long long value;

    if (!text || !*text)
        return otherwise;
    value = strtoull(text, &end, 0);
    if (*end || value > SIZE_MAX)
        TEST_FAIL("%s=%s is not a number", name, text);
    return (size_t)value;
}

/* ---- threads ---- */

enum { THREAD_LIMIT = 64 };

typedef struct test_thread {
    void (*function)(void *context, size_t index);
    void *context;
    size_t index;
} test_thread;

#if defined(_WIN32)

static DWORD WINAPI thread_main(LPVOID self)
{
    test_thread *thread = self;

    thread->function(thread->context, thread->index);
    return 0;
}

void test_run_threads(size_t count, void (*function)(void *context, size_t index), void *context)
{
    test_thread threads[THREAD_LIMIT];
    HANDLE handles[THREAD_LIMIT];

    EXPECT(count <= THREAD_LIMIT);
    for (size_t i = 0; i < count; i++) {
        threads[i] = (test_thread){function, context, i};
        handles[i] = CreateThread(NULL, 0, thread_main, &threads[i], 0, NULL);
        EXPECT(handles[i] != NULL);
    }
    for (size_t i = 0; i < count; i++) {
        EXPECT_EQ(WaitForSingleObject(handles[i], INFINITE), WAIT_OBJECT_0);
        CloseHandle(handles[i]);
    }
}

#else

static void *thread_main(void *self)
{
    test_thread *thread = self;

    thread->function(thread->context, thread->index);
    return NULL;
}

void test_run_threads(size_t count, void (*function)(void *context, size_t index), void *context)
{
    test_thread threads[THREAD_LIMIT];
    pthread_t handles[THREAD_LIMIT];

    EXPECT(count <= THREAD_LIMIT);
    for (size_t i = 0; i < count; i++) {
        threads[i] = (test_thread){function, context, i};
        EXPECT_EQ(pthread_create(&handles[i], NULL, thread_main, &threads[i]), 0);
    }
    for (size_t i = 0; i < count; i++)
        EXPECT_EQ(pthread_join(handles[i], NULL), 0);
}

#endif
