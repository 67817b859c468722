/* Damaged traces, through each exporter: an error and no crash. In this process, for the sake of time;
 * what the exporters have of the program is replaced here. */
#include "export_support.h"
#include "tools/src/export.h"
#include "tools/src/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what is replaced ---- */

void tool_fail(int code, const char *format, ...)
{
    (void)code;
    TEST_FAIL("tool_fail: %s", format);
}

void tool_progress(const char *what, uint64_t done, uint64_t total)
{
    (void)what;
    (void)done;
    (void)total;
}

void tool_progress_end(void) {}

/* ---- damage ---- */

/* Exports what is in memory to nowhere. Returns whether it was good. */
static bool export_bytes(const export_format *format, const void *bytes, size_t size)
{
    trace_error error = {UINT64_MAX, ""};
    trace_reader *reader = trace_reader_open_memory(bytes, size, &error);
    bool good = false;

    if (reader) {
        exporter *e = export_new(format, "damaged.mtr");
        out *to = out_begin("/dev/null", 1);

        EXPECT(e != NULL);
        good = export_run(e, reader, to, &error);
        EXPECT(!e->text.failed);
        EXPECT(out_end(to, true) == NULL);
        export_free(e);
    }
    trace_reader_close(reader);
    if (!good)
        EXPECT(error.reason[0] != 0 && error.offset <= size);
    return good;
}

/* A trace of all kinds of items, that is small. */
static unsigned char *small_trace(size_t *size)
{
    char path[256];
    unsigned char *bytes;

    snprintf(path, sizeof path, "export-%s-%d.mtr", test_name(), (int)getpid());
    export_write(EXPORT_SMALL, path);
    bytes = (unsigned char *)export_read(path, size);
    unlink(path);
    return bytes;
}

static void damage(const export_format *format)
{
    size_t size, flips = test_bound("LOAM_TEST_FLIPS", 10000);
    unsigned char *bytes = small_trace(&size);
    test_rng rng;

    EXPECT(export_bytes(format, bytes, size));
    for (size_t length = 0; length < size; length++) {
        unsigned char *cut = malloc(length ? length : 1); /* whoever reads behind it is seen */

        EXPECT(cut != NULL);
        memcpy(cut, bytes, length);
        test_note("%zu bytes", length);
        EXPECT(!export_bytes(format, cut, length));
        free(cut);
    }
    test_rng_init(&rng, test_seed());
    for (size_t i = 0; i < flips; i++) {
        size_t at = (size_t)test_rng_below(&rng, size);
        unsigned char flip = (unsigned char)(1 + test_rng_below(&rng, 255));

        test_note("byte %zu changed by %u", at, flip);
        bytes[at] ^= flip;
        EXPECT(!export_bytes(format, bytes, size));
        bytes[at] ^= flip;
    }
    EXPECT(export_bytes(format, bytes, size));
    free(bytes);
}

TEST(heaptrack_refuses_damage, fast)
{
    damage(&export_heaptrack);
}

TEST(pprof_refuses_damage, fast)
{
    damage(&export_pprof);
}

TEST(gperftools_refuses_damage, fast)
{
    damage(&export_gperftools);
}

TEST(massif_refuses_damage, fast)
{
    damage(&export_massif);
}

TEST(chrome_refuses_damage, fast)
{
    damage(&export_chrome);
}

/* ---- names ---- */

static void expect_clean(const char *from, size_t room, const char *to)
{
    char text[64];

    memset(text, 'x', sizeof text);
    EXPECT_EQ(text_clean(text, room, from, "<{"), strlen(to));
    EXPECT_STR(text, to);
    EXPECT(room == sizeof text || text[room] == 'x');
}

TEST(names_are_cleaned, fast)
{
    expect_clean("", 8, "");
    expect_clean("plain", 8, "plain");
    expect_clean("1234567", 8, "1234567");
    expect_clean("12345678", 8, "1234...");
    expect_clean("<a<", 8, "{a{");
    expect_clean("\n", 8, "\\x0a");
    expect_clean("a\n\n", 8, "a...");
    expect_clean("\xc3\xa9\xc3", 16, "\xc3\xa9\\xc3");
    expect_clean("\xed\xa0\x80", 32, "\\xed\\xa0\\x80");
    expect_clean("\xf0\x9f\x90\xb2\xf4\x90\x80\x80", 64, "\xf0\x9f\x90\xb2\\xf4\\x90\\x80\\x80");
    expect_clean("123\xc3\xa9\xc3\xa9\xc3\xa9", 9, "123\xc3\xa9...");
    expect_clean("\xc2\x85\x7f", 32, "\\xc2\\x85\\x7f"); /* controls of Unicode too */
}

TEST_MAIN
