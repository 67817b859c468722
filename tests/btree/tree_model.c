/* tree_model.c: see tree_model.h. */
#include "btree/tree_model.h"

#include <stdlib.h>

enum { LOOK_EVERY = 32 };

/* ---- the arrays ---- */

size_t model_bound(const model_tree *t, size_t number, bool upto)
{
    size_t low = 0, high = t->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (t->entries[middle].number < number || (upto && t->entries[middle].number == number))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool model_has(const model_tree *t, size_t number)
{
    size_t at = model_bound(t, number, false);

    return at < t->count && t->entries[at].number == number;
}

size_t model_number(model *m, const model_tree *t)
{
    if (t->count > 0 && test_rng_one_in(&m->rng, 2))
        return t->entries[(size_t)test_rng_below(&m->rng, t->count)].number;
    return (size_t)test_rng_below(&m->rng, m->form->numbers);
}

model_entry model_new(model *m, size_t number)
{
    model_entry entry = {(uint32_t)number, m->last_version + 1, m->last_version + 1};

    m->last_version++;
    return entry;
}

void model_put(model_tree *t, size_t at, model_entry entry)
{
    EXPECT(t->count < MODEL_MOST);
    memmove(t->entries + at + 1, t->entries + at, (t->count - at) * sizeof *t->entries);
    t->entries[at] = entry;
    t->count++;
}

void model_cut(model_tree *t, size_t at, size_t n)
{
    memmove(t->entries + at, t->entries + at + n, (t->count - at - n) * sizeof *t->entries);
    t->count -= n;
}

/* ---- expectations ---- */

bool model_entry_is(const model *m, loam_btree_entry entry, model_entry wanted)
{
    return tree_form_is(m->form, entry, wanted.number, wanted.tag, wanted.version);
}

void model_expect_entry(const model *m, const model_tree *t, loam_btree_entry entry, size_t at)
{
    if (at < t->count)
        EXPECT(model_entry_is(m, entry, t->entries[at]));
    else
        EXPECT(entry.key == NULL && entry.value == NULL);
}

static void report(void *context, const char *property, const void *where)
{
    (void)context;
    (void)where;
    TEST_FAIL("%s", property);
}

/* What the tree says of its nodes is what they are. */
static void expect_figures(const model *m, const model_tree *t)
{
    loam_btree_figures figures;
    loam_stats stats;
    size_t leaves, inners;

    tree_inspect(m->form, &t->tree, m->snapshots, &leaves, &inners);
    EXPECT(loam_btree_check(&t->tree, report, NULL));
    loam_btree_measure(&t->tree, &figures);
    EXPECT(figures.entries == t->count && figures.height == t->tree.height);
    EXPECT(figures.leaves == leaves && figures.inner_nodes == inners);
    loam_btree_stats(&t->tree, &stats);
    EXPECT_EQ(stats.blocks, leaves + inners);
    EXPECT_EQ(stats.live, t->count * (tree_form_key_size(m->form) + m->form->type.value_size));
    EXPECT_EQ(stats.committed, leaves * figures.leaf_bytes + inners * figures.inner_bytes);
}

void model_expect_same(model *m, model_tree *t)
{
    loam_btree_cursor at;

    EXPECT_EQ(loam_btree_count(&t->tree), t->count);
    expect_figures(m, t);
    loam_btree_cursor_seek_first(&at, &t->tree);
    for (size_t i = 0; i <= t->count; i++)
        model_expect_entry(m, t, loam_btree_cursor_next(&at), i);
    for (size_t i = t->count; i-- > 0;)
        model_expect_entry(m, t, loam_btree_cursor_prev(&at), i);
    EXPECT(!loam_btree_cursor_prev(&at).key);
}

void model_refused(model *m, model_tree *t)
{
    EXPECT(m->pressed);
    model_expect_same(m, t);
}

void model_refused_shared(model *m, model_tree *t)
{
    EXPECT(t->shares);
    model_refused(m, t);
}

/* ---- the run ---- */

static void begin(model *m, const tree_form *form, tree_stand_kind stand, size_t steps)
{
    *m = (model){.form = form, .growing = true, .phase = 100 + steps / 50};
    test_rng_init(&m->rng, test_seed() ^ (uintptr_t)form->numbers ^ (uint64_t)stand << 32);
    tree_stand_begin(&m->stand, stand);
    for (size_t i = 0; i < MODEL_TREES; i++) {
        m->trees[i].entries = (model_entry *)malloc(MODEL_MOST * sizeof(model_entry));
        EXPECT(m->trees[i].entries != NULL);
    }
    tree_form_begin(form, &m->trees[0].tree, tree_stand_allocator(&m->stand));
    m->trees[0].live = true;
}

static void end(model *m)
{
    for (size_t i = 0; i < MODEL_TREES; i++) {
        if (m->trees[i].live) {
            model_expect_same(m, &m->trees[i]);
            loam_btree_deinit(&m->trees[i].tree);
        }
        free(m->trees[i].entries);
    }
    tree_stand_end(&m->stand);
}

/* Mostly something that is done to one entry. */
static void do_one(model *m, model_tree *t)
{
    switch ((size_t)test_rng_below(&m->rng, 9)) {
    case 0:
        model_whole_operations[(size_t)test_rng_below(&m->rng, model_whole_operation_count)](m, t);
        break;
    case 1:
    case 2:
        model_cursor_operations[(size_t)test_rng_below(&m->rng, model_cursor_operation_count)](m,
                                                                                               t);
        break;
    case 3:
        model_more_operations[(size_t)test_rng_below(&m->rng, model_more_operation_count)](m, t);
        break;
    default:
        model_entry_operations[(size_t)test_rng_below(&m->rng, model_entry_operation_count)](m, t);
    }
}

static void step(model *m)
{
    model_tree *t = &m->trees[(size_t)test_rng_below(&m->rng, MODEL_TREES)];
    uint64_t chance = (size_t)test_rng_below(&m->rng, 8);

    if (!t->live)
        t = &m->trees[0];
    if (test_rng_one_in(&m->rng, m->phase))
        m->growing = !m->growing;
    if (t->count > MODEL_MOST / 4)
        m->growing = false;
    m->pressed = tree_stand_press(&m->stand, chance == 0, chance == 1, test_rng_next(&m->rng));
    do_one(m, t);
    (void)tree_stand_press(&m->stand, false, false, 0);
    m->pressed = false;
    if (t->live)
        EXPECT_EQ(loam_btree_count(&t->tree), t->count);
}

void model_run(const tree_form *form, tree_stand_kind stand, size_t steps)
{
    static model m;

    begin(&m, form, stand, steps);
    for (size_t i = 0; i < steps; i++) {
        test_note("%s, %s, step %zu", form->name, tree_stand_name(stand), i);
        step(&m);
        for (size_t k = 0; i % LOOK_EVERY == 0 && k < MODEL_TREES; k++) {
            if (m.trees[k].live)
                model_expect_same(&m, &m.trees[k]);
        }
    }
    end(&m);
    test_note(NULL);
}
