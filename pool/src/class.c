/* class.c: blocks of one size: the front, and what happens when it is empty or full.
 *
 *     take -> front -> refill -> slabs, the fullest first -> an empty slab -> the source
 *     give -> front -> spill  -> slabs -> the source
 *
 *   P1  each slab is in the list that its count of used blocks says; empty ones are `empty` many, at
 *       most `keep` of them when nobody is in here
 *   P2  used + numbers + fresh ones = capacity, for each slab
 *   P3  each number is the place of a block before `fresh`, and no two are the same
 *   P4  out = sum of used
 *   P5  the front's blocks are out of their slabs; low == high where the class is watched (C1)
 *   P6  a slab without used blocks has no numbers: all its blocks are fresh
 *   P7  known >= fresh; where there is `construct`, so many blocks are constructed
 *   P8  the inbox is the only field that another thread writes, and what is linked there is out of
 *       its slab
 *   P9  a slab's owner is the class that has it in a list
 *   P10 in a checked build, free blocks that are not constructed are as they were left
 */
#include "pool_internal.h"

enum { OUTBOX_CHAINS = 4, COLLECT_BATCH = 32 };

/* ---- other threads ---- */

static void *linked(const loam_pool_class *cls, const void *block)
{
    void *next;

    memcpy(&next, (const char *)block + cls->link, sizeof next);
    return next;
}

static void link_to(const loam_pool_class *cls, void *block, void *next)
{
    memcpy((char *)block + cls->link, &next, sizeof next);
}

/* Leaves a chain of blocks at its owner's door. In one order with what a thread does that ends: either
 * it sees the chain, or `sent` sees that it has ended. */
static void leave_chain(const loam_pool_class *cls, loam_pool_class *owner, void *newest,
                        void *oldest)
{
    void *seen = __atomic_load_n(&owner->inbox, __ATOMIC_RELAXED);

    do
        link_to(cls, oldest, seen);
    while (!__atomic_compare_exchange_n(&owner->inbox, &seen, newest, true, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED));
}

/* Blocks that are about to be sent, in a chain for each owner. */
typedef struct outbox {
    const loam_pool_class *cls; /* any that knows the layout */
    size_t blocks;              /* that have been in it */
    size_t count;               /* of chains */
    struct {
        loam_pool_class *owner;
        void *newest;
        void *oldest;
        size_t blocks;
    } chains[OUTBOX_CHAINS];
} outbox;

static void send_all(outbox *box)
{
    for (size_t i = 0; i < box->count; i++) {
        loam_pool_class *owner = box->chains[i].owner;
        const loam_pool_ties *ties = owner->ties; /* it may end once it has its last block */

        leave_chain(box->cls, owner, box->chains[i].newest, box->chains[i].oldest);
        if (ties)
            ties->sent(owner, box->chains[i].blocks);
    }
    box->count = 0;
}

static LOAM_NOINLINE void put_in_outbox(outbox *box, loam_pool_class *owner, void *block)
{
    size_t i = 0;

    box->blocks++;
    while (i < box->count && box->chains[i].owner != owner)
        i++;
    if (i == OUTBOX_CHAINS) {
        send_all(box);
        i = 0;
    }
    if (i == box->count) {
        box->chains[i].owner = owner;
        box->chains[i].newest = NULL;
        box->chains[i].oldest = block;
        box->chains[i].blocks = 0;
        box->count++;
    }
    link_to(box->cls, block, box->chains[i].newest);
    box->chains[i].newest = block;
    box->chains[i].blocks++;
}

void loam_pool_class_give_remote_n(loam_pool_class *cls, void *const *blocks, size_t count)
{
    outbox box;

    if (count == 0)
        return;
    box.cls = cls;
    box.blocks = box.count = 0;
    for (size_t i = 0; i < count; i++) {
        if (LOAM_UNLIKELY(cls->watched))
            loam_pool_watch_leave(cls, blocks[i], true);
        put_in_outbox(&box, owner_of(slab_of(cls, blocks[i])), blocks[i]);
    }
    send_all(&box);
}

void loam_pool_class_give_remote(loam_pool_class *cls, void *block)
{
    loam_pool_class_give_remote_n(cls, &block, 1);
}

/* ---- into slabs ---- */

/* Notes a free block, whose slab has this state, at home. Returns the state after that. */
static inline uint64_t come_home(uint64_t state, unsigned held, char *base, void *block)
{
    unsigned place = (unsigned)((size_t)((char *)block - base) >> UNIT_SHIFT);
    char *holder = base + ((size_t)holder_in(state) << UNIT_SHIFT);

    if (LOAM_LIKELY(depth_in(state) != held)) {
        store_number(holder, 1 + (size_t)depth_in(state), place);
        return state + COMES_HOME;
    }
    store_number(block, 0, holder_in(state));
    return with_holder(state, place, 0) - ONE_USED - ONE_MARGIN;
}

static inline void set_state(loam_pool_class *cls, loam_pool_slab *slab, uint64_t state)
{
    slab->state = state;
    if (LOAM_UNLIKELY((int64_t)state < 0))
        loam_pool_relist(cls, slab);
}

