/* test_rbtree.c: the red-black tree: all small trees, random ones beside a sorted array, and broken
 * ones. Built once for each width of a link. */
#include <stdio.h>
#include <string.h>

#include "internal/bits.h"
#include "support/test.h"

#include "internal/rbtree.h"

enum { NODES = 512 };

#if TREE_BITS == 32
typedef uint32_t tree_link;
typedef loam_rb_node32 tree_node;
#else
typedef uint64_t tree_link;
typedef loam_rb_node64 tree_node;
#endif

/* Something with a size, at a place: ordered by both, as free blocks are. */
typedef struct item {
    size_t size;
    tree_node node;
} item;

/* Link i is item i; item 0 is none. */
typedef struct ground {
    item items[NODES + 1];
    tree_link root;
    size_t count;
    tree_link sorted[NODES]; /* the model */
} ground;

#define LOAM_RB_NAME                tree
#define LOAM_RB_BITS                TREE_BITS
#define LOAM_RB_CONTEXT             ground *
#define LOAM_RB_NODE(context, link) (&(context)->items[link].node)
#define LOAM_RB_BEFORE(context, a, b)                                                              \
    ((context)->items[a].size != (context)->items[b].size                                          \
         ? (context)->items[a].size < (context)->items[b].size                                     \
         : (a) < (b))
#define LOAM_RB_KEY                       size_t
#define LOAM_RB_BELOW(context, link, key) ((context)->items[link].size < (key))
#define LOAM_RB_VALID(context, link)      ((link) <= NODES)
#include "internal/rbtree.h"

static bool model_before(const ground *g, tree_link a, tree_link b)
{
    return g->items[a].size != g->items[b].size ? g->items[a].size < g->items[b].size : a < b;
}

static void model_insert(ground *g, tree_link link)
{
    size_t at = g->count++;

    for (; at > 0 && model_before(g, link, g->sorted[at - 1]); at--)
        g->sorted[at] = g->sorted[at - 1];
    g->sorted[at] = link;
}

static void model_remove(ground *g, tree_link link)
{
    size_t at = 0;

    while (g->sorted[at] != link)
        at++;
    g->count--;
    memmove(&g->sorted[at], &g->sorted[at + 1], (g->count - at) * sizeof g->sorted[0]);
}

static void insert(ground *g, tree_link link, size_t size)
{
    g->items[link].size = size;
    tree_insert(g, &g->root, link);
    model_insert(g, link);
    EXPECT_EQ(tree_check(g, g->root, g->count), LOAM_RB_SOUND);
}

static void drop(ground *g, tree_link link)
{
    tree_remove(g, &g->root, link);
    model_remove(g, link);
    EXPECT_EQ(tree_check(g, g->root, g->count), LOAM_RB_SOUND);
}

/* The tree holds what the model does, both ways. */
static void expect_same(ground *g)
{
    tree_link link = tree_first(g, g->root);
    size_t i;

    for (i = 0; i < g->count; i++) {
        EXPECT_EQ(link, g->sorted[i]);
        EXPECT_EQ(tree_prev(g, link), i > 0 ? g->sorted[i - 1] : 0);
        link = tree_next(g, link);
    }
    EXPECT_EQ(link, 0);
    EXPECT_EQ(tree_last(g, g->root), g->count > 0 ? g->sorted[g->count - 1] : 0);
}

static void expect_bound(ground *g, size_t size)
{
    size_t at = 0;

    while (at < g->count && g->items[g->sorted[at]].size < size)
        at++;
    EXPECT_EQ(tree_lower_bound(g, g->root, size), at < g->count ? g->sorted[at] : 0);
}

static size_t depth_below(ground *g, tree_link link)
{
    if (link == 0)
        return 0;
    return 1 + loam_max(depth_below(g, g->items[link].node.child[LOAM_RB_LEFT]),
                        depth_below(g, g->items[link].node.child[LOAM_RB_RIGHT]));
}

/* ---- all small trees ---- */

/* The order number `number` of `count` things. */
static void order_of(size_t number, size_t count, tree_link *order)
{
    size_t i, j, pick;

    for (i = 0; i < count; i++)
        order[i] = (tree_link)(i + 1);
    for (i = 0; i < count; i++) {
        pick = i + number % (count - i);
        number /= count - i;
        for (j = pick; j > i; j--) {
            tree_link held = order[j];

            order[j] = order[j - 1];
            order[j - 1] = held;
        }
    }
}

static size_t factorial(size_t n)
{
    return n < 2 ? 1 : n * factorial(n - 1);
}

