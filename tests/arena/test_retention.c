/* test_retention.c: what a clear keeps, under each policy, by the arena's own figures and by those
 * of the system. */
#include "arena_support.h"

#include "support/fail_vm.h"

#include <loam/adapters.h>

#include <string.h>

/* ---- rounds on a reservation ---- */

/* One round: pushes `size` bytes in pieces, writes them, clears. */
static void run_round(loam_arena *arena, size_t size)
{
    for (size_t done = 0; done < size;) {
        size_t part = size - done < 10000 ? size - done : 10000;
        char *ptr = (char *)loam_arena_push_no_zero(arena, part);

        EXPECT(ptr != NULL);
        memset(ptr, 0xff, part);
        done += part;
    }
    EXPECT_EQ(loam_arena_pos(arena), size);
    loam_arena_clear(arena);
    EXPECT_EQ(loam_arena_pos(arena), 0);
    EXPECT_GOOD(arena);
}

static size_t round_to(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* The arena holds `kept` bytes of a reservation, its own among them, and so much is resident: no
 * more, and no less than was written of it. */
static void expect_kept(const loam_arena *arena, size_t kept, size_t written)
{
    loam_stats stats = stats_of(arena);

    EXPECT_EQ(stats.committed, kept);
    EXPECT_EQ(stats.refused, 0);
    EXPECT(stats.peak >= written);
    if (figures_are_ours()) {
        size_t resident = resident_bytes(arena->reservation_base, arena->reservation);
        size_t least = written < kept ? written : kept;

        EXPECT_LE(resident, kept);
        EXPECT_LE(least, resident);
    }
}

static loam_arena_config plain_config(loam_arena_retention retention)
{
    (void)loam_vm_trim(); /* no memory from others before */
    return (loam_arena_config){.backing = LOAM_ARENA_RESERVE,
                               .reserve = 256 * MIB,
                               .page_size = 1, /* the system's, and no huge ones */
                               .auto_align = 1,
                               .retention = retention};
}

/* Whether the arena lies in its reservation, which it then takes a part of, or beside it. */
static loam_arena *begin(loam_arena *storage, const loam_arena_config *config, bool created,
                         size_t *own)
{
    loam_arena *arena = created ? loam_arena_create(config) : storage;

    if (!created)
        begin_arena(arena, config);
    EXPECT(arena != NULL);
    *own = stats_of(arena).metadata;
    return arena;
}

static void finish(loam_arena *arena, bool created)
{
    if (created)
        loam_arena_destroy(arena);
    else
        loam_arena_deinit(arena);
}

/* Everything: what was once committed stays. */
TEST(keep_all, fast)
{
    for (int created = 0; created < 2; created++) {
        loam_arena_config config = plain_config(LOAM_ARENA_KEEP_ALL);
        size_t own, committed;
        loam_arena storage;
        loam_arena *arena = begin(&storage, &config, created, &own);

        run_round(arena, 20 * MIB);
        committed = stats_of(arena).committed;
        EXPECT_LE(20 * MIB, committed);
        EXPECT_LE(committed, 20 * MIB + 2 * MIB);
        for (int i = 0; i < 20; i++)
            run_round(arena, 1000);
        expect_kept(arena, committed, 20 * MIB);
        finish(arena, created);
    }
}

/* Nothing beyond the first page. */
TEST(give_back, fast)
{
    size_t page = loam_vm_page_size();

    for (int created = 0; created < 2; created++) {
        loam_arena_config config = plain_config(LOAM_ARENA_GIVE_BACK);
        size_t own;
        loam_arena storage;
        loam_arena *arena = begin(&storage, &config, created, &own);

        for (size_t size = 1; size < 30 * MIB; size *= 7) {
            run_round(arena, size);
            expect_kept(arena, page, created ? 1 : size);
        }
        finish(arena, created);
    }
}

/* As many whole pages as hold the bytes, whatever was used, and however often. */
TEST(keep_bytes, fast)
{
    static const size_t keeps[] = {0, 1, 4095, 4096, 4097, 65536, 100000, 1 << 20, 3 << 20};
    static const size_t pages[] = {1, 16 << 10, 64 << 10, 2 << 20};
    size_t system_page = loam_vm_page_size();

    for (size_t k = 0; k < sizeof keeps / sizeof *keeps; k++) {
        for (size_t p = 0; p < sizeof pages / sizeof *pages; p++) {
            loam_arena_config config = plain_config(LOAM_ARENA_KEEP_BYTES);
            size_t page = pages[p] > system_page ? pages[p] : system_page;
            size_t own, expected;
            loam_arena storage;
            loam_arena *arena;

            test_note("keep %zu, pages of %zu", keeps[k], page);
            config.keep = keeps[k];
            config.page_size = pages[p];
            arena = begin(&storage, &config, p % 2 == 0, &own);
            expected = round_to(own + keeps[k] ? own + keeps[k] : 1, page);
            run_round(arena, 10 * MIB);
            expect_kept(arena, expected, 1);
            run_round(arena, 1000);
            run_round(arena, 1000);
            expect_kept(arena, expected, 1);
            run_round(arena, 5 * MIB);
            expect_kept(arena, expected, 1);
            finish(arena, p % 2 == 0);
        }
    }
}

/* What was committed ahead and never used is not kept either. */
TEST(keep_bytes_of_what_was_prepared, fast)
{
    loam_arena_config config = plain_config(LOAM_ARENA_KEEP_BYTES);
    loam_arena arena;

    config.keep = 64 * KIB;
    begin_arena(&arena, &config);
    EXPECT(loam_arena_prepare(&arena, 10 * MIB, 1));
    EXPECT_LE(10 * MIB, stats_of(&arena).committed);
    loam_arena_clear(&arena);
    EXPECT_EQ(stats_of(&arena).committed, 64 * KIB);
    EXPECT_GOOD(&arena);
    EXPECT(all_zero(loam_arena_push(&arena, MIB), MIB));
    loam_arena_deinit(&arena);
}

/* The high-water mark rises at once, and falls by a quarter of the difference at each clear, down
 * to 64 KiB. */
TEST(keep_decaying, fast)
{
    static const size_t used[] = {7 << 20, 1, 1, 1000, 2 << 20, 2 << 20, 6 << 20, 1, 1};
    size_t page = loam_vm_page_size();

    for (int created = 0; created < 2; created++) {
        loam_arena_config config = plain_config(LOAM_ARENA_KEEP_DECAYING);
        size_t own, keep = 0, rounds;
        loam_arena storage;
        loam_arena *arena = begin(&storage, &config, created, &own);

        for (rounds = 0; rounds < 60; rounds++) {
            size_t size = rounds < sizeof used / sizeof *used ? used[rounds] : 100;

            test_note("round %zu", rounds);
            run_round(arena, size);
            keep = size >= keep ? size : keep - (keep - size) / 4;
            if (keep < 64 * KIB)
                keep = 64 * KIB;
            expect_kept(arena, round_to(own + keep, page), size);
        }
        EXPECT_EQ(keep, 64 * KIB);
        finish(arena, created);
    }
}

/* Where the system has huge pages by advice, what lies beyond 8 MiB is kept in whole ones, so that
 * none is torn apart; below that in system pages. */
TEST(keep_huge_pages_whole, fast)
{
    static const size_t keeps[] = {1 << 20, 8 << 20, (8 << 20) + 1, (10 << 20) - 1, 11 << 20};
    size_t huge = loam_vm_huge_page_size();

    if (huge == 0)
        TEST_SKIP("the system has no huge pages by advice");
    for (size_t k = 0; k < sizeof keeps / sizeof *keeps; k++) {
        loam_arena_config config = plain_config(LOAM_ARENA_KEEP_BYTES);
        size_t from = round_to(8 * MIB, huge);
        loam_arena arena;

        config.page_size = 0;
        config.keep = keeps[k];
        begin_arena(&arena, &config);
        run_round(&arena, 40 * MIB);
        EXPECT_EQ(stats_of(&arena).committed,
                  keeps[k] > from ? round_to(keeps[k], huge) : keeps[k]);
        loam_arena_deinit(&arena);
    }
}

/* Whichever policy: a clear asks the system once at most, and not at all where it has nothing to
 * give back. */
TEST(clear_asks_the_system_once, fast)
{
    for (int retention = 0; retention <= (int)LOAM_ARENA_GIVE_BACK; retention++) {
        loam_arena_config config = plain_config((loam_arena_retention)retention);
        loam_arena arena;

        config.keep = MIB;
        begin_arena(&arena, &config);
        for (size_t size = 100; size < 20 * MIB; size *= 3) {
            EXPECT(loam_arena_push(&arena, size) != NULL);
            memset(loam_arena_push_no_zero(&arena, size), 1, size);
            fail_vm_arm(FAIL_VM_ALL, 0, false);
            loam_arena_clear(&arena);
            EXPECT_LE(fail_vm_calls(), retention == (int)LOAM_ARENA_KEEP_ALL ? 0 : 1);
            fail_vm_arm(FAIL_VM_ALL, 0, false);
            loam_arena_clear(&arena);
            EXPECT_LE(fail_vm_calls(), retention == (int)LOAM_ARENA_KEEP_DECAYING);
            fail_vm_disarm();
        }
        loam_arena_deinit(&arena);
    }
}

/* ---- chains ---- */

typedef struct chain {
    loam_counting counting;
    loam_arena storage;
    loam_arena *arena;
    bool created;
} chain;

static void begin_chain(chain *c, loam_arena_retention retention, size_t keep, bool created)
{
    loam_arena_config config = {.backing = LOAM_ARENA_CHAIN,
                                .block_size = 4 * KIB,
                                .auto_align = 1,
                                .retention = retention,
                                .keep = keep};
    size_t own;

    loam_counting_init(&c->counting, loam_libc_allocator());
    config.source = loam_counting_allocator(&c->counting);
    c->created = created;
    c->arena = begin(&c->storage, &config, created, &own);
}

static void end_chain(chain *c)
{
    EXPECT_EQ(stats_of(c->arena).committed, c->counting.live);
    finish(c->arena, c->created);
    EXPECT_EQ(c->counting.live, 0);
    EXPECT_EQ(c->counting.blocks, 0);
}

TEST(chain_keep_all, fast)
{
    chain c;

    begin_chain(&c, LOAM_ARENA_KEEP_ALL, 0, false);
    run_round(c.arena, 5 * MIB);
    for (int i = 0; i < 20; i++) {
        size_t allocations = c.counting.allocations;

        run_round(c.arena, i % 2 ? 5 * MIB : 100);
        EXPECT_EQ(c.counting.allocations, allocations);
    }
    EXPECT_LE(5 * MIB, c.counting.live);
    end_chain(&c);
}

TEST(chain_give_back, fast)
{
    for (int created = 0; created < 2; created++) {
        chain c;
        size_t first;

        begin_chain(&c, LOAM_ARENA_GIVE_BACK, 0, created);
        first = c.counting.live;
        EXPECT_EQ(first, created ? 4 * KIB : 0);
        for (size_t size = 1; size < 9 * MIB; size *= 5) {
            run_round(c.arena, size);
            EXPECT_EQ(c.counting.live, first);
            EXPECT_EQ(stats_of(c.arena).committed, first);
        }
        end_chain(&c);
    }
}

/* Blocks that add up to no more than the bytes, the first one of a created arena counted; and what
 * fits is really kept. */
TEST(chain_keep_bytes, fast)
{
    for (int created = 0; created < 2; created++) {
        for (size_t keep = 0; keep < 300 * KIB; keep += keep < 20000 ? 1000 : 30000) {
            chain c;
            size_t first;

            begin_chain(&c, LOAM_ARENA_KEEP_BYTES, keep, created);
            first = c.counting.live;
            for (size_t size = 1; size < MIB; size *= 5) {
                run_round(c.arena, size);
                EXPECT_LE(c.counting.live, keep > first ? keep : first);
            }
            EXPECT_LE(keep < 32 * KIB ? 0 : keep / 3, c.counting.live);
            end_chain(&c);
        }
    }
}

/* As recent rounds used it, and down with a quarter of the difference; a round like the last one
 * finds all its blocks, also where their tails are lost. */
TEST(chain_keep_decaying, fast)
{
    chain c;
    size_t before, most;

    begin_chain(&c, LOAM_ARENA_KEEP_DECAYING, 0, false);
    for (int round = 0; round < 6; round++) {
        size_t allocations = c.counting.allocations;

        for (int i = 0; i < 10; i++) { /* each second block is nearly empty when it is left */
            EXPECT(loam_arena_push(c.arena, 5 * MIB) != NULL);
            EXPECT(loam_arena_push(c.arena, 100) != NULL);
        }
        loam_arena_clear(c.arena);
        EXPECT_EQ(c.counting.allocations, round ? allocations : 20);
    }
    most = before = c.counting.live;
    for (int round = 0; round < 40; round++) {
        run_round(c.arena, 100);
        EXPECT_LE(c.counting.live, before);
        before = c.counting.live;
        if (round == 0)
            EXPECT_LE(most / 2, before);
        if (round == 10)
            EXPECT_LE(before, most / 4);
    }
    EXPECT_LE(before, 5 * MIB + 64 * KIB);
    end_chain(&c);
}

/* A reservation that goes on as a chain keeps of the reservation first, and of the chain what is
 * left to keep. */
TEST(both_backings_share_the_bound, fast)
{
    size_t page = loam_vm_page_size();

    for (size_t keep = 0; keep <= 4 * MIB; keep += 300000) {
        loam_arena_config config = plain_config(LOAM_ARENA_KEEP_BYTES);
        loam_counting counting;
        size_t reserved;
        loam_arena arena;

        loam_counting_init(&counting, loam_libc_allocator());
        config.backing = LOAM_ARENA_RESERVE_CHAIN;
        config.source = loam_counting_allocator(&counting);
        config.reserve = MIB;
        config.block_size = 64 * KIB;
        config.keep = keep;
        begin_arena(&arena, &config);
        run_round(&arena, 6 * MIB);
        run_round(&arena, 6 * MIB);
        reserved = stats_of(&arena).committed - counting.live;
        EXPECT_EQ(reserved, keep == 0 ? page : keep < MIB ? round_to(keep, page) : MIB);
        EXPECT_LE(counting.live, keep > MIB ? keep - MIB : 0);
        EXPECT_LE(keep > 2 * MIB ? keep / 4 : 0, counting.live);
        loam_arena_deinit(&arena);
        EXPECT_EQ(counting.live, 0);
    }
}

TEST_MAIN
