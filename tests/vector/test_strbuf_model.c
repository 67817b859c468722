/* test_strbuf_model.c: random operations on a text in chunks against a flat buffer, over each kind
 * of allocator, with refusals. After each operation the text, in each way that there is to read it,
 * and the invariants are right, what was there has not moved, and a refusal changed nothing.
 * LOAM_TEST_STRBUF_STEPS says how many.
 */
#include "vector/stand.h"

#include <loam/strbuf.h>

#include <stdio.h>

enum { MOST = 1 << 18 };

typedef struct model {
    stand stand;
    test_rng rng;
    loam_strbuf s, other;
    loam_strbuf before;
    size_t length; /* of the text in `text` */
    size_t other_length;
    char text[2 * MOST]; /* room for what is tried and refused */
    char other_text[MOST];
    char scratch[2 * MOST];
    bool moved; /* by this operation, as it may */
} model;

static model m;

static void report(void *context, const char *property, const void *where)
{
    (void)context;
    (void)where;
    TEST_FAIL("%s", property);
}

/* ---- what must hold ---- */

static void look_at(const loam_strbuf *s, const char *text, size_t length)
{
    size_t at = 0;

    EXPECT(loam_strbuf_check(s, report, NULL));
    EXPECT_EQ(loam_strbuf_length(s), length);
    LOAM_STRBUF_EACH_SPAN(span, s)
    {
        EXPECT(span.size <= length - at);
        EXPECT(memcmp(span.bytes, text + at, span.size) == 0);
        at += span.size;
    }
    EXPECT_EQ(at, length);
}

static void look(void)
{
    look_at(&m.s, m.text, m.length);
    look_at(&m.other, m.other_text, m.other_length);
}

/* Whether an append did what it should: `size` bytes were added to the model already. */
static void done(bool result, size_t size)
{
    if (result) {
        m.length += size;
        return;
    }
    EXPECT_EQ(m.s.failures, m.before.failures + 1);
    m.before.failures++;
    EXPECT(memcmp(&m.before, &m.s, sizeof m.s) == 0);
}

static size_t some(void)
{
    size_t room = MOST - m.length, n;

    if (room == 0)
        return 0;
    n = (size_t)test_rng_below(&m.rng, test_rng_one_in(&m.rng, 10) ? room : 300);
    return n < room ? n : room;
}

static char *make(size_t size)
{
    char *to = m.text + m.length;

    for (size_t i = 0; i < size; i++)
        to[i] = (char)test_rng_next(&m.rng);
    return to;
}

/* ---- operations ---- */

static void op_append(void)
{
    size_t size = some();

    done(loam_strbuf_append(&m.s, make(size), size), size);
}

static void op_append_char(void)
{
    size_t size = MOST - m.length < 40 ? 0 : 40;

    make(size);
    for (; size > 0; size--) {
        m.before = m.s;
        done(loam_strbuf_append_char(&m.s, m.text[m.length]), 1);
        if (loam_strbuf_length(&m.s) != m.length)
            break;
        make(size - 1);
    }
}

/* A part of itself, which lies in one piece. */
static void op_append_own(void)
{
    size_t at = 0, part = some();

    LOAM_STRBUF_EACH_SPAN(span, &m.s)
    {
        if (!test_rng_one_in(&m.rng, 4)) {
            at += span.size;
            continue;
        }
        part = part < span.size ? part : span.size;
        memmove(m.text + m.length, m.text + at, part);
        done(loam_strbuf_append(&m.s, span.bytes, part), part);
        return;
    }
}

static void op_append_strbuf(void)
{
    bool itself = test_rng_one_in(&m.rng, 3);
    size_t size = itself ? m.length : m.other_length;

    if (size > MOST - m.length)
        return;
    memmove(m.text + m.length, itself ? m.text : m.other_text, size);
    done(loam_strbuf_append_strbuf(&m.s, itself ? &m.s : &m.other), size);
}

static void op_append_repeat(void)
{
    size_t size = some();

    memset(m.text + m.length, 'r', size);
    done(loam_strbuf_append_repeat(&m.s, 'r', size), size);
}

static void op_append_numbers(void)
{
    uint64_t number = test_rng_next(&m.rng) >> test_rng_below(&m.rng, 64);
    unsigned least = (unsigned)test_rng_below(&m.rng, 18);
    char *to = m.text + m.length;
    int size;

    if (MOST - m.length < 40)
        return;
    switch (test_rng_below(&m.rng, 3)) {
    case 0:
        size = sprintf(to, "%lld", (long long)number);
        done(loam_strbuf_append_int(&m.s, (int64_t)number), (size_t)size);
        break;
    case 1:
        size = sprintf(to, "%llu", (unsigned long long)number);
        done(loam_strbuf_append_uint(&m.s, number), (size_t)size);
        break;
    default:
        size = sprintf(to, "%0*llx", least > 16 ? 16 : (int)least, (unsigned long long)number);
        done(loam_strbuf_append_hex(&m.s, number, least), (size_t)size);
    }
}

static void op_append_format(void)
{
    int width = (int)some(), number = (int)test_rng_next(&m.rng);
    double real = (double)(int64_t)test_rng_next(&m.rng) / 1000;
    char *to = m.text + m.length;
    size_t size;

    if (MOST - m.length < 100)
        return;
    size = (size_t)snprintf(to, MOST, "<%*d|%.3f|%s|%%>", width, number, real, "text");
    if (size > MOST - m.length)
        return;
    done(loam_strbuf_append_format(&m.s, "<%*d|%.3f|%s|%%>", width, number, real, "text"), size);
}

