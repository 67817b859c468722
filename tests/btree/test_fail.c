/* test_fail.c: every operation of a tree that takes memory, with each call for memory refused once and for
 * ever. The tree is exactly as before then, node for node and byte for byte (one that shares nodes: entry for
 * entry), and the same call is right once there is memory again.
 */
#include "btree/tree_form.h"
#include "support/fail_each.h"

#include <loam/btree_core.h>

#include <stdlib.h>

/* Entries have even numbers, so that there is a gap between any two. */
enum { MOST = 130, FEW = 23 };

typedef struct subject subject;

typedef struct verb {
    const char *name;
    bool (*run)(subject *s);
    bool shares;  /* a snapshot is there before */
    bool never;   /* takes no memory at all */
    bool changes; /* the entries of the tree */
} verb;

struct subject {
    const verb *what;
    const tree_form *form;
    size_t filled;
    size_t at; /* the gap, or the entry, that the verb is for */
    loam_allocator allocator;
    loam_btree tree;
    loam_btree other; /* a snapshot, or what the verb makes */
    bool has_other;
    unsigned char *picture; /* of the nodes before */
    size_t picture_size;
    size_t count; /* before */
};

/* ---- pictures ---- */

static void picture_node(const loam_btree *tree, const loam_btree_node *node, unsigned char *to,
                         size_t *at)
{
    const loam_btree_layout *l = &tree->layout;
    size_t bytes = node->level ? l->inner_bytes : l->leaf_bytes;

    if (to) {
        memcpy(to + *at, &node, sizeof node);
        memcpy(to + *at + sizeof node, node, sizeof *node);
        memcpy(to + *at + sizeof node + sizeof *node, loam_btree_key_at_(l, node, 0),
               node->count * l->key_size);
        if (node->level == 0)
            memcpy(to + *at + sizeof node + l->leaf_values, loam_btree_value_at_(l, node, 0),
                   node->count * l->value_size);
    }
    *at += sizeof node + bytes;
    for (size_t i = 0; node->level && i <= node->count; i++)
        picture_node(tree, loam_btree_children_(l, node)[i], to, at);
}

/* The nodes in use, each with its address. */
static unsigned char *picture(const loam_btree *tree, size_t *size)
{
    unsigned char *bytes;

    *size = 0;
    if (tree->root)
        picture_node(tree, tree->root, NULL, size);
    bytes = (unsigned char *)calloc(1, *size + 1);
    EXPECT(bytes != NULL);
    *size = 0;
    if (tree->root)
        picture_node(tree, tree->root, bytes, size);
    return bytes;
}

/* ---- what is looked at ---- */

static void key_of(const subject *s, size_t number, tree_bytes *key)
{
    tree_form_key(s->form, number, 0, key->at);
}

static void expect_good(const subject *s, const loam_btree *tree)
{
    EXPECT(loam_btree_check(tree, NULL, NULL));
    tree_inspect(s->form, tree, s->what->shares, NULL, NULL);
}

/* All that was put in at first, and nothing else. */
static void expect_filled(const subject *s, const loam_btree *tree)
{
    loam_btree_cursor at;

    expect_good(s, tree);
    EXPECT_EQ(loam_btree_count(tree), s->filled);
    loam_btree_cursor_seek_first(&at, tree);
    for (size_t i = 0; i < s->filled; i++)
        EXPECT(tree_form_is(s->form, loam_btree_cursor_next(&at), 2 * i, 0, 1));
    EXPECT(!loam_btree_cursor_next(&at).key);
}

static void expect_as_before(subject *s)
{
    size_t size;
    unsigned char *now;

    expect_filled(s, &s->tree);
    if (!s->what->shares) {
        now = picture(&s->tree, &size);
        EXPECT(size == s->picture_size && memcmp(now, s->picture, size) == 0);
        free(now);
    }
}

static void begin(void *context, loam_allocator allocator)
{
    subject *s = (subject *)context;

    s->allocator = allocator;
    s->has_other = false;
    tree_form_begin(s->form, &s->tree, allocator);
    for (size_t i = 0; i < s->filled; i++) {
        tree_bytes key, value;

        key_of(s, 2 * i, &key);
        tree_form_value(s->form, 2 * i, 1, value.at);
        EXPECT(loam_btree_insert(&s->tree, key.at, value.at, NULL));
    }
    if (s->what->shares) {
        EXPECT(loam_btree_snapshot(&s->tree, &s->other));
        s->has_other = true;
    }
    s->picture = picture(&s->tree, &s->picture_size);
    s->count = loam_btree_count(&s->tree);
}

static bool step(void *context)
{
    subject *s = (subject *)context;

    return s->what->run(s);
}

