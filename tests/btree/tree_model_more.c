/* tree_model_more.c: places near others, stretches between cursors, and what calls back for each entry; see
 * tree_model.h.
 */
#include "btree/tree_model.h"

/* ---- looking ---- */

static void look_back(model *m, model_tree *t)
{
    size_t number = model_number(m, t);
    size_t low = model_bound(t, number, false), high = model_bound(t, number, true);
    tree_bytes key;

    tree_form_key(m->form, number, 1, key.at);
    model_expect_entry(m, t, loam_btree_last_before(&t->tree, key.at), low ? low - 1 : t->count);
    model_expect_entry(m, t, loam_btree_last_upto(&t->tree, key.at), high ? high - 1 : t->count);
    EXPECT_EQ(loam_btree_count_of(&t->tree, key.at), high - low);
}

/* A cursor that goes from place to place, near ones mostly, and puts in what it does not find. */
static void go_near(model *m, model_tree *t)
{
    size_t number = model_number(m, t);
    loam_btree_cursor at;
    tree_bytes key, value;

    tree_form_key(m->form, number, 0, key.at);
    (void)loam_btree_cursor_seek_lower(&at, &t->tree, key.at);
    for (size_t n = (size_t)test_rng_below(&m->rng, 30); n > 0; n--) {
        size_t far = test_rng_one_in(&m->rng, 4) ? m->form->numbers : 9;
        size_t place;
        model_entry entry;

        number = (number + m->form->numbers + (size_t)test_rng_below(&m->rng, far) - far / 2) %
                 m->form->numbers;
        place = model_bound(t, number, false);
        entry = model_new(m, number);
        tree_form_key(m->form, number, entry.tag, key.at);
        EXPECT_EQ(loam_btree_cursor_seek_near(&at, key.at), model_has(t, number));
        EXPECT_EQ(loam_btree_cursor_rank(&at), place);
        model_expect_entry(m, t, loam_btree_cursor_peek_next(&at), place);
        if (model_has(t, number) || !m->growing)
            continue;
        tree_form_value(m->form, number, entry.version, value.at);
        if (loam_btree_cursor_insert(&at, key.at, value.at))
            model_put(t, place, entry);
        else
            model_refused(m, t);
    }
}

/* ---- stretches ---- */

static void erase_between(model *m, model_tree *t)
{
    size_t from = (size_t)test_rng_below(&m->rng, t->count + 1);
    size_t to = test_rng_one_in(&m->rng, 2)
                    ? (size_t)test_rng_below(&m->rng, t->count + 1)
                    : from + (size_t)test_rng_below(&m->rng, t->count - from + 1);
    size_t n = from < to ? to - from : 0, erased = SIZE_MAX;
    loam_btree_cursor at, end;

    loam_btree_cursor_seek_nth(&at, &t->tree, from);
    loam_btree_cursor_seek_nth(&end, &t->tree, to);
    EXPECT_EQ(loam_btree_cursor_between(&at, &end), n);
    if (m->growing && n > 100 && !test_rng_one_in(&m->rng, 10))
        return;
    if (!loam_btree_cursor_erase_to(&at, &end, &erased)) {
        EXPECT_EQ(erased, SIZE_MAX);
        model_refused_shared(m, t);
        return;
    }
    EXPECT_EQ(erased, n);
    if (n > 0)
        model_cut(t, from, n);
    EXPECT_EQ(loam_btree_cursor_rank(&at), from);
    model_expect_entry(m, t, loam_btree_cursor_peek_next(&at), from);
    model_expect_entry(m, t, loam_btree_cursor_peek_prev(&at), from ? from - 1 : t->count);
    model_expect_same(m, t);
}

static void erase_all(model *m, model_tree *t)
{
    size_t number = model_number(m, t);
    size_t low = model_bound(t, number, false), high = model_bound(t, number, true);
    size_t erased = SIZE_MAX;
    tree_bytes key;

    tree_form_key(m->form, number, 1, key.at);
    if (!loam_btree_erase_all(&t->tree, key.at, test_rng_one_in(&m->rng, 4) ? NULL : &erased)) {
        model_refused_shared(m, t);
        return;
    }
    if (erased != SIZE_MAX)
        EXPECT_EQ(erased, high - low);
    if (high > low)
        model_cut(t, low, high - low);
    model_expect_same(m, t);
}

/* ---- for each entry ---- */

/* What the functions that are called back are told. */
typedef struct calls {
    model *m;
    const model_tree *t;
    size_t at;      /* the entry that is next */
    size_t stop;    /* cloning it fails */
    size_t ended;   /* entries */
    uint32_t first; /* the tag and the version of the first clone */
    uint32_t salt;
} calls;

static bool stays(const calls *c, size_t at)
{
    return (c->t->entries[at].version * 2654435761u + c->salt) >> 30 != 0;
}

static bool keep(void *context, const void *key, void *value)
{
    calls *c = (calls *)context;
    loam_btree_entry entry = {key, value};

    EXPECT(c->at < c->t->count && model_entry_is(c->m, entry, c->t->entries[c->at]));
    return stays(c, c->at++);
}

