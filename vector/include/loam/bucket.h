/** @file loam/bucket.h
 * An array in buckets of doubling size: it grows without moving, so pointers into it stay good.
 *
 *     buckets[0]  |0 .. 31|
 *     buckets[1]  |32 .. 63|
 *     buckets[2]  |64 ........ 127|
 *     buckets[3]  |128 ........................ 255|
 *     buckets[4]  not taken yet                      each holds as many as all before it
 *
 * Use it where others point at elements that come and go at the end (nodes, symbols, jobs), where
 * one thread adds while others read, where a pause to copy a big array is not allowed, or where
 * memory can't move (an arena, a pool of powers of two). Where elements must lie in one piece, or
 * are inserted and erased in the middle, a vec is the better array.
 *
 *     LOAM_BUCKET(struct symbol) symbols;
 *
 *     loam_bucket_init(&symbols, loam_libc_allocator());
 *     if (!loam_bucket_push(&symbols, (struct symbol){.name = name, .line = 1}))
 *         return out_of_memory();
 *     first = loam_bucket_at(&symbols, 0);              // good until it is popped
 *     LOAM_BUCKET_EACH(struct symbol *, it, &symbols)
 *         print(it);
 *     loam_bucket_deinit(&symbols);
 *
 * ## How an element is found
 *
 * Element `i` lies in the bucket of the highest bit of `i`; all whose highest bit is below the size
 * of the first bucket lie in that one. `places` has for each highest bit where element number 0
 * *would* be if its bucket went back so far, so that no start has to be subtracted: a count of
 * leading zeros, a load and an address. Going through all elements in order is quicker by
 * contiguous pieces: ::LOAM_BUCKET_EACH and loam_bucket_span() cost what a flat array costs.
 *
 * ## What holds
 *
 * - An element's address is the same from its push to its pop, whatever happens to others.
 * - A call that fails has changed nothing. Growing takes one bucket at a time, of a power of two of
 *   elements: of bytes too if an element's size is one.
 * - Buckets that become empty are given back, all but one: pushing and popping at the edge of a
 *   bucket asks nobody. What loam_bucket_reserve() asked for stays until
 *   loam_bucket_shrink_to_fit(). Over an allocator that does not reclaim, such as an arena, nothing
 *   is given back: empty buckets are used again, and loam_bucket_deinit() is O(1).
 * - Elements are bytes: no constructor, destructor or copy of C++ is called, so in C++ they must be
 *   trivially copyable. They have the alignment of their type.
 * - An element of the array may be passed to every call that takes one or more of them, but for the
 *   place that loam_bucket_read() writes to.
 *
 * ## Threads
 *
 * Not thread safe, with one exception. While one thread adds elements, any others may read those
 * that are there, through loam_bucket_place(), if they were told the index in a way that orders
 * memory (a mutex, a release and an acquire) and nothing is popped, truncated or shrunk meanwhile.
 *
 * ## Languages
 *
 * The macros take a pointer to what ::LOAM_BUCKET declares, evaluate each argument once and check
 * its type. They need C++11, or a C compiler with `typeof` or `__typeof__`; with any other the
 * functions `loam_bucket_raw_*` do the same for `&array.raw` and the size of an element.
 */
#ifndef LOAM_BUCKET_H
#define LOAM_BUCKET_H

#include <loam/allocator.h>
#include <loam/inspect.h>

#include <string.h>

LOAM_BEGIN_DECLS

/** The most buckets of an array. */
#define LOAM_BUCKET_LIMIT (sizeof(size_t) > 4 ? 41 : 29)
/** The values of loam_bucket_key(), each with its place in loam_bucket. */
#define LOAM_BUCKET_KEYS (8 * sizeof(size_t))

/** An array in buckets, of elements of any type: the core that ::LOAM_BUCKET gives a type to.
 *
 * Its fields may be read. About 0.9 KiB. It may be moved or copied as bytes, if only one of both is
 * then used; a process may not hand it to another. */
