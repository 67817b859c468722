/** @file loam/vec_algorithms.h
 * What is done to the elements of an array as a whole: sorting, searching, reversing, rotating, and
 * taking out what a function tells.
 *
 *     loam_vec_sort(&v, by_name, NULL);
 *     loam_vec_dedup(&v, by_name, NULL);
 *     if (loam_vec_search(&v, &name, by_name, NULL, &at))
 *         use(&v.data[at]);
 *     gone = loam_vec_erase_if(&v, is_stale, &now);
 *
 * Nothing here makes the array longer but loam_vec_insert_sorted(), and nothing makes its capacity
 * smaller; only these take memory: loam_vec_insert_sorted(), which can fail, and
 * loam_vec_stable_sort(), which does without where there is none.
 *
 * ## What holds for the functions that are passed in
 *
 * - They must not change the array's size, nor what its elements compare by.
 * - **Whenever one is called, the array has the same elements**, each of them once, in some order:
 *   one that never returns, because it throws or jumps away, leaves such an array, of the count that
 *   it had. What loam_vec_stable_sort() then has taken is lost.
 * - A comparison that contradicts itself gives some order of the same elements, and is never asked
 *   about anything else.
 *
 * As everywhere in loam/vec.h, each `loam_vec_<verb>` is a macro over a function
 * `loam_vec_raw_<verb>` on `v.raw`, for elements whose size is known at run time.
 */
#ifndef LOAM_VEC_ALGORITHMS_H
#define LOAM_VEC_ALGORITHMS_H

#include <loam/vec.h>

LOAM_BEGIN_DECLS

/** Orders two elements: negative, zero or positive, as `a` comes before, with or behind `b`.
 *
 * In a search `a` is always the key and `b` an element, so that the key may be of another type. */
typedef int (*loam_vec_compare_fn)(void *context, const void *a, const void *b);

/** Tells whether an element is one of those that are looked for. */
typedef bool (*loam_vec_match_fn)(void *context, const void *element);

/* ---- the untyped core ---- */

/** loam_vec_sort() on the core. */
void loam_vec_raw_sort(loam_vec *vec, loam_vec_compare_fn compare, void *context, size_t size);
/** loam_vec_stable_sort() on the core. */
void loam_vec_raw_stable_sort(loam_vec *vec, loam_vec_compare_fn compare, void *context,
                              size_t size);
/** loam_vec_is_sorted() on the core. */
bool loam_vec_raw_is_sorted(const loam_vec *vec, loam_vec_compare_fn compare, void *context,
                            size_t size);
/** loam_vec_lower_bound() on the core. */
size_t loam_vec_raw_lower_bound(const loam_vec *vec, const void *key, loam_vec_compare_fn compare,
                                void *context, size_t size);
/** loam_vec_upper_bound() on the core. */
size_t loam_vec_raw_upper_bound(const loam_vec *vec, const void *key, loam_vec_compare_fn compare,
                                void *context, size_t size);
/** loam_vec_search() on the core. */
bool loam_vec_raw_search(const loam_vec *vec, const void *key, loam_vec_compare_fn compare,
                         void *context, size_t *at, size_t size);
/** loam_vec_insert_sorted() on the core; `x` points to the element and may lie in the array. */
LOAM_NODISCARD bool loam_vec_raw_insert_sorted(loam_vec *vec, loam_vec_compare_fn compare,
                                               void *context, const void *x, size_t size,
                                               size_t align);
/** loam_vec_erase_if() on the core. */
size_t loam_vec_raw_erase_if(loam_vec *vec, loam_vec_match_fn match, void *context, size_t size);
/** loam_vec_dedup() on the core. */
size_t loam_vec_raw_dedup(loam_vec *vec, loam_vec_compare_fn compare, void *context, size_t size);
/** loam_vec_reverse() on the core. */
void loam_vec_raw_reverse(loam_vec *vec, size_t size);
/** loam_vec_rotate() on the core. */
bool loam_vec_raw_rotate(loam_vec *vec, size_t at, size_t size);

LOAM_END_DECLS

/* NOLINTBEGIN(bugprone-macro-parentheses): names that are declared can have none */

/* ---- order ---- */

/** Sorts the elements in ascending order. Not stable: equal ones end in any order.
 *
 * In place, takes no memory, can't fail. O(n log n) comparisons whatever the input, O(n) for what
 * is sorted, reversed, or all equal; the stack it takes is O(log n). */
#define loam_vec_sort(v, compare, context)                                                         \
    loam_vec_raw_sort(&(v)->raw, (compare), (context), LOAM_VEC_SIZE_(v))

/** Sorts the elements in ascending order; equal ones stay in the order that they had.
 *
 * Takes room for half of the elements from the array's allocator and gives it back before it
 * returns; up to 4 KiB of it are on the stack and not asked for. Where that is refused, the room
 * behind the elements or those 4 KiB do. Can't fail.
 *
 * O(n log n) comparisons whatever the input, O(n) for what is sorted, or is in descending order
 * without equals. Each element moves O(log n) times, or O(log^2 n) where memory was refused; the
 * stack it takes beyond those 4 KiB is O(log n). At most one call for memory, and one to give it
 * back. */
