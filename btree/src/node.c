/* node.c: moving keys, values, children and counts between nodes and within them.
 *
 * All of it is copying of bytes by index; who calls knows that there is room, and sets the counts of
 * nodes where not said otherwise.
 */
#include "btree_internal.h"

void loam_btree_keys_move(const loam_btree_layout *l, loam_btree_node *to, size_t to_index,
                          const loam_btree_node *from, size_t from_index, size_t n)
{
    memmove(loam_btree_key_at_(l, to, to_index), loam_btree_key_at_(l, from, from_index),
            n * l->key_size);
}

void loam_btree_leaf_move(const loam_btree_layout *l, loam_btree_node *to, size_t to_index,
                          const loam_btree_node *from, size_t from_index, size_t n)
{
    loam_btree_keys_move(l, to, to_index, from, from_index, n);
    if (l->value_size)
        memmove(loam_btree_value_at_(l, to, to_index), loam_btree_value_at_(l, from, from_index),
                n * l->value_size);
}

void loam_btree_children_move(const loam_btree *tree, loam_btree_node *to, size_t to_index,
                              const loam_btree_node *from, size_t from_index, size_t n)
{
    const loam_btree_layout *l = &tree->layout;

    memmove(loam_btree_children_(l, to) + to_index, loam_btree_children_(l, from) + from_index,
            n * sizeof(loam_btree_node *));
    if (tree->flags & LOAM_BTREE_COUNTED_)
        memmove(loam_btree_counts_(l, to) + to_index, loam_btree_counts_(l, from) + from_index,
                n * sizeof(size_t));
}

void loam_btree_inner_put(const loam_btree *tree, loam_btree_node *inner, size_t index,
                          const void *key, loam_btree_node *child, size_t entries)
{
    const loam_btree_layout *l = &tree->layout;
    size_t behind = inner->count - index;

    loam_btree_keys_move(l, inner, index + 1, inner, index, behind);
    loam_btree_children_move(tree, inner, index + 2, inner, index + 1, behind);
    memcpy(loam_btree_key_at_(l, inner, index), key, l->key_size);
    loam_btree_children_(l, inner)[index + 1] = child;
    if (tree->flags & LOAM_BTREE_COUNTED_)
        loam_btree_counts_(l, inner)[index + 1] = entries;
    inner->count++;
}

void loam_btree_inner_cut(const loam_btree *tree, loam_btree_node *inner, size_t index)
{
    const loam_btree_layout *l = &tree->layout;
    size_t key = index ? index - 1 : 0;

    loam_btree_keys_move(l, inner, key, inner, key + 1, inner->count - key - 1);
    loam_btree_children_move(tree, inner, index, inner, index + 1, inner->count - index);
    loam_btree_shorten_(l, inner, inner->count - 1u);
}

size_t loam_btree_node_entries(const loam_btree *tree, const loam_btree_node *node)
{
    const size_t *counts;
    size_t sum = 0;

    if (node->level == 0)
        return node->count;
    if ((tree->flags & LOAM_BTREE_COUNTED_) == 0)
        return 0;
    counts = loam_btree_counts_(&tree->layout, node);
    for (size_t i = 0; i <= node->count; i++)
        sum += counts[i];
    return sum;
}

loam_btree_node *loam_btree_node_first_leaf(const loam_btree *tree, loam_btree_node *node)
{
    while (node->level)
        node = loam_btree_children_(&tree->layout, node)[0];
    return node;
}
