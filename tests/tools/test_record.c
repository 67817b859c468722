/* `loam record`: what a program did is in the trace, in an order that is possible, whatever it does. */
#include "tools_support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Calls of this size and operation. */
static size_t count_calls(const trace_item *calls, size_t count, unsigned op, uint64_t size)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        found += calls[i].op == op && (op == TRACE_FREE ? calls[i].before : calls[i].size) == size;
    return found;
}

/* The trace has these many requests and as many blocks given, of this size. */
static void expect_taken(const char *file, uint64_t size, size_t wanted)
{
    size_t count;
    trace_item *calls = tools_calls(file, &count, NULL);

    test_note("%s, size %d", file, (int)size);
    EXPECT_EQ(count_calls(calls, count, TRACE_ALLOC, size), wanted);
    EXPECT_EQ(count_calls(calls, count, TRACE_FREE, size), wanted);
    test_note(NULL);
    free(calls);
}

/* ---- one thread ---- */

TEST(every_function_is_recorded, fast)
{
    static const struct {
        uint8_t op, align_log2;
        uint64_t size, before;
    } wanted[] = {
        {TRACE_ALLOC, 0, 7777, 0},          {TRACE_ALLOC, 0, 7001, 0},
        {TRACE_ALLOC_ZEROED, 0, 7007, 0},   {TRACE_RESIZE, 0, 7100, 7001},
        {TRACE_RESIZE, 0, 7200, 7100},      {TRACE_ALLOC_ALIGNED, 8, 7003, 0},
        {TRACE_ALLOC_ALIGNED, 9, 7168, 0},  {TRACE_FREE, 0, 0, 7003},
        {TRACE_FREE, 0, 0, 7168},           {TRACE_ALLOC_ALIGNED, 10, 7005, 0},
        {TRACE_ALLOC_ALIGNED, 12, 7006, 0}, {TRACE_FREE, 0, 0, 7005},
        {TRACE_FREE, 0, 0, 7006},           {TRACE_ALLOC_ALIGNED, 12, 8192, 0},
        {TRACE_FREE, 0, 0, 8192},           {TRACE_FREE, 0, 0, 7007},
        {TRACE_FREE, 0, 0, 7200},           {TRACE_FREE, 0, 0, 7777},
    };
    const char *file = tools_record("family", 0);
    size_t count, next = 0;
    trace_item *calls = tools_calls(file, &count, NULL);

    for (size_t i = 0; i < count && next < sizeof wanted / sizeof *wanted; i++) {
        const trace_item *c = &calls[i];

        if (c->size < 7000 && c->before < 7000)
            continue; /* the C library's */
        test_note("call %zu", next);
        EXPECT_EQ(c->op, wanted[next].op);
        EXPECT_EQ(c->size, wanted[next].size);
        EXPECT_EQ(c->before, wanted[next].before);
        EXPECT_EQ(c->align_log2, wanted[next].align_log2);
        next++;
    }
    EXPECT_EQ(next, sizeof wanted / sizeof *wanted);
    free(calls);
    unlink(file);
}

TEST(what_is_refused_is_not_recorded, fast)
{
    const char *file = tools_record("refused", 0);
    trace_sums sums;
    size_t count;
    trace_item *calls = tools_calls(file, &count, &sums);

    EXPECT_EQ(count_calls(calls, count, TRACE_ALLOC, 7001), 1);
    EXPECT_EQ(count_calls(calls, count, TRACE_FREE, 7001), 1);
    EXPECT_LE(sums.largest_request, 100000);
    EXPECT_EQ(sums.lost, 0);
    free(calls);
    unlink(file);
}

