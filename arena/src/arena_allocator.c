/* arena_allocator.c: the arena behind the handle. It does not reclaim: dealloc undoes the newest
 * block, and forgets every other one. */
#include "arena_internal.h"

/* A1 has been seen to: the size is not 0, and the alignment a power of two. */
static void *arena_alloc(void *self, size_t size, size_t align)
{
    loam_arena *arena = (loam_arena *)self;
    char *ptr = arena->next;

    if (LOAM_UNLIKELY(((uintptr_t)ptr & (align - 1)) != 0 || size > bytes_between(ptr, arena->end)))
        return loam_arena_push_slow(arena, size, align, false);
    arena->next = ptr + (size + ((0 - size) & arena->align_mask));
    return ptr;
}

static void *arena_zalloc(void *self, size_t size, size_t align)
{
    return loam_arena_push_aligned((loam_arena *)self, size, align);
}

static void arena_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    (void)align;
    if (LOAM_UNLIKELY(!undo_newest((loam_arena *)self, (char *)ptr, size)))
        (void)loam_arena_undo((loam_arena *)self, ptr, size);
}

/* Growing leaves an alignment as it is, because the block stays. */
static bool arena_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    (void)align;
    return loam_arena_resize((loam_arena *)self, ptr, size, new_size);
}

static size_t arena_good_size(void *self, size_t size, size_t align)
{
    const loam_arena *arena = (const loam_arena *)self;
    size_t rounded;

    (void)align;
    return loam_round_up_checked(size, alignment_of(arena), &rounded) &&
                   rounded <= (size_t)PTRDIFF_MAX
               ? rounded
               : size;
}

static bool arena_owns(void *self, const void *ptr)
{
    return loam_arena_owns((const loam_arena *)self, ptr);
}

loam_allocator loam_arena_allocator(loam_arena *arena)
{
    static const loam_allocator_ops ops = {
        .alloc = arena_alloc,
        .dealloc = arena_dealloc,
        .zalloc = arena_zalloc,
        .resize = arena_resize,
        .good_size = arena_good_size,
        .owns = arena_owns,
        .name = "arena",
        .traits = 0,
    };

    return (loam_allocator){&ops, arena};
}
