/* pool_threads.h: what the bodies of one thread and those of several share. */
#ifndef BENCH_POOL_THREADS_H
#define BENCH_POOL_THREADS_H

#include "pool_loops.h"

/* An array for so many addresses of blocks; free() ends it. */
void **bench_new_blocks(size_t count);

/* The order that random batches are given in: each index below BENCH_BATCH once. */
const uint32_t *bench_batch_order(void);

/* Opens the contender's pool for so many blocks; NULL: it could not, and the body is to end. */
void *bench_open_pool(shim_state *state, size_t count);

/* Takes a batch and gives it in that order, NULL: the order of taking; `count` times. */
void bench_batches(const loam_bench_blocks *blocks, void *pool, void **taken, const uint32_t *order,
                   size_t count);

#endif
