/* bits.h: size arithmetic and bit counting, checked where it can overflow.
 *
 * The one place for GNU builtins of this kind.
 */
#ifndef LOAM_INTERNAL_BITS_H
#define LOAM_INTERNAL_BITS_H

#include <loam/base.h>

#include <string.h>

static inline bool loam_is_pow2(size_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

/* Rounds down to a multiple of a power of two. */
static inline size_t loam_round_down(size_t n, size_t pow2)
{
    return n & ~(pow2 - 1);
}

/* Rounds up to a multiple of a power of two; the caller knows that it does not overflow. */
static inline size_t loam_round_up(size_t n, size_t pow2)
{
    return (n + pow2 - 1) & ~(pow2 - 1);
}

/* Rounds up to a multiple of a power of two. False iff the result does not fit in a size_t. */
static inline bool loam_round_up_checked(size_t n, size_t pow2, size_t *result)
{
    if (n > SIZE_MAX - (pow2 - 1))
        return false;
    *result = loam_round_up(n, pow2);
    return true;
}

/* Adds. False iff the sum does not fit in a size_t. */
static inline bool loam_add_checked(size_t a, size_t b, size_t *sum)
{
    if (b > SIZE_MAX - a)
        return false;
    *sum = a + b;
    return true;
}

static inline size_t loam_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t loam_max(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The bytes from an address up to the next multiple of a power of two. */
static inline size_t loam_padding(const void *ptr, size_t pow2)
{
    return (size_t)(-(uintptr_t)ptr & (pow2 - 1));
}

static inline char *loam_clear_64(char *at)
{
    memset(at, 0, 64);
    return at + 64;
}

/* Clears a structure, whose size the compiler knows, by straight stores. Left to itself, the
 * compiler makes a string instruction of a big one, which costs 15 ns to begin; the library's
 * memset costs 4. */
static inline void loam_clear(void *ptr, size_t size)
{
    char *at = (char *)ptr;

    for (; size >= 512; size -= 256)
        at = loam_clear_64(loam_clear_64(loam_clear_64(loam_clear_64(at))));
    if (size & 256)
        at = loam_clear_64(loam_clear_64(loam_clear_64(loam_clear_64(at))));
    if (size & 128)
        at = loam_clear_64(loam_clear_64(at));
    if (size & 64)
        at = loam_clear_64(at);
    memset(at, 0, size & 63);
}

/* The position of the highest set bit; n is not 0. */
static inline unsigned loam_log2(size_t n)
{
#if defined(__GNUC__) || defined(__clang__)
    return (unsigned)(63 - __builtin_clzll((unsigned long long)n));
#else
    unsigned position = 0;

    while (n >>= 1)
        position++;
    return position;
#endif
}

/* Eight bytes that were loaded as a number: the same with the first of them as the lowest. */
static inline uint64_t loam_little_endian(uint64_t n)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(n);
#else
    return n;
#endif
}

/* The position of the lowest set bit; n is not 0. */
static inline unsigned loam_lowest_bit(uint64_t n)
{
#if defined(__GNUC__) || defined(__clang__)
    return (unsigned)__builtin_ctzll(n);
#else
    unsigned position = 0;

    while ((n & 1) == 0) {
        n >>= 1;
        position++;
    }
    return position;
#endif
}

#endif
