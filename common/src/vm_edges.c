/* vm_edges.c: unmapping that can't lose anything; see vm_edges.h.
 *
 * A place is free, claimed or full. There is no lock, so that a fork can't find one held: a child
 * that is forked while another thread has a claim has three places less.
 */
#define _GNU_SOURCE
#include "internal/vm_edges.h"

#include <sys/mman.h>

enum { PLACE_COUNT = 32 };
enum { PLACE_FREE, PLACE_CLAIMED, PLACE_FULL };

static struct {
    uint32_t state; /* touched atomically; the rest belongs to whoever has claimed it */
    void *ptr;
    size_t size;
} places[PLACE_COUNT];

static uint32_t full_places; /* touched atomically */

static bool claim_if(size_t i, uint32_t state)
{
    return __atomic_compare_exchange_n(&places[i].state, &state, PLACE_CLAIMED, false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void set_state(size_t i, uint32_t state)
{
    __atomic_store_n(&places[i].state, state, __ATOMIC_RELEASE);
}

void loam_vm_end_claim(loam_vm_claim *claim)
{
    while (claim->count > 0)
        set_state(claim->places[--claim->count], PLACE_FREE);
}

bool loam_vm_claim_places(loam_vm_claim *claim)
{
    claim->count = 0;
    for (size_t i = 0; i < PLACE_COUNT && claim->count < LOAM_VM_CLAIM; i++) {
        if (claim_if(i, PLACE_FREE))
            claim->places[claim->count++] = i;
    }
    if (claim->count == LOAM_VM_CLAIM)
        return true;
    loam_vm_end_claim(claim);
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
    set_state(i, PLACE_FULL);
    (void)__atomic_add_fetch(&full_places, 1, __ATOMIC_RELAXED);
}

void loam_vm_retry_unmap(void)
{
    bool taken = true;

    if (__atomic_load_n(&full_places, __ATOMIC_RELAXED) == 0)
        return;
    for (size_t i = 0; i < PLACE_COUNT && taken; i++) {
        if (!claim_if(i, PLACE_FULL))
            continue;
        taken = munmap(places[i].ptr, places[i].size) == 0;
        if (taken)
            (void)__atomic_sub_fetch(&full_places, 1, __ATOMIC_RELAXED);
        set_state(i, taken ? PLACE_FREE : PLACE_FULL);
    }
}
