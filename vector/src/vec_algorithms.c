/* vec_algorithms.c: searching, turning around, and taking out what a function tells.
 *
 * What is taken out changes places with what stays, so that the array has all of its elements
 * whenever the function is called:
 *
 *     |--- stay ---|== gone ==|..... not looked at .....|
 *                  ^ kept     ^ at
 */
#include "vec_order.h"

/* ---- searching ---- */

static size_t position_of(const loam_vec *vec, const void *key, const order *o, bool equal)
{
    return count_before(o, (const char *)vec->data, vec->count, key, equal);
}

size_t loam_vec_raw_lower_bound(const loam_vec *vec, const void *key, loam_vec_compare_fn compare,
                                void *context, size_t size)
{
    return position_of(vec, key, &(order){compare, context, size}, false);
}

size_t loam_vec_raw_upper_bound(const loam_vec *vec, const void *key, loam_vec_compare_fn compare,
                                void *context, size_t size)
{
    return position_of(vec, key, &(order){compare, context, size}, true);
}

bool loam_vec_raw_search(const loam_vec *vec, const void *key, loam_vec_compare_fn compare,
                         void *context, size_t *at, size_t size)
{
    size_t found = position_of(vec, key, &(order){compare, context, size}, false);

    if (at)
        *at = found;
    return found < vec->count && compare(context, key, element(vec, found, size)) == 0;
}

bool loam_vec_raw_insert_sorted(loam_vec *vec, loam_vec_compare_fn compare, void *context,
                                const void *x, size_t size, size_t align)
{
    size_t at = position_of(vec, x, &(order){compare, context, size}, true);

    return loam_vec_raw_insert_n(vec, at, x, 1, size, align);
}

bool loam_vec_raw_is_sorted(const loam_vec *vec, loam_vec_compare_fn compare, void *context,
                            size_t size)
{
    order o = {compare, context, size};

    return sorted_run(&o, (char *)vec->data, vec->count) == vec->count;
}

/* ---- turning around ---- */

void loam_vec_raw_reverse(loam_vec *vec, size_t size)
{
    if (vec->count)
        reverse_elements((char *)vec->data, vec->count, size);
}

/* The last step of a rotation: the shorter piece is saved, and the longer one moves. */
static void rotate_by_saving(char *base, size_t left, size_t right)
{
    char saved[SAVED];

    if (left <= right) {
        memcpy(saved, base, left);
        memmove(base, base + left, right);
        memcpy(base + right, saved, left);
    } else {
        memcpy(saved, base + left, right);
        memmove(base + right, base, left);
        memcpy(base, saved, right);
    }
}

/* The shorter piece changes places with the far end of the longer one, where it is right then; what
 * is left is a shorter rotation. */
void loam_vec_rotate_bytes(char *base, size_t left, size_t right)
{
    while (left > SAVED && right > SAVED) {
        if (left <= right) {
            exchange_bytes(base, base + left, left);
            base += left;
            right -= left;
        } else {
            exchange_bytes(base + left - right, base + left, right);
            left -= right;
        }
    }
    if (left && right)
        rotate_by_saving(base, left, right);
}

bool loam_vec_raw_rotate(loam_vec *vec, size_t at, size_t size)
{
    LOAM_REQUIRE(at <= vec->count, LOAM_MISUSE_VEC_RANGE, vec->data);
    if (at > vec->count)
        return false;
    loam_vec_rotate_bytes((char *)vec->data, at * size, (vec->count - at) * size);
    return true;
}

/* ---- taking out ---- */

/* The element at `at` stays: it comes behind those that do. */
static size_t keep(const loam_vec *vec, size_t kept, size_t at, size_t size)
{
    if (kept != at)
        exchange_elements(element(vec, kept, size), element(vec, at, size), size);
    return kept + 1;
}

static size_t drop_behind(loam_vec *vec, size_t kept)
{
    size_t gone = vec->count - kept;

    vec->count = kept;
    return gone;
}

size_t loam_vec_raw_erase_if(loam_vec *vec, loam_vec_match_fn match, void *context, size_t size)
{
    size_t kept = 0;

    for (size_t at = 0; at < vec->count; at++) {
        if (!match(context, element(vec, at, size)))
            kept = keep(vec, kept, at, size);
    }
    return drop_behind(vec, kept);
}

size_t loam_vec_raw_dedup(loam_vec *vec, loam_vec_compare_fn compare, void *context, size_t size)
{
    size_t kept = vec->count ? 1 : 0;

    for (size_t at = 1; at < vec->count; at++) {
        if (compare(context, element(vec, kept - 1, size), element(vec, at, size)) != 0)
            kept = keep(vec, kept, at, size);
    }
    return drop_behind(vec, kept);
}
