/* share.c: nodes that snapshots share become a tree's own before they are changed.
 *
 * A node has one reference for each inner node and each tree that points to it. What is reached through
 * a node with more than one reference is shared too, whatever its own count says; so nodes are made
 * a tree's own from the root down, and only below nodes that are.
 *
 * Making a node the tree's own changes nothing that can be seen: a path of which only a part could be
 * copied is a good path of a good tree.
 */
#include "btree_internal.h"

/* Whether each child of a node can have one more reference. */
static bool children_have_room(const loam_btree *tree, const loam_btree_node *node)
{
    loam_btree_node **children = loam_btree_children_(&tree->layout, node);

    for (size_t i = 0; i <= node->count; i++) {
        if (children[i]->references == UINT32_MAX)
            return false;
    }
    return true;
}

loam_btree_node *loam_btree_node_own(loam_btree *tree, loam_btree_node *node)
{
    const loam_btree_layout *l = &tree->layout;
    loam_btree_node *copy;

    if (node->references == 1)
        return node;
    if (node->level && !children_have_room(tree, node))
        return NULL;
    copy = loam_btree_node_take(tree, node->level);
    if (!copy)
        return NULL;
    copy->count = node->count;
    if (node->level == 0) {
        loam_btree_leaf_move(l, copy, 0, node, 0, node->count);
    } else {
        loam_btree_node **children = loam_btree_children_(l, copy);

        loam_btree_keys_move(l, copy, 0, node, 0, node->count);
        loam_btree_children_move(tree, copy, 0, node, 0, (size_t)node->count + 1);
        for (size_t i = 0; i <= copy->count; i++)
            children[i]->references++;
        tree->source->shares += (size_t)copy->count + 1;
    }
    node->references--;
    tree->source->shares--;
    loam_btree_changed_(tree);
    return copy;
}

loam_btree_node *loam_btree_child_own(loam_btree *tree, loam_btree_node *inner, size_t index)
{
    loam_btree_node **place = &loam_btree_children_(&tree->layout, inner)[index];
    loam_btree_node *own = loam_btree_node_own(tree, *place);

    if (own)
        *place = own;
    return own;
}

static bool own_down(loam_btree_cursor *path)
{
    loam_btree *tree = path->tree;
    loam_btree_node *node = loam_btree_node_own(tree, tree->root);

    if (!node)
        return false;
    tree->root = node;
    for (size_t level = tree->height - 1; level > 0; level--) {
        path->path[level - 1].node = node;
        node = loam_btree_child_own(tree, node, path->path[level - 1].index);
        if (!node)
            return false;
    }
    path->leaf = node;
    return true;
}

/* Whether a tree may share: not where nobody in the family does any more. */
static bool shares(loam_btree *tree)
{
    if ((tree->flags & LOAM_BTREE_SHARES_) == 0 || tree->height == 0)
        return false;
    if (tree->source->shares > 0)
        return true;
    tree->flags &= ~LOAM_BTREE_SHARES_;
    return false;
}

bool loam_btree_path_own_(loam_btree_cursor *path)
{
    bool done;

    if (!shares(path->tree))
        return true;
    done = own_down(path);
    path->epoch = path->tree->epoch;
    return done;
}
