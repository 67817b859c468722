/** @file loam/vm.h
 * Pages: address space, the memory behind it, and what the system can do with both.
 *
 *     reserve ---> [ address space, nothing may be touched ]
 *     commit  ---> [ may be read and written, reads zero at first ]
 *     purge   ---> [ still committed; the memory went back, contents are lost ]
 *     decommit --> [ address space again; the memory and the commit charge went back ]
 *     release ---> nothing; takes exactly what reserve gave
 *
 * Addresses and sizes are in whole pages of loam_vm_page_size() unless a function says otherwise.
 * Every function may be called by any thread; two threads must not work on the same pages at once.
 * A system call that is refused, for whatever reason, is false or NULL and has changed nothing; no
 * function here ends the program or promises errno.
 *
 * Systems differ. What this one can do is a set of bits, loam_vm_capabilities(): code that stands
 * on this header asks them, never for the name of a system.
 */
#ifndef LOAM_VM_H
#define LOAM_VM_H

#include <loam/inspect.h>

LOAM_BEGIN_DECLS

/** What the system can do with pages; bits of loam_vm_capabilities(). */
typedef enum loam_vm_capability {
    /** Commit costs no system call and charges nothing before the first touch. */
    LOAM_VM_FREE_COMMIT = 1 << 0,
    /** A lazy purge is cheaper than one now: the system takes the pages when it needs them. */
    LOAM_VM_LAZY_PURGE = 1 << 1,
    /** Guards cost neither a kernel mapping nor commit charge. */
    LOAM_VM_CHEAP_GUARD = 1 << 2,
    /** loam_vm_remap() can move pages without copying. */
    LOAM_VM_REMAP = 1 << 3,
    /** A part of a reservation can be released by itself (loam_vm_release_part()). */
    LOAM_VM_PARTIAL_RELEASE = 1 << 4,
    /** What was decommitted reads zero when it is committed again. */
    LOAM_VM_ZERO_ON_DECOMMIT = 1 << 5,
    /** Huge pages can be asked for by advice, without a privilege. */
    LOAM_VM_HUGE_ADVICE = 1 << 6,
    /** Pages can be placed on memory nodes by advice. */
    LOAM_VM_NUMA_ADVICE = 1 << 7
} loam_vm_capability;

/** When a purge takes effect. */
typedef enum loam_vm_purge_mode {
    /** At once: resident memory falls, and the pages read zero. */
    LOAM_VM_PURGE_NOW,
    /** When the system wants memory: cheaper, but until then resident memory does not fall and the
     * pages read as either their old contents or zero, page by page, until they are written. */
    LOAM_VM_PURGE_LAZY
} loam_vm_purge_mode;

/** What can be asked for a range of pages. */
typedef enum loam_vm_advice {
    LOAM_VM_HUGE,       /**< Use huge pages where a whole one fits. */
    LOAM_VM_NO_HUGE,    /**< Use no huge pages. */
    LOAM_VM_INTERLEAVE, /**< Spread the pages over all memory nodes. */
    LOAM_VM_LOCAL       /**< Take pages from the node of the thread that first touches them. */
} loam_vm_advice;

/** The ::loam_vm_capability bits of this system. Cost: O(1) after the first call in a process. */
uint32_t loam_vm_capabilities(void);

/** Bytes of a page, a power of two, read from the system at run time. Cost: O(1). */
size_t loam_vm_page_size(void);

/** Bytes of a huge page that advice can give, a power of two; 0 where there are none. Cost: O(1).
 */
size_t loam_vm_huge_page_size(void);

/** The unit that reservations start at and are counted in: a page, or 64 KiB on Windows. O(1). */
size_t loam_vm_reserve_granularity(void);

/** Bytes of address space that this process may map at most, as limits (`ulimit -v`) were at the
 * first call; SIZE_MAX where the system does not tell. Cost: O(1). */
size_t loam_vm_address_space(void);

/** Reserves `size` bytes of address space at a multiple of `align`; nothing may be touched yet.
 *
 * `size` is rounded up to loam_vm_reserve_granularity(). Release it with the same size.
 *
 * **Locked memory**, on Linux. mlockall(MCL_FUTURE) fills mappings when they are made, but never
 * what is only reserved here. Where it was called before the first use of this header, there is no
 * ::LOAM_VM_FREE_COMMIT, and memory is filled and locked when it is committed. Where it is called
 * later, or with MCL_ONFAULT, a page of a reservation of 1 MiB or more made from then on is locked
 * when it is first touched; smaller ones are filled whole. All of that can be given back, from Linux
 * 5.18 on. mlockall(MCL_CURRENT) without MCL_ONFAULT fills whatever is reserved at that moment with
 * ::LOAM_VM_FREE_COMMIT: call it before the first use of loam. The limit of locked memory
 * (`ulimit -l`) counts reservations whole.
 *
 * Returns NULL iff:
 *  - `size` is 0 or above PTRDIFF_MAX, or `align` is not a power of two, or
 *  - the system refuses: no hole is big enough, a limit (`ulimit -v`), too many mappings.
 *
 * Cost: one system call, or three for 1 MiB or more where commit is free; two more as a rule, six at
 * most, where `align` is above the granularity. No commit charge. */
