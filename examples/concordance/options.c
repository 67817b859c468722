#include "options.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: concordance [option...] [FILE...]\n"
    "\n"
    "Prints the most frequent words of text files, where they occur, and what that cost in "
    "memory;\n"
    "then does the same over the C library's malloc and prints time and memory side by side.\n"
    "Without files it reads the sources and documents of loam itself.\n"
    "\n"
    "  --top N         show the N most frequent words (20)\n"
    "  --word W        show only where the word W occurs\n"
    "  --prefix P      show only the words that begin with P, in order\n"
    "  --sorted        show all words, in order\n"
    "  --nth N         show only the N-th word in order\n"
    "  --limit BYTES   let words and their texts, without the dictionary and the places, take at\n"
    "                  most so much memory; 64K, 10M and 1G will do\n"
    "  --tree DIR      read the sources and documents below DIR\n"
    "  --no-compare    leave out the run over malloc\n"
    "  --help          show this\n"
    "\n"
    "Exit status: 0 all was read, 1 a file was not, 2 memory ran out, 3 wrong usage.\n";

/* The power of two behind a number: K, M and G stand for 10, 20 and 30. */
static bool parse_unit(const char *text, unsigned *power)
{
    static const char units[] = "kKmMgG";
    const char *unit = strchr(units, *text);

    if (*text == '\0') {
        *power = 0;
        return true;
    }
    *power = unit ? 10 * (unsigned)((unit - units) / 2 + 1) : 0;
    return unit && text[1] == '\0';
}

static bool parse_size(const char *text, size_t *size)
{
    char *end;
    unsigned long long number;
    unsigned power;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    number = strtoull(text, &end, 10);
    if (errno || !parse_unit(end, &power) || number > SIZE_MAX >> power)
        return false;
    *size = (size_t)number << power;
    return true;
}

/* ---- the options that have a value; each function returns false iff the value makes no sense ----
 */

static bool set_top(struct options *options, char *value)
{
    return parse_size(value, &options->top);
}

static bool set_nth(struct options *options, char *value)
{
    return parse_size(value, &options->nth) && options->nth > 0;
}

static bool set_limit(struct options *options, char *value)
{
    return parse_size(value, &options->limit) && options->limit > 0;
}

static bool set_tree(struct options *options, char *value)
{
    options->tree = value;
    return *value != '\0';
}

/* Folds a word as those in files are. False as well iff the text is not exactly one word. */
static bool set_token(struct token *token, char *text)
{
    struct tokens tokens = {.at = text, .end = text + strlen(text)};
    struct token second;

    return tokens_next(&tokens, token) && !tokens_next(&tokens, &second);
}

static bool set_word(struct options *options, char *value)
{
    return set_token(&options->word, value);
}

static bool set_prefix(struct options *options, char *value)
{
    return set_token(&options->prefix, value);
}

static const struct option {
    const char *name;
    bool (*set)(struct options *options, char *value);
    const char *needs;
} known[] = {
    {"--top", set_top, "a number"},
    {"--limit", set_limit, "a number of bytes above 0, such as 64K"},
    {"--tree", set_tree, "a directory"},
    {"--word", set_word, "one word"},
    {"--prefix", set_prefix, "the beginning of a word"},
    {"--nth", set_nth, "a number above 0"},
};

/* The option that an argument begins with, alone or before a '=', or NULL. */
static const struct option *find_option(const char *argument)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t length = strlen(known[i].name);

        if (strncmp(argument, known[i].name, length) == 0 &&
            (argument[length] == '\0' || argument[length] == '='))
            return &known[i];
    }
    return NULL;
}

/* Takes in the option at argv[*at] with its value, `--name value` or `--name=value`, and leaves
 * `*at` at the last argument used. Returns false iff it makes no sense, which is said. */
static bool parse_option(struct options *options, char **argv, int *at)
{
    char *name = argv[*at], *value = strchr(name, '=');
    const struct option *option = find_option(name);

    if (strcmp(name, "--no-compare") == 0) {
        options->compare = false;
        return true;
    }
    if (strcmp(name, "--sorted") == 0) {
        options->sorted = true;
        return true;
    }
    if (!option) {
        fprintf(stderr, "concordance: %s: no such option; try --help\n", name);
        return false;
    }
    if (value)
        value++;
    else if (argv[*at + 1])
        value = argv[++*at];
    if (value && option->set(options, value))
        return true;
    fprintf(stderr, "concordance: %s needs %s; try --help\n", option->name, option->needs);
    return false;
}

bool options_question(const struct options *options)
{
    return options->word.text || options->prefix.text || options->sorted || options->nth;
}

bool options_parse(struct options *options, int argc, char **argv, int *status)
{
    int at;

    memset(options, 0, sizeof *options);
    options->top = 20;
    options->compare = true;
    for (at = 1; at < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "--") == 0) {
            at++;
            break;
        }
        if (strcmp(argv[at], "--help") == 0) {
            fputs(usage, stdout);
            *status = STATUS_DONE;
            return false;
        }
        if (!parse_option(options, argv, &at)) {
            *status = STATUS_USAGE;
            return false;
        }
    }
    options->paths = argv + at;
    options->path_count = (size_t)(argc - at);
    return true;
}
