/* common.c: the rows of what every layer stands on: the handle, the cache, whole mappings. */
#include "bench.h"
#include "bench_limits.h"
#include "peers.h"

#include <loam/arena.h>
#include <loam/cache.h>

#include <stdlib.h>
#include <sys/mman.h>

static const bench_row rows[] = {
    /* the arena's handle against a handle that does nothing but the call */
    {"common", "handle_push_64", "ns", .goal = {.limit = 1.15}},
    /* ... and against the arena's own functions */
    {"common", "handle_arena_pair_64", "ns", .goal = {.limit = 1.15}},
    {"common", "handle_libc_pair_64", "ns", .goal = {.limit = 1.15}},
    {"common", "cache_pair_64", "ns", .goal = {.absolute = 1.0, .at_limit = 0.47}},
    {"common", "vm_pair_1mib", "ns", .goal = {.library = 1}},
};

/* ---- the handle of an arena ---- */

typedef struct handled {
    loam_allocator handle;
    loam_arena *arena;
} handled;

static void *open_handled(size_t size, size_t count)
{
    handled *h = malloc(sizeof *h);

    (void)size;
    (void)count;
    h->arena = loam_arena_create(NULL);
    h->handle = loam_arena_allocator(h->arena);
    return h;
}

static void reset_handled(void *opened)
{
    loam_arena_clear(((handled *)opened)->arena);
}

static void close_handled(void *opened)
{
    loam_arena_destroy(((handled *)opened)->arena);
    free(opened);
}

static void handle_push_64(void *opened, size_t count)
{
    loam_allocator handle = ((handled *)opened)->handle;

    for (size_t i = 0; i < count; i++) {
        loam_bench_word *block = loam_alloc(handle, 64, 16);

        *block = i;
        LOAM_BENCH_USE(block);
    }
}

static const loam_bench_bump handle_push = {
    .open = open_handled,
    .reset = reset_handled,
    .close = close_handled,
    .push = {NULL, handle_push_64, NULL, NULL},
};

static void *open_pairs(void)
{
    return open_handled(0, 0);
}

/* One block is taken and given back through a handle. */
static inline void take_and_give(loam_allocator handle, size_t size, size_t align, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        loam_bench_word *block = loam_alloc(handle, size, align);

        *block = i;
        LOAM_BENCH_USE(block);
        loam_dealloc(handle, block, size, align);
    }
}

static void arena_pairs(void *opened, size_t count)
{
    take_and_give(((handled *)opened)->handle, 64, 16, count);
}

static void libc_pairs(void *none, size_t count)
{
    (void)none;
    take_and_give(loam_libc_allocator(), 64, 16, count);
}

static const bench_loop handle_arena_pair = {open_pairs, arena_pairs, close_handled};
static const bench_loop handle_libc_pair = {NULL, libc_pairs, NULL};

/* ---- the cache ---- */

static void *open_cache(void)
{
    loam_cache_own *own = malloc(sizeof *own);

    if (loam_allocator_cache(loam_libc_allocator(), 64, 16, own) != &own->cache)
        abort();
    return own;
}

static void close_cache(void *opened)
{
    loam_cache_deinit(opened);
    free(opened);
}

static void cache_pairs(void *opened, size_t count)
{
    loam_cache *cache = &((loam_cache_own *)opened)->cache;

    for (size_t i = 0; i < count; i++) {
        loam_bench_word *block = loam_cache_take(cache);

        *block = i;
        LOAM_BENCH_USE(block);
        loam_cache_give(cache, block);
        LOAM_BENCH_USE(cache);
    }
}

static const bench_loop cache_pair = {open_cache, cache_pairs, close_cache};

/* ---- whole mappings ---- */

enum { MIB = 1 << 20 };

static void vm_pairs(void *none, size_t count)
{
    (void)none;
    take_and_give(loam_vm_allocator(), MIB, 16, count);
}

/* The peer that has no cache. */
static void mmap_pairs(void *none, size_t count)
{
    (void)none;
    for (size_t i = 0; i < count; i++) {
        loam_bench_word *block =
            mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (block == MAP_FAILED)
            abort();
        *block = i;
        LOAM_BENCH_USE(block);
        munmap(block, MIB);
    }
}

static const bench_loop vm_pair = {NULL, vm_pairs, NULL};
static const bench_loop mmap_pair = {NULL, mmap_pairs, NULL};

/* ---- who is measured where ---- */

static void add_loop(const char *row, bench_kind kind, const char *name, const bench_loop *loop)
{
    bench_add(row, kind, name, bench_run_loop, loop, 0);
}

void bench_add_common(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        bench_add_row(&rows[i]);

    bench_add("handle_push_64", BENCH_LOAM, NULL, bench_run_push, &handle_push, LOAM_BENCH_64);
    bench_add("handle_push_64", BENCH_LIMIT, NULL, bench_run_push, &bench_limit_handle,
              LOAM_BENCH_64);
    add_loop("handle_arena_pair_64", BENCH_LOAM, NULL, &handle_arena_pair);
    add_loop("handle_arena_pair_64", BENCH_LIMIT, NULL, &bench_limit_arena_pair);
    add_loop("handle_libc_pair_64", BENCH_LOAM, NULL, &handle_libc_pair);
    add_loop("handle_libc_pair_64", BENCH_LIMIT, NULL, &bench_limit_libc_pair);
    add_loop("cache_pair_64", BENCH_LOAM, NULL, &cache_pair);
    add_loop("cache_pair_64", BENCH_LIMIT, NULL, &bench_limit_list_pair);
    add_loop("cache_pair_64", BENCH_MALLOC, NULL, &bench_malloc_pair_64);
    add_loop("vm_pair_1mib", BENCH_LOAM, NULL, &vm_pair);
    add_loop("vm_pair_1mib", BENCH_PEER, "mmap", &mmap_pair);
    add_loop("vm_pair_1mib", BENCH_MALLOC, NULL, &bench_malloc_pair_1mib);
}
