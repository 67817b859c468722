/* check.c: every invariant of btree_internal.h, in every node.
 *
 * A node is looked into only if its head can be believed: the level is what its place says, so that
 * the way down ends, and the count is not above the capacity, so that nothing is read outside of it.
 */
#include "btree_internal.h"

typedef struct checker {
    const loam_btree *tree;
    loam_check_fn report;
    void *context;
    const void *before;           /* The key before the next one; NULL at first. */
    const loam_btree_node *first; /* The first leaf; NULL before. */
    const loam_btree_node *last;  /* The leaf that was looked at last. */
    size_t entries;
    size_t leaves;
    size_t inners;
    bool good;
    bool whole; /* All nodes could be looked into. */
} checker;

static bool expect(checker *check, bool holds, const char *property, const void *where)
{
    if (!holds) {
        check->good = false;
        if (check->report)
            check->report(check->context, property, where);
    }
    return holds;
}

/* Whether the head of a node can be believed. */
static bool check_head(checker *check, const loam_btree_node *node, size_t level)
{
    const loam_btree *tree = check->tree;
    const loam_btree_layout *l = &tree->layout;
    size_t cap = level ? l->inner_cap : l->leaf_cap;
    bool lone; /* One child and no key are fine. */

    if (!expect(check, node != NULL, "B4: a child is NULL", NULL) ||
        !expect(check, loam_padding(node, l->align) == 0, "B4: a node is not aligned", node) ||
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the first line has seen to that */
        !expect(check, node->level == level, "B2: the level of a node is not that of its place",
                node) ||
        !expect(check, node->count <= cap, "B3: a node has more than it has room for", node))
        return false;
    lone = level > 0 && tree->source && tree->source->shared && node != tree->root;
    expect(check, node->count >= 1 || lone, "B3: a node has nothing", node);
    expect(check, node->references >= 1, "B9: a node has no reference", node);
    expect(check, node->references <= 1 || (tree->flags & LOAM_BTREE_SHARES_),
           "B9: a node is shared in a tree that shares none", node);
    return true;
}

/* What is behind the keys of a node. */
static void check_pads(checker *check, const loam_btree_node *node)
{
    const loam_btree_layout *l = &check->tree->layout;
    uint64_t pad = loam_btree_pad_of_(l->kind);
    size_t cap = node->level ? l->inner_cap : l->leaf_cap;

    if (l->kind == LOAM_BTREE_COMPARED)
        return;
    for (size_t i = node->count; i < cap; i++) {
        const void *place = loam_btree_key_at_(l, node, i);

        expect(check, memcmp(place, &pad, loam_min(l->key_size, sizeof pad)) == 0,
               "B11: a place behind the keys of a node does not hold the greatest number", place);
    }
}

static void check_keys(checker *check, const loam_btree_node *leaf)
{
    const loam_btree *tree = check->tree;
    int least = tree->flags & LOAM_BTREE_MULTI_ ? 0 : 1;

    for (size_t i = 0; i < leaf->count; i++) {
        const void *key = loam_btree_key_at_(&tree->layout, leaf, i);

        if (check->before)
            expect(check, tree->compare(tree->context, key, check->before) >= least,
                   "B5: a key is not behind the one before it", key);
        check->before = key;
    }
}

/* Checks a node and all below it, whose smallest key is to be `*smallest` unless that is NULL. Returns the
 * number of entries. The depth is the height. */
static size_t check_node(checker *check, const loam_btree_node *node, size_t level,
                         const void *smallest)
{
    const loam_btree *tree = check->tree;
    const loam_btree_layout *l = &tree->layout;
    size_t entries = 0;

    if (!check_head(check, node, level)) {
        check->whole = false;
        return 0;
    }
    check_pads(check, node);
    if (level == 0) {
        check->leaves++;
        check->last = node;
        if (!check->first)
            check->first = node;
        if (smallest && node->count > 0)
            expect(check, memcmp(smallest, loam_btree_key_at_(l, node, 0), l->key_size) == 0,
                   "B6: a separator is not the smallest key right of it", smallest);
        check_keys(check, node);
        return node->count;
    }
    check->inners++;
    for (size_t i = 0; i <= node->count; i++) {
        const loam_btree_node *child = loam_btree_children_(l, node)[i];
        size_t below =
            check_node(check, child, level - 1, i ? loam_btree_key_at_(l, node, i - 1) : smallest);

        if (tree->flags & LOAM_BTREE_COUNTED_)
            expect(check, loam_btree_counts_(l, node)[i] == below,
                   "B7: a count is not the number of entries below", child);
        entries += below;
    }
    return entries;
}

/* What the source counts against what was found. */
static void check_source(checker *check)
{
    const loam_btree *tree = check->tree;
    const loam_btree_source *source = tree->source;

    if (!source) {
        expect(check, !tree->root, "B10: a tree has nodes and no source", tree);
        return;
    }
    if (!expect(check, source->references >= 1, "B10: the source of a tree has no reference",
                source) ||
        !check->whole || (tree->flags & LOAM_BTREE_SHARES_))
        return;
    expect(check, check->leaves <= source->leaf_count && check->inners <= source->inner_count,
           "B10: a tree has more nodes than its source gave out", source);
    expect(check,
           source->references > 1 ||
               (check->leaves == source->leaf_count && check->inners == source->inner_count),
           "B10: the source gave out nodes that are in no tree", source);
}

/* Whether each entry is found where it stands. Numbers and texts that are in order always are; but the comparison
 * of a caller may contradict itself and still put neighbours in order. */
static void check_found(checker *check)
{
    const loam_btree *tree = check->tree;
    bool multi = (tree->flags & LOAM_BTREE_MULTI_) != 0;
    loam_btree_cursor at;
    loam_btree_cursor path;

    loam_btree_cursor_seek_first(&at, tree);
    for (loam_btree_entry entry; (entry = loam_btree_cursor_next(&at)).key;)
        expect(check,
               loam_btree_path_find(&path, tree, entry.key) &&
                   (multi || (path.leaf == at.leaf && path.index + 1 == at.index)),
               "B5: a key is not found where it stands", entry.key);
}

/* The leaf that is at hand. */
static void check_tail(checker *check)
{
    const loam_btree *tree = check->tree;
    bool front = (tree->flags & LOAM_BTREE_FRONT_) != 0;

    expect(check,
           tree->tail ? tree->height > 1 && tree->tail == (front ? check->first : check->last)
                      : !front,
           "B12: the tail of a tree is not the leaf at its end", tree);
}

bool loam_btree_check(const loam_btree *tree, loam_check_fn report, void *context)
{
    checker check = {
        .tree = tree, .report = report, .context = context, .good = true, .whole = true};

    expect(&check, (tree->height == 0) == (tree->root == NULL),
           "B1: a tree has a root without a height, or a height without a root", tree);
    expect(&check, (tree->height == 0) == (tree->count == 0),
           "B1: a tree has entries without a height, or a height without entries", tree);
    if (!expect(&check, tree->height <= LOAM_BTREE_MAX_HEIGHT, "B1: a tree is too high", tree))
        return false;
    if (tree->root && tree->height)
        check.entries = check_node(&check, tree->root, tree->height - 1, NULL);
    expect(&check, check.entries == tree->count,
           "B8: the count of a tree is not the number of its entries", tree);
    check_tail(&check);
    check_source(&check);
    if (check.good && tree->layout.kind == LOAM_BTREE_COMPARED)
        check_found(&check);
    return check.good;
}
