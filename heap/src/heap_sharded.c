/* heap_sharded.c: blocks for any thread.
 *
 *     alloc     this thread's shard -> every other one -> all give back what is empty -> both again
 *     dealloc   address -> record -> shard, or big block
 */
#include "heap_sharded_internal.h"

#include "heap_internal.h"

#include <loam/span_sharded.h>

/* ---- whose is this? ---- */

loam_record *loam_sharded_record(const loam_heap_sharded *heap, const void *ptr)
{
    const loam_region *ground = heap->region;
    loam_record *record;
    uintptr_t owner;

    if (!ground) {
        ground = loam_granules_region(heap->granules, ptr);
        if (!ground)
            return NULL;
    }
    record = loam_region_find(ground, ptr);
    if (!record)
        return NULL;
    owner = (uintptr_t)loam_record_owner(record);
    if (loam_record_kind(record) == LOAM_HEAP_KIND_SHARD)
        return owner - (uintptr_t)heap->shards < sizeof heap->shards ? record : NULL;
    return loam_record_kind(record) == LOAM_HEAP_KIND_BIG && owner == (uintptr_t)heap ? record
                                                                                      : NULL;
}

bool loam_heap_sharded_owns(const loam_heap_sharded *heap, const void *ptr)
{
    return loam_sharded_record(heap, ptr) != NULL;
}

/* ---- alloc ---- */

static bool is_big(const loam_heap_sharded *heap, size_t size, size_t align)
{
    return size >= heap->big || align >= LOAM_REGION_GRANULE;
}

static void *alloc_in(loam_heap_shard_ *shard, size_t size, size_t align, bool zero)
{
    void *ptr = loam_shard_alloc(shard, size, align, zero);

    loam_shard_leave(shard);
    return ptr;
}

static void *alloc_anywhere(loam_heap_sharded *heap, size_t size, size_t align, bool zero)
{
    void *ptr = NULL;

    if (is_big(heap, size, align))
        return loam_big_alloc(heap, size, align, zero);
    for (size_t i = 0; i < heap->count && !ptr; i++) {
        loam_shard_enter(&heap->shards[i]);
        ptr = alloc_in(&heap->shards[i], size, align, zero);
    }
    if (ptr)
        loam_atomic_add(&heap->helped, 1);
    return ptr;
}

static LOAM_COLD void *alloc_hard(loam_heap_sharded *heap, size_t size, size_t align, bool zero)
{
    void *ptr = is_big(heap, size, align) ? NULL : alloc_anywhere(heap, size, align, zero);

    if (!ptr && loam_heap_sharded_trim(heap) != 0)
        ptr = alloc_anywhere(heap, size, align, zero);
    if (!ptr)
        loam_atomic_add(&heap->failures, 1);
    return ptr;
}

static inline void *alloc_any(loam_heap_sharded *heap, size_t size, size_t align, bool zero)
{
    void *ptr;

    if (LOAM_UNLIKELY(size > LOAM_HEAP_MAX || align > LOAM_HEAP_MAX)) {
        loam_atomic_add(&heap->failures, 1);
        return NULL;
    }
    if (LOAM_UNLIKELY(is_big(heap, size, align)))
        ptr = loam_big_alloc(heap, size, align, zero);
    else
        ptr = alloc_in(loam_shard_mine(heap), size, align, zero);
    return LOAM_LIKELY(ptr != NULL) ? ptr : alloc_hard(heap, size, align, zero);
}

static bool is_alignment(size_t align)
{
    LOAM_REQUIRE(loam_is_pow2(align), LOAM_MISUSE_BAD_ALIGNMENT, (void *)(uintptr_t)align);
    return loam_is_pow2(align);
}

void *loam_heap_sharded_alloc(loam_heap_sharded *heap, size_t size)
{
    return alloc_any(heap, size, 1, false);
}

void *loam_heap_sharded_zalloc(loam_heap_sharded *heap, size_t size)
{
    return alloc_any(heap, size, 1, true);
}

void *loam_heap_sharded_alloc_aligned(loam_heap_sharded *heap, size_t size, size_t align)
{
    return is_alignment(align) ? alloc_any(heap, size, align, false) : NULL;
}

