/* sharded_support.h: what the tests of sharded heaps share: a heap over a region, over a span, or over
 * sharded spans. */
#ifndef LOAM_TEST_SHARDED_SUPPORT_H
#define LOAM_TEST_SHARDED_SUPPORT_H

#include "heap/heap_support.h"

#include <loam/heap_sharded.h>
#include <loam/span.h>
#include <loam/span_sharded.h>

#include <string.h>

typedef enum ground_of { OVER_REGION, OVER_SPAN, OVER_SPANS, OVER_KINDS } ground_of;

typedef struct sharded {
    ground_of over;
    loam_region region;
    loam_span span;
    loam_span_sharded *spans;
    loam_heap_sharded heap;
} sharded;

static inline void sharded_begin(sharded *s, ground_of over, size_t limit,
                                 loam_heap_sharded_config config)
{
    loam_region_config region = {.reserve = 1024 * MIB, .limit = limit};
    loam_span_config span = {.at_once = true};
    loam_span_sharded_config spans = {.span = span};

    (void)test_seed(); /* chosen before there are threads */
    s->over = over;
    if (sizeof(size_t) < 8)
        region.reserve = 256 * MIB;
    EXPECT(loam_region_init(&s->region, &region));
    config.granules = loam_region_granules(&s->region);
    if (over == OVER_SPAN) {
        EXPECT(loam_span_init(&s->span, &s->region, &span));
        config.granules = loam_span_granules(&s->span);
    } else if (over == OVER_SPANS) {
        EXPECT((s->spans = loam_span_sharded_create(&s->region, &spans)) != NULL);
        config.granules = loam_span_sharded_granules(s->spans);
    }
    EXPECT(loam_heap_sharded_init(&s->heap, &config));
}

static inline void report_sharded(void *context, const char *property, const void *where)
{
    (void)context;
    TEST_FAIL("the heap is not sound: %s at %p", property, where);
}

static inline bool add_sharded(void *context, const loam_walk_item *item)
{
    size_t *sums = (size_t *)context;

    sums[item->kind] += item->size;
    sums[4] += item->kind == LOAM_WALK_LIVE;
    return true;
}

/* Nobody else is in the heap, which is sound, and whose figures go together. */
static inline loam_stats sharded_look(sharded *s, size_t blocks)
{
    size_t sums[5] = {0};
    loam_stats stats;

    EXPECT(loam_heap_sharded_check(&s->heap, report_sharded, NULL));
    loam_heap_sharded_stats(&s->heap, &stats);
    EXPECT(loam_heap_sharded_walk(&s->heap, add_sharded, sums));
    EXPECT_EQ(stats.blocks, blocks);
    EXPECT_EQ(sums[4], blocks);
    EXPECT_EQ(sums[LOAM_WALK_LIVE], stats.live);
    EXPECT_EQ(sums[0] + sums[1] + sums[2] + sums[3], stats.committed);
    EXPECT_LE(stats.live, stats.peak);
    EXPECT_LE(stats.live + stats.lost, stats.committed);
    EXPECT(loam_region_check(&s->region, NULL, NULL));
    return stats;
}

/* Ends a heap, which must leave nothing in its source. */
static inline void sharded_end(sharded *s)
{
    loam_stats stats;

    loam_heap_sharded_deinit(&s->heap);
    if (s->over == OVER_SPAN) {
        loam_span_stats(&s->span, &stats);
        EXPECT_EQ(stats.live, 0);
        loam_span_deinit(&s->span);
    } else if (s->over == OVER_SPANS) {
        loam_span_sharded_stats(s->spans, &stats);
        EXPECT_EQ(stats.live, 0);
        loam_span_sharded_destroy(s->spans);
    }
    EXPECT_EQ(s->region.held, 0);
    loam_region_deinit(&s->region);
}

/* Mostly small; now and then a big block. */
static inline size_t sharded_size(test_rng *rng)
{
    uint64_t chance = test_rng_below(rng, 1000);

    if (chance < 3)
        return (size_t)test_rng_below(rng, 3 * MIB);
    if (chance < 60)
        return (size_t)test_rng_below(rng, 40000);
    return (size_t)test_rng_below(rng, chance < 300 ? 1024 : 160);
}

/* A block that says who it is, at both of its ends. */
static inline void sign(void *block, size_t size, uint64_t seed)
{
    memcpy(block, &seed, size < 8 ? size : 8);
    if (size >= 16)
        memcpy((char *)block + size - 8, &seed, 8);
}

static inline bool is_signed(const void *block, size_t size, uint64_t seed)
{
    return memcmp(block, &seed, size < 8 ? size : 8) == 0 &&
           (size < 16 || memcmp((const char *)block + size - 8, &seed, 8) == 0);
}

#endif
