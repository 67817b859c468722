/* test_sharded.c: sharded spans with one thread: which shard, caches, what is tried before a refusal,
 * figures, misuse, conformance, a random model. */
#include "heap/span/span_support.h"

#include "support/conformance.h"
#include "support/fail_vm.h"

#include "internal/os.h"

#include <loam/pool.h>
#include <loam/span_sharded.h>

#include <string.h>

static loam_region region;
static loam_span_sharded the;

static void begin(size_t chunks, const loam_span_sharded_config *config)
{
    EXPECT(loam_region_init(&region, &(loam_region_config){.reserve = chunks * CHUNK}));
    EXPECT(loam_span_sharded_init(&the, &region, config));
}

static void report(void *context, const char *property, const void *where)
{
    (void)context;
    TEST_FAIL("not sound: %s at %p", property, where);
}

static bool add(void *context, const loam_walk_item *item)
{
    size_t *live = (size_t *)context;

    *live += item->kind == LOAM_WALK_LIVE ? item->size : 0;
    return true;
}

static loam_stats stats_now(void)
{
    loam_stats stats;

    loam_span_sharded_stats(&the, &stats);
    return stats;
}

static loam_span_figures figures_now(void)
{
    loam_span_figures figures;

    loam_span_sharded_look(&the, &figures);
    return figures;
}

static void expect_good(void)
{
    loam_stats stats = stats_now();
    loam_span_figures figures = figures_now();
    size_t live = 0;

    EXPECT(loam_span_sharded_check(&the, report, NULL));
    expect_good_region(__FILE__, __LINE__, &region);
    EXPECT(loam_span_sharded_walk(&the, add, &live));
    EXPECT_EQ(live, stats.live);
    EXPECT_EQ(figures.warm + figures.clean + figures.cold + stats.live, stats.reserved);
    EXPECT_LE(stats.live, stats.peak);
    EXPECT_EQ(figures.live_runs, stats.blocks);
}

static void end(void)
{
    loam_stats stats;

    expect_good();
    loam_span_sharded_deinit(&the);
    expect_good_region(__FILE__, __LINE__, &region);
    loam_region_stats(&region, &stats);
    EXPECT_EQ(stats.live, 0);
    loam_region_deinit(&region);
}

static char *must_get(size_t count, size_t align)
{
    char *ptr = (char *)loam_span_sharded_take(&the, count, align, KIND, &region, NULL);

    EXPECT(ptr);
    expect_run(loam_span_sharded_granules(&the), ptr, count, align, KIND, &region, true);
    return ptr;
}

TEST(as_many_shards_as_asked_for, fast)
{
    loam_span_sharded *made;

    begin(4, NULL);
    EXPECT(the.count >= 1 && the.count <= LOAM_SPAN_SHARDS);
    end();
    begin(4, &(loam_span_sharded_config){.shards = 7});
    EXPECT_EQ(the.count, 7);
    end();
    EXPECT(loam_region_init(&region, NULL));
    EXPECT(!loam_span_sharded_init(&the, &region, &(loam_span_sharded_config){.shards = 65}));
    EXPECT(!loam_span_sharded_init(&the, &region,
                                   &(loam_span_sharded_config){.span = {.spans = LOAM_SPAN_GIVE}}));
    made = loam_span_sharded_create(&region, NULL);
    EXPECT(made);
    EXPECT(loam_span_sharded_take(made, 3, 1, KIND, NULL, NULL));
    loam_span_sharded_destroy(made);
    loam_span_sharded_destroy(NULL);
    loam_region_deinit(&region);
}

