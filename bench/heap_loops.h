/* heap_loops.h: the bodies of the rows of heaps. Each works on a loam_bench_heap. */
#ifndef BENCH_HEAP_LOOPS_H
#define BENCH_HEAP_LOOPS_H

#include "heap_parts.h"
#include "loops.h"

/* ---- recorded programs; the contender's parameter is the trace ---- */

/* An iteration is a step, in memory that was touched before, of a program that ran here before. */
void bench_run_replay(shim_state *state);

/* The nanoseconds that 99 of 100 steps take at most, 9 999 of 10 000 and so on: the row's figure and
 * those of the rows that its name leads to. Of three runs the shortest counts for each step: all take
 * the same steps, and what comes in between does not come at the same one again. */
void bench_run_latency(shim_state *state);

/* An iteration is a step, in memory that nobody touched. Sets also the row that is with this one: the
 * faults. */
void bench_run_cold_replay(shim_state *state);

/* The most pages that there were, the process's own and those of the heap's memory, which nobody
 * touched before: as a multiple of what the program wanted. */
void bench_run_resident(shim_state *state);

/* The smallest memory that the program can run in, as a multiple of what it wanted. */
void bench_run_fit(shim_state *state);

/* The same for the limit, whose parameter is the trace as well: one word for each block and nothing
 * lost between blocks, at a granule of 16 and of 8. */
void bench_run_floor_16(shim_state *state);
void bench_run_floor_8(shim_state *state);

/* ---- drawn sizes; the parameter is a mixture ---- */

/* An iteration is a block taken or given, while half of 64 MiB are live. */
void bench_run_heap_churn(shim_state *state);

/* How many of two million requests fail while 80 or 90 of 100 bytes of 64 MiB are live. */
void bench_run_failures_80(shim_state *state);
void bench_run_failures_90(shim_state *state);

/* The churn, two threads doing it at the same time; heaps that are not shared are two. */
void bench_run_heap_threads(shim_state *state);

/* loam's heap for many threads, over a region and over sharded spans; heap_sharded.c. */
extern const loam_bench_heap bench_heap_sharded;
extern const loam_bench_heap bench_heap_sharded_spans;

/* ---- memory ---- */

/* bench_heap_memory(), but for mallocs, which bring their own. */
void *bench_memory_for(const bench_contender *contender, size_t size);

#endif
