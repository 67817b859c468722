/* rbtree.h: the red-black tree of the suite. Intrusive, by offsets, and a template.
 *
 * The nodes lie in what is ordered: in free blocks, in the records of granules. A link is a number
 * that the includer turns into a node, so that trees may lie in memory that is mapped at different
 * addresses, and a node takes 12 bytes with links of 32 bits, 24 with links of 64. Links to parents
 * make it possible to remove a node that is known without looking for it, and to step on from it.
 *
 * ## What holds
 *
 *   R1  A child's parent link leads back to its parent, and the root's leads nowhere; no node has
 *       the same child twice.
 *   R2  Nodes to the left of a node are not behind it in order, those to the right not before it.
 *   R3  The root is black.
 *   R4  A red node has no red child.
 *   R5  On all ways from the root down to an empty place there are equally many black nodes.
 *   R6  There are as many nodes as the owner of the tree counts.
 *
 * By R4 and R5 no way is more than twice as long as another: a tree of n nodes is at most
 * 2 log2(n + 1) deep. loam_rb_fault has a name for each, and `_check` tells which one is broken.
 *
 * ## How to have one
 *
 *     #define LOAM_RB_NAME sizes                      the prefix: sizes_insert, sizes_remove, ...
 *     #define LOAM_RB_BITS 32                         bits of a link: 32 or 64
 *     #define LOAM_RB_CONTEXT const struct ground *   passed on to the macros below
 *     #define LOAM_RB_NODE(context, link) ...         the loam_rb_node32 * (or 64) of a link
 *     #define LOAM_RB_BEFORE(context, a, b) ...       whether link a is strictly before link b
 *     #define LOAM_RB_KEY struct size_key             for `_lower_bound`; leave out if not needed
 *     #define LOAM_RB_BELOW(context, link, key) ...   whether a node is below the key
 *     #define LOAM_RB_VALID(context, link) ...        for `_check`: whether a link may be followed;
 *                                                     leave out to trust them all
 *     #include "internal/rbtree.h"
 *
 * The macros are undefined at the end, for the next tree; an inclusion without a name gives the types
 * only. A tree is one link, its root: 0 is no node
 * and an empty tree. Links are below 2^31 (or 2^63), since a node's colour shares a word with its
 * parent link. The comparison should be free of branches: going down is then a chain of loads, and
 * no jump is guessed wrong. A total order (no two nodes alike) makes the tree's contents the same
 * whatever came first; nodes that are alike stay in the order of insertion.
 *
 *     link   NAME_first(context, root)    NAME_next(context, link)     in order; 0: there is none
 *     link   NAME_last(context, root)     NAME_prev(context, link)
 *     link   NAME_lower_bound(context, root, key)     the first node that is not below a key, or 0
 *     void   NAME_insert(context, &root, link)        O(log n), at most two rotations
 *     void   NAME_remove(context, &root, link)        O(log n), at most three rotations
 *     void   NAME_replace(context, &root, old, new)   puts a node into another's place: O(1)
 *     loam_rb_fault NAME_check(context, root, count)  whether R1 to R6 hold: O(n log n)
 *
 * Red-black trees: L. J. Guibas and R. Sedgewick, "A dichromatic framework for balanced trees",
 * FOCS 1978; cases as in Cormen et al., "Introduction to Algorithms", repaired from the bottom up.
 */
#ifndef LOAM_INTERNAL_RBTREE_H
#define LOAM_INTERNAL_RBTREE_H

#include <loam/base.h>

/* The sides of a node: an index into its children, so that each case is written once. */
enum { LOAM_RB_LEFT = 0, LOAM_RB_RIGHT = 1 };

/* Bit 0 of a node's `up`. */
enum { LOAM_RB_BLACK = 0, LOAM_RB_RED = 1 };

typedef struct loam_rb_node32 {
    uint32_t child[2]; /* left and right; 0: an empty place */
    uint32_t up;       /* parent << 1 | colour */
} loam_rb_node32;

