/* limits_heap.c: for heaps, the simplest correct code: a list of free blocks for each of a few sizes,
 * four to a doubling, filled from one piece of memory, front to back. A block keeps its size for ever:
 * nothing is split or merged, and what was freed helps no other size. */
#include "bench_limits.h"

#include <loam/base.h>

enum { CLASSES = 160, HEADER = 16 };

typedef struct free_block {
    struct free_block *next;
} free_block;

typedef struct lists {
    free_block *of[CLASSES];
    char *fresh, *end;
} lists;

/* Classes are 16, 32, 48, 64, and from there on four between a power of two and the next. */
static inline __attribute__((always_inline)) uint32_t class_of(size_t size, size_t *rounded)
{
    uint32_t log, shift;

    if (size <= 64) {
        *rounded = (size + 15) & ~(size_t)15;
        return (uint32_t)((size - 1) / 16);
    }
    log = 63 - (uint32_t)__builtin_clzll(size - 1);
    shift = log - 2;
    *rounded = (((size - 1) >> shift) + 1) << shift;
    return (log - 6) * 4 + (uint32_t)((size - 1) >> shift);
}

static void *lists_open(void *buffer, size_t size)
{
    size_t taken = (sizeof(lists) + 15) & ~(size_t)15;
    lists *l = buffer;

    if (size < taken)
        return NULL;
    *l = (lists){.fresh = (char *)buffer + taken, .end = (char *)buffer + size};
    return l;
}

static void lists_close(void *heap)
{
    (void)heap;
}

static LOAM_COLD void *lists_fresh(lists *l, size_t rounded, uint32_t cls)
{
    char *block = l->fresh + HEADER;

    if ((size_t)(l->end - l->fresh) < rounded + HEADER)
        return NULL;
    l->fresh = block + rounded;
    ((uint32_t *)(void *)block)[-1] = cls;
    return block;
}

static inline __attribute__((always_inline)) void *lists_get(lists *l, size_t size)
{
    size_t rounded;
    uint32_t cls = class_of(size, &rounded);
    free_block *block = l->of[cls];

    if (LOAM_UNLIKELY(!block))
        return lists_fresh(l, rounded, cls);
    l->of[cls] = block->next;
    return block;
}

static inline __attribute__((always_inline)) void lists_give(lists *l, void *block)
{
    free_block *given = block;
    uint32_t cls = ((uint32_t *)block)[-1];

    given->next = l->of[cls];
    l->of[cls] = given;
}

static void *lists_zeroed(lists *l, size_t size)
{
    void *block = lists_get(l, size);

    return block ? loam_bench_zero(block, size) : NULL;
}

static void *lists_resize(lists *l, void *block, size_t old, size_t size)
{
    size_t rounded;
    void *moved;

    if (class_of(size, &rounded) == ((uint32_t *)block)[-1])
        return block;
    moved = lists_get(l, size);
    if (!moved)
        return NULL;
    memcpy(moved, block, old < size ? old : size);
    lists_give(l, block);
    return moved;
}

static void *lists_aligned(lists *l, size_t size, size_t align)
{
    return align <= 16 ? lists_get(l, size) : NULL;
}

#define LISTS_SELF(opaque)         ((lists *)(opaque))
#define LISTS_GIVE(l, block, size) lists_give(l, block)

LOAM_BENCH_HEAPS(lists, lists *, LISTS_SELF, lists_get, lists_zeroed, lists_aligned, lists_resize,
                 LISTS_GIVE)

const loam_bench_heap bench_limit_heap_lists = {16, lists_open, lists_close, 0,
                                                LOAM_BENCH_HEAP_TABLE(lists)};
