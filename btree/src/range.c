/* range.c: taking all entries between two gaps out.
 *
 * What lies between is cut out of the nodes along both paths, and whole subtrees are dropped where they hang.
 * Then the separator at the cut is set right, and both sides of it are mended. Nothing is
 * allocated, but for the copies of nodes that snapshots share, which are made first.
 */
#include "whole.h"

typedef struct range {
    loam_btree *tree;
    const loam_btree_cursor *from;
    const loam_btree_cursor *to;
    size_t erased;
    /* The lowest node that both paths go through and that lost children, by its level (0: none), and how
     * many of its children are left of the cut. */
    size_t level;
    size_t left;
} range;

/* Drops a subtree, and counts its entries where nodes have no counts. The depth is the height. */
static size_t drop_counting(loam_btree *tree, loam_btree_node *node, bool last)
{
    size_t entries = node->count;

    if (last && --node->references > 0) {
        tree->source->shares--;
        last = false;
    }
    if (node->level) {
        loam_btree_node **children = loam_btree_children_(&tree->layout, node);
        size_t count = node->count;

        entries = 0;
        for (size_t i = 0; i <= count; i++)
            loam_btree_prefetch_(children[i]);
        for (size_t i = 0; i <= count; i++)
            entries += drop_counting(tree, children[i], last);
    }
    if (last)
        loam_btree_node_give(tree, node);
    return entries;
}

static void drop_children(range *r, loam_btree_node *node, size_t from, size_t to)
{
    loam_btree *tree = r->tree;
    loam_btree_node **children = loam_btree_children_(&tree->layout, node);

    if (tree->flags & LOAM_BTREE_COUNTED_) {
        r->erased += loam_btree_children_entries(tree, node, from, to);
        for (size_t i = from; i < to; i++)
            loam_btree_node_drop(tree, children[i]);
    } else {
        for (size_t i = from; i < to; i++)
            r->erased += drop_counting(tree, children[i], true);
    }
}

static bool cut_leaf(range *r, loam_btree_node *leaf, size_t from, size_t to)
{
    const loam_btree_layout *l = &r->tree->layout;

    if (from < to) {
        loam_btree_leaf_move(l, leaf, from, leaf, to, leaf->count - to);
        loam_btree_shorten_(l, leaf, leaf->count - (to - from));
        r->erased += to - from;
    }
    return leaf->count > 0;
}

/* Closes the gap that children `from` to before `to` leave. False iff none is left; then the count is 0. */
static bool close_gap(range *r, loam_btree_node *node, size_t from, size_t to)
{
    const loam_btree_layout *l = &r->tree->layout;
    size_t children = (size_t)node->count + 1;

    if (from >= to)
        return true;
    if (to - from == children) {
        loam_btree_shorten_(l, node, 0);
        return false;
    }
    /* The key left of each child goes with it; the first child has none. */
    if (from > 0)
        loam_btree_keys_move(l, node, from - 1, node, to - 1, children - to);
    else if (to < children)
        loam_btree_keys_move(l, node, 0, node, to, children - 1 - to);
    loam_btree_children_move(r->tree, node, from, node, to, children - to);
    loam_btree_shorten_(l, node, children - 1 - (to - from));
    return true;
}

static bool cut_node(range *r, loam_btree_node *node, bool from, bool to);

/* Cuts child `index`, and gives it back if nothing is left of it. Returns whether something is. */
static bool cut_child(range *r, loam_btree_node *node, size_t index, bool from, bool to)
{
    loam_btree *tree = r->tree;
    const loam_btree_layout *l = &tree->layout;
    loam_btree_node *child = loam_btree_children_(l, node)[index];
    size_t erased = r->erased;

    if (!cut_node(r, child, from, to)) {
        loam_btree_node_give(tree, child);
        return false;
    }
    if (tree->flags & LOAM_BTREE_COUNTED_)
        loam_btree_counts_(l, node)[index] -= r->erased - erased;
    return true;
}

/* Takes out what is behind the one path, if that goes through this node, and before the other one, if that
 * does. False iff nothing is left. The depth is the height. */
