/* test_failures.c: every call that takes memory is refused once, and from there on for ever: under
 * loam_realloc() and under the `own` cache. Under each adapter: test_failures_adapters.c.
 *
 * A refusal must be reported, must change nothing, and must be forgotten once memory is there.
 */
#include "all_grounds.h"
#include "support/blocks.h"

#include <loam/cache.h>

/* ---- loam_realloc ---- */

typedef struct growth {
    size_t from, to, align;
    bool newest;
    loam_allocator allocator;
    test_block block;
    void *younger;
} growth;

static void begin_growth(void *context, loam_allocator allocator)
{
    growth *g = context;

    g->allocator = allocator;
    g->younger = NULL;
    g->block = (test_block){.size = g->from, .align = g->align, .seed = 0x123456789abcdef};
    if (g->from > 0) {
        g->block.ptr = loam_alloc(allocator, g->from, g->align);
        EXPECT(g->block.ptr != NULL);
        test_block_fill(&g->block);
    }
    if (!g->newest) {
        g->younger = loam_alloc(allocator, 16, 8);
        EXPECT(g->younger != NULL);
    }
}

static bool grow(void *context)
{
    growth *g = context;
    void *ptr = loam_realloc(g->allocator, g->block.ptr, g->block.size, g->to, g->align);

    if (!ptr)
        return false;
    EXPECT(test_block_found_at(&g->block, ptr, g->from < g->to ? g->from : g->to));
    g->block.ptr = ptr;
    g->block.size = g->to;
    test_block_fill(&g->block);
    return true;
}

static void check_growth(void *context, bool done)
{
    const growth *g = context;

    EXPECT_EQ(g->block.size, done ? g->to : g->from);
    EXPECT(test_block_intact(&g->block));
}

static void end_growth(void *context)
{
    growth *g = context;

    loam_dealloc(g->allocator, g->younger, 16, 8);
    loam_dealloc(g->allocator, g->block.ptr, g->block.size, g->align);
}

/* Growing, shrinking, from nothing; the newest block and an older one; common and big alignments.
 * In place, by moving or by copying, whichever is left. */
TEST(loam_realloc, fast)
{
    static const size_t sizes[][2] = {{100, 5000}, {5000, 100}, {0, 300}, {64, 65}};

    for (size_t i = 0; i < 16; i++) {
        growth g = {
            .from = sizes[i % 4][0],
            .to = sizes[i % 4][1],
            .align = i & 4 ? 8 : 256,
            .newest = (i & 8) != 0,
        };

        fail_each_on_all_grounds((fail_each_scenario){
            .name = "realloc",
            .context = &g,
            .begin = begin_growth,
            .step = grow,
            .check = check_growth,
            .end = end_growth,
        });
    }
}

/* ---- the `own` cache ---- */

enum { TAKEN = 50 };

typedef struct user {
    size_t size;
    loam_allocator allocator;
    loam_cache_own own;
    loam_cache *cache;
    test_blocks blocks;
    size_t target;
} user;

static void begin_user(void *context, loam_allocator allocator)
{
    user *u = context;

    u->allocator = allocator;
    u->cache = loam_allocator_cache(allocator, u->size, 16, &u->own);
    test_blocks_init(&u->blocks);
    u->target = TAKEN;
}

/* Takes until there are enough. */
static bool take_all(void *context)
{
    user *u = context;

    while (u->blocks.count < u->target) {
        void *ptr = loam_cache_take(u->cache);

        if (!ptr)
            return false;
        EXPECT(test_blocks_disjoint(&u->blocks, ptr, u->size));
        test_blocks_add(&u->blocks, ptr, u->size, 16);
    }
    return true;
}

static void give_all(user *u)
{
    while (u->blocks.count > 0)
        loam_cache_give(u->cache, test_blocks_remove(&u->blocks, u->blocks.count / 2).ptr);
}

/* What was given back is there, and only what goes beyond it can be refused. */
static void begin_used(void *context, loam_allocator allocator)
{
    user *u = context;

    begin_user(u, allocator);
    EXPECT(take_all(u));
    give_all(u);
    u->target = TAKEN + 20;
}

static void check_user(void *context, bool done)
{
    user *u = context;

    EXPECT(!done || u->blocks.count == u->target);
    EXPECT_EQ(test_blocks_broken(&u->blocks), u->blocks.count);
    EXPECT(u->cache->low <= u->cache->top);
    EXPECT(u->cache->top <= u->cache->high);
}

/* Half goes back through the cache, half around it (C2). */
static void end_user(void *context)
{
    user *u = context;

    while (u->blocks.count > u->target / 2)
        loam_dealloc(u->allocator, test_blocks_remove(&u->blocks, 0).ptr, u->size, 16);
    give_all(u);
    loam_cache_deinit(&u->own);
    EXPECT_EQ(loam_cache_count(&u->own.cache), 0);
    test_blocks_deinit(&u->blocks);
}

static void run_cache(size_t size, void (*begin)(void *, loam_allocator))
{
    user u = {.size = size};

    fail_each_on_all_grounds((fail_each_scenario){
        .name = "cache",
        .context = &u,
        .begin = begin,
        .step = take_all,
        .check = check_user,
        .end = end_user,
    });
}

TEST(fresh_cache, fast)
{
    run_cache(64, begin_user);
    run_cache(4, begin_user);
}

TEST(used_cache, fast)
{
    run_cache(64, begin_used);
    run_cache(4, begin_used);
}

TEST_MAIN