/* Runs of 1, 2, 4 and 8 come from the cache, as many as it holds, the rest from the shard. */
TEST(a_cache_holds_some_runs, fast)
{
    static const size_t slots[4] = {4, 2, 1, 1};
    char *at[4][6], *same;

    begin(8, &(loam_span_sharded_config){.shards = 1});
    for (size_t size = 0; size < 4; size++)
        for (size_t i = 0; i < 6; i++)
            at[size][i] = must_get((size_t)1 << size, 1);
    for (size_t size = 0; size < 4; size++)
        for (size_t i = 0; i < slots[size]; i++) {
            loam_span_sharded_give(&the, at[size][i], (size_t)1 << size);
            expect_good();
        }
    EXPECT_EQ(figures_now().front, LOAM_SPAN_CACHE_GRANULES * GRANULE);
    EXPECT_EQ(the.shards[0].front, 0);
    EXPECT_EQ(stats_now().live, (6 * 15 - LOAM_SPAN_CACHE_GRANULES) * GRANULE);
    for (size_t size = 0; size < 4; size++)
        loam_span_sharded_give(&the, at[size][5], (size_t)1 << size);
    EXPECT_EQ(the.shards[0].front, 15);
    same = must_get(8, 1);
    EXPECT_PTR(same, at[3][0]);
    expect_good();
    (void)loam_span_sharded_trim(&the);
    EXPECT_EQ(figures_now().front, 0);
    EXPECT_EQ(figures_now().warm, 0);
    end();
    begin(8, &(loam_span_sharded_config){.shards = 1, .uncached = true});
    same = must_get(1, 1);
    loam_span_sharded_give(&the, same, 1);
    EXPECT_EQ(the.shards[0].front, 1);
    end();
}

/* A run goes back to the shard that has its chunk, also after the thread has another one. */
TEST(runs_return_to_their_shard, fast)
{
    char *ptr;
    size_t owned, mine = 0;

    begin(8, &(loam_span_sharded_config){.shards = 2});
    ptr = must_get(9, 1);
    while (the.shards[mine].owned == 0)
        mine++;
    loam_os_mutex_lock((loam_os_mutex *)(void *)&the.shards[mine].lock);
    EXPECT(must_get(9, 1)); /* moves to the other one */
    loam_os_mutex_unlock((loam_os_mutex *)(void *)&the.shards[mine].lock);
    EXPECT_EQ(the.shards[1 - mine].live, 9);
    owned = the.shards[mine].owned;
    loam_span_sharded_give(&the, ptr, 9);
    EXPECT_EQ(the.shards[mine].live, 0);
    EXPECT_EQ(the.shards[mine].warm, 9);
    EXPECT_EQ(the.shards[mine].owned, owned);
    /* Warm there, fresh here: it is taken from there. */
    EXPECT_PTR(must_get(9, 1), ptr);
    end();
}

/* What caches, stacks and other shards hold is found before a request is refused. */
TEST(all_is_tried_before_a_refusal, fast)
{
    char *at[128];
    size_t count;

    begin(2, &(loam_span_sharded_config){.shards = 4});
    for (count = 0; count < 128; count++)
        at[count] = must_get(1, 1);
    EXPECT(!loam_span_sharded_take(&the, 1, 1, KIND, NULL, NULL));
    EXPECT_EQ(stats_now().failures, 1);
    expect_good();
    for (size_t i = 0; i < 128; i++)
        loam_span_sharded_give(&the, at[i], 1);
    at[0] = must_get(64, 64);
    at[1] = must_get(64, 1);
    EXPECT(!loam_span_sharded_take(&the, 1, 1, KIND, NULL, NULL));
    loam_span_sharded_give(&the, at[0], 64);
    loam_span_sharded_give(&the, at[1], 64);
    EXPECT(must_get(128, 1)); /* chunks of two shards, by way of the region */
    EXPECT(!loam_span_sharded_take(&the, 0, 1, KIND, NULL, NULL));
    EXPECT(!loam_span_sharded_take(&the, 1, 3, KIND, NULL, NULL));
    end();
}

/* Each shard has an empty chunk, and a request needs two: they meet in the region. */
TEST(chunks_of_shards_meet_in_the_region, fast)
{
    char *at[2];

    begin(2, &(loam_span_sharded_config){.shards = 2});
    at[0] = must_get(33, 1);
    for (size_t i = 0; i < 2; i++)
        if (the.shards[i].owned != 0)
            loam_os_mutex_lock((loam_os_mutex *)(void *)&the.shards[i].lock);
    at[1] = must_get(33, 1);
    for (size_t i = 0; i < 2; i++)
        if (loam_os_mutex_trylock((loam_os_mutex *)(void *)&the.shards[i].lock) ||
            the.shards[i].live != 0)
            loam_os_mutex_unlock((loam_os_mutex *)(void *)&the.shards[i].lock);
    EXPECT(the.shards[0].owned == 64 && the.shards[1].owned == 64);
    loam_span_sharded_give(&the, at[0], 33);
    loam_span_sharded_give(&the, at[1], 33);
    EXPECT(must_get(128, 64));
    end();
}

