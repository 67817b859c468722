/** @file loam/heap.h
 * Things of any size that end in any order, in memory that you bring: exact best fit.
 *
 *     static char memory[256 << 10];
 *     loam_heap *heap = loam_heap_init(memory, sizeof memory, NULL);
 *
 *     void *p = loam_heap_alloc(heap, 100);
 *     p = loam_heap_realloc(heap, p, 200);
 *     loam_heap_dealloc(heap, p);
 *     loam_allocator a = loam_heap_allocator(heap);      // for containers
 *
 * Use a heap for a static buffer on a board without a system, for memory that processes share, for
 * memory of a special kind, or for blocks too odd or too big for a pool. Do not use one for millions
 * of blocks of few sizes (loam/pool.h takes no header), or for things that die together
 * (loam/arena.h).
 *
 *      buffer                                                                       end
 *       |control|h|live.....|h|live|h|free.....f|h|live....|h|  free            f|end|
 *
 *       h: a header, one word in front of each block    f: a footer, in free blocks only
 *
 * ## What it promises
 *
 *  - **Exact fit.** Up to the granule's alignment, an allocation succeeds if and only if some free
 *    block can hold it. No size is rounded up but to the granule, so what was freed can always be
 *    allocated again. It takes the smallest block that can hold it, with one exception: a small
 *    request for which there is none of just its size takes what is left, up to a page, of the last
 *    one that was cut, if that can hold it. Small ones are cut from the end of a free block, large
 *    ones from its start. While three quarters of a region were never used, small ones come from the
 *    start of that rest as well, so that no more pages are touched than are needed.
 *  - **Coalescing at once.** Two free blocks never lie side by side: each block that is given back is
 *    merged with its free neighbours, in O(1), before the call returns.
 *  - **One word** in front of each live block is all that it costs: 8 bytes (4 on 32-bit systems).
 *  - **Over-aligned** requests look at every free block that could hold them before they fail.
 *  - **No pointer is kept in a caller's buffer**: all links are distances inside of it. Two processes
 *    may map it at different addresses and use it in turn, with loam_heap_attach().
 *  - **No system call**, no lock, nothing global, no C library but memcpy, memmove and memset.
 *
 * ## Sizes
 *
 * A block of `n` bytes takes `n` plus a word, rounded up to the granule (16, or 8 where configured):
 * with a granule of 16 on a 64-bit system, 8 bytes take 16, 24 take 32, 40 take 48. The smallest
 * block takes 16 bytes. loam_heap_good_size() tells what a request really gets.
 *
 * Of a buffer, the control block and its lists take part: see loam_heap_overhead().
 *
 * ## Threads
 *
 * A heap is used by one thread at a time, or under one lock.
 */
#ifndef LOAM_HEAP_H
#define LOAM_HEAP_H

#include <loam/allocator.h>
#include <loam/inspect.h>

LOAM_BEGIN_DECLS

/** A heap. It lies at the start of its own memory, at a multiple of ::LOAM_HEAP_ALIGN. */
typedef struct loam_heap loam_heap;

/** The alignment of the heap itself in its buffer, bytes. */
#define LOAM_HEAP_ALIGN 64

/** The biggest request that a heap can meet, whatever its memory. */
#if SIZE_MAX > 0xffffffffu
#define LOAM_HEAP_MAX (((size_t)1 << 46) - sizeof(size_t))
#else
#define LOAM_HEAP_MAX ((size_t)0x7fff0000 - sizeof(size_t))
#endif

/** loam_heap_config::keep: a region that becomes empty is given back at once. */
#define LOAM_HEAP_KEEP_NONE ((size_t)1)

/** loam_heap_config::keep: no region is given back before loam_heap_trim() or the heap's end. */
#define LOAM_HEAP_KEEP_ALL SIZE_MAX

