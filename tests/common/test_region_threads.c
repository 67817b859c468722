/* test_region_threads.c: one region and many threads: runs that cross from one to another, looks
 * without the lock, purges in between; and forks while other threads are inside. */
#include "region_support.h"

#include "internal/os.h"

#include <loam/vm.h>

#include <string.h>

#if TEST_HAS_FORK
#include <sys/wait.h>
#include <unistd.h>
#endif

enum { THREADS = 4, HELD = 24, SLOTS = 32, CHUNKS = 6 };

/* A run on its way; `stamp` is in its memory and in its records. */
typedef struct parcel {
    char *ptr;
    size_t count;
    uint64_t stamp;
} parcel;

typedef struct shared {
    loam_region region;
    loam_os_mutex lock;  /* of the slots */
    parcel slots[SLOTS]; /* where threads leave runs for others */
    size_t steps;
    uint32_t stop;
} shared;

static void sign(loam_region *region, parcel *p)
{
    size_t index = loam_region_index(region, p->ptr);

    for (size_t i = 0; i < p->count; i++) {
        memcpy(p->ptr + i * LOAM_REGION_GRANULE, &p->stamp, sizeof p->stamp);
        memcpy(loam_record_opaque(loam_region_record(region, index + i)), &p->stamp,
               sizeof p->stamp);
        loam_region_set_class(region, index + i, 1, (uint8_t)p->stamp);
    }
}

static void expect_signed(loam_region *region, const parcel *p)
{
    size_t index = loam_region_index(region, p->ptr);

    for (size_t i = 0; i < p->count; i++) {
        loam_record *record = loam_region_find(region, p->ptr + i * LOAM_REGION_GRANULE);

        EXPECT(record);
        EXPECT(memcmp(p->ptr + i * LOAM_REGION_GRANULE, &p->stamp, sizeof p->stamp) == 0);
        EXPECT(memcmp(loam_record_opaque(record), &p->stamp, sizeof p->stamp) == 0);
        EXPECT_EQ(loam_region_class(region, index + i), (uint8_t)p->stamp);
        EXPECT_EQ(loam_record_first(record), index);
        EXPECT_EQ(loam_record_kind(record), KIND_A + p->stamp % 3);
    }
}

static void obtain(shared *s, parcel *p, test_rng *rng)
{
    loam_granules_info info;

    p->stamp = test_rng_next(rng);
    p->count = 1 + (size_t)test_rng_below(rng, 6);
    p->ptr = (char *)loam_region_take(&s->region, p->count, (size_t)1 << test_rng_below(rng, 3),
                                      (uint8_t)(KIND_A + p->stamp % 3), NULL, &info);
    if (!p->ptr)
        return;
    for (size_t i = info.dirty; i < p->count; i++)
        EXPECT_EQ(*(uint64_t *)(void *)(p->ptr + i * LOAM_REGION_GRANULE), 0);
    sign(&s->region, p);
}

static void give(shared *s, parcel *p)
{
    expect_signed(&s->region, p);
    loam_region_give(&s->region, p->ptr, p->count);
    p->ptr = NULL;
}

/* Leaves what it has in a slot, and goes on with what was there. */
static void swap_parcel(shared *s, parcel *p, test_rng *rng)
{
    parcel *slot = &s->slots[test_rng_below(rng, SLOTS)];
    parcel mine = *p;

    loam_os_mutex_lock(&s->lock);
    *p = *slot;
    *slot = mine;
    loam_os_mutex_unlock(&s->lock);
}

/* Looks that take no lock are good at any time, for any address. */
static void look_around(shared *s, test_rng *rng)
{
    uintptr_t offset = (uintptr_t)test_rng_below(rng, 2 * s->region.reserved);
    const loam_record *record = loam_region_find(&s->region, (void *)(s->region.base + offset));

    if (record) {
        EXPECT_LE(loam_record_first(record), s->region.granules);
        EXPECT_LE(loam_record_length(record), s->region.granules);
        (void)loam_record_owner(record);
    }
}

static void work(shared *s, size_t index, parcel *held, test_rng *rng)
{
    parcel *p = &held[test_rng_below(rng, HELD)];

    switch (test_rng_below(rng, 8)) {
    case 0:
        swap_parcel(s, p, rng);
        break;
    case 1:
        look_around(s, rng);
        break;
    case 2:
        if (test_rng_one_in(rng, 20))
            (void)loam_region_purge(&s->region, 2 * LOAM_REGION_GRANULE);
        if (test_rng_one_in(rng, 20))
            (void)loam_region_decommit(&s->region, 2 * LOAM_REGION_GRANULE);
        if (index == 0 && test_rng_one_in(rng, 20))
            region_expect_whole(&s->region);
        break;
    default:
        if (p->ptr)
            give(s, p);
        else
            obtain(s, p, rng);
    }
}

