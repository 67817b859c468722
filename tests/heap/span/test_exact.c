/* test_exact.c: a request succeeds if and only if some run of free granules can hold it, whether they
 * were given back or never taken, in one chunk or across several, the span's or the region's; and a run
 * grows in place if and only if what lies behind it is free. Beside a plain picture of every granule. */
#include "heap/span/span_support.h"

#include <string.h>

enum { RUNS = 40, MOST = 8 * 64, GROUNDS = 2 };

typedef struct run {
    char *ptr;
    size_t count;
} run;

/* What a granule is: free, of a run of the span, of a run that somebody took from the region itself. */
enum { FREE, SPAN, OTHER };

typedef struct picture {
    unsigned char granules[GROUNDS][MOST];
    size_t grounds, count;
    run runs[RUNS];
    size_t met, joined,
        refused; /* how many requests; `joined` are those that no side could meet alone */
} picture;

static world the;
static picture seen;

static void begin(size_t grounds, size_t chunks, const loam_span_config *config)
{
    world_begin(&the, grounds, chunks, config);
    memset(&seen, 0, sizeof seen);
    seen.grounds = grounds;
    seen.count = chunks * 64;
}

static size_t ground_of(const void *ptr)
{
    size_t ground = 0;

    while (!loam_region_contains(&the.regions[ground], ptr))
        ground++;
    return ground;
}

static void paint(const void *ptr, size_t count, unsigned char from, unsigned char to)
{
    size_t ground = ground_of(ptr);
    size_t index = loam_region_index(&the.regions[ground], ptr);

    for (size_t i = index; i < index + count; i++) {
        EXPECT_EQ(seen.granules[ground][i], from);
        seen.granules[ground][i] = to;
    }
}

/* Whether a span may have it: it is free, and nobody else has anything in its chunk. */
static bool is_usable(size_t ground, size_t index)
{
    size_t chunk = index / 64 * 64;

    if (seen.granules[ground][index] != FREE)
        return false;
    return !memchr(&seen.granules[ground][chunk], OTHER, 64);
}

static bool can_hold(size_t count, size_t align)
{
    for (size_t ground = 0; ground < seen.grounds; ground++) {
        size_t base = the.regions[ground].base / GRANULE, room = 0;

        for (size_t i = seen.count; i-- > 0;) {
            room = is_usable(ground, i) ? room + 1 : 0;
            if (room >= count && (base + i) % align == 0)
                return true;
        }
    }
    return false;
}

/* Whether the trees and the stacks alone, or the regions alone, could meet it. */
static bool needs_joining(size_t count)
{
    size_t chunks = (count + 63) / 64, free_chunks = 0;

    if (figures_of(&the.span).largest_free / GRANULE >= count)
        return false;
    for (size_t ground = 0; ground < seen.grounds; ground++)
        for (size_t i = 0; i < loam_region_count(&the.regions[ground]); i += 64) {
            free_chunks = the.span.grounds[ground].chunks[i / 64] == 0 ? free_chunks + 1 : 0;
            if (free_chunks >= chunks)
                return false;
        }
    return true;
}

static void take(run *r, size_t count, size_t align)
{
    bool can = can_hold(count, align), joins = needs_joining(count);

    r->ptr = (char *)loam_span_take(&the.span, count, align, KIND, NULL, NULL);
    r->count = count;
    EXPECT_EQ(r->ptr != NULL, can);
    if (!r->ptr) {
        seen.refused++;
        return;
    }
    EXPECT_EQ((uintptr_t)r->ptr % (align * GRANULE), 0);
    seen.met++;
    seen.joined += joins;
    paint(r->ptr, count, FREE, SPAN);
}

static void give(run *r)
{
    paint(r->ptr, r->count, SPAN, FREE);
    loam_span_give(&the.span, r->ptr, r->count);
    r->ptr = NULL;
}

static void resize(run *r, size_t count)
{
    size_t ground = ground_of(r->ptr), old = r->count;
    size_t index = loam_region_index(&the.regions[ground], r->ptr);
    bool can = index + count <= seen.count;

    for (size_t i = index + old; can && i < index + count; i++)
        can = is_usable(ground, i);
    EXPECT_EQ(loam_span_resize_run(&the.span, r->ptr, old, count), can);
    if (!can)
        return;
    if (count > old)
        paint(r->ptr + old * GRANULE, count - old, FREE, SPAN);
    else if (count < old)
        paint(r->ptr + count * GRANULE, old - count, SPAN, FREE);
    r->count = count;
}

