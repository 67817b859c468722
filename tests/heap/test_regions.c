/* test_regions.c: memory that is added at run time, and growth through an allocator: how much is
 * taken, when it is extended, and when it goes back. */
#include "heap/heap_support.h"

#include <string.h>

/* ---- added by the caller ---- */

enum { ROOM = 1024 };

static _Alignas(64) unsigned char first[8 * 1024], more[ROOM + 256];

static void add_one(unsigned char *buffer, size_t size, size_t granule)
{
    loam_heap_config config = {.granule = granule};
    loam_heap *heap = loam_heap_init(first, sizeof first, &config);
    size_t padding = (size_t)(-(uintptr_t)buffer & (2 * WORD_SIZE - 1));
    size_t least = padding + 10 * WORD_SIZE + LEAST_BLOCK;
    loam_stats before;
    bool added;

    EXPECT(heap != NULL);
    before = heap_stats(heap);
    memset(more, 0x77, sizeof more);
    added = loam_heap_add(heap, buffer, size);
    if (WORD_SIZE == 8 || size < least || size >= least + 16)
        EXPECT_EQ(added, size >= least);
    EXPECT_GOOD_HEAP(heap);
    EXPECT_EQ(heap_figures(heap).regions, 1 + (size_t)added);
    EXPECT_EQ(heap_stats(heap).committed, before.committed + (added ? size : 0));
    if (added) {
        void *rest = must_alloc(heap, heap_figures(heap).largest_free), *block;
        size_t room = heap_figures(heap).largest_free;

        EXPECT_LE(size, room + least + 16);
        block = must_alloc(heap, room);
        EXPECT((unsigned char *)block >= buffer);
        EXPECT((unsigned char *)block + room <= buffer + size);
        EXPECT(loam_heap_owns(heap, block) && loam_heap_owns(heap, rest));
        fill_pattern(block, room, size);
        EXPECT_GOOD_HEAP(heap);
        loam_heap_dealloc(heap, rest);
        loam_heap_dealloc(heap, block);
        EXPECT_EQ(heap_figures(heap).free_blocks, 2);
    }
    loam_heap_deinit(heap);
    for (unsigned char *at = more; at < more + sizeof more; at++) {
        if (!added || at < buffer || at >= buffer + size)
            EXPECT_EQ(*at, 0x77);
    }
}

TEST(every_small_region, fast)
{
    for (size_t granule = 8; granule <= 16; granule += 8) {
        for (size_t start = 0; start < 20; start++) {
            for (size_t size = 0; size < ROOM; size += size < 160 ? 1 : 41) {
                test_note("granule %zu, start %zu, %zu bytes", granule, start, size);
                add_one(more + 64 + start, size, granule);
            }
        }
    }
    test_note(NULL);
}

TEST(regions_that_are_none, fast)
{
    loam_heap *heap = loam_heap_init(first, sizeof first, NULL);
    loam_stats before;

    EXPECT(heap != NULL);
    before = heap_stats(heap);
    EXPECT(!loam_heap_add(heap, NULL, 1000));
    EXPECT(!loam_heap_add(heap, NULL, 0));
    EXPECT(!loam_heap_add(heap, more, hidden(LOAM_HEAP_MAX + 1)));
    EXPECT(!loam_heap_add(heap, more, hidden(SIZE_MAX)));
    EXPECT_EQ(heap_stats(heap).committed, before.committed);
    EXPECT_GOOD_HEAP(heap);
    loam_heap_deinit(heap);
}

