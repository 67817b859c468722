/* limits.c: for each layer, one screen of the simplest correct code that does what the layer does.
 * It has no options and no second thoughts. No library can be much faster; how near loam comes is
 * what the reports tell. */
#include "bench_limits.h"

#include "bench.h"

#include <loam/arena.h>

#include <stdlib.h>
#include <sys/mman.h>

/* ---- arena: a pointer that moves through one mapping ------------------------------------------
 */

typedef struct bump {
    char *next, *end, *base, *mapped;
    size_t mapped_size;
} bump;

enum { HUGE = 2 << 20 };

/* Out of memory is a path of its own, or the compiler would take the compare away. */
static LOAM_COLD void *bump_full(void)
{
    abort();
}

static inline __attribute__((always_inline)) void *bump_push(bump *b, size_t size)
{
    char *block = b->next;

    size = (size + 15) & ~(size_t)15;
    if (LOAM_UNLIKELY(size > (size_t)(b->end - block)))
        return bump_full();
    b->next = block + size;
    return block;
}

/* Size 0 and count 0: as much as a cold row fills, with huge pages if the row permits them. */
static void *bump_open(size_t size, size_t count)
{
    bump *b = malloc(sizeof *b);
    size_t bytes = count > 0 ? size * count : bench_cold_bytes();

    b->mapped_size = bytes + HUGE;
    b->mapped = mmap(NULL, b->mapped_size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (b->mapped == MAP_FAILED)
        abort();
    b->base = b->mapped + (HUGE - (uintptr_t)b->mapped % HUGE) % HUGE;
    b->next = b->base;
    b->end = b->base + bytes;
    (void)madvise(b->base, bytes, MADV_HUGEPAGE);
    return b;
}

static void bump_reset(void *arena)
{
    ((bump *)arena)->next = ((bump *)arena)->base;
}

static void bump_close(void *arena)
{
    munmap(((bump *)arena)->mapped, ((bump *)arena)->mapped_size);
    free(arena);
}

#define BUMP_ZEROED(b, size) loam_bench_zero(bump_push(b, size), size)
#define BUMP_MARK(b)         ((b)->next)
#define BUMP_REWIND(b, mark) ((b)->next = (mark))

LOAM_BENCH_PUSHES(push, bump, bump_push)
LOAM_BENCH_PUSHES(push_zeroed, bump, BUMP_ZEROED)
LOAM_BENCH_MARKS(marks, bump, char *, BUMP_MARK, bump_push, BUMP_REWIND)

const loam_bench_bump bench_limit_bump = {
    .open = bump_open,
    .reset = bump_reset,
    .close = bump_close,
    .push = LOAM_BENCH_PUSH_TABLE(push),
    .push_zeroed = LOAM_BENCH_PUSH_TABLE(push_zeroed),
    .marks = marks,
    .cold = 1,
};

/* ---- common: what the handle costs, and the list that a cache could be ------------------------
 */

/* The least that any handle can be: a call through a table to a bump that aligns as it is told. */
static LOAM_NOINLINE void *bump_alloc(void *self, size_t size, size_t align)
{
    bump *b = self;
    size_t padding = (0 - (uintptr_t)b->next) & (align - 1);
    char *block = b->next + padding;

    if (LOAM_UNLIKELY(size + padding > (size_t)(b->end - b->next)))
        return bump_full();
    b->next = block + size;
    return block;
}

typedef struct bump_handle {
    void *(*alloc)(void *self, size_t size, size_t align);
} bump_handle;

/* Volatile: the compiler reads the table for each call, as it must where it knows nothing. */
static const bump_handle bump_table = {bump_alloc};
static const bump_handle *volatile bump_ops = &bump_table;

#define HANDLE_PUSH(self, size) handle->alloc(self, size, 16)

static void handle_push_64(void *self, size_t count)
{
    const bump_handle *handle = bump_ops;

    for (size_t i = 0; i < count; i++) {
        loam_bench_word *block = HANDLE_PUSH(self, 64);

        *block = i;
        LOAM_BENCH_USE(block);
    }
}

const loam_bench_bump bench_limit_handle = {
    .open = bump_open,
    .reset = bump_reset,
    .close = bump_close,
    .push = {NULL, handle_push_64, NULL, NULL},
};

static void *open_arena(void)
{
    return loam_arena_create(NULL);
}

static void close_arena(void *arena)
{
    loam_arena_destroy(arena);
}

static void arena_pairs(void *arena, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        loam_bench_word *block = loam_arena_push_no_zero(arena, 64);

        *block = i;
        LOAM_BENCH_USE(block);
        (void)loam_arena_undo(arena, block, 64);
    }
}

const bench_loop bench_limit_arena_pair = {open_arena, arena_pairs, close_arena};

static void libc_pairs(void *none, size_t count)
{
    (void)none;
    for (size_t i = 0; i < count; i++) {
        loam_bench_word *block = malloc(64);

        *block = i;
        LOAM_BENCH_USE(block);
        free(block);
    }
}

const bench_loop bench_limit_libc_pair = {NULL, libc_pairs, NULL};

typedef struct node {
    struct node *next;
    char payload[56];
} node;

/* The list is that of a pool: its head lies in memory, and the block's first word is the link. */
static void list_pairs(void *list, size_t count)
{
    node **head = list;

    for (size_t i = 0; i < count; i++) {
        node *block = *head;

        *head = block->next;
        *(loam_bench_word *)block = i;
        LOAM_BENCH_USE(block);
        block->next = *head;
        *head = block;
        LOAM_BENCH_USE(head);
    }
}

static void *open_list(void)
{
    enum { NODES = 32 };
    node **head = malloc(sizeof *head + NODES * sizeof(node));
    node *nodes = (node *)(head + 1);

    *head = NULL;
    for (int i = 0; i < NODES; i++) {
        nodes[i].next = *head;
        *head = &nodes[i];
    }
    return head;
}

const bench_loop bench_limit_list_pair = {open_list, list_pairs, free};
