/* replay_run.c: measures one allocator, in a process of its own. Nothing here takes memory from the
 * malloc of the process: that may be what is measured. */
#include "replay_run.h"

#include "preload/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void *map(size_t size)
{
    void *mapped =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    return mapped == MAP_FAILED ? NULL : mapped;
}

static void fail(figures *f, const char *why)
{
    (void)snprintf(f->failed, sizeof f->failed, "%s", why);
}

const figures replay_nothing = {.time = -1,
                                .cold = -1,
                                .p50 = -1,
                                .p99 = -1,
                                .p9999 = -1,
                                .max = -1,
                                .rss = -1,
                                .region = -1,
                                .worst = -1,
                                .worst_live = -1,
                                .worst_resident = -1,
                                .worst_call = -1,
                                .resident = -1};

/* ---- one run ---- */

static bool open_subject(const parcel *p, const subject *s, size_t region, figures *f)
{
    if (s->open(p, region))
        return true;
    s->close();
    fail(f, "it cannot be made");
    return false;
}

/* Runs the calls, and gives back what they left. Returns the seconds of the calls, or less than 0. */
static double run_once(const parcel *p, const subject *s, void **blocks, uint32_t *ticks,
                       figures *f)
{
    double began, took;

    memset(blocks, 0, (size_t)(p->slots + 1) * sizeof *blocks);
    began = seconds();
    f->done = s->run(blocks, p->steps, (size_t)p->count, ticks);
    took = seconds() - began;
    if (f->done != p->count) {
        fail(f, "out of memory");
        return -1;
    }
    (void)s->run(blocks, p->steps + p->count, (size_t)p->rest, NULL);
    if (s->reset)
        s->reset();
    return took;
}

/* ---- memory ---- */

/* The figure in bytes behind a name in a file of /proc, without stdio; 0: there is none. */
static double read_proc(const char *path, const char *name)
{
    char text[4096];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? 0 : read(file, text, sizeof text - 1);
    const char *at;
    double value = 0;

    if (file >= 0)
        close(file);
    text[length > 0 ? length : 0] = 0;
    at = strstr(text, name);
    for (at = at ? at + strlen(name) : ""; *at && *at != '\n'; at++)
        if (*at >= '0' && *at <= '9')
            value = value * 10 + (*at - '0');
    return value * 1024;
}

static double read_status(const char *name)
{
    return read_proc("/proc/self/status", name);
}

/* Resident bytes now. The kernel counts the pages for the first of these, and estimates for the other. */
static double resident(void)
{
    double bytes = read_proc("/proc/self/smaps_rollup", "Rss:");

    return bytes > 0 ? bytes : read_status("VmRSS:");
}

static void forget_peak(void)
{
    int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

    if (file < 0 || write(file, "5", 1) < 0)
        return;
    close(file);
}

static void look_at(const parcel *p)
{
    const volatile unsigned char *page = (const volatile unsigned char *)p;

    for (size_t at = 0; at < p->size; at += 4096)
        (void)page[at];
}

static void measure_cold(const parcel *p, const subject *s, void **blocks, figures *f)
{
    double before, took;

    look_at(p);
    forget_peak();
    before = read_status("VmRSS:");
    if (!open_subject(p, s, 0, f))
        return;
    took = run_once(p, s, blocks, NULL, f);
    s->close();
    if (took < 0)
        return;
    f->cold = took * 1e9 / (double)p->count;
    f->rss = read_status("VmHWM:") - before;
}

/* What steps change of the live bytes. Sizes of 0 count as 1, here and wherever bytes are live. */
static double change_of(const replay_step *steps, size_t count)
{
    double bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += (double)steps[i].size - (double)steps[i].before;
    return bytes;
}

static void look_at_moment(const parcel *p, double before, double live, figures *f)
{
    double now = resident() - before, part;

    f->resident = now > f->resident ? now : f->resident;
    if (now <= 0 || live <= 0 || live * REPLAY_LIVE_PART < (double)p->peak_bytes)
        return;
    part = 1 - live / now;
    part = part < 0 ? 0 : part; /* blocks that were not touched whole */
    if (part <= f->worst)
        return;
    f->worst = part;
    f->worst_live = live;
    f->worst_resident = now;
    f->worst_call = (double)f->done;
}

static void measure_worst(const parcel *p, const subject *s, void **blocks, figures *f)
{
    size_t count = (size_t)p->count, piece = count / REPLAY_MOMENTS + 1, done;
    double before, live = 0;

    look_at(p);
    memset(blocks, 0, (size_t)(p->slots + 1) * sizeof *blocks);
    before = resident();
    if (!open_subject(p, s, 0, f))
        return;
    while (f->done < count) {
        const replay_step *steps = p->steps + f->done;

        piece = count - (size_t)f->done < piece ? count - (size_t)f->done : piece;
        done = s->run(blocks, steps, piece, NULL);
        live += change_of(steps, done);
        f->done += done;
        look_at_moment(p, before, live, f);
        if (done == piece)
            continue;
        fail(f, "out of memory");
        break;
    }
    s->close();
}

/* ---- time ---- */

static void sort(double *values, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && values[k - 1] > values[k]; k--) {
            double moved = values[k];

            values[k] = values[k - 1];
            values[k - 1] = moved;
        }
}

