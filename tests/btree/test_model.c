/* test_model.c: random operations on trees of every form, over everything that they may stand on; see
 * tree_model.h. LOAM_TEST_BTREE_STEPS says how many. */
#include "btree/tree_model.h"

static void run(tree_forms which, size_t steps)
{
    steps = test_bound("LOAM_TEST_BTREE_STEPS", steps);
    for (int stand = 0; stand < TREE_STANDS; stand++)
        model_run(tree_form_of(which), (tree_stand_kind)stand, steps);
}

enum { SHORT = 600, LONG = 15000 };

TEST(u64_least, fast)
{
    run(FORM_U64_LEAST, SHORT);
}

TEST(u64, fast)
{
    run(FORM_U64, SHORT);
}

TEST(u64_counted, fast)
{
    run(FORM_U64_COUNTED, SHORT);
}

TEST(u64_multi, fast)
{
    run(FORM_U64_MULTI, SHORT);
}

TEST(i32, fast)
{
    run(FORM_I32, SHORT);
}

TEST(u32_set, fast)
{
    run(FORM_U32_SET, SHORT);
}

TEST(i64_wide, fast)
{
    run(FORM_I64_WIDE, SHORT);
}

TEST(f64, fast)
{
    run(FORM_F64, SHORT);
}

TEST(f32_big, fast)
{
    run(FORM_F32_BIG, SHORT);
}

TEST(text, fast)
{
    run(FORM_TEXT, SHORT);
}

TEST(text_least, fast)
{
    run(FORM_TEXT_LEAST, SHORT);
}

TEST(byte_set, fast)
{
    run(FORM_BYTE_SET, SHORT);
}

TEST(big, fast)
{
    run(FORM_BIG, SHORT);
}

TEST(tagged, fast)
{
    run(FORM_TAGGED, SHORT);
}

TEST(tagged_set, fast)
{
    run(FORM_TAGGED_SET, SHORT);
}

TEST(aligned, fast)
{
    run(FORM_ALIGNED, SHORT);
}

TEST(odd, fast)
{
    run(FORM_ODD, SHORT);
}

TEST(long_u64_least, slow)
{
    run(FORM_U64_LEAST, LONG);
}

TEST(long_u64, slow)
{
    run(FORM_U64, LONG);
}

TEST(long_u64_counted, slow)
{
    run(FORM_U64_COUNTED, LONG);
}

TEST(long_u64_multi, slow)
{
    run(FORM_U64_MULTI, LONG);
}

TEST(long_i32, slow)
{
    run(FORM_I32, LONG);
}

TEST(long_u32_set, slow)
{
    run(FORM_U32_SET, LONG);
}

TEST(long_i64_wide, slow)
{
    run(FORM_I64_WIDE, LONG);
}

TEST(long_f64, slow)
{
    run(FORM_F64, LONG);
}

TEST(long_f32_big, slow)
{
    run(FORM_F32_BIG, LONG);
}

TEST(long_text, slow)
{
    run(FORM_TEXT, LONG);
}

TEST(long_text_least, slow)
{
    run(FORM_TEXT_LEAST, LONG);
}

TEST(long_byte_set, slow)
{
    run(FORM_BYTE_SET, LONG);
}

TEST(long_big, slow)
{
    run(FORM_BIG, LONG);
}

TEST(long_tagged, slow)
{
    run(FORM_TAGGED, LONG);
}

TEST(long_tagged_set, slow)
{
    run(FORM_TAGGED_SET, LONG);
}

TEST(long_aligned, slow)
{
    run(FORM_ALIGNED, LONG);
}

TEST(long_odd, slow)
{
    run(FORM_ODD, LONG);
}

TEST_MAIN
