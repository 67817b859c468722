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
 * a checked build. Elements are moved as bytes, are
 * aligned as their type asks, and are not empty: an element type of size 0 does not compile, nor
 * does one that C++ can't move as bytes.
 *
 * ## What holds for every operation
 *
 * - **Failure is atomic.** Each call that may take memory returns false (or NULL) when it gets
 *   none, and the array is exactly as before: contents, count, capacity and address.
 * - **Aliasing is right.** An argument may be an element of the same array, point to some of its
 *   elements, or be the array itself: `loam_vec_push(&v, v.data[0])`,
 *   `loam_vec_insert_n(&v, 1, v.data, v.count)`, `loam_vec_append(&v, &v)`. What is put in is what
 *   the argument was before the call. Only what lies in the room behind the elements is no
 *   argument: a checked build stops with "elements to put in lie in the room of the array", others
 *   refuse.
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
 * Capacity doubles, below 2 KiB fourfold, from 64 bytes (four elements, one if bigger than 1 KiB) to what
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
 * ## Other headers
 *
 * loam/vec_algorithms.h sorts arrays and searches them, reverses and rotates them, and takes out
 * what a function tells. loam/vec_raw.h is the untyped core: every operation here is a macro over a
 * function `loam_vec_raw_<verb>` on `v.raw`, for element types that are known at run time only.
 *
 * Not thread safe: one thread at a time uses an array; any number may read it.
 *
 * The macros need `typeof`, which GCC, Clang and C23 have, and C++ does without. Where it is
 * missing, use the functions of loam/vec_raw.h.
 */
#ifndef LOAM_VEC_H
#define LOAM_VEC_H

#include <loam/vec_raw.h>

LOAM_BEGIN_DECLS

/** @cond typed */
#if defined(__GNUC__)
#define LOAM_VEC_EXTENSION_ __extension__
#else
#define LOAM_VEC_EXTENSION_
#endif
/** @endcond */

/* NOLINTBEGIN(bugprone-macro-parentheses): types and names that are declared can have none */

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

/** The type of a buffer for an array of up to `n` elements, of the array's own element type; see
 * loam_vec_init_buffer(). Six words and the elements. */
#define LOAM_VEC_BUFFER(type, n)                                                                   \
    struct {                                                                                       \
        loam_vec_buffer head;                                                                      \
        type items[n];                                                                             \
    }

/* NOLINTEND(bugprone-macro-parentheses) */

/** Initialises an empty array where it is defined: `ints v = LOAM_VEC_INIT(allocator);` */
#define LOAM_VEC_INIT(allocator)                                                                   \
    {                                                                                              \
        {                                                                                          \
            NULL, 0, 0, allocator                                                                  \
        }                                                                                          \
    }

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
 * put the threshold at 256 KiB. But fresh memory is faulted in page by page below it, and by huge
 * pages above: a cold array of 4 MB takes 1.09 of the time of one that was as big from the start
 * with 64 KiB, and 1.13 with 128; one of 8 MB 1.03, 1.15, and with 256 KiB more than that. Warm ones
 * take the same, and so do a thousand arrays of 100 KB at once. With 32 KiB nothing is better, but
 * a thousand arrays of 56 KB take an eighth longer. */
#define LOAM_VEC_SPLIT ((size_t)64 << 10)

LOAM_END_DECLS

/* NOLINTBEGIN(bugprone-macro-parentheses): names that are declared can have none */

/* ---- types ---- */

