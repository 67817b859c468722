/* refusal_trace.c: system calls refused by a tracer: strace lets the n-th call of a kind fail, or
 * that one and all after it, without the process's knowledge.
 *
 * The program is its own victim: `refusal_trace work PIECE once|ever` does a piece of work behind a
 * call to getppid(), which is the marker: calls before it belong to the loader and are let through.
 * A first run counts how many there are on either side.
 */
#define _GNU_SOURCE
#include "support/test.h"
#include "vm/workload.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the victim ---- */

static bool relents_at_once(void *context)
{
    (void)context;
    return true;
}

static int do_work(size_t piece, bool once)
{
    workload work = {.relents = once ? relents_at_once : NULL};

    (void)syscall(SYS_getppid);
    workload_run(&work, piece);
    return 0;
}

/* ---- the tracer ---- */

#if defined(__i386__) || defined(__arm__)
#define MMAP "mmap2"
#else
#define MMAP "mmap"
#endif

static const char *const calls[] = {MMAP, "munmap", "mprotect", "madvise", "mremap"};

enum { CALLS = sizeof calls / sizeof *calls, EXIT_NO_STRACE = 126 };

static char self[PATH_MAX];
static char log_path[PATH_MAX];

/* What a log of strace tells. */
typedef struct counts {
    size_t before, after; /* calls on either side of the marker */
    size_t refused_before, refused_after;
} counts;

static void read_log(const char *call, counts *found)
{
    FILE *file = fopen(log_path, "r");
    char line[512];
    bool marked = false;

    EXPECT(file != NULL);
    memset(found, 0, sizeof *found);
    while (fgets(line, sizeof line, file)) {
        bool refused = strstr(line, "(INJECTED)") != NULL;

        if (strncmp(line, "getppid(", 8) == 0) {
            marked = true;
        } else if (strncmp(line, call, strlen(call)) == 0 && line[strlen(call)] == '(') {
            found->before += !marked;
            found->after += marked;
            found->refused_before += refused && !marked;
            found->refused_after += refused && marked;
        }
    }
    (void)fclose(file);
    EXPECT(marked);
}

/* Runs the victim under strace, which refuses what `inject` says, if anything. Returns the exit
 * code of both: strace ends as what it traces does. */
static int trace(size_t piece, const char *call, const char *inject, bool once)
{
    char number[32], filter[64];
    char *arguments[16];
    size_t count = 0;
    pid_t child;
    int status;

    snprintf(number, sizeof number, "%zu", piece);
    snprintf(filter, sizeof filter, "trace=%s,getppid", call);
    arguments[count++] = (char *)"strace";
    arguments[count++] = (char *)"-o";
    arguments[count++] = log_path;
    arguments[count++] = (char *)"-e";
    arguments[count++] = filter;
    if (inject) {
        arguments[count++] = (char *)"-e";
        arguments[count++] = (char *)(uintptr_t)inject;
    }
    arguments[count++] = self;
    arguments[count++] = (char *)"work";
    arguments[count++] = number;
    arguments[count++] = (char *)(once ? "once" : "ever");
    arguments[count] = NULL;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        (void)personality(ADDR_NO_RANDOMIZE); /* so that runs are alike, where that is permitted */
        (void)execvp("strace", arguments);
        _exit(EXIT_NO_STRACE);
    }
    EXPECT(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Returns whether the victim got as far as that call: where addresses are random, it may need fewer
 * of them. */
static bool refuse_one(size_t piece, const char *call, const counts *usual, size_t n, bool once)
{
    char inject[96];
    counts seen;
    int code;

    snprintf(inject, sizeof inject, "inject=%s:error=ENOMEM:when=%zu%s", call, usual->before + n,
             once ? "" : "+");
    code = trace(piece, call, inject, once);
    read_log(call, &seen);
    if (code != 0 || seen.refused_before != 0)
        TEST_FAIL(
            "%s: %s refused, call %zu %s: exit code %d, %zu refused before the marker and %zu "
            "behind it",
            workload_name(piece), call, n, once ? "once" : "and all later ones", code,
            seen.refused_before, seen.refused_after);
    return seen.refused_after > 0;
}

static void need_strace(void)
{
    const char *directory = getenv("TMPDIR");
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    counts found;
    int file, code;

    if (test_under_asan() || test_under_tsan() || test_under_valgrind())
        TEST_SKIP("the tool makes such calls itself");
    EXPECT(length > 0);
    self[length] = '\0';
    snprintf(log_path, sizeof log_path, "%s/refusal_trace.XXXXXX", directory ? directory : "/tmp");
    file = mkstemp(log_path);
    EXPECT(file >= 0);
    (void)close(file);
    code = trace(0, MMAP, NULL, true);
    if (code != 0) {
        (void)unlink(log_path);
        TEST_SKIP(code == EXIT_NO_STRACE ? "there is no strace" : "tracing is not permitted");
    }
    read_log(MMAP, &found);
    EXPECT(found.before > 0);
}

/* Refuses at most `most` calls of each kind in a piece of work, spread evenly. */
static void trace_piece(size_t piece, size_t most)
{
    size_t runs = 0, hits = 0;

    for (size_t i = 0; i < CALLS; i++) {
        counts usual;
        size_t stride;

        EXPECT_EQ(trace(piece, calls[i], NULL, true), 0);
        read_log(calls[i], &usual);
        stride = usual.after > most ? usual.after / most : 1;
        for (size_t n = 1 + i % stride; n <= usual.after; n += stride) {
            hits += refuse_one(piece, calls[i], &usual, n, true);
            hits += refuse_one(piece, calls[i], &usual, n, false);
            runs += 2;
        }
    }
    fprintf(stderr, "%s: %zu of %zu runs with refusals\n", workload_name(piece), hits, runs);
    EXPECT_LE(runs, 2 * hits);
}

static void trace_all(size_t most)
{
    need_strace();
    for (size_t piece = 0; workload_name(piece); piece++)
        trace_piece(piece, most);
    (void)unlink(log_path);
}

TEST(some_calls, fast)
{
    trace_all(test_bound("LOAM_TEST_TRACE_CALLS", 2));
}

TEST(every_call, slow)
{
    trace_all(SIZE_MAX);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "work") == 0)
        return do_work((size_t)strtoul(argv[2], NULL, 10), strcmp(argv[3], "once") == 0);
    return test_main(argc, argv);
}
