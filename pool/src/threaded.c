/* threaded.c: taking and giving by any thread.
 *
 *     size -> pattern -> + shift -> class of this thread -> front      no lock
 *                                                        -> slow way   the heap's lock
 *
 * A front belongs to its thread, which is the only one to write its top; figures are read by others.
 */
#include "pool_large.h"
#include "threaded_internal.h"

#include <errno.h>

LOAM_THREADED_TLS loam_threaded_table loam_threaded_mine;

/* ---- the slow ways ---- */

static LOAM_NOINLINE void *take_slowly(loam_pool_threaded *pool, loam_pool_class *cls)
{
    loam_pool_heap *heap = heap_at(pool, place_for(pool)->shift);
    void *block;

    loam_os_mutex_lock(&heap->lock);
    loam_threaded_make_ready(heap, cls);
    if ((size_t)(cls->front.high - cls->front.low) < cls->room)
        cls->front.high = cls->front.low + cls->room;
    heap->spilled &= ~class_bit(index_in(heap, cls));
    block = cls->front.refill(&cls->front);
    loam_threaded_leave(heap);
    return block;
}

/* A class that gives and gives until it has few blocks left keeps fewer and fewer in its front: so a
 * thread that goes idle then does not keep a slab for each of them. The next refill ends that. */
static void shrink_front(loam_pool_heap *heap, loam_pool_class *cls)
{
    uint64_t bit = class_bit(index_in(heap, cls));
    size_t room = (size_t)(cls->front.high - cls->front.low);
    size_t held = (size_t)(cls->front.top - cls->front.low);
    size_t smaller = loam_max(room / 2, FRONT_LEAST);
    bool again = (heap->spilled & bit) != 0;

    heap->spilled |= bit;
    if (!again || heap->taken <= cls->calm || smaller >= room || cls->out >= held + room)
        return;
    if (held > smaller) {
        loam_pool_give_all(cls, cls->front.low, held - smaller);
        memmove(cls->front.low, cls->front.low + (held - smaller), smaller * sizeof(void *));
        cls->front.top = cls->front.low + smaller;
    }
    cls->front.high = cls->front.low + smaller;
}

#if LOAM_CHECKS
/* Over an allocator, a slab is known by the class that has it in a list. */
static void require_known(loam_pool_threaded *pool, const loam_pool_class *pattern,
                          const void *block)
{
    LOAM_REQUIRE(pool->shape.granules.ops ||
                     loam_threaded_class_owns(pool, (size_t)(pattern - pool->shape.classes), block),
                 LOAM_MISUSE_FOREIGN_BLOCK, block);
}
#endif

/* The front is full, or the class is not ready yet. */
static LOAM_NOINLINE void give_slowly(loam_pool_threaded *pool, void *block, loam_pool_class *cls)
{
    uintptr_t shift = place_for(pool)->shift;
    loam_pool_heap *heap = heap_at(pool, shift);

#if LOAM_CHECKS
    require_known(pool, shifted(cls, 0 - shift), block);
#endif
    loam_os_mutex_lock(&heap->lock);
    loam_threaded_make_ready(heap, cls);
    if (cls->front.top != cls->front.high) {
        *cls->front.top = block;
        put_top(&cls->front, cls->front.top + 1);
    } else {
        cls->front.spill(&cls->front, block);
        shrink_front(heap, cls);
    }
    loam_threaded_leave(heap);
}

/* A block of another thread waits in line. */
static LOAM_NOINLINE void give_aside(loam_pool_threaded *pool, void *block, loam_pool_class *cls)
{
    uintptr_t shift = place_for(pool)->shift;
    loam_pool_heap *heap = heap_at(pool, shift);
    side_line *side = &heap->sides[index_in(heap, cls)];

    side->blocks[side->count] = block;
    __atomic_store_n(&side->count, side->count + 1, __ATOMIC_RELEASE);
    if (LOAM_LIKELY(side->count < side_room(shifted(cls, 0 - shift))))
        return;
    loam_os_mutex_lock(&heap->lock);
    loam_threaded_send_side(heap, cls);
    loam_threaded_leave(heap);
}

/* A thread that has no heap, and can't get one, leaves the block at its owner's door. */
static LOAM_COLD void give_without_heap(loam_pool_threaded *pool, loam_pool_class *pattern,
                                        void *block)
{
#if LOAM_CHECKS
    require_known(pool, pattern, block);
#endif
    loam_atomic_add(&pool->away[pattern - pool->shape.classes], 1);
    loam_pool_class_give_remote(pattern, block);
}

/* ---- the thread's own class ---- */

static inline void *take_from(loam_pool_class *cls, loam_pool_threaded *pool)
{
    void **top = get_top(&cls->front);

    if (LOAM_UNLIKELY(top == cls->front.low))
        return take_slowly(pool, cls);
    __atomic_store_n(&cls->front.top, top - 1, __ATOMIC_RELAXED);
    return top[-1];
}

