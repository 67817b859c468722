/* vec_edit.c: putting elements in and taking them out.
 *
 * An argument that points into the array is kept as its offset while the block may move. What an
 * insertion shifts is found in two parts:
 *
 *       before   |......#### src ####......|          src is across `at`
 *                       ^ at = here or anywhere
 *       after    |......##|  gap  |## ####......|      its first part stayed, the rest went by n
 */
#include "vec_internal.h"

/* ---- putting in ---- */

bool loam_vec_raw_push(loam_vec *vec, const void *x, size_t size, size_t align)
{
    return loam_vec_raw_push_n(vec, x, 1, size, align);
}

/* The address of the elements that were just made; one that is not NULL also where there is no
 * block, because none were. */
static void *slots_at(const loam_vec *vec, size_t at, size_t size, size_t align)
{
    return vec->data ? element(vec, at, size) : loam_empty_block(align);
}

void *loam_vec_raw_push_slots(loam_vec *vec, size_t n, size_t size, size_t align)
{
    if (!make_room(vec, n, size, align))
        return NULL;
    vec->count += n;
    return slots_at(vec, vec->count - n, size, align);
}

bool loam_vec_raw_push_n(loam_vec *vec, const void *src, size_t n, size_t size, size_t align)
{
    bool inside = lies_inside(vec, src, size);
    size_t offset = inside ? (size_t)((const char *)src - (const char *)vec->data) : 0;

    if (!make_room(vec, n, size, align))
        return false;
    if (n == 0)
        return true;
    memcpy(element(vec, vec->count, size), inside ? (const char *)vec->data + offset : src,
           n * size);
    vec->count += n;
    return true;
}

bool loam_vec_raw_append(loam_vec *vec, const loam_vec *other, size_t size, size_t align)
{
    return loam_vec_raw_push_n(vec, other->data, other->count, size, align);
}

/* Moves what is from `at` on back by `n` elements, for which there is room. */
static void open_gap(loam_vec *vec, size_t at, size_t n, size_t size)
{
    if (vec->count > at)
        memmove(element(vec, at + n, size), element(vec, at, size), (vec->count - at) * size);
    vec->count += n;
}

void *loam_vec_raw_insert_slots(loam_vec *vec, size_t at, size_t n, size_t size, size_t align)
{
    LOAM_REQUIRE(at <= vec->count, LOAM_MISUSE_VEC_RANGE, vec->data);
    if (at > vec->count || !make_room(vec, n, size, align))
        return NULL;
    open_gap(vec, at, n, size);
    return slots_at(vec, at, size, align);
}

/* Fills a gap of `bytes` at `gap` from what was at `from` before the gap was opened; both count
 * from the start of the block. */
static void fill_gap_from_inside(char *data, size_t gap, size_t from, size_t bytes)
{
    size_t stayed = from < gap ? loam_min(bytes, gap - from) : 0;

    memcpy(data + gap, data + from, stayed);
    memcpy(data + gap + stayed, data + from + stayed + bytes, bytes - stayed);
}

bool loam_vec_raw_insert_n(loam_vec *vec, size_t at, const void *src, size_t n, size_t size,
                           size_t align)
{
    bool inside = lies_inside(vec, src, size);
    size_t offset = inside ? (size_t)((const char *)src - (const char *)vec->data) : 0;
    void *gap = loam_vec_raw_insert_slots(vec, at, n, size, align);

    if (!gap)
        return false;
    if (inside)
        fill_gap_from_inside((char *)vec->data, at * size, offset, n * size);
    else if (n)
        memcpy(gap, src, n * size);
    return true;
}

/* ---- making it equal to something ---- */

/* The old elements are not copied when the block has to move, and are there if it can't. */
bool loam_vec_raw_assign(loam_vec *vec, const void *src, size_t n, size_t size, size_t align)
{
    size_t old = vec->count;

    vec->count = 0;
    if (!loam_vec_raw_reserve(vec, n, size, align)) {
        vec->count = old;
        return false;
    }
    if (n)
        memmove(vec->data, src, n * size);
    vec->count = n;
    return true;
}

bool loam_vec_raw_copy(loam_vec *vec, const loam_vec *src, size_t size, size_t align)
{
    return vec == src || loam_vec_raw_assign(vec, src->data, src->count, size, align);
}

/* The first one is copied, and then as many as are there already, again and again, but no more than
 * the nearest cache holds. */
static void fill_elements(char *first, size_t n, const void *x, size_t size)
{
    const size_t piece = loam_max(16 << 10, size);
    size_t total = n * size, done = size;

    if (size == 1) {
        memset(first, *(const unsigned char *)x, n);
        return;
    }
    memmove(first, x, size);
    while (done < total) {
        size_t part = loam_min(loam_min(done, total - done), piece - piece % size);

        memcpy(first + done, first, part);
        done += part;
    }
}

bool loam_vec_raw_fill(loam_vec *vec, size_t from, size_t n, const void *x, size_t size,
                       size_t align)
{
    bool inside = lies_inside(vec, x, size);
    size_t offset = inside ? (size_t)((const char *)x - (const char *)vec->data) : 0;

    LOAM_REQUIRE(from <= vec->count, LOAM_MISUSE_VEC_RANGE, vec->data);
    if (from > vec->count ||
        (n > vec->count - from && !make_room(vec, n - (vec->count - from), size, align)))
        return false;
    if (n)
        fill_elements(element(vec, from, size), n, inside ? (const char *)vec->data + offset : x,
                      size);
    vec->count = loam_max(vec->count, from + n);
    return true;
}

/* ---- taking out ---- */

bool loam_vec_raw_erase_n(loam_vec *vec, size_t at, size_t n, size_t size)
{
    size_t behind;

    LOAM_REQUIRE(at <= vec->count && n <= vec->count - at, LOAM_MISUSE_VEC_RANGE, vec->data);
    if (at > vec->count || n > vec->count - at)
        return false;
    behind = vec->count - at - n;
    if (n && behind)
        memmove(element(vec, at, size), element(vec, at + n, size), behind * size);
    vec->count -= n;
    return true;
}

bool loam_vec_raw_swap_remove(loam_vec *vec, size_t at, size_t size)
{
    LOAM_REQUIRE(at < vec->count, LOAM_MISUSE_VEC_RANGE, vec->data);
    if (at >= vec->count)
        return false;
    vec->count--;
    if (at != vec->count)
        memcpy(element(vec, at, size), element(vec, vec->count, size), size);
    return true;
}
