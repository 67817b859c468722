/** @file loam/vec.h
 * Arrays that grow: typed by a macro, one untyped core, memory from any ::loam_allocator.
 *
 *     typedef LOAM_VEC(int) ints;
 *
 *     ints v;
 *     loam_vec_init(&v, loam_vec_default_allocator());
 *     if (!loam_vec_push(&v, 42))
 *         return out_of_memory();
 *     LOAM_VEC_EACH(int *, it, &v)
 *         total += *it;
 *     total += v.data[0] * (int)v.count;
 *     loam_vec_deinit(&v);
 *
 *     data
 *      |#### count elements ####|....... room up to cap .......|      count <= cap
 *
 * `v.data[i]` and `v.count` are read directly; loam_vec_at() is the same and looks at the index in
 * a checked build. Elements are moved as bytes (in C++ they must be trivially copyable), are
 * aligned as their type asks, and are not empty: an element type of size 0 does not compile.
 *
 * ## What holds for every operation
 *
 * - **Failure is atomic.** Each call that may take memory returns false (or NULL) when it gets
 *   none, and the array is exactly as before: contents, count, capacity and address.
 * - **Aliasing is right.** An argument may be an element of the same array, point to some of its
 *   elements, or be the array itself: `loam_vec_push(&v, v.data[0])`,
 *   `loam_vec_insert_n(&v, 1, v.data, v.count)`, `loam_vec_append(&v, &v)`. What is put in is what
 *   the argument was before the call.
 * - **Arguments are evaluated once**, although these are macros; what is inside `sizeof` is not
 *   evaluated at all.
 * - **Sizes are checked.** A count whose bytes would be above PTRDIFF_MAX is refused like memory
 *   that is not there.
 * - **Positions are checked in checked builds**: one outside of the array stops the program with
 *   "index is outside the array". In other builds it is false where the call returns a bool, and
 *   the array is as before.
 * - Pointers to elements hold until the array moves, which growing and shrinking may do. In an
 *   array made by loam_vec_init_reserved() they hold until the end.
 *
 * ## Growth
 *
 * Capacity doubles from 64 bytes (or four elements, or one of more than 1 KiB), rounded up to what
 * the allocator wastes nothing with (`good_size`). The block first grows where it is (`resize`),
 * then by moving pages (`remap`), and only then by a copy of the `count` elements. Where doubling
 * is refused, less is asked for, down to the very count that is needed. So n pushes cost O(n), and
 * O(log n) calls to the allocator.
 *
 * Over an allocator that does not reclaim (an arena) a copy leaves its old block behind as dead
 * memory. The newest block of an arena grows in place; an array that must move takes four times
 * what it had, so that all it ever left behind is less than a third of it.
 *
 * ## Moving and copying the object
 *
 * The object is five words and may be moved by assignment as long as only one of both is used from
 * then on. To duplicate the elements use loam_vec_copy().
 *
 * ## The untyped core
 *
 * Every typed operation is a macro over a function `loam_vec_raw_<verb>` on `v.raw`, which takes
 * the size of an element, and where it may take memory its alignment, at run time. These may be
 * used by themselves, for element types that are known only then; always with the same size and
 * alignment for one array. Size 0 or an alignment that is no power of two is refused by whatever
 * takes memory (a checked build stops).
 *
 * Not thread safe: one thread at a time uses an array; any number may read it.
 *
 * The macros need `typeof`, which GCC, Clang and C23 have, and C++ does without. Where it is
 * missing, use the functions of the untyped core.
 */
#ifndef LOAM_VEC_H
#define LOAM_VEC_H

#include <loam/allocator.h>
#include <loam/inspect.h>

LOAM_BEGIN_DECLS

/** The untyped core of an array. */
typedef struct loam_vec {
    void *data;               /**< The elements; NULL iff `cap` is 0. */
    size_t count;             /**< How many there are. */
    size_t cap;               /**< How many there is room for: the block is this many elements. */
    loam_allocator allocator; /**< Where the block is from. */
} loam_vec;

/** @cond typed */
#if defined(__GNUC__)
#define LOAM_VEC_EXTENSION_ __extension__
#else
#define LOAM_VEC_EXTENSION_
#endif
/** @endcond */

/** The type of an array of `type`. Give it a name: each use makes a type of its own.
 *
 *     typedef LOAM_VEC(struct point) points;
 *
 * A union, so that the typed fields and the untyped core `raw` are one object by the rules of the
 * language. `type` may be incomplete where this stands, as in a structure that holds an array of
 * its own kind. */
#define LOAM_VEC(type)                                                                             \
    union {                                                                                        \
        LOAM_VEC_EXTENSION_ struct {                                                               \
            type *data;                                                                            \
            size_t count;                                                                          \
            size_t cap;                                                                            \
            loam_allocator allocator;                                                              \
        };                                                                                         \
        loam_vec raw;                                                                              \
    }

