/* test_threads.c: one span and many threads: runs that cross from one to another, resizes, purges in
 * between; and forks while other threads are inside. */
#include "heap/span/span_support.h"

#include "internal/os.h"

#include <string.h>

#if TEST_HAS_FORK
#include <sys/wait.h>
#include <unistd.h>
#endif

enum { THREADS = 4, HELD = 24, SLOTS = 32, CHUNKS = 12 };

/* A run on its way; `stamp` is in its memory and in its records. */
typedef struct parcel {
    char *ptr;
    size_t count;
    uint64_t stamp;
} parcel;

typedef struct shared {
    world w;
    loam_os_mutex lock;  /* of the slots */
    parcel slots[SLOTS]; /* where threads leave runs for others */
    size_t steps;
    uint32_t stop;
} shared;

static shared the;

static void sign(const parcel *p, size_t from)
{
    loam_region *region = loam_granules_region(loam_span_granules(&the.w.span), p->ptr);
    size_t index = loam_region_index(region, p->ptr);

    for (size_t i = from; i < p->count; i++) {
        memcpy(p->ptr + i * GRANULE, &p->stamp, sizeof p->stamp);
        memcpy(loam_record_opaque(loam_region_record(region, index + i)), &p->stamp,
               sizeof p->stamp);
        loam_region_set_class(region, index + i, 1, (uint8_t)p->stamp);
    }
}

static void expect_signed(const parcel *p)
{
    loam_region *region = loam_granules_region(loam_span_granules(&the.w.span), p->ptr);
    size_t index = loam_region_index(region, p->ptr);

    for (size_t i = 0; i < p->count; i++) {
        loam_record *record = loam_region_find(region, p->ptr + i * GRANULE);

        EXPECT(record);
        EXPECT(memcmp(p->ptr + i * GRANULE, &p->stamp, sizeof p->stamp) == 0);
        EXPECT(memcmp(loam_record_opaque(record), &p->stamp, sizeof p->stamp) == 0);
        EXPECT_EQ(loam_region_class(region, index + i), (uint8_t)p->stamp);
        EXPECT_EQ(loam_record_first(record), index);
        EXPECT_EQ(loam_record_kind(record), KIND);
    }
}

static void obtain(parcel *p, test_rng *rng)
{
    p->count = 1 + (size_t)test_rng_below(rng, test_rng_one_in(rng, 10) ? 80 : 9);
    p->ptr = (char *)loam_span_take(&the.w.span, p->count, test_rng_one_in(rng, 8) ? 4 : 1, KIND,
                                    NULL, NULL);
    p->stamp = test_rng_next(rng);
    if (p->ptr)
        sign(p, 0);
}

static void give(parcel *p)
{
    expect_signed(p);
    loam_span_give(&the.w.span, p->ptr, p->count);
    p->ptr = NULL;
}

static void resize(parcel *p, test_rng *rng)
{
    size_t count = 1 + (size_t)test_rng_below(rng, 20), old = p->count;

    if (!loam_span_resize_run(&the.w.span, p->ptr, old, count))
        return;
    p->count = count;
    if (count > old)
        sign(p, old);
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

    switch (test_rng_below(rng, 8)) {
    case 0:
        (void)loam_span_purge_step(&the.w.span, (size_t)test_rng_below(rng, 2 * MIB));
        break;
    case 1:
        exchange(p, rng);
        break;
    case 2:
        if (p->ptr)
            resize(p, rng);
        break;
    case 3:
        (void)figures_of(&the.w.span);
        (void)loam_span_owns(&the.w.span, p->ptr);
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

static void begin(size_t steps)
{
    (void)test_seed(); /* chosen before there are threads */
    memset(&the, 0, sizeof the);
    the.steps = steps;
    world_begin(&the.w, 2, CHUNKS, &(loam_span_config){.at_once = true});
}

static void end(void)
{
    give_all(the.slots, SLOTS);
    world_expect_good(&the.w);
    EXPECT_EQ(stats_of(&the.w.span).live, 0);
    (void)loam_span_trim(&the.w.span);
    EXPECT_EQ(stats_of(&the.w.span).reserved, 0);
    world_end(&the.w);
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

TEST(runs_cross_threads, fast)
{
    begin(test_bound("LOAM_TEST_SPAN_STEPS", 4000));
    test_run_threads(THREADS, thread, NULL);
    end();
}

TEST(runs_cross_threads_long, slow)
{
    begin(test_bound("LOAM_TEST_SPAN_STEPS", 60000));
    test_run_threads(THREADS, thread, NULL);
    end();
}

/* ---- fork ---- */

#if TEST_HAS_FORK
/* Everything works in the child, as if its other threads had stopped between two calls. */
static void use_in_child(void)
{
    parcel held[HELD] = {{NULL, 0, 0}};
    test_rng rng;

    (void)alarm(30); /* a lock that nobody gives back must not hang the test */
    test_rng_init(&rng, 1);
    the.lock = (loam_os_mutex)LOAM_OS_MUTEX_INIT; /* of the test; the slots are not used here */
    for (size_t i = 0; i < 40; i++) {
        parcel *p = &held[i % HELD];

        if (p->ptr)
            give(p);
        obtain(p, &rng);
    }
    give_all(held, HELD);
    (void)loam_span_purge_step(&the.w.span, SIZE_MAX);
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
    begin(test_bound("LOAM_TEST_SPAN_FORKS", 40));
    test_run_threads(THREADS, thread_beside_forks, NULL);
    end();
}
#endif

/* ---- whether there is one region ---- */

static void ask(void *context, size_t index)
{
    loam_region *region = loam_granules_region(loam_span_granules(&the.w.span), NULL);

    (void)index;
    EXPECT_PTR(region, context);
}

TEST(many_ask_for_the_only_region, fast)
{
    world_begin(&the.w, 1, 1, NULL);
    test_run_threads(4, ask, &the.w.regions[0]);
    world_end(&the.w);
}

TEST_MAIN
