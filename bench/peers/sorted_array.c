/* sorted_array.c: numbers in order in an array, values in another one: what a tree is compared with where
 * nothing changes. The search is a binary one without branches. */
#include "peers.h"

#include <stdlib.h>

typedef struct array {
    size_t count;
    uint64_t *keys, *values;
} array;

static void *open_array(void)
{
    return calloc(1, sizeof(array));
}

static void close_array(void *opaque)
{
    array *a = opaque;

    free(a->keys);
    free(a->values);
    free(a);
}

typedef struct pair {
    uint64_t key, value;
} pair;

static int by_key(const void *a, const void *b)
{
    uint64_t x = ((const pair *)a)->key, y = ((const pair *)b)->key;

    return (x > y) - (x < y);
}

static void array_fill(void *opaque, const void *from, size_t count)
{
    array *a = opaque;
    const uint64_t *keys = from;
    pair *pairs = malloc(count * sizeof *pairs);

    a->keys = malloc(count * sizeof *a->keys);
    a->values = malloc(count * sizeof *a->values);
    if (!pairs || !a->keys || !a->values)
        abort();
    for (size_t i = 0; i < count; i++)
        pairs[i] = (pair){keys[i], i + 1};
    qsort(pairs, count, sizeof *pairs, by_key);
    for (size_t i = 0; i < count; i++) {
        a->keys[i] = pairs[i].key;
        a->values[i] = pairs[i].value;
    }
    a->count = count;
    free(pairs);
}

static inline size_t rank_of(const array *a, uint64_t key)
{
    const uint64_t *base = a->keys;

    for (size_t length = a->count; length > 0;) {
        size_t half = (length + 1) / 2;

        base += half & -(size_t)(base[half - 1] < key);
        length -= half;
    }
    return (size_t)(base - a->keys);
}

static inline uint64_t array_at(const array *a, uint64_t key)
{
    size_t at = rank_of(a, key);

    return at < a->count && a->keys[at] == key ? a->values[at] : 0;
}

static inline uint64_t array_from(const array *a, uint64_t key)
{
    size_t at = rank_of(a, key);

    return at < a->count ? a->values[at] : 0;
}

static inline size_t array_walk(const array *a, const uint64_t *from, size_t most, uint64_t *sum)
{
    size_t at = from ? rank_of(a, *from) : 0;
    size_t count = a->count - at < most ? a->count - at : most;

    for (size_t i = 0; i < count; i++)
        *sum += a->values[at + i];
    return count;
}

/* Only the functions that read are used. */
#define ARRAY_PUT(a, key, value) ((void)(a), (void)(key), (void)(value), abort())
#define ARRAY_OUT(a, key)        ((void)(a), (void)(key), abort())

LOAM_BENCH_BTREE(array, uint64_t, LOAM_BENCH_NUMBER, array *, ARRAY_PUT, array_at, array_from,
                 ARRAY_OUT, array_walk, array_fill)

const loam_bench_btree bench_sorted_array = {open_array, close_array, array_fill,  array_build,
                                             array_find, array_chase, array_bound, array_range,
                                             array_all,  NULL,        NULL};
