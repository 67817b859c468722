/* test_fail_each.c: the driver finds what it is there to find. A toy container is right at first,
 * and then has one planted bug at a time. */
#include "support/fail_each.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* ---- the toy: a list of names, an array that grows over a copy of each ---- */

typedef enum bug {
    NO_BUG,
    LEAK,           /* the copy is lost where the array can't grow */
    HALF_CHANGE,    /* the count goes up before the last thing that can fail */
    FALSE_SUCCESS,  /* failure is not reported */
    FALSE_FAILURE,  /* failure is reported without a reason */
    STICKY_FAILURE, /* once failed, always failed */
    WRONG_SIZE      /* growth that failed is noted as done */
} bug;

enum { NAME_SIZE = 32, FIRST_ROOM = 2 };

typedef struct toy {
    bug planted;
    loam_allocator allocator;
    char **names;
    size_t count, room;
    bool failed;
    size_t target; /* of push_all: how many there are to be */
} toy;

static bool toy_grow(toy *t)
{
    size_t room = t->room ? t->room * 2 : FIRST_ROOM;
    char **names = loam_realloc(t->allocator, t->names, t->room * sizeof *names,
                                room * sizeof *names, LOAM_ALIGNOF(char *));

    if (!names) {
        if (t->planted == WRONG_SIZE)
            t->room = room;
        return false;
    }
    t->names = names;
    t->room = room;
    return true;
}

static bool toy_push(toy *t)
{
    char *name;

    if (t->planted == FALSE_FAILURE && t->count == 2)
        return false;
    if (t->planted == STICKY_FAILURE && t->failed)
        return false;
    name = loam_alloc(t->allocator, NAME_SIZE, 1);
    if (t->planted == HALF_CHANGE)
        t->count++;
    if (!name) {
        t->failed = true;
        return t->planted == FALSE_SUCCESS;
    }
    if (t->count >= t->room && !toy_grow(t)) {
        if (t->planted != LEAK)
            loam_dealloc(t->allocator, name, NAME_SIZE, 1);
        return false;
    }
    if (t->planted == HALF_CHANGE)
        t->count--;
    snprintf(name, NAME_SIZE, "name %zu", t->count);
    t->names[t->count++] = name;
    return true;
}

/* Full, so that the next push grows the array. */
static void begin_full(void *context, loam_allocator allocator)
{
    toy *t = context;

    *t = (toy){.planted = t->planted, .allocator = allocator, .target = t->target};
    while (t->count < FIRST_ROOM)
        EXPECT(toy_push(t));
}

static bool push_one(void *context)
{
    return toy_push(context);
}

static bool push_all(void *context)
{
    toy *t = context;

    while (t->count < t->target) {
        if (!toy_push(t))
            return false;
    }
    return true;
}

static void check_names(const toy *t)
{
    EXPECT_LE(t->count, t->room);
    for (size_t i = 0; i < t->count; i++) {
        char expected[NAME_SIZE];

        snprintf(expected, sizeof expected, "name %zu", i);
        EXPECT_STR(t->names[i], expected);
    }
}

static void check_one(void *context, bool done)
{
    const toy *t = context;

    EXPECT_EQ(t->count, (size_t)FIRST_ROOM + done);
    check_names(t);
}

static void check_all(void *context, bool done)
{
    const toy *t = context;

    EXPECT(t->count < t->target || done);
    check_names(t);
}

static void end_toy(void *context)
{
    toy *t = context;

    for (size_t i = 0; i < t->count; i++)
        loam_dealloc(t->allocator, t->names[i], NAME_SIZE, 1);
    loam_dealloc(t->allocator, t->names, t->room * sizeof *t->names, LOAM_ALIGNOF(char *));
}

static fail_each_scenario push_one_to(toy *t, unsigned flags)
{
    return (fail_each_scenario){
        .name = "toy push",
        .context = t,
        .flags = flags,
        .begin = begin_full,
        .step = push_one,
        .check = check_one,
        .end = end_toy,
    };
}

/* ---- what passes ---- */

/* A container without a bug passes, and each of its calls was refused in turn. */
TEST(right_container_passes, fast)
{
    toy t = {.planted = NO_BUG};
    fail_each_scenario one = push_one_to(&t, 0);
    fail_each_scenario inexact = push_one_to(&t, FAIL_EACH_INEXACT);
    fail_each_scenario bump = push_one_to(&t, FAIL_EACH_NO_RECLAIM);

    /* alloc: name; remap: array; alloc without remap: name, array. Each once, each for ever. */
    EXPECT_LE(2 * 4, fail_each_allocation(&one));
    EXPECT_LE(2 * 4, fail_each_allocation(&inexact));
    EXPECT_LE(2 * 4, fail_each_allocation(&bump));
}

