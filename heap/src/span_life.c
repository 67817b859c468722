/* span_life.c: how spans begin and end, where their chunks come from, and what a fork finds.
 *
 * All spans are in a list, so that a fork finds every lock free in the child. A span that stands in
 * one of many (loam_span_sharded) is in it as well.
 */
#include "span_internal.h"

#include "internal/mark.h"
#include "internal/vm_cache.h"

#include <string.h>

/* ---- all spans, for fork ---- */

static struct {
    loam_os_mutex lock;
    bool hooked;       /* the fork hooks are registered */
    loam_span *newest; /* linked through `older` and `newer` */
    loam_span_sharded *newest_sharded;
} all = {.lock = LOAM_OS_MUTEX_INIT};

static void lock_all(void)
{
    loam_os_mutex_lock(&all.lock);
    for (loam_span *span = all.newest; span; span = span->older)
        loam_os_mutex_lock(loam_span_mutex(span));
}

static void unlock_all(void)
{
    for (loam_span *span = all.newest; span; span = span->older)
        loam_os_mutex_unlock(loam_span_mutex(span));
    loam_os_mutex_unlock(&all.lock);
}

/* Before any of these locks is taken. Twice does no harm. */
static bool hook_forks(void)
{
    static const loam_os_fork_hooks hooks = {lock_all, unlock_all, unlock_all};

    if (!__atomic_load_n(&all.hooked, __ATOMIC_ACQUIRE) &&
        loam_os_on_fork(LOAM_OS_FORK_SPAN, &hooks))
        __atomic_store_n(&all.hooked, true, __ATOMIC_RELEASE);
    return __atomic_load_n(&all.hooked, __ATOMIC_ACQUIRE);
}

static void link_span(loam_span *span)
{
    loam_os_mutex_lock(&all.lock);
    span->newer = NULL;
    span->older = all.newest;
    if (all.newest)
        all.newest->newer = span;
    all.newest = span;
    loam_os_mutex_unlock(&all.lock);
}

static void unlink_span(loam_span *span)
{
    loam_os_mutex_lock(&all.lock);
    if (span->newer)
        span->newer->older = span->older;
    else
        all.newest = span->older;
    if (span->older)
        span->older->newer = span->newer;
    loam_os_mutex_unlock(&all.lock);
}

/* ---- all sharded ones, for threads that end ---- */

loam_span_sharded *loam_span_all_lock(void)
{
    loam_os_mutex_lock(&all.lock);
    return all.newest_sharded;
}

void loam_span_all_unlock(void)
{
    loam_os_mutex_unlock(&all.lock);
}

void loam_span_link_sharded(loam_span_sharded *sharded)
{
    loam_os_mutex_lock(&all.lock);
    sharded->newer = NULL;
    sharded->older = all.newest_sharded;
    if (all.newest_sharded)
        all.newest_sharded->newer = sharded;
    all.newest_sharded = sharded;
    loam_os_mutex_unlock(&all.lock);
}

void loam_span_unlink_sharded(loam_span_sharded *sharded)
{
    loam_os_mutex_lock(&all.lock);
    if (sharded->newer)
        sharded->newer->older = sharded->older;
    else
        all.newest_sharded = sharded->older;
    if (sharded->older)
        sharded->older->newer = sharded->newer;
    loam_os_mutex_unlock(&all.lock);
}

/* ---- pages of its own ---- */

/* What the system refuses to take back is kept by the page layer, and offered to it again; nobody else
 * asks for this kind. */
enum { MAPPING_REFUSED = UINT16_MAX };

void *loam_span_get_pages(size_t *size)
{
    void *ptr;

    *size = loam_round_up(*size, loam_vm_reserve_granularity());
    ptr = loam_vm_reserve(*size, loam_vm_reserve_granularity());
    if (ptr && !loam_vm_commit(ptr, *size)) {
        loam_span_end_pages(ptr, *size);
        ptr = NULL;
    }
    return ptr;
}

void loam_span_end_pages(void *ptr, size_t size)
{
    loam_mapping mapping = {.base = (char *)ptr, .size = size, .kind = MAPPING_REFUSED};

    (void)loam_vm_cache_release(&mapping);
}

/* ---- grounds ---- */

bool loam_span_make_table(loam_region *region, loam_span_ground_ *ground)
{
    size_t size = loam_max(region->granules / LOAM_REGION_CHUNK_GRANULES, 1);
    void *table;

    if (region->stride < loam_span_min_stride())
        return false;
    table = loam_span_get_pages(&size);
    if (!table)
        return false;
    *ground = (loam_span_ground_){region, (uint8_t *)table, size};
    return true;
}

