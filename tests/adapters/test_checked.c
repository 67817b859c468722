/* checked: what it does for code that is right. What it finds is in tests/misuse. */
#include "adapters/puppet.h"

#include "internal/mark.h"

#include <loam/adapters.h>

#include <errno.h>

typedef struct fixture {
    puppet p;
    loam_checked checked;
    loam_allocator a;
} fixture;

static void set_up(fixture *f, const loam_checked_config *config)
{
    puppet_init(&f->p);
    loam_checked_init(&f->checked, puppet_allocator(&f->p), config);
    f->a = loam_checked_allocator(&f->checked);
}

static loam_stats stats_of(const loam_checked *checked)
{
    loam_stats stats;

    loam_checked_stats(checked, &stats);
    return stats;
}

static bool all_read(const void *ptr, size_t size, unsigned char value)
{
    for (size_t i = 0; i < size; i++) {
        if (peek(ptr, (ptrdiff_t)i) != value)
            return false;
    }
    return true;
}

/* ---- contents ---- */

/* Fresh memory shows that it was not written, zeroed memory is zero, what grew is fresh again, and
 * what was kept is kept. */
TEST(contents_are_told_apart, fast)
{
    unsigned char *ptr, *zero;
    fixture f;

    set_up(&f, NULL);
    ptr = loam_alloc(f.a, 100, 8);
    EXPECT(all_read(ptr, 100, LOAM_CHECKED_FRESH));
    zero = loam_zalloc(f.a, 100, 8);
    EXPECT(all_read(zero, 100, 0));
    memset(ptr, 1, 100);
    EXPECT(loam_resize(f.a, ptr, 100, 150, 8));
    EXPECT(all_read(ptr, 100, 1) && all_read(ptr + 100, 50, LOAM_CHECKED_FRESH));
    EXPECT((ptr = loam_remap(f.a, ptr, 150, 1000, 8)) != NULL);
    EXPECT(all_read(ptr, 100, 1) && all_read(ptr + 150, 850, LOAM_CHECKED_FRESH));
    EXPECT((ptr = loam_remap(f.a, ptr, 1000, 50, 8)) != NULL && all_read(ptr, 50, 1));
    loam_dealloc(f.a, zero, 100, 8);
    EXPECT(all_read(zero, 100, LOAM_CHECKED_FREED));
    loam_dealloc(f.a, ptr, 50, 8);
    loam_checked_deinit(&f.checked);
    EXPECT_EQ(f.p.live, 0);
}

/* Red zones lie right at both ends of the block, whatever its size and alignment. */
TEST(red_zones_touch_the_block, fast)
{
    for (size_t align = 1; align <= 4096; align *= 2) {
        for (size_t size = 1; size <= 40; size++) {
            unsigned char *ptr;
            fixture f;

            set_up(&f, NULL);
            ptr = loam_alloc(f.a, size, align);
            EXPECT(ptr && ((uintptr_t)ptr & (align - 1)) == 0);
            EXPECT(all_read(ptr - LOAM_CHECKED_RED_ZONE, LOAM_CHECKED_RED_ZONE, LOAM_CHECKED_ZONE));
            EXPECT(all_read(ptr + size, LOAM_CHECKED_RED_ZONE, LOAM_CHECKED_ZONE));
            memset(ptr, 1, size);
            loam_dealloc(f.a, ptr, size, align);
            loam_checked_deinit(&f.checked);
        }
    }
}

/* Alignments up to 2 MiB and blocks smaller than a red zone, over libc and over whole mappings. */
TEST(any_alignment_works, fast)
{
    const loam_allocator below[] = {loam_libc_allocator(), loam_vm_allocator()};

    for (size_t i = 0; i < 2; i++) {
        loam_checked checked;
        loam_allocator a;

        loam_checked_init(&checked, below[i], NULL);
        a = loam_checked_allocator(&checked);
        for (size_t align = 1; align <= (size_t)2 << 20; align *= 2) {
            unsigned char *one = loam_alloc(a, 1, align);
            unsigned char *many = loam_zalloc(a, 5000, align);

            EXPECT(one && ((uintptr_t)one & (align - 1)) == 0);
            EXPECT(many && ((uintptr_t)many & (align - 1)) == 0 && all_read(many, 5000, 0));
            *one = 1;
            memset(many, 2, 5000);
            EXPECT((many = loam_realloc(a, many, 5000, 70000, align)) != NULL);
            EXPECT(((uintptr_t)many & (align - 1)) == 0 && all_read(many, 5000, 2));
            loam_dealloc(a, one, 1, align);
            loam_dealloc(a, many, 70000, align);
        }
        EXPECT(loam_checked_check(&checked, NULL, NULL));
        loam_checked_deinit(&checked);
    }
}

