/* report.h: what is printed about the words. */
#ifndef CONCORDANCE_REPORT_H
#define CONCORDANCE_REPORT_H

#include "index.h"

/* How much was read and found. */
void report_totals(FILE *out, const struct index_result *result, const struct words *words);

/* The first `count` words of a list, with how often and where each occurs. */
void report_top(FILE *out, const struct words *words, const word_list *ranked, size_t count,
                const struct files *files);

/* All words in the order of their texts, or with a prefix those that begin with it. */
void report_sorted(FILE *out, const struct words *words, const struct token *prefix,
                   const struct files *files);

/* The n-th word in the order of the texts, counted from 1, which need not be there. */
void report_nth(FILE *out, const struct words *words, size_t nth, const struct files *files);

/* Every place of one word, which need not be there. */
void report_word(FILE *out, const struct words *words, const struct token *asked,
                 const struct files *files);

#endif
