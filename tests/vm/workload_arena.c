/* workload_arena.c: the pieces of work that use arenas: every public function that can reach the
 * system, on every backing that does; see workload.h.
 */
#include "vm/workload.h"

#include "support/test.h"

#include <loam/scratch.h>
#include <loam/vm.h>

#include <stdio.h>
#include <string.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* ---- an arena and what must be in it ---- */

enum { PIECE_LIMIT = 48 };

typedef struct piece {
    char *ptr;
    size_t size;
    unsigned salt;
} piece;

typedef struct model {
    workload *work;
    loam_arena *arena;
    piece pieces[PIECE_LIMIT];
    size_t count;
    unsigned salt;
} model;

/* What a refusal must leave as it was. */
typedef struct figures {
    size_t position;
    loam_stats stats;
} figures;

static void complain(void *context, const char *property, const void *where)
{
    (void)context;
    fprintf(stderr, "%s, at %p\n", property, where);
}

static void expect_pieces(const model *m)
{
    for (size_t i = 0; i < m->count; i++)
        workload_expect(m->pieces[i].ptr, m->pieces[i].size, m->pieces[i].salt);
    EXPECT(loam_arena_check(m->arena, complain, NULL));
}

static figures take_figures(const model *m)
{
    figures now;

    now.position = loam_arena_pos(m->arena);
    loam_arena_stats(m->arena, &now.stats);
    return now;
}

/* Nothing has changed but what may: memory may have been committed ahead. */
static void expect_unchanged(const model *m, const figures *before)
{
    figures now = take_figures(m);

    EXPECT_EQ(now.position, before->position);
    EXPECT_EQ(now.stats.live, before->stats.live);
    EXPECT_EQ(now.stats.peak, before->stats.peak);
    EXPECT_EQ(now.stats.reserved, before->stats.reserved);
    EXPECT_EQ(now.stats.blocks, before->stats.blocks);
    EXPECT_LE(before->stats.committed, now.stats.committed);
    expect_pieces(m);
}

static void remember(model *m, void *ptr, size_t size)
{
    EXPECT(m->count < PIECE_LIMIT);
    workload_fill(ptr, size, ++m->salt);
    m->pieces[m->count++] = (piece){(char *)ptr, size, m->salt};
}

/* ---- pushing ---- */

static void *push_as(loam_arena *arena, size_t size, size_t align, bool zero)
{
    if (align == 1)
        return zero ? loam_arena_push(arena, size) : loam_arena_push_no_zero(arena, size);
    return zero ? loam_arena_push_aligned(arena, size, align)
                : loam_arena_push_aligned_no_zero(arena, size, align);
}

static void push(model *m, size_t size, size_t align, bool zero)
{
    figures before = take_figures(m);
    void *ptr;
    bool ok;

    ATTEMPT(m->work, ok, (ptr = push_as(m->arena, size, align, zero)) != NULL,
            expect_unchanged(m, &before));
    if (!ok)
        return;
    EXPECT_EQ((uintptr_t)ptr & (align - 1), 0);
    if (zero)
        workload_expect_zero(ptr, size);
    remember(m, ptr, size);
}

static void push_kinds(model *m)
{
    static const char text[] = "out of memory is an ordinary result";
    figures before;
    void *ptr;
    bool ok;

    push(m, 24, 1, true);
    push(m, 100, 1, false);
    push(m, 40, 64, true);
    push(m, 3 * KIB, 128 * KIB, true); /* an alignment above what is committed at once */
    push(m, 100, 128 * KIB, false);
    before = take_figures(m);
    ATTEMPT(m->work, ok, (ptr = loam_arena_new_array(m->arena, uint64_t, 1000)) != NULL,
            expect_unchanged(m, &before));
    if (ok) {
        workload_expect_zero(ptr, 8000);
        remember(m, ptr, 8000);
    }
    before = take_figures(m);
    ATTEMPT(m->work, ok, (ptr = loam_arena_push_text(m->arena, text, sizeof text - 1)) != NULL,
            expect_unchanged(m, &before));
    if (ok) {
        EXPECT_STR((char *)ptr, text);
        remember(m, ptr, sizeof text);
    }
}

