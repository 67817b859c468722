/* test_shared.c: a heap that processes share: both map it, at different addresses, and use it in turn.
 * And the proof that a heap asks nothing of the system: it works where no call is permitted.
 */
#define _GNU_SOURCE
#include "heap/heap_support.h"

#include <string.h>

TEST(works_after_a_move, fast)
{
    static _Alignas(64) unsigned char here[32 * 1024], there[64 + 32 * 1024];
    loam_heap_config config = {.shared = true};
    loam_heap *heap = loam_heap_init(here, sizeof here, &config), *moved;
    size_t places[100];

    EXPECT(heap != NULL);
    for (size_t i = 0; i < 100; i++) {
        unsigned char *block = (unsigned char *)must_alloc(heap, i * 4);

        fill_pattern(block, i * 4, i);
        places[i] = (size_t)(block - (unsigned char *)heap);
    }
    for (size_t i = 0; i < 100; i += 3)
        loam_heap_dealloc(heap, (unsigned char *)heap + places[i]);
    memcpy(there + 64, here, sizeof here);
    memset(here, 0, sizeof here);
    moved = loam_heap_attach(there + 64, sizeof here);
    EXPECT_PTR(moved, there + 64);
    EXPECT_GOOD_HEAP(moved);
    for (size_t i = 0; i < 100; i++) {
        unsigned char *block = (unsigned char *)moved + places[i];

        if (i % 3 == 0)
            continue;
        EXPECT(has_pattern(block, i * 4, i));
        EXPECT((block = loam_heap_realloc(moved, block, i * 5)) != NULL);
        EXPECT(has_pattern(block, i * 4, i));
        loam_heap_dealloc(moved, block);
        EXPECT_GOOD_HEAP(moved);
    }
    EXPECT_EQ(heap_figures(moved).free_blocks, 1);
    loam_heap_deinit(moved);
}

#if defined(__linux__)
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- two processes ---- */

enum { SHARED = 256 * 1024, SLOTS = 200, TURNS = 12, STEPS = 3000 };

/* The start of the mapping: what both know. The heap's buffer is behind it. */
typedef struct table {
    uint64_t seeds;
    size_t places[SLOTS]; /* from the heap; 0: none */
    size_t sizes[SLOTS];
    uint64_t patterns[SLOTS];
    uintptr_t address; /* of the last process */
} table;

enum { TABLE = (sizeof(table) + 4095) / 4096 * 4096 };

static unsigned char *buffer_in(table *t)
{
    return (unsigned char *)t + TABLE;
}

/* Does a turn: takes, changes and gives back blocks that either process took. */
static void do_turn(table *t, uint64_t seed, size_t granule)
{
    loam_heap *heap = loam_heap_attach(buffer_in(t), SHARED - TABLE);
    test_rng rng;

    EXPECT(heap != NULL);
    EXPECT_GOOD_HEAP(heap);
    test_rng_init(&rng, seed);
    for (size_t i = 0; i < STEPS; i++) {
        size_t n = (size_t)test_rng_below(&rng, SLOTS);
        size_t size = (size_t)test_rng_below(&rng, test_rng_one_in(&rng, 10) ? 8000 : 900);
        unsigned char *block = t->places[n] ? (unsigned char *)heap + t->places[n] : NULL, *now;

        if (block)
            EXPECT(has_pattern(block, t->sizes[n], t->patterns[n]));
        if (block && test_rng_one_in(&rng, 2)) {
            loam_heap_dealloc_sized(heap, block, t->sizes[n]);
            t->places[n] = 0;
            continue;
        }
        now = (unsigned char *)loam_heap_realloc(heap, block, size);
        if (!now)
            continue;
        EXPECT(is_aligned(now, granule));
        if (block)
            EXPECT(has_pattern(now, size < t->sizes[n] ? size : t->sizes[n], t->patterns[n]));
        t->places[n] = (size_t)(now - (unsigned char *)heap);
        t->sizes[n] = size;
        t->patterns[n] = ++t->seeds;
        fill_pattern(now, size, t->patterns[n]);
        if (i % 500 == 0)
            EXPECT_GOOD_HEAP(heap);
    }
    EXPECT_GOOD_HEAP(heap);
}

