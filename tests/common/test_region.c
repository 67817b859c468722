/* test_region.c: one region, one thread, nothing refused: that each function does what its text
 * says. What lies behind granules is in test_region_memory.c, random runs in test_region_model.c,
 * refusals in test_region_fail.c, threads and forks in test_region_threads.c, allocators on top in
 * test_region_owners.c. */
#include "region_support.h"

#include <string.h>

/* ---- life and layout ---- */

/* The base is on a chunk, records and classes are apart from the memory, and numbers and addresses
 * lead to each other; for every stride that is allowed. */
TEST(layout_for_each_stride, fast)
{
    for (size_t stride = LOAM_REGION_STRIDE_MIN; stride <= LOAM_REGION_STRIDE_MAX; stride += 16) {
        loam_region_config config = {.reserve = LOAM_REGION_CHUNK, .stride = stride};
        loam_region region;
        char *ptr;

        EXPECT(loam_region_init(&region, &config));
        EXPECT_EQ(region.stride, stride);
        EXPECT_EQ(region.base % LOAM_REGION_CHUNK, 0);
        for (size_t i = 0; i < LOAM_REGION_CHUNK_GRANULES; i++) {
            ptr = (char *)loam_region_take(&region, 1, 1, KIND_A, &config, NULL);
            EXPECT_PTR(ptr, loam_region_address(&region, i));
            EXPECT(loam_region_contains(&region, ptr));
            EXPECT_EQ(loam_region_index(&region, ptr + LOAM_REGION_GRANULE - 1), i);
            EXPECT_EQ((uintptr_t)loam_region_record(&region, i) % 16, 0);
            memset(ptr, 0xff, LOAM_REGION_GRANULE);
            memset(loam_record_opaque(loam_region_record(&region, i)), 0xff, stride - 16);
            loam_region_set_class(&region, i, 1, 0xff);
        }
        /* Everything was written over, and nothing of it hit anything else. */
        region_expect_whole(&region);
        EXPECT_EQ(loam_record_kind(loam_region_record(&region, (size_t)-1)), LOAM_REGION_FREE);
        EXPECT_EQ(loam_record_kind(loam_region_record(&region, LOAM_REGION_CHUNK_GRANULES)),
                  LOAM_REGION_FREE);
        loam_region_deinit(&region);
    }
}

/* All zero is a good configuration, and NULL is the same. */
TEST(defaults, fast)
{
    loam_region region;

    EXPECT(loam_region_init(&region, NULL));
    EXPECT_STR(loam_region_name(&region), "region");
    EXPECT_EQ(region.stride, LOAM_REGION_STRIDE);
    EXPECT(region.granules >= LOAM_REGION_CHUNK_GRANULES);
    EXPECT(loam_region_take(&region, 1, 1, KIND_A, NULL, NULL));
    loam_region_deinit(&region);
}

TEST(configurations_out_of_range, fast)
{
    static const loam_region_config bad[] = {
        {.stride = 8},       {.stride = 24},
        {.stride = 272},     {.reserve = LOAM_REGION_CHUNK, .least = LOAM_REGION_CHUNK + 1},
        {.least = SIZE_MAX}, {.reserve = SIZE_MAX, .least = SIZE_MAX},
    };
    loam_region region;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT(!loam_region_init(&region, &bad[i]));
        EXPECT(!loam_region_create(&bad[i]));
    }
}

/* More than a region can have is cut to that, or to what the system lets have. */
TEST(reserve_is_rounded_and_cut, fast)
{
    loam_region_config config = {.reserve = 1};
    loam_region region;

    EXPECT(loam_region_init(&region, &config));
    EXPECT_EQ(region.granules, LOAM_REGION_CHUNK_GRANULES);
    loam_region_deinit(&region);

    config.reserve = SIZE_MAX;
    EXPECT(loam_region_init(&region, &config));
    EXPECT(region.granules <= LOAM_REGION_MAX_GRANULES);
    EXPECT(loam_region_take(&region, 1, 1, KIND_A, NULL, NULL));
    loam_region_deinit(&region);
}