static void give_all(void)
{
    for (size_t i = 0; i < RUNS; i++)
        if (seen.runs[i].ptr)
            give(&seen.runs[i]);
    (void)loam_span_trim(&the.span);
}

/* ---- each sequence of a few steps ---- */

static const size_t sizes[] = {1, 33, 64, 97};
enum { SIZES = 4, STEPS_MOST = 8 };

/* One step: to take a size, to give one of the runs back, to give memory back, or to make the first run
 * longer. False iff there is no such step now. */
static bool step(size_t which, size_t steps)
{
    if (which < SIZES) {
        for (size_t i = 0; i < steps; i++)
            if (!seen.runs[i].ptr) {
                take(&seen.runs[i], sizes[which], 1);
                return true;
            }
        return false;
    }
    which -= SIZES;
    if (which == 0) {
        (void)loam_span_purge_step(&the.span, SIZE_MAX);
        return true;
    }
    if (--which == 0) {
        if (seen.runs[0].ptr)
            resize(&seen.runs[0], seen.runs[0].count + 40);
        return seen.runs[0].ptr != NULL;
    }
    if (--which < steps && seen.runs[which].ptr) {
        give(&seen.runs[which]);
        return true;
    }
    return false;
}

static void run_each(size_t chunks, size_t steps)
{
    size_t kinds = SIZES + 2 + steps, digits[STEPS_MOST] = {0}, at, sequences = 0;

    begin(1, chunks, &(loam_span_config){.at_once = true});
    for (;;) {
        test_note("sequence %zu", sequences++);
        for (at = 0; at < steps && step(digits[at], steps); at++)
            continue;
        if (sequences % 64 == 0)
            world_expect_good(&the);
        give_all();
        EXPECT_EQ(figures_of(&the.span).chunks, 0);
        /* The next one; what begins with steps that can't be is left out. */
        at = at < steps ? at + 1 : steps;
        memset(digits + at, 0, (STEPS_MOST - at) * sizeof *digits);
        while (at > 0 && ++digits[at - 1] == kinds)
            digits[--at] = 0;
        if (at == 0)
            break;
    }
    test_note(NULL);
    EXPECT(seen.joined > 0 && seen.refused > 0);
    world_end(&the);
}

TEST(each_sequence_in_two_chunks, fast)
{
    run_each(2, test_bound("LOAM_TEST_SPAN_SEQUENCE", 5));
}

TEST(each_sequence_in_three_chunks, fast)
{
    run_each(3, test_bound("LOAM_TEST_SPAN_SEQUENCE", 5));
}

TEST(each_longer_sequence, slow)
{
    run_each(2, test_bound("LOAM_TEST_SPAN_SEQUENCE", 6));
    run_each(3, test_bound("LOAM_TEST_SPAN_SEQUENCE", 6));
}

/* ---- some that were refused once ---- */

TEST(a_run_is_taken_across_the_frontier, fast)
{
    run *r = seen.runs;

    begin(1, 4, NULL);
    take(&r[0], 33, 1);
    take(&r[1], 223, 1); /* 31 granules of the first chunk, and three chunks */
    EXPECT(r[1].ptr);
    give(&r[0]);
    give(&r[1]);
    give_all();
    world_end(&the);
}

/* Free, the region's, free again: a chunk between two that the span has. */
TEST(a_run_is_taken_across_a_chunk_of_the_region, fast)
{
    run *r = seen.runs;

    begin(1, 3, &(loam_span_config){.at_once = true});
    take(&r[0], 33, 1);
    take(&r[1], 31 + 64 + 31, 1);
    take(&r[2], 33, 1);
    give(&r[1]);
    (void)purge_all(&the.span, SIZE_MAX);
    EXPECT_EQ(figures_of(&the.span).chunks, 2);
    take(&r[1], 31 + 64 + 31, 1);
    EXPECT(r[1].ptr);
    EXPECT_EQ(figures_of(&the.span).warm, 0);
    give_all();
    world_end(&the);
}

/* Where the limit of the region lets one more chunk be held, a place that needs one is found, though the
 * lowest needs two. */
