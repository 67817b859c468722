/* test_vec_growth.c: what an array asks of its allocator: how often, how much, and in which way;
 * and what it leaves behind. */
#include "support/fail_vm.h"
#include "support/test.h"

#include <loam/adapters.h>
#include <loam/arena.h>
#include <loam/vec.h>

typedef LOAM_VEC(uint64_t) u64s;

static void push_numbers(u64s *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        EXPECT(loam_vec_push(v, v->count));
}

static void expect_numbers(const u64s *v)
{
    for (size_t i = 0; i < v->count; i++)
        EXPECT_EQ(v->data[i], i);
}

static size_t bytes(const u64s *v)
{
    return v->cap * sizeof(uint64_t);
}

/* ---- how much ---- */

static size_t first_cap(size_t size)
{
    loam_vec v;
    size_t cap;

    loam_vec_raw_init(&v, loam_libc_allocator());
    EXPECT(loam_vec_raw_push_slot(&v, size, 1));
    cap = v.cap;
    loam_vec_raw_deinit(&v, size, 1);
    return cap;
}

TEST(first_block, fast)
{
    EXPECT_EQ(first_cap(1), 64);
    EXPECT_EQ(first_cap(3), 21);
    EXPECT_EQ(first_cap(8), 8);
    EXPECT_EQ(first_cap(24), 4);
    EXPECT_EQ(first_cap(1024), 4);
    EXPECT_EQ(first_cap(4096), 1);
}

/* A million pushes are a first block and fourteen growths, three of them fourfold, each by the cheapest
 * way there is. */
TEST(pushes_ask_seldom, fast)
{
    loam_failing failing;
    u64s v;

    loam_failing_init(&failing, loam_libc_allocator(), NULL);
    loam_vec_init(&v, loam_failing_allocator(&failing));
    push_numbers(&v, 1000000);
    expect_numbers(&v);
    EXPECT_EQ(loam_failing_calls(&failing, LOAM_FAILING_ALLOC), 1);
    EXPECT_EQ(loam_failing_calls(&failing, LOAM_FAILING_REMAP), 14);
    loam_vec_deinit(&v);
}

TEST(reserving_in_a_loop_is_pushing, fast)
{
    loam_failing failing;
    u64s v;

    loam_failing_init(&failing, loam_libc_allocator(), NULL);
    loam_vec_init(&v, loam_failing_allocator(&failing));
    for (size_t n = 1; n <= 100000; n++)
        EXPECT(loam_vec_reserve(&v, n));
    EXPECT_LE(loam_failing_calls(&failing, LOAM_FAILING_REMAP), 14);
    loam_vec_clear(&v);
    EXPECT(loam_vec_shrink_to_fit(&v) && v.data == NULL);
    EXPECT(loam_vec_reserve_exact(&v, 1001) && v.cap == 1001);
    EXPECT(loam_vec_reserve_exact(&v, 1000) && v.cap == 1001);
    loam_vec_deinit(&v);
}

/* ---- an allocator that rounds, and tells; it has no way to change a block ---- */

enum { STEP = 100, FRESH = 0xEE };

static size_t zeroed, taken;

static void *step_alloc(void *self, size_t size, size_t align)
{
    void *ptr;

    (void)self;
    EXPECT(size % STEP >= STEP - 24 || size % STEP == 0); /* nothing is wasted that could be used */
    taken++;
    ptr = loam_alloc(loam_libc_allocator(), size, align);
    return ptr ? memset(ptr, FRESH, size) : NULL;
}

static void *step_zalloc(void *self, size_t size, size_t align)
{
    (void)self;
    zeroed++;
    return loam_zalloc(loam_libc_allocator(), size, align);
}

static void step_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    (void)self;
    loam_dealloc(loam_libc_allocator(), ptr, size, align);
}

static size_t step_good_size(void *self, size_t size, size_t align)
{
    (void)self;
    (void)align;
    return (size + STEP - 1) / STEP * STEP;
}

