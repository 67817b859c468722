/* test_back.c: the ways back: positions, marks and scopes. What is done with a single block is in
 * test_blocks.c. */
#include "arena_support.h"

#include <string.h>

/* ---- positions ---- */

static void count_positions(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    size_t positions[2000];
    loam_arena arena;
    size_t count = 0, expected = 0, peak;

    config.auto_align = 1;
    begin_arena(&arena, &config);
    EXPECT_EQ(loam_arena_pos(&arena), 0);
    for (; count < 2000; count++) {
        size_t size = count * 7919 % 3000 + 1;

        positions[count] = loam_arena_pos(&arena);
        EXPECT_EQ(positions[count], expected);
        EXPECT(loam_arena_push(&arena, size) != NULL);
        expected += size;
    }
    EXPECT_GOOD(&arena);
    peak = expected;
    while (count-- > 0) {
        size_t here = loam_arena_pos(&arena);

        loam_arena_pop_to(&arena, here);
        EXPECT_EQ(loam_arena_pos(&arena), here);
        if (count % 2)
            loam_arena_pop_to(&arena, positions[count]);
        else
            loam_arena_pop(&arena, here - positions[count]);
        EXPECT_EQ(loam_arena_pos(&arena), positions[count]);
        EXPECT_GOOD(&arena);
        if (count % 5 == 0) { /* up again, and down to the same place */
            EXPECT(loam_arena_push(&arena, 10000) != NULL);
            peak = loam_arena_pos(&arena) > peak ? loam_arena_pos(&arena) : peak;
            loam_arena_pop_to(&arena, positions[count]);
            EXPECT_EQ(loam_arena_pos(&arena), positions[count]);
        }
    }
    EXPECT_EQ(loam_arena_pos(&arena), 0);
    EXPECT_EQ(stats_of(&arena).live, 0);
    EXPECT_EQ(stats_of(&arena).peak, peak);
    loam_arena_deinit(&arena);
}

/* At alignment 1 the position is the sum of the sizes, over as many blocks as there are, and every
 * position that was told can be gone back to. */
TEST(positions_have_no_jumps, fast)
{
    for_each_backing(count_positions);
}

static void pop_inside(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;
    char *below;

    for (size_t align = 1; align <= 256; align *= 4) {
        config.auto_align = align;
        begin_arena(&arena, &config);
        below = (char *)loam_arena_push(&arena, 100);
        fill_pattern(below, 100, align);
        for (size_t up = 0; up < 600; up++) {
            size_t base = loam_arena_pos(&arena), after;

            EXPECT(loam_arena_push_no_zero(&arena, 700) != NULL);
            loam_arena_pop_to(&arena, base + up);
            after = loam_arena_pos(&arena);
            EXPECT_LE(base + up, after);
            EXPECT(after < base + up + align);
            EXPECT(has_pattern(below, 100, align));
            EXPECT_GOOD(&arena);
            EXPECT(is_aligned(loam_arena_push(&arena, 1), align));
            loam_arena_pop_to(&arena, base);
            EXPECT_EQ(loam_arena_pos(&arena), base);
        }
        loam_arena_deinit(&arena);
    }
}

/* A position inside a block is rounded up to the arena's alignment. */
TEST(pop_into_a_block, fast)
{
    for_each_backing(pop_inside);
}

/* More than there is: an unchecked build drops all. A position above the present one changes
 * nothing. */
TEST(pop_too_much, fast)
{
    loam_arena arena;

    if (LOAM_CHECKS)
        TEST_SKIP("a checked build stops");
    begin_arena(&arena, NULL);
    EXPECT(loam_arena_push(&arena, 100) != NULL);
    loam_arena_pop_to(&arena, loam_arena_pos(&arena) + 1);
    loam_arena_pop_to(&arena, SIZE_MAX);
    EXPECT_EQ(loam_arena_pos(&arena), 112);
    loam_arena_pop(&arena, 113);
    EXPECT_EQ(loam_arena_pos(&arena), 0);
    loam_arena_pop(&arena, SIZE_MAX);
    EXPECT_EQ(loam_arena_pos(&arena), 0);
    EXPECT_GOOD(&arena);
    loam_arena_deinit(&arena);
}

