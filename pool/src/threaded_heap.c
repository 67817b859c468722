/* threaded_heap.c: what each thread has of a threaded pool, and what becomes of it.
 *
 *      thread begins          thread ends                     thread ends later
 *   -> a heap of its own  ->  its slabs that are in use    -> slabs go to the orphan,
 *                             stay: it is the orphan          the heap is unused
 *
 *      a class needs a slab   -> the orphan's fullest one
 *      a thread begins        -> an unused heap, else the orphan, else a new one
 *
 *   T1  a heap has a thread, or is the orphan, or is in the list of unused ones
 *   T2  unused heaps have no slabs, fronts or side lines, unless they were forsaken
 *   T3  a heap without a thread has no empty slab; one with a thread has at most one, that of `spare`
 *   T4  a slab's owner is a class of the heap that has it
 *   T5  the sum of `away` over all classes, and of those sent by threads without a heap, is how many
 *       blocks wait in inboxes; each block that is out of its slab is live, in a front or a side
 *       line, or waits
 *   T6  what waits at the door of a heap without a thread is taken in by whoever brought it, or by
 *       who had the lock at that time: whoever brings it looks whether there is a thread after he
 *       left it, and a thread that ends looks for it after it said so
 */
#include "threaded_internal.h"

enum { LINE = 64 };

/* ---- memory ---- */

size_t loam_threaded_heap_bytes(const loam_pool_threaded *pool)
{
    return pool->shape.granules.ops ? loam_round_up(pool->heap_size, LOAM_REGION_GRANULE)
                                    : pool->heap_size;
}

/* Granules that were never used are zero, and stay untouched but for what is needed. */
static loam_pool_heap *take_memory(loam_pool_threaded *pool)
{
    size_t count = loam_threaded_heap_bytes(pool) >> LOAM_REGION_GRANULE_SHIFT;
    loam_granules_info info;
    void *memory;

    if (!pool->shape.granules.ops)
        return (loam_pool_heap *)loam_zalloc(pool->shape.allocator, pool->heap_size, LINE);
    memory = loam_granules_take(pool->shape.granules, count, 1, LOAM_POOL_KIND_LARGE, NULL, &info);
    if (memory && info.dirty != 0)
        memset(memory, 0, loam_min(pool->heap_size, info.dirty * LOAM_REGION_GRANULE));
    return (loam_pool_heap *)memory;
}

void loam_threaded_end_heap(loam_pool_threaded *pool, loam_pool_heap *heap)
{
    for (size_t i = 0; i < pool->shape.count; i++) {
        if (is_ready(heap, i))
            loam_pool_class_deinit(&heap->classes[i]);
    }
    if (pool->shape.granules.ops)
        loam_granules_give(pool->shape.granules, heap,
                           loam_threaded_heap_bytes(pool) >> LOAM_REGION_GRANULE_SHIFT);
    else
        loam_dealloc(pool->shape.allocator, heap, pool->heap_size, LINE);
}

void loam_threaded_make_ready(loam_pool_heap *heap, loam_pool_class *cls)
{
    size_t index = index_in(heap, cls);
    const loam_pool_class *pattern = &heap->pool->shape.classes[index];

    if (LOAM_LIKELY(is_ready(heap, index)))
        return;
    *cls = *pattern;
    loam_pool_set_front(cls, pattern->room, pattern->calm != 0 ? heap->calm : 0);
    cls->taken = &heap->taken;
    cls->context = heap;
    cls->colour = (unsigned)((uintptr_t)heap >> LOAM_REGION_GRANULE_SHIFT);
    heap->ready |= class_bit(index);
}

/* ---- who takes in what waits ---- */

static void take_in_pending(loam_pool_heap *heap)
{
    size_t pending = __atomic_exchange_n(&heap->pending, 0, __ATOMIC_SEQ_CST);

    for (size_t i = 0; i < heap->pool->shape.count; i++) {
        if ((pending & pending_bit(i)) != 0 && is_ready(heap, i))
            loam_pool_collect(&heap->classes[i]);
    }
}

