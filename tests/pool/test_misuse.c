/* test_misuse.c: each misuse of a pool that a checked build names, with its exact words and the
 * address of the block; over granules and over an allocator. */
#include "pool/pool_support.h"

#include <stdlib.h>
#include <string.h>

#define TWICE   "loam: fatal: block was given back twice: 0x"
#define FOREIGN "loam: fatal: block is not of this allocator: 0x"
#define WRITTEN "loam: fatal: write to a block that was given back: 0x"
#define CACHE   "loam: fatal: cache was given a block that it cannot hold: 0x"
#define SIZE    "loam: fatal: block passed back with a size that it does not have: 0x"

/* Blocks of 192 bytes are aligned to 64, so that an aligned pointer may lie inside of one. */
enum { MANY = 200, BLOCK = 192, OF_POOL = 256 };

/* A class and a pool on one source, and a class of the same size on another one. `block` is the one
 * that is misused; the child does that, so that all stays whole here. */
typedef struct world {
    source src, elsewhere;
    loam_pool_class cls, stranger;
    loam_pool pool;
    char *block;
    char *others[MANY];
} world;

static world the;
static _Alignas(64) char outside[256];

static void begin_world(source_kind kind)
{
    loam_pool_config config;

    memset(&the, 0, sizeof the);
    source_begin(&the.src, kind);
    source_begin(&the.elsewhere, kind);
    config = pool_config(&the.src);
    begin_class_of(&the.cls, &the.src, BLOCK);
    begin_class_of(&the.stranger, &the.elsewhere, BLOCK);
    begin_pool(&the.pool, &config);
}

static void end_world(void)
{
    EXPECT_GOOD_CLASS(&the.cls);
    loam_pool_deinit(&the.pool);
    loam_pool_class_deinit(&the.stranger);
    loam_pool_class_deinit(&the.cls);
    source_end(&the.elsewhere);
    source_end(&the.src);
}

static void take_others(void)
{
    for (size_t i = 0; i < MANY; i++)
        the.others[i] = (char *)must_take(&the.cls);
}

/* Sets a world up, prepares it, and expects that the misuse ends a child with these words, and the
 * address of `block` and so many bytes. */
static void expect_death_over(source_kind kind, void (*prepare)(void), test_fn misuse,
                              const char *line)
{
    test_note("over %s", source_name(kind));
    begin_world(kind);
    prepare();
    test_dies_with(misuse, NULL, line, the.block);
    end_world();
    test_note(NULL);
}

static void expect_death(void (*prepare)(void), test_fn misuse, const char *line)
{
    static const source_kind kinds[] = {SOURCE_REGION, SOURCE_REGIONS, SOURCE_LIBC};

    if (!LOAM_CHECKS)
        TEST_SKIP("not a checked build");
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        expect_death_over(kinds[k], prepare, misuse, line);
}

/* ---- states of `block` ---- */

static void alone(void)
{
    the.block = (char *)must_take(&the.cls);
}

static void among_others(void)
{
    alone();
    take_others();
}

static void on_the_stack(void)
{
    alone(); /* there is a slab */
    the.block = outside + 64;
}

static void of_another_source(void)
{
    alone();
    the.block = (char *)must_take(&the.stranger);
}

static void of_the_pool(void)
{
    alone();
    the.block = (char *)loam_pool_take(&the.pool, OF_POOL);
    EXPECT(the.block != NULL);
}

static void interior(void)
{
    among_others();
    the.block = the.others[3] + 64;
}

static void interior_odd(void)
{
    among_others();
    the.block = the.others[3] + 1;
}

/* In a slab, but never handed out. */
static void fresh(void)
{
    alone();
    the.block += BLOCK * 50;
}

static void of_a_slab_that_went(void)
{
    alone();
    loam_pool_class_give(&the.cls, the.block);
    (void)loam_pool_class_trim(&the.cls);
}

/* ---- double give ---- */

static void give(void *context)
{
    (void)context;
    loam_pool_class_give(&the.cls, the.block);
}

