/* pages.c: every function of loam/vm.h, held against what the system itself says.
 *
 * Built more than once: over the system's own page layer, over the same as it works where commit is
 * charged (LOAM_TEST_STRICT), and on Linux over the POSIX remainder too. A case that needs what a
 * system can't do expects the refusal instead.
 */
#include "vm/pages.h"

#include "internal/vm_backend.h"
#include <loam/allocator.h>

#include <errno.h>

size_t page;

#ifdef LOAM_TEST_STRICT
__attribute__((constructor)) static void be_strict(void)
{
    loam_vm_native_force_strict();
}
#endif

/* ---- facts ---- */

/* The figures make sense, and asking again gives the same ones. */
TEST(facts, fast)
{
    size_t size = loam_vm_page_size(), huge = loam_vm_huge_page_size();
    uint32_t capabilities = loam_vm_capabilities();

    EXPECT(loam_is_pow2(size) && size >= 4096);
    EXPECT(loam_is_pow2(loam_vm_reserve_granularity()));
    EXPECT_LE(size, loam_vm_reserve_granularity());
    EXPECT(huge == 0 || (loam_is_pow2(huge) && huge > size));
    EXPECT_EQ(can(LOAM_VM_HUGE_ADVICE), huge != 0);
    EXPECT_EQ(loam_vm_capabilities(), capabilities);
    EXPECT_LE(64 * MIB, loam_vm_address_space());
#ifdef LOAM_TEST_STRICT
    EXPECT(!can(LOAM_VM_FREE_COMMIT));
#endif
}

static void find_limited_facts(void *context)
{
    (void)context;
    if (!memory_limit_address_space(GIB))
        TEST_SKIP("needs RLIMIT_AS");
    EXPECT_LE(loam_vm_address_space(), memory_address_space() + 2 * GIB);
}

/* `ulimit -v` shows in loam_vm_address_space(). */
TEST(facts_under_limit, fast)
{
    if (tool_watches())
        TEST_SKIP("a tool needs its address space");
    test_survives(find_limited_facts, NULL);
}

/* ---- reserve, release ---- */

/* Each alignment up to 1 GiB, for sizes below and above it: the address is a multiple, and both
 * ends can be committed and hold what is written. */
TEST(reserve_alignment, fast)
{
    static const size_t sizes[] = {1, 4 * KIB, 64 * KIB, MIB + 1, 2 * MIB, 64 * MIB};
    size_t granularity = loam_vm_reserve_granularity();

    page = loam_vm_page_size();
    for (size_t align = 1; align <= GIB; align *= 2) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            size_t size = loam_round_up(sizes[i], granularity);
            char *ptr = (char *)loam_vm_reserve(sizes[i], align);

            EXPECT(ptr != NULL);
            EXPECT_EQ(loam_padding(ptr, loam_max(align, granularity)), 0);
            EXPECT(loam_vm_commit(ptr, page) && loam_vm_commit(ptr + size - page, page));
            expect_zero(ptr, page);
            expect_zero(ptr + size - page, page);
            write_pages(ptr, page, align);
            write_pages(ptr + size - page, page, align);
            expect_pages(ptr, page, align);
            EXPECT(loam_vm_release(ptr, sizes[i]));
        }
    }
}

/* A reservation takes its size and no more, and a release gives it all back: trimmed edges do not
 * stay behind. */
TEST(reserve_leaves_nothing, fast)
{
    size_t before, size = 3 * MIB;

    page = loam_vm_page_size();
    if (tool_watches() || memory_address_space() == 0)
        TEST_SKIP("the address space can't be told");
    before = memory_address_space();
    for (size_t align = page; align <= GIB; align *= 2) {
        void *ptr = loam_vm_reserve(size, align);

        EXPECT(ptr != NULL);
        EXPECT_EQ(memory_address_space(), before + size);
        EXPECT(memory_is_mapped(ptr, size, page));
        EXPECT(loam_vm_release(ptr, size));
        EXPECT_EQ(memory_address_space(), before);
        EXPECT(memory_is_unmapped(ptr, size, page));
    }
}

