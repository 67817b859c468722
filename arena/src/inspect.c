/* inspect.c: looking at an arena: figures, a walk over its memory, and the check of its invariants.
 */
#include "arena_internal.h"

#include "internal/mark.h"

bool loam_arena_owns(const loam_arena *arena, const void *ptr)
{
    const loam_arena_block *block;

    for (block = arena->block; block; block = block->prev) {
        if ((uintptr_t)ptr >= (uintptr_t)block->base &&
            (uintptr_t)ptr < (uintptr_t)top_of(arena, block))
            return true;
    }
    return false;
}

/* ---- figures ---- */

static size_t count_blocks(const loam_arena_block *block)
{
    size_t count = 0;

    for (; block; block = block->prev)
        count++;
    return count;
}

/* The bytes in front of the memory of chained blocks, with padding. */
static size_t header_sizes(const loam_arena *arena, const loam_arena_block *block)
{
    size_t size = 0;

    for (; block; block = block->prev) {
        if (block != &arena->first)
            size += bytes_between((const char *)block, block->base);
    }
    return size;
}

void loam_arena_stats(const loam_arena *arena, loam_stats *stats)
{
    const loam_arena_block *first = &arena->first;
    size_t blocks = count_blocks(arena->block);
    size_t spares = count_blocks(arena->spare);
    bool empty_first = first->base == first->end;

    memset(stats, 0, sizeof *stats);
    stats->live = loam_arena_pos(arena);
    stats->peak = loam_max(arena->peak, round_peak(arena));
    stats->committed = stats->reserved = arena->chained;
    if (arena->reservation) {
        stats->committed += bytes_between(arena->reservation_base, first->committed);
        stats->reserved += arena->reservation;
    } else if (arena->backing == LOAM_ARENA_FIXED) {
        stats->committed += bytes_between(first->base, first->end) + own_size(arena);
        stats->reserved += bytes_between(first->base, first->end) + own_size(arena);
    }
    stats->lost = arena->lost;
    stats->metadata =
        own_size(arena) + header_sizes(arena, arena->block) + header_sizes(arena, arena->spare);
    stats->blocks = blocks + spares - (empty_first ? 1 : 0);
    stats->failures = arena->failures;
    stats->refused = arena->refused;
}

/* ---- walking ---- */

static bool show(loam_walk_fn visit, void *context, const char *from, const char *to,
                 loam_walk_kind kind)
{
    loam_walk_item item = {from, bytes_between(from, to), kind};

    return item.size == 0 || visit(context, &item);
}

static bool walk_block(const loam_arena *arena, const loam_arena_block *block, loam_walk_fn visit,
                       void *context)
{
    const char *header = (const char *)block;

    return (block == &arena->first ||
            show(visit, context, header, block->base, LOAM_WALK_METADATA)) &&
           show(visit, context, block->base, top_of(arena, block), LOAM_WALK_LIVE) &&
           show(visit, context, top_of(arena, block), block->committed, LOAM_WALK_FREE) &&
           show(visit, context, block->committed, block->end, LOAM_WALK_RESERVED);
}

