/* The reader of traces: what it reads, what it refuses, and that it refuses in words, never by
 * falling over. */
#include "support/test.h"
#include "traces/trace.h"
#include "traces/trace_reader.h"

#include "internal/mark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* ---- files ---- */

enum { HEAD = 64, RECORD = 16 };

/* The trace that lives in the repository, as bytes. */
static unsigned char *small_file(size_t *size)
{
    FILE *file = fopen(LOAM_TRACE_SMALL, "rb");
    unsigned char *bytes = malloc(1 << 20);

    EXPECT(file != NULL && bytes != NULL);
    *size = fread(bytes, 1, 1 << 20, file);
    EXPECT(*size > HEAD && *size < 1 << 20);
    fclose(file);
    return bytes;
}

static void put(unsigned char *bytes, size_t at, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bytes[at + i] = (unsigned char)(value >> 8 * i);
}

static void put_record(unsigned char *bytes, size_t index, uint32_t slot, unsigned op,
                       unsigned align_log2, uint64_t size)
{
    size_t at = HEAD + index * RECORD;

    put(bytes, at, slot, 4);
    put(bytes, at + 4, op, 1);
    put(bytes, at + 5, align_log2, 1);
    put(bytes, at + 6, 1, 2);
    put(bytes, at + 8, size, 8);
}

/* Six records that use every operation, with a true head. */
enum { TINY_RECORDS = 6, TINY = HEAD + TINY_RECORDS * RECORD };

static void make_tiny(unsigned char *bytes)
{
    static const uint64_t head[] = {TINY_RECORDS, 3, 380, 3, 450, 4, 200};

    memcpy(bytes, "LOAMTR1", 8);
    for (size_t i = 0; i < LENGTH(head); i++)
        put(bytes, 8 + 8 * i, head[i], 8);
    put_record(bytes, 0, 0, TRACE_ALLOC, 0, 100);
    put_record(bytes, 1, 1, TRACE_ALLOC_ZEROED, 0, 50);
    put_record(bytes, 2, 2, TRACE_ALLOC_ALIGNED, 6, 200);
    put_record(bytes, 3, 1, TRACE_RESIZE, 0, 80);
    put_record(bytes, 4, 0, TRACE_FREE, 0, 0);
    put_record(bytes, 5, 0, TRACE_ALLOC, 0, 20);
    put(bytes, 8 + 8 * 5, 5, 8);
}

/* Refused, with words, at this byte. */
static void expect_refused(const void *bytes, size_t size, uint64_t offset, const char *words)
{
    trace_error error = {UINT64_MAX, ""};
    trace *t = trace_read(bytes, size, &error);

    EXPECT(t == NULL);
    EXPECT_EQ(error.offset, offset);
    if (!strstr(error.reason, words))
        TEST_FAIL("the reason is \"%s\", and not \"%s\"", error.reason, words);
}

/* ---- what is read ---- */

TEST(all_operations_are_read, fast)
{
    unsigned char bytes[TINY];
    trace_error error;
    trace *t;

    make_tiny(bytes);
    t = trace_read(bytes, sizeof bytes, &error);
    EXPECT(t != NULL);
    EXPECT_EQ(t->count, TINY_RECORDS);
    EXPECT_EQ(t->slots, 3);
    EXPECT_EQ(t->peak_live_bytes, 380);
    EXPECT_EQ(t->peak_live_objects, 3);
    EXPECT_EQ(t->total_bytes, 450);
    EXPECT_EQ(t->requests, 5);
    EXPECT_EQ(t->largest_request, 200);
    EXPECT_EQ(t->steps[2].op, TRACE_ALLOC_ALIGNED);
    EXPECT_EQ(t->steps[2].align_log2, 6);
    EXPECT_EQ(t->steps[2].slot, 2);
    EXPECT_EQ(t->steps[2].size, 200);
    EXPECT_EQ(t->steps[2].thread, 1);
    EXPECT_EQ(t->steps[2].before, 0);
    EXPECT_EQ(t->steps[3].before, 50);
    EXPECT_EQ(t->steps[4].before, 100);
    EXPECT_EQ(t->steps[5].before, 0);
    trace_free(t);
}

TEST(a_trace_may_be_empty, fast)
{
    unsigned char bytes[HEAD] = "LOAMTR1";
    trace_error error;
    trace *t = trace_read(bytes, sizeof bytes, &error);

    EXPECT(t != NULL);
    EXPECT_EQ(t->count, 0);
    trace_free(t);
    trace_free(NULL);
}

