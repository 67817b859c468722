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
