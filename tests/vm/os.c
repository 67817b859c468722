/* os.c: internal/os.h, function by function: once, mutexes, thread slots, clocks, chance, fork. */
#if !defined(_WIN32)
#define _POSIX_C_SOURCE 200809L
#endif
#include "support/test.h"

#include "internal/os.h"

#include <stdatomic.h>
#include <string.h>

#if defined(_WIN32)
#include <windows.h>
#else
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#endif

enum { THREADS = 8 };

static void pause_for(unsigned milliseconds)
{
#if defined(_WIN32)
    Sleep(milliseconds);
#else
    struct timespec time = {(time_t)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000};

    while (nanosleep(&time, &time) != 0) {
    }
#endif
}

/* Threads wait for each other, so that they do the next thing at the same time. */
static void meet(atomic_size_t *arrived, size_t count)
{
    atomic_fetch_add(arrived, 1);
    while (atomic_load(arrived) < count) {
    }
}

/* ---- once ---- */

enum { ONCES = 50 };

static loam_os_once onces[ONCES];
static size_t once_runs;   /* not atomic: the tools and the count both tell */
static size_t once_result; /* written slowly by the function */
static atomic_size_t once_arrived[ONCES];

static void run_slowly(void)
{
    size_t mine = ++once_runs;

    pause_for(1);
    once_result = mine * 10;
}

static void run_onces(void *context, size_t index)
{
    (void)context;
    (void)index;
    for (size_t i = 0; i < ONCES; i++) {
        meet(&once_arrived[i], THREADS);
        loam_os_once_run(&onces[i], run_slowly);
        /* Another object's function may run by now, but this one's has ended. */
        EXPECT(once_result >= i * 10);
    }
}

/* Eight threads at once: the function runs once, and none returns before it has ended. */
TEST(once_in_threads, fast)
{
    loam_os_once local = LOAM_OS_ONCE_INIT;

    loam_os_once_run(&local, run_slowly);
    loam_os_once_run(&local, run_slowly);
    EXPECT_EQ(once_runs, 1);
    EXPECT_EQ(once_result, 10);
    once_runs = 0;
    test_run_threads(THREADS, run_onces, NULL);
    EXPECT_EQ(once_runs, ONCES);
}

#if TEST_HAS_FORK

static loam_os_once forked_once = LOAM_OS_ONCE_INIT;
static pid_t first_process;
static atomic_bool once_begun, child_ended;
static size_t runs_here;

static void run_across_fork(void)
{
    runs_here++;
    if (getpid() != first_process)
        return;
    atomic_store(&once_begun, true);
    while (!atomic_load(&child_ended))
        pause_for(1);
}

static void run_or_fork(void *context, size_t index)
{
    pid_t child;
    int status;

    (void)context;
    if (index == 0) {
        loam_os_once_run(&forked_once, run_across_fork);
        return;
    }
    while (!atomic_load(&once_begun))
        pause_for(1);
    child = fork();
    if (child == 0) {
        (void)alarm(30); /* if it does wait, that shows */
        runs_here = 0;
        loam_os_once_run(&forked_once, run_across_fork);
        loam_os_once_run(&forked_once, run_across_fork);
        _exit(runs_here == 1 ? 0 : 1);
    }
    EXPECT(child > 0);
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    atomic_store(&child_ended, true);
}

/* A child that is forked while another thread runs the function does not wait for that thread,
 * which it does not have. */
TEST(once_in_forked_child, fast)
{
    if (test_under_tsan())
        TEST_SKIP("ThreadSanitizer forbids threads and forks together");
    first_process = getpid();
    test_run_threads(2, run_or_fork, NULL);
    EXPECT_EQ(runs_here, 1);
}

#endif

/* ---- mutex ---- */

static loam_os_mutex mutex = LOAM_OS_MUTEX_INIT;
static size_t guarded;
static atomic_size_t try_failures;

