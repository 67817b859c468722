/* verify.c: whether a pointer is that of a live block, and what is wrong with it if not. Looks at the
 * heads of blocks, of which AddressSanitizer must not know.
 */
#include "heap_internal.h"

#include "internal/mark.h"

size_t loam_heap_requested(const void *ptr)
{
    const block *b = block_of(ptr);

    return live_size(b) - WORD - slack_of(b);
}

bool loam_heap_head_holds(const loam_heap *heap, const block *b)
{
#if SLACK_BITS != 0
    word code = b->head >> CODE_SHIFT << CODE_SHIFT;

    return code == (LOAM_CHECKS ? code_for(link_to(heap, b), b->head) : 0);
#else
    (void)heap;
    return (b->head & ~SIZE_FIELD & ~FLAGS) == 0;
#endif
}

/* What is wrong with a pointer that starts no live block: looks from the start of its region. */
static loam_misuse diagnose(const loam_heap *heap, const void *ptr)
{
    const region *r = NULL;
    const block *b, *end, *wanted = block_of(ptr);

    for (word link = heap->newest; link; link = r->older) {
        r = region_at(heap, link);
        if (link_to(heap, ptr) - r->first < r->end - r->first)
            break;
    }
    if (!r || link_to(heap, ptr) - r->first >= r->end - r->first ||
        ((uintptr_t)ptr & granule_mask(heap)) != 0)
        return LOAM_MISUSE_FOREIGN_BLOCK;
    end = block_at(heap, r->end);
    for (b = block_at(heap, r->first); b < end;) {
        bool live = is_live(b);
        size_t size = live ? live_size(b) : free_size(b);

        if (b == wanted)
            return live ? LOAM_MISUSE_HEAP_HEADER : LOAM_MISUSE_DOUBLE_FREE;
        if (size < SMALLEST || size > (size_t)((uintptr_t)end - (uintptr_t)b) ||
            (live && !loam_heap_head_holds(heap, b)))
            return LOAM_MISUSE_HEAP_HEADER;
        if (b < wanted && wanted < behind(b, size))
            return live ? LOAM_MISUSE_FOREIGN_BLOCK : LOAM_MISUSE_DOUBLE_FREE;
        b = behind(b, size);
    }
    return LOAM_MISUSE_HEAP_HEADER;
}

/* Whether a link of a free block of a small size can lead to another one, or to a sentinel. */
static bool is_ring_link(const loam_heap *heap, word link)
{
    word rings = link_to(heap, heap->rings);

    return link - rings < rings_size(heap->small_end, granule_mask(heap) + 1) ||
           loam_heap_owns(heap, block_at(heap, link));
}

/* Whether what says that it is a free block can be one, so that taking it out of its list is safe. */
static bool is_free(const loam_heap *heap, const block *b)
{
    size_t size = free_size(b);
    const block *next = behind(b, size);

    if (size < SMALLEST || (size & granule_mask(heap)) != 0 || size > LOAM_HEAP_MAX ||
        !loam_heap_owns(heap, b) || !loam_heap_owns(heap, (const char *)next - 1))
        return false;
    if (link_to(heap, b) != heap->current && size < heap->small_end &&
        (!is_ring_link(heap, b->head & ~FLAGS) || !is_ring_link(heap, b->next)))
        return false;
    return (size == 2 * WORD || *footer_before(next) == size) &&
           (next->head & (PREV_FREE | TINY)) == (PREV_FREE | tiny_flag(size));
}

/* Whether a live block starts there, and its edges agree with both neighbours. O(regions). */
static bool is_block(const loam_heap *heap, const void *ptr)
{
    const block *b = block_of(ptr), *next;

    if (((uintptr_t)ptr & granule_mask(heap)) != 0 || !loam_heap_owns(heap, b) || !is_live(b) ||
        !loam_heap_head_holds(heap, b))
        return false;
    next = behind(b, live_size(b));
    if (!loam_heap_owns(heap, (const char *)next - 1))
        return false;
    if (is_live(next) && ((next->head & PREV_FREE) != 0 || !loam_heap_head_holds(heap, next)))
        return false;
    if (!is_live(next) && loam_heap_owns(heap, next) && !is_free(heap, next))
        return false;
    if (b->head & PREV_FREE) {
        const block *front = before(b, prev_size(b));

        return loam_heap_owns(heap, front) && !is_live(front) && free_size(front) == prev_size(b) &&
               is_free(heap, front);
    }
    return true;
}

void loam_heap_verify(const loam_heap *heap, const void *ptr)
{
    if (LOAM_CHECKS && !is_block(heap, ptr))
        loam_fatal(diagnose(heap, ptr), ptr);
}

size_t loam_heap_watch_usable_size(const void *ptr)
{
    size_t size;

    loam_mark_quiet();
    size = ptr ? live_size(block_of(ptr)) - WORD : 0;
    loam_mark_loud();
    return size;
}

bool loam_heap_has_size(const loam_heap *heap, const void *ptr, size_t size)
{
    if (size > LOAM_HEAP_MAX)
        return false;
    if (SLACK_BITS != 0)
        return size == loam_heap_requested(ptr);
    return live_size(block_of(ptr)) - block_for(heap, size) < SMALLEST;
}

bool loam_heap_reach(const void *ptr, char **start, char **end)
{
    block *b = block_of(ptr), *next = behind(b, live_size(b));

    if (!(b->head & PREV_FREE))
        return false;
    *start = (char *)before(b, prev_size(b));
    *end = (char *)next + (is_live(next) ? 0 : free_size(next));
    return true;
}
