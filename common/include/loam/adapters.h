/** @file loam/adapters.h
 * Adapters: small allocators that stand in front of another one and add one thing to it.
 *
 * | adapter       | adds                                                                    |
 * |---------------|-------------------------------------------------------------------------|
 * | loam_checked  | finds bugs: of the code above it, and of the allocator below it         |
 * | loam_counting | figures: live, peak, blocks, allocations, failures                      |
 * | loam_budget   | a byte limit with a name, and limits over groups of limits              |
 * | loam_failing  | refusals on purpose, to test what happens then                          |
 * | loam_locked   | a lock, so that any thread may use the allocator                        |
 * | loam_logging  | each call told to a callback                                            |
 * | loam_fallback | a second allocator for what the first one refuses                       |
 * | loam_split    | one allocator for small blocks and another one for large ones           |
 *
 * They stack in any order, as values on the caller's storage, and take no memory of their own (but
 * for loam_checked, which says from where):
 *
 *     container -> locked -> budget -> counting -> pool
 *
 * ## What holds for each of them
 *
 * - `init` fills the object and never fails, unless its own text says so. The handle that
 *   `loam_X_allocator` returns is good until `deinit`; the object must not move in between (A8).
 * - What is below an adapter must outlive it. `deinit` leaves it alone and can't fail; blocks that
 *   are still live have lost their allocator and must not be given back.
 * - An adapter can do what the allocator below can: an operation is absent where it is absent
 *   below. Traits are inherited, and dropped where the adapter can't keep them; each says so.
 * - Size 0, impossible sizes and impossible alignments never reach an adapter (A1).
 * - No adapter offers a shared cache, because blocks in one pass it by (C4, C6); loam_split, which
 *   has nothing to be passed by, hands on the one that is below it.
 * - The fields of the structures are not for use: they are visible so that the objects can live on
 *   the stack. Their layout does not depend on ::LOAM_CHECKS.
 * - An operation costs that of the allocator below, an indirect call, and what is said here.
 */
#ifndef LOAM_ADAPTERS_H
#define LOAM_ADAPTERS_H

#include <loam/allocator.h>
#include <loam/inspect.h>

LOAM_BEGIN_DECLS

/* ---- checked ------------------------------------------------------------------------------- */

/** "None at all", where 0 stands for the default. */
#define LOAM_CHECKED_NONE SIZE_MAX

/** The red zone on each side of a block, in bytes, unless the configuration says otherwise. */
#define LOAM_CHECKED_RED_ZONE 32

/** The bytes of given-back blocks that are held back, unless the configuration says otherwise. */
#define LOAM_CHECKED_QUARANTINE ((size_t)1 << 20)

/** Given-back addresses that are still known as such after they left the quarantine. */
#define LOAM_CHECKED_RECENT 64

/** What fills fresh memory, red zones and given-back blocks; easy to tell in a debugger. */
typedef enum loam_checked_fill {
    LOAM_CHECKED_FRESH = 0xAA, /**< Handed out and not written yet. */
    LOAM_CHECKED_ZONE = 0xF5,  /**< Belongs to nobody: around a block. */
    LOAM_CHECKED_FREED = 0xDD  /**< Given back. */
} loam_checked_fill;

/** A block, as the checked adapter shows it. */
typedef struct loam_checked_block {
    const void *address; /**< Where it starts. */
    size_t size;         /**< Bytes. */
    size_t align;        /**< Its alignment. */
    size_t serial;       /**< Which allocation made it, counted from 1 since init. */
} loam_checked_block;

/** Told each block that is still live at the end, oldest first. Must not use the allocator. */
typedef void (*loam_checked_leak_fn)(void *context, const loam_checked_block *block);

/** How loam_checked_init() sets up. All zero is a good choice. */
typedef struct loam_checked_config {
    /** Where the adapter's own records come from; the C library where `ops` is NULL. Not the
     * checked allocator itself. */
    loam_allocator records;
    /** Bytes of red zone on each side of a block, rounded up to 16 and at most 64 KiB; 0 stands for
     * #LOAM_CHECKED_RED_ZONE. With #LOAM_CHECKED_NONE the allocator below sees the very sizes that
     * the caller asks for, and overruns go unseen. */
    size_t red_zone;
    /** Bytes of given-back blocks that are held back, to find late writes; 0 stands for
     * #LOAM_CHECKED_QUARANTINE. With #LOAM_CHECKED_NONE a block goes back at once. */
    size_t quarantine;
    /** Gets each leaked block instead of the program's end; NULL: leaks are fatal. */
    loam_checked_leak_fn on_leak;
    /** Passed to `on_leak`. */
    void *context;
} loam_checked_config;

