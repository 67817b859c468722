/* test_reserve.c: how arenas begin: which configurations are refused, what a reservation gets where
 * address space or memory is short, and that ended arenas leave nothing behind. */
#define _GNU_SOURCE
#include "arena_support.h"

#include "internal/vm_backend.h"
#include "support/fail_vm.h"
#include "vm/memory.h"

#include <loam/adapters.h>

#include <string.h>

/* ---- configurations ---- */

static void expect_config(loam_arena_config config, bool good)
{
    loam_arena arena;
    loam_arena *created;

    EXPECT_EQ(loam_arena_init(&arena, &config), good);
    if (good) {
        EXPECT_GOOD(&arena);
        EXPECT(loam_arena_push(&arena, 1) != NULL);
        loam_arena_deinit(&arena);
    }
    created = loam_arena_create(&config);
    EXPECT_EQ(created != NULL, good);
    if (good)
        EXPECT_GOOD(created);
    loam_arena_destroy(created);
}

static void try_configs(loam_arena_backing backing)
{
    size_t huge = loam_vm_huge_page_size() ? loam_vm_huge_page_size() : 2 * MIB;
    loam_arena_config config = config_of(backing);

    for (size_t align = 0; align <= 128 * KIB; align += align < 70 ? 1 : 4093 + align % 3) {
        bool power = (align & (align - 1)) == 0;

        config.auto_align = align;
        expect_config(config, power && align <= 64 * KIB);
    }
    config.auto_align = 64 * KIB;
    expect_config(config, true);
    config.auto_align = 128 * KIB;
    expect_config(config, false);
    config.auto_align = SIZE_MAX;
    expect_config(config, false);
    config.auto_align = 0;
    for (size_t page = 1; page <= 2 * huge; page *= 2) {
        config.page_size = page;
        expect_config(config, page <= huge);
        config.page_size = page + (page > 2);
        expect_config(config, page <= 2);
    }
    config.page_size = 0;
    config.retention = (loam_arena_retention)(LOAM_ARENA_GIVE_BACK + 1);
    expect_config(config, false);
    config.retention = LOAM_ARENA_KEEP_BYTES;
    config.keep = SIZE_MAX;
    expect_config(config, true);
    config.limit = SIZE_MAX;
    expect_config(config, true);
    config.backing = (loam_arena_backing)(LOAM_ARENA_FIXED + 1);
    expect_config(config, false);
}

/* Alignments and pages out of range are refused, the last ones within it are not; on each backing,
 * by init and by create. */
TEST(ranges_of_a_configuration, fast)
{
    for_each_backing(try_configs);
    expect_config((loam_arena_config){.backing = LOAM_ARENA_FIXED}, false);
    expect_config((loam_arena_config){.backing = LOAM_ARENA_FIXED, .buffer_size = 1000}, false);
    expect_config((loam_arena_config){.backing = LOAM_ARENA_FIXED, .buffer = buffer_for_tests()},
                  false);
}

/* All zero is a good arena, and no configuration is the same. */
TEST(defaults, fast)
{
    loam_arena_config config;
    loam_arena *a = loam_arena_create(NULL);
    loam_arena *b;

    if (sizeof(void *) < 8)
        TEST_SKIP("assumes the address space of a 64-bit process");
    memset(&config, 0, sizeof config);
    b = loam_arena_create(&config);
    EXPECT(a && b);
    for (int i = 0; i < 2; i++) {
        loam_arena *arena = i ? a : b;

        EXPECT_EQ(arena->backing, LOAM_ARENA_RESERVE_CHAIN);
        EXPECT(is_aligned(loam_arena_push(arena, 1), LOAM_MAX_ALIGN));
        EXPECT_EQ(stats_of(arena).reserved, stats_of(b).reserved);
        EXPECT(loam_arena_push(arena, 100 * MIB) != NULL);
        EXPECT(loam_allocator_same(arena->source, loam_vm_allocator()));
    }
    loam_arena_destroy(a);
    loam_arena_destroy(b);
    loam_arena_destroy(NULL);
}

