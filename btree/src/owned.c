/* owned.c: entries that own something, and filtering: what calls back for each entry.
 */
#include "whole.h"

/* ---- copy and clear ---- */

/* Ends the first `n` entries. */
static void end_first(const loam_btree *tree, size_t n, loam_btree_end_fn end, void *context)
{
    loam_btree_cursor at;

    loam_btree_cursor_seek_first(&at, tree);
    while (n-- > 0) {
        loam_btree_entry entry = loam_btree_cursor_next(&at);

        if (!entry.key)
            return;
        end(context, (void *)(uintptr_t)entry.key, entry.value);
    }
}

bool loam_btree_copy_owned(const loam_btree *tree, loam_allocator allocator, loam_btree *copy,
                           loam_btree_clone_fn clone, loam_btree_end_fn end, void *context)
{
    loam_btree_cursor at;
    loam_btree_entry entry;
    size_t done = 0;

    if (!loam_btree_copy(tree, allocator, copy))
        return false;
    loam_btree_cursor_seek_first(&at, copy);
    for (; (entry = loam_btree_cursor_next(&at)).key; done++) {
        if (!clone(context, (void *)(uintptr_t)entry.key, entry.value)) {
            if (end)
                end_first(copy, done, end, context);
            loam_btree_deinit(copy);
            return false;
        }
        /* The first key of a leaf is a separator, too. */
        if (at.index == 1)
            loam_btree_path_separator(&at);
    }
    return true;
}

void loam_btree_clear_owned(loam_btree *tree, loam_btree_end_fn end, void *context)
{
    end_first(tree, tree->count, end, context);
    loam_btree_clear(tree);
}

/* ---- filtering ---- */

enum { WORD = 64 }; /* bits */

/* What is to go of a leaf, by index. */
typedef struct verdict {
    size_t count;
    uint64_t bits[(LOAM_BTREE_MAX_ENTRIES + WORD - 1) / WORD];
} verdict;

static bool goes(const verdict *v, size_t index)
{
    return v->bits[index / WORD] >> (index % WORD) & 1;
}

/* Asks for all entries of the path's leaf from the path on. */
static void ask(verdict *v, const loam_btree_cursor *path, loam_btree_keep_fn keep, void *context)
{
    const loam_btree_layout *l = &path->tree->layout;

    memset(v, 0, sizeof *v);
    for (size_t i = path->index; i < path->leaf->count; i++) {
        if (!keep(context, loam_btree_key_at_(l, path->leaf, i),
                  loam_btree_value_at_(l, path->leaf, i))) {
            v->bits[i / WORD] |= (uint64_t)1 << (i % WORD);
            v->count++;
        }
    }
}

/* Takes them out, and mends the tree. The path, whose nodes are the tree's own, stands behind what was asked for
 * then. */
static void sweep(const verdict *v, loam_btree_cursor *path)
{
    loam_btree *tree = path->tree;
    const loam_btree_layout *l = &tree->layout;
    loam_btree_node *leaf = path->leaf;
    bool first = goes(v, 0);
    size_t to = path->index;

    for (size_t i = path->index; i < leaf->count; i++) {
        if (!goes(v, i))
            loam_btree_leaf_move(l, leaf, to++, leaf, i, 1);
    }
    loam_btree_shorten_(l, leaf, to);
    path->index = to;
    tree->count -= v->count;
    loam_btree_path_count_(path, l, 0 - v->count);
    if (leaf->count < loam_btree_leaf_min_(l) && loam_btree_path_mend(path, 0))
        first = false;
    if (first)
        loam_btree_path_separator(path);
    loam_btree_changed_(tree);
    path->epoch = tree->epoch;
}

bool loam_btree_retain(loam_btree *tree, loam_btree_keep_fn keep, void *context, size_t *erased)
{
    size_t before = tree->count;
    bool done = true;
    loam_btree_cursor path;
    verdict v;

    loam_btree_cursor_seek_first(&path, tree);
    while (path.leaf && (path.index < path.leaf->count || loam_btree_cursor_climb_next_(&path))) {
        ask(&v, &path, keep, context);
        if (v.count == 0) {
            path.index = path.leaf->count;
            continue;
        }
        done = loam_btree_path_own_(&path);
        if (!done)
            break;
        sweep(&v, &path);
    }
    if (erased)
        *erased = before - tree->count;
    return done;
}
