/* vm_allocator.c: whole mappings behind the handle.
 *
 * A small block is a mapping, committed whole, of loam_vm_reserve_granularity() units; its size
 * says how many, so nothing is written down. One of LOAM_AHEAD_LEAST bytes or more stands at the
 * start of a reservation that is many times as big (vm_ahead.h), or is as a small one where there is
 * no such reservation to be had. What is given back goes through the cache of released mappings.
 */
#include <loam/allocator.h>

#include "internal/bits.h"
#include "internal/mark.h"
#include "internal/vm_ahead.h"

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

/* A mapping of just that size, in units. */
static void *take_exact(size_t rounded, size_t align, size_t *dirty)
{
    loam_mapping mapping;

    if (!loam_vm_cache_take(rounded, align, LOAM_MAPPING_PLAIN, &mapping) &&
        !loam_vm_cache_reserve(rounded, rounded, align, LOAM_MAPPING_PLAIN, &mapping))
        return NULL;
    if (!commit_whole(&mapping))
        return NULL;
    *dirty = mapping.dirty;
    return mapping.base;
}

static void *take(size_t size, size_t align, size_t *dirty)
{
    size_t rounded;
    void *ptr = NULL;

    if (!mapping_size(size, &rounded))
        return NULL;
    if (rounded >= LOAM_AHEAD_LEAST)
        ptr = loam_ahead_take(rounded, align, dirty);
    return ptr ? ptr : take_exact(rounded, align, dirty);
}

void *loam_vm_allocator_take(size_t size, size_t align, size_t *dirty)
{
    size_t rounded;
    void *ptr = mapping_size(size, &rounded) ? take_exact(rounded, align, dirty) : NULL;

    if (!ptr)
        return NULL;
    loam_mark_undefined(ptr, size);
    *dirty = loam_min(*dirty, size);
    return ptr;
}

static void *vm_alloc(void *self, size_t size, size_t align)
{
    size_t dirty;
    void *ptr = take(size, align, &dirty);

    (void)self;
    if (ptr)
        loam_mark_undefined(ptr, size);
    return ptr;
}

/* Clearing memory that is there costs a tenth of giving it back and faulting it in again. */
static void *vm_zalloc(void *self, size_t size, size_t align)
{
    size_t dirty;
    void *ptr = take(size, align, &dirty);

    (void)self;
    if (!ptr)
        return NULL;
    loam_mark_live(ptr, size);
    memset(ptr, 0, loam_min(dirty, size));
    return ptr;
}

static void give_exact(void *ptr, size_t rounded)
{
    loam_mapping mapping = {
        .base = (char *)ptr, .size = rounded, .committed = rounded, .dirty = rounded};

    loam_mark_live(ptr, rounded);
    loam_vm_cache_give(&mapping);
}

static void vm_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    size_t rounded;

    (void)self;
    (void)align;
    if (mapping_size(size, &rounded) && !(loam_ahead_possible(ptr) && loam_ahead_give(ptr)))
        give_exact(ptr, rounded);
}

/* Whether a block becomes so big that another one, reserved ahead, should take its place: it is
 * copied once, and then never. */
static bool outgrows(size_t old_rounded, size_t new_rounded)
{
    return old_rounded < LOAM_AHEAD_LEAST && new_rounded >= LOAM_AHEAD_LEAST;
}

static bool vm_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    size_t old_rounded, new_rounded;
    loam_ahead_answer answer = LOAM_AHEAD_OTHER;

    (void)self;
    (void)align;
    if (!mapping_size(size, &old_rounded) || !mapping_size(new_size, &new_rounded))
        return false;
    if (old_rounded == new_rounded)
        return true;
    if (loam_ahead_possible(ptr))
        answer = loam_ahead_resize(ptr, new_rounded);
    if (answer != LOAM_AHEAD_OTHER)
        return answer == LOAM_AHEAD_DONE;
    return !outgrows(old_rounded, new_rounded) && loam_vm_extend(ptr, old_rounded, new_rounded);
}

/* The system keeps an address modulo a huge page at most, and a small one not at all. */
static void *vm_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    size_t old_rounded, new_rounded;
    loam_ahead_answer answer = LOAM_AHEAD_OTHER;
    void *moved;

    if (!mapping_size(size, &old_rounded) || !mapping_size(new_size, &new_rounded))
        return NULL;
    if (old_rounded == new_rounded)
        return ptr;
    if (loam_ahead_possible(ptr))
        answer = loam_ahead_remap(ptr, new_rounded, align, &moved);
    if (answer != LOAM_AHEAD_OTHER)
        return answer == LOAM_AHEAD_DONE ? moved : NULL;
    if (align > loam_vm_reserve_granularity())
        return vm_resize(self, ptr, size, new_size, align) ? ptr : NULL;
    return outgrows(old_rounded, new_rounded) ? NULL : loam_vm_remap(ptr, old_rounded, new_rounded);
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
