/* pool_internal.h: slabs and what is in them, for the files of this layer.
 *
 *      base      first                                        end
 *       |(record) |block|block|block|  ...  |block|..fresh..| (numbers, bits) |
 *
 * A free block of a slab is either fresh, which means that it and all behind it were never used
 * since the slab was last empty, or its number stands somewhere. A number is a place: the block's
 * distance from `base` in units of 8 bytes. Numbers stand
 *
 *   - in free blocks: the newest of them, the *holder*, has `depth` numbers behind that of the next
 *     holder, and all other holders are full:
 *
 *         holder -> |next|n1|n2|n3|.....|     next -> |next|n1|n2| ... |nk|     next -> none
 *
 *   - for careful classes, which don't write into free blocks, at the end of the slab: a stack of
 *     `depth` numbers.
 */
#ifndef LOAM_POOL_INTERNAL_H
#define LOAM_POOL_INTERNAL_H

#include <loam/pool_class.h>
#include <loam/vm.h>

#include "internal/bits.h"
#include "internal/mark.h"

enum {
    UNIT_SHIFT = 3,
    UNIT = 1 << UNIT_SHIFT, /* places count these */
    NOWHERE = UINT16_MAX,   /* no holder */
    HELD_MOST = 31,         /* numbers of a holder: with the next holder, a cache line */
    OUTBOX_CHAINS = 4,      /* of blocks that are sent at once */
    HEADER_STEP = 64,       /* between the places of a record in its slab */
    HEADER_COLOURS = 8,     /* how many there are, in slabs of COLOURED bytes and more */
    COLOURED = 32 << 10,
    DEAD_BYTE = 0xDF, /* what a checked build fills free blocks with */
    /* Where the numbers of a block that is sent stand: behind a link and their count. */
    BUNDLE_NUMBERS = sizeof(void *) + sizeof(uint16_t),
    POOL_BUNDLE_MOST = HEADER_STEP / sizeof(uint16_t) /* blocks of a bundle */
};

/* A function that is called for each block begins a line of the processor's cache, so that what it does as
 * a rule is fetched in one or two steps, wherever the linker puts it: else it takes a fifth longer. */
#if defined(__GNUC__)
#define POOL_ENTRY __attribute__((aligned(64)))
#else
#define POOL_ENTRY
#endif

enum { LIST_EMPTY, LIST_QUARTER, LIST_FULL = LIST_QUARTER + 4 };

_Static_assert(LIST_FULL + 1 == LOAM_POOL_LISTS_, "the public structure has all lists");
_Static_assert(sizeof(loam_pool_slab) <= LOAM_REGION_STRIDE - 16, "it fits behind a record");
_Static_assert(sizeof(loam_pool_slab) <= HEADER_STEP, "colours don't overlap");

static inline loam_pool_class *class_of_front(loam_cache *front)
{
    return (loam_pool_class *)front; /* its first field */
}

/* ---- the state of a slab, a word of four fields of 16 bits ---- */

#define ONE_NUMBER ((uint64_t)1 << 16)
#define ONE_USED   ((uint64_t)1 << 32)
#define ONE_MARGIN ((uint64_t)1 << 48)

/* A block comes home: the holder has one number more, and one block less is used. The margin below
 * 0 is seen in the word's sign. */
#define COMES_HOME (ONE_NUMBER - ONE_USED - ONE_MARGIN)

static inline unsigned holder_in(uint64_t state)
{
    return (unsigned)(state & 0xffff);
}

static inline unsigned depth_in(uint64_t state)
{
    return (unsigned)(state >> 16 & 0xffff);
}

static inline unsigned used_in(uint64_t state)
{
    return (unsigned)(state >> 32 & 0xffff);
}

/* The same state with another holder, which has so many numbers. */
static inline uint64_t with_holder(uint64_t state, unsigned holder, unsigned depth)
{
    return (state & ~(uint64_t)0xffffffff) | (uint64_t)depth << 16 | holder;
}

static inline uint64_t make_state(unsigned holder, unsigned depth, unsigned used, unsigned margin)
{
    return holder | (uint64_t)depth << 16 | (uint64_t)used << 32 | (uint64_t)margin << 48;
}

/* ---- classes of a threaded pool ---- */