TEST(times_and_the_command_are_recorded, fast)
{
    const char *file = tools_record("much", 0), *words;
    trace_error error;
    trace_reader *reader = trace_reader_open(file, &error);
    trace_item item;
    trace_text_kind kind;
    uint64_t last = 0;

    EXPECT(reader != NULL);
    EXPECT(trace_reader_head(reader)->start > UINT64_C(1600000000000000000));
    while (trace_reader_next(reader, &item, &error) == TRACE_GOT)
        last = item.time;
    EXPECT(last > 100000 && last < UINT64_C(600000000000));
    words = trace_reader_text(reader, 1, &kind);
    EXPECT(words && strstr(words, "tools_subject much") && kind == TRACE_TEXT_PROGRAM);
    trace_reader_close(reader);
    unlink(file);
}

/* ---- threads ---- */

/* The reader refuses a block that is given before it is taken or taken twice. */
TEST(threads_that_exchange_blocks_have_a_possible_order, fast)
{
    const char *file = tools_record("threads", 0);
    size_t count, given = 0, taken = 0, threads = 0;
    trace_item *calls = tools_calls(file, &count, NULL);

    for (size_t i = 0; i < count; i++) {
        if (calls[i].op == TRACE_ALLOC && calls[i].size >= 7000 && calls[i].size < 7032)
            taken++;
        if (calls[i].op == TRACE_FREE && calls[i].before >= 7000 && calls[i].before < 9000)
            given++;
        threads = calls[i].thread > threads ? calls[i].thread : threads;
    }
    EXPECT_EQ(taken, 8 * 20000);
    EXPECT_EQ(given, 8 * 20000);
    EXPECT_EQ(threads, 9);
    free(calls);
    unlink(file);
}

TEST(threads_that_end_leave_all_they_did, fast)
{
    const char *file = tools_record("many_threads", 0);
    size_t count, highest = 0;
    trace_item *calls = tools_calls(file, &count, NULL);

    for (size_t i = 0; i < count; i++)
        highest = calls[i].thread > highest ? calls[i].thread : highest;
    EXPECT_EQ(count_calls(calls, count, TRACE_ALLOC, 7100), 300);
    EXPECT_EQ(count_calls(calls, count, TRACE_FREE, 7300), 300);
    EXPECT_EQ(count_calls(calls, count, TRACE_ALLOC, 7200), 4 * 300); /* rounds of destructors */
    EXPECT(highest > 300);
    free(calls);
    unlink(file);
}

/* What is written at the end of a thread goes to a chunk that others use on. */
TEST(threads_that_ended_hold_no_chunk, fast)
{
    const char *file = tools_record("ended_threads", 0);

    expect_taken(file, 7100, 300);
    unlink(file);
}

TEST(a_thread_that_is_cancelled_does_not_end_in_malloc, fast)
{
    const char *file = tools_record("cancelled", 0);

    expect_taken(file, 7001, 30000);
    unlink(file);
}

/* ---- processes ---- */

/* Whether a file exists whose name has these pieces; gives the name, and removes nothing. */
static bool find_file(const char *start, const char *end, char name[256])
{
    DIR *folder = opendir(".");
    const struct dirent *entry;
    bool found = false;

    EXPECT(folder != NULL);
    while (!found && (entry = readdir(folder)) != NULL) {
        size_t length = strlen(entry->d_name), tail = strlen(end);

        found = strncmp(entry->d_name, start, strlen(start)) == 0 && length > tail &&
                strcmp(entry->d_name + length - tail, end) == 0 && strlen(start) + tail < length;
        if (found)
            snprintf(name, 256, "%s", entry->d_name);
    }
    closedir(folder);
    return found;
}

static void expect_fork(const char *mode)
{
    const char *file = tools_record(mode, 0);
    char start[256], name[256];

    snprintf(start, sizeof start, "%.*s.", (int)strlen(file) - 4, file);
    expect_taken(file, 7001, 10);
    expect_taken(file, 7002, 0);
    expect_taken(file, 7003, 10);
    EXPECT(!find_file(start, ".mtr", name));
    unlink(file);
    EXPECT_EQ(RUN("record", "-q", "-c", "-o", file, tools_subject(), mode)->code, 0);
    expect_taken(file, 7003, 10);
    expect_taken(file, 7002, 0);
    EXPECT(find_file(start, ".mtr", name));
    expect_taken(name, 7002, 20);
    expect_taken(name, 7003, 0);
    unlink(name);
    unlink(file);
}

