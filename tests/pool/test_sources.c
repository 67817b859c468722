/* test_sources.c: where slabs come from: granules of one region or several, records of any length,
 * and every kind of allocator; sources that refuse, that are full, and that want everything back. */
#include "pool/pool_support.h"

#include "internal/bits.h"

#include <string.h>

enum { MANY = 4000 };

static void *blocks[MANY];

/* Takes and gives at random; contents must stay. Refusals are allowed where `full` says so. */
static void churn(loam_pool_class *cls, size_t count, size_t steps, bool full)
{
    size_t size = cls->front.size;
    test_rng rng;

    test_rng_init(&rng, test_seed());
    memset(blocks, 0, sizeof blocks);
    for (size_t i = 0; i < steps; i++) {
        size_t at = (size_t)test_rng_below(&rng, count);

        if (!blocks[at]) {
            blocks[at] = loam_pool_class_take(cls);
            EXPECT(blocks[at] != NULL || full);
            if (blocks[at])
                fill_pattern(blocks[at], size, at);
        } else {
            EXPECT(has_pattern(blocks[at], size, at));
            loam_pool_class_give(cls, blocks[at]);
            blocks[at] = NULL;
        }
    }
    for (size_t i = 0; i < count; i++)
        EXPECT(!blocks[i] || has_pattern(blocks[i], size, i));
}

static void give_all(loam_pool_class *cls)
{
    for (size_t i = 0; i < MANY; i++) {
        if (blocks[i])
            loam_pool_class_give(cls, blocks[i]);
    }
}

/* ---- every source ---- */

static void use(source *src)
{
    static const size_t sizes[] = {8, 48, 200, 1024};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        loam_pool_class cls;

        begin_class_of(&cls, src, sizes[i]);
        churn(&cls, MANY, 12000, false);
        EXPECT_GOOD_CLASS(&cls);
        give_all(&cls);
        EXPECT_GOOD_CLASS(&cls);
        EXPECT_LE(source_blocks(src), 1);
        loam_pool_class_deinit(&cls);
        EXPECT_EQ(source_held(src), 0);
    }
}

TEST(every_source, fast)
{
    for_each_source(use);
}

static void use_slabs(source *src)
{
    for (size_t slab = KIB; slab <= 256 * KIB; slab *= 2) {
        loam_pool_class cls;
        loam_pool_class_config config = class_config(src, 112);
        size_t capacity;

        config.slab = slab;
        begin_class(&cls, &config);
        EXPECT_EQ(loam_pool_class_slab_size(&cls, &capacity),
                  src->granules.ops ? loam_max(slab, LOAM_REGION_GRANULE) : slab);
        churn(&cls, 2000, 4000, false);
        EXPECT_GOOD_CLASS(&cls);
        EXPECT_EQ(source_held(src), cls.slabs * cls.slab_size);
        give_all(&cls);
        loam_pool_class_deinit(&cls);
    }
}

TEST(every_source_with_every_size_of_slab, fast)
{
    for_each_source(use_slabs);
}

/* The end of a class gives all slabs back, whatever is live in them. */
static void end_with_live_blocks(source *src)
{
    loam_pool_class cls;

    begin_class_of(&cls, src, 256);
    churn(&cls, MANY, 9000, false);
    EXPECT(source_held(src) > 0);
    loam_pool_class_deinit(&cls);
    EXPECT_EQ(source_held(src), 0);
    EXPECT_EQ(source_blocks(src), 0);
}

TEST(the_end_gives_everything_back, fast)
{
    for_each_source(end_with_live_blocks);
}

/* ---- regions ---- */

/* A record holds what a slab needs from 64 bytes on; with less, the class is refused. */
TEST(strides_of_a_region, fast)
{
    for (size_t stride = LOAM_REGION_STRIDE_MIN; stride <= LOAM_REGION_STRIDE_MAX; stride += 16) {
        loam_region_config region = {.reserve = 64 * MIB, .stride = stride};
        loam_pool_class_config config;
        loam_pool_class cls;
        source src;

        test_note("stride %zu", stride);
        source_begin_region(&src, &region);
        config = class_config(&src, 96);
        EXPECT_EQ(loam_pool_class_init(&cls, &config), stride >= LOAM_REGION_STRIDE);
        if (stride >= LOAM_REGION_STRIDE) {
            churn(&cls, MANY, 12000, false);
            EXPECT_GOOD_CLASS(&cls);
            loam_pool_class_deinit(&cls);
        }
        source_end(&src);
    }
}

