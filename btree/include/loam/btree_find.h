/** @file loam/btree_find.h
 * Finding the leaf and the place of a key, for loam/btree_core.h. Nothing here is for use by programs.
 *
 * Where keys have a kind, a search counts in the inner nodes what is not behind the key, and in the leaf
 * what is before it; the entry found there has the key or not. Where keys are compared, that would
 * be two comparisons too many: see loam_btree_locate_compared_().
 */
#ifndef LOAM_BTREE_FIND_H
#define LOAM_BTREE_FIND_H

#include <loam/btree_node.h>
#include <loam/btree_search.h>

LOAM_BEGIN_DECLS

/* ---- keys ---- */

/** Reads a number of a key whose own type may be another one of the same kind. */
#define LOAM_BTREE_LOAD_(name, type)                                                               \
    LOAM_INLINE type name(const void *key)                                                         \
    {                                                                                              \
        type number;                                                                               \
                                                                                                   \
        memcpy(&number, key, sizeof number);                                                       \
        return number;                                                                             \
    }

LOAM_BTREE_LOAD_(loam_btree_load_u32_, uint32_t)
LOAM_BTREE_LOAD_(loam_btree_load_i32_, int32_t)
LOAM_BTREE_LOAD_(loam_btree_load_u64_, uint64_t)
LOAM_BTREE_LOAD_(loam_btree_load_i64_, int64_t)
LOAM_BTREE_LOAD_(loam_btree_load_f32_, float)
LOAM_BTREE_LOAD_(loam_btree_load_f64_, double)

/** Counts the keys of a node that are before `key`, or not behind it (`upto`). At most `count`. */
LOAM_INLINE size_t loam_btree_rank_(const loam_btree *tree, const loam_btree_layout *l, int how,
                                    loam_btree_compare_fn compare, const loam_btree_node *node,
                                    size_t capacity, const void *key, bool upto)
{
    const void *keys = loam_btree_key_at_(l, node, 0);
    size_t count = node->count;

    switch (how) {
    case LOAM_BTREE_U32:
        return loam_btree_rank_u32_((const loam_btree_u32_ *)keys, capacity, count,
                                    loam_btree_load_u32_(key), upto);
    case LOAM_BTREE_I32:
        return loam_btree_rank_i32_((const loam_btree_i32_ *)keys, capacity, count,
                                    loam_btree_load_i32_(key), upto);
    case LOAM_BTREE_U64:
        return loam_btree_rank_u64_((const loam_btree_u64_ *)keys, capacity, count,
                                    loam_btree_load_u64_(key), upto);
    case LOAM_BTREE_I64:
        return loam_btree_rank_i64_((const loam_btree_i64_ *)keys, capacity, count,
                                    loam_btree_load_i64_(key), upto);
    case LOAM_BTREE_F32:
        return loam_btree_rank_f32_((const loam_btree_f32_ *)keys, capacity, count,
                                    loam_btree_load_f32_(key), upto);
    case LOAM_BTREE_F64:
        return loam_btree_rank_f64_((const loam_btree_f64_ *)keys, capacity, count,
                                    loam_btree_load_f64_(key), upto);
    case LOAM_BTREE_TEXT:
        return loam_btree_rank_text_((const loam_btree_text *)keys, capacity, count,
                                     (const loam_btree_text *)key, upto);
    case LOAM_BTREE_COMPARED:
        return loam_btree_rank_compared_(keys, count, key, upto, l->key_size, compare,
                                         tree->context);
    default:
        if (l->kind == LOAM_BTREE_COMPARED && !l->by_address) /* Without a call that only calls. */
            return loam_btree_rank_compared_(keys, count, key, upto, l->key_size, tree->compare,
                                             tree->context);
        return (upto ? tree->upto : tree->below)(tree, keys, capacity, count, key);
    }
}

/** The same for a change, which nothing behind it can begin before: there what is quick to an answer is
 * better than what is quick for many at the same time, so AVX-512 is not used. */
