/* test_misuse.c: cursors that are older than the last change of their tree: a checked build names each use, with
 * its exact words, its file and its line; and what is no change leaves cursors good.
 */
#include "support/test.h"

#include <loam/adapters.h>
#include <loam/btree_typed.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

LOAM_BTREE_DEFINE_NUMBER(numbers, uint64_t, uint64_t);

enum { COUNT = 200 };

static numbers tree, other;
static loam_btree_cursor at, second;
static const uint64_t key = 77, absent = 1001, behind = 100;

static void begin(void)
{
    numbers_init(&tree, loam_libc_allocator(), NULL);
    for (uint64_t i = 0; i < COUNT; i++)
        EXPECT(numbers_insert(&tree, i, i, NULL));
    EXPECT(loam_btree_cursor_seek_lower(&at, &tree.raw, &key));
    EXPECT(loam_btree_cursor_seek_lower(&second, &tree.raw, &key));
}

/* ---- uses, each with the line that it stands in ---- */

typedef struct use {
    test_fn run;
    unsigned line;
} use;

#define USE(name, call)                                                                            \
    static void name##_run(void *context)                                                          \
    {                                                                                              \
        (void)context;                                                                             \
        (void)(call);                                                                              \
    }                                                                                              \
    static const use name = {name##_run, __LINE__}

USE(next, loam_btree_cursor_next(&at));
USE(prev, loam_btree_cursor_prev(&at));
USE(peek_next, loam_btree_cursor_peek_next(&at));
USE(peek_prev, loam_btree_cursor_peek_prev(&at));
USE(insert_here, loam_btree_cursor_insert(&at, &absent, NULL));
USE(erase_next, loam_btree_cursor_erase_next(&at, NULL));
USE(erase_prev, loam_btree_cursor_erase_prev(&at, NULL));
USE(own, loam_btree_cursor_own(&at));
USE(rank, loam_btree_cursor_rank(&at));
USE(typed_next, numbers_cursor_next(LOAM_BTREE_HERE(&at)));
USE(typed_prev, numbers_cursor_prev(LOAM_BTREE_HERE(&at)));
USE(typed_insert, numbers_cursor_insert(LOAM_BTREE_HERE(&at), absent, 0));
USE(typed_erase, numbers_cursor_erase_next(LOAM_BTREE_HERE(&at), NULL));
USE(near, loam_btree_cursor_seek_near(&at, &absent));
USE(typed_near, numbers_cursor_seek_near(LOAM_BTREE_HERE(&at), absent));
USE(erase_to, loam_btree_cursor_erase_to(&at, &second, NULL));
USE(between, loam_btree_cursor_between(LOAM_BTREE_HERE(&at), &second));

/* The program must end with this line and no other word. */
static void expect_stale(const use *what)
{
    char line[512];
    const char *found;
    test_child child;

    if (!LOAM_CHECKS)
        TEST_SKIP("cursors are not checked in this build");
    (void)snprintf(line, sizeof line,
                   "loam: fatal: cursor is older than the last change of its tree: 0x%" PRIxPTR
                   " at %s:%u\n",
                   (uintptr_t)&at, __FILE__, what->line);
    test_run_child(what->run, NULL, &child);
    EXPECT_EQ(child.signal, SIGABRT);
    found = strstr(child.output, line);
    if (!found)
        TEST_FAIL("expected \"%s\", but \"%s\"", line, child.output);
    EXPECT(strstr(found + 1, "loam: fatal:") == NULL);
    if (!test_under_asan() && !test_under_tsan() && !test_under_valgrind())
        EXPECT_STR(child.output, line);
}

/* Still where it was. */
static void expect_good(void)
{
    loam_btree_entry entry = loam_btree_cursor_next(&at);

    EXPECT(entry.key && memcmp(entry.key, &key, sizeof key) == 0);
    entry = loam_btree_cursor_prev(&at);
    EXPECT(entry.key && memcmp(entry.key, &key, sizeof key) == 0);
}

static void end(void)
{
    numbers_deinit(&tree);
}

TEST(every_use, fast)
{
    static const use *const uses[] = {
        &next,        &prev, &peek_next,  &peek_prev,  &insert_here, &erase_next,
        &erase_prev,  &own,  &rank,       &typed_next, &typed_prev,  &typed_insert,
        &typed_erase, &near, &typed_near, &erase_to,   &between};

    begin();
    EXPECT(numbers_insert(&tree, absent, 1, NULL));
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
        expect_stale(uses[i]);
    end();
}

/* Between places of two trees there is nothing. */
TEST(cursors_of_two_trees, fast)
{
    static const use *const uses[] = {&erase_to, &between};
    numbers apart;

    if (!LOAM_CHECKS)
        TEST_SKIP("cursors are not checked in this build");
    begin();
    numbers_init(&apart, loam_libc_allocator(), NULL);
    EXPECT(numbers_insert(&apart, key, 1, NULL));
    numbers_cursor_seek_first(&second, &apart);
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        test_child child;

        test_run_child(uses[i]->run, NULL, &child);
        EXPECT_EQ(child.signal, SIGABRT);
        EXPECT(strstr(child.output, "loam: fatal: cursors are of two trees: 0x") != NULL);
    }
    numbers_deinit(&apart);
    end();
}

