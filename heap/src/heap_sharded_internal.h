/* heap_sharded_internal.h: what the files heap_sharded*.c share.
 *
 *  X1  The heap of a shard is touched under the shard's lock only. Its list `remote` is not part of it:
 *      blocks there are live for the heap, and their first word is the link.
 *  X2  Each granule of a run that a shard's heap has is of kind SHARD, and its owner is the shard. Each
 *      of a big block is of kind BIG, and its owner is the sharded heap.
 *  X3  Big blocks are in a list through the opaque bytes of their heads, under the lock of the object.
 *  X4  Nobody who holds the lock of a shard waits for another one, nor for that of the object; a purge
 *      step waits for none.
 */
#ifndef LOAM_HEAP_SHARDED_INTERNAL_H
#define LOAM_HEAP_SHARDED_INTERNAL_H

#include <loam/heap_sharded.h>

#include "internal/atomic.h"
#include "internal/bits.h"
#include "internal/os.h"

/* In the record of a big block's first granule. */
typedef struct big_note {
    loam_record *next, *prev;
    loam_region *region;
    size_t size; /* asked for; at least 1 */
} big_note;

_Static_assert(sizeof(big_note) <= LOAM_REGION_STRIDE - sizeof(loam_record), "a record has room");
_Static_assert(sizeof(((loam_heap_sharded *)0)->lock) == sizeof(loam_os_mutex),
               "the public lock has room for the system layer's");

static inline loam_os_mutex *sharded_mutex(loam_heap_sharded *heap)
{
    return (loam_os_mutex *)(void *)&heap->lock;
}

static inline loam_os_mutex *shard_mutex(loam_heap_shard_ *shard)
{
    return (loam_os_mutex *)(void *)&shard->lock;
}

static inline big_note *note_of(loam_record *head)
{
    return (big_note *)loam_record_opaque(head);
}

static inline size_t granules_for(size_t size)
{
    return (size + LOAM_REGION_GRANULE - 1) >> LOAM_REGION_GRANULE_SHIFT;
}

/* The record of the granule that a pointer lies in, if the heap holds that; else NULL. */
loam_record *loam_sharded_record(const loam_heap_sharded *heap, const void *ptr);

/* The shard that a record belongs to; NULL: it is of a big block. */
static inline loam_heap_shard_ *shard_of(const loam_record *record)
{
    return loam_record_kind(record) == LOAM_HEAP_KIND_SHARD
               ? (loam_heap_shard_ *)loam_record_owner(record)
               : NULL;
}

/* ---- heap_sharded_shard.c ---- */

/* Locks a shard, and takes in what waits; gives the lock back, and takes in what came meanwhile. */
void loam_shard_enter(loam_heap_shard_ *shard);
bool loam_shard_try(loam_heap_shard_ *shard);
void loam_shard_leave(loam_heap_shard_ *shard);

/* Locks the shard that this thread keeps to, or moves to. */
loam_heap_shard_ *loam_shard_mine(loam_heap_sharded *heap);

/* A block of a shard, whose lock is held. NULL: neither its heap nor the source has it. */
void *loam_shard_alloc(loam_heap_shard_ *shard, size_t size, size_t align, bool zero);

/* Gives a block back to its shard; `size` is SIZE_MAX where it is not known. */
void loam_shard_give(loam_heap_shard_ *shard, void *ptr, size_t size);

/* ---- heap_sharded_big.c ---- */

void *loam_big_alloc(loam_heap_sharded *heap, size_t request, size_t align, bool zero);
void loam_big_dealloc(loam_heap_sharded *heap, loam_record *record, void *ptr, size_t size);
bool loam_big_resize(loam_heap_sharded *heap, loam_record *record, void *ptr, size_t size);

#endif
