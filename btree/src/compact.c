/* compact.c: moving nodes to new blocks, a few at a time.
 *
 * Nodes are gone through in order of keys, parents before children. A place in that order is a number whose
 * digits, to the base of the children of a node, are the way from the root down, behind which stands how
 * many levels the node is below the root; so it needs no memory of the tree's, and is good, if not exact,
 * after the tree has changed.
 *
 * The old blocks are kept until the step ends, linked through themselves: given back at once, one would be the
 * next new block, and nothing would move.
 */
#include "whole.h"

typedef struct mover {
    loam_btree *tree;
    loam_btree_node *old;                 /* Nodes to give back. */
    size_t digits[LOAM_BTREE_MAX_HEIGHT]; /* digits[0] is the child of the root, and so on down. */
    size_t depth;                         /* Of the node that is next; 0: the root. */
} mover;

/* ---- places ---- */

static void place_get(mover *m, size_t position)
{
    size_t base = (size_t)m->tree->layout.inner_cap + 1;
    size_t levels = m->tree->height - 1;

    m->depth = loam_min(position % LOAM_BTREE_MAX_HEIGHT, levels);
    position /= LOAM_BTREE_MAX_HEIGHT;
    for (size_t i = levels; i-- > 0;) {
        m->digits[i] = i ? position % base : position;
        position /= base;
    }
}

/* 0, from where a step begins anew, for a place that no number can tell. */
static size_t place_put(const mover *m)
{
    size_t base = (size_t)m->tree->layout.inner_cap + 1;
    size_t position = 0;

    for (size_t i = 0; i + 1 < m->tree->height; i++) {
        if (position > (SIZE_MAX - m->digits[i]) / base)
            return 0;
        position = position * base + m->digits[i];
    }
    if (position > SIZE_MAX / LOAM_BTREE_MAX_HEIGHT - 1)
        return 0;
    return position * LOAM_BTREE_MAX_HEIGHT + m->depth;
}

/* Finds where the next node hangs, and goes on to the next place if there is none there now. NULL iff the
 * tree has been gone through. Nodes below one that is shared are passed over. */
static loam_btree_node **place_find(mover *m)
{
    loam_btree *tree = m->tree;
    loam_btree_node **at = &tree->root;
    size_t depth = 0;

    while (depth < m->depth) {
        bool shared = (*at)->references > 1;

        if (shared || m->digits[depth] > (*at)->count) {
            /* Goes on behind the node that `at` points to. */
            if (depth == 0)
                return NULL;
            m->depth = depth;
            m->digits[depth - 1]++;
            for (size_t i = depth; i + 1 < tree->height; i++)
                m->digits[i] = 0;
            at = &tree->root;
            depth = 0;
            continue;
        }
        at = &loam_btree_children_(&tree->layout, *at)[m->digits[depth++]];
    }
    return at;
}

/* Goes on from a node: down to its first child, or to what is behind it. */
static void place_next(mover *m)
{
    if (m->depth + 1 < m->tree->height)
        m->digits[m->depth++] = 0;
    else if (m->depth > 0)
        m->digits[m->depth - 1]++;
}

/* ---- moving ---- */

/* Where an old node's link is: its keys are not needed any more. Nodes have 64 bytes and more. */
static void *link_of(loam_btree_node *node)
{
    return node + 1;
}

static void keep_old(mover *m, loam_btree_node *node)
{
    memcpy(link_of(node), &m->old, sizeof(void *));
    m->old = node;
}

static void give_old(mover *m)
{
    while (m->old) {
        loam_btree_node *node = m->old;

        memcpy(&m->old, link_of(node), sizeof(void *));
        loam_btree_node_give(m->tree, node);
    }
}

/* Moves a node. False iff no block can be had. */
static bool move(mover *m, loam_btree_node **at)
{
    const loam_btree_layout *l = &m->tree->layout;
    loam_btree_node *node = *at;
    loam_btree_node *copy = loam_btree_node_take(m->tree, node->level);

    if (!copy)
        return false;
    copy->count = node->count;
    if (node->level == 0) {
        loam_btree_leaf_move(l, copy, 0, node, 0, node->count);
    } else {
        loam_btree_keys_move(l, copy, 0, node, 0, node->count);
        loam_btree_children_move(m->tree, copy, 0, node, 0, (size_t)node->count + 1);
    }
    *at = copy;
    keep_old(m, node);
    return true;
}

size_t loam_btree_compact_step(loam_btree *tree, size_t budget, loam_btree_sparse_fn sparse,
                               void *context, size_t *position)
{
    mover m = {.tree = tree};
    loam_btree_node **at = NULL;
    size_t moved = 0;

    if (tree->height)
        place_get(&m, *position);
    for (; tree->height && (at = place_find(&m)) != NULL && budget > 0; budget--) {
        bool alone = (*at)->references == 1;

        if (alone && sparse(context, *at)) {
            if (!move(&m, at))
                break;
            moved++;
        }
        if (tree->height == 1) {
            at = NULL;
            break;
        }
        place_next(&m);
    }
    *position = at ? place_put(&m) : 0;
    give_old(&m);
    if (moved)
        loam_btree_changed_(tree);
    return moved;
}
