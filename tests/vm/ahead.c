/* ahead.c: blocks of the page allocator that are reserved ahead grow in place, move without a copy,
 * shrink, and come back warm. */
#include "vm/ahead.h"

/* ---- growing in place ---- */

/* Blocks of 512 KiB grow to 128 MiB where they are, and ask the system for one reservation, advice
 * at most twice, and a commit for each growth. */
TEST(grows_in_place, fast)
{
    loam_allocator pages = loam_vm_allocator();
    size_t size = 512 * KIB, growths = 0;
    char *ptr;

    need_address_space();
    (void)loam_vm_trim();
    fail_vm_arm(FAIL_VM_ALL, 0, false);
    ptr = ahead_take(size);
    ahead_fill(ptr, 0, size, 1);
    while (size < 128 * MIB) {
        EXPECT(loam_resize(pages, ptr, size, 2 * size, 16));
        if (size < 8 * MIB)
            ahead_fill(ptr, size, 2 * size, 1);
        size *= 2;
        growths++;
    }
    EXPECT_LE(fail_vm_calls(), growths + 4);
    fail_vm_arm(FAIL_VM_ALL & ~(FAIL_VM_COMMIT | FAIL_VM_ADVISE), 0, false);
    ahead_expect(ptr, 0, 8 * MIB, 1);
    expect_zero(ptr + 128 * MIB - MIB, MIB);
    ahead_give(ptr, size);
    (void)loam_vm_trim();
    EXPECT_LE(fail_vm_calls(), 3);
    fail_vm_disarm();
}

/* Growing byte by byte asks nobody but where a page begins, and odd sizes are served as well. */
TEST(grows_in_odd_steps, fast)
{
    loam_allocator pages = loam_vm_allocator();
    size_t size = 300001;
    char *ptr = ahead_take(size);

    need_address_space();
    ahead_fill(ptr, 0, size - 8, 2);
    for (int i = 0; i < 40; i++) {
        size_t grown = size + size / 11 + 1;

        EXPECT(loam_resize(pages, ptr, size, grown, 16));
        ahead_expect(ptr, 0, 290 * KIB, 2);
        ptr[grown - 1] = 1;
        size = grown;
    }
    EXPECT(!loam_resize(pages, ptr, size, (size_t)PTRDIFF_MAX, 16));
    EXPECT(!loam_resize(pages, ptr, size, SIZE_MAX / 4, 16));
    EXPECT_PTR(loam_remap(pages, ptr, size, (size_t)PTRDIFF_MAX, 16), NULL);
    ahead_expect(ptr, 0, 290 * KIB, 2);
    ahead_give(ptr, size);
}

/* A small block becomes one of these when it outgrows its mapping: by loam_realloc(), once. */
TEST(small_blocks_become_big, fast)
{
    loam_allocator pages = loam_vm_allocator();
    size_t size = 64 * KIB;
    char *ptr = ahead_take(size), *moved;

    ahead_fill(ptr, 0, size, 3);
    while (size < 4 * MIB) {
        moved = (char *)loam_realloc(pages, ptr, size, 2 * size, 16);
        EXPECT(moved != NULL);
        if (size >= LOAM_AHEAD_LEAST)
            EXPECT_PTR(moved, ptr);
        ahead_expect(moved, 0, size, 3);
        ptr = moved;
        ahead_fill(ptr, size, 2 * size, 3);
        size *= 2;
    }
    ahead_give(ptr, size);
}

/* Alignments above that of reservations hold as well, for the block's life. */
TEST(big_alignments, fast)
{
    loam_allocator pages = loam_vm_allocator();

    for (size_t align = MIB; align <= 64 * MIB; align *= 4) {
        size_t size = 700 * KIB;
        char *ptr = (char *)loam_alloc(pages, size, align);

        EXPECT(ptr != NULL);
        for (unsigned i = 0; i < 5; i++) {
            EXPECT_EQ((uintptr_t)ptr & (align - 1), 0);
            ahead_fill(ptr, 0, 600 * KIB, i);
            ptr = (char *)loam_realloc(pages, ptr, size, 2 * size, align);
            EXPECT(ptr != NULL);
            ahead_expect(ptr, 0, 600 * KIB, i);
            size *= 2;
        }
        loam_dealloc(pages, ptr, size, align);
    }
}

/* ---- moving ---- */