/* With no red zone the allocator below sees the caller's own sizes and addresses; a size that is
 * no multiple of 16 is rounded up to one. */
TEST(red_zones_are_configured, fast)
{
    loam_checked_config config = {.red_zone = LOAM_CHECKED_NONE};
    fixture f;
    void *ptr;

    set_up(&f, &config);
    ptr = loam_alloc(f.a, 100, 8);
    EXPECT_PTR(ptr, f.p.buffer);
    EXPECT_EQ(f.p.last_size, 100);
    EXPECT_EQ(loam_good_size(f.a, 100, 8), PUPPET_STEP);
    loam_dealloc(f.a, ptr, 100, 8);
    loam_checked_deinit(&f.checked);
    EXPECT_EQ(f.p.last_size, 100);
    config.red_zone = 17;
    set_up(&f, &config);
    ptr = loam_alloc(f.a, 100, 8);
    EXPECT_PTR(ptr, f.p.buffer + 32);
    EXPECT_EQ(f.p.last_size, 100 + 2 * 32);
    loam_dealloc(f.a, ptr, 100, 8);
    loam_checked_deinit(&f.checked);
}

/* A7 behind red zones: exactly what below is rounded up anyway. */
TEST(good_size_leaves_room_for_zones, fast)
{
    size_t before = 0;
    fixture f;

    set_up(&f, NULL);
    for (size_t align = 1; align <= 256; align *= 4) {
        for (size_t size = before = 1; size < 2000; size++) {
            size_t good = loam_good_size(f.a, size, align);
            size_t front = align > LOAM_CHECKED_RED_ZONE ? align : LOAM_CHECKED_RED_ZONE;

            EXPECT(good >= size && good >= before && loam_good_size(f.a, good, align) == good);
            EXPECT_EQ((good + front + LOAM_CHECKED_RED_ZONE) % PUPPET_STEP, 0);
            before = good;
        }
    }
    EXPECT_EQ(loam_good_size(f.a, PTRDIFF_MAX, 8), PTRDIFF_MAX);
    EXPECT(!loam_alloc(f.a, PTRDIFF_MAX, 8) && f.p.calls.alloc == 0);
    loam_checked_deinit(&f.checked);
}

/* owns is exact: the live block from its first to its last byte, and nothing else. */
TEST(owns_live_blocks_only, fast)
{
    unsigned char *ptr;
    fixture f;

    set_up(&f, NULL);
    ptr = loam_alloc(f.a, 100, 8);
    EXPECT(loam_owns(f.a, ptr) && loam_owns(f.a, ptr + 99));
    EXPECT(!loam_owns(f.a, ptr - 1) && !loam_owns(f.a, ptr + 100) && !loam_owns(f.a, &f));
    EXPECT(!loam_owns(f.a, NULL));
    loam_dealloc(f.a, ptr, 100, 8);
    EXPECT(!loam_owns(f.a, ptr));
    loam_checked_deinit(&f.checked);
}

/* A caller may mark parts of its own block dead, as an arena does; it need not undo that. */
TEST(blocks_come_back_marked_dead, fast)
{
    for (size_t quarantine = 0; quarantine <= 1; quarantine++) {
        loam_checked_config config = {.quarantine = quarantine ? 0 : LOAM_CHECKED_NONE};
        unsigned char *ptr;
        fixture f;

        set_up(&f, &config);
        ptr = loam_alloc(f.a, 150, 8);
        loam_mark_dead(ptr + 16, 100);
        EXPECT(loam_resize(f.a, ptr, 150, 140, 8));
        loam_dealloc(f.a, ptr, 140, 8);
        EXPECT(loam_checked_check(&f.checked, NULL, NULL));
        loam_checked_deinit(&f.checked);
        memset(ptr, 0, 140);
    }
}

/* ---- the quarantine ---- */

