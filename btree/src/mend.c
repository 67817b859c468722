/* mend.c: nodes that have become less than a third full are merged with a neighbour or evened out.
 *
 * A neighbour that a snapshot shares is copied first; where that is refused, the other one is tried, and
 * then the node stays as it is. Only a leaf without entries can't stay: it is taken out.
 */
#include "btree_internal.h"

/* Everything that concerns one node of a path and its parent. */
typedef struct site {
    loam_btree_cursor *path;
    loam_btree *tree;
    size_t level;          /* 0: the leaf; path[level] is the parent's step. */
    loam_btree_node *node; /* The node. */
    loam_btree_step *up;   /* The parent, and which child of it the node is. */
    size_t cap;            /* Entries or keys at most. */
} site;

static void counts_shift(const site *s, size_t from, size_t to, size_t entries)
{
    if (s->tree->flags & LOAM_BTREE_COUNTED_) {
        size_t *counts = loam_btree_counts_(&s->tree->layout, s->up->node);

        counts[from] -= entries;
        counts[to] += entries;
    }
}

/* What two neighbours take together: inner nodes also the separator between them. */
static size_t together(const site *s, const loam_btree_node *other)
{
    return (size_t)s->node->count + other->count + (s->level > 0);
}

static void *separator(const site *s, size_t index)
{
    return loam_btree_key_at_(&s->tree->layout, s->up->node, index);
}

/* Appends all of `right` to `left`, which are children `index` and `index + 1`, and gives `right` back. */
static void merge(site *s, size_t index, loam_btree_node *left, loam_btree_node *right)
{
    const loam_btree_layout *l = &s->tree->layout;
    size_t count = left->count;

    if (s->level == 0) {
        loam_btree_leaf_move(l, left, count, right, 0, right->count);
        left->count = (uint16_t)(count + right->count);
    } else {
        memcpy(loam_btree_key_at_(l, left, count), separator(s, index), l->key_size);
        loam_btree_keys_move(l, left, count + 1, right, 0, right->count);
        loam_btree_children_move(s->tree, left, count + 1, right, 0, (size_t)right->count + 1);
        left->count = (uint16_t)(count + 1 + right->count);
    }
    if (s->tree->flags & LOAM_BTREE_COUNTED_)
        counts_shift(s, index + 1, index, loam_btree_counts_(l, s->up->node)[index + 1]);
    loam_btree_inner_cut(s->tree, s->up->node, index + 1);
    loam_btree_node_give(s->tree, right);
}

/* The path goes through child `index` of the node's parent now, `shift` places further on in `node`. */
static void path_moves(site *s, size_t index, loam_btree_node *node, size_t shift)
{
    s->up->index = index;
    s->node = node;
    if (s->level == 0) {
        s->path->leaf = node;
        s->path->index += shift;
    } else {
        s->path->path[s->level - 1].node = node;
        s->path->path[s->level - 1].index += shift;
    }
}

/* The entries below `n` children of a node, with order statistics. */
static size_t entries_of(const site *s, const loam_btree_node *node, size_t index, size_t n)
{
    size_t sum = 0;

    if (s->level == 0)
        return n;
    if (s->tree->flags & LOAM_BTREE_COUNTED_) {
        for (size_t i = 0; i < n; i++)
            sum += loam_btree_counts_(&s->tree->layout, node)[index + i];
    }
    return sum;
}

/* Moves the last `n` entries or children of the left neighbour to the front of the node. */
static void borrow_left(site *s, loam_btree_node *left, size_t n)
{
    const loam_btree_layout *l = &s->tree->layout;
    loam_btree_node *node = s->node;
    size_t at = left->count - n; /* The first entry that moves; the last key that does not. */
    size_t i = s->up->index;

    counts_shift(s, i - 1, i, entries_of(s, left, s->level ? at + 1 : at, n));
    if (s->level == 0) {
        loam_btree_leaf_move(l, node, n, node, 0, node->count);
        loam_btree_leaf_move(l, node, 0, left, at, n);
        memcpy(separator(s, i - 1), loam_btree_key_at_(l, node, 0), l->key_size);
    } else {
        loam_btree_keys_move(l, node, n, node, 0, node->count);
        loam_btree_children_move(s->tree, node, n, node, 0, (size_t)node->count + 1);
        memcpy(loam_btree_key_at_(l, node, n - 1), separator(s, i - 1), l->key_size);
        loam_btree_keys_move(l, node, 0, left, at + 1, n - 1);
        loam_btree_children_move(s->tree, node, 0, left, at + 1, n);
        memcpy(separator(s, i - 1), loam_btree_key_at_(l, left, at), l->key_size);
    }
    loam_btree_shorten_(l, left, at);
    node->count = (uint16_t)(node->count + n);
    path_moves(s, i, node, n);
}

void loam_btree_path_borrow(loam_btree_cursor *path, size_t level, size_t n)
{
    loam_btree_step *up = &path->path[level];
    site s = {path, path->tree, level, level ? path->path[level - 1].node : path->leaf, up, 0};

    borrow_left(&s, loam_btree_children_(&path->tree->layout, up->node)[up->index - 1], n);
}

