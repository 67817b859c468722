/* span_join.c: room that is free, but not where the stages before look: across the border between what
 * a span has and what its regions have free, and where less must be committed than in the best fit.
 *
 *     chunks     | span's         | the region's   | span's         | the region's   | another's
 *     granules   | held  [ free   |  free          |  free          |  free          ]  held
 *                        start                                                      end
 *
 * A *stretch* is made of *pieces*: free runs of the span, and whole chunks that the region has free. It
 * has a border in it, else it is a piece that was looked at before. A request goes to its lowest place,
 * and where the region refuses the chunks that are missing there, to one beside each of its pieces, of
 * which some need fewer.
 */
#include "span_internal.h"

/* ---- stretches ---- */

static bool is_own(const loam_span *span, size_t ground, size_t index)
{
    const loam_span_ground_ *at = &span->grounds[ground];

    return index < at->region->granules && loam_chunk_number(at, index) == span->number;
}

/* The end of the piece that starts at `at`; `at` itself if there is none. */
static size_t piece_end(const loam_span *span, size_t ground, size_t at)
{
    loam_region *region = span->grounds[ground].region;

    if (is_own(span, ground, at))
        return loam_span_is_free(span, region, at)
                   ? at + loam_record_length(loam_region_record(region, at))
                   : at;
    if (at >= region->granules || at % LOAM_REGION_CHUNK_GRANULES != 0)
        return at;
    return at + loam_round_down(loam_region_room_behind(region, at), LOAM_REGION_CHUNK_GRANULES);
}

/* The start of the piece that ends at `at`; `at` itself if there is none. */
static size_t piece_start(const loam_span *span, size_t ground, size_t at)
{
    loam_region *region = span->grounds[ground].region;

    if (at == 0)
        return 0;
    if (is_own(span, ground, at - 1))
        return loam_span_is_free(span, region, at - 1)
                   ? loam_record_first(loam_region_record(region, at - 1))
                   : at;
    if (at % LOAM_REGION_CHUNK_GRANULES != 0)
        return at;
    return at - loam_round_down(loam_region_room_before(region, at), LOAM_REGION_CHUNK_GRANULES);
}

/* ---- joining ----
 *
 * In two steps, so that a refusal changes nothing. First the missing chunks are taken, and wait in a list
 * like runs in a stack, but for the table, which does not say yet that they are the span's. When all are
 * there, they become free runs, which join their neighbours.
 */

typedef struct stretch {
    loam_span *span;
    size_t ground;
    size_t start, end;
    size_t first_end; /* of the first piece */
    uint32_t waiting; /* chunks that were taken: the link of the newest */
} stretch;

static size_t end_of(const stretch *s, size_t at)
{
    return at == s->start ? s->first_end : piece_end(s->span, s->ground, at);
}

static bool wait_for(stretch *s, size_t index, size_t count)
{
    loam_region *region = s->span->grounds[s->ground].region;
    loam_front_run *run;

    if (!loam_region_take_at(region, index, count, LOAM_SPAN_KIND_FRONT, s->span))
        return false;
    run = (loam_front_run *)loam_record_opaque(loam_region_record(region, index));
    run->below = s->waiting;
    s->waiting = loam_span_link(s->ground, index);
    return true;
}

/* Makes free runs of what waits, or gives it back. */
static void end_waiting(stretch *s, bool good)
{
    loam_region *region = s->span->grounds[s->ground].region;

    while (s->waiting != 0) {
        size_t index = loam_link_index(s->waiting);
        size_t count = loam_record_length(loam_region_record(region, index));
        loam_front_run *run =
            (loam_front_run *)loam_record_opaque(loam_region_record(region, index));

        s->waiting = run->below;
        run->below = 0;
        if (good)
            loam_span_adopt(s->span, s->ground, index, count);
        else
            loam_region_give(region, loam_region_address(region, index), count);
    }
}

/* Makes [from, to) of a stretch free granules of the span, all committed. Returns the head of the run
 * that they are in; SIZE_MAX: the region refuses what is missing, or the system to commit. */
static size_t join(stretch *s, size_t from, size_t to)
{
    size_t at = s->start, before = at, head = SIZE_MAX, end;

    for (; at < to; before = at, at = end) {
        bool own = is_own(s->span, s->ground, at);
        size_t first = own ? at : loam_max(at, loam_round_down(from, LOAM_REGION_CHUNK_GRANULES));

        end = end_of(s, at);
        if (end == at)
            break;
        if (end <= from)
            continue;
        if (head == SIZE_MAX)
            head = first == at && !own ? before : first;
        if (!own && !wait_for(s, first,
                              loam_min(end, loam_round_up(to, LOAM_REGION_CHUNK_GRANULES)) - first))
            break;
    }
    if (at < to || !loam_span_commit(s->span->grounds[s->ground].region, from, to - from))
        head = SIZE_MAX;
    end_waiting(s, head != SIZE_MAX);
    return head;
}

bool loam_span_join(loam_span *span, size_t ground, size_t index, size_t count)
{
    stretch s = {.span = span, .ground = ground, .start = index};

    s.first_end = piece_end(span, ground, index);
    return join(&s, index, index + count) != SIZE_MAX;
}

