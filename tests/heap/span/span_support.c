#include "heap/span/span_support.h"

void world_begin(world *w, size_t regions, size_t chunks, const loam_span_config *config)
{
    loam_region_config ground = {.reserve = chunks * CHUNK};

    w->count = regions;
    for (size_t i = 0; i < regions; i++)
        EXPECT(loam_region_init(&w->regions[i], &ground));
    EXPECT(loam_span_init(&w->span, &w->regions[0], config));
    for (size_t i = 1; i < regions; i++)
        EXPECT(loam_span_add(&w->span, &w->regions[i]));
}

void world_end(world *w)
{
    EXPECT_GOOD_SPAN(&w->span);
    loam_span_deinit(&w->span);
    for (size_t i = 0; i < w->count; i++) {
        loam_stats stats;

        expect_good_region(__FILE__, __LINE__, &w->regions[i]);
        loam_region_stats(&w->regions[i], &stats);
        EXPECT_EQ(stats.live, 0);
        loam_region_deinit(&w->regions[i]);
    }
}

/* ---- soundness ---- */

typedef struct place {
    const char *file;
    int line;
} place;

static void report(void *context, const char *property, const void *where)
{
    const place *at = (const place *)context;

    test_fail_at(at->file, at->line, "not sound: %s at %p", property, where);
}

typedef struct sums {
    size_t live, free, reserved;
} sums;

static bool add(void *context, const loam_walk_item *item)
{
    sums *s = (sums *)context;

    EXPECT(item->size != 0);
    switch (item->kind) {
    case LOAM_WALK_LIVE:
        s->live += item->size;
        break;
    case LOAM_WALK_FREE:
        s->free += item->size;
        break;
    default:
        s->reserved += item->size;
        break;
    }
    return true;
}

void expect_good_span(const char *file, int line, loam_span *span)
{
    place at = {file, line};
    loam_stats stats = stats_of(span);
    loam_span_figures figures = figures_of(span);
    sums s = {0, 0, 0};

    EXPECT(loam_span_check(span, report, &at));
    EXPECT(loam_span_walk(span, add, &s));
    EXPECT_EQ(s.live, stats.live);
    EXPECT_EQ(s.live + s.free, stats.committed);
    EXPECT_EQ(s.live + s.free + s.reserved, stats.reserved);
    EXPECT_EQ(figures.warm + figures.clean + figures.cold + stats.live, stats.reserved);
    EXPECT_EQ(figures.cold, s.reserved);
    EXPECT_LE(stats.live, stats.peak);
    EXPECT_EQ(figures.chunks * CHUNK, stats.reserved);
}

void expect_good_region(const char *file, int line, loam_region *region)
{
    place at = {file, line};

    EXPECT(loam_region_check(region, report, &at));
}

void world_expect_good(world *w)
{
    EXPECT_GOOD_SPAN(&w->span);
    for (size_t i = 0; i < w->count; i++)
        expect_good_region(__FILE__, __LINE__, &w->regions[i]);
}

/* ---- runs ---- */

void expect_run(loam_granules source, const void *ptr, size_t count, size_t align, uint8_t kind,
                const void *owner, bool cleared)
{
    loam_region *region = loam_granules_region(source, ptr);
    size_t index;

    EXPECT(region);
    EXPECT_EQ((uintptr_t)ptr % (align * GRANULE), 0);
    index = loam_region_index(region, ptr);
    EXPECT_EQ(loam_record_length(loam_region_record(region, index)), count);
    for (size_t i = index; i < index + count; i++) {
        loam_record *record = loam_region_record(region, i);
        const unsigned char *opaque = (const unsigned char *)loam_record_opaque(record);
        unsigned char seen = loam_region_class(region, i);

        EXPECT_EQ(loam_record_kind(record), kind);
        EXPECT_PTR(loam_record_owner(record), owner);
        EXPECT_EQ(loam_record_first(record), index);
        EXPECT_EQ(loam_record_state(record), LOAM_REGION_DIRTY);
        for (size_t byte = 0; byte < region->stride - sizeof *record; byte++)
            seen |= opaque[byte];
        EXPECT(!cleared || seen == 0);
    }
}

void *must_take(loam_span *span, size_t count, size_t align)
{
    void *ptr = loam_span_take(span, count, align, KIND, NULL, NULL);

    EXPECT(ptr);
    expect_run(loam_span_granules(span), ptr, count, align, KIND, NULL, true);
    return ptr;
}

loam_span_figures figures_of(loam_span *span)
{
    loam_span_figures figures;

    loam_span_look(span, &figures);
    return figures;
}

loam_stats stats_of(loam_span *span)
{
    loam_stats stats;

    loam_span_stats(span, &stats);
    return stats;
}

size_t purge_all(loam_span *span, size_t budget)
{
    size_t sum = 0, step;

    while ((step = loam_span_purge_step(span, budget)) != 0) {
        EXPECT_LE(step, budget);
        sum += step;
    }
    return sum;
}
