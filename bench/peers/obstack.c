/* obstack.c: the C library's stack of objects, with chunks big enough for a whole round. */
#include "peers.h"

#include <obstack.h>
#include <stdlib.h>

#define obstack_chunk_alloc malloc
#define obstack_chunk_free  free

typedef struct obstack obstack;

/* An object that is never freed, so that there is something to go back to. */
typedef struct stack {
    obstack stack;
    void *bottom;
} stack;

/* With nothing known, chunks of 1 MiB: its own 4 KiB take three times as long. */
static void *stack_open(size_t size, size_t count)
{
    stack *s = malloc(sizeof *s);
    size_t chunk = count > 0 ? size * count + 4096 : (size_t)1 << 20;

    if (!s || !obstack_begin(&s->stack, (int)chunk))
        abort();
    s->bottom = obstack_alloc(&s->stack, 0);
    return s;
}

static void stack_reset(void *arena)
{
    stack *s = arena;

    obstack_free(&s->stack, s->bottom);
}

static void stack_close(void *arena)
{
    stack *s = arena;

    obstack_free(&s->stack, NULL);
    free(s);
}

static inline __attribute__((always_inline)) void *stack_push(stack *s, int size)
{
    return obstack_alloc(&s->stack, size);
}

/* An obstack's push reads what the push before has just written, at several places. With the barrier
 * of the other loops, which makes it do so through memory, it takes three times as long; so here
 * the compiler may keep those places in registers. */
#define STACK_USE(block) __asm__ volatile("" : : "r"(block))

#define STACK_LOOP(name, size, push)                                                               \
    static void name##_##size(void *opaque, size_t count)                                          \
    {                                                                                              \
        stack *arena = opaque;                                                                     \
                                                                                                   \
        for (size_t i = 0; i < count; i++) {                                                       \
            uint64_t *block = push(arena, size);                                                   \
                                                                                                   \
            *block = i;                                                                            \
            STACK_USE(block);                                                                      \
        }                                                                                          \
    }

#define STACK_ZEROED(s, size) memset(stack_push(s, size), 0, size)

STACK_LOOP(push, 16, stack_push)
STACK_LOOP(push, 64, stack_push)
STACK_LOOP(push, 256, stack_push)
STACK_LOOP(push, 4096, stack_push)
STACK_LOOP(push_zeroed, 16, STACK_ZEROED)
STACK_LOOP(push_zeroed, 64, STACK_ZEROED)
STACK_LOOP(push_zeroed, 256, STACK_ZEROED)
STACK_LOOP(push_zeroed, 4096, STACK_ZEROED)

/* The mark of an obstack is the first object behind it. */
static void marks(void *arena, size_t count)
{
    stack *s = arena;

    for (size_t i = 0; i < count; i++) {
        void *first = NULL;

        for (int k = 0; k < 4; k++) {
            uint64_t *block = stack_push(s, 64);

            *block = i;
            STACK_USE(block);
            first = first ? first : block;
        }
        obstack_free(&s->stack, first);
    }
}

static void lives_heap(void *none, size_t count)
{
    (void)none;
    for (size_t i = 0; i < count; i++) {
        obstack life;
        loam_bench_word *block;

        obstack_begin(&life, 1000); /* a chunk of loam's first size */
        block = obstack_alloc(&life, 64);
        *block = i;
        LOAM_BENCH_USE(block);
        obstack_free(&life, NULL);
    }
}

static void *fixed_chunk(void *buffer, size_t size)
{
    (void)size;
    return buffer;
}

static void fixed_chunk_free(void *buffer, void *chunk)
{
    (void)buffer;
    (void)chunk;
}

static void lives_fixed(void *none, size_t count)
{
    _Alignas(64) char buffer[1024];

    (void)none;
    for (size_t i = 0; i < count; i++) {
        obstack life;
        loam_bench_word *block;

        obstack_specify_allocation_with_arg(&life, 1000, 0, fixed_chunk, fixed_chunk_free, buffer);
        block = obstack_alloc(&life, 64);
        *block = i;
        LOAM_BENCH_USE(block);
        obstack_free(&life, NULL);
    }
}

const loam_bench_bump bench_obstack = {
    .open = stack_open,
    .reset = stack_reset,
    .close = stack_close,
    .push = LOAM_BENCH_PUSH_TABLE(push),
    .push_zeroed = LOAM_BENCH_PUSH_TABLE(push_zeroed),
    .marks = marks,
    .lives_heap = lives_heap,
    .lives_fixed = lives_fixed,
    .cold = 1,
};