/* With the subject open, which ran before. */
static bool measure_time(const parcel *p, const subject *s, uint64_t repetitions, void **blocks,
                         figures *f)
{
    double times[64] = {0};
    size_t count = repetitions < 64 ? (size_t)repetitions : 64;

    for (size_t i = 0; i < count; i++) {
        double took = run_once(p, s, blocks, NULL, f);

        if (took < 0)
            return false;
        times[i] = took * 1e9 / (double)p->count;
    }
    sort(times, count);
    f->time = times[count / 2];
    return true;
}

/* ---- latency ---- */

/* Nanoseconds of a tick, and ticks between two looks at the clock. */
static void measure_clock(double *nanoseconds, uint32_t *overhead)
{
    double began = seconds(), ended;
    uint64_t first = log_ticks(), last;

    *overhead = UINT32_MAX;
    do {
        uint64_t before = log_ticks(), between = log_ticks() - before;

        if (between < *overhead)
            *overhead = (uint32_t)between;
        ended = seconds();
        last = log_ticks();
    } while (ended - began < 0.02);
    *nanoseconds = (ended - began) * 1e9 / (double)(last - first);
}

/* Longer steps than are counted one by one are all as the longest. */
enum { COUNTED = 1 << 20 };

static uint32_t ticks_at(const uint32_t *counts, uint64_t steps, double part, uint32_t longest)
{
    double sum = 0;

    for (uint32_t i = 0; i < COUNTED; i++) {
        sum += counts[i];
        if (sum >= (double)steps * part)
            return i;
    }
    return longest;
}

static void measure_latency(const parcel *p, const subject *s, void **blocks, figures *f)
{
    uint32_t *ticks = map((size_t)p->count * sizeof *ticks), overhead, longest = 0;
    uint32_t *counts = map(COUNTED * sizeof *counts);
    const double parts[] = {0.5, 0.99, 0.9999, 2};
    double *const to[] = {&f->p50, &f->p99, &f->p9999, &f->max}, nanoseconds;
    bool good = ticks && counts;

    if (good)
        memset(ticks, 0xff, (size_t)p->count * sizeof *ticks);
    /* Of three runs the shortest counts: what comes in between does not come at the same step. */
    for (int i = 0; good && i < 3; i++)
        good = run_once(p, s, blocks, ticks, f) >= 0;
    measure_clock(&nanoseconds, &overhead);
    for (size_t i = 0; good && i < p->count; i++) {
        longest = ticks[i] > longest ? ticks[i] : longest;
        if (ticks[i] < COUNTED)
            counts[ticks[i]]++;
    }
    for (size_t i = 0; good && i < 4; i++) {
        uint32_t at = ticks_at(counts, p->count, parts[i], longest);

        *to[i] = (at > overhead ? at - overhead : 0) * nanoseconds;
    }
    if (ticks)
        munmap(ticks, (size_t)p->count * sizeof *ticks);
    if (counts)
        munmap(counts, COUNTED * sizeof *counts);
}

/* ---- the smallest region ---- */

static bool fits(const parcel *p, const subject *s, size_t region, void **blocks)
{
    figures unused = {.done = 0};
    bool good;

    if (!open_subject(p, s, region, &unused))
        return false;
    good = run_once(p, s, blocks, NULL, &unused) >= 0;
    s->close();
    return good;
}

static void measure_fit(const parcel *p, const subject *s, void **blocks, figures *f)
{
    size_t step_size = p->peak_bytes / 1024 < 64 ? 64 : (size_t)p->peak_bytes / 1024 & ~(size_t)63;
    size_t low = 0, high = (size_t)p->peak_bytes / step_size + 1, most = high * 16 + 1024;

    while (!fits(p, s, high * step_size, blocks)) {
        low = high;
        high += high / 16 + 1;
        if (high > most)
            return;
    }
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (fits(p, s, middle * step_size, blocks))
            high = middle;
        else
            low = middle;
    }
    f->region = (double)high * (double)step_size;
}

/* ---- the whole ---- */

static void measure_warm(const parcel *p, const subject *s, const replay_wish *wish, void **blocks,
                         figures *f)
{
    bool good;

    if (!open_subject(p, s, 0, f))
        return;
    good = run_once(p, s, blocks, NULL, f) >= 0 && measure_time(p, s, wish->repetitions, blocks, f);
    if (good && wish->latency)
        measure_latency(p, s, blocks, f);
    s->close();
    if (good && wish->fit && s->bounded)
        measure_fit(p, s, blocks, f);
}

void replay_measure(const parcel *p, const subject *s, replay_kind kind, const replay_wish *wish,
                    figures *f)
{
    void **blocks = map((size_t)(p->slots + 1) * sizeof *blocks);

    *f = replay_nothing;
    if (!blocks) {
        fail(f, "out of memory");
        return;
    }
    if (kind == REPLAY_WARM)
        measure_warm(p, s, wish, blocks, f);
    else if (kind == REPLAY_COLD)
        measure_cold(p, s, blocks, f);
    else
        measure_worst(p, s, blocks, f);
    munmap(blocks, (size_t)(p->slots + 1) * sizeof *blocks);
}

bool replay_only_calls(const parcel *p)
{
    void **blocks = map((size_t)(p->slots + 1) * sizeof *blocks);

    return blocks && replay_subjects[0].run(blocks, p->steps, (size_t)p->count, NULL) == p->count;
}
