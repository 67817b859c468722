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

/* The sentinel for a size below small_end, which is a multiple of the granule. The sentinels of two
 * sizes lie two words apart, whatever the granule: so twice as far with units of half a granule. */
static inline block *ring_for(const loam_heap *heap, size_t size)
{
    return (block *)((uintptr_t)heap->rings + (size + (size & heap->each)) / (UNIT / WORD));
}

static inline bool ring_is_empty(const loam_heap *heap, const block *ring)
{
    return ring->next == link_to(heap, ring);
}

/* ---- rings ---- */

static inline void ring_push(loam_heap *heap, block *b, size_t size, word flags)
{
    size_t index = size / UNIT;
    block *ring = ring_for(heap, size);
    word self = link_to(heap, b), next = ring->next;

    heap->bits[index / 64] |= (uint64_t)1 << index % 64;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): no block lies at address 0 */
    b->head = link_to(heap, ring) | flags;
    block_at(heap, next)->head = self | flags;
    b->next = next;
    ring->next = self;
    heap->summary[index / 64] = 1;
}

/* A block has gone from between two others. If these are both the sentinel, the ring is empty: that
 * can't be foreseen, so it is no jump. */
static inline void note_if_empty(loam_heap *heap, word prev, word next, size_t size)
{
    size_t index = size / UNIT;

    heap->bits[index / 64] ^= (uint64_t)(prev == next) << index % 64;
}

/* Takes the newest block out. All heads of a ring have the same flags. */
static inline void ring_pop(loam_heap *heap, block *ring, const block *b, size_t size)
{
    word next = b->next;

    block_at(heap, next)->head = b->head;
    ring->next = next;
    note_if_empty(heap, link_to(heap, ring), next, size);
}

/* Takes a block out, wherever it is. */
static inline void ring_remove(loam_heap *heap, const block *b, size_t size)
{
    word head = b->head, next = b->next, prev = head & ~FLAGS;

    block_at(heap, next)->head = head;
    block_at(heap, prev)->next = next;
    note_if_empty(heap, prev, next, size);
}

static inline uint64_t load_summary(const loam_heap *heap, size_t half)
{
    uint64_t words;

    memcpy(&words, heap->summary + 8 * half, sizeof words);
    return loam_little_endian(words);
}

/* The index of the first word of the bits behind word `i` that is other than 0; 0: there is none.
 * Clears what it finds to be set for nothing in the summary. */
static inline size_t later_bits(loam_heap *heap, size_t i)
{
    size_t half = i / 8;
    uint64_t words = load_summary(heap, half) & ~(uint64_t)0xff << 8 * (i % 8);

    for (;;) {
        if (!words) {
            if (half != 0)
                return 0;
            words = load_summary(heap, ++half);
            continue;
        }
        i = half * 8 + loam_lowest_bit(words) / 8;
        if (LOAM_LIKELY(heap->bits[i] != 0))
            return i;
        heap->summary[i] = 0;
        words &= words - 1;
    }
}

/* The smallest size from `size` on whose ring has a block; 0: there is none. */
static inline size_t ring_find(loam_heap *heap, size_t size)
{
    size_t index = size / UNIT, i = index / 64;
    uint64_t bits = heap->bits[i] & ~(uint64_t)0 << index % 64;

    if (!bits) {
        i = later_bits(heap, i);
        if (i == 0)
            return 0;
        bits = heap->bits[i];
    }
    return (i * 64 + loam_lowest_bit(bits)) * UNIT;
}

/* ---- the current block: of a size that has a ring, but in none, and not tiny ---- */

static inline bool is_current(const loam_heap *heap, const block *b)
{
    return link_to(heap, b) == heap->current;
}

static inline void forget_current(loam_heap *heap)
{
    heap->current = heap->current_size = 0;
}

static inline void set_current(loam_heap *heap, block *b, size_t size)
{
    b->head = b->next = 0;
    write_size(b, size);
    heap->current = link_to(heap, b);
    heap->current_size = size;
}

/* ---- the top: a large block, but in no tree ---- */

