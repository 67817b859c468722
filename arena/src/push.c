/* push.c: how an arena moves forward when the inline push does not fit.
 *
 * A push is first placed in the newest block:
 *
 *     next                                      committed          end
 *      |padding|======= size =======|                |               |
 *
 * if it ends behind `committed`, the reservation commits more; if it ends behind `end` or that is
 * refused, a chain opens a new block. Nothing changes before the last step that can fail.
 */
#include "arena_internal.h"

#include "internal/mark.h"
#include "internal/vm_cache.h"

/* ---- what the inline push may do ---- */

/* Where the limit ends the newest block; its committed end when that comes first. */
static char *usable_end(const loam_arena *arena)
{
    const loam_arena_block *block = arena->block;
    size_t left = arena->limit > block->start ? arena->limit - block->start : 0;

    return block->base + loam_min(left, bytes_between(block->base, block->committed));
}

void loam_arena_refresh(loam_arena *arena)
{
    char *end = usable_end(arena);

    end -= (uintptr_t)end & arena->align_mask;
    if (arena->watched || loam_padding(arena->next, alignment_of(arena)) || end < arena->next) {
        arena->end = arena->next;
        arena->fast = NULL;
    } else {
        arena->end = end;
        arena->fast = arena->child || arena->odd_marks ? NULL : arena->block;
    }
}

void loam_arena_tell_log(const loam_arena *arena, loam_arena_event_kind kind, const void *ptr,
                         size_t size)
{
    loam_arena_event event;

    event.kind = kind;
    event.arena = arena;
    event.ptr = ptr;
    event.size = size;
    event.position = loam_arena_pos(arena);
    arena->log(arena->log_context, &event);
}

/* ---- committing ---- */

/* Advises huge pages for all of the reservation that lies behind huge_from, when growth reaches it.
 * Advice may be refused; it is asked for once. */
static void advise_huge(loam_arena *arena, const char *committed)
{
    char *from = arena->huge_from;
    char *end = arena->reservation_base + arena->reservation;

    if (!from || committed <= from || arena->advised >= arena->reservation)
        return;
    (void)loam_vm_advise(from, bytes_between(from, end), LOAM_VM_HUGE);
    arena->advised = arena->reservation;
}

static bool commit_to(loam_arena *arena, char *committed)
{
    loam_arena_block *block = &arena->first;
    size_t more = bytes_between(block->committed, committed);

    if (!loam_vm_commit(block->committed, more))
        return false;
    loam_arena_bury(arena, block->committed, more);
    block->committed = committed;
    return true;
}

/* Commits the reservation up to `end` at least, and a step further where it may. */
static bool grow_reservation(loam_arena *arena, char *end)
{
    char *base = arena->reservation_base;
    char *old = arena->first.committed;
    size_t least =
        loam_min(loam_round_up(bytes_between(base, end), arena->page_size), arena->reservation);
    size_t ahead = loam_min(bytes_between(base, old) + arena->commit_step, arena->reservation);

    if (!(ahead > least && commit_to(arena, base + ahead)) && !commit_to(arena, base + least))
        return false;
    if (arena->commit_step < ARENA_COMMIT_LIMIT)
        arena->commit_step *= 2;
    advise_huge(arena, arena->first.committed);
    loam_arena_tell(arena, LOAM_ARENA_EVENT_COMMIT, old,
                    bytes_between(old, arena->first.committed));
    return true;
}

/* Whether `padding` and `size` behind a position fit below the limit. */
static bool within_limit(const loam_arena *arena, size_t position, size_t padding, size_t size)
{
    size_t left = arena->limit > position ? arena->limit - position : 0;

    return padding <= left && size <= left - padding;
}

/* Makes a block hold `size` bytes behind `from` and `padding`; the newest one commits if need be. */
static bool fit_in_block(loam_arena *arena, loam_arena_block *block, char *from, size_t padding,
                         size_t size)
{
    size_t position = block->start + bytes_between(block->base, from);
    size_t room = bytes_between(from, block->end);
    char *end;

    if (padding > room || size > room - padding || !within_limit(arena, position, padding, size))
        return false;
    end = from + padding + size;
    return end <= block->committed ||
           (block == arena->block && is_reserved(arena, block) && grow_reservation(arena, end));
}