static void retain(model *m, model_tree *t)
{
    calls c = {.m = m, .t = t, .salt = (uint32_t)test_rng_next(&m->rng)};
    size_t erased = SIZE_MAX, gone = 0, count = t->count;
    bool done;

    if (m->growing && !test_rng_one_in(&m->rng, 8))
        return;
    done = loam_btree_retain(&t->tree, keep, &c, &erased);
    EXPECT(!done || c.at == count);
    /* Without a copy the first ones went, leaf by leaf. */
    for (size_t i = 0, to = 0; i < count; i++) {
        if (!stays(&c, i) && gone < erased)
            gone++;
        else
            t->entries[to++] = t->entries[i];
        t->count = to;
    }
    EXPECT_EQ(gone, erased);
    if (!done)
        model_refused_shared(m, t);
    model_expect_same(m, t);
}

static bool clone(void *context, void *key, void *value)
{
    calls *c = (calls *)context;
    loam_btree_entry entry = {key, value};
    model_entry old = c->t->entries[c->at];

    EXPECT(c->at < c->t->count && model_entry_is(c->m, entry, old));
    if (c->at == c->stop)
        return false;
    tree_form_key(c->m->form, old.number, c->first + c->at, key);
    if (c->m->form->type.value_size)
        tree_form_value(c->m->form, old.number, c->first + c->at, value);
    c->at++;
    return true;
}

static void end_clone(void *context, void *key, void *value)
{
    calls *c = (calls *)context;
    loam_btree_entry entry = {key, value};
    uint32_t mark = c->first + (uint32_t)c->ended;
    model_entry wanted = {c->t->entries[c->ended].number, mark, mark};

    EXPECT(c->ended < c->t->count && model_entry_is(c->m, entry, wanted));
    c->ended++;
}

/* A copy whose entries all become others with the same order, and end. */
static void copy_owned(model *m, model_tree *t)
{
    calls c = {.m = m, .t = t, .stop = SIZE_MAX, .first = m->last_version + 1};
    loam_btree copy;

    if (test_rng_one_in(&m->rng, 3))
        c.stop = (size_t)test_rng_below(&m->rng, t->count + 1);
    m->last_version += (uint32_t)t->count;
    if (!loam_btree_copy_owned(&t->tree, tree_stand_allocator(&m->stand), &copy, clone, end_clone,
                               &c)) {
        EXPECT(m->pressed || c.stop < t->count);
        EXPECT(c.at == c.stop ? c.ended == c.stop : c.at == 0 && c.ended == 0);
        model_expect_same(m, t);
        return;
    }
    EXPECT(c.at == t->count && c.ended == 0);
    EXPECT(loam_btree_check(&copy, NULL, NULL));
    tree_inspect(m->form, &copy, false, NULL, NULL);
    loam_btree_clear_owned(&copy, end_clone, &c);
    EXPECT(c.ended == t->count && loam_btree_count(&copy) == 0);
    loam_btree_deinit(&copy);
    model_expect_same(m, t);
}

/* ---- from tree to tree ---- */

/* From a place on. */
static void feed(model *m, model_tree *t)
{
    size_t from = (size_t)test_rng_below(&m->rng, t->count + 1);
    loam_btree_cursor at;
    loam_btree to;

    tree_form_begin(m->form, &to, tree_stand_allocator(&m->stand));
    loam_btree_cursor_seek_nth(&at, &t->tree, from);
    if (loam_btree_load(&to, loam_btree_cursor_feed, &at, 80)) {
        EXPECT_EQ(loam_btree_count(&to), t->count - from);
        loam_btree_cursor_seek_first(&at, &to);
        for (size_t i = from; i <= t->count; i++)
            model_expect_entry(m, t, loam_btree_cursor_next(&at), i);
    } else {
        EXPECT(m->pressed && loam_btree_count(&to) == 0);
    }
    loam_btree_deinit(&to);
}

/* The model of loam_btree_merge(). */
static void merge_entries(const model *m, model_tree *t, model_tree *from)
{
    static model_entry all[MODEL_MOST], rest[MODEL_MOST];
    size_t a = 0, b = 0, n = 0, left = 0;

    while (a < t->count || b < from->count) {
        if (a < t->count && (b == from->count || t->entries[a].number <= from->entries[b].number)) {
            all[n++] = t->entries[a++];
        } else if (!m->form->multi && n > 0 && all[n - 1].number == from->entries[b].number) {
            rest[left++] = from->entries[b++];
        } else {
            all[n++] = from->entries[b++];
        }
    }
    memcpy(t->entries, all, n * sizeof *all);
    memcpy(from->entries, rest, left * sizeof *rest);
    t->count = n;
    from->count = left;
}

static void merge(model *m, model_tree *t)
{
    model_tree *from = &m->trees[(size_t)test_rng_below(&m->rng, MODEL_TREES)];

    if (from == t) {
        EXPECT_EQ(loam_btree_merge(&t->tree, &t->tree), t->count == 0);
        return;
    }
    if (!from->live || t->count + from->count > MODEL_MOST / 2)
        return;
    if (loam_btree_merge(&t->tree, &from->tree)) {
        merge_entries(m, t, from);
        t->shares = from->shares = t->shares || from->shares;
    } else {
        EXPECT(m->pressed);
    }
    model_expect_same(m, t);
    model_expect_same(m, from);
}

const model_operation model_more_operations[] = {look_back, look_back, go_near,      go_near,
                                                 go_near,   erase_all, retain,       copy_owned,
                                                 feed,      merge,     erase_between};
const size_t model_more_operation_count =
    sizeof model_more_operations / sizeof *model_more_operations;
