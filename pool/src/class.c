/* class.c: blocks of one size: how a class begins and ends, and how blocks go home.
 *
 *     take -> front -> refill -> slabs, the fullest first -> an empty slab -> the source
 *     give -> front -> spill  -> slabs -> the source
 *
 *   P1  each slab is in the list that its count of used blocks says; empty ones are `empty` many, at
 *       most `keep` of them when nobody is in here
 *   P2  used + numbers + fresh ones = capacity, for each slab
 *   P3  each number is the place of a block before `fresh`, and no two are the same
 *   P4  out = sum of used
 *   P5  the front's blocks are out of their slabs; low == high where the class is watched (C1); it is in
 *       `slots`, or in `wide`
 *   P6  a slab without used blocks has no numbers: all its blocks are fresh
 *   P7  known >= fresh; where there is `construct`, so many blocks are constructed
 *   P8  the inbox is the only field that another thread writes, and what is linked there is out of
 *       its slab
 *   P9  a slab's owner is the class that has it in a list
 *   P10 in a checked build, free blocks that are not constructed are as they were left
 */
#include "pool_internal.h"

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
                               bool together, pool_outbox *box)
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
            i += loam_pool_put_in_outbox(box, slab, &blocks[i], 1);
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

static void give_one_by_one(loam_pool_class *cls, void *const *blocks, size_t count,
                            pool_outbox *box)
{
    for (size_t i = 0; i < count; i++) {
        loam_pool_slab *slab = slab_of(cls, blocks[i]);
        loam_pool_class *owner = owner_of(slab);

        if (LOAM_UNLIKELY(owner != cls)) {
            (void)loam_pool_put_in_outbox(box, slab, &blocks[i], 1);
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
    pool_outbox box;

    if (count == 0)
        return;
    begin_outbox(&box, cls);
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
        loam_pool_send_all(&box);
    }
}

void loam_pool_settle(loam_pool_class *cls)
{
    if (is_anything_at_door(cls))
        loam_pool_collect(cls);
    loam_pool_give_all(cls, cls->front.low, (size_t)(cls->front.top - cls->front.low));
    cls->front.top = cls->front.low;
    (void)loam_pool_narrow(cls);
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
    cls->front.top = cls->front.low;
    (void)loam_pool_narrow(cls);
    memset(cls, 0, sizeof *cls);
}

size_t loam_pool_class_trim(loam_pool_class *cls)
{
    size_t held = cls->slabs * cls->slab_size + cls->wide_size;

    loam_pool_settle(cls);
    while (cls->lists[LIST_EMPTY])
        loam_pool_drop_slab(cls, cls->lists[LIST_EMPTY]);
    return held - cls->slabs * cls->slab_size - cls->wide_size;
}

/* ---- the handle ---- */

static bool serves(const loam_pool_class *cls, size_t size, size_t align)
{
    size_t most = cls->construct ? cls->link : cls->front.size;

    return size <= most && align <= cls->front.align;
}

static POOL_ENTRY void *class_alloc(void *self, size_t size, size_t align)
{
    loam_pool_class *cls = (loam_pool_class *)self;

    return LOAM_LIKELY(serves(cls, size, align)) ? loam_pool_class_take(cls) : NULL;
}

static POOL_ENTRY void class_dealloc(void *self, void *ptr, size_t size, size_t align)
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
