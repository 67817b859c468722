/* vm_registry.c: which blocks of the page allocator are reserved ahead; see vm_ahead.h.
 *
 * A hash table with open addressing. It begins in static memory, so that most programs ask nobody
 * for it, and moves to pages of its own when half of it is used:
 *
 *   slots   [ . ][ a ][ b ][ . ][ c ][ . ] ...      a record stands at its home or behind it, with
 *             home of a, b^                         no empty slot between
 *
 *   R1  claimed <= slot_count / 2, and claimed counts the records that are in, and those that their
 *       owners have taken out for a moment: these always find room again
 *   R2  between the home of a record and its place there is no empty slot
 *   R3  the sums are those over the records that are in
 *   R4  system calls are made without the lock
 *   R5  at most one record is kept, the one of `newest`: that of the block which ended last. It has
 *       no more memory than H7 lets it keep, and with the tails no more than LOAM_AHEAD_WARM, or
 *       LOAM_AHEAD_WARM_LEAST; no size and no tail. Where a tool watches there is none. It becomes
 *       only a block that may have its pages (H5)
 */
#include "internal/vm_ahead.h"

#include "internal/atomic.h"
#include "internal/bits.h"
#include "internal/os.h"

enum { FIRST_SLOTS = 64, MOST_SLOTS = 2 * LOAM_AHEAD_BLOCKS };

static loam_ahead first_slots[FIRST_SLOTS];

static struct {
    loam_os_mutex lock;
    size_t claimed;
    size_t reserved, slack; /* sums */
    size_t slot_count;      /* a power of two */
    loam_ahead *slots;
    loam_mapping mapping; /* of the slots, unless they are the first ones */
} table = {.lock = LOAM_OS_MUTEX_INIT, .slot_count = FIRST_SLOTS, .slots = first_slots};

size_t loam_registry_count(void)
{
    return loam_atomic_load(&table.claimed);
}

size_t loam_registry_reserved(void)
{
    return loam_atomic_load(&table.reserved);
}

size_t loam_registry_slack(void)
{
    return loam_atomic_load(&table.slack);
}

/* The base of the kept record, if there is one; a look at it needs no lock. Its age begins when
 * somebody first asks for it, so that keeping it needs no clock. */
char *loam_registry_newest;
size_t loam_registry_newest_held;
static bool newest_stamped;
static uint64_t newest_stamp; /* milliseconds */

/* ---- the lock; the child of a fork gets the registry whole ---- */

static void lock_all(void)
{
    loam_tails_lock();
    loam_os_mutex_lock(&table.lock);
}

static void unlock_all(void)
{
    loam_os_mutex_unlock(&table.lock);
    loam_tails_unlock();
}

static void register_fork_hooks(void)
{
    static const loam_os_fork_hooks hooks = {lock_all, unlock_all, unlock_all};

    (void)loam_os_on_fork(LOAM_OS_FORK_VM_AHEAD, &hooks);
}

static void begin(void)
{
    static loam_os_once once = LOAM_OS_ONCE_INIT;

    loam_os_once_run(&once, register_fork_hooks);
}

LOAM_OS_BEFORE_THREADS(begin)

void loam_registry_lock(void)
{
    begin();
    loam_os_mutex_lock(&table.lock);
}

void loam_registry_unlock(void)
{
    loam_os_mutex_unlock(&table.lock);
}

/* ---- the table; all of this under the lock ---- */

/* Blocks start at multiples of 2 MiB; multiplying spreads what is above into the high bits. */
static size_t home_of(const void *base)
{
    uint64_t spread = (uint64_t)((uintptr_t)base >> 21) * UINT64_C(0x9E3779B97F4A7C15);

    return (size_t)(spread >> 32) & (table.slot_count - 1);
}

static size_t next_slot(size_t i)
{
    return (i + 1) & (table.slot_count - 1);
}

static void put(const loam_ahead *one)
{
    size_t i = home_of(one->base);

    while (table.slots[i].base)
        i = next_slot(i);
    table.slots[i] = *one;
}

/* Empties a slot, and lets records behind it move up that would be cut off from their homes (R2):
 *
 *   [ a ][ x ][ b ][ c ][ . ]   -->   [ a ][ b ][ c ][ . ][ . ]        homes at or before x  */
static void empty_slot(size_t i)
{
    for (size_t j = next_slot(i); table.slots[j].base; j = next_slot(j)) {
        size_t mask = table.slot_count - 1;
        size_t from_home = (j - home_of(table.slots[j].base)) & mask;

        if (from_home >= ((j - i) & mask)) {
            table.slots[i] = table.slots[j];
            i = j;
        }
    }
    table.slots[i].base = NULL;
}

