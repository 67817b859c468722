#include "token.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_ascii_letter(char c)
{
    return (unsigned char)((c | 0x20) - 'a') < 26;
}

/* Bytes at `at` that are one UTF-8 character and no letter; 0 where they are one, or ASCII.
 * These are U+0080-00BF, U+2000-2BFF (punctuation, arrows, boxes, ...) and U+3000-303F. */
static size_t sign_length(const char *at, const char *end)
{
    unsigned char first = (unsigned char)at[0];
    unsigned char second = end - at > 1 ? (unsigned char)at[1] : 0;

    if (first == 0xC2 && second >= 0x80 && second <= 0xBF)
        return 2;
    if (end - at < 3)
        return 0;
    if (first == 0xE2 && second >= 0x80 && second <= 0xAF)
        return 3;
    return first == 0xE3 && second == 0x80 ? 3 : 0;
}

/* Whether a letter begins at `at`. */
static bool is_letter(const char *at, const char *end)
{
    return is_ascii_letter(*at) || ((unsigned char)*at >= 0x80 && sign_length(at, end) == 0);
}

/* Bytes of an apostrophe at `at` that a letter follows; 0 where there is none. */
static size_t apostrophe_length(const char *at, const char *end)
{
    size_t length = 0;

    if (*at == '\'')
        length = 1;
    else if (end - at > 3 && at[0] == '\xE2' && at[1] == '\x80' && at[2] == '\x99')
        length = 3;
    return length && end - at > (ptrdiff_t)length && is_letter(at + length, end) ? length : 0;
}

/* Bytes of the next piece of a word, a letter, a digit or an apostrophe, and in `*folded` the byte
 * that it counts as; 0 where the word ends. */
static size_t piece_length(const char *at, const char *end, char *folded)
{
    *folded = *at;
    if (is_ascii_letter(*at)) {
        *folded = (char)(*at | 0x20);
        return 1;
    }
    if (is_digit(*at) || is_letter(at, end))
        return 1;
    *folded = '\'';
    return apostrophe_length(at, end);
}

/* Passes over a number and what is glued to it: 0x1F, 3rd, 90's. */
static char *skip_number(char *at, const char *end)
{
    char folded;

    for (size_t length; at < end && (length = piece_length(at, end, &folded)) > 0;)
        at += length;
    return at;
}

/* Goes to the next letter that begins a word. Returns false iff there is none. */
static bool find_word(struct tokens *tokens)
{
    while (tokens->at < tokens->end) {
        char c = *tokens->at;

        if (is_letter(tokens->at, tokens->end))
            return true;
        if (is_digit(c)) {
            tokens->at = skip_number(tokens->at, tokens->end);
            continue;
        }
        if (c == '\n' && tokens->line < UINT32_MAX)
            tokens->line++;
        tokens->at += (unsigned char)c < 0x80 ? 1 : sign_length(tokens->at, tokens->end);
    }
    return false;
}

bool tokens_next(struct tokens *tokens, struct token *found)
{
    char *at, *out, folded;

    if (!find_word(tokens))
        return false;
    found->text = out = at = tokens->at;
    for (size_t length;
         at < tokens->end && (length = piece_length(at, tokens->end, &folded)) > 0;) {
        at += length;
        *out++ = folded;
    }
    tokens->at = at;
    found->length = (size_t)(out - found->text);
    found->line = tokens->line;
    return true;
}