static void give_twice(void *context)
{
    give(context);
    give(context);
}

TEST(double_give, fast)
{
    expect_death(among_others, give_twice, TWICE);
}

/* Its slab is empty after the first one. */
TEST(double_give_of_the_last_block, fast)
{
    expect_death(alone, give_twice, TWICE);
}

static void give_with_others_between(void *context)
{
    give(context);
    for (size_t i = 0; i < MANY; i++)
        loam_pool_class_give(&the.cls, the.others[i]);
    give(context);
}

TEST(double_give_later, fast)
{
    expect_death(among_others, give_with_others_between, TWICE);
}

static void give_by_handle_and_cache(void *context)
{
    loam_allocator handle = loam_pool_class_allocator(&the.cls);
    loam_cache_own own;

    (void)context;
    loam_cache_give(loam_allocator_cache(handle, BLOCK, 8, &own), the.block);
    loam_dealloc(handle, the.block, BLOCK, 8);
}

TEST(double_give_by_other_doors, fast)
{
    expect_death(among_others, give_by_handle_and_cache, TWICE);
}

static void give_to_pool_twice(void *context)
{
    (void)context;
    loam_pool_give(&the.pool, the.block, OF_POOL);
    loam_pool_give(&the.pool, the.block, OF_POOL);
}

TEST(double_give_to_a_pool, fast)
{
    expect_death(of_the_pool, give_to_pool_twice, TWICE);
}

/* ---- double give from afar ---- */

static void give_remote(void *context)
{
    (void)context;
    loam_pool_class_give_remote(&the.cls, the.block);
}

static void give_remote_twice(void *context)
{
    give_remote(context);
    give_remote(context);
}

TEST(double_remote_give, fast)
{
    expect_death(among_others, give_remote_twice, TWICE);
}

static void give_remote_then_here(void *context)
{
    give_remote(context);
    give(context);
}

TEST(remote_give_and_give, fast)
{
    expect_death(among_others, give_remote_then_here, TWICE);
}

static void give_here_then_remote(void *context)
{
    give(context);
    give_remote(context);
}

TEST(give_and_remote_give, fast)
{
    expect_death(among_others, give_here_then_remote, TWICE);
}

static void give_chain_with_one_twice(void *context)
{
    void *chain[4] = {the.others[0], the.block, the.others[1], the.block};

    (void)context;
    loam_pool_class_give_remote_n(&the.cls, chain, 4);
}

TEST(chain_with_a_block_twice, fast)
{
    expect_death(among_others, give_chain_with_one_twice, TWICE);
}

/* ---- foreign blocks ---- */

TEST(foreign_memory, fast)
{
    expect_death(on_the_stack, give, FOREIGN);
}

TEST(block_of_another_source, fast)
{
    expect_death(of_another_source, give, FOREIGN);
}

TEST(block_of_another_size, fast)
{
    expect_death(of_the_pool, give, FOREIGN);
}

TEST(interior_pointer, fast)
{
    expect_death(interior, give, FOREIGN);
}

/* What no block of such a class can be is told at once. */
TEST(interior_pointer_that_is_not_aligned, fast)
{
    expect_death(interior_odd, give, CACHE);
}

static void nothing(void)
{
    the.block = NULL;
}

TEST(no_block, fast)
{
    expect_death(nothing, give, CACHE);
}

TEST(block_that_was_never_taken, fast)
{
    expect_death(fresh, give, FOREIGN);
}

TEST(block_of_a_slab_that_went, fast)
{
    expect_death(of_a_slab_that_went, give, FOREIGN);
}

/* A block that comes back with a size of another class, for every such class: nothing in a slab of
 * one class looks like a block of another. */
static void give_with_wrong_size(void *context)
{
    memset(the.block, 0xff, OF_POOL);
    loam_pool_give_aligned(&the.pool, the.block, *(const size_t *)context, 8);
}

