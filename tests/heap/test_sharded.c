/* test_sharded.c: a sharded heap by one thread: blocks of all sizes, limits, figures, misuse, what goes
 * back, and random runs. */
#include "heap/sharded_support.h"

#include "vm/memory.h"

#include "internal/mark.h"

#include <loam/vm.h>

TEST(configurations, fast)
{
    loam_region region;
    loam_heap_sharded heap;
    loam_heap_sharded_config good, bad;

    EXPECT(loam_region_init(&region, NULL));
    good = (loam_heap_sharded_config){.granules = loam_region_granules(&region)};
    EXPECT(!loam_heap_sharded_init(&heap, &(loam_heap_sharded_config){.granule = 8}));
    bad = good;
    bad.granule = 32;
    EXPECT(!loam_heap_sharded_init(&heap, &bad));
    bad = good;
    bad.shards = LOAM_HEAP_SHARDS + 1;
    EXPECT(!loam_heap_sharded_init(&heap, &bad));
    bad = good;
    bad.big = 1023;
    EXPECT(!loam_heap_sharded_init(&heap, &bad));
    EXPECT(loam_heap_sharded_init(&heap, &good));
    EXPECT_LE(1, heap.count);
    EXPECT_EQ(region.held, 0);
    loam_heap_sharded_deinit(&heap);
    EXPECT_EQ(region.held, 0);
    loam_region_deinit(&region);
}

static void use_sizes(sharded *s)
{
    static const size_t sizes[] = {0,     1,      16,     100,     4000,    65535,   65536,
                                   65537, 500000, 800000, 1048575, 1048576, 1048577, 5000000};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    void *blocks[SIZES];

    for (size_t i = 0; i < SIZES; i++) {
        blocks[i] = i % 2 ? loam_heap_sharded_alloc(&s->heap, sizes[i])
                          : loam_heap_sharded_zalloc(&s->heap, sizes[i]);
        EXPECT(blocks[i] != NULL && is_aligned(blocks[i], 16));
        EXPECT(i % 2 || is_zero(blocks[i], sizes[i]));
        EXPECT_LE(sizes[i], loam_heap_sharded_usable_size(&s->heap, blocks[i]));
        EXPECT_EQ(loam_heap_sharded_good_size(&s->heap, sizes[i]),
                  loam_heap_sharded_usable_size(&s->heap, blocks[i]));
        EXPECT(loam_heap_sharded_owns(&s->heap, blocks[i]));
        fill_pattern(blocks[i], sizes[i], i);
    }
    (void)sharded_look(s, SIZES);
    for (size_t i = 0; i < SIZES; i++)
        EXPECT(has_pattern(blocks[i], sizes[i], i));
    for (size_t i = 0; i < SIZES; i++) {
        size_t n = i * 5 % SIZES;

        if (i % 2)
            loam_heap_sharded_dealloc(&s->heap, blocks[n]);
        else
            loam_heap_sharded_dealloc_sized(&s->heap, blocks[n], sizes[n]);
    }
    loam_heap_sharded_dealloc(&s->heap, NULL);
    EXPECT_EQ(loam_heap_sharded_usable_size(&s->heap, NULL), 0);
    EXPECT(!loam_heap_sharded_owns(&s->heap, &sizes) && !loam_heap_sharded_owns(&s->heap, NULL));
    EXPECT_EQ(sharded_look(s, 0).live, 0);
}

TEST(blocks_of_all_sizes, fast)
{
    for (int over = 0; over < OVER_KINDS; over++) {
        for (size_t granule = 8; granule <= 16; granule += 8) {
            static sharded s;

            sharded_begin(&s, (ground_of)over, 0,
                          (loam_heap_sharded_config){.granule = granule, .shards = 4});
            if (granule == 16)
                use_sizes(&s);
            else
                EXPECT(loam_heap_sharded_alloc(&s.heap, 100) != NULL);
            sharded_end(&s);
        }
    }
}