void *loam_heap_sharded_zalloc_aligned(loam_heap_sharded *heap, size_t size, size_t align)
{
    return is_alignment(align) ? alloc_any(heap, size, align, true) : NULL;
}

/* ---- dealloc ---- */

#if LOAM_CHECKS
/* Whether a pointer that is of no live block may have been one of a big block: granules start there that
 * nobody holds, and that have been held since their memory was last given back. */
static bool was_given(const loam_heap_sharded *heap, const void *ptr)
{
    const loam_region *ground =
        heap->region ? heap->region : loam_granules_region(heap->granules, ptr);
    const loam_record *record;
    uint8_t kind;

    if (!ground || !loam_region_contains(ground, ptr) || (uintptr_t)ptr % LOAM_REGION_GRANULE != 0)
        return false;
    record = loam_region_record(ground, loam_region_index(ground, ptr));
    kind = loam_record_kind(record);
    return (loam_record_state(record) & LOAM_REGION_DIRTY) != 0 &&
           (kind == LOAM_REGION_FREE || kind == LOAM_SPAN_KIND_FREE ||
            kind == LOAM_SPAN_KIND_FRONT || kind == LOAM_SPAN_KIND_CACHED);
}
#endif

static inline void give(loam_heap_sharded *heap, void *ptr, size_t size)
{
    loam_record *record = loam_sharded_record(heap, ptr);
    loam_heap_shard_ *shard;

    if (LOAM_UNLIKELY(!record)) {
        LOAM_REQUIRE(!was_given(heap, ptr), LOAM_MISUSE_DOUBLE_FREE, ptr);
        LOAM_REQUIRE(false, LOAM_MISUSE_FOREIGN_BLOCK, ptr);
        return;
    }
    shard = shard_of(record);
    if (LOAM_LIKELY(shard != NULL))
        loam_shard_give(shard, ptr, size);
    else
        loam_big_dealloc(heap, record, ptr, size);
}

void loam_heap_sharded_dealloc(loam_heap_sharded *heap, void *ptr)
{
    if (LOAM_LIKELY(ptr != NULL))
        give(heap, ptr, SIZE_MAX);
}

void loam_heap_sharded_dealloc_sized(loam_heap_sharded *heap, void *ptr, size_t size)
{
    if (LOAM_LIKELY(ptr != NULL))
        give(heap, ptr, size);
}

/* ---- changing the size ---- */

/* The record of a block that is passed back. */
static loam_record *known(const loam_heap_sharded *heap, const void *ptr)
{
    loam_record *record = loam_sharded_record(heap, ptr);

    LOAM_REQUIRE(record != NULL, LOAM_MISUSE_FOREIGN_BLOCK, ptr);
    return record;
}

bool loam_heap_sharded_resize(loam_heap_sharded *heap, void *ptr, size_t size)
{
    loam_record *record = known(heap, ptr);
    loam_heap_shard_ *shard;
    bool done;

    if (!record || size > LOAM_HEAP_MAX)
        return false;
    shard = shard_of(record);
    if (!shard)
        return loam_big_resize(heap, record, ptr, size);
    loam_shard_enter(shard);
    done = loam_heap_resize(shard->heap, ptr, size);
    loam_shard_leave(shard);
    return done;
}

/* In the block's own shard, if it is to stay small. Tells how many bytes there are to be kept. */
static void *realloc_in(loam_heap_sharded *heap, loam_heap_shard_ *shard, void *ptr, size_t size,
                        size_t align, size_t *kept)
{
    void *moved = NULL;

    loam_shard_enter(shard);
    if (!is_big(heap, size, align))
        moved = loam_heap_realloc_aligned(shard->heap, ptr, size, align);
    if (!moved) {
        loam_heap_verify(shard->heap, ptr);
        *kept = loam_heap_requested(ptr);
    }
    loam_shard_leave(shard);
    return moved;
}

