/* span_runs.c: free runs: their trees, the list of their ages, joining and cutting, the stacks.
 *
 * The list of ages has the warm runs, the oldest first. A run that was joined stands where the part
 * with the most warm granules stood, and is as old: so a long run does not stay young for ever because
 * short ones come and go beside it, and a short one's age does not matter for a long one.
 */
#include "span_internal.h"

#include <string.h>

/* ---- the list of ages ---- */

/* Puts a run behind `older`; 0: in front of all. */
static void age_insert(loam_span *span, uint32_t link, uint32_t older)
{
    loam_free_run *run = loam_free_run_of(span, link);
    uint32_t newer = older ? loam_free_run_of(span, older)->newer : span->oldest;

    run->older = older;
    run->newer = newer;
    if (older)
        loam_free_run_of(span, older)->newer = link;
    else
        span->oldest = link;
    if (newer)
        loam_free_run_of(span, newer)->older = link;
    else
        span->newest = link;
}

static void age_remove(loam_span *span, const loam_free_run *run)
{
    if (run->older)
        loam_free_run_of(span, run->older)->newer = run->newer;
    else
        span->oldest = run->newer;
    if (run->newer)
        loam_free_run_of(span, run->newer)->older = run->older;
    else
        span->newest = run->older;
}

/* ---- trees ---- */

static loam_span_level level_of(const loam_free_run *run, size_t count)
{
    if (run->warm != 0)
        return LOAM_SPAN_WARM;
    return run->cold == count ? LOAM_SPAN_COLD : LOAM_SPAN_CLEAN;
}

void loam_span_hook(loam_span *span, size_t ground, size_t index, size_t count,
                    const loam_free_run *data)
{
    loam_region *region = span->grounds[ground].region;
    loam_record *head = loam_region_record(region, index);
    uint32_t link = loam_span_link(ground, index);
    loam_free_run *run = (loam_free_run *)loam_record_opaque(head);
    loam_span_level level = level_of(data, count);

    loam_record_set_place(loam_region_record(region, index + count - 1), index,
                          LOAM_SPAN_KIND_FREE);
    loam_record_set_place(head, index, LOAM_SPAN_KIND_FREE);
    loam_record_set_extent(head, count, loam_record_state(head));
    run->warm = data->warm;
    run->cold = data->cold;
    run->since = data->since;
    run->level = (uint32_t)level;
    loam_runs_insert(span, &span->roots[level], link);
    span->free_runs[level]++;
    if (level == LOAM_SPAN_WARM)
        age_insert(span, link, data->older);
    loam_atomic_store(&span->warm, span->warm + data->warm);
    span->cold += data->cold;
    span->empty += loam_whole_chunks(index, count);
}

void loam_span_pass(loam_span *span, uint32_t link)
{
    span->purge_at = span->purge_level == LOAM_SPAN_WARM ? loam_free_run_of(span, link)->newer
                                                         : loam_runs_prev(span, link);
    span->purge_below = 0;
}

loam_free_run loam_span_unhook(loam_span *span, uint32_t link)
{
    loam_record *head = loam_link_record(span, link);
    loam_free_run *run = (loam_free_run *)loam_record_opaque(head);
    loam_free_run data;

    if (LOAM_UNLIKELY(link == span->purge_at))
        loam_span_pass(span, link);
    loam_runs_remove(span, &span->roots[run->level], link);
    span->free_runs[run->level]--;
    data = *run;
    if (data.level == LOAM_SPAN_WARM)
        age_remove(span, &data);
    else
        data.older = span->newest; /* a place in the list, should it need one */
    loam_atomic_store(&span->warm, span->warm - data.warm);
    span->cold -= data.cold;
    span->empty -= loam_whole_chunks(loam_link_index(link), loam_record_length(head));
    memset(run, 0, sizeof *run);
    return data;
}

/* ---- joining ---- */

void loam_span_count(const loam_region *region, size_t index, size_t count, loam_free_run *data)
{
    data->warm = data->cold = 0;
    for (size_t i = index; i < index + count; i++) {
        data->warm += loam_granule_is_warm(region, i);
        data->cold += loam_granule_is_cold(region, i);
    }
}

/* Joins a neighbour into `data`; with `rules`, it says how old both are. */
static void join(loam_span *span, uint32_t link, loam_free_run *data, bool rules)
{
    loam_free_run other = loam_span_unhook(span, link);

    data->warm += other.warm;
    data->cold += other.cold;
    if (rules) {
        data->since = other.since;
        data->older = other.older;
    }
}

/* Joins both neighbours, 0 where there is none. The one with more warm granules rules, if it has more
 * than what came; it is the last to leave the list, so that the place it had there is good. */
static void join_both(loam_span *span, uint32_t before, uint32_t behind, loam_free_run *data)
{
    size_t before_warm = before ? loam_free_run_of(span, before)->warm : 0;
    size_t behind_warm = behind ? loam_free_run_of(span, behind)->warm : 0;
    bool first_is_behind = before_warm > behind_warm;
    uint32_t first = first_is_behind ? behind : before;
    uint32_t last = first_is_behind ? before : behind;
    bool rules = loam_max(before_warm, behind_warm) > data->warm;

    if (first)
        join(span, first, data, false);
    if (last)
        join(span, last, data, rules);
    if (!rules)
        data->older = span->newest;
}

