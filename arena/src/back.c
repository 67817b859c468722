/* back.c: how an arena goes back: rewinding, popping, clearing, and what is kept after that.
 *
 * Going back leaves newer blocks to the spare list, newest first, so that the next round takes them
 * up again in the order in which it left them:
 *
 *     first <- block 2 <- block 3        rewind into first        spare: block 2 -> block 3
 *
 * The end of a block and the start of the next one are the same position. Going back to it stays in
 * the newer one: so each place that a mark can name stays in the chain until the arena goes back to
 * before it.
 */
#include "arena_internal.h"

#include "internal/mark.h"
#include "internal/vm_backend.h"
#include "internal/vm_cache.h"

/* ---- the step back ---- */

void loam_arena_drop_block(loam_arena *arena, loam_arena_block *block)
{
    size_t size = block->size;

    if (arena->watched)
        loam_mark_undefined(block, size); /* the padding behind its header, too */
    arena->chained -= size;
    loam_dealloc(arena->source, block, size, LOAM_MAX_ALIGN);
}

/* Closes the newest block; the one before it is as it was left. */
static void leave_block(loam_arena *arena)
{
    loam_arena_block *block = arena->block;
    loam_arena_block *prev = block->prev;

    note_high(arena);
    arena->round = loam_max(arena->round, round_peak(arena));
    loam_arena_bury(arena, block->base, bytes_between(block->base, block->end));
    block->zero_from = arena->zero_from;
    block->prev = arena->spare;
    arena->spare = block;
    arena->block = prev;
    arena->next = prev->left_at;
    arena->zero_from = prev->zero_from;
    arena->high = prev->high;
    arena->lost -= bytes_between(prev->left_at, prev->committed);
}

void loam_arena_go_back(loam_arena *arena, loam_arena_block *block, char *next)
{
    /* The start of a block is a place that was told, aligned or not. */
    size_t padding = next == block->base ? 0 : loam_padding(next, alignment_of(arena));
    char *old;

    if (arena->child)
        loam_arena_end_children(arena, block->start + bytes_between(block->base, next));
    while (arena->block != block)
        leave_block(arena);
    note_high(arena);
    old = arena->next;
    arena->next = padding <= bytes_between(next, old) ? next + padding : next;
    arena->rose_at = loam_min(arena->rose_at, loam_arena_pos(arena));
    loam_arena_bury(arena, next, bytes_between(next, old));
    loam_arena_refresh(arena);
}

static void go_to(loam_arena *arena, size_t position)
{
    loam_arena_block *block = arena->block;

    LOAM_REQUIRE(position >= arena->floor, LOAM_MISUSE_ARENA_POP_BELOW, arena);
    while (position < block->start)
        block = block->prev;
    loam_arena_go_back(arena, block, block->base + (position - block->start));
    loam_arena_tell(arena, LOAM_ARENA_EVENT_POP, NULL, 0);
}

/* ---- marks ---- */

static bool in_chain(const loam_arena *arena, const loam_arena_block *wanted)
{
    const loam_arena_block *block;

    for (block = arena->block; block; block = block->prev) {
        if (block == wanted)
            return true;
    }
    return false;
}

/* Whether a mark still names a place at or below the position. */
static bool mark_holds(const loam_arena *arena, const loam_arena_block *block, const char *next)
{
    return in_chain(arena, block) && (uintptr_t)next >= (uintptr_t)block->base &&
           (uintptr_t)next <= (uintptr_t)top_of(arena, block);
}

void loam_arena_rewind_slow(loam_arena *arena, loam_arena_block *block, char *next,
                            const loam_arena *owner)
{
    LOAM_REQUIRE(owner == arena, LOAM_MISUSE_ARENA_MARK_FOREIGN, next);
    (void)owner;
    if (mark_holds(arena, block, next))
        go_to(arena, block->start + bytes_between(block->base, next));
    else
        LOAM_REQUIRE(false, LOAM_MISUSE_ARENA_MARK_STALE, next);
}

/* ---- positions ---- */

void loam_arena_pop_to(loam_arena *arena, size_t position)
{
    size_t present = loam_arena_pos(arena);

    LOAM_REQUIRE(position <= present, LOAM_MISUSE_ARENA_POP_ABOVE, arena);
    if (position < present)
        go_to(arena, position);
}

void loam_arena_pop(loam_arena *arena, size_t size)
{
    size_t position = loam_arena_pos(arena);

    LOAM_REQUIRE(size <= position, LOAM_MISUSE_ARENA_POP_ABOVE, arena);
    loam_arena_pop_to(arena, size <= position ? position - size : 0);
}

