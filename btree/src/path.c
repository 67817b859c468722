/* path.c: paths from the root to a gap in a leaf, which cursors are.
 */
#include "btree_internal.h"

void loam_btree_path_seek(loam_btree_cursor *path, const loam_btree *tree, const void *key,
                          bool upto)
{
    loam_btree_seek_(path, tree, &tree->layout, LOAM_BTREE_BY_POINTER_, NULL, key, upto);
}

bool loam_btree_path_find(loam_btree_cursor *path, const loam_btree *tree, const void *key)
{
    return loam_btree_seek_lower_(path, tree, &tree->layout, LOAM_BTREE_BY_POINTER_, NULL, key);
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
