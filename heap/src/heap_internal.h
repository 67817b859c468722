/* heap_internal.h: how a heap's memory is laid out, what always holds, and the accessors of its words.
 *
 * A region is a piece of memory that blocks are cut from; the first one also has the control block:
 *
 *     [loam_heap, lists]|block|block|block| ... |block|end|        end: head, region, 0
 *     [region          ]|block|block| ... |block|end|
 *
 * Blocks lie side by side. A word is a size_t; a block is a multiple of the granule and at least
 * SMALLEST bytes; its first word, the head, lies one word in front of a multiple of the granule:
 *
 *     live     | head: size, flags | what the user has ...                              |
 *
 *     listed   | head: prev, flags | next | size | ...                           | size |
 *     tiny     | head: prev, flags | next |                       two words, 64-bit only
 *     in tree  | head: flags       |  -   | size | left | right | parent |  ...  | size |
 *                                                                                 footer
 * Flags, the lowest bits of a head:
 *
 *     IN_USE      the block is live
 *     PREV_FREE   the block in front is free (only in live blocks, see H3)
 *     TINY        of a free block: it has two words. Of a live block: the free one in front has.
 *
 * A head of a live block on a 64-bit system also has, above the size, how many usable bytes nobody
 * asked for (the slack) and, in checked builds, a code by which overwriting is noticed:
 *
 *     63        53 52   48 47                                            3  2      1      0
 *     |   code   | slack |                     size                      |tiny|prev|in use|
 *
 * Links are distances from the control block to a head, in bytes, so that the memory may be mapped
 * anywhere. The control block has, for each size below small_end, the sentinel of a ring of free
 * blocks of exactly that size, newest first, and a bit that tells whether there are any. All other free
 * blocks are in a red-black tree, ordered by size and address, but for one: the top, which is what was
 * never used as a rule, and so grows and shrinks too often to have links.
 *
 * What always holds between two calls:
 *
 *  H1  The blocks of a region fill it from `first` to `end` without gap or overlap.
 *  H2  A block's size is a multiple of the granule, and at least SMALLEST.
 *  H3  Two free blocks never lie side by side.
 *  H4  PREV_FREE of a live block is set iff the block in front is free; TINY, iff it is tiny as well.
 *  H5  A free block that is not tiny has its size in its third word and in its last. TINY of a free
 *      block is set iff it has two words.
 *  H6  Each free block is in exactly one place: in the ring for its size if that is below small_end,
 *      else in the tree; and nothing else is there. But for the current block and the top, which are in none.
 *  H7  Rings are closed: next and prev of neighbours agree.
 *  H8  The bit of a ring is set iff it has a block; the summary is 1 for each word of them that
 *      is not 0.
 *  H9  The tree is ordered by size and address, and is red-black; `smallest` is its first node.
 *  H10 peak - room, blocks and held are the sums over all blocks and regions, and room <= peak.
 *  H11 The fresh range is empty, or lies within one free block, behind its words and before its footer.
 *  H12 The end of a region names the region, and has size 0. Regions are listed newest first; the last
 *      one is that of the control block.
 *  H13 What the configuration says is in the control block, and the first block is behind the rings.
 *  H14 In a checked build, the head of a live block has its code; else nothing has.
 *  H15 The current block is free, of more than SMALLEST and less than small_end bytes, and has no links;
 *      or there is none.
 *  H16 `quarter` is where the first quarter of the newest region ends.
 *  H17 The top is free, of small_end bytes or more, and has no links; or there is none.
 *  H18 The last one or two blocks that were given back may be pending, in no order but newest first:
 *      they are as live ones in all that is said here, and differ. A heap that is watched or that grows
 *      has none.
 *
 * A program that gives a block back often wants one of that size next. So the last two are not made free
 * at once, and if one of them has the size it is all there is to do. If not, both are made free, before
 * anything else is looked at: what a request gets or misses is what it would without them.
 */
#ifndef LOAM_HEAP_INTERNAL_H
#define LOAM_HEAP_INTERNAL_H

#include <loam/heap.h>

#include "internal/bits.h"

/* The heap's own words lie where the user's objects of any type were, and will be. */
#if defined(__GNUC__) || defined(__clang__)
#define ANY_TYPE     __attribute__((may_alias))
#define PREFETCH(at) __builtin_prefetch(at, 1)
#else
#define ANY_TYPE
#define PREFETCH(at) ((void)(at))
#endif

typedef size_t ANY_TYPE word;

#if SIZE_MAX > 0xffffffffu
#define TREE_BITS 64
typedef uint64_t tree_link;
#else
#define TREE_BITS 32
typedef uint32_t tree_link;
#endif

typedef struct ANY_TYPE block {
    word head;
    word next;
    word size;
    tree_link node[3]; /* as the tree has it */
} block;

