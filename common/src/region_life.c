/* region_life.c: where a region's address space comes from, how it becomes memory, how it ends.
 *
 *   memory     [ granule 0 | 1 | ...           | committed |   reserved                    ]
 *   metadata   [ header | classes    | ready |     | records     | ready |                 ]
 *
 * Memory and metadata are two reservations, so that a write that runs off one does not reach the
 * other, and hardened builds can put distance between them. All three parts are committed as
 * prefixes, in one go: nothing of the region changes before the last call to the system has
 * succeeded. What was committed up to then is not counted, and committed again, which changes
 * nothing, by the next take that succeeds.
 *
 * All live regions are in a list, so that a fork finds every lock free in the child.
 */
#include "internal/atomic.h"
#include "internal/mark.h"
#include "internal/region_parts.h"
#include "internal/vm_backend.h"
#include "internal/vm_cache.h"

#include <string.h>

/* Where commit costs a system call and is charged, it is done in steps: 64 KiB of records serve
 * 64 MiB; memory begins with a granule, and doubles to a megabyte. */
static const size_t metadata_step = (size_t)1 << 16;
enum { STEP_LIMIT = 16 };

#if UINTPTR_MAX > 0xffffffffu
static const size_t default_reserve = (size_t)1 << 36;
#else
static const size_t default_reserve = (size_t)1 << 28;
#endif

/* ---- all regions, for fork ---- */

static struct {
    loam_os_mutex lock;
    bool hooked;         /* the fork hooks are registered */
    loam_region *newest; /* linked through `older` and `newer` */
} all = {.lock = LOAM_OS_MUTEX_INIT};

static void lock_all(void)
{
    loam_os_mutex_lock(&all.lock);
    for (loam_region *region = all.newest; region; region = region->older)
        loam_os_mutex_lock(loam_region_mutex(region));
}

static void unlock_all(void)
{
    for (loam_region *region = all.newest; region; region = region->older)
        loam_os_mutex_unlock(loam_region_mutex(region));
    loam_os_mutex_unlock(&all.lock);
}

/* Before any of these locks is taken, under which the cache may be used. Twice does no harm. */
static bool hook_forks(void)
{
    static const loam_os_fork_hooks hooks = {lock_all, unlock_all, unlock_all};

    if (!__atomic_load_n(&all.hooked, __ATOMIC_ACQUIRE) &&
        loam_os_on_fork(LOAM_OS_FORK_REGION, &hooks))
        __atomic_store_n(&all.hooked, true, __ATOMIC_RELEASE);
    return __atomic_load_n(&all.hooked, __ATOMIC_ACQUIRE);
}

static void link_region(loam_region *region)
{
    loam_os_mutex_lock(&all.lock);
    region->newer = NULL;
    region->older = all.newest;
    if (all.newest)
        all.newest->newer = region;
    all.newest = region;
    loam_os_mutex_unlock(&all.lock);
}

static void unlink_region(loam_region *region)
{
    loam_os_mutex_lock(&all.lock);
    if (region->newer)
        region->newer->older = region->older;
    else
        all.newest = region->older;
    if (region->older)
        region->older->newer = region->newer;
    loam_os_mutex_unlock(&all.lock);
}

/* ---- reservations ---- */

/* What the system refuses to take back is emptied, and left to the cache of released mappings,
 * which offers it again. It is handed out to nobody, since nobody asks for this kind. */
enum { MAPPING_REFUSED = UINT16_MAX };

static void release(void *ptr, size_t size)
{
    loam_mapping refused = {.base = (char *)ptr, .size = size, .kind = MAPPING_REFUSED};

    if (loam_vm_release(ptr, size))
        return;
    (void)loam_vm_decommit(ptr, loam_round_up(size, loam_vm_page_size()));
    loam_vm_cache_give(&refused);
}

