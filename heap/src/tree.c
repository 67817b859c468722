/* tree.c: the red-black tree of all free blocks that have no ring, by size and then by address.
 *
 * A link of the tree is a distance from the control block in words: so it is small enough for the
 * colour bit beside it, also where a region lies in front of the control block.
 */
#include "tree.h"

/* Size, then address. A distance that is below 0 wraps, which changes nothing in a total order. */
static inline bool is_before(const loam_heap *heap, tree_link a, tree_link b)
{
    size_t size_a = block_in_tree(heap, a)->size, size_b = block_in_tree(heap, b)->size;

    return (size_a < size_b) | ((size_a == size_b) & (a < b));
}

#if TREE_BITS == 64
#define NODE loam_rb_node64
#else
#define NODE loam_rb_node32
#endif

#define LOAM_RB_NAME                      tree
#define LOAM_RB_BITS                      TREE_BITS
#define LOAM_RB_CONTEXT                   const loam_heap *
#define LOAM_RB_NODE(heap, link)          ((NODE *)block_in_tree(heap, link)->node)
#define LOAM_RB_BEFORE(heap, a, b)        is_before(heap, a, b)
#define LOAM_RB_KEY                       size_t
#define LOAM_RB_BELOW(heap, link, wanted) (block_in_tree(heap, link)->size < (wanted))
#define LOAM_RB_VALID(heap, link)         loam_heap_may_be_node(heap, link)
#include "internal/rbtree.h"

static block *block_or_null(const loam_heap *heap, tree_link link)
{
    return link ? block_in_tree(heap, link) : NULL;
}

void loam_heap_tree_insert(loam_heap *heap, block *b)
{
    tree_link link = tree_link_to(heap, b);

    b->head = b->next = 0;
    if (heap->smallest == 0 || is_before(heap, link, heap->smallest))
        heap->smallest = link;
    tree_insert(heap, &heap->root, link);
}

void loam_heap_tree_remove(loam_heap *heap, block *b)
{
    tree_link link = tree_link_to(heap, b);

    if (link == heap->smallest)
        heap->smallest = tree_next(heap, link);
    tree_remove(heap, &heap->root, link);
}

/* Whether a node that becomes `link`, of `size` bytes, is still between its neighbours. */
static bool keeps_place(const loam_heap *heap, const block *old, tree_link link, size_t size)
{
    tree_link self = tree_link_to(heap, old), other;
    size_t other_size;

    other = size > old->size ? tree_next(heap, self) : tree_prev(heap, self);
    if (other == 0)
        return true;
    other_size = block_in_tree(heap, other)->size;
    return other_size == size ? (other < link) == (size < old->size)
                              : (other_size < size) == (size < old->size);
}

void loam_heap_tree_change(loam_heap *heap, block *old, block *b, size_t size)
{
    tree_link from = tree_link_to(heap, old), to = tree_link_to(heap, b);

    if (!keeps_place(heap, old, to, size)) {
        loam_heap_tree_remove(heap, old);
        write_size(b, size);
        loam_heap_tree_insert(heap, b);
        return;
    }
    if (from != to) {
        old->head = 0;
        tree_replace(heap, &heap->root, from, to);
        if (heap->smallest == from)
            heap->smallest = to;
        b->head = b->next = 0;
    }
    write_size(b, size);
}

block *loam_heap_tree_fit(const loam_heap *heap, size_t size)
{
    return block_or_null(heap, tree_lower_bound(heap, heap->root, size));
}

block *loam_heap_tree_next(const loam_heap *heap, const block *b)
{
    return block_or_null(heap, tree_next(heap, tree_link_to(heap, b)));
}

const char *loam_heap_tree_fault(const loam_heap *heap, size_t count)
{
    static const char *const faults[] = {
        [LOAM_RB_BAD_LINK] = "H9 (R1): link of the tree leads to no node of it",
        [LOAM_RB_BAD_ORDER] = "H9 (R2): the tree is out of order",
        [LOAM_RB_BAD_ROOT] = "H9 (R3): the root of the tree is red",
        [LOAM_RB_BAD_RED] = "H9 (R4): a red node of the tree has a red child",
        [LOAM_RB_BAD_HEIGHT] = "H9 (R5): the tree is out of balance",
        [LOAM_RB_BAD_COUNT] = "H6 (R6): free block that is not in the tree, or is there twice",
    };
    loam_rb_fault fault = tree_check(heap, heap->root, count);

    if (fault != LOAM_RB_SOUND)
        return faults[fault];
    return heap->smallest == tree_first(heap, heap->root)
               ? NULL
               : "H9: the smallest node is not the first";
}