typedef struct loam_bucket {
    size_t count; /**< Elements that are there. */
    size_t cap;   /**< Elements that fit in the buckets that it has. */
    size_t first; /**< Elements of the first bucket, a power of two and not 1. */
    size_t low;   /**< At fewer elements than this the last bucket is given back; 0: at none. */
    /** For each loam_bucket_key(): the address of element 0 if it lay in that bucket. No pointers:
     * most of those addresses are outside any object. */
    uintptr_t places[LOAM_BUCKET_KEYS];
    void *buckets[LOAM_BUCKET_LIMIT]; /**< The buckets; NULL: not taken. */
    size_t taken;                     /**< How many there are. */
    size_t held;              /**< How many of them stay until a shrink, as a reserve asked for. */
    size_t size;              /**< Bytes of an element. */
    size_t align;             /**< Alignment of an element. */
    loam_allocator allocator; /**< Where buckets come from. */
} loam_bucket;

/** @cond typed */
#if defined(__GNUC__)
#define LOAM_BUCKET_EXTENSION_ __extension__
#else
#define LOAM_BUCKET_EXTENSION_
#endif
/** @endcond */

/* NOLINTBEGIN(bugprone-macro-parentheses): types and names that are declared can have none */

/** The type of an array in buckets of elements of type `T`: `LOAM_BUCKET(int) numbers;`.
 *
 * Each use makes a type of its own; name it with `typedef` to pass it to functions. `count`, `cap`
 * and `buckets` may be read; `raw` is the untyped core, the same object. */
#define LOAM_BUCKET(T)                                                                             \
    union {                                                                                        \
        LOAM_BUCKET_EXTENSION_ struct {                                                            \
            size_t count;                                                                          \
            size_t cap;                                                                            \
            size_t first;                                                                          \
            size_t low;                                                                            \
            uintptr_t places[LOAM_BUCKET_KEYS];                                                    \
            T *buckets[LOAM_BUCKET_LIMIT];                                                         \
        };                                                                                         \
        loam_bucket raw;                                                                           \
    }

/* NOLINTEND(bugprone-macro-parentheses) */

/* ---- the core: elements of a size that is known at run time ---------------------------------- */

/** @name The core
 * What the macros below stand on. `b` is `&array.raw`, `size` the size of an element as given to
 * loam_bucket_raw_init(): a constant where the compiler is to make the most of it. Each does what
 * the macro without `raw_` says. */
/** @{ */

/** See loam_bucket_init() and loam_bucket_init_first(). `size` is the size of an element in bytes,
 * not 0 and a multiple of `align`; a checked build stops otherwise with "size is 0 or above
 * PTRDIFF_MAX" or "alignment is not a power of two". */
void loam_bucket_raw_init(loam_bucket *b, loam_allocator allocator, size_t size, size_t align,
                          size_t first);

/** See loam_bucket_deinit(). */
void loam_bucket_raw_deinit(loam_bucket *b);

/** Takes the next bucket. False iff the allocator refuses, or there can't be more elements. */
LOAM_NODISCARD bool loam_bucket_raw_grow(loam_bucket *b);

/** Gives back what loam_bucket::low says may go. Cost: as dealloc, for each bucket. */
void loam_bucket_raw_settle(loam_bucket *b);

/** See loam_bucket_reserve(). */
LOAM_NODISCARD bool loam_bucket_raw_reserve(loam_bucket *b, size_t count);

/** See loam_bucket_resize(), or with `zero` false loam_bucket_resize_uninit(). */
LOAM_NODISCARD bool loam_bucket_raw_resize(loam_bucket *b, size_t count, bool zero);

/** See loam_bucket_push_n(). */
LOAM_NODISCARD bool loam_bucket_raw_push_n(loam_bucket *b, const void *elements, size_t count);

/** See loam_bucket_append(). */
LOAM_NODISCARD bool loam_bucket_raw_append(loam_bucket *b, const loam_bucket *other);

/** See loam_bucket_copy(). */
LOAM_NODISCARD bool loam_bucket_raw_copy(loam_bucket *b, const loam_bucket *other);

/** See loam_bucket_read(). */
LOAM_NODISCARD bool loam_bucket_raw_read(const loam_bucket *b, size_t from, size_t count,
                                         void *elements);

/** See loam_bucket_truncate(). */
void loam_bucket_raw_truncate(loam_bucket *b, size_t count);

/** See loam_bucket_shrink_to_fit(). */
void loam_bucket_raw_shrink_to_fit(loam_bucket *b);

/** See loam_bucket_swap(). */
void loam_bucket_raw_swap(loam_bucket *a, loam_bucket *b);