static bool cut_node(range *r, loam_btree_node *node, bool from, bool to)
{
    size_t level = node->level;
    size_t first;
    size_t last;

    if (level == 0)
        return cut_leaf(r, node, from ? r->from->index : 0, to ? r->to->index : node->count);
    first = from ? r->from->path[level - 1].index : 0;
    last = to ? r->to->path[level - 1].index : (size_t)node->count + 1;
    if (from && to && first == last) {
        if (cut_child(r, node, first, true, true))
            return true;
        last++;
    } else {
        if (from)
            first += cut_child(r, node, first, true, false);
        drop_children(r, node, from ? r->from->path[level - 1].index + 1 : 0, last);
        if (to)
            last += !cut_child(r, node, last, false, true);
    }
    if (from && to) {
        r->level = level;
        r->left = first;
    }
    return close_gap(r, node, first, last);
}

/* Sets a path to the gap that was cut. */
static void seek_gap(const range *r, loam_btree_cursor *path)
{
    *path = *r->from;
    path->epoch = r->tree->epoch;
    if (r->level) {
        path->path[r->level - 1].index = r->left > 0 ? r->left - 1 : 0;
        loam_btree_path_descend(path, r->level, r->left > 0);
    }
}

/* Sets the separator right of the cut, and mends both sides. */
static void mend(loam_btree_cursor *path)
{
    loam_btree_cursor right = *path;

    if (path->index < path->leaf->count || loam_btree_cursor_climb_next_(&right))
        loam_btree_path_separator(&right);
    if (path->index == 0)
        (void)loam_btree_cursor_climb_prev_(path);
    loam_btree_seam_mend(path);
    if (path->index == path->leaf->count)
        (void)loam_btree_cursor_climb_next_(path);
    loam_btree_seam_mend(path);
}

/* Takes out what is between two paths; the first one stands in the gap then. False iff a copy is refused. */
static bool erase_between(loam_btree_cursor *from, loam_btree_cursor *to, size_t *erased)
{
    loam_btree *tree = from->tree;
    range r = {.tree = tree, .from = from, .to = to};

    /* The second one finds the copies that the first one made, and makes others beside it. */
    if (!loam_btree_path_own_(from))
        return false;
    if (!loam_btree_path_own_(to)) {
        from->epoch = tree->epoch;
        return false;
    }
    if (cut_node(&r, tree->root, true, true)) {
        loam_btree_cursor path;

        tree->count -= r.erased;
        seek_gap(&r, &path);
        mend(&path);
        *from = path;
    } else {
        loam_btree_node_give(tree, tree->root);
        tree->root = NULL;
        loam_btree_clear(tree);
        from->leaf = NULL;
        from->index = 0;
    }
    *erased = r.erased;
    loam_btree_changed_(tree);
    from->epoch = tree->epoch;
    return true;
}

/* The same where the second path may stand before the first: then nothing is between. `erased` may be NULL. */
static bool erase_gap(loam_btree_cursor *from, loam_btree_cursor *to, size_t *erased)
{
    size_t count = 0;

    if (loam_btree_path_before(from, to) && !erase_between(from, to, &count))
        return false;
    if (erased)
        *erased = count;
    return true;
}

/* So that each gap has one path: at the end of a leaf only where there is no next one. */
static void settle(loam_btree_cursor *path)
{
    if (path->leaf && path->index == path->leaf->count)
        (void)loam_btree_cursor_climb_next_(path);
}

/* Sets a path to the first entry that is not before a key, or without one to an end. */
static void seek(loam_btree_cursor *path, const loam_btree *tree, const void *key, bool last)
{
    if (key)
        loam_btree_path_seek(path, tree, key, false);
    else if (last)
        loam_btree_cursor_seek_last(path, tree);
    else
        loam_btree_cursor_seek_first(path, tree);
    settle(path);
}

bool loam_btree_erase_range(loam_btree *tree, const void *from, const void *to, size_t *erased)
{
    loam_btree_cursor a;
    loam_btree_cursor b;

    seek(&a, tree, from, false);
    seek(&b, tree, to, true);
    if (from || to)
        return erase_gap(&a, &b, erased);
    if (erased)
        *erased = tree->count;
    loam_btree_clear(tree);
    return true;
}

bool loam_btree_erase_all(loam_btree *tree, const void *key, size_t *erased)
{
    loam_btree_cursor a;
    loam_btree_cursor b;

    loam_btree_path_seek(&a, tree, key, false);
    loam_btree_path_seek(&b, tree, key, true);
    settle(&a);
    settle(&b);
    return erase_gap(&a, &b, erased);
}

bool loam_btree_cursor_erase_to(loam_btree_cursor *cursor, const loam_btree_cursor *end,
                                size_t *erased)
{
    loam_btree_cursor to = *end;

    loam_btree_cursors_require(cursor, end);
    settle(cursor);
    settle(&to);
    return erase_gap(cursor, &to, erased);
}
