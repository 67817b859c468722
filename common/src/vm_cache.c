/* vm_cache.c: released mappings, kept a short while for whoever needs one like them.
 *
 *   entries[0 .. count)   kept by choice, oldest first; bounded in number, memory and age
 *   stuck                 kept because the system refused to take them back; a list through their
 *                         own first bytes, since nothing else may be allocated for it
 *   bare[0 .. bare_count) those of them that the system gives no page for that; nothing is reserved
 *                         while there are many, so that there is a place for what is under way
 *
 *   V1  count <= LOAM_VM_CACHE_ENTRIES, less one where vm_registry.c keeps an entry of its own. The
 *       sum of held <= LOAM_VM_CACHE_DIRTY, less what that one has and what is behind blocks
 *       (loam_ahead_warm()), but LOAM_VM_CACHE_ENTRY_DIRTY at least. Held is what may be resident,
 *       or where commit is charged, what is committed. (Threads that give back at the same instant
 *       may exceed that by theirs until the next is given.) No entry holds more than
 *       LOAM_VM_CACHE_ENTRY_DIRTY, but those whose `keep` says so (vm_ahead.h, H7), which leave as
 *       much as that to others
 *   V2  entries are in the order of their stamps
 *   V3  system calls are made without the lock
 */
#include "internal/vm_cache.h"
#include "internal/vm_backend.h"

#include "internal/bits.h"
#include "internal/mark.h"
#include "internal/os.h"
#include "internal/vm_ahead.h"

#include <string.h>

typedef struct kept {
    loam_mapping mapping;
    uint64_t stamp; /* milliseconds */
} kept;

typedef struct stuck_mapping {
    loam_mapping mapping;
    struct stuck_mapping *next;
} stuck_mapping;

enum { BARE_LIMIT = 32, BARE_MANY = BARE_LIMIT / 2 };

static struct {
    loam_os_mutex lock;
    size_t count;
    size_t held; /* sum over the entries (V1) */
    size_t bare_count;
    loam_mapping bare[BARE_LIMIT];
    kept entries[LOAM_VM_CACHE_ENTRIES];
    stuck_mapping *stuck;
    size_t refused;
} cache = {.lock = LOAM_OS_MUTEX_INIT};

/* Mappings taken out under the lock, to be released without it (V3). */
typedef struct victims {
    size_t count;
    loam_mapping mappings[LOAM_VM_CACHE_ENTRIES + 1];
} victims;

/* Whether a tool watches: a kept mapping is then dead to everybody. */
static bool watched;

/* ---- the lock; the child of a fork gets the cache whole ---- */

static void lock_for_fork(void)
{
    loam_os_mutex_lock(&cache.lock);
}

static void unlock_cache(void)
{
    loam_os_mutex_unlock(&cache.lock);
}

static loam_os_once begin_once = LOAM_OS_ONCE_INIT;

static void begin(void)
{
    static const loam_os_fork_hooks hooks = {lock_for_fork, unlock_cache, unlock_cache};

    watched = loam_mark_wanted();
    (void)loam_os_on_fork(LOAM_OS_FORK_VM_CACHE, &hooks);
}

static void begin_cache(void)
{
    loam_os_once_run(&begin_once, begin);
}

LOAM_OS_BEFORE_THREADS(begin_cache)

static void lock_cache(void)
{
    begin_cache();
    loam_os_mutex_lock(&cache.lock);
}

/* ---- what the system refuses to take back ---- */

/* Notes a mapping without memory. Only address space can be lost here, and only when more threads
 * than there are places left have both a commit and the release after it refused at once. */
static void keep_bare(const loam_mapping *mapping)
{
    lock_cache();
    if (cache.bare_count < BARE_LIMIT)
        cache.bare[cache.bare_count++] = *mapping;
    unlock_cache();
}

/* The first page holds the link. */
static void keep_stuck(const loam_mapping *mapping)
{
    stuck_mapping *node = (stuck_mapping *)(void *)mapping->base;
    size_t page = loam_vm_page_size();
    loam_mapping copy = *mapping;

    if (copy.committed < page && !loam_vm_commit(copy.base, page)) {
        keep_bare(&copy);
        return;
    }
    copy.committed = loam_max(copy.committed, page);
    copy.dirty = loam_max(copy.dirty, page);
    loam_mark_undefined(node, sizeof *node);
    node->mapping = copy;
    lock_cache();
    node->next = cache.stuck;
    cache.stuck = node;
    unlock_cache();
}

static bool release_mapping(const loam_mapping *mapping)
{
    if (LOAM_UNLIKELY(watched))
        loam_mark_undefined(mapping->base, mapping->committed);
    if (loam_vm_release(mapping->base, mapping->size))
        return true;
    lock_cache();
    cache.refused++;
    unlock_cache();
    keep_stuck(mapping);
    return false;
}

