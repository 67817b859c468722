/* test_inspect.c: what can be seen of a heap: statistics, figures, walk, owns. */
#include "heap/heap_support.h"

#include <string.h>

static _Alignas(64) unsigned char memory[16 * 1024];

/* ---- statistics ---- */

TEST(stats_follow_each_call, fast)
{
    loam_heap *heap = loam_heap_init(memory, sizeof memory, NULL);
    loam_stats s = heap_stats(heap);
    size_t live, committed = s.committed;
    void *a, *b;

    EXPECT_EQ(committed, sizeof memory);
    EXPECT_EQ(s.reserved, sizeof memory);
    EXPECT(s.live == 0 && s.peak == 0 && s.blocks == 0 && s.failures == 0);
    EXPECT(s.metadata > 0);
    a = must_alloc(heap, 100);
    live = loam_heap_usable_size(heap, a);
    EXPECT_EQ(heap_stats(heap).live, live);
    b = must_alloc(heap, 1000);
    live += loam_heap_usable_size(heap, b);
    s = heap_stats(heap);
    EXPECT_EQ(s.live, live);
    EXPECT_EQ(s.peak, live);
    EXPECT_EQ(s.blocks, 2);
    EXPECT_LE(2 * WORD_SIZE, s.lost);
    loam_heap_dealloc(heap, a);
    s = heap_stats(heap);
    EXPECT_EQ(s.live, loam_heap_usable_size(heap, b));
    EXPECT_EQ(s.peak, live);
    EXPECT_EQ(s.blocks, 1);
    loam_heap_reset_peak(heap);
    EXPECT_EQ(heap_stats(heap).peak, s.live);
    b = loam_heap_realloc(heap, b, 2000);
    s = heap_stats(heap);
    EXPECT_EQ(s.live, loam_heap_usable_size(heap, b));
    EXPECT_LE(s.live, s.peak);
    EXPECT(loam_heap_resize(heap, b, 30));
    EXPECT_EQ(heap_stats(heap).live, loam_heap_usable_size(heap, b));
    EXPECT_EQ(heap_stats(heap).blocks, 1);
    EXPECT_PTR(loam_heap_alloc(heap, 100000), NULL);
    EXPECT_EQ(heap_stats(heap).failures, 1);
    EXPECT_PTR(loam_heap_alloc_aligned(heap, 20000, 64), NULL);
    EXPECT_PTR(loam_heap_realloc(heap, b, 100000), NULL);
    EXPECT_EQ(heap_stats(heap).failures, 3);
    EXPECT_EQ(heap_stats(heap).committed, committed);
    EXPECT_GOOD_HEAP(heap);
    loam_heap_deinit(heap);
}

/* A peak that is met only for a moment inside of a call is not one: growing in place holds no more
 * than the bigger size. */
TEST(peak_of_growth_in_place, fast)
{
    loam_heap *heap = loam_heap_init(memory, sizeof memory, NULL);
    void *block = must_alloc(heap, 1000);

    for (size_t size = 1000; size < 12000; size += 100)
        EXPECT((block = loam_heap_realloc(heap, block, size)) != NULL);
    EXPECT_EQ(heap_stats(heap).peak, heap_stats(heap).live);
    loam_heap_deinit(heap);
}

/* ---- figures ---- */