/** @cond typed */
#if defined(__cplusplus)
extern "C++" {
/* What std::is_trivially_copyable is made of, without its header. */
template <typename Element> struct loam_vec_element_;
template <typename Element> struct loam_vec_element_<Element &> {
    static_assert(__is_trivially_copyable(Element),
                  "elements of LOAM_VEC are moved as bytes: they must be trivially copyable");
    static_assert(sizeof(Element) > 0, "elements of LOAM_VEC have a size");
    static constexpr size_t size = sizeof(Element);
    typedef Element type;
};
}
#define LOAM_VEC_SIZE_(v)          (loam_vec_element_<decltype(*(v)->data)>::size)
#define LOAM_VEC_POINTER_(v)       decltype(&*(v)->data)
#define LOAM_VEC_ALIGN_(v)         alignof(decltype(*(v)->data))
#define LOAM_VEC_CAST_(v, pointer) static_cast<LOAM_VEC_POINTER_(v)>(pointer)
#else
#if defined(__STDC_VERSION__) && __STDC_VERSION__ > 201710L && !defined(__GNUC__)
#define LOAM_VEC_TYPEOF_(x) typeof(x)
#else
#define LOAM_VEC_TYPEOF_(x) __typeof__(x)
#endif
/* A name that nothing else has, so that a call may stand in an argument of another one. */
#define LOAM_VEC_NAME_(number)     LOAM_VEC_NAMED_(number)
#define LOAM_VEC_NAMED_(number)    loam_vec_##number##_
#define LOAM_VEC_POINTER_(v)       LOAM_VEC_TYPEOF_(&*(v)->data)
#define LOAM_VEC_ALIGN_(v)         _Alignof(LOAM_VEC_TYPEOF_(*(v)->data))
#define LOAM_VEC_CAST_(v, pointer) ((LOAM_VEC_POINTER_(v))(pointer))
/* The size of an element; does not compile where that is 0. */
#define LOAM_VEC_SIZE_(v)          (sizeof *(v)->data + 0 * sizeof(char[sizeof *(v)->data ? 1 : -1]))
#endif
/* A pointer, after a look at its type: it must fit where one to elements stands. */
#define LOAM_VEC_LIKE_(v, pointer) (0 ? (v)->data : (pointer))
/* What `call` returns, where `x` is an element of the array that has this value. */
#define LOAM_VEC_WITH_(v, x, value, call)                                                          \
    loam_vec_done_(__extension__({                                                                 \
        LOAM_VEC_TYPEOF_(*(v)->data) x = value;                                                    \
        call;                                                                                      \
    }))
/* Another array, after a look at its element type. */
#define LOAM_VEC_SAME_(v, other) ((void)sizeof *(0 ? (v)->data : (other)->data), &(other)->raw)
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
 * so does its `allocator`, which has room for this array only: loam_vec_init() of another one with it
 * stops a checked build with "allocator is that of a reserved array". In other builds that array
 * gets no memory while this one has a block, and the end of the one without the block does not end
 * the reservation; where neither has it, the end of either does.
 *
 * Returns false iff `max_count` is 0, its bytes and the element's alignment are above what can be
 * reserved, or the system refuses the reservation or its first page; then `*v` must not be used.
 * Cost: at most three system calls as a rule, none when a released reservation is at hand. */
#define loam_vec_init_reserved(v, max_count)                                                       \
    loam_vec_raw_init_reserved(&(v)->raw, (max_count), LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))

/** Makes an empty array in a buffer of the caller's, which moves to blocks of `allocator` when it has
 * more elements than fit: for arrays that are small as a rule.
 *
 *     LOAM_VEC_BUFFER(int, 32) room;
 *     ints v;
 *
 *     loam_vec_init_buffer(&v, &room, loam_libc_allocator());
 *
 * `v.allocator` is an allocator of one block, the buffer, before `allocator`. So the buffer must stay
 * where it is until the array has ended, also when that has moved out of it, and stays with the
 * elements where loam_vec_swap() or loam_vec_release() hands these on. An array that has become small
 * again returns to the buffer in loam_vec_shrink_to_fit() and loam_vec_trim(), if `allocator`
 * reclaims; one that has no block, when it next takes one, if the buffer is as big as a first block is. The allocator of the
 * array may be used for another one, as long as the buffer is there: who asks first has the buffer.
 *
 * Takes no memory; can't fail. O(1). A buffer of known size for several objects is a
 * LOAM_ARENA_FIXED arena (loam/arena.h), with loam_fallback before another allocator. */
#define loam_vec_init_buffer(v, buffer, allocator)                                                 \
    loam_vec_raw_init_buffer(&(v)->raw,                                                            \
                             ((void)sizeof *(0 ? (v)->data : (buffer)->items), &(buffer)->head),   \
                             sizeof(buffer)->items / sizeof *(buffer)->items, (allocator),         \
                             LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))

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
    LOAM_VEC_PUSH_(v, LOAM_VEC_NAME_(__COUNTER__), LOAM_VEC_NAME_(__COUNTER__),                    \
                   LOAM_VEC_NAME_(__COUNTER__), (__VA_ARGS__))
#define LOAM_VEC_PUSH_(v, to, x, ok, value)                                                        \
    loam_vec_done_(__extension__({                                                                 \
        LOAM_VEC_TYPEOF_(&*(v)) to = (v);                                                          \
        LOAM_VEC_TYPEOF_(*(v)->data) x = value;                                                    \
        bool ok = loam_vec_room_(&to->raw, LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v));                 \
        if (LOAM_LIKELY(ok))                                                                       \
            to->data[to->count++] = x;                                                             \
        ok;                                                                                        \
    }))
#else
#define loam_vec_push(v, ...)                                                                      \
    loam_vec_raw_push(&(v)->raw, (LOAM_VEC_TYPEOF_(*(v)->data)[1]){__VA_ARGS__},                   \
                      LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))
