/* search.h: which functions search in the nodes of a tree whose type is known at run time only.
 */
#ifndef LOAM_BTREE_SRC_SEARCH_H
#define LOAM_BTREE_SRC_SEARCH_H

#include "btree_internal.h"

typedef struct loam_btree_search {
    loam_btree_rank_fn below;
    loam_btree_rank_fn upto;
} loam_btree_search;

/* Sets `compare`, `below` and `upto` of a tree by its kind and by what the processor has. `compare` is the
 * caller's, for keys that are compared. */
void loam_btree_search_choose(loam_btree *tree, loam_btree_compare_fn compare);

/* The search for numbers of a kind, where this processor has AVX-512 and the compiler knows it; else NULL.
 * search_avx512.c */
const loam_btree_search *loam_btree_search_avx512(uint32_t kind);

/* Both functions for one kind of number. Keys are the caller's, whose type may be another one of the same kind. */
#define LOAM_BTREE_SEARCH_NUMBER(name)                                                             \
    static size_t below_##name(const loam_btree *tree, const void *keys, size_t capacity,          \
                               size_t count, const void *key)                                      \
    {                                                                                              \
        (void)tree;                                                                                \
        return loam_btree_rank_##name##_((const loam_btree_##name##_ *)keys, capacity, count,      \
                                         loam_btree_load_##name##_(key), false);                   \
    }                                                                                              \
    static size_t upto_##name(const loam_btree *tree, const void *keys, size_t capacity,           \
                              size_t count, const void *key)                                       \
    {                                                                                              \
        (void)tree;                                                                                \
        return loam_btree_rank_##name##_((const loam_btree_##name##_ *)keys, capacity, count,      \
                                         loam_btree_load_##name##_(key), true);                    \
    }

#endif
