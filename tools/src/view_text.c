/* view_text.c: numbers and texts of pages. */
#include "view_text.h"

#include <stdio.h>
#include <string.h>

bool view_flush(view_sink *s)
{
    if (s->to && s->good && s->count > 0)
        s->good = out_write(s->to, s->bytes, s->count);
    s->count = 0;
    return s->good;
}

void view_put(view_sink *s, const void *bytes, size_t size)
{
    const char *from = bytes;

    s->total += size;
    while (size > 0) {
        size_t room = sizeof s->bytes - s->count, part = size < room ? size : room;

        memcpy(s->bytes + s->count, from, part);
        s->count += part;
        from += part;
        size -= part;
        if (s->count == sizeof s->bytes)
            (void)view_flush(s);
    }
}

void view_puts(view_sink *s, const char *text)
{
    view_put(s, text, strlen(text));
}

void view_number(view_sink *s, uint64_t number)
{
    char text[24];

    view_put(s, text, (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)number));
}

/* ---- texts ---- */

enum { NO_CHARACTER = 0xfffd };

/* Takes the next character of a text of any bytes; what is no UTF-8 is NO_CHARACTER, a byte at a time. */
static uint32_t next_character(const unsigned char **text)
{
    const unsigned char *at = *text;
    unsigned more = *at < 0xc2 ? 0 : *at < 0xe0 ? 1 : *at < 0xf0 ? 2 : *at < 0xf5 ? 3 : 0;
    uint32_t value = more == 0 ? *at : *at & (0x3fu >> more);
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

    (*text)++;
    if (more == 0)
        return value < 0x80 ? value : NO_CHARACTER;
    for (unsigned i = 1; i <= more; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return NO_CHARACTER;
        value = value << 6 | (at[i] & 0x3f);
    }
    if (value < least[more] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return NO_CHARACTER;
    *text += more;
    return value;
}

static void put_character(view_sink *s, uint32_t value)
{
    char bytes[4];

    if (value < 0x80) {
        bytes[0] = (char)value;
        view_put(s, bytes, 1);
    } else if (value < 0x800) {
        bytes[0] = (char)(0xc0 | value >> 6);
        bytes[1] = (char)(0x80 | (value & 0x3f));
        view_put(s, bytes, 2);
    } else if (value < 0x10000) {
        bytes[0] = (char)(0xe0 | value >> 12);
        bytes[1] = (char)(0x80 | (value >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (value & 0x3f));
        view_put(s, bytes, 3);
    } else {
        bytes[0] = (char)(0xf0 | value >> 18);
        bytes[1] = (char)(0x80 | (value >> 12 & 0x3f));
        bytes[2] = (char)(0x80 | (value >> 6 & 0x3f));
        bytes[3] = (char)(0x80 | (value & 0x3f));
        view_put(s, bytes, 4);
    }
}

void view_string(view_sink *s, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    view_puts(s, "\"");
    while (*at) {
        uint32_t value = next_character(&at);
        char escaped[8];

        if (value < 32 || (value >= 0x7f && value < 0xa0) || value == 0x2028 || value == 0x2029 ||
            (value < 0x80 && strchr("\"\\<>&'", (int)value))) {
            (void)snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)value);
            view_puts(s, escaped);
        } else {
            put_character(s, value);
        }
    }
    view_puts(s, "\"");
}

void view_html(view_sink *s, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at) {
        uint32_t value = next_character(&at);

        if (value < 32 || (value >= 0x7f && value < 0xa0))
            put_character(s, NO_CHARACTER);
        else if (value == '<')
            view_puts(s, "&lt;");
        else if (value == '>')
            view_puts(s, "&gt;");
        else if (value == '&')
            view_puts(s, "&amp;");
        else if (value == '"')
            view_puts(s, "&quot;");
        else
            put_character(s, value);
    }
}