static void thread(void *context, size_t index)
{
    shared *s = (shared *)context;
    parcel held[HELD] = {{NULL, 0, 0}};
    test_rng rng;

    test_rng_init(&rng, test_seed() + index);
    for (size_t i = 0; i < s->steps; i++)
        work(s, index, held, &rng);
    for (size_t i = 0; i < HELD; i++)
        if (held[i].ptr)
            give(s, &held[i]);
}

static shared the;

static void begin(void)
{
    memset(&the, 0, sizeof the);
    region_init_chunks(&the.region, CHUNKS);
    (void)test_seed(); /* printed by this thread */
}

static void end(void)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (the.slots[i].ptr)
            give(&the, &the.slots[i]);
    region_expect_whole(&the.region);
    EXPECT_EQ(the.region.frontier, 0);
    EXPECT_EQ(region_stats(&the.region).live, 0);
    loam_region_deinit(&the.region);
}

static void run_threads(size_t steps)
{
    begin();
    the.steps = steps;
    test_run_threads(THREADS, thread, &the);
    end();
}

TEST(threads_take_and_give, fast)
{
    run_threads(test_bound("LOAM_TEST_REGION_THREAD_STEPS", 20000));
}

TEST(threads_take_and_give_long, stress)
{
    run_threads(test_bound("LOAM_TEST_REGION_THREAD_STEPS", 5000000));
}

/* Regions begin and end in several threads at once. */
static void come_and_go(void *context, size_t index)
{
    loam_region_config config = {.reserve = LOAM_REGION_CHUNK};
    size_t rounds = *(const size_t *)context;

    for (size_t i = 0; i < rounds; i++) {
        loam_region *region = loam_region_create(&config);

        EXPECT(region);
        EXPECT(loam_region_take(region, index + 1, 1, KIND_A, NULL, NULL));
        region_expect_whole(region);
        loam_region_destroy(region);
    }
}

TEST(regions_come_and_go, fast)
{
    size_t rounds = 300;

    test_run_threads(THREADS, come_and_go, &rounds);
}

/* ---- fork ---- */

#if TEST_HAS_FORK
/* Everything works in the child, as if its other threads had stopped between two calls. */
static void use_in_child(shared *s)
{
    parcel p = {NULL, 0, 0};
    loam_region_config config = {.reserve = LOAM_REGION_CHUNK};
    loam_region *another;
    test_rng rng;

    (void)alarm(30); /* a lock that nobody gives back must not hang the test */
    region_expect_whole(&s->region);
    test_rng_init(&rng, 1);
    for (size_t i = 0; i < 20; i++) {
        obtain(s, &p, &rng);
        if (p.ptr)
            give(s, &p);
    }
    (void)loam_region_purge(&s->region, SIZE_MAX);
    region_expect_whole(&s->region);
    another = loam_region_create(&config);
    EXPECT(another);
    EXPECT(loam_region_take(another, 3, 1, KIND_A, NULL, NULL));
    loam_region_destroy(another);
    _exit(0);
}

static void fork_again_and_again(shared *s)
{
    for (size_t i = 0; i < s->steps; i++) {
        pid_t child = fork();
        int status;

        EXPECT(child >= 0);
        if (child == 0)
            use_in_child(s);
        EXPECT(waitpid(child, &status, 0) == child);
        EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    __atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED);
}

static void thread_beside_forks(void *context, size_t index)
{
    shared *s = (shared *)context;
    parcel held[HELD] = {{NULL, 0, 0}};
    test_rng rng;

    if (index == 0) {
        fork_again_and_again(s);
        return;
    }
    test_rng_init(&rng, test_seed() + index);
    while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED))
        work(s, index, held, &rng);
    for (size_t i = 0; i < HELD; i++)
        if (held[i].ptr)
            give(s, &held[i]);
}

static void run_forks(size_t forks)
{
    begin();
    the.steps = forks;
    test_run_threads(THREADS, thread_beside_forks, &the);
    end();
}

TEST(fork_while_threads_take, fast)
{
    run_forks(test_bound("LOAM_TEST_REGION_FORKS", 60));
}

TEST(fork_while_threads_take_long, slow)
{
    run_forks(test_bound("LOAM_TEST_REGION_FORKS", 1500));
}
#endif
