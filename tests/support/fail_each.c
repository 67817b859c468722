/* fail_each.c: see fail_each.h; for allocations, a scenario stands on a ground (ground.h). */
#include "support/fail_each.h"

#include "support/ground.h"
#include "support/test.h"

/* A step of more calls than this takes too long, since the driver repeats it for each of them. */
enum { CALL_LIMIT = 20000 };

/* ---- the driver ---- */

/* What is common to all runs of a scenario. */
typedef struct drive {
    const fail_each_scenario *scenario;
    const fail_each_injector *injector;
    loam_allocator allocator;
    void (*after)(void *context, const struct drive *d); /* looks at the allocator below */
    void *after_context;
    size_t refused;
    size_t kind; /* of this run */
    size_t nth;
    bool for_ever;
} drive;

__attribute__((noreturn)) static void drive_fail(const drive *d, const char *what)
{
    TEST_FAIL("%s: %s, with call %zu of kind \"%s\" refused %s", d->scenario->name, what, d->nth,
              d->injector->kinds[d->kind], d->for_ever ? "for ever" : "once");
}

/* The context of a failed EXPECT inside a scenario's own functions, in words. */
static void announce(const drive *d, const char *phase)
{
    test_note("%s: %s, call %zu of kind \"%s\" refused %s", d->scenario->name, phase, d->nth,
              d->injector->kinds[d->kind], d->for_ever ? "for ever" : "once");
}

static void check(const drive *d, bool done, const char *phase)
{
    announce(d, phase);
    if (d->scenario->check)
        d->scenario->check(d->scenario->context, done);
}

/* A step that failed is tried again, in peace. */
static void try_again(const drive *d)
{
    announce(d, "step once more");
    if (!d->scenario->step(d->scenario->context))
        drive_fail(d, "the step failed again though nothing was refused");
    check(d, true, "check after the second try");
}

/* One run. Returns whether there were enough calls for one of them to be refused. */
static bool drive_once(drive *d)
{
    const fail_each_scenario *scenario = d->scenario;
    size_t calls, refused;
    bool done;

    announce(d, "begin");
    if (scenario->begin)
        scenario->begin(scenario->context, d->allocator);
    announce(d, "step");
    d->injector->arm(d->injector->context, d->kind, d->nth, d->for_ever);
    done = scenario->step(scenario->context);
    calls = d->injector->disarm(d->injector->context, &refused);
    if (calls > CALL_LIMIT)
        drive_fail(d, "the step makes too many calls");
    if (!done && refused == 0)
        drive_fail(d, "the step failed though nothing was refused");
    check(d, done, done ? "check after a step that succeeded" : "check after a step that failed");
    if (!done)
        try_again(d);
    announce(d, "end");
    if (scenario->end)
        scenario->end(scenario->context);
    if (d->after)
        d->after(d->after_context, d);
    d->refused += refused;
    return calls >= d->nth;
}

/* Once with nothing refused, then each call of each kind. */
static void drive_all(drive *d)
{
    for (d->kind = 0; d->injector->kinds[d->kind]; d->kind++) {
        d->nth = 0;
        d->for_ever = false;
        (void)drive_once(d);
        for (int mode = 0; mode < 2; mode++) {
            d->for_ever = mode == 1;
            d->nth = 1;
            while (drive_once(d))
                d->nth++;
        }
    }
    test_note(NULL);
}

size_t fail_each_call(const fail_each_scenario *scenario, const fail_each_injector *injector)
{
    drive d = {.scenario = scenario, .injector = injector, .allocator = loam_libc_allocator()};

    drive_all(&d);
    return d.refused;
}

/* ---- over an allocator ---- */

typedef struct source {
    ground ground;
    loam_failing_op counted;
} source;

static const char *const allocation_kinds[] = {
    "alloc", "resize", "remap", "alloc (no resize, no remap)", NULL,
};

static void arm_source(void *context, size_t kind, size_t nth, bool for_ever)
{
    source *s = context;
    loam_failing_rule rule = {.nth = nth, .for_ever = for_ever};
    loam_failing_rule always = {.nth = 1, .for_ever = true};
    loam_failing_config config = {.alloc = rule};

    s->counted = LOAM_FAILING_ALLOC;
    if (kind == 1) {
        config = (loam_failing_config){.resize = rule};
        s->counted = LOAM_FAILING_RESIZE;
    } else if (kind == 2) {
        config = (loam_failing_config){.remap = rule};
        s->counted = LOAM_FAILING_REMAP;
    } else if (kind == 3) {
        config.resize = config.remap = always;
    }
    loam_failing_restart(&s->ground.failing, &config);
}

static size_t disarm_source(void *context, size_t *refused)
{
    source *s = context;
    const loam_failing *failing = &s->ground.failing;
    size_t calls = loam_failing_calls(failing, s->counted);

    *refused = 0;
    for (int op = 0; op < LOAM_FAILING_OPS; op++)
        *refused += loam_failing_failed(failing, (loam_failing_op)op);
    ground_press(&s->ground, false);
    return calls;
}

static void expect_nothing_live(void *context, const drive *d)
{
    source *s = context;

    if (d->scenario->flags & FAIL_EACH_NO_RECLAIM)
        ground_clear(&s->ground);
    else if (ground_blocks(&s->ground) != 0 || ground_live(&s->ground) != 0)
        drive_fail(d, "blocks are still live at the end");
}

size_t fail_each_allocation(const fail_each_scenario *scenario)
{
    source s;
    fail_each_injector injector = {&s, allocation_kinds, arm_source, disarm_source};
    drive d = {
        .scenario = scenario,
        .injector = &injector,
        .after = expect_nothing_live,
        .after_context = &s,
    };
    bool bump = (scenario->flags & FAIL_EACH_NO_RECLAIM) != 0;

    ground_init(&s.ground, bump ? GROUND_BUMP : GROUND_LIBC,
                (scenario->flags & FAIL_EACH_INEXACT) == 0);
    d.allocator = ground_allocator(&s.ground);
    drive_all(&d);
    ground_deinit(&s.ground);
    return d.refused;
}