/* What can't be reserved is NULL, whatever the reason. */
TEST(reserve_refuses, fast)
{
    EXPECT_PTR(loam_vm_reserve(0, 1), NULL);
    EXPECT_PTR(loam_vm_reserve((size_t)PTRDIFF_MAX + 1, 1), NULL);
    EXPECT_PTR(loam_vm_reserve(SIZE_MAX, 1), NULL);
    EXPECT_PTR(loam_vm_reserve((size_t)PTRDIFF_MAX, 1), NULL);
    EXPECT_PTR(loam_vm_reserve(TOO_MUCH, 1), NULL);
    EXPECT_PTR(loam_vm_reserve(MIB, 0), NULL);
    EXPECT_PTR(loam_vm_reserve(MIB, 3), NULL);
    EXPECT_PTR(loam_vm_reserve(MIB, 4097), NULL);
    if (sizeof(void *) >= 8) /* with 32 bits there may be such an address, and one only */
        EXPECT_PTR(loam_vm_reserve(MIB, SIZE_MAX / 2 + 1), NULL);
    EXPECT_PTR(loam_vm_reserve(PTRDIFF_MAX, SIZE_MAX / 2 + 1), NULL);
}

/* Giving back leaves errno alone, and so does a refusal. */
TEST(errno_stays, fast)
{
    char *ptr = take(MIB);

    errno = 12345;
    (void)loam_vm_purge(ptr, page, LOAM_VM_PURGE_NOW);
    (void)loam_vm_purge(ptr, page, LOAM_VM_PURGE_LAZY);
    (void)loam_vm_decommit(ptr, page);
    EXPECT_PTR(loam_vm_reserve(TOO_MUCH, 1), NULL);
    EXPECT_PTR(loam_vm_reserve(TOO_MUCH, MIB), NULL);
    EXPECT(loam_vm_release(ptr, MIB));
    EXPECT_EQ(errno, 12345);
}

TEST(release_refuses, fast)
{
    char *ptr = reserve(MIB);

    EXPECT(!loam_vm_release(NULL, MIB));
    EXPECT(!loam_vm_release(ptr, 0));
    EXPECT(!loam_vm_release(ptr, SIZE_MAX));
    EXPECT(!loam_vm_release(ptr + 1, MIB));
    EXPECT(memory_is_mapped(ptr, MIB, page));
    EXPECT(loam_vm_release(ptr, MIB));
}

/* Where parts can be released, the others stay as they are; elsewhere nothing happens. */
TEST(release_part, fast)
{
    size_t size = 16 * loam_vm_page_size();
    char *ptr = take(size);

    write_pages(ptr, size, 7);
    EXPECT(!loam_vm_release_part(ptr + 1, page));
    EXPECT(!loam_vm_release_part(ptr, page + 1));
    EXPECT(!loam_vm_release_part(ptr, 0));
    EXPECT_EQ(loam_vm_release_part(ptr + 4 * page, 8 * page), can(LOAM_VM_PARTIAL_RELEASE));
    expect_pages(ptr, 4 * page, 7);
    expect_pages(ptr + 12 * page, 4 * page, 7 + 12);
    if (!can(LOAM_VM_PARTIAL_RELEASE)) {
        expect_pages(ptr, size, 7);
        EXPECT(loam_vm_release(ptr, size));
        return;
    }
    EXPECT(memory_is_unmapped(ptr + 4 * page, 8 * page, page));
    EXPECT(loam_vm_release_part(ptr, 4 * page));
    EXPECT(loam_vm_release_part(ptr + 12 * page, 4 * page));
    EXPECT(memory_is_unmapped(ptr, size, page));
}

/* ---- the ladder ---- */

TEST(ladder_takes_all_it_can, fast)
{
    size_t got = 1;
    void *ptr = loam_vm_reserve_ladder(3 * MIB + 1, MIB, 64 * KIB, &got);

    EXPECT(ptr != NULL && loam_padding(ptr, 64 * KIB) == 0);
    EXPECT_EQ(got, loam_round_up(3 * MIB + 1, loam_vm_reserve_granularity()));
    EXPECT(loam_vm_release(ptr, got));
}