static inline void give_to_front(loam_pool_threaded *pool, void *block, loam_pool_class *cls)
{
    void **top = get_top(&cls->front);

    if (LOAM_UNLIKELY(top == cls->front.high)) {
        give_slowly(pool, block, cls);
        return;
    }
    *top = block;
    put_top(&cls->front, top + 1);
}

/* Any source, and any build. Who is watched has no front, and asks whose a block is later. */
static LOAM_NOINLINE void give_anywhere(loam_pool_threaded *pool, void *block,
                                        const loam_pool_class *pattern)
{
    loam_pool_class *cls = shifted(pattern, place_for(pool)->shift);

    if (pool->watched || owner_of(slab_of(pattern, block)) == cls)
        give_to_front(pool, block, cls);
    else
        give_aside(pool, block, cls);
}

/* ---- large blocks ---- */

static void count_large(loam_pool_threaded *pool, size_t size, bool came)
{
    loam_pool *shape = &pool->shape;

    if (came) {
        shape->large_blocks++;
        shape->large_allocations++;
        shape->large_live += size;
        shape->large_held += size;
        shape->large_peak = loam_max(shape->large_peak, shape->large_live);
    } else {
        shape->large_blocks--;
        shape->large_live -= size;
        shape->large_held -= size;
    }
}

/* An allocator is asked without the lock, which then is for the figures only. */
static LOAM_NOINLINE void *take_large(loam_pool_threaded *pool, size_t size, size_t align)
{
    bool over_granules = pool->shape.granules.ops != NULL;
    void *block = over_granules ? NULL : loam_alloc(pool->shape.allocator, size, align);

    loam_os_mutex_lock(threaded_mutex(pool));
    if (over_granules)
        block = loam_pool_take_large(&pool->shape, size, align);
    else if (block)
        count_large(pool, size, true);
    else
        pool->shape.failures++;
    loam_os_mutex_unlock(threaded_mutex(pool));
    return block;
}

static LOAM_NOINLINE void give_large(loam_pool_threaded *pool, void *block, size_t size,
                                     size_t align)
{
    bool over_granules = pool->shape.granules.ops != NULL;

    loam_os_mutex_lock(threaded_mutex(pool));
    if (over_granules)
        loam_pool_give_large(&pool->shape, block, size, align);
    else
        count_large(pool, size, false);
    loam_os_mutex_unlock(threaded_mutex(pool));
    if (!over_granules)
        loam_dealloc(pool->shape.allocator, block, size, align);
}

static bool resize_large(loam_pool_threaded *pool, void *block, size_t size, size_t new_size,
                         size_t align)
{
    bool done;

    loam_os_mutex_lock(threaded_mutex(pool));
    done = loam_pool_resize_large(&pool->shape, block, size, new_size, align);
    loam_os_mutex_unlock(threaded_mutex(pool));
    return done;
}

/* ---- the other ways: large blocks, threads that the pool does not know yet, and those that used another
 * one last ---- */

/* Whether the thread's heap is in its table; then that is of the pool that was used last. */
static inline bool is_in_table(const loam_pool_threaded *pool)
{
    const loam_threaded_place *place = place_for(pool);

    if (LOAM_UNLIKELY(place->number != pool->number))
        return false;
    loam_threaded_mine.last = *place;
    return true;
}

static LOAM_NOINLINE void *take_otherwise(loam_pool_threaded *pool, size_t size, size_t align)
{
    const loam_pool_class *pattern = loam_pool_class_aligned(&pool->shape, size, align);

    if (!pattern)
        return take_large(pool, size, align);
    if (!is_in_table(pool) && !loam_threaded_get(pool)) {
        loam_atomic_add(&pool->failures, 1);
        return NULL;
    }
    return take_from(shifted(pattern, place_for(pool)->shift), pool);
}

static LOAM_NOINLINE void give_otherwise(loam_pool_threaded *pool, void *block, size_t size,
                                         size_t align)
{
    loam_pool_class *pattern = loam_pool_class_aligned(&pool->shape, size, align);
    int saved = errno; /* a heap may be refused by the system (A6) */

    if (!pattern)
        give_large(pool, block, size, align);
    else if (!is_in_table(pool) && !loam_threaded_get(pool))
        give_without_heap(pool, pattern, block);
    else
        give_anywhere(pool, block, pattern);
    errno = saved;
}

/* ---- the fast ways: they call nothing, but may end in a jump ---- */

/* The thread's heap is known, and the class for a request is the first one; the pattern behind the last one
 * has no alignment. */
static inline bool is_plain(const loam_pool_threaded *pool, const loam_threaded_place *place,
                            const loam_pool_class *pattern, size_t align)
{
    return LOAM_LIKELY(align <= pattern->front.align) && LOAM_LIKELY(place->number == pool->number);
}

