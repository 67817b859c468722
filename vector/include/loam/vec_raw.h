/** @file loam/vec_raw.h
 * The untyped core of loam/vec.h: the same arrays, for elements whose size is known at run time.
 *
 *     loam_vec rows;
 *
 *     loam_vec_raw_init(&rows, loam_vec_default_allocator());
 *     row = loam_vec_raw_push_slot(&rows, row_size, row_align);
 *     if (!row)
 *         return out_of_memory();
 *     ...
 *     loam_vec_raw_deinit(&rows, row_size, row_align);
 *
 * Every typed operation `loam_vec_<verb>(&v, ...)` is a macro over `loam_vec_raw_<verb>` on `v.raw`,
 * which takes the size of an element, and where it may take memory its alignment. What an operation
 * does, when it fails and what it costs stands at the typed one.
 *
 * One array is always used with the same size and alignment. Size 0 or an alignment that is no power
 * of two is refused by whatever takes memory (a checked build stops). The size need not be a
 * multiple of the alignment: then only the first element is aligned.
 *
 * Not thread safe: one thread at a time uses an array; any number may read it.
 */
#ifndef LOAM_VEC_RAW_H
#define LOAM_VEC_RAW_H

#include <loam/allocator.h>
#include <loam/inspect.h>

LOAM_BEGIN_DECLS

/** The untyped core of an array. */
typedef struct loam_vec {
    void *data;               /**< The elements; NULL iff `cap` is 0. */
    size_t count;             /**< How many there are. */
    size_t cap;               /**< How many there is room for: the block is this many elements. */
    loam_allocator allocator; /**< Where the block is from. */
} loam_vec;

/** A block and its capacity in elements, as growth returns it; `data` is NULL where it failed. */
typedef struct loam_vec_storage {
    void *data; /**< The elements. */
    size_t cap; /**< How many there is room for. */
} loam_vec_storage;

/** What a loop runs over. Internal. */
typedef struct loam_vec_span {
    void *first; /**< The first element. */
    void *last;  /**< Behind the last one. */
    bool open;   /**< True until the loop is done. */
} loam_vec_span;

/** What stands before the elements in a #LOAM_VEC_BUFFER: an allocator of one block, the buffer,
 * with another allocator for what does not fit. Its fields are not for use. */
typedef struct loam_vec_buffer {
    loam_allocator below; /**< Where bigger blocks are from. */
    void *data;           /**< The buffer. */
    size_t size;          /**< Its bytes. */
    size_t align;         /**< What it is aligned to. */
    bool used;            /**< Whether it is a block now. */
} loam_vec_buffer;

/* ---- out of line ---- */

/** Makes room for one more element of a full array: the half of loam_vec_push() that is seldom run.
 * Takes and returns values, so that a local array can live in registers. Internal. */
LOAM_NODISCARD loam_vec_storage loam_vec_grow_one(void *data, size_t cap, loam_allocator allocator,
                                                  size_t size, size_t align);
/** Gives a block back, and a reservation that it lies in: the half of loam_vec_deinit(). Returns the
 * allocator that the array has then. Internal. */
loam_allocator loam_vec_drop(void *data, size_t cap, loam_allocator allocator, size_t size,
                             size_t align);

/** loam_vec_init_reserved() on the core. */
LOAM_NODISCARD bool loam_vec_raw_init_reserved(loam_vec *vec, size_t max_count, size_t size,
                                               size_t align);
/** loam_vec_init_buffer() on the core: the elements stand behind `*buffer`, from the first address on
 * that is aligned as they are, and there must be room for `n` of them. */
void loam_vec_raw_init_buffer(loam_vec *vec, loam_vec_buffer *buffer, size_t n,
                              loam_allocator allocator, size_t size, size_t align);
/** Whether an allocator is the reservation of an array that loam_vec_init_reserved() made, which has
 * room for that array only. O(1). */