static void count_under_lock(void *context, size_t index)
{
    size_t rounds = *(const size_t *)context;

    for (size_t i = 0; i < rounds; i++) {
        if ((i + index) % 4 != 0) {
            loam_os_mutex_lock(&mutex);
        } else {
            while (!loam_os_mutex_trylock(&mutex))
                atomic_fetch_add(&try_failures, 1);
        }
        guarded++;
        if (i % 1024 == 0)
            pause_for(1); /* so that others really wait */
        loam_os_mutex_unlock(&mutex);
    }
}

/* Eight threads on one lock, three quarters by waiting and one by trying: no count is lost. */
TEST(mutex_excludes, fast)
{
    size_t rounds = test_bound("LOAM_TEST_OS_ROUNDS", 20000);

    test_run_threads(THREADS, count_under_lock, &rounds);
    EXPECT_EQ(guarded, THREADS * rounds);
}

static atomic_int stage;

static void hold_or_try(void *context, size_t index)
{
    loam_os_mutex *zeroed = (loam_os_mutex *)context;

    if (index == 0) {
        loam_os_mutex_lock(zeroed);
        atomic_store(&stage, 1);
        while (atomic_load(&stage) != 2)
            pause_for(1);
        loam_os_mutex_unlock(zeroed);
        atomic_store(&stage, 3);
        return;
    }
    while (atomic_load(&stage) != 1)
        pause_for(1);
    EXPECT(!loam_os_mutex_trylock(zeroed));
    atomic_store(&stage, 2);
    while (atomic_load(&stage) != 3)
        pause_for(1);
    EXPECT(loam_os_mutex_trylock(zeroed));
    loam_os_mutex_unlock(zeroed);
}

/* Trying fails while another thread holds the lock, and works afterwards; zero bytes are a lock. */
TEST(mutex_trylock, fast)
{
    loam_os_mutex zeroed;

    memset(&zeroed, 0, sizeof zeroed);
    EXPECT(loam_os_mutex_trylock(&zeroed));
    EXPECT(!loam_os_mutex_trylock(&zeroed));
    loam_os_mutex_unlock(&zeroed);
    test_run_threads(2, hold_or_try, &zeroed);
}

/* ---- thread slots ---- */

typedef struct visitor {
    uintptr_t thread;
    atomic_size_t left; /* how often the callback ran */
    atomic_bool in_own_thread;
} visitor;

static void leave(void *value)
{
    visitor *one = (visitor *)value;

    atomic_store(&one->in_own_thread, one->thread == loam_os_thread_id());
    atomic_fetch_add(&one->left, 1);
}

static loam_os_slot first_slot = LOAM_OS_SLOT_INIT(leave);
static loam_os_slot second_slot = LOAM_OS_SLOT_INIT(leave);

static void enter(void *context, size_t index)
{
    visitor *visitors = (visitor *)context;
    visitor *mine = &visitors[4 * index];

    for (int i = 0; i < 4; i++)
        mine[i].thread = loam_os_thread_id();
    EXPECT(loam_os_slot_set(&first_slot, &mine[0]));
    EXPECT(loam_os_slot_set(&second_slot, &mine[1]));
    EXPECT(loam_os_slot_set(&first_slot, &mine[2])); /* in place of mine[0] */
    if (index % 2 == 0)
        EXPECT(loam_os_slot_set(&second_slot, NULL));
}

/* The callback runs once for each slot with a value, in the thread that ends, before it has ended;
 * a value that was replaced, or made NULL, is forgotten. */
TEST(slot_callbacks, fast)
{
    static visitor visitors[4 * THREADS];

    for (int round = 0; round < 20; round++) {
        memset((void *)visitors, 0, sizeof visitors);
        test_run_threads(THREADS, enter, visitors);
        for (size_t i = 0; i < THREADS; i++) {
            EXPECT_EQ(atomic_load(&visitors[4 * i].left), 0);
            EXPECT_EQ(atomic_load(&visitors[4 * i + 1].left), i % 2);
            EXPECT_EQ(atomic_load(&visitors[4 * i + 2].left), 1);
            EXPECT(atomic_load(&visitors[4 * i + 2].in_own_thread));
            EXPECT_EQ(atomic_load(&visitors[4 * i + 3].left), 0);
        }
    }
}

