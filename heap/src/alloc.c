/* alloc.c: finding a free block, and cutting a live one out of it. */
#include "front.h"

/* ---- cutting ---- */

/*   |            free             |            |     rest     |     live     |
 *   b                             b + size     b              b + rest
 *
 * What is left goes into a ring. If it is tiny, the two words with its size are overwritten at once, by
 * its own link and by the live block's head. */
static inline void *cut_behind(loam_heap *heap, block *b, size_t size, size_t need, size_t request)
{
    size_t rest = size - need;
    block *live = behind(b, rest);
    word tiny = tiny_flag(rest);

    tell_next_live(b, size);
    if (LOAM_UNLIKELY(rest < SMALLEST))
        return make_live(heap, b, size, request, 0);
    write_size(b, rest);
    ring_push(heap, b, rest, tiny);
    return make_live(heap, live, need, request, PREV_FREE | tiny);
}

/*   |            free             |            |     live     |     rest     |
 *   b                             b + size     b              b + need                        */
static inline void *cut_front(loam_heap *heap, block *b, size_t size, size_t need, size_t request)
{
    size_t rest = size - need;
    block *left = behind(b, need);

    if (LOAM_UNLIKELY(rest < SMALLEST)) {
        tell_next_live(b, size);
        return make_live(heap, b, size, request, 0);
    }
    list_block(heap, left, rest);
    tell_next_free(left, rest);
    return make_live(heap, b, need, request, 0);
}

void *loam_heap_cut(loam_heap *heap, block *b, size_t size, size_t pad, size_t need, size_t request)
{
    word flags = 0;

    spend_fresh(heap, b, size, behind(b, pad), behind(b, pad + need));
    if (pad == 0)
        return cut_front(heap, b, size, need, request);
    list_block(heap, b, pad);
    flags = PREV_FREE | tiny_flag(pad);
    b = behind(b, pad);
    size -= pad;
    if (size - need < SMALLEST) {
        tell_next_live(b, size);
        need = size;
    } else {
        list_block(heap, behind(b, need), size - need);
        tell_next_free(behind(b, need), size - need);
    }
    return make_live(heap, b, need, request, flags);
}

/* ---- any size ---- */

/* The current block's end: what is left is tiny, or nothing. */
static LOAM_NOINLINE void *take_last_of_current(loam_heap *heap, size_t need, size_t request)
{
    block *b = block_at(heap, heap->current);
    size_t size = heap->current_size;

    forget_current(heap);
    return cut_behind(heap, b, size, need, request);
}

/* A small block out of the current one. */
static inline void *take_from_current(loam_heap *heap, size_t need, size_t request)
{
    block *b = block_at(heap, heap->current);
    size_t rest = heap->current_size - need;
    block *live = behind(b, rest);

    if (LOAM_UNLIKELY(rest <= SMALLEST))
        return take_last_of_current(heap, need, request);
    write_size(b, rest);
    heap->current_size = rest;
    tell_next_live(live, need);
    return make_live(heap, live, need, request, PREV_FREE);
}

/* A small block out of one that nothing lists any more. What is left is the current block then, and
 * what that was goes into its ring. */
static inline void *take_and_go_on(loam_heap *heap, block *b, size_t size, size_t need,
                                   size_t request)
{
    size_t rest = size - need;
    block *live = behind(b, rest);

    if (LOAM_UNLIKELY(rest <= SMALLEST || rest > CURRENT_MOST))
        return cut_behind(heap, b, size, need, request);
    if (heap->current_size)
        ring_push(heap, block_at(heap, heap->current), heap->current_size, 0);
    set_current(heap, b, rest);
    tell_next_live(live, need);
    return make_live(heap, live, need, request, PREV_FREE);
}

/* A small block out of one of a ring for a bigger size. */
static LOAM_NOINLINE void *take_from_ring(loam_heap *heap, size_t size, size_t need, size_t request)
{
    block *ring = ring_for(heap, size), *b = block_at(heap, ring->next);

    ring_pop(heap, ring, b, size);
    return take_and_go_on(heap, b, size, need, request);
}

/* A small block out of the first of the tree, of which nothing will be left for the tree. */
static LOAM_NOINLINE void *take_first(loam_heap *heap, block *b, size_t need, size_t request)
{
    size_t size = b->size;

    spend_fresh(heap, b, size, behind(b, size - need), behind(b, size));
    loam_heap_tree_remove(heap, b);
    return take_and_go_on(heap, b, size, need, request);
}

