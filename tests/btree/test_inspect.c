/* test_inspect.c: figures, the walk, and that the check finds each kind of damage.
 */
#include <loam/btree_core.h>

#include "support/ground.h"
#include "support/test.h"

#include <string.h>

static void plant(loam_btree *tree, loam_allocator allocator, size_t value_size, bool counted)
{
    loam_btree_type type = {.kind = LOAM_BTREE_U32, /* Keys of 4 bytes leave a gap before values. */
                            .value_size = value_size,
                            .leaf_entries = 5,
                            .inner_keys = 3};
    loam_btree_options options = {.order_statistics = counted};

    EXPECT(loam_btree_init(tree, allocator, &type, &options));
}

static void fill(loam_btree *tree, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t value[4] = {i, i, i, i};
        uint32_t key = i * 2654435761u;

        EXPECT(loam_btree_insert(tree, &key, value, NULL) != NULL);
    }
}

/* ---- figures and walk ---- */

typedef struct sums {
    size_t live;
    size_t free;
    size_t metadata;
    size_t pieces;
    const char *end; /* Of the last piece. */
    size_t nodes;
    size_t stop_at;
} sums;

static bool add(void *context, const loam_walk_item *item)
{
    sums *s = context;

    EXPECT(item->size > 0);
    if (item->address != s->end)
        s->nodes++;
    s->end = (const char *)item->address + item->size;
    *(item->kind == LOAM_WALK_LIVE   ? &s->live
      : item->kind == LOAM_WALK_FREE ? &s->free
                                     : &s->metadata) += item->size;
    return ++s->pieces != s->stop_at;
}

static void look(size_t value_size, uint32_t n)
{
    ground g;
    loam_btree tree;
    loam_stats stats;
    loam_btree_figures figures;
    sums s = {0};

    ground_init(&g, GROUND_LIBC, true);
    plant(&tree, ground_allocator(&g), value_size, false);
    fill(&tree, n);
    loam_btree_stats(&tree, &stats);
    loam_btree_measure(&tree, &figures);
    EXPECT_EQ(stats.live, n * (4 + value_size));
    EXPECT_LE(stats.live, stats.peak);
    EXPECT_LE(stats.live + stats.lost, stats.committed);
    EXPECT_EQ(stats.blocks, figures.leaves + figures.inner_nodes);
    EXPECT_EQ(stats.committed,
              figures.leaves * figures.leaf_bytes + figures.inner_nodes * figures.inner_bytes);
    EXPECT_EQ(figures.entries, n);
    EXPECT_EQ(figures.shared_nodes, 0);
    EXPECT_EQ(ground_blocks(&g), stats.blocks + (n > 0));
    EXPECT(figures.leaf_fill > 0.3 || n < 5);
    EXPECT(figures.leaf_fill <= 1 && figures.inner_fill <= 1);
    EXPECT(loam_btree_walk(&tree, add, &s));
    EXPECT_EQ(s.live, stats.live);
    EXPECT_EQ(s.live + s.free + s.metadata, stats.committed);
    EXPECT_LE(s.nodes, stats.blocks);
    if (s.pieces > 1) {
        sums part = {.stop_at = s.pieces / 2};

        EXPECT(!loam_btree_walk(&tree, add, &part));
        EXPECT_EQ(part.pieces, s.pieces / 2);
    }
    loam_btree_deinit(&tree);
    EXPECT_EQ(ground_blocks(&g), 0);
    ground_deinit(&g);
}

TEST(figures_and_walk, fast)
{
    static const size_t sizes[] = {0, 1, 8, 24};

    for (size_t i = 0; i < 4; i++) {
        for (uint32_t n = 0; n < 200; n = n * 2 + 1)
            look(sizes[i], n);
    }
}

TEST(shared_nodes_are_told, fast)
{
    loam_btree tree;
    loam_btree twin;
    loam_btree_figures figures;
    uint32_t key = 7;

    plant(&tree, loam_libc_allocator(), 8, false);
    fill(&tree, 300);
    EXPECT(loam_btree_snapshot(&tree, &twin));
    loam_btree_measure(&tree, &figures);
    EXPECT_EQ(figures.shared_nodes, figures.leaves + figures.inner_nodes);
    EXPECT(loam_btree_insert(&tree, &key, NULL, NULL) != NULL);
    loam_btree_measure(&tree, &figures);
    EXPECT(figures.shared_nodes < figures.leaves + figures.inner_nodes);
    EXPECT(figures.shared_nodes > figures.leaves / 2);
    loam_btree_deinit(&twin);
    loam_btree_measure(&tree, &figures);
    EXPECT_EQ(figures.shared_nodes, 0);
    loam_btree_deinit(&tree);
}

/* ---- damage ---- */

typedef struct reports {
    const char *wanted;
    size_t found;
} reports;

static void hear(void *context, const char *property, const void *where)
{
    reports *r = context;

    (void)where;
    r->found += strncmp(property, r->wanted, strlen(r->wanted)) == 0;
}

