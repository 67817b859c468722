/* test_vec_sort.c: sorting against qsort on inputs that are hard for one method or another, with
 * every comparison counted; comparisons that contradict themselves; searching.
 */
#include "support/test.h"

#include <loam/vec_algorithms.h>

#include <stdlib.h>

enum { MOST = 20000 };

typedef LOAM_VEC(int) ints;

static ints v;
static int expected[MOST];
static size_t comparisons;

static int by_value(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;

    return (x > y) - (x < y);
}

static int compare(void *context, const void *a, const void *b)
{
    (void)context;
    comparisons++;
    return by_value(a, b);
}

static unsigned log2_up(size_t n)
{
    unsigned log = 0;

    while (((size_t)1 << log) < n)
        log++;
    return log;
}

/* ---- inputs ---- */

typedef int input(size_t i, size_t n, test_rng *rng);

static int sorted(size_t i, size_t n, test_rng *rng)
{
    (void)n, (void)rng;
    return (int)i;
}

static int reversed(size_t i, size_t n, test_rng *rng)
{
    (void)rng;
    return (int)(n - i);
}

static int equal(size_t i, size_t n, test_rng *rng)
{
    (void)i, (void)n, (void)rng;
    return 7;
}

static int reversed_in_pairs(size_t i, size_t n, test_rng *rng)
{
    (void)rng;
    return (int)(n - i) / 2;
}

static int anything(size_t i, size_t n, test_rng *rng)
{
    (void)i, (void)n;
    return (int)test_rng_next(rng);
}

static int few_values(size_t i, size_t n, test_rng *rng)
{
    (void)i, (void)n;
    return (int)test_rng_below(rng, 4);
}

static int organ_pipe(size_t i, size_t n, test_rng *rng)
{
    (void)rng;
    return (int)(i < n / 2 ? i : n - i);
}

static int sawtooth(size_t i, size_t n, test_rng *rng)
{
    (void)n, (void)rng;
    return (int)(i % 37);
}

static int nearly_sorted(size_t i, size_t n, test_rng *rng)
{
    return test_rng_one_in(rng, 50) ? (int)test_rng_below(rng, n) : (int)i;
}

static int sorted_but_the_last(size_t i, size_t n, test_rng *rng)
{
    (void)rng;
    return i + 1 == n ? -1 : (int)i;
}

/* Bad for a median of first, middle and last. */
static int median_of_three_killer(size_t i, size_t n, test_rng *rng)
{
    size_t half = n / 2;

    (void)rng;
    if (i >= half)
        return (int)((i - half + 1) * 2);
    return (int)(i % 2 ? half + i + 1 - half % 2 : i + 1);
}

static const struct {
    const char *name;
    input *make;
    size_t linear; /* comparisons for each element that are enough; 0: they are O(log n) */
} inputs[] = {
    {"sorted", sorted, 1},
    {"reversed", reversed, 1},
    {"equal", equal, 1},
    {"reversed in pairs", reversed_in_pairs, 0},
    {"anything", anything, 0},
    {"few values", few_values, 8},
    {"organ pipe", organ_pipe, 0},
    {"sawtooth", sawtooth, 0},
    {"nearly sorted", nearly_sorted, 0},
    {"sorted but the last", sorted_but_the_last, 0},
    {"median of three killer", median_of_three_killer, 0},
};

static void expect_sorted(const char *name, size_t n, size_t linear)
{
    test_note("%s, %zu", name, n);
    if (n == 0) {
        loam_vec_sort(&v, compare, NULL);
        return;
    }
    memcpy(expected, v.data, n * sizeof *expected);
    qsort(expected, n, sizeof *expected, by_value);
    comparisons = 0;
    loam_vec_sort(&v, compare, NULL);
    EXPECT(memcmp(expected, v.data, n * sizeof *expected) == 0);
    EXPECT_LE(comparisons, linear ? linear * n + 32 : 3 * n * log2_up(n) + 32);
    test_note(NULL);
}

