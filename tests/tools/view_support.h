/* view_support.h: traces to be looked at, and what is in a page of them. */
#ifndef LOAM_TEST_VIEW_SUPPORT_H
#define LOAM_TEST_VIEW_SUPPORT_H

#include "tools_support.h"

#include <loam/arena.h>
#include <loam/recorder.h>

/* A trace of version 2 in memory, and what its next events are of. */
typedef struct sink {
    unsigned char *bytes;
    size_t size, room;
    uint64_t time;
    uint16_t thread;
} sink;

/* Begins a trace; NULL names no program. view_end() ends it. */
loam_recorder *view_begin(sink *s, const char *program);
void view_end(loam_recorder *recorder);

/* A trace with all there is: two allocators, tags, four threads, a bulk, a rewind, resizes, alignment. */
void view_rich(sink *s);

/* Writes a file of the test's own; the name is static, one of a few. */
const char *view_file(const char *name, const void *bytes, size_t size);

/* A trace of version 1 with these records, of op, slot and size each. */
typedef struct view_call {
    uint8_t op;
    uint32_t slot;
    uint64_t size;
} view_call;
const char *view_plain(const char *name, const view_call *calls, size_t count);

/* Runs `loam view`, which must go well, with up to three more words. Removes the trace if it is one of
 * the test's own. Returns what was written, which is the caller's; a zero byte follows. */
char *view_made(const char *trace, size_t *size, const char *a, const char *b, const char *c);

/* The number, or the list of numbers, behind "name": after `from`. The list is the caller's. */
uint64_t view_get(const char *from, const char *name);
uint64_t *view_list(const char *from, const char *name, size_t *count);

#endif
