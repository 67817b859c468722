/* bucket.c: an array in buckets of doubling size.
 *
 *     index   0        first        2 first          4 first                8 first
 *             |buckets[0]|buckets[1]|   buckets[2]     |     buckets[3]       | ...
 *
 * An index names its bucket by its highest bit, and the place in it by the bits below; all indices
 * whose highest bit is below `first` lie in the first bucket. Since each further bucket starts at
 * that bit, the address of an element is
 *
 *     buckets[k] + (index - start of k) * size  =  places[key of index] + index * size
 *
 * with the constant part, modulo the size of an address, kept in `places`; for the first bucket
 * several times, once for each bit that an index in it can have. Element 0 has no bit, and goes by
 * the lowest one.
 *
 *   B1  `first` is a power of two and not 1, and an element's size is a multiple of its alignment
 *   B2  exactly the first `taken` buckets are there, and aligned
 *   B3  `places` holds what the picture says for each of them, and nothing else
 *   B4  `cap` is what fits in them; count <= cap
 *   B5  over an allocator that reclaims at most one bucket is empty, of those that no reserve holds
 *   B6  `low` is the count below which B5 would not hold; 0 if that can't be
 */
#include <loam/bucket.h>

#include "internal/bits.h"

enum { FIRST_BYTES = 256, FIRST_LEAST = 4, FIRST_LIMIT = 1 << 20, ASKED_LEAST = 2 };

_Static_assert((FIRST_LEAST & (FIRST_LEAST - 1)) == 0, "the first bucket is a power of two");
_Static_assert(sizeof(loam_bucket) <= 1024, "an array without elements is no burden");

/* ---- geometry ---- */

/* Elements before bucket k, and elements of it. */
static size_t bucket_start(const loam_bucket *b, size_t k)
{
    return k == 0 ? 0 : b->first << (k - 1);
}

static size_t bucket_elements(const loam_bucket *b, size_t k)
{
    return k == 0 ? b->first : b->first << (k - 1);
}

static size_t bucket_bytes(const loam_bucket *b, size_t k)
{
    return bucket_elements(b, k) * b->size;
}

/* How many buckets hold `count` elements. */
static size_t buckets_for(const loam_bucket *b, size_t count)
{
    if (count <= b->first)
        return count > 0;
    return loam_log2(count - 1) - loam_log2(b->first) + 2;
}

/* How many buckets there may be: sizes and indices are below PTRDIFF_MAX, elements all in all
 * too. */
static size_t most_buckets(const loam_bucket *b)
{
    size_t most = 0;

    if (b->size == 0)
        return 0;
    while (most < LOAM_BUCKET_LIMIT &&
           bucket_elements(b, most) <= (size_t)PTRDIFF_MAX / 2 / b->size)
        most++;
    return most;
}

static size_t most_elements(const loam_bucket *b)
{
    return bucket_start(b, most_buckets(b));
}

/* What `places` holds for bucket k. */
static uintptr_t place_of(const loam_bucket *b, size_t k)
{
    return (uintptr_t)b->buckets[k] - bucket_start(b, k) * b->size;
}

/* The highest bits that indices in bucket k have: from one that is 1 up to below another. */
static size_t first_bit(const loam_bucket *b, size_t k)
{
    return k == 0 ? 1 : bucket_start(b, k);
}

static size_t end_bit(const loam_bucket *b, size_t k)
{
    return bucket_start(b, k) + bucket_elements(b, k);
}

static void set_places(loam_bucket *b, size_t k, uintptr_t place)
{
    for (size_t bit = first_bit(b, k); bit < end_bit(b, k); bit <<= 1)
        b->places[loam_bucket_key(bit)] = place;
}

/* ---- buckets come and go ---- */

/* Restores B4 and B6 after the number of buckets has changed. */
static void refresh(loam_bucket *b)
{
    bool may_drop = b->taken >= 2 && b->taken > b->held && loam_allocator_reclaims(b->allocator);

    b->cap = bucket_start(b, b->taken);
    b->low = may_drop ? bucket_start(b, b->taken - 2) + 1 : 0;
}