TEST(the_small_trace_is_read, fast)
{
    trace_error error;
    trace *t = trace_load(LOAM_TRACE_SMALL, &error);
    size_t ops[6] = {0};

    EXPECT(t != NULL);
    EXPECT_EQ(t->count, 18979);
    EXPECT_EQ(t->slots, 4253);
    EXPECT_EQ(t->peak_live_bytes, 614568);
    for (size_t i = 0; i < t->count; i++)
        ops[t->steps[i].op]++;
    EXPECT_EQ(ops[TRACE_ALLOC], 6838);
    EXPECT_EQ(ops[TRACE_ALLOC_ZEROED], 2772);
    EXPECT_EQ(ops[TRACE_RESIZE], 694);
    EXPECT_EQ(ops[TRACE_FREE], 8675);
    trace_free(t);
}

/* ---- what is refused ---- */

TEST(a_file_that_is_not_there_is_refused, fast)
{
    trace_error error = {1, ""};

    EXPECT(trace_load("there/is/no/such.mtr", &error) == NULL);
    EXPECT(strstr(error.reason, "cannot be read") != NULL);
    EXPECT(trace_load(".", &error) == NULL); /* a folder opens, and cannot be read */
    EXPECT(error.reason[0] != 0);
}

TEST(a_wrong_head_is_refused_at_its_field, fast)
{
    static const struct {
        size_t at;
        uint64_t value;
        uint64_t offset;
        const char *words;
    } wrong[] = {
        {6, '3', 6, "not a trace"},
        {7, 1, 7, "not a trace"},
        {8, TINY_RECORDS + 1, TINY, "before its 7 records"},
        {8, UINT64_MAX, TINY, "before its"},
        {8, UINT64_C(1) << 60, TINY, "before its"},
        {8, TINY_RECORDS - 1, TINY - RECORD, "behind the last record"},
        {16, TINY_RECORDS + 1, 16, "more slots than records"},
        {16, UINT64_MAX, 16, "more slots than records"},
        {24, 381, 24, "peak of live bytes is 381 in the head and 380"},
        {32, 4, 32, "peak of live objects"},
        {40, 0, 40, "sum of allocated bytes"},
        {48, 4, 48, "number of allocations"},
        {56, 199, 56, "largest request"},
    };
    unsigned char bytes[TINY];

    for (size_t i = 0; i < LENGTH(wrong); i++) {
        test_note("wrong head %zu", i);
        make_tiny(bytes);
        put(bytes, wrong[i].at, wrong[i].value, wrong[i].at < 8 ? 1 : 8);
        expect_refused(bytes, sizeof bytes, wrong[i].offset, wrong[i].words);
    }
}

TEST(a_wrong_record_is_refused_at_its_field, fast)
{
    static const struct {
        size_t record, field;
        uint64_t value;
        unsigned count;
        size_t offset; /* in the record */
        const char *words;
    } wrong[] = {
        {0, 0, 3, 4, 0, "slot 3, and there are 3"},
        {0, 0, UINT32_MAX, 4, 0, "and there are 3"},
        {1, 4, 0, 1, 4, "unknown operation 0"},
        {1, 4, 6, 1, 4, "unknown operation 6"},
        {1, 4, 255, 1, 4, "unknown operation 255"},
        {0, 5, 4, 1, 5, "alignment 2^4 in operation 1"},
        {2, 5, TRACE_MOST_ALIGN_LOG2 + 1, 1, 5, "alignment 2^31 in operation 5"},
        {3, 6, 0, 2, 6, "thread 0"},
        {4, 8, 100, 8, 8, "a free with a size"},
        {0, 8, (UINT64_C(1) << 31) + 1, 8, 8, "above 2^31"},
        {0, 8, UINT64_MAX, 8, 8, "above 2^31"},
        {0, 4, TRACE_RESIZE, 1, 0, "slot 0 is resized, and nothing is in it"},
        {1, 0, 0, 4, 0, "slot 0 is filled, and is full"},
        {5, 0, 2, 4, 0, "slot 2 is filled, and is full"},
    };
    unsigned char bytes[TINY];

    for (size_t i = 0; i < LENGTH(wrong); i++) {
        size_t at = HEAD + wrong[i].record * RECORD;

        test_note("wrong record %zu", i);
        make_tiny(bytes);
        put(bytes, at + wrong[i].field, wrong[i].value, wrong[i].count);
        expect_refused(bytes, sizeof bytes, at + wrong[i].offset, wrong[i].words);
    }
    make_tiny(bytes);
    put_record(bytes, 5, 0, TRACE_FREE, 0, 0);
    expect_refused(bytes, sizeof bytes, HEAD + 5 * RECORD, "slot 0 is freed, and nothing is in it");
}

/* ---- damage ---- */

