/* heap.c: the life of a heap, and the pieces of memory that it has.
 *
 *      buffer      heap                       first                          end
 *        |(padding) |loam_heap, rings|(padding)|                              |end|(padding)|
 */
#include "front.h"

#include "internal/mark.h"

/* ---- layout ---- */

/* The end of sizes that have rings: a buffer of four times as much has them for twice the sizes. */
static size_t small_end_for(size_t size)
{
    size_t end = SMALL_LEAST;

    for (size_t limit = 2 << 10; end < SMALL_MOST && size > limit; limit *= 4)
        end *= 2;
    return end;
}

static size_t control_size(size_t small_end, size_t granule)
{
    return sizeof(loam_heap) + rings_size(small_end, granule);
}

block *loam_heap_first_place(const loam_heap *heap, const void *at)
{
    uintptr_t payload =
        ((uintptr_t)at + WORD + granule_mask(heap)) & ~(uintptr_t)granule_mask(heap);

    return block_of((const void *)payload);
}

/* The last place where an end has room, so that a block may end there. */
block *loam_heap_last_place(const loam_heap *heap, const region *r)
{
    uintptr_t top = (uintptr_t)block_at(heap, r->base) + r->size;

    return block_of(
        (const void *)((top - (END_WORDS - 1) * WORD) & ~(uintptr_t)granule_mask(heap)));
}

void loam_heap_write_end(loam_heap *heap, region *r)
{
    block *end = loam_heap_last_place(heap, r);

    r->end = link_to(heap, end);
    heap->quarter = quarter_of(r);
    end->head = 0;
    end->next = link_to(heap, r);
    end->size = 0;
}

/* Whether there is room for a block and an end behind a record of so many bytes, which starts `padding`
 * bytes into the memory. */
static bool has_room(const void *base, size_t size, size_t padding, size_t record, size_t granule)
{
    uintptr_t at = (uintptr_t)base + padding + record, top = (uintptr_t)base + size;
    uintptr_t first, last;

    if (size < padding || size - padding < record + END_WORDS * WORD)
        return false;
    first = (at + WORD + granule - 1) & ~(uintptr_t)(granule - 1);
    last = (top - (END_WORDS - 1) * WORD) & ~(uintptr_t)(granule - 1);
    return last >= first && last - first >= SMALLEST;
}

void loam_heap_open_region(loam_heap *heap, region *r, const void *at)
{
    block *first = loam_heap_first_place(heap, at);

    r->first = link_to(heap, first);
    loam_heap_write_end(heap, r);
    if (heap->top) {
        loam_heap_tree_insert(heap, block_at(heap, heap->top));
        forget_top(heap);
    }
    list_block(heap, first, r->end - r->first);
    tell_next_free(first, r->end - r->first);
}

static void empty_lists(loam_heap *heap)
{
    for (size_t size = 0; size < heap->small_end; size += granule_mask(heap) + 1) {
        block *ring = ring_for(heap, size);

        ring->next = link_to(heap, ring);
        ring->head = ring->next | tiny_flag(size);
    }
    memset(heap->summary, 0, sizeof heap->summary);
    memset(heap->bits, 0, sizeof heap->bits);
    heap->root = heap->smallest = 0;
    heap->fresh_low = heap->fresh_high = heap->spent_low = heap->spent_high = 0;
    heap->room = heap->peak;
    heap->blocks = 0;
    forget_current(heap);
    forget_top(heap);
    heap->pending[0] = heap->pending[1] = 0;
}

/* ---- a heap in some memory ---- */

static bool config_granule(const loam_heap_config *config, size_t *granule)
{
    *granule = config && config->granule ? config->granule : 16;
    return *granule == 8 || *granule == 16;
}

/* Makes a heap of [base, base + size). NULL: that is too small. */
static loam_heap *make(void *base, size_t size, size_t small_end, size_t granule, bool shared)
{
    size_t padding = loam_padding(base, LOAM_HEAP_ALIGN);
    loam_heap *heap = (loam_heap *)((uintptr_t)base + padding);

    if (!has_room(base, size, padding, control_size(small_end, granule), granule))
        return NULL;
    memset(heap, 0, sizeof *heap);
    heap->round = WORD + granule - 1;
    heap->clear = ~(word)(granule - 1);
    heap->each = granule == UNIT ? ~(word)0 : 0;
    heap->small_end = small_end;
    heap->shared = shared;
    heap->fast = loam_heap_must_watch(shared) ? 0 : small_end - granule - WORD;
    heap->eager = heap->fast == 0;
    heap->held = size;
    heap->first.base = link_to(heap, base);
    heap->first.size = size;
    heap->first.mirror = ~(word)0;
    heap->newest = link_to(heap, &heap->first);
    heap->mirror = ~heap->newest;
    empty_lists(heap);
    loam_heap_open_region(heap, &heap->first,
                          (const char *)heap + control_size(small_end, granule));
    heap->magic = MAGIC;
    return heap;
}

void loam_heap_set_fresh(loam_heap *heap, const region *r)
{
    word low = r->first + sizeof(block), high = r->end - WORD;

    if (high - low > heap->fresh_high - heap->fresh_low && r->end - r->first > heap->small_end) {
        heap->fresh_low = low;
        heap->fresh_high = high;
    }
}

