/* test_vec_ops.c: each operation of an array by itself: what it returns, what is in the array then,
 * and what it costs the allocator. */
#include "support/test.h"

#include <loam/adapters.h>
#include <loam/vec.h>

typedef LOAM_VEC(int) ints;

static bool is_whole(const ints *v)
{
    return loam_vec_check(v, NULL, NULL);
}

/* Whether the array is exactly these numbers. */
static bool is(const ints *v, const int *numbers, size_t n)
{
    return is_whole(v) && v->count == n &&
           (n == 0 || memcmp(v->data, numbers, n * sizeof(int)) == 0);
}

#define EXPECT_INTS(v, ...)                                                                        \
    EXPECT(is((v), (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int)))

static void count_up(ints *v, int n)
{
    loam_vec_clear(v);
    for (int i = 0; i < n; i++)
        EXPECT(loam_vec_push(v, i));
}

TEST(life_of_an_empty_one, fast)
{
    ints v, w = LOAM_VEC_INIT(loam_libc_allocator());

    loam_vec_init(&v, loam_libc_allocator());
    EXPECT(v.data == NULL && v.count == 0 && v.cap == 0 && is_whole(&v) && is_whole(&w));
    EXPECT(loam_vec_first(&v) == NULL && loam_vec_last(&v) == NULL);
    EXPECT(!loam_vec_pop(&v, NULL) && loam_vec_shrink_to_fit(&v) && loam_vec_trim(&v));
    EXPECT(loam_vec_push_n(&v, NULL, 0) && loam_vec_insert_n(&v, 0, NULL, 0));
    EXPECT(loam_vec_assign(&v, NULL, 0) && loam_vec_append(&v, &v) && loam_vec_copy(&v, &w));
    EXPECT(loam_vec_push_slots(&v, 0) != NULL && loam_vec_insert_slots(&v, 0, 0) != NULL);
    EXPECT(loam_vec_erase_n(&v, 0, 0) && loam_vec_fill(&v, 0, 0, 7) && loam_vec_resize(&v, 0));
    EXPECT(v.cap == 0 && is_whole(&v));
    LOAM_VEC_EACH(int *, it, &v)
    TEST_FAIL("there is %d", *it);
    LOAM_VEC_EACH_REVERSE(int *, it, &v)
    TEST_FAIL("there is %d", *it);
    loam_vec_deinit(&v);
    loam_vec_deinit(&v);
    EXPECT(loam_vec_push(&v, 1));
    EXPECT_INTS(&v, 1);
    loam_vec_deinit(&v);
}

TEST(putting_in, fast)
{
    const int more[] = {7, 8, 9};
    ints v = LOAM_VEC_INIT(loam_libc_allocator()), w = LOAM_VEC_INIT(loam_libc_allocator());
    int *slot;

    EXPECT(loam_vec_push(&v, 1) && loam_vec_push(&v, 3));
    slot = loam_vec_push_slot(&v);
    EXPECT(slot != NULL);
    *slot = 4;
    EXPECT(loam_vec_insert(&v, 1, 2));
    EXPECT_INTS(&v, 1, 2, 3, 4);
    EXPECT(loam_vec_push_n(&v, more, 3) && loam_vec_insert_n(&v, 0, more + 1, 2));
    EXPECT_INTS(&v, 8, 9, 1, 2, 3, 4, 7, 8, 9);
    EXPECT(loam_vec_append(&w, &v) && loam_vec_erase_n(&w, 1, 7) && loam_vec_append(&w, &w));
    EXPECT_INTS(&w, 8, 9, 8, 9);
    slot = loam_vec_insert_slots(&w, 2, 2);
    EXPECT(slot == w.data + 2);
    slot[0] = slot[1] = 5;
    EXPECT_INTS(&w, 8, 9, 5, 5, 8, 9);
    EXPECT(loam_vec_copy(&w, &v) && is(&w, v.data, v.count) && w.data != v.data);
    EXPECT(loam_vec_assign(&v, more, 3));
    EXPECT_INTS(&v, 7, 8, 9);
    EXPECT(loam_vec_fill(&v, 1, 4, 6));
    EXPECT_INTS(&v, 7, 6, 6, 6, 6);
    EXPECT(loam_vec_resize(&v, 7));
    EXPECT_INTS(&v, 7, 6, 6, 6, 6, 0, 0);
    EXPECT(loam_vec_resize_uninit(&v, 2));
    EXPECT_INTS(&v, 7, 6);
    loam_vec_deinit(&v);
    loam_vec_deinit(&w);
}

