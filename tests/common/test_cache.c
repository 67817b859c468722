/* test_cache.c: the rules C1-C7 of cache.h, each with the calls that reach the allocator counted.
 */
#include "support/blocks.h"
#include "support/test.h"
#include "support/toy_bump.h"

#include <loam/adapters.h>
#include <loam/cache.h>

#include <stdlib.h>
#include <string.h>

enum { SIZE = 48, ALIGN = 16, MANY = 300, CAPACITY = LOAM_CACHE_OWN_CAPACITY };

/* ---- below: counted, with any traits, that may refuse ---- */

typedef struct ground_floor {
    loam_counting counting;
    loam_failing failing;
    loam_allocator_ops ops;
    toy_bump bump;
    void *buffer;
} ground_floor;

static loam_allocator floor_init(ground_floor *f, uint32_t traits)
{
    bool reclaims = (traits & LOAM_RECLAIMS) != 0;
    size_t size = (size_t)1 << 20;
    loam_allocator below = loam_libc_allocator();

    f->buffer = NULL;
    if (!reclaims) {
        f->buffer = malloc(size);
        EXPECT(f->buffer != NULL);
        toy_bump_init(&f->bump, f->buffer, size);
        below = toy_bump_allocator(&f->bump);
    }
    loam_failing_init(&f->failing, below, NULL);
    loam_counting_init(&f->counting, loam_failing_allocator(&f->failing));
    f->ops = *loam_counting_allocator(&f->counting).ops;
    f->ops.traits = traits;
    return (loam_allocator){&f->ops, &f->counting};
}

static loam_stats floor_stats(const ground_floor *f)
{
    loam_stats stats;

    loam_counting_stats(&f->counting, &stats);
    return stats;
}

static void floor_deinit(ground_floor *f)
{
    loam_counting_deinit(&f->counting);
    loam_failing_deinit(&f->failing);
    free(f->buffer);
}

/* Takes a block and writes all of it. */
static void *take(loam_cache *cache)
{
    void *block = loam_cache_take(cache);

    EXPECT(block != NULL);
    return memset(block, 0x5C, cache->size);
}

static void take_many(loam_cache *cache, void **blocks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        blocks[i] = take(cache);
}

static void give_many(loam_cache *cache, void **blocks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        loam_cache_give(cache, blocks[i]);
}

/* A checked build keeps no stack over an allocator that reclaims. */
static const size_t reclaiming_capacity = LOAM_CHECKS ? 0 : CAPACITY;

/* ---- C1 and C6: capacity 0 ---- */

/* Over an exact allocator every take is an alloc and every give a dealloc, at once. */
static void every_call_reaches(uint32_t traits)
{
    ground_floor f;
    loam_cache_own own;
    loam_cache *cache = loam_allocator_cache(floor_init(&f, traits), SIZE, ALIGN, &own);
    void *blocks[10];

    EXPECT_PTR(cache->low, cache->high);
    for (size_t i = 0; i < 10; i++) {
        blocks[i] = take(cache);
        EXPECT_EQ(floor_stats(&f).blocks, i + 1);
        EXPECT_EQ(loam_cache_count(cache), 0);
    }
    for (size_t i = 10; i > 0; i--) {
        loam_cache_give(cache, blocks[i - 1]);
        EXPECT_EQ(floor_stats(&f).blocks, i - 1);
    }
    loam_cache_deinit(&own);
    floor_deinit(&f);
}

TEST(exact_allocators_see_every_call, fast)
{
    every_call_reaches(LOAM_EXACT | LOAM_RECLAIMS);
    every_call_reaches(LOAM_EXACT | LOAM_RECLAIMS | LOAM_THREADSAFE);
    every_call_reaches(LOAM_EXACT);
}

/* A checked build looks at every block that goes back to an allocator that reclaims; no other
 * build does. Clients are the same. */
TEST(capacity_follows_the_build, fast)
{
    ground_floor f;
    loam_cache_own own;
    loam_cache *cache = loam_allocator_cache(floor_init(&f, LOAM_RECLAIMS), SIZE, ALIGN, &own);

    EXPECT_EQ(cache->high - cache->low, reclaiming_capacity);
    loam_cache_deinit(&own);
    floor_deinit(&f);
    cache = loam_allocator_cache(floor_init(&f, 0), SIZE, ALIGN, &own);
    EXPECT_EQ(cache->high - cache->low, CAPACITY);
    loam_cache_deinit(&own);
    floor_deinit(&f);
}

/* ---- C2: blocks are ordinary ---- */

