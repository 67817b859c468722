/* test_vec_fail.c: every operation of an array that takes memory, with each call for memory refused
 * once and for ever: of the allocator, and for a reserved array of the system. The array is exactly
 * as before then, and the same call is right once there is memory again.
 */
#include "support/fail_each.h"
#include "support/fail_vm.h"
#include "support/test.h"

#include <loam/vec_algorithms.h>
#include <loam/vm.h>

enum { FULL = 16, MANY = 5000 };

typedef LOAM_VEC(uint64_t) u64s;

typedef struct subject subject;

typedef struct verb {
    const char *name;
    bool (*run)(subject *s);
    size_t count;        /* then */
    bool may_be_refused; /* though there is memory */
} verb;

struct subject {
    const verb *what;
    bool empty; /* whether the array has no block before */
    bool reserved;
    u64s v;
    u64s before;
    u64s other;
};

static uint64_t outside[MANY];

/* ---- the verbs, over an array of FULL elements ---- */

static bool run_push(subject *s)
{
    return loam_vec_push(&s->v, s->v.count ? s->v.data[0] : 0);
}

static bool run_push_slot(subject *s)
{
    uint64_t *slot = loam_vec_push_slot(&s->v);

    if (slot)
        *slot = 0;
    return slot != NULL;
}

static bool run_push_slots(subject *s)
{
    uint64_t *slots = loam_vec_push_slots(&s->v, MANY);

    if (slots)
        memset(slots, 0, MANY * sizeof *slots);
    return slots != NULL;
}

static bool run_push_n(subject *s)
{
    return loam_vec_push_n(&s->v, outside, MANY);
}

static bool run_push_own(subject *s)
{
    return loam_vec_push_n(&s->v, s->v.data, s->v.count);
}

static bool run_append(subject *s)
{
    return loam_vec_append(&s->v, &s->v);
}

static bool run_insert(subject *s)
{
    return loam_vec_insert(&s->v, s->v.count, 0);
}

static bool run_insert_own(subject *s)
{
    return loam_vec_insert_n(&s->v, s->v.count, s->v.data, s->v.count);
}

static bool run_replace(subject *s)
{
    return loam_vec_replace(&s->v, s->v.count, 0, outside, MANY);
}

static int compare(void *context, const void *a, const void *b)
{
    (void)context;
    (void)a;
    (void)b;
    return 0;
}

static bool run_insert_sorted(subject *s)
{
    return loam_vec_insert_sorted(&s->v, compare, NULL, 0); /* behind all, which equal it */
}

static bool run_insert_slots(subject *s)
{
    uint64_t *slots = loam_vec_insert_slots(&s->v, s->v.count, MANY);

    if (slots)
        memset(slots, 0, MANY * sizeof *slots);
    return slots != NULL;
}

static bool run_resize(subject *s)
{
    return loam_vec_resize(&s->v, MANY);
}

static bool run_resize_uninit(subject *s)
{
    size_t old = s->v.count;

    if (!loam_vec_resize_uninit(&s->v, MANY))
        return false;
    memset(s->v.data + old, 0, (MANY - old) * sizeof *s->v.data);
    return true;
}

static bool run_assign(subject *s)
{
    return loam_vec_assign(&s->v, outside, MANY);
}

static bool run_copy(subject *s)
{
    return loam_vec_copy(&s->v, &s->other);
}

static bool run_fill(subject *s)
{
    return loam_vec_fill(&s->v, s->v.count, MANY, 0);
}

static bool run_reserve(subject *s)
{
    return loam_vec_reserve(&s->v, MANY);
}

static bool run_reserve_exact(subject *s)
{
    return loam_vec_reserve_exact(&s->v, MANY);
}

static bool run_shrink(subject *s)
{
    return loam_vec_erase_n(&s->v, FULL / 2, s->v.count - FULL / 2) &&
           loam_vec_shrink_to_fit(&s->v);
}

