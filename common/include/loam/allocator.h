/** @file loam/allocator.h
 * The handle that every layer of loam takes memory from, and that every layer can be.
 *
 * A handle is two words, passed by value: a constant table of operations, and the object that they
 * work on. Where the table is a constant that the compiler sees, calls through the handle are
 * direct calls.
 *
 * ## The contract
 *
 * - **A1** Operations see `0 < size <= PTRDIFF_MAX` and an alignment that is a power of two. The
 *   wrappers below answer the rest once, for everybody: size 0 gives an address that is not NULL,
 *   is aligned and must not be dereferenced, and giving it back does nothing; a larger size, or an
 *   alignment that is no power of two, gives NULL.
 * - **A2** `alloc` returns memory aligned to `align`, contents unspecified, or NULL: the request
 *   can't be met now, or is one that this allocator never serves. `errno` is never promised. A
 *   refused system call of any kind is NULL or false, never fatal.
 * - **A3** The owner passes back the exact `size` and `align` that the block now has: as last given
 *   to `alloc`, or to a `resize` or `remap` that succeeded. Slack is claimed only by asking for
 *   `good_size(size)`.
 * - **A4** `resize` never moves the block. False: nothing changed. Shrinking may be refused too.
 * - **A5** `remap` may move the block without the caller copying. NULL: nothing changed, and the
 *   caller may alloc, copy and dealloc.
 * - **A6** `dealloc` can't fail and leaves `errno` alone. What the system refuses to take back is
 *   kept for reuse and counted, never lost.
 * - **A7** `good_size(s) >= s`, monotone, free of side effects; `alloc(good_size(s))` wastes
 *   nothing.
 * - **A8** Not thread safe unless ::LOAM_THREADSAFE. The object behind `self` outlives every block
 *   and does not move.
 * - **A9** Failure is atomic: an operation that returns NULL or false changed nothing that the
 *   caller can observe but counters.
 * - **A10** No operation calls back into the same allocator.
 *
 * ## Why so
 *
 * Blocks come back with size and alignment, so that no allocator has to hide a header in front of a
 * block, or to guess whose it is. Growing in place and growing by moving pages are two questions,
 * and a caller with pointers into the block may ask only the first. An operation that is not there
 * is a NULL slot: the question "can you?" is a load and a test. There is no "free everything" in
 * the handle: only the owner of the object behind it may do that, and it has the object.
 */
#ifndef LOAM_ALLOCATOR_H
#define LOAM_ALLOCATOR_H

#include <loam/base.h>

#include <string.h>

LOAM_BEGIN_DECLS

typedef struct loam_cache loam_cache;
typedef struct loam_allocator_ops loam_allocator_ops;

/** What an allocator promises beyond the contract; bits of loam_allocator_ops::traits. */
typedef enum loam_trait {
    /** *Every* block given back becomes reusable before a reset. Undoing only the newest block, as
     * an arena does, is not reclaiming. */
    LOAM_RECLAIMS = 1 << 0,
    /** Any thread may call any operation at any time, and give back what another one took. */
    LOAM_THREADSAFE = 1 << 1,
    /** Every call must reach this allocator: caches in front of it hold nothing. */
    LOAM_EXACT = 1 << 2
} loam_trait;

/** A handle: where memory comes from. Copy it freely; it owns nothing. */
typedef struct loam_allocator {
    const loam_allocator_ops *ops; /**< What can be done. */
    void *self;                    /**< The object that it is done to; NULL where there is none. */
} loam_allocator;

/** The operations behind a handle. The contract A1-A10 says what each must do. */
struct loam_allocator_ops {
    /** Required. Returns `size` bytes aligned to `align`, or NULL (A2). */
    void *(*alloc)(void *self, size_t size, size_t align);
    /** Required. Takes back a block (A3, A6). */
    void (*dealloc)(void *self, void *ptr, size_t size, size_t align);

    /* Optional: NULL means "this allocator cannot". */