/* What the cache gave may go to dealloc, and what alloc gave may go to the cache. Checked below, so
 * that a wrong size, alignment or owner ends the program. */
static void blocks_mix(bool reclaims)
{
    ground_floor f;
    loam_checked checked;
    loam_allocator below = floor_init(&f, reclaims ? LOAM_RECLAIMS : 0), a;
    loam_allocator_ops ops;
    loam_cache_own own;
    loam_cache *cache;
    void *blocks[MANY];

    loam_checked_init(&checked, below, NULL);
    a = loam_checked_allocator(&checked);
    ops = *a.ops;
    ops.traits &= ~(uint32_t)LOAM_EXACT;
    a.ops = &ops;
    cache = loam_allocator_cache(a, SIZE, ALIGN, &own);
    for (size_t i = 0; i < MANY; i++)
        blocks[i] = i % 3 ? take(cache) : loam_alloc(a, SIZE, ALIGN);
    for (size_t i = 0; i < MANY; i++) {
        if (i % 2)
            loam_cache_give(cache, blocks[i]);
        else
            loam_dealloc(a, blocks[i], SIZE, ALIGN);
    }
    loam_cache_deinit(&own);
    loam_checked_deinit(&checked);
    EXPECT_EQ(floor_stats(&f).blocks, 0);
    floor_deinit(&f);
}

TEST(blocks_of_cache_and_allocator_mix, fast)
{
    blocks_mix(true);
    blocks_mix(false);
}

/* ---- C3: shared caches ---- */

typedef struct provider {
    ground_floor floor;
    loam_allocator below;
    loam_allocator_ops ops;
    loam_cache_own shared;
    size_t asked;
} provider;

static loam_cache *provide(void *self, size_t size, size_t align)
{
    provider *p = self;

    p->asked++;
    return size == SIZE && align == ALIGN ? &p->shared.cache : NULL;
}

static void *provider_alloc(void *self, size_t size, size_t align)
{
    provider *p = self;

    return loam_alloc(p->below, size, align);
}

static void provider_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    provider *p = self;

    loam_dealloc(p->below, ptr, size, align);
}

static loam_allocator provider_init(provider *p)
{
    p->below = floor_init(&p->floor, 0);
    (void)loam_allocator_cache(p->below, SIZE, ALIGN, &p->shared);
    p->ops = (loam_allocator_ops){
        .alloc = provider_alloc, .dealloc = provider_dealloc, .cache = provide, .name = "provider"};
    p->asked = 0;
    return (loam_allocator){&p->ops, p};
}

/* All who ask for one size share the provider's list, and ending what they hold of their own does
 * not touch it. */
TEST(shared_caches_belong_to_their_provider, fast)
{
    provider p;
    loam_allocator a = provider_init(&p);
    loam_cache_own first, second;
    loam_cache *one = loam_allocator_cache(a, SIZE, ALIGN, &first);
    loam_cache *two = loam_allocator_cache(a, SIZE, ALIGN, &second);
    void *block;

    EXPECT_PTR(one, &p.shared.cache);
    EXPECT_PTR(two, one);
    block = take(one);
    loam_cache_give(two, block);
    loam_cache_deinit(&first);
    EXPECT_PTR(take(two), block);
    loam_cache_give(two, block);
    loam_cache_deinit(&second);
    EXPECT(loam_cache_count(&p.shared.cache) > 0);
    EXPECT_EQ(loam_cache_count(&first.cache), 0);
    loam_cache_deinit(&p.shared);
    floor_deinit(&p.floor);
}

/* For a size of which the provider keeps no list, the caller's own does the work. Sizes that no
 * operation may see are not asked for. */
TEST(own_cache_stands_in, fast)
{
    provider p;
    loam_allocator a = provider_init(&p);
    loam_cache_own own;
    loam_cache *cache = loam_allocator_cache(a, SIZE + 1, ALIGN, &own);

    EXPECT_PTR(cache, &own.cache);
    EXPECT_EQ(cache->size, SIZE + 1);
    EXPECT_EQ(cache->align, ALIGN);
    EXPECT_EQ(p.asked, 1);
    loam_cache_give(cache, take(cache));
    loam_cache_deinit(&own);

    cache = loam_allocator_cache(a, (size_t)PTRDIFF_MAX + 1, ALIGN, &own);
    EXPECT_EQ(p.asked, 1);
    EXPECT_PTR(loam_cache_take(cache), NULL);
    loam_cache_deinit(&own);
    floor_deinit(&p.floor);
}

