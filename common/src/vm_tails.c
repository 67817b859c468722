/* vm_tails.c: memory that stays behind blocks of the page allocator for a while; see vm_ahead.h.
 *
 *   base          size                 dirty, or where commit is charged, committed
 *    |### block ###|~~~~~~ tail ~~~~~~~~|------ address space ------|
 *
 * A block that shrank, or that was given a reservation which somebody else had used, has memory
 * behind it that it may grow into without a page fault. That memory is bounded in number, bytes and
 * age, as what the cache of released mappings keeps is, and anybody may give back what has become
 * too old, while the block lives on. A short tail (H6) is not worth an entry: many of them are still
 * small beside their blocks.
 *
 *   T1  entries are in the order of their stamps; each stands for a record in the registry with
 *       `tailed` set, and there is one for each such record
 *   T2  the count <= LOAM_AHEAD_TAILS; and when each entry was made, the sum of bytes and what the
 *       kept record holds was <= LOAM_AHEAD_WARM, or the sum <= LOAM_AHEAD_WARM_LEAST
 *   T3  a record that is `trimmed` is touched by the holder of the trimmer's lock alone, which is
 *       taken before that of the registry
 */
#include "internal/vm_ahead.h"

#include "internal/atomic.h"
#include "internal/bits.h"
#include "internal/os.h"

typedef struct tail {
    char *base;
    size_t bytes;
    uint64_t stamp; /* milliseconds */
} tail;

/* All of it under the lock of the registry; a look at the count and the sum of bytes needs none. */
size_t loam_tails_count;
size_t loam_tails_bytes;
static tail entries[LOAM_AHEAD_TAILS];

static loam_os_mutex trimmer = LOAM_OS_MUTEX_INIT;

void loam_tails_lock(void)
{
    loam_os_mutex_lock(&trimmer);
}

void loam_tails_unlock(void)
{
    loam_os_mutex_unlock(&trimmer);
}

void loam_tails_wait(void)
{
    loam_tails_lock();
    loam_tails_unlock();
}

/* ---- one record ---- */

void loam_ahead_cut(loam_ahead *one, size_t end)
{
    if (one->committed <= end)
        return;
    loam_ahead_unmark_behind(one);
    if (loam_vm_decommit(one->base + end, one->committed - end)) {
        (void)loam_ahead_advise_again(one->base + end, one->committed - end, one->huge);
        one->committed = end;
        one->dirty = loam_min(one->dirty, end);
    }
    loam_ahead_mark_behind(one);
}

/* ---- the entries; under the lock of the registry ---- */

static void set_bytes(size_t i, size_t bytes)
{
    loam_atomic_store(&loam_tails_bytes, loam_tails_bytes - entries[i].bytes + bytes);
    entries[i].bytes = bytes;
}

static void remove_entry(size_t i)
{
    set_bytes(i, 0);
    loam_atomic_store(&loam_tails_count, loam_tails_count - 1);
    memmove(&entries[i], &entries[i + 1], (loam_tails_count - i) * sizeof(tail));
}

static size_t entry_of(const char *base)
{
    size_t i = 0;

    while (i < loam_tails_count && entries[i].base != base)
        i++;
    return i;
}

static bool add_entry(const loam_ahead *one, size_t bytes)
{
    size_t i = loam_tails_count;

    if (i == LOAM_AHEAD_TAILS ||
        loam_tails_bytes + bytes > loam_ahead_warm_left(loam_registry_newest_held))
        return false;
    entries[i].base = one->base;
    entries[i].bytes = 0;
    set_bytes(i, bytes);
    entries[i].stamp = loam_os_milliseconds(); /* under the lock, so that they are in order */
    loam_atomic_store(&loam_tails_count, loam_tails_count + 1);
    return true;
}

bool loam_tails_note_long(loam_ahead *one)
{
    size_t bytes = loam_ahead_tail(one);

    if (!one->tailed)
        return one->tailed = add_entry(one, bytes);
    one->tailed = bytes > loam_ahead_short_tail(one);
    if (one->tailed)
        set_bytes(entry_of(one->base), bytes);
    else
        remove_entry(entry_of(one->base));
    return true;
}

void loam_tails_forget(loam_ahead *record)
{
    remove_entry(entry_of(record->base));
    record->tailed = false;
}

/* ---- trimming ---- */

/* The record of the oldest entry, if it has reached that age; it is the caller's then (T3). */
static loam_ahead *claim_oldest(uint64_t age)
{
    loam_ahead *record;

    if (loam_tails_count == 0 || (age > 0 && loam_os_milliseconds() - entries[0].stamp <= age))
        return NULL;
    record = loam_registry_find_any(entries[0].base);
    remove_entry(0);
    record->tailed = false;
    record->trimmed = true;
    return record;
}

void loam_tails_trim(uint64_t age)
{
    loam_ahead *record;

    /* Without a record nobody has registered this lock for forks. */
    if (loam_atomic_load(&loam_tails_count) == 0 || !loam_os_mutex_trylock(&trimmer))
        return;
    loam_registry_lock();
    while ((record = claim_oldest(age)) != NULL) {
        loam_ahead one = *record;

        loam_registry_unlock();
        loam_ahead_cut(&one, loam_ahead_extent(&one, one.size));
        loam_registry_lock();
        one.trimmed = false;
        *loam_registry_find_any(one.base) = one;
    }
    loam_registry_unlock();
    loam_tails_unlock();
}
