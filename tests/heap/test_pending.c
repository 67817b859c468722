/* test_pending.c: the last two blocks that were given back are made free only when something else is
 * looked for (unless the heap is watched, or grows). Nobody can see that: not by what a request gets, not
 * by figures, not after a move of the memory.
 */
#include "heap/heap_support.h"

#include "heap_internal.h"

#include <string.h>

enum { SIZE = 32 * 1024 };

static _Alignas(64) unsigned char memory[SIZE], elsewhere[SIZE];

/* A heap with `count` blocks of these sizes, side by side in order of address, and no room else. */
static loam_heap *full_heap(size_t granule, size_t count, const size_t *sizes, void **blocks)
{
    loam_heap_config config = {.granule = granule, .shared = true};
    loam_heap *heap = loam_heap_init(memory, sizeof memory, &config);
    size_t sum = 0;
    unsigned char *at;

    EXPECT(heap != NULL);
    for (size_t i = 0; i < count; i++)
        sum += whole_block(sizes[i], granule);
    at = (unsigned char *)must_alloc(heap, sum - WORD_SIZE);
    while (loam_heap_alloc(heap, heap_figures(heap).largest_free))
        continue;
    EXPECT_EQ(heap_figures(heap).free_blocks, 0);
    loam_heap_dealloc(heap, at);
    for (size_t i = 0; i < count; i++)
        blocks[i] = must_alloc(heap, sizes[i]);
    EXPECT_EQ(heap_figures(heap).free_blocks, 0);
    EXPECT_GOOD_HEAP(heap);
    return heap;
}

/* Of three blocks that fill a heap, two neighbours are given back: what needs both gets them, in
 * whichever order they came, and what needs more gets nothing. */
TEST(sum_of_two_is_found_at_once, fast)
{
    static const size_t sizes[3] = {104, 56, 2008};

    for (size_t order = 0; order < 8; order++) {
        size_t granule = order & 1 ? 8 : 16, first = order >> 1 & 1, flip = order >> 2 & 1, sum;
        void *blocks[3];
        loam_heap *heap = full_heap(granule, 3, sizes, blocks);

        sum = loam_heap_usable_size(heap, blocks[first]) +
              loam_heap_usable_size(heap, blocks[first + 1]) + WORD_SIZE;
        loam_heap_dealloc(heap, blocks[first + flip]);
        loam_heap_dealloc(heap, blocks[first + !flip]);
        EXPECT_PTR(loam_heap_alloc(heap, sum + 1), NULL);
        EXPECT_EQ(heap_stats(heap).failures > 0, true);
        EXPECT(loam_heap_alloc(heap, sum) != NULL);
        EXPECT_GOOD_HEAP(heap);
        loam_heap_deinit(heap);
    }
}

/* The same by every way in which memory is asked for. */
TEST(every_request_finds_them, fast)
{
    static const size_t sizes[3] = {1000, 1000, 1000};

    for (size_t way = 0; way < 6; way++) {
        void *blocks[3], *got = NULL;
        loam_heap *heap = full_heap(16, 3, sizes, blocks);

        loam_heap_dealloc(heap, blocks[1]);
        loam_heap_dealloc(heap, blocks[2]);
        switch (way) {
        case 0:
            got = loam_heap_zalloc(heap, 1800);
            EXPECT(got && is_zero(got, 1800));
            break;
        case 1:
            got = loam_heap_alloc_aligned(heap, 1500, 64);
            break;
        case 2:
            got = loam_heap_realloc(heap, blocks[0], 2900);
            EXPECT_PTR(got, blocks[0]);
            break;
        case 3:
            got = loam_heap_resize(heap, blocks[0], 2900) ? blocks[0] : NULL;
            break;
        case 4:
            got = loam_heap_zalloc_aligned(heap, 1500, 128);
            break;
        default:
            got = loam_heap_realloc_aligned(heap, NULL, 1700, 32);
            break;
        }
        EXPECT(got != NULL);
        EXPECT_GOOD_HEAP(heap);
        loam_heap_deinit(heap);
    }
}

