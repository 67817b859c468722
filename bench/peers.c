/* peers.c: which peers there are. What CMake found is in bench_config.h. */
#include "peers.h"

#include "bench_config.h"

#include <dlfcn.h>
#include <stdio.h>

typedef struct bump_peer {
    const char *name;
    const loam_bench_bump *bump;
} bump_peer;

typedef struct malloc_peer {
    const char *name;
    const char *path;
} malloc_peer;

enum { LOADED_PEERS = 32 };

static const bump_peer built_in[] = {
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

static bump_peer loaded[LOADED_PEERS];
static size_t loaded_count;

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
    if (peer->version != LOAM_BENCH_PEER_VERSION)
        return "made for another version of bench/peer.h";
    if (loaded_count == LOADED_PEERS)
        return "too many peers";
    if (peer->bump)
        loaded[loaded_count++] = (bump_peer){peer->name, peer->bump};
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

static size_t built_in_count(void)
{
    return sizeof built_in / sizeof *built_in - 1;
}

size_t peers_bump_count(void)
{
    return built_in_count() + loaded_count;
}

static const bump_peer *bump_at(size_t index)
{
    return index < built_in_count() ? &built_in[index] : &loaded[index - built_in_count()];
}

const char *peers_bump_name(size_t index)
{
    return bump_at(index)->name;
}

const loam_bench_bump *peers_bump_at(size_t index)
{
    return bump_at(index)->bump;
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