/* A created region lies in its own metadata, and needs no allocator. */
TEST(create_and_destroy, fast)
{
    loam_region_config config = {.reserve = LOAM_REGION_CHUNK, .name = "mine"};
    loam_region *region = loam_region_create(&config);

    EXPECT(region);
    EXPECT_PTR(region, region->metadata);
    EXPECT_STR(loam_region_name(region), "mine");
    for (size_t i = 0; i < LOAM_REGION_CHUNK_GRANULES; i++)
        EXPECT(loam_region_take(region, 1, 1, KIND_A, NULL, NULL));
    EXPECT(!loam_region_take(region, 1, 1, KIND_A, NULL, NULL));
    region_expect_whole(region);
    loam_region_destroy(region);
    loam_region_destroy(NULL);
}

/* ---- whose is this pointer ---- */

TEST(contains_any_pointer, fast)
{
    loam_region region;
    int local;
    char *ptr;

    region_init_chunks(&region, 2);
    EXPECT(!loam_region_contains(&region, (void *)region.base)); /* no granule was ever taken */
    ptr = (char *)loam_region_take(&region, 2, 1, KIND_A, &local, NULL);
    EXPECT(loam_region_contains(&region, ptr));
    EXPECT(loam_region_contains(&region, ptr + 2 * LOAM_REGION_GRANULE - 1));
    EXPECT(!loam_region_contains(&region, NULL));
    EXPECT(!loam_region_contains(&region, &local));
    EXPECT(!loam_region_contains(&region, (void *)(region.base - 1)));
    EXPECT(!loam_region_contains(&region, (void *)(region.base + region.reserved)));
    EXPECT(!loam_region_contains(&region, (void *)UINTPTR_MAX));

    EXPECT_PTR(loam_region_find(&region, ptr + LOAM_REGION_GRANULE + 7),
               loam_region_record(&region, 1));
    EXPECT_PTR(loam_record_owner(loam_region_find(&region, ptr + LOAM_REGION_GRANULE)), &local);
    EXPECT(!loam_region_find(&region, ptr + 2 * LOAM_REGION_GRANULE));
    EXPECT(!loam_region_find(&region, NULL));
    EXPECT(!loam_region_find(&region, &local));
    loam_region_give(&region, ptr, 2);
    EXPECT(!loam_region_find(&region, ptr));
    loam_region_deinit(&region);
}

/* Every record of a run tells the run; `info` tells the rest. */
TEST(records_tell_the_run, fast)
{
    loam_granules_info info;
    loam_region region;
    void *ptr;

    region_init_chunks(&region, 2);
    EXPECT(loam_region_take(&region, 3, 1, KIND_A, NULL, NULL));
    ptr = loam_region_take(&region, 70, 1, KIND_B, &region, &info);
    EXPECT_PTR(ptr, loam_region_address(&region, 3));
    EXPECT_PTR(info.region, &region);
    EXPECT_EQ(info.index, 3);
    EXPECT_EQ(info.dirty, 0);
    EXPECT_EQ(loam_record_length(loam_region_record(&region, 3)), 70);
    for (size_t i = 3; i < 73; i++) {
        loam_record *record = loam_region_record(&region, i);

        EXPECT_EQ(loam_record_kind(record), KIND_B);
        EXPECT_EQ(loam_record_first(record), 3);
        EXPECT_PTR(loam_record_owner(record), &region);
        EXPECT_EQ(loam_record_state(record), LOAM_REGION_DIRTY);
        EXPECT_PTR(loam_region_head(&region, i), loam_region_record(&region, 3));
    }
    region_expect_whole(&region);
    loam_region_deinit(&region);
}

