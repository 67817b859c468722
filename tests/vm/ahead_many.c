/* ahead_many.c: many blocks that are reserved ahead: random work against a model, threads, forks,
 * limits, and how much memory it all takes. */
#define _GNU_SOURCE
#include "vm/ahead.h"

#include <stdatomic.h>
#include <stdio.h>

#if TEST_HAS_FORK
#include <sys/resource.h>
#endif

/* ---- a model ---- */

enum { MODEL_BLOCKS = 24 };

typedef struct model_block {
    char *ptr;
    size_t size;
    uint64_t salt;
} model_block;

static void fill_ends(const model_block *one)
{
    size_t last = (one->size - 8) & ~(size_t)7;
    uint64_t word = one->salt;

    memcpy(one->ptr, &word, sizeof word);
    memcpy(one->ptr + last, &word, sizeof word);
    ahead_fill(one->ptr, 4 * KIB, loam_min(one->size - 16, 64 * KIB), one->salt);
}

static void expect_ends(const model_block *one, bool whole)
{
    EXPECT_EQ(word_at(one->ptr), one->salt);
    if (whole)
        EXPECT_EQ(word_at(one->ptr + ((one->size - 8) & ~(size_t)7)), one->salt);
    ahead_expect(one->ptr, 4 * KIB, loam_min(one->size - 16, 64 * KIB), one->salt);
}

static size_t random_size(test_rng *rng)
{
    size_t top = (size_t)1 << (17 + test_rng_below(rng, 8));

    return top / 2 + (size_t)test_rng_below(rng, top) + 64;
}

static void change_block(test_rng *rng, model_block *one)
{
    loam_allocator pages = loam_vm_allocator();
    size_t size = random_size(rng), kept = loam_min(size, one->size);
    char *moved = one->ptr;

    if (test_rng_one_in(rng, 2)) {
        if (!loam_resize(pages, one->ptr, one->size, size, 16))
            return;
    } else {
        moved = (char *)loam_realloc(pages, one->ptr, one->size, size, 16);
        EXPECT(moved != NULL);
    }
    one->ptr = moved;
    one->size = kept;
    expect_ends(one, kept < size);
    one->size = size;
}

static void random_work(test_rng *rng, size_t steps)
{
    loam_allocator pages = loam_vm_allocator();
    model_block blocks[MODEL_BLOCKS];

    memset(blocks, 0, sizeof blocks);
    for (size_t i = 0; i < steps; i++) {
        model_block *one = &blocks[test_rng_below(rng, MODEL_BLOCKS)];
        bool zero = test_rng_one_in(rng, 4);

        if (!one->ptr) {
            one->size = random_size(rng);
            one->ptr = (char *)(zero ? loam_zalloc(pages, one->size, 16)
                                     : loam_alloc(pages, one->size, 16));
            EXPECT(one->ptr != NULL);
            if (zero)
                expect_zero(one->ptr, loam_min(one->size, 64 * KIB) & ~(size_t)7);
        } else if (test_rng_one_in(rng, 3)) {
            expect_ends(one, true);
            loam_dealloc(pages, one->ptr, one->size, 16);
            one->ptr = NULL;
            continue;
        } else {
            change_block(rng, one);
        }
        one->salt = test_rng_next(rng);
        fill_ends(one);
        ahead_expect_true(one->ptr);
        if (test_rng_one_in(rng, 500))
            (void)loam_vm_trim();
    }
    for (size_t i = 0; i < MODEL_BLOCKS; i++)
        loam_dealloc(pages, blocks[i].ptr, blocks[i].size, 16);
}

TEST(random_model, fast)
{
    test_rng rng;

    test_rng_init(&rng, test_seed());
    random_work(&rng, test_bound("LOAM_TEST_AHEAD_STEPS", 4000));
    EXPECT(loam_vm_trim() > 0);
    EXPECT_EQ(loam_registry_count(), 0);
}

/* The same where reservations are so small that blocks move all the time. */
TEST(random_model_moving, fast)
{
    test_rng rng;

    loam_ahead_limit_reserve(2 * MIB);
    test_rng_init(&rng, test_seed() + 1);
    random_work(&rng, test_bound("LOAM_TEST_AHEAD_STEPS", 4000));
    loam_ahead_limit_reserve(SIZE_MAX);
}

/* ---- threads ---- */

typedef struct exchange {
    size_t steps;
    uint64_t seed;
    atomic_bool stop;
    _Atomic(char *) post; /* a block of 1 MiB that one thread leaves for another */
} exchange;