/* Prepares, and then the push can't fail, whatever is refused. */
static void prepare_and_push(model *m, size_t size, size_t align)
{
    figures before = take_figures(m);
    void *ptr;
    bool ok;

    ATTEMPT(m->work, ok, loam_arena_prepare(m->arena, size, align), expect_unchanged(m, &before));
    EXPECT_EQ(loam_arena_pos(m->arena), before.position);
    if (!ok)
        return;
    ptr = loam_arena_push_aligned(m->arena, size, align);
    EXPECT(ptr != NULL);
    workload_expect_zero(ptr, size);
    remember(m, ptr, size);
}

static void align(model *m, size_t to)
{
    figures before = take_figures(m);
    bool ok;

    ATTEMPT(m->work, ok, loam_arena_align(m->arena, to), expect_unchanged(m, &before));
    if (ok)
        push(m, 8, to, false);
    workload_step(m->work);
    EXPECT(loam_arena_set_auto_align(m->arena, to == 4096 ? 64 : 16));
    expect_pieces(m);
}

/* Grows, shrinks and undoes the newest block. A chain can't grow a block beyond its own, so false
 * may come without any refusal. */
static void change_newest(model *m)
{
    size_t count = m->count;
    figures before;
    piece *newest;

    push(m, 500, 1, false);
    if (m->count == count)
        return;
    newest = &m->pieces[m->count - 1];
    before = take_figures(m);
    workload_step(m->work);
    if (loam_arena_resize(m->arena, newest->ptr, 500, 150 * KIB)) {
        newest->size = 150 * KIB;
        workload_expect(newest->ptr, 500, newest->salt);
        workload_fill(newest->ptr, newest->size, newest->salt);
    } else {
        expect_unchanged(m, &before);
    }
    if (!loam_arena_resize(m->arena, newest->ptr, newest->size, 100))
        return;
    newest->size = 100;
    workload_fill(newest->ptr, 100, newest->salt);
    expect_pieces(m);
    EXPECT(loam_arena_undo(m->arena, newest->ptr, 100));
    m->count--;
    expect_pieces(m);
}

/* ---- going back ---- */

/* Back at a position, or as much above it as the alignment of pushes, raised meanwhile, makes it. */
static void expect_position(const model *m, size_t position)
{
    EXPECT_LE(position, loam_arena_pos(m->arena));
    EXPECT_LE(loam_arena_pos(m->arena), position + 63);
}

static void go_and_come_back(model *m)
{
    loam_arena_mark mark = loam_arena_get_mark(m->arena);
    size_t position = loam_arena_pos(m->arena), count = m->count;
    loam_arena_scope scope;

    push(m, 100 * KIB, 1, true);
    push(m, 150 * KIB, 1, false);
    workload_step(m->work);
    loam_arena_rewind(m->arena, mark);
    m->count = count;
    expect_position(m, position);
    expect_pieces(m);

    position = loam_arena_pos(m->arena);
    scope = loam_arena_scope_begin(m->arena);
    push(m, 200 * KIB, 1, true); /* over what was used */
    push(m, 90, 1, true);
    workload_step(m->work);
    loam_arena_scope_end(&scope);
    m->count = count;
    expect_position(m, position);

    position = loam_arena_pos(m->arena);
    push(m, 50 * KIB, 1, true);
    push(m, 70 * KIB, 1, true);
    workload_step(m->work);
    if (loam_arena_pos(m->arena) > position)
        loam_arena_pop(m->arena, 1);
    m->count = count; /* which blocks are left is not the point */
    loam_arena_pop_to(m->arena, position);
    expect_position(m, position);
    expect_pieces(m);
}

