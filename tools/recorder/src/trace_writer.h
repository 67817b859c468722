/* trace_writer.h: writes traces in the format of docs/traces.md, byte by byte into a sink.
 *
 * Whoever writes keeps the rules of the format: a slot is live where it is given or resized, free
 * where it is filled, and a new one is the next number. What items add up to is counted here.
 */
#ifndef LOAM_RECORDER_TRACE_WRITER_H
#define LOAM_RECORDER_TRACE_WRITER_H

#include <loam/base.h>

/* Operations, and kinds of texts, as the format has them. */
enum {
    LOAM_TRACE_END = 0,
    LOAM_TRACE_ALLOC = 1,
    LOAM_TRACE_ALLOC_ZEROED = 2,
    LOAM_TRACE_RESIZE = 3,
    LOAM_TRACE_FREE = 4,
    LOAM_TRACE_ALLOC_ALIGNED = 5,
    LOAM_TRACE_TIME = 6,
    LOAM_TRACE_TEXT = 7,
    LOAM_TRACE_SCOPE = 8,
    LOAM_TRACE_BULK = 9
};

enum {
    LOAM_TRACE_PROGRAM = 1,
    LOAM_TRACE_ALLOCATOR = 2,
    LOAM_TRACE_TAG = 3,
    LOAM_TRACE_THREAD = 4,
    LOAM_TRACE_MOST_TEXT = 4096
};

enum { LOAM_TRACE_HEAD = 64, LOAM_TRACE_BUFFER = 8192 };

/* Takes bytes; false: it cannot. */
typedef bool (*loam_trace_sink_fn)(void *context, const void *bytes, size_t size);

typedef struct loam_trace_writer {
    loam_trace_sink_fn sink;
    void *context;
    bool failed;    /* the sink refused; nothing more is written */
    bool plain;     /* version 1 */
    uint64_t items; /* of the trace, so far */
    uint64_t checksum, time, time_step;
    uint64_t slots, live_bytes, live_objects;
    uint64_t peak_bytes, peak_objects, total, requests, largest;
    uint32_t texts;                      /* written so far */
    uint32_t scope_allocator, scope_tag; /* that was told last, */
    uint16_t scope_thread;               /* of this thread; 0: none */
    size_t used;
    unsigned char buffer[LOAM_TRACE_BUFFER];
} loam_trace_writer;

/* What the head says; all zero is allowed. */
typedef struct loam_trace_about {
    bool plain;         /* version 1: only calls, and the head is told at the end */
    uint64_t start;     /* nanoseconds since 1970 */
    uint64_t process;   /* its number */
    uint64_t time_step; /* nanoseconds; times that differ by less are not told */
} loam_trace_about;

void loam_trace_writer_begin(loam_trace_writer *w, const loam_trace_about *about,
                             loam_trace_sink_fn sink, void *context);

/* What follows happened so many nanoseconds after the start; an earlier time counts as the last. */
void loam_trace_writer_time(loam_trace_writer *w, uint64_t nanoseconds);

/* A request that fills a free slot; `op` is one of the three. Returns the number of the item. */
uint64_t loam_trace_writer_alloc(loam_trace_writer *w, unsigned op, uint32_t slot,
                                 unsigned align_log2, uint16_t thread, uint64_t size);
void loam_trace_writer_resize(loam_trace_writer *w, uint32_t slot, uint16_t thread, uint64_t before,
                              uint64_t size);
void loam_trace_writer_free(loam_trace_writer *w, uint32_t slot, uint16_t thread, uint64_t before);

/* Writes a name, of which 4096 bytes are taken, and returns its number; `thread` is 0 unless it names
 * one. In version 1 nothing is written and the number is 0. */
uint32_t loam_trace_writer_text(loam_trace_writer *w, unsigned kind, uint16_t thread,
                                const char *text, size_t length);

/* What this thread fills from here on belongs to an allocator and has a tag, texts; 0: none. */
void loam_trace_writer_scope(loam_trace_writer *w, uint16_t thread, uint32_t allocator,
                             uint32_t tag);

/* An allocator gave back all that was filled at item `since` or later: so many blocks and bytes. Not
 * in version 1. */
void loam_trace_writer_bulk(loam_trace_writer *w, uint16_t thread, uint32_t allocator,
                            uint64_t since, uint64_t blocks, uint64_t bytes);

/* Ends the trace, of which `lost` calls are missing. False: the sink refused, now or before. */
bool loam_trace_writer_end(loam_trace_writer *w, uint64_t lost);

/* The head of version 1, which replaces the first bytes that were written. */
void loam_trace_writer_head(const loam_trace_writer *w, unsigned char head[LOAM_TRACE_HEAD]);

#endif
