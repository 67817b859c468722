/* pages_memory.c: commit, decommit, purge, guards and advice; see pages.c. */
#include "vm/pages.h"

/* ---- commit, decommit ---- */

TEST(commit_reads_zero, fast)
{
    size_t size = 4 * MIB;
    char *ptr = take(size);

    expect_zero(ptr, size);
    write_pages(ptr, size, 3);
    EXPECT(loam_vm_commit(ptr, size)); /* changes nothing */
    EXPECT(loam_vm_commit(ptr + page, page));
    expect_pages(ptr, size, 3);
    EXPECT(loam_vm_release(ptr, size));
}

/* Commit goes page by page, in any order. */
TEST(commit_in_pieces, fast)
{
    size_t count = 64, size = count * loam_vm_page_size();
    char *ptr = reserve(size);

    for (size_t i = 0; i < count; i++) {
        char *at = ptr + i * 37 % count * page;

        EXPECT(loam_vm_commit(at, page));
        expect_zero(at, page);
        write_pages(at, page, i * 37 % count);
    }
    expect_pages(ptr, size, 0);
    EXPECT(loam_vm_release(ptr, size));
}

/* Ranges that are not whole pages, empty, or wrap around are refused by all that take ranges. */
TEST(ranges_are_checked, fast)
{
    char *ptr = take(MIB);
    char *last = (char *)(UINTPTR_MAX - page + 1);
    struct {
        char *ptr;
        size_t size;
    } bad[] = {{ptr + 1, page}, {ptr, page + 1},  {ptr, page - 1},
               {ptr, 0},        {NULL, page},     {ptr, SIZE_MAX},
               {last, page},    {last, 2 * page}, {ptr, SIZE_MAX - page + 1}};

    write_pages(ptr, MIB, 11);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT(!loam_vm_commit(bad[i].ptr, bad[i].size));
        EXPECT(!loam_vm_decommit(bad[i].ptr, bad[i].size));
        EXPECT(!loam_vm_purge(bad[i].ptr, bad[i].size, LOAM_VM_PURGE_NOW));
        EXPECT(!loam_vm_purge(bad[i].ptr, bad[i].size, LOAM_VM_PURGE_LAZY));
        EXPECT(!loam_vm_release_part(bad[i].ptr, bad[i].size));
        EXPECT(!loam_vm_guard(bad[i].ptr, bad[i].size));
        EXPECT(!loam_vm_unguard(bad[i].ptr, bad[i].size));
        EXPECT(!loam_vm_advise(bad[i].ptr, bad[i].size, LOAM_VM_NO_HUGE));
    }
    expect_pages(ptr, MIB, 11);
    EXPECT(loam_vm_release(ptr, MIB));
}

/* Decommitted pages leave memory, and read zero when they are committed again; their neighbours
 * notice nothing. */
TEST(decommit_gives_back, fast)
{
    size_t pages = 256, size = pages * loam_vm_page_size();
    char *ptr = take(size);

    write_pages(ptr, size, 5);
    EXPECT(loam_vm_decommit(ptr + 64 * page, 128 * page));
    expect_resident(ptr, size, 128);
    expect_pages(ptr, 64 * page, 5);
    expect_pages(ptr + 192 * page, 64 * page, 5 + 192);
    EXPECT(loam_vm_commit(ptr + 64 * page, 128 * page));
    if (can(LOAM_VM_ZERO_ON_DECOMMIT))
        expect_zero(ptr + 64 * page, 128 * page);
    write_pages(ptr, size, 6);
    expect_pages(ptr, size, 6);
    EXPECT(loam_vm_decommit(ptr, size));
    EXPECT(loam_vm_decommit(ptr, size)); /* changes nothing */
    expect_resident(ptr, size, 0);
    EXPECT(memory_is_mapped(ptr, size, page));
    EXPECT(loam_vm_release(ptr, size));
}

/* Where commit is charged, what is not committed faults. */
TEST(uncommitted_faults, fast)
{
    char *ptr;

    if (can(LOAM_VM_FREE_COMMIT))
        TEST_SKIP("what is reserved is committed here");
    ptr = reserve(MIB);
    EXPECT(loam_vm_commit(ptr, 2 * page));
    touch(ptr + 2 * page - 1);
    test_faults(touch, ptr + 2 * page);
    EXPECT(loam_vm_decommit(ptr, page));
    test_faults(look, ptr);
    touch(ptr + page);
    EXPECT(loam_vm_release(ptr, MIB));
}

static void use_up_charge(void *context)
{
    char *ptr;

    (void)context;
    if (!memory_limit_data(32 * MIB))
        TEST_SKIP("needs RLIMIT_DATA");
    ptr = reserve(GIB);
    EXPECT(!can(LOAM_VM_FREE_COMMIT));
    for (int round = 0; round < 8; round++) {
        EXPECT(loam_vm_commit(ptr, 16 * MIB));
        write_pages(ptr, 16 * MIB, 1);
        EXPECT(!loam_vm_commit(ptr + 16 * MIB, 64 * MIB));
        EXPECT(!loam_vm_commit(ptr, 128 * MIB));
        expect_pages(ptr, 16 * MIB, 1);
        EXPECT(loam_vm_decommit(ptr, 16 * MIB));
        /* Other pages, so that what was given back must really have come back. */
        ptr += 32 * MIB;
    }
}

/* Under a limit on memory (`ulimit -d`) a big reservation costs nothing, a commit beyond the limit
 * is refused and changes nothing, and a decommit gives the charge back. */
TEST(charge_comes_back, fast)
{
    if (tool_watches())
        TEST_SKIP("a tool needs its memory");
    test_survives(use_up_charge, NULL);
}

/* ---- purge ---- */

