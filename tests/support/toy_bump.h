/* toy_bump.h: the simplest allocator that does not reclaim, over a buffer of the caller's.
 *
 * It stands in for an arena where a test must not depend on one: only the newest block can be given
 * back or resized in place, all others are lost until toy_bump_clear(). */
#ifndef LOAM_TEST_TOY_BUMP_H
#define LOAM_TEST_TOY_BUMP_H

#include <loam/allocator.h>

typedef struct toy_bump {
    unsigned char *low;
    unsigned char *next; /* low <= next <= high; the newest block ends here */
    unsigned char *high;
} toy_bump;

void toy_bump_init(toy_bump *bump, void *buffer, size_t size);

/* Forgets all blocks. */
void toy_bump_clear(toy_bump *bump);

/* Bytes between the start and the end of the newest block, lost ones included. */
size_t toy_bump_used(const toy_bump *bump);

/* A handle: no traits; alloc, dealloc, resize, owns. */
loam_allocator toy_bump_allocator(toy_bump *bump);

#endif
