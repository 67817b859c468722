/* vm_ahead.c: blocks of the page allocator that grow where they are: how they begin and end; see
 * vm_ahead.h.
 *
 * Each block of LOAM_AHEAD_LEAST bytes or more gets a reservation of many times its size. What is
 * given back stays a reservation, with the memory that it has, for whoever grows next: the newest
 * one where it is, in the registry, so that taking and giving in turn costs little; all others in
 * the cache of released mappings.
 *
 * Huge pages. A block whose last huge page is not needed whole is advised if that wastes at most an
 * eighth of the block, or else if it fits in LOAM_AHEAD_SLACK, which all blocks share (and threads
 * that begin at the same instant may each exceed by their block). What was advised for a block that
 * is gone is passed over by those that may not have huge pages: to advise against it would leave
 * them what it has. So blocks hold at most an eighth and 8 MiB more than they asked for, but those
 * that were advised and then grew or shrank to an odd size, which hold one huge page more. All
 * others are advised against, because a system that uses huge pages unasked would give each of them
 * one.
 */
#include "internal/vm_ahead.h"

#include "internal/atomic.h"
#include "internal/bits.h"
#include "internal/mark.h"
#include "internal/os.h"
#include "internal/vm_backend.h"

/* Bytes of address space that these blocks share: a quarter of what x86-64 gives a process. */
#define ADDRESS_SHARE ((size_t)1 << (sizeof(void *) >= 8 ? 45 : 29))

enum {
    UNIT_MOST = 32 << 20, /* a bigger huge page is not for blocks that grow from small ones */
    RED_ZONE = 64 << 10,  /* behind a block, where a tool watches */
    PATIENCE = 32         /* blocks that are taken from elsewhere after a refusal */
};

static size_t patience; /* how many blocks will not be reserved ahead */
static size_t reserve_limit = SIZE_MAX;

size_t loam_ahead_huge;
bool loam_ahead_watched;
bool loam_ahead_charged;

/* Before there is a record. */
static void begin(void)
{
    size_t huge = loam_vm_huge_page_size();

    loam_ahead_huge = huge <= UNIT_MOST ? huge : 0;
    loam_ahead_watched = loam_mark_wanted();
    loam_ahead_charged = !(loam_vm_basics() & LOAM_VM_FREE_COMMIT);
}

size_t loam_ahead_unit(void)
{
    return loam_max(LOAM_AHEAD_UNIT, loam_ahead_huge);
}

void loam_ahead_limit_reserve(size_t size)
{
    loam_atomic_store(&reserve_limit, size);
}

/* ---- tools ---- */

/* How far behind a block somebody may have been, and a bit more. */
static size_t marked_end(const loam_ahead *one)
{
    return loam_min(loam_max(one->committed, one->size) + RED_ZONE, one->reserved);
}

void loam_ahead_mark_behind(const loam_ahead *one)
{
    if (LOAM_UNLIKELY(loam_ahead_watched))
        loam_mark_dead(one->base + one->size, marked_end(one) - one->size);
}

void loam_ahead_unmark_behind(const loam_ahead *one)
{
    if (LOAM_UNLIKELY(loam_ahead_watched))
        loam_mark_undefined(one->base + one->size, marked_end(one) - one->size);
}

/* ---- huge pages ---- */

/* For a whole reservation (H3), or against. */
static void advise(loam_ahead *one, bool huge)
{
    one->huge = huge && loam_vm_advise(one->base, one->reserved, LOAM_VM_HUGE);
    if (!one->huge && loam_vm_huge_page_size())
        (void)loam_vm_advise(one->base, one->reserved, LOAM_VM_NO_HUGE);
}

bool loam_ahead_advise_again(char *ptr, size_t size, bool huge)
{
    return !loam_ahead_charged || loam_vm_huge_page_size() == 0 ||
           loam_vm_advise(ptr, size, huge ? LOAM_VM_HUGE : LOAM_VM_NO_HUGE);
}

/* ---- address space ---- */

/* Not more than a 64th of what all these blocks have not reserved, so that however many there are,
 * they leave room. */
