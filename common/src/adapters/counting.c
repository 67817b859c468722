/* counting.c: figures of what goes through.
 *
 *   N1  live and blocks rise after the allocator below has handed a block out and fall before it
 *       takes one back, so that neither is ever above what is held there, and neither falls below 0
 *   N2  counters are changed atomically iff the allocator below is thread safe; the layout is the
 *       same either way
 */
#include <loam/adapters.h>

#include "internal/adapter.h"
#include "internal/atomic.h"
#include "internal/bits.h"

static bool is_shared(const loam_counting *counting)
{
    return (counting->ops.traits & LOAM_THREADSAFE) != 0;
}

static void add(const loam_counting *counting, size_t *figure, size_t n)
{
    if (is_shared(counting))
        loam_atomic_add(figure, n);
    else
        *figure += n;
}

static void sub(const loam_counting *counting, size_t *figure, size_t n)
{
    if (is_shared(counting))
        loam_atomic_sub(figure, n);
    else
        *figure -= n;
}

/* The peak is of the sums that this thread saw itself: a later look could miss one. */
static void add_live(loam_counting *counting, size_t n)
{
    if (is_shared(counting)) {
        loam_atomic_raise(&counting->peak, loam_atomic_add(&counting->live, n));
    } else {
        counting->live += n;
        if (counting->live > counting->peak)
            counting->peak = counting->live;
    }
}

static void *note_alloc(loam_counting *counting, void *ptr, size_t size)
{
    if (!ptr) {
        add(counting, &counting->failures, 1);
        return NULL;
    }
    add_live(counting, size);
    add(counting, &counting->blocks, 1);
    add(counting, &counting->allocations, 1);
    return ptr;
}

static void note_new_size(loam_counting *counting, size_t size, size_t new_size)
{
    if (new_size > size)
        add_live(counting, new_size - size);
    else
        sub(counting, &counting->live, size - new_size);
}

static void *counting_alloc(void *self, size_t size, size_t align)
{
    loam_counting *counting = self;

    return note_alloc(counting, counting->below.ops->alloc(counting->below.self, size, align),
                      size);
}

static void *counting_zalloc(void *self, size_t size, size_t align)
{
    loam_counting *counting = self;

    return note_alloc(counting, counting->below.ops->zalloc(counting->below.self, size, align),
                      size);
}

static void counting_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    loam_counting *counting = self;

    sub(counting, &counting->live, size);
    sub(counting, &counting->blocks, 1);
    counting->below.ops->dealloc(counting->below.self, ptr, size, align);
}

static bool counting_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_counting *counting = self;

    if (!counting->below.ops->resize(counting->below.self, ptr, size, new_size, align))
        return false;
    note_new_size(counting, size, new_size);
    return true;
}

static void *counting_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_counting *counting = self;
    void *moved = counting->below.ops->remap(counting->below.self, ptr, size, new_size, align);

    if (moved)
        note_new_size(counting, size, new_size);
    return moved;
}

static size_t counting_good_size(void *self, size_t size, size_t align)
{
    const loam_counting *counting = self;

    return counting->below.ops->good_size(counting->below.self, size, align);
}

static bool counting_owns(void *self, const void *ptr)
{
    const loam_counting *counting = self;

    return counting->below.ops->owns(counting->below.self, ptr);
}

void loam_counting_init(loam_counting *counting, loam_allocator below)
{
    static const loam_allocator_ops all = {
        .alloc = counting_alloc,
        .dealloc = counting_dealloc,
        .zalloc = counting_zalloc,
        .resize = counting_resize,
        .remap = counting_remap,
        .good_size = counting_good_size,
        .owns = counting_owns,
        .name = "counting",
    };

    *counting = (loam_counting){.ops = loam_adapter_ops_over(&all, below), .below = below};
}

void loam_counting_deinit(loam_counting *counting)
{
    *counting = (loam_counting){0};
}

loam_allocator loam_counting_allocator(loam_counting *counting)
{
    return (loam_allocator){&counting->ops, counting};
}

void loam_counting_reset(loam_counting *counting)
{
    loam_atomic_store(&counting->live, 0);
    loam_atomic_store(&counting->blocks, 0);
}

void loam_counting_reset_peak(loam_counting *counting)
{
    loam_atomic_store(&counting->peak, loam_atomic_load(&counting->live));
}

void loam_counting_stats(const loam_counting *counting, loam_stats *stats)
{
    size_t live = loam_atomic_load(&counting->live);

    /* The peak is raised a moment after what it is the peak of. */
    *stats = (loam_stats){
        .live = live,
        .peak = loam_max(loam_atomic_load(&counting->peak), live),
        .blocks = loam_atomic_load(&counting->blocks),
        .allocations = loam_atomic_load(&counting->allocations),
        .failures = loam_atomic_load(&counting->failures),
    };
}
