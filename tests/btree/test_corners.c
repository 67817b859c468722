/* test_corners.c: what random tests meet too rarely: a node with one child and no key that snapshots share and
 * that becomes a root, keys that are numbers and stand at odd addresses, more entries than there is memory,
 * and a family of which nobody shares any more.
 */
#include "btree/tree_stand.h"

#include <loam/btree_core.h>

#include <stdio.h>

/* ---- a chain of nodes at the root ---- */

static void expect_numbers(const loam_btree *tree, uint64_t first, uint64_t count)
{
    loam_btree_cursor at;

    EXPECT(loam_btree_check(tree, NULL, NULL));
    EXPECT_EQ(loam_btree_count(tree), count);
    loam_btree_cursor_seek_first(&at, tree);
    for (uint64_t i = 0; i < count; i++) {
        loam_btree_entry entry = loam_btree_cursor_next(&at);

        EXPECT(entry.key);
        EXPECT_EQ(*(const uint64_t *)entry.key, first + i);
    }
}

/* A tree of four levels, of which the first node above leaves, of entries below 6, is left with one leaf: its neighbours
 * can't be copied. */
static void make_lone(tree_stand *stand, loam_btree *tree, loam_btree *before)
{
    const loam_btree_type type = {.kind = LOAM_BTREE_U64, .leaf_entries = 2, .inner_keys = 3};

    EXPECT(loam_btree_init(tree, tree_stand_allocator(stand), &type, NULL));
    for (uint64_t i = 0; i < 64; i++)
        EXPECT(loam_btree_insert(tree, &i, NULL, NULL));
    EXPECT(loam_btree_snapshot(tree, before));
    for (uint64_t i = 0; i < 6; i++)
        EXPECT(loam_btree_upsert(tree, &i, NULL));
    (void)tree_stand_press(stand, true, false, 1);
    for (uint64_t i = 6; --i > 1;)
        EXPECT(loam_btree_erase(tree, &i));
    (void)tree_stand_press(stand, false, false, 1);
}

static void become_root(tree_stand_kind kind)
{
    const uint64_t from = 6;
    tree_stand stand;
    loam_btree tree, before, then;
    size_t erased;

    tree_stand_begin(&stand, kind);
    make_lone(&stand, &tree, &before);
    EXPECT(loam_btree_snapshot(&tree, &then));
    EXPECT(loam_btree_erase_range(&tree, &from, NULL, &erased));
    EXPECT_EQ(erased, 58);
    expect_numbers(&tree, 0, 2);
    expect_numbers(&before, 0, 64);
    EXPECT(loam_btree_check(&then, NULL, NULL));
    EXPECT_EQ(loam_btree_count(&then), 60);
    loam_btree_deinit(&before);
    loam_btree_deinit(&tree);
    EXPECT(loam_btree_check(&then, NULL, NULL));
    loam_btree_deinit(&then);
    tree_stand_end(&stand);
}

TEST(shared_node_with_one_child_becomes_root, fast)
{
    become_root(TREE_OVER_CHECKED);
    become_root(TREE_OVER_LIBC);
    become_root(TREE_OVER_ARENA);
}

/* ---- keys that are numbers ---- */

/* Seen by sanitizers, or by processors that can't load from odd addresses. */
TEST(keys_at_odd_addresses, fast)
{
    static const size_t sizes[] = {
        [LOAM_BTREE_U32] = 4, [LOAM_BTREE_I32] = 4, [LOAM_BTREE_U64] = 8,
        [LOAM_BTREE_I64] = 8, [LOAM_BTREE_F32] = 4, [LOAM_BTREE_F64] = 8};

    for (int kind = LOAM_BTREE_U32; kind <= LOAM_BTREE_F64; kind++) {
        const loam_btree_type type = {.kind = (loam_btree_kind)kind};
        char bytes[9];
        loam_btree tree;

        EXPECT(loam_btree_init(&tree, loam_libc_allocator(), &type, NULL));
        for (unsigned i = 0; i < 250; i++) {
            memset(bytes, 0, sizeof bytes);
            bytes[sizes[kind]] = (char)(i / 2 % 64); /* Of floats the exponent: no NaN. */
            bytes[1] = (char)i;
            EXPECT(loam_btree_insert(&tree, bytes + 1, NULL, NULL));
            EXPECT(loam_btree_contains(&tree, bytes + 1));
        }
        EXPECT(loam_btree_check(&tree, NULL, NULL));
        loam_btree_deinit(&tree);
    }
}

