/* The recorder of allocators: what was done is in the trace, and damage to a trace of version 2 never
 * goes unseen. */
#include "support/conformance.h"
#include "support/test.h"
#include "traces/trace_reader.h"

#include <loam/arena.h>
#include <loam/recorder.h>

#include <stdlib.h>
#include <string.h>

/* ---- a trace in memory ---- */

typedef struct sink {
    unsigned char *bytes;
    size_t size, room;
    size_t refuse_at; /* bytes; 0: never */
    uint64_t time;
} sink;

static bool write_sink(void *context, const void *bytes, size_t size)
{
    sink *s = context;

    if (s->refuse_at != 0 && s->size + size > s->refuse_at)
        return false;
    if (s->size + size > s->room) {
        s->room = (s->size + size) * 2;
        s->bytes = realloc(s->bytes, s->room);
        EXPECT(s->bytes != NULL);
    }
    memcpy(s->bytes + s->size, bytes, size);
    s->size += size;
    return true;
}

static uint64_t tell_time(void *context)
{
    sink *s = context;

    return s->time += 4000;
}

static loam_recorder *begin(sink *s)
{
    loam_recorder_config config = {
        .write = write_sink, .clock = tell_time, .context = s, .program = "test", .process = 4711};
    loam_recorder *recorder = loam_recorder_create(&config);

    EXPECT(recorder != NULL);
    return recorder;
}

static void end(loam_recorder *recorder)
{
    EXPECT(loam_recorder_finish(recorder));
    EXPECT(loam_recorder_finish(recorder));
    loam_recorder_destroy(recorder);
}

static trace_reader *open_sink(const sink *s)
{
    trace_error error = {0, ""};
    trace_reader *reader = trace_reader_open_memory(s->bytes, s->size, &error);

    if (!reader)
        TEST_FAIL("at %llu: %s", (unsigned long long)error.offset, error.reason);
    return reader;
}

/* The next item that is one of these operations, a bit each. */
static trace_item next_of(trace_reader *reader, unsigned ops)
{
    trace_error error;
    trace_item item;
    trace_result got;

    do {
        got = trace_reader_next(reader, &item, &error);
        if (got == TRACE_WRONG)
            TEST_FAIL("at %llu: %s", (unsigned long long)error.offset, error.reason);
        EXPECT_EQ(got, TRACE_GOT);
    } while (!(ops >> item.op & 1));
    return item;
}

enum {
    CALLS = 1 << TRACE_ALLOC | 1 << TRACE_ALLOC_ZEROED | 1 << TRACE_RESIZE | 1 << TRACE_FREE |
            1 << TRACE_ALLOC_ALIGNED,
    BULK = 1 << TRACE_BULK
};

static void expect_done(trace_reader *reader)
{
    trace_error error;
    trace_item item;

    while (trace_reader_next(reader, &item, &error) == TRACE_GOT)
        EXPECT(!((CALLS | BULK) >> item.op & 1));
    EXPECT_EQ(trace_reader_next(reader, &item, &error), TRACE_DONE);
    trace_reader_close(reader);
}

/* ---- what is written ---- */

TEST(calls_names_and_tags_are_recorded, fast)
{
    sink s = {.bytes = NULL};
    loam_recorder *recorder = begin(&s);
    uint32_t tag = loam_recorder_tag(recorder, "faces");
    trace_text_kind kind;
    loam_recorded one;
    loam_allocator a;
    trace_reader *reader;
    trace_item item;
    void *p, *q;

    loam_recorded_init(&one, loam_libc_allocator(), recorder, "meshes");
    a = loam_recorded_allocator(&one);
    EXPECT_STR(a.ops->name, "meshes");
    p = loam_alloc(a, 100, 8);
    loam_recorded_set_tag(&one, tag);
    q = loam_zalloc(a, 50, 64);
    p = loam_realloc(a, p, 100, 200, 8);
    loam_dealloc(a, q, 50, 64);
    loam_dealloc(a, p, 200, 8);
    loam_recorded_deinit(&one);
    end(recorder);

    reader = open_sink(&s);
    EXPECT_EQ(trace_reader_head(reader)->process, 4711);
    item = next_of(reader, CALLS);
    EXPECT_EQ(item.op, TRACE_ALLOC);
    EXPECT_EQ(item.size, 100);
    EXPECT_EQ(item.tag, 0);
    EXPECT_STR(trace_reader_text(reader, item.allocator, &kind), "meshes");
    EXPECT_EQ(kind, TRACE_TEXT_ALLOCATOR);
    item = next_of(reader, CALLS);
    EXPECT_EQ(item.op, TRACE_ALLOC_ALIGNED);
    EXPECT_EQ(item.align_log2, 6);
    EXPECT_STR(trace_reader_text(reader, item.tag, &kind), "faces");
    do /* in place, or with a block more */
        item = next_of(reader, CALLS);
    while (item.before != 50);
    EXPECT_EQ(item.op, TRACE_FREE);
    item = next_of(reader, CALLS);
    EXPECT_EQ(item.op, TRACE_FREE);
    EXPECT_EQ(item.before, 200);
    EXPECT(item.time > 0);
    EXPECT_EQ(trace_reader_live_bytes(reader), 0);
    expect_done(reader);
    free(s.bytes);
}

