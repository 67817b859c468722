/* pool_large.c: blocks too big for a class, straight from the source.
 *
 * Over granules such a block is a run of its own, linked through the bytes behind its record, so
 * that the pool knows all of them. Over an allocator it is a block of that allocator, and all that
 * the pool knows is how many there are.
 */
#include "pool_large.h"

/* What stands behind the record of a large block of granules. */
typedef struct large_links {
    loam_record *next;
    loam_record *prev;
    size_t size;
    char *base;
} large_links;

_Static_assert(sizeof(large_links) <= LOAM_REGION_STRIDE - 16, "it fits behind a record");

static large_links *links_of(loam_record *record)
{
    return (large_links *)loam_record_opaque(record);
}

static void link_large(loam_pool *pool, loam_record *record, char *base, size_t size)
{
    large_links *links = links_of(record);

    *links = (large_links){pool->large, NULL, size, base};
    if (pool->large)
        links_of(pool->large)->prev = record;
    pool->large = record;
}

static void unlink_large(loam_pool *pool, loam_record *record)
{
    large_links *links = links_of(record);

    if (links->prev)
        links_of(links->prev)->next = links->next;
    else
        pool->large = links->next;
    if (links->next)
        links_of(links->next)->prev = links->prev;
}

loam_record *loam_pool_record_at(const loam_pool *pool, const void *ptr)
{
    const loam_region *region = loam_granules_region(pool->granules, ptr);

    return region ? loam_region_find(region, ptr) : NULL;
}

/* Granules for a size. False iff there are never so many. */
static bool granules_for(size_t size, size_t *count)
{
    *count = (size - 1) / LOAM_REGION_GRANULE + 1;
    return *count <= LOAM_REGION_MAX_GRANULES;
}

static void *take_run(loam_pool *pool, size_t size, size_t align)
{
    size_t units = align <= LOAM_REGION_GRANULE ? 1 : align >> LOAM_REGION_GRANULE_SHIFT, count;
    loam_granules_info info;
    char *base = NULL;

    if (granules_for(size, &count))
        base = (char *)loam_granules_take(pool->granules, count, units, LOAM_POOL_KIND_LARGE, pool,
                                          &info);
    if (base && info.region->stride < LOAM_REGION_STRIDE) {
        loam_granules_give(pool->granules, base, count);
        base = NULL;
    }
    if (!base)
        return NULL;
    link_large(pool, loam_region_record(info.region, info.index), base, size);
    loam_mark_undefined(base, size);
    return base;
}

static size_t held_for(const loam_pool *pool, size_t size)
{
    return pool->granules.ops ? loam_round_up(size, LOAM_REGION_GRANULE) : size;
}

static void *ask_source(loam_pool *pool, size_t size, size_t align)
{
    return pool->granules.ops ? take_run(pool, size, align)
                              : loam_alloc(pool->allocator, size, align);
}

void *loam_pool_take_large(loam_pool *pool, size_t size, size_t align)
{
    void *block = ask_source(pool, size, align);

    if (!block && loam_pool_trim(pool) != 0)
        block = ask_source(pool, size, align);
    if (!block) {
        pool->failures++;
        return NULL;
    }
    pool->large_blocks++;
    pool->large_allocations++;
    pool->large_live += size;
    pool->large_held += held_for(pool, size);
    pool->large_peak = loam_max(pool->large_peak, pool->large_live);
    return block;
}

static void give_run(loam_pool *pool, void *block, size_t size)
{
    loam_record *record = loam_pool_record_at(pool, block);

    LOAM_REQUIRE(record && loam_record_kind(record) == LOAM_POOL_KIND_LARGE &&
                     loam_record_owner(record) == pool && links_of(record)->base == block,
                 LOAM_MISUSE_FOREIGN_BLOCK, block);
    LOAM_REQUIRE(links_of(record)->size == size, LOAM_MISUSE_WRONG_SIZE, block);
    (void)size;
    unlink_large(pool, record);
    loam_mark_undefined(block, size);
    loam_granules_give(pool->granules, block, loam_record_length(record));
}

void loam_pool_give_large(loam_pool *pool, void *block, size_t size, size_t align)
{
    pool->large_blocks--;
    pool->large_live -= size;
    pool->large_held -= held_for(pool, size);
    if (pool->granules.ops)
        give_run(pool, block, size);
    else
        loam_dealloc(pool->allocator, block, size, align);
}

void loam_pool_end_large(loam_pool *pool)
{
    while (pool->large)
        give_run(pool, links_of(pool->large)->base, links_of(pool->large)->size);
}

/* A run holds what fits into its granules. */
static bool resize_run(loam_pool *pool, void *block, size_t size, size_t new_size)
{
    large_links *links = links_of(loam_pool_record_at(pool, block));

    if (held_for(pool, new_size) != held_for(pool, size))
        return false;
    links->size = new_size;
    loam_mark_live(block, loam_min(size, new_size));
    if (new_size > size)
        loam_mark_undefined((char *)block + size, new_size - size);
    return true;
}

bool loam_pool_resize_large(loam_pool *pool, void *block, size_t size, size_t new_size,
                            size_t align)
{
    if (pool->granules.ops ? !resize_run(pool, block, size, new_size)
                           : !loam_resize(pool->allocator, block, size, new_size, align))
        return false;
    pool->large_live += new_size - size;
    pool->large_held += held_for(pool, new_size) - held_for(pool, size);
    pool->large_peak = loam_max(pool->large_peak, pool->large_live);
    return true;
}

/* ---- looking ---- */

bool loam_pool_walk_large(const loam_pool *pool, loam_walk_fn visit, void *context)
{
    for (loam_record *record = pool->large; record; record = links_of(record)->next) {
        const large_links *links = links_of(record);
        size_t rest = loam_round_up(links->size, LOAM_REGION_GRANULE) - links->size;
        loam_walk_item live = {links->base, links->size, LOAM_WALK_LIVE};
        loam_walk_item behind = {links->base + links->size, rest, LOAM_WALK_METADATA};

        if (!visit(context, &live) || (rest != 0 && !visit(context, &behind)))
            return false;
    }
    return true;
}

bool loam_pool_large_adds_up(const loam_pool *pool)
{
    size_t blocks = 0, live = 0;

    for (loam_record *record = pool->large; record; record = links_of(record)->next) {
        blocks++;
        live += links_of(record)->size;
    }
    return !pool->granules.ops || (blocks == pool->large_blocks && live == pool->large_live);
}
