/* peer_heap.h: what peer.h is for arenas, arrays and pools, for a heap: blocks of any size, given back
 * in any order, inside memory that the caller hands over. A whole peer is
 *
 *     #include "peer_heap.h"
 *     #include <my_heap.h>
 *
 *     static void *my_open(void *buffer, size_t size) { return my_heap_make(buffer, size); }
 *     static void my_close(void *heap) { (void)heap; }
 *
 *     #define MY_SELF(opaque)                    ((my_heap *)(opaque))
 *     #define MY_GET(heap, size)                 my_heap_alloc(heap, size)
 *     #define MY_ZEROED(heap, size)              my_heap_calloc(heap, size)
 *     #define MY_ALIGNED(heap, size, align)      my_heap_memalign(heap, align, size)
 *     #define MY_RESIZE(heap, block, old, size)  my_heap_realloc(heap, block, size)
 *     #define MY_GIVE(heap, block, size)         my_heap_free(heap, block)
 *
 *     LOAM_BENCH_HEAPS(mine, my_heap *, MY_SELF, MY_GET, MY_ZEROED, MY_ALIGNED, MY_RESIZE, MY_GIVE)
 *
 *     static const loam_bench_heap heap = {16, my_open, my_close, 0, LOAM_BENCH_HEAP_TABLE(mine)};
 *     static const loam_bench_peer peer = {LOAM_BENCH_PEER_VERSION, "my_heap", NULL, NULL, NULL,
 *                                          NULL, &heap};
 *
 *     const loam_bench_peer *loam_bench_get_peer(void) { return &peer; }
 *
 * It needs copies of this file and of peer.h.
 */
#ifndef LOAM_BENCH_PEER_HEAP_H
#define LOAM_BENCH_PEER_HEAP_H

#include "peer.h"

#if !defined __x86_64__ && !defined __i386__
#include <time.h>
#endif

/* What a step of a recorded program does. */
enum {
    LOAM_BENCH_GET = 1,
    LOAM_BENCH_GET_ZEROED,
    LOAM_BENCH_RESIZE,
    LOAM_BENCH_GIVE,
    LOAM_BENCH_GET_ALIGNED
};

/* One step. Behind the last one there are LOAM_BENCH_AHEAD more that only name a slot. */
typedef struct loam_bench_step {
    uint32_t slot;   /* which of the program's pointers */
    uint32_t size;   /* bytes wanted, at least 1; 0 where a block is given */
    uint32_t before; /* bytes that were wanted for the block that is given or resized; else 0 */
    uint8_t op;      /* LOAM_BENCH_GET, ... */
    uint8_t align_log2;
    uint16_t unused;
} loam_bench_step;

enum { LOAM_BENCH_AHEAD = 8 };

/* Blocks that come and go in any order: before each block is taken so many are given, drawn among
 * the live ones, that the bytes that are live stay at what is held. */
typedef struct loam_bench_churn {
    void **blocks; /* the live ones, room for `most` */
    uint32_t *sizes;
    size_t live, most;
    uint64_t bytes; /* of the live ones, as they were wanted */
    uint64_t held;
    const uint32_t *drawn; /* the sizes to take, over and over; a power of two of them */
    size_t drawn_count, next;
    uint64_t state;      /* of loam_bench_draw() */
    uint64_t operations; /* blocks taken and given, and requests that failed */
    uint64_t failures;
} loam_bench_churn;

/* Anything that manages memory of the caller's, and malloc. */
typedef struct loam_bench_heap {
    size_t granule; /* bytes that blocks are multiples of; two heaps are compared at the same one */
    /* Makes a heap in `size` bytes at `buffer`, which lies at a page. NULL: they are too few. */
    void *(*open)(void *buffer, size_t size);
    /* Ends it, whatever is live in it. */
    void (*close)(void *heap);
    /* Whether several threads may use it at the same time. */
    int shared;
    /* Does the steps until one fails. Returns how many were done. */
    size_t (*replay)(void *heap, void **blocks, const loam_bench_step *steps, size_t count);
    /* The same; the ticks that each step took are written to ticks[] where they are fewer than what
     * stands there. */
    size_t (*replay_timed)(void *heap, void **blocks, const loam_bench_step *steps, size_t count,
                           uint32_t *ticks);
    /* Takes `count` blocks, some of which may fail, as `churn` says. */
    void (*churn)(void *heap, loam_bench_churn *churn, size_t count);
    /* Gives blocks until so many bytes are live at most. */
    void (*shrink)(void *heap, loam_bench_churn *churn, uint64_t bytes);
} loam_bench_heap;

/* A clock for single steps. */
static inline __attribute__((always_inline, unused)) uint64_t loam_bench_ticks(void)
{
#if defined __x86_64__ || defined __i386__
    uint32_t low, high;

    __asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
#else
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
#endif
}

/* Stores into each page of a block that was not there before. */
static inline __attribute__((always_inline, unused)) void loam_bench_touch(void *block, size_t from,
                                                                           size_t to)
{
    unsigned char *bytes = (unsigned char *)block;

    for (size_t at = (from + 4095) & ~(size_t)4095; at < to; at += 4096)
        bytes[at] = 1;
    LOAM_BENCH_USE(block);
}

