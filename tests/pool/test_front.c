/* test_front.c: the front of a class and the order in which blocks come: the last one given is the
 * next one taken, a few are moved at its edges, and slabs are used the fullest first. */
#include "pool/pool_support.h"

#include "internal/bits.h"

#include <stdlib.h>

enum { MANY = 3000 };

static void *blocks[MANY];

static size_t room_of(const loam_pool_class *cls)
{
    return (size_t)(cls->front.high - cls->front.low);
}

static size_t count_of(const loam_pool_class *cls)
{
    return loam_cache_count(&cls->front);
}

static void need_a_front(const loam_pool_class *cls)
{
    if (is_watched(cls))
        TEST_SKIP("watched classes have no front");
}

/* Checked builds and tools see each call: C1. */
TEST(watched_classes_have_no_front, fast)
{
    source src;
    loam_pool_class cls;

    source_begin(&src, SOURCE_REGION);
    begin_class_of(&cls, &src, 64);
    EXPECT_EQ(room_of(&cls) == 0, is_watched(&cls));
    EXPECT(is_watched(&cls) || (!LOAM_CHECKS && !test_under_asan() && !test_under_valgrind()));
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* As many as are 16 KiB, 2 at least and 64 at most; or as configured, and 1 is none. */
TEST(front_has_the_size_that_it_should, fast)
{
    static const size_t sizes[] = {8, 64, 256, 264, 512, 1024, 8192, 8200, 32768};
    source src;
    loam_pool_class cls;

    source_begin(&src, SOURCE_REGION);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t usual = 16 * KIB / sizes[i];

        begin_class_of(&cls, &src, sizes[i]);
        need_a_front(&cls);
        EXPECT_EQ(room_of(&cls), usual < 2 ? 2 : usual > 64 ? 64 : usual);
        loam_pool_class_deinit(&cls);
        for (size_t front = 1; front <= 100; front++) {
            loam_pool_class_config config = class_config(&src, sizes[i]);

            config.front = front;
            begin_class(&cls, &config);
            EXPECT_EQ(room_of(&cls), front == 1 ? 0 : front > 64 ? 64 : front);
            loam_pool_class_deinit(&cls);
        }
    }
    source_end(&src);
}

/* ---- order ---- */

/* Gives `count` of MANY blocks at random places, and takes them again: newest first. One block of
 * each slab stays, for a slab that is empty begins anew. */
static void expect_lifo(loam_pool_class *cls, size_t count)
{
    void *given[MANY];

    for (size_t i = 0; i < count; i++) {
        given[i] = blocks[i * 7 % count];
        loam_pool_class_give(cls, given[i]);
    }
    for (size_t i = count; i-- > 0;)
        EXPECT_PTR(must_take(cls), given[i]);
}

