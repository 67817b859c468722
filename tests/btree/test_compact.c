/* test_compact.c: moving the nodes of a tree together, over a pool that says which of its slabs are sparse.
 */
#include <loam/btree.h>
#include <loam/pool_class.h>

#include "support/test.h"

enum { ENTRIES = 60000, BLOCK = 2048 };

typedef struct stand {
    loam_pool_class nodes;
    loam_btree tree;
    loam_btree twin;
} stand;

static void complain(void *context, const char *property, const void *where)
{
    (void)context;
    (void)where;
    TEST_FAIL("%s", property);
}

static bool kept(uint64_t key)
{
    return key >= ENTRIES - ENTRIES / 8 || key % 1000 >= 900;
}

static void expect_kept(const loam_btree *tree)
{
    loam_btree_cursor at;

    EXPECT(loam_btree_check(tree, complain, NULL));
    loam_btree_cursor_seek_first(&at, tree);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        loam_btree_entry e;

        if (!kept(i))
            continue;
        e = loam_btree_cursor_next(&at);
        EXPECT(e.key != NULL);
        EXPECT_EQ(*(const uint64_t *)e.key, i);
        EXPECT_EQ(*(const uint64_t *)e.value, ~i);
    }
    EXPECT(loam_btree_cursor_next(&at).key == NULL);
}

/* A tree that has lost most of its nodes, here and there. */
static void begin(stand *s)
{
    loam_pool_class_config config = {
        .size = BLOCK, .align = 64, .allocator = loam_libc_allocator(), .keep = 1};
    loam_btree_type type = {.kind = LOAM_BTREE_U64, .value_size = sizeof(uint64_t)};

    EXPECT(loam_pool_class_init(&s->nodes, &config));
    EXPECT(loam_btree_init(&s->tree, loam_pool_class_allocator(&s->nodes), &type, NULL));
    for (uint64_t i = 0; i < ENTRIES; i++) {
        uint64_t value = ~i;

        EXPECT(loam_btree_insert(&s->tree, &i, &value, NULL) != NULL);
    }
    for (uint64_t i = 0; i < ENTRIES - ENTRIES / 8; i += 1000) {
        uint64_t to = i + 900 < ENTRIES - ENTRIES / 8 ? i + 900 : ENTRIES - ENTRIES / 8;

        EXPECT(loam_btree_erase_range(&s->tree, &i, &to, NULL));
    }
    (void)loam_pool_class_trim(&s->nodes);
    expect_kept(&s->tree);
}

static size_t committed(const stand *s)
{
    loam_stats stats;

    loam_pool_class_stats(&s->nodes, &stats);
    return stats.committed;
}

static bool is_sparse(void *context, const void *node)
{
    return loam_pool_class_is_sparse(context, node);
}

/* Goes through the whole tree once, in steps, none of which may leave more than there was. Returns how many nodes
 * moved. */
static size_t go_through(stand *s, size_t budget)
{
    size_t position = 0;
    size_t moved = 0;
    size_t steps = 0;
    size_t before = committed(s);

    do {
        moved += loam_btree_compact_step(&s->tree, budget, is_sparse, &s->nodes, &position);
        (void)loam_pool_class_trim(&s->nodes);
        EXPECT_LE(committed(s), before);
        before = committed(s);
        EXPECT(++steps <= ENTRIES);
    } while (position != 0);
    return moved;
}

/* The slabs are half full, but for what is left over. */
static void expect_packed(const stand *s)
{
    loam_btree_figures figures;
    size_t blocks, slab = loam_pool_class_slab_size(&s->nodes, &blocks);

    loam_btree_measure(&s->tree, &figures);
    EXPECT_LE(committed(s) / slab, 2 * (figures.leaves + figures.inner_nodes) / blocks + 2);
}

TEST(compact_gives_slabs_back, fast)
{
    stand s;
    size_t before;

    begin(&s);
    before = committed(&s);
    EXPECT(go_through(&s, ENTRIES) > 0);
    expect_kept(&s.tree);
    test_note("%zu bytes, before %zu", committed(&s), before);
    EXPECT(committed(&s) < before);
    expect_packed(&s);
    loam_btree_deinit(&s.tree);
    loam_pool_class_deinit(&s.nodes);
}

TEST(compact_in_steps_of_every_size, fast)
{
    for (size_t budget = 1; budget < 300; budget *= 7) {
        stand s;

        test_note("budget %zu", budget);
        begin(&s);
        EXPECT(go_through(&s, budget) > 0);
        expect_packed(&s);
        EXPECT_EQ(go_through(&s, budget), 0);
        expect_kept(&s.tree);
        loam_btree_deinit(&s.tree);
        loam_pool_class_deinit(&s.nodes);
    }
}

TEST(compact_leaves_shared_nodes, fast)
{
    stand s;
    uint64_t key = 950;
    size_t position = 0;

    begin(&s);
    EXPECT(loam_btree_snapshot(&s.tree, &s.twin));
    EXPECT_EQ(go_through(&s, 64), 0);
    /* Its own are those on the way to what it changed. */
    *(uint64_t *)loam_btree_upsert(&s.tree, &key, NULL) = 1;
    EXPECT_LE(loam_btree_compact_step(&s.tree, ENTRIES, is_sparse, &s.nodes, &position), 4);
    EXPECT_EQ(position, 0);
    expect_kept(&s.twin);
    EXPECT_EQ(*(uint64_t *)loam_btree_find(&s.tree, &key), 1);
    EXPECT(loam_btree_check(&s.tree, complain, NULL));
    loam_btree_deinit(&s.twin);
    *(uint64_t *)loam_btree_upsert(&s.tree, &key, NULL) = ~key;
    EXPECT(go_through(&s, 64) > 0);
    expect_kept(&s.tree);
    loam_btree_deinit(&s.tree);
    loam_pool_class_deinit(&s.nodes);
}

TEST(compact_goes_on_in_a_tree_that_changes, fast)
{
    test_rng rng;
    stand s;
    size_t position = 0;

    test_rng_init(&rng, test_seed());
    begin(&s);
    for (size_t i = 0; i < 400; i++) {
        uint64_t from = (size_t)test_rng_below(&rng, ENTRIES);
        uint64_t to = from + (size_t)test_rng_below(&rng, 300);

        (void)loam_btree_compact_step(&s.tree, 10, is_sparse, &s.nodes, &position);
        if (i % 3 == 0)
            EXPECT(loam_btree_erase_range(&s.tree, &from, &to, NULL));
        for (; i % 3 == 1 && from < to; from++)
            EXPECT(loam_btree_insert(&s.tree, &from, &from, NULL) != NULL);
        if (i % 100 == 99)
            loam_btree_clear(&s.tree);
        EXPECT(i % 20 != 0 || loam_btree_check(&s.tree, complain, NULL));
    }
    EXPECT(loam_btree_check(&s.tree, complain, NULL));
    loam_btree_deinit(&s.tree);
    loam_pool_class_deinit(&s.nodes);
}

TEST_MAIN
