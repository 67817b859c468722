/* test_exhaustive.c: every short sequence of operations that do something, at the smallest size of nodes,
 * with a look at all nodes and all entries after each operation.
 *
 * Six keys; an operation on one of them puts it in if it is absent, else takes it out. So there are six for
 * each step. They stand alone, or between other entries that fill a tree of some levels.
 */
#include "btree/tree_form.h"

#include <loam/adapters.h>

enum { KEYS = 6, LEAST_MOST = 64, ORDERED = 7 };

typedef enum manner {
    BY_KEY,
    BY_CURSOR,     /* at a cursor: in the gap, and what is behind it */
    BY_CURSOR_BACK /* from the other end: what is before the gap */
} manner;

typedef struct course {
    manner how;
    bool counted;
    bool multi;
    size_t filled;   /* entries that are there before */
    size_t among;    /* the six keys come behind this many of them */
    bool descending; /* how these were put in */
    size_t length;
} course;

typedef struct bench {
    const course *what;
    loam_btree tree;
    bool there[LEAST_MOST];
} bench;

static const tree_form *form_of(const course *c)
{
    static tree_form form;

    form = *tree_form_of(FORM_U64_LEAST);
    form.counted = c->counted;
    form.multi = c->multi;
    form.numbers = LEAST_MOST;
    return &form;
}

static void begin(bench *b, const tree_form *form)
{
    tree_bytes key;

    tree_form_begin(form, &b->tree, loam_libc_allocator());
    memset(b->there, 0, sizeof b->there);
    for (size_t i = 0; i < b->what->filled; i++) {
        size_t at = b->what->descending ? b->what->filled - 1 - i : i;
        size_t number = at < b->what->among ? at : at + KEYS;

        tree_form_key(form, number, 0, key.at);
        EXPECT(loam_btree_insert(&b->tree, key.at, NULL, NULL));
        b->there[number] = true;
    }
}

static void look(const bench *b, const tree_form *form)
{
    size_t count = 0;
    loam_btree_cursor at;

    tree_inspect(form, &b->tree, false, NULL, NULL);
    EXPECT(loam_btree_check(&b->tree, NULL, NULL));
    loam_btree_cursor_seek_first(&at, &b->tree);
    for (size_t number = 0; number < LEAST_MOST; number++) {
        if (b->there[number]) {
            EXPECT(tree_form_is(form, loam_btree_cursor_next(&at), number, 0, 0));
            count++;
        }
    }
    EXPECT(!loam_btree_cursor_next(&at).key);
    EXPECT_EQ(loam_btree_count(&b->tree), count);
}

static void look_up(const bench *b, const tree_form *form)
{
    tree_bytes key;

    for (size_t number = 0; number < b->what->filled + KEYS; number++) {
        tree_form_key(form, number, 0, key.at);
        EXPECT_EQ(loam_btree_contains(&b->tree, key.at), b->there[number]);
    }
}

static void by_key(bench *b, const void *key, bool there)
{
    bool added = false;

    if (there) {
        EXPECT(loam_btree_erase(&b->tree, key));
    } else {
        EXPECT(loam_btree_insert(&b->tree, key, NULL, &added));
        EXPECT(added);
    }
}

/* What a cursor says of its place afterwards must be right too. */
static void by_cursor(bench *b, const void *key, bool there)
{
    bool back = b->what->how == BY_CURSOR_BACK;
    loam_btree_cursor at;
    loam_btree_entry behind, wanted = loam_btree_upper_bound(&b->tree, key);

    if (!there || !back)
        EXPECT_EQ(loam_btree_cursor_seek_lower(&at, &b->tree, key), there);
    else
        loam_btree_cursor_seek_upper(&at, &b->tree, key);
    if (there) {
        EXPECT(back ? loam_btree_cursor_erase_prev(&at, &behind)
                    : loam_btree_cursor_erase_next(&at, &behind));
        wanted = loam_btree_upper_bound(&b->tree, key);
        EXPECT_PTR(behind.key, wanted.key);
    } else {
        EXPECT(loam_btree_cursor_insert(&at, key, NULL));
        wanted = loam_btree_upper_bound(&b->tree, key);
        EXPECT(memcmp(loam_btree_cursor_peek_prev(&at).key, key, 8) == 0);
    }
    EXPECT_PTR(loam_btree_cursor_peek_next(&at).key, wanted.key);
}

static void operate(bench *b, const tree_form *form, size_t which)
{
    size_t number = b->what->among + which;
    tree_bytes key;

    tree_form_key(form, number, 0, key.at);
    if (b->what->how == BY_KEY)
        by_key(b, key.at, b->there[number]);
    else
        by_cursor(b, key.at, b->there[number]);
    b->there[number] = !b->there[number];
}

/* The steps as a number to the base of KEYS. What a sequence has in common with the one before was looked
 * at then. Returns how many looks there were. */