/** See loam_bucket_index_of(). */
LOAM_NODISCARD bool loam_bucket_raw_index_of(const loam_bucket *b, const void *element,
                                             size_t *index);

/** See loam_bucket_stats(). */
void loam_bucket_raw_stats(const loam_bucket *b, loam_stats *stats);

/** See loam_bucket_walk(). */
bool loam_bucket_raw_walk(const loam_bucket *b, loam_walk_fn visit, void *context);

/** See loam_bucket_check(). */
bool loam_bucket_raw_check(const loam_bucket *b, loam_check_fn report, void *context);

/** The place in loam_bucket::places for indices with the same highest bit as this `n`, which is
 * not 0.
 *
 * A number that depends on nothing but the highest bit: that bit's or the count of zeros before it,
 * whichever the processor tells more quickly. On x86 it is one instruction that every processor
 * has, but which gives the latter on those with LZCNT and the former on all others; so these
 * numbers are for one machine. */
LOAM_INLINE size_t loam_bucket_key(size_t n)
{
#if defined(__GNUC__) && defined(__x86_64__) && SIZE_MAX > 0xffffffffu
    size_t key;

    __asm__("rep {bsrq %1, %0|bsr %0, %1}" : "=r"(key) : "r"(n) : "cc");
    return key;
#elif defined(__GNUC__) && SIZE_MAX > 0xffffffffu
    return (size_t)__builtin_clzll(n);
#elif defined(__GNUC__)
    return (size_t)__builtin_clzl((unsigned long)n);
#else
    size_t key = 0;

    while (n >>= 1)
        key++;
    return key;
#endif
}

/** See loam_bucket_place(). */
LOAM_INLINE void *loam_bucket_raw_place(const loam_bucket *b, size_t index, size_t size)
{
    return (void *)(b->places[loam_bucket_key(index | 1)] + index * size);
}

/** See loam_bucket_at(). */
LOAM_INLINE void *loam_bucket_raw_at(const loam_bucket *b, size_t index, size_t size)
{
    LOAM_REQUIRE(index < b->count, LOAM_MISUSE_VEC_RANGE, b);
    return loam_bucket_raw_place(b, index, size);
}

/** See loam_bucket_get(). */
LOAM_INLINE LOAM_NODISCARD bool loam_bucket_raw_get(const loam_bucket *b, size_t index,
                                                    void *element, size_t size)
{
    if (LOAM_UNLIKELY(index >= b->count))
        return false;
    memmove(element, loam_bucket_raw_place(b, index, size), size);
    return true;
}

/** See loam_bucket_push_slot(). */
LOAM_INLINE LOAM_NODISCARD void *loam_bucket_raw_push_slot(loam_bucket *b, size_t size)
{
    size_t count = b->count;

    if (LOAM_UNLIKELY(count == b->cap) && !loam_bucket_raw_grow(b))
        return NULL;
    b->count = count + 1;
    return loam_bucket_raw_place(b, count, size);
}

/** See loam_bucket_push(). */
LOAM_INLINE LOAM_NODISCARD bool loam_bucket_raw_push(loam_bucket *b, const void *element,
                                                     size_t size)
{
    size_t count = b->count;

    if (LOAM_UNLIKELY(count == b->cap) && !loam_bucket_raw_grow(b))
        return false;
    memcpy(loam_bucket_raw_place(b, count, size), element, size);
    b->count = count + 1;
    return true;
}

/** See loam_bucket_pop(). */
LOAM_INLINE bool loam_bucket_raw_pop(loam_bucket *b, void *element, size_t size)
{
    size_t count = b->count;

    if (LOAM_UNLIKELY(count == 0))
        return false;
    b->count = --count;
    if (element)
        memmove(element, loam_bucket_raw_place(b, count, size), size);
    if (LOAM_UNLIKELY(count < b->low))
        loam_bucket_raw_settle(b);
    return true;
}

/** See loam_bucket_swap_remove(). */
LOAM_INLINE bool loam_bucket_raw_swap_remove(loam_bucket *b, size_t index, size_t size)
{
    size_t count = b->count;

    LOAM_REQUIRE(index < count, LOAM_MISUSE_VEC_RANGE, b);
    if (LOAM_UNLIKELY(index >= count))
        return false;
    if (index != count - 1)
        memcpy(loam_bucket_raw_place(b, index, size), loam_bucket_raw_place(b, count - 1, size),
               size);
    return loam_bucket_raw_pop(b, NULL, size);
}

