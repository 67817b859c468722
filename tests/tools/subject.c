/* subject.c: a program that is recorded: does with malloc what its argument says. Sizes from 7000 on are
 * its own; whatever the C library asks for is smaller, or is told apart by its size. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition) ((condition) ? (void)0 : _exit(50))

static void *early;

/* Before main, before all other constructors. */
__attribute__((constructor(101))) static void begin(void)
{
    early = malloc(7777);
}

static void family(void)
{
    void *p = malloc(7001), *q = calloc(7, 1001), *r, *s;

    for (size_t i = 0; i < 7007; i++)
        CHECK(((unsigned char *)q)[i] == 0);
    p = realloc(p, 7100);
    p = reallocarray(p, 3, 2400);
    CHECK(posix_memalign(&r, 256, 7003) == 0 && (uintptr_t)r % 256 == 0);
    s = aligned_alloc(512, 7168);
    CHECK((uintptr_t)s % 512 == 0);
    free(r);
    free(s);
    r = memalign(1024, 7005);
    s = valloc(7006);
    CHECK((uintptr_t)r % 1024 == 0 && (uintptr_t)s % 4096 == 0);
    CHECK(malloc_usable_size(r) >= 7005);
    free(r);
    free(s);
    s = pvalloc(7007);
    free(s);
    free(q);
    free(p);
    free(early);
    free(NULL);
}

/* What is refused is not there, and errno tells. */
static void refused(void)
{
    volatile size_t most = SIZE_MAX / 2 + 1; /* which compilers would warn about */
    void *p = malloc(7001), *q = NULL;

    errno = 0;
    CHECK(malloc(most) == NULL && errno == ENOMEM);
    CHECK(calloc(most, 4) == NULL && errno == ENOMEM);
    CHECK(realloc(p, most) == NULL);
    CHECK(reallocarray(p, most, 4) == NULL);
    errno = 5;
    CHECK(posix_memalign(&q, 3, 10) == EINVAL && errno == 5);
    free(p);
    CHECK(errno == 5);
}

/* ---- threads ---- */

enum { THREADS = 8, BLOCKS = 64, ROUNDS = 20000 };

static void *shared[BLOCKS];

/* Each takes what another one left: addresses go from thread to thread at once. */
static void *exchange(void *seed)
{
    uint64_t state = (uintptr_t)seed;

    for (int i = 0; i < ROUNDS; i++) {
        void *mine, *other;

        state = state * 6364136223846793005u + 1442695040888963407u;
        mine = malloc(7000 + (size_t)(state % 32));
        if (i % 5 == 0)
            mine = realloc(mine, 7000 + (size_t)(state % 2000));
        CHECK(mine);
        other = __atomic_exchange_n(&shared[(state >> 33) % BLOCKS], mine, __ATOMIC_ACQ_REL);
        free(other);
    }
    return NULL;
}

static void threads(void)
{
    pthread_t all[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&all[i], NULL, exchange, (void *)(i + 1)) == 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(all[i], NULL);
    for (size_t i = 0; i < BLOCKS; i++)
        free(shared[i]);
}

static pthread_key_t key;

/* A destructor that uses malloc, in every round that there is. */
static void again(void *value)
{
    free(value);
    pthread_setspecific(key, malloc(7200));
}

static void *short_life(void *unused)
{
    (void)unused;
    pthread_setspecific(key, malloc(7100));
    return malloc(7300);
}

static void many_threads(void)
{
    CHECK(pthread_key_create(&key, again) == 0);
    for (int i = 0; i < 300; i++) {
        pthread_t one;
        void *left;

        CHECK(pthread_create(&one, NULL, short_life, NULL) == 0);
        pthread_join(one, &left);
        free(left);
    }
}

/* How many parts of logs are mapped. Takes no memory. */
static size_t mapped_logs(void)
{
    static char text[1 << 20];
    int file = open("/proc/self/maps", O_RDONLY);
    size_t length = 0, found = 0;
    ssize_t got;

    CHECK(file >= 0);
    while ((got = read(file, text + length, sizeof text - 1 - length)) > 0)
        length += (size_t)got;
    close(file);
    for (const char *at = text; (at = strstr(at, ".log\n")) != NULL; at++)
        found++;
    return found;
}

/* Destructors use malloc when the recorder's was called for the last time. */
static void ended_threads(void)
{
    many_threads();
    CHECK(mapped_logs() < 10);
}

static void take(size_t size, int count)
{
    for (int i = 0; i < count; i++)
        free(malloc(size));
}

/* Is cancelled, and ends where it says so: not within malloc, which is no point to end at. */
static void *cancel(void *reached)
{
    CHECK(pthread_cancel(pthread_self()) == 0);
    take(7001, 30000); /* beyond a chunk */
    *(bool *)reached = true;
    pthread_testcancel();
    return NULL;
}

static void cancelled(void)
{
    pthread_t one;
    bool reached = false;
    void *result = NULL;

    CHECK(pthread_create(&one, NULL, cancel, &reached) == 0);
    pthread_join(one, &result);
    CHECK(reached && result == PTHREAD_CANCELED);
    take(7002, 10);
}

/* ---- processes ---- */

