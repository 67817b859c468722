/* threaded_inspect.c: looking at a threaded pool: figures, walk, check, whose a pointer is; and giving
 * back what can be. */
#include "pool_large.h"
#include "threaded_internal.h"

static loam_pool_heap *newest_heap(const loam_pool_threaded *pool)
{
    return __atomic_load_n(&pool->heaps, __ATOMIC_ACQUIRE);
}

/* ---- giving back ---- */

size_t loam_pool_threaded_thread_flush(loam_pool_threaded *pool)
{
    loam_pool_heap *heap = loam_threaded_find(pool);
    size_t went;

    if (!heap)
        return 0;
    loam_os_mutex_lock(&heap->lock);
    went = loam_threaded_flush(heap);
    loam_threaded_leave(heap);
    return went;
}

size_t loam_pool_threaded_trim(loam_pool_threaded *pool)
{
    size_t went = loam_pool_threaded_thread_flush(pool);

    loam_os_mutex_lock(threaded_mutex(pool));
    loam_threaded_settle_forsaken(pool);
    for (loam_pool_heap *heap = pool->heaps; heap; heap = heap->next) {
        loam_os_mutex_lock(&heap->lock);
        went += loam_threaded_tidy(heap);
        loam_threaded_leave(heap);
    }
    loam_os_mutex_unlock(threaded_mutex(pool));
    return went;
}

/* Where a step begins; two that run at once may look at the same heaps. */
static loam_pool_heap *next_to_purge(const loam_pool_threaded *pool)
{
    loam_pool_heap *heap = __atomic_load_n(&pool->purged, __ATOMIC_ACQUIRE);

    return heap ? heap : newest_heap(pool);
}

size_t loam_pool_threaded_purge_step(loam_pool_threaded *pool, size_t budget)
{
    loam_pool_heap *first = next_to_purge(pool), *heap = first;
    size_t went = 0;

    while (heap && went < budget) {
        if (loam_os_mutex_trylock(&heap->lock)) {
            went += loam_threaded_tidy(heap);
            loam_threaded_leave(heap);
        }
        heap = heap->next ? heap->next : newest_heap(pool);
        __atomic_store_n(&pool->purged, heap, __ATOMIC_RELEASE);
        if (heap == first)
            break;
    }
    return went;
}

size_t loam_pool_threaded_idle_bound(const loam_pool_threaded *pool)
{
    size_t bytes = loam_threaded_heap_bytes(pool), largest = 0;

    for (size_t i = 0; i < pool->shape.count; i++) {
        const loam_pool_class *pattern = &pool->shape.classes[i];
        size_t blocks = pattern->room;

        blocks += INBOX_FRONTS * loam_max(blocks, FRONT_LEAST);
        blocks += 2 * side_room(pattern); /* of its own, and a chain of another thread */
        bytes += blocks * pattern->slab_size;
        largest = loam_max(largest, pattern->slab_size);
    }
    return bytes + loam_max(largest, pool->shape.classes[0].calm != 0 ? CALM_MOST : 0);
}

/* ---- questions ---- */

static bool find_in_heaps(loam_pool_threaded *pool, size_t index, const void *ptr)
{
    bool owns = false;

    for (loam_pool_heap *heap = newest_heap(pool); heap && !owns; heap = heap->next) {
        loam_os_mutex_lock(&heap->lock);
        owns = is_ready(heap, index) && loam_pool_class_owns(&heap->classes[index], ptr);
        loam_threaded_leave(heap);
    }
    return owns;
}

/* A slab that moves meanwhile may be missed, and is looked for again. */
bool loam_threaded_class_owns(loam_pool_threaded *pool, size_t index, const void *ptr)
{
    size_t moves = loam_atomic_load(&pool->moves), before;

    do {
        before = moves;
        if (find_in_heaps(pool, index, ptr))
            return true;
        moves = loam_atomic_load(&pool->moves);
    } while (moves != before);
    return false;
}

