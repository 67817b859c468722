/* test_misuse.c: each misuse of an arena that a checked build names, with its exact words; and that
 * an unchecked build stays whole where arena.h says what happens. */
#include "arena_support.h"

typedef void (*misuse_fn)(loam_arena *arena);

static void run_misuse(void *context)
{
    loam_arena_config config = {.backing = LOAM_ARENA_CHAIN};
    loam_arena *arena = loam_arena_create(&config);
    misuse_fn *misuse = (misuse_fn *)context;

    EXPECT(arena && loam_arena_push(arena, 1000));
    (*misuse)(arena);
}

static void expect_death(misuse_fn misuse, const char *line)
{
    if (!LOAM_CHECKS)
        TEST_SKIP("not a checked build");
    test_dies(run_misuse, &misuse, line);
}

static void pop_above(loam_arena *arena)
{
    loam_arena_pop_to(arena, loam_arena_pos(arena) + 1);
}

TEST(pop_to_above, fast)
{
    expect_death(pop_above, "loam: fatal: arena popped to above its position: 0x");
}

static void pop_more(loam_arena *arena)
{
    loam_arena_pop(arena, loam_arena_pos(arena) + 1);
}

TEST(pop_of_more_than_there_is, fast)
{
    expect_death(pop_more, "loam: fatal: arena popped to above its position: 0x");
}

static void pop_below(loam_arena *arena)
{
    loam_arena_scope scope = loam_arena_scope_begin(arena);

    loam_arena_pop_to(arena, 0);
    loam_arena_scope_end(&scope);
}

TEST(pop_below_a_scope, fast)
{
    expect_death(pop_below, "loam: fatal: arena popped to below an open scope: 0x");
}

static void rewind_below(loam_arena *arena)
{
    loam_arena_mark mark = loam_arena_get_mark(arena);
    loam_arena_scope scope;

    EXPECT(loam_arena_push(arena, 16) != NULL);
    scope = loam_arena_scope_begin(arena);
    loam_arena_rewind(arena, mark);
    loam_arena_scope_end(&scope);
}

TEST(rewind_below_a_scope, fast)
{
    expect_death(rewind_below, "loam: fatal: arena popped to below an open scope: 0x");
}

static void rewind_foreign(loam_arena *arena)
{
    loam_arena *other = loam_arena_create(NULL);

    loam_arena_rewind(arena, loam_arena_get_mark(other));
}

TEST(mark_of_another_arena, fast)
{
    expect_death(rewind_foreign, "loam: fatal: mark is not of this arena: 0x");
}

static void rewind_stale(loam_arena *arena)
{
    loam_arena_mark early = loam_arena_get_mark(arena), late;

    EXPECT(loam_arena_push(arena, 100) != NULL);
    late = loam_arena_get_mark(arena);
    loam_arena_rewind(arena, early);
    loam_arena_rewind(arena, late);
}

TEST(stale_mark, fast)
{
    expect_death(rewind_stale, "loam: fatal: mark lies above the arena's position: 0x");
}

static void rewind_dropped_block(loam_arena *arena)
{
    loam_arena_mark early = loam_arena_get_mark(arena), late;

    EXPECT(loam_arena_push(arena, 100000) != NULL); /* opens a block */
    late = loam_arena_get_mark(arena);
    loam_arena_rewind(arena, early);
    loam_arena_rewind(arena, late);
}

TEST(mark_in_a_block_that_went, fast)
{
    expect_death(rewind_dropped_block, "loam: fatal: mark lies above the arena's position: 0x");
}

static void end_outer_first(loam_arena *arena)
{
    loam_arena_scope outer = loam_arena_scope_begin(arena);
    loam_arena_scope inner = loam_arena_scope_begin(arena);

    loam_arena_scope_end(&outer);
    loam_arena_scope_end(&inner);
}

TEST(scopes_out_of_order, fast)
{
    expect_death(end_outer_first, "loam: fatal: scope ended before the scopes inside it: 0x");
}

static void end_twice(loam_arena *arena)
{
    loam_arena_scope scope = loam_arena_scope_begin(arena);

    loam_arena_scope_end(&scope);
    loam_arena_scope_end(&scope);
}

