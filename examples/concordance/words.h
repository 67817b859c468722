/* words.h: every word once, and every place where it occurs.
 *
 *     table          words                              places
 *     [ . ]
 *     [ *-]--> |sand|12 times|first place|*-]--> |7 places|*-]--> |3 places, 4 free|
 *     [ . ]        |
 *     [ . ]        v next in the same bucket
 *
 * All memory comes through two handles. One gives words, records as long as their text, and blocks
 * of places, which are all of one size and go through a loam_cache. The other gives the table, one
 * array that doubles. Over an allocator that does not reclaim, such as an arena, nothing is given
 * back: whoever owns it drops all at once.
 *
 * Where plain C stands in for a layer of loam that is to take over, a comment says so.
 */
#ifndef CONCORDANCE_WORDS_H
#define CONCORDANCE_WORDS_H

#include "token.h"

#include <loam/cache.h>

/* A line of a file. */
struct place {
    uint32_t file; /* its number */
    uint32_t line; /* counted from 1 */
};

enum { PLACES_IN_BLOCK = 7 };

/* A cache line of places on 64-bit systems. A node as a pool serves it; and a chain of them stands
 * in for a vec of places. */
struct place_block {
    struct place_block *next;
    struct place at[PLACES_IN_BLOCK];
};

/* A record of its own length, as a heap serves it where words come and go. */
struct word {
    struct word *next;          /* in the same bucket */
    struct place_block *blocks; /* the second place and all further ones */
    struct place_block *newest; /* where the next place goes */
    size_t count;               /* how often it occurs */
    size_t places;              /* on how many lines */
    size_t length;              /* bytes of the text */
    uint32_t hash;              /* of the text */
    uint32_t filled;            /* places in the newest block */
    struct place first;         /* many words occur once, and need no block */
    char text[];                /* not ended by a zero byte */
};

struct words {
    loam_allocator records; /* words and blocks of places */
    loam_allocator tables;  /* the table */
    loam_cache_own own;     /* what `blocks` is where the allocator has no cache to share */
    loam_cache *blocks;     /* blocks of places */
    struct word **buckets;  /* the table: words by hash */
    size_t bucket_count;    /* a power of two */
    size_t grow_at;         /* count at which the table should double */
    size_t count;           /* different words */
    size_t total;           /* words in all */
};

/* Begins without words; must not move. Returns false iff out of memory. */
bool words_init(struct words *words, loam_allocator records, loam_allocator tables);

/* Ends it. Gives all back if there is any point in that. */
void words_deinit(struct words *words);

/* Notes that a word occurs in a file. Returns false iff out of memory; then nothing changed. */
bool words_add(struct words *words, const struct token *token, uint32_t file);

/* The word of this text, or NULL. */
const struct word *words_find(const struct words *words, const struct token *token);

/* Visits the places of a word, in the order in which they were added:
 *
 *     for (struct places_cursor at = places_of(word); places_next(&at, &place);) ... */
struct places_cursor {
    const struct word *word;
    const struct place_block *block; /* of the next place, unless that is the first */
    size_t visited;
};

struct places_cursor places_of(const struct word *word);
bool places_next(struct places_cursor *cursor, struct place *next);

/* How to sort: a comparison of two `const word *const` as qsort() wants it. */
typedef int (*words_order)(const void *a, const void *b);
int words_by_text(const void *a, const void *b);
int words_by_count(const void *a, const void *b); /* most frequent first, then by text */

/* All words, sorted: an array of words->count pointers from `memory`, to which it is given back
 * with loam_delete_array(). Returns NULL iff out of memory. Stands in for a btree in that order. */
const struct word **words_sorted(const struct words *words, loam_allocator memory,
                                 words_order order);

#endif
