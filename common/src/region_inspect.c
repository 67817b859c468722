/* region_inspect.c: a region's figures, its pieces, and the check of R1 to R9 of region.c. */
#include "internal/region_parts.h"

void loam_region_stats(loam_region *region, loam_stats *stats)
{
    loam_os_mutex_lock(loam_region_mutex(region));
    *stats = (loam_stats){
        .live = region->held * LOAM_REGION_GRANULE,
        .peak = region->peak * LOAM_REGION_GRANULE,
        .committed = (region->committed - region->decommitted) * LOAM_REGION_GRANULE +
                     region->header + region->class_ready + region->record_ready,
        .reserved = region->reserved + region->metadata_size,
        .metadata = region->header + region->class_ready + region->record_ready,
        .blocks = region->held,
        .allocations = region->takes,
        .failures = region->failures,
        .refused = region->refused,
    };
    loam_os_mutex_unlock(loam_region_mutex(region));
}

/* ---- walking ---- */

typedef struct walker {
    loam_walk_fn visit;
    void *context;
} walker;

/* Shows [start, end) unless it is empty. False iff the callback wants no more. */
static bool show(const walker *w, uintptr_t start, uintptr_t end, loam_walk_kind kind)
{
    loam_walk_item item = {(const void *)start, end - start, kind};

    return start == end || w->visit(w->context, &item);
}

/* Granules that nobody holds, in pieces that are committed or not. */
static bool show_free(const walker *w, const loam_region *region, size_t start, size_t end)
{
    while (start < end) {
        bool cold = loam_record_own_level(loam_region_record(region, start)) == LOAM_REGION_COLD;
        size_t stop = start + 1;

        while (stop < end && cold == (loam_record_own_level(loam_region_record(region, stop)) ==
                                      LOAM_REGION_COLD))
            stop++;
        if (!show(w, (uintptr_t)loam_region_address(region, start),
                  (uintptr_t)loam_region_address(region, stop),
                  cold ? LOAM_WALK_RESERVED : LOAM_WALK_FREE))
            return false;
        start = stop;
    }
    return true;
}

static bool show_runs(const walker *w, const loam_region *region)
{
    for (size_t i = 0; i < region->frontier;) {
        const loam_record *head = loam_region_record(region, i);
        size_t end = i + loam_record_length(head);
        bool go_on = loam_record_is_free(head)
                         ? show_free(w, region, i, end)
                         : show(w, (uintptr_t)loam_region_address(region, i),
                                (uintptr_t)loam_region_address(region, end), LOAM_WALK_LIVE);

        if (!go_on)
            return false;
        i = end;
    }
    return show_free(w, region, region->frontier, region->committed);
}

static bool show_metadata(const walker *w, const loam_region *region)
{
    uintptr_t start = (uintptr_t)region->metadata;
    uintptr_t classes = (uintptr_t)region->classes + region->class_ready;
    uintptr_t records = region->records - region->stride;

    return show(w, start, classes, LOAM_WALK_METADATA) &&
           show(w, classes, records, LOAM_WALK_RESERVED) &&
           show(w, records, records + region->record_ready, LOAM_WALK_METADATA) &&
           show(w, records + region->record_ready, start + region->metadata_size,
                LOAM_WALK_RESERVED);
}

bool loam_region_walk(loam_region *region, loam_walk_fn visit, void *context)
{
    walker w = {visit, context};
    bool all;

    loam_os_mutex_lock(loam_region_mutex(region));
    all = show_runs(&w, region) &&
          show(&w, (uintptr_t)loam_region_address(region, region->committed),
               region->base + region->reserved, LOAM_WALK_RESERVED) &&
          show_metadata(&w, region);
    loam_os_mutex_unlock(loam_region_mutex(region));
    return all;
}

/* ---- checking ---- */

typedef struct checker {
    const loam_region *region;
    loam_check_fn report;
    void *context;
    bool good;
    size_t free_runs;   /* seen from head to head */
    size_t held;        /* granules */
    size_t decommitted; /* free granules below `committed` */
} checker;

static bool expect(checker *c, bool holds, const char *property, const void *where)
{
    if (!holds) {
        c->good = false;
        if (c->report)
            c->report(c->context, property, where);
    }
    return holds;
}

static void check_figures(checker *c)
{
    const loam_region *region = c->region;
    size_t count = loam_region_count(region);

    expect(c,
           region->base % LOAM_REGION_CHUNK == 0 &&
               region->granules % LOAM_REGION_CHUNK_GRANULES == 0 && region->granules != 0 &&
               region->granules <= region->reserved / LOAM_REGION_GRANULE,
           "R1: base or granules are not whole chunks of the reservation", region);
    expect(c, region->frontier <= region->committed && region->committed <= count,
           "R8: frontier, committed, and granules with records are out of order", region);
    expect(c,
           count <= region->granules && (count == 0 || count <= region->class_ready) &&
               (count == 0 || (count + 2) * region->stride <= region->record_ready),
           "R8: records are told that are not committed", region);
    expect(c, region->touched <= region->committed, "R9: touched is above committed", region);
    expect(c, region->held <= region->peak, "R7: held is above peak", region);
}

static void check_held_run(checker *c, size_t start, size_t length)
{
    const loam_record *head = loam_region_record(c->region, start);

    for (size_t i = start; i < start + length; i++) {
        const loam_record *record = loam_region_record(c->region, i);
        bool within = loam_record_kind(head) == LOAM_REGION_KIND_PARTED && i != start + length - 1;

        expect(c,
               (within ? loam_record_kind(record) == loam_record_kind(head)
                       : record->place == head->place) &&
                   loam_record_owner(record) == loam_record_owner(head),
               "R3: a record does not tell the run that its granule belongs to", record);
    }
    c->held += length;
}

