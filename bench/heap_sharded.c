/* heap_sharded.c: loam's heap for many threads as a contender: over a region, and over sharded spans. */
#include "heap_loops.h"

#include <loam/heap_sharded.h>
#include <loam/span_sharded.h>

#include <stdlib.h>

typedef struct opened {
    loam_heap_sharded heap;
    loam_span_sharded *spans; /* or NULL */
    loam_region region;
} opened;

static opened *open_region(void)
{
    opened *o = aligned_alloc(_Alignof(opened), sizeof *o);

    if (!o || !loam_region_init(&o->region, NULL))
        abort();
    o->spans = NULL;
    return o;
}

static void *open_over(opened *o, loam_granules granules)
{
    loam_heap_sharded_config config = {.granules = granules};

    if (!loam_heap_sharded_init(&o->heap, &config))
        abort();
    return o;
}

/* It brings its own memory. */
static void *open_over_region(void *buffer, size_t size)
{
    opened *o = open_region();

    (void)buffer;
    (void)size;
    return open_over(o, loam_region_granules(&o->region));
}

static void *open_over_spans(void *buffer, size_t size)
{
    opened *o = open_region();

    (void)buffer;
    (void)size;
    o->spans = loam_span_sharded_create(&o->region, NULL);
    if (!o->spans)
        abort();
    return open_over(o, loam_span_sharded_granules(o->spans));
}

static void close_sharded(void *heap)
{
    opened *o = heap;

    loam_heap_sharded_deinit(&o->heap);
    if (o->spans)
        loam_span_sharded_destroy(o->spans);
    loam_region_deinit(&o->region);
    free(o);
}

#define SHARDED_SELF(opaque)                   (&((opened *)(opaque))->heap)
#define SHARDED_GET(heap, size)                loam_heap_sharded_alloc(heap, size)
#define SHARDED_ZEROED(heap, size)             loam_heap_sharded_zalloc(heap, size)
#define SHARDED_ALIGNED(heap, size, align)     loam_heap_sharded_alloc_aligned(heap, size, align)
#define SHARDED_RESIZE(heap, block, old, size) loam_heap_sharded_realloc(heap, block, size)
#define SHARDED_GIVE(heap, block, size)        loam_heap_sharded_dealloc(heap, block)

LOAM_BENCH_HEAPS(sharded, loam_heap_sharded *, SHARDED_SELF, SHARDED_GET, SHARDED_ZEROED,
                 SHARDED_ALIGNED, SHARDED_RESIZE, SHARDED_GIVE)

const loam_bench_heap bench_heap_sharded = {16, open_over_region, close_sharded, 1,
                                            LOAM_BENCH_HEAP_TABLE(sharded)};
const loam_bench_heap bench_heap_sharded_spans = {16, open_over_spans, close_sharded, 1,
                                                  LOAM_BENCH_HEAP_TABLE(sharded)};
