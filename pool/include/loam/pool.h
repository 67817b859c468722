/** @file loam/pool.h
 * Blocks of many sizes: one ::loam_pool_class for each of a table of sizes, behind one handle.
 *
 *     loam_pool pool;
 *     loam_pool_config config = {.granules = loam_region_granules(&region)};
 *
 *     if (!loam_pool_init(&pool, &config))
 *         return out_of_memory();
 *     loam_allocator a = loam_pool_allocator(&pool);    // for containers
 *     void *p = loam_pool_take(&pool, 100);             // or directly: 112 bytes
 *     loam_pool_give(&pool, p, 100);
 *     loam_pool_deinit(&pool);
 *
 * ## Sizes
 *
 *  - ::LOAM_POOL_GEOMETRIC: 8, 16, 24 ... 64, 80, 96, 112, 128, and then four to each doubling, up to
 *    32 KiB: 160, 192, 224, 256, 320 ... Above 128 a request is rounded up by a quarter at most.
 *    The usual choice.
 *  - ::LOAM_POOL_POWERS: 8, 16, 32, 64 ... 32 KiB: for bucket arrays, hash tables and string chunks,
 *    which ask for powers of two anyway, and share few classes.
 *  - ::LOAM_POOL_TABLE: your own.
 *
 * A block is aligned to the largest power of two that divides its class's size, at most a page. A
 * request with more alignment gets a block of the next class that has it.
 *
 * Bigger requests, and those aligned beyond a page, go to the source: whole granules, or what the
 * allocator gives. Such *large* blocks are counted apart.
 *
 * ## The shared free list
 *
 * Containers over this pool that ask for a ::loam_cache of some size get the class's own front: so
 * all trees over one pool share the nodes that one of them gave back.
 *
 * ## Threads
 *
 * A pool has one owner, one thread at a time. Only loam_pool_give_remote() may be called by any
 * thread, for blocks of classes. A handle for many threads is in loam/pool_threaded.h.
 */
#ifndef LOAM_POOL_H
#define LOAM_POOL_H

#include <loam/pool_class.h>

LOAM_BEGIN_DECLS

/** The most classes of a pool. */
#define LOAM_POOL_CLASSES 64

/** Sizes up to this find their class by steps of 8 bytes, those above by steps of 128. */
#define LOAM_POOL_SMALL 1024

/** Which sizes a pool has. */
typedef enum loam_pool_sizes {
    LOAM_POOL_GEOMETRIC, /**< Four to each doubling. */
    LOAM_POOL_POWERS,    /**< Powers of two. */
    LOAM_POOL_TABLE      /**< As listed. */
} loam_pool_sizes;

/** How a pool is to be. One of `granules` and `allocator` must be set; all other zeros are good. */
typedef struct loam_pool_config {
    loam_granules granules;   /**< Where slabs come from, unless `ops` is NULL; */
    loam_allocator allocator; /**< then from here. */
    loam_pool_sizes sizes;    /**< Which sizes there are. */
    /** For ::LOAM_POOL_TABLE: sizes in ascending order, multiples of 8 up to ::LOAM_POOL_SMALL and of
     * 128 above, up to ::LOAM_POOL_LARGEST. Copied. */
    const size_t *table;
    size_t table_count; /**< How many these are, up to ::LOAM_POOL_CLASSES. */
    size_t largest;     /**< Sizes above the class that this needs go to the source. 0: the last. */
    /** Rounds sizes of 32 bytes and more up to whole cache lines of 64 bytes, and aligns blocks to
     * them: no two such blocks share a line, so threads that write neighbours don't slow each other. */
    bool cache_lines;
    size_t slab;      /**< As loam_pool_class_config::slab, for all classes; 0: each its own. */
    size_t front;     /**< As loam_pool_class_config::front, for all classes; 0: each its own. */
    size_t keep;      /**< As loam_pool_class_config::keep, for each class. */
    const char *name; /**< For people; must outlive the pool. NULL: "pool". */
} loam_pool_config;

/** A pool. On the caller's storage, where it must not move. About 3 KiB; its classes, a KiB each,
 * come from the source. The fields are for the functions of this header and for debuggers. */
