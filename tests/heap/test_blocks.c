/* test_blocks.c: what is done with blocks: alloc, zalloc, alignment, resize, realloc, giving back. */
#include "heap/heap_support.h"

#include <string.h>

static void for_each_world(void (*run)(heap_world *w), size_t size)
{
    for (int kind = 0; kind < HEAP_KINDS; kind++) {
        for (size_t granule = 8; granule <= 16; granule += 8) {
            heap_world w;

            test_note("%s, granule %zu", heap_kind_name((heap_kind)kind), granule);
            world_begin(&w, (heap_kind)kind, granule, size);
            run(&w);
            EXPECT_GOOD_HEAP(w.heap);
            world_end(&w);
        }
    }
    test_note(NULL);
}

/* ---- alloc and dealloc ---- */

enum { SIZES = 300 };

static void keep_patterns(heap_world *w)
{
    void *blocks[SIZES];

    for (size_t i = 0; i < SIZES; i++) {
        blocks[i] = must_alloc(w->heap, i);
        EXPECT(is_aligned(blocks[i], w->granule));
        fill_pattern(blocks[i], i, i);
    }
    EXPECT_EQ(heap_stats(w->heap).blocks, SIZES);
    EXPECT_GOOD_HEAP(w->heap);
    for (size_t i = 0; i < SIZES; i++) {
        size_t n = i * 7 % SIZES; /* each once */

        EXPECT(has_pattern(blocks[n], n, n));
        if (i % 2)
            loam_heap_dealloc(w->heap, blocks[n]);
        else
            loam_heap_dealloc_sized(w->heap, blocks[n], n);
        if (i % 10 == 0)
            EXPECT_GOOD_HEAP(w->heap);
    }
    loam_heap_dealloc(w->heap, NULL);
    EXPECT_EQ(heap_stats(w->heap).live, 0);
}

TEST(blocks_keep_what_is_in_them, fast)
{
    for_each_world(keep_patterns, 256 * KIB);
}

static void fill_and_empty(heap_world *w)
{
    size_t first = heap_figures(w->heap).largest_free, regions = heap_figures(w->heap).regions;

    for (size_t size = 0; size < 600; size += 1 + size / 3) {
        void *newest = NULL;

        for (void *ptr; (ptr = loam_heap_alloc(w->heap, size)) != NULL;) {
            EXPECT_LE(sizeof newest, loam_heap_usable_size(w->heap, ptr) + 4);
            if (loam_heap_usable_size(w->heap, ptr) >= sizeof newest) {
                EXPECT(loam_heap_resize(w->heap, ptr, sizeof newest));
                memcpy(ptr, &newest, sizeof newest);
                newest = ptr;
            }
        }
        EXPECT_GOOD_HEAP(w->heap);
        while (newest) {
            void *next;

            memcpy(&next, newest, sizeof next);
            loam_heap_dealloc(w->heap, newest);
            newest = next;
        }
        EXPECT_EQ(heap_stats(w->heap).blocks, 0);
        EXPECT_EQ(heap_figures(w->heap).largest_free, first);
        EXPECT_EQ(heap_figures(w->heap).free_blocks, regions);
    }
}

/* To the brim with blocks of one size, and empty again: all is one free block in each region. */
TEST(full_and_empty, fast)
{
    for (size_t granule = 8; granule <= 16; granule += 8) {
        static const heap_kind kinds[] = {HEAP_BUFFER, HEAP_ODD_BUFFER, HEAP_REGIONS};

        for (size_t k = 0; k < 3; k++) {
            heap_world w;

            test_note("%s, granule %zu", heap_kind_name(kinds[k]), granule);
            world_begin(&w, kinds[k], granule, 16 * KIB);
            fill_and_empty(&w);
            world_end(&w);
        }
    }
    test_note(NULL);
}

static void alloc_free_alloc(heap_world *w)
{
    void *wall = must_alloc(w->heap, 64);

    for (size_t size = 0; size < 5000; size = size * 5 / 4 + 1) {
        void *ptr = must_alloc(w->heap, size), *other = must_alloc(w->heap, 24), *again;
        heap_map map = {0};

        loam_heap_dealloc(w->heap, ptr);
        heap_map_take(&map, w->heap);
        EXPECT(heap_map_fit(&map, size) != NULL);
        heap_map_end(&map);
        again = must_alloc(w->heap, size);
        loam_heap_dealloc(w->heap, other);
        loam_heap_dealloc(w->heap, again);
    }
    loam_heap_dealloc(w->heap, wall);
}

