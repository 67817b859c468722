/* test_typed.c: typed trees of every kind against a sorted array: as maps, as multimaps, and with order
 * statistics; see typed_model.h. */
#include "btree/typed_faces.h"

enum { SHORT = 6000, LONG = 150000 };

static void run(void (*model)(const loam_btree_options *, size_t), size_t steps)
{
    const loam_btree_options multi = {true, false, NULL}, counted = {false, true, NULL};

    model(NULL, steps);
    model(&multi, steps / 2);
    model(&counted, steps / 2);
}

TEST(u64, fast)
{
    run(face_u64_model_run, SHORT);
}

TEST(u64_least, fast)
{
    run(face_u64_least_model_run, SHORT);
}

TEST(i32, fast)
{
    run(face_i32_model_run, SHORT);
}

TEST(f64, fast)
{
    run(face_f64_model_run, SHORT);
}

TEST(u32_set, fast)
{
    run(face_u32_set_model_run, SHORT);
}

TEST(words, fast)
{
    run(face_words_model_run, SHORT);
}

TEST(word_set, fast)
{
    run(face_word_set_model_run, SHORT);
}

TEST(map, fast)
{
    run(face_map_model_run, SHORT);
}

TEST(map_least, fast)
{
    run(face_map_least_model_run, SHORT);
}

TEST(set, fast)
{
    run(face_set_model_run, SHORT);
}

TEST(turned_map, fast)
{
    run(face_turned_map_model_run, SHORT);
}

TEST(turned_set, fast)
{
    run(face_turned_set_model_run, SHORT);
}

TEST(long_u64, slow)
{
    run(face_u64_model_run, LONG);
}

TEST(long_u64_least, slow)
{
    run(face_u64_least_model_run, LONG);
}

TEST(long_i32, slow)
{
    run(face_i32_model_run, LONG);
}

TEST(long_f64, slow)
{
    run(face_f64_model_run, LONG);
}

TEST(long_u32_set, slow)
{
    run(face_u32_set_model_run, LONG);
}

TEST(long_words, slow)
{
    run(face_words_model_run, LONG);
}

TEST(long_word_set, slow)
{
    run(face_word_set_model_run, LONG);
}

TEST(long_map, slow)
{
    run(face_map_model_run, LONG);
}

TEST(long_map_least, slow)
{
    run(face_map_least_model_run, LONG);
}

TEST(long_set, slow)
{
    run(face_set_model_run, LONG);
}

TEST(long_turned_map, slow)
{
    run(face_turned_map_model_run, LONG);
}

TEST(long_turned_set, slow)
{
    run(face_turned_set_model_run, LONG);
}

TEST_MAIN
