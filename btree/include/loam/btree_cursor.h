/** @file loam/btree_cursor.h
 * Cursors: places in a tree, on the caller's stack. A part of loam/btree.h, which includes it.
 *
 *     loam_btree_cursor at;
 *
 *     loam_btree_cursor_seek_lower(&at, &tree, &from);
 *     for (loam_btree_entry e; (e = loam_btree_cursor_next(&at)).key;)
 *         use(e.key, e.value);
 *
 * A cursor stands **in a gap**: before the first entry, between two, or behind the last one.
 *
 *      | 10 | 20 | 30 |          five entries would have six gaps
 *           ^
 *           prev() steps over 10 and returns it, next() steps over 20
 *
 * So there is no "end" to fall off, and what insertion and erasure do to the cursor is plain: an
 * insertion puts the new entry into the gap, an erasure takes one of the two neighbours away.
 *
 * A cursor holds until the tree is changed by anything but the cursor itself. A checked build stops
 * with "cursor is older than the last change of its tree" and says where: at the file and line of
 * the call. (The functions of a typed face are no macros, and can't know where they are called: there it
 * says where the cursor was passed through LOAM_BTREE_HERE() since it was last set by a seek, or else where the
 * type was defined.) A refused change
 * in a tree that shares nodes with a snapshot counts as one.
 *
 * A cursor that is only moved may stand in a tree that is const; the functions that change the
 * tree say so.
 */
#ifndef LOAM_BTREE_CURSOR_H
#define LOAM_BTREE_CURSOR_H

#include <loam/btree.h>

LOAM_BEGIN_DECLS

/** A level of a cursor's path: an inner node and which of its children the path goes through.
 * Internal. */
typedef struct loam_btree_step {
    loam_btree_node *node; /**< An inner node. */
    size_t index;          /**< The child. */
} loam_btree_step;

/** A place in a tree. Set by the seek functions; the fields are for the inlined code. May be copied. */
typedef struct loam_btree_cursor {
    loam_btree_node *leaf; /**< The leaf; NULL in an empty tree. */
    size_t index;          /**< The gap before this entry of the leaf. */
    loam_btree *tree;      /**< The tree. */
    size_t epoch;          /**< Its epoch when the cursor was last set. */
    const char *file;      /**< Where that was called, in checked builds. */
    unsigned line;         /**< And the line. */
    loam_btree_step path[LOAM_BTREE_MAX_HEIGHT - 1]; /**< From the leaf's parent up to the root. */
} loam_btree_cursor;

/** Notes where a cursor is used. Internal. */
LOAM_INLINE loam_btree_cursor *loam_btree_cursor_here_(loam_btree_cursor *cursor, const char *file,
                                                       unsigned line)
{
    cursor->file = file;
    cursor->line = line;
    return cursor;
}

/** Notes in a checked build where a cursor is used, and is the cursor. */
#if LOAM_CHECKS
#define LOAM_BTREE_HERE(cursor) loam_btree_cursor_here_((cursor), __FILE__, (unsigned)__LINE__)
#else
#define LOAM_BTREE_HERE(cursor) (cursor)
#endif

/* ---- seeking and moving: no memory is taken, nothing can fail ---- */

/** Sets a cursor into the gap before the first entry. Cost: O(log n). */
void loam_btree_cursor_seek_first(loam_btree_cursor *cursor, const loam_btree *tree);

/** Sets a cursor into the gap behind the last entry. Cost: O(log n). */
void loam_btree_cursor_seek_last(loam_btree_cursor *cursor, const loam_btree *tree);

/** Sets a cursor before the first entry that is not before the key. Returns whether that entry has
 * this key. Cost: O(log n). */
bool loam_btree_cursor_seek_lower(loam_btree_cursor *cursor, const loam_btree *tree,
                                  const void *key);

/** Sets a cursor before the first entry that is behind the key. Cost: O(log n). */
void loam_btree_cursor_seek_upper(loam_btree_cursor *cursor, const loam_btree *tree,
                                  const void *key);

/** Sets a cursor into the gap that has `n` entries before it; behind the last one where there are
 * not so many. Cost: as loam_btree_nth(). */
void loam_btree_cursor_seek_nth(loam_btree_cursor *cursor, const loam_btree *tree, size_t n);

