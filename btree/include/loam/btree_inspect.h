/** @file loam/btree_inspect.h
 * Looking at a tree as a whole: figures, a walk over its memory, and a check of all invariants. A part
 * of loam/btree.h, which includes it.
 */
#ifndef LOAM_BTREE_INSPECT_H
#define LOAM_BTREE_INSPECT_H

#include <loam/btree.h>

LOAM_BEGIN_DECLS

/** What is known of a tree beyond ::loam_stats. */
typedef struct loam_btree_figures {
    size_t entries;         /**< Entries. */
    size_t height;          /**< Levels. */
    size_t leaves;          /**< Leaf nodes. */
    size_t inner_nodes;     /**< Inner nodes. */
    size_t shared_nodes;    /**< Nodes that snapshots have too. */
    size_t leaf_entries;    /**< Entries that a leaf has room for. */
    size_t inner_keys;      /**< Keys that an inner node has room for. */
    size_t leaf_bytes;      /**< Bytes of a leaf. */
    size_t inner_bytes;     /**< Bytes of an inner node. */
    double leaf_fill;       /**< The part of the leaves' room that is used. 0 to 1. */
    double inner_fill;      /**< The part of the inner nodes' room that is used. 0 to 1. */
    double bytes_per_entry; /**< Bytes of all nodes by entries; 0 in an empty tree. */
} loam_btree_figures;

/** Fills in the figures that all layers have. `live` (and `peak`, which is not kept apart) are the bytes
 * of keys and values, `committed` and `reserved` the bytes of nodes, `lost` the room in leaves that has
 * no entry, `metadata` inner nodes, headers and the source, `blocks` the nodes. Nodes that snapshots share count fully.
 * Cost: O(nodes). */
void loam_btree_stats(const loam_btree *tree, loam_stats *stats);

/** Fills in a tree's own figures. Cost: O(nodes). */
void loam_btree_measure(const loam_btree *tree, loam_btree_figures *figures);

/** Shows all memory of the tree, node by node in order of keys, a parent before its children: of a leaf
 * the header as metadata, then keys and values in use as live and the room behind them as free; an inner node
 * is one piece of metadata.
 *
 * Returns false iff the callback did. Cost: O(nodes). */
bool loam_btree_walk(const loam_btree *tree, loam_walk_fn visit, void *context);

/** Checks every invariant (btree_internal.h numbers them B1 and so on) in every node: order, fill, depth,
 * counts, separators, references, alignment.
 *
 * `report` may be NULL. A damaged tree is looked at as far as it can be followed. Returns true iff all hold.
 * Cost: O(n), and a search for each entry where a function orders the keys: one that contradicts itself shows in
 * entries that are not found, though each is behind the one before it. */
bool loam_btree_check(const loam_btree *tree, loam_check_fn report, void *context);

LOAM_END_DECLS

#endif
