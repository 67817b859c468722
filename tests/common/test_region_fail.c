/* test_region_fail.c: the system refuses. Every call to it, each n-th one, once and for ever, ends
 * in NULL, false or a smaller number, with the region exactly as before; address space that is
 * scarce gives a smaller region; and what the system does not take back is not lost. */
#include "region_support.h"

#include "internal/vm_backend.h"
#include "support/fail_vm.h"

#include <loam/vm.h>

#include <stdlib.h>
#include <string.h>

#if TEST_HAS_FORK
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>
#endif

/* ---- a region as it is, to the last bit ---- */

typedef struct snapshot {
    loam_region region;
    unsigned char *records, *classes;
    size_t record_bytes, class_bytes;
} snapshot;

static size_t record_bytes(const loam_region *region)
{
    size_t count = loam_region_count(region);

    return count ? (count + 2) * region->stride : 0;
}

static void take_snapshot(snapshot *s, const loam_region *region)
{
    s->region = *region;
    s->record_bytes = record_bytes(region);
    s->class_bytes = loam_region_count(region);
    s->records = (unsigned char *)malloc(s->record_bytes + 1);
    s->classes = (unsigned char *)malloc(s->class_bytes + 1);
    EXPECT(s->records && s->classes);
    memcpy(s->records, (const void *)(region->records - region->stride), s->record_bytes);
    memcpy(s->classes, region->classes, s->class_bytes);
}

static void drop_snapshot(snapshot *s)
{
    free(s->records);
    free(s->classes);
}

/* Nothing differs but the counts of failures. */
static void expect_unchanged(const snapshot *s, const loam_region *region)
{
    loam_region now = *region;

    now.failures = s->region.failures;
    EXPECT(memcmp(&now, &s->region, sizeof now) == 0);
    EXPECT_EQ(record_bytes(region), s->record_bytes);
    EXPECT(memcmp((const void *)(region->records - region->stride), s->records, s->record_bytes) ==
           0);
    EXPECT(memcmp(region->classes, s->classes, s->class_bytes) == 0);
}

/* ---- takes ---- */

typedef struct scenario {
    const char *name;
    void (*prepare)(loam_region *region);
    size_t count, align;
} scenario;

static void prepare_nothing(loam_region *region)
{
    (void)region;
}

static void prepare_one(loam_region *region)
{
    EXPECT(loam_region_take(region, 1, 1, KIND_A, NULL, NULL));
}

/* Free runs in the middle: 3 warm, 4 cold, 5 warm; and a frontier beyond. */
static void prepare_mixed(loam_region *region)
{
    char *ptr = (char *)loam_region_take(region, 12, 1, KIND_A, NULL, NULL);

    EXPECT(ptr);
    EXPECT(loam_region_take(region, 1, 1, KIND_A, NULL, NULL));
    memset(ptr, 1, 12 * LOAM_REGION_GRANULE);
    EXPECT(loam_vm_decommit(ptr + 3 * LOAM_REGION_GRANULE, 4 * LOAM_REGION_GRANULE));
    loam_region_mark(region, 3, 4, LOAM_REGION_DECOMMITTED);
    loam_region_give(region, ptr, 12);
}

/* All that there is, and it is cold: nothing can be taken without committing. */
static void prepare_cold(loam_region *region)
{
    void *ptr = loam_region_take(region, 200, 1, KIND_A, NULL, NULL);

    EXPECT(ptr);
    EXPECT(loam_region_take(region, region->granules - 200, 1, KIND_A, NULL, NULL));
    loam_region_give(region, ptr, 200);
    EXPECT_EQ(loam_region_decommit(region, SIZE_MAX), 200 * LOAM_REGION_GRANULE);
}

static const scenario scenarios[] = {
    {"first take", prepare_nothing, 1, 1},
    {"first take of many", prepare_nothing, 100, 64},
    {"take at the frontier", prepare_one, 1, 1},
    {"take behind a gap", prepare_one, 64, 64},
    {"take of warm and cold", prepare_mixed, 12, 1},
    {"take of a cold part", prepare_mixed, 4, 4},
    {"take beyond a free run", prepare_mixed, 70, 1},
    {"take where all is cold", prepare_cold, 100, 1},
};

/* Returns whether a call was refused. */
static bool refuse_in_take(const scenario *s, size_t k, bool forever)
{
    snapshot before;
    loam_region region;
    void *ptr;
    bool refused;

    region_init_chunks(&region, 8);
    s->prepare(&region);
    take_snapshot(&before, &region);
    fail_vm_arm(FAIL_VM_ALL, k, forever);
    ptr = loam_region_take(&region, s->count, s->align, KIND_B, NULL, NULL);
    refused = fail_vm_refused() > 0;
    fail_vm_disarm();
    EXPECT(ptr || refused);
    if (!ptr) {
        expect_unchanged(&before, &region);
        EXPECT_EQ(region.failures, before.region.failures + 1);
        ptr = loam_region_take(&region, s->count, s->align, KIND_B, NULL, NULL);
        EXPECT(ptr);
    }
    memset(ptr, 7, s->count * LOAM_REGION_GRANULE);
    region_expect_whole(&region);
    drop_snapshot(&before);
    loam_region_deinit(&region);
    return refused;
}