static void *realloc_any(loam_heap_sharded *heap, void *ptr, size_t size, size_t align)
{
    loam_record *record = known(heap, ptr);
    bool aligned = ((uintptr_t)ptr & (align - 1)) == 0;
    loam_heap_shard_ *shard;
    size_t kept = 0;
    void *moved;

    if (!record)
        return NULL;
    shard = shard_of(record);
    if (shard) {
        moved = realloc_in(heap, shard, ptr, size, align, &kept);
        if (moved)
            return moved;
    } else {
        kept = note_of(record)->size;
        if (aligned && size >= heap->big && loam_big_resize(heap, record, ptr, size))
            return ptr;
    }
    moved = alloc_any(heap, size, align, false);
    if (!moved) /* shrinking can't fail */
        return !shard && aligned && loam_big_resize(heap, record, ptr, size) ? ptr : NULL;
    memcpy(moved, ptr, loam_min(kept, size));
    give(heap, ptr, SIZE_MAX);
    return moved;
}

void *loam_heap_sharded_realloc_aligned(loam_heap_sharded *heap, void *ptr, size_t size,
                                        size_t align)
{
    if (!is_alignment(align))
        return NULL;
    if (!ptr)
        return alloc_any(heap, size, align, false);
    if (size > LOAM_HEAP_MAX) {
        loam_atomic_add(&heap->failures, 1);
        return NULL;
    }
    return realloc_any(heap, ptr, size, align);
}

void *loam_heap_sharded_realloc(loam_heap_sharded *heap, void *ptr, size_t size)
{
    return loam_heap_sharded_realloc_aligned(heap, ptr, size, 1);
}

/* ---- sizes ---- */

size_t loam_heap_sharded_usable_size(loam_heap_sharded *heap, const void *ptr)
{
    loam_heap_shard_ *shard;
    loam_record *record;
    size_t size;

    if (!ptr)
        return 0;
    record = known(heap, ptr);
    if (!record)
        return 0;
    shard = shard_of(record);
    if (!shard)
        return loam_record_length(record) << LOAM_REGION_GRANULE_SHIFT;
    loam_shard_enter(shard);
    size = loam_heap_usable_size(shard->heap, ptr);
    loam_shard_leave(shard);
    return size;
}

size_t loam_heap_sharded_good_size(const loam_heap_sharded *heap, size_t size)
{
    size_t granule = heap->granule ? heap->granule : 16, good;

    if (size > LOAM_HEAP_MAX)
        return size;
    if (size >= heap->big)
        return loam_round_up(size, LOAM_REGION_GRANULE);
    good = loam_max(loam_round_up(size + WORD, granule), SMALLEST) - WORD;
    return good;
}

/* ---- the handle ---- */

static void *sharded_alloc(void *self, size_t size, size_t align)
{
    return alloc_any((loam_heap_sharded *)self, size, align <= 8 ? 1 : align, false);
}

static void *sharded_zalloc(void *self, size_t size, size_t align)
{
    return alloc_any((loam_heap_sharded *)self, size, align, true);
}

static void sharded_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    (void)align;
    give((loam_heap_sharded *)self, ptr, size);
}

static bool sharded_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    (void)size;
    (void)align;
    return loam_heap_sharded_resize((loam_heap_sharded *)self, ptr, new_size);
}

static void *sharded_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    (void)size;
    return loam_heap_sharded_realloc_aligned((loam_heap_sharded *)self, ptr, new_size, align);
}

static size_t sharded_good_size(void *self, size_t size, size_t align)
{
    const loam_heap_sharded *heap = (const loam_heap_sharded *)self;

    if (size <= LOAM_HEAP_MAX && is_big(heap, size, align))
        return loam_round_up(size, LOAM_REGION_GRANULE);
    return loam_heap_sharded_good_size(heap, size);
}

static bool sharded_owns(void *self, const void *ptr)
{
    return loam_heap_sharded_owns((const loam_heap_sharded *)self, ptr);
}

loam_allocator loam_heap_sharded_allocator(loam_heap_sharded *heap)
{
    static const loam_allocator_ops ops = {
        .alloc = sharded_alloc,
        .dealloc = sharded_dealloc,
        .zalloc = sharded_zalloc,
        .resize = sharded_resize,
        .remap = sharded_remap,
        .good_size = sharded_good_size,
        .owns = sharded_owns,
        .name = "sharded heap",
        .traits = LOAM_RECLAIMS | LOAM_THREADSAFE,
    };

    return (loam_allocator){&ops, heap};
}