/* After each call, the figures, the walk and the checker tell of one free block more or less. */
TEST(figures_see_them_free, fast)
{
    static const size_t sizes[7] = {40, 40, 8, 40, 200, 40, 40};
    static const size_t frees[7] = {2, 4, 3, 0, 6, 1, 5};
    static const size_t holes[7] = {1, 2, 1, 2, 3, 2, 1};
    void *blocks[7];
    loam_heap *heap = full_heap(16, 7, sizes, blocks);
    size_t blocks_before = heap_stats(heap).blocks, live = heap_stats(heap).live;

    for (size_t i = 0; i < 7; i++) {
        live -= loam_heap_usable_size(heap, blocks[frees[i]]);
        loam_heap_dealloc(heap, blocks[frees[i]]);
        EXPECT_GOOD_HEAP(heap);
        EXPECT_EQ(heap_stats(heap).blocks, blocks_before - i - 1);
        EXPECT_EQ(heap_stats(heap).live, live);
        EXPECT_EQ(heap_figures(heap).free_blocks, holes[i]);
    }
    loam_heap_deinit(heap);
}

/* A block that is taken again has the new request's size, whichever of the two it is. */
TEST(taken_again_for_less, fast)
{
    for (size_t which = 0; which < 2; which++) {
        void *blocks[2], *got;
        loam_heap *heap = loam_heap_init(memory, sizeof memory, NULL);
        size_t requested;

        blocks[0] = must_alloc(heap, 50);
        (void)must_alloc(heap, 8); /* a wall */
        blocks[1] = must_alloc(heap, 120);
        (void)must_alloc(heap, 8);
        requested = heap_figures(heap).requested;
        loam_heap_dealloc(heap, blocks[which]);
        loam_heap_dealloc(heap, blocks[!which]);
        got = loam_heap_alloc(heap, 117);
        EXPECT_PTR(got, blocks[1]);
        EXPECT_GOOD_HEAP(heap);
        EXPECT_PTR(loam_heap_zalloc(heap, 45), blocks[0]);
        EXPECT(is_zero(blocks[0], 45));
        if (sizeof(size_t) == 8)
            EXPECT_EQ(heap_figures(heap).requested, requested - 8);
        EXPECT_GOOD_HEAP(heap);
        loam_heap_deinit(heap);
    }
}

/* What is given back does not count beside what is taken next. */
TEST(peak_is_what_was_live, fast)
{
    loam_heap *heap = loam_heap_init(memory, sizeof memory, NULL);
    void *a = must_alloc(heap, 1000), *b;
    size_t live = loam_heap_usable_size(heap, a);

    loam_heap_dealloc(heap, a);
    b = must_alloc(heap, 500);
    EXPECT_EQ(heap_stats(heap).peak, live);
    loam_heap_dealloc(heap, b);
    loam_heap_reset_peak(heap);
    EXPECT_EQ(heap_stats(heap).peak, 0);
    b = must_alloc(heap, 2000);
    EXPECT_EQ(heap_stats(heap).peak, loam_heap_usable_size(heap, b));
    loam_heap_dealloc(heap, b);
    loam_heap_reset(heap);
    EXPECT_EQ(heap_stats(heap).live, 0);
    EXPECT_EQ(heap_figures(heap).free_blocks, 1);
    EXPECT_GOOD_HEAP(heap);
    loam_heap_deinit(heap);
}

/* Where sizes have 32 bits, more than half of them may have been live. */
TEST(peak_above_two_gibibytes_stays, fast)
{
    loam_heap *heap = loam_heap_init(memory, sizeof memory, NULL);
    void *a;

    heap->peak = heap->room = 0xa0000000u; /* as if so much had been live, and nothing were */
    a = must_alloc(heap, 1000);
    EXPECT_EQ(heap_stats(heap).peak, 0xa0000000u);
    EXPECT_EQ(heap_stats(heap).live, loam_heap_usable_size(heap, a));
    heap->peak -= heap->room; /* all that was live is live */
    heap->room = 0;
    loam_heap_dealloc(heap, a);
    a = must_alloc(heap, 3000);
    EXPECT_EQ(heap_stats(heap).peak, loam_heap_usable_size(heap, a));
    EXPECT_GOOD_HEAP(heap);
    loam_heap_deinit(heap);
}