static bool take_last(loam_bucket *b, bool zero)
{
    size_t k = b->taken;
    void *bucket = zero ? loam_zalloc(b->allocator, bucket_bytes(b, k), b->align)
                        : loam_alloc(b->allocator, bucket_bytes(b, k), b->align);

    if (!bucket)
        return false;
    b->buckets[k] = bucket;
    set_places(b, k, place_of(b, k));
    b->taken++;
    return true;
}

static void drop_last(loam_bucket *b)
{
    size_t k = --b->taken;

    loam_dealloc(b->allocator, b->buckets[k], bucket_bytes(b, k), b->align);
    b->buckets[k] = NULL;
    set_places(b, k, 0);
}

/* Has room for `count` elements in all. False iff that is refused; then the buckets are as before.
 * With `zero`, what new buckets hold reads as zero. */
static bool make_room(loam_bucket *b, size_t count, bool zero)
{
    size_t before = b->taken;

    if (count <= b->cap)
        return true;
    if (count > most_elements(b))
        return false;
    while (b->taken < buckets_for(b, count)) {
        if (take_last(b, zero))
            continue;
        while (b->taken > before)
            drop_last(b);
        return false;
    }
    refresh(b);
    return true;
}

bool loam_bucket_raw_grow(loam_bucket *b)
{
    return make_room(b, b->cap + 1, false);
}

void loam_bucket_raw_settle(loam_bucket *b)
{
    while (b->count < b->low) {
        drop_last(b);
        refresh(b);
    }
}

/* ---- life ---- */

static size_t first_of(size_t size, size_t asked)
{
    size_t first = FIRST_LEAST;

    if (asked) {
        first = loam_max(loam_min(asked, FIRST_LIMIT), ASKED_LEAST);
        return (size_t)1 << (loam_log2(first) + !loam_is_pow2(first));
    }
    return size == 0 || size > FIRST_BYTES / FIRST_LEAST
               ? first
               : (size_t)1 << loam_log2(FIRST_BYTES / size);
}

void loam_bucket_raw_init(loam_bucket *b, loam_allocator allocator, size_t size, size_t align,
                          size_t first)
{
    LOAM_REQUIRE(loam_is_pow2(align), LOAM_MISUSE_BAD_ALIGNMENT, (void *)(uintptr_t)align);
    LOAM_REQUIRE(size - 1 < (size_t)PTRDIFF_MAX && (size & (align - 1)) == 0, LOAM_MISUSE_BAD_SIZE,
                 (void *)(uintptr_t)size);
    memset(b, 0, sizeof *b);
    b->first = first_of(size, first);
    b->size = size;
    b->align = align;
    b->allocator = allocator;
}

void loam_bucket_raw_deinit(loam_bucket *b)
{
    if (loam_allocator_reclaims(b->allocator)) {
        while (b->taken > 0)
            drop_last(b);
    }
    loam_bucket_raw_init(b, b->allocator, b->size, b->align, b->first);
}

void loam_bucket_raw_swap(loam_bucket *a, loam_bucket *b)
{
    loam_bucket kept = *a;

    *a = *b;
    *b = kept;
}

/* ---- room ---- */

bool loam_bucket_raw_reserve(loam_bucket *b, size_t count)
{
    if (!make_room(b, count, false))
        return false;
    b->held = loam_max(b->held, buckets_for(b, count));
    refresh(b);
    return true;
}

void loam_bucket_raw_shrink_to_fit(loam_bucket *b)
{
    b->held = 0;
    if (loam_allocator_reclaims(b->allocator)) {
        while (b->taken > buckets_for(b, b->count))
            drop_last(b);
    }
    refresh(b);
}

void loam_bucket_raw_truncate(loam_bucket *b, size_t count)
{
    if (count >= b->count)
        return;
    b->count = count;
    loam_bucket_raw_settle(b);
}

