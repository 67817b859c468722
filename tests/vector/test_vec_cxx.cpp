// test_vec_cxx.cpp: loam/vec.h from C++: every macro, element types of C++, and what makes the
// typed operations different there: templates instead of statement expressions.
#include "support/test.h"

#include <loam/vec_algorithms.h>

#include <vector>

namespace
{

typedef LOAM_VEC(int) ints;

struct point {
    double x, y;
    bool operator==(const point &other) const { return x == other.x && y == other.y; }
};

struct alignas(64) line {
    char bytes[64];
};

bool is_odd(void *, const void *element)
{
    return *static_cast<const int *>(element) % 2 != 0;
}

int compare(void *, const void *a, const void *b)
{
    int x = *static_cast<const int *>(a), y = *static_cast<const int *>(b);

    return (x > y) - (x < y);
}

bool is(const ints &v, const std::vector<int> &expected)
{
    return loam_vec_check(&v, nullptr, nullptr) &&
           std::vector<int>(v.data, v.data + v.count) == expected;
}

// Counts how often it is asked.
ints *once(ints *v, int &asked)
{
    asked++;
    return v;
}

// An array whose element type is a parameter.
template <typename T> struct stack {
    LOAM_VEC(T) items;

    stack() { loam_vec_init(&items, loam_vec_default_allocator()); }
    ~stack() { loam_vec_deinit(&items); }
    bool push(const T &x) { return loam_vec_push(&items, x); }
    bool pop(T &x) { return loam_vec_pop(&items, &x); }
};

} // namespace

TEST(every_operation, fast)
{
    ints v = LOAM_VEC_INIT(loam_libc_allocator()), w;
    const int more[] = {7, 8, 9};
    size_t at = 0, count = 0, cap = 0;
    int out = 0, key = 8, sum = 0;

    loam_vec_init(&w, loam_vec_default_allocator());
    EXPECT(loam_vec_push(&v, 1) && loam_vec_insert(&v, 0, 0) && loam_vec_push_n(&v, more, 3));
    EXPECT(is(v, {0, 1, 7, 8, 9}));
    EXPECT(loam_vec_insert_n(&v, 1, more + 1, 2) && loam_vec_append(&w, &v));
    EXPECT(is(w, {0, 8, 9, 1, 7, 8, 9}));
    loam_vec_sort(&w, compare, nullptr);
    EXPECT(is(w, {0, 1, 7, 8, 8, 9, 9}));
    EXPECT(loam_vec_search(&w, &key, compare, nullptr, &at) && at == 3);
    EXPECT(loam_vec_lower_bound(&w, &key, compare, nullptr) == 3);
    EXPECT(loam_vec_upper_bound(&w, &key, compare, nullptr) == 5);
    EXPECT(loam_vec_erase(&w, 0) && loam_vec_erase_n(&w, 1, 2) && loam_vec_swap_remove(&w, 0));
    EXPECT(is(w, {9, 8, 9}));
    EXPECT(loam_vec_pop(&w, &out) && out == 9 && loam_vec_pop(&w, nullptr) && is(w, {9}));
    EXPECT(loam_vec_resize(&w, 3) && loam_vec_fill(&w, 1, 3, 4) && is(w, {9, 4, 4, 4}));
    EXPECT(loam_vec_assign(&w, w.data + 1, 2) && loam_vec_copy(&v, &w) && is(v, {4, 4}));
    *loam_vec_push_slot(&v) = 5;
    *loam_vec_push_slots(&v, 1) = 6;
    *loam_vec_insert_slots(&v, 0, 1) = 3;
    EXPECT(is(v, {3, 4, 4, 5, 6}) && *loam_vec_first(&v) == 3 && *loam_vec_last(&v) == 6);
    LOAM_VEC_EACH(const int *, it, &v)
    sum += *it;
    LOAM_VEC_EACH_REVERSE(int *, it, &v)
    sum = sum * 2 + *it;
    EXPECT(sum != 0 && *loam_vec_at(&v, 3) == 5);
    EXPECT(loam_vec_reserve(&v, 100) && loam_vec_reserve_exact(&v, 1000) && loam_vec_trim(&v));
    EXPECT(loam_vec_resize_uninit(&v, 2) && loam_vec_shrink_to_fit(&v) && v.cap == 2);
    loam_vec_swap(&v, &w);
    int *data = loam_vec_release(&v, &count, &cap);
    EXPECT(loam_vec_adopt(&v, data, count, cap) && is(v, {4, 4}));
    loam_vec_clear(&v);
    loam_vec_deinit(&v);
    loam_vec_deinit(&w);
}

