/* split.c: small blocks from one allocator, large ones from another.
 *
 *       1 ........ threshold | threshold + 1 ........ PTRDIFF_MAX
 *           for_small        |           for_large
 *
 *   S1  the owner of a block is a function of its size alone, so a size never changes across the
 *       threshold while the block stays where it is
 *   S2  good_size keeps the owner: it is at most the threshold for sizes up to the threshold
 *
 * Where the owner lacks an operation that the other one has, the wrappers of the handle answer.
 */
#include <loam/adapters.h>

#include "internal/adapter.h"
#include "internal/bits.h"

static loam_allocator owner_of(const loam_split *split, size_t size)
{
    return size <= split->threshold ? split->for_small : split->for_large;
}

/* Whether a block keeps its owner when it changes size (S1). */
static bool same_side(const loam_split *split, size_t size, size_t new_size)
{
    return (size <= split->threshold) == (new_size <= split->threshold);
}

static void *split_alloc(void *self, size_t size, size_t align)
{
    return loam_alloc(owner_of(self, size), size, align);
}

static void *split_zalloc(void *self, size_t size, size_t align)
{
    return loam_zalloc(owner_of(self, size), size, align);
}

static void split_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    loam_dealloc(owner_of(self, size), ptr, size, align);
}

static bool split_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    return same_side(self, size, new_size) &&
           loam_resize(owner_of(self, size), ptr, size, new_size, align);
}

static void *split_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    if (!same_side(self, size, new_size))
        return NULL;
    return loam_remap(owner_of(self, size), ptr, size, new_size, align);
}

/* Monotone (A7): both parts are, the left one ends at the threshold and the right one starts above
 * it. */
static size_t split_good_size(void *self, size_t size, size_t align)
{
    const loam_split *split = self;
    size_t good = loam_good_size(owner_of(split, size), size, align);

    return size <= split->threshold ? loam_min(good, split->threshold) : good;
}

static bool split_owns(void *self, const void *ptr)
{
    const loam_split *split = self;

    return loam_owns(split->for_small, ptr) || loam_owns(split->for_large, ptr);
}

/* A cached block is an ordinary block of its owner, and one of ours, because the size that the
 * cache was asked for names the same owner at every take, give and dealloc (C2, S1). */
static loam_cache *split_cache(void *self, size_t size, size_t align)
{
    loam_allocator owner = owner_of(self, size);

    return owner.ops->cache ? owner.ops->cache(owner.self, size, align) : NULL;
}

void loam_split_init(loam_split *split, loam_allocator for_small, loam_allocator for_large,
                     size_t threshold)
{
    static const loam_allocator_ops all = {
        .alloc = split_alloc,
        .dealloc = split_dealloc,
        .zalloc = split_zalloc,
        .resize = split_resize,
        .remap = split_remap,
        .good_size = split_good_size,
        .owns = split_owns,
        .name = "split",
    };

    split->ops = loam_adapter_ops_over_both(&all, for_small, for_large);
    if (for_small.ops->cache || for_large.ops->cache)
        split->ops.cache = split_cache;
    split->for_small = for_small;
    split->for_large = for_large;
    split->threshold = threshold;
}

void loam_split_deinit(loam_split *split)
{
    *split = (loam_split){0};
}

loam_allocator loam_split_allocator(loam_split *split)
{
    return (loam_allocator){&split->ops, split};
}
