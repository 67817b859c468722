/* test_region_model.c: random operations on a region beside a model that could hardly be simpler:
 * for each granule, whose it is, what is written in it, and whether it may hold something.
 *
 * The model knows exactly when a take must fail: when no stretch of granules that nobody holds has
 * an aligned place for it, or the limit forbids it. So each NULL is judged, and each address. */
#include "region_support.h"

#include "internal/vm_backend.h"

#include <loam/vm.h>

#include <string.h>

enum { CHUNKS = 4, GRANULES = CHUNKS * 64, RUNS = GRANULES, NOBODY = 0 };

typedef struct model_run {
    size_t start, count; /* count 0: no run */
    uint8_t kind;
    void *owner;
} model_run;

typedef struct model {
    loam_region region;
    test_rng rng;
    model_run runs[RUNS];
    uint32_t holder[GRANULES]; /* number of the run, plus 1 */
    uint64_t text[GRANULES];   /* what the holder wrote; 0: nothing */
    bool dirty[GRANULES];
    bool decommitted[GRANULES]; /* by the holder */
    size_t held, limit, refused;
} model;

static model m;

static size_t below(size_t limit)
{
    return (size_t)test_rng_below(&m.rng, limit);
}

/* ---- contents: the first and last word of each granule ---- */

static uint64_t *word(size_t granule, bool last)
{
    char *ptr = (char *)loam_region_address(&m.region, granule);

    return (uint64_t *)(void *)(ptr + (last ? LOAM_REGION_GRANULE - 8 : 0));
}

static void write_granule(size_t granule)
{
    m.text[granule] = test_rng_next(&m.rng) | 1;
    *word(granule, false) = m.text[granule];
    *word(granule, true) = ~m.text[granule];
}

static void read_granule(size_t granule)
{
    if (m.decommitted[granule])
        return;
    EXPECT_EQ(*word(granule, false), m.text[granule]);
    EXPECT_EQ(*word(granule, true), m.text[granule] ? ~m.text[granule] : 0);
}

/* ---- what the region must answer ---- */

static bool place_is_free(size_t start, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (m.holder[start + i] != NOBODY)
            return false;
    return true;
}

static bool must_succeed(size_t count, size_t align)
{
    size_t base = m.region.base / LOAM_REGION_GRANULE;

    if (m.held + count > m.limit)
        return false;
    for (size_t i = 0; i + count <= GRANULES; i++)
        if ((base + i) % align == 0 && place_is_free(i, count))
            return true;
    return false;
}

static size_t free_slot(void)
{
    for (size_t i = 0; i < RUNS; i++)
        if (m.runs[i].count == 0)
            return i;
    TEST_FAIL("more runs than granules");
}

/* A random run that exists; RUNS if there is none. */
static size_t some_run(void)
{
    size_t start = below(RUNS);

    for (size_t i = 0; i < RUNS; i++)
        if (m.runs[(start + i) % RUNS].count != 0)
            return (start + i) % RUNS;
    return RUNS;
}

static void set_run(size_t slot, size_t start, size_t count, uint8_t kind, void *owner)
{
    m.runs[slot] = (model_run){start, count, kind, owner};
    for (size_t i = 0; i < count; i++)
        m.holder[start + i] = (uint32_t)slot + 1;
}

/* ---- the operations ---- */

static void do_take(void)
{
    size_t count = 1 + below(test_rng_one_in(&m.rng, 8) ? 120 : 12);
    size_t align = test_rng_one_in(&m.rng, 3) ? (size_t)1 << below(9) : 1;
    uint8_t kind = (uint8_t)(KIND_A + below(3));
    void *owner = &m.text[below(GRANULES)];
    loam_granules_info info;
    void *ptr = loam_region_take(&m.region, count, align, kind, owner, &info);

    EXPECT_EQ(ptr != NULL, must_succeed(count, align));
    if (!ptr) {
        m.refused++;
        return;
    }
    EXPECT_EQ((uintptr_t)ptr % (align * LOAM_REGION_GRANULE), 0);
    EXPECT_PTR(ptr, loam_region_address(&m.region, info.index));
    EXPECT(place_is_free(info.index, count));
    EXPECT_LE(info.dirty, count);
    if (info.dirty > 0)
        EXPECT(m.dirty[info.index + info.dirty - 1]);
    for (size_t i = 0; i < count; i++) {
        size_t granule = info.index + i;

        if (i >= info.dirty) {
            EXPECT(!m.dirty[granule]);
            EXPECT_EQ(*word(granule, false), 0);
            EXPECT_EQ(*word(granule, true), 0);
        }
        m.dirty[granule] = true;
        write_granule(granule);
    }
    set_run(free_slot(), info.index, count, kind, owner);
    m.held += count;
}