TEST(requests_that_are_never_met, fast)
{
    loam_region region;

    region_init_chunks(&region, 1);
    EXPECT(!loam_region_take(&region, 0, 1, KIND_A, NULL, NULL));
    EXPECT(!loam_region_take(&region, 1, 0, KIND_A, NULL, NULL));
    EXPECT(!loam_region_take(&region, 1, 3, KIND_A, NULL, NULL));
    EXPECT(!loam_region_take(&region, 1, 1, LOAM_REGION_FREE, NULL, NULL));
    EXPECT(!loam_region_take(&region, LOAM_REGION_CHUNK_GRANULES + 1, 1, KIND_A, NULL, NULL));
    EXPECT(!loam_region_take(&region, SIZE_MAX, 1, KIND_A, NULL, NULL));
    EXPECT(
        !loam_region_take(&region, SIZE_MAX - 1, LOAM_REGION_CHUNK_GRANULES, KIND_A, NULL, NULL));
    EXPECT(!loam_region_take(&region, 1, (SIZE_MAX >> 1) + 1, KIND_A, NULL, NULL));
    EXPECT_EQ(region_stats(&region).failures, 8);
    EXPECT_EQ(region_stats(&region).allocations, 0);
    region_expect_whole(&region);
    loam_region_deinit(&region);
}

/* ---- the holder's bytes ---- */

/* Opaque and class bytes stay while the granule is held, whatever happens around it, and are zero
 * when it is taken again. */
TEST(opaque_bytes_stay_and_go, fast)
{
    enum { COUNT = 9, HELD = 4 };
    loam_region region;
    void *runs[COUNT];
    unsigned char *opaque;

    region_init_chunks(&region, 1);
    for (size_t i = 0; i < COUNT; i++)
        runs[i] = loam_region_take(&region, 2, 1, KIND_A, NULL, NULL);
    opaque = (unsigned char *)loam_record_opaque(loam_region_record(&region, 2 * HELD));
    memset(opaque, 0x5a, LOAM_REGION_STRIDE - 16);
    loam_region_set_class(&region, 2 * HELD, 2, 77);

    for (size_t i = COUNT; i-- > 0;)
        if (i != HELD)
            loam_region_give(&region, runs[i], 2);
    EXPECT(loam_region_purge(&region, SIZE_MAX) > 0);
    EXPECT(loam_region_take(&region, 5, 1, KIND_B, NULL, NULL));
    for (size_t i = 0; i < LOAM_REGION_STRIDE - 16; i++)
        EXPECT_EQ(opaque[i], 0x5a);
    EXPECT_EQ(loam_region_class(&region, 2 * HELD), 77);
    EXPECT_EQ(loam_region_class(&region, 2 * HELD + 1), 77);
    region_expect_whole(&region);

    loam_region_give(&region, runs[HELD], 2);
    region_expect_whole(&region); /* R6: cleared */
    EXPECT_EQ(loam_region_class(&region, 2 * HELD), 0);
    for (size_t i = 0; i < LOAM_REGION_STRIDE - 16; i++)
        EXPECT_EQ(opaque[i], 0);
    loam_region_deinit(&region);
}

