/* peer.h: how something is measured beside loam's arena, its arrays or its pools, from inside or
 * from a library of yours. For heaps see peer_heap.h, for ordered maps peer_btree.h.
 *
 * A shared library that is named in -DLOAM_BENCH_PEERS=a.so;b.so exports one function,
 *
 *     const loam_bench_peer *loam_bench_get_peer(void);
 *
 * and is measured in each row that it has a function for, with the same loops, in the same process
 * and at the same time as loam, the limit and the other peers. This file includes nothing of
 * loam's; copy it. A whole peer is some twenty lines; an arena is
 *
 *     #include "peer.h"
 *     #include <my_arena.h>
 *
 *     static void *my_open(size_t size, size_t count) { return my_arena_create(size * count); }
 *     static void my_reset(void *arena) { my_arena_clear(arena); }
 *     static void my_close(void *arena) { my_arena_destroy(arena); }
 *
 *     LOAM_BENCH_PUSHES(push, my_arena, my_arena_push)
 *     LOAM_BENCH_PUSHES(push_zeroed, my_arena, my_arena_push_zero)
 *
 *     static const loam_bench_bump bump = {
 *         .open = my_open, .reset = my_reset, .close = my_close,
 *         .push = LOAM_BENCH_PUSH_TABLE(push),
 *         .push_zeroed = LOAM_BENCH_PUSH_TABLE(push_zeroed),
 *     };
 *     static const loam_bench_peer peer = {LOAM_BENCH_PEER_VERSION, "my_arena", &bump, NULL};
 *
 *     const loam_bench_peer *loam_bench_get_peer(void) { return &peer; }
 *
 * and an array that grows is, with `T` for each type of element in turn,
 *
 *     #define MY_TYPE(T)            my_array
 *     #define MY_MAKE(a, T, count)  my_array_init(a, sizeof(T))
 *     #define MY_PUSH(a, T, value)  my_array_push(a, &(value))
 *     #define MY_AT(a, T, index)    my_array_at(a, index)
 *     #define MY_END(a, T)          my_array_free(a)
 *
 *     LOAM_BENCH_ARRAYS(mine, MY_TYPE, MY_MAKE, MY_PUSH, MY_AT, MY_END)
 *
 *     static const loam_bench_vec vec = LOAM_BENCH_ARRAY_TABLE(mine);
 *     static const loam_bench_peer peer = {LOAM_BENCH_PEER_VERSION, "my_array", NULL, &vec};
 *
 * and a pool of blocks of one size is
 *
 *     static void *my_open(size_t size, size_t count) { return my_pool_create(size); }
 *     static void my_close(void *pool) { my_pool_destroy(pool); }
 *
 *     #define MY_SELF(opaque)            ((my_pool *)(opaque))
 *     #define MY_TAKE(pool, size)        my_pool_take(pool)
 *     #define MY_GIVE(pool, block, size) my_pool_give(pool, block)
 *
 *     LOAM_BENCH_POOLS(mine, my_pool *, MY_SELF, MY_TAKE, MY_GIVE)
 *
 *     static const loam_bench_pool pool = {my_open, my_close, 0, 0,
 *                                          LOAM_BENCH_POOL_TABLE(mine)};
 *     static const loam_bench_peer peer = {LOAM_BENCH_PEER_VERSION, "my_pool", NULL, NULL, &pool,
 *                                          NULL, NULL};
 *
 *     cc -O2 -shared -fPIC -falign-functions=64 -falign-loops=32 -o my_arena.so my_arena_peer.c
 *
 * A function of the tables runs a whole loop, so that what your library inlines is inlined, and a
 * call through the table costs nothing. Memory that cannot be had may end the process.
 */
#ifndef LOAM_BENCH_PEER_H
#define LOAM_BENCH_PEER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The form of the structures below. 2: `vec` was added to loam_bench_peer. 3: `pool` and `shared`
 * were. 4: `heap` was. Libraries that were made with an older version are measured in what that
 * had. */
#define LOAM_BENCH_PEER_VERSION 5u

/* The sizes of pushes that are measured, in the order of the tables. */
enum { LOAM_BENCH_16, LOAM_BENCH_64, LOAM_BENCH_256, LOAM_BENCH_4096, LOAM_BENCH_SIZES };