TEST(against_qsort, fast)
{
    const size_t sizes[] = {0, 1, 2, 3, 4, 24, 25, 26, 50, 100, 128, 129, 130, 1000, 4096, MOST};
    test_rng rng;

    test_rng_init(&rng, test_seed());
    loam_vec_init(&v, loam_libc_allocator());
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s];

        for (size_t k = 0; k < sizeof inputs / sizeof *inputs; k++) {
            EXPECT(loam_vec_resize_uninit(&v, n));
            for (size_t i = 0; i < n; i++)
                v.data[i] = inputs[k].make(i, n, &rng);
            expect_sorted(inputs[k].name, n, inputs[k].linear);
        }
    }
    loam_vec_deinit(&v);
}

TEST(every_small_array, fast)
{
    loam_vec_init(&v, loam_libc_allocator());
    for (size_t n = 1; n <= 6; n++) {
        size_t all = 1;

        for (size_t i = 0; i < n; i++)
            all *= n;
        for (size_t code = 0; code < all; code++) {
            size_t rest = code;

            EXPECT(loam_vec_resize_uninit(&v, n));
            for (size_t i = 0; i < n; i++, rest /= n)
                v.data[i] = (int)(rest % n);
            expect_sorted("digits", n, 0);
        }
    }
    loam_vec_deinit(&v);
}

/* ---- an opponent (M. D. McIlroy, "A killer adversary for quicksort") ---- */

typedef struct opponent {
    int values[MOST]; /* of element i; GAS: not decided yet */
    int gas;
    int solid;     /* the next value to give out */
    int candidate; /* the element that seems to be the pivot */
} opponent;

static int resist(void *context, const void *a, const void *b)
{
    opponent *o = (opponent *)context;
    int x = *(const int *)a, y = *(const int *)b;

    comparisons++;
    if (o->values[x] == o->gas && o->values[y] == o->gas)
        o->values[x == o->candidate ? x : y] = o->solid++;
    if (o->values[x] == o->gas)
        o->candidate = x;
    else if (o->values[y] == o->gas)
        o->candidate = y;
    return (o->values[x] > o->values[y]) - (o->values[x] < o->values[y]);
}

TEST(killer_sequence, fast)
{
    static opponent o;

    loam_vec_init(&v, loam_libc_allocator());
    o.gas = MOST;
    for (int i = 0; i < MOST; i++) {
        o.values[i] = o.gas;
        EXPECT(loam_vec_push(&v, i));
    }
    o.values[0] = -1; /* so that it is no run in either direction */
    o.values[1] = -3;
    o.values[2] = -2;
    comparisons = 0;
    loam_vec_sort(&v, resist, &o);
    EXPECT_LE(comparisons, (size_t)4 * MOST * log2_up(MOST));
    for (int i = 0; i < MOST; i++)
        v.data[i] = o.values[i];
    expect_sorted("killer", MOST, 0);
    loam_vec_deinit(&v);
}

/* ---- comparisons that contradict themselves ---- */

static int contradict(void *context, const void *a, const void *b)
{
    const int *x = (const int *)a, *y = (const int *)b;

    EXPECT(*x >= 0 && *x < MOST && *y >= 0 && *y < MOST);
    return (int)test_rng_below((test_rng *)context, 3) - 1;
}

static int always_less(void *context, const void *a, const void *b)
{
    (void)context, (void)a, (void)b;
    return -1;
}

static int always_more(void *context, const void *a, const void *b)
{
    (void)context, (void)a, (void)b;
    return 1;
}

/* Any order is right, but the elements are the same, and none is looked at that is not there: the
 * bytes around are no numbers of elements. */
TEST(contradictions, fast)
{
    static bool seen[MOST];
    loam_vec_compare_fn functions[] = {contradict, always_less, always_more};
    test_rng rng;

    test_rng_init(&rng, test_seed());
    loam_vec_init(&v, loam_libc_allocator());
    for (int round = 0; round < 150; round++) {
        int n = (int)test_rng_below(&rng, round % 10 ? 300 : MOST);

        EXPECT(loam_vec_resize_uninit(&v, (size_t)n + 2));
        for (int i = 0; i < n + 2; i++)
            v.data[i] = i == 0 || i == n + 1 ? -1 : i - 1;
        loam_vec_raw_sort(&(loam_vec){v.data + 1, (size_t)n, (size_t)n, {0}}, functions[round % 3],
                          &rng, sizeof(int));
        EXPECT(v.data[0] == -1 && v.data[n + 1] == -1);
        memset(seen, 0, sizeof seen);
        for (int i = 1; i <= n; i++) {
            EXPECT(v.data[i] >= 0 && v.data[i] < n && !seen[v.data[i]]);
            seen[v.data[i]] = true;
        }
    }
    loam_vec_deinit(&v);
}

