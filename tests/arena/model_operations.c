/* model_operations.c: what a run of the model does to the arena, an operation at a time: what must
 * come of it, and what it does to the model. See model.h. */
#include "model_state.h"

#include <string.h>

/* Positions stay below this as a rule, so that runs are quick. */
enum { LIVE_MOST = 3 << 20 };

static size_t padding_of(const void *ptr, size_t align)
{
    return (size_t)(-(uintptr_t)ptr & (align - 1));
}

/* ---- pushing ---- */

/* A size that is small as a rule, and often just what fits somewhere. */
static size_t choose_size(model *m)
{
    size_t here = position(m);
    size_t left = m->limit > here ? m->limit - here : 0;
    size_t committed = (size_t)(m->arena->block->committed - m->arena->next);
    size_t size;

    switch (below(m, 12)) {
    case 0:
        size = room_of(m->arena) + below(m, 3) - 1;
        break;
    case 1:
        size = committed + below(m, 3) - 1;
        break;
    case 2:
        size = left + below(m, 3) - 1;
        break;
    case 3:
        size = below(m, 300000);
        break;
    case 4:
        size = below(m, 10000);
        break;
    case 5:
        size = SIZE_MAX - below(m, 100000);
        break;
    default:
        size = below(m, 300);
        break;
    }
    if (size < SIZE_MAX / 2 && here + size > LIVE_MOST && m->limit > LIVE_MOST)
        size = below(m, 1000);
    return size ? size : 1;
}

typedef enum verdict { NEVER, MAYBE, ALWAYS } verdict;

/* Whether a push of this size and alignment is met. */
static verdict judge(const model *m, size_t size, size_t align)
{
    const loam_arena *arena = m->arena;
    size_t here = position(m);
    size_t left = m->limit > here ? m->limit - here : 0;
    size_t padding = padding_of(arena->next, align);
    size_t room = room_of(arena);

    if (size > (size_t)PTRDIFF_MAX || size > left)
        return NEVER;
    if (padding <= room && size <= room - padding && padding <= left && size <= left - padding)
        return m->pressed ? MAYBE : ALWAYS;
    if (m->config.backing == LOAM_ARENA_FIXED || m->config.backing == LOAM_ARENA_RESERVE)
        return NEVER;
    if (m->pressed || m->source >= SOURCE_BUMP || size > GIB)
        return MAYBE;
    return align <= LOAM_MAX_ALIGN || (align <= left && size <= left - align) ? ALWAYS : MAYBE;
}

static void expect_verdict(verdict v, bool met)
{
    if (v != MAYBE)
        EXPECT_EQ(met, v == ALWAYS);
}

static void add_block(model *m, char *ptr, size_t size)
{
    model_block *block = &m->blocks[m->count++];

    block->ptr = ptr;
    block->size = size;
    block->start = position(m) - (size_t)(m->arena->next - ptr);
    block->seed = ++m->serial;
    fill_pattern(ptr, size, block->seed);
}

static char *push_somehow(model *m, size_t size, size_t align, bool *zeroed, size_t *real_align)
{
    static const char text[300] = "the bytes of a text";
    size_t how = below(m, 8);

    *zeroed = how % 2 == 0;
    *real_align = how < 4 || align < m->align ? m->align : align;
    switch (how) {
    case 0:
        return (char *)loam_arena_push(m->arena, size);
    case 1:
        return (char *)loam_arena_push_no_zero(m->arena, size);
    case 2:
        if (size != 24)
            return (char *)loam_arena_push(m->arena, size);
        return (char *)loam_arena_push(m->arena, 24); /* a size that the compiler knows */
    case 3:
        if (size > sizeof text)
            return (char *)loam_arena_push_no_zero(m->arena, size);
        return loam_arena_push_text(m->arena, text, size - 1);
    case 4:
        return (char *)loam_arena_push_aligned(m->arena, size, align);
    case 5:
        return (char *)loam_arena_push_aligned_no_zero(m->arena, size, align);
    case 6:
        return (char *)loam_arena_push_array(m->arena, 1, size, align);
    default:
        return (char *)loam_alloc(loam_arena_allocator(m->arena), size, align);
    }
}