typedef struct loam_rb_node64 {
    uint64_t child[2];
    uint64_t up;
} loam_rb_node64;

/* The first property that a check found broken. */
typedef enum loam_rb_fault {
    LOAM_RB_SOUND = 0,
    LOAM_RB_BAD_LINK,   /* R1, or a link that may not be followed */
    LOAM_RB_BAD_ORDER,  /* R2 */
    LOAM_RB_BAD_ROOT,   /* R3 */
    LOAM_RB_BAD_RED,    /* R4 */
    LOAM_RB_BAD_HEIGHT, /* R5 */
    LOAM_RB_BAD_COUNT   /* R6 */
} loam_rb_fault;

#define LOAM_RB_PASTE_(a, b) a##b
#define LOAM_RB_PASTE(a, b)  LOAM_RB_PASTE_(a, b)

#endif

/* ---- from here on once per tree ---- */

#ifdef LOAM_RB_NAME

#if LOAM_RB_BITS == 32
#define LOAM_RB_LINK   uint32_t
#define LOAM_RB_STRUCT loam_rb_node32
#elif LOAM_RB_BITS == 64
#define LOAM_RB_LINK   uint64_t
#define LOAM_RB_STRUCT loam_rb_node64
#else
#error "links are of 32 or 64 bits"
#endif

#ifndef LOAM_RB_VALID
#define LOAM_RB_VALID(context, link) true
#endif

#define LOAM_RB_(name) LOAM_RB_PASTE(LOAM_RB_NAME, name)

/* ---- words of a node ---- */

static inline LOAM_RB_STRUCT *LOAM_RB_(_at)(LOAM_RB_CONTEXT context, LOAM_RB_LINK link)
{
    return LOAM_RB_NODE(context, link);
}

static inline LOAM_RB_LINK LOAM_RB_(_parent)(LOAM_RB_CONTEXT context, LOAM_RB_LINK link)
{
    return LOAM_RB_(_at)(context, link)->up >> 1;
}

/* An empty place is black. */
static inline bool LOAM_RB_(_is_red)(LOAM_RB_CONTEXT context, LOAM_RB_LINK link)
{
    return link != 0 && (LOAM_RB_(_at)(context, link)->up & LOAM_RB_RED) != 0;
}

static inline void LOAM_RB_(_paint)(LOAM_RB_CONTEXT context, LOAM_RB_LINK link, unsigned colour)
{
    LOAM_RB_STRUCT *node = LOAM_RB_(_at)(context, link);

    node->up = (node->up & ~(LOAM_RB_LINK)1) | colour;
}

/* Sets a parent and keeps the colour; an empty place has none. */
static inline void LOAM_RB_(_set_parent)(LOAM_RB_CONTEXT context, LOAM_RB_LINK link,
                                         LOAM_RB_LINK parent)
{
    if (link != 0) {
        LOAM_RB_STRUCT *node = LOAM_RB_(_at)(context, link);

        node->up = parent << 1 | (node->up & LOAM_RB_RED);
    }
}

/* On which side of its parent a node is. */
static inline unsigned LOAM_RB_(_side)(LOAM_RB_CONTEXT context, LOAM_RB_LINK parent,
                                       LOAM_RB_LINK link)
{
    return LOAM_RB_(_at)(context, parent)->child[LOAM_RB_RIGHT] == link;
}

/* Whoever led to `link`, its parent or the root, leads to `other` from now on. */
static inline void LOAM_RB_(_lead_to)(LOAM_RB_CONTEXT context, LOAM_RB_LINK *root,
                                      LOAM_RB_LINK parent, LOAM_RB_LINK link, LOAM_RB_LINK other)
{
    if (parent == 0)
        *root = other;
    else
        LOAM_RB_(_at)(context, parent)->child[LOAM_RB_(_side)(context, parent, link)] = other;
}

/* ---- steps in order ---- */

