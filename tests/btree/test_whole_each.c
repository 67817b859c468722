/* test_whole_each.c: operations on whole trees at every place and of every small size: each split, each range, each
 * join of two sizes, each fill; and each of their allocations refused.
 *
 * Entry i of a tree has the key i and the value ~i, so that what is to be found follows from where a tree
 * begins and ends.
 */
#include <loam/btree_core.h>

#include "support/ground.h"
#include "support/test.h"

#include <string.h>

typedef struct form {
    const char *name;
    loam_btree_options options;
    size_t leaf;
    size_t inner;
} form;

static const form forms[] = {{"least", {.multi = false}, 2, 3},
                             {"counted", {.order_statistics = true}, 3, 3},
                             {"multi", {.multi = true}, 4, 4},
                             {"multi counted", {.multi = true, .order_statistics = true}, 3, 5}};

enum { FORMS = sizeof forms / sizeof *forms };

static void plant(loam_btree *tree, loam_allocator allocator, const form *f)
{
    loam_btree_type type = {.kind = LOAM_BTREE_U64,
                            .value_size = sizeof(uint64_t),
                            .leaf_entries = f->leaf,
                            .inner_keys = f->inner};

    EXPECT(loam_btree_init(tree, allocator, &type, &f->options));
}

typedef struct feed {
    uint64_t next;
    uint64_t end;
    uint64_t value;
} feed;

static bool feed_next(void *context, const void **key, const void **value)
{
    feed *f = context;

    if (f->next == f->end)
        return false;
    f->next++;
    f->value = ~(f->next - 1);
    f->end += 0;
    *key = &f->next;
    *value = &f->value;
    return true;
}

/* The keys are one more than the numbers, since `next` has gone on. */
static bool load(loam_btree *tree, uint64_t from, uint64_t to, unsigned fill)
{
    feed f = {from, to, 0};

    return loam_btree_load(tree, feed_next, &f, fill);
}

static void complain(void *context, const char *property, const void *where)
{
    (void)context;
    (void)where;
    TEST_FAIL("%s", property);
}

static void expect_next(loam_btree_cursor *at, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        loam_btree_entry e = loam_btree_cursor_next(at);

        EXPECT(e.key != NULL);
        EXPECT_EQ(*(const uint64_t *)e.key, i + 1);
        EXPECT_EQ(*(const uint64_t *)e.value, ~i);
    }
}

/* The tree has the entries [a, b) and [c, d). */
static void expect_ranges(const loam_btree *tree, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    loam_btree_cursor at;

    EXPECT(loam_btree_check(tree, complain, NULL));
    EXPECT_EQ(loam_btree_count(tree), b - a + (d - c));
    loam_btree_cursor_seek_first(&at, tree);
    expect_next(&at, a, b);
    expect_next(&at, c, d);
    EXPECT(loam_btree_cursor_next(&at).key == NULL);
}

static void expect_range(const loam_btree *tree, uint64_t a, uint64_t b)
{
    expect_ranges(tree, a, b, b, b);
}

/* No leaf and no inner node but those at the right edge has less than a third. */
static void expect_filled(const loam_btree *tree, double least)
{
    loam_btree_figures f;

    loam_btree_measure(tree, &f);
    if (f.leaves > 1)
        EXPECT(f.leaf_fill >= least);
}

TEST(load_of_every_size, fast)
{
    for (size_t f = 0; f < FORMS; f++) {
        for (unsigned fill = 0; fill <= 100; fill += 10) {
            for (uint64_t n = 0; n < 200; n++) {
                loam_btree tree;

                test_note("%s, fill %u, %d entries", forms[f].name, fill, (int)n);
                plant(&tree, loam_libc_allocator(), &forms[f]);
                EXPECT(load(&tree, 0, n, fill));
                expect_range(&tree, 0, n);
                if (fill == 0 && n > 50)
                    expect_filled(&tree, 0.9);
                loam_btree_deinit(&tree);
            }
        }
    }
}

TEST(split_and_join_at_every_place, fast)
{
    for (size_t f = 0; f < FORMS; f++) {
        for (uint64_t n = 0; n < 90; n++) {
            for (uint64_t at = 0; at <= n; at++) {
                loam_btree tree;
                loam_btree right;
                uint64_t key = at + 1;

                test_note("%s, %d entries at %d", forms[f].name, (int)n, (int)at);
                plant(&tree, loam_libc_allocator(), &forms[f]);
                EXPECT(load(&tree, 0, n, at % 2 ? 100 : 60));
                EXPECT(loam_btree_split(&tree, &key, &right));
                expect_range(&tree, 0, at);
                expect_range(&right, at, n);
                EXPECT(loam_btree_join(&tree, &right));
                expect_range(&tree, 0, n);
                expect_range(&right, 0, 0);
                loam_btree_deinit(&tree);
                loam_btree_deinit(&right);
            }
        }
    }
}

