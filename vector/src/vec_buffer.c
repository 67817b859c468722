/* vec_buffer.c: arrays that begin in a buffer of the caller's.
 *
 *     |loam_vec_buffer|padding|#### data: size bytes ####|
 *
 * The buffer is an allocator of one block, with another one below for what does not fit or comes
 * second. So an array over it is an array like any other: it fills the block where it is, moves out
 * of it by a copy, and comes back when it shrinks.
 *
 *   B1  used iff the block is somebody's; it is then told from those below by its address
 *   B2  good_size is `size` for all that fit and what is below says for the rest: it does not depend
 *       on `used`, and is monotone since nothing that does not fit is rounded to less than itself
 *   B3  it reclaims iff what is below does
 */
#include "vec_internal.h"

static bool fits_in(const loam_vec_buffer *buffer, size_t size, size_t align)
{
    return size <= buffer->size && align <= buffer->align;
}

static void *buffer_alloc(void *self, size_t size, size_t align)
{
    loam_vec_buffer *buffer = (loam_vec_buffer *)self;

    if (buffer->used || !fits_in(buffer, size, align))
        return loam_alloc(buffer->below, size, align);
    buffer->used = true;
    return buffer->data;
}

static void *buffer_zalloc(void *self, size_t size, size_t align)
{
    loam_vec_buffer *buffer = (loam_vec_buffer *)self;

    if (buffer->used || !fits_in(buffer, size, align))
        return loam_zalloc(buffer->below, size, align);
    buffer->used = true;
    return memset(buffer->data, 0, size);
}

static void buffer_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    loam_vec_buffer *buffer = (loam_vec_buffer *)self;

    if (ptr != buffer->data) {
        loam_dealloc(buffer->below, ptr, size, align);
        return;
    }
    LOAM_REQUIRE(buffer->used, LOAM_MISUSE_DOUBLE_FREE, ptr);
    buffer->used = false;
}

static bool buffer_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    const loam_vec_buffer *buffer = (const loam_vec_buffer *)self;

    return ptr == buffer->data ? new_size <= buffer->size
                               : loam_resize(buffer->below, ptr, size, new_size, align);
}

/* A block from below that fits, while nothing else does, comes into the buffer. */
static void *move_in(loam_vec_buffer *buffer, void *ptr, size_t size, size_t new_size, size_t align)
{
    memcpy(buffer->data, ptr, loam_min(size, new_size));
    loam_dealloc(buffer->below, ptr, size, align);
    buffer->used = true;
    return buffer->data;
}

static void *buffer_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_vec_buffer *buffer = (loam_vec_buffer *)self;

    if (ptr == buffer->data)
        return new_size <= buffer->size ? ptr : NULL;
    if (!buffer->used && fits_in(buffer, new_size, align))
        return move_in(buffer, ptr, size, new_size, align);
    return loam_remap(buffer->below, ptr, size, new_size, align);
}

static size_t buffer_good_size(void *self, size_t size, size_t align)
{
    const loam_vec_buffer *buffer = (const loam_vec_buffer *)self;

    return fits_in(buffer, size, align) ? buffer->size : loam_good_size(buffer->below, size, align);
}

/* There is no `owns`: what is below may be unable to tell. */
#define BUFFER_OPS(traits_)                                                                        \
    {                                                                                              \
        .alloc = buffer_alloc, .dealloc = buffer_dealloc, .zalloc = buffer_zalloc,                 \
        .resize = buffer_resize, .remap = buffer_remap, .good_size = buffer_good_size,             \
        .name = "array buffer", .traits = (traits_)                                                \
    }

static const loam_allocator_ops reclaiming = BUFFER_OPS(LOAM_RECLAIMS);
static const loam_allocator_ops forgetting = BUFFER_OPS(0);

void loam_vec_raw_init_buffer(loam_vec *vec, loam_vec_buffer *buffer, size_t n,
                              loam_allocator allocator, size_t size, size_t align)
{
    char *data = (char *)(buffer + 1);

    LOAM_REQUIRE(!loam_vec_is_reservation(allocator), LOAM_MISUSE_VEC_RESERVED, buffer);
    data += loam_padding(data, align);
    if (n == 0)
        data = NULL; /* behind the buffer a block of somebody else may stand */
    *buffer = (loam_vec_buffer){allocator, data, n * size, align, n > 0};
    vec->data = data;
    vec->count = 0;
    vec->cap = n;
    vec->allocator = (loam_allocator){
        loam_allocator_reclaims(allocator) ? &reclaiming : &forgetting,
        buffer,
    };
}
