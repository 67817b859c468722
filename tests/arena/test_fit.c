/* test_fit.c: where memory ends: buffers, reservations, blocks of a chain and limits, each filled to
 * its last byte and not a byte further. */
#include "arena_support.h"

#include "support/toy_bump.h"

#include <loam/adapters.h>

#include <string.h>

/* ---- a fixed buffer ---- */

enum { CANARY = 0x5a, ROOM = 700, EDGE = 64 };

/* A buffer with canaries around it. */
static char *fresh_buffer(size_t offset)
{
    static _Alignas(64) char memory[EDGE + 64 + ROOM + EDGE];

    memset(memory, CANARY, sizeof memory);
    return memory + EDGE + offset;
}

static void expect_canaries(const char *buffer, size_t size)
{
    for (size_t i = 1; i <= EDGE; i++)
        EXPECT(buffer[-(ptrdiff_t)i] == CANARY);
    for (size_t i = 0; i < EDGE; i++)
        EXPECT(buffer[size + i] == CANARY);
}

/* How many pushes of `size` at `align` a buffer holds, counted by hand. */
static size_t count_by_hand(const char *buffer, size_t buffer_size, size_t size, size_t align)
{
    uintptr_t at = ((uintptr_t)buffer + align - 1) & ~(uintptr_t)(align - 1);
    uintptr_t end = (uintptr_t)buffer + buffer_size;
    size_t count = 0;

    for (; at < end && size <= end - at; count++)
        at = (at + size + align - 1) & ~(uintptr_t)(align - 1);
    return count;
}

static void fill_buffer(char *buffer, size_t buffer_size, size_t size, size_t align)
{
    loam_arena_config config = {.backing = LOAM_ARENA_FIXED,
                                .buffer = buffer,
                                .buffer_size = buffer_size,
                                .auto_align = align};
    size_t count = count_by_hand(buffer, buffer_size, size, align);
    loam_arena arena;
    arena_state before;

    begin_arena(&arena, &config);
    for (size_t i = 0; i < count; i++) {
        char *ptr =
            (char *)(i % 2 ? loam_arena_push(&arena, size) : loam_arena_push_no_zero(&arena, size));

        EXPECT(ptr != NULL && is_aligned(ptr, align));
        EXPECT(ptr >= buffer && ptr + size <= buffer + buffer_size);
        EXPECT(i % 2 == 0 || all_zero(ptr, size));
        memset(ptr, (int)i, size);
    }
    before = state_of(&arena);
    EXPECT_PTR(loam_arena_push(&arena, size), NULL);
    EXPECT_PTR(loam_arena_push_no_zero(&arena, size), NULL);
    EXPECT_PTR(loam_arena_push_aligned(&arena, size, align), NULL);
    EXPECT_UNCHANGED(&arena, &before, 3);
    loam_arena_deinit(&arena);
    expect_canaries(buffer, buffer_size);
}

/* For buffers of all sizes, starts and alignments: as many pushes as by hand, then NULL with nothing
 * changed, and no byte outside is touched. */
TEST(buffers_to_the_last_byte, fast)
{
    for (size_t align = 1; align <= 64; align *= 2) {
        for (size_t offset = 0; offset < 17; offset++) {
            for (size_t size = 1; size <= 70; size += 1 + size / 8) {
                for (size_t buffer_size = 1; buffer_size < 300;
                     buffer_size += 1 + buffer_size / 9) {
                    char *buffer = fresh_buffer(offset);
                    uintptr_t start = ((uintptr_t)buffer + align - 1) & ~(uintptr_t)(align - 1);

                    if (start >= (uintptr_t)buffer + buffer_size)
                        continue;
                    test_note("align %zu, offset %zu, size %zu, buffer of %zu", align, offset, size,
                              buffer_size);
                    fill_buffer(buffer, buffer_size, size, align);
                }
            }
        }
    }
}

