/* inspect.c: looking at a class: figures, walk, check, and whose a pointer is. */
#include "pool_internal.h"

/* ---- questions ---- */

static bool lies_in(const loam_pool_class *cls, const loam_pool_slab *slab, const void *ptr)
{
    return (uintptr_t)ptr - (uintptr_t)slab->base < cls->slab_size;
}

static bool owns_by_slabs(const loam_pool_class *cls, const void *ptr)
{
    for (unsigned list = 0; list < LOAM_POOL_LISTS_; list++) {
        for (const loam_pool_slab *slab = cls->lists[list]; slab; slab = slab->next) {
            if (lies_in(cls, slab, ptr))
                return true;
        }
    }
    return false;
}

bool loam_pool_class_owns(const loam_pool_class *cls, const void *ptr)
{
    const loam_region *region = cls->region;
    loam_record *record;

    if (!cls->granules.ops)
        return owns_by_slabs(cls, ptr);
    if (!region)
        region = loam_granules_region(cls->granules, ptr);
    record = region ? loam_region_find(region, ptr) : NULL;
    return record && loam_record_kind(record) == LOAM_POOL_KIND_SLAB &&
           loam_record_owner(record) == cls;
}

bool loam_pool_class_is_sparse(const loam_pool_class *cls, const void *block)
{
    const loam_pool_slab *slab = slab_of(cls, block);

    /* Where all are as empty, the first one is filled from the others. */
    return slab->list == LIST_QUARTER &&
           (cls->lists[LIST_QUARTER] != slab || cls->lists[LIST_QUARTER + 1] ||
            cls->lists[LIST_QUARTER + 2] || cls->lists[LIST_QUARTER + 3]);
}

size_t loam_pool_class_slab_size(const loam_pool_class *cls, size_t *blocks)
{
    *blocks = cls->capacity;
    return cls->slab_size;
}

/* ---- figures ---- */

static size_t in_front(const loam_pool_class *cls)
{
    return (size_t)(cls->front.top - cls->front.low);
}

void loam_pool_class_stats(const loam_pool_class *cls, loam_stats *stats)
{
    size_t live = cls->out - in_front(cls);
    size_t blocks = cls->capacity * cls->front.size;
    size_t records = cls->granules.ops ? 0 : sizeof(loam_pool_slab);

    memset(stats, 0, sizeof *stats);
    stats->live = live * cls->front.size;
    stats->peak = loam_max(cls->peak, live) * cls->front.size;
    stats->committed = stats->reserved = cls->slabs * cls->slab_size + cls->wide_size;
    stats->metadata = sizeof *cls + cls->wide_size + cls->slabs * sizeof(loam_pool_slab);
    stats->lost = cls->slabs * (cls->slab_size - blocks - records);
    stats->blocks = live;
    stats->allocations = cls->allocations;
    stats->failures = cls->failures;
}

/* ---- which blocks of a slab are free ---- */

enum { MOST_PLACES = (256 << 10) / UNIT };

typedef struct free_set {
    uint64_t bits[MOST_PLACES / 64];
    size_t twice; /* numbers that stand there more than once, */
    size_t wrong; /* or are no block's that was used */
    const loam_pool_slab *slab;
    const loam_pool_class *cls;
} free_set;

static bool is_free(const free_set *set, unsigned place)
{
    return (set->bits[place / 64] >> place % 64 & 1) != 0;
}

static void note_number(void *context, unsigned place)
{
    free_set *set = (free_set *)context;

    if (place >= set->cls->slab_size >> UNIT_SHIFT) {
        set->wrong++;
        return;
    }
    set->twice += is_free(set, place);
    set->bits[place / 64] |= (uint64_t)1 << place % 64;
}

static void find_free(free_set *set, const loam_pool_class *cls, const loam_pool_slab *slab)
{
    memset(set, 0, sizeof *set);
    set->cls = cls;
    set->slab = slab;
    loam_pool_each_number(cls, slab, note_number, set);
}

/* ---- walk ---- */

typedef struct walk {
    loam_walk_fn visit;
    void *context;
    loam_walk_item pending; /* a stretch that is not finished; size 0: none */
} walk;

static bool flush(walk *w)
{
    bool go_on = w->pending.size == 0 || w->visit(w->context, &w->pending);

    w->pending.size = 0;
    return go_on;
}

/* Live blocks come one by one, all else in stretches. */
static bool show(walk *w, const char *at, size_t size, loam_walk_kind kind)
{
    if (size == 0)
        return true;
    if (kind != LOAM_WALK_LIVE && w->pending.size != 0 && w->pending.kind == kind &&
        (const char *)w->pending.address + w->pending.size == at) {
        w->pending.size += size;
        return true;
    }
    if (!flush(w))
        return false;
    w->pending = (loam_walk_item){at, size, kind};
    return true;
}