/* ---- clearing and retention ---- */

/* The bytes of memory to keep after a round that used `used` of them. */
static size_t choose_keep(loam_arena *arena, size_t used)
{
    switch ((loam_arena_retention)arena->retention) {
    case LOAM_ARENA_KEEP_ALL:
        return SIZE_MAX;
    case LOAM_ARENA_KEEP_BYTES:
        return arena->keep;
    case LOAM_ARENA_GIVE_BACK:
        return 0;
    case LOAM_ARENA_KEEP_DECAYING:
        break;
    }
    /* up at once, down by a quarter of the difference */
    arena->keep = used >= arena->keep ? used : arena->keep - (arena->keep - used) / 4;
    arena->keep = loam_max(arena->keep, ARENA_KEEP_LEAST);
    return arena->keep;
}

/* Bytes of the reservation that stay committed: whole pages, huge ones where they are advised. */
static size_t kept_of_reservation(const loam_arena *arena, size_t keep)
{
    size_t header = bytes_between(arena->reservation_base, arena->first.base);
    size_t pages, huge = loam_vm_huge_page_size();

    if (keep > arena->reservation - header)
        return arena->reservation;
    pages = loam_round_up(loam_max(header + keep, 1), arena->page_size);
    if (arena->huge_from && arena->reservation_base + pages > arena->huge_from)
        pages = loam_round_up(pages, huge);
    return loam_min(pages, arena->reservation);
}

/* Gives back what lies behind `end`. Where commit is free, pages that were never touched hold
 * nothing. False iff the system refuses. */
static bool decommit_from(loam_arena *arena, char *end)
{
    size_t size = bytes_between(end, arena->first.committed);
    bool charged = (loam_vm_basics() & LOAM_VM_FREE_COMMIT) == 0;

    if ((charged || arena->zero_from > end) && !loam_vm_decommit(end, size))
        return false;
    if (arena->watched)
        loam_mark_undefined(end, size); /* as it was before it was committed */
    arena->first.committed = end;
    if (arena->zero_from > end)
        arena->zero_from = end;
    return true;
}

/* Returns what the reservation still holds of the bytes to keep. */
static size_t trim_reservation(loam_arena *arena, size_t keep)
{
    char *end = arena->reservation_base + kept_of_reservation(arena, keep);

    if (end < arena->first.committed && !decommit_from(arena, end))
        arena->refused++;
    return bytes_between(arena->first.base, arena->first.committed);
}

/* What a block counts for: all of it where the bound is exact, else what a round can use of it. */
static size_t weight_of(const loam_arena *arena, const loam_arena_block *block)
{
    return arena->retention == LOAM_ARENA_KEEP_BYTES ? block->size
                                                     : bytes_between(block->base, block->end);
}

/* Keeps spare blocks while there is something left to keep for. Under an exact bound none goes
 * over it; else the last one may, so that a round like the last one finds all its blocks. */
static void trim_spares(loam_arena *arena, size_t keep)
{
    bool exact = arena->retention == LOAM_ARENA_KEEP_BYTES;
    loam_arena_block **link = &arena->spare;

    while (*link) {
        loam_arena_block *block = *link;
        size_t weight = weight_of(arena, block);

        if (keep > 0 && (!exact || weight <= keep)) {
            keep -= loam_min(keep, weight);
            link = &block->prev;
        } else {
            *link = block->prev;
            loam_arena_drop_block(arena, block);
        }
    }
}

void loam_arena_clear(loam_arena *arena)
{
    loam_arena_block *first = &arena->first;
    size_t used = round_peak(arena);
    size_t keep, kept;

    LOAM_REQUIRE(arena->scope == 0, LOAM_MISUSE_ARENA_SCOPES_OPEN, arena);
    loam_arena_go_back(arena, first, first->base);
    arena->peak = loam_max(arena->peak, used);
    keep = choose_keep(arena, used + arena->round_lost);
    arena->round = arena->round_lost = 0;
    arena->odd_marks = loam_padding(first->base, alignment_of(arena)) != 0;
    arena->high = first->base;
    kept = arena->reservation ? trim_reservation(arena, keep) : weight_of(arena, first);
    trim_spares(arena, keep - loam_min(keep, kept));
    loam_arena_refresh(arena);
    loam_arena_tell(arena, LOAM_ARENA_EVENT_CLEAR, NULL, 0);
}
