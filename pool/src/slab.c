/* slab.c: slabs: how they are laid out, where they come from, and the blocks in them.
 *
 * A slab from granules has its record outside and is all blocks:
 *
 *      |colour|block|block|block|block|......|block|rest|          colour + rest = slack
 *
 * One from an allocator begins with the record, at a multiple of 64 bytes that its address tells:
 *
 *      |......|record|block|block|block|.....|block|rest|
 *
 * Blocks that fit in a page don't straddle one where that wastes at most a 128th of it.
 */
#include "pool_internal.h"

enum {
    SLAB_LEAST = 1 << 10,
    SLAB_MOST = 256 << 10, /* places are 16 bits of UNIT bytes, and one is NOWHERE */
    SLAB_USUAL = 64 << 10,
    BLOCK_USUAL = 8 << 10,  /* the biggest block of a usual slab: eight of them fit */
    PAGE_WASTE = 128,       /* not straddling may waste one in so many bytes */
    FRONT_BYTES = 16 << 10, /* what a front may hold, unless */
    FRONT_LEAST = 2         /* that is less than so many blocks */
};

_Static_assert(SLAB_MOST >> UNIT_SHIFT <= NOWHERE, "each place fits in a number");

/* ---- layout ---- */

/* How many blocks fit between two places of a slab. */
static size_t blocks_between(const loam_pool_class *cls, size_t first, size_t end)
{
    size_t size = cls->front.size, page = cls->page, pages, rest;

    if (first >= end)
        return 0;
    if (!cls->whole || first + (page - first % page) >= end)
        return (end - first) / size;
    rest = page - first % page;
    pages = (end - first - rest) / page;
    return rest / size + pages * (page / size) + (end - first - rest) % page / size;
}

/* What stands behind the blocks, for so many of them. */
static size_t bytes_behind(const loam_pool_class *cls, size_t blocks)
{
    size_t bytes = cls->careful ? loam_round_up(blocks * sizeof(uint16_t), UNIT) : 0;

    return LOAM_CHECKS ? bytes + cls->slab_size / ((size_t)UNIT * 8) : bytes;
}

/* Where a block may start from an offset on: aligned, and where none straddles a page, in a page that
 * has room for it. */
static size_t place_from(const loam_pool_class *cls, size_t offset)
{
    size_t page = cls->page, place = loam_round_up(offset, cls->front.align);

    return cls->whole && place % page + cls->front.size > page ? loam_round_up(place, page) : place;
}

/* The latest place where the first block may be, without a colour of the slack. */
static size_t latest_first(const loam_pool_class *cls)
{
    if (cls->granules.ops)
        return 0;
    return place_from(cls, (size_t)cls->header_mask * HEADER_STEP + sizeof(loam_pool_slab));
}

/* As many blocks as fit, with what stands behind them. False iff that is not two. */
static bool plan_blocks(loam_pool_class *cls)
{
    size_t first = latest_first(cls), size = cls->front.size;
    size_t blocks = blocks_between(cls, first, cls->slab_size);
    size_t end, used;

    while (blocks > 0 &&
           blocks_between(cls, first, cls->slab_size - bytes_behind(cls, blocks)) < blocks)
        blocks--;
    if (blocks < 2)
        return false;
    cls->capacity = (uint16_t)blocks;
    end = cls->slab_size - bytes_behind(cls, blocks);
    cls->stack = end;
    cls->live_bits = end + (cls->careful ? loam_round_up(blocks * sizeof(uint16_t), UNIT) : 0);
    used = offset_of(cls, first, blocks - 1) + size;
    /* Where no block straddles a page, a colour could push one out of the first page. */
    cls->slack = cls->whole ? 0 : end - used;
    return true;
}

static bool choose_slab_size(loam_pool_class *cls, const loam_pool_class_config *config)
{
    size_t usual = cls->front.size <= BLOCK_USUAL ? SLAB_USUAL : SLAB_MOST;
    size_t slab = config->slab ? config->slab : usual;

    if (!loam_is_pow2(slab) || slab < SLAB_LEAST || slab > SLAB_MOST)
        return false;
    if (cls->granules.ops)
        slab = loam_max(slab, LOAM_REGION_GRANULE);
    cls->slab_size = slab;
    cls->slab_shift = loam_log2(slab);
    cls->header_mask = slab >= COLOURED ? HEADER_COLOURS - 1 : 0;
    return true;
}

/* The lowest bit of a size, or a page. */
static size_t natural_alignment(const loam_pool_class *cls, size_t size)
{
    return loam_min(size & (0 - size), cls->page);
}

