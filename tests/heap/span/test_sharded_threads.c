/* test_sharded_threads.c: sharded spans and many threads: runs that cross, purges in between, ends of
 * threads, forks; and the idle test. */
#include "heap/span/span_support.h"

#include "vm/memory.h"

#include "internal/os.h"

#include <loam/pool_threaded.h>
#include <loam/span_sharded.h>

#include <string.h>

#if TEST_HAS_FORK
#include <sys/wait.h>
#include <unistd.h>
#endif

enum { THREADS = 6, HELD = 16, SLOTS = 32, CHUNKS = 24, STAMP = sizeof(uint64_t) };

typedef struct parcel {
    char *ptr;
    size_t count;
    uint64_t stamp;
} parcel;

typedef struct shared {
    loam_region region;
    loam_span_sharded spans;
    loam_os_mutex lock;
    parcel slots[SLOTS];
    size_t steps;
    uint32_t stop, phase;
    size_t live;
} shared;

static shared the;

static void report(void *context, const char *property, const void *where)
{
    (void)context;
    TEST_FAIL("not sound: %s at %p", property, where);
}

static loam_stats stats_now(void)
{
    loam_stats stats;

    loam_span_sharded_stats(&the.spans, &stats);
    return stats;
}

static void begin(const loam_span_config *config)
{
    loam_span_sharded_config sharded = {.span = *config, .shards = 4};

    (void)test_seed(); /* chosen before there are threads */
    memset(&the, 0, sizeof the);
    EXPECT(loam_region_init(&the.region, &(loam_region_config){.reserve = CHUNKS * CHUNK}));
    EXPECT(loam_span_sharded_init(&the.spans, &the.region, &sharded));
}

static void end(void)
{
    EXPECT(loam_span_sharded_check(&the.spans, report, NULL));
    expect_good_region(__FILE__, __LINE__, &the.region);
    loam_span_sharded_deinit(&the.spans);
    loam_region_deinit(&the.region);
}

/* ---- runs that cross ---- */

static void sign(const parcel *p)
{
    size_t index = loam_region_index(&the.region, p->ptr);

    for (size_t i = 0; i < p->count; i++) {
        memcpy(p->ptr + i * GRANULE, &p->stamp, STAMP);
        memcpy(loam_record_opaque(loam_region_record(&the.region, index + i)), &p->stamp, STAMP);
        loam_region_set_class(&the.region, index + i, 1, (uint8_t)p->stamp);
    }
}

static void obtain(parcel *p, test_rng *rng)
{
    p->count = test_rng_one_in(rng, 4) ? 1 + (size_t)test_rng_below(rng, 40)
                                       : (size_t)1 << test_rng_below(rng, 4);
    p->stamp = test_rng_next(rng);
    p->ptr = (char *)loam_span_sharded_take(&the.spans, p->count, 1, KIND, NULL, NULL);
    if (!p->ptr)
        return;
    expect_run(loam_span_sharded_granules(&the.spans), p->ptr, p->count, 1, KIND, NULL, true);
    sign(p);
}

static void give(parcel *p)
{
    size_t index = loam_region_index(&the.region, p->ptr);

    for (size_t i = 0; i < p->count; i++) {
        loam_record *record = loam_region_record(&the.region, index + i);

        EXPECT(memcmp(p->ptr + i * GRANULE, &p->stamp, STAMP) == 0);
        EXPECT(memcmp(loam_record_opaque(record), &p->stamp, STAMP) == 0);
        EXPECT_EQ(loam_record_first(record), index);
        EXPECT_EQ(loam_record_kind(record), KIND);
    }
    loam_span_sharded_give(&the.spans, p->ptr, p->count);
    p->ptr = NULL;
}

static void exchange(parcel *p, test_rng *rng)
{
    parcel *slot = &the.slots[test_rng_below(rng, SLOTS)], mine = *p;

    loam_os_mutex_lock(&the.lock);
    *p = *slot;
    *slot = mine;
    loam_os_mutex_unlock(&the.lock);
}

static void work(parcel *held, test_rng *rng)
{
    parcel *p = &held[test_rng_below(rng, HELD)];

    switch (test_rng_below(rng, 12)) {
    case 0:
        (void)loam_span_sharded_purge_step(&the.spans, (size_t)test_rng_below(rng, MIB));
        break;
    case 1:
        exchange(p, rng);
        break;
    case 2:
        (void)stats_now();
        (void)loam_span_sharded_owns(&the.spans, p->ptr);
        break;
    default:
        if (p->ptr)
            give(p);
        else
            obtain(p, rng);
        break;
    }
}