static table *map_at(int file, void *hint)
{
    void *at = mmap(hint, SHARED, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

    EXPECT(at != MAP_FAILED);
    return (table *)at;
}

/* The other process: `heap_shared turn FILE SEED GRANULE`. Takes care to have another address. */
static int other_process(char **arguments)
{
    int file = (int)strtol(arguments[2], NULL, 10);
    table *t = map_at(file, NULL);

    for (int i = 0; i < 8 && (uintptr_t)t == t->address; i++)
        t = map_at(file, NULL);
    EXPECT((uintptr_t)t != t->address);
    t->address = (uintptr_t)t;
    do_turn(t, strtoull(arguments[3], NULL, 10), (size_t)strtoul(arguments[4], NULL, 10));
    return 0;
}

static void run_other(int file, uint64_t seed, size_t granule)
{
    char path[PATH_MAX], texts[3][32];
    char *arguments[] = {path, (char *)"turn", texts[0], texts[1], texts[2], NULL};
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    pid_t child;
    int status;

    EXPECT(length > 0);
    path[length] = '\0';
    snprintf(texts[0], sizeof texts[0], "%d", file);
    snprintf(texts[1], sizeof texts[1], "%llu", (unsigned long long)seed);
    snprintf(texts[2], sizeof texts[2], "%zu", granule);
    fflush(NULL);
    child = fork();
    if (child == 0) {
        (void)execv(path, arguments);
        _exit(126);
    }
    EXPECT(child > 0 && waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

static void share(size_t granule)
{
    char path[] = "/tmp/loam_heap_shared.XXXXXX";
    int file = mkstemp(path);
    loam_heap_config config = {.granule = granule, .shared = true, .zeroed = true};
    loam_heap *heap;
    table *t;

    EXPECT(file >= 0);
    (void)unlink(path);
    EXPECT(ftruncate(file, SHARED) == 0);
    t = map_at(file, NULL);
    heap = loam_heap_init(buffer_in(t), SHARED - TABLE, &config);
    EXPECT(heap != NULL);
    for (uint64_t turn = 0; turn < TURNS; turn++) {
        t->address = (uintptr_t)t;
        do_turn(t, test_seed() + 2 * turn, granule);
        run_other(file, test_seed() + 2 * turn + 1, granule);
        EXPECT(t->address != (uintptr_t)t);
    }
    for (size_t n = 0; n < SLOTS; n++) {
        if (!t->places[n])
            continue;
        EXPECT(has_pattern((unsigned char *)heap + t->places[n], t->sizes[n], t->patterns[n]));
        loam_heap_dealloc(heap, (unsigned char *)heap + t->places[n]);
    }
    EXPECT_GOOD_HEAP(heap);
    EXPECT_EQ(heap_stats(heap).blocks, 0);
    EXPECT_EQ(heap_figures(heap).free_blocks, 1);
    loam_heap_deinit(heap);
    EXPECT(munmap(t, SHARED) == 0);
    (void)close(file);
}

TEST(two_processes_in_turn, fast)
{
    share(16);
    share(8);
}

/* ---- no system call ---- */

static _Alignas(64) unsigned char memory[64 * 1024], second[16 * 1024];

/* All that a heap can do, without a test that would print. Returns how often something was wrong. */
static int do_everything(size_t granule)
{
    loam_heap_config config = {.granule = granule};
    loam_heap *heap = loam_heap_init(memory, sizeof memory, &config);
    void *blocks[64] = {NULL};
    loam_heap_figures figures;
    loam_stats stats;
    int wrong = !heap;

    if (!heap)
        return wrong;
    for (size_t i = 0; i < 5000; i++) {
        size_t n = i * 37 % 64, size = i * i % 1500;

        if (i == 1000)
            wrong += !loam_heap_add(heap, second, sizeof second);
        if (blocks[n] && i % 3) {
            void *moved = loam_heap_realloc_aligned(heap, blocks[n], size, 64);

            blocks[n] = moved ? moved : blocks[n];
        } else if (blocks[n]) {
            loam_heap_dealloc(heap, blocks[n]);
            blocks[n] = NULL;
        } else {
            blocks[n] =
                i % 2 ? loam_heap_zalloc(heap, size) : loam_heap_alloc_aligned(heap, size, 128);
        }
        wrong += i % 100 == 0 && !loam_heap_check(heap, NULL, NULL);
    }
    loam_heap_stats(heap, &stats);
    loam_heap_measure(heap, &figures);
    wrong += figures.live_blocks != stats.blocks;
    wrong += (int)loam_heap_trim(heap);
    loam_heap_reset(heap);
    wrong += !loam_heap_check(heap, NULL, NULL);
    loam_heap_deinit(heap);
    return wrong;
}

/* From the prctl on, the kernel kills this process for any call but read, write and exit. */
static void without_system(void *context)
{
    int wrong;

    (void)context;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
        TEST_SKIP("filters are not permitted");
    wrong = do_everything(16) + do_everything(8);
    (void)syscall(SYS_exit, wrong != 0);
}

TEST(no_system_call, fast)
{
    test_child child;

    if (test_under_asan() || test_under_tsan() || test_under_valgrind())
        TEST_SKIP("the tool makes system calls itself");
    test_run_child(without_system, NULL, &child);
    if (child.exit_code == 77)
        TEST_SKIP("filters are not permitted");
    EXPECT_EQ(child.signal, 0);
    EXPECT_EQ(child.exit_code, 0);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "turn") == 0)
        return other_process(argv);
    return test_main(argc, argv);
}
#else
TEST_MAIN
#endif
