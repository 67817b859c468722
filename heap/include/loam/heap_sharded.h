/** @file loam/heap_sharded.h
 * A heap for many threads: one ::loam_heap for each processor, behind one handle.
 *
 *     loam_heap_sharded heap;
 *     loam_heap_sharded_config config = {.granules = loam_region_granules(&region)};
 *
 *     if (!loam_heap_sharded_init(&heap, &config))
 *         return out_of_memory();
 *     void *p = loam_heap_sharded_alloc(&heap, 100);    // any thread
 *     loam_heap_sharded_dealloc(&heap, p);              // any other thread
 *     loam_heap_sharded_deinit(&heap);
 *
 * ## How it works
 *
 *     threads      A         B         C                  D
 *                   \       /          |                  | a big block
 *     shards      |lock heap|     |lock heap|   ...       |
 *                     |  runs of granules |               |
 *     source      --- loam_granules: a region, spans, sharded spans ---
 *
 * A thread keeps to a shard: at first that of the processor it runs on, and when it finds its lock
 * held, that of the processor it runs on then, or the next one that is free. So the processor is asked
 * for on slow paths only. A shard's heap takes runs of granules from the source, whose records say
 * whose they are: so the shard of a block is found from its address by a shift and a load, and a block
 * goes back to the shard that it came from, whoever gives it. If that shard's lock is held, the block
 * is put on its list without a lock, and whoever holds the lock takes it in.
 *
 * Blocks of loam_heap_sharded_config::big bytes or more are runs of granules of their own.
 *
 * A request that the thread's shard can't meet, because the source refuses it more memory, is tried in
 * every other one, and once more after all shards gave their empty runs back. Only then it is refused.
 *
 * ## Giving memory back
 *
 * A run of granules whose last block was given back goes to the source at once, but for what `keep`
 * says, for each shard: by default one run, so that a block which comes and goes does not take and give
 * a run each time; and for the first run of a shard, 64 KiB, in which its heap lies. The rest is
 * loam_heap_sharded_purge_step(), to be called by whatever thread the program has for it: it takes in
 * what waits, gives empty runs to the source, and lets the source give memory back to the system
 * (loam_granules_purge()). It never waits for a lock.
 *
 * **The bound**: when it returns 0 after `delay` has gone by, what the heap holds of the source is the
 * first run of each shard, and runs in which something is live; and free granules of the source have no
 * memory behind them, but for what the source was told to keep. With nothing live that is 64 KiB for
 * each shard that was used.
 *
 * ## Forks
 *
 * A child of a process with many threads can use the heap. Locks are taken in this order: threaded
 * pool, sharded heap, span, region.
 */
#ifndef LOAM_HEAP_SHARDED_H
#define LOAM_HEAP_SHARDED_H

#include <loam/heap.h>
#include <loam/region.h>

LOAM_BEGIN_DECLS

/** The most shards. */
#define LOAM_HEAP_SHARDS 64

/** loam_heap_sharded_config::big, unless configured: 1 MiB. */
#define LOAM_HEAP_SHARDED_BIG ((size_t)1 << 20)

/** loam_heap_sharded_config::delay, unless configured. */
#define LOAM_HEAP_SHARDED_DELAY 1000

/** Granules of a shard (::loam_region_kind); their owner is the shard. */
#define LOAM_HEAP_KIND_SHARD (LOAM_REGION_KIND_LAYER + 16)

/** Granules of a big block; their owner is the sharded heap. */
#define LOAM_HEAP_KIND_BIG (LOAM_REGION_KIND_LAYER + 17)

/** How a sharded heap is to be. `granules` must be given; all else zero is good. */
typedef struct loam_heap_sharded_config {
    /** Where memory comes from. Any thread may use it, and the records of its regions have 64 bytes or
     * more. It must outlive the heap. */
    loam_granules granules;
    size_t granule;     /**< As loam_heap_config::granule. */
    size_t shards;      /**< How many; 0: one for each processor, ::LOAM_HEAP_SHARDS at most. */
    size_t region_size; /**< As loam_heap_config::region_size, for each shard. */
    size_t keep;        /**< As loam_heap_config::keep, for each shard. */
    size_t
        big; /**< Blocks of about so many bytes are granules of their own; 0: ::LOAM_HEAP_SHARDED_BIG. */
    uint32_t
        delay;    /**< Purge steps leave a shard alone that took memory so many milliseconds ago; 0:
                         ::LOAM_HEAP_SHARDED_DELAY. */
    bool at_once; /**< No delay at all. */
} loam_heap_sharded_config;

typedef struct loam_heap_sharded loam_heap_sharded;