/* Whoever finds the lock taken may leave: its holder looks again after it gave it back. */
static void help(loam_pool_heap *heap)
{
    while (__atomic_load_n(&heap->pending, __ATOMIC_SEQ_CST) != 0 &&
           loam_os_mutex_trylock(&heap->lock)) {
        take_in_pending(heap);
        loam_os_mutex_unlock(&heap->lock);
    }
}

void loam_threaded_leave(loam_pool_heap *heap)
{
    loam_os_mutex_unlock(&heap->lock);
    if (LOAM_UNLIKELY(__atomic_load_n(&heap->pending, __ATOMIC_SEQ_CST) != 0))
        help(heap);
}

static void sent(loam_pool_class *cls, size_t blocks)
{
    loam_pool_heap *heap = heap_of(cls);
    size_t index = index_in(heap, cls);
    size_t room = loam_max(cls->room, FRONT_LEAST);
    size_t waiting = loam_atomic_add(&cls->waiting, blocks);

    if (LOAM_LIKELY(waiting < INBOX_FRONTS * room && thread_of(heap) != 0))
        return;
    (void)__atomic_fetch_or(&heap->pending, pending_bit(index), __ATOMIC_SEQ_CST);
    help(heap);
}

/* ---- empty slabs ---- */

static void drop_empty(loam_pool_class *cls, size_t most)
{
    while (cls->empty > most) {
        loam_pool_slab *newest = cls->lists[LIST_EMPTY];

        loam_pool_drop_slab(cls, newest->next ? newest->next : newest);
    }
}

static void emptied(loam_pool_class *cls)
{
    loam_pool_heap *heap = heap_of(cls);
    bool keep = cls->keep != 0 && thread_of(heap) != 0;

    if (keep && heap->spare != cls) {
        if (heap->spare)
            drop_empty(heap->spare, 0);
        heap->spare = cls;
    }
    drop_empty(cls, keep);
}

/* ---- from thread to thread ---- */

static bool move_fullest(loam_pool_class *from, loam_pool_class *to)
{
    for (unsigned list = LIST_FULL; list-- > LIST_QUARTER;) {
        if (from->lists[list]) {
            loam_pool_move_slab(from, to, from->lists[list]);
            return true;
        }
    }
    return false;
}

static bool adopt(loam_pool_class *cls)
{
    loam_pool_heap *heap = heap_of(cls);
    loam_pool_threaded *pool = heap->pool;
    size_t index = index_in(heap, cls);
    loam_pool_heap *orphan;
    bool found = false;

    if (LOAM_UNLIKELY(loam_atomic_load(&pool->forsaken) != 0) &&
        loam_os_mutex_trylock(threaded_mutex(pool))) {
        loam_threaded_settle_forsaken(pool);
        loam_os_mutex_unlock(threaded_mutex(pool));
    }
    orphan = __atomic_load_n(&pool->orphan, __ATOMIC_ACQUIRE);
    if (!orphan || !loam_os_mutex_trylock(&orphan->lock))
        return false;
    if (thread_of(orphan) == 0 && is_ready(orphan, index)) {
        loam_pool_collect(&orphan->classes[index]);
        found = move_fullest(&orphan->classes[index], cls);
        loam_atomic_add(&pool->moves, found);
    }
    loam_threaded_leave(orphan);
    return found;
}

/* A pattern has no heap; it lies in the shape of its pool. */
static const loam_pool *shape_of(const loam_pool_class *cls)
{
    const char *taken = (const char *)cls->taken;

    if (cls->context)
        return &heap_of(cls)->pool->shape;
    return (const loam_pool *)(const void *)(taken - offsetof(loam_pool, taken));
}

static bool related(const loam_pool_class *cls, const loam_pool_class *other)
{
    return shape_of(cls) == shape_of(other);
}

bool loam_threaded_relieve(loam_pool_class *cls)
{
    loam_pool_heap *own = heap_of(cls);
    loam_pool_heap *heap = __atomic_load_n(&own->pool->heaps, __ATOMIC_ACQUIRE);
    size_t went = loam_threaded_flush(own);

    for (; heap; heap = heap->next) {
        if (heap == own || !loam_os_mutex_trylock(&heap->lock))
            continue;
        went += loam_threaded_tidy(heap);
        loam_threaded_leave(heap);
    }
    return went != 0;
}