/* A page size below the system's counts as that; memory is committed in whole pages of the arena. */
TEST(page_sizes, fast)
{
    size_t huge = loam_vm_huge_page_size() ? loam_vm_huge_page_size() : 2 * MIB;

    for (size_t page = 1; page <= huge; page *= 2) {
        size_t unit = page < loam_vm_page_size() ? loam_vm_page_size() : page;
        loam_arena_config config = {
            .backing = LOAM_ARENA_RESERVE, .reserve = 16 * MIB, .page_size = page};
        loam_arena arena;

        begin_arena(&arena, &config);
        EXPECT_EQ(arena.page_size, unit);
        EXPECT(is_aligned(arena.reservation_base, unit));
        for (size_t size = 1; loam_arena_push(&arena, size) != NULL; size = size * 2 + 100) {
            EXPECT_EQ(stats_of(&arena).committed % unit, 0);
            EXPECT_GOOD(&arena);
        }
        loam_arena_deinit(&arena);
    }
}

/* ---- when address space is short ---- */

/* A system that has no hole bigger than `hole`, and commits no more than `commit` bytes at once. */
static const loam_vm_backend *system_below;
static loam_vm_backend short_system;
static size_t hole, commit, reservations;

static void *reserve_up_to_hole(size_t size, size_t align)
{
    void *ptr = size > hole ? NULL : system_below->reserve(size, align);

    reservations += ptr != NULL;
    return ptr;
}

static bool commit_little(void *ptr, size_t size)
{
    return size <= commit && system_below->commit(ptr, size);
}

static void begin_short_system(void)
{
    (void)loam_vm_trim();
    hole = commit = SIZE_MAX;
    reservations = 0;
    short_system = loam_vm_native;
    short_system.reserve = reserve_up_to_hole;
    short_system.commit = commit_little;
    system_below = loam_vm_replace_backend(&short_system);
}

static void end_short_system(void)
{
    (void)loam_vm_trim();
    (void)loam_vm_replace_backend(system_below);
}

/* A reservation climbs down by halves to what there is, and that can be used to its last byte; not
 * below 1 MiB, and not at all where no more than that was asked for. */
TEST(reservations_climb_down, fast)
{
    loam_arena_config config = {.backing = LOAM_ARENA_RESERVE, .reserve = 256 * MIB};
    loam_arena arena;

    begin_short_system();
    for (hole = 300 * MIB; hole >= MIB; hole /= 3) {
        size_t expected = 256 * MIB;

        while (expected > hole)
            expected = expected / 2 > MIB ? expected / 2 : MIB;
        (void)loam_vm_trim();
        begin_arena(&arena, &config);
        EXPECT_EQ(stats_of(&arena).reserved, expected);
        EXPECT(loam_arena_push(&arena, expected) != NULL);
        EXPECT_PTR(loam_arena_push(&arena, 1), NULL);
        loam_arena_deinit(&arena);
    }
    hole = MIB - 1;
    (void)loam_vm_trim();
    EXPECT(!loam_arena_init(&arena, &config));
    EXPECT_PTR(loam_arena_create(&config), NULL);
    hole = 256 * KIB;
    config.reserve = 512 * KIB;
    EXPECT(!loam_arena_init(&arena, &config));
    config.reserve = 256 * KIB;
    begin_arena(&arena, &config);
    EXPECT_EQ(stats_of(&arena).reserved, 256 * KIB);
    loam_arena_deinit(&arena);
    end_short_system();
}

/* Without any address space, the default backing begins as a chain, on the caller's storage and in
 * a block of its own. */
TEST(chain_without_a_reservation, fast)
{
    loam_arena_config config = {.source = loam_libc_allocator(), .block_size = 10000};
    loam_arena arena;
    loam_arena *created;

    begin_short_system();
    hole = 0;
    begin_arena(&arena, &config);
    created = loam_arena_create(&config);
    EXPECT(created != NULL);
    for (size_t i = 0; i < 100; i++) {
        EXPECT(loam_arena_push(&arena, i * 100 + 1) != NULL);
        EXPECT(loam_arena_push(created, i * 100 + 1) != NULL);
    }
    EXPECT_GOOD(&arena);
    EXPECT_GOOD(created);
    EXPECT_EQ(arena.reservation, 0);
    EXPECT_EQ(reservations, 0);
    loam_arena_destroy(created);
    loam_arena_deinit(&arena);
    end_short_system();
}

