/* seam.c: where trees are cut and put together: mending along a cut, and hanging a tree into another
 * one's edge.
 */
#include "whole.h"

/* Makes a node of the path the tree's own; the one above it is. False iff a copy is refused. */
static bool own(loam_btree_cursor *path, size_t level)
{
    loam_btree *tree = path->tree;
    loam_btree_node *node;

    if (level + 1 == tree->height) {
        node = loam_btree_node_own(tree, tree->root);
        if (node)
            tree->root = node;
    } else {
        node = loam_btree_child_own(tree, path->path[level].node, path->path[level].index);
    }
    if (!node)
        return false;
    if (level)
        path->path[level - 1].node = node;
    else
        path->leaf = node;
    return true;
}

/* From the top down, since only a node whose parent has two children has a neighbour to be mended with.
 * What a merge takes from the nodes above is mended at once. */
void loam_btree_seam_mend(loam_btree_cursor *path)
{
    loam_btree *tree = path->tree;

    for (size_t level = tree->height; level-- > 0;) {
        if (level >= tree->height)
            continue;
        if (!own(path, level))
            return;
        (void)loam_btree_path_mend(path, level);
    }
}

/* ---- joining ---- */

/* A joint: the root of `small` becomes a child of the node path[level - 1] of `big`, at its edge. */
typedef struct joint {
    loam_btree *big;
    loam_btree *small;
    bool front;
    size_t level; /* The height of `small`. */
    size_t full;  /* Levels from there up whose node of the path has no room. */
    bool higher;  /* A new root is needed. */
    loam_btree_cursor path;
    loam_btree_stock stock;
} joint;

/* Splits the full inner node path[level - 1] in halves; the one above it has room. */
static void halve(joint *j, size_t level)
{
    size_t count = j->path.path[level - 1].node->count;

    loam_btree_path_split(&j->path, level, loam_btree_stock_inner(&j->stock, (unsigned)level),
                          (count + 1) / 2);
}

static const void *first_key(const loam_btree *tree)
{
    return loam_btree_key_at_(&tree->layout, loam_btree_node_first_leaf(tree, tree->root), 0);
}

/* Puts the small root beside the outermost child of the node that is to be its parent, and the path through
 * it. */
static void hang(joint *j)
{
    loam_btree *tree = j->big;
    const loam_btree_layout *l = &tree->layout;
    loam_btree_step *step = &j->path.path[j->level - 1];
    bool counted = (tree->flags & LOAM_BTREE_COUNTED_) != 0;

    if (j->front) {
        loam_btree_inner_put(tree, step->node, 0,
                             loam_btree_key_at_(l, loam_btree_node_first_leaf(tree, step->node), 0),
                             loam_btree_children_(l, step->node)[0],
                             counted ? loam_btree_counts_(l, step->node)[0] : 0);
        loam_btree_children_(l, step->node)[0] = j->small->root;
        if (counted)
            loam_btree_counts_(l, step->node)[0] = j->small->count;
    } else {
        loam_btree_inner_put(tree, step->node, step->index, first_key(j->small), j->small->root,
                             j->small->count);
        step->index++;
    }
    if (counted) {
        for (size_t level = j->level + 1; level < tree->height; level++)
            loam_btree_counts_(l, j->path.path[level - 1].node)[j->path.path[level - 1].index] +=
                j->small->count;
    }
}

/* Takes what is needed, and makes the nodes that change the trees' own. False iff it can't be had; then
 * nothing changed that can be seen. */
static bool prepare(joint *j)
{
    loam_btree *big = j->big;
    loam_btree_node *root;

    if (j->front)
        loam_btree_cursor_seek_first(&j->path, big);
    else
        loam_btree_cursor_seek_last(&j->path, big);
    j->level = j->small->height;
    while (j->level + j->full < big->height &&
           j->path.path[j->level + j->full - 1].node->count >= big->layout.inner_cap)
        j->full++;
    j->higher = j->level + j->full == big->height;
    if (j->higher && big->height == LOAM_BTREE_MAX_HEIGHT)
        return false;
    root = loam_btree_node_own(j->small, j->small->root); /* Its cursors are stale then. */
    if (!root)
        return false;
    j->small->root = root;
    return loam_btree_path_own_(&j->path) &&
           loam_btree_stock_take(big, &j->stock, false, j->full + j->higher);
}

bool loam_btree_seam_join(loam_btree *big, loam_btree *small, bool front)
{
    joint j = {.big = big, .small = small, .front = front};
    uint32_t shares = small->flags & LOAM_BTREE_SHARES_;
    bool level_with = small->height == big->height;
    loam_btree_step *step;

    if (!prepare(&j))
        return false;
    if (j.higher)
        loam_btree_path_raise(&j.path, &j.stock);
    for (size_t level = j.level + j.full; level-- > j.level;)
        halve(&j, level);
    hang(&j);
    big->count += small->count;
    big->flags |= shares;
    small->root = NULL;
    small->height = 0;
    small->count = 0;
    small->flags &= ~LOAM_BTREE_SHARES_;
    /* The old roots may have less than other nodes. */
    step = &j.path.path[j.level - 1];
    loam_btree_path_descend(&j.path, j.level, !front);
    (void)loam_btree_path_mend(&j.path, j.level - 1);
    if (level_with && big->height > j.level) {
        step->index = front ? step->node->count : 0;
        loam_btree_path_descend(&j.path, j.level, front);
        (void)loam_btree_path_mend(&j.path, j.level - 1);
    }
    loam_btree_changed_(big);
    loam_btree_changed_(small);
    return true;
}
