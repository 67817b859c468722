/** @file loam/span.h
 * Spans: granules of one or more regions, best fit, given back to the system by policy.
 *
 *     loam_region region;
 *     loam_span span;
 *
 *     if (!loam_region_init(&region, NULL) || !loam_span_init(&span, &region, NULL))
 *         return out_of_memory();
 *     loam_pool_config pools = {.granules = loam_span_granules(&span)};    // pools stand on it
 *     loam_allocator huge = loam_span_allocator(&span);                    // blocks of granules
 *     ...
 *     loam_span_purge_step(&span, 1 << 20);      // any thread, now and then: an idle program shrinks
 *
 * ## How it works
 *
 *     region   | chunk           | chunk           | not ours | chunk           |
 *     span     | held | free | held| free            |          | free            |
 *                       |              |                          |
 *                       +---- one tree for each level, ordered by (size, address) ----+
 *
 * A span takes whole chunks from its regions, and cuts runs of granules out of them. What is free is
 * joined with its neighbours at once, in O(1): the records of the region say what lies before and
 * behind a run. Free runs lie in three red-black trees, whose nodes are in the records as well, so
 * that memory which was given back to the system is never touched:
 *
 *   - *warm*: some granule of it holds memory. A request is met from here if it can be,
 *   - *clean*: committed, nothing behind it: a request pays page faults,
 *   - *cold*: decommitted.
 *
 * Within a level it is best fit, the lowest address among equals; the end of a free run with more
 * warm granules is cut off. Runs of 1, 2, 4 and 8 granules that were given back stay for a while, up
 * to ::LOAM_SPAN_FRONT_GRANULES of each size, in a stack each in front of the trees. They leave it
 * when somebody needs a longer run than there is.
 *
 * ## Giving memory back
 *
 * Nothing is given back by take and give. That is done by loam_span_purge_step(), a bit at each call,
 * by whatever thread the program has for it, and never by one that waits: it only tries for the lock.
 * Per place there is a policy (::loam_span_policy):
 *
 *   - `spans`: free runs, those of empty slabs and of ended blocks,
 *   - `chunks`: whole chunks in free runs, beyond `keep_chunks` of them,
 *   - `shrunk`: the tails of blocks that shrank, at once, if they are `shrunk_least` bytes or more.
 *
 * A run must have been free for `delay` milliseconds before it is touched, so that memory which
 * comes and goes costs no page faults; `keep` bytes stay warm whatever comes, the youngest.
 *
 * **The bound**: when all is given back that can be, after `delay` has gone by, loam_span_purge_step()
 * returns 0, and the memory behind a span is what is live, `keep` bytes, and nothing else, with the
 * policies that are set by default. (A page of records for each 4 MiB of chunks that were ever used,
 * and what the system itself keeps, come on top.) With ::LOAM_SPAN_LAZY the system takes it when it
 * likes; with ::LOAM_SPAN_KEEP it stays.
 *
 * ## Huge pages
 *
 * are asked for by chunk, with loam_span_config::huge. The first touch of a huge page brings all of it, so
 * all granules of such a chunk count as warm from the start, and the bound above holds: what is free of
 * it is given back by policy as well. A chunk of which something was given back has the system's own pages
 * from then on, as has one that went back to the region: else a touch might bring again what nobody counts.
 * Zeroed blocks in such chunks are cleared, and so touched, as a whole; runs across the end of what the span
 * has are not asked for.
 *
 * ## Threads and forks
 *
 * Every function may be called by any thread at any time, but init, deinit and add. A child of a
 * process with many threads can use its spans. Locks are taken in this order: threaded pool, span,
 * region.
 */
#ifndef LOAM_SPAN_H
#define LOAM_SPAN_H

#include <loam/allocator.h>
#include <loam/inspect.h>
#include <loam/region.h>

LOAM_BEGIN_DECLS

