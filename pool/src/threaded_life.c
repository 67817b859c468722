/* threaded_life.c: how threaded pools begin and end, and what happens when a thread ends or a process
 * forks.
 *
 * All pools are in a list, newest first. A pool may be the source of a newer one: locks are taken in
 * this order, and a thread that ends leaves them in this order.
 */
#include "threaded_internal.h"

_Static_assert(sizeof(((loam_pool_threaded *)0)->lock) == sizeof(loam_os_mutex),
               "the public lock has room for the system layer's");

static struct {
    loam_os_mutex lock;
    bool hooked;                /* the fork hooks are registered */
    bool missed;                /* the system did not want to tell of the end of some thread */
    uint64_t number;            /* of the newest pool that ever was */
    loam_pool_threaded *newest; /* linked through `older` and `newer` */
} all = {.lock = LOAM_OS_MUTEX_INIT};

/* ---- forks ---- */

static void lock_all(void)
{
    loam_os_mutex_lock(&all.lock);
    for (loam_pool_threaded *pool = all.newest; pool; pool = pool->older) {
        loam_os_mutex_lock(threaded_mutex(pool));
        for (loam_pool_heap *heap = pool->heaps; heap; heap = heap->next)
            loam_os_mutex_lock(&heap->lock);
    }
}

static void unlock_all(void)
{
    for (loam_pool_threaded *pool = all.newest; pool; pool = pool->older) {
        for (loam_pool_heap *heap = pool->heaps; heap; heap = heap->next)
            loam_os_mutex_unlock(&heap->lock);
        loam_os_mutex_unlock(threaded_mutex(pool));
    }
    loam_os_mutex_unlock(&all.lock);
}

/* Here is one thread only. What the others had is as they left it between two calls: their slabs are
 * guarded by locks, and their fronts are good at any time. */
static void begin_child(void)
{
    for (loam_pool_threaded *pool = all.newest; pool; pool = pool->older) {
        for (loam_pool_heap *heap = pool->heaps; heap; heap = heap->next) {
            if (heap->thread != 0 && heap->thread != loam_os_thread_id())
                loam_threaded_forsake(heap);
        }
    }
    unlock_all();
}

/* Before any of these locks is taken. Twice does no harm. */
static bool hook_forks(void)
{
    static const loam_os_fork_hooks hooks = {lock_all, unlock_all, begin_child};

    if (!__atomic_load_n(&all.hooked, __ATOMIC_ACQUIRE) &&
        loam_os_on_fork(LOAM_OS_FORK_POOL, &hooks))
        __atomic_store_n(&all.hooked, true, __ATOMIC_RELEASE);
    return __atomic_load_n(&all.hooked, __ATOMIC_ACQUIRE);
}

/* ---- threads that end ---- */

static void end_thread_in(loam_pool_threaded *pool)
{
    loam_threaded_place *place = place_for(pool);
    loam_pool_heap *heap;

    loam_os_mutex_lock(threaded_mutex(pool));
    loam_threaded_mine.last.number = 0;
    if (place->number == pool->number) {
        place->number = 0;
        loam_threaded_abandon(heap_at(pool, place->shift));
    }
    for (heap = loam_threaded_mine.forgot ? pool->heaps : NULL; heap; heap = heap->next) {
        if (thread_of(heap) == loam_os_thread_id())
            loam_threaded_abandon(heap);
    }
    loam_os_mutex_unlock(threaded_mutex(pool));
}

/* Destructors of other slots may still use a pool after this; the system then calls it again. */
static void end_thread(void *value)
{
    (void)value;
    loam_os_mutex_lock(&all.lock);
    for (loam_pool_threaded *pool = all.newest; pool; pool = pool->older)
        end_thread_in(pool);
    loam_os_mutex_unlock(&all.lock);
}

bool loam_threaded_notice_end(void)
{
    static loam_os_slot slot = LOAM_OS_SLOT_INIT(end_thread);

    if (loam_os_slot_set(&slot, &loam_threaded_mine))
        return true;
    __atomic_store_n(&all.missed, true, __ATOMIC_RELAXED);
    return false;
}

bool loam_threaded_missed_end(void)
{
    return __atomic_load_n(&all.missed, __ATOMIC_RELAXED);
}

/* ---- begin ---- */

static void link_pool(loam_pool_threaded *pool)
{
    loam_os_mutex_lock(&all.lock);
    pool->number = ++all.number;
    pool->place = pool->number % KNOWN_HEAPS * sizeof(loam_threaded_place);
    pool->newer = NULL;
    pool->older = all.newest;
    if (all.newest)
        all.newest->newer = pool;
    all.newest = pool;
    loam_os_mutex_unlock(&all.lock);
}

