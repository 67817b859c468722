/** @file loam/pool_class.h
 * Many blocks of one size: slabs cut into equal blocks, taken and given in a nanosecond.
 *
 *     loam_pool_class nodes;
 *
 *     loam_pool_class_config config = {.granules = loam_region_granules(&region),
 *                                      .size = sizeof(node)};
 *     if (!loam_pool_class_init(&nodes, &config))
 *         return out_of_memory();
 *     node *n = (node *)loam_pool_class_take(&nodes);
 *     loam_pool_class_give(&nodes, n);
 *     loam_pool_class_deinit(&nodes);
 *
 * For blocks of several sizes behind one allocator handle there is loam/pool.h, which stands on
 * this; for many threads behind one handle, loam/pool_threaded.h.
 *
 * ## How it works
 *
 *      front    |block block block . . .|           addresses of free blocks, a bounded stack
 *                  ^ refill    v spill
 *      slab     |##|  |##|##|  |##|....fresh....|   64 KiB cut into blocks, one page at a time
 *
 * Taking and giving touch the front alone, which is a ::loam_cache. When it is empty it takes some
 * thirty blocks from one slab, the fullest that has any; when it is full its older half goes back
 * to the slabs. A free block of a slab is a number of two bytes, and these numbers stand inside
 * other free blocks: one of them holds some thirty, so that taking thirty blocks costs one cache
 * miss, and the blocks that are given back are not touched. No memory is needed beside the blocks.
 *
 * ## What is kept
 *
 * Blocks go back to their slabs so that empty slabs can go. Where little could go, that is not worth
 * its time: while all slabs take no more than ::LOAM_POOL_CALM (or `keep`, where that is set) the front
 * does not spill but grows, up to all blocks that are free, eight bytes for each in an array that comes
 * from the same source. Where slabs take more, it holds one free block for sixteen live ones at most,
 * or up to ::LOAM_POOL_FRONT where that is more: so what a class keeps in vain is never more than
 * ::LOAM_POOL_CALM, or in proportion to what is live. All classes of a loam_pool count together. When
 * the source refuses a slab, all of this is given back before a take is refused, and
 * loam_pool_class_trim() gives it back at any time. `front` of 64 or less turns it off.
 *
 * A slab without live blocks is kept, or goes back to where it came from (`keep`). Slabs come from
 * one of two kinds of source:
 *
 *  - a ::loam_granules, such as a region: the slab's record lies outside of it, and blocks fill it;
 *  - any ::loam_allocator: the slab is a naturally aligned power of two and begins with its record,
 *    at one of eight offsets, so that the records of many slabs don't meet in the same cache sets.
 *
 * ## Constructed blocks
 *
 * With `construct`, a block is set up when it is first cut from its slab and keeps that state while
 * it is free, for whoever takes it next: a mutex stays initialised, an inner buffer allocated. The
 * pool does not write to such blocks; their numbers stand at the end of the slab, two bytes each.
 *
 * ## Threads
 *
 * A class has one owner, one thread at a time, and no atomic instruction on its path. Only
 * loam_pool_class_give_remote() may be called by any thread.
 */
#ifndef LOAM_POOL_CLASS_H
#define LOAM_POOL_CLASS_H

#include <loam/allocator.h>
#include <loam/cache.h>
#include <loam/inspect.h>
#include <loam/region.h>

LOAM_BEGIN_DECLS

/** The most blocks that a front holds, unless it may keep more; see "What is kept". */
#define LOAM_POOL_FRONT 64

/** While slabs take no more bytes than these, 4 MiB, fronts may keep all that is free; see "What is
 * kept". */
#define LOAM_POOL_CALM ((size_t)4 << 20)

/** The biggest block of a class: 32 KiB. */
#define LOAM_POOL_LARGEST ((size_t)32 << 10)

/** The kind of the granules that are slabs (::loam_region_kind). */
#define LOAM_POOL_KIND_SLAB (LOAM_REGION_KIND_LAYER + 0)