static void give_all(parcel *held, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (held[i].ptr)
            give(&held[i]);
}

static void thread(void *context, size_t index)
{
    parcel held[HELD] = {{NULL, 0, 0}};
    test_rng rng;

    (void)context;
    test_rng_init(&rng, test_seed() + index);
    for (size_t i = 0; i < the.steps; i++)
        work(held, &rng);
    give_all(held, HELD);
}

static void run_threads(size_t steps)
{
    begin(&(loam_span_config){.at_once = true});
    the.steps = steps;
    test_run_threads(THREADS, thread, NULL);
    give_all(the.slots, SLOTS);
    EXPECT(loam_span_sharded_check(&the.spans, report, NULL));
    EXPECT_EQ(stats_now().live, 0);
    (void)loam_span_sharded_trim(&the.spans);
    EXPECT_EQ(stats_now().reserved, 0);
    end();
}

TEST(runs_cross_threads, fast)
{
    run_threads(test_bound("LOAM_TEST_SPAN_STEPS", 2000));
}

TEST(runs_cross_threads_long, slow)
{
    run_threads(test_bound("LOAM_TEST_SPAN_STEPS", 60000));
}

/* ---- ends of threads ---- */

static void fill_cache(void *context, size_t index)
{
    parcel held[8];

    (void)context;
    (void)index;
    for (size_t i = 0; i < 8; i++) {
        held[i] = (parcel){NULL, (size_t)1 << i % 4, i};
        held[i].ptr =
            (char *)loam_span_sharded_take(&the.spans, held[i].count, 1, KIND, NULL, NULL);
        EXPECT(held[i].ptr);
        sign(&held[i]);
    }
    give_all(held, 8);
}

static size_t in_caches(void)
{
    size_t sum = 0;

    for (size_t i = 0; i < LOAM_SPAN_CACHES; i++)
        for (size_t slot = 0; slot < LOAM_SPAN_CACHE_RUNS_; slot++)
            sum += the.spans.caches[i].slots[slot] != 0;
    return sum;
}

TEST(the_end_of_a_thread_empties_its_cache, fast)
{
    begin(&(loam_span_config){.delay = 60000});
    fill_cache(NULL, 0);
    EXPECT_EQ(in_caches(), 6); /* of sixteen runs: 2, 2, 1 and 1 */
    test_run_threads(THREADS, fill_cache, NULL);
    EXPECT_EQ(in_caches(), 6);
    EXPECT(loam_span_sharded_check(&the.spans, report, NULL));
    EXPECT_EQ(stats_now().live, 0);
    end();
}

/* ---- a threaded pool ---- */

static loam_pool_threaded pool;

static void use_pool(void *context, size_t index)
{
    enum { BLOCKS = 64 };
    void *at[BLOCKS] = {NULL};
    size_t sizes[BLOCKS];
    test_rng rng;

    (void)context;
    test_rng_init(&rng, test_seed() + index);
    for (size_t i = 0; i < 10000; i++) {
        size_t slot = (size_t)test_rng_below(&rng, BLOCKS);

        if (at[slot])
            loam_pool_threaded_give(&pool, at[slot], sizes[slot]);
        sizes[slot] = 1 + (size_t)test_rng_below(&rng, test_rng_one_in(&rng, 50) ? 200000 : 2000);
        at[slot] = loam_pool_threaded_take(&pool, sizes[slot]);
        EXPECT(at[slot]);
        memset(at[slot], (int)slot, sizes[slot]);
    }
    for (size_t slot = 0; slot < BLOCKS; slot++)
        if (at[slot])
            loam_pool_threaded_give(&pool, at[slot], sizes[slot]);
}

TEST(a_threaded_pool_on_sharded_spans, fast)
{
    loam_pool_config config;

    begin(&(loam_span_config){.at_once = true});
    config = (loam_pool_config){.granules = loam_span_sharded_granules(&the.spans)};
    EXPECT(loam_pool_threaded_init(&pool, &config));
    test_run_threads(4, use_pool, NULL);
    EXPECT(loam_span_sharded_check(&the.spans, report, NULL));
    loam_pool_threaded_deinit(&pool);
    EXPECT_EQ(stats_now().live, 0);
    end();
}

/* ---- idle ---- */

static size_t resident(void)
{
    size_t page = loam_vm_page_size();

    return page * memory_resident(loam_region_address(&the.region, 0), the.region.reserved, page);
}

