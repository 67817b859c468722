/* test_fail.c: each call for memory that a pool makes, refused once and for ever: of an allocator, of
 * granules, and of the system below a region. A refusal is reported, leaves blocks and figures as
 * they were, and is forgotten when there is memory again. */
#include "pool/pool_support.h"

#include "support/blocks.h"
#include "support/fail_each.h"
#include "support/fail_vm.h"

#include <string.h>

typedef struct request {
    size_t size, align, count;
} request;

/* Several slabs of some classes, aligned ones, and large blocks. */
static const request plan[] = {
    {24, 8, 100},   {64, 64, 1500}, {1000, 8, 150}, {100000, 16, 2}, {300, 256, 10},
    {9000, 16, 40}, {50, 8192, 2},  {24, 8, 3000},  {70000, 8, 3},   {2048, 2048, 40},
};

enum { PLAN = sizeof plan / sizeof *plan };

typedef struct subject {
    loam_allocator allocator;
    source *source;      /* or NULL: the allocator */
    loam_region *region; /* or NULL; of its own, made anew */
    size_t slab;
    bool made;
    loam_pool pool;
    test_blocks live;
    size_t at, done; /* which request, and how many of it were met */
    size_t failures;
} subject;

static void begin(void *context, loam_allocator allocator)
{
    subject *s = (subject *)context;

    s->allocator = allocator;
    s->made = false;
    s->at = s->done = s->failures = 0;
    test_blocks_init(&s->live);
}

static bool make_pool(subject *s)
{
    loam_pool_config config = {.allocator = s->allocator, .slab = s->slab, .largest = 10000};

    if (s->made)
        return true;
    if (s->source)
        config.granules = s->source->granules;
    if (s->region) {
        (void)loam_vm_trim(); /* so that pages are asked of the system */
        if (!loam_region_init(s->region, &(loam_region_config){.reserve = 64 * MIB}))
            return false;
        config.granules = loam_region_granules(s->region);
    }
    s->made = loam_pool_init(&s->pool, &config);
    if (!s->made && s->region)
        loam_region_deinit(s->region);
    return s->made;
}

static bool step(void *context)
{
    subject *s = (subject *)context;

    if (!make_pool(s))
        return false;
    for (; s->at < PLAN; s->at++, s->done = 0) {
        const request *r = &plan[s->at];

        for (; s->done < r->count; s->done++) {
            void *ptr = loam_pool_take_aligned(&s->pool, r->size, r->align);

            if (!ptr) {
                s->failures++;
                return false;
            }
            EXPECT(is_aligned(ptr, r->align));
            EXPECT(test_blocks_disjoint(&s->live, ptr, r->size));
            (void)test_blocks_add(&s->live, ptr, r->size, r->align);
        }
    }
    return true;
}

static void check(void *context, bool done)
{
    subject *s = (subject *)context;
    loam_stats stats;

    EXPECT(!done || s->at == PLAN);
    EXPECT_EQ(test_blocks_broken(&s->live), s->live.count);
    if (!s->made)
        return;
    stats = pool_stats(&s->pool);
    EXPECT_EQ(stats.blocks, s->live.count);
    EXPECT_EQ(stats.failures, s->failures);
    EXPECT_GOOD_POOL(&s->pool);
}

static void end(void *context)
{
    subject *s = (subject *)context;

    while (s->live.count > 0) {
        test_block block = test_blocks_remove(&s->live, s->live.count / 2);

        loam_pool_give_aligned(&s->pool, block.ptr, block.size, block.align);
    }
    test_blocks_deinit(&s->live);
    EXPECT_EQ(pool_stats(&s->pool).live, 0);
    loam_pool_deinit(&s->pool);
    if (s->source)
        EXPECT_EQ(source_held(s->source), 0);
    if (s->region) {
        EXPECT_EQ(s->region->held, 0);
        loam_region_deinit(s->region);
    }
}

static subject the;

static fail_each_scenario scenario_of(const char *name, unsigned flags)
{
    return (fail_each_scenario){name, &the, flags, begin, step, check, end};
}

/* ---- over an allocator ---- */

TEST(over_an_allocator, fast)
{
    static const size_t slabs[] = {0, 64 * KIB, 256 * KIB};

    for (size_t i = 0; i < 3; i++) {
        fail_each_scenario scenario = scenario_of("pool", i == 1 ? FAIL_EACH_INEXACT : 0);

        the = (subject){.slab = slabs[i]};
        EXPECT(fail_each_allocation(&scenario) > 0);
    }
}

TEST(where_nothing_is_reclaimed, fast)
{
    fail_each_scenario scenario = scenario_of("pool on a bump", FAIL_EACH_NO_RECLAIM);

    the = (subject){.slab = 64 * KIB};
    EXPECT(fail_each_allocation(&scenario) > 0);
}

/* ---- over granules ---- */

static void arm_source(void *context, size_t kind, size_t nth, bool for_ever)
{
    (void)kind;
    source_refuse((source *)context, nth, for_ever);
}

static size_t disarm_source(void *context, size_t *refused)
{
    source *src = (source *)context;
    size_t calls = src->calls;

    *refused = source_refused(src);
    source_refuse(src, 0, false);
    return calls;
}

TEST(over_granules, fast)
{
    static const char *const kinds[] = {"granules", NULL};
    static const source_kind over[] = {SOURCE_REGION, SOURCE_REGIONS};

    for (size_t i = 0; i < 2; i++) {
        static source src;
        fail_each_injector injector = {&src, kinds, arm_source, disarm_source};
        fail_each_scenario scenario = scenario_of(source_name(over[i]), 0);

        source_begin(&src, over[i]);
        the = (subject){.source = &src};
        EXPECT(fail_each_call(&scenario, &injector) > 0);
        source_end(&src);
    }
}

/* ---- over a region whose system refuses ---- */

static void arm_system(void *context, size_t kind, size_t nth, bool for_ever)
{
    (void)context;
    (void)kind;
    fail_vm_arm(FAIL_VM_TAKE, nth, for_ever);
}

static size_t disarm_system(void *context, size_t *refused)
{
    (void)context;
    fail_vm_disarm();
    *refused = fail_vm_refused();
    return fail_vm_calls();
}

TEST(over_a_system_that_refuses, fast)
{
    static const char *const kinds[] = {"page calls", NULL};
    static loam_region region;
    fail_each_injector injector = {NULL, kinds, arm_system, disarm_system};
    fail_each_scenario scenario = scenario_of("pool on a region", 0);

    the = (subject){.region = &region};
    EXPECT(fail_each_call(&scenario, &injector) > 0);
}

TEST_MAIN
