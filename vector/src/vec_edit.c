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

/* ---- arguments ---- */

/* Where elements that are put in come from. */
typedef struct source {
    const char *outside; /* unless `inside`: */
    size_t offset;       /* then so many bytes behind the start of the block, which may move */
    bool inside;
} source;

/* Finds out where `n` elements come from. False: they are not all elements of the array, though they
 * begin in its block. */
static bool find_source(const loam_vec *vec, const void *src, size_t n, size_t size, source *from)
{
    from->inside = n > 0 && lies_inside(vec, src, size);
    from->outside = (const char *)src;
    from->offset = from->inside ? (size_t)((const char *)src - (const char *)vec->data) : 0;
    if (!from->inside || (n <= vec->count && from->offset <= (vec->count - n) * size))
        return true;
    LOAM_REQUIRE(false, LOAM_MISUSE_VEC_SOURCE, src);
    return false;
}

static const char *source_now(const loam_vec *vec, const source *from)
{
    return from->inside ? (const char *)vec->data + from->offset : from->outside;
}

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
    source from;

    if (!find_source(vec, src, n, size, &from) || !make_room(vec, n, size, align))
        return false;
    if (n == 0)
        return true;
    memcpy(element(vec, vec->count, size), source_now(vec, &from), n * size);
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

/* Fills `bytes` at `to` from what was at `from` before a gap of `opened` bytes was opened at `gap`,
 * not before `to`; all count from the start of the block. What has moved lies behind all that is
 * written. */
static void fill_from_inside(char *data, size_t to, size_t gap, size_t opened, size_t from,
                             size_t bytes)
{
    size_t stayed = from < gap ? loam_min(bytes, gap - from) : 0;

    memmove(data + to, data + from, stayed);
    if (bytes > stayed)
        memcpy(data + to + stayed, data + from + stayed + opened, bytes - stayed);
}

/* Puts `n` elements in the place of fewer: of `old` ones at `at`. */
static bool replace_by_more(loam_vec *vec, size_t at, size_t old, const source *from, size_t n,
                            size_t size, size_t align)
{
    if (!loam_vec_raw_insert_slots(vec, at + old, n - old, size, align))
        return false;
    if (!from->inside)
        memcpy(element(vec, at, size), from->outside, n * size);
    else
        fill_from_inside((char *)vec->data, at * size, (at + old) * size, (n - old) * size,
                         from->offset, n * size);
    return true;
}

bool loam_vec_raw_insert_n(loam_vec *vec, size_t at, const void *src, size_t n, size_t size,
                           size_t align)
{
    return loam_vec_raw_replace(vec, at, 0, src, n, size, align);
}

bool loam_vec_raw_replace(loam_vec *vec, size_t at, size_t n, const void *src, size_t src_count,
                          size_t size, size_t align)
{
    source from;

    LOAM_REQUIRE(at <= vec->count && n <= vec->count - at, LOAM_MISUSE_VEC_RANGE, vec->data);
    if (at > vec->count || n > vec->count - at || !find_source(vec, src, src_count, size, &from))
        return false;
    if (src_count > n)
        return replace_by_more(vec, at, n, &from, src_count, size, align);
    if (src_count)
        memmove(element(vec, at, size), source_now(vec, &from), src_count * size);
    return loam_vec_raw_erase_n(vec, at + src_count, n - src_count, size);
}

/* ---- making it equal to something ---- */

/* The old elements are not copied when the block has to move, and are there if it can't. */
bool loam_vec_raw_assign(loam_vec *vec, const void *src, size_t n, size_t size, size_t align)
{
    size_t old = vec->count;
    source from;

    if (!find_source(vec, src, n, size, &from))
        return false;
    if (n <= vec->cap) {
        if (n)
            memmove(vec->data, src, n * size);
        vec->count = n;
        return true;
    }
    vec->count = 0; /* all that is assigned comes from outside */
    if (!loam_vec_raw_reserve(vec, n, size, align)) {
        vec->count = old;
        return false;
    }
    memcpy(vec->data, src, n * size);
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
    source of_x;

    LOAM_REQUIRE(from <= vec->count, LOAM_MISUSE_VEC_RANGE, vec->data);
    if (from > vec->count || !find_source(vec, x, 1, size, &of_x) ||
        (n > vec->count - from && !make_room(vec, n - (vec->count - from), size, align)))
        return false;
    if (n)
        fill_elements(element(vec, from, size), n, source_now(vec, &of_x), size);
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