/** An allocator that finds bugs: asserts A1 to A10 towards both sides.
 *
 *     loam_checked checked;
 *     loam_checked_init(&checked, loam_libc_allocator(), NULL);
 *     run_my_code(loam_checked_allocator(&checked));
 *     loam_checked_deinit(&checked);
 *
 *       | red zone | block as the caller sees it | red zone |    one block of the allocator below
 *
 * Each finding ends the program through loam_fatal() with the words of its kind and the address of
 * the block as the caller knows it. It finds
 *
 *  - of the code above: a size or alignment that no operation may see (A1); a wrong size or
 *    alignment, a foreign address, an address inside a block, a block given back twice (A3); writes
 *    behind and before a block, found when the block is given back or changes size; writes to a
 *    block that was given back, found when it leaves the quarantine; calls to an object that was
 *    moved or has ended (A8); live blocks at the end;
 *  - of the allocator below: a block that is misaligned, lies over another one, or is denied by
 *    `owns`; zeroed memory that is not zero; a `resize` or `remap` that lost contents, changed
 *    something although it refused (A9), or grew over another block; `good_size` below what was
 *    asked; a `dealloc` that changed errno (A6); a call back into the same object (A10).
 *
 * Fresh memory is filled with ::LOAM_CHECKED_FRESH, so that reading what was never written shows;
 * zeroed memory is zero. Contents that `resize` and `remap` must keep are compared over the first
 * and last 4 KiB, and not where AddressSanitizer or Valgrind watch, which are told who owns what.
 *
 * Over an allocator that does not reclaim, blocks may be forgotten: there are no leaks then.
 * A block bigger than the whole quarantine is not held back. When the allocator below refuses, the
 * quarantine is emptied and it is asked once more, unless it is ::LOAM_EXACT.
 *
 * Traits: ::LOAM_EXACT added, ::LOAM_THREADSAFE dropped; put a loam_locked in front. `owns` tells
 * exactly about live blocks. Cost: O(log blocks) and O(size) a call; a record of about ten words a
 * block; the red zones, of which the front one is as big as the alignment at least. */
typedef struct loam_checked {
    loam_allocator_ops ops;                   /**< What the adapter can do. */
    loam_allocator below;                     /**< Where blocks come from. */
    loam_allocator records;                   /**< Where records come from. */
    loam_checked_leak_fn on_leak;             /**< From the configuration. */
    void *context;                            /**< From the configuration. */
    size_t red_zone;                          /**< Bytes on each side. */
    size_t quarantine;                        /**< Bytes that may be held back. */
    const void *home;                         /**< This object, while it is alive and in place. */
    bool busy;                                /**< Whether an operation is running (A10). */
    struct loam_checked_record *root;         /**< All blocks, by address. */
    struct loam_checked_record *live_oldest;  /**< Live blocks by age. */
    struct loam_checked_record *live_newest;  /**< The other end of it. */
    struct loam_checked_record *freed_oldest; /**< The quarantine, first in first out. */
    struct loam_checked_record *freed_newest; /**< The other end of it. */
    struct loam_checked_record *spare;        /**< Records that are not in use. */
    struct loam_checked_chunk *chunks;        /**< Memory of the records. */
    size_t live;                              /**< Bytes that callers hold. */
    size_t peak;                              /**< The most that it was. */
    size_t raw;                               /**< Bytes held from the allocator below. */
    size_t held;                              /**< Bytes of the quarantine, zones included. */
    size_t metadata;                          /**< Bytes of records. */
    size_t blocks;                            /**< Live blocks. */
    size_t allocations;                       /**< Requests met. */
    size_t failures;                          /**< Requests refused. */
    size_t recent_next;                       /**< Where the next one is noted. */
    const void *recent[LOAM_CHECKED_RECENT];  /**< Addresses that left the quarantine last. */
} loam_checked;

/** Sets up a checked allocator over `below`; `config` may be NULL. Takes no memory yet. O(1). */
void loam_checked_init(loam_checked *checked, loam_allocator below,
                       const loam_checked_config *config);

