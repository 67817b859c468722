/* span_inspect.c: a span's figures, its pieces, and the check of S1 to S9 of span_internal.h. */
#include "span_internal.h"

void loam_span_stats(loam_span *span, loam_stats *stats)
{
    loam_os_mutex_lock(loam_span_mutex(span));
    *stats = (loam_stats){
        .live = span->live * LOAM_REGION_GRANULE,
        .peak = span->peak * LOAM_REGION_GRANULE,
        .committed = (span->owned - span->cold) * LOAM_REGION_GRANULE,
        .reserved = span->owned * LOAM_REGION_GRANULE,
        .metadata = span->table_bytes,
        .blocks = span->live_runs,
        .allocations = span->takes,
        .failures = span->failures,
        .refused = loam_atomic_load(&span->refused),
    };
    loam_os_mutex_unlock(loam_span_mutex(span));
}

void loam_span_look(loam_span *span, loam_span_figures *figures)
{
    size_t free, largest = 0;

    loam_os_mutex_lock(loam_span_mutex(span));
    free = span->owned - span->live - span->front;
    *figures = (loam_span_figures){
        .warm = (span->warm + span->front) * LOAM_REGION_GRANULE,
        .clean = (free - span->warm - span->cold) * LOAM_REGION_GRANULE,
        .cold = span->cold * LOAM_REGION_GRANULE,
        .front = span->front * LOAM_REGION_GRANULE,
        .live_runs = span->live_runs,
        .chunks = span->owned / LOAM_REGION_CHUNK_GRANULES,
        .empty_chunks = span->empty,
    };
    for (int level = 0; level < LOAM_SPAN_LEVELS; level++) {
        uint32_t link = loam_runs_last(span, span->roots[level]);

        figures->free_runs += span->free_runs[level];
        if (link != 0)
            largest = loam_max(largest, loam_run_length(span, link));
    }
    figures->largest_free = largest * LOAM_REGION_GRANULE;
    loam_os_mutex_unlock(loam_span_mutex(span));
}

/* ---- walking ---- */

typedef struct walker {
    loam_walk_fn visit;
    void *context;
} walker;

static bool show(const walker *w, const loam_region *region, size_t start, size_t end,
                 loam_walk_kind kind)
{
    loam_walk_item item = {loam_region_address(region, start), (end - start) * LOAM_REGION_GRANULE,
                           kind};

    return w->visit(w->context, &item);
}

/* A free run, in pieces that are committed or not. */
static bool show_free(const walker *w, const loam_region *region, size_t start, size_t end)
{
    while (start < end) {
        bool cold = loam_granule_is_cold(region, start);
        size_t stop = start + 1;

        while (stop < end && loam_granule_is_cold(region, stop) == cold)
            stop++;
        if (!show(w, region, start, stop, cold ? LOAM_WALK_RESERVED : LOAM_WALK_FREE))
            return false;
        start = stop;
    }
    return true;
}

static bool show_run(const walker *w, const loam_region *region, size_t index)
{
    const loam_record *head = loam_region_record(region, index);
    size_t end = index + loam_record_length(head);

    if (loam_record_kind(head) == LOAM_SPAN_KIND_FREE)
        return show_free(w, region, index, end);
    return show(w, region, index, end,
                loam_record_kind(head) == LOAM_SPAN_KIND_FRONT ||
                        loam_record_kind(head) == LOAM_SPAN_KIND_CACHED
                    ? LOAM_WALK_FREE
                    : LOAM_WALK_LIVE);
}

/* Whether a granule is in a chunk of this span. */
static bool is_owned(const loam_span *span, size_t ground, size_t index)
{
    return index < loam_region_count(span->grounds[ground].region) &&
           loam_chunk_number(&span->grounds[ground], index) == span->number;
}

/* The next granule from `index` on that is in a chunk of this span; SIZE_MAX: there is none. */
static size_t next_owned(const loam_span *span, size_t ground, size_t index)
{
    size_t count = loam_region_count(span->grounds[ground].region);

    while (index < count && !is_owned(span, ground, index))
        index = loam_round_down(index, LOAM_REGION_CHUNK_GRANULES) + LOAM_REGION_CHUNK_GRANULES;
    return index < count ? index : SIZE_MAX;
}

