/* vec_stable.c: sorting that keeps the order of equals.
 *
 * Halves are sorted, and then merged. A merge that fits in the scratch goes there, and comes back
 * when nothing is left to compare; a bigger one is made of two smaller ones, by exchanging what is
 * between the middle of the longer side and its place in the other one:
 *
 *     |--- left --|== cut ==|-- cut --|=== right ===|         each side is sorted, - comes before =
 *     |--- left --|-- cut --|== cut ==|=== right ===|         rotated: two merges of about half
 *
 *   M1  the order of equals: what is in the left part never goes behind its equal in the right one
 *   M2  whenever a comparison is called, the array has all elements, each once: merging reads the
 *       array and writes the scratch, and what is copied back is copied between comparisons
 *   M3  every index is compared with the bounds of its part before it is used, whatever the
 *       comparison says
 *   M4  recursion is for the smaller part, so that the stack is O(log n)
 */
#include "vec_order.h"

enum { ON_STACK = 4096 }; /* bytes of scratch that are always there */

typedef struct merger {
    order o;
    char *scratch;
    size_t room; /* how many elements it holds */
} merger;

static inline char *copy_over(char *to, const char *from, size_t size)
{
    if (size == 8)
        memcpy(to, from, 8);
    else if (size == 4)
        memcpy(to, from, 4);
    else
        memcpy(to, from, size);
    return to + size;
}

/* Merges two sorted parts that fit in the scratch. What of the left one is in its place stays, and
 * what of the right one is left when the left one is used up is in its place too. */
static void merge_in_scratch(const merger *m, char *base, size_t left, size_t right)
{
    const order *o = &m->o;
    char *middle = nth(o, base, left), *end = nth(o, middle, right);
    char *a = base, *b = middle, *out = m->scratch, *first;

    while (a != middle && !is_before(o, b, a))
        a += o->size;
    first = a;
    while (a != middle && b != end) {
        bool take_right = is_before(o, b, a);

        out = copy_over(out, take_right ? b : a, o->size);
        if (take_right)
            b += o->size;
        else
            a += o->size;
    }
    if (a != middle)
        memmove(end - (middle - a), a, (size_t)(middle - a));
    if (out != m->scratch)
        memcpy(first, m->scratch, (size_t)(out - m->scratch));
}

/* Two parts to merge, one behind the other. */
typedef struct sides {
    char *base;
    size_t left, right;
} sides;

/* Makes two merges of one: all that is in the first belongs before all that is in the second. */
static void divide(const merger *m, const sides *whole, sides *first, sides *second)
{
    const order *o = &m->o;
    char *middle = nth(o, whole->base, whole->left);
    size_t left, right; /* how many of each belong to the first */

    if (whole->left > whole->right) {
        left = whole->left / 2;
        right = count_before(o, middle, whole->right, nth(o, whole->base, left), false);
    } else {
        right = whole->right / 2;
        left = count_before(o, whole->base, whole->left, nth(o, middle, right), true);
    }
    loam_vec_rotate_bytes(nth(o, whole->base, left), (whole->left - left) * o->size,
                          right * o->size);
    *first = (sides){whole->base, left, right};
    *second = (sides){nth(o, whole->base, left + right), whole->left - left, whole->right - right};
}

static bool is_merged(const order *o, const sides *s)
{
    char *middle = nth(o, s->base, s->left);

    return s->left == 0 || s->right == 0 || !is_before(o, middle, middle - o->size);
}

static void merge(const merger *m, sides s)
{
    while (!is_merged(&m->o, &s)) {
        sides first, second;
        bool first_is_less;

        if (s.left + s.right <= m->room) {
            merge_in_scratch(m, s.base, s.left, s.right);
            return;
        }
        if (s.left + s.right == 2) {
            exchange(&m->o, s.base, nth(&m->o, s.base, 1));
            return;
        }
        divide(m, &s, &first, &second);
        first_is_less = first.left + first.right < second.left + second.right;
        merge(m, first_is_less ? first : second);
        s = first_is_less ? second : first;
    }
}

static void sort_stably(const merger *m, char *base, size_t n)
{
    size_t half = n / 2;

    if (n <= INSERTION) {
        sort_by_insertion(&m->o, base, n);
        return;
    }
    sort_stably(m, base, half);
    sort_stably(m, nth(&m->o, base, half), n - half);
    merge(m, (sides){base, half, n - half});
}

/* Scratch for half of the elements makes every merge but the last one fit. Where the allocator has
 * none, the room behind the elements will do if it is more than there is. Returns the bytes of a
 * block to give back, or 0. */
static size_t find_scratch(const loam_vec *vec, merger *m)
{
    size_t size = m->o.size, half = vec->count - vec->count / 2;
    void *block;

    if (half <= m->room)
        return 0;
    block = loam_alloc(vec->allocator, half * size, LOAM_MAX_ALIGN);
    if (block) {
        m->scratch = (char *)block;
        m->room = half;
        return half * size;
    }
    if (vec->cap - vec->count > m->room) {
        m->scratch = element(vec, vec->count, size);
        m->room = vec->cap - vec->count;
    }
    return 0;
}

void loam_vec_raw_stable_sort(loam_vec *vec, loam_vec_compare_fn compare, void *context,
                              size_t size)
{
    _Alignas(LOAM_MAX_ALIGN) char on_stack[ON_STACK];
    merger m = {{compare, context, size}, on_stack, 0};
    char *base = (char *)vec->data;
    size_t taken;

    if (vec->count < 2)
        return;
    m.room = sizeof on_stack / size;
    if (is_one_run(&m.o, base, vec->count))
        return;
    taken = find_scratch(vec, &m);
    sort_stably(&m, base, vec->count);
    loam_dealloc(vec->allocator, m.scratch, taken, LOAM_MAX_ALIGN);
}
