/** @file loam/btree_search.h
 * Searching in the keys of one node, for loam/btree_core.h. Nothing here is for use by programs.
 *
 * Each function counts the keys that are before the wanted one or, with `upto`, not behind it; `upto` is a
 * constant where it is called. It reads no key but the first `count`, and what it returns is at most
 * `count`, also where keys are in no order.
 */
#ifndef LOAM_BTREE_SEARCH_H
#define LOAM_BTREE_SEARCH_H

#include <loam/btree.h>

LOAM_BEGIN_DECLS

/** A branch-free binary search over numbers. */
#define LOAM_BTREE_RANK_NUMBER_(name, type)                                                        \
    LOAM_INLINE size_t name(const type *keys, size_t count, type key, bool upto)                   \
    {                                                                                              \
        size_t base = 0;                                                                           \
                                                                                                   \
        if (count == 0)                                                                            \
            return 0;                                                                              \
        while (count > 1) {                                                                        \
            size_t half = count / 2;                                                               \
            type at = keys[base + half - 1];                                                       \
                                                                                                   \
            base += (upto ? at <= key : at < key) ? half : 0;                                      \
            count -= half;                                                                         \
        }                                                                                          \
        return base + (upto ? keys[base] <= key : keys[base] < key);                               \
    }

LOAM_BTREE_RANK_NUMBER_(loam_btree_rank_u32_, uint32_t)
LOAM_BTREE_RANK_NUMBER_(loam_btree_rank_i32_, int32_t)
LOAM_BTREE_RANK_NUMBER_(loam_btree_rank_u64_, uint64_t)
LOAM_BTREE_RANK_NUMBER_(loam_btree_rank_i64_, int64_t)
LOAM_BTREE_RANK_NUMBER_(loam_btree_rank_f32_, float)
LOAM_BTREE_RANK_NUMBER_(loam_btree_rank_f64_, double)

/** Orders two texts: by the first eight bytes, and by the others only where these are equal and go on. */
LOAM_INLINE int loam_btree_text_compare_(const loam_btree_text *a, const loam_btree_text *b)
{
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    if ((a->prefix & 0xff) == 0)
        return 0;
    return strcmp(a->text + 8, b->text + 8);
}

/** Finds the keys with the same first eight bytes, and only looks at the texts of those. */
LOAM_INLINE size_t loam_btree_rank_text_(const loam_btree_text *keys, size_t count,
                                         const loam_btree_text *key, bool upto)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = loam_btree_text_compare_(key, &keys[middle]);

        if (upto ? order >= 0 : order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/** A binary search whose steps are not branches, over keys of any size. */
LOAM_INLINE size_t loam_btree_rank_compared_(const void *keys, size_t count, const void *key,
                                             bool upto, size_t size, loam_btree_compare_fn compare,
                                             void *context)
{
    size_t base = 0;

    while (count > 0) {
        size_t half = (count + 1) / 2;
        int order = compare(context, key, (const char *)keys + (base + half - 1) * size);

        base += (upto ? order >= 0 : order > 0) ? half : 0;
        count -= half;
    }
    return base;
}

LOAM_END_DECLS

#endif