static inline loam_ahead *find(const void *base)
{
    size_t i = home_of(base);

    while (table.slots[i].base && table.slots[i].base != base)
        i = next_slot(i);
    return table.slots[i].base ? &table.slots[i] : NULL;
}

loam_ahead *loam_registry_find_any(const void *base)
{
    return find(base);
}

loam_ahead *loam_registry_find(const void *base)
{
    loam_ahead *found;

    while ((found = find(base)) != NULL && LOAM_UNLIKELY(found->trimmed)) {
        loam_registry_unlock();
        loam_tails_wait();
        loam_registry_lock();
    }
    return found && !found->kept ? found : NULL;
}

void loam_registry_add_slack(size_t more)
{
    if (LOAM_UNLIKELY(more != 0))
        loam_atomic_store(&table.slack, table.slack + more);
}

static void add_sums(size_t reserved, size_t slack)
{
    loam_atomic_store(&table.reserved, table.reserved + reserved);
    loam_registry_add_slack(slack);
}

void loam_registry_take_out(loam_ahead *record)
{
    add_sums(0 - record->reserved, (size_t)0 - record->slack);
    empty_slot((size_t)(record - table.slots));
}

void loam_registry_put_back(const loam_ahead *one)
{
    add_sums(one->reserved, one->slack);
    put(one);
}

void loam_registry_forget(void)
{
    loam_atomic_store(&table.claimed, table.claimed - 1);
}

/* ---- the newest that was given back (R5); under the lock ---- */

static void set_newest(char *base, size_t held)
{
    loam_atomic_store(&loam_registry_newest_held, held);
    __atomic_store_n(&loam_registry_newest, base, __ATOMIC_RELAXED);
}

static bool has_room(const loam_ahead *one, size_t size, size_t align)
{
    return one->reserved / 2 >= size && loam_padding(one->base, align) == 0;
}

static bool suits(const loam_ahead *one, size_t size, size_t align)
{
    return has_room(one, size, align) && (!one->huge || loam_ahead_may_be_huge(size));
}

static void set_size(loam_ahead *record, size_t size)
{
    loam_registry_add_slack(loam_ahead_set_size(record, size));
}

/* Makes a block of the kept record, if all that it needs is there. */
static char *revive(size_t size, size_t align)
{
    loam_ahead *record = loam_registry_newest ? find(loam_registry_newest) : NULL;
    size_t held;

    if (!record || record->dirty < size || !suits(record, size, align) ||
        loam_ahead_extent(record, size) > record->committed || loam_ahead_huge_is_due(record, size))
        return NULL;
    held = loam_registry_newest_held;
    set_newest(NULL, 0);
    set_size(record, size);
    if (!loam_tails_note(record)) {
        set_size(record, 0);
        set_newest(record->base, held);
        return NULL;
    }
    record->kept = false;
    return record->base;
}

/* What may be kept of a block that ends, and of the one after it (H7). */
static void settle(loam_ahead *record)
{
    size_t extent = loam_ahead_extent(record, record->size);

    record->keep = loam_min(record->had, LOAM_AHEAD_WARM);
    record->had = extent;
    record->dirty = loam_max(record->dirty, extent);
}

static bool may_be_kept(const loam_ahead *record)
{
    size_t most = loam_max(record->keep, LOAM_VM_CACHE_ENTRY_DIRTY);

    return !loam_ahead_watched && loam_max(record->dirty, record->committed) <=
                                      loam_min(most, loam_ahead_warm_left(loam_tails_bytes));
}

static void keep(loam_ahead *record)
{
    record->kept = true;
    set_size(record, 0);
    set_newest(record->base, loam_ahead_held(record));
    newest_stamped = false;
}

static bool newest_is_older(uint64_t age)
{
    uint64_t now = loam_os_milliseconds();

    if (!newest_stamped)
        newest_stamp = now;
    newest_stamped = true;
    return now - newest_stamp > age;
}

static void take_out_for_good(loam_ahead *record, loam_ahead *one)
{
    *one = *record;
    loam_registry_take_out(record);
    loam_registry_forget();
}

static void unkeep(loam_ahead *record, loam_ahead *one)
{
    take_out_for_good(record, one);
    one->kept = false;
    set_newest(NULL, 0);
}

