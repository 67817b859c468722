#include "report.h"

#include <inttypes.h>

enum { WORD_COLUMNS = 20, PLACES_SHOWN = 4 };

/* 1 word, 2 words. */
static void print_count(FILE *out, uint64_t count, const char *thing)
{
    fprintf(out, "%" PRIu64 " %s%s", count, thing, count == 1 ? "" : "s");
}

void report_totals(FILE *out, const struct index_result *result, const struct words *words)
{
    print_count(out, result->files, "file");
    fputs(", ", out);
    print_count(out, result->lines, "line");
    fprintf(out, ", %.2f MB: ", (double)result->bytes / 1e6);
    print_count(out, words->total, "word");
    fprintf(out, ", %zu different\n", dictionary_count(&words->dictionary));
}

/* Bytes of the UTF-8 character at `text`; 1 where it is none. */
static size_t character_length(const char *text, size_t length)
{
    size_t bytes = 1;

    while (bytes < length && bytes < 4 && ((unsigned char)text[bytes] & 0xC0) == 0x80)
        bytes++;
    return bytes;
}

/* A word in a column: short ones are filled up with spaces, long ones are cut. */
static void print_word(FILE *out, const struct word *word)
{
    size_t end = 0, columns = 0;

    while (end < word->length && columns < WORD_COLUMNS) {
        end += character_length(word->text + end, word->length - end);
        columns++;
    }
    fwrite(word->text, 1, end, out);
    if (end < word->length)
        fputs("...", out);
    else
        fprintf(out, "%*s", (int)(WORD_COLUMNS + 3 - columns), "");
}

/* The first places, and how many more there are: a.c:3,17 b.c:8 and 5 more lines. */
static void print_places(FILE *out, const struct words *words, const struct word *word,
                         const struct files *files)
{
    const struct place *at = places_first(words, word);
    uint32_t file = UINT32_MAX;
    size_t shown = 0;

    for (; at && shown < PLACES_SHOWN; at = places_next(words, at), shown++) {
        if (at->file == file)
            fprintf(out, ",%" PRIu32, at->line);
        else
            fprintf(out, " %s:%" PRIu32, files_at(files, at->file)->name, at->line);
        file = at->file;
    }
    if (at)
        fprintf(out, " and %zu more", word->places - shown);
}

static void print_row(FILE *out, const struct words *words, const struct word *word,
                      const struct files *files)
{
    fprintf(out, "%8zu  ", word->count);
    print_word(out, word);
    print_places(out, words, word, files);
    fputc('\n', out);
}

void report_top(FILE *out, const struct words *words, const word_list *ranked, size_t count,
                const struct files *files)
{
    fprintf(out, "\n%8s  %-*s %s\n", "count", WORD_COLUMNS + 3, "word", "where");
    for (size_t i = 0; i < count && i < ranked->count; i++)
        print_row(out, words, ranked->data[i], files);
}

void report_word(FILE *out, const struct words *words, const struct token *asked,
                 const struct files *files)
{
    const struct word *found = words_find(words, asked);
    const struct place *at;

    fwrite(asked->text, 1, asked->length, out);
    if (!found) {
        fputs(": nowhere\n", out);
        return;
    }
    fputs(": ", out);
    print_count(out, found->count, "time");
    fputs(", ", out);
    print_count(out, found->places, "line");
    fputc('\n', out);
    for (at = places_first(words, found); at; at = places_next(words, at))
        fprintf(out, "%s:%" PRIu32 "\n", files_at(files, at->file)->name, at->line);
}

void report_sorted(FILE *out, const struct words *words, const struct token *prefix,
                   const struct files *files)
{
    loam_btree_cursor at;

    if (prefix)
        words_seek(words, prefix, &at);
    else
        dictionary_cursor_seek_first(&at, &words->dictionary);
    for (dictionary_entry next; (next = dictionary_cursor_next(&at)).key;) {
        if (prefix && !word_begins_with(next.key->word, prefix))
            break;
        print_row(out, words, next.key->word, files);
    }
}

void report_nth(FILE *out, const struct words *words, size_t nth, const struct files *files)
{
    const struct word_key *found = dictionary_nth(&words->dictionary, nth - 1).key;

    if (found)
        print_row(out, words, found->word, files);
    else
        fprintf(out, "there are %zu words\n", dictionary_count(&words->dictionary));
}
