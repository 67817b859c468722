/* toy_owner.c: see toy_owner.h. */
#include "toy_owner.h"

#include "support/test.h"

#include <string.h>

enum { TOY_SLAB = LOAM_REGION_KIND_USER + 8, TOY_LARGE, TOY_SPAN_FREE };

static const size_t none = SIZE_MAX;

/* The opaque bytes of a slab's first record. */
typedef struct toy_slab {
    size_t next, prev;  /* slabs with room, of the same class */
    uint32_t free_list; /* offset of the newest free block, in 16 bytes, plus 1; 0: none */
    uint32_t fresh;     /* blocks that were never handed out */
    uint32_t used;      /* blocks that are out */
    uint32_t capacity;
} toy_slab;

_Static_assert(sizeof(toy_slab) <= LOAM_REGION_STRIDE - LOAM_REGION_STRIDE_MIN,
               "a slab is described in the opaque part of a record");

static toy_slab *slab_at(const loam_region *region, size_t index)
{
    return (toy_slab *)loam_record_opaque(loam_region_record(region, index));
}

static size_t block_size(unsigned size_class)
{
    return (size_t)16 << size_class;
}

static unsigned class_of(size_t size)
{
    unsigned size_class = 0;

    while (block_size(size_class) < size)
        size_class++;
    return size_class;
}

static size_t slab_granules(unsigned size_class)
{
    return block_size(size_class) > 8192 ? 8 : 1;
}

/* ---- slabs with room ---- */

static void link_slab(toy_owner *owner, unsigned size_class, size_t index)
{
    toy_slab *slab = slab_at(owner->region, index);

    slab->prev = none;
    slab->next = owner->partial[size_class];
    if (slab->next != none)
        slab_at(owner->region, slab->next)->prev = index;
    owner->partial[size_class] = index;
}

static void unlink_slab(toy_owner *owner, unsigned size_class, size_t index)
{
    toy_slab *slab = slab_at(owner->region, index);

    if (slab->prev == none)
        owner->partial[size_class] = slab->next;
    else
        slab_at(owner->region, slab->prev)->next = slab->next;
    if (slab->next != none)
        slab_at(owner->region, slab->next)->prev = slab->prev;
}

static bool has_room(const toy_slab *slab)
{
    return slab->used < slab->capacity;
}

static bool add_slab(toy_owner *owner, unsigned size_class)
{
    size_t count = slab_granules(size_class);
    loam_granules_info info;
    toy_slab *slab;

    if (!loam_granules_take(owner->source, count, 1, TOY_SLAB, owner, &info))
        return false;
    slab = slab_at(owner->region, info.index);
    EXPECT_EQ(slab->used | slab->fresh | slab->free_list, 0);
    slab->capacity = (uint32_t)(count * LOAM_REGION_GRANULE / block_size(size_class));
    slab->fresh = slab->capacity;
    loam_region_set_class(info.region, info.index, count, (uint8_t)(size_class + 1));
    link_slab(owner, size_class, info.index);
    return true;
}

static void *pop_block(toy_owner *owner, unsigned size_class, size_t index)
{
    toy_slab *slab = slab_at(owner->region, index);
    char *base = (char *)loam_region_address(owner->region, index);
    char *block;

    if (slab->free_list) {
        block = base + ((size_t)slab->free_list - 1) * 16;
        memcpy(&slab->free_list, block, sizeof slab->free_list);
    } else {
        block = base + (slab->capacity - slab->fresh) * block_size(size_class);
        slab->fresh--;
    }
    slab->used++;
    if (!has_room(slab))
        unlink_slab(owner, size_class, index);
    return block;
}

/* ---- the allocator ---- */

void toy_owner_init(toy_owner *owner, loam_granules source)
{
    owner->source = source;
    owner->region = loam_granules_region(source, NULL);
    owner->live = 0;
    for (unsigned i = 0; i < TOY_CLASSES; i++)
        owner->partial[i] = none;
    EXPECT(owner->region);
}