/* Blocks leave it oldest first and when it is full, never later, and all of them at the end. */
TEST(quarantine_is_bounded_and_in_order, fast)
{
    enum { RAW = 100 + 2 * LOAM_CHECKED_RED_ZONE };
    loam_checked_config config = {.quarantine = 3 * RAW + RAW / 2};
    fixture f;
    void *ptr[5];

    set_up(&f, &config);
    for (size_t i = 0; i < 5; i++)
        ptr[i] = loam_alloc(f.a, 100, 8);
    for (size_t i = 0; i < 5; i++) {
        loam_dealloc(f.a, ptr[i], 100, 8);
        EXPECT_EQ(f.p.calls.dealloc, i < 3 ? 0 : i - 2);
        EXPECT(loam_checked_check(&f.checked, NULL, NULL));
    }
    EXPECT_EQ(stats_of(&f.checked).lost, 3 * RAW);
    loam_checked_deinit(&f.checked);
    EXPECT(f.p.calls.dealloc == 5 && f.p.live == 0);
}

/* A block that just fills it is held back. */
TEST(quarantine_is_used_to_the_last_byte, fast)
{
    loam_checked_config config = {.quarantine = 100 + 2 * LOAM_CHECKED_RED_ZONE};
    fixture f;

    set_up(&f, &config);
    loam_dealloc(f.a, loam_alloc(f.a, 100, 8), 100, 8);
    EXPECT_EQ(f.p.calls.dealloc, 0);
    loam_dealloc(f.a, loam_alloc(f.a, 101, 8), 101, 8);
    EXPECT_EQ(f.p.calls.dealloc, 1);
    loam_checked_deinit(&f.checked);
}

/* A block bigger than all of it goes straight back, and does not drive the others out. */
TEST(quarantine_passes_giants, fast)
{
    loam_checked_config config = {.quarantine = 1000};
    void *small_one, *giant;
    fixture f;

    set_up(&f, &config);
    small_one = loam_alloc(f.a, 100, 8);
    giant = loam_alloc(f.a, 1000, 8);
    loam_dealloc(f.a, small_one, 100, 8);
    loam_dealloc(f.a, giant, 1000, 8);
    EXPECT_EQ(f.p.calls.dealloc, 1);
    EXPECT_EQ(f.p.last_size, 1000 + 2 * LOAM_CHECKED_RED_ZONE);
    loam_checked_deinit(&f.checked);
    config.quarantine = LOAM_CHECKED_NONE;
    set_up(&f, &config);
    loam_dealloc(f.a, loam_alloc(f.a, 1, 1), 1, 1);
    EXPECT_EQ(f.p.calls.dealloc, 1);
    loam_checked_deinit(&f.checked);
}

/* What it holds is never why a request is refused, unless each call below counts. */
TEST(quarantine_yields_to_requests, fast)
{
    for (uint32_t exact = 0; exact <= 1; exact++) {
        size_t limit = 1000;
        loam_budget_config budget_config = {.limit = limit};
        loam_budget budget;
        loam_checked checked;
        loam_allocator a;
        void *ptr;
        puppet p;

        puppet_init(&p);
        p.ops.traits |= exact ? LOAM_EXACT : 0;
        loam_budget_init(&budget, puppet_allocator(&p), &budget_config);
        loam_checked_init(&checked, loam_budget_allocator(&budget), NULL);
        a = loam_checked_allocator(&checked);
        ptr = loam_alloc(a, 600, 8);
        EXPECT(ptr && !loam_alloc(a, 600, 8));
        loam_dealloc(a, ptr, 600, 8);
        EXPECT_EQ(p.calls.dealloc, 0);
        ptr = loam_alloc(a, 600, 8);
        EXPECT_EQ(ptr == NULL, exact);
        EXPECT_EQ(p.calls.dealloc, 1 - exact);
        loam_dealloc(a, ptr, 600, 8);
        loam_checked_deinit(&checked);
        EXPECT_EQ(p.live, 0);
    }
}

/* ---- failure ---- */

/* Each allocation of records refused in turn: the request is refused, the allocator below was not
 * asked, nothing else has changed, and the next request is served. */