static void do_push(model *m)
{
    static const size_t aligns[] = {1, 2, 4, 8, 16, 32, 64, 256, 4096, 64 << 10, 1 << 20};
    size_t size = below(m, 8) ? choose_size(m) : 24;
    size_t align = aligns[below(m, below(m, 4) ? 7 : 11)];
    arena_state before = state_of(m->arena);
    verdict plain = judge(m, size, m->align);
    verdict aligned = judge(m, size, align > m->align ? align : m->align);
    size_t real_align, failures;
    bool zeroed;
    char *ptr;

    if (m->count == BLOCKS)
        return;
    ptr = push_somehow(m, size, align, &zeroed, &real_align);
    expect_verdict(real_align == m->align ? plain : aligned, ptr != NULL);
    if (!ptr) { /* of what is impossible the handle's wrapper tells nobody */
        failures = stats_of(m->arena).failures - before.stats.failures;
        EXPECT(failures == 1 || (failures == 0 && size > (size_t)PTRDIFF_MAX));
        m->failures += failures;
        EXPECT_UNCHANGED(m->arena, &before, failures);
        return;
    }
    EXPECT(is_aligned(ptr, real_align));
    EXPECT(!zeroed || all_zero(ptr, size));
    EXPECT_LE(position(m), m->limit);
    EXPECT(m->arena->next >= ptr + size);
    EXPECT((size_t)(m->arena->next - (ptr + size)) < m->align);
    add_block(m, ptr, size);
    EXPECT_LE(before.position, m->blocks[m->count - 1].start);
    EXPECT(m->blocks[m->count - 1].start < before.position + real_align);
}

static void do_push_nothing(model *m)
{
    arena_state before = state_of(m->arena);
    size_t align = (size_t)1 << below(m, 24);

    EXPECT(is_aligned(loam_arena_push(m->arena, hidden(0)), m->align));
    EXPECT(is_aligned(loam_arena_push_aligned(m->arena, hidden(0), align), align));
    EXPECT_UNCHANGED(m->arena, &before, 0);
}

static void do_prepare(model *m)
{
    size_t size = choose_size(m);
    size_t align = (size_t)1 << below(m, 14);
    arena_state before = state_of(m->arena);
    verdict v = judge(m, size, align > m->align ? align : m->align);
    bool ready = loam_arena_prepare(m->arena, size, align);
    char *ptr;

    expect_verdict(v, ready);
    EXPECT_UNCHANGED(m->arena, &before, 0);
    if (!ready || m->count == BLOCKS || below(m, 2))
        return;
    ptr = (char *)loam_arena_push_aligned_no_zero(m->arena, size, align);
    EXPECT(ptr != NULL);
    add_block(m, ptr, size);
}

static void do_align(model *m)
{
    size_t align = (size_t)1 << below(m, 18);
    arena_state before = state_of(m->arena);
    size_t padding = padding_of(m->arena->next, align);
    verdict v = padding ? judge(m, padding, 1) : ALWAYS;

    if (loam_arena_align(m->arena, align)) {
        EXPECT(v != NEVER || m->config.backing < LOAM_ARENA_FIXED);
        EXPECT(is_aligned(m->arena->next, align));
        EXPECT_LE(before.position, position(m));
        EXPECT(position(m) < before.position + align);
        EXPECT(padding || position(m) == before.position);
    } else {
        EXPECT(padding > 0 && (v != ALWAYS || padding > room_of(m->arena)));
        m->failures++;
        EXPECT_UNCHANGED(m->arena, &before, 1);
    }
}

static void do_set_auto_align(model *m)
{
    size_t align = (size_t)1 << below(m, below(m, 3) ? 8 : 18);
    arena_state before = state_of(m->arena);

    if (align > 64 * KIB) {
        EXPECT(!loam_arena_set_auto_align(m->arena, align));
        EXPECT_UNCHANGED(m->arena, &before, 0);
        return;
    }
    EXPECT(loam_arena_set_auto_align(m->arena, align));
    if (align > m->align)
        m->rose_at = before.position;
    m->align = align;
    EXPECT_LE(before.position, position(m));
    EXPECT(position(m) < before.position + align);
}

static void do_set_limit(model *m)
{
    size_t limit = below(m, 2) ? 0 : position(m) + below(m, 5000) * below(m, 100);

    if (test_rng_one_in(m->rng, 8))
        limit = position(m) / 2 + 1;
    loam_arena_set_limit(m->arena, limit);
    m->limit = limit ? limit : SIZE_MAX;
}

/* ---- going back ---- */

/* Before the arena goes back to `to`: what is dropped is as it was. */
static void expect_dropped_good(const model *m, size_t to)
{
    for (size_t i = m->count; i-- > 0 && m->blocks[i].start + m->blocks[i].size > to;)
        model_expect_contents(&m->blocks[i]);
    for (size_t i = m->child_count; i-- > 0 && m->children[i].birth >= to;)
        model_expect_contents(&m->children[i].block);
}