/* The region itself as a source, and the records of slabs in it: anybody can ask whose they are. */
TEST(records_tell_the_class, fast)
{
    loam_region region;
    loam_region_config small = {.reserve = 16 * MIB};
    loam_pool_class classes[3];
    void *block[3];

    EXPECT(loam_region_init(&region, &small));
    for (size_t i = 0; i < 3; i++) {
        loam_pool_class_config config = {
            .granules = loam_region_granules(&region), .size = 100 * (i + 1), .slab = 128 * KIB};

        begin_class(&classes[i], &config);
        block[i] = must_take(&classes[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        loam_record *record = loam_region_find(&region, block[i]);

        EXPECT(record != NULL);
        EXPECT_PTR(loam_record_owner(record), &classes[i]);
        EXPECT_EQ(loam_record_kind(record), LOAM_POOL_KIND_SLAB);
    }
    for (size_t i = 0; i < 3; i++)
        loam_pool_class_deinit(&classes[i]);
    EXPECT_EQ(region.held, 0);
    EXPECT(loam_region_check(&region, NULL, NULL));
    loam_region_deinit(&region);
}

/* Granules of several regions: blocks of one class lie in all of them. */
TEST(several_regions, fast)
{
    source src;
    loam_pool_class cls;
    bool seen[SOURCE_REGION_COUNT] = {false};

    source_begin(&src, SOURCE_REGIONS);
    EXPECT(loam_granules_region(src.granules, NULL) == NULL);
    begin_class_of(&cls, &src, 1024);
    churn(&cls, MANY, 8000, false);
    for (size_t i = 0; i < MANY; i++) {
        for (size_t r = 0; blocks[i] && r < SOURCE_REGION_COUNT; r++)
            seen[r] = seen[r] || loam_region_contains(&src.regions[r], blocks[i]);
    }
    EXPECT(seen[0] && seen[1] && seen[2]);
    EXPECT_GOOD_CLASS(&cls);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* ---- sources that are full ---- */

/* Until the source is full, and back again: what came back is there to be taken. */
static void fill_to_the_brim(source *src, size_t least)
{
    loam_pool_class cls;
    size_t count = 0, again = 0;
    void *block, *list = NULL;

    begin_class_of(&cls, src, 4000);
    for (size_t round = 0; round < 2; round++) {
        size_t n = 0;

        while ((block = loam_pool_class_take(&cls)) != NULL) {
            memcpy(block, &list, sizeof list);
            list = block;
            n++;
            EXPECT_LE(n * 4000, 64 * MIB);
        }
        EXPECT_EQ(class_stats(&cls).failures, round + 1);
        EXPECT_GOOD_CLASS(&cls);
        EXPECT_EQ(class_stats(&cls).blocks, n);
        *(round == 0 ? &count : &again) = n;
        while (list) {
            block = list;
            memcpy(&list, block, sizeof list);
            loam_pool_class_give(&cls, block);
        }
    }
    EXPECT(count * 4000 > least);
    EXPECT(src->kind == SOURCE_BUFFER || again == count);
    loam_pool_class_deinit(&cls);
}

TEST(a_region_that_is_full, fast)
{
    loam_region_config config = {.reserve = 64 * MIB, .limit = 8 * MIB};
    source src;

    source_begin_region(&src, &config);
    fill_to_the_brim(&src, 7 * MIB);
    source_end(&src);
}

TEST(a_budget_that_is_spent, fast)
{
    source src;

    source_begin(&src, SOURCE_BUDGET);
    fill_to_the_brim(&src, 7 * MIB);
    source_end(&src);
}

TEST(a_buffer_that_is_full, fast)
{
    source src;

    source_begin(&src, SOURCE_BUFFER);
    fill_to_the_brim(&src, SOURCE_BUFFER_SIZE / 2);
    source_end(&src);
}

/* A source that refuses by chance: a take that is refused is refused, and nothing else happens. */
static void use_refusing(source *src)
{
    loam_pool_class cls;

    source_refuse_randomly(src, 600000, test_seed());
    begin_class_of(&cls, src, 1000);
    churn(&cls, 3000, 20000, true);
    EXPECT(source_refused(src) > 0);
    EXPECT_LE(source_refused(src), class_stats(&cls).failures);
    EXPECT_GOOD_CLASS(&cls);
    source_refuse(src, 0, false);
    churn(&cls, 1, 0, false);
    (void)must_take(&cls);
    loam_pool_class_deinit(&cls);
}

TEST(sources_that_refuse, fast)
{
    for_each_source(use_refusing);
}

/* ---- the handle of a class ---- */

static void use_handle(source *src)
{
    loam_pool_class cls;
    loam_allocator handle;
    void *block;

    begin_class_of(&cls, src, 96);
    handle = loam_pool_class_allocator(&cls);
    EXPECT(loam_allocator_reclaims(handle) && !loam_allocator_threadsafe(handle));
    EXPECT(loam_alloc(handle, 97, 8) == NULL);
    EXPECT(loam_alloc(handle, 8, 64) == NULL);
    block = loam_alloc(handle, 1, 32);
    EXPECT(block != NULL);
    EXPECT_EQ(loam_good_size(handle, 1, 1), 96);
    EXPECT_EQ(loam_good_size(handle, 96, 32), 96);
    EXPECT_EQ(loam_good_size(handle, 200, 8), 200);
    EXPECT(loam_resize(handle, block, 1, 96, 32));
    EXPECT(!loam_resize(handle, block, 96, 97, 32));
    EXPECT(loam_owns(handle, block) && !loam_owns(handle, &cls));
    loam_dealloc(handle, block, 96, 32);
    EXPECT_EQ(class_stats(&cls).blocks, 0);
    loam_pool_class_deinit(&cls);
}

TEST(handle_of_a_class, fast)
{
    for_each_source(use_handle);
}

TEST_MAIN
