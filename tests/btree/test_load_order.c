/* test_load_order.c: whether numbers that stand side by side ascend, as loading from arrays looks at them: of each
 * kind, of every small count, with one that is equal or too small at every place, at every address. With
 * -mavx2 many are looked at at once; see CMakeLists.txt.
 */
#include "support/test.h"

#include <loam/btree_load.h>

#include <math.h>

enum { MOST = 45, WIDEST = 8 };

typedef bool (*ascend_fn)(const char *keys, size_t count, bool equal);

/* A kind: key i is one of an ascending row, from the least to the greatest number. */
typedef struct kind {
    const char *name;
    size_t size;
    ascend_fn ascend;
    void (*write)(size_t i, void *key);
} kind;

#define KIND(name, type, value)                                                                    \
    static void write_##name(size_t i, void *key)                                                  \
    {                                                                                              \
        const type number = (type)(value);                                                         \
                                                                                                   \
        memcpy(key, &number, sizeof number);                                                       \
    }                                                                                              \
                                                                                                   \
    static bool ascend_##name(const char *keys, size_t count, bool equal)                          \
    {                                                                                              \
        return loam_btree_ascend_##name##_(keys, count, equal);                                    \
    }

/* About the middle of the range, where the highest bit changes, and its ends. */
#define ROW(i, least, greatest, middle)                                                            \
    ((i) == 0 ? (least) : (i) == MOST - 1 ? (greatest) : (middle) + (i)-MOST / 2)

KIND(u32, uint32_t, ROW((int64_t)i, (int64_t)0, (int64_t)UINT32_MAX, (int64_t)INT32_MAX))
KIND(i32, int32_t, ROW((int64_t)i, (int64_t)INT32_MIN, (int64_t)INT32_MAX, 0))
KIND(u64, uint64_t, ROW(i, 0, UINT64_MAX, UINT64_MAX / 2))
KIND(i64, int64_t, ROW((int64_t)i, INT64_MIN, INT64_MAX, 0))
KIND(f32, float, ROW((double)i, -(double)INFINITY, (double)INFINITY, 0))
KIND(f64, double, ROW((double)i, -(double)INFINITY, (double)INFINITY, 0))

static void expect(const kind *k, const char *keys, size_t count, bool strictly, bool weakly)
{
    EXPECT_EQ(k->ascend(keys, count, false), strictly);
    EXPECT_EQ(k->ascend(keys, count, true), weakly);
}

/* One place is as the one before, or less than it. */
static void spoil(const kind *k, char *keys, size_t count, size_t at)
{
    test_note("%s, %zu keys, at %zu", k->name, count, at);
    k->write(at - 1, keys + at * k->size);
    expect(k, keys, count, false, true);
    if (at > 1) {
        k->write(at - 2, keys + at * k->size);
        expect(k, keys, count, false, false);
    }
    k->write(at, keys + at * k->size);
}

static void try_kind(const kind *k)
{
    char bytes[MOST * WIDEST + 4];

    for (size_t shift = 0; shift < 4; shift++) {
        char *keys = bytes + shift;

        for (size_t i = 0; i < MOST; i++)
            k->write(i, keys + i * k->size);
        for (size_t count = 0; count <= MOST; count++) {
            expect(k, keys, count, true, true);
            for (size_t at = 1; at < count; at++)
                spoil(k, keys, count, at);
        }
    }
}

static void need_avx2(void)
{
#if defined(__AVX2__)
    if (!__builtin_cpu_supports("avx2"))
        TEST_SKIP("the processor has no AVX2");
#endif
}

#define TRY(name)                                                                                  \
    do {                                                                                           \
        const kind k = {#name, sizeof(loam_btree_##name##_), ascend_##name, write_##name};         \
                                                                                                   \
        need_avx2();                                                                               \
        try_kind(&k);                                                                              \
    } while (0)

TEST(u32, fast)
{
    TRY(u32);
}

TEST(i32, fast)
{
    TRY(i32);
}

TEST(u64, fast)
{
    TRY(u64);
}

TEST(i64, fast)
{
    TRY(i64);
}

TEST(f32, fast)
{
    TRY(f32);
}

TEST(f64, fast)
{
    TRY(f64);
}

/* It is behind nothing, and nothing is behind it. */
TEST(nan, fast)
{
    need_avx2();
    for (size_t at = 0; at < MOST; at++) {
        double doubles[MOST];
        float floats[MOST];

        for (size_t i = 0; i < MOST; i++) {
            doubles[i] = i == at ? (double)NAN : (double)i;
            floats[i] = (float)doubles[i];
        }
        for (int equal = 0; equal < 2; equal++) {
            EXPECT(!ascend_f64((const char *)doubles, MOST, equal != 0));
            EXPECT(!ascend_f32((const char *)floats, MOST, equal != 0));
        }
    }
}

TEST_MAIN
