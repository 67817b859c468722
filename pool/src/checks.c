/* checks.c: what a checked build and the tools know of each block.
 *
 * In a checked build each slab has one bit for each place, which is set while a live block starts
 * there, and free blocks that were used are filled with a byte. Bits are changed by atomic
 * instructions: a block that another thread gives is dead at once, though it comes home later.
 *
 * For the tools, a block in its slab is dead, and the slab's own bytes are not the user's.
 */
#include "pool_internal.h"

/* ---- bits ---- */

#if LOAM_CHECKS

static uint8_t *live_byte(const loam_pool_class *cls, const loam_pool_slab *slab, unsigned place)
{
    return (uint8_t *)slab->base + cls->live_bits + place / 8;
}

static bool set_live(const loam_pool_class *cls, const loam_pool_slab *slab, unsigned place)
{
    uint8_t bit = (uint8_t)(1u << place % 8);

    return (__atomic_fetch_or(live_byte(cls, slab, place), bit, __ATOMIC_RELAXED) & bit) == 0;
}

static bool clear_live(const loam_pool_class *cls, const loam_pool_slab *slab, unsigned place)
{
    uint8_t bit = (uint8_t)(1u << place % 8);

    return (__atomic_fetch_and(live_byte(cls, slab, place), (uint8_t)~bit, __ATOMIC_RELAXED) &
            bit) != 0;
}

/* ---- whose is it? ---- */

/* What a block of an allocator's slab tells by itself, where no list of slabs may be looked at: that a
 * slab with such blocks begins where it must. */
static loam_pool_slab *slab_by_header(const loam_pool_class *cls, const void *ptr)
{
    loam_pool_slab *slab = slab_in_header(cls, ptr);
    bool begins = (uintptr_t)slab->base == (uintptr_t)ptr >> cls->slab_shift << cls->slab_shift;

    return begins && owner_of(slab)->front.size == cls->front.size ? slab : NULL;
}

/* The slab of any pointer; NULL where it is in none of this source's that a look can tell. From
 * another thread (`remote`), and with ties, the class need not be the owner. */
static loam_pool_slab *find_slab(const loam_pool_class *cls, const void *ptr, bool remote)
{
    loam_region *region = cls->region;
    const loam_pool_class *owner;
    loam_record *record;
    loam_pool_slab *slab;

    if (!cls->granules.ops) /* with ties, all classes were asked before */
        return cls->ties || remote              ? slab_by_header(cls, ptr)
               : loam_pool_class_owns(cls, ptr) ? slab_in_header(cls, ptr)
                                                : NULL;
    if (!region)
        region = loam_granules_region(cls->granules, ptr);
    record = region ? loam_region_find(region, ptr) : NULL;
    if (!record || loam_record_kind(record) != LOAM_POOL_KIND_SLAB)
        return NULL;
    slab = slab_in_record(region, ptr, false); /* slabs of other classes may be longer */
    owner = owner_of(slab);
    if (owner->front.size != cls->front.size || owner->ties != cls->ties ||
        (owner != cls && !cls->ties && !remote) || owner->link != cls->link ||
        owner->slab_shift != cls->slab_shift || owner->careful != cls->careful)
        return NULL;
    return !cls->ties || cls->ties->related(cls, owner) ? slab : NULL;
}

/* Whether a block starts there that was ever used. */
static bool is_start(const loam_pool_class *cls, const loam_pool_slab *slab, const void *ptr)
{
    size_t first = (size_t)slab->first << UNIT_SHIFT, size = cls->front.size;
    size_t offset = (size_t)((const char *)ptr - slab->base), n;

    if (offset < first)
        return false;
    n = (offset - first) / size;
    if (cls->whole && first / cls->page != offset / cls->page)
        n = (cls->page - first % cls->page) / size +
            (offset / cls->page - first / cls->page - 1) * (cls->page / size) +
            offset % cls->page / size;
    return n < slab->known && offset_of(cls, first, n) == offset;
}

static void require_live(const loam_pool_class *cls, const void *block, bool remote)
{
    const loam_pool_slab *slab = find_slab(cls, block, remote);
    bool known = slab && (((uintptr_t)block & (UNIT - 1)) == 0);

    LOAM_REQUIRE(known, LOAM_MISUSE_FOREIGN_BLOCK, block);
    if (clear_live(cls, slab, place_of(slab, block)))
        return;
    LOAM_REQUIRE(!is_start(cls, slab, block), LOAM_MISUSE_DOUBLE_FREE, block);
    LOAM_REQUIRE(false, LOAM_MISUSE_FOREIGN_BLOCK, block);
}

