/* test_liars.c: comparisons that lie: that go round in circles, answer by chance, say always the same, or are
 * told NaN. Whatever they say, operations end, touch nothing but the tree's nodes (sanitizers see
 * that), compare no key but those in the tree and the wanted one, keep all but the order right, and give all
 * memory back; and loam_btree_check() tells that the order is none.
 */
#include "support/test.h"

#include <loam/adapters.h>
#include <loam/btree.h>

#include <math.h>
#include <stdlib.h>

enum { STEPS = 4000, MOST = 600 };

typedef enum lie {
    CIRCLE,  /* three kinds of keys, each before the next, the last before the first */
    CHANCE,  /* anything at any time */
    BEFORE,  /* always before */
    EQUAL,   /* always equal */
    BEHIND,  /* always behind */
    TURNING, /* right, and the other way round after a while */
    LIES
} lie;

typedef struct liar {
    lie how;
    test_rng rng;
    size_t calls;
    bool words; /* keys are addresses of words */
} liar;

/* What a key is the address of. It is alive while the key is in a tree, or about to come into one. */
typedef struct word {
    uint64_t number;
    bool alive;
} word;

enum { WORDS = 500 };

static word words[WORDS];

/* The number that a key is, or that of its word: a tree may have only keys compared that were put in and not
 * taken out since, and the one that is looked for. */
static uint64_t number_of(const liar *l, const void *key)
{
    uint64_t x;
    uintptr_t from = (uintptr_t)words;

    memcpy(&x, key, sizeof x);
    if (!l->words)
        return x;
    EXPECT(x >= from && x - from < sizeof words && (x - from) % sizeof(word) == 0);
    EXPECT(words[(x - from) / sizeof(word)].alive);
    return words[(x - from) / sizeof(word)].number;
}

static int compare(void *context, const void *a, const void *b)
{
    liar *l = (liar *)context;
    uint64_t x = number_of(l, a), y = number_of(l, b);

    l->calls++;
    switch (l->how) {
    case CIRCLE:
        return x % 3 == y % 3 ? (x > y) - (x < y) : (x + 1) % 3 == y % 3 ? -1 : 1;
    case CHANCE:
        return (int)(size_t)test_rng_below(&l->rng, 3) - 1;
    case BEFORE:
        return INT32_MIN;
    case EQUAL:
        return 0;
    case BEHIND:
        return INT32_MAX;
    default:
        return l->calls / 5000 % 2 ? (x < y) - (x > y) : (x > y) - (x < y);
    }
}

/* ---- a tree, and random operations of all kinds ---- */

typedef struct victim {
    liar liar;
    loam_counting counting;
    loam_btree_type type;
    loam_btree_options options;
    loam_btree tree;
    loam_btree other; /* a snapshot or a part */
    bool has_other;
    size_t key_bytes;
    uint64_t (*make)(test_rng *rng); /* a key */
} victim;

/* Only the order may be found wrong. */
static void report(void *context, const char *property, const void *where)
{
    (void)where;
    (*(size_t *)context)++;
    if (strncmp(property, "B5", 2) != 0)
        TEST_FAIL("%s", property);
}

/* Whether looking for each entry finds that one, or an equal one. */
static bool all_found(const loam_btree *tree)
{
    loam_btree_cursor at;

    loam_btree_cursor_seek_first(&at, tree);
    for (loam_btree_entry e; (e = loam_btree_cursor_next(&at)).key;) {
        loam_btree_entry found = loam_btree_get(tree, e.key);

        if (!found.key || (found.key != e.key && (tree->flags & 1) == 0))
            return false;
    }
    return true;
}

/* Whether what the comparison says of neighbours, and in searches, is an order; asked in the check's own way. */
static bool in_order(const loam_btree *tree)
{
    int least = (tree->flags & 1) ? 0 : 1;
    const void *before = NULL;
    loam_btree_cursor at;
    bool good = true;

    loam_btree_cursor_seek_first(&at, tree);
    for (loam_btree_entry e; (e = loam_btree_cursor_next(&at)).key;) {
        if (before && tree->compare(tree->context, e.key, before) < least)
            good = false;
        before = e.key;
    }
    return good && (tree->layout.kind != LOAM_BTREE_COMPARED || all_found(tree));
}

