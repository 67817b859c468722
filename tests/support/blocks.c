/* blocks.c: see blocks.h. */
#include "support/blocks.h"

#include <stdlib.h>
#include <string.h>

enum { DENSE_LIMIT = 8192, EDGE = 1024, STRIDE = 4096 };

/* The pattern repeats a step within so many bytes; EDGE is a multiple of them. */
enum { RUN = 256, STEP = 7, STEP_INVERSE = 183 };

_Static_assert((STEP * STEP_INVERSE) % RUN == 1, "each value of a byte is so many steps from 0");

void test_blocks_init(test_blocks *blocks)
{
    memset(blocks, 0, sizeof *blocks);
}

void test_blocks_deinit(test_blocks *blocks)
{
    free(blocks->items);
    test_blocks_init(blocks);
}

/* Index of the first block that ends above an address. */
static size_t find_above(const test_blocks *blocks, uintptr_t address)
{
    size_t low = 0, high = blocks->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const test_block *block = &blocks->items[middle];

        if ((uintptr_t)block->ptr + block->size > address)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

bool test_blocks_disjoint(const test_blocks *blocks, const void *ptr, size_t size)
{
    size_t above = find_above(blocks, (uintptr_t)ptr);

    return above == blocks->count || (uintptr_t)ptr + size <= (uintptr_t)blocks->items[above].ptr;
}

static void make_room(test_blocks *blocks)
{
    if (blocks->count < blocks->room)
        return;
    blocks->room = blocks->room ? 2 * blocks->room : 64;
    blocks->items = realloc(blocks->items, blocks->room * sizeof *blocks->items);
    EXPECT(blocks->items != NULL);
}

size_t test_blocks_add(test_blocks *blocks, void *ptr, size_t size, size_t align)
{
    size_t at = find_above(blocks, (uintptr_t)ptr);

    make_room(blocks);
    memmove(blocks->items + at + 1, blocks->items + at,
            (blocks->count - at) * sizeof *blocks->items);
    blocks->ages++;
    blocks->items[at] =
        (test_block){ptr, size, align, blocks->ages, blocks->ages * 0x9e3779b97f4a7c15u};
    blocks->count++;
    blocks->bytes += size;
    test_block_fill(&blocks->items[at]);
    return at;
}

test_block test_blocks_remove(test_blocks *blocks, size_t index)
{
    test_block block = blocks->items[index];

    blocks->count--;
    blocks->bytes -= block.size;
    memmove(blocks->items + index, blocks->items + index + 1,
            (blocks->count - index) * sizeof *blocks->items);
    return block;
}

size_t test_blocks_broken(const test_blocks *blocks)
{
    size_t i = 0;

    while (i < blocks->count && test_block_intact(&blocks->items[i]))
        i++;
    return i;
}

/* ---- patterns ---- */

static unsigned char pattern(const test_block *block, size_t at)
{
    return (unsigned char)((block->seed >> 32) + at * STEP + (at >> 8) * 31 + (at >> 16) * 5);
}

/* The next place behind `at` that is written; SIZE_MAX stands before the first. */
static size_t next_place(const test_block *block, size_t at)
{
    size_t next = at + 1;

    if (block->size <= DENSE_LIMIT || next < EDGE || next >= block->size - EDGE)
        return next;
    next = (next + STRIDE - 1) / STRIDE * STRIDE;
    return next < block->size - EDGE ? next : block->size - EDGE;
}

/* How many bytes are written in one piece from a place on, up to the end of its run or to `size`. */
static size_t piece_at(const test_block *block, size_t at, size_t size)
{
    size_t end = at / RUN * RUN + RUN;

    if (block->size > DENSE_LIMIT && at >= EDGE && at < block->size - EDGE)
        return 1;
    return (end < size ? end : size) - at;
}

/* All bytes of a pattern that differ by one step each, twice. */
#define BYTE(i)    ((unsigned char)((i)*STEP % RUN))
#define BYTES4(i)  BYTE(i), BYTE((i) + 1), BYTE((i) + 2), BYTE((i) + 3)
#define BYTES16(i) BYTES4(i), BYTES4((i) + 4), BYTES4((i) + 8), BYTES4((i) + 12)
#define BYTES64(i) BYTES16(i), BYTES16((i) + 16), BYTES16((i) + 32), BYTES16((i) + 48)
#define BYTES256   BYTES64(0), BYTES64(64), BYTES64(128), BYTES64(192)

static const unsigned char steps[2 * RUN] = {BYTES256, BYTES256};

/* The bytes of a piece. */
static const unsigned char *bytes_at(const test_block *block, size_t at)
{
    return steps + (unsigned char)(pattern(block, at) * STEP_INVERSE);
}

void test_block_fill(const test_block *block)
{
    size_t piece;

    for (size_t at = 0; at < block->size; at = next_place(block, at + piece - 1)) {
        piece = piece_at(block, at, block->size);
        memcpy(block->ptr + at, bytes_at(block, at), piece);
    }
}

bool test_block_found_at(const test_block *block, const void *ptr, size_t size)
{
    const unsigned char *bytes = ptr;
    size_t piece;

    for (size_t at = 0; at < size; at = next_place(block, at + piece - 1)) {
        piece = piece_at(block, at, size);
        if (memcmp(bytes + at, bytes_at(block, at), piece) != 0)
            return false;
    }
    return true;
}

bool test_block_intact(const test_block *block)
{
    return test_block_found_at(block, block->ptr, block->size);
}