static const verb verbs[] = {
    {"push", run_push, FULL + 1, false},
    {"push_slot", run_push_slot, FULL + 1, false},
    {"push_slots", run_push_slots, FULL + MANY, false},
    {"push_n", run_push_n, FULL + MANY, false},
    {"push_n of its own", run_push_own, 2 * FULL, false},
    {"append", run_append, 2 * FULL, false},
    {"insert", run_insert, FULL + 1, false},
    {"insert_n of its own", run_insert_own, 2 * FULL, false},
    {"replace", run_replace, FULL + MANY, false},
    {"insert_sorted", run_insert_sorted, FULL + 1, false},
    {"insert_slots", run_insert_slots, FULL + MANY, false},
    {"resize", run_resize, MANY, false},
    {"resize_uninit", run_resize_uninit, MANY, false},
    {"assign", run_assign, MANY, false},
    {"copy", run_copy, MANY, false},
    {"fill", run_fill, FULL + MANY, false},
    {"reserve", run_reserve, FULL, false},
    {"reserve_exact", run_reserve_exact, FULL, false},
};

static const verb shrink = {"shrink_to_fit", run_shrink, FULL / 2, true};

/* ---- the scenario ---- */

/* Arrays of numbers whose first FULL are 1, 2, ... and the rest 0. */
static void fill(u64s *v, size_t n)
{
    EXPECT(loam_vec_resize(v, n));
    for (size_t i = 0; i < FULL && i < n; i++)
        v->data[i] = i + 1;
}

static void begin(void *context, loam_allocator allocator)
{
    subject *s = (subject *)context;

    loam_vec_init(&s->other, loam_libc_allocator());
    fill(&s->other, MANY);
    if (s->reserved) {
        (void)loam_vm_trim(); /* so that pages are asked of the system */
        EXPECT(loam_vec_init_reserved(&s->v, 2 * MANY));
    } else {
        loam_vec_init(&s->v, allocator);
    }
    if (!s->empty) {
        EXPECT(loam_vec_reserve_exact(&s->v, FULL));
        fill(&s->v, FULL);
        EXPECT_EQ(s->v.count, s->v.cap);
    }
    s->before = s->v;
}

static bool step(void *context)
{
    subject *s = (subject *)context;

    return s->what->run(s);
}

static void check(void *context, bool done)
{
    subject *s = (subject *)context;
    size_t had = s->empty ? 0 : FULL;

    EXPECT(loam_vec_check(&s->v, NULL, NULL));
    if (!done && s->what != &shrink)
        EXPECT(memcmp(&s->v, &s->before, sizeof s->v) == 0);
    if (done && !s->empty)
        EXPECT_EQ(s->v.count, s->what->count);
    if (s->what->run == run_assign && done)
        had = 0;
    if (s->what == &shrink)
        had = FULL / 2;
    for (size_t i = 0; i < had; i++)
        EXPECT_EQ(s->v.data[i], i + 1);
    if (s->v.count == 2 * FULL)
        EXPECT(memcmp(s->v.data, s->v.data + FULL, FULL * sizeof *s->v.data) == 0);
    else if (s->what->run != run_push && s->what->run != run_copy)
        for (size_t i = had; i < s->v.count; i++)
            EXPECT_EQ(s->v.data[i], 0);
}

static void end(void *context)
{
    subject *s = (subject *)context;

    loam_vec_deinit(&s->v);
    loam_vec_deinit(&s->other);
}

static void run(subject *s, const verb *what, unsigned flags, bool must_refuse)
{
    fail_each_scenario scenario = {what->name, s, flags, begin, step, check, end};
    size_t refused;

    s->what = what;
    refused = fail_each_allocation(&scenario);
    EXPECT(refused > 0 || !must_refuse);
}