/* The records of a run say what it is, and its memory is as it was left. */
static void check_run(const model_run *run)
{
    for (size_t i = run->start; i < run->start + run->count; i++) {
        const loam_record *record = loam_region_find(&m.region, loam_region_address(&m.region, i));

        EXPECT(record);
        EXPECT_EQ(loam_record_first(record), run->start);
        EXPECT_EQ(loam_record_kind(record), run->kind);
        EXPECT_PTR(loam_record_owner(record), run->owner);
        read_granule(i);
    }
    EXPECT_EQ(loam_record_length(loam_region_record(&m.region, run->start)), run->count);
}

static void do_give(void)
{
    size_t slot = some_run();
    model_run *run = &m.runs[slot];

    if (slot == RUNS)
        return;
    check_run(run);
    loam_region_give(&m.region, loam_region_address(&m.region, run->start), run->count);
    for (size_t i = run->start; i < run->start + run->count; i++) {
        EXPECT_EQ(loam_record_kind(loam_region_record(&m.region, i)), LOAM_REGION_FREE);
        m.holder[i] = NOBODY;
        m.decommitted[i] = false;
    }
    m.held -= run->count;
    run->count = 0;
}

static void do_cut(void)
{
    size_t slot = some_run();
    model_run run;
    size_t at;

    if (slot == RUNS || m.runs[slot].count < 2)
        return;
    run = m.runs[slot];
    at = 1 + below(run.count - 1);
    loam_region_describe(&m.region, run.start, at, run.kind, run.owner);
    loam_region_describe(&m.region, run.start + at, run.count - at, KIND_C, &m);
    set_run(slot, run.start, at, run.kind, run.owner);
    set_run(free_slot(), run.start + at, run.count - at, KIND_C, &m);
}

static void do_join(void)
{
    size_t slot = some_run();
    size_t end, other;
    model_run *run = &m.runs[slot];

    if (slot == RUNS)
        return;
    end = run->start + run->count;
    if (end == GRANULES || m.holder[end] == NOBODY)
        return;
    other = m.holder[end] - 1;
    loam_region_describe(&m.region, run->start, run->count + m.runs[other].count, KIND_B, NULL);
    set_run(slot, run->start, run->count + m.runs[other].count, KIND_B, NULL);
    m.runs[other].count = 0;
}

/* The holder gives memory back by itself: the first part of a run, purged or decommitted. */
static void do_mark(void)
{
    size_t slot = some_run();
    bool decommit = test_rng_one_in(&m.rng, 2);
    size_t start, count;
    void *ptr;

    if (slot == RUNS)
        return;
    start = m.runs[slot].start;
    count = 1 + below(m.runs[slot].count);
    ptr = loam_region_address(&m.region, start);
    for (size_t i = start; i < start + count; i++) {
        if (m.decommitted[i])
            return;
    }
    EXPECT(decommit ? loam_vm_decommit(ptr, count * LOAM_REGION_GRANULE)
                    : loam_vm_purge(ptr, count * LOAM_REGION_GRANULE, LOAM_VM_PURGE_NOW));
    loam_region_mark(&m.region, start, count, decommit ? LOAM_REGION_DECOMMITTED : 0);
    for (size_t i = start; i < start + count; i++) {
        m.text[i] = 0;
        m.dirty[i] = false;
        m.decommitted[i] = decommit;
    }
}

