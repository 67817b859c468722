/* test_vec_buffer.c: arrays that begin in a buffer of the caller's: when they move out of it and
 * come back, what they take meanwhile, and that nothing is given back that was not taken.
 */
#include "support/conformance.h"
#include "support/ground.h"
#include "support/test.h"

#include <loam/adapters.h>
#include <loam/arena.h>
#include <loam/vec.h>

enum { ROOM = 32 }; /* more than the first block of an array */

typedef LOAM_VEC(int) ints;
typedef LOAM_VEC_BUFFER(int, ROOM) ints_room;

static loam_counting counting;
static loam_checked checked;

static loam_stats taken(void)
{
    loam_stats stats;

    loam_counting_stats(&counting, &stats);
    return stats;
}

static void begin(ints *v, ints_room *room)
{
    loam_checked_init(&checked, loam_libc_allocator(), NULL);
    loam_counting_init(&counting, loam_checked_allocator(&checked));
    loam_vec_init_buffer(v, room, loam_counting_allocator(&counting));
}

/* The checked allocator ends the program if something is left, or was never its own. */
static void end(void)
{
    EXPECT_EQ(taken().blocks, 0);
    loam_counting_deinit(&counting);
    loam_checked_deinit(&checked);
}

static void push_numbers(ints *v, size_t n)
{
    while (v->count < n)
        EXPECT(loam_vec_push(v, (int)v->count));
}

static void expect_numbers(const ints *v, size_t n)
{
    EXPECT(loam_vec_check(v, NULL, NULL));
    EXPECT_EQ(v->count, n);
    for (size_t i = 0; i < n; i++)
        EXPECT_EQ(v->data[i], i);
}

TEST(small_ones_take_nothing, fast)
{
    ints_room room;
    ints v;

    begin(&v, &room);
    EXPECT(v.count == 0 && v.cap == ROOM && v.data == room.items);
    push_numbers(&v, ROOM);
    EXPECT(v.data == room.items && taken().allocations == 0);
    EXPECT(loam_vec_shrink_to_fit(&v) && loam_vec_reserve(&v, ROOM) && v.cap == ROOM);
    expect_numbers(&v, ROOM);
    loam_vec_deinit(&v);
    EXPECT(v.data == NULL && v.cap == 0);
    push_numbers(&v, 3); /* it may be used on */
    EXPECT(v.data == room.items && v.cap == ROOM);
    loam_vec_deinit(&v);
    EXPECT_EQ(taken().allocations, 0);
    end();
}

TEST(moves_out, fast)
{
    ints_room room;
    ints v;

    begin(&v, &room);
    push_numbers(&v, ROOM + 1);
    EXPECT(v.data != room.items && taken().blocks == 1 && v.cap >= (size_t)2 * ROOM);
    expect_numbers(&v, ROOM + 1);
    push_numbers(&v, 10000);
    EXPECT_EQ(taken().blocks, 1);
    expect_numbers(&v, 10000);
    loam_vec_deinit(&v);
    end();
}

/* By fitting the memory to the count, and by trimming; then nothing is taken any more. */
TEST(comes_back, fast)
{
    for (int trim = 0; trim < 2; trim++) {
        ints_room room;
        ints v;

        begin(&v, &room);
        push_numbers(&v, 1000);
        loam_vec_truncate(&v, ROOM / 2);
        EXPECT(trim ? loam_vec_trim(&v) : loam_vec_shrink_to_fit(&v));
        EXPECT(v.data == room.items && v.cap == ROOM && taken().blocks == 0);
        expect_numbers(&v, ROOM / 2);
        push_numbers(&v, 100);
        expect_numbers(&v, 100);
        loam_vec_clear(&v);
        EXPECT(loam_vec_shrink_to_fit(&v) && v.cap == 0 && taken().blocks == 0);
        push_numbers(&v, 1);
        EXPECT(v.data == room.items);
        loam_vec_deinit(&v);
        end();
    }
}

