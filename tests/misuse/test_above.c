/* Bugs of the code above a checked allocator, one case each. */
#include "misuse/misuse.h"

/* ---- A1: what the wrappers never let through, called past them ---- */

static void alloc_nothing(void *context)
{
    (void)context;
    (void)!a.ops->alloc(a.self, 0, ALIGN);
}

TEST(alloc_of_no_bytes, fast)
{
    set_up(NULL);
    DIES(alloc_nothing, "size is 0 or above PTRDIFF_MAX", NULL);
}

static void zalloc_too_much(void *context)
{
    (void)context;
    (void)!a.ops->zalloc(a.self, SIZE_MAX, ALIGN);
}

TEST(zalloc_of_too_many_bytes, fast)
{
    set_up(NULL);
    DIES(zalloc_too_much, "size is 0 or above PTRDIFF_MAX", (void *)UINTPTR_MAX);
}

static void alloc_odd(void *context)
{
    (void)context;
    (void)!a.ops->alloc(a.self, 8, 24);
}

TEST(alloc_with_odd_alignment, fast)
{
    set_up(NULL);
    DIES(alloc_odd, "alignment is not a power of two", (void *)24);
}

static void resize_to_nothing(void *context)
{
    (void)context;
    (void)!a.ops->resize(a.self, block, SIZE, 0, ALIGN);
}

TEST(resize_to_no_bytes, fast)
{
    set_up(NULL);
    DIES(resize_to_nothing, "size is 0 or above PTRDIFF_MAX", NULL);
}

static void remap_to_too_much(void *context)
{
    (void)context;
    (void)!a.ops->remap(a.self, block, SIZE, SIZE_MAX, ALIGN);
}

TEST(remap_to_too_many_bytes, fast)
{
    set_up(NULL);
    DIES(remap_to_too_much, "size is 0 or above PTRDIFF_MAX", (void *)UINTPTR_MAX);
}

static void dealloc_nothing(void *context)
{
    (void)context;
    a.ops->dealloc(a.self, block, 0, ALIGN);
}

TEST(dealloc_of_no_bytes, fast)
{
    set_up(NULL);
    DIES(dealloc_nothing, "size is 0 or above PTRDIFF_MAX", NULL);
}

static void ask_good_size_of_nothing(void *context)
{
    (void)context;
    (void)!a.ops->good_size(a.self, 0, ALIGN);
}

TEST(good_size_of_no_bytes, fast)
{
    set_up(NULL);
    DIES(ask_good_size_of_nothing, "size is 0 or above PTRDIFF_MAX", NULL);
}

/* ---- A3: blocks that come back ---- */

static void dealloc_one_more(void *context)
{
    (void)context;
    loam_dealloc(a, block, SIZE + 1, ALIGN);
}

TEST(dealloc_with_wrong_size, fast)
{
    set_up(NULL);
    DIES(dealloc_one_more, "block passed back with a size that it does not have", block);
}

static void dealloc_old_size(void *context)
{
    (void)context;
    if (loam_resize(a, block, SIZE, SIZE + 20, ALIGN))
        loam_dealloc(a, block, SIZE, ALIGN);
}

TEST(dealloc_with_the_size_before_resize, fast)
{
    set_up(NULL);
    DIES(dealloc_old_size, "block passed back with a size that it does not have", block);
}

static void resize_wrong(void *context)
{
    (void)context;
    (void)!loam_resize(a, block, SIZE - 1, SIZE + 1, ALIGN);
}

TEST(resize_with_wrong_size, fast)
{
    set_up(NULL);
    DIES(resize_wrong, "block passed back with a size that it does not have", block);
}

static void dealloc_misaligned(void *context)
{
    (void)context;
    loam_dealloc(a, block, SIZE, 2 * (size_t)ALIGN);
}

TEST(dealloc_with_wrong_alignment, fast)
{
    set_up(NULL);
    DIES(dealloc_misaligned, "block passed back with an alignment that it does not have", block);
}

static void remap_misaligned(void *context)
{
    (void)context;
    (void)!loam_remap(a, block, SIZE, 200, ALIGN / 2);
}

TEST(remap_with_wrong_alignment, fast)
{
    set_up(NULL);
    DIES(remap_misaligned, "block passed back with an alignment that it does not have", block);
}

static char foreign[SIZE];

static void dealloc_foreign(void *context)
{
    (void)context;
    loam_dealloc(a, foreign, SIZE, 1);
}

TEST(dealloc_of_foreign_memory, fast)
{
    set_up(NULL);
    DIES(dealloc_foreign, "block is not of this allocator", foreign);
}

