/* vec_model.c: see vec_model.h. */
#include "vector/vec_model.h"

/* Where the size is no multiple of the alignment, only the first element is aligned. */
static const model_shape shapes[] = {{1, 1},   {3, 1},   {8, 8},       {24, 8},
                                     {64, 16}, {64, 64}, {4096, 8},    {4096, 4096},
                                     {4, 4},   {16, 16}, {1500, 2048}, {8, 4096}};

_Alignas(4096) unsigned char model_source[MODEL_BYTES];
uint64_t model_keys[MODEL_MOST];

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

char *model_nth(const model *m, const model_array *array, size_t at)
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

void model_expect_same(const model *m, const model_array *array)
{
    EXPECT(loam_vec_raw_check(&array->vec, report, NULL, m->shape.size, m->shape.align));
    EXPECT_EQ(array->vec.count, array->count);
    for (size_t i = 0; i < array->count; i++)
        EXPECT(model_is(model_nth(m, array, i), array->keys[i], m->shape.size));
}

bool model_done(const model *m, const loam_vec *before, bool result)
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

void model_insert(model_array *array, size_t at, const uint64_t *keys, size_t n)
{
    memmove(array->keys + at + n, array->keys + at, (array->count - at) * sizeof *keys);
    memcpy(array->keys + at, keys, n * sizeof *keys);
    array->count += n;
}

void model_erase(model_array *array, size_t at, size_t n)
{
    memmove(array->keys + at, array->keys + at + n, (array->count - at - n) * sizeof *array->keys);
    array->count -= n;
}

/* ---- arguments ---- */

size_t model_below(model *m, size_t n)
{
    return (size_t)test_rng_below(&m->rng, n);
}

size_t model_position(model *m)
{
    switch (model_below(m, 4)) {
    case 0:
        return 0;
    case 1:
        return m->one.count;
    default:
        return model_below(m, m->one.count + 1);
    }
}

size_t model_amount(model *m)
{
    size_t left = m->most - m->one.count;
    size_t n = test_rng_one_in(&m->rng, 8) ? model_below(m, left + 1) : model_below(m, 9);

    return n < left ? n : left;
}

const void *model_choose_source(model *m, size_t *n)
{
    size_t from;

    if (m->one.count && test_rng_one_in(&m->rng, 2)) {
        from = model_below(m, m->one.count);
        if (*n > m->one.count - from)
            *n = m->one.count - from;
        memcpy(model_keys, m->one.keys + from, *n * sizeof *model_keys);
        return model_nth(m, &m->one, from);
    }
    for (size_t i = 0; i < *n; i++) {
        model_keys[i] = m->next_key++ * 0x9E3779B97F4A7C15u;
        model_make(model_source + i * m->shape.size, model_keys[i], m->shape.size);
    }
    return model_source;
}

/* Writes new elements where an operation made room, and their numbers. */
static void fill_slots(model *m, void *slots, size_t n)
{
    EXPECT(m->shape.size % m->shape.align || ((uintptr_t)slots & (m->shape.align - 1)) == 0);
    for (size_t i = 0; i < n; i++) {
        model_keys[i] = m->next_key++ * 0x9E3779B97F4A7C15u;
        model_make((char *)slots + i * m->shape.size, model_keys[i], m->shape.size);
    }
}

/* ---- operations ---- */

static void op_push(model *m, const loam_vec *before)
{
    size_t n = 1;
    const void *x;

    if (m->one.count == m->most)
        return;
    x = model_choose_source(m, &n);
    if (model_done(m, before, loam_vec_raw_push(&m->one.vec, x, m->shape.size, m->shape.align)))
        model_insert(&m->one, m->one.count, model_keys, 1);
}

static void op_push_n(model *m, const loam_vec *before)
{
    size_t n = model_amount(m);
    const void *src = model_choose_source(m, &n);

    if (model_done(m, before,
                   loam_vec_raw_push_n(&m->one.vec, src, n, m->shape.size, m->shape.align)))
        model_insert(&m->one, m->one.count, model_keys, n);
}

static void op_push_slot(model *m, const loam_vec *before)
{
    void *slot;

    if (m->one.count == m->most)
        return;
    slot = loam_vec_raw_push_slot(&m->one.vec, m->shape.size, m->shape.align);
    if (!model_done(m, before, slot != NULL))
        return;
    fill_slots(m, slot, 1);
    model_insert(&m->one, m->one.count, model_keys, 1);
}

static void op_push_slots(model *m, const loam_vec *before)
{
    size_t n = model_amount(m);
    void *slots = loam_vec_raw_push_slots(&m->one.vec, n, m->shape.size, m->shape.align);

    if (!model_done(m, before, slots != NULL))
        return;
    fill_slots(m, slots, n);
    model_insert(&m->one, m->one.count, model_keys, n);
}

