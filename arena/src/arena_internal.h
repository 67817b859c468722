/* arena_internal.h: what the files of the arena share: its invariants and one-line accessors.
 *
 * The blocks of an arena, newest last; the first lies in the arena itself and describes the fixed
 * buffer, the reservation, or nothing at all where a plain chain has not begun:
 *
 *     first               block 2             block 3 = arena->block
 *     [######left_at. . ] [####left_at. . . ] [#####next. . . . |committed. . . . . .end]
 *      ^start 0            ^start = left's     ^start
 *
 * - I1  A block's start is the position at which the block before it was left; the first block's is
 *   0. A position that is both a block's end and the next one's start is in the next one.
 * - I2  base <= next <= committed <= end in the newest block; base <= left_at <= committed in the
 *   others.
 * - I3  [max(zero_from, next), committed) reads zero. While blocks are only pushed, zero_from may
 *   lie behind `next`: what is handed out above it was zero then. Each step back raises it.
 * - I4  arena->end <= committed and within the limit. arena->end - next is a multiple of the
 *   alignment, and so is next; or arena->end == next, and every push goes out of line.
 * - I5  arena->fast is the newest block or NULL. It is NULL when the arena is watched, has
 *   children, `next` is not aligned, or a mark may not be.
 * - I6  chained is the sum of the sizes of all blocks from the source, spare ones included.
 * - I7  Children are listed newest first, and each was born below the present position.
 * - I8  committed of the reservation is on a page of the arena, or at its end.
 * - I9  rose_at is at most the position, and all that is pushed from there on is padded to the
 *   present alignment or a lower one.
 *
 * An arena is *watched* in checked builds, under AddressSanitizer and Valgrind, and when it has a
 * logging callback. Then nothing is inline, and every edge is marked: what is not live is dead.
 */
#ifndef LOAM_ARENA_INTERNAL_H
#define LOAM_ARENA_INTERNAL_H

#include <loam/arena.h>

#include "internal/bits.h"
#include "internal/mark.h"
#include "internal/vm_cache.h"

/* Where the arena structure itself lies. */
enum {
    HOME_CALLER,      /* on the caller's storage */
    HOME_BUFFER,      /* at the start of the caller's buffer */
    HOME_RESERVATION, /* at the start of its reservation */
    HOME_SOURCE       /* at the start of a block from the source */
};

enum {
    ARENA_ALIGN_LIMIT = 64 << 10,  /* of auto_align */
    ARENA_KEEP_LEAST = 64 << 10,   /* what KEEP_DECAYING keeps at least */
    ARENA_COMMIT_STEP = 64 << 10,  /* the first commit; doubles ... */
    ARENA_COMMIT_LIMIT = 1 << 20,  /* ... up to this */
    ARENA_HUGE_FROM = 8 << 20,     /* huge pages by policy start here */
    ARENA_RESERVE_LEAST = 1 << 20, /* where the ladder ends */
    ARENA_BLOCK_PLAIN = 1 << 10,   /* first block of a plain chain */
    ARENA_BLOCK_BEHIND = 1 << 20,  /* first block behind a reservation */
    ARENA_BLOCK_LIMIT = 4 << 20,   /* what blocks grow to */
    ARENA_HEADER_ALIGN = 64        /* a created arena takes whole cache lines */
};

static inline size_t alignment_of(const loam_arena *arena)
{
    return arena->align_mask + 1;
}

/* Where `next` of a block is or was. */
static inline char *top_of(const loam_arena *arena, const loam_arena_block *block)
{
    return block == arena->block ? arena->next : block->left_at;
}

static inline size_t bytes_between(const char *from, const char *to)
{
    return (size_t)(to - from);
}

/* The bytes in front of the first block that hold the arena itself, with padding. */
static inline size_t own_size(const loam_arena *arena)
{
    return arena->home == HOME_CALLER ? 0 : bytes_between((const char *)arena, arena->first.base);
}