TEST(no_memory_for_records, fast)
{
    enum { BLOCKS = 170 };

    for (size_t k = 1;; k++) {
        loam_failing_config rule = {.alloc = {.nth = k}};
        loam_checked_config config = {0};
        loam_counting counting;
        loam_failing failing;
        void *ptr[BLOCKS];
        size_t refused = 0;
        fixture f;

        loam_counting_init(&counting, loam_libc_allocator());
        loam_failing_init(&failing, loam_counting_allocator(&counting), &rule);
        config.records = loam_failing_allocator(&failing);
        set_up(&f, &config);
        for (size_t i = 0; i < BLOCKS; i++) {
            puppet_calls calls = f.p.calls;
            loam_stats before = stats_of(&f.checked);

            ptr[i] = i % 2 ? loam_alloc(f.a, 10, 8) : loam_zalloc(f.a, 10, 8);
            if (ptr[i])
                continue;
            refused++;
            before.failures++;
            EXPECT(memcmp(&calls, &f.p.calls, sizeof calls) == 0);
            EXPECT(stats_of(&f.checked).live == before.live &&
                   stats_of(&f.checked).metadata == before.metadata &&
                   stats_of(&f.checked).failures == before.failures);
            EXPECT((ptr[i] = loam_alloc(f.a, 10, 8)) != NULL);
        }
        EXPECT(loam_checked_check(&f.checked, NULL, NULL));
        EXPECT_EQ(stats_of(&f.checked).metadata, counting.live);
        for (size_t i = 0; i < BLOCKS; i++)
            loam_dealloc(f.a, ptr[i], 10, 8);
        loam_checked_deinit(&f.checked);
        EXPECT(f.p.live == 0 && counting.live == 0 && counting.blocks == 0);
        if (refused == 0) {
            EXPECT(k > 3); /* there were at least three allocations of records */
            return;
        }
        EXPECT_EQ(refused, 1);
    }
}

/* Records are used again: what they take follows the number of blocks, not of calls. */
TEST(records_are_used_again, fast)
{
    loam_checked_config config = {.quarantine = LOAM_CHECKED_NONE};
    size_t metadata;
    fixture f;

    set_up(&f, &config);
    loam_dealloc(f.a, loam_alloc(f.a, 1, 1), 1, 1);
    metadata = stats_of(&f.checked).metadata;
    for (size_t i = 0; i < 1000; i++)
        loam_dealloc(f.a, loam_alloc(f.a, 1, 1), 1, 1);
    EXPECT_EQ(stats_of(&f.checked).metadata, metadata);
    loam_checked_deinit(&f.checked);
}

/* The allocator below refuses: nothing has changed, and the record is not lost either. */
TEST(refusal_below_changes_nothing, fast)
{
    loam_stats before;
    fixture f;
    void *ptr;

    set_up(&f, NULL);
    ptr = loam_alloc(f.a, 100, 8);
    memset(ptr, 3, 100);
    before = stats_of(&f.checked);
    f.p.refuse = true;
    for (size_t i = 0; i < 200; i++) {
        EXPECT(!loam_alloc(f.a, 100, 8) && !loam_zalloc(f.a, 100, 8));
        EXPECT(!loam_resize(f.a, ptr, 100, 120, 8) && !loam_remap(f.a, ptr, 100, 120, 8));
        EXPECT(!loam_resize(f.a, ptr, 100, PTRDIFF_MAX, 8));
    }
    EXPECT(all_read(ptr, 100, 3) && loam_checked_check(&f.checked, NULL, NULL));
    before.failures += 400;
    EXPECT(stats_of(&f.checked).live == before.live && stats_of(&f.checked).blocks == 1);
    EXPECT(stats_of(&f.checked).committed == before.committed);
    EXPECT(stats_of(&f.checked).metadata == before.metadata);
    EXPECT(stats_of(&f.checked).failures == before.failures);
    loam_dealloc(f.a, ptr, 100, 8);
    loam_checked_deinit(&f.checked);
}

/* A6 of its own: dealloc leaves errno alone. */
TEST(dealloc_keeps_errno, fast)
{
    fixture f;

    set_up(&f, &(loam_checked_config){.quarantine = LOAM_CHECKED_NONE});
    errno = ERANGE;
    loam_dealloc(f.a, loam_alloc(f.a, 10, 8), 10, 8);
    EXPECT_EQ(errno, ERANGE);
    loam_checked_deinit(&f.checked);
}

/* ---- the end ---- */

typedef struct leaks {
    size_t count;
    loam_checked_block blocks[8];
} leaks;

static void note_leak(void *context, const loam_checked_block *block)
{
    leaks *l = context;

    l->blocks[l->count++] = *block;
}

