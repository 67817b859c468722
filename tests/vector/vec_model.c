/* vec_model.c: see vec_model.h. */
#include "vector/vec_model.h"

/* Where the size is no multiple of the alignment, only the first element is aligned. */
static const model_shape shapes[] = {{1, 1},   {3, 1},   {8, 8},       {24, 8},
                                     {64, 16}, {64, 64}, {4096, 8},    {4096, 4096},
                                     {4, 4},   {16, 16}, {1500, 2048}, {8, 4096}};

static _Alignas(4096) unsigned char source[MODEL_BYTES];
static uint64_t source_keys[MODEL_MOST];

/* ---- elements ---- */

static unsigned char byte_of(uint64_t key, size_t at)
{
    return (unsigned char)((key >> (8 * (at % 8))) + at / 8);
}

void model_make(void *to, uint64_t key, size_t size)
{
    unsigned char *bytes = (unsigned char *)to;

    for (size_t i = 0; i < size; i++)
        bytes[i] = byte_of(key, i);
}

bool model_is(const void *bytes, uint64_t key, size_t size)
{
    unsigned char wanted[MODEL_ELEMENT];

    model_make(wanted, key, size);
    return memcmp(bytes, wanted, size) == 0;
}

int model_compare(void *context, const void *a, const void *b)
{
    return memcmp(a, b, *(const size_t *)context);
}

static char *nth(const model *m, const model_array *array, size_t at)
{
    return (char *)array->vec.data + at * m->shape.size;
}

/* ---- expectations ---- */

static void report(void *context, const char *property, const void *where)
{
    (void)context;
    (void)where;
    TEST_FAIL("%s", property);
}

static void expect_same(const model *m, const model_array *array)
{
    EXPECT(loam_vec_raw_check(&array->vec, report, NULL, m->shape.size, m->shape.align));
    EXPECT_EQ(array->vec.count, array->count);
    for (size_t i = 0; i < array->count; i++)
        EXPECT(model_is(nth(m, array, i), array->keys[i], m->shape.size));
}

/* What an operation said. False is for refused memory, and then nothing has changed. */
static bool done(const model *m, const loam_vec *before, bool result)
{
    const loam_vec *after = &m->one.vec;

    if (result)
        return true;
    EXPECT(m->pressed || m->ground->may_refuse);
    EXPECT_PTR(after->data, before->data);
    EXPECT_EQ(after->count, before->count);
    EXPECT_EQ(after->cap, before->cap);
    return false;
}

/* ---- the model's half of the operations ---- */

static void model_insert(model_array *array, size_t at, const uint64_t *keys, size_t n)
{
    memmove(array->keys + at + n, array->keys + at, (array->count - at) * sizeof *keys);
    memcpy(array->keys + at, keys, n * sizeof *keys);
    array->count += n;
}

static void model_erase(model_array *array, size_t at, size_t n)
{
    memmove(array->keys + at, array->keys + at + n, (array->count - at - n) * sizeof *array->keys);
    array->count -= n;
}

/* ---- arguments ---- */

static size_t below(model *m, size_t n)
{
    return (size_t)test_rng_below(&m->rng, n);
}

static size_t position(model *m)
{
    switch (below(m, 4)) {
    case 0:
        return 0;
    case 1:
        return m->one.count;
    default:
        return below(m, m->one.count + 1);
    }
}

/* A number of elements that there is room for in the model. */
static size_t amount(model *m)
{
    size_t left = m->most - m->one.count;
    size_t n = test_rng_one_in(&m->rng, 8) ? below(m, left + 1) : below(m, 9);

    return n < left ? n : left;
}

/* `n` elements, or less if they are of the array itself, and their numbers in source_keys. */
static const void *choose_source(model *m, size_t *n)
{
    size_t from;

    if (m->one.count && test_rng_one_in(&m->rng, 2)) {
        from = below(m, m->one.count);
        if (*n > m->one.count - from)
            *n = m->one.count - from;
        memcpy(source_keys, m->one.keys + from, *n * sizeof *source_keys);
        return nth(m, &m->one, from);
    }
    for (size_t i = 0; i < *n; i++) {
        source_keys[i] = m->next_key++ * 0x9E3779B97F4A7C15u;
        model_make(source + i * m->shape.size, source_keys[i], m->shape.size);
    }
    return source;
}

/* Writes new elements where an operation made room, and their numbers. */
static void fill_slots(model *m, void *slots, size_t n)
{
    EXPECT(m->shape.size % m->shape.align || ((uintptr_t)slots & (m->shape.align - 1)) == 0);
    for (size_t i = 0; i < n; i++) {
        source_keys[i] = m->next_key++ * 0x9E3779B97F4A7C15u;
        model_make((char *)slots + i * m->shape.size, source_keys[i], m->shape.size);
    }
}