/* Ends the record of a block. Returns whether there is something for the cache. */
static bool end_record(loam_ahead *record, loam_ahead *rest)
{
    const char *base = record->base;

    loam_tails_drop(record);
    settle(record);
    if (LOAM_UNLIKELY(!may_be_kept(record))) {
        take_out_for_good(record, rest);
        return true;
    }
    if (LOAM_LIKELY(!loam_registry_newest)) {
        keep(record);
        return false;
    }
    unkeep(find(loam_registry_newest), rest);
    keep(find(base)); /* it may have moved up */
    return true;
}

/* ---- the same, with the lock ---- */

char *loam_registry_revive(size_t size, size_t align)
{
    char *base;

    if (!loam_registry_keeps())
        return NULL;
    loam_registry_lock();
    base = revive(size, align);
    loam_registry_unlock();
    return base;
}

bool loam_registry_end(const void *base, loam_ahead *rest, bool *more)
{
    loam_ahead *record;

    loam_registry_lock();
    record = loam_registry_find(base);
    *more = record && end_record(record, rest);
    loam_registry_unlock();
    return record != NULL;
}

size_t loam_registry_kept_dirty(size_t size, size_t align)
{
    size_t dirty = 0;

    if (loam_registry_keeps()) {
        loam_registry_lock();
        if (loam_registry_newest && suits(find(loam_registry_newest), size, align))
            dirty = find(loam_registry_newest)->dirty;
        loam_registry_unlock();
    }
    return dirty;
}

bool loam_registry_unkeep(size_t size, size_t align, uint64_t age, loam_ahead *one)
{
    loam_ahead *record = NULL;

    if (LOAM_LIKELY(!loam_registry_keeps()))
        return false;
    loam_registry_lock();
    if (loam_registry_newest && (age == 0 || newest_is_older(age)))
        record = find(loam_registry_newest);
    if (record && !suits(record, size, align))
        record = NULL;
    if (record)
        unkeep(record, one);
    loam_registry_unlock();
    return record != NULL;
}

void loam_registry_kept_stats(loam_stats *stats)
{
    loam_registry_lock();
    if (loam_registry_newest) {
        stats->committed += loam_ahead_held(find(loam_registry_newest));
        stats->reserved += find(loam_registry_newest)->reserved;
        stats->blocks++;
    }
    loam_registry_unlock();
}

/* ---- more room ---- */

/* Lets the table live elsewhere, and its records move there. Returns where it was. */
static loam_mapping replace_slots(loam_ahead *slots, size_t slot_count, const loam_mapping *mapping)
{
    loam_mapping old = table.mapping;
    loam_ahead *old_slots = table.slots;
    size_t old_count = table.slot_count;

    table.slots = slots;
    table.slot_count = slot_count;
    table.mapping = *mapping;
    for (size_t i = 0; i < old_count; i++) {
        if (old_slots[i].base)
            put(&old_slots[i]);
    }
    if (old_slots == first_slots)
        memset(first_slots, 0, sizeof first_slots);
    return old;
}

/* Doubles a table that has `seen` slots, without the lock (R4). False iff it may not be bigger, or
 * there is no memory for it. */
static bool grow(size_t seen)
{
    static const loam_mapping none;
    size_t unit = loam_vm_reserve_granularity();
    size_t size = loam_round_up(2 * seen * sizeof(loam_ahead), unit);
    loam_mapping given = none;

    if (seen >= MOST_SLOTS || !loam_vm_cache_reserve(size, size, unit, LOAM_MAPPING_PLAIN, &given))
        return false;
    if (!loam_vm_commit(given.base, size)) {
        loam_vm_cache_give(&given);
        return false;
    }
    given.committed = given.dirty = size;
    loam_registry_lock();
    if (table.slot_count == seen) /* else somebody was quicker */
        given = replace_slots((loam_ahead *)(void *)given.base, 2 * seen, &given);
    loam_registry_unlock();
    if (given.base)
        loam_vm_cache_give(&given);
    return true;
}

bool loam_registry_add(const loam_ahead *one)
{
    size_t seen;
    bool room;

    do {
        loam_registry_lock();
        seen = table.slot_count;
        room = table.claimed < seen / 2;
        if (LOAM_LIKELY(room)) {
            loam_atomic_store(&table.claimed, table.claimed + 1);
            loam_registry_put_back(one);
        }
        loam_registry_unlock();
    } while (LOAM_UNLIKELY(!room) && grow(seen));
    return room;
}

void loam_registry_trim(void)
{
    static const loam_mapping none;
    loam_mapping old = none;

    loam_registry_lock();
    if (table.claimed == 0 && table.slots != first_slots)
        old = replace_slots(first_slots, FIRST_SLOTS, &none);
    loam_registry_unlock();
    if (old.base)
        (void)loam_vm_cache_release(&old);
}
