/* test_concordance_program.c: examples/concordance as people run it: what it prints, what it says
 * about files that it can't read, and its exit status. */
#include "support/test.h"
#include "workplace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DONE, SOME_FILES, NO_MEMORY, WRONG_USAGE };

/* Runs the program with these arguments, ended by NULL. */
static outcome run(const char *first, ...)
{
    const char *arguments[32] = {CONCORDANCE};
    size_t count = 1;
    va_list rest;
    outcome seen;

    va_start(rest, first);
    for (const char *each = first; each; each = va_arg(rest, const char *))
        arguments[count++] = each;
    va_end(rest);
    workplace_run(arguments, (manner){0}, &seen);
    return seen;
}

/* The part of what was printed that is the same on every machine: what comes before the memory. */
static const char *words_of(outcome *seen)
{
    char *memory = strstr(seen->out, "\nmemory ");

    EXPECT(memory != NULL);
    *memory = '\0';
    return seen->out;
}

static void expect_all(outcome seen, int status, const char *out, const char *error)
{
    EXPECT_STR(seen.error, error);
    EXPECT_STR(seen.out, out);
    EXPECT_EQ(seen.status, status);
    outcome_free(&seen);
}

static const char poem[] =
    "To see a World in a Grain of Sand\n"
    "And a Heaven in a Wild Flower,\n"
    "Hold Infinity in the palm of your hand\n"
    "And Eternity in an hour. \xE2\x80\x94 It\xE2\x80\x99s gr\xC3\xB6\xC3\x9F"
    "er than 1st, 2x or 0x1F\n";

/* Counts, order, places, letters of other languages, apostrophes, numbers: all as documented. */
TEST(exact_report, fast)
{
    outcome seen;

    workplace_enter();
    workplace_write("poem.txt", poem);
    workplace_write("more.txt", "sand AND sand\n\nand a\n");
    seen = run("--no-compare", "--top", "7", "poem.txt", "more.txt", NULL);
    EXPECT_STR(words_of(&seen), "2 files, 7 lines, 0.00 MB: 38 words, 25 different\n"
                                "\n"
                                "   count  word                    where\n"
                                "       5  a                       poem.txt:1,2 more.txt:3\n"
                                "       4  and                     poem.txt:2,4 more.txt:1,3\n"
                                "       4  in                      poem.txt:1,2,3,4\n"
                                "       3  sand                    poem.txt:1 more.txt:1\n"
                                "       2  of                      poem.txt:1,3\n"
                                "       1  an                      poem.txt:4\n"
                                "       1  eternity                poem.txt:4\n");
    EXPECT_STR(seen.error, "");
    EXPECT_EQ(seen.status, DONE);
    outcome_free(&seen);
}

/* Questions about one word or a prefix print the answer and nothing else. */
TEST(exact_answers, fast)
{
    workplace_enter();
    workplace_write("poem.txt", poem);
    expect_all(run("--word", "A", "poem.txt", NULL), DONE,
               "a: 4 times, 2 lines\npoem.txt:1\npoem.txt:2\n", "");
    expect_all(run("--word=It's", "poem.txt", NULL), DONE, "it's: 1 time, 1 line\npoem.txt:4\n",
               "");
    expect_all(run("--word", "silt", "poem.txt", NULL), DONE, "silt: nowhere\n", "");
    expect_all(run("--prefix", "H", "poem.txt", NULL), DONE,
               "       1  hand                    poem.txt:3\n"
               "       1  heaven                  poem.txt:2\n"
               "       1  hold                    poem.txt:3\n"
               "       1  hour                    poem.txt:4\n",
               "");
    expect_all(run("--prefix", "gr\xC3\xB6", "poem.txt", NULL), DONE,
               "       1  gr\xC3\xB6\xC3\x9F"
               "er                  poem.txt:4\n",
               "");
}

/* All words in order, and the n-th of them. */
TEST(exact_order, fast)
{
    workplace_enter();
    workplace_write("text", "silt and sand\nand clay\n");
    expect_all(run("--sorted", "text", NULL), DONE,
               "       2  and                     text:1,2\n"
               "       1  clay                    text:2\n"
               "       1  sand                    text:1\n"
               "       1  silt                    text:1\n",
               "");
    expect_all(run("--nth", "3", "text", NULL), DONE, "       1  sand                    text:1\n",
               "");
    expect_all(run("--nth=5", "text", NULL), DONE, "there are 4 words\n", "");
}

