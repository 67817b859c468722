/* export_support.h: traces to export, and what they add up to. */
#ifndef LOAM_TEST_EXPORT_SUPPORT_H
#define LOAM_TEST_EXPORT_SUPPORT_H

#include "support/test.h"
#include "traces/trace_reader.h"

/* Of a trace, taken by the test itself. */
typedef struct figures {
    uint64_t peak_bytes, peak_blocks; /* the blocks at the peak of bytes */
    uint64_t peak_time;               /* nanoseconds */
    uint64_t most_blocks;             /* at any time */
    uint64_t end_bytes, end_blocks;
    uint64_t bytes, requests; /* in all, resizes included */
} figures;

/* The trace must be a good one. */
figures export_figures(const char *file);

/* The same for what has this tag or belongs to this allocator, which have names of their own. */
figures export_figures_of(const char *file, trace_text_kind kind, const char *name);

typedef enum export_trace {
    EXPORT_BUSY,    /* three threads, two allocators beside malloc, tags, bulks, resizes, times */
    EXPORT_HOSTILE, /* few calls, and names that formats stumble over */
    EXPORT_EMPTY,   /* no call */
    EXPORT_HUGE,    /* sizes from 0 to 2^47 */
    EXPORT_STILL,   /* a clock that stands still */
    EXPORT_SMALL,   /* an item of each kind, in as few bytes as will do */
    EXPORT_WIDE,    /* more threads and tags than there are sites and counters */
    EXPORT_TRACES
} export_trace;

/* Writes a trace to a file. */
void export_write(export_trace which, const char *file);

/* A program that is in PATH, or NULL; the result is static. */
const char *export_viewer(const char *name);

/* All of a file, with a zero byte behind it; the caller's. */
char *export_read(const char *file, size_t *size);

/* Whether a text is JSON: one value, in UTF-8. Returns where it is not, or NULL. */
const char *export_not_json(const char *text);

#endif
