/* btree_loops.h: the bodies of the rows of ordered maps. Each works on a loam_bench_btree; its parameter
 * is how many entries there are, BENCH_TEXTS if their keys are texts, and BENCH_HUGE_PAGES if its rows are
 * those where everybody may have huge pages. */
#ifndef BENCH_BTREE_LOOPS_H
#define BENCH_BTREE_LOOPS_H

#include "loops.h"
#include "peer_btree.h"

enum { BENCH_TEXTS = 1 << 30, BENCH_HUGE_PAGES = 1 << 29, BENCH_RANGE = 100 };

/* Fills maps and empties them: sets the figure of its row, btree_insert_N, and of those that are with
 * it: btree_insert_seq_N, btree_build_N, btree_erase_N, btree_mixed_N. */
void bench_run_btree_changes(shim_state *state);

/* Of these only the first three, for a contender that builds in another way; that its first insertions find no memory
 * of earlier ones shows in them. */
void bench_run_btree_build(shim_state *state);

/* Looks into a map that was filled at random: sets the figure of its row, btree_hit_N, and of
 * btree_dependent_N, btree_miss_N, btree_bound_N, btree_iterate_N and btree_range_N. */
void bench_run_btree_reads(shim_state *state);

/* All of these rows at a size where a map takes seconds to fill: each map is filled at random once, which is
 * the figure of btree_insert_N, and what else there is to measure goes through at most a million entries of
 * that one. It has no memory from an earlier map. */
void bench_run_btree_big(shim_state *state);

/* Bytes of memory for an entry, of a map that was filled at random, btree_bytes_N, or in order,
 * btree_bytes_seq_N. */
void bench_run_btree_bytes(shim_state *state);
void bench_run_btree_bytes_seq(shim_state *state);

/* loam's tree: typed over a pool over a span, which is the one that is judged, where that asks for huge
 * pages if they are permitted, and over the C library; the archive's, by the kind of its keys and by a function that compares; btree_loam.c. Trees are built from arrays;
 * the source is built from a function that gives entry after entry, and has nothing but that. */
extern const loam_bench_btree bench_btree_numbers;
extern const loam_bench_btree bench_btree_numbers_huge;
extern const loam_bench_btree bench_btree_numbers_libc;
extern const loam_bench_btree bench_btree_numbers_kind;
extern const loam_bench_btree bench_btree_numbers_compared;
extern const loam_bench_btree bench_btree_numbers_source;
extern const loam_bench_btree bench_btree_texts;
extern const loam_bench_btree bench_btree_texts_libc;
extern const loam_bench_btree bench_btree_texts_kind;
extern const loam_bench_btree bench_btree_texts_compared;
extern const loam_bench_btree bench_btree_texts_source;

#endif