/* As loam_pool_give_all() where a slab is one granule, and all lie in one region: the usual case, where
 * a block's address alone tells its granule and its place. Where blocks of the same slab are
 * `together`, its state is in a register for each stretch of them, since a store and a load of it
 * again for each block would take five cycles; where they are not, to look for stretches would cost
 * as much in mispredicted branches. */
LOAM_INLINE void give_granules(loam_pool_class *cls, void *const *blocks, size_t count,
                               bool together, outbox *box)
{
    const loam_region *region = cls->region;
    uintptr_t base = region->base, records = region->records + sizeof(loam_record);
    size_t stride = region->stride, i = 0;
    unsigned held = cls->held;

    while (i < count) {
        size_t granule = ((uintptr_t)blocks[i] - base) >> LOAM_REGION_GRANULE_SHIFT, from = i;
        char *start = (char *)(base + (granule << LOAM_REGION_GRANULE_SHIFT));
        loam_pool_slab *slab = (loam_pool_slab *)(records + granule * stride);
        loam_pool_class *owner = owner_of(slab);
        uint64_t state;

        if (LOAM_UNLIKELY(owner != cls)) {
            put_in_outbox(box, owner, blocks[i++]);
            continue;
        }
        state = slab->state;
        do
            state = come_home(state, held, start, blocks[i++]);
        while (together && i < count &&
               ((uintptr_t)blocks[i] - (uintptr_t)start) < LOAM_REGION_GRANULE);
        cls->out -= i - from;
        set_state(cls, slab, state);
    }
}

/* Whether two blocks lie in the same granule. */
static inline bool are_neighbours(const void *a, const void *b)
{
    return ((uintptr_t)a ^ (uintptr_t)b) < LOAM_REGION_GRANULE;
}

static void give_to_stack(loam_pool_class *cls, loam_pool_slab *slab, void *block)
{
    uint64_t state = slab->state;

    store_number(slab->base + cls->stack, depth_in(state), place_of(slab, block));
    set_state(cls, slab, state + COMES_HOME);
}

static void give_one_by_one(loam_pool_class *cls, void *const *blocks, size_t count, outbox *box)
{
    for (size_t i = 0; i < count; i++) {
        loam_pool_slab *slab = slab_of(cls, blocks[i]);
        loam_pool_class *owner = owner_of(slab);

        if (LOAM_UNLIKELY(owner != cls)) {
            put_in_outbox(box, owner, blocks[i]);
            continue;
        }
        if (cls->watched)
            loam_pool_watch_give(cls, blocks[i]);
        cls->out--;
        if (cls->careful)
            give_to_stack(cls, slab, blocks[i]);
        else
            set_state(cls, slab, come_home(slab->state, cls->held, slab->base, blocks[i]));
    }
}

void loam_pool_give_all(loam_pool_class *cls, void *const *blocks, size_t count)
{
    bool single = cls->slab_shift == LOAM_REGION_GRANULE_SHIFT;
    outbox box;

    if (count == 0)
        return;
    box.cls = cls;
    box.blocks = box.count = 0;
    if (LOAM_LIKELY(cls->region && single && !cls->careful)) {
        if (are_neighbours(blocks[0], blocks[count - 1]))
            give_granules(cls, blocks, count, true, &box);
        else
            give_granules(cls, blocks, count, false, &box);
    } else {
        give_one_by_one(cls, blocks, count, &box);
    }
    if (LOAM_UNLIKELY(box.blocks != 0)) {
        if (cls->ties)
            cls->away += box.blocks;
        send_all(&box);
    }
}

void loam_pool_collect(loam_pool_class *cls)
{
    void *batch[COLLECT_BATCH];
    size_t count = 0;
    void *block;

    __atomic_store_n(&cls->waiting, 0,
                     __ATOMIC_RELAXED); /* first: else one that comes is forgotten */
    block = __atomic_exchange_n(&cls->inbox, NULL, __ATOMIC_SEQ_CST);
    while (block) {
        batch[count++] = block;
        block = linked(cls, block);
        if (count < COLLECT_BATCH && block)
            continue;
        if (cls->ties)
            cls->away -= count;
        loam_pool_give_all(cls, batch, count);
        count = 0;
    }
}

static inline void collect_if_any(loam_pool_class *cls)
{
    if (LOAM_UNLIKELY(__atomic_load_n(&cls->inbox, __ATOMIC_RELAXED) != NULL))
        loam_pool_collect(cls);
}

void loam_pool_settle(loam_pool_class *cls)
{
    collect_if_any(cls);
    loam_pool_give_all(cls, cls->front.low, (size_t)(cls->front.top - cls->front.low));
    cls->front.top = cls->front.low;
}

/* ---- the front ---- */

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