/* ---- changes ---- */

static bool all(void *context, const void *node)
{
    (void)context;
    (void)node;
    return true;
}

static bool clear(void)
{
    numbers_clear(&tree);
    return true;
}

static bool join(void)
{
    numbers_init(&other, loam_libc_allocator(), NULL);
    EXPECT(numbers_insert(&other, 5000, 0, NULL) && numbers_join(&tree, &other));
    numbers_deinit(&other);
    return true;
}

static bool split(void)
{
    EXPECT(numbers_split(&tree, behind, &other));
    numbers_deinit(&other);
    return true;
}

static bool compact(void)
{
    size_t position = 0;

    return loam_btree_compact_step(&tree.raw, 1000, all, NULL, &position) > 0;
}

TEST(after_insert, fast)
{
    begin();
    expect_good();
    EXPECT(numbers_insert(&tree, absent, 0, NULL));
    expect_stale(&next);
    expect_stale(&prev);
    end();
}

TEST(after_upsert, fast)
{
    begin();
    expect_good();
    EXPECT(numbers_upsert(&tree, absent, NULL));
    expect_stale(&next);
    expect_stale(&prev);
    end();
}

TEST(after_replace, fast)
{
    begin();
    expect_good();
    EXPECT(numbers_replace(&tree, key, 5, NULL, NULL, NULL));
    expect_stale(&next);
    expect_stale(&prev);
    end();
}

TEST(after_erase, fast)
{
    begin();
    expect_good();
    EXPECT(numbers_erase(&tree, key));
    expect_stale(&next);
    expect_stale(&prev);
    end();
}

TEST(after_take, fast)
{
    begin();
    expect_good();
    EXPECT(numbers_take(&tree, 3, NULL, NULL));
    expect_stale(&next);
    expect_stale(&prev);
    end();
}

TEST(after_pop_first, fast)
{
    begin();
    expect_good();
    EXPECT(numbers_pop_first(&tree, NULL, NULL));
    expect_stale(&next);
    expect_stale(&prev);
    end();
}

TEST(after_pop_last, fast)
{
    begin();
    expect_good();
    EXPECT(numbers_pop_last(&tree, NULL, NULL));
    expect_stale(&next);
    expect_stale(&prev);
    end();
}

TEST(after_erase_range, fast)
{
    begin();
    expect_good();
    EXPECT(numbers_erase_range(&tree, key, behind, NULL));
    expect_stale(&next);
    expect_stale(&prev);
    end();
}

