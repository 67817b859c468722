/* test_model.c: random runs of everything that a heap can do, beside a plain list of the blocks that
 * it should have, with all their contents. The seed is printed, and LOAM_TEST_SEED sets it;
 * LOAM_TEST_HEAP_STEPS says how many operations a run has. */
#include "heap/heap_support.h"

#include <string.h>

enum { MOST = 4000 };

typedef struct held {
    unsigned char *ptr;
    size_t size, align;
    uint64_t seed;
} held;

typedef struct model {
    heap_world w;
    held blocks[MOST];
    size_t count, target;
    size_t largest;  /* sizes are below */
    size_t failures; /* of the heap */
    bool bounded;    /* the memory is full some day */
    bool pressed;
    uint64_t seeds;
    test_rng rng;
} model;

static model the;

static size_t below(size_t limit)
{
    return (size_t)test_rng_below(&the.rng, limit);
}

static size_t random_size(void)
{
    size_t kind = below(100);

    if (kind < 60)
        return below(120);
    if (kind < 90)
        return below(1000);
    if (kind < 99)
        return below(the.largest / 8 + 1);
    return below(the.largest);
}

static size_t random_align(void)
{
    return (size_t)1 << (test_rng_one_in(&the.rng, 50) ? below(14) : below(5));
}

/* A refusal is right where memory is full or refused; then nothing that size is free. */
static void expect_refusal(size_t size)
{
    EXPECT(the.bounded || the.pressed);
    the.failures++;
    if (the.failures % 64 == 0) {
        loam_heap_figures figures = heap_figures(the.w.heap);

        if (figures.free_blocks != 0 && figures.largest_free >= size)
            TEST_FAIL("%zu bytes refused, though %zu are free in one block", size,
                      figures.largest_free);
    }
}

static void hold(held *h, void *ptr, size_t size, size_t align)
{
    *h = (held){(unsigned char *)ptr, size, align, ++the.seeds};
    fill_pattern(ptr, size, h->seed);
}

static void take(void)
{
    size_t size = random_size(), align = random_align(), way = below(8);
    bool plain = align <= the.w.granule, zero = false;
    void *ptr;

    if (the.count == MOST)
        return;
    if (way == 0) {
        ptr = loam_alloc(loam_heap_allocator(the.w.heap), size + 1, align);
    } else if (way < 3) {
        zero = true;
        ptr = plain ? loam_heap_zalloc(the.w.heap, size)
                    : loam_heap_zalloc_aligned(the.w.heap, size, align);
    } else {
        ptr = plain && way < 7 ? loam_heap_alloc(the.w.heap, size)
                               : loam_heap_alloc_aligned(the.w.heap, size, align);
    }
    size += way == 0;
    if (!ptr) {
        if (plain)
            expect_refusal(size);
        else
            EXPECT(the.bounded || the.pressed);
        return;
    }
    EXPECT(is_aligned(ptr, align) && is_aligned(ptr, the.w.granule));
    if (zero)
        EXPECT(is_zero(ptr, size));
    hold(&the.blocks[the.count++], ptr, size, align);
}

static void drop(size_t n)
{
    held h = the.blocks[n];

    if (!has_pattern(h.ptr, h.size, h.seed))
        TEST_FAIL("a block of %zu bytes at %p was written to", h.size, (void *)h.ptr);
    the.blocks[n] = the.blocks[--the.count];
    if (below(2))
        loam_heap_dealloc(the.w.heap, h.ptr);
    else
        loam_heap_dealloc_sized(the.w.heap, h.ptr, h.size);
}