/** The kind of the granules that are blocks too big for a slab. */
#define LOAM_POOL_KIND_LARGE (LOAM_REGION_KIND_LAYER + 1)

/** Lists of slabs by how full they are: full, four quarters, empty. */
#define LOAM_POOL_LISTS_ 6

/** How a class is to be. `size` and one of `granules` and `allocator` must be set; all other zeros
 * are good. */
typedef struct loam_pool_class_config {
    size_t size; /**< Bytes of a block, 1 to ::LOAM_POOL_LARGEST; rounded up to 8 and to `align`. */
    /** Alignment of each block, a power of two up to a page. 0: the largest power of two that
     * divides the size after it is rounded up to 8, at most a page; with `construct`, at most
     * ::LOAM_MAX_ALIGN. */
    size_t align;
    loam_granules granules;   /**< Where slabs come from, unless `ops` is NULL; */
    loam_allocator allocator; /**< then from here. */
    /** Bytes of a slab, a power of two from 1 KiB to 256 KiB; granules are 64 KiB at least.
     * 0: 64 KiB, for blocks above 8 KiB 256 KiB. */
    size_t slab;
    /** The most blocks that the front holds, up to ::LOAM_POOL_FRONT; 1 is none, so that every call
     * reaches the slabs. 0: as many as are 16 KiB, 2 at least and ::LOAM_POOL_FRONT at most, and more
     * where that keeps little memory; see "What is kept". */
    size_t front;
    /** The most bytes in empty slabs to keep, and of slabs that a front which keeps all may have. 0:
     * one slab, and ::LOAM_POOL_CALM; 1: none. */
    size_t keep;
    /** Sets up a block when it is first cut from its slab. False: refused, and so is the take. */
    bool (*construct)(void *context, void *block);
    /** Ends a constructed block before its slab goes back. NULL: nothing to do. */
    void (*destruct)(void *context, void *block);
    void *context;    /**< For both. */
    const char *name; /**< For people; must outlive the class. NULL: "class". */
} loam_pool_class_config;

/** The record of a slab, 48 bytes. Its fields are not for use. */
typedef struct loam_pool_slab loam_pool_slab;
struct loam_pool_slab {
    loam_pool_slab *next; /**< In the list that it is in. */
    loam_pool_slab *prev; /**< Also. */
    void *owner;          /**< The class; other threads read it. */
    char *base;           /**< Where the slab starts. */
    /** What changes with each block that comes home, in one word; from the lowest 16 bits up: the
     * place of the free block that holds the newest numbers, how many it holds, how many blocks are
     * not in the slab (live, in the front, on their way), and how many of these may come home before
     * it belongs into another list. */
    uint64_t state;
    uint16_t first;    /**< The place of its first block; places count 8 bytes from the base. */
    uint16_t fresh;    /**< How many blocks were used since it was empty; they come first. */
    uint16_t known;    /**< How many blocks have memory already, or are constructed; first ones. */
    uint8_t list;      /**< The list that it is in. */
    uint8_t untouched; /**< Whether the block taken last was never used. */
};

/** What a class of a threaded pool has to do with the others. */
typedef struct loam_pool_ties loam_pool_ties;

/** A class: blocks of one size. On the caller's storage, where it must not move. The fields are for
 * the functions of this header and for debuggers. */
