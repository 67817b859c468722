/* split.c: a tree becomes two.
 *
 * Each node of the path is cut where the path goes through, and what is right of it goes to a new node.
 * All of those are taken first. Nodes that are left with nothing are given back, and what has become too
 * empty along both sides of the cut is mended.
 */
#include "whole.h"

typedef struct cutter {
    loam_btree *tree;
    loam_btree_stock stock;
    loam_btree_node *left; /* What the last node that was cut left on either side; NULL: nothing. */
    loam_btree_node *right;
} cutter;

static void cut_leaf(cutter *c, loam_btree_node *leaf, size_t index)
{
    const loam_btree_layout *l = &c->tree->layout;
    size_t move = leaf->count - index;

    c->left = leaf;
    c->right = c->stock.leaf;
    if (move == 0) {
        loam_btree_node_give(c->tree, c->right);
        c->right = NULL;
        return;
    }
    loam_btree_leaf_move(l, c->right, 0, leaf, index, move);
    c->right->count = (uint16_t)move;
    loam_btree_shorten_(l, leaf, index);
    if (index == 0) {
        loam_btree_node_give(c->tree, leaf);
        c->left = NULL;
    }
}

/* Cuts an inner node; its child `index` was cut before. */
static void cut_inner(cutter *c, loam_btree_node *node, size_t index)
{
    loam_btree *tree = c->tree;
    const loam_btree_layout *l = &tree->layout;
    bool counted = (tree->flags & LOAM_BTREE_COUNTED_) != 0;
    loam_btree_node *right = loam_btree_stock_inner(&c->stock, node->level);
    size_t shift = c->right ? 1 : 0; /* Its first child is what was cut off below. */
    size_t move = node->count - index + shift;
    size_t keep = index + (c->left ? 1 : 0);

    if (move == 0) {
        loam_btree_node_give(tree, right);
        right = NULL;
    } else {
        loam_btree_keys_move(l, right, 0, node, index + 1 - shift, move - 1);
        loam_btree_children_move(tree, right, shift, node, index + 1, move - shift);
        right->count = (uint16_t)(move - 1);
        if (shift)
            loam_btree_children_(l, right)[0] = c->right;
        if (shift && counted)
            loam_btree_counts_(l, right)[0] = loam_btree_node_entries(tree, c->right);
    }
    if (keep == 0) {
        loam_btree_node_give(tree, node);
        node = NULL;
    } else {
        loam_btree_shorten_(l, node, keep - 1);
        if (c->left && counted)
            loam_btree_counts_(l, node)[index] = loam_btree_node_entries(tree, c->left);
    }
    c->left = node;
    c->right = right;
}

/* ---- counting both parts ---- */

/* Entries below the parent of a path's leaf, whose leaves are fetched all at once. */
static size_t entries_around(const loam_btree_cursor *path)
{
    const loam_btree_node *parent = path->path[0].node;

    if (path->tree->height == 1)
        return path->leaf->count;
    return loam_btree_children_entries(path->tree, parent, 0, (size_t)parent->count + 1);
}

/* Goes on to the next parent of leaves in a direction. False iff there is none. */
static bool climb(loam_btree_cursor *path, bool forth)
{
    if (path->tree->height == 1)
        return false;
    path->path[0].index = forth ? path->path[0].node->count : 0;
    return forth ? loam_btree_cursor_climb_next_(path) : loam_btree_cursor_climb_prev_(path);
}

/* The entries of a tree that was cut, and of its right part, which have no counts: both are counted from the cut
 * on, some leaves in turns, until one ends. */
static void count_smaller(loam_btree *tree, loam_btree *right, size_t all)
{
    loam_btree_cursor back;
    loam_btree_cursor forth;
    size_t left_sum;
    size_t right_sum;

    loam_btree_cursor_seek_last(&back, tree);
    loam_btree_cursor_seek_first(&forth, right);
    left_sum = entries_around(&back);
    right_sum = entries_around(&forth);
    for (;;) {
        if (!climb(&back, false)) {
            right_sum = all - left_sum;
            break;
        }
        if (!climb(&forth, true)) {
            left_sum = all - right_sum;
            break;
        }
        left_sum += entries_around(&back);
        right_sum += entries_around(&forth);
    }
    tree->count = left_sum;
    right->count = right_sum;
}

static void count_parts(loam_btree *tree, loam_btree *right)
{
    size_t all = tree->count;

    if (tree->flags & LOAM_BTREE_COUNTED_) {
        right->count = loam_btree_node_entries(tree, right->root);
        tree->count = all - right->count;
    } else {
        count_smaller(tree, right, all);
    }
}

/* ---- the whole ---- */

/* Cuts a tree at a path that has entries on both sides. */
static bool cut(loam_btree_cursor *path, loam_btree *right)
{
    loam_btree *tree = path->tree;
    cutter c = {.tree = tree};

    if (!loam_btree_path_own_(path) ||
        !loam_btree_stock_take(tree, &c.stock, true, tree->height - 1))
        return false;
    cut_leaf(&c, path->leaf, path->index);
    for (size_t level = 1; level < tree->height; level++)
        cut_inner(&c, path->path[level - 1].node, path->path[level - 1].index);
    tree->root = c.left;
    right->root = c.right;
    right->height = tree->height;
    count_parts(tree, right);
    loam_btree_cursor_seek_last(path, tree);
    loam_btree_seam_mend(path);
    loam_btree_cursor_seek_first(path, right);
    loam_btree_seam_mend(path);
    return true;
}

/* All goes to the right part. */
static void hand_over(loam_btree *tree, loam_btree *right)
{
    right->root = tree->root;
    right->height = tree->height;
    right->count = tree->count;
    tree->root = NULL;
    loam_btree_clear(tree);
}

bool loam_btree_split(loam_btree *tree, const void *key, loam_btree *right)
{
    uint32_t shares = tree->flags & LOAM_BTREE_SHARES_;
    loam_btree_cursor path;
    loam_btree_cursor at;

    if (!loam_btree_source_need(tree))
        return false;
    loam_btree_like(right, tree);
    right->source = tree->source;
    loam_btree_path_seek(&path, tree, key, false);
    at = path;
    if (!loam_btree_cursor_prev(&at).key) {
        hand_over(tree, right);
        right->flags |= shares;
    } else {
        at = path;
        if (loam_btree_cursor_next(&at).key) {
            right->flags |= shares;
            if (!cut(&path, right))
                return false;
        }
    }
    loam_btree_source_keep(tree->source);
    loam_btree_changed_(tree);
    return true;
}
