/* test_heap_sharded.c: the conformance suite over the handle of a sharded heap, on a region and on spans.
 *
 * At the end of each section the heap is sound, and the region has back what it gave.
 */
#include "support/conformance.h"
#include "support/fail_vm.h"
#include "support/test.h"

#include <loam/heap_sharded.h>
#include <loam/span.h>

enum { KIB = 1 << 10, MIB = 1 << 20 };

typedef struct sharded_case {
    bool on_span;
    size_t limit; /* of the region; 0: none */
    loam_heap_sharded_config config;

    loam_region region;
    loam_span span;
    loam_heap_sharded heap;
} sharded_case;

static void report(void *context, const char *property, const void *where)
{
    (void)context;
    TEST_FAIL("the heap is not sound: %s at %p", property, where);
}

static loam_allocator make(void *context)
{
    sharded_case *c = context;
    loam_region_config region = {.reserve = 512 * (size_t)MIB, .limit = c->limit};
    loam_heap_sharded_config config = c->config;

    EXPECT(loam_region_init(&c->region, &region));
    config.granules = loam_region_granules(&c->region);
    if (c->on_span) {
        EXPECT(loam_span_init(&c->span, &c->region, NULL));
        config.granules = loam_span_granules(&c->span);
    }
    EXPECT(loam_heap_sharded_init(&c->heap, &config));
    return loam_heap_sharded_allocator(&c->heap);
}

static void end(void *context)
{
    sharded_case *c = context;
    loam_stats stats;

    EXPECT(loam_heap_sharded_check(&c->heap, report, NULL));
    loam_heap_sharded_stats(&c->heap, &stats);
    EXPECT_EQ(stats.live, 0);
    EXPECT_EQ(stats.blocks, 0);
    loam_heap_sharded_deinit(&c->heap);
    if (c->on_span)
        loam_span_deinit(&c->span);
    EXPECT_EQ(c->region.held, 0);
    EXPECT(loam_region_check(&c->region, report, NULL));
    loam_region_deinit(&c->region);
}

static void press(void *context, bool on)
{
    (void)context;
    if (on)
        fail_vm_arm(FAIL_VM_ALL, 1, true);
    else
        fail_vm_disarm();
}

static size_t footprint(void *context)
{
    sharded_case *c = context;

    return c->region.held * LOAM_REGION_GRANULE;
}

static void run(const char *name, sharded_case *c, conformance_subject like)
{
    like.name = name;
    like.context = c;
    like.make = make;
    like.end = end;
    like.press = press;
    like.footprint = footprint;
    loam_conformance_run(&like);
}

TEST(sharded_heap_on_a_region, fast)
{
    sharded_case c = {.config = {.shards = 4}};

    run("sharded heap on a region", &c, (conformance_subject){0});
}

TEST(sharded_heap_on_a_span, fast)
{
    sharded_case c = {.on_span = true, .config = {.granule = 8, .big = 100 * KIB}};

    run("sharded heap on a span", &c, (conformance_subject){0});
}

/* Full at some point. Runs are kept, so that they are as long when it is filled again. */
TEST(sharded_heap_with_a_limit, fast)
{
    sharded_case c = {.limit = 32 * (size_t)MIB,
                      .config = {.shards = 2, .keep = LOAM_HEAP_KEEP_ALL}};

    run("sharded heap with a limit", &c,
        (conformance_subject){.capacity = 8 * (size_t)MIB,
                              .max_size = MIB / 2,
                              .max_align = 64 * KIB,
                              .overhead = KIB,
                              .bounded = true});
}

TEST_MAIN