typedef struct loam_pool_class loam_pool_class;
struct loam_pool_class {
    /** Free blocks at hand. Its size and align are those of the blocks as slabs are cut into them:
     * with `construct`, that is with the hidden word behind what is the user's, which is what
     * loam_good_size() of the class's allocator tells. */
    loam_cache front;
    /* How slabs are; constant. */
    loam_region *region;      /**< Where all slabs lie; NULL: not known. */
    loam_granules granules;   /**< Where slabs come from, or no ops. */
    loam_allocator allocator; /**< Then from here. */
    size_t slab_size;         /**< Bytes, a power of two. */
    size_t page;              /**< Bytes of a page of the system. */
    size_t slack;             /**< Bytes that the first block may be moved by. */
    size_t stack;             /**< Where numbers stand, for careful classes; bytes from the base. */
    size_t live_bits;         /**< Where the bits of live blocks stand, in checked builds. */
    size_t link;              /**< Where in a block others link it while it travels. */
    size_t keep;              /**< The most empty slabs to keep. */
    size_t room;              /**< Blocks that the front may hold in any case; */
    size_t most;              /**< at most so many; */
    size_t calm;              /**< while slabs take no more bytes than this, as many as that. */
    size_t *taken;            /**< Bytes that they take: those of the class, or of its pool. */
    unsigned slab_shift;      /**< The base-two logarithm of `slab_size`. */
    unsigned header_mask;     /**< How many places a slab's record may have, less one. */
    uint16_t capacity;        /**< Blocks of a slab. */
    uint16_t held;            /**< Numbers that a free block holds. */
    bool whole;               /**< No block straddles a page. */
    bool careful;             /**< Nothing is written into free blocks. */
    bool watched;             /**< A tool or a checked build wants to know of each block. */
    bool (*construct)(void *context, void *block); /**< As configured. */
    void (*destruct)(void *context, void *block);  /**< As configured. */
    void *context;                                 /**< As configured. */
    const char *name;                              /**< As configured. */
    const loam_pool_ties *ties;                    /**< Of a class of a threaded pool; else NULL. */
    /** Of a class of a pool: gives back what its other classes keep. False: nothing. Else NULL. */
    bool (*relieve)(loam_pool_class *cls);
    /* What changes. */
    loam_pool_slab *lists[LOAM_POOL_LISTS_]; /**< Newest first. */
    size_t slabs;                            /**< How many there are. */
    size_t empty;                            /**< How many of them are empty. */
    size_t out;         /**< Blocks out of slabs: live, in the front, on their way home. */
    size_t peak;        /**< The most blocks that were seen live. */
    size_t allocations; /**< Blocks that came out of slabs since init. */
    size_t failures;    /**< Takes refused since init. */
    size_t away; /**< With ties: blocks sent to other classes, less those that came from any. */
    size_t own_taken; /**< What `taken` points to where the class is alone. */
    void **wide;      /**< Where the front is while it is too big for `slots`; else NULL. */
    size_t wide_size; /**< Bytes of that. */
    unsigned colour;  /**< Of the next slab. */
    uint16_t bundle;  /**< How many others a block can tell of that is sent; constant. */
    void *slots[LOAM_POOL_FRONT]; /**< The front. */
    char apart[64];               /**< Keeps what other threads write off the lines of the owner. */
    void *inbox;                  /**< Blocks that other threads gave, linked. */
    size_t waiting;               /**< With ties: about how many these are. */
    char behind[64];              /**< As `apart`, for what lies behind the class. */
};

/* ---- life ---- */

/** Makes a class on the caller's storage.
 *
 * Returns false iff:
 *  - a value of the configuration is out of its range, or the slab does not hold two blocks,
 *  - there is no source, or
 *  - the granules' records are shorter than ::LOAM_REGION_STRIDE.
 *
 * Then `*cls` must not be used. Takes no memory. Cost: O(1). */
LOAM_NODISCARD bool loam_pool_class_init(loam_pool_class *cls,
                                         const loam_pool_class_config *config);

/** Ends a class and gives all its slabs back, whatever is live in them; constructed blocks are
 * destructed, live ones too. Can't fail.
 *
 * No other thread may give a block any more. Cost: O(slabs), and O(blocks) with `destruct`. */
void loam_pool_class_deinit(loam_pool_class *cls);

/* ---- blocks ---- */

/** Returns a block, contents unspecified, or as they were constructed.
 *
 * Returns NULL iff no slab has a free block and the source refuses another slab, or `construct`
 * refuses. Then nothing changed but the count of failures.
 *
 * Cost: a load, a test and a store; at each thirtieth take, about 30 ns more. The owner. */
LOAM_INLINE LOAM_NODISCARD void *loam_pool_class_take(loam_pool_class *cls)
{
    return loam_cache_take(&cls->front);
}

