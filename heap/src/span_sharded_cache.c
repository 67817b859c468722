/* span_sharded_cache.c: the caches of threads. */
#include "span_sharded_internal.h"

#include "internal/mark.h"

/* ---- a thread's number ---- */

static size_t numbers;            /* how many threads have one */
static LOAM_SPAN_TLS size_t mine; /* 0: none yet */

static void empty(loam_span_sharded *sharded, loam_span_cache_ *cache);

/* The cache of a thread that ends goes back, in all that there are. */
static void end_thread(void *value)
{
    loam_span_sharded *sharded = loam_span_all_lock();

    (void)value;
    for (; sharded; sharded = sharded->older)
        empty(sharded, &sharded->caches[mine % LOAM_SPAN_CACHES]);
    loam_span_all_unlock();
}

/* Where the system does not tell of a thread's end, its cache waits for others: threads that share it,
 * and purges. */
static LOAM_NOINLINE void begin_thread(void)
{
    static loam_os_slot slot = LOAM_OS_SLOT_INIT(end_thread);

    mine = loam_atomic_add(&numbers, 1);
    (void)loam_os_slot_set(&slot, &mine);
}

static loam_span_cache_ *my_cache(loam_span_sharded *sharded)
{
    if (mine == 0)
        begin_thread();
    return &sharded->caches[mine % LOAM_SPAN_CACHES];
}

/* ---- slots ---- */

static bool take_slot(size_t *slot, size_t value)
{
    return __atomic_compare_exchange_n(slot, &value, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static bool fill_slot(size_t *slot, size_t value)
{
    size_t none = 0;

    return loam_atomic_load(slot) == 0 &&
           __atomic_compare_exchange_n(slot, &none, value, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

bool loam_sharded_pop(loam_span_sharded *sharded, loam_span_request *request)
{
    unsigned front = loam_span_front_of(request->count);
    loam_span_cache_ *cache;
    size_t ground, value = 0;

    if (!sharded->cached || request->align != 1 || front == LOAM_SPAN_FRONTS_)
        return false;
    cache = my_cache(sharded);
    for (size_t i = loam_cache_slots[front]; i < loam_cache_slots[front + 1] && value == 0; i++) {
        value = loam_atomic_load(&cache->slots[i]);
        if (value != 0 && !take_slot(&cache->slots[i], value))
            value = 0;
    }
    if (value == 0)
        return false;
    (void)loam_shard_of(sharded, (const void *)value, &ground);
    request->region = sharded->shards[0].grounds[ground].region;
    request->index = loam_region_index(request->region, (const void *)value);
    request->some_clean = true; /* as far as is known */
    loam_region_describe(request->region, request->index, request->count, request->kind,
                         request->owner);
    return true;
}

/* Whether the memory of a run is there, so that it may be handed out again as it is. */
static bool is_committed(const loam_region *region, size_t index, size_t count)
{
    for (size_t i = index; i < index + count; i++)
        if (loam_granule_is_cold(region, i))
            return false;
    return true;
}

bool loam_sharded_push(loam_span_sharded *sharded, loam_span *shard, size_t ground, void *ptr,
                       size_t count)
{
    unsigned front = loam_span_front_of(count);
    loam_region *region = shard->grounds[ground].region;
    size_t index = loam_region_index(region, ptr);
    loam_span_cache_ *cache;

    if (!sharded->cached || front == LOAM_SPAN_FRONTS_ || !is_committed(region, index, count))
        return false;
    loam_mark_dead(ptr, count * LOAM_REGION_GRANULE);
    loam_span_clear(region, index, count);
    loam_region_describe(region, index, count, LOAM_SPAN_KIND_CACHED, shard);
    cache = my_cache(sharded);
    for (size_t i = loam_cache_slots[front]; i < loam_cache_slots[front + 1]; i++)
        if (fill_slot(&cache->slots[i], (size_t)(uintptr_t)ptr)) {
            loam_atomic_store(&cache->since, loam_span_now());
            return true;
        }
    return false;
}

/* ---- emptying ---- */

static unsigned front_of_slot(size_t slot)
{
    unsigned front = 0;

    while (slot >= loam_cache_slots[front + 1])
        front++;
    return front;
}

/* Moves a run from a slot to its shard, under the shard's lock, so that a fork finds it in one of both.
 */
static void drain_slot(loam_span_sharded *sharded, loam_span_cache_ *cache, size_t slot, bool wait)
{
    size_t value = loam_atomic_load(&cache->slots[slot]);
    size_t count = (size_t)1 << front_of_slot(slot), ground;
    loam_span *shard;

    if (value == 0)
        return;
    shard = loam_shard_of(sharded, (const void *)value, &ground);
    if (!shard) /* it is gone already, and its chunk as well */
        return;
    if (wait)
        loam_os_mutex_lock(loam_span_mutex(shard));
    else if (!loam_os_mutex_trylock(loam_span_mutex(shard)))
        return;
    if (take_slot(&cache->slots[slot], value)) {
        loam_span *owner = loam_shard_of(sharded, (const void *)value, &ground);

        if (owner != shard) { /* another run at the same address, that came there meanwhile */
            loam_os_mutex_unlock(loam_span_mutex(shard));
            shard = owner;
            loam_os_mutex_lock(loam_span_mutex(shard));
        }
        loam_span_return(shard, ground,
                         loam_region_index(shard->grounds[ground].region, (const void *)value),
                         count);
    }
    loam_os_mutex_unlock(loam_span_mutex(shard));
}

static void empty(loam_span_sharded *sharded, loam_span_cache_ *cache)
{
    for (size_t slot = 0; slot < LOAM_SPAN_CACHE_RUNS_; slot++)
        drain_slot(sharded, cache, slot, true);
}

void loam_sharded_drain(loam_span_sharded *sharded, bool wait)
{
    uint32_t now = loam_span_now();

    for (size_t i = 0; i < LOAM_SPAN_CACHES; i++) {
        loam_span_cache_ *cache = &sharded->caches[i];

        if (!wait && now - (uint32_t)loam_atomic_load(&cache->since) < sharded->shards[0].delay)
            continue;
        for (size_t slot = 0; slot < LOAM_SPAN_CACHE_RUNS_; slot++)
            drain_slot(sharded, cache, slot, wait);
    }
}

size_t loam_sharded_cached(const loam_span_sharded *sharded, size_t *runs)
{
    size_t granules = 0;

    *runs = 0;
    for (size_t i = 0; i < LOAM_SPAN_CACHES; i++)
        for (size_t slot = 0; slot < LOAM_SPAN_CACHE_RUNS_; slot++)
            if (loam_atomic_load(&sharded->caches[i].slots[slot]) != 0) {
                granules += (size_t)1 << front_of_slot(slot);
                ++*runs;
            }
    return granules;
}
