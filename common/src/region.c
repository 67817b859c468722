/* region.c: runs of granules, taken from the frontier and from what was given back.
 *
 *            head     tail   head   tail
 *   0 ........|........|......|......|........ frontier ......... committed ......... granules
 *    held run |  free run     | held |  never free: it would be part of what is behind
 *
 * A run is told by its records alone. Every record of a held run names the kind, the owner and the
 * first granule. Of a free run only the head (its length, its links, its level) and the tail (its
 * first granule) are looked at, so that joining two of them writes four records at most.
 *
 * A free run is joined with free neighbours at once, and with the frontier where it ends there. It
 * is in one of 3 x 64 lists: by level, which is how warm its warmest granule is, and by length,
 * with one list for all of 64 granules and more. Lists are LIFO. A take looks at warm runs of its
 * length and longer, then at clean ones, then at cold ones, then at the frontier: memory that
 * somebody paid page faults for is used again before any more is paid. It takes the low end of what
 * it finds, so that free granules gather near the frontier. Best fit by address, warmth by granule,
 * and shares for several processors are for layers above (see loam_granules in region.h).
 *
 * Warmth is a fact of each granule, kept in its record also beyond the frontier: what a taker is
 * told about zeros is exact, whatever was joined and cut.
 *
 *   R1  base is on a chunk, granules are whole chunks inside the reservation
 *   R2  runs tile [0, frontier): each head names itself, and a length that ends at the next head
 *   R3  every granule of a held run names its kind, owner and first granule; of a run of the kind
 *       PARTED, only the first and the last name the first granule
 *   R4  free runs have no free neighbour, and none ends at the frontier
 *   R5  each free run is in one list, that of its level and length; a list's bit says whether it is
 *       empty; links go both ways; the tail names the head
 *   R6  granules that nobody holds have class 0 and opaque bytes zero, and no owner
 *   R7  held and decommitted are the counts of such granules; held <= peak
 *   R8  frontier <= committed <= granules with records; records exist as far as they are committed,
 *       one before the first and one behind the last included, and those two are free
 *   R9  a free run's level is no worse than its warmest granule; touched <= committed, and no
 *       granule from touched to committed is warm
 */
#include <loam/region.h>

#include "internal/mark.h"
#include "internal/region_parts.h"
#include "internal/vm_backend.h"

#include <string.h>

/* ---- lists of free runs ---- */

/* Makes [start, start + length) a free run of a level and puts it first in its list. Its granules
 * are of kind FREE. */
static void insert_run(loam_region *region, size_t start, size_t length, unsigned level)
{
    size_t bin = loam_region_bin(length);
    size_t next = region->bins[level][bin];
    loam_record *head = loam_region_record(region, start);
    loam_record *tail = loam_region_record(region, start + length - 1);

    loam_record_set_place(tail, start, LOAM_REGION_FREE);
    loam_record_set_place(head, start, LOAM_REGION_FREE);
    loam_record_set_extent(head, length,
                           loam_record_state(head) | level << LOAM_RECORD_LEVEL_SHIFT);
    loam_record_set_link(head, LOAM_LINK_NEXT, next);
    loam_record_set_link(head, LOAM_LINK_PREV, LOAM_LINK_NONE);
    if (next != LOAM_LINK_NONE)
        loam_record_set_link(loam_region_record(region, next), LOAM_LINK_PREV, start);
    region->bins[level][bin] = (uint32_t)start;
    region->filled[level] |= (uint64_t)1 << bin;
}

/* Takes the run that starts at `start` out of its list. Its head is then like any other granule of
 * a free run. Returns its level. */
static unsigned remove_run(loam_region *region, size_t start)
{
    loam_record *head = loam_region_record(region, start);
    unsigned level = loam_record_level(head);
    size_t bin = loam_region_bin(loam_record_length(head));
    size_t next = loam_record_link(head, LOAM_LINK_NEXT);
    size_t prev = loam_record_link(head, LOAM_LINK_PREV);

    if (next != LOAM_LINK_NONE)
        loam_record_set_link(loam_region_record(region, next), LOAM_LINK_PREV, prev);
    if (prev != LOAM_LINK_NONE)
        loam_record_set_link(loam_region_record(region, prev), LOAM_LINK_NEXT, next);
    else
        region->bins[level][bin] = (uint32_t)next;
    if (region->bins[level][bin] == LOAM_LINK_NONE)
        region->filled[level] &= ~((uint64_t)1 << bin);
    loam_record_clear_owner(head);
    loam_record_set_extent(head, 0, loam_record_state(head));
    return level;
}

