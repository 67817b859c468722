/* budget.c: byte limits, alone and in groups.
 *
 *       game <- graphics <- textures <- alloc         a charge climbs from right to left
 *
 *   B1  used <= limit at every moment, as far as charges go (a limit may be set below what is
 * used); a charge is one compare-and-swap a level, never an addition that is taken back B2  a
 * charge that is refused at one level has been taken off all levels below it, and is in no peak B3
 * bytes are charged before the allocator below is asked and discharged after it has taken them
 * back, so used is never less than what is held there
 *
 * All figures are atomic, because a parent may have children in several threads.
 */
#include <loam/adapters.h>

#include "internal/adapter.h"
#include "internal/atomic.h"
#include "internal/bits.h"

static size_t limit_or_none(size_t limit)
{
    return limit == 0 ? SIZE_MAX : limit;
}

/* Takes bytes of one level's limit; `*used` is what is then used. False: they are not there. */
static bool take(loam_budget *budget, size_t bytes, size_t *used)
{
    size_t before = loam_atomic_load(&budget->used);

    do {
        size_t limit = loam_atomic_load(&budget->limit);

        if (before > limit || bytes > limit - before)
            return false;
    } while (!loam_atomic_swap_if(&budget->used, &before, before + bytes));
    *used = before + bytes;
    return true;
}

/* Charges a budget and its ancestors. Returns NULL, or the one that refused (B2). As deep as the
 * tree of budgets: the way back up is where each level learns that its peak was real. */
static loam_budget *charge(loam_budget *budget, size_t bytes)
{
    loam_budget *refused = NULL;
    size_t used;

    if (!take(budget, bytes, &used))
        return budget;
    if (budget->parent)
        refused = charge(budget->parent, bytes);
    if (refused)
        loam_atomic_sub(&budget->used, bytes);
    else
        loam_atomic_raise(&budget->peak, used);
    return refused;
}

static bool charge_or_tell(loam_budget *budget, size_t bytes)
{
    loam_budget *refused = charge(budget, bytes);

    if (!refused)
        return true;
    loam_atomic_add(&refused->refusals, 1);
    if (refused->on_refusal)
        refused->on_refusal(refused->context, refused, bytes);
    return false;
}

static void discharge(loam_budget *budget, size_t bytes, size_t blocks)
{
    for (; budget; budget = budget->parent) {
        loam_atomic_sub(&budget->used, bytes);
        loam_atomic_sub(&budget->blocks, blocks);
    }
}

static void *note_alloc(loam_budget *budget, void *ptr, size_t size)
{
    if (!ptr) {
        discharge(budget, size, 0);
        loam_atomic_add(&budget->failures, 1);
        return NULL;
    }
    for (; budget; budget = budget->parent) {
        loam_atomic_add(&budget->blocks, 1);
        loam_atomic_add(&budget->allocations, 1);
    }
    return ptr;
}

/* Counts a request that a limit has refused. */
static void *note_refusal(loam_budget *budget)
{
    loam_atomic_add(&budget->failures, 1);
    return NULL;
}

static void *budget_alloc(void *self, size_t size, size_t align)
{
    loam_budget *budget = self;

    if (!charge_or_tell(budget, size))
        return note_refusal(budget);
    return note_alloc(budget, budget->below.ops->alloc(budget->below.self, size, align), size);
}

static void *budget_zalloc(void *self, size_t size, size_t align)
{
    loam_budget *budget = self;

    if (!charge_or_tell(budget, size))
        return note_refusal(budget);
    return note_alloc(budget, budget->below.ops->zalloc(budget->below.self, size, align), size);
}

static void budget_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    loam_budget *budget = self;

    budget->below.ops->dealloc(budget->below.self, ptr, size, align);
    discharge(budget, size, 1);
}

/* Takes off what a change of size did not need: the growth if it was refused, else the shrinkage.
 */
static void settle(loam_budget *budget, bool done, size_t size, size_t new_size)
{
    if (done && new_size < size)
        discharge(budget, size - new_size, 0);
    if (!done && new_size > size)
        discharge(budget, new_size - size, 0);
}