/* A granule that nobody holds. */
static void check_cleared(checker *c, size_t index, bool is_head)
{
    loam_record *record = loam_region_record(c->region, index);
    const unsigned char *opaque = (const unsigned char *)loam_record_opaque(record);
    unsigned char seen = loam_region_class(c->region, index);

    for (size_t i = 0; i < c->region->stride - sizeof *record; i++)
        seen |= opaque[i];
    expect(c, seen == 0, "R6: class or opaque bytes of a free granule are not zero", record);
    expect(c, is_head || (record->links[0] == 0 && record->links[1] == 0),
           "R6: a free granule has an owner", record);
    c->decommitted += loam_record_own_level(record) == LOAM_REGION_COLD;
}

static void check_free_run(checker *c, size_t start, size_t length)
{
    const loam_region *region = c->region;
    const loam_record *head = loam_region_record(region, start);
    const loam_record *tail = loam_region_record(region, start + length - 1);

    expect(c, start + length < region->frontier, "R4: a free run ends at the frontier", head);
    expect(c,
           start + length >= region->frontier ||
               !loam_record_is_free(loam_region_record(region, start + length)),
           "R4: two free runs are neighbours", head);
    expect(c, loam_record_first(tail) == start, "R5: a free run's tail does not name its head",
           tail);
    for (size_t i = start; i < start + length; i++) {
        const loam_record *record = loam_region_record(region, i);

        expect(c, loam_record_is_free(record), "R5: a held granule is in a free run", record);
        expect(c, loam_record_own_level(record) >= loam_record_level(head),
               "R9: a free run is in a list of a worse level", head);
        check_cleared(c, i, i == start);
    }
    c->free_runs++;
}

static void check_runs(checker *c)
{
    const loam_region *region = c->region;
    size_t i = 0;

    while (i < region->frontier) {
        const loam_record *head = loam_region_record(region, i);
        size_t length = loam_record_length(head);

        if (!expect(c,
                    loam_record_first(head) == i && length != 0 && length <= region->frontier - i,
                    "R2: runs do not tile the region up to the frontier", head))
            return;
        if (loam_record_is_free(head))
            check_free_run(c, i, length);
        else
            check_held_run(c, i, length);
        i += length;
    }
    for (; i < loam_region_count(region); i++) {
        const loam_record *record = loam_region_record(region, i);

        expect(c, loam_record_is_free(record), "R2: a granule beyond the frontier is held", record);
        expect(c,
               i < region->touched || i >= region->committed ||
                   loam_record_own_level(record) != LOAM_REGION_WARM,
               "R9: a granule at or above touched is warm", record);
        check_cleared(c, i, false);
    }
    expect(c, c->held == region->held, "R7: the count of held granules is wrong", region);
    expect(c, c->decommitted == region->decommitted,
           "R7: the count of decommitted granules is wrong", region);
}

/* Returns the length of a list, or SIZE_MAX when it leads astray. */
static size_t check_list(checker *c, unsigned level, size_t bin)
{
    const loam_region *region = c->region;
    size_t prev = LOAM_LINK_NONE;
    size_t count = 0;

    for (size_t i = region->bins[level][bin]; i != LOAM_LINK_NONE; count++) {
        const loam_record *head = NULL;

        if (!expect(c, i < region->frontier && count < region->frontier,
                    "R5: a list of free runs leads astray", region))
            return SIZE_MAX;
        head = loam_region_record(region, i);
        expect(c,
               loam_record_is_free(head) && loam_record_first(head) == i &&
                   loam_record_level(head) == level && loam_record_length(head) != 0 &&
                   loam_region_bin(loam_record_length(head)) == bin,
               "R5: a run is in a list that is not its own", head);
        expect(c, loam_record_link(head, LOAM_LINK_PREV) == prev,
               "R5: a list of free runs is not linked both ways", head);
        prev = i;
        i = loam_record_link(head, LOAM_LINK_NEXT);
    }
    expect(c, (count != 0) == ((region->filled[level] >> bin & 1) != 0),
           "R5: a bit does not say whether its list is empty", region);
    return count;
}

static void check_lists(checker *c)
{
    size_t listed = 0;

    for (unsigned level = 0; level < LOAM_REGION_LEVELS_; level++) {
        for (size_t bin = 0; bin < LOAM_REGION_BINS_; bin++) {
            size_t count = check_list(c, level, bin);

            if (count == SIZE_MAX)
                return;
            listed += count;
        }
    }
    expect(c, listed == c->free_runs, "R5: a free run is in no list", c->region);
}

static void check_edges(checker *c)
{
    const loam_region *region = c->region;

    if (loam_region_count(region) == 0)
        return;
    expect(c, loam_record_is_free(loam_region_record(region, (size_t)-1)),
           "R8: the record before the first granule is not free", region);
    expect(c, loam_record_is_free(loam_region_record(region, loam_region_count(region))),
           "R8: the record behind the last granule is not free", region);
}

bool loam_region_check(loam_region *region, loam_check_fn report, void *context)
{
    checker c = {.region = region, .report = report, .context = context, .good = true};

    loam_os_mutex_lock(loam_region_mutex(region));
    check_figures(&c);
    if (c.good) {
        check_edges(&c);
        check_runs(&c);
    }
    if (c.good)
        check_lists(&c);
    loam_os_mutex_unlock(loam_region_mutex(region));
    return c.good;
}