static void unlink_pool(loam_pool_threaded *pool)
{
    loam_os_mutex_lock(&all.lock);
    if (pool->newer)
        pool->newer->older = pool->older;
    else
        all.newest = pool->older;
    if (pool->older)
        pool->older->newer = pool->newer;
    loam_os_mutex_unlock(&all.lock);
}

/* The fronts of many threads hold less than that of one would. */
static void make_pattern(loam_pool_class *pattern, const loam_pool_config *config)
{
    size_t many = loam_max(loam_min(FRONT_BYTES / pattern->front.size, FRONT_MOST), FRONT_LEAST);

    if (config->front == 0 && !pattern->watched)
        loam_pool_set_front(pattern, many, config->keep == 0 ? CALM_LEAST : 0);
    pattern->relieve = loam_threaded_relieve;
    pattern->keep = config->keep == 0;
    pattern->ties = &loam_threaded_ties;
}

static size_t bytes_of_heap(const loam_pool *shape)
{
    size_t bytes = offsetof(loam_pool_heap, classes);

    for (size_t i = 0; i < shape->count; i++)
        bytes += sizeof(loam_pool_class) + sizeof(side_line) +
                 side_room(&shape->classes[i]) * sizeof(void *);
    return bytes;
}

/* Where a slab is one granule of one region, its owner stands at a place that the address tells. */
static void find_records(loam_pool_threaded *pool)
{
    const loam_region *region = pool->shape.classes[0].region;

    if (!region || pool->watched || region->stride != LOAM_REGION_STRIDE)
        return;
    for (size_t i = 0; i < pool->shape.count; i++) {
        if (pool->shape.classes[i].slab_size == LOAM_REGION_GRANULE)
            pool->direct = loam_min(pool->shape.classes[i].front.size, LOAM_POOL_SMALL);
    }
    pool->records = region->records + sizeof(loam_record) + offsetof(loam_pool_slab, owner) -
                    (region->base >> LOAM_REGION_GRANULE_SHIFT) * LOAM_REGION_STRIDE;
}

bool loam_pool_threaded_init(loam_pool_threaded *pool, const loam_pool_config *config)
{
    memset(pool, 0, sizeof *pool);
    if (!config->granules.ops && config->allocator.ops &&
        !loam_allocator_threadsafe(config->allocator))
        return false;
    if (!hook_forks() || !loam_pool_init(&pool->shape, config))
        return false;
    for (size_t i = 0; i < pool->shape.count; i++)
        make_pattern(&pool->shape.classes[i], config);
    pool->watched = pool->shape.classes[0].watched;
    find_records(pool);
    pool->heap_size = bytes_of_heap(&pool->shape);
    link_pool(pool);
    return true;
}

void loam_pool_threaded_deinit(loam_pool_threaded *pool)
{
    loam_pool_heap *heap = pool->heaps;

    unlink_pool(pool);
    while (heap) {
        loam_pool_heap *next = heap->next;

        loam_threaded_end_heap(pool, heap);
        heap = next;
    }
    loam_pool_deinit(&pool->shape);
    memset(pool, 0, sizeof *pool);
}

loam_pool_threaded *loam_pool_threaded_create(const loam_pool_config *config)
{
    bool over_granules = config->granules.ops != NULL;
    size_t size = over_granules ? loam_round_up(sizeof(loam_pool_threaded), LOAM_REGION_GRANULE)
                                : sizeof(loam_pool_threaded);
    size_t count = size >> LOAM_REGION_GRANULE_SHIFT;
    void *memory = NULL;

    if (over_granules)
        memory = loam_granules_take(config->granules, count, 1, LOAM_POOL_KIND_LARGE, NULL, NULL);
    else if (config->allocator.ops)
        memory = loam_alloc(config->allocator, size, LOAM_ALIGNOF(loam_pool_threaded));
    if (memory && loam_pool_threaded_init((loam_pool_threaded *)memory, config)) {
        ((loam_pool_threaded *)memory)->own_size = size;
        return (loam_pool_threaded *)memory;
    }
    if (memory && over_granules)
        loam_granules_give(config->granules, memory, count);
    else if (memory)
        loam_dealloc(config->allocator, memory, size, LOAM_ALIGNOF(loam_pool_threaded));
    return NULL;
}

void loam_pool_threaded_destroy(loam_pool_threaded *pool)
{
    loam_granules granules;
    loam_allocator allocator;
    size_t size;

    if (!pool)
        return;
    granules = pool->shape.granules;
    allocator = pool->shape.allocator;
    size = pool->own_size;
    loam_pool_threaded_deinit(pool);
    if (granules.ops)
        loam_granules_give(granules, pool, size >> LOAM_REGION_GRANULE_SHIFT);
    else
        loam_dealloc(allocator, pool, size, LOAM_ALIGNOF(loam_pool_threaded));
}