static void expect_report(const loam_btree *tree, const char *wanted)
{
    reports r = {wanted, 0};

    test_note("%s", wanted);
    EXPECT(!loam_btree_check(tree, hear, &r));
    EXPECT(r.found > 0);
    EXPECT(!loam_btree_check(tree, NULL, NULL));
}

static loam_btree_node *child(loam_btree *tree, size_t index)
{
    return loam_btree_children_(&tree->layout, tree->root)[index];
}

static loam_btree_node *leaf_of(loam_btree *tree)
{
    loam_btree_node *node = child(tree, 1);

    while (node->level)
        node = loam_btree_children_(&tree->layout, node)[0];
    return node;
}

/* Does damage, expects the report, undoes it, and expects a whole tree. */
#define DAMAGE(place, bad, wanted)                                                                 \
    do {                                                                                           \
        __typeof__(place) was = (place);                                                           \
        (place) = (bad);                                                                           \
        expect_report(&tree, (wanted));                                                            \
        (place) = was;                                                                             \
        EXPECT(loam_btree_check(&tree, NULL, NULL));                                               \
    } while (0)

TEST(check_finds_damage, fast)
{
    loam_btree tree;
    loam_btree_node *leaf;
    uint32_t *keys;

    plant(&tree, loam_libc_allocator(), 8, true);
    fill(&tree, 200);
    EXPECT(loam_btree_check(&tree, NULL, NULL));
    leaf = leaf_of(&tree);
    keys = loam_btree_key_at_(&tree.layout, leaf, 0);
    DAMAGE(tree.root, NULL, "B1");
    DAMAGE(tree.height, 0, "B1");
    DAMAGE(tree.height, LOAM_BTREE_MAX_HEIGHT + 1, "B1");
    DAMAGE(tree.height, tree.height + 1, "B2");
    DAMAGE(child(&tree, 0)->level, 0, "B2");
    DAMAGE(leaf->level, 3, "B2");
    DAMAGE(leaf->count, 0, "B3");
    DAMAGE(leaf->count, 6, "B3");
    DAMAGE(tree.root->count, 0, "B3");
    DAMAGE(child(&tree, 0)->count, 9, "B3");
    DAMAGE(loam_btree_children_(&tree.layout, tree.root)[0], NULL, "B4");
    DAMAGE(loam_btree_children_(&tree.layout, tree.root)[0],
           (loam_btree_node *)(void *)((char *)child(&tree, 0) + 8), "B4");
    DAMAGE(keys[1], keys[0], "B5");
    DAMAGE(keys[1], UINT32_MAX, "B5");
    DAMAGE(keys[0], keys[0] - 1, "B6");
    DAMAGE(*(uint32_t *)loam_btree_key_at_(&tree.layout, tree.root, 0),
           *(uint32_t *)loam_btree_key_at_(&tree.layout, tree.root, 0) - 1, "B6");
    DAMAGE(loam_btree_counts_(&tree.layout, tree.root)[0], 1, "B7");
    DAMAGE(tree.count, 199, "B8");
    DAMAGE(leaf->references, 0, "B9");
    DAMAGE(leaf->references, 2, "B9");
    DAMAGE(tree.source, NULL, "B10");
    DAMAGE(tree.tail, leaf, "B12");
    DAMAGE(tree.flags, tree.flags | LOAM_BTREE_FRONT_, "B12");
    EXPECT(tree.root->count < 3 || child(&tree, 0)->count < 3 || leaf->count < 5);
    if (leaf->count < 5)
        DAMAGE(keys[leaf->count], 0, "B11");
    loam_btree_deinit(&tree);
}

TEST(check_counts_nodes_against_the_source, fast)
{
    loam_btree tree;
    loam_btree_node *root;

    plant(&tree, loam_libc_allocator(), 8, false);
    fill(&tree, 3);
    root = tree.root;
    tree.root = NULL;
    tree.height = 0;
    tree.count = 0;
    expect_report(&tree, "B10");
    tree.root = root;
    tree.height = 1;
    tree.count = 3;
    EXPECT(loam_btree_check(&tree, NULL, NULL));
    loam_btree_deinit(&tree);
}

/* ---- order that is not there ---- */

static int backwards(void *context, const void *a, const void *b)
{
    int sign = *(const int *)context;
    uint64_t x;
    uint64_t y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return sign * (x < y ? -1 : x > y);
}

TEST(check_finds_that_a_comparison_changed, fast)
{
    int sign = 1;
    loam_btree_type type = {.key_size = 8, .compare = backwards};
    loam_btree_options options = {.context = &sign};
    loam_btree tree;

    EXPECT(loam_btree_init(&tree, loam_libc_allocator(), &type, &options));
    for (uint64_t i = 0; i < 1000; i++)
        EXPECT(loam_btree_insert(&tree, &i, NULL, NULL) != NULL);
    EXPECT(loam_btree_check(&tree, NULL, NULL));
    sign = -1;
    expect_report(&tree, "B5");
    loam_btree_deinit(&tree);
}

TEST_MAIN