enum { OWNERS = 4, IDLE_RUNS = 60, SHARD_KEEP = 4 };

static void burst(size_t index)
{
    parcel at[IDLE_RUNS];
    test_rng rng;

    test_rng_init(&rng, test_seed() + index);
    for (size_t i = 0; i < IDLE_RUNS; i++) {
        at[i].count = 1 + (size_t)test_rng_below(&rng, 8);
        at[i].ptr = (char *)loam_span_sharded_take(&the.spans, at[i].count, 1, KIND, NULL, NULL);
        EXPECT(at[i].ptr);
        memset(at[i].ptr, 1, at[i].count * GRANULE);
    }
    for (size_t i = 0; i < IDLE_RUNS; i++)
        if (i % 10 != 0)
            loam_span_sharded_give(&the.spans, at[i].ptr, at[i].count);
        else
            __atomic_add_fetch(&the.live, at[i].count * GRANULE, __ATOMIC_RELAXED);
}

/* Owners burst, and then stay where they are, without a call, until they are told that all is seen. */
static void be_idle(void *context, size_t index)
{
    uint64_t start;

    (void)context;
    if (index < OWNERS) {
        burst(index);
        __atomic_add_fetch(&the.phase, 1, __ATOMIC_ACQ_REL);
        while (!__atomic_load_n(&the.stop, __ATOMIC_ACQUIRE))
            loam_os_yield();
        return;
    }
    while (__atomic_load_n(&the.phase, __ATOMIC_ACQUIRE) != OWNERS)
        loam_os_yield();
    EXPECT_LE(the.live + 20 * MIB, resident());
    start = loam_os_milliseconds();
    while (loam_os_milliseconds() - start < 200) {
        (void)loam_span_sharded_purge_step(&the.spans, 512 * KIB);
        loam_os_yield();
    }
    while (loam_span_sharded_purge_step(&the.spans, MIB) != 0) {
    }
    EXPECT_LE(resident(), the.live + the.spans.count * SHARD_KEEP * GRANULE);
    EXPECT_EQ(stats_now().live, the.live);
    __atomic_store_n(&the.stop, 1, __ATOMIC_RELEASE);
}

TEST(idle_threads_are_made_small_by_another_one, fast)
{
    if (!memory_tells_resident())
        TEST_SKIP("the system does not tell what is resident");
    begin(&(loam_span_config){.delay = 50, .keep = SHARD_KEEP * GRANULE});
    test_run_threads(OWNERS + 1, be_idle, NULL);
    end();
}

/* ---- fork ---- */

#if TEST_HAS_FORK
static void use_in_child(void)
{
    parcel held[HELD] = {{NULL, 0, 0}};
    test_rng rng;

    (void)alarm(30); /* a lock that nobody gives back must not hang the test */
    test_rng_init(&rng, 1);
    for (size_t i = 0; i < 60; i++) {
        parcel *p = &held[i % HELD];

        if (p->ptr)
            give(p);
        obtain(p, &rng);
    }
    give_all(held, HELD);
    (void)loam_span_sharded_trim(&the.spans);
    EXPECT(!loam_span_sharded_take(&the.spans, (CHUNKS + 1) * 64, 1, KIND, NULL, NULL));
    _exit(0);
}

static void fork_again_and_again(void)
{
    for (size_t i = 0; i < the.steps; i++) {
        pid_t child = fork();
        int status;

        EXPECT(child >= 0);
        if (child == 0)
            use_in_child();
        EXPECT(waitpid(child, &status, 0) == child);
        EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    __atomic_store_n(&the.stop, 1, __ATOMIC_RELAXED);
}

static void thread_beside_forks(void *context, size_t index)
{
    parcel held[HELD] = {{NULL, 0, 0}};
    test_rng rng;

    (void)context;
    if (index == 0) {
        fork_again_and_again();
        return;
    }
    test_rng_init(&rng, test_seed() + index);
    while (!__atomic_load_n(&the.stop, __ATOMIC_RELAXED))
        work(held, &rng);
    give_all(held, HELD);
}

TEST(fork_while_threads_take, fast)
{
    begin(&(loam_span_config){.at_once = true});
    the.steps = test_bound("LOAM_TEST_SPAN_FORKS", 30);
    test_run_threads(4, thread_beside_forks, NULL);
    give_all(the.slots, SLOTS);
    EXPECT_EQ(stats_now().live, 0);
    end();
}
#endif

TEST_MAIN