/* [A][hole][B][hole][C][rest]: figures by hand. */
TEST(figures_of_three_holes, fast)
{
    loam_heap *heap = loam_heap_init(memory, sizeof memory, NULL);
    unsigned char *blocks[5];
    loam_heap_figures f;
    size_t holes[3], free_bytes = 0, room;

    for (size_t i = 0; i < 5; i++)
        blocks[i] = (unsigned char *)must_alloc(heap, 100 + 300 * i);
    room = heap_figures(heap).largest_free;
    holes[0] = loam_heap_usable_size(heap, blocks[1]);
    holes[1] = loam_heap_usable_size(heap, blocks[3]);
    holes[2] = room;
    loam_heap_dealloc(heap, blocks[1]);
    loam_heap_dealloc(heap, blocks[3]);
    f = heap_figures(heap);
    for (size_t i = 0; i < 3; i++)
        free_bytes += holes[i];
    EXPECT_EQ(f.free_blocks, 3);
    EXPECT_EQ(f.free_bytes, free_bytes);
    EXPECT_EQ(f.largest_free, room);
    EXPECT_EQ(f.live_blocks, 3);
    EXPECT_EQ(f.regions, 1);
    EXPECT_EQ(f.histogram[8], 1);  /* 400 and what it was rounded to */
    EXPECT_EQ(f.histogram[9], 1);  /* 1000 */
    EXPECT_EQ(f.histogram[13], 1); /* the rest */
    EXPECT(f.external_fragmentation > 0.05 && f.external_fragmentation < 0.2);
    if (WORD_SIZE == 8)
        EXPECT_EQ(f.requested, 100 + 700 + 1300);
    else
        EXPECT_EQ(f.requested, heap_stats(heap).live);
    EXPECT(f.internal_fragmentation > 0 && f.internal_fragmentation < 0.05);
    EXPECT_GOOD_HEAP(heap);
    loam_heap_deinit(heap);
}

TEST(figures_of_a_full_heap, fast)
{
    loam_heap *heap = loam_heap_init(memory, sizeof memory, NULL);
    loam_heap_figures f = heap_figures(heap);

    EXPECT(f.external_fragmentation == 0);
    EXPECT(f.internal_fragmentation == 0);
    EXPECT_EQ(f.requested, 0);
    (void)must_alloc(heap, f.largest_free);
    f = heap_figures(heap);
    EXPECT_EQ(f.largest_free, 0);
    EXPECT_EQ(f.free_blocks, 0);
    EXPECT(f.external_fragmentation == 0);
    EXPECT(f.internal_fragmentation > 0 && f.internal_fragmentation < 0.01);
    loam_heap_deinit(heap);
}

/* What was asked for follows realloc and resize, also where a block keeps its size. */
TEST(requested_bytes, fast)
{
    loam_heap *heap = loam_heap_init(memory, sizeof memory, NULL);
    void *block = must_alloc(heap, 1);
    test_rng rng;

    if (WORD_SIZE != 8)
        TEST_SKIP("headers have no room for it");
    test_rng_init(&rng, test_seed());
    for (size_t i = 0; i < 2000; i++) {
        size_t size = (size_t)test_rng_below(&rng, 6000);

        if (i % 3 == 0) {
            if (!loam_heap_resize(heap, block, size))
                continue;
        } else if (i % 3 == 1) {
            EXPECT((block = loam_heap_realloc(heap, block, size)) != NULL);
        } else {
            loam_heap_dealloc_sized(heap, block, (size_t)heap_figures(heap).requested);
            EXPECT((block = loam_heap_alloc_aligned(heap, size, 64)) != NULL);
        }
        EXPECT_EQ(heap_figures(heap).requested, size);
        EXPECT_LE(size, loam_heap_usable_size(heap, block));
    }
    loam_heap_deinit(heap);
}

/* ---- walk ---- */

static bool stop_at(void *context, const loam_walk_item *item)
{
    size_t *left = (size_t *)context;

    (void)item;
    return --*left != 0;
}

TEST(walk_stops_when_told, fast)
{
    loam_heap *heap = loam_heap_init(memory, sizeof memory, NULL);
    size_t left = SIZE_MAX, all;

    for (size_t i = 0; i < 10; i++)
        (void)must_alloc(heap, i * 50);
    EXPECT(loam_heap_walk(heap, stop_at, &left));
    all = SIZE_MAX - left;
    EXPECT(all > 20);
    for (size_t i = 1; i <= all; i++) {
        left = i;
        EXPECT(!loam_heap_walk(heap, stop_at, &left));
        EXPECT_EQ(left, 0);
    }
    left = all + 1;
    EXPECT(loam_heap_walk(heap, stop_at, &left));
    loam_heap_deinit(heap);
}