/* Regions that lie side by side, in front of and behind each other: blocks never join over an edge. */
TEST(neighbouring_regions, fast)
{
    static const size_t orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}};
    static _Alignas(64) unsigned char memory[16 * 1024];

    for (size_t o = 0; o < 3; o++) {
        loam_heap *heap = NULL;
        unsigned char *blocks[4];

        for (size_t i = 0; i < 4; i++) {
            unsigned char *at = memory + orders[o][i] * 4 * KIB;

            if (i == 0)
                heap = loam_heap_init(at, 4 * KIB, NULL);
            else
                EXPECT(loam_heap_add(heap, at, 4 * KIB));
            EXPECT(heap != NULL);
        }
        EXPECT_EQ(heap_figures(heap).free_blocks, 4);
        for (size_t i = 0; i < 4; i++)
            blocks[i] = (unsigned char *)must_alloc(heap, heap_figures(heap).largest_free);
        EXPECT_PTR(loam_heap_alloc(heap, 0), NULL);
        for (size_t i = 0; i < 4; i++) {
            EXPECT_PTR(loam_heap_realloc(heap, blocks[i], 5 * KIB), NULL);
            loam_heap_dealloc(heap, blocks[i]);
            EXPECT_GOOD_HEAP(heap);
            EXPECT_EQ(heap_figures(heap).free_blocks, i + 1);
        }
        EXPECT_PTR(loam_heap_alloc(heap, 4 * KIB), NULL);
        EXPECT_EQ(heap_stats(heap).committed, sizeof memory);
        loam_heap_deinit(heap);
    }
}

/* Memory comes while blocks live, and a request that failed is met then. */
TEST(added_while_in_use, fast)
{
    static _Alignas(16) unsigned char pieces[20][512];
    loam_heap *heap = loam_heap_init(first, sizeof first, NULL);
    void *block;

    EXPECT(heap != NULL);
    EXPECT(loam_heap_alloc(heap, heap_figures(heap).largest_free) != NULL);
    for (size_t i = 0; i < 20; i++) {
        EXPECT_PTR(loam_heap_alloc(heap, 300), NULL);
        EXPECT(loam_heap_add(heap, pieces[i], sizeof pieces[i]));
        block = must_alloc(heap, 300);
        EXPECT((unsigned char *)block >= pieces[i] && (unsigned char *)block < pieces[i] + 512);
        EXPECT_GOOD_HEAP(heap);
    }
    EXPECT_EQ(heap_figures(heap).regions, 21);
    EXPECT_EQ(loam_heap_trim(heap), 0); /* they are the caller's */
    loam_heap_reset(heap);
    EXPECT_EQ(heap_figures(heap).regions, 21);
    EXPECT_EQ(heap_figures(heap).free_blocks, 21);
    EXPECT_GOOD_HEAP(heap);
    loam_heap_deinit(heap);
}

/* A heap that grows may get memory of the caller's too, which never goes to the source. */
TEST(added_to_a_growing_heap, fast)
{
    heap_world w;
    void *big;
    size_t regions;

    world_begin(&w, HEAP_GROWING_CHECKED, 0, 4 * KIB);
    EXPECT(loam_heap_add(w.heap, more, sizeof more));
    regions = heap_figures(w.heap).regions;
    big = must_alloc(w.heap, 100 * KIB);
    EXPECT(heap_figures(w.heap).regions > regions || heap_stats(w.heap).committed > 100 * KIB);
    loam_heap_dealloc(w.heap, big);
    EXPECT_EQ(heap_figures(w.heap).regions, regions);
    (void)loam_heap_trim(w.heap);
    EXPECT_EQ(heap_figures(w.heap).regions, regions);
    EXPECT_GOOD_HEAP(w.heap);
    world_end(&w);
    memset(more, 1, sizeof more); /* ours again */
}

/* ---- where in a region ---- */

/* While most of a region was never used, blocks of all sizes come from its start, however they are
 * asked for, and a block that grows backwards stays there: so its other pages need not be there. */
