/* test_purge.c: giving memory back: each place and policy, delay, what is kept, budgets; and the idle
 * test, which asks the system what is resident. */
#include "heap/span/span_support.h"

#include "vm/memory.h"

#include "internal/os.h"

#include <loam/pool.h>
#include <loam/pool_threaded.h>

#include <string.h>

static world the;

static char *take_touched(size_t count)
{
    char *ptr = (char *)must_take(&the.span, count, 1);

    memset(ptr, 0xa5, count * GRANULE);
    return ptr;
}

/* Resident bytes of all chunks that the regions ever gave. */
static size_t resident(void)
{
    size_t page = loam_vm_page_size(), sum = 0;

    for (size_t i = 0; i < the.count; i++)
        sum += memory_resident(loam_region_address(&the.regions[i], 0), the.regions[i].reserved,
                               page) *
               page;
    return sum;
}

static void skip_unless_told(void)
{
    if (!memory_tells_resident())
        TEST_SKIP("the system does not tell what is resident");
}

TEST(nothing_goes_before_the_delay, fast)
{
    char *ptr;

    world_begin(&the, 1, 2, &(loam_span_config){.delay = 60000});
    ptr = take_touched(5);
    loam_span_give(&the.span, ptr, 5);
    EXPECT_EQ(loam_span_purge_step(&the.span, SIZE_MAX), 0);
    EXPECT_EQ(figures_of(&the.span).warm, 5 * GRANULE);
    EXPECT_EQ(figures_of(&the.span).chunks, 1);
    EXPECT_EQ(loam_span_trim(&the.span), 5 * GRANULE);
    EXPECT_EQ(figures_of(&the.span).chunks, 0);
    world_end(&the);
}

/* A run that is warm beside young ones is as old as its bigger part. */
TEST(the_delay_runs_from_when_it_was_freed, fast)
{
    enum { DELAY = 120 };
    uint64_t start;
    char *old, *young;

    world_begin(&the, 1, 2, &(loam_span_config){.delay = DELAY, .chunks = LOAM_SPAN_KEEP});
    old = take_touched(9);
    young = take_touched(3);
    (void)take_touched(3);
    loam_span_give(&the.span, old, 9);
    start = loam_os_milliseconds();
    while (loam_os_milliseconds() - start < DELAY + 20)
        loam_os_yield();
    loam_span_give(&the.span, young, 3); /* joins the old one */
    EXPECT_EQ(loam_span_purge_step(&the.span, SIZE_MAX), 12 * GRANULE);
    EXPECT_EQ(figures_of(&the.span).warm, 0);
    world_end(&the);
}

TEST(a_budget_is_kept_to_and_used, fast)
{
    char *ptr;

    world_begin(&the, 1, 4, &(loam_span_config){.at_once = true});
    ptr = take_touched(100);
    loam_span_give(&the.span, ptr, 100);
    EXPECT_EQ(loam_span_purge_step(&the.span, 0), 0);
    EXPECT_EQ(loam_span_purge_step(&the.span, GRANULE - 1), 0);
    EXPECT_EQ(loam_span_purge_step(&the.span, 7 * GRANULE), 7 * GRANULE);
    EXPECT_EQ(figures_of(&the.span).warm, 93 * GRANULE);
    EXPECT_EQ(purge_all(&the.span, 5 * GRANULE), 93 * GRANULE);
    EXPECT_EQ(figures_of(&the.span).chunks, 0);
    world_end(&the);
}

/* What a purge may look at before it lets the lock go: some thousand records, and the last piece. */
enum { SLICE_MOST = 1536 };

static void expect_slices(size_t least)
{
    EXPECT_LE(the.span.purge_most, SLICE_MOST);
    EXPECT_LE(least, the.span.purge_slices);
    EXPECT_GOOD_SPAN(&the.span);
}

