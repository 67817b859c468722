/** @file loam/region.h
 * The ground: one reservation cut into granules, with a record for each, kept outside of them.
 *
 *     granules  |  0  |  1  |  2  |  3  |  4  |  5  | ...     64 KiB each, base on 4 MiB
 *               |held run of 3    |free |held |  never taken yet
 *                                             ^ frontier
 *     classes   [  7     7     7     0     2     0  | ...     a byte each
 *     records   [ rec | rec | rec | rec | rec | rec | ...     64 bytes each, by default
 *
 * Allocators stand on a region: they take runs of granules, cut them up as they like, and keep what
 * they must know about a run in its records. From any pointer into it the record is found by a
 * subtraction, a shift and a multiplication, so that "whose is this?" has an O(1) answer across all
 * allocators on one region, a block needs no header, and memory that was purged is never touched by
 * bookkeeping.
 *
 * A record is sixteen bytes that everybody can read, and the rest for whoever holds the granule:
 *
 *      0               8       12      16                                stride
 *     +---------------+-------+-------+---------------- - - - --------------+
 *     | owner         | place | extent| opaque: the holder's own            |
 *     +---------------+-------+-------+---------------- - - - --------------+
 *                       |       |
 *                       |       +-- length of the run (24 bits) << 8 | state bits
 *                       +---------- first granule of the run (24 bits) << 8 | kind
 *
 * The `length` counts in the record of a run's first granule, its *head*; `first` leads there from
 * every other one. On 32-bit systems the owner is padded to eight bytes, and nothing else changes.
 *
 * ## Who may touch what
 *
 * - loam_region_take(), loam_region_give() and all other functions that are not inline may be
 *   called by any thread at any time. They take the region's lock.
 * - The inline functions take no lock. They may be called by any thread, and their answer about a
 *   run is good for as long as the caller knows that the run stays held.
 * - The class bytes and the opaque bytes of a held run are its holder's. The public fields are
 *   changed through loam_region_describe() and loam_region_mark() only, by the holder.
 * - The region itself writes the records of a run when it is taken and when it is given, and no
 *   opaque or class byte of a held run ever.
 *
 * After a fork the child can use every region, also when other threads of the parent were inside.
 *
 * ## Runs of granules from anywhere
 *
 * ::loam_granules is where allocators take granules from: two words, as ::loam_allocator is. The
 * region is the plain source, from its frontier and from what was given back. A layer that manages
 * granules better takes big runs from the region, cuts them with loam_region_describe(), and is a
 * source itself; an allocator does not see the difference.
 */
#ifndef LOAM_REGION_H
#define LOAM_REGION_H

#include <loam/base.h>
#include <loam/inspect.h>

LOAM_BEGIN_DECLS

/** The base-two logarithm of ::LOAM_REGION_GRANULE. */
#define LOAM_REGION_GRANULE_SHIFT 16

/** Bytes of a granule, the unit that a region is cut into: 64 KiB. */
#define LOAM_REGION_GRANULE ((size_t)1 << LOAM_REGION_GRANULE_SHIFT)

/** Bytes of a chunk, the alignment and the unit of a region's size: 4 MiB. */
#define LOAM_REGION_CHUNK ((size_t)1 << 22)

/** How many granules make a chunk: 64. */
#define LOAM_REGION_CHUNK_GRANULES (LOAM_REGION_CHUNK / LOAM_REGION_GRANULE)

/** The most granules that a region can have, whole chunks: a terabyte less one chunk, or as much as
 * a 32-bit system can address. A granule's number fits in 24 bits. */
#if UINTPTR_MAX > 0xffffffffu
#define LOAM_REGION_MAX_GRANULES ((size_t)0xffffc0)
#else
#define LOAM_REGION_MAX_GRANULES ((size_t)0x7fc0)
#endif

/** Bytes of a record, unless the configuration says otherwise. */
#define LOAM_REGION_STRIDE 64

/** The fewest bytes of a record: only its public part. */
#define LOAM_REGION_STRIDE_MIN 16

/** The most bytes of a record. */
#define LOAM_REGION_STRIDE_MAX 256

