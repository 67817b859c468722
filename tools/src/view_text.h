/* view_text.h: what pages are written with: numbers, and texts that may be of any bytes. */
#ifndef LOAM_TOOLS_VIEW_TEXT_H
#define LOAM_TOOLS_VIEW_TEXT_H

#include "out.h"

#include <stdint.h>

/* Collects bytes for an `out`, or only counts them. */
typedef struct view_sink {
    out *to; /* NULL: nowhere */
    bool good;
    uint64_t total; /* bytes that were put */
    size_t count;   /* that wait */
    char bytes[8192];
} view_sink;

void view_put(view_sink *s, const void *bytes, size_t size);
void view_puts(view_sink *s, const char *text);
void view_number(view_sink *s, uint64_t number);

/* A JSON string, quotes included, that may stand in a script of a page: without '<', '>' and '&', and
 * with U+FFFD for what is no UTF-8. */
void view_string(view_sink *s, const char *text);

/* The same as text of a page. */
void view_html(view_sink *s, const char *text);

/* Hands on what is left. Returns whether all went well. */
bool view_flush(view_sink *s);

#endif
