/* test_common.c: the conformance suite over the allocators that need no layer, and over each
 * adapter, on allocators that reclaim and on one that does not.
 *
 * Adapters stand on a ground that can refuse everything (the section "pressure") and that knows
 * what is live: at the end of each section nothing may be.
 */
#include "support/conformance.h"
#include "support/fail_vm.h"
#include "support/ground.h"
#include "support/test.h"

#include <loam/adapters.h>
#include <loam/vm.h>

/* ---- no adapter ---- */

static loam_allocator make_libc(void *context)
{
    (void)context;
    return loam_libc_allocator();
}

TEST(libc, fast)
{
    loam_conformance_run(&(conformance_subject){.name = "libc", .make = make_libc});
}

static loam_allocator make_vm(void *context)
{
    (void)context;
    return loam_vm_allocator();
}

static void press_vm(void *context, bool on)
{
    (void)context;
    if (on)
        fail_vm_arm(FAIL_VM_ALL, 1, true);
    else
        fail_vm_disarm();
}

TEST(vm, fast)
{
    loam_conformance_run(&(conformance_subject){
        .name = "vm",
        .make = make_vm,
        .max_size = (size_t)16 << 20,
        .max_align = (size_t)4 << 20,
        .overhead = loam_vm_page_size(),
        .press = press_vm,
    });
}

/* ---- one adapter, or several, over one ground or two ---- */

typedef struct pile {
    ground_kind kind;
    ground_kind second_kind;
    size_t limit;
    ground ground;
    ground second_ground; /* of the adapters that have two */
    loam_checked checked;
    loam_counting counting;
    loam_budget parent;
    loam_budget budget;
    loam_failing failing;
    loam_locked locked;
    loam_logging logging;
    loam_fallback fallback;
    loam_split split;
    size_t events;
} pile;

static loam_allocator begin(pile *p)
{
    ground_init(&p->ground, p->kind, false);
    return ground_allocator(&p->ground);
}

static loam_allocator begin_second(pile *p)
{
    ground_init(&p->second_ground, p->second_kind, false);
    return ground_allocator(&p->second_ground);
}

static void finish(pile *p)
{
    EXPECT_EQ(ground_blocks(&p->ground), 0);
    EXPECT_EQ(ground_live(&p->ground), 0);
    ground_deinit(&p->ground);
}

static void finish_both(pile *p)
{
    finish(p);
    EXPECT_EQ(ground_blocks(&p->second_ground), 0);
    EXPECT_EQ(ground_live(&p->second_ground), 0);
    ground_deinit(&p->second_ground);
}

static void press(void *context, bool on)
{
    pile *p = context;

    ground_press(&p->ground, on);
}

static void press_both(void *context, bool on)
{
    pile *p = context;

    ground_press(&p->ground, on);
    ground_press(&p->second_ground, on);
}

static size_t footprint(void *context)
{
    const pile *p = context;

    return ground_live(&p->ground);
}

static size_t footprint_of_both(void *context)
{
    const pile *p = context;

    return ground_live(&p->ground) + ground_live(&p->second_ground);
}

/* A bump is promised a quarter of what it has, since red zones and alignment take their share. */
static size_t capacity_of(ground_kind kind)
{
    return kind == GROUND_BUMP ? GROUND_BUMP_SIZE / 4 : 0;
}

static void run(const char *name, ground_kind kind, loam_allocator (*make)(void *),
                void (*end)(void *))
{
    pile p = {.kind = kind};

    loam_conformance_run(&(conformance_subject){
        .name = name,
        .context = &p,
        .make = make,
        .end = end,
        .capacity = capacity_of(kind),
        .max_size = kind == GROUND_BUMP ? GROUND_BUMP_SIZE / 16 : 0,
        .max_align = kind == GROUND_BUMP ? 1 << 17 : 0,
        .overhead = 256,
        .bounded = kind == GROUND_BUMP,
        .press = press,
        .footprint = footprint,
    });
}

/* ---- no adapter but those of the ground ---- */

static loam_allocator make_ground(void *context)
{
    return begin(context);
}

static void end_ground(void *context)
{
    finish(context);
}

TEST(toy_bump, fast)
{
    run("toy bump", GROUND_BUMP, make_ground, end_ground);
}

/* ---- checked ---- */

static loam_allocator make_checked(void *context)
{
    pile *p = context;

    loam_checked_init(&p->checked, begin(p), NULL);
    return loam_checked_allocator(&p->checked);
}

