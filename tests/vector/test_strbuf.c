/* test_strbuf.c: what loam/strbuf.h promises beyond what the random test sees: which chunks are
 * taken and given back, how formats go about it, numbers at their ends, one piece, and figures.
 */
#include "vector/stand.h"

#include <loam/strbuf.h>

#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

enum { HEADER = sizeof(loam_strbuf_chunk) };

static stand ground;

static void report(void *context, const char *property, const void *where)
{
    (void)context;
    (void)where;
    TEST_FAIL("%s", property);
}

/* A number that the compiler does not know. */
static size_t hide(size_t number)
{
    volatile size_t hidden = number;

    return hidden;
}

static size_t chunks_of(const loam_strbuf *s)
{
    loam_stats stats;

    loam_strbuf_stats(s, &stats);
    return stats.blocks;
}

static size_t spans_of(const loam_strbuf *s)
{
    size_t count = 0;

    LOAM_STRBUF_EACH_SPAN(span, s)
    count++;
    return count;
}

/* ---- chunks ---- */

static size_t asked[64], asks;

static void note_ask(void *context, const loam_logging_event *event)
{
    (void)context;
    if (event->op == LOAM_LOGGING_ALLOC)
        asked[asks++] = event->size;
}

/* Chunks double from the first size to the limit, all of powers of two, and are filled to the last
 * byte but the one for a zero. */
TEST(chunk_sizes, fast)
{
    static const struct {
        size_t first, limit, sizes[5];
    } shapes[] = {{0, 0, {256, 512, 1024, 2048, 4096}},
                  {64, 128, {64, 128, 128, 128, 128}},
                  {100, 1, {128, 128, 128, 128, 128}},
                  {1, 300, {64, 128, 256, 512, 512}}};

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        loam_logging_config config = {.callback = note_ask};
        loam_logging logging;
        loam_strbuf s;

        asks = 0;
        loam_logging_init(&logging, loam_libc_allocator(), &config);
        loam_strbuf_init_sized(&s, loam_logging_allocator(&logging), shapes[i].first,
                               shapes[i].limit);
        EXPECT_EQ(asks, 0);
        for (size_t k = 0; k < 5; k++) {
            size_t room = shapes[i].sizes[k] - HEADER - 1;

            while (room-- > 0)
                EXPECT(loam_strbuf_append_char(&s, 'x'));
            EXPECT_EQ(asks, k + 1);
            EXPECT_EQ(asked[k], shapes[i].sizes[k]);
        }
        EXPECT(loam_strbuf_check(&s, report, NULL));
        loam_strbuf_deinit(&s);
    }
}

/* A big piece gets a block of its own, which does not wait when it is empty; and a length that is
 * wrong takes nothing. */
TEST(big_pieces, fast)
{
    enum { BIG = 5 << 20 };
    /* With 32 bits, memory of a quarter of what a pointer can say may be there. */
    const size_t most = sizeof(void *) >= 8 ? SIZE_MAX / 8 : SIZE_MAX / 2;
    loam_strbuf s;
    char *big = malloc(BIG);

    EXPECT(big);
    memset(big, 'b', BIG);
    stand_begin(&ground, STAND_LIBC);
    loam_strbuf_init(&s, stand_allocator(&ground));
    EXPECT(loam_strbuf_append_text(&s, "small") && loam_strbuf_append(&s, big, BIG));
    EXPECT_EQ(spans_of(&s), 2);
    for (size_t wrong = SIZE_MAX; hide(wrong) > most; wrong /= 2)
        EXPECT(!loam_strbuf_append(&s, big, hide(wrong)));
    EXPECT(!loam_strbuf_append_repeat(&s, 'x', most + 1));
    EXPECT(loam_strbuf_room(&s, SIZE_MAX, NULL) == NULL);
    EXPECT_EQ(loam_strbuf_length(&s), BIG + 5);
    loam_strbuf_undo(&s, 5);
    EXPECT_EQ(stand_blocks(&ground), 1); /* the big block did not wait */
    EXPECT(loam_strbuf_append_repeat(&s, 'x', loam_strbuf_left(&s)));
    EXPECT(loam_strbuf_append(&s, big, BIG));
    loam_strbuf_undo(&s, loam_strbuf_length(&s) - BIG); /* to its very start */
    EXPECT_EQ(stand_blocks(&ground), 1);
    loam_strbuf_deinit(&s);
    EXPECT(loam_strbuf_append(&s, big, BIG));
    loam_strbuf_clear(&s);
    EXPECT_EQ(stand_blocks(&ground), 0);
    EXPECT(loam_strbuf_check(&s, report, NULL) && loam_strbuf_append_text(&s, "small"));
    loam_strbuf_deinit(&s);
    stand_end(&ground);
    free(big);
}

