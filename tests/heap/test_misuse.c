/* test_misuse.c: each misuse of a heap that a checked build names, with its exact words and the address
 * of the block. */
#include "heap/heap_support.h"

#include <string.h>

#define TWICE   "loam: fatal: block was given back twice: 0x"
#define FOREIGN "loam: fatal: block is not of this allocator: 0x"
#define HEADER  "loam: fatal: header of a block was overwritten: 0x"
#define SIZE    "loam: fatal: block passed back with a size that it does not have: 0x"

enum { MANY = 40, BLOCK = 100 };

/* `block` is the one that is misused; the child does that, so that all stays whole here. */
static heap_world w, other;
static unsigned char *block, *others[MANY];
static unsigned char outside[256];

static void begin(heap_kind kind, size_t granule)
{
    world_begin(&w, kind, granule, 64 * KIB);
    world_begin(&other, HEAP_BUFFER, granule, 16 * KIB);
    for (size_t i = 0; i < MANY / 2; i++)
        others[i] = (unsigned char *)must_alloc(w.heap, BLOCK);
    block = (unsigned char *)must_alloc(w.heap, BLOCK);
    for (size_t i = MANY / 2; i < MANY; i++)
        others[i] = (unsigned char *)must_alloc(w.heap, BLOCK);
}

static void end(void)
{
    EXPECT_GOOD_HEAP(w.heap);
    world_end(&other);
    world_end(&w);
}

/* Expects that a misuse ends a child with these words, and the address of `block`, and so many bytes,
 * in heaps of each kind. `prepare` may be NULL. */
static void expect_death(void (*prepare)(void), test_fn misuse, const char *line)
{
    if (!LOAM_CHECKS)
        TEST_SKIP("not a checked build");
    for (int kind = 0; kind < HEAP_KINDS; kind++) {
        size_t granule = kind % 2 ? 8 : 16;

        test_note("%s, granule %zu", heap_kind_name((heap_kind)kind), granule);
        begin((heap_kind)kind, granule);
        if (prepare)
            prepare();
        test_dies_with(misuse, NULL, line, block);
        end();
    }
    test_note(NULL);
}

static void give(void *context)
{
    (void)context;
    loam_heap_dealloc(w.heap, block);
}

/* ---- given back twice ---- */

static void give_twice(void *context)
{
    give(context);
    give(context);
}

TEST(double_free, fast)
{
    expect_death(NULL, give_twice, TWICE);
}

/* The block is swallowed by one in front of it meanwhile. */
static void give_neighbours_between(void *context)
{
    give(context);
    for (size_t i = 0; i < MANY; i++)
        loam_heap_dealloc(w.heap, others[i]);
    give(context);
}

TEST(double_free_after_coalescing, fast)
{
    expect_death(NULL, give_neighbours_between, TWICE);
}

static void give_by_other_doors(void *context)
{
    give(context);
    loam_dealloc(loam_heap_allocator(w.heap), block, BLOCK, 8);
}

TEST(double_free_through_the_handle, fast)
{
    expect_death(NULL, give_by_other_doors, TWICE);
}

static void give_sized_twice(void *context)
{
    (void)context;
    loam_heap_dealloc_sized(w.heap, block, BLOCK);
    loam_heap_dealloc_sized(w.heap, block, BLOCK);
}

TEST(double_free_sized, fast)
{
    expect_death(NULL, give_sized_twice, TWICE);
}

static void realloc_after_free(void *context)
{
    give(context);
    (void)!loam_heap_realloc(w.heap, block, 200);
}

TEST(realloc_of_a_freed_block, fast)
{
    expect_death(NULL, realloc_after_free, TWICE);
}

static void resize_after_free(void *context)
{
    give(context);
    (void)!loam_heap_resize(w.heap, block, 50);
}

TEST(resize_of_a_freed_block, fast)
{
    expect_death(NULL, resize_after_free, TWICE);
}

/* ---- foreign pointers ---- */

