/* test_blocks.c: what can be done with a block after its push: the newest is resized and undone, an
 * older one is not, and an arena knows which are its own. */
#include "arena_support.h"

/* ---- the newest block ---- */

/* Where a block starts, as a position: what does not change while it is the newest. */
static size_t position_of(const loam_arena *arena, const char *ptr)
{
    return loam_arena_pos(arena) - (size_t)(arena->next - ptr);
}

static void resize_newest(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;

    for (size_t align = 1; align <= 256; align *= 16) {
        size_t size = 10, start;
        char *ptr;

        config.auto_align = align;
        begin_arena(&arena, &config);
        EXPECT(loam_arena_push(&arena, 3) != NULL);
        ptr = (char *)loam_arena_push(&arena, size);
        start = position_of(&arena, ptr);
        fill_pattern(ptr, size, 7);
        for (size_t i = 0; i < 400; i++) {
            size_t wanted = i % 3 ? size + i * 13 % 700 : size / 2 + 1;
            arena_state before = state_of(&arena);

            if (loam_arena_resize(&arena, ptr, size, wanted)) {
                EXPECT(has_pattern(ptr, wanted < size ? wanted : size, 7));
                EXPECT(loam_arena_pos(&arena) - start - wanted < align);
                EXPECT(loam_arena_pos(&arena) >= start + wanted);
                EXPECT_EQ(position_of(&arena, ptr), start);
                EXPECT_GOOD(&arena);
                size = wanted;
                fill_pattern(ptr, size, 7);
            } else { /* only for want of room in the block */
                EXPECT(backing == LOAM_ARENA_CHAIN && wanted > size);
                EXPECT(wanted > size + room_of(&arena));
                EXPECT(has_pattern(ptr, size, 7));
                EXPECT_UNCHANGED(&arena, &before, 0);
            }
            EXPECT(loam_arena_resize(&arena, ptr, size, size));
        }
        loam_arena_deinit(&arena);
    }
}

/* The newest block grows and shrinks where it is, and its contents stay. */
TEST(resize_the_newest, fast)
{
    for_each_backing(resize_newest);
}

static void grow_to_the_end(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    size_t size = 1, most;
    arena_state before;
    loam_arena arena;
    char *ptr;

    begin_arena(&arena, &config);
    EXPECT(loam_arena_push(&arena, 100) != NULL);
    ptr = (char *)loam_arena_push(&arena, size);
    *ptr = 77;
    most = (size_t)(arena.block->end - ptr);
    while (size < most / 2) {
        EXPECT(loam_arena_resize(&arena, ptr, size, size * 2));
        ptr[size * 2 - 1] = 1;
        size *= 2;
        EXPECT_GOOD(&arena);
    }
    before = state_of(&arena);
    EXPECT(!loam_arena_resize(&arena, ptr, size, most + 1));
    EXPECT(!loam_arena_resize(&arena, ptr, size, PTRDIFF_MAX));
    EXPECT_UNCHANGED(&arena, &before, 0);
    EXPECT(loam_arena_resize(&arena, ptr, size, most));
    ptr[most - 1] = 1;
    EXPECT_EQ(room_of(&arena), 0);
    EXPECT(!loam_arena_resize(&arena, ptr, most, most + 1));
    EXPECT_GOOD(&arena);
    EXPECT(loam_arena_resize(&arena, ptr, most, 1));
    EXPECT(*ptr == 77);
    loam_arena_set_limit(&arena, loam_arena_pos(&arena) + 300);
    most = 300 + (size_t)(arena.next - ptr);
    before = state_of(&arena);
    EXPECT(!loam_arena_resize(&arena, ptr, 1, most + 1));
    EXPECT_UNCHANGED(&arena, &before, 0);
    EXPECT(loam_arena_resize(&arena, ptr, 1, most));
    EXPECT_EQ(loam_arena_pos(&arena), before.position + 300);
    EXPECT_GOOD(&arena);
    loam_arena_deinit(&arena);
}

/* Growth goes over every commit step up to the last byte of the block of memory, or of the limit,
 * and not to the byte behind it. */
TEST(resize_to_the_last_byte, fast)
{
    for_each_backing(grow_to_the_end);
}