static size_t go_through(const course *what)
{
    const tree_form *form = form_of(what);
    size_t steps[16] = {0}, changed = 0, looks = 0;

    for (;;) {
        bench b = {.what = what};
        size_t at;

        begin(&b, form);
        for (size_t i = 0; i < what->length; i++) {
            operate(&b, form, steps[i]);
            if (i < changed)
                continue;
            look(&b, form);
            looks++;
        }
        look_up(&b, form);
        loam_btree_deinit(&b.tree);
        for (at = what->length; at > 0 && ++steps[at - 1] == KEYS; at--)
            steps[at - 1] = 0;
        if (at == 0)
            return looks;
        changed = at - 1;
    }
}

static size_t sequences(size_t length)
{
    size_t all = 0, power = 1;

    for (size_t i = 0; i < length; i++)
        all += power *= KEYS;
    return all;
}

/* As said, and every sequence was really looked at. */
static void run(course what, size_t length)
{
    what.length = test_bound("LOAM_TEST_BTREE_LENGTH", length);
    test_note("manner %d, %zu entries, keys behind %zu", (int)what.how, what.filled, what.among);
    EXPECT_EQ(go_through(&what), sequences(what.length));
    test_note(NULL);
}

enum { SHORT = 5, LONG = 8 };

TEST(alone, fast)
{
    run((course){BY_KEY, .filled = 0}, 6);
}

TEST(alone_by_cursor, fast)
{
    run((course){BY_CURSOR, .filled = 0}, SHORT);
    run((course){BY_CURSOR_BACK, .filled = 0}, SHORT);
}

TEST(alone_counted, fast)
{
    run((course){BY_KEY, .counted = true}, SHORT);
    run((course){BY_CURSOR, .counted = true}, SHORT);
}

TEST(alone_in_multimaps, fast)
{
    run((course){BY_KEY, .multi = true}, SHORT);
    run((course){BY_CURSOR_BACK, .multi = true, .counted = true}, SHORT);
}

/* Among others that fill three levels, at the start, in the middle and at the end. */
static void run_among(manner how, bool counted, size_t length)
{
    for (size_t among = 0; among <= 20; among += 5) {
        run((course){how, counted, .filled = 20, .among = among}, length);
        run((course){how, counted, .filled = 20, .among = among, .descending = true}, length);
    }
}

TEST(among_others, fast)
{
    run_among(BY_KEY, false, 4);
    run_among(BY_CURSOR, true, 4);
    run_among(BY_CURSOR_BACK, true, 3);
}

TEST(long_alone, slow)
{
    run((course){BY_KEY, .filled = 0}, LONG);
}

TEST(long_alone_counted, slow)
{
    run((course){BY_KEY, .counted = true}, LONG);
}

TEST(long_alone_by_cursor, slow)
{
    run((course){BY_CURSOR, .filled = 0}, 7);
    run((course){BY_CURSOR_BACK, .counted = true}, 7);
}

TEST(long_alone_in_multimaps, slow)
{
    run((course){BY_KEY, .multi = true}, 7);
}

TEST(long_among_others, slow)
{
    run_among(BY_KEY, false, 6);
}

TEST(long_among_others_by_cursor, slow)
{
    run_among(BY_CURSOR, true, 5);
    run_among(BY_CURSOR_BACK, false, 5);
}

/* ---- every order of putting in, and of taking out ---- */

static void swap(size_t *order, size_t i, size_t j)
{
    size_t kept = order[i];

    order[i] = order[j];
    order[j] = kept;
}

/* The next order of the numbers; false after the last one. */
static bool next_order(size_t *order, size_t n)
{
    size_t i = n - 1, j = n - 1;

    while (i > 0 && order[i - 1] >= order[i])
        i--;
    if (i == 0)
        return false;
    while (order[j] <= order[i - 1])
        j--;
    swap(order, i - 1, j);
    for (size_t low = i, high = n - 1; low < high; low++, high--)
        swap(order, low, high);
    return true;
}

static void all_orders(size_t n, bool counted)
{
    const course what = {BY_KEY, .counted = counted};
    const tree_form *form = form_of(&what);
    size_t in[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    tree_bytes key;

    do {
        bench b = {.what = &what};

        begin(&b, form);
        for (size_t i = 0; i < n; i++) {
            tree_form_key(form, in[i], 0, key.at);
            by_key(&b, key.at, false);
            b.there[in[i]] = true;
            tree_inspect(form, &b.tree, false, NULL, NULL);
        }
        /* Out again from the middle on: in another order each time, since `in` is another one. */
        for (size_t i = 0; i < n; i++) {
            size_t number = in[(i * 3 + n / 2) % n];

            tree_form_key(form, number, 0, key.at);
            by_key(&b, key.at, true);
            b.there[number] = false;
            look(&b, form);
        }
        loam_btree_deinit(&b.tree);
    } while (next_order(in, n));
}

TEST(all_orders_of_seven, fast)
{
    all_orders(ORDERED, false);
    all_orders(ORDERED, true);
}

TEST(all_orders_of_eight, slow)
{
    all_orders(ORDERED + 1, true);
}

TEST_MAIN
