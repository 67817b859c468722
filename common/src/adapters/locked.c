/* locked.c: a lock around each operation of the allocator below. */
#include <loam/adapters.h>

#include "internal/adapter.h"
#include "internal/os.h"

_Static_assert(sizeof(((loam_locked *)0)->mutex) == sizeof(loam_os_mutex) &&
                   _Alignof(loam_os_mutex) <= _Alignof(void *),
               "the public mutex has room for the system layer's");

static loam_os_mutex *mutex_of(loam_locked *locked)
{
    return (loam_os_mutex *)(void *)&locked->mutex;
}

void loam_locked_lock(loam_locked *locked)
{
    loam_os_mutex_lock(mutex_of(locked));
}

void loam_locked_unlock(loam_locked *locked)
{
    loam_os_mutex_unlock(mutex_of(locked));
}

static void *locked_alloc(void *self, size_t size, size_t align)
{
    loam_locked *locked = self;
    void *ptr;

    loam_locked_lock(locked);
    ptr = locked->below.ops->alloc(locked->below.self, size, align);
    loam_locked_unlock(locked);
    return ptr;
}

static void *locked_zalloc(void *self, size_t size, size_t align)
{
    loam_locked *locked = self;
    void *ptr;

    loam_locked_lock(locked);
    ptr = locked->below.ops->zalloc(locked->below.self, size, align);
    loam_locked_unlock(locked);
    return ptr;
}

static void locked_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    loam_locked *locked = self;

    loam_locked_lock(locked);
    locked->below.ops->dealloc(locked->below.self, ptr, size, align);
    loam_locked_unlock(locked);
}

static bool locked_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_locked *locked = self;
    bool done;

    loam_locked_lock(locked);
    done = locked->below.ops->resize(locked->below.self, ptr, size, new_size, align);
    loam_locked_unlock(locked);
    return done;
}

static void *locked_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_locked *locked = self;
    void *moved;

    loam_locked_lock(locked);
    moved = locked->below.ops->remap(locked->below.self, ptr, size, new_size, align);
    loam_locked_unlock(locked);
    return moved;
}

/* Free of side effects, but it may well look at what the other operations change. */
static size_t locked_good_size(void *self, size_t size, size_t align)
{
    loam_locked *locked = self;
    size_t good;

    loam_locked_lock(locked);
    good = locked->below.ops->good_size(locked->below.self, size, align);
    loam_locked_unlock(locked);
    return good;
}

static bool locked_owns(void *self, const void *ptr)
{
    loam_locked *locked = self;
    bool owned;

    loam_locked_lock(locked);
    owned = locked->below.ops->owns(locked->below.self, ptr);
    loam_locked_unlock(locked);
    return owned;
}

void loam_locked_init(loam_locked *locked, loam_allocator below)
{
    static const loam_allocator_ops all = {
        .alloc = locked_alloc,
        .dealloc = locked_dealloc,
        .zalloc = locked_zalloc,
        .resize = locked_resize,
        .remap = locked_remap,
        .good_size = locked_good_size,
        .owns = locked_owns,
        .name = "locked",
    };

    locked->ops = loam_adapter_ops_over(&all, below);
    locked->ops.traits |= LOAM_THREADSAFE;
    locked->below = below;
    *mutex_of(locked) = (loam_os_mutex)LOAM_OS_MUTEX_INIT;
}

void loam_locked_deinit(loam_locked *locked)
{
    *locked = (loam_locked){0};
}

loam_allocator loam_locked_allocator(loam_locked *locked)
{
    return (loam_allocator){&locked->ops, locked};
}
