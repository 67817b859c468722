/* peers.h: the peers that were found when this was configured, and those of LOAM_BENCH_PEERS. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "loops.h"
#include "peer_btree.h"
#include "peer_heap.h"

#include <stdbool.h>

/* Loads the shared libraries that were named. One that cannot be loaded is a line on stderr, unless
 * somebody else has said so already. */
void peers_load(bool quiet);

/* The peers that one can push on. */
size_t peers_bump_count(void);
const char *peers_bump_name(size_t index);
const loam_bench_bump *peers_bump_at(size_t index);

/* The peers that are arrays which grow. */
size_t peers_vec_count(void);
const char *peers_vec_name(size_t index);
const loam_bench_vec *peers_vec_at(size_t index);

/* The peers that are pools; and what stands in for one where several threads use it, or NULL. */
size_t peers_pool_count(void);
const char *peers_pool_name(size_t index);
const loam_bench_pool *peers_pool_at(size_t index);
const loam_bench_pool *peers_pool_shared_at(size_t index);

/* The peers that are heaps; all of them are loaded. */
size_t peers_heap_count(void);
const char *peers_heap_name(size_t index);
const loam_bench_heap *peers_heap_at(size_t index);

/* The peers that are ordered maps: of numbers, and of texts; each may be NULL. */
size_t peers_btree_count(void);
const char *peers_btree_name(size_t index);
const loam_bench_btree *peers_btree_numbers_at(size_t index);
const loam_bench_btree *peers_btree_texts_at(size_t index);

/* What could not be measured, as "NAME (PACKAGE)". */
size_t peers_missing_count(void);
const char *peers_missing_at(size_t index);

/* The mallocs to run under: the C library's own, whose path is NULL, and those to preload. */
size_t peers_malloc_count(void);
const char *peers_malloc_name(size_t index);
const char *peers_malloc_path(size_t index);

/* What runs in a process of its own for each of them; peers/malloc.c, peers/malloc_heap.c,
 * peers/growing.c. */
extern const loam_bench_bump bench_malloc_bump;
extern const bench_loop bench_malloc_pair_64;
extern const bench_loop bench_malloc_pair_1mib;
extern const loam_bench_vec bench_malloc_vec;
extern const loam_bench_pool bench_malloc_pool;
extern const loam_bench_heap bench_malloc_heap;

/* The libraries, where they are there; peers/NAME.c. */
#ifdef __cplusplus
extern "C" {
#endif
extern const loam_bench_btree bench_absl_numbers;
extern const loam_bench_btree bench_absl_texts;
extern const loam_bench_btree bench_gtree_numbers;
extern const loam_bench_btree bench_gtree_texts;
extern const loam_bench_btree bench_map_numbers;
extern const loam_bench_btree bench_map_texts;
extern const loam_bench_btree bench_sorted_array;
extern const loam_bench_bump bench_apr;
extern const loam_bench_bump bench_obstack;
extern const loam_bench_bump bench_pmr;
extern const loam_bench_bump bench_talloc;
extern const loam_bench_vec bench_garray;
extern const loam_bench_vec bench_grow_1_5x;
extern const loam_bench_vec bench_stb_ds;
extern const loam_bench_vec bench_vector;
extern const loam_bench_vec bench_deque;
extern const loam_bench_pool bench_boost_pool;
extern const loam_bench_pool bench_boost_fast;
extern const loam_bench_pool bench_boost_fast_shared;
extern const loam_bench_pool bench_pmr_pool;
extern const loam_bench_pool bench_pmr_pool_shared;
extern const bench_loop bench_deque_by_index;
extern const bench_loop bench_deque_random;
#ifdef __cplusplus
}
#endif

#endif
