/* test_bucket_model.c: random operations on two arrays in buckets against plain arrays of keys,
 * over each kind of allocator, with refusals. After each operation contents and invariants are
 * right, each element is where it was put, and one that failed has changed not a byte of the
 * object. LOAM_TEST_BUCKET_STEPS says how many.
 */
#include "vector/stand.h"

#include <loam/bucket.h>

enum { MODEL_BYTES = 1 << 18, MODEL_KEYS = 20000, LOOKS = 32 };

typedef struct array {
    loam_bucket b;
    size_t count;
    uint64_t keys[MODEL_KEYS];      /* what each element was made of; 0: zero bytes */
    const void *places[MODEL_KEYS]; /* where it was put */
} array;

typedef struct model {
    stand stand;
    test_rng rng;
    array one, two;
    size_t size, align, most;
    loam_bucket before;
    char bytes[MODEL_BYTES];
} model;

static model m;

/* ---- elements ---- */

static unsigned char byte_of(uint64_t key, size_t at)
{
    uint64_t mixed = (key * 0x9e3779b97f4a7c15u >> (at % 7 * 8)) + at;

    return key == 0 ? 0 : (unsigned char)(mixed & 0xff);
}

static void make(void *to, uint64_t key)
{
    for (size_t i = 0; i < m.size; i++)
        ((unsigned char *)to)[i] = byte_of(key, i);
}

static bool is(const void *bytes, uint64_t key)
{
    for (size_t i = 0; i < m.size; i++) {
        if (((const unsigned char *)bytes)[i] != byte_of(key, i))
            return false;
    }
    return true;
}

static uint64_t any_key(void)
{
    return test_rng_next(&m.rng) | 1;
}

/* ---- what must hold ---- */

static void report(void *context, const char *property, const void *where)
{
    (void)context;
    (void)where;
    TEST_FAIL("%s", property);
}

static void look_at(const array *a, size_t index)
{
    const void *element = loam_bucket_raw_at(&a->b, index, m.size);

    EXPECT(element == a->places[index]);
    EXPECT(is(element, a->keys[index]));
    EXPECT(((uintptr_t)element & (m.align - 1)) == 0);
}

static void look(const array *a)
{
    EXPECT(loam_bucket_raw_check(&a->b, report, NULL));
    EXPECT_EQ(a->b.count, a->count);
    if (a->count == 0)
        return;
    look_at(a, 0);
    look_at(a, a->count - 1);
    for (size_t i = 0; i < LOOKS; i++)
        look_at(a, (size_t)test_rng_below(&m.rng, a->count));
}

/* Whether an operation did what it should; a refusal changed nothing. */
static bool done(const array *a, bool result)
{
    if (!result)
        EXPECT(memcmp(&m.before, &a->b, sizeof a->b) == 0);
    return result;
}

/* The elements from number `from` to the model's count have just come. */
static void note_places(array *a, size_t from)
{
    for (size_t i = from; i < a->count; i++)
        a->places[i] = loam_bucket_raw_at(&a->b, i, m.size);
}

static size_t some(const array *a)
{
    size_t room = m.most - a->count;

    if (room == 0)
        return 0;
    return (size_t)test_rng_below(&m.rng, test_rng_one_in(&m.rng, 4) ? room : room / 64 + 1);
}

/* ---- operations ---- */

static void op_push(array *a)
{
    uint64_t key = any_key();

    if (a->count == m.most)
        return;
    make(m.bytes, key);
    if (a->count > 0 && test_rng_one_in(&m.rng, 3)) { /* one of its own */
        size_t index = (size_t)test_rng_below(&m.rng, a->count);

        key = a->keys[index];
        if (!done(a, loam_bucket_raw_push(&a->b, loam_bucket_raw_at(&a->b, index, m.size), m.size)))
            return;
    } else if (!done(a, loam_bucket_raw_push(&a->b, m.bytes, m.size))) {
        return;
    }
    a->keys[a->count++] = key;
    note_places(a, a->count - 1);
}

static void op_push_slot(array *a)
{
    void *slot;

    if (a->count == m.most)
        return;
    slot = loam_bucket_raw_push_slot(&a->b, m.size);
    if (!done(a, slot != NULL))
        return;
    a->keys[a->count++] = any_key();
    make(slot, a->keys[a->count - 1]);
    note_places(a, a->count - 1);
}

static void op_push_n(array *a)
{
    size_t n = some(a), from = a->count;

    for (size_t i = 0; i < n; i++) {
        a->keys[from + i] = any_key();
        make(m.bytes + i * m.size, a->keys[from + i]);
    }
    if (done(a, loam_bucket_raw_push_n(&a->b, m.bytes, n)))
        a->count += n;
    note_places(a, from);
}

