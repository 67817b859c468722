/* toy_bump.c: see toy_bump.h. */
#include "support/toy_bump.h"

void toy_bump_init(toy_bump *bump, void *buffer, size_t size)
{
    bump->low = bump->next = (unsigned char *)buffer;
    bump->high = bump->low + size;
}

void toy_bump_clear(toy_bump *bump)
{
    bump->next = bump->low;
}

size_t toy_bump_used(const toy_bump *bump)
{
    return (size_t)(bump->next - bump->low);
}

static size_t room(const toy_bump *bump)
{
    return (size_t)(bump->high - bump->next);
}

static void *bump_alloc(void *self, size_t size, size_t align)
{
    toy_bump *bump = self;
    size_t padding = (size_t)(-(uintptr_t)bump->next & (align - 1));
    unsigned char *block;

    if (padding > room(bump) || size > room(bump) - padding)
        return NULL;
    block = bump->next + padding;
    bump->next = block + size;
    return block;
}

static void bump_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    toy_bump *bump = self;

    (void)align;
    if ((unsigned char *)ptr + size == bump->next)
        bump->next = ptr;
}

static bool bump_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    toy_bump *bump = self;
    unsigned char *block = ptr;

    (void)align;
    if (block + size != bump->next || new_size > (size_t)(bump->high - block))
        return false;
    bump->next = block + new_size;
    return true;
}

static bool bump_owns(void *self, const void *ptr)
{
    const toy_bump *bump = self;
    uintptr_t at = (uintptr_t)ptr;

    return at >= (uintptr_t)bump->low && at < (uintptr_t)bump->next;
}

loam_allocator toy_bump_allocator(toy_bump *bump)
{
    static const loam_allocator_ops ops = {
        .alloc = bump_alloc,
        .dealloc = bump_dealloc,
        .resize = bump_resize,
        .owns = bump_owns,
        .name = "toy bump",
    };

    return (loam_allocator){&ops, bump};
}