static void *small_alloc(void *self, size_t size, size_t align)
{
    (void)self;
    return size > 1024 ? NULL : loam_alloc(loam_libc_allocator(), size, align);
}

static void small_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    (void)self;
    EXPECT((size & (size - 1)) == 0);
    loam_dealloc(loam_libc_allocator(), ptr, size, align);
}

/* Over an allocator of small powers of two, such as a pool, everything but formats that are longer
 * than its blocks goes. */
TEST(over_a_pool_of_small_blocks, fast)
{
    static const loam_allocator_ops ops = {
        .alloc = small_alloc, .dealloc = small_dealloc, .name = "small", .traits = LOAM_RECLAIMS};
    loam_allocator small = {&ops, NULL};
    char text[5000], back[5001];
    loam_strbuf s;

    memset(text, 't', sizeof text);
    loam_strbuf_init_sized(&s, small, 0, 1024);
    EXPECT(loam_strbuf_append(&s, text, sizeof text));
    EXPECT(spans_of(&s) >= 5);
    EXPECT(loam_strbuf_append_format(&s, "%900d", 1));
    EXPECT(!loam_strbuf_append_format(&s, "%1900d", 1));
    EXPECT(loam_strbuf_text(&s) == NULL);
    loam_strbuf_undo(&s, sizeof text);
    EXPECT(loam_strbuf_flatten(&s, back, sizeof back) && memcmp(text, back, sizeof text) == 0);
    EXPECT(loam_strbuf_check(&s, report, NULL));
    loam_strbuf_deinit(&s);
}

/* Where the memory ends in the middle of an append, all chunks that it took go back. */
TEST(memory_that_ends, fast)
{
    loam_budget_config config = {.limit = 256 + 512 + 1024 + 1024 + 100};
    loam_strbuf s, before;
    loam_budget budget;

    loam_budget_init(&budget, loam_libc_allocator(), &config);
    loam_strbuf_init_sized(&s, loam_budget_allocator(&budget), 0, 1024);
    EXPECT(loam_strbuf_append_repeat(&s, 'x', 100));
    before = s;
    before.failures++;
    EXPECT(!loam_strbuf_append_repeat(&s, 'x', 5000));
    EXPECT(memcmp(&before, &s, sizeof s) == 0);
    EXPECT(loam_strbuf_append_repeat(&s, 'x', 2000));
    EXPECT(loam_strbuf_check(&s, report, NULL));
    loam_strbuf_deinit(&s);
    loam_budget_deinit(&budget);
}

