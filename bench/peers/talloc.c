/* talloc.c: Samba's hierarchical allocator, over one of its pools. */
#include "peers.h"

#include <stdlib.h>
#include <sys/types.h>
#include <talloc.h>

/* What talloc puts in front of each block, generously. */
enum { HEADER = 128 };

static void *context_open(size_t size, size_t count)
{
    void *context = talloc_pool(NULL, (size + HEADER) * count);

    if (!context)
        abort();
    return context;
}

static void context_reset(void *context)
{
    talloc_free_children(context);
}

static void context_close(void *context)
{
    talloc_free(context);
}

#define CONTEXT_PUSH(context, size)   talloc_named_const(context, size, "bench")
#define CONTEXT_ZEROED(context, size) talloc_zero_size(context, size)

LOAM_BENCH_PUSHES(push, void, CONTEXT_PUSH)
LOAM_BENCH_PUSHES(push_zeroed, void, CONTEXT_ZEROED)

/* A context inside is how its users go back. */
static void marks(void *arena, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *inner = talloc_named_const(arena, 0, "mark");

        for (int k = 0; k < 4; k++) {
            loam_bench_word *block = CONTEXT_PUSH(inner, 64);

            *block = i;
            LOAM_BENCH_USE(block);
        }
        talloc_free(inner);
    }
}

static void lives_heap(void *none, size_t count)
{
    (void)none;
    for (size_t i = 0; i < count; i++) {
        void *life = talloc_named_const(NULL, 0, "life");
        loam_bench_word *block = CONTEXT_PUSH(life, 64);

        *block = i;
        LOAM_BENCH_USE(block);
        talloc_free(life);
    }
}

/* Not in the cold rows: sixteen million blocks with a header each take it ten times as long. */
const loam_bench_bump bench_talloc = {
    .open = context_open,
    .reset = context_reset,
    .close = context_close,
    .push = LOAM_BENCH_PUSH_TABLE(push),
    .push_zeroed = LOAM_BENCH_PUSH_TABLE(push_zeroed),
    .marks = marks,
    .lives_heap = lives_heap,
};