TEST(what_was_freed_can_be_had_again, fast)
{
    for_each_world(alloc_free_alloc, 64 * KIB);
}

/* In a full heap, nothing but what was just given back is free; it is enough for all up to it. */
TEST(the_only_hole_is_found, fast)
{
    for (size_t granule = 8; granule <= 16; granule += 8) {
        for (size_t size = 0; size < 700; size++) {
            heap_world w;
            void *hole, *rest;
            size_t usable;

            world_begin(&w, HEAP_BUFFER, granule, 8 * KIB);
            hole = must_alloc(w.heap, size);
            usable = loam_heap_usable_size(w.heap, hole);
            rest = must_alloc(w.heap, heap_figures(w.heap).largest_free);
            EXPECT_PTR(loam_heap_alloc(w.heap, 0), NULL);
            loam_heap_dealloc(w.heap, hole);
            EXPECT_PTR(loam_heap_alloc(w.heap, usable + 1), NULL);
            EXPECT_PTR(loam_heap_alloc(w.heap, usable), hole);
            loam_heap_dealloc(w.heap, hole);
            EXPECT_PTR(loam_heap_alloc(w.heap, usable / 2 + 1) != NULL ? hole : NULL, hole);
            loam_heap_dealloc(w.heap, rest);
            EXPECT_SOUND_HEAP(w.heap);
            world_end(&w);
        }
    }
}

/* ---- zalloc ---- */

static void zero_is_zero(heap_world *w)
{
    for (size_t round = 0; round < 4; round++) {
        unsigned char *blocks[60];

        for (size_t i = 0; i < 60; i++) {
            size_t size = i * i % 997 * (1 + round);

            blocks[i] = (unsigned char *)(i % 3 ? loam_heap_zalloc(w->heap, size)
                                                : loam_heap_zalloc_aligned(w->heap, size, 128));
            EXPECT(blocks[i] != NULL);
            EXPECT(is_zero(blocks[i], size));
            memset(blocks[i], 0xff, size);
        }
        for (size_t i = 0; i < 60; i++)
            loam_heap_dealloc(w->heap, blocks[i * 7 % 60]);
    }
    loam_heap_reset(w->heap);
    for (size_t i = 0; i < 60; i++) {
        void *block = loam_heap_zalloc(w->heap, 500);

        EXPECT(block != NULL && is_zero(block, 500));
        memset(block, 0xff, 500);
    }
}

TEST(zalloc_reads_zero, fast)
{
    for_each_world(zero_is_zero, 256 * KIB);
}

/* A buffer that was said to be zero: also after blocks came and went, moved and merged. */
TEST(zalloc_of_a_zeroed_buffer, fast)
{
    static _Alignas(64) unsigned char memory[64 * 1024];

    for (size_t granule = 8; granule <= 16; granule += 8) {
        loam_heap_config config = {.granule = granule, .zeroed = true};
        loam_heap *heap;
        test_rng rng;
        void *blocks[40] = {NULL};

        memset(memory, 0, sizeof memory);
        heap = loam_heap_init(memory, sizeof memory, &config);
        EXPECT(heap != NULL);
        test_rng_init(&rng, test_seed() + granule);
        for (size_t i = 0; i < 20000; i++) {
            size_t n = (size_t)test_rng_below(&rng, 40);
            size_t size = (size_t)test_rng_below(&rng, test_rng_one_in(&rng, 30) ? 20000 : 900);

            if (blocks[n] && test_rng_one_in(&rng, 4)) {
                void *moved = loam_heap_realloc(heap, blocks[n], size);

                if (moved) {
                    blocks[n] = moved;
                    memset(moved, 0xff, size);
                }
            } else if (blocks[n]) {
                loam_heap_dealloc(heap, blocks[n]);
                blocks[n] = NULL;
            } else if ((blocks[n] = loam_heap_zalloc(heap, size)) != NULL) {
                EXPECT(is_zero(blocks[n], size));
                memset(blocks[n], 0xff, size);
            }
            if (i % 1000 == 999)
                EXPECT_GOOD_HEAP(heap);
            if (i % 5000 == 4999) {
                loam_heap_reset(heap);
                memset(blocks, 0, sizeof blocks);
            }
        }
        loam_heap_deinit(heap);
    }
}