/* What shards gave to the region for a request that was refused all the same: nobody holds it any
 * more, and a step gives its memory to the system. */
TEST(chunks_given_for_others_are_purged, fast)
{
    loam_span_sharded_config config = {.span = {.at_once = true}, .shards = 2};
    char *at;

    begin(4, &config);
    at = (char *)must_get(150, 1);
    memset(at, 1, 150 * GRANULE);
    loam_span_sharded_give(&the, at, 150);
    EXPECT_PTR(loam_span_sharded_take(&the, 5 * 64, 1, KIND, NULL, NULL), NULL);
    while (loam_span_sharded_purge_step(&the, 16 * GRANULE) != 0) {
    }
    EXPECT_EQ(loam_region_purge(&region, SIZE_MAX), 0);
    end();
}

TEST(regions_are_added_to_all_shards, fast)
{
    loam_region more;
    char *at[2];

    begin(1, &(loam_span_sharded_config){.shards = 3});
    EXPECT(loam_region_init(&more, &(loam_region_config){.reserve = CHUNK}));
    EXPECT(loam_span_sharded_add(&the, &more));
    EXPECT(!loam_span_sharded_add(&the, &more));
    EXPECT_PTR(loam_granules_region(loam_span_sharded_granules(&the), NULL), NULL);
    at[0] = must_get(64, 1);
    at[1] = must_get(64, 1);
    EXPECT_PTR(loam_granules_region(loam_span_sharded_granules(&the), at[1]), &more);
    EXPECT(!loam_span_sharded_take(&the, 1, 1, KIND, NULL, NULL));
    loam_span_sharded_give(&the, at[1], 64);
    loam_span_sharded_give(&the, at[0], 64);
    end();
    loam_region_deinit(&more);
}

TEST(a_pool_on_sharded_spans, fast)
{
    loam_pool pool;
    loam_pool_config config;
    void *at[1000];

    begin(8, NULL);
    config = (loam_pool_config){.granules = loam_span_sharded_granules(&the)};
    EXPECT(loam_pool_init(&pool, &config));
    for (size_t i = 0; i < 1000; i++) {
        at[i] = loam_pool_take(&pool, 16 + i);
        EXPECT(at[i]);
        memset(at[i], 1, 16 + i);
    }
    for (size_t i = 0; i < 1000; i++)
        loam_pool_give(&pool, at[i], 16 + i);
    loam_pool_deinit(&pool);
    EXPECT_EQ(stats_now().live, 0);
    end();
}

/* ---- refusals ---- */

TEST(refusals_leave_it_whole, fast)
{
    for (size_t k = 1; k <= 4; k++) {
        (void)loam_vm_trim();
        EXPECT(loam_region_init(&region, &(loam_region_config){.reserve = 4 * CHUNK}));
        fail_vm_arm(FAIL_VM_TAKE, k, true);
        if (loam_span_sharded_init(&the, &region, NULL)) {
            (void)!loam_span_sharded_take(&the, 5, 1, KIND, NULL, NULL);
            fail_vm_disarm();
            expect_good();
            EXPECT(must_get(5, 1));
            end();
            continue;
        }
        EXPECT(!loam_span_sharded_create(&region, NULL));
        fail_vm_disarm();
        loam_region_deinit(&region);
    }
}

