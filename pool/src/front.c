/* front.c: the front of a class, and what happens when it is empty or full.
 *
 *     take -> front -> refill -> slabs, the fullest first -> an empty slab -> the source
 *     give -> front -> spill  -> slabs -> the source
 *
 * To give a block to its slab costs several times what the front does, and is done for one reason: a
 * slab that is empty can go. So where little memory could go, nothing is given: while the class is
 * *calm*, which means that its slabs, with all others of its pool, take no more than `calm` bytes, the
 * front grows until it holds all that is free. Where there is more, it holds one block for each so many
 * that are live, but `room` in any case. It outgrows `slots` to an array of its own.
 */
#include "pool_internal.h"

enum {
    LIVE_PART = 16,  /* one free block in the front for so many live ones */
    GROW_BY = 4,     /* so many times as big is the next array, */
    WIDE_LEAST = 512 /* which has places for so many blocks at least */
};

/* ---- how big it is ---- */

static size_t room_now(const loam_pool_class *cls)
{
    return (size_t)(cls->front.high - cls->front.low);
}

static size_t in_front(const loam_pool_class *cls)
{
    return (size_t)(cls->front.top - cls->front.low);
}

/* How many blocks it may hold as things are. Where there are threads, what an idle one keeps does not
 * grow with what is live, and a front that was made smaller stays so. */
static size_t most_now(const loam_pool_class *cls)
{
    if (*cls->taken <= cls->calm)
        return cls->most;
    if (cls->ties)
        return loam_min(cls->room, room_now(cls));
    return loam_max(loam_min((cls->out - in_front(cls)) / LIVE_PART, cls->most), cls->room);
}

static void **take_wide(const loam_pool_class *cls, size_t *bytes)
{
    if (!cls->granules.ops)
        return (void **)loam_alloc(cls->allocator, *bytes, LOAM_ALIGNOF(void *));
    *bytes = loam_round_up(*bytes, LOAM_REGION_GRANULE);
    return (void **)loam_granules_take(cls->granules, *bytes >> LOAM_REGION_GRANULE_SHIFT, 1,
                                       LOAM_POOL_KIND_LARGE, NULL, NULL);
}

/* Moves the front to other places, that have room for all that is in it. */
static size_t move_front(loam_pool_class *cls, void **places, size_t size)
{
    size_t count = in_front(cls), went = cls->wide_size;

    memcpy(places, cls->front.low, count * sizeof *places);
    if (cls->wide && cls->granules.ops)
        loam_granules_give(cls->granules, cls->wide, went >> LOAM_REGION_GRANULE_SHIFT);
    else if (cls->wide)
        loam_dealloc(cls->allocator, cls->wide, went, LOAM_ALIGNOF(void *));
    cls->wide = size == 0 ? NULL : places;
    cls->wide_size = size;
    cls->front.low = places;
    cls->front.top = places + count;
    return went;
}

size_t loam_pool_narrow(loam_pool_class *cls)
{
    size_t went = cls->wide ? move_front(cls, cls->slots, 0) : 0;

    cls->front.high = cls->front.low + cls->room;
    return went;
}

/* Makes a full front bigger, up to so many blocks. False: it stays as it is. */
static bool widen(loam_pool_class *cls, size_t most)
{
    size_t room = room_now(cls), places = cls->wide_size / sizeof(void *), bytes;
    void **wide;

    if (!cls->wide)
        places = LOAM_POOL_FRONT;
    if (room == places) {
        bytes = loam_max(loam_min(places * GROW_BY, most), WIDE_LEAST) * sizeof(void *);
        wide = take_wide(cls, &bytes);
        if (!wide)
            return false;
        (void)move_front(cls, wide, bytes);
        places = bytes / sizeof(void *);
    }
    cls->front.high = cls->front.low + loam_min(places, most);
    return true;
}

/* Makes a front smaller that has no more blocks than it may hold now. */
static void lessen(loam_pool_class *cls, size_t most)
{
    if (most <= LOAM_POOL_FRONT && cls->wide)
        (void)loam_pool_narrow(cls);
    cls->front.high = cls->front.low + most;
}

/* ---- it is empty ---- */

static loam_pool_slab *fullest(const loam_pool_class *cls)
{
    for (unsigned list = LIST_FULL; list-- > LIST_QUARTER;) {
        if (cls->lists[list])
            return cls->lists[list];
    }
    return NULL;
}

/* Blocks from slabs that are in use, as many as are wanted or there are. */
static size_t gather(loam_pool_class *cls, void **blocks, size_t wanted)
{
    size_t count = 0;
    loam_pool_slab *slab;

    while (count < wanted && (slab = fullest(cls)) != NULL) {
        bool fresh =
            holder_in(slab->state) == NOWHERE && (!cls->careful || depth_in(slab->state) == 0);
        size_t got = loam_pool_take_from(cls, slab, blocks + count, wanted - count);

        count += got;
        if (fresh)
            break; /* a page is enough */
    }
    return count;
}

