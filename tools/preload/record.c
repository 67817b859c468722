/* record.c: the preload library of `loam record`: hands every request on to the malloc behind it and
 * notes it in a log (log.h).
 *
 *   P1  a request is noted after it was met, a block that is given before it is: so the sequence
 *       numbers of an address alternate between the two, whichever threads they are of
 *   P2  a thread writes to a chunk of its own; nothing is shared on the fast path but the sequence
 *   P3  no descriptor stays open, because programs close those that they do not know
 *   P4  `control` reads zero in a forked child, whatever call made it; so a child never writes to the
 *       log of its parent
 *   P5  errno is as the malloc behind left it, and nothing here asks a malloc for memory
 *
 * Prints nothing and ends nothing: where the log cannot be written, the program runs on and calls are
 * counted as lost.
 */
#define _GNU_SOURCE
#include "log.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define COLD   __attribute__((noinline, cold))

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

/* ---- the malloc behind ---- */

static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
    void *(*aligned_alloc)(size_t, size_t);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*memalign)(size_t, size_t);
    void *(*valloc)(size_t);
    void *(*pvalloc)(size_t);
} behind;

static atomic_bool resolved;

/* What is asked for while the names are looked up, by the very one who looks: never given back. */
static struct {
    _Alignas(16) unsigned char bytes[1 << 16];
    size_t used;
} early;

static bool is_early(const void *ptr)
{
    return (const unsigned char *)ptr >= early.bytes &&
           (const unsigned char *)ptr < early.bytes + sizeof early.bytes;
}

static void *take_early(size_t size, size_t align)
{
    size_t at = (early.used + align + 15) & ~(align - 1) & ~(size_t)15;

    if (align > 4096 || at > sizeof early.bytes || sizeof early.bytes - at < size) {
        errno = ENOMEM;
        return NULL;
    }
    early.used = at + size;
    memcpy(early.bytes + at - sizeof size, &size, sizeof size);
    return early.bytes + at;
}

static size_t early_size(const void *ptr)
{
    size_t size;

    memcpy(&size, (const unsigned char *)ptr - sizeof size, sizeof size);
    return size;
}

/* Of each thread. */
typedef struct own {
    log_event *next, *end; /* where it writes; equal: nowhere */
    uint64_t life;         /* of the process that `next` is of */
    uint32_t number;       /* of the thread, from 1 */
    bool busy;             /* the library is at work in this thread */
} own;

static __thread own mine __attribute__((tls_model("initial-exec")));

/* Whether the malloc behind can be called. False only within the look-up. */
COLD static bool resolve(void)
{
    void *found[9];
    static const char *const names[] = {"malloc",   "calloc",        "realloc",
                                        "free",     "aligned_alloc", "posix_memalign",
                                        "memalign", "valloc",        "pvalloc"};

    if (mine.busy && !atomic_load_explicit(&resolved, memory_order_acquire))
        return false;
    mine.busy = true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        found[i] = dlsym(RTLD_NEXT, names[i]);
    memcpy(&behind, found, sizeof found);
    atomic_store_explicit(&resolved, true, memory_order_release);
    mine.busy = false;
    return true;
}

static inline bool ready(void)
{
    return __builtin_expect(atomic_load_explicit(&resolved, memory_order_acquire), 1) || resolve();
}

/* ---- the log ---- */

static struct {
    uint64_t life; /* of the process; never 0 while it is noted (P4) */
} * control;

static atomic_uint_fast64_t sequence;
static atomic_uint_fast64_t lost; /* while there is no head */
static log_head *head;            /* of the file; mapped as long as the process lives */
static char path[4096];
static uint64_t limit; /* bytes of the file */
static uint64_t lives;
static atomic_uint chunks, threads;
static atomic_bool stopped, locked;
static bool follow_children;
static pthread_key_t key;
static bool key_made;