/* A holder cuts its run, joins the parts anew, passes one on, and gives them in those parts. */
TEST(describe_cuts_and_joins, fast)
{
    int other;
    loam_region region;
    char *ptr;

    region_init_chunks(&region, 1);
    ptr = (char *)loam_region_take(&region, 10, 1, KIND_A, &region, NULL);
    EXPECT(loam_region_take(&region, 1, 1, KIND_C, NULL, NULL));
    memset(loam_record_opaque(loam_region_record(&region, 4)), 9, 8);
    loam_region_describe(&region, 0, 4, KIND_A, &region);
    loam_region_describe(&region, 4, 6, KIND_B, &other);
    EXPECT_EQ(*(unsigned char *)loam_record_opaque(loam_region_record(&region, 4)), 9);
    EXPECT_EQ(loam_record_length(loam_region_head(&region, 3)), 4);
    EXPECT_EQ(loam_record_length(loam_region_head(&region, 9)), 6);
    EXPECT_PTR(loam_record_owner(loam_region_head(&region, 9)), &other);
    region_expect_whole(&region);

    loam_region_give(&region, ptr, 4);
    region_expect_whole(&region);
    EXPECT_EQ(region_stats(&region).blocks, 7);
    loam_region_describe(&region, 4, 3, KIND_B, NULL);
    loam_region_describe(&region, 7, 3, KIND_B, NULL);
    loam_region_describe(&region, 4, 6, KIND_B, NULL);
    loam_region_give(&region, ptr + 4 * LOAM_REGION_GRANULE, 6);
    region_expect_whole(&region);
    EXPECT_EQ(region_stats(&region).blocks, 1);
    EXPECT_PTR(loam_region_take(&region, 10, 1, KIND_A, NULL, NULL), ptr);
    loam_region_deinit(&region);
}

/* ---- every granule, and no more ---- */

/* Runs of one length fill the region to the last granule, then NULL; given back in any order, all
 * of it can be taken again, also as one. */
static void fill_and_empty(size_t count, size_t order)
{
    enum { CHUNKS = 2, GRANULES = CHUNKS * 64 };
    void *runs[GRANULES];
    size_t n = GRANULES / count;
    loam_region region;

    region_init_chunks(&region, CHUNKS);
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < n; i++) {
            runs[i] = loam_region_take(&region, count, 1, KIND_A, NULL, NULL);
            EXPECT(runs[i]);
            memset(runs[i], (int)i, 64);
        }
        EXPECT(!loam_region_take(&region, GRANULES % count + 1, 1, KIND_A, NULL, NULL));
        EXPECT_EQ(region_stats(&region).live, n * count * LOAM_REGION_GRANULE);
        for (size_t i = 0; i < n; i++) {
            size_t at = order == 0 ? i : order == 1 ? n - 1 - i : (i * 2) % n + (i * 2 >= n);

            if (order == 2 && n % 2 != 0)
                at = i;
            EXPECT(runs[at]);
            loam_region_give(&region, runs[at], count);
            runs[at] = NULL;
            if (n <= 16)
                region_expect_whole(&region);
        }
        region_expect_whole(&region);
        EXPECT_EQ(region.frontier, 0);
        EXPECT_EQ(region_stats(&region).live, 0);
    }
    runs[0] = loam_region_take(&region, GRANULES, 1, KIND_A, NULL, NULL);
    EXPECT_PTR(runs[0], (void *)region.base);
    EXPECT(!loam_region_take(&region, 1, 1, KIND_A, NULL, NULL));
    loam_region_give(&region, runs[0], GRANULES);
    loam_region_deinit(&region);
}

TEST(every_granule_is_usable, fast)
{
    static const size_t counts[] = {1, 2, 3, 8, 63, 64, 65, 128};

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (size_t order = 0; order < 3; order++)
            fill_and_empty(counts[i], order);
}

/* Alignment holds for addresses, beyond the chunk too, and what it skips can be used. */
TEST(alignment_of_every_power, fast)
{
    for (size_t align = 1; align <= 1024; align *= 2) {
        loam_region region;
        void *small, *run, *gap;
        size_t skipped;

        region_init_chunks(&region, 33);
        small = loam_region_take(&region, 1, 1, KIND_A, NULL, NULL);
        run = loam_region_take(&region, 3, align, KIND_B, NULL, NULL);
        EXPECT(run);
        EXPECT_EQ((uintptr_t)run % (align * LOAM_REGION_GRANULE), 0);
        region_expect_whole(&region);
        skipped = loam_region_index(&region, run) - 1;
        if (skipped > 0) {
            gap = loam_region_take(&region, skipped, 1, KIND_C, NULL, NULL);
            EXPECT_PTR(gap, loam_region_address(&region, 1));
            loam_region_give(&region, gap, skipped);
        }
        loam_region_give(&region, small, 1);
        region_expect_whole(&region);
        /* The same again out of a free run, not at the frontier. */
        small = loam_region_take(&region, 1, 1, KIND_A, NULL, NULL);
        EXPECT_PTR(small, (void *)region.base);
        loam_region_give(&region, run, 3);
        EXPECT_PTR(loam_region_take(&region, 3, align, KIND_B, NULL, NULL), run);
        region_expect_whole(&region);
        loam_region_deinit(&region);
    }
}