static void refuse_in_takes(void)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        for (int forever = 0; forever < 2; forever++) {
            size_t k = 1;

            while (refuse_in_take(&scenarios[i], k, forever))
                k++;
            if (k == 1 && scenarios[i].prepare != prepare_mixed)
                TEST_FAIL("%s: nothing could be refused", scenarios[i].name);
        }
    }
}

TEST(take_when_commit_is_refused, fast)
{
    refuse_in_takes();
}

TEST(take_when_strict_commit_is_refused, fast)
{
    loam_vm_native_force_strict();
    refuse_in_takes();
}

/* Where commits go ahead of what is asked for, what is asked for alone is tried before NULL. */
TEST(refused_commit_ahead, fast)
{
    loam_region region;

    loam_vm_native_force_strict();
    region_init_chunks(&region, 1);
    for (size_t i = 0; i < 6; i++) {
        size_t refused;

        while (region.committed > region.frontier)
            EXPECT(loam_region_take(&region, 1, 1, KIND_A, NULL, NULL));
        fail_vm_arm(FAIL_VM_COMMIT, 1, false);
        EXPECT(loam_region_take(&region, 1, 1, KIND_A, NULL, NULL) || region.commit_step == 1);
        refused = fail_vm_refused();
        fail_vm_disarm();
        EXPECT_EQ(refused, 1);
        EXPECT_EQ(region.committed, region.frontier);
        region_expect_whole(&region);
        EXPECT(loam_region_take(&region, 1, 1, KIND_A, NULL, NULL));
    }
    EXPECT(region.committed > region.frontier + 4); /* it does go ahead */
    loam_region_deinit(&region);
}

/* ---- giving memory back ---- */

static bool refuse_in_trim(bool decommit, size_t k, bool forever)
{
    size_t (*trim)(loam_region *, size_t) = decommit ? loam_region_decommit : loam_region_purge;
    void *runs[3];
    loam_region region;
    size_t done, all;
    bool refused;

    region_init_chunks(&region, 8);
    for (size_t i = 0; i < 3; i++) {
        runs[i] = loam_region_take(&region, 10 + i, 1, KIND_A, NULL, NULL);
        memset(runs[i], 5, (10 + i) * LOAM_REGION_GRANULE);
        EXPECT(loam_region_take(&region, 1, 1, KIND_C, NULL, NULL));
    }
    for (size_t i = 0; i < 3; i++)
        loam_region_give(&region, runs[i], 10 + i);
    runs[0] = loam_region_take(&region, 20, 1, KIND_B, NULL, NULL);
    loam_region_give(&region, runs[0], 20); /* dirty beyond the frontier */
    all = 53 + (decommit ? region.committed - region.frontier - 20 : 0);

    fail_vm_arm(FAIL_VM_GIVE, k, forever);
    done = trim(&region, SIZE_MAX);
    refused = fail_vm_refused() > 0;
    fail_vm_disarm();
    region_expect_whole(&region);
    EXPECT_EQ(region.refused, refused);
    EXPECT_EQ(done == all * LOAM_REGION_GRANULE, !refused);
    done += trim(&region, SIZE_MAX);
    EXPECT_EQ(done, all * LOAM_REGION_GRANULE);
    region_expect_whole(&region);
    loam_region_deinit(&region);
    return refused;
}

static void refuse_in_trims(void)
{
    for (int decommit = 0; decommit < 2; decommit++) {
        for (int forever = 0; forever < 2; forever++) {
            size_t k = 1;

            while (refuse_in_trim(decommit, k, forever))
                k++;
            EXPECT_EQ(k, 5); /* three runs, and what lies beyond the frontier */
        }
    }
}

TEST(trim_when_it_is_refused, fast)
{
    refuse_in_trims();
}

TEST(strict_trim_when_it_is_refused, fast)
{
    loam_vm_native_force_strict();
    refuse_in_trims();
}

/* ---- the beginning and the end ---- */

/* Either a region, maybe a smaller one, or none, and then nothing is left of it. */
static bool refuse_in_life(unsigned kinds, bool create, size_t k, bool forever)
{
    loam_region_config config = {.reserve = 16 * LOAM_REGION_CHUNK};
    loam_region storage, *region = NULL;
    size_t refused_calls;

    fail_vm_arm(kinds, k, forever);
    if (create)
        region = loam_region_create(&config);
    else if (loam_region_init(&storage, &config))
        region = &storage;
    if (region) {
        region_expect_whole(region);
        if (create)
            loam_region_destroy(region);
        else
            loam_region_deinit(region);
    }
    refused_calls = fail_vm_refused();
    EXPECT(region || refused_calls > 0);

    /* What was not taken back is offered again. */
    fail_vm_arm(0, 0, false);
    (void)loam_vm_trim();
    fail_vm_disarm();
    EXPECT_EQ(fail_vm_live(), 0);
    return refused_calls > 0;
}

