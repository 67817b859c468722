/* test_fail.c: each call to the system that a span makes, refused once and for ever; limits of a
 * region. A refusal is reported, leaves everything as it was, and is forgotten. */
#include "heap/span/span_support.h"

#include "support/fail_vm.h"

#include <string.h>

static world the;

static size_t free_of(void)
{
    loam_span_figures figures = figures_of(&the.span);

    return figures.warm + figures.clean + figures.cold;
}

/* Runs that are cold, warm and clean are taken, grown and given; each is there or not. Returns how many
 * steps were refused. */
static size_t run_all(void)
{
    size_t refused = 0;
    char *at[6] = {NULL};
    static const size_t counts[6] = {4, 70, 1, 30, 8, 100};

    for (size_t i = 0; i < 6; i++) {
        size_t live = stats_of(&the.span).live;

        at[i] = (char *)loam_span_zalloc(&the.span, counts[i] * GRANULE, 1);
        if (at[i]) {
            EXPECT_EQ((unsigned char)at[i][0], 0);
            EXPECT_EQ((unsigned char)at[i][counts[i] * GRANULE - 1], 0);
            memset(at[i], 1, counts[i] * GRANULE);
        } else {
            refused++;
            EXPECT_EQ(stats_of(&the.span).live, live);
        }
        world_expect_good(&the);
    }
    if (at[5] && !loam_span_resize(&the.span, at[5], 100 * GRANULE, 101 * GRANULE))
        refused++;
    else if (at[5])
        EXPECT(loam_span_resize(&the.span, at[5], 101 * GRANULE, 100 * GRANULE));
    world_expect_good(&the);
    for (size_t i = 0; i < 6; i++)
        if (at[i])
            loam_span_dealloc(&the.span, at[i], counts[i] * GRANULE);
    world_expect_good(&the);
    EXPECT_EQ(stats_of(&the.span).live, 0);
    return refused;
}

static void run_refusals(const loam_span_config *config, bool for_ever)
{
    size_t refusals = 0;

    for (size_t k = 1; k < 200; k++) {
        size_t refused, calls, seen;

        test_note("call %zu%s", k, for_ever ? " and all after it" : "");
        (void)loam_vm_trim();
        world_begin(&the, 1, 16, config);
        fail_vm_arm(FAIL_VM_ALL & ~(unsigned)FAIL_VM_RELEASE, k, for_ever);
        refused = run_all();
        (void)loam_span_trim(&the.span);
        world_expect_good(&the);
        refused += run_all();
        (void)loam_span_trim(&the.span);
        world_expect_good(&the);
        calls = fail_vm_calls();
        seen = fail_vm_refused();
        fail_vm_disarm();
        refusals += refused + stats_of(&the.span).refused;
        EXPECT(seen == 0 || refused + stats_of(&the.span).refused != 0 || !for_ever);
        EXPECT_EQ(run_all(), 0);
        (void)loam_span_trim(&the.span);
        EXPECT_EQ(figures_of(&the.span).warm, 0);
        world_end(&the);
        if (calls < k)
            break;
    }
    EXPECT(refusals != 0);
    test_note(NULL);
}

TEST(each_call_is_refused_once, fast)
{
    run_refusals(&(loam_span_config){.chunks = LOAM_SPAN_DECOMMIT, .spans = LOAM_SPAN_DECOMMIT},
                 false);
    run_refusals(&(loam_span_config){.at_once = true, .shrunk = LOAM_SPAN_PURGE}, false);
}

TEST(each_call_is_refused_for_ever, fast)
{
    run_refusals(&(loam_span_config){.chunks = LOAM_SPAN_DECOMMIT, .spans = LOAM_SPAN_DECOMMIT},
                 true);
    run_refusals(&(loam_span_config){.spans = LOAM_SPAN_LAZY}, true);
}

TEST(init_and_add_report_refusals, fast)
{
    loam_region region;
    loam_span span;

    for (size_t k = 1; k <= 2; k++) {
        EXPECT(loam_region_init(&region, &(loam_region_config){.reserve = CHUNK}));
        fail_vm_arm(FAIL_VM_TAKE, k, true);
        EXPECT(!loam_span_init(&span, &region, NULL) || fail_vm_calls() < k);
        fail_vm_disarm();
        world_begin(&the, 1, 1, NULL);
        fail_vm_arm(FAIL_VM_TAKE, k, true);
        EXPECT(!loam_span_add(&the.span, &region) || fail_vm_calls() < k);
        fail_vm_disarm();
        world_end(&the);
        loam_region_deinit(&region);
    }
}

/* Runs of 28 and 30 granules, of which the first `warm` hold memory and the rest is decommitted. */
static void make_two_runs(size_t first_warm, size_t second_warm)
{
    static const size_t counts[4] = {28, 1, 30, 5};
    char *at[4], *part;

    world_begin(&the, 1, 1, &(loam_span_config){.at_once = true, .spans = LOAM_SPAN_DECOMMIT});
    for (size_t i = 0; i < 4; i++)
        at[i] = (char *)must_take(&the.span, counts[i], 1);
    loam_span_give(&the.span, at[0], 28);
    loam_span_give(&the.span, at[2], 30);
    (void)purge_all(&the.span, SIZE_MAX);
    EXPECT_EQ(figures_of(&the.span).cold, 58 * GRANULE);
    part = (char *)must_take(&the.span, first_warm, 1);
    EXPECT_PTR(part, at[0]);
    at[1] = (char *)must_take(&the.span, 28 - first_warm, 1); /* so that the next is behind it */
    at[3] = (char *)must_take(&the.span, second_warm, 1);
    EXPECT_PTR(at[3], at[2]);
    loam_span_give(&the.span, at[1], 28 - first_warm);
    (void)purge_all(&the.span, SIZE_MAX);
    loam_span_give(&the.span, part, first_warm);
    loam_span_give(&the.span, at[3], second_warm);
    EXPECT_EQ(figures_of(&the.span).warm, (first_warm + second_warm) * GRANULE);
    EXPECT_EQ(figures_of(&the.span).cold, (58 - first_warm - second_warm) * GRANULE);
    world_expect_good(&the);
}

