/** @file loam/btree_core.h
 * What the archive and every typed face of loam/btree.h share: the paths that are inlined. Nothing here
 * is for use by programs.
 *
 * A function here takes the layout `l` and says by `how` keys are searched, so that both fold to
 * constants where the type is known. In the archive `l` is that of the tree and `how` is
 * `LOAM_BTREE_BY_POINTER_`: a search in a node is then a call of the tree's `below` or `upto`.
 *
 * Safety does not rest on order: a rank is at most the count that it was asked of, whatever the
 * comparison says, and a count is at most the capacity.
 */
#ifndef LOAM_BTREE_CORE_H
#define LOAM_BTREE_CORE_H

#include <loam/btree_find.h>

LOAM_BEGIN_DECLS

/* ---- changing a leaf ---- */

/** The number, twice where it has four bytes, that no number of a kind is behind. */
LOAM_INLINE uint64_t loam_btree_pad_of_(uint32_t kind)
{
    switch (kind) {
    case LOAM_BTREE_I32:
        return UINT64_C(0x7fffffff7fffffff);
    case LOAM_BTREE_I64:
        return UINT64_C(0x7fffffffffffffff);
    case LOAM_BTREE_F32:
        return UINT64_C(0x7f8000007f800000); /* Infinity. */
    case LOAM_BTREE_F64:
        return UINT64_C(0x7ff0000000000000);
    default:
        return UINT64_MAX;
    }
}

/** Fills the place of key `index` with that number. */
LOAM_INLINE void loam_btree_pad_at_(const loam_btree_layout *l, loam_btree_node *node, size_t index)
{
    uint64_t pad = loam_btree_pad_of_(l->kind);

    if (l->kind != LOAM_BTREE_COMPARED)
        memcpy(loam_btree_key_at_(l, node, index), &pad, l->key_size == 4 ? 4 : 8);
}

/** Fills the places of keys from `from` to before `to` with that number, as searches want it behind the
 * count of a node. Keys that are compared need it not. */
LOAM_INLINE void loam_btree_pad_(const loam_btree_layout *l, loam_btree_node *node, size_t from,
                                 size_t to)
{
    if (l->key_size <= 8 && l->kind != LOAM_BTREE_COMPARED && from < to &&
        loam_btree_pad_of_(l->kind) == UINT64_MAX)
        memset(loam_btree_key_at_(l, node, from), 0xff, (to - from) * l->key_size);
    else
        for (; from < to; from++)
            loam_btree_pad_at_(l, node, from);
}

/** Sets the count of a node from which the last keys have gone. */
LOAM_INLINE void loam_btree_shorten_(const loam_btree_layout *l, loam_btree_node *node,
                                     size_t count)
{
    loam_btree_pad_(l, node, count, node->count);
    node->count = (uint16_t)count;
}

/** Copies bytes; the usual sizes without a call. Compilers that do not optimise would only warn of those that
 * a constant size is not. */
LOAM_INLINE void loam_btree_copy_(void *to, const void *from, size_t size)
{
#ifdef __OPTIMIZE__
    if (size == 8)
        memcpy(to, from, 8);
    else if (size == 4)
        memcpy(to, from, 4);
    else if (size == 16)
        memcpy(to, from, 16);
    else
#endif
        memcpy(to, from, size);
}

/** Opens a gap before entry `index` of a leaf that has room and `behind` entries from there on, and fills
 * it. */
LOAM_INLINE void *loam_btree_leaf_put_(const loam_btree_layout *l, loam_btree_node *leaf,
                                       size_t index, size_t behind, const void *key,
                                       const void *value)
{
    char *at = (char *)loam_btree_key_at_(l, leaf, index);
    char *to = (char *)loam_btree_value_at_(l, leaf, index);

    if (behind) {
        memmove(at + l->key_size, at, behind * l->key_size);
        if (l->value_size)
            memmove(to + l->value_size, to, behind * l->value_size);
    }
    loam_btree_copy_(at, key, l->key_size);
    if (l->value_size && value)
        loam_btree_copy_(to, value, l->value_size);
    else if (l->value_size)
        memset(to, 0, l->value_size);
    leaf->count++;
    return to;
}

