/* span_sharded_internal.h: shards and caches, for the files span_sharded*.c.
 *
 * A slot of a cache is a word: the address of a run of its size, or 0. Whoever exchanges it for 0 has
 * the run; so a cache needs no lock, anybody may empty it, and a fork finds it whole. The records of a
 * run are those of whoever has it: they are written before it is put into a slot, and after it was
 * taken out.
 *
 *   slot    0 1 2 3 | 4 5 | 6 | 7
 *   of      1 1 1 1 | 2 2 | 4 | 8 granules
 *
 * Locks: that of the list of all sharded spans, that of one shard, that of the region. Nobody has two
 * shards' locks at once.
 */
#ifndef LOAM_SPAN_SHARDED_INTERNAL_H
#define LOAM_SPAN_SHARDED_INTERNAL_H

#include <loam/span_sharded.h>

#include "span_internal.h"

/* In the block of memory that a thread has from its start, so that no call is needed to find it. */
#if defined(__ELF__) && (defined(__GNUC__) || defined(__clang__))
#define LOAM_SPAN_TLS __attribute__((tls_model("initial-exec"))) _Thread_local
#else
#define LOAM_SPAN_TLS _Thread_local
#endif

/* The first slot of each size, and the end. */
static const unsigned char loam_cache_slots[LOAM_SPAN_FRONTS_ + 1] = {0, 4, 6, 7, 8};

_Static_assert(LOAM_SPAN_CACHE_RUNS_ == 8, "slots of all sizes");
_Static_assert(4 * 1 + 2 * 2 + 1 * 4 + 1 * 8 == LOAM_SPAN_CACHE_GRANULES, "and their granules");

/* The shard that has the chunk of a pointer, and its ground; NULL: none. Any thread, no lock. */
static inline loam_span *loam_shard_of(loam_span_sharded *sharded, const void *ptr, size_t *ground)
{
    const loam_span *first = &sharded->shards[0];
    size_t index;
    unsigned number;

    *ground = loam_span_ground(first, ptr);
    if (*ground == LOAM_SPAN_REGIONS)
        return NULL;
    index = loam_region_index(first->grounds[*ground].region, ptr);
    number = loam_chunk_number(&first->grounds[*ground], index);
    return number == 0 ? NULL : &sharded->shards[number - 1];
}

/* ---- span_sharded_cache.c ---- */

/* Meets a request from the cache of this thread. */
bool loam_sharded_pop(loam_span_sharded *sharded, loam_span_request *request);

/* Puts a run that comes back into the cache of this thread. False iff there is no room for it: then it
 * is as it was, but for what its holder had in its records. */
bool loam_sharded_push(loam_span_sharded *sharded, loam_span *shard, size_t ground, void *ptr,
                       size_t count);

/* Gives what caches hold to the shards. Without `wait`, only what is old and whose shard nobody is in. */
void loam_sharded_drain(loam_span_sharded *sharded, bool wait);

/* Granules and runs in caches. */
size_t loam_sharded_cached(const loam_span_sharded *sharded, size_t *runs);

/* ---- span_sharded_life.c ---- */

/* The only region, and no other is added from now on; NULL: there are several. */
loam_region *loam_sharded_seal(loam_span_sharded *sharded);

#endif