/* The outermost node of a subtree on one side; 0 of an empty one. */
static inline LOAM_RB_LINK LOAM_RB_(_outermost)(LOAM_RB_CONTEXT context, LOAM_RB_LINK link,
                                                unsigned side)
{
    LOAM_RB_LINK next;

    while (link != 0 && (next = LOAM_RB_(_at)(context, link)->child[side]) != 0)
        link = next;
    return link;
}

/* The neighbour of a node on one side: below it if there is something, else above it. */
static inline LOAM_RB_LINK LOAM_RB_(_neighbour)(LOAM_RB_CONTEXT context, LOAM_RB_LINK link,
                                                unsigned side)
{
    LOAM_RB_LINK below = LOAM_RB_(_at)(context, link)->child[side];
    LOAM_RB_LINK parent;

    if (below != 0)
        return LOAM_RB_(_outermost)(context, below, !side);
    while ((parent = LOAM_RB_(_parent)(context, link)) != 0 &&
           LOAM_RB_(_side)(context, parent, link) == side)
        link = parent;
    return parent;
}

static inline LOAM_RB_LINK LOAM_RB_(_first)(LOAM_RB_CONTEXT context, LOAM_RB_LINK root)
{
    return LOAM_RB_(_outermost)(context, root, LOAM_RB_LEFT);
}

static inline LOAM_RB_LINK LOAM_RB_(_last)(LOAM_RB_CONTEXT context, LOAM_RB_LINK root)
{
    return LOAM_RB_(_outermost)(context, root, LOAM_RB_RIGHT);
}

static inline LOAM_RB_LINK LOAM_RB_(_next)(LOAM_RB_CONTEXT context, LOAM_RB_LINK link)
{
    return LOAM_RB_(_neighbour)(context, link, LOAM_RB_RIGHT);
}

static inline LOAM_RB_LINK LOAM_RB_(_prev)(LOAM_RB_CONTEXT context, LOAM_RB_LINK link)
{
    return LOAM_RB_(_neighbour)(context, link, LOAM_RB_LEFT);
}

#ifdef LOAM_RB_KEY
static inline LOAM_RB_LINK LOAM_RB_(_lower_bound)(LOAM_RB_CONTEXT context, LOAM_RB_LINK root,
                                                  LOAM_RB_KEY key)
{
    LOAM_RB_LINK found = 0;

    while (root != 0) {
        unsigned below = LOAM_RB_BELOW(context, root, key) ? 1u : 0u;

        found = below ? found : root;
        root = LOAM_RB_(_at)(context, root)->child[below];
    }
    return found;
}
#endif

/* ---- changes ---- */

/* Moves a node down to one side; its child on the other takes its place. Order is kept:
 *
 *          node                    child
 *         /    \      left        /     \
 *        a    child   --->     node      c       colours stay with the nodes
 *             /   \   <---     /  \
 *            b     c  right   a    b
 */
static inline void LOAM_RB_(_rotate)(LOAM_RB_CONTEXT context, LOAM_RB_LINK *root, LOAM_RB_LINK link,
                                     unsigned side)
{
    LOAM_RB_STRUCT *node = LOAM_RB_(_at)(context, link);
    LOAM_RB_LINK parent = node->up >> 1;
    LOAM_RB_LINK child = node->child[!side];
    LOAM_RB_LINK inner = LOAM_RB_(_at)(context, child)->child[side];

    LOAM_RB_(_lead_to)(context, root, parent, link, child);
    LOAM_RB_(_set_parent)(context, child, parent);
    LOAM_RB_(_at)(context, child)->child[side] = link;
    LOAM_RB_(_set_parent)(context, link, child);
    node->child[!side] = inner;
    LOAM_RB_(_set_parent)(context, inner, link);
}

