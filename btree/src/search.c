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

/* ---- keys that are addresses ---- */

/* Asks for what the key at a place is the address of. That may be anything: nothing is read. */
static void ask_at(const char *key)
{
    const void *to;

    memcpy(&to, key, sizeof to);
    loam_btree_prefetch_(to);
}

/* Asks for what the next three steps of a search among `count` keys may compare: 1 + 2 + 4. */
static void ask_ahead(const char *keys, size_t count, size_t size)
{
    size_t half[3], left = count;

    for (size_t i = 0; i < 3; i++) {
        half[i] = (left + 1) / 2;
        left -= half[i];
    }
    ask_at(keys + (half[0] - 1) * size);
    if (half[1] == 0)
        return;
    ask_at(keys + (half[1] - 1) * size);
    ask_at(keys + (half[0] + half[1] - 1) * size);
    if (half[2] == 0)
        return;
    ask_at(keys + (half[2] - 1) * size);
    ask_at(keys + (half[1] + half[2] - 1) * size);
    ask_at(keys + (half[0] + half[2] - 1) * size);
    ask_at(keys + (half[0] + half[1] + half[2] - 1) * size);
}

/* A binary search that waits for memory once in three steps. */
static size_t rank_by_address(const loam_btree *tree, const void *keys, size_t count,
                              const void *key, bool upto)
{
    size_t size = tree->layout.key_size;
    const char *at = (const char *)keys;
    size_t base = 0;

    for (unsigned step = 0; count > 0; step++) {
        size_t half = (count + 1) / 2;
        int order;

        if (step % 3 == 0)
            ask_ahead(at, count, size);
        order = tree->compare(tree->context, key, at + (half - 1) * size);
        count -= half;
        if (upto ? order >= 0 : order > 0) {
            base += half;
            at += half * size;
        }
    }
    return base;
}

static size_t below_by_address(const loam_btree *tree, const void *keys, size_t capacity,
                               size_t count, const void *key)
{
    (void)capacity;
    return rank_by_address(tree, keys, count, key, false);
}

static size_t upto_by_address(const loam_btree *tree, const void *keys, size_t capacity,
                              size_t count, const void *key)
{
    (void)capacity;
    return rank_by_address(tree, keys, count, key, true);
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
    static const loam_btree_search by_address = {below_by_address, upto_by_address};
    const loam_btree_search *wide = loam_btree_search_avx512(kind);
    const loam_btree_search *search = wide                      ? wide
                                      : tree->layout.by_address ? &by_address
                                                                : &searches[kind];

    tree->compare = kind == LOAM_BTREE_COMPARED ? compare : comparisons[kind];
    tree->below = search->below;
    tree->upto = search->upto;
}
