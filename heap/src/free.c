/* free.c: giving back, with both neighbours, in O(1).
 *
 *      |  free  | live b |  free  |           |           free           |
 *
 * The block in front tells its size in its last word, the one behind in its third. */
#include "front.h"

/* The block that is given back becomes the last one of a region that may be given back. */
static LOAM_NOINLINE void merge_at_end(loam_heap *heap, block *node, block *b, size_t size)
{
    const block *end = behind(b, size);

    tell_next_free(b, size); /* it may be tiny */
    if (node)
        loam_heap_tree_change(heap, node, b, size);
    else
        list_block(heap, b, size);
    if (heap->source.ops)
        loam_heap_release_empty(heap, end);
}

/* Both neighbours are in the tree: the one in front grows over the other. */
static LOAM_NOINLINE void merge_nodes(loam_heap *heap, block *node, block *next, size_t size)
{
    const block *end = behind(node, size);

    loam_heap_tree_remove(heap, next);
    if (!is_live(end))
        merge_at_end(heap, node, node, size);
    else
        loam_heap_tree_change(heap, node, node, size);
}

/* One neighbour was the top, and so is the sum; the other may be in the tree. */
static inline void merge_top(loam_heap *heap, block *node, block *b, size_t size)
{
    if (LOAM_UNLIKELY(node != NULL))
        loam_heap_tree_remove(heap, node);
    set_top(heap, b, size);
    if (heap->source.ops && !is_live(behind(b, size)))
        loam_heap_release_empty(heap, behind(b, size));
}

/* A block that is given back and has a free neighbour, or is large. If that is the current block or one
 * of the tree, it grows; in the tree it keeps its place as a rule. */
static LOAM_NOINLINE void merge(loam_heap *heap, block *b, size_t size, word head)
{
    block *next = behind(b, size), *node = NULL;
    bool current = false, top = false;

    if (head & PREV_FREE) {
        size_t front = prev_size(b);

        if (LOAM_CHECKS)
            b->head = 0; /* no block starts here any more */
        b = before(b, front);
        size += front;
        if (is_current(heap, b))
            current = true;
        else if (LOAM_LIKELY(front < heap->small_end))
            ring_remove(heap, b, front);
        else if (is_top(heap, b))
            top = true;
        else
            node = b;
    }
    if (!is_live(next)) {
        size_t back = free_size(next);

        size += back;
        if (is_current(heap, next)) {
            current = true;
        } else if (LOAM_LIKELY(back < heap->small_end)) {
            if (LOAM_LIKELY(back != 0))
                ring_remove(heap, next, back);
        } else if (is_top(heap, next)) {
            top = true;
        } else if (node) {
            behind(next, back)->head |= PREV_FREE;
            merge_nodes(heap, node, next, size);
            return;
        } else {
            node = next;
        }
        next = behind(next, back);
    }
    /* It is not tiny: a sum of two, or large, or at the end. */
    next->head = (next->head & ~TINY) | PREV_FREE;
    if (current) {
        if (LOAM_LIKELY(!node && size < heap->small_end && is_live(next))) {
            set_current(heap, b, size);
            return;
        }
        forget_current(heap);
    }
    if (top) {
        merge_top(heap, node, b, size);
    } else if (LOAM_UNLIKELY(!is_live(next))) {
        merge_at_end(heap, node, b, size);
    } else if (node) {
        loam_heap_tree_change(heap, node, b, size);
    } else {
        write_size(b, size);
        if (size < heap->small_end)
            ring_push(heap, b, size, 0);
        else
            loam_heap_tree_insert(heap, b);
    }
}

static inline void put(loam_heap *heap, void *ptr)
{
    block *b = block_of(ptr), *next;
    word head = b->head, next_head, tiny;
    size_t size = head & SIZE_FIELD;

    heap->blocks--;
    heap->room += size - WORD;
    next = behind(b, size);
    next_head = next->head;
    if (((head & PREV_FREE) | (~next_head & IN_USE)) != 0 || size >= heap->small_end) {
        merge(heap, b, size, head);
        return;
    }
    /* If it is tiny, the words with its size are overwritten at once. */
    tiny = tiny_flag(size);
    write_size(b, size);
    next->head = next_head | PREV_FREE | tiny;
    ring_push(heap, b, size, tiny);
}

void loam_heap_put(loam_heap *heap, void *ptr)
{
    put(heap, ptr);
}

static LOAM_NOINLINE void dealloc_eager(loam_heap *heap, void *ptr)
{
    if (heap->fast == 0)
        loam_heap_watch_dealloc(heap, ptr);
    else
        put(heap, ptr);
}

/* The head of a block may be in no cache. It is not needed before the next block is taken or the next
 * but one is given back. */
void loam_heap_dealloc(loam_heap *heap, void *ptr)
{
    word older = heap->pending[1];

    if (LOAM_UNLIKELY(!ptr))
        return;
    if (LOAM_UNLIKELY(heap->eager)) {
        dealloc_eager(heap, ptr);
        return;
    }
    PREFETCH(block_of(ptr));
    heap->pending[1] = heap->pending[0];
    heap->pending[0] = link_to(heap, block_of(ptr));
    if (older)
        put(heap, payload_of(block_at(heap, older)));
}

void loam_heap_settle(loam_heap *heap)
{
    word older = heap->pending[1], newer = heap->pending[0];

    heap->pending[0] = heap->pending[1] = 0;
    if (older)
        put(heap, payload_of(block_at(heap, older)));
    if (newer)
        put(heap, payload_of(block_at(heap, newer)));
}

void *loam_heap_settle_peak(loam_heap *heap, void *ptr)
{
    loam_heap_settle(heap);
    if (is_new_peak(heap, heap->room)) {
        heap->peak -= heap->room;
        heap->room = 0;
    }
    return ptr;
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