static void fork_by(pid_t (*fork_it)(void))
{
    pid_t child;
    int status;

    take(7001, 10);
    child = fork_it();
    if (child == 0) {
        take(7002, 20);
        _exit(0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    take(7003, 10);
}

/* The same, and holds nothing. */
static void once_more(void *value)
{
    free(malloc(7200));
    pthread_setspecific(key, value);
}

static void *pass_by(void *unused)
{
    (void)unused;
    pthread_setspecific(key, &key);
    free(malloc(7300));
    return NULL;
}

static void *start_threads(void *end)
{
    while (!__atomic_load_n((bool *)end, __ATOMIC_ACQUIRE)) {
        pthread_t one;

        CHECK(pthread_create(&one, NULL, pass_by, NULL) == 0);
        pthread_join(one, NULL);
    }
    return NULL;
}

/* Forks while other threads begin and end. */
static void fork_amid_threads(void)
{
    pthread_t all[3];
    bool end = false;

    CHECK(pthread_key_create(&key, once_more) == 0);
    for (size_t i = 0; i < 3; i++)
        CHECK(pthread_create(&all[i], NULL, start_threads, &end) == 0);
    for (int i = 0; i < 600; i++) {
        pid_t child = fork();
        int status;

        if (child == 0) {
            alarm(5);
            free(malloc(7002));
            _exit(0);
        }
        CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    }
    __atomic_store_n(&end, true, __ATOMIC_RELEASE);
    for (size_t i = 0; i < 3; i++)
        pthread_join(all[i], NULL);
}

/* Threads exchange blocks while others begin and end, and children come that do the same or replace
 * themselves. */
static void churn(const char *self)
{
    pthread_t all[4];
    bool end = false;

    CHECK(pthread_key_create(&key, once_more) == 0);
    CHECK(pthread_create(&all[0], NULL, start_threads, &end) == 0);
    for (size_t i = 1; i < 4; i++)
        CHECK(pthread_create(&all[i], NULL, exchange, (void *)i) == 0);
    for (int i = 0; i < 6; i++) {
        pid_t child = fork();
        int status;

        if (child == 0 && i % 2 == 0)
            execl(self, self, "replaced", (char *)NULL);
        if (child == 0) {
            (void)exchange((void *)(uintptr_t)(i + 1));
            _exit(0);
        }
        CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    }
    __atomic_store_n(&end, true, __ATOMIC_RELEASE);
    for (size_t i = 0; i < 4; i++)
        pthread_join(all[i], NULL);
}

static void replace(const char *self)
{
    take(7001, 10);
    execl(self, self, "replaced", (char *)NULL);
    _exit(51);
}

static void killed(int signal)
{
    take(7001, 5000);
    (void)!malloc(7009);
    kill(getpid(), signal);
    pause();
}

static void closes(void)
{
    take(7001, 10);
    for (int i = 3; i < 1024; i++)
        close(i);
    take(7002, 30000); /* beyond a chunk */
}

/* May not write files that are as long as a log. */
static void short_files(void)
{
    struct rlimit most = {1 << 19, 1 << 19};

    CHECK(setrlimit(RLIMIT_FSIZE, &most) == 0);
    take(7001, 100000);
}

#if defined(__x86_64__)
static size_t handled;

static void ask_in_handler(int signal)
{
    (void)signal;
    handled++;
    free(malloc(7005));
}

/* A signal comes after each instruction of malloc and free, which must be some that allow it. At the end it
 * tells how many came. */
static void signals(void)
{
    struct sigaction action = {.sa_handler = ask_in_handler};

    CHECK(sigaction(SIGTRAP, &action, NULL) == 0);
    for (int i = 0; i < 10; i++) {
        __asm__ volatile("leaq -128(%%rsp), %%rsp; pushfq; orq $0x100, (%%rsp); popfq;"
                         "leaq 128(%%rsp), %%rsp" ::
                             : "memory", "cc");
        take(7001, 1);
        __asm__ volatile("leaq -128(%%rsp), %%rsp; pushfq; andq $~0x100, (%%rsp); popfq;"
                         "leaq 128(%%rsp), %%rsp" ::
                             : "memory", "cc");
    }
    take(7006, (int)handled);
}
#else
static void signals(void)
{
    _exit(77);
}
#endif

static void library(void)
{
    void *libm = dlopen("libm.so.6", RTLD_NOW);

    take(7001, 10);
    if (libm)
        dlclose(libm);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";

    if (strcmp(mode, "family") == 0)
        family();
    else if (strcmp(mode, "refused") == 0)
        refused();
    else if (strcmp(mode, "threads") == 0)
        threads();
    else if (strcmp(mode, "many_threads") == 0)
        many_threads();
    else if (strcmp(mode, "ended_threads") == 0)
        ended_threads();
    else if (strcmp(mode, "cancelled") == 0)
        cancelled();
    else if (strcmp(mode, "fork_amid_threads") == 0)
        fork_amid_threads();
    else if (strcmp(mode, "short_files") == 0)
        short_files();
    else if (strcmp(mode, "signals") == 0)
        signals();
    else if (strcmp(mode, "fork") == 0)
        fork_by(fork);
    else if (strcmp(mode, "bare_fork") == 0)
        fork_by(_Fork);
    else if (strcmp(mode, "churn") == 0)
        churn(argv[0]);
    else if (strcmp(mode, "exec") == 0)
        replace(argv[0]);
    else if (strcmp(mode, "replaced") == 0)
        take(7004, 40);
    else if (strcmp(mode, "kill") == 0)
        killed(SIGKILL);
    else if (strcmp(mode, "abort") == 0)
        killed(SIGABRT);
    else if (strcmp(mode, "closes") == 0)
        closes();
    else if (strcmp(mode, "library") == 0)
        library();
    else if (strcmp(mode, "much") == 0)
        take(7001, 100000);
    else if (strcmp(mode, "fails") == 0)
        return 7;
    else if (strcmp(mode, "fails_127") == 0)
        return 127;
    else
        return 2;
    return 0;
}