/** See loam_bucket_first(). */
LOAM_INLINE void *loam_bucket_raw_first(const loam_bucket *b, size_t size)
{
    return b->count ? loam_bucket_raw_place(b, 0, size) : NULL;
}

/** See loam_bucket_last(). */
LOAM_INLINE void *loam_bucket_raw_last(const loam_bucket *b, size_t size)
{
    return b->count ? loam_bucket_raw_place(b, b->count - 1, size) : NULL;
}

/** See loam_bucket_span(). */
LOAM_INLINE void *loam_bucket_raw_span(const loam_bucket *b, size_t index, size_t size,
                                       size_t *count)
{
    size_t end = index | (b->first - 1);

    LOAM_REQUIRE(index <= b->count, LOAM_MISUSE_VEC_RANGE, b);
    if (LOAM_UNLIKELY(index >= b->count)) {
        *count = 0;
        return NULL;
    }
    /* All bits below the highest one: that is the last index of the bucket. */
    for (unsigned shift = 1; shift < 8 * sizeof end; shift *= 2)
        end |= end >> shift;
    *count = (end < b->count - 1 ? end : b->count - 1) - index + 1;
    return loam_bucket_raw_place(b, index, size);
}

/** Where a #LOAM_BUCKET_EACH or #LOAM_BUCKET_EACH_REVERSE is: its inner loop runs over one piece,
 * from `start` to `end`. Its fields are not for use. */
typedef struct loam_bucket_cursor {
    void *start;           /**< Where the inner loop begins; NULL when there is no further piece. */
    const void *at;        /**< How far it came: `end`, unless it was left by `break`. */
    const void *end;       /**< Where it ends. */
    const loam_bucket *of; /**< The array. */
    size_t index;          /**< Elements before the next piece; backwards, before this one. */
    size_t stop;           /**< Elements that there were at first. */
} loam_bucket_cursor;

/** Goes to the next piece, unless the loop was left. */
LOAM_INLINE void loam_bucket_raw_next(loam_bucket_cursor *cursor, size_t size)
{
    size_t count = 0;

    cursor->start = NULL;
    if (cursor->at != cursor->end || cursor->index >= cursor->stop)
        return;
    cursor->start = loam_bucket_raw_span(cursor->of, cursor->index, size, &count);
    if (count > cursor->stop - cursor->index)
        count = cursor->stop - cursor->index;
    cursor->at = cursor->start;
    cursor->end = (char *)cursor->start + count * size;
    cursor->index += count;
}

/** The cursor of a loop forwards. */
LOAM_INLINE loam_bucket_cursor loam_bucket_raw_begin(const loam_bucket *b, size_t size)
{
    loam_bucket_cursor cursor = {NULL, NULL, NULL, b, 0, b->count};

    loam_bucket_raw_next(&cursor, size);
    return cursor;
}

/** Goes to the piece before, unless the loop was left. */
LOAM_INLINE void loam_bucket_raw_previous(loam_bucket_cursor *cursor, size_t size)
{
    size_t first = cursor->index - 1, count;

    cursor->start = NULL;
    if (cursor->at != cursor->end || cursor->index == 0)
        return;
    /* The highest bit alone is where the last element's bucket begins, unless it is the first. */
    while (first & (first - 1))
        first &= first - 1;
    if (first < cursor->of->first)
        first = 0;
    count = cursor->index - first;
    cursor->end = loam_bucket_raw_place(cursor->of, first, size);
    cursor->start = (char *)loam_bucket_raw_place(cursor->of, first, size) + count * size;
    cursor->at = cursor->start;
    cursor->index = first;
}

/** The cursor of a loop backwards. */
LOAM_INLINE loam_bucket_cursor loam_bucket_raw_begin_reverse(const loam_bucket *b, size_t size)
{
    loam_bucket_cursor cursor = {NULL, NULL, NULL, b, b->count, b->count};

    loam_bucket_raw_previous(&cursor, size);
    return cursor;
}

/** @} */

LOAM_END_DECLS

/* ---- types ----------------------------------------------------------------------------------- */

