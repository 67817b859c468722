/* test_corrupt.c: whatever is overwritten of what a heap keeps in its memory, loam_heap_check() says
 * so, and looks at nothing outside: the heap lies between two guard pages.
 *
 * Each bit of the control block, of the rings, the headers, the links, the footers and the records is
 * flipped in turn, and each word takes a few evil values. What may change without a contradiction is
 * listed in `free_to_change`.
 */
#include "heap/heap_support.h"

#include "heap_internal.h"

#include <loam/vm.h>

#include <stdio.h>
#include <string.h>

enum { SIZE = 64 * 1024, SECOND = 4096 };

typedef struct victim {
    unsigned char *low; /* a guard page, the memory, a guard page */
    unsigned char *memory;
    loam_heap *heap;
    size_t granule;
} victim;

static victim the;
static unsigned char saved[SIZE];

/* The second region is at the end of the memory, so that the guard page is right behind it. */
static void begin(size_t granule)
{
    size_t page = loam_vm_page_size();
    loam_heap_config config = {.granule = granule};
    void *blocks[60];

    the.granule = granule;
    the.low = (unsigned char *)loam_vm_reserve(SIZE + 2 * page, page);
    EXPECT(the.low != NULL && loam_vm_commit(the.low, SIZE + 2 * page));
    the.memory = the.low + page;
    EXPECT(loam_vm_guard(the.low, page) && loam_vm_guard(the.memory + SIZE, page));
    the.heap = loam_heap_init(the.memory, SIZE - SECOND, &config);
    EXPECT(the.heap != NULL);
    EXPECT(loam_heap_add(the.heap, the.memory + SIZE - SECOND, SECOND));

    /* Rings of one, two and three blocks, tiny ones, and a tree of seven. */
    for (size_t i = 0; i < 60; i++) {
        static const size_t sizes[] = {8, 40, 40, 100, 40, 8, 5000 / 8, 1500, 24, 8};
        size_t size = i % 10 == 7 ? 1500 + i * 16 : sizes[i % 10];

        blocks[i] = must_alloc(the.heap, size);
        if (i % 3 == 0)
            (void)must_alloc(the.heap, 20); /* a wall */
    }
    for (size_t i = 0; i < 60; i++) {
        if (i % 2 == 0 || i % 10 == 7)
            loam_heap_dealloc(the.heap, blocks[i]);
    }
    loam_heap_settle(the.heap); /* see test_pending.c for blocks that are not free yet */
    EXPECT_GOOD_HEAP(the.heap);
    EXPECT(heap_figures(the.heap).free_blocks > 15);
    raw_copy(saved, the.memory, SIZE);
}

static void end(void)
{
    raw_copy(the.memory, saved, SIZE);
    EXPECT_GOOD_HEAP(the.heap);
    loam_heap_deinit(the.heap);
    EXPECT(loam_vm_release(the.low, SIZE + 2 * loam_vm_page_size()));
}

/* ---- what may change ---- */

#define FIELD(name) offsetof(loam_heap, name), sizeof(((loam_heap *)0)->name)

/* Fields of the control block that say nothing which anything else says too. */
static const struct {
    size_t offset, size;
} free_to_change[] = {
    {FIELD(failures)}, {FIELD(keep)},   {FIELD(region_size)}, {FIELD(shared)},     {FIELD(summary)},
    {FIELD(fast)},     {FIELD(source)}, {FIELD(spent_low)},   {FIELD(spent_high)},
};

/* Some bytes more in front of the heap contradict nothing. */
static const size_t base_of_first = offsetof(loam_heap, first) + offsetof(region, base);

static bool may_change_control(size_t offset)
{
    size_t rings = rings_size(the.heap->small_end, granule_mask(the.heap) + 1);

    for (size_t i = 0; i < sizeof free_to_change / sizeof *free_to_change; i++) {
        if (offset - free_to_change[i].offset < free_to_change[i].size)
            return true;
    }
    if (offset >= sizeof(loam_heap) + rings)
        return true; /* padding behind the rings */
    return false;
}

/* ---- damage ---- */

static size_t damages, unnoticed;

/* Whether the checker notices; the memory is as before then. */
static void expect_noticed(size_t at, size_t size, const char *what)
{
    if (loam_heap_check(the.heap, NULL, NULL)) {
        size_t in = at - (size_t)((unsigned char *)the.heap - the.memory);

        static size_t last;

        unnoticed++;
        if (at != last && unnoticed <= 40)
            fprintf(stderr, "not noticed: %s at %zu (%zu in the heap), granule %zu\n", what, at, in,
                    the.granule);
        last = at;
    }
    damages++;
    raw_copy(the.memory + at, saved + at, size);
}

static void damage_bits(size_t at)
{
    for (unsigned bit = 0; bit < 8; bit++) {
        raw_store(the.memory + at, (unsigned char)(saved[at] ^ 1u << bit));
        expect_noticed(at, 1, "a bit");
    }
}

/* Evil values for a word: bounds, neighbours, itself, all ones. */
static void damage_word(size_t at)
{
    size_t old, values[12], self = at - (size_t)((unsigned char *)the.heap - the.memory);

    memcpy(&old, saved + at, sizeof old);
    values[0] = 0;
    values[1] = SIZE_MAX;
    values[2] = old + 8;
    values[3] = old - 8;
    values[4] = old + the.granule;
    values[5] = old - the.granule;
    values[6] = self;
    values[7] = SIZE;
    values[8] = SIZE_MAX / 2;
    values[9] = old ^ 3;
    values[10] = SIZE - 8;
    values[11] = (size_t)0 - SIZE;
    for (size_t i = 0; i < 12; i++) {
        if (values[i] == old || (self == base_of_first && old - values[i] < LOAM_HEAP_ALIGN))
            continue;
        raw_copy(the.memory + at, &values[i], sizeof old);
        expect_noticed(at, sizeof old, "a word");
    }
}

