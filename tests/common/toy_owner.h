/* toy_owner.h: a tiny allocator on granules, to prove that one can stand there.
 *
 * Blocks are powers of two from 16 bytes to 32 KiB, cut from slabs of one granule, or of eight for
 * the big ones; what is larger gets a run of its own. All that it knows about a slab is in the
 * opaque bytes of the slab's record, the class of a block is in the class byte, and a block is
 * freed by its address alone, whichever owner it came from: the record tells.
 *
 * toy_span is a source between a region and its users: it takes chunks, cuts runs out of them, and
 * keeps its free runs in the records.
 */
#ifndef LOAM_TEST_TOY_OWNER_H
#define LOAM_TEST_TOY_OWNER_H

#include <loam/region.h>

enum { TOY_CLASSES = 12, TOY_CLASS_LARGE = 255 };

typedef struct toy_owner {
    loam_granules source;
    loam_region *region;
    size_t partial[TOY_CLASSES]; /* first slab with room, a granule's number; SIZE_MAX: none */
    size_t live;                 /* blocks */
} toy_owner;

void toy_owner_init(toy_owner *owner, loam_granules source);

/* NULL iff the source refuses. */
void *toy_owner_alloc(toy_owner *owner, size_t size);

/* Whose is it? NULL for a pointer that is in no block of any toy owner in this region. */
toy_owner *toy_owner_of(const loam_region *region, const void *ptr);

/* Bytes of the block. */
size_t toy_owner_size(const loam_region *region, const void *ptr);

/* Frees a block of any owner. */
void toy_owner_free(const loam_region *region, void *ptr);

enum { TOY_SPAN_CHUNKS = 64 };

typedef struct toy_span {
    loam_region *region;
    size_t chunks[TOY_SPAN_CHUNKS]; /* first granules */
    size_t count;
} toy_span;

void toy_span_init(toy_span *span, loam_region *region);
loam_granules toy_span_granules(toy_span *span);

#endif