/** @cond typed */
#if defined(__cplusplus)
extern "C++" {
/* What std::is_trivially_copyable is made of, without its header. */
template <typename Element> struct loam_bucket_of_;
template <typename Element> struct loam_bucket_of_<Element &> {
    static_assert(__is_trivially_copyable(Element),
                  "elements of LOAM_BUCKET are copied as bytes: they must be trivially copyable");
    static_assert(sizeof(Element) > 0, "elements of LOAM_BUCKET have a size");
    static constexpr size_t size = sizeof(Element);
};
}
#define LOAM_BUCKET_SIZE_(b)          (loam_bucket_of_<decltype(**(b)->buckets)>::size)
#define LOAM_BUCKET_POINTER_(b)       decltype(&**(b)->buckets)
#define LOAM_BUCKET_ALIGN_(b)         alignof(decltype(**(b)->buckets))
#define LOAM_BUCKET_CAST_(b, pointer) static_cast<LOAM_BUCKET_POINTER_(b)>(pointer)
#else
#if defined(__STDC_VERSION__) && __STDC_VERSION__ > 201710L && !defined(__GNUC__)
#define LOAM_BUCKET_TYPEOF_(x) typeof(x)
#else
#define LOAM_BUCKET_TYPEOF_(x) __typeof__(x)
#endif
/* A name that nothing else has, so that a call may stand in an argument of another one. */
#define LOAM_BUCKET_NAME_(number)     LOAM_BUCKET_NAMED_(number)
#define LOAM_BUCKET_NAMED_(number)    loam_bucket_##number##_
#define LOAM_BUCKET_POINTER_(b)       LOAM_BUCKET_TYPEOF_(&**(b)->buckets)
#define LOAM_BUCKET_ALIGN_(b)         _Alignof(LOAM_BUCKET_TYPEOF_(**(b)->buckets))
#define LOAM_BUCKET_CAST_(b, pointer) ((LOAM_BUCKET_POINTER_(b))(pointer))
/* The size of an element; does not compile where that is 0. */
#define LOAM_BUCKET_SIZE_(b)                                                                       \
    (sizeof **(b)->buckets + 0 * sizeof(char[sizeof **(b)->buckets ? 1 : -1]))
#if defined(__GNUC__)
/* Lets the compiler complain where nobody looks at the answer. */
LOAM_INLINE LOAM_NODISCARD bool loam_bucket_done_(bool done)
{
    return done;
}
#endif
#endif
/* A pointer, after a look at its type: it must fit where one to elements stands. */
#define LOAM_BUCKET_LIKE_(b, pointer) (0 ? *(b)->buckets : (pointer))
/* Another array, after a look at its element type. */
#define LOAM_BUCKET_SAME_(b, other)                                                                \
    ((void)sizeof(0 ? *(b)->buckets : *(other)->buckets), &(other)->raw)
/** @endcond */

/* ---- life ------------------------------------------------------------------------------------ */

/** Makes an empty array over `allocator`. Takes no memory; can't fail.
 *
 * The first bucket will hold as many elements as fit in 256 bytes, but at least four, rounded down
 * to a power of two. Cost: O(1). */
#define loam_bucket_init(b, allocator) loam_bucket_init_first((b), (allocator), 0)

/** As loam_bucket_init(), with a first bucket of `first` elements, rounded up to a power of two, two
 * at least and 2^20 at most; 0 stands for the default. The bigger it is, the fewer buckets there will be. */
#define loam_bucket_init_first(b, allocator, first)                                                \
    loam_bucket_raw_init(&(b)->raw, (allocator), LOAM_BUCKET_SIZE_(b), LOAM_BUCKET_ALIGN_(b),      \
                         (first))

/** Ends an array: gives its buckets back, or forgets them where the allocator does not reclaim.
 * Elements are not visited. What remains is an empty array, which may be used, or ended again.
 *
 * Can't fail. Cost: O(1) calls to the allocator for each bucket, so O(log count); O(1) over an
 * allocator that does not reclaim. */
#define loam_bucket_deinit(b) loam_bucket_raw_deinit(&(b)->raw)

/** Exchanges two arrays of one type, allocators included; no element is touched, and pointers to
 * elements hold. `a` may be `b`. Cost: O(1), a copy of both objects. */
#define loam_bucket_swap(a, b) loam_bucket_raw_swap(&(a)->raw, LOAM_BUCKET_SAME_(a, b))

/* ---- room ------------------------------------------------------------------------------------ */