/* An arena that had to climb down leaves a small reservation. It is used again while there is no
 * bigger one to be had, without a further one being made; and not any more when there is. */
TEST(small_reservations_do_not_stay, fast)
{
    loam_arena_config config = {.backing = LOAM_ARENA_RESERVE, .reserve = 256 * MIB};
    loam_arena *arena;

    begin_short_system();
    hole = 4 * MIB;
    for (int i = 0; i < 100; i++) {
        arena = loam_arena_create(&config);
        EXPECT(arena != NULL);
        EXPECT_EQ(stats_of(arena).reserved, 4 * MIB);
        loam_arena_destroy(arena);
    }
    EXPECT_EQ(reservations, 1);
    hole = SIZE_MAX;
    for (int i = 0; i < 100; i++) {
        arena = loam_arena_create(&config);
        EXPECT(arena != NULL);
        EXPECT_EQ(stats_of(arena).reserved, 256 * MIB);
        loam_arena_destroy(arena);
    }
    EXPECT_EQ(reservations, 2);
    end_short_system();
}

/* Where memory is so short that only single pages are committed, a reservation begins with one and
 * grows by them; a push of more goes to the chain, or is refused. */
TEST(single_pages_will_do, fast)
{
    size_t page = loam_vm_page_size();

    begin_short_system();
    commit = page;
    for (int chain = 0; chain < 2; chain++) {
        loam_arena_config config = {.backing =
                                        chain ? LOAM_ARENA_RESERVE_CHAIN : LOAM_ARENA_RESERVE,
                                    .source = loam_libc_allocator(),
                                    .reserve = 16 * MIB};
        loam_arena arena;

        (void)loam_vm_trim();
        begin_arena(&arena, &config);
        EXPECT_EQ(stats_of(&arena).committed, page);
        for (size_t i = 0; i < 10; i++) {
            EXPECT(loam_arena_push(&arena, page) != NULL);
            EXPECT_EQ(stats_of(&arena).committed, (i + 1) * page);
        }
        if (chain) {
            EXPECT(loam_arena_push(&arena, 2 * page) != NULL);
            EXPECT_EQ(stats_of(&arena).blocks, 2);
        } else {
            arena_state before = state_of(&arena);

            EXPECT_PTR(loam_arena_push(&arena, 2 * page), NULL);
            EXPECT_UNCHANGED(&arena, &before, 1);
        }
        EXPECT_GOOD(&arena);
        loam_arena_deinit(&arena);
    }
    commit = 0;
    (void)loam_vm_trim();
    EXPECT_PTR(loam_arena_create(&(loam_arena_config){.backing = LOAM_ARENA_RESERVE}), NULL);
    end_short_system();
}

static void live_under_limit(void *context)
{
    loam_arena_config big = {.backing = LOAM_ARENA_RESERVE, .reserve = 64 * GIB};
    loam_arena *arenas[20];
    loam_arena *climbed;

    (void)context;
    if (!memory_limit_address_space(512 * MIB))
        TEST_SKIP("there is no limit to set");
    for (size_t i = 0; i < 20; i++) { /* by default an arena takes a part of what there is */
        arenas[i] = loam_arena_create(NULL);
        EXPECT(arenas[i] != NULL);
        EXPECT(loam_arena_push(arenas[i], 300000) != NULL);
        EXPECT_LE(stats_of(arenas[i]).reserved, 512 * MIB / 16);
    }
    climbed = loam_arena_create(&big);
    EXPECT(climbed != NULL);
    EXPECT_LE(MIB, stats_of(climbed).reserved);
    EXPECT_PTR(loam_arena_push(climbed, 512 * MIB), NULL);
    EXPECT(loam_arena_push(climbed, 512 * KIB) != NULL);
    while (loam_arena_push(arenas[0], 10 * MIB))
        continue;
    for (size_t i = 0; i < 20; i++) {
        EXPECT_GOOD(arenas[i]);
        loam_arena_destroy(arenas[i]);
    }
    loam_arena_destroy(climbed);
}

/* The same with a limit of the system's: many arenas live side by side, and each is good when there
 * is no more. */
TEST(life_under_a_limit, fast)
{
    if (test_under_asan() || test_under_tsan() || test_under_valgrind())
        TEST_SKIP("the tool needs address space");
    test_survives(live_under_limit, NULL);
}