static void op_append(model *m, const loam_vec *before)
{
    model_array *other = test_rng_one_in(&m->rng, 2) ? &m->one : &m->two;
    size_t n = other->count;

    if (n > m->most - m->one.count)
        return;
    memcpy(model_keys, other->keys, n * sizeof *model_keys);
    if (model_done(m, before,
                   loam_vec_raw_append(&m->one.vec, &other->vec, m->shape.size, m->shape.align)))
        model_insert(&m->one, m->one.count, model_keys, n);
}

static void op_insert_n(model *m, const loam_vec *before)
{
    size_t n = model_amount(m), at = model_position(m);
    const void *src = model_choose_source(m, &n);

    if (model_done(m, before,
                   loam_vec_raw_insert_n(&m->one.vec, at, src, n, m->shape.size, m->shape.align)))
        model_insert(&m->one, at, model_keys, n);
}

static void op_insert_slots(model *m, const loam_vec *before)
{
    size_t n = model_amount(m), at = model_position(m);
    void *slots = loam_vec_raw_insert_slots(&m->one.vec, at, n, m->shape.size, m->shape.align);

    if (!model_done(m, before, slots != NULL))
        return;
    fill_slots(m, slots, n);
    model_insert(&m->one, at, model_keys, n);
}

static void op_erase(model *m, const loam_vec *before)
{
    size_t at = model_position(m), n = model_below(m, m->one.count - at + 1);

    (void)before;
    EXPECT(loam_vec_raw_erase_n(&m->one.vec, at, n, m->shape.size));
    model_erase(&m->one, at, n);
}

static void op_swap_remove(model *m, const loam_vec *before)
{
    size_t at = model_position(m);

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
    size_t at = model_position(m);
    void *out = test_rng_one_in(&m->rng, 2) ? (void *)model_source : NULL;

    (void)before;
    if (at < m->one.count && test_rng_one_in(&m->rng, 2))
        out = model_nth(m, &m->one, at);
    EXPECT(loam_vec_raw_pop(&m->one.vec, out, m->shape.size) == (m->one.count > 0));
    if (m->one.count == 0)
        return;
    m->one.count--;
    EXPECT(!out || model_is(out, m->one.keys[m->one.count], m->shape.size));
    if (out && out != (void *)model_source)
        m->one.keys[at] = m->one.keys[m->one.count];
}

static void op_resize(model *m, const loam_vec *before)
{
    size_t n = test_rng_one_in(&m->rng, 2) ? m->one.count + model_amount(m) : model_position(m);
    size_t old = m->one.count;
    char zeros[MODEL_ELEMENT] = {0};

    if (!model_done(m, before, loam_vec_raw_resize(&m->one.vec, n, m->shape.size, m->shape.align)))
        return;
    for (size_t i = old; i < n; i++)
        EXPECT(memcmp(model_nth(m, &m->one, i), zeros, m->shape.size) == 0);
    if (n > old) {
        fill_slots(m, model_nth(m, &m->one, old), n - old);
        model_insert(&m->one, old, model_keys, n - old);
    }
    m->one.count = n;
}

static void op_resize_uninit(model *m, const loam_vec *before)
{
    size_t n = test_rng_one_in(&m->rng, 2) ? m->one.count + model_amount(m) : model_position(m);
    size_t old = m->one.count;

    if (!model_done(m, before,
                    loam_vec_raw_resize_uninit(&m->one.vec, n, m->shape.size, m->shape.align)))
        return;
    if (n > old) {
        fill_slots(m, model_nth(m, &m->one, old), n - old);
        model_insert(&m->one, old, model_keys, n - old);
    }
    m->one.count = n;
}

static void op_assign(model *m, const loam_vec *before)
{
    size_t n = model_below(m, m->most + 1);
    const void *src = model_choose_source(m, &n);

    if (!model_done(m, before,
                    loam_vec_raw_assign(&m->one.vec, src, n, m->shape.size, m->shape.align)))
        return;
    m->one.count = 0;
    model_insert(&m->one, 0, model_keys, n);
}

static void op_fill(model *m, const loam_vec *before)
{
    size_t from = model_position(m), n = model_below(m, m->most - from + 1), one = 1;
    const void *x = model_choose_source(m, &one);

    if (!model_done(m, before,
                    loam_vec_raw_fill(&m->one.vec, from, n, x, m->shape.size, m->shape.align)))
        return;
    for (size_t i = 0; i < n; i++)
        m->one.keys[from + i] = model_keys[0];
    if (from + n > m->one.count)
        m->one.count = from + n;
}