TEST(taking_out, fast)
{
    ints v = LOAM_VEC_INIT(loam_libc_allocator());
    int last = -1;

    count_up(&v, 8);
    EXPECT(loam_vec_erase(&v, 2));
    EXPECT_INTS(&v, 0, 1, 3, 4, 5, 6, 7);
    EXPECT(loam_vec_erase_n(&v, 0, 2) && loam_vec_erase_n(&v, 4, 1));
    EXPECT_INTS(&v, 3, 4, 5, 6);
    EXPECT(loam_vec_swap_remove(&v, 0));
    EXPECT_INTS(&v, 6, 4, 5);
    EXPECT(loam_vec_swap_remove(&v, 2) && loam_vec_pop(&v, &last) && last == 4);
    EXPECT_INTS(&v, 6);
    EXPECT(loam_vec_pop(&v, NULL) && !loam_vec_pop(&v, &last) && last == 4 && v.cap >= 8);
    loam_vec_deinit(&v);
}

TEST(within_the_room, fast)
{
    ints v = LOAM_VEC_INIT(loam_libc_allocator());
    int n = 0;
    int *data;

    EXPECT(!loam_vec_push_within(&v, n++) && v.cap == 0 && n == 1);
    count_up(&v, 3);
    EXPECT(loam_vec_reserve_exact(&v, 5));
    data = v.data;
    while (v.count < v.cap)
        EXPECT(loam_vec_push_within(&v, v.data[1]));
    EXPECT(!loam_vec_push_within(&v, 7) && v.data == data && v.count == v.cap);
    loam_vec_truncate(&v, 4);
    EXPECT_INTS(&v, 0, 1, 2, 1);
    loam_vec_truncate(&v, SIZE_MAX);
    loam_vec_truncate(&v, 4);
    EXPECT_INTS(&v, 0, 1, 2, 1);
    loam_vec_truncate(&v, 0);
    EXPECT(v.count == 0 && v.data == data);
    loam_vec_deinit(&v);
}

/* Each place that the new elements may come from, with more, as many and less than there were. */
TEST(replacing, fast)
{
    const int more[] = {70, 71, 72, 73};
    ints v = LOAM_VEC_INIT(loam_libc_allocator());

    count_up(&v, 6);
    EXPECT(loam_vec_replace(&v, 1, 2, more, 4));
    EXPECT_INTS(&v, 0, 70, 71, 72, 73, 3, 4, 5);
    EXPECT(loam_vec_replace(&v, 1, 4, more, 1) && loam_vec_replace(&v, 2, 1, more + 1, 1));
    EXPECT_INTS(&v, 0, 70, 71, 4, 5);
    EXPECT(loam_vec_replace(&v, 3, 2, NULL, 0) && loam_vec_replace(&v, 3, 0, NULL, 0));
    EXPECT_INTS(&v, 0, 70, 71);
    for (size_t count = 0; count <= 7; count++) {
        for (size_t at = 0; at <= count; at++) {
            for (size_t n = 0; n <= count - at; n++) {
                for (size_t from = 0; from <= count; from++) {
                    for (size_t m = 0; m <= count - from; m++) {
                        int expected[16];
                        size_t k = 0;

                        count_up(&v, (int)count);
                        if (m % 2)
                            EXPECT(loam_vec_shrink_to_fit(&v));
                        for (size_t i = 0; i < at; i++)
                            expected[k++] = (int)i;
                        for (size_t i = 0; i < m; i++)
                            expected[k++] = (int)(from + i);
                        for (size_t i = at + n; i < count; i++)
                            expected[k++] = (int)i;
                        EXPECT(loam_vec_replace(&v, at, n, count ? v.data + from : NULL, m));
                        EXPECT(is(&v, expected, k));
                    }
                }
            }
        }
    }
    loam_vec_deinit(&v);
}