/** Checks everything, empties the quarantine, reports leaks, and ends the object.
 *
 * Live blocks are fatal ("allocator ended with live blocks", with the address of the oldest one),
 * or go to the callback of the configuration and then back to the allocator below, unless it does
 * not reclaim: there they are forgotten. Cost: O(bytes in blocks and quarantine). */
void loam_checked_deinit(loam_checked *checked);

/** The handle. Its operations return NULL or false iff the allocator below does, or the records get
 * no memory, or the red zones make the size too big; in each case nothing has changed. */
loam_allocator loam_checked_allocator(loam_checked *checked);

/** Call this before the allocator below is reset as a whole, such as an arena that is cleared:
 * checks everything, empties the quarantine and forgets every live block. Cost: as deinit. */
void loam_checked_reset(loam_checked *checked);

/** Writes `live`, `peak`, `blocks`, `allocations` and `failures` as the callers see them, in
 * `committed` and `reserved` what is held from the allocator below, in `lost` the red zones and the
 * quarantine, and in `metadata` the records. O(1). */
void loam_checked_stats(const loam_checked *checked, loam_stats *stats);

/** Visits the live blocks, oldest first, and then the quarantine as ::LOAM_WALK_FREE, oldest first.
 *
 * Returns false iff the callback ended the walk. Cost: O(blocks). */
bool loam_checked_walk(const loam_checked *checked, loam_walk_fn visit, void *context);

/** Looks for damage in every red zone and in the quarantine, and at the adapter's own records.
 *
 * Reports each finding to `report`, which may be NULL, with the block's address. Returns true iff
 * there is none. Does not end the program. Cost: O(blocks + bytes in zones and quarantine). */
bool loam_checked_check(const loam_checked *checked, loam_check_fn report, void *context);

/* ---- counting ------------------------------------------------------------------------------ */

/** An allocator that counts.
 *
 *     loam_counting counting;
 *     loam_counting_init(&counting, loam_libc_allocator());
 *     run_my_code(loam_counting_allocator(&counting));
 *     loam_counting_stats(&counting, &stats);
 *
 * Bytes are those that were asked for, without what the allocator below adds. A cache in front
 * (loam_cache) shows as live what it holds ready, at most its capacity (C6).
 *
 * Traits: inherited. Over a thread-safe allocator the counters are atomic, one by one: figures that
 * are read while others allocate are each right at some moment, not all at the same one.
 * Cost: four additions a call, atomic over a thread-safe allocator. */
typedef struct loam_counting {
    loam_allocator_ops ops; /**< What the adapter can do. */
    loam_allocator below;   /**< What is counted. */
    size_t live;            /**< Bytes. */
    size_t peak;            /**< The most that `live` has been. */
    size_t blocks;          /**< Live blocks. */
    size_t allocations;     /**< Calls of alloc and zalloc that were met. */
    size_t failures;        /**< Calls of alloc and zalloc that were refused. */
} loam_counting;

/** Sets up counters at zero over `below`. O(1). */
void loam_counting_init(loam_counting *counting, loam_allocator below);

/** Ends the object; blocks that are still live are no concern of it. O(1). */
void loam_counting_deinit(loam_counting *counting);

/** The handle. Its operations return NULL or false iff the allocator below does. */
loam_allocator loam_counting_allocator(loam_counting *counting);

/** Call this when the allocator below was reset as a whole: live bytes and blocks become 0, the
 * other figures stay. Not while another thread uses the handle. O(1). */
void loam_counting_reset(loam_counting *counting);

/** Begins a new peak at what is live now. Any thread where the handle is thread safe. O(1). */
void loam_counting_reset_peak(loam_counting *counting);

/** Writes `live`, `peak`, `blocks`, `allocations` and `failures`; the rest is 0. A refused `resize`
 * or `remap` is an ordinary answer and no failure. Any thread where the handle is thread safe.
 * O(1). */
void loam_counting_stats(const loam_counting *counting, loam_stats *stats);

/* ---- budget -------------------------------------------------------------------------------- */

/** A budget; its text is at the structure below. */
typedef struct loam_budget loam_budget;

/** Told that the limit of `budget` refused `bytes` more. Called after everything was undone, on the
 * thread that asked; may be called by several threads at once, and must not use the allocator. */
typedef void (*loam_budget_refusal_fn)(void *context, const loam_budget *budget, size_t bytes);