TEST(purge_now, fast)
{
    size_t pages = 600, size = pages * loam_vm_page_size();
    char *ptr = take(size);

    write_pages(ptr, size, 9);
    EXPECT(loam_vm_purge(ptr + page, 590 * page, LOAM_VM_PURGE_NOW));
    expect_resident(ptr, size, 10);
    expect_pages(ptr, page, 9);
    expect_zero(ptr + page, 590 * page);
    expect_pages(ptr + 591 * page, 9 * page, 9 + 591);
    write_pages(ptr, size, 10); /* still committed */
    expect_pages(ptr, size, 10);
    EXPECT(loam_vm_release(ptr, size));
}

/* After a lazy purge each page is as it was or zero, and what is written then stays. */
TEST(purge_lazy, fast)
{
    size_t pages = 256, size = pages * loam_vm_page_size();
    char *ptr = take(size);

    write_pages(ptr, size, 9);
    EXPECT(loam_vm_purge(ptr, size, LOAM_VM_PURGE_LAZY));
    for (size_t at = 0; at < size; at += page)
        EXPECT(word_at(ptr + at) == 0 || word_at(ptr + at) == 9 + at / page);
    write_pages(ptr, size, 1000);
    expect_pages(ptr, size, 1000);
    EXPECT(loam_vm_purge(ptr, size, LOAM_VM_PURGE_NOW));
    expect_zero(ptr, size);
    EXPECT(loam_vm_release(ptr, size));
}

/* ---- guards ---- */

/* Guarded pages fault on reads and writes at both ends; pages beside them do not; unguarded they
 * read zero. */
TEST(guard_faults, fast)
{
    size_t size = 16 * loam_vm_page_size();
    char *ptr = take(size);
    char *guard = ptr + 4 * page;

    write_pages(ptr, size, 13);
    EXPECT(loam_vm_guard(guard, 2 * page));
    test_faults(touch, guard);
    test_faults(look, guard);
    test_faults(touch, guard + 2 * page - 1);
    test_faults(look, guard + page);
    expect_resident(guard, 2 * page, 0);
    expect_pages(ptr, 4 * page, 13);
    expect_pages(ptr + 6 * page, 10 * page, 13 + 6);

    EXPECT(loam_vm_guard(guard, 2 * page)); /* changes nothing */
    EXPECT(loam_vm_unguard(guard, page));
    expect_zero(guard, page);
    touch(guard);
    test_faults(touch, guard + page);
    EXPECT(loam_vm_unguard(guard, 2 * page));
    expect_zero(guard + page, page);
    write_pages(ptr, size, 14);
    expect_pages(ptr, size, 14);
    EXPECT(loam_vm_guard(guard, 2 * page));
    EXPECT(loam_vm_release(ptr, size));
}

/* Where guards are said to be cheap, a thousand of them make no mapping. */
TEST(guard_is_cheap, fast)
{
    size_t pages = 2000, size = pages * loam_vm_page_size(), before;
    char *ptr = take(size);

    if (!can(LOAM_VM_CHEAP_GUARD) || tool_watches() || memory_mapping_count() == 0)
        TEST_SKIP("guards are not cheap, or mappings can't be counted");
    before = memory_mapping_count();
    for (size_t i = 0; i < pages; i += 2)
        EXPECT(loam_vm_guard(ptr + i * page, page));
    EXPECT_LE(memory_mapping_count(), before + 2);
    EXPECT(loam_vm_release(ptr, size));
}

/* ---- advice ---- */

/* Advice that the system is said to take is taken, other advice is not, and none of it changes what
 * is there. */
TEST(advise, fast)
{
    size_t size = 8 * MIB;
    char *ptr = (char *)loam_vm_reserve(size, 2 * MIB);
    int nonsense = 1000;

    page = loam_vm_page_size();
    EXPECT(ptr != NULL && loam_vm_commit(ptr, size));
    write_pages(ptr, MIB, 17);
    EXPECT_EQ(loam_vm_advise(ptr, size, LOAM_VM_HUGE), can(LOAM_VM_HUGE_ADVICE));
    if (can(LOAM_VM_HUGE_ADVICE))
        EXPECT(loam_vm_advise(ptr, size, LOAM_VM_NO_HUGE));
    EXPECT_EQ(loam_vm_advise(ptr, size, LOAM_VM_INTERLEAVE), can(LOAM_VM_NUMA_ADVICE));
    EXPECT_EQ(loam_vm_advise(ptr, size, LOAM_VM_LOCAL), can(LOAM_VM_NUMA_ADVICE));
    EXPECT(!loam_vm_advise(ptr, size, (loam_vm_advice)nonsense));
    expect_pages(ptr, MIB, 17);
    expect_zero(ptr + MIB, size - MIB);
    EXPECT(loam_vm_release(ptr, size));
}

/* One touch brings a whole huge page, at least once in a few: the system may be out of them. */
TEST(huge_pages_come, fast)
{
    size_t huge = loam_vm_huge_page_size(), count = 8, most = 0;
    char *ptr;

    page = loam_vm_page_size();
    if (huge == 0 || tool_watches())
        TEST_SKIP("there are no huge pages by advice");
    ptr = (char *)loam_vm_reserve(count * huge, huge);
    EXPECT(ptr != NULL && loam_vm_commit(ptr, count * huge));
    EXPECT(loam_vm_advise(ptr, count * huge, LOAM_VM_HUGE));
    for (size_t i = 0; i < count; i++) {
        touch(ptr + i * huge + i * page);
        most = loam_max(most, memory_resident(ptr + i * huge, huge, page));
    }
    EXPECT(loam_vm_release(ptr, count * huge));
    if (most == 1)
        TEST_SKIP("the system is out of huge pages");
    EXPECT_EQ(most, huge / page);
}
