/* btree_keys.h: the keys of the rows of ordered maps, the same for all contenders. */
#ifndef BENCH_BTREE_KEYS_H
#define BENCH_BTREE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All are arrays of uint64_t or const char *. Texts lie one behind the other in the order in which they were drawn, which
 * is none of these. */
typedef struct bench_keys {
    size_t count;           /* entries */
    size_t size;            /* bytes of a key: of a number, or of the address of a text */
    const void *present;    /* `count` keys in random order */
    const void *sorted;     /* the same in order */
    const uint64_t *values; /* 1, 2 and so on, for a tree that is built from arrays */
    const void *erased;     /* the same in another random order */
    size_t look_count;
    const void *looked; /* keys of these, drawn */
    const void *missed; /* as many that are none of these, drawn */
    size_t step_count;
    const void *steps; /* LOAM_BENCH_MIXED for each step: present, present and erased from then on,
                          present, not present and inserted from then on */
} bench_keys;

/* Keys for maps of so many entries; they are drawn at the first call of a process, for one count. */
const bench_keys *bench_keys_for(size_t count, bool texts);

/* The values of the keys that were drawn. */
const uint64_t *bench_values(void);

#endif