/* ---- alignment ---- */

static void every_alignment(heap_world *w)
{
    for (size_t align = 1; align <= 4096; align *= 2) {
        void *blocks[20];

        for (size_t i = 0; i < 20; i++) {
            size_t size = i * 29 % 300;

            blocks[i] = loam_heap_alloc_aligned(w->heap, size, align);
            EXPECT(blocks[i] != NULL && is_aligned(blocks[i], align));
            EXPECT(is_aligned(blocks[i], w->granule));
            EXPECT_LE(size, loam_heap_usable_size(w->heap, blocks[i]));
            fill_pattern(blocks[i], size, i);
        }
        EXPECT_GOOD_HEAP(w->heap);
        for (size_t i = 0; i < 20; i++) {
            size_t n = i * 3 % 20;

            EXPECT(has_pattern(blocks[n], n * 29 % 300, n));
            loam_heap_dealloc(w->heap, blocks[n]);
        }
    }
}

TEST(alignments, fast)
{
    for_each_world(every_alignment, 512 * KIB);
}

static void bad_alignment(void *context)
{
    heap_world *w = (heap_world *)context;

    (void)!loam_heap_alloc_aligned(w->heap, 100, hidden(24));
}

TEST(alignments_that_are_none, fast)
{
    heap_world w;

    world_begin(&w, HEAP_BUFFER, 0, 64 * KIB);
    if (LOAM_CHECKS) {
        test_dies_with(bad_alignment, &w, "loam: fatal: alignment is not a power of two: 0x",
                       (void *)24);
    } else {
        void *block = must_alloc(w.heap, 100);

        EXPECT_PTR(loam_heap_alloc_aligned(w.heap, 100, hidden(0)), NULL);
        EXPECT_PTR(loam_heap_alloc_aligned(w.heap, 100, hidden(24)), NULL);
        EXPECT_PTR(loam_heap_zalloc_aligned(w.heap, 100, hidden(SIZE_MAX)), NULL);
        EXPECT_PTR(loam_heap_realloc_aligned(w.heap, block, 100, hidden(48)), NULL);
        EXPECT_EQ(heap_stats(w.heap).blocks, 1);
        EXPECT_GOOD_HEAP(w.heap);
    }
    world_end(&w);
}

/* ---- resize ---- */

/* A block right behind the one that was stacked before: all that is free, cut off behind. */
static unsigned char *stack(loam_heap *heap, size_t size)
{
    unsigned char *block = (unsigned char *)must_alloc(heap, heap_figures(heap).largest_free);

    EXPECT(loam_heap_resize(heap, block, size));
    return block;
}

/* Returns where a free block behind ends, or the block's own end. */
static size_t reach(const loam_heap *heap, const unsigned char *block)
{
    size_t usable = loam_heap_usable_size(heap, block), far = usable;
    heap_map map = {0};

    heap_map_take(&map, heap);
    for (size_t i = 0; i < map.count; i++) {
        if (!map.pieces[i].live && map.pieces[i].at == block + usable + WORD_SIZE)
            far = usable + WORD_SIZE + map.pieces[i].size;
    }
    heap_map_end(&map);
    return far;
}

TEST(resize_reaches_exactly_so_far, fast)
{
    for (size_t granule = 8; granule <= 16; granule += 8) {
        for (size_t hole = 1; hole < 400; hole += 13) {
            heap_world w;
            unsigned char *block, *behind, *wall;
            size_t far, usable;

            world_begin(&w, HEAP_BUFFER, granule, 16 * KIB);
            block = stack(w.heap, 100);
            behind = stack(w.heap, hole);
            wall = stack(w.heap, 3000);
            fill_pattern(block, 100, 100);
            loam_heap_dealloc(w.heap, behind);
            usable = loam_heap_usable_size(w.heap, block);
            far = reach(w.heap, block);
            EXPECT(far > usable);
            EXPECT(!loam_heap_resize(w.heap, block, far + 1));
            EXPECT_EQ(loam_heap_usable_size(w.heap, block), usable);
            EXPECT(loam_heap_resize(w.heap, block, far));
            EXPECT_EQ(loam_heap_usable_size(w.heap, block), far);
            EXPECT(has_pattern(block, 100, 100));
            EXPECT_GOOD_HEAP(w.heap);
            memset(block, 0xff, far);
            EXPECT_GOOD_HEAP(w.heap);
            for (size_t size = far; size-- > 0;) {
                EXPECT(loam_heap_resize(w.heap, block, size));
                EXPECT_EQ(reach(w.heap, block), far);
                EXPECT_LE(size, loam_heap_usable_size(w.heap, block));
            }
            EXPECT_GOOD_HEAP(w.heap);
            for (size_t size = 0; size <= far; size++) {
                EXPECT(loam_heap_resize(w.heap, block, size));
                EXPECT_EQ(reach(w.heap, block), far);
            }
            loam_heap_dealloc_sized(w.heap, block, far);
            loam_heap_dealloc(w.heap, wall);
            EXPECT_GOOD_HEAP(w.heap);
            EXPECT_EQ(heap_figures(w.heap).free_blocks, 1);
            world_end(&w);
        }
    }
}

