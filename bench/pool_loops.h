/* pool_loops.h: the bodies of the rows of pools. Each works on a loam_bench_pool; the contender's
 * parameter is an index into its table of sizes. */
#ifndef BENCH_POOL_LOOPS_H
#define BENCH_POOL_LOOPS_H

#include "loops.h"

/* Blocks of a batch; blocks that live while others come and go. */
enum { BENCH_BATCH = 10000, BENCH_LIVE = 1000000 };

/* An iteration takes a block and gives it back. */
void bench_run_block_pairs(shim_state *state);

/* Takes a batch and gives it back, in the order of taking, or in one that was drawn once. Sets the
 * row's figure to the time of a block, taken and given. */
void bench_run_batch_fifo(shim_state *state);
void bench_run_batch_random(shim_state *state);

/* With BENCH_LIVE blocks live, gives one of them, drawn, and takes another. Sets the row's figure. */
void bench_run_churn(shim_state *state);

/* Takes BENCH_LIVE blocks; sets the row's figure to the bytes of memory that came with each. */
void bench_run_block_bytes(shim_state *state);

/* Two threads do random batches, in one pool if it can be shared, else each in one of its own. Sets
 * the row's figure to the time of a pair of one of them, and that of the row with it to how many
 * times that is what one thread takes alone. */
void bench_run_two_threads(shim_state *state);

/* One thread takes blocks, another gives them. Sets the row's figure to the time of a block. */
void bench_run_producer_consumer(shim_state *state);

#endif