/* Ending an own cache gives back all that it holds, and nothing that was taken from it. */
TEST(deinit_gives_back_what_is_held, fast)
{
    static const uint32_t traits[] = {0, LOAM_RECLAIMS};

    for (size_t i = 0; i < 2; i++) {
        ground_floor f;
        loam_cache_own own;
        loam_allocator a = floor_init(&f, traits[i]);
        loam_cache *cache = loam_allocator_cache(a, SIZE, ALIGN, &own);
        void *blocks[MANY];

        take_many(cache, blocks, MANY);
        give_many(cache, blocks, MANY - 5);
        loam_cache_deinit(&own);
        EXPECT_EQ(loam_cache_count(cache), 0);
        EXPECT_EQ(floor_stats(&f).blocks, 5);
        for (size_t k = MANY - 5; k < MANY; k++)
            loam_dealloc(a, blocks[k], SIZE, ALIGN);
        EXPECT_EQ(floor_stats(&f).blocks, 0);
        loam_cache_deinit(&own); /* there is nothing left to end */
        floor_deinit(&f);
    }
}

/* ---- C4: threads ---- */

/* A thread-safe allocator offers no shared list; caches of several threads refill from it, each
 * with its own. */
static void use_own_cache(void *context, size_t index)
{
    loam_allocator *a = context;
    loam_cache_own own;
    loam_cache *cache = loam_allocator_cache(*a, SIZE, ALIGN, &own);
    void *blocks[100];

    EXPECT_PTR(cache, &own.cache);
    for (size_t round = 0; round < 50; round++) {
        for (size_t i = 0; i < 100; i++)
            blocks[i] = memset(take(cache), (int)index, SIZE);
        for (size_t i = 0; i < 100; i++) {
            EXPECT_EQ(*(unsigned char *)blocks[i], index);
            loam_cache_give(cache, blocks[i]);
        }
    }
    loam_cache_deinit(&own);
}

TEST(threads_have_caches_of_their_own, fast)
{
    loam_counting counting;
    loam_allocator a;
    loam_stats stats;

    loam_counting_init(&counting, loam_libc_allocator());
    a = loam_counting_allocator(&counting);
    EXPECT(loam_allocator_threadsafe(a));
    test_run_threads(4, use_own_cache, &a);
    loam_counting_stats(&counting, &stats);
    EXPECT_EQ(stats.blocks, 0);
    loam_counting_deinit(&counting);
}

/* ---- C5: with and without reclaiming ---- */

/* Over an allocator that reclaims, a take that finds nothing takes one block and no more, and a
 * full stack gives its older half back. */
TEST(reclaiming_goes_block_by_block, fast)
{
    ground_floor f;
    loam_cache_own own;
    loam_cache *cache = loam_allocator_cache(floor_init(&f, LOAM_RECLAIMS), SIZE, ALIGN, &own);
    void *blocks[CAPACITY + 1];

    if (LOAM_CHECKS)
        TEST_SKIP("a checked build keeps no stack here");
    for (size_t i = 0; i <= CAPACITY; i++) {
        blocks[i] = take(cache);
        EXPECT_EQ(floor_stats(&f).blocks, i + 1);
        EXPECT_EQ(loam_cache_count(cache), 0);
    }
    give_many(cache, blocks, CAPACITY);
    EXPECT_EQ(loam_cache_count(cache), CAPACITY);
    EXPECT_EQ(floor_stats(&f).blocks, CAPACITY + 1);
    loam_cache_give(cache, blocks[CAPACITY]);
    EXPECT_EQ(loam_cache_count(cache), CAPACITY / 2 + 1);
    EXPECT_EQ(floor_stats(&f).blocks, CAPACITY / 2 + 1);

    /* The newer half is still there, newest first. */
    for (size_t i = CAPACITY + 1; i > CAPACITY / 2; i--)
        EXPECT_PTR(loam_cache_take(cache), blocks[i - 1]);
    EXPECT_EQ(loam_cache_count(cache), 0);
    give_many(cache, blocks + CAPACITY / 2, CAPACITY / 2 + 1);
    loam_cache_deinit(&own);
    EXPECT_EQ(floor_stats(&f).blocks, 0);
    floor_deinit(&f);
}

/* Over one that does not, refills take 1, 2, 4, 8, 16, 16, ... blocks: few are wasted by those who
 * need few. */