/* Does one thing `count` times. */
typedef void (*loam_bench_loop)(void *arena, size_t count);

/* Anything that one can push on. A function that is NULL leaves its rows out. */
typedef struct loam_bench_bump {
    /* Returns an arena that will meet `count` blocks of `size` bytes between two resets, so that a
     * buffer can be made big enough at once; both 0: nothing is known. NULL: not in this row. */
    void *(*open)(size_t size, size_t count);
    /* Drops all that was pushed; the memory stays for the next round. */
    void (*reset)(void *arena);
    /* Ends the arena. */
    void (*close)(void *arena);

    /* Pushes blocks and stores one word into each: LOAM_BENCH_PUSHES(). */
    loam_bench_loop push[LOAM_BENCH_SIZES];
    /* The same, with the blocks cleared. */
    loam_bench_loop push_zeroed[LOAM_BENCH_SIZES];
    /* Makes a mark, pushes four blocks of 64 bytes, goes back to the mark: LOAM_BENCH_MARKS(). */
    loam_bench_loop marks;

    /* Makes an arena, pushes 64 bytes once, ends it. The argument `arena` is NULL. */
    loam_bench_loop lives_reserved; /* over address space reserved for at least 1 GiB */
    loam_bench_loop lives_heap;     /* over blocks of the C library's heap */
    loam_bench_loop lives_fixed;    /* in a buffer of 1 KiB of the caller's */

    /* Whether pushing 64 bytes to 1 GiB, from nothing known, takes seconds and not minutes. */
    int cold;
} loam_bench_bump;

/* The sizes of elements that are measured, in the order of the tables. */
enum { LOAM_BENCH_ELEMENT_4, LOAM_BENCH_ELEMENT_8, LOAM_BENCH_ELEMENT_64, LOAM_BENCH_ELEMENTS };

/* Bytes, at an address divisible by 64, that an array may have for its own fields. */
#define LOAM_BENCH_ARRAY_BYTES 1024

/* An array that grows, of elements of one size: LOAM_BENCH_ARRAYS(). `array` is where its own fields
 * are, LOAM_BENCH_ARRAY_BYTES of them; before fill() they are as the last end() left them. */
typedef struct loam_bench_array {
    size_t size; /* bytes of an element */
    /* Makes an empty array, knowing nothing of `count`, and pushes so many elements, one by one. */
    void (*fill)(void *array, size_t count);
    /* Where an element lies. Asked outside the time, to see that all arrived. */
    const void *(*at)(void *array, size_t index);
    /* Ends the array. */
    void (*end)(void *array);
} loam_bench_array;

/* The same for each size of elements. A `fill` that is NULL leaves its rows out. */
typedef struct loam_bench_vec {
    loam_bench_array of[LOAM_BENCH_ELEMENTS];
} loam_bench_vec;

/* The sizes of blocks that pools are measured with, in the order of the tables. */
enum {
    LOAM_BENCH_BLOCK_16,
    LOAM_BENCH_BLOCK_32,
    LOAM_BENCH_BLOCK_48,
    LOAM_BENCH_BLOCK_64,
    LOAM_BENCH_BLOCK_128,
    LOAM_BENCH_BLOCK_256,
    LOAM_BENCH_BLOCK_512,
    LOAM_BENCH_BLOCK_SIZES
};

/* What is done with blocks of one size: LOAM_BENCH_POOLS(). One word is stored into each that is
 * taken. */
typedef struct loam_bench_blocks {
    size_t size; /* bytes of a block */
    /* Takes a block and gives it back, `count` times. */
    loam_bench_loop pairs;
    /* Takes blocks; gives them, in the order that they were taken in or in another one. */
    void (*take)(void *pool, void **blocks, size_t count);
    void (*give)(void *pool, void *const *blocks, size_t count);
    void (*give_in)(void *pool, void *const *blocks, const uint32_t *order, size_t count);
    /* Gives one of `live` blocks, drawn with `state`, and takes another in its place, `count` times. */
    void (*churn)(void *pool, void **blocks, size_t live, uint64_t *state, size_t count);
} loam_bench_blocks;

