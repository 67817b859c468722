/* stand.h: what a bucket array or a text builder stands on in a random test: one of several
 * allocators, behind a counter and something that refuses on purpose.
 *
 *     object under test -> failing -> counting -> libc, vm, split, checked libc, an arena
 */
#ifndef LOAM_TEST_VECTOR_STAND_H
#define LOAM_TEST_VECTOR_STAND_H

#include "support/test.h"

#include <loam/adapters.h>
#include <loam/arena.h>

typedef enum stand_kind {
    STAND_LIBC,
    STAND_VM,
    STAND_SPLIT,   /* small blocks from libc, others from vm */
    STAND_CHECKED, /* over libc: ends the program when a block comes back wrongly */
    STAND_ARENA,   /* a reservation */
    STAND_CHAIN,   /* an arena of blocks from libc */
    STAND_FIXED,   /* an arena in a buffer: it is full some day */
    STAND_CHECKED_ARENA,
    STAND_KINDS
} stand_kind;

enum { STAND_FIXED_SIZE = 4 << 20 };

typedef struct stand {
    stand_kind kind;
    loam_failing failing;
    loam_counting counting;
    loam_checked checked;
    loam_split split;
    loam_arena arena;
} stand;

const char *stand_name(stand_kind kind);

/* Sets one up, with nothing refused. Must not move. */
void stand_begin(stand *s, stand_kind kind);

/* Nothing may be live, where blocks are given back at all. */
void stand_end(stand *s);

loam_allocator stand_allocator(stand *s);

/* What is live, in blocks. */
size_t stand_blocks(const stand *s);

/* From now on every call for memory is refused, or each with this chance of a million; 0: none. */
void stand_press(stand *s, uint32_t per_million, uint64_t seed);

/* Refuses something from time to time. Returns whether it does now. */
bool stand_press_randomly(stand *s, test_rng *rng);

#endif
