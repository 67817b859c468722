/* search.c: searching in nodes where the type is known at run time only.
 */
#include "search.h"

/* NaN is before everything, and everything before it: so it is equal to nothing, and a check finds it. */
#define NUMBER(name, type)                                                                         \
    static int compare_##name(void *context, const void *a, const void *b)                         \
    {                                                                                              \
        type x = loam_btree_load_##name##_(a);                                                     \
        type y = loam_btree_load_##name##_(b);                                                     \
                                                                                                   \
        (void)context;                                                                             \
        return x > y ? 1 : x == y ? 0 : -1;                                                        \
    }                                                                                              \
    LOAM_BTREE_SEARCH_NUMBER(name)

NUMBER(u32, uint32_t)
NUMBER(i32, int32_t)
NUMBER(u64, uint64_t)
NUMBER(i64, int64_t)
NUMBER(f32, float)
NUMBER(f64, double)

static int compare_text(void *context, const void *a, const void *b)
{
    (void)context;
    return loam_btree_text_compare_((const loam_btree_text *)a, (const loam_btree_text *)b);
}

static size_t below_text(const loam_btree *tree, const void *keys, size_t capacity, size_t count,
                         const void *key)
{
    (void)tree;
    return loam_btree_rank_text_((const loam_btree_text *)keys, capacity, count,
                                 (const loam_btree_text *)key, false);
}

static size_t upto_text(const loam_btree *tree, const void *keys, size_t capacity, size_t count,
                        const void *key)
{
    (void)tree;
    return loam_btree_rank_text_((const loam_btree_text *)keys, capacity, count,
                                 (const loam_btree_text *)key, true);
}

static size_t below_compared(const loam_btree *tree, const void *keys, size_t capacity,
                             size_t count, const void *key)
{
    (void)capacity;
    return loam_btree_rank_compared_(keys, count, key, false, tree->layout.key_size, tree->compare,
                                     tree->context);
}

static size_t upto_compared(const loam_btree *tree, const void *keys, size_t capacity, size_t count,
                            const void *key)
{
    (void)capacity;
    return loam_btree_rank_compared_(keys, count, key, true, tree->layout.key_size, tree->compare,
                                     tree->context);
}

static const loam_btree_compare_fn comparisons[] = {NULL,        compare_u32, compare_i32,
                                                    compare_u64, compare_i64, compare_f32,
                                                    compare_f64, compare_text};

static const loam_btree_search searches[] = {
    {below_compared, upto_compared}, {below_u32, upto_u32},  {below_i32, upto_i32},
    {below_u64, upto_u64},           {below_i64, upto_i64},  {below_f32, upto_f32},
    {below_f64, upto_f64},           {below_text, upto_text}};

void loam_btree_search_choose(loam_btree *tree, loam_btree_compare_fn compare)
{
    uint32_t kind = tree->layout.kind;
    const loam_btree_search *wide = loam_btree_search_avx512(kind);
    const loam_btree_search *search = wide ? wide : &searches[kind];

    tree->compare = kind == LOAM_BTREE_COMPARED ? compare : comparisons[kind];
    tree->below = search->below;
    tree->upto = search->upto;
}