LOAM_INLINE size_t loam_btree_rank_soon_(const loam_btree *tree, const loam_btree_layout *l,
                                         int how, loam_btree_compare_fn compare,
                                         const loam_btree_node *node, size_t capacity,
                                         const void *key, bool upto)
{
#if LOAM_BTREE_AVX512_
    const void *keys = loam_btree_key_at_(l, node, 0);

    if (how == LOAM_BTREE_U64)
        return loam_btree_rank_u64_sample_((const loam_btree_u64_ *)keys, capacity, node->count,
                                           loam_btree_load_u64_(key), upto);
    if (how == LOAM_BTREE_I64)
        return loam_btree_rank_i64_sample_((const loam_btree_i64_ *)keys, capacity, node->count,
                                           loam_btree_load_i64_(key), upto);
    if (how == LOAM_BTREE_F64)
        return loam_btree_rank_f64_sample_((const loam_btree_f64_ *)keys, capacity, node->count,
                                           loam_btree_load_f64_(key), upto);
#endif
    return loam_btree_rank_(tree, l, how, compare, node, capacity, key, upto);
}

/** Whether two keys are equal. */
LOAM_INLINE bool loam_btree_equal_(const loam_btree *tree, int how, loam_btree_compare_fn compare,
                                   const void *a, const void *b)
{
    switch (how) {
    case LOAM_BTREE_U32:
    case LOAM_BTREE_I32:
        return loam_btree_load_u32_(a) == loam_btree_load_u32_(b);
    case LOAM_BTREE_U64:
    case LOAM_BTREE_I64:
        return loam_btree_load_u64_(a) == loam_btree_load_u64_(b);
    case LOAM_BTREE_F32:
        return loam_btree_load_f32_(a) == loam_btree_load_f32_(b);
    case LOAM_BTREE_F64:
        return loam_btree_load_f64_(a) == loam_btree_load_f64_(b);
    case LOAM_BTREE_TEXT:
        return loam_btree_text_compare_((const loam_btree_text *)a, (const loam_btree_text *)b) ==
               0;
    case LOAM_BTREE_COMPARED:
        return compare(tree->context, a, b) == 0;
    default:
        return tree->compare(tree->context, a, b) == 0;
    }
}

/** Whether key `a`, of the tree, is before key `b`, which is to be put in. */
LOAM_INLINE bool loam_btree_before_(const loam_btree *tree, int how, loam_btree_compare_fn compare,
                                    const void *a, const void *b)
{
    switch (how) {
    case LOAM_BTREE_U32:
        return loam_btree_load_u32_(a) < loam_btree_load_u32_(b);
    case LOAM_BTREE_I32:
        return loam_btree_load_i32_(a) < loam_btree_load_i32_(b);
    case LOAM_BTREE_U64:
        return loam_btree_load_u64_(a) < loam_btree_load_u64_(b);
    case LOAM_BTREE_I64:
        return loam_btree_load_i64_(a) < loam_btree_load_i64_(b);
    case LOAM_BTREE_F32:
        return loam_btree_load_f32_(a) < loam_btree_load_f32_(b);
    case LOAM_BTREE_F64:
        return loam_btree_load_f64_(a) < loam_btree_load_f64_(b);
    case LOAM_BTREE_TEXT:
        return loam_btree_text_compare_((const loam_btree_text *)a, (const loam_btree_text *)b) < 0;
    case LOAM_BTREE_COMPARED:
        return compare(tree->context, b, a) > 0;
    default:
        return tree->compare(tree->context, b, a) > 0;
    }
}

/* ---- from the root to a leaf ---- */

/** Whether a tree is so low that a cache holds it: less than two hundred thousand entries of 16 bytes. */
LOAM_INLINE bool loam_btree_is_low_(const loam_btree *tree)
{
    return tree->height <= 3;
}

/** Asks for the node of a level that a search has come to, where it is one that goes through the keys step by step or
 * is called. What a cache holds would only come in the way of the search; but one that halves gains from
 * three levels on. */
LOAM_INLINE void loam_btree_ask_at_level_(const loam_btree *tree, const loam_btree_layout *l,
                                          int how, const loam_btree_node *node, size_t level)
{
    bool halves = l->kind == LOAM_BTREE_COMPARED && !l->by_address;
    bool asks = how == LOAM_BTREE_BY_POINTER_ || how == LOAM_BTREE_COMPARED;

    if (asks && (halves ? tree->height > 2 : !loam_btree_is_low_(tree)))
        loam_btree_ask_(node, level ? l->inner_children : l->leaf_bytes);
}

/** The leaf where a key is, or would be put: right of the separators that equal it. The tree is not
 * empty. `up` becomes the step to it from its parent, of which there is none at height 1. */