/** What a granule is, as far as a region has to know. Each holder says what its runs are. */
typedef enum loam_region_kind {
    /** Nobody holds it: given back, or never taken. Only the region says so. */
    LOAM_REGION_FREE = 0,
    /** From here to LOAM_REGION_KIND_USER - 1, kinds belong to loam's own layers. */
    LOAM_REGION_KIND_LAYER = 1,
    /** Of a run of this kind, which a layer holds to hand it out in parts, only the records of the
     * first and the last granule say where it starts; all others say the kind and the owner. */
    LOAM_REGION_KIND_PARTED = 31,
    /** From here to LOAM_REGION_KIND_LAST, kinds belong to the program. */
    LOAM_REGION_KIND_USER = 32,
    /** The last kind there can be. */
    LOAM_REGION_KIND_LAST = 255
} loam_region_kind;

/** What is known about a granule's memory; bits of loam_record_state(). */
typedef enum loam_region_state {
    /** It may hold something. Without this bit it reads zero, once it is committed. */
    LOAM_REGION_DIRTY = 1 << 0,
    /** It has been decommitted: it must be committed before it is touched. */
    LOAM_REGION_DECOMMITTED = 1 << 1
} loam_region_state;

/** The public part of a record; loam_record_opaque() is behind it. Read it with the loam_record
 * functions, since other threads may write next to what you read. */
typedef struct loam_record {
    union {
        void *owner;       /**< Of a held granule: whose it is. */
        uint32_t links[2]; /**< Of a free run's head, internal. Odd, so that no owner equals it. */
    };
    uint32_t place;  /**< first << 8 | kind. */
    uint32_t extent; /**< length << 8 | state bits; the length counts in a head only. */
} loam_record;

/** How a region is to be. All zero is a good region. */
typedef struct loam_region_config {
    /** Bytes of address space, rounded up to whole chunks and cut to what a region can have.
     * 0: 64 GiB on 64-bit systems, 256 MiB on others; a quarter of loam_vm_address_space() if that
     * is less. */
    size_t reserve;
    /** Where the system refuses, halves are tried down to this many bytes, rounded up to whole
     * chunks. 0: one chunk. */
    size_t least;
    /** The most bytes that may be held at once, rounded down to granules; 0: no limit. */
    size_t limit;
    /** Bytes of a record, a multiple of 16 from ::LOAM_REGION_STRIDE_MIN to
     * ::LOAM_REGION_STRIDE_MAX; 0: ::LOAM_REGION_STRIDE. */
    size_t stride;
    /** For people; must outlive the region. NULL: "region". */
    const char *name;
} loam_region_config;

/** How a free run's memory is, best first: what a taker gets first, and what a purge changes. */
#define LOAM_REGION_LEVELS_ 3

/** Lists of free runs: of one granule, of two, ... and one for all runs of 64 and more. */
#define LOAM_REGION_BINS_ 64

/** A region. On the caller's storage it must not move between init and deinit. The fields are for
 * the inline functions below and for debuggers; they are the same in checked builds. */
typedef struct loam_region loam_region;
struct loam_region {
    uintptr_t base;    /**< Address of granule 0, a multiple of ::LOAM_REGION_CHUNK. */
    size_t known;      /**< Bytes from base on whose granules have records; grows, never shrinks. */
    uint8_t *classes;  /**< The class byte of granule 0. */
    uintptr_t records; /**< Address of the record of granule 0. */
    size_t stride;     /**< Bytes from a record to the next. */
    size_t granules;   /**< How many granules there can be, whole chunks. */
    void *metadata;    /**< The reservation that holds classes and records. */
    size_t metadata_size; /**< Its bytes. */
    size_t reserved;      /**< Bytes of the reservation that holds the granules. */
    const char *name;     /**< For people. */
    char apart[64];       /**< Keeps what is read without the lock off the lines that change. */

