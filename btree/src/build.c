/* build.c: trees that are made from the bottom, in order: what load.c fills, and copies.
 *
 * What is built is whole at any time but for its right edge: the last leaf's count and the counts of last
 * children are filled in when the next one comes, and at the end. There the nodes of the right edge,
 * which may have very little, are evened out with their left neighbours, from the top down, so
 * that each finds a neighbour under the same parent.
 */
#include "whole.h"

/* How many of `cap` are `fill` percent, but at least `least`. */
static size_t most_of(size_t cap, unsigned fill, size_t least)
{
    return loam_max(fill == 0 || fill > 100 ? cap : cap * fill / 100, least);
}

bool loam_btree_build_begin_(loam_btree_builder_ *build, loam_btree *tree, unsigned fill)
{
    build->tree = tree;
    build->leaf_most = most_of(tree->layout.leaf_cap, fill, 1);
    /* With three children beside a last node that has one, both can have two. */
    build->inner_most = most_of(tree->layout.inner_cap, fill, 2);
    build->entries = 0;
    build->height = 0;
    return tree->height == 0;
}

void loam_btree_build_abandon_(loam_btree_builder_ *build)
{
    if (build->height)
        loam_btree_node_drop(build->tree, build->edge[build->height - 1]);
    build->height = 0;
}

/* The last child of a last node is done: counts what is below it. */
static void count_last(loam_btree_builder_ *build, loam_btree_node *inner)
{
    const loam_btree *tree = build->tree;
    const loam_btree_layout *l = &tree->layout;

    if (tree->flags & LOAM_BTREE_COUNTED_)
        loam_btree_counts_(l, inner)[inner->count] =
            loam_btree_node_entries(tree, loam_btree_children_(l, inner)[inner->count]);
}

/* Puts a leaf, `child`, behind the last one. All nodes that are needed are there. */
static void append(loam_btree_builder_ *build, const void *key, loam_btree_node *child,
                   loam_btree_stock *stock)
{
    loam_btree *tree = build->tree;
    loam_btree_node *inner;
    uint32_t level = 1;

    for (; level < build->height && build->edge[level]->count >= build->inner_most; level++) {
        inner = loam_btree_stock_inner(stock, level);
        loam_btree_children_(&tree->layout, inner)[0] = child;
        count_last(build, build->edge[level]);
        build->edge[level - 1] = child;
        child = inner;
    }
    if (level == build->height) {
        inner = loam_btree_stock_inner(stock, level);
        loam_btree_children_(&tree->layout, inner)[0] = build->edge[level - 1];
        build->edge[level] = inner;
        build->height++;
    }
    inner = build->edge[level];
    count_last(build, inner);
    loam_btree_inner_put(tree, inner, inner->count, key, child, 0);
    build->edge[level - 1] = child;
}

/* The last leaf has `count` entries and gets no more. */
static void close_leaf(loam_btree_builder_ *build, size_t count)
{
    const loam_btree_layout *l = &build->tree->layout;

    build->edge[0]->count = (uint16_t)count;
    loam_btree_pad_(l, build->edge[0], count, l->leaf_cap);
}

/* Takes the inner nodes that one more leaf needs. False iff they can't be had. */
static bool take_inners(loam_btree_builder_ *build, loam_btree_stock *stock)
{
    size_t full = 0;
    bool higher;

    while (full + 1 < build->height && build->edge[full + 1]->count >= build->inner_most)
        full++;
    higher = full + 1 == build->height;
    return !(higher && build->height == LOAM_BTREE_MAX_HEIGHT) &&
           loam_btree_stock_take(build->tree, stock, false, full + higher);
}

/* Asks for the leaf that will be taken after this one, if it waits in the cache: its lines come while this
 * one is filled. */
LOAM_INLINE void ask_for_next(const loam_btree *tree)
{
    const loam_cache *leaves = tree->source->leaves;

    if (leaves->top > leaves->low)
        loam_btree_ask_(leaves->top[-1], tree->layout.leaf_bytes);
}

loam_btree_node *loam_btree_build_leaf_(loam_btree_builder_ *build, const void *key)
{
    loam_btree_node *leaf = loam_btree_node_take_bare(build->tree, 0);
    loam_btree_stock stock;

    if (build->height == 0) {
        build->edge[0] = leaf;
        build->height = leaf ? 1 : 0;
        return leaf;
    }
    if (!leaf || !take_inners(build, &stock)) {
        if (leaf)
            loam_btree_node_give(build->tree, leaf);
        loam_btree_build_abandon_(build);
        return NULL;
    }
    if (build->height > LOAM_BTREE_NEAR_)
        ask_for_next(build->tree);
    close_leaf(build, build->leaf_most);
    build->entries += build->leaf_most;
    append(build, key, leaf, &stock);
    return leaf;
}

/* Evens out the last two nodes of each level. */
static void even_edge(loam_btree *tree)
{
    loam_btree_cursor path;

    loam_btree_cursor_seek_last(&path, tree);
    for (size_t level = tree->height - 1; level-- > 0;) {
        const loam_btree_node *node = level ? path.path[level - 1].node : path.leaf;
        const loam_btree_step *up = &path.path[level];
        size_t left = loam_btree_children_(&tree->layout, up->node)[up->index - 1]->count;

        if (left > node->count + 1u)
            loam_btree_path_borrow(&path, level, (left - node->count) / 2);
    }
}

void loam_btree_build_end_(loam_btree_builder_ *build, size_t room)
{
    loam_btree *tree = build->tree;

    if (build->height == 0)
        return;
    close_leaf(build, build->leaf_most - room);
    for (uint32_t level = 1; level < build->height; level++)
        count_last(build, build->edge[level]);
    tree->root = build->edge[build->height - 1];
    tree->height = build->height;
    tree->count = build->entries + build->edge[0]->count;
    even_edge(tree);
    loam_btree_changed_(tree);
}

/* ---- copy ---- */

bool loam_btree_build_copy(loam_btree_builder_ *build, const loam_btree *from)
{
    const loam_btree_layout *l = &from->layout;
    loam_btree_cursor at;
    size_t room = 0;

    loam_btree_cursor_seek_first(&at, from);
    while (at.leaf && (at.index < at.leaf->count || loam_btree_cursor_climb_next_(&at))) {
        loam_btree_node *to;
        size_t n;

        if (room == 0) {
            if (!loam_btree_build_leaf_(build, loam_btree_key_at_(l, at.leaf, at.index)))
                return false;
            room = build->leaf_most;
        }
        to = build->edge[0];
        n = loam_min(room, at.leaf->count - at.index);
        loam_btree_leaf_move(l, to, build->leaf_most - room, at.leaf, at.index, n);
        room -= n;
        at.index += n;
    }
    loam_btree_build_end_(build, room);
    return true;
}

void loam_btree_like(loam_btree *to, const loam_btree *from)
{
    *to = *from;
    to->root = NULL;
    to->count = 0;
    to->height = 0;
    to->flags &= ~LOAM_BTREE_SHARES_;
    to->epoch = loam_btree_first_epoch();
    loam_btree_let_go_(to);
    to->source = NULL;
}

bool loam_btree_copy(const loam_btree *tree, loam_allocator allocator, loam_btree *copy)
{
    loam_btree_builder_ build;

    loam_btree_like(copy, tree);
    copy->allocator = allocator;
    if (loam_btree_build_begin_(&build, copy, 100) && loam_btree_build_copy(&build, tree))
        return true;
    loam_btree_deinit(copy);
    return false;
}
