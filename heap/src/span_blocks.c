/* span_blocks.c: huge blocks: runs of granules behind the functions of an allocator.
 */
#include "span_internal.h"

static const loam_span_words block_words = {LOAM_MISUSE_FOREIGN_BLOCK, LOAM_MISUSE_DOUBLE_FREE,
                                            LOAM_MISUSE_WRONG_SIZE};

loam_span_request loam_span_block_request(size_t size, size_t align, void *owner)
{
    size_t count = loam_span_granules_of(size);

    return (loam_span_request){
        .count = count,
        .align = loam_max(align >> LOAM_REGION_GRANULE_SHIFT,
                          count >= LOAM_REGION_CHUNK_GRANULES ? LOAM_REGION_CHUNK_GRANULES : 1),
        .kind = LOAM_SPAN_KIND_BLOCK,
        .owner = owner,
        .region = NULL,
    };
}

void *loam_span_alloc(loam_span *span, size_t size, size_t align)
{
    loam_span_request request = loam_span_block_request(size, align, span);

    return loam_span_meet(span, &request) ? loam_span_hand_out(&request, NULL) : NULL;
}

void *loam_span_zalloc(loam_span *span, size_t size, size_t align)
{
    loam_span_request request = loam_span_block_request(size, align, span);

    return loam_span_meet(span, &request) ? loam_span_hand_out_zero(&request) : NULL;
}

void loam_span_dealloc(loam_span *span, void *ptr, size_t size)
{
    size_t ground = loam_span_ground(span, ptr);
    size_t count = loam_span_granules_of(size);

    loam_span_require_run(span, ground, ptr, count, &block_words);
    loam_span_give_at(span, ground, ptr, count);
}

bool loam_span_resize(loam_span *span, void *ptr, size_t size, size_t new_size)
{
    size_t ground = loam_span_ground(span, ptr);
    size_t count = loam_span_granules_of(size);

    loam_span_require_run(span, ground, ptr, count, &block_words);
    return loam_span_resize_at(span, ground, ptr, count, loam_span_granules_of(new_size));
}

bool loam_span_owns(loam_span *span, const void *ptr)
{
    size_t ground = loam_span_ground(span, ptr);
    const loam_record *record;

    if (ground == LOAM_SPAN_REGIONS)
        return false;
    record = loam_region_find(span->grounds[ground].region, ptr);
    return record && loam_record_kind(record) == LOAM_SPAN_KIND_BLOCK &&
           loam_record_owner(record) == span;
}

/* ---- the handle ---- */

static void *handle_alloc(void *self, size_t size, size_t align)
{
    return loam_span_alloc((loam_span *)self, size, align);
}

static void handle_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    (void)align;
    loam_span_dealloc((loam_span *)self, ptr, size);
}

static void *handle_zalloc(void *self, size_t size, size_t align)
{
    return loam_span_zalloc((loam_span *)self, size, align);
}

static bool handle_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    (void)align;
    return loam_span_resize((loam_span *)self, ptr, size, new_size);
}

static bool handle_owns(void *self, const void *ptr)
{
    return loam_span_owns((loam_span *)self, ptr);
}

size_t loam_span_good_size(void *self, size_t size, size_t align)
{
    size_t count = loam_span_granules_of(size);

    (void)self;
    (void)align;
    return count > LOAM_REGION_MAX_GRANULES ? size : count << LOAM_REGION_GRANULE_SHIFT;
}

loam_allocator loam_span_allocator(loam_span *span)
{
    static const loam_allocator_ops ops = {
        .alloc = handle_alloc,
        .dealloc = handle_dealloc,
        .zalloc = handle_zalloc,
        .resize = handle_resize,
        .good_size = loam_span_good_size,
        .owns = handle_owns,
        .name = "span",
        .traits = LOAM_RECLAIMS | LOAM_THREADSAFE,
    };

    return (loam_allocator){&ops, span};
}
