/* stand.c: see stand.h. */
#include "vector/stand.h"

enum { SPLIT_AT = 4000, ALWAYS = 1000000 };

static _Alignas(4096) char fixed_buffer[STAND_FIXED_SIZE];

const char *stand_name(stand_kind kind)
{
    static const char *const names[] = {"libc",  "vm",    "split", "checked",
                                        "arena", "chain", "fixed", "checked arena"};

    return names[kind];
}

static bool is_arena(stand_kind kind)
{
    return kind >= STAND_ARENA;
}

static loam_allocator begin_arena(stand *s)
{
    loam_arena_config config = {0};

    if (s->kind == STAND_CHAIN) {
        config.backing = LOAM_ARENA_CHAIN;
    } else if (s->kind == STAND_FIXED) {
        config.backing = LOAM_ARENA_FIXED;
        config.buffer = fixed_buffer;
        config.buffer_size = sizeof fixed_buffer;
    }
    EXPECT(loam_arena_init(&s->arena, &config));
    return loam_arena_allocator(&s->arena);
}

static loam_allocator begin_below(stand *s)
{
    switch (s->kind) {
    case STAND_LIBC:
        return loam_libc_allocator();
    case STAND_VM:
        return loam_vm_allocator();
    case STAND_SPLIT:
        loam_split_init(&s->split, loam_libc_allocator(), loam_vm_allocator(), SPLIT_AT);
        return loam_split_allocator(&s->split);
    case STAND_CHECKED:
        loam_checked_init(&s->checked, loam_libc_allocator(), NULL);
        return loam_checked_allocator(&s->checked);
    case STAND_CHECKED_ARENA:
        loam_checked_init(&s->checked, begin_arena(s), NULL);
        return loam_checked_allocator(&s->checked);
    default:
        return begin_arena(s);
    }
}

void stand_begin(stand *s, stand_kind kind)
{
    s->kind = kind;
    loam_counting_init(&s->counting, begin_below(s));
    loam_failing_init(&s->failing, loam_counting_allocator(&s->counting), NULL);
}

void stand_end(stand *s)
{
    if (!is_arena(s->kind))
        EXPECT_EQ(stand_blocks(s), 0);
    loam_failing_deinit(&s->failing);
    loam_counting_deinit(&s->counting);
    if (s->kind == STAND_CHECKED || s->kind == STAND_CHECKED_ARENA)
        loam_checked_deinit(&s->checked);
    if (s->kind == STAND_SPLIT)
        loam_split_deinit(&s->split);
    if (is_arena(s->kind)) {
        EXPECT(loam_arena_check(&s->arena, NULL, NULL));
        loam_arena_deinit(&s->arena);
    }
}

loam_allocator stand_allocator(stand *s)
{
    return loam_failing_allocator(&s->failing);
}

size_t stand_blocks(const stand *s)
{
    loam_stats stats;

    loam_counting_stats(&s->counting, &stats);
    return stats.blocks;
}

void stand_press(stand *s, uint32_t per_million, uint64_t seed)
{
    loam_failing_rule rule = {.per_million = per_million};
    loam_failing_config config = {.alloc = rule, .resize = rule, .remap = rule, .seed = seed};

    loam_failing_restart(&s->failing, &config);
}

bool stand_press_randomly(stand *s, test_rng *rng)
{
    bool pressed = test_rng_one_in(rng, 4);

    stand_press(s,
                !pressed                  ? 0
                : test_rng_one_in(rng, 2) ? ALWAYS
                                          : ALWAYS / 3,
                test_rng_next(rng));
    return pressed;
}