static void end_checked(void *context)
{
    pile *p = context;

    EXPECT(loam_checked_check(&p->checked, NULL, NULL));
    loam_checked_deinit(&p->checked);
    finish(p);
}

TEST(checked_over_libc, fast)
{
    run("checked over libc", GROUND_LIBC, make_checked, end_checked);
}

TEST(checked_over_vm, fast)
{
    run("checked over vm", GROUND_VM, make_checked, end_checked);
}

TEST(checked_over_checked, fast)
{
    run("checked over checked", GROUND_CHECKED, make_checked, end_checked);
}

TEST(checked_over_bump, fast)
{
    run("checked over bump", GROUND_BUMP, make_checked, end_checked);
}

/* Without red zones and quarantine, the allocator below sees the sizes that the caller asks for. */
static loam_allocator make_checked_bare(void *context)
{
    static const loam_checked_config bare = {.red_zone = LOAM_CHECKED_NONE,
                                             .quarantine = LOAM_CHECKED_NONE};
    pile *p = context;

    loam_checked_init(&p->checked, begin(p), &bare);
    return loam_checked_allocator(&p->checked);
}

TEST(checked_bare_over_libc, fast)
{
    run("bare checked over libc", GROUND_LIBC, make_checked_bare, end_checked);
}

TEST(checked_bare_over_bump, fast)
{
    run("bare checked over bump", GROUND_BUMP, make_checked_bare, end_checked);
}

/* ---- counting ---- */

static loam_allocator make_counting(void *context)
{
    pile *p = context;

    loam_counting_init(&p->counting, begin(p));
    return loam_counting_allocator(&p->counting);
}

static void end_counting(void *context)
{
    pile *p = context;
    loam_stats stats;

    loam_counting_stats(&p->counting, &stats);
    EXPECT_EQ(stats.live, 0);
    EXPECT_EQ(stats.blocks, 0);
    loam_counting_deinit(&p->counting);
    finish(p);
}

TEST(counting_over_libc, fast)
{
    run("counting over libc", GROUND_LIBC, make_counting, end_counting);
}

TEST(counting_over_vm, fast)
{
    run("counting over vm", GROUND_VM, make_counting, end_counting);
}

TEST(counting_over_checked, fast)
{
    run("counting over checked", GROUND_CHECKED, make_counting, end_counting);
}

TEST(counting_over_bump, fast)
{
    run("counting over bump", GROUND_BUMP, make_counting, end_counting);
}

/* ---- budget ---- */

static loam_allocator make_budget(void *context)
{
    pile *p = context;
    loam_budget_config parent = {.tag = "parent", .limit = p->limit};
    loam_budget_config child = {.tag = "child", .limit = 2 * p->limit, .parent = &p->parent};
    loam_allocator below = begin(p);

    loam_budget_init(&p->parent, below, &parent);
    loam_budget_init(&p->budget, below, &child);
    return loam_budget_allocator(&p->budget);
}

static void end_budget(void *context)
{
    pile *p = context;
    loam_stats stats;

    loam_budget_stats(&p->parent, &stats);
    EXPECT_EQ(stats.live, 0);
    EXPECT_EQ(stats.blocks, 0);
    loam_budget_deinit(&p->budget);
    loam_budget_deinit(&p->parent);
    finish(p);
}

TEST(budget_over_libc, fast)
{
    run("budget over libc", GROUND_LIBC, make_budget, end_budget);
}

TEST(budget_over_checked, fast)
{
    run("budget over checked", GROUND_CHECKED, make_budget, end_budget);
}

TEST(budget_over_bump, fast)
{
    run("budget over bump", GROUND_BUMP, make_budget, end_budget);
}

/* With a limit over an allocator that reclaims, the brim is reached, and again after a refill. */
TEST(budget_with_limit, fast)
{
    pile p = {.kind = GROUND_LIBC, .limit = 1 << 20};

    loam_conformance_run(&(conformance_subject){
        .name = "budget with a limit",
        .context = &p,
        .make = make_budget,
        .end = end_budget,
        .capacity = p.limit,
        .max_size = p.limit / 4,
        .bounded = true,
        .press = press,
        .footprint = footprint,
    });
}

/* A quarantine is charged to the budget below, and is given up before a request is refused. */
static loam_allocator make_checked_budget(void *context)
{
    pile *p = context;

    loam_checked_init(&p->checked, make_budget(p), NULL);
    return loam_checked_allocator(&p->checked);
}

