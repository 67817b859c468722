#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_CAPACITY = 64 * 1024 };

const char *text_reason(text_status status)
{
    switch (status) {
    case TEXT_SYSTEM_ERROR:
        return strerror(errno);
    case TEXT_IS_FOLDER:
        return "is a directory";
    case TEXT_IS_NO_FILE:
        return "is not a regular file";
    case TEXT_IS_BINARY:
        return "is not text";
    case TEXT_NO_MEMORY:
        return "out of memory";
    case TEXT_OK:
    case TEXT_END:
        break;
    }
    return "no error";
}

static text_status check_kind(int descriptor)
{
    struct stat facts;

    if (fstat(descriptor, &facts) != 0)
        return TEXT_SYSTEM_ERROR;
    if (S_ISDIR(facts.st_mode))
        return TEXT_IS_FOLDER;
    return S_ISREG(facts.st_mode) ? TEXT_OK : TEXT_IS_NO_FILE;
}

static void close_quietly(int descriptor)
{
    int reason = errno;

    close(descriptor);
    errno = reason;
}

text_status text_open(struct text *text, const char *path, loam_allocator memory)
{
    text_status status;

    memset(text, 0, sizeof *text);
    loam_vec_init(&text->buffer, memory);
    text->descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe must not block us */
    if (text->descriptor < 0)
        return TEXT_SYSTEM_ERROR;
    status = check_kind(text->descriptor);
    if (status == TEXT_OK && !loam_vec_reserve_exact(&text->buffer, FIRST_CAPACITY))
        status = TEXT_NO_MEMORY;
    if (status != TEXT_OK)
        close_quietly(text->descriptor);
    return status;
}

void text_close(struct text *text)
{
    loam_vec_deinit(&text->buffer);
    close_quietly(text->descriptor);
}

/* Reads until the buffer is full or the file has ended. */
static bool fill(struct text *text)
{
    size_t room;

    while ((room = text->buffer.cap - text->buffer.count) > 0 && !text->ended) {
        ssize_t got = read(text->descriptor, text->buffer.data + text->buffer.count, room);

        if (got < 0 && errno != EINTR)
            return false;
        if (got == 0)
            text->ended = true;
        if (got > 0)
            text->buffer.count += (size_t)got;
    }
    return true;
}

/* Bytes up to and with the last white space; 0 where there is none. */
static size_t whole_words(const char *text, size_t length)
{
    while (length > 0 && (unsigned char)text[length - 1] > ' ')
        length--;
    return length;
}

/* Text has no zero byte, and of other control characters at most a few. */
static bool looks_binary(const char *bytes, size_t length)
{
    size_t odd = 0;

    if (memchr(bytes, '\0', length))
        return true;
    for (size_t i = 0; i < length; i++)
        odd += (unsigned char)bytes[i] < ' ' && !strchr("\t\n\v\f\r\b\033", bytes[i]);
    return odd > length / 16;
}

text_status text_next(struct text *text, char **block, size_t *length)
{
    /* The unfinished word behind the last block comes first. */
    (void)loam_vec_erase_n(&text->buffer, 0, text->handed);
    text->handed = 0;

    for (;;) {
        if (!fill(text))
            return TEXT_SYSTEM_ERROR;
        text->handed =
            text->ended ? text->buffer.count : whole_words(text->buffer.data, text->buffer.count);
        if (text->handed > 0 || text->ended)
            break;
        if (!loam_vec_reserve(&text->buffer, text->buffer.cap + 1))
            return TEXT_NO_MEMORY;
    }
    *block = text->buffer.data;
    *length = text->handed;
    if (text->handed == 0)
        return TEXT_END;
    return looks_binary(text->buffer.data, text->handed) ? TEXT_IS_BINARY : TEXT_OK;
}
