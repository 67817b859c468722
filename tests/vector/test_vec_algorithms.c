/* test_vec_algorithms.c: what is done to elements as a whole: each result against a plain loop, the
 * order of equals, what a sort takes and does without, and that the array has all of its elements
 * whenever a function that was passed in is called, and so when one never returns.
 */
#include "support/test.h"

#include <loam/adapters.h>
#include <loam/vec_algorithms.h>

#include <setjmp.h>
#include <stdlib.h>

typedef LOAM_VEC(int) ints;

static bool is(const ints *v, const int *numbers, size_t n)
{
    return loam_vec_check(v, NULL, NULL) && v->count == n &&
           (n == 0 || memcmp(v->data, numbers, n * sizeof(int)) == 0);
}

#define EXPECT_INTS(v, ...)                                                                        \
    EXPECT(is((v), (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int)))

static void assign(ints *v, const int *numbers, size_t n)
{
    EXPECT(loam_vec_assign(v, numbers, n));
}

#define ASSIGN(v, ...)                                                                             \
    assign((v), (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static int by_value(void *context, const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;

    (void)context;
    return (x > y) - (x < y);
}

static int by_tens(void *context, const void *a, const void *b)
{
    (void)context;
    return *(const int *)a / 10 - *(const int *)b / 10;
}

static bool is_odd(void *context, const void *element)
{
    ++*(int *)context;
    return *(const int *)element % 2 != 0;
}

/* ---- one by one ---- */

TEST(nothing_in_it, fast)
{
    ints v = LOAM_VEC_INIT(loam_libc_allocator());
    int asked = 0, key = 1;
    size_t at = 7;

    loam_vec_sort(&v, by_value, NULL);
    loam_vec_stable_sort(&v, by_value, NULL);
    loam_vec_reverse(&v);
    EXPECT(loam_vec_is_sorted(&v, by_value, NULL) && loam_vec_rotate(&v, 0));
    EXPECT(loam_vec_erase_if(&v, is_odd, &asked) == 0 && loam_vec_dedup(&v, by_value, NULL) == 0);
    EXPECT(!loam_vec_search(&v, &key, by_value, NULL, &at) && at == 0 && asked == 0);
    EXPECT(v.cap == 0 && loam_vec_insert_sorted(&v, by_value, NULL, 1));
    EXPECT_INTS(&v, 1);
    loam_vec_deinit(&v);
}

TEST(erase_if, fast)
{
    ints v = LOAM_VEC_INIT(loam_libc_allocator());
    int asked = 0;

    ASSIGN(&v, 1, 2, 4, 5, 7, 6, 8, 9);
    EXPECT(loam_vec_erase_if(&v, is_odd, &asked) == 4 && asked == 8);
    EXPECT_INTS(&v, 2, 4, 6, 8);
    EXPECT(loam_vec_erase_if(&v, is_odd, &asked) == 0 && asked == 12);
    EXPECT_INTS(&v, 2, 4, 6, 8);
    ASSIGN(&v, 1, 3, 5);
    EXPECT(loam_vec_erase_if(&v, is_odd, &asked) == 3 && v.count == 0 && v.cap >= 8);
    loam_vec_deinit(&v);
}

TEST(dedup, fast)
{
    ints v = LOAM_VEC_INIT(loam_libc_allocator());

    ASSIGN(&v, 1, 1, 2, 3, 3, 3, 1, 4, 4);
    EXPECT(loam_vec_dedup(&v, by_value, NULL) == 4);
    EXPECT_INTS(&v, 1, 2, 3, 1, 4);
    EXPECT(loam_vec_dedup(&v, by_value, NULL) == 0);
    ASSIGN(&v, 12, 13, 25, 21, 22, 37);
    EXPECT(loam_vec_dedup(&v, by_tens, NULL) == 3); /* the first of each ten stays */
    EXPECT_INTS(&v, 12, 25, 37);
    loam_vec_deinit(&v);
}

TEST(insert_sorted, fast)
{
    ints v = LOAM_VEC_INIT(loam_libc_allocator());
    int n = 5;

    EXPECT(loam_vec_insert_sorted(&v, by_value, NULL, n++) && n == 6);
    for (int i = 0; i < 8; i++)
        EXPECT(loam_vec_insert_sorted(&v, by_value, NULL, i * 5 % 8));
    EXPECT_INTS(&v, 0, 1, 2, 3, 4, 5, 5, 6, 7);
    EXPECT(loam_vec_shrink_to_fit(&v) && loam_vec_insert_sorted(&v, by_value, NULL, v.data[8]));
    EXPECT_INTS(&v, 0, 1, 2, 3, 4, 5, 5, 6, 7, 7);
    ASSIGN(&v, 11, 15, 22, 31);
    EXPECT(loam_vec_insert_sorted(&v, by_tens, NULL, 10)); /* behind its equals */
    EXPECT_INTS(&v, 11, 15, 10, 22, 31);
    loam_vec_deinit(&v);
}

TEST(is_sorted, fast)
{
    ints v = LOAM_VEC_INIT(loam_libc_allocator());

    for (int i = 0; i < 50; i++) {
        EXPECT(loam_vec_push(&v, i / 2));
        EXPECT(loam_vec_is_sorted(&v, by_value, NULL));
    }
    for (size_t i = 1; i < v.count; i++) {
        int kept = v.data[i];

        v.data[i] = v.data[i - 1] - 1;
        EXPECT(!loam_vec_is_sorted(&v, by_value, NULL));
        v.data[i] = kept;
    }
    loam_vec_deinit(&v);
}

/* Elements of each kind of size; pieces that are shorter and longer than what is saved at once. */
TEST(reverse_and_rotate, fast)
{
    const size_t sizes[] = {1, 2, 4, 7, 8, 12, 16, 24, 63, 64, 65, 100, 256, 300, 1000};
    const size_t counts[] = {1, 2, 3, 10, 33, 130, 255};

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            size_t size = sizes[s], n = counts[c];
            loam_vec v;
            unsigned char *data;

            loam_vec_raw_init(&v, loam_libc_allocator());
            data = (unsigned char *)loam_vec_raw_push_slots(&v, n, size, 1);
            EXPECT(data != NULL);
            for (size_t i = 0; i < n; i++)
                memset(data + i * size, (int)i, size);
            for (size_t at = 0; at <= n; at += 1 + at / 3) {
                EXPECT(loam_vec_raw_rotate(&v, at, size));
                for (size_t i = 0; i < n * size; i++)
                    EXPECT_EQ(data[i], (at + i / size) % n);
                EXPECT(loam_vec_raw_rotate(&v, n - at, size)); /* back again */
            }
            loam_vec_raw_reverse(&v, size);
            for (size_t i = 0; i < n * size; i++)
                EXPECT_EQ(data[i], n - 1 - i / size);
            loam_vec_raw_deinit(&v, size, 1);
        }
    }
}

