/* vm_allocator.c: whole mappings behind the handle.
 *
 * A block is a reservation, committed whole, of loam_vm_reserve_granularity() units; its size says
 * how many, so nothing is written down. What is given back goes through the cache of released
 * mappings.
 */
#include <loam/allocator.h>

#include "internal/bits.h"
#include "internal/mark.h"
#include "internal/vm_cache.h"

/* The bytes of the mapping that serves a request. False iff there is none of that size. */
static bool mapping_size(size_t size, size_t *rounded)
{
    return loam_round_up_checked(size, loam_vm_reserve_granularity(), rounded) &&
           *rounded <= (size_t)PTRDIFF_MAX;
}

static bool commit_whole(loam_mapping *mapping)
{
    if (mapping->committed < mapping->size &&
        !loam_vm_commit(mapping->base + mapping->committed, mapping->size - mapping->committed)) {
        loam_vm_cache_give(mapping);
        return false;
    }
    mapping->committed = mapping->size;
    return true;
}

static bool take_mapping(size_t size, size_t align, loam_mapping *mapping)
{
    size_t rounded;

    if (!mapping_size(size, &rounded))
        return false;
    if (!loam_vm_cache_take(rounded, align, LOAM_MAPPING_PLAIN, mapping) &&
        !loam_vm_cache_reserve(rounded, rounded, align, LOAM_MAPPING_PLAIN, mapping))
        return false;
    return commit_whole(mapping);
}

void *loam_vm_allocator_take(size_t size, size_t align, size_t *dirty)
{
    loam_mapping mapping;

    if (!take_mapping(size, align, &mapping))
        return NULL;
    loam_mark_undefined(mapping.base, size);
    *dirty = loam_min(mapping.dirty, size);
    return mapping.base;
}

static void *vm_alloc(void *self, size_t size, size_t align)
{
    size_t dirty;

    (void)self;
    return loam_vm_allocator_take(size, align, &dirty);
}

/* Clearing memory that is there costs a tenth of giving it back and faulting it in again. */
static void *vm_zalloc(void *self, size_t size, size_t align)
{
    loam_mapping mapping;

    (void)self;
    if (!take_mapping(size, align, &mapping))
        return NULL;
    loam_mark_live(mapping.base, size);
    memset(mapping.base, 0, loam_min(mapping.dirty, size));
    return mapping.base;
}

static void vm_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    loam_mapping mapping = {.base = (char *)ptr, .kind = LOAM_MAPPING_PLAIN};

    (void)self;
    (void)align;
    if (!mapping_size(size, &mapping.size))
        return;
    mapping.committed = mapping.dirty = mapping.size;
    loam_mark_live(ptr, mapping.size);
    loam_vm_cache_give(&mapping);
}

static bool vm_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    size_t old_rounded, new_rounded;

    (void)self;
    (void)align;
    return mapping_size(size, &old_rounded) && mapping_size(new_size, &new_rounded) &&
           (old_rounded == new_rounded || loam_vm_extend(ptr, old_rounded, new_rounded));
}

/* The system keeps an address modulo a huge page at most, and a small one not at all. */
static void *vm_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    size_t old_rounded, new_rounded;

    if (!mapping_size(size, &old_rounded) || !mapping_size(new_size, &new_rounded))
        return NULL;
    if (align > loam_vm_reserve_granularity())
        return vm_resize(self, ptr, size, new_size, align) ? ptr : NULL;
    return loam_vm_remap(ptr, old_rounded, new_rounded);
}

static size_t vm_good_size(void *self, size_t size, size_t align)
{
    size_t rounded;

    (void)self;
    (void)align;
    return mapping_size(size, &rounded) ? rounded : size;
}

const loam_allocator_ops loam_vm_allocator_ops = {
    .alloc = vm_alloc,
    .dealloc = vm_dealloc,
    .zalloc = vm_zalloc,
    .resize = vm_resize,
    .remap = vm_remap,
    .good_size = vm_good_size,
    .name = "vm",
    .traits = LOAM_RECLAIMS | LOAM_THREADSAFE,
};

loam_allocator loam_vm_allocator(void)
{
    return (loam_allocator){&loam_vm_allocator_ops, NULL};
}