/* With a callback leaks are told, oldest first, and then given back. */
TEST(leaks_are_told, fast)
{
    leaks l = {0};
    void *ptr[4];
    fixture f;

    set_up(&f, &(loam_checked_config){.on_leak = note_leak, .context = &l});
    for (size_t i = 0; i < 4; i++)
        ptr[i] = loam_alloc(f.a, 10 * (i + 1), (size_t)1 << i);
    loam_dealloc(f.a, ptr[1], 20, 2);
    EXPECT((ptr[2] = loam_remap(f.a, ptr[2], 30, 500, 4)) != NULL);
    loam_checked_deinit(&f.checked);
    EXPECT_EQ(l.count, 3);
    EXPECT(l.blocks[0].address == ptr[0] && l.blocks[0].size == 10 && l.blocks[0].align == 1 &&
           l.blocks[0].serial == 1);
    EXPECT(l.blocks[1].address == ptr[2] && l.blocks[1].size == 500 && l.blocks[1].align == 4 &&
           l.blocks[1].serial == 3);
    EXPECT(l.blocks[2].address == ptr[3] && l.blocks[2].serial == 4);
    EXPECT_EQ(f.p.live, 0);
}

/* Over an allocator that does not reclaim, blocks may be forgotten. */
TEST(forgetting_is_no_leak_over_an_arena, fast)
{
    loam_checked checked;
    loam_allocator a;
    puppet p;

    puppet_init(&p);
    p.ops.traits = 0;
    loam_checked_init(&checked, puppet_allocator(&p), NULL);
    a = loam_checked_allocator(&checked);
    EXPECT(!loam_allocator_reclaims(a) && loam_alloc(a, 10, 8) && loam_alloc(a, 20, 8));
    loam_dealloc(a, loam_alloc(a, 30, 8), 30, 8);
    loam_checked_deinit(&checked);
    EXPECT_EQ(p.calls.dealloc, 1);
}

/* A reset forgets all blocks, so that the same memory may come in once more. */
TEST(reset_lets_memory_return, fast)
{
    fixture f;
    void *ptr;

    set_up(&f, NULL);
    ptr = loam_alloc(f.a, 100, 8);
    loam_dealloc(f.a, loam_alloc(f.a, 100, 8), 100, 8);
    loam_checked_reset(&f.checked);
    EXPECT(f.p.calls.dealloc == 1 && stats_of(&f.checked).live == 0);
    EXPECT(stats_of(&f.checked).committed == 0 && stats_of(&f.checked).blocks == 0);
    f.p.used = 0;
    f.p.live = 0;
    EXPECT_PTR(loam_alloc(f.a, 100, 8), ptr);
    loam_dealloc(f.a, ptr, 100, 8);
    loam_checked_deinit(&f.checked);
}

/* ---- inspection ---- */

TEST(stats_are_exact, fast)
{
    enum { ZONES = 2 * LOAM_CHECKED_RED_ZONE };
    void *one, *other;
    fixture f;

    set_up(&f, NULL);
    EXPECT_EQ(stats_of(&f.checked).metadata, 0);
    one = loam_alloc(f.a, 100, 8);
    other = loam_zalloc(f.a, 50, 128);
    EXPECT_EQ(stats_of(&f.checked).live, 150);
    EXPECT_EQ(stats_of(&f.checked).committed, 150 + ZONES + LOAM_CHECKED_RED_ZONE + 128);
    EXPECT_EQ(stats_of(&f.checked).lost, stats_of(&f.checked).committed - 150);
    EXPECT(stats_of(&f.checked).metadata > 0 && stats_of(&f.checked).allocations == 2);
    loam_dealloc(f.a, other, 50, 128);
    EXPECT(stats_of(&f.checked).live == 100 && stats_of(&f.checked).blocks == 1);
    EXPECT(stats_of(&f.checked).peak == 150 && stats_of(&f.checked).lost > ZONES + 128);
    EXPECT(loam_resize(f.a, one, 100, 150, 8));
    EXPECT(stats_of(&f.checked).live == 150 && stats_of(&f.checked).peak == 150);
    EXPECT(loam_resize(f.a, one, 150, 10, 8));
    EXPECT(stats_of(&f.checked).live == 10 && stats_of(&f.checked).peak == 150);
    loam_dealloc(f.a, one, 10, 8);
    loam_checked_deinit(&f.checked);
    EXPECT(stats_of(&f.checked).live == 0 && stats_of(&f.checked).committed == 0);
}