/** How a heap is to be. All zero is a good heap. */
typedef struct loam_heap_config {
    /** The alignment of blocks and the unit of their sizes: 16 or 8. 0: 16. */
    size_t granule;
    /** loam_heap_create() only: bytes of the first region, a hint, at least 4 KiB. Each further one
     * is a quarter of what the heap has, or the request if that is more. 0: 64 KiB. */
    size_t region_size;
    /** loam_heap_create() only: bytes of empty regions that are kept for reuse. What is above goes
     * back to the source when a block is given back. 0: one region, of any size;
     * ::LOAM_HEAP_KEEP_NONE, ::LOAM_HEAP_KEEP_ALL. */
    size_t keep;
    /** loam_heap_init() only: the buffer reads zero, so that loam_heap_zalloc() need not clear what
     * was never handed out. */
    bool zeroed;
    /** loam_heap_init() only: other processes use the heap too. Then AddressSanitizer and Valgrind,
     * who know one process, are told nothing. */
    bool shared;
} loam_heap_config;

/* ---- life ---- */

/** Makes a heap in a buffer of the caller's, which may have any alignment. `config` may be NULL.
 *
 * The heap is at `buffer`, rounded up to ::LOAM_HEAP_ALIGN.
 *
 * Returns NULL iff:
 *  - the granule is none of 0, 8 and 16, or
 *  - the buffer is NULL, bigger than ::LOAM_HEAP_MAX, or smaller than what loam_heap_overhead() says
 *    plus the padding in front and one smallest block.
 *
 * Cost: O(1); the buffer is written to at its start and its end only. */
LOAM_NODISCARD loam_heap *loam_heap_init(void *buffer, size_t size, const loam_heap_config *config);

/** Finds the heap that loam_heap_init() made in this buffer, maybe in another process, at another
 * address, while none of them is inside a call. Pointers into the heap are to be exchanged as distances from it.
 *
 * Both addresses of the buffer must be the same modulo ::LOAM_HEAP_ALIGN (mappings are), and the
 * programs must be built alike: word size, checks and version of loam. Alignments above that hold
 * only where both addresses agree modulo them.
 *
 * Returns NULL iff there is no such heap, or its configuration did not say `shared`. Cost: O(1). */
LOAM_NODISCARD loam_heap *loam_heap_attach(void *buffer, size_t size);

/** Ends a heap of loam_heap_init(); the memory is the caller's again, whatever is live in it.
 *
 * Can't fail. Cost: O(regions). */
void loam_heap_deinit(loam_heap *heap);

/** Makes a heap that grows through `source` and lies in its own first region. `config` may be NULL.
 *
 * When a request fits nowhere, the newest region is extended in place if the source can (`resize`),
 * or a new one is taken. Regions that become empty go back, but for what `config` keeps and for the
 * first.
 *
 * Returns NULL iff the granule is none of 0, 8 and 16, or the source refuses the first region.
 * Cost: one call of the source. The source must outlive the heap. */
LOAM_NODISCARD loam_heap *loam_heap_create(loam_allocator source, const loam_heap_config *config);

/** Ends a heap of loam_heap_create() and gives all its regions back. NULL is ignored. Can't fail.
 *
 * Memory that was added by loam_heap_add() is the caller's again. Cost: O(regions). */
void loam_heap_destroy(loam_heap *heap);

/** Adds one more piece of the caller's memory, anywhere in the address space, of any alignment.
 *
 * It stays with the heap until the heap ends. For processes that share the heap, it must lie at the
 * same distance from the heap's buffer in each.
 *
 * Returns false iff the buffer is NULL, bigger than ::LOAM_HEAP_MAX, or too small for its record, ten
 * words, the padding in front and one smallest block; then nothing changed. Cost: as an allocation. */
LOAM_NODISCARD bool loam_heap_add(loam_heap *heap, void *buffer, size_t size);

/** The bytes of an aligned buffer of `size` bytes that loam_heap_init() takes for itself: what is
 * left is one free block, whose header is counted here as well.
 *
 * Up to 2 KiB of buffer there are lists for sizes of blocks below 64 bytes, and for each fourfold of
 * that for twice the sizes: above 8 MiB for all below 8 KiB. The lists take two words for each
 * multiple of the granule, so 8 KiB at most on 64-bit systems, 16 KiB with a granule of 8; all else
 * takes about sixty words. Cost: O(1). */
size_t loam_heap_overhead(size_t size, const loam_heap_config *config);

/* ---- blocks ---- */