/* Pushes of growing sizes at alignment 1 take each byte once. */
TEST(growing_sizes_fill_a_buffer, fast)
{
    for (size_t buffer_size = 1; buffer_size <= ROOM; buffer_size++) {
        char *buffer = fresh_buffer(buffer_size % 5);
        loam_arena_config config = {.backing = LOAM_ARENA_FIXED,
                                    .buffer = buffer,
                                    .buffer_size = buffer_size,
                                    .auto_align = 1};
        size_t left = buffer_size;
        loam_arena arena;

        begin_arena(&arena, &config);
        for (size_t size = 1; left > 0; size++) {
            size_t part = size < left ? size : left;
            char *ptr;

            EXPECT_PTR(loam_arena_push(&arena, left + 1), NULL);
            ptr = (char *)loam_arena_push(&arena, part);
            EXPECT_PTR(ptr, buffer + (buffer_size - left));
            memset(ptr, 0, part);
            left -= part;
        }
        EXPECT_EQ(loam_arena_pos(&arena), buffer_size);
        EXPECT_EQ(stats_of(&arena).committed, buffer_size);
        EXPECT_PTR(loam_arena_push(&arena, 1), NULL);
        loam_arena_deinit(&arena);
        expect_canaries(buffer, buffer_size);
        EXPECT(all_zero(buffer, buffer_size));
    }
}

/* Init needs one aligned byte, and create that behind the arena itself; both say so exactly, and
 * create leaves a buffer alone that is too small. */
TEST(smallest_buffers, fast)
{
    for (size_t align = 1; align <= 64; align *= 2) {
        for (size_t offset = 0; offset < 64; offset++) {
            for (size_t size = 0; size < ROOM; size++) {
                char *buffer = fresh_buffer(offset);
                loam_arena_config config = {.backing = LOAM_ARENA_FIXED,
                                            .buffer = buffer,
                                            .buffer_size = size,
                                            .auto_align = align};
                size_t before = (size_t)(-(uintptr_t)buffer & (_Alignof(loam_arena) - 1));
                size_t taken = before + sizeof(loam_arena);
                size_t padding = (size_t)(-(uintptr_t)buffer & (align - 1));
                size_t behind = (size_t)(-((uintptr_t)buffer + taken) & (align - 1));
                loam_arena *created;
                loam_arena arena;

                test_note("align %zu, offset %zu, buffer of %zu", align, offset, size);
                EXPECT_EQ(loam_arena_init(&arena, &config), size > padding);
                if (size > padding)
                    loam_arena_deinit(&arena);
                created = loam_arena_create(&config);
                EXPECT_EQ(created != NULL, size > taken + behind);
                if (created) {
                    EXPECT_GOOD(created);
                    EXPECT(loam_arena_push(created, size - taken - behind) != NULL);
                    EXPECT_PTR(loam_arena_push(created, 1), NULL);
                    loam_arena_destroy(created);
                } else {
                    EXPECT(buffer[0] == CANARY && memcmp(buffer, buffer + 1, ROOM - 1) == 0);
                }
                expect_canaries(buffer, size);
                if (created)
                    size += 40;
            }
        }
    }
}

/* ---- a reservation ---- */

