/* heap_parts.h: what the rows of heaps and the sweep of a heap's constants stand on. */
#ifndef BENCH_HEAP_PARTS_H
#define BENCH_HEAP_PARTS_H

#include "heap_traces.h"

/* ---- memory ---- */

/* Fresh memory at a page; in huge pages, where they are permitted to the process. munmap() ends it. */
void *bench_map_memory(size_t size);

/* Memory at a page, touched, that is there until the process ends: the same for all contenders. */
void *bench_heap_memory(size_t size);

/* ---- recorded programs ---- */

/* The memory that a heap has which is to be fast. */
size_t bench_heap_roomy(const bench_trace *t);

/* Runs the program once, in so much memory. Returns the seconds that its steps took, 0 where `ticks`
 * takes the time of each; below 0: one failed. */
double bench_heap_replay(const loam_bench_heap *heap, const bench_trace *t, void *memory,
                         size_t size, uint32_t *ticks);

/* The most bytes of pages that this process got while the program ran once, in memory that nobody
 * touched: looked at where the most is live in each of 256 parts of the program, and at its end. Huge
 * pages are forbidden. 0: a request failed, or the system does not tell. */
size_t bench_heap_resident(const loam_bench_heap *heap, const bench_trace *t, void *memory,
                           size_t size);

/* The smallest memory that the program runs in, to 1/4096 of what it wants at its most; 0: there is
 * none. */
size_t bench_heap_smallest(const loam_bench_heap *heap, const bench_trace *t);

/* ---- drawn blocks ---- */

enum { BENCH_MOSTLY_SMALL, BENCH_UNIFORM, BENCH_MIXTURES };

/* How many sizes are drawn, and the memory of a heap that they go to. */
enum { BENCH_DRAWN = 1 << 16 };
#define BENCH_CHURN_REGION ((size_t)64 << 20)

/* The sizes of a mixture. */
const uint32_t *bench_drawn_sizes(size_t mixture);

/* Sets up for the functions of a heap that take it, with so many bytes live at most; and gives all
 * that is live, and ends it. */
void bench_churn_start(loam_bench_churn *c, size_t mixture, uint64_t held);
void bench_churn_end(loam_bench_churn *c, const loam_bench_heap *heap, void *opened);

#endif