    /** Guards all that follows, and the records of free granules. */
    union {
        uint32_t word; /**< The lock, where the system waits on words. */
        void *system;  /**< The lock, where the system has one of its own. */
    } lock;
    size_t frontier;     /**< Granules below it are in runs; nobody holds one above it. */
    size_t committed;    /**< Granules below it are committed, but for those marked otherwise. */
    size_t touched;      /**< No granule at or above it may hold something. */
    size_t decommitted;  /**< Count of free granules below `committed` that are marked so. */
    size_t class_ready;  /**< Bytes of classes that are committed. */
    size_t record_ready; /**< Bytes of records that are committed. */
    size_t held;         /**< Count of granules that are held. */
    size_t peak;         /**< The most that `held` has been. */
    size_t most;         /**< The most that `held` may be. */
    size_t commit_step;  /**< Granules to commit at the next commit. */
    size_t takes;        /**< Runs taken since init. */
    size_t failures;     /**< Takes refused since init. */
    size_t refused;      /**< Refusals by the system when giving memory back. */
    size_t header;       /**< Bytes in front of the classes: the region itself, if created. */
    loam_region *newer;  /**< Next in the list of all regions, for fork. */
    loam_region *older;  /**< Previous in it. */
    uint64_t filled[LOAM_REGION_LEVELS_]; /**< Bit b: list b of this level is not empty. */
    /** The first granule of the newest run in each list; lists are linked through the heads. */
    uint32_t bins[LOAM_REGION_LEVELS_][LOAM_REGION_BINS_];
};

/** What a taker learns about the run that it got. */
typedef struct loam_granules_info {
    loam_region *region; /**< The region that the run lies in. */
    size_t index;        /**< The run's first granule in it. */
    /** So many granules from the start of the run may hold something; those behind read zero. */
    size_t dirty;
} loam_granules_info;

/** The operations of a source of granules; the functions of the same names below say what each
 * does. All are required but `purge` and `resize`. */
typedef struct loam_granules_ops {
    /** See loam_granules_take(). */
    void *(*take)(void *self, size_t count, size_t align, uint8_t kind, void *owner,
                  loam_granules_info *info);
    /** See loam_granules_give(). */
    void (*give)(void *self, void *ptr, size_t count);
    /** See loam_granules_region(). */
    loam_region *(*region)(void *self, const void *ptr);
    /** See loam_granules_purge(). Optional: NULL means "this source cannot". */
    size_t (*purge)(void *self, size_t budget);
    /** See loam_granules_resize(). Optional: NULL means "this source cannot". */
    bool (*resize)(void *self, void *ptr, size_t count, size_t new_count);
    /** For people. */
    const char *name;
} loam_granules_ops;

/** A source of granules: a handle, passed by value; it owns nothing. */
typedef struct loam_granules {
    const loam_granules_ops *ops; /**< What can be done. */
    void *self;                   /**< The object that it is done to. */
} loam_granules;

/* ---- life ---- */

/** Makes a region on the caller's storage. `config` may be NULL, which is all zero.
 *
 * Returns false iff:
 *  - a value of the configuration is out of its range: a stride that is not listed there, `least`
 *    above `reserve`,
 *  - the system refuses `least` bytes of address space and about a thousandth of that for the
 *    metadata, or to register for forks, or
 *  - a page of the system is bigger than a granule.
 *
 * Then `*region` must not be used. A region that got less than `reserve` is as good as any, only
 * smaller. Cost: a few system calls; nothing is committed. */
LOAM_NODISCARD bool loam_region_init(loam_region *region, const loam_region_config *config);

/** Ends a region; whatever is held in it is gone. Can't fail: address space that the system refuses
 * to take back is emptied and remembered, and offered to it again later (loam_vm_trim()).
 *
 * No other thread may be in it. Cost: two system calls, O(resident pages). */
void loam_region_deinit(loam_region *region);

/** Makes a region that lies in its own metadata. `config` may be NULL.
 *
 * Returns NULL iff loam_region_init() would return false, or the system refuses to commit the first
 * page of the metadata. Cost: as loam_region_init(). */
LOAM_NODISCARD loam_region *loam_region_create(const loam_region_config *config);

/** Ends a region that loam_region_create() made. NULL is ignored. Cost: as loam_region_deinit(). */
void loam_region_destroy(loam_region *region);

/* ---- runs ---- */