/* What is purged are free granules, as many as is told, and their records say so. */
static void do_purge(bool decommit)
{
    size_t budget = test_rng_one_in(&m.rng, 4) ? GRANULES : below(20);
    size_t bytes = budget * LOAM_REGION_GRANULE + below(100);
    size_t before = region_stats(&m.region).committed;
    size_t done =
        decommit ? loam_region_decommit(&m.region, bytes) : loam_region_purge(&m.region, bytes);
    size_t cleaned = 0, left = 0;

    EXPECT_EQ(done % LOAM_REGION_GRANULE, 0);
    EXPECT_LE(done, budget * LOAM_REGION_GRANULE);
    EXPECT_EQ(region_stats(&m.region).committed, before - (decommit ? done : 0));
    for (size_t i = 0; i < GRANULES; i++) {
        bool clean = i >= loam_region_count(&m.region) ||
                     !(loam_record_state(loam_region_record(&m.region, i)) & LOAM_REGION_DIRTY);

        if (m.holder[i] != NOBODY || !m.dirty[i])
            continue;
        cleaned += clean;
        left += !clean;
        m.dirty[i] = !clean;
        m.text[i] = clean ? 0 : m.text[i];
    }
    if (decommit)
        EXPECT_LE(cleaned * LOAM_REGION_GRANULE, done);
    else
        EXPECT_EQ(cleaned * LOAM_REGION_GRANULE, done);
    if (done < budget * LOAM_REGION_GRANULE) /* it stops for nothing but the budget */
        EXPECT_EQ(left, 0);
}

static void step(void)
{
    switch (below(20)) {
    case 0:
        do_cut();
        break;
    case 1:
        do_join();
        break;
    case 2:
        do_mark();
        break;
    case 3:
        do_purge(false);
        break;
    case 4:
        do_purge(true);
        break;
    case 5:
        m.limit = test_rng_one_in(&m.rng, 3) ? below(GRANULES) + 1 : GRANULES;
        loam_region_set_limit(&m.region, m.limit * LOAM_REGION_GRANULE);
        break;
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
        do_give();
        break;
    default:
        do_take();
    }
}

static void run_model(size_t stride, size_t steps)
{
    loam_region_config config = {.reserve = CHUNKS * LOAM_REGION_CHUNK, .stride = stride};

    memset(&m, 0, sizeof m);
    EXPECT(loam_region_init(&m.region, &config));
    EXPECT_EQ(m.region.granules, GRANULES);
    test_rng_init(&m.rng, test_seed() + stride);
    m.limit = GRANULES;
    for (size_t i = 0; i < steps; i++) {
        step();
        region_expect_whole(&m.region);
        EXPECT_EQ(region_stats(&m.region).live, m.held * LOAM_REGION_GRANULE);
        EXPECT_EQ(region_stats(&m.region).failures, m.refused);
    }
    for (size_t i = 0; i < RUNS; i++)
        if (m.runs[i].count != 0)
            check_run(&m.runs[i]);
    while (some_run() != RUNS)
        do_give();
    EXPECT_EQ(m.region.frontier, 0);
    EXPECT(steps < 1000 || m.refused > 0);
    region_expect_whole(&m.region);
    loam_region_deinit(&m.region);
}

TEST(random_runs, fast)
{
    run_model(64, test_bound("LOAM_TEST_REGION_STEPS", 10000));
}

TEST(random_runs_bare_records, fast)
{
    run_model(16, test_bound("LOAM_TEST_REGION_STEPS", 5000));
}

TEST(random_runs_wide_records, fast)
{
    run_model(256, test_bound("LOAM_TEST_REGION_STEPS", 3000));
}

/* Where memory must be committed, and what is not faults. */
TEST(random_runs_strict_commit, fast)
{
    loam_vm_native_force_strict();
    run_model(64, test_bound("LOAM_TEST_REGION_STEPS", 10000));
}

TEST(random_runs_long, slow)
{
    for (size_t stride = LOAM_REGION_STRIDE_MIN; stride <= LOAM_REGION_STRIDE_MAX; stride += 48)
        run_model(stride, test_bound("LOAM_TEST_REGION_STEPS", 60000));
}
