/* test_bucket.c: what loam/bucket.h promises beyond what the random test sees: the typed macros,
 * where buckets begin and what is asked for them, when they go, what an arena is asked, readers
 * beside a writer, sizes that can't be, figures and walks.
 */
#include "vector/stand.h"

#include <loam/bucket.h>

#include <stdio.h>

typedef struct point {
    int x, y;
} point;

typedef LOAM_BUCKET(int) ints;
typedef LOAM_BUCKET(point) points;
typedef LOAM_BUCKET(const char *) texts;

typedef struct line {
    _Alignas(64) char bytes[64];
} line;

typedef LOAM_BUCKET(line) lines;

static void report(void *context, const char *property, const void *where)
{
    (void)context;
    (void)where;
    TEST_FAIL("%s", property);
}

static void fill(ints *b, int count)
{
    for (int i = 0; i < count; i++)
        EXPECT(loam_bucket_push(b, i));
}

/* ---- macros ---- */

/* Elements of any type go in by value and come out typed; the braces of a compound literal are no
 * hindrance. */
TEST(typed_access, fast)
{
    points b;
    texts t;
    point out = {0, 0};

    loam_bucket_init(&b, loam_libc_allocator());
    loam_bucket_init(&t, loam_libc_allocator());
    EXPECT(loam_bucket_first(&b) == NULL && loam_bucket_last(&b) == NULL);
    EXPECT(loam_bucket_push(&b, (point){1, 2}));
    EXPECT(loam_bucket_push(&b, *loam_bucket_at(&b, 0)));
    loam_bucket_push_slot(&b)->x = 7;
    loam_bucket_last(&b)->y = 8;
    EXPECT(loam_bucket_at(&b, 1)->y == 2 && loam_bucket_first(&b)->x == 1);
    EXPECT(loam_bucket_get(&b, 2, &out) && out.x == 7 && out.y == 8);
    EXPECT(!loam_bucket_get(&b, 3, &out) && out.x == 7);
    EXPECT(loam_bucket_swap_remove(&b, 0) && loam_bucket_at(&b, 0)->x == 7);
    EXPECT(loam_bucket_pop(&b, &out) && out.y == 2 && loam_bucket_pop(&b, NULL));
    EXPECT(!loam_bucket_pop(&b, &out) && b.count == 0);
    EXPECT(loam_bucket_push(&t, "one") && loam_bucket_push(&t, NULL));
    EXPECT_STR(*loam_bucket_at(&t, 0), "one");
    EXPECT_STR(t.buckets[0][0], "one");
    loam_bucket_deinit(&b);
    loam_bucket_deinit(&t);
}

static ints *counted(ints *b, int *calls)
{
    ++*calls;
    return b;
}

/* Each macro evaluates the array, and each argument, once; an element that is computed from the
 * array is what it was before the call. */
TEST(arguments_once, fast)
{
    ints b, other;
    int calls = 0, value = 0, n = 0;
    size_t index = 0, at, room;

    loam_bucket_init(counted(&b, &calls), loam_libc_allocator());
    loam_bucket_init_first(counted(&other, &calls), loam_libc_allocator(), 1);
    EXPECT_EQ(calls, 2);
    EXPECT(loam_bucket_push(counted(&b, &calls), n++) && n == 1);
    EXPECT(loam_bucket_push(counted(&b, &calls), (int)b.count + *loam_bucket_at(&b, 0)));
    EXPECT(*loam_bucket_at(counted(&b, &calls), index++) == 0 && index == 1);
    EXPECT(*loam_bucket_place(counted(&b, &calls), index++) == 1 && index == 2);
    EXPECT_EQ(calls, 6);
    EXPECT(loam_bucket_push_n(counted(&b, &calls), &value, (size_t)n--) && n == 0);
    EXPECT(loam_bucket_append(counted(&other, &calls), counted(&b, &calls)));
    EXPECT(loam_bucket_copy(counted(&other, &calls), counted(&b, &calls)));
    EXPECT_EQ(calls, 11);
    EXPECT(loam_bucket_get(counted(&b, &calls), 1, &value) && value == 1);
    EXPECT(loam_bucket_pop(counted(&b, &calls), &value) && value == 0);
    EXPECT(*loam_bucket_first(counted(&b, &calls)) == 0);
    EXPECT(*loam_bucket_last(counted(&b, &calls)) == 1);
    EXPECT(loam_bucket_span(counted(&b, &calls), 0, &room) == loam_bucket_at(&b, 0) && room == 2);
    EXPECT(loam_bucket_index_of(counted(&b, &calls), loam_bucket_at(&b, 1), &at) && at == 1);
    EXPECT_EQ(calls, 17);
    LOAM_BUCKET_EACH(int *, it, counted(&b, &calls))
    value += *it;
    LOAM_BUCKET_EACH_REVERSE(int *, it, counted(&b, &calls))
    value += *it;
    EXPECT(calls == 19 && value == 2);
    loam_bucket_swap(counted(&b, &calls), counted(&other, &calls));
    loam_bucket_deinit(counted(&b, &calls));
    loam_bucket_deinit(&other);
    EXPECT_EQ(calls, 22);
}

