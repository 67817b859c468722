/* limits.c: programs under `ulimit -v`, `ulimit -d`, without a mapping to spare, and across forks:
 * they work, or fail as programs do that ran out of memory, and are never ended by a signal.
 */
#define _GNU_SOURCE
#include "support/test.h"
#include "vm/memory.h"
#include "vm/workload.h"

#include "internal/bits.h"
#include "internal/os.h"
#include <loam/arena.h>
#include <loam/region.h>
#include <loam/scratch.h>
#include <loam/vm.h>

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

static void need_plain_process(void)
{
    if (test_under_asan() || test_under_tsan() || test_under_valgrind())
        TEST_SKIP("the tool needs the memory itself");
}

/* ---- a small program under a limit from its start on ---- */

enum { SMALL_BYTES = 600000, EXIT_WITHOUT_MEMORY = 3 };

static bool fill_arena(loam_arena *arena)
{
    for (size_t size = 0; size < SMALL_BYTES; size += 1000) {
        void *ptr = loam_arena_push(arena, 1000);

        if (!ptr)
            return false;
        workload_fill(ptr, 1000, 1);
    }
    return loam_arena_check(arena, NULL, NULL);
}

/* `limits small`: an arena of each kind, a scratch arena, a region, some 600 KB in each. */
static int be_small(void)
{
    loam_arena_config reserve = {.backing = LOAM_ARENA_RESERVE};
    loam_arena *first = loam_arena_create(NULL), *second = loam_arena_create(&reserve);
    loam_region *region = loam_region_create(NULL);
    loam_scratch scratch = loam_scratch_begin(NULL, 0);
    bool good = first && second && region && fill_arena(first) && fill_arena(second) &&
                fill_arena(scratch.arena);

    for (int i = 0; good && i < 16; i++) {
        void *ptr = loam_region_take(region, 1, 1, LOAM_REGION_KIND_USER, NULL, NULL);

        good = ptr != NULL;
        if (good)
            workload_fill(ptr, LOAM_REGION_GRANULE, 2);
    }
    loam_scratch_end(&scratch);
    loam_arena_destroy(first);
    loam_arena_destroy(second);
    loam_region_destroy(region);
    return good ? 0 : EXIT_WITHOUT_MEMORY;
}

/* How this program is to be run: as what, and under which limits. */
typedef struct run_under {
    const char *as;
    struct rlimit address_space, data;
} run_under;

static void become_small(void *context)
{
    static char program[PATH_MAX];
    const run_under *run = (const run_under *)context;
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    char *arguments[] = {program, (char *)run->as, NULL};

    if (length <= 0)
        TEST_SKIP("needs /proc/self/exe");
    if (setrlimit(RLIMIT_AS, &run->address_space) != 0 || setrlimit(RLIMIT_DATA, &run->data) != 0)
        TEST_SKIP("limits can't be set");
    (void)execv(program, arguments);
    _exit(EXIT_WITHOUT_MEMORY); /* does not even load */
}

/* Runs the small program under limits in MiB and expects that it works from `enough` on. Where even
 * a program that does nothing can't be loaded, as with the tables of a tool, there is nothing to
 * see. */
static void sweep(bool address_space, size_t enough)
{
    static const size_t steps[] = {8,  12, 16,  20,  24,  32,  40,  48,  64,
                                   80, 96, 128, 192, 256, 384, 512, 768, 1024};

    need_plain_process();
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        run_under run = {"nothing", {RLIM_INFINITY, RLIM_INFINITY}, {RLIM_INFINITY, RLIM_INFINITY}};
        test_child child;

        (address_space ? &run.address_space : &run.data)->rlim_cur = steps[i] * MIB;
        test_run_child(become_small, &run, &child);
        if (child.exit_code == 77)
            TEST_SKIP("limits can't be set");
        if (child.exit_code != 0) {
            EXPECT(steps[i] < 256);
            continue;
        }
        run.as = "small";
        test_run_child(become_small, &run, &child);
        fprintf(stderr, "%zu MiB: exit code %d, signal %d\n", steps[i], child.exit_code,
                child.signal);
        EXPECT(child.exit_code == 0 ||
               (steps[i] < enough && child.exit_code == EXIT_WITHOUT_MEMORY));
    }
}

TEST(address_space_sweep, fast)
{
    sweep(true, 32);
}

TEST(data_sweep, fast)
{
    sweep(false, 16);
}

/* ---- a limit that is lowered on the way ---- */

