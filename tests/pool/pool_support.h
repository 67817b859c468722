/* pool_support.h: what the tests of the pool share: sources of slabs that count and refuse, and a
 * look at everything that can be seen of a class or a pool.
 *
 *     granules    pool -> counter -> a region, or three of them in turn
 *     allocator   pool -> failing -> counting -> libc, vm, an arena, a buffer, checked, a budget
 */
#ifndef LOAM_TEST_POOL_SUPPORT_H
#define LOAM_TEST_POOL_SUPPORT_H

#include "support/test.h"

#include <loam/adapters.h>
#include <loam/arena.h>
#include <loam/pool.h>
#include <loam/vm.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* ---- sources ---- */

typedef enum source_kind {
    SOURCE_REGION,
    SOURCE_REGIONS, /* granules from three regions in turn: the source knows no single one */
    SOURCE_LIBC,
    SOURCE_VM,
    SOURCE_ARENA,   /* a chain of blocks from libc: nothing is reclaimed but the newest block */
    SOURCE_BUFFER,  /* an arena in a buffer of SOURCE_BUFFER_SIZE: it is full some day */
    SOURCE_CHECKED, /* over libc: ends the program when a block comes back wrongly */
    SOURCE_BUDGET,  /* over libc, with a limit of SOURCE_BUDGET_LIMIT */
    SOURCE_KINDS
} source_kind;

enum { SOURCE_REGION_COUNT = 3, SOURCE_BUFFER_SIZE = 12 << 20, SOURCE_BUDGET_LIMIT = 8 << 20 };

typedef struct source {
    source_kind kind;
    loam_granules granules;   /* no ops: not of this kind; */
    loam_allocator allocator; /* then this */
    loam_region regions[SOURCE_REGION_COUNT];
    size_t region_count;
    loam_failing failing;
    loam_counting counting;
    loam_checked checked;
    loam_budget budget;
    loam_arena arena;
    void *buffer; /* of the arena, or NULL */
    /* Of granules: */
    size_t held, blocks, takes, turn;
    size_t calls;    /* since it was armed */
    size_t nth;      /* the call that is refused; 0: none */
    bool for_ever;   /* and all after it */
    uint32_t chance; /* of a million, for each call to be refused */
    size_t refused;  /* since it was armed */
    test_rng rng;
} source;

const char *source_name(source_kind kind);

/* Sets one up, with nothing refused. Must not move. */
void source_begin(source *s, source_kind kind);

/* As source_begin() for SOURCE_REGION, with this region. */
void source_begin_region(source *s, const loam_region_config *config);

/* Ends it. Nothing may be held. */
void source_end(source *s);

/* Bytes and pieces that are held now, and pieces that were ever taken. */
size_t source_held(const source *s);
size_t source_blocks(const source *s);
size_t source_takes(const source *s);

/* From here on the n-th take is refused, and with `for_ever` all later ones; 0: none. */
void source_refuse(source *s, size_t nth, bool for_ever);

/* From here on each take is refused with this chance of a million. */
void source_refuse_randomly(source *s, uint32_t chance, uint64_t seed);

/* Takes refused since either was called. */
size_t source_refused(const source *s);

/* Runs a function over a source of each kind, with a note that says which; nothing may be held in
 * the end. */
void for_each_source(void (*run)(source *s));

/* ---- objects ---- */

/* Good configurations over a source. */
loam_pool_class_config class_config(const source *s, size_t size);
loam_pool_config pool_config(const source *s);

/* A class or a pool that must come to be. */
void begin_class(loam_pool_class *cls, const loam_pool_class_config *config);
void begin_class_of(loam_pool_class *cls, const source *s, size_t size);
void begin_pool(loam_pool *pool, const loam_pool_config *config);

/* Takes a block, which must be there. */
void *must_take(loam_pool_class *cls);

/* The checker finds nothing, and the figures go together: live <= peak, live + lost <= committed <=
 * reserved, and a walk adds up to what is committed. Empties the front. */
#define EXPECT_GOOD_CLASS(cls) expect_good_class(__FILE__, __LINE__, (cls))
#define EXPECT_GOOD_POOL(pool) expect_good_pool(__FILE__, __LINE__, (pool))
void expect_good_class(const char *file, int line, loam_pool_class *cls);
void expect_good_pool(const char *file, int line, loam_pool *pool);

loam_stats class_stats(const loam_pool_class *cls);
loam_stats pool_stats(const loam_pool *pool);

/* What a walk shows, in bytes, and live blocks in pieces. */
typedef struct walk_sums {
    size_t live, free, metadata, reserved, blocks;
} walk_sums;

bool add_to_sums(void *context, const loam_walk_item *item);

/* Whether a class tells each block to a tool or a checked build, so that it has no front. */
static inline bool is_watched(const loam_pool_class *cls)
{
    return cls->watched;
}

static inline bool is_aligned(const void *ptr, size_t align)
{
    return ((uintptr_t)ptr & (align - 1)) == 0;
}

/* ---- contents ---- */

void fill_pattern(void *ptr, size_t size, uint64_t seed);
bool has_pattern(const void *ptr, size_t size, uint64_t seed);

#endif