typedef struct tour {
    size_t count;
    size_t stop_at;
    loam_walk_item items[8];
} tour;

static bool note_item(void *context, const loam_walk_item *item)
{
    tour *t = context;

    t->items[t->count++] = *item;
    return t->count != t->stop_at;
}

TEST(walk_is_by_age, fast)
{
    tour t = {0};
    void *ptr[4];
    fixture f;

    set_up(&f, NULL);
    EXPECT(loam_checked_walk(&f.checked, note_item, &t) && t.count == 0);
    for (size_t i = 0; i < 4; i++)
        ptr[i] = loam_alloc(f.a, i + 1, 8);
    loam_dealloc(f.a, ptr[2], 3, 8);
    loam_dealloc(f.a, ptr[0], 1, 8);
    EXPECT(loam_checked_walk(&f.checked, note_item, &t));
    EXPECT_EQ(t.count, 4);
    EXPECT(t.items[0].address == ptr[1] && t.items[0].size == 2 &&
           t.items[0].kind == LOAM_WALK_LIVE);
    EXPECT(t.items[1].address == ptr[3] && t.items[1].kind == LOAM_WALK_LIVE);
    EXPECT(t.items[2].address == ptr[2] && t.items[2].size == 3 &&
           t.items[2].kind == LOAM_WALK_FREE);
    EXPECT(t.items[3].address == ptr[0] && t.items[3].kind == LOAM_WALK_FREE);
    t = (tour){.stop_at = 3};
    EXPECT(!loam_checked_walk(&f.checked, note_item, &t) && t.count == 3);
    loam_dealloc(f.a, ptr[1], 2, 8);
    loam_dealloc(f.a, ptr[3], 4, 8);
    loam_checked_deinit(&f.checked);
}

typedef struct findings {
    size_t count;
    const char *property;
    const void *where;
} findings;

static void note_finding(void *context, const char *property, const void *where)
{
    findings *found = context;

    found->count++;
    found->property = property;
    found->where = where;
}

static void expect_finding(const loam_checked *checked, const char *property, const void *where)
{
    findings found = {0};

    EXPECT(!loam_checked_check(checked, note_finding, &found));
    EXPECT_EQ(found.count, 1);
    EXPECT_STR(found.property, property);
    EXPECT_PTR(found.where, where);
    EXPECT(!loam_checked_check(checked, NULL, NULL));
}

/* _check reports each kind of damage, with the block's address, and ends nothing: the damage is
 * mended here, and all is well again. */
TEST(check_reports, fast)
{
    unsigned char *ptr, *freed;
    fixture f;

    set_up(&f, NULL);
    ptr = loam_alloc(f.a, 13, 8);
    freed = loam_alloc(f.a, 100, 8);
    loam_dealloc(f.a, freed, 100, 8);
    EXPECT(loam_checked_check(&f.checked, note_finding, NULL));
    poke(ptr, 13, 0);
    expect_finding(&f.checked, "K2: write behind the end of a block", ptr);
    poke(ptr, 13, LOAM_CHECKED_ZONE);
    poke(ptr, -1, 0);
    expect_finding(&f.checked, "K2: write before the start of a block", ptr);
    poke(ptr, -1, LOAM_CHECKED_ZONE);
    poke(freed, 50, 0);
    expect_finding(&f.checked, "K3: write to a block that was given back", freed);
    poke(freed, 50, LOAM_CHECKED_FREED);
    f.checked.live++;
    expect_finding(&f.checked, "K4: live is not the sum of the blocks", &f.checked);
    f.checked.live--;
    f.checked.blocks++;
    expect_finding(&f.checked, "K4: blocks is not their count", &f.checked);
    f.checked.blocks--;
    f.checked.raw++;
    expect_finding(&f.checked, "K4: raw is not the sum of the blocks", &f.checked);
    f.checked.raw--;
    f.checked.held++;
    expect_finding(&f.checked, "K4: held is not the sum of the quarantine", &f.checked);
    f.checked.held--;
    f.checked.quarantine = 1;
    expect_finding(&f.checked, "K3: quarantine is too full", &f.checked);
    f.checked.quarantine = LOAM_CHECKED_QUARANTINE;
    EXPECT(loam_checked_check(&f.checked, note_finding, NULL));
    loam_dealloc(f.a, ptr, 13, 8);
    loam_checked_deinit(&f.checked);
}

