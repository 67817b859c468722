/* test_concordance_parts.c: the parts of examples/concordance, in this process: what a word is,
 * blocks that cut none, the dictionary and its places, and all of it over allocators that refuse. */
#include "index.h"
#include "report.h"
#include "run.h"
#include "text.h"

#include "support/fail_each.h"
#include "support/test.h"
#include "workplace.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- words ---- */

/* The words of a text, each with its line: "sand@1 silt@2". */
static const char *words_in(const char *text)
{
    static char found[512];
    char copy[256];
    struct tokens tokens = {.at = copy, .end = copy + strlen(text), .line = 1};
    size_t length = 0;

    memcpy(copy, text, strlen(text));
    found[0] = '\0';
    for (struct token token; tokens_next(&tokens, &token);)
        length += (size_t)snprintf(found + length, sizeof found - length, "%s%.*s@%u",
                                   length ? " " : "", (int)token.length, token.text, token.line);
    return found;
}

/* What is a word and what is not, as token.h says. */
TEST(what_a_word_is, fast)
{
    EXPECT_STR(words_in(""), "");
    EXPECT_STR(words_in("Sand, SILT\nand\n\nclay"), "sand@1 silt@1 and@2 clay@4");
    EXPECT_STR(words_in("don't 'quoted' dogs' rock'n'roll ''"),
               "don't@1 quoted@1 dogs@1 rock'n'roll@1");
    EXPECT_STR(words_in("don\xE2\x80\x99t \xE2\x80\x98so\xE2\x80\x99"), "don't@1 so@1");
    EXPECT_STR(words_in("utf8 x86_64 3rd 0x1F 90's 1a2b c"), "utf8@1 x86@1 c@1");
    EXPECT_STR(words_in("gr\xC3\xB6\xC3\x9F"
                        "e \xE6\x9C\xA8\xE3\x80\x82\xE7\x81\xAB"),
               "gr\xC3\xB6\xC3\x9F"
               "e@1 \xE6\x9C\xA8@1 \xE7\x81\xAB@1");
    EXPECT_STR(words_in("a\xE2\x80\x94"
                        "b\xC2\xA0"
                        "c \xE2\x86\x92 \xC2\xAB"
                        "d\xC2\xBB"),
               "a@1 b@1 c@1 d@1");
    /* Not UTF-8: letters all the same, and nothing is read behind the end. */
    EXPECT_STR(words_in("\xFF\xFE \xE2\x80"), "\xFF\xFE@1 \xE2\x80@1");
    EXPECT_STR(words_in("a\xC2"), "a\xC2@1");
    EXPECT_STR(words_in("a'"), "a@1");
    EXPECT_STR(words_in("a\xE2\x80\x99"), "a@1");
}

/* Equal words are equal texts, whatever their case and apostrophes. */
TEST(equal_words_are_alike, fast)
{
    char plain[] = "it's", fancy[] = "IT\xE2\x80\x99S";
    struct tokens a = {.at = plain, .end = plain + 4}, b = {.at = fancy, .end = fancy + 6};
    struct token left, right;

    EXPECT(tokens_next(&a, &left) && tokens_next(&b, &right));
    EXPECT_EQ(left.length, right.length);
    EXPECT(memcmp(left.text, right.text, left.length) == 0);
}

/* ---- blocks of text ---- */

/* Reads a file block by block and compares it with what was written. Returns the count of blocks,
 * each of which ends behind white space or at the end of the file. */
static size_t expect_blocks(const char *path, const char *bytes, size_t size, loam_allocator memory)
{
    struct text text;
    size_t at = 0, blocks = 0, length;
    char *block;

    EXPECT_EQ(text_open(&text, path, memory), TEXT_OK);
    while (at < size) {
        EXPECT_EQ(text_next(&text, &block, &length), TEXT_OK);
        EXPECT(length > 0 && length <= size - at);
        EXPECT(memcmp(block, bytes + at, length) == 0);
        at += length;
        EXPECT(at == size || block[length - 1] == ' ' || block[length - 1] == '\n');
        blocks++;
    }
    EXPECT_EQ(text_next(&text, &block, &length), TEXT_END);
    EXPECT_EQ(text_next(&text, &block, &length), TEXT_END);
    text_close(&text);
    return blocks;
}

/* Long texts come in blocks that cut no word, over an arena as over malloc, and words longer than
 * the buffer come whole. */
