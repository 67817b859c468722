/* span_support.h: what the tests of spans share: a span over regions, and a look at all that can be
 * seen of it. */
#ifndef LOAM_TEST_SPAN_SUPPORT_H
#define LOAM_TEST_SPAN_SUPPORT_H

#include "support/test.h"

#include <loam/span.h>
#include <loam/vm.h>

#define KIB     ((size_t)1 << 10)
#define MIB     ((size_t)1 << 20)
#define GRANULE LOAM_REGION_GRANULE
#define CHUNK   LOAM_REGION_CHUNK

/* A kind of this test's own. */
enum { KIND = LOAM_REGION_KIND_USER };

enum { WORLD_REGIONS = 3 };

/* A span over one or more regions of some chunks each. */
typedef struct world {
    loam_region regions[WORLD_REGIONS];
    size_t count;
    loam_span span;
} world;

/* `config` may be NULL. */
void world_begin(world *w, size_t regions, size_t chunks, const loam_span_config *config);

/* Ends it; the regions must have everything back. */
void world_end(world *w);

/* Span and regions are sound, and a walk adds up. */
#define EXPECT_GOOD_SPAN(span) expect_good_span(__FILE__, __LINE__, (span))
void expect_good_span(const char *file, int line, loam_span *span);
void expect_good_region(const char *file, int line, loam_region *region);
void world_expect_good(world *w);

/* Takes a run that must be there, and that is as every run: records, class and opaque bytes. */
void *must_take(loam_span *span, size_t count, size_t align);
void expect_run(loam_granules source, const void *ptr, size_t count, size_t align, uint8_t kind,
                const void *owner, bool cleared);

loam_span_figures figures_of(loam_span *span);
loam_stats stats_of(loam_span *span);

/* Gives back all that is old enough, in steps. Returns bytes. */
size_t purge_all(loam_span *span, size_t budget);

#endif