/* Over granules the record says which class has the slab; whether that is one of ours is left. */
static bool owns_slab(loam_pool_threaded *pool, const loam_record *record)
{
    uintptr_t owner = (uintptr_t)loam_record_owner(record);
    size_t bytes = pool->shape.count * sizeof(loam_pool_class);

    for (const loam_pool_heap *heap = newest_heap(pool); heap; heap = heap->next) {
        if (owner - (uintptr_t)heap->classes < bytes)
            return true;
    }
    return false;
}

bool loam_pool_threaded_owns(loam_pool_threaded *pool, const void *ptr)
{
    const loam_record *record;

    for (size_t i = 0; !pool->shape.granules.ops && i < pool->shape.count; i++) {
        if (loam_threaded_class_owns(pool, i, ptr))
            return true;
    }
    record = pool->shape.granules.ops ? loam_pool_record_at(&pool->shape, ptr) : NULL;
    if (record && loam_record_kind(record) == LOAM_POOL_KIND_SLAB)
        return owns_slab(pool, record);
    return record && loam_pool_owns(&pool->shape, ptr);
}

/* ---- figures ---- */

/* Live blocks of each class. They are sums of what each thread did, some of them below 0: right modulo
 * a power of two when all are added. Bytes are computed at the end, for there may be more of them than
 * half of what a size_t can count. */
typedef struct live_counts {
    size_t of[LOAM_POOL_CLASSES];
} live_counts;

static size_t add_class(loam_stats *stats, const loam_pool_class *cls)
{
    size_t size = cls->front.size, records = cls->granules.ops ? 0 : sizeof(loam_pool_slab);

    stats->peak += loam_max(cls->peak, cls->out) * size;
    stats->committed += cls->slabs * cls->slab_size + cls->wide_size;
    stats->metadata += cls->slabs * sizeof(loam_pool_slab) + cls->wide_size;
    stats->lost += cls->slabs * (cls->slab_size - cls->capacity * size - records);
    stats->allocations += cls->allocations;
    stats->failures += cls->failures;
    return cls->out - (size_t)(get_top(&cls->front) - cls->front.low) - cls->away;
}

static void add_heap(loam_stats *stats, live_counts *live, const loam_pool_heap *heap)
{
    for (size_t i = 0; i < heap->pool->shape.count; i++) {
        live->of[i] -= loam_atomic_load(&heap->sides[i].count);
        if (is_ready(heap, i))
            live->of[i] += add_class(stats, &heap->classes[i]);
    }
}

/* What is below 0 was looked at while it changed. No class has so many blocks that these look so. */
static void add_live(loam_stats *stats, const live_counts *live, const loam_pool_threaded *pool)
{
    for (size_t i = 0; i < pool->shape.count; i++) {
        size_t blocks = live->of[i] - loam_atomic_load(&pool->away[i]);

        blocks = blocks > SIZE_MAX / 2 ? 0 : blocks;
        stats->blocks += blocks;
        stats->live += blocks * pool->shape.classes[i].front.size;
    }
}

void loam_pool_threaded_stats(loam_pool_threaded *pool, loam_stats *stats)
{
    live_counts live = {{0}};
    size_t heaps;

    loam_os_mutex_lock(threaded_mutex(pool));
    loam_pool_stats(&pool->shape, stats);
    heaps = pool->heap_count * loam_threaded_heap_bytes(pool);
    for (loam_pool_heap *heap = pool->heaps; heap; heap = heap->next) {
        loam_os_mutex_lock(&heap->lock);
        add_heap(stats, &live, heap);
        loam_threaded_leave(heap);
    }
    loam_os_mutex_unlock(threaded_mutex(pool));
    add_live(stats, &live, pool);
    stats->peak = loam_max(stats->peak, stats->live);
    stats->failures += loam_atomic_load(&pool->failures);
    stats->metadata += heaps + sizeof *pool - sizeof pool->shape;
    stats->committed += heaps + pool->own_size;
    stats->reserved = stats->committed;
}