bool loam_vec_is_reservation(loam_allocator allocator);
/** loam_vec_reserve() on the core. */
LOAM_NODISCARD bool loam_vec_raw_reserve(loam_vec *vec, size_t n, size_t size, size_t align);
/** loam_vec_reserve_exact() on the core. */
LOAM_NODISCARD bool loam_vec_raw_reserve_exact(loam_vec *vec, size_t n, size_t size, size_t align);
/** loam_vec_push() on the core; `x` points to the element and may lie in the array. */
LOAM_NODISCARD bool loam_vec_raw_push(loam_vec *vec, const void *x, size_t size, size_t align);
/** loam_vec_push_slots() on the core. */
LOAM_NODISCARD void *loam_vec_raw_push_slots(loam_vec *vec, size_t n, size_t size, size_t align);
/** loam_vec_push_n() on the core. */
LOAM_NODISCARD bool loam_vec_raw_push_n(loam_vec *vec, const void *src, size_t n, size_t size,
                                        size_t align);
/** loam_vec_append() on the core. */
LOAM_NODISCARD bool loam_vec_raw_append(loam_vec *vec, const loam_vec *other, size_t size,
                                        size_t align);
/** loam_vec_insert_n() on the core. */
LOAM_NODISCARD bool loam_vec_raw_insert_n(loam_vec *vec, size_t at, const void *src, size_t n,
                                          size_t size, size_t align);
/** loam_vec_insert_slots() on the core. */
LOAM_NODISCARD void *loam_vec_raw_insert_slots(loam_vec *vec, size_t at, size_t n, size_t size,
                                               size_t align);
/** loam_vec_replace() on the core. */
LOAM_NODISCARD bool loam_vec_raw_replace(loam_vec *vec, size_t at, size_t n, const void *src,
                                         size_t src_count, size_t size, size_t align);
/** loam_vec_erase_n() on the core. */
bool loam_vec_raw_erase_n(loam_vec *vec, size_t at, size_t n, size_t size);
/** loam_vec_swap_remove() on the core. */
bool loam_vec_raw_swap_remove(loam_vec *vec, size_t at, size_t size);
/** loam_vec_resize() on the core. */
LOAM_NODISCARD bool loam_vec_raw_resize(loam_vec *vec, size_t n, size_t size, size_t align);
/** loam_vec_resize_uninit() on the core. */
LOAM_NODISCARD bool loam_vec_raw_resize_uninit(loam_vec *vec, size_t n, size_t size, size_t align);
/** loam_vec_assign() on the core. */
LOAM_NODISCARD bool loam_vec_raw_assign(loam_vec *vec, const void *src, size_t n, size_t size,
                                        size_t align);
/** loam_vec_fill() on the core; `x` points to the element and may lie in the array. */
LOAM_NODISCARD bool loam_vec_raw_fill(loam_vec *vec, size_t from, size_t n, const void *x,
                                      size_t size, size_t align);
/** loam_vec_copy() on the core. */
LOAM_NODISCARD bool loam_vec_raw_copy(loam_vec *vec, const loam_vec *src, size_t size,
                                      size_t align);
/** loam_vec_shrink_to_fit() on the core. */
bool loam_vec_raw_shrink_to_fit(loam_vec *vec, size_t size, size_t align);
/** loam_vec_trim() on the core. */
bool loam_vec_raw_trim(loam_vec *vec, size_t size, size_t align);
/** loam_vec_swap() on the core. */
void loam_vec_raw_swap(loam_vec *a, loam_vec *b);
/** loam_vec_adopt() on the core. */
LOAM_NODISCARD bool loam_vec_raw_adopt(loam_vec *vec, void *data, size_t count, size_t cap,
                                       size_t size, size_t align);
/** loam_vec_release() on the core. */
LOAM_NODISCARD void *loam_vec_raw_release(loam_vec *vec, size_t *count, size_t *cap);
/** loam_vec_stats() on the core. */
void loam_vec_raw_stats(const loam_vec *vec, loam_stats *stats, size_t size);
/** loam_vec_walk() on the core. */
bool loam_vec_raw_walk(const loam_vec *vec, loam_walk_fn visit, void *context, size_t size);
/** loam_vec_check() on the core. */
bool loam_vec_raw_check(const loam_vec *vec, loam_check_fn report, void *context, size_t size,
                        size_t align);

