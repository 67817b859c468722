/* vec_inspect.c: looking at an array: figures, a walk over its memory, and the check of its
 * invariants. */
#include "vec_internal.h"

/* ---- figures ---- */

void loam_vec_raw_stats(const loam_vec *vec, loam_stats *stats, size_t size)
{
    const loam_vec_reserved *record = reserved_record(vec->allocator);

    memset(stats, 0, sizeof *stats);
    stats->live = stats->peak = vec->count * size;
    stats->committed = stats->reserved = vec->cap * size;
    stats->blocks = vec->cap ? 1 : 0;
    if (record) {
        stats->committed = record->mapping.committed;
        stats->reserved = record->mapping.size;
        stats->metadata = record->offset;
        stats->refused = record->refused;
    }
}

/* ---- walking ---- */

static bool show(loam_walk_fn visit, void *context, const char *from, size_t size,
                 loam_walk_kind kind)
{
    loam_walk_item item = {from, size, kind};

    return size == 0 || visit(context, &item);
}

static bool walk_block(const loam_vec *vec, loam_walk_fn visit, void *context, size_t size)
{
    return vec->cap == 0 ||
           (show(visit, context, element(vec, 0, size), vec->count * size, LOAM_WALK_LIVE) &&
            show(visit, context, element(vec, vec->count, size), (vec->cap - vec->count) * size,
                 LOAM_WALK_FREE));
}

/* What is committed behind the block is there for the next growth. */
static bool walk_reserved(const loam_vec *vec, const loam_vec_reserved *record, loam_walk_fn visit,
                          void *context, size_t size)
{
    const loam_mapping *mapping = &record->mapping;
    size_t end = record->offset + record->size;

    return show(visit, context, mapping->base, record->offset, LOAM_WALK_METADATA) &&
           walk_block(vec, visit, context, size) &&
           show(visit, context, mapping->base + end, mapping->committed - end, LOAM_WALK_FREE) &&
           show(visit, context, mapping->base + mapping->committed,
                mapping->size - mapping->committed, LOAM_WALK_RESERVED);
}

bool loam_vec_raw_walk(const loam_vec *vec, loam_walk_fn visit, void *context, size_t size)
{
    const loam_vec_reserved *record = reserved_record(vec->allocator);

    return record ? walk_reserved(vec, record, visit, context, size)
                  : walk_block(vec, visit, context, size);
}

/* ---- checking ---- */

typedef struct checker {
    loam_check_fn report;
    void *context;
    const void *where;
    bool good;
} checker;

static void expect(checker *check, bool holds, const char *property)
{
    if (holds)
        return;
    check->good = false;
    if (check->report)
        check->report(check->context, property, check->where);
}

static void check_reserved(const loam_vec *vec, const loam_vec_reserved *record, size_t size,
                           checker *check)
{
    const loam_mapping *mapping = &record->mapping;

    expect(check, vec->cap == 0 || vec->data == mapping->base + record->offset,
           "V6: a reserved array does not stand where its record says");
    expect(check, vec->cap * size == record->size && record->size <= record->most,
           "V6: the record of a reserved array tells another size");
    expect(check,
           record->offset + record->size <= mapping->committed &&
               mapping->committed <= mapping->size,
           "V6: a reserved array is not committed whole");
}

bool loam_vec_raw_check(const loam_vec *vec, loam_check_fn report, void *context, size_t size,
                        size_t align)
{
    checker check = {report, context, vec, true};
    const loam_vec_reserved *record = reserved_record(vec->allocator);

    expect(&check, vec->count <= vec->cap, "V1: the count is above the capacity");
    expect(&check, !vec->data == (vec->cap == 0), "V2: a block without a capacity, or without");
    expect(&check, loam_padding(vec->data, align) == 0, "V3: the block is not aligned");
    expect(&check, size && vec->cap <= (size_t)PTRDIFF_MAX / size,
           "V4: the block is above PTRDIFF_MAX bytes");
    expect(&check,
           vec->cap == 0 || !vec->allocator.ops->owns || loam_owns(vec->allocator, vec->data),
           "V5: the block is not of the array's allocator");
    if (record && check.good)
        check_reserved(vec, record, size, &check);
    return check.good;
}
