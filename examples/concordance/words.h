/* words.h: every word once, in order, and every place where it occurs.
 *
 *     dictionary                 words                            places, of all words
 *     [ sand | silt ]              text                           0  |a.c:3, next 3|
 *      /     |     \             |12 times|first 0|newest 3|      1  |a.c:3, next 2|
 *     [and : *] [sand : *]---->                                   2  |a.c:7        |
 *                                                                 3  |b.c:2        |
 *
 * The dictionary is a tree: it finds a word, lists all of them in order or those that begin alike,
 * and knows which is the n-th, without ever sorting. Its keys hold the first eight bytes of a text
 * beside the word's address, so that most comparisons never go where the text is.
 *
 * All memory comes through four handles. One gives the words, records of one size, as a pool serves
 * them; one their texts, each as long as it is, as a heap does; one the nodes of the dictionary; and
 * one a vec, of the places of all words in the order in which they are read, each with a link to the
 * word's next one. This vec is by far the biggest thing here, and should have an allocator to itself,
 * where it can grow without a copy; a small one for each word would leave dead copies in an arena, or
 * its room to grow unused, thousands of times. Over an allocator that does not reclaim, such as an
 * arena, nothing is given back: whoever owns it drops all at once.
 */
#ifndef CONCORDANCE_WORDS_H
#define CONCORDANCE_WORDS_H

#include "token.h"

#include <loam/btree_typed.h>
#include <loam/vec_algorithms.h>

/* A line of a file on which a word occurs. */
struct place {
    uint32_t file; /* its number */
    uint32_t line; /* counted from 1 */
    uint32_t next; /* where the word's next place is in the vec; NO_PLACE: this is the last */
};

#define NO_PLACE UINT32_MAX

struct word {
    char *text;      /* not ended by a zero byte */
    size_t count;    /* how often it occurs */
    uint32_t places; /* on how many lines */
    uint32_t length; /* bytes of the text */
    uint32_t first;  /* its first place, and its newest one: where they are in the vec */
    uint32_t newest;
};

/* A word in the dictionary. */
struct word_key {
    uint64_t prefix; /* the first eight bytes of its text, the first one highest; zeros behind */
    struct word *word;
};

/* The order of the dictionary: by the bytes of the texts, a beginning before what goes on. */
int words_compare(const struct word_key *a, const struct word_key *b);

LOAM_BTREE_DEFINE_SET(dictionary, struct word_key, words_compare);

typedef LOAM_VEC(const struct word *) word_list;

/* Where the parts come from. */
struct words_memory {
    loam_allocator records;
    loam_allocator texts;
    loam_allocator nodes;
    loam_allocator places;
};

struct words {
    struct words_memory from;
    dictionary dictionary;         /* all words, in order; knows the n-th */
    LOAM_VEC(struct place) places; /* of all words */
    size_t total;                  /* words in all */
};

/* Begins without words. */
void words_init(struct words *words, const struct words_memory *from);

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

/* Sets a cursor before the first word that does not come before a text. */
void words_seek(const struct words *words, const struct token *text, loam_btree_cursor *cursor);

/* Whether a word begins with a text. */
bool word_begins_with(const struct word *word, const struct token *text);

/* Fills a list, which is empty, with all words, the most frequent ones first, equals in order.
 * Returns false iff out of memory. */
bool words_ranked(const struct words *words, word_list *list);

#endif