TEST(join_of_every_two_sizes, fast)
{
    for (size_t f = 0; f < FORMS; f++) {
        for (uint64_t n = 0; n < 130; n += n < 40 ? 1 : 3) {
            for (uint64_t m = 0; m < 130; m += m < 40 ? 1 : 3) {
                loam_btree left;
                loam_btree right;

                test_note("%s, %d and %d entries", forms[f].name, (int)n, (int)m);
                plant(&left, loam_libc_allocator(), &forms[f]);
                plant(&right, loam_libc_allocator(), &forms[f]);
                EXPECT(load(&left, 0, n, 100));
                EXPECT(load(&right, n, n + m, 100));
                EXPECT(loam_btree_join(&left, &right));
                expect_range(&left, 0, n + m);
                expect_range(&right, 0, 0);
                loam_btree_deinit(&right);
                loam_btree_deinit(&left);
            }
        }
    }
}

static void erase_ranges(const form *f, uint64_t n, bool shared)
{
    for (uint64_t a = 0; a <= n; a++) {
        for (uint64_t b = a; b <= n; b++) {
            loam_btree tree;
            loam_btree twin;
            uint64_t from = a + 1;
            uint64_t to = b + 1;
            size_t erased;

            test_note("%s, %d entries, %d to %d", f->name, (int)n, (int)a, (int)b);
            plant(&tree, loam_libc_allocator(), f);
            EXPECT(load(&tree, 0, n, 100));
            if (shared)
                EXPECT(loam_btree_snapshot(&tree, &twin));
            EXPECT(loam_btree_erase_range(&tree, &from, &to, &erased));
            EXPECT_EQ(erased, b - a);
            expect_ranges(&tree, 0, a, b, n);
            if (shared) {
                expect_range(&twin, 0, n);
                loam_btree_deinit(&twin);
                expect_ranges(&tree, 0, a, b, n);
            }
            loam_btree_deinit(&tree);
        }
    }
}

TEST(erase_of_every_range, fast)
{
    for (size_t f = 0; f < FORMS; f++) {
        for (uint64_t n = 1; n < 75; n += 9)
            erase_ranges(&forms[f], n, false);
    }
}

TEST(erase_of_every_range_of_shared_trees, fast)
{
    for (size_t f = 0; f < FORMS; f++) {
        for (uint64_t n = 1; n < 60; n += 14)
            erase_ranges(&forms[f], n, true);
    }
}

/* ---- one tree that has its nodes twice ---- */

static void fill_equal(loam_btree *tree, uint64_t n)
{
    uint64_t key = 7;

    for (uint64_t i = 0; i < n; i++)
        EXPECT(loam_btree_insert(tree, &key, &i, NULL) != NULL);
}

/* The values run from 0 to before n, twice, but for those that were taken from the front. */
static void expect_twice(const loam_btree *tree, uint64_t n, uint64_t taken)
{
    loam_btree_cursor at;

    EXPECT(loam_btree_check(tree, complain, NULL));
    EXPECT_EQ(loam_btree_count(tree), 2 * n - taken);
    loam_btree_cursor_seek_first(&at, tree);
    for (uint64_t i = taken; i < 2 * n; i++)
        EXPECT_EQ(*(const uint64_t *)loam_btree_cursor_next(&at).value, i % n);
}

TEST(join_with_an_own_snapshot, fast)
{
    for (uint64_t n = 1; n < 100; n += 7) {
        loam_btree tree;
        loam_btree twin;
        uint64_t key = 7;

        test_note("%d entries", (int)n);
        plant(&tree, loam_libc_allocator(), &forms[3]);
        fill_equal(&tree, n);
        EXPECT(loam_btree_snapshot(&tree, &twin));
        EXPECT(loam_btree_join(&tree, &twin));
        loam_btree_deinit(&twin);
        expect_twice(&tree, n, 0);
        for (uint64_t i = 0; i < n; i++) {
            EXPECT(loam_btree_erase(&tree, &key));
            expect_twice(&tree, n, i + 1);
        }
        loam_btree_deinit(&tree);
    }
}