/** Initialises an empty array where it is defined: `ints v = LOAM_VEC_INIT(allocator);` */
#define LOAM_VEC_INIT(allocator)                                                                   \
    {                                                                                              \
        {                                                                                          \
            NULL, 0, 0, allocator                                                                  \
        }                                                                                          \
    }

/** Orders two elements: negative, zero or positive, as `a` comes before, with or behind `b`.
 *
 * In a search `a` is always the key and `b` an element, so that the key may be of another type.
 * Must not change the array. */
typedef int (*loam_vec_compare_fn)(void *context, const void *a, const void *b);

/** A block and its capacity in elements, as growth returns it; `data` is NULL where it failed. */
typedef struct loam_vec_storage {
    void *data; /**< The elements. */
    size_t cap; /**< How many there is room for. */
} loam_vec_storage;

/** What a loop runs over. Internal. */
typedef struct loam_vec_span {
    void *first; /**< The first element. */
    void *last;  /**< Behind the last one. */
    bool open;   /**< True until the loop is done. */
} loam_vec_span;

/** The allocator for arrays that may become big: loam_split over loam_libc_allocator() for blocks
 * up to #LOAM_VEC_SPLIT bytes, and loam_vm_allocator() above.
 *
 * Reclaims, thread safe. Small arrays live in the C library's warm memory; big ones in pages of
 * their own, which grow in place or by moving page tables. Always the same handle.
 * Cost: O(1). Any thread. */
loam_allocator loam_vec_default_allocator(void);

/** The largest block, in bytes, that loam_vec_default_allocator() takes from the C library.
 *
 * Doubling by a copy into warm memory costs 1 us at 128 KiB, 3.7 at 256 KiB and 36 at 2 MiB; moving
 * page tables costs 5 to 9 us whatever the size, and growing in place one or two. That alone would
 * put the threshold at 256 KiB. But fresh memory is faulted in page by page below it, at 1.4 us for
 * each 4 KiB, and by huge pages above, at 57 us for the first 256 KiB instead of 92: a cold array of
 * 8 MB takes 1.04 of the time of one that was as big from the start with 128 KiB, and 1.14 with
 * 256; a warm one takes the same with both. */
#define LOAM_VEC_SPLIT ((size_t)128 << 10)

/* ---- the untyped core, out of line ---- */

/** Makes room for one more element of a full array: the half of loam_vec_push() that is seldom run.
 * Takes and returns values, so that a local array can live in registers. Internal. */
LOAM_NODISCARD loam_vec_storage loam_vec_grow_one(void *data, size_t cap, loam_allocator allocator,
                                                  size_t size, size_t align);
/** Gives a block back, and a reservation that it lies in: the half of loam_vec_deinit(). Returns the
 * allocator that the array has then. Internal. */
loam_allocator loam_vec_drop(void *data, size_t cap, loam_allocator allocator, size_t size,
                             size_t align);

/** loam_vec_init_reserved() on the core. */
LOAM_NODISCARD bool loam_vec_raw_init_reserved(loam_vec *vec, size_t max_count, size_t size,
                                               size_t align);
/** loam_vec_reserve() on the core. */
LOAM_NODISCARD bool loam_vec_raw_reserve(loam_vec *vec, size_t n, size_t size, size_t align);
/** loam_vec_reserve_exact() on the core. */
LOAM_NODISCARD bool loam_vec_raw_reserve_exact(loam_vec *vec, size_t n, size_t size, size_t align);
/** loam_vec_push() on the core; `x` points to the element and may lie in the array. */
LOAM_NODISCARD bool loam_vec_raw_push(loam_vec *vec, const void *x, size_t size, size_t align);
/** loam_vec_push_slots() on the core. */
LOAM_NODISCARD void *loam_vec_raw_push_slots(loam_vec *vec, size_t n, size_t size, size_t align);
/** loam_vec_push_n() on the core. */
LOAM_NODISCARD bool loam_vec_raw_push_n(loam_vec *vec, const void *src, size_t n, size_t size,
                                        size_t align);
/** loam_vec_append() on the core. */
LOAM_NODISCARD bool loam_vec_raw_append(loam_vec *vec, const loam_vec *other, size_t size,
                                        size_t align);
/** loam_vec_insert_n() on the core. */
LOAM_NODISCARD bool loam_vec_raw_insert_n(loam_vec *vec, size_t at, const void *src, size_t n,
                                          size_t size, size_t align);
/** loam_vec_insert_slots() on the core. */
LOAM_NODISCARD void *loam_vec_raw_insert_slots(loam_vec *vec, size_t at, size_t n, size_t size,
                                               size_t align);
