/** @file loam/pool_threaded.h
 * Blocks of many sizes for many threads: a pool for each thread, behind one handle.
 *
 *     loam_pool_threaded pool;
 *     loam_pool_config config = {.granules = loam_region_granules(&region)};
 *
 *     if (!loam_pool_threaded_init(&pool, &config))
 *         return out_of_memory();
 *     void *p = loam_pool_threaded_take(&pool, 100);    // any thread
 *     loam_pool_threaded_give(&pool, p, 100);           // any other thread
 *     loam_pool_threaded_deinit(&pool);
 *
 * ## How it works
 *
 *      thread A    front | front | front        thread B    front | front | front
 *                     heap of A                                heap of B
 *                  slabs, inboxes     <--- chains ---       slabs, inboxes
 *                         \                                  /
 *                          heaps whose threads have ended
 *                                      |
 *                                   source
 *
 * Each thread that takes or gives a block gets a *heap*: a ::loam_pool_class for each size that it
 * uses. Taking and giving touch the front of a class, a stack of free blocks, without a lock or an
 * atomic instruction. Now and then the front is filled or emptied, under a lock that nobody else wants,
 * as a rule.
 *
 * A block goes into the front of the thread that gives it if its slab is that thread's; that is one
 * look at the slab's record. Blocks of others wait in a line, as many as are 4 KiB (56 at most, 1 at
 * least), and then travel home: one of them tells which others of its slab go with it, 28 in 64 bytes,
 * and there is one compare-and-swap for all that go to the same thread. So no two threads are given
 * blocks of one slab because of who freed them, and the owner, who takes what was left at its door into
 * its front, waits for one line that another processor wrote for 28 blocks. One who does not come for
 * it, because its thread is idle or has ended, has it taken in by those who bring it: so what waits
 * there is bounded, and the slabs of a thread that has ended go back to the source when their last
 * block is given. Neighbours in a slab may be written by two threads, which then are slow for as long;
 * to keep blocks of all sizes apart from each other there is loam_pool_config::cache_lines.
 *
 * When a thread ends, its heap is emptied, and slabs that are still in use are collected in one heap
 * that has no thread. Who needs a slab looks there first. Heaps are used again by new threads.
 *
 * ## What an idle thread holds
 *
 * While the slabs of a thread take little it keeps all that is free in its fronts, as "What is kept" in
 * loam/pool_class.h says. Little is 3 MiB for the first five threads of a pool, then 16 MiB divided by the
 * number of threads that there are when a new one comes, and 1 MiB from the sixteenth on: for n threads
 * 33 MiB in all, and one for each behind the sixteenth. Where there is more, in each class at most as many
 * free blocks as are 4 KiB (2 at least, 64 at most), and as many of others that wait in line; four times
 * as many, and one line of another thread, wait at its door; and in all classes together it keeps one
 * empty slab. In the worst case each of these blocks is the last one of its slab, which it keeps from
 * going. loam_pool_threaded_idle_bound() is the sum of all that.
 *
 * That is a bound, not what is seen. A thread that gives its blocks until few are left has fewer and
 * fewer in its fronts: of 64 threads that each took and gave 3000 blocks of 1 to 400 bytes in random
 * order, each holds 2 MiB then, a slab for each class that it used, and its heap.
 * loam_pool_threaded_thread_flush() gives all of it back but the heap, for threads that are about to
 * wait. What is at its door, and its empty slabs, anybody can give back: loam_pool_threaded_purge_step().
 *
 * ## Forks
 *
 * A child of a process with many threads can use the pool. The heaps of threads that it does not have
 * are those of threads that have ended, in the state between two calls.
 */
#ifndef LOAM_POOL_THREADED_H
#define LOAM_POOL_THREADED_H

#include <loam/pool.h>

LOAM_BEGIN_DECLS

/** What a thread has of a pool. */
typedef struct loam_pool_heap loam_pool_heap;

/** A pool for many threads. On the caller's storage, where it must not move. The fields are for the
 * functions of this header and for debuggers. */
