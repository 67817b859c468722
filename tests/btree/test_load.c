/* test_load.c: trees that are filled from arrays: of every form, from every size and to every fill they are, node for
 * node, what the same entries give one by one; what is out of order at any place is refused, and
 * leaves an empty tree that took no memory.
 */
#include "btree/tree_form.h"

#include <loam/adapters.h>
#include <loam/btree_core.h>

#include <math.h>
#include <stdlib.h>

/* Twice as many as the fullest leaf has, and more. */
enum { MOST = 2200 };

static const unsigned fills[] = {0, 1, 50, 77, 100};

/* ---- arrays ---- */

typedef struct arrays {
    const tree_form *form;
    size_t count;
    unsigned char *keys;
    unsigned char *values;
    const char **texts; /* of the keys, where they are such */
    size_t next;        /* of those that a function gives */
} arrays;

/* Aligned as any type may be. */
static unsigned char *room(size_t bytes)
{
    unsigned char *at = (unsigned char *)aligned_alloc(64, (bytes / 64 + 1) * 64);

    EXPECT(at != NULL);
    return at;
}

static void *key_at(const arrays *a, size_t i)
{
    return a->keys + i * tree_form_key_size(a->form);
}

/* Multimaps have each number three times, told apart by tags. */
static size_t number_of(const tree_form *form, size_t i)
{
    return form->multi ? i / 3 : i;
}

static size_t tag_of(const tree_form *form, size_t i)
{
    return form->multi ? i % 3 : 0;
}

static void set_key(arrays *a, size_t i, size_t number, size_t tag)
{
    tree_form_key(a->form, number, tag, key_at(a, i));
    if (a->form->type.kind == LOAM_BTREE_TEXT)
        a->texts[i] = ((const loam_btree_text *)key_at(a, i))->text;
}

static size_t most_of(const tree_form *form, size_t most)
{
    size_t there = form->multi ? 3 * form->numbers : form->numbers;

    return there < most ? there : most;
}

static arrays make(const tree_form *form, size_t count)
{
    arrays a = {.form = form, .count = count};

    a.keys = room(count * tree_form_key_size(form));
    a.values = room(count * form->type.value_size);
    a.texts = (const char **)calloc(count + 1, sizeof *a.texts);
    EXPECT(a.texts != NULL);
    for (size_t i = 0; i < count; i++) {
        set_key(&a, i, number_of(form, i), tag_of(form, i));
        tree_form_value(form, number_of(form, i), i + 1, a.values + i * form->type.value_size);
    }
    return a;
}

static void end(arrays *a)
{
    free(a->keys);
    free(a->values);
    free(a->texts);
}

static bool next_of(void *context, const void **key, const void **value)
{
    arrays *a = (arrays *)context;

    if (a->next == a->count)
        return false;
    *key = key_at(a, a->next);
    *value = a->values + a->next++ * a->form->type.value_size;
    return true;
}

/* ---- what is in a tree ---- */

static void complain(void *context, const char *property, const void *where)
{
    (void)context;
    (void)where;
    TEST_FAIL("%s", property);
}

static void expect_all(const arrays *a, const loam_btree *tree, size_t count, bool valued)
{
    loam_btree_cursor at;

    EXPECT(loam_btree_check(tree, complain, NULL));
    tree_inspect(a->form, tree, false, NULL, NULL);
    EXPECT_EQ(loam_btree_count(tree), count);
    loam_btree_cursor_seek_first(&at, tree);
    for (size_t i = 0; i < count; i++)
        EXPECT(tree_form_is(a->form, loam_btree_cursor_next(&at), number_of(a->form, i),
                            tag_of(a->form, i), valued ? i + 1 : 0));
    EXPECT(!loam_btree_cursor_next(&at).key);
}

static void expect_alike(const loam_btree *a, const loam_btree *b)
{
    loam_btree_figures x, y;

    loam_btree_measure(a, &x);
    loam_btree_measure(b, &y);
    EXPECT_EQ(a->height, b->height);
    EXPECT(x.leaves == y.leaves && x.inner_nodes == y.inner_nodes);
}

