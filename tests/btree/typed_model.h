/* typed_model.h: the model of a typed tree: random operations through the functions that a
 * LOAM_BTREE_DEFINE made, against a sorted array, in C and in C++. Included once for each type:
 *
 *     TYPED           the type's name
 *     TYPED_NUMBERS   how many keys there are
 *     TYPED_PASSED    the type of keys as functions take them
 *     TYPED_KEY(n)    the key of a number, as the functions take it
 *     TYPED_IS(k, n)  whether the key at `k` is that of the number
 *     TYPED_VALUE     the type of values; not defined for sets
 *     TYPED_MAKE(v)   the value of a version
 *     TYPED_SAME(a, v) whether the value at `a` is that of the version
 *     TYPED_INIT(t, a, o)  begins a tree; not defined where that is the type's _init
 *
 * It makes `static void <TYPED>_model(const loam_btree_options *options, size_t steps)`.
 */
#include "support/test.h"

#include <loam/adapters.h>
#include <loam/btree_typed.h>

#define TYPED_PASTE_(a, b) a##_##b
#define TYPED_PASTE(a, b)  TYPED_PASTE_(a, b)
#define DO(verb)           TYPED_PASTE(TYPED, verb)
#define OWN(what)          TYPED_PASTE(TYPED, model_##what)

#ifndef LOAM_TEST_TYPED_MODEL_H
#define LOAM_TEST_TYPED_MODEL_H

enum { TYPED_MOST = 4000 };

/* The name may be a macro. */
#define TYPED_EACH(name, it, tree)               LOAM_BTREE_EACH(name, it, tree)
#define TYPED_EACH_BACK(name, it, tree)          LOAM_BTREE_EACH_BACK(name, it, tree)
#define TYPED_EACH_FROM(name, it, tree, from)    LOAM_BTREE_EACH_FROM(name, it, tree, from)
#define TYPED_EACH_IN(name, it, tree, from, to)  LOAM_BTREE_EACH_IN(name, it, tree, from, to)
#define TYPED_EACH_EQUAL(name, it, tree, number) LOAM_BTREE_EACH_EQUAL(name, it, tree, number)

typedef struct typed_pair {
    size_t number;
    size_t version;
} typed_pair;

#endif

typedef struct OWN(state) {
    TYPED tree;
    bool multi;
    size_t count;
    size_t last_version;
    loam_allocator allocator;
    test_rng rng;
    typed_pair pairs[TYPED_MOST];
    bool has_twin; /* a snapshot */
    TYPED twin;
    size_t twin_count;
    typed_pair twin_pairs[TYPED_MOST];
} OWN(state);