/* The comparison must answer the same twice in a row for `sure`. */
static void look(const loam_btree *tree, bool sure)
{
    size_t entries = 0, back = 0, reports = 0;
    loam_btree_cursor at;
    bool good, ordered = in_order(tree);

    loam_btree_cursor_seek_first(&at, tree);
    while (loam_btree_cursor_next(&at).key)
        entries++;
    while (loam_btree_cursor_prev(&at).key)
        back++;
    EXPECT(entries == loam_btree_count(tree) && back == entries);
    good = loam_btree_check(tree, report, &reports);
    EXPECT_EQ(good, reports == 0);
    if (sure)
        EXPECT_EQ(good, ordered);
}

typedef struct feed {
    victim *v;
    size_t left;
    uint64_t key;
} feed;

static bool next_of(void *context, const void **key, const void **value)
{
    feed *f = (feed *)context;

    if (f->left-- == 0)
        return false;
    f->key = f->v->make(&f->v->liar.rng);
    *key = &f->key;
    *value = NULL;
    return true;
}

static bool load_array(feed *f)
{
    uint64_t keys[40];

    for (size_t i = 0; i < f->left; i++)
        keys[i] = f->v->make(&f->v->liar.rng);
    return loam_btree_load_array(&f->v->other, keys, NULL, f->left, 80);
}

static bool any(void *context, const void *node)
{
    (void)node;
    return test_rng_one_in((test_rng *)context, 2);
}

static void join(loam_btree *left, loam_btree *right)
{
    size_t all = loam_btree_count(left) + loam_btree_count(right);

    if (loam_btree_join(left, right))
        EXPECT_EQ(loam_btree_count(right), 0);
    EXPECT_EQ(loam_btree_count(left) + loam_btree_count(right), all);
}

static void merge(loam_btree *to, loam_btree *from)
{
    size_t all = loam_btree_count(to) + loam_btree_count(from);

    (void)!loam_btree_merge(to, from);
    EXPECT_EQ(loam_btree_count(to) + loam_btree_count(from), all);
}

static void make_other(victim *v, unsigned how, const uint64_t *key)
{
    feed f = {.v = v, .left = 40};

    if (v->has_other) {
        if (how == 0)
            join(&v->tree, &v->other);
        if (how == 1)
            join(&v->other, &v->tree);
        if (how == 2)
            merge(&v->tree, &v->other);
        if (how == 3)
            merge(&v->other, &v->tree);
        loam_btree_deinit(&v->other);
        v->has_other = false;
    } else if (how == 0) {
        v->has_other = loam_btree_snapshot(&v->tree, &v->other);
    } else if (how == 1) {
        v->has_other = loam_btree_split(&v->tree, key, &v->other);
    } else if (how == 2) {
        v->has_other = loam_btree_copy(&v->tree, v->tree.allocator, &v->other);
    } else {
        v->has_other = loam_btree_init(&v->other, v->tree.allocator, &v->type, &v->options);
        if (!(test_rng_one_in(&v->liar.rng, 2) ? load_array(&f)
                                               : loam_btree_load(&v->other, next_of, &f, 80)))
            EXPECT_EQ(loam_btree_count(&v->other), 0);
    }
}

#include "btree/liars_cursors.h"

static void ask(victim *v, const uint64_t *key, const uint64_t *to)
{
    loam_btree_cursor at;
    size_t count = loam_btree_count(&v->tree);

    (void)loam_btree_find(&v->tree, key);
    (void)loam_btree_lower_bound(&v->tree, key);
    (void)loam_btree_upper_bound(&v->tree, to);
    (void)loam_btree_last_before(&v->tree, key);
    (void)loam_btree_last_upto(&v->tree, to);
    EXPECT(loam_btree_count_of(&v->tree, key) <= count);
    EXPECT(loam_btree_rank(&v->tree, key) <= count);
    EXPECT(loam_btree_count_range(&v->tree, key, to) <= count);
    loam_btree_cursor_seek_upper(&at, &v->tree, to);
    (void)loam_btree_cursor_peek_prev(&at);
}

static bool most(void *context, const void *key, void *value)
{
    (void)key;
    (void)value;
    return !test_rng_one_in((test_rng *)context, 20);
}