/** Takes a run of `count` granules whose address is a multiple of `align` granules, a power of two
 * (1; ::LOAM_REGION_CHUNK_GRANULES for a chunk's alignment; more).
 *
 * The memory is committed. It holds what it held, or zeros, as `info->dirty` tells; `info` may be
 * NULL. The records of the run say `kind`, `owner`, its place and its length, and that it is dirty;
 * their opaque bytes and the class bytes are zero. `owner` is NULL or an even address.
 *
 * Returns NULL iff:
 *  - `count` is 0, `align` is not a power of two, or `kind` is ::LOAM_REGION_FREE,
 *  - the limit would be exceeded,
 *  - no stretch of free granules holds an aligned run that long, or
 *  - the system refuses to commit.
 *
 * Then the region is unchanged, but for its count of failures. Memory that was used before is
 * preferred to memory that costs page faults, and that to fresh one. Neighbouring free runs are
 * always one run.
 *
 * Cost: O(count), to write the records. Finding a run is O(1) for an `align` of 1 and a count below
 * 64, else O(free runs of that length and more). No system call but to commit: none with
 * ::LOAM_VM_FREE_COMMIT. Any thread. */
LOAM_NODISCARD void *loam_region_take(loam_region *region, size_t count, size_t align, uint8_t kind,
                                      void *owner, loam_granules_info *info);

/** Gives a run back: all of one, as it was taken or last described. Can't fail.
 *
 * Its memory stays committed and counts as dirty, unless loam_region_mark() said otherwise, until
 * a purge. Its records are cleared. A checked build stops with "granules are not of this region",
 * "granules were given back twice" or "granules passed back with a length that they do not have".
 *
 * Cost: O(count), to clear the records, and no system call. Any thread. */
void loam_region_give(loam_region *region, void *ptr, size_t count);

/** Makes a run longer or shorter where it is. New granules' records are as those of the run, their
 * opaque and class bytes zero; their memory holds what it held. What is cut off is given back.
 *
 * Returns false iff `new_count` is 0, or it is to be longer and
 *  - what is behind it is not free for long enough,
 *  - the limit would be exceeded, or
 *  - the system refuses to commit.
 *
 * Then nothing changed. Misuse as loam_region_give(). Cost: O(count + new_count). Any thread. */
LOAM_NODISCARD bool loam_region_resize_run(loam_region *region, void *ptr, size_t count,
                                           size_t new_count);

/** Makes `count` granules from `index` on, which the caller holds, a run of their own.
 *
 * That cuts a run, joins neighbouring ones, or passes one on to another owner. What is left of a
 * run that was cut must be described as well before anybody looks at it. `kind` is not
 * ::LOAM_REGION_FREE, and `owner` NULL or an even address. Opaque bytes, class bytes and states are
 * left alone.
 *
 * Takes no lock: the caller holds the granules. Cost: O(count). */
void loam_region_describe(loam_region *region, size_t index, size_t count, uint8_t kind,
                          void *owner);

/** States what the memory of granules is that the caller holds: bits of ::loam_region_state.
 *
 * For holders that purge or decommit by themselves: 0 after a purge, so that whoever gets the
 * granules next need not clear them. What was decommitted must be committed again by the holder,
 * or marked so when it is given. All granules that are taken begin as ::LOAM_REGION_DIRTY.
 *
 * Takes no lock: the caller holds the granules. Cost: O(count). */
void loam_region_mark(loam_region *region, size_t index, size_t count, unsigned state);

/** Gives the memory of free granules back to the system, up to `budget` bytes in whole granules;
 * they stay committed and read zero.
 *
 * Returns how many bytes were dirty and are no more: 0 when there is nothing to do, less than the
 * budget also when the system refuses, which is counted. SIZE_MAX is all. Granules beyond the
 * frontier go first, then the longest runs.
 *
 * Cost: one system call a stretch, O(resident pages), and O(granules) of the runs looked at, under
 * the region's lock: the budget bounds how long takers wait. Any thread. */
size_t loam_region_purge(loam_region *region, size_t budget);

/** As loam_region_purge(), and the commit charge goes back too: what was purged before counts.
 *
 * Taking such granules commits them anew. Returns how many bytes were committed and are no more. */
size_t loam_region_decommit(loam_region *region, size_t budget);

/** Changes the limit, in bytes, rounded down to granules; 0: none. A limit below what is held
 * refuses every take until enough was given. Cost: O(1). Any thread. */
void loam_region_set_limit(loam_region *region, size_t limit);

/* ---- looking at it ---- */

/** The region's name. Cost: O(1). */
LOAM_INLINE const char *loam_region_name(const loam_region *region)
{
    return region->name;
}