/* Going back and forth over the edge of a chunk asks nobody; one chunk waits and no more. */
TEST(hysteresis, fast)
{
    loam_strbuf s;
    size_t calls;

    stand_begin(&ground, STAND_LIBC);
    loam_strbuf_init(&s, stand_allocator(&ground));
    EXPECT(loam_strbuf_append_repeat(&s, 'x', 256 - HEADER - 1));
    EXPECT_EQ(stand_blocks(&ground), 1);
    EXPECT(loam_strbuf_append_char(&s, 'y'));
    calls = loam_failing_calls(&ground.failing, LOAM_FAILING_ALLOC);
    for (int i = 0; i < 100; i++) {
        loam_strbuf_undo(&s, 10);
        EXPECT_EQ(stand_blocks(&ground), 2);
        EXPECT(loam_strbuf_append_repeat(&s, 'z', 300));
    }
    EXPECT_EQ(loam_failing_calls(&ground.failing, LOAM_FAILING_ALLOC), calls);
    for (int i = 0; i < 1000; i++)
        EXPECT(loam_strbuf_append_text(&s, "a longer text"));
    EXPECT(stand_blocks(&ground) > 4);
    loam_strbuf_clear(&s);
    EXPECT_EQ(stand_blocks(&ground), 2);
    EXPECT_EQ(loam_strbuf_length(&s), 0);
    loam_strbuf_deinit(&s);
    stand_end(&ground);
}

/* Over an arena the text stays in one piece, grows where it is, and asks the arena nothing at its
 * end. What is pushed in between only makes it go on elsewhere. */
TEST(over_an_arena, fast)
{
    loam_strbuf s;
    size_t position, length;

    stand_begin(&ground, STAND_ARENA);
    loam_strbuf_init(&s, stand_allocator(&ground));
    for (int i = 0; i < 100000; i++)
        EXPECT(loam_strbuf_append_text(&s, "arena "));
    EXPECT_EQ(spans_of(&s), 1);
    length = loam_strbuf_length(&s);
    position = loam_arena_pos(&ground.arena);
    EXPECT(position < length + 2 * LOAM_STRBUF_LIMIT);
    EXPECT(loam_strbuf_text(&s) == loam_strbuf_first_span(&s).bytes);
    EXPECT(loam_arena_push(&ground.arena, 16) != NULL);
    EXPECT(loam_strbuf_append_repeat(&s, 'x', 3 * LOAM_STRBUF_LIMIT));
    EXPECT_EQ(spans_of(&s), 2);
    position = loam_arena_pos(&ground.arena);
    loam_strbuf_clear(&s);
    EXPECT(loam_strbuf_append_repeat(&s, 'x', length));
    EXPECT_EQ(loam_arena_pos(&ground.arena), position); /* chunks are used again */
    EXPECT(loam_strbuf_check(&s, report, NULL));
    loam_strbuf_deinit(&s);
    EXPECT_EQ(loam_arena_pos(&ground.arena), position);
    stand_end(&ground);
}

/* ---- formats ---- */

/* Formatting is right at each distance from the end of a chunk: that it just fits, that the zero
 * byte does not count, that it goes to the next chunk whole. */
TEST(formats_at_each_edge, fast)
{
    for (size_t before = 0; before < 300; before++) {
        char expected[700];
        loam_strbuf s;
        size_t length;

        loam_strbuf_init(&s, loam_libc_allocator());
        EXPECT(loam_strbuf_append_repeat(&s, '.', before));
        length = (size_t)snprintf(expected, sizeof expected, "%s=%-40d|%s", "name", 42,
                                  "a string that fills some more of it");
        EXPECT(loam_strbuf_append_format(&s, "%s=%-40d|%s", "name", 42,
                                         "a string that fills some more of it"));
        EXPECT_EQ(loam_strbuf_length(&s), before + length);
        EXPECT(before != 256 - HEADER - 1 - length || chunks_of(&s) == 1);
        EXPECT(before != 256 - HEADER - length || chunks_of(&s) == 2);
        EXPECT_STR(loam_strbuf_text(&s) + before, expected);
        EXPECT(loam_strbuf_check(&s, report, NULL));
        loam_strbuf_deinit(&s);
    }
}