/* Loops see each element once, in order, forwards and backwards, of any count; `break`, `continue`
 * and pushes in them do what one expects. */
TEST(loops, fast)
{
    static const int counts[] = {0, 1, 2, 63, 64, 65, 191, 192, 193, 1000};

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int seen = 0;
        ints b;

        loam_bucket_init(&b, loam_libc_allocator());
        fill(&b, counts[i]);
        LOAM_BUCKET_EACH(const int *, it, &b)
        {
            if (seen % 2) {
                EXPECT_EQ(*it, seen++);
                continue;
            }
            EXPECT_EQ(*it, seen++);
            EXPECT(loam_bucket_push(&b, -1));
        }
        EXPECT_EQ(seen, counts[i]);
        loam_bucket_truncate(&b, (size_t)seen);
        LOAM_BUCKET_EACH_REVERSE(int *, it, &b)
        EXPECT_EQ(*it, --seen);
        EXPECT_EQ(seen, 0);
        loam_bucket_deinit(&b);
    }
}

/* A loop that is left by `break` ends, at each place in a bucket. */
TEST(loops_that_are_left, fast)
{
    ints b;

    loam_bucket_init_first(&b, loam_libc_allocator(), 4);
    fill(&b, 40);
    for (int stop = 0; stop < 40; stop++) {
        int forwards = 0, backwards = 40;

        LOAM_BUCKET_EACH(int *, it, &b)
        {
            if (*it == stop)
                break;
            forwards++;
        }
        LOAM_BUCKET_EACH_REVERSE(int *, it, &b)
        {
            if (*it == stop)
                break;
            backwards--;
        }
        EXPECT_EQ(forwards, stop);
        EXPECT_EQ(backwards, stop + 1);
    }
    loam_bucket_deinit(&b);
}

/* ---- geometry ---- */

static size_t asked[64], asks;

static void note_ask(void *context, const loam_logging_event *event)
{
    (void)context;
    if (event->op == LOAM_LOGGING_ALLOC || event->op == LOAM_LOGGING_ZALLOC)
        asked[asks++] = event->size;
}

/* Each bucket but the first has as many elements as all before it, and the first is a power of two;
 * of an element that is one too, they are powers of two of bytes. */
TEST(bucket_sizes, fast)
{
    static const struct {
        size_t size, align, first, expected;
    } shapes[] = {{8, 8, 0, 32}, {1, 1, 0, 256},   {24, 8, 0, 8},           {300, 4, 0, 4},
                  {8, 8, 1, 2},  {8, 8, 100, 128}, {4, 4, 1 << 25, 1 << 20}};

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        loam_logging_config config = {.callback = note_ask};
        loam_logging logging;
        loam_bucket b;

        asks = 0;
        loam_logging_init(&logging, loam_libc_allocator(), &config);
        loam_bucket_raw_init(&b, loam_logging_allocator(&logging), shapes[i].size, shapes[i].align,
                             shapes[i].first);
        EXPECT_EQ(b.first, shapes[i].expected);
        EXPECT_EQ(asks, 0);
        EXPECT(loam_bucket_raw_reserve(&b, 4 * b.first));
        EXPECT_EQ(asks, 3);
        for (size_t k = 0; k < asks; k++)
            EXPECT_EQ(asked[k], (b.first << (k == 0 ? 0 : k - 1)) * shapes[i].size);
        EXPECT_EQ(b.cap, 4 * b.first);
        loam_bucket_raw_deinit(&b);
    }
}

/* Elements are aligned as their type is, over any allocator. */
TEST(alignment, fast)
{
    for (int kind = 0; kind < STAND_KINDS; kind++) {
        static stand s;
        lines b;

        stand_begin(&s, (stand_kind)kind);
        loam_bucket_init(&b, stand_allocator(&s));
        for (int i = 0; i < 1000; i++) {
            line *slot = loam_bucket_push_slot(&b);

            EXPECT(slot && ((uintptr_t)slot & 63) == 0);
        }
        EXPECT(loam_bucket_check(&b, report, NULL));
        loam_bucket_deinit(&b);
        stand_end(&s);
    }
}