TEST(batches_double_with_the_demand, fast)
{
    static const size_t batches[] = {1, 2, 4, 8, 16, 16, 16};
    ground_floor f;
    loam_cache_own own;
    loam_cache *cache = loam_allocator_cache(floor_init(&f, 0), SIZE, ALIGN, &own);
    size_t taken = 0;

    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        EXPECT_EQ(loam_cache_count(cache), 0);
        (void)take(cache);
        taken += batches[i];
        EXPECT_EQ(floor_stats(&f).blocks, taken);
        EXPECT_EQ(loam_cache_count(cache), batches[i] - 1);
        while (loam_cache_count(cache) > 0)
            (void)take(cache);
    }
    loam_cache_deinit(&own);
    floor_deinit(&f);
}

/* What is given back is chained and taken again, any number of times: even a bump allocator serves
 * nodes without end from what it has once given. */
TEST(a_chain_makes_a_bump_reclaim, fast)
{
    ground_floor f;
    loam_cache_own own;
    loam_cache *cache = loam_allocator_cache(floor_init(&f, 0), SIZE, ALIGN, &own);
    test_blocks model;
    void *blocks[MANY];
    size_t taken;

    test_blocks_init(&model);
    take_many(cache, blocks, MANY);
    taken = floor_stats(&f).blocks;
    EXPECT_LE(taken, MANY + 15);
    for (size_t round = 0; round < 20; round++) {
        give_many(cache, blocks, MANY);
        EXPECT_EQ(loam_cache_count(cache), taken);
        for (size_t i = 0; i < MANY; i++) {
            blocks[i] = loam_cache_take(cache);
            EXPECT(blocks[i] != NULL && (uintptr_t)blocks[i] % ALIGN == 0);
            EXPECT(test_blocks_disjoint(&model, blocks[i], SIZE));
            test_blocks_add(&model, blocks[i], SIZE, ALIGN);
        }
        EXPECT_EQ(floor_stats(&f).blocks, taken);
        EXPECT_EQ(test_blocks_broken(&model), MANY);
        while (model.count > 0)
            (void)test_blocks_remove(&model, model.count - 1);
    }
    give_many(cache, blocks, MANY);
    loam_cache_deinit(&own);
    EXPECT_EQ(floor_stats(&f).blocks, 0);
    test_blocks_deinit(&model);
    floor_deinit(&f);
}

/* Blocks too small for a link, and blocks that are not aligned for one, are no trouble. */
TEST(small_and_unaligned_blocks, fast)
{
    static const size_t sizes[] = {1, 3, sizeof(void *) - 1, sizeof(void *), sizeof(void *) + 1,
                                   13};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ground_floor f;
        loam_cache_own own;
        loam_cache *cache = loam_allocator_cache(floor_init(&f, 0), sizes[i], 1, &own);
        bool chains = sizes[i] >= sizeof(void *);
        void *blocks[MANY];

        take_many(cache, blocks, MANY);
        give_many(cache, blocks, MANY);
        EXPECT(chains ? loam_cache_count(cache) >= MANY : loam_cache_count(cache) <= CAPACITY);
        take_many(cache, blocks, MANY);
        give_many(cache, blocks, MANY);
        loam_cache_deinit(&own);
        EXPECT_EQ(loam_cache_count(cache), 0);
        floor_deinit(&f);
    }
}

static void touch_chained(void *context)
{
    *(volatile char *)context = 1;
}

/* Chained blocks belong to nobody, and AddressSanitizer knows. */
TEST(chained_blocks_are_dead, fast)
{
    ground_floor f;
    loam_cache_own own;
    loam_cache *cache;
    void *blocks[MANY];

    if (!test_under_asan())
        TEST_SKIP("needs AddressSanitizer");
    cache = loam_allocator_cache(floor_init(&f, 0), SIZE, ALIGN, &own);
    take_many(cache, blocks, MANY);
    give_many(cache, blocks, MANY);
    test_faults(touch_chained, blocks[MANY - 1]);
    loam_cache_deinit(&own);
    floor_deinit(&f);
}

/* ---- C6: what counting and budgets see ---- */

