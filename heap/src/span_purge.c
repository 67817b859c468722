/* span_purge.c: giving memory back, by policy: to the system, and whole chunks to the region.
 *
 *   [ start  |  chunk  |  chunk  |  chunk  |    end ]      a free run that is old enough
 *    `spans`    `chunks`: purged as it says,  `spans`
 *               or given to the region from the top, but for `keep_chunks`
 */
#include "span_internal.h"

/* A purge on its way. */
typedef struct purge {
    loam_span *span;
    size_t left;  /* granules of the budget that are left */
    size_t done;  /* granules that changed */
    uint32_t now; /* in milliseconds */
    bool all;     /* no delay, nothing kept */
    bool stopped; /* the system refused */
} purge;

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
static bool purge_stretch(loam_region *region, size_t start, size_t end, loam_span_policy policy)
{
    bool zero = (loam_vm_capabilities() & LOAM_VM_ZERO_ON_DECOMMIT) != 0;

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

/* Purges what wants it in [start, end), which is in no tree, while the budget lasts. */
static void purge_part(purge *p, loam_region *region, size_t start, size_t end,
                       loam_span_policy policy)
{
    if (policy == LOAM_SPAN_KEEP)
        return;
    while (start < end && p->left > 0 && !p->stopped) {
        size_t stop = start;

        while (stop < end && stop - start < p->left && wants(region, stop, policy))
            stop++;
        if (stop > start && !purge_stretch(region, start, stop, policy)) {
            loam_atomic_add(&p->span->refused, 1);
            p->stopped = true;
            return;
        }
        p->left -= stop - start;
        p->done += stop - start;
        start = stop > start ? stop : start + 1;
    }
}

/* ---- free runs ---- */

/* Whether nothing of [start, end) holds memory that a purge would give back. */
static bool is_purged(const loam_region *region, size_t start, size_t end)
{
    while (start < end && !loam_granule_is_warm(region, start))
        start++;
    return start == end;
}

/* Gives chunks of [from, to) to the region, from the top, as far as the budget goes and more than
 * `keep` are left to the span. Returns where it ended. */
static size_t give_from_top(purge *p, size_t ground, size_t from, size_t to)
{
    loam_region *region = p->span->grounds[ground].region;
    size_t keep = p->all ? 0 : p->span->keep_chunks;
    size_t own = (to - from) / LOAM_REGION_CHUNK_GRANULES;
    size_t have = p->span->empty + own;
    size_t give = have > keep ? loam_min(own, have - keep) : 0;
    size_t end = to;

    for (; give > 0; give--, end -= LOAM_REGION_CHUNK_GRANULES) {
        purge_part(p, region, end - LOAM_REGION_CHUNK_GRANULES, end, LOAM_SPAN_PURGE);
        if (!is_purged(region, end - LOAM_REGION_CHUNK_GRANULES, end))
            break;
    }
    if (end < to)
        loam_span_give_chunks(p->span, ground, end, to - end);
    return end;
}

static void hook_rest(purge *p, size_t ground, size_t start, size_t end, const loam_free_run *data)
{
    loam_free_run rest = *data;

    if (start == end)
        return;
    loam_span_count(p->span->grounds[ground].region, start, end - start, &rest);
    loam_span_hook(p->span, ground, start, end - start, &rest);
}

/* Purges a free run. What is left of it is as old as it was. */
static void purge_run(purge *p, uint32_t link)
{
    loam_span *span = p->span;
    size_t ground = loam_link_ground(link), start = loam_link_index(link);
    size_t end = start + loam_run_length(span, link);
    size_t from = loam_round_up(start, LOAM_REGION_CHUNK_GRANULES);
    size_t to = loam_round_down(end, LOAM_REGION_CHUNK_GRANULES), top;
    loam_region *region = span->grounds[ground].region;
    loam_free_run data = loam_span_unhook(span, link);
    bool give = span->chunks == LOAM_SPAN_GIVE;

    if (from >= to)
        from = to = end;
    top = to;
    purge_part(p, region, start, from, span->spans);
    if (give)
        top = give_from_top(p, ground, from, to);
    purge_part(p, region, from, top, give ? span->spans : span->chunks);
    purge_part(p, region, to, end, span->spans);
    if (top == to) {
        hook_rest(p, ground, start, end, &data);
        return;
    }
    hook_rest(p, ground, to, end, &data);
    hook_rest(p, ground, start, top, &data);
}

static bool is_old(const purge *p, uint32_t since)
{
    return p->all || (uint32_t)(p->now - since) >= p->span->delay;
}

/* The warm ones, the oldest first. */
static void purge_warm(purge *p)
{
    loam_span *span = p->span;
    size_t keep = p->all ? 0 : span->keep;
    uint32_t link = span->oldest;

    while (link != 0 && p->left > 0 && !p->stopped && span->warm > keep) {
        const loam_free_run *run = loam_free_run_of(span, link);
        uint32_t newer = run->newer;
        size_t budget = p->left;

        if (!is_old(p, run->since))
            return;
        p->left = keep ? loam_min(budget, span->warm - keep) : budget;
        budget -= p->left;
        purge_run(p, link);
        p->left += budget;
        link = newer;
    }
}

/* Whether a run that holds no memory has chunks to give, or commit charge that may go. */
static bool has_more(const purge *p, const loam_free_run *run, size_t length, size_t whole)
{
    const loam_span *span = p->span;
    size_t committed = length - run->cold;

    if (whole != 0 && span->chunks == LOAM_SPAN_GIVE && (p->all || span->empty > span->keep_chunks))
        return true;
    if (span->chunks != LOAM_SPAN_DECOMMIT)
        return span->spans == LOAM_SPAN_DECOMMIT && committed > whole;
    return span->spans == LOAM_SPAN_DECOMMIT ? committed != 0 : run->cold < whole;
}

/* Those that hold no memory, the longest first. */
static void purge_clean(purge *p)
{
    loam_span *span = p->span;
    size_t least = span->spans == LOAM_SPAN_DECOMMIT ? 1 : LOAM_REGION_CHUNK_GRANULES;

    if (span->chunks != LOAM_SPAN_GIVE && span->chunks != LOAM_SPAN_DECOMMIT && least != 1)
        return;
    for (int level = LOAM_SPAN_CLEAN; level <= LOAM_SPAN_COLD; level++) {
        uint32_t link = loam_runs_last(span, span->roots[level]), next;

        for (; link != 0 && p->left > 0 && !p->stopped; link = next) {
            const loam_free_run *run = loam_free_run_of(span, link);
            size_t length = loam_run_length(span, link);
            size_t whole =
                LOAM_REGION_CHUNK_GRANULES * loam_whole_chunks(loam_link_index(link), length);

            if (length < least)
                break;
            next = loam_runs_prev(span, link);
            if (is_old(p, run->since) && has_more(p, run, length, whole))
                purge_run(p, link);
        }
    }
}

size_t loam_span_purge_locked(loam_span *span, size_t budget, bool all)
{
    purge p = {.span = span, .left = budget, .now = loam_span_now(), .all = all};

    if (span->front != 0 && is_old(&p, span->front_since))
        loam_span_flush(span);
    purge_warm(&p);
    purge_clean(&p);
    return p.done;
}

size_t loam_span_purge_step(loam_span *span, size_t budget)
{
    size_t done;

    if (!loam_os_mutex_trylock(loam_span_mutex(span)))
        return 0;
    done = loam_span_purge_locked(span, budget / LOAM_REGION_GRANULE, false);
    loam_os_mutex_unlock(loam_span_mutex(span));
    return done * LOAM_REGION_GRANULE;
}

size_t loam_span_trim(loam_span *span)
{
    size_t done;

    loam_os_mutex_lock(loam_span_mutex(span));
    done = loam_span_purge_locked(span, SIZE_MAX / LOAM_REGION_GRANULE, true);
    loam_os_mutex_unlock(loam_span_mutex(span));
    return done * LOAM_REGION_GRANULE;
}

void loam_span_purge_tail(loam_span *span, loam_region *region, size_t index, size_t count)
{
    if (span->shrunk == LOAM_SPAN_KEEP || count < span->shrunk_least)
        return;
    if (!purge_stretch(region, index, index + count, span->shrunk))
        loam_atomic_add(&span->refused, 1);
}