/* Anything that blocks can be taken from and given back to. */
typedef struct loam_bench_pool {
    /* Returns a pool for blocks of `size` bytes, of which `count` will be live at once, if that must
     * be known. NULL: not in this row. */
    void *(*open)(size_t size, size_t count);
    /* Ends the pool; all blocks were given back. */
    void (*close)(void *pool);
    /* Whether several threads may use one pool at the same time, and give what another one took. */
    int shared;
    /* Whether any size comes from it through one interface, as through loam's handle. */
    int any_size;
    loam_bench_blocks of[LOAM_BENCH_BLOCK_SIZES];
} loam_bench_pool;

/* What a shared library gives. Later versions add tables at the end. */
typedef struct loam_bench_peer {
    unsigned version;            /* LOAM_BENCH_PEER_VERSION */
    const char *name;            /* as it shall stand in the tables; letters, digits, _ */
    const loam_bench_bump *bump; /* or NULL */
    const loam_bench_vec *vec;   /* or NULL */
    const loam_bench_pool *pool; /* or NULL */
    /* What stands in for `pool` in rows of several threads. NULL: each thread opens a `pool` of its
     * own, and none gives what another one took. */
    const loam_bench_pool *shared;
    const struct loam_bench_heap *heap;     /* or NULL; peer_heap.h */
    const struct loam_bench_btree *numbers; /* or NULL; peer_btree.h */
    const struct loam_bench_btree *texts;   /* the same with texts as keys */
} loam_bench_peer;

#ifdef __cplusplus
extern "C"
#endif
    const loam_bench_peer *
    loam_bench_get_peer(void);

/* The word that is stored into each block. It may alias anything, so that an arena's own fields
 * are read again for each push, as they are in a program that does something with its blocks. */
typedef uint64_t __attribute__((may_alias)) loam_bench_word;

/* Makes the compiler believe that somebody looks at a block or an arena, and at all memory: what
 * is behind it is read again, as it must be in a program that does something in between. */
#define LOAM_BENCH_USE(pointer) __asm__ volatile("" : : "r"(pointer) : "memory")

/* Clears a block in the best way that is known: straight stores up to a cache line, the C library's
 * memset above. A size that the compiler knows would make a slow string instruction of it. */
static inline __attribute__((always_inline, unused)) void *loam_bench_zero(void *block, size_t size)
{
    if (size > 64)
        __asm__("" : "+r"(size));
    return memset(block, 0, size);
}

/* One loop: blocks of one size. `push(arena, size)` is a function or a macro. */
#define LOAM_BENCH_PUSH_LOOP(name, type, size, push)                                               \
    static void name##_##size(void *opaque, size_t count)                                          \
    {                                                                                              \
        type *arena = (type *)opaque;                                                              \
                                                                                                   \
        for (size_t i = 0; i < count; i++) {                                                       \
            loam_bench_word *block = (loam_bench_word *)push(arena, size);                         \
                                                                                                   \
            *block = i;                                                                            \
            LOAM_BENCH_USE(block);                                                                 \
        }                                                                                          \
    }

/* The loops of a table, for `type *` arenas: name_16() to name_4096(). */
#define LOAM_BENCH_PUSHES(name, type, push)                                                        \
    LOAM_BENCH_PUSH_LOOP(name, type, 16, push)                                                     \
    LOAM_BENCH_PUSH_LOOP(name, type, 64, push)                                                     \
    LOAM_BENCH_PUSH_LOOP(name, type, 256, push)                                                    \
    LOAM_BENCH_PUSH_LOOP(name, type, 4096, push)

/* Those loops as the initialiser of a table. */
#define LOAM_BENCH_PUSH_TABLE(name)                                                                \
    {                                                                                              \
        name##_16, name##_64, name##_256, name##_4096                                              \
    }

/* The loop of marks: `get(arena)` gives a `mark`, `rewind(arena, mark)` goes back to it. */
#define LOAM_BENCH_MARKS(name, type, mark, get, push, rewind)                                      \
    static void name(void *opaque, size_t count)                                                   \
    {                                                                                              \
        type *arena = (type *)opaque;                                                              \
                                                                                                   \
        for (size_t i = 0; i < count; i++) {                                                       \
            mark place = get(arena);                                                               \
                                                                                                   \
            for (int k = 0; k < 4; k++) {                                                          \
                loam_bench_word *block = (loam_bench_word *)push(arena, 64);                       \
                                                                                                   \
                *block = i;                                                                        \
                LOAM_BENCH_USE(block);                                                             \
            }                                                                                      \
            rewind(arena, place);                                                                  \
            LOAM_BENCH_USE(arena);                                                                 \
        }                                                                                          \
    }

