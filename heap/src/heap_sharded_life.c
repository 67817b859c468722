/* heap_sharded_life.c: how sharded heaps begin and end, what a fork finds, and how memory goes back. */
#include "heap_sharded_internal.h"

#include "heap_internal.h"

static struct {
    loam_os_mutex lock;
    bool hooked;               /* the fork hooks are registered */
    uint64_t number;           /* of the newest heap that ever was */
    loam_heap_sharded *newest; /* linked through `older` and `newer` */
} all = {.lock = LOAM_OS_MUTEX_INIT};

/* ---- forks ---- */

static void lock_all(void)
{
    loam_os_mutex_lock(&all.lock);
    for (loam_heap_sharded *heap = all.newest; heap; heap = heap->older) {
        loam_os_mutex_lock(sharded_mutex(heap));
        for (size_t i = 0; i < heap->count; i++)
            loam_os_mutex_lock(shard_mutex(&heap->shards[i]));
    }
}

static void unlock_all(void)
{
    for (loam_heap_sharded *heap = all.newest; heap; heap = heap->older) {
        for (size_t i = 0; i < heap->count; i++)
            loam_os_mutex_unlock(shard_mutex(&heap->shards[i]));
        loam_os_mutex_unlock(sharded_mutex(heap));
    }
    loam_os_mutex_unlock(&all.lock);
}

/* Before any of these locks is taken. Twice does no harm. */
static bool hook_forks(void)
{
    static const loam_os_fork_hooks hooks = {lock_all, unlock_all, unlock_all};

    if (!__atomic_load_n(&all.hooked, __ATOMIC_ACQUIRE) &&
        loam_os_on_fork(LOAM_OS_FORK_HEAP, &hooks))
        __atomic_store_n(&all.hooked, true, __ATOMIC_RELEASE);
    return __atomic_load_n(&all.hooked, __ATOMIC_ACQUIRE);
}

static void link_heap(loam_heap_sharded *heap)
{
    loam_os_mutex_lock(&all.lock);
    heap->number = ++all.number;
    heap->older = all.newest;
    if (all.newest)
        all.newest->newer = heap;
    all.newest = heap;
    loam_os_mutex_unlock(&all.lock);
}

static void unlink_heap(loam_heap_sharded *heap)
{
    loam_os_mutex_lock(&all.lock);
    if (heap->newer)
        heap->newer->older = heap->older;
    else
        all.newest = heap->older;
    if (heap->older)
        heap->older->newer = heap->newer;
    loam_os_mutex_unlock(&all.lock);
}

/* ---- life ---- */

static bool is_good(const loam_heap_sharded_config *config)
{
    return config->granules.ops &&
           (config->granule == 0 || config->granule == 8 || config->granule == 16) &&
           config->shards <= LOAM_HEAP_SHARDS &&
           (config->big == 0 || (config->big >= 1024 && config->big <= LOAM_HEAP_MAX)) &&
           config->region_size <= LOAM_HEAP_MAX;
}

bool loam_heap_sharded_init(loam_heap_sharded *heap, const loam_heap_sharded_config *config)
{
    if (!is_good(config) || !hook_forks())
        return false;
    memset(heap, 0, sizeof *heap);
    heap->granules = config->granules;
    heap->region = loam_granules_region(config->granules, NULL);
    heap->count = config->shards ? config->shards : loam_min(loam_os_cpu_count(), LOAM_HEAP_SHARDS);
    heap->granule = config->granule;
    heap->region_size = config->region_size;
    heap->keep = config->keep;
    /* What is below is a good size at most, so that asking for a good size makes no block big. */
    heap->big = config->big ? config->big : LOAM_HEAP_SHARDED_BIG;
    heap->big = loam_round_down(heap->big, 16) - sizeof(size_t) + 1;
    heap->delay = config->at_once ? 0 : config->delay ? config->delay : LOAM_HEAP_SHARDED_DELAY;
    for (size_t i = 0; i < heap->count; i++)
        heap->shards[i].all = heap;
    link_heap(heap);
    return true;
}

void loam_heap_sharded_deinit(loam_heap_sharded *heap)
{
    unlink_heap(heap);
    for (size_t i = 0; i < heap->count; i++)
        loam_heap_destroy(heap->shards[i].heap);
    while (heap->bigs) {
        loam_record *head = heap->bigs;
        const loam_region *ground = note_of(head)->region;

        heap->bigs = note_of(head)->next;
        loam_granules_give(heap->granules, loam_region_address(ground, loam_record_first(head)),
                           loam_record_length(head));
    }
    memset(heap, 0, sizeof *heap);
}

/* ---- giving memory back ---- */

size_t loam_heap_sharded_purge_step(loam_heap_sharded *heap, size_t budget)
{
    size_t first = loam_atomic_add(&heap->turn, 1), gone = 0;
    uint64_t now = loam_os_milliseconds();

    for (size_t i = 0; i < heap->count && gone < budget; i++) {
        loam_heap_shard_ *shard = &heap->shards[(first + i) % heap->count];

        if (!loam_shard_try(shard))
            continue;
        if (shard->heap && now - shard->grew >= heap->delay)
            gone += loam_heap_trim_some(shard->heap, budget - gone);
        loam_shard_leave(shard);
    }
    if (gone < budget)
        gone += loam_granules_purge(heap->granules, budget - gone);
    return gone;
}

size_t loam_heap_sharded_trim(loam_heap_sharded *heap)
{
    size_t gone = 0;

    for (size_t i = 0; i < heap->count; i++) {
        loam_heap_shard_ *shard = &heap->shards[i];

        loam_shard_enter(shard);
        if (shard->heap)
            gone += loam_heap_trim(shard->heap);
        loam_shard_leave(shard);
    }
    return gone;
}
