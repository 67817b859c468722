/* puppet.h: an allocator for the tests of adapters, which does what it is told.
 *
 * It has every operation, counts the calls of each and remembers the last arguments, refuses when
 * told to, and breaks the contract in one of the ways of puppet_bug. Blocks come one after the
 * other from a buffer of its own and are never used again. Each occupies a multiple of PUPPET_STEP
 * bytes: within that it grows in place, and `remap` always moves it.
 */
#ifndef LOAM_TEST_PUPPET_H
#define LOAM_TEST_PUPPET_H

#include "support/test.h"

#include <loam/cache.h>

enum { PUPPET_STEP = 256, PUPPET_BYTES = 1 << 20 };

typedef enum puppet_bug {
    PUPPET_SOUND,
    PUPPET_MISALIGNED,     /* alloc is off by one byte */
    PUPPET_OVERLAPPING,    /* alloc gives memory in the middle of the newest block */
    PUPPET_SAME_AGAIN,     /* alloc gives the newest block once more */
    PUPPET_DIRTY_ZERO,     /* zalloc leaves a byte that is not zero */
    PUPPET_GROWS_OVER,     /* resize is true whatever lies behind the block */
    PUPPET_SPOILS_REFUSED, /* resize and remap refuse, and write into the block */
    PUPPET_LOSES_CONTENTS, /* remap moves the block without its contents */
    PUPPET_MOVES_OVER,     /* remap gives memory in the middle of the newest block */
    PUPPET_SETS_ERRNO,     /* dealloc changes errno */
    PUPPET_SMALL_GOOD,     /* good_size is less than what was asked */
    PUPPET_DENIES          /* owns is false for its own blocks */
} puppet_bug;

typedef struct puppet_calls {
    size_t alloc, zalloc, dealloc, resize, remap, good_size, owns, cache;
} puppet_calls;

typedef struct puppet {
    loam_allocator_ops ops; /* may be changed before an adapter is set up: slots, traits */
    puppet_calls calls;
    bool refuse;         /* alloc, zalloc, resize and remap say no */
    size_t refuse_above; /* ... to sizes above this; SIZE_MAX at first */
    puppet_bug bug;
    size_t spoil_at;                /* where PUPPET_SPOILS_REFUSED writes; SIZE_MAX: the middle */
    void (*on_call)(void *context); /* called at the start of alloc, resize, remap and dealloc */
    void *context;
    size_t last_size, last_new_size, last_align;
    size_t live; /* bytes, in the sizes that were asked for */
    size_t used; /* of the buffer */
    size_t newest;
    loam_cache shared;
    unsigned char *buffer; /* these three may be changed before the first call */
    size_t bytes;
    size_t step;
} puppet;

/* A sound puppet with every slot but `cache`, and the trait LOAM_RECLAIMS. Puppets live until the
 * process ends; at most 4 at a time have a buffer. */
void puppet_init(puppet *p);

loam_allocator puppet_allocator(puppet *p);

/* Writes a byte that nobody may write, unseen by AddressSanitizer and Valgrind. */
void poke(void *ptr, ptrdiff_t offset, unsigned char value);

/* Reads a byte that nobody may read, or that nobody has written, unseen by them. */
unsigned char peek(const void *ptr, ptrdiff_t offset);

#endif
