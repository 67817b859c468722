/* span_internal.h: the pieces of span*.c that they share: records of free runs, trees, stages of a
 * request.
 *
 * What holds, whenever the lock is free:
 *
 *   S1  The granules of the chunks that a span has are in runs, each of which is out, free, or in a
 *       stack; runs tile them.
 *   S2  A free run has no free neighbour.
 *   S3  A free run is in one tree, that of its level, which is sound; the counts are right.
 *   S4  Its `warm` and `cold` are what its granules' states say; its tail names its head.
 *   S5  The warm ones, and they alone, are in the list of ages, which goes both ways. The cursor of a
 *       purge is at a free run of its level, or at none.
 *   S6  Runs in the stacks are of 1, 2, 4 or 8 granules each, and as many as are counted.
 *   S7  live + front + free = owned; warm, cold and empty are the sums over the free runs.
 *   S8  Granules that are free or in a stack have the span as their owner; a class byte says whether
 *       it was purged lazily; opaque bytes are zero but for those of heads.
 *   S9  The table says of each of the span's chunks that it is, and of as many as it has.
 *
 * The records of free runs are written under the lock of the span that has them, and read by others to
 * see that they are not theirs: kind FREE and this span as owner are only ever seen by the span itself
 * in its own runs.
 */
#ifndef LOAM_SPAN_INTERNAL_H
#define LOAM_SPAN_INTERNAL_H

#include <loam/span.h>
#include <loam/span_sharded.h>
#include <loam/vm.h>

#include "internal/atomic.h"
#include "internal/bits.h"
#include "internal/os.h"
#include "internal/rbtree.h"
#include "internal/region_parts.h"

_Static_assert(sizeof(((loam_span *)0)->lock) == sizeof(loam_os_mutex),
               "the public lock has room for the system layer's");
_Static_assert(LOAM_SPAN_KIND_BLOCK < LOAM_REGION_KIND_PARTED, "kinds of layers");

/* ---- links: (number of the ground) << 24 | index + 1; below 2^28 ---- */

enum { LINK_SHIFT = 24 };

#define LINK_MASK (((uint32_t)1 << LINK_SHIFT) - 1)

_Static_assert(LOAM_REGION_MAX_GRANULES < LINK_MASK, "an index fits in a link");

static inline uint32_t loam_span_link(size_t ground, size_t index)
{
    return (uint32_t)(ground << LINK_SHIFT | (index + 1));
}

static inline size_t loam_link_ground(uint32_t link)
{
    return link >> LINK_SHIFT;
}

static inline size_t loam_link_index(uint32_t link)
{
    return (link & LINK_MASK) - 1;
}

static inline loam_region *loam_link_region(const loam_span *span, uint32_t link)
{
    return span->grounds[loam_link_ground(link)].region;
}

static inline loam_record *loam_link_record(const loam_span *span, uint32_t link)
{
    return loam_region_record(loam_link_region(span, link), loam_link_index(link));
}

/* ---- the opaque bytes of heads ---- */

/* Of a free run. */
typedef struct loam_free_run {
    loam_rb_node32 node;   /* in the tree of its level */
    uint32_t warm;         /* granules that hold memory */
    uint32_t cold;         /* granules that are decommitted */
    uint32_t older, newer; /* links, if it is warm */
    uint32_t since;        /* when its bigger part became free, in milliseconds, cut to 32 bits */
    uint32_t level;        /* which tree; a loam_span_level */
} loam_free_run;

/* Of a run in a stack. */
typedef struct loam_front_run {
    uint32_t below; /* link */
} loam_front_run;

enum { OPAQUE_LEAST = 48 };

_Static_assert(sizeof(loam_free_run) <= OPAQUE_LEAST, "a free run's data is in its record");

static inline loam_free_run *loam_free_run_of(const loam_span *span, uint32_t link)
{
    return (loam_free_run *)loam_record_opaque(loam_link_record(span, link));
}

static inline size_t loam_run_length(const loam_span *span, uint32_t link)
{
    return loam_record_length(loam_link_record(span, link));
}

