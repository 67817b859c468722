/* malloc_heap.c: malloc() and its kin in the place of a heap. Whose they are, the process says that
 * runs it. */
#include "peers.h"

#include <stdlib.h>

static void *heap_open(void *buffer, size_t size)
{
    static char nothing;

    (void)buffer;
    (void)size;
    return &nothing;
}

static void heap_close(void *heap)
{
    (void)heap;
}

static void *heap_aligned(size_t size, size_t align)
{
    void *block;

    return posix_memalign(&block, align < sizeof(void *) ? sizeof(void *) : align, size) == 0
               ? block
               : NULL;
}

#define MALLOC_SELF(opaque)                   (opaque)
#define MALLOC_GET(heap, size)                malloc(size)
#define MALLOC_ZEROED(heap, size)             calloc(1, size)
#define MALLOC_ALIGNED(heap, size, align)     heap_aligned(size, align)
#define MALLOC_RESIZE(heap, block, old, size) realloc(block, size)
#define MALLOC_GIVE(heap, block, size)        free(block)

LOAM_BENCH_HEAPS(heap, void *, MALLOC_SELF, MALLOC_GET, MALLOC_ZEROED, MALLOC_ALIGNED,
                 MALLOC_RESIZE, MALLOC_GIVE)

const loam_bench_heap bench_malloc_heap = {16, heap_open, heap_close, 1,
                                           LOAM_BENCH_HEAP_TABLE(heap)};
