/* model_state.h: what the two files of the model share: model.c, which begins, looks and ends, and
 * model_operations.c, which changes the arena and the model alike. */
#ifndef LOAM_TEST_ARENA_MODEL_STATE_H
#define LOAM_TEST_ARENA_MODEL_STATE_H

#include "model.h"

#include "support/toy_bump.h"

#include <loam/adapters.h>

enum { BLOCKS = 4096, MARKS = 64, SCOPES = 32, CHILDREN = 16 };

typedef struct model_block {
    char *ptr;
    size_t size;
    size_t start; /* the position of ptr */
    uint64_t seed;
} model_block;

typedef struct model_mark {
    loam_arena_mark mark;
    size_t position;
} model_mark;

typedef struct model_child {
    loam_arena *arena;
    size_t birth;
    model_block block;
} model_child;

/* Where blocks come from. */
typedef enum source_kind {
    SOURCE_LIBC,
    SOURCE_VM,
    SOURCE_COUNTING,
    SOURCE_BUMP,
    SOURCE_ARENA,
    SOURCE_FAILING,
    SOURCE_KINDS
} source_kind;

typedef struct model {
    test_rng *rng;
    loam_arena *arena;
    loam_arena storage;
    loam_arena_config config;
    source_kind source;
    bool created;

    loam_counting counting;
    loam_failing failing;
    toy_bump bump;
    loam_arena below;

    model_block blocks[BLOCKS]; /* by position */
    size_t count;
    model_mark marks[MARKS]; /* by position */
    size_t mark_count;
    loam_arena_scope scopes[SCOPES]; /* innermost last */
    size_t floors[SCOPES];
    size_t scope_count;
    model_child children[CHILDREN]; /* by birth */
    size_t child_count;

    size_t align;
    size_t rose_at; /* the position where the alignment rose, unless the arena went below it */
    size_t limit;
    size_t peak;
    size_t failures;
    size_t events;
    bool pressed; /* every call to system and source is refused now */
    uint64_t serial;
} model;

static inline size_t below(model *m, size_t n)
{
    return (size_t)test_rng_below(m->rng, n);
}

static inline size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t position(const model *m)
{
    return loam_arena_pos(m->arena);
}

static inline size_t floor_of(const model *m)
{
    return m->scope_count ? m->floors[m->scope_count - 1] : 0;
}

/* The bytes of a block are those that were written to it. */
void model_expect_contents(const model_block *block);

/* ---- model_operations.c ---- */

/* Does one of the operations, each of which has as many numbers as it has weight. */
enum { MODEL_WEIGHTS = 40 };
void model_operate(model *m, size_t which);

/* Ends the innermost scope, if there is one. */
void model_end_scope(model *m);

#endif