typedef struct loam_pool {
    loam_pool_class *by_8[LOAM_POOL_SMALL / 8];       /**< Index `(size - 1) / 8`. */
    loam_pool_class *by_128[LOAM_POOL_LARGEST / 128]; /**< Index `(size - 1) / 128`. */
    loam_pool_class *classes; /**< In ascending order of size, and one without blocks. */
    size_t count;             /**< How many there are. */
    size_t largest;           /**< The biggest request that a class meets. */
    loam_granules granules;   /**< As configured. */
    loam_allocator allocator; /**< As configured. */
    const char *name;         /**< As configured. */
    size_t own_size;          /**< Bytes of what holds the classes. */
    size_t taken;             /**< Bytes of all slabs. */
    loam_record *large;       /**< Large blocks of granules, newest first. */
    size_t large_blocks;      /**< Count of live large blocks. */
    size_t large_live;        /**< Their bytes. */
    size_t large_held;        /**< Their bytes with what rounding added. */
    size_t large_peak;        /**< The most `large_live` has been. */
    size_t large_allocations; /**< Large blocks made since init. */
    size_t failures;          /**< Large requests refused since init. */
} loam_pool;

/* ---- life ---- */

/** Makes a pool on the caller's storage.
 *
 * Returns false iff:
 *  - a value of the configuration is out of its range, or a slab does not hold two blocks of a size,
 *  - there is no source, or the granules' records are shorter than ::LOAM_REGION_STRIDE, or
 *  - the source refuses the memory for the classes: about a KiB for each, one granule for all.
 *
 * Then `*pool` must not be used. Cost: O(classes), one take from the source. */
LOAM_NODISCARD bool loam_pool_init(loam_pool *pool, const loam_pool_config *config);

/** Ends a pool and gives all its memory back, whatever is live in it. Can't fail.
 *
 * Large blocks of an allocator are not the pool's and stay with their owners, who give them to that
 * allocator; large blocks of granules go. Cost: O(slabs). */
void loam_pool_deinit(loam_pool *pool);

/* ---- blocks ---- */

/** The smallest class for a size from 1 to ::LOAM_POOL_LARGEST; for sizes above `largest` the one
 * behind the last class, which has no alignment and no blocks. Cost: O(1), one load. */
LOAM_INLINE loam_pool_class *loam_pool_class_for(const loam_pool *pool, size_t size)
{
    return LOAM_LIKELY(size <= LOAM_POOL_SMALL) ? pool->by_8[(size - 1) / 8]
                                                : pool->by_128[(size - 1) / 128];
}

/** The class for a size and an alignment, if the first look finds it; else NULL. Odd sizes are among
 * those that it does not find. */
LOAM_INLINE loam_pool_class *loam_pool_class_at_once_(const loam_pool *pool, size_t size,
                                                      size_t align)
{
    size_t last = (size - 1) | (align - 1); /* one less than the multiple of `align` */
    loam_pool_class *cls;

    if (LOAM_LIKELY(last < LOAM_POOL_SMALL))
        cls = pool->by_8[last / 8];
    else if (last < LOAM_POOL_LARGEST)
        cls = pool->by_128[last / 128];
    else
        return NULL;
    return LOAM_LIKELY(align <= cls->front.align) ? cls : NULL;
}

/** The class for a size and an alignment, a power of two; NULL iff no class has them: the request
 * is for a large block. Cost: O(1), and a step for each class that is not aligned so. */
loam_pool_class *loam_pool_class_aligned(const loam_pool *pool, size_t size, size_t align);

/** Takes a large block; see loam_pool_take_aligned(). */
LOAM_NODISCARD void *loam_pool_take_large(loam_pool *pool, size_t size, size_t align);

/** Gives a large block back. `size` and `align` are those that it was taken with. */
void loam_pool_give_large(loam_pool *pool, void *block, size_t size, size_t align);

/** Takes a block whose class the first look does not find, or a large one. */
LOAM_NODISCARD void *loam_pool_take_slow_(loam_pool *pool, size_t size, size_t align);

/** Gives such a block back. */
void loam_pool_give_slow_(loam_pool *pool, void *block, size_t size, size_t align);

/** Returns a block of `size` bytes aligned to `align`, a power of two; contents unspecified.
 *
 * Returns NULL iff:
 *  - `size` is 0 or above PTRDIFF_MAX,
 *  - no slab of the class has a free block and the source refuses another slab, or
 *  - for a large block, the source refuses it.
 *
 * Then nothing changed but the count of failures. Cost: a few loads and a store; at each thirtieth
 * take, about 30 ns more; for a large block, the source's. The owner. */