TEST(an_arena_that_is_cleared_is_one_event, fast)
{
    sink s = {.bytes = NULL};
    loam_recorder *recorder = begin(&s);
    loam_arena arena;
    loam_recorded frames;
    loam_allocator a;
    loam_arena_mark place;
    uint64_t mark;
    trace_reader *reader;
    trace_item item;

    EXPECT(loam_arena_init(&arena, NULL));
    loam_recorded_init(&frames, loam_arena_allocator(&arena), recorder, "frames");
    a = loam_recorded_allocator(&frames);
    for (size_t i = 0; i < 10; i++)
        EXPECT(loam_alloc(a, 10 + i, 16));
    place = loam_arena_get_mark(&arena);
    mark = loam_recorder_mark(recorder);
    for (size_t i = 0; i < 20; i++)
        EXPECT(loam_alloc(a, 100 + i, 16));
    loam_arena_rewind(&arena, place);
    loam_recorded_rewind(&frames, mark);
    EXPECT(loam_alloc(a, 1000, 16));
    loam_arena_clear(&arena);
    loam_recorded_reset(&frames);
    loam_recorded_reset(&frames); /* of nothing: no event */
    loam_recorded_deinit(&frames);
    loam_arena_deinit(&arena);
    end(recorder);

    reader = open_sink(&s);
    item = next_of(reader, BULK);
    EXPECT_EQ(item.blocks, 20);
    EXPECT_EQ(item.size, 20 * 100 + 190);
    for (uint64_t i = 20; i-- > 0;) { /* newest first */
        item = next_of(reader, CALLS);
        EXPECT(item.bulk && item.op == TRACE_FREE);
        EXPECT_EQ(item.before, 100 + i);
    }
    EXPECT_EQ(trace_reader_live_objects(reader), 10);
    item = next_of(reader, CALLS);
    EXPECT_EQ(item.size, 1000);
    item = next_of(reader, BULK);
    EXPECT_EQ(item.blocks, 11);
    for (size_t i = 0; i < 11; i++)
        EXPECT(next_of(reader, CALLS).bulk);
    EXPECT_EQ(trace_reader_live_objects(reader), 0);
    expect_done(reader);
    free(s.bytes);
}

/* Both hand out the same addresses. */
TEST(allocators_over_each_other_are_told_apart, fast)
{
    sink s = {.bytes = NULL};
    loam_recorder *recorder = begin(&s);
    loam_recorded below, above;
    loam_allocator a;
    void *p;

    loam_recorded_init(&below, loam_libc_allocator(), recorder, "below");
    loam_recorded_init(&above, loam_recorded_allocator(&below), recorder, "above");
    a = loam_recorded_allocator(&above);
    p = loam_alloc(a, 10, 8);
    loam_dealloc(a, p, 10, 8);
    loam_recorded_deinit(&above);
    loam_recorded_deinit(&below);
    end(recorder);
    {
        trace_reader *reader = open_sink(&s);
        trace_item items[4];

        for (size_t i = 0; i < 4; i++)
            items[i] = next_of(reader, CALLS);
        EXPECT(items[0].allocator == items[3].allocator &&
               items[1].allocator == items[2].allocator);
        EXPECT(items[0].allocator != items[1].allocator);
        expect_done(reader);
    }
    free(s.bytes);
}

TEST(a_write_that_fails_is_told_at_the_end, fast)
{
    sink s = {.refuse_at = 9000};
    loam_recorder *recorder = begin(&s);
    loam_recorded one;
    loam_allocator a;

    loam_recorded_init(&one, loam_libc_allocator(), recorder, NULL);
    a = loam_recorded_allocator(&one);
    for (size_t i = 0; i < 1000; i++) {
        void *p = loam_alloc(a, 100, 8);

        EXPECT(p != NULL);
        loam_dealloc(a, p, 100, 8);
    }
    loam_recorded_deinit(&one);
    EXPECT(!loam_recorder_finish(recorder));
    loam_recorder_destroy(recorder);
    free(s.bytes);
}

/* ---- the contract, and threads ---- */

typedef struct under_test {
    sink s;
    loam_recorder *recorder;
    loam_recorded one;
} under_test;

static loam_allocator make(void *context)
{
    under_test *u = context;

    u->s = (sink){.bytes = NULL};
    u->recorder = begin(&u->s);
    loam_recorded_init(&u->one, loam_libc_allocator(), u->recorder, "conformance");
    return loam_recorded_allocator(&u->one);
}

