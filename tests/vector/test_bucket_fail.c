/* test_bucket_fail.c: every function of an array in buckets that takes memory, with each call for
 * it refused once and for ever: the array is to the byte as before, and the same call is right once
 * there is memory again.
 */
#include "support/fail_each.h"
#include "support/test.h"

#include <loam/bucket.h>

enum { OLD = 100, MANY = 5000 };

typedef LOAM_BUCKET(int) ints;

typedef struct subject subject;

typedef struct verb {
    const char *name;
    bool (*run)(subject *s);
    size_t count; /* then */
} verb;

struct subject {
    const verb *what;
    ints b, other;
    loam_bucket before;
};

static int many[MANY];

static bool run_push(subject *s)
{
    while (s->b.count < s->b.cap)
        (void)!loam_bucket_push(&s->b, 1);
    s->before = s->b.raw;
    return loam_bucket_push(&s->b, 1);
}

static bool run_push_slot(subject *s)
{
    int *slot;

    while (s->b.count < s->b.cap)
        (void)!loam_bucket_push(&s->b, 1);
    s->before = s->b.raw;
    slot = loam_bucket_push_slot(&s->b);
    if (slot)
        *slot = 1;
    return slot != NULL;
}

static bool run_push_n(subject *s)
{
    return loam_bucket_push_n(&s->b, many, MANY);
}

static bool run_append(subject *s)
{
    return loam_bucket_append(&s->b, &s->other);
}

static bool run_copy(subject *s)
{
    return loam_bucket_copy(&s->b, &s->other);
}

static bool run_resize(subject *s)
{
    return loam_bucket_resize(&s->b, MANY);
}

static bool run_resize_uninit(subject *s)
{
    return loam_bucket_resize_uninit(&s->b, MANY);
}

static bool run_reserve(subject *s)
{
    return loam_bucket_reserve(&s->b, MANY);
}

static const verb verbs[] = {
    {"push", run_push, 64 + 64 + 1},
    {"push_slot", run_push_slot, 64 + 64 + 1},
    {"push_n", run_push_n, OLD + MANY},
    {"append", run_append, OLD + MANY},
    {"copy", run_copy, MANY},
    {"resize", run_resize, MANY},
    {"resize_uninit", run_resize_uninit, MANY},
    {"reserve", run_reserve, OLD},
};

static void begin(void *context, loam_allocator allocator)
{
    subject *s = (subject *)context;

    loam_bucket_init(&s->b, allocator);
    loam_bucket_init(&s->other, loam_libc_allocator());
    for (int i = 0; i < OLD; i++)
        EXPECT(loam_bucket_push(&s->b, i));
    EXPECT(loam_bucket_resize(&s->other, MANY));
    s->before = s->b.raw;
}

static bool step(void *context)
{
    subject *s = (subject *)context;

    return s->what->run(s);
}

static void look(void *context, bool done)
{
    subject *s = (subject *)context;
    bool copied = done && s->what->run == run_copy;

    EXPECT(loam_bucket_check(&s->b, NULL, NULL));
    EXPECT(done || memcmp(&s->before, &s->b.raw, sizeof s->before) == 0);
    EXPECT(!done || s->b.count == s->what->count);
    for (int i = 0; i < OLD && !copied; i++)
        EXPECT_EQ(*loam_bucket_at(&s->b, (size_t)i), i);
}

static void end(void *context)
{
    subject *s = (subject *)context;

    loam_bucket_deinit(&s->b);
    loam_bucket_deinit(&s->other);
}

static void run(unsigned flags)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        static subject s;

        s.what = &verbs[i];
        EXPECT(fail_each_allocation(&(fail_each_scenario){.name = verbs[i].name,
                                                          .context = &s,
                                                          .flags = flags,
                                                          .begin = begin,
                                                          .step = step,
                                                          .check = look,
                                                          .end = end}) > 0);
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