static void run_all(bool empty, unsigned flags)
{
    static subject s;

    s = (subject){.empty = empty};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        test_note("%s", verbs[i].name);
        /* Over an empty array these two have nothing to do. */
        run(&s, &verbs[i], flags,
            !empty || (verbs[i].run != run_push_own && verbs[i].run != run_append &&
                       verbs[i].run != run_insert_own));
    }
}

TEST(growing, fast)
{
    run_all(false, 0);
}

TEST(growing_where_nothing_is_reclaimed, fast)
{
    run_all(false, FAIL_EACH_NO_RECLAIM);
}

TEST(first_block, fast)
{
    run_all(true, 0);
}

TEST(shrinking, fast)
{
    static subject s;

    run(&s, &shrink, 0, true);
}

/* ---- what takes memory and does without ---- */

static int by_low_bits(void *context, const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a % 8, y = *(const uint64_t *)b % 8;

    (void)context;
    return (x > y) - (x < y);
}

static void begin_descending(void *context, loam_allocator allocator)
{
    subject *s = (subject *)context;

    loam_vec_init(&s->v, allocator);
    loam_vec_init(&s->other, loam_libc_allocator());
    EXPECT(loam_vec_reserve_exact(&s->v, MANY));
    for (size_t i = 0; i < MANY; i++)
        EXPECT(loam_vec_push(&s->v, 7 - i % 8 + 8 * i));
    s->before = s->v;
}

static bool run_stable_sort(void *context)
{
    subject *s = (subject *)context;

    loam_vec_stable_sort(&s->v, by_low_bits, NULL);
    return true;
}

static void check_stable(void *context, bool done)
{
    const subject *s = (const subject *)context;

    EXPECT(done && memcmp(&s->v, &s->before, sizeof s->v) == 0);
    for (size_t i = 1; i < MANY; i++) {
        uint64_t a = s->v.data[i - 1], b = s->v.data[i];

        EXPECT(a % 8 < b % 8 || (a % 8 == b % 8 && a < b));
    }
}

TEST(sorting_stably, fast)
{
    static subject s;
    fail_each_scenario scenario = {"stable_sort",   &s,           0,  begin_descending,
                                   run_stable_sort, check_stable, end};

    EXPECT(fail_each_allocation(&scenario) > 0);
    scenario.flags = FAIL_EACH_NO_RECLAIM;
    EXPECT(fail_each_allocation(&scenario) > 0);
}

/* ---- what a reserved array asks of the system ---- */

static void arm(void *context, size_t kind, size_t nth, bool for_ever)
{
    (void)context;
    (void)kind;
    fail_vm_arm(FAIL_VM_TAKE, nth, for_ever);
}

static size_t disarm(void *context, size_t *refused)
{
    (void)context;
    fail_vm_disarm();
    *refused = fail_vm_refused();
    return fail_vm_calls();
}

static const char *const kinds[] = {"page calls", NULL};
static const fail_each_injector pages = {NULL, kinds, arm, disarm};

TEST(growing_a_reserved_one, fast)
{
    static subject s;
    size_t refused = 0;

    s.reserved = true;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        fail_each_scenario scenario = {verbs[i].name, &s, 0, begin, step, check, end};

        s.what = &verbs[i];
        refused += fail_each_call(&scenario, &pages);
    }
    EXPECT(refused > 0);
}

static bool run_init_reserved(void *context)
{
    subject *s = (subject *)context;

    return loam_vec_init_reserved(&s->v, MANY);
}

static void begin_nothing(void *context, loam_allocator allocator)
{
    (void)context;
    (void)allocator;
    (void)loam_vm_trim();
}

static void end_reserved(void *context)
{
    subject *s = (subject *)context;

    loam_vec_deinit(&s->v);
}

TEST(making_a_reserved_one, fast)
{
    static subject s;
    fail_each_scenario scenario = {"init_reserved",   &s,   0,           begin_nothing,
                                   run_init_reserved, NULL, end_reserved};

    EXPECT(fail_each_call(&scenario, &pages) > 0);
}

TEST_MAIN
