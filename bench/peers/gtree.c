/* gtree.c: GLib's GTree, an AVL tree whose keys and values are addresses. */
#include "peers.h"

#include <glib.h>

static gint by_number(gconstpointer a, gconstpointer b)
{
    return (a > b) - (a < b);
}

static gint by_text(gconstpointer a, gconstpointer b)
{
    return strcmp(a, b);
}

static void *open_numbers(void)
{
    return g_tree_new(by_number);
}

static void *open_texts(void)
{
    return g_tree_new(by_text);
}

static void close_tree(void *tree)
{
    g_tree_destroy(tree);
}

static inline size_t walk(GTree *tree, GTreeNode *at, size_t most, uint64_t *sum)
{
    size_t count = 0;

    (void)tree;
    for (; count < most && at; count++, at = g_tree_node_next(at))
        *sum += (uintptr_t)g_tree_node_value(at);
    return count;
}

#define KEY(key)                   ((gpointer)(uintptr_t)(key))
#define TREE_PUT(tree, key, value) g_tree_insert(tree, KEY(key), (gpointer)(uintptr_t)(value))
#define TREE_AT(tree, key)         ((uint64_t)(uintptr_t)g_tree_lookup(tree, KEY(key)))
#define TREE_OUT(tree, key)        ((void)g_tree_remove(tree, KEY(key)))

#define GTREE(name, K, depend)                                                                     \
    static inline GTreeNode *name##_lower(GTree *tree, const K *from)                              \
    {                                                                                              \
        return from ? g_tree_lower_bound(tree, KEY(*from)) : g_tree_node_first(tree);              \
    }                                                                                              \
                                                                                                   \
    static inline uint64_t name##_from(GTree *tree, K key)                                         \
    {                                                                                              \
        GTreeNode *at = name##_lower(tree, &key);                                                  \
                                                                                                   \
        return at ? (uintptr_t)g_tree_node_value(at) : 0;                                          \
    }                                                                                              \
                                                                                                   \
    static inline size_t name##_walk(GTree *tree, const K *from, size_t most, uint64_t *sum)       \
    {                                                                                              \
        return walk(tree, name##_lower(tree, from), most, sum);                                    \
    }                                                                                              \
                                                                                                   \
    static inline void name##_build_from(GTree *tree, const K *keys, size_t count)                 \
    {                                                                                              \
        for (size_t i = 0; i < count; i++)                                                         \
            TREE_PUT(tree, keys[i], i + 1);                                                        \
    }                                                                                              \
                                                                                                   \
    LOAM_BENCH_BTREE(name, K, depend, GTree *, TREE_PUT, TREE_AT, name##_from, TREE_OUT,           \
                     name##_walk, name##_build_from)

typedef const char *text;

GTREE(gtree_numbers, uint64_t, LOAM_BENCH_NUMBER)
GTREE(gtree_texts, text, LOAM_BENCH_TEXT)

const loam_bench_btree bench_gtree_numbers = {open_numbers, close_tree,
                                              LOAM_BENCH_BTREE_TABLE(gtree_numbers)};
const loam_bench_btree bench_gtree_texts = {open_texts, close_tree,
                                            LOAM_BENCH_BTREE_TABLE(gtree_texts)};
