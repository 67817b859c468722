/* blocks.h: a model of the blocks that an allocator has handed out.
 *
 * Keeps them in the order of their addresses, fills each with a pattern of its own, and tells
 * whether a new one overlaps an old one and whether a pattern is still there. Blocks above 8 KiB
 * are written at both ends and once in each 4 KiB, so that big ones cost little.
 *
 * Takes its own memory from malloc().
 */
#ifndef LOAM_TEST_BLOCKS_H
#define LOAM_TEST_BLOCKS_H

#include "support/test.h"

typedef struct test_block {
    unsigned char *ptr;
    size_t size;
    size_t align;
    uint64_t age;  /* blocks of one model are numbered as they come */
    uint64_t seed; /* of its pattern */
} test_block;

typedef struct test_blocks {
    test_block *items; /* in ascending order of address, disjoint */
    size_t count;
    size_t room;
    size_t bytes; /* the sum of all sizes */
    uint64_t ages;
} test_blocks;

void test_blocks_init(test_blocks *blocks);

/* Forgets all blocks; gives none back. */
void test_blocks_deinit(test_blocks *blocks);

/* Whether a range meets no block of the model. */
bool test_blocks_disjoint(const test_blocks *blocks, const void *ptr, size_t size);

/* Adds a block that is disjoint from all others and fills it. Returns its index. */
size_t test_blocks_add(test_blocks *blocks, void *ptr, size_t size, size_t align);

/* Takes a block out of the model. */
test_block test_blocks_remove(test_blocks *blocks, size_t index);

/* Index of the first block whose pattern is broken; `count` if all are intact. */
size_t test_blocks_broken(const test_blocks *blocks);

void test_block_fill(const test_block *block);

/* Whether the first `size` bytes of the pattern of `block` are at `ptr`. */
bool test_block_found_at(const test_block *block, const void *ptr, size_t size);

/* Whether the whole pattern is still there. */
bool test_block_intact(const test_block *block);

#endif
