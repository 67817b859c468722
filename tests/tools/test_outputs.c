/* What loam writes, and does not: to full disks, over the trace itself, to terminals, when it is ended; and
 * what it does not begin because the machine is too small. */
#include "tools_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const ran *run_shell(const char *command)
{
    return tools_run((const char *const[]){"/bin/sh", "-c", command, NULL});
}

/* ---- a trace of version 2, made by hand ---- */

typedef struct made {
    unsigned char bytes[1024];
    size_t size;
} made;

static void put(made *m, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        m->bytes[m->size++] = (unsigned char)(value >> 8 * i);
}

static void put_record(made *m, uint32_t slot, unsigned op, unsigned kind, uint64_t size)
{
    put(m, slot, 4);
    put(m, op, 1);
    put(m, kind, 1);
    put(m, op == TRACE_ALLOC, 2);
    put(m, size, 8);
}

/* A name, and a block of so many bytes. Returns the file. */
static const char *make_trace(const char *name, uint64_t size)
{
    const char *path = tools_file("made");
    const uint64_t sums[] = {size, 1, size, 1, size, 1, 0};
    size_t length = strlen(name), padded = (length + 15) & ~(size_t)15;
    uint64_t sum = 0, word;
    made m = {.size = 8};
    FILE *file = fopen(path, "wb");

    memcpy(m.bytes, "LOAMTR2", 8);
    m.size = 64;
    put_record(&m, 1, TRACE_TEXT, TRACE_TEXT_PROGRAM, length);
    memcpy(m.bytes + m.size, name, length);
    m.size += padded;
    put_record(&m, 2, TRACE_TEXT, TRACE_TEXT_TAG, length);
    memcpy(m.bytes + m.size, name, length);
    m.size += padded;
    put_record(&m, 0, TRACE_ALLOC, 0, size);
    put_record(&m, 0, 0, 0, 3);
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        put(&m, sums[i], 8);
    for (size_t at = 0; at < m.size; at += 8) {
        memcpy(&word, m.bytes + at, 8);
        sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        sum ^= sum >> 29;
    }
    put(&m, sum, 8);
    EXPECT(file != NULL && fwrite(m.bytes, 1, m.size, file) == m.size);
    fclose(file);
    return path;
}

/* ---- cases ---- */

/* Whoever redirects output to a full disk must hear of it. */
TEST(what_cannot_be_printed_is_an_error, fast)
{
    static const char *const words[] = {"stats '" LOAM_TRACE_SMALL "'", "doctor", "view --help",
                                        "--help", "--version"};
    char command[2048];

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const ran *r;

        test_note("%s", words[i]);
        snprintf(command, sizeof command, "'%s' %s > /dev/full", tools_loam(), words[i]);
        r = run_shell(command);
        EXPECT_EQ(r->code, 1);
        EXPECT(strstr(r->err, "standard output cannot be written") != NULL);
    }
}

TEST(no_command_replaces_the_trace_that_it_reads, fast)
{
    const char *path = make_trace("program", 100);
    const ran *r = RUN("view", "--over", "none", path, "-o", path);

    EXPECT_EQ(r->code, 2);
    EXPECT(strstr(r->err, "is the trace itself") != NULL);
    EXPECT_EQ(RUN("export", "--to", "massif", path, "-o", path)->code, 2);
    EXPECT_EQ(RUN("stats", path)->code, 0); /* it is one still */
    unlink(path);
}

/* A name may hold what a terminal obeys. */
TEST(stats_prints_no_control_characters, fast)
{
    const char *path = make_trace("a\033]0;b\007\nc\x9b\x7f", 100);
    const ran *r = RUN("stats", path);

    EXPECT_EQ(r->code, 0);
    EXPECT(strstr(r->out, "a\\x1b]0;b\\x07\\x0ac\\x9b\\x7f\n") != NULL);
    for (const char *at = r->out; *at; at++)
        EXPECT((unsigned char)*at == '\n' || (*at >= 32 && *at < 127));
    unlink(path);
}

/* It would take all of the memory, in an arena more than there is of any. */
TEST(a_replay_that_memory_cannot_hold_is_not_begun, fast)
{
    const char *path = make_trace("program", UINT64_C(1) << 46);
    const ran *r = RUN("replay", "--over", "libc", path);

    EXPECT_EQ(r->code, 1);
    EXPECT(strstr(r->out, "too little memory after 0 calls") != NULL);
    r = RUN("replay", "--over", "arena", path);
    EXPECT_EQ(r->code, 1);
    EXPECT(strstr(r->out, "too little memory after 0 calls") != NULL);
    unlink(path);
}

/* It is ended while it waits for the rest of a trace. */
TEST(an_export_that_is_ended_leaves_nothing, fast)
{
    const char *path = tools_file("ended");
    char command[2048], pipe[512];
    const ran *r;

    snprintf(pipe, sizeof pipe, "%s.fifo", path);
    unlink(pipe);
    EXPECT(mkfifo(pipe, 0600) == 0);
    snprintf(command, sizeof command,
             "exec 3<> '%s'\n"
             "'%s' export - --to heaptrack -o '%s' < '%s' 3>&- & loam=$!\n"
             "head -c 200000 '%s' >&3\n"
             "n=0; until test -e '%s.part' || test $n = 1000; do n=$((n + 1)); sleep 0.01; done\n"
             "kill -TERM $loam; wait $loam; code=$?\n"
             "test $n != 1000 && test ! -e '%s.part' && test ! -e '%s' && exit $code",
             pipe, tools_loam(), path, pipe, LOAM_TRACE_SMALL, path, path, path);
    r = run_shell(command);
    unlink(pipe);
    EXPECT_EQ(r->code, 128 + 15);
}

TEST_MAIN