/* Fills to the last byte of address space, whatever steps it was committed in; then NULL. */
static void fill_reservation(size_t reserve, size_t page_size, size_t push, bool created)
{
    loam_arena_config config = {
        .backing = LOAM_ARENA_RESERVE, .reserve = reserve, .page_size = page_size, .auto_align = 1};
    loam_arena storage;
    loam_arena *arena = created ? loam_arena_create(&config) : &storage;
    arena_state before;

    test_note("reservation of %zu, pages of %zu, pushes of %zu", reserve, page_size, push);
    if (!created)
        begin_arena(arena, &config);
    EXPECT(arena != NULL);
    EXPECT_LE(reserve, stats_of(arena).reserved);
    while (room_of(arena) > push) {
        char *ptr = (char *)loam_arena_push(arena, push);

        EXPECT(ptr != NULL);
        ptr[0] = ptr[push - 1] = 1;
    }
    before = state_of(arena);
    EXPECT_PTR(loam_arena_push(arena, room_of(arena) + 1), NULL);
    EXPECT_UNCHANGED(arena, &before, 1);
    while (room_of(arena) > 0) {
        char *ptr = (char *)loam_arena_push(arena, 1);

        EXPECT(ptr != NULL && *ptr == 0);
        *ptr = 1;
    }
    before = state_of(arena);
    EXPECT_EQ(before.stats.committed, before.stats.reserved);
    EXPECT_EQ(before.stats.live + before.stats.metadata, before.stats.reserved);
    EXPECT_PTR(loam_arena_push(arena, 1), NULL);
    EXPECT_UNCHANGED(arena, &before, 1);
    if (created)
        loam_arena_destroy(arena);
    else
        loam_arena_deinit(arena);
}

TEST(reservations_to_the_last_byte, fast)
{
    static const size_t reserves[] = {1, 4096, 4097, 65536, 65537, 1 << 20, (1 << 20) + 1, 5 << 20};
    size_t huge = loam_vm_huge_page_size() ? loam_vm_huge_page_size() : 2 * MIB;

    for (size_t i = 0; i < sizeof reserves / sizeof *reserves; i++) {
        for (int created = 0; created < 2; created++) {
            fill_reservation(reserves[i], 0, 1000, created);
            fill_reservation(reserves[i], 1, 4096, created);
            fill_reservation(reserves[i], 16 * KIB, 65536, created);
            fill_reservation(reserves[i], 64 * KIB, 16384, created);
            fill_reservation(reserves[i], huge, 100000, created);
        }
    }
}

/* The start of a reservation is of use at every alignment, however small it is: init never fails for
 * that, and create does only where the arena itself leaves no room. */
TEST(small_reservations_at_every_alignment, fast)
{
    for (size_t align = 1; align <= 64 * KIB; align *= 2) {
        for (size_t reserve = 1; reserve <= 128 * KIB; reserve *= 2) {
            loam_arena_config config = {
                .backing = LOAM_ARENA_RESERVE, .reserve = reserve, .auto_align = align};
            size_t page = loam_vm_reserve_granularity();
            size_t whole = (reserve + page - 1) / page * page;
            loam_arena *created;
            loam_arena arena;

            test_note("alignment %zu, reservation of %zu", align, reserve);
            begin_arena(&arena, &config);
            EXPECT_EQ(room_of(&arena), whole);
            EXPECT(is_aligned(loam_arena_push(&arena, whole), align));
            EXPECT_PTR(loam_arena_push(&arena, 1), NULL);
            loam_arena_deinit(&arena);
            created = loam_arena_create(&config);
            if (align < whole)
                EXPECT(created != NULL && is_aligned(loam_arena_push(created, 1), align));
            loam_arena_destroy(created);
        }
    }
}

/* ---- a chain ---- */

/* A block is used to its last byte before the next one is opened, and one that is asked for exactly
 * is as big as that. */
TEST(blocks_to_the_last_byte, fast)
{
    loam_arena_config config = {.backing = LOAM_ARENA_CHAIN, .auto_align = 1, .block_size = 1000};
    loam_arena arena;
    size_t position = 0;

    begin_arena(&arena, &config);
    for (size_t i = 0; i < 40; i++) {
        size_t blocks = stats_of(&arena).blocks;
        size_t room;

        EXPECT(loam_arena_push(&arena, 1) != NULL);
        EXPECT_EQ(stats_of(&arena).blocks, blocks + 1);
        room = room_of(&arena);
        EXPECT(room > 0);
        EXPECT(loam_arena_push(&arena, room) != NULL);
        EXPECT_EQ(stats_of(&arena).blocks, blocks + 1);
        EXPECT_EQ(room_of(&arena), 0);
        EXPECT_EQ(stats_of(&arena).lost, 0);
        position += 1 + room;
        EXPECT_EQ(loam_arena_pos(&arena), position);
        EXPECT_GOOD(&arena);
    }
    loam_arena_deinit(&arena);
}