LOAM_INLINE loam_btree_node *loam_btree_descend_by_(const loam_btree *tree,
                                                    const loam_btree_layout *l, int how,
                                                    loam_btree_compare_fn compare, const void *key,
                                                    loam_btree_step *up)
{
    loam_btree_node *node = tree->root;

    up->node = NULL;
    up->index = 0;
    for (uint32_t height = tree->height; height > 1; height--) {
        up->node = node;
        up->index = loam_btree_rank_soon_(tree, l, how, compare, node, l->inner_cap, key, true);
        node = loam_btree_children_(l, node)[up->index];
        loam_btree_ask_at_level_(tree, l, how, node, height - 2);
    }
    return node;
}

/** The same for a look-up. */
LOAM_INLINE loam_btree_node *loam_btree_descend_(const loam_btree *tree, const loam_btree_layout *l,
                                                 int how, loam_btree_compare_fn compare,
                                                 const void *key)
{
    loam_btree_node *node = tree->root;

    for (uint32_t height = tree->height; height > 1; height--) {
        node = loam_btree_children_(
            l, node)[loam_btree_rank_(tree, l, how, compare, node, l->inner_cap, key, true)];
        loam_btree_ask_at_level_(tree, l, how, node, height - 2);
    }
    return node;
}

/** As loam_btree_pass_compared_(), for keys that are addresses, of a tree that is no multimap. */
size_t loam_btree_pass_by_address_(const loam_btree *tree, const void *keys, size_t count,
                                   const void *key, int *order);

/** Whether keys are compared, by a function or inline. */
LOAM_INLINE bool loam_btree_is_compared_(const loam_btree_layout *l, int how)
{
    return how == LOAM_BTREE_COMPARED ||
           (how == LOAM_BTREE_BY_POINTER_ && l->kind == LOAM_BTREE_COMPARED);
}

/** Passes the keys of a node, from key `from` on, that are not behind `key`, and returns how many are passed with those
 * before `from`. The tree is no multimap.
 *
 * `*order` goes from node to node: what the comparison said of the last key passed; negative where none was. Once
 * it is 0 the key is found: nothing is compared, as all keys below are then behind it but the first one,
 * which is the separator that was passed. */
LOAM_INLINE size_t loam_btree_pass_(const loam_btree *tree, const loam_btree_layout *l, int how,
                                    loam_btree_compare_fn compare, const loam_btree_node *node,
                                    size_t from, const void *key, int *order)
{
    const void *keys = loam_btree_key_at_(l, node, from);
    size_t count = node->count - from;

    if (*order == 0)
        return from;
    if (how == LOAM_BTREE_COMPARED)
        return from + loam_btree_pass_compared_(keys, count, key, l->key_size, compare,
                                                tree->context, order);
    if (l->by_address)
        return from + loam_btree_pass_by_address_(tree, keys, count, key, order);
    return from + loam_btree_pass_compared_(keys, count, key, l->key_size, tree->compare,
                                            tree->context, order);
}

/** As loam_btree_locate_by_(), where keys are compared.
 *
 * The first key of a leaf is the last separator passed, so that it is not compared again (`order` is not
 * negative then); and the entry that has the key, if any, is the last one passed, of which the comparison
 * has said so. With a comparison that lies it is the last one passed, too, and there is one. */
LOAM_INLINE loam_btree_node *loam_btree_locate_compared_(const loam_btree *tree,
                                                         const loam_btree_layout *l, int how,
                                                         loam_btree_compare_fn compare,
                                                         const void *key, loam_btree_step *up,
                                                         size_t *index, bool *found)
{
    loam_btree_node *node = tree->root;
    int order = -1;
    size_t rank;

    up->node = NULL;
    up->index = 0;
    for (uint32_t height = tree->height; height > 1; height--) {
        rank = loam_btree_pass_(tree, l, how, compare, node, 0, key, &order);
        up->node = node;
        up->index = rank;
        node = loam_btree_children_(l, node)[rank];
        loam_btree_ask_at_level_(tree, l, how, node, height - 2);
    }
    rank = loam_btree_pass_(tree, l, how, compare, node, order >= 0, key, &order);
    *found = order == 0;
    *index = rank - *found;
    return node;
}

/** Finds the leaf where a key is or belongs, and the place there: of the entry that has it (`*found`), or of
 * the first one behind it. The tree is no multimap and not empty. */