TEST(empty_chunks_go_a_slice_at_a_time, fast)
{
    enum { CHUNKS = 80 };
    char *ptr;

    world_begin(&the, 1, CHUNKS, &(loam_span_config){.at_once = true, .keep_chunks = CHUNKS});
    ptr = (char *)must_take(&the.span, CHUNKS * 64, 1);
    loam_span_give(&the.span, ptr, CHUNKS * 64);
    EXPECT_EQ(purge_all(&the.span, SIZE_MAX), CHUNKS * CHUNK);
    expect_slices(CHUNKS);
    EXPECT_EQ(figures_of(&the.span).chunks, CHUNKS);
    the.span.keep_chunks = 3;
    EXPECT_EQ(loam_span_purge_step(&the.span, GRANULE), 0); /* there is no memory in them */
    expect_slices(CHUNKS + (CHUNKS - 3) * 64 * 2 / SLICE_MOST);
    EXPECT_EQ(figures_of(&the.span).chunks, 3);
    EXPECT_EQ(loam_span_trim(&the.span), 0);
    EXPECT_EQ(figures_of(&the.span).chunks, 0);
    expect_slices(0);
    world_end(&the);
}

/* Runs that are kept, and then one to be purged. */
TEST(what_is_kept_is_passed_a_slice_at_a_time, fast)
{
    enum { RUNS = 4000 };
    static char *at[RUNS];
    char *chunk;

    world_begin(
        &the, 1, 300,
        &(loam_span_config){.at_once = true, .spans = LOAM_SPAN_KEEP, .chunks = LOAM_SPAN_PURGE});
    for (size_t i = 0; i < RUNS; i++)
        at[i] = (char *)must_take(&the.span, 3, 1);
    chunk = (char *)must_take(&the.span, 64, 64);
    for (size_t i = 0; i < RUNS; i += 2)
        loam_span_give(&the.span, at[i], 3);
    loam_span_give(&the.span, chunk, 64);
    EXPECT_EQ(figures_of(&the.span).warm, (RUNS / 2 * 3 + 64) * GRANULE);
    EXPECT_EQ(purge_all(&the.span, 10 * GRANULE), CHUNK);
    EXPECT_EQ(figures_of(&the.span).warm, RUNS / 2 * 3 * GRANULE);
    expect_slices(7 + RUNS / 2 / SLICE_MOST);
    world_end(&the);
}

/* A long run that holds memory at its far end only: the cursor stands inside of it. */
TEST(a_long_run_is_looked_at_a_slice_at_a_time, fast)
{
    enum { CHUNKS = 100 };
    char *ptr;

    world_begin(&the, 1, CHUNKS,
                &(loam_span_config){
                    .at_once = true, .spans = LOAM_SPAN_DECOMMIT, .chunks = LOAM_SPAN_PURGE});
    ptr = (char *)must_take(&the.span, CHUNKS * 64, 1);
    loam_span_give(&the.span, ptr, CHUNKS * 64);
    EXPECT_EQ(purge_all(&the.span, SIZE_MAX), CHUNKS * CHUNK);
    ptr = (char *)must_take(&the.span, 7, 1);
    loam_span_give(&the.span, ptr, 7);
    EXPECT_EQ(figures_of(&the.span).free_runs, 1);
    EXPECT_EQ(figures_of(&the.span).warm, 7 * GRANULE);
    EXPECT_EQ(loam_span_purge_step(&the.span, 4 * GRANULE), 4 * GRANULE);
    EXPECT_EQ(loam_span_purge_step(&the.span, 4 * GRANULE), 3 * GRANULE);
    EXPECT_EQ(loam_span_purge_step(&the.span, 4 * GRANULE), 0);
    expect_slices(CHUNKS + CHUNKS * 64 / SLICE_MOST);
    world_end(&the);
}

TEST(some_bytes_and_chunks_are_kept, fast)
{
    char *ptr;

    world_begin(&the, 1, 4,
                &(loam_span_config){.at_once = true, .keep = 10 * GRANULE, .keep_chunks = 2});
    ptr = take_touched(200);
    loam_span_give(&the.span, ptr, 200);
    EXPECT_EQ(figures_of(&the.span).empty_chunks, 4);
    EXPECT_EQ(purge_all(&the.span, SIZE_MAX), 190 * GRANULE);
    EXPECT_EQ(figures_of(&the.span).empty_chunks, 2);
    EXPECT_EQ(figures_of(&the.span).warm, 10 * GRANULE);
    EXPECT_GOOD_SPAN(&the.span);
    EXPECT_EQ(loam_span_trim(&the.span), 10 * GRANULE);
    EXPECT_EQ(figures_of(&the.span).chunks, 0);
    world_end(&the);
}