TEST(after_erase_all, fast)
{
    begin();
    EXPECT(loam_btree_erase_all(&tree.raw, &behind, NULL));
    expect_stale(&next);
    end();
}

static bool even(void *context, const uint64_t *number, uint64_t *value)
{
    (void)context;
    (void)value;
    return *number % 2 == 0;
}

TEST(after_retain, fast)
{
    begin();
    EXPECT(numbers_retain(&tree, even, NULL, NULL));
    expect_stale(&next);
    end();
}

TEST(after_merge, fast)
{
    begin();
    numbers_init(&other, loam_libc_allocator(), NULL);
    EXPECT(numbers_insert(&other, 78, 1, NULL) && numbers_insert(&other, absent, 1, NULL));
    EXPECT(numbers_merge(&tree, &other));
    expect_stale(&next);
    numbers_deinit(&other);
    end();
}

TEST(after_erase_to_by_another_cursor, fast)
{
    loam_btree_cursor last;

    begin();
    loam_btree_cursor_seek_last(&last, &tree.raw);
    EXPECT(loam_btree_cursor_erase_to(&second, &last, NULL));
    expect_stale(&next);
    EXPECT(!loam_btree_cursor_next(&second).key);
    end();
}

/* A loop over a tree that is changed in it. */
static void change_in_loop(void *context)
{
    (void)context;
    LOAM_BTREE_EACH_IN(numbers, it, &tree, 10, 20)
    (void)numbers_erase(&tree, 100 + *it.key);
}

TEST(change_in_a_loop, fast)
{
    test_child child;

    if (!LOAM_CHECKS)
        TEST_SKIP("cursors are not checked in this build");
    begin();
    test_run_child(change_in_loop, NULL, &child);
    EXPECT_EQ(child.signal, SIGABRT);
    EXPECT(strstr(child.output, "cursor is older than the last change of its tree") != NULL);
    end();
}

TEST(after_clear, fast)
{
    begin();
    expect_good();
    EXPECT(clear());
    expect_stale(&next);
    expect_stale(&prev);
    end();
}

TEST(after_join, fast)
{
    begin();
    expect_good();
    EXPECT(join());
    expect_stale(&next);
    expect_stale(&prev);
    end();
}

TEST(after_split, fast)
{
    begin();
    expect_good();
    EXPECT(split());
    expect_stale(&next);
    expect_stale(&prev);
    end();
}

TEST(after_compact, fast)
{
    begin();
    expect_good();
    EXPECT(compact());
    expect_stale(&next);
    expect_stale(&prev);
    end();
}

TEST(after_erase_by_another_cursor, fast)
{
    begin();
    expect_good();
    EXPECT(loam_btree_cursor_erase_next(&second, NULL));
    expect_stale(&next);
    expect_stale(&prev);
    end();
}

TEST(after_erase_back_by_another_cursor, fast)
{
    begin();
    expect_good();
    EXPECT(loam_btree_cursor_erase_prev(&second, NULL));
    expect_stale(&next);
    expect_stale(&prev);
    end();
}

TEST(after_an_end_and_a_new_beginning, fast)
{
    begin();
    loam_btree_cursor_seek_first(&at, &tree.raw);
    end();
    numbers_init(&tree, loam_libc_allocator(), NULL);
    for (uint64_t i = 0; i < COUNT; i++)
        EXPECT(numbers_insert(&tree, i, i, NULL));
    expect_stale(&next);
    end();
}

/* The object of a snapshot that has ended holds another one, of a tree that has changed as often since: the
 * cursor's nodes were given back. */
TEST(after_an_end_and_a_new_snapshot, fast)
{
    size_t apart;

    begin();
    EXPECT(numbers_snapshot(&tree, &other));
    apart = other.raw.epoch - tree.raw.epoch;
    EXPECT(numbers_insert(&other, absent, 0, NULL));
    EXPECT(loam_btree_cursor_seek_lower(&at, &other.raw, &key));
    apart = other.raw.epoch - tree.raw.epoch - apart; /* changes, if epochs count them */
    numbers_deinit(&other);
    for (uint64_t i = 0; i < apart; i++)
        EXPECT(numbers_insert(&tree, absent + i, 0, NULL));
    EXPECT(numbers_snapshot(&tree, &other));
    expect_stale(&next);
    numbers_deinit(&other);
    end();
}

