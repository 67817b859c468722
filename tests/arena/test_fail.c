/* test_fail.c: every public function of the arena that takes memory, with each call for memory
 * refused once and for ever: of a chain to its source, and of a reservation to the system. A
 * refusal is reported, leaves position and contents as they were, and is forgotten once there is
 * memory again.
 */
#include "arena_support.h"

#include "support/fail_each.h"
#include "support/fail_vm.h"

#include <loam/adapters.h>
#include <loam/scratch.h>

enum { OLD = 700, BIG = 3 << 20 };

typedef struct subject subject;

/* A step of an arena; `made` is what it returned, for `check`. */
typedef struct verb {
    const char *name;
    bool (*run)(subject *s);
} verb;

struct subject {
    const verb *what;
    loam_arena_config config;
    loam_arena *arena; /* NULL in cases of creation */
    loam_arena storage;
    loam_arena *made;
    char *old; /* OLD bytes that were there before */
    char *ptr;
    arena_state before;
};

/* ---- the verbs ---- */

static bool run_push(subject *s)
{
    return (s->ptr = (char *)loam_arena_push(s->arena, BIG)) != NULL;
}

static bool run_push_no_zero(subject *s)
{
    return (s->ptr = (char *)loam_arena_push_no_zero(s->arena, BIG)) != NULL;
}

static bool run_push_aligned(subject *s)
{
    return (s->ptr = (char *)loam_arena_push_aligned(s->arena, BIG, 4096)) != NULL;
}

static bool run_push_aligned_no_zero(subject *s)
{
    return (s->ptr = (char *)loam_arena_push_aligned_no_zero(s->arena, BIG, 1 << 20)) != NULL;
}

static bool run_push_array(subject *s)
{
    return (s->ptr = (char *)loam_arena_push_array(s->arena, BIG / 8, 8, 8)) != NULL;
}

static bool run_push_text(subject *s)
{
    static char text[BIG];

    memset(text, 'x', sizeof text);
    return (s->ptr = loam_arena_push_text(s->arena, text, sizeof text)) != NULL;
}

static bool run_prepare(subject *s)
{
    return loam_arena_prepare(s->arena, BIG, 64);
}

static bool run_align(subject *s)
{
    return loam_arena_align(s->arena, 1 << 21);
}

static bool run_resize(subject *s)
{
    return loam_arena_resize(s->arena, s->old, OLD, BIG);
}

static bool run_child(subject *s)
{
    return (s->made = loam_arena_create_child(s->arena, NULL)) != NULL;
}

static bool run_handle(subject *s)
{
    loam_allocator handle = loam_arena_allocator(s->arena);

    s->ptr = (char *)loam_zalloc(handle, BIG, 16);
    return s->ptr != NULL;
}

static const verb verbs[] = {
    {"push", run_push},
    {"push_no_zero", run_push_no_zero},
    {"push_aligned", run_push_aligned},
    {"push_aligned_no_zero", run_push_aligned_no_zero},
    {"push_array", run_push_array},
    {"push_text", run_push_text},
    {"prepare", run_prepare},
    {"align", run_align},
    {"handle", run_handle},
};

static const verb resize = {"resize", run_resize};
static const verb child = {"create_child", run_child};

static bool run_create(subject *s)
{
    return (s->made = loam_arena_create(&s->config)) != NULL;
}

/* A plain chain takes nothing at init; its first push does. */
static bool run_init(subject *s)
{
    if (!loam_arena_init(&s->storage, &s->config))
        return false;
    if (loam_arena_push(&s->storage, 5000)) {
        s->made = &s->storage;
        return true;
    }
    loam_arena_deinit(&s->storage);
    return false;
}

static const verb create = {"create", run_create};
static const verb init = {"init", run_init};

/* ---- the scenario ---- */

static void begin(void *context, loam_allocator allocator)
{
    subject *s = (subject *)context;

    s->made = NULL;
    s->ptr = NULL;
    s->arena = NULL;
    if (s->config.backing == LOAM_ARENA_CHAIN)
        s->config.source = allocator;
    else
        (void)loam_vm_trim(); /* so that reservations are asked of the system */
    if (s->what == &create || s->what == &init)
        return;
    s->arena = loam_arena_create(&s->config);
    EXPECT(s->arena != NULL);
    s->old = (char *)loam_arena_push_no_zero(s->arena, OLD);
    EXPECT(s->old != NULL);
    fill_pattern(s->old, OLD, 7);
    s->before = state_of(s->arena);
}

