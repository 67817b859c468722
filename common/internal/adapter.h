/* adapter.h: what every adapter does when it is set up.
 *
 * An adapter can do what the allocator below can (loam/adapters.h). Each one lists its operations
 * in a constant table, and `init` copies that table without the slots that are absent below. There
 * is no `cache` in any of those tables (C4), so that it is never there by accident.
 */
#ifndef LOAM_INTERNAL_ADAPTER_H
#define LOAM_INTERNAL_ADAPTER_H

#include <loam/allocator.h>

/* The table `all`, with those optional operations that `below` has, and its traits. */
static inline loam_allocator_ops loam_adapter_ops_over(const loam_allocator_ops *all,
                                                       loam_allocator below)
{
    loam_allocator_ops ops = *all;

    if (!below.ops->zalloc)
        ops.zalloc = NULL;
    if (!below.ops->resize)
        ops.resize = NULL;
    if (!below.ops->remap)
        ops.remap = NULL;
    if (!below.ops->good_size)
        ops.good_size = NULL;
    if (!below.ops->owns)
        ops.owns = NULL;
    ops.traits = below.ops->traits;
    return ops;
}

/* The same over two allocators, each of which serves some of the blocks. What one of them can is
 * there: the wrappers in loam/allocator.h answer for the other one. But `owns` that knows only a
 * part of the blocks would be wrong, so both must have it. */
static inline loam_allocator_ops loam_adapter_ops_over_both(const loam_allocator_ops *all,
                                                            loam_allocator a, loam_allocator b)
{
    const uint32_t both = LOAM_RECLAIMS | LOAM_THREADSAFE;
    loam_allocator_ops ops = *all;

    if (!a.ops->zalloc && !b.ops->zalloc)
        ops.zalloc = NULL;
    if (!a.ops->resize && !b.ops->resize)
        ops.resize = NULL;
    if (!a.ops->remap && !b.ops->remap)
        ops.remap = NULL;
    if (!a.ops->good_size && !b.ops->good_size)
        ops.good_size = NULL;
    if (!a.ops->owns || !b.ops->owns)
        ops.owns = NULL;
    ops.traits =
        (a.ops->traits & b.ops->traits & both) | ((a.ops->traits | b.ops->traits) & LOAM_EXACT);
    return ops;
}

#endif