/* The best fit would have to be committed; another run is. */
TEST(what_is_committed_is_taken_when_the_system_refuses, fast)
{
    char *ptr;

    make_two_runs(5, 30);
    fail_vm_arm(FAIL_VM_COMMIT, 1, true);
    ptr = (char *)must_take(&the.span, 28, 1);
    EXPECT_EQ(fail_vm_refused(), 1);
    EXPECT_EQ(figures_of(&the.span).cold, 23 * GRANULE);
    EXPECT_EQ(stats_of(&the.span).failures, 0);
    fail_vm_disarm();
    loam_span_give(&the.span, ptr, 28);
    world_end(&the);
}

/* None is committed as a whole: the one that needs the least is tried, and only that. */
TEST(the_smallest_need_is_tried_before_a_refusal, fast)
{
    size_t cold;
    char *ptr;

    make_two_runs(5, 25);
    cold = figures_of(&the.span).cold;
    fail_vm_arm(FAIL_VM_COMMIT, 1, true);
    EXPECT(!loam_span_take(&the.span, 28, 1, KIND, NULL, NULL));
    EXPECT_EQ(fail_vm_refused(), 2);
    EXPECT_EQ(figures_of(&the.span).cold, cold);
    world_expect_good(&the);
    fail_vm_arm(FAIL_VM_COMMIT, 1, false);
    ptr = (char *)must_take(&the.span, 28, 1);
    EXPECT_EQ(fail_vm_refused(), 1);
    EXPECT_EQ(figures_of(&the.span).cold, cold - 3 * GRANULE);
    fail_vm_disarm();
    loam_span_give(&the.span, ptr, 28);
    world_end(&the);
}

/* What crosses into chunks of the region: refused there, nothing is held that was not before. */
TEST(joining_is_undone_when_the_system_refuses, fast)
{
    loam_stats before, after;
    char *ptr;

    for (size_t k = 1; k < 10; k++) {
        size_t calls;

        world_begin(&the, 1, 4, &(loam_span_config){.at_once = true, .spans = LOAM_SPAN_DECOMMIT});
        ptr = (char *)must_take(&the.span, 33, 1);
        (void)purge_all(&the.span, SIZE_MAX);
        loam_region_stats(&the.regions[0], &before);
        fail_vm_arm(FAIL_VM_COMMIT, k, true);
        if (!loam_span_take(&the.span, 223, 1, KIND, NULL, NULL)) {
            EXPECT(!loam_span_resize_run(&the.span, ptr, 33, 256));
            loam_region_stats(&the.regions[0], &after);
            EXPECT_EQ(before.live, after.live);
            EXPECT_EQ(figures_of(&the.span).cold, 31 * GRANULE);
        }
        calls = fail_vm_calls();
        fail_vm_disarm();
        world_expect_good(&the);
        world_end(&the);
        EXPECT(k != 1 || calls >= k);
        if (calls < k)
            return;
    }
    TEST_FAIL("there is no end of calls");
}

/* The region's limit: what it refuses is refused, and met when there is room again. */
TEST(a_limit_is_felt_and_forgotten, fast)
{
    char *ptr, *other;
    size_t room;

    world_begin(&the, 1, 4, &(loam_span_config){.at_once = true});
    loam_region_set_limit(&the.regions[0], 2 * CHUNK);
    ptr = (char *)must_take(&the.span, 100, 1);
    room = free_of();
    EXPECT(!loam_span_take(&the.span, 100, 1, KIND, NULL, NULL));
    EXPECT(!loam_span_resize_run(&the.span, ptr, 100, 200));
    EXPECT_EQ(free_of(), room);
    world_expect_good(&the);
    loam_region_set_limit(&the.regions[0], 0);
    other = (char *)must_take(&the.span, 100, 1);
    loam_span_give(&the.span, ptr, 100);
    loam_span_give(&the.span, other, 100);
    world_end(&the);
}

/* What a span does not need, others get: empty chunks go to the region. */
TEST(two_spans_share_a_region_by_purging, fast)
{
    loam_span other;
    char *ptr;

    world_begin(&the, 1, 2, &(loam_span_config){.at_once = true});
    EXPECT(loam_span_init(&other, &the.regions[0], NULL));
    ptr = (char *)must_take(&the.span, 128, 1);
    loam_span_give(&the.span, ptr, 128);
    EXPECT(!loam_span_take(&other, 1, 1, KIND, NULL, NULL));
    (void)purge_all(&the.span, SIZE_MAX);
    EXPECT(loam_span_take(&other, 128, 1, KIND, NULL, NULL));
    loam_span_deinit(&other);
    world_end(&the);
}

TEST_MAIN
