/* tool.c: messages, numbers and places. */
#include "tool.h"

#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const tool_command *running;
static bool progress_shown;

void tool_set_command(const tool_command *command)
{
    running = command;
}

static void say(const char *format, va_list arguments)
{
    tool_progress_end();
    (void)fflush(stdout);
    (void)fprintf(stderr, "loam%s%s: ", running ? " " : "", running ? running->name : "");
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): whoever calls has called va_start() */
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
}

void tool_say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void tool_fail(int code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    exit(code);
}

void tool_usage(const char *format, ...)
{
    va_list arguments;

    if (format) {
        va_start(arguments, format);
        say(format, arguments);
        va_end(arguments);
    }
    (void)fprintf(stderr, "Try: loam%s%s --help\n", running ? " " : "",
                  running ? running->name : "");
    exit(EXIT_USAGE);
}

int tool_end_output(int code)
{
    bool written = fflush(stdout) == 0 && !ferror(stdout);

    if (!written)
        tool_say("standard output cannot be written");
    return !written && code == EXIT_GOOD ? EXIT_BAD : code;
}

int tool_help(void)
{
    (void)fputs(running->help, stdout);
    return tool_end_output(EXIT_GOOD);
}

void tool_refuse_same(const char *trace, const char *output)
{
    struct stat from, to;

    if (strcmp(output, "-") != 0 && stat(trace, &from) == 0 && stat(output, &to) == 0 &&
        S_ISREG(from.st_mode) && from.st_dev == to.st_dev && from.st_ino == to.st_ino)
        tool_usage("%s is the trace itself", output);
}

void tool_end_with_parent(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

/* ---- progress ---- */

void tool_progress(const char *what, uint64_t done, uint64_t total)
{
    static int terminal = -1;

    if (terminal < 0)
        terminal = isatty(STDERR_FILENO);
    if (!terminal)
        return;
    progress_shown = true;
    if (total)
        (void)fprintf(stderr, "\r%s: %3.0f %% \033[K", what, 100.0 * (double)done / (double)total);
    else
        (void)fprintf(stderr, "\r%s: %s \033[K", what, tool_count(done));
    (void)fflush(stderr);
}

void tool_progress_end(void)
{
    if (progress_shown)
        (void)fputs("\r\033[K", stderr);
    progress_shown = false;
}

/* ---- numbers ---- */

bool tool_read_number(const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
    uint64_t number = 0;

    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || number > (UINT64_MAX - 9) / 10)
            return false;
        number = number * 10 + (uint64_t)(*text - '0');
    }
    *value = number;
    return number >= least && number <= most;
}

bool tool_read_size(const char *text, uint64_t *value)
{
    static const char units[] = "kMGT";
    char digits[24];
    size_t length = strlen(text);
    const char *unit = length ? strchr(units, text[length - 1]) : NULL;
    unsigned shift = unit && *unit ? 10 * (unsigned)(unit - units + 1) : 0;

    if (length == 0 || length >= sizeof digits)
        return false;
    memcpy(digits, text, length + 1);
    if (shift)
        digits[length - 1] = 0;
    if (!tool_read_number(digits, 0, UINT64_MAX >> shift, value))
        return false;
    *value <<= shift;
    return true;
}

static char *next_buffer(void)
{
    static char buffers[16][40];
    static unsigned next;

    return buffers[next++ % 16];
}

const char *tool_bytes(uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    char *text = next_buffer();
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    (void)snprintf(text, 40, "%.*f %s", unit == 0 ? 0 : value < 10 ? 2 : 1, value, units[unit]);
    return text;
}

const char *tool_count(uint64_t count)
{
    char digits[24], *text = next_buffer();
    size_t length = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    size_t at = 0;

    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[at++] = ' ';
        text[at++] = digits[i];
    }
    text[at] = 0;
    return text;
}

const char *tool_time(double nanoseconds)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    char *text = next_buffer();
    size_t unit = 0;

    while (nanoseconds >= 1000 && unit < 3) {
        nanoseconds /= 1000;
        unit++;
    }
    (void)snprintf(text, 40, "%.*f %s",
                   nanoseconds < 10    ? 2
                   : nanoseconds < 100 ? 1
                                       : 0,
                   nanoseconds, units[unit]);
    return text;
}

/* ---- places ---- */

const char *tool_own_path(void)
{
    static char path[PATH_MAX];
    ssize_t length;

    if (path[0])
        return path;
    length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length < 0)
        return NULL;
    path[length] = 0;
    return path;
}

const char *tool_library(const char *name, const char *variable)
{
    static char path[PATH_MAX];
    static const char *const places[] = {"/", "/" LOAM_LIBRARY_FROM_BIN "/"};
    const char *own = tool_own_path(), *said = getenv(variable);
    int folder = own && strrchr(own, '/') ? (int)(strrchr(own, '/') - own) : 0;

    if (said && *said)
        return access(said, R_OK) == 0 ? realpath(said, path) : NULL;
    for (size_t i = 0; own && i < sizeof places / sizeof *places; i++) {
        char place[PATH_MAX];

        if (snprintf(place, sizeof place, "%.*s%s%s", folder, own, places[i], name) <
                (int)sizeof place &&
            access(place, R_OK) == 0 && realpath(place, path))
            return path;
    }
    return NULL;
}

void tool_json_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte == '"' || byte == '\\')
            printf("\\%c", byte);
        else if (byte < 32)
            printf("\\u%04x", byte);
        else
            putchar(byte);
    }
    putchar('"');
}
