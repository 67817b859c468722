/* tree_model_cursors.c: what is done by a cursor, which is a place in the model as well; see tree_model.h.
 */
#include "btree/tree_model.h"

typedef struct place {
    loam_btree_cursor cursor;
    size_t at; /* the gap before this entry */
} place;

static void expect_place(model *m, model_tree *t, place *p)
{
    model_expect_entry(m, t, loam_btree_cursor_peek_next(&p->cursor), p->at);
    model_expect_entry(m, t, loam_btree_cursor_peek_prev(&p->cursor), p->at ? p->at - 1 : t->count);
    model_expect_entry(m, t, loam_btree_cursor_peek_next(&p->cursor), p->at);
    EXPECT_EQ(loam_btree_cursor_rank(&p->cursor), p->at);
}

static void seek(model *m, model_tree *t, place *p)
{
    size_t number = model_number(m, t);
    tree_bytes key;

    tree_form_key(m->form, number, 0, key.at);
    switch ((size_t)test_rng_below(&m->rng, 6)) {
    case 0:
        loam_btree_cursor_seek_first(&p->cursor, &t->tree);
        p->at = 0;
        break;
    case 1:
        loam_btree_cursor_seek_last(&p->cursor, &t->tree);
        p->at = t->count;
        break;
    case 2:
        loam_btree_cursor_seek_upper(&p->cursor, &t->tree, key.at);
        p->at = model_bound(t, number, true);
        break;
    case 3:
        p->at = (size_t)test_rng_below(&m->rng, t->count + 1);
        loam_btree_cursor_seek_nth(&p->cursor, &t->tree, p->at);
        break;
    default:
        EXPECT_EQ(loam_btree_cursor_seek_lower(&p->cursor, &t->tree, key.at), model_has(t, number));
        p->at = model_bound(t, number, false);
    }
}

static void move(model *m, model_tree *t, place *p)
{
    bool forward = test_rng_one_in(&m->rng, 2);

    for (size_t n = (size_t)test_rng_below(&m->rng, 20); n > 0; n--) {
        if (forward) {
            model_expect_entry(m, t, loam_btree_cursor_next(&p->cursor), p->at);
            p->at += p->at < t->count;
        } else {
            model_expect_entry(m, t, loam_btree_cursor_prev(&p->cursor),
                               p->at ? p->at - 1 : t->count);
            p->at -= p->at > 0;
        }
    }
}

/* A number that belongs into the gap, if there is one; else any. */
static size_t number_for(model *m, const model_tree *t, const place *p, bool *fits)
{
    size_t equal = m->form->multi ? 0 : 1;
    size_t low = p->at ? t->entries[p->at - 1].number + equal : 0;
    size_t end = p->at < t->count ? t->entries[p->at].number + 1 - equal : m->form->numbers;
    size_t number;

    if (low < end && !test_rng_one_in(&m->rng, 4)) {
        *fits = true;
        return test_rng_one_in(&m->rng, 2) ? low : low + (size_t)test_rng_below(&m->rng, end - low);
    }
    number = (size_t)test_rng_below(&m->rng, m->form->numbers);
    *fits = number >= low && number < end;
    return number;
}

static void insert_here(model *m, model_tree *t, place *p)
{
    size_t n = m->growing ? 1 + (size_t)test_rng_below(&m->rng, 20) : 1;

    while (n-- > 0) {
        bool fits;
        model_entry entry = model_new(m, number_for(m, t, p, &fits));
        tree_bytes key, value;
        void *result;

        tree_form_key(m->form, entry.number, entry.tag, key.at);
        tree_form_value(m->form, entry.number, entry.version, value.at);
        result = loam_btree_cursor_insert(&p->cursor, key.at, value.at);
        if (result) {
            EXPECT(fits);
            EXPECT(memcmp(result, value.at, m->form->type.value_size) == 0);
            model_put(t, p->at++, entry);
        } else if (fits) {
            model_refused(m, t);
        }
        expect_place(m, t, p);
    }
}

static void erase_here(model *m, model_tree *t, place *p)
{
    size_t n = m->growing ? 1 : 1 + (size_t)test_rng_below(&m->rng, 30);
    bool next = test_rng_one_in(&m->rng, 2);

    while (n-- > 0) {
        bool there = next ? p->at < t->count : p->at > 0;
        loam_btree_entry behind;
        bool erased = next ? loam_btree_cursor_erase_next(&p->cursor, &behind)
                           : loam_btree_cursor_erase_prev(&p->cursor, &behind);

        EXPECT(there || !erased);
        if (erased)
            model_cut(t, next ? p->at : --p->at, 1);
        else if (there)
            model_refused_shared(m, t);
        model_expect_entry(m, t, behind, p->at);
        if (test_rng_one_in(&m->rng, 2))
            expect_place(m, t, p);
    }
}

static void own_here(model *m, model_tree *t, place *p)
{
    loam_btree_entry entry = loam_btree_cursor_own(&p->cursor);

    if (!entry.key && p->at < t->count) {
        model_refused_shared(m, t);
        return;
    }
    model_expect_entry(m, t, entry, p->at);
    if (entry.key && m->form->type.value_size) {
        t->entries[p->at].version = ++m->last_version;
        tree_form_value(m->form, t->entries[p->at].number, t->entries[p->at].version, entry.value);
    }
}

/* A cursor that goes on and on, through changes of its own. */
static void travel(model *m, model_tree *t)
{
    place p;

    seek(m, t, &p);
    expect_place(m, t, &p);
    for (size_t n = (size_t)test_rng_below(&m->rng, 6); n > 0; n--) {
        switch ((size_t)test_rng_below(&m->rng, 6)) {
        case 0:
        case 1:
            insert_here(m, t, &p);
            break;
        case 2:
        case 3:
            erase_here(m, t, &p);
            break;
        case 4:
            own_here(m, t, &p);
            break;
        default:
            move(m, t, &p);
        }
        EXPECT_EQ(loam_btree_count(&t->tree), t->count);
        expect_place(m, t, &p);
    }
}

/* A stretch from one number to another, by a cursor and by bounds. */
static void range(model *m, model_tree *t)
{
    size_t from = model_number(m, t), to = model_number(m, t);
    size_t at = model_bound(t, from, false), end = model_bound(t, to, false);
    loam_btree_cursor cursor;
    loam_btree_entry stop;
    tree_bytes key;

    tree_form_key(m->form, to, 0, key.at);
    stop = loam_btree_lower_bound(&t->tree, key.at);
    tree_form_key(m->form, from, 0, key.at);
    (void)loam_btree_cursor_seek_lower(&cursor, &t->tree, key.at);
    while (at < end) {
        EXPECT(loam_btree_cursor_peek_next(&cursor).key != stop.key);
        model_expect_entry(m, t, loam_btree_cursor_next(&cursor), at++);
    }
    if (at == end)
        EXPECT_PTR(loam_btree_cursor_peek_next(&cursor).key, stop.key);
}

const model_operation model_cursor_operations[] = {travel, travel, travel, range};
const size_t model_cursor_operation_count =
    sizeof model_cursor_operations / sizeof *model_cursor_operations;
