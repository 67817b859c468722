/* test_vec_misuse.c: each misuse of an array that a checked build names, with its exact words; and
 * that an unchecked build refuses where it returns a bool, with the array as before.
 */
#include "support/test.h"

#include <loam/vec.h>

typedef LOAM_VEC(int) ints;

static ints v;

static void begin(void)
{
    loam_vec_init(&v, loam_libc_allocator());
    for (int i = 0; i < 5; i++)
        EXPECT(loam_vec_push(&v, i));
}

/* In a checked build the call ends the program with these words; else it is refused. */
static void expect_misuse(test_fn call, const char *line)
{
    if (LOAM_CHECKS)
        test_dies(call, NULL, line);
    else
        call(NULL);
    EXPECT(v.count == 5 && v.data[0] == 0 && v.data[4] == 4);
    EXPECT(loam_vec_check(&v, NULL, NULL));
    loam_vec_deinit(&v);
}

#define RANGE   "loam: fatal: index is outside the array: 0x"
#define STORAGE "loam: fatal: storage cannot be handed to or from this array: 0x"

static int elsewhere[8];

/* What is refused, and the words for it. */
#define REFUSED(name, call)                                                                        \
    static void name(void *context)                                                                \
    {                                                                                              \
        (void)context;                                                                             \
        EXPECT(!(call));                                                                           \
    }

REFUSED(insert, loam_vec_insert(&v, 6, 1))
REFUSED(insert_n, loam_vec_insert_n(&v, SIZE_MAX, v.data, 1))
REFUSED(insert_slots, loam_vec_insert_slots(&v, 6, 1))
REFUSED(erase, loam_vec_erase(&v, 5))
REFUSED(erase_n, loam_vec_erase_n(&v, 3, 3))
REFUSED(erase_far, loam_vec_erase_n(&v, 3, SIZE_MAX))
REFUSED(swap_remove, loam_vec_swap_remove(&v, 5))
REFUSED(fill, loam_vec_fill(&v, 6, 1, 9))
REFUSED(adopt_own, loam_vec_adopt(&v, v.data, v.count, v.cap))
REFUSED(adopt_too_many, loam_vec_adopt(&v, elsewhere, 9, 8))
REFUSED(adopt_nothing, loam_vec_adopt(&v, NULL, 0, 8))
REFUSED(adopt_odd, loam_vec_raw_adopt(&v.raw, (char *)elsewhere + 1, 0, 4, sizeof(int), 4))
REFUSED(adopt_huge, loam_vec_adopt(&v, elsewhere, 0, SIZE_MAX / 2))
REFUSED(no_size, loam_vec_raw_reserve(&v.raw, 100, 0, 1))
REFUSED(no_alignment, loam_vec_raw_reserve(&v.raw, 100, 4, 3))

TEST(insert_behind_the_end, fast)
{
    begin();
    expect_misuse(insert, RANGE);
}

TEST(insert_n_far_behind, fast)
{
    begin();
    expect_misuse(insert_n, RANGE);
}

TEST(insert_slots_behind_the_end, fast)
{
    begin();
    expect_misuse(insert_slots, RANGE);
}

TEST(erase_at_the_end, fast)
{
    begin();
    expect_misuse(erase, RANGE);
}

TEST(erase_n_across_the_end, fast)
{
    begin();
    expect_misuse(erase_n, RANGE);
}

TEST(erase_n_that_overflows, fast)
{
    begin();
    expect_misuse(erase_far, RANGE);
}

TEST(swap_remove_at_the_end, fast)
{
    begin();
    expect_misuse(swap_remove, RANGE);
}

TEST(fill_behind_the_end, fast)
{
    begin();
    expect_misuse(fill, RANGE);
}

TEST(adopt_its_own, fast)
{
    begin();
    expect_misuse(adopt_own, STORAGE);
}

TEST(adopt_more_than_there_is_room_for, fast)
{
    begin();
    expect_misuse(adopt_too_many, STORAGE);
}

TEST(adopt_nothing_with_a_capacity, fast)
{
    begin();
    expect_misuse(adopt_nothing, STORAGE);
}

TEST(adopt_a_misaligned_block, fast)
{
    begin();
    expect_misuse(adopt_odd, STORAGE);
}

TEST(adopt_an_impossible_size, fast)
{
    begin();
    expect_misuse(adopt_huge, STORAGE);
}

TEST(elements_without_a_size, fast)
{
    begin();
    expect_misuse(no_size, "loam: fatal: size is 0 or above PTRDIFF_MAX: 0x");
}

TEST(alignment_that_is_none, fast)
{
    begin();
    expect_misuse(no_alignment, "loam: fatal: alignment is not a power of two: 0x");
}

/* Reading is looked at in a checked build alone. */
static void read_behind(void *context)
{
    (void)context;
    (void)loam_vec_at(&v, 5);
}

TEST(at_the_end, fast)
{
    if (!LOAM_CHECKS)
        TEST_SKIP("not a checked build");
    begin();
    test_dies_with(read_behind, NULL, RANGE, v.data);
    loam_vec_deinit(&v);
}

/* ---- reserved arrays keep their storage ---- */

static void begin_reserved(void)
{
    EXPECT(loam_vec_init_reserved(&v, 100));
    for (int i = 0; i < 5; i++)
        EXPECT(loam_vec_push(&v, i));
}

static void release_reserved(void *context)
{
    size_t count = 1, cap = 1;

    (void)context;
    EXPECT(loam_vec_release(&v, &count, &cap) == NULL && count == 0 && cap == 0);
}

TEST(release_from_a_reserved_one, fast)
{
    begin_reserved();
    expect_misuse(release_reserved, STORAGE);
}

static void adopt_into_reserved(void *context)
{
    (void)context;
    EXPECT(!loam_vec_adopt(&v, elsewhere, 0, 8));
}

TEST(adopt_into_a_reserved_one, fast)
{
    begin_reserved();
    expect_misuse(adopt_into_reserved, STORAGE);
}

TEST_MAIN