/** loam_vec_erase_n() on the core. */
bool loam_vec_raw_erase_n(loam_vec *vec, size_t at, size_t n, size_t size);
/** loam_vec_swap_remove() on the core. */
bool loam_vec_raw_swap_remove(loam_vec *vec, size_t at, size_t size);
/** loam_vec_resize() on the core. */
LOAM_NODISCARD bool loam_vec_raw_resize(loam_vec *vec, size_t n, size_t size, size_t align);
/** loam_vec_resize_uninit() on the core. */
LOAM_NODISCARD bool loam_vec_raw_resize_uninit(loam_vec *vec, size_t n, size_t size, size_t align);
/** loam_vec_assign() on the core. */
LOAM_NODISCARD bool loam_vec_raw_assign(loam_vec *vec, const void *src, size_t n, size_t size,
                                        size_t align);
/** loam_vec_fill() on the core; `x` points to the element and may lie in the array. */
LOAM_NODISCARD bool loam_vec_raw_fill(loam_vec *vec, size_t from, size_t n, const void *x,
                                      size_t size, size_t align);
/** loam_vec_copy() on the core. */
LOAM_NODISCARD bool loam_vec_raw_copy(loam_vec *vec, const loam_vec *src, size_t size,
                                      size_t align);
/** loam_vec_shrink_to_fit() on the core. */
bool loam_vec_raw_shrink_to_fit(loam_vec *vec, size_t size, size_t align);
/** loam_vec_trim() on the core. */
bool loam_vec_raw_trim(loam_vec *vec, size_t size, size_t align);
/** loam_vec_swap() on the core. */
void loam_vec_raw_swap(loam_vec *a, loam_vec *b);
/** loam_vec_adopt() on the core. */
LOAM_NODISCARD bool loam_vec_raw_adopt(loam_vec *vec, void *data, size_t count, size_t cap,
                                       size_t size, size_t align);
/** loam_vec_release() on the core. */
LOAM_NODISCARD void *loam_vec_raw_release(loam_vec *vec, size_t *count, size_t *cap);
/** loam_vec_sort() on the core. */
void loam_vec_raw_sort(loam_vec *vec, loam_vec_compare_fn compare, void *context, size_t size);
/** loam_vec_lower_bound() on the core. */
size_t loam_vec_raw_lower_bound(const loam_vec *vec, const void *key, loam_vec_compare_fn compare,
                                void *context, size_t size);
/** loam_vec_upper_bound() on the core. */
size_t loam_vec_raw_upper_bound(const loam_vec *vec, const void *key, loam_vec_compare_fn compare,
                                void *context, size_t size);
/** loam_vec_search() on the core. */
bool loam_vec_raw_search(const loam_vec *vec, const void *key, loam_vec_compare_fn compare,
                         void *context, size_t *at, size_t size);
/** loam_vec_stats() on the core. */
void loam_vec_raw_stats(const loam_vec *vec, loam_stats *stats, size_t size);
/** loam_vec_walk() on the core. */
bool loam_vec_raw_walk(const loam_vec *vec, loam_walk_fn visit, void *context, size_t size);
/** loam_vec_check() on the core. */
bool loam_vec_raw_check(const loam_vec *vec, loam_check_fn report, void *context, size_t size,
                        size_t align);

/* ---- the untyped core, inline ---- */

/** loam_vec_init() on the core. */
LOAM_INLINE void loam_vec_raw_init(loam_vec *vec, loam_allocator allocator)
{
    vec->data = NULL;
    vec->count = 0;
    vec->cap = 0;
    vec->allocator = allocator;
}

/** loam_vec_deinit() on the core. */
LOAM_INLINE void loam_vec_raw_deinit(loam_vec *vec, size_t size, size_t align)
{
    vec->allocator = loam_vec_drop(vec->data, vec->cap, vec->allocator, size, align);
    vec->data = NULL;
    vec->count = 0;
    vec->cap = 0;
}

/** Makes room for one more element. Internal. */
LOAM_INLINE LOAM_NODISCARD bool loam_vec_room_(loam_vec *vec, size_t size, size_t align)
{
    loam_vec_storage grown;

    if (LOAM_LIKELY(vec->count != vec->cap))
        return true;
    grown = loam_vec_grow_one(vec->data, vec->cap, vec->allocator, size, align);
    if (!grown.data)
        return false;
    vec->data = grown.data;
    vec->cap = grown.cap;
    return true;
}

/** loam_vec_push_slot() on the core. */
LOAM_INLINE LOAM_NODISCARD void *loam_vec_raw_push_slot(loam_vec *vec, size_t size, size_t align)
{
    if (!loam_vec_room_(vec, size, align))
        return NULL;
    return (char *)vec->data + vec->count++ * size;
}

