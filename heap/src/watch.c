/* watch.c: heaps that are watched: in checked builds, under AddressSanitizer and under Valgrind.
 *
 * Every call of such a heap comes here. A checked build verifies each block that is passed back,
 * before anything changes. The tools are told that only the bytes asked for in live blocks may be
 * touched, by anybody but the heap: its other files are compiled without AddressSanitizer (so that
 * this one looks at no head), and Valgrind's reports are off while they run. A shared heap is verified, but the tools are told
 * nothing: another process may have changed what they believe.
 */
#include "heap_internal.h"

#include "internal/mark.h"

bool loam_heap_must_watch(bool shared)
{
    return LOAM_CHECKS || (!shared && loam_mark_wanted());
}

/* ---- marks ---- */

void loam_heap_watch_free(const loam_heap *heap, const void *from, const void *to)
{
    if (heap->fast == 0 && !heap->shared)
        loam_mark_dead(from, (size_t)((const char *)to - (const char *)from));
}

void loam_heap_watch_region(const loam_heap *heap, const region *r)
{
    loam_heap_watch_free(heap, block_at(heap, r->first),
                         behind(block_at(heap, r->end), END_WORDS * WORD));
}

void loam_heap_watch_end(const loam_heap *heap, const region *r)
{
    if (heap->fast == 0 && !heap->shared)
        loam_mark_undefined(block_at(heap, r->base), r->size);
}

/* A live block had `old_size` bytes that its owner may touch; 0: none. */
static void mark_change(const loam_heap *heap, void *ptr, size_t old_size)
{
    size_t size = loam_heap_requested(ptr);
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

/* ---- the calls ---- */

void *loam_heap_watch_alloc(loam_heap *heap, size_t size, size_t align, bool zero)
{
    void *ptr;

    loam_mark_quiet();
    heap->spent_low = heap->spent_high = 0;
    ptr = loam_heap_take_or_grow(heap, size, align);
    if (ptr)
        mark_change(heap, ptr, 0);
    loam_mark_loud();
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
    loam_mark_quiet();
    loam_heap_verify(heap, ptr);
    loam_heap_watch_free(heap, ptr, (char *)ptr + loam_heap_usable_size(heap, ptr));
    loam_heap_put(heap, ptr);
    loam_mark_loud();
}

void loam_heap_watch_dealloc_sized(loam_heap *heap, void *ptr, size_t size)
{
    loam_mark_quiet();
    loam_heap_verify(heap, ptr);
    if (LOAM_CHECKS && !loam_heap_has_size(heap, ptr, size))
        loam_fatal(LOAM_MISUSE_WRONG_SIZE, ptr);
    loam_mark_loud();
    loam_heap_watch_dealloc(heap, ptr);
}

bool loam_heap_watch_resize(loam_heap *heap, void *ptr, size_t size)
{
    size_t old_size;
    bool done;

    loam_mark_quiet();
    loam_heap_verify(heap, ptr);
    old_size = loam_heap_requested(ptr);
    done = loam_heap_fit_in_place(heap, ptr, size);
    if (done)
        mark_change(heap, ptr, old_size);
    loam_mark_loud();
    return done;
}

/* The memory that the block moves in is the heap's, until it has moved. */
static void *move_backwards(loam_heap *heap, void *ptr, size_t size, size_t align)
{
    char *start, *end, *behind_it = (char *)ptr + loam_heap_requested(ptr);
    size_t kept;
    void *moved;

    if (!loam_heap_reach(ptr, &start, &end))
        return NULL;
    if (!heap->shared) { /* defined, since there are links and sizes in it */
        loam_mark_live(start, (size_t)((char *)ptr - start));
        loam_mark_live(behind_it, (size_t)(end - behind_it));
    }
    kept = loam_min(loam_heap_requested(ptr), size);
    moved = loam_heap_grow_backwards(heap, ptr, size, align);
    loam_heap_watch_free(heap, start, moved ? moved : ptr);
    if (moved)
        behind_it = (char *)moved + loam_heap_requested(moved);
    loam_heap_watch_free(heap, behind_it, end);
    if (moved && !heap->shared)
        loam_mark_undefined((char *)moved + kept, size - kept);
    return moved;
}

void *loam_heap_watch_realloc(loam_heap *heap, void *ptr, size_t size, size_t align)
{
    size_t kept;
    void *moved;

    loam_mark_quiet();
    loam_heap_verify(heap, ptr);
    loam_mark_loud();
    if (size > LOAM_HEAP_MAX) {
        heap->failures++;
        return NULL;
    }
    if (((uintptr_t)ptr & (align - 1)) == 0 && loam_heap_watch_resize(heap, ptr, size))
        return ptr;
    loam_mark_quiet();
    kept = loam_min(loam_heap_requested(ptr), size);
    moved = move_backwards(heap, ptr, size, loam_max(align, granule_mask(heap) + 1));
    loam_mark_loud();
    if (moved)
        return moved;
    moved = loam_heap_watch_alloc(heap, size, align, false);
    if (!moved)
        return NULL;
    memcpy(moved, ptr, kept);
    loam_heap_watch_dealloc(heap, ptr);
    return moved;
}