TEST(block_with_the_size_of_another_class, fast)
{
    if (!LOAM_CHECKS)
        TEST_SKIP("not a checked build");
    for (size_t size = 8; size <= 4096; size *= 2) {
        static const source_kind kinds[] = {SOURCE_REGION, SOURCE_LIBC};

        for (size_t k = 0; k < 2; k++) {
            test_note("size %zu, over %s", size, source_name(kinds[k]));
            begin_world(kinds[k]);
            of_the_pool();
            for (size_t i = 0; i < 3000; i++) /* all of the slab is written */
                memset(loam_pool_take(&the.pool, OF_POOL), 0xff, OF_POOL);
            if (size != OF_POOL &&
                is_aligned(the.block, loam_pool_class_for(&the.pool, size)->front.align))
                test_dies_with(give_with_wrong_size, &size, FOREIGN, the.block);
            end_world();
        }
    }
}

/* Slabs of big blocks are longer: a block in any granule of one, as a small one. */
static void give_big_as_small(void *context)
{
    (void)context;
    loam_pool_give(&the.pool, the.block, OF_POOL);
}

TEST(big_block_with_a_small_size, fast)
{
    if (!LOAM_CHECKS)
        TEST_SKIP("not a checked build");
    begin_world(SOURCE_REGION);
    of_the_pool();
    for (size_t i = 0; i < 60; i++) {
        the.block = (char *)loam_pool_take_aligned(&the.pool, 12288, 4096);
        test_dies_with(give_big_as_small, NULL, FOREIGN, the.block);
    }
    end_world();
}

TEST(interior_pointer_from_afar, fast)
{
    expect_death(interior, give_remote, FOREIGN);
}

TEST(block_of_another_size_from_afar, fast)
{
    expect_death(of_the_pool, give_remote, FOREIGN);
}

/* Over granules anything at all may be asked for. */
TEST(foreign_memory_from_afar, fast)
{
    if (!LOAM_CHECKS)
        TEST_SKIP("not a checked build");
    expect_death_over(SOURCE_REGION, on_the_stack, give_remote, FOREIGN);
    expect_death_over(SOURCE_REGIONS, on_the_stack, give_remote, FOREIGN);
}

/* ---- writing to what was given ---- */

static void need_no_tool(void)
{
    if (!LOAM_CHECKS || test_under_asan() || test_under_valgrind())
        TEST_SKIP("not a checked build, or a tool sees it first");
}

static void write_then_take(void *context)
{
    give(context);
    the.block[40] ^= 1;
    (void)!loam_pool_class_take(&the.cls);
}

TEST(write_found_at_the_next_take, fast)
{
    need_no_tool();
    expect_death(among_others, write_then_take, WRITTEN);
}

/* The slab was empty in between. */
TEST(write_found_in_a_slab_that_begins_anew, fast)
{
    need_no_tool();
    expect_death(alone, write_then_take, WRITTEN);
}

static void write_byte_then_take(void *context)
{
    give(context);
    the.block[*(const size_t *)context] ^= 1;
    (void)!loam_pool_class_take(&the.cls);
}

TEST(write_to_either_end, fast)
{
    static size_t places[] = {0, BLOCK - 1};

    need_no_tool();
    for (size_t i = 0; i < 2; i++) {
        begin_world(SOURCE_LIBC);
        among_others();
        test_dies_with(write_byte_then_take, &places[i], WRITTEN, the.block);
        end_world();
    }
}

/* The slab gets empty. */
static void write_then_give_others(void *context)
{
    give(context);
    the.block[40] ^= 1;
    for (size_t i = 0; i < MANY; i++)
        loam_pool_class_give(&the.cls, the.others[i]);
}

TEST(write_found_when_a_slab_is_empty, fast)
{
    need_no_tool();
    expect_death(among_others, write_then_give_others, WRITTEN);
}

static void write_then_end(void *context)
{
    give(context);
    the.block[40] ^= 1;
    loam_pool_class_deinit(&the.cls);
}

TEST(write_found_at_the_end, fast)
{
    need_no_tool();
    expect_death(among_others, write_then_end, WRITTEN);
    expect_death(alone, write_then_end, WRITTEN);
}