LOAM_NODISCARD void *loam_vm_reserve(size_t size, size_t align);

/** Reserves as much as the system lets have between `least` and `size` bytes, by halving.
 *
 * Writes what it got to `*got`. Limits and overcommit settings refuse a big reservation where a
 * smaller one is fine; this climbs down.
 *
 * Returns NULL iff loam_vm_reserve() refuses even `least` bytes; then `*got` is 0. The same
 * conditions on the arguments hold, and `least <= size`.
 * Cost: O(log(size / least)) system calls. */
LOAM_NODISCARD void *loam_vm_reserve_ladder(size_t size, size_t least, size_t align, size_t *got);

/** Makes pages of a reservation usable. They read zero unless they were committed and written
 * before. Committing what is committed changes nothing.
 *
 * Returns false iff the system refuses (commit limit, mapping count) or the range is not whole
 * pages. Cost: none with ::LOAM_VM_FREE_COMMIT, else one system call. */
LOAM_NODISCARD bool loam_vm_commit(void *ptr, size_t size);

/** Gives pages, their contents and their commit charge back; the address space stays reserved.
 *
 * They must not be touched until they are committed again; then they read zero with
 * ::LOAM_VM_ZERO_ON_DECOMMIT. With ::LOAM_VM_FREE_COMMIT there is no charge, and the range stays
 * accessible to a stray pointer.
 *
 * Returns false iff the system refuses; then the contents may be lost and all else is as before.
 * Cost: one or two system calls, O(resident pages). */
bool loam_vm_decommit(void *ptr, size_t size);

/** Gives the memory behind committed pages back; they stay committed and lose their contents.
 *
 * Returns false iff the system refuses; then the contents are as before, or lost in part.
 * Cost: one system call, O(resident pages). */
bool loam_vm_purge(void *ptr, size_t size, loam_vm_purge_mode mode);

/** Ends a reservation; `ptr` and `size` are those of loam_vm_reserve().
 *
 * Returns false iff the system refuses (too many mappings); then the reservation stands, and the
 * caller keeps it for reuse. Cost: one system call, O(resident pages). */
bool loam_vm_release(void *ptr, size_t size);

/** Ends a part of a reservation, in whole pages, where ::LOAM_VM_PARTIAL_RELEASE says so.
 *
 * Returns false iff the system cannot or refuses; then nothing changed. Cost: one system call. */
bool loam_vm_release_part(void *ptr, size_t size);

/** Changes the size of a whole, fully committed reservation in place; new pages read zero.
 *
 * Returns false iff the system cannot (no ::LOAM_VM_REMAP), other mappings are in the way, or it
 * refuses; then nothing changed. Cost: one system call. */
LOAM_NODISCARD bool loam_vm_extend(void *ptr, size_t size, size_t new_size);

/** Moves a whole, fully committed reservation, growing or shrinking it, without copying.
 *
 * When the reservation is at least as big as a huge page, the new address is congruent to the old
 * one modulo that size, because page tables are then moved whole: 64 MiB in 27 us instead of 298.
 * Where commit is charged, or no such address is to be had, it may be any.
 *
 * Returns NULL iff there is no ::LOAM_VM_REMAP, the new size is 0 or above PTRDIFF_MAX, or the
 * system refuses; then nothing changed. Cost: one to nine system calls, six as a rule when it
 * moves; O(size / 2 MiB). */
LOAM_NODISCARD void *loam_vm_remap(void *ptr, size_t size, size_t new_size);

/** Makes pages fault on any touch, for the price of no kernel mapping where the system can
 * (::LOAM_VM_CHEAP_GUARD). Their contents are lost. The pages must be committed, and unguarded
 * before they are purged or decommitted.
 *
 * Returns false iff the system refuses; then nothing changed. Cost: one or two system calls, three
 * where memory is locked. */
LOAM_NODISCARD bool loam_vm_guard(void *ptr, size_t size);

/** Makes guarded pages usable again; they read zero.
 *
 * Returns false iff the system refuses; then they are still guarded. Cost: as loam_vm_guard(). */
LOAM_NODISCARD bool loam_vm_unguard(void *ptr, size_t size);

/** Gives back what loam keeps for its own reuse for a second or so: released mappings, those of
 * loam_vm_allocator() and of ended arenas, and the memory behind blocks of that allocator which
 * shrank or may grow. Returns how many bytes of address space went.
 *
 * Worth calling before a long idle phase. Blocks in use are not touched. Cost: one system call for
 * each mapping or piece of memory kept, 32 at most, and those that the system refused to take back
 * before. */
size_t loam_vm_trim(void);

/** Figures of what loam_vm_trim() would give back: `committed` may be resident, or is charged where
 * commit is, `reserved` is address space (and counts the memory behind blocks as well), `blocks` how
 * many mappings there are, `refused` how often the system took none back. O(1). */
void loam_vm_trim_stats(loam_stats *stats);

/** Advises the system about a range of pages. Returns false iff the system does not take this
 * advice; it is safe to ignore that. Cost: one system call. */
bool loam_vm_advise(void *ptr, size_t size, loam_vm_advice advice);

LOAM_END_DECLS

#endif
