/* span.c: taking and giving runs of granules, and making them longer and shorter.
 */
#include "span_internal.h"

#include "internal/mark.h"

#include <string.h>

/* ---- taking ---- */

bool loam_span_request_valid(const loam_span_request *request)
{
    return request->count != 0 && request->count <= LOAM_REGION_MAX_GRANULES &&
           loam_is_pow2(request->align) && request->kind != LOAM_REGION_FREE &&
           request->kind != LOAM_SPAN_KIND_FREE;
}

/* The first position in a free run where a request fits. */
static bool fits(const loam_span *span, uint32_t link, const loam_span_request *request, size_t *at)
{
    const loam_region *region = loam_link_region(span, link);
    size_t length = loam_run_length(span, link);
    size_t number = (region->base >> LOAM_REGION_GRANULE_SHIFT) + loam_link_index(link);
    size_t skip = (0 - number) & (request->align - 1);

    *at = loam_link_index(link) + skip;
    return skip < length && request->count <= length - skip;
}

/* The best fit for an alignment: after some runs that may have an aligned place, one that has it for
 * sure; only then all others. */
static uint32_t find_aligned(const loam_span *span, uint32_t root, const loam_span_request *request,
                             size_t *at)
{
    enum { FEW = 32 };
    uint32_t link = loam_runs_lower_bound(span, root, request->count);

    for (size_t tries = 0; link != 0; link = loam_runs_next(span, link)) {
        if (fits(span, link, request, at))
            return link;
        if (++tries == FEW && request->align <= LOAM_REGION_MAX_GRANULES) {
            uint32_t sure = loam_runs_lower_bound(span, root, request->count + request->align - 1);

            if (sure != 0 && fits(span, sure, request, at))
                return sure;
        }
    }
    return 0;
}

/* Which end of a run to cut off: the one with more warm granules, else the low one. */
static size_t warmer_end(const loam_span *span, uint32_t link, size_t count)
{
    const loam_region *region = loam_link_region(span, link);
    size_t low = loam_link_index(link);
    size_t high = low + loam_run_length(span, link) - count;
    loam_free_run at_low, at_high;

    if (loam_free_run_of(span, link)->warm == loam_run_length(span, link))
        return low;
    loam_span_count(region, low, count, &at_low);
    if (at_low.warm == count)
        return low;
    loam_span_count(region, high, count, &at_high);
    return at_high.warm > at_low.warm ? high : low;
}

static uint32_t find(const loam_span *span, loam_span_level level, const loam_span_request *request,
                     size_t *at)
{
    uint32_t root = span->roots[level];
    uint32_t link;

    if (request->align > 1)
        return find_aligned(span, root, request, at);
    link = loam_runs_lower_bound(span, root, request->count);
    if (link != 0)
        *at = level == LOAM_SPAN_WARM ? warmer_end(span, link, request->count)
                                      : loam_link_index(link);
    return link;
}

void loam_span_claim(loam_span *span, loam_span_request *request, loam_region *region, size_t index)
{
    unsigned all = LOAM_REGION_DIRTY;

    memset(region->classes + index, CLASS_NONE, request->count);
    for (size_t i = 0; i < request->count; i++) {
        loam_record *record = loam_region_record(region, index + i);
        unsigned dirty = loam_record_state(record) & LOAM_REGION_DIRTY;

        loam_record_set_place(record, index, request->kind);
        loam_record_set_owner(record, request->owner);
        loam_record_set_extent(record, i == 0 ? request->count : 0, dirty);
        all &= dirty;
    }
    request->some_clean = all == 0;
    request->region = region;
    request->index = index;
    span->live += request->count;
    span->peak = loam_max(span->peak, span->live);
    span->live_runs++;
    span->takes++;
}