/** How loam_budget_init() sets up. All zero is a budget without a limit that only counts. */
typedef struct loam_budget_config {
    const char *tag;     /**< A name for people, a constant text; NULL stands for "budget". */
    size_t limit;        /**< The most bytes that may be live; 0: no limit of its own. */
    loam_budget *parent; /**< The group that is charged as well, or NULL. */
    loam_budget_refusal_fn on_refusal; /**< Told when this limit refuses, or NULL. */
    void *context;                     /**< Passed to `on_refusal`. */
} loam_budget_config;

/** An allocator with a byte limit, alone or as a part of groups that have limits too.
 *
 *     loam_budget_config config = {.tag = "textures", .limit = 64 << 20, .parent = &graphics};
 *     loam_budget textures;
 *     loam_budget_init(&textures, loam_libc_allocator(), &config);
 *
 *       game 512 MiB <- graphics 128 MiB <- textures 64 MiB <- alloc
 *
 * A request is charged to the budget and to each of its ancestors before the allocator below is
 * asked, and a refusal anywhere undoes all of it. Blocks are charged with the bytes that were asked
 * for, `resize` and `remap` with the difference. No budget is above its limit at any moment,
 * whatever threads do; so a request may be refused for the sake of one that is just being undone.
 *
 * Charges are atomic even over an allocator that is not thread safe: budgets of different threads
 * may have a common parent. A budget may be over any allocator, and its parent over another one.
 *
 * Traits: inherited. Cost: a few atomic operations a call and level of the tree. */
struct loam_budget {
    loam_allocator_ops ops;            /**< What the adapter can do; `ops.name` is the tag. */
    loam_allocator below;              /**< Where blocks come from. */
    loam_budget *parent;               /**< The next group, or NULL. */
    size_t limit;                      /**< The most that `used` may be. */
    size_t used;                       /**< Bytes charged, those of descendants included. */
    size_t peak;                       /**< The most that `used` has been. */
    size_t blocks;                     /**< Live blocks, those of descendants included. */
    size_t allocations;                /**< Requests met, those of descendants included. */
    size_t failures;                   /**< Requests that were refused here, for whatever reason. */
    size_t refusals;                   /**< Charges that this limit refused. */
    loam_budget_refusal_fn on_refusal; /**< From the configuration. */
    void *context;                     /**< From the configuration. */
};

/** Sets up a budget over `below`; `config` may be NULL. The parent must outlive it. O(1). */
void loam_budget_init(loam_budget *budget, loam_allocator below, const loam_budget_config *config);

/** Ends the object. What is still charged to it is taken off its ancestors. O(levels). */
void loam_budget_deinit(loam_budget *budget);

/** The handle. Its `alloc` and `zalloc` return NULL iff a limit on the way up refuses or the
 * allocator below does; its `resize` and `remap` likewise. */
loam_allocator loam_budget_allocator(loam_budget *budget);

/** Charges bytes that did not come through the handle, such as a mapping.
 *
 * Returns false iff a limit on the way up refuses; then nothing is charged. Any thread. O(levels).
 */
LOAM_NODISCARD bool loam_budget_charge(loam_budget *budget, size_t bytes);

/** Takes bytes off that loam_budget_charge() put there. Can't fail. Any thread. O(levels). */
void loam_budget_discharge(loam_budget *budget, size_t bytes);

/** Changes the limit; 0: none. A limit below what is charged takes nothing away: it refuses until
 * enough was given back. Any thread. O(1). */
void loam_budget_set_limit(loam_budget *budget, size_t limit);

/** Call this when the allocator below was reset as a whole: takes everything that is charged here
 * off this budget and its ancestors. For a budget without descendants that are charged, and not
 * while another thread uses its handle. O(levels). */
void loam_budget_reset(loam_budget *budget);

/** Begins a new peak at what is charged now. Any thread. O(1). */
void loam_budget_reset_peak(loam_budget *budget);

/** Bytes that could be charged now before a limit on the way up refuses; SIZE_MAX without limits.
 * A hint where other threads charge too. Any thread. O(levels). */
size_t loam_budget_available(const loam_budget *budget);

/** How often this very limit refused, for the budget itself and for its descendants. Any thread.
 * O(1). */
size_t loam_budget_refusals(const loam_budget *budget);

/** Writes `live` (bytes charged), `peak`, `blocks` and `allocations`, descendants included, in
 * `reserved` the limit (0: none), and in `failures` the calls of alloc and zalloc of this very
 * handle that were refused, by a limit or by the allocator below. The rest is 0. Any thread.
 * O(1). */
