/* test_blocks.c: huge blocks: sizes, zeros, growth in place, ownership; and the conformance suite. */
#include "heap/span/span_support.h"

#include "support/conformance.h"

#include <loam/adapters.h>

#include <string.h>

static world the;

TEST(blocks_are_whole_granules, fast)
{
    loam_allocator handle;
    char *ptr;

    world_begin(&the, 1, 8, NULL);
    handle = loam_span_allocator(&the.span);
    EXPECT_EQ(loam_good_size(handle, 1, 1), GRANULE);
    EXPECT_EQ(loam_good_size(handle, GRANULE + 1, 1), 2 * GRANULE);
    EXPECT(loam_allocator_reclaims(handle) && loam_allocator_threadsafe(handle));
    ptr = (char *)loam_alloc(handle, 3 * GRANULE - 5, 8);
    EXPECT(ptr);
    EXPECT_EQ(stats_of(&the.span).live, 3 * GRANULE);
    EXPECT(loam_owns(handle, ptr) && loam_owns(handle, ptr + 3 * GRANULE - 1));
    EXPECT(!loam_owns(handle, ptr + 3 * GRANULE));
    EXPECT(!loam_owns(handle, &the) && !loam_owns(handle, NULL));
    EXPECT(loam_resize(handle, ptr, 3 * GRANULE - 5, 3 * GRANULE, 8));
    loam_dealloc(handle, ptr, 3 * GRANULE, 8);
    EXPECT(!loam_owns(handle, ptr));
    world_end(&the);
}

TEST(blocks_of_chunks_are_on_chunks, fast)
{
    char *small, *big;

    world_begin(&the, 1, 8, NULL);
    small = (char *)loam_span_alloc(&the.span, 10, 1);
    big = (char *)loam_span_alloc(&the.span, CHUNK + 1, 1);
    EXPECT(small && big);
    EXPECT_EQ((uintptr_t)big % CHUNK, 0);
    loam_span_dealloc(&the.span, big, CHUNK + 1);
    big = (char *)loam_span_alloc(&the.span, CHUNK, 2 * CHUNK);
    EXPECT(big);
    EXPECT_EQ((uintptr_t)big % (2 * CHUNK), 0);
    world_end(&the);
}

static bool is_zero(const char *ptr, size_t size)
{
    return ptr[0] == 0 && memcmp(ptr, ptr + 1, size - 1) == 0;
}

TEST(zeroed_blocks_are_zero, fast)
{
    char *ptr;

    world_begin(&the, 1, 2, NULL);
    ptr = (char *)loam_span_alloc(&the.span, 7 * GRANULE, 1);
    memset(ptr, 0xff, 7 * GRANULE);
    loam_span_dealloc(&the.span, ptr, 7 * GRANULE);
    ptr = (char *)loam_span_zalloc(&the.span, 20 * GRANULE, 1);
    EXPECT(is_zero(ptr, 20 * GRANULE));
    memset(ptr, 0xff, 20 * GRANULE);
    loam_span_dealloc(&the.span, ptr, 20 * GRANULE);
    (void)loam_span_trim(&the.span);
    ptr = (char *)loam_span_zalloc(&the.span, 30 * GRANULE, 1);
    EXPECT(is_zero(ptr, 30 * GRANULE));
    world_end(&the);
}

TEST(contents_stay_when_blocks_grow_and_shrink, fast)
{
    loam_allocator handle;
    size_t size = 100, bigger;
    char *ptr, *other;

    world_begin(&the, 2, 40, NULL);
    handle = loam_span_allocator(&the.span);
    ptr = (char *)loam_alloc(handle, size, 1);
    other = (char *)loam_alloc(handle, 30 * GRANULE, 1);
    EXPECT(ptr && other);
    memset(ptr, 1, size);
    for (; size < 16 * MIB; size = bigger) {
        bigger = size * 2 + 77;
        ptr = (char *)loam_realloc(handle, ptr, size, bigger, 1);
        EXPECT(ptr);
        EXPECT_EQ((unsigned char)ptr[0], 1);
        EXPECT_EQ((unsigned char)ptr[size - 1], 1);
        memset(ptr + size, 1, bigger - size);
        world_expect_good(&the);
    }
    EXPECT(loam_resize(handle, ptr, size, 50, 1));
    EXPECT_EQ((unsigned char)ptr[49], 1);
    EXPECT_EQ(stats_of(&the.span).live, 31 * GRANULE);
    loam_dealloc(handle, ptr, 50, 1);
    loam_dealloc(handle, other, 30 * GRANULE, 1);
    world_end(&the);
}

/* Blocks that outgrow spans live in mappings, whose pages move. */
TEST(huge_blocks_go_to_mappings_of_their_own, fast)
{
    loam_split split;
    loam_allocator handle;
    size_t size = MIB;
    char *ptr;

    world_begin(&the, 1, 8, NULL);
    loam_split_init(&split, loam_span_allocator(&the.span), loam_vm_allocator(), 8 * MIB);
    handle = loam_split_allocator(&split);
    ptr = (char *)loam_alloc(handle, size, 16);
    EXPECT(ptr && loam_span_owns(&the.span, ptr));
    ptr[0] = 1;
    for (; size < 128 * MIB; size *= 2) {
        ptr = (char *)loam_realloc(handle, ptr, size, 2 * size, 16);
        EXPECT(ptr);
        EXPECT_EQ(ptr[0], 1);
        EXPECT_EQ(loam_span_owns(&the.span, ptr), 2 * size <= 8 * MIB);
    }
    EXPECT_EQ(stats_of(&the.span).live, 0);
    loam_dealloc(handle, ptr, size, 16);
    world_end(&the);
}

/* ---- conformance ---- */

typedef struct subject {
    world w;
    loam_checked check;
    bool checked;
    size_t chunks;
} subject;

static loam_allocator make(void *context)
{
    subject *s = (subject *)context;
    loam_allocator handle;

    world_begin(&s->w, 1, s->chunks, &(loam_span_config){.at_once = true});
    handle = loam_span_allocator(&s->w.span);
    if (!s->checked)
        return handle;
    loam_checked_init(&s->check, handle, NULL);
    return loam_checked_allocator(&s->check);
}

static void end(void *context)
{
    subject *s = (subject *)context;

    if (s->checked)
        loam_checked_deinit(&s->check);
    EXPECT_EQ(stats_of(&s->w.span).live, 0);
    world_end(&s->w);
}

static size_t footprint(void *context)
{
    subject *s = (subject *)context;
    loam_stats stats;

    (void)loam_span_trim(&s->w.span);
    loam_region_stats(&s->w.regions[0], &stats);
    return stats.live;
}

static void conform(bool checked)
{
    static subject s;
    conformance_subject suite = {
        .name = "span",
        .context = &s,
        .make = make,
        .end = end,
        .max_align = MIB,
        .footprint = footprint,
    };

    s.checked = checked;
    s.chunks = 64;
    loam_conformance_run(&suite);
}

TEST(conforms, fast)
{
    conform(false);
}

TEST(conforms_behind_checked, slow)
{
    conform(true);
}

TEST_MAIN