bool loam_span_walk(loam_span *span, loam_walk_fn visit, void *context)
{
    walker w = {visit, context};
    bool all = true;

    loam_os_mutex_lock(loam_span_mutex(span));
    for (size_t ground = 0; all && ground < span->regions; ground++) {
        const loam_region *region = span->grounds[ground].region;
        size_t index = next_owned(span, ground, 0);

        while (all && index != SIZE_MAX) {
            all = show_run(&w, region, index);
            index += loam_record_length(loam_region_record(region, index));
            index = next_owned(span, ground, index);
        }
    }
    loam_os_mutex_unlock(loam_span_mutex(span));
    return all;
}

/* ---- checking ---- */

typedef struct checker {
    loam_span *span;
    loam_check_fn report;
    void *context;
    bool good;
    size_t owned, out, stacked, runs, warm, cold, empty; /* seen */
    size_t free_runs[LOAM_SPAN_LEVELS];
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

/* S8, of a granule that is free or in a stack; `skip` opaque bytes are data. */
static void check_granule(checker *c, const loam_region *region, size_t index, size_t skip)
{
    loam_record *record = loam_region_record(region, index);
    const unsigned char *opaque = (const unsigned char *)loam_record_opaque(record);
    unsigned char seen = 0;

    for (size_t i = skip; i < region->stride - sizeof *record; i++)
        seen |= opaque[i];
    expect(c, seen == 0, "S8: opaque bytes of a free granule are not zero", record);
    expect(c, loam_region_class(region, index) <= CLASS_LAZY,
           "S8: the class byte of a free granule is not one of a span's", record);
    expect(c, loam_record_owner(record) == c->span,
           "S8: a free granule has another owner than the span", record);
}

static void check_free(checker *c, size_t ground, size_t start, size_t end)
{
    const loam_region *region = c->span->grounds[ground].region;
    loam_record *head = loam_region_record(region, start);
    const loam_free_run *run = (const loam_free_run *)loam_record_opaque(head);
    loam_free_run seen;

    loam_span_count(region, start, end - start, &seen);
    expect(c, seen.warm == run->warm && seen.cold == run->cold,
           "S4: a free run counts its granules wrongly", head);
    expect(c, loam_record_first(loam_region_record(region, end - 1)) == start,
           "S4: the tail of a free run does not name its head", head);
    expect(c, !loam_span_is_free(c->span, region, end), "S2: two free runs are neighbours", head);
    if (expect(c, run->level < LOAM_SPAN_LEVELS, "S3: a free run is of no level", head)) {
        bool fits =
            run->level == LOAM_SPAN_WARM
                ? seen.warm != 0
                : seen.warm == 0 && (seen.cold == end - start) == (run->level == LOAM_SPAN_COLD);

        expect(c, fits, "S3: a free run is in the tree of another level", head);
        c->free_runs[run->level]++;
    }
    for (size_t i = start; i < end; i++) {
        expect(c, loam_record_kind(loam_region_record(region, i)) == LOAM_SPAN_KIND_FREE,
               "S1: a granule of a free run is not free", loam_region_record(region, i));
        check_granule(c, region, i, i == start ? sizeof *run : 0);
    }
    c->warm += seen.warm;
    c->cold += seen.cold;
    c->empty += loam_whole_chunks(start, end - start);
}

static void check_run(checker *c, size_t ground, size_t start, size_t end)
{
    const loam_region *region = c->span->grounds[ground].region;
    const loam_record *head = loam_region_record(region, start);

    c->owned += end - start;
    if (loam_record_kind(head) == LOAM_SPAN_KIND_FREE) {
        check_free(c, ground, start, end);
        return;
    }
    for (size_t i = start; i < end; i++)
        expect(c, loam_record_first(loam_region_record(region, i)) == start,
               "S1: a granule does not name the run it is in", loam_region_record(region, i));
    if (loam_record_kind(head) == LOAM_SPAN_KIND_FRONT && loam_record_owner(head) == c->span) {
        for (size_t i = start; i < end; i++)
            check_granule(c, region, i, i == start ? sizeof(loam_front_run) : 0);
        c->stacked += end - start;
        return;
    }
    c->out += end - start;
    c->runs++;
}

/* S1 and S9: from run to run through the chunks. */
static void check_ground(checker *c, size_t ground)
{
    const loam_span *span = c->span;
    const loam_region *region = span->grounds[ground].region;
    size_t index = next_owned(span, ground, 0), end;

    for (; index != SIZE_MAX; index = next_owned(span, ground, end)) {
        const loam_record *head = loam_region_record(region, index);

        end = index + loam_record_length(head);
        if (!expect(c,
                    loam_record_first(head) == index && loam_record_length(head) != 0 &&
                        end <= loam_region_count(region),
                    "S1: a run does not start where the last one ended", head))
            return;
        for (size_t i = index; i < end; i++)
            expect(c, is_owned(span, ground, i), "S9: the table does not say whose a chunk is",
                   head);
        check_run(c, ground, index, end);
    }
}

static void check_trees(checker *c)
{
    loam_span *span = c->span;

    for (int level = 0; level < LOAM_SPAN_LEVELS; level++) {
        expect(c, c->free_runs[level] == span->free_runs[level],
               "S3: there are more or fewer free runs of a level than counted", span);
        expect(c,
               loam_runs_check(span, span->roots[level], span->free_runs[level]) == LOAM_RB_SOUND,
               "S3: a tree of free runs is not sound", span);
    }
}

static void check_ages(checker *c)
{
    const loam_span *span = c->span;
    uint32_t link = span->oldest, older = 0;
    size_t seen = 0;

    while (link != 0 && seen <= span->free_runs[LOAM_SPAN_WARM]) {
        const loam_free_run *run;

        if (!expect(c, loam_link_valid(span, link), "S5: a link of the list of ages leads nowhere",
                    span))
            return;
        run = loam_free_run_of(span, link);
        expect(c, run->older == older && run->warm != 0,
               "S5: the list of ages has a wrong link, or a run that is not warm", run);
        seen++;
        older = link;
        link = run->newer;
    }
    expect(c, seen == span->free_runs[LOAM_SPAN_WARM] && span->newest == older,
           "S5: the list of ages has not all warm runs", span);
}

static void check_cursor(checker *c)
{
    const loam_span *span = c->span;
    uint32_t link = span->purge_at;

    expect(c,
           link == 0 || (loam_link_valid(span, link) &&
                         loam_record_kind(loam_link_record(span, link)) == LOAM_SPAN_KIND_FREE &&
                         loam_free_run_of(span, link)->level == span->purge_level),
           "S5: the cursor of a purge is at no free run of its level", span);
}

static void check_fronts(checker *c)
{
    const loam_span *span = c->span;
    size_t granules = 0;

    for (unsigned front = 0; front < LOAM_SPAN_FRONTS_; front++) {
        uint32_t link = span->fronts[front];
        size_t seen = 0;

        while (link != 0 && loam_link_valid(span, link) && seen <= span->front_runs[front]) {
            loam_record *head = loam_link_record(span, link);

            expect(c,
                   loam_record_kind(head) == LOAM_SPAN_KIND_FRONT &&
                       loam_record_length(head) == (size_t)1 << front,
                   "S6: a stack has a run that does not belong there", head);
            seen++;
            link = ((const loam_front_run *)loam_record_opaque(head))->below;
        }
        expect(c, link == 0 && seen == span->front_runs[front],
               "S6: a stack has more or fewer runs than counted", span);
        granules += seen << front;
    }
    expect(c, granules == span->front && granules == c->stacked,
           "S6: the stacks have more or fewer granules than counted", span);
}

bool loam_span_check(loam_span *span, loam_check_fn report, void *context)
{
    checker c = {.span = span, .report = report, .context = context, .good = true};

    loam_os_mutex_lock(loam_span_mutex(span));
    for (size_t ground = 0; ground < span->regions; ground++)
        check_ground(&c, ground);
    expect(&c, c.owned == span->owned, "S9: there are more or fewer chunks than counted", span);
    expect(&c, c.out == span->live && c.runs == span->live_runs && span->live <= span->peak,
           "S7: live granules or runs are counted wrongly", span);
    expect(&c, c.warm == span->warm && c.cold == span->cold && c.empty == span->empty,
           "S7: warm, cold or empty are counted wrongly", span);
    check_trees(&c);
    check_ages(&c);
    check_cursor(&c);
    check_fronts(&c);
    loam_os_mutex_unlock(loam_span_mutex(span));
    return c.good;
}