TEST(after_insert_by_another_cursor, fast)
{
    begin();
    loam_btree_cursor_seek_last(&second, &tree.raw);
    EXPECT(loam_btree_cursor_insert(&second, &absent, NULL));
    expect_stale(&next);
    end();
}

/* The line is that of the last call that was told one. */
TEST(seeking_again_mends, fast)
{
    begin();
    EXPECT(numbers_insert(&tree, absent, 0, NULL));
    EXPECT(loam_btree_cursor_seek_lower(&at, &tree.raw, &key));
    expect_good();
    EXPECT(loam_btree_cursor_erase_next(&at, NULL));
    EXPECT(loam_btree_cursor_insert(&at, &key, NULL));
    EXPECT(loam_btree_cursor_prev(&at).key);
    expect_good();
    end();
}

TEST(no_change_at_all, fast)
{
    bool added = true;

    begin();
    EXPECT(numbers_insert(&tree, key, 9, &added) && !added);
    EXPECT(numbers_upsert(&tree, key, &added) && !added);
    EXPECT(!numbers_erase(&tree, absent));
    EXPECT(!numbers_take(&tree, absent, NULL, NULL));
    EXPECT(numbers_find(&tree, key) && numbers_lower_bound(&tree, key).key);
    EXPECT_EQ(numbers_rank(&tree, key), key);
    EXPECT(loam_btree_check(&tree.raw, NULL, NULL));
    *numbers_find(&tree, key) = 12;
    expect_good();
    end();
}

/* In a tree that shares no nodes. */
TEST(refused_changes, fast)
{
    static const loam_failing_rule always = {.nth = 1, .for_ever = true};
    const loam_failing_config refuse = {.alloc = always, .resize = always, .remap = always};
    loam_failing failing;
    uint64_t number = 2 * COUNT + 1;

    loam_failing_init(&failing, loam_libc_allocator(), NULL);
    numbers_init(&tree, loam_failing_allocator(&failing), NULL);
    for (uint64_t i = 0; i < COUNT; i++)
        EXPECT(numbers_insert(&tree, 2 * i + 1, i, NULL));
    loam_failing_restart(&failing, &refuse);
    while (numbers_insert(&tree, number, 0, NULL))
        number += 2;
    EXPECT(loam_btree_cursor_seek_lower(&at, &tree.raw, &key));
    EXPECT(!numbers_insert(&tree, number, 0, NULL));
    EXPECT(!numbers_replace(&tree, number, 0, NULL, NULL, NULL));
    expect_good();
    loam_failing_restart(&failing, NULL);
    end();
    loam_failing_deinit(&failing);
}

/* Of the right tree, whose root is copied before the rest of the memory is refused. */
TEST(refused_join, fast)
{
    const loam_failing_config refuse = {.alloc = {.nth = 2, .for_ever = true}};
    loam_failing failing;
    numbers third;

    loam_failing_init(&failing, loam_libc_allocator(), NULL);
    numbers_init(&tree, loam_failing_allocator(&failing), NULL);
    for (uint64_t i = 0; i < COUNT; i++)
        EXPECT(numbers_insert(&tree, i, i, NULL));
    EXPECT(numbers_split(&tree, behind, &other) && numbers_snapshot(&other, &third));
    EXPECT(numbers_cursor_seek_lower(&at, &other, behind));
    loam_failing_restart(&failing, &refuse);
    EXPECT(!numbers_join(&tree, &other));
    expect_stale(&next);
    numbers_deinit(&third);
    numbers_deinit(&other);
    end();
    loam_failing_deinit(&failing);
}

TEST_MAIN
