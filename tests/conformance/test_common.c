/* test_common.c: the conformance suite over the allocators that need no layer, and over each
 * adapter of one allocator, on allocators that reclaim and on one that does not. What joins two
 * allocators is in test_joined.c.
 */
#include "pile.h"
#include "support/conformance.h"
#include "support/fail_vm.h"

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

/* ---- one adapter, or several, over one ground ---- */

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
        .press = pile_press,
        .footprint = pile_footprint,
    });
}

/* ---- no adapter but those of the ground ---- */

static loam_allocator make_ground(void *context)
{
    return pile_begin(context);
}

static void end_ground(void *context)
{
    pile_finish(context);
}

TEST(toy_bump, fast)
{
    run("toy bump", GROUND_BUMP, make_ground, end_ground);
}

/* ---- checked ---- */

static loam_allocator make_checked(void *context)
{
    pile *p = context;

    loam_checked_init(&p->checked, pile_begin(p), NULL);
    return loam_checked_allocator(&p->checked);
}

static void end_checked(void *context)
{
    pile *p = context;

    EXPECT(loam_checked_check(&p->checked, NULL, NULL));
    loam_checked_deinit(&p->checked);
    pile_finish(p);
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

    loam_checked_init(&p->checked, pile_begin(p), &bare);
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

    loam_counting_init(&p->counting, pile_begin(p));
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
    pile_finish(p);
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
    loam_allocator below = pile_begin(p);

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
    pile_finish(p);
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
        .press = pile_press,
        .footprint = pile_footprint,
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
        .press = pile_press,
        .footprint = pile_footprint,
    });
}

/* ---- failing, that does not fail ---- */

static loam_allocator make_failing(void *context)
{
    pile *p = context;

    loam_failing_init(&p->failing, pile_begin(p), NULL);
    return loam_failing_allocator(&p->failing);
}

static void end_failing(void *context)
{
    pile *p = context;

    loam_failing_deinit(&p->failing);
    pile_finish(p);
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

    loam_failing_init(&p->failing, pile_begin(p), &config);
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
        .press = pile_press,
        .footprint = pile_footprint,
    });
}

/* ---- locked ---- */

static loam_allocator make_locked(void *context)
{
    pile *p = context;

    loam_locked_init(&p->locked, pile_begin(p));
    return loam_locked_allocator(&p->locked);
}

static void end_locked(void *context)
{
    pile *p = context;

    loam_locked_deinit(&p->locked);
    pile_finish(p);
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

static loam_allocator make_logging(void *context)
{
    pile *p = context;
    loam_logging_config config = {.callback = pile_count_event, .context = p};

    loam_logging_init(&p->logging, pile_begin(p), &config);
    return loam_logging_allocator(&p->logging);
}

static void end_logging(void *context)
{
    pile *p = context;

    loam_logging_deinit(&p->logging);
    pile_finish(p);
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

TEST_MAIN
