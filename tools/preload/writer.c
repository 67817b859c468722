/* writer.c: the log of the preload library: its file, its chunks, and who writes where. */
#define _GNU_SOURCE
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

/* ---- the log ---- */

__thread writer writer_mine __attribute__((tls_model("initial-exec")));

static writer_control_page no_page; /* of a process that has no log yet */
writer_control_page *writer_control = &no_page;
uint64_t writer_sequence, writer_began;

static atomic_uint_fast64_t lost; /* while there is no head */
static log_head *head;            /* of the file; mapped as long as the process lives */
static char path[4096];
static uint64_t limit; /* bytes of the file */
static uint64_t lives;
static atomic_uint chunks, threads;
static atomic_bool stopped;
static bool follow_children;
static pthread_key_t key;
static bool key_made;

/* Chunks of threads that ended; each holds where it goes on in its reserved events, and is linked there. */
typedef struct spare {
    struct spare *older;
    log_event *next;
    uint64_t left;
} spare;

static spare *spares;

static void lock(void)
{
    while (__atomic_exchange_n(&writer_control->locked, 1, __ATOMIC_ACQUIRE) != 0)
        sched_yield();
}

static void unlock(void)
{
    __atomic_store_n(&writer_control->locked, 0, __ATOMIC_RELEASE);
}

/* While a thread is at work here no signal comes: a handler may ask for memory, and interrupts calls of
 * the system. */
static sigset_t hold_signals(void)
{
    sigset_t all, before;

    sigfillset(&all);
    sigemptyset(&before);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    return before;
}

