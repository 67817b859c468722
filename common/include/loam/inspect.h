/** @file loam/inspect.h
 * How a loam object is looked at: one shape of statistics, one walker, one checker, for all layers.
 *
 * Each layer has `loam_<layer>_stats`, `loam_<layer>_walk` and `loam_<layer>_check`, and they speak
 * in the terms of this header. None of them allocates.
 */
#ifndef LOAM_INSPECT_H
#define LOAM_INSPECT_H

#include <loam/base.h>

LOAM_BEGIN_DECLS

/** Figures of one object, all in bytes but the last four. A figure that a layer does not have is 0.
 *
 * `live <= peak`, `live + lost <= committed <= reserved` hold for every layer that owns its memory.
 */
typedef struct loam_stats {
    size_t live;        /**< Bytes handed out and not given back. */
    size_t peak;        /**< The most that `live` has been since init or a reset of the peak. */
    size_t committed;   /**< Bytes that the system (or the source) holds for the object now. */
    size_t reserved;    /**< Bytes of address space or of blocks that the object holds. */
    size_t lost;        /**< Bytes that no request can use now: alignment, rounding, block tails. */
    size_t metadata;    /**< Bytes of the object's own records. */
    size_t blocks;      /**< Count of live blocks, or of backing blocks where none are counted. */
    size_t allocations; /**< Count of requests met since init; 0 where that is not counted. */
    size_t failures;    /**< Count of requests refused since init. */
    size_t refused;     /**< Count of refusals by the system when giving memory back. */
} loam_stats;

/** What a piece of memory that a walk visits is. */
typedef enum loam_walk_kind {
    LOAM_WALK_LIVE,     /**< Handed out. */
    LOAM_WALK_FREE,     /**< Committed and free. */
    LOAM_WALK_RESERVED, /**< Address space without memory. */
    LOAM_WALK_METADATA  /**< Records of the object itself. */
} loam_walk_kind;

/** One piece of memory, as a walk shows it. */
typedef struct loam_walk_item {
    const void *address; /**< Where it starts. */
    size_t size;         /**< Its length in bytes, never 0. */
    loam_walk_kind kind; /**< What it is. */
} loam_walk_item;

/** Called for each piece of memory of a walk, in the order that the layer states.
 *
 * Returning false ends the walk. The callback must not change the object. */
typedef bool (*loam_walk_fn)(void *context, const loam_walk_item *item);

/** Called by a checker for each property that does not hold.
 *
 * `property` names it, such as "I2: committed end is not on a page", and is a constant text.
 * `where` is the address that it was found at. */
typedef void (*loam_check_fn)(void *context, const char *property, const void *where);

LOAM_END_DECLS

#endif
