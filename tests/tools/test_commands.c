/* The commands of loam, as far as they need no program to record. */
#include "tools_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TEST(every_command_has_help, fast)
{
    static const char *const commands[] = {"record", "replay", "stats", "view", "doctor"};

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const ran *r = RUN(commands[i], "--help");

        test_note("%s", commands[i]);
        EXPECT_EQ(r->code, 0);
        EXPECT(strstr(r->out, "Usage: loam ") == r->out && r->err[0] == 0);
        r = RUN(commands[i], "--no-such-option");
        EXPECT_EQ(r->code, 2);
        EXPECT(strstr(r->err, "Try: loam ") != NULL && r->out[0] == 0);
    }
    EXPECT_EQ(RUN("--help")->code, 0);
    EXPECT_EQ(RUN("--version")->code, 0);
    EXPECT_EQ(RUN("no-such")->code, 2);
}

/* Bytes of a file, changed by whoever asks. */
static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    EXPECT(file != NULL && fwrite(bytes, 1, size, file) == size);
    fclose(file);
}

static void expect_refused(const char *path, const char *words)
{
    static const char *const commands[] = {"replay", "stats", "view"};

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const ran *r = RUN(commands[i], path);

        EXPECT_EQ(r->code, 1);
        if (!strstr(r->err, words))
            TEST_FAIL("%s says \"%s\" and not \"%s\"", commands[i], r->err, words);
    }
}

TEST(bad_files_are_refused_with_offset_and_reason, fast)
{
    static unsigned char bytes[1 << 20];
    char path[256];
    FILE *file = fopen(LOAM_TRACE_SMALL, "rb");
    size_t size;

    snprintf(path, sizeof path, "%s", tools_file("bad"));
    EXPECT(file != NULL);
    size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    write_file(path, bytes, size - 1);
    expect_refused(path, "at byte 303727: the file ends before its 18979 records do");
    write_file(path, bytes, 9);
    expect_refused(path, "at byte 9: the head of 64 bytes is cut off");
    bytes[64 + 4] = 77;
    write_file(path, bytes, size);
    expect_refused(path, "at byte 68: unknown operation 77");
    write_file(path, "GIF89a", 6);
    expect_refused(path, "at byte 0: not a trace");
    unlink(path);
    expect_refused(path, "cannot be read: No such file");
}

TEST(replay_measures_each_allocator, fast)
{
    const ran *r = RUN("replay", "--over", "libc,heap,grown,pool,sharded,arena", "--repetitions",
                       "1", "--no-fit", LOAM_TRACE_SMALL);
    static const char *const names[] = {"\nlibc ", "\nheap ",    "\ngrown ",
                                        "\npool ", "\nsharded ", "\narena "};

    if (r->code != 0)
        TEST_FAIL("replay ended with %d:\n%s%s", r->code, r->out, r->err);
    EXPECT(strstr(r->out, "18 979 calls") != NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strstr(r->out, names[i]))
            TEST_FAIL("%s is not in:\n%s", names[i] + 1, r->out);
}

TEST(replay_speaks_json, fast)
{
    const ran *r = RUN("replay", "--json", "--over", "libc,heap", "--repetitions", "1",
                       "--no-latency", LOAM_TRACE_SMALL);

    EXPECT_EQ(r->code, 0);
    EXPECT(strstr(r->out, "\"calls\": 18979") != NULL);
    EXPECT(strstr(r->out, "{\"name\": \"heap\", \"ns_per_call\": ") != NULL);
    EXPECT(strstr(r->out, "\"smallest_region_bytes\": null") != NULL); /* libc has none */
    EXPECT(strstr(r->out, "\"failed\": null}") != NULL);
}

static void put(unsigned char *bytes, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
}

/* A record of version 1. */
static void put_record(unsigned char *bytes, uint32_t slot, unsigned op, uint64_t size)
{
    put(bytes, slot, 4);
    put(bytes + 4, op, 1);
    put(bytes + 5, 0, 1);
    put(bytes + 6, 1, 2);
    put(bytes + 8, size, 8);
}

/* The number behind a member of the first allocator. */
static double member(const char *json, const char *name)
{
    const char *at = strstr(json, name);

    if (!at)
        TEST_FAIL("%s is not in %s", name, json);
    return strtod(at + strlen(name), NULL);
}

/* 64 blocks of 256 KiB, of which 48 are given back, and then 8 more, at which an eighth is live: in memory that
 * nobody gives back to the system the worst moment is the one before, with a quarter of it live. */