/* Line ends of other systems, a last line without one, and files without text. */
TEST(line_ends, fast)
{
    workplace_enter();
    workplace_write("crlf.txt", "one\r\ntwo\r\n\r\nTWO");
    workplace_write("empty.txt", "");
    workplace_write("blank.txt", "\n \n");
    expect_all(run("--word", "two", "crlf.txt", "empty.txt", "blank.txt", NULL), DONE,
               "two: 2 times, 2 lines\ncrlf.txt:2\ncrlf.txt:4\n", "");

    outcome seen = run("--no-compare", "crlf.txt", "empty.txt", "blank.txt", NULL);

    EXPECT_STR(words_of(&seen), "3 files, 6 lines, 0.00 MB: 3 words, 2 different\n"
                                "\n"
                                "   count  word                    where\n"
                                "       2  two                     crlf.txt:2,4\n"
                                "       1  one                     crlf.txt:1\n");
    EXPECT_EQ(seen.status, DONE);
    outcome_free(&seen);
    seen = run("--no-compare", "empty.txt", NULL);
    EXPECT_STR(words_of(&seen), "1 file, 0 lines, 0.00 MB: 0 words, 0 different\n"
                                "\n"
                                "   count  word                    where\n");
    EXPECT_EQ(seen.status, DONE);
    outcome_free(&seen);
}

/* What can't be read is named with its reason; the rest is read; the exit status tells. */
TEST(bad_files, fast)
{
    workplace_enter();
    workplace_make_folder("folder");
    workplace_write("good.txt", "sand\n");
    workplace_write_bytes("binary", "sand\0sand", 9);
    workplace_write_bytes("controls", "sand\1\2\3\4\5\6", 10);
    unlink("pipe");
    EXPECT_EQ(mkfifo("pipe", 0644), 0);
    expect_all(run("--word", "sand", "folder", "binary", "controls", "missing", "pipe", "",
                   "good.txt", NULL),
               SOME_FILES, "sand: 1 time, 1 line\ngood.txt:1\n",
               "concordance: folder: is a directory; left out\n"
               "concordance: binary: is not text; left out\n"
               "concordance: controls: is not text; left out\n"
               "concordance: missing: No such file or directory; left out\n"
               "concordance: pipe: is not a regular file; left out\n"
               "concordance: : No such file or directory; left out\n");
    expect_all(run("--word", "sand", "--", "-dash.txt", NULL), SOME_FILES, "sand: nowhere\n",
               "concordance: -dash.txt: No such file or directory; left out\n");
}

/* A file that turns out to be binary late has been read up to there, and this is said. */
TEST(late_binary, fast)
{
    enum { LINES = 20000 };
    static char text[LINES * 5 + 5];

    workplace_enter();
    for (size_t i = 0; i < LINES; i++)
        memcpy(text + i * 5, "sand\n", 5);
    memcpy(text + LINES * 5, "s\0nd\n", 5);
    workplace_write_bytes("late", text, sizeof text);

    outcome seen = run("--no-compare", "late", NULL);
    unsigned long line = 0, words = 0;

    EXPECT_EQ(sscanf(seen.error,
                     "concordance: late: is not text from line %lu on; the rest is left out",
                     &line),
              1);
    EXPECT_EQ(sscanf(seen.out, "0 files, %*u lines, %*s MB: %lu words", &words), 1);
    EXPECT_EQ(words, line - 1);
    EXPECT(line > LINES / 2);
    EXPECT_EQ(seen.status, SOME_FILES);
    outcome_free(&seen);
}

/* A file without permission. */
TEST(unreadable_file, fast)
{
    const char *arguments[] = {CONCORDANCE, "--word", "sand", "secret.txt", "good.txt", NULL};
    outcome seen;

    workplace_enter();
    unlink("secret.txt");
    workplace_write("secret.txt", "sand\n");
    workplace_write("good.txt", "sand\n");
    EXPECT_EQ(chmod("secret.txt", 0), 0);
    workplace_run(arguments, (manner){.humble = true}, &seen);
    expect_all(seen, SOME_FILES, "sand: 1 time, 1 line\ngood.txt:1\n",
               "concordance: secret.txt: Permission denied; left out\n");
}