static size_t OWN(bound)(const OWN(state) * m, size_t number, bool upto)
{
    size_t low = 0, high = m->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (m->pairs[middle].number < number || (upto && m->pairs[middle].number == number))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void OWN(put)(OWN(state) * m, size_t at, size_t number, size_t version)
{
    EXPECT(m->count < TYPED_MOST);
    memmove(m->pairs + at + 1, m->pairs + at, (m->count - at) * sizeof *m->pairs);
    m->pairs[at].number = number;
    m->pairs[at].version = version;
    m->count++;
}

static void OWN(cut)(OWN(state) * m, size_t at)
{
    memmove(m->pairs + at, m->pairs + at + 1, (m->count - at - 1) * sizeof *m->pairs);
    m->count--;
}

static size_t OWN(number)(OWN(state) * m)
{
    if (m->count > 0 && test_rng_one_in(&m->rng, 2))
        return m->pairs[(size_t)test_rng_below(&m->rng, m->count)].number;
    return (size_t)test_rng_below(&m->rng, TYPED_NUMBERS);
}

/* The entry is that of the model at `at`; none iff that is no place in it. */
static void OWN(expect)(const OWN(state) * m, DO(entry) entry, size_t at)
{
    if (at >= m->count) {
        EXPECT(entry.key == NULL);
        return;
    }
    EXPECT(entry.key != NULL && TYPED_IS(entry.key, m->pairs[at].number));
#ifdef TYPED_VALUE
    EXPECT(TYPED_SAME(entry.value, m->pairs[at].version));
#endif
}

static void OWN(expect_all)(OWN(state) * m)
{
    size_t at = 0;
    loam_btree_cursor cursor;

    EXPECT_EQ(DO(count)(&m->tree), m->count);
    EXPECT(DO(check)(&m->tree, NULL, NULL));
    TYPED_EACH(TYPED, it, &m->tree)
    OWN(expect)(m, it, at++);
    EXPECT_EQ(at, m->count);
    DO(cursor_seek_last)(&cursor, &m->tree);
    while (at-- > 0)
        OWN(expect)(m, DO(cursor_prev)(&cursor), at);
    EXPECT(DO(cursor_prev)(&cursor).key == NULL);
}

static void OWN(insert_number)(OWN(state) * m, size_t number)
{
    size_t version = ++m->last_version;
    size_t at = OWN(bound)(m, number, true);
    bool there = !m->multi && at > 0 && m->pairs[at - 1].number == number, added = there;

#ifdef TYPED_VALUE
    TYPED_VALUE *value = DO(insert)(&m->tree, TYPED_KEY(number), TYPED_MAKE(version), &added);

    EXPECT(value != NULL && TYPED_SAME(value, there ? m->pairs[at - 1].version : version));
#else
    EXPECT(TYPED_IS(DO(insert)(&m->tree, TYPED_KEY(number), &added), number));
#endif
    EXPECT_EQ(added, !there);
    if (!there)
        OWN(put)(m, at, number, version);
}

static void OWN(insert)(OWN(state) * m)
{
    OWN(insert_number)(m, OWN(number)(m));
}

static void OWN(replace)(OWN(state) * m)
{
    size_t number = OWN(number)(m), version = ++m->last_version;
    size_t at = OWN(bound)(m, number, false);
    bool there = at < m->count && m->pairs[at].number == number, added = there;

#ifdef TYPED_VALUE
    TYPED_VALUE *value, old;

    value = DO(replace)(&m->tree, TYPED_KEY(number), TYPED_MAKE(version), NULL, &old, &added);
    EXPECT(value != NULL && TYPED_SAME(value, version));
    EXPECT(!there || TYPED_SAME(&old, m->pairs[at].version));
#else
    EXPECT(TYPED_IS(DO(replace)(&m->tree, TYPED_KEY(number), NULL, &added), number));
#endif
    EXPECT_EQ(added, !there);
    if (there)
        m->pairs[at].version = version;
    else
        OWN(put)(m, at, number, version);
}

static void OWN(upsert)(OWN(state) * m)
{
#ifdef TYPED_VALUE
    size_t number = OWN(number)(m), version = ++m->last_version;
    size_t at = OWN(bound)(m, number, false);
    bool there = at < m->count && m->pairs[at].number == number, added = there;
    TYPED_VALUE *value = DO(upsert)(&m->tree, TYPED_KEY(number), &added);
    static const unsigned char zeros[sizeof(TYPED_VALUE)] = {0};

    EXPECT(value != NULL && added == !there);
    EXPECT(there ? TYPED_SAME(value, m->pairs[at].version)
                 : memcmp(value, zeros, sizeof zeros) == 0);
    *value = TYPED_MAKE(version);
    if (there)
        m->pairs[at].version = version;
    else
        OWN(put)(m, at, number, version);
#else
    OWN(insert)(m);
#endif
}

static void OWN(look)(OWN(state) * m)
{
    size_t number = OWN(number)(m);
    size_t low = OWN(bound)(m, number, false), high = OWN(bound)(m, number, true);
    bool there = low < high;

    EXPECT_EQ(DO(contains)(&m->tree, TYPED_KEY(number)), there);
    EXPECT_EQ(DO(find)(&m->tree, TYPED_KEY(number)) != NULL, there);
    OWN(expect)(m, DO(get)(&m->tree, TYPED_KEY(number)), there ? low : m->count);
    OWN(expect)(m, DO(lower_bound)(&m->tree, TYPED_KEY(number)), low);
    OWN(expect)(m, DO(upper_bound)(&m->tree, TYPED_KEY(number)), high);
    OWN(expect)(m, DO(first)(&m->tree), 0);
    OWN(expect)(m, DO(last)(&m->tree), m->count ? m->count - 1 : 0);
}

static void OWN(erase)(OWN(state) * m)
{
    size_t number = OWN(number)(m), at = OWN(bound)(m, number, false);
    bool there = at < m->count && m->pairs[at].number == number;

    EXPECT_EQ(DO(erase)(&m->tree, TYPED_KEY(number)), there);
    if (there)
        OWN(cut)(m, at);
}

static void OWN(take)(OWN(state) * m)
{
    size_t number = OWN(number)(m), at = OWN(bound)(m, number, false);
    bool there = at < m->count && m->pairs[at].number == number;

#ifdef TYPED_VALUE
    TYPED_VALUE old;

    EXPECT_EQ(DO(take)(&m->tree, TYPED_KEY(number), NULL, &old), there);
    EXPECT(!there || TYPED_SAME(&old, m->pairs[at].version));
#else
    EXPECT_EQ(DO(take)(&m->tree, TYPED_KEY(number), NULL), there);
#endif
    if (there)
        OWN(cut)(m, at);
}

static void OWN(pop)(OWN(state) * m)
{
    bool last = test_rng_one_in(&m->rng, 2);
    size_t at = last && m->count ? m->count - 1 : 0;
    bool popped;

#ifdef TYPED_VALUE
    TYPED_VALUE old;

    popped = last ? DO(pop_last)(&m->tree, NULL, &old) : DO(pop_first)(&m->tree, NULL, &old);
    EXPECT(!popped || TYPED_SAME(&old, m->pairs[at].version));
#else
    popped = last ? DO(pop_last)(&m->tree, NULL) : DO(pop_first)(&m->tree, NULL);
#endif
    EXPECT_EQ(popped, m->count > 0);
    if (popped)
        OWN(cut)(m, at);
}

/* A cursor that moves and changes the tree. */
static void OWN(travel)(OWN(state) * m)
{
    size_t number = OWN(number)(m), at = OWN(bound)(m, number, false);
    bool there = at < m->count && m->pairs[at].number == number;
    loam_btree_cursor cursor;
    DO(entry) next;

    EXPECT_EQ(DO(cursor_seek_lower)(&cursor, &m->tree, TYPED_KEY(number)), there);
    if (!there || m->multi) {
        size_t version = ++m->last_version;

#ifdef TYPED_VALUE
        EXPECT(DO(cursor_insert)(&cursor, TYPED_KEY(number), TYPED_MAKE(version)) != NULL);
#else
        EXPECT(DO(cursor_insert)(&cursor, TYPED_KEY(number)) != NULL);
#endif
        OWN(put)(m, at++, number, version);
        OWN(expect)(m, DO(cursor_peek_prev)(&cursor), at - 1);
    }
    for (size_t n = (size_t)test_rng_below(&m->rng, 10); n > 0 && at < m->count; n--)
        OWN(expect)(m, DO(cursor_next)(&cursor), at++);
    OWN(expect)(m, DO(cursor_own)(&cursor), at);
    for (size_t n = (size_t)test_rng_below(&m->rng, 4); n > 0; n--) {
        EXPECT_EQ(DO(cursor_erase_next)(&cursor, &next), at < m->count);
        if (at < m->count)
            OWN(cut)(m, at);
        OWN(expect)(m, next, at);
        EXPECT_EQ(DO(cursor_erase_prev)(&cursor, &next), at > 0);
        if (at > 0)
            OWN(cut)(m, --at);
        OWN(expect)(m, DO(cursor_peek_next)(&cursor), at);
    }
    DO(cursor_seek_upper)(&cursor, &m->tree, TYPED_KEY(number));
    OWN(expect)(m, DO(cursor_peek_next)(&cursor), OWN(bound)(m, number, true));
    DO(cursor_seek_first)(&cursor, &m->tree);
    OWN(expect)(m, DO(cursor_next)(&cursor), 0);
}

/* All entries once more, from arrays; and not while they are there. */
static void OWN(reload)(OWN(state) * m)
{
    static TYPED_PASSED keys[TYPED_MOST];
    unsigned fill = (unsigned)test_rng_below(&m->rng, 101);
    bool loaded[2];

    for (size_t i = 0; i < m->count; i++)
        keys[i] = TYPED_KEY(m->pairs[i].number);
    DO(clear)(&m->tree);
    for (int i = 0; i < 2; i++) {
#ifdef TYPED_VALUE
        static TYPED_VALUE values[TYPED_MOST];

        for (size_t n = 0; n < m->count; n++)
            values[n] = TYPED_MAKE(m->pairs[n].version);
        loaded[i] = DO(load_array)(&m->tree, keys, values, m->count, fill);
#else
        loaded[i] = DO(load_array)(&m->tree, keys, m->count, fill);
#endif
    }
    EXPECT(loaded[0] && loaded[1] == (m->count == 0));
    OWN(expect_all)(m);
}

#include "btree/typed_model_more.h"

static void OWN(step)(OWN(state) * m, bool growing)
{
    switch ((size_t)test_rng_below(&m->rng, 20)) {
    case 0:
    case 1:
    case 2:
        for (int i = 0; i < (growing ? 20 : 2); i++)
            OWN(insert)(m);
        break;
    case 3:
    case 4:
    case 5:
        for (int i = 0; i < (growing ? 2 : 20); i++)
            OWN(erase)(m);
        break;
    case 6:
        OWN(replace)(m);
        break;
    case 7:
    case 8:
        OWN(upsert)(m);
        break;
    case 9:
        OWN(take)(m);
        break;
    case 10:
        OWN(pop)(m);
        break;
    case 11:
    case 12:
        OWN(look)(m);
        break;
    case 13:
        if (test_rng_one_in(&m->rng, 8))
            OWN(reload)(m);
        break;
    case 14:
    case 15:
        OWN(travel)(m);
        break;
    default:
        OWN(more)(m, growing);
    }
}

static void OWN(run)(const loam_btree_options *options, size_t steps)
{
    static OWN(state) m;
    loam_counting counting;
    loam_stats stats;
    bool growing = true;

    loam_counting_init(&counting, loam_libc_allocator());
    m.multi = options && options->multi;
    m.count = 0;
    m.last_version = 0;
    test_rng_init(&m.rng, test_seed());
    m.has_twin = false;
    m.allocator = loam_counting_allocator(&counting);
#ifdef TYPED_INIT
    TYPED_INIT(&m.tree, m.allocator, options);
#else
    DO(init)(&m.tree, m.allocator, options);
#endif
    for (size_t i = 0; i < steps; i++) {
        test_note("step %zu", i);
        if (test_rng_one_in(&m.rng, 60))
            growing = !growing;
        if (m.count > TYPED_MOST / 2)
            growing = false;
        OWN(step)(&m, growing);
        if (i % 16 == 0)
            OWN(expect_all)(&m);
    }
    OWN(expect_all)(&m);
    DO(clear)(&m.tree);
    m.count = 0;
    OWN(expect_all)(&m);
    if (m.has_twin)
        DO(deinit)(&m.twin);
    DO(deinit)(&m.tree);
    loam_counting_stats(&counting, &stats);
    EXPECT_EQ(stats.blocks, 0);
    loam_counting_deinit(&counting);
    test_note(NULL);
}

#undef TYPED_PASTE_
#undef TYPED_PASTE
#undef DO
#undef OWN
#undef TYPED
#undef TYPED_NUMBERS
#undef TYPED_PASSED
#undef TYPED_KEY
#undef TYPED_IS
#undef TYPED_VALUE
#undef TYPED_MAKE
#undef TYPED_SAME
#undef TYPED_INIT
