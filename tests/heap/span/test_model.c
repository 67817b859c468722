/* test_model.c: random runs and blocks beside a plain picture of every granule; all is checked after
 * each step. */
#include "heap/span/span_support.h"

#include <string.h>

enum { RUNS = 120, CHUNKS = 4, GRANULES = WORLD_REGIONS * CHUNKS * 64 };

typedef struct run {
    char *ptr;
    size_t count;
    uint64_t stamp;
    bool block; /* taken by loam_span_alloc() */
} run;

typedef struct model {
    world w;
    run runs[RUNS];
    size_t live; /* granules */
    bool taken[WORLD_REGIONS][CHUNKS * 64];
    uint64_t stamp;
    test_rng rng;
} model;

static model the;

static size_t region_of(const void *ptr)
{
    size_t i = 0;

    while (!loam_region_contains(&the.w.regions[i], ptr))
        i++;
    return i;
}

static void picture(const char *ptr, size_t count, bool taken)
{
    size_t region = region_of(ptr);
    size_t index = loam_region_index(&the.w.regions[region], ptr);

    for (size_t i = index; i < index + count; i++) {
        EXPECT(the.taken[region][i] != taken);
        the.taken[region][i] = taken;
    }
    the.live = taken ? the.live + count : the.live - count;
}

/* The stamp is in each granule, at both ends; and in the records, where they are the holder's. */
static void sign(const run *r, size_t from)
{
    loam_region *region = &the.w.regions[region_of(r->ptr)];
    size_t index = loam_region_index(region, r->ptr);

    for (size_t i = from; i < r->count; i++) {
        memcpy(r->ptr + i * GRANULE, &r->stamp, sizeof r->stamp);
        memcpy(r->ptr + (i + 1) * GRANULE - sizeof r->stamp, &r->stamp, sizeof r->stamp);
        memcpy(loam_record_opaque(loam_region_record(region, index + i)), &r->stamp,
               sizeof r->stamp);
        loam_region_set_class(region, index + i, 1, (uint8_t)r->stamp);
    }
}

static void expect_signed(const run *r)
{
    for (size_t i = 0; i < r->count; i++) {
        EXPECT(memcmp(r->ptr + i * GRANULE, &r->stamp, sizeof r->stamp) == 0);
        EXPECT(memcmp(r->ptr + (i + 1) * GRANULE - sizeof r->stamp, &r->stamp, sizeof r->stamp) ==
               0);
    }
    expect_run(loam_span_granules(&the.w.span), r->ptr, r->count, 1,
               r->block ? LOAM_SPAN_KIND_BLOCK : KIND, r->block ? &the.w.span : NULL, false);
}

static bool is_zero(const char *ptr, size_t size)
{
    return size == 0 || (ptr[0] == 0 && memcmp(ptr, ptr + 1, size - 1) == 0);
}

static size_t some_count(void)
{
    switch (test_rng_below(&the.rng, 8)) {
    case 0:
        return 1 + (size_t)test_rng_below(&the.rng, 150);
    case 1:
    case 2:
        return 1 + (size_t)test_rng_below(&the.rng, 24);
    default:
        return (size_t)1 << test_rng_below(&the.rng, 4);
    }
}

static void take(run *r)
{
    size_t count = some_count();
    size_t align = test_rng_one_in(&the.rng, 4) ? (size_t)1 << test_rng_below(&the.rng, 8) : 1;
    loam_granules_info info;

    r->ptr = (char *)loam_span_take(&the.w.span, count, align, KIND, NULL, &info);
    if (!r->ptr)
        return;
    *r = (run){r->ptr, count, ++the.stamp, false};
    expect_run(loam_span_granules(&the.w.span), r->ptr, count, align, KIND, NULL, true);
    EXPECT_PTR(loam_region_address(info.region, info.index), r->ptr);
    EXPECT_LE(info.dirty, count);
    EXPECT(is_zero(r->ptr + info.dirty * GRANULE, (count - info.dirty) * GRANULE));
    picture(r->ptr, count, true);
    sign(r, 0);
}

