/* span_purge.c: giving memory back, by policy: to the system, and whole chunks to the region.
 *
 *   [ start  |  chunk  |  chunk  |  chunk  |    end ]      a free run that is old enough
 *    `spans`    `chunks`: purged as it says,  `spans`
 *               or given to the region from the top, but for `keep_chunks`
 */
#include "span_internal.h"

/* Others wait while this is under way, so it goes on in slices: of one stretch of memory, and of some
 * thousand records, whatever the budget. Between two slices the lock is free. Where the next one goes on
 * is a cursor in the span: a run, and a granule in it below which nothing was looked at yet. A run that
 * leaves its tree pushes the cursor on, and what comes meanwhile is met in the next round. */
enum { SLICE_GRANULES = 64, SLICE_RECORDS = 1024 };

/* A slice. */
typedef struct purge {
    loam_span *span;
    size_t left;    /* granules of the budget that are left */
    size_t done;    /* granules that changed */
    size_t records; /* looked at, or written */
    uint32_t now;   /* in milliseconds */
    bool all;       /* no delay, nothing kept */
    bool stopped;   /* the system refused */
    bool unbounded; /* all in one slice */
} purge;

static bool is_over(const purge *p)
{
    return p->left == 0 || p->stopped || (!p->unbounded && p->records >= SLICE_RECORDS);
}

/* ---- stretches ---- */

static bool wants(const loam_region *region, size_t index, loam_span_policy policy)
{
    return policy == LOAM_SPAN_DECOMMIT ? !loam_granule_is_cold(region, index)
                                        : loam_granule_is_warm(region, index);
}

static bool call_system(void *ptr, size_t size, loam_span_policy policy)
{
    if (policy == LOAM_SPAN_DECOMMIT)
        return loam_vm_decommit(ptr, size);
    return loam_vm_purge(ptr, size,
                         policy == LOAM_SPAN_LAZY ? LOAM_VM_PURGE_LAZY : LOAM_VM_PURGE_NOW);
}

/* Gives the memory of [start, end) back, and says so in the records. False iff the system refuses. */
static bool purge_stretch(const loam_span *span, loam_region *region, size_t start, size_t end,
                          loam_span_policy policy)
{
    bool zero = (loam_vm_capabilities() & LOAM_VM_ZERO_ON_DECOMMIT) != 0;
    size_t first = loam_round_down(start, LOAM_REGION_CHUNK_GRANULES);

    loam_span_forbid_huge(span, region, first,
                          loam_round_up(end, LOAM_REGION_CHUNK_GRANULES) - first);
    if (!call_system(loam_region_address(region, start), (end - start) * LOAM_REGION_GRANULE,
                     policy))
        return false;
    for (size_t i = start; i < end; i++) {
        loam_record *record = loam_region_record(region, i);
        unsigned state = loam_record_state(record);

        if (policy == LOAM_SPAN_LAZY) {
            loam_region_set_class(region, i, 1, CLASS_LAZY);
            continue;
        }
        loam_region_set_class(region, i, 1, CLASS_NONE);
        if (policy == LOAM_SPAN_DECOMMIT)
            state = LOAM_REGION_DECOMMITTED | (zero ? 0 : state & LOAM_REGION_DIRTY);
        else
            state = 0;
        loam_record_set_extent(record, loam_record_length(record), state);
    }
    return true;
}

/* ---- free runs, a piece at a time: from the end, cut at the borders of chunks ---- */

/* A run that is in no tree while it is worked on. */
typedef struct victim {
    size_t ground;
    loam_region *region;
    size_t start, end;
    size_t given, top;  /* chunks [given, top) went to the region; equal: none did */
    loam_free_run data; /* of what is left */
} victim;

/* Purges what wants it in [start, end). False iff the budget, or the system, did not let it be all. */
static bool purge_piece(purge *p, victim *v, size_t start, size_t end, loam_span_policy policy)
{
    p->records += end - start;
    if (policy == LOAM_SPAN_KEEP)
        return true;
    while (start < end) {
        loam_free_run part;
        size_t stop = start;

        while (stop < end && stop - start < p->left && wants(v->region, stop, policy))
            stop++;
        if (stop == start && wants(v->region, stop, policy))
            return false;
        if (stop == start) {
            start++;
            continue;
        }
        loam_span_count(v->region, start, stop - start, &part);
        if (!purge_stretch(p->span, v->region, start, stop, policy)) {
            loam_atomic_add(&p->span->refused, 1);
            p->stopped = true;
            return false;
        }
        v->data.warm -= part.warm;
        v->data.cold += policy == LOAM_SPAN_DECOMMIT ? (uint32_t)(stop - start) - part.cold : 0;
        p->left -= stop - start;
        p->done += stop - start;
        start = stop;
    }
    return true;
}

