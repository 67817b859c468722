/* tools_support.c: runs loam. */
#include "tools_support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char *tools_loam(void)
{
    return LOAM_TEST_LOAM;
}

const char *tools_subject(void)
{
    return LOAM_TEST_SUBJECT;
}

const char *tools_quick_malloc(void)
{
    return LOAM_TEST_QUICK;
}

const char *tools_file(const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, 256, "tools-%s-%s-%d.mtr", test_name(), name, (int)getpid());
    (void)unlink(path);
    return path;
}

static void read_back(const char *path, char *text)
{
    FILE *file = fopen(path, "rb");
    size_t length;

    EXPECT(file != NULL);
    length = fread(text, 1, OUTPUT - 1, file);
    text[length] = 0;
    fclose(file);
    unlink(path);
}

static void become(const char *const *words, const char *out, const char *err)
{
    int to_out = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int to_err = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (to_out < 0 || to_err < 0 || dup2(to_out, 1) < 0 || dup2(to_err, 2) < 0)
        _exit(99);
    execv(words[0], (char *const *)(uintptr_t)words);
    _exit(98);
}

const ran *tools_run(const char *const *words)
{
    static ran result;
    char out[256], err[256];
    int status;
    pid_t child;

    snprintf(out, sizeof out, "%s", tools_file("out"));
    snprintf(err, sizeof err, "%s", tools_file("err"));
    child = fork();
    if (child == 0)
        become(words, out, err);
    EXPECT(child > 0 && waitpid(child, &status, 0) == child);
    result.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    read_back(out, result.out);
    read_back(err, result.err);
    return &result;
}

const char *tools_record(const char *mode, int code)
{
    const char *file = tools_file(mode);
    const ran *r = RUN("record", "-q", "-o", file, "--", tools_subject(), mode);

    if (r->code != code)
        TEST_FAIL("record %s ended with %d:\n%s", mode, r->code, r->err);
    return file;
}

trace_item *tools_calls(const char *file, size_t *count, trace_sums *sums)
{
    trace_error error = {0, ""};
    trace_reader *reader = trace_reader_open(file, &error);
    trace_item *calls = NULL, item;
    trace_result got = TRACE_WRONG;
    size_t room = 0;

    *count = 0;
    while (reader && (got = trace_reader_next(reader, &item, &error)) == TRACE_GOT) {
        if (item.op > TRACE_ALLOC_ALIGNED)
            continue;
        if (*count == room) {
            room = room ? room * 2 : 1024;
            calls = realloc(calls, room * sizeof *calls);
            EXPECT(calls != NULL);
        }
        calls[(*count)++] = item;
    }
    if (got != TRACE_DONE)
        TEST_FAIL("%s: at byte %llu: %s", file, (unsigned long long)error.offset, error.reason);
    if (sums)
        *sums = *trace_reader_sums(reader);
    trace_reader_close(reader);
    return calls;
}