static void operate(victim *v)
{
    uint64_t key = v->make(&v->liar.rng), to = v->make(&v->liar.rng);
    test_rng *rng = &v->liar.rng;
    size_t erased = 0, count = loam_btree_count(&v->tree), position = 0;
    bool full = count > MOST;

    switch ((size_t)test_rng_below(rng, 20)) {
    case 0:
        (void)loam_btree_erase_range(&v->tree, &key, test_rng_one_in(rng, 2) ? &to : NULL, &erased);
        EXPECT(erased <= count && loam_btree_count(&v->tree) == count - erased);
        break;
    case 1:
        make_other(v, (unsigned)(size_t)test_rng_below(rng, 4), &key);
        break;
    case 2:
        travel(v, &key);
        break;
    case 3:
        ask(v, &key, &to);
        break;
    case 4:
        (void)loam_btree_compact_step(&v->tree, 10, any, rng, &position);
        break;
    case 5:
        (void)loam_btree_replace(&v->tree, &key, NULL, NULL, NULL, NULL);
        break;
    case 6:
        (void)loam_btree_upsert(&v->tree, &key, NULL);
        break;
    case 7:
    case 8:
    case 9:
        for (int i = 0; i < 10; i++)
            (void)loam_btree_erase(&v->tree, &key);
        break;
    case 10:
        (void)loam_btree_pop_first(&v->tree, &key, NULL);
        (void)loam_btree_pop_last(&v->tree, NULL, NULL);
        break;
    case 11:
        EXPECT(loam_btree_erase_all(&v->tree, &key, &erased));
        EXPECT_EQ(loam_btree_count(&v->tree), count - erased);
        break;
    case 12:
        EXPECT(loam_btree_retain(&v->tree, most, rng, &erased));
        EXPECT_EQ(loam_btree_count(&v->tree), count - erased);
        break;
    default:
        for (int i = 0; i < 10 && !full; i++) {
            key = v->make(rng);
            EXPECT(loam_btree_insert(&v->tree, &key, NULL, NULL));
        }
    }
    if (full)
        (void)loam_btree_erase_range(&v->tree, NULL, test_rng_one_in(rng, 4) ? NULL : &to, NULL);
    while (loam_btree_count(&v->tree) > 2 * MOST)
        EXPECT(loam_btree_pop_last(&v->tree, NULL, NULL));
}

static void rise(const loam_btree *tree)
{
    loam_btree_cursor at;

    loam_btree_cursor_seek_first(&at, tree);
    for (loam_btree_entry e; (e = loam_btree_cursor_next(&at)).key;) {
        uint64_t x;

        memcpy(&x, e.key, sizeof x);
        words[(x - (uintptr_t)words) / sizeof(word)].alive = true;
    }
}

/* Words whose keys have left the trees are dead from now on: as if they were given back. */
static void bury(const victim *v)
{
    for (size_t i = 0; i < WORDS; i++)
        words[i].alive = false;
    rise(&v->tree);
    if (v->has_other)
        rise(&v->other);
}

static void run(victim *v, bool sure)
{
    loam_stats stats;

    test_rng_init(&v->liar.rng, test_seed());
    loam_counting_init(&v->counting, loam_libc_allocator());
    v->options.context = &v->liar;
    v->has_other = false;
    EXPECT(loam_btree_init(&v->tree, loam_counting_allocator(&v->counting), &v->type, &v->options));
    for (size_t i = 0; i < STEPS; i++) {
        test_note("lie %d, multi %d, counted %d, step %zu", (int)v->liar.how, v->options.multi,
                  v->options.order_statistics, i);
        operate(v);
        if (v->liar.words)
            bury(v);
        if (i % 16 == 0) {
            look(&v->tree, sure);
            if (v->has_other)
                look(&v->other, sure);
        }
    }
    loam_btree_deinit(&v->tree);
    if (v->has_other)
        loam_btree_deinit(&v->other);
    loam_counting_stats(&v->counting, &stats);
    EXPECT_EQ(stats.blocks, 0);
    loam_counting_deinit(&v->counting);
    test_note(NULL);
}

/* Sets and maps, multimaps, with and without order statistics, of small nodes and of the usual ones; and with keys
 * that are said to be addresses, and are none. */
static void run_all(victim v, bool sure)
{
    for (unsigned form = 0; form < 16; form++) {
        v.options.multi = (form & 1) != 0;
        v.options.order_statistics = (form & 2) != 0;
        v.type.leaf_entries = form & 4 ? 0 : 2;
        v.type.inner_keys = form & 4 ? 0 : 3;
        v.type.by_address = (form & 8) != 0;
        v.type.value_size = form & 4 ? 8 : 0;
        run(&v, sure);
    }
}

/* ---- the lies ---- */

static uint64_t any_number(test_rng *rng)
{
    return (size_t)test_rng_below(rng, 500);
}

static void lies(lie how)
{
    victim v = {
        .liar = {.how = how}, .type = {.key_size = 8, .compare = compare}, .make = any_number};

    run_all(v, how != CHANCE && how != TURNING);
}