/* The first thread gives back whatever can be, while all others work, and hand blocks on. */
static void work_or_trim(void *context, size_t index)
{
    exchange *e = (exchange *)context;
    test_rng rng;

    test_rng_init(&rng, e->seed + index);
    if (index == 0) {
        while (!atomic_load(&e->stop))
            (void)loam_vm_trim();
        return;
    }
    for (size_t i = 0; i < 8; i++) {
        char *ptr = ahead_take(MIB);

        ahead_fill(ptr, 0, MIB, 77);
        ptr = atomic_exchange(&e->post, ptr);
        random_work(&rng, e->steps / 8);
        if (ptr) {
            ahead_expect(ptr, 0, MIB, 77);
            ahead_give(ptr, MIB);
        }
    }
    if (index == 1)
        atomic_store(&e->stop, true);
}

TEST(threads, fast)
{
    exchange e = {.steps = test_bound("LOAM_TEST_AHEAD_STEPS", 4000) / 4, .seed = test_seed()};

    page = loam_vm_page_size();
    test_run_threads(5, work_or_trim, &e);
    ahead_give(atomic_load(&e.post), MIB);
    (void)loam_vm_trim();
    EXPECT_EQ(loam_registry_count(), 0);
}

/* ---- fork ---- */

static void use_in_child(void *context)
{
    char *ptr = *(char **)context;
    loam_allocator pages = loam_vm_allocator();
    test_rng rng;

    ahead_expect(ptr, 0, 4 * MIB, 20);
    ptr = (char *)loam_realloc(pages, ptr, 4 * MIB, 300 * MIB, 16); /* beyond the reservation */
    EXPECT(ptr != NULL);
    ahead_expect(ptr, 0, 4 * MIB, 20);
    ahead_fill(ptr, 0, 4 * MIB, 21);
    ahead_give(ptr, 300 * MIB);
    test_rng_init(&rng, test_seed());
    random_work(&rng, 200);
    (void)loam_vm_trim();
    EXPECT_EQ(loam_registry_count(), 0);
}

/* A child has its parent's blocks, and the parent notices nothing of what it does with them. */
TEST(fork_shares_nothing, fast)
{
    char *ptr = ahead_take(4 * MIB), *other = ahead_take(4 * MIB);

    ahead_fill(ptr, 0, 4 * MIB, 20);
    ahead_give(other, 4 * MIB); /* so that something is kept */
    test_survives(use_in_child, &ptr);
    ahead_expect(ptr, 0, 4 * MIB, 20);
    EXPECT(loam_resize(loam_vm_allocator(), ptr, 4 * MIB, 8 * MIB, 16));
    ahead_give(ptr, 8 * MIB);
}

/* ---- many ---- */

/* Ten thousand blocks of 512 KiB: those beyond what is reserved ahead are as others are. Memory is
 * what was touched, and a bounded part of huge pages. */
TEST(ten_thousand, fast)
{
    enum { COUNT = 10000 };
    loam_allocator pages = loam_vm_allocator();
    static char *ptrs[COUNT];
    size_t size = 512 * KIB, resident = 0, maps;

    need_address_space();
    if (tool_watches())
        TEST_SKIP("a tool would take long");
    (void)loam_vm_trim();
    page = loam_vm_page_size();
    maps = memory_mapping_count();
    for (size_t i = 0; i < COUNT; i++) {
        ptrs[i] = ahead_take(size);
        ahead_fill(ptrs[i], 0, 1, i);
    }
    EXPECT_LE(loam_registry_count(), LOAM_AHEAD_BLOCKS);
    EXPECT_LE(memory_mapping_count(), maps + 2 * COUNT);
    for (size_t i = 0; i < COUNT && memory_tells_resident(); i += 10)
        resident += memory_resident(ptrs[i], size, page) * page;
    EXPECT_LE(resident, COUNT / 10 * page + LOAM_AHEAD_SLACK);
    for (size_t i = 0; i < COUNT; i++) {
        ahead_expect(ptrs[i], 0, 1, i);
        if (i % 97 == 0 && i < LOAM_AHEAD_BLOCKS / 2)
            EXPECT(loam_resize(pages, ptrs[i], size, MIB, 16));
        ahead_give(ptrs[i], i % 97 == 0 && i < LOAM_AHEAD_BLOCKS / 2 ? MIB : size);
    }
    (void)loam_vm_trim();
    EXPECT_EQ(loam_registry_count(), 0);
    EXPECT_LE(memory_mapping_count(), maps + 16);
}

/* ---- limits ---- */

