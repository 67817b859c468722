/** @file loam/btree_node.h
 * How the nodes of loam/btree.h look. Nothing here is for use by programs.
 *
 *       leaf:   | head | keys ....... | values ............. |
 *       inner:  | head | keys ....... | children ........... | counts (order statistics) |
 *
 * Sizes and places follow from those of keys and values, by macros, so that they are constants where the
 * type is known. Nodes are multiples of 64 bytes and aligned so.
 */
#ifndef LOAM_BTREE_NODE_H
#define LOAM_BTREE_NODE_H

#include <loam/btree.h>

LOAM_BEGIN_DECLS

/* ---- nodes ---- */

/** loam_btree::flags: equal keys may be there. */
#define LOAM_BTREE_MULTI_ 1u
/** loam_btree::flags: inner nodes have counts. */
#define LOAM_BTREE_COUNTED_ 2u
/** loam_btree::flags: some node may have more than one reference, in this tree or below it. */
#define LOAM_BTREE_SHARES_ 4u
/** loam_btree::flags: loam_btree::tail is the first leaf, since keys come in descending order. */
#define LOAM_BTREE_FRONT_ 8u

/** Search by the tree's functions, not by a kind that is known here. */
#define LOAM_BTREE_BY_POINTER_ 255

#define LOAM_BTREE_UP_(n, align) (((n) + (align)-1) & ~((size_t)(align)-1))
#define LOAM_BTREE_MAX_(a, b)    ((a) > (b) ? (a) : (b))
/** The bytes that a node of the usual size has behind its head. */
#define LOAM_BTREE_ROOM_ 1016
/** How many things of `size` bytes a node has: what fits into the usual size, at least 8, or 4 where
 * they are big. */
#define LOAM_BTREE_USUAL_(size)                                                                    \
    (LOAM_BTREE_ROOM_ / (size) > 8 ? LOAM_BTREE_ROOM_ / (size) : (size) <= 256 ? 8 : 4)

#define LOAM_BTREE_KEYS_(ka)               LOAM_BTREE_UP_(sizeof(loam_btree_node), ka)
#define LOAM_BTREE_LEAF_CAP_(ks, vs, leaf) ((leaf) ? (leaf) : LOAM_BTREE_USUAL_((ks) + (vs)))
#define LOAM_BTREE_INNER_CAP_(ks, inner)   ((inner) ? (inner) : LOAM_BTREE_INNER_USUAL_(ks))
#define LOAM_BTREE_INNER_USUAL_(ks)                                                                \
    ((LOAM_BTREE_ROOM_ - sizeof(void *)) / ((ks) + sizeof(void *)) > 8                             \
         ? (LOAM_BTREE_ROOM_ - sizeof(void *)) / ((ks) + sizeof(void *))                           \
         : (size_t)8)
#define LOAM_BTREE_ALIGN_(ka, va) LOAM_BTREE_MAX_((size_t)64, LOAM_BTREE_MAX_(ka, va))
#define LOAM_BTREE_VALUES_(ks, ka, vs, va, leaf)                                                   \
    ((vs) ? LOAM_BTREE_UP_(LOAM_BTREE_KEYS_(ka) + LOAM_BTREE_LEAF_CAP_(ks, vs, leaf) * (ks), va)   \
          : LOAM_BTREE_KEYS_(ka))
#define LOAM_BTREE_LEAF_END_(ks, ka, vs, va, leaf)                                                 \
    (LOAM_BTREE_VALUES_(ks, ka, vs, va, leaf) +                                                    \
     LOAM_BTREE_LEAF_CAP_(ks, vs, leaf) * ((vs) ? (vs) : (ks)))
#define LOAM_BTREE_CHILDREN_(ks, ka, inner)                                                        \
    LOAM_BTREE_UP_(LOAM_BTREE_KEYS_(ka) + LOAM_BTREE_INNER_CAP_(ks, inner) * (ks), sizeof(void *))
#define LOAM_BTREE_INNER_END_(ks, ka, inner)                                                       \
    (LOAM_BTREE_CHILDREN_(ks, ka, inner) + (LOAM_BTREE_INNER_CAP_(ks, inner) + 1) * sizeof(void *))

/** The layout of nodes for keys and values of these sizes and alignments, as an initialiser; `leaf` and
 * `inner` are capacities or 0. `inner_bytes` is without counts. */
