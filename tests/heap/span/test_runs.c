/* test_runs.c: life, taking and giving: which run a request gets, what is joined, what a refusal leaves,
 * regions, alignment, pools on top. */
#include "heap/span/span_support.h"

#include <loam/pool.h>
#include <loam/pool_threaded.h>

#include <string.h>

static world the;

TEST(begins_empty_and_takes_chunks, fast)
{
    loam_stats stats;
    void *ptr;

    world_begin(&the, 1, 4, NULL);
    EXPECT_EQ(stats_of(&the.span).reserved, 0);
    ptr = must_take(&the.span, 3, 1);
    stats = stats_of(&the.span);
    EXPECT_EQ(stats.reserved, CHUNK);
    EXPECT_EQ(stats.live, 3 * GRANULE);
    EXPECT_EQ(stats.blocks, 1);
    EXPECT_EQ(figures_of(&the.span).largest_free, CHUNK - 3 * GRANULE);
    loam_span_give(&the.span, ptr, 3);
    EXPECT_EQ(stats_of(&the.span).live, 0);
    EXPECT_EQ(figures_of(&the.span).empty_chunks, 1);
    EXPECT_EQ(figures_of(&the.span).free_runs, 1);
    world_end(&the);
}

TEST(odd_configurations_and_requests_are_refused, fast)
{
    static const loam_span_config bad[] = {
        {.spans = LOAM_SPAN_GIVE},
        {.shrunk = LOAM_SPAN_GIVE},
        {.chunks = (loam_span_policy)(LOAM_SPAN_KEEP + 1)},
    };
    loam_region_config thin = {.reserve = CHUNK, .stride = 48};
    loam_region region;
    loam_span span;

    world_begin(&the, 1, 2, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        EXPECT(!loam_span_init(&span, &the.regions[0], &bad[i]));
    EXPECT(loam_region_init(&region, &thin));
    EXPECT(!loam_span_init(&span, &region, NULL));
    EXPECT(!loam_span_add(&the.span, &region));
    EXPECT(!loam_span_add(&the.span, &the.regions[0]));
    loam_region_deinit(&region);
    EXPECT(!loam_span_take(&the.span, 0, 1, KIND, NULL, NULL));
    EXPECT(!loam_span_take(&the.span, 1, 3, KIND, NULL, NULL));
    EXPECT(!loam_span_take(&the.span, 1, 0, KIND, NULL, NULL));
    EXPECT(!loam_span_take(&the.span, 1, 1, LOAM_REGION_FREE, NULL, NULL));
    EXPECT(!loam_span_take(&the.span, 1, 1, LOAM_SPAN_KIND_FREE, NULL, NULL));
    EXPECT(!loam_span_take(&the.span, SIZE_MAX, 1, KIND, NULL, NULL));
    EXPECT(!loam_span_take(&the.span, 129, 1, KIND, NULL, NULL));
    EXPECT(!loam_span_take(&the.span, 1, SIZE_MAX / 2 + 1, KIND, NULL, NULL));
    EXPECT_EQ(stats_of(&the.span).failures, 8);
    EXPECT_EQ(stats_of(&the.span).live, 0);
    world_end(&the);
}

/* Holes of 5, 3 and 9 granules, each between runs that stay. Sizes that no stack is for. */
static void make_holes(char *at[6])
{
    static const size_t counts[6] = {5, 3, 3, 3, 9, 3};

    for (size_t i = 0; i < 6; i++)
        at[i] = (char *)must_take(&the.span, counts[i], 1);
    loam_span_give(&the.span, at[0], 5);
    loam_span_give(&the.span, at[2], 3);
    loam_span_give(&the.span, at[4], 9);
}

TEST(best_fit_lowest_address, fast)
{
    char *at[6], *ptr;

    world_begin(&the, 1, 1, NULL);
    make_holes(at);
    EXPECT_PTR(must_take(&the.span, 3, 1), at[2]);
    EXPECT_PTR(must_take(&the.span, 3, 1), at[0]);
    ptr = (char *)must_take(&the.span, 9, 1);
    EXPECT_PTR(ptr, at[4]);
    EXPECT_PTR(must_take(&the.span, 2, 1), at[0] + 3 * GRANULE);
    world_expect_good(&the);
    world_end(&the);
}

/* Warm before clean, although a clean run fits better; within a run, the warmer end. */
TEST(warm_before_clean, fast)
{
    loam_span_config config = {.at_once = true, .chunks = LOAM_SPAN_PURGE};
    loam_granules_info info;
    char *at[6], *warm;

    world_begin(&the, 1, 1, &config);
    make_holes(at);
    EXPECT_EQ(loam_span_trim(&the.span), (5 + 3 + 9) * GRANULE);
    EXPECT_EQ(figures_of(&the.span).warm, 0);
    warm = (char *)must_take(&the.span, 9, 1);
    EXPECT_PTR(warm, at[4]);
    loam_span_give(&the.span, warm, 9);
    EXPECT_EQ(figures_of(&the.span).warm, 9 * GRANULE);
    warm = (char *)loam_span_take(&the.span, 3, 1, KIND, NULL, &info);
    EXPECT_PTR(warm, at[4]);
    EXPECT_EQ(info.dirty, 3);
    /* With three clean granules in front, its other end is the warmer one. */
    loam_span_give(&the.span, at[3], 3);
    loam_span_give(&the.span, warm, 3);
    EXPECT_PTR(must_take(&the.span, 6, 1), at[4] + 3 * GRANULE);
    world_expect_good(&the);
    world_end(&the);
}

TEST(free_runs_join_in_every_order, fast)
{
    static const unsigned char orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                               {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

    for (size_t i = 0; i < 6; i++) {
        char *at[3];

        world_begin(&the, 1, 1, NULL);
        for (size_t j = 0; j < 3; j++)
            at[j] = (char *)must_take(&the.span, 3, 1);
        for (size_t j = 0; j < 3; j++) {
            loam_span_give(&the.span, at[orders[i][j]], 3);
            world_expect_good(&the);
        }
        EXPECT_EQ(figures_of(&the.span).free_runs, 1);
        EXPECT_EQ(figures_of(&the.span).largest_free, CHUNK);
        EXPECT_EQ(figures_of(&the.span).warm, 9 * GRANULE);
        world_end(&the);
    }
}

/* Runs of 1, 2, 4 and 8 come back as they went, the last one first, until something longer is needed. */
TEST(stacks_keep_small_runs, fast)
{
    char *at[4][4];

    world_begin(&the, 1, 1, NULL);
    for (size_t size = 0; size < 4; size++)
        for (size_t i = 0; i < 3; i++)
            at[size][i] = (char *)must_take(&the.span, (size_t)1 << size, 1);
    for (size_t size = 0; size < 4; size++)
        for (size_t i = 0; i < 3; i++)
            loam_span_give(&the.span, at[size][i], (size_t)1 << size);
    EXPECT_EQ(figures_of(&the.span).front, 45 * GRANULE);
    EXPECT_EQ(figures_of(&the.span).largest_free, 19 * GRANULE);
    world_expect_good(&the);
    for (size_t size = 0; size < 4; size++)
        for (size_t i = 3; i-- > 0;)
            EXPECT_PTR(must_take(&the.span, (size_t)1 << size, 1), at[size][i]);
    EXPECT_EQ(figures_of(&the.span).front, 0);
    for (size_t size = 0; size < 4; size++)
        for (size_t i = 0; i < 3; i++)
            loam_span_give(&the.span, at[size][i], (size_t)1 << size);
    EXPECT(must_take(&the.span, 64, 1));
    EXPECT_EQ(figures_of(&the.span).front, 0);
    world_end(&the);
}

TEST(stacks_are_bounded, fast)
{
    char *at[48];

    world_begin(&the, 1, 1, NULL);
    for (size_t i = 0; i < 48; i++)
        at[i] = (char *)must_take(&the.span, 1, 1);
    for (size_t i = 0; i < 48; i++) {
        loam_span_give(&the.span, at[i], 1);
        EXPECT_LE(figures_of(&the.span).front, LOAM_SPAN_FRONT_GRANULES * GRANULE);
    }
    EXPECT_EQ(figures_of(&the.span).front, LOAM_SPAN_FRONT_GRANULES * GRANULE);
    world_end(&the);
}

TEST(alignment_is_met_where_it_can_be, fast)
{
    world_begin(&the, 1, 4, NULL);
    EXPECT(must_take(&the.span, 1, 1));
    for (size_t align = 2; align <= 64; align *= 2)
        EXPECT(must_take(&the.span, 1, align));
    EXPECT(must_take(&the.span, 65, 64)); /* two chunks; 63 granules behind it */
    EXPECT(must_take(&the.span, 32, 32));
    EXPECT(!loam_span_take(&the.span, 64, 128, KIND, NULL, NULL) ||
           figures_of(&the.span).chunks == 4);
    world_expect_good(&the);
    world_end(&the);
}

/* Many runs that are long enough, none of which has an aligned place, and one that has. */
TEST(an_aligned_place_among_many_is_found, fast)
{
    enum { MANY = 40 };
    char *filler[3 * MANY];
    size_t count = 0;

    world_begin(&the, 1, 8, NULL);
    for (size_t i = 0; i < MANY; i++) {
        char *ptr = (char *)loam_span_take(&the.span, 8, 8, KIND, NULL, NULL);

        EXPECT(ptr);
        filler[count++] = ptr;
    }
    for (size_t i = 0; i < MANY; i++) { /* holes of 7 granules behind an aligned one */
        loam_span_give(&the.span, filler[i], 8);
        filler[i] = (char *)loam_span_take(&the.span, 1, 8, KIND, NULL, NULL);
    }
    for (size_t i = 0; i < 400; i++) /* all other room goes */
        if (!loam_span_take(&the.span, 9, 1, KIND, NULL, NULL))
            break;
    EXPECT(!loam_span_take(&the.span, 5, 8, KIND, NULL, NULL));
    loam_span_give(&the.span, filler[MANY / 2], 1);
    EXPECT_PTR(loam_span_take(&the.span, 5, 8, KIND, NULL, NULL), filler[MANY / 2]);
    world_expect_good(&the);
    world_end(&the);
}

TEST(regions_are_used_in_turn, fast)
{
    loam_granules source;
    char *at[WORLD_REGIONS];

    world_begin(&the, WORLD_REGIONS, 1, NULL);
    source = loam_span_granules(&the.span);
    EXPECT_PTR(loam_granules_region(source, NULL), NULL);
    for (size_t i = 0; i < WORLD_REGIONS; i++) {
        at[i] = (char *)must_take(&the.span, 64, 1);
        EXPECT_PTR(loam_granules_region(source, at[i]), &the.regions[i]);
    }
    EXPECT(!loam_span_take(&the.span, 1, 1, KIND, NULL, NULL));
    EXPECT_PTR(loam_granules_region(source, &the), NULL);
    for (size_t i = 0; i < WORLD_REGIONS; i++)
        loam_span_give(&the.span, at[i], 64);
    EXPECT_EQ(figures_of(&the.span).free_runs, WORLD_REGIONS);
    world_expect_good(&the);
    world_end(&the);
}

TEST(no_region_is_added_once_one_was_told, fast)
{
    loam_region region;

    world_begin(&the, 1, 1, NULL);
    EXPECT(loam_region_init(&region, &(loam_region_config){.reserve = CHUNK}));
    EXPECT_PTR(loam_granules_region(loam_span_granules(&the.span), NULL), &the.regions[0]);
    EXPECT(!loam_span_add(&the.span, &region));
    loam_region_deinit(&region);
    world_end(&the);
}

/* Chunks are shared fairly: two spans on one region don't touch what is the other's. */
TEST(two_spans_on_one_region, fast)
{
    loam_span other;
    char *mine, *its;

    world_begin(&the, 1, 4, NULL);
    EXPECT(loam_span_init(&other, &the.regions[0], NULL));
    for (size_t i = 0; i < 64; i++) {
        mine = (char *)must_take(&the.span, 3, 1);
        its = (char *)must_take(&other, 3, 1);
        if (i % 2)
            loam_span_give(&the.span, mine, 3);
        else
            loam_span_give(&other, its, 3);
        EXPECT_GOOD_SPAN(&the.span);
        EXPECT_GOOD_SPAN(&other);
        if (figures_of(&the.span).chunks + figures_of(&other).chunks == 4)
            break;
    }
    loam_span_deinit(&other);
    world_end(&the);
}

TEST(runs_grow_and_shrink_in_place, fast)
{
    char *ptr, *next;

    world_begin(&the, 1, 4, NULL);
    ptr = (char *)loam_span_take(&the.span, 4, 1, KIND, &the, NULL);
    EXPECT(loam_span_resize_run(&the.span, ptr, 4, 9));
    expect_run(loam_span_granules(&the.span), ptr, 9, 1, KIND, &the, true);
    EXPECT(loam_span_resize_run(&the.span, ptr, 9, 2));
    expect_run(loam_span_granules(&the.span), ptr, 2, 1, KIND, &the, true);
    next = (char *)must_take(&the.span, 5, 1);
    EXPECT(next > ptr);
    EXPECT(!loam_span_resize_run(&the.span, ptr, 2, 200));
    EXPECT(!loam_span_resize_run(&the.span, ptr, 2, 0));
    expect_run(loam_span_granules(&the.span), ptr, 2, 1, KIND, &the, true);
    loam_span_give(&the.span, next, 5);
    /* Beyond what the span has: the region gives the next chunks. */
    EXPECT(loam_span_resize_run(&the.span, ptr, 2, 200));
    expect_run(loam_span_granules(&the.span), ptr, 200, 1, KIND, &the, true);
    EXPECT(!loam_span_resize_run(&the.span, ptr, 200, 300));
    world_expect_good(&the);
    loam_span_give(&the.span, ptr, 200);
    world_end(&the);
}

/* ---- pools ---- */

TEST(a_pool_on_a_span, fast)
{
    loam_pool pool;
    loam_pool_config config;
    void *at[2000];

    world_begin(&the, 1, 16, NULL);
    config = (loam_pool_config){.granules = loam_span_granules(&the.span)};
    EXPECT(loam_pool_init(&pool, &config));
    for (size_t i = 0; i < 2000; i++) {
        at[i] = loam_pool_take(&pool, 16 + i);
        EXPECT(at[i]);
        memset(at[i], (int)i, 16 + i);
    }
    world_expect_good(&the);
    EXPECT(stats_of(&the.span).live != 0);
    for (size_t i = 0; i < 2000; i++) {
        EXPECT_EQ(((unsigned char *)at[i])[15 + i], (unsigned char)i);
        loam_pool_give(&pool, at[i], 16 + i);
    }
    loam_pool_deinit(&pool);
    EXPECT_EQ(stats_of(&the.span).live, 0);
    world_end(&the);
}

static loam_pool_threaded threaded;

static void use_pool(void *context, size_t index)
{
    enum { HELD = 64 };
    void *at[HELD] = {NULL};
    size_t sizes[HELD];
    test_rng rng;

    (void)context;
    test_rng_init(&rng, test_seed() + index);
    for (size_t i = 0; i < 20000; i++) {
        size_t slot = (size_t)test_rng_below(&rng, HELD);

        if (at[slot]) {
            EXPECT_EQ(*(unsigned char *)at[slot], (unsigned char)slot);
            loam_pool_threaded_give(&threaded, at[slot], sizes[slot]);
        }
        sizes[slot] = 1 + (size_t)test_rng_below(&rng, test_rng_one_in(&rng, 50) ? 200000 : 2000);
        at[slot] = loam_pool_threaded_take(&threaded, sizes[slot]);
        EXPECT(at[slot]);
        *(unsigned char *)at[slot] = (unsigned char)slot;
    }
    for (size_t slot = 0; slot < HELD; slot++)
        if (at[slot])
            loam_pool_threaded_give(&threaded, at[slot], sizes[slot]);
}

TEST(a_threaded_pool_on_a_span, fast)
{
    loam_pool_config config;

    world_begin(&the, 2, 64, &(loam_span_config){.at_once = true});
    config = (loam_pool_config){.granules = loam_span_granules(&the.span)};
    EXPECT(loam_pool_threaded_init(&threaded, &config));
    (void)test_seed(); /* chosen before there are threads */
    test_run_threads(4, use_pool, NULL);
    world_expect_good(&the);
    loam_pool_threaded_deinit(&threaded);
    EXPECT_EQ(stats_of(&the.span).live, 0);
    (void)purge_all(&the.span, SIZE_MAX);
    EXPECT_EQ(stats_of(&the.span).reserved, 0);
    world_end(&the);
}

TEST_MAIN