/* Whether blocks can be taken from the source. */
static inline bool can_chain(const loam_arena *arena)
{
    return arena->source.ops != NULL;
}

static inline bool is_reserved(const loam_arena *arena, const loam_arena_block *block)
{
    return block == &arena->first && arena->reservation != 0;
}

static inline void grow_block_size(loam_arena *arena)
{
    if (arena->block_size < arena->block_limit)
        arena->block_size = loam_min(arena->block_size * 2, arena->block_limit);
}

/* The bytes in front of a chained block's memory. */
static inline size_t block_header_size(void)
{
    return loam_round_up(sizeof(loam_arena_block), LOAM_MAX_ALIGN);
}

/* Takes note of how far the newest block was used, before its `next` goes down (I3). */
static inline void note_high(loam_arena *arena)
{
    if (arena->next <= arena->high) /* which is at or below zero_from, always */
        return;
    arena->high = arena->next;
    if (arena->next > arena->zero_from)
        arena->zero_from = arena->next;
}

/* Gives the newest block back where nothing stands in the way: no tool watches, no scope or child
 * began after it, and its end is `next`. False: it takes a closer look. */
static inline bool undo_newest(loam_arena *arena, char *ptr, size_t size)
{
    const loam_arena_block *block = arena->fast;
    size_t step = size + ((0 - size) & arena->align_mask);
    size_t used;

    if (LOAM_UNLIKELY(!block || (uintptr_t)arena->next - (uintptr_t)ptr != step))
        return false;
    used = bytes_between(block->base, arena->next);
    if (LOAM_UNLIKELY(step > used || block->start + used - step < arena->floor))
        return false;
    note_high(arena);
    arena->next = ptr;
    return true;
}

/* The highest position since the last clear. */
static inline size_t round_peak(const loam_arena *arena)
{
    const char *high = arena->next > arena->high ? arena->next : arena->high;
    size_t position = arena->block->start + bytes_between(arena->block->base, high);

    return loam_max(position, arena->round);
}

/* Sets arena->end and arena->fast from everything else (I4, I5). */
void loam_arena_refresh(loam_arena *arena);

/* Makes [ptr, ptr + size) dead for the tools, where the arena is watched. */
static inline void loam_arena_bury(const loam_arena *arena, const void *ptr, size_t size)
{
    if (arena->watched)
        loam_mark_dead(ptr, size);
}

/* Whether all values of a configuration are in their ranges. */
bool loam_arena_config_valid(const loam_arena_config *config);

/* Goes back to `next` in `block`, which is in the chain: ends younger children, leaves newer blocks
 * to the spare list. */
void loam_arena_go_back(loam_arena *arena, loam_arena_block *block, char *next);

/* Takes memory from a source, and tells how many bytes from its start may not read zero. Fresh
 * mappings read zero; what other sources hand out is unknown. */
static inline char *loam_arena_take_memory(loam_allocator source, size_t size, size_t *dirty)
{
    if (source.ops == &loam_vm_allocator_ops)
        return (char *)loam_vm_allocator_take(size, LOAM_MAX_ALIGN, dirty);
    *dirty = size;
    return (char *)loam_alloc(source, size, LOAM_MAX_ALIGN);
}

/* Gives a block back to the source. */
void loam_arena_drop_block(loam_arena *arena, loam_arena_block *block);

/* Ends all children that were born at `position` or later. */
void loam_arena_end_children(loam_arena *arena, size_t position);

/* Tells the callback of an arena that has one. */
void loam_arena_tell_log(const loam_arena *arena, loam_arena_event_kind kind, const void *ptr,
                         size_t size);

static inline void loam_arena_tell(const loam_arena *arena, loam_arena_event_kind kind,
                                   const void *ptr, size_t size)
{
    if (arena->log)
        loam_arena_tell_log(arena, kind, ptr, size);
}

#endif