/* Each live block is there, once, with its address and its usable size. */
static void expect_in_walk(const heap_map *map, const loam_heap *heap, const void *block)
{
    size_t seen = 0;

    for (size_t i = 0; i < map->count; i++) {
        if (map->pieces[i].at == (const unsigned char *)block) {
            EXPECT(map->pieces[i].live);
            EXPECT_EQ(map->pieces[i].size, loam_heap_usable_size(heap, block));
            seen++;
        }
    }
    EXPECT_EQ(seen, 1);
}

TEST(walk_shows_each_block, fast)
{
    for (int kind = 0; kind < HEAP_KINDS; kind++) {
        heap_world w;
        heap_map map = {0};
        void *blocks[100];

        world_begin(&w, (heap_kind)kind, 0, 64 * KIB);
        for (size_t i = 0; i < 100; i++)
            blocks[i] = must_alloc(w.heap, i * 3);
        for (size_t i = 0; i < 100; i += 3)
            loam_heap_dealloc(w.heap, blocks[i]);
        heap_map_take(&map, w.heap);
        EXPECT_EQ(map.live_count, 66);
        for (size_t i = 0; i < 100; i++) {
            if (i % 3)
                expect_in_walk(&map, w.heap, blocks[i]);
        }
        heap_map_end(&map);
        world_end(&w);
    }
}

/* ---- owns ---- */

TEST(owns_its_memory, fast)
{
    for (int kind = 0; kind < HEAP_KINDS; kind++) {
        heap_world w;
        heap_map map = {0};
        int local = 0;

        test_note("%s", heap_kind_name((heap_kind)kind));
        world_begin(&w, (heap_kind)kind, 0, 64 * KIB);
        for (size_t i = 0; i < 50; i++)
            (void)must_alloc(w.heap, 30 * i);
        heap_map_take(&map, w.heap);
        for (size_t i = 0; i < map.count; i++) {
            EXPECT(loam_heap_owns(w.heap, map.pieces[i].at));
            EXPECT(loam_heap_owns(w.heap, map.pieces[i].at + map.pieces[i].size - 1));
        }
        EXPECT(!loam_heap_owns(w.heap, NULL));
        EXPECT(!loam_heap_owns(w.heap, &local));
        EXPECT(!loam_heap_owns(w.heap, &w));
        EXPECT(!loam_heap_owns(w.heap, (void *)(uintptr_t)hidden(SIZE_MAX)));
        for (size_t i = 0; i < WORLD_BUFFERS && w.buffers[i]; i++) {
            EXPECT(!loam_heap_owns(w.heap, w.buffers[i] - 1));
            EXPECT(!loam_heap_owns(w.heap, w.buffers[i] + w.sizes[i]));
        }
        heap_map_end(&map);
        world_end(&w);
    }
    test_note(NULL);
}

/* ---- the handle ---- */

TEST(handle_says_what_it_is, fast)
{
    loam_heap *heap = loam_heap_init(memory, sizeof memory, NULL);
    loam_allocator a = loam_heap_allocator(heap);
    void *block = loam_alloc(a, 100, 64), *moved;

    EXPECT(block != NULL && is_aligned(block, 64));
    EXPECT(loam_allocator_reclaims(a));
    EXPECT(!loam_allocator_threadsafe(a));
    EXPECT(loam_allocator_same(a, loam_heap_allocator(heap)));
    EXPECT(a.ops->name != NULL && a.ops->resize && a.ops->remap && a.ops->zalloc && a.ops->owns);
    EXPECT(a.ops->good_size != NULL && a.ops->cache == NULL);
    EXPECT(loam_owns(a, block) && !loam_owns(a, &a));
    EXPECT_LE(100, loam_good_size(a, 100, 64));
    fill_pattern(block, 100, 1);
    moved = loam_remap(a, block, 100, 5000, 64);
    EXPECT(moved != NULL && is_aligned(moved, 64) && has_pattern(moved, 100, 1));
    EXPECT(loam_resize(a, moved, 5000, 10, 64));
    EXPECT(has_pattern(moved, 10, 1));
    loam_dealloc(a, moved, 10, 64);
    EXPECT_EQ(heap_stats(heap).blocks, 0);
    loam_heap_deinit(heap);
}

TEST_MAIN
