/* bench_limits.h: what the simplest correct code takes for the same thing; see limits.c, for
 * arrays limits_vec.c, for pools limits_pool.c, and for heaps limits_heap.c. */
#ifndef BENCH_BENCH_LIMITS_H
#define BENCH_BENCH_LIMITS_H

#include "loops.h"
#include "peer_heap.h"

/* arena: an inlined bump over one mapping. */
extern const loam_bench_bump bench_limit_bump;

/* common: a bump behind a table of functions that the compiler cannot see through. */
extern const loam_bench_bump bench_limit_handle;
/* common: what the handle is compared with: the same operations of the same arena, called. */
extern const bench_loop bench_limit_arena_pair;
/* common: malloc() and free(), called. */
extern const bench_loop bench_limit_libc_pair;
/* common: a list through the free blocks, inlined. */
extern const bench_loop bench_limit_list_pair;

/* vec: memory for all elements, mapped and touched while they are pushed, or touched before. */
extern const loam_bench_vec bench_limit_vec_cold;
extern const loam_bench_vec bench_limit_vec_warm;

/* bucket: the elements of an array of one piece, read in order and at random. */
extern const bench_loop bench_limit_read_by_index;
extern const bench_loop bench_limit_read_random;

/* pool: a list through the free blocks; a stack of their indices beside them; that list with another
 * one for what a second thread gives. */
extern const loam_bench_pool bench_limit_pool_list;
extern const loam_bench_pool bench_limit_pool_stack;
extern const loam_bench_pool bench_limit_pool_remote;

/* heap: lists of free blocks by size, which are neither split nor merged. */
extern const loam_bench_heap bench_limit_heap_lists;

#endif