static void on_the_stack(void)
{
    block = outside + ((0 - (uintptr_t)outside) & 15);
}

TEST(foreign_pointer, fast)
{
    expect_death(on_the_stack, give, FOREIGN);
}

static void of_another_heap(void)
{
    block = (unsigned char *)must_alloc(other.heap, BLOCK);
}

TEST(block_of_another_heap, fast)
{
    expect_death(of_another_heap, give, FOREIGN);
}

static void inside(void)
{
    block += 16;
}

TEST(pointer_into_a_block, fast)
{
    expect_death(inside, give, FOREIGN);
}

static void odd(void)
{
    block += 1;
}

TEST(pointer_that_is_not_aligned, fast)
{
    expect_death(odd, give, FOREIGN);
}

static void the_heap_itself(void)
{
    block = (unsigned char *)w.heap;
}

TEST(the_heap_is_no_block, fast)
{
    expect_death(the_heap_itself, give, FOREIGN);
}

static void far_away(void)
{
    block = (unsigned char *)(uintptr_t)16;
}

TEST(small_number_is_no_block, fast)
{
    expect_death(far_away, give, FOREIGN);
}

static void resize_foreign(void *context)
{
    (void)context;
    (void)!loam_heap_resize(w.heap, block, 20);
}

TEST(resize_of_a_foreign_pointer, fast)
{
    expect_death(on_the_stack, resize_foreign, FOREIGN);
}

static void realloc_foreign(void *context)
{
    (void)context;
    (void)!loam_heap_realloc_aligned(w.heap, block, 20, 64);
}

TEST(realloc_of_a_foreign_pointer, fast)
{
    expect_death(on_the_stack, realloc_foreign, FOREIGN);
}

/* ---- overwritten headers ---- */

static void overrun_from_the_block_in_front(void *context)
{
    for (size_t i = 0; i < WORD_SIZE; i++)
        raw_store(block - WORD_SIZE + i, 'y');
    give(context);
}

TEST(header_overwritten_by_text, fast)
{
    if (WORD_SIZE != 8)
        TEST_SKIP("headers have no room for a code");
    expect_death(NULL, overrun_from_the_block_in_front, HEADER);
}

/* The size is a little bigger, which would swallow a neighbour. */
static void size_field_changed(void *context)
{
    raw_store(block - WORD_SIZE, (unsigned char)(raw_load(block - WORD_SIZE) + 16));
    give(context);
}

TEST(header_with_another_size, fast)
{
    if (WORD_SIZE != 8)
        TEST_SKIP("headers have no room for a code");
    expect_death(NULL, size_field_changed, HEADER);
}

static void zeros_over_the_header(void *context)
{
    for (size_t i = 0; i < WORD_SIZE; i++)
        raw_store(block - WORD_SIZE + i, 0);
    (void)!loam_heap_realloc(w.heap, block, 3000);
    (void)context;
}

/* A header of zeros is that of a free block: which of both happened can't be told. */
TEST(header_of_zeros, fast)
{
    test_child child;

    if (!LOAM_CHECKS)
        TEST_SKIP("not a checked build");
    begin(HEAP_BUFFER, 16);
    test_run_child(zeros_over_the_header, NULL, &child);
    EXPECT(strstr(child.output, "loam: fatal: ") != NULL);
    EXPECT(child.exit_code != 0);
    end();
}

/* The header behind a block is checked too: that is where an overrun writes. */
static unsigned char *lowest(void)
{
    unsigned char *low = block;

    for (size_t i = 0; i < MANY; i++)
        low = others[i] < low ? others[i] : low;
    return low;
}

static void choose_lowest(void)
{
    block = lowest();
}

static void overrun_the_block(void *context)
{
    size_t usable = loam_heap_usable_size(w.heap, block);

    for (size_t i = BLOCK; i < usable + WORD_SIZE; i++)
        raw_store(block + i, 'x');
    give(context);
}

TEST(overrun_into_the_next_header, fast)
{
    if (WORD_SIZE != 8)
        TEST_SKIP("headers have no room for a code");
    expect_death(choose_lowest, overrun_the_block, HEADER);
}

