/* remote.c: blocks that come from other threads.
 *
 *      inbox -> |link|3|n1|n2|n3|    |link|2|n1|n2|    |link|0|    -> none
 *
 * What is sent is a chain of *bundles*: a block that says how many others of its slab go with it, and
 * which these are, by their places. So the sender writes to one block in some thirty, and the owner,
 * who waits for each line that another processor wrote, waits for one. Blocks that must not be written
 * to, and those that are too small, are bundles of their own, with a link only.
 */
#include "pool_internal.h"

enum { COLLECT_BATCH = 2 * POOL_BUNDLE_MOST, BUNDLE_COUNT = sizeof(void *) / sizeof(uint16_t) };

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

/* Leaves a chain at its owner's door. In one order with what a thread does that ends: either it sees
 * the chain, or `sent` sees that it has ended. */
static void leave_chain(const loam_pool_class *cls, loam_pool_class *owner, void *newest,
                        void *oldest)
{
    void *seen = __atomic_load_n(&owner->inbox, __ATOMIC_RELAXED);

    do
        link_to(cls, oldest, seen);
    while (!__atomic_compare_exchange_n(&owner->inbox, &seen, newest, true, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED));
}

void loam_pool_send_all(pool_outbox *box)
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

/* The chain for an owner; makes room for a new one, whose `newest` is NULL. */
static size_t find_chain(pool_outbox *box, loam_pool_class *owner, void *block)
{
    size_t i = 0;

    while (i < box->count && box->chains[i].owner != owner)
        i++;
    if (i == OUTBOX_CHAINS) {
        loam_pool_send_all(box);
        i = 0;
    }
    if (i == box->count) {
        box->chains[i].owner = owner;
        box->chains[i].newest = NULL;
        box->chains[i].oldest = block;
        box->chains[i].slab = NULL;
        box->chains[i].blocks = 0;
        box->chains[i].numbers = 0;
        box->count++;
    }
    return i;
}

size_t loam_pool_put_in_outbox(pool_outbox *box, const loam_pool_slab *slab, void *const *blocks,
                               size_t count)
{
    const loam_pool_class *cls = box->cls;
    size_t i = find_chain(box, owner_of(slab), blocks[0]), done = 0;
    size_t numbers = box->chains[i].numbers;
    char *bundle = (char *)box->chains[i].newest;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): each block has a slab */
    uintptr_t base = (uintptr_t)slab->base;

    if (slab != box->chains[i].slab || numbers == cls->bundle) {
        link_to(cls, blocks[0], bundle);
        bundle = (char *)blocks[done++];
        box->chains[i].newest = bundle;
        box->chains[i].slab = slab;
        numbers = 0;
    }
    while (done < count && numbers < cls->bundle && (uintptr_t)blocks[done] - base < cls->slab_size)
        store_number(bundle, BUNDLE_COUNT + ++numbers, place_of(slab, blocks[done++]));
    if (cls->bundle != 0)
        store_number(bundle, BUNDLE_COUNT, (unsigned)numbers);
    box->chains[i].numbers = numbers;
    box->chains[i].blocks += done;
    box->blocks += done;
    return done;
}

void loam_pool_class_give_remote_n(loam_pool_class *cls, void *const *blocks, size_t count)
{
    pool_outbox box;

    if (count == 0)
        return;
    for (size_t i = 0; cls->watched && i < count; i++)
        loam_pool_watch_leave(cls, blocks[i], true);
    begin_outbox(&box, cls);
    for (size_t i = 0; i < count;)
        i += loam_pool_put_in_outbox(&box, slab_of(cls, blocks[i]), blocks + i, count - i);
    loam_pool_send_all(&box);
}

void loam_pool_class_give_remote(loam_pool_class *cls, void *block)
{
    loam_pool_class_give_remote_n(cls, &block, 1);
}

size_t loam_pool_open_bundle(const loam_pool_class *cls, void **chain, void **blocks)
{
    void *bundle = *chain, *next = linked(cls, bundle);
    size_t numbers = cls->bundle == 0 ? 0 : load_number(bundle, BUNDLE_COUNT);
    char *base = numbers == 0 ? NULL : slab_of(cls, bundle)->base;

    __builtin_prefetch(next);
    blocks[0] = bundle;
    for (size_t i = 0; i < numbers; i++)
        blocks[1 + i] = base + ((size_t)load_number(bundle, BUNDLE_COUNT + 1 + i) << UNIT_SHIFT);
    *chain = next;
    return 1 + numbers;
}

void *loam_pool_open_door(loam_pool_class *cls)
{
    __atomic_store_n(&cls->waiting, 0,
                     __ATOMIC_RELAXED); /* first: else one that comes is forgotten */
    return __atomic_exchange_n(&cls->inbox, NULL, __ATOMIC_SEQ_CST);
}

void loam_pool_bring_home(loam_pool_class *cls, void *chain)
{
    void *batch[COLLECT_BATCH];
    size_t count = 0;

    while (chain) {
        count += loam_pool_open_bundle(cls, &chain, batch + count);
        if (chain && count + POOL_BUNDLE_MOST <= COLLECT_BATCH)
            continue;
        if (cls->ties)
            cls->away -= count;
        loam_pool_give_all(cls, batch, count);
        count = 0;
    }
}
