/* source.c: where the nodes of a family of trees come from, and where they go.
 *
 * A source holds two caches, one for leaves and one for inner nodes; an allocator that keeps lists by
 * size shares its own. It is made with the first node and ended with the last tree.
 */
#include "btree_internal.h"
#include "internal/mark.h"

bool loam_btree_source_need(loam_btree *tree)
{
    const loam_btree_layout *l = &tree->layout;
    loam_btree_source *source;

    if (tree->source)
        return true;
    source = loam_new(tree->allocator, loam_btree_source);
    if (!source)
        return false;
    source->allocator = tree->allocator;
    source->references = 1;
    source->leaf_count = 0;
    source->inner_count = 0;
    source->shared = false;
    source->shares = 0;
    source->leaves =
        loam_allocator_cache(tree->allocator, l->leaf_bytes, l->align, &source->own_leaves);
    source->inners =
        loam_allocator_cache(tree->allocator, l->inner_bytes, l->align, &source->own_inners);
    tree->source = source;
    return true;
}

void loam_btree_source_keep(loam_btree_source *source)
{
    source->references++;
}

void loam_btree_source_drop(loam_btree_source *source)
{
    if (--source->references > 0)
        return;
    /* There is no point in giving back what nobody will reuse, and it may be as many nodes as there ever were. But
     * caches have marked them, and whoever has the memory next would be told so. */
    if (loam_mark_wanted() || loam_allocator_reclaims(source->allocator)) {
        loam_cache_deinit(&source->own_leaves);
        loam_cache_deinit(&source->own_inners);
    }
    loam_delete(source->allocator, loam_btree_source, source);
}

loam_btree_node *loam_btree_node_take_bare(loam_btree *tree, unsigned level)
{
    loam_btree_node *node;

    if (!loam_btree_source_need(tree))
        return NULL;
    node = (loam_btree_node *)loam_cache_take(level ? tree->source->inners : tree->source->leaves);
    if (!node)
        return NULL;
    if (level)
        tree->source->inner_count++;
    else
        tree->source->leaf_count++;
    node->count = 0;
    node->level = (uint8_t)level;
    node->unused = 0;
    node->references = 1;
    return node;
}

loam_btree_node *loam_btree_node_take(loam_btree *tree, unsigned level)
{
    loam_btree_node *node = loam_btree_node_take_bare(tree, level);

    if (node)
        loam_btree_pad_(&tree->layout, node, 0,
                        level ? tree->layout.inner_cap : tree->layout.leaf_cap);
    return node;
}

void loam_btree_node_give(loam_btree *tree, loam_btree_node *node)
{
    if (node->level) {
        tree->source->inner_count--;
        loam_cache_give(tree->source->inners, node);
    } else {
        tree->source->leaf_count--;
        loam_cache_give(tree->source->leaves, node);
    }
}

/* The depth of the recursion is the height. */
void loam_btree_node_drop(loam_btree *tree, loam_btree_node *node)
{
    if (--node->references > 0) {
        tree->source->shares--;
        return;
    }
    if (node->level) {
        loam_btree_node **children = loam_btree_children_(&tree->layout, node);

        for (size_t i = 0; i <= node->count; i++)
            loam_btree_node_drop(tree, children[i]);
    }
    loam_btree_node_give(tree, node);
}

bool loam_btree_stock_take(loam_btree *tree, loam_btree_stock *stock, bool leaf, size_t inners)
{
    stock->leaf = NULL;
    stock->inner_count = 0;
    if (leaf && !(stock->leaf = loam_btree_node_take(tree, 0)))
        return false;
    while (stock->inner_count < inners) {
        loam_btree_node *inner = loam_btree_node_take(tree, 1);

        if (!inner) {
            while (stock->inner_count > 0)
                loam_btree_node_give(tree, stock->inners[--stock->inner_count]);
            if (stock->leaf)
                loam_btree_node_give(tree, stock->leaf);
            return false;
        }
        stock->inners[stock->inner_count++] = inner;
    }
    return true;
}

loam_btree_node *loam_btree_stock_inner(loam_btree_stock *stock, unsigned level)
{
    loam_btree_node *inner = stock->inners[--stock->inner_count];

    inner->level = (uint8_t)level;
    return inner;
}