/* The first entries of the arrays, with and without values, and as texts where they are such. */
static void load_some(arrays *a, size_t count, unsigned fill)
{
    size_t whole = a->count;
    loam_btree one_by_one, tree;

    test_note("%s, %zu entries, fill %u", a->form->name, count, fill);
    a->count = count;
    a->next = 0;
    tree_form_begin(a->form, &one_by_one, loam_libc_allocator());
    tree_form_begin(a->form, &tree, loam_libc_allocator());
    EXPECT(loam_btree_load(&one_by_one, next_of, a, fill));
    EXPECT(loam_btree_load_array(&tree, a->keys, a->values, count, fill));
    expect_all(a, &tree, count, true);
    expect_alike(&tree, &one_by_one);
    loam_btree_clear(&tree);
    EXPECT(loam_btree_load_array(&tree, a->keys, NULL, count, fill));
    expect_all(a, &tree, count, false);
    loam_btree_clear(&tree);
    EXPECT_EQ(loam_btree_load_texts(&tree, a->texts, a->values, count, fill),
              a->form->type.kind == LOAM_BTREE_TEXT);
    if (a->form->type.kind == LOAM_BTREE_TEXT) {
        expect_all(a, &tree, count, true);
        expect_alike(&tree, &one_by_one);
        loam_btree_clear(&tree);
        EXPECT(loam_btree_load_texts(&tree, a->texts, NULL, count, fill));
        expect_all(a, &tree, count, false);
    }
    loam_btree_deinit(&tree);
    loam_btree_deinit(&one_by_one);
    a->count = whole;
}

TEST(every_form_size_and_fill, fast)
{
    for (int f = 0; f < FORM_COUNT; f++) {
        const tree_form *form = tree_form_of((tree_forms)f);
        size_t most = most_of(form, MOST);
        arrays a = make(form, most);

        for (size_t fill = 0; fill < sizeof fills / sizeof *fills; fill++) {
            for (size_t count = 0; count < most; count += count < 9 ? 1 : count / 2 + 3)
                load_some(&a, count, fills[fill]);
            load_some(&a, most, fills[fill]);
        }
        end(&a);
    }
}

TEST(nothing_at_all, fast)
{
    loam_btree tree;

    tree_form_begin(tree_form_of(FORM_U64), &tree, loam_libc_allocator());
    EXPECT(loam_btree_load_array(&tree, NULL, NULL, 0, 100));
    EXPECT_EQ(loam_btree_count(&tree), 0);
    loam_btree_deinit(&tree);
    tree_form_begin(tree_form_of(FORM_TEXT), &tree, loam_libc_allocator());
    EXPECT(loam_btree_load_texts(&tree, NULL, NULL, 0, 100));
    EXPECT_EQ(loam_btree_count(&tree), 0);
    loam_btree_deinit(&tree);
}

/* Seen by sanitizers, or by processors that can't load from odd addresses. */
TEST(arrays_at_odd_addresses, fast)
{
    for (int f = FORM_U64_LEAST; f < FORM_TEXT; f++) {
        const tree_form *form = tree_form_of((tree_forms)f);
        size_t count = most_of(form, 300), size = tree_form_key_size(form);
        size_t value_size = form->type.value_size;
        arrays a = make(form, count);
        unsigned char *keys = room(count * size + 1), *values = room(count * value_size + 1);
        loam_btree tree;

        memcpy(keys + 1, a.keys, count * size);
        memcpy(values + 1, a.values, count * value_size);
        tree_form_begin(form, &tree, loam_libc_allocator());
        EXPECT(loam_btree_load_array(&tree, keys + 1, values + 1, count, 0));
        expect_all(&a, &tree, count, true);
        loam_btree_deinit(&tree);
        free(keys);
        free(values);
        end(&a);
    }
}

/* ---- what is refused ---- */

/* No entry, and it is good for use. */
static void expect_untouched(arrays *a, loam_btree *tree)
{
    EXPECT(loam_btree_count(tree) == 0 && tree->height == 0 && !tree->root);
    a->next = 0;
    EXPECT(loam_btree_load(tree, next_of, a, 0));
    expect_all(a, tree, a->count, true);
    loam_btree_clear(tree);
}

static void refuse(const arrays *a, loam_btree *tree, bool refused)
{
    size_t count = a->count;

    EXPECT_EQ(!loam_btree_load_array(tree, a->keys, a->values, count, 0), refused);
    if (!refused)
        loam_btree_clear(tree);
    EXPECT_EQ(loam_btree_count(tree), 0);
    if (a->form->type.kind == LOAM_BTREE_TEXT) {
        EXPECT_EQ(!loam_btree_load_texts(tree, a->texts, a->values, count, 0), refused);
        if (!refused)
            loam_btree_clear(tree);
    }
}