static atomic_size_t again_calls;
static void come_again(void *value);
static loam_os_slot again_slot = LOAM_OS_SLOT_INIT(come_again);

/* As a callback may find that it still needs the slot. */
static void come_again(void *value)
{
    if (atomic_fetch_add(&again_calls, 1) == 0)
        (void)loam_os_slot_set(&again_slot, value);
}

static void enter_again(void *context, size_t index)
{
    (void)index;
    EXPECT(loam_os_slot_set(&again_slot, context));
}

/* A callback may set its slot, and does not run for ever. */
TEST(slot_set_in_callback, fast)
{
    int something;

    test_run_threads(1, enter_again, &something);
    EXPECT(atomic_load(&again_calls) >= 1 && atomic_load(&again_calls) <= 2);
}

/* ---- processor, time, chance ---- */

static uintptr_t ids[THREADS];
static atomic_size_t ids_arrived;

static void tell_id(void *context, size_t index)
{
    (void)context;
    ids[index] = loam_os_thread_id();
    EXPECT_EQ(loam_os_thread_id(), ids[index]);
    meet(&ids_arrived, THREADS); /* all are alive now */
}

TEST(thread_ids_differ, fast)
{
    test_run_threads(THREADS, tell_id, NULL);
    for (size_t i = 0; i < THREADS; i++) {
        EXPECT(ids[i] != loam_os_thread_id());
        for (size_t j = 0; j < i; j++)
            EXPECT(ids[i] != ids[j]);
    }
}

TEST(processors, fast)
{
    EXPECT(loam_os_cpu_count() >= 1);
    EXPECT_LE(loam_os_cpu_count(), 1 << 16);
    for (int i = 0; i < 1000; i++)
        EXPECT_LE(loam_os_cpu(), 1 << 16);
}

/* Never backwards, and as fast as time. */
TEST(clock_runs, fast)
{
    uint64_t start = loam_os_milliseconds(), last = start;

    for (int i = 0; i < 200000; i++) {
        uint64_t now = loam_os_milliseconds();

        EXPECT_LE(last, now);
        last = now;
    }
    start = loam_os_milliseconds();
    pause_for(100);
    last = loam_os_milliseconds();
    EXPECT_LE(80, last - start);
    EXPECT_LE(last - start, 30000); /* a busy machine */
}

/* All bytes of the buffer and no other are filled, for every size around what systems give at once;
 * and no two draws are alike. */
TEST(entropy, fast)
{
    unsigned char buffer[1100], ones[1100], other[1100];

    for (size_t size = 0; size <= 1024; size += size < 40 ? 1 : 41) {
        memset(ones, 0, sizeof ones);
        for (int draw = 0; draw < 8; draw++) {
            memset(buffer, 0, sizeof buffer);
            if (!loam_os_entropy(buffer, size))
                TEST_SKIP("the system has no entropy");
            for (size_t i = 0; i < sizeof buffer; i++)
                ones[i] |= buffer[i];
        }
        for (size_t i = size; i < sizeof ones; i++)
            EXPECT_EQ(ones[i], 0);
        for (size_t i = 0; i < size; i++)
            EXPECT(ones[i] != 0); /* wrong once in 2^64 */
    }
    EXPECT(loam_os_entropy(buffer, 64) && loam_os_entropy(other, 64));
    EXPECT(memcmp(buffer, other, 64) != 0);
}

/* ---- fork ---- */

#if TEST_HAS_FORK

static char steps[64];
static size_t step_count;

static void step(char what)
{
    steps[step_count++] = what;
    steps[step_count] = '\0';
}

#define HOOKS(rank)                                                                                \
    static void prepare_##rank(void)                                                               \
    {                                                                                              \
        step('0' + rank);                                                                          \
    }                                                                                              \
    static void parent_##rank(void)                                                                \
    {                                                                                              \
        step('a' + rank);                                                                          \
    }                                                                                              \
    static void child_##rank(void)                                                                 \
    {                                                                                              \
        step('A' + rank);                                                                          \
    }                                                                                              \
    static const loam_os_fork_hooks hooks_##rank = {prepare_##rank, parent_##rank, child_##rank};
