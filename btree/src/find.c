/* find.c: looking for entries.
 */
#include "btree_internal.h"

loam_btree_entry loam_btree_get(const loam_btree *tree, const void *key)
{
    loam_btree_cursor path;

    if (LOAM_LIKELY((tree->flags & LOAM_BTREE_MULTI_) == 0))
        return loam_btree_get_(tree, &tree->layout, LOAM_BTREE_BY_POINTER_, NULL, key);
    if (loam_btree_path_find(&path, tree, key))
        return loam_btree_entry_at_(&tree->layout, path.leaf, path.index);
    return loam_btree_no_entry_();
}

void *loam_btree_find(const loam_btree *tree, const void *key)
{
    return loam_btree_get(tree, key).value;
}

bool loam_btree_contains(const loam_btree *tree, const void *key)
{
    return loam_btree_get(tree, key).key != NULL;
}

/* The entry behind a path. */
static loam_btree_entry behind(loam_btree_cursor *path)
{
    if (!path->leaf || (path->index >= path->leaf->count && !loam_btree_cursor_climb_next_(path)))
        return loam_btree_no_entry_();
    return loam_btree_entry_at_(&path->tree->layout, path->leaf, path->index);
}

loam_btree_entry loam_btree_bound_slow_(const loam_btree *tree, const void *key, bool upto)
{
    loam_btree_cursor path;

    loam_btree_path_seek(&path, tree, key, upto);
    return behind(&path);
}

loam_btree_entry loam_btree_lower_bound(const loam_btree *tree, const void *key)
{
    return loam_btree_bound_(tree, &tree->layout, LOAM_BTREE_BY_POINTER_, NULL, key, false);
}

loam_btree_entry loam_btree_upper_bound(const loam_btree *tree, const void *key)
{
    return loam_btree_bound_(tree, &tree->layout, LOAM_BTREE_BY_POINTER_, NULL, key, true);
}

/* The entry before the first one that is not before the key, or that is behind it. */
static loam_btree_entry last_before(const loam_btree *tree, const void *key, bool upto)
{
    loam_btree_cursor path;

    loam_btree_path_seek(&path, tree, key, upto);
    return loam_btree_cursor_prev_(&path, &tree->layout);
}

loam_btree_entry loam_btree_last_before(const loam_btree *tree, const void *key)
{
    return last_before(tree, key, false);
}

loam_btree_entry loam_btree_last_upto(const loam_btree *tree, const void *key)
{
    return last_before(tree, key, true);
}

loam_btree_entry loam_btree_first(const loam_btree *tree)
{
    if (!tree->root)
        return loam_btree_no_entry_();
    return loam_btree_entry_at_(&tree->layout, loam_btree_node_first_leaf(tree, tree->root), 0);
}

loam_btree_entry loam_btree_last(const loam_btree *tree)
{
    loam_btree_node *node = tree->root;

    if (!node)
        return loam_btree_no_entry_();
    while (node->level)
        node = loam_btree_children_(&tree->layout, node)[node->count];
    return loam_btree_entry_at_(&tree->layout, node, node->count - 1u);
}