static const loam_allocator_ops step_ops = {.alloc = step_alloc,
                                            .dealloc = step_dealloc,
                                            .zalloc = step_zalloc,
                                            .good_size = step_good_size,
                                            .name = "steps",
                                            .traits = LOAM_RECLAIMS};

TEST(capacity_is_what_the_block_holds, fast)
{
    loam_vec v;

    loam_vec_raw_init(&v, (loam_allocator){&step_ops, NULL});
    EXPECT(loam_vec_raw_reserve_exact(&v, 1, 24, 8) && v.cap == 4);
    EXPECT(loam_vec_raw_reserve_exact(&v, 5, 24, 8) && v.cap == 8);
    for (int i = 0; i < 1000; i++)
        EXPECT(loam_vec_raw_push_slot(&v, 24, 8));
    EXPECT(loam_vec_raw_check(&v, NULL, NULL, 24, 8));
    loam_vec_raw_deinit(&v, 24, 8);
}

/* Room that no element is in is not worth copying. */
TEST(elements_are_copied_and_no_more, fast)
{
    const loam_allocator steps = {&step_ops, NULL};
    u64s v = LOAM_VEC_INIT(steps);

    EXPECT(loam_vec_resize(&v, 1000) && loam_vec_resize(&v, 2));
    memset(v.data, 7, v.cap * sizeof *v.data);
    EXPECT(loam_vec_reserve_exact(&v, 3000) && v.count == 2);
    EXPECT(memcmp(v.data, (char[16]){7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7}, 16) == 0);
    EXPECT(((unsigned char *)v.data)[16] == FRESH && ((unsigned char *)v.data)[7999] == FRESH);
    loam_vec_deinit(&v);
}

/* The first block comes zeroed from who may know it to be zero; what is used again is cleared. */
TEST(zeroed_elements, fast)
{
    const loam_allocator steps = {&step_ops, NULL};
    u64s v = LOAM_VEC_INIT(steps);

    zeroed = taken = 0;
    EXPECT(loam_vec_resize(&v, 1000));
    EXPECT(zeroed == 1 && taken == 0);
    for (size_t i = 0; i < 1000; i++)
        EXPECT_EQ(v.data[i], 0);
    memset(v.data, 0xff, v.count * sizeof *v.data);
    loam_vec_clear(&v);
    EXPECT(loam_vec_resize(&v, 500) && v.data[499] == 0 && v.data[0] == 0);
    EXPECT(loam_vec_resize(&v, 5000) && v.data[500] == 0 && v.data[4999] == 0);
    EXPECT(zeroed == 1 && taken == 1);
    loam_vec_deinit(&v);
}

/* ---- where memory is short ---- */

/* Where doubling is refused less is asked for, so that an array takes all that there is, and yet
 * asks seldom. */
TEST(growth_up_to_a_limit, fast)
{
    enum { MOST = 100001 };
    loam_budget_config config = {.limit = MOST * sizeof(uint64_t)};
    loam_failing failing;
    loam_budget budget;
    u64s v;

    loam_budget_init(&budget, loam_libc_allocator(), &config);
    loam_failing_init(&failing, loam_budget_allocator(&budget), NULL);
    loam_vec_init(&v, loam_failing_allocator(&failing));
    push_numbers(&v, MOST);
    EXPECT(!loam_vec_push(&v, 1));
    EXPECT(v.count == MOST && v.cap == MOST);
    expect_numbers(&v);
    EXPECT_LE(loam_failing_calls(&failing, LOAM_FAILING_REMAP), 400);
    loam_vec_deinit(&v);
}

/* ---- giving back ---- */

TEST(trim_has_hysteresis, fast)
{
    u64s v;
    size_t cap;

    loam_vec_init(&v, loam_libc_allocator());
    EXPECT(loam_vec_reserve_exact(&v, 1000));
    push_numbers(&v, 250);
    EXPECT(loam_vec_trim(&v) && v.cap == 1000);
    EXPECT(loam_vec_pop(&v, NULL) && loam_vec_trim(&v) && v.cap == 498);
    expect_numbers(&v);
    push_numbers(&v, 498 - 249);
    EXPECT_EQ(v.cap, 498);
    for (cap = v.cap; v.count; EXPECT(loam_vec_pop(&v, NULL) && loam_vec_trim(&v)))
        EXPECT(v.cap <= cap && (v.cap <= 8 || v.count * 4 >= v.cap));
    EXPECT_EQ(v.cap, 8);
    EXPECT(loam_vec_shrink_to_fit(&v) && v.cap == 0 && v.data == NULL);
    loam_vec_deinit(&v);
}

