/* bench.h: what the file of a layer sees: rows, contenders, and what a body may ask.
 *
 * A row is one line of a table; contenders are measured in it. loam and the limit, which is the
 * simplest correct code for the same thing, are contenders like the peers.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "shim.h"

#include <stdint.h>

/* What a row shall reach. Each field is 0 where nothing is asked. (Where more is better, read >=.)
 */
typedef struct bench_goal {
    double limit;      /* loam <= this many times the limit */
    double library;    /* loam <= this many times the best peer that is not a malloc */
    double mallocs;    /* loam <= this many times the best malloc */
    double peer;       /* loam <= this many times the best peer */
    const char *named; /* a peer ... */
    double to_named;   /* ... and loam <= this many times that one */
    double absolute;   /* loam <= this figure, in the row's unit */
    double at_limit;   /* the limit when that figure was set: this run's limit scales it */
} bench_goal;

/* One line of a table. Its figure is the time of an iteration; a body that sets a counter of the
 * row's name, or of a row that is `with` it, gives that row's figure itself: nanoseconds where the
 * unit is ns or ms, else whatever the unit says. */
typedef struct bench_row {
    const char *layer; /* common, arena, ... */
    const char *name;  /* stable, snake_case, one of its kind in all layers */
    const char *unit;  /* ns, ms, or what the bodies' own counters are in */
    bool higher;       /* more is better; goals are then least values */
    bool fresh;        /* each contender runs in a process of its own, once: cold memory */
    bool whole;        /* one iteration is all of the work, and is not done again to fill time */
    bool exact;        /* whole, and no clock is in it: measured once, in the first repetition */
    bool real_time;    /* by the clock: rows of several threads. Else by this process's own time */
    bool huge;         /* huge pages are permitted; else everybody has the system's pages */
    bool untold;       /* ... and no malloc was told to use them: each is as it comes */
    unsigned threads;  /* how many run at the same time, each on a CPU of its own; 0: one */
    const char *with;  /* the row whose bodies also set the figures of this one, as a counter */
    bench_goal goal;
} bench_row;

/* Who is measured. */
typedef enum bench_kind {
    BENCH_LOAM,
    BENCH_LIMIT,
    BENCH_PEER,   /* a library; in the same process as loam and the limit */
    BENCH_MALLOC, /* malloc(): in a process of its own for each malloc there is, by LD_PRELOAD */
    BENCH_BESIDE  /* loam or a limit in another way: shown among the peers, and never judged by */
} bench_kind;

typedef struct bench_contender {
    const bench_row *row;
    const char *name; /* the peer's; "loam", "limit", "malloc" for the others */
    bench_kind kind;
    shim_body body;
    const void *subject; /* for the body: what it works on */
    size_t parameter;    /* for the body: a number */
} bench_contender;

/* Adds a row. `row` must stay. */
void bench_add_row(const bench_row *row);

/* Adds a contender to the row of that name, which was added before. The name of a peer must stay.
 */
void bench_add(const char *row, bench_kind kind, const char *name, shim_body body,
               const void *subject, size_t parameter);

/* What was added. */
size_t bench_row_count(void);
const bench_row *bench_row_at(size_t index);
const bench_row *bench_row_find(const char *name);
size_t bench_contender_count(void);
const bench_contender *bench_contender_at(size_t index);
const bench_contender *bench_contender_find(const char *row, const char *name);

/* Hands contenders to Google Benchmark, each as row/contender, to run for so many seconds. */
void bench_register(const bench_contender *contender, double seconds);

/* ---- what a body may ask ---- */

/* The contender that it is the body of. */
const bench_contender *bench_self(const shim_state *state);

/* Whether this is a short run, whose figures nobody reads. */
bool bench_short_run(void);
void bench_set_short_run(bool is_short);

/* ---- the layers: each adds its rows and contenders ---- */

void bench_add_common(void);
void bench_add_arena(void);
void bench_add_vec(void);
void bench_add_bucket(void);
void bench_add_pool(void);
void bench_add_pool_lines(void);
void bench_add_heap(void);
void bench_add_btree(void);

#endif