TEST(blocks_cut_no_word, fast)
{
    enum { SIZE = 1 << 20 };
    static char bytes[SIZE];
    loam_arena arena;
    test_rng rng;

    workplace_enter();
    test_rng_init(&rng, test_seed());
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = "abcdefgh \n"[test_rng_below(&rng, 10)];
    memset(bytes + SIZE / 4, 'x', 300000);
    workplace_write_bytes("text", bytes, SIZE);
    EXPECT(loam_arena_init(&arena, NULL));
    EXPECT_LE(4, expect_blocks("text", bytes, SIZE, loam_libc_allocator()));
    EXPECT_LE(4, expect_blocks("text", bytes, SIZE, loam_arena_allocator(&arena)));
    EXPECT_EQ(loam_arena_pos(&arena), 0);

    memset(bytes, 'x', SIZE);
    workplace_write_bytes("word", bytes, SIZE);
    EXPECT_EQ(expect_blocks("word", bytes, SIZE, loam_libc_allocator()), 1);
    EXPECT_EQ(expect_blocks("word", bytes, SIZE, loam_arena_allocator(&arena)), 1);
    EXPECT_EQ(loam_arena_pos(&arena), 0);
    loam_arena_deinit(&arena);
}

/* ---- the dictionary ---- */

static struct token token_of(char *text, uint32_t line)
{
    struct tokens tokens = {.at = text, .end = text + strlen(text), .line = line};
    struct token token;

    EXPECT(tokens_next(&tokens, &token));
    return token;
}

/* Adds `word(i % words)` on line i for each i below `count`, and finds all again. */
static void fill_and_look(loam_allocator memory, uint32_t words_wanted, uint32_t count)
{
    const struct words_memory from = {memory, memory, memory, memory};
    struct words words;
    char text[32];

    words_init(&words, &from);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(text, sizeof text, "word%u", i % words_wanted);

        struct token token = token_of(text, i);

        EXPECT(words_add(&words, &token, 0));
        EXPECT(words_add(&words, &token, 0)); /* twice on a line is one place */
    }
    words_seal(&words);
    EXPECT_EQ(dictionary_count(&words.dictionary), words_wanted);
    EXPECT(loam_btree_check(&words.dictionary.raw, NULL, NULL));
    EXPECT_EQ(words.total, 2 * count);
    for (uint32_t i = 0; i < words_wanted; i++) {
        snprintf(text, sizeof text, "word%u", i);

        struct token token = token_of(text, 0);
        const struct word *word = words_find(&words, &token);
        const struct place *place;
        uint32_t line = i;

        EXPECT(word != NULL);
        EXPECT_EQ(word->count, 2 * word->places);
        for (place = places_first(&words, word); place; place = places_next(&words, place)) {
            EXPECT_EQ(place->line, line);
            line += words_wanted;
        }
        EXPECT(line >= count && line < count + words_wanted);
    }
    words_deinit(&words);
}

/* Many words make the tree grow, many places the vec of them; all is found again, and all is given
 * back to an allocator that wants it. */
TEST(words_are_found_again, fast)
{
    loam_counting counting;
    loam_stats stats;
    loam_arena arena;

    loam_counting_init(&counting, loam_libc_allocator());
    fill_and_look(loam_counting_allocator(&counting), 1, 100);
    fill_and_look(loam_counting_allocator(&counting), 5000, 20000);
    loam_counting_stats(&counting, &stats);
    EXPECT_EQ(stats.live, 0);
    EXPECT_EQ(stats.blocks, 0);
    loam_counting_deinit(&counting);

    EXPECT(loam_arena_init(&arena, NULL));
    fill_and_look(loam_arena_allocator(&arena), 5000, 20000);
    EXPECT(loam_arena_check(&arena, NULL, NULL));
    loam_arena_deinit(&arena);
}

/* Words come in the order of their bytes, as the n-th and behind a beginning, also where the first
 * eight bytes are alike and where one is the beginning of another. */
