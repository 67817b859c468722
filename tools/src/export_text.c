/* export_text.c: one buffer, and clean names. */
#include "export_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool text_flush(text_writer *t)
{
    if (!t->failed && t->used > 0)
        t->failed = !out_write(t->to, t->buffer, t->used);
    t->used = 0;
    return !t->failed;
}

void text_put(text_writer *t, const void *bytes, size_t size)
{
    const char *from = bytes;

    while (size > 0) {
        size_t part = sizeof t->buffer - t->used;

        part = part < size ? part : size;
        memcpy(t->buffer + t->used, from, part);
        t->used += part;
        from += part;
        size -= part;
        if (t->used == sizeof t->buffer)
            (void)text_flush(t);
    }
}

void text_words(text_writer *t, const char *words)
{
    text_put(t, words, strlen(words));
}

static void put_in_base(text_writer *t, uint64_t number, unsigned base)
{
    char digits[24];
    size_t at = sizeof digits;

    do {
        digits[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    text_put(t, digits + at, sizeof digits - at);
}

void text_number(text_writer *t, uint64_t number)
{
    put_in_base(t, number, 10);
}

void text_hex(text_writer *t, uint64_t number)
{
    put_in_base(t, number, 16);
}

void text_format(text_writer *t, const char *format, ...)
{
    char line[1001];
    va_list arguments;
    int length;

    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start() is in the line before */
    length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length > 0)
        text_put(t, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

void text_json(text_writer *t, const char *words)
{
    text_put(t, "\"", 1);
    for (; *words; words++) {
        if (*words == '"' || *words == '\\')
            text_put(t, "\\", 1);
        text_put(t, words, 1);
    }
    text_put(t, "\"", 1);
}

/* ---- names ---- */

/* How many bytes the character at `from` has; 0: it is none of UTF-8, or a control character. */
static size_t character(const unsigned char *from)
{
    static const struct {
        unsigned char least, most; /* of the first byte */
        unsigned char second_least, second_most;
        size_t length;
    } kinds[] = {
        {0x20, 0x7e, 0, 0xff, 1},    {0xc2, 0xc2, 0xa0, 0xbf, 2}, /* after those of control */
        {0xc3, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, /* before surrogates */
        {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (from[0] < kinds[i].least || from[0] > kinds[i].most)
            continue;
        if (kinds[i].length == 1)
            return 1;
        if (from[1] < kinds[i].second_least || from[1] > kinds[i].second_most)
            return 0;
        for (size_t b = 2; b < kinds[i].length; b++)
            if ((from[b] & 0xc0) != 0x80)
                return 0;
        return kinds[i].length;
    }
    return 0;
}

static char swapped(char letter, const char *swaps)
{
    for (; *swaps; swaps += 2)
        if (*swaps == letter)
            return swaps[1];
    return letter;
}

size_t text_clean(char *to, size_t room, const char *from, const char *swaps)
{
    size_t at = 0, dots = 0; /* where three dots still fit */

    while (*from) {
        char escape[8];
        const char *piece = escape;
        size_t taken = character((const unsigned char *)from), length = taken;

        if (taken == 0) {
            length = (size_t)snprintf(escape, sizeof escape, "\\x%02x", (unsigned char)*from);
            taken = 1;
        } else if (taken == 1) {
            escape[0] = swapped(*from, swaps);
        } else {
            piece = from;
        }
        if (at + length >= room) {
            memcpy(to + dots, "...", 3);
            at = dots + 3;
            break;
        }
        memcpy(to + at, piece, length);
        at += length;
        if (at + 3 < room)
            dots = at;
        from += taken;
    }
    to[at] = 0;
    return at;
}