/* Each policy for runs: what the figures and the system say after it. */
static void run_policy(loam_span_policy policy, size_t warm, size_t cold, bool resident_falls)
{
    loam_span_config config = {.at_once = true, .spans = policy, .chunks = LOAM_SPAN_KEEP};
    loam_granules_info info;
    size_t before;
    char *ptr;

    world_begin(&the, 1, 1, &config);
    ptr = take_touched(20);
    EXPECT(take_touched(3));
    loam_span_give(&the.span, ptr, 20);
    before = resident();
    (void)purge_all(&the.span, SIZE_MAX);
    EXPECT_EQ(figures_of(&the.span).warm, warm * GRANULE);
    EXPECT_EQ(figures_of(&the.span).cold, cold * GRANULE);
    if (resident_falls)
        EXPECT_LE(resident(), before - 20 * GRANULE);
    EXPECT_GOOD_SPAN(&the.span);
    ptr = (char *)loam_span_take(&the.span, 20, 1, KIND, NULL, &info);
    EXPECT(ptr);
    EXPECT_LE(info.dirty, policy == LOAM_SPAN_LAZY || policy == LOAM_SPAN_KEEP ? 20 : 0);
    memset(ptr, 1, 20 * GRANULE);
    world_end(&the);
}

TEST(runs_are_purged_by_policy, fast)
{
    size_t zero = loam_vm_capabilities() & LOAM_VM_ZERO_ON_DECOMMIT;

    skip_unless_told();
    run_policy(LOAM_SPAN_PURGE, 0, 0, true);
    run_policy(LOAM_SPAN_LAZY, 0, 0, false);
    run_policy(LOAM_SPAN_KEEP, 20, 0, false);
    if (zero)
        run_policy(LOAM_SPAN_DECOMMIT, 0, 61, true);
}

TEST(chunks_are_treated_by_their_policy, fast)
{
    char *ptr;

    world_begin(&the, 1, 3,
                &(loam_span_config){
                    .at_once = true, .spans = LOAM_SPAN_KEEP, .chunks = LOAM_SPAN_DECOMMIT});
    ptr = take_touched(150);
    loam_span_give(&the.span, ptr, 150);
    EXPECT_EQ(purge_all(&the.span, SIZE_MAX), 192 * GRANULE);
    EXPECT_EQ(figures_of(&the.span).cold, 192 * GRANULE);
    EXPECT_EQ(stats_of(&the.span).committed, 0);
    EXPECT_EQ(figures_of(&the.span).empty_chunks, 3);
    ptr = take_touched(10);
    EXPECT_EQ(figures_of(&the.span).cold, 182 * GRANULE);
    world_end(&the);
}

TEST(tails_of_blocks_go_at_once, fast)
{
    char *ptr;
    size_t before;

    skip_unless_told();
    world_begin(&the, 1, 4,
                &(loam_span_config){.shrunk = LOAM_SPAN_PURGE, .shrunk_least = 4 * GRANULE});
    ptr = (char *)loam_span_alloc(&the.span, 100 * GRANULE, 1);
    memset(ptr, 1, 100 * GRANULE);
    before = resident();
    EXPECT(loam_span_resize(&the.span, ptr, 100 * GRANULE, 97 * GRANULE));
    EXPECT_EQ(figures_of(&the.span).warm, 3 * GRANULE);
    EXPECT(loam_span_resize(&the.span, ptr, 97 * GRANULE, 10 * GRANULE));
    EXPECT_EQ(figures_of(&the.span).warm, 3 * GRANULE);
    EXPECT_LE(resident(), before - 87 * GRANULE);
    EXPECT_EQ((unsigned char)ptr[10 * GRANULE - 1], 1);
    world_end(&the);
}