TEST(a_child_is_not_in_the_trace_of_its_parent, fast)
{
    expect_fork("fork");
}

TEST(a_child_of_a_bare_fork_is_not_either, fast)
{
    expect_fork("bare_fork");
}

/* Whatever the other threads of its parent held when it came. */
TEST(a_child_waits_for_no_thread_of_its_parent, fast)
{
    unlink(tools_record("fork_amid_threads", 0));
}

/* The kernel is made to know no page that it wipes in a child. */
TEST(a_child_is_known_where_the_kernel_wipes_nothing, fast)
{
    const char *file = tools_file("old"), *probe = tools_file("probe");
    char command[2048];
    const ran *r;

    if (test_under_asan() || test_under_tsan())
        TEST_SKIP("a sanitizer gives that advice as well");
    snprintf(command, sizeof command,
             "command -v strace >/dev/null && strace -o '%s' -e inject=madvise:error=EINVAL true",
             probe);
    r = tools_run((const char *const[]){"/bin/sh", "-c", command, NULL});
    unlink(probe);
    if (r->code != 0)
        TEST_SKIP("strace is not here, or may not trace");
    snprintf(
        command, sizeof command,
        "strace -f -qq -o '%s' -e trace=madvise -e inject=madvise:error=EINVAL '%s' record -q -o "
        "'%s' '%s' fork",
        probe, tools_loam(), file, tools_subject());
    r = tools_run((const char *const[]){"/bin/sh", "-c", command, NULL});
    unlink(probe);
    if (r->code != 0)
        TEST_FAIL("it ended with %d:\n%s", r->code, r->err);
    expect_taken(file, 7001, 10);
    expect_taken(file, 7002, 0);
    expect_taken(file, 7003, 10);
    unlink(file);
}

/* Every trace of every process is good, also while the processors have other work, and runs over a heap for
 * threads. */
TEST(threads_forks_and_execs_at_once_are_recorded, fast)
{
    const char *file = tools_file("churn");
    char start[256], name[256], command[2048];
    size_t traces = 0, count, taken = 0;
    trace_item *calls;
    const ran *r;

    snprintf(command, sizeof command,
             "for i in 1 2; do (while :; do :; done) & all=\"$all $!\"; done; "
             "'%s' record -q -c -o '%s' '%s' churn; code=$?; kill $all; exit $code",
             tools_loam(), file, tools_subject());
    r = tools_run((const char *const[]){"/bin/sh", "-c", command, NULL});
    if (r->code != 0)
        TEST_FAIL("it ended with %d:\n%s", r->code, r->err);
    calls = tools_calls(file, &count, NULL);
    for (size_t i = 0; i < count; i++)
        taken += calls[i].op == TRACE_ALLOC && calls[i].size >= 7000 && calls[i].size < 7032;
    EXPECT_EQ(taken, 3 * 20000);
    free(calls);
    r = RUN("replay", "--over", "sharded", "--repetitions", "1", "--no-latency", file);
    EXPECT_EQ(r->code, 0);
    unlink(file);
    snprintf(start, sizeof start, "%.*s.", (int)strlen(file) - 4, file);
    while (find_file(start, ".mtr", name)) {
        free(tools_calls(name, &count, NULL));
        r = RUN("replay", "--over", "sharded", "--repetitions", "1", "--no-latency", "--no-worst",
                name);
        EXPECT_EQ(r->code, 0);
        unlink(name);
        traces++;
    }
    EXPECT(traces >= 6); /* those that were replaced have two */
}