/* Counts whose bytes can't be are refused, and change nothing. */
TEST(impossible_counts, fast)
{
    static const size_t counts[] = {SIZE_MAX, SIZE_MAX - 31, (size_t)PTRDIFF_MAX,
                                    (size_t)PTRDIFF_MAX / 4};
    ints b;
    loam_bucket before;
    int one = 1;

    loam_bucket_init(&b, loam_libc_allocator());
    fill(&b, 5);
    before = b.raw;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        EXPECT(!loam_bucket_reserve(&b, counts[i]));
        EXPECT(!loam_bucket_resize(&b, counts[i]));
        EXPECT(!loam_bucket_resize_uninit(&b, counts[i]));
        EXPECT(!loam_bucket_push_n(&b, &one, counts[i]));
        EXPECT(!loam_bucket_read(&b, 1, counts[i], &one));
    }
    EXPECT(memcmp(&before, &b.raw, sizeof before) == 0);
    loam_bucket_deinit(&b);
}

static size_t promised;

/* Promises anything, at addresses that nobody may touch. */
static void *promise(void *self, size_t size, size_t align)
{
    (void)self;
    EXPECT(size > 0 && size <= (size_t)PTRDIFF_MAX && promised <= (size_t)PTRDIFF_MAX - size);
    promised += size;
    return (void *)(uintptr_t)align;
}

static void forget(void *self, void *ptr, size_t size, size_t align)
{
    (void)self;
    EXPECT(ptr == (void *)(uintptr_t)align && size <= promised);
    promised -= size;
}

/* Whatever memory there is, all bytes of an array together are at most PTRDIFF_MAX, and it ends
 * where the count of its buckets does. */
TEST(bounds_without_bounds_of_memory, fast)
{
    static const loam_allocator_ops ops = {
        .alloc = promise, .dealloc = forget, .name = "promises", .traits = LOAM_RECLAIMS};
    static const size_t sizes[] = {1, 8, 24, 5000, (size_t)1 << 28};
    loam_allocator promises = {&ops, NULL};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t first = 1; first <= 1 << 20; first <<= 10) {
            size_t most = (size_t)PTRDIFF_MAX / sizes[i];
            loam_bucket b;

            if (first > (size_t)PTRDIFF_MAX / 4 / sizes[i])
                continue; /* with 32 bits, the first segment alone is too big */
            loam_bucket_raw_init(&b, promises, sizes[i], 1, first);
            while (!loam_bucket_raw_resize(&b, most, false))
                most /= 2;
            EXPECT(b.taken <= LOAM_BUCKET_LIMIT && loam_bucket_raw_check(&b, report, NULL));
            while (b.count < b.cap && loam_bucket_raw_resize(&b, b.cap, false)) {
            }
            while (loam_bucket_raw_grow(&b)) {
            }
            EXPECT(b.taken == LOAM_BUCKET_LIMIT || b.cap * sizes[i] > (size_t)PTRDIFF_MAX / 8);
            EXPECT(loam_bucket_raw_check(&b, report, NULL));
            loam_bucket_raw_deinit(&b);
            EXPECT_EQ(promised, 0);
        }
    }
}

/* A pointer is told from others by its address: one to a place where no element is, none. */
TEST(index_of, fast)
{
    size_t index;
    ints b;

    loam_bucket_init(&b, loam_libc_allocator());
    EXPECT(!loam_bucket_index_of(&b, &b, &index) && !loam_bucket_index_of(&b, NULL, &index));
    fill(&b, 100);
    EXPECT(loam_bucket_index_of(&b, loam_bucket_at(&b, 99), &index) && index == 99);
    EXPECT(!loam_bucket_index_of(&b, loam_bucket_place(&b, 100), &index));
    EXPECT(!loam_bucket_index_of(&b, b.buckets[0] + b.first, &index) || index >= b.first);
    loam_bucket_deinit(&b);
}

/* An array of bytes grows beyond 4 GiB of address space as long as nobody touches it: indices are
 * not cut to 32 bits. */
TEST(sixty_four_bits, slow)
{
    LOAM_BUCKET(char) b;
    const size_t far = (size_t)(((uint64_t)1 << 32) + 12345);
    size_t index;

    if (SIZE_MAX <= 0xffffffffu)
        TEST_SKIP("not a 64-bit system");
    loam_bucket_init(&b, loam_vm_allocator());
    if (!loam_bucket_resize_uninit(&b, far + 1))
        TEST_SKIP("the system does not give that much");
    *loam_bucket_at(&b, far) = 'x';
    *loam_bucket_at(&b, 12345) = 'y';
    EXPECT(loam_bucket_index_of(&b, loam_bucket_at(&b, far), &index) && index == far);
    EXPECT(*loam_bucket_last(&b) == 'x' && *loam_bucket_at(&b, 12345) == 'y');
    EXPECT(loam_bucket_check(&b, report, NULL));
    loam_bucket_deinit(&b);
}

