/* span_sharded.c: which shard meets a request, and which one gets a run back.
 */
#include "span_sharded_internal.h"

/* ---- the thread's shard ---- */

static LOAM_SPAN_TLS unsigned hint; /* modulo the count of shards; from 1 on, 0: none yet */

static size_t my_shard(const loam_span_sharded *sharded)
{
    if (hint == 0)
        hint = loam_os_cpu() + 1;
    return (hint - 1) % sharded->count;
}

/* Somebody is in the thread's shard: to that of the processor, or if it is that, to the next. */
static size_t move_on(const loam_span_sharded *sharded)
{
    unsigned cpu = loam_os_cpu();

    hint = cpu % sharded->count != (hint - 1) % sharded->count ? cpu + 1 : hint + 1;
    return my_shard(sharded);
}

/* The thread's shard, with its lock: whichever nobody is in, else waiting for it. */
static size_t enter(loam_span_sharded *sharded)
{
    size_t at = my_shard(sharded);

    for (size_t tries = 0; tries < sharded->count; tries++) {
        if (loam_os_mutex_trylock(loam_span_mutex(&sharded->shards[at])))
            return at;
        at = move_on(sharded);
    }
    loam_span_lock(&sharded->shards[at]);
    return at;
}

/* ---- taking ---- */

typedef bool (*stage_fn)(loam_span *span, loam_span_request *request);

static bool take_at(loam_span_sharded *sharded, size_t at, stage_fn stage,
                    loam_span_request *request)
{
    loam_span *shard = &sharded->shards[at];
    bool taken;

    loam_span_lock(shard);
    taken = stage(shard, request);
    loam_os_mutex_unlock(loam_span_mutex(shard));
    return taken;
}

/* Warm runs of shards that nobody is in. */
static bool take_from_others(loam_span_sharded *sharded, size_t mine, loam_span_request *request)
{
    for (size_t i = 1; i < sharded->count; i++) {
        loam_span *shard = &sharded->shards[(mine + i) % sharded->count];
        bool taken;

        if (loam_atomic_load(&shard->warm) + loam_atomic_load(&shard->front) < request->count ||
            !loam_os_mutex_trylock(loam_span_mutex(shard)))
            continue;
        taken = loam_span_take_warm(shard, request);
        loam_os_mutex_unlock(loam_span_mutex(shard));
        if (taken)
            return true;
    }
    return false;
}

static bool take_own(loam_span *shard, loam_span_request *request)
{
    return loam_span_take_clean(shard, request) || loam_span_take_whole(shard, request) ||
           loam_span_take_cheapest(shard, request) || loam_span_take_fresh(shard, request);
}

static bool take_any(loam_span *shard, loam_span_request *request)
{
    return loam_span_take_warm(shard, request) || loam_span_take_clean(shard, request) ||
           loam_span_take_whole(shard, request) || loam_span_take_cheapest(shard, request);
}

static bool give_empty(loam_span *shard, loam_span_request *request)
{
    (void)request;
    loam_span_give_empty(shard);
    return false;
}

/* Before a request is refused: every cache, every shard, every chunk. */
static LOAM_NOINLINE bool take_at_last(loam_span_sharded *sharded, size_t mine,
                                       loam_span_request *request)
{
    loam_sharded_drain(sharded, true);
    for (size_t i = 0; i < sharded->count; i++)
        if (take_at(sharded, (mine + i) % sharded->count, take_any, request))
            return true;
    for (size_t i = 0; i < sharded->count; i++)
        (void)take_at(sharded, i, give_empty, request);
    loam_atomic_store(&sharded->given, loam_span_now() | 1);
    if (take_at(sharded, mine, loam_span_take_fresh, request))
        return true;
    for (size_t i = 0; i < sharded->count; i++)
        if (take_at(sharded, (mine + i) % sharded->count, loam_span_take_joined, request))
            return true;
    return false;
}

static bool meet(loam_span_sharded *sharded, loam_span_request *request)
{
    size_t mine;
    bool taken;

    if (!loam_span_request_valid(request)) {
        loam_atomic_add(&sharded->failures, 1);
        return false;
    }
    if (loam_sharded_pop(sharded, request))
        return true;
    mine = enter(sharded);
    taken = loam_span_take_warm(&sharded->shards[mine], request);
    loam_os_mutex_unlock(loam_span_mutex(&sharded->shards[mine]));
    if (taken || take_from_others(sharded, mine, request) ||
        take_at(sharded, mine, take_own, request) || take_at_last(sharded, mine, request))
        return true;
    loam_atomic_add(&sharded->failures, 1);
    return false;
}

void *loam_span_sharded_take(loam_span_sharded *sharded, size_t count, size_t align, uint8_t kind,
                             void *owner, loam_granules_info *info)
{
    loam_span_request request = {
        .count = count, .align = align, .kind = kind, .owner = owner, .region = NULL};

    return meet(sharded, &request) ? loam_span_hand_out(&request, info) : NULL;
}

/* ---- giving ---- */

static const loam_span_words run_words = {LOAM_MISUSE_SPAN_FOREIGN, LOAM_MISUSE_REGION_DOUBLE_GIVE,
                                          LOAM_MISUSE_REGION_WRONG_LENGTH};
static const loam_span_words block_words = {LOAM_MISUSE_FOREIGN_BLOCK, LOAM_MISUSE_DOUBLE_FREE,
                                            LOAM_MISUSE_WRONG_SIZE};

