/* test_remote.c: blocks that other threads give: they wait at their owner's door, one by one or in
 * chains, and come home at the next refill, trim or look; many threads at once. */
#include "pool/pool_support.h"

#include <stdatomic.h>
#include <string.h>

enum { MANY = 3000 };

static void *blocks[MANY];

static size_t waiting(const loam_pool_class *cls)
{
    return class_stats(cls).blocks;
}

/* ---- coming home ---- */

/* On their way home blocks count as live; a look, a trim or an empty front takes them in. */
static void come_home(source *src)
{
    loam_pool_class cls;

    begin_class_of(&cls, src, 256);
    for (size_t i = 0; i < MANY; i++)
        blocks[i] = must_take(&cls);
    for (size_t i = 0; i < MANY; i++) {
        loam_pool_class_give_remote(&cls, blocks[i]);
        EXPECT_EQ(waiting(&cls), MANY);
    }
    EXPECT_GOOD_CLASS(&cls);
    EXPECT_EQ(waiting(&cls), 0);
    for (size_t i = 0; i < MANY; i++)
        blocks[i] = must_take(&cls);
    loam_pool_class_give_remote_n(&cls, blocks, MANY);
    EXPECT_EQ(waiting(&cls), MANY);
    EXPECT(loam_pool_class_trim(&cls) > 0);
    EXPECT_EQ(cls.slabs, 0);
    EXPECT_EQ(source_held(src), 0);
    EXPECT_EQ(waiting(&cls), 0);
    loam_pool_class_give_remote_n(&cls, blocks, 0);
    loam_pool_class_deinit(&cls);
}

TEST(blocks_come_home_at_a_look_or_trim, fast)
{
    for_each_source(come_home);
}

/* Before another slab is taken, what waits at the door is used. */
static void refill_with_them(source *src)
{
    loam_pool_class cls;
    size_t slabs;

    begin_class_of(&cls, src, 256);
    for (size_t i = 0; i < MANY; i++)
        blocks[i] = must_take(&cls);
    slabs = cls.slabs;
    for (size_t round = 0; round < 5; round++) {
        for (size_t i = 0; i < MANY; i++)
            loam_pool_class_give_remote(&cls, blocks[(i * 7 + round) % MANY]);
        while (loam_cache_count(&cls.front) > 0)
            loam_pool_class_give_remote(&cls, loam_pool_class_take(&cls));
        for (size_t i = 0; i < MANY; i++)
            blocks[i] = must_take(&cls);
        EXPECT_LE(cls.slabs, slabs);
        EXPECT_EQ(waiting(&cls), MANY);
    }
    loam_pool_class_deinit(&cls); /* with nothing at the door, and */
    begin_class_of(&cls, src, 256);
    for (size_t i = 0; i < MANY; i++)
        loam_pool_class_give_remote(&cls, must_take(&cls));
    loam_pool_class_deinit(&cls); /* with much */
}

TEST(blocks_come_home_at_a_refill, fast)
{
    for_each_source(refill_with_them);
}

/* One call with blocks of several owners, in stretches of all lengths: each owner gets its own. */
static void give_to_many(source *src)
{
    enum { OWNERS = 4 };
    loam_pool_class classes[OWNERS];
    size_t counts[OWNERS] = {0};
    test_rng rng;

    test_rng_init(&rng, test_seed());
    for (size_t i = 0; i < OWNERS; i++)
        begin_class_of(&classes[i], src, 96);
    for (size_t i = 0; i < MANY;) {
        size_t owner = (size_t)test_rng_below(&rng, OWNERS);

        for (size_t n = 1 + (size_t)test_rng_below(&rng, 40); n > 0 && i < MANY; n--) {
            blocks[i++] = must_take(&classes[owner]);
            counts[owner]++;
        }
    }
    for (size_t i = 0; i < OWNERS; i++)
        EXPECT_EQ(waiting(&classes[i]), counts[i]);
    loam_pool_class_give_remote_n(&classes[0], blocks, MANY / 2);
    loam_pool_class_give_remote_n(&classes[OWNERS - 1], blocks + MANY / 2, MANY - MANY / 2);
    for (size_t i = 0; i < OWNERS; i++) {
        EXPECT_GOOD_CLASS(&classes[i]);
        EXPECT_EQ(waiting(&classes[i]), 0);
        loam_pool_class_deinit(&classes[i]);
    }
}