/* ---- over arenas ---- */

static _Alignas(64) char buffer[1 << 20];

static void begin_fixed(loam_arena *arena)
{
    loam_arena_config config = {
        .backing = LOAM_ARENA_FIXED, .buffer = buffer, .buffer_size = sizeof buffer};

    EXPECT(loam_arena_init(arena, &config));
}

TEST(newest_block_of_an_arena_stays, fast)
{
    loam_arena arena;
    uint64_t *data;
    u64s v;

    begin_fixed(&arena);
    loam_vec_init(&v, loam_arena_allocator(&arena));
    push_numbers(&v, 1);
    data = v.data;
    push_numbers(&v, 50000);
    EXPECT(v.data == data && loam_arena_pos(&arena) == bytes(&v));
    EXPECT(loam_vec_shrink_to_fit(&v) && v.cap <= 50002);
    EXPECT_LE(loam_arena_pos(&arena), bytes(&v) + LOAM_MAX_ALIGN);
    expect_numbers(&v);
    loam_vec_clear(&v);
    EXPECT(loam_vec_shrink_to_fit(&v) && v.data == NULL && loam_arena_pos(&arena) == 0);
    loam_arena_deinit(&arena);
}

/* A block that is not the newest one can't be given back, and is not thrown away. */
TEST(older_block_of_an_arena_is_kept, fast)
{
    loam_arena arena;
    u64s v, before;

    begin_fixed(&arena);
    loam_vec_init(&v, loam_arena_allocator(&arena));
    push_numbers(&v, 100);
    EXPECT(loam_arena_push(&arena, 1));
    before = v;
    EXPECT(!loam_vec_shrink_to_fit(&v) && memcmp(&before, &v, sizeof v) == 0);
    loam_vec_clear(&v);
    EXPECT(!loam_vec_shrink_to_fit(&v) && !loam_vec_trim(&v) && v.data == before.data);
    EXPECT_EQ(v.cap, before.cap);
    loam_arena_deinit(&arena);
}

/* Arrays that grow in turn are in each other's way and must move; all that they leave behind is
 * less than a third of what they have. */
static void expect_little_litter(loam_arena *arena, size_t pushes)
{
    enum { ARRAYS = 5 };
    u64s v[ARRAYS];
    size_t held = 0;

    for (int k = 0; k < ARRAYS; k++)
        loam_vec_init(&v[k], loam_arena_allocator(arena));
    for (size_t i = 0; i < pushes; i++)
        for (int k = 0; k < ARRAYS; k++)
            push_numbers(&v[k], 1);
    for (int k = 0; k < ARRAYS; k++) {
        expect_numbers(&v[k]);
        held += bytes(&v[k]);
    }
    EXPECT_LE(loam_arena_pos(arena) - held, held / 3);
}

TEST(litter_in_a_fixed_arena, fast)
{
    for (size_t pushes = 1; pushes < 4000; pushes += pushes / 3 + 1) {
        loam_arena arena;

        begin_fixed(&arena);
        expect_little_litter(&arena, pushes);
        loam_arena_deinit(&arena);
    }
}

TEST(litter_in_a_reserving_arena, fast)
{
    loam_arena arena;

    EXPECT(loam_arena_init(&arena, NULL));
    expect_little_litter(&arena, 100000);
    loam_arena_deinit(&arena);
}