/* ---- keys that are addresses ---- */

static int compare_texts(void *context, const void *a, const void *b)
{
    (void)context;
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

TEST(texts_by_address, fast)
{
    loam_btree_type type = {
        .key_size = sizeof(char *), .compare = compare_texts, .by_address = true};
    char texts[1000][8];
    loam_btree tree;
    const char *last = "";
    loam_btree_cursor at;

    EXPECT(loam_btree_init(&tree, loam_libc_allocator(), &type, NULL));
    for (unsigned i = 0; i < 1000; i++) {
        const char *text = texts[i];
        bool added;

        snprintf(texts[i], sizeof texts[i], "%u", i * 7919 % 1000);
        EXPECT(!loam_btree_contains(&tree, &text));
        EXPECT(loam_btree_insert(&tree, &text, NULL, &added));
        EXPECT(added);
        EXPECT(loam_btree_find(&tree, &text));
    }
    EXPECT(loam_btree_check(&tree, NULL, NULL));
    loam_btree_cursor_seek_first(&at, &tree);
    for (loam_btree_entry e; (e = loam_btree_cursor_next(&at)).key;) {
        EXPECT(strcmp(last, *(const char *const *)e.key) < 0);
        last = *(const char *const *)e.key;
    }
    for (unsigned i = 0; i < 1000; i++) {
        const char *text = texts[i];

        EXPECT(loam_btree_erase(&tree, &text));
        EXPECT(!loam_btree_erase(&tree, &text));
    }
    EXPECT_EQ(loam_btree_count(&tree), 0);
    loam_btree_deinit(&tree);
}

/* An address must be there; keys that have a kind are none, whatever is said. */
TEST(too_small_for_an_address, fast)
{
    loam_btree_type type = {
        .key_size = sizeof(char *) - 1, .compare = compare_texts, .by_address = true};
    const loam_btree_type number = {.kind = LOAM_BTREE_U32, .by_address = true};
    const uint32_t key = 7;
    loam_btree tree;

    EXPECT(!loam_btree_init(&tree, loam_libc_allocator(), &type, NULL));
    type.by_address = false;
    EXPECT(loam_btree_init(&tree, loam_libc_allocator(), &type, NULL));
    loam_btree_deinit(&tree);
    EXPECT(loam_btree_init(&tree, loam_libc_allocator(), &number, NULL));
    EXPECT(loam_btree_insert(&tree, &key, NULL, NULL));
    EXPECT(loam_btree_contains(&tree, &key));
    loam_btree_deinit(&tree);
}

/* ---- counts ---- */

/* A multimap of equal keys behind its own snapshot has twice the entries in about the same nodes. */
TEST(more_entries_than_a_number_can_tell, fast)
{
    const loam_btree_type type = {.kind = LOAM_BTREE_U64, .value_size = 8};
    const loam_btree_options options = {.multi = true, .order_statistics = true};
    const uint64_t key = 7;
    loam_btree tree, snapshot;
    size_t count;
    bool joined = true;

    EXPECT(loam_btree_init(&tree, loam_libc_allocator(), &type, &options));
    for (size_t i = 0; i < 3; i++)
        EXPECT(loam_btree_insert(&tree, &key, NULL, NULL));
    while (joined) {
        count = loam_btree_count(&tree);
        EXPECT(loam_btree_snapshot(&tree, &snapshot));
        joined = loam_btree_join(&tree, &snapshot);
        EXPECT_EQ(loam_btree_count(&tree), joined ? 2 * count : count);
        EXPECT(joined == (count <= (size_t)PTRDIFF_MAX / 2));
        EXPECT_EQ(loam_btree_rank(&tree, &key), 0);
        EXPECT_EQ(loam_btree_count_range(&tree, &key, NULL), loam_btree_count(&tree));
        EXPECT(loam_btree_nth(&tree, loam_btree_count(&tree) - 1).key);
        loam_btree_deinit(&snapshot);
    }
    loam_btree_deinit(&tree);
}

/* ---- no longer shared ---- */

static bool shares(const loam_btree *tree)
{
    return (tree->flags & LOAM_BTREE_SHARES_) != 0;
}

static void put(loam_btree *tree, uint64_t key)
{
    bool added;

    EXPECT(loam_btree_insert(tree, &key, NULL, &added) && added);
}

/* The next change of a tree finds out that the last snapshot has ended: changes are as fast as before, also where the
 * tree was joined of parts, or has parts. */
TEST(changes_are_direct_when_nobody_shares, fast)
{
    const loam_btree_type type = {.kind = LOAM_BTREE_U64, .value_size = 8};
    const uint64_t middle = 1000;
    loam_btree tree, snapshot, right;

    EXPECT(loam_btree_init(&tree, loam_libc_allocator(), &type, NULL));
    for (uint64_t i = 0; i < 1000; i++)
        put(&tree, 2 * i);
    EXPECT(loam_btree_snapshot(&tree, &snapshot));
    put(&tree, 1);
    EXPECT(shares(&tree));
    EXPECT(loam_btree_split(&tree, &middle, &right));
    put(&right, 1001);
    EXPECT(shares(&right));
    loam_btree_deinit(&snapshot);
    put(&right, 1003);
    EXPECT(!shares(&right));
    EXPECT(loam_btree_join(&tree, &right));
    put(&tree, 3);
    EXPECT(!shares(&tree));
    EXPECT(loam_btree_check(&tree, NULL, NULL));
    loam_btree_deinit(&right);
    loam_btree_deinit(&tree);
}

/* ---- what a refused replacement leaves alone ---- */

TEST(refused_replacement_copies_nothing_out, fast)
{
    const loam_btree_type type = {.kind = LOAM_BTREE_U64, .value_size = sizeof(uint64_t)};
    const uint64_t key = 3, before = 30, after = 31;
    uint64_t old_key = 1000, old_value = 1000;
    bool added = true;
    tree_stand stand;
    loam_btree tree, snapshot;

    tree_stand_begin(&stand, TREE_OVER_LIBC);
    EXPECT(loam_btree_init(&tree, tree_stand_allocator(&stand), &type, NULL));
    EXPECT(loam_btree_insert(&tree, &key, &before, NULL));
    EXPECT(loam_btree_snapshot(&tree, &snapshot));
    (void)tree_stand_press(&stand, true, false, 1);
    EXPECT(!loam_btree_replace(&tree, &key, &after, &old_key, &old_value, &added));
    EXPECT_EQ(old_key, 1000);
    EXPECT_EQ(old_value, 1000);
    EXPECT_EQ(*(uint64_t *)loam_btree_find(&tree, &key), before);
    (void)tree_stand_press(&stand, false, false, 1);
    EXPECT(loam_btree_replace(&tree, &key, &after, &old_key, &old_value, &added));
    EXPECT(!added);
    EXPECT_EQ(old_key, key);
    EXPECT_EQ(old_value, before);
    EXPECT_EQ(*(uint64_t *)loam_btree_find(&tree, &key), after);
    EXPECT_EQ(*(uint64_t *)loam_btree_find(&snapshot, &key), before);
    loam_btree_deinit(&snapshot);
    loam_btree_deinit(&tree);
    tree_stand_end(&stand);
}

TEST_MAIN
