/* export_text.h: what the exporters write with: numbers and words through one buffer, and names that
 * no format stumbles over. */
#ifndef LOAM_TOOLS_EXPORT_TEXT_H
#define LOAM_TOOLS_EXPORT_TEXT_H

#include "out.h"

#include <stdint.h>

enum { TEXT_BUFFER = 1 << 16, TEXT_NAME = 256 };

typedef struct text_writer {
    out *to;
    bool failed; /* nothing more is written; out_end() knows why */
    size_t used;
    char buffer[TEXT_BUFFER];
} text_writer;

void text_put(text_writer *t, const void *bytes, size_t size);
void text_words(text_writer *t, const char *words);
void text_number(text_writer *t, uint64_t number);
void text_hex(text_writer *t, uint64_t number); /* with no 0x */

/* At most 1000 bytes of text. */
__attribute__((format(printf, 2, 3))) void text_format(text_writer *t, const char *format, ...);

/* As a JSON string, quotes included; `words` are clean. */
void text_json(text_writer *t, const char *words);

/* Hands on what is in the buffer. False: something was refused since the beginning. */
bool text_flush(text_writer *t);

/* Makes a name clean: one line of valid UTF-8 with no control characters, which come as \x0a. It has
 * less than `room` bytes, at least 8; what is longer ends in three dots. `swaps` are pairs of
 * characters: the first of each is replaced by the second. Returns its length. */
size_t text_clean(char *to, size_t room, const char *from, const char *swaps);

#endif
