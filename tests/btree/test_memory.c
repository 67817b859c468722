/* test_memory.c: what trees do to the memory that they stand on, by counted calls: ending a tree over what
 * does not reclaim is O(1); finding, iterating and erasing take nothing; a pool's lists are shared; and
 * moving nodes out of sparse slabs gives slabs back.
 */
#include "support/test.h"

#include <loam/adapters.h>
#include <loam/arena.h>
#include <loam/btree.h>
#include <loam/pool.h>

enum { MANY = 50000 };

static const loam_btree_type type = {.kind = LOAM_BTREE_U64, .value_size = 8};

static void fill(loam_btree *tree, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key = i * 2654435761u % 1000003;

        EXPECT(loam_btree_insert(tree, &key, &i, NULL));
    }
}

/* ---- an allocator that counts every call ---- */

typedef struct calls {
    loam_logging logging;
    size_t taken;
    size_t given;
    size_t other;
} calls;

static void note(void *context, const loam_logging_event *event)
{
    calls *c = (calls *)context;

    if (event->op == LOAM_LOGGING_ALLOC || event->op == LOAM_LOGGING_ZALLOC)
        c->taken++;
    else if (event->op == LOAM_LOGGING_DEALLOC)
        c->given++;
    else
        c->other++;
}

static loam_allocator begin_calls(calls *c, loam_allocator below)
{
    loam_logging_config config = {.callback = note, .context = c};

    c->taken = c->given = c->other = 0;
    loam_logging_init(&c->logging, below, &config);
    return loam_logging_allocator(&c->logging);
}

/* ---- over an arena ---- */

static size_t calls_to_end(uint64_t count)
{
    calls c;
    loam_arena arena;
    loam_btree tree;
    size_t before;

    EXPECT(loam_arena_init(&arena, NULL));
    EXPECT(loam_btree_init(&tree, begin_calls(&c, loam_arena_allocator(&arena)), &type, NULL));
    fill(&tree, count);
    before = c.taken + c.given + c.other;
    loam_btree_deinit(&tree);
    before = c.taken + c.given + c.other - before;
    EXPECT_EQ(loam_btree_count(&tree), 0);
    loam_logging_deinit(&c.logging);
    loam_arena_deinit(&arena);
    return before;
}

TEST(ending_over_an_arena_is_constant, fast)
{
    EXPECT(calls_to_end(MANY) <= 4);
    EXPECT_EQ(calls_to_end(MANY), calls_to_end(10));
}

/* ---- over one that only counts, and lets caches hold blocks ---- */

typedef struct heap_of_no_return {
    loam_arena arena;
    size_t given;
} heap_of_no_return;

static void *take_block(void *self, size_t size, size_t align)
{
    return loam_alloc(loam_arena_allocator(&((heap_of_no_return *)self)->arena), size, align);
}

static void give_block(void *self, void *block, size_t size, size_t align)
{
    (void)block;
    (void)size;
    (void)align;
    ((heap_of_no_return *)self)->given++;
}

/* What was erased before lies in the caches of the tree: it is not given back one by one. */
TEST(ending_an_emptied_tree_over_an_arena_is_constant, fast)
{
    static const loam_allocator_ops ops = {
        .alloc = take_block, .dealloc = give_block, .name = "no return"};
    heap_of_no_return heap = {.given = 0};
    loam_btree tree;
    uint64_t from = 10;

    if (test_under_asan() || test_under_valgrind())
        TEST_SKIP("there the blocks in caches are marked, and unmarked one by one");
    EXPECT(loam_arena_init(&heap.arena, NULL));
    EXPECT(loam_btree_init(&tree, (loam_allocator){&ops, &heap}, &type, NULL));
    fill(&tree, MANY);
    EXPECT(loam_btree_erase_range(&tree, &from, NULL, NULL));
    heap.given = 0;
    loam_btree_deinit(&tree);
    EXPECT_LE(heap.given, 1);
    loam_arena_deinit(&heap.arena);
}

