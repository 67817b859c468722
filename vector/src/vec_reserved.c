/* vec_reserved.c: arrays that never move, each in a reservation of its own.
 *
 *     mapping.base     offset           offset + size        committed            mapping.size
 *      |record|padding|#### the block ####|.................|------- reserved -------|
 *
 * The reservation is an allocator of one block, whose `resize` commits. So an array over it is an
 * array like any other: it doubles its capacity, and asks for the exact count when that is refused.
 *
 *   R1  offset + size <= committed <= mapping.size, committed in whole pages
 *   R2  what lies behind mapping.dirty reads zero
 *   R3  size <= most, and the elements at offset are aligned
 *
 * Address space is asked for once and whole: an array that may have n elements must hold n.
 */
#include "vec_internal.h"

#include "internal/mark.h"

enum { HUGE_FROM = 8 << 20 }; /* huge pages by policy start here, as in arenas */

/* ---- committing ---- */

static size_t pages_up(size_t size)
{
    return loam_round_up(size, loam_vm_page_size());
}

/* Advises huge pages for all that lies behind huge_from, when growth reaches it. */
static void advise_huge(loam_vec_reserved *record, size_t end)
{
    loam_mapping *mapping = &record->mapping;
    size_t from = record->huge_from;

    if (from == 0 || end <= from)
        return;
    record->huge_from = 0;
    if (loam_vm_advise(mapping->base + from, mapping->size - from, LOAM_VM_HUGE))
        mapping->advised = mapping->size;
}

/* Commits the reservation up to `end` bytes, which are not more than it has (R1). */
static bool commit_to(loam_mapping *mapping, size_t end)
{
    size_t wanted = pages_up(end);
    size_t old = mapping->committed;

    if (wanted <= old)
        return true;
    if (!loam_vm_commit(mapping->base + old, wanted - old))
        return false;
    loam_mark_dead(mapping->base + old, wanted - old);
    mapping->committed = wanted;
    return true;
}

/* Gives back what is committed behind `end`. False: it stays. */
static bool decommit_behind(loam_vec_reserved *record, size_t end)
{
    loam_mapping *mapping = &record->mapping;
    size_t keep = pages_up(end);

    if (keep >= mapping->committed)
        return true;
    loam_mark_undefined(mapping->base + keep, mapping->committed - keep);
    if (!loam_vm_decommit(mapping->base + keep, mapping->committed - keep)) {
        loam_mark_dead(mapping->base + keep, mapping->committed - keep);
        record->refused++;
        return false;
    }
    mapping->committed = keep;
    mapping->dirty = loam_min(mapping->dirty, keep);
    return true;
}

/* Makes the block `size` bytes long, more than it is. */
static bool extend(loam_vec_reserved *record, size_t size)
{
    loam_mapping *mapping = &record->mapping;
    size_t old = record->offset + record->size;
    size_t end = record->offset + size;

    if (size > record->most || !commit_to(mapping, end))
        return false;
    advise_huge(record, end);
    loam_mark_undefined(mapping->base + old, end - old);
    mapping->dirty = loam_max(mapping->dirty, end);
    record->size = size;
    return true;
}

/* ---- the allocator ---- */

/* Whether there is no block yet, and one could be of this alignment. */
static bool can_begin(const loam_vec_reserved *record, size_t align)
{
    return record->size == 0 && loam_padding(record->mapping.base + record->offset, align) == 0;
}

static void *reserved_alloc(void *self, size_t size, size_t align)
{
    loam_vec_reserved *record = (loam_vec_reserved *)self;

    if (!can_begin(record, align) || !extend(record, size))
        return NULL;
    return record->mapping.base + record->offset;
}

static void *reserved_zalloc(void *self, size_t size, size_t align)
{
    loam_vec_reserved *record = (loam_vec_reserved *)self;
    size_t dirty = record->mapping.dirty;
    char *block = (char *)reserved_alloc(self, size, align);

    if (!block)
        return NULL;
    loam_mark_live(block, size);
    if (dirty > record->offset)
        memset(block, 0, loam_min(dirty - record->offset, size));
    return block;
}

