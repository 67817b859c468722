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

/* What is written down of a block. False iff it has no reservation. */
static inline bool ahead_find(const char *ptr, loam_ahead *one)
{
    loam_ahead *record;

    loam_registry_lock();
    record = loam_registry_find(ptr);
    if (record)
        *one = *record;
    loam_registry_unlock();
    return record != NULL;
}

static inline loam_ahead ahead_record(const char *ptr)
{
    loam_ahead one;

    EXPECT(ahead_find(ptr, &one));
    return one;
}

/* Expects that what is written down of a block, if anything, holds together (H2, H6). */
static inline void ahead_expect_true(const char *ptr)
{
    loam_ahead one;

    if (!ahead_find(ptr, &one))
        return;
    EXPECT_PTR(one.base, ptr);
    EXPECT_LE(one.size, loam_ahead_extent(&one, one.size));
    EXPECT_LE(loam_ahead_extent(&one, one.size), one.committed);
    EXPECT_LE(one.committed, one.reserved);
    EXPECT_LE(one.dirty, one.committed);
    EXPECT(one.tailed || loam_ahead_tail(&one) <= loam_ahead_short_tail(&one));
}

static inline void ahead_give(char *ptr, size_t size)
{
    loam_dealloc(loam_vm_allocator(), ptr, size, 16);
}

#endif