/* One byte more than the newest block has left opens another one, which begins at the position at
 * which the last one was left; what it had left is told as lost. */
TEST(one_byte_more_opens_a_block, fast)
{
    loam_arena_config config = {.backing = LOAM_ARENA_CHAIN, .auto_align = 1, .block_size = 1000};
    loam_arena arena;
    size_t left, position;

    begin_arena(&arena, &config);
    EXPECT(loam_arena_push(&arena, 100) != NULL);
    left = room_of(&arena);
    position = loam_arena_pos(&arena);
    EXPECT(loam_arena_push(&arena, left + 1) != NULL);
    EXPECT_EQ(stats_of(&arena).blocks, 2);
    EXPECT_EQ(stats_of(&arena).lost, left);
    EXPECT_EQ(loam_arena_pos(&arena), position + left + 1);
    EXPECT_GOOD(&arena);
    loam_arena_deinit(&arena);
}

/* Blocks double from the given size to 4 MiB, or stay at a bigger size; one that must hold more is
 * as big as that, and spare ones that are used again double nothing. */
TEST(blocks_double, fast)
{
    loam_counting counting;
    loam_arena_config config = {.backing = LOAM_ARENA_CHAIN, .block_size = 4096};
    size_t expected = 4096, held = 0;
    loam_arena arena;

    loam_counting_init(&counting, loam_libc_allocator());
    config.source = loam_counting_allocator(&counting);
    begin_arena(&arena, &config);
    for (size_t i = 0; i < 16; i++) {
        EXPECT(loam_arena_push(&arena, room_of(&arena) + 1) != NULL);
        EXPECT_EQ(counting.live - held, expected);
        held = counting.live;
        EXPECT_EQ(stats_of(&arena).committed, held);
        expected = expected < 4 * MIB ? expected * 2 : 4 * MIB;
    }
    EXPECT(loam_arena_push(&arena, 10 * MIB) != NULL);
    EXPECT_LE(counting.live - held, 10 * MIB + 256);
    loam_arena_deinit(&arena);
    EXPECT_EQ(counting.live, 0);

    config.retention = LOAM_ARENA_KEEP_ALL;
    begin_arena(&arena, &config);
    for (size_t i = 0; i < 20; i++) {
        EXPECT(loam_arena_push(&arena, 100) != NULL);
        loam_arena_clear(&arena);
    }
    EXPECT_EQ(counting.live, 4096);
    EXPECT(loam_arena_push(&arena, 8000) != NULL);
    EXPECT_EQ(counting.live, 4096 + 8192);
    loam_arena_deinit(&arena);

    config.block_size = 6 * MIB;
    begin_arena(&arena, &config);
    for (size_t i = 1; i < 4; i++) {
        EXPECT(loam_arena_push(&arena, room_of(&arena) + 1) != NULL);
        EXPECT_EQ(counting.live, i * 6 * MIB);
    }
    loam_arena_deinit(&arena);
}

/* A created chain lies in its first block, which has the size that was asked for; the next one is
 * twice as big. A size that is refused is only a hint. */
