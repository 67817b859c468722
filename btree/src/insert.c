/* insert.c: putting an entry into a gap, whatever that takes.
 *
 * A full leaf first moves entries to a neighbour with room under the same parent. Where there is none it
 * is split, and so are the full nodes above it, of which the topmost may be the root: all nodes for that
 * are taken before anything is changed, and then the splits are made from the top down, so that a node
 * that is put into its parent always finds room there. Each of those steps leaves a valid tree and a valid
 * path.
 *
 * A split gives both halves the same, but where the path runs along an edge: then nearly all
 * stays on the side that the path comes from, so that ascending and descending appends leave full
 * nodes.
 */
#include "btree_internal.h"

/* Moves the first `n` entries of the path's leaf to the end of its left neighbour. The new entry goes
 * where the path then stands. */
static void rotate_left(loam_btree_cursor *path, loam_btree_node *left, size_t n)
{
    loam_btree *tree = path->tree;
    const loam_btree_layout *l = &tree->layout;
    loam_btree_step *up = &path->path[0];
    loam_btree_node *leaf = path->leaf;

    loam_btree_leaf_move(l, left, left->count, leaf, 0, n);
    loam_btree_leaf_move(l, leaf, 0, leaf, n, leaf->count - n);
    left->count = (uint16_t)(left->count + n);
    loam_btree_shorten_(l, leaf, leaf->count - n);
    memcpy(loam_btree_key_at_(l, up->node, up->index - 1), loam_btree_key_at_(l, leaf, 0),
           l->key_size);
    if (tree->flags & LOAM_BTREE_COUNTED_) {
        loam_btree_counts_(l, up->node)[up->index - 1] += n;
        loam_btree_counts_(l, up->node)[up->index] -= n;
    }
    /* In front of the first entry that stays, the new one becomes the last of the left leaf. */
    if (path->index < n || (path->index == n && left->count < l->leaf_cap)) {
        up->index--;
        path->leaf = left;
        path->index += left->count - n;
    } else {
        path->index -= n;
    }
}

/* Moves the last `n` entries of the path's leaf to the start of its right neighbour. */
static void rotate_right(loam_btree_cursor *path, loam_btree_node *right, size_t n)
{
    loam_btree *tree = path->tree;
    const loam_btree_layout *l = &tree->layout;
    loam_btree_step *up = &path->path[0];
    loam_btree_node *leaf = path->leaf;

    loam_btree_leaf_move(l, right, n, right, 0, right->count);
    loam_btree_leaf_move(l, right, 0, leaf, leaf->count - n, n);
    right->count = (uint16_t)(right->count + n);
    loam_btree_shorten_(l, leaf, leaf->count - n);
    memcpy(loam_btree_key_at_(l, up->node, up->index), loam_btree_key_at_(l, right, 0),
           l->key_size);
    if (tree->flags & LOAM_BTREE_COUNTED_) {
        loam_btree_counts_(l, up->node)[up->index + 1] += n;
        loam_btree_counts_(l, up->node)[up->index] -= n;
    }
    if (path->index > leaf->count || leaf->count == l->leaf_cap) {
        up->index++;
        path->index -= leaf->count;
        path->leaf = right;
    }
}

/* The neighbour that is child `index`, if there is one with enough room that is, or can be made, the
 * tree's own. */
static loam_btree_node *neighbour_with_room(loam_btree_cursor *path, size_t index)
{
    loam_btree *tree = path->tree;
    const loam_btree_node *parent = path->path[0].node;
    size_t cap = tree->layout.leaf_cap;
    const loam_btree_node *leaf;

    if (index > parent->count)
        return NULL;
    leaf = loam_btree_children_(&tree->layout, parent)[index];
    if (leaf->count + cap / 4 >= cap)
        return NULL;
    return loam_btree_child_own(tree, path->path[0].node, index);
}

/* How many entries go to a neighbour with `room`: half of it, or all where the new entry comes behind
 * (before) all entries of the leaf, and the next ones probably too. One at least, unless the new entry
 * itself goes to the neighbour without any. */
static size_t share_of(size_t room, bool far, bool near)
{
    size_t n = far ? room : room / 2;

    return n == 0 && !near ? 1 : n;
}

/* Asks for the heads of both neighbours at once. */
LOAM_INLINE void ask_for_neighbours(const loam_btree_cursor *path)
{
    const loam_btree_step *up = &path->path[0];
    loam_btree_node **children = loam_btree_children_(&path->tree->layout, up->node);

    if (up->index > 0)
        loam_btree_prefetch_(children[up->index - 1]);
    if (up->index < up->node->count)
        loam_btree_prefetch_(children[up->index + 1]);
}

/* Makes room in the full leaf of the path by moving entries to a neighbour. False iff there is no
 * neighbour with room. */
