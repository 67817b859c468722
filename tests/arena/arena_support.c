/* arena_support.c: see arena_support.h. */
#define _GNU_SOURCE
#include "arena_support.h"

#include <stdio.h>
#include <string.h>

#include <sys/mman.h>
#include <sys/resource.h>

/* ---- backings ---- */

static _Alignas(4096) char buffer[BUFFER_SIZE];

char *buffer_for_tests(void)
{
    return buffer;
}

loam_arena_config config_of(loam_arena_backing backing)
{
    switch (backing) {
    case LOAM_ARENA_FIXED:
        return (loam_arena_config){
            .backing = backing, .buffer = buffer, .buffer_size = sizeof buffer};
    case LOAM_ARENA_CHAIN:
        return (loam_arena_config){.backing = backing};
    case LOAM_ARENA_RESERVE:
        return (loam_arena_config){.backing = backing, .reserve = 64 * MIB};
    case LOAM_ARENA_RESERVE_CHAIN:
        break;
    }
    return (loam_arena_config){
        .backing = backing, .reserve = MIB, .source = loam_libc_allocator(), .block_size = 4 * KIB};
}

const char *backing_name(loam_arena_backing backing)
{
    static const char *const names[] = {"reserve_chain", "reserve", "chain", "fixed"};

    return names[backing];
}

void for_each_backing(void (*run)(loam_arena_backing backing))
{
    for (int i = LOAM_ARENA_RESERVE_CHAIN; i <= LOAM_ARENA_FIXED; i++) {
        loam_arena_backing backing = (loam_arena_backing)i;

        test_note("backing %s", backing_name(backing));
        run(backing);
        test_note(NULL);
    }
}

void begin_arena(loam_arena *arena, const loam_arena_config *config)
{
    if (!loam_arena_init(arena, config))
        TEST_FAIL("the arena did not begin");
    EXPECT_GOOD(arena);
}

typedef struct finder {
    const char *file;
    int line;
} finder;

static void fail_property(void *context, const char *property, const void *where)
{
    const finder *from = (const finder *)context;

    test_fail_at(from->file, from->line, "%s: at %p", property, where);
}

void expect_good(const char *file, int line, const loam_arena *arena)
{
    finder from = {file, line};

    if (!loam_arena_check(arena, fail_property, &from))
        test_fail_at(file, line, "the arena is not good, and nobody says why");
}

size_t room_of(const loam_arena *arena)
{
    return (size_t)(arena->block->end - arena->next);
}

loam_stats stats_of(const loam_arena *arena)
{
    loam_stats stats;

    loam_arena_stats(arena, &stats);
    return stats;
}

/* ---- state ---- */

arena_state state_of(const loam_arena *arena)
{
    arena_state state;

    state.position = loam_arena_pos(arena);
    state.stats = stats_of(arena);
    state.mark = loam_arena_get_mark(arena);
    return state;
}

void expect_unchanged(const char *file, int line, const loam_arena *arena,
                      const arena_state *before, size_t failures)
{
    arena_state now = state_of(arena);

    test_expect_eq(file, line, "position", "position before", now.position, before->position);
    test_expect_eq(file, line, "live", "live before", now.stats.live, before->stats.live);
    test_expect_eq(file, line, "peak", "peak before", now.stats.peak, before->stats.peak);
    test_expect_eq(file, line, "lost", "lost before", now.stats.lost, before->stats.lost);
    test_expect_eq(file, line, "failures", "failures before and new ones", now.stats.failures,
                   before->stats.failures + failures);
    test_expect_ptr(file, line, "newest block", "newest block before", now.mark.block,
                    before->mark.block);
    test_expect_ptr(file, line, "next", "next before", now.mark.next, before->mark.next);
    expect_good(file, line, arena);
}

/* ---- contents ---- */

/* Eight bytes of a pattern, none of them 0. */
static uint64_t pattern_word(size_t i, uint64_t seed)
{
    uint64_t z = (seed + i) * 0x9e3779b97f4a7c15u;

    return (z ^ (z >> 29)) | 0x0101010101010101u;
}

void fill_pattern(void *ptr, size_t size, uint64_t seed)
{
    unsigned char *bytes = (unsigned char *)ptr;

    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = pattern_word(i / 8, seed);

        memcpy(bytes + i, &word, size - i < 8 ? size - i : 8);
    }
}

/* Whether the bytes from `from`, a multiple of 8, to `to` are those of the pattern. */
static bool matches(const unsigned char *bytes, size_t from, size_t to, uint64_t seed)
{
    for (size_t i = from; i < to; i += 8) {
        uint64_t word = pattern_word(i / 8, seed);

        if (memcmp(bytes + i, &word, to - i < 8 ? to - i : 8) != 0)
            return false;
    }
    return true;
}

bool has_pattern(const void *ptr, size_t size, uint64_t seed)
{
    return matches((const unsigned char *)ptr, 0, size, seed);
}

bool has_pattern_at_ends(const void *ptr, size_t size, uint64_t seed)
{
    enum { END = 1024 };
    const unsigned char *bytes = (const unsigned char *)ptr;

    return size <= 2 * END ? matches(bytes, 0, size, seed)
                           : matches(bytes, 0, END, seed) &&
                                 matches(bytes, (size - END) & ~(size_t)7, size, seed);
}

bool all_zero(const void *ptr, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)ptr;

    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

bool is_aligned(const void *ptr, size_t align)
{
    return ((uintptr_t)ptr & (align - 1)) == 0;
}

size_t hidden(size_t n)
{
    volatile size_t number = n;

    return number;
}

/* ---- the system's view ---- */

size_t resident_bytes(const void *ptr, size_t size)
{
    enum { BATCH = 4096 };
    static unsigned char states[BATCH];
    size_t page = loam_vm_page_size();
    uintptr_t at = (uintptr_t)ptr & ~(uintptr_t)(page - 1);
    uintptr_t end = ((uintptr_t)ptr + size + page - 1) & ~(uintptr_t)(page - 1);
    size_t count = 0;

    while (at < end) {
        size_t pages = (end - at) / page < BATCH ? (end - at) / page : BATCH;

        EXPECT(mincore((void *)at, pages * page, (void *)states) == 0);
        for (size_t i = 0; i < pages; i++)
            count += states[i] & 1;
        at += pages * page;
    }
    return count * page;
}

size_t resident_total(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    size_t pages = 0, all = 0;

    EXPECT(file != NULL);
    EXPECT(fscanf(file, "%zu %zu", &all, &pages) == 2);
    (void)fclose(file);
    return pages * loam_vm_page_size();
}

size_t fault_count(void)
{
    struct rusage usage;

    EXPECT(getrusage(RUSAGE_SELF, &usage) == 0);
    return (size_t)usage.ru_minflt;
}

bool figures_are_ours(void)
{
    return !test_under_asan() && !test_under_tsan() && !test_under_valgrind();
}