/* A node n came that is red, and its parent p may be red too: R4 is broken there, if anywhere, or R3
 * if n is the root. Drawn for p on the left of the grandparent g; (x) is red, [x] black.
 *
 * I1  n is the root: it becomes black, and all ways are longer by one.
 * I2  p is black: nothing is broken.
 *
 * I3  The uncle u is red: the blackness of g comes down, and the trouble is two levels higher.
 *
 *            [g]                  (g) <- n now
 *           /   \                /   \
 *         (p)   (u)    ->     [p]     [u]
 *         /                   /
 *       (n)                 (n)
 *
 * I4  u is black, n between p and g: n and p change places, and it is I5.
 *
 *            [g]                  [g]
 *           /   \                /   \
 *         (p)   [u]    ->     (n)     [u]
 *           \                 /
 *           (n)             (p)
 *
 * I5  u is black, n outside of p: p takes the place of g. Done.
 *
 *            [g]                  [p]
 *           /   \                /   \
 *         (p)   [u]    ->     (n)     (g)
 *         /                              \
 *       (n)                              [u]
 */
static inline void LOAM_RB_(_repair_insert)(LOAM_RB_CONTEXT context, LOAM_RB_LINK *root,
                                            LOAM_RB_LINK link)
{
    LOAM_RB_LINK parent, grand, uncle;
    unsigned side;

    for (;;) {
        parent = LOAM_RB_(_parent)(context, link);
        if (parent == 0) { /* I1 */
            LOAM_RB_(_paint)(context, link, LOAM_RB_BLACK);
            return;
        }
        if (!LOAM_RB_(_is_red)(context, parent)) /* I2 */
            return;
        grand = LOAM_RB_(_parent)(context, parent); /* there is one: a red node is not the root */
        side = LOAM_RB_(_side)(context, grand, parent);
        uncle = LOAM_RB_(_at)(context, grand)->child[!side];
        if (!LOAM_RB_(_is_red)(context, uncle))
            break;
        LOAM_RB_(_paint)(context, parent, LOAM_RB_BLACK); /* I3 */
        LOAM_RB_(_paint)(context, uncle, LOAM_RB_BLACK);
        LOAM_RB_(_paint)(context, grand, LOAM_RB_RED);
        link = grand;
    }
    if (LOAM_RB_(_side)(context, parent, link) != side) { /* I4 */
        LOAM_RB_(_rotate)(context, root, parent, side);
        parent = link;
    }
    LOAM_RB_(_paint)(context, parent, LOAM_RB_BLACK); /* I5 */
    LOAM_RB_(_paint)(context, grand, LOAM_RB_RED);
    LOAM_RB_(_rotate)(context, root, grand, !side);
}

static inline void LOAM_RB_(_insert)(LOAM_RB_CONTEXT context, LOAM_RB_LINK *root, LOAM_RB_LINK link)
{
    LOAM_RB_STRUCT *node = LOAM_RB_(_at)(context, link);
    LOAM_RB_LINK *place = root;
    LOAM_RB_LINK parent = 0;
    unsigned side;

    while (*place != 0) {
        parent = *place;
        side = LOAM_RB_BEFORE(context, link, parent) ? LOAM_RB_LEFT : LOAM_RB_RIGHT;
        place = &LOAM_RB_(_at)(context, parent)->child[side];
    }
    node->child[LOAM_RB_LEFT] = 0;
    node->child[LOAM_RB_RIGHT] = 0;
    node->up = parent << 1 | LOAM_RB_RED;
    *place = link;
    LOAM_RB_(_repair_insert)(context, root, link);
}

/* Puts a node that is in no tree into the place of another, which is then in none. The caller knows
 * that it belongs there. They may overlap. */
static inline void LOAM_RB_(_replace)(LOAM_RB_CONTEXT context, LOAM_RB_LINK *root, LOAM_RB_LINK old,
                                      LOAM_RB_LINK link)
{
    LOAM_RB_STRUCT node = *LOAM_RB_(_at)(context, old);

    *LOAM_RB_(_at)(context, link) = node;
    LOAM_RB_(_lead_to)(context, root, node.up >> 1, old, link);
    LOAM_RB_(_set_parent)(context, node.child[LOAM_RB_LEFT], link);
    LOAM_RB_(_set_parent)(context, node.child[LOAM_RB_RIGHT], link);
}

