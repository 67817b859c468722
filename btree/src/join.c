/* join.c: a tree behind another one.
 *
 * The lower tree is hung into the edge of the higher one. For that both must have their nodes from one
 * source. Two sources over the same allocator become one if one of them has a single tree: blocks of such
 * sources are alike, and its counts are then those of that tree. Else the right tree is copied into
 * nodes of the left one's source first.
 */
#include "whole.h"

bool loam_btree_same_allocator(loam_allocator a, loam_allocator b)
{
    return a.ops == b.ops && a.self == b.self;
}

bool loam_btree_same_type(const loam_btree *a, const loam_btree *b)
{
    return memcmp(&a->layout, &b->layout, sizeof a->layout) == 0 && a->compare == b->compare &&
           a->context == b->context &&
           ((a->flags ^ b->flags) & (LOAM_BTREE_MULTI_ | LOAM_BTREE_COUNTED_)) == 0;
}

/* Makes a tree, the only one of its source, one of another source. */
static void move_to(loam_btree *tree, loam_btree_source *source)
{
    loam_btree_source *old = tree->source;

    source->leaf_count += old->leaf_count;
    source->inner_count += old->inner_count;
    source->shared = source->shared || old->shared;
    source->shares += old->shares;
    loam_btree_source_keep(source);
    tree->source = source;
    loam_btree_source_drop(old);
}

/* Makes two trees of one family if that takes O(1). Both have had nodes. */
static bool one_family(loam_btree *left, loam_btree *right)
{
    if (left->source == right->source)
        return true;
    if (!loam_btree_same_allocator(left->allocator, right->allocator))
        return false;
    if (right->source->references == 1)
        move_to(right, left->source);
    else if (left->source->references == 1)
        move_to(left, right->source);
    else
        return false;
    return true;
}

/* Whether the keys of `right` may stand behind those of `left`; neither is empty. */
static bool in_order(const loam_btree *left, const loam_btree *right)
{
    const void *last = loam_btree_last(left).key;
    int order = left->compare(left->context, loam_btree_first(right).key, last);

    return order > 0 || (order == 0 && (left->flags & LOAM_BTREE_MULTI_));
}

/* Joins two trees of one family. */
static bool splice(loam_btree *left, loam_btree *right)
{
    uint32_t shares = (left->flags | right->flags) & LOAM_BTREE_SHARES_;

    if (left->height == 0) {
        left->root = right->root;
        left->height = right->height;
        left->count = right->count;
        left->flags |= shares;
        right->root = NULL;
        loam_btree_clear(right);
    } else if (left->height >= right->height) {
        if (!loam_btree_seam_join(left, right, false))
            return false;
    } else {
        if (!loam_btree_seam_join(right, left, true))
            return false;
        return splice(left, right); /* The left one is empty now. */
    }
    loam_btree_changed_(left);
    return true;
}

/* Joins by copying the right tree. */
static bool copy_behind(loam_btree *left, loam_btree *right)
{
    loam_btree_builder_ build;
    loam_btree copy;

    loam_btree_like(&copy, left);
    copy.source = left->source; /* Not kept: the copy ends here. */
    if (!loam_btree_build_begin_(&build, &copy, 100) || !loam_btree_build_copy(&build, right))
        return false;
    if (!splice(left, &copy)) {
        loam_btree_clear(&copy);
        return false;
    }
    loam_btree_clear(right);
    return true;
}

bool loam_btree_join(loam_btree *left, loam_btree *right)
{
    if (!loam_btree_same_type(left, right))
        return false;
    if (right->height == 0)
        return true;
    if (left == right || (left->height && !in_order(left, right)))
        return false;
    /* Nodes that are shared count for each tree: 64 times a tree behind its own snapshot is enough. */
    if (left->count > (size_t)PTRDIFF_MAX - right->count)
        return false;
    if (!left->source && loam_btree_same_allocator(left->allocator, right->allocator)) {
        left->source = right->source;
        loam_btree_source_keep(left->source);
    }
    if (!loam_btree_source_need(left))
        return false;
    return one_family(left, right) ? splice(left, right) : copy_behind(left, right);
}
