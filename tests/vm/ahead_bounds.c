/* ahead_bounds.c: blocks that are reserved ahead hold no more memory than they may, and what is
 * written down of them is true after refusals too. */
#include "vm/ahead.h"

static loam_stats kept_now(void)
{
    loam_stats stats;

    loam_vm_trim_stats(&stats);
    return stats;
}

static bool has_huge_pages(void)
{
    return can(LOAM_VM_HUGE_ADVICE) && loam_vm_huge_page_size() == 2 * MIB;
}

/* ---- huge pages ---- */

enum { RECYCLED = 15 };

/* Takes blocks of that size after as many reservations with huge pages were given back. Returns how
 * much memory there is beyond what was asked for. */
static size_t waste_after_recycling(size_t before, size_t size)
{
    char *ptrs[RECYCLED];
    size_t resident = 0;

    (void)loam_vm_trim();
    for (size_t i = 0; i < RECYCLED; i++) {
        ptrs[i] = ahead_take(before);
        ahead_fill(ptrs[i], 0, before, i);
    }
    for (size_t i = 0; i < RECYCLED; i++)
        ahead_give(ptrs[i], before);
    for (size_t i = 0; i < RECYCLED; i++) {
        ptrs[i] = ahead_take(size);
        ahead_fill(ptrs[i], 0, size, i);
        ahead_expect_true(ptrs[i]);
    }
    EXPECT_EQ(loam_registry_count() - loam_registry_keeps(), RECYCLED);
    EXPECT_LE(loam_registry_slack(), LOAM_AHEAD_SLACK);
    for (size_t i = 0; i < RECYCLED; i++) {
        ahead_expect(ptrs[i], 0, size, i);
        resident += memory_resident(ptrs[i], 32 * MIB, page) * page;
        ahead_give(ptrs[i], size);
    }
    return resident - RECYCLED * size;
}

/* Reservations that huge pages were advised for go only to blocks that may have huge pages: these
 * share 8 MiB of waste, however they came to them. Long tails are kept beside, for a while. */
TEST(recycled_huge_pages_count, fast)
{
    size_t size = MIB + 64 * KIB, shorts = RECYCLED * size / 8;

    need_address_space();
    (void)loam_vm_trim();
    if (!has_huge_pages() || tool_watches())
        TEST_SKIP("needs huge pages");
    EXPECT_LE(waste_after_recycling(2 * MIB, size), LOAM_AHEAD_SLACK + shorts);
    EXPECT_LE(waste_after_recycling(4 * MIB, size), LOAM_AHEAD_SLACK + LOAM_AHEAD_WARM + shorts);
    EXPECT_LE(waste_after_recycling(8 * MIB, size), LOAM_AHEAD_SLACK + LOAM_AHEAD_WARM + shorts);
    EXPECT_LE(waste_after_recycling(2 * MIB, 300 * KIB), LOAM_AHEAD_SLACK + shorts);
}

/* Takes a block that has small pages only, where all that others may waste is used up. */
static char *take_with_small_pages(char **others, size_t count)
{
    char *ptr;

    for (size_t i = 0; i < count; i++)
        others[i] = ahead_take(512 * KIB);
    ptr = ahead_take(512 * KIB);
    EXPECT(!ahead_record(ptr).huge);
    return ptr;
}

enum { OTHERS = 8 };

/* The same where the reservation with huge pages is the one that was given back last. */
TEST(newest_huge_pages_count, fast)
{
    char *others[OTHERS], *big, *ptr, *again;

    (void)loam_vm_trim();
    if (!has_huge_pages())
        TEST_SKIP("needs huge pages");
    big = ahead_take(4 * MIB);
    ahead_fill(big, 0, 4 * MIB, 1);
    EXPECT(ahead_record(big).huge);
    ptr = take_with_small_pages(others, OTHERS);
    ahead_give(big, 4 * MIB);
    again = ahead_take(512 * KIB);
    EXPECT(again != big && !ahead_record(again).huge);
    EXPECT_PTR(ahead_take(4 * MIB), big); /* it wastes nothing */
    ahead_give(big, 4 * MIB);
    ahead_give(again, 512 * KIB);
    ahead_give(ptr, 512 * KIB);
    for (size_t i = 0; i < OTHERS; i++)
        ahead_give(others[i], 512 * KIB);
}

