/* vec.c: the life of an array, and how its block grows and shrinks.
 *
 *     data
 *      |#### count ####|........ cap ........|
 *
 *   V1  count <= cap
 *   V2  data is NULL iff cap is 0
 *   V3  data is aligned as the elements are
 *   V4  cap * size <= PTRDIFF_MAX
 *   V5  the block is one of the allocator's, of exactly cap * size bytes: that is what it is asked
 *       for, and what is given back
 *   V6  the block of a reserved array stands where its record says (vec_reserved.c)
 *
 * Growing looks for a capacity between what is wanted and what is needed, and for each candidate
 * for a way to have it, cheapest first:
 *
 *      by its pages      the allocator's remap, which looks first whether it must move them
 *      in place          the allocator's resize, where it has no remap or that refuses
 *      by a copy         alloc, copy of `count` elements, dealloc
 *
 * Over an allocator that does not reclaim, a copy leaves a dead block behind. There all candidates
 * are tried in place first, and a move takes four times the old capacity: the blocks left behind
 * are then a quarter of the newest one, and a quarter of that, and so on, less than a third in all.
 */
#include "vec_internal.h"

const char loam_vec_reserved_name[] = "reserved array";

enum {
    QUADRUPLE = 2 << 10,  /* blocks below these bytes become four times as big, others twice */
    FIRST_BYTES = 64,     /* the first block has so many bytes, */
    FIRST_ELEMENTS = 4,   /* or so many elements, */
    FIRST_LIMIT = 1 << 10 /* unless an element is bigger than this */
};

/* ---- ways to have a block of `cap` elements; each is false with nothing changed, or done ---- */

typedef bool way(loam_vec *vec, size_t cap, size_t size, size_t align);

static bool take_first(loam_vec *vec, size_t cap, size_t size, size_t align)
{
    void *data = loam_alloc(vec->allocator, cap * size, align);

    if (!data)
        return false;
    vec->data = data;
    vec->cap = cap;
    return true;
}

static bool take_first_zeroed(loam_vec *vec, size_t cap, size_t size, size_t align)
{
    void *data = loam_zalloc(vec->allocator, cap * size, align);

    if (!data)
        return false;
    vec->data = data;
    vec->cap = cap;
    return true;
}

static bool change_in_place(loam_vec *vec, size_t cap, size_t size, size_t align)
{
    if (!loam_resize(vec->allocator, vec->data, vec->cap * size, cap * size, align))
        return false;
    vec->cap = cap;
    return true;
}

static bool change_by_pages(loam_vec *vec, size_t cap, size_t size, size_t align)
{
    void *data = vec->allocator.ops->remap
                     ? loam_remap(vec->allocator, vec->data, vec->cap * size, cap * size, align)
                     : NULL;

    if (!data)
        return false;
    vec->data = data;
    vec->cap = cap;
    return true;
}

static bool change_by_copy(loam_vec *vec, size_t cap, size_t size, size_t align)
{
    void *data = loam_alloc(vec->allocator, cap * size, align);

    if (!data)
        return false;
    memcpy(data, vec->data, vec->count * size);
    loam_dealloc(vec->allocator, vec->data, vec->cap * size, align);
    vec->data = data;
    vec->cap = cap;
    return true;
}

static bool change_by_moving(loam_vec *vec, size_t cap, size_t size, size_t align)
{
    return change_by_pages(vec, cap, size, align) || change_by_copy(vec, cap, size, align);
}

/* Who moves pages looks first whether it must, so an allocator that has remap is asked for that. */
static bool change_in_any_way(loam_vec *vec, size_t cap, size_t size, size_t align)
{
    return change_by_pages(vec, cap, size, align) || change_in_place(vec, cap, size, align) ||
           change_by_copy(vec, cap, size, align);
}

/* ---- growing ---- */

/* Whether there can be an array of such elements at all. */
static bool valid_element(size_t size, size_t align)
{
    LOAM_REQUIRE(size - 1 < (size_t)PTRDIFF_MAX, LOAM_MISUSE_BAD_SIZE, (void *)(uintptr_t)size);
    LOAM_REQUIRE(loam_is_pow2(align), LOAM_MISUSE_BAD_ALIGNMENT, (void *)(uintptr_t)align);
    return size - 1 < (size_t)PTRDIFF_MAX && loam_is_pow2(align);
}