/* Exchanges a node that has two children with the next in order, which has no left one: places and
 * colours, so that the tree looks as before but for R2, and the node can be taken out.
 *
 *          n                 s
 *         / \               / \          or, where s is the child of n:
 *        a   b             a   b
 *           / \     ->        / \             n              s
 *          s   c             n   c           / \     ->     / \
 *           \                 \             a   s          a   n
 *            d                 d                 \              \
 *                                                 d              d
 */
static inline void LOAM_RB_(_exchange)(LOAM_RB_CONTEXT context, LOAM_RB_LINK *root,
                                       LOAM_RB_LINK link, LOAM_RB_LINK next)
{
    LOAM_RB_STRUCT *node = LOAM_RB_(_at)(context, link);
    LOAM_RB_STRUCT below = *LOAM_RB_(_at)(context, next);

    LOAM_RB_(_replace)(context, root, link, next);
    if (below.up >> 1 == link) {
        LOAM_RB_(_at)(context, next)->child[LOAM_RB_RIGHT] = link;
        LOAM_RB_(_at)(context, next)->up = node->up; /* it was its own child for a moment */
        node->up = next << 1 | (below.up & LOAM_RB_RED);
    } else {
        LOAM_RB_(_at)(context, below.up >> 1)->child[LOAM_RB_LEFT] = link;
        node->up = below.up;
    }
    node->child[LOAM_RB_LEFT] = 0;
    node->child[LOAM_RB_RIGHT] = below.child[LOAM_RB_RIGHT];
    LOAM_RB_(_set_parent)(context, below.child[LOAM_RB_RIGHT], link);
}

/* On the ways through one side of p, a place x that is black or empty, there is one black node too
 * few: R5 is broken there. x is not the root, so by R5 it has a sibling s. Drawn for x on the left;
 * near and far are the children of s; {y} is of either colour, (y) red, [y] black.
 *
 * D1  s is red: it comes up, and x has a black sibling, a child of s before; it is D2 (and then done,
 *     since p is red), D3 or D4.
 *
 *          [p]                     [s]
 *         /   \                   /   \
 *        x    (s)       ->     (p)     [far]
 *            /   \             / \
 *       [near]   [far]        x  [near] <- s now
 *
 * D2  s and its children are black: s becomes red, so that both sides lack one. If p is red, it
 *     becomes black, and that is all; else the ways through p lack one, and p is x now.
 *
 *          {p}                     {p} <- x now, if it is black
 *         /   \         ->        /   \
 *        x    [s]                x    (s)
 *
 * D3  s is black, near red, far black: near comes up between, and it is D4.
 *
 *          {p}                     {p}
 *         /   \                   /   \
 *        x     [s]      ->       x     [near] <- s now
 *             /   \                         \
 *        (near)   [far]                     (s) <- far now
 *
 * D4  s is black, far red: s takes the place and colour of p, and p is the black node that lacked.
 *
 *          {p}                     {s}
 *         /   \                   /   \
 *        x     [s]      ->     [p]     [far]
 *             /   \            / \
 *        {near}   (far)       x  {near}
 */