/* The first position in a free run where an aligned one of `count` granules fits. */
static bool fits(const loam_region *region, size_t start, size_t length, size_t count, size_t align,
                 size_t *at)
{
    size_t base = region->base >> LOAM_REGION_GRANULE_SHIFT;
    size_t skip = (0 - (base + start)) & (align - 1);

    *at = start + skip;
    return skip < length && count <= length - skip;
}

/* Finds room in the runs of one level: the newest of the shortest length that has some. */
static bool find_run(const loam_region *region, unsigned level, size_t count, size_t align,
                     size_t *run, size_t *at)
{
    uint64_t bits = region->filled[level] & (~(uint64_t)0 << loam_region_bin(count));

    for (; bits != 0; bits &= bits - 1) {
        size_t start = region->bins[level][loam_lowest_bit(bits)];

        while (start != LOAM_LINK_NONE) {
            const loam_record *head = loam_region_record(region, start);

            if (fits(region, start, loam_record_length(head), count, align, at)) {
                *run = start;
                return true;
            }
            start = loam_record_link(head, LOAM_LINK_NEXT);
        }
    }
    return false;
}

/* ---- taking ---- */

/* Cuts [at, at + count) out of a free run.
 *
 *   before   [ run                        ]
 *   after    [ front ][ at .. ][ back     ]     both pieces in the lists of the run's level
 */
static void carve(loam_region *region, size_t run, size_t at, size_t count)
{
    size_t end = run + loam_record_length(loam_region_record(region, run));
    unsigned level = remove_run(region, run);

    if (at > run)
        insert_run(region, run, at - run, level);
    if (end > at + count)
        insert_run(region, at + count, end - (at + count), level);
}

static bool take_free(loam_region *region, size_t count, size_t align, size_t *at)
{
    size_t run;

    for (unsigned level = 0; level < LOAM_REGION_LEVELS_; level++) {
        if (!find_run(region, level, count, align, &run, at))
            continue;
        if (!loam_region_make_ready(region, *at, *at + count))
            return false;
        carve(region, run, *at, count);
        return true;
    }
    return false;
}

/* The level of a run: that of its best granule. */
static unsigned level_of(const loam_region *region, size_t start, size_t length)
{
    unsigned level = LOAM_REGION_COLD;

    for (size_t i = 0; i < length && level != LOAM_REGION_WARM; i++) {
        unsigned own = loam_record_own_level(loam_region_record(region, start + i));

        level = own < level ? own : level;
    }
    return level;
}

/* Moves the frontier up, past [at, at + count). What is skipped becomes a free run; before it lies a
 * held one (R4). */
static bool advance(loam_region *region, size_t at, size_t count)
{
    size_t frontier = region->frontier;

    if (!loam_region_make_ready(region, at, at + count))
        return false;
    if (at > frontier)
        insert_run(region, frontier, at - frontier, level_of(region, frontier, at - frontier));
    region->frontier = at + count;
    return true;
}

static bool take_fresh(loam_region *region, size_t count, size_t align, size_t *at)
{
    size_t frontier = region->frontier;

    return fits(region, frontier, region->granules - frontier, count, align, at) &&
           advance(region, *at, count);
}

/* The free run that [index, index + count) lies in, at one of its ends; LOAM_LINK_NONE: none does. Only
 * the ends of a free run tell where it is (R3). */
static size_t run_around(const loam_region *region, size_t index, size_t count)
{
    size_t run = index, length;

    if (!loam_record_is_free(loam_region_record(region, index)))
        return LOAM_LINK_NONE;
    if (index > 0 && loam_record_is_free(loam_region_record(region, index - 1))) {
        if (!loam_record_is_free(loam_region_record(region, index + count - 1)) ||
            loam_record_is_free(loam_region_record(region, index + count)))
            return LOAM_LINK_NONE;
        run = loam_record_first(loam_region_record(region, index + count - 1));
    }
    length = loam_record_length(loam_region_record(region, run));
    return run <= index && index + count <= run + length ? run : LOAM_LINK_NONE;
}