TEST(looking, fast)
{
    ints v = LOAM_VEC_INIT(loam_libc_allocator());
    const ints *c = &v;
    int sum = 0, steps = 0;

    count_up(&v, 100);
    EXPECT(loam_vec_first(&v) == v.data && loam_vec_last(c) == v.data + 99);
    EXPECT(loam_vec_at(c, 42) == v.data + 42 && *loam_vec_at(&v, 99) == 99);
    LOAM_VEC_EACH(const int *, it, c)
    {
        if (*it % 2)
            continue;
        if (*it == 50)
            break;
        sum += *it;
    }
    EXPECT_EQ(sum, 600);
    LOAM_VEC_EACH_REVERSE(int *, it, &v)
    {
        EXPECT_EQ(*it, 99 - steps);
        steps++;
    }
    EXPECT_EQ(steps, 100);
    LOAM_VEC_EACH(int *, a, &v)
    LOAM_VEC_EACH(int *, b, &v)
    steps += *a == *b;
    EXPECT_EQ(steps, 200);
    loam_vec_deinit(&v);
}

/* ---- arguments ---- */

static void shrink_to_full(ints *v, int n)
{
    count_up(v, n);
    EXPECT(loam_vec_shrink_to_fit(v) && v->cap == v->count);
}

/* Each operation with an element or a part of the array itself, when the array must move. */
TEST(arguments_of_its_own, fast)
{
    ints v = LOAM_VEC_INIT(loam_libc_allocator());

    shrink_to_full(&v, 3);
    EXPECT(loam_vec_push(&v, v.data[1]));
    EXPECT_INTS(&v, 0, 1, 2, 1);
    shrink_to_full(&v, 3);
    EXPECT(loam_vec_push(&v, *loam_vec_last(&v)) && loam_vec_push(&v, v.data[v.count - 1] + 1));
    EXPECT_INTS(&v, 0, 1, 2, 2, 3);
    shrink_to_full(&v, 3);
    EXPECT(loam_vec_push_n(&v, v.data + 1, 2));
    EXPECT_INTS(&v, 0, 1, 2, 1, 2);
    shrink_to_full(&v, 3);
    EXPECT(loam_vec_append(&v, &v));
    EXPECT_INTS(&v, 0, 1, 2, 0, 1, 2);
    shrink_to_full(&v, 3);
    EXPECT(loam_vec_insert(&v, 0, v.data[2]));
    EXPECT_INTS(&v, 2, 0, 1, 2);
    EXPECT(loam_vec_insert(&v, 1, v.data[3])); /* without a move */
    EXPECT_INTS(&v, 2, 2, 0, 1, 2);
    shrink_to_full(&v, 4);
    EXPECT(loam_vec_insert_n(&v, 2, v.data + 1, 3)); /* across the gap */
    EXPECT_INTS(&v, 0, 1, 1, 2, 3, 2, 3);
    EXPECT(loam_vec_insert_n(&v, 0, v.data + 5, 2)); /* behind it */
    EXPECT_INTS(&v, 2, 3, 0, 1, 1, 2, 3, 2, 3);
    EXPECT(loam_vec_insert_n(&v, 9, v.data, 2)); /* before it */
    EXPECT_INTS(&v, 2, 3, 0, 1, 1, 2, 3, 2, 3, 2, 3);
    EXPECT(loam_vec_assign(&v, v.data + 3, 4));
    EXPECT_INTS(&v, 1, 1, 2, 3);
    EXPECT(loam_vec_fill(&v, 0, 2, v.data[3]) && loam_vec_fill(&v, 3, 40, v.data[0]));
    EXPECT(v.count == 43 && v.data[2] == 2 && v.data[3] == 3 && v.data[42] == 3);
    shrink_to_full(&v, 3);
    EXPECT(loam_vec_copy(&v, &v));
    loam_vec_swap(&v, &v);
    EXPECT_INTS(&v, 0, 1, 2);
    EXPECT(loam_vec_pop(&v, &v.data[0]) && loam_vec_pop(&v, &v.data[1]));
    EXPECT_INTS(&v, 2);
    loam_vec_deinit(&v);
}

/* Counts how often it is asked. */
static ints *only_once(ints *v, int *asked)
{
    (*asked)++;
    return v;
}

