/* atomic.h: counters that several threads change.
 *
 * <stdatomic.h> can't stand in a public header that C++ includes, so public structures hold plain
 * words and the library works on them through these. All are relaxed: a counter orders nothing but
 * itself. Words are size_t, which every system changes atomically without a library.
 */
#ifndef LOAM_INTERNAL_ATOMIC_H
#define LOAM_INTERNAL_ATOMIC_H

#include <loam/base.h>

static inline size_t loam_atomic_load(const size_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline void loam_atomic_store(size_t *word, size_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* Returns the sum. */
static inline size_t loam_atomic_add(size_t *word, size_t n)
{
    return __atomic_add_fetch(word, n, __ATOMIC_RELAXED);
}

/* Returns the difference. */
static inline size_t loam_atomic_sub(size_t *word, size_t n)
{
    return __atomic_sub_fetch(word, n, __ATOMIC_RELAXED);
}

/* Writes `desired` iff the word is `*expected`; else reads it into `*expected` and is false. */
static inline bool loam_atomic_swap_if(size_t *word, size_t *expected, size_t desired)
{
    return __atomic_compare_exchange_n(word, expected, desired, true, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

/* Makes the word `n` at least. */
static inline void loam_atomic_raise(size_t *word, size_t n)
{
    size_t seen = loam_atomic_load(word);

    while (seen < n && !loam_atomic_swap_if(word, &seen, n)) {
    }
}

/* Tells the processor that this thread waits for another one to write something. */
static inline void loam_atomic_pause(void)
{
#if (defined(__GNUC__) || defined(__clang__)) && (defined(__x86_64__) || defined(__i386__))
    __builtin_ia32_pause();
#elif (defined(__GNUC__) || defined(__clang__)) && defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