/* From small to big and back, through every alignment, with contents. */
TEST(realloc_keeps_what_is_there, fast)
{
    static sharded s;
    test_rng rng;

    test_rng_init(&rng, test_seed());
    for (int over = 0; over < OVER_KINDS; over++) {
        void *block = NULL;
        size_t size = 0;

        sharded_begin(&s, (ground_of)over, 0, (loam_heap_sharded_config){.shards = 3});
        for (size_t i = 0; i < 400; i++) {
            size_t align = (size_t)1 << test_rng_below(&rng, 19);
            size_t new_size = (size_t)test_rng_below(&rng, i % 3 ? 3 * MIB : 3000);
            void *moved;

            if (i % 4 == 0 && block) {
                if (loam_heap_sharded_resize(&s.heap, block, new_size)) {
                    EXPECT(has_pattern(block, new_size < size ? new_size : size, i));
                    size = new_size;
                }
                fill_pattern(block, size, i + 1);
                continue;
            }
            moved = loam_heap_sharded_realloc_aligned(&s.heap, block, new_size, align);
            EXPECT(moved != NULL && is_aligned(moved, align));
            EXPECT(has_pattern(moved, new_size < size ? new_size : size, i));
            block = moved;
            size = new_size;
            fill_pattern(block, size, i + 1);
            if (i % 20 == 0)
                (void)sharded_look(&s, 1);
        }
        loam_heap_sharded_dealloc_sized(&s.heap, block, size);
        (void)sharded_look(&s, 0);
        sharded_end(&s);
    }
}

/* A big block that shrinks gives its granules back at once; one that grows in its last granule stays. */
TEST(big_blocks_in_place, fast)
{
    static sharded s;

    for (int over = 0; over < OVER_KINDS; over++) {
        size_t held;
        char *block, *behind;

        sharded_begin(&s, (ground_of)over, 0, (loam_heap_sharded_config){.shards = 1});
        block = (char *)loam_heap_sharded_alloc(&s.heap, 2 * MIB + 1);
        behind = (char *)loam_heap_sharded_alloc(&s.heap, MIB);
        EXPECT_PTR(behind, block + 2 * MIB + LOAM_REGION_GRANULE);
        held = s.heap.big_held;
        EXPECT(loam_heap_sharded_resize(&s.heap, block, 2 * MIB + LOAM_REGION_GRANULE));
        EXPECT(!loam_heap_sharded_resize(&s.heap, block, 2 * MIB + LOAM_REGION_GRANULE + 1));
        EXPECT_EQ(s.heap.big_held, held);
        loam_heap_sharded_dealloc(&s.heap, behind);
        EXPECT(loam_heap_sharded_resize(&s.heap, block, 100000));
        EXPECT_EQ(s.heap.big_held, 2 * LOAM_REGION_GRANULE);
        EXPECT(loam_heap_sharded_resize(&s.heap, block, 0));
        EXPECT_EQ(s.heap.big_held, LOAM_REGION_GRANULE);
        EXPECT(!loam_heap_sharded_owns(&s.heap, block + LOAM_REGION_GRANULE));
        (void)sharded_look(&s, 1);
        loam_heap_sharded_dealloc_sized(&s.heap, block, 0);
        (void)sharded_look(&s, 0);
        sharded_end(&s);
    }
}

/* What is free behind a big block is had, and the source's own after that; what it holds stays. */
TEST(big_blocks_grow_where_they_are, fast)
{
    static sharded s;

    for (int over = 0; over < OVER_KINDS; over++) {
        char *block, *behind, *end;

        sharded_begin(&s, (ground_of)over, 0, (loam_heap_sharded_config){.shards = 1});
        block = (char *)loam_heap_sharded_alloc(&s.heap, hidden(2 * MIB));
        behind = (char *)loam_heap_sharded_alloc(&s.heap, MIB);
        end = (char *)loam_heap_sharded_alloc(&s.heap, MIB);
        EXPECT_PTR(behind, block + 2 * MIB);
        EXPECT_PTR(end, block + 3 * MIB);
        fill_pattern(block, 2 * MIB, 7);
        fill_pattern(end, MIB, 8);
        EXPECT(!loam_heap_sharded_resize(&s.heap, block, 3 * MIB));
        (void)sharded_look(&s, 3);
        loam_heap_sharded_dealloc(&s.heap, behind);
        EXPECT(!loam_heap_sharded_resize(&s.heap, block, 3 * MIB + 1));
        EXPECT(loam_heap_sharded_resize(&s.heap, block, 3 * MIB));
        EXPECT(loam_heap_sharded_owns(&s.heap, behind));
        EXPECT_EQ(sharded_look(&s, 2).live, 4 * MIB);
        EXPECT(has_pattern(block, 2 * MIB, 7));
        memset(block + 2 * MIB, 1, MIB);
        loam_heap_sharded_dealloc(&s.heap, end);
        EXPECT_PTR(loam_heap_sharded_realloc(&s.heap, block, 20 * MIB), block);
        EXPECT_EQ(sharded_look(&s, 1).live, 20 * MIB);
        EXPECT(has_pattern(block, 2 * MIB, 7));
        memset(block + 2 * MIB, 2, 18 * MIB);
        loam_heap_sharded_dealloc_sized(&s.heap, block, 20 * MIB);
        (void)sharded_look(&s, 0);
        sharded_end(&s);
    }
}

