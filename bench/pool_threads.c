/* pool_threads.c: the bodies of the rows of pools that two threads run, each on a CPU of its own. They
 * go by the clock: a thread that waits for the other takes no time of the processor. */
#include "pool_threads.h"

#include "machine.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 2 };

static void start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    if (pthread_create(thread, NULL, run, argument) != 0)
        abort();
}

/* ---- two threads that do the same ---- */

typedef struct worker {
    const loam_bench_pool *pool;
    const loam_bench_blocks *blocks;
    void *shared; /* the pool of all workers; NULL: each opens one */
    pthread_barrier_t *barrier;
    size_t batches;
    unsigned number;
    double began, ended;
} worker;

/* Nobody ends anything before all have stopped their clocks. */
static void *work(void *argument)
{
    enum { WARM_UP = 10 };
    worker *w = argument;
    const uint32_t *order = bench_batch_order();
    void **taken = bench_new_blocks(BENCH_BATCH);
    void *pool;

    machine_pin_thread(w->number);
    pool = w->shared ? w->shared : w->pool->open(w->blocks->size, BENCH_BATCH);
    if (!pool)
        abort();
    bench_batches(w->blocks, pool, taken, order, WARM_UP);
    pthread_barrier_wait(w->barrier);
    w->began = machine_seconds();
    bench_batches(w->blocks, pool, taken, order, w->batches);
    w->ended = machine_seconds();
    pthread_barrier_wait(w->barrier);
    if (!w->shared)
        w->pool->close(pool);
    free(taken);
    return NULL;
}

/* Nanoseconds that so many threads took for a pair of one of them. */
static double time_of_pair(const bench_contender *self, void *shared, unsigned threads,
                           size_t batches)
{
    const loam_bench_pool *pool = self->subject;
    pthread_barrier_t barrier;
    pthread_t started[THREADS];
    worker workers[THREADS];
    double seconds = 0;

    (void)bench_batch_order(); /* drawn before there is anybody else */
    pthread_barrier_init(&barrier, NULL, threads);
    for (unsigned i = 0; i < threads; i++) {
        workers[i] = (worker){.pool = pool,
                              .blocks = &pool->of[self->parameter],
                              .shared = shared,
                              .barrier = &barrier,
                              .batches = batches,
                              .number = i};
        start(&started[i], work, &workers[i]);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(started[i], NULL);
        seconds += (workers[i].ended - workers[i].began) / threads;
    }
    pthread_barrier_destroy(&barrier);
    return seconds * 1e9 / (double)(batches * BENCH_BATCH);
}

void bench_run_two_threads(shim_state *state)
{
    enum { LEAST = 5 };
    const bench_contender *self = bench_self(state);
    const loam_bench_pool *pool = self->subject;
    const bench_row *ratio = bench_row_with(self->row);
    void *shared = NULL;
    size_t count;

    if (pool->shared && !(shared = bench_open_pool(state, (size_t)THREADS * BENCH_BATCH)))
        return;
    while ((count = shim_next(state)) != 0) {
        size_t batches = count / BENCH_BATCH > LEAST ? count / BENCH_BATCH : LEAST;
        double alone = time_of_pair(self, shared, 1, batches);
        double together = time_of_pair(self, shared, THREADS, batches);

        shim_set_counter(state, self->row->name, together);
        if (ratio)
            shim_set_counter(state, ratio->name, together / alone);
    }
    if (shared)
        pool->close(shared);
}

/* ---- one that takes, one that gives ----
 *
 * Blocks go from one to the other in handfuls, through a ring:
 *
 *      given        taken
 *        v            v
 *     |  |xxxx|xxxx|xxxx|    |    |      each a HANDFUL of addresses
 */

enum { HANDFUL = 256, HANDFULS = 16, WARM_UP_HANDFULS = 4 * HANDFULS };

typedef struct ring {
    const loam_bench_blocks *blocks;
    void *pool;
    size_t handfuls; /* that go through it */
    double began, ended;
    _Alignas(64) atomic_size_t taken;
    _Alignas(64) atomic_size_t given;
    _Alignas(64) void *of[HANDFULS][HANDFUL];
} ring;

/* Waits until the other thread has come further than `far`. */
static void wait_for(atomic_size_t *other, size_t far)
{
    enum { SPINS = 2000 };

    for (int spins = 0; atomic_load_explicit(other, memory_order_acquire) <= far; spins++) {
        if (spins > SPINS)
            sched_yield(); /* it may have been put off the CPU */
    }
}

static void *produce(void *argument)
{
    ring *r = argument;

    machine_pin_thread(0);
    for (size_t i = 0; i < r->handfuls; i++) {
        if (i == WARM_UP_HANDFULS)
            r->began = machine_seconds();
        if (i >= HANDFULS)
            wait_for(&r->given, i - HANDFULS);
        r->blocks->take(r->pool, r->of[i % HANDFULS], HANDFUL);
        atomic_store_explicit(&r->taken, i + 1, memory_order_release);
    }
    return NULL;
}

static void *consume(void *argument)
{
    ring *r = argument;

    machine_pin_thread(1);
    for (size_t i = 0; i < r->handfuls; i++) {
        wait_for(&r->taken, i);
        r->blocks->give(r->pool, r->of[i % HANDFULS], HANDFUL);
        atomic_store_explicit(&r->given, i + 1, memory_order_release);
    }
    r->ended = machine_seconds();
    return NULL;
}

/* Nanoseconds of a block on its way. */
static double time_of_block(const loam_bench_blocks *blocks, void *pool, size_t handfuls)
{
    pthread_t producer, consumer;
    ring *r = aligned_alloc(64, sizeof *r);
    double seconds;

    if (!r)
        abort();
    memset(r, 0, sizeof *r);
    r->blocks = blocks;
    r->pool = pool;
    r->handfuls = WARM_UP_HANDFULS + handfuls;
    start(&producer, produce, r);
    start(&consumer, consume, r);
    pthread_join(producer, NULL);
    pthread_join(consumer, NULL);
    seconds = r->ended - r->began;
    free(r);
    return seconds * 1e9 / (double)(handfuls * HANDFUL);
}

void bench_run_producer_consumer(shim_state *state)
{
    enum { LEAST = 100 };
    const bench_contender *self = bench_self(state);
    const loam_bench_pool *pool = self->subject;
    void *opened = bench_open_pool(state, (size_t)(HANDFULS + 2) * HANDFUL);
    size_t count;

    if (!opened)
        return;
    while ((count = shim_next(state)) != 0) {
        size_t handfuls = count / HANDFUL > LEAST ? count / HANDFUL : LEAST;

        shim_set_counter(state, self->row->name,
                         time_of_block(&pool->of[self->parameter], opened, handfuls));
    }
    pool->close(opened);
}