static void count_pages(void *context, void *pages, size_t size)
{
    (void)pages;
    *(size_t *)context += size;
}

/* The end of something big is told of at once, with what lies beside it. */
TEST(pages_are_told_of, fast)
{
    static const size_t sizes[3] = {9000, 5000, 9000};
    void *blocks[3];
    loam_heap *heap = full_heap(16, 3, sizes, blocks);
    size_t told = 0;

    loam_heap_dealloc(heap, blocks[0]);
    EXPECT_LE(9000 - 2 * 1024, loam_heap_purge(heap, 1024, 9000, count_pages, &told));
    loam_heap_dealloc(heap, blocks[2]);
    loam_heap_dealloc(heap, blocks[1]);
    told = 0;
    EXPECT_LE(23000 - 2 * 1024, loam_heap_purge(heap, 1024, 23000, count_pages, &told));
    EXPECT_LE(23000 - 2 * 1024, told);
    EXPECT_GOOD_HEAP(heap);
    loam_heap_deinit(heap);
}

/* Whoever maps the memory elsewhere finds them, and makes them free. */
TEST(they_move_with_the_memory, fast)
{
    static const size_t sizes[3] = {300, 300, 300};
    void *blocks[3];
    loam_heap *heap = full_heap(16, 3, sizes, blocks), *moved;
    size_t sum = 2 * loam_heap_usable_size(heap, blocks[0]) + WORD_SIZE;

    loam_heap_dealloc(heap, blocks[1]);
    loam_heap_dealloc(heap, blocks[0]);
    memcpy(elsewhere, memory, sizeof memory);
    memset(memory, 0, sizeof memory);
    moved = loam_heap_attach(elsewhere, sizeof elsewhere);
    EXPECT(moved != NULL);
    EXPECT_GOOD_HEAP(moved);
    EXPECT_EQ(heap_figures(moved).free_blocks, 1);
    EXPECT(loam_heap_alloc(moved, sum) != NULL);
    EXPECT_EQ(heap_figures(moved).free_blocks, 0);
    EXPECT_GOOD_HEAP(moved);
    loam_heap_deinit(moved);
}

/* A link to a pending block that is overwritten, and one that is there twice, are noticed. */
TEST(damage_is_noticed, fast)
{
    static const size_t sizes[4] = {300, 40, 300, 40};
    void *blocks[4];
    loam_heap *heap = full_heap(16, 4, sizes, blocks);
    word saved[2];

    loam_heap_dealloc(heap, blocks[0]);
    loam_heap_dealloc(heap, blocks[2]);
    memcpy(saved, heap->pending, sizeof saved);
    for (size_t i = 0; i < 2; i++) {
        for (unsigned bit = 0; bit < 8 * WORD_SIZE; bit++) {
            heap->pending[i] ^= (word)1 << bit;
            EXPECT(!loam_heap_check(heap, NULL, NULL));
            memcpy(heap->pending, saved, sizeof saved);
        }
        heap->pending[i] = heap->pending[!i];
        EXPECT(heap->eager || !loam_heap_check(heap, NULL, NULL));
        memcpy(heap->pending, saved, sizeof saved);
    }
    if (!heap->eager) {
        heap->pending[0] = 0;
        EXPECT(!loam_heap_check(heap, NULL, NULL));
        memcpy(heap->pending, saved, sizeof saved);
        heap->pending[1] = link_to(heap, block_of(blocks[0])) + 16;
        EXPECT(!loam_heap_check(heap, NULL, NULL));
        memcpy(heap->pending, saved, sizeof saved);
    }
    EXPECT_GOOD_HEAP(heap);
    loam_heap_deinit(heap);
}

TEST_MAIN