/** Closes the gap that entry `index` leaves. */
LOAM_INLINE void loam_btree_leaf_cut_(const loam_btree_layout *l, loam_btree_node *leaf,
                                      size_t index)
{
    size_t behind = leaf->count - index - 1;
    char *at = (char *)loam_btree_key_at_(l, leaf, index);

    memmove(at, at + l->key_size, behind * l->key_size);
    if (l->value_size) {
        char *to = (char *)loam_btree_value_at_(l, leaf, index);

        memmove(to, to + l->value_size, behind * l->value_size);
    }
    loam_btree_pad_at_(l, leaf, index + behind);
    leaf->count--;
}

/** Puts a new entry before entry `index`, which is not the first one, of a full leaf: child `up->index` of
 * `up->node`, which has room for another one, and not the last gap below it. The tree has neither counts
 * nor shared nodes. Takes a node, or moves entries to a neighbour. NULL iff the node can't be had. */
void *loam_btree_put_full_(loam_btree *tree, loam_btree_step up, loam_btree_node *leaf,
                           size_t index, const void *key, const void *value);
/** A ::loam_btree_put_fn_ for all types. */
void *loam_btree_put_slow_(loam_btree *tree, const void *key, const void *value,
                           loam_btree_mode_ mode, bool *added);
/** A ::loam_btree_take_fn_ for all types. */
bool loam_btree_take_slow_(loam_btree *tree, const void *key, void *old_key, void *old_value);
/** Takes entry `index`, which is not the first one, out of a leaf that gets too empty then: child `up->index`
 * of `up->node`, which can spare a child. The tree has neither counts nor shared nodes. */
void loam_btree_take_low_(loam_btree *tree, loam_btree_step up, loam_btree_node *leaf,
                          size_t index);

/** Puts a new entry into a leaf with room, of a tree that has neither counts nor shared nodes. */
LOAM_INLINE void *loam_btree_put_here_(loam_btree *tree, const loam_btree_layout *l,
                                       loam_btree_node *leaf, size_t index, size_t behind,
                                       const void *key, const void *value, bool *added)
{
    if (added)
        *added = true;
    tree->count++;
    loam_btree_touched_(tree);
    return loam_btree_leaf_put_(l, leaf, index, behind, key, value);
}

/** loam_btree_insert() and loam_btree_upsert(). `slow` is loam_btree_put_slow_(), or that of a type. */
LOAM_INLINE void *loam_btree_put_(loam_btree *tree, const loam_btree_layout *l, int how,
                                  loam_btree_compare_fn compare, const void *key, const void *value,
                                  loam_btree_mode_ mode, bool *added, loam_btree_put_fn_ slow)
{
    loam_btree_node *leaf;
    loam_btree_step up;
    size_t index;
    bool found;

    if (LOAM_UNLIKELY(tree->height == 0 || tree->flags != 0))
        return slow(tree, key, value, mode, added);
    if (tree->tail) {
        leaf = tree->tail;
        index = leaf->count;
        if (index < l->leaf_cap &&
            loam_btree_before_(tree, how, compare, loam_btree_key_at_(l, leaf, index - 1), key))
            return loam_btree_put_here_(tree, l, leaf, index, 0, key, value, added);
        tree->tail = NULL;
    }
    leaf = loam_btree_locate_by_(tree, l, how, compare, key, &up, &index, &found);
    if (found) {
        if (added)
            *added = false;
        return loam_btree_value_at_(l, leaf, index);
    }
    if (LOAM_UNLIKELY(leaf->count >= l->leaf_cap || index == 0)) {
        /* Only in the first leaf a new entry is the first one, unless comparisons lie. */
        if (index == 0 || !up.node || up.node->count >= l->inner_cap ||
            (index == leaf->count && up.index == up.node->count))
            return slow(tree, key, value, mode, added);
        value = loam_btree_put_full_(tree, up, leaf, index, key, value);
        if (added && value)
            *added = true;
        return (void *)(uintptr_t)value;
    }
    /* A rank is at most the count. The cast tells that to compilers, which warn of moves of less than nothing. */
    return loam_btree_put_here_(tree, l, leaf, index, (uint16_t)(leaf->count - index), key, value,
                                added);
}

