/** @file loam/btree_whole.h
 * More that is done to trees as a whole: merging, filtering, and what entries that own memory need. A part of
 * loam/btree.h, which includes it.
 *
 * A tree moves and copies keys and values as bytes and tells nobody. Where a key or a value owns
 * something, such as a text, its owner ends it: when an entry is taken out by loam_btree_take() with what
 * that copies out, in a loop with what a cursor shows before it erases, and for all of them here.
 *
 *     static void end(void *context, void *key, void *value) { free(*(char **)key); }
 *
 *     loam_btree_clear_owned(&names, end, NULL);
 *     loam_btree_deinit(&names);
 *
 * No function that is passed to these may use the tree.
 */
#ifndef LOAM_BTREE_WHOLE_H
#define LOAM_BTREE_WHOLE_H

#include <loam/btree.h>

LOAM_BEGIN_DECLS

/** Makes what a new entry owns its own. `key` and `value` are the bytes of the entry in the new tree, which so far
 * own what the old one does; in a set `value` is the key. What is written to the key must not change its
 * order. Returns false iff it can't; then the entry owns nothing. */
typedef bool (*loam_btree_clone_fn)(void *context, void *key, void *value);

/** Ends what an entry owns. */
typedef void (*loam_btree_end_fn)(void *context, void *key, void *value);

/** Whether an entry stays. The value may be written, but where nodes are shared with a snapshot. */
typedef bool (*loam_btree_keep_fn)(void *context, const void *key, void *value);

/** As loam_btree_copy(), and `clone` is called for each entry of the copy, in order of keys. `end` may be NULL
 * where nothing is to be undone.
 *
 * Returns false iff a node can't be had, or `clone` returned false; then `end` was called for the entries that it was
 * true for, and `copy` must not be used. Cost: O(n). */
LOAM_NODISCARD bool loam_btree_copy_owned(const loam_btree *tree, loam_allocator allocator,
                                          loam_btree *copy, loam_btree_clone_fn clone,
                                          loam_btree_end_fn end, void *context);

/** As loam_btree_clear(), and `end` is called for each entry before, in order of keys. Snapshots of the tree still have
 * the entries: only the last tree that has them may do this. Can't fail. Cost: O(n). */
void loam_btree_clear_owned(loam_btree *tree, loam_btree_end_fn end, void *context);

/** Takes all entries out for which `keep` is false. It is called once for each entry, in order of keys, for all of a
 * leaf before any of it goes; so it may also end what such an entry owns, in a tree that shares no nodes.
 *
 * `*erased` (which may be NULL) is how many went. Returns false iff the tree shares nodes with a snapshot and a copy is
 * refused: then those that went are the first ones, `keep` may have been false for some that are still there, and it may
 * be called again. Takes no memory otherwise. All cursors are stale. Cost: O(n). */
bool loam_btree_retain(loam_btree *tree, loam_btree_keep_fn keep, void *context, size_t *erased);

/** Moves the entries of `from` into `tree`. Those whose key is there already stay in `from`; in multimaps all move,
 * behind their equals.
 *
 * Trees of one family or over one allocator of which one ends before the other begins are joined. Else both are
 * built anew, their nodes full: a few entries are better inserted one by one into a big tree.
 *
 * Returns false iff types, comparisons or their contexts are not the same, both are one tree that is not empty,
 * together they have more than PTRDIFF_MAX entries (of nodes that they share), a comparison lies, or a node can't be
 * had; then nothing changed. Cost: O(log n) where they are joined, else
 * O(entries of both) and nodes for these. */
LOAM_NODISCARD bool loam_btree_merge(loam_btree *tree, loam_btree *from);

LOAM_END_DECLS

#endif