/** The most regions of a span: 16 TiB, if each is as big as it can be. Whose a pointer is must be told
 * without a lock, so regions are appended and never put in order; going through 16 takes some 14 ns at
 * most, a search tree of 16 takes 23, one of 64 would take 40. */
#define LOAM_SPAN_REGIONS 16

/** Granules that wait in a stack of runs of one size, at most: 2 MiB. */
#define LOAM_SPAN_FRONT_GRANULES 32

/** Free granules of a span (::loam_region_kind). Of a run of this kind only the first and the last
 * record tell where it is. */
#define LOAM_SPAN_KIND_FREE LOAM_REGION_KIND_PARTED

/** Granules that wait in a stack of a span, or of a thread. */
#define LOAM_SPAN_KIND_FRONT (LOAM_REGION_KIND_LAYER + 8)

/** Granules of a block of loam_span_alloc(). */
#define LOAM_SPAN_KIND_BLOCK (LOAM_REGION_KIND_LAYER + 9)

/** How warm free runs are. */
typedef enum loam_span_level {
    LOAM_SPAN_WARM,  /**< Some granule of it holds memory. */
    LOAM_SPAN_CLEAN, /**< None does, some are committed. */
    LOAM_SPAN_COLD,  /**< All are decommitted. */
    LOAM_SPAN_LEVELS /**< How many levels there are. */
} loam_span_level;

/** How memory is given back to the system. */
typedef enum loam_span_policy {
    LOAM_SPAN_DEFAULT = 0, /**< PURGE for runs, GIVE for chunks, KEEP for tails. */
    LOAM_SPAN_PURGE,       /**< At once: it is committed, and there is nothing behind it. */
    LOAM_SPAN_LAZY,        /**< The system may take it when it needs memory: cheaper. */
    LOAM_SPAN_DECOMMIT, /**< The commit charge goes back too: PROT_NONE where commit is charged. */
    LOAM_SPAN_GIVE,     /**< Purged, and given to the region; for chunks only. */
    LOAM_SPAN_KEEP      /**< Not at all. */
} loam_span_policy;

/** How a span is to be. All zero is a good span. */
typedef struct loam_span_config {
    /** What is done with free runs. */
    loam_span_policy spans;
    /** What is done with whole chunks in free runs. */
    loam_span_policy chunks;
    /** What is done, at once, with the tail of a block that shrank. */
    loam_span_policy shrunk;
    /** Bytes that such a tail must have; 0: a chunk. */
    size_t shrunk_least;
    /** Milliseconds that a run must have been free; 0: ::LOAM_SPAN_DELAY. */
    uint32_t delay;
    /** No delay at all. */
    bool at_once;
    /** Bytes that stay warm. */
    size_t keep;
    /** So many whole chunks stay with the span. */
    size_t keep_chunks;
    /** Huge pages are asked for chunks beyond so many bytes of them, where the system has such pages;
     * 1: for all; 0: for none. See above. */
    size_t huge;
    /** For people; must outlive the span. NULL: "span". */
    const char *name;
} loam_span_config;

/** The delay unless the configuration says otherwise, in milliseconds. */
#define LOAM_SPAN_DELAY 1000

/** Stacks of runs of one size: 1, 2, 4 and 8 granules. */
#define LOAM_SPAN_FRONTS_ 4

/** A region of a span. */
typedef struct loam_span_ground_ {
    loam_region *region;
    uint8_t *chunks;    /**< For each chunk: the number of the span that has it; 0: none. */
    size_t chunks_size; /**< Bytes reserved for that, if they are this span's. */
} loam_span_ground_;

/** A span. On the caller's storage, where it must not move. The fields are for debuggers. Counts are
 * of granules unless they say otherwise; a *link* is (number of the ground) << 24 | index + 1. */