/* Makes the newest block hold `size` bytes at `align` behind what it has. */
static bool fit_next(loam_arena *arena, size_t size, size_t align)
{
    return fit_in_block(arena, arena->block, arena->next, loam_padding(arena->next, align), size);
}

/* ---- chaining ---- */

static void enter_block(loam_arena *arena, loam_arena_block *block)
{
    loam_arena_block *old = arena->block;

    note_high(arena);
    arena->round = loam_max(arena->round, round_peak(arena));
    old->left_at = arena->next;
    old->zero_from = arena->zero_from;
    old->high = arena->high;
    arena->lost += bytes_between(old->left_at, old->committed);
    arena->round_lost = loam_max(arena->round_lost, arena->lost);
    block->prev = old;
    block->start = loam_arena_pos(arena);
    arena->block = block;
    arena->next = arena->high = block->base;
    arena->zero_from = block->zero_from;
}

/* Where the memory of a chained block begins: behind its header, where pushes are aligned. A mark
 * at its start is then at no other place after going back. */
static char *base_of(const loam_arena *arena, loam_arena_block *block)
{
    char *base = (char *)block + block_header_size();

    return base + loam_padding(base, alignment_of(arena));
}

/* The first spare block that holds `size` bytes at `align`, which is at least the arena's. */
static loam_arena_block *take_spare(loam_arena *arena, size_t size, size_t align)
{
    loam_arena_block **link;

    for (link = &arena->spare; *link; link = &(*link)->prev) {
        loam_arena_block *block = *link;
        char *base = base_of(arena, block);
        size_t padding = loam_padding(base, align);

        if (base < block->end && padding <= bytes_between(base, block->end) &&
            size <= bytes_between(base, block->end) - padding) {
            block->base = base;
            *link = block->prev;
            return block;
        }
    }
    return NULL;
}

static void keep_as_spare(loam_arena *arena, loam_arena_block *block)
{
    block->prev = arena->spare;
    arena->spare = block;
}

/* Takes a block from the source, as the first spare one. */
static bool take_block(loam_arena *arena, size_t size)
{
    loam_arena_block *block;
    size_t dirty;
    char *memory;

    size = loam_good_size(arena->source, size, LOAM_MAX_ALIGN);
    memory = loam_arena_take_memory(arena->source, size, &dirty);
    if (!memory)
        return false;
    block = (loam_arena_block *)(void *)memory;
    block->base = memory + block_header_size();
    block->committed = block->end = memory + size;
    block->zero_from = memory + loam_max(dirty, block_header_size());
    block->size = size;
    arena->chained += size;
    loam_arena_bury(arena, block->base, bytes_between(block->base, block->end));
    keep_as_spare(arena, block);
    loam_arena_tell(arena, LOAM_ARENA_EVENT_COMMIT, memory, size);
    return true;
}

/* Takes a block of the usual size, or one that just holds `least` bytes. */
static bool take_fresh(loam_arena *arena, size_t least)
{
    bool taken = (arena->block_size > least && take_block(arena, arena->block_size)) ||
                 take_block(arena, least);

    if (taken)
        grow_block_size(arena);
    return taken;
}

/* A block that is not open yet and holds `size` bytes at `align`, or NULL. Only when it is there
 * its padding is known; one that would lead beyond the limit is kept for others. */
static loam_arena_block *find_block(loam_arena *arena, size_t size, size_t align)
{
    size_t slack = align > LOAM_MAX_ALIGN ? align - LOAM_MAX_ALIGN : 0;
    size_t position = loam_arena_pos(arena);
    loam_arena_block *block;
    size_t least;

    if (!can_chain(arena) || !within_limit(arena, position, 0, size) ||
        !loam_add_checked(size, slack + block_header_size(), &least))
        return NULL;
    block = take_spare(arena, size, align);
    if (!block && take_fresh(arena, least))
        block = take_spare(arena, size, align);
    if (block && !within_limit(arena, position, loam_padding(block->base, align), size)) {
        keep_as_spare(arena, block);
        return NULL;
    }
    return block;
}