static void damage_range(size_t from, size_t to)
{
    for (size_t at = from; at < to; at++)
        damage_bits(at);
    for (size_t at = from; at + WORD_SIZE <= to; at += WORD_SIZE)
        damage_word(at);
}

static void expect_all_noticed(size_t least)
{
    EXPECT_LE(least, damages);
    if (unnoticed != 0)
        TEST_FAIL("%zu of %zu damages were not noticed", unnoticed, damages);
    damages = 0;
}

static size_t place(const void *ptr)
{
    return (size_t)((const unsigned char *)ptr - the.memory);
}

/* ---- the control block, with the rings and the first region ---- */

TEST(control_block, fast)
{
    for (size_t granule = 8; granule <= 16; granule += 8) {
        size_t rings;

        begin(granule);
        rings = rings_size(the.heap->small_end, granule);
        for (size_t at = 0; at < sizeof(loam_heap) + rings; at++) {
            if (!may_change_control(at))
                damage_bits(at);
        }
        for (size_t at = 0; at < sizeof(loam_heap) + rings; at += WORD_SIZE) {
            if (!may_change_control(at))
                damage_word(at);
        }
        end();
    }
    expect_all_noticed(1000);
}

/* ---- blocks ---- */

/* Bits of a live head that say what nothing else says: the slack, where there is no code. */
static bool may_change_live(size_t bit)
{
#if SIZE_MAX > 0xffffffffu
    return !LOAM_CHECKS && bit >= 48;
#else
    (void)bit;
    return false;
#endif
}

static void damage_live_head(size_t at)
{
    for (size_t i = 0; i < WORD_SIZE; i++) {
        if (!may_change_live(8 * i))
            damage_bits(at + i);
    }
}

TEST(live_headers, fast)
{
    for (size_t granule = 8; granule <= 16; granule += 8) {
        heap_map map = {0};

        begin(granule);
        heap_map_take(&map, the.heap);
        for (size_t i = 0; i < map.count; i++) {
            if (map.pieces[i].live)
                damage_live_head(place(map.pieces[i].at) - WORD_SIZE);
        }
        end();
        heap_map_end(&map);
    }
    expect_all_noticed(1000);
}

/* Head, links and size at the start of a free block, and the footer at its end. */
TEST(free_blocks, fast)
{
    for (size_t granule = 8; granule <= 16; granule += 8) {
        heap_map map = {0};

        begin(granule);
        heap_map_take(&map, the.heap);
        for (size_t i = 0; i < map.count; i++) {
            size_t at = place(map.pieces[i].at), size = map.pieces[i].size + WORD_SIZE;
            bool in_tree = size >= the.heap->small_end, tiny = size == 2 * WORD_SIZE;
            bool is_top = at - WORD_SIZE == place(block_at(the.heap, the.heap->top));

            if (map.pieces[i].live)
                continue;
            damage_range(at - WORD_SIZE, at);
            if (!in_tree) /* next */
                damage_range(at, at + WORD_SIZE);
            if (!tiny) { /* size, and footer */
                damage_range(at + WORD_SIZE, at + 2 * WORD_SIZE);
                damage_range(at + size - 2 * WORD_SIZE, at + size - WORD_SIZE);
            }
            if (in_tree && !is_top) /* left, right, parent */
                damage_range(at + 2 * WORD_SIZE, at + 5 * WORD_SIZE);
        }
        end();
        heap_map_end(&map);
    }
    expect_all_noticed(1000);
}

/* The record of a region that was added, and the ends of both. */
TEST(records_and_ends, fast)
{
    for (size_t granule = 8; granule <= 16; granule += 8) {
        begin(granule);
        damage_range(SIZE - SECOND, SIZE - SECOND + sizeof(region));
        for (size_t link = the.heap->newest; link;) {
            const region *r = region_at(the.heap, link);
            size_t at = place(block_at(the.heap, r->end));

            link = r->older;
            damage_range(at, at + 3 * WORD_SIZE);
        }
        end();
    }
    expect_all_noticed(500);
}

/* ---- anything at all ---- */

/* Any bytes anywhere: the checker comes to an end, and stays inside. */
static void run_random(size_t rounds)
{
    test_rng rng;

    test_rng_init(&rng, test_seed());
    for (size_t granule = 8; granule <= 16; granule += 8) {
        begin(granule);
        for (size_t i = 0; i < rounds; i++) {
            size_t pieces = 1 + (size_t)test_rng_below(&rng, 6);

            for (size_t p = 0; p < pieces; p++) {
                size_t at = (size_t)test_rng_below(&rng, SIZE / 8) * 8;
                size_t from = (size_t)test_rng_below(&rng, SIZE / 8) * 8;

                if (test_rng_one_in(&rng, 2)) /* words that look right */
                    raw_copy(the.memory + at, saved + from, 8);
                else
                    raw_store(the.memory + at + test_rng_below(&rng, 8),
                              (unsigned char)test_rng_next(&rng));
            }
            (void)loam_heap_check(the.heap, NULL, NULL);
            raw_copy(the.memory, saved, SIZE);
        }
        end();
    }
}

TEST(check_of_rubble, fast)
{
    run_random(test_under_valgrind() ? 100 : 2000);
}

TEST(check_of_more_rubble, slow)
{
    run_random(100000);
}

TEST_MAIN