/* What was purged lazily is not warm, and not known to be zero. */
TEST(tails_may_go_lazily, fast)
{
    loam_granules_info info;
    char *ptr;

    world_begin(&the, 1, 1, &(loam_span_config){.shrunk = LOAM_SPAN_LAZY, .shrunk_least = GRANULE});
    ptr = (char *)loam_span_alloc(&the.span, 60 * GRANULE, 1);
    memset(ptr, 1, 60 * GRANULE);
    EXPECT(loam_span_resize(&the.span, ptr, 60 * GRANULE, 10 * GRANULE));
    EXPECT_EQ(figures_of(&the.span).warm, 0);
    EXPECT_GOOD_SPAN(&the.span);
    EXPECT(loam_span_take(&the.span, 51, 1, KIND, NULL, &info));
    EXPECT_EQ(info.dirty, 50);
    world_end(&the);
}

/* What the system may take when it likes is not given to it once more. */
TEST(lazy_tails_are_given_once, fast)
{
    char *ptr;

    world_begin(&the, 1, 4,
                &(loam_span_config){.at_once = true,
                                    .chunks = LOAM_SPAN_KEEP,
                                    .spans = LOAM_SPAN_LAZY,
                                    .shrunk = LOAM_SPAN_LAZY,
                                    .shrunk_least = 4 * GRANULE});
    ptr = (char *)loam_span_alloc(&the.span, 50 * GRANULE, 1);
    memset(ptr, 1, 50 * GRANULE);
    EXPECT(loam_span_resize(&the.span, ptr, 50 * GRANULE, 20 * GRANULE));
    EXPECT_EQ(figures_of(&the.span).warm, 0);
    EXPECT_EQ(loam_span_purge_step(&the.span, SIZE_MAX), 0);
    EXPECT_GOOD_SPAN(&the.span);
    ptr = (char *)loam_span_zalloc(&the.span, 40 * GRANULE, 1);
    EXPECT(ptr);
    for (size_t i = 0; i < 40 * GRANULE; i += KIB)
        EXPECT_EQ(ptr[i], 0);
    world_end(&the);
}

/* Somebody is in the span: nobody waits. */
static void step_beside(void *context, size_t index)
{
    uint32_t *turn = (uint32_t *)context;

    if (index == 0) {
        loam_os_mutex_lock((loam_os_mutex *)(void *)&the.span.lock);
        __atomic_store_n(turn, 1, __ATOMIC_RELEASE);
        while (__atomic_load_n(turn, __ATOMIC_ACQUIRE) != 2)
            loam_os_yield();
        loam_os_mutex_unlock((loam_os_mutex *)(void *)&the.span.lock);
        return;
    }
    while (__atomic_load_n(turn, __ATOMIC_ACQUIRE) != 1)
        loam_os_yield();
    EXPECT_EQ(loam_span_purge_step(&the.span, SIZE_MAX), 0);
    __atomic_store_n(turn, 2, __ATOMIC_RELEASE);
}

TEST(a_step_never_waits, fast)
{
    uint32_t turn = 0;
    char *ptr;

    world_begin(&the, 1, 1, &(loam_span_config){.at_once = true});
    ptr = take_touched(5);
    loam_span_give(&the.span, ptr, 5);
    test_run_threads(2, step_beside, &turn);
    EXPECT_EQ(purge_all(&the.span, SIZE_MAX), 5 * GRANULE);
    world_end(&the);
}

/* ---- idle ---- */

enum { IDLE_RUNS = 300, IDLE_KEPT = 20, IDLE_KEEP = 1 << 20 };

static uint32_t phase;