static inline void *take_any(loam_pool_threaded *pool, size_t size, size_t align)
{
    const loam_threaded_place *place = &loam_threaded_mine.last;
    const loam_pool_class *pattern;

    if (LOAM_LIKELY(size <= LOAM_POOL_SMALL))
        pattern = pool->shape.by_8[(size - 1) / 8];
    else if (size <= LOAM_POOL_LARGEST)
        pattern = pool->shape.by_128[(size - 1) / 128];
    else
        return take_otherwise(pool, size, align);
    if (!is_plain(pool, place, pattern, align))
        return take_otherwise(pool, size, align);
    return take_from(shifted(pattern, place->shift), pool);
}

/* A block of a slab of one granule. */
static inline const void *owner_at_once(const loam_pool_threaded *pool, const void *block)
{
    uintptr_t at =
        pool->records + ((uintptr_t)block >> LOAM_REGION_GRANULE_SHIFT) * LOAM_REGION_STRIDE;

    return __atomic_load_n((void *const *)at, __ATOMIC_ACQUIRE);
}

static inline void give_any(loam_pool_threaded *pool, void *block, size_t size, size_t align)
{
    const loam_threaded_place *place = &loam_threaded_mine.last;
    const loam_pool_class *pattern;
    loam_pool_class *cls;

    if (LOAM_UNLIKELY(size > pool->direct)) {
        give_otherwise(pool, block, size, align);
        return;
    }
    pattern = pool->shape.by_8[(size - 1) / 8];
    if (!is_plain(pool, place, pattern, align)) {
        give_otherwise(pool, block, size, align);
        return;
    }
    cls = shifted(pattern, place->shift);
    if (LOAM_LIKELY(owner_at_once(pool, block) == cls))
        give_to_front(pool, block, cls);
    else
        give_aside(pool, block, cls);
}

POOL_ENTRY void *loam_pool_threaded_take_aligned(loam_pool_threaded *pool, size_t size,
                                                 size_t align)
{
    return LOAM_LIKELY(size - 1 < (size_t)PTRDIFF_MAX) ? take_any(pool, size, align) : NULL;
}

POOL_ENTRY void *loam_pool_threaded_take(loam_pool_threaded *pool, size_t size)
{
    if (LOAM_UNLIKELY(size - 1 >= (size_t)PTRDIFF_MAX))
        return NULL;
    return take_any(pool, size, size > 8 ? LOAM_MAX_ALIGN : 8);
}

POOL_ENTRY void loam_pool_threaded_give_aligned(loam_pool_threaded *pool, void *block, size_t size,
                                                size_t align)
{
    give_any(pool, block, size, align);
}

POOL_ENTRY void loam_pool_threaded_give(loam_pool_threaded *pool, void *block, size_t size)
{
    give_any(pool, block, size, size > 8 ? LOAM_MAX_ALIGN : 8);
}

/* ---- the handle ---- */

size_t loam_pool_threaded_good_size(const loam_pool_threaded *pool, size_t size, size_t align)
{
    return loam_pool_good_size(&pool->shape, size, align);
}

static POOL_ENTRY void *threaded_alloc(void *self, size_t size, size_t align)
{
    return take_any((loam_pool_threaded *)self, size, align);
}

static POOL_ENTRY void threaded_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    give_any((loam_pool_threaded *)self, ptr, size, align);
}

static bool threaded_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_pool_threaded *pool = (loam_pool_threaded *)self;
    const loam_pool_class *cls = loam_pool_class_aligned(&pool->shape, size, align);

    if (cls != loam_pool_class_aligned(&pool->shape, new_size, align))
        return false;
    return cls != NULL || resize_large(pool, ptr, size, new_size, align);
}

static size_t threaded_good_size(void *self, size_t size, size_t align)
{
    return loam_pool_good_size(&((const loam_pool_threaded *)self)->shape, size, align);
}

static bool threaded_owns(void *self, const void *ptr)
{
    return loam_pool_threaded_owns((loam_pool_threaded *)self, ptr);
}

#define OPS_BUT_OWNS                                                                               \
    .alloc = threaded_alloc, .dealloc = threaded_dealloc, .resize = threaded_resize,               \
    .good_size = threaded_good_size, .name = "threaded pool",                                      \
    .traits = LOAM_RECLAIMS | LOAM_THREADSAFE

loam_allocator loam_pool_threaded_allocator(loam_pool_threaded *pool)
{
    static const loam_allocator_ops over_allocator = {OPS_BUT_OWNS};
    static const loam_allocator_ops over_granules = {OPS_BUT_OWNS, .owns = threaded_owns};

    return (loam_allocator){pool->shape.granules.ops ? &over_granules : &over_allocator, pool};
}