/* Beyond its reservation a block moves to an address that is congruent modulo a huge page, with all
 * its contents; where pages can't be moved, or commit is charged, it may also be copied. */
TEST(moves_when_full, fast)
{
    loam_allocator pages = loam_vm_allocator();
    size_t size = MIB, moves = 0;
    char *ptr, *moved;

    (void)loam_vm_trim();
    loam_ahead_limit_reserve(4 * MIB);
    ptr = ahead_take(size);
    ahead_fill(ptr, 0, size, 4);
    while (size < 64 * MIB) {
        loam_ahead_limit_reserve(4 * size);
        if (can(LOAM_VM_REMAP))
            moved = (char *)loam_remap(pages, ptr, size, 2 * size, 16);
        else
            moved = (char *)loam_realloc(pages, ptr, size, 2 * size, 16);
        EXPECT(moved != NULL);
        moves += moved != ptr;
        if (can(LOAM_VM_FREE_COMMIT) && can(LOAM_VM_REMAP))
            EXPECT_EQ((uintptr_t)moved & (loam_ahead_unit() - 1), 0);
        ptr = moved;
        ahead_expect(ptr, 0, size, 4);
        ahead_fill(ptr, size, 2 * size, 4);
        size *= 2;
    }
    EXPECT(moves > 0 || test_under_valgrind()); /* that places mappings where others can grow */
    if (can(LOAM_VM_FREE_COMMIT) && can(LOAM_VM_REMAP))
        EXPECT_EQ(loam_registry_count(), 1);
    loam_ahead_limit_reserve(SIZE_MAX);
    ahead_expect(ptr, 0, size, 4);
    ahead_give(ptr, size);
}

/* A refused move leaves the block as it was, and it can still be used in every way (A9). */
TEST(refused_moves_change_nothing, fast)
{
    loam_allocator pages = loam_vm_allocator();
    size_t size = 4 * MIB;
    char *ptr;

    (void)loam_vm_trim();
    loam_ahead_limit_reserve(8 * MIB);
    ptr = ahead_take(size);
    ahead_fill(ptr, 0, size, 5);
    fail_vm_arm(FAIL_VM_TAKE, 1, true);
    EXPECT_PTR(loam_remap(pages, ptr, size, 32 * MIB, 16), NULL);
    EXPECT(!loam_resize(pages, ptr, size, 32 * MIB, 16));
    EXPECT_PTR(loam_realloc(pages, ptr, size, 32 * MIB, 16), NULL);
    fail_vm_disarm();
    ahead_expect(ptr, 0, size, 5);
    EXPECT(loam_resize(pages, ptr, size, 8 * MIB, 16));
    EXPECT(loam_resize(pages, ptr, 8 * MIB, size, 16));
    ahead_expect(ptr, 0, size, 5);
    ptr = (char *)loam_realloc(pages, ptr, size, 32 * MIB, 16);
    EXPECT(ptr != NULL);
    ahead_expect(ptr, 0, size, 5);
    loam_ahead_limit_reserve(SIZE_MAX);
    ahead_give(ptr, 32 * MIB);
}

/* ---- shrinking ---- */

/* Shrinking gives back all but a quarter of what is left, and small steps ask nobody. */
TEST(shrinks_with_hysteresis, fast)
{
    loam_allocator pages = loam_vm_allocator();
    size_t size = 64 * MIB, small = 8 * MIB;
    char *ptr = ahead_take(size);

    need_address_space();
    ahead_fill(ptr, 0, size, 6);
    EXPECT(loam_resize(pages, ptr, size, small, 16));
    ahead_expect(ptr, 0, small, 6);
    expect_resident(ptr + small + small / 4, size - small - small / 4, 0);
    expect_resident(ptr, small, small / page);

    /* Up into what was kept, and down again: no call but commits, which change nothing there. */
    fail_vm_arm(FAIL_VM_ALL, 0, false);
    for (int i = 0; i < 10; i++) {
        EXPECT(loam_resize(pages, ptr, small, small + MIB, 16));
        ahead_fill(ptr, small, small + MIB, 6);
        EXPECT(loam_resize(pages, ptr, small + MIB, small, 16));
    }
    EXPECT_EQ(fail_vm_calls(), 0);
    fail_vm_disarm();

    /* Far below the smallest size that begins as such a block, and up again. */
    EXPECT(loam_resize(pages, ptr, small, 1, 16));
    expect_resident(ptr + 4 * MIB, size - 4 * MIB, 0);
    ahead_expect(ptr, 0, 1, 6);
    EXPECT(loam_resize(pages, ptr, 1, size, 16));
    ahead_fill(ptr, 0, size, 7);
    ahead_expect(ptr, 0, size, 7);
    ahead_give(ptr, size);
}

