/* pages_moves.c: extending and moving; see pages.c. */
#include "vm/pages.h"

#include "internal/atomic.h"

/* ---- extend, remap ---- */

/* Grows into address space that is free, shrinks, and is refused where something is in the way. */
TEST(extend, fast)
{
    size_t size = 4 * MIB;
    char *ptr = take(2 * size);

    write_pages(ptr, 2 * size, 1);
    EXPECT(!loam_vm_extend(NULL, size, 2 * size));
    EXPECT(!loam_vm_extend(ptr, 0, size));
    EXPECT(!loam_vm_extend(ptr, size, 0));
    EXPECT(!loam_vm_extend(ptr, size, SIZE_MAX));
    if (!can(LOAM_VM_REMAP)) {
        EXPECT(!loam_vm_extend(ptr, 2 * size, size));
        EXPECT(loam_vm_release(ptr, 2 * size));
        return;
    }
    EXPECT(!loam_vm_extend(ptr, size, size + page)); /* the upper half is in the way */
    expect_pages(ptr, 2 * size, 1);
    EXPECT(loam_vm_extend(ptr, 2 * size, size));
    EXPECT(memory_is_unmapped(ptr + size, size, page));
    EXPECT(loam_vm_extend(ptr, size, size));
    EXPECT(loam_vm_extend(ptr, size, 2 * size));
    expect_pages(ptr, size, 1);
    expect_zero(ptr + size, size);
    write_pages(ptr, 2 * size, 2);
    expect_pages(ptr, 2 * size, 2);
    EXPECT(loam_vm_release(ptr, 2 * size));
}

/* Moves the lower half of a mapping, whose upper half is in the way of growing in place. */
static void move_and_grow(size_t size)
{
    char *ptr = take(2 * size), *moved;
    size_t huge = loam_vm_huge_page_size();

    write_pages(ptr, 2 * size, 21);
    moved = (char *)loam_vm_remap(ptr, size, 3 * size);
    EXPECT(moved != NULL && moved != ptr);
    EXPECT(memory_is_unmapped(ptr, size, page));
    expect_pages(moved, size, 21);
    expect_zero(moved + size, 2 * size);
    if (can(LOAM_VM_FREE_COMMIT) && huge && size >= huge)
        EXPECT_EQ((uintptr_t)ptr & (huge - 1), (uintptr_t)moved & (huge - 1));
    write_pages(moved, 3 * size, 22);
    expect_pages(moved, 3 * size, 22);
    expect_pages(ptr + size, size, 21 + size / page);
    EXPECT(loam_vm_release_part(ptr + size, size));

    ptr = (char *)loam_vm_remap(moved, 3 * size, size);
    EXPECT_PTR(ptr, moved);
    EXPECT(memory_is_unmapped(ptr + size, 2 * size, page));
    expect_pages(ptr, size, 22);
    EXPECT(loam_vm_release(ptr, size));
}

TEST(remap_keeps_contents, fast)
{
    page = loam_vm_page_size();
    if (!can(LOAM_VM_REMAP))
        TEST_SKIP("pages can't be moved here");
    for (size_t size = page; size <= 32 * MIB; size *= 4)
        move_and_grow(size);
    move_and_grow(3 * MIB + page); /* not congruent by itself */
}

/* Moving, congruent or not, leaves no hole behind. */
TEST(remap_leaves_nothing, fast)
{
    size_t before, size = page = loam_vm_page_size();

    if (!can(LOAM_VM_REMAP) || tool_watches() || memory_address_space() == 0)
        TEST_SKIP("nothing to see");
    before = memory_address_space();
    for (size = page; size <= 16 * MIB; size *= 4) {
        move_and_grow(size);
        EXPECT_EQ(memory_address_space(), before);
    }
}

