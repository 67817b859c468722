/* test_vec_reserved.c: arrays in a reservation of their own: they never move, hold exactly as many
 * elements as was said, read zero where they must, and give memory back. */
#include "support/test.h"

#include <loam/vec.h>
#include <loam/vm.h>

typedef LOAM_VEC(uint64_t) u64s;

static void push_numbers(u64s *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        EXPECT(loam_vec_push(v, v->count));
}

static void expect_numbers(const u64s *v)
{
    EXPECT(loam_vec_check(v, NULL, NULL));
    for (size_t i = 0; i < v->count; i++)
        EXPECT_EQ(v->data[i], i);
}

static loam_stats stats_of(const u64s *v)
{
    loam_stats stats;

    loam_vec_stats(v, &stats);
    EXPECT(stats.live <= stats.committed && stats.committed <= stats.reserved);
    return stats;
}

/* Ending an array twice, or using it after its end, does nothing to those that came later. */
TEST(ended_twice, fast)
{
    u64s v, first, second;

    EXPECT(loam_vec_init_reserved(&v, 1000));
    push_numbers(&v, 10);
    loam_vec_deinit(&v);
    EXPECT(!loam_vec_push(&v, 1) && v.count == 0 && v.data == NULL);
    loam_vec_deinit(&v);
    EXPECT(loam_vec_init_reserved(&first, 1000) && loam_vec_init_reserved(&second, 1000));
    push_numbers(&first, 1000);
    push_numbers(&second, 1000);
    EXPECT(first.data != second.data);
    loam_vec_deinit(&v);
    expect_numbers(&first);
    expect_numbers(&second);
    loam_vec_deinit(&first);
    loam_vec_deinit(&second);
}

TEST(never_moves, fast)
{
    uint64_t *data;
    u64s v;

    EXPECT(loam_vec_init_reserved(&v, 1000000));
    EXPECT(v.count == 0 && v.cap == 0 && v.data == NULL && loam_vec_check(&v, NULL, NULL));
    push_numbers(&v, 1);
    data = v.data;
    push_numbers(&v, 999999);
    EXPECT_PTR(v.data, data);
    expect_numbers(&v);
    loam_vec_deinit(&v);
    loam_vec_init(&v, loam_libc_allocator());
    push_numbers(&v, 10);
    expect_numbers(&v);
    loam_vec_deinit(&v);
}

/* Whatever the number: that many fit, and no more. */
TEST(holds_what_was_said, fast)
{
    const size_t most[] = {1, 2, 3, 7, 511, 512, 513, 12345, 100000};

    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        u64s v, before;

        EXPECT(loam_vec_init_reserved(&v, most[i]));
        push_numbers(&v, most[i]);
        EXPECT_EQ(v.cap, most[i]);
        before = v;
        EXPECT(!loam_vec_push(&v, 1) && !loam_vec_push_slot(&v) && !loam_vec_append(&v, &v));
        EXPECT(!loam_vec_insert(&v, 0, 1) && !loam_vec_resize(&v, most[i] + 1));
        EXPECT(!loam_vec_reserve(&v, most[i] + 1) && !loam_vec_reserve_exact(&v, SIZE_MAX));
        EXPECT(memcmp(&before, &v, sizeof v) == 0);
        expect_numbers(&v);
        loam_vec_deinit(&v);
    }
}

TEST(what_can_not_be_reserved, fast)
{
    u64s v;

    EXPECT(!loam_vec_init_reserved(&v, 0) && !loam_vec_init_reserved(&v, SIZE_MAX));
    EXPECT(!loam_vec_init_reserved(&v, (size_t)PTRDIFF_MAX / 8));
    EXPECT(!loam_vec_init_reserved(&v, (size_t)PTRDIFF_MAX / 8 + 1));
    EXPECT(!loam_vec_init_reserved(&v, SIZE_MAX / 8 + 2));
}

/* A reservation that was used before is handed out again, and new elements read zero all the same.
 */
TEST(new_elements_are_zero, fast)
{
    for (int round = 0; round < 4; round++) {
        u64s v;

        EXPECT(loam_vec_init_reserved(&v, 50000));
        EXPECT(loam_vec_resize(&v, 20000));
        for (size_t i = 0; i < v.count; i++)
            EXPECT_EQ(v.data[i], 0);
        memset(v.data, 0xff, v.count * sizeof *v.data);
        loam_vec_clear(&v);
        EXPECT(loam_vec_resize(&v, 50000));
        for (size_t i = 0; i < v.count; i++)
            EXPECT_EQ(v.data[i], 0);
        memset(v.data, 0xff, v.count * sizeof *v.data);
        loam_vec_clear(&v);
        EXPECT(loam_vec_shrink_to_fit(&v) && v.cap == 0);
        EXPECT(loam_vec_resize(&v, 30000));
        for (size_t i = 0; i < v.count; i++)
            EXPECT_EQ(v.data[i], 0);
        memset(v.data, 0xff, v.count * sizeof *v.data);
        loam_vec_deinit(&v);
    }
}