/* ---- when buckets go ---- */

/* Pushing and popping at the edge of a bucket asks nobody; one empty bucket stays and no more. */
TEST(hysteresis, fast)
{
    static stand s;
    ints b;
    size_t calls;

    stand_begin(&s, STAND_LIBC);
    loam_bucket_init(&b, stand_allocator(&s));
    fill(&b, 64 + 64 + 1); /* the third bucket has one element */
    EXPECT_EQ(stand_blocks(&s), 3);
    calls = loam_failing_calls(&s.failing, LOAM_FAILING_ALLOC);
    for (int i = 0; i < 1000; i++) {
        EXPECT(loam_bucket_pop(&b, NULL));
        EXPECT_EQ(stand_blocks(&s), 3);
        EXPECT(loam_bucket_push(&b, i));
    }
    EXPECT_EQ(loam_failing_calls(&s.failing, LOAM_FAILING_ALLOC), calls);
    loam_bucket_truncate(&b, 65);
    EXPECT_EQ(stand_blocks(&s), 3);
    loam_bucket_truncate(&b, 64);
    EXPECT_EQ(stand_blocks(&s), 2);
    loam_bucket_clear(&b);
    EXPECT_EQ(stand_blocks(&s), 1);
    loam_bucket_shrink_to_fit(&b);
    EXPECT_EQ(stand_blocks(&s), 0);
    fill(&b, 3);
    loam_bucket_deinit(&b);
    stand_end(&s);
}

/* What a reserve took stays until a shrink. */
TEST(reserve_holds, fast)
{
    static stand s;
    ints b;

    stand_begin(&s, STAND_LIBC);
    loam_bucket_init(&b, stand_allocator(&s));
    EXPECT(loam_bucket_reserve(&b, 1000));
    EXPECT_EQ(stand_blocks(&s), 5);
    fill(&b, 2000);
    EXPECT_EQ(stand_blocks(&s), 6);
    loam_bucket_clear(&b);
    EXPECT_EQ(stand_blocks(&s), 5);
    EXPECT(b.cap >= 1000 && loam_bucket_check(&b, report, NULL));
    stand_press(&s, 1000000, 1);
    fill(&b, 1000);
    loam_bucket_truncate(&b, 60);
    loam_bucket_shrink_to_fit(&b);
    EXPECT_EQ(stand_blocks(&s), 1);
    EXPECT(*loam_bucket_last(&b) == 59);
    stand_press(&s, 0, 0);
    fill(&b, 2000);
    loam_bucket_clear(&b); /* nothing is held any more */
    EXPECT_EQ(stand_blocks(&s), 1);
    loam_bucket_deinit(&b);
    stand_end(&s);
}

/* Over an arena nothing is given back, so that nothing is lost: the buckets are used again. The end
 * of the array asks the arena nothing. */
TEST(over_an_arena, fast)
{
    static stand s;
    ints b;
    size_t position;

    stand_begin(&s, STAND_ARENA);
    loam_bucket_init(&b, stand_allocator(&s));
    fill(&b, 10000);
    position = loam_arena_pos(&s.arena);
    EXPECT(position <= b.cap * sizeof(int) + 64);
    for (int round = 0; round < 10; round++) {
        loam_bucket_clear(&b);
        loam_bucket_shrink_to_fit(&b);
        fill(&b, 10000);
    }
    EXPECT_EQ(loam_arena_pos(&s.arena), position);
    EXPECT(loam_bucket_check(&b, report, NULL));
    loam_bucket_deinit(&b);
    EXPECT_EQ(loam_arena_pos(&s.arena), position);
    EXPECT(b.count == 0 && b.cap == 0);
    fill(&b, 3); /* an ended array is an empty one */
    EXPECT_EQ(*loam_bucket_at(&b, 2), 2);
    stand_end(&s);
}

/* Fresh elements of a resize read as zero, on used memory as on new. */
TEST(resize_clears, fast)
{
    ints b;

    loam_bucket_init(&b, loam_libc_allocator());
    for (int round = 0; round < 3; round++) {
        EXPECT(loam_bucket_resize(&b, 5000));
        LOAM_BUCKET_EACH(int *, it, &b)
        {
            EXPECT_EQ(*it, 0);
            *it = -1;
        }
        loam_bucket_truncate(&b, round == 0 ? 0 : 100);
        loam_bucket_clear(&b);
    }
    loam_bucket_deinit(&b);
}