TEST(of_a_program_that_replaces_itself_the_last_is_recorded, fast)
{
    const char *file = tools_record("exec", 0);
    char start[256], name[256];

    snprintf(start, sizeof start, "%.*s.", (int)strlen(file) - 4, file);
    expect_taken(file, 7001, 0);
    expect_taken(file, 7004, 40);
    unlink(file);
    EXPECT_EQ(RUN("record", "-q", "-c", "-o", file, tools_subject(), "exec")->code, 0);
    EXPECT(find_file(start, "-0.mtr", name));
    expect_taken(name, 7001, 10);
    unlink(name);
    unlink(file);
}

static void expect_survives(const char *mode, int code)
{
    const char *file = tools_record(mode, code);
    size_t count;
    trace_item *calls = tools_calls(file, &count, NULL);

    EXPECT_EQ(count_calls(calls, count, TRACE_FREE, 7001), 5000);
    EXPECT_EQ(count_calls(calls, count, TRACE_ALLOC, 7009), 1);
    free(calls);
    unlink(file);
}

TEST(what_is_killed_leaves_its_trace, fast)
{
    expect_survives("kill", 128 + 9);
}

TEST(what_aborts_leaves_its_trace, fast)
{
    expect_survives("abort", 128 + 6);
}

TEST(a_program_may_close_what_it_does_not_know, fast)
{
    const char *file = tools_record("closes", 0);

    expect_taken(file, 7002, 30000);
    unlink(file);
}

/* What does not fit into the files that it may have is counted. */
TEST(a_program_that_may_write_only_short_files_lives, fast)
{
    const char *file = tools_record("short_files", 0);
    trace_sums sums;
    size_t count;

    free(tools_calls(file, &count, &sums));
    EXPECT(count > 8000 && sums.lost > 100000);
    EXPECT_LE(count + sums.lost, 200000 + 1000);
    unlink(file);
}

/* Each call is in the trace, or counted: none is written over another, or beyond a chunk. */
TEST(signal_handlers_may_use_malloc, fast)
{
    const char *file = tools_file("signals");
    char command[2048];
    trace_sums sums;
    size_t count, came;
    trace_item *calls;
    const ran *r;

    snprintf(command, sizeof command, "LD_PRELOAD=\"$LD_PRELOAD:%s\" exec '%s' signals",
             tools_quick_malloc(), tools_subject());
    r = RUN("record", "-q", "-o", file, "/bin/sh", "-c", command);
    if (r->code == 77)
        TEST_SKIP("no signal can be had after each instruction");
    if (r->code != 0)
        TEST_FAIL("it ended with %d:\n%s", r->code, r->err);
    calls = tools_calls(file, &count, &sums);
    EXPECT_EQ(count_calls(calls, count, TRACE_ALLOC, 7001), 10);
    EXPECT_EQ(count_calls(calls, count, TRACE_FREE, 7001), 10);
    came = count_calls(calls, count, TRACE_ALLOC, 7006);
    EXPECT(came > 500 && sums.lost > 0);
    EXPECT_EQ(count_calls(calls, count, TRACE_ALLOC, 7005) + sums.lost / 2, came);
    free(calls);
    unlink(file);
}

TEST(a_program_may_load_libraries, fast)
{
    const char *file = tools_record("library", 0);

    expect_taken(file, 7001, 10);
    unlink(file);
}

/* ---- the command ---- */

TEST(the_exit_code_is_the_programs, fast)
{
    const char *file;
    size_t count;

    unlink(tools_record("fails", 7));
    EXPECT_EQ(RUN("record", "-o", tools_file("x"), "--", "./there-is-no-such")->code, 127);
    EXPECT_EQ(RUN("record", "-o", tools_file("x"), "--", "/")->code, 126);
    EXPECT_EQ(RUN("record", "-o", "no/such/folder/x", "--", tools_subject(), "much")->code, 125);
    EXPECT_EQ(RUN("record", "--", tools_subject(), "much")->code, 2);
    file = tools_record("fails_127", 127);
    free(tools_calls(file, &count, NULL)); /* it could be started */
    EXPECT(count > 0);
    unlink(file);
    EXPECT_EQ(RUN("record", "-o", tools_file("x"))->code, 2);
    EXPECT_EQ(RUN("record", "-o", tools_file("x"), "--limit", "many", "--", "true")->code, 2);
}