/** loam_vec_pop() on the core. */
LOAM_INLINE bool loam_vec_raw_pop(loam_vec *vec, void *out, size_t size)
{
    if (vec->count == 0)
        return false;
    vec->count--;
    if (out)
        memmove(out, (const char *)vec->data + vec->count * size, size);
    return true;
}

/** loam_vec_at() on the core. */
LOAM_INLINE void *loam_vec_raw_at(const loam_vec *vec, size_t at, size_t size)
{
    LOAM_REQUIRE(at < vec->count, LOAM_MISUSE_VEC_RANGE, vec->data);
    return (char *)vec->data + at * size;
}

/** loam_vec_first() on the core. */
LOAM_INLINE void *loam_vec_raw_first(const loam_vec *vec)
{
    return vec->count ? vec->data : NULL;
}

/** loam_vec_last() on the core. */
LOAM_INLINE void *loam_vec_raw_last(const loam_vec *vec, size_t size)
{
    return vec->count ? (char *)vec->data + (vec->count - 1) * size : NULL;
}

/** loam_vec_clear() on the core. */
LOAM_INLINE void loam_vec_raw_clear(loam_vec *vec)
{
    vec->count = 0;
}

/** What a loop over an array runs over. Internal. */
LOAM_INLINE loam_vec_span loam_vec_span_of_(const loam_vec *vec, size_t size)
{
    loam_vec_span span;

    span.first = vec->data;
    span.last = vec->count ? (char *)vec->data + vec->count * size : vec->data;
    span.open = true;
    return span;
}

/** So that an ignored result is warned of. Internal. */
LOAM_INLINE LOAM_NODISCARD bool loam_vec_done_(bool done)
{
    return done;
}

LOAM_END_DECLS

/* ---- types ---- */

/** @cond typed */
#if defined(__cplusplus)
#define LOAM_VEC_POINTER_(v)       decltype(&*(v)->data)
#define LOAM_VEC_ALIGN_(v)         alignof(decltype(*(v)->data))
#define LOAM_VEC_CAST_(v, pointer) static_cast<LOAM_VEC_POINTER_(v)>(pointer)
#else
#if defined(__STDC_VERSION__) && __STDC_VERSION__ > 201710L && !defined(__GNUC__)
#define LOAM_VEC_TYPEOF_(x) typeof(x)
#else
#define LOAM_VEC_TYPEOF_(x) __typeof__(x)
#endif
#define LOAM_VEC_POINTER_(v)       LOAM_VEC_TYPEOF_(&*(v)->data)
#define LOAM_VEC_ALIGN_(v)         _Alignof(LOAM_VEC_TYPEOF_(*(v)->data))
#define LOAM_VEC_CAST_(v, pointer) ((LOAM_VEC_POINTER_(v))(pointer))
#endif
/* The size of an element; does not compile where that is 0. */
#define LOAM_VEC_SIZE_(v) (sizeof *(v)->data + 0 * sizeof(char[sizeof *(v)->data ? 1 : -1]))
/* A pointer, after a look at its type: it must fit where one to elements stands. */
#define LOAM_VEC_LIKE_(v, pointer) (0 ? (v)->data : (pointer))
/* Another array, after a look at its element type. */
#define LOAM_VEC_SAME_(v, other) ((void)sizeof(0 ? (v)->data : (other)->data), &(other)->raw)
/** @endcond */

/* ---- life ---- */

/** Makes an empty array over `allocator`. Takes no memory; can't fail. O(1). */
#define loam_vec_init(v, allocator) loam_vec_raw_init(&(v)->raw, (allocator))

/** Makes an empty array in a reservation of address space of its own, for up to `max_count`
 * elements.
 *
 * It never moves, so that pointers to its elements hold as long as the elements: memory is
 * committed where the array stands, at least as much again whenever it is full. Everything else is
 * as with any array; growing beyond `max_count` is refused. Its storage can't be handed out or
 * exchanged (loam_vec_adopt(), loam_vec_release()), since it stands and falls with the reservation;
 * so does its `allocator`, which has room for this array only and must not be given to another.
 *
 * Returns false iff `max_count` is 0, its bytes and the element's alignment are above what can be
 * reserved, or the system refuses the reservation or its first page; then `*v` must not be used.
 * Cost: at most three system calls as a rule, none when a released reservation is at hand. */
#define loam_vec_init_reserved(v, max_count)                                                       \
    loam_vec_raw_init_reserved(&(v)->raw, (max_count), LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))

/** Ends an array: gives its block back. Elements are not visited. Ending it again does nothing; it
 * may be used on as an empty array, but a reserved one, which then gets no memory. Can't fail.
 * Cost: one call to the allocator; the end of a reservation is at most one
 * system call. */
