/* strbuf_format.c: numbers, and what printf() prints. */
#include "strbuf_internal.h"

#include <limits.h>
#include <stdio.h>

/* ---- numbers ---- */

enum { DECIMAL_DIGITS = 20, HEX_DIGITS = 16 }; /* of 64 bits */

/* Writes the digits in front of `end`; returns the first one. */
static char *decimal_before(char *end, uint64_t number)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";

    while (number >= 100) {
        end -= 2;
        memcpy(end, pairs + 2 * (number % 100), 2);
        number /= 100;
    }
    if (number >= 10) {
        end -= 2;
        memcpy(end, pairs + 2 * number, 2);
        return end;
    }
    *--end = (char)('0' + number);
    return end;
}

bool loam_strbuf_append_uint(loam_strbuf *s, uint64_t number)
{
    char digits[DECIMAL_DIGITS], *end = digits + sizeof digits;
    const char *first = decimal_before(end, number);

    return loam_strbuf_append(s, first, (size_t)(end - first));
}

/* The magnitude of the smallest number is no int64_t. */
bool loam_strbuf_append_int(loam_strbuf *s, int64_t number)
{
    char digits[1 + DECIMAL_DIGITS], *end = digits + sizeof digits;
    uint64_t magnitude = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    char *first = decimal_before(end, magnitude);

    if (number < 0)
        *--first = '-';
    return loam_strbuf_append(s, first, (size_t)(end - first));
}

bool loam_strbuf_append_hex(loam_strbuf *s, uint64_t number, unsigned least)
{
    char digits[HEX_DIGITS], *end = digits + sizeof digits, *first = end;

    while (number > 0 || first == end || (size_t)(end - first) < loam_min(least, HEX_DIGITS)) {
        *--first = "0123456789abcdef"[number & 15];
        number >>= 4;
    }
    return loam_strbuf_append(s, first, (size_t)(end - first));
}

/* ---- formats ---- */

/* What vsnprintf() may be told, with the zero byte: some C libraries refuse more than INT_MAX. */
static size_t told_room(size_t room)
{
    return loam_min(room, INT_MAX - 1) + 1;
}

/* A format that is of `size` bytes, as it seemed when it was tried. */
typedef struct formatted {
    const char *format;
    va_list arguments;
    size_t size;
} formatted;

/* Formats for the second time. False iff the C library can't, or the text now is a longer one. */
static bool write_formatted(void *piece, char *to, size_t *written)
{
    formatted *f = (formatted *)piece;
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): the list was copied to the structure */
    int length = vsnprintf(to, told_room(f->size), f->format, f->arguments);

    *written = (size_t)length;
    return length >= 0 && (size_t)length <= f->size;
}

bool loam_strbuf_append_format_list(loam_strbuf *s, const char *format, va_list arguments)
{
    size_t room = loam_strbuf_left(s);
    formatted again;
    int length;
    bool good;

    LOAM_REQUIRE(format, LOAM_MISUSE_STRBUF_NULL, s);
    if (!format)
        return loam_strbuf_refuse(s);
    again.format = format;
    va_copy(again.arguments, arguments);
    length = vsnprintf(s->next, s->next ? told_room(room) : 0, format, arguments);
    if (length < 0 || length == INT_MAX) { /* the latter could not be told to have room */
        good = loam_strbuf_refuse(s);
    } else if (s->next && (size_t)length < told_room(room)) {
        s->next += length;
        good = true;
    } else {
        again.size = (size_t)length;
        good = loam_strbuf_write_piece(s, again.size, write_formatted, &again);
    }
    va_end(again.arguments);
    return good;
}

bool loam_strbuf_append_format(loam_strbuf *s, const char *format, ...)
{
    va_list arguments;
    bool good;

    va_start(arguments, format);
    good = loam_strbuf_append_format_list(s, format, arguments);
    va_end(arguments);
    return good;
}