static bool open_block(loam_arena *arena, size_t size, size_t align)
{
    loam_arena_block *block = find_block(arena, size, align);

    if (block)
        enter_block(arena, block);
    return block != NULL;
}

/* ---- pushing ---- */

/* A mark may have been taken here. What leaves the place for one above it, in the same block, calls
 * this: a rewind to a place that is not aligned must go out of line. */
static void leave_place(loam_arena *arena)
{
    if (loam_padding(arena->next, alignment_of(arena)) != 0)
        arena->odd_marks = true;
}

/* Sets `next` to `top` rounded up, or to `top` itself at the very end of a block. */
static void set_next(loam_arena *arena, char *top)
{
    size_t padding = loam_padding(top, alignment_of(arena));
    size_t room = bytes_between(top, usable_end(arena));

    arena->next = top <= usable_end(arena) && padding <= room ? top + padding : top;
    loam_arena_refresh(arena);
}

static void *refuse(loam_arena *arena, size_t size)
{
    arena->failures++;
    loam_arena_tell(arena, LOAM_ARENA_EVENT_FAIL, NULL, size);
    return NULL;
}

/* No bytes at a good alignment is no failure (A1). */
static void *refuse_odd(loam_arena *arena, size_t size, size_t align)
{
    if (size == 0 && loam_is_pow2(align))
        return loam_empty_block(loam_max(align, alignment_of(arena)));
    (void)loam_answer_odd_request(size, align);
    return refuse(arena, size);
}

static void mark_pushed(loam_arena *arena, char *ptr, size_t size, bool zero)
{
    if (!arena->watched)
        return;
    if (zero)
        loam_mark_live(ptr, size);
    else
        loam_mark_undefined(ptr, size);
}

void *loam_arena_push_slow(loam_arena *arena, size_t size, size_t align, bool zero)
{
    char *ptr;

    if (!loam_request_valid(size, align))
        return refuse_odd(arena, size, align);
    align = loam_max(align, alignment_of(arena));
    if (fit_next(arena, size, align))
        leave_place(arena);
    else if (!open_block(arena, size, align))
        return refuse(arena, size);
    ptr = arena->next + loam_padding(arena->next, align);
    mark_pushed(arena, ptr, size, zero);
    if (zero && ptr < arena->zero_from)
        memset(ptr, 0, loam_min(size, bytes_between(ptr, arena->zero_from)));
    set_next(arena, ptr + size);
    loam_arena_tell(arena, LOAM_ARENA_EVENT_PUSH, ptr, size);
    return ptr;
}