/** A shard. */
typedef struct loam_heap_shard_ {
    /** Guards the heap, and all that follows but `remote`. */
    union {
        uint32_t word; /**< The lock, where the system waits on words. */
        void *system;  /**< The lock, where the system has one of its own. */
    } lock;
    loam_heap *heap;        /**< NULL: the shard was not used yet. */
    void *remote;           /**< Blocks that were given while the lock was held, linked. */
    loam_heap_sharded *all; /**< What it is a shard of. */
    size_t remotes;         /**< How many blocks came that way. */
    uint64_t grew;          /**< When memory was taken last, in milliseconds. */
    char apart[80];         /**< Keeps it off the lines of the next one. */
} loam_heap_shard_;

/** A sharded heap. On the caller's storage, where it must not move. The fields are for debuggers. */
struct loam_heap_sharded {
    loam_granules granules;   /**< As configured. */
    loam_region *region;      /**< The only one of the source; NULL: there may be several. */
    size_t count;             /**< Of shards. */
    size_t granule;           /**< As configured. */
    size_t region_size;       /**< As configured, or what zero stands for. */
    size_t keep;              /**< As configured, or what zero stands for. */
    size_t big;               /**< As configured, or what zero stands for. */
    uint64_t delay;           /**< As configured, or what zero stands for. */
    uint64_t number;          /**< No other one of this process has or had it. */
    loam_heap_sharded *newer; /**< In the list of all, for forks. */
    loam_heap_sharded *older; /**< The same. */
    char apart[64];           /**< Keeps what is read only off the lines that change. */
    /** Guards the big blocks. */
    union {
        uint32_t word; /**< The lock, where the system waits on words. */
        void *system;  /**< The lock, where the system has one of its own. */
    } lock;
    loam_record *bigs;                         /**< The heads of big blocks, newest first. */
    size_t big_blocks;                         /**< How many there are. */
    size_t big_live;                           /**< Bytes asked for in them. */
    size_t big_peak;                           /**< The most that has been. */
    size_t big_held;                           /**< Bytes of their granules. */
    size_t failures;                           /**< Requests refused, in the end. */
    size_t moves;                              /**< How often a thread went to another shard. */
    size_t helped;                             /**< How often another shard met a request. */
    size_t turn;                               /**< Which shard is purged first, the next time. */
    loam_heap_shard_ shards[LOAM_HEAP_SHARDS]; /**< The first `count` are in use. */
};

/** Figures that only a sharded heap has. */
typedef struct loam_heap_sharded_figures {
    size_t shards;  /**< How many shards have a heap. */
    size_t moves;   /**< How often a thread went to another shard. */
    size_t helped;  /**< How often another shard met a request. */
    size_t remotes; /**< How many blocks were given while the lock of their shard was held. */
    size_t bigs;    /**< How many big blocks are live. */
} loam_heap_sharded_figures;

/* ---- life ---- */

/** Makes a heap on the caller's storage (some 9 KiB). Takes no memory yet.
 *
 * Returns false iff:
 *  - there are no `granules`, or a value of the configuration is out of its range: a granule that is none
 *    of 0, 8 and 16, more than ::LOAM_HEAP_SHARDS shards, `big` not 0 and less than 1024 or more than
 *    ::LOAM_HEAP_MAX, or
 *  - the system refuses to register for forks.
 *
 * Then `*heap` must not be used. Cost: O(shards). */
LOAM_NODISCARD bool loam_heap_sharded_init(loam_heap_sharded *heap,
                                           const loam_heap_sharded_config *config);

/** Ends a heap and gives all its granules back, whatever is live in it. Can't fail.
 *
 * No other thread may be in it or come later; threads that used it may live on. Cost: O(runs). */
void loam_heap_sharded_deinit(loam_heap_sharded *heap);

/* ---- blocks: any thread; what another thread took may be given, resized and so on ---- */

/** Returns `size` bytes aligned to the granule, contents unspecified. Size 0 gives a smallest block.
 *
 * Returns NULL iff:
 *  - `size` is above ::LOAM_HEAP_MAX, or
 *  - no free block of any shard can hold it, and the source refuses more, also after all shards gave
 *    their empty runs back.
 *
 * Then nothing changed but the count of failures. Cost: an uncontended lock, and loam_heap_alloc(). */
LOAM_ALLOCATES(2) void *loam_heap_sharded_alloc(loam_heap_sharded *heap, size_t size);

/** As loam_heap_sharded_alloc(), and the bytes read as zero. Fresh granules are not cleared again: those of
 * a big block, and those that a shard takes to cut smaller blocks from, as far as loam_heap_zalloc()
 * knows them; but for the first run of a shard. */
LOAM_ALLOCATES(2) void *loam_heap_sharded_zalloc(loam_heap_sharded *heap, size_t size);

/** As loam_heap_sharded_alloc(), aligned to `align`, a power of two.
 *
 * Returns NULL also iff it is none (a checked build stops with "alignment is not a power of two"), or
 * above ::LOAM_HEAP_MAX. */
