/* test_bucket_misuse.c: each misuse of an array in buckets and of a text that a checked build
 * names, with its exact words; and that an unchecked build stays whole where it returns something.
 */
#include "support/test.h"

#include <loam/bucket.h>
#include <loam/strbuf.h>

#include <errno.h>

typedef LOAM_BUCKET(int) ints;

static ints b;
static loam_strbuf s;

static void begin(void)
{
    loam_bucket_init(&b, loam_libc_allocator());
    loam_strbuf_init(&s, loam_libc_allocator());
    for (int i = 0; i < 5; i++)
        EXPECT(loam_bucket_push(&b, i) && loam_strbuf_append_char(&s, (char)('a' + i)));
}

static void end(void)
{
    EXPECT(b.count == 5 && *loam_bucket_at(&b, 4) == 4 && loam_bucket_check(&b, NULL, NULL));
    EXPECT(loam_strbuf_length(&s) == 5 && loam_strbuf_check(&s, NULL, NULL));
    EXPECT_STR(loam_strbuf_text(&s), "abcde");
    loam_bucket_deinit(&b);
    loam_strbuf_deinit(&s);
}

/* In a checked build the call ends the program with these words; else it is refused, and nothing
 * changed. */
static void expect_refused(test_fn call, const void *object, const char *line)
{
    begin();
    if (LOAM_CHECKS)
        test_dies_with(call, NULL, line, object);
    else
        call(NULL);
    end();
}

/* The same of what has no answer in other builds. */
static void expect_death(test_fn call, const void *object, const char *line)
{
    if (!LOAM_CHECKS)
        TEST_SKIP("not a checked build");
    expect_refused(call, object, line);
}

#define RANGE "loam: fatal: index is outside the array: 0x"
#define MARK  "loam: fatal: mark lies above the end of the text: 0x"
#define NOT   "loam: fatal: text is NULL: 0x"
#define ROOM  "loam: fatal: more bytes than there is room for: 0x"

static void look_behind(void *context)
{
    (void)context;
    *loam_bucket_at(&b, 5) = 1;
}

TEST(at_behind_the_end, fast)
{
    expect_death(look_behind, &b, RANGE);
}

static void remove_behind(void *context)
{
    (void)context;
    EXPECT(!loam_bucket_swap_remove(&b, 5));
}

TEST(swap_remove_behind_the_end, fast)
{
    expect_refused(remove_behind, &b, RANGE);
}

static void span_behind(void *context)
{
    size_t n = 1;

    (void)context;
    EXPECT(loam_bucket_span(&b, 6, &n) == NULL && n == 0);
}

TEST(span_behind_the_end, fast)
{
    size_t n = 1;

    expect_refused(span_behind, &b, RANGE);
    begin();
    EXPECT(loam_bucket_span(&b, 5, &n) == NULL && n == 0); /* the end itself is no misuse */
    end();
}

static void init_odd_alignment(void *context)
{
    loam_bucket raw;

    (void)context;
    loam_bucket_raw_init(&raw, loam_libc_allocator(), 24, 24, 0);
    EXPECT(!loam_bucket_raw_push_slot(&raw, 24));
}

TEST(alignment_that_is_none, fast)
{
    expect_refused(init_odd_alignment, (void *)24,
                   "loam: fatal: alignment is not a power of two: 0x");
}

static void init_no_size(void *context)
{
    loam_bucket raw;

    (void)context;
    loam_bucket_raw_init(&raw, loam_libc_allocator(), 0, 8, 0);
    EXPECT(!loam_bucket_raw_push_slot(&raw, 0));
}

TEST(size_of_no_bytes, fast)
{
    expect_refused(init_no_size, NULL, "loam: fatal: size is 0 or above PTRDIFF_MAX: 0x");
}

static void undo_to_above(void *context)
{
    (void)context;
    loam_strbuf_undo(&s, 6);
}

TEST(undo_to_above, fast)
{
    expect_refused(undo_to_above, &s, MARK);
}

static void write_from_above(void *context)
{
    size_t written = 1;

    (void)context;
    EXPECT(!loam_strbuf_write(&s, 6, 1, &written));
    EXPECT(errno == EINVAL && written == 0);
}

TEST(write_from_above, fast)
{
    expect_refused(write_from_above, &s, MARK);
}

static void append_no_text(void *context)
{
    (void)context;
    EXPECT(!loam_strbuf_append_text(&s, NULL));
}

TEST(text_that_is_null, fast)
{
    expect_refused(append_no_text, &s, NOT);
}

static const char *volatile no_format;

static void append_no_format(void *context)
{
    va_list none;

    (void)context;
    memset(&none, 0, sizeof none);
    EXPECT(!loam_strbuf_append_format_list(&s, no_format, none));
}

TEST(format_that_is_null, fast)
{
    expect_refused(append_no_format, &s, NOT);
}

static void advance_too_far(void *context)
{
    size_t room;

    (void)context;
    EXPECT(loam_strbuf_room(&s, 1, &room) != NULL);
    loam_strbuf_advance(&s, room + 1);
}

TEST(advance_too_far, fast)
{
    expect_refused(advance_too_far, &s, ROOM);
}

TEST_MAIN
