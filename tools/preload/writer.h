/* writer.h: how the preload library writes its log.
 *
 *   P2  a thread writes to a chunk of its own; nothing is shared on the fast path but the sequence
 *   P3  no descriptor stays open, because programs close those that they do not know
 *   P4  `writer_control->life` reads zero in a forked child, whatever call made it; so a child never
 *       writes to the log of its parent
 */
#ifndef LOAM_TOOLS_WRITER_H
#define LOAM_TOOLS_WRITER_H

#include "log.h"

#include <stdbool.h>
#include <stddef.h>

#define COLD __attribute__((noinline, cold))

/* Events that a call takes at most. */
enum { WRITER_CALL = 3 };

/* Of each thread. */
typedef struct writer {
    log_event *next; /* where it writes */
    uint64_t left;   /* so many events are free there */
    uint64_t life;   /* of the process that `next` is of */
    uint64_t time;   /* ticks that were noted last */
    uint32_t number; /* of the thread, from 1 */
    bool busy;       /* the library is at work in this thread */
} writer;

typedef struct writer_control_page {
    uint64_t life; /* of the process; never 0 while it is noted (P4) */
} writer_control_page;

extern __thread writer writer_mine __attribute__((tls_model("initial-exec")));
extern writer_control_page *writer_control;
extern uint64_t writer_sequence, writer_began; /* the latter in ticks */

/* Gives this thread room for a call. False: it is not noted, and counted if it was to be. */
COLD bool writer_find_room(writer *t);

static inline void writer_put(writer *t, unsigned op, uint64_t number, uint64_t place,
                              uint64_t size)
{
    log_event *event = t->next++;

    t->left--;
    event->second = log_second(number, size);
    __atomic_store_n(&event->first, log_first(op, number, place), __ATOMIC_RELEASE);
}

static inline void writer_note(unsigned op, unsigned align_log2, const void *block, size_t bytes)
{
    writer *t = &writer_mine;
    uint64_t address = (uint64_t)(uintptr_t)block, size = bytes, number, ticks;

    if (__builtin_expect(t->left < WRITER_CALL || t->life != writer_control->life || t->busy, 0) &&
        !writer_find_room(t))
        return;
    number = __atomic_fetch_add(&writer_sequence, 1, __ATOMIC_RELAXED);
    ticks = log_ticks();
    if (ticks - t->time >= LOG_TIME_STEP) {
        t->time = ticks;
        writer_put(t, LOG_TIME, number, (ticks - writer_began) >> 32, ticks - writer_began);
    }
    if (__builtin_expect(
            align_log2 != 0 || (address & 7) != 0 || address >> 48 != 0 || size >> 32 != 0, 0))
        writer_put(t, LOG_MORE, number, align_log2 | (address & 7) << 8 | address >> 48 << 11,
                   size >> 32);
    writer_put(t, op, number, address << 16 >> 19, size);
}

#endif