/* What such a class tells the pool. Its slow paths run under a lock; see threaded_internal.h. */
struct loam_pool_ties {
    /* It needs a slab: gets it one with free blocks from a class that has no thread. False: there is
     * none. */
    bool (*adopt)(loam_pool_class *cls);
    /* So many blocks have been left at its door. */
    void (*sent)(loam_pool_class *cls, size_t blocks);
    /* A slab of it is empty now, the newest in its list: drops what is more than there may be. */
    void (*emptied)(loam_pool_class *cls);
    /* Whether both are of one pool. */
    bool (*related)(const loam_pool_class *cls, const loam_pool_class *other);
};

/* ---- numbers in memory that has no type yet ---- */

static inline unsigned load_number(const void *at, size_t i)
{
    uint16_t number;

    memcpy(&number, (const char *)at + i * sizeof number, sizeof number);
    return number;
}

static inline void store_number(void *at, size_t i, unsigned value)
{
    uint16_t number = (uint16_t)value;

    memcpy((char *)at + i * sizeof number, &number, sizeof number);
}

/* ---- places ---- */

static inline char *at_place(const loam_pool_slab *slab, unsigned place)
{
    return slab->base + ((size_t)place << UNIT_SHIFT);
}

static inline unsigned place_of(const loam_pool_slab *slab, const void *block)
{
    return (unsigned)((size_t)((const char *)block - slab->base) >> UNIT_SHIFT);
}

/* The distance from the base of the block behind the one at `offset`. */
static inline size_t next_offset(const loam_pool_class *cls, size_t offset)
{
    size_t size = cls->front.size;

    offset += size;
    if (cls->whole && (offset & (cls->page - 1)) + size > cls->page)
        offset = loam_round_up(offset, cls->page);
    return offset;
}

/* Where block number `n` of a slab stands, counted from its first one. */
static inline size_t offset_of(const loam_pool_class *cls, size_t first, size_t n)
{
    size_t size = cls->front.size, in_first, in_each;

    if (!cls->whole)
        return first + n * size;
    in_first = (cls->page - first % cls->page) / size;
    in_each = cls->page / size;
    if (n < in_first)
        return first + n * size;
    n -= in_first;
    return loam_round_up(first + 1, cls->page) + n / in_each * cls->page + n % in_each * size;
}

/* ---- from a block to its slab ---- */

static inline loam_pool_slab *slab_in_record(const loam_region *region, const void *block,
                                             bool single)
{
    size_t index = loam_region_index(region, block);
    loam_record *record =
        single ? loam_region_record(region, index) : loam_region_head(region, index);

    return (loam_pool_slab *)loam_record_opaque(record);
}

static inline size_t header_offset(const loam_pool_class *cls, uintptr_t base)
{
    return (base >> cls->slab_shift & cls->header_mask) * HEADER_STEP;
}

static inline loam_pool_slab *slab_in_header(const loam_pool_class *cls, const void *block)
{
    uintptr_t base = (uintptr_t)block >> cls->slab_shift << cls->slab_shift;

    return (loam_pool_slab *)(base + header_offset(cls, base));
}

/* The block is one of this source. */
static inline loam_pool_slab *slab_of(const loam_pool_class *cls, const void *block)
{
    bool single = cls->slab_shift == LOAM_REGION_GRANULE_SHIFT;

    if (LOAM_LIKELY(cls->region != NULL))
        return slab_in_record(cls->region, block, single);
    if (!cls->granules.ops)
        return slab_in_header(cls, block);
    return slab_in_record(loam_granules_region(cls->granules, block), block, single);
}

/* Other threads read it while a slab changes hands, and then look into the class. */
static inline loam_pool_class *owner_of(const loam_pool_slab *slab)
{
    return (loam_pool_class *)__atomic_load_n(&slab->owner, __ATOMIC_ACQUIRE);
}

/* ---- slab.c ---- */

/* Chooses how slabs are. False iff a value of the configuration is out of its range. */
bool loam_pool_plan_slabs(loam_pool_class *cls, const loam_pool_class_config *config);

/* Takes a new slab from the source, into the list of empty ones. False iff it refuses. */
bool loam_pool_add_slab(loam_pool_class *cls);

/* Gives an empty slab, or one whose blocks don't matter any more, back to the source. */
void loam_pool_drop_slab(loam_pool_class *cls, loam_pool_slab *slab);

/* Puts a slab into the list that it belongs to; drops one if too many are empty. */
void loam_pool_relist(loam_pool_class *cls, loam_pool_slab *slab);

