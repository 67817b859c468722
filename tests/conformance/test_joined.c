/* test_joined.c: the conformance suite over the adapters that join two allocators, and over all
 * adapters at once.
 */
#include "pile.h"
#include "support/conformance.h"

/* ---- fallback ---- */

static loam_allocator make_fallback(void *context)
{
    pile *p = context;
    loam_allocator first = pile_begin(p);

    EXPECT(loam_fallback_init(&p->fallback, first, pile_begin_second(p)));
    return loam_fallback_allocator(&p->fallback);
}

static void end_fallback(void *context)
{
    pile *p = context;

    loam_fallback_deinit(&p->fallback);
    pile_finish_both(p);
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
        .press = pile_press_both,
        .footprint = pile_footprint_of_both,
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
    loam_allocator for_small = pile_begin(p);

    loam_split_init(&p->split, for_small, pile_begin_second(p), THRESHOLD);
    return loam_split_allocator(&p->split);
}

static void end_split(void *context)
{
    pile *p = context;

    loam_split_deinit(&p->split);
    pile_finish_both(p);
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
        .press = pile_press_both,
        .footprint = pile_footprint_of_both,
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
    loam_logging_config log = {.callback = pile_count_event, .context = p};
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
        .press = pile_press_both,
        .footprint = pile_footprint_of_both,
    });
}
