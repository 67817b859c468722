/* heap_traces.h: the recorded programs that heaps are measured with: the one in traces/, and those of
 * LOAM_TRACE_DIR. */
#ifndef BENCH_HEAP_TRACES_H
#define BENCH_HEAP_TRACES_H

#include "peer_heap.h"

#include <stdbool.h>

/* A trace as the loops want it. No byte of it lies in memory of malloc's: that would be there for
 * the malloc that is measured. */
typedef struct bench_trace {
    const loam_bench_step *steps;
    const loam_bench_step *rest; /* gives what is live at the end */
    void **blocks;               /* one for each slot */
    size_t count, rest_count, slots;
    uint64_t peak;              /* the most bytes that were live, as they were wanted */
    uint64_t floor_8, floor_16; /* the same with a word in front of each and a granule of so much */
} bench_trace;

/* Looks for traces. One that has no fit name is left out. */
void bench_traces_find(void);
size_t bench_traces_count(void);
const char *bench_traces_name(size_t index);

/* Reads a trace, once in a process; NULL: it cannot be read, and `why` says why. */
const bench_trace *bench_traces_at(size_t index, const char **why);

#endif
