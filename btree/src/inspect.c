/* inspect.c: figures of a tree, and a walk over its memory.
 */
#include "btree_internal.h"

/* ---- figures ---- */

typedef struct tally {
    size_t leaves;
    size_t inners;
    size_t keys;   /* In inner nodes. */
    size_t shared; /* Nodes below a node with several references, and such nodes. */
} tally;

/* The depth of the recursion is the height. */
static void count(const loam_btree *tree, const loam_btree_node *node, bool shared, tally *sum)
{
    shared = shared || node->references > 1;
    sum->shared += shared;
    if (node->level == 0) {
        sum->leaves++;
        return;
    }
    sum->inners++;
    sum->keys += node->count;
    for (size_t i = 0; i <= node->count; i++)
        count(tree, loam_btree_children_(&tree->layout, node)[i], shared, sum);
}

static tally tally_of(const loam_btree *tree)
{
    tally sum = {0, 0, 0, 0};

    if (tree->root)
        count(tree, tree->root, false, &sum);
    return sum;
}

static double part(size_t used, size_t all)
{
    return all ? (double)used / (double)all : 0;
}

void loam_btree_stats(const loam_btree *tree, loam_stats *stats)
{
    const loam_btree_layout *l = &tree->layout;
    size_t entry = (size_t)l->key_size + l->value_size;
    tally sum = tally_of(tree);

    memset(stats, 0, sizeof *stats);
    stats->live = stats->peak = tree->count * entry;
    stats->committed = stats->reserved = sum.leaves * l->leaf_bytes + sum.inners * l->inner_bytes;
    stats->lost = (sum.leaves * l->leaf_cap - tree->count) * entry;
    stats->metadata = sum.inners * l->inner_bytes +
                      sum.leaves * (l->leaf_bytes - (size_t)l->leaf_cap * entry) +
                      (tree->source ? sizeof *tree->source : 0);
    stats->blocks = sum.leaves + sum.inners;
}

void loam_btree_measure(const loam_btree *tree, loam_btree_figures *figures)
{
    const loam_btree_layout *l = &tree->layout;
    tally sum = tally_of(tree);

    figures->entries = tree->count;
    figures->height = tree->height;
    figures->leaves = sum.leaves;
    figures->inner_nodes = sum.inners;
    figures->shared_nodes = sum.shared;
    figures->leaf_entries = l->leaf_cap;
    figures->inner_keys = l->inner_cap;
    figures->leaf_bytes = l->leaf_bytes;
    figures->inner_bytes = l->inner_bytes;
    figures->leaf_fill = part(tree->count, sum.leaves * l->leaf_cap);
    figures->inner_fill = part(sum.keys, sum.inners * l->inner_cap);
    figures->bytes_per_entry =
        part(sum.leaves * l->leaf_bytes + sum.inners * l->inner_bytes, tree->count);
}

/* ---- walking ---- */

typedef struct walk {
    const loam_btree *tree;
    loam_walk_fn visit;
    void *context;
} walk;

/* Shows what lies from one offset in a node to another. */
static bool show(const walk *w, const loam_btree_node *node, size_t from, size_t to,
                 loam_walk_kind kind)
{
    loam_walk_item item = {(const char *)node + from, to - from, kind};

    return from >= to || w->visit(w->context, &item);
}

static bool walk_leaf(const walk *w, const loam_btree_node *leaf)
{
    const loam_btree_layout *l = &w->tree->layout;
    size_t keys_end = l->keys + (size_t)leaf->count * l->key_size;
    size_t values = l->value_size ? l->leaf_values : l->leaf_bytes;
    size_t values_end = values + (size_t)leaf->count * l->value_size;

    return show(w, leaf, 0, l->keys, LOAM_WALK_METADATA) &&
           show(w, leaf, l->keys, keys_end, LOAM_WALK_LIVE) &&
           show(w, leaf, keys_end, values, LOAM_WALK_FREE) &&
           show(w, leaf, values, values_end, LOAM_WALK_LIVE) &&
           show(w, leaf, values_end, l->leaf_bytes, LOAM_WALK_FREE);
}

/* The depth of the recursion is the height. */
static bool walk_node(const walk *w, const loam_btree_node *node)
{
    if (node->level == 0)
        return walk_leaf(w, node);
    if (!show(w, node, 0, w->tree->layout.inner_bytes, LOAM_WALK_METADATA))
        return false;
    for (size_t i = 0; i <= node->count; i++) {
        if (!walk_node(w, loam_btree_children_(&w->tree->layout, node)[i]))
            return false;
    }
    return true;
}

bool loam_btree_walk(const loam_btree *tree, loam_walk_fn visit, void *context)
{
    walk w = {tree, visit, context};

    return !tree->root || walk_node(&w, tree->root);
}