/* ---- tails ---- */

/* Blocks that shrank keep an eighth of themselves behind them, and a few of them more. */
TEST(tails_of_many_blocks, fast)
{
    enum { COUNT = 150 };
    loam_allocator pages = loam_vm_allocator();
    size_t from = 320 * KIB, to = 64 * KIB, resident = 0;
    char *ptrs[COUNT];

    need_address_space();
    (void)loam_vm_trim();
    loam_ahead_limit_reserve(4 * MIB);
    for (size_t i = 0; i < COUNT; i++) {
        ptrs[i] = ahead_take(from);
        ahead_fill(ptrs[i], 0, from, i);
    }
    for (size_t i = 0; i < COUNT; i++) {
        EXPECT(loam_resize(pages, ptrs[i], from, to, 16));
        ahead_expect_true(ptrs[i]);
    }
    if (!test_under_valgrind() && memory_tells_resident()) {
        for (size_t i = 0; i < COUNT; i++)
            resident += memory_resident(ptrs[i], 2 * MIB, page) * page;
        EXPECT_LE(resident - COUNT * to,
                  COUNT * to / 8 + LOAM_AHEAD_TAILS * (from - to) + LOAM_AHEAD_SLACK);
    }

    /* Steps of less than an eighth, up and down, ask nobody from the second time on. */
    for (int j = 0; j < 4; j++) {
        fail_vm_arm(FAIL_VM_ALL, 0, false);
        for (size_t i = 0; i < COUNT; i++) {
            EXPECT(loam_resize(pages, ptrs[i], to, to - 4 * KIB, 16));
            EXPECT(loam_resize(pages, ptrs[i], to - 4 * KIB, to, 16));
        }
        if (page == 4 * KIB && j > 0)
            EXPECT_EQ(fail_vm_calls(), 0);
    }
    fail_vm_disarm();
    for (size_t i = 0; i < COUNT; i++) {
        ahead_expect(ptrs[i], 0, to - 4 * KIB, i);
        ahead_give(ptrs[i], to);
    }
    loam_ahead_limit_reserve(SIZE_MAX);
}

/* ---- what is kept ---- */

/* No mapping that is kept has more than 16 MiB, also one that is of use only whole. */
TEST(big_plain_mappings_are_not_kept, fast)
{
    for (size_t size = 8 * MIB; size <= 40 * MIB; size += 16 * MIB) {
        size_t dirty;
        char *ptr;

        (void)loam_vm_trim();
        ptr = (char *)loam_vm_allocator_take(size, 16, &dirty);
        EXPECT(ptr != NULL);
        EXPECT_EQ(loam_registry_count(), 0); /* one that nobody wrote down */
        ahead_fill(ptr, 0, size, 1);
        ahead_give(ptr, size);
        EXPECT_LE(kept_now().committed, 16 * MIB);
        EXPECT_EQ(kept_now().blocks, size <= 16 * MIB);
    }
}

/* Takes a block, touches it and gives it back. Returns what is kept then. */
static size_t kept_after(size_t size)
{
    char *ptr = ahead_take(size);

    ahead_fill(ptr, 0, size, size);
    ahead_expect(ptr, 0, size, size);
    ahead_give(ptr, size);
    return kept_now().committed;
}

/* Of what is above 16 MiB, a reservation keeps what two blocks of it had, one after the other; and
 * one block that does not need it ends that. */
TEST(kept_when_needed_again, fast)
{
    char *ptr;

    need_address_space();
    (void)loam_vm_trim();
    EXPECT_EQ(kept_after(40 * MIB), 16 * MIB);
    EXPECT_EQ(kept_after(32 * MIB), 32 * MIB);
    EXPECT_EQ(kept_after(40 * MIB), 32 * MIB);
    EXPECT_EQ(kept_after(48 * MIB), 40 * MIB);
    EXPECT_EQ(kept_after(40 * MIB), 40 * MIB);
    fail_vm_arm(FAIL_VM_ALL & ~FAIL_VM_COMMIT, 0, false);
    EXPECT_EQ(kept_after(40 * MIB), 40 * MIB);
    EXPECT_EQ(fail_vm_calls(), 0);
    fail_vm_disarm();
    ptr = ahead_take(40 * MIB);
    if (!test_under_valgrind() && memory_tells_resident())
        EXPECT_EQ(memory_resident(ptr, 40 * MIB, page), 40 * MIB / page);
    ahead_give(ptr, 40 * MIB);

    (void)kept_after(2 * MIB);
    EXPECT_LE(kept_after(2 * MIB), 16 * MIB);
    EXPECT_LE(kept_after(40 * MIB), 16 * MIB);
}