TEST(blocks_of_several_owners, fast)
{
    for_each_source(give_to_many);
}

/* Blocks of all classes of a pool. */
static void give_to_pool(source *src)
{
    loam_pool pool;
    loam_pool_config config = pool_config(src);

    begin_pool(&pool, &config);
    for (size_t i = 0; i < MANY; i++)
        blocks[i] = loam_pool_take_aligned(&pool, 1 + i % 1000, 16);
    EXPECT_EQ(pool_stats(&pool).blocks, MANY);
    for (size_t i = 0; i < MANY; i++)
        loam_pool_give_remote(&pool, blocks[i], 1 + i % 1000, 16);
    EXPECT_EQ(pool_stats(&pool).blocks, MANY);
    EXPECT_GOOD_POOL(&pool);
    EXPECT_EQ(pool_stats(&pool).blocks, 0);
    (void)loam_pool_trim(&pool);
    EXPECT_EQ(source_held(src), pool.own_size);
    loam_pool_deinit(&pool);
}

TEST(blocks_of_all_classes, fast)
{
    for_each_source(give_to_pool);
}

/* ---- one owner, several givers ---- */

enum { THREADS = 8, CLASSES = 4, SLOTS = 64, BATCH = 24 };

static const size_t sizes[CLASSES] = {8, 64, 200, 2048};

/* Threads with a pool each on one source, and slots in which they leave blocks for each other. */
typedef struct town {
    loam_region region;
    loam_pool pools[THREADS];
    _Atomic(void *) slots[CLASSES][SLOTS];
    atomic_size_t done; /* threads that have ended */
    size_t steps;
    size_t owners; /* the first so many threads take, the others only give */
} town;

static town the;

/* A block is written by whoever took it, and looked at by whoever gives it. */
static void sign(void *block, size_t size)
{
    fill_pattern(block, size, (uintptr_t)block);
}

static void expect_signed(const void *block, size_t size)
{
    EXPECT(has_pattern(block, size, (uintptr_t)block));
}

/* What a giver has in hand, of one class. */
typedef struct hand {
    void *blocks[BATCH];
    size_t count;
} hand;

static loam_pool_class *class_of(size_t thread, size_t size)
{
    return loam_pool_class_aligned(&the.pools[thread % the.owners], size, 8);
}

static void drop_hand(size_t thread, hand *h, size_t size)
{
    for (size_t i = 0; i < h->count; i++)
        expect_signed(h->blocks[i], size);
    loam_pool_class_give_remote_n(class_of(thread, size), h->blocks, h->count);
    h->count = 0;
}

static void receive(size_t thread, hand *h, void *block, size_t size, test_rng *rng)
{
    if (!block)
        return;
    if (test_rng_one_in(rng, 3)) {
        expect_signed(block, size);
        loam_pool_give_remote(&the.pools[thread % the.owners], block, size, 8);
        return;
    }
    h->blocks[h->count++] = block;
    if (h->count == BATCH)
        drop_hand(thread, h, size);
}

/* Owners take and give for themselves as well, so that slabs come and go all the time. */
static void keep_busy(size_t thread, void **own, test_rng *rng)
{
    loam_pool *pool = &the.pools[thread];
    size_t at = (size_t)test_rng_below(rng, 32), size = sizes[at % CLASSES];

    if (own[at]) {
        expect_signed(own[at], size);
        loam_pool_give_aligned(pool, own[at], size, 8);
        own[at] = NULL;
    } else {
        own[at] = loam_pool_take_aligned(pool, size, 8);
        EXPECT(own[at] != NULL);
        sign(own[at], size);
    }
    if (test_rng_one_in(rng, 3000))
        EXPECT_GOOD_POOL(pool);
    if (test_rng_one_in(rng, 3000))
        (void)loam_pool_trim(pool);
}