TEST(a_place_that_needs_fewer_chunks_is_found, fast)
{
    char *first, *middle, *last;

    begin(1, 4, &(loam_span_config){.at_once = true});
    first = (char *)must_take(&the.span, 60, 1);
    middle = (char *)must_take(&the.span, 4 + 128 + 44, 1);
    last = (char *)must_take(&the.span, 20, 1);
    loam_span_give(&the.span, middle, 4 + 128 + 44);
    (void)purge_all(&the.span, SIZE_MAX);
    EXPECT_EQ(figures_of(&the.span).chunks, 2);
    loam_region_set_limit(&the.regions[0], 3 * CHUNK);
    EXPECT(!loam_span_take(&the.span, 109, 1, KIND, NULL, NULL));
    world_expect_good(&the);
    EXPECT_EQ(figures_of(&the.span).chunks, 2);
    middle = (char *)must_take(&the.span, 108, 1);
    EXPECT_PTR(middle + 108 * GRANULE, last);
    EXPECT_EQ(figures_of(&the.span).chunks, 3);
    loam_span_give(&the.span, first, 60);
    world_expect_good(&the);
    give_all();
    world_end(&the);
}

/* ---- random ---- */

static void other_takes(run *r, test_rng *rng)
{
    size_t ground = (size_t)test_rng_below(rng, seen.grounds);

    r->count = 1 + (size_t)test_rng_below(rng, 40);
    r->ptr = (char *)loam_region_take(&the.regions[ground], r->count, 1, KIND + 1, NULL, NULL);
    if (r->ptr)
        paint(r->ptr, r->count, FREE, OTHER);
}

static void other_gives(run *r)
{
    paint(r->ptr, r->count, OTHER, FREE);
    loam_region_give(&the.regions[ground_of(r->ptr)], r->ptr, r->count);
    r->ptr = NULL;
}

static size_t some_count(test_rng *rng)
{
    return test_rng_one_in(rng, 3) ? 1 + (size_t)test_rng_below(rng, 250)
                                   : 1 + (size_t)test_rng_below(rng, 70);
}

static void random_step(test_rng *rng, run *others)
{
    run *r = &seen.runs[test_rng_below(rng, RUNS)];
    run *other = &others[test_rng_below(rng, 4)];

    switch (test_rng_below(rng, 12)) {
    case 0:
        (void)loam_span_purge_step(&the.span, (size_t)test_rng_below(rng, 8 * MIB));
        break;
    case 1:
        if (other->ptr)
            other_gives(other);
        else
            other_takes(other, rng);
        break;
    case 2:
    case 3:
        if (r->ptr)
            resize(r, some_count(rng));
        break;
    default:
        if (r->ptr)
            give(r);
        else
            take(r, some_count(rng),
                 test_rng_one_in(rng, 2) ? 1 : (size_t)1 << test_rng_below(rng, 8));
    }
}

static void run_random(const loam_span_config *config, size_t steps, uint64_t seed)
{
    run others[4] = {{NULL, 0}};
    test_rng rng;

    test_rng_init(&rng, seed);
    begin(GROUNDS, 6, config);
    for (size_t i = 0; i < steps; i++) {
        test_note("step %zu, seed %llx", i, (unsigned long long)seed);
        random_step(&rng, others);
        if (i % 16 == 0)
            world_expect_good(&the);
    }
    test_note(NULL);
    for (size_t i = 0; i < 4; i++)
        if (others[i].ptr)
            other_gives(&others[i]);
    EXPECT(seen.met > 0 && seen.refused > 0);
    give_all();
    world_end(&the);
}

static void run_randoms(size_t steps)
{
    static const loam_span_config configs[] = {
        {.at_once = true},
        {.at_once = true, .spans = LOAM_SPAN_DECOMMIT, .chunks = LOAM_SPAN_DECOMMIT},
        {.at_once = true, .spans = LOAM_SPAN_LAZY, .keep_chunks = 1},
    };

    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++)
        run_random(&configs[i], steps, test_seed() + i);
}

TEST(random_requests_with_alignment, fast)
{
    run_randoms(test_bound("LOAM_TEST_SPAN_STEPS", 20000));
}

TEST(random_requests_for_long, slow)
{
    run_randoms(test_bound("LOAM_TEST_SPAN_STEPS", 300000));
}

TEST_MAIN