/* A block from the start of one of the tree. */
static LOAM_NOINLINE void *take_start(loam_heap *heap, block *b, size_t need, size_t request)
{
    size_t size = b->size;

    spend_fresh(heap, b, size, b, behind(b, need));
    if (size - need >= heap->small_end) {
        loam_heap_tree_change(heap, b, behind(b, need), size - need);
        return make_live(heap, b, need, request, 0);
    }
    loam_heap_tree_remove(heap, b);
    return cut_front(heap, b, size, need, request);
}

/* A block out of the top, of which so little is left that it is none any more. */
static LOAM_NOINLINE void *take_last_of_top(loam_heap *heap, size_t need, size_t request)
{
    block *b = block_at(heap, heap->top);
    size_t size = heap->top_size;

    forget_top(heap);
    if (need < heap->small_end) {
        spend_fresh(heap, b, size, behind(b, size - need), behind(b, size));
        return take_and_go_on(heap, b, size, need, request);
    }
    spend_fresh(heap, b, size, b, behind(b, need));
    return cut_front(heap, b, size, need, request);
}

/* A block out of the top, which can hold it: from its start, but small ones from its end once less than
 * three quarters of the region are left of it. */
static inline void *cut_top(loam_heap *heap, size_t need, size_t request, bool fresh)
{
    block *b = block_at(heap, heap->top), *live;
    size_t size = heap->top_size, rest = size - need;

    if (LOAM_LIKELY(need >= heap->small_end || spans_quarter(heap, b, size))) {
        if (fresh)
            spend_fresh(heap, b, size, b, behind(b, need));
        set_top(heap, behind(b, need), rest);
        return make_live(heap, b, need, request, 0);
    }
    live = behind(b, rest);
    if (fresh)
        spend_fresh(heap, b, size, live, behind(b, size));
    write_size(b, rest);
    heap->top_size = rest;
    tell_next_live(live, need);
    return make_live(heap, live, need, request, PREV_FREE);
}

static LOAM_NOINLINE void *take_from_fresh_top(loam_heap *heap, size_t need, size_t request)
{
    return cut_top(heap, need, request, true);
}

static LOAM_NOINLINE void *take_from_top(loam_heap *heap, size_t need, size_t request)
{
    if (LOAM_UNLIKELY(heap->top_size - need < heap->small_end))
        return take_last_of_top(heap, need, request);
    if (LOAM_UNLIKELY(has_fresh(heap)))
        return take_from_fresh_top(heap, need, request);
    return cut_top(heap, need, request, false);
}

/* A small block out of the first one of the tree, where fresh memory may be, or nothing is left for the
 * tree, or it is cut from the start. */
static LOAM_NOINLINE void *take_from_first_odd(loam_heap *heap, size_t need, size_t request)
{
    block *b = block_in_tree(heap, heap->smallest), *live;
    size_t size = b->size;

    if (size - need < heap->small_end)
        return take_first(heap, b, need, request);
    if (spans_quarter(heap, b, size))
        return take_start(heap, b, need, request);
    live = behind(b, size - need);
    spend_fresh(heap, b, size, live, behind(b, size));
    write_size(b, size - need);
    tell_next_live(live, need);
    return make_live(heap, live, need, request, PREV_FREE);
}

/* A small block out of the first one of the tree or the top, if there is one. All in the tree are big enough, and
 * the first stays the first as it gets smaller. */
static inline void *take_from_first(loam_heap *heap, size_t need, size_t request)
{
    block *b = block_in_tree(heap, heap->smallest), *live;
    size_t size;

    if (!heap->smallest)
        return heap->top ? take_from_top(heap, need, request) : NULL;
    size = b->size;
    if (heap->top_size - 1 < size)
        return take_from_top(heap, need, request);
    if (LOAM_UNLIKELY(size - need < heap->small_end || spans_quarter(heap, b, size) ||
                      has_fresh(heap)))
        return take_from_first_odd(heap, need, request);
    live = behind(b, size - need);
    write_size(b, size - need);
    tell_next_live(live, need);
    return make_live(heap, live, need, request, PREV_FREE);
}

static LOAM_NOINLINE void *take_large(loam_heap *heap, size_t need, size_t request)
{
    block *b = loam_heap_tree_fit(heap, need);

    if (heap->top_size >= need && (!b || heap->top_size < b->size))
        return take_from_top(heap, need, request);
    return b ? take_start(heap, b, need, request) : NULL;
}

/* A block of exactly this size, which a ring has. */
static inline void *take_exact(loam_heap *heap, block *ring, block *b, size_t need, size_t request)
{
    ring_pop(heap, ring, b, need);
    tell_next_live(b, need);
    return make_live(heap, b, need, request, 0);
}

