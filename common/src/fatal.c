/* fatal.c: the one way in which detected misuse ends a program.
 *
 * Works on a broken heap and in a signal handler: no allocation, no lock, no stdio.
 */
#include <loam/base.h>

#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#include <io.h>
#else
#include <errno.h>
#include <unistd.h>
#endif

static const char *const texts[] = {
#define MISUSE_TEXT(name, text) text,
    LOAM_MISUSE_TABLE(MISUSE_TEXT)
#undef MISUSE_TEXT
};

const char *loam_misuse_text(loam_misuse what)
{
    return (unsigned)what < LOAM_MISUSE_COUNT ? texts[what] : "unknown misuse";
}

static void write_all(const char *text, size_t length)
{
#if defined(_WIN32)
    (void)_write(2, text, (unsigned)length);
#else
    while (length > 0) {
        ssize_t written = write(2, text, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        text += written;
        length -= (size_t)written;
    }
#endif
}

static char *append(char *at, const char *text)
{
    size_t length = strlen(text);

    memcpy(at, text, length);
    return at + length;
}

static char *append_hex(char *at, uintptr_t value)
{
    unsigned shift = (unsigned)sizeof value * 8 - 4;

    while (shift > 0 && (value >> shift) == 0)
        shift -= 4;
    for (;; shift -= 4) {
        *at++ = "0123456789abcdef"[(value >> shift) & 15];
        if (shift == 0)
            return at;
    }
}

static char *append_decimal(char *at, unsigned value)
{
    unsigned unit = 1;

    while (value / unit >= 10)
        unit *= 10;
    for (; unit > 0; unit /= 10)
        *at++ = (char)('0' + value / unit % 10);
    return at;
}

/* Of a name that is longer, its end. */
enum { FILE_MAX = 256 };

/* One write, so that the line stays whole beside the output of other threads. */
void loam_fatal_at(loam_misuse what, const void *pointer, const char *file, unsigned number)
{
    char line[160 + FILE_MAX];
    char *end = line;

    end = append(end, "loam: fatal: ");
    end = append(end, loam_misuse_text(what));
    end = append(end, ": 0x");
    end = append_hex(end, (uintptr_t)pointer);
    if (file) {
        size_t length = strlen(file);

        end = append(end, " at ");
        end = append(end, length > FILE_MAX ? file + (length - FILE_MAX) : file);
        *end++ = ':';
        end = append_decimal(end, number);
    }
    *end++ = '\n';
    write_all(line, (size_t)(end - line));
    abort();
}

void loam_fatal(loam_misuse what, const void *pointer)
{
    loam_fatal_at(what, pointer, NULL, 0);
}