void loam_budget_stats(const loam_budget *budget, loam_stats *stats);

/* ---- failing ------------------------------------------------------------------------------- */

/** The operations that can be made to fail, each with a count and a rule of its own. */
typedef enum loam_failing_op {
    LOAM_FAILING_ALLOC,  /**< alloc and zalloc, counted together. */
    LOAM_FAILING_RESIZE, /**< resize. */
    LOAM_FAILING_REMAP,  /**< remap. */
    LOAM_FAILING_OPS     /**< How many there are. */
} loam_failing_op;

/** When an operation fails. All zero: never. A call fails if one of the two parts says so. */
typedef struct loam_failing_rule {
    size_t nth;           /**< The call that fails, counted from 1; 0: none. */
    bool for_ever;        /**< Whether all calls after the `nth` fail as well. */
    uint32_t per_million; /**< The chance of each call to fail, of 1 000 000. */
} loam_failing_rule;

/** How loam_failing_init() sets up. All zero: nothing fails, and calls are counted. */
typedef struct loam_failing_config {
    loam_failing_rule alloc;  /**< For alloc and zalloc. */
    loam_failing_rule resize; /**< For resize. */
    loam_failing_rule remap;  /**< For remap. */
    uint64_t seed;            /**< Decides which calls fail by chance: the same ones each time. */
} loam_failing_config;

/** An allocator that refuses on purpose, to prove that the code above it copes.
 *
 *     loam_failing_config config = {.alloc = {.nth = k, .for_ever = true}};
 *     loam_failing failing;
 *     loam_failing_init(&failing, loam_libc_allocator(), &config);
 *
 * A call that fails does not reach the allocator below. Run the code once without a rule, read
 * loam_failing_calls(), and then once for each k up to there: every refusal was met.
 *
 * `realloc` of the C library's kind is several operations: where `remap` fails, loam_realloc() asks
 * `alloc`, which has a count of its own.
 *
 * Traits: ::LOAM_EXACT added, the others inherited. Whether a call fails depends on its number
 * alone; over a thread-safe allocator numbers are given out atomically. */
typedef struct loam_failing {
    loam_allocator_ops ops;                    /**< What the adapter can do. */
    loam_allocator below;                      /**< Where blocks come from. */
    loam_failing_rule rules[LOAM_FAILING_OPS]; /**< When each operation fails. */
    uint64_t seed;                             /**< For chances. */
    size_t calls[LOAM_FAILING_OPS];            /**< Calls so far. */
    size_t failed[LOAM_FAILING_OPS];           /**< How many of them were made to fail. */
} loam_failing;

/** Sets up rules over `below`; `config` may be NULL. Counts begin at 0. O(1). */
void loam_failing_init(loam_failing *failing, loam_allocator below,
                       const loam_failing_config *config);

/** Ends the object. O(1). */
void loam_failing_deinit(loam_failing *failing);

/** The handle. Its operations return NULL or false iff a rule says so or the allocator below does.
 * `dealloc`, `good_size` and `owns` are passed on. */
loam_allocator loam_failing_allocator(loam_failing *failing);

/** Begins anew: other rules (`config` may be NULL: nothing fails from here on), counts at 0. Live
 * blocks stay. Not while another thread uses the handle. O(1). */
void loam_failing_restart(loam_failing *failing, const loam_failing_config *config);

/** Calls of an operation since init or the last restart, those that failed included. O(1). */
size_t loam_failing_calls(const loam_failing *failing, loam_failing_op op);

/** Calls of an operation that a rule made fail since then. O(1). */
size_t loam_failing_failed(const loam_failing *failing, loam_failing_op op);

/* ---- locked -------------------------------------------------------------------------------- */

/** An allocator behind a lock, so that any thread may use it.
 *
 *     loam_locked locked;
 *     loam_locked_init(&locked, loam_arena_allocator(arena));
 *     start_threads(loam_locked_allocator(&locked));
 *
 * The lock is held during each operation of the allocator below, and nothing else may touch the
 * object behind that one meanwhile; loam_locked_lock() is for its owner. The lock is not recursive,
 * costs no system call while nobody waits, and must not be held across a fork.
 *
 * Traits: ::LOAM_THREADSAFE added, the others inherited. Cost: two atomic operations a call, and
 * waiting. */
