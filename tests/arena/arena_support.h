/* arena_support.h: what the tests of the arena share: an arena on each backing, a look at its whole
 * state, patterns, and what the system says about its memory. */
#ifndef LOAM_TEST_ARENA_SUPPORT_H
#define LOAM_TEST_ARENA_SUPPORT_H

#include "support/test.h"

#include <loam/arena.h>
#include <loam/vm.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

/* ---- backings ---- */

/* The fixed buffer of the configurations below, aligned to a page, and how big it is. */
enum { BUFFER_SIZE = 80 << 20 };
char *buffer_for_tests(void);

/* A configuration for each backing: the whole buffer; blocks from the C library; 64 MiB; and 1 MiB
 * that goes on as a chain over the C library. */
loam_arena_config config_of(loam_arena_backing backing);
const char *backing_name(loam_arena_backing backing);

/* Runs a function once for each backing, with a note that says which. */
void for_each_backing(void (*run)(loam_arena_backing backing));

/* An arena that must come to be, on the caller's storage. */
void begin_arena(loam_arena *arena, const loam_arena_config *config);

/* loam_arena_check() finds nothing. */
#define EXPECT_GOOD(arena) expect_good(__FILE__, __LINE__, (arena))
void expect_good(const char *file, int line, const loam_arena *arena);

/* Bytes up to the end of the newest block, as far as it reaches without a new one. */
size_t room_of(const loam_arena *arena);

loam_stats stats_of(const loam_arena *arena);

/* ---- state ---- */

/* All of an arena that its user can see. */
typedef struct arena_state {
    size_t position;
    loam_stats stats;
    loam_arena_mark mark;
} arena_state;

arena_state state_of(const loam_arena *arena);

/* The state is as before, but for this many more failures; and the arena is good. */
#define EXPECT_UNCHANGED(arena, before, failures)                                                  \
    expect_unchanged(__FILE__, __LINE__, (arena), (before), (failures))
void expect_unchanged(const char *file, int line, const loam_arena *arena,
                      const arena_state *before, size_t failures);

/* ---- contents ---- */

void fill_pattern(void *ptr, size_t size, uint64_t seed);
bool has_pattern(const void *ptr, size_t size, uint64_t seed);

/* The same of its first and last 1024 bytes, for looking often. */
bool has_pattern_at_ends(const void *ptr, size_t size, uint64_t seed);
bool all_zero(const void *ptr, size_t size);
bool is_aligned(const void *ptr, size_t align);

/* A number that the compiler doesn't know. */
size_t hidden(size_t n);

/* ---- the system's view ---- */

/* Bytes of a mapped range that are in memory now. Both ends are rounded to pages, outwards. */
size_t resident_bytes(const void *ptr, size_t size);

/* Bytes of this process that are in memory, and page faults that it has had. */
size_t resident_total(void);
size_t fault_count(void);

/* Whether those figures are the program's own, not those of a tool that watches it. */
bool figures_are_ours(void);

#endif
