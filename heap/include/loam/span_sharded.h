/** @file loam/span_sharded.h
 * Spans for many processors: one shard each, behind one handle.
 *
 *     loam_span_sharded *spans = loam_span_sharded_create(&region, NULL);
 *     loam_pool_config pools = {.granules = loam_span_sharded_granules(spans)};
 *
 * ## How it works
 *
 *     thread     | 4 runs of 1 | 2 of 2 | 1 of 4 | 1 of 8 |       no lock
 *                        |
 *     shard      one ::loam_span for each processor (64 at most)   a lock each
 *                        |
 *     region     chunks, each of which belongs to one shard        a lock
 *
 * A thread keeps to a shard: at first that of the processor it runs on, and when it finds its lock
 * held, that of the processor it runs on then, or the next. So the processor is asked for on slow paths
 * only. A run is given back to the shard that has its chunk, whoever gives it.
 *
 * A request that the thread's cache can't meet is met from, in this order:
 *
 *   1. the thread's shard: warm runs,
 *   2. other shards' warm runs, where nobody holds the lock: better than page faults,
 *   3. the thread's shard: clean runs, then more chunks from a region,
 *   4. each other shard, waiting for its lock, with all caches and stacks emptied before,
 *   5. a region once more, after all shards gave it their empty chunks,
 *   6. each shard's free runs, joined with chunks beside them that the region has free.
 *
 * Only then it is refused.
 *
 * The cache of a thread holds runs of 1, 2, 4 and 8 granules that it gave back, 20 granules in all
 * (::LOAM_SPAN_CACHE_GRANULES). It is emptied when the thread ends, and by whoever purges. There are
 * ::LOAM_SPAN_CACHES of them in the object: if there are more threads, some share one; so what all
 * caches hold is bounded, and a fork finds them whole.
 *
 * Memory is given back as loam/span.h says, by shard: `keep` and `keep_chunks` are for each. **The
 * bound**: when loam_span_sharded_purge_step() returns 0 after `delay` has gone by twice, the memory
 * behind all shards is what is live, and `keep` bytes for each of them.
 *
 * Every function may be called by any thread at any time, but init, deinit, create and destroy. A child
 * of a process with many threads can use it; what other threads had taken, or were about to give, it
 * does not get back.
 */
#ifndef LOAM_SPAN_SHARDED_H
#define LOAM_SPAN_SHARDED_H

#include <loam/span.h>

LOAM_BEGIN_DECLS

/** The most shards. */
#define LOAM_SPAN_SHARDS 64

/** How many caches of threads there are. */
#define LOAM_SPAN_CACHES 64

/** Granules that the cache of a thread holds at most. */
#define LOAM_SPAN_CACHE_GRANULES 20

/** Runs that it holds at most: four of 1, two of 2, one of 4, one of 8. */
#define LOAM_SPAN_CACHE_RUNS_ 8

/** Granules that wait in the cache of a thread (::loam_region_kind). */
#define LOAM_SPAN_KIND_CACHED (LOAM_REGION_KIND_LAYER + 10)

/** How sharded spans are to be. All zero is good. */
typedef struct loam_span_sharded_config {
    loam_span_config span; /**< Of each shard. */
    size_t shards;         /**< How many; 0: one for each processor, ::LOAM_SPAN_SHARDS at most. */
    bool uncached;         /**< Threads have no caches. */
} loam_span_sharded_config;

/** The cache of a thread. */
typedef struct loam_span_cache_ {
    size_t slots[LOAM_SPAN_CACHE_RUNS_]; /**< Addresses of runs; 0: none. */
    size_t since;                        /**< When one was put there last, in milliseconds. */
    char apart[64 - sizeof(size_t)];     /**< Keeps the caches of two threads apart. */
} loam_span_cache_;

/** Sharded spans. On the caller's storage (some 70 KiB), where they must not move. The fields are for
 * debuggers. */
typedef struct loam_span_sharded loam_span_sharded;
struct loam_span_sharded {
    size_t count;             /**< Of shards. */
    bool cached;              /**< Whether threads have caches. */
    bool sealed;              /**< Somebody was told that there is one region only. */
    size_t own_size;          /**< Bytes, where loam_span_sharded_create() made it. */
    size_t failures;          /**< Requests refused. */
    size_t turn;              /**< Which shard is purged first, the next time. */
    size_t given;             /**< When shards gave chunks that may hold memory; 0: not. */
    loam_span_sharded *newer; /**< In the list of all, for threads that end. */
    loam_span_sharded *older; /**< The same. */
    loam_span_cache_ caches[LOAM_SPAN_CACHES]; /**< Of threads, by a number that each has. */
    loam_span shards[LOAM_SPAN_SHARDS];        /**< The first `count` are in use. */
};

