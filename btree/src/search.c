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

/* ---- keys that are addresses ----
 *
 * What is compared lies anywhere, and a comparison waits for it. A search that never guesses waits for one comparison
 * after the other. This one lets the processor guess, and makes guessing easy: only a quarter of the keys
 * is left of the one that is compared, so that three times of four the next comparison, on the right, has
 * long begun when it turns out to be needed. That takes up to a tenth more comparisons than halves do, in less
 * time. (G. S. Brodal and G. Moruz, Skewed binary search trees, 2006.)
 */

/* Asks for what the key at a place is the address of. That may be anything: nothing is read. Inlined always: calls of
 * a function that only asks seem to do nothing, and compilers leave them out. */
LOAM_INLINE void ask_at(const char *key)
{
    const void *to;

    memcpy(&to, key, sizeof to);
    loam_btree_prefetch_(to);
}

/* Passes the keys of which the comparison says `least` or more, and counts them: at most `count`, whatever it
 * says. `*order` becomes what was said of the last key passed. Where keys are `unique` the search ends at one
 * that equals the wanted one. With `ask` the next comparison on the left waits less, should that be the way. */
LOAM_INLINE size_t pass(const loam_btree *tree, const char *keys, size_t size, size_t count,
                        const void *key, int least, bool unique, bool ask, int *order)
{
    loam_btree_compare_fn compare = tree->compare;
    void *context = tree->context;
    size_t low = 0;

    while (low < count) {
        size_t middle = low + (count - low) / 4;
        int said;

        if (ask)
            ask_at(keys + (low + (middle - low) / 4) * size);
        said = compare(context, key, keys + middle * size);
        if (said < least) {
            count = middle;
            continue;
        }
        low = middle + 1;
        *order = said;
        if (unique && said == 0)
            break;
    }
    return low;
}

/* Addresses alone are the usual keys. */
LOAM_INLINE size_t pass_by_address(const loam_btree *tree, const char *keys, size_t count,
                                   const void *key, int least, bool unique, int *order)
{
    const size_t usual = sizeof(void *);
    size_t size = tree->layout.key_size;
    bool ask = !loam_btree_is_low_(tree);

    if (LOAM_UNLIKELY(size != usual))
        return pass(tree, keys, size, count, key, least, unique, ask, order);
    if (ask)
        return pass(tree, keys, usual, count, key, least, unique, true, order);
    return pass(tree, keys, usual, count, key, least, unique, false, order);
}

size_t loam_btree_pass_by_address_(const loam_btree *tree, const void *keys, size_t count,
                                   const void *key, int *order)
{
    return pass_by_address(tree, (const char *)keys, count, key, 0, true, order);
}

static size_t below_by_address(const loam_btree *tree, const void *keys, size_t capacity,
                               size_t count, const void *key)
{
    int order;

    (void)capacity;
    return pass_by_address(tree, (const char *)keys, count, key, 1, false, &order);
}

static size_t upto_by_address(const loam_btree *tree, const void *keys, size_t capacity,
                              size_t count, const void *key)
{
    int order;

    (void)capacity;
    return pass_by_address(tree, (const char *)keys, count, key, 0, false, &order);
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