static bool rotate(loam_btree_cursor *path)
{
    size_t cap = path->tree->layout.leaf_cap;
    size_t index;
    loam_btree_node *to;

    if (path->tree->height < 2)
        return false;
    index = path->path[0].index;
    ask_for_neighbours(path);
    if (index > 0 && (to = neighbour_with_room(path, index - 1)) != NULL) {
        rotate_left(path, to, share_of(cap - to->count, path->index == cap, path->index == 0));
        return true;
    }
    to = neighbour_with_room(path, index + 1);
    if (!to)
        return false;
    rotate_right(path, to, share_of(cap - to->count, path->index == 0, path->index == cap));
    return true;
}

void loam_btree_path_raise(loam_btree_cursor *path, loam_btree_stock *stock)
{
    loam_btree *tree = path->tree;
    loam_btree_node *root = loam_btree_stock_inner(stock, tree->height);

    loam_btree_children_(&tree->layout, root)[0] = tree->root;
    if (tree->flags & LOAM_BTREE_COUNTED_)
        loam_btree_counts_(&tree->layout, root)[0] = tree->count;
    path->path[tree->height - 1].node = root;
    path->path[tree->height - 1].index = 0;
    tree->root = root;
    tree->height++;
}

/* Which way the path runs below node `level` of it (0: the leaf): -1 if through first children down to
 * the first gap of the leaf, 1 if through last ones to the gap that has `behind` entries behind it, else
 * 0. */
static int edge(const loam_btree_cursor *path, size_t level, size_t behind)
{
    bool first = path->index == 0;
    bool last = path->index + behind == path->leaf->count;

    for (size_t i = 0; i < level; i++) {
        first = first && path->path[i].index == 0;
        last = last && path->path[i].index == path->path[i].node->count;
    }
    return last ? 1 : first ? -1 : 0;
}

void loam_btree_path_split(loam_btree_cursor *path, size_t level, loam_btree_node *right,
                           size_t keep)
{
    loam_btree *tree = path->tree;
    const loam_btree_layout *l = &tree->layout;
    loam_btree_step *step = &path->path[level - 1];
    loam_btree_step *up = &path->path[level];
    loam_btree_node *left = step->node;
    size_t move = (size_t)left->count + 1 - keep;
    size_t entries;

    loam_btree_keys_move(l, right, 0, left, keep, move - 1);
    loam_btree_children_move(tree, right, 0, left, keep, move);
    right->count = (uint16_t)(move - 1);
    entries = loam_btree_node_entries(tree, right);
    loam_btree_inner_put(tree, up->node, up->index, loam_btree_key_at_(l, left, keep - 1), right,
                         entries);
    loam_btree_shorten_(l, left, keep - 1);
    if (tree->flags & LOAM_BTREE_COUNTED_)
        loam_btree_counts_(l, up->node)[up->index] -= entries;
    if (step->index >= keep) {
        step->node = right;
        step->index -= keep;
        up->index++;
    }
}

/* Splits the full inner node path[level - 1]; the node above it has room. */
static void split_inner(loam_btree_cursor *path, size_t level, loam_btree_node *right)
{
    size_t count = path->path[level - 1].node->count;
    int way = edge(path, level, 0);

    /* Where the path is, another child will come. */
    loam_btree_path_split(path, level, right, way > 0 ? count : way < 0 ? 1 : (count + 1) / 2);
}

/* Splits the full leaf; its parent has room. The path then stands in a leaf with room. A leaf that is
 * left without an entry gets the new one. */
static void split_leaf(loam_btree_cursor *path, const void *key, loam_btree_node *right)
{
    loam_btree *tree = path->tree;
    const loam_btree_layout *l = &tree->layout;
    loam_btree_step *up = &path->path[0];
    loam_btree_node *left = path->leaf;
    size_t cap = left->count;
    size_t keep = path->index == cap ? cap : path->index == 0 ? 0 : cap / 2;

    loam_btree_leaf_move(l, right, 0, left, keep, cap - keep);
    right->count = (uint16_t)(cap - keep);
    loam_btree_shorten_(l, left, keep);
    loam_btree_inner_put(tree, up->node, up->index,
                         keep == cap ? key : loam_btree_key_at_(l, right, 0), right, cap - keep);
    if (tree->flags & LOAM_BTREE_COUNTED_)
        loam_btree_counts_(l, up->node)[up->index] -= cap - keep;
    if (path->index > keep || keep == cap) {
        path->leaf = right;
        path->index -= keep;
        up->index++;
    }
}

/* Splits the full leaf of a path and what is full above it. False iff the nodes can't be had. */
static bool split(loam_btree_cursor *path, const void *key)
{
    loam_btree *tree = path->tree;
    loam_btree_stock stock;
    size_t full = 0; /* Inner nodes to split. */

    while (full + 1 < tree->height && path->path[full].node->count == tree->layout.inner_cap)
        full++;
    if (full + 1 == tree->height && tree->height == LOAM_BTREE_MAX_HEIGHT)
        return false;
    if (!loam_btree_stock_take(tree, &stock, true, full + (full + 1 == tree->height)))
        return false;
    if (full + 1 == tree->height)
        loam_btree_path_raise(path, &stock);
    for (size_t level = full; level > 0; level--)
        split_inner(path, level, loam_btree_stock_inner(&stock, (unsigned)level));
    split_leaf(path, key, stock.leaf);
    return true;
}