HOOKS(0)
HOOKS(1)
HOOKS(2)
HOOKS(3)

/* Forks; the child's steps must be these, and then the parent's. */
static void fork_with_steps(const char *parent, const char *child)
{
    pid_t process;
    int status;

    step_count = 0;
    steps[0] = '\0';
    process = fork();
    EXPECT(process >= 0);
    if (process == 0)
        _exit(strcmp(steps, child) == 0 ? 0 : 1);
    EXPECT(waitpid(process, &status, 0) == process);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_STR(steps, parent);
}

/* Hooks run before a fork in the order of their ranks, in whatever order they were registered, and
 * after it the other way round, in the parent and in the child. */
TEST(fork_hooks_in_order, fast)
{
    EXPECT_EQ(LOAM_OS_FORK_RANKS, 7);
    fork_with_steps("", "");
    EXPECT(loam_os_on_fork(LOAM_OS_FORK_REGION, &hooks_2));
    fork_with_steps("2c", "2C");
    EXPECT(loam_os_on_fork(LOAM_OS_FORK_POOL, &hooks_0));
    EXPECT(loam_os_on_fork(LOAM_OS_FORK_VM_CACHE, &hooks_3));
    fork_with_steps("023dca", "023DCA");
    EXPECT(loam_os_on_fork(LOAM_OS_FORK_SPAN, &hooks_1));
    fork_with_steps("0123dcba", "0123DCBA");
    fork_with_steps("0123dcba", "0123DCBA");
}

static void prepare_late(void)
{
    step('L');
    (void)loam_os_on_fork(LOAM_OS_FORK_POOL, &hooks_0);
}

/* Hooks that come while a fork is under way were not prepared, and are not ended by it. */
TEST(fork_hooks_come_late, fast)
{
    static const loam_os_fork_hooks late = {prepare_late, parent_3, child_3};

    EXPECT(loam_os_on_fork(LOAM_OS_FORK_VM_CACHE, &late));
    fork_with_steps("Ld", "LD");
    fork_with_steps("0Lda", "0LDA");
}

static loam_os_mutex fork_mutex = LOAM_OS_MUTEX_INIT;
static atomic_bool stop_churning;
static size_t forks;

static void lock_for_fork(void)
{
    loam_os_mutex_lock(&fork_mutex);
}

static void unlock_after_fork(void)
{
    loam_os_mutex_unlock(&fork_mutex);
}

static void churn_or_fork(void *context, size_t index)
{
    int status;

    (void)context;
    while (index > 0 && !atomic_load(&stop_churning)) {
        loam_os_mutex_lock(&fork_mutex);
        loam_os_mutex_unlock(&fork_mutex);
    }
    for (size_t i = 0; index == 0 && i < forks; i++) {
        pid_t child = fork();

        if (child == 0) {
            (void)alarm(30);
            loam_os_mutex_lock(&fork_mutex); /* waits for ever if a lost thread holds it */
            loam_os_mutex_unlock(&fork_mutex);
            _exit(0);
        }
        EXPECT(child > 0 && waitpid(child, &status, 0) == child);
        EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    atomic_store(&stop_churning, true);
}

/* A lock that the hooks take is free in every child, however busy it was in the parent. */
TEST(fork_under_contention, fast)
{
    static const loam_os_fork_hooks hooks = {lock_for_fork, unlock_after_fork, unlock_after_fork};

    if (test_under_tsan())
        TEST_SKIP("ThreadSanitizer forbids threads and forks together");
    forks = test_bound("LOAM_TEST_OS_FORKS", 200);
    EXPECT(loam_os_on_fork(LOAM_OS_FORK_SPAN, &hooks));
    test_run_threads(4, churn_or_fork, NULL);
}

#endif

/* Hooks are taken everywhere, and never called where there is no fork. */
TEST(fork_hooks_are_taken, fast)
{
    static const loam_os_fork_hooks hooks = {NULL, NULL, NULL};

    EXPECT(loam_os_on_fork(LOAM_OS_FORK_SPAN, &hooks));
}

TEST_MAIN