TEST(scope_ended_twice, fast)
{
    expect_death(end_twice, "loam: fatal: scope ended twice: 0x");
}

static void end_a_copy(loam_arena *arena)
{
    loam_arena_scope scope = loam_arena_scope_begin(arena);
    loam_arena_scope copy = scope;

    loam_arena_scope_end(&scope);
    loam_arena_scope_end(&copy);
}

TEST(copy_of_a_scope_ended_too, fast)
{
    expect_death(end_a_copy, "loam: fatal: scope ended twice: 0x");
}

static void clear_in_scope(loam_arena *arena)
{
    (void)loam_arena_scope_begin(arena);
    loam_arena_clear(arena);
}

TEST(clear_with_an_open_scope, fast)
{
    expect_death(clear_in_scope, "loam: fatal: arena cleared or ended with open scopes: 0x");
}

static void destroy_in_scope(loam_arena *arena)
{
    (void)loam_arena_scope_begin(arena);
    loam_arena_destroy(arena);
}

TEST(destroy_with_an_open_scope, fast)
{
    expect_death(destroy_in_scope, "loam: fatal: arena cleared or ended with open scopes: 0x");
}

static void resize_foreign(loam_arena *arena)
{
    static char elsewhere[64];

    (void)!loam_arena_resize(arena, elsewhere, 64, 32);
}

TEST(resize_of_a_foreign_block, fast)
{
    expect_death(resize_foreign, "loam: fatal: block does not lie in this arena: 0x");
}

static void undo_foreign(loam_arena *arena)
{
    static char elsewhere[64];

    (void)loam_arena_undo(arena, elsewhere, 64);
}

TEST(undo_of_a_foreign_block, fast)
{
    expect_death(undo_foreign, "loam: fatal: block does not lie in this arena: 0x");
}

static void push_odd(loam_arena *arena)
{
    (void)!loam_arena_push_aligned(arena, 8, 24);
}

TEST(odd_alignment, fast)
{
    expect_death(push_odd, "loam: fatal: alignment is not a power of two: 0x");
}

/* Every function that takes an alignment. */
static void array_odd(loam_arena *arena)
{
    (void)!loam_arena_push_array(arena, 3, 8, 0);
}

static void nothing_odd(loam_arena *arena)
{
    (void)!loam_arena_push_aligned_no_zero(arena, hidden(0), 48);
}

static void prepare_odd(loam_arena *arena)
{
    (void)!loam_arena_prepare(arena, 8, 6);
}

static void align_odd(loam_arena *arena)
{
    (void)!loam_arena_align(arena, SIZE_MAX);
}

static void auto_align_odd(loam_arena *arena)
{
    (void)!loam_arena_set_auto_align(arena, 12);
}

TEST(odd_alignments_elsewhere, fast)
{
    static const misuse_fn all[] = {array_odd, nothing_odd, prepare_odd, align_odd, auto_align_odd};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        expect_death(all[i], "loam: fatal: alignment is not a power of two: 0x");
}

/* What comes back through the handle after it was dropped. */
static void dealloc_dropped(loam_arena *arena)
{
    loam_allocator handle = loam_arena_allocator(arena);
    loam_arena_mark mark = loam_arena_get_mark(arena);
    void *ptr = loam_alloc(handle, 100, 8);

    loam_arena_rewind(arena, mark);
    loam_dealloc(handle, ptr, 100, 8);
}

TEST(dealloc_of_a_dropped_block, fast)
{
    expect_death(dealloc_dropped, "loam: fatal: block does not lie in this arena: 0x");
}

/* A block that lies in the arena with its start only. */
static void resize_too_long(loam_arena *arena)
{
    void *ptr = loam_arena_push(arena, 16);

    (void)!loam_arena_resize(arena, ptr, 17, 30);
}

TEST(resize_of_more_than_there_is, fast)
{
    expect_death(resize_too_long, "loam: fatal: block does not lie in this arena: 0x");
}

static void rewind_cleared(loam_arena *arena)
{
    loam_arena_mark mark;

    EXPECT(loam_arena_push(arena, 100000) != NULL); /* opens a block */
    mark = loam_arena_get_mark(arena);
    loam_arena_clear(arena);
    loam_arena_rewind(arena, mark);
}