static void end_checked_budget(void *context)
{
    pile *p = context;

    loam_checked_deinit(&p->checked);
    end_budget(p);
}

TEST(checked_over_budget, fast)
{
    pile p = {.kind = GROUND_LIBC, .limit = 1 << 22};

    loam_conformance_run(&(conformance_subject){
        .name = "checked over a budget",
        .context = &p,
        .make = make_checked_budget,
        .end = end_checked_budget,
        .capacity = p.limit / 4,
        .max_size = p.limit / 16,
        .max_align = p.limit / 16,
        .overhead = 256,
        .bounded = true,
        .press = press,
        .footprint = footprint,
    });
}

/* ---- failing, that does not fail ---- */

static loam_allocator make_failing(void *context)
{
    pile *p = context;

    loam_failing_init(&p->failing, begin(p), NULL);
    return loam_failing_allocator(&p->failing);
}

static void end_failing(void *context)
{
    pile *p = context;

    loam_failing_deinit(&p->failing);
    finish(p);
}

TEST(failing_over_libc, fast)
{
    run("failing over libc", GROUND_LIBC, make_failing, end_failing);
}

TEST(failing_over_checked, fast)
{
    run("failing over checked", GROUND_CHECKED, make_failing, end_failing);
}

TEST(failing_over_bump, fast)
{
    run("failing over bump", GROUND_BUMP, make_failing, end_failing);
}

/* Failing by chance is a matter of promises alone: every other rule holds. */
static loam_allocator make_failing_by_chance(void *context)
{
    pile *p = context;
    loam_failing_rule tenth = {.per_million = 100000};
    loam_failing_config config = {
        .alloc = tenth, .resize = tenth, .remap = tenth, .seed = test_seed()};

    loam_failing_init(&p->failing, begin(p), &config);
    return loam_failing_allocator(&p->failing);
}

static bool serves_nothing_for_sure(void *context, size_t size, size_t align)
{
    (void)context, (void)size, (void)align;
    return false;
}

TEST(failing_by_chance, fast)
{
    pile p = {.kind = GROUND_LIBC};

    loam_conformance_run(&(conformance_subject){
        .name = "failing by chance",
        .context = &p,
        .make = make_failing_by_chance,
        .end = end_failing,
        .serves = serves_nothing_for_sure,
        .press = press,
        .footprint = footprint,
    });
}

/* ---- locked ---- */

static loam_allocator make_locked(void *context)
{
    pile *p = context;

    loam_locked_init(&p->locked, begin(p));
    return loam_locked_allocator(&p->locked);
}

static void end_locked(void *context)
{
    pile *p = context;

    loam_locked_deinit(&p->locked);
    finish(p);
}

TEST(locked_over_libc, fast)
{
    run("locked over libc", GROUND_LIBC, make_locked, end_locked);
}

TEST(locked_over_checked, fast)
{
    run("locked over checked", GROUND_CHECKED, make_locked, end_locked);
}

TEST(locked_over_bump, fast)
{
    run("locked over bump", GROUND_BUMP, make_locked, end_locked);
}

/* ---- logging ---- */

static void count_event(void *context, const loam_logging_event *event)
{
    pile *p = context;

    p->events++;
    EXPECT(event->number > 0);
}

static loam_allocator make_logging(void *context)
{
    pile *p = context;
    loam_logging_config config = {.callback = count_event, .context = p};

    loam_logging_init(&p->logging, begin(p), &config);
    return loam_logging_allocator(&p->logging);
}

static void end_logging(void *context)
{
    pile *p = context;

    loam_logging_deinit(&p->logging);
    finish(p);
}

TEST(logging_over_libc, fast)
{
    run("logging over libc", GROUND_LIBC, make_logging, end_logging);
}

TEST(logging_over_checked, fast)
{
    run("logging over checked", GROUND_CHECKED, make_logging, end_logging);
}

TEST(logging_over_bump, fast)
{
    run("logging over bump", GROUND_BUMP, make_logging, end_logging);
}

/* ---- fallback ---- */

static loam_allocator make_fallback(void *context)
{
    pile *p = context;
    loam_allocator first = begin(p);

    EXPECT(loam_fallback_init(&p->fallback, first, begin_second(p)));
    return loam_fallback_allocator(&p->fallback);
}

