/* rank.c: counting entries and finding them by their number.
 *
 * With order statistics the counts in inner nodes are added up along a path. Without them all leaves
 * on one side of it are looked at, of which only the heads are read.
 */
#include "whole.h"

/* The number of entries below a node that has no counts, leaf by leaf. The depth is the height. */
static size_t entries_below(const loam_btree *tree, const loam_btree_node *node)
{
    loam_btree_node **children;
    size_t sum = 0;

    if (node->level == 0)
        return node->count;
    children = loam_btree_children_(&tree->layout, node);
    for (size_t i = 0; i <= node->count; i++)
        loam_btree_prefetch_(children[i]);
    for (size_t i = 0; i <= node->count; i++)
        sum += entries_below(tree, children[i]);
    return sum;
}

size_t loam_btree_children_entries(const loam_btree *tree, const loam_btree_node *inner,
                                   size_t from, size_t to)
{
    size_t sum = 0;

    if (tree->flags & LOAM_BTREE_COUNTED_) {
        const size_t *counts = loam_btree_counts_(&tree->layout, inner);

        for (size_t i = from; i < to; i++)
            sum += counts[i];
    } else {
        loam_btree_node **children = loam_btree_children_(&tree->layout, inner);

        for (size_t i = from; i < to; i++)
            sum += entries_below(tree, children[i]);
    }
    return sum;
}

/* ---- between two paths ---- */

/* Entries before a path, below the node at a level of it. */
static size_t before(const loam_btree_cursor *path, size_t level)
{
    size_t sum = path->index;

    while (level-- > 0)
        sum += loam_btree_children_entries(path->tree, path->path[level].node, 0,
                                           path->path[level].index);
    return sum;
}

/* Entries behind a path, below the node at a level of it. */
static size_t behind(const loam_btree_cursor *path, size_t level)
{
    size_t sum = path->leaf->count - path->index;

    while (level-- > 0)
        sum += loam_btree_children_entries(path->tree, path->path[level].node,
                                           path->path[level].index + 1,
                                           (size_t)path->path[level].node->count + 1);
    return sum;
}

/* The level of the topmost node in which two paths go through different children; 0 if they end in one
 * leaf. */
static size_t parting(const loam_btree_cursor *a, const loam_btree_cursor *b)
{
    size_t level = a->tree->height - 1;

    while (level > 0 && a->path[level - 1].index == b->path[level - 1].index)
        level--;
    return level;
}

bool loam_btree_path_before(const loam_btree_cursor *a, const loam_btree_cursor *b)
{
    size_t level;

    if (!a->leaf)
        return false;
    level = parting(a, b);
    return level ? a->path[level - 1].index < b->path[level - 1].index : a->index < b->index;
}

size_t loam_btree_path_between(const loam_btree_cursor *a, const loam_btree_cursor *b)
{
    size_t level;
    const loam_btree_step *step;

    if (!loam_btree_path_before(a, b))
        return 0;
    level = parting(a, b);
    if (level == 0)
        return b->index - a->index;
    step = &a->path[level - 1];
    return behind(a, level - 1) + before(b, level - 1) +
           loam_btree_children_entries(a->tree, step->node, step->index + 1,
                                       b->path[level - 1].index);
}

/* ---- by key ---- */

size_t loam_btree_rank(const loam_btree *tree, const void *key)
{
    loam_btree_cursor path;

    loam_btree_path_seek(&path, tree, key, false);
    return path.leaf ? before(&path, tree->height - 1) : 0;
}

size_t loam_btree_count_range(const loam_btree *tree, const void *from, const void *to)
{
    loam_btree_cursor a;
    loam_btree_cursor b;

    if (from)
        loam_btree_path_seek(&a, tree, from, false);
    else
        loam_btree_cursor_seek_first(&a, tree);
    if (to)
        loam_btree_path_seek(&b, tree, to, false);
    else
        loam_btree_cursor_seek_last(&b, tree);
    return loam_btree_path_between(&a, &b);
}

size_t loam_btree_count_of(const loam_btree *tree, const void *key)
{
    loam_btree_cursor a;
    loam_btree_cursor b;

    if ((tree->flags & LOAM_BTREE_MULTI_) == 0)
        return loam_btree_contains(tree, key);
    loam_btree_path_seek(&a, tree, key, false);
    loam_btree_path_seek(&b, tree, key, true);
    return loam_btree_path_between(&a, &b);
}

size_t loam_btree_cursor_between(const loam_btree_cursor *from, const loam_btree_cursor *to)
{
    loam_btree_cursors_require(from, to);
    return loam_btree_path_between(from, to);
}

/* ---- by number ---- */

/* The child of an inner node with entry `*n` below it, which is told from its start then. There is one. */
static size_t child_with(const loam_btree *tree, const loam_btree_node *inner, size_t *n)
{
    size_t index = 0;

    for (; index < inner->count; index++) {
        size_t entries = loam_btree_children_entries(tree, inner, index, index + 1);

        if (*n < entries)
            break;
        *n -= entries;
    }
    return index;
}

/* The same from the other side: entry `*n` from the end. */
static size_t child_with_last(const loam_btree *tree, const loam_btree_node *inner, size_t *n)
{
    size_t index = inner->count;

    for (; index > 0; index--) {
        size_t entries = loam_btree_children_entries(tree, inner, index, index + 1);

        if (*n < entries)
            break;
        *n -= entries;
    }
    return index;
}

void loam_btree_cursor_seek_nth(loam_btree_cursor *cursor, const loam_btree *tree, size_t n)
{
    bool from_end = n > tree->count / 2;
    loam_btree_node *node = tree->root;

    if (n >= tree->count) {
        loam_btree_cursor_seek_last(cursor, tree);
        return;
    }
    cursor->tree = (loam_btree *)(uintptr_t)tree;
    cursor->epoch = tree->epoch;
    if (from_end)
        n = tree->count - 1 - n;
    for (size_t level = tree->height - 1; level > 0; level--) {
        loam_btree_step *step = &cursor->path[level - 1];

        step->node = node;
        step->index = from_end ? child_with_last(tree, node, &n) : child_with(tree, node, &n);
        node = loam_btree_children_(&tree->layout, node)[step->index];
    }
    cursor->leaf = node;
    cursor->index = from_end ? node->count - 1 - n : n;
}

size_t loam_btree_cursor_rank(const loam_btree_cursor *cursor)
{
    loam_btree_cursor_require_(cursor);
    return cursor->leaf ? before(cursor, cursor->tree->height - 1) : 0;
}

loam_btree_entry loam_btree_nth(const loam_btree *tree, size_t n)
{
    loam_btree_cursor path;

    if (n >= tree->count)
        return loam_btree_no_entry_();
    loam_btree_cursor_seek_nth(&path, tree, n);
    return loam_btree_entry_at_(&tree->layout, path.leaf, path.index);
}
