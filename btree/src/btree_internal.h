/* btree_internal.h: what the files of the B-tree share. How nodes look stands in loam/btree_node.h.
 *
 * The invariants, which loam_btree_check() proves one by one:
 *
 *   B1   height is 0 iff root is NULL iff count is 0; it is at most LOAM_BTREE_MAX_HEIGHT
 *   B2   the root's level is height - 1; a child's level is one less than its parent's; leaves have
 *        level 0. So all leaves are equally deep
 *   B3   a leaf has 1 to leaf_cap entries; an inner node 1 to inner_cap keys, and one child more (in
 *        a family that has had snapshots, an inner node that is not the root may have no key and one child)
 *   B4   nodes are aligned to the layout's alignment, and no child is NULL
 *   B5   keys ascend within a leaf and from leaf to leaf: strictly, or in a multimap weakly;
 *        and each is found where it stands (in a multimap: an equal one is found)
 *   B6   a separator is, bit for bit, the smallest key of the subtree right of it. (In order to find
 *        equals of a multimap: they may stand on both sides of a separator)
 *   B7   with order statistics, each count is the number of entries below that child
 *   B8   count is the number of entries of all leaves
 *   B9   references are at least 1; without LOAM_BTREE_SHARES_ they are 1 in all nodes
 *   B10  source is there iff a node was ever taken; its references are at least 1
 *   B11  where keys have a kind, those behind the count of a node, up to its capacity, are
 *        loam_btree_pad_of_(kind), which no key is behind (of a text, the prefix is)
 *   B12  tail is NULL or, in a tree of more than one level, the last leaf, with LOAM_BTREE_FRONT_ the first one.
 *        That flag is not set without a tail
 *
 * No order is needed for memory safety: all but B5 hold whatever a comparison says, and B6 too, but
 * that the smallest key is then the first one.
 *
 * How full nodes are is no invariant. An insertion into a full leaf moves entries to a neighbour
 * with room before it splits; an erasure that leaves a node with less than a third merges it with a
 * neighbour, or evens both out. But nodes at the ends, where appends split off nearly nothing, may be
 * less full, and so may nodes in trees that share, where a neighbour could not be copied.
 *
 * A path is a cursor: leaf, index, and the inner nodes from the leaf's parent (path[0]) up to the
 * root (path[height - 2]), each with the index of the child that the path goes through. All changes
 * but those of a leaf alone are made through a path and keep it valid.
 */
#ifndef LOAM_BTREE_INTERNAL_H
#define LOAM_BTREE_INTERNAL_H

#define LOAM_BTREE_ARCHIVE_ 1 /* The functions are defined here, not called with file and line. */
#include <loam/btree_path.h>

#include "internal/bits.h"

/* ---- where nodes come from: source.c ---- */

/* Shared by the trees of a family. Lies in a block of the allocator. */
struct loam_btree_source {
    loam_allocator allocator;
    size_t references; /* Trees. */
    loam_cache *leaves;
    loam_cache *inners;
    size_t leaf_count;  /* Leaves taken and not given back. */
    size_t inner_count; /* Inner nodes. */
    size_t shares;      /* References beyond the first of each node; 0: no node is shared. */
    bool shared;        /* A snapshot was taken. */
    loam_cache_own own_leaves;
    loam_cache_own own_inners;
};

/* Gives the tree a source if it has none. False iff the memory can't be had. */
bool loam_btree_source_need(loam_btree *tree);

/* One more tree. */
void loam_btree_source_keep(loam_btree_source *source);

/* One tree less; the last one ends the source. Nodes that were not given back are then lost: only
 * over an allocator that does not reclaim. */
void loam_btree_source_drop(loam_btree_source *source);

/* A node of a level (0: a leaf) with no entries and one reference; what is behind the head is
 * unspecified. NULL iff the memory can't be had. */
loam_btree_node *loam_btree_node_take(loam_btree *tree, unsigned level);

/* As loam_btree_node_take(), but places for keys hold anything: the caller fills or pads them. */
loam_btree_node *loam_btree_node_take_bare(loam_btree *tree, unsigned level);

/* Gives one node back, whatever it points to. */
void loam_btree_node_give(loam_btree *tree, loam_btree_node *node);

/* Drops one reference to a subtree: what has none then is given back, and so on below. */
void loam_btree_node_drop(loam_btree *tree, loam_btree_node *node);

/* Nodes taken before anything is changed, so that the change can't fail. */
typedef struct loam_btree_stock {
    loam_btree_node *leaf;
    size_t inner_count;
    loam_btree_node *inners[LOAM_BTREE_MAX_HEIGHT];
} loam_btree_stock;

/* Takes all or nothing. The levels of inner nodes are set when they are used. False iff the memory
 * can't be had. */
bool loam_btree_stock_take(loam_btree *tree, loam_btree_stock *stock, bool leaf, size_t inners);