/* ---- each allocation refused ---- */

enum operation { LOAD, SPLIT, JOIN_RIGHT, JOIN_LEFT, ERASE, COPY, SNAPSHOT, OPERATIONS };

typedef struct attempt {
    loam_failing failing;
    loam_btree tree;
    loam_btree other;
    loam_btree twin;
    uint64_t n; /* Entries of `tree`. */
    uint64_t m; /* Of both. */
} attempt;

static void refuse(attempt *a, size_t nth)
{
    loam_failing_config config = {.alloc = {.nth = nth, .for_ever = true}};

    loam_failing_restart(&a->failing, &config);
}

static void begin(attempt *a, const form *f, enum operation op, bool shared)
{
    /* Without room for one more node below the root. */
    uint64_t full = f->leaf * (f->inner + 1) * (f->inner + 1);

    loam_failing_init(&a->failing, loam_libc_allocator(), NULL);
    a->n = op == LOAD ? 0 : op == JOIN_RIGHT ? full : op == JOIN_LEFT ? f->leaf : 60;
    a->m = a->n + (op == JOIN_RIGHT ? f->leaf : op == JOIN_LEFT ? full : 0);
    plant(&a->tree, loam_failing_allocator(&a->failing), f);
    EXPECT(load(&a->tree, 0, a->n, 100));
    plant(&a->other, loam_failing_allocator(&a->failing), f);
    EXPECT(load(&a->other, a->n, a->m, 100));
    if (shared)
        EXPECT(loam_btree_snapshot(&a->tree, &a->twin));
}

/* One operation; what it needs to succeed is looked at when it has. */
static bool operate(attempt *a, enum operation op, uint64_t at)
{
    uint64_t from = at + 1;
    uint64_t to = at + 21;
    loam_btree right;

    switch (op) {
    case LOAD:
        if (!load(&a->tree, 0, 100, 100))
            return false;
        expect_range(&a->tree, 0, 100);
        return true;
    case SPLIT:
        if (!loam_btree_split(&a->tree, &from, &right))
            return false;
        expect_range(&a->tree, 0, at);
        expect_range(&right, at, 60);
        loam_btree_deinit(&right);
        return true;
    case JOIN_RIGHT:
    case JOIN_LEFT:
        if (!loam_btree_join(&a->tree, &a->other))
            return false;
        expect_range(&a->tree, 0, a->m);
        return true;
    case ERASE:
        if (!loam_btree_erase_range(&a->tree, &from, &to, NULL))
            return false;
        expect_ranges(&a->tree, 0, at, at + 20, 60);
        return true;
    case COPY:
        if (!loam_btree_copy(&a->tree, a->tree.allocator, &right))
            return false;
        expect_range(&right, 0, 60);
        loam_btree_deinit(&right);
        return true;
    default:
        if (!loam_btree_snapshot(&a->tree, &right))
            return false;
        expect_range(&right, 0, 60);
        loam_btree_deinit(&right);
        return true;
    }
}

static size_t refuse_each(const form *f, enum operation op, bool shared, uint64_t at)
{
    size_t refusals = 0;
    bool done = false;

    for (size_t k = 1; !done; k++) {
        attempt a;

        test_note("%s, operation %d%s at %d, allocation %zu", f->name, (int)op,
                  shared ? ", shared," : "", (int)at, k);
        begin(&a, f, op, shared);
        refuse(&a, k);
        done = operate(&a, op, at);
        EXPECT(!done || loam_failing_failed(&a.failing, LOAM_FAILING_ALLOC) == 0 || shared);
        if (!done) {
            refusals++;
            expect_range(&a.tree, 0, a.n);
            expect_range(&a.other, a.n, a.m);
            loam_failing_restart(&a.failing, NULL);
            EXPECT(operate(&a, op, at));
        }
        if (shared) {
            expect_range(&a.twin, 0, a.n);
            loam_btree_deinit(&a.twin);
        }
        loam_btree_deinit(&a.other);
        loam_btree_deinit(&a.tree);
        loam_failing_deinit(&a.failing);
    }
    return refusals;
}

TEST(each_allocation_refused, fast)
{
    for (size_t f = 0; f < FORMS; f++) {
        for (int op = LOAD; op < OPERATIONS; op++) {
            for (int shared = 0; shared < 2; shared++) {
                size_t refusals = 0;

                for (uint64_t at = 0; at < 40; at += 3)
                    refusals += refuse_each(&forms[f], (enum operation)op, shared != 0, at);
                EXPECT(refusals > 0 || op == SNAPSHOT || (op == ERASE && !shared));
                EXPECT(refusals == 0 || !(op == ERASE && !shared));
            }
        }
    }
}