/* Some of its own elements, which lie in one piece. */
static void op_push_own(array *a)
{
    size_t from = a->count, index, n;
    const void *piece;

    if (a->count == 0)
        return;
    index = (size_t)test_rng_below(&m.rng, a->count);
    piece = loam_bucket_raw_span(&a->b, index, m.size, &n);
    if (n > m.most - a->count)
        n = m.most - a->count;
    for (size_t i = 0; i < n; i++)
        a->keys[from + i] = a->keys[index + i];
    if (done(a, loam_bucket_raw_push_n(&a->b, piece, n)))
        a->count += n;
    note_places(a, from);
}

static void op_append(array *a)
{
    array *other = test_rng_one_in(&m.rng, 3) ? a : a == &m.one ? &m.two : &m.one;
    size_t from = a->count, n = other->count;

    if (n > m.most - a->count)
        return;
    for (size_t i = 0; i < n; i++)
        a->keys[from + i] = other->keys[i];
    if (done(a, loam_bucket_raw_append(&a->b, &other->b)))
        a->count += n;
    note_places(a, from);
}

static void op_copy(array *a)
{
    array *other = test_rng_one_in(&m.rng, 6) ? a : a == &m.one ? &m.two : &m.one;

    if (!done(a, loam_bucket_raw_copy(&a->b, &other->b)))
        return;
    for (size_t i = 0; i < other->count; i++) {
        a->keys[i] = other->keys[i];
        if (i < a->count)
            EXPECT(a->places[i] == loam_bucket_raw_at(&a->b, i, m.size));
    }
    a->count = other->count;
    note_places(a, 0);
}

static void op_resize(array *a)
{
    size_t from = a->count, n = (size_t)test_rng_below(&m.rng, m.most + 1);
    bool zero = test_rng_one_in(&m.rng, 2);

    if (test_rng_one_in(&m.rng, 2) && n > from)
        n = from + (n - from) / 16;
    if (!done(a, loam_bucket_raw_resize(&a->b, n, zero)))
        return;
    EXPECT(n > from || loam_bucket_raw_check(&a->b, report, NULL));
    a->count = n;
    for (size_t i = from; i < n; i++) {
        a->keys[i] = zero ? 0 : any_key();
        if (!zero)
            make(loam_bucket_raw_at(&a->b, i, m.size), a->keys[i]);
    }
    note_places(a, from);
    for (size_t i = from; i < n; i++)
        look_at(a, i);
}

static void op_pop(array *a)
{
    bool wanted = !test_rng_one_in(&m.rng, 8);

    if (a->count == 0) {
        EXPECT(!loam_bucket_raw_pop(&a->b, m.bytes, m.size));
        return;
    }
    EXPECT(loam_bucket_raw_pop(&a->b, wanted ? m.bytes : NULL, m.size));
    a->count--;
    EXPECT(!wanted || is(m.bytes, a->keys[a->count]));
}

static void op_pop_some(array *a)
{
    for (size_t n = some(a); n > 0 && a->count > 0; n--) {
        EXPECT(loam_bucket_raw_pop(&a->b, m.bytes, m.size));
        EXPECT(is(m.bytes, a->keys[--a->count]));
    }
}

static void op_swap_remove(array *a)
{
    size_t index;

    if (a->count == 0)
        return;
    index = (size_t)test_rng_below(&m.rng, a->count);
    EXPECT(loam_bucket_raw_swap_remove(&a->b, index, m.size));
    a->keys[index] = a->keys[--a->count];
}

static void op_truncate(array *a)
{
    size_t n = (size_t)test_rng_below(&m.rng, m.most + 1);

    loam_bucket_raw_truncate(&a->b, n);
    a->count = n < a->count ? n : a->count;
}

static void op_clear(array *a)
{
    loam_bucket_raw_truncate(&a->b, 0);
    a->count = 0;
}

static void op_reserve(array *a)
{
    size_t n = (size_t)test_rng_below(&m.rng, m.most + 1);

    if (!done(a, loam_bucket_raw_reserve(&a->b, n)))
        return;
    stand_press(&m.stand, 1000000, 0);
    while (a->count < n) { /* can't fail now */
        a->keys[a->count++] = any_key();
        make(m.bytes, a->keys[a->count - 1]);
        EXPECT(loam_bucket_raw_push(&a->b, m.bytes, m.size));
        note_places(a, a->count - 1);
    }
}

static void op_shrink(array *a)
{
    loam_bucket_raw_shrink_to_fit(&a->b);
    EXPECT(!loam_allocator_reclaims(a->b.allocator) || a->b.count > 0 || a->b.cap == 0);
}

