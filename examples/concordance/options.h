/* options.h: what the command line asks for, and what the program answers to who started it. */
#ifndef CONCORDANCE_OPTIONS_H
#define CONCORDANCE_OPTIONS_H

#include "token.h"

/* Exit statuses; the higher one wins where two apply. */
enum {
    STATUS_DONE,   /* all was read */
    STATUS_FILES,  /* a file that was named could not be read, or the output not be written */
    STATUS_MEMORY, /* memory ran out; what was printed covers the text up to there */
    STATUS_USAGE   /* the command line makes no sense; nothing was done */
};

struct options {
    char **paths; /* the files to read */
    size_t path_count;
    const char *tree;    /* where to look for sources and documents; NULL: nowhere */
    size_t top;          /* how many of the most frequent words to show */
    struct token word;   /* show only where this word occurs; no text: not asked */
    struct token prefix; /* show only the words that begin so; no text: not asked */
    bool sorted;         /* show all words, in order */
    size_t nth;          /* show only the n-th word in order, counted from 1; 0: not asked */
    size_t limit;        /* the most bytes of words and texts, without places; 0: no limit */
    bool compare;        /* whether to run the same over malloc and show both */
};

/* Fills in `*options` from the command line, whose strings it keeps and may fold. Returns false iff
 * there is nothing to do: help was asked for and given, or the command line is wrong and this was
 * said; then `*status` is the exit status. */
bool options_parse(struct options *options, int argc, char **argv, int *status);

/* Whether a question was asked, whose answer is all that is to be printed. */
bool options_question(const struct options *options);

#endif