typedef struct loam_pool_threaded loam_pool_threaded;
struct loam_pool_threaded {
    /* What each call reads stands first, where it is reached with short instructions. */
    uint64_t number; /**< No other pool of this process has or had it. */
    size_t place; /**< Where each thread notes its heap of this pool: bytes from the first one. */
    /** Blocks up to this size, ::LOAM_POOL_SMALL at most, lie in slabs of one granule, all in one
     * region with records of ::LOAM_REGION_STRIDE bytes, and are not watched; */
    size_t direct;
    uintptr_t records; /**< these records tell the owner, that of granule 0 here. */
    /** Which sizes there are, with classes that have no blocks; and the large blocks. */
    loam_pool shape;
    size_t heap_size; /**< Bytes of a heap. */
    bool watched;     /**< As loam_pool_class::watched, of all classes. */
    size_t own_size;  /**< Bytes of this structure, where loam_pool_threaded_create() made it. */
    loam_pool_threaded *newer; /**< In the list of all, for forks. */
    loam_pool_threaded *older; /**< Also. */
    char apart[64];            /**< Keeps what is read only off the lines that change. */
    /** Guards the large blocks, and which heaps there are and whose. */
    union {
        uint32_t word; /**< The lock, where the system waits on words. */
        void *system;  /**< The lock, where the system has one of its own. */
    } lock;
    loam_pool_heap *heaps;  /**< All, newest first. */
    loam_pool_heap *unused; /**< Those without a thread, but for `orphan`. */
    loam_pool_heap *orphan; /**< The one that has slabs of threads that have ended. */
    size_t heap_count;      /**< How many there are. */
    size_t forsaken;        /**< How many unused ones may hold something, since a fork. */
    loam_pool_heap *purged; /**< The one that a purge step looks at next; NULL: the newest. */
    size_t moves;           /**< How often slabs went from one heap to another. */
    size_t failures;        /**< Requests refused for want of a heap. */
    size_t away[LOAM_POOL_CLASSES]; /**< Blocks of each class sent by threads without a heap. */
};

/* ---- life ---- */

/** Makes a pool on the caller's storage.
 *
 * The configuration is that of loam_pool_init(), with these differences. `granules` must be a source
 * that any thread may use, such as a region; `allocator` must be ::LOAM_THREADSAFE. `front` of 0 is
 * as many blocks as are 4 KiB, from 2 to 64, and more while the thread's slabs take little; see "What
 * an idle thread holds". `keep` of 0 is one empty slab for each thread in all its classes together;
 * anything else is none.
 *
 * Returns false iff:
 *  - loam_pool_init() would,
 *  - `allocator` is used and not ::LOAM_THREADSAFE, or
 *  - the system refuses to register for forks.
 *
 * Then `*pool` must not be used. Cost: as loam_pool_init(). */
LOAM_NODISCARD bool loam_pool_threaded_init(loam_pool_threaded *pool,
                                            const loam_pool_config *config);

/** Ends a pool and gives all its memory back, whatever is live in it. Can't fail.
 *
 * No other thread may be in it or come later; threads that used it may live on. Large blocks of an
 * allocator stay with their owners, as with loam_pool_deinit(). Cost: O(slabs and heaps). */
void loam_pool_threaded_deinit(loam_pool_threaded *pool);

/** Makes a pool in memory of its source: a granule, or what the allocator gives.
 *
 * Returns NULL iff loam_pool_threaded_init() would return false or the source refuses that. */
LOAM_NODISCARD loam_pool_threaded *loam_pool_threaded_create(const loam_pool_config *config);

/** Ends a pool that loam_pool_threaded_create() made. NULL is ignored. */
void loam_pool_threaded_destroy(loam_pool_threaded *pool);

/* ---- blocks ---- */

/** Returns a block of `size` bytes aligned to `align`, a power of two; contents unspecified.
 *
 * Returns NULL iff:
 *  - `size` is 0 or above PTRDIFF_MAX,
 *  - no slab at hand has a free block and the source refuses another one,
 *  - the thread has no heap yet and the source refuses one: about 60 KiB, one granule, of which
 *    pages are touched as classes are used, or
 *  - for a large block, the source refuses it.
 *
 * Then nothing changed but the count of failures. Cost: a call, some loads and a store; at each
 * sixteenth take, about 50 ns more; for a large block, the source's and a lock. Any thread. */
LOAM_NODISCARD void *loam_pool_threaded_take_aligned(loam_pool_threaded *pool, size_t size,
                                                     size_t align);

/** As loam_pool_threaded_take_aligned() with the alignment of every type (::LOAM_MAX_ALIGN), or for
 * sizes below that, 8. Any thread. */
LOAM_NODISCARD void *loam_pool_threaded_take(loam_pool_threaded *pool, size_t size);

