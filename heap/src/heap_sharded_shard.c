/* heap_sharded_shard.c: one shard: its lock, its heap over runs of granules, and the blocks that others
 * leave at its door.
 */
#include "heap_sharded_internal.h"

#include "heap_internal.h"

#include "internal/mark.h"

/* ---- what a shard's heap stands on ---- */

static const loam_allocator_ops source, source_of_zeros;

/* A heap takes what it gets from a source that has `zalloc` for zero, and clears nothing there. Granules
 * that come here do or don't read zero, so the heap's source is, after each call, that of the two which
 * says what came. */
static void *source_alloc(void *self, size_t size, size_t align)
{
    loam_heap_shard_ *shard = (loam_heap_shard_ *)self;
    loam_granules_info info;
    void *ptr;

    if (align > LOAM_REGION_GRANULE)
        return NULL;
    ptr = loam_granules_take(shard->all->granules, granules_for(size), 1, LOAM_HEAP_KIND_SHARD,
                             shard, &info);
    if (!ptr)
        return NULL;
    shard->grew = loam_os_milliseconds();
    if (shard->heap)
        shard->heap->source.ops = info.dirty == 0 ? &source_of_zeros : &source;
    return ptr;
}

static void source_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    const loam_heap_shard_ *shard = (const loam_heap_shard_ *)self;

    (void)align;
    loam_granules_give(shard->all->granules, ptr, granules_for(size));
}

static size_t source_good_size(void *self, size_t size, size_t align)
{
    size_t good;

    (void)self;
    (void)align;
    return loam_round_up_checked(size, LOAM_REGION_GRANULE, &good) ? good : size;
}

static const loam_allocator_ops source = {
    .alloc = source_alloc,
    .dealloc = source_dealloc,
    .good_size = source_good_size,
    .name = "shard",
    .traits = LOAM_RECLAIMS,
};

static const loam_allocator_ops source_of_zeros = {
    .alloc = source_alloc,
    .dealloc = source_dealloc,
    .zalloc = source_alloc,
    .good_size = source_good_size,
    .name = "shard",
    .traits = LOAM_RECLAIMS,
};

static bool make_heap(loam_heap_shard_ *shard)
{
    const loam_heap_sharded *all = shard->all;
    loam_heap_config config = {
        .granule = all->granule, .region_size = all->region_size, .keep = all->keep};

    shard->heap = loam_heap_create((loam_allocator){&source, shard}, &config);
    return shard->heap != NULL;
}

void *loam_shard_alloc(loam_heap_shard_ *shard, size_t size, size_t align, bool zero)
{
    if (LOAM_UNLIKELY(!shard->heap) && !make_heap(shard))
        return NULL;
    if (zero)
        return loam_heap_zalloc_aligned(shard->heap, size, align);
    return align == 1 ? loam_heap_alloc(shard->heap, size)
                      : loam_heap_alloc_aligned(shard->heap, size, align);
}

/* ---- the door ---- */

static void push(loam_heap_shard_ *shard, void *ptr)
{
    void *top = __atomic_load_n(&shard->remote, __ATOMIC_RELAXED);

    do
        memcpy(ptr, &top, sizeof top);
    while (!__atomic_compare_exchange_n(&shard->remote, &top, ptr, true, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED));
}

static bool has_remote(const loam_heap_shard_ *shard)
{
    return LOAM_UNLIKELY(__atomic_load_n(&shard->remote, __ATOMIC_SEQ_CST) != NULL);
}

static LOAM_NOINLINE void take_in(loam_heap_shard_ *shard)
{
    void *ptr = __atomic_exchange_n(&shard->remote, NULL, __ATOMIC_ACQUIRE);

    while (ptr) {
        void *next;

        memcpy(&next, ptr, sizeof next);
        loam_heap_dealloc(shard->heap, ptr);
        shard->remotes++;
        ptr = next;
    }
}

/* ---- the lock ---- */

void loam_shard_enter(loam_heap_shard_ *shard)
{
    loam_os_mutex_lock(shard_mutex(shard));
    if (has_remote(shard))
        take_in(shard);
}

bool loam_shard_try(loam_heap_shard_ *shard)
{
    if (!loam_os_mutex_trylock(shard_mutex(shard)))
        return false;
    if (has_remote(shard))
        take_in(shard);
    return true;
}

/* Whoever left a block and found the lock held has gone. */
static LOAM_NOINLINE void look_again(loam_heap_shard_ *shard)
{
    while (has_remote(shard) && loam_os_mutex_trylock(shard_mutex(shard))) {
        take_in(shard);
        loam_os_mutex_unlock(shard_mutex(shard));
    }
}

void loam_shard_leave(loam_heap_shard_ *shard)
{
    loam_os_mutex_unlock(shard_mutex(shard));
    if (has_remote(shard))
        look_again(shard);
}

/* A tool knows how many bytes of a block may be written. A checked build verifies sizes under the lock.
 */
static bool may_wait_at_the_door(size_t size)
{
    return !loam_mark_wanted() && (!LOAM_CHECKS || size == SIZE_MAX);
}

void loam_shard_give(loam_heap_shard_ *shard, void *ptr, size_t size)
{
    if (LOAM_UNLIKELY(!loam_shard_try(shard))) {
        if (may_wait_at_the_door(size)) {
            push(shard, ptr);
            look_again(shard);
            return;
        }
        loam_shard_enter(shard);
    }
    if (size == SIZE_MAX)
        loam_heap_dealloc(shard->heap, ptr);
    else
        loam_heap_dealloc_sized(shard->heap, ptr, size);
    loam_shard_leave(shard);
}

/* ---- which one a thread keeps to ---- */

enum { PLACES = 8 };

typedef struct place {
    uint64_t number; /* of the sharded heap; 0: none */
    loam_heap_shard_ *shard;
} place;

#if defined(__ELF__) && (defined(__GNUC__) || defined(__clang__))
static __attribute__((tls_model("initial-exec"))) _Thread_local place places[PLACES];
#else
static _Thread_local place places[PLACES];
#endif

/* The shard of this processor, or the next one whose lock is free; if none is, waits for the first. */
static LOAM_NOINLINE loam_heap_shard_ *move(loam_heap_sharded *heap, place *mine)
{
    size_t first = loam_os_cpu() % heap->count;
    bool had = mine->number == heap->number;
    loam_heap_shard_ *shard = had ? mine->shard : &heap->shards[first];
    bool held = false;

    for (size_t i = 0; i < heap->count && !held; i++) {
        loam_heap_shard_ *other = &heap->shards[(first + i) % heap->count];

        held = loam_shard_try(other);
        if (held)
            shard = other;
    }
    if (!held)
        loam_shard_enter(shard);
    if (had && shard != mine->shard)
        loam_atomic_add(&heap->moves, 1);
    *mine = (place){heap->number, shard};
    return shard;
}

loam_heap_shard_ *loam_shard_mine(loam_heap_sharded *heap)
{
    place *mine = &places[heap->number % PLACES];

    if (LOAM_LIKELY(mine->number == heap->number) && LOAM_LIKELY(loam_shard_try(mine->shard)))
        return mine->shard;
    return move(heap, mine);
}
