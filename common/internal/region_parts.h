/* region_parts.h: the pieces of region.c, region_life.c and region_inspect.c that they share: the
 * words of a record, the lock, and the figures that follow from others.
 */
#ifndef LOAM_INTERNAL_REGION_PARTS_H
#define LOAM_INTERNAL_REGION_PARTS_H

#include <loam/region.h>
#include <loam/vm.h>

#include "internal/bits.h"
#include "internal/os.h"

/* ---- the lock ---- */

_Static_assert(sizeof(loam_os_mutex) == sizeof(((loam_region *)0)->lock),
               "a region has room for the system's mutex");

static inline loam_os_mutex *loam_region_mutex(loam_region *region)
{
    return (loam_os_mutex *)&region->lock;
}

/* ---- a record's words ----
 *
 *   place    31          first          8 7     kind     0
 *   extent   31          length         8 7 0 0 0 0 level 2 1 state 0
 *
 * The level counts in the head of a free run only, and says which lists it is in. All words are
 * written atomically, without order: the region looks at the records of runs that others hold, and
 * they at those of their neighbours, to see that they are not theirs.
 */

enum { LOAM_RECORD_SHIFT = 8, LOAM_RECORD_LEVEL_SHIFT = 2 };

/* How a free run's memory is, by its best granule. A run may be in the lists of a better level than
 * it has now, never in those of a worse one. */
typedef enum loam_region_level {
    LOAM_REGION_WARM, /* may hold something: no page faults for the next holder, if purged a gain */
    LOAM_REGION_CLEAN, /* committed, reads zero: no memory behind it */
    LOAM_REGION_COLD   /* decommitted */
} loam_region_level;

_Static_assert(LOAM_REGION_COLD + 1 == LOAM_REGION_LEVELS_, "each level has its lists");
_Static_assert(sizeof(loam_record) == LOAM_REGION_STRIDE_MIN, "the public part is 16 bytes");
_Static_assert(offsetof(loam_record, place) == 8, "and the same on 32-bit systems");
_Static_assert(LOAM_REGION_MAX_GRANULES < (size_t)1 << (32 - LOAM_RECORD_SHIFT),
               "a granule's number, and the length of a run, fit above the low byte");
_Static_assert(LOAM_REGION_MAX_GRANULES % LOAM_REGION_CHUNK_GRANULES == 0, "whole chunks");
_Static_assert((LOAM_REGION_DIRTY | LOAM_REGION_DECOMMITTED) < 1 << LOAM_RECORD_LEVEL_SHIFT,
               "states are below the level");

static inline void loam_record_store(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline void loam_record_set_place(loam_record *record, size_t first, uint8_t kind)
{
    loam_record_store(&record->place, (uint32_t)first << LOAM_RECORD_SHIFT | kind);
}

static inline void loam_record_set_extent(loam_record *record, size_t length, unsigned state)
{
    loam_record_store(&record->extent, (uint32_t)length << LOAM_RECORD_SHIFT | state);
}

static inline void loam_record_set_owner(loam_record *record, void *owner)
{
    __atomic_store_n(&record->owner, owner, __ATOMIC_RELAXED);
}

/* No owner, no links: both views of those eight bytes are zero. */
static inline void loam_record_clear_owner(loam_record *record)
{
    loam_record_store(&record->links[0], 0);
    loam_record_store(&record->links[1], 0);
}

static inline unsigned loam_record_level(const loam_record *record)
{
    return (record->extent & 0xff) >> LOAM_RECORD_LEVEL_SHIFT;
}

static inline bool loam_record_is_free(const loam_record *record)
{
    return loam_record_kind(record) == LOAM_REGION_FREE;
}

/* The level of one granule. */
static inline unsigned loam_record_own_level(const loam_record *record)
{
    unsigned state = loam_record_state(record);

    if (state & LOAM_REGION_DECOMMITTED)
        return LOAM_REGION_COLD;
    return state & LOAM_REGION_DIRTY ? LOAM_REGION_WARM : LOAM_REGION_CLEAN;
}

/* ---- links between the heads of free runs: a granule's number twice, plus one ---- */

enum { LOAM_LINK_NEXT, LOAM_LINK_PREV };

#define LOAM_LINK_NONE ((size_t)0x7fffffff)

static inline size_t loam_record_link(const loam_record *record, unsigned which)
{
    return record->links[which] >> 1;
}

static inline void loam_record_set_link(loam_record *record, unsigned which, size_t index)
{
    loam_record_store(&record->links[which], (uint32_t)index << 1 | 1);
}

/* ---- lists ---- */

static inline size_t loam_region_bin(size_t length)
{
    return loam_min(length, LOAM_REGION_BINS_) - 1;
}

/* The list of the longest runs of a level that is not empty. */
static inline size_t loam_region_longest(uint64_t filled)
{
    uint32_t high = (uint32_t)(filled >> 32);

    return high ? 32 + loam_log2(high) : loam_log2((size_t)filled);
}

/* ---- metadata:   | header | classes     | records: edge 0 1 2 ... edge | ---- */

static inline size_t loam_region_class_bytes(size_t granules)
{
    return loam_round_up(granules, loam_vm_page_size());
}

static inline size_t loam_region_record_bytes(size_t granules, size_t stride)
{
    return loam_round_up((granules + 2) * stride, loam_vm_page_size());
}

/* ---- region.c ---- */

/* The first granule of a run that is passed back. Every one passes here. */
size_t loam_region_checked_index(const loam_region *region, const void *ptr, size_t count);

/* ---- region.c: for layers that know where they need granules ---- */

/* As loam_region_take(), of just these granules; their states say whether they may hold something. At
 * least one end is at a granule that somebody holds, or at an end of the region. False iff one of them
 * is held, the limit would be exceeded, or the system refuses to commit; the region is unchanged. */
bool loam_region_take_at(loam_region *region, size_t index, size_t count, uint8_t kind,
                         void *owner);

/* ---- region_life.c ---- */

/* How many granules from `index` on, or before it, nobody holds. The caller holds the granule on the
 * other side of the border, or there is none. The answer is good until somebody takes some. */
size_t loam_region_room_behind(loam_region *region, size_t index);
size_t loam_region_room_before(loam_region *region, size_t index);

/* Makes [start, end) ready to be taken: its metadata, and its memory. Nobody holds it. False iff
 * the system refuses; then the region is as before. */
bool loam_region_make_ready(loam_region *region, size_t start, size_t end);

#endif
