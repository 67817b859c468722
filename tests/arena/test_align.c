/* test_align.c: the alignment that an arena gives every push, changed between marks, at the start
 * and at the end of its memory; and the push that is aligned by hand. */
#include "arena_support.h"

#include "internal/bits.h"

/* ---- the arena's own alignment ---- */

static void change_alignment(loam_arena_backing backing)
{
    static const size_t aligns[] = {1, 64 * KIB, 1, 16, 4096, 2, 32 * KIB, 64 * KIB, 8, 1};
    enum { COUNT = sizeof aligns / sizeof *aligns };
    loam_arena_config config = config_of(backing);
    loam_arena_mark marks[COUNT];
    size_t positions[COUNT];
    char *blocks[COUNT];
    loam_arena arena;

    begin_arena(&arena, &config);
    for (size_t i = 0; i < COUNT; i++) {
        marks[i] = loam_arena_get_mark(&arena);
        positions[i] = loam_arena_pos(&arena);
        EXPECT(loam_arena_set_auto_align(&arena, aligns[i]));
        EXPECT_GOOD(&arena);
        EXPECT_LE(positions[i], loam_arena_pos(&arena));
        EXPECT(loam_arena_pos(&arena) < positions[i] + aligns[i]);
        blocks[i] = (char *)loam_arena_push(&arena, 3);
        EXPECT(blocks[i] != NULL && is_aligned(blocks[i], aligns[i]) && all_zero(blocks[i], 3));
        fill_pattern(blocks[i], 3, i);
    }
    for (size_t i = COUNT; i-- > 0;) {
        size_t now = aligns[COUNT - 1 - i];
        char *again;

        for (size_t j = 0; j <= i; j++)
            EXPECT(has_pattern(blocks[j], 3, j));
        EXPECT(loam_arena_set_auto_align(&arena, now));
        loam_arena_rewind(&arena, marks[i]);
        EXPECT_GOOD(&arena);
        EXPECT_LE(positions[i], loam_arena_pos(&arena));
        EXPECT(loam_arena_pos(&arena) < positions[i] + now);
        again = (char *)loam_arena_push(&arena, 1);
        EXPECT(again != NULL && is_aligned(again, now));
        loam_arena_rewind(&arena, marks[i]);
    }
    loam_arena_deinit(&arena);
}

/* The alignment rises and falls with marks in between; what is pushed after a rewind has the
 * alignment of now, not that of the mark. */
TEST(alignment_changes_between_marks, fast)
{
    for_each_backing(change_alignment);
}

static void shrink_below_the_rise(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;
    char *old, *block;
    size_t size;

    config.auto_align = 1;
    begin_arena(&arena, &config);
    old = (char *)loam_arena_push(&arena, 101);
    EXPECT(old != NULL);
    size = 101 + loam_padding(old + 101, 64); /* the rise pads nothing then */
    EXPECT(loam_arena_resize(&arena, old, 101, size));
    EXPECT(loam_arena_set_auto_align(&arena, 64));
    EXPECT(loam_arena_resize(&arena, old, size, 5));
    EXPECT_GOOD(&arena);
    EXPECT(loam_arena_resize(&arena, old, 5, 7)); /* padded to the alignment of now */
    block = (char *)loam_arena_push(&arena, 24);
    EXPECT(block != NULL && block < old + 101);
    EXPECT(loam_arena_resize(&arena, block, 24, 48));
    EXPECT(loam_arena_undo(&arena, block, 48));
    EXPECT_GOOD(&arena);
    loam_arena_deinit(&arena);
}

/* What is pushed after the newest block shrank to below the place where the alignment rose is known
 * as the newest block, with its padding. */
TEST(newest_below_the_rise, fast)
{
    for_each_backing(shrink_below_the_rise);
}

static void mark_the_start(loam_arena_backing backing)
{
    for (size_t old = 1; old <= 64 * KIB; old *= 4) {
        for (size_t new = 1; new <= 64 * KIB; new *= 4) {
            loam_arena_config config = config_of(backing);
            loam_arena_mark mark;
            loam_arena arena;

            config.auto_align = old;
            if (backing == LOAM_ARENA_FIXED) { /* a start that is aligned to no more than that */
                config.buffer = buffer_for_tests() + old;
                config.buffer_size = MIB;
            }
            begin_arena(&arena, &config);
            mark = loam_arena_get_mark(&arena);
            EXPECT(loam_arena_set_auto_align(&arena, new));
            for (int i = 0; i < 3; i++) {
                loam_arena_rewind(&arena, mark);
                EXPECT(loam_arena_pos(&arena) < new);
                EXPECT_GOOD(&arena);
                EXPECT(is_aligned(loam_arena_push(&arena, 3), new));
                EXPECT(is_aligned(loam_arena_push(&arena, 3), new));
                if (i == 1)
                    loam_arena_clear(&arena);
            }
            loam_arena_deinit(&arena);
        }
    }
}