/* Records that are no longer where they belong, with all sums right. */
TEST(check_reports_lost_records, fast)
{
    struct loam_checked_record *root;
    unsigned char *ptr;
    fixture f;

    set_up(&f, NULL);
    ptr = loam_alloc(f.a, 13, 8);
    root = f.checked.root;
    f.checked.root = NULL;
    expect_finding(&f.checked, "K1: record is not in the tree", ptr);
    f.checked.root = root;
    loam_dealloc(f.a, ptr, 13, 8);
    loam_checked_deinit(&f.checked);
}

/* ---- many blocks ---- */

enum { MODEL = 600 };

typedef struct model_block {
    unsigned char *ptr;
    size_t size;
    size_t align;
} model_block;

static void change(loam_allocator a, model_block *b, test_rng *rng)
{
    size_t new_size = 1 + (size_t)test_rng_below(rng, 300);
    unsigned char first = b->ptr[0];

    if (test_rng_one_in(rng, 3)) {
        loam_dealloc(a, b->ptr, b->size, b->align);
        b->ptr = NULL;
        return;
    }
    b->ptr = loam_realloc(a, b->ptr, b->size, new_size, b->align);
    EXPECT(b->ptr && b->ptr[0] == first);
    b->size = new_size;
    memset(b->ptr, first, new_size);
}

/* At random, with a small quarantine, so that addresses are used again and again: the tree, the
 * lists and the sums stay right, which _check looks at. */
TEST(random_calls_keep_it_whole, fast)
{
    size_t rounds = test_bound("LOAM_TEST_CHECKED_ROUNDS", test_under_valgrind() ? 4000 : 20000);
    loam_checked_config config = {.quarantine = 4096};
    static model_block blocks[MODEL];
    loam_checked checked;
    loam_allocator a;
    test_rng rng;

    test_rng_init(&rng, test_seed());
    loam_checked_init(&checked, loam_libc_allocator(), &config);
    a = loam_checked_allocator(&checked);
    for (size_t i = 0; i < rounds; i++) {
        model_block *b = &blocks[test_rng_below(&rng, MODEL)];

        if (b->ptr) {
            change(a, b, &rng);
        } else {
            b->size = 1 + (size_t)test_rng_below(&rng, 300);
            b->align = (size_t)1 << test_rng_below(&rng, 8);
            EXPECT((b->ptr = loam_alloc(a, b->size, b->align)) != NULL);
            memset(b->ptr, (int)(i & 255), b->size);
        }
        if (i % 1000 == 0)
            EXPECT(loam_checked_check(&checked, NULL, NULL));
    }
    for (size_t i = 0; i < MODEL; i++)
        loam_dealloc(a, blocks[i].ptr, blocks[i].size, blocks[i].align);
    EXPECT(stats_of(&checked).live == 0 && stats_of(&checked).blocks == 0);
    EXPECT(loam_checked_check(&checked, NULL, NULL));
    loam_checked_deinit(&checked);
}

/* Addresses in order are the worst case for a tree that does not balance itself: a quarter of a
 * million blocks in ascending order take a second here, and would take hours there. */
TEST(ascending_addresses_stay_fast, fast)
{
    size_t count = test_under_valgrind() ? 20000 : 250000;
    loam_checked_config config = {.red_zone = LOAM_CHECKED_NONE, .quarantine = LOAM_CHECKED_NONE};
    size_t bytes = count * 16;
    unsigned char *buffer = loam_alloc(loam_vm_allocator(), bytes, 16);
    loam_checked checked;
    loam_allocator a;
    size_t next = 0;
    puppet p;

    EXPECT(buffer);
    puppet_init(&p);
    p.buffer = buffer;
    p.step = 16;
    p.bytes = bytes;
    loam_checked_init(&checked, puppet_allocator(&p), &config);
    a = loam_checked_allocator(&checked);
    for (next = 0; next < count; next++)
        EXPECT_PTR(loam_alloc(a, 16, 16), buffer + 16 * next);
    EXPECT(loam_checked_check(&checked, NULL, NULL));
    for (next = 0; next < count; next++)
        loam_dealloc(a, buffer + 16 * next, 16, 16);
    loam_checked_deinit(&checked);
    loam_dealloc(loam_vm_allocator(), buffer, bytes, 16);
}

TEST_MAIN
