/* test_strbuf_write.c: a text written to descriptors: whole and from the middle, in as few calls as
 * it takes, over pipes whose other end is slow, through interruptions, to descriptors that don't
 * block, and to those that refuse.
 */
#define _GNU_SOURCE
#include "support/test.h"

#include <loam/strbuf.h>

#include "internal/os.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#if TEST_HAS_FORK
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#endif

/* The byte at each place of the texts below. */
static char byte_at(size_t at)
{
    return (char)('a' + (at ^ at >> 8 ^ at >> 16) % 26);
}

static void fill(loam_strbuf *s, size_t length)
{
    while (loam_strbuf_length(s) < length)
        EXPECT(loam_strbuf_append_char(s, byte_at(loam_strbuf_length(s))));
}

static size_t pieces_of(const loam_strbuf *s)
{
    size_t count = 0;

    LOAM_STRBUF_EACH_SPAN(span, s)
    count++;
    return count;
}

/* ---- files ---- */

static void expect_file(FILE *file, size_t length)
{
    EXPECT(fseek(file, 0, SEEK_SET) == 0);
    for (size_t i = 0; i < length; i++)
        EXPECT(getc(file) == byte_at(i));
    EXPECT(getc(file) == EOF);
}

/* Any text arrives whole, of one chunk or many, also an empty one. */
TEST(to_a_file, fast)
{
    static const size_t lengths[] = {0, 1, 223, 224, 1000, 100000, 3000000};

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        FILE *file = tmpfile();
        size_t written = 1;
        loam_strbuf s;

        if (!file)
            TEST_SKIP("no temporary file");
        loam_strbuf_init_sized(&s, loam_libc_allocator(), 0, i % 2 ? 1024 : 0);
        fill(&s, lengths[i]);
        errno = 77;
        EXPECT(loam_strbuf_write(&s, 0, fileno(file), &written));
        EXPECT(errno == 77);
        EXPECT_EQ(written, lengths[i]);
        expect_file(file, lengths[i]);
        loam_strbuf_deinit(&s);
        (void)fclose(file);
    }
}

/* From each place, and with an empty chunk at the end. */
TEST(from_each_place, fast)
{
    loam_strbuf s;

    loam_strbuf_init_sized(&s, loam_libc_allocator(), 64, 64);
    fill(&s, 200);
    EXPECT(loam_strbuf_room(&s, 400, NULL) != NULL);
    for (size_t from = 0; from <= 200; from++) {
        FILE *file = tmpfile();
        size_t written;

        if (!file)
            TEST_SKIP("no temporary file");
        EXPECT(loam_strbuf_write(&s, 0, fileno(file), NULL));
        EXPECT(fseek(file, (long)from, SEEK_SET) == 0);
        EXPECT(loam_strbuf_write(&s, from, fileno(file), &written));
        EXPECT_EQ(written, 200 - from);
        expect_file(file, 200);
        (void)fclose(file);
    }
    loam_strbuf_deinit(&s);
}

/* Pieces of no bytes are no bytes, and no end of the text; there may be nothing else. */
TEST(pieces_of_no_bytes, fast)
{
    loam_os_piece pieces[] = {{"", 0}, {"ab", 2}, {NULL, 0}, {"", 0}};
    FILE *file = tmpfile();
    size_t written = 1;

    if (!file)
        TEST_SKIP("no temporary file");
    EXPECT(loam_os_write(fileno(file), pieces, 1, &written) && written == 0);
    EXPECT(loam_os_write(-1, NULL, 0, &written) && written == 0);
    EXPECT(loam_os_write(fileno(file), pieces, 4, &written) && written == 2);
    EXPECT(fseek(file, 0, SEEK_SET) == 0 && getc(file) == 'a' && getc(file) == 'b');
    (void)fclose(file);
}

/* A descriptor that is none is an error that says so, and nothing went. */
TEST(to_no_descriptor, fast)
{
    size_t written = 1;
    loam_strbuf s;

    loam_strbuf_init(&s, loam_libc_allocator());
    fill(&s, 10);
#if TEST_HAS_FORK
    EXPECT(!loam_strbuf_write(&s, 0, -1, &written) && errno == EBADF && written == 0);
    EXPECT(!loam_strbuf_write(&s, 3, -1, NULL));
#endif
    EXPECT(loam_strbuf_write(&s, 10, -1, &written) && written == 0); /* there is nothing to write */
    loam_strbuf_deinit(&s);
}

#if TEST_HAS_FORK