TEST(rotate_words, fast)
{
    ints v = LOAM_VEC_INIT(loam_libc_allocator());

    ASSIGN(&v, 1, 2, 3, 4, 5);
    EXPECT(loam_vec_rotate(&v, 2));
    EXPECT_INTS(&v, 3, 4, 5, 1, 2);
    EXPECT(loam_vec_rotate(&v, 0) && loam_vec_rotate(&v, 5));
    EXPECT_INTS(&v, 3, 4, 5, 1, 2);
    loam_vec_reverse(&v);
    EXPECT_INTS(&v, 2, 1, 5, 4, 3);
    loam_vec_deinit(&v);
}

/* ---- stable sorting ---- */

/* The number of an element is where it was; equal keys must end in that order. */
typedef struct item {
    int key;
    int number;
} item;

typedef LOAM_VEC(item) items;

static size_t comparisons;

static int by_key(void *context, const void *a, const void *b)
{
    int x = ((const item *)a)->key, y = ((const item *)b)->key;

    (void)context;
    comparisons++;
    return (x > y) - (x < y);
}

static int key_of(int shape, size_t i, size_t n, test_rng *rng)
{
    switch (shape) {
    case 0:
        return (int)test_rng_below(rng, 10);
    case 1:
        return (int)test_rng_below(rng, n);
    case 2:
        return (int)i;
    case 3:
        return (int)(n - i);
    case 4:
        return (int)(n - i) / 2; /* descending, with equals */
    case 5:
        return (int)(i < n / 2 ? i : i - n / 2); /* two runs */
    case 6:
        return (int)(i < n / 2 ? i + n : i); /* two runs that lie wrongly */
    default:
        return 7;
    }
}