TEST(refused_when_full, fast)
{
    loam_failing failing;
    loam_failing_config none = {.alloc = {.nth = 1, .for_ever = true}};
    ints_room room;
    ints v, before;

    loam_failing_init(&failing, loam_libc_allocator(), &none);
    loam_vec_init_buffer(&v, &room, loam_failing_allocator(&failing));
    push_numbers(&v, ROOM);
    before = v;
    EXPECT(!loam_vec_push(&v, 1) && !loam_vec_insert(&v, 0, 1) && !loam_vec_append(&v, &v));
    EXPECT(memcmp(&before, &v, sizeof v) == 0);
    expect_numbers(&v, ROOM);
    loam_failing_restart(&failing, NULL);
    EXPECT(loam_vec_append(&v, &v) && v.count == (size_t)2 * ROOM);
    loam_vec_deinit(&v);
    loam_failing_deinit(&failing);
}

/* Storage goes from hand to hand with the allocator that takes it back. */
TEST(exchanged_and_handed_over, fast)
{
    ints_room room, other_room;
    size_t count, cap;
    ints v, w;
    int *data;

    begin(&v, &room);
    loam_vec_init_buffer(&w, &other_room, loam_counting_allocator(&counting));
    push_numbers(&v, 5);
    push_numbers(&w, 100);
    loam_vec_swap(&v, &w);
    expect_numbers(&v, 100);
    expect_numbers(&w, 5);
    EXPECT(w.data == room.items);
    push_numbers(&w, 200);
    data = loam_vec_release(&w, &count, &cap);
    EXPECT(data != room.items && w.cap == 0);
    push_numbers(&w, 4);
    EXPECT(w.data == room.items); /* which is free now */
    EXPECT(loam_vec_adopt(&w, data, count, cap));
    expect_numbers(&w, 200);
    loam_vec_truncate(&w, 2);
    EXPECT(loam_vec_shrink_to_fit(&w) && w.data == room.items);
    data = loam_vec_release(&w, &count, &cap);
    EXPECT(data == room.items && count == 2 && cap == ROOM);
    push_numbers(&w, 4);
    EXPECT(w.data != room.items); /* which is somebody's */
    loam_dealloc(w.allocator, data, cap * sizeof *data, LOAM_ALIGNOF(int));
    loam_vec_deinit(&w);
    loam_vec_deinit(&v);
    end();
}

/* Another array with the same allocator: who asks first has the buffer. */
TEST(two_over_one_buffer, fast)
{
    ints_room room;
    ints v, w;

    begin(&v, &room);
    loam_vec_init(&w, v.allocator);
    push_numbers(&w, 5);
    EXPECT(w.data != room.items && taken().blocks == 1);
    loam_vec_deinit(&v);
    loam_vec_deinit(&w);
    push_numbers(&w, 5);
    EXPECT(w.data == room.items && taken().blocks == 0);
    push_numbers(&v, 5);
    EXPECT(v.data != room.items);
    expect_numbers(&v, 5);
    expect_numbers(&w, 5);
    loam_vec_deinit(&v);
    loam_vec_deinit(&w);
    end();
}

TEST(zeroed_elements, fast)
{
    ints_room room;
    ints v;

    begin(&v, &room);
    memset(&room.items, 0xff, sizeof room.items);
    EXPECT(loam_vec_resize(&v, 3) && v.data[0] == 0 && v.data[2] == 0);
    loam_vec_deinit(&v);
    memset(&room.items, 0xff, sizeof room.items);
    EXPECT(loam_vec_resize(&v, ROOM) && v.data == room.items && v.data[ROOM - 1] == 0);
    loam_vec_deinit(&v);
    EXPECT(loam_vec_resize(&v, 100) && v.data[99] == 0);
    loam_vec_deinit(&v);
    end();
}

typedef struct line {
    _Alignas(64) char bytes[64];
} line;

TEST(aligned_elements, fast)
{
    LOAM_VEC(line) v;
    LOAM_VEC_BUFFER(line, 2) room;

    loam_vec_init_buffer(&v, &room, loam_libc_allocator());
    for (int i = 0; i < 20; i++) {
        line *slot = loam_vec_push_slot(&v);

        EXPECT(slot && (uintptr_t)slot % 64 == 0 && (i >= 2 || slot == &room.items[i]));
        memset(slot, i, sizeof *slot);
    }
    EXPECT(loam_vec_check(&v, NULL, NULL) && v.data[1].bytes[63] == 1);
    loam_vec_deinit(&v);
}

static ints_room *only_once(ints_room *room, int *asked)
{
    ++*asked;
    return room;
}

TEST(evaluated_once, fast)
{
    ints_room room;
    int asked = 0;
    ints v;

    loam_vec_init_buffer(&v, only_once(&room, &asked), loam_libc_allocator());
    EXPECT(asked == 1 && v.data == room.items);
    loam_vec_deinit(&v);
}

