/** @file loam/btree_path.h
 * Changes that need the way from the root, shared by the archive and every typed face of loam/btree.h as
 * loam/btree_core.h is: in multimaps, in trees with order statistics, in trees that share nodes, and at the
 * front of trees that grow there. Nothing here is for use by programs.
 *
 * A path is a cursor. The search notes it, so that what follows need not search again: counts are added along
 * it once it is known that an entry comes or goes, and what is rare (a full leaf, a shared node, a leaf that
 * gets too empty) is handed to the archive with the path.
 *
 * While keys ascend, `tail` is the last leaf; while they descend, it is the first one, and
 * `LOAM_BTREE_FRONT_` says so. That is a flag so that loam_btree_put_(), which looks at the flags anyway,
 * need not look at one thing more.
 */
#ifndef LOAM_BTREE_PATH_H
#define LOAM_BTREE_PATH_H

#include <loam/btree_core.h>

LOAM_BEGIN_DECLS

/* ---- what the archive does with a path: insert.c, erase.c, share.c ---- */

/** Puts an entry into the gap that the path stands in, and leaves the path before it. The tree may be
 * empty. Rotates or splits as needed; order is the caller's. NULL iff the memory can't be had; then nothing
 * changed that can be seen. */
void *loam_btree_path_put_(loam_btree_cursor *path, const void *key, const void *value);

/** Takes the entry that the path stands before out, and mends the tree; the path then stands in the gap,
 * in which leaf so ever. False iff a copy is refused (in a tree that shares); then nothing changed. */
bool loam_btree_path_cut_(loam_btree_cursor *path);

/** Makes all nodes of a path the tree's own, from the root down. False iff the memory can't be had;
 * then some of them are, which nobody can see, and the path is valid. Needed before any change along the
 * path; does nothing unless the tree shares. */
bool loam_btree_path_own_(loam_btree_cursor *path);

/** The path stands before an entry with the key: does with it what a mode does. NULL iff a copy is refused. */
void *loam_btree_path_meet_(loam_btree_cursor *path, const void *key, const void *value,
                            loam_btree_mode_ mode);

/* ---- paths ---- */

/** Orders a key and one of the tree. Numbers that have no order are equal. */
LOAM_INLINE int loam_btree_order_(const loam_btree *tree, int how, loam_btree_compare_fn compare,
                                  const void *key, const void *other)
{
#define LOAM_BTREE_ORDER_(load) (load(key) > load(other)) - (load(key) < load(other))
    switch (how) {
    case LOAM_BTREE_U32:
        return LOAM_BTREE_ORDER_(loam_btree_load_u32_);
    case LOAM_BTREE_I32:
        return LOAM_BTREE_ORDER_(loam_btree_load_i32_);
    case LOAM_BTREE_U64:
        return LOAM_BTREE_ORDER_(loam_btree_load_u64_);
    case LOAM_BTREE_I64:
        return LOAM_BTREE_ORDER_(loam_btree_load_i64_);
    case LOAM_BTREE_F32:
        return LOAM_BTREE_ORDER_(loam_btree_load_f32_);
    case LOAM_BTREE_F64:
        return LOAM_BTREE_ORDER_(loam_btree_load_f64_);
    case LOAM_BTREE_TEXT:
        return loam_btree_text_compare_((const loam_btree_text *)key,
                                        (const loam_btree_text *)other);
    case LOAM_BTREE_COMPARED:
        return compare(tree->context, key, other);
    default:
        return tree->compare(tree->context, key, other);
    }
#undef LOAM_BTREE_ORDER_
}

/** Sets a path to where `key` is or would be: before the first entry that is not before it, or behind the last
 * that is not behind it (`upto`). It may stand at the end of a leaf although there is a next one. */