    /** As alloc, and the bytes read as zero. There only where it is cheaper than clearing. */
    void *(*zalloc)(void *self, size_t size, size_t align);
    /** Changes the size of a block where it is (A4). */
    bool (*resize)(void *self, void *ptr, size_t size, size_t new_size, size_t align);
    /** Changes the size of a block, moving it if need be, without the caller copying (A5). */
    void *(*remap)(void *self, void *ptr, size_t size, size_t new_size, size_t align);
    /** The bytes that a request for `size` really occupies (A7). */
    size_t (*good_size)(void *self, size_t size, size_t align);
    /** Whether `ptr` points into a block of this allocator. */
    bool (*owns)(void *self, const void *ptr);
    /** The allocator's shared cache for blocks of one size, or NULL (see loam/cache.h). */
    loam_cache *(*cache)(void *self, size_t size, size_t align);

    const char *name; /**< For messages and tables; a constant text. */
    uint32_t traits;  /**< ::loam_trait bits. */
};

/** The C library's allocator: malloc, aligned_alloc, realloc and free behind a handle.
 *
 * Reclaims, thread safe. `remap` is realloc and is refused above the alignment of malloc
 * (::LOAM_MAX_ALIGN); there is no `resize`, because the C library has none. Needs no set-up.
 * Cost: that of the C library plus an indirect call. Any thread. */
loam_allocator loam_libc_allocator(void);

/** Whole mappings from the system: each block is rounded up to pages and stands alone.
 *
 * Reclaims, thread safe. For big blocks, and for those that grow. `zalloc` costs nothing for fresh
 * pages, `good_size` is whole pages, alignments up to any power of two are served. Needs no set-up.
 *
 * **Growing.** A block of 128 KiB or more stands at the start of a reservation of sixteen times its
 * size, 256 MiB at least, so that `resize` grows it where it is. When that is full, `remap` moves
 * its pages, without a copy, into one that is again sixteen times as big, to an address that is
 * congruent modulo 2 MiB. Where address space is short (`ulimit -v`), or beyond 8192 such blocks,
 * blocks are mappings of just their size: `resize` may refuse, `remap` moves their pages. A smaller
 * block that grows to 128 KiB is not moved but refused, once: loam_realloc() then copies it. Where
 * the system can't move pages (no ::LOAM_VM_REMAP), or commit is charged, a block that outgrows its
 * reservation is copied or moved at each further growth.
 *
 * **Shrinking** in place gives the memory back but for a quarter of the new size, 256 KiB at least;
 * what stays goes after a second, at the next occasion. An eighth of the new size, 256 KiB at most,
 * may stay for good; and it is all that stays while 16 other blocks have more behind them, or there
 * is no room for more in what is kept in all.
 *
 * **Given back**, mappings are kept a short while: at most 16 of them, each for about a second. So
 * taking and giving in turn makes no system call, and a block that grows as one did a moment ago
 * meets no page fault; what such a block does not use yet stays behind it, for a second as well. Of
 * each mapping 16 MiB of memory are kept. Who ends a block, and soon another one that was as big, in
 * the same address space, has shown that the rest was given back in vain: from then on as much is
 * kept as the block before had, 64 MiB at most, until one has less. All mappings that are kept have
 * 64 MiB in all, with what is behind blocks; but if one alone has nearly that, others have still
 * some: 96 MiB is the most. loam_vm_trim() gives all of that back at once.
 *
 * **Huge pages**, where they can be asked for, are asked for a block as soon as it fills them to
 * eight ninths, and for smaller ones as long as all of these together waste no more than 8 MiB. So
 * blocks hold at most an eighth and 8 MiB more than they asked for, and one huge page for each that
 * grew to an odd size. A block that is touched here and there only holds a huge page for each place.
 *
 * Cost: none to six system calls for a block that is not kept, and the faults of first touch; a
 * growth in place is a lookup, and one call where commit is charged. Any thread. */
loam_allocator loam_vm_allocator(void);

/** Whether a size and alignment may be passed on to an operation (A1). */
LOAM_INLINE bool loam_request_valid(size_t size, size_t align)
{
    return size - 1 < (size_t)PTRDIFF_MAX && align != 0 && (align & (align - 1)) == 0;
}

/** The address for a block of no bytes: not NULL, aligned, and never dereferenced (A1). */
LOAM_INLINE void *loam_empty_block(size_t align)
{
    return (void *)(uintptr_t)align;
}