TEST(unused_rest_is_not_touched, fast)
{
    heap_world w;

    for (size_t granule = 8; granule <= 16; granule += 8) {
        unsigned char *low, *high;
        size_t taken = 0;
        void *last = NULL;
        test_rng rng;

        test_rng_init(&rng, test_seed());
        world_begin(&w, HEAP_BUFFER, granule, MIB);
        low = (unsigned char *)must_alloc(w.heap, 1);
        high = low + MIB / 4;
        while (taken < MIB / 5) {
            size_t size = (size_t)test_rng_below(&rng, test_rng_one_in(&rng, 20) ? 9000 : 300);
            size_t align = test_rng_one_in(&rng, 4) ? 64 : 1;
            unsigned char *ptr = (unsigned char *)loam_heap_alloc_aligned(w.heap, size, align);

            EXPECT(ptr != NULL && ptr > low && ptr + size <= high);
            if (last && test_rng_one_in(&rng, 3)) {
                /* What is left in front of `ptr` is bigger than what it gets. */
                loam_heap_dealloc(w.heap, last);
                ptr = (unsigned char *)loam_heap_realloc(w.heap, ptr, size + 100);
                EXPECT(ptr != NULL && ptr > low && ptr + size + 100 <= high);
            }
            last = ptr;
            taken += size + 200;
        }
        EXPECT_GOOD_HEAP(w.heap);
        world_end(&w);
    }
}

/* Then small blocks and large ones come from opposite ends. */
TEST(small_and_large_come_from_opposite_ends, fast)
{
    unsigned char *first_large, *large, *small;
    heap_world w;

    world_begin(&w, HEAP_BUFFER, 0, MIB);
    first_large = (unsigned char *)must_alloc(w.heap, MIB / 3);
    small = (unsigned char *)must_alloc(w.heap, 100);
    large = (unsigned char *)must_alloc(w.heap, 100 * KIB);
    EXPECT(large > first_large && large + 100 * KIB < small);
    EXPECT(small > first_large + MIB / 2);
    EXPECT_GOOD_HEAP(w.heap);
    world_end(&w);
}

/* ---- growth ---- */

TEST(first_region_as_configured, fast)
{
    static const size_t sizes[] = {0, 1, 4096, 10000, 65536, 1 << 20};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        heap_world w;
        size_t wanted = sizes[i] == 0 ? 64 * KIB : sizes[i] < 4096 ? 4096 : sizes[i];

        world_begin(&w, HEAP_GROWING, 0, sizes[i]);
        EXPECT_EQ(ground_blocks(&w.ground), 1);
        EXPECT_LE(wanted, ground_live(&w.ground) + 64);
        EXPECT_LE(ground_live(&w.ground), wanted + wanted / 4 + 8 * KIB);
        EXPECT_EQ(heap_stats(w.heap).committed, ground_live(&w.ground));
        EXPECT_GOOD_HEAP(w.heap);
        world_end(&w);
    }
}

/* Requests of every size, so that regions of every size come and go. */
static void grow_and_shrink(heap_kind kind, size_t granule)
{
    heap_world w;
    void *blocks[200];
    size_t held;

    world_begin(&w, kind, granule, 4 * KIB);
    held = ground_live(&w.ground);
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < 200; i++) {
            size_t size = i * i * (1 + round) % 20000;

            blocks[i] = must_alloc(w.heap, size);
            fill_pattern(blocks[i], size, i);
            EXPECT_EQ(heap_stats(w.heap).committed, ground_live(&w.ground));
        }
        EXPECT_GOOD_HEAP(w.heap);
        EXPECT_LE(ground_live(&w.ground), heap_stats(w.heap).live * 3 / 2 + 8 * KIB);
        for (size_t i = 0; i < 200; i++) {
            size_t n = i * 77 % 200;

            EXPECT(has_pattern(blocks[n], n * n * (1 + round) % 20000, n));
            loam_heap_dealloc(w.heap, blocks[n]);
            EXPECT_EQ(heap_stats(w.heap).committed, ground_live(&w.ground));
            if (i % 20 == 0)
                EXPECT_GOOD_HEAP(w.heap);
        }
        EXPECT_EQ(heap_stats(w.heap).live, 0);
        EXPECT_LE(heap_figures(w.heap).regions, kind == HEAP_GROWING_CHECKED ? 1 : 2);
        (void)loam_heap_trim(w.heap);
        EXPECT_EQ(heap_figures(w.heap).regions, 1);
        if (kind != HEAP_GROWING_BUMP) /* the first one may have been extended in place */
            EXPECT_EQ(ground_live(&w.ground), held);
        EXPECT_EQ(ground_blocks(&w.ground), 1);
        EXPECT_GOOD_HEAP(w.heap);
    }
    world_end(&w);
}