/* Class bytes of free granules. */
enum { CLASS_NONE = 0, CLASS_LAZY = 1 };

/* Whether a free granule holds memory that a purge would give back. */
static inline bool loam_granule_is_warm(const loam_region *region, size_t index)
{
    unsigned state = loam_record_state(loam_region_record(region, index));

    return state == LOAM_REGION_DIRTY && loam_region_class(region, index) != CLASS_LAZY;
}

static inline bool loam_granule_is_cold(const loam_region *region, size_t index)
{
    return (loam_record_state(loam_region_record(region, index)) & LOAM_REGION_DECOMMITTED) != 0;
}

static inline size_t loam_span_min_stride(void)
{
    return sizeof(loam_record) + OPAQUE_LEAST;
}

/* ---- trees of free runs, by (length, address) ---- */

static inline bool loam_run_before(const loam_span *span, uint32_t a, uint32_t b)
{
    size_t one = loam_run_length(span, a), other = loam_run_length(span, b);

    if (one != other)
        return one < other;
    return (uintptr_t)loam_region_address(loam_link_region(span, a), loam_link_index(a)) <
           (uintptr_t)loam_region_address(loam_link_region(span, b), loam_link_index(b));
}

/* Whether there is a record behind a link. */
static inline bool loam_link_valid(const loam_span *span, uint32_t link)
{
    return (link & LINK_MASK) != 0 && loam_link_ground(link) < span->regions &&
           loam_link_index(link) < loam_region_count(loam_link_region(span, link));
}

#define LOAM_RB_NAME                     loam_runs
#define LOAM_RB_BITS                     32
#define LOAM_RB_CONTEXT                  const loam_span *
#define LOAM_RB_NODE(span, link)         (&loam_free_run_of((span), (link))->node)
#define LOAM_RB_BEFORE(span, a, b)       loam_run_before((span), (a), (b))
#define LOAM_RB_KEY                      size_t
#define LOAM_RB_BELOW(span, link, count) (loam_run_length((span), (link)) < (count))
#define LOAM_RB_VALID(span, link)        loam_link_valid((span), (link))
#include "internal/rbtree.h"

/* How many whole chunks lie in a run. */
static inline size_t loam_whole_chunks(size_t index, size_t count)
{
    size_t from = loam_round_up(index, LOAM_REGION_CHUNK_GRANULES);
    size_t to = loam_round_down(index + count, LOAM_REGION_CHUNK_GRANULES);

    return to > from ? (to - from) / LOAM_REGION_CHUNK_GRANULES : 0;
}

/* ---- stacks: runs of 1, 2, 4, 8 ---- */

/* Which stack is for runs of a length; LOAM_SPAN_FRONTS_: none. */
static inline unsigned loam_span_front_of(size_t count)
{
    return count <= 8 && loam_is_pow2(count) ? loam_log2(count) : LOAM_SPAN_FRONTS_;
}

/* ---- where a pointer belongs ---- */

static inline size_t loam_span_regions(const loam_span *span)
{
    return __atomic_load_n(&span->regions, __ATOMIC_ACQUIRE);
}

/* The number of the span that has a chunk; 0: none of these. */
static inline unsigned loam_chunk_number(const loam_span_ground_ *ground, size_t index)
{
    return __atomic_load_n(&ground->chunks[index / LOAM_REGION_CHUNK_GRANULES], __ATOMIC_RELAXED);
}

/* The ground that a pointer lies in; LOAM_SPAN_REGIONS: in none. Any thread, no lock. */
static inline size_t loam_span_ground(const loam_span *span, const void *ptr)
{
    size_t regions = loam_span_regions(span);

    for (size_t i = 0; i < regions; i++)
        if (loam_region_contains(span->grounds[i].region, ptr))
            return i;
    return LOAM_SPAN_REGIONS;
}

static inline loam_os_mutex *loam_span_mutex(loam_span *span)
{
    return (loam_os_mutex *)(void *)&span->lock;
}

/* Tries some times before it waits. Shards are held for some 100 ns, by few threads at once, so that it
 * costs less to try again than to sleep. */