LOAM_INLINE void loam_btree_path_to_(loam_btree_cursor *path, const loam_btree *tree,
                                     const loam_btree_layout *l, int how,
                                     loam_btree_compare_fn compare, const void *key, bool upto)
{
    loam_btree_node *node = tree->root;
    bool right = upto || (tree->flags & LOAM_BTREE_MULTI_) == 0;

    path->tree = (loam_btree *)(uintptr_t)tree;
    path->epoch = tree->epoch;
    path->leaf = node;
    path->index = 0;
    if (!node)
        return;
    for (size_t level = tree->height - 1; level > 0; level--) {
        size_t index =
            right ? loam_btree_rank_(tree, l, how, compare, node, l->inner_cap, key, true)
                  : loam_btree_rank_(tree, l, how, compare, node, l->inner_cap, key, false);

        path->path[level - 1].node = node;
        path->path[level - 1].index = index;
        node = loam_btree_children_(l, node)[index];
        loam_btree_ask_at_level_(tree, l, how, node, level - 1);
    }
    path->leaf = node;
    path->index = upto ? loam_btree_rank_(tree, l, how, compare, node, l->leaf_cap, key, true)
                       : loam_btree_rank_(tree, l, how, compare, node, l->leaf_cap, key, false);
}

/** Whether the entry behind a path, which was set without `upto`, has the key. */
LOAM_INLINE bool loam_btree_path_at_(loam_btree_cursor *path, const loam_btree_layout *l, int how,
                                     loam_btree_compare_fn compare, const void *key)
{
    const loam_btree *tree = path->tree;

    if (!path->leaf)
        return false;
    if (LOAM_UNLIKELY(path->index >= path->leaf->count) &&
        ((tree->flags & LOAM_BTREE_MULTI_) == 0 || !loam_btree_cursor_climb_next_(path)))
        return false;
    return loam_btree_equal_(tree, how, compare, key,
                             loam_btree_key_at_(l, path->leaf, path->index));
}

/** Whether what is wanted, the first place that is not before a key, lies between two keys of a node for sure:
 * neither before the first nor behind the last, of which an inner node's have children on both sides. */
LOAM_INLINE bool loam_btree_path_covers_(const loam_btree_cursor *path, const loam_btree_layout *l,
                                         int how, loam_btree_compare_fn compare,
                                         const loam_btree_node *node, const void *key)
{
    const loam_btree *tree = path->tree;
    int least = tree->flags & LOAM_BTREE_MULTI_ ? 1 : 0; /* Equals may stand before the first. */
    size_t inner = node->level > 0;

    return node->count > inner &&
           loam_btree_order_(tree, how, compare, key, loam_btree_key_at_(l, node, 0)) >= least &&
           loam_btree_order_(tree, how, compare, key,
                             loam_btree_key_at_(l, node, node->count - 1u)) < (inner ? 0 : 1);
}

/** loam_btree_cursor_seek_near(): climbs until a node has the place below it, and goes down from there. */
LOAM_INLINE bool loam_btree_seek_near_(loam_btree_cursor *path, const loam_btree_layout *l, int how,
                                       loam_btree_compare_fn compare, const void *key)
{
    const loam_btree *tree = path->tree;
    loam_btree_node *node = path->leaf;
    size_t level = 0;

    loam_btree_cursor_require_(path);
    if (!node)
        return false;
    while (level + 1 < tree->height && !loam_btree_path_covers_(path, l, how, compare, node, key))
        node = path->path[level++].node;
    for (; level > 0; level--) {
        size_t index = tree->flags & LOAM_BTREE_MULTI_
                           ? loam_btree_rank_(tree, l, how, compare, node, l->inner_cap, key, false)
                           : loam_btree_rank_(tree, l, how, compare, node, l->inner_cap, key, true);

        path->path[level - 1].node = node;
        path->path[level - 1].index = index;
        node = loam_btree_children_(l, node)[index];
    }
    path->leaf = node;
    path->index = loam_btree_rank_(tree, l, how, compare, node, l->leaf_cap, key, false);
    return loam_btree_path_at_(path, l, how, compare, key);
}

/** Adds `n` (which may be a negative number) to the counts along a path, with order statistics. */
LOAM_INLINE void loam_btree_path_count_(const loam_btree_cursor *path, const loam_btree_layout *l,
                                        size_t n)
{
    const loam_btree *tree = path->tree;

    if ((tree->flags & LOAM_BTREE_COUNTED_) == 0)
        return;
    for (uint32_t level = 1; level < tree->height; level++) {
        const loam_btree_step *step = &path->path[level - 1];

        /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): a path has all levels of its tree */
        loam_btree_counts_(l, step->node)[step->index] += n;
    }
}

/* ---- looking, in multimaps ---- */

