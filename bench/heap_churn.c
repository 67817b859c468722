/* heap_churn.c: the bodies of the rows in which drawn blocks come and go. */
#include "heap_loops.h"

#include "machine.h"

#include <pthread.h>

enum { THREADS = 2, SHORTER = 20 };

/* The memory of a heap, and of one that two threads share. */
#define REGION BENCH_CHURN_REGION

/* ---- one thread ---- */

static size_t requests(size_t count)
{
    return bench_short_run() ? count / SHORTER : count;
}

void bench_run_heap_churn(shim_state *state)
{
    enum { WARM_UP = 500000, LEAST = 500000 };
    const bench_contender *self = bench_self(state);
    const loam_bench_heap *heap = self->subject;
    void *opened = heap->open(bench_memory_for(self, REGION), REGION);
    loam_bench_churn c;
    size_t count;

    if (!opened) {
        shim_fail(state, "could not be opened");
        return;
    }
    bench_churn_start(&c, self->parameter, REGION / 2);
    heap->churn(opened, &c, requests(WARM_UP));
    while ((count = shim_next(state)) != 0) {
        uint64_t before = c.operations;
        double seconds = machine_own_seconds();

        heap->churn(opened, &c, requests(count > LEAST ? count : LEAST));
        seconds = machine_own_seconds() - seconds;
        shim_set_counter(state, self->row->name, seconds * 1e9 / (double)(c.operations - before));
    }
    if (c.failures > 0)
        shim_fail(state, "requests failed");
    bench_churn_end(&c, heap, opened);
    heap->close(opened);
}

static void run_failures(shim_state *state, unsigned percent)
{
    enum { REQUESTS = 2000000 };
    const bench_contender *self = bench_self(state);
    const loam_bench_heap *heap = self->subject;
    loam_bench_churn c;

    while (shim_next(state) != 0) {
        void *opened = heap->open(bench_memory_for(self, REGION), REGION);

        if (!opened) {
            shim_fail(state, "could not be opened");
            return;
        }
        bench_churn_start(&c, self->parameter, REGION / 100 * percent);
        heap->churn(opened, &c, requests(REQUESTS));
        shim_set_counter(state, self->row->name, (double)c.failures);
        bench_churn_end(&c, heap, opened);
        heap->close(opened);
    }
}

void bench_run_failures_80(shim_state *state)
{
    run_failures(state, 80);
}

void bench_run_failures_90(shim_state *state)
{
    run_failures(state, 90);
}

/* ---- two threads ---- */

typedef struct worker {
    const loam_bench_heap *heap;
    void *opened; /* what all workers share; NULL: each opens one in `memory` */
    void *memory;
    pthread_barrier_t *barrier;
    size_t mixture, requests;
    unsigned number;
    double nanoseconds; /* of an operation */
} worker;

/* Nobody ends anything before all have stopped their clocks. */
static void *work(void *argument)
{
    worker *w = argument;
    loam_bench_churn c;
    uint64_t before;
    void *opened;
    double began;

    machine_pin_thread(w->number);
    opened = w->opened ? w->opened : w->heap->open(w->memory, REGION);
    if (!opened)
        abort();
    bench_churn_start(&c, w->mixture, REGION / 4);
    c.state += w->number;
    c.next += (size_t)w->number * (BENCH_DRAWN / 2);
    w->heap->churn(opened, &c, w->requests / 2);
    before = c.operations;
    pthread_barrier_wait(w->barrier);
    began = machine_seconds();
    w->heap->churn(opened, &c, w->requests);
    w->nanoseconds = (machine_seconds() - began) * 1e9 / (double)(c.operations - before);
    pthread_barrier_wait(w->barrier);
    bench_churn_end(&c, w->heap, opened);
    if (!w->opened)
        w->heap->close(opened);
    return NULL;
}

/* Nanoseconds that so many threads took for an operation of one of them. */
static double time_of(const bench_contender *self, void *shared, unsigned threads)
{
    pthread_barrier_t barrier;
    pthread_t started[THREADS];
    worker workers[THREADS];
    char *memory = shared ? NULL : bench_heap_memory(THREADS * REGION);
    double sum = 0;

    (void)bench_drawn_sizes(self->parameter); /* drawn before there is anybody else */
    pthread_barrier_init(&barrier, NULL, threads);
    for (unsigned i = 0; i < threads; i++) {
        workers[i] = (worker){.heap = self->subject,
                              .opened = shared,
                              .memory = shared ? NULL : memory + i * REGION,
                              .barrier = &barrier,
                              .mixture = self->parameter,
                              .requests = requests(500000),
                              .number = i};
        if (pthread_create(&started[i], NULL, work, &workers[i]) != 0)
            abort();
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(started[i], NULL);
        sum += workers[i].nanoseconds / threads;
    }
    pthread_barrier_destroy(&barrier);
    return sum;
}

void bench_run_heap_threads(shim_state *state)
{
    const bench_contender *self = bench_self(state);
    const loam_bench_heap *heap = self->subject;
    const bench_row *ratio = bench_row_with(self->row);
    void *shared = NULL;

    if (heap->shared)
        shared = heap->open(bench_memory_for(self, THREADS * REGION), THREADS * REGION);
    if (heap->shared && !shared) {
        shim_fail(state, "could not be opened");
        return;
    }
    while (shim_next(state) != 0) {
        double alone = time_of(self, shared, 1);
        double together = time_of(self, shared, THREADS);

        shim_set_counter(state, self->row->name, together);
        if (ratio)
            shim_set_counter(state, ratio->name, together / alone);
    }
    if (shared)
        heap->close(shared);
}