/* Describes granules as free, and counts them. */
static void make_free(loam_span *span, const loam_region *region, size_t index, size_t count,
                      loam_free_run *data)
{
    for (size_t i = index; i < index + count; i++) {
        loam_record *record = loam_region_record(region, i);

        loam_record_set_place(record, index, LOAM_SPAN_KIND_FREE);
        loam_record_set_owner(record, span);
        data->warm += loam_granule_is_warm(region, i);
        data->cold += loam_granule_is_cold(region, i);
    }
}

void loam_span_settle(loam_span *span, size_t ground, size_t index, size_t count, uint32_t since)
{
    const loam_region *region = span->grounds[ground].region;
    loam_free_run data = {.since = since};
    uint32_t before = 0, behind = 0;
    size_t start = index, end = index + count;

    make_free(span, region, index, count, &data);
    if (loam_span_is_free(span, region, end)) {
        behind = loam_span_link(ground, end);
        end += loam_run_length(span, behind);
    }
    if (loam_span_is_free(span, region, start - 1)) {
        start = loam_record_first(loam_region_record(region, start - 1));
        before = loam_span_link(ground, start);
    }
    join_both(span, before, behind, &data);
    loam_span_hook(span, ground, start, end - start, &data);
}

/* Counts a part of a run; in one whose granules are all alike there is nothing to look at. */
static void count_part(const loam_region *region, size_t index, size_t count, size_t length,
                       const loam_free_run *run, loam_free_run *part)
{
    if (run->cold == 0 && (run->warm == 0 || run->warm == length)) {
        part->warm = run->warm == 0 ? 0 : (uint32_t)count;
        part->cold = 0;
        return;
    }
    loam_span_count(region, index, count, part);
}

/* ---- cutting ----
 *
 *   before   [ run                        ]
 *   after    [ front ][ at .. ][ back     ]     both pieces are free, as old as the run
 */
void loam_span_carve(loam_span *span, uint32_t link, size_t at, size_t count)
{
    const loam_region *region = loam_link_region(span, link);
    size_t ground = loam_link_ground(link), start = loam_link_index(link);
    size_t end = start + loam_run_length(span, link);
    loam_free_run rest = loam_span_unhook(span, link), cut, front = rest;

    count_part(region, at, count, end - start, &rest, &cut);
    count_part(region, start, at - start, end - start, &rest, &front);
    rest.warm -= cut.warm + front.warm;
    rest.cold -= cut.cold + front.cold;
    if (end > at + count)
        loam_span_hook(span, ground, at + count, end - (at + count), &rest);
    if (at > start)
        loam_span_hook(span, ground, start, at - start, &front);
}

bool loam_span_commit(const loam_region *region, size_t index, size_t count)
{
    size_t end = index + count;

    while (index < end) {
        size_t stop = index;

        while (stop < end && loam_granule_is_cold(region, stop))
            stop++;
        if (stop > index && !loam_vm_commit(loam_region_address(region, index),
                                            (stop - index) * LOAM_REGION_GRANULE))
            return false;
        index = stop > index ? stop : index + 1;
    }
    return true;
}

/* ---- stacks ---- */

static uint32_t pop_front(loam_span *span, unsigned front)
{
    uint32_t link = span->fronts[front];
    loam_front_run *run = (loam_front_run *)loam_record_opaque(loam_link_record(span, link));

    span->fronts[front] = run->below;
    span->front_runs[front]--;
    loam_atomic_store(&span->front, span->front - ((size_t)1 << front));
    run->below = 0;
    return link;
}

bool loam_span_pop(loam_span *span, unsigned front, uint32_t *link)
{
    if (front == LOAM_SPAN_FRONTS_ || span->fronts[front] == 0)
        return false;
    *link = pop_front(span, front);
    span->front_since = loam_span_now();
    return true;
}

void loam_span_flush(loam_span *span)
{
    for (unsigned front = 0; front < LOAM_SPAN_FRONTS_; front++)
        while (span->fronts[front] != 0) {
            uint32_t link = pop_front(span, front);
            size_t count = (size_t)1 << front;

            loam_span_settle(span, loam_link_ground(link), loam_link_index(link), count,
                             span->front_since);
        }
}

void loam_span_accept(loam_span *span, size_t ground, size_t index, size_t count)
{
    loam_region *region = span->grounds[ground].region;
    unsigned front = loam_span_front_of(count);
    loam_front_run *run;

    if (front == LOAM_SPAN_FRONTS_ ||
        span->front_runs[front] + 1 > ((size_t)LOAM_SPAN_FRONT_GRANULES >> front)) {
        loam_span_settle(span, ground, index, count, loam_span_now());
        return;
    }
    loam_region_describe(region, index, count, LOAM_SPAN_KIND_FRONT, span);
    run = (loam_front_run *)loam_record_opaque(loam_region_record(region, index));
    run->below = span->fronts[front];
    span->fronts[front] = loam_span_link(ground, index);
    span->front_runs[front]++;
    loam_atomic_store(&span->front, span->front + count);
    span->front_since = loam_span_now();
}