#define loam_vec_stable_sort(v, compare, context)                                                  \
    loam_vec_raw_stable_sort(&(v)->raw, (compare), (context), LOAM_VEC_SIZE_(v))

/** Whether no element comes before the one in front of it. O(n), up to the first that does. */
#define loam_vec_is_sorted(v, compare, context)                                                    \
    loam_vec_raw_is_sorted(&(v)->raw, (compare), (context), LOAM_VEC_SIZE_(v))

/** Exchanges first and last, and so on to the middle. Can't fail. O(n). */
#define loam_vec_reverse(v) loam_vec_raw_reverse(&(v)->raw, LOAM_VEC_SIZE_(v))

/** Makes the element at position `at` the first one; those before it come behind the last one, in
 * the order that they had. With `at` 0, or the count, nothing happens.
 *
 * Returns false iff `at` is above the count (a checked build stops with "index is outside the
 * array"); then nothing changed. O(n), in place. */
#define loam_vec_rotate(v, at) loam_vec_raw_rotate(&(v)->raw, (at), LOAM_VEC_SIZE_(v))

/* ---- in sorted arrays ---- */

/** The position of the first element that is not before the key, in a sorted array; the count where
 * all are. Putting the key there keeps the order. O(log n). */
#define loam_vec_lower_bound(v, key, compare, context)                                             \
    loam_vec_raw_lower_bound(&(v)->raw, (key), (compare), (context), LOAM_VEC_SIZE_(v))

/** The position of the first element that is behind the key, in a sorted array; the count where
 * none is. O(log n). */
#define loam_vec_upper_bound(v, key, compare, context)                                             \
    loam_vec_raw_upper_bound(&(v)->raw, (key), (compare), (context), LOAM_VEC_SIZE_(v))

/** Looks for the key in a sorted array, and writes loam_vec_lower_bound() to `*at`, unless `at` is
 * NULL: where the first equal element is, or where the key would belong. So what is to be there once
 * is put in, if it is not found, by loam_vec_insert() at that position.
 *
 * Returns whether there is an equal element. O(log n). */
#define loam_vec_search(v, key, compare, context, at)                                              \
    loam_vec_raw_search(&(v)->raw, (key), (compare), (context), (at), LOAM_VEC_SIZE_(v))

/** Puts `x` where it belongs in a sorted array, behind those that equal it:
 * `loam_vec_insert_sorted(v, compare, context, x)`. `x` may be any expression, as in
 * loam_vec_push().
 *
 * Returns false iff the memory can't be had. Cost: O(log n) comparisons, and O(n) to make room: many
 * at a time are cheaper pushed, and sorted then. */
#if defined(__cplusplus)
#define loam_vec_insert_sorted(v, compare, context, ...)                                           \
    loam_vec_insert_sorted_((v), (compare), (context), __VA_ARGS__)
#elif defined(__GNUC__)
#define loam_vec_insert_sorted(v, compare, context, ...)                                           \
    LOAM_VEC_INSERT_SORTED_(v, compare, context, LOAM_VEC_NAME_(__COUNTER__), (__VA_ARGS__))
#define LOAM_VEC_INSERT_SORTED_(v, compare, context, x, value)                                     \
    LOAM_VEC_WITH_(v, x, value,                                                                    \
                   loam_vec_raw_insert_sorted(&(v)->raw, (compare), (context), &x,                 \
                                              LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v)))
#else
#define loam_vec_insert_sorted(v, compare, context, ...)                                           \
    loam_vec_raw_insert_sorted(&(v)->raw, (compare), (context),                                    \
                               (LOAM_VEC_TYPEOF_(*(v)->data)[1]){__VA_ARGS__}, LOAM_VEC_SIZE_(v),  \
                               LOAM_VEC_ALIGN_(v))
#endif

/* ---- taking out; none of these gives memory back ---- */

/** Takes out the elements that `match` tells, and returns how many. The others keep their order.
 *
 * `match` is called once for each element, first to last; when it returns true it may have ended
 * what the element owns. Can't fail. O(n). */
#define loam_vec_erase_if(v, match, context)                                                       \
    loam_vec_raw_erase_if(&(v)->raw, (match), (context), LOAM_VEC_SIZE_(v))

/** Of neighbours that are equal, which is where `compare` returns 0, keeps the first one; returns how
 * many went. In a sorted array each element is there once then. The others keep their order.
 *
 * `compare` gets the one that stays and one behind it. Can't fail. O(n). */
#define loam_vec_dedup(v, compare, context)                                                        \
    loam_vec_raw_dedup(&(v)->raw, (compare), (context), LOAM_VEC_SIZE_(v))

/* ---- C++: what takes an element by value ---- */

#if defined(__cplusplus)
/** @cond typed */
extern "C++" {
template <typename Vec>
LOAM_INLINE LOAM_NODISCARD bool loam_vec_insert_sorted_(Vec *vec, loam_vec_compare_fn compare,
                                                        void *context,
                                                        typename loam_vec_item_<Vec>::type x)
{
    return loam_vec_raw_insert_sorted(&vec->raw, compare, context, &x, LOAM_VEC_SIZE_(vec),
                                      LOAM_VEC_ALIGN_(vec));
}
}
/** @endcond */
#endif

/* NOLINTEND(bugprone-macro-parentheses) */

#endif