/* ---- walk ---- */

/* Nobody else is in here. What is sent on its way comes home the second time. */
static void flush_all(loam_pool_threaded *pool)
{
    for (int i = 0; i < 2; i++) {
        for (loam_pool_heap *heap = pool->heaps; heap; heap = heap->next) {
            loam_os_mutex_lock(&heap->lock);
            (void)loam_threaded_flush(heap);
            loam_threaded_leave(heap);
        }
    }
}

static bool walk_heap(loam_pool_heap *heap, loam_walk_fn visit, void *context)
{
    loam_walk_item own = {heap, loam_threaded_heap_bytes(heap->pool), LOAM_WALK_METADATA};

    if (!visit(context, &own))
        return false;
    for (size_t i = 0; i < heap->pool->shape.count; i++) {
        if (is_ready(heap, i) && !loam_pool_class_walk(&heap->classes[i], visit, context))
            return false;
    }
    return true;
}

bool loam_pool_threaded_walk(loam_pool_threaded *pool, loam_walk_fn visit, void *context)
{
    loam_walk_item own = {pool, pool->own_size, LOAM_WALK_METADATA};

    flush_all(pool);
    if ((own.size != 0 && !visit(context, &own)) || !loam_pool_walk(&pool->shape, visit, context))
        return false;
    for (loam_pool_heap *heap = pool->heaps; heap; heap = heap->next) {
        if (!walk_heap(heap, visit, context))
            return false;
    }
    return true;
}

/* ---- check ---- */

typedef struct check {
    loam_check_fn report;
    void *context;
    bool good;
} check;

static void expect(check *c, bool holds, const char *property, const void *where)
{
    if (holds)
        return;
    c->good = false;
    if (c->report)
        c->report(c->context, property, where);
}

static bool is_unused(const loam_pool_threaded *pool, const loam_pool_heap *heap)
{
    const loam_pool_heap *unused = pool->unused;

    while (unused && unused != heap)
        unused = unused->next_unused;
    return unused != NULL;
}

static void check_heap(check *c, const loam_pool_threaded *pool, loam_pool_heap *heap)
{
    bool unused = is_unused(pool, heap);
    size_t slabs = 0, empty = 0, owned = heap->thread != 0;

    for (size_t i = 0; i < pool->shape.count; i++) {
        loam_pool_class *cls = &heap->classes[i];

        if (!is_ready(heap, i))
            continue;
        slabs += cls->slabs;
        empty += cls->empty;
        expect(c, heap_of(cls) == heap, "T4: class of another heap", cls);
        c->good = loam_pool_class_check(cls, c->report, c->context) && c->good;
    }
    expect(c, owned + unused + (heap == pool->orphan) == 1, "T1: heap is nobody's, or two's", heap);
    expect(c, !unused || pool->forsaken != 0 || slabs == 0, "T2: unused heap with slabs", heap);
    expect(c, empty <= owned, "T3: too many empty slabs", heap);
}

bool loam_pool_threaded_check(loam_pool_threaded *pool, loam_check_fn report, void *context)
{
    check c = {report, context, true};
    size_t away = 0, heaps = 0;

    flush_all(pool);
    c.good = loam_pool_check(&pool->shape, report, context);
    for (loam_pool_heap *heap = pool->heaps; heap; heap = heap->next) {
        check_heap(&c, pool, heap);
        heaps++;
        for (size_t i = 0; i < pool->shape.count; i++)
            away += is_ready(heap, i) ? heap->classes[i].away : 0;
    }
    for (size_t i = 0; i < pool->shape.count; i++)
        away += pool->away[i];
    expect(&c, heaps == pool->heap_count, "T1: heaps are counted wrong", pool);
    expect(&c, away == 0, "T5: blocks are on their way, and wait nowhere", pool);
    return c.good;
}
