/* growing.c: the array that everybody writes: realloc() when it is full. Nothing is linked to: whose
 * realloc() this is, the process says that runs it; so the one that doubles is measured over each
 * malloc. It begins where loam's does, with a cache line or four elements. */
#include "peers.h"

#include <stdlib.h>

#define GROWING(T) growing_##T
#define GROWING_DEFINE(T)                                                                          \
    typedef struct GROWING(T) {                                                                    \
        T *data;                                                                                   \
        size_t count, cap;                                                                         \
    } GROWING(T);

GROWING_DEFINE(loam_bench_4)
GROWING_DEFINE(loam_bench_8)
GROWING_DEFINE(loam_bench_64)

static __attribute__((noinline, cold)) void *grow(void *data, size_t size, size_t *cap, size_t next)
{
    size_t least = size > 16 ? 4 : 64 / size;

    *cap = next > least ? next : least;
    data = realloc(data, *cap * size);
    if (!data)
        abort();
    return data;
}

#define GROWING_MAKE(a, T, wanted) ((a)->data = NULL, (a)->count = (a)->cap = 0)
#define GROWING_PUSH(a, T, value, next)                                                            \
    do {                                                                                           \
        if ((a)->count == (a)->cap)                                                                \
            (a)->data = grow((a)->data, sizeof(T), &(a)->cap, next);                               \
        (a)->data[(a)->count++] = (value);                                                         \
    } while (0)
#define GROWING_AT(a, T, index) (&(a)->data[index])
#define GROWING_END(a, T)       free((a)->data)

#define TWICE_PUSH(a, T, value)     GROWING_PUSH(a, T, value, (a)->cap * 2)
#define HALF_MORE_PUSH(a, T, value) GROWING_PUSH(a, T, value, (a)->cap + (a)->cap / 2)

LOAM_BENCH_ARRAYS(twice, GROWING, GROWING_MAKE, TWICE_PUSH, GROWING_AT, GROWING_END)
LOAM_BENCH_ARRAYS(half_more, GROWING, GROWING_MAKE, HALF_MORE_PUSH, GROWING_AT, GROWING_END)

const loam_bench_vec bench_malloc_vec = LOAM_BENCH_ARRAY_TABLE(twice);
const loam_bench_vec bench_grow_1_5x = LOAM_BENCH_ARRAY_TABLE(half_more);
