/* os_posix.c: threads, clocks and the processor on POSIX systems; futexes and cheap clocks where
 * the system is Linux. */
#define _GNU_SOURCE
#include "internal/os.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#if defined(__has_include)
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define LOAM_HAS_SINGLE_THREADED
#endif
#endif

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#endif
#if defined(__linux__) || defined(__APPLE__)
#include <sys/random.h> /* getentropy; the BSDs have it in unistd.h */
#endif

#if defined(__linux__) && !defined(SYS_futex)
#define SYS_futex SYS_futex_time64 /* the same where no time is given */
#endif

/* ---- waiting on a word ---- */

static void wait_while(uint32_t *word, uint32_t value)
{
#if defined(__linux__)
    int saved = errno;

    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
    errno = saved;
#else
    (void)word;
    (void)value;
    (void)sched_yield();
#endif
}

static void wake(uint32_t *word, int how_many)
{
#if defined(__linux__)
    int saved = errno;

    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, how_many, NULL, NULL, 0);
    errno = saved;
#else
    (void)word;
    (void)how_many;
#endif
}

/* ---- once ---- */

enum { ONCE_NEW, ONCE_RUNNING, ONCE_DONE, ONCE_BITS = 2 };

/* The state of one that runs also tells in which process: a child that was forked meanwhile has
 * nobody to wait for, and runs the function itself. */
static uint32_t running_here(void)
{
    return (uint32_t)getpid() << ONCE_BITS | ONCE_RUNNING;
}