/* Takes, grows, gives and purges; each is there or not. Returns how many were refused. */
static size_t run_refused(void)
{
    static const size_t counts[6] = {4, 70, 1, 33, 8, 100};
    char *at[6];
    size_t refused = 0;

    for (size_t i = 0; i < 6; i++) {
        size_t live = stats_now().live;

        at[i] = (char *)loam_span_sharded_zalloc(&the, counts[i] * GRANULE, 1);
        refused += at[i] == NULL;
        EXPECT_EQ(stats_now().live, live + (at[i] ? counts[i] * GRANULE : 0));
        if (at[i])
            memset(at[i], 1, counts[i] * GRANULE);
        expect_good();
    }
    if (at[5] && !loam_span_sharded_resize(&the, at[5], 100 * GRANULE, 101 * GRANULE))
        refused++;
    else if (at[5])
        EXPECT(loam_span_sharded_resize(&the, at[5], 101 * GRANULE, 100 * GRANULE));
    for (size_t i = 0; i < 6; i++)
        if (at[i])
            loam_span_sharded_dealloc(&the, at[i], counts[i] * GRANULE);
    EXPECT_EQ(stats_now().live, 0);
    (void)loam_span_sharded_trim(&the);
    expect_good();
    return refused;
}

TEST(each_call_is_refused, fast)
{
    loam_span_sharded_config config = {
        .span = {.at_once = true, .spans = LOAM_SPAN_DECOMMIT, .chunks = LOAM_SPAN_DECOMMIT},
        .shards = 2};
    size_t refused = 0;

    for (size_t k = 1;; k++) {
        size_t calls;

        EXPECT_LE(k, 400);
        test_note("call %zu", k);
        (void)loam_vm_trim();
        config.uncached = k % 4 < 2;
        begin(16, &config);
        fail_vm_arm(FAIL_VM_ALL & ~(unsigned)FAIL_VM_RELEASE, (k + 1) / 2, k % 2 == 0);
        refused += run_refused() + run_refused();
        calls = fail_vm_calls();
        fail_vm_disarm();
        EXPECT_EQ(run_refused(), 0);
        EXPECT_EQ(figures_now().warm, 0);
        end();
        if (calls < k / 2)
            break;
    }
    EXPECT(refused != 0);
    test_note(NULL);
}

/* ---- misuse ---- */

typedef struct misuse {
    char *ptr;
    size_t count;
} misuse;

static void give(void *context)
{
    const misuse *m = (const misuse *)context;

    loam_span_sharded_give(&the, m->ptr, m->count);
}

static void give_twice(void *context)
{
    give(context);
    give(context);
}

static void dealloc(void *context)
{
    const misuse *m = (const misuse *)context;

    loam_span_sharded_dealloc(&the, m->ptr, m->count * GRANULE);
}

TEST(misuse_is_named, fast)
{
    misuse m;

#if !LOAM_CHECKS
    TEST_SKIP("not a checked build");
#endif
    begin(4, NULL);
    m = (misuse){(char *)&region, 1};
    test_dies_with(give, &m, "loam: fatal: granules are not of this span: 0x", m.ptr);
    test_dies_with(dealloc, &m, "loam: fatal: block is not of this allocator: 0x", m.ptr);
    for (m.count = 1; m.count < 10; m.count++) {
        m.ptr = must_get(m.count, 1);
        test_dies_with(give_twice, &m, "loam: fatal: granules were given back twice: 0x", m.ptr);
    }
    m.count = 3;
    test_dies_with(give, &m,
                   "loam: fatal: granules passed back with a length that they do not have: 0x",
                   m.ptr);
    m.ptr = (char *)loam_region_take(&region, 1, 1, KIND, NULL, NULL);
    m.count = 1;
    test_dies_with(give, &m, "loam: fatal: granules are not of this span: 0x", m.ptr);
    loam_region_give(&region, m.ptr, 1);
    end();
}

TEST(a_broken_cache_is_noticed, fast)
{
    char *ptr;

    begin(4, NULL);
    ptr = must_get(2, 1);
    EXPECT(loam_span_sharded_check(&the, NULL, NULL));
    the.caches[3].slots[0] = (size_t)(uintptr_t)ptr;
    EXPECT(!loam_span_sharded_check(&the, NULL, NULL));
    the.caches[3].slots[0] = 1;
    EXPECT(!loam_span_sharded_check(&the, NULL, NULL));
    the.caches[3].slots[0] = 0;
    end();
}

/* ---- conformance ---- */

