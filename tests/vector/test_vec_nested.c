/* test_vec_nested.c: a call of a typed operation may stand in an argument of another one, or of the same.
 * The macros declare what they need under names of their own, which is why this file is compiled with
 * -Wshadow as an error. */
#include "support/test.h"

#include <loam/bucket.h>
#include <loam/vec_algorithms.h>

typedef LOAM_VEC(int) ints;
typedef LOAM_VEC(bool) bools;
typedef LOAM_BUCKET(bool) flags;

static int compare(void *context, const void *a, const void *b)
{
    (void)context;
    return (int)*(const bool *)a - (int)*(const bool *)b;
}

TEST(calls_stand_in_arguments, fast)
{
    ints v;
    bools done;

    loam_vec_init(&v, loam_vec_default_allocator());
    loam_vec_init(&done, loam_vec_default_allocator());
    EXPECT(loam_vec_push(&done, loam_vec_push(&v, 1)));
    EXPECT(loam_vec_push(&done, loam_vec_push(&done, loam_vec_push(&v, 2))));
    EXPECT(loam_vec_reserve(&done, 8) && loam_vec_reserve(&v, 8));
    EXPECT(loam_vec_push_within(&done, loam_vec_push_within(&v, 3)));
    EXPECT(loam_vec_insert(&done, 0, loam_vec_insert(&v, 0, 0)));
    EXPECT(loam_vec_fill(&done, 5, 2, loam_vec_fill(&v, 4, 2, 4)));
    EXPECT(loam_vec_insert_sorted(&done, compare, NULL,
                                  loam_vec_insert_sorted(&done, compare, NULL, false)));
    EXPECT_EQ(v.count, 6);
    for (int i = 0; i < 6; i++)
        EXPECT_EQ(v.data[i], i < 4 ? i : 4);
    EXPECT_EQ(done.count, 9);
    for (size_t i = 0; i < done.count; i++)
        EXPECT_EQ(done.data[i], i > 0);
    loam_vec_deinit(&v);
    loam_vec_deinit(&done);
}

/* What is inside comes first, also where both are the same array. */
TEST(inner_calls_come_first, fast)
{
    ints v;
    int out = 0;

    loam_vec_init(&v, loam_vec_default_allocator());
    EXPECT(loam_vec_push(&v, loam_vec_push(&v, 7) ? (loam_vec_push(&v, 8) ? 9 : 0) : 0));
    EXPECT(v.count == 3 && v.data[0] == 7 && v.data[1] == 8 && v.data[2] == 9);
    EXPECT(loam_vec_push(&v, loam_vec_pop(&v, &out) ? out + 1 : 0));
    EXPECT(v.count == 3 && v.data[2] == 10);
    loam_vec_deinit(&v);
}

TEST(buckets_too, fast)
{
    ints v;
    flags b;

    loam_vec_init(&v, loam_vec_default_allocator());
    loam_bucket_init(&b, loam_vec_default_allocator());
    EXPECT(loam_bucket_push(&b, loam_bucket_push(&b, loam_vec_push(&v, 1))));
    EXPECT_EQ(b.count, 2);
    EXPECT(*loam_bucket_at(&b, 0) && *loam_bucket_at(&b, 1));
    loam_bucket_deinit(&b);
    loam_vec_deinit(&v);
}

TEST_MAIN