TEST(remap_refuses, fast)
{
    char *ptr = take(MIB);

    write_pages(ptr, MIB, 4);
    EXPECT_PTR(loam_vm_remap(NULL, MIB, 2 * MIB), NULL);
    EXPECT_PTR(loam_vm_remap(ptr, 0, 2 * MIB), NULL);
    EXPECT_PTR(loam_vm_remap(ptr, MIB, 0), NULL);
    EXPECT_PTR(loam_vm_remap(ptr, MIB, SIZE_MAX), NULL);
    EXPECT_PTR(loam_vm_remap(ptr, MIB, (size_t)PTRDIFF_MAX + 1), NULL);
    EXPECT_PTR(loam_vm_remap(ptr, MIB, TOO_MUCH), NULL);
    if (!can(LOAM_VM_REMAP))
        EXPECT_PTR(loam_vm_remap(ptr, MIB, 2 * MIB), NULL);
    else
        EXPECT_PTR(loam_vm_remap(ptr, MIB, MIB), ptr);
    expect_pages(ptr, MIB, 4);
    EXPECT(loam_vm_release(ptr, MIB));
}

static void move_under_limit(void *context)
{
    size_t size = 32 * MIB;
    char *ptr, *moved;

    (void)context;
    ptr = take(2 * size);
    write_pages(ptr, size, 8);
    if (!memory_limit_address_space(16 * MIB))
        TEST_SKIP("needs RLIMIT_AS");
    /* There is no room for a hole to move into, but for the growth alone. */
    moved = (char *)loam_vm_remap(ptr, size, size + 8 * MIB);
    EXPECT(moved != NULL && moved != ptr);
    expect_pages(moved, size, 8);
    EXPECT_PTR(loam_vm_remap(moved, size + 8 * MIB, 4 * size), NULL);
    expect_pages(moved, size, 8);
    EXPECT(loam_vm_release(moved, size + 8 * MIB));
}

/* Where a limit leaves no room for both places at once, pages still move, or stay whole. */
TEST(remap_under_limit, fast)
{
    if (!can(LOAM_VM_REMAP) || tool_watches())
        TEST_SKIP("nothing to see");
    test_survives(move_under_limit, NULL);
}

/* | theirs, grows into | ours, moves away | in the way |. Neither waits for the other but through a
 * relaxed word, so nothing but the page layer can tell ThreadSanitizer what came first. */
typedef struct neighbours {
    char *ptr;
    size_t size;
    char *moved;
    bool grew;
    size_t left; /* changed atomically */
} neighbours;

static void leave_or_follow(void *context, size_t index)
{
    neighbours *both = (neighbours *)context;

    if (index == 0) {
        write_pages(both->ptr + both->size, both->size, 5);
        both->moved = (char *)loam_vm_remap(both->ptr + both->size, both->size, 2 * both->size);
        loam_atomic_store(&both->left, 1);
        return;
    }
    while (loam_atomic_load(&both->left) == 0) {
    }
    both->grew = loam_vm_extend(both->ptr, both->size, 2 * both->size);
    if (both->grew)
        expect_zero(both->ptr + both->size, both->size);
}

static bool one_moves_where_another_left(void)
{
    neighbours both = {NULL, 64 * page, NULL, false, 0};

    both.ptr = take(3 * both.size);
    test_run_threads(2, leave_or_follow, &both);
    EXPECT(both.moved != NULL);
    expect_pages(both.moved, both.size, 5);
    EXPECT(loam_vm_release(both.moved, 2 * both.size));
    EXPECT(loam_vm_release_part(both.ptr, both.size));
    if (both.grew)
        EXPECT(loam_vm_release_part(both.ptr + both.size, both.size));
    EXPECT(loam_vm_release_part(both.ptr + 2 * both.size, both.size));
    return both.grew;
}

/* Whatever else maps memory in this process may come first, now and then. */
TEST(one_thread_moves_where_another_left, fast)
{
    page = loam_vm_page_size();
    if (!can(LOAM_VM_REMAP))
        TEST_SKIP("nothing moves");
    for (int i = 0; i < 20; i++) {
        if (one_moves_where_another_left())
            return;
    }
    TEST_SKIP("the place was always taken by something else");
}
