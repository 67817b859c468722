/* vec_sort.c: sorting in place.
 *
 * Quicksort that looks at what it does (Orson Peters' pattern-defeating quicksort is the idea):
 *
 *   - parts of up to INSERTION elements are sorted by insertion;
 *   - the pivot is the median of three, of big parts that of three such medians; it stands at the
 *     front while its part is split:
 *
 *         |pivot|--- before the pivot ---|..... not looked at .....|--- the rest ---|
 *                                       first                     last
 *
 *   - a part that needed no exchange may be sorted already, and insertion is tried for a few moves;
 *   - where the element before a part is not before the pivot, they are equal, and all that equal
 *     it are put aside at once: few distinct keys cost O(n log of how many);
 *   - a bad split breaks up the pattern that caused it; after log2(n) of them the part is sorted by
 *     a heap. So no input costs more than O(n log n).
 *
 *   Q1  every index is compared with the bounds of its part before it is used, whatever the
 *       comparison says: one that contradicts itself can't lead outside
 *   Q2  elements change places only between comparisons: whenever one is called, all of them are in
 *       the array, each once
 *   Q3  the smaller part is sorted by recursion, so that the stack is O(log n)
 */
#include "vec_order.h"

enum {
    NINTHER = 128, /* parts above this have a pivot of nine */
    FEW_MOVES = 8, /* insertion into what seems to be sorted gives up after so many */
    BAD_SPLIT = 8  /* a split is bad where one side is less than an 8th */
};

/* A part of the array: `n` elements from `base` on. */
typedef struct part {
    char *base;
    size_t n;
    bool leftmost; /* whether there is no element before it */
} part;

/* Sorts what is nearly sorted. False: it was not, and it is not yet. */
static bool sort_by_few_moves(const order *o, char *base, size_t n)
{
    const size_t few = FEW_MOVES * o->size;
    size_t moved = 0;

    for (size_t i = 1; i < n && moved <= few; i++)
        moved += insert_back(o, base, nth(o, base, i));
    return moved <= few;
}

/* ---- the heap ---- */

static void sift_down(const order *o, char *base, size_t at, size_t n)
{
    size_t child;

    for (; at < n / 2; at = child) {
        child = 2 * at + 1;
        if (child + 1 < n && is_before(o, nth(o, base, child), nth(o, base, child + 1)))
            child++;
        if (!is_before(o, nth(o, base, at), nth(o, base, child)))
            return;
        exchange(o, nth(o, base, at), nth(o, base, child));
    }
}

static void sort_by_heap(const order *o, char *base, size_t n)
{
    for (size_t i = n / 2; i > 0; i--)
        sift_down(o, base, i - 1, n);
    for (size_t i = n; i > 1; i--) {
        exchange(o, base, nth(o, base, i - 1));
        sift_down(o, base, 0, i - 1);
    }
}

/* ---- splitting ---- */

static void sort_3(const order *o, char *a, char *b, char *c)
{
    if (is_before(o, b, a))
        exchange(o, a, b);
    if (is_before(o, c, b)) {
        exchange(o, b, c);
        if (is_before(o, b, a))
            exchange(o, a, b);
    }
}

/* Brings a good pivot to the front. */
static void choose_pivot(const order *o, char *base, size_t n)
{
    char *middle = nth(o, base, n / 2);
    char *last = nth(o, base, n - 1);
    size_t size = o->size;

    if (n <= NINTHER) {
        sort_3(o, middle, base, last);
        return;
    }
    sort_3(o, base, middle, last);
    sort_3(o, base + size, middle - size, last - size);
    sort_3(o, base + 2 * size, middle + size, last - 2 * size);
    sort_3(o, middle - size, middle, middle + size);
    exchange(o, base, middle);
}

/* Whether an element belongs in front: it is before the pivot, or, with `equal`, not behind it. */
static inline bool goes_in_front(const order *o, const char *at, const char *pivot, bool equal)
{
    return equal ? !is_before(o, pivot, at) : is_before(o, at, pivot);
}