void *loam_heap_take(loam_heap *heap, size_t request)
{
    size_t need = block_for(heap, request), size;
    block *ring;

    if (need >= heap->small_end)
        return take_large(heap, need, request);
    ring = ring_for(heap, need);
    if (!ring_is_empty(heap, ring))
        return take_exact(heap, ring, block_at(heap, ring->next), need, request);
    if (heap->current_size >= need)
        return take_from_current(heap, need, request);
    size = ring_find(heap, need);
    return size ? take_from_ring(heap, size, need, request) : take_from_first(heap, need, request);
}

/* ---- over-aligned ---- */

/* How many blocks are tried before one that is sure to be big enough is taken. */
enum { ALIGNED_TRIES = 16 };

typedef struct search {
    loam_heap *heap;
    size_t need, align;
    size_t sure;  /* blocks of this size hold the request wherever they lie */
    size_t tries; /* how many may be looked at */
    block *found;
    size_t size, pad; /* of what was found, and where in it */
} search;

bool loam_heap_aligned_pad(const loam_heap *heap, const block *b, size_t size, size_t need,
                           size_t align, size_t *pad)
{
    uintptr_t start = (uintptr_t)b + WORD;
    size_t first, last;

    if (size < need)
        return false;
    /* What is left in front must be a block, or nothing. */
    first = (size_t)(-start & (align - 1));
    if (first != 0 && first < SMALLEST)
        first += align;
    last = size - need;
    if (first > last)
        return false;
    *pad = first;
    if (need < heap->small_end && !spans_quarter(heap, b, size)) {
        last -= (size_t)((start + last) & (align - 1));
        if (last == 0 || last >= SMALLEST)
            *pad = last;
    }
    return true;
}

/* Looks at one block. True: the search is over. */
static bool try_block(search *s, block *b, size_t size)
{
    if (loam_heap_aligned_pad(s->heap, b, size, s->need, s->align, &s->pad)) {
        s->found = b;
        s->size = size;
        return true;
    }
    return --s->tries == 0;
}

/* Looks at free blocks from the smallest that might do to the first that is sure to. */
static void search_rings(search *s)
{
    loam_heap *heap = s->heap;
    size_t size = s->need < heap->small_end ? ring_find(heap, s->need) : 0;

    while (size != 0) {
        block *ring = ring_for(heap, size), *b = block_at(heap, ring->next);

        for (; b != ring; b = block_at(heap, b->next)) {
            if (try_block(s, b, size))
                return;
        }
        size += granule_mask(heap) + 1;
        size = size < heap->small_end ? ring_find(heap, size) : 0;
    }
}

static void search_tree(search *s, size_t from)
{
    block *b = loam_heap_tree_fit(s->heap, from);

    while (b && !try_block(s, b, b->size))
        b = loam_heap_tree_next(s->heap, b);
    if (!b && s->heap->top_size >= from)
        (void)try_block(s, block_at(s->heap, s->heap->top), s->heap->top_size);
}

static void search_all(search *s, size_t tries)
{
    loam_heap *heap = s->heap;

    s->tries = tries;
    if (heap->current_size && try_block(s, block_at(heap, heap->current), heap->current_size))
        return;
    search_rings(s);
    if (!s->found && s->tries)
        search_tree(s, s->need);
}

void *loam_heap_take_aligned(loam_heap *heap, size_t request, size_t align)
{
    search s = {.heap = heap, .need = block_for(heap, request), .align = align};

    s.sure = s.need + align + SMALLEST;
    search_all(&s, ALIGNED_TRIES);
    if (!s.found) {
        s.tries = 1;
        search_tree(&s, s.sure);
    }
    if (!s.found)
        search_all(&s, SIZE_MAX);
    if (!s.found)
        return NULL;
    unlist_block(heap, s.found, s.size);
    return loam_heap_cut(heap, s.found, s.size, s.pad, s.need, request);
}

/* ---- the public functions ---- */

static void *take_any(loam_heap *heap, size_t size, size_t align)
{
    return align > granule_mask(heap) + 1 ? loam_heap_take_aligned(heap, size, align)
                                          : loam_heap_take(heap, size);
}

void *loam_heap_take_or_grow(loam_heap *heap, size_t size, size_t align)
{
    void *ptr = NULL;

    settle(heap);
    if (size <= LOAM_HEAP_MAX && align <= LOAM_HEAP_MAX) {
        ptr = take_any(heap, size, align);
        if (!ptr && heap->source.ops && loam_heap_grow(heap, block_for(heap, size), align))
            ptr = take_any(heap, size, align);
    }
    if (!ptr)
        heap->failures++;
    return ptr;
}

/* What the first look does not find, and all calls of a heap that is watched. */
static LOAM_NOINLINE void *alloc_slow(loam_heap *heap, size_t size)
{
    if (heap->fast == 0)
        return loam_heap_watch_alloc(heap, size, 1, false);
    return loam_heap_take_or_grow(heap, size, 1);
}

