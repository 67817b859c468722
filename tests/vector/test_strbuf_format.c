/* test_strbuf_format.c: formats whose arguments get longer between the first time that they are
 * formatted, to see how much room they take, and the second: the text is refused, and the builder
 * is as before, with its chunks, and those that wait, and what it stands on.
 */
#include "vector/stand.h"

#include <loam/strbuf.h>

static stand ground;
static loam_logging logging;
static char argument[9000];

/* What the allocator does for the second time makes the argument longer. */
static void lengthen(void *context, const loam_logging_event *event)
{
    (void)context;
    if (event->op == LOAM_LOGGING_ALLOC || event->op == LOAM_LOGGING_RESIZE)
        memset(argument, 'y', sizeof argument - 1);
}

static void begin(loam_strbuf *s, stand_kind kind)
{
    loam_logging_config config = {.callback = lengthen};

    stand_begin(&ground, kind);
    loam_logging_init(&logging, stand_allocator(&ground), &config);
    loam_strbuf_init(s, loam_logging_allocator(&logging));
}

static void end(loam_strbuf *s)
{
    loam_strbuf_deinit(s);
    loam_logging_deinit(&logging);
    stand_end(&ground);
}

static size_t live(void)
{
    loam_stats stats;

    loam_counting_stats(&ground.counting, &stats);
    return stats.live;
}

/* Formats what will be too long, and looks at everything. */
static void expect_refused(loam_strbuf *s, const char *text)
{
    loam_strbuf before = *s;
    size_t had = live();

    memset(argument, 0, sizeof argument);
    memset(argument, 'x', 6000);
    EXPECT(!loam_strbuf_append_format(s, "%s", argument));
    EXPECT_EQ(argument[0], 'y');
    before.failures++;
    EXPECT(memcmp(&before, s, sizeof *s) == 0);
    EXPECT_EQ(live(), had);
    EXPECT(loam_strbuf_check(s, NULL, NULL));
    EXPECT_EQ(loam_strbuf_length(s), strlen(text));
    EXPECT_STR(loam_strbuf_text(s), text);
}

/* Over something that gives a new chunk, and over arenas, which grow the tail. */
TEST(longer_the_second_time, fast)
{
    for (int kind = 0; kind < STAND_KINDS; kind++) {
        loam_strbuf s;

        test_note("over %s", stand_name((stand_kind)kind));
        begin(&s, (stand_kind)kind);
        EXPECT(loam_strbuf_append_text(&s, "before"));
        expect_refused(&s, "before");
        EXPECT(loam_strbuf_append_text(&s, " and after"));
        EXPECT_STR(loam_strbuf_text(&s), "before and after");
        end(&s);
    }
    test_note(NULL);
}

/* The first thing in a text: there is no chunk then. */
TEST(longer_in_an_empty_text, fast)
{
    for (int kind = 0; kind < STAND_KINDS; kind++) {
        loam_strbuf s;

        begin(&s, (stand_kind)kind);
        expect_refused(&s, "");
        EXPECT_EQ(live(), 0);
        end(&s);
    }
}

/* An argument that the format itself changes, and a chunk that waited: it waits again. */
TEST(longer_into_a_chunk_that_waits, fast)
{
    union {
        int number;
        char text[2 * sizeof(int)];
    } changed;
    loam_strbuf s, before;
    int low = 1;
    const char *argument_in = changed.text;

    if (*(const char *)&low == 0) /* where the lower bytes come last */
        argument_in += sizeof(int) - 2;
    stand_begin(&ground, STAND_CHECKED);
    loam_strbuf_init(&s, stand_allocator(&ground));
    EXPECT(loam_strbuf_append_text(&s, "before"));
    EXPECT(loam_strbuf_append_repeat(&s, 'x', 1000));
    loam_strbuf_undo(&s, 6);
    EXPECT(s.spare != NULL);
    before = s;
    memset(&changed, 0, sizeof changed);
    /* 600 is two bytes that are not zero */
    EXPECT(!loam_strbuf_append_format(&s, "%s%600d%n", argument_in, 1, &changed.number));
    EXPECT_EQ(changed.number, 602);
    before.failures++;
    EXPECT(memcmp(&before, &s, sizeof s) == 0);
    EXPECT(loam_strbuf_check(&s, NULL, NULL));
    EXPECT_STR(loam_strbuf_text(&s), "before");
    EXPECT(loam_strbuf_append_format(&s, "%600d", 1) && loam_strbuf_length(&s) == 606);
    loam_strbuf_deinit(&s);
    stand_end(&ground);
}

TEST_MAIN