/* All orders to come in and all orders to leave. */
TEST(every_order_in_and_out, fast)
{
    static ground g;
    tree_link in[5], out[5];
    size_t a, b, i, count;

    for (count = 0; count <= 5; count++)
        for (a = 0; a < factorial(count); a++)
            for (b = 0; b < factorial(count); b++) {
                memset(&g, 0, sizeof g);
                order_of(a, count, in);
                order_of(b, count, out);
                for (i = 0; i < count; i++)
                    insert(&g, in[i], 7 * (size_t)in[i]);
                expect_same(&g);
                for (i = 0; i < count; i++)
                    drop(&g, out[i]);
                EXPECT_EQ(g.root, 0);
            }
}

/* All orders to come in, and each node leaves each tree of that size. */
TEST(every_node_out_of_every_tree, fast)
{
    enum { COUNT = 7 };
    static ground g, before;
    tree_link in[COUNT], out;
    size_t a, i;

    for (a = 0; a < factorial(COUNT); a++) {
        memset(&before, 0, offsetof(ground, sorted));
        order_of(a, COUNT, in);
        for (i = 0; i < COUNT; i++)
            insert(&before, in[i], 3);
        for (out = 1; out <= COUNT; out++) {
            memcpy(&g, &before, (size_t)((char *)&before.items[COUNT + 1] - (char *)&before));
            g.root = before.root;
            g.count = before.count;
            memcpy(g.sorted, before.sorted, COUNT * sizeof g.sorted[0]);
            drop(&g, out);
            expect_same(&g);
        }
    }
}

/* Ascending and descending, as far as it goes: the deepest that trees get, and how deep that is. */
TEST(depth_is_bounded, fast)
{
    static ground g;
    tree_link i;
    int way;

    for (way = 0; way < 2; way++) {
        memset(&g, 0, sizeof g);
        for (i = 1; i <= NODES; i++) {
            insert(&g, i, way ? NODES - (size_t)i : (size_t)i);
            EXPECT_LE(depth_below(&g, g.root), 2 * (loam_log2(g.count + 1) + 1));
        }
        expect_same(&g);
        for (i = 1; i <= NODES; i++)
            drop(&g, i);
    }
}

/* ---- random ---- */

static void run_random(size_t steps, size_t nodes, size_t sizes, uint64_t seed)
{
    static ground g;
    static bool in[NODES + 1];
    test_rng rng;
    size_t i;

    memset(&g, 0, sizeof g);
    memset(in, 0, sizeof in);
    test_rng_init(&rng, seed);
    for (i = 0; i < steps; i++) {
        tree_link link = (tree_link)(1 + test_rng_below(&rng, nodes));

        test_note("step %zu, %zu sizes", i, sizes);
        if (in[link])
            drop(&g, link);
        else
            insert(&g, link, (size_t)test_rng_below(&rng, sizes));
        in[link] = !in[link];
        expect_bound(&g, (size_t)test_rng_below(&rng, sizes + 1));
        if (i % 8 == 0)
            expect_same(&g);
    }
    test_note(NULL);
}

TEST(random_beside_a_sorted_array, fast)
{
    run_random(4000, 60, 12, test_seed());
    run_random(1500, 300, 1000, test_seed() + 1);
}

TEST(random_beside_a_sorted_array_for_long, slow)
{
    run_random(100000, 60, 12, test_seed());
    run_random(30000, NODES, 50, test_seed() + 1);
}

/* A node may stand in for its neighbour in order, as when a free block grows at its front. */
TEST(replace_puts_another_into_the_place, fast)
{
    static ground g;
    test_rng rng;
    tree_link link;
    size_t i;

    test_rng_init(&rng, test_seed());
    for (link = 1; link < 200; link += 2)
        insert(&g, link, (size_t)test_rng_below(&rng, 9));
    for (i = 0; i < g.count; i++) {
        link = g.sorted[i];
        g.items[link + 1].size = g.items[link].size;
        tree_replace(&g, &g.root, link, link + 1);
        g.sorted[i] = link + 1;
        EXPECT_EQ(tree_check(&g, g.root, g.count), LOAM_RB_SOUND);
    }
    expect_same(&g);
}

/* ---- the checker ---- */

/* A node by hand. */
static void place(ground *g, tree_link link, tree_link parent, tree_link left, tree_link right,
                  unsigned colour)
{
    g->items[link].size = (size_t)link;
    g->items[link].node.child[LOAM_RB_LEFT] = left;
    g->items[link].node.child[LOAM_RB_RIGHT] = right;
    g->items[link].node.up = (tree_link)(parent << 1 | colour);
}