#define loam_vec_deinit(v) loam_vec_raw_deinit(&(v)->raw, LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))

/** Exchanges two arrays of one type, allocators included; no element is touched. `a` may be `b`.
 * O(1). */
#define loam_vec_swap(a, b) loam_vec_raw_swap(&(a)->raw, LOAM_VEC_SAME_(a, b))

/** Hands storage in: `data` is a block of the array's allocator, of `cap` elements, of which the
 * first `count` are there. What the array had is given back first.
 *
 * The block must have been taken for exactly `cap` elements at their alignment; NULL goes with a
 * `cap` of 0.
 *
 * Returns false iff `count` is above `cap`, `cap` is 0 and `data` is not NULL or the other way
 * round, the block is misaligned or the array's own, its bytes are above PTRDIFF_MAX, or the array
 * is reserved; then nothing changed (a checked build stops with "storage cannot be handed to or
 * from this array"). O(1). */
#define loam_vec_adopt(v, data_, count_, cap_)                                                     \
    loam_vec_raw_adopt(&(v)->raw, LOAM_VEC_LIKE_(v, data_), (count_), (cap_), LOAM_VEC_SIZE_(v),   \
                       LOAM_VEC_ALIGN_(v))

/** Hands storage out: returns the block and writes how many elements it has and has room for. The
 * array is empty then, without a block.
 *
 * Give the block back to the array's allocator with `cap` times the element's size, and its
 * alignment; or to loam_vec_adopt().
 *
 * Returns NULL, and writes zeros, iff there is no block, or the array is reserved; then nothing
 * changed (a checked build stops in the latter case). O(1). */
#define loam_vec_release(v, count_, cap_)                                                          \
    LOAM_VEC_CAST_(v, loam_vec_raw_release(&(v)->raw, (count_), (cap_)))

/* ---- room ---- */

/** Makes room for `n` elements in all; grows geometrically, so that calling it in a loop is cheap.
 *
 * Returns false iff the memory can't be had. Cost: O(count) at worst, amortised as pushing. */
#define loam_vec_reserve(v, n)                                                                     \
    loam_vec_raw_reserve(&(v)->raw, (n), LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))

/** Makes room for `n` elements in all and no more than the allocator rounds that up to.
 *
 * For arrays whose final count is known. Returns false iff the memory can't be had. Cost: O(count),
 * each time that `n` is above the capacity. */
#define loam_vec_reserve_exact(v, n)                                                               \
    loam_vec_raw_reserve_exact(&(v)->raw, (n), LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))

/** Gives back what is not in use: the capacity becomes the count, or what the allocator rounds that
 * up to; an empty array has no block then.
 *
 * Returns false iff the allocator refuses (an arena takes back only from its newest block); then
 * the array is as before. Cost: O(count) at worst. */
#define loam_vec_shrink_to_fit(v)                                                                  \
    loam_vec_raw_shrink_to_fit(&(v)->raw, LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))

/** Gives memory back with hysteresis: only where less than a quarter of the capacity is in use, and
 * then down to twice the count. For arrays that shrink and grow in waves: call it after each wave.
 *
 * Returns false iff the allocator refuses; then the array is as before. True also where there was
 * nothing to give back. Cost: O(count) at worst, amortised O(1) for each element removed. */
#define loam_vec_trim(v) loam_vec_raw_trim(&(v)->raw, LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))

/* ---- putting in ---- */

/** Puts `x` behind the last element: `loam_vec_push(v, x)`.
 *
 * `x` may be any expression, one with commas in braces too: `(struct point){1, 2}`. A big element
 * is best made where it will be, in loam_vec_push_slot().
 *
 * Returns false iff the memory can't be had. Cost: a load, a compare and two stores, inline; O(1)
 * amortised. An array that is a local variable whose address goes nowhere else stays in registers.
 */
#if defined(__cplusplus)
#define loam_vec_push(v, ...) loam_vec_push_((v), __VA_ARGS__)
#elif defined(__GNUC__)
#define loam_vec_push(v, ...)                                                                      \
    loam_vec_done_(__extension__({                                                                 \
        LOAM_VEC_TYPEOF_(&*(v)) loam_push_v_ = (v);                                                \
        LOAM_VEC_TYPEOF_(*(v)->data) loam_push_x_ = (__VA_ARGS__);                                 \
        bool loam_push_ok_ =                                                                       \
            loam_vec_room_(&loam_push_v_->raw, LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v));             \
        if (LOAM_LIKELY(loam_push_ok_))                                                            \
            loam_push_v_->data[loam_push_v_->count++] = loam_push_x_;                              \
        loam_push_ok_;                                                                             \
    }))