/* Large, or odd. */
static LOAM_NOINLINE void *alloc_large(loam_heap *heap, size_t size)
{
    void *ptr = NULL;

    settle(heap);
    if (LOAM_LIKELY(heap->fast != 0 && size - 1 < LOAM_HEAP_MAX))
        ptr = take_large(heap, block_for(heap, size), size);
    return LOAM_LIKELY(ptr != NULL) ? ptr : alloc_slow(heap, size);
}

/* A small one that no ring has exactly. */
static LOAM_NOINLINE void *alloc_settled(loam_heap *heap, size_t need, size_t request)
{
    size_t size;

    if (heap->current_size >= need)
        return take_from_current(heap, need, request);
    size = ring_find(heap, need);
    if (size)
        return take_from_ring(heap, size, need, request);
    return LOAM_LIKELY((heap->smallest | heap->top) != 0) ? take_from_first(heap, need, request)
                                                          : alloc_slow(heap, request);
}

/* The same, or one that a ring has, once the pending blocks are free. */
static LOAM_NOINLINE void *alloc_unsettled(loam_heap *heap, size_t need, size_t request)
{
    block *ring = ring_for(heap, need);

    loam_heap_settle(heap);
    if (!ring_is_empty(heap, ring))
        return take_exact(heap, ring, block_at(heap, ring->next), need, request);
    return alloc_settled(heap, need, request);
}

/* A pending block is live again. */
static inline void *revive(const loam_heap *heap, block *b, size_t size, size_t request)
{
    b->head = live_head(heap, b, size, request, b->head & (PREV_FREE | TINY));
    return payload_of(b);
}

void *loam_heap_alloc(loam_heap *heap, size_t size)
{
    size_t need;
    block *ring, *b;

    if (LOAM_UNLIKELY(size - 1 >= heap->fast))
        return alloc_large(heap, size);
    need = (size + heap->round) & heap->clear;
    if (SMALLEST > 2 * WORD && need < SMALLEST)
        need = SMALLEST;
    b = block_pending(heap, 0);
    if (live_size(b) == need) {
        heap->pending[0] = heap->pending[1];
        heap->pending[1] = 0;
        return revive(heap, b, need, size);
    }
    b = block_pending(heap, 1);
    if (live_size(b) == need) {
        heap->pending[1] = 0;
        return revive(heap, b, need, size);
    }
    if (has_pending(heap))
        return alloc_unsettled(heap, need, size);
    ring = ring_for(heap, need);
    b = block_at(heap, ring->next);
    if (LOAM_UNLIKELY(b == ring))
        return alloc_settled(heap, need, size);
    return take_exact(heap, ring, b, need, size);
}

void *loam_heap_alloc_aligned(loam_heap *heap, size_t size, size_t align)
{
    if (align == 0 || (align & (align - 1)) != 0) {
        LOAM_REQUIRE(false, LOAM_MISUSE_BAD_ALIGNMENT, (void *)(uintptr_t)align);
        return NULL;
    }
    if (heap->fast == 0)
        return loam_heap_watch_alloc(heap, size, align, false);
    return loam_heap_take_or_grow(heap, size, align);
}

/* Clears a new block but for what cutting it took from fresh memory. */
void loam_heap_clear_new(const loam_heap *heap, void *ptr, size_t size)
{
    char *from = (char *)ptr, *to = from + size;
    char *low = (char *)block_at(heap, heap->spent_low);
    char *high = (char *)block_at(heap, heap->spent_high);

    if (low == high) {
        memset(ptr, 0, size);
        return;
    }
    if (from < low)
        memset(from, 0, loam_min(size, (size_t)(low - from)));
    if (high < to)
        memset(high > from ? high : from, 0, loam_min(size, (size_t)(to - high)));
}

void *loam_heap_zalloc_aligned(loam_heap *heap, size_t size, size_t align)
{
    void *ptr;

    if (heap->fast == 0 && loam_is_pow2(align))
        return loam_heap_watch_alloc(heap, size, align, true);
    heap->spent_low = heap->spent_high = 0;
    ptr = loam_heap_alloc_aligned(heap, size, align);
    if (ptr)
        loam_heap_clear_new(heap, ptr, size);
    return ptr;
}

void *loam_heap_zalloc(loam_heap *heap, size_t size)
{
    void *ptr;

    if (LOAM_UNLIKELY(heap->fast == 0))
        return loam_heap_watch_alloc(heap, size, 1, true);
    heap->spent_low = heap->spent_high = 0;
    ptr = loam_heap_alloc(heap, size);
    if (LOAM_LIKELY(ptr != NULL))
        loam_heap_clear_new(heap, ptr, size);
    return ptr;
}