TEST(growth_and_release, fast)
{
    for (size_t granule = 8; granule <= 16; granule += 8) {
        grow_and_shrink(HEAP_GROWING, granule);
        grow_and_shrink(HEAP_GROWING_CHECKED, granule);
    }
}

/* Regions grow with the heap, so that there are few of them. */
TEST(regions_are_few, fast)
{
    heap_world w;

    world_begin(&w, HEAP_GROWING, 0, 0);
    for (size_t i = 0; i < 20000; i++)
        EXPECT(loam_heap_alloc(w.heap, 1000) != NULL);
    EXPECT_LE(heap_figures(w.heap).regions, 40);
    EXPECT_LE(heap_stats(w.heap).committed, 20000 * 1016 * 5 / 4 + 64 * KIB);
    EXPECT_GOOD_HEAP(w.heap);
    world_end(&w);
}

/* A block that comes and goes does not take a region each time, unless none is kept. */
TEST(no_thrashing, fast)
{
    heap_world w;
    loam_stats stats;
    size_t calls;

    world_begin(&w, HEAP_GROWING, 0, 4 * KIB);
    for (size_t i = 0; i < 100; i++) {
        void *big = must_alloc(w.heap, 50 * KIB);

        loam_heap_dealloc(w.heap, big);
    }
    loam_counting_stats(&w.ground.counting, &stats);
    calls = stats.allocations;
    EXPECT_LE(calls, 2);
    EXPECT(loam_heap_trim(w.heap) > 50 * KIB);
    EXPECT_EQ(loam_heap_trim(w.heap), 0);
    EXPECT_EQ(ground_blocks(&w.ground), 1);
    world_end(&w);
}

static size_t kept_after_burst(size_t keep, size_t *first_size)
{
    ground below;
    loam_heap_config config = {.keep = keep, .region_size = 4 * KIB};
    loam_heap *heap;
    void *blocks[64];
    size_t kept;

    ground_init(&below, GROUND_CHECKED, false);
    heap = loam_heap_create(ground_allocator(&below), &config);
    EXPECT(heap != NULL);
    *first_size = ground_live(&below);
    for (size_t i = 0; i < 64; i++)
        blocks[i] = must_alloc(heap, 10000);
    for (size_t i = 0; i < 64; i++)
        loam_heap_dealloc(heap, blocks[i]);
    kept = ground_live(&below) - *first_size;
    EXPECT_GOOD_HEAP(heap);
    EXPECT_EQ(loam_heap_trim(heap), kept);
    EXPECT_EQ(ground_live(&below), *first_size);
    EXPECT_GOOD_HEAP(heap);
    loam_heap_destroy(heap);
    EXPECT_EQ(ground_live(&below), 0);
    ground_deinit(&below);
    return kept;
}

TEST(keep_is_a_bound, fast)
{
    size_t first_size;

    EXPECT_EQ(kept_after_burst(LOAM_HEAP_KEEP_NONE, &first_size), 0);
    EXPECT(kept_after_burst(0, &first_size) > 0);
    EXPECT(kept_after_burst(LOAM_HEAP_KEEP_ALL, &first_size) >= 64 * 10000 - first_size);
    for (size_t keep = 10000; keep < 1000000; keep = keep * 3 / 2)
        EXPECT_LE(kept_after_burst(keep, &first_size), keep);
}

/* ---- pages of free blocks ---- */

typedef struct told {
    const loam_heap *heap;
    size_t calls, bytes, least;
} told;