#else
#define loam_vec_push(v, ...)                                                                      \
    loam_vec_raw_push(&(v)->raw, (LOAM_VEC_TYPEOF_(*(v)->data)[1]){__VA_ARGS__},                   \
                      LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))
#endif

/** Makes the array one element longer and returns where it is, uninitialised.
 *
 * Returns NULL iff the memory can't be had. Cost: as loam_vec_push(). */
#define loam_vec_push_slot(v)                                                                      \
    LOAM_VEC_CAST_(v, loam_vec_raw_push_slot(&(v)->raw, LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v)))

/** Makes the array `n` elements longer and returns where they begin, uninitialised.
 *
 * With `n` 0 returns where the next one would be, or an address that is not to be dereferenced.
 * Returns NULL iff the memory can't be had. Cost: O(1) amortised. */
#define loam_vec_push_slots(v, n)                                                                  \
    LOAM_VEC_CAST_(v,                                                                              \
                   loam_vec_raw_push_slots(&(v)->raw, (n), LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v)))

/** Puts `n` elements from `src` behind the last one. `src` may lie in the array.
 *
 * Returns false iff the memory can't be had. Cost: O(n) amortised. */
#define loam_vec_push_n(v, src, n)                                                                 \
    loam_vec_raw_push_n(&(v)->raw, LOAM_VEC_LIKE_(v, src), (n), LOAM_VEC_SIZE_(v),                 \
                        LOAM_VEC_ALIGN_(v))

/** Puts the elements of another array of the same element type behind the last one; the other one
 * may be the array itself.
 *
 * Returns false iff the memory can't be had. Cost: O(elements of `other`) amortised. */
#define loam_vec_append(v, other)                                                                  \
    loam_vec_raw_append(&(v)->raw, LOAM_VEC_SAME_(v, other), LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))

/** Puts `x` before the element at position `at`, or behind the last one if `at` is the count.
 *
 * Returns false iff `at` is above the count, or the memory can't be had. Cost: O(count - at). */
#if defined(__cplusplus)
#define loam_vec_insert(v, at, ...) loam_vec_insert_((v), (at), __VA_ARGS__)
#elif defined(__GNUC__)
#define loam_vec_insert(v, at, ...)                                                                \
    loam_vec_done_(__extension__({                                                                 \
        LOAM_VEC_TYPEOF_(*(v)->data) loam_insert_x_ = (__VA_ARGS__);                               \
        loam_vec_raw_insert_n(&(v)->raw, (at), &loam_insert_x_, 1, LOAM_VEC_SIZE_(v),              \
                              LOAM_VEC_ALIGN_(v));                                                 \
    }))
#else
#define loam_vec_insert(v, at, ...)                                                                \
    loam_vec_raw_insert_n(&(v)->raw, (at), (LOAM_VEC_TYPEOF_(*(v)->data)[1]){__VA_ARGS__}, 1,      \
                          LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))
#endif

/** Puts `n` elements from `src` before the one at position `at`, or behind the last one if `at` is
 * the count. `src` may lie in the array, before, behind or across `at`.
 *
 * Returns false iff `at` is above the count, or the memory can't be had. Cost: O(count - at + n).
 */
#define loam_vec_insert_n(v, at, src, n)                                                           \
    loam_vec_raw_insert_n(&(v)->raw, (at), LOAM_VEC_LIKE_(v, src), (n), LOAM_VEC_SIZE_(v),         \
                          LOAM_VEC_ALIGN_(v))

/** Makes the array `n` elements longer at position `at` and returns where the new ones begin,
 * uninitialised.
 *
 * Returns NULL iff `at` is above the count, or the memory can't be had. Cost: O(count - at). */
#define loam_vec_insert_slots(v, at, n)                                                            \
    LOAM_VEC_CAST_(                                                                                \
        v, loam_vec_raw_insert_slots(&(v)->raw, (at), (n), LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v)))

/** Makes the array `n` elements long; new ones read as zero bytes. The capacity stays when it gets
 * shorter.
 *
 * The first block of an array comes zeroed from the allocator, which knows fresh pages from used
 * ones; later ones are cleared. Returns false iff the memory can't be had; never when it gets
 * shorter. Cost: O(n - count) amortised. */
#define loam_vec_resize(v, n)                                                                      \
    loam_vec_raw_resize(&(v)->raw, (n), LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))

/** As loam_vec_resize(), and new elements are uninitialised. Cost: O(1) amortised. */
#define loam_vec_resize_uninit(v, n)                                                               \
    loam_vec_raw_resize_uninit(&(v)->raw, (n), LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))

/** Makes the array consist of `n` elements from `src`, which may lie in the array.
 *
 * Returns false iff the memory can't be had; then the old elements are there. Cost: O(n). */