TEST(gives_memory_back, fast)
{
    size_t page = loam_vm_page_size();
    uint64_t *data;
    u64s v;

    EXPECT(loam_vec_init_reserved(&v, 1 << 20));
    push_numbers(&v, 1 << 20);
    data = v.data;
    EXPECT_LE((size_t)8 << 20, stats_of(&v).committed);
    EXPECT(loam_vec_resize(&v, 1000) && loam_vec_trim(&v) && v.cap == 2000 && v.data == data);
    EXPECT_LE(stats_of(&v).committed, 2000 * 8 + 2 * page);
    expect_numbers(&v);
    EXPECT(loam_vec_shrink_to_fit(&v) && v.cap == 1000 && v.data == data);
    expect_numbers(&v);
    push_numbers(&v, 100000);
    expect_numbers(&v);
    loam_vec_clear(&v);
    EXPECT(loam_vec_shrink_to_fit(&v) && v.cap == 0);
    EXPECT_LE(stats_of(&v).committed, page);
    push_numbers(&v, 10);
    EXPECT_PTR(v.data, data);
    loam_vec_deinit(&v);
}

/* Address space is all that a big maximum costs. */
TEST(big_maximum, fast)
{
    const size_t most = (size_t)1 << (sizeof(size_t) >= 8 ? 32 : 24); /* 32 GiB */
    u64s v;

    if (!loam_vec_init_reserved(&v, most))
        TEST_SKIP("the system has not so much address space to give");
    push_numbers(&v, 3 << 20); /* beyond where huge pages begin */
    expect_numbers(&v);
    EXPECT_LE(most * 8, stats_of(&v).reserved);
    EXPECT_LE(stats_of(&v).committed, (size_t)33 << 20);
    loam_vec_deinit(&v);
}

TEST(alignment_of_elements, fast)
{
    for (size_t align = 1; align <= (size_t)4 << 20; align *= 4) {
        loam_vec v;

        EXPECT(loam_vec_raw_init_reserved(&v, 3, align, align));
        for (int i = 0; i < 3; i++) {
            char *slot = (char *)loam_vec_raw_push_slot(&v, align, align);

            EXPECT(slot && ((uintptr_t)slot & (align - 1)) == 0);
            slot[0] = slot[align - 1] = 1;
        }
        EXPECT(!loam_vec_raw_push_slot(&v, align, align));
        EXPECT(loam_vec_raw_check(&v, NULL, NULL, align, align));
        loam_vec_raw_deinit(&v, align, align);
    }
}

/* The object is a value, and exchanged like any other. */
TEST(moved_and_exchanged, fast)
{
    u64s a, b, c;

    EXPECT(loam_vec_init_reserved(&a, 1000) && loam_vec_init_reserved(&b, 100));
    loam_vec_init(&c, loam_libc_allocator());
    push_numbers(&a, 200);
    push_numbers(&b, 50);
    push_numbers(&c, 5);
    loam_vec_swap(&a, &b);
    loam_vec_swap(&a, &c);
    EXPECT(a.count == 5 && b.count == 200 && c.count == 50);
    push_numbers(&a, 5000);
    push_numbers(&b, 800);
    push_numbers(&c, 50);
    EXPECT(!loam_vec_push(&b, 1) && !loam_vec_push(&c, 1));
    EXPECT(!loam_vec_copy(&b, &a) && loam_vec_copy(&b, &c) && b.count == 100);
    expect_numbers(&a);
    expect_numbers(&b);
    expect_numbers(&c);
    loam_vec_deinit(&a);
    loam_vec_deinit(&b);
    loam_vec_deinit(&c);
}

/* ---- walking ---- */

typedef struct seen {
    const char *next; /* where the next piece begins */
    size_t sum;
    int pieces[4];
} seen;

static bool see(void *context, const loam_walk_item *item)
{
    seen *s = (seen *)context;

    EXPECT(item->size > 0 && (!s->next || s->next == item->address));
    s->next = (const char *)item->address + item->size;
    s->sum += item->size;
    s->pieces[item->kind]++;
    return true;
}

TEST(walk_covers_the_reservation, fast)
{
    seen s = {0};
    u64s v;

    EXPECT(loam_vec_init_reserved(&v, 100000));
    push_numbers(&v, 5000);
    EXPECT(loam_vec_walk(&v, see, &s));
    EXPECT_EQ(s.sum, stats_of(&v).reserved);
    EXPECT(s.pieces[LOAM_WALK_METADATA] == 1 && s.pieces[LOAM_WALK_LIVE] == 1);
    EXPECT(s.pieces[LOAM_WALK_FREE] >= 1 && s.pieces[LOAM_WALK_RESERVED] == 1);
    loam_vec_deinit(&v);
}

/* ---- tools ---- */

static void touch_behind(void *context)
{
    u64s v;

    (void)context;
    EXPECT(loam_vec_init_reserved(&v, 100000) && loam_vec_reserve_exact(&v, 10));
    ((volatile uint64_t *)v.data)[10] = 1;
}

TEST(sanitizer_sees_what_is_behind, fast)
{
    if (!test_under_asan())
        TEST_SKIP("needs AddressSanitizer");
    test_faults(touch_behind, NULL);
}

TEST_MAIN