static inline void LOAM_RB_(_repair_remove)(LOAM_RB_CONTEXT context, LOAM_RB_LINK *root,
                                            LOAM_RB_LINK parent, unsigned side)
{
    LOAM_RB_LINK sibling, near, far, up;

    for (;;) {
        sibling = LOAM_RB_(_at)(context, parent)->child[!side];
        if (LOAM_RB_(_is_red)(context, sibling)) { /* D1 */
            LOAM_RB_(_paint)(context, sibling, LOAM_RB_BLACK);
            LOAM_RB_(_paint)(context, parent, LOAM_RB_RED);
            LOAM_RB_(_rotate)(context, root, parent, side);
            sibling = LOAM_RB_(_at)(context, parent)->child[!side];
        }
        near = LOAM_RB_(_at)(context, sibling)->child[side];
        far = LOAM_RB_(_at)(context, sibling)->child[!side];
        if (LOAM_RB_(_is_red)(context, near) || LOAM_RB_(_is_red)(context, far))
            break;
        LOAM_RB_(_paint)(context, sibling, LOAM_RB_RED); /* D2 */
        up = LOAM_RB_(_parent)(context, parent);
        if (up == 0 || LOAM_RB_(_is_red)(context, parent)) {
            LOAM_RB_(_paint)(context, parent, LOAM_RB_BLACK);
            return;
        }
        side = LOAM_RB_(_side)(context, up, parent);
        parent = up;
    }
    if (!LOAM_RB_(_is_red)(context, far)) { /* D3 */
        LOAM_RB_(_paint)(context, sibling, LOAM_RB_RED);
        LOAM_RB_(_rotate)(context, root, sibling, !side);
        far = sibling;
        sibling = near;
    }
    LOAM_RB_(_paint)(context, far, LOAM_RB_BLACK); /* D4 */
    LOAM_RB_(_paint)(context, sibling, LOAM_RB_(_is_red)(context, parent));
    LOAM_RB_(_paint)(context, parent, LOAM_RB_BLACK);
    LOAM_RB_(_rotate)(context, root, parent, side);
}

/* Takes a node out. With two children it changes places with the next one before; then it has one
 * at most:
 *
 * - one child: by R5 and R4 it is red and alone, below a black node. It takes the place, black.
 * - none, and the node is red: an empty place takes its place.
 * - none, and the node is black: the same, and the ways to there lack a black node.
 */
static inline void LOAM_RB_(_remove)(LOAM_RB_CONTEXT context, LOAM_RB_LINK *root, LOAM_RB_LINK link)
{
    LOAM_RB_STRUCT *node = LOAM_RB_(_at)(context, link);
    LOAM_RB_LINK parent, child;
    unsigned side = LOAM_RB_LEFT;

    if (node->child[LOAM_RB_LEFT] != 0 && node->child[LOAM_RB_RIGHT] != 0) {
        LOAM_RB_LINK next = LOAM_RB_(_outermost)(context, node->child[LOAM_RB_RIGHT], LOAM_RB_LEFT);

        LOAM_RB_(_exchange)(context, root, link, next);
    }
    child = node->child[LOAM_RB_LEFT] | node->child[LOAM_RB_RIGHT]; /* one of them is 0 */
    parent = node->up >> 1;
    if (parent != 0)
        side = LOAM_RB_(_side)(context, parent, link);
    LOAM_RB_(_lead_to)(context, root, parent, link, child);
    if (child != 0)
        LOAM_RB_(_at)(context, child)->up = parent << 1 | LOAM_RB_BLACK;
    else if (parent != 0 && (node->up & LOAM_RB_RED) == 0)
        LOAM_RB_(_repair_remove)(context, root, parent, side);
}

/* ---- checks ---- */

/* R1 and R4 for a node and its children: after that, both may be gone down to and come back from. */
static inline loam_rb_fault LOAM_RB_(_check_children)(LOAM_RB_CONTEXT context, LOAM_RB_LINK link)
{
    const LOAM_RB_STRUCT *node = LOAM_RB_(_at)(context, link);
    unsigned side;

    if (node->child[LOAM_RB_LEFT] == node->child[LOAM_RB_RIGHT] && node->child[LOAM_RB_LEFT] != 0)
        return LOAM_RB_BAD_LINK;
    for (side = LOAM_RB_LEFT; side <= LOAM_RB_RIGHT; side++) {
        LOAM_RB_LINK child = node->child[side];

        if (child == 0)
            continue;
        if (!(LOAM_RB_VALID(context, child)) || LOAM_RB_(_parent)(context, child) != link)
            return LOAM_RB_BAD_LINK;
        if ((node->up & LOAM_RB_RED) != 0 && LOAM_RB_(_is_red)(context, child))
            return LOAM_RB_BAD_RED;
    }
    return LOAM_RB_SOUND;
}