static uint64_t any_word(test_rng *rng)
{
    size_t i = (size_t)test_rng_below(rng, WORDS);

    words[i].number = i;
    words[i].alive = true;
    return (uintptr_t)&words[i];
}

/* Keys are addresses that the comparison reads through, of keys that are looked for and of those in the tree. */
static void lies_of_words(lie how)
{
    victim v = {.liar = {.how = how, .words = true},
                .type = {.key_size = 8, .compare = compare, .by_address = true},
                .make = any_word};

    memset(words, 0, sizeof words);
    for (unsigned form = 0; form < 8; form++) {
        v.options.multi = (form & 1) != 0;
        v.options.order_statistics = (form & 2) != 0;
        v.type.leaf_entries = form & 4 ? 0 : 3;
        v.type.inner_keys = form & 4 ? 0 : 3;
        v.type.value_size = form & 4 ? 0 : 8;
        run(&v, how != CHANCE && how != TURNING);
    }
}

TEST(in_circles, fast)
{
    lies(CIRCLE);
}

/* Where every key is behind the one before it and still most are not found. */
TEST(in_circles_that_ascend, fast)
{
    liar circle = {.how = CIRCLE};
    loam_btree_type type = {.key_size = 8, .compare = compare};
    loam_btree_options options = {.context = &circle};
    loam_btree tree;
    loam_btree_cursor at;
    size_t reports = 0;

    EXPECT(loam_btree_init(&tree, loam_libc_allocator(), &type, &options));
    loam_btree_cursor_seek_first(&at, &tree);
    for (uint64_t key = 0; key < 1000; key++)
        EXPECT(loam_btree_cursor_insert(&at, &key, NULL));
    EXPECT(!loam_btree_check(&tree, report, &reports));
    EXPECT(reports > 0);
    loam_btree_deinit(&tree);
}

TEST(words_in_circles, fast)
{
    lies_of_words(CIRCLE);
}

TEST(by_chance, fast)
{
    lies(CHANCE);
}

TEST(words_by_chance, fast)
{
    lies_of_words(CHANCE);
}

TEST(always_before, fast)
{
    lies(BEFORE);
}

TEST(words_always_before, fast)
{
    lies_of_words(BEFORE);
}

TEST(always_equal, fast)
{
    lies(EQUAL);
}

TEST(words_always_equal, fast)
{
    lies_of_words(EQUAL);
}

TEST(always_behind, fast)
{
    lies(BEHIND);
}

TEST(words_always_behind, fast)
{
    lies_of_words(BEHIND);
}

TEST(turning_round, fast)
{
    lies(TURNING);
}

TEST(words_turning_round, fast)
{
    lies_of_words(TURNING);
}

/* NaN every third time. */
static uint64_t any_double(test_rng *rng)
{
    double number =
        test_rng_one_in(rng, 3) ? (double)NAN : (double)(size_t)test_rng_below(rng, 500);
    uint64_t bits;

    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static uint64_t any_float(test_rng *rng)
{
    float number = test_rng_one_in(rng, 3) ? (float)NAN : (float)(size_t)test_rng_below(rng, 500);
    uint64_t bits = 0;

    memcpy(&bits, &number, sizeof number);
    return bits;
}

TEST(not_a_number, fast)
{
    victim doubles = {.type = {.kind = LOAM_BTREE_F64}, .make = any_double};
    victim floats = {.type = {.kind = LOAM_BTREE_F32}, .make = any_float};

    run_all(doubles, true);
    run_all(floats, true);
}

/* A tree that has only one NaN among numbers is told, and so is none that has none. */
TEST(one_that_is_no_number, fast)
{
    loam_btree_type type = {.kind = LOAM_BTREE_F64};
    double key = NAN;
    loam_btree tree;
    size_t reports = 0;

    EXPECT(loam_btree_init(&tree, loam_libc_allocator(), &type, NULL));
    for (int i = 0; i < 100; i++) {
        double number = i;

        EXPECT(loam_btree_insert(&tree, &number, NULL, NULL));
    }
    EXPECT(loam_btree_check(&tree, report, &reports));
    EXPECT(!loam_btree_contains(&tree, &key));
    EXPECT(loam_btree_insert(&tree, &key, NULL, NULL));
    EXPECT_EQ(loam_btree_count(&tree), 101);
    EXPECT(!loam_btree_check(&tree, report, &reports));
    EXPECT(reports > 0);
    loam_btree_deinit(&tree);
}

TEST_MAIN