/* ---- operations; `before` is what the array was ---- */

typedef void operation(model *m, const loam_vec *before);

static void op_push(model *m, const loam_vec *before)
{
    size_t n = 1;
    const void *x;

    if (m->one.count == m->most)
        return;
    x = choose_source(m, &n);
    if (done(m, before, loam_vec_raw_push(&m->one.vec, x, m->shape.size, m->shape.align)))
        model_insert(&m->one, m->one.count, source_keys, 1);
}

static void op_push_n(model *m, const loam_vec *before)
{
    size_t n = amount(m);
    const void *src = choose_source(m, &n);

    if (done(m, before, loam_vec_raw_push_n(&m->one.vec, src, n, m->shape.size, m->shape.align)))
        model_insert(&m->one, m->one.count, source_keys, n);
}

static void op_push_slot(model *m, const loam_vec *before)
{
    void *slot;

    if (m->one.count == m->most)
        return;
    slot = loam_vec_raw_push_slot(&m->one.vec, m->shape.size, m->shape.align);
    if (!done(m, before, slot != NULL))
        return;
    fill_slots(m, slot, 1);
    model_insert(&m->one, m->one.count, source_keys, 1);
}

static void op_push_slots(model *m, const loam_vec *before)
{
    size_t n = amount(m);
    void *slots = loam_vec_raw_push_slots(&m->one.vec, n, m->shape.size, m->shape.align);

    if (!done(m, before, slots != NULL))
        return;
    fill_slots(m, slots, n);
    model_insert(&m->one, m->one.count, source_keys, n);
}

static void op_append(model *m, const loam_vec *before)
{
    model_array *other = test_rng_one_in(&m->rng, 2) ? &m->one : &m->two;
    size_t n = other->count;

    if (n > m->most - m->one.count)
        return;
    memcpy(source_keys, other->keys, n * sizeof *source_keys);
    if (done(m, before,
             loam_vec_raw_append(&m->one.vec, &other->vec, m->shape.size, m->shape.align)))
        model_insert(&m->one, m->one.count, source_keys, n);
}

static void op_insert_n(model *m, const loam_vec *before)
{
    size_t n = amount(m), at = position(m);
    const void *src = choose_source(m, &n);

    if (done(m, before,
             loam_vec_raw_insert_n(&m->one.vec, at, src, n, m->shape.size, m->shape.align)))
        model_insert(&m->one, at, source_keys, n);
}

static void op_insert_slots(model *m, const loam_vec *before)
{
    size_t n = amount(m), at = position(m);
    void *slots = loam_vec_raw_insert_slots(&m->one.vec, at, n, m->shape.size, m->shape.align);

    if (!done(m, before, slots != NULL))
        return;
    fill_slots(m, slots, n);
    model_insert(&m->one, at, source_keys, n);
}

static void op_erase(model *m, const loam_vec *before)
{
    size_t at = position(m), n = below(m, m->one.count - at + 1);

    (void)before;
    EXPECT(loam_vec_raw_erase_n(&m->one.vec, at, n, m->shape.size));
    model_erase(&m->one, at, n);
}

static void op_swap_remove(model *m, const loam_vec *before)
{
    size_t at = position(m);

    (void)before;
    if (at == m->one.count)
        return;
    EXPECT(loam_vec_raw_swap_remove(&m->one.vec, at, m->shape.size));
    m->one.keys[at] = m->one.keys[m->one.count - 1];
    m->one.count--;
}

/* Into a place outside, into an element, into the very place that it is taken from, or nowhere. */
static void op_pop(model *m, const loam_vec *before)
{
    size_t at = position(m);
    void *out = test_rng_one_in(&m->rng, 2) ? (void *)source : NULL;

    (void)before;
    if (at < m->one.count && test_rng_one_in(&m->rng, 2))
        out = nth(m, &m->one, at);
    EXPECT(loam_vec_raw_pop(&m->one.vec, out, m->shape.size) == (m->one.count > 0));
    if (m->one.count == 0)
        return;
    m->one.count--;
    EXPECT(!out || model_is(out, m->one.keys[m->one.count], m->shape.size));
    if (out && out != (void *)source)
        m->one.keys[at] = m->one.keys[m->one.count];
}

static void op_resize(model *m, const loam_vec *before)
{
    size_t n = test_rng_one_in(&m->rng, 2) ? m->one.count + amount(m) : position(m);
    size_t old = m->one.count;
    char zeros[MODEL_ELEMENT] = {0};

    if (!done(m, before, loam_vec_raw_resize(&m->one.vec, n, m->shape.size, m->shape.align)))
        return;
    for (size_t i = old; i < n; i++)
        EXPECT(memcmp(nth(m, &m->one, i), zeros, m->shape.size) == 0);
    if (n > old) {
        fill_slots(m, nth(m, &m->one, old), n - old);
        model_insert(&m->one, old, source_keys, n - old);
    }
    m->one.count = n;
}

