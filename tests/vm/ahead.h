/* ahead.h: what the cases on blocks that are reserved ahead share. */
#ifndef LOAM_TEST_AHEAD_H
#define LOAM_TEST_AHEAD_H

#include "support/fail_vm.h"
#include "vm/pages.h"

#include "internal/vm_ahead.h"
#include <loam/allocator.h>

/* Every 4 KiB of a block tells where it is in the block. */
static inline void ahead_fill(char *ptr, size_t from, size_t to, uint64_t salt)
{
    for (size_t at = from; at < to; at += 4 * KIB) {
        uint64_t word = salt * 1000003 + at;

        memcpy(ptr + at, &word, sizeof word);
    }
}

static inline void ahead_expect(const char *ptr, size_t from, size_t to, uint64_t salt)
{
    for (size_t at = from; at < to; at += 4 * KIB)
        EXPECT_EQ(word_at(ptr + at), salt * 1000003 + at);
}

static inline char *ahead_take(size_t size)
{
    char *ptr = (char *)loam_alloc(loam_vm_allocator(), size, 16);

    if (page == 0)
        page = loam_vm_page_size();
    EXPECT(ptr != NULL);
    return ptr;
}

static inline void ahead_give(char *ptr, size_t size)
{
    loam_dealloc(loam_vm_allocator(), ptr, size, 16);
}

#endif
