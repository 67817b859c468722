/* vec_model_algorithms.c: see vec_model.h: what is done to the elements of an array as a whole.
 *
 * The model sorts its numbers by insertion, which is stable; where order among equals is not told,
 * equal elements are the same bytes.
 */
#include "vector/vec_model.h"

/* ---- the model's half ---- */

/* How two elements compare, by number. */
static int compare_keys(uint64_t a, uint64_t b, size_t size)
{
    unsigned char x[MODEL_ELEMENT], y[MODEL_ELEMENT];

    model_make(x, a, size);
    model_make(y, b, size);
    return memcmp(x, y, size);
}

static void sort_keys(model *m)
{
    uint64_t *keys = m->one.keys;

    for (size_t i = 1; i < m->one.count; i++) {
        uint64_t key = keys[i];
        size_t to = i;

        for (; to > 0 && compare_keys(keys[to - 1], key, m->shape.size) > 0; to--)
            keys[to] = keys[to - 1];
        keys[to] = key;
    }
}

/* A few bits of the first byte, so that many are equal that are not the same. */
static int compare_roughly(void *context, const void *a, const void *b)
{
    int x = *(const unsigned char *)a & 7, y = *(const unsigned char *)b & 7;

    (void)context;
    return (x > y) - (x < y);
}

/* Sorts both; whatever is refused, the array is sorted then. */
static void sort_roughly(model *m)
{
    uint64_t *keys = m->one.keys;

    loam_vec_raw_stable_sort(&m->one.vec, compare_roughly, NULL, m->shape.size);
    for (size_t i = 1; i < m->one.count; i++) {
        uint64_t key = keys[i];
        size_t to = i;

        for (; to > 0 && (keys[to - 1] & 7) > (key & 7); to--)
            keys[to] = keys[to - 1];
        keys[to] = key;
    }
    EXPECT(loam_vec_raw_is_sorted(&m->one.vec, compare_roughly, NULL, m->shape.size));
}

/* ---- operations ---- */

static void expect_found(model *m)
{
    size_t size = m->shape.size, at, low, high, i = model_below(m, m->one.count);
    const void *key = model_nth(m, &m->one, i);

    EXPECT(loam_vec_raw_is_sorted(&m->one.vec, model_compare, &size, size));
    EXPECT(loam_vec_raw_search(&m->one.vec, key, model_compare, &size, &at, size));
    low = loam_vec_raw_lower_bound(&m->one.vec, key, model_compare, &size, size);
    high = loam_vec_raw_upper_bound(&m->one.vec, key, model_compare, &size, size);
    EXPECT(at == low && low <= i && i < high && high <= m->one.count);
}

void model_sort(model *m, const loam_vec *before)
{
    size_t size = m->shape.size;

    (void)before;
    if (m->one.count == 0 || !test_rng_one_in(&m->rng, 4))
        return;
    loam_vec_raw_sort(&m->one.vec, model_compare, &size, size);
    sort_keys(m);
    expect_found(m);
}

void model_stable_sort(model *m, const loam_vec *before)
{
    (void)before;
    if (test_rng_one_in(&m->rng, 4))
        sort_roughly(m);
}

/* An element of the array itself too; it comes behind all that equal it. */
void model_insert_sorted(model *m, const loam_vec *before)
{
    size_t n = 1, at = 0;
    const void *x;

    if (m->one.count == m->most || !test_rng_one_in(&m->rng, 2))
        return;
    sort_roughly(m);
    x = model_choose_source(m, &n);
    while (at < m->one.count && (m->one.keys[at] & 7) <= (model_keys[0] & 7))
        at++;
    if (model_done(m, before,
                   loam_vec_raw_insert_sorted(&m->one.vec, compare_roughly, NULL, x, m->shape.size,
                                              m->shape.align)))
        model_insert(&m->one, at, model_keys, 1);
}

/* What the callback tells, and how often it was asked. */
typedef struct question {
    unsigned char mask;
    size_t asked;
} question;

static bool matches(void *context, const void *element)
{
    question *q = (question *)context;

    q->asked++;
    return (*(const unsigned char *)element & q->mask) == 0;
}

void model_erase_if(model *m, const loam_vec *before)
{
    static const unsigned char masks[] = {1, 3, 255, 255, 255, 0};
    question q = {masks[model_below(m, sizeof masks)], 0};
    size_t kept = 0, gone;

    (void)before;
    if (q.mask < 255 && !test_rng_one_in(&m->rng, 8))
        return;
    gone = loam_vec_raw_erase_if(&m->one.vec, matches, &q, m->shape.size);
    EXPECT_EQ(q.asked, m->one.count);
    for (size_t i = 0; i < m->one.count; i++) {
        if (m->one.keys[i] & q.mask)
            m->one.keys[kept++] = m->one.keys[i];
    }
    EXPECT_EQ(gone, m->one.count - kept);
    m->one.count = kept;
}

void model_dedup(model *m, const loam_vec *before)
{
    size_t kept = 0, gone;

    (void)before;
    if (!test_rng_one_in(&m->rng, 4))
        return;
    gone = loam_vec_raw_dedup(&m->one.vec, compare_roughly, NULL, m->shape.size);
    for (size_t i = 0; i < m->one.count; i++) {
        if (kept == 0 || ((m->one.keys[kept - 1] ^ m->one.keys[i]) & 7) != 0)
            m->one.keys[kept++] = m->one.keys[i];
    }
    EXPECT_EQ(gone, m->one.count - kept);
    m->one.count = kept;
}

void model_reverse(model *m, const loam_vec *before)
{
    size_t n = m->one.count;

    (void)before;
    loam_vec_raw_reverse(&m->one.vec, m->shape.size);
    for (size_t i = 0; i < n / 2; i++) {
        uint64_t kept = m->one.keys[i];

        m->one.keys[i] = m->one.keys[n - 1 - i];
        m->one.keys[n - 1 - i] = kept;
    }
}

void model_rotate(model *m, const loam_vec *before)
{
    size_t at = model_position(m), n = m->one.count;

    (void)before;
    EXPECT(loam_vec_raw_rotate(&m->one.vec, at, m->shape.size));
    memcpy(model_keys, m->one.keys, n * sizeof *model_keys);
    for (size_t i = 0; i < n; i++)
        m->one.keys[i] = model_keys[(at + i) % n];
}
