/* merge.c: the entries of one tree into another one.
 *
 * Where one ends before the other begins they are joined. Else both results are loaded from both trees
 * side by side, beside them, and then put in their place: so a refusal changes nothing.
 */
#include "whole.h"

/* Both trees side by side. */
typedef struct merger {
    const loam_btree *tree;
    loam_btree_cursor a; /* Of the tree. */
    loam_btree_cursor b; /* Of the other one. */
    loam_btree_entry of_a;
    loam_btree_entry of_b;
    size_t met; /* Entries of the other one whose key the tree has. */
} merger;

static void merger_begin(merger *m, const loam_btree *tree, const loam_btree *from)
{
    m->tree = tree;
    m->met = 0;
    loam_btree_cursor_seek_first(&m->a, tree);
    loam_btree_cursor_seek_first(&m->b, from);
    m->of_a = loam_btree_cursor_next(&m->a);
    m->of_b = loam_btree_cursor_next(&m->b);
}

/* Orders the next entries of both; one that there is none of comes last. */
static int merger_order(const merger *m)
{
    if (!m->of_a.key || !m->of_b.key)
        return m->of_a.key ? -1 : 1;
    return m->tree->compare(m->tree->context, m->of_a.key, m->of_b.key);
}

/* A loam_btree_next_fn: what the tree gets. */
static bool next_of_both(void *context, const void **key, const void **value)
{
    merger *m = (merger *)context;
    bool multi = (m->tree->flags & LOAM_BTREE_MULTI_) != 0;
    int order;
    loam_btree_entry *next;

    if (!m->of_a.key && !m->of_b.key)
        return false;
    order = merger_order(m);
    next = order <= 0 ? &m->of_a : &m->of_b;
    *key = next->key;
    *value = next->value;
    if (order <= 0)
        m->of_a = loam_btree_cursor_next(&m->a);
    else
        m->of_b = loam_btree_cursor_next(&m->b);
    if (order == 0 && !multi) {
        m->met++;
        m->of_b = loam_btree_cursor_next(&m->b);
    }
    return true;
}

/* The same: what the other one keeps. */
static bool next_of_met(void *context, const void **key, const void **value)
{
    merger *m = (merger *)context;
    int order;

    while (m->of_a.key && m->of_b.key && (order = merger_order(m)) != 0) {
        if (order < 0)
            m->of_a = loam_btree_cursor_next(&m->a);
        else
            m->of_b = loam_btree_cursor_next(&m->b);
    }
    if (!m->of_a.key || !m->of_b.key)
        return false;
    *key = m->of_b.key;
    *value = m->of_b.value;
    m->of_b = loam_btree_cursor_next(&m->b);
    return true;
}

/* An empty tree that takes its nodes from where a tree does; it is never ended on its own. */
static void beside(loam_btree *to, const loam_btree *tree)
{
    loam_btree_like(to, tree);
    to->source = tree->source;
}

/* Puts what was made beside a tree in its place. */
static void become(loam_btree *tree, const loam_btree *made)
{
    loam_btree_clear(tree);
    tree->root = made->root;
    tree->height = made->height;
    tree->count = made->count;
}

/* Loads both results. */
static bool rebuild(loam_btree *tree, loam_btree *from)
{
    loam_btree whole;
    loam_btree rest;
    merger m;
    size_t all = tree->count + from->count;

    beside(&whole, tree);
    beside(&rest, from);
    merger_begin(&m, tree, from);
    if (!loam_btree_load(&whole, next_of_both, &m, 0))
        return false;
    if (m.met > 0) {
        merger_begin(&m, tree, from);
        if (!loam_btree_load(&rest, next_of_met, &m, 0)) {
            loam_btree_clear(&whole);
            return false;
        }
    }
    /* A comparison that lies: no entry may be lost. */
    if (whole.count + rest.count != all) {
        loam_btree_clear(&whole);
        loam_btree_clear(&rest);
        return false;
    }
    become(tree, &whole);
    become(from, &rest);
    return true;
}

static bool before(const loam_btree *a, const loam_btree *b)
{
    return a->compare(a->context, loam_btree_last(a).key, loam_btree_first(b).key) < 0;
}

static void exchange(loam_btree *a, loam_btree *b)
{
    loam_btree old = *a;

    *a = *b;
    *b = old;
    loam_btree_changed_(a);
    loam_btree_changed_(b);
}

bool loam_btree_merge(loam_btree *tree, loam_btree *from)
{
    if (!loam_btree_same_type(tree, from))
        return false;
    if (from->height == 0)
        return true;
    if (tree == from || tree->count > (size_t)PTRDIFF_MAX - from->count)
        return false;
    if (tree->height == 0 || before(tree, from))
        return loam_btree_join(tree, from);
    if (loam_btree_same_allocator(tree->allocator, from->allocator) && before(from, tree)) {
        if (!loam_btree_join(from, tree))
            return false;
        exchange(tree, from);
        return true;
    }
    return rebuild(tree, from);
}