TEST(created_chain_lies_in_its_first_block, fast)
{
    loam_counting counting;
    loam_arena_config config = {.backing = LOAM_ARENA_CHAIN, .block_size = 4096};
    loam_arena *arena;

    loam_counting_init(&counting, loam_libc_allocator());
    config.source = loam_counting_allocator(&counting);
    arena = loam_arena_create(&config);
    EXPECT(arena != NULL);
    EXPECT_EQ(counting.live, 4096);
    EXPECT(loam_arena_push(arena, 3000) != NULL);
    EXPECT_EQ(counting.live, 4096);
    EXPECT(loam_arena_push(arena, 3000) != NULL);
    EXPECT_EQ(counting.live, 4096 + 8192);
    EXPECT_GOOD(arena);
    loam_arena_destroy(arena);
    EXPECT_EQ(counting.live, 0);

    for (size_t align = 1; align <= 64 * KIB; align *= 2) {
        config.block_size = align == 1 ? (size_t)PTRDIFF_MAX : align == 2 ? SIZE_MAX : 1;
        config.auto_align = align;
        arena = loam_arena_create(&config);
        EXPECT(arena != NULL);
        EXPECT_GOOD(arena);
        EXPECT(is_aligned(loam_arena_push(arena, 1), align));
        EXPECT(is_aligned(loam_arena_push(arena, 100000), align));
        loam_arena_destroy(arena);
        EXPECT_EQ(counting.live, 0);
    }
}

/* ---- limits ---- */

static const size_t limits[] = {1,    2,    15,   16,    17,    100,   1000,    4095,   4096,
                                4097, 5000, 9999, 65535, 65536, 65537, 1048575, 1048577};

enum { LIMITS = sizeof limits / sizeof *limits };

/* Pushes up to the limit, single bytes at the end, and looks that not one more is to be had. */
static void fill_to_limit(loam_arena *arena, size_t limit)
{
    arena_state before;

    while (loam_arena_pos(arena) + 600 < limit)
        EXPECT(loam_arena_push(arena, 500) != NULL);
    while (loam_arena_pos(arena) < limit) {
        size_t left = limit - loam_arena_pos(arena);

        before = state_of(arena);
        EXPECT_PTR(loam_arena_push(arena, left + 1), NULL);
        EXPECT(!loam_arena_prepare(arena, left + 1, 1));
        EXPECT_UNCHANGED(arena, &before, 1);
        EXPECT(loam_arena_prepare(arena, left, 1));
        EXPECT(loam_arena_push(arena, 1) != NULL);
    }
    EXPECT_EQ(loam_arena_pos(arena), limit);
    before = state_of(arena);
    EXPECT_PTR(loam_arena_push(arena, 1), NULL);
    EXPECT_PTR(loam_arena_push_no_zero(arena, hidden(1)), NULL);
    EXPECT_PTR(loam_arena_push_aligned(arena, 1, 4096), NULL);
    EXPECT_PTR(loam_arena_push_text(arena, "", 0), NULL);
    EXPECT_UNCHANGED(arena, &before, 4);
    EXPECT(loam_arena_push(arena, hidden(0)) != NULL);
}

static void keep_limits(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;

    config.auto_align = 1;
    for (size_t i = 0; i < LIMITS; i++) {
        test_note("backing %s, limit %zu", backing_name(backing), limits[i]);
        config.limit = limits[i];
        begin_arena(&arena, &config);
        fill_to_limit(&arena, limits[i]);
        loam_arena_pop_to(&arena, limits[i] / 2);
        fill_to_limit(&arena, limits[i]);
        loam_arena_clear(&arena);
        fill_to_limit(&arena, limits[i]);
        loam_arena_deinit(&arena);
    }
}

/* A limit is exact to the byte, in each backing, and after going back. */
TEST(limits_to_the_byte, fast)
{
    for_each_backing(keep_limits);
}

