/* Every command that reads a file, on damaged ones: an error in words, and never a crash.
 *
 * This program is loam itself, with its main(): the cases below call that in forked children, which is
 * quicker than to start it anew some ten thousand times. What comes in between is at the end of this file.
 */
#include "preload/log.h"
#include "tools_support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv);

/* ---- commands in children ---- */

/* Ends a child at once: what watches for leaks would take most of the time. */
static void leave(int code, void *unused)
{
    (void)unused;
    fflush(NULL);
    _exit(code);
}

static _Noreturn void be_loam(const char *const *words, int to)
{
    char *copies[16];
    int count = 0;

    for (; words[count]; count++)
        copies[count] = strdup(words[count]);
    copies[count] = NULL;
    if (dup2(to, 1) < 0 || dup2(to, 2) < 0 || on_exit(leave, NULL) != 0)
        _exit(99);
    alarm(20);
    exit(main(count, copies));
}

/* Runs a command. Returns its exit code, 128 and the signal that ended it; `said` gets what it wrote. */
static int run_loam(const char *const *words, char said[4096])
{
    static int to = -1;
    int status;
    pid_t child;
    ssize_t length;

    if (to < 0) {
        const char *path = tools_file("said");

        to = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
        unlink(path);
    }
    EXPECT(to >= 0 && ftruncate(to, 0) == 0 && lseek(to, 0, SEEK_SET) == 0);
    fflush(NULL);
    child = fork();
    if (child == 0)
        be_loam(words, to);
    EXPECT(child > 0 && waitpid(child, &status, 0) == child);
    length = pread(to, said, 4095, 0);
    said[length > 0 ? length : 0] = 0;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- files ---- */

typedef struct file {
    char path[256];
    unsigned char *bytes;
    size_t size;
} file;

static void load(file *f, const char *path)
{
    FILE *opened = fopen(path, "rb");
    struct stat about;

    EXPECT(opened != NULL && fstat(fileno(opened), &about) == 0);
    snprintf(f->path, sizeof f->path, "%s", path);
    f->size = (size_t)about.st_size;
    f->bytes = malloc(f->size);
    EXPECT(f->bytes && fread(f->bytes, 1, f->size, opened) == f->size);
    fclose(opened);
}

/* Writes a part of the file anew. */
static void store(const file *f, size_t at, size_t size)
{
    int to = open(f->path, O_WRONLY);

    EXPECT(to >= 0);
    EXPECT(pwrite(to, f->bytes + at, size, (off_t)at) == (ssize_t)size);
    close(to);
}

static void cut(const file *f, size_t size)
{
    EXPECT_EQ(truncate(f->path, (off_t)size), 0);
}

/* ---- traces ---- */

/* The commands, each with the trace behind its words. */
static const char *const commands[][10] = {
    {"loam", "stats"},
    {"loam", "replay", "--over", "libc", "--repetitions", "1", "--no-latency", "--no-worst"},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

/* Runs all commands; each ends with 1 and says where and why, or with 0 if damage may go unseen. */
static void expect_refused(const file *f, bool may_read)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        const char *words[12];
        char said[4096];
        size_t count = 0;
        int code;

        for (; commands[i][count]; count++)
            words[count] = commands[i][count];
        words[count] = f->path;
        words[count + 1] = NULL;
        code = run_loam(words, said);
        if (code == 0 && may_read)
            continue;
        if (code != 1 || !strstr(said, ": at byte "))
            TEST_FAIL("%s ended with %d and says:\n%s", words[1], code, said);
    }
}

static void damage(file *f, size_t flips, bool may_read)
{
    test_rng rng;

    expect_refused(f, true);
    test_rng_init(&rng, test_seed());
    for (size_t i = 0; i < flips; i++) {
        size_t at = (size_t)test_rng_below(&rng, f->size);
        unsigned char flip = (unsigned char)(1 + test_rng_below(&rng, 255));

        test_note("byte %zu, flipped %#x", at, flip);
        f->bytes[at] ^= flip;
        store(f, at, 1);
        expect_refused(f, may_read);
        f->bytes[at] ^= flip;
        store(f, at, 1);
    }
}

static void truncate_each(file *f, size_t step)
{
    for (size_t length = f->size; length > step; length -= step) {
        test_note("cut at %zu of %zu", length - step, f->size);
        cut(f, length - step);
        expect_refused(f, false);
    }
    test_note(NULL);
    unlink(f->path);
    free(f->bytes);
}

/* A trace of a small program, in this version of the format. */
static void make_trace(file *f, bool plain)
{
    const char *path = tools_file("trace");
    const ran *r = plain ? RUN("record", "-q", "--plain", "-o", path, tools_subject(), "family")
                         : RUN("record", "-q", "-o", path, tools_subject(), "family");

    EXPECT_EQ(r->code, 0);
    load(f, path);
}

static void damage_both(size_t flips, size_t step)
{
    for (int plain = 0; plain < 2; plain++) {
        file f;

        make_trace(&f, plain);
        damage(&f, plain ? flips / 10 : flips, plain);
        truncate_each(&f, step);
    }
}