/* ---- requests ---- */

/* All of the stretch that has `border` in it. A piece of the region's is the last one unless there is
 * one of the span's behind it, and so for the first. */
static stretch stretch_at(loam_span *span, size_t ground, size_t border)
{
    stretch s = {.span = span, .ground = ground, .start = border, .end = border};

    for (bool go_on = true; go_on;) {
        bool own = is_own(span, ground, s.end);
        size_t end = piece_end(span, ground, s.end);

        go_on = end != s.end && (own || is_own(span, ground, end));
        s.end = end;
    }
    s.first_end = piece_end(span, ground, border);
    for (bool go_on = true; go_on;) {
        bool own = s.start > 0 && is_own(span, ground, s.start - 1);
        size_t start = piece_start(span, ground, s.start);

        go_on = start != s.start && start > 0 && (own || is_own(span, ground, start - 1));
        if (start != s.start)
            s.first_end = s.start;
        s.start = start;
    }
    return s;
}

/* The first place from `at` on, or with `before` the last up to it, that is aligned. */
static size_t aligned(const stretch *s, size_t at, size_t align, bool before)
{
    size_t base = s->span->grounds[s->ground].region->base >> LOAM_REGION_GRANULE_SHIFT;

    return before ? at - ((base + at) & (align - 1)) : at + ((0 - (base + at)) & (align - 1));
}

static bool take_at(stretch *s, size_t at, loam_span_request *request)
{
    size_t head;

    if (at < s->start || at > s->end || request->count > s->end - at)
        return false;
    head = join(s, at, at + request->count);
    if (head == SIZE_MAX)
        return false;
    loam_span_carve(s->span, loam_span_link(s->ground, head), at, request->count);
    loam_span_claim(s->span, request, s->span->grounds[s->ground].region, at);
    return true;
}

static bool take_in(stretch *s, loam_span_request *request)
{
    size_t lowest = aligned(s, s->start, request->align, false), end;

    if (lowest >= s->end || request->count > s->end - lowest)
        return false;
    if (take_at(s, lowest, request))
        return true;
    for (size_t at = s->start; at < s->end; at = end) {
        end = end_of(s, at);
        if (end == at)
            return false;
        if ((at > s->start && take_at(s, aligned(s, at, request->align, false), request)) ||
            (end >= request->count &&
             take_at(s, aligned(s, end - request->count, request->align, true), request)))
            return true;
    }
    return false;
}

bool loam_span_take_joined(loam_span *span, loam_span_request *request)
{
    for (size_t ground = 0; ground < span->regions; ground++) {
        size_t count = loam_region_count(span->grounds[ground].region), next;

        for (size_t at = 0; at <= count; at = next) {
            stretch s;

            next = at + LOAM_REGION_CHUNK_GRANULES;
            if (is_own(span, ground, at) == (at > 0 && is_own(span, ground, at - 1)))
                continue;
            s = stretch_at(span, ground, at);
            if (s.first_end < s.end && take_in(&s, request))
                return true;
            next = loam_max(next, loam_round_up(s.end + 1, LOAM_REGION_CHUNK_GRANULES));
        }
    }
    return false;
}

/* ---- where less must be committed ---- */

typedef struct cheapest {
    const loam_span_request *request;
    uint32_t link;
    size_t at, need; /* granules that are cold there */
} cheapest;

/* Slides a window over a free run. */
static void look_in(cheapest *c, const loam_span *span, uint32_t link)
{
    const loam_region *region = loam_link_region(span, link);
    size_t start = loam_link_index(link), count = c->request->count;
    size_t end = start + loam_run_length(span, link), need = 0;
    size_t base = region->base >> LOAM_REGION_GRANULE_SHIFT;

    for (size_t at = start; at < end && c->need != 0; at++) {
        need += loam_granule_is_cold(region, at);
        if (at + 1 < start + count)
            continue;
        if (((base + at + 1 - count) & (c->request->align - 1)) == 0 && need < c->need) {
            c->link = link;
            c->at = at + 1 - count;
            c->need = need;
        }
        need -= loam_granule_is_cold(region, at + 1 - count);
    }
}

bool loam_span_take_cheapest(loam_span *span, loam_span_request *request)
{
    cheapest c = {.request = request, .link = 0, .need = request->refused};

    if (request->refused == 0)
        return false;
    loam_span_flush(span);
    for (int level = LOAM_SPAN_WARM; level < LOAM_SPAN_COLD; level++) {
        uint32_t link = loam_runs_lower_bound(span, span->roots[level], request->count);

        for (; link != 0 && c.need != 0; link = loam_runs_next(span, link))
            look_in(&c, span, link);
    }
    request->refused = 0;
    if (c.link == 0 || !loam_span_commit(loam_link_region(span, c.link), c.at, request->count))
        return false;
    loam_span_carve(span, c.link, c.at, request->count);
    loam_span_claim(span, request, loam_link_region(span, c.link), c.at);
    return true;
}