/* The end of sizes that have rings, in big heaps: 4096 bytes and a header are a common size.
 * bench/heap_sweep.c compiles it with others. */
#ifndef LOAM_HEAP_SMALL_MOST
#define LOAM_HEAP_SMALL_MOST 8192
#endif

/* The most that is left of a block for it to be the current one: a page. The same. */
#ifndef LOAM_HEAP_CURRENT_MOST
#define LOAM_HEAP_CURRENT_MOST 4096
#endif

#define WORD sizeof(word)

enum {
    SMALLEST = 16,    /* bytes of the smallest block */
    UNIT = 8,         /* the bits of rings are counted in these, whatever the granule */
    SMALL_LEAST = 64, /* the end of sizes that have rings, in the smallest heaps, */
    SMALL_MOST = LOAM_HEAP_SMALL_MOST, /* and in big ones */
    RINGS_MOST = 1024,
    CURRENT_MOST = LOAM_HEAP_CURRENT_MOST,
    RECORD_ALIGN = 2 * sizeof(word),
    REGION_LEAST = 4 << 10,  /* bytes of the smallest region from a source */
    REGION_FIRST = 64 << 10, /* and of the first one, unless configured */
    GROWTH_EXPECTED = 64,    /* how many times its first region a heap has lists for */
    END_WORDS = 3
};

#define IN_USE    ((word)1)
#define PREV_FREE ((word)2)

#if SIZE_MAX > 0xffffffffu
#define TINY        ((word)4)
#define FLAGS       ((word)7)
#define SIZE_FIELD  ((word)0x0000fffffffffff8u)
#define SLACK_SHIFT 48
#define SLACK_BITS  5
#define CODE_SHIFT  53
#else
#define TINY       ((word)0) /* the smallest block has four words */
#define FLAGS      ((word)3)
#define SIZE_FIELD (~(word)7)
#define SLACK_BITS 0
#endif

_Static_assert(SMALLEST >= 4 * WORD || SMALLEST == 2 * WORD, "a smallest block can be listed");
_Static_assert(SMALL_MOST <= RINGS_MOST * UNIT, "each size has a bit");
_Static_assert(RINGS_MOST / 64 == 2 * sizeof(uint64_t), "the summary is read as two words");
_Static_assert(SMALL_LEAST >= sizeof(block) + WORD, "a node of the tree fits in its block");

/* A piece of memory that blocks are cut from. Its fields but `base` are links. */
typedef struct region {
    word older;  /* the region that came before; 0: none, */
    word mirror; /* and its complement */
    word base;   /* where the memory starts, as it was handed over */
    word size;   /* and how long it is */
    word first;  /* the first block */
    word end;    /* the end, behind the last one */
    word source; /* 1: it came from the heap's source */
} region;

struct loam_heap {
    word clear;     /* which bits make multiples of the granule; first: see block_pending() */
    word round;     /* a word and the granule less one: see block_for() */
    word fast;      /* requests of 1 up to this many bytes are fast: 0 in a heap that is watched */
    word eager;     /* 1: no block is ever pending */
    word each;      /* all ones if each unit has a ring, 0 if every second: see ring_for() */
    word small_end; /* sizes below have rings */
    word room;      /* usable bytes that can become live before there is a new peak */
    word blocks;    /* how many are live */
    word current_size;  /* of the current block; 0: there is none */
    word current;       /* what is left of the last small block that was cut; 0: none */
    word top_size;      /* of the top; 0: there is none */
    word top;           /* a large free block that is not in the tree; 0: none */
    word pending[2];    /* given back and not free yet, newest first; 0: none */
    tree_link smallest; /* the first node of the tree */
    tree_link root;
    word peak;
    uint8_t summary[RINGS_MOST / 64]; /* for each word of the bits, 1 if it may be other than 0 */
    uint64_t bits[RINGS_MOST / 64];

    word fresh_low;  /* from here */
    word fresh_high; /* to here, memory is zero */
    word spent_low;  /* what the range was, */
    word spent_high; /* before the last block was cut out of it */
    word quarter;    /* where the first quarter of the newest region ends: see spans_quarter() */
    word newest;     /* the newest region, */
    word mirror;     /* and its complement */
    word held;       /* bytes of all regions */
    word failures;
    word keep;        /* as configured */
    word region_size; /* as configured */
    word shared;      /* other processes use it too */
    loam_allocator source;
    word magic;
    region first;

    word rings[]; /* for each size in granules, the sentinel's head and next */
};

/* Tells whether a buffer has a heap, and one that was built as this code is. */
#define MAGIC                                                                                      \
    (((word)0x6c6f616d & ~(word)0xfff) + ((word)LOAM_CHECKS << 8) + ((word)sizeof(word) << 4) + 2)

/* ---- links ---- */

