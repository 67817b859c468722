/* vec_order.h: elements that are compared and change places: what sorting is made of.
 *
 * Nothing here compares while an element is elsewhere than in the array, or there twice: a
 * comparison that does not return leaves all of them.
 */
#ifndef LOAM_VEC_ORDER_H
#define LOAM_VEC_ORDER_H

#include <loam/vec_algorithms.h>

#include "vec_internal.h"

enum {
    INSERTION = 24, /* parts up to this are sorted by insertion */
    SAVED = 256     /* bytes that are saved aside at once */
};

typedef struct order {
    loam_vec_compare_fn compare;
    void *context;
    size_t size;
} order;

static inline bool is_before(const order *o, const char *a, const char *b)
{
    return o->compare(o->context, a, b) < 0;
}

static inline char *nth(const order *o, char *base, size_t n)
{
    return base + n * o->size;
}

/* ---- changing places ---- */

static inline void exchange_64(char *a, char *b)
{
    char saved[64];

    memcpy(saved, a, sizeof saved);
    memcpy(a, b, sizeof saved);
    memcpy(b, saved, sizeof saved);
}

static inline void exchange_8(char *a, char *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    memcpy(a, &y, sizeof y);
    memcpy(b, &x, sizeof x);
}

static inline void exchange_4(char *a, char *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    memcpy(a, &y, sizeof y);
    memcpy(b, &x, sizeof x);
}

/* Both pieces are the same one, or have no byte in common. */
static inline void exchange_bytes(char *a, char *b, size_t size)
{
    for (; size >= 64; size -= 64, a += 64, b += 64)
        exchange_64(a, b);
    for (; size >= 8; size -= 8, a += 8, b += 8)
        exchange_8(a, b);
    for (; size > 0; size--, a++, b++) {
        char kept = *a;

        *a = *b;
        *b = kept;
    }
}

static inline void exchange_elements(char *a, char *b, size_t size)
{
    if (size == 8)
        exchange_8(a, b);
    else if (size == 4)
        exchange_4(a, b);
    else
        exchange_bytes(a, b, size);
}

static inline void exchange(const order *o, char *a, char *b)
{
    exchange_elements(a, b, o->size);
}

static inline void reverse_elements(char *base, size_t n, size_t size)
{
    char *last = base + n * size;

    for (size_t i = 0; i < n / 2; i++) {
        last -= size;
        exchange_elements(base + i * size, last, size);
    }
}

/* Two pieces change places: |left|right| becomes |right|left|. */
void loam_vec_rotate_bytes(char *base, size_t left, size_t right);

/* ---- insertion ---- */

/* The element at `at` comes to `to`, and those between go one back. */
static inline void bring_forward(char *to, char *at, size_t size)
{
    char saved[SAVED];

    if (size > sizeof saved) {
        for (; at != to; at -= size)
            exchange_bytes(at, at - size, size);
    } else if (size == 8) {
        memcpy(saved, at, 8);
        for (; at != to; at -= 8)
            memcpy(at, at - 8, 8);
        memcpy(to, saved, 8);
    } else if (size == 4) {
        memcpy(saved, at, 4);
        for (; at != to; at -= 4)
            memcpy(at, at - 4, 4);
        memcpy(to, saved, 4);
    } else {
        memcpy(saved, at, size);
        memmove(to + size, to, (size_t)(at - to));
        memcpy(to, saved, size);
    }
}

/* Moves the element at `at` forward to its place among those from `base` on, which are sorted.
 * Returns how many bytes it passed. */
static inline size_t insert_back(const order *o, char *base, char *at)
{
    char *to = at;

    while (to != base && is_before(o, at, to - o->size))
        to -= o->size;
    if (to != at)
        bring_forward(to, at, o->size);
    return (size_t)(at - to);
}

static inline void sort_by_insertion(const order *o, char *base, size_t n)
{
    for (size_t i = 1; i < n; i++)
        (void)insert_back(o, base, nth(o, base, i));
}

/* ---- looking ---- */

/* How many elements of a sorted part come before the key, or with `equal`, do not come behind it. */
static inline size_t count_before(const order *o, const char *base, size_t n, const void *key,
                                  bool equal)
{
    size_t from = 0;

    while (n > 0) {
        size_t half = n / 2;
        int side = o->compare(o->context, key, base + (from + half) * o->size);

        if (side > 0 || (equal && side == 0)) {
            from += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return from;
}

/* How many elements, from the first on, are in order. */
static inline size_t sorted_run(const order *o, char *base, size_t n)
{
    size_t i = n ? 1 : 0;

    while (i < n && !is_before(o, nth(o, base, i), nth(o, base, i - 1)))
        i++;
    return i;
}

/* Whether the part is sorted now, because it was, or because it was so in reverse. */
static inline bool is_one_run(const order *o, char *base, size_t n)
{
    size_t i = sorted_run(o, base, n);

    if (i == n)
        return true;
    if (i > 1)
        return false;
    while (i < n && is_before(o, nth(o, base, i), nth(o, base, i - 1)))
        i++;
    if (i < n)
        return false;
    reverse_elements(base, n, o->size);
    return true;
}

#endif
