/* vm_ahead.h: blocks of the page allocator that are reserved ahead, so that they grow where they
 * are.
 *
 *   base          size      committed                reserved
 *    |### block ###|.........|-------- address space --------|
 *
 * Four files: vm_registry.c knows which blocks there are, vm_tails.c what memory stays behind them
 * for a while, vm_ahead.c begins and ends them, vm_ahead_grow.c changes their size. Everything here
 * may be called by any thread; a block is worked on by its owner alone, but for its tail, which
 * anybody may trim.
 *
 *   H1  base is a multiple of loam_ahead_unit(), and so is that of whatever it moves to: page tables
 *       are then moved whole, and a block that is not aligned so is none of these
 *   H2  size <= extent(size) <= committed <= reserved, dirty <= committed; also after a refusal:
 *       memory is committed before huge pages are advised for it
 *   H3  huge pages are advised for a whole reservation or for nothing of it, so that what is
 *       committed of it is one mapping of the kernel, which can be moved. Where decommitting loses
 *       the advice it is given again; should the system refuse just that, the block is copied when
 *       it outgrows its reservation
 *   H4  system calls are made without the lock, on a record that is out of the registry
 *   H5  a reservation that huge pages were advised for, fresh or recycled, is given only to a block
 *       that may be huge: it wastes at most an eighth, or has room in LOAM_AHEAD_SLACK
 *   H6  memory behind a block is a short tail, of at most an eighth of the block, or it is noted
 *       (vm_tails.c), or the system refused to take it back
 *   H7  of a block that ended, what is kept are 16 MiB, as of any mapping; or as much as the block
 *       before it in the same reservation ended with, LOAM_AHEAD_WARM at most: who needed memory
 *       again that was just given back keeps it the next time, and who does not has one end to pay
 */
#ifndef LOAM_INTERNAL_VM_AHEAD_H
#define LOAM_INTERNAL_VM_AHEAD_H

#include "internal/atomic.h"
#include "internal/bits.h"
#include "internal/vm_cache.h"

enum {
    LOAM_AHEAD_UNIT = 2 << 20,       /* blocks stand at multiples of this at least */
    LOAM_AHEAD_LEAST = 128 << 10,    /* smallest block that is reserved ahead */
    LOAM_AHEAD_FACTOR = 16,          /* a reservation is so many times its block */
    LOAM_AHEAD_RESERVE = 256 << 20,  /* and at least so many bytes */
    LOAM_AHEAD_ALIGN = 256 << 20,    /* blocks of higher alignments are not reserved ahead */
    LOAM_AHEAD_BLOCKS = 8192,        /* at most so many blocks at once */
    LOAM_AHEAD_SLACK = 8 << 20,      /* bytes that small blocks may waste of huge pages, in all */
    LOAM_AHEAD_TAIL = 256 << 10,     /* bytes of a short tail at most */
    LOAM_AHEAD_TAIL_SHARE = 8,       /* nor is it more than this part of its block */
    LOAM_AHEAD_TAILS = 16,           /* longer tails */
    LOAM_AHEAD_WARM = 64 << 20,      /* bytes that one reservation may keep (H7), and all tails */
    LOAM_AHEAD_WARM_LEAST = 16 << 20 /* bytes that tails have, whatever else is kept */
};

/* What is written down of a block. Sizes count from base. */
typedef struct loam_ahead {
    char *base; /* of the block and of its reservation; NULL where there is no record */
    size_t reserved;
    size_t size; /* of the block, in whole units */
    size_t committed;
    size_t dirty;   /* what may be resident, or not zero, where that is beyond the block */
    size_t had;     /* bytes that the block before it ended with, 0 for the first */
    size_t keep;    /* when it has ended: bytes that may be kept of it (H7) */
    uint32_t slack; /* its part of LOAM_AHEAD_SLACK */
    bool huge;      /* huge pages were advised for all of the reservation, else small ones */
    bool tailed;    /* it is among the tails */
    bool trimmed;   /* its tail is being trimmed: only who does that may touch the record */
    bool kept;      /* there is no block: it was given back, and nobody has taken it yet */
} loam_ahead;

/* ---- what vm_allocator.c asks; vm_ahead.c and vm_ahead_grow.c ---- */

/* Whether a block may be one of these: a test that most others don't pass. */
static inline bool loam_ahead_possible(const void *ptr)
{
    return ((uintptr_t)ptr & (LOAM_AHEAD_UNIT - 1)) == 0;
}

/* Takes a block of `size` bytes, whole units, LOAM_AHEAD_LEAST at least. The first `*dirty` of them
 * may not read zero. NULL: have it from elsewhere. */
void *loam_ahead_take(size_t size, size_t align, size_t *dirty);