#endif

/** Puts `x` behind the last element if there is room for it: never takes memory, never moves.
 *
 * Returns false iff the count is the capacity. Cost: a load, a compare and two stores, inline. */
#if defined(__cplusplus)
#define loam_vec_push_within(v, ...) loam_vec_push_within_((v), __VA_ARGS__)
#elif defined(__GNUC__)
#define loam_vec_push_within(v, ...) LOAM_VEC_WITHIN_(v, LOAM_VEC_NAME_(__COUNTER__), (__VA_ARGS__))
#define LOAM_VEC_WITHIN_(v, x, value)                                                              \
    LOAM_VEC_WITH_(v, x, value, loam_vec_raw_push_within(&(v)->raw, &x, LOAM_VEC_SIZE_(v)))
#else
#define loam_vec_push_within(v, ...)                                                               \
    loam_vec_raw_push_within(&(v)->raw, (LOAM_VEC_TYPEOF_(*(v)->data)[1]){__VA_ARGS__},            \
                             LOAM_VEC_SIZE_(v))
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
    LOAM_VEC_INSERT_(v, at, LOAM_VEC_NAME_(__COUNTER__), (__VA_ARGS__))
#define LOAM_VEC_INSERT_(v, at, x, value)                                                          \
    LOAM_VEC_WITH_(                                                                                \
        v, x, value,                                                                               \
        loam_vec_raw_insert_n(&(v)->raw, (at), &x, 1, LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v)))
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

/** Puts `src_count` elements from `src` in the place of the `n` from position `at` on; those behind
 * them move. `src` may lie in the array, before, behind or across what is replaced.
 *
 * Returns false iff
 *  - the `n` elements are not all there, or
 *  - the memory can't be had; never where `src_count` is at most `n`.
 *
 * Cost: O(count - at + src_count); nothing behind moves where both numbers are equal. */
#define loam_vec_replace(v, at, n, src, src_count)                                                 \
    loam_vec_raw_replace(&(v)->raw, (at), (n), LOAM_VEC_LIKE_(v, src), (src_count),                \
                         LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v))

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
    LOAM_VEC_FILL_(v, from, n, LOAM_VEC_NAME_(__COUNTER__), (__VA_ARGS__))
#define LOAM_VEC_FILL_(v, from, n, x, value)                                                       \
    LOAM_VEC_WITH_(                                                                                \
        v, x, value,                                                                               \
        loam_vec_raw_fill(&(v)->raw, (from), (n), &x, LOAM_VEC_SIZE_(v), LOAM_VEC_ALIGN_(v)))
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

/** Takes the elements from position `n` on out; does nothing where there are none. Can't fail; the
 * capacity stays. O(1). */
#define loam_vec_truncate(v, n) loam_vec_raw_truncate(&(v)->raw, (n))

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

/* NOLINTEND(bugprone-macro-parentheses) */

/* NOLINTBEGIN(bugprone-macro-parentheses): types and names that are declared can have none */

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

/* NOLINTEND(bugprone-macro-parentheses) */

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
template <typename Vec> struct loam_vec_item_ {
    typedef typename loam_vec_element_<decltype(*Vec::data)>::type type;
};

template <typename Vec>
LOAM_INLINE LOAM_NODISCARD bool loam_vec_push_(Vec *vec, typename loam_vec_item_<Vec>::type x)
{
    if (!loam_vec_room_(&vec->raw, LOAM_VEC_SIZE_(vec), LOAM_VEC_ALIGN_(vec)))
        return false;
    vec->data[vec->count++] = x;
    return true;
}

template <typename Vec>
LOAM_INLINE LOAM_NODISCARD bool loam_vec_push_within_(Vec *vec,
                                                      typename loam_vec_item_<Vec>::type x)
{
    return loam_vec_raw_push_within(&vec->raw, &x, LOAM_VEC_SIZE_(vec));
}

template <typename Vec>
LOAM_INLINE LOAM_NODISCARD bool loam_vec_insert_(Vec *vec, size_t at,
                                                 typename loam_vec_item_<Vec>::type x)
{
    return loam_vec_raw_insert_n(&vec->raw, at, &x, 1, LOAM_VEC_SIZE_(vec), LOAM_VEC_ALIGN_(vec));
}

template <typename Vec>
LOAM_INLINE LOAM_NODISCARD bool loam_vec_fill_(Vec *vec, size_t from, size_t n,
                                               typename loam_vec_item_<Vec>::type x)
{
    return loam_vec_raw_fill(&vec->raw, from, n, &x, LOAM_VEC_SIZE_(vec), LOAM_VEC_ALIGN_(vec));
}
}
/** @endcond */
#endif

#endif