static void resize_others(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;
    arena_state before;
    char *old, *newest;

    begin_arena(&arena, &config);
    old = (char *)loam_arena_push(&arena, 16);
    newest = (char *)loam_arena_push(&arena, 20);
    before = state_of(&arena);
    EXPECT(!loam_arena_resize(&arena, old, 16, 8));
    EXPECT(!loam_arena_resize(&arena, old, 16, 17));
    EXPECT(!loam_arena_undo(&arena, old, 16));
    EXPECT(!loam_arena_resize(&arena, newest, 20, 0));
    EXPECT(!loam_arena_resize(&arena, newest, 20, (size_t)PTRDIFF_MAX + 1));
    EXPECT(!loam_arena_resize(&arena, newest, 20, SIZE_MAX));
    EXPECT(!loam_arena_resize(&arena, loam_arena_push(&arena, hidden(0)), 0, 10));
    EXPECT(loam_arena_resize(&arena, old, 16, 16));
    EXPECT(loam_arena_undo(&arena, loam_arena_push(&arena, hidden(0)), 0));
    /* sizes that the newest block does not have */
    EXPECT(!loam_arena_undo(&arena, newest, 16));
    EXPECT(!loam_arena_undo(&arena, newest + 1, 2));
    EXPECT(!loam_arena_resize(&arena, newest, 15, 30));
    EXPECT_UNCHANGED(&arena, &before, 0);
    EXPECT(loam_arena_undo(&arena, newest, 20));
    EXPECT(loam_arena_undo(&arena, old, 16));
    EXPECT_EQ(loam_arena_pos(&arena), 0);
    EXPECT_GOOD(&arena);
    loam_arena_deinit(&arena);
}

/* What is not the newest block, or not of that size, stays as it is. */
TEST(resize_and_undo_of_others, fast)
{
    for_each_backing(resize_others);
}

static void respect_scopes(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena_scope outer, inner;
    loam_arena arena;
    arena_state before;
    char *outside, *inside;

    begin_arena(&arena, &config);
    outside = (char *)loam_arena_push(&arena, 100);
    outer = loam_arena_scope_begin(&arena);
    before = state_of(&arena);
    EXPECT(!loam_arena_resize(&arena, outside, 100, 200));
    EXPECT(!loam_arena_resize(&arena, outside, 100, 50));
    EXPECT(!loam_arena_undo(&arena, outside, 100));
    EXPECT_UNCHANGED(&arena, &before, 0);
    inside = (char *)loam_arena_push(&arena, 100);
    EXPECT(loam_arena_resize(&arena, inside, 100, 50));
    inner = loam_arena_scope_begin(&arena);
    EXPECT(!loam_arena_resize(&arena, inside, 50, 60));
    EXPECT(!loam_arena_undo(&arena, inside, 50));
    loam_arena_scope_end(&inner);
    EXPECT(loam_arena_resize(&arena, inside, 50, 60));
    EXPECT(loam_arena_undo(&arena, inside, 60));
    EXPECT(!loam_arena_undo(&arena, outside, 100));
    loam_arena_scope_end(&outer);
    EXPECT(loam_arena_resize(&arena, outside, 100, 200));
    EXPECT(loam_arena_undo(&arena, outside, 200));
    EXPECT_EQ(loam_arena_pos(&arena), 0);
    EXPECT_GOOD(&arena);
    loam_arena_deinit(&arena);
}

/* A block that began before the innermost open scope neither changes nor goes, until that scope has
 * ended. */
TEST(scopes_protect_older_blocks, fast)
{
    for_each_backing(respect_scopes);
}

static void undo_all(loam_arena_backing backing)
{
    enum { COUNT = 1500 };
    static char *blocks[COUNT];
    loam_arena_config config = config_of(backing);
    loam_arena arena;

    bool chains = backing == LOAM_ARENA_CHAIN || backing == LOAM_ARENA_RESERVE_CHAIN;

    for (size_t align = 1; align <= (chains ? LOAM_MAX_ALIGN : 256); align *= 16) {
        size_t blocks_used;

        config.auto_align = align;
        begin_arena(&arena, &config);
        for (size_t i = 0; i < COUNT; i++) {
            size_t size = i * 7919 % 3000 + 1;

            blocks[i] = (char *)loam_arena_push_no_zero(&arena, size);
            fill_pattern(blocks[i], size, i);
        }
        blocks_used = stats_of(&arena).blocks;
        for (size_t i = COUNT; i-- > 0;) {
            size_t size = i * 7919 % 3000 + 1;

            EXPECT(has_pattern(blocks[i], size, i));
            if (i % 3 == 0) {
                EXPECT(loam_arena_resize(&arena, blocks[i], size, size / 2 + 1));
                size = size / 2 + 1;
            }
            EXPECT(loam_arena_undo(&arena, blocks[i], size));
            EXPECT_GOOD(&arena);
        }
        EXPECT_LE(loam_arena_pos(&arena), align); /* padding in front of the first */
        EXPECT_EQ(stats_of(&arena).blocks, blocks_used);
        loam_arena_deinit(&arena);
    }
}