static void fill(items *v, int shape, size_t n, test_rng *rng)
{
    loam_vec_clear(v);
    for (size_t i = 0; i < n; i++)
        EXPECT(loam_vec_push(v, (item){key_of(shape, i, n, rng), (int)i}));
}

static void expect_stable(const items *v)
{
    for (size_t i = 1; i < v->count; i++) {
        const item *a = &v->data[i - 1], *b = &v->data[i];

        EXPECT(a->key < b->key || (a->key == b->key && a->number < b->number));
    }
}

static size_t log2_up(size_t n)
{
    size_t log = 0;

    while (((size_t)1 << log) < n)
        log++;
    return log;
}

static const size_t counts[] = {0, 1, 2, 3, 23, 24, 25, 48, 49, 100, 511, 512, 513, 1025, 20000};

static void sort_each(items *v, size_t per_element)
{
    test_rng rng;

    test_rng_init(&rng, test_seed());
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        for (int shape = 0; shape < 8; shape++) {
            size_t n = counts[c];

            test_note("%zu elements, shape %d", n, shape);
            fill(v, shape, n, &rng);
            comparisons = 0;
            loam_vec_stable_sort(v, by_key, NULL);
            expect_stable(v);
            EXPECT_LE(comparisons, per_element * n * log2_up(n) + 2 * n + 16);
            if (shape == 2 || shape == 3 || shape == 7)
                EXPECT_LE(comparisons, n);
        }
    }
    test_note(NULL);
}

TEST(stable_sort, fast)
{
    loam_counting counting;
    loam_stats stats;
    items v;

    loam_counting_init(&counting, loam_libc_allocator());
    loam_vec_init(&v, loam_counting_allocator(&counting));
    sort_each(&v, 2);
    loam_counting_stats(&counting, &stats);
    EXPECT_EQ(stats.blocks, 1); /* the array's own */
    EXPECT_EQ(stats.live, v.cap * sizeof(item));
    loam_vec_deinit(&v);
    loam_counting_deinit(&counting);
}

/* One call for half of the elements, and none where the stack has the room. */
TEST(stable_sort_takes_half, fast)
{
    loam_counting counting;
    loam_stats before, after;
    test_rng rng;
    items v;

    test_rng_init(&rng, test_seed());
    loam_counting_init(&counting, loam_libc_allocator());
    loam_vec_init(&v, loam_counting_allocator(&counting));
    fill(&v, 0, 1000, &rng);
    loam_counting_stats(&counting, &before);
    loam_vec_stable_sort(&v, by_key, NULL);
    loam_counting_stats(&counting, &after);
    EXPECT_EQ(after.allocations, before.allocations);
    fill(&v, 0, 10000, &rng);
    EXPECT(loam_vec_shrink_to_fit(&v));
    loam_counting_stats(&counting, &before);
    loam_vec_stable_sort(&v, by_key, NULL);
    loam_counting_stats(&counting, &after);
    EXPECT_EQ(after.allocations, before.allocations + 1);
    EXPECT_LE(after.peak, 15000 * sizeof(item) > before.peak ? 15000 * sizeof(item) : before.peak);
    EXPECT(after.blocks == before.blocks && after.live == before.live);
    expect_stable(&v);
    loam_vec_deinit(&v);
    loam_counting_deinit(&counting);
}