size_t loam_ahead_choose_reserve(size_t size)
{
    size_t share = loam_min(loam_vm_address_space() / 4, ADDRESS_SHARE);
    size_t used = loam_registry_reserved();
    size_t part = used < share ? (share - used) / 64 : 0;

    part = loam_round_down(loam_min(part, loam_atomic_load(&reserve_limit)), loam_ahead_unit());
    if (part / 2 < size)
        return 0;
    if (part / LOAM_AHEAD_FACTOR < size)
        return part;
    size = loam_max(size * LOAM_AHEAD_FACTOR, LOAM_AHEAD_RESERVE);
    return loam_min(part, loam_round_up(size, loam_ahead_unit()));
}

/* After a refusal the system is not asked again at once. */
static bool is_patient(void)
{
    size_t left = loam_atomic_load(&patience);

    return LOAM_UNLIKELY(left > 0) && loam_atomic_swap_if(&patience, &left, left - 1);
}

/* Where the system refuses what all others may have, it is short of address space: then a block
 * does not take the most that there is, but just room to grow once. */
static bool reserve_fresh(size_t size, size_t align, loam_mapping *mapping)
{
    size_t wanted = loam_ahead_choose_reserve(size);

    if (wanted == 0 || loam_registry_count() >= LOAM_AHEAD_BLOCKS || is_patient())
        return false;
    if (loam_vm_cache_reserve(wanted, wanted, align, LOAM_MAPPING_AHEAD, mapping))
        return true;
    if (align == loam_ahead_unit()) /* else that may be what was refused */
        loam_atomic_store(&patience, PATIENCE);
    return loam_vm_cache_reserve(2 * size, 2 * size, align, LOAM_MAPPING_AHEAD, mapping);
}

/* ---- records ---- */

static bool commit_to(loam_ahead *one, size_t end)
{
    if (one->committed >= end)
        return true;
    if (!loam_vm_commit(one->base + one->committed, end - one->committed))
        return false;
    one->committed = end;
    return true;
}

static bool commit_huge(loam_ahead *one, size_t size)
{
    return loam_ahead_huge != 0 && loam_ahead_may_be_huge(size) &&
           commit_to(one, loam_min(loam_round_up(size, loam_ahead_huge), one->reserved));
}

/* Memory comes first (H2). Where it is short of huge pages, small ones may do. */
bool loam_ahead_commit(loam_ahead *one, size_t size)
{
    bool fresh = one->committed == 0;

    if (!one->huge && commit_huge(one, size))
        advise(one, true);
    else if (!one->huge && fresh)
        advise(one, false);
    return commit_to(one, loam_ahead_extent(one, size));
}

static loam_ahead from_mapping(const loam_mapping *mapping)
{
    return (loam_ahead){
        .base = mapping->base,
        .reserved = mapping->size,
        .committed = mapping->committed,
        .dirty = mapping->dirty,
        .had = mapping->had,
        .keep = mapping->keep,
        .huge = mapping->advised != 0,
    };
}

static loam_mapping to_mapping(const loam_ahead *one)
{
    return (loam_mapping){
        .base = one->base,
        .size = one->reserved,
        .committed = one->committed,
        .dirty = loam_max(one->dirty, loam_ahead_extent(one, one->size)),
        .advised = one->huge ? one->reserved : 0,
        .had = one->had,
        .keep = one->keep,
        .kind = LOAM_MAPPING_AHEAD,
    };
}

bool loam_ahead_take_out(const void *ptr, loam_ahead *one)
{
    loam_ahead *record;

    loam_registry_lock();
    record = loam_registry_find(ptr);
    if (record) {
        loam_tails_drop(record);
        *one = *record;
        loam_registry_take_out(record);
    }
    loam_registry_unlock();
    return record != NULL;
}

/* A huge page is given back whole. */
static size_t tail_unit(const loam_ahead *one)
{
    return one->huge ? loam_ahead_huge : loam_vm_page_size();
}

void loam_ahead_put_back(loam_ahead *one)
{
    size_t end;
    bool noted;

    loam_registry_lock();
    noted = loam_tails_note(one);
    if (LOAM_LIKELY(noted))
        loam_registry_put_back(one);
    loam_registry_unlock();
    if (LOAM_LIKELY(noted)) {
        if (one->tailed)
            loam_vm_cache_make_room();
        return;
    }
    end = loam_ahead_extent(one, one->size);
    loam_ahead_cut(one, end + loam_round_down(loam_ahead_short_tail(one), tail_unit(one)));
    loam_registry_lock();
    loam_registry_put_back(one);
    loam_registry_unlock();
}