static void make_child(model *m, const loam_arena_config *config)
{
    figures before = take_figures(m);
    loam_arena_mark mark = loam_arena_get_mark(m->arena);
    model child = {.work = m->work};
    bool ok;

    ATTEMPT(m->work, ok, (child.arena = loam_arena_create_child(m->arena, config)) != NULL,
            expect_unchanged(m, &before));
    if (!ok)
        return;
    push(&child, 1000, 1, true);
    push(&child, 100 * KIB, 1, true);
    expect_pieces(&child);
    workload_step(m->work);
    loam_arena_rewind(m->arena, mark); /* ends the child */
    expect_position(m, before.position);
    expect_pieces(m);
}

/* Clears, and takes zeroed memory again where other things were. */
static void clear(model *m)
{
    push(m, 300 * KIB, 1, false);
    workload_step(m->work);
    loam_arena_clear(m->arena);
    m->count = 0;
    expect_position(m, 0);
    expect_pieces(m);
    push(m, 150 * KIB, 1, true);
    push(m, 200 * KIB, 1, true);
    expect_pieces(m);
}

/* Beyond the limit nothing is to be had, and what a child got before the parent had no place for it
 * goes back. */
static void use_limit(model *m)
{
    loam_arena_config reserving = {.backing = LOAM_ARENA_RESERVE, .reserve = 4 * MIB};
    figures before;

    loam_arena_set_limit(m->arena, loam_arena_pos(m->arena) + 100);
    before = take_figures(m);
    EXPECT_PTR(loam_arena_push(m->arena, 101), NULL);
    EXPECT(!loam_arena_prepare(m->arena, 101, 1));
    expect_unchanged(m, &before);
    loam_arena_set_limit(m->arena, 1);
    workload_step(m->work);
    EXPECT_PTR(loam_arena_create_child(m->arena, &reserving), NULL);
    expect_unchanged(m, &before);
    loam_arena_set_limit(m->arena, 0);
}

static void use_handle(model *m)
{
    loam_allocator handle = loam_arena_allocator(m->arena);
    figures before = take_figures(m);
    char *ptr, *grown;
    bool ok;

    ATTEMPT(m->work, ok, (ptr = (char *)loam_zalloc(handle, 20 * KIB, 32)) != NULL,
            expect_unchanged(m, &before));
    if (!ok)
        return;
    workload_expect_zero(ptr, 20 * KIB);
    workload_fill(ptr, 20 * KIB, 99);
    before = take_figures(m);
    ATTEMPT(m->work, ok,
            (grown = (char *)loam_realloc(handle, ptr, 20 * KIB, 200 * KIB, 32)) != NULL, {
                expect_unchanged(m, &before);
                workload_expect(ptr, 20 * KIB, 99);
            });
    if (ok)
        workload_expect(grown, 20 * KIB, 99);
    loam_dealloc(handle, ok ? grown : ptr, ok ? 200 * KIB : 20 * KIB, 32);
    expect_pieces(m);
}

/* ---- the kinds of arenas ---- */

enum { KINDS = 7 };

const char *const workload_arena_names[KINDS + 1] = {
    "arena_reserve_decaying", "arena_reserve_give_back", "arena_reserve_huge", "arena_full_chain",
    "arena_default",          "arena_chain_vm",          "arena_chain_libc",   NULL,
};

