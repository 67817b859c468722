/* loops.h: the bodies that most rows share. Each asks for its iterations in one batch and hands
 * them on to a loop of the contender's, so that no call of the harness stands between two pushes.
 */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

#include "peer.h"
#include "shim.h"

/* Bytes that are pushed between two resets in the warm rows. */
#define BENCH_ROUND_BYTES ((size_t)1 << 20)

/* Something that is done again and again, and is not a bump. */
typedef struct bench_loop {
    void *(*open)(void);         /* NULL: nothing to set up */
    loam_bench_loop run;         /* does it `count` times, on what open() gave */
    void (*close)(void *opened); /* NULL: nothing to end */
} bench_loop;

/* The bytes of a block for an index into the tables of loam_bench_bump. */
size_t bench_push_size(size_t index);

/* Subject: a loam_bench_bump. Parameter: an index into its tables. An iteration is one push; after
 * each BENCH_ROUND_BYTES the bump is reset, which is timed with the pushes. All of the memory was
 * pushed on and stored to before. */
void bench_run_push(shim_state *state);
void bench_run_push_zeroed(shim_state *state);

/* Subject: a loam_bench_bump. An iteration is a mark, four pushes and a rewind. */
void bench_run_marks(shim_state *state);

/* Subject: a loam_bench_bump. One iteration: opens it with nothing known and pushes 64 bytes up to
 * bench_cold_bytes(). Then ends it, and sets the time of that as a counter named by the row that
 * wants it, if the memory has really gone back to the system. */
void bench_run_cold(shim_state *state);

/* How much a cold row fills: 1 GiB, less in a short run. */
size_t bench_cold_bytes(void);

/* Subject: a bench_loop. */
void bench_run_loop(shim_state *state);

#endif