static void grow_under_limit(void *context)
{
    loam_allocator pages = loam_vm_allocator();
    size_t size = 512 * KIB, peak = 0;
    char *ptrs[16];

    (void)context;
    page = loam_vm_page_size();
    if (!memory_limit_address_space(96 * MIB))
        TEST_SKIP("needs RLIMIT_AS");
    for (size_t i = 0; i < 16; i++) {
        ptrs[i] = ahead_take(size);
        ahead_fill(ptrs[i], 0, size, i);
    }
    /* One of them grows until the limit. */
    while (size < 64 * MIB) {
        char *grown = (char *)loam_realloc(pages, ptrs[0], size, size + size / 2, 16);

        if (!grown)
            break;
        ptrs[0] = grown;
        ahead_expect(ptrs[0], 0, 512 * KIB, 0);
        size += size / 2;
        peak = size;
    }
    EXPECT_LE(16 * MIB, peak);
    for (size_t i = 1; i < 16; i++) {
        ahead_expect(ptrs[i], 0, 512 * KIB, i);
        ahead_give(ptrs[i], 512 * KIB);
    }
    ahead_give(ptrs[0], size);
}

/* Where address space is short, blocks are mappings of their size, and still grow. */
TEST(short_of_address_space, fast)
{
    need_address_space();
    if (tool_watches())
        TEST_SKIP("a tool needs its address space");
    test_survives(grow_under_limit, NULL);
}

#if defined(__linux__)

/* ---- figures of the process ---- */

static size_t fault_count(void)
{
    struct rusage usage;

    EXPECT(getrusage(RUSAGE_SELF, &usage) == 0);
    return (size_t)usage.ru_minflt;
}

static char *grow_touching(size_t from, size_t to)
{
    loam_allocator pages = loam_vm_allocator();
    char *ptr = ahead_take(from);

    ahead_fill(ptr, 0, from, 30);
    for (size_t size = from; size < to; size *= 2) {
        ptr = (char *)loam_realloc(pages, ptr, size, 2 * size, 16);
        EXPECT(ptr != NULL);
        ahead_fill(ptr, size, 2 * size, 30);
    }
    return ptr;
}

/* A block that grows to 8 MiB while another one of that size was given back a moment ago meets no
 * page fault at all. */
TEST(warm_growth_faults_nowhere, fast)
{
    size_t faults;
    char *ptr;

    if (tool_watches())
        TEST_SKIP("a tool's own faults would count");
    ptr = grow_touching(512 * KIB, 8 * MIB);
    ahead_give(ptr, 8 * MIB);
    ptr = grow_touching(512 * KIB, 8 * MIB); /* so that the code itself is in memory */
    ahead_give(ptr, 8 * MIB);
    faults = fault_count();
    ptr = grow_touching(512 * KIB, 8 * MIB);
    faults = fault_count() - faults;
    ahead_expect(ptr, 0, 8 * MIB, 30);
    ahead_give(ptr, 8 * MIB);
    EXPECT_LE(faults, 1);
}

static size_t peak_resident(void)
{
    struct rusage usage;

    EXPECT(getrusage(RUSAGE_SELF, &usage) == 0);
    return (size_t)usage.ru_maxrss * 1024;
}

/* Grows to `to` bytes, touching every page on the way: at most two moves, nothing is copied (else
 * the peak would be one and a half times as much), some calls, and 2 % of memory beside. */
static void grow_far(size_t to)
{
    size_t before = peak_resident(), peak;
    char *ptr;

    (void)loam_vm_trim();
    fail_vm_arm(FAIL_VM_ALL & ~FAIL_VM_COMMIT, 0, false);
    ptr = grow_touching(512 * KIB, to);
    EXPECT_LE(fail_vm_calls(), 16);
    fail_vm_disarm();
    peak = peak_resident() - before;
    fprintf(stderr, "grew to %zu MiB, peak %zu KiB\n", to >> 20, peak >> 10);
    EXPECT_LE(peak, to + to / 50);
    for (size_t at = 0; at < to; at += 16 * MIB)
        ahead_expect(ptr, at, at + 8 * KIB, 30);
    ahead_give(ptr, to);
}

TEST(grows_to_512_mib, fast)
{
    if (tool_watches() || !can(LOAM_VM_FREE_COMMIT))
        TEST_SKIP("a tool has figures of its own, and a charge its own way");
    grow_far(512 * MIB);
}

TEST(grows_to_4_gib, slow)
{
    if (tool_watches() || !can(LOAM_VM_FREE_COMMIT) || sizeof(size_t) < 8)
        TEST_SKIP("a tool has figures of its own, and a charge its own way");
    grow_far(4 * GIB);
}

#endif

TEST_MAIN