static void work_under_lowered_limit(void *context)
{
    bool address_space = *(const bool *)context;
    workload work = {.steps = 0};

    (void)loam_vm_page_size(); /* the facts are those of a process without limits */
    for (size_t piece = 0; workload_name(piece); piece++)
        workload_run(&work, piece);
    EXPECT_EQ(work.refusals, 0);
    if (!(address_space ? memory_limit_address_space(3 * MIB) : memory_limit_data(3 * MIB)))
        TEST_SKIP("limits can't be set");
    for (size_t piece = 0; workload_name(piece); piece++)
        workload_run(&work, piece);
    EXPECT(work.refusals > 0);
}

/* What worked goes on or is refused, and nothing breaks, when there are only 3 MiB left. */
TEST(limit_lowered, fast)
{
    bool address_space[] = {false, true};

    need_plain_process();
    test_survives(work_under_lowered_limit, &address_space[0]);
    test_survives(work_under_lowered_limit, &address_space[1]);
}

/* ---- no mappings to spare ---- */

typedef struct stripes {
    char *ptr;
    size_t size;
    size_t page;
} stripes;

static size_t mapping_limit(void)
{
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
    char line[32] = "";

    if (!file)
        return 0;
    if (!fgets(line, sizeof line, file))
        line[0] = '\0';
    (void)fclose(file);
    return (size_t)strtoul(line, NULL, 10);
}

/* Uses up all mappings with stripes of changing protection. */
static void draw_stripes(stripes *s, size_t limit)
{
    s->page = loam_vm_page_size();
    s->size = (limit + 100) * 2 * s->page;
    s->ptr =
        (char *)mmap(NULL, s->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    EXPECT((void *)s->ptr != MAP_FAILED);
    for (size_t at = 0; at < s->size; at += 2 * s->page) {
        if (mprotect(s->ptr + at, s->page, PROT_READ) != 0)
            return;
    }
    TEST_SKIP("mappings can't be used up");
}

static void push_more(loam_arena *arena, size_t *bytes)
{
    void *ptr = loam_arena_push(arena, 3000);

    if (!ptr)
        return;
    workload_expect_zero(ptr, 3000);
    workload_fill(ptr, 3000, 1);
    *bytes += 3000;
}

static void serve_without_mappings(void *context)
{
    loam_arena_config reserve = {.backing = LOAM_ARENA_RESERVE, .reserve = 64 * MIB};
    loam_arena_config chain = {.backing = LOAM_ARENA_CHAIN, .source = loam_vm_allocator()};
    loam_arena *arenas[3] = {loam_arena_create(&reserve), loam_arena_create(NULL),
                             loam_arena_create(&chain)};
    size_t bytes[3] = {0, 0, 0}, made = 0, before;
    workload work = {.steps = 0};
    stripes s;

    (void)loam_vm_trim();
    before = memory_address_space();
    draw_stripes(&s, *(const size_t *)context);
    for (size_t i = 0; i < 3; i++)
        EXPECT(arenas[i] != NULL);

    /* Arenas that are there go on: where commit is free, without any limit but their own. */
    for (size_t i = 0; i < 3; i++) {
        for (int j = 0; j < 3000; j++)
            push_more(arenas[i], &bytes[i]);
        EXPECT(loam_arena_check(arenas[i], NULL, NULL));
    }
    if (loam_vm_capabilities() & LOAM_VM_FREE_COMMIT) {
        EXPECT_EQ(bytes[0], 3000 * 3000);
        EXPECT_EQ(bytes[1], 3000 * 3000);
    }
    /* New ones are made or refused, and all that is asked of the pages too. */
    for (int i = 0; i < 1000; i++) {
        loam_arena *one = loam_arena_create(i % 2 ? &reserve : NULL);

        made += one && loam_arena_push(one, 1000) != NULL;
        loam_arena_destroy(one);
    }
    fprintf(stderr, "without mappings: %zu bytes pushed, %zu of 1000 arenas made\n",
            bytes[0] + bytes[1] + bytes[2], made);
    for (size_t piece = 0; workload_name(piece); piece++)
        workload_run(&work, piece);

    /* With mappings to spare again, all works, and nothing was lost. */
    EXPECT(munmap(s.ptr, s.size) == 0);
    workload_clean_up(&work);
    EXPECT(loam_scratch_release());
    work.refusals = 0;
    for (size_t piece = 0; workload_name(piece); piece++)
        workload_run(&work, piece);
    EXPECT_EQ(work.refusals, 0);
    for (size_t i = 0; i < 3; i++)
        EXPECT(loam_arena_push(arenas[i], 100000) != NULL);
    loam_arena_destroy(arenas[2]);
    EXPECT(loam_scratch_release());
    (void)loam_vm_trim();
    EXPECT_LE(memory_address_space(), before + 8 * MIB); /* the C library's heap grew */
}

TEST(without_mappings, fast)
{
    size_t limit = mapping_limit();

    need_plain_process();
    if (limit == 0 || limit > 300000)
        TEST_SKIP("the limit of mappings is out of reach");
    test_survives(serve_without_mappings, &limit);
}

/* ---- huge pages switched off for this process ---- */

static void work_without_huge_pages(void *context)
{
    workload work = {.steps = 0};

    (void)context;
    if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0)
        TEST_SKIP("huge pages can't be switched off");
    EXPECT_EQ(loam_vm_huge_page_size(), 0);
    EXPECT(!(loam_vm_capabilities() & LOAM_VM_HUGE_ADVICE));
    for (size_t piece = 0; workload_name(piece); piece++)
        workload_run(&work, piece);
    EXPECT_EQ(work.refusals, 0);
}