static void release_signals(sigset_t before)
{
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static uint64_t now(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Whether this process may write files of so many bytes; a signal would end it if it tried. */
static bool may_have(uint64_t size)
{
    struct rlimit most;

    return getrlimit(RLIMIT_FSIZE, &most) != 0 || most.rlim_cur == RLIM_INFINITY ||
           size <= most.rlim_cur;
}

/* What fallocate() does, for file systems that know none: a hole could not be filled when the disk is full,
 * and a signal would tell the program. */
static bool fill_with_zeros(int file, uint64_t at, uint64_t end)
{
    static const char zeros[LOG_HEAD];

    while (at < end) {
        ssize_t done = pwrite(
            file, zeros, end - at < sizeof zeros ? (size_t)(end - at) : sizeof zeros, (off_t)at);

        if (done <= 0)
            return false;
        at += (uint64_t)done;
    }
    return true;
}

/* Maps a part of the file for writing, and makes sure that the disk has room for it. */
static void *map_part(uint64_t at, size_t size)
{
    int file = may_have(at + size) ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *mapped = MAP_FAILED;

    if (file < 0)
        return NULL;
    if (fallocate(file, 0, (off_t)at, (off_t)size) == 0 ||
        ((errno == EOPNOTSUPP || errno == ENOSYS) && fill_with_zeros(file, at, at + size)))
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

/* ---- start ---- */

/* What the kernel does where it can, in a child of fork(). */
static void wipe_in_child(void)
{
    *writer_control = (writer_control_page){.life = 0};
}

void writer_prepare(void)
{
    writer_control_page *none = &no_page;
    void *page = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool wiped;

    if (page == MAP_FAILED)
        return;
    wiped = madvise(page, 1 << 16, MADV_WIPEONFORK) == 0;
    if (!__atomic_compare_exchange_n(&writer_control, &none, page, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        munmap(page, 1 << 16);
    else if (!wiped) /* Linux before 4.14 */
        (void)pthread_atfork(NULL, NULL, wipe_in_child);
}

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

static void thread_ends(void *pointer);

/* Begins the log of this process. Only one thread does; for all others there is none yet. */
static bool start(void)
{
    const char *folder = getenv("LOAM_RECORD_DIR");
    uint64_t process = number_of(getenv("LOAM_RECORD_PID"));

    follow_children = process == 0;
    limit = number_of(getenv("LOAM_RECORD_LIMIT"));
    if (!folder || (!follow_children && process != (uint64_t)getpid()) ||
        writer_control == &no_page || !make_file(folder))
        return false;
    head = map_part(0, LOG_HEAD);
    if (!head)
        return false;
    fill_head();
    if (!key_made)
        key_made = pthread_key_create(&key, thread_ends) == 0;
    writer_began = head->ticks;
    writer_control->life = ++lives;
    return true;
}

/* In a child of a fork: forgets what is its parent's. The child has one thread. */
static void forget(void)
{
    if (head)
        munmap(head, LOG_HEAD);
    head = NULL;
    spares = NULL;
    atomic_store(&chunks, 0);
    atomic_store(&threads, 0);
    writer_sequence = 0;
    atomic_store(&lost, 0);
    if (!follow_children)
        stop(0);
}

/* Has a log, or stops. Called with the lock. */
static bool have_log(void)
{
    if (writer_control->life != 0)
        return true;
    if (!environ) /* too early to know */
        return false;
    if (lives != 0)
        forget();
    if (atomic_load(&stopped))
        return false;
    if (start())
        return true;
    stop(2);
    return false;
}

/* ---- chunks ---- */

/* The reserved events of the chunk that this thread writes to, but for the first. */
static spare *spare_of(const writer *t)
{
    return (spare *)(void *)(t->next + t->left + 1);
}

_Static_assert(sizeof(spare) <= (LOG_RESERVED - 1) * sizeof(log_event),
               "a spare fits behind the events");

static void *chunk_of(const writer *t)
{
    return t->next + t->left + LOG_RESERVED - LOG_EVENTS;
}

static void leave_chunk(writer *t)
{
    if (t->next)
        munmap(chunk_of(t), LOG_CHUNK);
    t->next = NULL;
    t->left = 0;
}

static bool reuse_chunk(writer *t)
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
    t->left = s->left;
    return true;
}

static bool new_chunk(writer *t)
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
    t->left = LOG_EVENTS - LOG_RESERVED;
    return true;
}

/* A chunk begins with whose it is, what that is called, and when. */
static void introduce(writer *t)
{
    char name[16] = "";
    uint32_t words[4];
    uint64_t number = __atomic_fetch_add(&writer_sequence, 1, __ATOMIC_RELAXED);

    writer_put(t, LOG_THREAD, number, t->number, 0);
    if (prctl(PR_GET_NAME, name) == 0) {
        memcpy(words, name, sizeof words);
        writer_put(t, LOG_NAME, number, words[0], words[1]);
        writer_put(t, LOG_NAME, number, words[2], words[3]);
    }
    t->time = 0;
    t->blind = 0;
}

/* Gives this thread room for a call. */
static bool make_room(writer *t)
{
    bool first = t->life != writer_control->life;

    if (first) {
        t->next = NULL; /* another life's chunk is not mapped here, or is its parent's */
        t->left = 0;
        t->over = false;
        t->life = writer_control->life;
        t->number = atomic_fetch_add(&threads, 1) + 1;
    }
    leave_chunk(t);
    while (reuse_chunk(t)) {
        if (t->left > 3 + WRITER_CALL) /* what introduce() takes, and a call */
            break;
        leave_chunk(t);
    }
    if (!t->next && !new_chunk(t))
        return false;
    introduce(t);
    if (first && key_made)
        pthread_setspecific(key, t);
    return true;
}

/* The chunk is for whoever needs one next. */
static void hand_back(writer *t)
{
    spare_of(t)->next = t->next;
    spare_of(t)->left = t->left;
    lock();
    spare_of(t)->older = spares;
    spares = spare_of(t);
    unlock();
    t->next = NULL;
    t->left = 0;
}

static void thread_ends(void *pointer)
{
    writer *t = pointer;
    sigset_t signals = hold_signals();

    if (t->life != 0 && t->life == writer_control->life) {
        t->over = true;
        if (t->next)
            hand_back(t);
    }
    release_signals(signals);
}

static void lose(void)
{
    if (head && writer_control->life != 0)
        (void)__atomic_add_fetch(&head->lost, 1, __ATOMIC_RELAXED);
    else if (!atomic_load_explicit(&stopped, memory_order_relaxed))
        atomic_fetch_add(&lost, 1);
}

/* False: there is no room. */
static bool find_room(writer *t)
{
    bool good;

    lock();
    good = have_log();
    unlock();
    return good && !atomic_load(&stopped) && make_room(t);
}

/* open() and others end a thread that was cancelled, which malloc never does: it would hold the block, and
 * what its caller holds. */
void writer_note_slowly(unsigned op, unsigned align_log2, const void *block, size_t bytes)
{
    writer *t = &writer_mine;
    int error = errno, cancel;
    sigset_t signals;

    if (t->busy == WRITER_PREPARES) /* what the C library needs for what is called here */
        return;
    if (t->busy == WRITER_WRITES || atomic_load_explicit(&stopped, memory_order_relaxed)) {
        lose();
        return;
    }
    signals = hold_signals();
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    t->busy = WRITER_PREPARES;
    if (find_room(t))
        writer_write(t, op, align_log2, block, bytes);
    else
        lose();
    if (t->over && t->next)
        hand_back(t);
    t->busy = WRITER_IDLE;
    (void)pthread_setcancelstate(cancel, NULL);
    release_signals(signals);
    errno = error;
}