static void clear_and_go_on(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;

    begin_arena(&arena, &config);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 300; i++) {
            char *ptr = (char *)loam_arena_push(&arena, 1000);

            EXPECT(ptr != NULL && all_zero(ptr, 1000));
            memset(ptr, round, 1000);
        }
        EXPECT_GOOD(&arena);
        loam_arena_clear(&arena);
        EXPECT_EQ(loam_arena_pos(&arena), 0);
        EXPECT_EQ(stats_of(&arena).live, 0);
        EXPECT_EQ(stats_of(&arena).lost, 0);
        EXPECT_GOOD(&arena);
        loam_arena_clear(&arena);
        EXPECT_GOOD(&arena);
    }
    loam_arena_deinit(&arena);
}

TEST(clear, fast)
{
    for_each_backing(clear_and_go_on);
}

/* ---- marks ---- */

/* Recursion with a mark at each level, pushes before and after it, and each mark used three times,
 * over block borders in the backings that have them. */
static void nest(loam_arena *arena, size_t depth, uint64_t seed)
{
    size_t size = (size_t)(seed * 2654435761u % 5000) + 1;
    size_t position = loam_arena_pos(arena);
    loam_arena_mark mark = loam_arena_get_mark(arena);
    char *before;

    for (int use = 0; use < 3; use++) {
        before = (char *)loam_arena_push_no_zero(arena, size);
        EXPECT(before != NULL);
        fill_pattern(before, size, seed);
        if (depth > 0)
            nest(arena, depth - 1, seed * 3 + (uint64_t)use);
        EXPECT(has_pattern(before, size, seed));
        loam_arena_rewind(arena, mark);
        EXPECT_EQ(loam_arena_pos(arena), position);
        EXPECT_GOOD(arena);
    }
    loam_arena_rewind(arena, mark);
    EXPECT_EQ(loam_arena_pos(arena), position);
}

static void nest_marks(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;

    begin_arena(&arena, &config);
    nest(&arena, 6, 1);
    EXPECT(loam_arena_push(&arena, 100) != NULL);
    nest(&arena, 6, 2);
    EXPECT(loam_arena_push(&arena, MIB - 1000) != NULL);
    nest(&arena, 5, 3);
    loam_arena_deinit(&arena);
}

TEST(marks_nest_and_are_used_again, fast)
{
    for_each_backing(nest_marks);
}

/* The end of one block and the start of the next are the same position. Marks of both hold as long
 * as the arena does not go below it, in whichever order they are used: what was pushed since is
 * dropped each time. */
TEST(marks_at_a_block_border, fast)
{
    loam_arena_config config = {.backing = LOAM_ARENA_CHAIN, .block_size = 1000};

    for (int way = 0; way < 2; way++) { /* how the start of a block is reached */
        loam_arena_mark end, start;
        loam_arena arena;
        size_t border;
        char *first;

        begin_arena(&arena, &config);
        EXPECT(loam_arena_push(&arena, 500) != NULL);
        border = loam_arena_pos(&arena);
        end = loam_arena_get_mark(&arena);
        first = (char *)loam_arena_push(&arena, 600);
        if (way == 0)
            EXPECT(loam_arena_undo(&arena, first, 600));
        else
            loam_arena_rewind(&arena, end);
        EXPECT_EQ(loam_arena_pos(&arena), border);
        start = loam_arena_get_mark(&arena);
        for (int i = 0; i < 4; i++) {
            EXPECT(loam_arena_push(&arena, 100 * (size_t)i + 1) != NULL);
            loam_arena_rewind(&arena, i % 2 ? start : end);
            EXPECT_EQ(loam_arena_pos(&arena), border);
            EXPECT(loam_arena_push(&arena, 50) != NULL);
            loam_arena_rewind(&arena, i % 2 ? end : start);
            EXPECT_EQ(loam_arena_pos(&arena), border);
            EXPECT(loam_arena_push(&arena, 5000) != NULL);
            loam_arena_pop_to(&arena, border);
            EXPECT_EQ(loam_arena_pos(&arena), border);
            EXPECT(loam_arena_push(&arena, 10) != NULL);
            loam_arena_rewind(&arena, start);
            EXPECT_EQ(loam_arena_pos(&arena), border);
            EXPECT_GOOD(&arena);
        }
        loam_arena_pop_to(&arena, 0);
        EXPECT_EQ(stats_of(&arena).lost, 0);
        loam_arena_deinit(&arena);
    }
}