/* ---- arrays that grow ---- */

/* The elements. Each is made from its index, all of it, just before it is pushed. */
typedef uint32_t loam_bench_4;
typedef uint64_t loam_bench_8;
typedef struct loam_bench_64 {
    uint64_t words[8];
} loam_bench_64;

static inline loam_bench_4 loam_bench_make_4(size_t i)
{
    return (loam_bench_4)i;
}

static inline loam_bench_8 loam_bench_make_8(size_t i)
{
    return (loam_bench_8)i;
}

static inline loam_bench_64 loam_bench_make_64(size_t i)
{
    uint64_t w = (uint64_t)i;
    loam_bench_64 made = {{w, w, w, w, w, w, w, w}};

    return made;
}

/* One array, of elements of one size. The barrier makes the compiler read the array's fields again
 * for each push, as it must where something happens in between, and keeps it from doing several
 * pushes at once where it could see through them. */
#define LOAM_BENCH_ARRAY(name, size, type, make, push, at, end)                                    \
    static void name##_fill_##size(void *opaque, size_t count)                                     \
    {                                                                                              \
        type(loam_bench_##size) *array = (type(loam_bench_##size) *)opaque;                        \
                                                                                                   \
        make(array, loam_bench_##size, count);                                                     \
        for (size_t i = 0; i < count; i++) {                                                       \
            loam_bench_##size value = loam_bench_make_##size(i);                                   \
                                                                                                   \
            push(array, loam_bench_##size, value);                                                 \
            LOAM_BENCH_USE(array);                                                                 \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    static const void *name##_at_##size(void *opaque, size_t index)                                \
    {                                                                                              \
        return at((type(loam_bench_##size) *)opaque, loam_bench_##size, index);                    \
    }                                                                                              \
                                                                                                   \
    static void name##_end_##size(void *opaque)                                                    \
    {                                                                                              \
        end((type(loam_bench_##size) *)opaque, loam_bench_##size);                                 \
    }

/* The functions of a table. Each argument is a macro: type(T) names the array's own fields where its
 * elements are T; make(array, T, count) begins an array, and `count` is nobody's business but the
 * limit's; push(array, T, value), where `value` is a variable of type T; at(array, T, index) gives
 * an address; end(array, T). What is out of memory ends the process. */
#define LOAM_BENCH_ARRAYS(name, type, make, push, at, end)                                         \
    LOAM_BENCH_ARRAY(name, 4, type, make, push, at, end)                                           \
    LOAM_BENCH_ARRAY(name, 8, type, make, push, at, end)                                           \
    LOAM_BENCH_ARRAY(name, 64, type, make, push, at, end)

/* Those functions as the initialiser of a loam_bench_vec. */
#define LOAM_BENCH_ARRAY_TABLE(name)                                                               \
    {                                                                                              \
        {                                                                                          \
            {4, name##_fill_4, name##_at_4, name##_end_4},                                         \
                {8, name##_fill_8, name##_at_8, name##_end_8},                                     \
            {                                                                                      \
                64, name##_fill_64, name##_at_64, name##_end_64                                    \
            }                                                                                      \
        }                                                                                          \
    }

/* ---- pools ---- */

/* The next of a row of numbers that look drawn; all contenders have the same. */
static inline __attribute__((always_inline, unused)) size_t loam_bench_draw(uint64_t *state,
                                                                            size_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + 1;
    return (size_t)((*state >> 32) * (uint64_t)below >> 32);
}

/* The loops over blocks of one size. A barrier stands behind each taking and each giving: the pool's
 * fields are read again, as they must be where something happens in between. */
#define LOAM_BENCH_BLOCK_LOOPS(name, size, type, self, obtain, release)                            \
    static void name##_pairs_##size(void *opaque, size_t count)                                    \
    {                                                                                              \
        type from = self(opaque);                                                                  \
                                                                                                   \
        (void)from;                                                                                \
        for (size_t i = 0; i < count; i++) {                                                       \
            loam_bench_word *block = (loam_bench_word *)obtain(from, size);                        \
                                                                                                   \
            *block = i;                                                                            \
            LOAM_BENCH_USE(block);                                                                 \
            release(from, block, size);                                                            \
            LOAM_BENCH_USE(opaque);                                                                \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    static void name##_take_##size(void *opaque, void **taken, size_t count)                       \
    {                                                                                              \
        type from = self(opaque);                                                                  \
                                                                                                   \
        (void)from;                                                                                \
        for (size_t i = 0; i < count; i++) {                                                       \
            loam_bench_word *block = (loam_bench_word *)obtain(from, size);                        \
                                                                                                   \
            *block = i;                                                                            \
            taken[i] = block;                                                                      \
            LOAM_BENCH_USE(opaque);                                                                \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    static void name##_give_##size(void *opaque, void *const *taken, size_t count)                 \
    {                                                                                              \
        type from = self(opaque);                                                                  \
                                                                                                   \
        (void)from;                                                                                \
        for (size_t i = 0; i < count; i++) {                                                       \
            release(from, (loam_bench_word *)taken[i], size);                                      \
            LOAM_BENCH_USE(opaque);                                                                \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    static void name##_give_in_##size(void *opaque, void *const *taken, const uint32_t *order,     \
                                      size_t count)                                                \
    {                                                                                              \
        type from = self(opaque);                                                                  \
                                                                                                   \
        (void)from;                                                                                \
        for (size_t i = 0; i < count; i++) {                                                       \
            release(from, (loam_bench_word *)taken[order[i]], size);                               \
            LOAM_BENCH_USE(opaque);                                                                \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    static void name##_churn_##size(void *opaque, void **taken, size_t live, uint64_t *state,      \
                                    size_t count)                                                  \
    {                                                                                              \
        type from = self(opaque);                                                                  \
        uint64_t drawn = *state;                                                                   \
                                                                                                   \
        (void)from;                                                                                \
        for (size_t i = 0; i < count; i++) {                                                       \
            size_t at = loam_bench_draw(&drawn, live);                                             \
            loam_bench_word *block;                                                                \
                                                                                                   \
            release(from, (loam_bench_word *)taken[at], size);                                     \
            LOAM_BENCH_USE(opaque);                                                                \
            block = (loam_bench_word *)obtain(from, size);                                         \
            *block = i;                                                                            \
            taken[at] = block;                                                                     \
            LOAM_BENCH_USE(opaque);                                                                \
        }                                                                                          \
        *state = drawn;                                                                            \
    }

/* The functions of a table. `type from = self(opaque)` is what open() gave, as `obtain(from, size)`
 * and `release(from, block, size)` want it. What is out of memory ends the process. */
#define LOAM_BENCH_POOLS(name, type, self, obtain, release)                                        \
    LOAM_BENCH_BLOCK_LOOPS(name, 16, type, self, obtain, release)                                  \
    LOAM_BENCH_BLOCK_LOOPS(name, 32, type, self, obtain, release)                                  \
    LOAM_BENCH_BLOCK_LOOPS(name, 48, type, self, obtain, release)                                  \
    LOAM_BENCH_BLOCK_LOOPS(name, 64, type, self, obtain, release)                                  \
    LOAM_BENCH_BLOCK_LOOPS(name, 128, type, self, obtain, release)                                 \
    LOAM_BENCH_BLOCK_LOOPS(name, 256, type, self, obtain, release)                                 \
    LOAM_BENCH_BLOCK_LOOPS(name, 512, type, self, obtain, release)

/* Those functions as the initialiser of loam_bench_pool's `of`. */
#define LOAM_BENCH_BLOCKS_OF(name, size)                                                           \
    {                                                                                              \
        size, name##_pairs_##size, name##_take_##size, name##_give_##size, name##_give_in_##size,  \
            name##_churn_##size                                                                    \
    }
#define LOAM_BENCH_POOL_TABLE(name)                                                                \
    {                                                                                              \
        LOAM_BENCH_BLOCKS_OF(name, 16), LOAM_BENCH_BLOCKS_OF(name, 32),                            \
            LOAM_BENCH_BLOCKS_OF(name, 48), LOAM_BENCH_BLOCKS_OF(name, 64),                        \
            LOAM_BENCH_BLOCKS_OF(name, 128), LOAM_BENCH_BLOCKS_OF(name, 256),                      \
            LOAM_BENCH_BLOCKS_OF(name, 512)                                                        \
    }

#endif