/* What is kept behind a block is shown, and goes when it is asked back; the block stays whole. */
TEST(trim_takes_tails, fast)
{
    loam_allocator pages = loam_vm_allocator();
    size_t size = 12 * MIB, small = 4 * MIB;
    loam_stats stats;
    char *ptr;

    need_address_space();
    (void)loam_vm_trim();
    ptr = ahead_take(size);
    ahead_fill(ptr, 0, size, 8);
    ahead_give(ptr, size);
    EXPECT_PTR(ahead_take(small), ptr); /* warm, with 8 MiB behind it */
    ahead_fill(ptr, 0, small, 9);
    expect_resident(ptr, size, size / page);
    loam_vm_trim_stats(&stats);
    EXPECT_EQ(stats.committed, size - small);
    EXPECT_LE(stats.committed, stats.reserved);

    EXPECT_EQ(loam_vm_trim(), 0);
    expect_resident(ptr + small, size - small, 0);
    ahead_expect(ptr, 0, small, 9);
    loam_vm_trim_stats(&stats);
    EXPECT_EQ(stats.committed, 0);
    EXPECT(loam_resize(pages, ptr, small, size, 16));
    ahead_fill(ptr, 0, size, 9);
    ahead_expect(ptr, 0, size, 9);
    ahead_give(ptr, size);
    EXPECT(loam_vm_trim() > 0);
}

/* A system that does not take memory back when a block shrinks changes nothing for the block. */
TEST(refused_shrinking, fast)
{
    loam_allocator pages = loam_vm_allocator();
    size_t size = 16 * MIB;
    char *ptr = ahead_take(size);

    need_address_space();
    ahead_fill(ptr, 0, size, 10);
    fail_vm_arm(FAIL_VM_GIVE, 1, true);
    EXPECT(loam_resize(pages, ptr, size, MIB, 16));
    (void)loam_vm_trim();
    EXPECT(fail_vm_refused() > 0);
    fail_vm_disarm();
    ahead_expect(ptr, 0, MIB, 10);
    EXPECT(loam_resize(pages, ptr, MIB, size, 16));
    ahead_fill(ptr, 0, size, 11);
    ahead_expect(ptr, 0, size, 11);
    ahead_give(ptr, size);
}

/* ---- ends and new beginnings ---- */

/* Blocks that are warm read zero when that is asked for. */
TEST(zalloc_after_growth, fast)
{
    loam_allocator pages = loam_vm_allocator();

    for (unsigned i = 0; i < 5; i++) {
        size_t size = ((size_t)1 << i) * 512 * KIB;
        char *ptr = (char *)loam_zalloc(pages, size, 16);

        EXPECT(ptr != NULL);
        expect_zero(ptr, size);
        EXPECT(loam_resize(pages, ptr, size, 8 * MIB, 16));
        ahead_fill(ptr, 0, 8 * MIB, 12);
        ahead_give(ptr, 8 * MIB);
    }
}

/* Each of several ends is remembered, newest first where all have enough, and the one that has most
 * where none has. All go at a trim, and with them all that was reserved. */
TEST(kept_blocks_serve_again, fast)
{
    static const size_t sizes[] = {1, 2, 4, 8};
    ptrdiff_t live = 0;
    char *ptrs[4];

    need_address_space();
    (void)loam_vm_trim();
    fail_vm_arm(FAIL_VM_RESERVE | FAIL_VM_RELEASE, 0, false);
    live = fail_vm_live();
    for (int i = 0; i < 4; i++)
        ptrs[i] = ahead_take(sizes[i] * MIB);
    for (int i = 3; i >= 0; i--) {
        ahead_fill(ptrs[i], 0, sizes[i] * MIB, 13);
        ahead_give(ptrs[i], sizes[i] * MIB);
    }
    fail_vm_arm(FAIL_VM_RESERVE | FAIL_VM_RELEASE, 0, false);
    if (!test_under_asan() && !test_under_valgrind())
        EXPECT_PTR(ahead_take(512 * KIB), ptrs[0]);
    else
        (void)ahead_take(512 * KIB);
    EXPECT_PTR(ahead_take(8 * MIB), ptrs[3]);
    EXPECT_PTR(ahead_take(16 * MIB), ptrs[2]);
    EXPECT_EQ(fail_vm_calls(), 0);
    ahead_give(ptrs[0], 512 * KIB);
    ahead_give(ptrs[3], 8 * MIB);
    ahead_give(ptrs[2], 16 * MIB);
    EXPECT(loam_vm_trim() > 0);
    EXPECT_EQ(fail_vm_live(), live);
    fail_vm_disarm();
}

