/* test_cache.c: the shared free list: all that ask a pool for a cache of one size are given the same
 * one, the class's own front, by the rules C1 to C7 of loam/cache.h. */
#include "pool/pool_support.h"

#include "support/blocks.h"

#include <string.h>

/* A container of fixed-size nodes, as trees and lists are: it knows its handle and a cache. */
typedef struct box {
    loam_allocator allocator;
    loam_cache_own own;
    loam_cache *cache;
    void *nodes; /* linked through their first bytes */
    size_t count, size;
} box;

static void box_init(box *b, loam_allocator allocator, size_t size, size_t align)
{
    memset(b, 0, sizeof *b);
    b->allocator = allocator;
    b->size = size;
    b->cache = loam_allocator_cache(allocator, size, align, &b->own);
}

static void box_push(box *b)
{
    void *node = loam_cache_take(b->cache);

    EXPECT(node != NULL);
    memset(node, 0x77, b->size);
    memcpy(node, &b->nodes, sizeof b->nodes);
    b->nodes = node;
    b->count++;
}

static void *box_pop(box *b)
{
    void *node = b->nodes;

    memcpy(&b->nodes, node, sizeof b->nodes);
    loam_cache_give(b->cache, node);
    b->count--;
    return node;
}

static void box_deinit(box *b)
{
    while (b->count > 0)
        (void)box_pop(b);
    loam_cache_deinit(&b->own);
}

static void begin_default(loam_pool *pool, const source *src)
{
    loam_pool_config config = pool_config(src);

    begin_pool(pool, &config);
}

/* ---- sharing ---- */

/* Two containers of nodes of one size, or of sizes of one class, share the class's front: what one
 * gave back the other takes next. */
static void share(source *src)
{
    loam_pool pool;
    box one, two;
    void *node;

    begin_default(&pool, src);
    box_init(&one, loam_pool_allocator(&pool), 100, 8);
    box_init(&two, loam_pool_allocator(&pool), 112, 16);
    EXPECT_PTR(one.cache, two.cache);
    EXPECT_PTR(one.cache, &loam_pool_class_aligned(&pool, 100, 8)->front);
    EXPECT_EQ(one.cache->size, 112);
    for (size_t i = 0; i < 500; i++) {
        box_push(&one);
        box_push(&two);
    }
    node = box_pop(&one);
    box_push(&two);
    EXPECT_PTR(two.nodes, node);
    EXPECT_EQ(pool_stats(&pool).blocks, 1000);
    EXPECT_GOOD_POOL(&pool);
    box_deinit(&one);
    EXPECT_EQ(pool_stats(&pool).blocks, 501);
    for (size_t i = 0; i < 100; i++) /* C3: it does not end with one of its users */
        box_push(&two);
    EXPECT_GOOD_POOL(&pool);
    box_deinit(&two);
    EXPECT_EQ(pool_stats(&pool).blocks, 0);
    loam_pool_deinit(&pool);
}

TEST(containers_share_a_front, fast)
{
    for_each_source(share);
}

/* Each class has a cache of its own; large blocks, and alignments that no class has, have none. */
TEST(which_cache, fast)
{
    source src;
    loam_pool pool;
    loam_allocator handle;
    loam_cache_own own;

    source_begin(&src, SOURCE_LIBC);
    begin_default(&pool, &src);
    handle = loam_pool_allocator(&pool);
    for (size_t size = 1; size <= LOAM_POOL_LARGEST; size += size / 7 + 1) {
        for (size_t align = 1; align <= 4096; align *= 4) {
            loam_pool_class *cls = loam_pool_class_aligned(&pool, size, align);
            loam_cache *cache = loam_allocator_cache(handle, size, align, &own);

            EXPECT_PTR(cache, cls ? &cls->front : &own.cache);
            EXPECT(cache->size >= size && cache->align >= align);
            loam_cache_deinit(&own);
        }
    }
    EXPECT_PTR(loam_allocator_cache(handle, 40000, 8, &own), &own.cache);
    loam_cache_deinit(&own);
    EXPECT_PTR(loam_allocator_cache(handle, 64, 8192, &own), &own.cache);
    loam_cache_deinit(&own);
    loam_pool_deinit(&pool);
    source_end(&src);
}

