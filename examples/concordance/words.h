/* words.h: every word once, and every place where it occurs.
 *
 *     table     words                                    places, of all words
 *     [ . ]         text                              0  |a.c:3, next 3|
 *     [ *-]--> |12 times|first 0|newest 3| -> sand    1  |a.c:3, next 2|
 *     [ . ]        |                                  2  |a.c:7        |
 *     [ . ]        v next in the same bucket          3  |b.c:2        |
 *
 * All memory comes through four handles. One gives the words, records of one size, as a pool serves
 * them; one their texts, each as long as it is, as a heap does; one the table, a vec; and one another
 * vec, of the places of all words in the order in which they are read, each with a link to the word's
 * next one. This vec is by far the biggest thing here, and should have an allocator to itself, where
 * it can grow without a copy; a small one for each word would leave dead copies in an arena, or its
 * room to grow unused, thousands of times. Over an allocator that does not reclaim, such as an arena,
 * nothing is given back: whoever owns it drops all at once.
 *
 * Where plain C stands in for a layer of loam that is to take over, a comment says so.
 */
#ifndef CONCORDANCE_WORDS_H
#define CONCORDANCE_WORDS_H

#include "token.h"

#include <loam/vec_algorithms.h>

/* A line of a file on which a word occurs. */
struct place {
    uint32_t file; /* its number */
    uint32_t line; /* counted from 1 */
    uint32_t next; /* where the word's next place is in the vec; NO_PLACE: this is the last */
};

#define NO_PLACE UINT32_MAX

struct word {
    struct word *next; /* in the same bucket */
    char *text;        /* not ended by a zero byte */
    size_t count;      /* how often it occurs */
    uint32_t places;   /* on how many lines */
    uint32_t length;   /* bytes of the text */
    uint32_t hash;     /* of the text */
    uint32_t first;    /* its first place, and its newest one: where they are in the vec */
    uint32_t newest;
};

typedef LOAM_VEC(struct word *) word_table;
typedef LOAM_VEC(const struct word *) word_list;

/* Where the parts come from. */
struct words_memory {
    loam_allocator records;
    loam_allocator texts;
    loam_allocator table;
    loam_allocator places;
};

struct words {
    struct words_memory from;
    word_table table;              /* words by hash; a power of two of buckets */
    LOAM_VEC(struct place) places; /* of all words */
    size_t grow_at;                /* count at which the table should double */
    size_t count;                  /* different words */
    size_t total;                  /* words in all */
};

/* Begins without words. Returns false iff out of memory. */
bool words_init(struct words *words, const struct words_memory *from);

/* Ends it. Gives all back if there is any point in that. */
void words_deinit(struct words *words);

/* Notes that a word occurs in a file. Returns false iff out of memory; then nothing changed. */
bool words_add(struct words *words, const struct token *token, uint32_t file);

/* No more is added: gives back the room that the places had to grow. */
void words_seal(struct words *words);

/* The word of this text, or NULL. */
const struct word *words_find(const struct words *words, const struct token *token);

/* Visits the places of a word, in the order in which they were added:
 *
 *     for (const struct place *at = places_first(words, word); at; at = places_next(words, at)) */
const struct place *places_first(const struct words *words, const struct word *word);
const struct place *places_next(const struct words *words, const struct place *place);

/* How to sort words, for loam_vec_sort(). */
int words_by_text(void *context, const void *a, const void *b);
int words_by_count(void *context, const void *a, const void *b); /* most frequent first */

/* Where the first word stands that does not come before a text, in a list that is sorted by text. */
size_t words_lower_bound(const word_list *sorted, const struct token *text);

/* Fills a list, which is empty, with all words and sorts it. Returns false iff out of memory. Stands
 * in for a btree in that order. */
bool words_sorted(const struct words *words, word_list *list, loam_vec_compare_fn order);

#endif