/** Makes room for `n` elements in all: pushes up to there can't fail, and what was taken for it is
 * not given back before loam_bucket_shrink_to_fit() or the end.
 *
 * Returns false iff
 *  - the allocator refuses a bucket, or
 *  - `n` elements are more than there can be: their bytes, or those of the last bucket, would be
 *    above PTRDIFF_MAX, or there would be more than #LOAM_BUCKET_LIMIT buckets.
 *
 * Then nothing changed. Cost: O(log n) calls to the allocator. */
#define loam_bucket_reserve(b, n) loam_bucket_raw_reserve(&(b)->raw, (n))

/** Gives all empty buckets back, also those of a reserve and the spare one. Where the allocator
 * does not reclaim they are kept, since nobody else could use them.
 *
 * Can't fail. Cost: one call to the allocator for each. */
#define loam_bucket_shrink_to_fit(b) loam_bucket_raw_shrink_to_fit(&(b)->raw)

/* ---- putting in ------------------------------------------------------------------------------ */

/** Puts an element behind the last one: `loam_bucket_push(&b, 42)`, or in C
 * `loam_bucket_push(&b, (point){1, 2})`. It may be computed from elements of the array.
 *
 * Returns false iff the next bucket is needed and the allocator refuses it. Cost: about ten
 * instructions, inline; a call to the allocator for each bucket. */
#if defined(__cplusplus)
#define loam_bucket_push(b, ...) loam_bucket_push_((b), __VA_ARGS__)
#elif defined(__GNUC__)
#define loam_bucket_push(b, ...)                                                                   \
    LOAM_BUCKET_PUSH_(b, LOAM_BUCKET_NAME_(__COUNTER__), LOAM_BUCKET_NAME_(__COUNTER__),           \
                      (__VA_ARGS__))
/* NOLINTBEGIN(bugprone-macro-parentheses): names that are declared can have none */
#define LOAM_BUCKET_PUSH_(b, to, x, value)                                                         \
    loam_bucket_done_(__extension__({                                                              \
        LOAM_BUCKET_TYPEOF_(&*(b)) to = (b);                                                       \
        LOAM_BUCKET_TYPEOF_(**(b)->buckets) x = value;                                             \
        loam_bucket_raw_push(&to->raw, &x, LOAM_BUCKET_SIZE_(b));                                  \
    }))
/* NOLINTEND(bugprone-macro-parentheses) */
#else
#define loam_bucket_push(b, ...)                                                                   \
    loam_bucket_raw_push(&(b)->raw, (LOAM_BUCKET_TYPEOF_(**(b)->buckets)[1]){__VA_ARGS__},         \
                         LOAM_BUCKET_SIZE_(b))
#endif

/** Makes the array one element longer and returns where that is, uninitialised.
 *
 * Returns NULL iff loam_bucket_push() would return false. Cost: as that. */
#define loam_bucket_push_slot(b)                                                                   \
    LOAM_BUCKET_CAST_(b, loam_bucket_raw_push_slot(&(b)->raw, LOAM_BUCKET_SIZE_(b)))

/** Puts `n` elements, which lie at `elements` in one piece, behind the last one. They may be some
 * of the array's own.
 *
 * Returns false iff the memory can't be had; then none was put in. Cost: O(n), and as
 * loam_bucket_reserve(). */
#define loam_bucket_push_n(b, elements, n)                                                         \
    loam_bucket_raw_push_n(&(b)->raw, LOAM_BUCKET_LIKE_(b, elements), (n))

/** Puts the elements of another array of the same element type behind the last one; `other` may be
 * `b`.
 *
 * Returns false iff the memory can't be had; then none was put in. Cost: O(elements of `other`). */
#define loam_bucket_append(b, other) loam_bucket_raw_append(&(b)->raw, LOAM_BUCKET_SAME_(b, other))

/** Makes the elements of `b` equal to those of `other`, of the same element type, which may be `b`.
 * Allocators stay.
 *
 * Returns false iff the memory can't be had; then the old elements are there. Cost: O(elements of
 * `other`). */
#define loam_bucket_copy(b, other) loam_bucket_raw_copy(&(b)->raw, LOAM_BUCKET_SAME_(b, other))

/** Makes the array `n` elements long; new ones read as zero bytes. A shorter one is truncated.
 *
 * Returns false iff the memory can't be had; never when it gets shorter. Cost: O(new elements),
 * less where the allocator knows fresh pages from used ones. */
