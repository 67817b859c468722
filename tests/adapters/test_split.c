/* split: the size names the owner, always and everywhere. */
#include "adapters/puppet.h"

#include <loam/adapters.h>

typedef struct two {
    puppet small_one;
    puppet large_one;
    loam_split split;
    loam_allocator a;
} two;

static void set_up(two *t, size_t threshold)
{
    puppet_init(&t->small_one);
    puppet_init(&t->large_one);
    loam_split_init(&t->split, puppet_allocator(&t->small_one), puppet_allocator(&t->large_one),
                    threshold);
    t->a = loam_split_allocator(&t->split);
}

/* The threshold itself is small, the next byte is large; blocks go back where they came from. */
TEST(size_names_the_owner, fast)
{
    two t;
    void *low, *high;

    set_up(&t, 1000);
    low = loam_alloc(t.a, 1000, 8);
    high = loam_alloc(t.a, 1001, 8);
    EXPECT(t.small_one.live == 1000 && t.large_one.live == 1001);
    loam_dealloc(t.a, low, 1000, 8);
    loam_dealloc(t.a, high, 1001, 8);
    EXPECT(t.small_one.live == 0 && t.large_one.live == 0);
    EXPECT(loam_zalloc(t.a, 1, 1) && loam_zalloc(t.a, 2000, 1));
    EXPECT(t.small_one.calls.zalloc == 1 && t.large_one.calls.zalloc == 1);
}

/* What the owner refuses is refused: the other one could not take it back. */
TEST(no_one_stands_in, fast)
{
    two t;

    set_up(&t, 1000);
    t.small_one.refuse = true;
    EXPECT(!loam_alloc(t.a, 10, 8));
    EXPECT_EQ(t.large_one.calls.alloc, 0);
    t.small_one.refuse = false;
    t.large_one.refuse = true;
    EXPECT(!loam_alloc(t.a, 2000, 8));
    EXPECT_EQ(t.small_one.calls.alloc, 1);
}

/* Across the threshold, in either direction, nobody below is even asked. */
TEST(crossing_is_refused, fast)
{
    two t;
    void *low, *high;

    set_up(&t, 1000);
    low = loam_alloc(t.a, 1000, 8);
    high = loam_alloc(t.a, 1001, 8);
    EXPECT(!loam_resize(t.a, low, 1000, 1001, 8) && !loam_resize(t.a, high, 1001, 1000, 8));
    EXPECT(!loam_remap(t.a, low, 1000, 1001, 8) && !loam_remap(t.a, high, 1001, 1000, 8));
    EXPECT(t.small_one.calls.resize + t.large_one.calls.resize == 0);
    EXPECT(t.small_one.calls.remap + t.large_one.calls.remap == 0);
    EXPECT(loam_resize(t.a, low, 1000, 900, 8) && loam_resize(t.a, high, 1001, 1010, 8));
    EXPECT(t.small_one.calls.resize == 1 && t.large_one.calls.resize == 1);
    EXPECT(loam_remap(t.a, low, 900, 800, 8) && loam_remap(t.a, high, 1010, 5000, 8));
    EXPECT(t.small_one.calls.remap == 1 && t.large_one.calls.remap == 1);
}

/* realloc therefore copies, there and back, and leaves nothing behind on either side. */
TEST(realloc_migrates, fast)
{
    two t;
    unsigned char *ptr;

    set_up(&t, 1000);
    ptr = loam_alloc(t.a, 600, 16);
    EXPECT(ptr);
    for (size_t i = 0; i < 600; i++)
        ptr[i] = (unsigned char)i;
    ptr = loam_realloc(t.a, ptr, 600, 4000, 16);
    EXPECT(ptr && t.small_one.live == 0 && t.large_one.live == 4000);
    ptr = loam_realloc(t.a, ptr, 4000, 1000, 16);
    EXPECT(ptr && t.small_one.live == 1000 && t.large_one.live == 0);
    for (size_t i = 0; i < 600; i++)
        EXPECT_EQ(ptr[i], i & 255);
    t.large_one.refuse = true;
    EXPECT(!loam_realloc(t.a, ptr, 1000, 1001, 16));
    EXPECT(t.small_one.live == 1000 && ptr[599] == (599 & 255));
}