/* A file that opens and then can't be read. */
TEST(read_error, fast)
{
    workplace_enter();
    if (access("/proc/self/mem", R_OK) != 0)
        TEST_SKIP("there is no /proc/self/mem");
    expect_all(run("--word", "sand", "/proc/self/mem", NULL), SOME_FILES, "sand: nowhere\n",
               "concordance: /proc/self/mem: Input/output error; left out\n");
}

/* Below a tree: what is a source or a document, in order, nothing hidden, built or linked to. */
TEST(tree_is_chosen, fast)
{
    static const char *const wanted[] = {"a.c",     "b.h",  "c.md",      "d.txt",
                                         "e.cmake", "f.in", "sub/z.txt", "sub-a.txt"};
    static const char *const others[] = {"x.o",          ".hidden.txt",        "build/x.txt",
                                         "out/made.txt", "out/CMakeCache.txt", ".git/x.txt",
                                         "txt",          "sub/x.cpp"};

    workplace_enter();
    workplace_make_folder("tree");
    EXPECT_EQ(chdir("tree"), 0);
    workplace_make_folder("sub");
    workplace_make_folder("build");
    workplace_make_folder("out");
    workplace_make_folder(".git");
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        workplace_write(wanted[i], "sand\n");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        workplace_write(others[i], "sand\n");
    (void)!symlink("..", "sub/up");
    EXPECT_EQ(chdir(".."), 0);
    expect_all(run("--word", "sand", "--tree", "tree", NULL), DONE,
               "sand: 8 times, 8 lines\n"
               "a.c:1\nb.h:1\nc.md:1\nd.txt:1\ne.cmake:1\nf.in:1\nsub/z.txt:1\nsub-a.txt:1\n",
               "");
    expect_all(run("--word", "sand", "--tree", "tree/", NULL), DONE,
               "sand: 8 times, 8 lines\n"
               "a.c:1\nb.h:1\nc.md:1\nd.txt:1\ne.cmake:1\nf.in:1\nsub/z.txt:1\nsub-a.txt:1\n",
               "");
    expect_all(run("--tree", "no-tree", NULL), SOME_FILES, "",
               "concordance: no-tree: No such file or directory\n");
    expect_all(run("--word", "sand", "--tree", "no-tree", "tree/a.c", NULL), SOME_FILES,
               "sand: 1 time, 1 line\ntree/a.c:1\n",
               "concordance: no-tree: No such file or directory\n");
}

/* Without arguments it reads loam itself, from wherever it is started, and compares. */
TEST(default_run, fast)
{
    outcome seen;

    workplace_enter();
    seen = run(NULL, NULL);
    EXPECT_STR(seen.error, "");
    EXPECT_EQ(seen.status, DONE);
    EXPECT(strstr(seen.out, "  loam  ") != NULL);
    EXPECT(strstr(seen.out, "\n  records  a pool ") != NULL);
    EXPECT(strstr(seen.out, "\n  texts    a heap ") != NULL);
    EXPECT(strstr(seen.out, "\n  places   an arena ") != NULL);
    EXPECT(strstr(seen.out, "\nthe same code over ") != NULL);
    EXPECT(strstr(seen.out, "\n  peak of resident memory ") != NULL);
    outcome_free(&seen);
}

/* Memory that runs out is said, ends with its own status, and loses nothing that was found before;
 * the same run over malloc is left out. */
TEST(limit_is_reached, fast)
{
    if (sizeof(void *) < 8)
        TEST_SKIP("assumes what words take with pointers of 64 bits");
    workplace_enter();
    workplace_write("poem.txt", poem);
    expect_all(run("--limit", "250", "--word", "see", "poem.txt", "missing", NULL), NO_MEMORY,
               "see: 1 time, 1 line\npoem.txt:1\n",
               "concordance: poem.txt: out of memory in line 1; all words before it are counted\n"
               "concordance: --limit: words and their texts may take 250 bytes\n");

    outcome seen = run("--limit", "800", "poem.txt", NULL);

    EXPECT_EQ(seen.status, NO_MEMORY);
    EXPECT(strstr(words_of(&seen), "  a  ") != NULL);
    outcome_free(&seen);
    seen = run("--limit", "1M", "poem.txt", NULL);
    EXPECT_EQ(seen.status, DONE);
    EXPECT_STR(seen.error, "");
    outcome_free(&seen);
}