typedef struct loam_span loam_span;
struct loam_span {
    const char *name;                             /**< For people. */
    loam_span_ground_ grounds[LOAM_SPAN_REGIONS]; /**< Where its chunks come from. */
    size_t regions;                               /**< How many there are; grows. */
    uint32_t tries;          /**< For the lock, before a thread waits; a shard has some. */
    bool sealed;             /**< Somebody was told that there is one region only. */
    uint8_t number;          /**< What the tables of chunks call this span. */
    loam_span_policy spans;  /**< As configured. */
    loam_span_policy chunks; /**< As configured. */
    loam_span_policy shrunk; /**< As configured. */
    size_t shrunk_least;     /**< As configured, in granules. */
    uint32_t delay;          /**< As configured, in milliseconds. */
    size_t keep;             /**< As configured, in granules. */
    size_t keep_chunks;      /**< As configured. */
    size_t huge;             /**< As configured, in granules, rounded up; 0: none. */
    loam_span *newer;        /**< In the list of all spans, for fork. */
    loam_span *older;        /**< The same. */
    char apart[64];          /**< Keeps what is read without the lock off the lines that change. */

    /** Guards all that follows, and the records of free granules. */
    union {
        uint32_t word; /**< The lock, where the system waits on words. */
        void *system;  /**< The lock, where the system has one of its own. */
    } lock;
    uint32_t roots[LOAM_SPAN_LEVELS];     /**< Trees of free runs. */
    uint32_t oldest;                      /**< List of the warm ones, by age: its start */
    uint32_t newest;                      /**< and its end. */
    uint32_t fronts[LOAM_SPAN_FRONTS_];   /**< Stacks: the link on top. */
    size_t front_runs[LOAM_SPAN_FRONTS_]; /**< How many runs are in each. */
    size_t free_runs[LOAM_SPAN_LEVELS];   /**< How many runs are in each tree. */
    size_t owned;                         /**< Granules of all chunks that the span has. */
    size_t live;                          /**< Granules that are out. */
    size_t peak;                          /**< The most that `live` has been. */
    size_t live_runs;                     /**< Runs that are out. */
    size_t front;                         /**< Granules in the stacks. */
    uint32_t front_since; /**< When a run came into a stack or left it, in milliseconds. */
    size_t warm;          /**< Free ones that hold memory, without those in the stacks. */
    size_t cold;          /**< Free ones that are decommitted. */
    size_t empty;         /**< Whole chunks that are free, a count of chunks. */
    size_t table_bytes;   /**< Of the tables of chunks that are this span's. */
    size_t takes;         /**< Requests met since init. */
    size_t failures;      /**< Requests refused since init. */
    size_t refused;       /**< Refusals by the system when giving memory back. */
    bool purge_going;     /**< A round of giving memory back is under way: */
    uint32_t purge_level; /**< through which level, */
    uint32_t purge_at;    /**< which run is next, a link; 0: none of this level, */
    uint32_t purge_below; /**< and below which granule of it; 0: all of it. */
    size_t purge_rounds;  /**< Rounds that ended. */
    size_t purge_slices;  /**< How often a purge took the lock. */
    size_t purge_most;    /**< The most records and runs that it looked at before it let go. */
};

/** Figures that only a span has; bytes unless they say otherwise. */
typedef struct loam_span_figures {
    size_t warm;         /**< Free and holding memory, stacks and caches included. */
    size_t clean;        /**< Free and committed, nothing behind it. */
    size_t cold;         /**< Free and decommitted. */
    size_t front;        /**< In the stacks and caches. */
    size_t largest_free; /**< The longest free run, not counting what the stacks hold apart. */
    size_t free_runs;    /**< Count of free runs in the trees. */
    size_t live_runs;    /**< Count of runs that are out. */
    size_t chunks;       /**< Count of chunks. */
    size_t empty_chunks; /**< Count of those that are free as a whole. */
} loam_span_figures;

/* ---- life ---- */