TEST(without_huge_pages, fast)
{
    test_survives(work_without_huge_pages, NULL);
}

/* ---- fork ---- */

static void work_in_child(void *context)
{
    loam_arena *arena = (loam_arena *)context;
    loam_arena_mark mark = loam_arena_get_mark(arena);
    workload work = {.steps = 0};

    EXPECT(loam_arena_check(arena, NULL, NULL));
    for (int i = 0; i < 100; i++) {
        void *ptr = loam_arena_push(arena, 5000);

        EXPECT(ptr != NULL);
        workload_fill(ptr, 5000, 77);
    }
    loam_arena_rewind(arena, mark);
    loam_arena_clear(arena);
    loam_arena_destroy(arena);
    EXPECT(loam_vm_trim() > 0);
    for (size_t piece = 0; workload_name(piece); piece++)
        workload_run(&work, piece);
}

/* A child has its parent's arenas as they were, uses them up, and the parent notices nothing. */
TEST(fork_shares_nothing, fast)
{
    loam_arena *arena = loam_arena_create(NULL);
    char *ptr = (char *)loam_arena_push(arena, 300000);

    EXPECT(ptr != NULL);
    workload_fill(ptr, 300000, 5);
    for (int i = 0; i < 3; i++) {
        test_survives(work_in_child, arena);
        workload_expect(ptr, 300000, 5);
        EXPECT(loam_arena_check(arena, NULL, NULL));
        EXPECT(loam_arena_push(arena, 1000) != NULL);
    }
    loam_arena_destroy(arena);
}

typedef struct churn {
    atomic_bool stop;
    size_t forks;
} churn;

/* Threads use everything that has a lock, while the first one forks. The child uses it too, and
 * would wait for ever on a lock that a thread held which it does not have. */