/* Memory and metadata for it, or neither; what the first took may be what the second lacks. */
static bool reserve_both(loam_region *draft, size_t size, size_t least)
{
    for (;;) {
        loam_mapping memory, metadata;

        if (!loam_vm_cache_reserve(size, least, LOAM_REGION_CHUNK, LOAM_MAPPING_PLAIN, &memory))
            return false;
        draft->base = (uintptr_t)memory.base;
        draft->reserved = memory.size;
        draft->granules = loam_round_down(memory.size, LOAM_REGION_CHUNK) / LOAM_REGION_GRANULE;
        draft->metadata_size = draft->header + loam_region_class_bytes(draft->granules) +
                               loam_region_record_bytes(draft->granules, draft->stride);
        if (loam_vm_cache_reserve(draft->metadata_size, draft->metadata_size, loam_vm_page_size(),
                                  LOAM_MAPPING_PLAIN, &metadata)) {
            draft->metadata = metadata.base;
            draft->metadata_size = metadata.size;
            return true;
        }
        release(memory.base, memory.size);
        if (memory.size <= least)
            return false;
        size = loam_max(loam_round_down(memory.size / 2, LOAM_REGION_CHUNK), least);
    }
}

/* Rounds up to whole chunks, cut to what a region can have. */
static size_t whole_chunks(size_t size)
{
    const size_t most = LOAM_REGION_MAX_GRANULES * LOAM_REGION_GRANULE;

    return size >= most ? most : loam_round_up(size, LOAM_REGION_CHUNK);
}

static bool is_stride(size_t stride)
{
    return stride % LOAM_REGION_STRIDE_MIN == 0 && stride >= LOAM_REGION_STRIDE_MIN &&
           stride <= LOAM_REGION_STRIDE_MAX;
}

/* How much to reserve: from `least` up to the result. False iff the configuration can't be met. */
static bool sizes(const loam_region_config *config, size_t *reserve, size_t *least)
{
    *least = config->least ? config->least : LOAM_REGION_CHUNK;
    *reserve = config->reserve;
    if (*reserve == 0)
        *reserve = loam_max(loam_min(default_reserve, loam_vm_address_space() / 4), *least);
    if (config->least > *reserve || *least > LOAM_REGION_MAX_GRANULES * LOAM_REGION_GRANULE)
        return false;
    *reserve = whole_chunks(*reserve);
    *least = whole_chunks(*least);
    return true;
}

/* Sets a region up, on whatever storage. */
static bool prepare(loam_region *draft, const loam_region_config *config, size_t header)
{
    static const loam_region_config all_zero = {0};
    size_t reserve, least;

    if (!config)
        config = &all_zero;
    memset(draft, 0, sizeof *draft);
    draft->stride = config->stride ? config->stride : LOAM_REGION_STRIDE;
    draft->most = config->limit ? config->limit / LOAM_REGION_GRANULE : SIZE_MAX;
    draft->name = config->name ? config->name : "region";
    draft->header = header;
    draft->commit_step = loam_vm_basics() & LOAM_VM_FREE_COMMIT ? 0 : 1;
    if (!is_stride(draft->stride) || loam_vm_page_size() > LOAM_REGION_GRANULE ||
        !sizes(config, &reserve, &least) || !hook_forks() || !reserve_both(draft, reserve, least))
        return false;

    draft->classes = (uint8_t *)draft->metadata + header;
    draft->records =
        (uintptr_t)draft->classes + loam_region_class_bytes(draft->granules) + draft->stride;
    for (unsigned level = 0; level < LOAM_REGION_LEVELS_; level++)
        for (size_t bin = 0; bin < LOAM_REGION_BINS_; bin++)
            draft->bins[level][bin] = (uint32_t)LOAM_LINK_NONE;
    return true;
}

/* ---- life ---- */

bool loam_region_init(loam_region *region, const loam_region_config *config)
{
    if (!prepare(region, config, 0))
        return false;
    link_region(region);
    return true;
}

void loam_region_deinit(loam_region *region)
{
    /* A created region lies in its metadata and goes with it. */
    void *memory = loam_region_address(region, 0);
    void *metadata = region->metadata;
    size_t reserved = region->reserved;
    size_t metadata_size = region->metadata_size;

    unlink_region(region);
    loam_mark_undefined(memory, region->known);
    release(memory, reserved);
    release(metadata, metadata_size);
}

