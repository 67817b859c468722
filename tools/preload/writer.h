/* writer.h: how the preload library writes its log.
 *
 *   P2  a thread writes to a chunk of its own; nothing is shared on the fast path but the sequence
 *   P3  no descriptor stays open, because programs close those that they do not know
 *   P4  `writer_control` reads zero in a forked child, whatever call made it; so a child never writes to
 *       the log of its parent, nor waits for a lock that a thread of its parent held. (Before Linux 4.14
 *       only in a child of fork(), which calls a handler of this library.)
 *   P6  what a signal handler asks for while its thread is at work here is lost, and counted
 */
#ifndef LOAM_TOOLS_WRITER_H
#define LOAM_TOOLS_WRITER_H

#include "log.h"

#include <stdbool.h>
#include <stddef.h>

#if defined(__has_include)
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define WRITER_KNOWS_ALONE 1
#endif
#endif

#define COLD __attribute__((noinline, cold))

/* Events that a call takes at most; and how many calls go by without a look at the clock where they are
 * dense: looking costs as much as all the rest. */
enum { WRITER_CALL = 3, WRITER_BLIND = 7 };

/* Bytes between an event and the line of the log that is fetched for later ones. */
enum { WRITER_AHEAD = 256 };

/* Of each thread. */
typedef struct writer {
    log_event *next; /* where it writes */
    uint64_t left;   /* so many events are free there */
    uint64_t life;   /* of the process that `next` is of */
    uint64_t time;   /* ticks that were noted last */
    uint64_t looked; /* ticks when the clock was looked at last */
    uint32_t number; /* of the thread, from 1 */
    uint8_t blind;   /* so many calls go by without a look at the clock */
    uint8_t busy;    /* writer_busy */
    bool over; /* it has ended, but for what others do at its end: each call hands its chunk back */
} writer;

/* Whether the library is at work in a thread. */
enum writer_busy { WRITER_IDLE, WRITER_WRITES, WRITER_PREPARES };

typedef struct writer_control_page {
    uint64_t life;   /* of the process; never 0 while it is noted (P4) */
    uint32_t locked; /* 1: a thread changes what threads share */
} writer_control_page;

extern __thread writer writer_mine __attribute__((tls_model("initial-exec")));
extern writer_control_page *writer_control;
extern uint64_t writer_sequence, writer_began; /* the latter in ticks */

/* Before anything is noted: makes the page that children don't see. */
COLD void writer_prepare(void);

/* Notes a call after finding room for it, or counts it as lost. */
COLD void writer_note_slowly(unsigned op, unsigned align_log2, const void *block, size_t bytes);

/* The next number of the sequence. An increment that others may see waits until what was written before has
 * left the processor's queue, which the log's fresh lines make long: so it is one only where there are others.
 * (In a signal handler there is none: P6.) */
static inline uint64_t writer_next_number(void)
{
#if WRITER_KNOWS_ALONE
    if (__libc_single_threaded)
        return writer_sequence++;
#endif
    return __atomic_fetch_add(&writer_sequence, 1, __ATOMIC_RELAXED);
}

static inline void writer_put(writer *t, unsigned op, uint64_t number, uint64_t place,
                              uint64_t size)
{
    log_event *event = t->next++;

    t->left--;
    __builtin_prefetch((char *)event + WRITER_AHEAD, 1);
    event->second = log_second(number, size);
    __atomic_store_n(&event->first, log_first(op, number, place), __ATOMIC_RELEASE);
}

/* Notes the time, if it is another one. After a pause up to WRITER_BLIND calls count as before it. */
static inline void writer_look(writer *t, uint64_t number)
{
    uint64_t ticks = log_ticks();

    t->blind = ticks - t->looked < LOG_TIME_STEP ? WRITER_BLIND : 0;
    t->looked = ticks;
    if (ticks - t->time >= LOG_TIME_STEP) {
        t->time = ticks;
        writer_put(t, LOG_TIME, number, (ticks - writer_began) >> 32, ticks - writer_began);
    }
}

/* There is room. */
static inline void writer_write(writer *t, unsigned op, unsigned align_log2, const void *block,
                                size_t bytes)
{
    uint64_t address = (uint64_t)(uintptr_t)block, size = bytes, number;

    number = writer_next_number();
    if (t->blind != 0)
        t->blind--;
    else
        writer_look(t, number);
    if (__builtin_expect(
            align_log2 != 0 || (address & 7) != 0 || address >> 48 != 0 || size >> 32 != 0, 0))
        writer_put(t, LOG_MORE, number, align_log2 | (address & 7) << 8 | address >> 48 << 11,
                   size >> 32);
    writer_put(t, op, number, address << 16 >> 19, size);
}

static inline void writer_note(unsigned op, unsigned align_log2, const void *block, size_t bytes)
{
    writer *t = &writer_mine;

    if (__builtin_expect(t->left < WRITER_CALL || t->life != writer_control->life ||
                             t->busy != WRITER_IDLE,
                         0)) {
        writer_note_slowly(op, align_log2, block, bytes);
        return;
    }
    t->busy = WRITER_WRITES;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    writer_write(t, op, align_log2, block, bytes);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    t->busy = WRITER_IDLE;
}

#endif