/* ---- putting in ---- */

/* Where the element that will be number `index` goes, and how many there lie in one piece. */
static char *piece_at(const loam_bucket *b, size_t index, size_t *count)
{
    *count = ((size_t)2 << loam_log2(index | (b->first - 1))) - index;
    return (char *)loam_bucket_raw_place(b, index, b->size);
}

/* Copies elements that lie in one piece to the places from `to` on, which are there. */
static void write_elements(loam_bucket *b, size_t to, const char *elements, size_t count)
{
    while (count > 0) {
        size_t room;
        char *piece = piece_at(b, to, &room);
        size_t part = loam_min(room, count);

        memcpy(piece, elements, part * b->size);
        elements += part * b->size;
        to += part;
        count -= part;
    }
}

static void clear_elements(loam_bucket *b, size_t from, size_t to)
{
    while (from < to) {
        size_t room;
        char *piece = piece_at(b, from, &room);
        size_t part = loam_min(room, to - from);

        memset(piece, 0, part * b->size);
        from += part;
    }
}

/* Writes the first `count` elements of `other` to the places from `to` on, which are there. */
static void write_from(loam_bucket *b, size_t to, const loam_bucket *other, size_t count)
{
    for (size_t from = 0, part; from < count; from += part) {
        const char *piece = piece_at(other, from, &part);

        part = loam_min(part, count - from);
        write_elements(b, to + from, piece, part);
    }
}

/* Room for `more` elements behind those that are there. */
static bool make_more_room(loam_bucket *b, size_t more)
{
    size_t count;

    return loam_add_checked(b->count, more, &count) && make_room(b, count, false);
}

bool loam_bucket_raw_resize(loam_bucket *b, size_t count, bool zero)
{
    size_t known = b->cap; /* from here on the allocator clears */

    if (!make_room(b, count, zero))
        return false;
    if (zero)
        clear_elements(b, b->count, loam_min(count, known));
    if (count < b->count)
        loam_bucket_raw_truncate(b, count);
    b->count = count;
    return true;
}

/* Growing moves nothing, so that elements of the array itself stay where the caller says. */
bool loam_bucket_raw_push_n(loam_bucket *b, const void *elements, size_t count)
{
    if (!make_more_room(b, count))
        return false;
    write_elements(b, b->count, (const char *)elements, count);
    b->count += count;
    return true;
}

bool loam_bucket_raw_append(loam_bucket *b, const loam_bucket *other)
{
    size_t count = other->count;

    if (!make_more_room(b, count))
        return false;
    write_from(b, b->count, other, count);
    b->count += count;
    return true;
}

bool loam_bucket_raw_copy(loam_bucket *b, const loam_bucket *other)
{
    if (b == other)
        return true;
    if (!make_room(b, other->count, false))
        return false;
    write_from(b, 0, other, other->count);
    loam_bucket_raw_truncate(b, other->count);
    b->count = other->count;
    return true;
}

/* ---- looking ---- */

bool loam_bucket_raw_read(const loam_bucket *b, size_t from, size_t count, void *elements)
{
    char *to = (char *)elements;

    if (from > b->count || count > b->count - from)
        return false;
    while (count > 0) {
        size_t part;
        const char *piece = piece_at(b, from, &part);

        part = loam_min(part, count);
        memmove(to, piece, part * b->size);
        to += part * b->size;
        from += part;
        count -= part;
    }
    return true;
}

bool loam_bucket_raw_index_of(const loam_bucket *b, const void *element, size_t *index)
{
    for (size_t k = 0; k < b->taken; k++) {
        size_t offset = (size_t)((uintptr_t)element - (uintptr_t)b->buckets[k]);
        size_t found = bucket_start(b, k) + offset / b->size;

        if (offset < bucket_bytes(b, k) && found < b->count) {
            *index = found;
            return true;
        }
    }
    return false;
}