static inline void loam_span_lock(loam_span *span)
{
    for (uint32_t i = 0; i < span->tries; i++) {
        if (loam_os_mutex_trylock(loam_span_mutex(span)))
            return;
        loam_atomic_pause();
    }
    loam_os_mutex_lock(loam_span_mutex(span));
}

static inline uint32_t loam_span_now(void)
{
    return (uint32_t)loam_os_milliseconds();
}

/* ---- requests ---- */

typedef struct loam_span_request {
    size_t count, align;
    uint8_t kind;
    void *owner;
    /* The answer: */
    loam_region *region;
    size_t index;
    bool some_clean; /* not all of it is dirty, as its records tell */
    size_t refused;  /* the system refused to commit so many granules for it; 0: it did not */
} loam_span_request;

/* Whether take may see it. */
bool loam_span_request_valid(const loam_span_request *request);

/* Each of these meets a request, or returns false and has changed nothing that matters. With the
 * lock. In this order they cost ever more:
 *
 *   warm     stacks, and runs that hold memory
 *   clean    runs that hold none
 *   whole    empties the stacks, and tries both again
 *   cheapest where the fewest granules must be committed, if the system refused to commit more
 *   fresh    more chunks from a region
 *   joined   free runs together with chunks that a region has free beside them
 */
bool loam_span_take_warm(loam_span *span, loam_span_request *request);
bool loam_span_take_clean(loam_span *span, loam_span_request *request);
bool loam_span_take_whole(loam_span *span, loam_span_request *request);
bool loam_span_take_cheapest(loam_span *span, loam_span_request *request);
bool loam_span_take_fresh(loam_span *span, loam_span_request *request);
bool loam_span_take_joined(loam_span *span, loam_span_request *request);

/* A run, which has left the tree, is out from here on. What its granules' memory is stays in the records
 * until it is handed out; but all of it is committed. */
void loam_span_claim(loam_span *span, loam_span_request *request, loam_region *region,
                     size_t index);

/* Makes [index, index + count) free granules of the span, committed, with chunks of the region where the
 * span has none. A run that is out, or the start of the region, lies before it. False iff one of them is
 * held, or the region or the system refuses: then nothing changed. */
bool loam_span_join(loam_span *span, size_t ground, size_t index, size_t count);

/* What to do with a run that was taken, without the lock: tools are told, and the records say that
 * it is dirty, as those of each run that is out. */
void *loam_span_hand_out(const loam_span_request *request, loam_granules_info *info);

/* The same for a block that must read zero. */
void *loam_span_hand_out_zero(const loam_span_request *request);

/* ---- span_runs.c: free runs; all with the lock ---- */

/* Takes a free run out of its tree and the list of ages, and clears its data. Returns what that was. */
loam_free_run loam_span_unhook(loam_span *span, uint32_t link);

/* Moves the cursor of a purge on, which stands at this run. */
void loam_span_pass(loam_span *span, uint32_t link);

/* Makes [index, index + count) a free run with the `warm`, `cold` and `since` of `data`. It stands in
 * the list of ages next to `data->older`. */
void loam_span_hook(loam_span *span, size_t ground, size_t index, size_t count,
                    const loam_free_run *data);

/* Makes [index, index + count) a free run, joined with its neighbours. */
void loam_span_settle(loam_span *span, size_t ground, size_t index, size_t count, uint32_t since);

/* Cuts [at, at + count) out of a free run; what is left on both sides is free. */
void loam_span_carve(loam_span *span, uint32_t link, size_t at, size_t count);

/* How many granules of a free run are warm and cold. */
void loam_span_count(const loam_region *region, size_t index, size_t count, loam_free_run *data);

/* Puts a run that came back where it belongs, into a stack or a tree. */
void loam_span_accept(loam_span *span, size_t ground, size_t index, size_t count);

/* Takes a run off a stack (LOAM_SPAN_FRONTS_: there is none for it). False iff it is empty. */
bool loam_span_pop(loam_span *span, unsigned front, uint32_t *link);

/* Empties the stacks. */
void loam_span_flush(loam_span *span);