static bool take_there(loam_region *region, size_t index, size_t count)
{
    size_t run;

    if (count > region->granules || index > region->granules - count)
        return false;
    if (index >= region->frontier)
        return advance(region, index, count);
    run = index + count <= region->frontier ? run_around(region, index, count) : LOAM_LINK_NONE;
    if (run == LOAM_LINK_NONE || !loam_region_make_ready(region, index, index + count))
        return false;
    carve(region, run, index, count);
    return true;
}

/* Writes the records of a run that has left the lists. Returns how many granules from its start
 * may hold something. */
static size_t claim(loam_region *region, size_t start, size_t count, uint8_t kind, void *owner)
{
    size_t dirty = 0;

    for (size_t i = 0; i < count; i++) {
        loam_record *record = loam_region_record(region, start + i);

        if (loam_record_state(record) & LOAM_REGION_DIRTY)
            dirty = i + 1;
        loam_record_set_place(record, start, kind);
        loam_record_set_owner(record, owner);
        loam_record_set_extent(record, i == 0 ? count : 0, LOAM_REGION_DIRTY);
    }
    region->takes++;
    region->held += count;
    region->peak = loam_max(region->peak, region->held);
    region->touched = loam_max(region->touched, start + count);
    return dirty;
}

/* Whether the limit lets `count` more granules be held. */
static bool may_hold(const loam_region *region, size_t count)
{
    return count != 0 && region->held < region->most && count <= region->most - region->held;
}

/* Tells tools, and the taker. */
static void *hand_out(loam_region *region, size_t at, size_t count, size_t dirty,
                      loam_granules_info *info)
{
    char *ptr = (char *)loam_region_address(region, at);

    loam_mark_undefined(ptr, dirty * LOAM_REGION_GRANULE);
    loam_mark_live(ptr + dirty * LOAM_REGION_GRANULE, (count - dirty) * LOAM_REGION_GRANULE);
    if (info)
        *info = (loam_granules_info){region, at, dirty};
    return ptr;
}

void *loam_region_take(loam_region *region, size_t count, size_t align, uint8_t kind, void *owner,
                       loam_granules_info *info)
{
    size_t at = 0, dirty = 0;
    bool taken;

    loam_os_mutex_lock(loam_region_mutex(region));
    taken = loam_is_pow2(align) && kind != LOAM_REGION_FREE && may_hold(region, count) &&
            (take_free(region, count, align, &at) || take_fresh(region, count, align, &at));
    if (taken)
        dirty = claim(region, at, count, kind, owner);
    else
        region->failures++;
    loam_os_mutex_unlock(loam_region_mutex(region));
    return taken ? hand_out(region, at, count, dirty, info) : NULL;
}

bool loam_region_take_at(loam_region *region, size_t index, size_t count, uint8_t kind, void *owner)
{
    size_t dirty = 0;
    bool taken;

    loam_os_mutex_lock(loam_region_mutex(region));
    taken = may_hold(region, count) && take_there(region, index, count);
    if (taken)
        dirty = claim(region, index, count, kind, owner);
    loam_os_mutex_unlock(loam_region_mutex(region));
    if (!taken)
        return false;
    (void)hand_out(region, index, count, dirty, NULL);
    loam_region_mark(region, index + dirty, count - dirty, 0);
    return true;
}

/* ---- giving ---- */

size_t loam_region_checked_index(const loam_region *region, const void *ptr, size_t count)
{
    size_t index = loam_region_index(region, ptr);

#if LOAM_CHECKS
    const loam_record *record;

    LOAM_REQUIRE(loam_region_contains(region, ptr) && loam_region_address(region, index) == ptr,
                 LOAM_MISUSE_REGION_FOREIGN, ptr);
    record = loam_region_record(region, index);
    LOAM_REQUIRE(!loam_record_is_free(record), LOAM_MISUSE_REGION_DOUBLE_GIVE, ptr);
    LOAM_REQUIRE(loam_record_first(record) == index && loam_record_length(record) == count,
                 LOAM_MISUSE_REGION_WRONG_LENGTH, ptr);
#else
    (void)count;
#endif
    return index;
}

