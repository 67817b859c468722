/* tree_model_entries.c: what is done to one entry, by its key or at an end; see tree_model.h. */
#include "btree/tree_model.h"

/* Where a new entry of this number goes: behind its equals. */
static size_t place_of(const model_tree *t, size_t number)
{
    return model_bound(t, number, true);
}

/* Makes the value of an entry that of its version. */
static void write_value(const model *m, void *value, model_entry entry)
{
    tree_form_value(m->form, entry.number, entry.version, value);
}

/* ---- putting in ---- */

static void insert_number(model *m, model_tree *t, size_t number)
{
    bool there = model_has(t, number) && !m->form->multi, added = there;
    size_t at = place_of(t, number);
    model_entry entry = model_new(m, number);
    tree_bytes key, value;
    void *result;

    if (test_rng_one_in(&m->rng, 8))
        entry.version = 0;
    tree_form_key(m->form, number, entry.tag, key.at);
    tree_form_value(m->form, number, entry.version, value.at);
    result = loam_btree_insert(&t->tree, key.at, entry.version ? value.at : NULL, &added);
    if (!result) {
        EXPECT(!there);
        model_refused(m, t);
        return;
    }
    EXPECT_EQ(added, !there);
    if (there) {
        model_expect_entry(m, t, loam_btree_get(&t->tree, key.at), at - 1);
    } else {
        model_put(t, at, entry);
        EXPECT(memcmp(result, m->form->type.value_size ? value.at : key.at,
                      m->form->type.value_size ? m->form->type.value_size
                                               : tree_form_key_size(m->form)) == 0);
    }
    if (!m->form->multi)
        EXPECT_PTR(result, loam_btree_find(&t->tree, key.at));
}

static void insert_any(model *m, model_tree *t)
{
    size_t n = m->growing ? 1 + (size_t)test_rng_below(&m->rng, 20) : 1;

    for (size_t i = 0; i < n; i++)
        insert_number(m, t, (size_t)test_rng_below(&m->rng, m->form->numbers));
}

/* A run of numbers that ascend or descend, as appends do. */
static void insert_run(model *m, model_tree *t)
{
    size_t n = m->growing ? 1 + (size_t)test_rng_below(&m->rng, 40) : 1;
    size_t number = (size_t)test_rng_below(&m->rng, m->form->numbers);
    bool up = test_rng_one_in(&m->rng, 2);

    for (size_t i = 0; i < n; i++) {
        insert_number(m, t, number);
        if (number == (up ? m->form->numbers - 1 : 0))
            break;
        number = up ? number + 1 : number - 1;
    }
}

static void upsert(model *m, model_tree *t)
{
    size_t number = model_number(m, t);
    size_t at = model_bound(t, number, false);
    bool there = model_has(t, number), added = there;
    model_entry entry = model_new(m, number);
    tree_bytes key;
    void *value;

    tree_form_key(m->form, number, entry.tag, key.at);
    value = loam_btree_upsert(&t->tree, key.at, test_rng_one_in(&m->rng, 8) ? NULL : &added);
    if (!value) {
        EXPECT(!there || t->shares);
        model_refused(m, t);
        return;
    }
    if (!there) {
        entry.version = 0;
        model_put(t, at, entry);
    }
    model_expect_entry(m, t, loam_btree_get(&t->tree, key.at), at);
    EXPECT_PTR(value, loam_btree_find(&t->tree, key.at));
    if (m->form->type.value_size) {
        t->entries[at].version = ++m->last_version;
        write_value(m, value, t->entries[at]);
    }
}

static void replace(model *m, model_tree *t)
{
    size_t number = model_number(m, t);
    size_t at = model_bound(t, number, false);
    bool there = model_has(t, number), added = there;
    bool old = test_rng_one_in(&m->rng, 2);
    model_entry entry = model_new(m, number);
    tree_bytes key, value, old_key, old_value;
    loam_btree_entry before = {old_key.at, m->form->type.value_size ? old_value.at : old_key.at};
    void *result;

    tree_form_key(m->form, number, entry.tag, key.at);
    write_value(m, value.at, entry);
    result = loam_btree_replace(&t->tree, key.at, value.at, old ? old_key.at : NULL,
                                old ? old_value.at : NULL, &added);
    if (!result) {
        EXPECT(!there || t->shares);
        model_refused(m, t);
        return;
    }
    EXPECT_EQ(added, !there);
    if (there && old)
        EXPECT(model_entry_is(m, before, t->entries[at]));
    if (there)
        t->entries[at] = entry;
    else
        model_put(t, at, entry);
    model_expect_entry(m, t, loam_btree_get(&t->tree, key.at), at);
    EXPECT_PTR(result, loam_btree_find(&t->tree, key.at));
}

/* ---- looking ---- */