/* The same, from any slab that there is or can be had. */
static size_t fetch(loam_pool_class *cls, void **blocks, size_t wanted)
{
    size_t count = gather(cls, blocks, wanted);

    if (count == 0 && cls->ties && !cls->lists[LIST_EMPTY] && cls->ties->adopt(cls))
        count = gather(cls, blocks, wanted);
    /* A slab that gave nothing has a block that could not be constructed. */
    if (count == 0 && !fullest(cls) && (cls->lists[LIST_EMPTY] || loam_pool_add_slab(cls)))
        count = loam_pool_take_from(cls, cls->lists[LIST_EMPTY], blocks, wanted);
    return count;
}

/* Makes sure that so many more blocks go into the front, if they may. */
static bool has_room(loam_pool_class *cls, size_t count)
{
    size_t most;

    if ((size_t)(cls->front.high - cls->front.top) >= count)
        return true;
    most = most_now(cls);
    return in_front(cls) + count <= most && room_now(cls) < most && widen(cls, most) &&
           (size_t)(cls->front.high - cls->front.top) >= count;
}

/* What others gave goes into the front, which is empty, and where that has no room to the slabs: so
 * what goes round between two threads is written nowhere that both of them look at. */
static LOAM_NOINLINE void take_in(loam_pool_class *cls)
{
    void *chain = loam_pool_open_door(cls);

    while (chain && has_room(cls, POOL_BUNDLE_MOST)) {
        size_t count = loam_pool_open_bundle(cls, &chain, cls->front.top);

        if (cls->ties)
            cls->away -= count;
        cls->front.top += count;
    }
    loam_pool_bring_home(cls, chain);
}

/* The source refused a slab: gives back what is kept, if anything. */
static bool relieve(loam_pool_class *cls)
{
    bool went;

    if (fullest(cls) || cls->lists[LIST_EMPTY])
        return false;
    went = cls->wide && loam_pool_narrow(cls) != 0;
    return (cls->relieve && cls->relieve(cls)) || went;
}

static LOAM_COLD void *refuse(loam_pool_class *cls)
{
    while (cls->empty > cls->keep)
        loam_pool_drop_slab(cls, cls->lists[LIST_EMPTY]);
    cls->failures++;
    return NULL;
}

static LOAM_NOINLINE void *refill(loam_cache *front)
{
    loam_pool_class *cls = class_of_front(front);
    size_t room, most = most_now(cls), wanted, count;
    void *block, **blocks;

    if (LOAM_UNLIKELY(most < room_now(cls)))
        lessen(cls, most);
    if (is_anything_at_door(cls)) {
        take_in(cls);
        if (front->top != front->low)
            return *--front->top;
    }
    room = room_now(cls);
    wanted = loam_max((loam_min(room, cls->room) + 1) / 2, 1);
    blocks = room == 0 ? &block : front->low;
    count = fetch(cls, blocks, wanted);
    if (LOAM_UNLIKELY(count == 0) && relieve(cls)) {
        blocks = room == 0 ? &block : front->low;
        count = fetch(cls, blocks, wanted);
    }
    if (LOAM_UNLIKELY(count == 0))
        return refuse(cls);
    cls->peak = loam_max(cls->peak, cls->out - count + 1);
    if (LOAM_UNLIKELY(cls->watched))
        loam_pool_watch_take(cls, slab_of(cls, blocks[count - 1]), blocks[count - 1]);
    if (room != 0)
        front->top = front->low + count - 1;
    return blocks[count - 1];
}

/* ---- it is full ---- */

static LOAM_NOINLINE void spill(loam_cache *front, void *block)
{
    loam_pool_class *cls = class_of_front(front);
    size_t room = room_now(cls), most, rest;

    if (LOAM_UNLIKELY(room == 0)) {
        if (cls->watched)
            loam_pool_watch_leave(cls, block, false);
        loam_pool_give_all(cls, &block, 1);
        return;
    }
    most = most_now(cls);
    if (most <= room || !widen(cls, most)) {
        most = loam_min(most, room);
        rest = most / 2;
        loam_pool_give_all(cls, front->low, room - rest);
        memmove(front->low, front->low + (room - rest), rest * sizeof *front->low);
        front->top = front->low + rest;
        if (most < room)
            lessen(cls, most);
    }
    *front->top++ = block;
}

void loam_pool_set_front(loam_pool_class *cls, size_t room, size_t calm)
{
    cls->front.refill = refill;
    cls->front.spill = spill;
    cls->room = room;
    cls->most = room == 0 ? 0 : loam_max(room, calm / cls->front.size);
    cls->calm = calm;
    cls->front.low = cls->front.top = cls->slots;
    cls->front.high = cls->slots + room;
}