static loam_arena_config config_of(size_t kind)
{
    loam_arena_config config = {.name = workload_arena_names[kind]};
    size_t huge = loam_vm_huge_page_size();

    switch (kind) {
    case 0:
        config.backing = LOAM_ARENA_RESERVE;
        config.reserve = 12 * MIB;
        break;
    case 1:
        config.backing = LOAM_ARENA_RESERVE;
        config.reserve = 12 * MIB;
        config.page_size = 64 * KIB;
        config.retention = LOAM_ARENA_GIVE_BACK;
        break;
    case 2:
        config.backing = LOAM_ARENA_RESERVE;
        config.reserve = 32 * MIB;
        config.page_size = huge ? huge : 2 * MIB;
        config.retention = LOAM_ARENA_KEEP_BYTES;
        config.keep = 100 * KIB;
        break;
    case 3: /* full soon: goes on as a chain of mappings */
        config.reserve = MIB;
        config.block_size = 100 * KIB;
        config.retention = LOAM_ARENA_GIVE_BACK;
        break;
    case 5:
        config.backing = LOAM_ARENA_CHAIN;
        config.source = loam_vm_allocator();
        config.block_size = 64 * KIB;
        config.retention = LOAM_ARENA_KEEP_BYTES;
        config.keep = 200 * KIB;
        break;
    case 6:
        config.backing = LOAM_ARENA_CHAIN;
        config.retention = LOAM_ARENA_KEEP_ALL;
        break;
    default: /* all zero */
        break;
    }
    return config;
}

static void use_arena(model *m)
{
    loam_arena_config reserving = {.backing = LOAM_ARENA_RESERVE, .reserve = 4 * MIB};

    for (int round = 0; round < 2; round++) {
        push_kinds(m);
        prepare_and_push(m, 150 * KIB, 64);
        align(m, round == 0 ? 4096 : 256 * KIB);
        change_newest(m);
        go_and_come_back(m);
        make_child(m, NULL);
        make_child(m, &reserving);
        use_handle(m);
        use_limit(m);
        clear(m);
    }
}

void workload_arena(workload *work, size_t kind)
{
    loam_arena_config config = config_of(kind);
    model m = {.work = work};
    loam_arena storage;
    bool ok;

    ATTEMPT(work, ok, loam_arena_init(&storage, &config), (void)0);
    if (ok) {
        m.arena = &storage;
        use_arena(&m);
        workload_step(work);
        loam_arena_deinit(&storage);
    }
    m.count = 0;
    ATTEMPT(work, ok, (m.arena = loam_arena_create(&config)) != NULL, (void)0);
    if (ok) {
        use_arena(&m);
        workload_step(work);
        loam_arena_destroy(m.arena);
    }
    workload_step(work);
    (void)loam_vm_trim();
}

/* ---- scratch arenas ---- */

/* Begins a scope beside `depth` others, pushes, and goes deeper. */
static void use_scratch(workload *work, loam_arena **conflicts, size_t depth)
{
    loam_scratch scratch;
    model m = {.work = work};

    workload_step(work);
    scratch = loam_scratch_begin(conflicts, depth);
    EXPECT(scratch.arena != NULL);
    for (size_t i = 0; i < depth; i++) /* there is only one without memory */
        EXPECT(conflicts[i] != scratch.arena || !loam_arena_push(scratch.arena, 1));
    m.arena = scratch.arena;
    m.salt = (unsigned)depth * 10;
    for (size_t size = 50; size < 400 * KIB; size *= 8) {
        void *ptr = loam_arena_push(scratch.arena, size);

        /* May be the arena without memory: it goes on refusing when the system relents. */
        if (!ptr) {
            (void)workload_again(work);
            continue;
        }
        workload_expect_zero(ptr, size);
        remember(&m, ptr, size);
    }
    if (depth < 3) {
        conflicts[depth] = scratch.arena;
        use_scratch(work, conflicts, depth + 1);
    }
    expect_pieces(&m);
    workload_step(work);
    loam_scratch_end(&scratch);
}

void workload_scratch(workload *work)
{
    loam_arena *conflicts[4];

    for (int round = 0; round < 2; round++) {
        memset(conflicts, 0, sizeof conflicts);
        use_scratch(work, conflicts, 0);
        workload_step(work);
        EXPECT(loam_scratch_release());
        workload_step(work);
        (void)loam_vm_trim();
    }
}