/* The same with a mark of the very start, where nothing was pushed yet; the start of a buffer may
 * not have the new alignment, and a chain has no memory there. */
TEST(alignment_changes_after_a_mark_of_the_start, fast)
{
    for_each_backing(mark_the_start);
}

static void refuse_alignment(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;
    arena_state before;

    begin_arena(&arena, &config);
    EXPECT(loam_arena_push(&arena, 100) != NULL);
    before = state_of(&arena);
    EXPECT(!loam_arena_set_auto_align(&arena, 128 * KIB));
    EXPECT(!loam_arena_set_auto_align(&arena, ~(SIZE_MAX >> 1)));
    EXPECT_UNCHANGED(&arena, &before, 0);
    EXPECT(loam_arena_set_auto_align(&arena, 64 * KIB));
    loam_arena_deinit(&arena);
}

/* 64 KiB is the most that an arena's own alignment may be. */
TEST(alignment_has_a_limit, fast)
{
    for_each_backing(refuse_alignment);
}

/* A raised alignment of which the padding does not fit waits for the next push, which is refused;
 * a push that asks for no more than the rest is served after the alignment fell again. */
TEST(alignment_rises_at_the_end_of_a_buffer, fast)
{
    loam_arena_config config = {
        .backing = LOAM_ARENA_FIXED, .buffer = buffer_for_tests(), .buffer_size = 100};
    loam_arena arena;

    config.auto_align = 1;
    begin_arena(&arena, &config);
    EXPECT(loam_arena_push(&arena, 90) != NULL);
    EXPECT(loam_arena_set_auto_align(&arena, 64));
    EXPECT_EQ(loam_arena_pos(&arena), 90);
    EXPECT_GOOD(&arena);
    EXPECT_PTR(loam_arena_push(&arena, 1), NULL);
    EXPECT(loam_arena_set_auto_align(&arena, 2));
    EXPECT(loam_arena_push(&arena, 10) != NULL);
    EXPECT_EQ(loam_arena_pos(&arena), 100);
    EXPECT_GOOD(&arena);
    loam_arena_deinit(&arena);
}

/* ---- align ---- */

static void align_next(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;

    config.auto_align = 1;
    begin_arena(&arena, &config);
    for (size_t align = 1; align <= 4 * MIB; align *= 2) {
        loam_arena_mark mark = loam_arena_get_mark(&arena);
        size_t position;
        char *ptr;

        EXPECT(loam_arena_push(&arena, 1) != NULL);
        position = loam_arena_pos(&arena);
        EXPECT(loam_arena_align(&arena, align));
        EXPECT_LE(position, loam_arena_pos(&arena));
        EXPECT(loam_arena_pos(&arena) < position + align);
        EXPECT_GOOD(&arena);
        position = loam_arena_pos(&arena);
        EXPECT(loam_arena_align(&arena, align));
        EXPECT_EQ(loam_arena_pos(&arena), position);
        ptr = (char *)loam_arena_push(&arena, 10);
        EXPECT(ptr != NULL && is_aligned(ptr, align) && all_zero(ptr, 10));
        EXPECT_EQ(loam_arena_pos(&arena), position + 10);
        fill_pattern(ptr, 10, align);
        loam_arena_rewind(&arena, mark);
    }
    loam_arena_deinit(&arena);
}

/* The next push is aligned, the position moves by less than the alignment, and not at all where it
 * is aligned. */
TEST(align, fast)
{
    for_each_backing(align_next);
}

/* Padding that does not fit is refused and counted; padding that fits exactly is not. */
TEST(align_at_the_end, fast)
{
    loam_arena_config config = {
        .backing = LOAM_ARENA_FIXED, .buffer = buffer_for_tests(), .buffer_size = 256};
    loam_arena arena;
    arena_state before;

    config.auto_align = 1;
    begin_arena(&arena, &config);
    EXPECT(loam_arena_push(&arena, 129) != NULL);
    before = state_of(&arena);
    EXPECT(!loam_arena_align(&arena, 512));
    EXPECT_UNCHANGED(&arena, &before, 1);
    loam_arena_set_limit(&arena, 255);
    EXPECT(!loam_arena_align(&arena, 256));
    EXPECT_UNCHANGED(&arena, &before, 2);
    loam_arena_set_limit(&arena, 256);
    EXPECT(loam_arena_align(&arena, 256));
    EXPECT_EQ(loam_arena_pos(&arena), 256);
    EXPECT_GOOD(&arena);
    EXPECT_PTR(loam_arena_push(&arena, 1), NULL);
    loam_arena_deinit(&arena);
}

TEST_MAIN