/* ---- take ---- */

/* Finds memory for a block that can't have the kept record as it is: the cache, if it has one with
 * more in it; else that record all the same; else the system. */
static bool find_memory(size_t size, size_t align, loam_ahead *one)
{
    loam_mapping mapping;
    bool huge = loam_ahead_huge != 0 && loam_ahead_may_be_huge(size);
    size_t least = loam_registry_kept_dirty(size, align);

    if (!loam_vm_cache_take_ahead(size, align, least, huge, &mapping)) {
        if (loam_registry_unkeep(size, align, 0, one))
            return true;
        if (!reserve_fresh(size, align, &mapping))
            return false;
    }
    *one = from_mapping(&mapping);
    return true;
}

/* What a kept mapping has of memory stays. */
static bool start(loam_ahead *one, size_t size)
{
    if (!loam_ahead_commit(one, size))
        return false;
    (void)loam_ahead_set_size(one, size);
    return true;
}

/* What was taken for a block that there will not be. */
static void return_unused(loam_ahead *one)
{
    loam_mapping mapping;

    one->size = 0;
    mapping = to_mapping(one);
    loam_vm_cache_give(&mapping);
}

static void *take_slowly(size_t size, size_t align, size_t *dirty)
{
    static loam_os_once begin_once = LOAM_OS_ONCE_INIT;
    loam_ahead one, out;

    loam_os_once_run(&begin_once, begin);
    align = loam_max(align, loam_ahead_unit());
    if (!find_memory(size, align, &one))
        return NULL;
    if (!start(&one, size)) {
        return_unused(&one);
        return NULL;
    }
    loam_ahead_mark_behind(&one);
    if (!loam_registry_add(&one)) {
        loam_ahead_unmark_behind(&one);
        return_unused(&one);
        return NULL;
    }
    if (loam_ahead_tail(&one) > loam_ahead_short_tail(&one) && loam_ahead_take_out(one.base, &out))
        loam_ahead_put_back(&out);
    *dirty = loam_min(one.dirty, size);
    return one.base;
}

void *loam_ahead_take(size_t size, size_t align, size_t *dirty)
{
    void *ptr;

    if (LOAM_UNLIKELY(align > LOAM_AHEAD_ALIGN))
        return NULL;
    loam_tails_age();
    ptr = loam_registry_revive(size, loam_max(align, LOAM_AHEAD_UNIT));
    if (LOAM_UNLIKELY(!ptr))
        return take_slowly(size, align, dirty);
    *dirty = size;
    return ptr;
}

/* ---- give ---- */

bool loam_ahead_give(void *ptr)
{
    loam_mapping mapping;
    loam_ahead rest;
    bool found, more;

    loam_tails_age();
    found = loam_registry_end(ptr, &rest, &more);
    if (LOAM_UNLIKELY(found && more)) {
        loam_ahead_unmark_behind(&rest);
        mapping = to_mapping(&rest);
        loam_vm_cache_give(&mapping);
    } else if (found) {
        loam_vm_cache_make_room();
    }
    return found;
}

/* ---- what is kept too long, or at all ---- */

static size_t release_kept(uint64_t age)
{
    loam_mapping mapping;
    loam_ahead one;

    if (!loam_registry_unkeep(0, 1, age, &one))
        return 0;
    mapping = to_mapping(&one);
    return loam_vm_cache_release(&mapping) ? mapping.size : 0;
}

void loam_ahead_age_kept(void)
{
    (void)release_kept(LOAM_VM_CACHE_AGE);
}

size_t loam_ahead_trim(void)
{
    size_t released = release_kept(0);

    loam_tails_trim(0);
    loam_registry_trim();
    return released;
}

void loam_ahead_trim_stats(loam_stats *stats)
{
    size_t tails = loam_atomic_load(&loam_tails_bytes);

    stats->committed += tails;
    stats->reserved += tails;
    loam_registry_kept_stats(stats);
}