/* ---- a reader in a thread ---- */

typedef struct reader {
    int descriptor;
    size_t part;    /* bytes at a time */
    unsigned pause; /* microseconds between them */
    size_t seen;
    bool good;
    pthread_t thread;
} reader;

static void *read_all(void *context)
{
    reader *r = (reader *)context;
    char *part = malloc(r->part);
    ssize_t got;

    r->good = part != NULL;
    while (part && (got = read(r->descriptor, part, r->part)) > 0) {
        for (ssize_t i = 0; i < got; i++)
            r->good = r->good && part[i] == byte_at(r->seen + (size_t)i);
        r->seen += (size_t)got;
        if (r->pause)
            usleep(r->pause);
    }
    free(part);
    return NULL;
}

static void begin_reader(reader *r, int descriptor, size_t part, unsigned pause)
{
    *r = (reader){.descriptor = descriptor, .part = part, .pause = pause};
    EXPECT(pthread_create(&r->thread, NULL, read_all, r) == 0);
}

static void expect_read(reader *r, size_t length)
{
    EXPECT(pthread_join(r->thread, NULL) == 0);
    EXPECT(r->good);
    EXPECT_EQ(r->seen, length);
}

/* A pipe takes 64 KiB at a time, and its reader a part of that: writes are partial, and go on. Of
 * chunks of 64 bytes there are more than one call gathers. */
TEST(to_a_slow_pipe, fast)
{
    static const struct {
        size_t length, limit, part;
    } cases[] = {{300000, 64, 4000}, {2000000, 0, 7001}, {500000, 1 << 20, 65536}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int ends[2];
        size_t written;
        loam_strbuf s;
        reader r;

        EXPECT(pipe(ends) == 0);
        loam_strbuf_init_sized(&s, loam_libc_allocator(), 64, cases[i].limit);
        fill(&s, cases[i].length);
        EXPECT(cases[i].limit != 64 || pieces_of(&s) > 1024);
        begin_reader(&r, ends[0], cases[i].part, 50);
        EXPECT(loam_strbuf_write(&s, 0, ends[1], &written));
        EXPECT_EQ(written, cases[i].length);
        EXPECT(close(ends[1]) == 0);
        expect_read(&r, cases[i].length);
        EXPECT(close(ends[0]) == 0);
        loam_strbuf_deinit(&s);
    }
}