typedef struct loam_locked {
    loam_allocator_ops ops; /**< What the adapter can do. */
    loam_allocator below;   /**< What the lock protects. */
    union {
        uint32_t word; /**< The system's mutex, */
        void *lock;    /**< or another system's. */
    } mutex;           /**< Free while zero. */
} loam_locked;

/** Sets up a free lock over `below`. O(1). */
void loam_locked_init(loam_locked *locked, loam_allocator below);

/** Ends the object, which no thread uses any more. O(1). */
void loam_locked_deinit(loam_locked *locked);

/** The handle. Its operations return NULL or false iff the allocator below does. */
loam_allocator loam_locked_allocator(loam_locked *locked);

/** Takes the lock, to use the object below directly: to clear an arena, to read its figures. Until
 * loam_locked_unlock(), this thread must not use the handle. Any thread. */
void loam_locked_lock(loam_locked *locked);

/** Gives the lock back that this thread took. */
void loam_locked_unlock(loam_locked *locked);

/* ---- logging ------------------------------------------------------------------------------- */

/** The operations of a handle, as they are logged. */
typedef enum loam_logging_op {
    LOAM_LOGGING_ALLOC,     /**< alloc */
    LOAM_LOGGING_ZALLOC,    /**< zalloc */
    LOAM_LOGGING_DEALLOC,   /**< dealloc */
    LOAM_LOGGING_RESIZE,    /**< resize */
    LOAM_LOGGING_REMAP,     /**< remap */
    LOAM_LOGGING_GOOD_SIZE, /**< good_size */
    LOAM_LOGGING_OWNS       /**< owns */
} loam_logging_op;

/** One call of an operation. A part that the operation does not have is NULL, 0 or false. */
typedef struct loam_logging_event {
    size_t number;      /**< Counted from 1 since init. */
    loam_logging_op op; /**< What was called. */
    const void *ptr;    /**< The block that was passed in: dealloc, resize, remap, owns. */
    size_t size;        /**< Its size, or the size asked for; not for owns. */
    size_t new_size;    /**< The size asked for: resize, remap. */
    size_t align;       /**< The alignment; not for owns. */
    const void *result; /**< The block that was returned: alloc, zalloc, remap. */
    size_t bytes;       /**< What good_size returned. */
    bool ok;            /**< Met or true; always true for dealloc and good_size. */
} loam_logging_event;

/** Told each call. Must not use the allocator (A10), and must leave errno alone on a dealloc. */
typedef void (*loam_logging_fn)(void *context, const loam_logging_event *event);

/** How loam_logging_init() sets up. All zero logs nothing. */
typedef struct loam_logging_config {
    loam_logging_fn callback; /**< Told each call; NULL: nobody. */
    void *context;            /**< Passed to `callback`. */
    /** Whether several threads may be in the callback at once; then ::LOAM_THREADSAFE is kept. */
    bool threadsafe;
} loam_logging_config;

/** An allocator that tells each call to a callback.
 *
 *     loam_logging_config config = {.callback = print_event, .context = stderr};
 *     loam_logging logging;
 *     loam_logging_init(&logging, loam_libc_allocator(), &config);
 *
 * One event a call, in this order: a `dealloc` is told *before* the block goes back, while its
 * contents are still its owner's; every other call is told *after* the allocator below has
 * answered, with what it answered. So in the log of one thread an address is never handed out twice
 * without having been given back in between. Between threads that holds as well for `alloc` and
 * `dealloc`, but the old address of a block that `remap` has moved may be handed out to another
 * thread before the move is told; a loam_locked in front makes the log exact.
 *
 * Traits: ::LOAM_EXACT added; ::LOAM_THREADSAFE dropped unless the configuration keeps it.
 * Cost: an atomic addition and the callback a call. */
typedef struct loam_logging {
    loam_allocator_ops ops;   /**< What the adapter can do. */
    loam_allocator below;     /**< What is logged. */
    loam_logging_fn callback; /**< From the configuration. */
    void *context;            /**< From the configuration. */
    size_t number;            /**< Events so far. */
} loam_logging;

/** Sets up a log over `below`; `config` may be NULL, which logs nothing. O(1). */
void loam_logging_init(loam_logging *logging, loam_allocator below,
                       const loam_logging_config *config);

/** Ends the object. Tells nobody. O(1). */
void loam_logging_deinit(loam_logging *logging);

/** The handle. Its operations return NULL or false iff the allocator below does. */
loam_allocator loam_logging_allocator(loam_logging *logging);