TEST(mark_from_before_a_clear, fast)
{
    expect_death(rewind_cleared, "loam: fatal: mark lies above the arena's position: 0x");
}

static void deinit_parent(loam_arena *arena)
{
    loam_arena *child = loam_arena_create_child(arena, NULL);

    (void)loam_arena_scope_begin(child);
    loam_arena_destroy(arena);
}

TEST(scope_open_in_a_child, fast)
{
    expect_death(deinit_parent, "loam: fatal: arena cleared or ended with open scopes: 0x");
}

/* The line names the address that is wrong. */
static void undo_named(void *elsewhere)
{
    loam_arena *arena = loam_arena_create(NULL);

    (void)loam_arena_undo(arena, elsewhere, 64);
}

static void align_named(void *context)
{
    loam_arena *arena = loam_arena_create(NULL);

    (void)!loam_arena_align(arena, (size_t)(uintptr_t)context);
}

TEST(the_line_names_the_address, fast)
{
    static char elsewhere[64];

    if (!LOAM_CHECKS)
        TEST_SKIP("not a checked build");
    test_dies_with(undo_named, elsewhere, "loam: fatal: block does not lie in this arena: 0x",
                   elsewhere);
    test_dies_with(align_named, (void *)(uintptr_t)0x3000,
                   "loam: fatal: alignment is not a power of two: 0x", (void *)(uintptr_t)0x3000);
}

/* ---- unchecked builds: refused or ignored, and the arena is whole ---- */

TEST(unchecked_builds_stay_whole, fast)
{
    static char elsewhere[64];
    loam_arena *arena = loam_arena_create(NULL);
    loam_arena *other = loam_arena_create(NULL);
    loam_arena_mark early, late;
    size_t position;

    if (LOAM_CHECKS)
        TEST_SKIP("a checked build stops");
    EXPECT(arena && other && loam_arena_push(arena, 1000));
    early = loam_arena_get_mark(arena);
    EXPECT(loam_arena_push(arena, 100) != NULL);
    late = loam_arena_get_mark(arena);
    position = loam_arena_pos(arena);
    loam_arena_pop_to(arena, position + 1);
    EXPECT_EQ(loam_arena_pos(arena), position);
    EXPECT(!loam_arena_resize(arena, elsewhere, 64, 32));
    EXPECT(!loam_arena_undo(arena, elsewhere, 64));
    EXPECT(loam_arena_push_aligned(arena, 8, 24) == NULL);
    loam_arena_rewind(arena, loam_arena_get_mark(other));
    EXPECT_GOOD(arena);
    loam_arena_rewind(arena, early);
    (void)late;
    loam_arena_pop(arena, 1 << 20);
    EXPECT_EQ(loam_arena_pos(arena), 0);
    EXPECT_GOOD(arena);
    loam_arena_destroy(other);
    loam_arena_destroy(arena);
}

/* ---- AddressSanitizer sees what was dropped ---- */

typedef struct touch {
    void (*drop)(loam_arena *arena, char *block);
} touch;

static void touch_dropped(void *context)
{
    loam_arena *arena = loam_arena_create(NULL);
    char *block = (char *)loam_arena_push(arena, 64);

    ((touch *)context)->drop(arena, block);
    *(volatile char *)block = 1;
}

static void drop_by_pop(loam_arena *arena, char *block)
{
    (void)block;
    loam_arena_pop(arena, 64);
}

static void drop_by_clear(loam_arena *arena, char *block)
{
    (void)block;
    loam_arena_clear(arena);
}

static void drop_by_undo(loam_arena *arena, char *block)
{
    EXPECT(loam_arena_undo(arena, block, 64));
}

static void overrun(loam_arena *arena, char *block)
{
    (void)arena;
    block[hidden(64)] = 1;
}

TEST(sanitizer_sees_dropped_blocks, fast)
{
    touch ways[] = {{drop_by_pop}, {drop_by_clear}, {drop_by_undo}, {overrun}};

    if (!test_under_asan())
        TEST_SKIP("not under AddressSanitizer");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        test_faults(touch_dropped, &ways[i]);
}

TEST_MAIN