char *loam_arena_push_text(loam_arena *arena, const char *text, size_t length)
{
    char *copy;

    if (length >= (size_t)PTRDIFF_MAX)
        return (char *)refuse(arena, length);
    copy = (char *)loam_arena_push_no_zero(arena, length + 1);
    if (!copy)
        return NULL;
    if (length > 0)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

/* ---- alignment and preparation ---- */

static bool alignment_valid(size_t align)
{
    LOAM_REQUIRE(loam_is_pow2(align), LOAM_MISUSE_BAD_ALIGNMENT, (void *)(uintptr_t)align);
    return loam_is_pow2(align);
}

/* A block that the push will need is not opened yet, so that the newest push stays in the newest
 * block: it waits as the first spare one, where that push finds it. */
bool loam_arena_prepare(loam_arena *arena, size_t size, size_t align)
{
    loam_arena_block *block;

    if (!alignment_valid(align) || size > (size_t)PTRDIFF_MAX)
        return false;
    align = loam_max(align, alignment_of(arena));
    if (size == 0 || fit_next(arena, size, align)) {
        loam_arena_refresh(arena);
        return true;
    }
    block = find_block(arena, size, align);
    if (block)
        keep_as_spare(arena, block);
    return block != NULL;
}

/* Behind an aligned place there should be room for what is pushed there. */
enum { ALIGNED_ROOM = 256 };

/* Goes to where `room` bytes fit at `align`, in the newest block or in one that it opens. */
static bool go_to_aligned(loam_arena *arena, size_t align, size_t room)
{
    if (fit_next(arena, loam_padding(arena->next, align), room))
        leave_place(arena);
    else if (!open_block(arena, room, align))
        return false;
    arena->next += loam_padding(arena->next, align);
    loam_arena_refresh(arena);
    return true;
}

bool loam_arena_align(loam_arena *arena, size_t align)
{
    size_t padding;

    if (!alignment_valid(align))
        return false;
    padding = loam_padding(arena->next, align);
    if (padding == 0 || go_to_aligned(arena, align, ALIGNED_ROOM) || go_to_aligned(arena, align, 1))
        return true;
    (void)refuse(arena, padding);
    return false;
}

bool loam_arena_set_auto_align(loam_arena *arena, size_t align)
{
    if (!alignment_valid(align) || align > ARENA_ALIGN_LIMIT)
        return false;
    if (align > alignment_of(arena) && loam_arena_pos(arena) > 0) {
        arena->odd_marks = true;
        arena->rose_at = loam_arena_pos(arena);
    }
    arena->align_mask = align - 1;
    leave_place(arena);
    set_next(arena, arena->next);
    return true;
}

void loam_arena_set_limit(loam_arena *arena, size_t limit)
{
    arena->limit = limit ? limit : SIZE_MAX;
    loam_arena_refresh(arena);
}

/* ---- the newest block ---- */

/* The newest block of memory that holds something; newer ones may be open and empty. */
static loam_arena_block *last_used(const loam_arena *arena)
{
    loam_arena_block *block = arena->block;

    while (block->prev && top_of(arena, block) == block->base)
        block = block->prev;
    return block;
}

/* Whether [ptr, ptr + size) is what was pushed last, into `block`, and in the innermost scope. What
 * looks like its padding is just that only if the alignment was not lower when it was pushed. */
static bool is_newest(const loam_arena *arena, const loam_arena_block *block, const char *ptr,
                      size_t size)
{
    const char *top = top_of(arena, block);
    size_t room, start;

    if ((uintptr_t)ptr < (uintptr_t)block->base || (uintptr_t)ptr > (uintptr_t)top)
        return false;
    room = bytes_between(ptr, top);
    start = block->start + bytes_between(block->base, ptr);
    if (size > room || start < arena->floor)
        return false;
    return size == room || (start >= arena->rose_at &&
                            size + loam_padding(ptr + size, alignment_of(arena)) == room);
}

/* Misuse: what is no block of this arena. */
static void require_own(const loam_arena *arena, const char *ptr, size_t size)
{
    LOAM_REQUIRE(loam_arena_owns(arena, ptr) && loam_arena_owns(arena, ptr + size - 1),
                 LOAM_MISUSE_ARENA_FOREIGN_BLOCK, ptr);
    (void)arena;
    (void)ptr;
    (void)size;
}

bool loam_arena_resize(loam_arena *arena, void *ptr, size_t size, size_t new_size)
{
    loam_arena_block *block = last_used(arena);
    char *start = (char *)ptr;

    if (size == new_size)
        return true;
    if (size == 0 || !loam_request_valid(new_size, 1))
        return false;
    require_own(arena, start, size);
    if (!is_newest(arena, block, start, size) || !fit_in_block(arena, block, start, 0, new_size))
        return false;
    if (block != arena->block)
        loam_arena_go_back(arena, block, block->left_at);
    leave_place(arena);
    note_high(arena);
    if (new_size < size)
        loam_arena_bury(arena, start + new_size, size - new_size);
    else if (arena->watched)
        loam_mark_undefined(start + size, new_size - size);
    set_next(arena, start + new_size);
    /* What is padded behind it now is of the present alignment. */
    arena->rose_at = loam_min(arena->rose_at, block->start + bytes_between(block->base, start));
    loam_arena_tell(arena, LOAM_ARENA_EVENT_RESIZE, ptr, new_size);
    return true;
}

bool loam_arena_undo(loam_arena *arena, void *ptr, size_t size)
{
    loam_arena_block *block;

    if (size == 0 || LOAM_LIKELY(undo_newest(arena, (char *)ptr, size)))
        return true;
    block = last_used(arena);
    require_own(arena, (const char *)ptr, size);
    if (!is_newest(arena, block, (const char *)ptr, size))
        return false;
    loam_arena_go_back(arena, block, (char *)ptr);
    loam_arena_tell(arena, LOAM_ARENA_EVENT_POP, ptr, size);
    return true;
}