/* Takes a block back. False iff it is not one of these. */
bool loam_ahead_give(void *ptr);

typedef enum loam_ahead_answer {
    LOAM_AHEAD_OTHER,   /* not a block of these */
    LOAM_AHEAD_REFUSED, /* nothing changed */
    LOAM_AHEAD_DONE
} loam_ahead_answer;

/* Changes the size of a block, in place or by moving its pages; *moved is where it is then. */
loam_ahead_answer loam_ahead_resize(void *ptr, size_t new_size);
loam_ahead_answer loam_ahead_remap(void *ptr, size_t new_size, size_t align, void **moved);

/* ---- what vm_cache.c asks; vm_ahead.c ---- */

/* Gives back what is not needed now: tails, what is kept, the memory of an empty registry. Returns
 * how many bytes of address space went. */
size_t loam_ahead_trim(void);

/* Adds what would go then to `committed`, `reserved` and `blocks`. */
void loam_ahead_trim_stats(loam_stats *stats);

/* For tests: no reservation is bigger than this from now on; SIZE_MAX: as it was. */
void loam_ahead_limit_reserve(size_t size);

/* ---- policy and parts that several files need; vm_ahead.c ---- */

/* The huge page size, 0 where huge pages are not for these blocks; whether a tool watches; and
 * whether commit is charged. All are set before there is a record. */
extern size_t loam_ahead_huge;
extern bool loam_ahead_watched;
extern bool loam_ahead_charged;

/* What reservations are aligned to: a huge page, or what page tables are moved in. */
size_t loam_ahead_unit(void);

/* The reservation that a block should have; 0: not worth one. */
size_t loam_ahead_choose_reserve(size_t size);

/* What a block of that size wastes of huge pages, where that is more than an eighth. */
static inline size_t loam_ahead_slack(size_t size)
{
    size_t slack = loam_round_up(size, loam_ahead_huge) - size;

    return slack > size / 8 ? slack : 0;
}

/* How many blocks there are, and their sums, which need no lock but are hints without it. */
size_t loam_registry_count(void);
size_t loam_registry_reserved(void);
size_t loam_registry_slack(void);

/* Whether a block that begins with that size, or grows to it, may have huge pages (H5); only where
 * there are any. */
static inline bool loam_ahead_may_be_huge(size_t size)
{
    size_t slack = loam_ahead_slack(size);

    return slack == 0 || loam_registry_slack() + slack <= LOAM_AHEAD_SLACK;
}

/* Whether a block that grows to that size deserves huge pages without a doubt. */
static inline bool loam_ahead_huge_is_due(const loam_ahead *one, size_t size)
{
    return !one->huge && loam_ahead_huge != 0 && loam_ahead_slack(size) == 0;
}

/* Where the memory of a block ends: with the block, or with its last huge page. */
static inline size_t loam_ahead_extent(const loam_ahead *one, size_t size)
{
    return one->huge ? loam_min(loam_round_up(size, loam_ahead_huge), one->reserved) : size;
}

/* Where memory ends that a record may have: resident, or charged. */
static inline size_t loam_ahead_held(const loam_ahead *one)
{
    return loam_ahead_charged ? one->committed : one->dirty;
}

/* Bytes that are kept behind a block; and how many of them need not be noted (H6). */
static inline size_t loam_ahead_tail(const loam_ahead *one)
{
    size_t extent = loam_ahead_extent(one, one->size), held = loam_ahead_held(one);

    return held > extent ? held - extent : 0;
}

static inline size_t loam_ahead_short_tail(const loam_ahead *one)
{
    return loam_min(LOAM_AHEAD_TAIL, one->size / LOAM_AHEAD_TAIL_SHARE);
}

/* Sets size and slack. Returns how much more slack that is, modulo 2^n. */
static inline size_t loam_ahead_set_size(loam_ahead *one, size_t size)
{
    uint32_t before = one->slack;

    one->size = size;
    one->slack = one->huge ? (uint32_t)loam_ahead_slack(size) : 0;
    return (size_t)one->slack - before;
}

/* Commits what a block of that size needs, and advises huge pages if they are worth it. False iff
 * the system refuses; then nothing changed. */
bool loam_ahead_commit(loam_ahead *one, size_t size);

/* Gives advice again, where it was lost when pages of a reservation were decommitted (H3). False
 * iff the system refuses. */
bool loam_ahead_advise_again(char *ptr, size_t size, bool huge);

/* Takes the record of a block out for its owner. False iff it has none. */
bool loam_ahead_take_out(const void *ptr, loam_ahead *one);

/* Puts it back, with no more behind the block than there is room for among the tails. */
void loam_ahead_put_back(loam_ahead *one);

/* What is behind a block: forbidden where a tool watches, and permitted again, which must happen
 * before `committed` changes; under the lock, or while the record is its caller's alone. */
