/* peers.c: which peers there are. What CMake found is in bench_config.h. */
#include "peers.h"

#include "bench_config.h"

#include <dlfcn.h>
#include <stdio.h>

typedef struct bump_peer {
    const char *name;
    const loam_bench_bump *bump;
} bump_peer;

typedef struct vec_peer {
    const char *name;
    const loam_bench_vec *vec;
} vec_peer;

typedef struct pool_peer {
    const char *name;
    const loam_bench_pool *pool, *shared;
} pool_peer;

typedef struct heap_peer {
    const char *name;
    const loam_bench_heap *heap;
} heap_peer;

typedef struct btree_peer {
    const char *name;
    const loam_bench_btree *numbers, *texts;
} btree_peer;

typedef struct malloc_peer {
    const char *name;
    const char *path;
} malloc_peer;

enum { LOADED_PEERS = 32 };

static const bump_peer bumps[] = {
#if BENCH_HAVE_APR
    {"apr", &bench_apr},
#endif
#if BENCH_HAVE_OBSTACK
    {"obstack", &bench_obstack},
#endif
#if BENCH_HAVE_PMR
    {"pmr", &bench_pmr},
#endif
#if BENCH_HAVE_TALLOC
    {"talloc", &bench_talloc},
#endif
    {NULL, NULL},
};

static const vec_peer vecs[] = {
    {"grow_1_5x", &bench_grow_1_5x},
    {"vector", &bench_vector},
#if BENCH_HAVE_STB_DS
    {"stb_ds", &bench_stb_ds},
#endif
#if BENCH_HAVE_GARRAY
    {"garray", &bench_garray},
#endif
};

static const pool_peer pools[] = {
#if BENCH_HAVE_BOOST
    {"boost_pool", &bench_boost_pool, NULL},
    {"boost_fast", &bench_boost_fast, &bench_boost_fast_shared},
#endif
#if BENCH_HAVE_PMR
    {"pmr", &bench_pmr_pool, &bench_pmr_pool_shared},
#endif
    {NULL, NULL, NULL},
};

static const btree_peer btrees[] = {
    {"map", &bench_map_numbers, &bench_map_texts},
    {"sorted_array", &bench_sorted_array, NULL},
#if BENCH_HAVE_ABSL
    {"absl", &bench_absl_numbers, &bench_absl_texts},
#endif
#if BENCH_HAVE_GTREE
    {"gtree", &bench_gtree_numbers, &bench_gtree_texts},
#endif
};

static bump_peer loaded_bumps[LOADED_PEERS];
static vec_peer loaded_vecs[LOADED_PEERS];
static pool_peer loaded_pools[LOADED_PEERS];
static heap_peer loaded_heaps[LOADED_PEERS];
static btree_peer loaded_btrees[LOADED_PEERS];
static size_t loaded_bump_count, loaded_vec_count, loaded_pool_count, loaded_heap_count;
static size_t loaded_btree_count;

static const malloc_peer mallocs[] = {
#ifdef __GLIBC__
    {"glibc", NULL},
#else
    {"libc", NULL},
#endif
    BENCH_MALLOCS /* {"jemalloc", "/usr/lib/libjemalloc.so.2"}, ... */
};

static const char *const missing[] = {BENCH_MISSING /* "apr (libapr1-dev)", ... */ NULL};
static const char *const paths[] = {BENCH_PEERS /* "/home/me/my_arena.so", ... */ NULL};

