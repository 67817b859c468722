/* trace_reader.h: reads a trace item by item; docs/traces.md has the format, in both versions.
 *
 *     trace_reader *r = trace_reader_open("words.mtr", &error);
 *     while (r && (got = trace_reader_next(r, &item, &error)) == TRACE_GOT)
 *         ... item ...
 *     if (!r || got == TRACE_WRONG)
 *         printf("at %llu: %s\n", (unsigned long long)error.offset, error.reason);
 *     trace_reader_close(r);
 *
 * Takes memory for the blocks and texts that a trace has, not for its length. What was told keeps
 * every promise of the format: a slot is live where it is given or resized, free where it is filled.
 * That the sums are true, and that nothing was cut off, is known at TRACE_DONE.
 */
#ifndef LOAM_TRACES_TRACE_READER_H
#define LOAM_TRACES_TRACE_READER_H

#include "traces/trace_error.h"

#include <stddef.h>

/* What an item is. The first five are calls of the program; version 1 has only these. */
typedef enum trace_op {
    TRACE_ALLOC = 1,
    TRACE_ALLOC_ZEROED = 2,
    TRACE_RESIZE = 3,
    TRACE_FREE = 4,
    TRACE_ALLOC_ALIGNED = 5,
    TRACE_TIME = 6,  /* what follows was later */
    TRACE_TEXT = 7,  /* a name */
    TRACE_SCOPE = 8, /* what a thread fills from here on, belongs there */
    TRACE_BULK = 9   /* an allocator gives many blocks back in one call; a TRACE_FREE that says
                        `bulk` follows for each of them, newest first */
} trace_op;

/* What a text names. */
typedef enum trace_text_kind {
    TRACE_TEXT_PROGRAM = 1,
    TRACE_TEXT_ALLOCATOR = 2,
    TRACE_TEXT_TAG = 3,
    TRACE_TEXT_THREAD = 4,
    TRACE_TEXT_KINDS
} trace_text_kind;

enum {
    TRACE_MOST_ALIGN_LOG2 = 30, /* a block is aligned to 2^this at most */
    TRACE_MOST_TEXT = 4096      /* bytes of one */
};

typedef struct trace_item {
    uint64_t size;   /* bytes wanted; 0 where a block is given; of TRACE_BULK: bytes given */
    uint64_t before; /* bytes that were wanted for the block that is resized or given; else 0 */
    uint64_t born;   /* which item filled the slot; of TRACE_BULK: the first that is given back */
    uint64_t blocks; /* of TRACE_BULK: how many are given */
    uint64_t time;   /* nanoseconds since the first one; 0 in version 1 */
    uint32_t slot;   /* which of the program's pointers; of TRACE_TEXT: its number */
    uint32_t allocator; /* text that names it; 0: malloc */
    uint32_t tag;       /* text that was given for the block; 0: none */
    uint16_t thread;    /* who called, from 1 */
    uint8_t op;         /* trace_op */
    uint8_t align_log2;
    bool bulk; /* of TRACE_FREE: goes with the TRACE_BULK before */
} trace_item;

/* What the records add up to. */
typedef struct trace_sums {
    uint64_t items;             /* of the file */
    uint64_t slots;             /* each item's slot is below */
    uint64_t peak_live_bytes;   /* the most that was wanted at one time, as the program asked */
    uint64_t peak_live_objects; /* and the most blocks */
    uint64_t total_bytes;       /* of all requests, resizes included */
    uint64_t requests;          /* how many asked for memory */
    uint64_t largest_request;
    uint64_t lost; /* calls that are not in the trace, as its end tells; 0 in version 1 */
} trace_sums;

/* What the head tells. */
typedef struct trace_head {
    unsigned version;   /* 1 or 2 */
    uint64_t start;     /* nanoseconds since 1970; 0: not known */
    uint64_t process;   /* number of the process; 0: not known */
    uint64_t time_step; /* time is told when so many nanoseconds went by; 0: not at all */
    uint64_t items;     /* how many there will be; UINT64_MAX: not known */
    uint64_t slots;     /* the same */
} trace_head;

typedef struct trace_reader trace_reader;

typedef enum trace_result { TRACE_GOT, TRACE_DONE, TRACE_WRONG } trace_result;

/* Opens a trace and reads its head; "-" is standard input. NULL: it is none, or memory ran out. */
trace_reader *trace_reader_open(const char *path, trace_error *error);

/* The same in memory, which stays the caller's and must stay as it is. */
trace_reader *trace_reader_open_memory(const void *bytes, size_t size, trace_error *error);

void trace_reader_close(trace_reader *reader);

const trace_head *trace_reader_head(const trace_reader *reader);

/* The next item. After TRACE_DONE and TRACE_WRONG there is none. */
trace_result trace_reader_next(trace_reader *reader, trace_item *item, trace_error *error);

/* What was read so far adds up to this. */
const trace_sums *trace_reader_sums(const trace_reader *reader);

/* Bytes and blocks that are live now. */
uint64_t trace_reader_live_bytes(const trace_reader *reader);
uint64_t trace_reader_live_objects(const trace_reader *reader);

/* Bytes of the trace, decompressed, that were read so far, and of all of it; 0: not known. */
uint64_t trace_reader_at(const trace_reader *reader);
uint64_t trace_reader_size(const trace_reader *reader);

/* A text by its number, with its kind; NULL: there is none. */
const char *trace_reader_text(const trace_reader *reader, uint32_t number, trace_text_kind *kind);

#endif