/* What was never touched is not touched to clear it: neither a big block, nor what a shard cuts. */
TEST(fresh_memory_is_not_cleared, fast)
{
    static sharded s;
    size_t page = loam_vm_page_size();

    if (!memory_tells_resident())
        TEST_SKIP("the system does not tell what is resident");
    if (loam_mark_wanted())
        TEST_SKIP("a heap that is watched clears what it hands out");
    for (int over = 0; over < OVER_KINDS; over++) {
        char *big, *small;

        sharded_begin(&s, (ground_of)over, 0,
                      (loam_heap_sharded_config){.shards = 1, .region_size = 4 * MIB});
        EXPECT(loam_heap_sharded_alloc(&s.heap, 100) != NULL);
        for (int i = 0; i < 4; i++) /* no room is left in the first run */
            EXPECT(loam_heap_sharded_alloc(&s.heap, 900000) != NULL);
        small = (char *)loam_heap_sharded_zalloc(&s.heap, 800000);
        big = (char *)loam_heap_sharded_zalloc(&s.heap, 8 * MIB);
        EXPECT(big != NULL && small != NULL);
        EXPECT_LE(memory_resident(big, 8 * MIB, page), 2);
        EXPECT_LE(memory_resident(small - (uintptr_t)small % page, 800000, page), 4);
        EXPECT(is_zero(big, 8 * MIB) && is_zero(small, 800000));
        memset(big, 1, 8 * MIB);
        memset(small, 1, 800000);
        loam_heap_sharded_dealloc(&s.heap, big);
        loam_heap_sharded_dealloc(&s.heap, small);
        big = (char *)loam_heap_sharded_zalloc(&s.heap, 8 * MIB);
        small = (char *)loam_heap_sharded_zalloc(&s.heap, 800000);
        EXPECT(is_zero(big, 8 * MIB) && is_zero(small, 800000));
        sharded_end(&s);
    }
}

/* ---- limits ---- */

TEST(absurd_requests, fast)
{
    static const size_t absurd[] = {LOAM_HEAP_MAX + 1, PTRDIFF_MAX,  SIZE_MAX / 2 + 2,
                                    SIZE_MAX - 64,     SIZE_MAX - 1, SIZE_MAX};
    static sharded s;
    void *block;

    sharded_begin(&s, OVER_REGION, 0, (loam_heap_sharded_config){.shards = 2});
    block = loam_heap_sharded_alloc(&s.heap, 10);
    EXPECT(block != NULL);
    for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++) {
        size_t size = hidden(absurd[i]);

        EXPECT_PTR(loam_heap_sharded_alloc(&s.heap, size), NULL);
        EXPECT_PTR(loam_heap_sharded_zalloc_aligned(&s.heap, size, 64), NULL);
        EXPECT_PTR(loam_heap_sharded_realloc(&s.heap, block, size), NULL);
        EXPECT(!loam_heap_sharded_resize(&s.heap, block, size));
        EXPECT_LE(size, loam_heap_sharded_good_size(&s.heap, size));
    }
    EXPECT_PTR(loam_heap_sharded_alloc(&s.heap, hidden(LOAM_HEAP_MAX)), NULL);
    (void)sharded_look(&s, 1);
    sharded_end(&s);
}

