/* grow.c: regions from a source. */
#include "front.h"

#include "internal/mark.h"

block *loam_heap_whole(const loam_heap *heap, const region *r)
{
    block *first = block_at(heap, r->first);

    return !is_live(first) && free_size(first) == r->end - r->first ? first : NULL;
}

/* ---- growing ---- */

void *loam_heap_region_alloc(loam_allocator source, size_t size)
{
    return source.ops->zalloc ? loam_zalloc(source, size, LOAM_HEAP_ALIGN)
                              : loam_alloc(source, size, LOAM_HEAP_ALIGN);
}

/* What a region takes beyond its blocks, at most. */
static size_t region_overhead(const loam_heap *heap)
{
    return sizeof(region) + RECORD_ALIGN + END_WORDS * WORD + 2 * (granule_mask(heap) + 1);
}

/* Makes the newest region longer where it is. */
static bool extend(loam_heap *heap, size_t more)
{
    region *r = region_at(heap, heap->newest);
    block *old_end = block_at(heap, r->end), *last = old_end;
    size_t size;

    if (!r->source || !heap->source.ops->resize || more > LOAM_HEAP_MAX ||
        r->size > LOAM_HEAP_MAX - more)
        return false;
    size = loam_good_size(heap->source, r->size + more, LOAM_HEAP_ALIGN);
    if (size > LOAM_HEAP_MAX ||
        !loam_resize(heap->source, block_at(heap, r->base), r->size, size, LOAM_HEAP_ALIGN))
        return false;
    heap->held += size - r->size;
    r->size = size;

    /* The old end becomes part of the last block, or the last block. */
    if (old_end->head & PREV_FREE) {
        last = before(old_end, prev_size(old_end));
        unlist_block(heap, last, prev_size(old_end));
    }
    loam_heap_write_end(heap, r);
    list_block(heap, last, r->end - link_to(heap, last));
    tell_next_free(last, r->end - link_to(heap, last));
    loam_heap_watch_free(heap, old_end, behind(block_at(heap, r->end), END_WORDS * WORD));
    return true;
}

static bool add(loam_heap *heap, size_t size)
{
    region *r;
    void *base;

    size = loam_good_size(heap->source, size, LOAM_HEAP_ALIGN);
    base = size <= LOAM_HEAP_MAX ? loam_heap_region_alloc(heap->source, size) : NULL;
    if (!base)
        return false;
    r = loam_heap_add_region(heap, base, size);
    r->source = 1;
    if (heap->source.ops->zalloc)
        loam_heap_set_fresh(heap, r);
    loam_heap_watch_region(heap, r);
    return true;
}

bool loam_heap_grow(loam_heap *heap, size_t need, size_t align)
{
    size_t least =
        need + region_overhead(heap) + (align > granule_mask(heap) + 1 ? align + SMALLEST : 0);
    size_t wish = loam_max(loam_max(least, heap->region_size), heap->held / 4);

    return extend(heap, wish) || add(heap, wish) || (wish > least && add(heap, least));
}

/* ---- giving back ---- */

static void release(loam_heap *heap, region *r)
{
    block *whole = block_at(heap, r->first);
    void *base = block_at(heap, r->base);
    region *newer = NULL;
    size_t size = r->size;

    for (word link = heap->newest; region_at(heap, link) != r; link = newer->older)
        newer = region_at(heap, link);
    *(newer ? &newer->older : &heap->newest) = r->older;
    *(newer ? &newer->mirror : &heap->mirror) = r->mirror;
    heap->quarter = quarter_of(region_at(heap, heap->newest));
    unlist_block(heap, whole, r->end - r->first);
    if (heap->fresh_low - r->first < r->end - r->first)
        heap->fresh_low = heap->fresh_high;
    heap->held -= size;
    loam_heap_watch_end(heap, r);
    loam_dealloc(heap->source, base, size, LOAM_HEAP_ALIGN);
}

static bool may_go(const loam_heap *heap, const region *r)
{
    return r->source && r != &heap->first && loam_heap_whole(heap, r);
}

/* Gives empty regions back, newest first, until no more than `keep` bytes of them are left; 0 stands
 * for one region; or about `most` bytes have gone. Returns the bytes that went. */
static size_t keep_few(loam_heap *heap, size_t keep, size_t most)
{
    size_t kept = 0, gone = 0;

    for (word link = heap->newest; link && gone < most;) {
        region *r = region_at(heap, link);

        link = r->older;
        if (!may_go(heap, r))
            continue;
        if (keep == 0 ? kept == 0 : r->size <= keep && kept <= keep - r->size) {
            kept += r->size;
            continue;
        }
        gone += r->size;
        release(heap, r);
    }
    return gone;
}

void loam_heap_release_empty(loam_heap *heap, const block *end)
{
    const region *r = region_at(heap, end->next);

    if (may_go(heap, r))
        (void)keep_few(heap, heap->keep, SIZE_MAX);
}

void loam_heap_keep_few(loam_heap *heap)
{
    if (heap->source.ops)
        (void)keep_few(heap, heap->keep, SIZE_MAX);
}

size_t loam_heap_trim(loam_heap *heap)
{
    size_t gone = 0;

    loam_mark_quiet();
    if (heap->source.ops)
        gone = keep_few(heap, LOAM_HEAP_KEEP_NONE, SIZE_MAX);
    loam_mark_loud();
    return gone;
}

/* Tells of the whole pages of a large free block: what is neither its words nor its footer. */
static size_t purge_block(block *b, size_t page, loam_heap_purge_fn give, void *context)
{
    uintptr_t low = ((uintptr_t)(b + 1) + page - 1) & ~(uintptr_t)(page - 1);
    uintptr_t high = (uintptr_t)footer_before(behind(b, b->size)) & ~(uintptr_t)(page - 1);

    if (high <= low)
        return 0;
    give(context, (void *)low, high - low);
    return high - low;
}

size_t loam_heap_purge(loam_heap *heap, size_t page, size_t least, loam_heap_purge_fn give,
                       void *context)
{
    size_t told = 0;

    settle(heap);
    loam_mark_quiet();
    for (block *b = loam_heap_tree_fit(heap, loam_max(least, heap->small_end)); b;
         b = loam_heap_tree_next(heap, b))
        told += purge_block(b, page, give, context);
    if (heap->top && heap->top_size >= least)
        told += purge_block(block_at(heap, heap->top), page, give, context);
    loam_mark_loud();
    return told;
}

size_t loam_heap_trim_some(loam_heap *heap, size_t most)
{
    size_t gone;

    loam_mark_quiet();
    gone = keep_few(heap, LOAM_HEAP_KEEP_NONE, most);
    loam_mark_loud();
    return gone;
}
