/* tree.h: what tree.c offers, and the links of the tree. */
#ifndef LOAM_HEAP_TREE_H
#define LOAM_HEAP_TREE_H

#include "heap_internal.h"

static inline block *block_in_tree(const loam_heap *heap, tree_link link)
{
    return (block *)((uintptr_t)heap + (uintptr_t)link * WORD);
}

static inline void write_size(block *b, size_t size)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): no block lies at address 0 */
    b->size = size;
    *footer_before(behind(b, size)) = size;
}

static inline tree_link tree_link_to(const loam_heap *heap, const block *b)
{
    return (tree_link)(((uintptr_t)b - (uintptr_t)heap) / WORD);
}

/* Puts a free block, whose size stands in it, into the tree, or takes one out. */
void loam_heap_tree_insert(loam_heap *heap, block *b);
void loam_heap_tree_remove(loam_heap *heap, block *b);

/* A block of the tree becomes `b`, of `size` bytes: it has grown or shrunk at one end. Writes the size.
 * O(1) while it keeps its place in the order. */
void loam_heap_tree_change(loam_heap *heap, block *old, block *b, size_t size);

/* The smallest block of the tree that has `size` bytes, lowest address first; NULL: there is none. */
block *loam_heap_tree_fit(const loam_heap *heap, size_t size);

/* The next bigger one; NULL: there is none. */
block *loam_heap_tree_next(const loam_heap *heap, const block *b);

/* The property that is broken in a tree of so many nodes, for a report; NULL: none. */
const char *loam_heap_tree_fault(const loam_heap *heap, size_t count);

/* For the check: whether a link leads to something that can be a node. */
bool loam_heap_may_be_node(const loam_heap *heap, tree_link link);

#endif
