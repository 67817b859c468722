/* token.h: finds the words in a block of text.
 *
 * A word is a run of letters, and of digits behind the first letter: sand, utf8, größe. Upper case
 * ASCII letters become lower case. An apostrophe between letters belongs to the word (don't), the
 * typographic one too, as if it were the plain one. What begins with a digit is a number, not a
 * word. Every byte from 0x80 up is taken as a letter, so that words of all languages are kept, but
 * for the UTF-8 forms of spaces, quotation marks, dashes, arrows and the like.
 */
#ifndef CONCORDANCE_TOKEN_H
#define CONCORDANCE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct token {
    const char *text; /* inside the block; not ended by a zero byte */
    size_t length;    /* at least 1 */
    uint32_t line;    /* counted from 1 */
};

/* Where the search is. Set it to a block and the line that this begins on. */
struct tokens {
    char *at;
    char *end;
    uint32_t line; /* at the end of the block: the line that the next one begins on */
};

/* Finds the next word. Folds it in place, so the block changes. Returns false iff there is none. */
bool tokens_next(struct tokens *tokens, struct token *found);

#endif
