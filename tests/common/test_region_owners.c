/* test_region_owners.c: allocators on a region, that know about their memory only what its records
 * say: several of them on one, over the region itself and over a source in between. */
#include "region_support.h"
#include "toy_owner.h"

#include <string.h>

enum { OWNERS = 4, BLOCKS = 600 };

typedef struct block {
    unsigned char *ptr;
    size_t size;
    toy_owner *owner;
    unsigned char fill;
} block;

static void expect_filled(const block *b)
{
    for (size_t i = 0; i < b->size; i += i < 64 ? 1 : 509)
        EXPECT_EQ(b->ptr[i], b->fill);
    EXPECT_EQ(b->ptr[b->size - 1], b->fill);
}

static size_t random_size(test_rng *rng)
{
    unsigned magnitude = (unsigned)test_rng_below(rng, test_rng_one_in(rng, 50) ? 20 : 15);

    return 1 + (size_t)test_rng_below(rng, (uint64_t)2 << magnitude);
}

/* The block is freed by its address alone; who owns it is asked first, and must be who gave it. */
static void drop(loam_region *region, block *b)
{
    expect_filled(b);
    EXPECT_PTR(toy_owner_of(region, b->ptr), b->owner);
    EXPECT_PTR(toy_owner_of(region, b->ptr + b->size - 1), b->owner);
    EXPECT_LE(b->size, toy_owner_size(region, b->ptr));
    toy_owner_free(region, b->ptr);
    b->ptr = NULL;
}

static void obtain(toy_owner *owner, block *b, test_rng *rng)
{
    b->size = random_size(rng);
    b->owner = owner;
    b->fill = (unsigned char)test_rng_next(rng);
    b->ptr = (unsigned char *)toy_owner_alloc(owner, b->size);
    if (b->ptr)
        memset(b->ptr, b->fill, b->size);
}

/* Owners 0 and 1 stand on the region, 2 and 3 on a span that stands on it; some blocks fail, since
 * the region is small. In the end every granule is back. */
static void run_owners(loam_region *region, size_t steps)
{
    toy_owner owners[OWNERS];
    block blocks[BLOCKS] = {{0}};
    toy_span span;
    test_rng rng;
    size_t refused = 0;

    toy_span_init(&span, region);
    for (size_t i = 0; i < OWNERS; i++)
        toy_owner_init(&owners[i], i < 2 ? loam_region_granules(region) : toy_span_granules(&span));
    test_rng_init(&rng, test_seed());
    for (size_t step = 0; step < steps; step++) {
        block *b = &blocks[test_rng_below(&rng, BLOCKS)];

        if (b->ptr) {
            drop(region, b);
        } else {
            obtain(&owners[test_rng_below(&rng, OWNERS)], b, &rng);
            refused += b->ptr == NULL;
        }
        if (step % 997 == 0) {
            region_expect_whole(region);
            (void)loam_region_purge(region, 3 * LOAM_REGION_GRANULE);
        }
    }
    EXPECT(!toy_owner_of(region, &rng));
    for (size_t i = 0; i < BLOCKS; i++)
        if (blocks[i].ptr)
            drop(region, &blocks[i]);
    for (size_t i = 0; i < OWNERS; i++)
        EXPECT_EQ(owners[i].live, 0);
    EXPECT_EQ(span.count, 0);
    EXPECT_EQ(region_stats(region).live, 0);
    EXPECT_EQ(region->frontier, 0);
    EXPECT(refused > 0 || steps < 20000);
    region_expect_whole(region);
}

TEST(owners_share_a_region, fast)
{
    loam_region region;

    region_init_chunks(&region, 3);
    run_owners(&region, test_bound("LOAM_TEST_OWNER_STEPS", 40000));
    loam_region_deinit(&region);
}

/* The same where records have other strides: the holder asks the region, and knows no number. */
TEST(owners_on_wide_records, fast)
{
    loam_region_config config = {.reserve = 3 * LOAM_REGION_CHUNK, .stride = 144};
    loam_region region;

    EXPECT(loam_region_init(&region, &config));
    run_owners(&region, test_bound("LOAM_TEST_OWNER_STEPS", 20000));
    loam_region_deinit(&region);
}

/* A source in between keeps what is known about zeros exact in both directions. */
TEST(zeros_pass_through_a_span, fast)
{
    const size_t g = LOAM_REGION_GRANULE;
    loam_granules_info info;
    loam_granules source;
    loam_region region;
    toy_span span;
    char *a, *b;

    region_init_chunks(&region, 2);
    toy_span_init(&span, &region);
    source = toy_span_granules(&span);
    a = (char *)loam_granules_take(source, 4, 1, KIND_A, NULL, &info);
    EXPECT_EQ(info.dirty, 0);
    b = (char *)loam_granules_take(source, 60, 4, KIND_A, NULL, &info);
    EXPECT_EQ(info.dirty, 0);
    EXPECT(a && b);
    memset(a, 1, 4 * g);
    EXPECT_PTR(loam_granules_region(source, NULL), &region);
    EXPECT_PTR(loam_granules_region(source, b), &region);
    EXPECT(!loam_granules_region(source, &info));
    loam_granules_give(source, a, 4);
    loam_granules_give(source, b, 60); /* the chunk goes back to the region */
    EXPECT_EQ(region_stats(&region).live, 0);
    region_expect_whole(&region);
    EXPECT_EQ(loam_region_purge(&region, SIZE_MAX), 64 * g);
    a = (char *)loam_granules_take(source, 64, 1, KIND_A, NULL, &info);
    EXPECT_EQ(info.dirty, 0);
    EXPECT(region_reads_zero(a, 64));
    loam_granules_give(source, a, 64);
    loam_region_deinit(&region);
}
