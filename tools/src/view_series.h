/* view_series.h: what `loam view` knows of a trace from reading it once.
 *
 * Nothing here grows with the length of a trace. What is drawn along the time axis is kept in bins of
 * equally many calls; when the bins are full, pairs of them become one, and each is twice as wide. So
 * there are between half of VIEW_BINS and VIEW_BINS of them for any trace that has so many calls.
 */
#ifndef LOAM_TOOLS_VIEW_SERIES_H
#define LOAM_TOOLS_VIEW_SERIES_H

#include "traces/trace_reader.h"

enum {
    VIEW_BINS = 4096,
    VIEW_GROUPS = 64, /* that are told apart; those that come later count together */
    VIEW_STEPS = 98   /* of a logarithmic scale, two for each doubling */
};

/* What a block belongs to. */
typedef enum view_kind { VIEW_THREAD, VIEW_TAG, VIEW_ALLOCATOR, VIEW_KINDS } view_kind;

typedef struct view_bin {
    uint64_t time;   /* of its last call, in nanoseconds */
    uint64_t top;    /* the most bytes that were live in it */
    uint64_t live;   /* bytes at its end */
    uint64_t blocks; /* at its end */
} view_bin;

typedef struct view_group {
    uint64_t requests, bytes,
        frees; /* what was asked for with its name, what of that was given back */
    uint64_t live, peak;
    uint32_t key;     /* the thread, or the number of the text */
    uint64_t *series; /* live bytes at the end of each bin; NULL: none are of this group */
} view_group;

/* The last one is of all that have none of their own. */
typedef struct view_groups {
    view_group rows[VIEW_GROUPS + 1];
    size_t count; /* without the last one */
    size_t last;  /* where a key was found */
} view_groups;

typedef struct view_heat {
    uint64_t count, bytes;
} view_heat;

typedef struct view_series {
    trace_reader *reader; /* at its end */
    uint64_t calls, frees, resizes, bulks, bulk_blocks, threads, last_time;
    uint64_t peak_call; /* how many calls had been made at the first moment of most bytes */
    uint64_t live, peak, blocks;
    view_bin bins[VIEW_BINS];
    size_t count;   /* bins that are full, and in the end the last one too */
    uint64_t width; /* calls of a bin */
    uint64_t fill;  /* calls of the bin that is being filled */
    view_groups groups[VIEW_KINDS];
    uint32_t *thread_texts; /* by thread: the text that names it, or 0 */
    /* By the steps of size and life; life in calls and in nanoseconds, of blocks given back. */
    view_heat heat[2][VIEW_STEPS][VIEW_STEPS];
    view_heat kept[VIEW_STEPS]; /* by size: live in the end */
    struct view_block *slots;   /* what is live */
    size_t slot_count;
} view_series;

/* The step of a value: 0 for 0; then 1 + 2 n for values from 2^n on, 2 + 2 n from 3/2 of that on. */
unsigned view_step(uint64_t value);

/* Gets ready. Here and later: ends the program where there is no memory. */
void view_series_init(view_series *s);

/* Sees an item: a steps_visit of replay_steps.h. */
void view_series_see(void *series, const trace_item *item);

/* Ends the last bin, and counts what is still live. */
void view_series_end(view_series *s);

void view_series_deinit(view_series *s);

#endif
