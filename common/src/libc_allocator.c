/* libc_allocator.c: malloc and its family behind the handle. */
#include <loam/allocator.h>

#include "internal/bits.h"

#include <errno.h>
#include <stdlib.h>

#if defined(_WIN32)
#include <malloc.h>
#endif

/* Above the alignment of malloc, Windows has a family of its own; elsewhere free() takes both. */
static void *alloc_aligned(size_t size, size_t align)
{
    size_t sum;

#if defined(_WIN32)
    /* Some of its versions add both without a look at overflow. */
    if (!loam_add_checked(size, align, &sum) || sum > (size_t)PTRDIFF_MAX)
        return NULL;
    return _aligned_malloc(size, align);
#else
    /* C11 asks for a multiple of the alignment. */
    if (!loam_round_up_checked(size, align, &sum) || sum > (size_t)PTRDIFF_MAX)
        return NULL;
    return aligned_alloc(align, sum);
#endif
}

static void *libc_alloc(void *self, size_t size, size_t align)
{
    (void)self;
    return align <= LOAM_MAX_ALIGN ? malloc(size) : alloc_aligned(size, align);
}

/* calloc knows which of its pages are fresh, and need no clearing. */
static void *libc_zalloc(void *self, size_t size, size_t align)
{
    void *ptr;

    (void)self;
    if (align <= LOAM_MAX_ALIGN)
        return calloc(1, size);
    ptr = alloc_aligned(size, align);
    return ptr ? memset(ptr, 0, size) : NULL;
}

/* A6: C11 lets free() change errno; glibc has kept it since 2.33. */
#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 33)
#define FREE_KEEPS_ERRNO 1
#endif
#endif

static void free_block(void *ptr, size_t align)
{
#if defined(_WIN32)
    if (align > LOAM_MAX_ALIGN)
        _aligned_free(ptr);
    else
        free(ptr);
#else
    (void)align;
    free(ptr);
#endif
}

static void libc_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    (void)self;
    (void)size;
#if defined(FREE_KEEPS_ERRNO)
    free_block(ptr, align);
#else
    int saved = errno;

    free_block(ptr, align);
    errno = saved;
#endif
}

/* realloc does not keep an alignment beyond its own. */
static void *libc_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    (void)self;
    (void)size;
    return align <= LOAM_MAX_ALIGN ? realloc(ptr, new_size) : NULL;
}

loam_allocator loam_libc_allocator(void)
{
    static const loam_allocator_ops ops = {
        .alloc = libc_alloc,
        .dealloc = libc_dealloc,
        .zalloc = libc_zalloc,
        .remap = libc_remap,
        .name = "libc",
        .traits = LOAM_RECLAIMS | LOAM_THREADSAFE,
    };

    return (loam_allocator){&ops, NULL};
}
