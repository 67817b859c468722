/* heap_sharded_big.c: blocks that are runs of granules of their own. */
#include "heap_sharded_internal.h"

#include "internal/mark.h"

/* ---- the list ---- */

static void link_big(loam_heap_sharded *heap, loam_region *region, loam_record *head, size_t size)
{
    *note_of(head) = (big_note){.next = heap->bigs, .region = region, .size = size};
    if (heap->bigs)
        note_of(heap->bigs)->prev = head;
    heap->bigs = head;
    heap->big_blocks++;
}

static void unlink_big(loam_heap_sharded *heap, loam_record *head)
{
    const big_note *note = note_of(head);

    if (note->prev)
        note_of(note->prev)->next = note->next;
    else
        heap->bigs = note->next;
    if (note->next)
        note_of(note->next)->prev = note->prev;
    heap->big_blocks--;
}

static void count_big(loam_heap_sharded *heap, size_t live, size_t held)
{
    heap->big_live += live;
    heap->big_held += held;
    heap->big_peak = loam_max(heap->big_peak, heap->big_live);
}

static void mark_big(char *ptr, size_t size, size_t granules)
{
    loam_mark_dead(ptr + size, granules * LOAM_REGION_GRANULE - size);
}

/* ---- the calls ---- */

/* A block of no bytes counts as one of one byte. */
void *loam_big_alloc(loam_heap_sharded *heap, size_t request, size_t align, bool zero)
{
    size_t size = loam_max(request, 1);
    size_t count = granules_for(size);
    size_t granules = loam_max(align >> LOAM_REGION_GRANULE_SHIFT, 1);
    loam_granules_info info;
    loam_record *head;
    void *ptr =
        loam_granules_take(heap->granules, count, granules, LOAM_HEAP_KIND_BIG, heap, &info);

    if (!ptr)
        return NULL;
    if (info.region->stride - sizeof(loam_record) < sizeof(big_note)) {
        loam_granules_give(heap->granules, ptr, count);
        return NULL;
    }
    if (zero)
        memset(ptr, 0, loam_min(size, info.dirty << LOAM_REGION_GRANULE_SHIFT));
    mark_big((char *)ptr, size, count);
    head = loam_region_record(info.region, info.index);
    loam_os_mutex_lock(sharded_mutex(heap));
    link_big(heap, info.region, head, size);
    count_big(heap, size, count << LOAM_REGION_GRANULE_SHIFT);
    loam_os_mutex_unlock(sharded_mutex(heap));
    return ptr;
}

/* A block of this kind is known by its first byte only. */
static void require_start(const loam_heap_sharded *heap, const loam_record *record, const void *ptr)
{
#if LOAM_CHECKS
    size_t first = loam_record_first(record);
    loam_region *region = heap->region ? heap->region : loam_granules_region(heap->granules, ptr);

    LOAM_REQUIRE(ptr == loam_region_address(region, first), LOAM_MISUSE_FOREIGN_BLOCK, ptr);
#endif
    (void)heap;
    (void)record;
    (void)ptr;
}

void loam_big_dealloc(loam_heap_sharded *heap, loam_record *record, void *ptr, size_t size)
{
    size_t count = loam_record_length(record), bytes = count << LOAM_REGION_GRANULE_SHIFT;

    require_start(heap, record, ptr);
    LOAM_REQUIRE(size == SIZE_MAX || loam_max(size, 1) == note_of(record)->size,
                 LOAM_MISUSE_WRONG_SIZE, ptr);
    (void)size;
    loam_os_mutex_lock(sharded_mutex(heap));
    unlink_big(heap, record);
    count_big(heap, 0 - note_of(record)->size, 0 - bytes);
    loam_os_mutex_unlock(sharded_mutex(heap));
    loam_mark_undefined(ptr, bytes);
    loam_granules_give(heap->granules, ptr, count);
}

/* The tail that is not needed any more is a run of its own, which is given back. */
static void cut_tail(loam_heap_sharded *heap, loam_record *record, char *ptr, size_t count)
{
    loam_region *region = note_of(record)->region;
    size_t index = loam_region_index(region, ptr), rest = loam_record_length(record) - count;

    loam_region_describe(region, index, count, LOAM_HEAP_KIND_BIG, heap);
    loam_region_describe(region, index + count, rest, LOAM_HEAP_KIND_BIG, heap);
    loam_mark_undefined(ptr + (count << LOAM_REGION_GRANULE_SHIFT),
                        rest << LOAM_REGION_GRANULE_SHIFT);
    loam_granules_give(heap->granules, loam_region_address(region, index + count), rest);
}

bool loam_big_resize(loam_heap_sharded *heap, loam_record *record, void *ptr, size_t request)
{
    size_t size = loam_max(request, 1), need = granules_for(size), old_size = note_of(record)->size,
           have;

    require_start(heap, record, ptr);
    loam_os_mutex_lock(sharded_mutex(heap));
    have = loam_record_length(record);
    if (need > have && !loam_granules_resize(heap->granules, ptr, have, need)) {
        loam_os_mutex_unlock(sharded_mutex(heap));
        return false;
    }
    if (need < have)
        cut_tail(heap, record, (char *)ptr, need);
    note_of(record)->size = size;
    count_big(heap, size - old_size, (need - have) << LOAM_REGION_GRANULE_SHIFT);
    loam_os_mutex_unlock(sharded_mutex(heap));
    if (size > old_size)
        loam_mark_undefined((char *)ptr + old_size, size - old_size);
    mark_big((char *)ptr, size, need);
    return true;
}