/** As loam_btree_cursor_seek_lower() in the cursor's tree, which was not changed since: quick where the place is near,
 * in the same leaf or below the same parents. So lookups and insertions of keys that come in clusters need not
 * begin at the root:
 *
 *     if (!loam_btree_cursor_seek_near(&at, &key))
 *         done = loam_btree_cursor_insert(&at, &key, &value) != NULL;
 *
 * Cost: O(log d), d entries from where the cursor stands, but up to O(log n) across the edges of big subtrees. */
bool loam_btree_cursor_seek_near(loam_btree_cursor *cursor, const void *key);

/** How many entries are between two cursors of one tree; 0 where `from` is behind `to`. Cost: as
 * loam_btree_count_range(), without a comparison. */
size_t loam_btree_cursor_between(const loam_btree_cursor *from, const loam_btree_cursor *to);

/** A ::loam_btree_next_fn whose context is a cursor: steps over the next entry and gives it. Loads one tree from
 * (a part of) another one, which may be of other options and other nodes:
 *
 *     loam_btree_cursor_seek_lower(&at, &from, &key);
 *     loaded = loam_btree_load(&to, loam_btree_cursor_feed, &at, 0);
 *
 * Cost: as loam_btree_cursor_next(). */
bool loam_btree_cursor_feed(void *cursor, const void **key, const void **value);

/** How many entries are before the cursor. Cost: as loam_btree_rank(), without a comparison. */
size_t loam_btree_cursor_rank(const loam_btree_cursor *cursor);

/** The rare half of loam_btree_cursor_next(), and all of it in checked builds. Internal. */
loam_btree_entry loam_btree_cursor_next_slow_(loam_btree_cursor *cursor);
/** The rare half of loam_btree_cursor_prev(). Internal. */
loam_btree_entry loam_btree_cursor_prev_slow_(loam_btree_cursor *cursor);

/** The entry of the cursor's leaf at `index`. Internal. */
LOAM_INLINE loam_btree_entry loam_btree_cursor_at_(const loam_btree_cursor *cursor, size_t index)
{
    const loam_btree_layout *l = &cursor->tree->layout;
    char *leaf = (char *)cursor->leaf;
    loam_btree_entry entry;

    entry.key = leaf + l->keys + index * l->key_size;
    entry.value = leaf + l->leaf_values + index * l->value_step;
    return entry;
}

/** Steps over the next entry and returns it; none at the end, where the cursor stays. Cost: O(1)
 * amortised over a run, O(log n) at worst. */
LOAM_INLINE loam_btree_entry loam_btree_cursor_next(loam_btree_cursor *cursor)
{
    if (LOAM_CHECKS || LOAM_UNLIKELY(!cursor->leaf || cursor->index >= cursor->leaf->count))
        return loam_btree_cursor_next_slow_(cursor);
    return loam_btree_cursor_at_(cursor, cursor->index++);
}

/** Steps back over the previous entry and returns it; none at the start. Cost: as above. */
LOAM_INLINE loam_btree_entry loam_btree_cursor_prev(loam_btree_cursor *cursor)
{
    if (LOAM_CHECKS || LOAM_UNLIKELY(cursor->index == 0))
        return loam_btree_cursor_prev_slow_(cursor);
    return loam_btree_cursor_at_(cursor, --cursor->index);
}

/** The entry behind the gap; none at the end. The cursor stays where it is. Cost: as above. */
loam_btree_entry loam_btree_cursor_peek_next(loam_btree_cursor *cursor);

/** The entry before the gap; none at the start. Cost: as above. */
loam_btree_entry loam_btree_cursor_peek_prev(loam_btree_cursor *cursor);

/* ---- changing the tree, which was not const; other cursors are stale then ---- */

/** Puts an entry into the gap; the cursor stands behind it then, so that a sorted sequence can be put
 * in one after the other. `value` NULL is zero bytes. Neither may be an address in the tree.
 *
 * Returns the value's address. Returns NULL iff the key does not belong between its neighbours
 * (equal to one, but in a multimap) or a node can't be had; then nothing changed. Cost: O(1) and two
 * comparisons while the leaf has room; O(log n) with order statistics. */
void *loam_btree_cursor_insert(loam_btree_cursor *cursor, const void *key, const void *value);

/** Takes the entry behind the gap out. The cursor stays in the gap, which now ends before the one
 * that followed; that is written to `*next` unless NULL (none at the end).
 *
 * Returns false iff there is none, or the tree shares nodes with a snapshot and a copy is refused; then
 * nothing changed. Cost: O(1) amortised; O(log n) with order statistics. */