static void op_swap(array *a)
{
    array kept = m.one;

    (void)a;
    loam_bucket_raw_swap(&m.one.b, &m.two.b);
    kept.b = m.two.b;
    m.two.b = m.one.b;
    m.one = m.two;
    m.two = kept;
}

/* Everything, in each way that there is to go through it. */
static void op_read(array *a)
{
    size_t from = (size_t)test_rng_below(&m.rng, a->count + 1), seen = 0;
    size_t n = (size_t)test_rng_below(&m.rng, a->count - from + 1), index, piece;

    EXPECT(loam_bucket_raw_read(&a->b, from, n, m.bytes));
    for (size_t i = 0; i < n; i++)
        EXPECT(is(m.bytes + i * m.size, a->keys[from + i]));
    EXPECT(!loam_bucket_raw_read(&a->b, from, a->count - from + 1, m.bytes));
    for (const char *at; (at = loam_bucket_raw_span(&a->b, seen, m.size, &piece)) != NULL;) {
        for (size_t i = 0; i < piece; i++, seen++) {
            EXPECT(at + i * m.size == a->places[seen]);
            EXPECT(loam_bucket_raw_index_of(&a->b, at + i * m.size + m.size - 1, &index));
            EXPECT_EQ(index, seen);
        }
    }
    EXPECT_EQ(seen, a->count);
    EXPECT(!loam_bucket_raw_index_of(&a->b, &m, &index));
}

typedef void operation(array *a);

static operation *const operations[] = {
    op_push,   op_push,    op_push_slot, op_push_n, op_push_n,   op_push_own,
    op_append, op_copy,    op_resize,    op_pop,    op_pop_some, op_swap_remove,
    op_clear,  op_reserve, op_truncate,  op_shrink, op_swap,     op_read};

/* ---- running ---- */

static void begin_round(void)
{
    static const struct {
        size_t size, align;
    } shapes[] = {{1, 1}, {3, 1}, {4, 4}, {8, 8}, {12, 4}, {24, 8}, {64, 64}, {200, 8}, {5000, 4}};
    size_t shape = (size_t)test_rng_below(&m.rng, sizeof shapes / sizeof *shapes);
    size_t first = (size_t)test_rng_below(&m.rng, 100);

    m.size = shapes[shape].size;
    m.align = shapes[shape].align;
    m.most = MODEL_BYTES / m.size < MODEL_KEYS ? MODEL_BYTES / m.size : MODEL_KEYS;
    loam_bucket_raw_init(&m.one.b, stand_allocator(&m.stand), m.size, m.align, first);
    loam_bucket_raw_init(&m.two.b, stand_allocator(&m.stand), m.size, m.align, first / 10);
    m.one.count = m.two.count = 0;
}

static void end_round(void)
{
    loam_bucket_raw_deinit(&m.one.b);
    loam_bucket_raw_deinit(&m.two.b);
    EXPECT(loam_bucket_raw_check(&m.one.b, report, NULL));
}

static void run(stand_kind kind, size_t steps)
{
    test_rng_init(&m.rng, test_seed());
    steps = test_bound("LOAM_TEST_BUCKET_STEPS", steps);
    for (size_t rounds = 0; rounds < 10; rounds++) {
        stand_begin(&m.stand, kind);
        begin_round();
        for (size_t i = 0; i < steps / 10; i++) {
            array *a = test_rng_one_in(&m.rng, 3) ? &m.two : &m.one;
            size_t op = (size_t)test_rng_below(&m.rng, sizeof operations / sizeof *operations);

            test_note("over %s, size %zu, step %zu, operation %zu", stand_name(kind), m.size, i,
                      op);
            (void)stand_press_randomly(&m.stand, &m.rng);
            m.before = a->b;
            operations[op](a);
            look(&m.one);
            look(&m.two);
        }
        end_round();
        stand_end(&m.stand);
    }
    test_note(NULL);
}

TEST(over_libc, fast)
{
    run(STAND_LIBC, 4000);
}

TEST(over_vm, fast)
{
    run(STAND_VM, 1000);
}

TEST(over_split, fast)
{
    run(STAND_SPLIT, 1000);
}

TEST(over_checked, fast)
{
    run(STAND_CHECKED, 1000);
}

TEST(over_an_arena, fast)
{
    run(STAND_ARENA, 1000);
}

TEST(over_a_chained_arena, fast)
{
    run(STAND_CHAIN, 1000);
}

TEST(over_a_full_buffer, fast)
{
    run(STAND_FIXED, 2000);
}

TEST(over_a_checked_arena, fast)
{
    run(STAND_CHECKED_ARENA, 1000);
}

TEST(long_run, stress)
{
    for (int kind = 0; kind < STAND_KINDS; kind++)
        run((stand_kind)kind, 100000);
}

TEST_MAIN