static bool step(void *context)
{
    subject *s = (subject *)context;

    return s->what->run(s);
}

static void check(void *context, bool done)
{
    subject *s = (subject *)context;

    if (done && s->made)
        EXPECT_GOOD(s->made);
    if (!s->arena)
        return;
    EXPECT_GOOD(s->arena);
    EXPECT(has_pattern(s->old, OLD, 7));
    if (!done)
        EXPECT_UNCHANGED(s->arena, &s->before,
                         stats_of(s->arena).failures - s->before.stats.failures);
    else if (s->ptr)
        EXPECT(loam_arena_owns(s->arena, s->ptr) && loam_arena_owns(s->arena, s->ptr + BIG - 1));
}

static void end(void *context)
{
    subject *s = (subject *)context;

    if (s->made == &s->storage)
        loam_arena_deinit(s->made);
    else if (!s->arena)
        loam_arena_destroy(s->made); /* a child goes with its parent */
    loam_arena_destroy(s->arena);
    if (s->config.backing != LOAM_ARENA_CHAIN)
        (void)loam_vm_trim();
}

static fail_each_scenario scenario_of(subject *s, const verb *what)
{
    s->what = what;
    return (fail_each_scenario){
        .name = what->name, .context = s, .begin = begin, .step = step, .check = check, .end = end};
}

/* ---- over a source that refuses ---- */

TEST(chain_whose_source_refuses, fast)
{
    static subject s = {.config = {.backing = LOAM_ARENA_CHAIN}};
    const verb *others[] = {&child, &create, &init};

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        fail_each_scenario scenario = scenario_of(&s, &verbs[i]);

        EXPECT(fail_each_allocation(&scenario) > 0);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        fail_each_scenario scenario = scenario_of(&s, others[i]);

        EXPECT(fail_each_allocation(&scenario) > 0);
    }
}

/* ---- over a system that refuses ---- */

static const char *const vm_kinds[] = {"reserve", "commit", "decommit, purge, release", "all",
                                       NULL};

static void arm_vm(void *context, size_t kind, size_t nth, bool for_ever)
{
    static const unsigned masks[] = {FAIL_VM_RESERVE, FAIL_VM_COMMIT, FAIL_VM_GIVE, FAIL_VM_ALL};

    (void)context;
    fail_vm_arm(masks[kind], nth, for_ever);
}

static size_t disarm_vm(void *context, size_t *refused)
{
    (void)context;
    fail_vm_disarm();
    *refused = fail_vm_refused();
    return fail_vm_calls();
}

static const fail_each_injector vm_injector = {NULL, vm_kinds, arm_vm, disarm_vm};

static void refuse_system(loam_arena_backing backing)
{
    static subject s;
    fail_each_scenario scenario;
    size_t refused = 0;

    s.config = (loam_arena_config){.backing = backing, .reserve = 64 << 20};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        scenario = scenario_of(&s, &verbs[i]);
        refused += fail_each_call(&scenario, &vm_injector);
    }
    scenario = scenario_of(&s, &resize);
    refused += fail_each_call(&scenario, &vm_injector);
    EXPECT(refused > 0);
}

TEST(reservation_that_the_system_refuses, fast)
{
    refuse_system(LOAM_ARENA_RESERVE);
}

TEST(reservation_and_chain_that_the_system_refuses, fast)
{
    refuse_system(LOAM_ARENA_RESERVE_CHAIN);
}

static void create_and_init(loam_arena_backing backing)
{
    static subject s;
    const verb *both[] = {&create, &init};

    s.config = (loam_arena_config){.backing = backing};
    for (size_t i = 0; i < 2; i++) {
        fail_each_scenario scenario = scenario_of(&s, both[i]);

        EXPECT(fail_each_call(&scenario, &vm_injector) > 0);
    }
}

