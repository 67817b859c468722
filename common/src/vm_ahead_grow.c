/* vm_ahead_grow.c: blocks of the page allocator change their size; see vm_ahead.h.
 *
 * Growing in the reservation commits, which costs nothing where commit is free. Beyond it the pages
 * move into a reservation that is again many times as big; where commit is charged they move into a
 * mapping of just that size, and the block is one like others from there on. Shrinking keeps the
 * memory of a quarter of the block behind it and gives back the rest, so that a size that goes up
 * and down costs little.
 */
#include "internal/vm_ahead.h"

#include "internal/bits.h"
#include "internal/mark.h"
#include "internal/vm_backend.h"

static bool can(loam_vm_capability capability)
{
    return (loam_vm_basics() & (uint32_t)capability) != 0;
}

/* After a growth: what nobody has used reads zero. */
static void mark_growth(const loam_ahead *one, const loam_ahead *old)
{
    size_t used;

    if (LOAM_LIKELY(!loam_ahead_watched))
        return;
    if (one->size > old->size) {
        used = loam_min(loam_max(old->dirty, old->size), one->size);
        loam_mark_undefined(one->base + old->size, used - old->size);
        loam_mark_live(one->base + used, one->size - used);
    }
    loam_ahead_mark_behind(one);
}

/* ---- in place ---- */

/* Most growth: what is needed is committed. Under the lock. */
static bool grow_at_once(loam_ahead *record, size_t size)
{
    if (size < record->size || size > record->reserved || loam_ahead_huge_is_due(record, size) ||
        loam_ahead_extent(record, size) > record->committed)
        return false;
    loam_registry_add_slack(loam_ahead_set_size(record, size));
    (void)loam_tails_note(record); /* it is a shorter one */
    return true;
}

static bool grow(loam_ahead *one, size_t size)
{
    if (size > one->reserved)
        return false;
    if (!loam_ahead_commit(one, size))
        return false;
    (void)loam_ahead_set_size(one, size);
    return true;
}

/* A quarter of the block may stay behind it, 256 KiB at least, as far as the tails have room for it
 * (H6). */
static void shrink(loam_ahead *one, size_t size)
{
    size_t step = one->huge ? loam_ahead_huge : loam_vm_page_size();
    size_t keep = loam_round_up(loam_max(LOAM_AHEAD_TAIL, size / 4), step);

    one->dirty = loam_max(one->dirty, loam_ahead_extent(one, one->size));
    (void)loam_ahead_set_size(one, size);
    loam_ahead_cut(one, loam_ahead_extent(one, size) + keep);
}

loam_ahead_answer loam_ahead_resize(void *ptr, size_t new_size)
{
    loam_ahead *record;
    loam_ahead old, one;
    bool done = true;

    loam_registry_lock();
    record = loam_registry_find(ptr);
    if (record) {
        old = *record;
        done = grow_at_once(record, new_size);
        if (done)
            mark_growth(record, &old);
    }
    loam_registry_unlock();
    if (!record)
        return LOAM_AHEAD_OTHER;
    if (!done && loam_ahead_take_out(ptr, &one)) {
        loam_ahead_unmark_behind(&one);
        done = new_size < one.size;
        if (done)
            shrink(&one, new_size);
        else
            done = grow(&one, new_size);
        mark_growth(&one, &old);
        loam_ahead_put_back(&one);
    }
    return done ? LOAM_AHEAD_DONE : LOAM_AHEAD_REFUSED;
}

/* ---- beyond the reservation ---- */

/* The block is not one of these any more. */
static void forget(void)
{
    loam_registry_lock();
    loam_registry_forget();
    loam_registry_unlock();
}

/* Ends what a block leaves behind, or has too much: a piece of odd size, which was advised, and that
 * nobody would ask for. */
static void end_rest(char *base, size_t size, size_t committed, size_t dirty)
{
    loam_mapping rest = {.base = base, .size = size, .committed = committed, .dirty = dirty};

    if (size > 0)
        (void)loam_vm_cache_release(&rest);
}

/* Moves a whole reservation into one that has room for a block: much room, or just that for one
 * growth, or none, as the system lets have. Returns how big it is then; 0: it did not move. */
static size_t move_pages(const loam_ahead *one, size_t size, char **moved)
{
    size_t much = loam_max(loam_ahead_choose_reserve(size), size);
    size_t rungs[] = {much, loam_min(much, 2 * size), size};

    for (size_t i = 0; i < 3; i++) {
        if (i > 0 && rungs[i] == rungs[i - 1])
            continue;
        *moved = (char *)loam_vm_remap(one->base, one->reserved, rungs[i]);
        if (*moved)
            return rungs[i];
    }
    return 0;
}

/* Where commit is free: the whole reservation moves and becomes a bigger one. Should it come to an
 * address that is not aligned (H1), for want of address space, it is cut down to the block.
 *
 *   |### block ###|........ old reservation |
 *   |### block ##################|................ new reservation .................|  elsewhere */
static char *move_reservation(loam_ahead *one, size_t size)
{
    size_t got = 0;
    char *moved;

    /* Nothing happens here, so there is nothing to write down (H2 if the move is refused). */
    if (one->committed == one->reserved ||
        loam_vm_commit(one->base + one->committed, one->reserved - one->committed))
        got = move_pages(one, size, &moved);
    if (got == 0)
        return NULL;
    if (loam_padding(moved, loam_ahead_unit()) != 0) {
        forget();
        end_rest(moved + size, got - size, got - size, 0);
        return moved;
    }
    one->base = moved;
    one->reserved = got;
    one->committed = loam_ahead_extent(one, size);
    (void)loam_ahead_set_size(one, size);
    loam_ahead_mark_behind(one);
    loam_ahead_put_back(one);
    return moved;
}

/* Where commit is charged: the block's own pages move. */
static char *move_block(const loam_ahead *one, size_t size)
{
    size_t old = one->size;
    char *moved = (char *)loam_vm_remap(one->base, old, size);

    if (!moved)
        return NULL;
    forget();
    end_rest(one->base + old, one->reserved - old, one->committed - old,
             one->dirty > old ? one->dirty - old : 0);
    return moved;
}

loam_ahead_answer loam_ahead_remap(void *ptr, size_t new_size, size_t align, void **moved)
{
    loam_ahead_answer answer = loam_ahead_resize(ptr, new_size);
    loam_ahead one;
    size_t old_size;
    char *base;

    *moved = ptr;
    /* The system may move it to any page, so only an alignment that every page has is kept. */
    if (answer != LOAM_AHEAD_REFUSED || !can(LOAM_VM_REMAP) ||
        align > loam_vm_reserve_granularity() || !loam_ahead_take_out(ptr, &one))
        return answer;
    old_size = one.size;
    loam_ahead_unmark_behind(&one);
    base = NULL;
    if (new_size > one.reserved) /* else memory was refused, not room */
        base = can(LOAM_VM_FREE_COMMIT) ? move_reservation(&one, new_size)
                                        : move_block(&one, new_size);
    if (!base) {
        loam_ahead_mark_behind(&one);
        loam_ahead_put_back(&one);
        return LOAM_AHEAD_REFUSED;
    }
    loam_mark_live(base + old_size, new_size - old_size);
    *moved = base;
    return LOAM_AHEAD_DONE;
}