/* Full is full only when no shard has room: each of four has some memory, and all of it is used. */
TEST(every_shard_is_tried, fast)
{
    static sharded s;
    loam_heap_sharded_figures figures;
    size_t blocks = 0, bytes;

    sharded_begin(&s, OVER_REGION, 4 * MIB, (loam_heap_sharded_config){.shards = 4});
    for (size_t i = 0; i < 4; i++) { /* by hand: this thread would keep to one */
        void *block = loam_heap_sharded_alloc(&s.heap, 100);
        loam_heap_shard_ *shard;

        EXPECT(block != NULL);
        blocks++;
        shard = (loam_heap_shard_ *)loam_record_owner(loam_region_find(&s.region, block));
        EXPECT(shard->lock.word == 0);
        shard->lock.word = 1;
    }
    for (size_t i = 0; i < 4; i++)
        s.heap.shards[i].lock.word = 0;
    while (loam_heap_sharded_alloc(&s.heap, 1000))
        blocks++;
    loam_heap_sharded_look(&s.heap, &figures);
    EXPECT_EQ(figures.shards, 4);
    EXPECT(figures.helped > 0 && figures.moves > 0);
    bytes = sharded_look(&s, blocks).live;
    EXPECT_LE(4 * MIB - 4 * 24 * KIB - 64 * KIB, bytes + blocks * 16);
    while (loam_heap_sharded_alloc(&s.heap, 8))
        blocks++;
    (void)sharded_look(&s, blocks);
    sharded_end(&s);
}

/* What another shard keeps empty is given back before a request fails. */
TEST(empties_of_others_are_had, fast)
{
    static sharded s;
    void *block;

    sharded_begin(&s, OVER_REGION, 4 * MIB,
                  (loam_heap_sharded_config){.shards = 2, .keep = LOAM_HEAP_KEEP_ALL});
    block = loam_heap_sharded_alloc(&s.heap, 1000000);
    EXPECT(block != NULL);
    loam_heap_sharded_dealloc(&s.heap, block);
    EXPECT(s.region.held >= 16);
    block = loam_heap_sharded_alloc(&s.heap, 3500000);
    EXPECT(block != NULL);
    (void)sharded_look(&s, 1);
    sharded_end(&s);
}

/* ---- giving memory back ---- */

TEST(empty_runs_go_back, fast)
{
    static sharded s;

    for (int over = 0; over < OVER_KINDS; over++) {
        enum { BLOCKS = 3000 };
        static void *blocks[BLOCKS];

        sharded_begin(&s, (ground_of)over, 0,
                      (loam_heap_sharded_config){.shards = 2, .at_once = true});
        for (size_t i = 0; i < BLOCKS; i++)
            EXPECT((blocks[i] = loam_heap_sharded_alloc(&s.heap, i)) != NULL);
        for (size_t i = 0; i < BLOCKS; i++)
            loam_heap_sharded_dealloc(&s.heap, blocks[i * 7 % BLOCKS]);
        while (loam_heap_sharded_purge_step(&s.heap, 256 * KIB) != 0) {
        }
        EXPECT_LE(sharded_look(&s, 0).committed, 2 * LOAM_REGION_GRANULE);
        EXPECT_EQ(loam_heap_sharded_trim(&s.heap), 0);
        sharded_end(&s);
    }
}

TEST(young_memory_stays, fast)
{
    static sharded s;
    void *block;

    sharded_begin(&s, OVER_REGION, 0,
                  (loam_heap_sharded_config){.shards = 1, .delay = 3600 * 1000});
    block = loam_heap_sharded_alloc(&s.heap, 500000);
    loam_heap_sharded_dealloc(&s.heap, block);
    (void)loam_heap_sharded_purge_step(&s.heap, SIZE_MAX);
    EXPECT(sharded_look(&s, 0).committed >= 500000);
    EXPECT(loam_heap_sharded_trim(&s.heap) >= 500000);
    EXPECT_LE(sharded_look(&s, 0).committed, LOAM_REGION_GRANULE);
    sharded_end(&s);
}

/* ---- random runs beside a plain list ---- */

