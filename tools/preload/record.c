/* record.c: the preload library of `loam record`: hands every request on to the malloc behind it and
 * notes it in a log (log.h).
 *
 *   P1  a request is noted after it was met, a block that is given before it is: so the sequence
 *       numbers of an address alternate between the two, whichever threads they are of
 *   P2-P4 and P6 are in writer.h
 *   P5  errno is as the malloc behind left it, and nothing here asks a malloc for memory
 *
 * Prints nothing and ends nothing: where the log cannot be written, the program runs on and calls are
 * counted as lost.
 */
#define _GNU_SOURCE
#include "writer.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* ---- the malloc behind ---- */

static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
    void *(*aligned_alloc)(size_t, size_t);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*memalign)(size_t, size_t);
    void *(*valloc)(size_t);
    void *(*pvalloc)(size_t);
} behind;

static atomic_bool resolved;

/* What is asked for while the names are looked up, by the very one who looks: never given back. */
static struct {
    _Alignas(16) unsigned char bytes[1 << 16];
    size_t used;
} early;

static bool is_early(const void *ptr)
{
    return (const unsigned char *)ptr >= early.bytes &&
           (const unsigned char *)ptr < early.bytes + sizeof early.bytes;
}

static void *take_early(size_t size, size_t align)
{
    size_t at = (early.used + align + 15) & ~(align - 1) & ~(size_t)15;

    if (align > 4096 || at > sizeof early.bytes || sizeof early.bytes - at < size) {
        errno = ENOMEM;
        return NULL;
    }
    early.used = at + size;
    memcpy(early.bytes + at - sizeof size, &size, sizeof size);
    return early.bytes + at;
}

static size_t early_size(const void *ptr)
{
    size_t size;

    memcpy(&size, (const unsigned char *)ptr - sizeof size, sizeof size);
    return size;
}

/* Whether the malloc behind can be called. False only within the look-up. */
COLD static bool resolve(void)
{
    void *found[9];
    static const char *const names[] = {"malloc",   "calloc",        "realloc",
                                        "free",     "aligned_alloc", "posix_memalign",
                                        "memalign", "valloc",        "pvalloc"};

    if (writer_mine.busy && !atomic_load_explicit(&resolved, memory_order_acquire))
        return false;
    writer_mine.busy = WRITER_PREPARES;
    writer_prepare();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        found[i] = dlsym(RTLD_NEXT, names[i]);
    memcpy(&behind, found, sizeof found);
    atomic_store_explicit(&resolved, true, memory_order_release);
    writer_mine.busy = WRITER_IDLE;
    return true;
}

static inline bool ready(void)
{
    return __builtin_expect(atomic_load_explicit(&resolved, memory_order_acquire), 1) || resolve();
}

/* ---- notes ---- */

static inline void *met(unsigned op, unsigned align_log2, void *block, size_t size)
{
    if (block)
        writer_note(op, align_log2, block, size);
    return block;
}

static unsigned log2_of(size_t align)
{
    return align == 0 ? 0 : (unsigned)(sizeof(long) * 8 - 1) - (unsigned)__builtin_clzl(align);
}

/* ---- what programs call ---- */

EXPORT void *malloc(size_t size)
{
    if (!ready())
        return take_early(size, 16);
    return met(LOG_ALLOC, 0, behind.malloc(size), size);
}

EXPORT void *calloc(size_t nmemb, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(nmemb, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    if (!ready())
        return take_early(bytes, 16); /* which is zero */
    return met(LOG_ALLOC_ZEROED, 0, behind.calloc(nmemb, size), bytes);
}

EXPORT void free(void *ptr)
{
    if (!ptr || is_early(ptr) || !ready())
        return;
    writer_note(LOG_FREE, 0, ptr, 0);
    behind.free(ptr);
}

static void *move_early(const void *block, size_t size)
{
    size_t old = early_size(block);
    void *moved = malloc(size);

    return moved ? memcpy(moved, block, old < size ? old : size) : NULL;
}

EXPORT void *realloc(void *ptr, size_t size)
{
    void *moved;

    if (!ptr)
        return malloc(size);
    if (is_early(ptr))
        return move_early(ptr, size);
    if (!ready())
        return NULL;
    writer_note(LOG_RESIZE_BEGIN, 0, ptr, size);
    moved = behind.realloc(ptr, size);
    writer_note(LOG_RESIZE_END, 0, moved, size);
    return moved;
}

EXPORT void *reallocarray(void *ptr, size_t nmemb, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(nmemb, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(ptr, bytes);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    if (!ready())
        return take_early(size, alignment);
    return met(LOG_ALLOC_ALIGNED, log2_of(alignment), behind.aligned_alloc(alignment, size), size);
}

EXPORT void *memalign(size_t alignment, size_t size)
{
    if (!ready())
        return take_early(size, alignment);
    return met(LOG_ALLOC_ALIGNED, log2_of(alignment), behind.memalign(alignment, size), size);
}

EXPORT int posix_memalign(void **memptr, size_t alignment, size_t size)
{
    int result;

    if (!ready()) {
        *memptr = take_early(size, alignment);
        return *memptr ? 0 : ENOMEM;
    }
    result = behind.posix_memalign(memptr, alignment, size);
    if (result == 0)
        (void)met(LOG_ALLOC_ALIGNED, log2_of(alignment), *memptr, size);
    return result;
}

static size_t page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

EXPORT void *valloc(size_t size)
{
    if (!ready())
        return take_early(size, page());
    return met(LOG_ALLOC_ALIGNED, log2_of(page()), behind.valloc(size), size);
}

EXPORT void *pvalloc(size_t size)
{
    size_t whole = (size + page() - 1) & ~(page() - 1);

    if (!ready())
        return take_early(whole, page());
    return met(LOG_ALLOC_ALIGNED, log2_of(page()), behind.pvalloc(size),
               whole < size ? size : whole);
}