/* What is kept of these blocks and of all others is bounded together: sixteen, and 64 MiB. */
TEST(kept_with_others, fast)
{
    enum { COUNT = 40 };
    char *small[COUNT], *big[COUNT];
    loam_stats stats;

    (void)loam_vm_trim();
    for (size_t i = 0; i < COUNT; i++) {
        small[i] = ahead_take(100 * KIB);
        big[i] = ahead_take((1 + i % 10) * 2 * MIB);
        ahead_fill(big[i], 0, (1 + i % 10) * 2 * MIB, i);
    }
    for (size_t i = 0; i < COUNT; i++) {
        ahead_give(small[i], 100 * KIB);
        ahead_give(big[i], (1 + i % 10) * 2 * MIB);
        loam_vm_trim_stats(&stats);
        EXPECT_LE(stats.blocks, 16);
        EXPECT_LE(stats.committed, 64 * MIB);
    }
    EXPECT_EQ(loam_vm_trim(), stats.reserved);
    for (size_t i = 0; i < COUNT; i++)
        small[i] = ahead_take(100 * KIB);
    big[0] = ahead_take(MIB);
    for (size_t i = 0; i < COUNT; i++)
        ahead_give(small[i], 100 * KIB);
    loam_vm_trim_stats(&stats);
    EXPECT_EQ(stats.blocks, 16);
    ahead_give(big[0], MIB);
    loam_vm_trim_stats(&stats);
    EXPECT_EQ(stats.blocks, 16);
}

/* More blocks than the registry first has room for; nothing is left of it when they are gone. */
TEST(registry_grows_and_goes, fast)
{
    enum { COUNT = 500 };
    loam_allocator pages = loam_vm_allocator();
    static char *ptrs[COUNT];
    ptrdiff_t live;

    need_address_space();
    (void)loam_vm_trim();
    fail_vm_arm(FAIL_VM_ALL, 0, false);
    live = fail_vm_live();
    for (size_t i = 0; i < COUNT; i++) {
        ptrs[i] = ahead_take(LOAM_AHEAD_LEAST);
        ahead_fill(ptrs[i], 0, LOAM_AHEAD_LEAST / 8, i);
    }
    EXPECT_EQ(loam_registry_count(), COUNT);
    for (size_t i = 0; i < COUNT; i += 2)
        EXPECT(loam_resize(pages, ptrs[i], LOAM_AHEAD_LEAST, MIB, 16));
    for (size_t i = 0; i < COUNT; i++) {
        ahead_expect(ptrs[i], 0, LOAM_AHEAD_LEAST / 8, i);
        ahead_give(ptrs[i], i % 2 ? LOAM_AHEAD_LEAST : MIB);
    }
    (void)loam_vm_trim();
    EXPECT_EQ(loam_registry_count(), 0);
    EXPECT_EQ(fail_vm_live(), live);
    fail_vm_disarm();
}

static void overrun(void *context)
{
    char *ptr = (char *)context;

    ptr[MIB + 100] = 1;
}

/* Tools see what is behind a block, though it is reserved for it. */
TEST(overruns_are_seen, fast)
{
    loam_allocator pages = loam_vm_allocator();
    char *ptr = ahead_take(2 * MIB);

    if (!test_under_asan())
        TEST_SKIP("needs AddressSanitizer");
    EXPECT(loam_resize(pages, ptr, 2 * MIB, MIB, 16));
    test_faults(overrun, ptr);
    EXPECT(loam_resize(pages, ptr, MIB, 3 * MIB, 16));
    ahead_fill(ptr, 0, 3 * MIB, 1);
    ahead_give(ptr, 3 * MIB);
}

TEST_MAIN