static bool walk_slab(walk *w, const loam_pool_class *cls, const loam_pool_slab *slab)
{
    size_t offset = (size_t)slab->first << UNIT_SHIFT, at = 0;
    free_set set;

    find_free(&set, cls, slab);
    for (size_t i = 0; i < cls->capacity; i++) {
        bool live = i < slab->fresh && !is_free(&set, (unsigned)(offset >> UNIT_SHIFT));

        if (!show(w, slab->base + at, offset - at, LOAM_WALK_METADATA) ||
            !show(w, slab->base + offset, cls->front.size, live ? LOAM_WALK_LIVE : LOAM_WALK_FREE))
            return false;
        at = offset + cls->front.size;
        offset = next_offset(cls, offset);
    }
    return show(w, slab->base + at, cls->slab_size - at, LOAM_WALK_METADATA) && flush(w);
}

bool loam_pool_class_walk(loam_pool_class *cls, loam_walk_fn visit, void *context)
{
    walk w = {visit, context, {NULL, 0, LOAM_WALK_LIVE}};

    loam_pool_settle(cls);
    for (unsigned list = 0; list < LOAM_POOL_LISTS_; list++) {
        for (const loam_pool_slab *slab = cls->lists[list]; slab; slab = slab->next) {
            if (!walk_slab(&w, cls, slab))
                return false;
        }
    }
    return true;
}

/* ---- check ---- */

typedef struct check {
    loam_check_fn report;
    void *context;
    bool good;
} check;

static void expect(check *c, bool holds, const char *property, const void *where)
{
    if (holds)
        return;
    c->good = false;
    if (c->report)
        c->report(c->context, property, where);
}

/* Numbers of blocks that were used, in `used`; what else the set has is wrong. */
static size_t count_blocks(const free_set *set)
{
    const loam_pool_class *cls = set->cls;
    size_t offset = (size_t)set->slab->first << UNIT_SHIFT, count = 0;

    for (size_t i = 0; i < set->slab->fresh; i++) {
        count += is_free(set, (unsigned)(offset >> UNIT_SHIFT));
        offset = next_offset(cls, offset);
    }
    return count;
}

static size_t count_bits(const free_set *set)
{
    size_t count = 0;

    for (size_t i = 0; i < MOST_PLACES / 64; i++) {
        for (uint64_t bits = set->bits[i]; bits; bits &= bits - 1)
            count++;
    }
    return count;
}

/* In a checked build, free blocks are as they were left. */
static void check_free_blocks(check *c, const free_set *set)
{
    const loam_pool_slab *slab = set->slab;
    size_t offset = (size_t)slab->first << UNIT_SHIFT;

    for (size_t i = 0; i < slab->known; i++) {
        const char *block = slab->base + offset;

        if (i >= slab->fresh || is_free(set, (unsigned)(offset >> UNIT_SHIFT)))
            expect(c, loam_pool_is_untouched(set->cls, block),
                   "P10: free block that was written to", block);
        offset = next_offset(set->cls, offset);
    }
}

static void check_slab(check *c, const loam_pool_class *cls, const loam_pool_slab *slab,
                       unsigned list)
{
    unsigned used = used_in(slab->state);
    free_set set;
    size_t numbers;

    find_free(&set, cls, slab);
    numbers = count_bits(&set);
    expect(c, slab->list == list, "P1: slab is in another list than it says", slab);
    expect(c, (list == LIST_EMPTY) == (used == 0), "P1: used blocks in the list of empty slabs",
           slab);
    expect(c, (list == LIST_FULL) == (used == cls->capacity), "P1: full slab in a wrong list",
           slab);
    expect(c, (int64_t)slab->state >= 0, "P1: slab with fewer used blocks than its list has", slab);
    expect(c, used + numbers + (cls->capacity - slab->fresh) == cls->capacity,
           "P2: blocks of a slab don't add up", slab);
    expect(c, set.twice == 0, "P3: number of a block stands twice", slab);
    expect(c, set.wrong == 0 && count_blocks(&set) == numbers, "P3: number of no used block", slab);
    expect(c, used != 0 || slab->fresh == 0, "P6: empty slab with numbers", slab);
    expect(c, slab->known >= slab->fresh, "P7: used blocks that are not known", slab);
    expect(c, slab->owner == cls, "P9: slab has another owner", slab);
    if (LOAM_CHECKS)
        check_free_blocks(c, &set);
}

bool loam_pool_class_check(loam_pool_class *cls, loam_check_fn report, void *context)
{
    check c = {report, context, true};
    size_t slabs = 0, used = 0, empty = 0;

    loam_pool_settle(cls);
    for (unsigned list = 0; list < LOAM_POOL_LISTS_; list++) {
        for (const loam_pool_slab *slab = cls->lists[list]; slab; slab = slab->next) {
            check_slab(&c, cls, slab, list);
            slabs++;
            used += used_in(slab->state);
            empty += list == LIST_EMPTY;
        }
    }
    expect(&c, slabs == cls->slabs && empty == cls->empty, "P1: slabs are counted wrong", cls);
    expect(&c, empty <= cls->keep, "P1: too many empty slabs", cls);
    expect(&c, used == cls->out, "P4: used blocks are counted wrong", cls);
    expect(&c, !cls->watched || cls->front.low == cls->front.high, "P5: watched, and has a front",
           cls);
    expect(&c, !cls->wide && cls->front.low == cls->slots, "P5: empty front, and not in its place",
           cls);
    return c.good;
}