loam_region *loam_region_create(const loam_region_config *config)
{
    size_t header = loam_round_up(sizeof(loam_region), loam_vm_page_size());
    loam_region draft, *region;

    if (!prepare(&draft, config, header))
        return NULL;
    if (!loam_vm_commit(draft.metadata, header)) {
        release((void *)draft.base, draft.reserved);
        release(draft.metadata, draft.metadata_size);
        return NULL;
    }
    region = (loam_region *)draft.metadata;
    *region = draft;
    link_region(region);
    return region;
}

void loam_region_destroy(loam_region *region)
{
    if (region)
        loam_region_deinit(region);
}

/* ---- from address space to memory ---- */

/* How far a prefix of metadata is to be committed for `need` of its `whole` bytes. */
static size_t metadata_target(size_t ready, size_t need, size_t whole)
{
    size_t step = loam_vm_basics() & LOAM_VM_FREE_COMMIT ? loam_vm_page_size() : metadata_step;

    return need <= ready ? ready : loam_min(loam_round_up(need, step), whole);
}

static bool commit_prefix(void *base, size_t ready, size_t target)
{
    return target <= ready || loam_vm_commit((char *)base + ready, target - ready);
}

/* Commits granules [from, to), and the metadata of all granules below `to`. */
static bool commit(loam_region *region, size_t from, size_t to)
{
    size_t whole = loam_region_record_bytes(region->granules, region->stride);
    size_t classes =
        metadata_target(region->class_ready, to, loam_region_class_bytes(region->granules));
    size_t records = metadata_target(region->record_ready, (to + 2) * region->stride, whole);
    size_t known;

    if (!commit_prefix(region->classes, region->class_ready, classes) ||
        !commit_prefix((void *)(region->records - region->stride), region->record_ready, records) ||
        !loam_vm_commit(loam_region_address(region, from), (to - from) * LOAM_REGION_GRANULE))
        return false;

    /* From here on nothing can fail. */
    for (size_t i = from; i < loam_min(to, region->committed); i++) {
        loam_record *record = loam_region_record(region, i);
        unsigned state = loam_record_state(record);

        if (state & LOAM_REGION_DECOMMITTED) {
            loam_record_store(&record->extent, record->extent & ~(uint32_t)LOAM_REGION_DECOMMITTED);
            region->decommitted--;
        }
    }
    region->class_ready = classes;
    region->record_ready = records;
    region->committed = loam_max(region->committed, to);
    known = loam_min(loam_min(classes, records / region->stride - 2), region->granules);
    loam_atomic_store(&region->known, known * LOAM_REGION_GRANULE);
    return true;
}

bool loam_region_make_ready(loam_region *region, size_t start, size_t end)
{
    size_t from = start;
    size_t ahead;

    while (from < loam_min(end, region->committed) &&
           loam_record_own_level(loam_region_record(region, from)) != LOAM_REGION_COLD)
        from++;
    from = loam_min(from, region->committed);
    if (end <= region->committed)
        return from == end || commit(region, from, end);

    ahead = loam_max(end, loam_min(region->committed + region->commit_step, region->granules));
    if (!commit(region, from, ahead) && (ahead == end || !commit(region, from, end)))
        return false;
    region->commit_step = loam_min(region->commit_step * 2, STEP_LIMIT);
    return true;
}

/* ---- room ---- */

size_t loam_region_room_behind(loam_region *region, size_t index)
{
    size_t room = 0;

    loam_os_mutex_lock(loam_region_mutex(region));
    if (index >= region->frontier)
        room = region->granules - loam_min(index, region->granules);
    else if (loam_record_is_free(loam_region_record(region, index)))
        room = loam_record_length(loam_region_record(region, index));
    loam_os_mutex_unlock(loam_region_mutex(region));
    return room;
}

size_t loam_region_room_before(loam_region *region, size_t index)
{
    size_t room = 0;

    loam_os_mutex_lock(loam_region_mutex(region));
    if (index > 0 && index <= region->frontier &&
        loam_record_is_free(loam_region_record(region, index - 1)))
        room = index - loam_record_first(loam_region_record(region, index - 1));
    loam_os_mutex_unlock(loam_region_mutex(region));
    return room;
}