/* But one that others share nodes with goes node by node, and theirs stay. */
TEST(ending_one_of_a_family_over_an_arena, fast)
{
    loam_arena arena;
    loam_btree tree, snapshot;

    EXPECT(loam_arena_init(&arena, NULL));
    EXPECT(loam_btree_init(&tree, loam_arena_allocator(&arena), &type, NULL));
    fill(&tree, 5000);
    EXPECT(loam_btree_snapshot(&tree, &snapshot));
    loam_btree_deinit(&tree);
    EXPECT_EQ(loam_btree_count(&snapshot), 5000);
    EXPECT(loam_btree_check(&snapshot, NULL, NULL));
    loam_btree_deinit(&snapshot);
    loam_arena_deinit(&arena);
}

/* ---- over a piece of memory that is used again ---- */

typedef struct piece {
    unsigned char *at;
    size_t left;
} piece;

static void *take_of_piece(void *self, size_t size, size_t align)
{
    piece *p = (piece *)self;
    size_t skip = (0 - (uintptr_t)p->at) & (align - 1);
    void *block = p->at + skip;

    if (skip + size > p->left)
        return NULL;
    p->at += skip + size;
    p->left -= skip + size;
    return block;
}

static void give_to_piece(void *self, void *block, size_t size, size_t align)
{
    (void)self;
    (void)block;
    (void)size;
    (void)align;
}

/* Whoever has the memory of an ended tree next is told of nothing, where a tool looks: no block stays marked. */
TEST(memory_of_an_ended_tree_is_used_again, fast)
{
    static const loam_allocator_ops ops = {
        .alloc = take_of_piece, .dealloc = give_to_piece, .name = "piece"};
    static unsigned char room[512 * 1024];
    piece p = {room, sizeof room};
    loam_btree tree;
    uint64_t from = 10;

    EXPECT(loam_btree_init(&tree, (loam_allocator){&ops, &p}, &type, NULL));
    fill(&tree, 10000);
    EXPECT(loam_btree_erase_range(&tree, &from, NULL, NULL));
    loam_btree_deinit(&tree);
    for (size_t i = 0; i < sizeof room; i++)
        room[i] = 1;
    EXPECT_EQ(room[sizeof room / 2], 1);
}

/* ---- what takes no memory ---- */

TEST(finding_iterating_and_erasing_take_nothing, fast)
{
    calls c;
    loam_btree tree;
    loam_btree_cursor at;
    size_t taken, erased = 0;
    uint64_t from = 1000, to = 500000;

    EXPECT(loam_btree_init(&tree, begin_calls(&c, loam_libc_allocator()), &type, NULL));
    EXPECT_EQ(c.taken, 0);
    fill(&tree, MANY);
    taken = c.taken;
    for (uint64_t key = 0; key < 20000; key++) {
        (void)loam_btree_find(&tree, &key);
        (void)loam_btree_lower_bound(&tree, &key);
        (void)loam_btree_upper_bound(&tree, &key);
    }
    loam_btree_cursor_seek_first(&at, &tree);
    while (loam_btree_cursor_next(&at).key)
        ;
    while (loam_btree_cursor_prev(&at).key)
        ;
    EXPECT_EQ(c.given, 0);
    EXPECT(loam_btree_erase_range(&tree, &from, &to, &erased) && erased > 20000);
    loam_btree_cursor_seek_first(&at, &tree);
    for (int i = 0; i < 3000; i++)
        EXPECT(loam_btree_cursor_erase_next(&at, NULL));
    while (loam_btree_pop_first(&tree, &from, NULL)) {
        if (loam_btree_last(&tree).key)
            memcpy(&to, loam_btree_last(&tree).key, sizeof to);
        EXPECT(loam_btree_count(&tree) == 0 || loam_btree_erase(&tree, &to));
    }
    EXPECT(c.taken == taken && c.other == 0);
    loam_btree_deinit(&tree);
    EXPECT_EQ(c.given, c.taken);
    loam_logging_deinit(&c.logging);
}

