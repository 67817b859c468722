/* apr.c: the pools of the Apache Portable Runtime, each with an allocator of its own that keeps
 * what it has, as the library's documentation advises for one thread. */
#include "peers.h"

#include <apr_general.h>
#include <apr_pools.h>
#include <stdlib.h>

static void initialize(void)
{
    static int done;

    if (!done && apr_initialize() != APR_SUCCESS)
        abort();
    done = 1;
}

static void *pool_open(size_t size, size_t count)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;

    (void)size;
    (void)count;
    initialize();
    if (apr_allocator_create(&allocator) != APR_SUCCESS ||
        apr_pool_create_ex(&pool, NULL, NULL, allocator) != APR_SUCCESS)
        abort();
    apr_allocator_owner_set(allocator, pool);
    return pool;
}

static void pool_reset(void *arena)
{
    apr_pool_clear(arena);
}

static void pool_close(void *arena)
{
    apr_pool_destroy(arena);
}

LOAM_BENCH_PUSHES(push, apr_pool_t, apr_palloc)
LOAM_BENCH_PUSHES(push_zeroed, apr_pool_t, apr_pcalloc)

/* A pool has no marks; a pool inside it is how its users go back. */
static void marks(void *arena, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        apr_pool_t *inner;

        if (apr_pool_create(&inner, arena) != APR_SUCCESS)
            abort();
        for (int k = 0; k < 4; k++) {
            loam_bench_word *block = apr_palloc(inner, 64);

            *block = i;
            LOAM_BENCH_USE(block);
        }
        apr_pool_destroy(inner);
    }
}

/* A pool that was destroyed leaves its memory to its parent's allocator, which is what makes the
 * next one quick. */
static void lives_heap(void *none, size_t count)
{
    apr_pool_t *parent = pool_open(0, 0);

    (void)none;
    for (size_t i = 0; i < count; i++) {
        apr_pool_t *life;
        loam_bench_word *block;

        if (apr_pool_create(&life, parent) != APR_SUCCESS)
            abort();
        block = apr_palloc(life, 64);
        *block = i;
        LOAM_BENCH_USE(block);
        apr_pool_destroy(life);
    }
    pool_close(parent);
}

const loam_bench_bump bench_apr = {
    .open = pool_open,
    .reset = pool_reset,
    .close = pool_close,
    .push = LOAM_BENCH_PUSH_TABLE(push),
    .push_zeroed = LOAM_BENCH_PUSH_TABLE(push_zeroed),
    .marks = marks,
    .lives_heap = lives_heap,
    .cold = 1,
};
