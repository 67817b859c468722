/* blocks.c: see blocks.h. */
#include "support/blocks.h"

#include <stdlib.h>
#include <string.h>

enum { DENSE_LIMIT = 8192, EDGE = 1024, STRIDE = 4096 };

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
    return (unsigned char)((block->seed >> 32) + at * 7 + (at >> 8) * 31 + (at >> 16) * 5);
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

void test_block_fill(const test_block *block)
{
    for (size_t at = next_place(block, SIZE_MAX); at < block->size; at = next_place(block, at))
        block->ptr[at] = pattern(block, at);
}

bool test_block_found_at(const test_block *block, const void *ptr, size_t size)
{
    const unsigned char *bytes = ptr;

    for (size_t at = next_place(block, SIZE_MAX); at < size; at = next_place(block, at)) {
        if (bytes[at] != pattern(block, at))
            return false;
    }
    return true;
}

bool test_block_intact(const test_block *block)
{
    return test_block_found_at(block, block->ptr, block->size);
}