/* All usable bytes can be claimed, and then are the block's. */
static void claim_slack(heap_world *w)
{
    for (size_t size = 0; size < 300; size++) {
        unsigned char *block = (unsigned char *)must_alloc(w->heap, size);
        size_t usable = loam_heap_usable_size(w->heap, block);

        EXPECT(loam_heap_resize(w->heap, block, usable));
        memset(block, 0xee, usable);
        EXPECT_EQ(loam_heap_usable_size(w->heap, block), usable);
        loam_heap_dealloc_sized(w->heap, block, usable);
    }
}

TEST(slack_can_be_claimed, fast)
{
    for_each_world(claim_slack, 64 * KIB);
}

/* ---- realloc ---- */

static void realloc_like_alloc(heap_world *w)
{
    void *block = loam_heap_realloc(w->heap, NULL, 50);

    EXPECT(block != NULL);
    EXPECT_EQ(heap_stats(w->heap).blocks, 1);
    fill_pattern(block, 50, 1);
    block = loam_heap_realloc(w->heap, block, 0); /* a smallest one */
    EXPECT(block != NULL);
    EXPECT_EQ(heap_stats(w->heap).blocks, 1);
    EXPECT_EQ(loam_heap_usable_size(w->heap, block), LEAST_BLOCK - WORD_SIZE);
    loam_heap_dealloc(w->heap, block);
    block = loam_heap_realloc_aligned(w->heap, NULL, 50, 256);
    EXPECT(block != NULL && is_aligned(block, 256));
    loam_heap_dealloc_sized(w->heap, block, 50);
    EXPECT_EQ(heap_stats(w->heap).blocks, 0);
}

TEST(realloc_of_nothing_and_to_nothing, fast)
{
    for_each_world(realloc_like_alloc, 64 * KIB);
}

/* [hole][block][hole][wall]: the block grows over both, and nothing else is free. */
static void grow_in_the_last_hole(size_t granule, size_t front, size_t size, size_t behind)
{
    heap_world w;
    unsigned char *low, *block, *high, *rest, *grown;
    size_t room;

    world_begin(&w, HEAP_BUFFER, granule, 16 * KIB);
    low = stack(w.heap, front);
    block = stack(w.heap, size);
    high = stack(w.heap, behind);
    rest = (unsigned char *)must_alloc(w.heap, heap_figures(w.heap).largest_free);
    EXPECT_PTR(loam_heap_alloc(w.heap, 0), NULL);
    fill_pattern(block, size, 9);
    room = (size_t)(high - low) + loam_heap_usable_size(w.heap, high);
    loam_heap_dealloc(w.heap, low);
    loam_heap_dealloc(w.heap, high);
    EXPECT_PTR(loam_heap_realloc(w.heap, block, room + 1), NULL);
    EXPECT(has_pattern(block, size, 9));
    EXPECT_GOOD_HEAP(w.heap);
    grown = (unsigned char *)loam_heap_realloc(w.heap, block, room);
    EXPECT_PTR(grown, low);
    EXPECT(has_pattern(grown, size, 9));
    EXPECT_EQ(loam_heap_usable_size(w.heap, grown), room);
    memset(grown, 0xaa, room);
    EXPECT_GOOD_HEAP(w.heap);
    EXPECT_EQ(heap_figures(w.heap).free_blocks, 0);
    loam_heap_dealloc_sized(w.heap, grown, room);
    loam_heap_dealloc(w.heap, rest);
    EXPECT_EQ(heap_figures(w.heap).free_blocks, 1);
    world_end(&w);
}

