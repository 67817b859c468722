/* inspect.c: figures of a heap, and a walk over its memory. */
#include "front.h"

#include "internal/mark.h"

/* ---- blocks that are pending: for whoever looks, they are free ---- */

static bool is_pending(const loam_heap *heap, const block *b)
{
    word self = link_to(heap, b);

    return self == heap->pending[0] || self == heap->pending[1];
}

/* How many there are, and how many usable bytes they have. */
static size_t count_pending(const loam_heap *heap, size_t *bytes)
{
    size_t count = 0;

    *bytes = 0;
    for (size_t i = 0; i < 2; i++) {
        if (heap->pending[i] == 0)
            continue;
        count++;
        *bytes += live_size(block_at(heap, heap->pending[i])) - WORD;
    }
    return count;
}

static size_t size_of_any(const block *b)
{
    return is_live(b) ? live_size(b) : free_size(b);
}

/* Whether a block is in use for whoever looks; its size, and of a free one with that of those behind it
 * that it will be joined with. */
static bool look_at(const loam_heap *heap, const block *b, const block *end, size_t *size)
{
    bool live = is_live(b) && !is_pending(heap, b);
    const block *next;

    *size = size_of_any(b);
    if (live)
        return true;
    for (next = behind(b, *size); next < end; next = behind(b, *size)) {
        if (is_live(next) && !is_pending(heap, next))
            break;
        *size += size_of_any(next);
    }
    return false;
}

/* ---- figures ---- */

static size_t metadata_of(const loam_heap *heap, const region *r)
{
    size_t blocks = r->end - r->first;

    (void)heap;
    return r->size - blocks;
}

void loam_heap_stats(const loam_heap *heap, loam_stats *stats)
{
    size_t bytes, blocks = heap->blocks - count_pending(heap, &bytes);

    memset(stats, 0, sizeof *stats);
    stats->live = live_bytes(heap) - bytes;
    stats->peak = heap->peak;
    stats->committed = stats->reserved = heap->held;
    stats->lost = blocks * WORD;
    for (word link = heap->newest; link;) {
        const region *r = region_at(heap, link);

        stats->metadata += metadata_of(heap, r);
        link = r->older;
    }
    stats->blocks = blocks;
    stats->failures = heap->failures;
}

void loam_heap_reset_peak(loam_heap *heap)
{
    settle(heap);
    heap->peak = live_bytes(heap);
    heap->room = 0;
}

static void measure_region(const region *r, const loam_heap *heap, loam_heap_figures *figures)
{
    const block *b = block_at(heap, r->first), *end = block_at(heap, r->end);
    size_t size, usable;

    for (; b < end; b = behind(b, size)) {
        if (look_at(heap, b, end, &size)) {
            figures->live_blocks++;
            figures->requested += size - WORD - slack_of(b);
            continue;
        }
        usable = size - WORD;
        figures->free_blocks++;
        figures->free_bytes += usable;
        figures->largest_free = loam_max(figures->largest_free, usable);
        figures->histogram[loam_min(loam_log2(usable), LOAM_HEAP_HISTOGRAM - 1)]++;
    }
}

void loam_heap_measure(const loam_heap *heap, loam_heap_figures *figures)
{
    size_t bytes, blocks = heap->blocks - count_pending(heap, &bytes);
    size_t held = live_bytes(heap) - bytes + blocks * WORD;

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
        size_t size;
        bool live = look_at(heap, b, end, &size);

        next = behind(b, size);
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