/* The limit is one of words and their texts: a long word is above it, however few there are. */
TEST(limit_covers_texts, fast)
{
    static char text[70000];

    workplace_enter();
    memset(text, 'z', sizeof text);
    workplace_write_bytes("long", text, sizeof text);
    expect_all(run("--limit", "64K", "--word", "z", "long", NULL), NO_MEMORY, "z: nowhere\n",
               "concordance: long: out of memory in line 1; all words before it are counted\n"
               "concordance: --limit: words and their texts may take 65536 bytes\n");
    expect_all(run("--limit", "70K", "--word", "z", "long", NULL), DONE, "z: nowhere\n", "");
}

/* Limits of all sizes end in 0 or 2 and never otherwise. */
TEST(limits_of_all_sizes, fast)
{
    bool enough = false;

    workplace_enter();
    workplace_write("poem.txt", poem);
    for (unsigned limit = 1; limit < 4096; limit += 1 + limit / 8) {
        char text[32];
        outcome seen;

        snprintf(text, sizeof text, "--limit=%u", limit);
        seen = run("--no-compare", text, "poem.txt", NULL);
        EXPECT(seen.status == NO_MEMORY || seen.status == DONE);
        EXPECT_EQ(seen.status == NO_MEMORY, strstr(seen.error, "out of memory") != NULL);
        EXPECT(strstr(seen.out, "\nmemory ") != NULL);
        EXPECT(!enough || seen.status == DONE);
        enough = seen.status == DONE;
        outcome_free(&seen);
    }
    EXPECT(enough);
}

/* Output that can't be written is no success. */
TEST(full_disk, fast)
{
    const char *arguments[] = {CONCORDANCE, "poem.txt", NULL};
    outcome seen;

    workplace_enter();
    if (access("/dev/full", W_OK) != 0)
        TEST_SKIP("there is no /dev/full");
    workplace_write("poem.txt", poem);
    workplace_run(arguments, (manner){.out = "/dev/full"}, &seen);
    EXPECT_STR(seen.error, "concordance: standard output: No space left on device\n");
    EXPECT_EQ(seen.status, SOME_FILES);
    outcome_free(&seen);
}

/* Wrong usage says what is wrong; help is no mistake. */
TEST(usage, fast)
{
    static const char *const wrong[][3] = {
        {"--frob", NULL, "concordance: --frob: no such option; try --help\n"},
        {"--top", NULL, "concordance: --top needs a number; try --help\n"},
        {"--top", "many", "concordance: --top needs a number; try --help\n"},
        {"--top=-1", NULL, "concordance: --top needs a number; try --help\n"},
        {"--top=", NULL, "concordance: --top needs a number; try --help\n"},
        {"--word", "two words", "concordance: --word needs one word; try --help\n"},
        {"--word", "12", "concordance: --word needs one word; try --help\n"},
        {"--prefix", "", "concordance: --prefix needs the beginning of a word; try --help\n"},
        {"--nth", "0", "concordance: --nth needs a number above 0; try --help\n"},
        {"--limit", "0",
         "concordance: --limit needs a number of bytes above 0, such as 64K; try --help\n"},
        {"--limit", "1 K",
         "concordance: --limit needs a number of bytes above 0, such as 64K; try --help\n"},
        {"--limit", "99999999999G",
         "concordance: --limit needs a number of bytes above 0, such as 64K; try --help\n"},
    };
    outcome seen;

    workplace_enter();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_all(run(wrong[i][0], wrong[i][1], NULL), WRONG_USAGE, "", wrong[i][2]);
    seen = run("--help", NULL);
    EXPECT_EQ(seen.status, DONE);
    EXPECT(strncmp(seen.out, "usage: concordance ", 19) == 0);
    EXPECT_STR(seen.error, "");
    outcome_free(&seen);
}

TEST_MAIN