/* ---- inline ---- */

/** loam_vec_init() on the core. */
LOAM_INLINE void loam_vec_raw_init(loam_vec *vec, loam_allocator allocator)
{
    LOAM_REQUIRE(!loam_vec_is_reservation(allocator), LOAM_MISUSE_VEC_RESERVED, allocator.self);
    vec->data = NULL;
    vec->count = 0;
    vec->cap = 0;
    vec->allocator = allocator;
}

/** loam_vec_deinit() on the core. */
LOAM_INLINE void loam_vec_raw_deinit(loam_vec *vec, size_t size, size_t align)
{
    vec->allocator = loam_vec_drop(vec->data, vec->cap, vec->allocator, size, align);
    vec->data = NULL;
    vec->count = 0;
    vec->cap = 0;
}

/** Makes room for one more element. Internal. */
LOAM_INLINE LOAM_NODISCARD bool loam_vec_room_(loam_vec *vec, size_t size, size_t align)
{
    loam_vec_storage grown;

    if (LOAM_LIKELY(vec->count != vec->cap))
        return true;
    grown = loam_vec_grow_one(vec->data, vec->cap, vec->allocator, size, align);
    if (!grown.data)
        return false;
    vec->data = grown.data;
    vec->cap = grown.cap;
    return true;
}

/** loam_vec_push_slot() on the core. */
LOAM_INLINE LOAM_NODISCARD void *loam_vec_raw_push_slot(loam_vec *vec, size_t size, size_t align)
{
    if (!loam_vec_room_(vec, size, align))
        return NULL;
    return (char *)vec->data + vec->count++ * size;
}

/** loam_vec_push_within() on the core; `x` points to the element. */
LOAM_INLINE LOAM_NODISCARD bool loam_vec_raw_push_within(loam_vec *vec, const void *x, size_t size)
{
    if (LOAM_UNLIKELY(vec->count == vec->cap))
        return false;
    memcpy((char *)vec->data + vec->count++ * size, x, size);
    return true;
}

/** loam_vec_pop() on the core. */
LOAM_INLINE bool loam_vec_raw_pop(loam_vec *vec, void *out, size_t size)
{
    if (vec->count == 0)
        return false;
    vec->count--;
    if (out)
        memmove(out, (const char *)vec->data + vec->count * size, size);
    return true;
}

/** loam_vec_at() on the core. */
LOAM_INLINE void *loam_vec_raw_at(const loam_vec *vec, size_t at, size_t size)
{
    LOAM_REQUIRE(at < vec->count, LOAM_MISUSE_VEC_RANGE, vec->data);
    return (char *)vec->data + at * size;
}

/** loam_vec_first() on the core. */
LOAM_INLINE void *loam_vec_raw_first(const loam_vec *vec)
{
    return vec->count ? vec->data : NULL;
}

/** loam_vec_last() on the core. */
LOAM_INLINE void *loam_vec_raw_last(const loam_vec *vec, size_t size)
{
    return vec->count ? (char *)vec->data + (vec->count - 1) * size : NULL;
}

/** loam_vec_clear() on the core. */
LOAM_INLINE void loam_vec_raw_clear(loam_vec *vec)
{
    vec->count = 0;
}

/** loam_vec_truncate() on the core. */
LOAM_INLINE void loam_vec_raw_truncate(loam_vec *vec, size_t n)
{
    if (n < vec->count)
        vec->count = n;
}

/** What a loop over an array runs over. Internal. */
LOAM_INLINE loam_vec_span loam_vec_span_of_(const loam_vec *vec, size_t size)
{
    loam_vec_span span;

    span.first = vec->data;
    span.last = vec->count ? (char *)vec->data + vec->count * size : vec->data;
    span.open = true;
    return span;
}

/** So that an ignored result is warned of. Internal. */
LOAM_INLINE LOAM_NODISCARD bool loam_vec_done_(bool done)
{
    return done;
}

LOAM_END_DECLS

#endif
