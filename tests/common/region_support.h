/* region_support.h: what the tests of regions have in common. */
#ifndef LOAM_TEST_REGION_SUPPORT_H
#define LOAM_TEST_REGION_SUPPORT_H

#include <loam/region.h>

#include "support/test.h"

#include <string.h>

enum { KIND_A = LOAM_REGION_KIND_USER, KIND_B, KIND_C };

/* A region of this many chunks, and no less. */
static inline void region_init_chunks(loam_region *region, size_t chunks)
{
    loam_region_config config = {.reserve = chunks * LOAM_REGION_CHUNK,
                                 .least = chunks * LOAM_REGION_CHUNK};

    EXPECT(loam_region_init(region, &config));
    EXPECT_EQ(region->granules, chunks * LOAM_REGION_CHUNK_GRANULES);
}

static inline void region_report(void *context, const char *property, const void *where)
{
    (void)context;
    TEST_FAIL("%s, at %p", property, where);
}

/* All invariants hold. */
static inline void region_expect_whole(loam_region *region)
{
    EXPECT(loam_region_check(region, region_report, NULL));
}

static inline loam_stats region_stats(loam_region *region)
{
    loam_stats stats;

    loam_region_stats(region, &stats);
    return stats;
}

/* Whether every byte of some granules reads zero. */
static inline bool region_reads_zero(const void *ptr, size_t granules)
{
    const uint64_t *words = (const uint64_t *)ptr;
    uint64_t seen = 0;

    for (size_t i = 0; i < granules * LOAM_REGION_GRANULE / sizeof *words; i++)
        seen |= words[i];
    return seen == 0;
}

/* Fills `region` with runs of these lengths, with a held granule after each, and gives them. */
static inline void region_scatter_free_runs(loam_region *region, const size_t *lengths,
                                            size_t count)
{
    void *runs[16];

    for (size_t i = 0; i < count; i++) {
        runs[i] = loam_region_take(region, lengths[i], 1, KIND_A, NULL, NULL);
        memset(runs[i], 0xee, lengths[i] * LOAM_REGION_GRANULE);
        EXPECT(loam_region_take(region, 1, 1, KIND_C, NULL, NULL));
    }
    for (size_t i = 0; i < count; i++)
        loam_region_give(region, runs[i], lengths[i]);
}

#endif