/** The fewest entries of a leaf that an erasure leaves alone. */
LOAM_INLINE size_t loam_btree_leaf_min_(const loam_btree_layout *l)
{
    return l->leaf_cap / 3 ? l->leaf_cap / 3 : 1;
}

/** The same of the keys of an inner node. */
LOAM_INLINE size_t loam_btree_inner_min_(const loam_btree_layout *l)
{
    return l->inner_cap / 3 ? l->inner_cap / 3 : 1;
}

/** loam_btree_take(). `slow` is loam_btree_take_slow_(), or that of a type. */
LOAM_INLINE bool loam_btree_take_(loam_btree *tree, const loam_btree_layout *l, int how,
                                  loam_btree_compare_fn compare, const void *key, void *old_key,
                                  void *old_value, loam_btree_take_fn_ slow)
{
    loam_btree_node *leaf;
    loam_btree_step up;
    size_t index;
    bool found, low;

    if (LOAM_UNLIKELY(tree->height == 0 || tree->flags != 0))
        return slow(tree, key, old_key, old_value);
    leaf = loam_btree_locate_by_(tree, l, how, compare, key, &up, &index, &found);
    if (!found)
        return false;
    low = leaf->count <= loam_btree_leaf_min_(l);
    if (LOAM_UNLIKELY(index == 0 ||
                      (low && (!up.node || up.node->count <= loam_btree_inner_min_(l)))))
        return slow(tree, key, old_key, old_value);
    if (old_key)
        memcpy(old_key, loam_btree_key_at_(l, leaf, index), l->key_size);
    if (old_value && l->value_size)
        memcpy(old_value, loam_btree_value_at_(l, leaf, index), l->value_size);
    if (LOAM_UNLIKELY(low)) {
        loam_btree_take_low_(tree, up, leaf, index);
        return true;
    }
    tree->count--;
    loam_btree_touched_(tree);
    loam_btree_leaf_cut_(l, leaf, index);
    return true;
}

/* ---- cursors ---- */

/** A stale cursor ends the program. */
LOAM_NORETURN LOAM_COLD void loam_btree_cursor_stale_(const loam_btree_cursor *cursor);

/** Stops a checked build at a cursor that is older than the last change of its tree. */
LOAM_INLINE void loam_btree_cursor_require_(const loam_btree_cursor *cursor)
{
    if (LOAM_CHECKS && LOAM_UNLIKELY(cursor->epoch != cursor->tree->epoch))
        loam_btree_cursor_stale_(cursor);
}

/** Sets a cursor that is behind the last entry of its leaf before the first one of the next leaf. False
 * iff there is none. */
bool loam_btree_cursor_climb_next_(loam_btree_cursor *cursor);
/** Sets a cursor that is before the first entry of its leaf behind the last one of the previous leaf. False
 * iff there is none. */
bool loam_btree_cursor_climb_prev_(loam_btree_cursor *cursor);

/** Sets a cursor to where `key` is or would be: before the first entry that is not before it, or behind
 * the last that is not behind it (`upto`). It may stand at the end of a leaf although there is a next one.
 * Where keys are compared and the tree is no multimap it returns whether the cursor is before the entry that has
 * the key; else false. */