/* Makes a slab one of another class with the same layout. */
void loam_pool_move_slab(loam_pool_class *from, loam_pool_class *to, loam_pool_slab *slab);

/* Takes blocks out of a slab, up to `most`: those that were used before, or else fresh ones from one
 * page, newest last. Returns how many; 0 iff `construct` refuses. */
size_t loam_pool_take_from(loam_pool_class *cls, loam_pool_slab *slab, void **blocks, size_t most);

/* Calls `visit` with the place of each number of a slab. */
typedef void (*pool_number_fn)(void *context, unsigned place);
void loam_pool_each_number(const loam_pool_class *cls, const loam_pool_slab *slab,
                           pool_number_fn visit, void *context);

/* ---- class.c ---- */

/* Gives blocks to their slabs; those of other classes are sent there, in chains. */
void loam_pool_give_all(loam_pool_class *cls, void *const *blocks, size_t count);

/* Takes in what other threads gave, and empties the front. */
void loam_pool_settle(loam_pool_class *cls);

/* ---- remote.c ---- */

/* Blocks that are about to be sent, in a chain for each owner. */
typedef struct pool_outbox {
    const loam_pool_class *cls; /* any that knows the layout */
    size_t blocks;              /* that have been in it */
    size_t count;               /* of chains */
    struct {
        loam_pool_class *owner;
        void *newest, *oldest;      /* bundles */
        const loam_pool_slab *slab; /* of the newest one, */
        size_t numbers;             /* which has so many */
        size_t blocks;
    } chains[OUTBOX_CHAINS];
} pool_outbox;

static inline void begin_outbox(pool_outbox *box, const loam_pool_class *cls)
{
    box->cls = cls;
    box->blocks = box->count = 0;
}

/* Puts the first of some blocks, which is of this slab, into it, and those behind it that go with it;
 * sends some when it is full. Returns how many. */
size_t loam_pool_put_in_outbox(pool_outbox *box, const loam_pool_slab *slab, void *const *blocks,
                               size_t count);

/* Sends all that is in it. */
void loam_pool_send_all(pool_outbox *box);

/* Takes the chain that is at the door, or NULL; looks after all that others did before. */
void *loam_pool_open_door(loam_pool_class *cls);

/* The blocks of the first bundle of a chain, POOL_BUNDLE_MOST at most. Returns how many. */
size_t loam_pool_open_bundle(const loam_pool_class *cls, void **chain, void **blocks);

/* Gives all blocks of a chain, which may be NULL, to their slabs. */
void loam_pool_bring_home(loam_pool_class *cls, void *chain);

static inline bool is_anything_at_door(const loam_pool_class *cls)
{
    return LOAM_UNLIKELY(__atomic_load_n(&cls->inbox, __ATOMIC_RELAXED) != NULL);
}

/* Takes in what other threads gave. */
static inline void loam_pool_collect(loam_pool_class *cls)
{
    loam_pool_bring_home(cls, loam_pool_open_door(cls));
}

/* ---- front.c ---- */

/* Begins an empty front of so many blocks, or of as many as are so many bytes if that is more. */
void loam_pool_set_front(loam_pool_class *cls, size_t room, size_t calm);

/* Makes a front of no more blocks than `slots` has places what it was at first; gives up what it had
 * outgrown them to. Returns how many bytes went. */
size_t loam_pool_narrow(loam_pool_class *cls);

/* ---- checks.c; for classes that are watched ---- */

/* A block comes out of its slab, or goes there. */
void loam_pool_watch_take(loam_pool_class *cls, loam_pool_slab *slab, void *block);
void loam_pool_watch_give(loam_pool_class *cls, void *block);

/* A block begins to travel: it is live no more, but not in its slab yet. */
void loam_pool_watch_leave(loam_pool_class *cls, void *block, bool remote);

/* A slab is new, is about to forget its free blocks, or goes. */
void loam_pool_watch_begin(const loam_pool_class *cls, const loam_pool_slab *slab);
void loam_pool_watch_empty(const loam_pool_class *cls, const loam_pool_slab *slab);
void loam_pool_watch_end(const loam_pool_class *cls, const loam_pool_slab *slab);

/* Whether a free block is as it was left. */
bool loam_pool_is_untouched(const loam_pool_class *cls, const void *block);

#endif