/* R5 for the empty places at a node: `black` nodes are on the way to there. The first such place
 * sets what all others must have. */
static inline bool LOAM_RB_(_check_height)(LOAM_RB_CONTEXT context, LOAM_RB_LINK link, size_t black,
                                           size_t *all)
{
    const LOAM_RB_STRUCT *node = LOAM_RB_(_at)(context, link);

    if (node->child[LOAM_RB_LEFT] != 0 && node->child[LOAM_RB_RIGHT] != 0)
        return true;
    if (*all == 0)
        *all = black;
    return *all == black;
}

/* All but the order. Goes round the tree, down the left side and up the right one; each link that is
 * gone up was checked when it was gone down, so that this ends whatever a broken tree holds. */
static inline loam_rb_fault LOAM_RB_(_check_shape)(LOAM_RB_CONTEXT context, LOAM_RB_LINK root,
                                                   size_t count)
{
    LOAM_RB_LINK link = root, from = 0, next;
    size_t black = 0, all = 0, seen = 0;
    loam_rb_fault fault;

    while (link != 0) {
        const LOAM_RB_STRUCT *node = LOAM_RB_(_at)(context, link);

        if (from == node->up >> 1) { /* from above, for the first time */
            if (++seen > count)
                return LOAM_RB_BAD_COUNT;
            fault = LOAM_RB_(_check_children)(context, link);
            if (fault != LOAM_RB_SOUND)
                return fault;
            black += (node->up & LOAM_RB_RED) == 0;
            if (!LOAM_RB_(_check_height)(context, link, black, &all))
                return LOAM_RB_BAD_HEIGHT;
            next = node->child[LOAM_RB_LEFT];
            next = next ? next : node->child[LOAM_RB_RIGHT];
        } else { /* back from a child */
            next = from == node->child[LOAM_RB_LEFT] ? node->child[LOAM_RB_RIGHT] : 0;
        }
        if (next == 0) {
            next = node->up >> 1;
            black -= (node->up & LOAM_RB_RED) == 0;
        }
        from = link;
        link = next;
    }
    return seen == count ? LOAM_RB_SOUND : LOAM_RB_BAD_COUNT;
}

/* R2, in a tree whose shape is sound. */
static inline bool LOAM_RB_(_check_order)(LOAM_RB_CONTEXT context, LOAM_RB_LINK root)
{
    LOAM_RB_LINK link = LOAM_RB_(_first)(context, root), next;

    for (; link != 0 && (next = LOAM_RB_(_next)(context, link)) != 0; link = next)
        if (LOAM_RB_BEFORE(context, next, link))
            return false;
    return true;
}

static inline loam_rb_fault LOAM_RB_(_check)(LOAM_RB_CONTEXT context, LOAM_RB_LINK root,
                                             size_t count)
{
    loam_rb_fault fault;

    if (root != 0) {
        if (!(LOAM_RB_VALID(context, root)) || LOAM_RB_(_parent)(context, root) != 0)
            return LOAM_RB_BAD_LINK;
        if (LOAM_RB_(_is_red)(context, root))
            return LOAM_RB_BAD_ROOT;
    }
    fault = LOAM_RB_(_check_shape)(context, root, count);
    if (fault == LOAM_RB_SOUND && !LOAM_RB_(_check_order)(context, root))
        fault = LOAM_RB_BAD_ORDER;
    return fault;
}

#undef LOAM_RB_
#undef LOAM_RB_LINK
#undef LOAM_RB_STRUCT
#undef LOAM_RB_NAME
#undef LOAM_RB_BITS
#undef LOAM_RB_CONTEXT
#undef LOAM_RB_NODE
#undef LOAM_RB_BEFORE
#undef LOAM_RB_VALID
#ifdef LOAM_RB_KEY
#undef LOAM_RB_KEY
#undef LOAM_RB_BELOW
#endif

#endif