/* One step, with what stands around it. `start` and `stop` are empty where nobody asks the time. */
#define LOAM_BENCH_STEP(heap, get, zeroed, aligned, resize, give, start, stop)                     \
    const loam_bench_step *step = &steps[i];                                                       \
    void **place = &blocks[step->slot], *block = NULL;                                             \
                                                                                                   \
    __builtin_prefetch(&blocks[steps[i + LOAM_BENCH_AHEAD].slot], 1);                              \
    start;                                                                                         \
    switch (step->op) {                                                                            \
    case LOAM_BENCH_GET:                                                                           \
        block = get(heap, step->size);                                                             \
        break;                                                                                     \
    case LOAM_BENCH_GET_ZEROED:                                                                    \
        block = zeroed(heap, step->size);                                                          \
        break;                                                                                     \
    case LOAM_BENCH_RESIZE:                                                                        \
        block = resize(heap, *place, step->before, step->size);                                    \
        break;                                                                                     \
    case LOAM_BENCH_GIVE:                                                                          \
        give(heap, *place, step->before);                                                          \
        break;                                                                                     \
    default:                                                                                       \
        block = aligned(heap, step->size, (size_t)1 << step->align_log2);                          \
        break;                                                                                     \
    }                                                                                              \
    stop;                                                                                          \
    if (step->op != LOAM_BENCH_GIVE) {                                                             \
        if (!block)                                                                                \
            return i;                                                                              \
        *place = block;                                                                            \
        loam_bench_touch(block, step->op == LOAM_BENCH_RESIZE ? step->before : 0, step->size);     \
    }                                                                                              \
    LOAM_BENCH_USE(opaque);

#define LOAM_BENCH_START uint64_t began = loam_bench_ticks()
#define LOAM_BENCH_STOP                                                                            \
    uint64_t took = loam_bench_ticks() - began;                                                    \
    if (took < ticks[i])                                                                           \
    ticks[i] = (uint32_t)took

/* The functions of a table. `type heap = self(opaque)` is what open() gave, as the others want it.
 * get(heap, size), zeroed(heap, size), aligned(heap, size, align) and resize(heap, block, old size,
 * size) give NULL where there is no room; give(heap, block, size). No size is 0. */
#define LOAM_BENCH_HEAPS(name, type, self, get, zeroed, aligned, resize, give)                     \
    static size_t name##_replay(void *opaque, void **blocks, const loam_bench_step *steps,         \
                                size_t count)                                                      \
    {                                                                                              \
        type heap = self(opaque);                                                                  \
                                                                                                   \
        (void)heap;                                                                                \
        for (size_t i = 0; i < count; i++) {                                                       \
            LOAM_BENCH_STEP(heap, get, zeroed, aligned, resize, give, , )                          \
        }                                                                                          \
        return count;                                                                              \
    }                                                                                              \
                                                                                                   \
    static size_t name##_replay_timed(void *opaque, void **blocks, const loam_bench_step *steps,   \
                                      size_t count, uint32_t *ticks)                               \
    {                                                                                              \
        type heap = self(opaque);                                                                  \
                                                                                                   \
        (void)heap;                                                                                \
        for (size_t i = 0; i < count; i++) {                                                       \
            LOAM_BENCH_STEP(heap, get, zeroed, aligned, resize, give, LOAM_BENCH_START,            \
                            LOAM_BENCH_STOP)                                                       \
        }                                                                                          \
        return count;                                                                              \
    }                                                                                              \
                                                                                                   \
    static inline __attribute__((always_inline)) void name##_give_one(type heap, void *opaque,     \
                                                                      loam_bench_churn *c)         \
    {                                                                                              \
        size_t at = loam_bench_draw(&c->state, c->live);                                           \
                                                                                                   \
        (void)heap;                                                                                \
        give(heap, c->blocks[at], c->sizes[at]);                                                   \
        LOAM_BENCH_USE(opaque);                                                                    \
        c->bytes -= c->sizes[at];                                                                  \
        c->live--;                                                                                 \
        c->blocks[at] = c->blocks[c->live];                                                        \
        c->sizes[at] = c->sizes[c->live];                                                          \
        c->operations++;                                                                           \
    }                                                                                              \
                                                                                                   \
    static void name##_churn(void *opaque, loam_bench_churn *c, size_t count)                      \
    {                                                                                              \
        type heap = self(opaque);                                                                  \
                                                                                                   \
        (void)heap;                                                                                \
        for (size_t i = 0; i < count; i++) {                                                       \
            uint32_t size = c->drawn[c->next++ & (c->drawn_count - 1)];                            \
            void *block;                                                                           \
                                                                                                   \
            while (c->live > 0 && (c->bytes + size > c->held || c->live == c->most))               \
                name##_give_one(heap, opaque, c);                                                  \
            block = get(heap, size);                                                               \
            c->operations++;                                                                       \
            if (!block) {                                                                          \
                c->failures++;                                                                     \
                continue;                                                                          \
            }                                                                                      \
            loam_bench_touch(block, 0, size);                                                      \
            c->blocks[c->live] = block;                                                            \
            c->sizes[c->live++] = size;                                                            \
            c->bytes += size;                                                                      \
            LOAM_BENCH_USE(opaque);                                                                \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    static void name##_shrink(void *opaque, loam_bench_churn *c, uint64_t bytes)                   \
    {                                                                                              \
        type heap = self(opaque);                                                                  \
                                                                                                   \
        (void)heap;                                                                                \
        while (c->bytes > bytes)                                                                   \
            name##_give_one(heap, opaque, c);                                                      \
    }

/* Those functions as the initialiser of the end of a loam_bench_heap. */
#define LOAM_BENCH_HEAP_TABLE(name) name##_replay, name##_replay_timed, name##_churn, name##_shrink

#endif