/** The name of an operation, such as "alloc", a constant text; "unknown" for any other number. Any
 * thread. O(1). */
const char *loam_logging_op_text(loam_logging_op op);

/* ---- fallback ------------------------------------------------------------------------------ */

/** Two allocators: the first, and where that one refuses, the second.
 *
 *     loam_fallback fallback;
 *     if (!loam_fallback_init(&fallback, loam_arena_allocator(arena), loam_libc_allocator()))
 *         return false;
 *     run_my_code(loam_fallback_allocator(&fallback));
 *
 * Every request asks the first one first. A block that comes back goes to the first one if that
 * `owns` it, else to the second. A block grows within its own allocator if that can do it in place
 * or by moving pages; loam_realloc() copies it otherwise, and that copy may be in the other one.
 *
 * An operation is there where one of the two has it, but `owns` only where both do; for a block of
 * the one that lacks it, the answer is that of an allocator without it. `good_size` is that of the
 * first. Traits: ::LOAM_RECLAIMS and ::LOAM_THREADSAFE where both have it, ::LOAM_EXACT where one
 * has. Where only one reclaims, the pair does not, and code that therefore forgets its blocks
 * leaves those of the reclaiming one live: end or reset both as a whole.
 *
 * Cost: a call of `owns` for each block that comes back or changes size. */
typedef struct loam_fallback {
    loam_allocator_ops ops; /**< What the adapter can do. */
    loam_allocator first;   /**< Asked first; knows its own. */
    loam_allocator second;  /**< Asked when the first refuses. */
} loam_fallback;

/** Sets up `first`, else `second`. They are not the same allocator.
 *
 * Returns false iff `first` has no `owns`; then the object is not usable. O(1). */
LOAM_NODISCARD bool loam_fallback_init(loam_fallback *fallback, loam_allocator first,
                                       loam_allocator second);

/** Ends the object. O(1). */
void loam_fallback_deinit(loam_fallback *fallback);

/** The handle. Its `alloc` and `zalloc` return NULL iff both refuse; its `resize` and `remap`
 * return false or NULL iff the block's own allocator refuses or has no such operation. */
loam_allocator loam_fallback_allocator(loam_fallback *fallback);

/* ---- split --------------------------------------------------------------------------------- */

/** Two allocators: one for blocks up to a size, and one for those above.
 *
 *     loam_split split;
 *     loam_split_init(&split, loam_libc_allocator(), loam_vm_allocator(), 256 * 1024);
 *     run_my_code(loam_split_allocator(&split));
 *
 *       1 ........ threshold | threshold + 1 ........ PTRDIFF_MAX
 *             small          |             large
 *
 * The size that comes back with a block names its owner, so there is nothing to remember and
 * nothing to search. `resize` and `remap` across the threshold are refused; loam_realloc() then
 * copies the block from one to the other, once, and big arrays get pages of their own.
 *
 * An operation is there where one of the two has it, but `owns` only where both do; on the side
 * that lacks it, the answer is that of an allocator without it. `good_size` of a small block is the
 * small allocator's, but never above the threshold, so that asking for it does not change the
 * owner. A shared cache is the owner's: its blocks are blocks of the size that it was asked for, so
 * they have the same owner here and below, and there is nothing in between that they could bypass
 * (C2). Traits: ::LOAM_RECLAIMS and ::LOAM_THREADSAFE where both have it, ::LOAM_EXACT where one
 * has; for the first, see loam_fallback.
 *
 * Cost: a comparison. */
typedef struct loam_split {
    loam_allocator_ops ops;   /**< What the adapter can do. */
    loam_allocator for_small; /**< For sizes up to the threshold. */
    loam_allocator for_large; /**< For sizes above it. */
    size_t threshold;         /**< The largest small size, in bytes. */
} loam_split;

/** Sets up `for_small` for sizes up to `threshold` bytes and `for_large` for those above. Any
 * threshold is good: 0 leaves nothing for `for_small`. O(1). */
void loam_split_init(loam_split *split, loam_allocator for_small, loam_allocator for_large,
                     size_t threshold);

/** Ends the object. O(1). */
void loam_split_deinit(loam_split *split);

/** The handle. Its operations return NULL or false iff the owner of that size does or has no such
 * operation, or `resize` or `remap` would cross the threshold. */
loam_allocator loam_split_allocator(loam_split *split);

LOAM_END_DECLS

#endif