void loam_span_end_table(loam_span_ground_ *ground)
{
    if (ground->chunks_size != 0)
        loam_span_end_pages(ground->chunks, ground->chunks_size);
}

void loam_span_append(loam_span *span, const loam_span_ground_ *ground)
{
    span->grounds[span->regions] = *ground;
    span->table_bytes += ground->chunks_size;
    __atomic_store_n(&span->regions, span->regions + 1, __ATOMIC_RELEASE);
}

bool loam_span_has_region(const loam_span *span, const loam_region *region)
{
    for (size_t i = 0; i < span->regions; i++)
        if (span->grounds[i].region == region)
            return true;
    return false;
}

bool loam_span_add(loam_span *span, loam_region *region)
{
    loam_span_ground_ ground;
    bool added;

    if (!loam_span_make_table(region, &ground))
        return false;
    loam_os_mutex_lock(loam_span_mutex(span));
    added =
        span->regions < LOAM_SPAN_REGIONS && !loam_span_has_region(span, region) && !span->sealed;
    if (added)
        loam_span_append(span, &ground);
    loam_os_mutex_unlock(loam_span_mutex(span));
    if (!added)
        loam_span_end_table(&ground);
    return added;
}

/* ---- life ---- */

static bool is_policy(loam_span_policy policy, loam_span_policy last)
{
    return (int)policy >= LOAM_SPAN_DEFAULT &&
           ((int)policy <= (int)last || policy == LOAM_SPAN_KEEP);
}

static loam_span_policy policy_or(loam_span_policy policy, loam_span_policy otherwise)
{
    return policy == LOAM_SPAN_DEFAULT ? otherwise : policy;
}

bool loam_span_prepare(loam_span *span, uint8_t number, const loam_span_config *config)
{
    static const loam_span_config all_zero = {0};

    if (!config)
        config = &all_zero;
    if (!is_policy(config->spans, LOAM_SPAN_DECOMMIT) ||
        !is_policy(config->chunks, LOAM_SPAN_GIVE) ||
        !is_policy(config->shrunk, LOAM_SPAN_DECOMMIT) || !hook_forks())
        return false;
    memset(span, 0, sizeof *span);
    span->name = config->name ? config->name : "span";
    span->number = number;
    span->spans = policy_or(config->spans, LOAM_SPAN_PURGE);
    span->chunks = policy_or(config->chunks, LOAM_SPAN_GIVE);
    span->shrunk = policy_or(config->shrunk, LOAM_SPAN_KEEP);
    span->shrunk_least =
        (config->shrunk_least ? config->shrunk_least : LOAM_REGION_CHUNK) / LOAM_REGION_GRANULE;
    span->delay = config->delay ? config->delay : LOAM_SPAN_DELAY;
    if (config->at_once)
        span->delay = 0;
    span->keep = config->keep / LOAM_REGION_GRANULE;
    span->keep_chunks = config->keep_chunks;
    span->huge = loam_vm_huge_page_size() == 0 ? 0
                                               : config->huge / LOAM_REGION_GRANULE +
                                                     (config->huge % LOAM_REGION_GRANULE != 0);
    link_span(span);
    return true;
}

bool loam_span_init(loam_span *span, loam_region *region, const loam_span_config *config)
{
    loam_span_ground_ ground;

    if (!loam_span_make_table(region, &ground))
        return false;
    if (!loam_span_prepare(span, 1, config)) {
        loam_span_end_table(&ground);
        return false;
    }
    loam_span_append(span, &ground);
    return true;
}

/* A refusal leaves pages that are as good, only smaller or bigger. */
void loam_span_forbid_huge(const loam_span *span, loam_region *region, size_t index, size_t count)
{
    if (span->huge != 0)
        (void)loam_vm_advise(loam_region_address(region, index), count * LOAM_REGION_GRANULE,
                             LOAM_VM_NO_HUGE);
}

/* Chunks [first, end) of a ground, whatever is in them. */
static void end_chunks(const loam_span *span, const loam_span_ground_ *ground, size_t first,
                       size_t end)
{
    size_t index = first * LOAM_REGION_CHUNK_GRANULES;
    size_t count = (end - first) * LOAM_REGION_CHUNK_GRANULES;

    memset(ground->chunks + first, 0, end - first);
    loam_span_forbid_huge(span, ground->region, index, count);
    loam_region_describe(ground->region, index, count, LOAM_SPAN_KIND_FREE, NULL);
    loam_region_give(ground->region, loam_region_address(ground->region, index), count);
}

