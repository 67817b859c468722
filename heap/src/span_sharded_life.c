/* span_sharded_life.c: how sharded spans begin and end, what is given back, and a look at them. */
#include "span_sharded_internal.h"

#include <string.h>

enum { TRIES = 40 }; /* for a shard's lock: some microseconds, about what it costs to sleep */

/* ---- life ---- */

static size_t shards_of(const loam_span_sharded_config *config)
{
    return config->shards ? config->shards : loam_min(loam_os_cpu_count(), LOAM_SPAN_SHARDS);
}

/* All shards have the same grounds in the same order; the first one's tables are theirs too. */
static void append_all(loam_span_sharded *sharded, const loam_span_ground_ *ground)
{
    loam_span_ground_ borrowed = *ground;

    borrowed.chunks_size = 0;
    for (size_t i = 0; i < sharded->count; i++) {
        loam_span *shard = &sharded->shards[i];

        loam_os_mutex_lock(loam_span_mutex(shard));
        loam_span_append(shard, i == 0 ? ground : &borrowed);
        loam_os_mutex_unlock(loam_span_mutex(shard));
    }
}

static bool prepare_shards(loam_span_sharded *sharded, const loam_span_config *config)
{
    for (size_t i = 0; i < sharded->count; i++) {
        if (loam_span_prepare(&sharded->shards[i], (uint8_t)(i + 1), config)) {
            sharded->shards[i].tries = TRIES;
            continue;
        }
        while (i-- > 0)
            loam_span_retire(&sharded->shards[i]);
        return false;
    }
    return true;
}

bool loam_span_sharded_init(loam_span_sharded *sharded, loam_region *region,
                            const loam_span_sharded_config *config)
{
    static const loam_span_sharded_config all_zero = {.shards = 0};
    loam_span_ground_ ground;

    if (!config)
        config = &all_zero;
    memset(sharded, 0, sizeof *sharded);
    sharded->count = shards_of(config);
    sharded->cached = !config->uncached;
    if (sharded->count > LOAM_SPAN_SHARDS || !loam_span_make_table(region, &ground))
        return false;
    if (!prepare_shards(sharded, &config->span)) {
        loam_span_end_table(&ground);
        return false;
    }
    append_all(sharded, &ground);
    loam_span_link_sharded(sharded);
    return true;
}

bool loam_span_sharded_add(loam_span_sharded *sharded, loam_region *region)
{
    loam_span_ground_ ground;
    bool added;

    if (!loam_span_make_table(region, &ground))
        return false;
    (void)loam_span_all_lock();
    added = !sharded->sealed && sharded->shards[0].regions < LOAM_SPAN_REGIONS &&
            !loam_span_has_region(&sharded->shards[0], region);
    if (added)
        append_all(sharded, &ground);
    loam_span_all_unlock();
    if (!added)
        loam_span_end_table(&ground);
    return added;
}

loam_region *loam_sharded_seal(loam_span_sharded *sharded)
{
    bool only;

    (void)loam_span_all_lock();
    only = sharded->sealed = sharded->shards[0].regions == 1;
    loam_span_all_unlock();
    return only ? sharded->shards[0].grounds[0].region : NULL;
}

void loam_span_sharded_deinit(loam_span_sharded *sharded)
{
    loam_span *first = &sharded->shards[0];

    loam_span_unlink_sharded(sharded);
    for (size_t i = 0; i < sharded->count; i++)
        loam_span_retire(&sharded->shards[i]);
    for (size_t i = 0; i < first->regions; i++)
        loam_span_end_table(&first->grounds[i]);
}

loam_span_sharded *loam_span_sharded_create(loam_region *region,
                                            const loam_span_sharded_config *config)
{
    size_t size = sizeof(loam_span_sharded);
    loam_span_sharded *sharded = (loam_span_sharded *)loam_span_get_pages(&size);

    if (!sharded)
        return NULL;
    if (!loam_span_sharded_init(sharded, region, config)) {
        loam_span_end_pages(sharded, size);
        return NULL;
    }
    sharded->own_size = size;
    return sharded;
}

void loam_span_sharded_destroy(loam_span_sharded *sharded)
{
    size_t size;

    if (!sharded)
        return;
    size = sharded->own_size;
    loam_span_sharded_deinit(sharded);
    loam_span_end_pages(sharded, size);
}

/* ---- giving memory back ---- */

/* Chunks that shards gave to their regions as they were, for a request that had need of them: nobody
 * else gives back the memory of those that nobody took. */
static size_t purge_given(loam_span_sharded *sharded, size_t budget, bool all)
{
    const loam_span *first = &sharded->shards[0];
    size_t since = loam_atomic_load(&sharded->given), done = 0;

    if (since == 0 || (!all && loam_span_now() - (uint32_t)since < first->delay))
        return 0;
    loam_atomic_store(&sharded->given, 0);
    for (size_t i = 0; i < loam_span_regions(first) && done < budget; i++)
        done += loam_region_purge(first->grounds[i].region, budget - done);
    if (done >= budget / LOAM_REGION_GRANULE * LOAM_REGION_GRANULE)
        loam_atomic_store(&sharded->given, since); /* there may be more */
    return done;
}