static void op_resize_uninit(model *m, const loam_vec *before)
{
    size_t n = test_rng_one_in(&m->rng, 2) ? m->one.count + amount(m) : position(m);
    size_t old = m->one.count;

    if (!done(m, before, loam_vec_raw_resize_uninit(&m->one.vec, n, m->shape.size, m->shape.align)))
        return;
    if (n > old) {
        fill_slots(m, nth(m, &m->one, old), n - old);
        model_insert(&m->one, old, source_keys, n - old);
    }
    m->one.count = n;
}

static void op_assign(model *m, const loam_vec *before)
{
    size_t n = below(m, m->most + 1);
    const void *src = choose_source(m, &n);

    if (!done(m, before, loam_vec_raw_assign(&m->one.vec, src, n, m->shape.size, m->shape.align)))
        return;
    m->one.count = 0;
    model_insert(&m->one, 0, source_keys, n);
}

static void op_fill(model *m, const loam_vec *before)
{
    size_t from = position(m), n = below(m, m->most - from + 1), one = 1;
    const void *x = choose_source(m, &one);

    if (!done(m, before, loam_vec_raw_fill(&m->one.vec, from, n, x, m->shape.size, m->shape.align)))
        return;
    for (size_t i = 0; i < n; i++)
        m->one.keys[from + i] = source_keys[0];
    if (from + n > m->one.count)
        m->one.count = from + n;
}

static void op_copy(model *m, const loam_vec *before)
{
    model_array *src = test_rng_one_in(&m->rng, 4) ? &m->one : &m->two;

    if (!done(m, before, loam_vec_raw_copy(&m->one.vec, &src->vec, m->shape.size, m->shape.align)))
        return;
    memmove(m->one.keys, src->keys, sizeof src->keys);
    m->one.count = src->count;
}

static void op_swap(model *m, const loam_vec *before)
{
    static model_array kept;

    (void)before;
    loam_vec_raw_swap(&m->one.vec, &m->one.vec);
    loam_vec_raw_swap(&m->one.vec, &m->two.vec);
    kept = m->one;
    memcpy(m->one.keys, m->two.keys, sizeof kept.keys);
    m->one.count = m->two.count;
    memcpy(m->two.keys, kept.keys, sizeof kept.keys);
    m->two.count = kept.count;
    expect_same(m, &m->two);
}

static void op_clear(model *m, const loam_vec *before)
{
    (void)before;
    if (!test_rng_one_in(&m->rng, 4))
        return;
    loam_vec_raw_clear(&m->one.vec);
    m->one.count = 0;
}

static void op_reserve(model *m, const loam_vec *before)
{
    size_t n = below(m, m->most + 1);
    bool exact = test_rng_one_in(&m->rng, 2);
    bool result = exact ? loam_vec_raw_reserve_exact(&m->one.vec, n, m->shape.size, m->shape.align)
                        : loam_vec_raw_reserve(&m->one.vec, n, m->shape.size, m->shape.align);

    if (done(m, before, result))
        EXPECT_LE(n, m->one.vec.cap);
    else
        EXPECT_LE(before->cap + 1, n);
}

/* Refusing is allowed, and changes nothing. */
static void op_shrink(model *m, const loam_vec *before)
{
    size_t size = m->shape.size, align = m->shape.align;
    bool fit = test_rng_one_in(&m->rng, 2);
    bool result = fit ? loam_vec_raw_shrink_to_fit(&m->one.vec, size, align)
                      : loam_vec_raw_trim(&m->one.vec, size, align);

    EXPECT_LE(m->one.vec.cap, before->cap);
    if (!result) {
        EXPECT_PTR(m->one.vec.data, before->data);
        EXPECT_EQ(m->one.vec.cap, before->cap);
    } else if (fit && m->one.count == 0) {
        EXPECT(m->one.vec.data == NULL);
    }
}

static void op_hand_over(model *m, const loam_vec *before)
{
    size_t count, cap, size = m->shape.size, align = m->shape.align;
    void *data;

    if (!m->ground->begin)
        return;
    data = loam_vec_raw_release(&m->one.vec, &count, &cap);
    EXPECT(data == before->data && count == before->count && cap == before->cap);
    EXPECT(m->one.vec.data == NULL && m->one.vec.count == 0 && m->one.vec.cap == 0);
    if (test_rng_one_in(&m->rng, 2) &&
        !loam_vec_raw_push(&m->one.vec, source, size, align)) /* which is given back then */
        EXPECT(m->pressed || m->ground->may_refuse);
    if (data || m->one.vec.data == NULL)
        EXPECT(loam_vec_raw_adopt(&m->one.vec, data, count, cap, size, align));
    else
        loam_vec_raw_clear(&m->one.vec);
}

