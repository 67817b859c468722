/* test_zero.c: a push reads zero on memory that was used, and fresh pages are not touched for that. */
#include "arena_support.h"

#include <loam/allocator.h>

#include <string.h>

/* ---- used memory ---- */

/* Dirties some memory of the arena above its position, up to `size` bytes of pushes. */
static void dirty(loam_arena *arena, size_t size)
{
    for (size_t done = 0; done < size; done += 1000) {
        char *ptr = (char *)loam_arena_push_no_zero(arena, 1000);

        EXPECT(ptr != NULL);
        memset(ptr, 0xff, 1000);
    }
}

/* Pushes of all sizes, known to the compiler and not, all zero; they are dirtied on the way. */
static void expect_zeroes(loam_arena *arena, size_t size)
{
    size_t start = loam_arena_pos(arena);

    for (size_t i = 1; loam_arena_pos(arena) - start < size; i++) {
        char *word = (char *)loam_arena_push(arena, 8);
        char *line = (char *)loam_arena_push(arena, 64);
        char *big = (char *)loam_arena_push(arena, 333);
        char *some = (char *)loam_arena_push(arena, hidden(i * 37 % 200 + 1));
        char *aligned = (char *)loam_arena_push_aligned(arena, 24, 64);
        char *array = (char *)loam_arena_push_array(arena, i % 7 + 1, 24, 8);

        EXPECT(all_zero(word, 8) && all_zero(line, 64) && all_zero(big, 333));
        EXPECT(all_zero(some, i * 37 % 200 + 1));
        EXPECT(all_zero(aligned, 24) && all_zero(array, (i % 7 + 1) * 24));
        memset(word, 0xff, 8);
        memset(line, 0xff, 64);
        memset(big, 0xff, 333);
        memset(some, 0xff, i * 37 % 200 + 1);
        memset(aligned, 0xff, 24);
        memset(array, 0xff, (i % 7 + 1) * 24);
    }
}

static void zero_after_going_back(loam_arena_backing backing)
{
    static const size_t amounts[] = {1000, 10000, 100000, 2000000};
    loam_arena_config config = config_of(backing);
    loam_arena arena;

    for (size_t align = 1; align <= 4096; align *= 8) {
        config.auto_align = align;
        begin_arena(&arena, &config);
        for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++) {
            size_t amount = amounts[i] / align * (align < 64 ? align : 8);
            loam_arena_mark mark = loam_arena_get_mark(&arena);
            size_t position = loam_arena_pos(&arena);
            loam_arena_scope scope;

            dirty(&arena, amount);
            loam_arena_rewind(&arena, mark);
            expect_zeroes(&arena, amount / 2);
            loam_arena_pop_to(&arena, position);
            expect_zeroes(&arena, amount);
            loam_arena_pop(&arena, loam_arena_pos(&arena) / 3);
            expect_zeroes(&arena, amount);
            scope = loam_arena_scope_begin(&arena);
            dirty(&arena, amount);
            loam_arena_scope_end(&scope);
            expect_zeroes(&arena, amount);
            EXPECT_GOOD(&arena);
            loam_arena_clear(&arena);
            expect_zeroes(&arena, amount);
        }
        loam_arena_deinit(&arena);
    }
}

/* After each way to go back, on each backing, with memory that is partly used and partly fresh. */
TEST(zero_on_used_memory, fast)
{
    for_each_backing(zero_after_going_back);
}

static void zero_after_shrinking(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;

    config.auto_align = 1;
    begin_arena(&arena, &config);
    for (size_t size = 1; size <= 300000; size = size * 3 + 1) {
        char *ptr = (char *)loam_arena_push(&arena, size);

        memset(ptr, 0xff, size);
        EXPECT(loam_arena_resize(&arena, ptr, size, size / 2 + 1));
        expect_zeroes(&arena, size);
        loam_arena_clear(&arena);
        ptr = (char *)loam_arena_push(&arena, size);
        memset(ptr, 0xff, size);
        EXPECT(loam_arena_undo(&arena, ptr, size));
        expect_zeroes(&arena, size);
        loam_arena_clear(&arena);
        ptr = (char *)loam_arena_push(&arena, size);
        memset(ptr, 0xff, size);
        if (loam_arena_resize(&arena, ptr, size, size * 2)) {
            memset(ptr + size, 0xff, size);
            EXPECT(loam_arena_resize(&arena, ptr, size * 2, 1));
        }
        expect_zeroes(&arena, size);
        loam_arena_clear(&arena);
    }
    loam_arena_deinit(&arena);
}

