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
    fprintf(out, ", %zu different\n", words->count);
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
static void print_places(FILE *out, const struct word *word, const struct files *files)
{
    struct places_cursor cursor = places_of(word);
    uint32_t file = UINT32_MAX;

    for (struct place at; cursor.visited < PLACES_SHOWN && places_next(&cursor, &at);
         file = at.file) {
        if (at.file == file)
            fprintf(out, ",%" PRIu32, at.line);
        else
            fprintf(out, " %s:%" PRIu32, files->at[at.file]->name, at.line);
    }
    if (word->places > cursor.visited)
        fprintf(out, " and %zu more", word->places - cursor.visited);
}

static void print_row(FILE *out, const struct word *word, const struct files *files)
{
    fprintf(out, "%8zu  ", word->count);
    print_word(out, word);
    print_places(out, word, files);
    fputc('\n', out);
}

void report_top(FILE *out, const struct word **ranked, size_t count, const struct files *files)
{
    fprintf(out, "\n%8s  %-*s %s\n", "count", WORD_COLUMNS + 3, "word", "where");
    for (size_t i = 0; i < count; i++)
        print_row(out, ranked[i], files);
}

void report_word(FILE *out, const struct token *asked, const struct word *found,
                 const struct files *files)
{
    struct place at;

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
    for (struct places_cursor cursor = places_of(found); places_next(&cursor, &at);)
        fprintf(out, "%s:%" PRIu32 "\n", files->at[at.file]->name, at.line);
}

/* The index of the first word that is not less than a text; `count` if all are less. Stands in for
 * a btree's lower bound. */
static size_t lower_bound(const struct word **sorted, size_t count, const struct token *text)
{
    size_t low = 0;

    while (count > 0) {
        const struct word *middle = sorted[low + count / 2];
        size_t common = middle->length < text->length ? middle->length : text->length;
        int order = memcmp(middle->text, text->text, common);

        if (order < 0 || (order == 0 && middle->length < text->length)) {
            low += count / 2 + 1;
            count -= count / 2 + 1;
        } else {
            count /= 2;
        }
    }
    return low;
}

void report_prefix(FILE *out, const struct token *prefix, const struct word **sorted, size_t count,
                   const struct files *files)
{
    for (size_t i = lower_bound(sorted, count, prefix); i < count; i++) {
        if (sorted[i]->length < prefix->length ||
            memcmp(sorted[i]->text, prefix->text, prefix->length) != 0)
            break;
        print_row(out, sorted[i], files);
    }
}