static void drop(model *m, size_t to)
{
    while (m->count > 0 && m->blocks[m->count - 1].start + m->blocks[m->count - 1].size > to)
        m->count--;
    while (m->mark_count > 0 && m->marks[m->mark_count - 1].position > to)
        m->mark_count--;
    while (m->child_count > 0 && m->children[m->child_count - 1].birth >= to)
        m->child_count--;
    EXPECT_LE(to, position(m));
    EXPECT(position(m) < to + m->align);
    m->rose_at = smaller(m->rose_at, position(m));
}

static void do_mark(model *m)
{
    if (m->mark_count == MARKS)
        m->mark_count /= 2;
    m->marks[m->mark_count].mark = loam_arena_get_mark(m->arena);
    m->marks[m->mark_count++].position = position(m);
}

static void do_rewind(model *m)
{
    size_t i = m->mark_count ? m->mark_count - 1 - below(m, smaller(m->mark_count, 6)) : 0;
    model_mark mark;

    if (m->mark_count == 0 || m->marks[i].position < floor_of(m))
        return;
    mark = m->marks[i];
    expect_dropped_good(m, mark.position);
    loam_arena_rewind(m->arena, mark.mark);
    drop(m, mark.position);
    if (is_aligned(mark.mark.next, m->align))
        EXPECT_EQ(position(m), mark.position);
}

static void do_pop(model *m)
{
    size_t here = position(m), floor = floor_of(m), to;

    if (here == floor)
        return;
    to = here - below(m, smaller(here - floor, below(m, 4) ? 3000 : here) + 1);
    if (m->count > 0 && below(m, 3) == 0) /* just below or above a block's end */
        to = m->blocks[below(m, m->count)].start + below(m, 3) - 1;
    if (to < floor || to > here)
        return;
    expect_dropped_good(m, to);
    if (below(m, 2))
        loam_arena_pop_to(m->arena, to);
    else
        loam_arena_pop(m->arena, here - to);
    drop(m, to);
}

static void do_scope_begin(model *m)
{
    if (m->scope_count == SCOPES)
        return;
    m->floors[m->scope_count] = position(m);
    m->scopes[m->scope_count++] = loam_arena_scope_begin(m->arena);
}

void model_end_scope(model *m)
{
    size_t to = floor_of(m);

    if (m->scope_count == 0)
        return;
    expect_dropped_good(m, to);
    loam_arena_scope_end(&m->scopes[--m->scope_count]);
    drop(m, to);
}

static void do_clear(model *m)
{
    if (m->scope_count > 0 || below(m, 4))
        return;
    expect_dropped_good(m, 0);
    loam_arena_clear(m->arena);
    drop(m, 0);
    m->mark_count = 0;
    EXPECT_EQ(position(m), 0);
    EXPECT_EQ(stats_of(m->arena).lost, 0);
}

/* ---- the newest block, and others ---- */

/* Whether a block is surely the newest: nothing but its own padding is behind it. */
static bool surely_newest(const model *m, const model_block *block)
{
    const char *top = block->ptr + block->size;

    return block == &m->blocks[m->count - 1] && block->start >= floor_of(m) &&
           block->ptr >= m->arena->block->base && block->ptr < m->arena->block->end &&
           (m->arena->next == top ||
            (block->start >= m->rose_at && m->arena->next == top + padding_of(top, m->align)));
}

static model_block *choose_block(model *m)
{
    return &m->blocks[below(m, 3) ? m->count - 1 : below(m, m->count)];
}

static void do_resize(model *m)
{
    arena_state before = state_of(m->arena);
    model_block *block;
    size_t wanted, room;
    bool newest;

    if (m->count == 0)
        return;
    block = choose_block(m);
    newest = surely_newest(m, block);
    room = newest ? (size_t)(m->arena->block->end - block->ptr) : 0;
    wanted = below(m, 3) ? below(m, 2 * block->size) + 1 : block->size + choose_size(m);
    if (newest && below(m, 4) == 0)
        wanted = room + below(m, 3) - 1;
    if (wanted < SIZE_MAX / 2 && block->start + wanted > LIVE_MOST)
        wanted = block->size / 2 + 1;
    if (wanted == block->size || wanted == 0)
        return;
    if (loam_arena_resize(m->arena, block->ptr, block->size, wanted)) {
        EXPECT(block == &m->blocks[m->count - 1]);
        EXPECT(block->start >= floor_of(m));
        EXPECT_LE(block->start + wanted, m->limit);
        EXPECT(has_pattern(block->ptr, smaller(block->size, wanted), block->seed));
        EXPECT_EQ(position(m) - (size_t)(m->arena->next - block->ptr), block->start);
        while (m->mark_count > 0 && m->marks[m->mark_count - 1].position > block->start)
            m->mark_count--; /* it went, and came again */
        block->size = wanted;
        m->rose_at = smaller(m->rose_at, block->start);
        fill_pattern(block->ptr, block->size, block->seed);
        return;
    }
    EXPECT(!newest || m->pressed || wanted > room || block->start + wanted > m->limit ||
           block->start > m->limit);
    EXPECT_UNCHANGED(m->arena, &before, 0);
}

