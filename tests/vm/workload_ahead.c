/* workload_ahead.c: blocks of the page allocator that are reserved ahead: they begin, grow in place
 * and beyond their reservation, shrink and end. */
#include "vm/workload.h"

#include "support/test.h"

#include "internal/vm_ahead.h"
#include <loam/allocator.h>
#include <loam/vm.h>

#include <stdint.h>
#include <string.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

enum { BLOCKS = 3, FILLED = 1 << 20 };

typedef struct block {
    char *ptr;
    size_t size;
} block;

/* Only the start of a block is filled: page faults would be all that takes time. */
static void fill(const block *one, unsigned salt)
{
    workload_fill(one->ptr, one->size < FILLED ? one->size : FILLED, salt);
}

static void expect(const block *one, size_t size, unsigned salt)
{
    workload_expect(one->ptr, size < FILLED ? size : FILLED, salt);
}

static void expect_all(const block *blocks)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (blocks[i].ptr)
            expect(&blocks[i], blocks[i].size, i);
    }
}

static void begin_blocks(workload *work, block *blocks, unsigned round)
{
    static const size_t sizes[BLOCKS] = {256 * KIB, 512 * KIB, 1280 * KIB};
    loam_allocator pages = loam_vm_allocator();

    for (unsigned i = 0; i < BLOCKS; i++) {
        block *one = &blocks[i];
        bool zero = (i + round) % 2 == 0, ok;

        one->size = sizes[i];
        ATTEMPT(work, ok,
                (one->ptr = (char *)(zero ? loam_zalloc(pages, one->size, 64)
                                          : loam_alloc(pages, one->size, 64))) != NULL,
                expect_all(blocks));
        if (ok && zero)
            workload_expect_zero(one->ptr, one->size);
        if (ok)
            fill(one, i);
    }
}

/* To twice and a half of the size, which is beyond a reservation in the end, and back. */
static void resize_block(workload *work, const block *blocks, block *one, unsigned salt)
{
    loam_allocator pages = loam_vm_allocator();
    size_t grown = one->size * 5 / 2;
    char *ptr;
    bool ok;

    workload_step(work);
    if (loam_resize(pages, one->ptr, one->size, grown, 64)) { /* may be refused for good */
        expect(one, one->size, salt);
        one->size = grown;
        fill(one, salt);
    }
    grown = grown * 5 / 2;
    ATTEMPT(work, ok, (ptr = (char *)loam_realloc(pages, one->ptr, one->size, grown, 64)) != NULL,
            expect_all(blocks));
    if (ok) {
        one->ptr = ptr;
        expect(one, one->size, salt);
        one->size = grown;
    }
    fill(one, salt);
    one->ptr[one->size - 1] = 1;
    workload_step(work);
    grown = one->size / 3;
    if (loam_resize(pages, one->ptr, one->size, grown, 64))
        one->size = grown;
    expect_all(blocks);
}

void workload_ahead(workload *work)
{
    loam_allocator pages = loam_vm_allocator();
    block blocks[BLOCKS];

    loam_ahead_limit_reserve(4 * MIB);
    for (unsigned round = 0; round < 2; round++) {
        memset(blocks, 0, sizeof blocks);
        begin_blocks(work, blocks, round);
        for (unsigned i = 0; i < BLOCKS; i++) {
            if (blocks[i].ptr)
                resize_block(work, blocks, &blocks[i], i);
        }
        expect_all(blocks);
        for (unsigned i = 0; i < BLOCKS; i++) {
            workload_step(work);
            loam_dealloc(pages, blocks[i].ptr, blocks[i].size, 64);
        }
    }
    loam_ahead_limit_reserve(SIZE_MAX);
    workload_step(work);
    (void)loam_vm_trim();
}