static void check(void *context, bool done)
{
    subject *s = (subject *)context;

    if (!done)
        expect_as_before(s);
    else
        expect_good(s, &s->tree);
    if (s->has_other)
        expect_good(s, &s->other);
    if (s->what->shares)
        expect_filled(s, &s->other);
    if (done && s->what->changes)
        EXPECT(loam_btree_count(&s->tree) != s->count);
}

static void end(void *context)
{
    subject *s = (subject *)context;

    loam_btree_deinit(&s->tree);
    if (s->has_other)
        loam_btree_deinit(&s->other);
    free(s->picture);
}

/* ---- the verbs ---- */

static bool run_insert(subject *s)
{
    bool added = false;
    tree_bytes key;

    key_of(s, 2 * s->at + 1, &key);
    return loam_btree_insert(&s->tree, key.at, NULL, &added) && added;
}

static bool run_upsert(subject *s)
{
    tree_bytes key;

    key_of(s, 2 * s->at + 1, &key);
    return loam_btree_upsert(&s->tree, key.at, NULL) != NULL;
}

static bool run_replace(subject *s)
{
    tree_bytes key;

    key_of(s, 2 * s->at + 1, &key);
    return loam_btree_replace(&s->tree, key.at, key.at, NULL, NULL, NULL) != NULL;
}

static bool run_cursor_insert(subject *s)
{
    loam_btree_cursor at;
    tree_bytes key;

    key_of(s, 2 * s->at + 1, &key);
    EXPECT(!loam_btree_cursor_seek_lower(&at, &s->tree, key.at));
    return loam_btree_cursor_insert(&at, key.at, NULL) != NULL;
}

/* One that is there: no entry more. */
static bool run_replace_old(subject *s)
{
    tree_bytes key;

    if (s->filled == 0)
        return true;
    key_of(s, 2 * (s->at % s->filled), &key);
    return loam_btree_replace(&s->tree, key.at, NULL, NULL, NULL, NULL) != NULL;
}

static bool run_upsert_old(subject *s)
{
    tree_bytes key;

    if (s->filled == 0)
        return true;
    key_of(s, 2 * (s->at % s->filled), &key);
    return loam_btree_upsert(&s->tree, key.at, NULL) != NULL;
}

static bool run_erase(subject *s)
{
    tree_bytes key;

    if (s->filled == 0)
        return true;
    key_of(s, 2 * (s->at % s->filled), &key);
    return loam_btree_erase(&s->tree, key.at);
}

static bool run_take(subject *s)
{
    tree_bytes key;

    if (s->filled == 0)
        return true;
    key_of(s, 2 * (s->at % s->filled), &key);
    return loam_btree_take(&s->tree, key.at, key.at, NULL);
}

static bool run_pop(subject *s)
{
    if (s->filled == 0)
        return true;
    return s->at % 2 ? loam_btree_pop_first(&s->tree, NULL, NULL)
                     : loam_btree_pop_last(&s->tree, NULL, NULL);
}

static bool run_cursor_erase(subject *s)
{
    loam_btree_cursor at;
    tree_bytes key;

    if (s->filled == 0)
        return true;
    key_of(s, 2 * (s->at % s->filled), &key);
    (void)loam_btree_cursor_seek_lower(&at, &s->tree, key.at);
    return loam_btree_cursor_erase_next(&at, NULL);
}

static bool run_own(subject *s)
{
    loam_btree_cursor at;
    tree_bytes key;

    if (s->filled == 0)
        return true;
    key_of(s, 2 * (s->at % s->filled), &key);
    (void)loam_btree_cursor_seek_lower(&at, &s->tree, key.at);
    return loam_btree_cursor_own(&at).key != NULL;
}

static bool run_erase_range(subject *s)
{
    size_t erased = 0;
    tree_bytes from, to;

    if (s->filled < 2)
        return true;
    key_of(s, s->at, &from);
    key_of(s, s->at + s->filled, &to);
    return loam_btree_erase_range(&s->tree, from.at, to.at, &erased);
}

static bool run_split(subject *s)
{
    tree_bytes key;

    key_of(s, 2 * s->at + 1, &key);
    s->has_other = loam_btree_split(&s->tree, key.at, &s->other);
    return s->has_other;
}

static bool run_copy(subject *s)
{
    s->has_other = loam_btree_copy(&s->tree, s->allocator, &s->other);
    return s->has_other;
}

/* Two are taken and changed. */
static bool run_snapshot(subject *s)
{
    s->has_other = loam_btree_snapshot(&s->tree, &s->other);
    return s->has_other;
}