#define loam_vec_assign(v, src, n)                                                                 \
    loam_vec_raw_assign(&(v)->raw, LOAM_VEC_LIKE_(v, src), (n), LOAM_VEC_SIZE_(v),                 \
                        LOAM_VEC_ALIGN_(v))

/** Makes `n` elements from position `from` on equal to `x`; the array gets longer where they end
 * behind its end.
 *
 * Returns false iff `from` is above the count, or the memory can't be had. Cost: O(n) amortised. */
#if defined(__cplusplus)
#define loam_vec_fill(v, from, n, ...) loam_vec_fill_((v), (from), (n), __VA_ARGS__)
#elif defined(__GNUC__)
#define loam_vec_fill(v, from, n, ...)                                                             \
    loam_vec_done_(__extension__({                                                                 \
        LOAM_VEC_TYPEOF_(*(v)->data) loam_fill_x_ = (__VA_ARGS__);                                 \
        loam_vec_raw_fill(&(v)->raw, (from), (n), &loam_fill_x_, LOAM_VEC_SIZE_(v),                \
                          LOAM_VEC_ALIGN_(v));                                                     \
    }))
#else
#define loam_vec_fill(v, from, n, ...)                                                             \
    loam_vec_raw_fill(&(v)->raw, (from), (n), (LOAM_VEC_TYPEOF_(*(v)->data)[1]){__VA_ARGS__},      \
                      LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))
#endif

/** Makes the array equal to another one of the same element type: same elements, allocators stay.
 * The other one may be the array itself.
 *
 * Returns false iff the memory can't be had; then the old elements are there. Cost: O(elements of
 * `src`). */
#define loam_vec_copy(v, src)                                                                      \
    loam_vec_raw_copy(&(v)->raw, LOAM_VEC_SAME_(v, src), LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))

/* ---- taking out; none of these gives memory back ---- */

/** Takes the last element off and writes it to `*out`, unless `out` is NULL.
 *
 * Returns false iff the array is empty. O(1). */
#define loam_vec_pop(v, out) loam_vec_raw_pop(&(v)->raw, LOAM_VEC_LIKE_(v, out), LOAM_VEC_SIZE_(v))

/** Takes the element at `at` out; those behind it move up. Returns false iff there is none.
 * Cost: O(count - at). */
#define loam_vec_erase(v, at) loam_vec_raw_erase_n(&(v)->raw, (at), 1, LOAM_VEC_SIZE_(v))

/** Takes `n` elements from `at` on out; those behind them move up. Returns false iff they are not
 * all there. Cost: O(count - at). */
#define loam_vec_erase_n(v, at, n) loam_vec_raw_erase_n(&(v)->raw, (at), (n), LOAM_VEC_SIZE_(v))

/** Takes the element at `at` out and puts the last one in its place. Returns false iff there is no
 * element at `at`. O(1). */
#define loam_vec_swap_remove(v, at) loam_vec_raw_swap_remove(&(v)->raw, (at), LOAM_VEC_SIZE_(v))

/** Takes all elements out; the memory stays for the next ones. O(1). */
#define loam_vec_clear(v) loam_vec_raw_clear(&(v)->raw)

/* ---- looking ---- */

/** A pointer to the element at `at`, which must be below the count; looked at in a checked build
 * only. O(1). */
#define loam_vec_at(v, at) LOAM_VEC_CAST_(v, loam_vec_raw_at(&(v)->raw, (at), LOAM_VEC_SIZE_(v)))

/** A pointer to the first element, or NULL if there is none. O(1). */
#define loam_vec_first(v) LOAM_VEC_CAST_(v, loam_vec_raw_first(&(v)->raw))

/** A pointer to the last element, or NULL if there is none. O(1). */
#define loam_vec_last(v) LOAM_VEC_CAST_(v, loam_vec_raw_last(&(v)->raw, LOAM_VEC_SIZE_(v)))

/** A loop over the elements, first to last: `LOAM_VEC_EACH(int *, it, &v) total += *it;`
 *
 * `type` is that of a pointer to an element. `break` and `continue` do what they do in any loop.
 * The array may be written in the loop, but must not change its size. */