TEST(realloc_over_both_neighbours, fast)
{
    for (size_t granule = 8; granule <= 16; granule += 8) {
        for (size_t i = 0; i < 200; i++)
            grow_in_the_last_hole(granule, i * 7 % 190, 1 + i * 31 % 400, i * 3 % 150);
    }
}

/* Growing backwards is enough; what is left behind stays free. */
TEST(realloc_backwards, fast)
{
    for (size_t granule = 8; granule <= 16; granule += 8) {
        for (size_t add = 1; add < 500; add += 7) {
            heap_world w;
            unsigned char *low, *block, *grown, *rest;
            size_t size;

            world_begin(&w, HEAP_BUFFER, granule, 16 * KIB);
            low = stack(w.heap, 600);
            block = stack(w.heap, 600);
            rest = (unsigned char *)must_alloc(w.heap, heap_figures(w.heap).largest_free);
            fill_pattern(block, 600, add);
            loam_heap_dealloc(w.heap, low);
            size = loam_heap_usable_size(w.heap, block) + add;
            grown = (unsigned char *)loam_heap_realloc(w.heap, block, size);
            EXPECT(grown != NULL && grown < block && grown >= low);
            EXPECT(has_pattern(grown, 600, add));
            memset(grown, 1, size);
            EXPECT_GOOD_HEAP(w.heap);
            loam_heap_dealloc(w.heap, grown);
            loam_heap_dealloc(w.heap, rest);
            EXPECT_EQ(heap_figures(w.heap).free_blocks, 1);
            world_end(&w);
        }
    }
}

/* An alignment is kept whatever becomes of the block; when it can't be, nothing changes. */
static void keep_alignment(heap_world *w)
{
    test_rng rng;
    void *blocks[16] = {NULL};
    size_t sizes[16] = {0};

    test_rng_init(&rng, test_seed());
    for (size_t i = 0; i < 3000; i++) {
        size_t n = (size_t)test_rng_below(&rng, 16), align = (size_t)8 << n % 8;
        size_t size = (size_t)test_rng_below(&rng, 3000);
        void *ptr = loam_heap_realloc_aligned(w->heap, blocks[n], size, align);

        if (ptr) {
            EXPECT(is_aligned(ptr, align));
            EXPECT(has_pattern(ptr, size < sizes[n] ? size : sizes[n], n));
            blocks[n] = ptr;
            sizes[n] = size;
            fill_pattern(ptr, size, n);
        } else {
            EXPECT(has_pattern(blocks[n], sizes[n], n));
        }
        if (i % 100 == 0)
            EXPECT_GOOD_HEAP(w->heap);
    }
    for (size_t n = 0; n < 16; n++)
        loam_heap_dealloc(w->heap, blocks[n]);
    EXPECT_EQ(heap_stats(w->heap).live, 0);
}

TEST(realloc_keeps_alignment, fast)
{
    for_each_world(keep_alignment, 64 * KIB);
}

static void shrink_always(heap_world *w)
{
    for (size_t size = 0; size < 2000; size += 97) {
        unsigned char *block = (unsigned char *)must_alloc(w->heap, size);
        void *rest;

        fill_pattern(block, size, size);
        /* In a full heap, too. */
        for (rest = NULL; !heap_kind_grows(w->kind);) {
            void *more = loam_heap_alloc(w->heap, heap_figures(w->heap).largest_free);

            if (!more || loam_heap_usable_size(w->heap, more) < sizeof rest) {
                loam_heap_dealloc(w->heap, more);
                break;
            }
            memcpy(more, &rest, sizeof rest);
            rest = more;
        }
        for (size_t smaller = size; smaller-- > 0;) {
            unsigned char *now = (unsigned char *)loam_heap_realloc(w->heap, block, smaller);

            EXPECT(now != NULL);
            EXPECT(has_pattern(now, smaller, size));
            block = now;
        }
        EXPECT_GOOD_HEAP(w->heap);
        loam_heap_dealloc(w->heap, block);
        while (rest) {
            void *next;

            memcpy(&next, rest, sizeof next);
            loam_heap_dealloc(w->heap, rest);
            rest = next;
        }
        EXPECT_EQ(heap_stats(w->heap).live, 0);
    }
}

TEST(shrinking_never_fails, fast)
{
    for_each_world(shrink_always, 8 * KIB);
}

TEST_MAIN
