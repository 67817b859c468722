/* heap_replay.c: the bodies of the rows in which recorded programs run again. */
#include "heap_loops.h"

#include "machine.h"

#include <stdio.h>
#include <sys/mman.h>

void *bench_memory_for(const bench_contender *contender, size_t size)
{
    return contender->kind == BENCH_MALLOC ? NULL : bench_heap_memory(size);
}

static const bench_trace *trace_of(shim_state *state)
{
    const char *why = "";
    const bench_trace *t = bench_traces_at(bench_self(state)->parameter, &why);

    if (!t)
        shim_fail(state, why);
    return t;
}

void bench_run_replay(shim_state *state)
{
    enum { LEAST_STEPS = 200000 };
    const bench_contender *self = bench_self(state);
    const bench_trace *t = trace_of(state);
    size_t size = t ? bench_heap_roomy(t) : 0, count;
    void *memory;

    if (!t)
        return;
    memory = bench_memory_for(self, size);
    if (bench_heap_replay(self->subject, t, memory, size, NULL) < 0) {
        shim_fail(state, "a request failed");
        return;
    }
    while ((count = shim_next(state)) != 0) {
        size_t least = bench_short_run() ? 1 : LEAST_STEPS;
        size_t times = (count > least ? count : least) / t->count + 1;
        double seconds = 0;

        for (size_t i = 0; i < times; i++)
            seconds += bench_heap_replay(self->subject, t, memory, size, NULL);
        shim_set_counter(state, self->row->name, seconds * 1e9 / (double)(times * t->count));
    }
}

/* Sets the figure of a row of this trace, if there is one. */
static void set_of_trace(shim_state *state, const char *row, double value)
{
    char name[64];

    snprintf(name, sizeof name, "%s_%s", row, bench_traces_name(bench_self(state)->parameter));
    shim_set_counter(state, name, value);
}

/* ---- latency ---- */

/* Nanoseconds of a tick, and ticks that lie between two looks at the clock. */
static void measure_clock(double *nanoseconds, uint32_t *overhead)
{
    double began = machine_seconds(), ended;
    uint64_t first = loam_bench_ticks(), last;

    *overhead = UINT32_MAX;
    do {
        uint64_t before = loam_bench_ticks(), between = loam_bench_ticks() - before;

        if (between < *overhead)
            *overhead = (uint32_t)between;
        ended = machine_seconds();
        last = loam_bench_ticks();
    } while (ended - began < 0.02);
    *nanoseconds = (ended - began) * 1e9 / (double)(last - first);
}

/* The ticks that this part of the steps does not exceed, from a count of steps by ticks. Longer
 * ones than were counted by themselves are all as the longest. */
enum { COUNTED = 1 << 20 };

static uint32_t ticks_at(const uint32_t *counts, size_t steps, double parts, uint32_t longest)
{
    double sum = 0;

    for (uint32_t i = 0; i < COUNTED; i++) {
        sum += counts[i];
        if (sum >= (double)steps * parts)
            return i;
    }
    return longest;
}

static void set_latencies(shim_state *state, const uint32_t *ticks, size_t steps)
{
    static const struct {
        const char *name;
        double parts;
    } rows[] = {{"heap_p50", 0.5},
                {"heap_p99", 0.99},
                {"heap_p999", 0.999},
                {"heap_p9999", 0.9999},
                {"heap_max", 2}};
    uint32_t *counts = bench_map_memory(COUNTED * sizeof *counts), overhead, longest = 0;
    double nanoseconds;

    measure_clock(&nanoseconds, &overhead);
    for (size_t i = 0; i < steps; i++) {
        longest = ticks[i] > longest ? ticks[i] : longest;
        if (ticks[i] < COUNTED)
            counts[ticks[i]]++;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t at = ticks_at(counts, steps, rows[i].parts, longest);

        set_of_trace(state, rows[i].name, (at > overhead ? at - overhead : 0) * nanoseconds);
    }
    munmap(counts, COUNTED * sizeof *counts);
}

void bench_run_latency(shim_state *state)
{
    const bench_contender *self = bench_self(state);
    const bench_trace *t = trace_of(state);
    int runs = bench_short_run() ? 1 : 3;
    uint32_t *ticks;

    if (!t)
        return;
    ticks = bench_map_memory(t->count * sizeof *ticks);
    while (shim_next(state) != 0) {
        size_t size = bench_heap_roomy(t);
        void *memory = bench_memory_for(self, size);
        bool failed = bench_heap_replay(self->subject, t, memory, size, NULL) < 0;

        memset(ticks, 0xff, t->count * sizeof *ticks);
        for (int i = 0; i < runs; i++)
            failed = bench_heap_replay(self->subject, t, memory, size, ticks) < 0 || failed;
        if (failed)
            shim_fail(state, "a request failed");
        else
            set_latencies(state, ticks, t->count);
    }
    munmap(ticks, t->count * sizeof *ticks);
}

/* ---- cold ---- */

void bench_run_cold_replay(shim_state *state)
{
    const bench_contender *self = bench_self(state);
    const bench_trace *t = trace_of(state);

    if (!t)
        return;
    machine_back_memory((size_t)t->peak * 2);
    while (shim_next(state) != 0) {
        size_t size = bench_heap_roomy(t), faults;
        void *memory = bench_map_memory(size);
        double seconds;

        faults = machine_faults();
        seconds = bench_heap_replay(self->subject, t, memory, size, NULL);
        faults = machine_faults() - faults;
        if (seconds < 0)
            shim_fail(state, "a request failed");
        shim_set_seconds(state, seconds);
        shim_set_counter(state, self->row->name, seconds * 1e9 / (double)t->count);
        set_of_trace(state, "heap_faults", (double)faults);
        munmap(memory, size);
    }
}

void bench_run_resident(shim_state *state)
{
    const bench_contender *self = bench_self(state);
    const bench_trace *t = trace_of(state);

    while (t && shim_next(state) != 0) {
        size_t size = bench_heap_roomy(t), most;
        void *memory = bench_map_memory(size);

        most = bench_heap_resident(self->subject, t, memory, size);
        if (most == 0)
            shim_fail(state, "a request failed, or the system does not tell");
        else
            shim_set_counter(state, self->row->name, (double)most / (double)t->peak);
        munmap(memory, size);
    }
}

/* ---- the smallest memory ---- */

static void set_ratio(shim_state *state, double bytes)
{
    const bench_trace *t = trace_of(state);

    shim_set_counter(state, bench_self(state)->row->name, bytes / (double)t->peak);
}

void bench_run_fit(shim_state *state)
{
    const bench_trace *t = trace_of(state);

    if (!t)
        return;
    while (shim_next(state) != 0) {
        size_t size = bench_heap_smallest(bench_self(state)->subject, t);

        if (size == 0)
            shim_fail(state, "runs in no memory that was tried");
        else
            set_ratio(state, (double)size);
    }
}

void bench_run_floor_16(shim_state *state)
{
    const bench_trace *t = trace_of(state);

    while (t && shim_next(state) != 0)
        set_ratio(state, (double)t->floor_16);
}

void bench_run_floor_8(shim_state *state)
{
    const bench_trace *t = trace_of(state);

    while (t && shim_next(state) != 0)
        set_ratio(state, (double)t->floor_8);
}