TEST(fragmentation_is_that_of_the_worst_moment, fast)
{
    enum { BLOCKS = 64, GIVEN = 56, CALLS = BLOCKS + GIVEN, COUNTED = BLOCKS + 48, SIZE = 1 << 18 };
    static unsigned char bytes[64 + 16 * CALLS];
    const uint64_t head[] = {
        CALLS, BLOCKS, (uint64_t)BLOCKS * SIZE, BLOCKS, (uint64_t)BLOCKS * SIZE, BLOCKS, SIZE};
    const char *path = tools_file("worst");
    double worst, after;
    const ran *r;

    memcpy(bytes, "LOAMTR1", 8);
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        put(bytes + 8 + 8 * i, head[i], 8);
    for (uint32_t i = 0; i < CALLS; i++)
        put_record(bytes + 64 + 16 * (size_t)i, i % BLOCKS, i < BLOCKS ? TRACE_ALLOC : TRACE_FREE,
                   i < BLOCKS ? SIZE : 0);
    write_file(path, bytes, sizeof bytes);
    r = RUN("replay", "--json", "--over", "arena", "--repetitions", "1", "--no-latency", path);
    EXPECT_EQ(r->code, 0);
    worst = member(r->out, "\"worst_fragmentation_percent\": ");
    after = member(r->out, "\"worst_after_calls\": ");
    if (worst < 74.5 || worst > 82 || after < COUNTED || after >= COUNTED + 1)
        TEST_FAIL("%.1f %% after %.0f calls", worst, after);
    EXPECT_EQ(member(r->out, "\"worst_live_bytes\": "), (BLOCKS - 48) * SIZE);
    EXPECT(member(r->out, "\"peak_rss_bytes\": ") >= (double)BLOCKS * SIZE);
    r = RUN("replay", "--over", "arena", "--repetitions", "1", "--no-worst", path);
    EXPECT(r->code == 0 && strstr(r->out, "worst %") != NULL);
    unlink(path);
}

/* What a head in a pipe claims takes no memory: only what comes does. */
TEST(a_head_that_claims_much_takes_little, fast)
{
    static const struct {
        uint32_t slot;
        const char *words;
    } cases[] = {{0, "at byte 80: the file ends before its 4294967295 records do"},
                 {UINT32_MAX - 2, "at byte 64: slot 4294967293, and there are 0"},
                 {1, "at byte 64: slot 1, and there are 0"}};
    unsigned char bytes[64 + 16] = "LOAMTR1";
    char command[2048], path[256];

    snprintf(path, sizeof path, "%s", tools_file("claims"));
    put(bytes + 8, UINT32_MAX, 8);
    put(bytes + 16, UINT32_MAX, 8);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const ran *r;

        put_record(bytes + 64, cases[i].slot, TRACE_ALLOC, 100);
        write_file(path, bytes, sizeof bytes);
        snprintf(command, sizeof command, "%s cat '%s' | '%s' stats -",
                 test_under_asan() || test_under_tsan() ? "" : "ulimit -v 500000;", path,
                 tools_loam());
        r = tools_run((const char *const[]){"/bin/sh", "-c", command, NULL});
        EXPECT_EQ(r->code, 1);
        if (!strstr(r->err, cases[i].words))
            TEST_FAIL("stats says \"%s\" and not \"%s\"", r->err, cases[i].words);
    }
    unlink(path);
}

TEST(a_trace_may_come_through_a_pipe, fast)
{
    char command[2048];
    const ran *r;

    snprintf(command, sizeof command, "cat '%s' | '%s' stats -", LOAM_TRACE_SMALL, tools_loam());
    r = tools_run((const char *const[]){"/bin/sh", "-c", command, NULL});
    EXPECT_EQ(r->code, 0);
    EXPECT(strstr(r->out, "  peak                600.2 KiB  in at most 4 253 blocks\n") != NULL);
    snprintf(command, sizeof command, "cat '%s' | '%s' replay --over libc --repetitions 1 -",
             LOAM_TRACE_SMALL, tools_loam());
    r = tools_run((const char *const[]){"/bin/sh", "-c", command, NULL});
    EXPECT_EQ(r->code, 0);
    EXPECT(strstr(r->out, "18 979 calls") != NULL);
}

TEST(replay_refuses_what_it_does_not_know, fast)
{
    EXPECT_EQ(RUN("replay", "--over", "libc,stack", LOAM_TRACE_SMALL)->code, 2);
    EXPECT_EQ(RUN("replay", "--repetitions", "0", LOAM_TRACE_SMALL)->code, 2);
    EXPECT_EQ(RUN("replay", "--preload", "./no-such.so", LOAM_TRACE_SMALL)->code, 1);
    EXPECT_EQ(RUN("replay")->code, 2);
    EXPECT_EQ(RUN("replay", LOAM_TRACE_SMALL, LOAM_TRACE_SMALL)->code, 2);
}

TEST(stats_add_up, fast)
{
    const ran *r = RUN("stats", "--classes", "8", LOAM_TRACE_SMALL);

    EXPECT_EQ(r->code, 0);
    EXPECT(strstr(r->out, "  calls                  18 979\n") != NULL);
    EXPECT(strstr(r->out, "  peak                600.2 KiB  in at most 4 253 blocks\n") != NULL);
    EXPECT(strstr(r->out, "  the best 8  waste") != NULL);
    EXPECT(strstr(r->out, "\nAdvice\n  ") != NULL);
    EXPECT_EQ(RUN("stats", "--classes", "65", LOAM_TRACE_SMALL)->code, 2);
}