/** Returns `size` bytes aligned to the granule, contents unspecified. Size 0 gives a smallest block.
 *
 * Returns NULL iff:
 *  - `size` is above ::LOAM_HEAP_MAX, or
 *  - no free block can hold it, and there is no source or the source refuses.
 *
 * Then nothing changed but the count of failures. Cost: O(1) for sizes that have lists and while
 * some small block fits, else O(log n) for n free blocks of other sizes. */
LOAM_ALLOCATES(2) void *loam_heap_alloc(loam_heap *heap, size_t size);

/** As loam_heap_alloc(), and the bytes read as zero. Memory that is known to be fresh, from a source
 * that gives zero pages or a buffer that was said to be zero, is not cleared again. */
LOAM_ALLOCATES(2) void *loam_heap_zalloc(loam_heap *heap, size_t size);

/** As loam_heap_alloc(), aligned to `align`, a power of two.
 *
 * Returns NULL also iff `align` is not a power of two (a checked build stops with "alignment is not a
 * power of two") or above ::LOAM_HEAP_MAX. Cost: as loam_heap_alloc(); above the granule O(n) before
 * it fails, and where only a block fits that happens to be aligned. */
LOAM_ALLOCATES(2) void *loam_heap_alloc_aligned(loam_heap *heap, size_t size, size_t align);

/** As loam_heap_alloc_aligned(), and the bytes read as zero. */
LOAM_ALLOCATES(2) void *loam_heap_zalloc_aligned(loam_heap *heap, size_t size, size_t align);

/** Changes the size of a block; the first bytes are kept, up to the smaller of both sizes.
 *
 * In place where it can: shrinking, growing over the free block behind, and over the one in front,
 * to which the contents then move. Else allocates, copies and gives the old block back. NULL for
 * `ptr` is loam_heap_alloc(). Size 0 makes it a smallest block, it does not give it back.
 * The result is aligned to the granule; for more, see loam_heap_realloc_aligned().
 *
 * Returns NULL iff loam_heap_alloc() would and the block with its free neighbours is too small; then
 * nothing changed but the count of failures. Shrinking can't fail.
 * Cost: O(1) to O(log n) in place, and O(size) when the contents move. */
LOAM_NODISCARD void *loam_heap_realloc(loam_heap *heap, void *ptr, size_t size);

/** As loam_heap_realloc(), and the result is aligned to `align`, a power of two, wherever it is: the
 * alignment of a block is kept if it is asked for again. */
LOAM_NODISCARD void *loam_heap_realloc_aligned(loam_heap *heap, void *ptr, size_t size,
                                               size_t align);

/** Changes the size of a block without moving it: shrinks it, or grows it over the free block behind.
 *
 * Returns false iff that is too small, or `size` is above ::LOAM_HEAP_MAX; then nothing changed.
 * Cost: O(1) to O(log n). */
LOAM_NODISCARD bool loam_heap_resize(loam_heap *heap, void *ptr, size_t size);

/** Gives a block back. NULL is ignored. Can't fail.
 *
 * A checked build stops with "block is not of this allocator", "block was given back twice" or
 * "header of a block was overwritten".
 * Cost: O(1), or O(log n) when it or a free neighbour has no list for its size; one call of the
 * source if that makes a region empty. */
void loam_heap_dealloc(loam_heap *heap, void *ptr);

/** As loam_heap_dealloc(), for callers that know the size: it is what the block was last given. A
 * checked build also stops with "block passed back with a size that it does not have". */
void loam_heap_dealloc_sized(loam_heap *heap, void *ptr, size_t size);

/** The bytes of a block that may be used: at least what was asked for. 0 for NULL. Cost: O(1).
 *
 * To use more than was asked for, resize the block to it, which can't fail. */
size_t loam_heap_usable_size(const loam_heap *heap, const void *ptr);

/** The usable bytes that a request for `size` gets; `size` if that is above ::LOAM_HEAP_MAX. O(1). */
size_t loam_heap_good_size(const loam_heap *heap, size_t size);

/* ---- memory ---- */

/** Makes everything free again, as after init; regions that were added stay. Can't fail.
 *
 * Cost: O(regions), and a call of the source for each region that goes back. */
void loam_heap_reset(loam_heap *heap);

