/* heap_allocator.c: a heap behind the handle. */
#include "heap_internal.h"

static void *heap_alloc(void *self, size_t size, size_t align)
{
    loam_heap *heap = (loam_heap *)self;

    return LOAM_LIKELY(align <= granule_mask(heap) + 1)
               ? loam_heap_alloc(heap, size)
               : loam_heap_alloc_aligned(heap, size, align);
}

static void heap_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    (void)align;
    loam_heap_dealloc_sized((loam_heap *)self, ptr, size);
}

static void *heap_zalloc(void *self, size_t size, size_t align)
{
    return loam_heap_zalloc_aligned((loam_heap *)self, size, align);
}

static bool heap_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    (void)size;
    (void)align;
    return loam_heap_resize((loam_heap *)self, ptr, new_size);
}

static void *heap_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    (void)size;
    return loam_heap_realloc_aligned((loam_heap *)self, ptr, new_size, align);
}

static size_t heap_good_size(void *self, size_t size, size_t align)
{
    (void)align;
    return loam_heap_good_size((const loam_heap *)self, size);
}

static bool heap_owns(void *self, const void *ptr)
{
    return loam_heap_owns((const loam_heap *)self, ptr);
}

loam_allocator loam_heap_allocator(loam_heap *heap)
{
    static const loam_allocator_ops ops = {
        .alloc = heap_alloc,
        .dealloc = heap_dealloc,
        .zalloc = heap_zalloc,
        .resize = heap_resize,
        .remap = heap_remap,
        .good_size = heap_good_size,
        .owns = heap_owns,
        .name = "heap",
        .traits = LOAM_RECLAIMS,
    };

    return (loam_allocator){&ops, heap};
}