static void dealloc_inside(void *context)
{
    (void)context;
    loam_dealloc(a, block + ALIGN, SIZE - ALIGN, ALIGN);
}

TEST(dealloc_of_an_inner_address, fast)
{
    set_up(NULL);
    DIES(dealloc_inside, "block is not of this allocator", block + ALIGN);
}

static void resize_foreign(void *context)
{
    (void)context;
    (void)!loam_resize(a, foreign, SIZE, SIZE - 1, 1);
}

TEST(resize_of_foreign_memory, fast)
{
    set_up(NULL);
    DIES(resize_foreign, "block is not of this allocator", foreign);
}

static void dealloc_null(void *context)
{
    (void)context;
    a.ops->dealloc(a.self, NULL, SIZE, ALIGN);
}

TEST(dealloc_of_null_past_the_wrapper, fast)
{
    set_up(NULL);
    DIES(dealloc_null, "block is not of this allocator", NULL);
}

static void dealloc_twice(void *context)
{
    (void)context;
    loam_dealloc(a, block, SIZE, ALIGN);
    loam_dealloc(a, block, SIZE, ALIGN);
}

TEST(dealloc_twice_in_quarantine, fast)
{
    set_up(NULL);
    DIES(dealloc_twice, "block was given back twice", block);
}

/* The address is remembered for a while after the block has left. */
TEST(dealloc_twice_without_quarantine, fast)
{
    set_up(&(loam_checked_config){.quarantine = LOAM_CHECKED_NONE});
    DIES(dealloc_twice, "block was given back twice", block);
}

/* Gives the block back, then so many others, and then the block again. */
static void dealloc_twice_late(void *context)
{
    loam_dealloc(a, block, SIZE, ALIGN);
    for (size_t i = 0; i < *(const size_t *)context; i++)
        loam_dealloc(a, loam_alloc(a, SIZE, ALIGN), SIZE, ALIGN);
    loam_dealloc(a, block, SIZE, ALIGN);
}

/* For as long as it says: then the address is a foreign one. */
TEST(dealloc_twice_long_after, fast)
{
    size_t between = LOAM_CHECKED_RECENT - 1;

    set_up(&(loam_checked_config){.quarantine = LOAM_CHECKED_NONE});
    test_dies_with(dealloc_twice_late, &between, "loam: fatal: block was given back twice: 0x",
                   block);
    between++;
    test_dies_with(dealloc_twice_late, &between, "loam: fatal: block is not of this allocator: 0x",
                   block);
}

static void dealloc_after_move(void *context)
{
    (void)context;
    if (loam_remap(a, block, SIZE, 1000, ALIGN))
        loam_dealloc(a, block, SIZE, ALIGN);
}

TEST(dealloc_of_the_address_before_remap, fast)
{
    set_up(NULL);
    DIES(dealloc_after_move, "block was given back twice", block);
}

static void resize_after_dealloc(void *context)
{
    (void)context;
    loam_dealloc(a, block, SIZE, ALIGN);
    (void)!loam_resize(a, block, SIZE, SIZE + 1, ALIGN);
}

TEST(resize_of_a_block_given_back, fast)
{
    set_up(NULL);
    DIES(resize_after_dealloc, "block was used after it was given back", block);
}

static void remap_after_dealloc(void *context)
{
    (void)context;
    loam_dealloc(a, block, SIZE, ALIGN);
    (void)!loam_remap(a, block, SIZE, SIZE + 1, ALIGN);
}

TEST(remap_of_a_block_given_back, fast)
{
    set_up(NULL);
    DIES(remap_after_dealloc, "block was used after it was given back", block);
}

/* ---- writes where nobody may write ---- */

static void overrun_by_one(void *context)
{
    (void)context;
    poke(block, SIZE, 0);
    loam_dealloc(a, block, SIZE, ALIGN);
}

TEST(overrun_by_one_byte, fast)
{
    set_up(NULL);
    DIES(overrun_by_one, "write behind the end of a block", block);
}

static void overrun_far(void *context)
{
    (void)context;
    poke(block, SIZE + LOAM_CHECKED_RED_ZONE - 1, 0);
    loam_dealloc(a, block, SIZE, ALIGN);
}

TEST(overrun_at_the_end_of_the_zone, fast)
{
    set_up(NULL);
    DIES(overrun_far, "write behind the end of a block", block);
}

static void overrun_then_resize(void *context)
{
    (void)context;
    poke(block, SIZE, 0);
    (void)!loam_resize(a, block, SIZE, SIZE + 20, ALIGN);
}