const loam_pool_ties loam_threaded_ties = {adopt, sent, emptied, related};

/* Bytes of the source that its classes have. */
static size_t class_bytes(const loam_pool_heap *heap)
{
    size_t bytes = heap->taken;

    for (size_t i = 0; i < heap->pool->shape.count; i++)
        bytes += is_ready(heap, i) ? heap->classes[i].wide_size : 0;
    return bytes;
}

size_t loam_threaded_tidy(loam_pool_heap *heap)
{
    size_t bytes = class_bytes(heap);

    for (size_t i = 0; i < heap->pool->shape.count; i++) {
        if (is_ready(heap, i))
            loam_pool_collect(&heap->classes[i]);
    }
    if (heap->spare)
        drop_empty(heap->spare, 0);
    heap->spare = NULL;
    return bytes - class_bytes(heap);
}

void loam_threaded_send_side(loam_pool_heap *heap, loam_pool_class *cls)
{
    side_line *side = &heap->sides[index_in(heap, cls)];

    loam_threaded_make_ready(heap, cls);
    cls->away += side->count;
    loam_pool_class_give_remote_n(cls, side->blocks, side->count);
    loam_atomic_store(&side->count, 0);
}

size_t loam_threaded_flush(loam_pool_heap *heap)
{
    size_t bytes = class_bytes(heap);

    for (size_t i = 0; i < heap->pool->shape.count; i++) {
        if (heap->sides[i].count != 0)
            loam_threaded_send_side(heap, &heap->classes[i]);
        if (is_ready(heap, i))
            loam_pool_settle(&heap->classes[i]);
    }
    (void)loam_threaded_tidy(heap);
    return bytes - class_bytes(heap);
}

static void move_all(loam_pool_heap *from, loam_pool_heap *to)
{
    for (size_t i = 0; i < from->pool->shape.count; i++) {
        if (!is_ready(from, i) || from->classes[i].slabs == 0)
            continue;
        loam_threaded_make_ready(to, &to->classes[i]);
        for (unsigned list = 0; list < LOAM_POOL_LISTS_; list++) {
            while (from->classes[i].lists[list])
                loam_pool_move_slab(&from->classes[i], &to->classes[i],
                                    from->classes[i].lists[list]);
        }
    }
}

/* Its slabs stay with it, or go to the orphan that there is. False: it is the orphan now. */
static bool pass_on_slabs(loam_pool_threaded *pool, loam_pool_heap *heap)
{
    loam_pool_heap *orphan = pool->orphan;

    if (heap->taken == 0)
        return true;
    if (!orphan) {
        __atomic_store_n(&pool->orphan, heap, __ATOMIC_RELEASE);
        return false;
    }
    loam_os_mutex_lock(&orphan->lock);
    move_all(heap, orphan);
    loam_atomic_add(&pool->moves, 1);
    loam_threaded_leave(orphan);
    return true;
}

void loam_threaded_abandon(loam_pool_heap *heap)
{
    loam_pool_threaded *pool = heap->pool;

    loam_os_mutex_lock(&heap->lock);
    (void)__atomic_exchange_n(&heap->thread, 0, __ATOMIC_SEQ_CST);
    (void)loam_threaded_flush(heap);
    if (pass_on_slabs(pool, heap)) {
        heap->next_unused = pool->unused;
        pool->unused = heap;
    }
    loam_threaded_leave(heap);
}

void loam_threaded_forsake(loam_pool_heap *heap)
{
    loam_pool_threaded *pool = heap->pool;

    heap->thread = 0;
    heap->next_unused = pool->unused;
    pool->unused = heap;
    pool->forsaken++;
}

void loam_threaded_settle_forsaken(loam_pool_threaded *pool)
{
    loam_pool_heap *heap = pool->unused;

    if (pool->forsaken == 0)
        return;
    loam_atomic_store(&pool->forsaken, 0);
    pool->unused = NULL;
    while (heap) {
        loam_pool_heap *next = heap->next_unused;

        loam_threaded_abandon(heap);
        heap = next;
    }
}

