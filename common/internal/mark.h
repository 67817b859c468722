/* mark.h: telling AddressSanitizer, Valgrind and ThreadSanitizer who owns a piece of memory.
 *
 * Each ownership edge of loam calls one of these; without the tools they are nothing. A range is
 * dead (nobody may touch it), undefined (the owner may write it) or live (its contents count).
 *
 * Valgrind's requests are used where its headers were there at build time; they cost a few
 * instructions that do nothing outside Valgrind, so they are only on out-of-line paths.
 */
#ifndef LOAM_INTERNAL_MARK_H
#define LOAM_INTERNAL_MARK_H

#include <loam/base.h>

#if defined(__SANITIZE_ADDRESS__)
#define LOAM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LOAM_ASAN 1
#endif
#endif
#ifndef LOAM_ASAN
#define LOAM_ASAN 0
#endif

#if LOAM_ASAN
#include <sanitizer/asan_interface.h>
#endif

#if defined(__SANITIZE_THREAD__)
#define LOAM_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LOAM_TSAN 1
#endif
#endif
#ifndef LOAM_TSAN
#define LOAM_TSAN 0
#endif

#if LOAM_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* -DLOAM_VALGRIND=0 leaves them out, so that what Valgrind counts is what runs without it. */
#if !defined(LOAM_VALGRIND) && defined(__has_include) && !defined(_WIN32)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define LOAM_VALGRIND 1
#endif
#endif
#ifndef LOAM_VALGRIND
#define LOAM_VALGRIND 0
#endif

/* Whether a tool watches this process, so that fast paths have to report what they do. */
static inline bool loam_mark_wanted(void)
{
#if LOAM_ASAN
    return true;
#elif LOAM_VALGRIND
    static char known; /* 0: not yet */
    char answer = __atomic_load_n(&known, __ATOMIC_RELAXED);

    if (answer == 0) {
        answer = RUNNING_ON_VALGRIND ? 2 : 1;
        __atomic_store_n(&known, answer, __ATOMIC_RELAXED);
    }
    return answer == 2;
#else
    return false;
#endif
}

/* Nobody may touch [ptr, ptr + size) from here on. */
static inline void loam_mark_dead(const void *ptr, size_t size)
{
#if LOAM_ASAN
    __asan_poison_memory_region(ptr, size);
#endif
#if LOAM_VALGRIND
    (void)VALGRIND_MAKE_MEM_NOACCESS(ptr, size);
#endif
    (void)ptr;
    (void)size;
}

/* [ptr, ptr + size) belongs to somebody who has not written it yet. */
static inline void loam_mark_undefined(const void *ptr, size_t size)
{
#if LOAM_ASAN
    __asan_unpoison_memory_region(ptr, size);
#endif
#if LOAM_VALGRIND
    (void)VALGRIND_MAKE_MEM_UNDEFINED(ptr, size);
#endif
    (void)ptr;
    (void)size;
}

/* Between these two, Valgrind reports nothing that the calling thread does, so that an allocator may
 * look at its own words where nobody else may. Pairs nest. AddressSanitizer has no such thing: files
 * that do that are compiled without it. */
static inline void loam_mark_quiet(void)
{
#if LOAM_VALGRIND
    VALGRIND_DISABLE_ERROR_REPORTING;
#endif
}

static inline void loam_mark_loud(void)
{
#if LOAM_VALGRIND
    VALGRIND_ENABLE_ERROR_REPORTING;
#endif
}

/* [ptr, ptr + size) may be read: its contents mean something. */
static inline void loam_mark_live(const void *ptr, size_t size)
{
#if LOAM_ASAN
    __asan_unpoison_memory_region(ptr, size);
#endif
#if LOAM_VALGRIND
    (void)VALGRIND_MAKE_MEM_DEFINED(ptr, size);
#endif
    (void)ptr;
    (void)size;
}

/* ThreadSanitizer sees mmap and munmap, but not mremap: what one thread wrote at addresses that it
 * then moved away from would seem to race with the next thread whose pages move there. So whoever
 * leaves addresses says so before, and whoever was given some says so behind; `*places` stands for
 * the kernel's own lock between the two. */
static inline void loam_mark_leaving(void *places)
{
#if LOAM_TSAN
    __tsan_release(places);
#else
    (void)places;
#endif
}

static inline void loam_mark_arrived(void *places)
{
#if LOAM_TSAN
    __tsan_acquire(places);
#else
    (void)places;
#endif
}

#endif
