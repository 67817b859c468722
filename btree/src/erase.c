/* erase.c: taking entries out, by key and by place.
 */
#include "btree_internal.h"

bool loam_btree_path_cut_(loam_btree_cursor *path)
{
    loam_btree *tree = path->tree;
    bool first = path->index == 0;

    if (!loam_btree_path_own_(path))
        return false;
    loam_btree_leaf_cut_(&tree->layout, path->leaf, path->index);
    tree->count--;
    loam_btree_path_count_(path, &tree->layout, (size_t)-1);
    if (path->leaf->count < loam_btree_leaf_min_(&tree->layout) && loam_btree_path_mend(path, 0))
        first = false;
    if (first)
        loam_btree_path_separator(path);
    loam_btree_changed_(tree);
    path->epoch = tree->epoch;
    return true;
}

static void copy_out(const loam_btree_cursor *path, void *key, void *value)
{
    const loam_btree_layout *l = &path->tree->layout;

    if (key)
        memcpy(key, loam_btree_key_at_(l, path->leaf, path->index), l->key_size);
    if (value && l->value_size)
        memcpy(value, loam_btree_value_at_(l, path->leaf, path->index), l->value_size);
}

bool loam_btree_take_slow_(loam_btree *tree, const void *key, void *old_key, void *old_value)
{
    return loam_btree_take_path_(tree, &tree->layout, LOAM_BTREE_BY_POINTER_, NULL, key, old_key,
                                 old_value);
}

bool loam_btree_erase(loam_btree *tree, const void *key)
{
    return loam_btree_take_(tree, &tree->layout, LOAM_BTREE_BY_POINTER_, NULL, key, NULL, NULL,
                            loam_btree_take_slow_);
}

bool loam_btree_take(loam_btree *tree, const void *key, void *old_key, void *old_value)
{
    return loam_btree_take_(tree, &tree->layout, LOAM_BTREE_BY_POINTER_, NULL, key, old_key,
                            old_value, loam_btree_take_slow_);
}

bool loam_btree_pop_first(loam_btree *tree, void *key, void *value)
{
    loam_btree_cursor path;

    loam_btree_cursor_seek_first(&path, tree);
    if (!path.leaf || !loam_btree_path_own_(&path))
        return false;
    copy_out(&path, key, value);
    return loam_btree_path_cut_(&path);
}

bool loam_btree_pop_last(loam_btree *tree, void *key, void *value)
{
    loam_btree_cursor path;

    loam_btree_cursor_seek_last(&path, tree);
    if (!path.leaf || !loam_btree_path_own_(&path))
        return false;
    path.index--;
    copy_out(&path, key, value);
    return loam_btree_path_cut_(&path);
}