TEST(every_algorithm, fast)
{
    ints v = LOAM_VEC_INIT(loam_libc_allocator());
    const int numbers[] = {5, 3, 8, 3, 1, 5};

    EXPECT(loam_vec_push_n(&v, numbers, 6));
    loam_vec_stable_sort(&v, compare, nullptr);
    EXPECT(is(v, {1, 3, 3, 5, 5, 8}) && loam_vec_is_sorted(&v, compare, nullptr));
    EXPECT(loam_vec_dedup(&v, compare, nullptr) == 2 && is(v, {1, 3, 5, 8}));
    EXPECT(loam_vec_insert_sorted(&v, compare, nullptr, v.data[1] + 1) && is(v, {1, 3, 4, 5, 8}));
    loam_vec_reverse(&v);
    EXPECT(is(v, {8, 5, 4, 3, 1}) && loam_vec_rotate(&v, 2) && is(v, {4, 3, 1, 8, 5}));
    EXPECT(loam_vec_erase_if(&v, is_odd, nullptr) == 3 && is(v, {4, 8}));
    loam_vec_deinit(&v);
}

TEST(room_and_ranges, fast)
{
    ints v;
    LOAM_VEC_BUFFER(int, 4) room;

    loam_vec_init_buffer(&v, &room, loam_libc_allocator());
    for (int i = 0; i < 4; i++)
        EXPECT(loam_vec_push_within(&v, i));
    EXPECT(!loam_vec_push_within(&v, 4) && v.data == room.items && is(v, {0, 1, 2, 3}));
    EXPECT(loam_vec_replace(&v, 1, 1, v.data + 1, 3) && is(v, {0, 1, 2, 3, 2, 3}));
    EXPECT(v.data != room.items && loam_vec_replace(&v, 0, 4, v.data + 3, 1) && is(v, {3, 2, 3}));
    loam_vec_truncate(&v, 9);
    loam_vec_truncate(&v, 1);
    EXPECT(is(v, {3}));
    loam_vec_deinit(&v);
}

TEST(arguments_of_its_own, fast)
{
    ints v = LOAM_VEC_INIT(loam_libc_allocator());

    EXPECT(loam_vec_push(&v, 1) && loam_vec_push(&v, 2) && loam_vec_shrink_to_fit(&v));
    EXPECT(loam_vec_push(&v, v.data[0]) && loam_vec_shrink_to_fit(&v));
    EXPECT(loam_vec_insert(&v, 0, v.data[1]) && loam_vec_shrink_to_fit(&v));
    EXPECT(is(v, {2, 1, 2, 1}));
    EXPECT(loam_vec_fill(&v, 2, 9, v.data[1]) && v.data[10] == 1 && v.data[2] == 1);
    loam_vec_deinit(&v);
}

TEST(arguments_are_evaluated_once, fast)
{
    ints v = LOAM_VEC_INIT(loam_libc_allocator());
    int n = 0, asked = 0;
    size_t at = 0;

    EXPECT(loam_vec_push(once(&v, asked), n++) && loam_vec_insert(once(&v, asked), at++, n++));
    EXPECT(loam_vec_fill(once(&v, asked), at++, 2, n++) && is(v, {1, 2, 2}));
    LOAM_VEC_EACH(int *, it, once(&v, asked))
    *it += 1;
    EXPECT(is(v, {2, 3, 3}) && n == 3 && asked == 4 && at == 2);
    loam_vec_deinit(once(&v, asked));
    EXPECT_EQ(asked, 5);
}

TEST(element_types, fast)
{
    stack<point> points;
    stack<const char *> texts;
    stack<line> lines;
    stack<stack<int> *> stacks;
    point p = {};
    const char *text = "";
    stack<int> *inner = nullptr;

    for (int i = 0; i < 100; i++) {
        EXPECT(points.push(point{double(i), 1}) && texts.push("loam") && lines.push(line()));
        EXPECT(stacks.push(nullptr));
    }
    EXPECT(points.pop(p) && p == (point{99, 1}) && texts.pop(text) && stacks.pop(inner));
    EXPECT_STR(text, "loam");
    EXPECT_EQ(reinterpret_cast<uintptr_t>(lines.items.data) % 64, 0);
    EXPECT(loam_vec_push(&points.items, point{1, 2}) && loam_vec_last(&points.items)->y == 2);
}

TEST(calls_stand_in_arguments, fast)
{
    typedef LOAM_VEC(bool) bools;
    ints v;
    bools done;

    loam_vec_init(&v, loam_vec_default_allocator());
    loam_vec_init(&done, loam_vec_default_allocator());
    EXPECT(loam_vec_push(&done, loam_vec_push(&done, loam_vec_push(&v, 1))));
    EXPECT(loam_vec_push_within(&done, loam_vec_push_within(&v, 2)));
    EXPECT(loam_vec_insert(&done, 0, loam_vec_insert(&v, 0, 0)));
    EXPECT(loam_vec_fill(&done, 4, 1, loam_vec_fill(&v, 3, 1, 3)));
    EXPECT(is(v, {0, 1, 2, 3}) && done.count == 5);
    loam_vec_deinit(&v);
    loam_vec_deinit(&done);
}

TEST(reserved, fast)
{
    ints v;

    EXPECT(loam_vec_init_reserved(&v, 1000));
    EXPECT(loam_vec_push(&v, 1));
    const int *first = loam_vec_first(&v);
    EXPECT(loam_vec_resize(&v, 1000) && first == v.data && !loam_vec_push(&v, 1));
    loam_vec_deinit(&v);
}

TEST_MAIN