/* What is made of a tree that has a snapshot already is looked at, and ends at once. */
static bool look_and_end(subject *s, loam_btree *made, size_t count)
{
    expect_good(s, made);
    EXPECT_EQ(loam_btree_count(made), count);
    loam_btree_deinit(made);
    return true;
}

static bool run_split_off(subject *s)
{
    loam_btree right;
    tree_bytes key;

    key_of(s, 2 * s->at + 1, &key);
    return loam_btree_split(&s->tree, key.at, &right) &&
           look_and_end(s, &right, s->filled - loam_btree_count(&s->tree));
}

static bool run_copy_off(subject *s)
{
    loam_btree made;

    return loam_btree_copy(&s->tree, s->allocator, &made) && look_and_end(s, &made, s->filled);
}

static bool run_snapshot_off(subject *s)
{
    loam_btree made;

    return loam_btree_snapshot(&s->tree, &made) && look_and_end(s, &made, s->filled);
}

/* Numbers behind those of the tree, from a tree of another source. */
static bool run_join(subject *s)
{
    bool good = true, joined;
    loam_btree right;

    tree_form_begin(s->form, &right, loam_libc_allocator());
    for (size_t i = 0; i < FEW; i++) {
        tree_bytes key;

        key_of(s, 2 * s->filled + i, &key);
        good = good && loam_btree_insert(&right, key.at, NULL, NULL);
    }
    EXPECT(good);
    joined = loam_btree_join(&s->tree, &right);
    EXPECT_EQ(loam_btree_count(&right), joined ? 0 : FEW);
    expect_good(s, &right);
    loam_btree_deinit(&right);
    return joined;
}

#include "btree/fail_more.h"

static bool next_number(void *context, const void **key, const void **value)
{
    static tree_bytes bytes;
    subject *s = (subject *)context;

    if (s->count == s->at)
        return false;
    key_of(s, s->count++, &bytes);
    *key = bytes.at;
    *value = NULL;
    return true;
}

static bool run_load(subject *s)
{
    bool loaded;

    s->count = 0;
    loaded = loam_btree_load(&s->tree, next_number, s, 70);
    s->count = 0;
    return loaded;
}

/* From an array, and where keys are texts also from their addresses. */
static bool run_load_array(subject *s)
{
    static tree_bytes keys[MOST / 2], values[MOST / 2];
    const char *texts[MOST / 2];
    unsigned char *to = keys[0].at;

    for (size_t i = 0; i < s->at; i++) {
        tree_bytes key;

        key_of(s, i, &key);
        memcpy(to + i * s->tree.layout.key_size, key.at, s->tree.layout.key_size);
        if (s->form->type.kind == LOAM_BTREE_TEXT)
            memcpy(&texts[i], key.at + offsetof(loam_btree_text, text), sizeof texts[i]);
    }
    if (s->form->type.kind == LOAM_BTREE_TEXT && s->at % 2)
        return loam_btree_load_texts(&s->tree, texts, values, s->at, 70);
    return loam_btree_load_array(&s->tree, to, values, s->at, 70);
}

static const verb verbs[] = {
    {"insert", run_insert, false, false, true},
    {"upsert", run_upsert, false, false, true},
    {"replace", run_replace, false, false, true},
    {"insert at a cursor", run_cursor_insert, false, false, true},
    {"split", run_split, false, false, false},
    {"copy", run_copy, false, false, false},
    {"snapshot", run_snapshot, false, false, false},
    {"join", run_join, false, false, true},
    {"merge", run_merge, false, false, true},
    {"copy what owns", run_copy_owned, false, false, false},
    {"compact", run_compact, false, false, false},
    {"insert, shared", run_insert, true, false, true},
    {"replace, shared", run_replace, true, false, true},
    {"insert at a cursor, shared", run_cursor_insert, true, false, true},
    {"replace an old one, shared", run_replace_old, true, false, false},
    {"upsert an old one, shared", run_upsert_old, true, false, false},
    {"erase, shared", run_erase, true, false, false},
    {"take, shared", run_take, true, false, false},
    {"pop, shared", run_pop, true, false, false},
    {"erase at a cursor, shared", run_cursor_erase, true, false, false},
    {"own, shared", run_own, true, false, false},
    {"erase a range, shared", run_erase_range, true, false, false},
    {"erase up to a cursor, shared", run_erase_to, true, false, false},
    {"erase all, shared", run_erase_all, true, false, false},
    {"join, shared", run_join, true, false, true},
    {"split, shared", run_split_off, true, false, false},
    {"copy, shared", run_copy_off, true, false, false},
    {"compact, shared", run_compact, true, true, false},
    {"snapshot, shared", run_snapshot_off, true, true, false},
    {"merge, shared", run_merge, true, false, true},
    {"erase", run_erase, false, true, false},
    {"take", run_take, false, true, false},
    {"pop", run_pop, false, true, false},
    {"erase at a cursor", run_cursor_erase, false, true, false},
    {"erase a range", run_erase_range, false, true, false},
    {"erase up to a cursor", run_erase_to, false, true, false},
    {"erase all", run_erase_all, false, true, false},
    {"retain", run_retain, false, true, false},
    {"replace an old one", run_replace_old, false, true, false},
    {"upsert an old one", run_upsert_old, false, true, false},
    {"own", run_own, false, true, false},
};

