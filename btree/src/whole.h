/* whole.h: what the operations on trees as a whole share.
 */
#ifndef LOAM_BTREE_SRC_WHOLE_H
#define LOAM_BTREE_SRC_WHOLE_H

#include "btree_internal.h"

#include <loam/btree_load.h>

/* ---- beginning: btree.c ---- */

/* Where the epochs of a new tree begin: away from those of the trees before, which may have stood at the
 * same address and left cursors behind. 0 in unchecked builds. */
size_t loam_btree_first_epoch(void);

/* ---- being alike: join.c ---- */

/* Whether two trees are of one type: the same layout, comparison, context and options. */
bool loam_btree_same_type(const loam_btree *a, const loam_btree *b);

bool loam_btree_same_allocator(loam_allocator a, loam_allocator b);

/* ---- counting: rank.c ---- */

/* The number of entries below children `from` to before `to` of an inner node. O(children) with order
 * statistics, else O(leaves). */
size_t loam_btree_children_entries(const loam_btree *tree, const loam_btree_node *inner,
                                   size_t from, size_t to);

/* Whether a path stands before another one of the same tree. The two paths of one gap, at the end of a leaf
 * and at the start of the next one, differ. */
bool loam_btree_path_before(const loam_btree_cursor *a, const loam_btree_cursor *b);

/* The number of entries between two paths; 0 unless `a` stands before `b`. */
size_t loam_btree_path_between(const loam_btree_cursor *a, const loam_btree_cursor *b);

/* ---- building: build.c ---- */

/* Copies all entries of a tree, whose layout is the same, to the end of what is built. False iff a node
 * can't be had; then what was built is gone. */
bool loam_btree_build_copy(loam_btree_builder_ *build, const loam_btree *from);

/* Makes `to` an empty tree that is as `from`, with no source. */
void loam_btree_like(loam_btree *to, const loam_btree *from);

/* ---- seams: seam.c ---- */

/* Mends all that is too empty along a path, from the root down to the leaf: nodes may have one child
 * and no key. In a tree that shares, what can't be copied stays as it is. Keeps the path in its gap. Can't
 * fail. */
void loam_btree_seam_mend(loam_btree_cursor *path);

/* Puts the tree `small` behind (or, with `front`, before) all entries of `big`, which is not lower. Both have
 * entries and are of one family. `small` is empty then. False iff a node can't be had; then nothing
 * changed that can be seen. */
bool loam_btree_seam_join(loam_btree *big, loam_btree *small, bool front);

#endif