TEST(arguments_are_evaluated_once, fast)
{
    ints v = LOAM_VEC_INIT(loam_libc_allocator());
    int n = 0, asked = 0, out;
    size_t at = 0, count, cap;
    const int *src = (const int[]){10, 11, 12, 13};

#define ONCE only_once(&v, &asked)
    EXPECT(loam_vec_push(ONCE, n++) && loam_vec_insert(ONCE, at++, n++));
    EXPECT_INTS(&v, 1, 0);
    EXPECT(loam_vec_fill(ONCE, at++, 1, n++) && loam_vec_push_n(ONCE, src++, 1));
    EXPECT_INTS(&v, 1, 2, 10);
    EXPECT(loam_vec_insert_n(ONCE, at++, src++, 1) && loam_vec_append(ONCE, &v));
    EXPECT_INTS(&v, 1, 2, 11, 10, 1, 2, 11, 10);
    EXPECT(loam_vec_erase(ONCE, at++) && loam_vec_erase_n(ONCE, at++, 1));
    EXPECT_INTS(&v, 1, 2, 11, 1, 11, 10);
    EXPECT(loam_vec_swap_remove(ONCE, at++) && loam_vec_pop(ONCE, &out) && out == 11);
    EXPECT(*loam_vec_at(ONCE, at++ - 5) == 2 && at == 7);
    EXPECT(loam_vec_reserve(ONCE, 20) && loam_vec_reserve_exact(ONCE, 30));
    EXPECT(loam_vec_resize(ONCE, 9) && loam_vec_resize_uninit(ONCE, 4));
    *loam_vec_push_slot(ONCE) = *loam_vec_first(ONCE) + *loam_vec_last(ONCE);
    EXPECT(loam_vec_trim(ONCE) && loam_vec_shrink_to_fit(ONCE));
    LOAM_VEC_EACH(int *, it, ONCE)
    *it = 7;
    LOAM_VEC_EACH_REVERSE(int *, it, ONCE)
    *it += 1;
    EXPECT_INTS(&v, 8, 8, 8, 8, 8);
    src = loam_vec_release(ONCE, &count, &cap);
    EXPECT(loam_vec_adopt(ONCE, (int *)(uintptr_t)src, count, cap));
    loam_vec_clear(ONCE);
    loam_vec_deinit(ONCE);
    EXPECT_EQ(n, 3);
    EXPECT_EQ(asked, 26);
#undef ONCE
}

/* ---- other elements ---- */

typedef struct node node;

/* A structure with an array of its own kind. */
struct node {
    LOAM_VEC(node) children;
    int number;
};

static int total(const node *n)
{
    int sum = n->number;

    LOAM_VEC_EACH(const node *, it, &n->children)
    sum += total(it);
    return sum;
}

static void drop(node *n)
{
    LOAM_VEC_EACH(node *, it, &n->children)
    drop(it);
    loam_vec_deinit(&n->children);
}

typedef struct point {
    double x, y;
} point;

/* Commas in an element are no trouble. */
TEST(structures_by_value, fast)
{
    LOAM_VEC(point) v = LOAM_VEC_INIT(loam_libc_allocator());

    EXPECT(loam_vec_push(&v, (point){1, 2}) && loam_vec_insert(&v, 0, (point){3, 4}));
    EXPECT(loam_vec_fill(&v, 1, 2, (point){.x = 5}) && loam_vec_push(&v, v.data[0]));
    EXPECT(v.count == 4 && v.data[0].y == 4 && v.data[1].x == 5 && v.data[2].y == 0);
    EXPECT(v.data[3].x == 3 && loam_vec_last(&v)->y == 4);
    loam_vec_deinit(&v);
}

TEST(arrays_in_their_elements, fast)
{
    node root = {.number = 1}, child = {.number = 10};

    loam_vec_init(&root.children, loam_libc_allocator());
    for (int i = 0; i < 20; i++) {
        loam_vec_init(&child.children, loam_libc_allocator());
        EXPECT(loam_vec_push(&root.children, child));
        loam_vec_init(&child.children, loam_libc_allocator());
        EXPECT(loam_vec_push(&root.children.data[i].children, child));
    }
    EXPECT_EQ(total(&root), 1 + 20 * 20);
    drop(&root);
}

typedef struct line {
    _Alignas(64) char bytes[64];
} line;

typedef struct page {
    _Alignas(4096) char bytes[4096];
} page;