/* Returns how many calls were refused one by one. */
static size_t refuse_in_lives(unsigned kinds, bool create, bool forever)
{
    size_t k = 1;

    while (refuse_in_life(kinds, create, k, forever))
        k++;
    return k - 1;
}

TEST(life_when_calls_are_refused, fast)
{
    for (int forever = 0; forever < 2; forever++) {
        EXPECT_LE(4, refuse_in_lives(FAIL_VM_RESERVE | FAIL_VM_GIVE, false, forever));
        EXPECT_LE(4, refuse_in_lives(FAIL_VM_RESERVE | FAIL_VM_GIVE, true, forever));
        EXPECT_EQ(refuse_in_lives(FAIL_VM_COMMIT, false, forever), 0);
        EXPECT_EQ(refuse_in_lives(FAIL_VM_COMMIT, true, forever), 1);
    }
}

/* A smaller reservation is taken where the bigger is refused, down to the floor and no further. */
TEST(ladder_ends_at_the_floor, fast)
{
    loam_region_config config = {.reserve = 64 * LOAM_REGION_CHUNK,
                                 .least = 16 * LOAM_REGION_CHUNK};
    loam_region region;

    fail_vm_arm(FAIL_VM_RESERVE, 1, false);
    EXPECT(loam_region_init(&region, &config));
    fail_vm_disarm();
    EXPECT_EQ(region.granules, 32 * LOAM_REGION_CHUNK_GRANULES);
    loam_region_deinit(&region);

    /* The metadata is refused: a smaller region needs less of it. */
    fail_vm_arm(FAIL_VM_RESERVE, 2, false);
    EXPECT(loam_region_init(&region, &config));
    fail_vm_disarm();
    EXPECT_EQ(region.granules, 32 * LOAM_REGION_CHUNK_GRANULES);
    loam_region_deinit(&region);

    fail_vm_arm(FAIL_VM_RESERVE, 1, true);
    EXPECT(!loam_region_init(&region, &config));
    EXPECT_EQ(fail_vm_calls(), 3); /* 64, 32, 16 */
    fail_vm_disarm();
}

/* ---- a process with little address space ---- */

#if TEST_HAS_FORK
static size_t address_space_used(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    size_t pages = 0;

    if (!file || fscanf(file, "%zu", &pages) != 1)
        TEST_SKIP("no /proc/self/statm");
    (void)fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void limit_address_space(size_t more)
{
    struct rlimit limit;

    EXPECT(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = address_space_used() + more;
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        TEST_SKIP("the limit can't be set");
}

/* Asks for far too much, and uses all that it gets. */
static void use_what_there_is(void *context)
{
    size_t more = *(const size_t *)context;
    loam_region_config config = {.reserve = (size_t)1 << (sizeof(size_t) == 8 ? 40 : 30),
                                 .stride = LOAM_REGION_STRIDE_MAX};
    loam_region region;
    size_t count = 0;
    char *ptr;

    limit_address_space(more);
    if (!loam_region_init(&region, &config)) {
        EXPECT_LE(more, 3 * LOAM_REGION_CHUNK); /* a chunk, one to align it, and the metadata */
        return;
    }
    EXPECT_LE(region.reserved + region.metadata_size, more);
    EXPECT_LE(more / 4, region.reserved + 2 * LOAM_REGION_CHUNK);
    while ((ptr = (char *)loam_region_take(&region, 1, 1, KIND_A, NULL, NULL)) != NULL) {
        *ptr = 1;
        count++;
    }
    EXPECT_EQ(count, region.granules);
    region_expect_whole(&region);
    loam_region_deinit(&region);
}

/* The default takes a part of what the process may have. */
static void leave_room_for_others(void *context)
{
    loam_region a, b, c;

    (void)context;
    limit_address_space((size_t)256 << 20);
    EXPECT(loam_region_init(&a, NULL) && loam_region_init(&b, NULL) && loam_region_init(&c, NULL));
    EXPECT_LE(a.reserved, (size_t)128 << 20);
    EXPECT(loam_region_take(&c, c.granules, 1, KIND_A, NULL, NULL));
}

static void skip_where_tools_reserve(void)
{
    if (test_under_asan() || test_under_tsan() || test_under_valgrind())
        TEST_SKIP("the tool needs its address space");
}

TEST(ladder_under_address_limit, fast)
{
    skip_where_tools_reserve();
    for (size_t mib = 1; mib <= 300; mib += mib < 32 ? 1 : 37) {
        size_t more = mib << 20;

        test_survives(use_what_there_is, &more);
    }
}

TEST(default_under_address_limit, fast)
{
    skip_where_tools_reserve();
    test_survives(leave_room_for_others, NULL);
}
#endif