bool loam_btree_cursor_erase_next(loam_btree_cursor *cursor, loam_btree_entry *next);

/** As loam_btree_cursor_erase_next(), with the entry before the gap. `*next` is the one behind the gap. */
bool loam_btree_cursor_erase_prev(loam_btree_cursor *cursor, loam_btree_entry *next);

/** Takes all entries between two cursors of one tree out; both must be of its last change. `cursor` stands in the gap
 * then, `end` is stale. Where `end` is not behind the cursor there are none.
 *
 * `*erased` (which may be NULL) is how many. Returns false iff the tree shares nodes with a snapshot and a
 * copy is refused; then nothing changed. Cost: as loam_btree_erase_range(), without a comparison. */
bool loam_btree_cursor_erase_to(loam_btree_cursor *cursor, const loam_btree_cursor *end,
                                size_t *erased);

/** Returns the entry behind the gap with a value that may be written although the tree shares nodes with
 * a snapshot. None at the end, or if a copy is refused. Cost: as a peek, and O(log n) copies at most. */
loam_btree_entry loam_btree_cursor_own(loam_btree_cursor *cursor);

#if LOAM_CHECKS && !defined(LOAM_BTREE_ARCHIVE_)
/** @cond checked */
/* Of a cursor that is const, in which no place can be noted. */
LOAM_INLINE size_t loam_btree_cursor_rank_here_(const loam_btree_cursor *cursor, const char *file,
                                                unsigned line)
{
    if (LOAM_UNLIKELY(cursor->epoch != cursor->tree->epoch))
        loam_fatal_at(LOAM_MISUSE_BTREE_CURSOR, cursor, file, line);
    return loam_btree_cursor_rank(cursor);
}

#define loam_btree_cursor_seek_first(c, tree)                                                      \
    loam_btree_cursor_seek_first(LOAM_BTREE_HERE(c), (tree))
#define loam_btree_cursor_seek_last(c, tree) loam_btree_cursor_seek_last(LOAM_BTREE_HERE(c), (tree))
#define loam_btree_cursor_seek_lower(c, tree, key)                                                 \
    loam_btree_cursor_seek_lower(LOAM_BTREE_HERE(c), (tree), (key))
#define loam_btree_cursor_seek_upper(c, tree, key)                                                 \
    loam_btree_cursor_seek_upper(LOAM_BTREE_HERE(c), (tree), (key))
#define loam_btree_cursor_seek_nth(c, tree, n)                                                     \
    loam_btree_cursor_seek_nth(LOAM_BTREE_HERE(c), (tree), (n))
#define loam_btree_cursor_next(c)      loam_btree_cursor_next(LOAM_BTREE_HERE(c))
#define loam_btree_cursor_prev(c)      loam_btree_cursor_prev(LOAM_BTREE_HERE(c))
#define loam_btree_cursor_peek_next(c) loam_btree_cursor_peek_next(LOAM_BTREE_HERE(c))
#define loam_btree_cursor_peek_prev(c) loam_btree_cursor_peek_prev(LOAM_BTREE_HERE(c))
#define loam_btree_cursor_insert(c, key, value)                                                    \
    loam_btree_cursor_insert(LOAM_BTREE_HERE(c), (key), (value))
#define loam_btree_cursor_erase_next(c, next)                                                      \
    loam_btree_cursor_erase_next(LOAM_BTREE_HERE(c), (next))
#define loam_btree_cursor_erase_prev(c, next)                                                      \
    loam_btree_cursor_erase_prev(LOAM_BTREE_HERE(c), (next))
#define loam_btree_cursor_seek_near(c, key) loam_btree_cursor_seek_near(LOAM_BTREE_HERE(c), (key))
#define loam_btree_cursor_erase_to(c, end, erased)                                                 \
    loam_btree_cursor_erase_to(LOAM_BTREE_HERE(c), (end), (erased))
#define loam_btree_cursor_own(c)  loam_btree_cursor_own(LOAM_BTREE_HERE(c))
#define loam_btree_cursor_rank(c) loam_btree_cursor_rank_here_((c), __FILE__, (unsigned)__LINE__)
/** @endcond */
#endif

LOAM_END_DECLS

#endif