static bool budget_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_budget *budget = self;
    bool done;

    if (new_size > size && !charge_or_tell(budget, new_size - size))
        return false;
    done = budget->below.ops->resize(budget->below.self, ptr, size, new_size, align);
    settle(budget, done, size, new_size);
    return done;
}

static void *budget_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_budget *budget = self;
    void *moved;

    if (new_size > size && !charge_or_tell(budget, new_size - size))
        return NULL;
    moved = budget->below.ops->remap(budget->below.self, ptr, size, new_size, align);
    settle(budget, moved != NULL, size, new_size);
    return moved;
}

static size_t budget_good_size(void *self, size_t size, size_t align)
{
    const loam_budget *budget = self;

    return budget->below.ops->good_size(budget->below.self, size, align);
}

static bool budget_owns(void *self, const void *ptr)
{
    const loam_budget *budget = self;

    return budget->below.ops->owns(budget->below.self, ptr);
}

void loam_budget_init(loam_budget *budget, loam_allocator below, const loam_budget_config *config)
{
    static const loam_allocator_ops all = {
        .alloc = budget_alloc,
        .dealloc = budget_dealloc,
        .zalloc = budget_zalloc,
        .resize = budget_resize,
        .remap = budget_remap,
        .good_size = budget_good_size,
        .owns = budget_owns,
        .name = "budget",
    };
    loam_budget_config defaults = {0};

    if (!config)
        config = &defaults;
    *budget = (loam_budget){
        .ops = loam_adapter_ops_over(&all, below),
        .below = below,
        .parent = config->parent,
        .limit = limit_or_none(config->limit),
        .on_refusal = config->on_refusal,
        .context = config->context,
    };
    if (config->tag)
        budget->ops.name = config->tag;
}

void loam_budget_deinit(loam_budget *budget)
{
    loam_budget_reset(budget);
    *budget = (loam_budget){0};
}

loam_allocator loam_budget_allocator(loam_budget *budget)
{
    return (loam_allocator){&budget->ops, budget};
}

bool loam_budget_charge(loam_budget *budget, size_t bytes)
{
    return charge_or_tell(budget, bytes);
}

void loam_budget_discharge(loam_budget *budget, size_t bytes)
{
    discharge(budget, bytes, 0);
}

void loam_budget_set_limit(loam_budget *budget, size_t limit)
{
    loam_atomic_store(&budget->limit, limit_or_none(limit));
}

void loam_budget_reset(loam_budget *budget)
{
    discharge(budget, loam_atomic_load(&budget->used), loam_atomic_load(&budget->blocks));
}

void loam_budget_reset_peak(loam_budget *budget)
{
    loam_atomic_store(&budget->peak, loam_atomic_load(&budget->used));
}

size_t loam_budget_available(const loam_budget *budget)
{
    size_t available = SIZE_MAX;

    for (; budget; budget = budget->parent) {
        size_t limit = loam_atomic_load(&budget->limit);
        size_t used = loam_atomic_load(&budget->used);

        if (limit != SIZE_MAX)
            available = loam_min(available, limit > used ? limit - used : 0);
    }
    return available;
}

size_t loam_budget_refusals(const loam_budget *budget)
{
    return loam_atomic_load(&budget->refusals);
}

void loam_budget_stats(const loam_budget *budget, loam_stats *stats)
{
    size_t limit = loam_atomic_load(&budget->limit);
    size_t used = loam_atomic_load(&budget->used);

    /* The peak is raised a moment after what it is the peak of. */
    *stats = (loam_stats){
        .live = used,
        .peak = loam_max(loam_atomic_load(&budget->peak), used),
        .reserved = limit == SIZE_MAX ? 0 : limit,
        .blocks = loam_atomic_load(&budget->blocks),
        .allocations = loam_atomic_load(&budget->allocations),
        .failures = loam_atomic_load(&budget->failures),
    };
}