#define LOAM_VEC_EACH(type, it, v)                                                                 \
    for (loam_vec_span it##_span_ = loam_vec_span_of_(&(v)->raw, LOAM_VEC_SIZE_(v));               \
         it##_span_.open; it##_span_.open = false)                                                 \
        for (type it = LOAM_VEC_CAST_(v, it##_span_.first); it != it##_span_.last; it++)

/** A loop over the elements, last to first. See LOAM_VEC_EACH(). */
#define LOAM_VEC_EACH_REVERSE(type, it, v)                                                         \
    for (loam_vec_span it##_span_ = loam_vec_span_of_(&(v)->raw, LOAM_VEC_SIZE_(v));               \
         it##_span_.open; it##_span_.open = false)                                                 \
        for (type it = LOAM_VEC_CAST_(v, it##_span_.last); it != it##_span_.first && (it--, true);)

/** Sorts the elements in ascending order. Not stable.
 *
 * In place, takes no memory, can't fail. O(n log n) comparisons whatever the input, O(n) for what
 * is sorted, reversed, or all equal; the stack it takes is O(log n). A `compare` that contradicts
 * itself gives some order of the same elements. */
#define loam_vec_sort(v, compare, context)                                                         \
    loam_vec_raw_sort(&(v)->raw, (compare), (context), LOAM_VEC_SIZE_(v))

/** The position of the first element that is not before the key, in a sorted array; the count where
 * all are. Putting the key there keeps the order. O(log n). */
#define loam_vec_lower_bound(v, key, compare, context)                                             \
    loam_vec_raw_lower_bound(&(v)->raw, (key), (compare), (context), LOAM_VEC_SIZE_(v))

/** The position of the first element that is behind the key, in a sorted array; the count where
 * none is. O(log n). */
#define loam_vec_upper_bound(v, key, compare, context)                                             \
    loam_vec_raw_upper_bound(&(v)->raw, (key), (compare), (context), LOAM_VEC_SIZE_(v))

/** Looks for the key in a sorted array, and writes loam_vec_lower_bound() to `*at`, unless `at` is
 * NULL: where the first equal element is, or where the key would belong.
 *
 * Returns whether there is an equal element. O(log n). */
#define loam_vec_search(v, key, compare, context, at)                                              \
    loam_vec_raw_search(&(v)->raw, (key), (compare), (context), (at), LOAM_VEC_SIZE_(v))

/** Writes `live` (and `peak`, which is not kept apart), `committed`, `reserved` and `blocks`. What
 * is committed is the block; of a reserved array also its record, in `metadata`, and the whole
 * reservation in `reserved`. The rest is 0. O(1). */
#define loam_vec_stats(v, stats) loam_vec_raw_stats(&(v)->raw, (stats), LOAM_VEC_SIZE_(v))

/** Visits the elements as one ::LOAM_WALK_LIVE piece, then the room for more as ::LOAM_WALK_FREE;
 * of a reserved array first its record, and last what is not committed.
 *
 * Returns false iff the callback ended the walk. O(1). */
#define loam_vec_walk(v, visit, context)                                                           \
    loam_vec_raw_walk(&(v)->raw, (visit), (context), LOAM_VEC_SIZE_(v))

/** Looks whether the array is what it should be: V1 the count is at most the capacity, V2 there is
 * a block iff there is a capacity, V3 it is aligned, V4 its bytes are at most PTRDIFF_MAX, V5 it is
 * the allocator's, as far as that can tell, V6 a reserved array stands in its reservation.
 *
 * Reports each finding to `report`, which may be NULL. Returns true iff there is none. Cost: O(1)
 * and one call to the allocator. */
#define loam_vec_check(v, report, context)                                                         \
    loam_vec_raw_check(&(v)->raw, (report), (context), LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))

/* ---- C++: the operations that take an element by value ---- */

#if defined(__cplusplus)
/** @cond typed */
extern "C++" {
template <typename Pointer> struct loam_vec_pointed_;
template <typename Element> struct loam_vec_pointed_<Element *> {
    typedef Element type;
};
template <typename Vec> struct loam_vec_element_ {
    typedef typename loam_vec_pointed_<decltype(Vec::data)>::type type;
};

template <typename Vec>
LOAM_INLINE LOAM_NODISCARD bool loam_vec_push_(Vec *vec, typename loam_vec_element_<Vec>::type x)
{
    if (!loam_vec_room_(&vec->raw, LOAM_VEC_SIZE_(vec), LOAM_VEC_ALIGN_(vec)))
        return false;
    vec->data[vec->count++] = x;
    return true;
}

template <typename Vec>
LOAM_INLINE LOAM_NODISCARD bool loam_vec_insert_(Vec *vec, size_t at,
                                                 typename loam_vec_element_<Vec>::type x)
{
    return loam_vec_raw_insert_n(&vec->raw, at, &x, 1, LOAM_VEC_SIZE_(vec), LOAM_VEC_ALIGN_(vec));
}

template <typename Vec>
LOAM_INLINE LOAM_NODISCARD bool loam_vec_fill_(Vec *vec, size_t from, size_t n,
                                               typename loam_vec_element_<Vec>::type x)
{
    return loam_vec_raw_fill(&vec->raw, from, n, &x, LOAM_VEC_SIZE_(vec), LOAM_VEC_ALIGN_(vec));
}
}
/** @endcond */
#endif

#endif