/* Where there is no memory it sorts all the same: with room behind the elements, and without. */
TEST(stable_sort_without_memory, fast)
{
    loam_failing failing;
    loam_failing_config none = {.alloc = {.nth = 1, .for_ever = true}};
    test_rng rng;
    items v;

    test_rng_init(&rng, test_seed());
    loam_failing_init(&failing, loam_libc_allocator(), NULL);
    loam_vec_init(&v, loam_failing_allocator(&failing));
    for (int full = 0; full < 2; full++) {
        EXPECT(loam_vec_reserve_exact(&v, 40000));
        loam_failing_restart(&failing, &none);
        sort_each(&v, 4);
        loam_failing_restart(&failing, NULL);
        fill(&v, 0, 20000, &rng);
        EXPECT(loam_vec_shrink_to_fit(&v));
        loam_failing_restart(&failing, &none);
        loam_vec_stable_sort(&v, by_key, NULL);
        expect_stable(&v);
        loam_failing_restart(&failing, NULL);
    }
    loam_vec_deinit(&v);
    loam_failing_deinit(&failing);
}

/* Elements of which not two fit on the stack, when there is no other memory. */
TEST(stable_sort_of_huge_elements, fast)
{
    enum { HUGE = 5000, MANY = 100 };
    loam_failing failing;
    loam_failing_config none = {.alloc = {.nth = 1, .for_ever = true}};
    test_rng rng;
    loam_vec v;
    char *data;

    test_rng_init(&rng, test_seed());
    for (int refuse = 0; refuse < 2; refuse++) {
        loam_failing_init(&failing, loam_libc_allocator(), NULL);
        loam_vec_raw_init(&v, loam_failing_allocator(&failing));
        EXPECT(loam_vec_raw_reserve_exact(&v, MANY, HUGE, 4));
        data = (char *)loam_vec_raw_push_slots(&v, MANY, HUGE, 4);
        EXPECT(data != NULL);
        for (int i = 0; i < MANY; i++) {
            memset(data + (size_t)i * HUGE, i, HUGE);
            *(item *)(void *)(data + (size_t)i * HUGE) = (item){(int)test_rng_below(&rng, 9), i};
        }
        if (refuse)
            loam_failing_restart(&failing, &none);
        loam_vec_raw_stable_sort(&v, by_key, NULL, HUGE);
        for (size_t i = 0; i < MANY; i++) {
            const item *it = (const item *)(const void *)(data + i * HUGE);
            const item *prev = (const item *)(const void *)(data + (i ? i - 1 : 0) * HUGE);

            EXPECT(i == 0 || prev->key < it->key ||
                   (prev->key == it->key && prev->number < it->number));
            for (size_t k = sizeof(item); k < HUGE; k++)
                EXPECT_EQ(data[i * HUGE + k], it->number);
        }
        loam_vec_raw_deinit(&v, HUGE, 4);
        loam_failing_deinit(&failing);
    }
}

TEST(stable_sort_of_a_reserved_one, fast)
{
    items v;

    EXPECT(loam_vec_init_reserved(&v, 20000));
    sort_each(&v, 4);
    loam_vec_deinit(&v);
}

/* ---- what functions that are passed in see, and may do ---- */

enum { SOME = 150 };

/* An array that is watched: its elements begin with a number, each a different one. */
typedef struct watched {
    loam_vec vec;
    size_t size;
    test_rng rng;
    bool lies;    /* the comparison contradicts itself */
    size_t calls; /* so far */
    size_t last;  /* the call that does not return; 0: none */
    jmp_buf escape;
} watched;