/* What is given is used again before fresh memory, in the shortest run that serves. */
TEST(used_memory_comes_first, fast)
{
    loam_region region;
    void *a, *b, *c;

    region_init_chunks(&region, 2);
    a = loam_region_take(&region, 4, 1, KIND_A, NULL, NULL);
    EXPECT(loam_region_take(&region, 1, 1, KIND_A, NULL, NULL));
    b = loam_region_take(&region, 2, 1, KIND_A, NULL, NULL);
    EXPECT(loam_region_take(&region, 1, 1, KIND_A, NULL, NULL));
    c = loam_region_take(&region, 2, 1, KIND_A, NULL, NULL);
    EXPECT(loam_region_take(&region, 1, 1, KIND_A, NULL, NULL));
    loam_region_give(&region, a, 4);
    EXPECT_EQ(loam_region_purge(&region, SIZE_MAX), 4 * LOAM_REGION_GRANULE);
    loam_region_give(&region, b, 2);
    loam_region_give(&region, c, 2);
    EXPECT_PTR(loam_region_take(&region, 2, 1, KIND_B, NULL, NULL), c); /* newest */
    EXPECT_PTR(loam_region_take(&region, 1, 1, KIND_B, NULL, NULL), b); /* cut, but warm */
    EXPECT_PTR(loam_region_take(&region, 2, 1, KIND_B, NULL, NULL), a); /* clean */
    EXPECT_EQ(loam_region_index(&region, loam_region_take(&region, 3, 1, KIND_B, NULL, NULL)), 11);
    loam_region_deinit(&region);
}

/* ---- limits ---- */

TEST(limit_is_exact, fast)
{
    loam_region_config config = {.reserve = LOAM_REGION_CHUNK,
                                 .limit = 10 * LOAM_REGION_GRANULE + 5};
    loam_region region;
    void *runs[3];

    EXPECT(loam_region_init(&region, &config));
    runs[0] = loam_region_take(&region, 6, 1, KIND_A, NULL, NULL);
    EXPECT(!loam_region_take(&region, 5, 1, KIND_A, NULL, NULL));
    runs[1] = loam_region_take(&region, 4, 1, KIND_A, NULL, NULL);
    EXPECT(runs[0] && runs[1]);
    EXPECT(!loam_region_take(&region, 1, 1, KIND_A, NULL, NULL));
    loam_region_set_limit(&region, 11 * LOAM_REGION_GRANULE);
    runs[2] = loam_region_take(&region, 1, 1, KIND_A, NULL, NULL);
    EXPECT(runs[2]);

    loam_region_set_limit(&region, 5 * LOAM_REGION_GRANULE); /* below what is held */
    EXPECT(!loam_region_take(&region, 1, 1, KIND_A, NULL, NULL));
    loam_region_give(&region, runs[0], 6);
    EXPECT(!loam_region_take(&region, 1, 1, KIND_A, NULL, NULL));
    loam_region_give(&region, runs[2], 1);
    EXPECT(loam_region_take(&region, 1, 1, KIND_A, NULL, NULL));
    EXPECT(!loam_region_take(&region, 1, 1, KIND_A, NULL, NULL));
    loam_region_set_limit(&region, 0);
    EXPECT(loam_region_take(&region, LOAM_REGION_CHUNK_GRANULES - 10, 1, KIND_A, NULL, NULL));
    EXPECT_EQ(region_stats(&region).failures, 5);
    loam_region_deinit(&region);
}