/* A counter below lags behind by the capacity at most, and by nothing in the end. */
TEST(counters_lag_by_the_capacity, fast)
{
    ground_floor f;
    loam_cache_own own;
    loam_cache *cache = loam_allocator_cache(floor_init(&f, LOAM_RECLAIMS), SIZE, ALIGN, &own);
    void *blocks[MANY];
    size_t held = 0;
    test_rng rng;

    test_rng_init(&rng, test_seed());
    for (size_t i = 0; i < 5000; i++) {
        if (held < MANY && (held == 0 || test_rng_one_in(&rng, 2)))
            blocks[held++] = take(cache);
        else
            loam_cache_give(cache, blocks[--held]);
        EXPECT_LE(held, floor_stats(&f).blocks);
        EXPECT_LE(floor_stats(&f).blocks, held + reclaiming_capacity);
        EXPECT_EQ(floor_stats(&f).blocks, held + loam_cache_count(cache)); /* C7 */
    }
    give_many(cache, blocks, held);
    loam_cache_deinit(&own);
    EXPECT_EQ(floor_stats(&f).blocks, 0);
    floor_deinit(&f);
}

/* ---- C7 ---- */

/* Live is what was handed out less what is cached, also with a chain. */
TEST(count_is_what_is_ready, fast)
{
    ground_floor f;
    loam_cache_own own;
    loam_cache *cache = loam_allocator_cache(floor_init(&f, 0), SIZE, ALIGN, &own);
    void *blocks[MANY];

    EXPECT_EQ(loam_cache_count(cache), 0);
    take_many(cache, blocks, MANY);
    for (size_t i = 0; i < MANY; i++) {
        loam_cache_give(cache, blocks[i]);
        EXPECT_EQ(floor_stats(&f).blocks, MANY - i - 1 + loam_cache_count(cache));
    }
    loam_cache_deinit(&own);
    floor_deinit(&f);
}

/* ---- order and refusal ---- */

/* The block that was given last, and is still warm, is taken first; through the chain as well. */
TEST(last_given_is_first_taken, fast)
{
    static const uint32_t traits[] = {0, LOAM_RECLAIMS};

    for (size_t i = 0; i < 2; i++) {
        ground_floor f;
        loam_cache_own own;
        loam_cache *cache = loam_allocator_cache(floor_init(&f, traits[i]), SIZE, ALIGN, &own);
        size_t count = traits[i] ? reclaiming_capacity : CAPACITY;
        void *blocks[CAPACITY];

        take_many(cache, blocks, count);
        while (loam_cache_count(cache) > 0)
            (void)take(cache); /* the rest of a batch */
        give_many(cache, blocks, count);
        for (size_t k = count; k > 0; k--)
            EXPECT_PTR(loam_cache_take(cache), blocks[k - 1]);
        give_many(cache, blocks, count);
        loam_cache_deinit(&own);
        floor_deinit(&f);
    }
}

/* A refusal is NULL, changes nothing, and is forgotten; a batch that is refused half way is the
 * blocks that there were. */
TEST(refusal_is_null_and_no_more, fast)
{
    static const uint32_t traits[] = {0, LOAM_RECLAIMS, LOAM_EXACT, LOAM_EXACT | LOAM_RECLAIMS};

    for (size_t i = 0; i < 4; i++) {
        ground_floor f;
        loam_cache_own own;
        loam_allocator a = floor_init(&f, traits[i]);
        loam_cache *cache = loam_allocator_cache(a, SIZE, ALIGN, &own);
        loam_failing_config from_tenth = {.alloc = {.nth = 10, .for_ever = true}};
        void *blocks[10];

        loam_failing_restart(&f.failing, &from_tenth);
        take_many(cache, blocks, 9);
        EXPECT_PTR(loam_cache_take(cache), NULL);
        EXPECT_PTR(loam_cache_take(cache), NULL);
        EXPECT_EQ(loam_cache_count(cache), 0);
        EXPECT_EQ(floor_stats(&f).blocks, 9);
        loam_failing_restart(&f.failing, NULL);
        blocks[9] = take(cache);
        give_many(cache, blocks, 10);
        loam_cache_deinit(&own);
        EXPECT_EQ(floor_stats(&f).blocks, 0);
        floor_deinit(&f);
    }
}

static void give_foreign(void *block)
{
    loam_cache_own own;

    loam_cache_give(loam_allocator_cache(loam_libc_allocator(), SIZE, ALIGN, &own), block);
}

/* What no cache of this alignment can hold is named in a checked build, with its address. */
TEST(foreign_block_stops_checked_builds, fast)
{
    static _Alignas(ALIGN) char memory[2 * ALIGN];

    if (!LOAM_CHECKS)
        TEST_SKIP("not a checked build");
    test_dies_with(give_foreign, NULL,
                   "loam: fatal: cache was given a block that it cannot hold: 0x", NULL);
    test_dies_with(give_foreign, memory + 1,
                   "loam: fatal: cache was given a block that it cannot hold: 0x", memory + 1);
}