/** loam_btree_get() of any tree. */
LOAM_INLINE loam_btree_entry loam_btree_get_path_(const loam_btree *tree,
                                                  const loam_btree_layout *l, int how,
                                                  loam_btree_compare_fn compare, const void *key)
{
    loam_btree_cursor path;

    loam_btree_path_to_(&path, tree, l, how, compare, key, false);
    if (!loam_btree_path_at_(&path, l, how, compare, key))
        return loam_btree_no_entry_();
    return loam_btree_entry_at_(l, path.leaf, path.index);
}

/** loam_btree_lower_bound(), or with `upto` loam_btree_upper_bound(), of any tree. */
LOAM_INLINE loam_btree_entry loam_btree_bound_path_(const loam_btree *tree,
                                                    const loam_btree_layout *l, int how,
                                                    loam_btree_compare_fn compare, const void *key,
                                                    bool upto)
{
    loam_btree_cursor path;

    loam_btree_path_to_(&path, tree, l, how, compare, key, upto);
    if (!path.leaf ||
        (LOAM_UNLIKELY(path.index >= path.leaf->count) && !loam_btree_cursor_climb_next_(&path)))
        return loam_btree_no_entry_();
    return loam_btree_entry_at_(l, path.leaf, path.index);
}

/* ---- at the ends ---- */

/** Adds one to the counts of all first children, or of all last ones. */
LOAM_INLINE void loam_btree_end_count_(const loam_btree *tree, const loam_btree_layout *l,
                                       bool front)
{
    const loam_btree_node *node = tree->root;

    if ((tree->flags & LOAM_BTREE_COUNTED_) == 0)
        return;
    for (uint32_t level = tree->height; level > 1; level--) {
        size_t index = front ? 0 : node->count;

        loam_btree_counts_(l, node)[index]++;
        node = loam_btree_children_(l, node)[index];
    }
}

/** Puts an entry behind the last one, or before the first, if that leaf is at hand and has room, and the key
 * belongs there; with `behind` also if it equals the last one. NULL iff not; then no leaf is at hand any
 * more. */
LOAM_INLINE void *loam_btree_put_at_end_(loam_btree *tree, const loam_btree_layout *l, int how,
                                         loam_btree_compare_fn compare, const void *key,
                                         const void *value, bool behind, bool *added)
{
    loam_btree_node *leaf = tree->tail;
    bool front = (tree->flags & LOAM_BTREE_FRONT_) != 0;
    size_t count = leaf->count;

    if (LOAM_LIKELY(count < l->leaf_cap)) {
        const void *end = loam_btree_key_at_(l, leaf, front ? 0 : count - 1);
        int order = loam_btree_order_(tree, how, compare, key, end);

        if (front ? order < 0 : order > 0 || (behind && order == 0)) {
            loam_btree_end_count_(tree, l, front);
            return loam_btree_put_here_(tree, l, leaf, front ? 0 : count, front ? count : 0, key,
                                        value, added);
        }
    }
    loam_btree_let_go_(tree);
    return NULL;
}

/* ---- changes ---- */

/** loam_btree_insert(), loam_btree_upsert() and, with nothing to copy out, loam_btree_replace() of any
 * tree. */
LOAM_INLINE void *loam_btree_put_path_(loam_btree *tree, const loam_btree_layout *l, int how,
                                       loam_btree_compare_fn compare, const void *key,
                                       const void *value, loam_btree_mode_ mode, bool *added)
{
    /* Where a key is not found it belongs. In a multimap a new entry comes behind its equals. */
    bool behind = mode == LOAM_BTREE_INSERT_ && (tree->flags & LOAM_BTREE_MULTI_) != 0;
    loam_btree_cursor path;
    void *at;

    if (tree->tail &&
        (at = loam_btree_put_at_end_(tree, l, how, compare, key, value, behind, added)) != NULL)
        return at;
    loam_btree_path_to_(&path, tree, l, how, compare, key, behind);
    if (!behind && loam_btree_path_at_(&path, l, how, compare, key)) {
        at = mode == LOAM_BTREE_INSERT_ ? loam_btree_value_at_(l, path.leaf, path.index)
                                        : loam_btree_path_meet_(&path, key, value, mode);
        if (added && at)
            *added = false;
        return at;
    }
    if (LOAM_LIKELY(path.leaf && path.index > 0 && path.leaf->count < l->leaf_cap)) {
        if ((tree->flags & LOAM_BTREE_SHARES_) && !loam_btree_path_own_(&path))
            return NULL;
        loam_btree_path_count_(&path, l, 1);
        return loam_btree_put_here_(tree, l, path.leaf, path.index,
                                    (uint16_t)(path.leaf->count - path.index), key, value, added);
    }
    at = loam_btree_path_put_(&path, key, value);
    if (added && at)
        *added = true;
    return at;
}