static bool pop_stuck(loam_mapping *mapping)
{
    bool found = true;

    lock_cache();
    if (cache.bare_count > 0) {
        *mapping = cache.bare[--cache.bare_count];
    } else if (cache.stuck) {
        *mapping = cache.stuck->mapping;
        cache.stuck = cache.stuck->next;
    } else {
        found = false;
    }
    unlock_cache();
    return found;
}

/* Offers stuck mappings to the system again, until it refuses one. */
static size_t retry_stuck(void)
{
    loam_mapping mapping;
    size_t released = 0;

    while (pop_stuck(&mapping) && release_mapping(&mapping))
        released += mapping.size;
    return released;
}

static bool many_bare(void)
{
    bool many;

    lock_cache();
    many = cache.bare_count > BARE_MANY;
    unlock_cache();
    return many;
}

/* ---- entries; all of this under the lock ---- */

static bool commit_is_charged(void)
{
    return !(loam_vm_basics() & LOAM_VM_FREE_COMMIT);
}

/* What counts of a mapping (V1). */
static size_t held_by(const loam_mapping *mapping)
{
    return commit_is_charged() ? loam_max(mapping->dirty, mapping->committed) : mapping->dirty;
}

static bool fits(const loam_mapping *mapping, size_t size, size_t align, uint32_t kind)
{
    return mapping->size == size && mapping->kind == kind &&
           loam_padding(mapping->base, align) == 0;
}

static void remove_entry(size_t i, loam_mapping *out)
{
    *out = cache.entries[i].mapping;
    loam_atomic_store(&cache.held, cache.held - held_by(out));
    loam_atomic_store(&cache.count, cache.count - 1);
    if (i < cache.count)
        memmove(&cache.entries[i], &cache.entries[i + 1], (cache.count - i) * sizeof(kept));
}

static void evict_oldest(victims *out)
{
    remove_entry(0, &out->mappings[out->count++]);
}

static void evict_aged(uint64_t now, victims *out)
{
    while (cache.count > 0 && now - cache.entries[0].stamp > LOAM_VM_CACHE_AGE)
        evict_oldest(out);
}

/* Returns how many bytes went. */
static size_t release_victims(const victims *out)
{
    size_t released = 0;

    for (size_t i = 0; i < out->count; i++)
        released += release_mapping(&out->mappings[i]) ? out->mappings[i].size : 0;
    return released;
}

/* What is left for the entries (V1). */
static size_t entries_left(void)
{
    return LOAM_VM_CACHE_ENTRIES - (loam_registry_keeps() ? 1 : 0);
}

/* One entry always has its place. */
static size_t held_left(void)
{
    size_t warm = loam_ahead_warm();

    return LOAM_VM_CACHE_DIRTY - loam_min(warm, LOAM_VM_CACHE_DIRTY - LOAM_VM_CACHE_ENTRY_DIRTY);
}

static bool take_entry(size_t size, size_t align, uint32_t kind, loam_mapping *mapping)
{
    for (size_t i = cache.count; i-- > 0;) {
        if (fits(&cache.entries[i].mapping, size, align, kind)) {
            remove_entry(i, mapping);
            return true;
        }
    }
    return false;
}

/* All that a block needs in memory is better than to be new, and that is better than a part. */
static bool take_ahead(size_t size, size_t align, size_t least, bool huge, loam_mapping *mapping)
{
    size_t best = cache.count;

    for (size_t i = cache.count; i-- > 0;) {
        const loam_mapping *one = &cache.entries[i].mapping;

        if (one->kind != LOAM_MAPPING_AHEAD || one->size / 2 < size || one->dirty < least ||
            loam_padding(one->base, align) != 0 || (one->advised != 0 && !huge))
            continue;
        best = i;
        least = one->dirty + 1;
        if (one->dirty >= size)
            break;
    }
    if (best == cache.count)
        return false;
    remove_entry(best, mapping);
    return true;
}

static bool take_stuck(size_t size, size_t align, uint32_t kind, loam_mapping *mapping)
{
    for (stuck_mapping **link = &cache.stuck; *link; link = &(*link)->next) {
        if (fits(&(*link)->mapping, size, align, kind)) {
            *mapping = (*link)->mapping;
            *link = (*link)->next;
            return true;
        }
    }
    return false;
}

/* ---- the interface ---- */

bool loam_vm_cache_take(size_t size, size_t align, uint32_t kind, loam_mapping *mapping)
{
    bool found;

    lock_cache();
    found = take_entry(size, align, kind, mapping) ||
            (LOAM_UNLIKELY(cache.stuck != NULL) && take_stuck(size, align, kind, mapping));
    unlock_cache();
    if (LOAM_UNLIKELY(watched) && found)
        loam_mark_undefined(mapping->base, mapping->committed);
    return found;
}

bool loam_vm_cache_take_ahead(size_t size, size_t align, size_t least, bool huge,
                              loam_mapping *mapping)
{
    bool found;

    lock_cache();
    found = take_ahead(size, align, least, huge, mapping);
    unlock_cache();
    if (LOAM_UNLIKELY(watched) && found)
        loam_mark_undefined(mapping->base, mapping->committed);
    return found;
}