/** Makes a span on the caller's storage, over a region that outlives it. `config` may be NULL.
 *
 * Returns false iff:
 *  - a policy is not one of those listed, or GIVE is asked for where it can't be,
 *  - the region's records have less than 64 bytes, or
 *  - the system refuses a few pages for a table (a byte for each chunk), or to register for forks.
 *
 * Then `*span` must not be used. Takes no chunk yet. Cost: O(1), two system calls. */
LOAM_NODISCARD bool loam_span_init(loam_span *span, loam_region *region,
                                   const loam_span_config *config);

/** Adds a region, to be used when those before it have no chunk left. It outlives the span.
 *
 * Returns false iff:
 *  - there are ::LOAM_SPAN_REGIONS already, or it is one of them,
 *  - somebody asked loam_granules_region() for the only one, as pools do when they begin: they keep the
 *    answer. Add a second one before that, or
 *  - as loam_span_init().
 *
 * Then nothing changed. Any thread may use the span meanwhile. Cost: two system calls. */
LOAM_NODISCARD bool loam_span_add(loam_span *span, loam_region *region);

/** Ends a span: all its chunks go back to their regions; what is held in them is gone.
 *
 * No other thread may be in it. Cost: O(granules it has). */
void loam_span_deinit(loam_span *span);

/* ---- runs ---- */

/** Takes a run of `count` granules at a multiple of `align` granules: all that loam_region_take()
 * says of the arguments, the records and `info` holds.
 *
 * Returns NULL iff:
 *  - `count` is 0, `align` is not a power of two, or `kind` is ::LOAM_REGION_FREE or
 *    ::LOAM_SPAN_KIND_FREE,
 *  - no run of free granules of one region holds it, aligned as it must be, where granules are free if
 *    they were given back, or never taken, or lie in a chunk that is free in the region as a whole, and the
 *    region gives the chunks that are missing (its limit may refuse), or
 *  - the system refuses to commit, also at the place where the fewest granules must be committed.
 *
 * Then the span is as it was, but for its count of failures, and for the stacks, whose runs have
 * joined their neighbours.
 *
 * Cost: O(count) to write the records; O(1) from a stack, O(log(free runs)) from a tree. With an
 * alignment up to O(free runs of that length and more), where none has room for any position. When
 * chunks are taken from a region, O(64) records each. Before it is refused, O(chunks of the regions), and
 * if the system refused to commit O(free granules). No system call but to commit. */
LOAM_NODISCARD void *loam_span_take(loam_span *span, size_t count, size_t align, uint8_t kind,
                                    void *owner, loam_granules_info *info);

/** Gives a run back, all of one as it was taken or last described. Can't fail.
 *
 * A checked build stops with "granules are not of this span", "granules were given back twice" or
 * "granules passed back with a length that they do not have". Cost: O(count) to clear the records,
 * O(log(free runs)), no system call. */
void loam_span_give(loam_span *span, void *ptr, size_t count);

/** Makes a run longer or shorter where it is. The new granules' records are as those of the run.
 *
 * Returns false iff it is to be longer, and what is behind it is not free for long enough, in the sense of
 * loam_span_take(), or the system refuses to commit it; or `new_count` is 0. Then the run is as it was.
 * Misuse as loam_span_give().
 * Cost: O(granules that change), O(log(free runs)). */
LOAM_NODISCARD bool loam_span_resize_run(loam_span *span, void *ptr, size_t count,
                                         size_t new_count);

/** The span as a source of granules. Thread safe. Cost: O(1). */
loam_granules loam_span_granules(loam_span *span);

/* ---- blocks ----
 *
 * They grow and shrink where they are. Pages are not moved within a region, for three reasons. To move
 * them to a fixed place unmaps either the old place or, where the move is then refused, the new one;
 * another thread's mapping may come to lie there, inside of the reservation, before it can be filled
 * again, and would end with the region. What is moved is a mapping of its own from then on, which never
 * joins its neighbours again, and the number of mappings is a budget. And systems other than Linux can't.
 * Blocks that are to be moved instead of copied belong in reservations of their own, from some size on,
 * which ::loam_split says:
 *
 *     loam_split_init(&split, loam_span_allocator(&span), loam_vm_allocator(), 32 << 20);
 */

