/* Bugs of the allocator below a checked one, one case each. */
#include "misuse/misuse.h"

static void alloc_one(void *context)
{
    (void)context;
    (void)!loam_alloc(a, SIZE, ALIGN);
}

/* The address of the next raw block of a sound puppet. */
static unsigned char *next_raw(void)
{
    return below.buffer + below.used;
}

TEST(misaligned_block, fast)
{
    set_up(NULL);
    below.bug = PUPPET_MISALIGNED;
    DIES(alloc_one, "allocator broke its contract", next_raw() + 1);
}

TEST(block_over_a_live_one, fast)
{
    set_up(NULL);
    below.bug = PUPPET_OVERLAPPING;
    DIES(alloc_one, "allocator broke its contract", below.buffer + below.newest + ALIGN);
}

TEST(same_block_again, fast)
{
    set_up(NULL);
    below.bug = PUPPET_SAME_AGAIN;
    DIES(alloc_one, "allocator broke its contract", below.buffer + below.newest);
}

/* What is in quarantine was not given back below, so it can't come from there. */
TEST(block_over_the_quarantine, fast)
{
    set_up(NULL);
    loam_dealloc(a, block, SIZE, ALIGN);
    below.bug = PUPPET_OVERLAPPING;
    DIES(alloc_one, "allocator broke its contract", below.buffer + below.newest + ALIGN);
}

TEST(block_that_owns_denies, fast)
{
    set_up(NULL);
    below.bug = PUPPET_DENIES;
    DIES(alloc_one, "allocator broke its contract", next_raw());
}

static void zalloc_one(void *context)
{
    (void)context;
    (void)!loam_zalloc(a, SIZE, ALIGN);
}

TEST(zeroed_block_that_is_not_zero, fast)
{
    unsigned char *raw;

    set_up(NULL);
    raw = next_raw();
    below.bug = PUPPET_DIRTY_ZERO;
    DIES(zalloc_one, "allocator broke its contract", raw + LOAM_CHECKED_RED_ZONE);
}

/* ---- resize and remap ---- */

static void grow_in_place(void *context)
{
    (void)context;
    (void)!loam_resize(a, block, SIZE, PUPPET_STEP, ALIGN);
}

/* The neighbour lies right behind the PUPPET_STEP bytes of the block. */
TEST(resize_over_the_neighbour, fast)
{
    unsigned char *raw;

    set_up(NULL);
    raw = below.buffer + below.newest;
    EXPECT(loam_alloc(a, SIZE, ALIGN));
    below.bug = PUPPET_GROWS_OVER;
    DIES(grow_in_place, "allocator broke its contract", raw);
}

static void move(void *context)
{
    (void)context;
    (void)!loam_remap(a, block, SIZE, 1000, ALIGN);
}

TEST(remap_over_a_live_block, fast)
{
    set_up(NULL);
    EXPECT(loam_alloc(a, SIZE, ALIGN));
    below.bug = PUPPET_MOVES_OVER;
    DIES(move, "allocator broke its contract", below.buffer + below.newest + ALIGN);
}

TEST(remap_to_a_misaligned_address, fast)
{
    set_up(NULL);
    below.bug = PUPPET_MISALIGNED;
    DIES(move, "allocator broke its contract", next_raw() + 1);
}

TEST(remap_that_loses_the_contents, fast)
{
    set_up(NULL);
    below.bug = PUPPET_LOSES_CONTENTS;
    DIES(move, "allocator broke its contract", next_raw() + LOAM_CHECKED_RED_ZONE);
}

/* The caller's bytes are looked at where no tool watches; see loam_checked. */
static void skip_under_tools(void)
{
    if (test_under_asan() || test_under_valgrind())
        TEST_SKIP("contents are not compared under this tool");
}

/* Without red zones only the contents can tell. */
TEST(remap_that_loses_only_the_contents, fast)
{
    skip_under_tools();
    set_up(&(loam_checked_config){.red_zone = LOAM_CHECKED_NONE});
    below.bug = PUPPET_LOSES_CONTENTS;
    DIES(move, "allocator broke its contract", next_raw());
}

TEST(refused_resize_that_wrote, fast)
{
    skip_under_tools();
    set_up(NULL);
    below.bug = PUPPET_SPOILS_REFUSED;
    DIES(grow_in_place, "allocator broke its contract", block);
}

TEST(refused_remap_that_wrote, fast)
{
    skip_under_tools();
    set_up(NULL);
    below.bug = PUPPET_SPOILS_REFUSED;
    DIES(move, "allocator broke its contract", block);
}

enum { BIG = 20000 };

static void shrink_big(void *context)
{
    (void)!loam_resize(a, context, BIG, BIG - 1, ALIGN);
}

/* Of a big block each end is looked at by itself: the last byte that must be kept, and the first. */
TEST(refused_resize_that_wrote_at_an_end, fast)
{
    const size_t ends[] = {0, 1, 4095, BIG - 4097, BIG - 3, BIG - 2};
    unsigned char *big;

    skip_under_tools();
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        set_up(NULL);
        big = loam_alloc(a, BIG, ALIGN);
        EXPECT(big);
        below.bug = PUPPET_SPOILS_REFUSED;
        below.spoil_at = LOAM_CHECKED_RED_ZONE + ends[i];
        test_dies_with(shrink_big, big, "loam: fatal: allocator broke its contract: 0x", big);
    }
}

/* ---- dealloc, good_size ---- */

static void dealloc_one(void *context)
{
    (void)context;
    loam_dealloc(a, block, SIZE, ALIGN);
}

TEST(dealloc_that_sets_errno, fast)
{
    set_up(&(loam_checked_config){.quarantine = LOAM_CHECKED_NONE});
    below.bug = PUPPET_SETS_ERRNO;
    DIES(dealloc_one, "allocator broke its contract", block);
}

static void ask_good_size(void *context)
{
    (void)context;
    (void)!loam_good_size(a, SIZE, ALIGN);
}

TEST(good_size_that_is_too_small, fast)
{
    set_up(NULL);
    below.bug = PUPPET_SMALL_GOOD;
    DIES(ask_good_size, "allocator broke its contract", (void *)(uintptr_t)SIZE);
}

/* ---- A10 ---- */

static void call_again(void *context)
{
    (void)context;
    (void)!loam_alloc(a, 8, 8);
}

TEST(alloc_that_calls_back, fast)
{
    set_up(NULL);
    below.on_call = call_again;
    DIES(alloc_one, "allocator called back into itself", &checked);
}

TEST(remap_that_calls_back, fast)
{
    set_up(NULL);
    below.on_call = call_again;
    DIES(move, "allocator called back into itself", &checked);
}

TEST(dealloc_that_calls_back, fast)
{
    set_up(&(loam_checked_config){.quarantine = LOAM_CHECKED_NONE});
    below.on_call = call_again;
    DIES(dealloc_one, "allocator called back into itself", &checked);
}

TEST_MAIN