static bool take_from(loam_span *span, loam_span_level level, loam_span_request *request)
{
    size_t at = 0;
    uint32_t link = find(span, level, request, &at);
    loam_region *region;

    if (link == 0)
        return false;
    region = loam_link_region(span, link);
    if (loam_free_run_of(span, link)->cold != 0 && !loam_span_commit(region, at, request->count)) {
        loam_free_run part;

        loam_span_count(region, at, request->count, &part);
        request->refused = part.cold;
        return false;
    }
    loam_span_carve(span, link, at, request->count);
    loam_span_claim(span, request, region, at);
    return true;
}

bool loam_span_take_warm(loam_span *span, loam_span_request *request)
{
    uint32_t link;

    if (request->align == 1 && loam_span_pop(span, loam_span_front_of(request->count), &link)) {
        loam_span_claim(span, request, loam_link_region(span, link), loam_link_index(link));
        return true;
    }
    return take_from(span, LOAM_SPAN_WARM, request);
}

bool loam_span_take_clean(loam_span *span, loam_span_request *request)
{
    return take_from(span, LOAM_SPAN_CLEAN, request) || take_from(span, LOAM_SPAN_COLD, request);
}

bool loam_span_take_whole(loam_span *span, loam_span_request *request)
{
    if (span->front == 0)
        return false;
    loam_span_flush(span);
    return take_from(span, LOAM_SPAN_WARM, request) || loam_span_take_clean(span, request);
}

bool loam_span_take_fresh(loam_span *span, loam_span_request *request)
{
    return loam_span_grow(span, request->count, request->align) &&
           (take_from(span, LOAM_SPAN_WARM, request) || loam_span_take_clean(span, request) ||
            loam_span_take_cheapest(span, request));
}

/* ---- handing out ---- */

/* So many granules from the start may hold something. */
static size_t dirty_of(const loam_span_request *request)
{
    size_t dirty = request->count;

    while (dirty > 0 &&
           (loam_record_state(loam_region_record(request->region, request->index + dirty - 1)) &
            LOAM_REGION_DIRTY) == 0)
        dirty--;
    return dirty;
}

void *loam_span_hand_out(const loam_span_request *request, loam_granules_info *info)
{
    char *ptr = (char *)loam_region_address(request->region, request->index);
    size_t dirty = dirty_of(request);

    if (request->some_clean)
        loam_region_mark(request->region, request->index, request->count, LOAM_REGION_DIRTY);
    loam_mark_undefined(ptr, dirty * LOAM_REGION_GRANULE);
    loam_mark_live(ptr + dirty * LOAM_REGION_GRANULE,
                   (request->count - dirty) * LOAM_REGION_GRANULE);
    if (info)
        *info = (loam_granules_info){request->region, request->index, dirty};
    return ptr;
}

void *loam_span_hand_out_zero(const loam_span_request *request)
{
    char *ptr = (char *)loam_region_address(request->region, request->index);

    loam_mark_live(ptr, request->count * LOAM_REGION_GRANULE);
    for (size_t i = 0; i < request->count; i++) {
        unsigned state = loam_record_state(loam_region_record(request->region, request->index + i));

        if (state & LOAM_REGION_DIRTY)
            memset(ptr + i * LOAM_REGION_GRANULE, 0, LOAM_REGION_GRANULE);
    }
    loam_region_mark(request->region, request->index, request->count, LOAM_REGION_DIRTY);
    return ptr;
}

bool loam_span_meet(loam_span *span, loam_span_request *request)
{
    bool taken;

    loam_span_lock(span);
    taken = loam_span_request_valid(request) &&
            (loam_span_take_warm(span, request) || loam_span_take_clean(span, request) ||
             loam_span_take_whole(span, request) || loam_span_take_cheapest(span, request) ||
             loam_span_take_fresh(span, request) || loam_span_take_joined(span, request));
    if (!taken)
        span->failures++;
    loam_os_mutex_unlock(loam_span_mutex(span));
    return taken;
}