static void citizen(void *context, size_t thread)
{
    hand hands[CLASSES] = {{{NULL}, 0}};
    void *own[32] = {NULL};
    bool owner = thread < the.owners;
    test_rng rng;

    (void)context;
    test_rng_init(&rng, test_seed() + thread);
    for (size_t i = 0; i < the.steps; i++) {
        size_t c = (size_t)test_rng_below(&rng, CLASSES);
        void *block = NULL;

        if (owner) {
            keep_busy(thread, own, &rng);
            block = loam_pool_take_aligned(&the.pools[thread], sizes[c], 8);
            EXPECT(block != NULL);
            sign(block, sizes[c]);
        }
        block = atomic_exchange(&the.slots[c][test_rng_below(&rng, SLOTS)], block);
        receive(thread, &hands[c], block, sizes[c], &rng);
    }
    for (size_t i = 0; i < 32; i++) {
        if (own[i])
            loam_pool_give_aligned(&the.pools[thread], own[i], sizes[i % CLASSES], 8);
    }
    for (size_t c = 0; c < CLASSES; c++)
        drop_hand(thread, &hands[c], sizes[c]);
}

static void run_town(size_t owners, bool over_libc, size_t steps)
{
    loam_region_config small = {.reserve = 512 * MIB};
    loam_pool_config config = {.largest = 2048};

    memset(&the, 0, sizeof the);
    the.owners = owners;
    the.steps = steps / (test_under_valgrind() || test_under_tsan() ? 10 : 1);
    (void)test_seed(); /* printed by this thread */
    EXPECT(loam_region_init(&the.region, &small));
    if (over_libc)
        config.allocator = loam_libc_allocator();
    else
        config.granules = loam_region_granules(&the.region);
    for (size_t i = 0; i < owners; i++)
        begin_pool(&the.pools[i], &config);
    test_run_threads(THREADS, citizen, NULL);
    for (size_t c = 0; c < CLASSES; c++) {
        for (size_t i = 0; i < SLOTS; i++) {
            void *block = atomic_load(&the.slots[c][i]);

            if (block)
                loam_pool_give_remote(&the.pools[0], block, sizes[c], 8);
        }
    }
    for (size_t i = 0; i < owners; i++) {
        EXPECT_GOOD_POOL(&the.pools[i]);
        EXPECT_EQ(pool_stats(&the.pools[i]).blocks, 0);
        loam_pool_deinit(&the.pools[i]);
    }
    EXPECT_EQ(the.region.held, 0);
    loam_region_deinit(&the.region);
}

/* One thread takes, seven give back what it took. */
TEST(one_owner_many_givers, fast)
{
    run_town(1, false, test_bound("LOAM_TEST_POOL_STEPS", 100000));
}

TEST(one_owner_many_givers_over_an_allocator, fast)
{
    run_town(1, true, test_bound("LOAM_TEST_POOL_STEPS", 100000));
}

/* Eight threads take, and what each takes ends in another. */
TEST(everybody_takes_and_gives, fast)
{
    run_town(THREADS, false, test_bound("LOAM_TEST_POOL_STEPS", 60000));
}

TEST(everybody_takes_and_gives_over_an_allocator, fast)
{
    run_town(THREADS, true, test_bound("LOAM_TEST_POOL_STEPS", 60000));
}

TEST(everybody_takes_and_gives_long, stress)
{
    run_town(THREADS, false, test_bound("LOAM_TEST_POOL_STEPS", 12500000));
}

TEST_MAIN