/* ---- nothing is left ---- */

/* What can't begin, for want of a page or of room for the arena itself, holds nothing. */
TEST(failed_beginnings_leak_nothing, fast)
{
    for (size_t nth = 1; nth < 6; nth++) {
        for (int forever = 0; forever < 2; forever++) {
            for (size_t align = 1; align <= 64 * KIB; align *= 256) {
                for (size_t reserve = 1; reserve < 8 * MIB; reserve *= 16) {
                    loam_arena_config config = {
                        .backing = LOAM_ARENA_RESERVE, .reserve = reserve, .auto_align = align};
                    loam_arena arena;

                    (void)loam_vm_trim();
                    fail_vm_arm(FAIL_VM_TAKE, nth, forever);
                    if (loam_arena_init(&arena, &config))
                        loam_arena_deinit(&arena);
                    loam_arena_destroy(loam_arena_create(&config));
                    config.backing = LOAM_ARENA_RESERVE_CHAIN;
                    loam_arena_destroy(loam_arena_create(&config));
                    (void)loam_vm_trim();
                    EXPECT_EQ(fail_vm_live(), 0);
                    fail_vm_disarm();
                }
            }
        }
    }
}

static void live_and_die(size_t i)
{
    loam_arena_config config = {
        .backing = (loam_arena_backing)(i % 3), .source = {NULL, NULL}, .block_size = 5000};
    loam_arena arena;
    loam_arena *created;

    config.page_size = i % 5 == 0 ? 64 * KIB : 0;
    if (i % 7 == 0)
        config.source = loam_vm_allocator();
    begin_arena(&arena, &config);
    created = loam_arena_create(&config);
    EXPECT(created && loam_arena_push(created, 100) && loam_arena_push(&arena, 20000));
    loam_arena_destroy(created);
    loam_arena_deinit(&arena);
}

static void live_and_die_often(size_t rounds)
{
    size_t mappings, space, resident;

    for (size_t i = 0; i < 210; i++)
        live_and_die(i);
    mappings = memory_mapping_count();
    space = memory_address_space();
    resident = resident_total();
    for (size_t i = 0; i < rounds; i++)
        live_and_die(i);
    if (!figures_are_ours())
        return;
    EXPECT_LE(memory_mapping_count(), mappings + 4);
    EXPECT_LE(memory_address_space(), space + 128 * GIB); /* what is kept may be of another kind */
    EXPECT_LE(resident_total(), resident + 2 * MIB);
}

/* Thousands of lives of all kinds, one after the other: mappings, address space and memory of the
 * process stay what they were. */
TEST(lives_leave_nothing, fast)
{
    live_and_die_often(3000);
}

TEST(many_lives_leave_nothing, slow)
{
    live_and_die_often(test_bound("LOAM_TEST_ARENA_LIVES", 100000));
}

/* Of many arenas that end at once no more than a few reservations are kept, and a trim gives those
 * back too: the process is as it was. */
TEST(what_is_kept_is_bounded, fast)
{
    enum { COUNT = 200 };
    static loam_arena *arenas[COUNT];
    size_t mappings, space;
    loam_stats stats;

    (void)loam_vm_trim();
    mappings = memory_mapping_count();
    space = memory_address_space();
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            loam_arena_config config = {.reserve = (i % 20 + 1) * MIB};

            arenas[i] = loam_arena_create(&config);
            EXPECT(arenas[i] && loam_arena_push(arenas[i], 500000));
        }
        for (size_t i = 0; i < COUNT; i++) {
            loam_arena_destroy(arenas[i]);
            loam_vm_trim_stats(&stats);
            EXPECT_LE(stats.blocks, 16);
            EXPECT_LE(stats.committed, 64 * MIB);
        }
        EXPECT_EQ(stats.blocks, 16);
        EXPECT_EQ(loam_vm_trim(), stats.reserved);
        loam_vm_trim_stats(&stats);
        EXPECT_EQ(stats.blocks, 0);
        EXPECT_EQ(loam_vm_trim(), 0);
    }
    if (figures_are_ours()) {
        EXPECT_LE(memory_mapping_count(), mappings + 2);
        EXPECT_LE(memory_address_space(), space + MIB);
    }
}

TEST_MAIN