/* Over an arena, which does not reclaim: what it leaves there is what any array would. */
TEST(before_an_arena, fast)
{
    ints_room room;
    loam_arena arena;
    ints v;

    EXPECT(loam_arena_init(&arena, NULL));
    loam_vec_init_buffer(&v, &room, loam_arena_allocator(&arena));
    EXPECT(!loam_allocator_reclaims(v.allocator));
    push_numbers(&v, ROOM);
    EXPECT(v.data == room.items);
    push_numbers(&v, 1000);
    expect_numbers(&v, 1000);
    loam_vec_deinit(&v);
    push_numbers(&v, 5);
    EXPECT(v.data == room.items);
    loam_vec_deinit(&v);
    loam_arena_deinit(&arena);
}

/* ---- the contract ---- */

typedef struct buffered {
    ground ground;
    ground_kind kind;
    struct {
        loam_vec_buffer head;
        _Alignas(64) char items[3000];
    } room;
} buffered;

static loam_allocator make(void *context)
{
    buffered *b = (buffered *)context;
    loam_vec v;

    ground_init(&b->ground, b->kind, false);
    loam_vec_raw_init_buffer(&v, &b->room.head, sizeof b->room.items, ground_allocator(&b->ground),
                             1, 64);
    EXPECT(v.data == b->room.items);
    loam_vec_raw_deinit(&v, 1, 64);
    return v.allocator;
}

static void end_ground(void *context)
{
    buffered *b = (buffered *)context;

    if (b->kind != GROUND_BUMP)
        EXPECT_EQ(ground_blocks(&b->ground), 0);
    ground_deinit(&b->ground);
}

static void press(void *context, bool on)
{
    ground_press(&((buffered *)context)->ground, on);
}

/* A bump is promised a quarter of what it has, as in tests/conformance. */
static void run_conformance(const char *name, ground_kind kind)
{
    bool bump = kind == GROUND_BUMP;
    static buffered b;

    b.kind = kind;
    loam_conformance_run(&(conformance_subject){.name = name,
                                                .context = &b,
                                                .make = make,
                                                .end = end_ground,
                                                .capacity = bump ? GROUND_BUMP_SIZE / 4 : 0,
                                                .max_size = bump ? GROUND_BUMP_SIZE / 16 : 0,
                                                .max_align = bump ? 1 << 17 : 0,
                                                .bounded = bump,
                                                .overhead = 64,
                                                .press = press});
}

TEST(conformance_over_libc, fast)
{
    run_conformance("buffer over libc", GROUND_LIBC);
}

TEST(conformance_over_checked, fast)
{
    run_conformance("buffer over checked", GROUND_CHECKED);
}

TEST(conformance_over_vm, fast)
{
    run_conformance("buffer over vm", GROUND_VM);
}

TEST(conformance_over_a_bump, fast)
{
    run_conformance("buffer over a bump", GROUND_BUMP);
}

/* ---- the other way: one buffer for several objects ---- */

/* A fixed arena first, and what does not fit from the C library. */
TEST(fixed_arena_with_a_fallback, fast)
{
    static _Alignas(16) char buffer[4096];
    loam_arena_config config = {
        .backing = LOAM_ARENA_FIXED, .buffer = buffer, .buffer_size = sizeof buffer};
    loam_arena arena;
    loam_fallback fallback;
    ints v, w;

    EXPECT(loam_arena_init(&arena, &config));
    loam_checked_init(&checked, loam_libc_allocator(), NULL);
    loam_counting_init(&counting, loam_checked_allocator(&checked));
    EXPECT(loam_fallback_init(&fallback, loam_arena_allocator(&arena),
                              loam_counting_allocator(&counting)));
    loam_vec_init(&v, loam_fallback_allocator(&fallback));
    loam_vec_init(&w, loam_fallback_allocator(&fallback));
    push_numbers(&v, 100);
    push_numbers(&w, 100);
    EXPECT_EQ(taken().allocations, 0);
    push_numbers(&v, 10000);
    EXPECT_LE(1, taken().blocks);
    expect_numbers(&v, 10000);
    expect_numbers(&w, 100);
    loam_vec_deinit(&v);
    loam_vec_deinit(&w);
    loam_fallback_deinit(&fallback);
    loam_arena_deinit(&arena);
    end();
}

TEST_MAIN