static void mark_before_all(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena_mark mark;
    loam_arena arena;

    begin_arena(&arena, &config);
    mark = loam_arena_get_mark(&arena);
    for (size_t i = 0; i < 10; i++) {
        loam_arena_rewind(&arena, mark);
        EXPECT_EQ(loam_arena_pos(&arena), 0);
        EXPECT(loam_arena_push(&arena, 3000 * i + 1) != NULL);
        EXPECT(loam_arena_push(&arena, 100) != NULL);
        EXPECT_GOOD(&arena);
    }
    loam_arena_deinit(&arena);
}

/* A mark of an arena that has nothing yet, where a chain has no block. */
TEST(mark_of_the_start, fast)
{
    for_each_backing(mark_before_all);
}

/* ---- scopes ---- */

static size_t scope_depth(const loam_arena *arena, const loam_arena_scope *scopes, size_t count)
{
    EXPECT_EQ(arena->scope, count ? scopes[count - 1].serial : 0);
    return count;
}

static void nest_scopes(loam_arena_backing backing)
{
    enum { DEPTH = 50 };
    loam_arena_config config = config_of(backing);
    loam_arena_scope scopes[DEPTH];
    size_t positions[DEPTH];
    loam_arena arena;

    begin_arena(&arena, &config);
    for (size_t round = 0; round < 10; round++) {
        size_t depth = round * 5 + 1;

        for (size_t i = 0; i < depth && i < DEPTH; i++) {
            positions[i] = loam_arena_pos(&arena);
            scopes[i] = loam_arena_scope_begin(&arena);
            (void)scope_depth(&arena, scopes, i + 1);
            EXPECT(loam_arena_push(&arena, i * 300 + 1) != NULL);
        }
        for (size_t i = depth < DEPTH ? depth : DEPTH; i-- > 0;) {
            loam_arena_scope_end(&scopes[i]);
            EXPECT_EQ(loam_arena_pos(&arena), positions[i]);
            (void)scope_depth(&arena, scopes, i);
            EXPECT_GOOD(&arena);
        }
        EXPECT(loam_arena_push(&arena, 1000) != NULL);
    }
    loam_arena_deinit(&arena);
}

TEST(scopes_nest, fast)
{
    for_each_backing(nest_scopes);
}

static int leave_early(loam_arena *arena, int how)
{
    LOAM_ARENA_SCOPE(outer, arena);

    if (!loam_arena_push(arena, 100) || how == 0)
        return 0;
    for (int i = 0; i < 10; i++) {
        LOAM_ARENA_SCOPE(inner, arena);

        if (!loam_arena_push(arena, 1000))
            return -1;
        if (i == how)
            return how;
        if (i == 8)
            break;
        if (i % 2)
            continue;
        EXPECT(loam_arena_push(arena, 2000) != NULL);
    }
    {
        LOAM_ARENA_SCOPE(again, arena);

        if (how == 20)
            goto out;
        EXPECT(loam_arena_push(arena, 5000) != NULL);
    }
out:
    return how;
}

static void leave_scopes(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;
    char *kept;

    begin_arena(&arena, &config);
    kept = (char *)loam_arena_push(&arena, 300);
    fill_pattern(kept, 300, 1);
    for (int how = 0; how < 22; how++) {
        size_t position = loam_arena_pos(&arena);

        EXPECT_EQ(leave_early(&arena, how), how);
        EXPECT_EQ(loam_arena_pos(&arena), position);
        EXPECT_EQ(arena.scope, 0);
        EXPECT_EQ(arena.floor, 0);
        EXPECT(has_pattern(kept, 300, 1));
        EXPECT_GOOD(&arena);
        EXPECT(loam_arena_push(&arena, 77) != NULL);
    }
    loam_arena_deinit(&arena);
}

/* A declared scope ends on each way out: return, break, continue, goto, the end of the block. */
TEST(scopes_end_on_every_path, fast)
{
    for_each_backing(leave_scopes);
}

TEST_MAIN