/* That is 48 MiB at most, or 64 MiB of a block that was no bigger; and smaller mappings still have a
 * place beside it. */
TEST(kept_at_most, fast)
{
    char *ptr;
    size_t kept = 0;

    need_address_space();
    (void)loam_vm_trim();
    for (int i = 0; i < 4; i++) {
        kept = kept_after(100 * MIB);
        EXPECT_EQ(kept, i == 0 ? 16 * MIB : 48 * MIB);
    }
    ptr = ahead_take(64 * KIB);
    ahead_give(ptr, 64 * KIB);
    EXPECT_EQ(kept_now().committed, kept + 64 * KIB);

    for (int i = 0; i < 3; i++)
        kept = kept_after(64 * MIB);
    EXPECT_EQ(kept, (test_under_asan() || test_under_valgrind() ? 48 * MIB : 64 * MIB) + 64 * KIB);
    EXPECT_PTR(ahead_take(64 * KIB), ptr);
    ahead_give(ptr, 64 * KIB);
    EXPECT_EQ(kept_now().committed, kept);
}

/* Whatever blocks do, no more than 96 MiB are kept of them, behind them and in the cache. */
TEST(kept_in_all, fast)
{
    enum { LIVE = 12, STEPS = 6000 };
    loam_allocator pages = loam_vm_allocator();
    char *ptrs[LIVE] = {NULL};
    size_t sizes[LIVE] = {0}, most = 0;
    test_rng rng;

    test_rng_init(&rng, test_seed());
    (void)loam_vm_trim();
    for (int step = 0; step < STEPS; step++) {
        size_t i = (size_t)test_rng_below(&rng, LIVE);
        size_t size = (size_t)(1 + test_rng_below(&rng, 1 + test_rng_below(&rng, 80))) * MIB;

        if (!ptrs[i]) {
            ptrs[i] = ahead_take(size);
            sizes[i] = size;
        } else if (!test_rng_one_in(&rng, 3)) {
            ahead_give(ptrs[i], sizes[i]);
            ptrs[i] = NULL;
        } else if (loam_resize(pages, ptrs[i], sizes[i], size, 16)) {
            sizes[i] = size;
        }
        if (ptrs[i])
            ahead_expect_true(ptrs[i]);
        EXPECT_LE(kept_now().blocks, 16);
        EXPECT_LE(kept_now().committed, 96 * MIB);
        most = kept_now().committed > most ? kept_now().committed : most;
    }
    EXPECT_LE(48 * MIB, most); /* else this has shown nothing */
    for (size_t i = 0; i < LIVE; i++) {
        if (ptrs[i])
            ahead_give(ptrs[i], sizes[i]);
    }
}

/* What a block leaves behind when its pages move is of odd size, and not kept. */
TEST(moves_leave_nothing, fast)
{
    loam_allocator pages = loam_vm_allocator();
    char *ptr, *moved;

    if (!can(LOAM_VM_REMAP))
        TEST_SKIP("pages can't be moved here");
    (void)loam_vm_trim();
    loam_ahead_limit_reserve(8 * MIB);
    ptr = ahead_take(MIB);
    ahead_fill(ptr, 0, MIB, 2);
    loam_ahead_limit_reserve(64 * MIB);
    moved = (char *)loam_remap(pages, ptr, MIB, 16 * MIB, 16);
    EXPECT(moved != NULL);
    ahead_expect(moved, 0, MIB, 2);
    EXPECT_EQ(kept_now().blocks, 0);
    EXPECT_EQ(kept_now().reserved, 0);
    loam_ahead_limit_reserve(SIZE_MAX);
    ahead_give(moved, 16 * MIB);
}

/* A block for which there is no room in the registry leaves its reservation to the cache, and where
 * commit is charged, what is charged for it counts there. */