static void change_limit(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;
    arena_state before;

    config.auto_align = 1;
    begin_arena(&arena, &config);
    for (size_t i = 0; i < LIMITS; i++) { /* up */
        loam_arena_set_limit(&arena, limits[i]);
        EXPECT_GOOD(&arena);
        fill_to_limit(&arena, limits[i]);
    }
    for (size_t i = LIMITS - 1; i-- > 0;) { /* down, below the position */
        loam_arena_set_limit(&arena, limits[i]);
        before = state_of(&arena);
        EXPECT_PTR(loam_arena_push(&arena, 1), NULL);
        EXPECT_PTR(loam_arena_push(&arena, 100000), NULL);
        EXPECT(!loam_arena_prepare(&arena, 1, 1));
        EXPECT_UNCHANGED(&arena, &before, 2);
        loam_arena_pop_to(&arena, limits[i] + 1);
        EXPECT_PTR(loam_arena_push(&arena, 1), NULL);
        loam_arena_pop_to(&arena, limits[i] - 1);
        EXPECT(loam_arena_push(&arena, 1) != NULL);
        EXPECT_PTR(loam_arena_push(&arena, 1), NULL);
        EXPECT_GOOD(&arena);
    }
    loam_arena_set_limit(&arena, 0);
    EXPECT(loam_arena_push(&arena, 3 * MIB) != NULL);
    loam_arena_deinit(&arena);
}

/* A limit may be raised, lowered below the position, which refuses every push until a pop, and
 * taken away. */
TEST(limit_changes, fast)
{
    for_each_backing(change_limit);
}

static void lower_before_rewind(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;
    loam_arena_mark mark;

    config.auto_align = 8;
    begin_arena(&arena, &config);
    EXPECT(loam_arena_push(&arena, 8) != NULL);
    mark = loam_arena_get_mark(&arena);
    EXPECT(loam_arena_push(&arena, 64) != NULL);
    loam_arena_set_limit(&arena, 20);
    loam_arena_rewind(&arena, mark);
    EXPECT_GOOD(&arena);
    EXPECT(loam_arena_push(&arena, 8) != NULL);
    EXPECT_PTR(loam_arena_push(&arena, 5), NULL);
    EXPECT(loam_arena_push(&arena, 4) != NULL);
    EXPECT_PTR(loam_arena_push(&arena, 1), NULL);
    EXPECT_EQ(loam_arena_pos(&arena), 20);
    EXPECT_GOOD(&arena);
    loam_arena_deinit(&arena);
}

/* The same by a rewind; and a limit that is no multiple of the alignment leaves a rest that a small
 * push still gets. */
TEST(limit_below_the_position_and_a_rewind, fast)
{
    for_each_backing(lower_before_rewind);
}

/* Padding counts. A block that would need padding beyond the limit is not opened: nothing is lost,
 * and the newest block can still be undone. Blocks lie just behind an address that has every
 * alignment, so that the padding is almost as big as each of them. */
TEST(limit_counts_padding, fast)
{
    loam_arena_config config = {
        .backing = LOAM_ARENA_CHAIN, .block_size = 1000, .limit = 3000, .auto_align = 1};
    char *aligned = (char *)(((uintptr_t)buffer_for_tests() + MIB - 1) & ~(uintptr_t)(MIB - 1));
    loam_arena arena;
    arena_state before;
    size_t failures = 0;
    toy_bump bump;
    char *newest;

    toy_bump_init(&bump, aligned + 16, 4 * MIB - 16);
    config.source = toy_bump_allocator(&bump);
    begin_arena(&arena, &config);
    newest = (char *)loam_arena_push(&arena, 10);
    before = state_of(&arena);
    for (size_t align = 8 * KIB; align <= MIB; align *= 2, failures += 3) {
        EXPECT_PTR(loam_arena_push_aligned(&arena, 10, align), NULL);
        EXPECT_PTR(loam_arena_push_aligned(&arena, 1, align), NULL);
        EXPECT(!loam_arena_prepare(&arena, 10, align));
        EXPECT(!loam_arena_align(&arena, align));
        EXPECT_UNCHANGED(&arena, &before, failures + 3);
    }
    EXPECT(loam_arena_resize(&arena, newest, 10, 20));
    EXPECT(loam_arena_undo(&arena, newest, 20));
    EXPECT_EQ(loam_arena_pos(&arena), 0);
    loam_arena_deinit(&arena);
}

TEST_MAIN