size_t loam_span_sharded_purge_step(loam_span_sharded *sharded, size_t budget)
{
    size_t turn = loam_atomic_add(&sharded->turn, 1);
    size_t done = 0;

    loam_sharded_drain(sharded, false);
    for (size_t i = 0; i < sharded->count && done < budget; i++)
        done += loam_span_purge_step(&sharded->shards[(turn + i) % sharded->count], budget - done);
    if (done < budget)
        done += purge_given(sharded, budget - done, false);
    return done;
}

size_t loam_span_sharded_trim(loam_span_sharded *sharded)
{
    size_t done = 0;

    loam_sharded_drain(sharded, true);
    for (size_t i = 0; i < sharded->count; i++)
        done += loam_span_trim(&sharded->shards[i]);
    return done + purge_given(sharded, SIZE_MAX, true);
}

/* ---- looking at it ---- */

void loam_span_sharded_stats(loam_span_sharded *sharded, loam_stats *stats)
{
    size_t runs, cached = loam_sharded_cached(sharded, &runs) * LOAM_REGION_GRANULE;

    memset(stats, 0, sizeof *stats);
    for (size_t i = 0; i < sharded->count; i++) {
        loam_stats one;

        loam_span_stats(&sharded->shards[i], &one);
        stats->live += one.live;
        stats->peak += one.peak;
        stats->committed += one.committed;
        stats->reserved += one.reserved;
        stats->metadata += one.metadata;
        stats->blocks += one.blocks;
        stats->allocations += one.allocations;
        stats->refused += one.refused;
    }
    stats->live -= loam_min(cached, stats->live); /* others may be moving them right now */
    stats->blocks -= loam_min(runs, stats->blocks);
    stats->failures = loam_atomic_load(&sharded->failures);
}

void loam_span_sharded_look(loam_span_sharded *sharded, loam_span_figures *figures)
{
    size_t runs, cached = loam_sharded_cached(sharded, &runs) * LOAM_REGION_GRANULE;

    memset(figures, 0, sizeof *figures);
    for (size_t i = 0; i < sharded->count; i++) {
        loam_span_figures one;

        loam_span_look(&sharded->shards[i], &one);
        figures->warm += one.warm;
        figures->clean += one.clean;
        figures->cold += one.cold;
        figures->front += one.front;
        figures->largest_free = loam_max(figures->largest_free, one.largest_free);
        figures->free_runs += one.free_runs;
        figures->live_runs += one.live_runs;
        figures->chunks += one.chunks;
        figures->empty_chunks += one.empty_chunks;
    }
    figures->warm += cached;
    figures->front += cached;
    figures->live_runs -= loam_min(runs, figures->live_runs);
}

bool loam_span_sharded_walk(loam_span_sharded *sharded, loam_walk_fn visit, void *context)
{
    for (size_t i = 0; i < sharded->count; i++)
        if (!loam_span_walk(&sharded->shards[i], visit, context))
            return false;
    return true;
}

/* What a slot holds is a run of its size, that says so. */
static bool is_cached_run(loam_span_sharded *sharded, size_t value, unsigned front)
{
    size_t ground;
    const loam_span *shard = loam_shard_of(sharded, (const void *)value, &ground);
    const loam_region *region;
    const loam_record *head;

    if (!shard)
        return false;
    region = shard->grounds[ground].region;
    head = loam_region_record(region, loam_region_index(region, (const void *)value));
    return loam_record_kind(head) == LOAM_SPAN_KIND_CACHED && loam_record_owner(head) == shard &&
           loam_record_length(head) == (size_t)1 << front;
}

static bool check_caches(loam_span_sharded *sharded, loam_check_fn report, void *context)
{
    bool good = true;

    for (size_t i = 0; i < LOAM_SPAN_CACHES; i++)
        for (unsigned front = 0; front < LOAM_SPAN_FRONTS_; front++)
            for (size_t slot = loam_cache_slots[front]; slot < loam_cache_slots[front + 1];
                 slot++) {
                size_t value = loam_atomic_load(&sharded->caches[i].slots[slot]);

                if (value == 0 || is_cached_run(sharded, value, front))
                    continue;
                good = false;
                if (report)
                    report(context, "S6: a cache has a run that does not belong there",
                           &sharded->caches[i].slots[slot]);
            }
    return good;
}

bool loam_span_sharded_check(loam_span_sharded *sharded, loam_check_fn report, void *context)
{
    bool good = check_caches(sharded, report, context);

    for (size_t i = 0; i < sharded->count; i++)
        good = loam_span_check(&sharded->shards[i], report, context) && good;
    return good;
}
