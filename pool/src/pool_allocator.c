/* pool_allocator.c: a pool behind the handle. */
#include "pool_large.h"

static POOL_ENTRY void *pool_alloc(void *self, size_t size, size_t align)
{
    return loam_pool_take_aligned((loam_pool *)self, size, align);
}

static POOL_ENTRY void pool_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    loam_pool_give_aligned((loam_pool *)self, ptr, size, align);
}

static bool pool_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_pool *pool = (loam_pool *)self;
    const loam_pool_class *cls = loam_pool_class_aligned(pool, size, align);

    if (cls != loam_pool_class_aligned(pool, new_size, align))
        return false;
    return cls != NULL || loam_pool_resize_large(pool, ptr, size, new_size, align);
}

static size_t pool_good_size(void *self, size_t size, size_t align)
{
    return loam_pool_good_size((const loam_pool *)self, size, align);
}

static bool pool_owns(void *self, const void *ptr)
{
    return loam_pool_owns((const loam_pool *)self, ptr);
}

static loam_cache *pool_cache(void *self, size_t size, size_t align)
{
    loam_pool_class *cls = loam_pool_class_aligned((const loam_pool *)self, size, align);

    return cls ? &cls->front : NULL;
}

/* Over an allocator, whose large block an address is can't be told. */
#define OPS_BUT_OWNS                                                                               \
    .alloc = pool_alloc, .dealloc = pool_dealloc, .resize = pool_resize,                           \
    .good_size = pool_good_size, .cache = pool_cache, .name = "pool", .traits = LOAM_RECLAIMS

loam_allocator loam_pool_allocator(loam_pool *pool)
{
    static const loam_allocator_ops over_allocator = {OPS_BUT_OWNS};
    static const loam_allocator_ops over_granules = {OPS_BUT_OWNS, .owns = pool_owns};

    return (loam_allocator){pool->granules.ops ? &over_granules : &over_allocator, pool};
}
