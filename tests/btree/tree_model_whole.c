/* tree_model_whole.c: what is done to trees as a whole, and asked of their order; see tree_model.h.
 */
#include "btree/tree_model.h"

#include <stdlib.h>

/* A place for one more tree; what was there ends. Never the first one, nor `but`. */
static model_tree *place_for(model *m, const model_tree *but)
{
    model_tree *t;

    do {
        t = &m->trees[1 + (size_t)test_rng_below(&m->rng, MODEL_TREES - 1)];
    } while (t == but);
    if (t->live)
        loam_btree_deinit(&t->tree);
    t->live = false;
    t->shares = false;
    t->count = 0;
    t->position = 0;
    return t;
}

static void model_copy(model_tree *to, const model_tree *from, size_t at, size_t n)
{
    memcpy(to->entries, from->entries + at, n * sizeof *to->entries);
    to->count = n;
    to->live = true;
}

/* ---- order statistics ---- */

static void order(model *m, model_tree *t)
{
    size_t from = model_number(m, t), to = model_number(m, t);
    size_t at = model_bound(t, from, false), end = model_bound(t, to, false);
    size_t n = (size_t)test_rng_below(&m->rng, t->count + 2);
    tree_bytes key, behind;
    loam_btree_cursor cursor;

    tree_form_key(m->form, from, 1, key.at);
    tree_form_key(m->form, to, 1, behind.at);
    EXPECT_EQ(loam_btree_rank(&t->tree, key.at), at);
    EXPECT_EQ(loam_btree_count_range(&t->tree, key.at, behind.at), at < end ? end - at : 0);
    EXPECT_EQ(loam_btree_count_range(&t->tree, NULL, behind.at), end);
    EXPECT_EQ(loam_btree_count_range(&t->tree, key.at, NULL), t->count - at);
    EXPECT_EQ(loam_btree_count_range(&t->tree, NULL, NULL), t->count);
    model_expect_entry(m, t, loam_btree_nth(&t->tree, n), n);
    loam_btree_cursor_seek_nth(&cursor, &t->tree, n);
    EXPECT_EQ(loam_btree_cursor_rank(&cursor), n < t->count ? n : t->count);
    model_expect_entry(m, t, loam_btree_cursor_peek_next(&cursor), n);
    if (n > 0 && n <= t->count)
        model_expect_entry(m, t, loam_btree_cursor_peek_prev(&cursor), n - 1);
}

/* ---- ranges ---- */

static void erase_range(model *m, model_tree *t)
{
    size_t from = model_number(m, t);
    size_t to = test_rng_one_in(&m->rng, 2)
                    ? model_number(m, t)
                    : from + (size_t)test_rng_below(&m->rng, m->form->numbers - from);
    bool open_from = test_rng_one_in(&m->rng, 8), open_to = test_rng_one_in(&m->rng, 8);
    size_t at = open_from ? 0 : model_bound(t, from, false);
    size_t end = open_to ? t->count : model_bound(t, to, false);
    size_t erased = 0, n = at < end ? end - at : 0;
    tree_bytes key, behind;

    if (m->growing && n > 100 && !test_rng_one_in(&m->rng, 10))
        return;
    tree_form_key(m->form, from, 1, key.at);
    tree_form_key(m->form, to, 1, behind.at);
    if (!loam_btree_erase_range(&t->tree, open_from ? NULL : key.at, open_to ? NULL : behind.at,
                                test_rng_one_in(&m->rng, 8) ? NULL : &erased)) {
        model_refused_shared(m, t);
        return;
    }
    if (erased != 0)
        EXPECT_EQ(erased, n);
    if (n > 0)
        model_cut(t, at, n);
    model_expect_same(m, t);
}

/* ---- two of one ---- */

static void split(model *m, model_tree *t)
{
    model_tree *right = place_for(m, t);
    size_t number = model_number(m, t);
    size_t at = model_bound(t, number, false);
    tree_bytes key;

    tree_form_key(m->form, number, 1, key.at);
    if (!loam_btree_split(&t->tree, key.at, &right->tree)) {
        model_refused(m, t);
        return;
    }
    model_copy(right, t, at, t->count - at);
    right->shares = t->shares;
    t->count = at;
    model_expect_same(m, t);
    model_expect_same(m, right);
}

static bool fits_behind(const model *m, const model_tree *left, const model_tree *right)
{
    size_t last, first;

    if (left->count == 0 || right->count == 0)
        return true;
    last = left->entries[left->count - 1].number;
    first = right->entries[0].number;
    return last < first || (m->form->multi && last == first);
}

static void join(model *m, model_tree *left)
{
    model_tree *right = &m->trees[(size_t)test_rng_below(&m->rng, MODEL_TREES)];
    bool fits;

    if (right == left || !right->live || left->count + right->count > MODEL_MOST / 2)
        return;
    if (left->count && right->count && left->entries[0].number > right->entries[0].number &&
        !test_rng_one_in(&m->rng, 4)) {
        model_tree *swapped = left;

        left = right;
        right = swapped;
    }
    fits = fits_behind(m, left, right);
    if (loam_btree_join(&left->tree, &right->tree)) {
        EXPECT(fits);
        memcpy(left->entries + left->count, right->entries, right->count * sizeof *right->entries);
        left->count += right->count;
        left->shares = left->shares || right->shares;
        right->count = 0;
        right->shares = false;
    } else {
        EXPECT(!fits || m->pressed);
    }
    model_expect_same(m, left);
    model_expect_same(m, right);
}

