/* test_region_resize.c: runs of a region that grow and shrink where they are, beside a plain picture of
 * each granule; and what refuses it. */
#include "common/region_support.h"

#include "support/fail_vm.h"

#include <loam/vm.h>

enum { CHUNKS = 2, GRANULES = CHUNKS * 64, RUNS = 12 };

typedef struct run {
    char *ptr;
    size_t count;
    uint64_t stamp;
} run;

static loam_region region;
static run runs[RUNS];

/* The stamp is in each granule. */
static void stamp(const run *r, size_t from)
{
    for (size_t i = from; i < r->count; i++)
        memcpy(r->ptr + i * LOAM_REGION_GRANULE, &r->stamp, sizeof r->stamp);
}

static void expect_run(const run *r)
{
    size_t index = loam_region_index(&region, r->ptr);

    EXPECT_EQ(loam_record_length(loam_region_record(&region, index)), r->count);
    for (size_t i = 0; i < r->count; i++) {
        const loam_record *record = loam_region_record(&region, index + i);

        EXPECT(memcmp(r->ptr + i * LOAM_REGION_GRANULE, &r->stamp, sizeof r->stamp) == 0);
        EXPECT_EQ(loam_record_kind(record), KIND_B);
        EXPECT_EQ(loam_record_first(record), index);
        EXPECT_PTR(loam_record_owner(record), &region);
        EXPECT_EQ(loam_record_state(record), LOAM_REGION_DIRTY);
    }
}

/* Whether granules are of no run but that one. */
static bool is_free(size_t from, size_t to)
{
    if (to > GRANULES)
        return false;
    for (size_t i = 0; i < RUNS; i++) {
        size_t index = runs[i].ptr ? loam_region_index(&region, runs[i].ptr) : SIZE_MAX;

        if (runs[i].ptr && index < to && index + runs[i].count > from)
            return false;
    }
    return true;
}

static void step(test_rng *rng, uint64_t *stamps)
{
    run *r = &runs[test_rng_below(rng, RUNS)];
    size_t count = 1 + (size_t)test_rng_below(rng, 40);
    loam_granules source = loam_region_granules(&region);

    if (!r->ptr) {
        r->ptr = (char *)loam_region_take(&region, count, 1, KIND_B, &region, NULL);
        *r = (run){r->ptr, count, ++*stamps};
        if (r->ptr)
            stamp(r, 0);
    } else if (test_rng_one_in(rng, 3)) {
        expect_run(r);
        loam_region_give(&region, r->ptr, r->count);
        r->ptr = NULL;
    } else {
        size_t index = loam_region_index(&region, r->ptr), old = r->count;
        bool can = count <= old || is_free(index + old, index + count);

        EXPECT_EQ(loam_granules_resize(source, r->ptr, old, count), can);
        r->count = can ? count : old;
        if (r->count > old)
            stamp(r, old);
        expect_run(r);
    }
}

TEST(runs_grow_where_there_is_room, fast)
{
    uint64_t stamps = 0;
    test_rng rng;

    test_rng_init(&rng, test_seed());
    region_init_chunks(&region, CHUNKS);
    memset(runs, 0, sizeof runs);
    for (size_t i = 0; i < 3000; i++) {
        test_note("step %zu", i);
        step(&rng, &stamps);
        if (test_rng_one_in(&rng, 50))
            (void)loam_region_decommit(&region, SIZE_MAX);
        region_expect_whole(&region);
    }
    test_note(NULL);
    for (size_t i = 0; i < RUNS; i++)
        if (runs[i].ptr)
            loam_region_give(&region, runs[i].ptr, runs[i].count);
    EXPECT_EQ(region_stats(&region).live, 0);
    loam_region_deinit(&region);
}

/* The limit, the end of the region, no granules at all, and a source that can't. */
TEST(what_refuses_to_grow, fast)
{
    static const loam_granules_ops none = {.name = "none"};
    char *ptr;

    region_init_chunks(&region, 1);
    ptr = (char *)loam_region_take(&region, 10, 1, KIND_B, &region, NULL);
    EXPECT(!loam_region_resize_run(&region, ptr, 10, 0));
    EXPECT(!loam_region_resize_run(&region, ptr, 10, 65));
    EXPECT(!loam_region_resize_run(&region, ptr, 10, LOAM_REGION_MAX_GRANULES + 1));
    EXPECT(!loam_region_resize_run(&region, ptr, 10, SIZE_MAX));
    EXPECT(!loam_granules_resize((loam_granules){&none, NULL}, ptr, 10, 11));
    loam_region_set_limit(&region, 12 * LOAM_REGION_GRANULE);
    EXPECT(!loam_region_resize_run(&region, ptr, 10, 13));
    EXPECT(loam_region_resize_run(&region, ptr, 10, 12));
    EXPECT(loam_region_resize_run(&region, ptr, 12, 12));
    EXPECT(loam_region_resize_run(&region, ptr, 12, 1));
    EXPECT_EQ(region_stats(&region).live, LOAM_REGION_GRANULE);
    loam_region_set_limit(&region, 0);
    EXPECT(loam_region_resize_run(&region, ptr, 1, 64));
    region_expect_whole(&region);
    loam_region_deinit(&region);
}

TEST(the_system_refuses_to_grow, fast)
{
    for (size_t k = 1;; k++) {
        size_t calls, live;
        char *ptr;

        EXPECT_LE(k, 50);
        region_init_chunks(&region, 1);
        ptr = (char *)loam_region_take(&region, 60, 1, KIND_B, &region, NULL);
        EXPECT(loam_region_resize_run(&region, ptr, 60, 4));
        (void)loam_region_decommit(&region, SIZE_MAX);
        live = region_stats(&region).live;
        fail_vm_arm(FAIL_VM_TAKE, k, true);
        if (!loam_region_resize_run(&region, ptr, 4, 64))
            EXPECT_EQ(region_stats(&region).live, live);
        calls = fail_vm_calls();
        fail_vm_disarm();
        region_expect_whole(&region);
        loam_region_deinit(&region);
        if (calls < k)
            return;
    }
}