/** Returns what a request that no operation may see gives: an empty block, or NULL (A1). */
LOAM_INLINE void *loam_answer_odd_request(size_t size, size_t align)
{
    if (align == 0 || (align & (align - 1)) != 0) {
        LOAM_REQUIRE(false, LOAM_MISUSE_BAD_ALIGNMENT, (void *)(uintptr_t)align);
        return NULL;
    }
    return size == 0 ? loam_empty_block(align) : NULL;
}

/** Whether there is any point in giving blocks back one by one.
 *
 * False over an arena: a container that owns a thousand nodes there may simply forget them. O(1).
 */
LOAM_INLINE bool loam_allocator_reclaims(loam_allocator allocator)
{
    return (allocator.ops->traits & LOAM_RECLAIMS) != 0;
}

/** Whether any thread may use this handle at any time. O(1). */
LOAM_INLINE bool loam_allocator_threadsafe(loam_allocator allocator)
{
    return (allocator.ops->traits & LOAM_THREADSAFE) != 0;
}

/** Whether two handles are the same allocator, so that blocks of one may be given to the other. */
LOAM_INLINE bool loam_allocator_same(loam_allocator a, loam_allocator b)
{
    return a.ops == b.ops && a.self == b.self;
}

/** Returns `size` bytes aligned to `align`, contents unspecified.
 *
 * Size 0 gives an address that is not NULL and must not be dereferenced.
 *
 * Returns NULL iff:
 *  - `align` is not a power of two (a checked build stops with "alignment is not a power of two"),
 *  - `size` is above PTRDIFF_MAX, or
 *  - the allocator can't meet the request (A2).
 *
 * Cost: one indirect call. */
LOAM_INLINE LOAM_NODISCARD void *loam_alloc(loam_allocator allocator, size_t size, size_t align)
{
    if (LOAM_UNLIKELY(!loam_request_valid(size, align)))
        return loam_answer_odd_request(size, align);
    return allocator.ops->alloc(allocator.self, size, align);
}

/** As loam_alloc(), and the bytes read as zero.
 *
 * Returns NULL iff loam_alloc() would. Cost: one indirect call, and O(size) where the allocator
 * does not know fresh pages from used ones. */
LOAM_INLINE LOAM_NODISCARD void *loam_zalloc(loam_allocator allocator, size_t size, size_t align)
{
    void *ptr;

    if (LOAM_UNLIKELY(!loam_request_valid(size, align)))
        return loam_answer_odd_request(size, align);
    if (allocator.ops->zalloc)
        return allocator.ops->zalloc(allocator.self, size, align);
    ptr = allocator.ops->alloc(allocator.self, size, align);
    return ptr ? memset(ptr, 0, size) : NULL;
}

/** Gives a block back; `size` and `align` are those that it now has (A3).
 *
 * NULL and blocks of size 0 are ignored. Can't fail, leaves errno alone (A6).
 * Cost: one indirect call. */
LOAM_INLINE void loam_dealloc(loam_allocator allocator, void *ptr, size_t size, size_t align)
{
    if (LOAM_LIKELY(ptr && size))
        allocator.ops->dealloc(allocator.self, ptr, size, align);
}

/** Changes the size of a block without moving it (A4).
 *
 * Returns false iff the allocator can't do that here and now, or either size is 0 and the other is
 * not, or `new_size` is above PTRDIFF_MAX; then nothing changed. Cost: one indirect call. */
LOAM_INLINE LOAM_NODISCARD bool loam_resize(loam_allocator allocator, void *ptr, size_t size,
                                            size_t new_size, size_t align)
{
    if (size == new_size)
        return true;
    if (!allocator.ops->resize || size == 0 || !loam_request_valid(new_size, align))
        return false;
    return allocator.ops->resize(allocator.self, ptr, size, new_size, align);
}

/** Changes the size of a block in place or by moving its pages, never by copying (A5).
 *
 * Returns the block's address, or NULL iff the allocator has no such way here and now, either size
 * is 0 and the other is not, or `new_size` is above PTRDIFF_MAX; then nothing changed.
 * Cost: one indirect call. */
LOAM_INLINE LOAM_NODISCARD void *loam_remap(loam_allocator allocator, void *ptr, size_t size,
                                            size_t new_size, size_t align)
{
    if (!allocator.ops->remap)
        return loam_resize(allocator, ptr, size, new_size, align) ? ptr : NULL;
    if (size == new_size)
        return ptr;
    if (size == 0 || !loam_request_valid(new_size, align))
        return NULL;
    return allocator.ops->remap(allocator.self, ptr, size, new_size, align);
}

