/* test_tools.c: AddressSanitizer and Valgrind see each touch of what is free in an arena, and nothing
 * else. The touches are made by a program of their own, touch.c. */
#define _GNU_SOURCE
#include "arena_support.h"

#include "internal/mark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <sys/wait.h>

static const char *const ways[] = {"pop",        "pop_to",  "rewind",  "far_rewind", "scope",
                                   "clear",      "undo",    "dealloc", "shrink",     "behind",
                                   "far_behind", "between", "read",    "parent",     NULL};

/* Runs the program, under a tool if there is one. Returns its exit code, and whether its output has
 * a word. */
static int run_touch(const char *tool, const char *way, int backing, const char *word, bool *said)
{
    char command[1024], line[1024];
    int status;
    FILE *output;

    snprintf(command, sizeof command, "%s '%s' %s %d 2>&1", tool, LOAM_TEST_TOUCH, way, backing);
    output = popen(command, "r");
    EXPECT(output != NULL);
    *said = false;
    while (fgets(line, sizeof line, output))
        *said |= strstr(line, word) != NULL;
    status = pclose(output);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void touch_all(const char *tool, const char *word, int backing_step)
{
    bool said;

    for (int backing = 0; backing <= (int)LOAM_ARENA_FIXED; backing += backing_step) {
        test_note("backing %s", backing_name((loam_arena_backing)backing));
        EXPECT_EQ(run_touch(tool, "good", backing, word, &said), 0);
        EXPECT(!said);
        for (size_t i = 0; ways[i]; i++) {
            test_note("backing %s, way %s", backing_name((loam_arena_backing)backing), ways[i]);
            EXPECT(run_touch(tool, ways[i], backing, word, &said) != 0);
            EXPECT(said);
        }
    }
}

/* Use after pop, rewind, clear, undo and the others; overruns into free memory and into padding. In
 * a reservation and in a chain. */
TEST(address_sanitizer_sees_each_touch, fast)
{
    if (!test_under_asan())
        TEST_SKIP("not built with AddressSanitizer");
    touch_all("ASAN_OPTIONS=abort_on_error=0:exitcode=99", "AddressSanitizer", 2);
}

TEST(address_sanitizer_sees_each_touch_on_each_backing, slow)
{
    if (!test_under_asan())
        TEST_SKIP("not built with AddressSanitizer");
    touch_all("ASAN_OPTIONS=abort_on_error=0:exitcode=99", "AddressSanitizer", 1);
}

TEST(valgrind_sees_each_touch, slow)
{
    if (!LOAM_VALGRIND || system("valgrind --version >/dev/null 2>&1") != 0)
        TEST_SKIP("Valgrind is not here");
    if (test_under_asan() || test_under_tsan() || test_under_valgrind())
        TEST_SKIP("another tool watches");
    touch_all("valgrind -q --error-exitcode=99", "Invalid", 1);
}

/* ---- and nothing else ---- */

/* Writes to fresh mappings where the arena's memory was. */
static void reuse(char *base, size_t size)
{
    for (size_t at = 0; at < size; at += 64 * KIB) {
        char *part = (char *)mmap(base + at, 64 * KIB, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        EXPECT(part != MAP_FAILED);
        memset(part, 1, 64 * KIB);
        EXPECT(munmap(part, 64 * KIB) == 0);
    }
}

/* What an arena has given back to the system belongs to whoever gets it next: no mark of the arena's
 * stays on it, neither of its end nor of what a clear gave back before. */
TEST(memory_given_back_is_free_of_marks, fast)
{
    static const size_t used[] = {1000, 100000, 3 << 20};

    for (int retention = 0; retention <= (int)LOAM_ARENA_GIVE_BACK; retention++) {
        for (size_t i = 0; i < sizeof used / sizeof *used; i++) {
            loam_arena_config config = {.backing = LOAM_ARENA_RESERVE,
                                        .reserve = 8 * MIB,
                                        .retention = (loam_arena_retention)retention,
                                        .keep = 200000};
            loam_arena *arena = loam_arena_create(&config);
            char *base = (char *)arena;

            EXPECT(arena != NULL);
            for (int round = 0; round < 3; round++) {
                EXPECT(loam_arena_push(arena, used[(i + (size_t)round) % 3]) != NULL);
                loam_arena_clear(arena);
            }
            loam_arena_destroy(arena);
            (void)loam_vm_trim();
            reuse(base, 8 * MIB);
        }
    }
}

static void take_back(loam_allocator source)
{
    for (int retention = 0; retention <= (int)LOAM_ARENA_GIVE_BACK; retention++) {
        loam_arena_config config = {.backing = LOAM_ARENA_CHAIN,
                                    .source = source,
                                    .auto_align = retention % 2 ? 4096 : 1,
                                    .retention = (loam_arena_retention)retention,
                                    .keep = 10000};
        loam_arena arena;

        begin_arena(&arena, &config);
        for (size_t i = 1; i < 200; i++) {
            EXPECT(loam_arena_push(&arena, i * 50) != NULL);
            if (i % 50 == 0)
                loam_arena_clear(&arena);
        }
        loam_arena_deinit(&arena);
    }
}

/* The same for blocks that go back to a source, which uses them again: here another arena, and a
 * buffer that is written over. */
TEST(blocks_given_back_are_free_of_marks, fast)
{
    static char memory[8 << 20];
    loam_arena_config config = {
        .backing = LOAM_ARENA_FIXED, .buffer = memory, .buffer_size = sizeof memory};
    loam_arena below;

    for (int i = 0; i < 3; i++) {
        begin_arena(&below, &config);
        take_back(loam_arena_allocator(&below));
        loam_arena_deinit(&below);
        memset(memory, i, sizeof memory);
    }
    take_back(loam_libc_allocator());
    take_back(loam_vm_allocator());
}

TEST_MAIN
