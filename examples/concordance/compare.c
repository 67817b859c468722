/* compare.c: see compare.h.
 *
 * Peak memory belongs to a process, so each run gets one: a fork of this process, which has done
 * nothing but list the files. What the child had from the start is shown too. The first child
 * prints the report, and brings the files into the system's cache; it is not measured. The others
 * print nothing and count nothing, loam and malloc by turns, so that what disturbs the machine
 * disturbs both. */
#include "compare.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_RUNS = 9 }; /* odd */

/* About so many seconds for the runs of each kind; but there is one, and an odd number. */
static const double patience = 3.0;

/* What a child tells. */
struct figures {
    int status;
    struct run_times times;
    double resident_first; /* bytes of resident memory before the run */
    double resident_peak;  /* at its highest */
};

static double resident_peak(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
#if defined(__APPLE__)
    return (double)usage.ru_maxrss;
#else
    return (double)usage.ru_maxrss * 1024;
#endif
}

static void measure(const struct job *job, memory_kind kind, FILE *out, struct figures *figures)
{
    memset(figures, 0, sizeof *figures);
    figures->resident_first = resident_peak();
    figures->status = run_job(job, kind, out, &figures->times);
    figures->resident_peak = resident_peak();
}

/* ---- a process of its own ---- */

static bool receive(int from, struct figures *figures)
{
    char *at = (char *)figures, *end = at + sizeof *figures;

    while (at < end) {
        ssize_t got = read(from, at, (size_t)(end - at));

        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        if (got > 0)
            at += got;
    }
    return true;
}

LOAM_NORETURN static void be_child(const struct job *job, memory_kind kind, FILE *out, int answer)
{
    struct figures figures;
    bool sent;

    measure(job, kind, out, &figures);
    sent = write(answer, &figures, sizeof figures) == (ssize_t)sizeof figures;
    exit(sent ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Waits for a child's end. One that a signal ended, for want of memory or as the reader of its
 * output went away, has sent no figures. */
static void reap(pid_t child, const struct job *job, struct figures *figures, bool received)
{
    int ended = 0;

    while (waitpid(child, &ended, 0) < 0 && errno == EINTR)
        continue;
    if (received)
        return;
    memset(figures, 0, sizeof *figures);
    figures->status = WIFSIGNALED(ended) ? 128 + WTERMSIG(ended) : STATUS_MEMORY;
    if (figures->status != 128 + SIGPIPE)
        console_complain(job->console, "a run", "ended early, status %d", figures->status);
}

/* Runs the job in a child. Returns false iff the system gives no process. */
static bool measure_apart(const struct job *job, memory_kind kind, FILE *out,
                          struct figures *figures)
{
    int ends[2];
    pid_t child;

    fflush(NULL);
    if (pipe(ends) != 0)
        return false;
    child = fork();
    if (child == 0) {
        close(ends[0]);
        be_child(job, kind, out, ends[1]);
    }
    close(ends[1]);
    if (child > 0)
        reap(child, job, figures, receive(ends[0], figures));
    close(ends[0]);
    return child > 0;
}

/* ---- the table ---- */

static int compare_numbers(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

/* The median of one figure, which lies `offset` bytes into each of `count` records. */
static double median(const struct figures *runs, size_t count, size_t offset)
{
    double values[MOST_RUNS];

    for (size_t i = 0; i < count; i++)
        memcpy(&values[i], (const char *)&runs[i] + offset, sizeof values[i]);
    qsort(values, count, sizeof *values, compare_numbers);
    return values[count / 2];
}

static const char explanation[] =
    "Medians; runs of each kind: %zu, by turns, each in a process of its own that prints nothing.\n"
    "Times are processor time; memory is all of the process: program, libraries, data.\n";

static void print_table(FILE *out, struct figures runs[2][MOST_RUNS], size_t count)
{
    static const struct {
        const char *name;
        size_t offset;
        double scale;
        const char *unit;
    } rows[] = {
        {"read, find words, note places", offsetof(struct figures, times.index), 1e3, "ms"},
        {"sort the words by frequency", offsetof(struct figures, times.rank), 1e3, "ms"},
        {"give all memory back", offsetof(struct figures, times.drop), 1e3, "ms"},
        {"peak of resident memory", offsetof(struct figures, resident_peak), 1 / 1048576.0, "MiB"},
        {"there before the run began", offsetof(struct figures, resident_first), 1 / 1048576.0,
         "MiB"},
    };

    fprintf(out, "\n%-34s%14s%18s\n", "the same code over", "loam", "libc malloc");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        fprintf(out, "  %-32s%10.2f %-3s%14.2f %s\n", rows[i].name,
                median(runs[MEMORY_LOAM], count, rows[i].offset) * rows[i].scale, rows[i].unit,
                median(runs[MEMORY_LIBC], count, rows[i].offset) * rows[i].scale, rows[i].unit);
    fprintf(out, explanation, count);
}

int compare_job(const struct job *job, FILE *out)
{
    static const char *const doing[] = {"measuring loam", "measuring malloc"};
    struct figures first, runs[2][MOST_RUNS];
    double until;
    size_t count = 0;

    console_begin(job->console, "reading");
    if (!measure_apart(job, MEMORY_LOAM, out, &first)) {
        console_complain(job->console, "comparing", "%s; left out", strerror(errno));
        return run_job(job, MEMORY_LOAM, out, &first.times);
    }
    if (first.status >= STATUS_MEMORY)
        return first.status;

    job->console->quiet = true;
    until = seconds_now() + 2 * patience;
    for (; count < MOST_RUNS && (count % 2 == 0 || seconds_now() < until); count++) {
        for (int kind = MEMORY_LOAM; kind <= MEMORY_LIBC; kind++) {
            console_begin(job->console, doing[kind]);
            if (!measure_apart(job, (memory_kind)kind, NULL, &runs[kind][count]) ||
                runs[kind][count].status >= STATUS_MEMORY) {
                job->console->quiet = false;
                console_complain(job->console, doing[kind], "did not succeed; left out");
                return first.status;
            }
        }
    }
    print_table(out, runs, count);
    return first.status;
}
