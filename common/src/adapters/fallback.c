/* fallback.c: the first allocator, and where that one refuses, the second.
 *
 *       alloc ---> first --- refused ---> second
 *       block ---> first.owns(block)? first : second
 *
 *   F1  the first one has `owns`; what it does not own is the second one's
 *
 * Where the owner of a block lacks an operation that the other one has, the wrappers of the handle
 * answer.
 */
#include <loam/adapters.h>

#include "internal/adapter.h"

static loam_allocator owner_of(const loam_fallback *fallback, const void *ptr)
{
    return loam_owns(fallback->first, ptr) ? fallback->first : fallback->second;
}

static void *fallback_alloc(void *self, size_t size, size_t align)
{
    const loam_fallback *fallback = self;
    void *ptr = loam_alloc(fallback->first, size, align);

    return ptr ? ptr : loam_alloc(fallback->second, size, align);
}

static void *fallback_zalloc(void *self, size_t size, size_t align)
{
    const loam_fallback *fallback = self;
    void *ptr = loam_zalloc(fallback->first, size, align);

    return ptr ? ptr : loam_zalloc(fallback->second, size, align);
}

static void fallback_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    loam_dealloc(owner_of(self, ptr), ptr, size, align);
}

static bool fallback_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    return loam_resize(owner_of(self, ptr), ptr, size, new_size, align);
}

/* Never into the other one: that takes a copy, which is the caller's to make (A5). */
static void *fallback_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    return loam_remap(owner_of(self, ptr), ptr, size, new_size, align);
}

/* Which of the two will serve is not known before it has: the first one is the one to please. */
static size_t fallback_good_size(void *self, size_t size, size_t align)
{
    const loam_fallback *fallback = self;

    return loam_good_size(fallback->first, size, align);
}

static bool fallback_owns(void *self, const void *ptr)
{
    const loam_fallback *fallback = self;

    return loam_owns(fallback->first, ptr) || loam_owns(fallback->second, ptr);
}

bool loam_fallback_init(loam_fallback *fallback, loam_allocator first, loam_allocator second)
{
    static const loam_allocator_ops all = {
        .alloc = fallback_alloc,
        .dealloc = fallback_dealloc,
        .zalloc = fallback_zalloc,
        .resize = fallback_resize,
        .remap = fallback_remap,
        .good_size = fallback_good_size,
        .owns = fallback_owns,
        .name = "fallback",
    };

    if (!first.ops->owns)
        return false;
    fallback->ops = loam_adapter_ops_over_both(&all, first, second);
    if (!first.ops->good_size)
        fallback->ops.good_size = NULL;
    fallback->first = first;
    fallback->second = second;
    return true;
}

void loam_fallback_deinit(loam_fallback *fallback)
{
    *fallback = (loam_fallback){0};
}

loam_allocator loam_fallback_allocator(loam_fallback *fallback)
{
    return (loam_allocator){&fallback->ops, fallback};
}
