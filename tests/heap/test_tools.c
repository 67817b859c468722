/* test_tools.c: AddressSanitizer and Valgrind see each touch of what is nobody's in a heap, and
 * nothing else. The touches are made by a program of their own, touch.c. */
#define _GNU_SOURCE
#include "heap/heap_support.h"

#include "internal/mark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/wait.h>

static const char *const ways[] = {"dealloc", "reset", "behind", "in_front", "shrink", "move"};

/* Runs the program under a tool. Returns its exit code, and whether its output has a word. */
static int run_touch(const char *tool, const char *way, const char *word, bool *said)
{
    char command[1024], line[1024];
    int status;
    FILE *output;

    snprintf(command, sizeof command, "%s '%s' %s 2>&1", tool, LOAM_TEST_TOUCH, way);
    output = popen(command, "r");
    EXPECT(output != NULL);
    *said = false;
    while (fgets(line, sizeof line, output))
        *said |= strstr(line, word) != NULL;
    status = pclose(output);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void touch_all(const char *tool, const char *word)
{
    bool said;

    EXPECT_EQ(run_touch(tool, "good", word, &said), 0);
    EXPECT(!said);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        test_note("way %s", ways[i]);
        EXPECT(run_touch(tool, ways[i], word, &said) != 0);
        EXPECT(said);
    }
}

TEST(address_sanitizer_sees_each_touch, fast)
{
    if (!test_under_asan())
        TEST_SKIP("not built with AddressSanitizer");
    touch_all("ASAN_OPTIONS=abort_on_error=0:exitcode=99", "AddressSanitizer");
}

TEST(valgrind_sees_each_touch, slow)
{
    if (!LOAM_VALGRIND || system("valgrind --version >/dev/null 2>&1") != 0)
        TEST_SKIP("Valgrind is not here");
    if (test_under_asan() || test_under_tsan() || test_under_valgrind())
        TEST_SKIP("another tool watches");
    touch_all("valgrind -q --error-exitcode=99", "Invalid");
}

TEST_MAIN