/** loam_btree_take() of any tree. */
LOAM_INLINE bool loam_btree_take_path_(loam_btree *tree, const loam_btree_layout *l, int how,
                                       loam_btree_compare_fn compare, const void *key,
                                       void *old_key, void *old_value)
{
    loam_btree_cursor path;

    if (tree->flags & LOAM_BTREE_FRONT_)
        loam_btree_let_go_(tree);
    loam_btree_path_to_(&path, tree, l, how, compare, key, false);
    if (!loam_btree_path_at_(&path, l, how, compare, key) ||
        ((tree->flags & LOAM_BTREE_SHARES_) && !loam_btree_path_own_(&path)))
        return false;
    if (old_key)
        memcpy(old_key, loam_btree_key_at_(l, path.leaf, path.index), l->key_size);
    if (old_value && l->value_size)
        memcpy(old_value, loam_btree_value_at_(l, path.leaf, path.index), l->value_size);
    if (LOAM_UNLIKELY(path.index == 0 || path.leaf->count <= loam_btree_leaf_min_(l)))
        return loam_btree_path_cut_(&path);
    loam_btree_path_count_(&path, l, (size_t)-1);
    tree->count--;
    loam_btree_touched_(tree);
    loam_btree_leaf_cut_(l, path.leaf, path.index);
    return true;
}

/** The rare half of loam_btree_replace(): what `slow` does, or where something is copied out, the archive. */
LOAM_INLINE void *loam_btree_replace_slow_(loam_btree *tree, const void *key, const void *value,
                                           void *old_key, void *old_value, bool *added,
                                           loam_btree_put_fn_ slow)
{
    if (old_key || old_value)
        return (loam_btree_replace)(tree, key, value, old_key, old_value, added);
    return slow(tree, key, value, LOAM_BTREE_REPLACE_, added);
}

/** loam_btree_replace(). `slow` is as for loam_btree_put_(). */
LOAM_INLINE void *loam_btree_replace_(loam_btree *tree, const loam_btree_layout *l, int how,
                                      loam_btree_compare_fn compare, const void *key,
                                      const void *value, void *old_key, void *old_value,
                                      bool *added, loam_btree_put_fn_ slow)
{
    loam_btree_node *leaf;
    size_t index;
    void *at;

    if (LOAM_UNLIKELY(tree->height == 0 || tree->flags != 0))
        return loam_btree_replace_slow_(tree, key, value, old_key, old_value, added, slow);
    leaf = loam_btree_descend_(tree, l, how, compare, key);
    index = loam_btree_rank_(tree, l, how, compare, leaf, l->leaf_cap, key, false);
    /* The first key of a leaf is a separator, too. */
    if (LOAM_UNLIKELY(
            index == 0 || index >= leaf->count ||
            !loam_btree_equal_(tree, how, compare, key, loam_btree_key_at_(l, leaf, index)))) {
        if (index == 0 || leaf->count >= l->leaf_cap)
            return loam_btree_replace_slow_(tree, key, value, old_key, old_value, added, slow);
        return loam_btree_put_here_(tree, l, leaf, index, (uint16_t)(leaf->count - index), key,
                                    value, added);
    }
    at = loam_btree_value_at_(l, leaf, index);
    if (old_key)
        memcpy(old_key, loam_btree_key_at_(l, leaf, index), l->key_size);
    if (old_value && l->value_size)
        memcpy(old_value, at, l->value_size);
    loam_btree_copy_(loam_btree_key_at_(l, leaf, index), key, l->key_size);
    if (l->value_size && value)
        loam_btree_copy_(at, value, l->value_size);
    else if (l->value_size)
        memset(at, 0, l->value_size);
    if (added)
        *added = false;
    loam_btree_touched_(tree);
    return at;
}

LOAM_END_DECLS

#endif