/* The shard of a run that is out. Every run that comes back, or is resized, passes here. */
static loam_span *shard_of_run(loam_span_sharded *sharded, const void *ptr, size_t count,
                               size_t *ground, const loam_span_words *words)
{
    loam_span *shard = loam_shard_of(sharded, ptr, ground);

    LOAM_REQUIRE(shard, words->foreign, ptr);
    loam_span_require_run(shard, *ground, ptr, count, words);
    return shard;
}

static void give(loam_span_sharded *sharded, void *ptr, size_t count, const loam_span_words *words)
{
    size_t ground;
    loam_span *shard = shard_of_run(sharded, ptr, count, &ground, words);

    if (!loam_sharded_push(sharded, shard, ground, ptr, count))
        loam_span_give_at(shard, ground, ptr, count);
}

void loam_span_sharded_give(loam_span_sharded *sharded, void *ptr, size_t count)
{
    give(sharded, ptr, count, &run_words);
}

bool loam_span_sharded_resize_run(loam_span_sharded *sharded, void *ptr, size_t count,
                                  size_t new_count)
{
    size_t ground;
    loam_span *shard = shard_of_run(sharded, ptr, count, &ground, &run_words);

    return loam_span_resize_at(shard, ground, ptr, count, new_count);
}

/* ---- blocks ---- */

void *loam_span_sharded_alloc(loam_span_sharded *sharded, size_t size, size_t align)
{
    loam_span_request request = loam_span_block_request(size, align, sharded);

    return meet(sharded, &request) ? loam_span_hand_out(&request, NULL) : NULL;
}

void *loam_span_sharded_zalloc(loam_span_sharded *sharded, size_t size, size_t align)
{
    loam_span_request request = loam_span_block_request(size, align, sharded);

    return meet(sharded, &request) ? loam_span_hand_out_zero(&request) : NULL;
}

void loam_span_sharded_dealloc(loam_span_sharded *sharded, void *ptr, size_t size)
{
    give(sharded, ptr, loam_span_granules_of(size), &block_words);
}

bool loam_span_sharded_resize(loam_span_sharded *sharded, void *ptr, size_t size, size_t new_size)
{
    size_t ground, count = loam_span_granules_of(size);
    loam_span *shard = shard_of_run(sharded, ptr, count, &ground, &block_words);

    return loam_span_resize_at(shard, ground, ptr, count, loam_span_granules_of(new_size));
}

bool loam_span_sharded_owns(loam_span_sharded *sharded, const void *ptr)
{
    size_t ground = loam_span_ground(&sharded->shards[0], ptr);
    const loam_record *record;

    if (ground == LOAM_SPAN_REGIONS)
        return false;
    record = loam_region_find(sharded->shards[0].grounds[ground].region, ptr);
    return record && loam_record_kind(record) == LOAM_SPAN_KIND_BLOCK &&
           loam_record_owner(record) == sharded;
}

/* ---- the handles ---- */

static void *granules_take(void *self, size_t count, size_t align, uint8_t kind, void *owner,
                           loam_granules_info *info)
{
    return loam_span_sharded_take((loam_span_sharded *)self, count, align, kind, owner, info);
}

static void granules_give(void *self, void *ptr, size_t count)
{
    loam_span_sharded_give((loam_span_sharded *)self, ptr, count);
}

static loam_region *granules_region(void *self, const void *ptr)
{
    loam_span_sharded *sharded = (loam_span_sharded *)self;
    size_t ground;

    if (!ptr)
        return loam_sharded_seal(sharded);
    ground = loam_span_ground(&sharded->shards[0], ptr);
    return ground < LOAM_SPAN_REGIONS ? sharded->shards[0].grounds[ground].region : NULL;
}

static bool granules_resize(void *self, void *ptr, size_t count, size_t new_count)
{
    return loam_span_sharded_resize_run((loam_span_sharded *)self, ptr, count, new_count);
}

static size_t granules_purge(void *self, size_t budget)
{
    return loam_span_sharded_purge_step((loam_span_sharded *)self, budget);
}

loam_granules loam_span_sharded_granules(loam_span_sharded *sharded)
{
    static const loam_granules_ops ops = {
        .take = granules_take,
        .give = granules_give,
        .region = granules_region,
        .purge = granules_purge,
        .resize = granules_resize,
        .name = "span_sharded",
    };

    return (loam_granules){&ops, sharded};
}

static void *handle_alloc(void *self, size_t size, size_t align)
{
    return loam_span_sharded_alloc((loam_span_sharded *)self, size, align);
}

static void handle_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    (void)align;
    loam_span_sharded_dealloc((loam_span_sharded *)self, ptr, size);
}

static void *handle_zalloc(void *self, size_t size, size_t align)
{
    return loam_span_sharded_zalloc((loam_span_sharded *)self, size, align);
}

static bool handle_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    (void)align;
    return loam_span_sharded_resize((loam_span_sharded *)self, ptr, size, new_size);
}

static bool handle_owns(void *self, const void *ptr)
{
    return loam_span_sharded_owns((loam_span_sharded *)self, ptr);
}

loam_allocator loam_span_sharded_allocator(loam_span_sharded *sharded)
{
    static const loam_allocator_ops ops = {
        .alloc = handle_alloc,
        .dealloc = handle_dealloc,
        .zalloc = handle_zalloc,
        .resize = handle_resize,
        .good_size = loam_span_good_size,
        .owns = handle_owns,
        .name = "span_sharded",
        .traits = LOAM_RECLAIMS | LOAM_THREADSAFE,
    };

    return (loam_allocator){&ops, sharded};
}