/* Clears the holder's bytes. The usual size is a constant, which spares a call. */
static void clear_opaque(loam_record *record, size_t stride)
{
    if (stride == LOAM_REGION_STRIDE)
        memset(loam_record_opaque(record), 0, LOAM_REGION_STRIDE - sizeof *record);
    else
        memset(loam_record_opaque(record), 0, stride - sizeof *record);
}

/* Clears the records of a run that nobody holds any more (R6). Returns its level. */
static unsigned disclaim(loam_region *region, size_t start, size_t count)
{
    unsigned level = LOAM_REGION_COLD;

    memset(region->classes + start, 0, count);
    for (size_t i = 0; i < count; i++) {
        loam_record *record = loam_region_record(region, start + i);
        unsigned own = loam_record_own_level(record);

        level = own < level ? own : level;
        region->decommitted += own == LOAM_REGION_COLD;
        clear_opaque(record, region->stride);
        loam_record_clear_owner(record);
        loam_record_set_place(record, start, LOAM_REGION_FREE);
        loam_record_set_extent(record, 0, loam_record_state(record));
    }
    region->held -= count;
    return level;
}

/* Joins [start, end), whose granules are free and in no list, with what is free around it.
 *
 *   before   [ free ][ start .. end ][ free ][ held        or   [ free ][ start .. end ] frontier
 *   after    [ free                         ][ held        or   frontier
 */
static void settle(loam_region *region, size_t start, size_t end, unsigned level)
{
    unsigned other;

    if (end < region->frontier && loam_record_is_free(loam_region_record(region, end))) {
        size_t next = end;

        end += loam_record_length(loam_region_record(region, next));
        other = remove_run(region, next);
        level = other < level ? other : level;
    }
    if (start > 0 && loam_record_is_free(loam_region_record(region, start - 1))) {
        start = loam_record_first(loam_region_record(region, start - 1));
        other = remove_run(region, start);
        level = other < level ? other : level;
    }
    if (end == region->frontier)
        region->frontier = start;
    else
        insert_run(region, start, end - start, level);
}

void loam_region_give(loam_region *region, void *ptr, size_t count)
{
    size_t start = loam_region_checked_index(region, ptr, count);
    unsigned level;

    loam_mark_dead(ptr, count * LOAM_REGION_GRANULE);
    loam_os_mutex_lock(loam_region_mutex(region));
    level = disclaim(region, start, count);
    settle(region, start, start + count, level);
    loam_os_mutex_unlock(loam_region_mutex(region));
}

/* ---- what holders say about their runs ---- */

void loam_region_describe(loam_region *region, size_t index, size_t count, uint8_t kind,
                          void *owner)
{
    for (size_t i = 0; i < count; i++) {
        loam_record *record = loam_region_record(region, index + i);

        loam_record_set_place(record, index, kind);
        loam_record_set_owner(record, owner);
        loam_record_set_extent(record, i == 0 ? count : 0, loam_record_state(record));
    }
}

void loam_region_mark(loam_region *region, size_t index, size_t count, unsigned state)
{
    for (size_t i = 0; i < count; i++) {
        loam_record *record = loam_region_record(region, index + i);

        loam_record_set_extent(record, loam_record_length(record),
                               state & (LOAM_REGION_DIRTY | LOAM_REGION_DECOMMITTED));
    }
}

/* ---- giving memory back to the system ---- */

/* A purge or a decommit on its way through the free granules. */
typedef struct trim {
    loam_region *region;
    unsigned level; /* what granules are to become: CLEAN or COLD */
    size_t left;    /* granules of the budget that are left */
    size_t done;    /* granules that changed */
    bool stopped;   /* the system refused */
} trim;

static bool wants(const trim *t, size_t index)
{
    return loam_record_own_level(loam_region_record(t->region, index)) < t->level;
}