/* Moves the first `n` entries or children of the right neighbour to the end of the node. */
static void borrow_right(site *s, loam_btree_node *right, size_t n)
{
    const loam_btree_layout *l = &s->tree->layout;
    loam_btree_node *node = s->node;
    size_t count = node->count;
    size_t left_over = right->count - n;
    size_t i = s->up->index;

    counts_shift(s, i + 1, i, entries_of(s, right, 0, n));
    if (s->level == 0) {
        loam_btree_leaf_move(l, node, count, right, 0, n);
        loam_btree_leaf_move(l, right, 0, right, n, left_over);
        memcpy(separator(s, i), loam_btree_key_at_(l, right, 0), l->key_size);
    } else {
        memcpy(loam_btree_key_at_(l, node, count), separator(s, i), l->key_size);
        loam_btree_keys_move(l, node, count + 1, right, 0, n - 1);
        loam_btree_children_move(s->tree, node, count + 1, right, 0, n);
        memcpy(separator(s, i), loam_btree_key_at_(l, right, n - 1), l->key_size);
        loam_btree_keys_move(l, right, 0, right, n, left_over);
        loam_btree_children_move(s->tree, right, 0, right, n, left_over + 1);
    }
    loam_btree_shorten_(l, right, left_over);
    node->count = (uint16_t)(count + n);
}

/* The neighbour that is child `index`, made the tree's own; NULL if there is none or it can't be. */
static loam_btree_node *neighbour(const site *s, size_t index)
{
    return index <= s->up->node->count ? loam_btree_child_own(s->tree, s->up->node, index) : NULL;
}

/* Merges the node with a neighbour, or evens it out with one. False iff neither can be had. */
static bool even_out(site *s)
{
    size_t i = s->up->index;
    loam_btree_node *left = neighbour(s, i - 1);
    loam_btree_node *right;

    if (left && together(s, left) <= s->cap) {
        size_t shift = (size_t)left->count + (s->level > 0);

        merge(s, i - 1, left, s->node);
        path_moves(s, i - 1, left, shift);
        return true;
    }
    right = neighbour(s, i + 1);
    if (right && together(s, right) <= s->cap)
        merge(s, i, s->node, right);
    else if (left && left->count > s->node->count + 1)
        borrow_left(s, left, (size_t)(left->count - s->node->count) / 2);
    else if (right && right->count > s->node->count + 1)
        borrow_right(s, right, (size_t)(right->count - s->node->count) / 2);
    else
        return false;
    return true;
}

/* Takes the path's leaf, which has no entries, out of the tree, with the nodes above that had only it.
 * The path then stands at the start of the next leaf, or at the end of the last one; below the node that
 * was changed it may run through nodes that snapshots share. Returns that node's level. */
static size_t take_out(loam_btree_cursor *path)
{
    loam_btree *tree = path->tree;
    size_t level = 1;
    loam_btree_step *step;

    loam_btree_node_give(tree, path->leaf);
    while (level < tree->height && path->path[level - 1].node->count == 0)
        loam_btree_node_give(tree, path->path[level++ - 1].node);
    if (level == tree->height) {
        tree->root = NULL;
        tree->height = 0;
        path->leaf = NULL;
        path->index = 0;
        return level;
    }
    step = &path->path[level - 1];
    loam_btree_inner_cut(tree, step->node, step->index);
    if (step->index <= step->node->count) {
        loam_btree_path_descend(path, level, false);
        loam_btree_path_separator(path);
    } else {
        step->index--;
        loam_btree_path_descend(path, level, true);
    }
    return level;
}

/* A root that was a child may be one that snapshots have too, and have one child like it: then the tree
 * lets go of it, and they keep it. */
static void lower_root(loam_btree_cursor *path)
{
    loam_btree *tree = path->tree;

    while (tree->height > 1 && tree->root->count == 0) {
        loam_btree_node *root = tree->root;
        loam_btree_node *child = loam_btree_children_(&tree->layout, root)[0];

        if (root->references == 1) {
            loam_btree_node_give(tree, root);
        } else if (child->references == UINT32_MAX) {
            return;
        } else {
            child->references++;
            root->references--;
        }
        tree->root = child;
        tree->height--;
    }
}

void loam_btree_take_low_(loam_btree *tree, loam_btree_step up, loam_btree_node *leaf, size_t index)
{
    loam_btree_cursor path; /* Without the steps above, which need not change. */
    site s = {&path, tree, 0, leaf, &path.path[0], tree->layout.leaf_cap};

    path.tree = tree;
    path.leaf = leaf;
    path.index = index;
    path.path[0] = up;
    loam_btree_leaf_cut_(&tree->layout, leaf, index);
    tree->count--;
    (void)even_out(&s);
    loam_btree_changed_(tree);
}

bool loam_btree_path_mend(loam_btree_cursor *path, size_t level)
{
    loam_btree *tree = path->tree;
    const loam_btree_layout *l = &tree->layout;
    bool out = false;

    if (tree->height == 1 && tree->root->count == 0) {
        take_out(path);
        return true;
    }
    while (level + 1 < tree->height) {
        size_t cap = level ? l->inner_cap : l->leaf_cap;
        size_t least = level ? loam_btree_inner_min_(l) : loam_btree_leaf_min_(l);
        site s = {
            path, tree, level, level ? path->path[level - 1].node : path->leaf, &path->path[level],
            cap};

        if (s.node->count < least && !even_out(&s) && level == 0 && s.node->count == 0) {
            level = take_out(path);
            out = true;
        } else {
            level++;
        }
    }
    lower_root(path);
    return out;
}