/* Whether the span has a chunk too many, with `own` whole ones in the run that is in no tree. */
static bool may_give(const purge *p, size_t own)
{
    return p->span->chunks == LOAM_SPAN_GIVE &&
           p->span->empty + own > (p->all ? 0 : p->span->keep_chunks);
}

/* Whether the chunk that ends at `end` is to go to the region: it is the last whole one. */
static bool is_to_go(const purge *p, const victim *v, size_t end)
{
    bool last = v->given == v->top ? end + LOAM_REGION_CHUNK_GRANULES > v->end : end == v->given;

    return last && may_give(p, loam_whole_chunks(v->start, end - v->start));
}

/* It goes, as soon as it holds no memory. */
static bool give_chunk(purge *p, victim *v, size_t start, size_t end)
{
    loam_free_run part;

    if (!purge_piece(p, v, start, end, LOAM_SPAN_PURGE))
        return false;
    loam_span_count(v->region, start, end - start, &part);
    v->data.cold -= part.cold;
    if (v->given == v->top)
        v->top = end;
    v->given = start;
    p->records += end - start;
    loam_span_give_chunks(p->span, v->ground, start, end - start);
    return true;
}

/* A piece, by the policy of its place. */
static bool treat(purge *p, victim *v, size_t start, size_t end)
{
    loam_span_policy policy = p->span->spans;

    if (end - start == LOAM_REGION_CHUNK_GRANULES) {
        if (is_to_go(p, v, end))
            return give_chunk(p, v, start, end);
        if (p->span->chunks != LOAM_SPAN_GIVE)
            policy = p->span->chunks;
    }
    return purge_piece(p, v, start, end, policy);
}

/* Makes free runs of what is left; its granules below `below` were not looked at. Returns the link of
 * the lower one; 0: there is none. */
static uint32_t hook_rest(purge *p, victim *v)
{
    size_t end = v->given == v->top ? v->end : v->given;
    loam_free_run rest = v->data;

    if (v->given != v->top && v->top < v->end) {
        loam_span_count(v->region, v->top, v->end - v->top, &rest);
        loam_span_hook(p->span, v->ground, v->top, v->end - v->top, &rest);
        v->data.warm -= rest.warm;
        v->data.cold -= rest.cold;
    }
    if (end == v->start)
        return 0;
    loam_span_hook(p->span, v->ground, v->start, end - v->start, &v->data);
    return loam_span_link(v->ground, v->start);
}

/* Purges a free run from `below` downwards. What is left of it is as old as it was. The cursor is behind
 * it, or in it if the slice is over before. */
static void purge_run(purge *p, uint32_t link, size_t below)
{
    loam_span *span = p->span;
    victim v = {.ground = loam_link_ground(link), .start = loam_link_index(link)};
    size_t at;

    v.region = span->grounds[v.ground].region;
    v.end = v.start + loam_run_length(span, link);
    v.given = v.top = v.end;
    v.data = loam_span_unhook(span, link);
    for (at = below ? below : v.end; at > v.start && !is_over(p);) {
        size_t start = loam_max(v.start, loam_round_down(at - 1, LOAM_REGION_CHUNK_GRANULES));

        if (!treat(p, &v, start, at))
            break;
        at = start;
    }
    link = hook_rest(p, &v);
    if (at > v.start && link != 0 && loam_free_run_of(span, link)->level == span->purge_level) {
        span->purge_at = link;
        span->purge_below = (uint32_t)at;
    }
}

/* ---- rounds: the warm ones, the oldest first; then those that hold no memory, the longest first ---- */

static bool is_old(const purge *p, uint32_t since)
{
    return p->all || (uint32_t)(p->now - since) >= p->span->delay;
}

/* Whether there is something that may be done with a run. */
static bool has_more(const purge *p, const loam_free_run *run, size_t length, size_t whole)
{
    const loam_span *span = p->span;
    size_t committed = length - run->cold;
    bool gives = whole != 0 && may_give(p, 0);

    if (run->warm != 0)
        return gives || (span->spans != LOAM_SPAN_KEEP && length > whole) ||
               (whole != 0 && span->chunks != LOAM_SPAN_KEEP &&
                (span->chunks != LOAM_SPAN_GIVE || span->spans != LOAM_SPAN_KEEP));
    if (gives)
        return true;
    if (span->chunks != LOAM_SPAN_DECOMMIT)
        return span->spans == LOAM_SPAN_DECOMMIT && committed > whole;
    return span->spans == LOAM_SPAN_DECOMMIT ? committed != 0 : run->cold < whole;
}