LOAM_INLINE bool loam_btree_seek_(loam_btree_cursor *cursor, const loam_btree *tree,
                                  const loam_btree_layout *l, int how,
                                  loam_btree_compare_fn compare, const void *key, bool upto)
{
    loam_btree_node *node = tree->root;
    bool multi = (tree->flags & LOAM_BTREE_MULTI_) != 0;
    bool passes = !multi && loam_btree_is_compared_(l, how);
    int order = -1;

    cursor->tree = (loam_btree *)(uintptr_t)tree;
    cursor->epoch = tree->epoch;
    cursor->leaf = node;
    cursor->index = 0;
    if (!node)
        return false;
    for (size_t level = tree->height - 1; level > 0; level--) {
        size_t index;

        if (passes)
            index = loam_btree_pass_(tree, l, how, compare, node, 0, key, &order);
        else if (upto || LOAM_LIKELY(!multi))
            index = loam_btree_rank_(tree, l, how, compare, node, l->inner_cap, key, true);
        else
            index =
                tree->below(tree, loam_btree_key_at_(l, node, 0), l->inner_cap, node->count, key);
        cursor->path[level - 1].node = node;
        cursor->path[level - 1].index = index;
        node = loam_btree_children_(l, node)[index];
        loam_btree_ask_at_level_(tree, l, how, node, level - 1);
    }
    cursor->leaf = node;
    if (!passes) {
        cursor->index = loam_btree_rank_(tree, l, how, compare, node, l->leaf_cap, key, upto);
        return false;
    }
    cursor->index = loam_btree_pass_(tree, l, how, compare, node, order >= 0, key, &order);
    if (upto || order != 0)
        return false;
    cursor->index--;
    return true;
}

/** loam_btree_cursor_seek_lower(). */
LOAM_INLINE bool loam_btree_seek_lower_(loam_btree_cursor *cursor, const loam_btree *tree,
                                        const loam_btree_layout *l, int how,
                                        loam_btree_compare_fn compare, const void *key)
{
    bool found = loam_btree_seek_(cursor, tree, l, how, compare, key, false);
    bool multi = (tree->flags & LOAM_BTREE_MULTI_) != 0;

    if (!cursor->leaf || (loam_btree_is_compared_(l, how) && !multi))
        return found;
    if (LOAM_UNLIKELY(cursor->index == cursor->leaf->count)) {
        if (!multi || !loam_btree_cursor_climb_next_(cursor))
            return false;
    }
    return loam_btree_equal_(tree, how, compare, key,
                             loam_btree_key_at_(l, cursor->leaf, cursor->index));
}

/** Steps over what is left of a leaf at once: returns the next entry, and how many follow it side by side,
 * itself included, in `*count`. No entry at the end. */
LOAM_INLINE loam_btree_entry loam_btree_run_(loam_btree_cursor *cursor, const loam_btree_layout *l,
                                             size_t *count)
{
    loam_btree_entry entry;

    *count = 0;
    loam_btree_cursor_require_(cursor);
    if (!cursor->leaf ||
        (cursor->index >= cursor->leaf->count && !loam_btree_cursor_climb_next_(cursor)))
        return loam_btree_no_entry_();
    entry = loam_btree_entry_at_(l, cursor->leaf, cursor->index);
    *count = cursor->leaf->count - cursor->index;
    cursor->index = cursor->leaf->count;
    return entry;
}

/** loam_btree_cursor_next(). */
LOAM_INLINE loam_btree_entry loam_btree_cursor_next_(loam_btree_cursor *cursor,
                                                     const loam_btree_layout *l)
{
    loam_btree_cursor_require_(cursor);
    if (LOAM_UNLIKELY(!cursor->leaf || cursor->index >= cursor->leaf->count) &&
        !loam_btree_cursor_climb_next_(cursor))
        return loam_btree_no_entry_();
    return loam_btree_entry_at_(l, cursor->leaf, cursor->index++);
}

LOAM_INLINE loam_btree_entry loam_btree_cursor_prev_(loam_btree_cursor *cursor,
                                                     const loam_btree_layout *l)
{
    loam_btree_cursor_require_(cursor);
    if (LOAM_UNLIKELY(cursor->index == 0) && !loam_btree_cursor_climb_prev_(cursor))
        return loam_btree_no_entry_();
    return loam_btree_entry_at_(l, cursor->leaf, --cursor->index);
}

LOAM_END_DECLS

#endif