static loam_allocator make(void *context)
{
    (void)context;
    begin(64, &(loam_span_sharded_config){.span = {.at_once = true}});
    return loam_span_sharded_allocator(&the);
}

static void end_subject(void *context)
{
    (void)context;
    EXPECT_EQ(stats_now().live, 0);
    end();
}

TEST(conforms, fast)
{
    conformance_subject suite = {
        .name = "span_sharded", .make = make, .end = end_subject, .max_align = MIB};

    loam_conformance_run(&suite);
}

/* ---- random ---- */

enum { RUNS = 100 };

typedef struct run {
    char *ptr;
    size_t count;
    unsigned char stamp;
    bool block;
} run;

static void drop(run *r)
{
    EXPECT_EQ((unsigned char)r->ptr[0], r->stamp);
    EXPECT_EQ((unsigned char)r->ptr[r->count * GRANULE - 1], r->stamp);
    if (r->block)
        loam_span_sharded_dealloc(&the, r->ptr, r->count * GRANULE);
    else
        loam_span_sharded_give(&the, r->ptr, r->count);
    r->ptr = NULL;
}

static void obtain(run *r, test_rng *rng)
{
    r->count = test_rng_one_in(rng, 3) ? 1 + (size_t)test_rng_below(rng, 90)
                                       : (size_t)1 << test_rng_below(rng, 4);
    r->block = test_rng_one_in(rng, 3);
    r->ptr = (char *)(r->block ? loam_span_sharded_zalloc(&the, r->count * GRANULE, 1)
                               : loam_span_sharded_take(&the, r->count, 1, KIND, NULL, NULL));
    if (!r->ptr)
        return;
    EXPECT(!r->block || (r->ptr[0] == 0 && r->ptr[r->count * GRANULE - 1] == 0));
    EXPECT(!r->block || loam_span_sharded_owns(&the, r->ptr));
    r->stamp = (unsigned char)(1 + test_rng_below(rng, 255));
    r->ptr[0] = (char)r->stamp;
    r->ptr[r->count * GRANULE - 1] = (char)r->stamp;
}

static void run_model(size_t steps, uint64_t seed)
{
    static run runs[RUNS];
    size_t live = 0;
    test_rng rng;

    memset(runs, 0, sizeof runs);
    test_rng_init(&rng, seed);
    begin(20, &(loam_span_sharded_config){.span = {.at_once = true}, .shards = 3});
    for (size_t i = 0; i < steps; i++) {
        run *r = &runs[test_rng_below(&rng, RUNS)];
        loam_span *busy = &the.shards[test_rng_below(&rng, 3)];
        bool hold = test_rng_one_in(&rng, 2) && !test_rng_one_in(&rng, 8);

        test_note("step %zu, seed %llx", i, (unsigned long long)seed);
        live -= r->ptr ? r->count : 0;
        if (test_rng_one_in(&rng, 10)) {
            (void)loam_span_sharded_purge_step(&the, (size_t)test_rng_below(&rng, MIB));
        } else if (r->ptr) {
            drop(r);
        } else {
            /* Somebody is in a shard, when the request is small enough to be met elsewhere. */
            hold = hold && live < 128;
            if (hold)
                loam_os_mutex_lock((loam_os_mutex *)(void *)&busy->lock);
            obtain(r, &rng);
            if (hold)
                loam_os_mutex_unlock((loam_os_mutex *)(void *)&busy->lock);
        }
        live += r->ptr ? r->count : 0;
        expect_good();
        EXPECT_EQ(stats_now().live, live * GRANULE);
    }
    for (size_t i = 0; i < RUNS; i++)
        if (runs[i].ptr)
            drop(&runs[i]);
    test_note(NULL);
    (void)loam_span_sharded_trim(&the);
    EXPECT_EQ(stats_now().reserved, 0);
    end();
}

TEST(random_runs, fast)
{
    run_model(test_bound("LOAM_TEST_SPAN_STEPS", 600), test_seed());
}

TEST(random_runs_for_long, slow)
{
    for (size_t i = 0; i < 8; i++)
        run_model(test_bound("LOAM_TEST_SPAN_STEPS", 8000), test_seed() + i);
}

TEST_MAIN