/* ---- wrong sizes ---- */

static void give_as_bigger(void *context)
{
    (void)context;
    loam_heap_dealloc_sized(w.heap, block, BLOCK + 200);
}

TEST(size_that_is_too_big, fast)
{
    expect_death(NULL, give_as_bigger, SIZE);
}

static void give_as_smaller(void *context)
{
    (void)context;
    loam_heap_dealloc_sized(w.heap, block, BLOCK / 2);
}

TEST(size_that_is_too_small, fast)
{
    expect_death(NULL, give_as_smaller, SIZE);
}

static void give_off_by_one(void *context)
{
    (void)context;
    loam_heap_dealloc_sized(w.heap, block, BLOCK - 1);
}

TEST(size_that_is_off_by_one, fast)
{
    if (WORD_SIZE != 8)
        TEST_SKIP("headers have no room for the size asked for");
    expect_death(NULL, give_off_by_one, SIZE);
}

static void give_wrong_by_the_handle(void *context)
{
    (void)context;
    loam_dealloc(loam_heap_allocator(w.heap), block, BLOCK + 40, 8);
}

TEST(size_that_is_wrong_through_the_handle, fast)
{
    expect_death(NULL, give_wrong_by_the_handle, SIZE);
}

static void give_the_old_size(void *context)
{
    (void)context;
    EXPECT(loam_heap_resize(w.heap, block, 20));
    loam_heap_dealloc_sized(w.heap, block, BLOCK);
}

TEST(size_of_before_a_resize, fast)
{
    expect_death(NULL, give_the_old_size, SIZE);
}

/* ---- what is no misuse ---- */

static void every_right_way(void *context)
{
    (void)context;
    loam_heap_dealloc_sized(w.heap, block, BLOCK);
    loam_dealloc(loam_heap_allocator(w.heap), others[0], BLOCK, 1);
    EXPECT(loam_heap_resize(w.heap, others[1], 50));
    loam_heap_dealloc_sized(w.heap, others[1], 50);
    others[2] = (unsigned char *)loam_heap_realloc(w.heap, others[2], 2000);
    EXPECT(others[2] != NULL);
    loam_heap_dealloc_sized(w.heap, others[2], 2000);
    EXPECT(loam_heap_resize(w.heap, others[3], loam_heap_usable_size(w.heap, others[3])));
    loam_heap_dealloc_sized(w.heap, others[3], loam_heap_usable_size(w.heap, others[3]));
    for (size_t i = 4; i < MANY; i++)
        loam_heap_dealloc(w.heap, others[i]);
    EXPECT_EQ(heap_stats(w.heap).blocks, 0);
}

TEST(right_ways_live, fast)
{
    for (int kind = 0; kind < HEAP_KINDS; kind++) {
        begin((heap_kind)kind, 16);
        test_survives(every_right_way, NULL);
        end();
    }
}

/* ---- tools ---- */

static void read_after_free(void *context)
{
    give(context);
    *(volatile unsigned char *)block = *(volatile unsigned char *)(block + 40);
}

static void read_behind(void *context)
{
    (void)context;
    *(volatile unsigned char *)block = *(volatile unsigned char *)(block + BLOCK);
}

static void read_behind_shrunk(void *context)
{
    (void)context;
    EXPECT(loam_heap_resize(w.heap, block, 40));
    *(volatile unsigned char *)block = *(volatile unsigned char *)(block + 41);
}

TEST(asan_sees_who_owns_what, fast)
{
    if (!test_under_asan())
        TEST_SKIP("not under AddressSanitizer");
    for (int kind = 0; kind < HEAP_KINDS; kind++) {
        begin((heap_kind)kind, 16);
        test_faults(read_after_free, NULL);
        test_faults(read_behind, NULL);
        test_faults(read_behind_shrunk, NULL);
        test_survives(every_right_way, NULL);
        end();
    }
}

TEST_MAIN
