/* test_strbuf_fail.c: every function of a text that takes memory, with each call for it refused
 * once and for ever: the text and its chunks are as before, and the same call is right once there
 * is memory again. Where a block is refused that would do for more, a smaller one may do: then the
 * call succeeds all the same.
 */
#include "support/fail_each.h"
#include "support/test.h"

#include <loam/strbuf.h>

enum { OLD = 600, MANY = 300000 };

typedef struct subject subject;

typedef struct verb {
    const char *name;
    bool (*run)(subject *s);
    size_t length; /* then */
} verb;

struct subject {
    const verb *what;
    loam_allocator allocator;
    loam_strbuf s, other, before;
};

static char many[MANY];

static bool run_append(subject *s)
{
    return loam_strbuf_append(&s->s, many, MANY);
}

static bool run_append_char(subject *s)
{
    while (s->s.next != s->s.end)
        (void)!loam_strbuf_append_char(&s->s, 'x');
    s->before = s->s;
    return loam_strbuf_append_char(&s->s, 'x');
}

static bool run_append_repeat(subject *s)
{
    return loam_strbuf_append_repeat(&s->s, 'r', MANY);
}

static bool run_append_strbuf(subject *s)
{
    return loam_strbuf_append_strbuf(&s->s, &s->other);
}

static bool run_append_format(subject *s)
{
    return loam_strbuf_append_format(&s->s, "%*d", MANY, 1);
}

static bool run_append_uint(subject *s)
{
    while (loam_strbuf_left(&s->s) > 3)
        (void)!loam_strbuf_append_char(&s->s, 'x');
    s->before = s->s;
    return loam_strbuf_append_uint(&s->s, 123456789);
}

static bool run_room(subject *s)
{
    return loam_strbuf_room(&s->s, MANY, NULL) != NULL;
}

static bool run_text(subject *s)
{
    return loam_strbuf_text(&s->s) != NULL;
}

static bool run_flatten_to(subject *s)
{
    char *block = loam_strbuf_flatten_to(&s->s, s->allocator);

    loam_dealloc(s->allocator, block, loam_strbuf_length(&s->s) + 1, 1);
    return block != NULL;
}

static const verb verbs[] = {
    {"append", run_append, OLD + MANY},
    {"append_char", run_append_char, 0},
    {"append_repeat", run_append_repeat, OLD + MANY},
    {"append_strbuf", run_append_strbuf, OLD + MANY},
    {"append_format", run_append_format, OLD + MANY},
    {"append_uint", run_append_uint, 0},
    {"room", run_room, OLD},
    {"text", run_text, OLD},
    {"flatten_to", run_flatten_to, OLD},
};

static void begin(void *context, loam_allocator allocator)
{
    subject *s = (subject *)context;

    s->allocator = allocator;
    loam_strbuf_init(&s->s, allocator);
    loam_strbuf_init(&s->other, loam_libc_allocator());
    EXPECT(loam_strbuf_append_repeat(&s->s, 'o', 200));
    EXPECT(loam_strbuf_append_repeat(&s->s, 'o', OLD - 200));
    EXPECT(loam_strbuf_append_repeat(&s->other, 'p', MANY));
    s->before = s->s;
}

static bool step(void *context)
{
    subject *s = (subject *)context;

    return s->what->run(s);
}

static void look(void *context, bool done)
{
    subject *s = (subject *)context;
    char old[OLD];

    EXPECT(loam_strbuf_check(&s->s, NULL, NULL));
    if (!done) {
        s->before.failures = s->s.failures;
        EXPECT(memcmp(&s->before, &s->s, sizeof s->s) == 0);
    } else if (s->what->length) {
        EXPECT_EQ(loam_strbuf_length(&s->s), s->what->length);
    }
    EXPECT(loam_strbuf_read(&s->s, 0, OLD, old));
    for (size_t i = 0; i < OLD; i++)
        EXPECT(old[i] == 'o');
}

static void end(void *context)
{
    subject *s = (subject *)context;

    loam_strbuf_deinit(&s->s);
    loam_strbuf_deinit(&s->other);
}

/* Where a chunk grows in place, the text is in one piece already and takes nothing for that. */
static bool may_take_nothing(const verb *what, unsigned flags)
{
    return what->run == run_text && (flags & FAIL_EACH_NO_RECLAIM) != 0;
}

static void run(unsigned flags)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        static subject s;
        fail_each_scenario scenario = {.name = verbs[i].name,
                                       .context = &s,
                                       .flags = flags,
                                       .begin = begin,
                                       .step = step,
                                       .check = look,
                                       .end = end};

        s.what = &verbs[i];
        EXPECT(fail_each_allocation(&scenario) > 0 || may_take_nothing(s.what, flags));
    }
}

TEST(each_call, fast)
{
    run(0);
}

TEST(each_call_without_reclaiming, fast)
{
    run(FAIL_EACH_NO_RECLAIM);
}

TEST_MAIN