static void write_then_trim(void *context)
{
    give(context);
    the.block[40] ^= 1;
    (void)loam_pool_class_trim(&the.cls);
}

/* An empty slab goes at a trim, and is looked at. */
TEST(write_found_at_a_trim, fast)
{
    need_no_tool();
    expect_death(alone, write_then_trim, WRITTEN);
}

static void note_address(void *context, const char *property, const void *where)
{
    EXPECT_STR(property, "P10: free block that was written to");
    *(const void **)context = where;
}

static void expect_noted(void (*prepare)(void))
{
    const void *where = NULL;

    begin_world(SOURCE_REGION);
    prepare();
    loam_pool_class_give(&the.cls, the.block);
    the.block[100] ^= 1;
    EXPECT(!loam_pool_class_check(&the.cls, note_address, (void *)&where));
    EXPECT_PTR(where, the.block);
    the.block[100] ^= 1;
    end_world();
}

/* The checker reports it and goes on. */
TEST(write_found_by_the_checker, fast)
{
    need_no_tool();
    expect_noted(among_others);
    expect_noted(alone);
}

static void write_remote_then_take(void *context)
{
    give_remote(context);
    (void)loam_pool_class_check(&the.cls, NULL, NULL);
    the.block[40] ^= 1;
    (void)!loam_pool_class_take(&the.cls);
}

TEST(write_after_a_remote_give, fast)
{
    need_no_tool();
    expect_death(among_others, write_remote_then_take, WRITTEN);
}

static void write_to_given(void *context)
{
    give(context);
    *(volatile char *)the.block = 1;
}

TEST(sanitizer_sees_writes_to_given_blocks, fast)
{
    static const source_kind kinds[] = {SOURCE_REGION, SOURCE_LIBC};

    if (!test_under_asan())
        TEST_SKIP("not under AddressSanitizer");
    for (size_t k = 0; k < 2; k++) {
        begin_world(kinds[k]);
        among_others();
        test_faults(write_to_given, NULL);
        end_world();
    }
}

/* ---- large blocks of granules ---- */

static void large(void)
{
    the.block = (char *)loam_pool_take(&the.pool, 100000);
    EXPECT(the.block != NULL);
}

static void give_large(void *context)
{
    (void)context;
    loam_pool_give(&the.pool, the.block, 100000);
}

static void give_large_twice(void *context)
{
    give_large(context);
    give_large(context);
}

#define MISUSE(name, call)                                                                         \
    static void name(void *context)                                                                \
    {                                                                                              \
        (void)context;                                                                             \
        call;                                                                                      \
    }

MISUSE(give_large_wrong_size, loam_pool_give(&the.pool, the.block, 100001))
MISUSE(give_large_as_small, loam_pool_give(&the.pool, the.block, 64))
MISUSE(give_large_remote, loam_pool_give_remote(&the.pool, the.block, 100000, 16))

static void expect_death_of_granules(void (*prepare)(void), test_fn misuse, const char *line)
{
    if (!LOAM_CHECKS)
        TEST_SKIP("not a checked build");
    expect_death_over(SOURCE_REGION, prepare, misuse, line);
    expect_death_over(SOURCE_REGIONS, prepare, misuse, line);
}

TEST(large_block_given_twice, fast)
{
    expect_death_of_granules(large, give_large_twice, FOREIGN);
}

TEST(large_block_with_a_wrong_size, fast)
{
    expect_death_of_granules(large, give_large_wrong_size, SIZE);
}

TEST(large_block_as_a_small_one, fast)
{
    expect_death_of_granules(large, give_large_as_small, FOREIGN);
}

TEST(large_block_from_afar, fast)
{
    expect_death_of_granules(large, give_large_remote, FOREIGN);
}

static void interior_of_large(void)
{
    large();
    the.block += LOAM_REGION_GRANULE;
}

TEST(interior_pointer_of_a_large_block, fast)
{
    expect_death_of_granules(interior_of_large, give_large, FOREIGN);
}

TEST_MAIN
