/* trace_reader_internal.h: the reader, as its files know it.
 *
 *   R1  slots[s].held is 0 iff slot s is free, else its size and 1
 *   R2  the live slots of an allocator are linked, oldest first, in the order in which they were filled
 *   R3  `checksum` is that of all bytes before `at`
 *   R4  `slots` has room for as many as were used, or for as many as the head says if the file is long
 *       enough for them: never for what is only said
 */
#ifndef LOAM_TRACES_TRACE_READER_INTERNAL_H
#define LOAM_TRACES_TRACE_READER_INTERNAL_H

#include "traces/trace_reader.h"
#include "traces/trace_source.h"

/* Bytes of the file's head and of a record, and where the fields stand. */
enum {
    HEAD = 64,
    RECORD = 16,
    AT_COUNT = 8,
    AT_SLOTS = 16,
    AT_PEAK_BYTES = 24,
    AT_PEAK_OBJECTS = 32,
    AT_TOTAL = 40,
    AT_REQUESTS = 48,
    AT_LARGEST = 56,
    AT_OP = 4,
    AT_ALIGN = 5,
    AT_THREAD = 6,
    AT_SIZE = 8
};

/* The same in version 2. */
enum {
    AT_START = 8,
    AT_PROCESS = 16,
    AT_STEP = 24,
    AT_ZEROS = 32,
    OP_END = 0,
    END_SUMS = 7, /* words behind the end's item, and then the checksum */
    BUFFER = 1 << 16,
    THREADS = 1 << 16
};

/* No slot. */
#define NONE UINT32_MAX

typedef struct slot {
    uint64_t held; /* R1 */
    uint64_t born;
    uint32_t older, newer;   /* R2 */
    uint32_t allocator, tag; /* texts */
} slot;

typedef struct text {
    char *words;
    trace_text_kind kind;
    uint32_t newest; /* of the blocks of an allocator; or NONE */
} text;

typedef struct scope {
    uint32_t allocator, tag;
} scope;

struct trace_reader {
    trace_source source;
    trace_head head;
    trace_sums sums;
    uint64_t live_bytes, live_objects, time, checksum;
    uint64_t said[END_SUMS]; /* sums of version 1's head */
    slot *slots;
    size_t slot_room;
    text *texts; /* [0] stands for malloc */
    size_t text_count, text_room;
    scope *scopes;           /* of each thread; NULL: none has one */
    uint32_t bulk_allocator; /* while blocks of a bulk are told */
    uint64_t bulk_left;      /* how many are still to be told */
    uint16_t bulk_thread;
    bool grows; /* slots are numbered as they are first used */
    bool done;
    uint64_t at; /* bytes before buffer[next] */
    size_t next, filled;
    unsigned char buffer[BUFFER];
};

/* Looks at a call by itself, `at` bytes into the trace. */
bool trace_check_call(trace_reader *r, const trace_item *item, uint64_t at, trace_error *error);

/* Looks at a call in its place among the others, and does it. */
bool trace_follow_call(trace_reader *r, trace_item *item, uint64_t at, trace_error *error);

/* Empties a slot that is full, and tells of it. */
void trace_empty_slot(trace_reader *r, trace_item *item);

#endif