/** Fills in the figures of a region.
 *
 * `live` and `peak` are held granules; `committed` is memory and metadata; `metadata` the committed
 * part of it; `reserved` both reservations; `blocks` the count of held granules; `lost` is 0.
 * Granules that their holder decommitted count as committed. Cost: O(1). Any thread. */
void loam_region_stats(loam_region *region, loam_stats *stats);

/** Shows a region piece by piece: each run in order of address, free ones in pieces that are
 * committed or not, the rest of the reservation, then the metadata. The sizes add up to
 * loam_stats::reserved.
 *
 * The callback must not call functions of this region that are not inline, and no holder describe
 * or mark meanwhile. Returns false iff the callback did. Cost: O(granules below the frontier). */
bool loam_region_walk(loam_region *region, loam_walk_fn visit, void *context);

/** Checks the invariants R1 to R9 of region.c.
 *
 * Returns true iff all hold; each that does not is reported. `report` may be NULL. The same
 * restrictions as for loam_region_walk(). Cost: O(metadata below the frontier). */
bool loam_region_check(loam_region *region, loam_check_fn report, void *context);

/** The region as a source of granules. Any thread may use it. Cost: O(1). */
loam_granules loam_region_granules(loam_region *region);

/* ---- from a pointer to its record, inline ---- */

/** A word that another thread may write at this moment: no order, but never half of it. */
LOAM_INLINE uint32_t loam_region_load32_(const uint32_t *word)
{
#if defined(__GNUC__) || defined(__clang__)
    return __atomic_load_n(word, __ATOMIC_RELAXED);
#else
    return *(const volatile uint32_t *)word;
#endif
}

/** As loam_region_load32_(). */
LOAM_INLINE size_t loam_region_load_size_(const size_t *word)
{
#if defined(__GNUC__) || defined(__clang__)
    return __atomic_load_n(word, __ATOMIC_RELAXED);
#else
    return *(const volatile size_t *)word;
#endif
}

/** As loam_region_load32_(). */
LOAM_INLINE void *loam_region_load_pointer_(void *const *word)
{
#if defined(__GNUC__) || defined(__clang__)
    return __atomic_load_n(word, __ATOMIC_RELAXED);
#else
    return *(void *const volatile *)word;
#endif
}

/** Whether `ptr` lies in the part of a region that has records: every granule that was ever taken
 * does. Any pointer may be asked for: NULL, a foreign one, a huge one.
 *
 * Cost: one subtraction and one compare. */
LOAM_INLINE bool loam_region_contains(const loam_region *region, const void *ptr)
{
    return (uintptr_t)ptr - region->base < loam_region_load_size_(&region->known);
}

/** The number of the granule that `ptr` lies in; the region contains it. Cost: O(1). */
LOAM_INLINE size_t loam_region_index(const loam_region *region, const void *ptr)
{
    return ((uintptr_t)ptr - region->base) >> LOAM_REGION_GRANULE_SHIFT;
}

/** Where granule `index` starts. Cost: O(1). */
LOAM_INLINE void *loam_region_address(const loam_region *region, size_t index)
{
    return (void *)(region->base + (index << LOAM_REGION_GRANULE_SHIFT));
}

/** How many granules have records: the index of loam_region_record() is below. It grows and never
 * shrinks. Cost: O(1). */
LOAM_INLINE size_t loam_region_count(const loam_region *region)
{
    return loam_region_load_size_(&region->known) >> LOAM_REGION_GRANULE_SHIFT;
}

/** The record of granule `index`, aligned to 16 bytes, and to the stride if that is a power of two.
 *
 * A run's neighbours can be looked at without a test for the ends: there is a record before granule
 * 0, at index `(size_t)-1`, and one behind the last granule, and both are always free.
 * Cost: O(1). */
LOAM_INLINE loam_record *loam_region_record(const loam_region *region, size_t index)
{
    return (loam_record *)(region->records + index * region->stride);
}

/** The class byte of granule `index`: 0, or what its holder set. Cost: one load. */
LOAM_INLINE uint8_t loam_region_class(const loam_region *region, size_t index)
{
    return region->classes[index];
}

/** Sets the class bytes of `count` granules that the caller holds. Cost: O(count). */
LOAM_INLINE void loam_region_set_class(const loam_region *region, size_t index, size_t count,
                                       uint8_t value)
{
    for (size_t i = 0; i < count; i++)
        region->classes[index + i] = value;
}