static void alloc(run *r)
{
    size_t count = some_count();
    size_t size = count * GRANULE - (size_t)test_rng_below(&the.rng, GRANULE);
    bool zero = test_rng_one_in(&the.rng, 2);

    r->ptr = (char *)(zero ? loam_span_zalloc(&the.w.span, size, 64)
                           : loam_span_alloc(&the.w.span, size, 64));
    if (!r->ptr)
        return;
    *r = (run){r->ptr, count, ++the.stamp, true};
    EXPECT(!zero || is_zero(r->ptr, size));
    EXPECT(loam_span_owns(&the.w.span, r->ptr + size - 1));
    picture(r->ptr, count, true);
    sign(r, 0);
}

static void give(run *r)
{
    expect_signed(r);
    picture(r->ptr, r->count, false);
    if (r->block)
        loam_span_dealloc(&the.w.span, r->ptr, r->count * GRANULE);
    else
        loam_span_give(&the.w.span, r->ptr, r->count);
    r->ptr = NULL;
}

static void resize(run *r)
{
    size_t count = some_count(), old = r->count;

    if (!loam_span_resize_run(&the.w.span, r->ptr, old, count) || count == old)
        return;
    if (count < old)
        picture(r->ptr + count * GRANULE, old - count, false);
    else
        picture(r->ptr + old * GRANULE, count - old, true);
    r->count = count;
    sign(r, count < old ? count : old);
}

/* What no run has is free for the longest time that it can be: a request for that much is met. */
static void expect_exact(void)
{
    size_t longest = figures_of(&the.w.span).largest_free / GRANULE;
    void *ptr;

    if (longest == 0)
        return;
    ptr = loam_span_take(&the.w.span, longest, 1, KIND, NULL, NULL);
    EXPECT(ptr);
    loam_span_give(&the.w.span, ptr, longest);
}

static void step(void)
{
    run *r = &the.runs[test_rng_below(&the.rng, RUNS)];

    switch (test_rng_below(&the.rng, 10)) {
    case 0:
        (void)loam_span_purge_step(&the.w.span, (size_t)test_rng_below(&the.rng, 4 * MIB));
        break;
    case 1:
        if (test_rng_one_in(&the.rng, 10))
            (void)loam_span_trim(&the.w.span);
        else
            expect_exact();
        break;
    case 2:
        if (r->ptr)
            resize(r);
        break;
    default:
        if (r->ptr)
            give(r);
        else if (test_rng_one_in(&the.rng, 4))
            alloc(r);
        else
            take(r);
        break;
    }
    world_expect_good(&the.w);
    EXPECT_EQ(stats_of(&the.w.span).live, the.live * GRANULE);
}

static void run_model(const loam_span_config *config, size_t regions, size_t steps, uint64_t seed)
{
    memset(&the, 0, sizeof the);
    test_rng_init(&the.rng, seed);
    world_begin(&the.w, regions, CHUNKS, config);
    for (size_t i = 0; i < steps; i++) {
        test_note("step %zu, seed %llx", i, (unsigned long long)seed);
        step();
    }
    for (size_t i = 0; i < RUNS; i++)
        if (the.runs[i].ptr)
            give(&the.runs[i]);
    test_note(NULL);
    (void)loam_span_trim(&the.w.span);
    world_expect_good(&the.w);
    world_end(&the.w);
}

/* Each policy, without delay so that steps do something. */
static void run_policies(size_t steps)
{
    static const loam_span_config configs[] = {
        {.at_once = true},
        {.at_once = true, .spans = LOAM_SPAN_LAZY, .chunks = LOAM_SPAN_PURGE},
        {.at_once = true,
         .spans = LOAM_SPAN_DECOMMIT,
         .chunks = LOAM_SPAN_DECOMMIT,
         .shrunk = LOAM_SPAN_DECOMMIT,
         .shrunk_least = GRANULE},
        {.at_once = true,
         .spans = LOAM_SPAN_KEEP,
         .shrunk = LOAM_SPAN_PURGE,
         .shrunk_least = 2 * GRANULE},
        {.at_once = true, .keep = MIB, .keep_chunks = 2, .shrunk = LOAM_SPAN_LAZY},
    };

    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        run_model(&configs[i], 1, steps, test_seed() + i);
        run_model(&configs[i], WORLD_REGIONS, steps, test_seed() + 100 + i);
    }
}

TEST(random_runs, fast)
{
    run_policies(test_bound("LOAM_TEST_SPAN_STEPS", 150));
}

TEST(random_runs_for_long, slow)
{
    run_policies(test_bound("LOAM_TEST_SPAN_STEPS", 3000));
}

TEST_MAIN