TEST(overrun_found_by_resize, fast)
{
    set_up(NULL);
    DIES(overrun_then_resize, "write behind the end of a block", block);
}

static void overrun_then_remap(void *context)
{
    (void)context;
    poke(block, SIZE, 0);
    (void)!loam_remap(a, block, SIZE, 1000, ALIGN);
}

TEST(overrun_found_by_remap, fast)
{
    set_up(NULL);
    DIES(overrun_then_remap, "write behind the end of a block", block);
}

static void overrun_then_end(void *context)
{
    (void)context;
    poke(block, SIZE, 0);
    loam_checked_deinit(&checked);
}

/* Damage is worse than the leak, and told first. */
TEST(overrun_found_at_the_end, fast)
{
    set_up(NULL);
    DIES(overrun_then_end, "write behind the end of a block", block);
}

static void overrun_then_reset(void *context)
{
    (void)context;
    poke(block, SIZE, 0);
    loam_checked_reset(&checked);
}

TEST(overrun_found_by_reset, fast)
{
    set_up(NULL);
    DIES(overrun_then_reset, "write behind the end of a block", block);
}

static void write_where_it_was_bigger(void *context)
{
    (void)context;
    if (loam_resize(a, block, SIZE, SIZE / 2, ALIGN)) {
        poke(block, SIZE / 2, 0);
        loam_dealloc(a, block, SIZE / 2, ALIGN);
    }
}

TEST(overrun_of_a_shrunk_block, fast)
{
    set_up(NULL);
    DIES(write_where_it_was_bigger, "write behind the end of a block", block);
}

static void underrun_by_one(void *context)
{
    (void)context;
    poke(block, -1, 0);
    loam_dealloc(a, block, SIZE, ALIGN);
}

TEST(underrun_by_one_byte, fast)
{
    set_up(NULL);
    DIES(underrun_by_one, "write before the start of a block", block);
}

static void underrun_far(void *context)
{
    (void)context;
    poke(block, -LOAM_CHECKED_RED_ZONE, 0);
    loam_dealloc(a, block, SIZE, ALIGN);
}

TEST(underrun_at_the_end_of_the_zone, fast)
{
    set_up(NULL);
    DIES(underrun_far, "write before the start of a block", block);
}

static void write_late_then_end(void *context)
{
    (void)context;
    loam_dealloc(a, block, SIZE, ALIGN);
    poke(block, SIZE / 2, 0);
    loam_checked_deinit(&checked);
}

TEST(write_after_free_found_at_the_end, fast)
{
    set_up(NULL);
    DIES(write_late_then_end, "write to a block that was given back", block);
}

static void write_late_then_go_on(void *context)
{
    (void)context;
    loam_dealloc(a, block, SIZE, ALIGN);
    poke(block, 0, 0);
    for (int i = 0; i < 100; i++)
        loam_dealloc(a, loam_alloc(a, SIZE, ALIGN), SIZE, ALIGN);
}

TEST(write_after_free_found_when_it_leaves, fast)
{
    set_up(&(loam_checked_config){.quarantine = 2000});
    DIES(write_late_then_go_on, "write to a block that was given back", block);
}

static void write_late_into_zone(void *context)
{
    (void)context;
    loam_dealloc(a, block, SIZE, ALIGN);
    poke(block, -1, 0);
    loam_checked_deinit(&checked);
}

TEST(write_after_free_before_the_block, fast)
{
    set_up(NULL);
    DIES(write_late_into_zone, "write to a block that was given back", block);
}

/* ---- AddressSanitizer knows what is nobody's, and reports at the access itself ---- */

static void expect_report(test_fn function)
{
    if (!test_under_asan())
        TEST_SKIP("needs AddressSanitizer");
    set_up(NULL);
    test_faults(function, NULL);
}

static void write_behind(void *context)
{
    (void)context;
    ((volatile unsigned char *)block)[SIZE] = 0;
}

TEST(sanitizer_sees_overrun, fast)
{
    expect_report(write_behind);
}

static void write_before(void *context)
{
    (void)context;
    ((volatile unsigned char *)block)[-1] = 0;
}

TEST(sanitizer_sees_underrun, fast)
{
    expect_report(write_before);
}

static void read_late(void *context)
{
    (void)context;
    loam_dealloc(a, block, SIZE, ALIGN);
    (void)((volatile unsigned char *)block)[0];
}

TEST(sanitizer_sees_use_after_free, fast)
{
    expect_report(read_late);
}