/* A step of many calls goes on where it stopped. */
TEST(long_step_goes_on, fast)
{
    toy t = {.planted = NO_BUG, .target = 20};
    fail_each_scenario all = {
        .name = "toy push all",
        .context = &t,
        .begin = begin_full,
        .step = push_all,
        .check = check_all,
        .end = end_toy,
    };

    EXPECT_LE(2 * 18, fail_each_allocation(&all));
}

/* The traits and operations that a scenario asks for are those that it gets. */
static void begin_looks(void *context, loam_allocator allocator)
{
    const fail_each_scenario *s = context;

    EXPECT_EQ(loam_allocator_reclaims(allocator), (s->flags & FAIL_EACH_NO_RECLAIM) == 0);
    EXPECT_EQ((allocator.ops->traits & LOAM_EXACT) == 0, (s->flags & FAIL_EACH_INEXACT) != 0);
}

static bool step_does_nothing(void *context)
{
    (void)context;
    return true;
}

TEST(flags_choose_the_allocator, fast)
{
    for (unsigned flags = 0; flags < 4; flags++) {
        fail_each_scenario s = {
            .name = "looks", .flags = flags, .begin = begin_looks, .step = step_does_nothing};

        s.context = &s;
        EXPECT_EQ(fail_each_allocation(&s), 0);
    }
}

/* ---- what is found ---- */

static void drive_with_bug(void *context)
{
    fail_each_scenario one = push_one_to(context, 0);

    (void)fail_each_allocation(&one);
}

static void expect_found(bug planted, const char *message)
{
    toy t = {.planted = planted};
    test_child child;

    test_run_child(drive_with_bug, &t, &child);
    EXPECT_EQ(child.exit_code, 1);
    if (!strstr(child.output, message))
        TEST_FAIL("expected \"%s\" in: %s", message, child.output);
}

/* Each planted bug is found, and named for what it is. */
TEST(planted_bugs_are_found, fast)
{
    expect_found(LEAK, "blocks are still live at the end");
    expect_found(HALF_CHANGE, "check after a step that failed");
    expect_found(FALSE_SUCCESS, "check after a step that succeeded");
    expect_found(FALSE_FAILURE, "the step failed though nothing was refused");
    expect_found(STICKY_FAILURE, "the step failed again though nothing was refused");
}

/* A bug that makes the container write outside of its memory shows at the latest in its end. */
TEST(wrong_size_is_found, fast)
{
    toy t = {.planted = WRONG_SIZE};
    test_child child;

    test_run_child(drive_with_bug, &t, &child);
    EXPECT(child.exit_code != 0);
}

/* A failure says which call of which kind was refused. */
TEST(failure_names_the_call, fast)
{
    expect_found(HALF_CHANGE, "toy push: check after a step that failed, call 1 of kind \"alloc\" "
                              "refused once");
}

/* ---- other injectors ---- */

typedef struct doors {
    size_t kind, nth, calls, refused;
    bool for_ever;
    size_t opened[2];
    size_t refusals[2];
} doors;

static bool door_opens(doors *d, size_t kind)
{
    bool refuse;

    if (kind != d->kind)
        return true;
    d->calls++;
    refuse = d->nth != 0 && (d->calls == d->nth || (d->for_ever && d->calls > d->nth));
    d->refused += refuse;
    d->refusals[kind] += refuse;
    return !refuse;
}

static void arm_doors(void *context, size_t kind, size_t nth, bool for_ever)
{
    doors *d = context;

    d->kind = kind;
    d->nth = nth;
    d->for_ever = for_ever;
    d->calls = d->refused = 0;
}

static size_t disarm_doors(void *context, size_t *refused)
{
    doors *d = context;

    *refused = d->refused;
    d->nth = 0;
    return d->calls;
}

/* Two doors of the first kind and one of the second; all or none. */
static bool go_through(void *context)
{
    doors *d = context;

    return door_opens(d, 0) && door_opens(d, 1) && door_opens(d, 0);
}

/* Each call of each kind is refused, once and for ever. */
TEST(injector_of_another_kind, fast)
{
    static const char *const kinds[] = {"wood", "iron", NULL};
    doors d = {.kind = 2};
    fail_each_injector injector = {&d, kinds, arm_doors, disarm_doors};
    fail_each_scenario walk = {.name = "walk", .context = &d, .step = go_through};

    EXPECT_EQ(fail_each_call(&walk, &injector), 6);
    EXPECT_EQ(d.refusals[0], 4);
    EXPECT_EQ(d.refusals[1], 2);
}

TEST_MAIN