/* After the newest block shrank, went, or grew and shrank. */
TEST(zero_after_resize_and_undo, fast)
{
    for_each_backing(zero_after_shrinking);
}

static void zero_in_next_arena(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);

    for (size_t round = 0; round < 8; round++) {
        loam_arena *arena = loam_arena_create(&config);

        EXPECT(arena != NULL);
        expect_zeroes(arena, round * 300000 + 100);
        dirty(arena, 10000);
        EXPECT_GOOD(arena);
        loam_arena_destroy(arena);
    }
}

/* What one arena leaves behind, the next one on the same memory does not see: reservations are used
 * again. */
TEST(zero_in_the_next_arena, fast)
{
    for_each_backing(zero_in_next_arena);
}

/* At the edge between used and fresh memory: each offset before it, each size over it. The sizes of
 * the inline push are known to the compiler, so there is a line for each kind. */
TEST(zero_over_the_edge, fast)
{
    loam_arena_config config = {
        .backing = LOAM_ARENA_RESERVE, .reserve = MIB, .auto_align = 1, .retention = 1};
    loam_arena arena;
    char *ptr;

    begin_arena(&arena, &config);
    for (size_t edge = 1; edge < 200; edge += 3) {
        for (size_t before = 1; before <= edge && before < 80; before++) {
            for (int kind = 0; kind < 7; kind++) {
                size_t size = 0;

                loam_arena_clear(&arena);
                memset(loam_arena_push_no_zero(&arena, edge), 0xff, edge);
                loam_arena_clear(&arena);
                EXPECT(loam_arena_push_no_zero(&arena, edge - before) != NULL || edge == before);
                switch (kind) {
                case 0:
                    ptr = (char *)loam_arena_push(&arena, 1), size = 1;
                    break;
                case 1:
                    ptr = (char *)loam_arena_push(&arena, 16), size = 16;
                    break;
                case 2:
                    ptr = (char *)loam_arena_push(&arena, 64), size = 64;
                    break;
                case 3:
                    ptr = (char *)loam_arena_push(&arena, 65), size = 65;
                    break;
                case 4:
                    ptr = (char *)loam_arena_push(&arena, 100000), size = 100000;
                    break;
                case 5:
                    size = before + 1, ptr = (char *)loam_arena_push(&arena, hidden(size));
                    break;
                default:
                    size = 3, ptr = (char *)loam_arena_push_aligned(&arena, 3, 4);
                    break;
                }
                EXPECT(ptr != NULL && all_zero(ptr, size));
                EXPECT_GOOD(&arena);
            }
        }
    }
    loam_arena_deinit(&arena);
}

/* ---- fresh memory ---- */

/* How much memory a zeroed push makes resident, where the memory below it was used up to `used`. */
static size_t touched_by_push(loam_arena *arena, size_t size, size_t *faults)
{
    size_t before = fault_count();
    char *ptr = (char *)loam_arena_push(arena, size);

    EXPECT(ptr != NULL);
    *faults = fault_count() - before;
    return resident_bytes(ptr, size);
}

static void require_figures(void)
{
    if (!figures_are_ours())
        TEST_SKIP("a tool watches, and has figures of its own");
    if ((loam_vm_capabilities() & LOAM_VM_FREE_COMMIT) == 0)
        TEST_SKIP("memory is charged when it is committed");
}

/* 1 GiB of zeroes on a fresh reservation touches nothing: not a page is resident, and there is no
 * page fault but for the program's own. */