/* The handle of a single class does the same. */
TEST(cache_of_a_class, fast)
{
    source src;
    loam_pool_class cls;
    box one, two, big;

    source_begin(&src, SOURCE_REGION);
    begin_class_of(&cls, &src, 64);
    box_init(&one, loam_pool_class_allocator(&cls), 64, 64);
    box_init(&two, loam_pool_class_allocator(&cls), 10, 2);
    box_init(&big, loam_pool_class_allocator(&cls), 65, 1);
    EXPECT_PTR(one.cache, &cls.front);
    EXPECT_PTR(two.cache, &cls.front);
    EXPECT_PTR(big.cache, &big.own.cache);
    EXPECT(loam_cache_take(big.cache) == NULL); /* it shows at the first take */
    box_push(&one);
    box_push(&two);
    box_deinit(&one);
    box_deinit(&two);
    box_deinit(&big);
    EXPECT_EQ(class_stats(&cls).blocks, 0);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* ---- the rules ---- */

/* C1, C2, C7: blocks go through the cache, through the handle and through the class, in any mixture,
 * with a front of any size, none too. */
static void mix(size_t front)
{
    source src;
    loam_pool_class cls;
    loam_pool_class_config config;
    loam_allocator handle;
    loam_cache_own own;
    loam_cache *cache;
    test_blocks live;
    test_rng rng;

    test_rng_init(&rng, test_seed());
    source_begin(&src, SOURCE_CHECKED);
    config = class_config(&src, 48);
    config.front = front;
    begin_class(&cls, &config);
    handle = loam_pool_class_allocator(&cls);
    cache = loam_allocator_cache(handle, 48, 16, &own);
    test_blocks_init(&live);
    for (size_t i = 0; i < 10000; i++) {
        uint64_t way = test_rng_below(&rng, 3);
        bool take = live.count == 0 || (live.count < 800 && test_rng_one_in(&rng, 2));

        if (take) {
            void *block = way == 0   ? loam_cache_take(cache)
                          : way == 1 ? loam_alloc(handle, 48, 16)
                                     : loam_pool_class_take(&cls);

            EXPECT(block && test_blocks_disjoint(&live, block, 48));
            (void)test_blocks_add(&live, block, 48, 16);
        } else {
            test_block block = test_blocks_remove(&live, (size_t)test_rng_below(&rng, live.count));

            EXPECT(test_block_intact(&block));
            if (way == 0)
                loam_cache_give(cache, block.ptr);
            else if (way == 1)
                loam_dealloc(handle, block.ptr, 48, 16);
            else
                loam_pool_class_give(&cls, block.ptr);
        }
        EXPECT_EQ(class_stats(&cls).blocks, live.count);
        EXPECT(cache->low <= cache->top && cache->top <= cache->high);
    }
    EXPECT_EQ(test_blocks_broken(&live), live.count);
    EXPECT_GOOD_CLASS(&cls);
    test_blocks_deinit(&live);
    loam_cache_deinit(&own);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

TEST(cache_and_handle_mix, fast)
{
    mix(0);
    mix(1);
    mix(2);
    mix(7);
}

/* C3: who asked ends nothing; what the front holds is the pool's. */
TEST(nobody_else_ends_a_shared_cache, fast)
{
    source src;
    loam_pool pool;
    loam_cache_own own;
    loam_cache *cache;
    void *block;
    size_t held;

    source_begin(&src, SOURCE_LIBC);
    begin_default(&pool, &src);
    cache = loam_allocator_cache(loam_pool_allocator(&pool), 64, 8, &own);
    block = loam_cache_take(cache);
    held = loam_cache_count(cache);
    loam_cache_deinit(&own);
    EXPECT_EQ(loam_cache_count(cache), held);
    loam_cache_give(cache, block);
    EXPECT_EQ(pool_stats(&pool).blocks, 0);
    loam_pool_deinit(&pool);
    source_end(&src);
}

/* C4, C6: behind a lock, or behind what must see every call, there is no shared cache; and behind
 * those that hand it on there is. */
TEST(caches_behind_adapters, fast)
{
    source src;
    loam_pool pool;
    loam_locked locked;
    loam_checked checked;
    loam_split split;
    loam_cache_own own;
    loam_cache *front;
    void *block;

    source_begin(&src, SOURCE_LIBC);
    begin_default(&pool, &src);
    front = &loam_pool_class_aligned(&pool, 64, 8)->front;
    loam_locked_init(&locked, loam_pool_allocator(&pool));
    loam_checked_init(&checked, loam_pool_allocator(&pool), NULL);
    loam_split_init(&split, loam_pool_allocator(&pool), loam_libc_allocator(), 1000);
    EXPECT_PTR(loam_allocator_cache(loam_locked_allocator(&locked), 64, 8, &own), &own.cache);
    loam_cache_deinit(&own);
    EXPECT_PTR(loam_allocator_cache(loam_checked_allocator(&checked), 64, 8, &own), &own.cache);
    EXPECT(own.cache.low == own.cache.high);
    block = loam_cache_take(&own.cache);
    EXPECT(block != NULL);
    loam_cache_give(&own.cache, block);
    loam_cache_deinit(&own);
    EXPECT_PTR(loam_allocator_cache(loam_split_allocator(&split), 64, 8, &own), front);
    loam_split_deinit(&split);
    loam_checked_deinit(&checked);
    loam_locked_deinit(&locked);
    loam_pool_deinit(&pool);
    source_end(&src);
}

TEST_MAIN