static void end_fallback(void *context)
{
    pile *p = context;

    loam_fallback_deinit(&p->fallback);
    finish_both(p);
}

static void run_fallback(const char *name, ground_kind second, size_t capacity)
{
    pile p = {.kind = GROUND_BUMP, .second_kind = second};

    loam_conformance_run(&(conformance_subject){
        .name = name,
        .context = &p,
        .make = make_fallback,
        .end = end_fallback,
        .capacity = capacity,
        .max_size = GROUND_BUMP_SIZE / 16,
        .max_align = 1 << 17,
        .overhead = 256,
        .bounded = second == GROUND_BUMP,
        .press = press_both,
        .footprint = footprint_of_both,
    });
}

/* The bump fills, and the rest goes to libc. */
TEST(fallback_bump_libc, fast)
{
    run_fallback("fallback of bump to libc", GROUND_LIBC, (size_t)4 * GROUND_BUMP_SIZE);
}

TEST(fallback_bump_checked, fast)
{
    run_fallback("fallback of bump to checked", GROUND_CHECKED, (size_t)4 * GROUND_BUMP_SIZE);
}

TEST(fallback_bump_bump, fast)
{
    run_fallback("fallback of bump to bump", GROUND_BUMP, GROUND_BUMP_SIZE);
}

/* ---- split ---- */

enum { THRESHOLD = 5000 };

static loam_allocator make_split(void *context)
{
    pile *p = context;
    loam_allocator for_small = begin(p);

    loam_split_init(&p->split, for_small, begin_second(p), THRESHOLD);
    return loam_split_allocator(&p->split);
}

static void end_split(void *context)
{
    pile *p = context;

    loam_split_deinit(&p->split);
    finish_both(p);
}

static void run_split(const char *name, ground_kind small, ground_kind large)
{
    pile p = {.kind = small, .second_kind = large};
    bool bump = small == GROUND_BUMP || large == GROUND_BUMP;

    loam_conformance_run(&(conformance_subject){
        .name = name,
        .context = &p,
        .make = make_split,
        .end = end_split,
        .capacity = bump ? GROUND_BUMP_SIZE / 4 : 0,
        .max_size = bump ? GROUND_BUMP_SIZE / 16 : 0,
        .max_align = bump ? 1 << 17 : 0,
        .overhead = 256,
        .press = press_both,
        .footprint = footprint_of_both,
    });
}

TEST(split_libc_vm, fast)
{
    run_split("split of libc and vm", GROUND_LIBC, GROUND_VM);
}

TEST(split_checked_checked, fast)
{
    run_split("split of checked and checked", GROUND_CHECKED, GROUND_CHECKED);
}

TEST(split_bump_libc, fast)
{
    run_split("split of bump and libc", GROUND_BUMP, GROUND_LIBC);
}

TEST(split_bump_bump, fast)
{
    run_split("split of bump and bump", GROUND_BUMP, GROUND_BUMP);
}

/* ---- all at once ---- */

static loam_allocator make_stack(void *context)
{
    pile *p = context;
    loam_logging_config log = {.callback = count_event, .context = p};
    loam_budget_config budget = {.tag = "stack"};

    loam_checked_init(&p->checked, make_split(p), NULL);
    loam_counting_init(&p->counting, loam_checked_allocator(&p->checked));
    loam_budget_init(&p->budget, loam_counting_allocator(&p->counting), &budget);
    loam_failing_init(&p->failing, loam_budget_allocator(&p->budget), NULL);
    loam_logging_init(&p->logging, loam_failing_allocator(&p->failing), &log);
    loam_locked_init(&p->locked, loam_logging_allocator(&p->logging));
    return loam_locked_allocator(&p->locked);
}

static void end_stack(void *context)
{
    pile *p = context;

    loam_locked_deinit(&p->locked);
    loam_logging_deinit(&p->logging);
    loam_failing_deinit(&p->failing);
    loam_budget_deinit(&p->budget);
    loam_counting_deinit(&p->counting);
    loam_checked_deinit(&p->checked);
    end_split(p);
}

TEST(stack_of_adapters, fast)
{
    pile p = {.kind = GROUND_LIBC, .second_kind = GROUND_VM};

    loam_conformance_run(&(conformance_subject){
        .name = "all adapters",
        .context = &p,
        .make = make_stack,
        .end = end_stack,
        .press = press_both,
        .footprint = footprint_of_both,
    });
}

TEST_MAIN
