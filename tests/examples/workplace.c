#include "workplace.h"

#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { EXIT_NOT_STARTED = 126, NOBODY = 65534 };

void workplace_make_folder(const char *path)
{
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        TEST_FAIL("%s: %s", path, strerror(errno));
}

void workplace_enter(void)
{
    char name[256];

    snprintf(name, sizeof name, "work.%s", test_name());
    workplace_make_folder(name);
    EXPECT_EQ(chdir(name), 0);
}

void workplace_write_bytes(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    EXPECT(file != NULL);
    EXPECT_EQ(fwrite(bytes, 1, size, file), size);
    EXPECT_EQ(fclose(file), 0);
}

void workplace_write(const char *path, const char *text)
{
    workplace_write_bytes(path, text, strlen(text));
}

char *workplace_read(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t length = 0, room = 1 << 16;
    char *text = malloc(room);

    EXPECT(file && text);
    while ((length += fread(text + length, 1, room - length - 1, file)) == room - 1) {
        room *= 2;
        text = realloc(text, room);
        EXPECT(text != NULL);
    }
    fclose(file);
    text[length] = '\0';
    return text;
}

/* In the child: standard output and error become files, and the program begins. */
static void begin_program(const char *const *arguments, manner how)
{
    int out = open(how.out ? how.out : "stdout", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    int error = open("stderr", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    int program = open(arguments[0], O_RDONLY); /* its folder may be closed to others */
    char *copies[32];
    size_t count = 0;

    for (; arguments[count] && count < 31; count++)
        copies[count] = strdup(arguments[count]);
    copies[count] = NULL;
    if (dup2(out, 1) < 0 || dup2(error, 2) < 0)
        _exit(EXIT_NOT_STARTED);
    if (how.humble && geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
        _exit(EXIT_NOT_STARTED);
#if defined(__linux__)
    fexecve(program, copies, environ);
#endif
    execv(copies[0], copies);
    _exit(EXIT_NOT_STARTED);
}

void workplace_run(const char *const *arguments, manner how, outcome *seen)
{
    int ended;
    pid_t child;

    fflush(NULL);
    child = fork();
    EXPECT(child >= 0);
    if (child == 0)
        begin_program(arguments, how);
    EXPECT_EQ(waitpid(child, &ended, 0), child);
    seen->status = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
    if (how.humble && seen->status == EXIT_NOT_STARTED)
        TEST_SKIP("the program can't be run as another user");
    seen->out = how.out ? NULL : workplace_read("stdout");
    seen->error = workplace_read("stderr");
}

void outcome_free(outcome *seen)
{
    free(seen->out);
    free(seen->error);
}