/* ---- elements of other sizes ---- */

enum { BIGGEST = 4096 };

static int by_first_two(void *context, const void *a, const void *b)
{
    (void)context;
    return memcmp(a, b, 2);
}

/* The whole element moves: its bytes belong together. */
TEST(elements_of_other_sizes, fast)
{
    const size_t sizes[] = {2, 3, 8, 16, 24, 63, 64, 65, 200, 256, 257, 300, BIGGEST};
    test_rng rng;

    test_rng_init(&rng, test_seed());
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t size = sizes[s], n = size < 256 ? 2000 : 300;
        loam_vec raw;
        unsigned char *data;

        loam_vec_raw_init(&raw, loam_libc_allocator());
        data = (unsigned char *)loam_vec_raw_push_slots(&raw, n, size, 1);
        EXPECT(data != NULL);
        for (size_t i = 0; i < n; i++) {
            memset(data + i * size, (int)test_rng_below(&rng, 256), size);
            data[i * size + 1] = (unsigned char)(size > 2 ? data[i * size] : i);
        }
        loam_vec_raw_sort(&raw, by_first_two, NULL, size);
        for (size_t i = 0; i < n; i++) {
            const unsigned char *at = data + i * size;

            EXPECT(i == 0 || memcmp(at - size, at, 2) <= 0);
            for (size_t k = 1; k < size && size > 2; k++)
                EXPECT_EQ(at[k], at[0]);
        }
        loam_vec_raw_deinit(&raw, size, 1);
    }
}

/* ---- searching ---- */

TEST(searching, fast)
{
    loam_vec_init(&v, loam_libc_allocator());
    for (int n = 0; n < 70; n++) {
        for (int key = -1; key <= 2 * n / 3 + 2; key++) {
            size_t low = 0, high = 0, at = SIZE_MAX;

            while (low < v.count && v.data[low] < key)
                low++;
            for (high = low; high < v.count && v.data[high] == key; high++)
                continue;
            comparisons = 0;
            EXPECT_EQ(loam_vec_lower_bound(&v, &key, compare, NULL), low);
            EXPECT_LE(comparisons, log2_up(v.count + 1));
            EXPECT_EQ(loam_vec_upper_bound(&v, &key, compare, NULL), high);
            EXPECT(loam_vec_search(&v, &key, compare, NULL, &at) == (low < high));
            EXPECT_EQ(at, low);
            EXPECT(loam_vec_search(&v, &key, compare, NULL, NULL) == (low < high));
        }
        EXPECT(loam_vec_push(&v, 2 * n / 3)); /* 0 0 1 2 2 3 ... */
    }
    loam_vec_deinit(&v);
}

/* ---- elements that are aligned to more than malloc would ---- */

typedef struct wide {
    _Alignas(128) int key;
} wide;

static int compare_aligned(void *context, const void *a, const void *b)
{
    (void)context;
    EXPECT((uintptr_t)a % 128 == 0 && (uintptr_t)b % 128 == 0);
    return by_value(a, b);
}

/* A comparison may load what it looks at with the alignment of its type. */
TEST(comparisons_see_aligned_elements, fast)
{
    LOAM_VEC(wide) w;
    test_rng rng;

    test_rng_init(&rng, test_seed());
    loam_vec_init(&w, loam_libc_allocator());
    for (size_t i = 0; i < 1000; i++) {
        wide *one = loam_vec_push_slot(&w);

        EXPECT(one != NULL);
        one->key = (int)test_rng_below(&rng, 500);
    }
    loam_vec_sort(&w, compare_aligned, NULL);
    for (size_t i = 1; i < w.count; i++)
        EXPECT(w.data[i - 1].key <= w.data[i].key);
    loam_vec_deinit(&w);
}

TEST_MAIN