/* ---- on a pool ---- */

static void begin_pool(loam_pool *pool)
{
    loam_pool_config config = {.allocator = loam_libc_allocator()};

    EXPECT(loam_pool_init(pool, &config));
}

/* Two trees take from one list: what one gives back, the other one takes. */
TEST(trees_on_a_pool_share_its_lists, fast)
{
    loam_pool pool;
    loam_btree one, two;
    loam_stats before, after;
    loam_cache_own own;
    loam_cache *shared;

    begin_pool(&pool);
    EXPECT(loam_btree_init(&one, loam_pool_allocator(&pool), &type, NULL));
    EXPECT(loam_btree_init(&two, loam_pool_allocator(&pool), &type, NULL));
    fill(&one, 2000);
    shared = loam_allocator_cache(loam_pool_allocator(&pool), one.layout.leaf_bytes,
                                  one.layout.align, &own);
    EXPECT(shared != &own.cache);
    loam_pool_stats(&pool, &before);
    loam_btree_clear(&one);
    fill(&two, 2000);
    loam_pool_stats(&pool, &after);
    EXPECT_LE(after.committed, before.committed + 65536);
    loam_btree_deinit(&one);
    loam_btree_deinit(&two);
    loam_pool_stats(&pool, &after);
    EXPECT_EQ(after.blocks, 0);
    loam_pool_deinit(&pool);
}

typedef struct slabs {
    const loam_pool *pool;
    size_t asked;
    size_t sparse;
} slabs;

static bool is_sparse(void *context, const void *node)
{
    slabs *s = (slabs *)context;
    bool sparse = loam_pool_class_is_sparse(loam_pool_find(s->pool, node), node);

    s->asked++;
    s->sparse += sparse;
    return sparse;
}

/* Many trees take nodes in turns, one has some slabs for itself at last, and all but that and another one
 * end: slabs are nearly empty. The other one moves by the pool's hint to where there is room. */
TEST(moving_by_the_hint_of_a_pool, fast)
{
    enum { TREES = 32, LAST = TREES };
    static loam_btree trees[TREES + 1];
    loam_pool pool;
    loam_stats before, after;
    size_t position = 0, moved = 0;
    slabs s = {&pool, 0, 0};

    begin_pool(&pool);
    for (size_t t = 0; t <= LAST; t++)
        EXPECT(loam_btree_init(&trees[t], loam_pool_allocator(&pool), &type, NULL));
    for (uint64_t i = 0; i < 2000 * TREES; i++)
        EXPECT(loam_btree_insert(&trees[i % TREES], &i, &i, NULL));
    fill(&trees[LAST], 5000);
    for (size_t t = 1; t < TREES; t++)
        loam_btree_deinit(&trees[t]);
    (void)loam_pool_trim(&pool);
    loam_pool_stats(&pool, &before);
    do {
        moved += loam_btree_compact_step(&trees[0], 16, is_sparse, &s, &position);
        (void)loam_pool_trim(&pool); /* What was given would be what the next step takes. */
    } while (position != 0);
    EXPECT(moved > 0 && moved == s.sparse);
    loam_pool_stats(&pool, &after);
    EXPECT(after.committed < before.committed);
    EXPECT_EQ(loam_btree_count(&trees[0]), 2000);
    EXPECT(loam_btree_check(&trees[0], NULL, NULL));
    for (uint64_t i = 0; i < 2000 * TREES; i++)
        EXPECT_EQ(loam_btree_contains(&trees[0], &i), i % TREES == 0);
    loam_btree_deinit(&trees[0]);
    loam_btree_deinit(&trees[LAST]);
    loam_pool_deinit(&pool);
}

TEST_MAIN
