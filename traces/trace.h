/* trace.h: recorded allocations of real programs, read whole from `.mtr` files; docs/traces.md has
 * the format.
 *
 *     trace *t = trace_load("words.mtr", &error);
 *     if (!t)
 *         printf("words.mtr: at %llu: %s\n", (unsigned long long)error.offset, error.reason);
 *     for (size_t i = 0; i < t->count; i++)
 *         ... t->steps[i] ...
 *     trace_free(t);
 *
 * Only the calls are here, whatever else a trace tells; what an allocator gives back in bulk is a step
 * for each block. What was read keeps every promise of the format, so that whoever replays it looks
 * at nothing again: a slot is live where it is given or resized, free where it is filled, and the sums
 * are true. Requests above 2^31 bytes are refused. trace_reader.h reads what does not fit in memory.
 */
#ifndef LOAM_TRACES_TRACE_H
#define LOAM_TRACES_TRACE_H

#include "traces/trace_reader.h"

/* One call of the program. */
typedef struct trace_step {
    uint64_t size;   /* bytes wanted; 0 where a block is given */
    uint64_t before; /* bytes that were wanted for the block that is resized or given; else 0 */
    uint32_t slot;   /* which of the program's pointers */
    uint16_t thread; /* who called, from 1 */
    uint8_t op;      /* trace_op, of the first five */
    uint8_t align_log2;
} trace_step;

typedef struct trace {
    trace_step *steps;
    size_t count;
    size_t slots;               /* each step's slot is below */
    uint64_t peak_live_bytes;   /* the most that was wanted at one time, as the program asked */
    uint64_t peak_live_objects; /* and the most blocks */
    uint64_t total_bytes;       /* of all requests, resizes included */
    uint64_t requests;          /* how many asked for memory */
    uint64_t largest_request;
} trace;

/* Reads a file that is in memory. NULL: it is malformed, or memory ran out; `error` says why. */
trace *trace_read(const void *bytes, size_t size, trace_error *error);

/* Reads a file. NULL also: it cannot be read. */
trace *trace_load(const char *path, trace_error *error);

/* Ends a trace. NULL is ignored. */
void trace_free(trace *t);

#endif