/* Why a shared library cannot be measured; NULL: it was taken. */
static const char *load(const char *path)
{
    const loam_bench_peer *(*get)(void);
    const loam_bench_peer *peer = NULL;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (!library)
        return dlerror();
    *(void **)&get = dlsym(library, "loam_bench_get_peer");
    if (get)
        peer = get();
    if (!peer)
        return "it has no loam_bench_get_peer()";
    if (peer->version < 1 || peer->version > LOAM_BENCH_PEER_VERSION)
        return "made for another version of bench/peer.h";
    if (loaded_bump_count == LOADED_PEERS || loaded_vec_count == LOADED_PEERS ||
        loaded_pool_count == LOADED_PEERS || loaded_heap_count == LOADED_PEERS ||
        loaded_btree_count == LOADED_PEERS)
        return "too many peers";
    if (peer->bump)
        loaded_bumps[loaded_bump_count++] = (bump_peer){peer->name, peer->bump};
    if (peer->version >= 2 && peer->vec)
        loaded_vecs[loaded_vec_count++] = (vec_peer){peer->name, peer->vec};
    if (peer->version >= 3 && peer->pool)
        loaded_pools[loaded_pool_count++] = (pool_peer){peer->name, peer->pool, peer->shared};
    if (peer->version >= 4 && peer->heap)
        loaded_heaps[loaded_heap_count++] = (heap_peer){peer->name, peer->heap};
    if (peer->version >= 5 && (peer->numbers || peer->texts))
        loaded_btrees[loaded_btree_count++] = (btree_peer){peer->name, peer->numbers, peer->texts};
    return NULL;
}

void peers_load(bool quiet)
{
    for (size_t i = 0; paths[i]; i++) {
        const char *why = load(paths[i]);

        if (why && !quiet)
            fprintf(stderr, "not measured: %s (%s)\n", paths[i], why);
    }
}

enum {
    BUMPS = sizeof bumps / sizeof *bumps - 1,
    VECS = sizeof vecs / sizeof *vecs,
    POOLS = sizeof pools / sizeof *pools - 1,
    BTREES = sizeof btrees / sizeof *btrees
};

size_t peers_bump_count(void)
{
    return BUMPS + loaded_bump_count;
}

static const bump_peer *bump_at(size_t index)
{
    return index < BUMPS ? &bumps[index] : &loaded_bumps[index - BUMPS];
}

const char *peers_bump_name(size_t index)
{
    return bump_at(index)->name;
}

const loam_bench_bump *peers_bump_at(size_t index)
{
    return bump_at(index)->bump;
}

size_t peers_vec_count(void)
{
    return VECS + loaded_vec_count;
}

static const vec_peer *vec_at(size_t index)
{
    return index < VECS ? &vecs[index] : &loaded_vecs[index - VECS];
}

const char *peers_vec_name(size_t index)
{
    return vec_at(index)->name;
}

const loam_bench_vec *peers_vec_at(size_t index)
{
    return vec_at(index)->vec;
}

size_t peers_pool_count(void)
{
    return POOLS + loaded_pool_count;
}

static const pool_peer *pool_at(size_t index)
{
    return index < POOLS ? &pools[index] : &loaded_pools[index - POOLS];
}

const char *peers_pool_name(size_t index)
{
    return pool_at(index)->name;
}

const loam_bench_pool *peers_pool_at(size_t index)
{
    return pool_at(index)->pool;
}

const loam_bench_pool *peers_pool_shared_at(size_t index)
{
    return pool_at(index)->shared;
}

size_t peers_heap_count(void)
{
    return loaded_heap_count;
}

const char *peers_heap_name(size_t index)
{
    return loaded_heaps[index].name;
}

const loam_bench_heap *peers_heap_at(size_t index)
{
    return loaded_heaps[index].heap;
}

size_t peers_btree_count(void)
{
    return BTREES + loaded_btree_count;
}

static const btree_peer *btree_at(size_t index)
{
    return index < BTREES ? &btrees[index] : &loaded_btrees[index - BTREES];
}

const char *peers_btree_name(size_t index)
{
    return btree_at(index)->name;
}

const loam_bench_btree *peers_btree_numbers_at(size_t index)
{
    return btree_at(index)->numbers;
}

const loam_bench_btree *peers_btree_texts_at(size_t index)
{
    return btree_at(index)->texts;
}

size_t peers_missing_count(void)
{
    return sizeof missing / sizeof *missing - 1;
}

const char *peers_missing_at(size_t index)
{
    return missing[index];
}

size_t peers_malloc_count(void)
{
    return sizeof mallocs / sizeof *mallocs;
}

const char *peers_malloc_name(size_t index)
{
    return mallocs[index].name;
}

const char *peers_malloc_path(size_t index)
{
    return mallocs[index].path;
}