TEST(damaged_traces_are_refused_by_every_command, fast)
{
    damage_both(test_bound("LOAM_TEST_FLIPS", 100), 41);
}

TEST(damaged_traces_are_refused_by_every_command_often, slow)
{
    damage_both(test_bound("LOAM_TEST_FLIPS", 10000), 1);
}

/* ---- logs ---- */

/* What is recorded of a small program, as the folder that was left. */
static void make_log(file *log, char folder[512])
{
    const char *path = tools_file("log"), *at;
    char name[1024];
    const ran *r = RUN("record", "-q", "--keep-log", "-o", path, "--", tools_subject(), "family");
    FILE *list;

    EXPECT_EQ(r->code, 0);
    unlink(path);
    at = strstr(r->err, "the logs are in ");
    EXPECT(at != NULL);
    snprintf(folder, 512, "%s", at + strlen("the logs are in "));
    folder[strcspn(folder, "\n")] = 0;
    snprintf(name, sizeof name, "ls '%s'/*.log", folder);
    list = popen(name, "r");
    EXPECT(list && fgets(name, sizeof name, list));
    pclose(list);
    name[strcspn(name, "\n")] = 0;
    EXPECT(strlen(name) < sizeof log->path);
    load(log, name);
}

/* Finishes the log: there is a good trace then, or words and none. */
static void expect_finished(const char *folder)
{
    const char *path = tools_file("finished");
    const char *const words[] = {"loam", "record", "-q", "-o", path, "--finish", folder, NULL};
    char said[4096];
    int code = run_loam(words, said);
    size_t count;

    if (code == 0)
        free(tools_calls(path, &count, NULL));
    else if (code != 125 || access(path, F_OK) == 0 || !strstr(said, "loam record: "))
        TEST_FAIL("it ended with %d and says:\n%s", code, said);
    unlink(path);
}

static void damage_logs(size_t flips, size_t step)
{
    char folder[512];
    file log;
    size_t used;
    test_rng rng;

    make_log(&log, folder);
    for (used = log.size; used > 0 && log.bytes[used - 1] == 0;)
        used--;
    EXPECT(used > LOG_HEAD + 200);
    expect_finished(folder);
    test_rng_init(&rng, test_seed());
    for (size_t i = 0; i < flips; i++) {
        bool in_head = test_rng_one_in(&rng, 4);
        size_t at = in_head ? (size_t)test_rng_below(&rng, 128)
                            : LOG_HEAD + (size_t)test_rng_below(&rng, used - LOG_HEAD);
        unsigned char flip = (unsigned char)(1 + test_rng_below(&rng, 255));

        test_note("byte %zu, flipped %#x", at, flip);
        log.bytes[at] ^= flip;
        store(&log, at, 1);
        expect_finished(folder);
        log.bytes[at] ^= flip;
        store(&log, at, 1);
    }
    for (size_t length = used; length > 0; length -= length < step ? length : step) {
        if (length < LOG_HEAD && length > 200) /* words, and zeros */
            length = length % step + 200;
        test_note("cut at %zu", length);
        cut(&log, length);
        expect_finished(folder);
    }
    test_note(NULL);
    unlink(log.path);
    EXPECT_EQ(rmdir(folder), 0);
    free(log.bytes);
}

TEST(damaged_logs_are_finished_or_refused, fast)
{
    damage_logs(test_bound("LOAM_TEST_FLIPS", 200), 37);
}

TEST(damaged_logs_are_finished_or_refused_often, slow)
{
    damage_logs(test_bound("LOAM_TEST_FLIPS", 10000), 1);
}

/* Threads and times that no program has: refused, and nothing is taken for them. */
TEST(a_log_with_a_huge_thread_or_time_takes_no_memory, fast)
{
    static const unsigned ops[] = {LOG_THREAD, LOG_TIME};
    char folder[512];
    file log;

    make_log(&log, folder);
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        const log_event was = *(log_event *)(void *)(log.bytes + LOG_HEAD);
        const log_event huge = {
            log_first(ops[i], log_number(was.first, was.second), (UINT64_C(1) << 45) - 1),
            log_second(log_number(was.first, was.second), UINT32_MAX)};
        const char *path = tools_file("huge");
        const char *const words[] = {"loam", "record", "-q", "-o", path, "--finish", folder, NULL};
        char said[4096];
        int code;

        memcpy(log.bytes + LOG_HEAD, &huge, sizeof huge);
        store(&log, LOG_HEAD, sizeof huge);
        code = run_loam(words, said);
        memcpy(log.bytes + LOG_HEAD, &was, sizeof was);
        EXPECT_EQ(code, 125);
        EXPECT(strstr(said, "the log is damaged") != NULL);
    }
    unlink(log.path);
    EXPECT_EQ(rmdir(folder), 0);
    free(log.bytes);
}

/* ---- in place of TEST_MAIN ---- */

/* Comes last of all constructors. `loam replay` starts its own program, by the name of loam. */
__attribute__((constructor)) static void be_tests(int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "loam") != 0)
        exit(test_main(argc, argv));
}
