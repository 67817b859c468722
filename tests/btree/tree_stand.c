/* tree_stand.c: see tree_stand.h. */
#include "btree/tree_stand.h"

enum { ALWAYS = 1000000 };

const char *tree_stand_name(tree_stand_kind kind)
{
    static const char *const names[] = {"over libc",    "over checked", "over an arena",
                                        "over a chain", "over a pool",  "on a pool"};

    return names[kind];
}

static bool has_arena(const tree_stand *s)
{
    return s->kind == TREE_OVER_ARENA || s->kind == TREE_OVER_CHAIN;
}

static bool has_pool(const tree_stand *s)
{
    return s->kind == TREE_OVER_POOL || s->kind == TREE_ON_POOL;
}

static loam_allocator begin_below(tree_stand *s)
{
    loam_arena_config arena = {0};
    loam_pool_config pool = {.allocator = loam_libc_allocator()};

    if (s->kind == TREE_OVER_LIBC)
        return loam_libc_allocator();
    if (s->kind == TREE_OVER_CHECKED) {
        loam_checked_init(&s->checked, loam_libc_allocator(), NULL);
        return loam_checked_allocator(&s->checked);
    }
    if (has_arena(s)) {
        if (s->kind == TREE_OVER_CHAIN)
            arena.backing = LOAM_ARENA_CHAIN;
        EXPECT(loam_arena_init(&s->arena, &arena));
        return loam_arena_allocator(&s->arena);
    }
    EXPECT(loam_pool_init(&s->pool, &pool));
    return loam_pool_allocator(&s->pool);
}

void tree_stand_begin(tree_stand *s, tree_stand_kind kind)
{
    s->kind = kind;
    loam_counting_init(&s->counting, begin_below(s));
    loam_failing_init(&s->failing, loam_counting_allocator(&s->counting), NULL);
}

void tree_stand_end(tree_stand *s)
{
    if (!has_arena(s))
        EXPECT_EQ(tree_stand_blocks(s), 0);
    loam_failing_deinit(&s->failing);
    loam_counting_deinit(&s->counting);
    if (s->kind == TREE_OVER_CHECKED)
        loam_checked_deinit(&s->checked);
    if (has_arena(s)) {
        EXPECT(loam_arena_check(&s->arena, NULL, NULL));
        loam_arena_deinit(&s->arena);
    }
    if (has_pool(s)) {
        EXPECT(loam_pool_check(&s->pool, NULL, NULL));
        loam_pool_deinit(&s->pool);
    }
}

loam_allocator tree_stand_allocator(tree_stand *s)
{
    return s->kind == TREE_ON_POOL ? loam_pool_allocator(&s->pool)
                                   : loam_failing_allocator(&s->failing);
}

bool tree_stand_press(tree_stand *s, bool all, bool some, uint64_t seed)
{
    loam_failing_rule rule = {.per_million = all ? ALWAYS : some ? ALWAYS / 3 : 0};
    loam_failing_config config = {.alloc = rule, .resize = rule, .remap = rule, .seed = seed};

    loam_failing_restart(&s->failing, &config);
    return (all || some) && s->kind != TREE_ON_POOL;
}

size_t tree_stand_calls(const tree_stand *s)
{
    return loam_failing_calls(&s->failing, LOAM_FAILING_ALLOC);
}

size_t tree_stand_blocks(const tree_stand *s)
{
    loam_stats stats;

    if (s->kind == TREE_ON_POOL)
        loam_pool_stats(&s->pool, &stats);
    else
        loam_counting_stats(&s->counting, &stats);
    return stats.blocks;
}