/* Chunks of threads that ended; each holds where it goes on in its last event, and is linked there. */
typedef struct spare {
    struct spare *older;
    log_event *next, *end;
} spare;

static spare *spares;

static void lock(void)
{
    while (atomic_exchange_explicit(&locked, true, memory_order_acquire))
        sched_yield();
}

static void unlock(void)
{
    atomic_store_explicit(&locked, false, memory_order_release);
}

static uint64_t now(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Maps a part of the file for writing, and makes sure that the disk has room for it. */
static void *map_part(uint64_t at, size_t size)
{
    int file = open(path, O_RDWR | O_CLOEXEC);
    void *mapped = MAP_FAILED;

    if (file < 0)
        return NULL;
    if (fallocate(file, 0, (off_t)at, (off_t)size) == 0 ||
        (errno == EOPNOTSUPP && pwrite(file, "", 1, (off_t)(at + size - 1)) == 1))
        mapped =
            mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, (off_t)at);
    close(file);
    return mapped == MAP_FAILED ? NULL : mapped;
}

static void *stop(uint64_t reason)
{
    if (head && head->limit_reached == 0)
        head->limit_reached = reason;
    atomic_store(&stopped, true);
    return NULL;
}

static void put(own *t, unsigned op, unsigned align_log2, uint64_t address, uint64_t size)
{
    log_event *event = t->next++;
    uint64_t number = atomic_fetch_add_explicit(&sequence, 1, memory_order_relaxed);

    event->address = address;
    event->size = size;
    event->ticks = log_ticks();
    __atomic_store_n(&event->word, number << 16 | align_log2 << 8 | op, __ATOMIC_RELEASE);
}

/* ---- start ---- */

static uint64_t number_of(const char *text)
{
    uint64_t number = 0;

    while (text && *text >= '0' && *text <= '9')
        number = number * 10 + (uint64_t)(*text++ - '0');
    return number;
}

static char *append_number(char *to, uint64_t number)
{
    char digits[24];
    size_t count = 0;

    do
        digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    while (count > 0)
        *to++ = digits[--count];
    return to;
}

/* A new file in the folder: `process-image.log`. */
static bool make_file(const char *folder)
{
    size_t length = strlen(folder);
    uint64_t image = 0;
    int file;

    if (length == 0 || length > sizeof path - 64)
        return false;
    memcpy(path, folder, length);
    do {
        char *at = path + length;

        *at++ = '/';
        at = append_number(at, (uint64_t)getpid());
        *at++ = '-';
        at = append_number(at, image++);
        memcpy(at, ".log", 5);
        file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    } while (file < 0 && errno == EEXIST && image < 10000);
    if (file < 0)
        return false;
    close(file);
    return true;
}

static void fill_head(void)
{
    int words = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);

    if (words >= 0) {
        if (read(words, head->words, LOG_WORDS - 1) < 0)
            head->words[0] = 0;
        close(words);
    }
    head->event = sizeof(log_event);
    head->chunk = LOG_CHUNK;
    head->process = (uint64_t)getpid();
    head->start = now(CLOCK_REALTIME);
    head->clock = now(CLOCK_MONOTONIC);
    head->ticks = log_ticks();
    head->lost = atomic_load(&lost);
    memcpy(head->magic, LOG_MAGIC, sizeof head->magic);
}

static void thread_ends(void *unused);

/* Begins the log of this process. Only one thread does; for all others there is none yet. */
static bool start(void)
{
    const char *folder = getenv("LOAM_RECORD_DIR");
    uint64_t process = number_of(getenv("LOAM_RECORD_PID"));

    follow_children = process == 0;
    limit = number_of(getenv("LOAM_RECORD_LIMIT"));
    if (!folder || (!follow_children && process != (uint64_t)getpid()) || !make_file(folder))
        return false;
    head = map_part(0, LOG_HEAD);
    if (!head)
        return false;
    fill_head();
    if (!key_made)
        key_made = pthread_key_create(&key, thread_ends) == 0;
    if (!control) {
        void *page =
            mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (page == MAP_FAILED)
            return false;
        (void)madvise(page, 1 << 16, MADV_WIPEONFORK);
        control = page;
    }
    control->life = ++lives;
    return true;
}