void loam_ahead_mark_behind(const loam_ahead *one);
void loam_ahead_unmark_behind(const loam_ahead *one);

/* ---- the registry; vm_registry.c ---- */

void loam_registry_lock(void);
void loam_registry_unlock(void);

/* Writes a block down. False iff there are too many, or memory for the record is refused. */
bool loam_registry_add(const loam_ahead *one);

/* The record of a block, or NULL; under the lock, valid until it is given back. The first waits
 * until nobody trims the block's tail, and sees no record that is kept; the second does neither. */
loam_ahead *loam_registry_find(const void *base);
loam_ahead *loam_registry_find_any(const void *base);

/* Notes that a record which is in has got more slack; under the lock. */
void loam_registry_add_slack(size_t more);

/* Takes a record out, under the lock, and puts it back in the same way: meanwhile it is its owner's
 * alone. There is always room for it, until it is forgotten, also under the lock. */
void loam_registry_take_out(loam_ahead *record);
void loam_registry_put_back(const loam_ahead *one);
void loam_registry_forget(void);

/* Gives back the memory of a registry without records. */
void loam_registry_trim(void);

/* Makes a block of the record that is kept, if that has all of its memory. NULL: not so. */
char *loam_registry_revive(size_t size, size_t align);

/* Ends the record of a block, which may be kept. False iff there is none. *more: something is
 * taken out for good, the one that was kept until now or the block's. */
bool loam_registry_end(const void *base, loam_ahead *rest, bool *more);

/* Takes the kept record out for good, if it has room for a block, and is older than `age`
 * milliseconds or that is 0. False iff there is none such. */
bool loam_registry_unkeep(size_t size, size_t align, uint64_t age, loam_ahead *one);

/* Bytes that it holds; a hint without the lock. */
extern size_t loam_registry_newest_held;

/* Whether there is one; a hint. */
extern char *loam_registry_newest;
static inline bool loam_registry_keeps(void)
{
    return __atomic_load_n(&loam_registry_newest, __ATOMIC_RELAXED) != NULL;
}

/* The memory of the kept record, if it may become a block of that size, else 0; and its figures,
 * which are added. */
size_t loam_registry_kept_dirty(size_t size, size_t align);
void loam_registry_kept_stats(loam_stats *stats);

/* ---- tails; vm_tails.c ---- */

/* How many there are. */
extern size_t loam_tails_count;

/* For a record whose tail is long, or was. */
bool loam_tails_note_long(loam_ahead *one);
void loam_tails_forget(loam_ahead *record);

/* Notes the tail that a record has before it goes into the registry, or there; under the lock. False
 * iff there is no place for it: then the owner trims. */
static inline bool loam_tails_note(loam_ahead *one)
{
    return LOAM_LIKELY(!one->tailed && loam_ahead_tail(one) <= loam_ahead_short_tail(one)) ||
           loam_tails_note_long(one);
}

/* Forgets the tail of a record; under the lock, before it is taken out or kept. */
static inline void loam_tails_drop(loam_ahead *record)
{
    if (LOAM_UNLIKELY(record->tailed))
        loam_tails_forget(record);
}

/* Gives back what is older than `age` milliseconds; 0: all. */
void loam_tails_trim(uint64_t age);

static inline void loam_tails_age(void)
{
    if (LOAM_UNLIKELY(loam_atomic_load(&loam_tails_count) > 0))
        loam_tails_trim(LOAM_VM_CACHE_AGE);
}

/* Releases what has been kept too long: the kept record and tails. */
void loam_ahead_age_kept(void);

static inline void loam_ahead_age(void)
{
    if (LOAM_UNLIKELY(loam_registry_keeps()))
        loam_ahead_age_kept();
    loam_tails_age();
}

/* Gives back the memory of a record that is its caller's alone, from `end` on, and keeps the advice
 * (H3). */
void loam_ahead_cut(loam_ahead *one, size_t end);

/* Waits until nobody trims; not under the lock. */
void loam_tails_wait(void);

/* How many bytes they are; a hint without the lock. */
extern size_t loam_tails_bytes;

/* What is kept of these blocks outside of the cache. */
static inline size_t loam_ahead_warm(void)
{
    return loam_atomic_load(&loam_registry_newest_held) + loam_atomic_load(&loam_tails_bytes);
}

/* What one of both may have, where the other has `taken`. */
static inline size_t loam_ahead_warm_left(size_t taken)
{
    return LOAM_AHEAD_WARM - loam_min(taken, LOAM_AHEAD_WARM - LOAM_AHEAD_WARM_LEAST);
}

/* The lock of who trims, which comes before that of the registry; for forks. */
void loam_tails_lock(void);
void loam_tails_unlock(void);

#endif