static inline block *block_at(const loam_heap *heap, word link)
{
    return (block *)((uintptr_t)heap + link);
}

static inline word link_to(const loam_heap *heap, const void *at)
{
    return (uintptr_t)at - (uintptr_t)heap;
}

static inline region *region_at(const loam_heap *heap, word link)
{
    return (region *)((uintptr_t)heap + link);
}

/* Where a region's first quarter ends. */
static inline word quarter_of(const region *r)
{
    return r->first + (r->end - r->first) / 4;
}

/* ---- blocks ---- */

static inline block *block_of(const void *ptr)
{
    return (block *)((uintptr_t)ptr - WORD);
}

static inline void *payload_of(const block *b)
{
    return (void *)((uintptr_t)b + WORD);
}

static inline block *behind(const block *b, size_t size)
{
    return (block *)((uintptr_t)b + size);
}

static inline block *before(const block *b, size_t size)
{
    return (block *)((uintptr_t)b - size);
}

/* The last word of the block in front, if that is free and not tiny. */
static inline word *footer_before(const block *b)
{
    return (word *)((uintptr_t)b - WORD);
}

static inline bool is_live(const block *b)
{
    return (b->head & IN_USE) != 0;
}

static inline size_t live_size(const block *b)
{
    return b->head & SIZE_FIELD;
}

/* SMALLEST if a head says that a free block is tiny, else what stands where the size of others does:
 * there is a word in any case. No jump, since it can't be foreseen. */
static inline size_t size_told(word head, word told)
{
    word tiny = 0 - (word)((head & TINY) != 0);

    return (told & ~tiny) | (SMALLEST & tiny);
}

/* Of a free block, or of a region's end, which is 0. */
static inline size_t free_size(const block *b)
{
    return size_told(b->head, b->size);
}

/* Of the free block in front of a live one. */
static inline size_t prev_size(const block *b)
{
    return size_told(b->head, *footer_before(b));
}

/* The flag of a free block's size, which is SMALLEST or more. No jump here either. */
static inline word tiny_flag(size_t size)
{
    return ((size - SMALLEST - 1) >> (8 * WORD - 1)) * TINY;
}

/* ---- sizes ---- */

static inline size_t granule_mask(const loam_heap *heap)
{
    return ~heap->clear;
}

/* The bytes of the rings of sizes below this one. */
static inline size_t rings_size(size_t small_end, size_t granule)
{
    return small_end / granule * 2 * WORD;
}

/* The block that a request needs; it is at most LOAM_HEAP_MAX. */
static inline size_t block_for(const loam_heap *heap, size_t request)
{
    size_t need = (request + heap->round) & heap->clear;

    return need < SMALLEST ? (size_t)SMALLEST : need;
}

static inline size_t live_bytes(const loam_heap *heap)
{
    return heap->peak - heap->room;
}

/* ---- heads of live blocks ---- */

#if SIZE_MAX > 0xffffffffu
static inline size_t slack_of(const block *b)
{
    return b->head >> SLACK_SHIFT & ((1u << SLACK_BITS) - 1);
}

/* The code of a head without its flags but IN_USE, at the place that it has. */
static inline word code_for(word link, word head)
{
    word mixed = ((head | IN_USE) & ~(PREV_FREE | TINY) & (((word)1 << CODE_SHIFT) - 1)) + link;

    return (mixed * 0x9e3779b97f4a7c15u) >> CODE_SHIFT << CODE_SHIFT;
}
#else
static inline size_t slack_of(const block *b)
{
    (void)b;
    return 0;
}
#endif

/* The head of a live block of `size` bytes for a request; `flags` tells of the block in front. */
static inline word live_head(const loam_heap *heap, const block *b, size_t size, size_t request,
                             word flags)
{
    word head = size | flags | IN_USE;

#if SIZE_MAX > 0xffffffffu
    head |= (word)(size - WORD - request) << SLACK_SHIFT;
#if LOAM_CHECKS
    head |= code_for(link_to(heap, b), head);
#endif
#endif
    (void)heap;
    (void)b;
    (void)request;
    return head;
}

/* ---- the core, which knows nothing of tools: alloc.c, free.c, realloc.c ---- */

/* Return a block's payload, or NULL: nothing fits. The size is at most LOAM_HEAP_MAX, and `align` is
 * a power of two above the granule. */
void *loam_heap_take(loam_heap *heap, size_t request);
void *loam_heap_take_aligned(loam_heap *heap, size_t request, size_t align);

/* Any request; grows the heap, and counts failures. */
void *loam_heap_take_or_grow(loam_heap *heap, size_t size, size_t align);

/* Clears a new block but for what is known to be zero. spent_low and spent_high were the same before
 * it was taken. */
void loam_heap_clear_new(const loam_heap *heap, void *ptr, size_t size);

/* Makes a live block free. */
void loam_heap_put(loam_heap *heap, void *ptr);