/* What no trim makes room for: more than the process may have, or than half of what x86-64 gives. */
static bool is_out_of_reach(size_t size, size_t align)
{
    size_t most = loam_min(loam_vm_address_space(), (size_t)1 << (sizeof(void *) >= 8 ? 46 : 31));
    size_t whole;

    return !loam_add_checked(size, align, &whole) || whole > most;
}

bool loam_vm_cache_reserve(size_t size, size_t least, size_t align, uint32_t kind,
                           loam_mapping *mapping)
{
    size_t got = 0;
    char *base = NULL;

    if (!many_bare() || (loam_vm_trim() > 0 && !many_bare()))
        base = (char *)loam_vm_reserve_ladder(size, least, align, &got);
    if (!base && !is_out_of_reach(least, align) && loam_vm_trim() > 0)
        base = (char *)loam_vm_reserve_ladder(size, least, align, &got);
    *mapping = (loam_mapping){.base = base, .size = got, .kind = kind};
    return base != NULL;
}

/* Decommitting may lose advice: it is given again, or not claimed any more. False iff neither. */
static bool renew_advice(loam_mapping *mapping, size_t from, size_t to)
{
    if (mapping->kind == LOAM_MAPPING_AHEAD)
        return loam_ahead_advise_again(mapping->base + from, to - from, mapping->advised != 0);
    if (commit_is_charged())
        mapping->advised = loam_min(mapping->advised, from);
    return true;
}

/* Gives back the memory of a mapping beyond what one entry may hold, where `left` are for all, and
 * others should have their place beside a big one; the cheap half of releasing. False iff it should
 * rather be released: it would be of no use without that memory, or there was a refusal. */
static bool trim_mapping(loam_mapping *mapping, size_t left)
{
    size_t least = LOAM_VM_CACHE_ENTRY_DIRTY;
    size_t keep = loam_max(loam_min(mapping->keep, left - least), least);
    size_t committed = mapping->committed;

    if (LOAM_LIKELY(held_by(mapping) <= keep))
        return true;
    if (mapping->kind == LOAM_MAPPING_PLAIN ||
        !loam_vm_decommit(mapping->base + keep, committed - keep))
        return false;
    mapping->dirty = loam_min(mapping->dirty, keep);
    mapping->committed = keep;
    return renew_advice(mapping, keep, committed);
}

bool loam_vm_cache_release(const loam_mapping *mapping)
{
    return release_mapping(mapping);
}

void loam_vm_cache_give(const loam_mapping *mapping)
{
    loam_mapping given = *mapping;
    size_t most_entries, most_held;
    uint64_t now;
    victims out;

    begin_cache();
    loam_ahead_age();
    most_entries = entries_left();
    most_held = held_left();
    if (!trim_mapping(&given, most_held)) {
        (void)release_mapping(&given);
        return;
    }
    if (LOAM_UNLIKELY(watched))
        loam_mark_dead(given.base, given.committed);
    out.count = 0;
    lock_cache();
    now = loam_os_milliseconds(); /* in here, so that stamps are in order (V2) */
    evict_aged(now, &out);
    while (cache.count >= most_entries || cache.held + held_by(&given) > most_held)
        evict_oldest(&out);
    cache.entries[cache.count].mapping = given;
    cache.entries[cache.count].stamp = now;
    loam_atomic_store(&cache.count, cache.count + 1);
    loam_atomic_store(&cache.held, cache.held + held_by(&given));
    unlock_cache();
    if (LOAM_UNLIKELY(out.count > 0))
        (void)release_victims(&out);
}

void loam_vm_cache_make_room(void)
{
    victims out;

    if (LOAM_LIKELY(loam_atomic_load(&cache.count) <= entries_left() &&
                    loam_atomic_load(&cache.held) <= held_left()))
        return;
    out.count = 0;
    lock_cache();
    while (cache.count > entries_left() || (cache.count > 0 && cache.held > held_left()))
        evict_oldest(&out);
    unlock_cache();
    (void)release_victims(&out);
}

size_t loam_vm_trim(void)
{
    size_t released = loam_ahead_trim() + retry_stuck();
    victims out;

    out.count = 0;
    lock_cache();
    while (cache.count > 0)
        evict_oldest(&out);
    unlock_cache();
    released += release_victims(&out);
    return released;
}

void loam_vm_trim_stats(loam_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    loam_ahead_trim_stats(stats);
    lock_cache();
    stats->committed += cache.held;
    stats->blocks += cache.count + cache.bare_count;
    stats->refused = cache.refused;
    for (size_t i = 0; i < cache.count; i++)
        stats->reserved += cache.entries[i].mapping.size;
    for (size_t i = 0; i < cache.bare_count; i++)
        stats->reserved += cache.bare[i].size;
    for (const stuck_mapping *node = cache.stuck; node; node = node->next) {
        stats->committed += node->mapping.dirty;
        stats->reserved += node->mapping.size;
        stats->blocks++;
    }
    unlock_cache();
}