TEST(a_log_that_reaches_its_limit_says_so, fast)
{
    const char *file = tools_file("limit");
    const ran *r = RUN("record", "-o", file, "--limit", "1M", "--", tools_subject(), "much");
    trace_sums sums;
    size_t count;

    EXPECT_EQ(r->code, 0);
    EXPECT(strstr(r->err, "calls are not in it: the log reached its --limit") != NULL);
    free(tools_calls(file, &count, &sums));
    EXPECT(sums.lost > 100000 && count > 1000);
    EXPECT_LE(sums.lost + count, 200000 + 1000);
    unlink(file);
}

/* The name of the folder that `loam record` says it left. */
static void find_folder(const ran *r, char folder[1024])
{
    const char *at = strstr(r->err, "the logs are in ");

    if (!at)
        TEST_FAIL("no folder is left:\n%s", r->err);
    snprintf(folder, 1024, "%s", at + strlen("the logs are in "));
    folder[strcspn(folder, "\n")] = 0;
}

static void remove_folder(const char *folder)
{
    char command[1200];

    snprintf(command, sizeof command, "rm -r '%s'", folder);
    EXPECT_EQ(system(command), 0);
}

TEST(logs_that_were_left_can_be_finished, fast)
{
    const char *file = tools_file("left"), *again = tools_file("again");
    const ran *r = RUN("record", "-q", "--keep-log", "-o", file, "--", tools_subject(), "much");
    char folder[1024];

    EXPECT_EQ(r->code, 0);
    find_folder(r, folder);
    EXPECT_EQ(RUN("record", "-q", "-o", again, "--finish", folder)->code, 0);
    expect_taken(again, 7001, 100000);
    EXPECT_EQ(RUN("record", "-q", "-o", again, "--finish", "no/such")->code, 125);
    remove_folder(folder);
    unlink(file);
    unlink(again);
}

TEST(a_full_disk_takes_no_log_away, fast)
{
    const char *file = tools_file("again");
    char folder[1024];
    const ran *r;

    if (access("/dev/full", W_OK) != 0)
        TEST_SKIP("there is no /dev/full");
    r = RUN("record", "-q", "-o", "/dev/full", "--", tools_subject(), "much");
    EXPECT_EQ(r->code, 125);
    find_folder(r, folder);
    EXPECT_EQ(RUN("record", "-q", "-o", file, "--finish", folder)->code, 0);
    expect_taken(file, 7001, 100000);
    remove_folder(folder);
    unlink(file);
}

/* The first event of a chunk becomes one that needs a thread before it. */
TEST(a_log_without_threads_is_refused, fast)
{
    char folder[1024], command[1400];
    const ran *r =
        RUN("record", "-q", "--keep-log", "-o", tools_file("x"), "--", tools_subject(), "refused");

    find_folder(r, folder);
    snprintf(command, sizeof command,
             "PATH=\"$PATH:/usr/bin:/bin\"; "
             "for f in '%s'/*.log; do printf '\\010' | dd of=\"$f\" bs=1 seek=65536 conv=notrunc "
             "2>/dev/null; done",
             folder);
    EXPECT_EQ(system(command), 0);
    r = RUN("record", "-q", "-o", tools_file("x"), "--finish", folder);
    EXPECT_EQ(r->code, 125);
    EXPECT(strstr(r->err, "the log is damaged") != NULL);
    remove_folder(folder);
}

TEST(a_plain_trace_is_of_version_1, fast)
{
    const char *file = tools_file("plain");
    char folder[1024];
    trace_error error;
    trace_reader *reader;
    const ran *r;

    EXPECT_EQ(RUN("record", "-q", "--plain", "-o", file, tools_subject(), "much")->code, 0);
    expect_taken(file, 7001, 100000);
    reader = trace_reader_open(file, &error);
    EXPECT_EQ(trace_reader_head(reader)->version, 1);
    trace_reader_close(reader);
    r = RUN("record", "--plain", "-o", "-", tools_subject(), "much");
    EXPECT_EQ(r->code, 125);
    find_folder(r, folder);
    remove_folder(folder);
    unlink(file);
}