/* ---- looking ---- */

static size_t walked[4];

static bool count_piece(void *context, const loam_walk_item *item)
{
    (void)context;
    EXPECT(item->size > 0);
    walked[item->kind] += item->size;
    return true;
}

static bool stop_at_once(void *context, const loam_walk_item *item)
{
    (void)item;
    ++*(int *)context;
    return false;
}

TEST(figures_and_walk, fast)
{
    int calls = 0;
    loam_stats stats;
    ints b;

    memset(walked, 0, sizeof walked);
    loam_bucket_init(&b, loam_libc_allocator());
    EXPECT(loam_bucket_reserve(&b, 1000));
    fill(&b, 100);
    loam_bucket_stats(&b, &stats);
    EXPECT_EQ(stats.live, 400);
    EXPECT_EQ(stats.committed, b.cap * sizeof(int));
    EXPECT_EQ(stats.blocks, 5);
    EXPECT_EQ(stats.lost, 0);
    EXPECT_EQ(stats.metadata, sizeof b);
    EXPECT(loam_bucket_walk(&b, count_piece, NULL));
    EXPECT_EQ(walked[LOAM_WALK_LIVE], stats.live);
    EXPECT_EQ(walked[LOAM_WALK_LIVE] + walked[LOAM_WALK_FREE], stats.committed);
    EXPECT_EQ(walked[LOAM_WALK_METADATA], stats.metadata);
    EXPECT(!loam_bucket_walk(&b, stop_at_once, &calls) && calls == 1);
    loam_bucket_deinit(&b);
}

static int findings;

static void count_finding(void *context, const char *property, const void *where)
{
    (void)context;
    EXPECT(property[0] == 'B' && where);
    findings++;
}

static void expect_found(ints *b, loam_bucket good)
{
    findings = 0;
    EXPECT(!loam_bucket_check(b, count_finding, NULL) && findings > 0);
    EXPECT(!loam_bucket_check(b, NULL, NULL));
    b->raw = good;
    EXPECT(loam_bucket_check(b, report, NULL));
}

/* The checker sees what is broken. */
TEST(check_finds, fast)
{
    loam_bucket good;
    ints b;

    loam_bucket_init(&b, loam_libc_allocator());
    fill(&b, 300);
    good = b.raw;
    b.raw.first = 48;
    expect_found(&b, good);
    b.raw.count = b.raw.cap + 1;
    expect_found(&b, good);
    b.raw.cap--;
    expect_found(&b, good);
    b.raw.low = 301;
    expect_found(&b, good);
    b.raw.taken--;
    expect_found(&b, good);
    b.raw.buckets[1] = (char *)b.raw.buckets[1] + 1;
    expect_found(&b, good);
    b.raw.places[loam_bucket_key(b.first)] += 4;
    expect_found(&b, good);
    b.raw.places[loam_bucket_key(1)] += 4; /* one of several that the first bucket has */
    expect_found(&b, good);
    b.raw.places[loam_bucket_key((size_t)1 << 20)] = 1;
    expect_found(&b, good);
    b.raw.count = 1;
    expect_found(&b, good);
    loam_bucket_deinit(&b);
}

/* ---- threads ---- */

enum { TOLD = 200000 };

typedef struct exchange {
    ints b;
    size_t told; /* elements that readers know of; touched atomically */
} exchange;

static void write_or_read(void *context, size_t index)
{
    exchange *x = (exchange *)context;
    size_t seen = 0;

    for (size_t i = 0; index == 0 && i < TOLD; i++) {
        EXPECT(loam_bucket_push(&x->b, (int)i));
        __atomic_store_n(&x->told, i + 1, __ATOMIC_RELEASE);
    }
    while (index != 0 && seen < TOLD) {
        size_t told = __atomic_load_n(&x->told, __ATOMIC_ACQUIRE);

        for (; seen < told; seen++)
            EXPECT_EQ(*loam_bucket_place(&x->b, seen), (int)seen);
    }
}

/* Readers find what a writer told them of, while it goes on adding. */
TEST(readers_beside_a_writer, fast)
{
    static exchange x;

    loam_bucket_init_first(&x.b, loam_libc_allocator(), 1);
    test_run_threads(3, write_or_read, &x);
    EXPECT_EQ(x.b.count, TOLD);
    loam_bucket_deinit(&x.b);
}

TEST_MAIN