/* ---- comparisons that lie ---- */

typedef struct liar {
    test_rng rng;
    unsigned manner;
} liar;

static int lie(void *context, const void *a, const void *b)
{
    liar *l = context;
    uint64_t x;
    uint64_t y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    switch (l->manner) {
    case 0: /* Anything. */
        return (int)(size_t)test_rng_below(&l->rng, 3) - 1;
    case 1: /* A circle. */
        return x == y ? 0 : (x + 40) % 97 < (y + 13) % 97 ? -1 : 1;
    case 2: /* Always before. */
        return -1;
    case 3: /* Always behind. */
        return 1;
    default: /* Now and then the other way round. */
        return (x < y ? -1 : x > y) * (test_rng_one_in(&l->rng, 8) ? -1 : 1);
    }
}

/* All but the order holds, whatever a comparison says. */
static void complain_but_of_order(void *context, const char *property, const void *where)
{
    if (strncmp(property, "B5", 2) != 0)
        complain(context, property, where);
}

/* Uses a tree up and down; that nothing else is touched is for the sanitizers and what is live to tell. */
static void lie_to(ground *g, const form *f, liar *l)
{
    loam_btree_type type = {.key_size = 16,
                            .value_size = 8,
                            .compare = lie,
                            .leaf_entries = f->leaf,
                            .inner_keys = f->inner};
    loam_btree_options options = f->options;
    loam_btree tree[3];
    uint64_t key[2] = {0, 0};
    uint64_t value = 0;

    options.context = l;
    EXPECT(loam_btree_init(&tree[0], ground_allocator(g), &type, &options));
    for (int round = 0; round < 12; round++) {
        uint64_t from[2] = {(size_t)test_rng_below(&l->rng, 97), 0};
        uint64_t to[2] = {(size_t)test_rng_below(&l->rng, 97), 0};
        size_t entries;
        size_t erased = 0;

        for (int i = 0; i < 80; i++) {
            key[0] = (size_t)test_rng_below(&l->rng, 97);
            EXPECT(loam_btree_insert(&tree[0], key, &value, NULL) != NULL);
        }
        (void)loam_btree_rank(&tree[0], from);
        (void)loam_btree_nth(&tree[0], loam_btree_count(&tree[0]) / 2);
        (void)loam_btree_count_range(&tree[0], from, to);
        EXPECT(loam_btree_snapshot(&tree[0], &tree[1]));
        entries = loam_btree_count(&tree[0]);
        EXPECT(loam_btree_erase_range(&tree[0], from, to, &erased));
        EXPECT_EQ(loam_btree_count(&tree[0]), entries - erased);
        entries = loam_btree_count(&tree[0]);
        EXPECT(loam_btree_split(&tree[0], to, &tree[2]));
        EXPECT_EQ(loam_btree_count(&tree[0]) + loam_btree_count(&tree[2]), entries);
        if (!loam_btree_join(&tree[0], &tree[2]) && !loam_btree_join(&tree[2], &tree[0]))
            EXPECT(loam_btree_count(&tree[0]) + loam_btree_count(&tree[2]) == entries);
        (void)loam_btree_check(&tree[0], complain_but_of_order, NULL);
        (void)loam_btree_check(&tree[1], complain_but_of_order, NULL);
        (void)loam_btree_check(&tree[2], complain_but_of_order, NULL);
        loam_btree_deinit(&tree[2]);
        loam_btree_deinit(&tree[1]);
        for (int i = 0; i < 30; i++) {
            key[0] = (size_t)test_rng_below(&l->rng, 97);
            (void)loam_btree_erase(&tree[0], key);
        }
    }
    loam_btree_deinit(&tree[0]);
}

TEST(lying_comparisons, fast)
{
    liar l;

    test_rng_init(&l.rng, test_seed());
    for (size_t f = 0; f < FORMS; f++) {
        for (l.manner = 0; l.manner < 5; l.manner++) {
            ground g;

            test_note("%s, manner %u", forms[f].name, l.manner);
            ground_init(&g, GROUND_CHECKED, true);
            lie_to(&g, &forms[f], &l);
            EXPECT_EQ(ground_blocks(&g), 0);
            ground_deinit(&g);
        }
    }
}

TEST_MAIN
