/* test_vec_misuse.c: each misuse of an array that a checked build names, with its exact words; and
 * that an unchecked build refuses where it returns a bool, with the array as before.
 */
#include "support/test.h"

#include <loam/vec_algorithms.h>

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
#define SOURCE  "loam: fatal: elements to put in lie in the room of the array: 0x"

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
REFUSED(replace, loam_vec_replace(&v, 6, 0, elsewhere, 1))
REFUSED(replace_n, loam_vec_replace(&v, 3, 3, elsewhere, 1))
REFUSED(replace_far, loam_vec_replace(&v, 3, SIZE_MAX, elsewhere, 1))
REFUSED(rotate, loam_vec_rotate(&v, 6))
REFUSED(push_room, loam_vec_push_n(&v, v.data + 5, 1))
REFUSED(push_across, loam_vec_push_n(&v, v.data + 4, 2))
REFUSED(push_raw_room, loam_vec_raw_push(&v.raw, v.data + 6, sizeof(int), LOAM_ALIGNOF(int)))
REFUSED(insert_room, loam_vec_insert_n(&v, 0, v.data + 3, 4))
REFUSED(insert_many, loam_vec_insert_n(&v, 0, v.data, 6))
REFUSED(replace_room, loam_vec_replace(&v, 0, 2, v.data + 5, 1))
REFUSED(assign_room, loam_vec_assign(&v, v.data + 1, 5))
REFUSED(fill_room, loam_vec_raw_fill(&v.raw, 0, 1, v.data + 5, sizeof(int), LOAM_ALIGNOF(int)))
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

TEST(replace_behind_the_end, fast)
{
    begin();
    expect_misuse(replace, RANGE);
}

TEST(replace_across_the_end, fast)
{
    begin();
    expect_misuse(replace_n, RANGE);
}

TEST(replace_that_overflows, fast)
{
    begin();
    expect_misuse(replace_far, RANGE);
}

TEST(rotate_behind_the_end, fast)
{
    begin();
    expect_misuse(rotate, RANGE);
}

/* ---- what lies behind the elements is no argument; where they end it is none either ---- */

TEST(push_of_the_room, fast)
{
    begin();
    EXPECT(loam_vec_push_n(&v, v.data + 5, 0) && loam_vec_insert_n(&v, 0, v.data + 7, 0));
    expect_misuse(push_room, SOURCE);
}

TEST(push_across_the_end, fast)
{
    begin();
    expect_misuse(push_across, SOURCE);
}

TEST(push_of_one_in_the_room, fast)
{
    begin();
    expect_misuse(push_raw_room, SOURCE);
}

TEST(insert_across_the_end, fast)
{
    begin();
    expect_misuse(insert_room, SOURCE);
}

TEST(insert_more_than_all, fast)
{
    begin();
    expect_misuse(insert_many, SOURCE);
}

TEST(replace_by_the_room, fast)
{
    begin();
    expect_misuse(replace_room, SOURCE);
}

TEST(assign_across_the_end, fast)
{
    begin();
    expect_misuse(assign_room, SOURCE);
}

TEST(fill_with_the_room, fast)
{
    begin();
    expect_misuse(fill_room, SOURCE);
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

/* ---- and their reservation ---- */

#define RESERVED "loam: fatal: allocator is that of a reserved array: 0x"

static void begin_with_its_allocator(void *context)
{
    ints other;

    (void)context;
    loam_vec_init(&other, v.allocator);
    EXPECT(!loam_vec_push(&other, 1)); /* there is one block, and it is not free */
    EXPECT(!loam_vec_check(&other, NULL, NULL));
    loam_vec_deinit(&other); /* which is not the end of the reservation */
    EXPECT(!loam_vec_push(&other, 1));
    loam_vec_deinit(&other);
    EXPECT(loam_vec_push(&v, 5) && loam_vec_pop(&v, NULL));
}

TEST(another_array_in_a_reservation, fast)
{
    begin_reserved();
    expect_misuse(begin_with_its_allocator, RESERVED);
}

/* Where the first loam_vec_init() can't see it, the end does. */
static void end_with_its_allocator(void *context)
{
    ints other = LOAM_VEC_INIT(v.allocator), third;

    (void)context;
    loam_vec_deinit(&other);
    EXPECT(loam_vec_init_reserved(&third, 100)); /* which would be handed the ended one */
    EXPECT(loam_vec_push(&third, 9) && third.data != v.data && v.data[0] == 0);
    loam_vec_deinit(&third);
    EXPECT(loam_vec_push(&v, 5) && loam_vec_pop(&v, NULL));
}

TEST(another_array_that_ends_a_reservation, fast)
{
    begin_reserved();
    expect_misuse(end_with_its_allocator, RESERVED);
}

/* The other one has the block: then it is the one with which the reservation ends. */
static void end_the_first(void *context)
{
    ints other;

    (void)context;
    EXPECT(loam_vec_init_reserved(&v, 100));
    other = (ints)LOAM_VEC_INIT(v.allocator);
    EXPECT(loam_vec_push(&other, 7) && !loam_vec_push(&v, 1));
    loam_vec_deinit(&v);
    EXPECT(loam_vec_push(&other, 8) && other.data[0] == 7 && other.count == 2);
    loam_vec_deinit(&other);
}

TEST(another_array_that_has_the_reservation, fast)
{
    if (LOAM_CHECKS)
        test_dies(end_the_first, NULL, RESERVED);
    else
        end_the_first(NULL);
}

TEST_MAIN
