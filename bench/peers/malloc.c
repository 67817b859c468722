/* malloc.c: malloc() and free() in the place of an arena, and of a pool. Nothing is linked to: whose
 * malloc this is, the process says that runs it.
 *
 * The one word that is stored into each block links it to the block before, and dropping all blocks
 * walks that list: no array of addresses stands beside it.
 */
#include "peers.h"

#include <stdlib.h>

typedef struct link {
    struct link *before;
} link;

typedef struct blocks {
    link *newest;
} blocks;

static void *blocks_open(size_t size, size_t count)
{
    (void)size;
    (void)count;
    return calloc(1, sizeof(blocks));
}

static void blocks_reset(void *arena)
{
    blocks *all = arena;

    while (all->newest) {
        link *block = all->newest;

        all->newest = block->before;
        free(block);
    }
}

static void blocks_close(void *arena)
{
    blocks_reset(arena);
    free(arena);
}

#define BLOCKS_LOOP(name, size, take)                                                              \
    static void name##_##size(void *arena, size_t count)                                           \
    {                                                                                              \
        blocks *all = arena;                                                                       \
                                                                                                   \
        for (size_t i = 0; i < count; i++) {                                                       \
            link *block = take(size);                                                              \
                                                                                                   \
            block->before = all->newest;                                                           \
            all->newest = block;                                                                   \
            LOAM_BENCH_USE(block);                                                                 \
        }                                                                                          \
    }

#define TAKE_ZEROED(size) calloc(1, size)

BLOCKS_LOOP(push, 16, malloc)
BLOCKS_LOOP(push, 64, malloc)
BLOCKS_LOOP(push, 256, malloc)
BLOCKS_LOOP(push, 4096, malloc)
BLOCKS_LOOP(push_zeroed, 16, TAKE_ZEROED)
BLOCKS_LOOP(push_zeroed, 64, TAKE_ZEROED)
BLOCKS_LOOP(push_zeroed, 256, TAKE_ZEROED)
BLOCKS_LOOP(push_zeroed, 4096, TAKE_ZEROED)

static loam_bench_word *store(loam_bench_word *block, size_t value)
{
    *block = value;
    LOAM_BENCH_USE(block);
    return block;
}

static void marks(void *arena, size_t count)
{
    (void)arena;
    for (size_t i = 0; i < count; i++) {
        loam_bench_word *block[4];

        for (int k = 0; k < 4; k++)
            block[k] = store(malloc(64), i);
        for (int k = 4; k-- > 0;)
            free(block[k]);
    }
}

/* What is made and ended is a block of an arena's size, and the push another one. */
static void lives_heap(void *none, size_t count)
{
    (void)none;
    for (size_t i = 0; i < count; i++) {
        loam_bench_word *life = store(malloc(128), i);

        free(store(malloc(64), i));
        free(life);
    }
}

const loam_bench_bump bench_malloc_bump = {
    .open = blocks_open,
    .reset = blocks_reset,
    .close = blocks_close,
    .push = LOAM_BENCH_PUSH_TABLE(push),
    .push_zeroed = LOAM_BENCH_PUSH_TABLE(push_zeroed),
    .marks = marks,
    .lives_heap = lives_heap,
    .cold = 1,
};

static void pairs_64(void *none, size_t count)
{
    (void)none;
    for (size_t i = 0; i < count; i++)
        free(store(malloc(64), i));
}

static void pairs_1mib(void *none, size_t count)
{
    (void)none;
    for (size_t i = 0; i < count; i++)
        free(store(malloc((size_t)1 << 20), i));
}

const bench_loop bench_malloc_pair_64 = {NULL, pairs_64, NULL};
const bench_loop bench_malloc_pair_1mib = {NULL, pairs_1mib, NULL};

/* ---- in the place of a pool ---- */

static void *pool_open(size_t size, size_t count)
{
    static char nothing;

    (void)size;
    (void)count;
    return &nothing;
}

static void pool_close(void *pool)
{
    (void)pool;
}

#define MALLOC_SELF(opaque)            (opaque)
#define MALLOC_TAKE(pool, size)        malloc(size)
#define MALLOC_GIVE(pool, block, size) free(block)

LOAM_BENCH_POOLS(pool, void *, MALLOC_SELF, MALLOC_TAKE, MALLOC_GIVE)

const loam_bench_pool bench_malloc_pool = {pool_open, pool_close, 1, 1,
                                           LOAM_BENCH_POOL_TABLE(pool)};