/* An empty result, one of a megabyte, and one that another format continues. */
TEST(formats_of_all_lengths, fast)
{
    loam_strbuf s;

    loam_strbuf_init(&s, loam_libc_allocator());
    EXPECT(loam_strbuf_append_format(&s, "%s", ""));
    EXPECT_EQ(loam_strbuf_length(&s), 0);
    EXPECT(loam_strbuf_append_format(&s, "%*d", 1 << 20, 7));
    EXPECT(loam_strbuf_append_format(&s, "%c", 'x'));
    EXPECT_EQ(loam_strbuf_length(&s), (1 << 20) + 1);
    EXPECT_STR(loam_strbuf_text(&s) + (1 << 20) - 2, " 7x");
    loam_strbuf_deinit(&s);
}

/* What the C library can't convert is refused, and changes nothing. */
TEST(formats_that_fail, fast)
{
    wchar_t bad[] = {(wchar_t)0xd800, 0};
    loam_strbuf s, before;

    EXPECT(setlocale(LC_ALL, "C") != NULL);
    loam_strbuf_init(&s, loam_libc_allocator());
    EXPECT(loam_strbuf_append_text(&s, "before"));
    before = s;
    before.failures++;
    EXPECT(!loam_strbuf_append_format(&s, "%ls", bad));
    EXPECT(memcmp(&before, &s, sizeof s) == 0);
    EXPECT_STR(loam_strbuf_text(&s), "before");
    loam_strbuf_deinit(&s);
}

/* So is what is longer than any C library formats. */
TEST(formats_that_are_too_long, slow)
{
    int width = (int)hide(INT_MAX);
    loam_strbuf s, before;

    loam_strbuf_init(&s, loam_libc_allocator());
    EXPECT(loam_strbuf_append_text(&s, "before"));
    before = s;
    before.failures++;
    EXPECT(!loam_strbuf_append_format(&s, "%*d%*d", width, 1, width, 1));
    EXPECT(memcmp(&before, &s, sizeof s) == 0);
    loam_strbuf_deinit(&s);
}

/* An argument may lie in the text; and a list of arguments is read twice. */
TEST(formats_of_itself, fast)
{
    loam_strbuf s;
    const char *text;
    char expected[900], once[200];

    loam_strbuf_init(&s, loam_libc_allocator());
    EXPECT(loam_strbuf_append_repeat(&s, 'q', 190));
    memset(once, 'q', 190);
    once[190] = '\0';
    text = loam_strbuf_first_span(&s).bytes;
    EXPECT(loam_strbuf_append_format(&s, "[%.*s|%.*s]", 190, text, 190, text));
    (void)snprintf(expected, sizeof expected, "%s[%s|%s]", once, once, once);
    EXPECT_STR(loam_strbuf_text(&s), expected);
    loam_strbuf_deinit(&s);
}

/* No memory but the chunks is taken: a counter sees every byte. */
TEST(formats_take_no_other_memory, fast)
{
    loam_strbuf s;

    stand_begin(&ground, STAND_FIXED);
    loam_strbuf_init(&s, stand_allocator(&ground));
    for (int i = 0; i < 1000; i++)
        EXPECT(loam_strbuf_append_format(&s, "%d %s\n", i, "line"));
    EXPECT_EQ(stand_blocks(&ground), 1);
    EXPECT_EQ(spans_of(&s), 1);
    loam_strbuf_deinit(&s);
    stand_end(&ground);
}

/* ---- numbers ---- */