static void look(model *m, model_tree *t)
{
    size_t number = model_number(m, t);
    size_t low = model_bound(t, number, false), high = model_bound(t, number, true);
    size_t calls = tree_stand_calls(&m->stand);
    tree_bytes key;

    tree_form_key(m->form, number, (size_t)test_rng_next(&m->rng), key.at);
    EXPECT_EQ(loam_btree_contains(&t->tree, key.at), low < high);
    model_expect_entry(m, t, loam_btree_get(&t->tree, key.at), low < high ? low : t->count);
    EXPECT_PTR(loam_btree_find(&t->tree, key.at), loam_btree_get(&t->tree, key.at).value);
    model_expect_entry(m, t, loam_btree_lower_bound(&t->tree, key.at), low);
    model_expect_entry(m, t, loam_btree_upper_bound(&t->tree, key.at), high);
    model_expect_entry(m, t, loam_btree_first(&t->tree), 0);
    model_expect_entry(m, t, loam_btree_last(&t->tree), t->count ? t->count - 1 : 0);
    EXPECT_EQ(tree_stand_calls(&m->stand), calls);
}

/* ---- taking out ---- */

static void erase_number(model *m, model_tree *t, size_t number)
{
    bool there = model_has(t, number);
    tree_bytes key;

    tree_form_key(m->form, number, (size_t)test_rng_next(&m->rng), key.at);
    if (loam_btree_erase(&t->tree, key.at)) {
        EXPECT(there);
        model_cut(t, model_bound(t, number, false), 1);
    } else if (there) {
        model_refused_shared(m, t);
        EXPECT(loam_btree_contains(&t->tree, key.at));
    }
}

static void erase_any(model *m, model_tree *t)
{
    size_t n = m->growing ? 1 : 1 + (size_t)test_rng_below(&m->rng, 30);

    for (size_t i = 0; i < n; i++)
        erase_number(m, t, model_number(m, t));
}

/* What follows a place, one after the other. */
static void erase_run(model *m, model_tree *t)
{
    size_t n = m->growing ? 1 : 1 + (size_t)test_rng_below(&m->rng, 40);
    size_t at = t->count ? (size_t)test_rng_below(&m->rng, t->count) : 0;

    for (size_t i = 0; i < n && at < t->count; i++)
        erase_number(m, t, t->entries[at].number);
}

static void take(model *m, model_tree *t)
{
    size_t number = model_number(m, t);
    size_t at = model_bound(t, number, false);
    bool there = model_has(t, number);
    bool with_key = test_rng_one_in(&m->rng, 2);
    tree_bytes key, value;
    loam_btree_entry entry = {key.at, m->form->type.value_size ? value.at : key.at};

    tree_form_key(m->form, number, 0, key.at);
    if (!loam_btree_take(&t->tree, key.at, with_key ? key.at : NULL, value.at)) {
        if (there)
            model_refused_shared(m, t);
        return;
    }
    EXPECT(there);
    if (!with_key)
        tree_form_key(m->form, number, t->entries[at].tag, key.at);
    EXPECT(model_entry_is(m, entry, t->entries[at]));
    model_cut(t, at, 1);
}

static void pop(model *m, model_tree *t)
{
    bool last = test_rng_one_in(&m->rng, 2);
    size_t n = m->growing ? 1 : 1 + (size_t)test_rng_below(&m->rng, 20);
    tree_bytes key, value;
    loam_btree_entry entry = {key.at, m->form->type.value_size ? value.at : key.at};

    for (size_t i = 0; i < n; i++) {
        size_t at = last && t->count ? t->count - 1 : 0;

        if (!(last ? loam_btree_pop_last : loam_btree_pop_first)(&t->tree, key.at, value.at)) {
            if (t->count)
                model_refused_shared(m, t);
            return;
        }
        EXPECT(t->count > 0 && model_entry_is(m, entry, t->entries[at]));
        model_cut(t, at, 1);
    }
    if (t->count && (last ? loam_btree_pop_last : loam_btree_pop_first)(&t->tree, NULL, NULL))
        model_cut(t, last ? t->count - 1 : 0, 1);
}

/* ---- all ---- */

static void clear(model *m, model_tree *t)
{
    if (!test_rng_one_in(&m->rng, 20))
        return;
    if (test_rng_one_in(&m->rng, 2)) {
        loam_btree_clear(&t->tree);
    } else {
        loam_btree_deinit(&t->tree);
        loam_btree_deinit(&t->tree);
    }
    t->count = 0;
    t->shares = false;
    model_expect_same(m, t);
}

const model_operation model_entry_operations[] = {
    insert_any, insert_any, insert_run, upsert, replace, look, look,
    erase_any,  erase_any,  erase_run,  take,   pop,     clear};
const size_t model_entry_operation_count =
    sizeof model_entry_operations / sizeof *model_entry_operations;