TEST(refused_start_is_counted, fast)
{
    enum { FIRST = 32 }; /* as many as the registry has room for in the beginning */
    loam_allocator pages = loam_vm_allocator();
    char *ptrs[FIRST], *big;

    need_address_space();
    (void)loam_vm_trim();
    for (size_t i = 0; i < FIRST; i++)
        ptrs[i] = ahead_take(LOAM_AHEAD_LEAST);
    EXPECT_EQ(kept_now().blocks, 0);
    fail_vm_arm(FAIL_VM_RESERVE, 2, false); /* the first is the block's, the next the registry's */
    big = ahead_take(24 * MIB);
    EXPECT_EQ(fail_vm_refused(), 1);
    fail_vm_disarm();
    EXPECT_EQ(loam_registry_count(), FIRST);
    EXPECT_EQ(kept_now().blocks, 1);
    EXPECT_EQ(kept_now().committed, can(LOAM_VM_FREE_COMMIT) ? 0 : 16 * MIB);
    loam_dealloc(pages, big, 24 * MIB, 16);
    for (size_t i = 0; i < FIRST; i++)
        ahead_give(ptrs[i], LOAM_AHEAD_LEAST);
    (void)loam_vm_trim();
    EXPECT_EQ(loam_registry_count(), 0);
}

/* ---- requests that nobody can serve ---- */

static void expect_unserved(size_t size, size_t align)
{
    loam_allocator pages = loam_vm_allocator();
    loam_stats before = kept_now(), after;
    void *ptr = loam_alloc(pages, size, align);

    if (ptr) /* a system with more address space than most */
        loam_dealloc(pages, ptr, size, align);
    after = kept_now();
    EXPECT_LE(before.blocks, after.blocks);
    EXPECT_LE(before.reserved, after.reserved);
}

/* They cost others neither what is kept nor what is reserved ahead for them. */
TEST(impossible_requests_spoil_nothing, fast)
{
    size_t top = SIZE_MAX / 2 + 1, count;
    char *ptrs[6];

    need_address_space();
    (void)loam_vm_trim();
    for (size_t i = 0; i < 6; i++)
        ptrs[i] = ahead_take(MIB);
    ahead_give(ptrs[4], MIB);
    ahead_give(ptrs[5], MIB);
    expect_unserved(MIB, top);
    expect_unserved(MIB, top / 2);
    if (sizeof(size_t) >= 8)
        expect_unserved(MIB, (size_t)1 << (sizeof(size_t) * 6 - 1));
    expect_unserved((size_t)PTRDIFF_MAX - MIB, 16);
    expect_unserved((size_t)PTRDIFF_MAX / 4, LOAM_AHEAD_UNIT);
    count = loam_registry_count();
    for (size_t i = 4; i < 6; i++)
        ptrs[i] = ahead_take(MIB);
    EXPECT_LE(count, loam_registry_count());
    EXPECT_EQ(loam_registry_count(), 6); /* each of them has a reservation */
    for (size_t i = 0; i < 6; i++)
        ahead_give(ptrs[i], MIB);
}

/* Where the system would put a reservation must not happen to be aligned: no room is needed for that
 * then. Takes up a little of such a place. */
static void spoil_alignment(size_t align)
{
    void *probe = loam_vm_reserve(LOAM_AHEAD_RESERVE, 1);
    bool aligned = probe && loam_padding(probe, align) == 0;

    EXPECT(probe);
    loam_vm_release(probe, LOAM_AHEAD_RESERVE);
    EXPECT(!aligned || loam_vm_reserve(LOAM_AHEAD_UNIT, 1));
}

static void take_aligned_under_limit(void *context)
{
    loam_allocator pages = loam_vm_allocator();
    size_t align = LOAM_AHEAD_RESERVE / 2;
    char *aligned, *ptr;

    (void)context;
    (void)loam_vm_page_size(); /* so that the limit is not known */
    if (!memory_limit_address_space(LOAM_AHEAD_RESERVE + LOAM_AHEAD_RESERVE / 4))
        TEST_SKIP("needs RLIMIT_AS");
    spoil_alignment(align);
    aligned = (char *)loam_alloc(pages, MIB, align);
    EXPECT(aligned && loam_padding(aligned, align) == 0);
    EXPECT_LE(ahead_record(aligned).reserved, 4 * MIB); /* room for one growth */
    ptr = ahead_take(MIB);
    EXPECT_EQ(ahead_record(ptr).reserved, LOAM_AHEAD_RESERVE);
    ahead_give(ptr, MIB);
    loam_dealloc(pages, aligned, MIB, align);
}