/* What was recorded is run again over malloc and recorded: the same calls. */
TEST(record_replay_record_is_the_same, fast)
{
    static const char *const modes[] = {"family", "threads", "refused"};

    if (test_under_asan() || test_under_tsan())
        TEST_SKIP("a sanitizer must be loaded before the recorder");
    for (size_t m = 0; m < 3; m++) {
        const char *first = tools_record(modes[m], 0), *second = tools_file("second");
        size_t count, again;
        trace_item *a = tools_calls(first, &count, NULL), *b;
        const ran *r =
            RUN("record", "-q", "-o", second, tools_loam(), "replay", "--only-calls", first);

        if (r->code != 0)
            TEST_FAIL("replay ended with %d:\n%s", r->code, r->err);
        b = tools_calls(second, &again, NULL);
        EXPECT_EQ(count, again);
        for (size_t i = 0; i < count; i++) {
            test_note("%s: call %zu", modes[m], i);
            EXPECT_EQ(a[i].op, b[i].op);
            EXPECT_EQ(a[i].slot, b[i].slot);
            EXPECT_EQ(a[i].size, b[i].size);
            EXPECT_EQ(a[i].align_log2, b[i].align_log2);
        }
        free(a);
        free(b);
        unlink(first);
        unlink(second);
    }
}

TEST(compressed_traces_are_written_and_read, fast)
{
    char file[256];
    const ran *r;

    snprintf(file, sizeof file, "%s.zst", tools_file("packed"));
    r = RUN("record", "-q", "-o", file, tools_subject(), "much");
    if (r->code == 125 && strstr(r->err, "does not write zstd"))
        TEST_SKIP("zstd is not here");
    EXPECT_EQ(r->code, 0);
    expect_taken(file, 7001, 100000);
    EXPECT_EQ(RUN("replay", "--over", "libc", "--no-latency", file)->code, 0);
    unlink(file);
}

/* A changed byte of a compressed trace is refused, or changes nothing that is read. */
TEST(damage_to_compressed_traces_is_refused, fast)
{
    static unsigned char bytes[1 << 20];
    char path[256];
    const ran *r;
    FILE *file;
    size_t size, refused = 0, flips = test_bound("LOAM_TEST_FLIPS", 1000);
    test_rng rng;

    snprintf(path, sizeof path, "%s.zst", tools_file("packed"));
    r = RUN("record", "-q", "-o", path, tools_subject(), "refused");
    if (r->code == 125 && strstr(r->err, "does not write zstd"))
        TEST_SKIP("zstd is not here");
    file = fopen(path, "rb");
    EXPECT(file != NULL);
    size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    unlink(path);
    test_rng_init(&rng, test_seed());
    for (size_t i = 0; i < flips + size; i++) { /* and each truncation */
        size_t at = (size_t)test_rng_below(&rng, size), length = i < flips ? size : i - flips;
        unsigned char flip = i < flips ? (unsigned char)(1 + test_rng_below(&rng, 255)) : 0;
        trace_error error = {UINT64_MAX, ""};
        trace_reader *reader;
        trace_item item;
        trace_result got = TRACE_WRONG;

        test_note("byte %zu, flipped %#x, of %zu", at, flip, length);
        bytes[at] ^= flip;
        reader = trace_reader_open_memory(bytes, length, &error);
        while (reader && (got = trace_reader_next(reader, &item, &error)) == TRACE_GOT)
            ;
        bytes[at] ^= flip;
        EXPECT(got == TRACE_DONE || error.reason[0] != 0);
        EXPECT(i < flips || got == TRACE_WRONG);
        refused += got == TRACE_WRONG;
        trace_reader_close(reader);
    }
    EXPECT(refused > size + flips - flips / 20);
}

TEST_MAIN
