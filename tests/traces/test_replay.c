/* Recorded programs over heaps, and over heaps that stand on other layers. `fast` runs the trace of
 * the repository; `slow` those of LOAM_TRACE_DIR as well. */
#include "support/test.h"
#include "traces/replay.h"

#include <loam/adapters.h>
#include <loam/heap.h>
#include <loam/pool.h>
#include <loam/region.h>

#include <stdlib.h>
#include <string.h>

static void fail_check(void *context, const char *property, const void *where)
{
    (void)context;
    TEST_FAIL("%s does not hold at %p", property, where);
}

static void look_at_heap(void *heap)
{
    EXPECT(loam_heap_check(heap, fail_check, NULL));
}

static replay_watch watch_heap(loam_heap *heap, const trace *t)
{
    /* A check looks at every block: some forty times are enough. */
    return (replay_watch){look_at_heap, heap, t->count / 40 + 1};
}

/* All is free again, and in one piece for each region. */
static void expect_empty(const loam_heap *heap)
{
    loam_heap_figures figures;

    loam_heap_measure(heap, &figures);
    EXPECT_EQ(figures.live_blocks, 0);
    EXPECT_EQ(figures.free_blocks, figures.regions);
}

static size_t roomy(const trace *t)
{
    return (size_t)t->peak_live_bytes * 2 + (1 << 16);
}

static void run_fixed(const trace *t, size_t granule)
{
    loam_heap_config config = {.granule = granule};
    size_t size = roomy(t);
    void *buffer = malloc(size);
    loam_heap *heap = loam_heap_init(buffer, size, &config);
    replay_watch watch;

    EXPECT(heap != NULL);
    watch = watch_heap(heap, t);
    replay(t, loam_heap_allocator(heap), &watch);
    expect_empty(heap);
    loam_heap_deinit(heap);
    free(buffer);
}

static void run_growing(const trace *t, loam_allocator source)
{
    loam_heap *heap = loam_heap_create(source, NULL);
    replay_watch watch;

    EXPECT(heap != NULL);
    watch = watch_heap(heap, t);
    replay(t, loam_heap_allocator(heap), &watch);
    expect_empty(heap);
    loam_heap_destroy(heap);
}

static void run_checked(const trace *t, loam_allocator source)
{
    loam_heap *heap = loam_heap_create(source, NULL);
    loam_checked checked;
    replay_watch watch;

    EXPECT(heap != NULL);
    watch = watch_heap(heap, t);
    loam_checked_init(&checked, loam_heap_allocator(heap), NULL);
    replay(t, loam_checked_allocator(&checked), &watch);
    loam_checked_deinit(&checked);
    look_at_heap(heap);
    expect_empty(heap);
    loam_heap_destroy(heap);
}

static void run_over_pool(const trace *t)
{
    loam_region region;
    loam_pool pool;
    loam_pool_config config = {0};

    EXPECT(loam_region_init(&region, NULL));
    config.granules = loam_region_granules(&region);
    EXPECT(loam_pool_init(&pool, &config));
    run_growing(t, loam_pool_allocator(&pool));
    EXPECT(loam_pool_check(&pool, fail_check, NULL));
    loam_pool_deinit(&pool);
    loam_region_deinit(&region);
}

/* Where memory is short, requests fail, and all that was written before stays. */
static void run_short(const trace *t)
{
    size_t size = (size_t)t->peak_live_bytes / 2;
    void *buffer = malloc(size);
    loam_heap *heap = loam_heap_init(buffer, size, NULL);
    size_t done;

    EXPECT(heap != NULL);
    done = replay_until_full(t, loam_heap_allocator(heap));
    EXPECT(done > 0 && done < t->count);
    look_at_heap(heap);
    expect_empty(heap);
    loam_heap_deinit(heap);
    free(buffer);
}

/* ---- the trace of the repository ---- */

TEST(the_small_trace_in_a_buffer, fast)
{
    trace *t = replay_trace(0);

    run_fixed(t, 16);
    trace_free(t);
}

TEST(the_small_trace_in_a_buffer_of_finer_granule, fast)
{
    trace *t = replay_trace(0);

    run_fixed(t, 8);
    trace_free(t);
}

TEST(the_small_trace_in_a_growing_heap, fast)
{
    trace *t = replay_trace(0);

    run_growing(t, loam_libc_allocator());
    trace_free(t);
}

TEST(the_small_trace_over_a_pool, fast)
{
    trace *t = replay_trace(0);

    run_over_pool(t);
    trace_free(t);
}

TEST(the_small_trace_checked, fast)
{
    trace *t = replay_trace(0);

    run_checked(t, loam_libc_allocator());
    trace_free(t);
}

TEST(the_small_trace_where_memory_is_short, fast)
{
    trace *t = replay_trace(0);

    run_short(t);
    trace_free(t);
}

/* ---- those of LOAM_TRACE_DIR ---- */

static void run_all(void (*one)(const trace *t))
{
    size_t count = 0;

    for (trace *t; (t = replay_trace(count)) != NULL; count++) {
        one(t);
        trace_free(t);
    }
    EXPECT(count > 0);
}

static void fixed(const trace *t)
{
    run_fixed(t, 16);
}

static void growing(const trace *t)
{
    run_growing(t, loam_libc_allocator());
}

TEST(all_traces_in_a_buffer, slow)
{
    run_all(fixed);
}

TEST(all_traces_in_a_growing_heap, slow)
{
    run_all(growing);
}

TEST(all_traces_over_a_pool, slow)
{
    run_all(run_over_pool);
}

TEST(all_traces_where_memory_is_short, slow)
{
    run_all(run_short);
}

TEST_MAIN