/* Splits a part around the pivot at its front. Returns where the pivot is then, and in *clean
 * whether no two elements had to be exchanged for that. Q1: first <= last + 1 at each look. */
static inline size_t split(const order *o, char *base, size_t n, bool equal, bool *clean)
{
    size_t first = 1, last = n - 1;

    while (first <= last && goes_in_front(o, nth(o, base, first), base, equal))
        first++;
    while (first <= last && !goes_in_front(o, nth(o, base, last), base, equal))
        last--;
    *clean = first >= last;
    while (first < last) {
        exchange(o, nth(o, base, first), nth(o, base, last));
        first++;
        last--;
        while (first <= last && goes_in_front(o, nth(o, base, first), base, equal))
            first++;
        while (first <= last && !goes_in_front(o, nth(o, base, last), base, equal))
            last--;
    }
    exchange(o, base, nth(o, base, first - 1));
    return first - 1;
}

/* Breaks up whatever made a split bad, at both ends of a side and around its quarters. */
static void stir(const order *o, char *base, size_t n)
{
    size_t quarter = n / 4;

    if (n < INSERTION)
        return;
    exchange(o, base, nth(o, base, quarter));
    exchange(o, nth(o, base, n - 1), nth(o, base, n - quarter));
    if (n > NINTHER) {
        exchange(o, nth(o, base, 1), nth(o, base, quarter + 1));
        exchange(o, nth(o, base, 2), nth(o, base, quarter + 2));
        exchange(o, nth(o, base, n - 2), nth(o, base, n - 1 - quarter));
        exchange(o, nth(o, base, n - 3), nth(o, base, n - 2 - quarter));
    }
}

static void sort_part(const order *o, part p, unsigned bad_left);

/* Sorts the smaller of both sides, and returns the other one (Q3). */
static part sort_smaller(const order *o, part left, part right, unsigned bad_left)
{
    bool left_first = left.n <= right.n;

    sort_part(o, left_first ? left : right, bad_left);
    return left_first ? right : left;
}

/* Splits a part in two. Returns one that is left to sort, which has no elements when all is. */
static part sort_by_split(const order *o, part p, unsigned *bad_left)
{
    size_t size = o->size, pivot;
    part left, right;
    bool clean;

    choose_pivot(o, p.base, p.n);
    if (!p.leftmost && !is_before(o, p.base - size, p.base)) {
        pivot = split(o, p.base, p.n, true, &clean);
        return (part){p.base + (pivot + 1) * size, p.n - pivot - 1, false};
    }
    pivot = split(o, p.base, p.n, false, &clean);
    left = (part){p.base, pivot, p.leftmost};
    right = (part){p.base + (pivot + 1) * size, p.n - pivot - 1, false};
    if (loam_min(left.n, right.n) < p.n / BAD_SPLIT) {
        if (*bad_left == 0) {
            sort_by_heap(o, p.base, p.n);
            return (part){p.base, 0, false};
        }
        --*bad_left;
        stir(o, left.base, left.n);
        stir(o, right.base, right.n);
    } else if (clean && sort_by_few_moves(o, left.base, left.n) &&
               sort_by_few_moves(o, right.base, right.n)) {
        return (part){p.base, 0, false};
    }
    return sort_smaller(o, left, right, *bad_left);
}

static void sort_part(const order *o, part p, unsigned bad_left)
{
    while (p.n > INSERTION)
        p = sort_by_split(o, p, &bad_left);
    sort_by_insertion(o, p.base, p.n);
}

void loam_vec_raw_sort(loam_vec *vec, loam_vec_compare_fn compare, void *context, size_t size)
{
    order o = {compare, context, size};
    part all = {(char *)vec->data, vec->count, true};

    if (vec->count > 1 && !is_one_run(&o, all.base, all.n))
        sort_part(&o, all, loam_log2(vec->count));
}
