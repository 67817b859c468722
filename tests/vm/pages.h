/* pages.h: what the cases on loam/vm.h share. */
#ifndef LOAM_TEST_PAGES_H
#define LOAM_TEST_PAGES_H

#include "support/test.h"
#include "vm/memory.h"

#include "internal/bits.h"
#include <loam/vm.h>

#include <string.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

/* loam_vm_page_size(), from the first reservation on. */
extern size_t page;

static inline bool can(loam_vm_capability capability)
{
    return (loam_vm_capabilities() & (uint32_t)capability) != 0;
}

/* More than a process can have: with 32 bits some can have a quarter of what a pointer can say. */
#define TOO_MUCH (sizeof(void *) >= 8 ? SIZE_MAX / 4 : (size_t)PTRDIFF_MAX)

/* Some cases assume the address space of a 64-bit process: that each of many blocks is reserved ahead for
 * many times its size, and that nothing of another one lies in that stretch. A 32-bit process reserves
 * 8 MiB ahead for the first block, and less for each that follows. */
static inline void need_address_space(void)
{
    if (sizeof(void *) < 8)
        TEST_SKIP("assumes the address space of a 64-bit process");
}

/* A tool that keeps memory of its own makes figures of the whole process useless. */
static inline bool tool_watches(void)
{
    return test_under_asan() || test_under_tsan() || test_under_valgrind();
}

static inline char *reserve(size_t size)
{
    char *ptr = (char *)loam_vm_reserve(size, 1);

    page = loam_vm_page_size();
    EXPECT(ptr != NULL);
    return ptr;
}

/* A reservation that is committed whole. */
static inline char *take(size_t size)
{
    char *ptr = reserve(size);

    EXPECT(loam_vm_commit(ptr, size));
    return ptr;
}

/* One word at both ends of each page tells pages apart. */
static inline void write_pages(char *ptr, size_t size, uint64_t salt)
{
    for (size_t at = 0; at < size; at += page) {
        uint64_t word = salt + at / page;

        memcpy(ptr + at, &word, sizeof word);
        memcpy(ptr + at + page - sizeof word, &word, sizeof word);
    }
}

static inline uint64_t word_at(const char *ptr)
{
    uint64_t word;

    memcpy(&word, ptr, sizeof word);
    return word;
}

static inline void expect_pages(const char *ptr, size_t size, uint64_t salt)
{
    for (size_t at = 0; at < size; at += page) {
        EXPECT_EQ(word_at(ptr + at), salt + at / page);
        EXPECT_EQ(word_at(ptr + at + page - sizeof(uint64_t)), salt + at / page);
    }
}

static inline void expect_zero(const char *ptr, size_t size)
{
    for (size_t at = 0; at < size; at += sizeof(uint64_t))
        EXPECT_EQ(word_at(ptr + at), 0);
}

static inline void expect_resident(char *ptr, size_t size, size_t pages)
{
    if (memory_tells_resident() && !test_under_valgrind())
        EXPECT_EQ(memory_resident(ptr, size, page), pages);
}

static inline void touch(void *ptr)
{
    *(volatile char *)ptr = 1;
}

static inline void look(void *ptr)
{
    (void)*(volatile char *)ptr;
}

#endif
