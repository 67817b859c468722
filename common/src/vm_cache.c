/* vm_cache.c: released mappings, kept a short while for whoever needs one like them.
 *
 *   entries[0 .. count)   kept by choice, oldest first; bounded in number, memory and age
 *   stuck                 kept because the system refused to take them back; a list through their
 *                         own first bytes, since nothing else may be allocated for it
 *
 *   V1  count <= LOAM_VM_CACHE_ENTRIES and the sum of dirty <= LOAM_VM_CACHE_DIRTY
 *   V2  entries are in the order of their stamps
 *   V3  system calls are made without the lock
 */
#include "internal/vm_cache.h"

#include "internal/bits.h"
#include "internal/mark.h"
#include "internal/os.h"

#include <string.h>

typedef struct kept {
    loam_mapping mapping;
    uint64_t stamp; /* milliseconds */
} kept;

typedef struct stuck_mapping {
    loam_mapping mapping;
    struct stuck_mapping *next;
} stuck_mapping;

static struct {
    loam_os_mutex lock;
    size_t count;
    size_t dirty; /* sum over the entries */
    kept entries[LOAM_VM_CACHE_ENTRIES];
    stuck_mapping *stuck;
    size_t refused;
} cache = {.lock = LOAM_OS_MUTEX_INIT};

/* Mappings taken out under the lock, to be released without it (V3). */
typedef struct victims {
    size_t count;
    loam_mapping mappings[LOAM_VM_CACHE_ENTRIES + 1];
} victims;

/* ---- fork: the child gets the cache whole ---- */

static void lock_cache(void)
{
    loam_os_mutex_lock(&cache.lock);
}

static void unlock_cache(void)
{
    loam_os_mutex_unlock(&cache.lock);
}

static loam_os_once fork_once = LOAM_OS_ONCE_INIT;

static void register_fork_hooks(void)
{
    static const loam_os_fork_hooks hooks = {lock_cache, unlock_cache, unlock_cache};

    (void)loam_os_on_fork(LOAM_OS_FORK_VM_CACHE, &hooks);
}

/* ---- what the system refuses to take back ---- */

/* The first page holds the link. One that has no page cannot be kept: only address space goes. */
static void keep_stuck(const loam_mapping *mapping)
{
    stuck_mapping *node = (stuck_mapping *)(void *)mapping->base;
    size_t page = loam_vm_page_size();
    loam_mapping copy = *mapping;

    lock_cache();
    cache.refused++;
    unlock_cache();
    if (copy.committed < page && !loam_vm_commit(copy.base, page))
        return;
    copy.committed = loam_max(copy.committed, page);
    copy.dirty = loam_max(copy.dirty, page);
    loam_mark_undefined(node, sizeof *node);
    node->mapping = copy;
    lock_cache();
    node->next = cache.stuck;
    cache.stuck = node;
    unlock_cache();
}

static void release_mapping(const loam_mapping *mapping)
{
    if (!loam_vm_release(mapping->base, mapping->size))
        keep_stuck(mapping);
}

static stuck_mapping *pop_stuck(void)
{
    stuck_mapping *node;

    lock_cache();
    node = cache.stuck;
    if (node)
        cache.stuck = node->next;
    unlock_cache();
    return node;
}

/* Offers stuck mappings to the system again, until it refuses one. */
static size_t retry_stuck(void)
{
    stuck_mapping *node;
    size_t released = 0;

    while ((node = pop_stuck()) != NULL) {
        loam_mapping mapping = node->mapping;

        if (!loam_vm_release(mapping.base, mapping.size)) {
            keep_stuck(&mapping);
            break;
        }
        released += mapping.size;
    }
    return released;
}

/* ---- entries; all of this under the lock ---- */

static bool fits(const loam_mapping *mapping, size_t size, size_t align, uint32_t kind)
{
    return mapping->size == size && mapping->kind == kind &&
           loam_padding(mapping->base, align) == 0;
}

static void remove_entry(size_t i, loam_mapping *out)
{
    *out = cache.entries[i].mapping;
    cache.dirty -= out->dirty;
    cache.count--;
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

static void release_victims(const victims *out)
{
    for (size_t i = 0; i < out->count; i++)
        release_mapping(&out->mappings[i]);
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
    return found;
}

bool loam_vm_cache_reserve(size_t size, size_t least, size_t align, uint32_t kind,
                           loam_mapping *mapping)
{
    size_t got;
    char *base = (char *)loam_vm_reserve_ladder(size, least, align, &got);

    if (!base && loam_vm_trim() > 0)
        base = (char *)loam_vm_reserve_ladder(size, least, align, &got);
    *mapping = (loam_mapping){.base = base, .size = got, .kind = kind};
    return base != NULL;
}

/* Gives back the memory of a mapping beyond what one entry may hold; the cheap half of releasing.
 */
static void trim_mapping(loam_mapping *mapping)
{
    size_t keep = loam_round_up(LOAM_VM_CACHE_ENTRY_DIRTY, loam_vm_page_size());

    if (mapping->kind == LOAM_MAPPING_PLAIN || mapping->dirty <= keep)
        return;
    if (loam_vm_decommit(mapping->base + keep, mapping->committed - keep))
        mapping->dirty = mapping->committed = keep;
}

void loam_vm_cache_give(const loam_mapping *mapping)
{
    loam_mapping given = *mapping;
    uint64_t now = loam_os_milliseconds();
    victims out;

    loam_os_once_run(&fork_once, register_fork_hooks);
    trim_mapping(&given);
    if (given.dirty > LOAM_VM_CACHE_DIRTY) {
        release_mapping(&given);
        return;
    }
    out.count = 0;
    lock_cache();
    evict_aged(now, &out);
    while (cache.count == LOAM_VM_CACHE_ENTRIES || cache.dirty + given.dirty > LOAM_VM_CACHE_DIRTY)
        evict_oldest(&out);
    cache.entries[cache.count].mapping = given;
    cache.entries[cache.count].stamp = now;
    cache.count++;
    cache.dirty += given.dirty;
    unlock_cache();
    if (LOAM_UNLIKELY(out.count > 0))
        release_victims(&out);
}

size_t loam_vm_trim(void)
{
    size_t released = retry_stuck();
    victims out;

    out.count = 0;
    lock_cache();
    while (cache.count > 0)
        evict_oldest(&out);
    unlock_cache();
    for (size_t i = 0; i < out.count; i++) {
        if (loam_vm_release(out.mappings[i].base, out.mappings[i].size))
            released += out.mappings[i].size;
        else
            keep_stuck(&out.mappings[i]);
    }
    return released;
}

void loam_vm_trim_stats(loam_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    lock_cache();
    stats->committed = cache.dirty;
    stats->blocks = cache.count;
    stats->refused = cache.refused;
    for (size_t i = 0; i < cache.count; i++)
        stats->reserved += cache.entries[i].mapping.size;
    for (const stuck_mapping *node = cache.stuck; node; node = node->next) {
        stats->committed += node->mapping.dirty;
        stats->reserved += node->mapping.size;
        stats->blocks++;
    }
    unlock_cache();
}