/* ---- what is in a free block ---- */

static void fill(const loam_pool_class *cls, void *block)
{
    if (!cls->construct)
        memset(block, DEAD_BYTE, cls->front.size);
}

bool loam_pool_is_untouched(const loam_pool_class *cls, const void *block)
{
    const unsigned char *byte = (const unsigned char *)block;
    bool same = true;

    if (cls->construct)
        return true;
    loam_mark_live(block, cls->front.size);
    for (size_t i = 0; i < cls->front.size && same; i++)
        same = byte[i] == DEAD_BYTE;
    loam_mark_dead(block, cls->front.size);
    return same;
}

static void require_untouched(const loam_pool_class *cls, const loam_pool_slab *slab,
                              unsigned place)
{
    const void *block = at_place(slab, place);

    LOAM_REQUIRE(loam_pool_is_untouched(cls, block), LOAM_MISUSE_WRITE_AFTER_FREE, block);
}

static void look_at_number(void *context, unsigned place)
{
    const void *const *both = (const void *const *)context;

    require_untouched((const loam_pool_class *)both[0], (const loam_pool_slab *)both[1], place);
}

/* Those that have numbers, and those that were used before the slab was last empty. */
static void look_at_free(const loam_pool_class *cls, const loam_pool_slab *slab)
{
    const void *both[2] = {cls, slab};
    size_t first = (size_t)slab->first << UNIT_SHIFT;

    loam_pool_each_number(cls, slab, look_at_number, both);
    for (size_t n = slab->fresh; n < slab->known; n++)
        require_untouched(cls, slab, (unsigned)(offset_of(cls, first, n) >> UNIT_SHIFT));
}

#else

bool loam_pool_is_untouched(const loam_pool_class *cls, const void *block)
{
    (void)cls;
    (void)block;
    return true;
}

#endif

/* ---- the edges ---- */

void loam_pool_watch_take(loam_pool_class *cls, loam_pool_slab *slab, void *block)
{
    size_t size = cls->construct ? cls->link : cls->front.size;

#if LOAM_CHECKS
    unsigned place = place_of(slab, block);

    if (slab->untouched)
        slab->untouched = 0;
    else
        require_untouched(cls, slab, place);
    LOAM_REQUIRE(set_live(cls, slab, place), LOAM_MISUSE_BROKEN_ALLOCATOR, block);
#endif
    (void)slab;
    if (cls->construct)
        loam_mark_live(block, size);
    else
        loam_mark_undefined(block, size);
}

void loam_pool_watch_leave(loam_pool_class *cls, void *block, bool remote)
{
#if LOAM_CHECKS
    require_live(cls, block, remote);
#endif
    (void)remote;
    /* The link of a constructed block is not the user's, but ours to write. */
    loam_mark_live(block, cls->front.size);
}

void loam_pool_watch_give(loam_pool_class *cls, void *block)
{
#if LOAM_CHECKS
    fill(cls, block);
#endif
    loam_mark_dead(block, cls->front.size);
}

static void mark_blocks(const loam_pool_class *cls, const loam_pool_slab *slab,
                        void (*mark)(const void *, size_t))
{
    size_t first = (size_t)slab->first << UNIT_SHIFT;
    size_t end = offset_of(cls, first, cls->capacity - 1u) + cls->front.size;

    mark(slab->base + first, end - first);
}

void loam_pool_watch_begin(const loam_pool_class *cls, const loam_pool_slab *slab)
{
#if LOAM_CHECKS
    memset(slab->base + cls->live_bits, 0, cls->slab_size / ((size_t)UNIT * 8));
#endif
    mark_blocks(cls, slab, loam_mark_dead);
}

void loam_pool_watch_empty(const loam_pool_class *cls, const loam_pool_slab *slab)
{
#if LOAM_CHECKS
    look_at_free(cls, slab);
#endif
    (void)cls;
    (void)slab;
}

/* The source gets memory that anybody may use. */
void loam_pool_watch_end(const loam_pool_class *cls, const loam_pool_slab *slab)
{
#if LOAM_CHECKS
    look_at_free(cls, slab);
#endif
    loam_mark_undefined(slab->base, cls->slab_size);
}