/** Changes the size of a block in whatever way is cheapest; the first bytes are kept.
 *
 * `size` 0 stands for "no block yet" (then `ptr` is ignored), `new_size` 0 gives the block back and
 * returns an empty one. In place or by moving pages where the allocator can, else by copying the
 * smaller of both sizes into a new block.
 *
 * Returns NULL iff the request can't be met, as loam_alloc() tells; then the old block is as it
 * was. Cost: up to three indirect calls, O(min(size, new_size)) when copied. */
LOAM_NODISCARD void *loam_realloc(loam_allocator allocator, void *ptr, size_t size, size_t new_size,
                                  size_t align);

/** The bytes that a request for `size` bytes really occupies: ask for them and waste nothing (A7).
 *
 * At least `size`; `size` itself where the allocator does not say or would refuse the request.
 * Cost: one indirect call. */
LOAM_INLINE size_t loam_good_size(loam_allocator allocator, size_t size, size_t align)
{
    if (!allocator.ops->good_size || !loam_request_valid(size, align))
        return size;
    return allocator.ops->good_size(allocator.self, size, align);
}

/** Whether `ptr` points into a block of this allocator; false where it can't tell.
 *
 * Whether it can is `allocator.ops->owns != NULL`. Cost: the allocator's. */
LOAM_INLINE bool loam_owns(loam_allocator allocator, const void *ptr)
{
    return allocator.ops->owns && allocator.ops->owns(allocator.self, ptr);
}

/** Multiplies a count of elements by their size. Returns false iff the product is above
 * PTRDIFF_MAX; then `*bytes` is PTRDIFF_MAX + 1, which no allocator serves. */
LOAM_INLINE bool loam_array_size(size_t count, size_t size, size_t *bytes)
{
    bool fits = size == 0 || count <= (size_t)PTRDIFF_MAX / size;

    *bytes = fits ? count * size : (size_t)PTRDIFF_MAX + 1;
    return fits;
}

/** Returns room for `count` elements of `size` bytes, aligned to `align`, contents unspecified.
 *
 * Returns NULL iff `count * size` is above PTRDIFF_MAX or loam_alloc() would. Give it back with
 * loam_dealloc() and `count * size`. Cost: one indirect call. */
LOAM_INLINE LOAM_NODISCARD void *loam_alloc_array(loam_allocator allocator, size_t count,
                                                  size_t size, size_t align)
{
    size_t bytes;

    return loam_array_size(count, size, &bytes) ? loam_alloc(allocator, bytes, align) : NULL;
}

/** As loam_alloc_array(), and the bytes read as zero. */
LOAM_INLINE LOAM_NODISCARD void *loam_zalloc_array(loam_allocator allocator, size_t count,
                                                   size_t size, size_t align)
{
    size_t bytes;

    return loam_array_size(count, size, &bytes) ? loam_zalloc(allocator, bytes, align) : NULL;
}

/** A `type *` to one uninitialised object, or NULL as loam_alloc(). */
#define loam_new(allocator, type)                                                                  \
    ((type *)loam_alloc((allocator), sizeof(type), LOAM_ALIGNOF(type)))

/** Gives back one object that loam_new() or loam_znew() made; NULL is ignored. */
#define loam_delete(allocator, type, ptr)                                                          \
    loam_dealloc((allocator), (ptr), sizeof(type), LOAM_ALIGNOF(type))

/** As loam_new(), and the object's bytes read as zero. */
#define loam_znew(allocator, type)                                                                 \
    ((type *)loam_zalloc((allocator), sizeof(type), LOAM_ALIGNOF(type)))

/** A `type *` to `count` uninitialised objects, or NULL as loam_alloc_array(). */
#define loam_new_array(allocator, type, count)                                                     \
    ((type *)loam_alloc_array((allocator), (count), sizeof(type), LOAM_ALIGNOF(type)))

/** Gives back an array that loam_new_array() made, with its count; NULL is ignored. */
#define loam_delete_array(allocator, type, ptr, count)                                             \
    loam_dealloc((allocator), (ptr), (size_t)(count) * sizeof(type), LOAM_ALIGNOF(type))

LOAM_END_DECLS

#endif
