/* alloc.c: finding a free block, and cutting a live one out of it. */
#include "front.h"

/* ---- cutting ---- */

/*   |            free             |            |     rest     |     live     |
 *   b                             b + size     b              b + rest                        */
static inline void *cut_behind(loam_heap *heap, block *b, size_t size, size_t need, size_t request)
{
    size_t rest = size - need;
    block *live = behind(b, rest);

    tell_next_live(b, size);
    if (LOAM_UNLIKELY(rest < SMALLEST))
        return make_live(heap, b, size, request, 0);
    list_block(heap, b, rest);
    return make_live(heap, live, need, request, PREV_FREE | tiny_flag(rest));
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

/* A small block out of a bigger one. */
static void *take_from_bigger(loam_heap *heap, size_t need, size_t request)
{
    size_t index = ring_find(heap, need >> heap->shift), size;
    block *b;

    if (index) {
        b = block_at(heap, ring_at(heap, index)->next);
        size = index << heap->shift;
        ring_remove(heap, b, size);
        return cut_behind(heap, b, size, need, request);
    }
    if (!heap->smallest)
        return NULL;

    /* All in the tree are big enough, and its first stays the first as it gets smaller. */
    b = block_in_tree(heap, heap->smallest);
    size = b->size;
    spend_fresh(heap, b, size, behind(b, size - need), behind(b, size));
    if (LOAM_LIKELY(size - need >= heap->small_end)) {
        block *live = behind(b, size - need);

        tell_next_live(live, need);
        b->size = size - need;
        *footer_before(live) = size - need;
        return make_live(heap, live, need, request, PREV_FREE);
    }
    loam_heap_tree_remove(heap, b);
    return cut_behind(heap, b, size, need, request);
}

static void *take_large(loam_heap *heap, size_t need, size_t request)
{
    block *b = loam_heap_tree_fit(heap, need);
    size_t size;

    if (!b)
        return NULL;
    size = b->size;
    spend_fresh(heap, b, size, b, behind(b, need));
    loam_heap_tree_remove(heap, b);
    return cut_front(heap, b, size, need, request);
}

void *loam_heap_take(loam_heap *heap, size_t request)
{
    size_t need = block_for(heap, request);
    block *ring, *b;

    if (LOAM_UNLIKELY(need >= heap->small_end))
        return take_large(heap, need, request);
    ring = ring_at(heap, need >> heap->shift);
    b = block_at(heap, ring->next);
    if (LOAM_UNLIKELY(b == ring))
        return take_from_bigger(heap, need, request);
    ring_remove(heap, b, need);
    tell_next_live(b, need);
    return make_live(heap, b, need, request, 0);
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
    if (need < heap->small_end) {
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
    size_t index = s->need < heap->small_end ? ring_find(heap, s->need >> heap->shift) : 0;

    while (index != 0) {
        block *ring = ring_at(heap, index), *b = block_at(heap, ring->next);

        for (; b != ring; b = block_at(heap, b->next)) {
            if (try_block(s, b, index << heap->shift))
                return;
        }
        index++;
        index = index << heap->shift < heap->small_end ? ring_find(heap, index) : 0;
    }
}

static void search_tree(search *s, size_t from)
{
    block *b = loam_heap_tree_fit(s->heap, from);

    while (b && !try_block(s, b, b->size))
        b = loam_heap_tree_next(s->heap, b);
}

static void search_all(search *s, size_t tries)
{
    s->tries = tries;
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

/* Nothing fits: what a source gives, or NULL. */
static LOAM_NOINLINE void *take_after_growth(loam_heap *heap, size_t size, size_t align)
{
    void *ptr = NULL;

    if (heap->source.ops && loam_heap_grow(heap, block_for(heap, size), align))
        ptr = align > heap->mask + 1 ? loam_heap_take_aligned(heap, size, align)
                                     : loam_heap_take(heap, size);
    if (!ptr)
        heap->failures++;
    return ptr;
}

void *loam_heap_take_or_grow(loam_heap *heap, size_t size, size_t align)
{
    void *ptr;

    if (size > LOAM_HEAP_MAX || align > LOAM_HEAP_MAX) {
        heap->failures++;
        return NULL;
    }
    ptr = align > heap->mask + 1 ? loam_heap_take_aligned(heap, size, align)
                                 : loam_heap_take(heap, size);
    return ptr ? ptr : take_after_growth(heap, size, align);
}

/* A request that is odd, or to a heap that is watched. */
static LOAM_NOINLINE void *alloc_slow(loam_heap *heap, size_t size)
{
    if (heap->limit == 0)
        return loam_heap_watch_alloc(heap, size, 1, false);
    return loam_heap_take_or_grow(heap, size, 1);
}

void *loam_heap_alloc(loam_heap *heap, size_t size)
{
    void *ptr;

    if (LOAM_UNLIKELY(size >= heap->limit))
        return alloc_slow(heap, size);
    ptr = loam_heap_take(heap, size);
    return LOAM_LIKELY(ptr != NULL) ? ptr : take_after_growth(heap, size, 1);
}

void *loam_heap_alloc_aligned(loam_heap *heap, size_t size, size_t align)
{
    if (align == 0 || (align & (align - 1)) != 0) {
        LOAM_REQUIRE(false, LOAM_MISUSE_BAD_ALIGNMENT, (void *)(uintptr_t)align);
        return NULL;
    }
    if (heap->limit == 0)
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

    if (heap->limit == 0 && loam_is_pow2(align))
        return loam_heap_watch_alloc(heap, size, align, true);
    heap->spent_low = heap->spent_high = 0;
    ptr = loam_heap_alloc_aligned(heap, size, align);
    if (ptr)
        loam_heap_clear_new(heap, ptr, size);
    return ptr;
}

void *loam_heap_zalloc(loam_heap *heap, size_t size)
{
    return loam_heap_zalloc_aligned(heap, size, 1);
}