static bool choose_block_size(loam_pool_class *cls, const loam_pool_class_config *config)
{
    size_t size = config->size, align = config->align, page = cls->page;

    if (size == 0 || size > LOAM_POOL_LARGEST ||
        (align != 0 && (!loam_is_pow2(align) || align > page)))
        return false;
    cls->link = 0;
    if (config->construct) { /* what links it while it travels is not the user's */
        cls->link = loam_round_up(size, UNIT);
        size = cls->link + UNIT;
        if (align == 0)
            align = loam_min(natural_alignment(cls, cls->link), LOAM_MAX_ALIGN);
    }
    size = loam_round_up(size, loam_max(align, UNIT));
    cls->front.size = size;
    cls->front.align = natural_alignment(cls, size);
    /* Where the size divides a page, no block straddles one anyway. */
    cls->whole = size < page && page % size != 0 && page % size <= page / PAGE_WASTE;
    return size <= LOAM_POOL_LARGEST + loam_max(align, (size_t)2 * UNIT);
}

/* A block that is sent can hold a link, a count, and behind these numbers of others, up to the end of a
 * cache line. */
static size_t most_in_bundle(const loam_pool_class *cls)
{
    size_t bytes = cls->careful ? 0 : loam_min(cls->front.size, HEADER_STEP);

    return bytes > BUNDLE_NUMBERS ? (bytes - BUNDLE_NUMBERS) / sizeof(uint16_t) : 0;
}

static void choose_front(loam_pool_class *cls, const loam_pool_class_config *config)
{
    size_t many = FRONT_BYTES / cls->front.size, wanted = config->front;
    size_t calm = config->keep ? config->keep : LOAM_POOL_CALM;

    many = loam_max(loam_min(many, LOAM_POOL_FRONT), FRONT_LEAST);
    if (wanted != 0)
        many = wanted == 1 ? 0 : loam_min(wanted, LOAM_POOL_FRONT);
    if (cls->watched)
        many = 0;
    loam_pool_set_front(cls, many, wanted == 0 ? calm : 0);
}

bool loam_pool_plan_slabs(loam_pool_class *cls, const loam_pool_class_config *config)
{
    cls->page = loam_vm_page_size();
    if (!choose_block_size(cls, config) || !choose_slab_size(cls, config))
        return false;
    cls->held = (uint16_t)loam_min(cls->front.size / sizeof(uint16_t) - 1, HELD_MOST);
    choose_front(cls, config);
    cls->bundle = (uint16_t)most_in_bundle(cls);
    cls->taken = &cls->own_taken;
    cls->keep = config->keep ? config->keep / cls->slab_size : 1;
    return plan_blocks(cls);
}

/* ---- lists ---- */

static void link_slab(loam_pool_class *cls, loam_pool_slab *slab, unsigned list)
{
    loam_pool_slab *head = cls->lists[list];

    slab->list = (uint8_t)list;
    slab->prev = NULL;
    slab->next = head;
    if (head)
        head->prev = slab;
    cls->lists[list] = slab;
    cls->empty += list == LIST_EMPTY;
}

static void unlink_slab(loam_pool_class *cls, loam_pool_slab *slab)
{
    if (slab->prev)
        slab->prev->next = slab->next;
    else
        cls->lists[slab->list] = slab->next;
    if (slab->next)
        slab->next->prev = slab->prev;
    cls->empty -= slab->list == LIST_EMPTY;
}

/* The list of a slab that has so many used blocks, and how many may come home before it leaves it. */
static unsigned choose_list(const loam_pool_class *cls, unsigned used, unsigned *margin)
{
    unsigned quarter = (cls->capacity + 3u) / 4;
    unsigned list = (unsigned)(used >= quarter) + (used >= 2 * quarter) + (used >= 3 * quarter);

    *margin = 0;
    if (used == 0)
        return LIST_EMPTY;
    if (used == cls->capacity)
        return LIST_FULL;
    *margin = used - (list == 0 ? 1 : list * quarter);
    return LIST_QUARTER + list;
}

/* An empty slab begins anew: its blocks come in the order of their addresses again. */
static void reset_slab(const loam_pool_class *cls, loam_pool_slab *slab)
{
    if (LOAM_UNLIKELY(cls->watched))
        loam_pool_watch_empty(cls, slab);
    slab->state = make_state(NOWHERE, cls->careful ? 0 : cls->held, 0, 0);
    slab->fresh = 0;
}

void loam_pool_relist(loam_pool_class *cls, loam_pool_slab *slab)
{
    uint64_t state = slab->state;
    unsigned margin, list = choose_list(cls, used_in(state), &margin);

    slab->state = make_state(holder_in(state), depth_in(state), used_in(state), margin);
    if (list == slab->list)
        return;
    unlink_slab(cls, slab);
    link_slab(cls, slab, list);
    if (list != LIST_EMPTY)
        return;
    reset_slab(cls, slab);
    if (cls->ties)
        cls->ties->emptied(cls);
    else if (cls->empty > cls->keep)
        loam_pool_drop_slab(cls, slab->next ? slab->next : slab);
}