LOAM_INLINE LOAM_NODISCARD void *loam_pool_take_aligned(loam_pool *pool, size_t size, size_t align)
{
    loam_pool_class *cls = loam_pool_class_at_once_(pool, size, align);

    return LOAM_LIKELY(cls != NULL) ? loam_pool_class_take(cls)
                                    : loam_pool_take_slow_(pool, size, align);
}

/** As loam_pool_take_aligned() with the alignment of every type (::LOAM_MAX_ALIGN), or of 8
 * for sizes up to 8. */
LOAM_INLINE LOAM_NODISCARD void *loam_pool_take(loam_pool *pool, size_t size)
{
    return loam_pool_take_aligned(pool, size, size > 8 ? LOAM_MAX_ALIGN : 8);
}

/** Gives back a block that was taken with this size and alignment. Can't fail. Not NULL.
 *
 * A checked build stops with "block is not of this allocator", also where the size is of another
 * class, "block was given back twice" or, when it is next looked at, "write to a block that was
 * given back". Cost: as taking. The owner. */
LOAM_INLINE void loam_pool_give_aligned(loam_pool *pool, void *block, size_t size, size_t align)
{
    loam_pool_class *cls = loam_pool_class_at_once_(pool, size, align);

    if (LOAM_LIKELY(cls != NULL))
        loam_pool_class_give(cls, block);
    else
        loam_pool_give_slow_(pool, block, size, align);
}

/** Gives back a block of loam_pool_take() with the same size. See loam_pool_give_aligned(). */
LOAM_INLINE void loam_pool_give(loam_pool *pool, void *block, size_t size)
{
    loam_pool_give_aligned(pool, block, size, size > 8 ? LOAM_MAX_ALIGN : 8);
}

/** Gives back a block of a class from a thread that is not the owner; `size` and `align` are those
 * that it was taken with, and not of a large block. Cost: one compare-and-swap. Any thread. */
void loam_pool_give_remote(const loam_pool *pool, void *block, size_t size, size_t align);

/** The bytes that a request really gets: its class's, or what the source gives. 0 is 0. O(1). */
size_t loam_pool_good_size(const loam_pool *pool, size_t size, size_t align);

/* ---- memory ---- */

/** Takes in what other threads gave, empties all fronts, and gives all empty slabs back.
 *
 * Returns how many bytes went to the source. Cost: O(classes, blocks in fronts, empty slabs). */
size_t loam_pool_trim(loam_pool *pool);

/** The class whose slab `ptr` points into; NULL: none of this pool's.
 *
 * Cost: O(1) over granules, else O(slabs). The owner. */
loam_pool_class *loam_pool_find(const loam_pool *pool, const void *ptr);

/** Whether `ptr` points into a slab of the pool, or over granules into one of its large blocks.
 *
 * Cost: O(1) over granules, else O(slabs). The owner. */
bool loam_pool_owns(const loam_pool *pool, const void *ptr);

/* ---- looking at it ---- */

/** Fills in the figures of all classes and large blocks together; those of one class are
 * loam_pool_class_stats() of `classes[i]`. `live` is in whole blocks. Cost: O(classes). */
void loam_pool_stats(const loam_pool *pool, loam_stats *stats);

/** Shows all slabs, as loam_pool_class_walk(), and over granules the large blocks.
 *
 * Returns false iff the callback did. Cost: O(slabs and blocks). The owner. */
bool loam_pool_walk(loam_pool *pool, loam_walk_fn visit, void *context);

/** Checks all classes, as loam_pool_class_check(), and the invariants of pool.c.
 *
 * Returns true iff all hold. `report` may be NULL. Cost: O(slabs and free blocks). The owner. */
bool loam_pool_check(loam_pool *pool, loam_check_fn report, void *context);

/** The pool as an allocator, for any size and alignment.
 *
 * Reclaims; not thread safe. `resize` succeeds where the class stays the same, for large blocks
 * where the source can; `cache` hands out the class's front; `owns` is there over granules only.
 * Cost: O(1), as loam_pool_take_aligned(). */
loam_allocator loam_pool_allocator(loam_pool *pool);

LOAM_END_DECLS

#endif