/** Gives back a block that was taken, by whatever thread, with this size and alignment. Can't fail.
 * Not NULL.
 *
 * A checked build stops with the messages of loam_pool_give_aligned(). Cost: as taking. Any thread.
 */
void loam_pool_threaded_give_aligned(loam_pool_threaded *pool, void *block, size_t size,
                                     size_t align);

/** Gives back a block of loam_pool_threaded_take() with the same size. Any thread. */
void loam_pool_threaded_give(loam_pool_threaded *pool, void *block, size_t size);

/** The bytes that a request really gets, as loam_pool_good_size(). Any thread. */
size_t loam_pool_threaded_good_size(const loam_pool_threaded *pool, size_t size, size_t align);

/* ---- memory ---- */

/** Gives back what can be: what the calling thread holds in fronts, what waits at the doors of all
 * heaps, and all empty slabs.
 *
 * The fronts of other threads stay with them. Returns how many bytes went to the source. Cost:
 * O(heaps, and blocks that wait), under the lock of each heap in turn. Any thread. */
size_t loam_pool_threaded_trim(loam_pool_threaded *pool);

/** Gives back what the calling thread holds: its fronts, and its empty slabs. For a thread that is
 * about to wait for long. Returns how many bytes went to the source.
 *
 * Cost: O(classes in use, blocks in fronts). Any thread, for itself. */
size_t loam_pool_threaded_thread_flush(loam_pool_threaded *pool);

/** A step of giving back what idle threads have: takes in what waits at the doors of heaps, and gives
 * their empty slabs to the source, until at least `budget` bytes went or each heap was looked at. The
 * next step goes on where this one ended. 0 is no step.
 *
 * Waits for nobody: a heap whose lock is taken, because its thread is at work or somebody helps it, is
 * passed over. The fronts of other threads stay with them; what that may be is
 * loam_pool_threaded_idle_bound(). For a thread that has the time for it, once in a while.
 *
 * Returns how many bytes went to the source; less than `budget` iff a round is done. Cost: O(heaps and
 * classes, blocks that wait), and of dealloc for each slab. Any thread. */
size_t loam_pool_threaded_purge_step(loam_pool_threaded *pool, size_t budget);

/** The most bytes of the source that an idle thread can keep from others: its heap, one empty slab,
 * and for each block that it may hold a whole slab. See "What an idle thread holds". O(classes). */
size_t loam_pool_threaded_idle_bound(const loam_pool_threaded *pool);

/** Whether `ptr` points into a slab of the pool, or over granules into one of its large blocks.
 *
 * Cost: O(heaps) over granules, else O(slabs), under locks. Any thread. */
bool loam_pool_threaded_owns(loam_pool_threaded *pool, const void *ptr);

/* ---- looking at it ---- */

/** Fills in the figures of all heaps and large blocks together, as loam_pool_stats().
 *
 * `live` and `blocks` are exact when no other thread is in the pool; while threads are at work, each
 * may be wrong by what they do meanwhile. `peak` is the sum of what each heap had at most, which may
 * be more than there ever was at once. Blocks in fronts and on their way home are not live. Cost:
 * O(heaps and classes), under the lock of each heap in turn. Any thread. */
void loam_pool_threaded_stats(loam_pool_threaded *pool, loam_stats *stats);

/** Shows the heaps and all that is in them, as loam_pool_walk(). All fronts are emptied first.
 *
 * Returns false iff the callback did. No other thread may be in the pool. Cost: O(slabs and blocks).
 */
bool loam_pool_threaded_walk(loam_pool_threaded *pool, loam_walk_fn visit, void *context);

/** Checks all classes of all heaps, as loam_pool_check(), and the invariants of threaded_heap.c. All
 * fronts are emptied first.
 *
 * Returns true iff all hold. `report` may be NULL. No other thread may be in the pool. Cost: O(slabs
 * and free blocks). */
bool loam_pool_threaded_check(loam_pool_threaded *pool, loam_check_fn report, void *context);

/** The pool as an allocator, for any size and alignment.
 *
 * Reclaims, thread safe. `resize` succeeds where the class stays the same, for large blocks where
 * the source can; there is no shared cache (C4); `owns` is there over granules only. Cost: as
 * loam_pool_threaded_take_aligned(). */
loam_allocator loam_pool_threaded_allocator(loam_pool_threaded *pool);

LOAM_END_DECLS

#endif
