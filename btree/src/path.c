/* path.c: paths from the root to a gap in a leaf, which cursors are.
 */
#include "btree_internal.h"

void loam_btree_path_seek(loam_btree_cursor *path, const loam_btree *tree, const void *key,
                          bool upto)
{
    const loam_btree_layout *l = &tree->layout;
    bool right = upto || (tree->flags & LOAM_BTREE_MULTI_) == 0;
    loam_btree_node *node = tree->root;

    path->tree = (loam_btree *)(uintptr_t)tree;
    path->epoch = tree->epoch;
    path->leaf = node;
    path->index = 0;
    if (!node)
        return;
    for (size_t level = tree->height - 1; level > 0; level--) {
        size_t index = loam_btree_rank_(tree, l, LOAM_BTREE_BY_POINTER_, NULL, node, key, right);

        path->path[level - 1].node = node;
        path->path[level - 1].index = index;
        node = loam_btree_children_(l, node)[index];
    }
    path->leaf = node;
    path->index = loam_btree_rank_(tree, l, LOAM_BTREE_BY_POINTER_, NULL, node, key, upto);
}

bool loam_btree_path_find(loam_btree_cursor *path, const loam_btree *tree, const void *key)
{
    loam_btree_path_seek(path, tree, key, false);
    if (!path->leaf)
        return false;
    if (path->index == path->leaf->count) {
        if ((tree->flags & LOAM_BTREE_MULTI_) == 0 || !loam_btree_cursor_climb_next_(path))
            return false;
    }
    return tree->compare(tree->context, key,
                         loam_btree_key_at_(&tree->layout, path->leaf, path->index)) == 0;
}

void loam_btree_path_add(loam_btree_cursor *path, size_t n)
{
    const loam_btree *tree = path->tree;

    if ((tree->flags & LOAM_BTREE_COUNTED_) == 0)
        return;
    for (size_t level = 1; level < tree->height; level++) {
        const loam_btree_step *step = &path->path[level - 1];

        loam_btree_counts_(&tree->layout, step->node)[step->index] += n;
    }
}

void loam_btree_path_separator(loam_btree_cursor *path)
{
    const loam_btree *tree = path->tree;
    const loam_btree_layout *l = &tree->layout;

    for (size_t level = 1; level < tree->height; level++) {
        const loam_btree_step *step = &path->path[level - 1];

        if (step->index > 0) {
            memcpy(loam_btree_key_at_(l, step->node, step->index - 1),
                   loam_btree_key_at_(l, path->leaf, 0), l->key_size);
            return;
        }
    }
}

void loam_btree_path_descend(loam_btree_cursor *path, size_t level, bool last)
{
    const loam_btree_layout *l = &path->tree->layout;
    loam_btree_node *node =
        loam_btree_children_(l, path->path[level - 1].node)[path->path[level - 1].index];

    while (--level > 0) {
        loam_btree_step *step = &path->path[level - 1];

        step->node = node;
        step->index = last ? node->count : 0;
        node = loam_btree_children_(l, node)[step->index];
    }
    path->leaf = node;
    path->index = last ? node->count : 0;
}

bool loam_btree_cursor_climb_next_(loam_btree_cursor *cursor)
{
    for (size_t level = 1; level < cursor->tree->height; level++) {
        loam_btree_step *step = &cursor->path[level - 1];

        if (step->index < step->node->count) {
            step->index++;
            loam_btree_path_descend(cursor, level, false);
            return true;
        }
    }
    return false;
}

bool loam_btree_cursor_climb_prev_(loam_btree_cursor *cursor)
{
    for (size_t level = 1; level < cursor->tree->height; level++) {
        loam_btree_step *step = &cursor->path[level - 1];

        if (step->index > 0) {
            step->index--;
            loam_btree_path_descend(cursor, level, true);
            return true;
        }
    }
    return false;
}