/* One of the inner nodes that were taken, for a level. */
loam_btree_node *loam_btree_stock_inner(loam_btree_stock *stock, unsigned level);

/* ---- moving things between nodes: node.c ---- */

/* Copies `n` entries between two leaves, or within one. Counts are the caller's. */
void loam_btree_leaf_move(const loam_btree_layout *l, loam_btree_node *to, size_t to_index,
                          const loam_btree_node *from, size_t from_index, size_t n);

/* Copies `n` keys between two inner nodes, or within one. */
void loam_btree_keys_move(const loam_btree_layout *l, loam_btree_node *to, size_t to_index,
                          const loam_btree_node *from, size_t from_index, size_t n);

/* Copies `n` children, and their counts in a tree that has them, between two inner nodes or within
 * one. */
void loam_btree_children_move(const loam_btree *tree, loam_btree_node *to, size_t to_index,
                              const loam_btree_node *from, size_t from_index, size_t n);

/* Puts `child` behind child `index` of a node that has room, with `key` between them. `entries` is
 * what is below it (with order statistics). */
void loam_btree_inner_put(const loam_btree *tree, loam_btree_node *inner, size_t index,
                          const void *key, loam_btree_node *child, size_t entries);

/* Takes child `index` out, and the key before it (behind it for index 0). */
void loam_btree_inner_cut(const loam_btree *tree, loam_btree_node *inner, size_t index);

/* The number of entries below a node; of an inner node only with order statistics. O(children). */
size_t loam_btree_node_entries(const loam_btree *tree, const loam_btree_node *node);

/* The first leaf below a node. */
loam_btree_node *loam_btree_node_first_leaf(const loam_btree *tree, loam_btree_node *node);

/* ---- sharing: share.c ---- */

/* The node itself if it has one reference; else a copy of it, which has one, while `node` has one
 * less, and its children one more each. NULL iff the memory can't be had, or a child has no room for
 * one more reference; then nothing changed. The caller stores the result where `node` was. */
loam_btree_node *loam_btree_node_own(loam_btree *tree, loam_btree_node *node);

/* Makes child `index` of an inner node, which is the tree's own, the tree's own. NULL as above. */
loam_btree_node *loam_btree_child_own(loam_btree *tree, loam_btree_node *inner, size_t index);

/* ---- paths: path.c ---- */

/* Sets a path to where `key` is or would be: before the first entry that is not before it, or behind the last
 * that is not behind it (`upto`). It may stand at the end of a leaf although there is a next one. */
void loam_btree_path_seek(loam_btree_cursor *path, const loam_btree *tree, const void *key,
                          bool upto);

/* Sets a path to the entry that has the key: the first one in a multimap. False iff there is none. */
bool loam_btree_path_find(loam_btree_cursor *path, const loam_btree *tree, const void *key);

/* Makes the separator left of the path's leaf what its first key is. Needed after that has changed. */
void loam_btree_path_separator(loam_btree_cursor *path);

/* Goes down from path[level - 1], whose node and index are set, along first children to the start of the
 * first leaf, or along last ones to the end of the last. */
void loam_btree_path_descend(loam_btree_cursor *path, size_t level, bool last);

/* Stops a checked build at cursors that are stale or of two trees. */
void loam_btree_cursors_require(const loam_btree_cursor *a, const loam_btree_cursor *b);

/* ---- changes: insert.c, mend.c; loam/btree_path.h has those that typed faces call ---- */

/* Puts a new root, which has the old one as its only child, on top of the path. */
void loam_btree_path_raise(loam_btree_cursor *path, loam_btree_stock *stock);

/* Splits the full inner node path[level - 1], of which the first `keep` children stay; `right`, which is
 * empty, gets the others. The node above has room. The path then goes through the half that it stood in. */
void loam_btree_path_split(loam_btree_cursor *path, size_t level, loam_btree_node *right,
                           size_t keep);

/* Moves the last `n` entries or children of the left neighbour of node `level` of a path to its front. There is
 * one, under the same parent, with more than `n`; the node has room; all are the tree's own. Keeps the
 * path in its gap. */
void loam_btree_path_borrow(loam_btree_cursor *path, size_t level, size_t n);

/* Mends the tree after entries or children were taken from nodes of the path: node `level` of it (0: the
 * leaf) and those above are merged or evened out with neighbours until all have a third, and the root
 * is lowered while it has one child. A leaf without entries is never left. The nodes of the path are the
 * tree's own. Keeps the path in its gap. Can't fail.
 *
 * Returns whether the path's leaf was taken out: then the separators are right, and the path may run
 * through nodes that snapshots share. Else, if the first entry of the leaf had changed,
 * loam_btree_path_separator() is still to be called. */
bool loam_btree_path_mend(loam_btree_cursor *path, size_t level);

#endif