LOAM_ALLOCATES(2)
void *loam_heap_sharded_alloc_aligned(loam_heap_sharded *heap, size_t size, size_t align);

/** As loam_heap_sharded_alloc_aligned(), and the bytes read as zero. */
LOAM_ALLOCATES(2)
void *loam_heap_sharded_zalloc_aligned(loam_heap_sharded *heap, size_t size, size_t align);

/** Changes the size of a block; the first bytes are kept. In place where the block's shard can, else
 * moves it. NULL for `ptr` is loam_heap_sharded_alloc(); size 0 makes it a smallest block.
 *
 * Returns NULL iff that can't be met; then nothing changed but the count of failures. */
LOAM_NODISCARD void *loam_heap_sharded_realloc(loam_heap_sharded *heap, void *ptr, size_t size);

/** As loam_heap_sharded_realloc(), and the result is aligned to `align`, wherever it is. */
LOAM_NODISCARD void *loam_heap_sharded_realloc_aligned(loam_heap_sharded *heap, void *ptr,
                                                       size_t size, size_t align);

/** Changes the size of a block without moving it. A big one can shrink to a granule, and grow as far as
 * the granules behind it are free, where the source can tell (loam_granules_resize()).
 *
 * Returns false iff that can't be; then nothing changed. */
LOAM_NODISCARD bool loam_heap_sharded_resize(loam_heap_sharded *heap, void *ptr, size_t size);

/** Gives a block back. NULL is ignored. Can't fail.
 *
 * A checked build stops with the messages of loam_heap_dealloc(), and waits for the lock of the block's
 * shard to do so. A big block that is given twice is known as such until its memory was given back to the
 * system; then it is "not of this allocator". Cost: a lock that is only tried for, and loam_heap_dealloc(). */
void loam_heap_sharded_dealloc(loam_heap_sharded *heap, void *ptr);

/** As loam_heap_sharded_dealloc(), for callers that know the size: what the block was last given. A
 * checked build also stops with "block passed back with a size that it does not have". */
void loam_heap_sharded_dealloc_sized(loam_heap_sharded *heap, void *ptr, size_t size);

/** The bytes of a block that may be used; 0 for NULL. Cost: a lock. */
size_t loam_heap_sharded_usable_size(loam_heap_sharded *heap, const void *ptr);

/** The usable bytes that a request for `size` gets. Cost: O(1). */
size_t loam_heap_sharded_good_size(const loam_heap_sharded *heap, size_t size);

/** Whether `ptr` points into granules that the heap holds. Cost: O(1), no lock. */
bool loam_heap_sharded_owns(const loam_heap_sharded *heap, const void *ptr);

/* ---- memory ---- */

/** Gives up to about `budget` bytes back: see "Giving memory back". Any thread; never waits for a shard.
 *
 * Returns how many bytes went, from shards to the source or from the source to the system: 0 when there
 * is nothing to do now. The budget bounds how long others wait; a single run may exceed it.
 *
 * Cost: O(shards), O(runs), and the source's. */
size_t loam_heap_sharded_purge_step(loam_heap_sharded *heap, size_t budget);

/** Takes in what waits and gives all empty runs back to the source, now. Waits for each lock in turn.
 * Returns how many bytes went. */
size_t loam_heap_sharded_trim(loam_heap_sharded *heap);

/* ---- looking at it ---- */

/** Fills in the figures of all shards and big blocks together, as loam_heap_stats().
 *
 * Exact when no other thread is in the heap. `peak` is the sum of what each shard had at most. Blocks
 * that wait to be taken in are taken in. Cost: O(regions), under the lock of each shard in turn. */
void loam_heap_sharded_stats(loam_heap_sharded *heap, loam_stats *stats);

/** Fills in the figures that only a sharded heap has. Cost: O(shards). */
void loam_heap_sharded_look(loam_heap_sharded *heap, loam_heap_sharded_figures *figures);

/** Shows all memory of the heap, shard by shard as loam_heap_walk(), then the big blocks.
 *
 * The callback must not call functions of this heap. Returns false iff the callback did. Cost:
 * O(blocks), under the lock of each shard in turn. */
bool loam_heap_sharded_walk(loam_heap_sharded *heap, loam_walk_fn visit, void *context);

/** Checks each shard as loam_heap_check(), that the source's records say whose each run is, and that
 * the big blocks add up.
 *
 * Returns true iff all holds. `report` may be NULL. Cost: O(n log n), under the locks. */
bool loam_heap_sharded_check(loam_heap_sharded *heap, loam_check_fn report, void *context);

/** The heap as an allocator, for any size and alignment.
 *
 * Reclaims, thread safe. Has every operation but `cache`. */
loam_allocator loam_heap_sharded_allocator(loam_heap_sharded *heap);

LOAM_END_DECLS

#endif