TEST(doctor_tells_of_the_machine, fast)
{
    const ran *r = RUN("doctor");
    char page[64];

    EXPECT_EQ(r->code, 0);
    snprintf(page, sizeof page, "%.2f KiB", (double)sysconf(_SC_PAGESIZE) / 1024);
    EXPECT(strstr(r->out, "overcommit") && strstr(r->out, "guard pages") && strstr(r->out, page));
    r = RUN("doctor", "--json");
    EXPECT_EQ(r->code, 0);
    EXPECT(r->out[0] == '[' && strstr(r->out, "\"name\": \"most mappings\"") != NULL);
    EXPECT(strstr(r->out, "\"warns\": false}]") || strstr(r->out, "\"warns\": true}]") ||
           strstr(r->out, "}\n]") || strstr(r->out, "}]"));
    EXPECT_EQ(RUN("doctor", "something")->code, 2);
}

/* ---- the machine of a folder ---- */

/* Writes a file of a machine, below the folder of this test. */
static void place_file(const char *root, const char *path, const char *text)
{
    char whole[1024];

    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *at = whole + strlen(root) + 1; (at = strchr(at, '/')) != NULL; *at++ = '/') {
        *at = 0;
        (void)mkdir(whole, 0700);
    }
    write_file(whole, text, strlen(text));
}

/* What doctor tells of the machine in a folder. */
static const ran *doctor_of(const char *root)
{
    const ran *r;

    EXPECT_EQ(setenv("LOAM_DOCTOR_ROOT", root, 1), 0);
    r = RUN("doctor");
    EXPECT_EQ(unsetenv("LOAM_DOCTOR_ROOT"), 0);
    EXPECT_EQ(r->code, 0);
    return r;
}

static void expect_told(const ran *r, const char *words)
{
    if (!strstr(r->out, words))
        TEST_FAIL("\"%s\" is not in:\n%s", words, r->out);
}

static void remove_machine(const char *root)
{
    char command[1200];

    snprintf(command, sizeof command, "rm -r '%s'", root);
    EXPECT_EQ(system(command), 0);
}

/* The group of version 1 lies in a container: its mount shows a part of the tree only. The group above has the
 * lower limit of memory. */
TEST(doctor_sees_limits_of_control_groups_1, fast)
{
    const char *root = tools_file("machine");
    const ran *r;

    EXPECT_EQ(mkdir(root, 0700), 0);
    place_file(root, "/proc/meminfo", "MemTotal:       16384000 kB\n");
    place_file(root, "/proc/self/cgroup",
               "12:cpuset:/pods/7\n5:cpu,cpuacct:/pods/7\n4:memory:/pods/7/main\n0::/other\n");
    place_file(root, "/proc/self/mountinfo",
               "30 25 0:26 /pods/7 /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup "
               "rw,cpu,cpuacct\n"
               "31 25 0:27 /pods /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
               "32 25 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    place_file(root, "/sys/fs/cgroup/memory/7/main/memory.limit_in_bytes", "9223372036854771712\n");
    place_file(root, "/sys/fs/cgroup/memory/7/main/memory.usage_in_bytes", "1048576\n");
    place_file(root, "/sys/fs/cgroup/memory/7/memory.limit_in_bytes", "536870912\n");
    place_file(root, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n");
    place_file(root, "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "25000\n");
    place_file(root, "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    r = doctor_of(root);
    expect_told(r,
                "! memory                 512.0 MiB          memory.limit_in_bytes, 1.00 MiB used");
    expect_told(r, "! processor time         0.25 of");
    place_file(root, "/sys/fs/cgroup/memory/7/memory.limit_in_bytes", "9223372036854771712\n");
    place_file(root, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    place_file(root, "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    r = doctor_of(root);
    expect_told(r, "  memory                 unlimited          memory.limit_in_bytes");
    expect_told(r, "  processor time         unlimited          cpu.cfs_quota_us");
    remove_machine(root);
}

TEST(doctor_sees_limits_of_control_groups_2, fast)
{
    const char *root = tools_file("machine");
    const ran *r;

    EXPECT_EQ(mkdir(root, 0700), 0);
    place_file(root, "/proc/meminfo", "MemTotal:       16384000 kB\n");
    place_file(root, "/proc/self/cgroup", "0::/a/b\n");
    place_file(root, "/proc/self/mountinfo",
               "32 25 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n");
    place_file(root, "/sys/fs/cgroup/a/b/memory.max", "max\n");
    place_file(root, "/sys/fs/cgroup/a/b/memory.high", "67108864\n");
    place_file(root, "/sys/fs/cgroup/a/b/memory.current", "2097152\n");
    place_file(root, "/sys/fs/cgroup/a/memory.max", "268435456\n");
    place_file(root, "/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    place_file(root, "/sys/fs/cgroup/a/cpu.max", "30000 100000\n");
    r = doctor_of(root);
    expect_told(r, "! memory                 256.0 MiB          memory.max, 2.00 MiB used");
    expect_told(r, "! memory, soft           64.0 MiB ");
    expect_told(r, "! processor time         0.30 of");
    remove_machine(root);
    EXPECT_EQ(mkdir(root, 0700), 0);
    expect_told(doctor_of(root), "  control groups         none ");
    remove_machine(root);
}

TEST_MAIN