static void do_undo(model *m)
{
    arena_state before = state_of(m->arena);
    model_block *block;
    bool newest;

    if (m->count == 0)
        return;
    block = choose_block(m);
    newest = surely_newest(m, block);
    model_expect_contents(block);
    if (loam_arena_undo(m->arena, block->ptr, block->size)) {
        EXPECT(block == &m->blocks[m->count - 1]);
        EXPECT(block->start >= floor_of(m));
        drop(m, block->start);
        return;
    }
    EXPECT(!newest);
    EXPECT_UNCHANGED(m->arena, &before, 0);
}

/* Through the handle: grown, moved or refused; given back or forgotten. */
static void do_realloc(model *m)
{
    loam_allocator handle = loam_arena_allocator(m->arena);
    arena_state before = state_of(m->arena);
    model_block old, *block;
    size_t wanted = choose_size(m);
    char *ptr;

    if (m->count == 0 || m->count == BLOCKS)
        return;
    block = choose_block(m);
    if (block->start < floor_of(m) || block->size == wanted)
        return;
    old = *block;
    ptr = (char *)loam_realloc(handle, old.ptr, old.size, wanted, 1);
    m->failures = stats_of(m->arena).failures;
    EXPECT_LE(m->failures, before.stats.failures + 1);
    if (!ptr) {
        model_expect_contents(&old);
        EXPECT_UNCHANGED(m->arena, &before, m->failures - before.stats.failures);
        return;
    }
    EXPECT(has_pattern(ptr, smaller(old.size, wanted), old.seed));
    memmove(block, block + 1, (size_t)(&m->blocks[--m->count] - block) * sizeof *block);
    while (m->mark_count > 0 && m->marks[m->mark_count - 1].position > old.start)
        m->mark_count--;
    add_block(m, ptr, wanted);
    if (ptr == old.ptr)
        EXPECT_EQ(m->blocks[m->count - 1].start, old.start);
}

/* ---- children ---- */

static void do_child(model *m)
{
    arena_state before = state_of(m->arena);
    model_child *child = &m->children[m->child_count];
    loam_arena_config config = {.backing = LOAM_ARENA_CHAIN, .block_size = below(m, 3000)};
    size_t size = below(m, 5000) + 1;
    loam_arena *made;

    if (m->child_count == CHILDREN)
        return;
    made = loam_arena_create_child(m->arena, below(m, 3) ? &config : NULL);
    m->failures = stats_of(m->arena).failures;
    if (!made) {
        EXPECT_EQ(before.position, position(m));
        return;
    }
    child->arena = made;
    child->birth = made->birth;
    child->block.size = size;
    child->block.start = 0;
    child->block.seed = ++m->serial;
    child->block.ptr = (char *)loam_arena_push(made, size);
    m->failures = stats_of(m->arena).failures;
    if (!child->block.ptr) {
        loam_arena_destroy(made);
        return;
    }
    fill_pattern(child->block.ptr, size, child->block.seed);
    m->child_count++;
}

static void do_destroy_child(model *m)
{
    size_t i;

    if (m->child_count == 0)
        return;
    i = below(m, m->child_count);
    model_expect_contents(&m->children[i].block);
    loam_arena_destroy(m->children[i].arena);
    memmove(&m->children[i], &m->children[i + 1], (--m->child_count - i) * sizeof(model_child));
}

/* ---- all of them ---- */

static void (*const operations_by_weight[])(model *m) = {
    do_push,   do_push,          do_push,           do_push,         do_push,    do_push,
    do_push,   do_push,          do_push,           do_push,         do_push,    do_push,
    do_push,   do_push,          do_push,           do_push_nothing, do_prepare, do_prepare,
    do_align,  do_mark,          do_mark,           do_mark,         do_rewind,  do_rewind,
    do_pop,    do_pop,           do_scope_begin,    model_end_scope, do_clear,   do_resize,
    do_resize, do_resize,        do_undo,           do_undo,         do_realloc, do_realloc,
    do_child,  do_destroy_child, do_set_auto_align, do_set_limit,
};

_Static_assert(sizeof operations_by_weight / sizeof *operations_by_weight == MODEL_WEIGHTS,
               "each number has an operation");

void model_operate(model *m, size_t which)
{
    operations_by_weight[which](m);
}