static inline bool is_top(const loam_heap *heap, const block *b)
{
    return link_to(heap, b) == heap->top;
}

static inline void forget_top(loam_heap *heap)
{
    heap->top = heap->top_size = 0;
}

static inline void set_top(loam_heap *heap, block *b, size_t size)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a block is never at address 0 */
    b->head = b->next = 0;
    write_size(b, size);
    heap->top = link_to(heap, b);
    heap->top_size = size;
}

/* ---- blocks that are pending ---- */

static inline bool has_pending(const loam_heap *heap)
{
    return (heap->pending[0] | heap->pending[1]) != 0;
}

/* One of them. If there is none, it is the start of the control block: a word that is as the head of a
 * block larger than any, so that nobody has to ask. */
static inline block *block_pending(const loam_heap *heap, size_t i)
{
    return block_at(heap, heap->pending[i]);
}

/* Makes them free, if there are any. */
static inline void settle(loam_heap *heap)
{
    if (has_pending(heap))
        loam_heap_settle(heap);
}

/* ---- all free blocks ---- */

static inline void list_block(loam_heap *heap, block *b, size_t size)
{
    if (LOAM_LIKELY(size < heap->small_end)) {
        if (size != 2 * WORD)
            write_size(b, size);
        ring_push(heap, b, size, tiny_flag(size));
    } else if (!heap->top) {
        set_top(heap, b, size);
    } else {
        write_size(b, size);
        loam_heap_tree_insert(heap, b);
    }
}

static inline void unlist_block(loam_heap *heap, block *b, size_t size)
{
    if (is_current(heap, b))
        forget_current(heap);
    else if (LOAM_LIKELY(size < heap->small_end))
        ring_remove(heap, b, size);
    else if (is_top(heap, b))
        forget_top(heap);
    else
        loam_heap_tree_remove(heap, b);
}

/* ---- the edges of a block that becomes live ---- */

/* Whether more is live than ever was: room is less than 0. Where half of all sizes can be live it may be
 * more than that half, and is less than 0 if it exceeds the peak, since what is live is below 2^32. */
static inline bool is_new_peak(const loam_heap *heap, word room)
{
    return sizeof(word) > 4 ? (ptrdiff_t)room < 0 : room > heap->peak;
}

/* So many usable bytes more are live, or less. Returns `ptr`. */
static inline void *count_live(loam_heap *heap, size_t bytes, void *ptr)
{
    word room = heap->room - bytes;

    heap->room = room;
    if (LOAM_LIKELY(!is_new_peak(heap, room)))
        return ptr;
    if (has_pending(heap))
        return loam_heap_settle_peak(heap, ptr);
    heap->peak -= room;
    heap->room = 0;
    return ptr;
}

static inline void *make_live(loam_heap *heap, block *b, size_t size, size_t request, word flags)
{
    b->head = live_head(heap, b, size, request, flags);
    heap->blocks++;
    return count_live(heap, size - WORD, payload_of(b));
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

/* ---- where in a free block ---- */

/* Whether the first quarter of the newest region ends in a free block. As a rule that is the rest that
 * was never used, while most of the region is. Small blocks are cut from the end of others, but from the
 * start of this one: so no page is touched for the first time while those in front will do. Later it is
 * the end again, since small and large blocks that are apart leave larger holes. */
static inline bool spans_quarter(const loam_heap *heap, const block *b, size_t size)
{
    return heap->quarter - link_to(heap, b) < size;
}

/* ---- fresh memory ---- */

static inline bool has_fresh(const loam_heap *heap)
{
    return heap->fresh_low != heap->fresh_high;
}

/* Of the free block [b, b + size), [live, live_end) will be in use, and what is left in front and
 * behind gets heads and footers. */
static inline void spend_fresh(loam_heap *heap, const block *b, size_t size, const block *live,
                               const block *live_end)
{
    word low = link_to(heap, b), high = low + size;
    word from = link_to(heap, live), to = link_to(heap, live_end);

    if (LOAM_LIKELY(!has_fresh(heap)) || heap->fresh_low - low >= size)
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
