/* os.h: threads, clocks and the processor, one implementation per system.
 *
 * The only place in loam that knows them; os_posix.c and os_windows.c implement it. Nothing here
 * calls malloc, because a drop-in malloc stands on it.
 */
#ifndef LOAM_INTERNAL_OS_H
#define LOAM_INTERNAL_OS_H

#include <loam/base.h>

/* ---- once ---- */

typedef struct loam_os_once {
    uint32_t state; /* 0: not begun, 2: done, else: running; touched atomically */
} loam_os_once;

#define LOAM_OS_ONCE_INIT                                                                          \
    {                                                                                              \
        0                                                                                          \
    }

/* Runs `function` exactly once per object; every caller returns after it has run. If a thread that
 * is not in a forked child was at it when that was forked, the child begins again. */
void loam_os_once_run(loam_os_once *once, void (*function)(void));

/* ---- mutex: not recursive, usable when zeroed, needs no end ---- */

typedef union loam_os_mutex {
    uint32_t word; /* 0 free, 1 held, 2 held with waiters */
    void *srw;     /* the same place, where the system has a lock of its own */
} loam_os_mutex;

#define LOAM_OS_MUTEX_INIT                                                                         \
    {                                                                                              \
        0                                                                                          \
    }

void loam_os_mutex_lock(loam_os_mutex *mutex);
bool loam_os_mutex_trylock(loam_os_mutex *mutex);
void loam_os_mutex_unlock(loam_os_mutex *mutex);

/* ---- thread slot: one pointer per thread, with a callback when the thread ends ---- */

typedef struct loam_os_slot {
    loam_os_once once;
    uint32_t usable; /* whether the system gave a key; where that does not tell */
    uintptr_t key;
    void (*on_exit)(void *value);
} loam_os_slot;

/* A static slot; `callback` runs on a thread that ends with a value that is not NULL. */
#define LOAM_OS_SLOT_INIT(callback)                                                                \
    {                                                                                              \
        LOAM_OS_ONCE_INIT, 0, 0, (callback)                                                        \
    }

/* False iff the system refused the slot; then the callback does not run for this thread. The value
 * is for the callback only: a _Thread_local variable is the quick way to it. */
bool loam_os_slot_set(loam_os_slot *slot, void *value);

/* ---- processor, time, chance ---- */

/* The processor that this thread runs on, now; a hint. 0 where the system does not tell. */
unsigned loam_os_cpu(void);

/* How many processors the system has; at least 1. */
unsigned loam_os_cpu_count(void);

/* Milliseconds since some point, monotone, coarse (a few milliseconds) and cheap (some ns). */
uint64_t loam_os_milliseconds(void);

/* Fills a buffer with unpredictable bytes. False iff the system has none. */
bool loam_os_entropy(void *buffer, size_t size);

/* A number that no other live thread has; cheap. */
uintptr_t loam_os_thread_id(void);

/* Lets other threads run, if any wait to. */
void loam_os_yield(void);

/* ---- output ---- */

enum { LOAM_OS_PIECES = 64 }; /* the most that one call gathers */

typedef struct loam_os_piece {
    const void *bytes;
    size_t size;
} loam_os_piece;

/* Writes up to LOAM_OS_PIECES pieces, in order and by one system call where there is a way, to a
 * descriptor. Pieces of no bytes are skipped; a call that was interrupted before a byte went is made
 * again. `*written` becomes how many bytes went, which may be fewer than there are, but is 0 only if
 * there are none. False iff none went: errno says why, EIO if the system does not. Else errno is
 * left alone. */
bool loam_os_write(int descriptor, const loam_os_piece *pieces, size_t count, size_t *written);

/* ---- fork ---- */

/* Runs a function of the file before there are threads, where the system can fork: for hooks of locks
 * that may first be taken under another lock that a fork takes. An archive brings it along with the
 * object that it stands in. */
#if defined(_WIN32)
#define LOAM_OS_BEFORE_THREADS(function)
#else
#define LOAM_OS_BEFORE_THREADS(function)                                                           \
    __attribute__((constructor)) static void function##_early(void)                                \
    {                                                                                              \
        function();                                                                                \
    }
#endif

/* What to do around a fork: `prepare` before, `parent` and `child` after it. */
typedef struct loam_os_fork_hooks {
    void (*prepare)(void);
    void (*parent)(void);
    void (*child)(void);
} loam_os_fork_hooks;

/* Locks are taken before a fork in ascending order of rank and given back in descending order. */
typedef enum loam_os_fork_rank {
    LOAM_OS_FORK_SCRATCH,
    LOAM_OS_FORK_POOL,
    LOAM_OS_FORK_HEAP,
    LOAM_OS_FORK_SPAN,
    LOAM_OS_FORK_REGION,
    LOAM_OS_FORK_VM_AHEAD,
    LOAM_OS_FORK_VM_CACHE,
    LOAM_OS_FORK_RANKS
} loam_os_fork_rank;

/* Registers hooks for a rank, once; `hooks` is static. False iff the system refused. It waits for a
 * fork that is under way: so a lock that is taken only after this has returned is never found held
 * by a child. Not to be called with a lock that a fork takes. A system without fork does nothing and
 * returns true. */
bool loam_os_on_fork(loam_os_fork_rank rank, const loam_os_fork_hooks *hooks);

#endif
