/* front.h: the lists of free blocks, inline: rings of one size each for small ones, the tree for all
 * others.
 *
 *     bits    0 0 1 0 0 1 ...
 *                 |     |
 *     rings   [ sentinel ] <-> newest <-> ... <-> oldest <-> (sentinel)
 */
#ifndef LOAM_HEAP_FRONT_H
#define LOAM_HEAP_FRONT_H

#include "tree.h"

static inline block *ring_at(const loam_heap *heap, size_t index)
{
    return (block *)((uintptr_t)heap->rings + 2 * WORD * index);
}

/* ---- rings ---- */

static inline void ring_push(loam_heap *heap, block *b, size_t size)
{
    size_t index = size >> heap->shift;
    block *ring = ring_at(heap, index);
    word flags = tiny_flag(size), self = link_to(heap, b);

    b->head = link_to(heap, ring) | flags;
    b->next = ring->next;
    block_at(heap, ring->next)->head = self | flags;
    ring->next = self;
    heap->bits[index / 64] |= (uint64_t)1 << index % 64;
}

/* Takes a block out, wherever it is in its ring. All heads of a ring have the same flags. */
static inline void ring_remove(loam_heap *heap, block *b, size_t size)
{
    word prev = b->head & ~FLAGS, next = b->next;

    block_at(heap, next)->head = b->head;
    block_at(heap, prev)->next = next;
    if (next == prev) { /* only the sentinel is left */
        size_t index = size >> heap->shift;

        heap->bits[index / 64] &= ~((uint64_t)1 << index % 64);
    }
}

/* The index of the first ring from `index` on that has a block; 0: there is none. */
static inline size_t ring_find(const loam_heap *heap, size_t index)
{
    size_t i = index / 64;
    uint64_t bits = heap->bits[i] >> index % 64;

    if (bits)
        return index + loam_lowest_bit(bits);
    while (++i < RINGS_MOST / 64) {
        if (heap->bits[i])
            return i * 64 + loam_lowest_bit(heap->bits[i]);
    }
    return 0;
}

/* ---- all free blocks ---- */

static inline void list_block(loam_heap *heap, block *b, size_t size)
{
    if (size != 2 * WORD) {
        b->size = size;
        *footer_before(behind(b, size)) = size;
    }
    if (LOAM_LIKELY(size < heap->small_end))
        ring_push(heap, b, size);
    else
        loam_heap_tree_insert(heap, b);
}

static inline void unlist_block(loam_heap *heap, block *b, size_t size)
{
    if (LOAM_LIKELY(size < heap->small_end))
        ring_remove(heap, b, size);
    else
        loam_heap_tree_remove(heap, b);
}

/* ---- the edges of a block that becomes live ---- */

static inline void *make_live(loam_heap *heap, block *b, size_t size, size_t request, word flags)
{
    size_t live = heap->live + size - WORD;

    b->head = live_head(heap, b, size, request, flags);
    heap->blocks++;
    heap->live = live;
    if (live > heap->peak)
        heap->peak = live;
    return payload_of(b);
}

static inline void tell_next_live(const block *b, size_t size)
{
    behind(b, size)->head &= ~(PREV_FREE | TINY);
}

static inline void tell_next_free(const block *b, size_t size)
{
    block *next = behind(b, size);

    next->head = (next->head & ~TINY) | PREV_FREE | tiny_flag(size);
}

/* ---- fresh memory ---- */

/* Of the free block [b, b + size), [live, live_end) will be in use, and what is left in front and
 * behind gets heads and footers. */
static inline void spend_fresh(loam_heap *heap, const block *b, size_t size, const block *live,
                               const block *live_end)
{
    word low = link_to(heap, b), high = low + size;
    word from = link_to(heap, live), to = link_to(heap, live_end);

    if (LOAM_LIKELY(heap->fresh_low == heap->fresh_high) || heap->fresh_low - low >= size)
        return;
    heap->spent_low = heap->fresh_low;
    heap->spent_high = heap->fresh_high;
    if (from - low >= high - to && from - low >= heap->small_end) {
        heap->fresh_high = loam_min(heap->fresh_high, from - WORD);
    } else if (high - to >= heap->small_end) {
        heap->fresh_low = loam_max(heap->fresh_low, to + sizeof(block));
    } else {
        heap->fresh_high = heap->fresh_low;
    }
    if (heap->fresh_high < heap->fresh_low)
        heap->fresh_high = heap->fresh_low;
}

#endif