/*          [4]
 *        /     \
 *      (2)     [6]
 *     /   \      \
 *   [1]   [3]    (7)
 */
static void plant(ground *g)
{
    memset(g, 0, sizeof *g);
    g->root = 4;
    g->count = 6;
    place(g, 4, 0, 2, 6, LOAM_RB_BLACK);
    place(g, 2, 4, 1, 3, LOAM_RB_RED);
    place(g, 1, 2, 0, 0, LOAM_RB_BLACK);
    place(g, 3, 2, 0, 0, LOAM_RB_BLACK);
    place(g, 6, 4, 0, 7, LOAM_RB_BLACK);
    place(g, 7, 6, 0, 0, LOAM_RB_RED);
    EXPECT_EQ(tree_check(g, g->root, g->count), LOAM_RB_SOUND);
}

TEST(each_property_is_told_apart, fast)
{
    static ground g;

    plant(&g);
    place(&g, 3, 4, 0, 0, LOAM_RB_BLACK);
    EXPECT_EQ(tree_check(&g, g.root, 6), LOAM_RB_BAD_LINK);
    plant(&g);
    place(&g, 2, 4, 1, 1, LOAM_RB_RED);
    EXPECT_EQ(tree_check(&g, g.root, 6), LOAM_RB_BAD_LINK);
    plant(&g);
    place(&g, 7, 6, NODES + 1, 0, LOAM_RB_RED);
    EXPECT_EQ(tree_check(&g, g.root, 6), LOAM_RB_BAD_LINK);
    EXPECT_EQ(tree_check(&g, NODES + 1, 6), LOAM_RB_BAD_LINK);
    plant(&g);
    EXPECT_EQ(tree_check(&g, 2, 3), LOAM_RB_BAD_LINK);
    g.items[3].size = 5;
    EXPECT_EQ(tree_check(&g, g.root, 6), LOAM_RB_BAD_ORDER);
    plant(&g);
    place(&g, 4, 0, 2, 6, LOAM_RB_RED);
    EXPECT_EQ(tree_check(&g, g.root, 6), LOAM_RB_BAD_ROOT);
    plant(&g);
    place(&g, 3, 2, 0, 0, LOAM_RB_RED);
    EXPECT_EQ(tree_check(&g, g.root, 6), LOAM_RB_BAD_RED);
    plant(&g);
    place(&g, 7, 6, 0, 0, LOAM_RB_BLACK);
    EXPECT_EQ(tree_check(&g, g.root, 6), LOAM_RB_BAD_HEIGHT);
    plant(&g);
    EXPECT_EQ(tree_check(&g, g.root, 5), LOAM_RB_BAD_COUNT);
    EXPECT_EQ(tree_check(&g, g.root, 7), LOAM_RB_BAD_COUNT);
    EXPECT_EQ(tree_check(&g, 0, 1), LOAM_RB_BAD_COUNT);
    EXPECT_EQ(tree_check(&g, 0, 0), LOAM_RB_SOUND);
}

/* Each word of each node, changed to each other value that it might have: always noticed, and the
 * check comes to an end. */
TEST(every_broken_word_is_noticed, fast)
{
    enum { COUNT = 24 };
    static ground g;
    tree_link link, value;
    unsigned side;

    for (link = 1; link <= COUNT; link++)
        insert(&g, link, (size_t)(link * 7 % 5));
    for (link = 1; link <= COUNT; link++) {
        tree_node *node = &g.items[link].node, sound = *node;

        for (value = 0; value <= COUNT + 1; value++) {
            test_note("node %u, value %u", (unsigned)link, (unsigned)value);
            for (side = LOAM_RB_LEFT; side <= LOAM_RB_RIGHT; side++) {
                node->child[side] = value;
                EXPECT((value == sound.child[side]) == !tree_check(&g, g.root, g.count));
                *node = sound;
            }
            node->up = value << 1 | (sound.up & LOAM_RB_RED);
            EXPECT((node->up == sound.up) == !tree_check(&g, g.root, g.count));
            node->up = value << 1 | (~sound.up & LOAM_RB_RED);
            EXPECT(tree_check(&g, g.root, g.count) != LOAM_RB_SOUND);
            *node = sound;
        }
    }
    test_note(NULL);
    for (value = 0; value <= COUNT + 1; value++)
        EXPECT((value == g.root) == !tree_check(&g, value, g.count));
}

TEST_MAIN