static void op_copy(model *m, const loam_vec *before)
{
    model_array *src = test_rng_one_in(&m->rng, 4) ? &m->one : &m->two;

    if (!model_done(m, before,
                    loam_vec_raw_copy(&m->one.vec, &src->vec, m->shape.size, m->shape.align)))
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
    model_expect_same(m, &m->two);
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
    size_t n = model_below(m, m->most + 1);
    bool exact = test_rng_one_in(&m->rng, 2);
    bool result = exact ? loam_vec_raw_reserve_exact(&m->one.vec, n, m->shape.size, m->shape.align)
                        : loam_vec_raw_reserve(&m->one.vec, n, m->shape.size, m->shape.align);

    if (model_done(m, before, result))
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
        !loam_vec_raw_push(&m->one.vec, model_source, size, align)) /* which is given back then */
        EXPECT(m->pressed || m->ground->may_refuse);
    if (data || m->one.vec.data == NULL)
        EXPECT(loam_vec_raw_adopt(&m->one.vec, data, count, cap, size, align));
    else
        loam_vec_raw_clear(&m->one.vec);
}

static void op_push_within(model *m, const loam_vec *before)
{
    size_t n = 1;
    const void *x;
    bool result;

    if (m->one.count == m->most)
        return;
    x = model_choose_source(m, &n);
    result = loam_vec_raw_push_within(&m->one.vec, x, m->shape.size);
    EXPECT(result == (before->count < before->cap) && before->data == m->one.vec.data);
    if (result)
        model_insert(&m->one, m->one.count, model_keys, 1);
}

/* More elements, or less, for some: from outside, or from before, behind or across them. */
static void op_replace(model *m, const loam_vec *before)
{
    size_t at = model_position(m), n = model_below(m, m->one.count - at + 1);
    size_t src_count = model_amount(m);
    const void *src = model_choose_source(m, &src_count);
    bool result =
        loam_vec_raw_replace(&m->one.vec, at, n, src, src_count, m->shape.size, m->shape.align);

    EXPECT(result || src_count > n);
    if (!model_done(m, before, result))
        return;
    model_erase(&m->one, at, n);
    model_insert(&m->one, at, model_keys, src_count);
}

static void op_truncate(model *m, const loam_vec *before)
{
    size_t n = model_below(m, m->one.count + 3);

    (void)before;
    if (!test_rng_one_in(&m->rng, 4))
        return;
    loam_vec_raw_truncate(&m->one.vec, n);
    if (n < m->one.count)
        m->one.count = n;
}

static model_operation *const operations[] = {op_push,
                                              op_push,
                                              op_push_n,
                                              op_push_slot,
                                              op_push_slots,
                                              op_append,
                                              op_insert_n,
                                              op_insert_n,
                                              op_insert_slots,
                                              op_erase,
                                              op_swap_remove,
                                              op_pop,
                                              op_resize,
                                              op_resize_uninit,
                                              op_assign,
                                              op_fill,
                                              op_copy,
                                              op_swap,
                                              op_clear,
                                              op_reserve,
                                              op_shrink,
                                              op_hand_over,
                                              op_push_within,
                                              op_replace,
                                              op_replace,
                                              op_truncate,
                                              model_sort,
                                              model_stable_sort,
                                              model_insert_sorted,
                                              model_erase_if,
                                              model_dedup,
                                              model_reverse,
                                              model_rotate};

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

/* An array in a buffer that holds a part of what it may have. */
static void begin_in_buffer(model *m, model_array *array)
{
    static _Alignas(4096) char rooms[2][MODEL_BYTES + 2 * 4096];
    char *room = rooms[array == &m->two];
    size_t head = m->shape.align > sizeof(loam_vec_buffer) ? m->shape.align : 64;

    loam_vec_raw_init_buffer(&array->vec,
                             (loam_vec_buffer *)(void *)(room + head - sizeof(loam_vec_buffer)),
                             model_below(m, m->most), loam_failing_allocator(&m->failing),
                             m->shape.size, m->shape.align);
}

static void begin_array(model *m, model_array *array)
{
    array->count = 0;
    if (m->ground->in_buffer)
        begin_in_buffer(m, array);
    else if (m->ground->begin)
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
        size_t kind = model_below(m, kinds);

        test_note("step %zu, operation %zu, element %zu/%zu", step, kind, m->shape.size,
                  m->shape.align);
        if (step % 16 == 0)
            press(m);
        before = m->one.vec;
        operations[kind](m, &before);
        model_expect_same(m, &m->one);
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