/* Every call for pages would be refused and counted: there is none. */
TEST(fixed_arena_asks_no_system, fast)
{
    loam_arena arena;
    u64s v, w;

    fail_vm_arm(FAIL_VM_ALL, 1, true);
    begin_fixed(&arena);
    loam_vec_init(&v, loam_arena_allocator(&arena));
    loam_vec_init(&w, loam_arena_allocator(&arena));
    push_numbers(&v, 5000);
    EXPECT(loam_vec_copy(&w, &v) && loam_vec_append(&v, &w) && loam_vec_insert(&v, 3, 3));
    EXPECT(loam_vec_erase_n(&v, 10, 100) && loam_vec_resize(&w, 7000));
    (void)loam_vec_shrink_to_fit(&w);
    EXPECT(!loam_vec_reserve(&v, sizeof buffer) && v.count == 9901);
    loam_vec_deinit(&w);
    loam_vec_deinit(&v);
    loam_arena_deinit(&arena);
    fail_vm_disarm();
    EXPECT_EQ(fail_vm_calls(), 0);
}

/* A block of one element that is not the arena's newest is kept, not forgotten. */
TEST(one_old_element_is_kept, fast)
{
    LOAM_VEC(struct { char bytes[2000]; }) v;
    loam_arena arena;

    EXPECT(loam_arena_init(&arena, NULL));
    loam_vec_init(&v, loam_arena_allocator(&arena));
    EXPECT(loam_vec_push_slot(&v) != NULL && v.cap == 1);
    loam_vec_clear(&v);
    EXPECT(loam_arena_push(&arena, 16) != NULL);
    EXPECT(!loam_vec_shrink_to_fit(&v) && v.cap == 1 && v.data != NULL);
    EXPECT(loam_arena_undo(&arena, (char *)v.data + 2000, 16));
    EXPECT(loam_vec_shrink_to_fit(&v) && v.cap == 0 && v.data == NULL);
    EXPECT_EQ(loam_arena_pos(&arena), 0);
    loam_arena_deinit(&arena);
}

/* ---- the default allocator ---- */

TEST(default_is_one_split, fast)
{
    loam_allocator a = loam_vec_default_allocator(), b = loam_vec_default_allocator();

    EXPECT(loam_allocator_same(a, b) && loam_allocator_reclaims(a) && loam_allocator_threadsafe(a));
    EXPECT_STR(a.ops->name, "split");
    EXPECT_EQ(loam_good_size(a, LOAM_VEC_SPLIT, 8), LOAM_VEC_SPLIT);
    EXPECT(loam_good_size(a, LOAM_VEC_SPLIT + 1, 8) > LOAM_VEC_SPLIT + 1);
}

/* Above the threshold an array takes one block, when it comes there; from then on it grows in place
 * or by moving pages, without a copy, and with O(log n) calls to the system up to 4 GiB. */
TEST(big_arrays_are_not_copied, fast)
{
    const size_t huge = (sizeof(size_t) >= 8 ? (size_t)1 << 29 : (size_t)1 << 24) /* elements */;
    loam_failing large;
    loam_split split;
    size_t growths;
    u64s v;

    loam_failing_init(&large, loam_vm_allocator(), NULL);
    loam_split_init(&split, loam_libc_allocator(), loam_failing_allocator(&large), LOAM_VEC_SPLIT);
    loam_vec_init(&v, loam_split_allocator(&split));
    push_numbers(&v, 100000);
    fail_vm_arm(FAIL_VM_ALL, 0, false); /* which counts */
    while (v.cap < huge && loam_vec_reserve(&v, v.cap + 1))
        continue;
    fail_vm_disarm();
    if (v.cap < huge)
        TEST_SKIP("the system has not so much memory to give");
    expect_numbers(&v);
    EXPECT_EQ(loam_failing_calls(&large, LOAM_FAILING_ALLOC), 1);
    growths = loam_failing_calls(&large, LOAM_FAILING_REMAP);
    EXPECT(growths > 0);
    EXPECT_LE(growths, 16);
    EXPECT_LE(loam_failing_calls(&large, LOAM_FAILING_RESIZE), growths);
    EXPECT_LE(fail_vm_calls(), 8 * growths);
    loam_vec_deinit(&v);
}

TEST_MAIN