static LOAM_NOINLINE void *refill(loam_cache *front)
{
    loam_pool_class *cls = class_of_front(front);
    size_t room = (size_t)(front->high - front->low);
    size_t wanted = loam_max((room + 1) / 2, 1), count;
    void **blocks = front->low;
    void *block;

    collect_if_any(cls);
    if (room == 0)
        blocks = &block;
    count = gather(cls, blocks, wanted);
    if (count == 0 && cls->ties && !cls->lists[LIST_EMPTY] && cls->ties->adopt(cls))
        count = gather(cls, blocks, wanted);
    /* A slab that gave nothing has a block that could not be constructed. */
    if (count == 0 && !fullest(cls) && (cls->lists[LIST_EMPTY] || loam_pool_add_slab(cls)))
        count = loam_pool_take_from(cls, cls->lists[LIST_EMPTY], blocks, wanted);
    if (LOAM_UNLIKELY(count == 0)) {
        while (cls->empty > cls->keep)
            loam_pool_drop_slab(cls, cls->lists[LIST_EMPTY]);
        cls->failures++;
        return NULL;
    }
    cls->peak = loam_max(cls->peak, cls->out - count + 1);
    if (LOAM_UNLIKELY(cls->watched))
        loam_pool_watch_take(cls, slab_of(cls, blocks[count - 1]), blocks[count - 1]);
    if (room != 0)
        front->top = front->low + count - 1;
    return blocks[count - 1];
}

static LOAM_NOINLINE void spill(loam_cache *front, void *block)
{
    loam_pool_class *cls = class_of_front(front);
    size_t room = (size_t)(front->high - front->low), half = (room + 1) / 2;

    if (LOAM_UNLIKELY(room == 0)) {
        if (cls->watched)
            loam_pool_watch_leave(cls, block, false);
        loam_pool_give_all(cls, &block, 1);
        return;
    }
    loam_pool_give_all(cls, front->low, half);
    memmove(front->low, front->low + half, (room - half) * sizeof *front->low);
    front->top = front->low + (room - half);
    *front->top++ = block;
}

/* ---- life ---- */

static bool find_source(loam_pool_class *cls, const loam_pool_class_config *config)
{
    cls->granules = config->granules;
    cls->allocator = config->allocator;
    cls->region = NULL;
    if (!config->granules.ops)
        return config->allocator.ops != NULL;
    cls->region = loam_granules_region(config->granules, NULL);
    return !cls->region || cls->region->stride >= LOAM_REGION_STRIDE;
}

bool loam_pool_class_init(loam_pool_class *cls, const loam_pool_class_config *config)
{
    memset(cls, 0, sizeof *cls);
    cls->front.refill = refill;
    cls->front.spill = spill;
    cls->construct = config->construct;
    cls->destruct = config->construct ? config->destruct : NULL;
    cls->context = config->context;
    cls->name = config->name ? config->name : "class";
    cls->watched = LOAM_CHECKS || loam_mark_wanted();
    cls->careful = cls->watched || config->construct;
    return find_source(cls, config) && loam_pool_plan_slabs(cls, config);
}

void loam_pool_class_deinit(loam_pool_class *cls)
{
    for (unsigned list = 0; list < LOAM_POOL_LISTS_; list++) {
        while (cls->lists[list])
            loam_pool_drop_slab(cls, cls->lists[list]);
    }
    memset(cls, 0, sizeof *cls);
}

size_t loam_pool_class_trim(loam_pool_class *cls)
{
    size_t slabs = cls->slabs;

    loam_pool_settle(cls);
    while (cls->lists[LIST_EMPTY])
        loam_pool_drop_slab(cls, cls->lists[LIST_EMPTY]);
    return (slabs - cls->slabs) * cls->slab_size;
}

/* ---- the handle ---- */

static bool serves(const loam_pool_class *cls, size_t size, size_t align)
{
    size_t most = cls->construct ? cls->link : cls->front.size;

    return size <= most && align <= cls->front.align;
}

static void *class_alloc(void *self, size_t size, size_t align)
{
    loam_pool_class *cls = (loam_pool_class *)self;

    return LOAM_LIKELY(serves(cls, size, align)) ? loam_pool_class_take(cls) : NULL;
}

static void class_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    (void)size;
    (void)align;
    loam_pool_class_give((loam_pool_class *)self, ptr);
}

static bool class_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    (void)ptr;
    (void)size;
    return serves((const loam_pool_class *)self, new_size, align);
}

static size_t class_good_size(void *self, size_t size, size_t align)
{
    const loam_pool_class *cls = (const loam_pool_class *)self;
    size_t most = cls->construct ? cls->link : cls->front.size;

    (void)align;
    return loam_max(size, most);
}

static bool class_owns(void *self, const void *ptr)
{
    return loam_pool_class_owns((const loam_pool_class *)self, ptr);
}

static loam_cache *class_cache(void *self, size_t size, size_t align)
{
    loam_pool_class *cls = (loam_pool_class *)self;

    return serves(cls, size, align) ? &cls->front : NULL;
}

loam_allocator loam_pool_class_allocator(loam_pool_class *cls)
{
    static const loam_allocator_ops ops = {
        .alloc = class_alloc,
        .dealloc = class_dealloc,
        .resize = class_resize,
        .good_size = class_good_size,
        .owns = class_owns,
        .cache = class_cache,
        .name = "pool class",
        .traits = LOAM_RECLAIMS,
    };

    return (loam_allocator){&ops, cls};
}