/** The kind of a granule; ::LOAM_REGION_FREE if nobody holds it. Cost: O(1). */
LOAM_INLINE uint8_t loam_record_kind(const loam_record *record)
{
    return (uint8_t)loam_region_load32_(&record->place);
}

/** The first granule of the run that a held granule belongs to. Cost: O(1). */
LOAM_INLINE size_t loam_record_first(const loam_record *record)
{
    return loam_region_load32_(&record->place) >> 8;
}

/** The length of a held run in granules, from the record of its first one. Cost: O(1). */
LOAM_INLINE size_t loam_record_length(const loam_record *record)
{
    return loam_region_load32_(&record->extent) >> 8;
}

/** The state of a granule's memory, bits of ::loam_region_state. Cost: O(1). */
LOAM_INLINE unsigned loam_record_state(const loam_record *record)
{
    return loam_region_load32_(&record->extent) &
           (unsigned)(LOAM_REGION_DIRTY | LOAM_REGION_DECOMMITTED);
}

/** Whose a granule is. What it says of a free granule equals no owner but NULL. Cost: O(1). */
LOAM_INLINE void *loam_record_owner(const loam_record *record)
{
    return loam_region_load_pointer_(&record->owner);
}

/** The holder's own bytes in a record: the stride less 16. Aligned to 16. Cost: O(1). */
LOAM_INLINE void *loam_record_opaque(loam_record *record)
{
    return record + 1;
}

/** The head of the run that a held granule belongs to. Cost: O(1), a dependent load. */
LOAM_INLINE loam_record *loam_region_head(const loam_region *region, size_t index)
{
    return loam_region_record(region, loam_record_first(loam_region_record(region, index)));
}

/** Whose is this pointer? Returns the record of the granule that `ptr` lies in.
 *
 * Returns NULL iff the region does not contain `ptr` or nobody holds that granule now. Any pointer
 * may be asked for. Cost: O(1). */
LOAM_INLINE loam_record *loam_region_find(const loam_region *region, const void *ptr)
{
    loam_record *record;

    if (!loam_region_contains(region, ptr))
        return NULL;
    record = loam_region_record(region, loam_region_index(region, ptr));
    return loam_record_kind(record) == LOAM_REGION_FREE ? NULL : record;
}

/* ---- the handle ---- */

/** Takes a run of granules from a source; all that loam_region_take() says about count, alignment,
 * kind, owner, `info` and failure holds for every source. Whether other threads may call is the
 * source's to say. Cost: the source's. */
LOAM_INLINE LOAM_NODISCARD void *loam_granules_take(loam_granules source, size_t count,
                                                    size_t align, uint8_t kind, void *owner,
                                                    loam_granules_info *info)
{
    return source.ops->take(source.self, count, align, kind, owner, info);
}

/** Gives a run back to the source that it came from, as loam_region_give(). Cost: the source's. */
LOAM_INLINE void loam_granules_give(loam_granules source, void *ptr, size_t count)
{
    source.ops->give(source.self, ptr, count);
}

/** The region that `ptr` lies in, among those that the source takes from; NULL if in none.
 *
 * With a `ptr` of NULL: the region that all granules of this source lie in; NULL if there may be
 * several. A holder asks once, and need not ask again for each pointer. Cost: the source's. */
LOAM_INLINE loam_region *loam_granules_region(loam_granules source, const void *ptr)
{
    return source.ops->region(source.self, ptr);
}

/** Lets a source give memory of free granules back to the system, up to `budget` bytes, as its policy
 * says. Returns how many bytes had memory behind them and are given up; 0 also where the source can't.
 * Cost: the source's. */
LOAM_INLINE size_t loam_granules_purge(loam_granules source, size_t budget)
{
    return source.ops->purge ? source.ops->purge(source.self, budget) : 0;
}

/** Makes a run longer or shorter where it is, as loam_region_resize_run() says. Returns false also where
 * the source can't. Cost: the source's. */
LOAM_INLINE LOAM_NODISCARD bool loam_granules_resize(loam_granules source, void *ptr, size_t count,
                                                     size_t new_count)
{
    return source.ops->resize && source.ops->resize(source.self, ptr, count, new_count);
}

LOAM_END_DECLS

#endif