bool loam_arena_walk(const loam_arena *arena, loam_walk_fn visit, void *context)
{
    const loam_arena_block *block;
    const char *self = (const char *)arena;

    if (!show(visit, context, self, self + own_size(arena), LOAM_WALK_METADATA))
        return false;
    for (block = arena->block; block; block = block->prev) {
        if (!walk_block(arena, block, visit, context))
            return false;
    }
    for (block = arena->spare; block; block = block->prev) {
        if (!show(visit, context, (const char *)block, block->base, LOAM_WALK_METADATA) ||
            !show(visit, context, block->base, block->end, LOAM_WALK_FREE))
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

static void check_blocks(const loam_arena *arena, checker *check)
{
    const loam_arena_block *block;

    for (block = arena->block; block; block = block->prev) {
        const char *top = top_of(arena, block);

        expect(check, block->base <= top && top <= block->committed,
               "I2: next is not between base and the committed end", block);
        expect(check, block->committed <= block->end,
               "I2: the committed end lies behind the block's end", block);
        if (block->prev)
            expect(check,
                   block->start ==
                       block->prev->start + bytes_between(block->prev->base, block->prev->left_at),
                   "I1: a block does not start at the position where the last one was left", block);
        else
            expect(check, block == &arena->first && block->start == 0,
                   "I1: the chain does not end in the first block", block);
    }
}

/* How much of the free memory is looked at; all of it might be gigabytes. */
enum { ZERO_SAMPLE = 4096 };

static void check_zero(const loam_arena *arena, checker *check)
{
    const char *from = arena->zero_from > arena->next ? arena->zero_from : arena->next;
    const char *to = arena->block->committed;
    size_t left;

    if (from >= to || arena->watched)
        return;
    left = loam_min(bytes_between(from, to), ZERO_SAMPLE);
    for (size_t i = 0; i < left; i++) {
        if (from[i] != 0) {
            expect(check, false, "I3: free memory above zero_from is not zero", from + i);
            return;
        }
    }
}

static void check_fast_path(const loam_arena *arena, checker *check)
{
    const loam_arena_block *block = arena->block;
    size_t room = bytes_between(arena->next, arena->end);
    bool aligned = loam_padding(arena->next, alignment_of(arena)) == 0;

    expect(check, arena->end >= arena->next && arena->end <= block->committed,
           "I4: end is not between next and the committed end", arena->end);
    expect(check, arena->end == arena->next || (aligned && (room & arena->align_mask) == 0),
           "I4: room for inline pushes is not a multiple of the alignment", arena->end);
    expect(check,
           arena->end == arena->next ||
               block->start + bytes_between(block->base, arena->end) <= arena->limit,
           "I4: end lies behind the limit", arena->end);
    expect(check, arena->rose_at <= loam_arena_pos(arena),
           "I9: the alignment rose above the position", arena->next);
    expect(check, arena->fast == NULL || arena->fast == block, "I5: fast is not the newest block",
           arena->fast);
    expect(check,
           arena->fast == NULL ||
               (aligned && !arena->child && !arena->watched && !arena->odd_marks),
           "I5: rewinds are inline where they must not be", arena->fast);
}

static void check_sums(const loam_arena *arena, checker *check)
{
    size_t chained = 0;
    const loam_arena_block *block;

    for (block = arena->block; block; block = block->prev)
        chained += block->size;
    for (block = arena->spare; block; block = block->prev)
        chained += block->size;
    expect(check, chained == arena->chained,
           "I6: the blocks do not add up to what was taken from the source", arena);
    if (arena->reservation) {
        size_t committed = bytes_between(arena->reservation_base, arena->first.committed);

        expect(check, committed == arena->reservation || committed % arena->page_size == 0,
               "I8: the committed end is not on a page", arena->first.committed);
        expect(check, arena->first.end == arena->reservation_base + arena->reservation,
               "I8: the first block does not end with the reservation", arena->first.end);
    }
}

static void check_children(const loam_arena *arena, checker *check)
{
    size_t bound = loam_arena_pos(arena);
    const loam_arena *child;

    for (child = arena->child; child; child = child->sibling) {
        expect(check, child->parent == arena, "I7: a child names another parent", child);
        expect(check, child->birth < bound, "I7: children are not in the order of their birth",
               child);
        bound = child->birth;
        if (!loam_arena_check(child, check->report, check->context))
            check->good = false;
    }
}

bool loam_arena_check(const loam_arena *arena, loam_check_fn report, void *context)
{
    checker check = {report, context, true};

    check_blocks(arena, &check);
    check_zero(arena, &check);
    check_fast_path(arena, &check);
    check_sums(arena, &check);
    check_children(arena, &check);
    return check.good;
}