/* Newest first, everything can be undone, from block to block of a chain too (where blocks of memory
 * have the alignment of the arena: no padding is left at their start). */
TEST(undo_all_newest_first, fast)
{
    for_each_backing(undo_all);
}

/* When the alignment has risen, what looks like the padding of a block may be younger blocks: those
 * must not go with it. What was pushed since, also below that place, is known as ever. */
TEST(undo_after_the_alignment_rose, fast)
{
    loam_arena_config config = config_of(LOAM_ARENA_RESERVE);
    loam_arena arena;
    loam_arena_mark mark;
    char *older, *younger, *ptr;
    arena_state before;

    config.auto_align = 1;
    begin_arena(&arena, &config);
    mark = loam_arena_get_mark(&arena);
    older = (char *)loam_arena_push(&arena, 3);
    younger = (char *)loam_arena_push(&arena, 5);
    fill_pattern(younger, 5, 1);
    EXPECT(loam_arena_set_auto_align(&arena, 64));
    EXPECT_EQ(loam_arena_pos(&arena), 64);
    before = state_of(&arena);
    EXPECT(!loam_arena_undo(&arena, older, 3));
    EXPECT(!loam_arena_resize(&arena, older, 3, 4));
    EXPECT_UNCHANGED(&arena, &before, 0);
    ptr = (char *)loam_arena_push(&arena, 5);
    EXPECT(loam_arena_undo(&arena, ptr, 5));
    EXPECT_EQ(loam_arena_pos(&arena), 64);
    EXPECT(!loam_arena_undo(&arena, older, 3));
    EXPECT(has_pattern(younger, 5, 1));
    loam_arena_rewind(&arena, mark);
    ptr = (char *)loam_arena_push(&arena, 5);
    EXPECT(loam_arena_resize(&arena, ptr, 5, 70));
    EXPECT(loam_arena_undo(&arena, ptr, 70));
    EXPECT_EQ(loam_arena_pos(&arena), 0);
    EXPECT_GOOD(&arena);
    loam_arena_deinit(&arena);
}

/* ---- owns ---- */

static void know_own(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena, other;
    loam_arena_config small = {.backing = LOAM_ARENA_CHAIN};
    char *blocks[200];
    size_t position;
    char local;

    begin_arena(&other, &small);
    config.auto_align = 1;
    begin_arena(&arena, &config);
    EXPECT(!loam_arena_owns(&arena, &local));
    EXPECT(!loam_arena_owns(&arena, NULL));
    EXPECT(!loam_arena_owns(&arena, arena.next));
    EXPECT(!loam_arena_owns(&arena, loam_arena_push(&arena, hidden(0))));
    for (size_t i = 0; i < 200; i++)
        blocks[i] = (char *)loam_arena_push(&arena, i * 50 + 1);
    position = position_of(&arena, blocks[199]);
    for (size_t i = 0; i < 200; i++) {
        EXPECT(loam_arena_owns(&arena, blocks[i]));
        EXPECT(loam_arena_owns(&arena, blocks[i] + i * 50));
        EXPECT(!loam_arena_owns(&other, blocks[i]));
    }
    EXPECT(!loam_arena_owns(&arena, blocks[199] + 199 * 50 + 1));
    EXPECT(!loam_arena_owns(&arena, loam_arena_push(&other, 10)));
    loam_arena_pop_to(&arena, position);
    EXPECT(!loam_arena_owns(&arena, blocks[199]));
    EXPECT(loam_arena_owns(&arena, blocks[198]));
    loam_arena_clear(&arena);
    for (size_t i = 0; i < 200; i++)
        EXPECT(!loam_arena_owns(&arena, blocks[i]));
    loam_arena_deinit(&arena);
    loam_arena_deinit(&other);
}

/* What was pushed and not dropped is the arena's, to the byte, and nothing else. */
TEST(owns, fast)
{
    for_each_backing(know_own);
}

TEST_MAIN