loam_heap *loam_heap_init(void *buffer, size_t size, const loam_heap_config *config)
{
    loam_heap *heap;
    size_t granule, usable;

    if (!buffer || size > LOAM_HEAP_MAX || !config_granule(config, &granule))
        return NULL;
    usable = size - loam_min(size, loam_padding(buffer, LOAM_HEAP_ALIGN));
    heap = make(buffer, size, small_end_for(usable), granule, config && config->shared);
    if (!heap)
        return NULL;
    if (config && config->zeroed)
        loam_heap_set_fresh(heap, &heap->first);
    loam_heap_watch_region(heap, &heap->first);
    return heap;
}

loam_heap *loam_heap_attach(void *buffer, size_t size)
{
    size_t padding = loam_padding(buffer, LOAM_HEAP_ALIGN);
    loam_heap *heap = (loam_heap *)((uintptr_t)buffer + padding);

    if (!buffer || size < padding || size - padding < control_size(SMALL_LEAST, 16))
        return NULL;
    if (heap->magic != MAGIC || !heap->shared || heap->first.size != size ||
        heap->first.base != 0 - (word)padding)
        return NULL;
    return heap;
}

void loam_heap_deinit(loam_heap *heap)
{
    for (word link = heap->newest; link;) {
        region *r = region_at(heap, link);

        link = r->older;
        loam_heap_watch_end(heap, r);
    }
    heap->magic = 0;
}

size_t loam_heap_overhead(size_t size, const loam_heap_config *config)
{
    size_t granule, at, end;

    if (!config_granule(config, &granule))
        return size;
    at = loam_round_up(control_size(small_end_for(size), granule) + WORD, granule);
    end = size < END_WORDS * WORD ? 0 : loam_round_down(size - (END_WORDS - 1) * WORD, granule);
    return end < at + SMALLEST ? size : size - (end - at) + WORD;
}

/* ---- a heap that grows ---- */

loam_heap *loam_heap_create(loam_allocator source, const loam_heap_config *config)
{
    size_t wish = config && config->region_size ? config->region_size : REGION_FIRST;
    loam_heap *heap;
    size_t granule, size, small_end;
    void *base;

    if (!config_granule(config, &granule) || wish > LOAM_HEAP_MAX)
        return NULL;
    wish = loam_max(wish, REGION_LEAST);
    small_end = small_end_for(wish <= LOAM_HEAP_MAX / GROWTH_EXPECTED ? wish * GROWTH_EXPECTED
                                                                      : LOAM_HEAP_MAX);
    wish = loam_max(wish, control_size(small_end, granule) + 1024);
    size = loam_good_size(source, wish, LOAM_HEAP_ALIGN);
    if (size > LOAM_HEAP_MAX)
        size = wish;
    base = loam_heap_region_alloc(source, size);
    if (!base)
        return NULL;
    heap = make(base, size, small_end, granule, false);
    heap->source = source;
    heap->eager = 1;
    heap->first.source = 1;
    heap->keep = config ? config->keep : 0;
    heap->region_size = wish;
    if (source.ops->zalloc)
        loam_heap_set_fresh(heap, &heap->first);
    loam_heap_watch_region(heap, &heap->first);
    return heap;
}

void loam_heap_destroy(loam_heap *heap)
{
    loam_allocator source;
    void *base;
    size_t size;

    if (!heap)
        return;
    source = heap->source;
    base = block_at(heap, heap->first.base);
    size = heap->first.size;
    for (word link = heap->newest; link;) {
        region *r = region_at(heap, link), gone = *r;

        link = gone.older;
        loam_heap_watch_end(heap, r);
        if (gone.source && r != &heap->first)
            loam_dealloc(source, block_at(heap, gone.base), gone.size, LOAM_HEAP_ALIGN);
    }
    loam_dealloc(source, base, size, LOAM_HEAP_ALIGN);
}

/* ---- more memory ---- */

/* Makes [base, base + size) a region, with its record at its start. NULL: it is too small. */
region *loam_heap_add_region(loam_heap *heap, void *base, size_t size)
{
    size_t padding = loam_padding(base, RECORD_ALIGN);
    region *r = (region *)((uintptr_t)base + padding);

    if (!has_room(base, size, padding, sizeof(region), granule_mask(heap) + 1))
        return NULL;
    memset(r, 0, sizeof *r);
    r->base = link_to(heap, base);
    r->size = size;
    r->older = heap->newest;
    r->mirror = ~r->older;
    loam_heap_open_region(heap, r, r + 1);
    heap->newest = link_to(heap, r);
    heap->mirror = ~heap->newest;
    heap->held += size;
    return r;
}

bool loam_heap_add(loam_heap *heap, void *buffer, size_t size)
{
    const region *r;

    if (!buffer || size > LOAM_HEAP_MAX)
        return false;
    loam_mark_quiet();
    r = loam_heap_add_region(heap, buffer, size);
    if (r)
        loam_heap_watch_region(heap, r);
    loam_mark_loud();
    return r != NULL;
}

bool loam_heap_owns(const loam_heap *heap, const void *ptr)
{
    for (word link = heap->newest; link;) {
        const region *r = region_at(heap, link);

        if (link_to(heap, ptr) - r->first < r->end - r->first)
            return true;
        link = r->older;
    }
    return false;
}

/* ---- reset ---- */

void loam_heap_reset(loam_heap *heap)
{
    loam_mark_quiet();
    empty_lists(heap);
    for (word link = heap->newest; link;) {
        region *r = region_at(heap, link);
        block *first = block_at(heap, r->first);

        link = r->older;
        list_block(heap, first, r->end - r->first);
        block_at(heap, r->end)->head = 0;
        tell_next_free(first, r->end - r->first);
        loam_heap_watch_region(heap, r);
    }
    loam_heap_keep_few(heap);
    loam_mark_loud();
}