/* Returns how many calls were refused. */
static size_t fail_one(const verb *what, const tree_form *form, size_t filled, size_t at,
                       unsigned flags)
{
    subject s = {.what = what, .form = form, .filled = filled, .at = at};
    fail_each_scenario scenario = {.name = what->name,
                                   .context = &s,
                                   .flags = flags,
                                   .begin = begin,
                                   .step = step,
                                   .check = check,
                                   .end = end};

    return fail_each_allocation(&scenario);
}

/* Each verb at each place that a tree of so many levels has. */
static void fail_all(tree_forms which, size_t most, size_t stride)
{
    for (size_t v = 0; v < sizeof verbs / sizeof *verbs; v++) {
        size_t refused = 0;

        for (size_t filled = 0; filled <= most; filled += filled < 8 ? 1 : stride) {
            for (size_t at = 0; at <= filled; at += 1 + filled / 3)
                refused += fail_one(&verbs[v], tree_form_of(which), filled, at, 0);
        }
        EXPECT_EQ(refused == 0, verbs[v].never);
    }
}

TEST(nodes_of_the_least_size, fast)
{
    fail_all(FORM_U64_LEAST, 60, 17);
}

TEST(nodes_of_the_least_size_at_length, slow)
{
    fail_all(FORM_U64_LEAST, MOST, 7);
}

TEST(with_order_statistics, fast)
{
    fail_all(FORM_U64_COUNTED, 80, 19);
}

TEST(texts, fast)
{
    fail_all(FORM_TEXT_LEAST, 40, 11);
}

TEST(sets, fast)
{
    fail_all(FORM_BYTE_SET, 60, 17);
}

TEST(usual_nodes, fast)
{
    fail_all(FORM_F64, 130, 61);
}

/* Over sources whose caches hold blocks, and over one that does not reclaim. */
TEST(other_sources, fast)
{
    for (size_t v = 0; v < sizeof verbs / sizeof *verbs; v++) {
        for (size_t at = 0; at <= 50; at += 17) {
            (void)fail_one(&verbs[v], tree_form_of(FORM_U64_LEAST), 50, at, FAIL_EACH_INEXACT);
            (void)fail_one(&verbs[v], tree_form_of(FORM_U64_LEAST), 50, at,
                           FAIL_EACH_INEXACT | FAIL_EACH_NO_RECLAIM);
        }
    }
}

TEST(load, fast)
{
    static const verb what = {"load", run_load, false, false, false};

    for (size_t at = 1; at < 100; at += 7)
        EXPECT(fail_one(&what, tree_form_of(FORM_U64_LEAST), 0, at, 0) > 0);
}

TEST(load_array, fast)
{
    static const verb what = {"load_array", run_load_array, false, false, false};
    static const tree_forms which[] = {FORM_U64_LEAST,  FORM_U64_COUNTED, FORM_I32,
                                       FORM_TEXT_LEAST, FORM_TAGGED,      FORM_BYTE_SET};

    for (size_t f = 0; f < sizeof which / sizeof *which; f++) {
        for (size_t at = 1; at < 60; at += 3)
            EXPECT(fail_one(&what, tree_form_of(which[f]), 0, at, 0) > 0);
    }
}

/* ---- trees of the allocator ---- */

typedef struct created {
    loam_allocator allocator;
    loam_btree *tree;
} created;

static void begin_none(void *context, loam_allocator allocator)
{
    created *c = (created *)context;

    c->allocator = allocator;
    c->tree = NULL;
}

static bool create(void *context)
{
    created *c = (created *)context;

    c->tree = loam_btree_create(c->allocator, &tree_form_of(FORM_U64)->type, NULL);
    return c->tree != NULL;
}

static void destroy(void *context)
{
    created *c = (created *)context;

    loam_btree_destroy(c->tree);
    loam_btree_destroy(NULL);
}

TEST(create, fast)
{
    created c;
    fail_each_scenario scenario = {
        .name = "create", .context = &c, .begin = begin_none, .step = create, .end = destroy};

    EXPECT(fail_each_allocation(&scenario) > 0);
}

TEST_MAIN