static void copy(model *m, model_tree *t)
{
    model_tree *other = place_for(m, t);

    if (!loam_btree_copy(&t->tree, tree_stand_allocator(&m->stand), &other->tree)) {
        model_refused(m, t);
        return;
    }
    model_copy(other, t, 0, t->count);
    model_expect_same(m, other);
}

static void snapshot(model *m, model_tree *t)
{
    model_tree *other = place_for(m, t);
    size_t calls = tree_stand_calls(&m->stand);
    bool had_source = t->tree.source != NULL;

    if (!loam_btree_snapshot(&t->tree, &other->tree)) {
        EXPECT(!had_source);
        model_refused(m, t);
        return;
    }
    EXPECT(!had_source || tree_stand_calls(&m->stand) == calls);
    model_copy(other, t, 0, t->count);
    t->shares = other->shares = true;
    m->snapshots = true;
    model_expect_same(m, t);
    model_expect_same(m, other);
}

/* ---- loading ---- */

typedef struct feed {
    model *m;
    const model_tree *from;
    size_t at;
    size_t wrong; /* this entry is out of order */
    tree_bytes key, value;
} feed;

static bool next_of(void *context, const void **key, const void **value)
{
    feed *f = (feed *)context;
    model_entry entry;

    if (f->at == f->from->count)
        return false;
    entry = f->from->entries[f->at == f->wrong ? f->at - 1 : f->at];
    if (f->at == f->wrong && f->m->form->multi)
        entry.number = f->from->entries[f->at - 1].number - 1;
    f->at++;
    tree_form_key(f->m->form, entry.number, entry.tag, f->key.at);
    tree_form_value(f->m->form, entry.number, entry.version, f->value.at);
    *key = f->key.at;
    *value = f->value.at;
    return true;
}

/* The same from arrays. */
static bool load_arrays(feed *f, loam_btree *to, unsigned fill)
{
    size_t key_size = tree_form_key_size(f->m->form), value_size = f->m->form->type.value_size;
    size_t count = f->from->count;
    char *keys = (char *)aligned_alloc(64, (count * key_size / 64 + 1) * 64);
    char *values = (char *)malloc(count * value_size + 1);
    const void *key, *value;
    bool loaded;

    EXPECT(keys != NULL && values != NULL);
    while (next_of(f, &key, &value)) {
        memcpy(keys + (f->at - 1) * key_size, key, key_size);
        memcpy(values + (f->at - 1) * value_size, value, value_size);
    }
    loaded = loam_btree_load_array(to, keys, values, count, fill);
    free(keys);
    free(values);
    return loaded;
}

/* From what another tree has, now and then with an entry that is out of order. */
static void load(model *m, model_tree *t)
{
    model_tree *other = place_for(m, t);
    feed f = {.m = m, .from = t, .wrong = SIZE_MAX};
    unsigned fill = (unsigned)(size_t)test_rng_below(&m->rng, 101);

    if (test_rng_one_in(&m->rng, 4) && t->count > 1) {
        f.wrong = 1 + (size_t)test_rng_below(&m->rng, t->count - 1);
        if (t->entries[f.wrong - 1].number == 0)
            f.wrong = SIZE_MAX;
    }
    tree_form_begin(m->form, &other->tree, tree_stand_allocator(&m->stand));
    other->live = true;
    if (test_rng_one_in(&m->rng, 2) ? load_arrays(&f, &other->tree, fill)
                                    : loam_btree_load(&other->tree, next_of, &f, fill)) {
        EXPECT(f.wrong == SIZE_MAX && f.at == t->count);
        model_copy(other, t, 0, t->count);
    } else {
        EXPECT(m->pressed || f.wrong != SIZE_MAX);
    }
    model_expect_same(m, other);
    f.at = 0;
    if (other->count > 0) {
        EXPECT(!loam_btree_load(&other->tree, next_of, &f, fill));
        model_expect_same(m, other);
    }
}

/* ---- moving ---- */

typedef struct choice {
    test_rng *rng;
    size_t asked;
} choice;

static bool is_sparse(void *context, const void *node)
{
    choice *c = (choice *)context;

    EXPECT(node != NULL && (uintptr_t)node % 64 == 0);
    c->asked++;
    return !test_rng_one_in(c->rng, 3);
}

static void compact(model *m, model_tree *t)
{
    size_t budget = 1 + (size_t)test_rng_below(&m->rng, 20);
    size_t steps = 1 + (size_t)test_rng_below(&m->rng, 10);

    while (steps-- > 0) {
        choice c = {&m->rng, 0};
        size_t moved = loam_btree_compact_step(&t->tree, budget, is_sparse, &c, &t->position);

        EXPECT(moved <= c.asked && c.asked <= budget);
    }
    model_expect_same(m, t);
}

/* A tree ends before those that it shares with. */
static void end_one(model *m, model_tree *t)
{
    if (t == &m->trees[0])
        return;
    loam_btree_deinit(&t->tree);
    t->live = false;
}

const model_operation model_whole_operations[] = {
    order, order, erase_range, split, join, join, copy, snapshot, snapshot, load, compact, end_one};
const size_t model_whole_operation_count =
    sizeof model_whole_operations / sizeof *model_whole_operations;