/* Whether `n` elements are at most PTRDIFF_MAX bytes (V4); a division only where it must be. */
static inline bool fits(size_t n, size_t size)
{
    const unsigned half = sizeof(size_t) * 4 - 1;

    return ((n | size) >> half) == 0 || n <= (size_t)PTRDIFF_MAX / size;
}

/* Whether the array may have `n` elements at all. */
static bool may_have(const loam_vec *vec, size_t n, size_t size)
{
    const loam_vec_reserved *record = reserved_record(vec->allocator);

    return record ? n <= record->max_count : fits(n, size);
}

/* `n`, or the most elements that the array may have. */
static size_t at_most(const loam_vec *vec, size_t n, size_t size)
{
    const loam_vec_reserved *record = reserved_record(vec->allocator);

    if (may_have(vec, n, size))
        return n;
    return record ? record->max_count : (size_t)PTRDIFF_MAX / size;
}

static size_t first_cap(size_t size)
{
    if (size >= FIRST_BYTES / FIRST_ELEMENTS)
        return size > FIRST_LIMIT ? 1 : FIRST_ELEMENTS;
    return FIRST_BYTES / size;
}

/* The elements that fit in the block that the allocator would make for `cap` of them. */
static inline size_t good_cap(const loam_vec *vec, size_t cap, size_t size, size_t align)
{
    size_t bytes = cap * size;
    size_t good = loam_good_size(vec->allocator, bytes, align);

    return good == bytes ? cap : loam_min(good, (size_t)PTRDIFF_MAX) / size;
}

/* Tries a way with capacities from `wanted` down to `need`, quartering what is between them. So
 * what is left of a nearly full source is taken in O(log n) steps, and one that is full is asked
 * O(log n) times. */
static bool climb_down(loam_vec *vec, way *have, size_t wanted, size_t need, size_t size,
                       size_t align)
{
    size_t extra;

    for (extra = wanted - need; extra > 0; extra /= 4) {
        if (have(vec, good_cap(vec, need + extra, size, align), size, align))
            return true;
    }
    return have(vec, good_cap(vec, need, size, align), size, align);
}

/* `times` what there is or a first block, and `need` at least. */
static size_t wanted_cap(const loam_vec *vec, size_t times, size_t need, size_t size)
{
    size_t wanted = vec->cap ? vec->cap * times : first_cap(size);

    if (vec->cap > SIZE_MAX / 4)
        wanted = SIZE_MAX;
    return at_most(vec, loam_max(wanted, need), size);
}

/* The usual growth, without ado. False: nothing changed, and the rest must see to it. */
static inline bool double_cap(loam_vec *vec, size_t need, size_t size, size_t align)
{
    size_t cap = vec->cap << (1 + (vec->cap * size < QUADRUPLE));

    return need <= cap && vec->cap * size <= (size_t)PTRDIFF_MAX / 2 &&
           loam_allocator_reclaims(vec->allocator) && !reserved_record(vec->allocator) &&
           change_in_any_way(vec, good_cap(vec, cap, size, align), size, align);
}

static bool grow_without_litter(loam_vec *vec, size_t need, size_t size, size_t align)
{
    return (vec->allocator.ops->resize &&
            climb_down(vec, change_in_place, wanted_cap(vec, 2, need, size), need, size, align)) ||
           climb_down(vec, change_by_moving, wanted_cap(vec, 4, need, size), need, size, align);
}

/* Makes the capacity `need` at least, which it is not yet, and doubles it if it can be had. */
static bool grow(loam_vec *vec, size_t need, size_t size, size_t align)
{
    if (vec->cap && double_cap(vec, need, size, align))
        return true;
    if (!valid_element(size, align) || !may_have(vec, need, size))
        return false;
    if (vec->cap == 0)
        return climb_down(vec, take_first, wanted_cap(vec, 2, need, size), need, size, align);
    if (!loam_allocator_reclaims(vec->allocator))
        return grow_without_litter(vec, need, size, align);
    return climb_down(vec, change_in_any_way, wanted_cap(vec, 2, need, size), need, size, align);
}

