/** @file loam/cache.h
 * A shared free list for blocks of one size, in front of any allocator.
 *
 * A container that lives on blocks of one size asks once, and from then on taking and giving a
 * block costs a load, a test and a store, inline, without an indirect call:
 *
 *     loam_cache_own own;
 *     loam_cache *nodes = loam_allocator_cache(allocator, sizeof(node), alignof(node), &own);
 *     node *n = (node *)loam_cache_take(nodes);
 *     loam_cache_give(nodes, n);
 *     loam_cache_deinit(&own);
 *
 * An allocator that keeps lists by size hands out its own list, which all that ask for that size
 * then share; over any other one the caller's `own` does the work.
 *
 *       low            top                 high
 *        |block block block . . . . . . . . .|     a stack of addresses, outside the blocks
 *
 * ## The rules
 *
 * - **C1** `low == high` is legal: every call then goes out of line. Checked and hardened builds
 *   use that without recompiling their clients.
 * - **C2** A cached block is an ordinary block of `alloc(size, align)`: it may be given to
 *   `dealloc`, and the other way round.
 * - **C3** A shared cache belongs to its provider and lives as long; nobody else ends it. An `own`
 *   cache is ended by loam_cache_deinit(), which gives back what it holds.
 * - **C4** A cache is used by one thread, or under one lock, together with its allocator.
 *   Thread-safe allocators and adapters offer none (but for loam_split, which hands on that of the
 *   allocator that owns the size); an `own` cache then refills through `alloc`.
 * - **C5** An `own` cache over an allocator that reclaims takes block by block. Over one that does
 *   not, it may take several at once, and it keeps what is given back in a chain, so that even an
 *   arena reuses nodes.
 * - **C6** ::LOAM_EXACT forces capacity 0, so that nothing bypasses the allocator. Counting and
 *   budgets may lag by the capacity at most.
 * - **C7** Live = handed out - cached, computed when read.
 *
 * Not thread safe (C4).
 */
#ifndef LOAM_CACHE_H
#define LOAM_CACHE_H

#include <loam/allocator.h>

LOAM_BEGIN_DECLS

/** The most blocks that the stack of an `own` cache holds. */
#define LOAM_CACHE_OWN_CAPACITY 32

/** A bounded stack of blocks of one size. Its provider sets it up; see the rules above. */
struct loam_cache {
    void **top;  /**< The next free place: low <= top <= high. */
    void **low;  /**< The first place. */
    void **high; /**< Behind the last place. */
    /** Called by take when the stack is empty: returns a block or NULL, and may fill the stack. */
    void *(*refill)(loam_cache *cache);
    /** Called by give when the stack is full: takes the block, and may empty the stack. */
    void (*spill)(loam_cache *cache, void *block);
    size_t size;  /**< Bytes of each block. */
    size_t align; /**< Alignment of each block. */
};

/** A cache on the caller's storage, for allocators that have none to share.
 *
 * Does not move between loam_allocator_cache() and loam_cache_deinit(). */
typedef struct loam_cache_own {
    loam_cache cache;     /**< What the caller uses; do not touch. */
    loam_allocator below; /**< Where blocks come from. */
    void *chain;          /**< Blocks beyond the stack, newest first, linked through themselves. */
    size_t chained;       /**< How many blocks the chain holds. */
    size_t batch;         /**< Blocks to take at the next refill. */
    void *slots[LOAM_CACHE_OWN_CAPACITY]; /**< The stack. */
} loam_cache_own;

/** Returns a cache for blocks of `size` bytes aligned to `align` over `allocator`: the allocator's
 * own shared one, or `own`, which is then set up. Either way `own` may be given to
 * loam_cache_deinit().
 *
 * Never fails: a request that the allocator can't serve shows at the first take.
 * A1 holds here as well: `size` is not 0.
 *
 * Cost: one indirect call at most. */
loam_cache *loam_allocator_cache(loam_allocator allocator, size_t size, size_t align,
                                 loam_cache_own *own);

/** Gives everything that an `own` cache still holds back to its allocator and ends it.
 *
 * Blocks that were taken and not given stay with their owner, who may give them to the allocator
 * (C2). Does nothing if the cache in use is a shared one (C3). Can't fail.
 * Cost: one indirect call a block that it holds. */
void loam_cache_deinit(loam_cache_own *own);

/** Blocks that the cache holds ready (C7). Cost: O(1). */
size_t loam_cache_count(const loam_cache *cache);

/** Returns a block of the cache's size, contents unspecified, or NULL iff the allocator refuses.
 *
 * Cost: a load, a test and a store; when the stack is empty, the allocator's. */
LOAM_INLINE LOAM_NODISCARD void *loam_cache_take(loam_cache *cache)
{
    if (LOAM_UNLIKELY(cache->top == cache->low))
        return cache->refill(cache);
    return *--cache->top;
}

/** Gives a block back for the next one that takes. Can't fail.
 *
 * NULL and addresses that don't have the cache's alignment are not allowed; a checked build stops
 * with "cache was given a block that it cannot hold".
 *
 * Cost: a load, a test and a store; when the stack is full, the allocator's. */
LOAM_INLINE void loam_cache_give(loam_cache *cache, void *block)
{
    LOAM_REQUIRE(block && ((uintptr_t)block & (cache->align - 1)) == 0, LOAM_MISUSE_CACHE_FOREIGN,
                 block);
    if (LOAM_UNLIKELY(cache->top == cache->high)) {
        cache->spill(cache, block);
        return;
    }
    *cache->top++ = block;
}

LOAM_END_DECLS

#endif
