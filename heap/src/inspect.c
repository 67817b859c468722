/* inspect.c: figures of a heap, and a walk over its memory. */
#include "heap_internal.h"

#include "internal/mark.h"

/* ---- figures ---- */

static size_t metadata_of(const loam_heap *heap, const region *r)
{
    size_t blocks = r->end - r->first;

    (void)heap;
    return r->size - blocks;
}

void loam_heap_stats(const loam_heap *heap, loam_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    stats->live = live_bytes(heap);
    stats->peak = heap->peak;
    stats->committed = stats->reserved = heap->held;
    stats->lost = heap->blocks * WORD;
    for (word link = heap->newest; link;) {
        const region *r = region_at(heap, link);

        stats->metadata += metadata_of(heap, r);
        link = r->older;
    }
    stats->blocks = heap->blocks;
    stats->failures = heap->failures;
}

void loam_heap_reset_peak(loam_heap *heap)
{
    heap->peak = live_bytes(heap);
    heap->room = 0;
}

static void measure_region(const region *r, const loam_heap *heap, loam_heap_figures *figures)
{
    const block *b = block_at(heap, r->first), *end = block_at(heap, r->end);
    size_t size, usable;

    for (; b < end; b = behind(b, size)) {
        if (is_live(b)) {
            size = live_size(b);
            figures->live_blocks++;
            figures->requested += size - WORD - slack_of(b);
            continue;
        }
        size = free_size(b);
        usable = size - WORD;
        figures->free_blocks++;
        figures->free_bytes += usable;
        figures->largest_free = loam_max(figures->largest_free, usable);
        figures->histogram[loam_min(loam_log2(usable), LOAM_HEAP_HISTOGRAM - 1)]++;
    }
}

void loam_heap_measure(const loam_heap *heap, loam_heap_figures *figures)
{
    size_t held = live_bytes(heap) + heap->blocks * WORD;

    memset(figures, 0, sizeof *figures);
    loam_mark_quiet();
    for (word link = heap->newest; link;) {
        const region *r = region_at(heap, link);

        figures->regions++;
        measure_region(r, heap, figures);
        link = r->older;
    }
    loam_mark_loud();
    if (held != 0)
        figures->internal_fragmentation = 1.0 - (double)figures->requested / (double)held;
    if (figures->free_bytes != 0)
        figures->external_fragmentation =
            1.0 - (double)figures->largest_free / (double)figures->free_bytes;
}

/* ---- walk ---- */

typedef struct walk {
    loam_walk_fn visit;
    void *context;
} walk;

static bool show(const walk *w, const void *from, const void *to, loam_walk_kind kind)
{
    loam_walk_item item = {from, (size_t)((uintptr_t)to - (uintptr_t)from), kind};

    bool go_on;

    if (item.size == 0)
        return true;
    loam_mark_loud();
    go_on = w->visit(w->context, &item);
    loam_mark_quiet();
    return go_on;
}

static bool walk_region(const walk *w, const loam_heap *heap, const region *r)
{
    const char *base = (const char *)block_at(heap, r->base);
    const block *b = block_at(heap, r->first), *end = block_at(heap, r->end), *next;

    if (!show(w, base, b, LOAM_WALK_METADATA))
        return false;
    for (; b < end; b = next) {
        bool live = is_live(b);

        next = behind(b, live ? live_size(b) : free_size(b));
        if (!show(w, b, payload_of(b), LOAM_WALK_METADATA) ||
            !show(w, payload_of(b), next, live ? LOAM_WALK_LIVE : LOAM_WALK_FREE))
            return false;
    }
    return show(w, end, base + r->size, LOAM_WALK_METADATA);
}

/* The regions are listed newest first, and shown oldest first. */
static const region *region_after(const loam_heap *heap, const region *shown)
{
    const region *r = region_at(heap, heap->newest);

    if (shown == r)
        return NULL;
    while (r->older && region_at(heap, r->older) != shown)
        r = region_at(heap, r->older);
    return r;
}

bool loam_heap_walk(const loam_heap *heap, loam_walk_fn visit, void *context)
{
    const walk w = {visit, context};
    bool all = true;

    loam_mark_quiet();
    for (const region *r = &heap->first; all && r; r = region_after(heap, r))
        all = walk_region(&w, heap, r);
    loam_mark_loud();
    return all;
}
