/* watch.c: heaps that are watched: in checked builds, under AddressSanitizer and under Valgrind.
 *
 * Every call of such a heap comes here. A checked build verifies each block that is passed back,
 * before anything changes. The tools are told that only the bytes asked for in live blocks may be
 * touched, by anybody but the heap: its other files are compiled without AddressSanitizer, and
 * Valgrind's reports are off while they run. A shared heap is verified, but the tools are told
 * nothing: another process may have changed what they believe.
 */
#include "heap_internal.h"

#include "internal/mark.h"

#if LOAM_VALGRIND
#define QUIET VALGRIND_DISABLE_ERROR_REPORTING
#define LOUD  VALGRIND_ENABLE_ERROR_REPORTING
#else
#define QUIET (void)0
#define LOUD  (void)0
#endif

bool loam_heap_must_watch(bool shared)
{
    return LOAM_CHECKS || (!shared && loam_mark_wanted());
}

/* ---- marks ---- */

void loam_heap_watch_free(const loam_heap *heap, const void *from, const void *to)
{
    if (heap->limit == 0 && !heap->shared)
        loam_mark_dead(from, (size_t)((const char *)to - (const char *)from));
}

void loam_heap_watch_region(const loam_heap *heap, const region *r)
{
    loam_heap_watch_free(heap, block_at(heap, r->first),
                         behind(block_at(heap, r->end), END_WORDS * WORD));
}

void loam_heap_watch_end(const loam_heap *heap, const region *r)
{
    if (heap->limit == 0 && !heap->shared)
        loam_mark_undefined(block_at(heap, r->base), r->size);
}

/* The bytes of a live block that its owner asked for, or may use where that is not known. */
static size_t requested_size(const void *ptr)
{
    const block *b = block_of(ptr);

    return live_size(b) - WORD - slack_of(b);
}

/* A live block had `old_size` bytes that its owner may touch; 0: none. */
static void mark_change(const loam_heap *heap, void *ptr, size_t old_size)
{
    size_t size = requested_size(ptr);
    char *start = (char *)ptr;

    if (heap->shared)
        return;
    if (size < old_size)
        loam_mark_dead(start + size, old_size - size);
    else
        loam_mark_undefined(start + old_size, size - old_size);
#if LOAM_ASAN
    /* The tool knows of each eight bytes how many of them may be touched, from the first on. */
    loam_mark_undefined(start, size);
#endif
}

/* ---- verifying ---- */

bool loam_heap_head_holds(const loam_heap *heap, const block *b)
{
#if SLACK_BITS != 0
    word code = b->head >> CODE_SHIFT << CODE_SHIFT;

    return code == (LOAM_CHECKS ? code_for(link_to(heap, b), b->head) : 0);
#else
    (void)heap;
    (void)b;
    return true;
#endif
}

/* What is wrong with a pointer that starts no live block: looks from the start of its region. */
static loam_misuse diagnose(const loam_heap *heap, const void *ptr)
{
    const region *r = NULL;
    const block *b, *end, *wanted = block_of(ptr);

    for (word link = heap->newest; link; link = r->older) {
        r = region_at(heap, link);
        if (link_to(heap, ptr) - r->first < r->end - r->first)
            break;
    }
    if (!r || link_to(heap, ptr) - r->first >= r->end - r->first ||
        ((uintptr_t)ptr & granule_mask(heap)) != 0)
        return LOAM_MISUSE_FOREIGN_BLOCK;
    end = block_at(heap, r->end);
    for (b = block_at(heap, r->first); b < end;) {
        bool live = is_live(b);
        size_t size = live ? live_size(b) : free_size(b);

        if (b == wanted)
            return live ? LOAM_MISUSE_HEAP_HEADER : LOAM_MISUSE_DOUBLE_FREE;
        if (size < SMALLEST || size > (size_t)((uintptr_t)end - (uintptr_t)b) ||
            (live && !loam_heap_head_holds(heap, b)))
            return LOAM_MISUSE_HEAP_HEADER;
        if (b < wanted && wanted < behind(b, size))
            return live ? LOAM_MISUSE_FOREIGN_BLOCK : LOAM_MISUSE_DOUBLE_FREE;
        b = behind(b, size);
    }
    return LOAM_MISUSE_HEAP_HEADER;
}

/* Whether a link of a free block of a small size can lead to another one, or to a sentinel. */
static bool is_ring_link(const loam_heap *heap, word link)
{
    word rings = link_to(heap, heap->rings);

    return link - rings < 2 * WORD * (heap->small_end >> heap->shift) ||
           loam_heap_owns(heap, block_at(heap, link));
}

/* Whether what says that it is a free block can be one, so that taking it out of its list is safe. */
static bool is_free(const loam_heap *heap, const block *b)
{
    size_t size = free_size(b);
    const block *next = behind(b, size);

    if (size < SMALLEST || (size & heap->mask) != 0 || size > LOAM_HEAP_MAX ||
        !loam_heap_owns(heap, b) || !loam_heap_owns(heap, (const char *)next - 1))
        return false;
    if (size < heap->small_end &&
        (!is_ring_link(heap, b->head & ~FLAGS) || !is_ring_link(heap, b->next)))
        return false;
    return (size == 2 * WORD || *footer_before(next) == size) &&
           (next->head & (PREV_FREE | TINY)) == (PREV_FREE | tiny_flag(size));
}