/** Gives a block back. Can't fail. Not NULL.
 *
 * A checked build stops with "block is not of this allocator", "block was given back twice" or,
 * when it is next looked at, "write to a block that was given back"; for NULL and for an address that
 * is not aligned as blocks are, as any cache does, with "cache was given a block that it cannot hold".
 *
 * Cost: a load, a test and a store; where slabs take more than ::LOAM_POOL_CALM, at each thirtieth give
 * about 40 ns more. The owner. */
LOAM_INLINE void loam_pool_class_give(loam_pool_class *cls, void *block)
{
    loam_cache_give(&cls->front, block);
}

/** Gives back a block of any class from a thread that is not its owner: it is left at the owner's
 * door, who takes it in when its front is empty next. Can't fail.
 *
 * `cls` is any class of the same source, slab size and block size, for it just tells how the block's
 * record is found. Cost: one compare-and-swap. Any thread. */
void loam_pool_class_give_remote(loam_pool_class *cls, void *block);

/** As loam_pool_class_give_remote() for `count` blocks, one compare-and-swap for each stretch of
 * blocks with the same owner. Any thread. */
void loam_pool_class_give_remote_n(loam_pool_class *cls, void *const *blocks, size_t count);

/* ---- memory ---- */

/** Takes in what other threads gave, empties the front, and gives all empty slabs back.
 *
 * Returns how many bytes went to the source. Cost: O(blocks in the front and on their way) and of
 * dealloc for each empty slab. The owner. */
size_t loam_pool_class_trim(loam_pool_class *cls);

/** Whether it would help to move what is in `block` elsewhere: its slab is less than a quarter full
 * while a fuller one has room, or another one that blocks are taken from before, so that it may soon be
 * empty and go.
 *
 * For compaction: take a block and copy, for each that is sparse; then give all the sparse ones, and
 * trim. One that is given before the next is taken would be that next one, and nothing would move. The
 * answer is a hint and costs O(1). The owner. */
bool loam_pool_class_is_sparse(const loam_pool_class *cls, const void *block);

/** Whether `ptr` points into a slab of this class, at a live block or not.
 *
 * Cost: O(1) over granules, else O(slabs). The owner. */
bool loam_pool_class_owns(const loam_pool_class *cls, const void *ptr);

/** Bytes that a slab of the class takes from its source, and how many blocks fit into it: for
 * whoever sizes a buffer. Cost: O(1). */
size_t loam_pool_class_slab_size(const loam_pool_class *cls, size_t *blocks);

/* ---- looking at it ---- */

/** Fills in the figures of a class.
 *
 * `live` is what was handed out and not given back, in whole blocks, `peak` may lag by what the
 * front holds; `committed` and `reserved` are the slabs; `lost` is what no block can use: colours,
 * ends of pages and slabs; `metadata` this structure and the slabs' records; `blocks` the live
 * blocks. Blocks on their way home count as live. `allocations` counts blocks that came out of slabs.
 * Cost: O(1). The owner. */
void loam_pool_class_stats(const loam_pool_class *cls, loam_stats *stats);

/** Shows each slab block by block, in no order of slabs: live blocks one by one, free ones in
 * stretches. The front is emptied first, and what other threads gave is taken in.
 *
 * Returns false iff the callback did. Cost: O(slabs and blocks). The owner. */
bool loam_pool_class_walk(loam_pool_class *cls, loam_walk_fn visit, void *context);

/** Checks the invariants P1 to P10 of class.c; the front is emptied first.
 *
 * Returns true iff all hold; each that does not is reported. `report` may be NULL. Cost: O(slabs
 * and free blocks). The owner. */
bool loam_pool_class_check(loam_pool_class *cls, loam_check_fn report, void *context);

/** The class as an allocator: requests of up to its size and alignment are met by a block, all
 * others refused. It shares its front as the ::loam_cache for such sizes.
 *
 * Reclaims; not thread safe. Cost: O(1). */
loam_allocator loam_pool_class_allocator(loam_pool_class *cls);

LOAM_END_DECLS

#endif