LOAM_INLINE loam_btree_node *loam_btree_locate_(const loam_btree *tree, const loam_btree_layout *l,
                                                int how, loam_btree_compare_fn compare,
                                                const void *key, size_t *index, bool *found)
{
    loam_btree_node *leaf;
    loam_btree_step up;

    if (loam_btree_is_compared_(l, how))
        return loam_btree_locate_compared_(tree, l, how, compare, key, &up, index, found);
    leaf = loam_btree_descend_(tree, l, how, compare, key);
    *index = loam_btree_rank_(tree, l, how, compare, leaf, l->leaf_cap, key, false);
    *found = *index < leaf->count &&
             loam_btree_equal_(tree, how, compare, key, loam_btree_key_at_(l, leaf, *index));
    return leaf;
}

/** The same for a change; `up` becomes the step to the leaf, as by loam_btree_descend_by_(). */
LOAM_INLINE loam_btree_node *loam_btree_locate_by_(const loam_btree *tree,
                                                   const loam_btree_layout *l, int how,
                                                   loam_btree_compare_fn compare, const void *key,
                                                   loam_btree_step *up, size_t *index, bool *found)
{
    loam_btree_node *leaf;

    if (loam_btree_is_compared_(l, how))
        return loam_btree_locate_compared_(tree, l, how, compare, key, up, index, found);
    leaf = loam_btree_descend_by_(tree, l, how, compare, key, up);
    *index = loam_btree_rank_soon_(tree, l, how, compare, leaf, l->leaf_cap, key, false);
    *found = *index < leaf->count &&
             loam_btree_equal_(tree, how, compare, key, loam_btree_key_at_(l, leaf, *index));
    return leaf;
}

/** loam_btree_get() of a tree that is no multimap. */
LOAM_INLINE loam_btree_entry loam_btree_get_(const loam_btree *tree, const loam_btree_layout *l,
                                             int how, loam_btree_compare_fn compare,
                                             const void *key)
{
    const loam_btree_node *leaf;
    size_t index;
    bool found;

    if (LOAM_UNLIKELY(tree->height == 0))
        return loam_btree_no_entry_();
    leaf = loam_btree_locate_(tree, l, how, compare, key, &index, &found);
    if (found)
        return loam_btree_entry_at_(l, leaf, index);
    return loam_btree_no_entry_();
}

/** The rare half of a bound: a multimap, or an entry of the next leaf. All of it where keys are addresses. */
loam_btree_entry loam_btree_bound_slow_(const loam_btree *tree, const void *key, bool upto);

/** Asks for the values of a leaf, of which one will be read: they come while its keys do. */
LOAM_INLINE void loam_btree_ask_for_values_(const loam_btree_layout *l, const loam_btree_node *leaf)
{
    const size_t most = 512;

    if (LOAM_IS_CONSTANT(l->leaf_bytes) && l->value_size && l->leaf_bytes - l->leaf_values <= most)
        for (size_t at = l->leaf_values; at < l->leaf_bytes; at += 64)
            loam_btree_prefetch_((const char *)leaf + at);
}

/** loam_btree_lower_bound(), or with `upto` loam_btree_upper_bound(). */
LOAM_INLINE loam_btree_entry loam_btree_bound_(const loam_btree *tree, const loam_btree_layout *l,
                                               int how, loam_btree_compare_fn compare,
                                               const void *key, bool upto)
{
    const loam_btree_node *leaf;
    size_t index;
    bool found;

    if (LOAM_UNLIKELY(tree->height == 0 || (tree->flags & LOAM_BTREE_MULTI_)))
        return loam_btree_bound_slow_(tree, key, upto);
    if (how == LOAM_BTREE_BY_POINTER_ &&
        l->by_address) /* A path costs less than to search twice. */
        return loam_btree_bound_slow_(tree, key, upto);
    if (how == LOAM_BTREE_COMPARED) {
        leaf = loam_btree_locate_(tree, l, how, compare, key, &index, &found);
        index += upto && found;
    } else {
        leaf = loam_btree_descend_(tree, l, how, compare, key);
        loam_btree_ask_for_values_(l, leaf);
        index = loam_btree_rank_(tree, l, how, compare, leaf, l->leaf_cap, key, upto);
    }
    if (LOAM_UNLIKELY(index >= leaf->count))
        return loam_btree_bound_slow_(tree, key, upto);
    return loam_btree_entry_at_(l, leaf, index);
}

LOAM_END_DECLS

#endif