TEST(aligned_elements, fast)
{
    const loam_allocator grounds[] = {loam_libc_allocator(), loam_vm_allocator(),
                                      loam_vec_default_allocator()};

    for (size_t i = 0; i < sizeof grounds / sizeof *grounds; i++) {
        LOAM_VEC(line) lines = LOAM_VEC_INIT(grounds[i]);
        LOAM_VEC(page) pages = LOAM_VEC_INIT(grounds[i]);

        for (int n = 0; n < 200; n++) {
            line *l = loam_vec_push_slot(&lines);
            page *p = loam_vec_push_slot(&pages);

            EXPECT(l && ((uintptr_t)l & 63) == 0 && p && ((uintptr_t)p & 4095) == 0);
            memset(l, n, sizeof *l);
            memset(p, n, sizeof *p);
        }
        for (int n = 0; n < 200; n++)
            EXPECT(lines.data[n].bytes[63] == (char)n && pages.data[n].bytes[4095] == (char)n);
        EXPECT(loam_vec_check(&lines, NULL, NULL) && loam_vec_check(&pages, NULL, NULL));
        loam_vec_deinit(&lines);
        loam_vec_deinit(&pages);
    }
}

/* ---- sizes that do not exist ---- */

/* Counts whose bytes, or whose sum, would overflow: refused, and nothing asked of the allocator. */
TEST(counts_that_overflow, fast)
{
    ints v = LOAM_VEC_INIT(loam_libc_allocator());
    ints before;
    const int more[5] = {0};

    count_up(&v, 5);
    before = v;
    EXPECT(!loam_vec_reserve(&v, SIZE_MAX) && !loam_vec_reserve_exact(&v, SIZE_MAX));
    EXPECT(!loam_vec_reserve(&v, (size_t)PTRDIFF_MAX / sizeof(int) + 1));
    EXPECT(!loam_vec_resize(&v, SIZE_MAX / sizeof(int) + 2) &&
           !loam_vec_resize_uninit(&v, SIZE_MAX));
    EXPECT(!loam_vec_push_n(&v, more, SIZE_MAX) && !loam_vec_push_n(&v, more, SIZE_MAX - 4));
    EXPECT(!loam_vec_push_slots(&v, SIZE_MAX - 4) && !loam_vec_insert_slots(&v, 1, SIZE_MAX / 4));
    EXPECT(!loam_vec_insert_n(&v, 2, more, SIZE_MAX) && !loam_vec_assign(&v, more, SIZE_MAX));
    EXPECT(!loam_vec_replace(&v, 2, 1, more, SIZE_MAX));
    EXPECT(!loam_vec_fill(&v, 5, SIZE_MAX, 1) && !loam_vec_fill(&v, 0, SIZE_MAX, 1));
    EXPECT(memcmp(&before, &v, sizeof v) == 0);
    EXPECT_INTS(&v, 0, 1, 2, 3, 4);
    loam_vec_deinit(&v);
    EXPECT(!loam_vec_resize(&v, SIZE_MAX) && !loam_vec_reserve(&v, SIZE_MAX / sizeof(int) + 1));
    EXPECT(v.data == NULL && v.cap == 0);
}

static int item_count;

/* The elements, and then the room for more; below zero the walk ends at the first. */
static bool see(void *context, const loam_walk_item *item)
{
    const ints *v = (const ints *)context;

    if (item_count++ == 0)
        EXPECT(item->address == v->data && item->size == v->count * sizeof(int) &&
               item->kind == LOAM_WALK_LIVE);
    else if (item_count == 2)
        EXPECT(item->address == v->data + v->count && item->kind == LOAM_WALK_FREE &&
               item->size == (v->cap - v->count) * sizeof(int));
    return item_count >= 0;
}

TEST(stats_and_walk, fast)
{
    ints v = LOAM_VEC_INIT(loam_libc_allocator());
    loam_stats stats;

    count_up(&v, 3);
    EXPECT(loam_vec_reserve_exact(&v, 20));
    loam_vec_stats(&v, &stats);
    EXPECT(stats.live == 3 * sizeof(int) && stats.committed == v.cap * sizeof(int));
    EXPECT(stats.reserved == stats.committed && stats.blocks == 1 && stats.peak == stats.live);
    v.count = v.cap + 1;
    EXPECT(!is_whole(&v));
    v.count = 3;
    EXPECT(is_whole(&v));
    item_count = 0;
    EXPECT(loam_vec_walk(&v, see, &v) && item_count == 2);
    item_count = -10;
    EXPECT(!loam_vec_walk(&v, see, &v) && item_count == -9);
    loam_vec_deinit(&v);
}

TEST_MAIN