static LOAM_NOINLINE loam_vec_storage grow_one_somehow(void *data, size_t cap,
                                                       loam_allocator allocator, size_t size,
                                                       size_t align)
{
    loam_vec vec = {data, cap, cap, allocator};

    if (!grow(&vec, cap + 1, size, align))
        vec.data = NULL;
    return (loam_vec_storage){vec.data, vec.cap};
}

/* What double_cap() does, in registers, for an array that has a block of what moves pages and reclaims;
 * a reservation has no remap. Its sizes differ each time, so there is no branch on them. */
loam_vec_storage loam_vec_grow_one(void *data, size_t cap, loam_allocator allocator, size_t size,
                                   size_t align)
{
    size_t old = cap * size;
    loam_vec grown = {NULL, 0, cap << (1 + (old < QUADRUPLE)), allocator};

    if (LOAM_UNLIKELY(cap == 0 || old > (size_t)PTRDIFF_MAX / 2 || !allocator.ops->remap ||
                      !loam_allocator_reclaims(allocator)))
        return grow_one_somehow(data, cap, allocator, size, align);
    grown.cap = good_cap(&grown, grown.cap, size, align);
    grown.data = loam_remap(allocator, data, old, grown.cap * size, align);
    if (LOAM_UNLIKELY(!grown.data))
        return grow_one_somehow(data, cap, allocator, size, align);
    return (loam_vec_storage){grown.data, grown.cap};
}

bool loam_vec_raw_reserve(loam_vec *vec, size_t n, size_t size, size_t align)
{
    return n <= vec->cap || grow(vec, n, size, align);
}

bool loam_vec_raw_reserve_exact(loam_vec *vec, size_t n, size_t size, size_t align)
{
    if (n <= vec->cap)
        return true;
    if (!valid_element(size, align) || !may_have(vec, n, size))
        return false;
    return climb_down(vec, vec->cap ? change_in_any_way : take_first, n, n, size, align);
}

/* An array without a block has `n` zeroed elements. */
static bool begin_zeroed(loam_vec *vec, size_t n, size_t size, size_t align)
{
    if (!valid_element(size, align) || !may_have(vec, n, size) ||
        !climb_down(vec, take_first_zeroed, wanted_cap(vec, 2, n, size), n, size, align))
        return false;
    vec->count = n;
    return true;
}

bool loam_vec_raw_resize(loam_vec *vec, size_t n, size_t size, size_t align)
{
    size_t old = vec->count;

    if (vec->cap == 0 && n > 0)
        return begin_zeroed(vec, n, size, align);
    if (!loam_vec_raw_resize_uninit(vec, n, size, align))
        return false;
    if (n > old)
        memset(element(vec, old, size), 0, (n - old) * size);
    return true;
}

bool loam_vec_raw_resize_uninit(loam_vec *vec, size_t n, size_t size, size_t align)
{
    if (!loam_vec_raw_reserve(vec, n, size, align))
        return false;
    vec->count = n;
    return true;
}

/* ---- shrinking ---- */

static void give_block(loam_vec *vec, size_t size, size_t align)
{
    loam_dealloc(vec->allocator, vec->data, vec->cap * size, align);
    vec->data = NULL;
    vec->cap = 0;
}

/* Gives the block of an empty array back. What does not reclaim takes back only a block that could
 * also change its size, and would forget any other; so that is tried first. */
static bool give_whole(loam_vec *vec, size_t size, size_t align)
{
    size_t bytes = vec->cap * size;
    size_t other = bytes > 1 ? 1 : 2;

    if (vec->cap == 0)
        return true;
    if (!loam_allocator_reclaims(vec->allocator)) {
        if (!loam_resize(vec->allocator, vec->data, bytes, other, align))
            return false;
        bytes = other;
    }
    loam_dealloc(vec->allocator, vec->data, bytes, align);
    vec->data = NULL;
    vec->cap = 0;
    return true;
}