static void change(size_t n)
{
    held *h = &the.blocks[n], old = *h;
    size_t size = random_size(), way = below(4);
    void *ptr;

    if (way == 0)
        ptr = loam_heap_resize(the.w.heap, h->ptr, size) ? h->ptr : NULL;
    else if (way == 1 && h->align <= the.w.granule)
        ptr = loam_heap_realloc(the.w.heap, h->ptr, size);
    else if (way == 2 && h->size != 0)
        ptr = loam_realloc(loam_heap_allocator(the.w.heap), h->ptr, h->size, ++size, h->align);
    else
        ptr = loam_heap_realloc_aligned(the.w.heap, h->ptr, size, h->align);
    if (!ptr) {
        EXPECT(way == 0 || the.bounded || the.pressed);
        EXPECT(has_pattern(old.ptr, old.size, old.seed));
        return;
    }
    EXPECT(is_aligned(ptr, old.align));
    EXPECT(has_pattern(ptr, size < old.size ? size : old.size, old.seed));
    hold(h, ptr, size, old.align);
}

static void look(void)
{
    size_t usable = 0;

    EXPECT_GOOD_HEAP(the.w.heap);
    EXPECT_EQ(heap_stats(the.w.heap).blocks, the.count);
    for (size_t i = 0; i < the.count; i++) {
        const held *h = &the.blocks[i];

        EXPECT_LE(h->size, loam_heap_usable_size(the.w.heap, h->ptr));
        EXPECT(loam_heap_owns(the.w.heap, h->ptr));
        usable += loam_heap_usable_size(the.w.heap, h->ptr);
    }
    EXPECT_EQ(heap_stats(the.w.heap).live, usable);
    if (WORD_SIZE == 8) {
        size_t asked = 0;

        for (size_t i = 0; i < the.count; i++)
            asked += the.blocks[i].size;
        EXPECT_EQ(heap_figures(the.w.heap).requested, asked);
    }
}

static void press(void)
{
    if (!heap_kind_grows(the.w.kind))
        return;
    the.pressed = !the.pressed && below(2);
    ground_press(&the.w.ground, the.pressed);
}

static void operate(size_t step)
{
    size_t what = below(10000);

    if (step % 2000 == 0)
        the.target = test_rng_one_in(&the.rng, 4) ? 1 : 1 + below(MOST);
    if (what < 2)
        look();
    else if (what < 10)
        press();
    else if (what < 13)
        (void)loam_heap_trim(the.w.heap);
    else if (what < 800 && the.count)
        change(below(the.count));
    else if (below(the.count + the.target) >= the.count)
        take();
    else if (the.count)
        drop(below(the.count));
    if (step % 100000 == 50000) {
        look();
        loam_heap_reset(the.w.heap);
        the.count = 0;
        look();
    }
}

static void run_world(heap_kind kind, size_t granule, size_t size, size_t steps)
{
    test_note("%s, granule %zu, %zu bytes", heap_kind_name(kind), granule, size);
    world_begin(&the.w, kind, granule, size);
    the.count = the.failures = 0;
    the.target = 1;
    the.largest = size / 8 + 100;
    the.pressed = false;
    the.bounded = !heap_kind_grows(kind) || kind == HEAP_GROWING_BUMP;
    for (size_t i = 0; i < steps; i++)
        operate(i);
    look();
    while (the.count)
        drop(below(the.count));
    look();
    world_end(&the.w);
    test_note(NULL);
}

/* So many operations in all. */
static void run_all(size_t steps)
{
    size_t runs = HEAP_KINDS * 2 * 2;

    steps = test_bound("LOAM_TEST_HEAP_STEPS", steps) / runs + 1;
    test_rng_init(&the.rng, test_seed());
    for (int kind = 0; kind < HEAP_KINDS; kind++) {
        for (size_t granule = 8; granule <= 16; granule += 8) {
            run_world((heap_kind)kind, granule, 30000, steps);
            run_world((heap_kind)kind, granule, 600000, steps);
        }
    }
}

TEST(random_runs, fast)
{
    run_all(test_under_valgrind() ? 20000 : 100000);
}

TEST(random_runs_long, slow)
{
    run_all(3000000);
}

TEST(random_runs_for_long, stress)
{
    run_all(10000000);
}

TEST_MAIN