TEST(words_are_in_order, fast)
{
    static char text[] = "sandstones sandstone silt sand sandstoned s sandy clay sandston";
    static const char *const ordered[] = {
        "clay", "s", "sand", "sandston", "sandstone", "sandstoned", "sandstones", "sandy", "silt"};
    loam_allocator libc = loam_libc_allocator();
    const struct words_memory from = {libc, libc, libc, libc};
    struct tokens tokens = {.at = text, .end = text + strlen(text), .line = 1};
    struct token beginning = {.text = "sandstone", .length = 9};
    struct words words;
    loam_btree_cursor at;
    dictionary_entry next;

    words_init(&words, &from);
    for (struct token token; tokens_next(&tokens, &token);)
        EXPECT(words_add(&words, &token, 0));
    for (size_t i = 0; i < sizeof ordered / sizeof *ordered; i++) {
        const struct word *word = dictionary_nth(&words.dictionary, i).key->word;

        EXPECT_EQ(word->length, strlen(ordered[i]));
        EXPECT(memcmp(word->text, ordered[i], word->length) == 0);
    }
    EXPECT(dictionary_nth(&words.dictionary, 9).key == NULL);
    words_seek(&words, &beginning, &at);
    for (size_t i = 4; (next = dictionary_cursor_next(&at)).key; i++)
        EXPECT_EQ(word_begins_with(next.key->word, &beginning), i < 7);
    words_deinit(&words);
}

/* ---- memory that runs out ---- */

enum {
    WORDS = 80,  /* more than a leaf holds */
    LONG = 70000 /* more than a first buffer has bytes */
};

/* The core of the program on a small text. */
typedef struct core {
    loam_allocator memory;
    struct files files;
    struct console console;
    char *report; /* of the last step that succeeded */
    char *expected;
    size_t total; /* words in the text */
} core;

/* Whether what was found up to a refusal is right as far as it goes. */
static void expect_whole(const struct words *words, size_t total)
{
    size_t count = 0, places = 0, sum = 0;

    LOAM_BTREE_EACH(dictionary, entry, &words->dictionary)
    {
        const struct word *each = entry.key->word;
        const struct place *place = places_first(words, each);
        size_t seen = 0;

        for (; place; place = places_next(words, place), seen++)
            EXPECT(place->file == 0 && place->line > 0);
        EXPECT_EQ(seen, each->places);
        EXPECT(each->places >= 1 && each->places <= each->count);
        count++;
        places += each->places;
        sum += each->count;
    }
    EXPECT_EQ(count, dictionary_count(&words->dictionary));
    EXPECT_EQ(places, words->places.count);
    EXPECT_EQ(sum, words->total);
    EXPECT_LE(sum, total);
}

/* Reports what was found. Returns false iff out of memory. */
static bool report(core *c, const struct words *words, const struct index_result *result)
{
    word_list ranked = LOAM_VEC_INIT(c->memory);
    size_t size;
    FILE *out;

    if (!words_ranked(words, &ranked))
        return false;
    free(c->report);
    out = open_memstream(&c->report, &size);
    EXPECT(out != NULL);
    report_totals(out, result, words);
    report_top(out, words, &ranked, dictionary_count(&words->dictionary), &c->files);
    fclose(out);
    loam_vec_deinit(&ranked);
    return true;
}

static bool core_step(void *context)
{
    core *c = context;
    const struct words_memory from = {c->memory, c->memory, c->memory, c->memory};
    struct words words;
    struct index_result result;
    bool done;

    words_init(&words, &from);
    result = index_files(&words, &c->files, c->memory, &c->console);
    expect_whole(&words, c->total);
    done = result.status == STATUS_DONE;
    done = report(c, &words, &result) && done;
    words_deinit(&words);
    return done;
}

static void core_begin(void *context, loam_allocator allocator)
{
    ((core *)context)->memory = allocator;
}

static void core_check(void *context, bool done)
{
    const core *c = context;

    if (done)
        EXPECT_STR(c->report, c->expected);
}

/* A text with words for more than one node, places for more than one growth of their vec, and a
 * word that is longer than the buffer. */
static void core_init(core *c)
{
    static char text[LONG + WORDS * 16];
    size_t length = LONG;

    memset(c, 0, sizeof *c);
    memset(text, 'z', LONG);
    for (int i = 0; i < WORDS; i++)
        length += (size_t)sprintf(text + length, "\nx%d again", i);
    c->total = 1 + 2 * WORDS;
    workplace_enter();
    workplace_write_bytes("text", text, length);
    console_init(&c->console, stderr);
    c->console.quiet = true;
    EXPECT(files_init(&c->files));
    EXPECT(files_add(&c->files, "text"));
    c->memory = loam_libc_allocator();
    EXPECT(core_step(c));
    c->expected = c->report;
    c->report = NULL;
}

static void core_deinit(core *c)
{
    files_deinit(&c->files);
    free(c->report);
    free(c->expected);
}