void loam_pool_move_slab(loam_pool_class *from, loam_pool_class *to, loam_pool_slab *slab)
{
    unsigned used = used_in(slab->state);

    unlink_slab(from, slab);
    from->slabs--;
    *from->taken -= from->slab_size;
    from->out -= used;
    link_slab(to, slab, slab->list);
    to->slabs++;
    *to->taken += to->slab_size;
    to->out += used;
    to->peak = loam_max(to->peak, to->out);
    __atomic_store_n(&slab->owner, (void *)to, __ATOMIC_RELEASE);
    if (to->granules.ops) {
        loam_region *region =
            to->region ? to->region : loam_granules_region(to->granules, slab->base);

        loam_region_describe(region, loam_region_index(region, slab->base),
                             to->slab_size >> LOAM_REGION_GRANULE_SHIFT, LOAM_POOL_KIND_SLAB, to);
    }
}

/* ---- to and from the source ---- */

/* *dirty: all of it was in use before. */
static loam_pool_slab *take_granules(loam_pool_class *cls, char **base, bool *dirty)
{
    size_t count = cls->slab_size >> LOAM_REGION_GRANULE_SHIFT;
    loam_granules_info info;

    *base = (char *)loam_granules_take(cls->granules, count, 1, LOAM_POOL_KIND_SLAB, cls, &info);
    if (!*base)
        return NULL;
    if (info.region->stride < LOAM_REGION_STRIDE) {
        loam_granules_give(cls->granules, *base, count);
        return NULL;
    }
    *dirty = info.dirty >= count;
    return (loam_pool_slab *)loam_record_opaque(loam_region_record(info.region, info.index));
}

static loam_pool_slab *take_block(loam_pool_class *cls, char **base)
{
    *base = (char *)loam_alloc(cls->allocator, cls->slab_size, cls->slab_size);
    if (!*base)
        return NULL;
    return (loam_pool_slab *)(void *)(*base + header_offset(cls, (uintptr_t)*base));
}

/* The first block of slab number `colour`: steps of its alignment through the slack. */
static size_t choose_first(const loam_pool_class *cls, const loam_pool_slab *slab, const char *base,
                           unsigned colour)
{
    size_t header = cls->granules.ops ? 0 : (size_t)((const char *)(slab + 1) - base);
    size_t step = loam_max(cls->front.align, HEADER_STEP);
    size_t steps = cls->slack / step + 1;

    return place_from(cls, header) + colour % steps * step;
}

bool loam_pool_add_slab(loam_pool_class *cls)
{
    char *base;
    bool dirty = false;
    loam_pool_slab *slab =
        cls->granules.ops ? take_granules(cls, &base, &dirty) : take_block(cls, &base);

    if (!slab)
        return false;
    slab->base = base;
    slab->first = (uint16_t)(choose_first(cls, slab, base, cls->colour++) >> UNIT_SHIFT);
    slab->state = make_state(NOWHERE, cls->careful ? 0 : cls->held, 0, 0);
    slab->fresh = slab->untouched = 0;
    slab->known = (uint16_t)(dirty && !cls->careful ? cls->capacity : 0);
    __atomic_store_n(&slab->owner, (void *)cls, __ATOMIC_RELAXED);
    link_slab(cls, slab, LIST_EMPTY);
    cls->slabs++;
    *cls->taken += cls->slab_size;
    if (LOAM_UNLIKELY(cls->watched))
        loam_pool_watch_begin(cls, slab);
    return true;
}

static void destruct_blocks(loam_pool_class *cls, const loam_pool_slab *slab)
{
    size_t offset = (size_t)slab->first << UNIT_SHIFT;

    for (size_t i = 0; i < slab->known; i++) {
        if (cls->watched)
            loam_mark_live(slab->base + offset, cls->front.size);
        cls->destruct(cls->context, slab->base + offset);
        offset = next_offset(cls, offset);
    }
}

void loam_pool_drop_slab(loam_pool_class *cls, loam_pool_slab *slab)
{
    char *base = slab->base;

    unlink_slab(cls, slab);
    cls->slabs--;
    *cls->taken -= cls->slab_size;
    if (cls->destruct)
        destruct_blocks(cls, slab);
    if (LOAM_UNLIKELY(cls->watched))
        loam_pool_watch_end(cls, slab);
    if (cls->granules.ops)
        loam_granules_give(cls->granules, base, cls->slab_size >> LOAM_REGION_GRANULE_SHIFT);
    else
        loam_dealloc(cls->allocator, base, cls->slab_size, cls->slab_size);
}