static void op_sort(model *m, const loam_vec *before)
{
    size_t size = m->shape.size, at, low, high, i;
    const void *key;

    (void)before;
    if (m->one.count == 0 || !test_rng_one_in(&m->rng, 4))
        return;
    loam_vec_raw_sort(&m->one.vec, model_compare, &size, size);
    for (i = 1; i < m->one.count; i++)
        EXPECT(memcmp(nth(m, &m->one, i - 1), nth(m, &m->one, i), size) <= 0);
    i = below(m, m->one.count);
    key = nth(m, &m->one, i);
    EXPECT(loam_vec_raw_search(&m->one.vec, key, model_compare, &size, &at, size));
    low = loam_vec_raw_lower_bound(&m->one.vec, key, model_compare, &size, size);
    high = loam_vec_raw_upper_bound(&m->one.vec, key, model_compare, &size, size);
    EXPECT(at == low && low <= i && i < high && high <= m->one.count);
    /* The same elements: each number of the model finds its own, once. */
    for (i = 0; i < m->one.count; i++) {
        model_make(source, m->one.keys[i], size);
        EXPECT(loam_vec_raw_search(&m->one.vec, source, model_compare, &size, NULL, size));
    }
    for (i = 1; i < m->one.count; i++) {
        for (size_t j = i; j > 0; j--) {
            char a[MODEL_ELEMENT], b[MODEL_ELEMENT];
            uint64_t kept = m->one.keys[j];

            model_make(a, m->one.keys[j - 1], size);
            model_make(b, kept, size);
            if (memcmp(a, b, size) <= 0)
                break;
            m->one.keys[j] = m->one.keys[j - 1];
            m->one.keys[j - 1] = kept;
        }
    }
}

static operation *const operations[] = {
    op_push,     op_push,          op_push_n,       op_push_slot, op_push_slots,  op_append,
    op_insert_n, op_insert_n,      op_insert_slots, op_erase,     op_swap_remove, op_pop,
    op_resize,   op_resize_uninit, op_assign,       op_fill,      op_copy,        op_swap,
    op_clear,    op_reserve,       op_shrink,       op_hand_over, op_sort};

/* ---- running ---- */

/* Every call for memory is refused for a while, or one in three is. */
static void press(model *m)
{
    loam_failing_config config = {0};

    m->pressed = m->ground->begin && test_rng_one_in(&m->rng, 4);
    if (m->pressed && test_rng_one_in(&m->rng, 2)) {
        config.alloc.nth = config.resize.nth = config.remap.nth = 1;
        config.alloc.for_ever = config.resize.for_ever = config.remap.for_ever = true;
    } else if (m->pressed) {
        config.alloc.per_million = config.resize.per_million = config.remap.per_million = 333333;
        config.seed = test_rng_next(&m->rng);
    }
    if (m->ground->begin)
        loam_failing_restart(&m->failing, &config);
}

static void begin_array(model *m, model_array *array)
{
    array->count = 0;
    if (m->ground->begin)
        loam_vec_raw_init(&array->vec, loam_failing_allocator(&m->failing));
    else
        EXPECT(loam_vec_raw_init_reserved(&array->vec, m->most, m->shape.size, m->shape.align));
}

static void run_shape(model *m, size_t steps)
{
    const size_t kinds = sizeof operations / sizeof *operations;

    m->most = MODEL_BYTES / m->shape.size;
    if (m->most > MODEL_MOST)
        m->most = MODEL_MOST;
    if (m->ground->begin)
        loam_failing_init(&m->failing, m->ground->begin(), NULL);
    begin_array(m, &m->one);
    begin_array(m, &m->two);
    for (size_t step = 0; step < steps; step++) {
        loam_vec before;
        size_t kind = below(m, kinds);

        test_note("step %zu, operation %zu, element %zu/%zu", step, kind, m->shape.size,
                  m->shape.align);
        if (step % 16 == 0)
            press(m);
        before = m->one.vec;
        operations[kind](m, &before);
        expect_same(m, &m->one);
        if (!m->ground->begin && before.allocator.self == m->one.vec.allocator.self)
            EXPECT(!before.data || !m->one.vec.data || before.data == m->one.vec.data);
    }
    loam_vec_raw_deinit(&m->one.vec, m->shape.size, m->shape.align);
    loam_vec_raw_deinit(&m->two.vec, m->shape.size, m->shape.align);
    if (m->ground->end)
        m->ground->end();
}

void model_run(const model_ground *ground, size_t steps)
{
    static model m;

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        memset(&m, 0, sizeof m);
        m.ground = ground;
        m.shape = shapes[i];
        test_rng_init(&m.rng, test_seed() + i);
        run_shape(&m, steps);
    }
    test_note(NULL);
}