static bool reserved_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_vec_reserved *record = (loam_vec_reserved *)self;

    (void)align;
    if (new_size > size)
        return extend(record, new_size);
    if (!decommit_behind(record, record->offset + new_size))
        return false;
    loam_mark_dead((char *)ptr + new_size,
                   loam_min(size, record->mapping.committed - record->offset) - new_size);
    record->size = new_size;
    return true;
}

static void reserved_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    loam_vec_reserved *record = (loam_vec_reserved *)self;

    (void)align;
    (void)decommit_behind(record, record->offset);
    loam_mark_dead(ptr, loam_min(size, record->mapping.committed - record->offset));
    record->size = 0;
}

static bool reserved_owns(void *self, const void *ptr)
{
    const loam_vec_reserved *record = (const loam_vec_reserved *)self;

    return (uintptr_t)ptr - (uintptr_t)(record->mapping.base + record->offset) < record->size;
}

/* The record lies in the mapping. */
static void end_reservation(loam_vec_reserved *record)
{
    loam_mapping mapping = record->mapping;

    loam_vm_cache_give(&mapping);
}

static const loam_vec_reserved_ops reserved_ops = {
    .ops =
        {
            .alloc = reserved_alloc,
            .dealloc = reserved_dealloc,
            .zalloc = reserved_zalloc,
            .resize = reserved_resize,
            .owns = reserved_owns,
            .name = loam_vec_reserved_name,
            .traits = LOAM_RECLAIMS,
        },
    .end = end_reservation,
};

/* ---- the beginning ---- */

/* The bytes of a reservation for `most` bytes behind the record. False iff there is none. */
static bool reservation_size(size_t offset, size_t most, size_t *size)
{
    return loam_add_checked(offset, most, size) &&
           loam_round_up_checked(*size, loam_vm_reserve_granularity(), size) &&
           *size <= (size_t)PTRDIFF_MAX;
}

static size_t reservation_align(size_t size, size_t align)
{
    size_t huge = loam_vm_huge_page_size();

    return loam_max(loam_max(align, loam_vm_reserve_granularity()), size >= huge ? huge : 0);
}

/* Takes a reservation and commits its first `offset` bytes. Reservations that are advised as those
 * of arenas are shared with them. */
static bool take_reservation(size_t size, size_t align, size_t offset, loam_mapping *mapping)
{
    const uint32_t kind = LOAM_MAPPING_ADVISED;

    if (!loam_vm_cache_take(size, align, kind, mapping) &&
        !loam_vm_cache_reserve(size, size, align, kind, mapping))
        return false;
    if (commit_to(mapping, offset))
        return true;
    loam_vm_cache_give(mapping);
    return false;
}

/* Where huge pages are to be advised from; 0: nowhere, or it was done. */
static size_t choose_huge_from(const loam_mapping *mapping)
{
    size_t huge = loam_vm_huge_page_size();
    size_t from = huge ? loam_round_up(HUGE_FROM, huge) : 0;

    return mapping->advised < mapping->size && mapping->size > from ? from : 0;
}

bool loam_vec_raw_init_reserved(loam_vec *vec, size_t max_count, size_t size, size_t align)
{
    size_t most, offset, total;
    loam_mapping mapping;
    loam_vec_reserved *record;

    LOAM_REQUIRE(loam_is_pow2(align), LOAM_MISUSE_BAD_ALIGNMENT, (void *)(uintptr_t)align);
    if (!loam_is_pow2(align) || !loam_array_size(max_count, size, &most) || most == 0 ||
        align > (size_t)PTRDIFF_MAX / 2)
        return false;
    offset = loam_round_up(sizeof *record, loam_max(align, LOAM_MAX_ALIGN));
    if (!reservation_size(offset, most, &total) ||
        !take_reservation(total, reservation_align(total, align), offset, &mapping))
        return false;
    record = (loam_vec_reserved *)(void *)mapping.base;
    loam_mark_undefined(record, sizeof *record);
    mapping.dirty = loam_max(mapping.dirty, offset);
    *record = (loam_vec_reserved){.mapping = mapping,
                                  .offset = offset,
                                  .most = most,
                                  .max_count = max_count,
                                  .huge_from = choose_huge_from(&mapping)};
    *vec = (loam_vec){NULL, 0, 0, {&reserved_ops.ops, record}};
    return true;
}