/* Gives back the memory of [start, end), and says so in the records. */
static bool trim_stretch(trim *t, size_t start, size_t end)
{
    loam_region *region = t->region;
    void *ptr = loam_region_address(region, start);
    size_t size = (end - start) * LOAM_REGION_GRANULE;
    bool cold = t->level == LOAM_REGION_COLD;
    bool zero = !cold || (loam_vm_basics() & LOAM_VM_ZERO_ON_DECOMMIT) != 0;

    if (!(cold ? loam_vm_decommit(ptr, size) : loam_vm_purge(ptr, size, LOAM_VM_PURGE_NOW))) {
        region->refused++;
        t->stopped = true;
        return false;
    }
    for (size_t i = start; i < end; i++) {
        loam_record *record = loam_region_record(region, i);
        uint32_t extent = record->extent;

        if (zero)
            extent &= ~(uint32_t)LOAM_REGION_DIRTY;
        if (cold)
            extent |= LOAM_REGION_DECOMMITTED;
        loam_record_store(&record->extent, extent);
    }
    region->decommitted += cold ? end - start : 0;
    t->left -= end - start;
    t->done += end - start;
    return true;
}

/* Trims the granules of [start, end) that want it, while the budget lasts. */
static void trim_run(trim *t, size_t start, size_t end)
{
    while (start < end && t->left > 0) {
        size_t stop = start;

        while (stop < end && stop - start < t->left && wants(t, stop))
            stop++;
        if (stop > start && !trim_stretch(t, start, stop))
            return;
        start = stop > start ? stop : start + 1;
    }
}

/* Above `committed` nothing is marked: there, not being committed is the rule. */
static void lower_committed(loam_region *region, size_t to)
{
    for (size_t i = to; i < region->committed; i++) {
        loam_record *record = loam_region_record(region, i);

        if (loam_record_own_level(record) == LOAM_REGION_COLD) {
            loam_record_store(&record->extent, record->extent & ~(uint32_t)LOAM_REGION_DECOMMITTED);
            region->decommitted--;
        }
    }
    region->committed = to;
    region->touched = loam_min(region->touched, to);
    region->commit_step = loam_min(region->commit_step, 1);
}

/* Beyond the frontier, from the top: `touched` comes down with what is purged, and `committed` with
 * what is decommitted, so that nothing is looked at twice. */
static void trim_beyond(trim *t)
{
    loam_region *region = t->region;
    bool cold = t->level == LOAM_REGION_COLD;
    size_t top = cold ? region->committed : region->touched;

    while (top > region->frontier && t->left > 0) {
        size_t start = top;

        while (start > region->frontier && top - start < t->left && wants(t, start - 1))
            start--;
        if (start < top && !trim_stretch(t, start, top))
            return;
        top = start < top ? start : start - 1;
        if (cold)
            lower_committed(region, top);
        else
            region->touched = top;
    }
}

/* Runs that are better than the level wanted, longest first; each goes to the lists of the level
 * that it then has. */
static void trim_lists(trim *t)
{
    loam_region *region = t->region;

    for (unsigned level = 0; level < t->level; level++) {
        while (region->filled[level] != 0 && t->left > 0 && !t->stopped) {
            size_t run = region->bins[level][loam_region_longest(region->filled[level])];
            size_t length = loam_record_length(loam_region_record(region, run));

            trim_run(t, run, run + length);
            (void)remove_run(region, run);
            insert_run(region, run, length, level_of(region, run, length));
        }
    }
}

static size_t give_memory_back(loam_region *region, size_t budget, unsigned level)
{
    trim t = {region, level, budget / LOAM_REGION_GRANULE, 0, false};

    loam_os_mutex_lock(loam_region_mutex(region));
    trim_beyond(&t);
    if (!t.stopped)
        trim_lists(&t);
    loam_os_mutex_unlock(loam_region_mutex(region));
    return t.done * LOAM_REGION_GRANULE;
}

size_t loam_region_purge(loam_region *region, size_t budget)
{
    return give_memory_back(region, budget, LOAM_REGION_CLEAN);
}

size_t loam_region_decommit(loam_region *region, size_t budget)
{
    return give_memory_back(region, budget, LOAM_REGION_COLD);
}

void loam_region_set_limit(loam_region *region, size_t limit)
{
    loam_os_mutex_lock(loam_region_mutex(region));
    region->most = limit ? limit / LOAM_REGION_GRANULE : SIZE_MAX;
    loam_os_mutex_unlock(loam_region_mutex(region));
}
