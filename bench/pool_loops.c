/* pool_loops.c: the bodies of the rows of pools that one thread runs. */
#include "pool_loops.h"

#include "machine.h"
#include "pool_threads.h"

enum { WARM_UP_BATCHES = 3, LEAST_BATCHES = 20, LEAST_CHURN = 500000, SHORTER = 20 };

static size_t live_blocks(void)
{
    return bench_short_run() ? BENCH_LIVE / SHORTER : BENCH_LIVE;
}

void **bench_new_blocks(size_t count)
{
    void **blocks = malloc(count * sizeof *blocks);

    if (!blocks)
        abort();
    memset(blocks, 1, count * sizeof *blocks); /* its memory is there before anything is timed */
    return blocks;
}

const uint32_t *bench_batch_order(void)
{
    static uint32_t order[BENCH_BATCH];
    static bool drawn;
    uint64_t state = 1;

    for (size_t i = 0; i < BENCH_BATCH && !drawn; i++) {
        size_t other = loam_bench_draw(&state, i + 1);

        order[i] = order[other];
        order[other] = (uint32_t)i;
    }
    drawn = true;
    return order;
}

void *bench_open_pool(shim_state *state, size_t count)
{
    const bench_contender *self = bench_self(state);
    const loam_bench_pool *pool = self->subject;
    void *opened = pool->open(pool->of[self->parameter].size, count);

    if (!opened)
        shim_fail(state, "could not be opened");
    return opened;
}

void bench_run_block_pairs(shim_state *state)
{
    enum { WARM_UP = 256, LIVE = 64 };
    const bench_contender *self = bench_self(state);
    const loam_bench_pool *pool = self->subject;
    loam_bench_loop pairs = pool->of[self->parameter].pairs;
    void *opened = bench_open_pool(state, LIVE);
    size_t count;

    if (!opened)
        return;
    pairs(opened, WARM_UP);
    while ((count = shim_next(state)) != 0)
        pairs(opened, count);
    pool->close(opened);
}

/* ---- batches ---- */

void bench_batches(const loam_bench_blocks *blocks, void *pool, void **taken, const uint32_t *order,
                   size_t count)
{
    for (size_t i = 0; i < count; i++) {
        blocks->take(pool, taken, BENCH_BATCH);
        if (order)
            blocks->give_in(pool, taken, order, BENCH_BATCH);
        else
            blocks->give(pool, taken, BENCH_BATCH);
    }
}

static void run_batches(shim_state *state, const uint32_t *order)
{
    const bench_contender *self = bench_self(state);
    const loam_bench_pool *pool = self->subject;
    const loam_bench_blocks *blocks = &pool->of[self->parameter];
    void *opened = bench_open_pool(state, BENCH_BATCH);
    void **taken = bench_new_blocks(BENCH_BATCH);
    size_t count;

    if (opened) {
        bench_batches(blocks, opened, taken, order, WARM_UP_BATCHES);
        while ((count = shim_next(state)) != 0) {
            size_t batches = count / BENCH_BATCH;
            double seconds = machine_own_seconds();

            batches = batches > LEAST_BATCHES ? batches : LEAST_BATCHES;
            bench_batches(blocks, opened, taken, order, batches);
            seconds = machine_own_seconds() - seconds;
            shim_set_counter(state, self->row->name,
                             seconds * 1e9 / (double)(batches * BENCH_BATCH));
        }
        pool->close(opened);
    }
    free(taken);
}

void bench_run_batch_fifo(shim_state *state)
{
    run_batches(state, NULL);
}

void bench_run_batch_random(shim_state *state)
{
    run_batches(state, bench_batch_order());
}

/* ---- many live blocks ---- */

void bench_run_churn(shim_state *state)
{
    const bench_contender *self = bench_self(state);
    const loam_bench_pool *pool = self->subject;
    const loam_bench_blocks *blocks = &pool->of[self->parameter];
    size_t live = live_blocks(), least = LEAST_CHURN, count;
    void **taken = bench_new_blocks(live);
    void *opened = bench_open_pool(state, live);
    uint64_t drawn = 1;

    if (bench_short_run())
        least /= SHORTER;
    if (opened) {
        blocks->take(opened, taken, live);
        blocks->churn(opened, taken, live, &drawn, least);
        while ((count = shim_next(state)) != 0) {
            double seconds = machine_own_seconds();

            count = count > least ? count : least;
            blocks->churn(opened, taken, live, &drawn, count);
            seconds = machine_own_seconds() - seconds;
            shim_set_counter(state, self->row->name, seconds * 1e9 / (double)count);
        }
        blocks->give(opened, taken, live);
        pool->close(opened);
    }
    free(taken);
}

void bench_run_block_bytes(shim_state *state)
{
    const bench_contender *self = bench_self(state);
    const loam_bench_pool *pool = self->subject;
    const loam_bench_blocks *blocks = &pool->of[self->parameter];
    size_t live = live_blocks();
    void **taken = bench_new_blocks(live);

    while (shim_next(state) != 0) {
        size_t before = machine_anonymous_bytes(), bytes;
        void *opened = bench_open_pool(state, live);

        if (!opened)
            break;
        blocks->take(opened, taken, live);
        bytes = machine_anonymous_bytes() - before;
        shim_set_seconds(state, 0);
        shim_set_counter(state, self->row->name, (double)bytes / (double)live);
        if (before == 0)
            shim_fail(state, "the system does not tell its anonymous memory");
        blocks->give(opened, taken, live);
        pool->close(opened);
    }
    free(taken);
}