/* Whether a granule is free, and of this span. */
static inline bool loam_span_is_free(const loam_span *span, const loam_region *region, size_t index)
{
    const loam_record *record = loam_region_record(region, index);

    return loam_record_kind(record) == LOAM_SPAN_KIND_FREE && loam_record_owner(record) == span;
}

/* Commits what is cold of [index, index + count), free granules. False iff the system refuses. */
bool loam_span_commit(const loam_region *region, size_t index, size_t count);

/* ---- span.c ---- */

/* Clears what the holder of a run had in its class and opaque bytes. No lock. */
void loam_span_clear(loam_region *region, size_t index, size_t count);

/* A run that was out is so no more; its class and opaque bytes are zero. With the lock. */
void loam_span_return(loam_span *span, size_t ground, size_t index, size_t count);

/* Takes a run back, which is known to be one. */
void loam_span_give_at(loam_span *span, size_t ground, void *ptr, size_t count);

/* As loam_span_resize_run(), for a run that is known to be one. */
bool loam_span_resize_at(loam_span *span, size_t ground, void *ptr, size_t count, size_t new_count);

/* Meets a request in one go, counting a failure. */
bool loam_span_meet(loam_span *span, loam_span_request *request);

/* Stops a checked build unless this is a run that is out, and of this length. */
typedef struct loam_span_words {
    loam_misuse foreign, twice, wrong;
} loam_span_words;

void loam_span_require_run(const loam_span *span, size_t ground, const void *ptr, size_t count,
                           const loam_span_words *words);

/* ---- span_blocks.c ---- */

static inline size_t loam_span_granules_of(size_t size)
{
    return size == 0 ? 0 : ((size - 1) >> LOAM_REGION_GRANULE_SHIFT) + 1;
}

/* What a block asks for. */
loam_span_request loam_span_block_request(size_t size, size_t align, void *owner);

/* loam_good_size() of blocks. */
size_t loam_span_good_size(void *self, size_t size, size_t align);

/* ---- span_life.c ---- */

/* Sets one up, but for its grounds, and puts it in the list for forks. */
bool loam_span_prepare(loam_span *span, uint8_t number, const loam_span_config *config);
void loam_span_retire(loam_span *span);

/* Appends a ground. With the lock, or before anybody else knows the span. */
void loam_span_append(loam_span *span, const loam_span_ground_ *ground);

/* Committed pages, zero, at least so many bytes; `*size` becomes how many. NULL iff the system refuses. */
void *loam_span_get_pages(size_t *size);
void loam_span_end_pages(void *ptr, size_t size);

/* A table for a region. False iff its records are too small or the system refuses. */
bool loam_span_make_table(loam_region *region, loam_span_ground_ *ground);
void loam_span_end_table(loam_span_ground_ *ground);

/* Takes chunks that hold an aligned run of `count`. With the lock. */
bool loam_span_grow(loam_span *span, size_t count, size_t align);

/* Chunks that a region gave, whose states are right, are a free run from here on. With the lock. */
void loam_span_adopt(loam_span *span, size_t ground, size_t index, size_t count);

/* Granules have the system's own pages from now on, if the span asks for huge ones. */
void loam_span_forbid_huge(const loam_span *span, loam_region *region, size_t index, size_t count);

/* Gives whole chunks back to their region, which are in no tree or list. With the lock. */
void loam_span_give_chunks(loam_span *span, size_t ground, size_t index, size_t count);

/* Gives all empty chunks back, warm or not, for others who need them more. With the lock. */
void loam_span_give_empty(loam_span *span);

/* Whether a region is one of the span's. */
bool loam_span_has_region(const loam_span *span, const loam_region *region);

/* The list of all sharded spans, with a lock that comes before those of spans. Returns the newest. */
loam_span_sharded *loam_span_all_lock(void);
void loam_span_all_unlock(void);
void loam_span_link_sharded(loam_span_sharded *sharded);
void loam_span_unlink_sharded(loam_span_sharded *sharded);

/* ---- span_purge.c ---- */

/* Gives the memory of granules back that their holder is about to give. No lock. */
void loam_span_purge_tail(loam_span *span, loam_region *region, size_t index, size_t count);

#endif
