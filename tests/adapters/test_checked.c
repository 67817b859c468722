/* test_checked.c: what checked does for code that is right: contents and red zones, the quarantine,
 * refusals, and the end. What it finds is in tests/misuse; the records that it keeps of blocks are
 * in test_checked_records.c. */
#include "adapters/checked_fixture.h"

#include "internal/mark.h"

#include <errno.h>
#include <string.h>

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

TEST_MAIN
