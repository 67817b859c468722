/* tree_stand.h: what trees stand on in a random test: an allocator, mostly behind a counter and something
 * that refuses on purpose.
 *
 *     trees -> failing -> counting -> libc, checked libc, an arena, a pool
 *     trees -> a pool, whose lists they then share
 */
#ifndef LOAM_TEST_TREE_STAND_H
#define LOAM_TEST_TREE_STAND_H

#include "support/test.h"

#include <loam/adapters.h>
#include <loam/arena.h>
#include <loam/pool.h>

typedef enum tree_stand_kind {
    TREE_OVER_LIBC,
    TREE_OVER_CHECKED,
    TREE_OVER_ARENA,
    TREE_OVER_CHAIN, /* an arena of blocks from libc */
    TREE_OVER_POOL,
    TREE_ON_POOL, /* without anything in between */
    TREE_STANDS
} tree_stand_kind;

typedef struct tree_stand {
    tree_stand_kind kind;
    loam_failing failing;
    loam_counting counting;
    loam_checked checked;
    loam_arena arena;
    loam_pool pool;
} tree_stand;

const char *tree_stand_name(tree_stand_kind kind);

/* Sets one up, with nothing refused. Must not move. */
void tree_stand_begin(tree_stand *s, tree_stand_kind kind);

/* Nothing may be live, where blocks are given back at all. */
void tree_stand_end(tree_stand *s);

loam_allocator tree_stand_allocator(tree_stand *s);

/* From now on every call for memory is refused, or some are; or none. Returns whether any may be. */
bool tree_stand_press(tree_stand *s, bool all, bool some, uint64_t seed);

/* Calls for memory, refused ones as well, since it was last pressed. 0 on a pool. */
size_t tree_stand_calls(const tree_stand *s);

/* Live blocks. */
size_t tree_stand_blocks(const tree_stand *s);

#endif