/* At each place a key that is before the one before it, and one that equals it. */
static void disorder(const tree_form *form)
{
    size_t count = most_of(form, form->type.leaf_entries ? 40 : 150);
    arrays a = make(form, count);
    loam_counting counting;
    loam_btree tree;
    loam_stats stats;

    loam_counting_init(&counting, loam_libc_allocator());
    tree_form_begin(form, &tree, loam_counting_allocator(&counting));
    for (size_t at = 1; at < count; at++) {
        size_t before = number_of(form, at - 1);

        test_note("%s, out of order at %zu", form->name, at);
        if (before > 0) {
            set_key(&a, at, before - 1, 0);
            refuse(&a, &tree, true);
        }
        set_key(&a, at, before, 0);
        refuse(&a, &tree, !form->multi);
        set_key(&a, at, number_of(form, at), tag_of(form, at));
        expect_untouched(&a, &tree);
    }
    loam_btree_deinit(&tree);
    loam_counting_stats(&counting, &stats);
    EXPECT_EQ(stats.blocks, 0);
    loam_counting_deinit(&counting);
    end(&a);
}

TEST(out_of_order_at_each_place, fast)
{
    for (int f = 0; f < FORM_COUNT; f++)
        disorder(tree_form_of((tree_forms)f));
}

TEST(nan_is_in_no_order, fast)
{
    for (int multi = 0; multi < 2; multi++) {
        const loam_btree_type doubles = {.kind = LOAM_BTREE_F64}, floats = {.kind = LOAM_BTREE_F32};
        const loam_btree_options options = {.multi = multi != 0};

        for (size_t at = 0; at < 200; at++) {
            double keys[200];
            float singles[200];
            loam_btree tree;

            for (size_t i = 0; i < 200; i++)
                singles[i] = (float)(keys[i] = i == at ? (double)NAN : (double)i);
            EXPECT(loam_btree_init(&tree, loam_libc_allocator(), &doubles, &options));
            EXPECT(!loam_btree_load_array(&tree, keys, NULL, 200, 0));
            loam_btree_deinit(&tree);
            EXPECT(loam_btree_init(&tree, loam_libc_allocator(), &floats, &options));
            EXPECT(!loam_btree_load_array(&tree, singles, NULL, 200, 0));
            loam_btree_deinit(&tree);
        }
    }
}

TEST(not_into_a_tree_that_has_entries, fast)
{
    for (int f = 0; f < FORM_COUNT; f++) {
        const tree_form *form = tree_form_of((tree_forms)f);
        arrays a = make(form, 25);
        loam_btree tree;

        tree_form_begin(form, &tree, loam_libc_allocator());
        EXPECT(loam_btree_load_array(&tree, a.keys, a.values, a.count, 0));
        EXPECT(!loam_btree_load_array(&tree, a.keys, a.values, a.count, 0));
        EXPECT(!loam_btree_load_array(&tree, a.keys, a.values, 0, 0));
        EXPECT(!loam_btree_load_texts(&tree, a.texts, a.values, a.count, 0));
        expect_all(&a, &tree, a.count, true);
        loam_btree_deinit(&tree);
        end(&a);
    }
}

/* ---- texts ---- */

/* Each lies in a block of its own that ends with it: sanitizers see a byte too many. */
TEST(texts_are_read_to_their_ends_only, fast)
{
    enum { LONGEST = 24 };
    char *texts[LONGEST];
    loam_btree_type type = {.kind = LOAM_BTREE_TEXT, .leaf_entries = 5};
    loam_btree tree;

    for (size_t i = 0; i < LONGEST; i++) {
        texts[i] = (char *)malloc(i + 1);
        EXPECT(texts[i] != NULL);
        memset(texts[i], 'x', i);
        texts[i][i] = 0;
    }
    EXPECT(loam_btree_init(&tree, loam_libc_allocator(), &type, NULL));
    EXPECT(loam_btree_load_texts(&tree, (const char *const *)texts, NULL, LONGEST, 0));
    EXPECT(loam_btree_check(&tree, complain, NULL));
    for (size_t i = 0; i < LONGEST; i++) {
        loam_btree_text key = loam_btree_text_of(texts[i]);
        const loam_btree_text *found = (const loam_btree_text *)loam_btree_find(&tree, &key);

        EXPECT(found && found->text == texts[i]);
    }
    loam_btree_deinit(&tree);
    for (size_t i = 0; i < LONGEST; i++)
        free(texts[i]);
}

TEST_MAIN