static bool once_claim(loam_os_once *once, uint32_t seen)
{
    return __atomic_compare_exchange_n(&once->state, &seen, running_here(), false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static LOAM_COLD void once_slow(loam_os_once *once, void (*function)(void))
{
    uint32_t seen;

    while ((seen = __atomic_load_n(&once->state, __ATOMIC_ACQUIRE)) != ONCE_DONE) {
        if (seen == running_here()) {
            wait_while(&once->state, seen);
        } else if (once_claim(once, seen)) {
            function();
            __atomic_store_n(&once->state, ONCE_DONE, __ATOMIC_RELEASE);
            wake(&once->state, INT32_MAX);
        }
    }
}

void loam_os_once_run(loam_os_once *once, void (*function)(void))
{
    if (LOAM_UNLIKELY(__atomic_load_n(&once->state, __ATOMIC_ACQUIRE) != ONCE_DONE))
        once_slow(once, function);
}

/* ---- mutex ---- */

enum { FREE, HELD, CONTENDED };

/* Whether there is one thread only, as the C library knows: then no instruction need be atomic. A
 * lock that it holds when it makes a second thread is seen by that one as held. */
static bool is_alone(void)
{
#if defined(LOAM_HAS_SINGLE_THREADED)
    return __libc_single_threaded != 0;
#else
    return false;
#endif
}

static bool trylock_alone(loam_os_mutex *mutex)
{
    if (__atomic_load_n(&mutex->word, __ATOMIC_RELAXED) != FREE)
        return false;
    __atomic_store_n(&mutex->word, HELD, __ATOMIC_RELAXED);
    return true;
}

bool loam_os_mutex_trylock(loam_os_mutex *mutex)
{
    uint32_t expected = FREE;

    if (is_alone())
        return trylock_alone(mutex);
    return __atomic_compare_exchange_n(&mutex->word, &expected, HELD, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

void loam_os_mutex_lock(loam_os_mutex *mutex)
{
    if (LOAM_LIKELY(loam_os_mutex_trylock(mutex)))
        return;
    while (__atomic_exchange_n(&mutex->word, CONTENDED, __ATOMIC_ACQUIRE) != FREE)
        wait_while(&mutex->word, CONTENDED);
}

void loam_os_mutex_unlock(loam_os_mutex *mutex)
{
    if (is_alone())
        __atomic_store_n(&mutex->word, FREE, __ATOMIC_RELEASE);
    else if (__atomic_exchange_n(&mutex->word, FREE, __ATOMIC_RELEASE) == CONTENDED)
        wake(&mutex->word, 1);
}

/* ---- thread slot ---- */

/* The key is made at the first use of the slot by any thread. There is no lock, which a fork could
 * find held: of threads that make one at the same instant, all but the first take theirs back. */
static bool slot_open(loam_os_slot *slot)
{
    uintptr_t none = 0;
    pthread_key_t key;

    if (pthread_key_create(&key, slot->on_exit) != 0)
        return __atomic_load_n(&slot->key, __ATOMIC_ACQUIRE) != 0;
    if (!__atomic_compare_exchange_n(&slot->key, &none, (uintptr_t)key + 1, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        (void)pthread_key_delete(key);
    return true;
}

bool loam_os_slot_set(loam_os_slot *slot, void *value)
{
    uintptr_t key = __atomic_load_n(&slot->key, __ATOMIC_ACQUIRE);

    if (key == 0) {
        if (!slot_open(slot))
            return false;
        key = __atomic_load_n(&slot->key, __ATOMIC_ACQUIRE);
    }
    return pthread_setspecific((pthread_key_t)(key - 1), value) == 0;
}

/* ---- processor, time, chance ---- */

unsigned loam_os_cpu(void)
{
#if defined(__linux__)
    int cpu = sched_getcpu();

    return cpu < 0 ? 0 : (unsigned)cpu;
#else
    return 0;
#endif
}

unsigned loam_os_cpu_count(void)
{
#if defined(__linux__)
    cpu_set_t allowed;

    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        return (unsigned)CPU_COUNT(&allowed);
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);

    return online < 1 ? 1 : (unsigned)online;
}

uint64_t loam_os_milliseconds(void)
{
    struct timespec now;

#if defined(__linux__)
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
#else
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
#endif
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool loam_os_entropy(void *buffer, size_t size)
{
    enum { CHUNK = 256 }; /* the most that getentropy gives at once */
    char *at = (char *)buffer;
    int saved = errno;

    while (size > 0) {
        size_t part = size < CHUNK ? size : CHUNK;

        if (getentropy(at, part) != 0)
            break;
        at += part;
        size -= part;
    }
    errno = saved;
    return size == 0;
}

uintptr_t loam_os_thread_id(void)
{
    static _Thread_local char mine;

    return (uintptr_t)&mine;
}

void loam_os_yield(void)
{
    (void)sched_yield();
}

/* ---- output ---- */

enum { WRITE_LIMIT = 1 << 30 }; /* bytes in one call; some systems refuse more than INT_MAX */

#if defined(IOV_MAX)
_Static_assert((int)LOAM_OS_PIECES <= IOV_MAX, "one call gathers that many pieces");
#endif

/* Turns pieces into what the system takes, up to WRITE_LIMIT bytes. Returns how many it became. */
static int gather(const loam_os_piece *pieces, size_t count, struct iovec *vectors)
{
    size_t left = WRITE_LIMIT;
    int gathered = 0;

    for (size_t i = 0; i < count && i < LOAM_OS_PIECES && left > 0; i++) {
        size_t size = pieces[i].size < left ? pieces[i].size : left;

        if (size == 0)
            continue;
        vectors[gathered].iov_base = (void *)(uintptr_t)pieces[i].bytes;
        vectors[gathered].iov_len = size;
        gathered++;
        left -= size;
    }
    return gathered;
}

bool loam_os_write(int descriptor, const loam_os_piece *pieces, size_t count, size_t *written)
{
    struct iovec vectors[LOAM_OS_PIECES];
    int gathered = gather(pieces, count, vectors);
    int saved = errno;
    ssize_t went;

    *written = 0;
    if (gathered == 0)
        return true;
    do
        went = writev(descriptor, vectors, gathered);
    while (went < 0 && errno == EINTR);
    if (went <= 0) {
        if (went == 0)
            errno = EIO;
        return false;
    }
    errno = saved;
    *written = (size_t)went;
    return true;
}

/* ---- fork ---- */

/* Held from before a fork until after it, so that no hooks come meanwhile: a lock that is in use by
 * the time of the fork had its hooks called. */
static loam_os_mutex hooks_lock = LOAM_OS_MUTEX_INIT;

static const loam_os_fork_hooks *fork_hooks[LOAM_OS_FORK_RANKS];
static loam_os_once fork_once = LOAM_OS_ONCE_INIT;
static uint32_t fork_registered;

/* What this thread's fork has prepared: hooks of its own may come meanwhile and must not be ended. */
static _Thread_local const loam_os_fork_hooks *prepared[LOAM_OS_FORK_RANKS];
static _Thread_local bool forking;

static void before_fork(void)
{
    loam_os_mutex_lock(&hooks_lock);
    forking = true;
    for (size_t rank = 0; rank < LOAM_OS_FORK_RANKS; rank++) {
        prepared[rank] = fork_hooks[rank];
        if (prepared[rank])
            prepared[rank]->prepare();
    }
}

static void end_fork(void)
{
    forking = false;
    loam_os_mutex_unlock(&hooks_lock);
}

static void after_in_parent(void)
{
    for (size_t rank = LOAM_OS_FORK_RANKS; rank-- > 0;) {
        if (prepared[rank])
            prepared[rank]->parent();
    }
    end_fork();
}

static void after_in_child(void)
{
    for (size_t rank = LOAM_OS_FORK_RANKS; rank-- > 0;) {
        if (prepared[rank])
            prepared[rank]->child();
    }
    end_fork();
}

static void register_fork(void)
{
    fork_registered = pthread_atfork(before_fork, after_in_parent, after_in_child) == 0;
}

/* Before there are threads, so that no fork is under way that does not know of it. */
__attribute__((constructor)) static void register_early(void)
{
    loam_os_once_run(&fork_once, register_fork);
}

bool loam_os_on_fork(loam_os_fork_rank rank, const loam_os_fork_hooks *hooks)
{
    loam_os_once_run(&fork_once, register_fork);
    if (!fork_registered)
        return false;
    if (forking) {
        fork_hooks[rank] = hooks;
        return true;
    }
    loam_os_mutex_lock(&hooks_lock);
    fork_hooks[rank] = hooks;
    loam_os_mutex_unlock(&hooks_lock);
    return true;
}
