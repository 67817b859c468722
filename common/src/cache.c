/* cache.c: the `own` cache, for allocators that have no list of their own to share.
 *
 * Over an allocator that reclaims, the stack is all: refill takes one block, spill gives back the
 * older half. Over one that does not, giving back would lose the block, so it goes to a chain that
 * is linked through the blocks themselves, and refill takes from the chain before it asks below.
 *
 *   K1  low <= top <= high <= low + LOAM_CACHE_OWN_CAPACITY; low == high over LOAM_EXACT (C6)
 *   K2  the chain is empty over an allocator that reclaims, and for blocks that can't hold a link
 *   K3  chained is the length of the chain; its last link is NULL
 */
#include <loam/cache.h>

#include "internal/mark.h"

/* The most blocks that one refill takes from an allocator that does not reclaim: what is taken and
 * never used is lost with the arena, so the batch starts at 1 and doubles with the demand. */
enum { BATCH_LIMIT = 16 };

static bool can_chain(const loam_cache_own *own)
{
    return own->cache.size >= sizeof(void *) && !loam_allocator_reclaims(own->below) &&
           (own->below.ops->traits & LOAM_EXACT) == 0;
}

/* The link is copied, because blocks of any alignment may be chained. */
static void *pop_chain(loam_cache_own *own)
{
    void *block = own->chain;

    loam_mark_live(block, own->cache.size);
    memcpy(&own->chain, block, sizeof own->chain);
    own->chained--;
    loam_mark_undefined(block, own->cache.size);
    return block;
}

static void push_chain(loam_cache_own *own, void *block)
{
    memcpy(block, &own->chain, sizeof own->chain);
    loam_mark_dead(block, own->cache.size);
    own->chain = block;
    own->chained++;
}

static void *refill_own(loam_cache *cache)
{
    loam_cache_own *own = (loam_cache_own *)cache;
    void *block;
    size_t more;

    if (own->chain)
        return pop_chain(own);
    block = loam_alloc(own->below, cache->size, cache->align);
    if (!block || cache->low == cache->high || loam_allocator_reclaims(own->below))
        return block;

    /* Take a batch: each is an ordinary block (C2), and a refusal just ends it early. */
    for (more = own->batch - 1; more > 0; more--) {
        void *next = loam_alloc(own->below, cache->size, cache->align);

        if (!next)
            break;
        *cache->top++ = next;
    }
    own->batch = own->batch < BATCH_LIMIT ? own->batch * 2 : BATCH_LIMIT;
    return block;
}

/* Gives the older half of the stack back; the newer half is warm and stays. */
static void give_half(loam_cache_own *own)
{
    loam_cache *cache = &own->cache;
    size_t half = (size_t)(cache->top - cache->low) / 2;

    for (size_t i = 0; i < half; i++)
        loam_dealloc(own->below, cache->low[i], cache->size, cache->align);
    memmove(cache->low, cache->low + half,
            ((size_t)(cache->top - cache->low) - half) * sizeof *cache->low);
    cache->top -= half;
}

static void spill_own(loam_cache *cache, void *block)
{
    loam_cache_own *own = (loam_cache_own *)cache;

    if (can_chain(own)) {
        push_chain(own, block);
    } else if (cache->low == cache->high) {
        loam_dealloc(own->below, block, cache->size, cache->align);
    } else {
        give_half(own);
        *cache->top++ = block;
    }
}

/* A checked build keeps no stack over an allocator that reclaims, so that every block given back
 * is seen by the allocator at once (C1). */
static size_t capacity_over(loam_allocator below)
{
    if (below.ops->traits & LOAM_EXACT)
        return 0;
    if (LOAM_CHECKS && loam_allocator_reclaims(below))
        return 0;
    return LOAM_CACHE_OWN_CAPACITY;
}

loam_cache *loam_allocator_cache(loam_allocator allocator, size_t size, size_t align,
                                 loam_cache_own *own)
{
    loam_cache *shared = NULL;

    own->below = allocator;
    own->chain = NULL;
    own->chained = 0;
    own->batch = 1;
    own->cache.size = size;
    own->cache.align = align;
    own->cache.refill = refill_own;
    own->cache.spill = spill_own;
    own->cache.low = own->cache.top = own->slots;
    own->cache.high = own->slots + capacity_over(allocator);
    if (allocator.ops->cache && loam_request_valid(size, align))
        shared = allocator.ops->cache(allocator.self, size, align);
    return shared ? shared : &own->cache;
}

void loam_cache_deinit(loam_cache_own *own)
{
    loam_cache *cache = &own->cache;

    while (cache->top > cache->low)
        loam_dealloc(own->below, *--cache->top, cache->size, cache->align);
    while (own->chain)
        loam_dealloc(own->below, pop_chain(own), cache->size, cache->align);
    own->batch = 1;
}

size_t loam_cache_count(const loam_cache *cache)
{
    size_t stacked = (size_t)(cache->top - cache->low);

    return cache->refill == refill_own ? stacked + ((const loam_cache_own *)cache)->chained
                                       : stacked;
}
