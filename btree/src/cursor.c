/* cursor.c: cursors, which are paths with an epoch.
 */
#include "btree_internal.h"

void loam_btree_cursor_stale_(const loam_btree_cursor *cursor)
{
    loam_fatal_at(LOAM_MISUSE_BTREE_CURSOR, cursor, cursor->file, cursor->line);
}

void loam_btree_cursors_require(const loam_btree_cursor *a, const loam_btree_cursor *b)
{
    loam_btree_cursor_require_(a);
    loam_btree_cursor_require_(b);
    if (LOAM_CHECKS && LOAM_UNLIKELY(a->tree != b->tree))
        loam_fatal_at(LOAM_MISUSE_BTREE_CURSORS, a, a->file, a->line);
}

static void set_root(loam_btree_cursor *cursor, const loam_btree *tree)
{
    cursor->tree = (loam_btree *)(uintptr_t)tree;
    cursor->epoch = tree->epoch;
    cursor->leaf = tree->root;
    cursor->index = 0;
}

void loam_btree_cursor_seek_first(loam_btree_cursor *cursor, const loam_btree *tree)
{
    set_root(cursor, tree);
    if (tree->height > 1) {
        cursor->path[tree->height - 2].node = tree->root;
        cursor->path[tree->height - 2].index = 0;
        loam_btree_path_descend(cursor, tree->height - 1, false);
    }
}

void loam_btree_cursor_seek_last(loam_btree_cursor *cursor, const loam_btree *tree)
{
    set_root(cursor, tree);
    if (tree->height > 1) {
        cursor->path[tree->height - 2].node = tree->root;
        cursor->path[tree->height - 2].index = tree->root->count;
        loam_btree_path_descend(cursor, tree->height - 1, true);
    } else if (tree->root) {
        cursor->index = tree->root->count;
    }
}

bool loam_btree_cursor_seek_lower(loam_btree_cursor *cursor, const loam_btree *tree,
                                  const void *key)
{
    return loam_btree_path_find(cursor, tree, key);
}

void loam_btree_cursor_seek_upper(loam_btree_cursor *cursor, const loam_btree *tree,
                                  const void *key)
{
    loam_btree_path_seek(cursor, tree, key, true);
}

bool loam_btree_cursor_seek_near(loam_btree_cursor *cursor, const void *key)
{
    return loam_btree_seek_near_(cursor, &cursor->tree->layout, LOAM_BTREE_BY_POINTER_, NULL, key);
}

bool loam_btree_cursor_feed(void *cursor, const void **key, const void **value)
{
    loam_btree_entry entry = loam_btree_cursor_next((loam_btree_cursor *)cursor);

    *key = entry.key;
    *value = entry.value;
    return entry.key != NULL;
}

loam_btree_entry loam_btree_cursor_next_slow_(loam_btree_cursor *cursor)
{
    return loam_btree_cursor_next_(cursor, &cursor->tree->layout);
}

loam_btree_entry loam_btree_cursor_prev_slow_(loam_btree_cursor *cursor)
{
    return loam_btree_cursor_prev_(cursor, &cursor->tree->layout);
}

loam_btree_entry loam_btree_cursor_peek_next(loam_btree_cursor *cursor)
{
    loam_btree_entry entry = loam_btree_cursor_next(cursor);

    if (entry.key)
        cursor->index--;
    return entry;
}

loam_btree_entry loam_btree_cursor_peek_prev(loam_btree_cursor *cursor)
{
    loam_btree_entry entry = loam_btree_cursor_prev(cursor);

    if (entry.key)
        cursor->index++;
    return entry;
}

/* The keys around the gap of a cursor, NULL where there is none. The cursor is moved for it only at the ends
 * of a leaf, and then a copy of it. */
static const void *key_before(const loam_btree_cursor *cursor)
{
    loam_btree_cursor at;

    if (cursor->index > 0)
        return loam_btree_key_at_(&cursor->tree->layout, cursor->leaf, cursor->index - 1);
    at = *cursor;
    return loam_btree_cursor_prev(&at).key;
}

static const void *key_behind(const loam_btree_cursor *cursor)
{
    loam_btree_cursor at;

    if (cursor->leaf && cursor->index < cursor->leaf->count)
        return loam_btree_key_at_(&cursor->tree->layout, cursor->leaf, cursor->index);
    at = *cursor;
    return loam_btree_cursor_next(&at).key;
}

/* Whether a key belongs into the gap of a cursor. */
static bool belongs(const loam_btree_cursor *cursor, const void *key)
{
    const loam_btree *tree = cursor->tree;
    int most = tree->flags & LOAM_BTREE_MULTI_ ? 1 : 0; /* Orders below this are fine. */
    const void *before = key_before(cursor);
    const void *behind = key_behind(cursor);

    return (!before || tree->compare(tree->context, key, before) > -most) &&
           (!behind || tree->compare(tree->context, key, behind) < most);
}

void *loam_btree_cursor_insert(loam_btree_cursor *cursor, const void *key, const void *value)
{
    void *at;

    loam_btree_cursor_require_(cursor);
    if (!belongs(cursor, key))
        return NULL;
    at = loam_btree_path_put_(cursor, key, value);
    if (at)
        cursor->index++;
    return at;
}

bool loam_btree_cursor_erase_next(loam_btree_cursor *cursor, loam_btree_entry *next)
{
    bool erased = loam_btree_cursor_peek_next(cursor).key != NULL && loam_btree_path_cut_(cursor);

    if (next)
        *next = loam_btree_cursor_peek_next(cursor);
    return erased;
}

bool loam_btree_cursor_erase_prev(loam_btree_cursor *cursor, loam_btree_entry *next)
{
    bool erased = false;

    if (loam_btree_cursor_prev(cursor).key != NULL) {
        erased = loam_btree_path_cut_(cursor);
        if (!erased)
            cursor->index++;
    }
    if (next)
        *next = loam_btree_cursor_peek_next(cursor);
    return erased;
}

loam_btree_entry loam_btree_cursor_own(loam_btree_cursor *cursor)
{
    if (loam_btree_cursor_peek_next(cursor).key == NULL || !loam_btree_path_own_(cursor))
        return loam_btree_no_entry_();
    return loam_btree_entry_at_(&cursor->tree->layout, cursor->leaf, cursor->index);
}