/* The owner: a burst, everything given but every fifteenth run; then no call at all. */
static void burst(char **kept, size_t *live)
{
    static char *at[IDLE_RUNS];
    static size_t counts[IDLE_RUNS];
    test_rng rng;

    test_rng_init(&rng, test_seed());
    for (size_t i = 0; i < IDLE_RUNS; i++) {
        counts[i] = 1 + (size_t)test_rng_below(&rng, test_rng_one_in(&rng, 20) ? 90 : 12);
        at[i] = take_touched(counts[i]);
    }
    for (size_t i = 0; i < IDLE_RUNS; i++) {
        if (i % (IDLE_RUNS / IDLE_KEPT) == 0) {
            kept[i / (IDLE_RUNS / IDLE_KEPT)] = at[i];
            *live += counts[i] * GRANULE;
        } else {
            loam_span_give(&the.span, at[i], counts[i]);
        }
    }
}

static void be_idle(void *context, size_t index)
{
    static char *kept[IDLE_KEPT];
    size_t live = 0, before;
    uint64_t start;

    (void)context;
    if (index == 0) {
        burst(kept, &live);
        __atomic_store_n(&phase, 1 + (uint32_t)(live / GRANULE), __ATOMIC_RELEASE);
        return;
    }
    while (__atomic_load_n(&phase, __ATOMIC_ACQUIRE) == 0)
        loam_os_yield();
    live = (size_t)(__atomic_load_n(&phase, __ATOMIC_ACQUIRE) - 1) * GRANULE;
    before = resident();
    EXPECT_LE(live + 40 * MIB, before);
    start = loam_os_milliseconds();
    while (loam_os_milliseconds() - start < 150) {
        (void)loam_span_purge_step(&the.span, 256 * KIB);
        loam_os_yield();
    }
    (void)purge_all(&the.span, MIB);
    EXPECT_LE(resident(), live + IDLE_KEEP);
    EXPECT_EQ(stats_of(&the.span).live, live);
}

TEST(an_idle_program_is_made_small_by_another_thread, fast)
{
    skip_unless_told();
    phase = 0;
    world_begin(&the, 1, 64, &(loam_span_config){.delay = 50, .keep = IDLE_KEEP});
    test_run_threads(2, be_idle, NULL);
    world_expect_good(&the);
    world_end(&the);
}

/* ---- huge pages ---- */

static void skip_without_huge_pages(void)
{
    if (loam_vm_huge_page_size() == 0 || loam_vm_huge_page_size() > CHUNK)
        TEST_SKIP("the system has no huge pages that fit in a chunk");
}

/* What a huge page brought beside what was touched is given back, and does not come again. */
TEST(huge_pages_are_counted_whole, fast)
{
    char *one, *other;

    skip_without_huge_pages();
    skip_unless_told();
    world_begin(&the, 1, 2, &(loam_span_config){.at_once = true, .huge = 1});
    one = take_touched(1);
    EXPECT_EQ(figures_of(&the.span).warm, 63 * GRANULE);
    EXPECT_EQ(purge_all(&the.span, SIZE_MAX), 63 * GRANULE);
    EXPECT_EQ(figures_of(&the.span).warm, 0);
    EXPECT_LE(resident(), GRANULE);
    other = take_touched(1);
    EXPECT_LE(resident(), 2 * GRANULE);
    EXPECT_EQ((unsigned char)one[GRANULE - 1], 0xa5);
    world_expect_good(&the);
    loam_span_give(&the.span, other, 1);
    loam_span_give(&the.span, one, 1);
    EXPECT_EQ(purge_all(&the.span, SIZE_MAX), 2 * GRANULE);
    EXPECT_EQ(figures_of(&the.span).chunks, 0);
    EXPECT_EQ(resident(), 0);
    world_end(&the);
}

TEST(huge_pages_begin_where_they_shall, fast)
{
    char *run;

    skip_without_huge_pages();
    world_begin(&the, 1, 3, &(loam_span_config){.at_once = true, .huge = CHUNK});
    run = take_touched(64);
    EXPECT_EQ(figures_of(&the.span).warm, 0);
    (void)take_touched(1);
    EXPECT_EQ(figures_of(&the.span).warm, 63 * GRANULE);
    loam_span_give(&the.span, run, 64);
    EXPECT_EQ(figures_of(&the.span).warm, 127 * GRANULE);
    world_expect_good(&the);
    world_end(&the);
}

TEST_MAIN