/** Gives empty regions back to the source, all but the first, whatever the configuration keeps.
 *
 * Returns how many bytes went. Cost: O(regions), and a call of the source for each. */
size_t loam_heap_trim(loam_heap *heap);

/** What loam_heap_purge() tells of: whole pages, of which the heap needs nothing. It may give them back
 * to the system, in a way that lets them read as zero or as before when they are touched again
 * (`MADV_DONTNEED`, `MADV_FREE`). It must not call the heap. */
typedef void (*loam_heap_purge_fn)(void *context, void *pages, size_t size);

/** Tells of all pages that lie within free blocks of `least` bytes or more, so that a heap whose memory
 * is the system's can be made small while it keeps its addresses. For idle times, or behind the end of
 * something big: a page that was given back costs a fault when it is used again.
 *
 * `page` is a power of two, at least 64. Blocks of sizes that have lists (see loam_heap_overhead()) are
 * never looked at. What was told of once is told of again while it is free. Not thread safe; where processes
 * share the heap, none may be inside of a call.
 *
 * Returns the bytes of all pages that were told of. Can't fail. Cost: O(free blocks of such sizes), and
 * the calls. */
size_t loam_heap_purge(loam_heap *heap, size_t page, size_t least, loam_heap_purge_fn give,
                       void *context);

/** Whether `ptr` points into the memory that the heap cuts blocks from, live or not.
 *
 * Cost: O(regions). */
bool loam_heap_owns(const loam_heap *heap, const void *ptr);

/* ---- looking at it ---- */

/** How many sizes of free blocks loam_heap_figures tells apart: powers of two. */
#define LOAM_HEAP_HISTOGRAM 48

/** What is known of a heap beyond ::loam_stats. */
typedef struct loam_heap_figures {
    size_t free_bytes;   /**< Bytes of all free blocks, usable ones. */
    size_t free_blocks;  /**< How many there are. */
    size_t largest_free; /**< The biggest request that can be met without growing; 0: none. */
    size_t requested;    /**< Bytes asked for by live blocks; on 32-bit systems, usable bytes. */
    size_t live_blocks;  /**< How many blocks are live. */
    size_t regions;      /**< How many pieces of memory the heap has. */
    /** Free blocks whose usable size is at least 2^i and less than 2^(i+1), at index i. */
    size_t histogram[LOAM_HEAP_HISTOGRAM];
    /** The part of the memory of live blocks that nobody asked for: headers and rounding. 0 to 1. */
    double internal_fragmentation;
    /** The part of the free bytes that is not in the largest free block. 0 to 1. */
    double external_fragmentation;
} loam_heap_figures;

/** Fills in the figures of a heap. `live` and `peak` count usable bytes of blocks, `lost` is what
 * headers take, `metadata` what the control block and the regions' records take, and `committed` and
 * `reserved` are the regions' bytes. Cost: O(regions). */
void loam_heap_stats(const loam_heap *heap, loam_stats *stats);

/** Makes `peak` what is live now. */
void loam_heap_reset_peak(loam_heap *heap);

/** Fills in the heap's own figures. Cost: O(blocks). */
void loam_heap_measure(const loam_heap *heap, loam_heap_figures *figures);

/** Shows all memory of the heap: regions in the order in which they came, each from its start to its
 * end without a gap. Live and free items are what a user of the block may touch; headers, records and
 * the control block are metadata.
 *
 * Returns false iff the callback did. Cost: O(blocks). */
bool loam_heap_walk(const loam_heap *heap, loam_walk_fn visit, void *context);

/** Checks every invariant (heap_internal.h numbers them H1 to H18) in every block, list and tree.
 *
 * `report` may be NULL. A damaged heap is looked at as far as it can be followed, and never outside
 * of its memory. Returns true iff all hold. Cost: O(n log n) for n blocks. */
bool loam_heap_check(const loam_heap *heap, loam_check_fn report, void *context);

/* ---- the handle ---- */

/** The heap as an allocator, for any size and alignment.
 *
 * Reclaims; not thread safe. Has every operation but `cache`: `remap` is
 * loam_heap_realloc_aligned(). Cost: an indirect call more than the direct functions. */
loam_allocator loam_heap_allocator(loam_heap *heap);

LOAM_END_DECLS

#endif