#define loam_bucket_resize(b, n) loam_bucket_raw_resize(&(b)->raw, (n), true)

/** As loam_bucket_resize(), and new elements are uninitialised. Cost: O(log n). */
#define loam_bucket_resize_uninit(b, n) loam_bucket_raw_resize(&(b)->raw, (n), false)

/* ---- taking out ------------------------------------------------------------------------------ */

/** Takes the last element out and writes it to `*element`, unless that is NULL.
 *
 * Returns false iff the array is empty. Cost: O(1), inline; a call to the allocator for each bucket
 * that is given back. */
#define loam_bucket_pop(b, element)                                                                \
    loam_bucket_raw_pop(&(b)->raw, LOAM_BUCKET_LIKE_(b, element), LOAM_BUCKET_SIZE_(b))

/** Takes the element at `index` out and puts the last one in its place: that one moves.
 *
 * Returns false iff there is no element at `index`; a checked build stops with "index is outside
 * the array". Cost: as loam_bucket_pop(). */
#define loam_bucket_swap_remove(b, index)                                                          \
    loam_bucket_raw_swap_remove(&(b)->raw, (index), LOAM_BUCKET_SIZE_(b))

/** Drops all elements from number `n` on; nothing if there are not so many. Can't fail.
 * Cost: O(1), and a call to the allocator for each bucket that is given back. */
#define loam_bucket_truncate(b, n) loam_bucket_raw_truncate(&(b)->raw, (n))

/** Drops all elements. The first bucket stays. Cost: as loam_bucket_truncate(). */
#define loam_bucket_clear(b) loam_bucket_raw_truncate(&(b)->raw, 0)

/* ---- looking --------------------------------------------------------------------------------- */

/** A pointer to the element at `index`, which must be below the count; a checked build stops
 * otherwise with "index is outside the array". Good until that element is taken out.
 *
 * Cost: O(1), inline: a count of zeros, a load, and the address. */
#define loam_bucket_at(b, index)                                                                   \
    LOAM_BUCKET_CAST_(b, loam_bucket_raw_at(&(b)->raw, (index), LOAM_BUCKET_SIZE_(b)))

/** As loam_bucket_at() without a look at the count: `index` must be below the capacity.
 *
 * Reads nothing that a push in another thread writes, if that thread has pushed the element before
 * it told of it. Cost: as loam_bucket_at(). */
#define loam_bucket_place(b, index)                                                                \
    LOAM_BUCKET_CAST_(b, loam_bucket_raw_place(&(b)->raw, (index), LOAM_BUCKET_SIZE_(b)))

/** Writes the element at `index` to `*element`. Returns false iff there is none; then nothing is
 * written. Cost: O(1), inline. */
#define loam_bucket_get(b, index, element)                                                         \
    loam_bucket_raw_get(&(b)->raw, (index), LOAM_BUCKET_LIKE_(b, element), LOAM_BUCKET_SIZE_(b))

/** A pointer to the first element, or NULL if there is none. O(1). */
#define loam_bucket_first(b)                                                                       \
    LOAM_BUCKET_CAST_(b, loam_bucket_raw_first(&(b)->raw, LOAM_BUCKET_SIZE_(b)))

/** A pointer to the last element, or NULL if there is none. O(1). */
#define loam_bucket_last(b)                                                                        \
    LOAM_BUCKET_CAST_(b, loam_bucket_raw_last(&(b)->raw, LOAM_BUCKET_SIZE_(b)))

/** A pointer to the element at `index`; `*n` becomes the number of elements that lie there in one
 * piece, up to the end of its bucket or of the array. NULL and 0 if `index` is the count; a checked
 * build stops where it is above.
 *
 *     for (size_t i = 0, n; (piece = loam_bucket_span(&b, i, &n)) != NULL; i += n)
 *         write_out(piece, n);
 *
 * Cost: O(1). */
#define loam_bucket_span(b, index, n)                                                              \
    LOAM_BUCKET_CAST_(b, loam_bucket_raw_span(&(b)->raw, (index), LOAM_BUCKET_SIZE_(b), (n)))

/* NOLINTBEGIN(bugprone-macro-parentheses): types and names that are declared can have none */