/* ---- the heap of a thread ---- */

static void set_thread(loam_pool_heap *heap)
{
    loam_os_mutex_lock(&heap->lock);
    __atomic_store_n(&heap->thread, loam_os_thread_id(), __ATOMIC_SEQ_CST);
    loam_os_mutex_unlock(&heap->lock);
}

static loam_pool_heap *reuse_heap(loam_pool_threaded *pool)
{
    loam_pool_heap *heap;

    loam_os_mutex_lock(threaded_mutex(pool));
    /* A heap of before a fork may have been left in the middle of a call. */
    loam_threaded_settle_forsaken(pool);
    heap = pool->unused;
    if (heap) {
        pool->unused = heap->next_unused;
    } else {
        heap = pool->orphan;
        __atomic_store_n(&pool->orphan, NULL, __ATOMIC_RELEASE);
    }
    if (heap)
        set_thread(heap);
    loam_os_mutex_unlock(threaded_mutex(pool));
    return heap;
}

/* Behind the classes, and the blocks behind them. */
static void lay_out_sides(loam_pool_heap *heap)
{
    const loam_pool *shape = &heap->pool->shape;
    void **blocks;

    heap->sides = (side_line *)(void *)&heap->classes[shape->count];
    blocks = (void **)(void *)&heap->sides[shape->count];
    for (size_t i = 0; i < shape->count; i++) {
        heap->sides[i].blocks = blocks;
        blocks += side_room(&shape->classes[i]);
    }
}

/* The first threads of a pool may keep ten thousand blocks of 256 bytes; where there are many, each has its
 * part. */
static size_t calm_of(size_t heaps)
{
    return loam_max(CALM_LEAST, loam_min(CALM_MOST, CALM_OF_ALL / heaps));
}

/* Under the lock from the start, so that a fork does not come between. */
static loam_pool_heap *make_heap(loam_pool_threaded *pool)
{
    loam_pool_heap *heap;

    loam_os_mutex_lock(threaded_mutex(pool));
    heap = take_memory(pool);
    if (heap) {
        heap->pool = pool;
        lay_out_sides(heap);
        heap->thread = loam_os_thread_id();
        heap->next = pool->heaps;
        __atomic_store_n(&pool->heaps, heap, __ATOMIC_RELEASE);
        pool->heap_count++;
        heap->calm = calm_of(pool->heap_count);
    }
    loam_os_mutex_unlock(threaded_mutex(pool));
    return heap;
}

static loam_pool_heap *search(loam_pool_threaded *pool)
{
    loam_pool_heap *heap = NULL;

    if (!loam_threaded_mine.forgot && !loam_threaded_missed_end())
        return NULL;
    heap = __atomic_load_n(&pool->heaps, __ATOMIC_ACQUIRE);
    while (heap && thread_of(heap) != loam_os_thread_id())
        heap = heap->next;
    return heap;
}

static void remember(loam_pool_threaded *pool, const loam_pool_heap *heap)
{
    loam_threaded_place *place = place_for(pool);

    if (place->number != 0 && place->number != pool->number)
        loam_threaded_mine.forgot = true;
    place->number = pool->number;
    place->shift = (uintptr_t)heap->classes - (uintptr_t)pool->shape.classes;
    loam_threaded_mine.last = *place;
}

loam_pool_heap *loam_threaded_find(loam_pool_threaded *pool)
{
    const loam_threaded_place *place = place_for(pool);
    loam_pool_heap *heap;

    if (place->number == pool->number) {
        loam_threaded_mine.last = *place;
        return heap_at(pool, place->shift);
    }
    heap = search(pool);
    if (heap)
        remember(pool, heap);
    return heap;
}

LOAM_COLD loam_pool_heap *loam_threaded_get(loam_pool_threaded *pool)
{
    loam_pool_heap *heap = loam_threaded_find(pool);

    if (heap)
        return heap;
    heap = reuse_heap(pool);
    if (!heap)
        heap = make_heap(pool);
    if (!heap)
        return NULL;
    remember(pool, heap);
    (void)loam_threaded_notice_end();
    return heap;
}