TEST(life_that_the_system_refuses, fast)
{
    create_and_init(LOAM_ARENA_RESERVE);
    create_and_init(LOAM_ARENA_RESERVE_CHAIN);
}

/* ---- what was prepared ---- */

static void prepare_then_refuse(loam_arena_backing backing)
{
    static const loam_failing_config all = {.alloc = {.nth = 1, .for_ever = true}};

    for (size_t size = 1; size < 4 * MIB; size = size * 5 + 1) {
        for (size_t align = 1; align <= 64 * KIB; align *= 64) {
            loam_arena_config config = config_of(backing);
            loam_failing source;
            loam_arena arena;
            char *ptr;

            (void)loam_vm_trim();
            loam_failing_init(&source, loam_libc_allocator(), NULL);
            config.source = loam_failing_allocator(&source);
            begin_arena(&arena, &config);
            EXPECT(loam_arena_push(&arena, 900) != NULL);
            EXPECT(loam_arena_prepare(&arena, size, align));
            loam_failing_restart(&source, &all);
            fail_vm_arm(FAIL_VM_ALL, 1, true);
            ptr = (char *)loam_arena_push_aligned(&arena, size, align);
            EXPECT(ptr && is_aligned(ptr, align) && all_zero(ptr, size));
            EXPECT_EQ(fail_vm_refused() + loam_failing_failed(&source, LOAM_FAILING_ALLOC), 0);
            fail_vm_disarm();
            EXPECT_GOOD(&arena);
            loam_arena_deinit(&arena);
        }
    }
}

/* A push that was prepared asks nobody for memory any more. */
TEST(prepared_push_needs_nobody, fast)
{
    for_each_backing(prepare_then_refuse);
}

/* ---- giving back is never refused to the user ---- */

/* Each retention, with every call refused: the clear is done, and the refusals are counted. */
TEST(clear_that_the_system_refuses, fast)
{
    for (int retention = LOAM_ARENA_KEEP_DECAYING; retention <= LOAM_ARENA_GIVE_BACK; retention++) {
        loam_arena_config config = {.backing = LOAM_ARENA_RESERVE,
                                    .retention = (loam_arena_retention)retention};
        loam_arena *arena = loam_arena_create(&config);
        size_t refused = 0;
        char *ptr;

        for (int round = 0; round < 4; round++) {
            size_t size = round == 0 ? 8 << 20 : 1000;

            ptr = (char *)loam_arena_push_no_zero(arena, size);
            EXPECT(ptr != NULL);
            fill_pattern(ptr, size, 3);
            fail_vm_arm(FAIL_VM_ALL, 1, true);
            loam_arena_clear(arena);
            fail_vm_disarm();
            EXPECT_EQ(loam_arena_pos(arena), 0);
            refused += fail_vm_refused();
            EXPECT_EQ(stats_of(arena).refused, refused);
            EXPECT_GOOD(arena);
            ptr = (char *)loam_arena_push(arena, 8 << 20);
            EXPECT(ptr && all_zero(ptr, 8 << 20));
            loam_arena_pop_to(arena, 0);
        }
        fail_vm_arm(FAIL_VM_ALL, 1, true);
        loam_arena_destroy(arena);
        (void)loam_vm_trim();
        fail_vm_disarm();
        (void)loam_vm_trim();
    }
}

/* Scratch arenas: never NULL, whatever is refused. */
TEST(scratch_that_the_system_refuses, fast)
{
    for (size_t k = 1; k < 12; k++) {
        loam_scratch one, two;

        EXPECT(loam_scratch_release());
        (void)loam_vm_trim();
        fail_vm_arm(FAIL_VM_ALL, k, k % 2 == 0);
        one = loam_scratch_begin(NULL, 0);
        EXPECT(one.arena != NULL);
        (void)!loam_arena_push(one.arena, 100000);
        two = loam_scratch_begin(&one.arena, 1);
        EXPECT(two.arena != NULL);
        (void)!loam_arena_push(two.arena, 100000);
        fail_vm_disarm();
        EXPECT_GOOD(one.arena);
        EXPECT_GOOD(two.arena);
        loam_scratch_end(&two);
        loam_scratch_end(&one);
    }
}

TEST_MAIN