static void write_where_it_was(void *context)
{
    (void)context;
    if (loam_resize(a, block, SIZE, SIZE / 2, ALIGN))
        ((volatile unsigned char *)block)[SIZE / 2] = 0;
}

TEST(sanitizer_sees_overrun_of_a_shrunk_block, fast)
{
    expect_report(write_where_it_was);
}

static void write_after_refusal(void *context)
{
    (void)context;
    if (!loam_resize(a, block, SIZE, PUPPET_STEP, ALIGN))
        ((volatile unsigned char *)block)[SIZE] = 0;
}

TEST(sanitizer_sees_overrun_after_a_refused_resize, fast)
{
    expect_report(write_after_refusal);
}

static void write_after_check(void *context)
{
    (void)context;
    if (loam_checked_check(&checked, NULL, NULL))
        ((volatile unsigned char *)block)[-1] = 0;
}

TEST(sanitizer_sees_underrun_after_a_check, fast)
{
    expect_report(write_after_check);
}

static void read_late_after_check(void *context)
{
    (void)context;
    loam_dealloc(a, block, SIZE, ALIGN);
    if (loam_checked_check(&checked, NULL, NULL))
        (void)((volatile unsigned char *)block)[0];
}

TEST(sanitizer_sees_use_after_free_after_a_check, fast)
{
    expect_report(read_late_after_check);
}

/* ---- the end ---- */

static void end(void *context)
{
    (void)context;
    loam_checked_deinit(&checked);
}

TEST(leak_of_the_only_block, fast)
{
    set_up(NULL);
    DIES(end, "allocator ended with live blocks", block);
}

/* The oldest of those that are left, which is neither the first nor the lowest one. */
TEST(leak_of_several_blocks, fast)
{
    unsigned char *second, *third;

    set_up(NULL);
    second = loam_alloc(a, SIZE, ALIGN);
    third = loam_alloc(a, SIZE, ALIGN);
    loam_dealloc(a, block, SIZE, ALIGN);
    EXPECT(second && third && (second = loam_remap(a, second, SIZE, 1000, ALIGN)) != NULL);
    EXPECT(second > third);
    DIES(end, "allocator ended with live blocks", second);
}

static void end_and_call(void *context)
{
    (void)context;
    loam_dealloc(a, block, SIZE, ALIGN);
    loam_checked_deinit(&checked);
    (void)!loam_alloc(a, SIZE, ALIGN);
}

TEST(call_after_the_end, fast)
{
    set_up(NULL);
    DIES(end_and_call, "allocator was moved after init, or has ended", &checked);
}

static void end_twice(void *context)
{
    (void)context;
    loam_dealloc(a, block, SIZE, ALIGN);
    loam_checked_deinit(&checked);
    loam_checked_deinit(&checked);
}

TEST(ended_twice, fast)
{
    set_up(NULL);
    DIES(end_twice, "allocator was moved after init, or has ended", &checked);
}

static void end_and_reset(void *context)
{
    (void)context;
    loam_dealloc(a, block, SIZE, ALIGN);
    loam_checked_deinit(&checked);
    loam_checked_reset(&checked);
}

TEST(reset_after_the_end, fast)
{
    set_up(NULL);
    DIES(end_and_reset, "allocator was moved after init, or has ended", &checked);
}

static loam_checked copy;

static void call_copy(void *context)
{
    (void)context;
    copy = checked;
    (void)!loam_alloc(loam_checked_allocator(&copy), SIZE, ALIGN);
}

TEST(call_to_a_copy, fast)
{
    set_up(NULL);
    DIES(call_copy, "allocator was moved after init, or has ended", &copy);
}

/* ---- A10 from above: callbacks and records that come back in ---- */

static void allocate_in_callback(void *context, const loam_checked_block *leaked)
{
    (void)context;
    (void)leaked;
    (void)!loam_alloc(a, 8, 8);
}

TEST(leak_callback_allocates, fast)
{
    set_up(&(loam_checked_config){.on_leak = allocate_in_callback});
    DIES(end, "allocator called back into itself", &checked);
}

static void alloc_once(void *context)
{
    (void)context;
    (void)!loam_alloc(a, SIZE, ALIGN);
}

TEST(records_from_itself, fast)
{
    loam_checked_config config = {.records = loam_checked_allocator(&checked)};

    puppet_init(&below);
    loam_checked_init(&checked, puppet_allocator(&below), &config);
    a = loam_checked_allocator(&checked);
    DIES(alloc_once, "allocator called back into itself", &checked);
}

TEST_MAIN
