/* free.c: giving back, with both neighbours, in O(1).
 *
 *      |  free  | live b |  free  |           |           free           |
 *
 * The block in front tells its size in its last word, the one behind in its third. */
#include "front.h"

/* A block that is given back and has a free neighbour, or is tiny or large. A neighbour that is in the
 * tree, or the current block, grows; in the tree it keeps its place as a rule. */
static LOAM_NOINLINE void merge(loam_heap *heap, block *b, size_t size, word head)
{
    block *next = behind(b, size), *node = NULL;
    const block *end = NULL;
    bool current = false;

    if (head & PREV_FREE) {
        size_t front = prev_size(b);

        b->head = 0; /* no block starts here any more */
        b = before(b, front);
        size += front;
        if (link_to(heap, b) == heap->current)
            current = true;
        else if (front < heap->small_end)
            ring_remove(heap, b, front);
        else
            node = b;
    }
    if (!is_live(next)) {
        size_t back = free_size(next);

        if (link_to(heap, next) == heap->current) {
            current = true;
        } else if (back < heap->small_end) {
            if (LOAM_LIKELY(back != 0))
                ring_remove(heap, next, back);
        } else if (node) {
            loam_heap_tree_remove(heap, next);
        } else {
            node = next;
        }
        size += back;
        next = behind(next, back);
        if (heap->source.ops && !is_live(next))
            end = next;
    }
    next->head = (next->head & ~TINY) | PREV_FREE | tiny_flag(size);
    if (node) {
        if (current)
            forget_current(heap);
        loam_heap_tree_change(heap, node, b, size);
    } else if (current) {
        b->head = b->next = 0;
        change_current(heap, b, size);
    } else {
        list_block(heap, b, size);
    }
    if (LOAM_UNLIKELY(end != NULL))
        loam_heap_release_empty(heap, end);
}

static inline void put(loam_heap *heap, void *ptr)
{
    block *b = block_of(ptr), *next;
    word head = b->head;
    size_t size = head & SIZE_FIELD;

    heap->blocks--;
    heap->room += size - WORD;
    next = behind(b, size);
    if ((head & PREV_FREE) || !is_live(next) || size == 2 * WORD || size >= heap->small_end) {
        merge(heap, b, size, head);
        return;
    }
    next->head |= PREV_FREE;
    write_size(b, size);
    ring_push(heap, b, size, 0);
}

void loam_heap_put(loam_heap *heap, void *ptr)
{
    put(heap, ptr);
}

void loam_heap_dealloc(loam_heap *heap, void *ptr)
{
    if (LOAM_UNLIKELY(!ptr))
        return;
    if (LOAM_UNLIKELY(heap->fast == 0))
        loam_heap_watch_dealloc(heap, ptr);
    else
        put(heap, ptr);
}

void loam_heap_dealloc_sized(loam_heap *heap, void *ptr, size_t size)
{
    if (LOAM_UNLIKELY(heap->fast == 0) && ptr) {
        loam_heap_watch_dealloc_sized(heap, ptr, size);
        return;
    }
    loam_heap_dealloc(heap, ptr);
}

size_t loam_heap_usable_size(const loam_heap *heap, const void *ptr)
{
    if (LOAM_UNLIKELY(heap->fast == 0))
        return loam_heap_watch_usable_size(ptr);
    return ptr ? live_size(block_of(ptr)) - WORD : 0;
}

size_t loam_heap_good_size(const loam_heap *heap, size_t size)
{
    return size > LOAM_HEAP_MAX ? size : block_for(heap, size) - WORD;
}