/* Whether a live block starts there, and its edges agree with both neighbours. O(regions). */
static bool is_block(const loam_heap *heap, const void *ptr)
{
    const block *b = block_of(ptr), *next;

    if (((uintptr_t)ptr & granule_mask(heap)) != 0 || !loam_heap_owns(heap, b) || !is_live(b) ||
        !loam_heap_head_holds(heap, b))
        return false;
    next = behind(b, live_size(b));
    if (!loam_heap_owns(heap, (const char *)next - 1))
        return false;
    if (is_live(next) && ((next->head & PREV_FREE) != 0 || !loam_heap_head_holds(heap, next)))
        return false;
    if (!is_live(next) && loam_heap_owns(heap, next) && !is_free(heap, next))
        return false;
    if (b->head & PREV_FREE) {
        const block *front = before(b, prev_size(b));

        return loam_heap_owns(heap, front) && !is_live(front) && free_size(front) == prev_size(b) &&
               is_free(heap, front);
    }
    return true;
}

static void verify(const loam_heap *heap, const void *ptr)
{
    if (LOAM_CHECKS && !is_block(heap, ptr))
        loam_fatal(diagnose(heap, ptr), ptr);
}

/* ---- the calls ---- */

void *loam_heap_watch_alloc(loam_heap *heap, size_t size, size_t align, bool zero)
{
    void *ptr;

    QUIET;
    heap->spent_low = heap->spent_high = 0;
    ptr = loam_heap_take_or_grow(heap, size, align);
    if (ptr)
        mark_change(heap, ptr, 0);
    LOUD;
    if (!ptr)
        return NULL;
    if (zero) {
        loam_heap_clear_new(heap, ptr, size);
        if (!heap->shared)
            loam_mark_live(ptr, size);
    }
    return ptr;
}

void loam_heap_watch_dealloc(loam_heap *heap, void *ptr)
{
    size_t size;

    QUIET;
    verify(heap, ptr);
    size = live_size(block_of(ptr)) - WORD;
    loam_heap_watch_free(heap, ptr, (char *)ptr + size);
    loam_heap_put(heap, ptr);
    LOUD;
}

/* Where a head does not tell how much was asked for, a size that gives this block must do. */
static bool has_size(const loam_heap *heap, const void *ptr, size_t size)
{
    size_t held = live_size(block_of(ptr));

    if (size > LOAM_HEAP_MAX)
        return false;
    if (SLACK_BITS != 0)
        return size == requested_size(ptr);
    return held - block_for(heap, size) < SMALLEST;
}

void loam_heap_watch_dealloc_sized(loam_heap *heap, void *ptr, size_t size)
{
    QUIET;
    verify(heap, ptr);
    if (LOAM_CHECKS && !has_size(heap, ptr, size))
        loam_fatal(LOAM_MISUSE_WRONG_SIZE, ptr);
    LOUD;
    loam_heap_watch_dealloc(heap, ptr);
}

bool loam_heap_watch_resize(loam_heap *heap, void *ptr, size_t size)
{
    size_t old_size;
    bool done;

    QUIET;
    verify(heap, ptr);
    old_size = requested_size(ptr);
    done = loam_heap_fit_in_place(heap, ptr, size);
    if (done)
        mark_change(heap, ptr, old_size);
    LOUD;
    return done;
}

/* The memory that the block moves in is the heap's, until it has moved. */
static void *move_backwards(loam_heap *heap, void *ptr, size_t size, size_t align)
{
    block *b = block_of(ptr), *next = behind(b, live_size(b));
    char *start, *end = (char *)next, *behind_it = (char *)ptr + requested_size(ptr);
    void *moved;

    if (!(b->head & PREV_FREE))
        return NULL;
    start = (char *)before(b, prev_size(b));
    if (!is_live(next))
        end += free_size(next);
    if (!heap->shared) {
        loam_mark_undefined(start, (size_t)((char *)ptr - start));
        loam_mark_undefined(behind_it, (size_t)(end - behind_it));
    }
    moved = loam_heap_grow_backwards(heap, ptr, size, align);
    loam_heap_watch_free(heap, start, moved ? moved : ptr);
    if (moved)
        behind_it = (char *)moved + requested_size(moved);
    loam_heap_watch_free(heap, behind_it, end);
    return moved;
}

void *loam_heap_watch_realloc(loam_heap *heap, void *ptr, size_t size, size_t align)
{
    size_t kept;
    void *moved;

    QUIET;
    verify(heap, ptr);
    LOUD;
    if (size > LOAM_HEAP_MAX) {
        heap->failures++;
        return NULL;
    }
    if (((uintptr_t)ptr & (align - 1)) == 0 && loam_heap_watch_resize(heap, ptr, size))
        return ptr;
    QUIET;
    kept = loam_min(requested_size(ptr), size);
    moved = move_backwards(heap, ptr, size, loam_max(align, granule_mask(heap) + 1));
    LOUD;
    if (moved)
        return moved;
    moved = loam_heap_watch_alloc(heap, size, align, false);
    if (!moved)
        return NULL;
    memcpy(moved, ptr, kept);
    loam_heap_watch_dealloc(heap, ptr);
    return moved;
}