/* ---- the checker itself ---- */

/* Each invariant is noticed when it is broken: a field is damaged, the check must say the number of
 * the invariant, and hold again when the field is as before. */
typedef struct expected {
    const char *number;
    bool seen;
} expected;

static void note_property(void *context, const char *property, const void *where)
{
    expected *e = (expected *)context;

    EXPECT(where);
    if (strncmp(property, e->number, 2) == 0)
        e->seen = true;
}

static void expect_noticed(loam_region *region, const char *number, const char *text, void *field,
                           size_t size, uint64_t damage)
{
    expected e = {number, false};
    unsigned char saved[8];

    region_expect_whole(region);
    memcpy(saved, field, size);
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)field)[i] ^= (unsigned char)(damage >> (8 * i));
    if (loam_region_check(region, note_property, &e) || !e.seen)
        TEST_FAIL("damage to %s was not reported as %s", text, number);
    EXPECT(!loam_region_check(region, NULL, NULL));
    memcpy(field, saved, size);
    region_expect_whole(region);
}

#define NOTICED(number, field, damage)                                                             \
    expect_noticed(&region, number, #field, &(field), sizeof(field), (damage))

TEST(check_notices_each_damage, fast)
{
    static const size_t lengths[] = {2, 70, 5, 5};
    loam_region region;
    loam_record *held, *free_head, *free_tail, *free_middle;

    region_init_chunks(&region, 4);
    region_scatter_free_runs(&region, lengths, 4);
    EXPECT_EQ(loam_region_purge(&region, 70 * LOAM_REGION_GRANULE), 70 * LOAM_REGION_GRANULE);
    held = loam_region_record(&region, 2); /* 0-1 free, 2 held, 3-72 free, 73 held, ... */
    free_head = loam_region_record(&region, 3);
    free_middle = loam_region_record(&region, 30);
    free_tail = loam_region_record(&region, 72);

    NOTICED("R1", region.base, 0x10000);
    NOTICED("R1", region.granules, 1);
    NOTICED("R2", held->extent, 0x100);    /* length 0 */
    NOTICED("R2", held->extent, 0xffff00); /* far too long */
    NOTICED("R2", held->place, 0x100);     /* another first granule */
    NOTICED("R2", loam_region_record(&region, region.frontier)->place, KIND_A);
    NOTICED("R4", held->place, KIND_C);      /* held becomes free */
    NOTICED("R3", free_head->place, KIND_C); /* free becomes held */
    NOTICED("R5", free_middle->place, KIND_C);
    NOTICED("R5", free_tail->place, 0x400);
    NOTICED("R5", free_head->extent, 1 << 2); /* another level */
    NOTICED("R5", free_head->links[1], 6);
    NOTICED("R5", loam_region_record(&region, 74)->links[0], 6);
    NOTICED("R5", region.bins[0][0], 0x7ffffffe); /* a list that leads nowhere */
    NOTICED("R5", region.bins[0][4], 6);          /* past a run of its list */
    NOTICED("R5", region.filled[0], 1);
    NOTICED("R5", region.filled[1], (uint64_t)1 << 63);
    NOTICED("R6", free_middle->links[0], 1);
    NOTICED("R6", *(uint32_t *)loam_record_opaque(free_middle), 0x80);
    NOTICED("R6", region.classes[30], 4);
    NOTICED("R7", region.held, 1);
    NOTICED("R7", region.peak, region.peak);
    NOTICED("R7", region.decommitted, 1);
    NOTICED("R8", region.committed, region.committed);
    NOTICED("R8", region.class_ready, region.class_ready);
    NOTICED("R8", region.record_ready, region.record_ready);
    NOTICED("R8", loam_region_record(&region, (size_t)-1)->place, KIND_A);
    NOTICED("R8", loam_region_record(&region, loam_region_count(&region))->place, KIND_A);
    NOTICED("R9", free_middle->extent, LOAM_REGION_DIRTY); /* warm in a clean run */
    NOTICED("R9", region.touched, region.touched ^ (region.committed + 1));
    loam_region_deinit(&region);

    /* A run of several granules disagrees with itself. */
    region_init_chunks(&region, 1);
    EXPECT(loam_region_take(&region, 5, 1, KIND_A, &region, NULL));
    NOTICED("R3", loam_region_record(&region, 3)->place, KIND_A ^ KIND_B);
    NOTICED("R3", loam_region_record(&region, 3)->place, 0x200);
    NOTICED("R3", loam_region_record(&region, 3)->owner, 0x10);
    loam_region_deinit(&region);
}

/* ---- misuse, in checked builds ---- */

typedef struct misuse {
    loam_region *region;
    char *ptr;
    size_t count;
} misuse;

static void give_wrongly(void *context)
{
    misuse *m = (misuse *)context;

    loam_region_give(m->region, m->ptr, m->count);
}

#define FOREIGN "loam: fatal: granules are not of this region: 0x"
#define TWICE   "loam: fatal: granules were given back twice: 0x"
#define LENGTH  "loam: fatal: granules passed back with a length that they do not have: 0x"

TEST(misuse_stops_checked_builds, fast)
{
    loam_region region, other;
    char *a, *b, *c;

    if (!LOAM_CHECKS)
        TEST_SKIP("misuse is detected in checked builds");
    region_init_chunks(&region, 1);
    region_init_chunks(&other, 1);
    a = (char *)loam_region_take(&region, 4, 1, KIND_A, NULL, NULL);
    b = (char *)loam_region_take(&region, 2, 1, KIND_A, NULL, NULL);
    c = (char *)loam_region_take(&region, 2, 1, KIND_A, NULL, NULL);

    test_dies_with(give_wrongly, (&(misuse){&region, NULL, 1}), FOREIGN, NULL);
    test_dies_with(give_wrongly, (&(misuse){&other, a, 4}), FOREIGN, a);
    test_dies_with(give_wrongly, (&(misuse){&region, a + 64, 4}), FOREIGN, a + 64);
    test_dies_with(give_wrongly, (&(misuse){&region, a, 3}), LENGTH, a);
    test_dies_with(give_wrongly, (&(misuse){&region, a, 0}), LENGTH, a);
    test_dies_with(give_wrongly, (&(misuse){&region, a, 6}), LENGTH, a);
    test_dies_with(give_wrongly, (&(misuse){&region, a + LOAM_REGION_GRANULE, 3}), LENGTH,
                   a + LOAM_REGION_GRANULE);
    loam_region_give(&region, a, 4);
    test_dies_with(give_wrongly, (&(misuse){&region, a, 4}), TWICE, a);
    loam_region_give(&region, b, 2); /* joined with a: now inside a free run */
    test_dies_with(give_wrongly, (&(misuse){&region, b, 2}), TWICE, b);
    loam_region_give(&region, c, 2); /* all of it beyond the frontier now */
    test_dies_with(give_wrongly, (&(misuse){&region, c, 2}), TWICE, c);
    loam_region_deinit(&other);
    loam_region_deinit(&region);
}

/* AddressSanitizer is told that nobody owns what was given. */
static void touch(void *context)
{
    *(volatile char *)context = 1;
}

TEST(given_granules_are_dead_to_asan, fast)
{
    loam_region region;
    char *ptr;

    if (!test_under_asan())
        TEST_SKIP("not under AddressSanitizer");
    region_init_chunks(&region, 1);
    ptr = (char *)loam_region_take(&region, 2, 1, KIND_A, NULL, NULL);
    loam_region_give(&region, ptr, 2);
    test_faults(touch, ptr + 70000);
    ptr = (char *)loam_region_take(&region, 2, 1, KIND_A, NULL, NULL);
    touch(ptr + 70000);
    loam_region_deinit(&region);
}

TEST_MAIN