static void *alloc_large(toy_owner *owner, size_t size)
{
    size_t count = (size + LOAM_REGION_GRANULE - 1) / LOAM_REGION_GRANULE;
    loam_granules_info info;
    void *ptr = loam_granules_take(owner->source, count, 1, TOY_LARGE, owner, &info);

    if (ptr)
        loam_region_set_class(info.region, info.index, count, TOY_CLASS_LARGE);
    return ptr;
}

void *toy_owner_alloc(toy_owner *owner, size_t size)
{
    void *ptr;

    if (size > block_size(TOY_CLASSES - 1)) {
        ptr = alloc_large(owner, size);
    } else {
        unsigned size_class = class_of(size);

        if (owner->partial[size_class] == none && !add_slab(owner, size_class))
            return NULL;
        ptr = pop_block(owner, size_class, owner->partial[size_class]);
    }
    owner->live += ptr != NULL;
    return ptr;
}

toy_owner *toy_owner_of(const loam_region *region, const void *ptr)
{
    const loam_record *record = loam_region_find(region, ptr);

    if (!record || (loam_record_kind(record) != TOY_SLAB && loam_record_kind(record) != TOY_LARGE))
        return NULL;
    return (toy_owner *)loam_record_owner(record);
}

size_t toy_owner_size(const loam_region *region, const void *ptr)
{
    size_t index = loam_region_index(region, ptr);
    unsigned value = loam_region_class(region, index);

    if (value == TOY_CLASS_LARGE)
        return loam_record_length(loam_region_head(region, index)) * LOAM_REGION_GRANULE;
    return block_size(value - 1);
}

static void push_block(toy_owner *owner, unsigned size_class, size_t index, void *ptr)
{
    toy_slab *slab = slab_at(owner->region, index);
    size_t offset = (size_t)((char *)ptr - (char *)loam_region_address(owner->region, index));

    EXPECT_EQ(offset % block_size(size_class), 0);
    memcpy(ptr, &slab->free_list, sizeof slab->free_list);
    slab->free_list = (uint32_t)(offset / 16) + 1;
    if (!has_room(slab))
        link_slab(owner, size_class, index);
    if (--slab->used == 0) {
        unlink_slab(owner, size_class, index);
        loam_granules_give(owner->source, loam_region_address(owner->region, index),
                           slab_granules(size_class));
    }
}

void toy_owner_free(const loam_region *region, void *ptr)
{
    size_t index = loam_region_index(region, ptr);
    unsigned value = loam_region_class(region, index);
    size_t first = loam_record_first(loam_region_record(region, index));
    toy_owner *owner = toy_owner_of(region, ptr);

    EXPECT(value != 0);
    EXPECT(owner);
    owner->live--;
    if (value != TOY_CLASS_LARGE) {
        push_block(owner, value - 1, first, ptr);
        return;
    }
    EXPECT_PTR(ptr, loam_region_address(region, first));
    loam_granules_give(owner->source, ptr, loam_record_length(loam_region_record(region, first)));
}

/* ---- a source between: runs cut out of chunks ---- */

static bool is_free_of(const toy_span *span, const loam_record *record)
{
    return loam_record_kind(record) == TOY_SPAN_FREE && loam_record_owner(record) == span;
}

/* What a source promises about the records of runs that it hands out. */
static void clear_records(loam_region *region, size_t index, size_t count)
{
    loam_region_set_class(region, index, count, 0);
    for (size_t i = 0; i < count; i++)
        memset(loam_record_opaque(loam_region_record(region, index + i)), 0,
               region->stride - sizeof(loam_record));
}

static bool add_chunk(toy_span *span)
{
    loam_granules_info info;

    if (span->count == TOY_SPAN_CHUNKS ||
        !loam_region_take(span->region, LOAM_REGION_CHUNK_GRANULES, LOAM_REGION_CHUNK_GRANULES,
                          TOY_SPAN_FREE, span, &info))
        return false;
    loam_region_mark(span->region, info.index + info.dirty, LOAM_REGION_CHUNK_GRANULES - info.dirty,
                     0);
    span->chunks[span->count++] = info.index;
    return true;
}