static void churn_or_fork(void *context, size_t index)
{
    churn *c = (churn *)context;
    workload work = {.steps = 0};
    int status;

    for (size_t piece = index; index > 0 && !atomic_load(&c->stop); piece++)
        workload_run(&work, piece % 6); /* those without big arenas */
    for (size_t i = 0; index == 0 && i < c->forks; i++) {
        pid_t child = fork();

        if (child == 0) {
            (void)alarm(60); /* a lock that is never given back shows */
            workload_run(&work, i % 6);
            (void)loam_vm_trim();
            _exit(0);
        }
        EXPECT(child > 0 && waitpid(child, &status, 0) == child);
        EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    atomic_store(&c->stop, true);
}

static void fork_in_churn(size_t forks)
{
    churn c = {.forks = forks};

    if (test_under_tsan())
        TEST_SKIP("ThreadSanitizer forbids threads and forks together");
    test_run_threads(4, churn_or_fork, &c);
}

enum { ALIGNED_BYTES = 64 << 10, KEPT_BYTES = 64 << 10, UNIT_BYTES = 2 << 20 };

/* Reserves what is aligned to more than a page, which maps more and unmaps the edges. */
static bool reserve_aligned(void)
{
    void *ptr = loam_vm_reserve(ALIGNED_BYTES, ALIGNED_BYTES);

    return ptr != NULL && loam_vm_release(ptr, ALIGNED_BYTES);
}

static void reserve_or_fork(void *context, size_t index)
{
    churn *c = (churn *)context;
    int status;

    if (index > 0 || c->forks == 0) {
        for (size_t i = 0; i < 200 || (c->forks > 0 && !atomic_load(&c->stop)); i++)
            EXPECT(reserve_aligned());
        return;
    }
    for (size_t i = 0; i < c->forks; i++) {
        pid_t child = fork();

        if (child == 0)
            _exit(reserve_aligned() && reserve_aligned() ? 0 : 1);
        EXPECT(child > 0 && waitpid(child, &status, 0) == child);
        EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    atomic_store(&c->stop, true);
}

/* However many threads are in the middle of it, nobody is refused what the system would give. */
TEST(many_threads_reserve_at_once, fast)
{
    churn c = {.forks = 0};

    test_run_threads(24, reserve_or_fork, &c);
}

/* Nor is a child that is forked while they are. */
TEST(forks_while_many_threads_reserve, fast)
{
    churn c = {.forks = 30};

    if (test_under_tsan())
        TEST_SKIP("ThreadSanitizer forbids threads and forks together");
    test_run_threads(24, reserve_or_fork, &c);
}

/* A small block that stands where a big one could, among the kept ones. */
static void *take_small_at_unit(void)
{
    loam_allocator vm = loam_vm_allocator();
    void *ptr = loam_alloc(vm, KEPT_BYTES, UNIT_BYTES);

    EXPECT(ptr && ((uintptr_t)ptr & (UNIT_BYTES - 1)) == 0);
    return ptr;
}

static void look_or_fork(void *context, size_t index)
{
    churn *c = (churn *)context;
    int status;

    while (index > 0 && !atomic_load(&c->stop)) {
        loam_stats stats;

        loam_dealloc(loam_vm_allocator(), take_small_at_unit(), KEPT_BYTES, UNIT_BYTES);
        loam_vm_trim_stats(&stats);
        if (index == 1)
            (void)loam_vm_trim();
    }
    for (size_t i = 0; index == 0 && i < c->forks; i++) {
        pid_t child = fork();

        if (child == 0) {
            (void)alarm(30); /* a lock that nobody gives back */
            loam_dealloc(loam_vm_allocator(), take_small_at_unit(), KEPT_BYTES, UNIT_BYTES);
            (void)loam_vm_trim();
            _exit(0);
        }
        EXPECT(child > 0 && waitpid(child, &status, 0) == child);
        EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    if (index == 0)
        atomic_store(&c->stop, true);
}

/* All locks of the page layer are free in a child, also while there is no block yet that grows. */
TEST(forks_beside_small_blocks, fast)
{
    churn c = {.forks = test_bound("LOAM_TEST_FORKS", 1000)};

    if (test_under_tsan())
        TEST_SKIP("ThreadSanitizer forbids threads and forks together");
    test_run_threads(4, look_or_fork, &c);
}

static loam_os_mutex a_layers_lock = LOAM_OS_MUTEX_INIT;

static void lock_layer(void)
{
    loam_os_mutex_lock(&a_layers_lock);
}

static void unlock_layer(void)
{
    loam_os_mutex_unlock(&a_layers_lock);
}

/* Thread 1 is the first to ask the page allocator, with a lock that a fork takes, and thread 0 forks
 * meanwhile. */
static void ask_under_a_lock(void *context, size_t index)
{
    atomic_bool *locked = (atomic_bool *)context;
    int status;
    pid_t child;

    if (index == 1) {
        lock_layer();
        atomic_store(locked, true);
        (void)usleep(100000);
        loam_dealloc(loam_vm_allocator(), loam_alloc(loam_vm_allocator(), 1 << 20, 8), 1 << 20, 8);
        unlock_layer();
        return;
    }
    while (!atomic_load(locked))
        loam_os_yield();
    child = fork();
    if (child == 0)
        _exit(0);
    EXPECT(child > 0 && waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The first use of the page layer may be under the lock of a layer above: nobody waits for ever. */
TEST(fork_beside_a_first_use_under_a_lock, fast)
{
    static const loam_os_fork_hooks hooks = {lock_layer, unlock_layer, unlock_layer};
    atomic_bool locked = false;

    if (test_under_tsan())
        TEST_SKIP("ThreadSanitizer forbids threads and forks together");
    EXPECT(loam_os_on_fork(LOAM_OS_FORK_POOL, &hooks));
    (void)alarm(30);
    test_run_threads(2, ask_under_a_lock, &locked);
}

TEST(fork_in_churn_some, fast)
{
    fork_in_churn(test_bound("LOAM_TEST_FORKS", 100));
}

TEST(fork_in_churn_many, stress)
{
    fork_in_churn(test_bound("LOAM_TEST_FORKS", 10000));
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "nothing") == 0)
        return 0;
    if (argc == 2 && strcmp(argv[1], "small") == 0)
        return be_small();
    return test_main(argc, argv);
}
