/* free.c: giving back, with both neighbours, in O(1).
 *
 *      |  free  | live b |  free  |           |           free           |
 *
 * The block in front tells its size in its last word, the one behind in its third. */
#include "front.h"

block *loam_heap_put(loam_heap *heap, void *ptr)
{
    block *b = block_of(ptr), *next;
    word head = b->head;
    size_t size = head & SIZE_FIELD;

    heap->blocks--;
    heap->live -= size - WORD;
    next = behind(b, size);
    if (head & PREV_FREE) {
        size_t front = prev_size(b);

        b->head = 0; /* no block starts here any more */
        b = before(b, front);
        unlist_block(heap, b, front);
        size += front;
    }
    if (!is_live(next)) {
        size_t back = free_size(next);

        if (LOAM_LIKELY(back != 0)) {
            unlist_block(heap, next, back);
            size += back;
            next = behind(next, back);
        }
        if (heap->source.ops && !is_live(next))
            heap->emptied = link_to(heap, next);
    }
    tell_next_free(b, size);
    list_block(heap, b, size);
    return b;
}

/* The last block of a region is free; it may be all of it. */
static LOAM_NOINLINE void release_empty(loam_heap *heap)
{
    const block *end = block_at(heap, heap->emptied);

    heap->emptied = 0;
    loam_heap_release_empty(heap, end);
}

void loam_heap_put_and_release(loam_heap *heap, void *ptr)
{
    (void)loam_heap_put(heap, ptr);
    if (LOAM_UNLIKELY(heap->emptied != 0))
        release_empty(heap);
}

void loam_heap_dealloc(loam_heap *heap, void *ptr)
{
    if (LOAM_UNLIKELY(!ptr))
        return;
    if (LOAM_UNLIKELY(heap->limit == 0)) {
        loam_heap_watch_dealloc(heap, ptr);
        return;
    }
    loam_heap_put_and_release(heap, ptr);
}

void loam_heap_dealloc_sized(loam_heap *heap, void *ptr, size_t size)
{
    if (LOAM_UNLIKELY(heap->limit == 0) && ptr) {
        loam_heap_watch_dealloc_sized(heap, ptr, size);
        return;
    }
    loam_heap_dealloc(heap, ptr);
}

size_t loam_heap_usable_size(const loam_heap *heap, const void *ptr)
{
    (void)heap;
    return ptr ? live_size(block_of(ptr)) - WORD : 0;
}

size_t loam_heap_good_size(const loam_heap *heap, size_t size)
{
    return size > LOAM_HEAP_MAX ? size : block_for(heap, size) - WORD;
}
