/* vm_edges.c: unmapping that can't lose anything; see vm_edges.h.
 *
 * A place is free, full, or claimed by a process. There is no lock, so that a fork can't find one
 * held: what threads of its parent had claimed is free to a child, since they are not there. Who
 * finds too few free places waits for those that are claimed, which is for the length of a call or
 * two; only full ones are not waited for.
 */
#define _GNU_SOURCE
#include "internal/vm_edges.h"

#include "internal/os.h"

#include <sys/mman.h>
#include <unistd.h>

enum { PLACE_COUNT = 32, MOST_TRIES = 1 << 20 };
enum { PLACE_FREE, PLACE_FULL, PLACE_CLAIMED, PLACE_BITS = 2 };

static struct {
    uint32_t state; /* touched atomically; the rest belongs to whoever has claimed it */
    void *ptr;
    size_t size;
} places[PLACE_COUNT];

static uint32_t full_places; /* touched atomically */

static bool claim_if(size_t i, uint32_t state, uint32_t claimed)
{
    return __atomic_compare_exchange_n(&places[i].state, &state, claimed, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static void set_state(size_t i, uint32_t state)
{
    __atomic_store_n(&places[i].state, state, __ATOMIC_RELEASE);
}

static uint32_t claimed_by_us(void)
{
    return (uint32_t)getpid() << PLACE_BITS | PLACE_CLAIMED;
}

/* Claims a place that is free, or was claimed by a thread that a fork has left behind. */
static bool claim_place(size_t i, uint32_t claimed)
{
    uint32_t state = __atomic_load_n(&places[i].state, __ATOMIC_RELAXED);

    return state != PLACE_FULL && state != claimed && claim_if(i, state, claimed);
}

void loam_vm_end_claim(loam_vm_claim *claim)
{
    while (claim->count > 0)
        set_state(claim->places[--claim->count], PLACE_FREE);
}

static bool try_to_claim(loam_vm_claim *claim, uint32_t claimed)
{
    claim->count = 0;
    for (size_t i = 0; i < PLACE_COUNT && claim->count < LOAM_VM_CLAIM; i++) {
        if (claim_place(i, claimed))
            claim->places[claim->count++] = i;
    }
    if (claim->count == LOAM_VM_CLAIM)
        return true;
    loam_vm_end_claim(claim);
    return false;
}

bool loam_vm_claim_places(loam_vm_claim *claim)
{
    uint32_t claimed = claimed_by_us();

    for (int tries = 0; tries < MOST_TRIES; tries++) {
        if (try_to_claim(claim, claimed))
            return true;
        if (__atomic_load_n(&full_places, __ATOMIC_RELAXED) > PLACE_COUNT - LOAM_VM_CLAIM)
            return false;
        loam_os_yield();
    }
    return false;
}

void loam_vm_unmap(loam_vm_claim *claim, void *ptr, size_t size)
{
    size_t i;

    if (size == 0 || munmap(ptr, size) == 0)
        return;
    i = claim->places[--claim->count];
    places[i].ptr = ptr;
    places[i].size = size;
    (void)__atomic_add_fetch(&full_places, 1, __ATOMIC_RELAXED);
    set_state(i, PLACE_FULL);
}

void loam_vm_retry_unmap(void)
{
    uint32_t claimed;
    bool taken = true;

    if (__atomic_load_n(&full_places, __ATOMIC_RELAXED) == 0)
        return;
    claimed = claimed_by_us();
    for (size_t i = 0; i < PLACE_COUNT && taken; i++) {
        if (!claim_if(i, PLACE_FULL, claimed))
            continue;
        taken = munmap(places[i].ptr, places[i].size) == 0;
        if (taken)
            (void)__atomic_sub_fetch(&full_places, 1, __ATOMIC_RELAXED);
        set_state(i, taken ? PLACE_FREE : PLACE_FULL);
    }
}