static size_t padding(size_t index, size_t align)
{
    return (0 - index) & (align - 1);
}

/* First fit. Alignment is that of the granule's number, since no more than a chunk is asked for. */
static size_t find_free(const toy_span *span, size_t count, size_t align)
{
    for (size_t i = 0; i < span->count; i++) {
        size_t end = span->chunks[i] + LOAM_REGION_CHUNK_GRANULES;
        size_t length;

        for (size_t at = span->chunks[i]; at < end; at += length) {
            const loam_record *head = loam_region_record(span->region, at);

            length = loam_record_length(head);
            if (is_free_of(span, head) && padding(at, align) + count <= length)
                return at;
        }
    }
    return none;
}

static void *span_take(void *self, size_t count, size_t align, uint8_t kind, void *owner,
                       loam_granules_info *info)
{
    toy_span *span = (toy_span *)self;
    loam_region *region = span->region;
    size_t run, at, end, dirty = 0;

    if (count == 0 || count > LOAM_REGION_CHUNK_GRANULES || align > LOAM_REGION_CHUNK_GRANULES)
        return NULL;
    run = find_free(span, count, align);
    if (run == none && (!add_chunk(span) || (run = find_free(span, count, align)) == none))
        return NULL;
    at = run + padding(run, align);
    end = run + loam_record_length(loam_region_record(region, run));
    if (at > run)
        loam_region_describe(region, run, at - run, TOY_SPAN_FREE, span);
    if (end > at + count)
        loam_region_describe(region, at + count, end - at - count, TOY_SPAN_FREE, span);
    for (size_t i = 0; i < count; i++)
        if (loam_record_state(loam_region_record(region, at + i)) & LOAM_REGION_DIRTY)
            dirty = i + 1;
    loam_region_describe(region, at, count, kind, owner);
    loam_region_mark(region, at, count, LOAM_REGION_DIRTY);
    if (info)
        *info = (loam_granules_info){region, at, dirty};
    return loam_region_address(region, at);
}

/* Joins with free neighbours; their records are there also at the ends of the region. Chunks are
 * kept apart, so that each can go back. */
static void span_give(void *self, void *ptr, size_t count)
{
    toy_span *span = (toy_span *)self;
    loam_region *region = span->region;
    size_t start = loam_region_index(region, ptr);
    size_t end = start + count;

    EXPECT_EQ(loam_record_length(loam_region_record(region, start)), count);
    clear_records(region, start, count);
    if (end % LOAM_REGION_CHUNK_GRANULES != 0 && is_free_of(span, loam_region_record(region, end)))
        end += loam_record_length(loam_region_record(region, end));
    if (start % LOAM_REGION_CHUNK_GRANULES != 0 &&
        is_free_of(span, loam_region_record(region, start - 1)))
        start = loam_record_first(loam_region_record(region, start - 1));
    loam_region_describe(region, start, end - start, TOY_SPAN_FREE, span);
    if (end - start < LOAM_REGION_CHUNK_GRANULES)
        return;
    for (size_t i = 0; i < span->count; i++) {
        if (span->chunks[i] == start)
            span->chunks[i] = span->chunks[--span->count];
    }
    loam_region_give(region, loam_region_address(region, start), end - start);
}

static loam_region *span_region(void *self, const void *ptr)
{
    toy_span *span = (toy_span *)self;

    return !ptr || loam_region_contains(span->region, ptr) ? span->region : NULL;
}

void toy_span_init(toy_span *span, loam_region *region)
{
    span->region = region;
    span->count = 0;
}

loam_granules toy_span_granules(toy_span *span)
{
    static const loam_granules_ops ops = {
        .take = span_take,
        .give = span_give,
        .region = span_region,
        .name = "toy span",
    };

    return (loam_granules){&ops, span};
}