/* Writing to the place that is offered; what was not advanced over is no text. */
static void op_room(void)
{
    size_t least = some(), room = 0, size;
    char *place = loam_strbuf_room(&m.s, least, &room);

    if (!place) {
        done(false, 0);
        return;
    }
    EXPECT(room >= least);
    EXPECT(loam_strbuf_length(&m.s) == m.length);
    size = room < MOST - m.length ? room : MOST - m.length;
    size = size == 0 ? 0 : (size_t)test_rng_below(&m.rng, size + 1);
    memset(place, '?', room);
    memcpy(place, make(size), size);
    loam_strbuf_advance(&m.s, size);
    m.length += size;
}

static void op_undo(void)
{
    m.length = test_rng_one_in(&m.rng, 3)
                   ? (size_t)test_rng_below(&m.rng, m.length + 1)
                   : m.length - (size_t)test_rng_below(&m.rng, m.length / 20 + 1);
    loam_strbuf_undo(&m.s, m.length);
}

static void op_clear(void)
{
    if (test_rng_one_in(&m.rng, 2))
        return;
    m.length = 0;
    loam_strbuf_clear(&m.s);
}

static void op_text(void)
{
    const char *text = loam_strbuf_text(&m.s);

    if (!text) {
        done(false, 0);
        return;
    }
    EXPECT(memcmp(text, m.text, m.length) == 0 && text[m.length] == '\0');
    EXPECT(loam_strbuf_text(&m.s) == text); /* it stays so */
    m.moved = true;
}

static void op_read(void)
{
    size_t from = (size_t)test_rng_below(&m.rng, m.length + 1);
    size_t size = (size_t)test_rng_below(&m.rng, m.length - from + 1);
    char *block;

    EXPECT(loam_strbuf_read(&m.s, from, size, m.scratch));
    EXPECT(memcmp(m.scratch, m.text + from, size) == 0);
    EXPECT(!loam_strbuf_read(&m.s, from, m.length - from + 1, m.scratch));
    EXPECT(!loam_strbuf_read(&m.s, m.length + 1, 0, m.scratch));
    EXPECT(!loam_strbuf_flatten(&m.s, m.scratch, m.length));
    EXPECT(loam_strbuf_flatten(&m.s, m.scratch, m.length + 1));
    EXPECT(memcmp(m.scratch, m.text, m.length) == 0 && m.scratch[m.length] == '\0');
    block = loam_strbuf_flatten_to(&m.s, stand_allocator(&m.stand));
    EXPECT(!block || (memcmp(block, m.text, m.length) == 0 && block[m.length] == '\0'));
    loam_dealloc(stand_allocator(&m.stand), block, m.length + 1, 1);
}

static void op_swap(void)
{
    size_t length = m.length;

    loam_strbuf_swap(&m.s, &m.other);
    memcpy(m.scratch, m.text, m.length);
    memcpy(m.text, m.other_text, m.other_length);
    memcpy(m.other_text, m.scratch, m.length);
    m.length = m.other_length;
    m.other_length = length;
    m.moved = true;
}

typedef void operation(void);

static operation *const operations[] = {
    op_append, op_append,        op_append_char,   op_append_own, op_append_strbuf,
    op_room,   op_undo,          op_append_repeat, op_append,     op_append_numbers,
    op_clear,  op_append_format, op_append_format, op_text,       op_undo,
    op_read,   op_swap};

/* ---- running ---- */

/* What was there before an operation, and is after it, lies where it lay. */
typedef struct snapshot {
    const char *first;
    size_t size;
} snapshot;

static snapshot take_snapshot(void)
{
    loam_strbuf_span span = loam_strbuf_first_span(&m.s);
    snapshot taken = {span.bytes, span.size};

    return taken;
}

static void expect_unmoved(const snapshot *before)
{
    loam_strbuf_span span = loam_strbuf_first_span(&m.s);

    if (!m.moved && before->size > 0 && m.length > 0)
        EXPECT(span.bytes == before->first);
}

static void step(void)
{
    size_t op = (size_t)test_rng_below(&m.rng, sizeof operations / sizeof *operations);
    snapshot before = take_snapshot();

    test_note("over %s, operation %zu", stand_name(m.stand.kind), op);
    (void)stand_press_randomly(&m.stand, &m.rng);
    m.before = m.s;
    m.moved = false;
    operations[op]();
    look();
    expect_unmoved(&before);
}

static void run(stand_kind kind, size_t steps)
{
    test_rng_init(&m.rng, test_seed());
    steps = test_bound("LOAM_TEST_STRBUF_STEPS", steps);
    for (size_t round = 0; round < 10; round++) {
        size_t first = round % 2 ? 0 : (size_t)1 << test_rng_below(&m.rng, 14);
        size_t limit = round % 2 ? 0 : (size_t)1 << test_rng_below(&m.rng, 18);

        stand_begin(&m.stand, kind);
        loam_strbuf_init_sized(&m.s, stand_allocator(&m.stand), first, limit);
        loam_strbuf_init_sized(&m.other, stand_allocator(&m.stand), limit, first);
        m.length = m.other_length = 0;
        for (size_t i = 0; i < steps / 10; i++)
            step();
        loam_strbuf_deinit(&m.s);
        loam_strbuf_deinit(&m.other);
        EXPECT(loam_strbuf_check(&m.s, report, NULL));
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