TEST(ladder_refuses, fast)
{
    static const size_t bad[][3] = {
        {0, 0, 1},     {MIB, 0, 1},   {MIB, MIB + 1, 1}, {SIZE_MAX, SIZE_MAX, 1},
        {MIB, KIB, 3}, {MIB, KIB, 0}, {0, KIB, 1},       {TOO_MUCH, TOO_MUCH, 1},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t got = 1;

        EXPECT_PTR(loam_vm_reserve_ladder(bad[i][0], bad[i][1], bad[i][2], &got), NULL);
        EXPECT_EQ(got, 0);
    }
}

static void climb_down(void *context)
{
    size_t align = *(const size_t *)context, got;
    size_t much = sizeof(void *) >= 8 ? 64 * (uint64_t)GIB : GIB;
    char *ptr;

    page = loam_vm_page_size();
    if (!memory_limit_address_space(64 * MIB))
        TEST_SKIP("needs RLIMIT_AS");
    ptr = (char *)loam_vm_reserve_ladder(much, MIB, align, &got);
    EXPECT(ptr != NULL && loam_padding(ptr, align) == 0);
    EXPECT_LE(16 * MIB, got);
    EXPECT_LE(got, 64 * MIB);
    EXPECT(loam_vm_commit(ptr, got));
    write_pages(ptr, got, 0);
    EXPECT_PTR(loam_vm_reserve_ladder(much, 64 * MIB, align, &got), NULL);
    EXPECT_EQ(got, 0);
}

/* Under `ulimit -v` the ladder stops at what there is: at least a quarter of it. */
TEST(ladder_under_limit, fast)
{
    size_t aligns[] = {1, 64 * KIB, 2 * MIB};

    if (tool_watches())
        TEST_SKIP("a tool needs its address space");
    for (size_t i = 0; i < 3; i++)
        test_survives(climb_down, &aligns[i]);
}

/* ---- kept mappings ---- */

/* What the page allocator is given back is kept, shown, and gone after a trim: a mapping of its size,
 * or the reservation of a block that could have grown. */
static void keep_and_trim(size_t size)
{
    loam_allocator pages = loam_vm_allocator();
    loam_stats stats;
    void *ptr;

    (void)loam_vm_trim();
    loam_vm_trim_stats(&stats);
    EXPECT_EQ(stats.blocks, 0);
    EXPECT_EQ(stats.reserved, 0);

    ptr = loam_alloc(pages, size, 1);
    EXPECT(ptr != NULL);
    memset(ptr, 1, size);
    loam_dealloc(pages, ptr, size, 1);
    loam_vm_trim_stats(&stats);
    EXPECT_EQ(stats.blocks, 1);
    EXPECT_LE(size, stats.reserved);
    EXPECT_LE(stats.committed, stats.reserved);
    EXPECT_EQ(loam_vm_trim(), stats.reserved);
    EXPECT(memory_is_unmapped(ptr, size, loam_vm_page_size()));
    EXPECT_EQ(loam_vm_trim(), 0);
}

TEST(trim_gives_back, fast)
{
    keep_and_trim(128 * KIB);
    keep_and_trim(MIB);
    if (sizeof(void *) >= 8) /* with 32 bits a mapping that big is not kept */
        keep_and_trim(20 * MIB);
}

/* ---- threads ---- */

static void use_pages(void *context, size_t index)
{
    size_t rounds = *(const size_t *)context;

    for (size_t i = 0; i < rounds; i++) {
        size_t size = (1 + (i * 7 + index) % 16) * 64 * KIB;
        char *ptr = (char *)loam_vm_reserve(size, (size_t)4096 << i % 10);

        EXPECT(ptr != NULL && loam_vm_commit(ptr, size));
        write_pages(ptr, size, (uint64_t)index << 32 | i);
        if (i % 3 == 0)
            EXPECT(loam_vm_purge(ptr, page, LOAM_VM_PURGE_NOW));
        if (i % 3 == 1)
            EXPECT(loam_vm_guard(ptr, page));
        expect_pages(ptr + page, size - page, ((uint64_t)index << 32 | i) + 1);
        EXPECT(loam_vm_release(ptr, size));
    }
}

/* Threads that work on pages of their own do not meet. */
TEST(threads_do_not_meet, fast)
{
    size_t rounds = test_bound("LOAM_TEST_VM_ROUNDS", 300);

    page = loam_vm_page_size();
    test_run_threads(8, use_pages, &rounds);
}

TEST_MAIN