/** Takes a block of whole granules: 64 KiB for anything below. One of a chunk or more is at the start
 * of a chunk.
 *
 * `size` is not 0 and at most PTRDIFF_MAX, `align` a power of two. Returns NULL iff loam_span_take()
 * would. Cost: as that. */
LOAM_NODISCARD void *loam_span_alloc(loam_span *span, size_t size, size_t align);

/** As loam_span_alloc(), and the bytes read as zero: only granules that hold something are cleared.
 */
LOAM_NODISCARD void *loam_span_zalloc(loam_span *span, size_t size, size_t align);

/** Gives a block back. A checked build stops with "block is not of this allocator", "block was given
 * back twice" or "block passed back with a size that it does not have". Cost: as loam_span_give(). */
void loam_span_dealloc(loam_span *span, void *ptr, size_t size);

/** Changes the size of a block where it is; what it loses is given back by policy.
 *
 * Returns false iff loam_span_resize_run() would, then nothing changed. Cost: as that, and a system
 * call where a tail of `shrunk_least` bytes is given back at once. */
LOAM_NODISCARD bool loam_span_resize(loam_span *span, void *ptr, size_t size, size_t new_size);

/** Whether `ptr` points into a block of this span, one that loam_span_alloc() gave. Any pointer may
 * be asked for. Cost: O(regions). */
bool loam_span_owns(loam_span *span, const void *ptr);

/** The span behind the handle: reclaims, thread safe. Cost: O(1). */
loam_allocator loam_span_allocator(loam_span *span);

/* ---- giving memory back ---- */

/** Gives up to `budget` bytes of memory back to the system, as the policies say, the longest free
 * first; and empty chunks to their regions.
 *
 * Returns how many bytes had memory behind them and are given up: 0 when there is nothing to do, when
 * the system refuses, which is counted, or when another thread is in the span. Call it again while it
 * returns something, or later. Any thread.
 *
 * Others never wait for all of it: after 64 granules that are given back, and after some thousand records
 * that are looked at, the lock is let go, and the next stretch goes on where this one ended. With a smaller
 * budget they wait less.
 *
 * Cost: one system call a stretch, O(resident pages), and O(granules) of the runs looked at. */
size_t loam_span_purge_step(loam_span *span, size_t budget);

/** Gives all back that the policies allow, now: no delay, nothing kept. Waits for the lock, and lets it go
 * as loam_span_purge_step() does, but where another thread purges as well: then it keeps it to the end.
 * Returns what loam_span_purge_step() would. */
size_t loam_span_trim(loam_span *span);

/* ---- looking at it ---- */

/** Fills in the figures of a span.
 *
 * `live` and `peak` are runs that are out; `committed` all chunks less what is decommitted; `reserved`
 * all chunks; `metadata` the tables of chunks, which are not among them; `blocks` runs that are out;
 * `lost` is 0. Cost: O(1). */
void loam_span_stats(loam_span *span, loam_stats *stats);

/** Fills in the figures that only a span has. Cost: O(log(free runs)). */
void loam_span_look(loam_span *span, loam_span_figures *figures);

/** Shows a span piece by piece: region by region in the order in which they were added, each chunk in
 * order of address: runs that are out, free ones in pieces that are committed or not. The sizes add up
 * to loam_stats::reserved.
 *
 * The callback must not call functions of this span. Returns false iff the callback did. Cost:
 * O(granules). */
bool loam_span_walk(loam_span *span, loam_walk_fn visit, void *context);

/** Checks the invariants S1 to S9 of span_internal.h.
 *
 * Returns true iff all hold; each that does not is reported. `report` may be NULL. Nobody describes or
 * marks granules of the span meanwhile. Cost: O(granules). */
bool loam_span_check(loam_span *span, loam_check_fn report, void *context);

LOAM_END_DECLS

#endif
