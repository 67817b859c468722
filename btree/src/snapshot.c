/* snapshot.c: a second tree with the same nodes.
 */
#include "whole.h"

bool loam_btree_snapshot(loam_btree *tree, loam_btree *snapshot)
{
    if (!loam_btree_source_need(tree))
        return false;
    if (tree->root) {
        if (tree->root->references == UINT32_MAX)
            return false;
        tree->root->references++;
        tree->source->shares++;
        tree->flags |= LOAM_BTREE_SHARES_;
        tree->source->shared = true;
        loam_btree_let_go_(tree);
    }
    *snapshot = *tree;
    snapshot->epoch = loam_btree_first_epoch();
    loam_btree_source_keep(tree->source);
    return true;
}
