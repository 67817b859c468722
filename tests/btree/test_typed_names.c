/* test_typed_names.c: typed trees of types that are called as parameters, fields and variables of the
 * functions are. What such a name means inside of them must not matter.
 */
#include "support/test.h"

#include <loam/btree_typed.h>

#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wshadow" /* They do. */
#endif

typedef uint64_t key;
typedef enum type { RED, GREEN } type;
typedef struct value {
    int number;
} value;
typedef struct entry {
    int number;
} entry;
typedef int context;

static int order(const entry *x, const entry *y)
{
    return x->number < y->number ? -1 : x->number > y->number;
}

static int order_contexts(const context *x, const context *y)
{
    return *x < *y ? -1 : *x > *y;
}

LOAM_BTREE_DEFINE_NUMBER(tree, key, value);
LOAM_BTREE_DEFINE_NUMBER(colours, key, type);
LOAM_BTREE_DEFINE_NUMBER_SET(copy, key);
LOAM_BTREE_DEFINE(entries, entry, entry, order);
LOAM_BTREE_DEFINE_SET(right, context, order_contexts);
LOAM_BTREE_DEFINE_TEXT(words, type);

enum { COUNT = 500 };

/* What the caller's compiler and the archive think of the size of a value. */
TEST(value_type_called_type, fast)
{
    colours it;

    EXPECT_EQ(colours_type().value_size, sizeof(type));
    colours_init(&it, loam_libc_allocator(), NULL);
    for (key i = 0; i < COUNT; i++)
        EXPECT(colours_insert(&it, i * 7919 % COUNT, i % 2 ? RED : GREEN, NULL));
    EXPECT_EQ(colours_count(&it), COUNT);
    for (key i = 0; i < COUNT; i++) {
        const type *found = colours_find(&it, i * 7919 % COUNT);

        EXPECT(found && *found == (i % 2 ? RED : GREEN));
    }
    EXPECT(colours_check(&it, NULL, NULL));
    colours_deinit(&it);
}

TEST(types_called_as_parameters, fast)
{
    tree it, rest;
    int sum = 0;

    tree_init(&it, loam_libc_allocator(), NULL);
    for (int i = 0; i < COUNT; i++) {
        const value one = {i};

        EXPECT(tree_insert(&it, (key)i, one, NULL));
    }
    EXPECT(tree_split(&it, COUNT / 2, &rest));
    EXPECT(tree_join(&it, &rest));
    LOAM_BTREE_EACH(tree, e, &it)
    sum += e.value->number == (int)*e.key;
    EXPECT_EQ(sum, COUNT);
    EXPECT(tree_check(&it, NULL, NULL));
    tree_deinit(&rest);
    tree_deinit(&it);
}

/* All functions of the others are compiled, and their types are right. */
TEST(sizes, fast)
{
    EXPECT_EQ(copy_type().key_size, sizeof(key));
    EXPECT_EQ(entries_type().key_size, sizeof(entry));
    EXPECT_EQ(entries_type().value_size, sizeof(entry));
    EXPECT_EQ(right_type().key_size, sizeof(context));
    EXPECT_EQ(words_type().value_size, sizeof(type));
}

/* No compiler may warn that the bytes behind the eighth of these would lie outside of them. */
TEST(short_literals_as_texts, fast)
{
    words it;

    words_init(&it, loam_libc_allocator(), NULL);
    EXPECT(words_insert(&it, "x", RED, NULL) && words_insert(&it, "yy", GREEN, NULL));
    EXPECT(words_find(&it, "x") && *words_find(&it, "x") == RED);
    EXPECT(words_contains(&it, "yy") && !words_contains(&it, ""));
    words_deinit(&it);
}

TEST(arrays_of_such_types, fast)
{
    static const char *const texts[] = {"", "a", "twelve bytes", "twelve bytes more"};
    static const type types[] = {RED, GREEN, RED, GREEN};
    static const key keys[] = {1, 2, 9}, wrong[] = {1, 9, 2};
    words it;
    colours other;
    copy set;

    words_init(&it, loam_libc_allocator(), NULL);
    EXPECT(words_load_array(&it, texts, types, 4, 0));
    EXPECT(words_find(&it, "twelve bytes more") && *words_find(&it, "a") == GREEN);
    words_deinit(&it);
    colours_init(&other, loam_libc_allocator(), NULL);
    EXPECT(!colours_load_array(&other, wrong, types, 3, 0));
    EXPECT(colours_load_array(&other, keys, NULL, 3, 0));
    EXPECT(*colours_find(&other, 9) == RED);
    colours_deinit(&other);
    copy_init(&set, loam_libc_allocator(), NULL);
    EXPECT(copy_load_array(&set, keys, 3, 0));
    EXPECT(copy_contains(&set, 2) && copy_count(&set) == 3);
    copy_deinit(&set);
}

/* Where it has 8 bytes it may be a key. */
TEST(long_double_is_no_integer, fast)
{
    EXPECT_EQ(LOAM_BTREE_NUMBER_KIND_(long double), LOAM_BTREE_F64);
}

TEST_MAIN
