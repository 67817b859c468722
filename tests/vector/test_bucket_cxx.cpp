// test_bucket_cxx.cpp: loam/bucket.h and loam/strbuf.h from C++: every macro, element types of C++,
// and an array whose element type is a parameter.
#include "support/test.h"

#include <loam/bucket.h>
#include <loam/strbuf.h>

#include <cstring>

namespace
{

typedef LOAM_BUCKET(int) ints;

struct point {
    double x, y;
};

struct alignas(64) line {
    char bytes[64];
};

ints *once(ints *b, int &asked)
{
    asked++;
    return b;
}

template <typename T> struct stack {
    LOAM_BUCKET(T) items;

    stack() { loam_bucket_init(&items, loam_libc_allocator()); }
    ~stack() { loam_bucket_deinit(&items); }
    bool push(const T &x) { return loam_bucket_push(&items, x); }
    bool pop(T &x) { return loam_bucket_pop(&items, &x); }
    T sum() const
    {
        T total = T();

        LOAM_BUCKET_EACH(const T *, it, &items)
        total += *it;
        return total;
    }
};

} // namespace

TEST(each_macro, fast)
{
    const int few[] = {7, 8, 9};
    int out = 0, asked = 0, sum = 0, copied[3];
    size_t n, index;
    ints b, other;

    loam_bucket_init(&b, loam_libc_allocator());
    loam_bucket_init_first(&other, loam_libc_allocator(), 2);
    EXPECT(loam_bucket_reserve(&b, 100));
    EXPECT(loam_bucket_push(once(&b, asked), 1) && asked == 1);
    EXPECT(loam_bucket_push(&b, *loam_bucket_at(&b, 0) + 1));
    *loam_bucket_push_slot(&b) = 3;
    EXPECT(loam_bucket_push_n(&b, few, 3));
    EXPECT(loam_bucket_append(&b, &b) && b.count == 12);
    EXPECT(loam_bucket_copy(&other, &b) && other.count == 12);
    EXPECT(loam_bucket_get(&b, 11, &out) && out == 9);
    EXPECT(loam_bucket_pop(&b, &out) && out == 9 && loam_bucket_pop(&b, nullptr));
    EXPECT(loam_bucket_swap_remove(&b, 0) && *loam_bucket_first(&b) == 7);
    EXPECT(*loam_bucket_last(&b) == 3 && *loam_bucket_place(&b, 1) == 2);
    EXPECT(loam_bucket_span(&b, 0, &n) == b.buckets[0] && n == b.count);
    EXPECT(loam_bucket_read(&b, 0, 3, copied) && copied[2] == 3);
    EXPECT(loam_bucket_index_of(&b, loam_bucket_at(&b, 5), &index) && index == 5);
    LOAM_BUCKET_EACH(int *, it, &b)
    {
        if (*it == 9)
            break;
        sum += *it;
    }
    LOAM_BUCKET_EACH_REVERSE(const int *, it, &b)
    sum += *it;
    EXPECT(sum == 7 + 2 + 3 + 7 + 8 + 7 + 2 + 3 + 7 + 8 + 9 + 1 + 2 + 3);
    EXPECT(loam_bucket_resize(&b, 500) && *loam_bucket_at(&b, 499) == 0);
    EXPECT(loam_bucket_resize_uninit(&b, 600));
    loam_bucket_truncate(&b, 3);
    loam_bucket_shrink_to_fit(&b);
    loam_bucket_swap(&b, &other);
    EXPECT(b.count == 12 && other.count == 3);
    loam_bucket_clear(&b);
    EXPECT(loam_bucket_check(&b, nullptr, nullptr) && loam_bucket_check(&other, nullptr, nullptr));
    loam_bucket_deinit(&b);
    loam_bucket_deinit(&other);
}

TEST(element_types, fast)
{
    LOAM_BUCKET(point) points;
    LOAM_BUCKET(line) lines;
    LOAM_BUCKET(const char *) texts;
    stack<double> doubles;
    double top = 0;

    loam_bucket_init(&points, loam_libc_allocator());
    loam_bucket_init(&lines, loam_libc_allocator());
    loam_bucket_init(&texts, loam_libc_allocator());
    EXPECT(loam_bucket_push(&points, {1, 2}) && loam_bucket_at(&points, 0)->y == 2);
    EXPECT(loam_bucket_push(&points, point{3, 4}) && loam_bucket_last(&points)->x == 3);
    EXPECT(loam_bucket_push(&lines, line()));
    EXPECT(reinterpret_cast<uintptr_t>(loam_bucket_at(&lines, 0)) % 64 == 0);
    EXPECT(loam_bucket_push(&texts, "text") && loam_bucket_push(&texts, nullptr));
    EXPECT_STR(*loam_bucket_at(&texts, 0), "text");
    for (int i = 0; i < 1000; i++)
        EXPECT(doubles.push(i));
    EXPECT(doubles.sum() == 499500 && doubles.pop(top) && top == 999);
    loam_bucket_deinit(&points);
    loam_bucket_deinit(&lines);
    loam_bucket_deinit(&texts);
}

TEST(texts, fast)
{
    loam_strbuf s;
    size_t bytes = 0, room;

    loam_strbuf_init(&s, loam_libc_allocator());
    EXPECT(loam_strbuf_append_text(&s, "a") && loam_strbuf_append_char(&s, 'b'));
    EXPECT(loam_strbuf_append_format(&s, "%d%s", 1, "c") && loam_strbuf_append_int(&s, -5));
    EXPECT(loam_strbuf_append_repeat(&s, '.', 300) && loam_strbuf_append(&s, "x", 1));
    std::strcpy(loam_strbuf_room(&s, 10, &room), "ok");
    loam_strbuf_advance(&s, 2);
    LOAM_STRBUF_EACH_SPAN(span, &s)
    bytes += span.size;
    EXPECT(bytes == loam_strbuf_length(&s) && bytes == 309);
    EXPECT(std::strncmp(loam_strbuf_text(&s), "ab1c-5..", 8) == 0);
    loam_strbuf_deinit(&s);
}

TEST_MAIN