/* A descriptor that does not block tells how much went; the caller waits and goes on from there. */
TEST(to_a_pipe_that_does_not_block, fast)
{
    enum { LENGTH = 1500000 };
    size_t at = 0, waits = 0;
    loam_strbuf s;
    int ends[2];
    reader r;

    EXPECT(pipe(ends) == 0 && fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    loam_strbuf_init(&s, loam_libc_allocator());
    fill(&s, LENGTH);
    EXPECT(!loam_strbuf_write(&s, 0, ends[1], &at) && errno == EAGAIN);
    EXPECT(at > 0 && at < LENGTH);
    begin_reader(&r, ends[0], 30000, 20);
    while (at < LENGTH) {
        struct pollfd ready = {.fd = ends[1], .events = POLLOUT};
        size_t written;

        EXPECT(poll(&ready, 1, -1) == 1);
        if (!loam_strbuf_write(&s, at, ends[1], &written))
            EXPECT_EQ(errno, EAGAIN);
        at += written;
        waits++;
    }
    EXPECT(at == LENGTH && waits > 1);
    EXPECT(close(ends[1]) == 0);
    expect_read(&r, LENGTH);
    EXPECT(close(ends[0]) == 0);
    loam_strbuf_deinit(&s);
}

/* The same from each count of bytes that a full pipe leaves room for: what went is what arrives. */
TEST(to_a_pipe_with_little_room, fast)
{
    for (size_t length = 4000; length < 4200; length += 7) {
        size_t at = 0, written, total = 0;
        char part[1024];
        loam_strbuf s;
        int ends[2];
        ssize_t got;

        EXPECT(pipe(ends) == 0);
        EXPECT(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0 &&
               fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
        loam_strbuf_init_sized(&s, loam_libc_allocator(), 64, 128);
        fill(&s, 50 * length);
        while (at < 50 * length) {
            if (!loam_strbuf_write(&s, at, ends[1], &written))
                EXPECT_EQ(errno, EAGAIN);
            at += written;
            while ((got = read(ends[0], part, sizeof part)) > 0) {
                for (ssize_t i = 0; i < got; i++)
                    EXPECT(part[i] == byte_at(total + (size_t)i));
                total += (size_t)got;
            }
            EXPECT_EQ(total, at);
        }
        EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
        loam_strbuf_deinit(&s);
    }
}

static void ignore_signal(int number)
{
    (void)number;
}

typedef struct writer {
    const loam_strbuf *s;
    int descriptor;
    size_t written;
    int error;
    uint32_t over; /* touched atomically */
} writer;

static void *write_all(void *context)
{
    writer *w = (writer *)context;

    errno = 77;
    w->error = loam_strbuf_write(w->s, 0, w->descriptor, &w->written) && errno == 77 ? 0 : errno;
    __atomic_store_n(&w->over, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* Signals that interrupt a write, before and after bytes went, are not seen. */
TEST(through_interruptions, fast)
{
    enum { LENGTH = 1000000 };
    struct sigaction action = {.sa_handler = ignore_signal}; /* without SA_RESTART */
    writer w = {0};
    pthread_t thread;
    loam_strbuf s;
    int ends[2];
    reader r;

    EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
    EXPECT(pipe(ends) == 0);
    loam_strbuf_init(&s, loam_libc_allocator());
    fill(&s, LENGTH);
    w.s = &s;
    w.descriptor = ends[1];
    EXPECT(pthread_create(&thread, NULL, write_all, &w) == 0);
    for (int i = 0; i < 20; i++) { /* it stands before a full pipe */
        usleep(1000);
        EXPECT(pthread_kill(thread, SIGUSR1) == 0);
    }
    begin_reader(&r, ends[0], 5000, 100);
    while (!__atomic_load_n(&w.over, __ATOMIC_ACQUIRE)) {
        usleep(200);
        EXPECT(pthread_kill(thread, SIGUSR1) == 0);
    }
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT(close(ends[1]) == 0);
    EXPECT_EQ(w.error, 0);
    EXPECT_EQ(w.written, LENGTH);
    expect_read(&r, LENGTH);
    EXPECT(close(ends[0]) == 0);
    loam_strbuf_deinit(&s);
}

/* A reader that goes away is an error, with what went before; the signal is the caller's. */
TEST(to_a_pipe_that_breaks, fast)
{
    size_t written = 1;
    loam_strbuf s;
    int ends[2];

    EXPECT(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    EXPECT(pipe(ends) == 0 && close(ends[0]) == 0);
    loam_strbuf_init(&s, loam_libc_allocator());
    fill(&s, 1000);
    EXPECT(!loam_strbuf_write(&s, 0, ends[1], &written));
    EXPECT(errno == EPIPE && written == 0);
    EXPECT(close(ends[1]) == 0);
    loam_strbuf_deinit(&s);
}

/* Chunks are gathered: a socket that keeps the borders of writes sees how many there were. */
TEST(as_few_calls_as_it_takes, fast)
{
    size_t pieces, messages = 0;
    loam_strbuf s;
    int ends[2];
    char part[8192];

    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0)
        TEST_SKIP("no sockets");
    EXPECT(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    loam_strbuf_init_sized(&s, loam_libc_allocator(), 64, 64);
    fill(&s, 8000);
    pieces = pieces_of(&s);
    EXPECT(pieces > 128);
    EXPECT(loam_strbuf_write(&s, 0, ends[1], NULL));
    while (recv(ends[0], part, sizeof part, 0) > 0)
        messages++;
    EXPECT_EQ(messages, (pieces + 63) / 64);
    EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
    loam_strbuf_deinit(&s);
}

/* More than 2 GiB in one piece, of memory that is the same page over and over to the kernel. */
TEST(more_than_two_gigabytes, slow)
{
    const size_t length = ((size_t)5 << 29) + 12345;
    size_t written;
    loam_strbuf s;
    int null = open("/dev/null", O_WRONLY);

    if (SIZE_MAX <= 0xffffffffu || null < 0)
        TEST_SKIP("not on this system");
    loam_strbuf_init(&s, loam_vm_allocator());
    if (!loam_strbuf_room(&s, length, NULL))
        TEST_SKIP("the system does not give that much");
    loam_strbuf_advance(&s, length); /* fresh pages read as zero */
    EXPECT(loam_strbuf_append_text(&s, "end"));
    EXPECT(loam_strbuf_write(&s, 0, null, &written));
    EXPECT_EQ(written, length + 3);
    EXPECT(close(null) == 0);
    loam_strbuf_deinit(&s);
}

#endif

TEST_MAIN