/* ---- blocks out of a slab ---- */

static size_t take_from_stack(const loam_pool_class *cls, loam_pool_slab *slab, void **blocks,
                              size_t most)
{
    const char *stack = slab->base + cls->stack;
    size_t depth = depth_in(slab->state), count = loam_min(depth, most), from = depth - count;

    for (size_t i = 0; i < count; i++)
        blocks[i] = at_place(slab, load_number(stack, from + i));
    slab->state -= count * ONE_NUMBER;
    return count;
}

/* The newest holder's numbers, and where that is not enough, the holder itself, which is older. */
static size_t take_from_holder(const loam_pool_class *cls, loam_pool_slab *slab, void **blocks,
                               size_t most)
{
    char *holder = at_place(slab, holder_in(slab->state)), *base = slab->base;
    size_t depth = depth_in(slab->state), count = loam_min(depth, most), from = depth - count;
    size_t whole = count < most;

    for (size_t i = 0; i < count; i++)
        blocks[whole + i] = base + ((size_t)load_number(holder, 1 + from + i) << UNIT_SHIFT);
    slab->state -= count * ONE_NUMBER;
    if (whole) {
        blocks[0] = holder;
        slab->state = with_holder(slab->state, load_number(holder, 0), cls->held);
    }
    return whole + count;
}

/* How many of so many fresh blocks could be constructed, from the first one on. */
static size_t construct_blocks(const loam_pool_class *cls, const loam_pool_slab *slab, char *block,
                               size_t count)
{
    for (size_t i = 0; i < count; i++, block += cls->front.size) {
        if (slab->fresh + i < slab->known)
            continue;
        if (cls->watched)
            loam_mark_undefined(block, cls->front.size);
        if (!cls->construct(cls->context, block))
            return i;
    }
    return count;
}

/* How many of so many blocks lie in one piece from an offset on, as many in its page as begin there:
 * so memory is touched as it is needed. */
static size_t count_in_page(const loam_pool_class *cls, size_t offset, size_t most)
{
    size_t size = cls->front.size, in_page = cls->page - (offset & (cls->page - 1));

    if (most * size <= in_page)
        return most;
    return cls->whole ? in_page / size : (in_page + size - 1) / size;
}

/* The first one is taken first, so it comes last. */
static size_t take_fresh(const loam_pool_class *cls, loam_pool_slab *slab, void **blocks,
                         size_t most)
{
    size_t offset = offset_of(cls, (size_t)slab->first << UNIT_SHIFT, slab->fresh);
    size_t count = loam_min(most, (size_t)(cls->capacity - slab->fresh));
    char *block = slab->base + offset;

    if (cls->whole || slab->fresh + count > slab->known)
        count = count_in_page(cls, offset, count);
    if (cls->construct)
        count = construct_blocks(cls, slab, block, count);
    for (size_t i = count; i-- > 0; block += cls->front.size)
        blocks[i] = block;
    slab->untouched = slab->fresh >= slab->known;
    slab->fresh = (uint16_t)(slab->fresh + count);
    if (slab->known < slab->fresh)
        slab->known = slab->fresh;
    return count;
}

size_t loam_pool_take_from(loam_pool_class *cls, loam_pool_slab *slab, void **blocks, size_t most)
{
    size_t count;

    if (cls->careful && depth_in(slab->state) > 0)
        count = take_from_stack(cls, slab, blocks, most);
    else if (holder_in(slab->state) != NOWHERE)
        count = take_from_holder(cls, slab, blocks, most);
    else
        count = take_fresh(cls, slab, blocks, most);
    slab->state += count * ONE_USED;
    cls->out += count;
    cls->allocations += count;
    loam_pool_relist(cls, slab);
    return count;
}

/* ---- looking ---- */

void loam_pool_each_number(const loam_pool_class *cls, const loam_pool_slab *slab,
                           pool_number_fn visit, void *context)
{
    unsigned holder = holder_in(slab->state);
    size_t depth = depth_in(slab->state);

    for (size_t i = 0; cls->careful && i < depth; i++)
        visit(context, load_number(slab->base + cls->stack, i));
    /* What somebody wrote into a free block leads nowhere, and to an end. */
    for (size_t left = cls->capacity; !cls->careful && holder != NOWHERE && left > 0; left--) {
        const char *block = at_place(slab, holder);

        visit(context, holder);
        if (((size_t)holder << UNIT_SHIFT) + cls->front.size > cls->slab_size)
            return;
        for (size_t i = 0; i < depth; i++)
            visit(context, load_number(block, 1 + i));
        holder = load_number(block, 0);
        depth = cls->held;
    }
}