/* In a child of a fork: forgets what is its parent's. The child has one thread. */
static void forget(void)
{
    if (head)
        munmap(head, LOG_HEAD);
    head = NULL;
    spares = NULL;
    atomic_store(&locked, false);
    atomic_store(&chunks, 0);
    atomic_store(&threads, 0);
    atomic_store(&sequence, 0);
    atomic_store(&lost, 0);
    if (!follow_children)
        stop(0);
}

/* Has a log, or stops. Called with the lock. */
static bool have_log(void)
{
    if (control && control->life != 0)
        return true;
    if (!environ) /* too early to know */
        return false;
    if (control)
        forget();
    if (atomic_load(&stopped))
        return false;
    if (start())
        return true;
    stop(2);
    return false;
}

/* ---- chunks ---- */

/* The place in a chunk where it is linked while nobody uses it: unused words of its last event, which
 * is never filled. */
static spare *spare_of(const own *t)
{
    return (spare *)(void *)&t->end->address;
}

_Static_assert(sizeof(spare) <= sizeof(log_event) - sizeof(uint64_t), "a spare fits an event");

static bool reuse_chunk(own *t)
{
    spare *s;

    lock();
    s = spares;
    if (s)
        spares = s->older;
    unlock();
    if (!s)
        return false;
    t->next = s->next;
    t->end = s->end;
    return true;
}

static bool new_chunk(own *t)
{
    uint64_t number = atomic_fetch_add(&chunks, 1);
    uint64_t at = LOG_HEAD + number * LOG_CHUNK;
    log_event *first;

    if (limit != 0 && at + LOG_CHUNK > limit)
        return stop(1) != NULL;
    first = map_part(at, LOG_CHUNK);
    if (!first)
        return stop(2) != NULL;
    t->next = first;
    t->end = first + LOG_EVENTS - 1;
    return true;
}

static void introduce(own *t)
{
    char name[16] = "";
    uint64_t words[2];

    put(t, LOG_THREAD, 0, t->number, (uint64_t)syscall(SYS_gettid));
    if (prctl(PR_GET_NAME, name) == 0 && t->end - t->next > 2) {
        memcpy(words, name, sizeof words);
        put(t, LOG_NAME, 0, words[0], words[1]);
    }
}

/* Gives this thread room for an event. */
static bool make_room(own *t)
{
    bool first = t->life != control->life;

    if (!first && t->end)
        munmap(t->end - (LOG_EVENTS - 1), LOG_CHUNK);
    t->next = t->end = NULL;
    if (first) {
        t->life = control->life;
        t->number = atomic_fetch_add(&threads, 1) + 1;
    }
    /* A spare chunk may have room for a few events only. */
    while (reuse_chunk(t)) {
        if (t->end - t->next > 8)
            break;
        munmap(t->end - (LOG_EVENTS - 1), LOG_CHUNK);
        t->next = t->end = NULL;
    }
    if (!t->end && !new_chunk(t))
        return false;
    introduce(t);
    if (first && key_made)
        pthread_setspecific(key, t);
    return true;
}

static void thread_ends(void *pointer)
{
    own *t = pointer;

    if (t->life != (control ? control->life : 0) || !t->end)
        return;
    spare_of(t)->next = t->next;
    spare_of(t)->end = t->end;
    lock();
    spare_of(t)->older = spares;
    spares = spare_of(t);
    unlock();
    t->next = t->end = NULL;
    t->life = 0; /* calls that come still are those of another thread */
}

/* ---- notes ---- */