/* Makes the capacity `cap`, or what the allocator rounds that up to. */
static bool shrink(loam_vec *vec, size_t cap, size_t size, size_t align)
{
    if (cap == 0)
        return give_whole(vec, size, align);
    cap = good_cap(vec, cap, size, align);
    if (cap >= vec->cap)
        return true;
    if (!loam_allocator_reclaims(vec->allocator))
        return change_in_place(vec, cap, size, align);
    return change_in_any_way(vec, cap, size, align);
}

bool loam_vec_raw_shrink_to_fit(loam_vec *vec, size_t size, size_t align)
{
    return shrink(vec, vec->count, size, align);
}

bool loam_vec_raw_trim(loam_vec *vec, size_t size, size_t align)
{
    size_t least = first_cap(size);

    if (vec->cap <= least || vec->count > (vec->cap - 1) / 4)
        return true;
    return shrink(vec, loam_max(vec->count * 2, least), size, align);
}

/* ---- life ---- */

static void *refuse_alloc(void *self, size_t size, size_t align)
{
    (void)self;
    (void)size;
    (void)align;
    return NULL;
}

static void forget_block(void *self, void *ptr, size_t size, size_t align)
{
    (void)self;
    (void)ptr;
    (void)size;
    (void)align;
}

/* What an array has for an allocator when its reservation has ended. */
static const loam_allocator_ops ended = {
    .alloc = refuse_alloc,
    .dealloc = forget_block,
    .name = "ended array",
    .traits = LOAM_RECLAIMS,
};

/* A reservation ends with the array that has its block, or with its only one (V6): one that was given
 * the allocator of another has no block while that other has it, and the other way round. */
loam_allocator loam_vec_drop(void *data, size_t cap, loam_allocator allocator, size_t size,
                             size_t align)
{
    loam_vec_reserved *record = reserved_record(allocator);

    if (record) {
        LOAM_REQUIRE(cap * size == record->size, LOAM_MISUSE_VEC_RESERVED, record);
        if (cap * size != record->size)
            return (loam_allocator){&ended, NULL};
        ((const loam_vec_reserved_ops *)(const void *)allocator.ops)->end(record);
        return (loam_allocator){&ended, NULL};
    }
    if (cap)
        loam_dealloc(allocator, data, cap * size, align);
    return allocator;
}

bool loam_vec_is_reservation(loam_allocator allocator)
{
    return allocator.ops && reserved_record(allocator);
}

void loam_vec_raw_swap(loam_vec *a, loam_vec *b)
{
    loam_vec kept = *a;

    *a = *b;
    *b = kept;
}

/* Whether storage is of a shape that the array can have (V1 to V4), and not its own already. */
static bool adoptable(const loam_vec *vec, const void *data, size_t count, size_t cap, size_t size,
                      size_t align)
{
    return !reserved_record(vec->allocator) && count <= cap && !data == (cap == 0) &&
           (!data || data != vec->data) && cap <= (size_t)PTRDIFF_MAX / size &&
           loam_padding(data, align) == 0;
}

bool loam_vec_raw_adopt(loam_vec *vec, void *data, size_t count, size_t cap, size_t size,
                        size_t align)
{
    if (!valid_element(size, align))
        return false;
    if (!adoptable(vec, data, count, cap, size, align)) {
        LOAM_REQUIRE(false, LOAM_MISUSE_VEC_STORAGE, data);
        return false;
    }
    if (vec->cap)
        give_block(vec, size, align);
    vec->data = data;
    vec->count = count;
    vec->cap = cap;
    return true;
}

void *loam_vec_raw_release(loam_vec *vec, size_t *count, size_t *cap)
{
    void *data = vec->data;

    *count = *cap = 0;
    if (reserved_record(vec->allocator)) {
        LOAM_REQUIRE(false, LOAM_MISUSE_VEC_STORAGE, data);
        return NULL;
    }
    *count = vec->count;
    *cap = vec->cap;
    loam_vec_raw_init(vec, vec->allocator);
    return data;
}
