/* pool_large.h: what pool.c and pool_allocator.c ask of pool_large.c. */
#ifndef LOAM_POOL_LARGE_H
#define LOAM_POOL_LARGE_H

#include <loam/pool.h>

#include "pool_internal.h"

/* The record of any pointer into the granules of a pool's source; NULL: nobody holds it. */
loam_record *loam_pool_record_at(const loam_pool *pool, const void *ptr);

/* Changes the size of a large block where it is. False: nothing changed. */
bool loam_pool_resize_large(loam_pool *pool, void *block, size_t size, size_t new_size,
                            size_t align);

/* Gives all large blocks of granules back. */
void loam_pool_end_large(loam_pool *pool);

bool loam_pool_walk_large(const loam_pool *pool, loam_walk_fn visit, void *context);

/* Whether the counts are those of the blocks. */
bool loam_pool_large_adds_up(const loam_pool *pool);

#endif