/* Overwrites what it is told of with what a system leaves: zero. */
static void give_pages(void *context, void *pages, size_t size)
{
    told *t = context;

    EXPECT(is_aligned(pages, 4 * KIB) && size % (4 * KIB) == 0);
    EXPECT(size + 4 * KIB * 2 > t->least);
    EXPECT(loam_heap_owns(t->heap, pages) &&
           loam_heap_owns(t->heap, (unsigned char *)pages + size - 1));
    if (!test_under_asan()) /* to which free memory is nobody's */
        memset(pages, 0, size);
    t->calls++;
    t->bytes += size;
}

/* Live blocks keep what is in them, the heap stays whole and can use all of it again; and each hole of so
 * many bytes is told of, but for less than a page at both of its ends. */
TEST(pages_of_free_blocks_are_told, fast)
{
    enum { BLOCKS = 64, MEMORY = 4 << 20, LEAST = 64 << 10 };
    static _Alignas(4096) unsigned char memory[MEMORY];
    unsigned char *live[BLOCKS];

    for (size_t granule = 8; granule <= 16; granule += 8) {
        loam_heap_config config = {.granule = granule};
        loam_heap *heap = loam_heap_init(memory, sizeof memory, &config);
        told t = {.heap = heap, .least = LEAST};
        size_t holes = 0, room, told_bytes;

        EXPECT(heap != NULL);
        room = heap_figures(heap).largest_free;
        for (size_t i = 0; i < BLOCKS; i++) {
            live[i] = must_alloc(heap, i % 4 == 1 ? 200 * KIB : 3000 * (i % 4) + 100);
            fill_pattern(live[i], i % 4 == 1 ? 200 * KIB : 3000 * (i % 4) + 100, i);
        }
        for (size_t i = 1; i < BLOCKS; i += 4, holes++)
            loam_heap_dealloc(heap, live[i]);
        told_bytes = loam_heap_purge(heap, 4 * KIB, LEAST, give_pages, &t);
        EXPECT_EQ(told_bytes, t.bytes);
        EXPECT(t.calls >= holes && t.calls <= holes + 1);
        EXPECT_LE(holes * (200 - 8) * KIB, t.bytes);
        EXPECT_GOOD_HEAP(heap);
        for (size_t i = 0; i < BLOCKS; i++) {
            if (i % 4 == 1)
                continue;
            EXPECT(has_pattern(live[i], 3000 * (i % 4) + 100, i));
            loam_heap_dealloc(heap, live[i]);
        }
        EXPECT_GOOD_HEAP(heap);
        EXPECT_EQ(heap_figures(heap).largest_free, room);
        EXPECT_EQ(loam_heap_purge(heap, 4 * KIB, MEMORY, give_pages, &t), 0);
        loam_heap_deinit(heap);
    }
}

/* Blocks above the alignment of regions, and so big that a region is taken for them alone. */
TEST(aligned_growth, fast)
{
    heap_world w;

    for (size_t granule = 8; granule <= 16; granule += 8) {
        world_begin(&w, HEAP_GROWING, granule, 4 * KIB);
        for (size_t align = 1; align <= 64 * KIB; align *= 2) {
            for (size_t size = 1; size < 200 * KIB; size *= 7) {
                void *ptr = loam_heap_alloc_aligned(w.heap, size, align);

                test_note("%zu bytes at %zu", size, align);
                EXPECT(ptr != NULL && is_aligned(ptr, align));
                fill_pattern(ptr, size, align);
                EXPECT(loam_heap_alloc(w.heap, 40) != NULL);
                EXPECT_GOOD_HEAP(w.heap);
                ptr = loam_heap_realloc_aligned(w.heap, ptr, size * 2, align);
                EXPECT(ptr != NULL && is_aligned(ptr, align) && has_pattern(ptr, size, align));
                if (size % 2)
                    loam_heap_dealloc(w.heap, ptr);
            }
        }
        world_end(&w);
    }
    test_note(NULL);
}