TEST(fresh_pages_are_not_touched, fast)
{
    loam_arena_config config = {.backing = LOAM_ARENA_RESERVE};
    size_t faults;

    if (sizeof(void *) < 8)
        TEST_SKIP("assumes the address space of a 64-bit process");
    require_figures();
    for (int i = 0; i < 4; i++) {
        loam_arena *arena;

        config.page_size = i % 2 ? loam_vm_huge_page_size() : 0;
        config.auto_align = i / 2 ? 4096 : 0;
        (void)loam_vm_trim();
        arena = loam_arena_create(&config);
        EXPECT(arena != NULL);
        EXPECT(loam_arena_push(arena, loam_vm_page_size() - loam_arena_pos(arena)) != NULL);
        EXPECT(loam_arena_align(arena, 4 * MIB));
        EXPECT_EQ(touched_by_push(arena, GIB, &faults), 0);
        EXPECT_LE(faults, 8);
        EXPECT_EQ(touched_by_push(arena, GIB, &faults), 0);
        EXPECT_LE(faults, 8);
        EXPECT_GOOD(arena);
        loam_arena_destroy(arena);
    }
}

/* The same for blocks that are fresh mappings, the first one of a created chain too. */
TEST(fresh_blocks_are_not_touched, fast)
{
    loam_arena_config config = {
        .backing = LOAM_ARENA_CHAIN, .source = loam_vm_allocator(), .block_size = 64 * MIB};
    size_t page = loam_vm_page_size();
    loam_arena *arena;
    loam_arena storage;
    size_t faults;

    require_figures();
    (void)loam_vm_trim();
    arena = loam_arena_create(&config);
    EXPECT(arena != NULL);
    EXPECT_LE(touched_by_push(arena, 50 * MIB, &faults), page);
    EXPECT_LE(faults, 8);
    EXPECT_LE(touched_by_push(arena, 50 * MIB, &faults), page);
    EXPECT_LE(faults, 8);
    loam_arena_destroy(arena);

    (void)loam_vm_trim();
    begin_arena(&storage, &config);
    EXPECT_LE(touched_by_push(&storage, 50 * MIB, &faults), page);
    EXPECT_LE(faults, 8);
    loam_arena_deinit(&storage);

    (void)loam_vm_trim();
    config.backing = LOAM_ARENA_RESERVE_CHAIN;
    config.reserve = MIB;
    begin_arena(&storage, &config);
    EXPECT_LE(touched_by_push(&storage, 50 * MIB, &faults), page);
    EXPECT_LE(faults, 8);
    loam_arena_deinit(&storage);
}

/* Above memory that was used, only that is cleared: the rest of a zeroed push stays untouched. And
 * what was given back is fresh again. */
TEST(only_used_pages_are_cleared, fast)
{
    loam_arena_config config = {.backing = LOAM_ARENA_RESERVE, .retention = LOAM_ARENA_KEEP_ALL};
    loam_arena arena;
    char *ptr;
    size_t faults;

    require_figures();
    (void)loam_vm_trim();
    begin_arena(&arena, &config);
    ptr = (char *)loam_arena_push_no_zero(&arena, MIB);
    memset(ptr, 0xff, MIB);
    loam_arena_clear(&arena);
    EXPECT_EQ(touched_by_push(&arena, 7 * MIB, &faults), MIB);
    EXPECT(all_zero(ptr, 7 * MIB));
    loam_arena_deinit(&arena);

    (void)loam_vm_trim();
    config.retention = LOAM_ARENA_GIVE_BACK;
    begin_arena(&arena, &config);
    ptr = (char *)loam_arena_push_no_zero(&arena, MIB);
    memset(ptr, 0xff, MIB);
    loam_arena_clear(&arena);
    EXPECT_LE(touched_by_push(&arena, 7 * MIB, &faults), 64 * KIB);
    EXPECT(all_zero(ptr, 7 * MIB));
    loam_arena_deinit(&arena);
}

/* A push that is not zeroed touches nothing either. */
TEST(raw_pushes_touch_nothing, fast)
{
    loam_arena_config config = {.backing = LOAM_ARENA_RESERVE};
    loam_arena arena;
    char *ptr;

    if (sizeof(void *) < 8)
        TEST_SKIP("assumes the address space of a 64-bit process");
    require_figures();
    (void)loam_vm_trim();
    EXPECT(loam_arena_init(&arena, &config)); /* and no check, which reads a page */
    ptr = (char *)loam_arena_push_no_zero(&arena, GIB);
    EXPECT(ptr != NULL);
    EXPECT_EQ(resident_bytes(ptr, GIB), 0);
    loam_arena_deinit(&arena);
}

TEST_MAIN
