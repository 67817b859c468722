/* heap_support.h: what the tests of the heap share: heaps over memory of each kind, and a look at
 * everything that can be seen of one.
 */
#ifndef LOAM_TEST_HEAP_SUPPORT_H
#define LOAM_TEST_HEAP_SUPPORT_H

#include "support/ground.h"
#include "support/test.h"

#include <loam/heap.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* What stands in front of each block. */
#define WORD_SIZE sizeof(size_t)

/* ---- worlds: a heap and its memory ---- */

typedef enum heap_kind {
    HEAP_BUFFER,          /* one buffer, aligned to a page */
    HEAP_ODD_BUFFER,      /* one that begins and ends at an odd address */
    HEAP_REGIONS,         /* a buffer and four regions of odd sizes, added to it */
    HEAP_GROWING,         /* over libc, behind adapters that refuse and count */
    HEAP_GROWING_CHECKED, /* the same over a checked allocator, and no region is kept */
    HEAP_GROWING_BUMP,    /* the same over a source that reclaims nothing and extends in place */
    HEAP_KINDS
} heap_kind;

enum { WORLD_BUFFERS = 5 };

typedef struct heap_world {
    loam_heap *heap;
    heap_kind kind;
    size_t granule;
    unsigned char *buffers[WORLD_BUFFERS]; /* of the heap; NULL: not used */
    size_t sizes[WORLD_BUFFERS];
    unsigned char *memory; /* that they lie in */
    size_t memory_size;
    ground ground; /* of a growing heap */
} heap_world;

const char *heap_kind_name(heap_kind kind);
bool heap_kind_grows(heap_kind kind);

/* Sets one up. `size` is all the memory of a buffer, and the first region of what grows. */
void world_begin(heap_world *w, heap_kind kind, size_t granule, size_t size);

/* Ends the heap, whatever is live in it. A source must have everything back. */
void world_end(heap_world *w);

/* ---- what a walk shows ---- */

typedef struct heap_piece {
    unsigned char *at;
    size_t size;
    bool live;
} heap_piece;

/* Live and free pieces in the order of the walk. */
typedef struct heap_map {
    heap_piece *pieces;
    size_t count, room;
    size_t live, free, metadata, reserved; /* bytes */
    size_t live_count, free_count;
    size_t largest_free;
    size_t regions; /* stretches without a gap */
    const unsigned char *next;
    bool after_free; /* the last piece of this region that was not metadata was free */
    size_t between;  /* bytes of metadata behind it */
} heap_map;

/* Takes the place of what was in it; begins as zeros. */
void heap_map_take(heap_map *map, const loam_heap *heap);
void heap_map_end(heap_map *map);

/* The smallest block that a request could be cut from, by size; NULL if there is none. */
const heap_piece *heap_map_fit(const heap_map *map, size_t size);

/* Whether a request can be cut from a free piece so that its address is aligned. */
bool heap_piece_holds(const heap_piece *piece, size_t size, size_t align);
bool heap_map_holds(const heap_map *map, size_t size, size_t align);

/* The least bytes of a whole block, header and all. */
enum { LEAST_BLOCK = 16 };

/* What a request takes, header and all. */
static inline size_t whole_block(size_t size, size_t granule)
{
    size_t whole = (size + WORD_SIZE + granule - 1) & ~(granule - 1);

    return whole < LEAST_BLOCK ? (size_t)LEAST_BLOCK : whole;
}

/* ---- looking ---- */

/* The checker finds nothing, and stats, figures and the walk tell the same. */
#define EXPECT_GOOD_HEAP(heap) expect_good_heap(__FILE__, __LINE__, (heap))
void expect_good_heap(const char *file, int line, const loam_heap *heap);

/* Only the checker. */
#define EXPECT_SOUND_HEAP(heap) expect_sound_heap(__FILE__, __LINE__, (heap))
void expect_sound_heap(const char *file, int line, const loam_heap *heap);

loam_stats heap_stats(const loam_heap *heap);
loam_heap_figures heap_figures(const loam_heap *heap);

/* A block that must be there, aligned and big enough. */
void *must_alloc(loam_heap *heap, size_t size);

static inline bool is_aligned(const void *ptr, size_t align)
{
    return ((uintptr_t)ptr & (align - 1)) == 0;
}

/* Hides a value from the compiler, which warns of absurd sizes. */
size_t hidden(size_t size);

/* ---- contents ---- */

void fill_pattern(void *ptr, size_t size, uint64_t seed);
bool has_pattern(const void *ptr, size_t size, uint64_t seed);
bool is_zero(const void *ptr, size_t size);

/* ---- memory that is the heap's and not ours: no tool watches these ---- */

unsigned char raw_load(const void *at);
void raw_store(void *at, unsigned char value);
void raw_copy(void *to, const void *from, size_t size);

#endif
