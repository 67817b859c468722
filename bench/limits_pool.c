/* limits_pool.c: for pools, the simplest correct code: blocks of one size in one mapping, and either
 * a list through the free ones or a stack of their indices beside them. The list costs no memory and
 * waits for a block's own line at each take; the stack costs four bytes a block and waits for none. */
#include "bench_limits.h"

#include <loam/base.h>

#include <stdlib.h>
#include <sys/mman.h>

typedef struct link {
    struct link *next;
} link;

typedef struct home {
    link *list;      /* the list: the newest free block */
    uint32_t *stack; /* the stack: indices of free blocks */
    size_t depth;
    char *mapped;
    size_t mapped_size, size, count;
    _Alignas(64) link *inbox; /* the shared list: what another thread gave */
} home;

static LOAM_COLD void *none_left(void)
{
    abort();
}

static home *map_blocks(size_t size, size_t count)
{
    home *b = aligned_alloc(64, sizeof *b);

    if (!b)
        abort();
    *b = (home){.size = size, .count = count, .mapped_size = size * count};
    b->mapped = mmap(NULL, b->mapped_size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (b->mapped == MAP_FAILED)
        abort();
    return b;
}

static void close_blocks(void *pool)
{
    home *b = pool;

    munmap(b->mapped, b->mapped_size);
    free(b->stack);
    free(b);
}

/* ---- the list ---- */

static void *open_list(size_t size, size_t count)
{
    home *b = map_blocks(size, count);

    for (size_t i = count; i-- > 0;) {
        link *block = (link *)(void *)(b->mapped + i * size);

        block->next = b->list;
        b->list = block;
    }
    return b;
}

static inline __attribute__((always_inline)) void *list_take(home *b)
{
    link *block = b->list;

    if (LOAM_UNLIKELY(!block))
        return none_left();
    b->list = block->next;
    return block;
}

static inline __attribute__((always_inline)) void list_give(home *b, void *block)
{
    ((link *)block)->next = b->list;
    b->list = block;
}

/* ---- the stack ---- */

static void *open_stack(size_t size, size_t count)
{
    home *b = map_blocks(size, count);

    b->stack = malloc(count * sizeof *b->stack);
    if (!b->stack)
        abort();
    while (b->depth < count) {
        b->stack[b->depth] = (uint32_t)(count - 1 - b->depth);
        b->depth++;
    }
    return b;
}

static inline __attribute__((always_inline)) void *stack_take(home *b, size_t size)
{
    if (LOAM_UNLIKELY(b->depth == 0))
        return none_left();
    return b->mapped + b->stack[--b->depth] * size;
}

static inline __attribute__((always_inline)) void stack_give(home *b, const void *block,
                                                             size_t size)
{
    b->stack[b->depth++] = (uint32_t)((size_t)((const char *)block - b->mapped) / size);
}

#define BLOCKS_SELF(opaque)        ((home *)(opaque))
#define LIST_TAKE(b, size)         list_take(b)
#define LIST_GIVE(b, block, size)  list_give(b, block)
#define STACK_GIVE(b, block, size) stack_give(b, block, size)

LOAM_BENCH_POOLS(list, home *, BLOCKS_SELF, LIST_TAKE, LIST_GIVE)
LOAM_BENCH_POOLS(stack, home *, BLOCKS_SELF, stack_take, STACK_GIVE)

const loam_bench_pool bench_limit_pool_list = {open_list, close_blocks, 0, 0,
                                               LOAM_BENCH_POOL_TABLE(list)};
const loam_bench_pool bench_limit_pool_stack = {open_stack, close_blocks, 0, 0,
                                                LOAM_BENCH_POOL_TABLE(stack)};

/* ---- from thread to thread: the list, and a second one for what comes from the other side ------
 */

static inline void *remote_take(home *b)
{
    if (LOAM_UNLIKELY(!b->list)) {
        do
            b->list = __atomic_exchange_n(&b->inbox, NULL, __ATOMIC_ACQUIRE);
        while (!b->list);
    }
    return list_take(b);
}

/* All blocks with one compare-and-swap. */
static void remote_give_64(void *pool, void *const *given, size_t count)
{
    home *b = pool;
    link *oldest = given[0], *newest = oldest;

    for (size_t i = 1; i < count; i++) {
        link *block = given[i];

        block->next = newest;
        newest = block;
    }
    oldest->next = __atomic_load_n(&b->inbox, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&b->inbox, &oldest->next, newest, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED)) {
    }
}

static void remote_take_64(void *pool, void **taken, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        loam_bench_word *block = remote_take(pool);

        *block = i;
        taken[i] = block;
        LOAM_BENCH_USE(pool);
    }
}

const loam_bench_pool bench_limit_pool_remote = {
    .open = open_list,
    .close = close_blocks,
    .shared = 1,
    .of[LOAM_BENCH_BLOCK_64] = {.size = 64, .take = remote_take_64, .give = remote_give_64},
};
