/* blocks.h: which block of a program is at an address, and the slot that stands for it in a trace.
 *
 *   B1  all[s].address is 0 iff slot s is free; free slots are linked by `older`, the one that was
 *       freed last is reused first
 *   B2  `table` holds each live slot that has a place at or behind that of its address, without a gap
 *       in between; at most half of it is used
 *   B3  blocks of one owner are linked, oldest first, if they were put into a list
 */
#ifndef LOAM_RECORDER_BLOCKS_H
#define LOAM_RECORDER_BLOCKS_H

#include <loam/allocator.h>

/* No slot. */
#define LOAM_BLOCKS_NONE UINT32_MAX

typedef struct loam_blocks_one {
    uint64_t address;      /* B1 */
    uint64_t size;         /* as the program asked */
    uint64_t born;         /* which item of the trace filled the slot */
    uint32_t older, newer; /* B1, B3 */
} loam_blocks_one;

typedef struct loam_blocks {
    loam_allocator memory;
    loam_blocks_one *all; /* by slot */
    size_t count, room;   /* slots that were ever in use; that there is room for */
    uint32_t free;        /* B1 */
    uint32_t *table;      /* B2; LOAM_BLOCKS_NONE where there is none */
    size_t table_size;    /* a power of two */
} loam_blocks;

/* Takes no memory yet. */
void loam_blocks_init(loam_blocks *blocks, loam_allocator memory);
void loam_blocks_deinit(loam_blocks *blocks);

/* A slot for a block at this address, where there is none; LOAM_BLOCKS_NONE: no memory. */
uint32_t loam_blocks_add(loam_blocks *blocks, uint64_t address, uint64_t size);

/* The slot of the block at this address, or LOAM_BLOCKS_NONE. */
uint32_t loam_blocks_find(const loam_blocks *blocks, uint64_t address);

/* Frees a slot. */
void loam_blocks_remove(loam_blocks *blocks, uint32_t slot);

/* Takes a live block off its address, so that another one may be there, and puts it back to the same
 * or another one, where there is none. In between it keeps its slot and its old address. */
void loam_blocks_detach(loam_blocks *blocks, uint32_t slot);
void loam_blocks_attach(loam_blocks *blocks, uint32_t slot, uint64_t address);

#endif