/* A version 2 whose requests are the biggest, until their sum would no longer fit. */
TEST(sums_that_overflow_are_refused, fast)
{
    enum { FITTING = (1 << 17) - 1, RECORDS = FITTING + 1 };
    size_t size = HEAD + RECORDS * RECORD, read = 0;
    unsigned char *bytes = calloc(size, 1);
    trace_error error = {0, ""};
    trace_reader *reader;
    trace_item item;
    trace_result got;

    EXPECT(bytes != NULL);
    memcpy(bytes, "LOAMTR2", 8);
    for (size_t i = 0; i < RECORDS; i++)
        put_record(bytes, i, 0, i == 0 ? TRACE_ALLOC : TRACE_RESIZE, 0, UINT64_C(1) << 47);
    reader = trace_reader_open_memory(bytes, size, &error);
    EXPECT(reader != NULL);
    while ((got = trace_reader_next(reader, &item, &error)) == TRACE_GOT)
        read++;
    EXPECT_EQ(got, TRACE_WRONG);
    EXPECT_EQ(read, FITTING);
    EXPECT_EQ(error.offset, HEAD + FITTING * RECORD + 8);
    EXPECT(strstr(error.reason, "more than 2^64 bytes") != NULL);
    trace_reader_close(reader);
    free(bytes);
}

/* Each piece of the file from its start is refused where it ends. What is cut off is poisoned, so
 * that a look behind the end is seen where something looks for that. */
TEST(every_truncation_is_refused, fast)
{
    size_t size;
    unsigned char *bytes = small_file(&size);
    trace_error error;

    for (size_t cut = size; cut-- > 0;) {
        size_t gone = size - cut < 16 ? size - cut : 16;

        loam_mark_dead(bytes + cut, gone);
        error = (trace_error){UINT64_MAX, ""};
        EXPECT(trace_read(bytes, cut, &error) == NULL);
        EXPECT_EQ(error.offset, cut);
        EXPECT(strstr(error.reason, cut < HEAD ? "cut off" : "ends before its") != NULL);
    }
    loam_mark_undefined(bytes, size);
    free(bytes);
}

/* Follows a trace by itself: every promise of trace.h, from the steps alone. */
static void expect_true(const trace *t)
{
    uint64_t *sizes = malloc((t->slots + 1) * sizeof *sizes);
    uint64_t live = 0, peak = 0, objects = 0, most = 0, total = 0, requests = 0;

    EXPECT(sizes != NULL);
    memset(sizes, 0xff, (t->slots + 1) * sizeof *sizes);
    for (size_t i = 0; i < t->count; i++) {
        const trace_step *s = &t->steps[i];
        bool changes = s->op == TRACE_RESIZE || s->op == TRACE_FREE;

        EXPECT(s->slot < t->slots && s->op >= 1 && s->op <= 5 && s->thread > 0);
        EXPECT_EQ(changes, sizes[s->slot] != UINT64_MAX);
        EXPECT_EQ(s->before, changes ? sizes[s->slot] : 0);
        live += s->size - s->before;
        objects += changes ? 0 : 1;
        objects -= s->op == TRACE_FREE;
        sizes[s->slot] = s->op == TRACE_FREE ? UINT64_MAX : s->size;
        total += s->size;
        requests += s->op != TRACE_FREE;
        peak = live > peak ? live : peak;
        most = objects > most ? objects : most;
    }
    EXPECT_EQ(peak, t->peak_live_bytes);
    EXPECT_EQ(most, t->peak_live_objects);
    EXPECT_EQ(total, t->total_bytes);
    EXPECT_EQ(requests, t->requests);
    free(sizes);
}

/* What is read in spite of a flipped byte is a trace: of another thread, another operation. */
TEST(flipped_bytes_are_refused_or_make_another_trace, fast)
{
    size_t flips = test_bound("LOAM_TEST_FLIPS", 2000), size, read = 0;
    unsigned char *bytes = small_file(&size);
    trace_error error;
    test_rng rng;

    test_rng_init(&rng, test_seed());
    for (size_t i = 0; i < flips; i++) {
        /* Half of them in the head and the first records, where each field is met. */
        size_t limit = test_rng_one_in(&rng, 2) ? HEAD + 64 * RECORD : size;
        size_t at = (size_t)test_rng_below(&rng, limit);
        unsigned char flip = (unsigned char)(1 + test_rng_below(&rng, 255));
        trace *t;

        test_note("byte %zu, flipped %#x", at, flip);
        bytes[at] ^= flip;
        error = (trace_error){UINT64_MAX, ""};
        t = trace_read(bytes, size, &error);
        bytes[at] ^= flip;
        if (t) {
            expect_true(t);
            read++;
        } else {
            EXPECT(error.offset <= size && error.reason[0] != 0);
        }
        trace_free(t);
    }
    EXPECT(flips < 100 || (read > 0 && read < flips / 2));
    free(bytes);
}

TEST_MAIN