TEST(numbers_at_their_ends, fast)
{
    loam_strbuf s;

    loam_strbuf_init(&s, loam_libc_allocator());
    EXPECT(loam_strbuf_append_int(&s, INT64_MIN) && loam_strbuf_append_char(&s, ' '));
    EXPECT(loam_strbuf_append_int(&s, INT64_MAX) && loam_strbuf_append_char(&s, ' '));
    EXPECT(loam_strbuf_append_int(&s, 0) && loam_strbuf_append_char(&s, ' '));
    EXPECT(loam_strbuf_append_int(&s, -1) && loam_strbuf_append_char(&s, ' '));
    EXPECT(loam_strbuf_append_uint(&s, UINT64_MAX) && loam_strbuf_append_char(&s, ' '));
    EXPECT(loam_strbuf_append_uint(&s, 0) && loam_strbuf_append_char(&s, ' '));
    EXPECT(loam_strbuf_append_hex(&s, 0, 0) && loam_strbuf_append_char(&s, ' '));
    EXPECT(loam_strbuf_append_hex(&s, UINT64_MAX, 1) && loam_strbuf_append_char(&s, ' '));
    EXPECT(loam_strbuf_append_hex(&s, 0xabc, 4) && loam_strbuf_append_char(&s, ' '));
    EXPECT(loam_strbuf_append_hex(&s, 1, 1000));
    EXPECT_STR(loam_strbuf_text(&s),
               "-9223372036854775808 9223372036854775807 0 -1 18446744073709551615 0 0 "
               "ffffffffffffffff 0abc 0000000000000001");
    loam_strbuf_deinit(&s);
}

/* Each count of digits, at the first and the last number that has it. */
TEST(numbers_of_each_length, fast)
{
    for (uint64_t first = 1, digits = 1; digits < 20; digits++, first *= 10) {
        char expected[64];
        loam_strbuf s;

        loam_strbuf_init(&s, loam_libc_allocator());
        EXPECT(loam_strbuf_append_uint(&s, first) && loam_strbuf_append_char(&s, ',') &&
               loam_strbuf_append_uint(&s, first * 10 - 1) && loam_strbuf_append_char(&s, ',') &&
               loam_strbuf_append_int(&s, -(int64_t)first));
        (void)snprintf(expected, sizeof expected, "%llu,%llu,%lld", (unsigned long long)first,
                       (unsigned long long)(first * 10 - 1), -(long long)first);
        EXPECT_STR(loam_strbuf_text(&s), expected);
        loam_strbuf_deinit(&s);
    }
}

/* ---- as a whole ---- */

/* Before the first byte there is a text all the same, and after the end too. */
TEST(empty_texts, fast)
{
    char one[1] = {'x'};
    loam_strbuf s;
    char *block;

    loam_strbuf_init(&s, loam_libc_allocator());
    for (int round = 0; round < 3; round++) {
        EXPECT_EQ(loam_strbuf_length(&s), 0);
        EXPECT(loam_strbuf_append(&s, NULL, 0) && loam_strbuf_append_text(&s, ""));
        EXPECT(loam_strbuf_append_repeat(&s, 'x', 0) && loam_strbuf_append_strbuf(&s, &s));
        EXPECT_STR(loam_strbuf_text(&s), "");
        EXPECT(loam_strbuf_flatten(&s, one, 1) && one[0] == '\0');
        EXPECT(!loam_strbuf_flatten(&s, one, 0));
        EXPECT(loam_strbuf_read(&s, 0, 0, NULL) && !loam_strbuf_read(&s, 0, 1, one));
        block = loam_strbuf_flatten_to(&s, loam_libc_allocator());
        EXPECT_STR(block, "");
        loam_dealloc(loam_libc_allocator(), block, 1, 1);
        loam_strbuf_undo(&s, 0);
        loam_strbuf_clear(&s);
        loam_strbuf_advance(&s, 0);
        EXPECT_EQ(spans_of(&s), 0);
        EXPECT(loam_strbuf_check(&s, report, NULL));
        if (round == 0)
            EXPECT(loam_strbuf_room(&s, 0, NULL) != NULL); /* a chunk without text */
        else
            loam_strbuf_deinit(&s);
    }
}

/* Zero bytes are bytes. */
TEST(zero_bytes, fast)
{
    loam_strbuf s;

    loam_strbuf_init(&s, loam_libc_allocator());
    EXPECT(loam_strbuf_append(&s, "a\0b", 3) && loam_strbuf_append_char(&s, '\0'));
    EXPECT_EQ(loam_strbuf_length(&s), 4);
    EXPECT(memcmp(loam_strbuf_text(&s), "a\0b\0", 5) == 0);
    loam_strbuf_deinit(&s);
}