/* Nor do alignments cost others theirs that the system only has no room for; the highest are for
 * mappings of their own. */
TEST(high_alignments_spoil_nothing, fast)
{
    loam_allocator pages = loam_vm_allocator();
    size_t align = (size_t)2 * LOAM_AHEAD_ALIGN;
    loam_ahead one;
    char *ptr;

    need_address_space();
    if (tool_watches())
        TEST_SKIP("a tool needs its address space");
    test_survives(take_aligned_under_limit, NULL);
    ptr = (char *)loam_alloc(pages, MIB, align);
    EXPECT(ptr && loam_padding(ptr, align) == 0);
    EXPECT(!ahead_find(ptr, &one));
    loam_dealloc(pages, ptr, MIB, align);
}

/* ---- refusals ---- */

/* A growth that is refused has not changed what the block has, whatever was tried first. */
TEST(refused_growth_changes_nothing, fast)
{
    loam_allocator pages = loam_vm_allocator();
    size_t size = 512 * KIB;
    char *others[OTHERS], *ptr;

    (void)loam_vm_trim();
    ptr = take_with_small_pages(others, OTHERS);
    ahead_fill(ptr, 0, size, 3);
    for (size_t n = 1; n <= 4; n++) {
        loam_ahead before = ahead_record(ptr), after;

        fail_vm_arm(FAIL_VM_COMMIT | FAIL_VM_ADVISE, n, true);
        if (loam_resize(pages, ptr, size, 8 * size, 16))
            EXPECT(loam_resize(pages, ptr, 8 * size, size, 16));
        fail_vm_disarm();
        ahead_expect_true(ptr);
        after = ahead_record(ptr);
        EXPECT_EQ(before.size, after.size);
        EXPECT(loam_resize(pages, ptr, size, size + 64 * KIB, 16));
        ahead_fill(ptr, 0, size + 64 * KIB, 3);
        ahead_expect_true(ptr);
        EXPECT(loam_resize(pages, ptr, size + 64 * KIB, size, 16));
        ahead_expect(ptr, 0, size, 3);
    }
    ahead_give(ptr, size);
    for (size_t i = 0; i < OTHERS; i++)
        ahead_give(others[i], size);
}

/* Nor has a move that is refused, to the last figure. */
TEST(refused_move_changes_nothing, fast)
{
    loam_allocator pages = loam_vm_allocator();
    size_t size = 3 * MIB;
    loam_ahead before, after;
    char *ptr;

    (void)loam_vm_trim();
    loam_ahead_limit_reserve(8 * MIB);
    ptr = ahead_take(size);
    ahead_fill(ptr, 0, size, 4);
    before = ahead_record(ptr);
    fail_vm_arm(FAIL_VM_REMAP, 1, true);
    EXPECT_PTR(loam_remap(pages, ptr, size, 32 * MIB, 16), NULL);
    fail_vm_disarm();
    after = ahead_record(ptr);
    EXPECT_EQ(before.committed, after.committed);
    EXPECT_EQ(before.reserved, after.reserved);
    EXPECT_EQ(before.size, after.size);
    EXPECT_EQ(before.dirty, after.dirty);
    EXPECT_EQ(before.huge, after.huge);
    ahead_expect(ptr, 0, size, 4);
    loam_ahead_limit_reserve(SIZE_MAX);
    ahead_give(ptr, size);
}

/* ---- moving ---- */

/* Grows a block beyond its reservation and expects that its pages move. */
static void expect_move(char *ptr, size_t size, size_t filled, uint64_t salt)
{
    loam_allocator pages = loam_vm_allocator();
    size_t bigger = ahead_record(ptr).reserved + 8 * MIB;
    char *moved = (char *)loam_remap(pages, ptr, size, bigger, 16);

    EXPECT(moved != NULL);
    ahead_expect(moved, 0, filled, salt);
    ahead_fill(moved, 0, bigger, salt + 1);
    ahead_expect(moved, 0, bigger, salt + 1);
    ahead_give(moved, bigger);
}