/* A7 across the threshold, wherever that lies: at least the size, monotone, a good size of itself,
 * and of the same owner. */
TEST(good_size_keeps_the_owner, fast)
{
    static const size_t thresholds[] = {0, 1, 255, 256, 257, 1000, 1024, SIZE_MAX};

    for (size_t i = 0; i < sizeof thresholds / sizeof *thresholds; i++) {
        size_t before = 0;
        two t;

        set_up(&t, thresholds[i]);
        for (size_t size = 1; size < 3000; size++) {
            size_t good = loam_good_size(t.a, size, 8);

            EXPECT(good >= size && good >= before);
            EXPECT_EQ(good <= thresholds[i], size <= thresholds[i]);
            EXPECT_EQ(loam_good_size(t.a, good, 8), good);
            before = good;
        }
    }
}

/* 0 leaves all to the large one, SIZE_MAX all to the small one. */
TEST(extreme_thresholds, fast)
{
    two t;

    set_up(&t, 0);
    EXPECT(loam_alloc(t.a, 1, 1) && t.large_one.calls.alloc == 1 && t.small_one.calls.alloc == 0);
    set_up(&t, SIZE_MAX);
    EXPECT(loam_alloc(t.a, 5000, 1) && t.small_one.calls.alloc == 1 &&
           t.large_one.calls.alloc == 0);
}

/* Where the owner lacks what the other one has, the answer is that of an allocator without it. */
TEST(one_side_lacks_an_operation, fast)
{
    two t;
    unsigned char *low;
    void *high;

    puppet_init(&t.small_one);
    puppet_init(&t.large_one);
    t.small_one.ops.zalloc = NULL;
    t.small_one.ops.remap = NULL;
    t.small_one.ops.good_size = NULL;
    t.large_one.ops.resize = NULL;
    loam_split_init(&t.split, puppet_allocator(&t.small_one), puppet_allocator(&t.large_one), 1000);
    t.a = loam_split_allocator(&t.split);
    memset(t.small_one.buffer, 0xff, 100);
    low = loam_zalloc(t.a, 100, 8);
    EXPECT(low && low[0] == 0 && low[99] == 0 && t.small_one.calls.alloc == 1);
    high = loam_zalloc(t.a, 2000, 8);
    EXPECT(high && t.large_one.calls.zalloc == 1);
    EXPECT(!loam_resize(t.a, high, 2000, 2010, 8));
    EXPECT_PTR(loam_remap(t.a, low, 100, 120, 8), low);
    EXPECT(!loam_remap(t.a, low, 120, 999, 8));
    EXPECT_EQ(loam_good_size(t.a, 100, 8), 100);
    EXPECT_EQ(loam_good_size(t.a, 2000, 8), 2048);
}

TEST(owns_both_sides, fast)
{
    two t;
    void *low, *high;

    set_up(&t, 1000);
    low = loam_alloc(t.a, 10, 8);
    high = loam_alloc(t.a, 2000, 8);
    EXPECT(loam_owns(t.a, low) && loam_owns(t.a, high) && !loam_owns(t.a, &t));
}

/* The owner's shared cache is handed on, and only the owner's. */
TEST(cache_is_the_owners, fast)
{
    loam_cache_own own;
    two t;

    set_up(&t, 1000);
    EXPECT_PTR(loam_allocator_cache(t.a, 64, 8, &own), &t.small_one.shared);
    EXPECT_PTR(loam_allocator_cache(t.a, 1001, 8, &own), &t.large_one.shared);
    t.large_one.ops.cache = NULL;
    EXPECT_PTR(loam_allocator_cache(t.a, 1001, 8, &own), &own.cache);
    loam_cache_deinit(&own);
}

TEST_MAIN