/* A mark takes back several appends, of which the last one failed. */
TEST(undo_to_a_mark, fast)
{
    loam_strbuf s;
    size_t mark;

    stand_begin(&ground, STAND_LIBC);
    loam_strbuf_init(&s, stand_allocator(&ground));
    EXPECT(loam_strbuf_append_text(&s, "whole "));
    mark = loam_strbuf_length(&s);
    for (int i = 0; i < 100; i++)
        EXPECT(loam_strbuf_append_format(&s, "half %d ", i));
    stand_press(&ground, 1000000, 0);
    EXPECT(!loam_strbuf_append_repeat(&s, 'x', 100000));
    loam_strbuf_undo(&s, mark);
    EXPECT(loam_strbuf_append_text(&s, "again")); /* from the chunk that waits, or the first one */
    EXPECT_STR(loam_strbuf_text(&s), "whole again");
    loam_strbuf_deinit(&s);
    stand_end(&ground);
}

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
    loam_strbuf s;

    memset(walked, 0, sizeof walked);
    loam_strbuf_init(&s, loam_libc_allocator());
    EXPECT(loam_strbuf_append_repeat(&s, 'x', 200) && loam_strbuf_append_format(&s, "%300d", 1));
    EXPECT(loam_strbuf_append_repeat(&s, 'x', 1000));
    loam_strbuf_undo(&s, 450);
    loam_strbuf_stats(&s, &stats);
    EXPECT_EQ(stats.live, 450);
    EXPECT_EQ(stats.peak, 1500);
    EXPECT_EQ(stats.blocks, 3);
    EXPECT_EQ(stats.committed, s.taken);
    EXPECT_EQ(stats.lost, 256 - HEADER - 1 - 200);
    EXPECT_EQ(stats.metadata, sizeof s + (size_t)3 * HEADER);
    EXPECT_EQ(stats.failures, 0);
    EXPECT(loam_strbuf_walk(&s, count_piece, NULL));
    EXPECT_EQ(walked[LOAM_WALK_LIVE], 450);
    EXPECT_EQ(walked[LOAM_WALK_METADATA], stats.metadata);
    EXPECT_EQ(walked[LOAM_WALK_LIVE] + walked[LOAM_WALK_FREE],
              stats.committed - (size_t)3 * HEADER);
    EXPECT(!loam_strbuf_walk(&s, stop_at_once, &calls) && calls == 1);
    loam_strbuf_deinit(&s);
}

static int findings;

static void count_finding(void *context, const char *property, const void *where)
{
    (void)context;
    EXPECT(property[0] == 'S' && where);
    findings++;
}

static void expect_found(loam_strbuf *s, const loam_strbuf *good)
{
    findings = 0;
    EXPECT(!loam_strbuf_check(s, count_finding, NULL) && findings > 0);
    EXPECT(!loam_strbuf_check(s, NULL, NULL));
    *s = *good;
}

/* The checker sees what is broken. */
TEST(check_finds, fast)
{
    loam_strbuf s, good;

    loam_strbuf_init(&s, loam_libc_allocator());
    EXPECT(loam_strbuf_append_repeat(&s, 'x', 200) && loam_strbuf_append_repeat(&s, 'x', 400));
    good = s;
    s.before--;
    expect_found(&s, &good);
    s.next = s.end + 1;
    expect_found(&s, &good);
    s.end--;
    expect_found(&s, &good);
    s.taken++;
    expect_found(&s, &good);
    s.block_size = 2 * s.limit;
    expect_found(&s, &good);
    s.first = 100;
    expect_found(&s, &good);
    s.head->used++;
    expect_found(&s, &good);
    s.head->used--;
    s.tail->prev = NULL;
    expect_found(&s, &good);
    s.tail->prev = s.head;
    EXPECT(loam_strbuf_check(&s, report, NULL));
    loam_strbuf_deinit(&s);
}

TEST_MAIN