static void expect_all(const watched *w)
{
    bool seen[SOME] = {false};

    EXPECT_EQ(w->vec.count, SOME);
    for (size_t i = 0; i < SOME; i++) {
        const unsigned char *at = (const unsigned char *)w->vec.data + i * w->size;
        size_t number = (size_t)at[0] | (size_t)at[1] << 8;

        EXPECT(number < SOME && !seen[number]);
        seen[number] = true;
        for (size_t k = 4; k < w->size; k++)
            EXPECT(at[k] == (unsigned char)(number + k));
    }
}

static void look(watched *w)
{
    expect_all(w);
    if (++w->calls == w->last)
        longjmp(w->escape, 1);
}

static unsigned char key_byte(const void *element)
{
    return ((const unsigned char *)element)[2];
}

static int compare_watched(void *context, const void *a, const void *b)
{
    watched *w = (watched *)context;

    look(w);
    return w->lies ? (int)test_rng_below(&w->rng, 3) - 1 : (int)key_byte(a) - (int)key_byte(b);
}

static bool match_watched(void *context, const void *element)
{
    watched *w = (watched *)context;

    look(w);
    return key_byte(element) % 3 == 0;
}

static void begin_watched(watched *w, size_t size)
{
    unsigned char *data;

    w->size = size;
    w->calls = 0;
    loam_vec_raw_init(&w->vec, loam_libc_allocator());
    data = (unsigned char *)loam_vec_raw_push_slots(&w->vec, SOME, size, 1);
    EXPECT(data != NULL);
    for (size_t i = 0; i < SOME; i++) {
        unsigned char *at = data + i * size;

        for (size_t k = 0; k < size; k++)
            at[k] = (unsigned char)(i + k);
        at[0] = (unsigned char)i;
        at[1] = (unsigned char)(i >> 8);
        at[2] = (unsigned char)test_rng_below(&w->rng, 40);
        at[3] = 0;
    }
}

static void run_watched(watched *w, int what)
{
    switch (what) {
    case 0:
        loam_vec_raw_sort(&w->vec, compare_watched, w, w->size);
        break;
    case 1:
        loam_vec_raw_stable_sort(&w->vec, compare_watched, w, w->size);
        break;
    case 2:
        (void)loam_vec_raw_erase_if(&w->vec, match_watched, w, w->size);
        break;
    default:
        (void)loam_vec_raw_dedup(&w->vec, compare_watched, w, w->size);
    }
}

static const size_t watched_sizes[] = {4, 8, 24, 300};

TEST(all_elements_are_there_at_each_call, fast)
{
    static watched w;

    test_rng_init(&w.rng, test_seed());
    w.last = 0;
    for (size_t s = 0; s < sizeof watched_sizes / sizeof *watched_sizes; s++) {
        for (int what = 0; what < 4; what++) {
            for (int lies = 0; lies < 2; lies++) {
                test_note("size %zu, function %d", watched_sizes[s], what);
                w.lies = lies != 0;
                begin_watched(&w, watched_sizes[s]);
                run_watched(&w, what);
                EXPECT_LE(1, w.calls);
                if (what < 2)
                    expect_all(&w);
                loam_vec_raw_deinit(&w.vec, w.size, 1);
            }
        }
    }
    test_note(NULL);
}

/* The array is one as any other then. (Sorting it stably on the stack, nothing is lost.) */
TEST(a_call_that_does_not_return, fast)
{
    static watched w;
    static volatile int what;

    test_rng_init(&w.rng, test_seed());
    w.lies = false;
    for (what = 0; what < 4; what++) {
        for (w.last = 1; w.last < (size_t)4 * SOME; w.last += 7) {
            begin_watched(&w, 24);
            if (setjmp(w.escape) == 0) {
                run_watched(&w, what);
                EXPECT(w.calls < w.last);
            } else {
                expect_all(&w);
            }
            EXPECT(loam_vec_raw_check(&w.vec, NULL, NULL, w.size, 1));
            loam_vec_raw_deinit(&w.vec, w.size, 1);
        }
    }
}

TEST_MAIN
