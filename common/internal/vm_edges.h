/* vm_edges.h: unmapping that can't lose anything, for the systems that trim a mapping to align it.
 *
 * munmap can be refused: a hole in the middle of a mapping makes two of one. What is refused costs
 * no memory, only address space; it is remembered, and offered again before the next reservation.
 * A place to remember it is claimed before anything is mapped that could need one.
 */
#ifndef LOAM_INTERNAL_VM_EDGES_H
#define LOAM_INTERNAL_VM_EDGES_H

#include <loam/base.h>

enum { LOAM_VM_CLAIM = 3 }; /* the most that one call can leave */

/* Places that were claimed for one call. */
typedef struct loam_vm_claim {
    size_t count;
    size_t places[LOAM_VM_CLAIM];
} loam_vm_claim;

/* Claims LOAM_VM_CLAIM places, waiting for other threads' claims to end. False iff too many are full;
 * then there is nothing to end. */
bool loam_vm_claim_places(loam_vm_claim *claim);

/* Frees the places that were not needed. */
void loam_vm_end_claim(loam_vm_claim *claim);

/* Unmaps, or remembers to. Size 0 is ignored. */
void loam_vm_unmap(loam_vm_claim *claim, void *ptr, size_t size);

/* Offers to the system again what it refused, until it refuses once more. */
void loam_vm_retry_unmap(void);

#endif
