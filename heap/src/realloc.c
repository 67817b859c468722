/* realloc.c: changing the size of a block, in place if there is a way.
 *
 *      | free |  b  | free |    grows over what is behind, then over what is in front and behind
 */
#include "front.h"

/* The size of a free block behind a live one of `size` bytes; 0: it is live, or the region ends. */
static inline size_t free_behind(const block *b, size_t size)
{
    const block *next = behind(b, size);

    return is_live(next) ? 0 : free_size(next);
}

/* Makes a live block of `all` bytes, which were its own `size` and a free block's that nothing lists
 * any more, one of `need`, and the rest free. */
static void divide(loam_heap *heap, block *b, size_t size, size_t all, size_t need, size_t request)
{
    word flags = b->head & (PREV_FREE | TINY);
    size_t rest = all - need;

    if (rest < SMALLEST) {
        need = all;
        tell_next_live(b, need);
    } else {
        list_block(heap, behind(b, need), rest);
        tell_next_free(behind(b, need), rest);
    }
    b->head = live_head(heap, b, need, request, flags);
    (void)count_live(heap, need - size, b);
}

bool loam_heap_fit_in_place(loam_heap *heap, void *ptr, size_t request)
{
    block *b = block_of(ptr), *next;
    size_t size = live_size(b), need = block_for(heap, request), back;

    /* Nothing but the head changes, if what is left over is no block. */
    back = free_behind(b, size);
    next = behind(b, size);
    if (need <= size && (need == size || (back == 0 && size - need < SMALLEST))) {
        b->head = live_head(heap, b, size, request, b->head & (PREV_FREE | TINY));
        return true;
    }
    if (need > size + back)
        return false;
    if (back != 0) {
        if (need > size)
            spend_fresh(heap, next, back, next, behind(b, need));
        unlist_block(heap, next, back);
        next->head = 0;
    }
    divide(heap, b, size, size + back, need, request);
    return true;
}

void *loam_heap_grow_backwards(loam_heap *heap, void *ptr, size_t request, size_t align)
{
    block *b = block_of(ptr), *front;
    size_t size = live_size(b), need = block_for(heap, request), back, all, pad;

    if (!(b->head & PREV_FREE))
        return NULL;
    back = free_behind(b, size);
    front = before(b, prev_size(b));
    all = prev_size(b) + size + back;
    if (!loam_heap_aligned_pad(heap, front, all, need, align, &pad))
        return NULL;

    /* All three become one free block, but for what is listed and counted. */
    if (back != 0)
        unlist_block(heap, behind(b, size), back);
    unlist_block(heap, front, prev_size(b));
    b->head = 0;
    heap->blocks--;
    heap->room += size - WORD;
    (void)memmove((char *)payload_of(behind(front, pad)), ptr, loam_min(size, need) - WORD);
    return loam_heap_cut(heap, front, all, pad, need, request);
}

void *loam_heap_move(loam_heap *heap, void *ptr, size_t request, size_t align)
{
    size_t usable = live_size(block_of(ptr)) - WORD;
    void *moved = loam_heap_take_or_grow(heap, request, align);

    if (!moved)
        return NULL;
    memcpy(moved, ptr, loam_min(usable, request));
    loam_heap_put(heap, ptr);
    return moved;
}

void *loam_heap_realloc_aligned(loam_heap *heap, void *ptr, size_t size, size_t align)
{
    void *moved;

    if (align == 0 || (align & (align - 1)) != 0) {
        LOAM_REQUIRE(false, LOAM_MISUSE_BAD_ALIGNMENT, (void *)(uintptr_t)align);
        return NULL;
    }
    if (!ptr)
        return loam_heap_alloc_aligned(heap, size, align);
    if (heap->fast == 0)
        return loam_heap_watch_realloc(heap, ptr, size, align);
    settle(heap);
    if (size > LOAM_HEAP_MAX) {
        heap->failures++;
        return NULL;
    }
    if (((uintptr_t)ptr & (align - 1)) == 0 && loam_heap_fit_in_place(heap, ptr, size))
        return ptr;
    moved = loam_heap_grow_backwards(heap, ptr, size, loam_max(align, granule_mask(heap) + 1));
    return moved ? moved : loam_heap_move(heap, ptr, size, align);
}

void *loam_heap_realloc(loam_heap *heap, void *ptr, size_t size)
{
    return loam_heap_realloc_aligned(heap, ptr, size, 1);
}

bool loam_heap_resize(loam_heap *heap, void *ptr, size_t size)
{
    if (size > LOAM_HEAP_MAX)
        return false;
    if (heap->fast == 0)
        return loam_heap_watch_resize(heap, ptr, size);
    settle(heap);
    return loam_heap_fit_in_place(heap, ptr, size);
}