void loam_bucket_raw_stats(const loam_bucket *b, loam_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    stats->live = b->count * b->size;
    stats->committed = stats->reserved = b->cap * b->size;
    for (size_t k = 0; k < b->taken; k++)
        stats->lost +=
            loam_good_size(b->allocator, bucket_bytes(b, k), b->align) - bucket_bytes(b, k);
    stats->committed += stats->lost;
    stats->reserved += stats->lost;
    stats->metadata = sizeof *b;
    stats->blocks = b->taken;
}

static bool show(loam_walk_fn visit, void *context, const void *from, size_t size,
                 loam_walk_kind kind)
{
    loam_walk_item item = {from, size, kind};

    return size == 0 || visit(context, &item);
}

bool loam_bucket_raw_walk(const loam_bucket *b, loam_walk_fn visit, void *context)
{
    if (!show(visit, context, b, sizeof *b, LOAM_WALK_METADATA))
        return false;
    for (size_t k = 0; k < b->taken; k++) {
        size_t start = bucket_start(b, k);
        size_t live = b->count > start ? loam_min(b->count - start, bucket_elements(b, k)) : 0;
        const char *bucket = (const char *)b->buckets[k];

        live *= b->size;
        if (!show(visit, context, bucket, live, LOAM_WALK_LIVE) ||
            !show(visit, context, bucket + live, bucket_bytes(b, k) - live, LOAM_WALK_FREE))
            return false;
    }
    return true;
}

/* ---- checking ---- */

typedef struct checker {
    loam_check_fn report;
    void *context;
    bool good;
} checker;

static void expect(checker *check, bool holds, const char *property, const void *where)
{
    if (holds)
        return;
    check->good = false;
    if (check->report)
        check->report(check->context, property, where);
}

static void check_places(const loam_bucket *b, checker *check)
{
    size_t of_buckets = 0, not_zero = 0;

    for (size_t k = 0; k < b->taken; k++) {
        for (size_t bit = first_bit(b, k); bit < end_bit(b, k); bit <<= 1) {
            uintptr_t place = b->places[loam_bucket_key(bit)];

            expect(check, place == place_of(b, k), "B3: a place does not lead to its bucket",
                   &b->buckets[k]);
            of_buckets += place != 0;
        }
    }
    for (size_t key = 0; key < LOAM_BUCKET_KEYS; key++)
        not_zero += b->places[key] != 0;
    expect(check, not_zero == of_buckets, "B3: a place is left of a bucket that went", b->places);
}

static void check_buckets(const loam_bucket *b, checker *check)
{
    for (size_t k = 0; k < LOAM_BUCKET_LIMIT; k++) {
        expect(check, (b->buckets[k] != NULL) == (k < b->taken),
               "B2: a bucket is missing, or there is one too many", &b->buckets[k]);
        expect(check, loam_padding(b->buckets[k], b->align) == 0, "B2: a bucket is not aligned",
               b->buckets[k]);
    }
}

bool loam_bucket_raw_check(const loam_bucket *b, loam_check_fn report, void *context)
{
    checker check = {report, context, true};
    size_t used;

    expect(&check,
           loam_is_pow2(b->first) && b->first > 1 && loam_is_pow2(b->align) && b->size != 0 &&
               b->size % b->align == 0,
           "B1: the geometry is not that of an array", b);
    expect(&check, b->taken <= LOAM_BUCKET_LIMIT, "B2: there are too many buckets", b);
    if (!check.good)
        return false;
    check_buckets(b, &check);
    check_places(b, &check);
    expect(&check, b->cap == bucket_start(b, b->taken) && b->count <= b->cap,
           "B4: count or capacity do not fit the buckets", b);
    used = loam_max(buckets_for(b, b->count) + 1, b->held);
    expect(&check, b->taken <= used || !loam_allocator_reclaims(b->allocator),
           "B5: empty buckets were not given back", b);
    expect(&check, b->count >= b->low, "B6: low is above the count", b);
    return check.good;
}