/* Gives an empty tree a leaf. False iff it can't be had. */
static bool plant(loam_btree_cursor *path)
{
    loam_btree *tree = path->tree;
    loam_btree_node *leaf = loam_btree_node_take(tree, 0);

    if (!leaf)
        return false;
    tree->root = leaf;
    tree->height = 1;
    path->leaf = leaf;
    path->index = 0;
    return true;
}

/* The next key may come behind (or before) the one that the path stands before, at the end of the tree. */
static void keep_at_hand(loam_btree_cursor *path)
{
    loam_btree *tree = path->tree;
    int way = tree->height > 1 ? edge(path, tree->height - 1, 1) : 0;

    if (way == 0)
        return;
    tree->tail = path->leaf;
    if (way < 0)
        tree->flags |= LOAM_BTREE_FRONT_;
}

void *loam_btree_path_put_(loam_btree_cursor *path, const void *key, const void *value)
{
    loam_btree *tree = path->tree;
    const loam_btree_layout *l = &tree->layout;
    void *at;

    if (tree->height == 0 ? !plant(path) : !loam_btree_path_own_(path))
        return NULL;
    if (path->leaf->count == l->leaf_cap && !rotate(path) && !split(path, key))
        return NULL;
    at = loam_btree_leaf_put_(l, path->leaf, path->index, path->leaf->count - path->index, key,
                              value);
    if (path->index == 0)
        loam_btree_path_separator(path);
    loam_btree_path_count_(path, l, 1);
    tree->count++;
    loam_btree_changed_(tree);
    path->epoch = tree->epoch;
    keep_at_hand(path);
    return at;
}

void *loam_btree_put_full_(loam_btree *tree, loam_btree_step up, loam_btree_node *leaf,
                           size_t index, const void *key, const void *value)
{
    loam_btree_cursor path; /* Without the steps above, which need not change. */
    void *at;

    path.tree = tree;
    path.leaf = leaf;
    path.index = index;
    path.path[0] = up;
    if (!rotate(&path) && !split(&path, key))
        return NULL;
    at = loam_btree_leaf_put_(&tree->layout, path.leaf, path.index, path.leaf->count - path.index,
                              key, value);
    if (path.index == 0)
        memcpy(loam_btree_key_at_(&tree->layout, path.path[0].node, path.path[0].index - 1), key,
               tree->layout.key_size);
    tree->count++;
    loam_btree_changed_(tree);
    return at;
}

void *loam_btree_path_meet_(loam_btree_cursor *path, const void *key, const void *value,
                            loam_btree_mode_ mode)
{
    const loam_btree_layout *l = &path->tree->layout;
    void *at;

    if (mode != LOAM_BTREE_INSERT_ && !loam_btree_path_own_(path))
        return NULL;
    at = loam_btree_value_at_(l, path->leaf, path->index);
    if (mode == LOAM_BTREE_REPLACE_) {
        memcpy(loam_btree_key_at_(l, path->leaf, path->index), key, l->key_size);
        if (l->value_size && value)
            memcpy(at, value, l->value_size);
        else if (l->value_size)
            memset(at, 0, l->value_size);
        if (path->index == 0)
            loam_btree_path_separator(path);
        loam_btree_changed_(path->tree);
    }
    return at;
}

void *loam_btree_put_slow_(loam_btree *tree, const void *key, const void *value,
                           loam_btree_mode_ mode, bool *added)
{
    return loam_btree_put_path_(tree, &tree->layout, LOAM_BTREE_BY_POINTER_, NULL, key, value, mode,
                                added);
}

void *loam_btree_insert(loam_btree *tree, const void *key, const void *value, bool *added)
{
    return loam_btree_put_(tree, &tree->layout, LOAM_BTREE_BY_POINTER_, NULL, key, value,
                           LOAM_BTREE_INSERT_, added, loam_btree_put_slow_);
}

void *loam_btree_upsert(loam_btree *tree, const void *key, bool *added)
{
    return loam_btree_put_(tree, &tree->layout, LOAM_BTREE_BY_POINTER_, NULL, key, NULL,
                           LOAM_BTREE_UPSERT_, added, loam_btree_put_slow_);
}

void *loam_btree_replace(loam_btree *tree, const void *key, const void *value, void *old_key,
                         void *old_value, bool *added)
{
    const loam_btree_layout *l = &tree->layout;
    loam_btree_cursor path;
    void *at;

    if (!loam_btree_path_find(&path, tree, key)) {
        at = loam_btree_path_put_(&path, key, value);
        if (added && at)
            *added = true;
        return at;
    }
    /* Once the path is the tree's own, nothing can be refused any more. */
    if (!loam_btree_path_own_(&path))
        return NULL;
    if (old_key)
        memcpy(old_key, loam_btree_key_at_(l, path.leaf, path.index), l->key_size);
    if (old_value && l->value_size)
        memcpy(old_value, loam_btree_value_at_(l, path.leaf, path.index), l->value_size);
    if (added)
        *added = false;
    return loam_btree_path_meet_(&path, key, value, LOAM_BTREE_REPLACE_);
}