/* Whether the stage is over before this run: those behind are younger, or shorter. */
static bool ends_stage(const purge *p, const loam_free_run *run, size_t length)
{
    const loam_span *span = p->span;

    if (run->level == LOAM_SPAN_WARM)
        return !is_old(p, run->since) || span->warm <= (p->all ? 0 : span->keep);
    if (span->spans == LOAM_SPAN_DECOMMIT)
        return false;
    return length < LOAM_REGION_CHUNK_GRANULES ||
           (span->chunks != LOAM_SPAN_GIVE && span->chunks != LOAM_SPAN_DECOMMIT);
}

static void set_stage(loam_span *span, uint32_t level)
{
    span->purge_level = level;
    span->purge_below = 0;
    span->purge_at =
        level == LOAM_SPAN_WARM ? span->oldest : loam_runs_last(span, span->roots[level]);
}

/* The run under the cursor. */
static void look_at_run(purge *p)
{
    loam_span *span = p->span;
    uint32_t link = span->purge_at;
    const loam_free_run *run = loam_free_run_of(span, link);
    size_t length = loam_run_length(span, link), below = span->purge_below;
    size_t whole = LOAM_REGION_CHUNK_GRANULES * loam_whole_chunks(loam_link_index(link), length);
    size_t keep = p->all || run->level != LOAM_SPAN_WARM ? 0 : span->keep, left = p->left;

    p->records++;
    if (ends_stage(p, run, length)) {
        span->purge_at = 0;
        return;
    }
    if (!is_old(p, run->since) || !has_more(p, run, length, whole)) {
        loam_span_pass(span, link);
        return;
    }
    if (keep != 0)
        p->left = loam_min(left, span->warm - keep);
    left -= p->left;
    purge_run(p, link, below);
    p->left += left;
}

/* Goes on until the slice or the round is over. */
static void purge_slice(purge *p)
{
    loam_span *span = p->span;

    if (!span->purge_going) {
        if (span->front != 0 && is_old(p, span->front_since)) {
            p->records += span->front;
            loam_span_flush(span);
        }
        set_stage(span, LOAM_SPAN_WARM);
        span->purge_going = true;
    }
    while (!is_over(p) && span->purge_going) {
        if (span->purge_at != 0) {
            look_at_run(p);
        } else if (span->purge_level + 1 < LOAM_SPAN_LEVELS) {
            set_stage(span, span->purge_level + 1);
        } else {
            span->purge_going = false;
            span->purge_rounds++;
        }
    }
    span->purge_slices++;
    span->purge_most = loam_max(span->purge_most, p->records);
}

size_t loam_span_purge_step(loam_span *span, size_t budget)
{
    size_t left = budget / LOAM_REGION_GRANULE, done = 0, first = 0, slices = 0;
    bool over = left == 0, was_going = false;

    while (!over && loam_os_mutex_trylock(loam_span_mutex(span))) {
        purge p = {.span = span, .left = loam_min(left, SLICE_GRANULES), .now = loam_span_now()};

        if (slices++ == 0) {
            first = span->purge_rounds;
            was_going = span->purge_going;
        }
        purge_slice(&p);
        left -= p.done;
        done += p.done;
        /* A round that began before this call, and found nothing since, says nothing of what it had
         * passed then. */
        over =
            left == 0 || p.stopped || span->purge_rounds - first > (size_t)(was_going && done == 0);
        loam_os_mutex_unlock(loam_span_mutex(span));
    }
    return done * LOAM_REGION_GRANULE;
}

/* A round of one's own. Where another thread purges as well, it may have passed what is young: then all
 * is done in one slice. */
size_t loam_span_trim(loam_span *span)
{
    size_t done = 0, slices = 0;
    bool over = false;

    while (!over) {
        purge p = {.span = span, .left = SLICE_GRANULES, .now = loam_span_now(), .all = true};

        loam_os_mutex_lock(loam_span_mutex(span));
        if (slices == 0)
            span->purge_going = false;
        else if (slices != span->purge_slices) {
            span->purge_going = false;
            p.unbounded = true;
            p.left = SIZE_MAX;
        }
        purge_slice(&p);
        slices = span->purge_slices;
        done += p.done;
        over = p.stopped || !span->purge_going;
        loam_os_mutex_unlock(loam_span_mutex(span));
    }
    return done * LOAM_REGION_GRANULE;
}

void loam_span_purge_tail(loam_span *span, loam_region *region, size_t index, size_t count)
{
    if (span->shrunk == LOAM_SPAN_KEEP || count < span->shrunk_least)
        return;
    if (!purge_stretch(span, region, index, index + count, span->shrunk))
        loam_atomic_add(&span->refused, 1);
}