static void run_lifo(size_t size, size_t front, size_t most)
{
    source src;
    loam_pool_class cls;
    loam_pool_class_config config;

    source_begin(&src, SOURCE_REGION);
    config = class_config(&src, size);
    config.front = front;
    begin_class(&cls, &config);
    (void)must_take(&cls);
    for (size_t i = 0; i < most; i++)
        blocks[i] = must_take(&cls);
    for (size_t count = 1; count <= most; count += count < 12 ? 1 : 97) {
        if (count % 7 != 0)
            expect_lifo(&cls, count);
    }
    EXPECT_GOOD_CLASS(&cls);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* Within what the front holds. */
TEST(the_front_is_last_in_first_out, fast)
{
    run_lifo(8, 0, 32);
    run_lifo(64, 0, 32);
    run_lifo(200, 0, 32);
}

/* Without a front, however many: numbers in blocks, and blocks that hold them, come out in the
 * order of their coming. Blocks of 8 bytes hold three numbers, those of 64 and more thirty-one. */
TEST(a_slab_is_last_in_first_out, fast)
{
    run_lifo(8, 1, MANY);
    run_lifo(16, 1, MANY);
    run_lifo(24, 1, 2000);
    run_lifo(64, 1, 900);
    run_lifo(320, 1, 200);
}

/* ---- the edges ---- */

/* An empty front takes in half of what it holds, a full one gives its older half. */
TEST(edges_move_half_of_the_front, fast)
{
    source src;
    loam_pool_class cls;
    loam_pool_class_config config;
    size_t room;

    source_begin(&src, SOURCE_REGION);
    config = class_config(&src, 64);
    config.front = LOAM_POOL_FRONT; /* and no more */
    begin_class(&cls, &config);
    need_a_front(&cls);
    room = room_of(&cls);
    blocks[0] = must_take(&cls);
    EXPECT_EQ(count_of(&cls), room / 2 - 1);
    EXPECT_EQ(cls.allocations, room / 2);
    for (size_t i = 1; i < MANY; i++) {
        size_t before = count_of(&cls);

        blocks[i] = must_take(&cls);
        EXPECT_EQ(count_of(&cls), before ? before - 1 : room / 2 - 1);
    }
    for (size_t i = MANY; i-- > 0;) {
        size_t before = count_of(&cls);

        loam_pool_class_give(&cls, blocks[i]);
        EXPECT_EQ(count_of(&cls), before < room ? before + 1 : room - room / 2 + 1);
    }
    EXPECT_EQ(class_stats(&cls).blocks, 0);
    EXPECT_GOOD_CLASS(&cls);
    EXPECT_EQ(count_of(&cls), 0);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* Whatever stays in the front is taken last in first out, what spilled was the older half. */
TEST(spilling_keeps_the_younger_half, fast)
{
    source src;
    loam_pool_class cls;
    loam_pool_class_config config;
    size_t room, count;

    source_begin(&src, SOURCE_REGION);
    config = class_config(&src, 128);
    config.front = LOAM_POOL_FRONT; /* and no more */
    begin_class(&cls, &config);
    need_a_front(&cls);
    room = room_of(&cls);
    for (size_t i = 0; i < 4 * room; i++)
        blocks[i] = must_take(&cls);
    count = count_of(&cls);
    for (size_t i = 0; i < room - count + 1; i++) /* the last one finds it full */
        loam_pool_class_give(&cls, blocks[i]);
    EXPECT_EQ(count_of(&cls), room - room / 2 + 1);
    for (size_t i = room - count + 1; i-- > room / 2 - count;)
        EXPECT_PTR(must_take(&cls), blocks[i]);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* At the edge, one more and one less in turn costs no trip to the slabs each time. */
TEST(the_edge_is_not_a_cliff, fast)
{
    source src;
    loam_pool_class cls;
    size_t before;

    source_begin(&src, SOURCE_REGION);
    begin_class_of(&cls, &src, 64);
    need_a_front(&cls);
    for (size_t i = 0; i < 200; i++)
        blocks[i] = must_take(&cls);
    for (size_t start = 0; start < 130; start++) {
        before = cls.allocations;
        for (size_t i = 0; i < 1000; i++) {
            loam_pool_class_give(&cls, blocks[0]);
            blocks[0] = must_take(&cls);
        }
        EXPECT_LE(cls.allocations, before + LOAM_POOL_FRONT);
        loam_pool_class_give(&cls, blocks[199 - start]);
    }
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* ---- what is kept ---- */

enum { BATCH = 10000 };

static void *batch[BATCH];

static void take_batch(loam_pool_class *cls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        batch[i] = must_take(cls);
}

/* In an order that leaves no slab empty before the end. */
static void give_batch(loam_pool_class *cls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        loam_pool_class_give(cls, batch[i * 7919 % count]);
}

/* A class of few slabs: all that is free is in the front, no slab is given or asked for anything, and
 * a trim gives all of it back. */
static void keep_all(source *src)
{
    loam_pool_class cls;
    size_t taken, held;

    begin_class_of(&cls, src, 64);
    need_a_front(&cls);
    take_batch(&cls, BATCH);
    taken = cls.allocations;
    held = cls.slabs;
    for (int round = 0; round < 3; round++) {
        give_batch(&cls, BATCH);
        EXPECT_EQ(count_of(&cls) + class_stats(&cls).blocks, cls.out);
        EXPECT_EQ(class_stats(&cls).blocks, 0);
        EXPECT_EQ(cls.slabs, held);
        EXPECT(cls.wide && cls.wide_size >= BATCH * sizeof(void *));
        EXPECT_EQ(class_stats(&cls).committed, held * cls.slab_size + cls.wide_size);
        take_batch(&cls, BATCH);
        EXPECT_EQ(cls.allocations, taken);
    }
    give_batch(&cls, BATCH);
    taken = cls.wide_size;
    EXPECT_EQ(loam_pool_class_trim(&cls), held * cls.slab_size + taken);
    EXPECT(!cls.wide && count_of(&cls) == 0);
    EXPECT_EQ(source_held(src), 0);
    take_batch(&cls, BATCH);
    give_batch(&cls, BATCH);
    EXPECT_GOOD_CLASS(&cls);
    loam_pool_class_deinit(&cls);
}

TEST(a_small_class_keeps_all, fast)
{
    source src;

    for (int kind = SOURCE_REGION; kind <= SOURCE_LIBC; kind++) {
        source_begin(&src, (source_kind)kind);
        keep_all(&src);
        source_end(&src);
    }
}

/* What a class has configured to keep, it keeps, and no more. */
TEST(keep_is_the_bound, fast)
{
    static const size_t keeps[] = {1, 64 * KIB, 256 * KIB, MIB};
    source src;
    loam_pool_class cls;

    for (size_t i = 0; i < sizeof keeps / sizeof *keeps; i++) {
        loam_pool_class_config config;

        source_begin(&src, SOURCE_REGION);
        config = class_config(&src, 256);
        config.keep = keeps[i];
        begin_class(&cls, &config);
        need_a_front(&cls);
        take_batch(&cls, BATCH);
        for (size_t n = 0; n < BATCH; n++)
            loam_pool_class_give(&cls, batch[n]);
        EXPECT_LE(cls.slabs * cls.slab_size, keeps[i] + 2 * cls.slab_size);
        EXPECT_GOOD_CLASS(&cls);
        loam_pool_class_deinit(&cls);
        source_end(&src);
    }
}

/* A big class: the front has a sixteenth of what is live or 64, and when nothing is live the slabs
 * that it keeps are no more than 4 MiB, in whatever order the blocks came. */
TEST(a_big_class_keeps_in_proportion, fast)
{
    enum { SIZE = 512, COUNT = 64 << 20 >> 9 };
    void **all = malloc(COUNT * sizeof *all);
    source src;
    loam_pool_class cls;

    EXPECT(all != NULL);
    for (size_t step = 1; step < COUNT; step += COUNT / 2 + 7) {
        size_t live = COUNT;

        source_begin(&src, SOURCE_REGION);
        begin_class_of(&cls, &src, SIZE);
        need_a_front(&cls);
        for (size_t i = 0; i < COUNT; i++)
            all[i] = must_take(&cls);
        for (size_t i = 0; i < COUNT; i++, live--) {
            loam_pool_class_give(&cls, all[i * step % COUNT]);
            EXPECT(cls.slabs * cls.slab_size <= LOAM_POOL_CALM || count_of(&cls) <= 65 + live / 15);
        }
        EXPECT_EQ(class_stats(&cls).blocks, 0);
        EXPECT_LE(cls.slabs * cls.slab_size, LOAM_POOL_CALM + cls.slab_size);
        EXPECT_GOOD_CLASS(&cls);
        loam_pool_class_deinit(&cls);
        source_end(&src);
    }
    free(all);
}

/* What one class keeps in vain is there for the others, and for large blocks: a region that is full
 * refuses nothing while that could be met. */
TEST(what_is_kept_is_not_missed, fast)
{
    loam_region_config small = {.reserve = 8 * MIB};
    loam_pool pool;
    loam_pool_config config;
    source src;

    for (size_t other = 0; other < 3; other++) {
        static const size_t sizes[] = {64, 640, MIB};
        size_t count = 0;
        void *block;

        source_begin_region(&src, &small);
        config = pool_config(&src);
        begin_pool(&pool, &config);
        need_a_front(loam_pool_class_for(&pool, 64));
        take_batch(loam_pool_class_for(&pool, 256), BATCH);
        give_batch(loam_pool_class_for(&pool, 256), BATCH);
        EXPECT_LE(40 * LOAM_REGION_GRANULE, source_held(&src));
        while ((block = loam_pool_take(&pool, sizes[other])) != NULL)
            count++;
        EXPECT_LE(6 * MIB, count * sizes[other]);
        EXPECT_EQ(pool_stats(&pool).failures, 1);
        EXPECT_GOOD_POOL(&pool);
        loam_pool_deinit(&pool);
        source_end(&src);
    }
}

/* Where the front cannot grow, it spills. */
TEST(an_array_that_is_refused, fast)
{
    source src;
    loam_pool_class cls;

    source_begin(&src, SOURCE_LIBC);
    begin_class_of(&cls, &src, 64);
    need_a_front(&cls);
    take_batch(&cls, BATCH);
    source_refuse(&src, 1, true);
    give_batch(&cls, BATCH);
    EXPECT(!cls.wide);
    EXPECT_LE(count_of(&cls), LOAM_POOL_FRONT);
    source_refuse(&src, 0, false);
    EXPECT_GOOD_CLASS(&cls);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* ---- which slab ---- */

enum { SLABS = 4, BIG = 1000 };

/* Takes whole slabs, each an array of its blocks, and empties the front. */
static size_t take_slabs(loam_pool_class *cls, void *slabs[SLABS][BIG])
{
    size_t capacity;

    (void)loam_pool_class_slab_size(cls, &capacity);
    EXPECT_LE(capacity, BIG);
    for (size_t slab = 0; slab < SLABS; slab++) {
        for (size_t i = 0; i < capacity; i++)
            slabs[slab][i] = must_take(cls);
    }
    EXPECT_EQ(cls->slabs, SLABS);
    EXPECT_GOOD_CLASS(cls);
    return capacity;
}

static bool same_slab(const void *a, const void *b)
{
    return (uintptr_t)a / LOAM_REGION_GRANULE == (uintptr_t)b / LOAM_REGION_GRANULE;
}

/* Slabs that are full to an eighth, three, five and seven eighths: blocks come from the fullest
 * until it is full, then from the next. */
TEST(the_fullest_slab_is_used_first, fast)
{
    static void *slabs[SLABS][BIG];
    static const size_t eighths[SLABS] = {3, 7, 1, 5}, order[SLABS] = {1, 3, 0, 2};
    source src;
    loam_pool_class cls;
    loam_pool_class_config config;
    size_t capacity;

    source_begin(&src, SOURCE_REGION);
    config = class_config(&src, 256);
    config.front = 1; /* a front would mix the last block of a slab with the first of the next */
    begin_class(&cls, &config);
    capacity = take_slabs(&cls, slabs);
    for (size_t slab = 0; slab < SLABS; slab++) {
        for (size_t i = capacity * eighths[slab] / 8; i < capacity; i++)
            loam_pool_class_give(&cls, slabs[slab][i]);
    }
    EXPECT_GOOD_CLASS(&cls);
    EXPECT_EQ(cls.slabs, SLABS);
    for (size_t n = 0; n < SLABS; n++) {
        size_t slab = order[n];

        for (size_t i = capacity * eighths[slab] / 8; i < capacity; i++)
            EXPECT(same_slab(must_take(&cls), slabs[slab][0]));
    }
    EXPECT_EQ(cls.slabs, SLABS);
    (void)must_take(&cls);
    EXPECT_EQ(cls.slabs, SLABS + 1);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* Blocks that come back in any order are all there again before another slab is taken. */
TEST(no_slab_is_taken_while_a_block_is_free, fast)
{
    source src;
    loam_pool_class cls;
    test_rng rng;
    size_t capacity, count = 0;

    test_rng_init(&rng, test_seed());
    source_begin(&src, SOURCE_LIBC);
    begin_class_of(&cls, &src, 512);
    (void)loam_pool_class_slab_size(&cls, &capacity);
    while (count < 6 * capacity && count < MANY)
        blocks[count++] = must_take(&cls);
    for (size_t round = 0; round < 200; round++) {
        size_t given = 1 + (size_t)test_rng_below(&rng, count - 1);
        size_t slabs = cls.slabs;

        for (size_t i = 0; i < given; i++) {
            size_t j = i + (size_t)test_rng_below(&rng, count - i);
            void *block = blocks[j];

            blocks[j] = blocks[i];
            blocks[i] = block;
            loam_pool_class_give(&cls, block);
        }
        for (size_t i = 0; i < given; i++)
            blocks[i] = must_take(&cls);
        EXPECT_LE(cls.slabs, slabs);
        EXPECT_EQ(cls.slabs, (count + capacity - 1) / capacity);
    }
    EXPECT_GOOD_CLASS(&cls);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

TEST_MAIN
