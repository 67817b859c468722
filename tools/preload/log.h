/* log.h: what the preload library writes while a program runs, and `loam record` turns into a trace.
 *
 * A file is a head of LOG_HEAD bytes and chunks of LOG_CHUNK bytes. A chunk belongs to one thread at a
 * time and is filled from its start with events; what was not written reads zero. The order of all
 * events is that of their numbers, which ascend within a chunk.
 *
 * The file is mapped: what was written is there, whatever ends the program. The word with the
 * operation is written last, so an event is there whole or not at all. Numbers are the machine's.
 */
#ifndef LOAM_TOOLS_LOG_H
#define LOAM_TOOLS_LOG_H

#include <stdint.h>

enum {
    LOG_HEAD = 1 << 16, /* a multiple of every page size */
    LOG_CHUNK = 1 << 18,
    LOG_EVENTS = LOG_CHUNK / 16,
    LOG_RESERVED = 3, /* events at the end of a chunk that are never filled; the first stays zero */
    LOG_WORDS = 4096
};

/* Operations. Requests are noted after they were met, and what is given before it is. */
enum {
    LOG_ALLOC = 1,
    LOG_ALLOC_ZEROED = 2,
    LOG_ALLOC_ALIGNED = 3,
    LOG_FREE = 4,
    LOG_RESIZE_BEGIN = 5, /* of the block at the address */
    LOG_RESIZE_END =
        6,          /* of the same thread's block: it is at the address now; 0: it failed, or gave
                             the block back where the size is 0 */
    LOG_THREAD = 7, /* the chunk belongs to thread number `place` from here on */
    LOG_NAME = 8,   /* four bytes of its name in `place`, four in the size; comes twice */
    LOG_TIME = 9,   /* what follows was later: ticks since the head's, 32 high bits in `place` */
    LOG_MORE = 10   /* what the next event of the chunk has no room for: `place` is its
                             alignment's logarithm, the three low bits of its address << 8, and the 16
                             high ones << 11; the size is the 32 high bits of its size */
};

/* Of an event:
 *
 *      63                         19 18         4 3   0    63         32 31          0
 *     +-----------------------------+------------+-----+  +-------------+-------------+
 *     | place: bits 3-47 of address | number, lo | op  |  | number, hi  | size        |
 *     +-----------------------------+------------+-----+  +-------------+-------------+
 *      first word, written last                            second word
 *
 * The number is that of the sequence; events that only prepare the next one have its number. */
typedef struct log_event {
    uint64_t first, second;
} log_event;

/* A new time is noted after so many ticks, some microseconds: less than what traces tell. */
#define LOG_TIME_STEP ((uint64_t)1 << 14)

static inline uint64_t log_first(unsigned op, uint64_t number, uint64_t place)
{
    return place << 19 | (number & 0x7fff) << 4 | op;
}

static inline uint64_t log_second(uint64_t number, uint64_t size)
{
    return number >> 15 << 32 | (size & 0xffffffff);
}

static inline uint64_t log_number(uint64_t first, uint64_t second)
{
    return second >> 32 << 15 | (first >> 4 & 0x7fff);
}

typedef struct log_head {
    char magic[8];         /* LOG_MAGIC */
    uint32_t event, chunk; /* bytes of one */
    uint64_t process;      /* its number */
    uint64_t start;        /* nanoseconds since 1970 */
    uint64_t clock,
        ticks;     /* the same moment by the monotonic clock, in nanoseconds, and in ticks */
    uint64_t lost; /* calls that were not written */
    uint64_t limit_reached; /* 1: because the log has its greatest size; 2: the system refused */
    char words[LOG_WORDS];  /* the command, its words ended by zeros */
} log_head;

#define LOG_MAGIC "LOAMLOG1"

/* A clock that costs little and runs evenly. */
#if defined(__x86_64__) || defined(__i386__)
static inline uint64_t log_ticks(void)
{
    return __builtin_ia32_rdtsc();
}
#elif defined(__aarch64__)
static inline uint64_t log_ticks(void)
{
    uint64_t ticks;

    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}
#else
#include <time.h>
static inline uint64_t log_ticks(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
#endif

#endif