/* Makes the pending blocks free, the older one first. */
void loam_heap_settle(loam_heap *heap);

/* The same, where it seems that more is live than ever was. Returns `ptr`. */
void *loam_heap_settle_peak(loam_heap *heap, void *ptr);

/* Moves a block to wherever there is room. */
void *loam_heap_move(loam_heap *heap, void *ptr, size_t request, size_t align);

/* Grows a block over the free one in front, and moves its contents. NULL: there is no room. */
void *loam_heap_grow_backwards(loam_heap *heap, void *ptr, size_t request, size_t align);

/* Changes the size of a block where it is. False: it doesn't fit. */
bool loam_heap_fit_in_place(loam_heap *heap, void *ptr, size_t size);

/* Cuts a live block for a request out of a free one of `size` bytes, which nothing lists any more,
 * `pad` bytes behind its start; what is left over is free. Returns its payload. */
void *loam_heap_cut(loam_heap *heap, block *b, size_t size, size_t pad, size_t need,
                    size_t request);

/* Where in a free block of `size` bytes one of `need` bytes can start so that its payload is aligned,
 * as far in front or behind as possible. False: nowhere. */
bool loam_heap_aligned_pad(const loam_heap *heap, const block *b, size_t size, size_t need,
                           size_t align, size_t *pad);

/* ---- regions: heap.c, grow.c ---- */

/* Makes a region, whose record is filled in but for first and end, one free block behind `at`, where
 * there is room for one. */
void loam_heap_open_region(loam_heap *heap, region *r, const void *at);

/* Writes the end of a region whose base and size are known. */
void loam_heap_write_end(loam_heap *heap, region *r);

/* Makes [base, base + size) a region, with its record at its start. NULL: it is too small. */
region *loam_heap_add_region(loam_heap *heap, void *base, size_t size);

/* Notes that all of a new region reads zero, but for what it keeps in it. */
void loam_heap_set_fresh(loam_heap *heap, const region *r);

/* Memory for a region, zero where the source has that cheaper than by clearing; NULL: it refuses. */
void *loam_heap_region_alloc(loam_allocator source, size_t size);

/* Takes memory from the source for a block of `need` bytes with this alignment. False: it refuses. */
bool loam_heap_grow(loam_heap *heap, size_t need, size_t align);

/* Gives a region back, if all of it is free and there may not be so many; or all such. */
void loam_heap_release_empty(loam_heap *heap, const block *end);
void loam_heap_keep_few(loam_heap *heap);

/* As loam_heap_trim() of a growing heap, but stops when so many bytes went. */
size_t loam_heap_trim_some(loam_heap *heap, size_t most);

/* The first place for a block at or behind `at`, and the place for a region's end. */
block *loam_heap_first_place(const loam_heap *heap, const void *at);
block *loam_heap_last_place(const loam_heap *heap, const region *r);

/* The free block that is all of a region; NULL: there is none. */
block *loam_heap_whole(const loam_heap *heap, const region *r);

/* ---- verify.c ---- */

/* Ends the program unless a live block starts there, whose edges agree with its neighbours'. Nothing
 * in unchecked builds. Cost: O(regions). */
void loam_heap_verify(const loam_heap *heap, const void *ptr);

/* The bytes of a live block that its owner asked for, or may use where that is not known. */
size_t loam_heap_requested(const void *ptr);

/* Whether that is so many. Where a head does not tell, a size that gives this block must do. */
bool loam_heap_has_size(const loam_heap *heap, const void *ptr, size_t size);

/* Where the free block in front of a live one starts, and one behind, if any, ends. False: there is
 * none in front. */
bool loam_heap_reach(const void *ptr, char **start, char **end);

/* ---- watch.c: checked builds and tools; see there ---- */

bool loam_heap_must_watch(bool shared);

/* Whether the head of a live block is as it was written, as far as that can be told. */
bool loam_heap_head_holds(const loam_heap *heap, const block *b);

void *loam_heap_watch_alloc(loam_heap *heap, size_t size, size_t align, bool zero);
void loam_heap_watch_dealloc(loam_heap *heap, void *ptr);
void loam_heap_watch_dealloc_sized(loam_heap *heap, void *ptr, size_t size);
void *loam_heap_watch_realloc(loam_heap *heap, void *ptr, size_t size, size_t align);
bool loam_heap_watch_resize(loam_heap *heap, void *ptr, size_t size);
size_t loam_heap_watch_usable_size(const void *ptr);

/* The blocks of a region are all free; a region goes; [from, to) belongs to the heap. */
void loam_heap_watch_region(const loam_heap *heap, const region *r);
void loam_heap_watch_end(const loam_heap *heap, const region *r);
void loam_heap_watch_free(const loam_heap *heap, const void *from, const void *to);

#endif
