/* span_idle.c: what it costs to give idle memory back, and what it costs to keep it.
 *
 *     loam_bench_span delays     bursts of 64 MiB with pauses of 2 ms to 3 s between them
 *     loam_bench_span caches     runs of 1 to 8 granules, taken and given by threads, with caches or not
 *
 * The pauses are the same for each delay, and spread evenly over their logarithm, so that none of the
 * delays fits them. A purge step runs every 10 ms, as a program would call it. Figures are of this
 * thread's processor time, so that what else runs disturbs them less.
 */
#include <loam/span.h>
#include <loam/span_sharded.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BURST = 64 * 16, RUNS = BURST, BURSTS = 12, TICK = 10, PAIRS = 1000000 };

static loam_region region;
static loam_span span;
static loam_span_sharded *sharded;

static double milliseconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static size_t some_count(uint64_t *state)
{
    uint64_t chance = next_random(state) % 16;

    return chance < 12 ? (size_t)1 << chance % 4 : 1 + next_random(state) % 48;
}

static void need(bool good)
{
    if (!good) {
        fprintf(stderr, "loam_bench_span: out of memory\n");
        exit(1);
    }
}

/* ---- delays ---- */

/* Takes runs, touches each page, and gives all back in another order. */
static void burst(uint64_t *state)
{
    static char *runs[RUNS];
    static size_t counts[RUNS];
    size_t taken = 0;

    for (size_t granules = 0; granules < BURST; granules += counts[taken++]) {
        size_t count = some_count(state);

        counts[taken] = count < BURST - granules ? count : BURST - granules;
        runs[taken] =
            (char *)loam_span_take(&span, counts[taken], 1, LOAM_REGION_KIND_USER, NULL, NULL);
        need(runs[taken] != NULL);
        for (size_t at = 0; at < counts[taken] * LOAM_REGION_GRANULE; at += 4096)
            runs[taken][at] = 1;
    }
    while (taken > 0) {
        size_t which = next_random(state) % taken;

        loam_span_give(&span, runs[which], counts[which]);
        runs[which] = runs[--taken];
        counts[which] = counts[taken];
    }
}

/* A pause, with a purge step now and then. Adds up what the steps cost, and MiB times milliseconds. */
static void pause_for(double length, double *cost, double *area)
{
    double start = milliseconds(CLOCK_MONOTONIC), last = start, left = length;

    while (left > 0) {
        struct timespec tick = {0, (long)((left < TICK ? left : TICK) * 1e6)};
        double before = milliseconds(CLOCK_THREAD_CPUTIME_ID), now;
        loam_span_figures figures;

        while (loam_span_purge_step(&span, 4 << 20) != 0)
            continue;
        *cost += milliseconds(CLOCK_THREAD_CPUTIME_ID) - before;
        loam_span_look(&span, &figures);
        (void)nanosleep(&tick, NULL);
        now = milliseconds(CLOCK_MONOTONIC);
        *area += (double)figures.warm / (1 << 20) * (now - last);
        last = now;
        left = length - (now - start);
    }
}

static void measure_delay(uint32_t delay)
{
    loam_span_config config = {.delay = delay, .at_once = delay == 0};
    uint64_t state = 1, pauses = 12345;
    double bursts = 0, steps = 0, area = 0, all = 0;

    need(loam_region_init(&region, NULL));
    need(loam_span_init(&span, &region, &config));
    burst(&state);
    for (int i = 0; i < BURSTS; i++) {
        double where = (double)(next_random(&pauses) % 1000) / 1000;
        double length = 2 * exp(where * log(1500)), before;

        pause_for(length, &steps, &area);
        all += length;
        before = milliseconds(CLOCK_THREAD_CPUTIME_ID);
        burst(&state);
        bursts += milliseconds(CLOCK_THREAD_CPUTIME_ID) - before;
    }
    printf("| %u | %.1f | %.1f | %.1f |\n", (unsigned)delay, bursts / BURSTS, steps / BURSTS,
           area / all);
    (void)fflush(stdout);
    loam_span_deinit(&span);
    loam_region_deinit(&region);
}

/* ---- caches ---- */

/* Takes some runs of one size and gives them back. */
static void *take_and_give(void *context)
{
    size_t at_once = *(const size_t *)context;
    uint64_t state = (uintptr_t)&state;
    void *runs[8];

    for (size_t i = 0; i < PAIRS; i += at_once) {
        size_t count = (size_t)1 << next_random(&state) % 4;

        for (size_t k = 0; k < at_once; k++)
            need((runs[k] = loam_span_sharded_take(sharded, count, 1, LOAM_REGION_KIND_USER, NULL,
                                                   NULL)) != NULL);
        for (size_t k = 0; k < at_once; k++)
            loam_span_sharded_give(sharded, runs[k], count);
    }
    return NULL;
}

static double measure_pairs(size_t threads, size_t at_once, bool uncached)
{
    double best = 0;

    for (int repetition = 0; repetition < 5; repetition++) {
        loam_span_sharded_config config = {.uncached = uncached};
        pthread_t ids[8];
        double start, took;

        need(loam_region_init(&region, NULL));
        need((sharded = loam_span_sharded_create(&region, &config)) != NULL);
        start = milliseconds(CLOCK_MONOTONIC);
        for (size_t i = 0; i < threads; i++)
            need(pthread_create(&ids[i], NULL, take_and_give, &at_once) == 0);
        for (size_t i = 0; i < threads; i++)
            pthread_join(ids[i], NULL);
        took = (milliseconds(CLOCK_MONOTONIC) - start) * 1e6 / PAIRS;
        best = repetition == 0 || took < best ? took : best;
        loam_span_sharded_destroy(sharded);
        loam_region_deinit(&region);
    }
    return best;
}

int main(int count, char **words)
{
    static const uint32_t delays[] = {0, 10, 100, 300, 1000, 3000, 3600000};

    if (count == 2 && strcmp(words[1], "delays") == 0) {
        printf("| delay, ms | processor ms a burst | purging, ms a burst | idle MiB |\n");
        printf("|---|---|---|---|\n");
        for (size_t i = 0; i < sizeof delays / sizeof *delays; i++)
            measure_delay(delays[i]);
        return 0;
    }
    if (count == 2 && strcmp(words[1], "caches") == 0) {
        printf("| threads | runs at once | with caches, ns | without, ns |\n|---|---|---|---|\n");
        for (size_t threads = 1; threads <= 4; threads *= 2)
            for (size_t at_once = 1; at_once <= 8; at_once *= 2)
                printf("| %zu | %zu | %.0f | %.0f |\n", threads, at_once,
                       measure_pairs(threads, at_once, false),
                       measure_pairs(threads, at_once, true));
        return 0;
    }
    fprintf(stderr, "usage: loam_bench_span delays|caches\n");
    return 2;
}