/* Memory that went and came again has the advice of the whole: else it would be a mapping of its
 * own, and the system would not move the block. */
TEST(shrunk_blocks_move, fast)
{
    loam_allocator pages = loam_vm_allocator();
    char *ptr, *others[OTHERS];

    need_address_space();
    if (!can(LOAM_VM_REMAP))
        TEST_SKIP("pages can't be moved here");
    (void)loam_vm_trim();
    loam_ahead_limit_reserve(64 * MIB);
    ptr = ahead_take(16 * MIB);
    ahead_fill(ptr, 0, 16 * MIB, 5);
    EXPECT(loam_resize(pages, ptr, 16 * MIB, 4 * MIB, 16));
    EXPECT(loam_resize(pages, ptr, 4 * MIB, 20 * MIB, 16));
    expect_move(ptr, 20 * MIB, 4 * MIB, 5);

    /* The same of one that the cache gave back a part of. */
    ptr = ahead_take(24 * MIB);
    ahead_fill(ptr, 0, 24 * MIB, 7);
    ahead_give(ptr, 24 * MIB);
    EXPECT_PTR(ahead_take(24 * MIB), ptr);
    ahead_fill(ptr, 0, 24 * MIB, 8);
    expect_move(ptr, 24 * MIB, 24 * MIB, 8);

    /* And of one with small pages. */
    (void)loam_vm_trim();
    ptr = take_with_small_pages(others, can(LOAM_VM_HUGE_ADVICE) ? OTHERS : 0);
    EXPECT(loam_resize(pages, ptr, 512 * KIB, 700 * KIB, 16));
    EXPECT(loam_resize(pages, ptr, 700 * KIB, 64 * KIB, 16));
    (void)loam_vm_trim();
    EXPECT(loam_resize(pages, ptr, 64 * KIB, 640 * KIB, 16));
    ahead_fill(ptr, 0, 640 * KIB, 9);
    EXPECT(!ahead_record(ptr).huge);
    expect_move(ptr, 640 * KIB, 640 * KIB, 9);
    for (size_t i = 0; can(LOAM_VM_HUGE_ADVICE) && i < OTHERS; i++)
        ahead_give(others[i], 512 * KIB);
    loam_ahead_limit_reserve(SIZE_MAX);
}

static char *expect_aligned_remap(char *ptr, size_t size, size_t new_size, size_t align)
{
    loam_allocator pages = loam_vm_allocator();
    char *moved = (char *)loam_remap(pages, ptr, size, new_size, align);

    if (!moved) {
        ahead_expect(ptr, 0, size, size);
        moved = (char *)loam_realloc(pages, ptr, size, new_size, align);
        EXPECT(moved != NULL);
    }
    EXPECT_EQ(loam_padding(moved, align), 0);
    ahead_expect(moved, 0, size, size);
    ahead_fill(moved, 0, new_size, new_size);
    return moved;
}

/* A remap honours an alignment above a page, or is refused and leaves the block whole; and then a
 * copy is aligned. Again and again, in place and beyond the reservation, down and up. */
TEST(remap_honours_alignment, fast)
{
    loam_allocator pages = loam_vm_allocator();

    for (size_t align = 4 * KIB; align <= 64 * MIB; align *= 8) {
        size_t size = MIB;
        char *ptr;

        (void)loam_vm_trim();
        loam_ahead_limit_reserve(4 * MIB);
        ptr = (char *)loam_alloc(pages, size, align);
        EXPECT(ptr && loam_padding(ptr, align) == 0);
        page = loam_vm_page_size();
        ahead_fill(ptr, 0, size, size);
        for (; size < 32 * MIB; size *= 2) {
            ptr = expect_aligned_remap(ptr, size, 2 * size, align);
            loam_ahead_limit_reserve(8 * size);
        }
        if (loam_resize(pages, ptr, size, size / 4, align))
            size /= 4;
        ahead_fill(ptr, 0, size, size);
        ptr = expect_aligned_remap(ptr, size, 3 * size, align);
        loam_ahead_limit_reserve(SIZE_MAX);
        loam_dealloc(pages, ptr, 3 * size, align);
    }
}

TEST_MAIN