static void lose(void)
{
    if (head && control && control->life != 0)
        (void)__atomic_add_fetch(&head->lost, 1, __ATOMIC_RELAXED);
    else if (!atomic_load_explicit(&stopped, memory_order_relaxed))
        atomic_fetch_add(&lost, 1);
}

COLD static bool find_room(own *t)
{
    int error = errno;
    bool good;

    if (t->busy)
        return false;
    t->busy = true;
    lock();
    good = have_log();
    unlock();
    good = good && !atomic_load(&stopped) && make_room(t);
    t->busy = false;
    errno = error;
    return good;
}

static inline void note(unsigned op, unsigned align_log2, const void *block, size_t size)
{
    own *t = &mine;

    if (__builtin_expect(!control || t->life != control->life || t->next == t->end, 0) &&
        (atomic_load_explicit(&stopped, memory_order_relaxed) || !find_room(t))) {
        if (!t->busy)
            lose();
        return;
    }
    if (!t->busy)
        put(t, op, align_log2, (uint64_t)(uintptr_t)block, size);
}

static inline void *met(unsigned op, unsigned align_log2, void *block, size_t size)
{
    if (block)
        note(op, align_log2, block, size);
    return block;
}

static unsigned log2_of(size_t align)
{
    return align == 0 ? 0 : (unsigned)(sizeof(long) * 8 - 1) - (unsigned)__builtin_clzl(align);
}

/* ---- what programs call ---- */

EXPORT void *malloc(size_t size)
{
    if (!ready())
        return take_early(size, 16);
    return met(LOG_ALLOC, 0, behind.malloc(size), size);
}

EXPORT void *calloc(size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    if (!ready())
        return take_early(bytes, 16); /* which is zero */
    return met(LOG_ALLOC_ZEROED, 0, behind.calloc(count, size), bytes);
}

EXPORT void free(void *block)
{
    if (!block || is_early(block) || !ready())
        return;
    note(LOG_FREE, 0, block, 0);
    behind.free(block);
}

static void *move_early(const void *block, size_t size)
{
    size_t old = early_size(block);
    void *moved = malloc(size);

    return moved ? memcpy(moved, block, old < size ? old : size) : NULL;
}

EXPORT void *realloc(void *block, size_t size)
{
    void *moved;

    if (!block)
        return malloc(size);
    if (is_early(block))
        return move_early(block, size);
    if (!ready())
        return NULL;
    note(LOG_RESIZE_BEGIN, 0, block, size);
    moved = behind.realloc(block, size);
    note(LOG_RESIZE_END, 0, moved, size);
    return moved;
}

EXPORT void *reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(block, bytes);
}

EXPORT void *aligned_alloc(size_t align, size_t size)
{
    if (!ready())
        return take_early(size, align);
    return met(LOG_ALLOC_ALIGNED, log2_of(align), behind.aligned_alloc(align, size), size);
}

EXPORT void *memalign(size_t align, size_t size)
{
    if (!ready())
        return take_early(size, align);
    return met(LOG_ALLOC_ALIGNED, log2_of(align), behind.memalign(align, size), size);
}

EXPORT int posix_memalign(void **block, size_t align, size_t size)
{
    int result;

    if (!ready()) {
        *block = take_early(size, align);
        return *block ? 0 : ENOMEM;
    }
    result = behind.posix_memalign(block, align, size);
    if (result == 0)
        (void)met(LOG_ALLOC_ALIGNED, log2_of(align), *block, size);
    return result;
}

static size_t page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

EXPORT void *valloc(size_t size)
{
    if (!ready())
        return take_early(size, page());
    return met(LOG_ALLOC_ALIGNED, log2_of(page()), behind.valloc(size), size);
}

EXPORT void *pvalloc(size_t size)
{
    size_t whole = (size + page() - 1) & ~(page() - 1);

    if (!ready())
        return take_early(whole, page());
    return met(LOG_ALLOC_ALIGNED, log2_of(page()), behind.pvalloc(size),
               whole < size ? size : whole);
}
