/* test_whole.c: the operations on trees as a whole, against sorted arrays: several trees that are split,
 * joined, copied and shared while memory is refused now and then. After each operation all trees are checked
 * and compared, since a mistake about a shared node shows in another tree.
 */
#include <loam/btree_core.h>

#include "support/ground.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 5, MOST = 600 };

/* ---- entries of several forms ---- */

typedef struct form {
    const char *name;
    loam_btree_type type;
    bool multi;
    bool counted;
} form;

static int compare_first(void *context, const void *a, const void *b)
{
    uint64_t x;
    uint64_t y;

    (void)context;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static const form forms[] = {
    {"u64 least",
     {.kind = LOAM_BTREE_U64, .value_size = 8, .leaf_entries = 2, .inner_keys = 3},
     false,
     false},
    {"u64 least counted",
     {.kind = LOAM_BTREE_U64, .value_size = 8, .leaf_entries = 2, .inner_keys = 3},
     false,
     true},
    {"u64 multi",
     {.kind = LOAM_BTREE_U64, .value_size = 8, .leaf_entries = 3, .inner_keys = 3},
     true,
     false},
    {"u64 multi counted",
     {.kind = LOAM_BTREE_U64, .value_size = 8, .leaf_entries = 4, .inner_keys = 4},
     true,
     true},
    {"set of 24 bytes",
     {.key_size = 24, .compare = compare_first, .leaf_entries = 5, .inner_keys = 5},
     false,
     true},
    {"aligned to 128",
     {.key_size = 128,
      .key_align = 128,
      .value_size = 3,
      .compare = compare_first,
      .leaf_entries = 3,
      .inner_keys = 4},
     true,
     true},
    {"i64 and 100 bytes",
     {.kind = LOAM_BTREE_I64, .value_size = 100, .leaf_entries = 7, .inner_keys = 6},
     false,
     false},
    {"u64 usual", {.kind = LOAM_BTREE_U64, .value_size = 8}, true, false},
    {"f64 usual counted", {.kind = LOAM_BTREE_F64, .value_size = 4}, false, true},
};

typedef struct pair {
    uint64_t key;
    uint64_t value;
} pair;

typedef struct slot {
    bool used;
    loam_btree tree;
    size_t count;
    pair pairs[MOST];
} slot;

typedef struct world {
    const form *form;
    test_rng rng;
    ground ground;
    ground other; /* Where some trees stand. */
    slot slots[SLOTS];
    uint64_t serial;
    uint64_t keys;
} world;

typedef union bytes {
    unsigned char at[256];
    uint64_t word;
    double real;
} bytes;

static void put_key(const world *w, bytes *to, uint64_t key)
{
    memset(to, 0x5a, sizeof *to);
    if (w->form->type.kind == LOAM_BTREE_F64)
        to->real = (double)key;
    else
        to->word = key;
}

static void put_value(const world *w, bytes *to, uint64_t value)
{
    (void)w;
    memset(to, (int)(value & 0xff), sizeof *to);
    to->word = value;
}

static void expect_entry(const world *w, loam_btree_entry entry, const pair *want)
{
    const loam_btree_type *t = &w->form->type;
    bytes b;

    EXPECT(entry.key != NULL);
    put_key(w, &b, want->key);
    EXPECT(memcmp(entry.key, &b, t->key_size ? t->key_size : 8) == 0);
    put_value(w, &b, want->value);
    if (t->value_size)
        EXPECT(memcmp(entry.value, &b, t->value_size) == 0);
}

static void complain(void *context, const char *property, const void *where)
{
    (void)where;
    TEST_FAIL("%s: %s", (const char *)context, property);
}

static void look(world *w, slot *s)
{
    loam_btree_cursor at;

    EXPECT(loam_btree_check(&s->tree, complain, (void *)(uintptr_t)w->form->name));
    EXPECT_EQ(loam_btree_count(&s->tree), s->count);
    loam_btree_cursor_seek_first(&at, &s->tree);
    for (size_t i = 0; i < s->count; i++)
        expect_entry(w, loam_btree_cursor_next(&at), &s->pairs[i]);
    EXPECT(loam_btree_cursor_next(&at).key == NULL);
}

/* ---- the model ---- */

static size_t lower(const slot *s, uint64_t key)
{
    size_t i = 0;

    while (i < s->count && s->pairs[i].key < key)
        i++;
    return i;
}

static size_t upper(const slot *s, uint64_t key)
{
    size_t i = 0;

    while (i < s->count && s->pairs[i].key <= key)
        i++;
    return i;
}

static void model_put(slot *s, size_t at, pair p)
{
    memmove(s->pairs + at + 1, s->pairs + at, (s->count - at) * sizeof(pair));
    s->pairs[at] = p;
    s->count++;
}

static void model_cut(slot *s, size_t from, size_t to)
{
    if (from >= to)
        return;
    memmove(s->pairs + from, s->pairs + to, (s->count - to) * sizeof(pair));
    s->count -= to - from;
}

static slot *some(world *w, bool used)
{
    size_t from = (size_t)test_rng_below(&w->rng, SLOTS);

    for (size_t i = 0; i < SLOTS; i++) {
        slot *s = &w->slots[(from + i) % SLOTS];

        if (s->used == used)
            return s;
    }
    return NULL;
}

static void plant(world *w, slot *s)
{
    loam_btree_options options = {.multi = w->form->multi, .order_statistics = w->form->counted};
    ground *g = test_rng_one_in(&w->rng, 4) ? &w->other : &w->ground;

    EXPECT(loam_btree_init(&s->tree, ground_allocator(g), &w->form->type, &options));
    s->used = true;
    s->count = 0;
}

/* Refuses all memory one time of four. */
static bool press(world *w)
{
    bool on = test_rng_one_in(&w->rng, 4);

    ground_press(&w->ground, on);
    ground_press(&w->other, on);
    return on;
}

static bool refused(const world *w)
{
    return loam_failing_failed(&w->ground.failing, LOAM_FAILING_ALLOC) +
               loam_failing_failed(&w->other.failing, LOAM_FAILING_ALLOC) >
           0;
}

static size_t calls(const world *w)
{
    return loam_failing_calls(&w->ground.failing, LOAM_FAILING_ALLOC) +
           loam_failing_calls(&w->other.failing, LOAM_FAILING_ALLOC);
}

/* ---- operations ---- */

static void do_insert(world *w, slot *s)
{
    size_t n = (size_t)test_rng_below(&w->rng, 30);
    bool ascending = test_rng_one_in(&w->rng, 2);
    uint64_t next = s->count && test_rng_one_in(&w->rng, 2)
                        ? s->pairs[s->count - 1].key
                        : (size_t)test_rng_below(&w->rng, w->keys);

    for (size_t i = 0; i < n && s->count < MOST / 2; i++) {
        pair p = {ascending ? next++ : (size_t)test_rng_below(&w->rng, w->keys), w->serial++};
        size_t at = upper(s, p.key);
        bool there = at > 0 && s->pairs[at - 1].key == p.key;
        bytes key;
        bytes value;
        bool added;

        put_key(w, &key, p.key);
        put_value(w, &value, p.value);
        if (!loam_btree_insert(&s->tree, &key, &value, &added)) {
            EXPECT(refused(w));
            continue;
        }
        EXPECT_EQ(added, w->form->multi || !there);
        if (added)
            model_put(s, at, p);
    }
}

static void do_erase(world *w, slot *s)
{
    size_t n = (size_t)test_rng_below(&w->rng, 20);

    for (size_t i = 0; i < n; i++) {
        uint64_t key = (size_t)test_rng_below(&w->rng, w->keys);
        size_t at = lower(s, key);
        bool there = at < s->count && s->pairs[at].key == key;
        bytes b;

        put_key(w, &b, key);
        if (loam_btree_erase(&s->tree, &b)) {
            EXPECT(there);
            model_cut(s, at, at + 1);
        } else {
            EXPECT(!there || refused(w));
        }
    }
}

static void do_erase_range(world *w, slot *s)
{
    uint64_t from = (size_t)test_rng_below(&w->rng, w->keys + 1);
    uint64_t to =
        from + (size_t)test_rng_below(&w->rng, test_rng_one_in(&w->rng, 2) ? 8 : w->keys + 1);
    bool no_from = test_rng_one_in(&w->rng, 8);
    bool no_to = test_rng_one_in(&w->rng, 8);
    size_t a = no_from ? 0 : lower(s, from);
    size_t b = no_to ? s->count : lower(s, to);
    size_t erased = 12345;
    bytes x;
    bytes y;

    if (test_rng_one_in(&w->rng, 20)) {
        uint64_t t = from;

        from = to;
        to = t;
        a = no_from ? 0 : lower(s, from);
        b = no_to ? s->count : lower(s, to);
    }
    size_t before = calls(w);
    bool shares = (s->tree.flags & LOAM_BTREE_SHARES_) != 0;

    put_key(w, &x, from);
    put_key(w, &y, to);
    EXPECT_EQ(loam_btree_count_range(&s->tree, no_from ? NULL : &x, no_to ? NULL : &y),
              a < b ? b - a : 0);
    if (!loam_btree_erase_range(&s->tree, no_from ? NULL : &x, no_to ? NULL : &y, &erased)) {
        EXPECT(refused(w));
        return;
    }
    EXPECT_EQ(erased, a < b ? b - a : 0);
    EXPECT(shares || calls(w) == before);
    model_cut(s, a, b);
}

static void do_split(world *w, slot *s)
{
    slot *right = some(w, false);
    uint64_t key = (size_t)test_rng_below(&w->rng, w->keys + 1);
    size_t at = lower(s, key);
    bytes b;

    if (!right)
        return;
    put_key(w, &b, key);
    if (!loam_btree_split(&s->tree, &b, &right->tree)) {
        EXPECT(refused(w));
        return;
    }
    right->used = true;
    right->count = s->count - at;
    memcpy(right->pairs, s->pairs + at, right->count * sizeof(pair));
    s->count = at;
}

static bool fits_behind(const world *w, const slot *left, const slot *right)
{
    uint64_t last;

    if (left->count == 0 || right->count == 0)
        return true;
    last = left->pairs[left->count - 1].key;
    return right->pairs[0].key > last || (w->form->multi && right->pairs[0].key == last);
}

static void do_join(world *w, slot *s)
{
    slot *right = some(w, true);
    bool good;

    for (size_t i = 0; i < SLOTS && !(right != s && fits_behind(w, s, right)); i++) {
        if (w->slots[i].used)
            right = &w->slots[i];
    }
    if (s->count + right->count > MOST)
        return;
    good = fits_behind(w, s, right) && (s != right || s->count == 0);
    if (!loam_btree_join(&s->tree, &right->tree)) {
        EXPECT(!good || refused(w));
        return;
    }
    EXPECT(good);
    memcpy(s->pairs + s->count, right->pairs, right->count * sizeof(pair));
    if (s != right) {
        s->count += right->count;
        right->count = 0;
    }
}

static void do_twin(world *w, slot *s, bool snapshot)
{
    slot *twin = some(w, false);
    loam_allocator to = ground_allocator(test_rng_one_in(&w->rng, 2) ? &w->ground : &w->other);

    if (!twin)
        return;
    if (snapshot ? !loam_btree_snapshot(&s->tree, &twin->tree)
                 : !loam_btree_copy(&s->tree, to, &twin->tree)) {
        EXPECT(refused(w));
        return;
    }
    twin->used = true;
    twin->count = s->count;
    memcpy(twin->pairs, s->pairs, s->count * sizeof(pair));
}

typedef struct feed {
    world *w;
    slot *s;
    size_t at;
    bytes key;
    bytes value;
} feed;

static bool feed_next(void *context, const void **key, const void **value)
{
    feed *f = context;
    const pair *p = &f->s->pairs[f->at];

    if (f->at++ == f->s->count)
        return false;
    put_key(f->w, &f->key, p->key);
    put_value(f->w, &f->value, p->value);
    *key = &f->key;
    *value = &f->value;
    return true;
}

static void do_load(world *w, slot *s)
{
    feed f = {.w = w, .s = s};
    uint64_t step = w->keys / (1 + (size_t)test_rng_below(&w->rng, 300)) + 1;
    bool wrong = test_rng_one_in(&w->rng, 5);
    bool was_empty = loam_btree_count(&s->tree) == 0;
    slot old = *s;

    if (was_empty) {
        s->count = 0;
        for (uint64_t key = (size_t)test_rng_below(&w->rng, step + 1);
             key < w->keys && s->count < MOST / 2;
             key += w->form->multi ? (size_t)test_rng_below(&w->rng, step + 1) : step)
            s->pairs[s->count++] = (pair){key, w->serial++};
        if (wrong && s->count > 2) {
            pair p = s->pairs[s->count / 2];

            s->pairs[s->count / 2] = s->pairs[s->count / 2 - 1];
            s->pairs[s->count / 2 - 1] = p;
            wrong = p.key != s->pairs[s->count / 2].key;
        } else {
            wrong = false;
        }
    }
    if (!loam_btree_load(&s->tree, feed_next, &f, (unsigned)(size_t)test_rng_below(&w->rng, 101))) {
        EXPECT(wrong || !was_empty || refused(w));
        s->count = old.count;
        memcpy(s->pairs, old.pairs, sizeof s->pairs);
        return;
    }
    EXPECT(was_empty && !wrong);
}

static bool sparse(void *context, const void *node)
{
    (void)node;
    return !test_rng_one_in(context, 3);
}

static void do_compact(world *w, slot *s)
{
    size_t position = 0;
    size_t budget = 1 + (size_t)test_rng_below(&w->rng, 20);
    size_t steps = 0;
    loam_btree_figures figures;

    loam_btree_measure(&s->tree, &figures);
    do {
        (void)loam_btree_compact_step(&s->tree, budget, sparse, &w->rng, &position);
        EXPECT(++steps < 10000 || refused(w));
    } while (position != 0 && !refused(w));
    if (!refused(w))
        EXPECT_LE(steps, (figures.leaves + figures.inner_nodes) / budget + 1);
}

static void do_order(world *w, slot *s)
{
    for (size_t i = 0; i < 10; i++) {
        uint64_t key = (size_t)test_rng_below(&w->rng, w->keys + 1);
        size_t n = (size_t)test_rng_below(&w->rng, s->count + 2);
        loam_btree_cursor at;
        bytes b;

        put_key(w, &b, key);
        EXPECT_EQ(loam_btree_rank(&s->tree, &b), lower(s, key));
        if (n < s->count)
            expect_entry(w, loam_btree_nth(&s->tree, n), &s->pairs[n]);
        else
            EXPECT(loam_btree_nth(&s->tree, n).key == NULL);
        loam_btree_cursor_seek_nth(&at, &s->tree, n);
        EXPECT_EQ(loam_btree_cursor_rank(&at), n < s->count ? n : s->count);
    }
}

static void do_one(world *w)
{
    slot *s = some(w, true);

    if (!s || test_rng_one_in(&w->rng, 20)) {
        slot *fresh = some(w, false);

        if (fresh) {
            plant(w, fresh);
            s = fresh;
        }
    }
    (void)press(w);
    switch ((size_t)test_rng_below(&w->rng, 16)) {
    case 0:
    case 1:
    case 2:
        do_insert(w, s);
        break;
    case 3:
        do_erase(w, s);
        break;
    case 4:
    case 5:
        do_erase_range(w, s);
        break;
    case 6:
    case 7:
        do_split(w, s);
        break;
    case 8:
    case 9:
        do_join(w, s);
        break;
    case 10:
        do_twin(w, s, true);
        break;
    case 11:
        do_twin(w, s, false);
        break;
    case 12:
        do_load(w, s);
        break;
    case 13:
        do_compact(w, s);
        break;
    case 14:
        do_order(w, s);
        break;
    default:
        loam_btree_deinit(&s->tree);
        s->used = false;
        s->count = 0;
    }
    ground_press(&w->ground, false);
    ground_press(&w->other, false);
}

static void play(const form *f, ground_kind kind, bool exact, uint64_t seed, size_t steps)
{
    world *w = calloc(1, sizeof *w);

    EXPECT(w != NULL);
    w->form = f;
    test_rng_init(&w->rng, seed);
    w->keys = 10 + (size_t)test_rng_below(&w->rng, 400);
    ground_init(&w->ground, kind, exact);
    ground_init(&w->other, kind, exact);
    for (size_t i = 0; i < steps; i++) {
        test_note("%s, step %zu", f->name, i);
        do_one(w);
        for (size_t j = 0; j < SLOTS; j++) {
            if (w->slots[j].used)
                look(w, &w->slots[j]);
        }
    }
    for (size_t j = 0; j < SLOTS; j++) {
        if (w->slots[j].used)
            loam_btree_deinit(&w->slots[j].tree);
    }
    if (kind != GROUND_BUMP) {
        EXPECT_EQ(ground_blocks(&w->ground), 0);
        EXPECT_EQ(ground_blocks(&w->other), 0);
    }
    ground_deinit(&w->ground);
    ground_deinit(&w->other);
    free(w);
    test_note(NULL);
}

static void play_all(ground_kind kind, bool exact, size_t steps)
{
    uint64_t seed = test_seed();

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        play(&forms[i], kind, exact, seed + i, test_bound("LOAM_TEST_STEPS", steps));
}

TEST(whole_trees_over_libc, fast)
{
    play_all(GROUND_LIBC, true, 800);
}

TEST(whole_trees_over_checked, fast)
{
    play_all(GROUND_CHECKED, true, 400);
}

TEST(whole_trees_over_bump, fast)
{
    play_all(GROUND_BUMP, false, 400);
}

TEST_MAIN