void *loam_span_take(loam_span *span, size_t count, size_t align, uint8_t kind, void *owner,
                     loam_granules_info *info)
{
    loam_span_request request = {
        .count = count, .align = align, .kind = kind, .owner = owner, .region = NULL};

    return loam_span_meet(span, &request) ? loam_span_hand_out(&request, info) : NULL;
}

/* ---- giving ---- */

void loam_span_require_run(const loam_span *span, size_t ground, const void *ptr, size_t count,
                           const loam_span_words *words)
{
#if LOAM_CHECKS
    const loam_region *region;
    const loam_record *record;
    size_t index;

    LOAM_REQUIRE(ground < LOAM_SPAN_REGIONS, words->foreign, ptr);
    region = span->grounds[ground].region;
    index = loam_region_index(region, ptr);
    LOAM_REQUIRE(loam_region_address(region, index) == ptr &&
                     loam_chunk_number(&span->grounds[ground], index) == span->number,
                 words->foreign, ptr);
    record = loam_region_record(region, index);
    LOAM_REQUIRE(loam_record_kind(record) != LOAM_SPAN_KIND_FREE &&
                     loam_record_kind(record) != LOAM_SPAN_KIND_FRONT &&
                     loam_record_kind(record) != LOAM_SPAN_KIND_CACHED &&
                     loam_record_kind(record) != LOAM_REGION_FREE,
                 words->twice, ptr);
    LOAM_REQUIRE(loam_record_first(record) == index && loam_record_length(record) == count,
                 words->wrong, ptr);
#else
    (void)span;
    (void)ground;
    (void)ptr;
    (void)count;
    (void)words;
#endif
}

/* The usual size is a constant, which spares a call for each record. */
void loam_span_clear(loam_region *region, size_t index, size_t count)
{
    memset(region->classes + index, CLASS_NONE, count);
    for (size_t i = index; i < index + count; i++) {
        void *opaque = loam_record_opaque(loam_region_record(region, i));

        if (region->stride == LOAM_REGION_STRIDE)
            memset(opaque, 0, LOAM_REGION_STRIDE - sizeof(loam_record));
        else
            memset(opaque, 0, region->stride - sizeof(loam_record));
    }
}

void loam_span_return(loam_span *span, size_t ground, size_t index, size_t count)
{
    span->live -= count;
    span->live_runs--;
    loam_span_accept(span, ground, index, count);
}

void loam_span_give_at(loam_span *span, size_t ground, void *ptr, size_t count)
{
    loam_region *region = span->grounds[ground].region;
    size_t index = loam_region_index(region, ptr);

    loam_mark_dead(ptr, count * LOAM_REGION_GRANULE);
    loam_span_clear(region, index, count);
    loam_span_lock(span);
    loam_span_return(span, ground, index, count);
    loam_os_mutex_unlock(loam_span_mutex(span));
}

static const loam_span_words run_words = {LOAM_MISUSE_SPAN_FOREIGN, LOAM_MISUSE_REGION_DOUBLE_GIVE,
                                          LOAM_MISUSE_REGION_WRONG_LENGTH};

void loam_span_give(loam_span *span, void *ptr, size_t count)
{
    size_t ground = loam_span_ground(span, ptr);

    loam_span_require_run(span, ground, ptr, count, &run_words);
    loam_span_give_at(span, ground, ptr, count);
}

/* ---- longer and shorter ---- */

static void shorten(loam_span *span, size_t ground, size_t index, size_t count, size_t new_count)
{
    loam_region *region = span->grounds[ground].region;
    loam_record *head = loam_region_record(region, index);
    size_t tail = index + new_count, cut = count - new_count;

    loam_mark_dead(loam_region_address(region, tail), cut * LOAM_REGION_GRANULE);
    loam_span_clear(region, tail, cut);
    loam_span_purge_tail(span, region, tail, cut);
    loam_span_lock(span);
    loam_record_set_extent(head, new_count, loam_record_state(head));
    loam_span_settle(span, ground, tail, cut, loam_span_now());
    span->live -= cut;
    loam_os_mutex_unlock(loam_span_mutex(span));
}

