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

/* Asks for the head of a leaf and for its values. Its keys are not asked for: they take as many lines again, or
 * twice as many, a loop over values does not need them, and for one that does they come in order.
 */
LOAM_INLINE void ask_for_leaf(const loam_btree_layout *l, const loam_btree_node *leaf)
{
    const size_t most = 1024;
    size_t from = l->leaf_values & ~(size_t)63;

    loam_btree_prefetch_(leaf);
    for (size_t at = from; at < l->leaf_bytes && at < from + most; at += 64)
        loam_btree_prefetch_((const char *)leaf + at);
}

/* Asks for the two leaves behind that of a path, unless the tree is so low that a cache holds it. One is not
 * enough: a leaf is read in less time than it takes to come. That it was asked for before, as the second one, costs
 * nothing. */
LOAM_INLINE void ask_for_next(const loam_btree_cursor *path)
{
    enum { LOW = 2 }; /* levels: some thousand entries of 16 bytes */
    const loam_btree_layout *l = &path->tree->layout;
    const loam_btree_step *step = &path->path[0];

    if (path->tree->height <= LOW)
        return;
    if (step->index < step->node->count)
        ask_for_leaf(l, loam_btree_children_(l, step->node)[step->index + 1]);
    if (step->index + 1 < step->node->count)
        ask_for_leaf(l, loam_btree_children_(l, step->node)[step->index + 2]);
}

bool loam_btree_cursor_climb_next_(loam_btree_cursor *cursor)
{
    for (size_t level = 1; level < cursor->tree->height; level++) {
        loam_btree_step *step = &cursor->path[level - 1];

        if (step->index < step->node->count) {
            step->index++;
            loam_btree_path_descend(cursor, level, false);
            ask_for_next(cursor);
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