/* ---- life ---- */

/** Makes sharded spans on the caller's storage over a region that outlives them. `config` may be NULL.
 *
 * Returns false iff loam_span_init() would, or there are to be more than ::LOAM_SPAN_SHARDS. Then
 * `*sharded` must not be used. Cost: O(shards), two system calls. */
LOAM_NODISCARD bool loam_span_sharded_init(loam_span_sharded *sharded, loam_region *region,
                                           const loam_span_sharded_config *config);

/** Adds a region, as loam_span_add(). Cost: O(shards), two system calls. */
LOAM_NODISCARD bool loam_span_sharded_add(loam_span_sharded *sharded, loam_region *region);

/** Ends them, as loam_span_deinit(). No other thread may be in them. */
void loam_span_sharded_deinit(loam_span_sharded *sharded);

/** As loam_span_sharded_init(), on pages of its own. Returns NULL iff that would return false, or the
 * system refuses the pages. */
LOAM_NODISCARD loam_span_sharded *loam_span_sharded_create(loam_region *region,
                                                           const loam_span_sharded_config *config);

/** Ends what loam_span_sharded_create() made. NULL is ignored. */
void loam_span_sharded_destroy(loam_span_sharded *sharded);

/* ---- runs ---- */

/** Takes a run, as loam_span_take().
 *
 * Returns NULL iff the arguments are odd; no run of granules, which are free in one shard or lie in chunks
 * that are free in the region or as a whole in some shard, holds it; or the system refuses to commit. Cost: as loam_span_take(), without a lock from the
 * thread's cache; O(shards) more where the thread's shard has no warm run. */
LOAM_NODISCARD void *loam_span_sharded_take(loam_span_sharded *sharded, size_t count, size_t align,
                                            uint8_t kind, void *owner, loam_granules_info *info);

/** Gives a run back, as loam_span_give(), to the shard that has its chunk. */
void loam_span_sharded_give(loam_span_sharded *sharded, void *ptr, size_t count);

/** Makes a run longer or shorter where it is, as loam_span_resize_run(). */
LOAM_NODISCARD bool loam_span_sharded_resize_run(loam_span_sharded *sharded, void *ptr,
                                                 size_t count, size_t new_count);

/** A source of granules. Thread safe. Cost: O(1). */
loam_granules loam_span_sharded_granules(loam_span_sharded *sharded);

/* ---- blocks ---- */

/** As loam_span_alloc(). */
LOAM_NODISCARD void *loam_span_sharded_alloc(loam_span_sharded *sharded, size_t size, size_t align);

/** As loam_span_zalloc(). */
LOAM_NODISCARD void *loam_span_sharded_zalloc(loam_span_sharded *sharded, size_t size,
                                              size_t align);

/** As loam_span_dealloc(). */
void loam_span_sharded_dealloc(loam_span_sharded *sharded, void *ptr, size_t size);

/** As loam_span_resize(). */
LOAM_NODISCARD bool loam_span_sharded_resize(loam_span_sharded *sharded, void *ptr, size_t size,
                                             size_t new_size);

/** As loam_span_owns(). */
bool loam_span_sharded_owns(loam_span_sharded *sharded, const void *ptr);

/** The spans behind the handle: reclaims, thread safe. Cost: O(1). */
loam_allocator loam_span_sharded_allocator(loam_span_sharded *sharded);

/* ---- giving memory back ---- */

/** As loam_span_purge_step(), over all shards whose lock nobody holds, a different one first each time.
 * Caches that no run was put into for the delay are emptied before. Chunks that shards gave to their
 * regions to meet a request (step 5 above) are purged there, after the delay. Never waits for a shard. */
size_t loam_span_sharded_purge_step(loam_span_sharded *sharded, size_t budget);

/** As loam_span_trim(), with all caches emptied. */
size_t loam_span_sharded_trim(loam_span_sharded *sharded);

/* ---- looking at it ---- */

/** Sums of loam_span_stats() over the shards; what caches hold is not live. `peak` is a sum of peaks at
 * different times. Runs that go through caches are not counted as allocations. Cost: O(shards). */
void loam_span_sharded_stats(loam_span_sharded *sharded, loam_stats *stats);

/** Sums of loam_span_look(), and the longest free run of any shard. Cost: O(shards). */
void loam_span_sharded_look(loam_span_sharded *sharded, loam_span_figures *figures);

/** As loam_span_walk(), shard by shard. */
bool loam_span_sharded_walk(loam_span_sharded *sharded, loam_walk_fn visit, void *context);

/** As loam_span_check() for each shard; and that the runs in caches are those which say so. Nobody uses
 * them meanwhile. */
bool loam_span_sharded_check(loam_span_sharded *sharded, loam_check_fn report, void *context);

LOAM_END_DECLS

#endif