/* Makes room behind a run: what waits in a stack may be there, and what a region has free. */
static bool make_room(loam_span *span, size_t ground, size_t index, size_t count)
{
    const loam_region *region = span->grounds[ground].region;

    if (!loam_span_is_free(span, region, index) ||
        loam_record_length(loam_region_record(region, index)) < count)
        loam_span_flush(span);
    return loam_span_join(span, ground, index, count);
}

/* The granules [end, end + more), which are free, join a run that ends there. */
static bool lengthen(loam_span *span, size_t ground, size_t index, size_t count, size_t more)
{
    loam_region *region = span->grounds[ground].region;
    loam_record *head = loam_region_record(region, index);
    loam_span_request added = {.count = more,
                               .align = 1,
                               .kind = loam_record_kind(head),
                               .owner = loam_record_owner(head),
                               .region = NULL};

    if (!make_room(span, ground, index + count, more))
        return false;
    loam_span_carve(span, loam_span_link(ground, index + count), index + count, more);
    loam_span_claim(span, &added, region, index + count);
    span->live_runs--;
    span->takes--;
    (void)loam_span_hand_out(&added, NULL);
    for (size_t i = index + count; i < index + count + more; i++)
        loam_record_set_place(loam_region_record(region, i), index, added.kind);
    loam_record_set_extent(loam_region_record(region, index + count), 0, LOAM_REGION_DIRTY);
    loam_record_set_extent(head, count + more, loam_record_state(head));
    return true;
}

bool loam_span_resize_at(loam_span *span, size_t ground, void *ptr, size_t count, size_t new_count)
{
    size_t index = loam_region_index(span->grounds[ground].region, ptr);
    bool done;

    if (new_count == 0 || new_count > LOAM_REGION_MAX_GRANULES)
        return false;
    if (new_count < count)
        shorten(span, ground, index, count, new_count);
    if (new_count <= count)
        return true;
    loam_span_lock(span);
    done = lengthen(span, ground, index, count, new_count - count);
    loam_os_mutex_unlock(loam_span_mutex(span));
    return done;
}

bool loam_span_resize_run(loam_span *span, void *ptr, size_t count, size_t new_count)
{
    size_t ground = loam_span_ground(span, ptr);

    loam_span_require_run(span, ground, ptr, count, &run_words);
    return loam_span_resize_at(span, ground, ptr, count, new_count);
}

/* ---- the handle ---- */

static void *granules_take(void *self, size_t count, size_t align, uint8_t kind, void *owner,
                           loam_granules_info *info)
{
    return loam_span_take((loam_span *)self, count, align, kind, owner, info);
}

static void granules_give(void *self, void *ptr, size_t count)
{
    loam_span_give((loam_span *)self, ptr, count);
}

static loam_region *granules_region(void *self, const void *ptr)
{
    loam_span *span = (loam_span *)self;
    size_t ground;

    if (!ptr) {
        bool only;

        loam_span_lock(span);
        only = span->sealed = span->regions == 1;
        loam_os_mutex_unlock(loam_span_mutex(span));
        return only ? span->grounds[0].region : NULL;
    }
    ground = loam_span_ground(span, ptr);
    return ground < LOAM_SPAN_REGIONS ? span->grounds[ground].region : NULL;
}

static bool granules_resize(void *self, void *ptr, size_t count, size_t new_count)
{
    return loam_span_resize_run((loam_span *)self, ptr, count, new_count);
}

static size_t granules_purge(void *self, size_t budget)
{
    return loam_span_purge_step((loam_span *)self, budget);
}

loam_granules loam_span_granules(loam_span *span)
{
    static const loam_granules_ops ops = {
        .take = granules_take,
        .give = granules_give,
        .region = granules_region,
        .purge = granules_purge,
        .resize = granules_resize,
        .name = "span",
    };

    return (loam_granules){&ops, span};
}