static void fail_each_of_core(unsigned flags)
{
    core c;

    core_init(&c);
    EXPECT_LE(WORDS, fail_each_allocation(&(fail_each_scenario){.name = "concordance",
                                                                .context = &c,
                                                                .flags = flags,
                                                                .begin = core_begin,
                                                                .step = core_step,
                                                                .check = core_check}));
    core_deinit(&c);
}

/* Each allocation refused, once and for ever: what was found is right as far as it goes, nothing
 * leaks, and the next try succeeds. */
TEST(each_allocation_refused, fast)
{
    fail_each_of_core(0);
}

/* The same over an allocator that does not reclaim, as an arena. */
TEST(each_allocation_refused_bump, fast)
{
    fail_each_of_core(FAIL_EACH_INEXACT | FAIL_EACH_NO_RECLAIM);
}

/* Every limit up to one that suffices, over loam and over malloc: an exit status, a report. */
TEST(each_limit, fast)
{
    struct options options = {.top = 3};
    core c;
    bool enough[2] = {false, false};
    struct job job = {&options, &c.files, &c.console};

    core_init(&c);
    workplace_write("text", "Sand and silt and clay\nand loam: sand\n");
    for (options.limit = 1; options.limit < 1024; options.limit++) {
        for (int kind = MEMORY_LOAM; kind <= MEMORY_LIBC; kind++) {
            struct run_times times;
            char *text;
            size_t size;
            FILE *out = open_memstream(&text, &size);
            int status = run_job(&job, (memory_kind)kind, out, &times);

            fclose(out);
            EXPECT(status == STATUS_DONE || (status == STATUS_MEMORY && !enough[kind]));
            EXPECT(strstr(text, " different\n") != NULL);
            enough[kind] = status == STATUS_DONE;
            free(text);
        }
    }
    EXPECT(enough[MEMORY_LOAM] && enough[MEMORY_LIBC]);
    core_deinit(&c);
}

/* ---- the console ---- */

/* Opens a terminal: what is written to the slave can be read from the master. Skips where there is
 * none. */
static FILE *open_terminal(int *master)
{
    int slave;

    *master = posix_openpt(O_RDWR | O_NOCTTY);
    if (*master < 0 || grantpt(*master) != 0 || unlockpt(*master) != 0)
        TEST_SKIP("there are no terminals");
    slave = open(ptsname(*master), O_RDWR | O_NOCTTY);
    if (slave < 0)
        TEST_SKIP("the terminal can't be opened");
    return fdopen(slave, "w");
}

/* Reads from a terminal up to the end of a line: what was written arrives in pieces. */
static void read_line(int master, char *line, size_t room)
{
    size_t length = 0;

    while (length == 0 || line[length - 1] != '\n') {
        ssize_t got = read(master, line + length, room - 1 - length);

        EXPECT(got > 0);
        length += (size_t)got;
    }
    line[length] = '\0';
}

/* On a terminal, progress appears when it is due and not before, and is erased before anything
 * else is said. */
TEST(progress_on_a_terminal, fast)
{
    struct console console;
    double due;
    char seen[1024];
    int master;
    FILE *terminal = open_terminal(&master);

    console_init(&console, terminal);
    console_begin(&console, "reading");
    EXPECT(console.next > 0);
    console.next = seconds_now() + 3600;
    console_progress(&console, 1000000, 4000000);
    EXPECT(!console.shown);
    due = console.next = seconds_now();
    console_progress(&console, 2500000, 4000000);
    EXPECT(console.shown);
    EXPECT(console.next > due);
    console_complain(&console, "a.txt", "is %s", "odd");
    EXPECT(!console.shown);
    read_line(master, seen, sizeof seen);
    EXPECT_STR(seen, "\rreading: 2.5 of 4.0 MB\033[K\r\033[Kconcordance: a.txt: is odd\r\n");
    fclose(terminal);
    close(master);
}

/* Elsewhere there is no progress, and only complaints are written. */
TEST(no_progress_in_a_file, fast)
{
    struct console console;
    FILE *file;
    char *seen;

    workplace_enter();
    file = fopen("log", "w");
    EXPECT(file != NULL);
    console_init(&console, file);
    console.next = 0;
    console_progress(&console, 1, 2);
    console_complain(&console, "a.txt", "is odd");
    console.quiet = true;
    console_complain(&console, "b.txt", "is odd");
    console_clear(&console);
    fclose(file);
    seen = workplace_read("log");
    EXPECT_STR(seen, "concordance: a.txt: is odd\n");
    free(seen);
}

TEST_MAIN