/* A source that would give any size in place, and says what it was asked for. */
typedef struct boundless {
    loam_allocator below;
    size_t asked; /* the biggest size, and */
    bool shrank;  /* whether a region was to become smaller */
} boundless;

static void *boundless_alloc(void *self, size_t size, size_t align)
{
    return loam_alloc(((boundless *)self)->below, size, align);
}

static void boundless_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    loam_dealloc(((boundless *)self)->below, ptr, size, align);
}

static bool boundless_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    boundless *b = (boundless *)self;

    (void)ptr;
    (void)align;
    b->asked = new_size > b->asked ? new_size : b->asked;
    b->shrank |= new_size < size;
    return false;
}

/* Size and alignment are each possible, but no region can be as big as both together. */
TEST(growth_ends_at_the_biggest_region, fast)
{
    static const loam_allocator_ops ops = {
        .alloc = boundless_alloc,
        .dealloc = boundless_dealloc,
        .resize = boundless_resize,
        .name = "boundless",
        .traits = LOAM_RECLAIMS,
    };
    loam_heap_config config = {.region_size = WORD_SIZE == 4 ? (size_t)1025 << 20 : 0};
    boundless b = {.below = loam_vm_allocator()};
    loam_heap *heap = loam_heap_create((loam_allocator){&ops, &b}, &config);

    if (!heap)
        TEST_SKIP("there is no room for a region of a gigabyte");
    for (size_t align = 1; align != 0 && align <= LOAM_HEAP_MAX; align *= 2)
        EXPECT(!loam_heap_alloc_aligned(heap, hidden(LOAM_HEAP_MAX), align));
    EXPECT_LE(b.asked, LOAM_HEAP_MAX);
    EXPECT(!b.shrank);
    EXPECT_GOOD_HEAP(heap);
    loam_heap_destroy(heap);
}

/* What the source refuses is reported and changes nothing; what fits without it is still served. */
TEST(refused_growth, fast)
{
    for (int kind = HEAP_GROWING; kind < HEAP_KINDS; kind++) {
        heap_world w;
        unsigned char *block;
        loam_stats before, after;

        world_begin(&w, (heap_kind)kind, 0, 4 * KIB);
        block = (unsigned char *)must_alloc(w.heap, 100);
        fill_pattern(block, 100, 3);
        before = heap_stats(w.heap);
        ground_press(&w.ground, true);
        EXPECT_PTR(loam_heap_alloc(w.heap, 1000000), NULL);
        EXPECT_PTR(loam_heap_zalloc(w.heap, 1000000), NULL);
        EXPECT_PTR(loam_heap_alloc_aligned(w.heap, 1000000, 4096), NULL);
        EXPECT_PTR(loam_heap_realloc(w.heap, block, 1000000), NULL);
        EXPECT_PTR(loam_heap_realloc_aligned(w.heap, block, 1000000, 64), NULL);
        EXPECT(has_pattern(block, 100, 3));
        after = heap_stats(w.heap);
        EXPECT_LE(before.failures + 5, after.failures);
        EXPECT_EQ(after.live, before.live);
        EXPECT_EQ(after.committed, before.committed);
        EXPECT_GOOD_HEAP(w.heap);
        while (loam_heap_alloc(w.heap, 50)) {
        }
        EXPECT(heap_figures(w.heap).largest_free < 50);
        EXPECT_GOOD_HEAP(w.heap);
        ground_press(&w.ground, false);
        EXPECT(loam_heap_alloc(w.heap, 1000000) != NULL);
        EXPECT_GOOD_HEAP(w.heap);
        world_end(&w);
    }
}

TEST(refused_create, fast)
{
    ground below;

    ground_init(&below, GROUND_LIBC, false);
    ground_press(&below, true);
    EXPECT_PTR(loam_heap_create(ground_allocator(&below), NULL), NULL);
    ground_press(&below, false);
    EXPECT_EQ(ground_blocks(&below), 0);
    ground_deinit(&below);
}

TEST_MAIN
