/* allocator.c: what the handle does in terms of its own operations. */
#include <loam/allocator.h>

#include "internal/bits.h"

/* The only place in the suite that copies a block to let it grow. */
static void *move_by_copy(loam_allocator allocator, void *ptr, size_t size, size_t new_size,
                          size_t align)
{
    void *moved = loam_alloc(allocator, new_size, align);

    if (!moved)
        return NULL;
    memcpy(moved, ptr, loam_min(size, new_size));
    loam_dealloc(allocator, ptr, size, align);
    return moved;
}

void *loam_realloc(loam_allocator allocator, void *ptr, size_t size, size_t new_size, size_t align)
{
    void *moved;

    if (size == 0)
        return loam_alloc(allocator, new_size, align);
    if (new_size == 0) {
        loam_dealloc(allocator, ptr, size, align);
        return loam_answer_odd_request(0, align);
    }
    if (!loam_request_valid(new_size, align))
        return loam_answer_odd_request(new_size, align);
    moved = loam_remap(allocator, ptr, size, new_size, align);
    return moved ? moved : move_by_copy(allocator, ptr, size, new_size, align);
}