static void run_model(ground_of over, size_t granule, size_t steps)
{
    enum { MOST = 1500 };
    static sharded s;
    static struct {
        unsigned char *ptr;
        size_t size, align;
    } held[MOST];
    test_rng rng;
    size_t live = 0;

    memset(held, 0, sizeof held);
    test_rng_init(&rng, test_seed() + (size_t)over);
    sharded_begin(&s, over, 0,
                  (loam_heap_sharded_config){
                      .shards = 3, .granule = granule, .big = 200000, .at_once = true});
    for (size_t i = 0; i < steps; i++) {
        size_t n = (size_t)test_rng_below(&rng, MOST), size = sharded_size(&rng);
        size_t align = test_rng_one_in(&rng, 20) ? (size_t)1 << test_rng_below(&rng, 18) : 1;

        if (!held[n].ptr) {
            held[n].ptr =
                (unsigned char *)(test_rng_one_in(&rng, 2)
                                      ? loam_heap_sharded_zalloc_aligned(&s.heap, size, align)
                                      : loam_heap_sharded_alloc_aligned(&s.heap, size, align));
            EXPECT(held[n].ptr != NULL && is_aligned(held[n].ptr, align));
            live++;
        } else {
            EXPECT(is_signed(held[n].ptr, held[n].size, n));
            if (test_rng_one_in(&rng, 3)) {
                align = held[n].align;
                held[n].ptr = (unsigned char *)loam_heap_sharded_realloc_aligned(
                    &s.heap, held[n].ptr, size, align);
                EXPECT(held[n].ptr != NULL && is_aligned(held[n].ptr, align));
            } else {
                loam_heap_sharded_dealloc_sized(&s.heap, held[n].ptr, held[n].size);
                held[n].ptr = NULL;
                live--;
                continue;
            }
        }
        held[n].size = size;
        held[n].align = align;
        sign(held[n].ptr, size, n);
        if (test_rng_one_in(&rng, 500))
            (void)loam_heap_sharded_purge_step(&s.heap, 1 * MIB);
        if (test_rng_one_in(&rng, 2000))
            (void)sharded_look(&s, live);
    }
    (void)sharded_look(&s, live);
    sharded_end(&s); /* with all that is live */
}

TEST(random_runs, fast)
{
    for (int over = 0; over < OVER_KINDS; over++)
        run_model((ground_of)over, over % 2 ? 8 : 16, test_under_valgrind() ? 1000 : 6000);
}

TEST(random_runs_long, slow)
{
    for (int over = 0; over < OVER_KINDS; over++)
        run_model((ground_of)over, over % 2 ? 8 : 16, 200000);
}

/* ---- misuse ---- */

static sharded the;
static unsigned char *block;

static void give(void *context)
{
    (void)context;
    loam_heap_sharded_dealloc(&the.heap, block);
}

static void give_twice(void *context)
{
    give(context);
    give(context);
}

static void give_as_bigger(void *context)
{
    (void)context;
    loam_heap_sharded_dealloc_sized(&the.heap, block, 777);
}

static void expect_death_over(ground_of over, size_t size, size_t off, test_fn misuse,
                              const char *words)
{
    void *keeps_it_from_going;

    if (!LOAM_CHECKS)
        TEST_SKIP("not a checked build");
    sharded_begin(&the, over, 0, (loam_heap_sharded_config){.shards = 2});
    keeps_it_from_going = loam_heap_sharded_alloc(&the.heap, 100);
    block = (unsigned char *)loam_heap_sharded_alloc(&the.heap, size);
    EXPECT(block != NULL && keeps_it_from_going != NULL);
    block += off;
    test_dies_with(misuse, NULL, words, block);
    sharded_end(&the);
}

static void expect_death(size_t size, size_t off, test_fn misuse, const char *words)
{
    for (int over = 0; over < OVER_KINDS; over++)
        expect_death_over((ground_of)over, size, off, misuse, words);
}

#define TWICE   "loam: fatal: block was given back twice: 0x"
#define FOREIGN "loam: fatal: block is not of this allocator: 0x"
#define SIZE    "loam: fatal: block passed back with a size that it does not have: 0x"

TEST(double_free, fast)
{
    expect_death(100, 0, give_twice, TWICE);
}

TEST(double_free_of_a_big_block, fast)
{
    expect_death(2 * MIB, 0, give_twice, TWICE);
}

TEST(pointer_into_a_block, fast)
{
    expect_death(100, 16, give, FOREIGN);
}

TEST(pointer_into_a_big_block, fast)
{
    expect_death(2 * MIB, LOAM_REGION_GRANULE, give, FOREIGN);
}

TEST(pointer_to_elsewhere, fast)
{
    expect_death(100, (size_t)1 << 30, give, FOREIGN);
}

TEST(wrong_size, fast)
{
    expect_death(100, 0, give_as_bigger, SIZE);
}

TEST(wrong_size_of_a_big_block, fast)
{
    expect_death(2 * MIB, 0, give_as_bigger, SIZE);
}

TEST_MAIN