static void end_it(void *context)
{
    under_test *u = context;
    trace_reader *reader;
    trace_error error;
    trace_item item;
    trace_result got;

    loam_recorded_deinit(&u->one);
    end(u->recorder);
    reader = open_sink(&u->s);
    while ((got = trace_reader_next(reader, &item, &error)) == TRACE_GOT)
        ;
    EXPECT_EQ(got, TRACE_DONE);
    EXPECT_EQ(trace_reader_live_objects(reader), 0);
    EXPECT_EQ(trace_reader_sums(reader)->lost, 0);
    trace_reader_close(reader);
    free(u->s.bytes);
}

TEST(the_contract_is_kept_and_each_trace_is_good, fast)
{
    static under_test u;

    loam_conformance_run(
        &(conformance_subject){.name = "recorded", .context = &u, .make = make, .end = end_it});
}

static void work(void *context, size_t index)
{
    loam_allocator a = *(loam_allocator *)context;

    for (size_t i = 0; i < 2000; i++) {
        void *p = loam_alloc(a, 1 + i % 100 + index, 8);

        EXPECT(p != NULL);
        loam_dealloc(a, p, 1 + i % 100 + index, 8);
    }
}

TEST(threads_may_share_a_recorder, fast)
{
    static under_test u;
    loam_allocator a = make(&u);

    test_run_threads(4, work, &a);
    end_it(&u);
}

/* ---- damage ---- */

/* A small trace with everything in it. */
static void make_small(sink *s)
{
    loam_recorder *recorder = begin(s);
    uint32_t tag = loam_recorder_tag(recorder, "a tag with a name of its own");
    loam_recorded one, two;
    void *blocks[40] = {NULL};

    loam_recorded_init(&one, loam_libc_allocator(), recorder, "one");
    loam_recorded_init(&two, loam_libc_allocator(), recorder, "the other one");
    loam_recorded_set_tag(&two, tag);
    for (size_t i = 0; i < 200; i++) {
        loam_allocator a = loam_recorded_allocator(i % 3 ? &one : &two);
        size_t at = i * 7 % 40, size = 1 + at * 5, align = (size_t)8 << at % 4;

        a = loam_recorded_allocator(at % 3 ? &one : &two);
        if (blocks[at])
            loam_dealloc(a, blocks[at], size, align);
        blocks[at] = blocks[at] ? NULL : loam_alloc(a, size, align);
    }
    loam_recorded_reset(&one); /* in the trace only */
    for (size_t at = 0; at < 40; at++)
        if (blocks[at])
            loam_dealloc(at % 3 ? loam_libc_allocator() : loam_recorded_allocator(&two), blocks[at],
                         1 + at * 5, (size_t)8 << at % 4);
    loam_recorded_deinit(&one);
    loam_recorded_deinit(&two);
    end(recorder);
}

/* Reads bytes to their end. False: they are refused; *at is where. */
static bool reads(const unsigned char *bytes, size_t size, trace_error *error)
{
    trace_reader *reader;
    trace_item item;
    trace_result got = TRACE_WRONG;

    *error = (trace_error){UINT64_MAX, ""};
    reader = trace_reader_open_memory(bytes, size, error);
    while (reader && (got = trace_reader_next(reader, &item, error)) == TRACE_GOT)
        EXPECT(item.op >= TRACE_ALLOC && item.op <= TRACE_BULK);
    trace_reader_close(reader);
    return got == TRACE_DONE;
}

TEST(every_truncation_is_refused_where_it_is, fast)
{
    sink s = {.bytes = NULL};
    trace_error error;

    make_small(&s);
    EXPECT(reads(s.bytes, s.size, &error));
    for (size_t cut = 0; cut < s.size; cut++) {
        unsigned char *piece = malloc(cut ? cut : 1); /* of this size, for those who watch */

        memcpy(piece, s.bytes, cut);
        test_note("cut at %zu of %zu", cut, s.size);
        EXPECT(!reads(piece, cut, &error));
        EXPECT_EQ(error.offset, cut);
        EXPECT(error.reason[0] != 0);
        free(piece);
    }
    free(s.bytes);
}

TEST(every_flipped_byte_is_refused, fast)
{
    size_t flips = test_bound("LOAM_TEST_FLIPS", 10000);
    sink s = {.bytes = NULL};
    trace_error error;
    test_rng rng;

    make_small(&s);
    test_rng_init(&rng, test_seed());
    for (size_t i = 0; i < flips; i++) {
        size_t at = (size_t)test_rng_below(&rng, s.size);
        unsigned char flip = (unsigned char)(1 + test_rng_below(&rng, 255));

        test_note("byte %zu, flipped %#x", at, flip);
        s.bytes[at] ^= flip;
        EXPECT(!reads(s.bytes, s.size, &error));
        EXPECT(error.offset <= s.size && error.reason[0] != 0);
        s.bytes[at] ^= flip;
    }
    free(s.bytes);
}

TEST(what_stands_behind_the_end_is_refused, fast)
{
    sink s = {.bytes = NULL};
    trace_error error;

    make_small(&s);
    EXPECT(write_sink(&s, "more", 4));
    EXPECT(!reads(s.bytes, s.size, &error));
    EXPECT_EQ(error.offset, s.size - 4);
    free(s.bytes);
}

TEST_MAIN