/** A loop over the elements, first to last: `LOAM_BUCKET_EACH(int *, it, &b) total += *it;`
 *
 * `type` is that of a pointer to an element. `break` and `continue` do what they do in any loop. In
 * it elements may be pushed, which the loop does not reach, but none may be taken out. The inner of
 * the two loops that this is runs over one bucket, so that it costs what a loop over a flat array
 * costs. */
#define LOAM_BUCKET_EACH(type, it, b)                                                              \
    for (loam_bucket_cursor it##_cursor_ = loam_bucket_raw_begin(&(b)->raw, LOAM_BUCKET_SIZE_(b)); \
         it##_cursor_.start; loam_bucket_raw_next(&it##_cursor_, LOAM_BUCKET_SIZE_(b)))            \
        for (type it = LOAM_BUCKET_CAST_(b, it##_cursor_.start); it != it##_cursor_.end;           \
             it##_cursor_.at = ++it)

/** A loop over the elements, last to first. See #LOAM_BUCKET_EACH. */
#define LOAM_BUCKET_EACH_REVERSE(type, it, b)                                                      \
    for (loam_bucket_cursor it##_cursor_ =                                                         \
             loam_bucket_raw_begin_reverse(&(b)->raw, LOAM_BUCKET_SIZE_(b));                       \
         it##_cursor_.start; loam_bucket_raw_previous(&it##_cursor_, LOAM_BUCKET_SIZE_(b)))        \
        for (type it = LOAM_BUCKET_CAST_(b, it##_cursor_.start);                                   \
             it != it##_cursor_.end && (it--, true); it##_cursor_.at = it)

/* NOLINTEND(bugprone-macro-parentheses) */

/** Copies `n` elements from number `from` on to `elements`, which lie in one piece that is not in the
 * array.
 *
 * Returns false iff they are not all there; then nothing is written. Cost: O(n). */
#define loam_bucket_read(b, from, n, elements)                                                     \
    loam_bucket_raw_read(&(b)->raw, (from), (n), LOAM_BUCKET_LIKE_(b, elements))

/** Which element `element` points to: writes its number to `*index`.
 *
 * Returns false iff it points to no element of the array; it may be any address. A pointer into an
 * element tells that element. Cost: O(buckets), so O(log count). */
#define loam_bucket_index_of(b, element, index)                                                    \
    loam_bucket_raw_index_of(&(b)->raw, (element), (index))

/** Writes the figures of the array.
 *
 * `live` is the elements' bytes, `committed` and `reserved` what was asked of the allocator,
 * `blocks` the count of buckets, `lost` what its `good_size` adds to that, `metadata` the object.
 * The rest is 0: a push and a pop count nothing. Cost: O(buckets). */
#define loam_bucket_stats(b, stats) loam_bucket_raw_stats(&(b)->raw, (stats))

/** Shows the object as ::LOAM_WALK_METADATA, then bucket by bucket what is ::LOAM_WALK_LIVE and
 * ::LOAM_WALK_FREE.
 *
 * Returns false iff the callback ended the walk. Cost: O(buckets). */
#define loam_bucket_walk(b, visit, context) loam_bucket_raw_walk(&(b)->raw, (visit), (context))

/** Checks the invariants B1-B6 of bucket.c. Returns true iff all hold; each that does not is
 * reported. `report` may be NULL. Cost: O(buckets). */
#define loam_bucket_check(b, report, context) loam_bucket_raw_check(&(b)->raw, (report), (context))

/* ---- C++: the operation that takes an element by value --------------------------------------- */

#if defined(__cplusplus)
/** @cond typed */
extern "C++" {
template <typename Pointer> struct loam_bucket_pointed_;
template <typename Element> struct loam_bucket_pointed_<Element *> {
    typedef Element type;
};
template <typename Bucket> struct loam_bucket_element_ {
    typedef decltype(&**static_cast<Bucket *>(nullptr)->buckets) pointer;
    typedef typename loam_bucket_pointed_<pointer>::type type;
};

template <typename Bucket>
LOAM_INLINE LOAM_NODISCARD bool
loam_bucket_push_(Bucket *b, const typename loam_bucket_element_<Bucket>::type &element)
{
    return loam_bucket_raw_push(&b->raw, &element, LOAM_BUCKET_SIZE_(b));
}
}
/** @endcond */
#endif

#endif