#define LOAM_BTREE_LAYOUT_(ks, ka, vs, va, kind, leaf, inner)                                      \
    {                                                                                              \
        (uint32_t)(ks), (uint32_t)(vs), (uint32_t)((vs) ? (vs) : (ks)),                            \
            (uint32_t)LOAM_BTREE_KEYS_(ka), (uint32_t)LOAM_BTREE_LEAF_CAP_(ks, vs, leaf),          \
            (uint32_t)LOAM_BTREE_VALUES_(ks, ka, vs, va, leaf),                                    \
            (uint32_t)LOAM_BTREE_UP_(LOAM_BTREE_LEAF_END_(ks, ka, vs, va, leaf),                   \
                                     LOAM_BTREE_ALIGN_(ka, va)),                                   \
            (uint32_t)LOAM_BTREE_INNER_CAP_(ks, inner),                                            \
            (uint32_t)LOAM_BTREE_CHILDREN_(ks, ka, inner),                                         \
            (uint32_t)LOAM_BTREE_INNER_END_(ks, ka, inner),                                        \
            (uint32_t)LOAM_BTREE_UP_(LOAM_BTREE_INNER_END_(ks, ka, inner),                         \
                                     LOAM_BTREE_ALIGN_(ka, va)),                                   \
            (uint32_t)LOAM_BTREE_ALIGN_(ka, va), (uint32_t)(kind), 0                               \
    }

/* ---- changes ---- */

/** What an insertion does with an entry that is there already, and with the value of a new one. */
typedef enum loam_btree_mode_ {
    LOAM_BTREE_INSERT_, /**< Leaves it; copies the value, or zero bytes for NULL. */
    LOAM_BTREE_UPSERT_, /**< Leaves it, and the caller may write to it; zero bytes. */
    LOAM_BTREE_REPLACE_ /**< Writes over it. */
} loam_btree_mode_;

/** The rare half of an insertion: an empty tree, a multimap, counts, shared nodes, a full leaf. Searches from the
 * root again. */
typedef void *(*loam_btree_put_fn_)(loam_btree *tree, const void *key, const void *value,
                                    loam_btree_mode_ mode, bool *added);
/** The rare half of an erasure: a multimap, counts, shared nodes, a leaf that gets too empty or loses its
 * first entry. Searches from the root again. Copies the entry out, each part unless NULL. */
typedef bool (*loam_btree_take_fn_)(loam_btree *tree, const void *key, void *old_key,
                                    void *old_value);

/* ---- places ---- */

LOAM_INLINE void *loam_btree_key_at_(const loam_btree_layout *l, const loam_btree_node *node,
                                     size_t index)
{
    return (char *)(uintptr_t)node + l->keys + index * l->key_size;
}

LOAM_INLINE void *loam_btree_value_at_(const loam_btree_layout *l, const loam_btree_node *leaf,
                                       size_t index)
{
    return (char *)(uintptr_t)leaf + l->leaf_values + index * l->value_step;
}

LOAM_INLINE loam_btree_node **loam_btree_children_(const loam_btree_layout *l,
                                                   const loam_btree_node *inner)
{
    return (loam_btree_node **)(void *)((char *)(uintptr_t)inner + l->inner_children);
}

LOAM_INLINE size_t *loam_btree_counts_(const loam_btree_layout *l, const loam_btree_node *inner)
{
    return (size_t *)(void *)((char *)(uintptr_t)inner + l->inner_counts);
}

LOAM_INLINE loam_btree_entry loam_btree_entry_at_(const loam_btree_layout *l,
                                                  const loam_btree_node *leaf, size_t index)
{
    loam_btree_entry entry;

    entry.key = loam_btree_key_at_(l, leaf, index);
    entry.value = loam_btree_value_at_(l, leaf, index);
    return entry;
}

LOAM_INLINE loam_btree_entry loam_btree_no_entry_(void)
{
    loam_btree_entry entry = {NULL, NULL};

    return entry;
}

/** A change of a leaf's entries: cursors set before are stale from here on. */
LOAM_INLINE void loam_btree_touched_(loam_btree *tree)
{
    if (LOAM_CHECKS)
        tree->epoch++;
}

/** No leaf is at hand for the next key any more. */
LOAM_INLINE void loam_btree_let_go_(loam_btree *tree)
{
    tree->tail = NULL;
    tree->flags &= ~LOAM_BTREE_FRONT_;
}

/** A change of the nodes of the tree: the last leaf may be another one, too. */
LOAM_INLINE void loam_btree_changed_(loam_btree *tree)
{
    loam_btree_let_go_(tree);
    loam_btree_touched_(tree);
}

/** Asks for a line of memory. A function that does nothing else must be inlined by force (#LOAM_INLINE): for a compiler
 * it has no effect, and calls of it go. */
LOAM_INLINE void loam_btree_prefetch_(const void *at)
{
#if defined(__GNUC__)
    __builtin_prefetch(at);
#else
    (void)at;
#endif
}

/** Asks for the lines of a node that is about to be searched, all at once: those of later steps, and of the
 * value, come while the first ones are compared. */
LOAM_INLINE void loam_btree_ask_(const loam_btree_node *node, size_t bytes)
{
    const size_t most = 1024;

    for (size_t at = 0; at < bytes && at < most; at += 64)
        loam_btree_prefetch_((const char *)node + at);
}

LOAM_END_DECLS

#endif