void loam_span_retire(loam_span *span)
{
    unlink_span(span);
    for (size_t i = 0; i < span->regions; i++) {
        const loam_span_ground_ *ground = &span->grounds[i];
        size_t chunks = loam_region_count(ground->region) / LOAM_REGION_CHUNK_GRANULES;

        for (size_t chunk = 0; chunk < chunks; chunk++) {
            size_t end = chunk;

            while (end < chunks && ground->chunks[end] == span->number)
                end++;
            if (end > chunk)
                end_chunks(span, ground, chunk, end);
            chunk = end;
        }
    }
}

void loam_span_deinit(loam_span *span)
{
    loam_span_retire(span);
    for (size_t i = 0; i < span->regions; i++)
        loam_span_end_table(&span->grounds[i]);
    memset(span, 0, sizeof *span);
}

/* ---- chunks ---- */

static void set_chunks(const loam_span_ground_ *ground, size_t index, size_t count, uint8_t number)
{
    for (size_t i = index; i < index + count; i += LOAM_REGION_CHUNK_GRANULES)
        __atomic_store_n(&ground->chunks[i / LOAM_REGION_CHUNK_GRANULES], number, __ATOMIC_RELAXED);
}

void loam_span_adopt(loam_span *span, size_t ground, size_t index, size_t count)
{
    loam_region *region = span->grounds[ground].region;

    loam_mark_dead(loam_region_address(region, index), count * LOAM_REGION_GRANULE);
    set_chunks(&span->grounds[ground], index, count, span->number);
    span->owned += count;
    loam_span_settle(span, ground, index, count, loam_span_now());
}

/* Whether chunks that a span is about to get may have huge pages. Then all of them may hold memory. */
static bool ask_for_huge(const loam_span *span, loam_region *region, size_t index, size_t count)
{
    return span->huge != 0 && span->owned + count > span->huge &&
           loam_vm_advise(loam_region_address(region, index), count * LOAM_REGION_GRANULE,
                          LOAM_VM_HUGE);
}

bool loam_span_grow(loam_span *span, size_t count, size_t align)
{
    size_t need = loam_round_up(count, LOAM_REGION_CHUNK_GRANULES);
    loam_granules_info info;

    align = loam_max(align, LOAM_REGION_CHUNK_GRANULES);
    for (size_t ground = 0; ground < span->regions; ground++)
        if (loam_region_take(span->grounds[ground].region, need, align, LOAM_SPAN_KIND_FREE, span,
                             &info)) {
            if (!ask_for_huge(span, info.region, info.index, need))
                loam_region_mark(info.region, info.index + info.dirty, need - info.dirty, 0);
            loam_span_adopt(span, ground, info.index, need);
            return true;
        }
    return false;
}

void loam_span_give_chunks(loam_span *span, size_t ground, size_t index, size_t count)
{
    loam_region *region = span->grounds[ground].region;

    set_chunks(&span->grounds[ground], index, count, 0);
    loam_span_forbid_huge(span, region, index, count);
    span->owned -= count;
    loam_region_describe(region, index, count, LOAM_SPAN_KIND_FREE, span);
    loam_region_give(region, loam_region_address(region, index), count);
}

static void hook_part(loam_span *span, size_t ground, size_t index, size_t end,
                      const loam_free_run *data)
{
    loam_free_run part = *data;

    if (index == end)
        return;
    loam_span_count(span->grounds[ground].region, index, end - index, &part);
    loam_span_hook(span, ground, index, end - index, &part);
}

/* Gives the whole chunks of a free run to the region as they are. */
static void give_whole(loam_span *span, uint32_t link)
{
    size_t ground = loam_link_ground(link), start = loam_link_index(link);
    size_t end = start + loam_run_length(span, link);
    size_t from = loam_round_up(start, LOAM_REGION_CHUNK_GRANULES);
    size_t to = loam_round_down(end, LOAM_REGION_CHUNK_GRANULES);
    loam_free_run data = loam_span_unhook(span, link);

    loam_span_give_chunks(span, ground, from, to - from);
    hook_part(span, ground, to, end, &data);
    hook_part(span, ground, start, from, &data);
}

void loam_span_give_empty(loam_span *span)
{
    loam_span_flush(span);
    for (int level = 0; level < LOAM_SPAN_LEVELS; level++) {
        uint32_t link = loam_runs_last(span, span->roots[level]), next;

        for (; link != 0 && loam_run_length(span, link) >= LOAM_REGION_CHUNK_GRANULES;
             link = next) {
            next = loam_runs_prev(span, link);
            if (loam_whole_chunks(loam_link_index(link), loam_run_length(span, link)) != 0)
                give_whole(span, link);
        }
    }
}
