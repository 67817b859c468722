/* budget: limits are exact, refusals leave no trace, and threads together stay below them too. */
#include "adapters/puppet.h"

#include <loam/adapters.h>

static size_t used(const loam_budget *budget)
{
    loam_stats stats;

    loam_budget_stats(budget, &stats);
    return stats.live;
}

static loam_stats stats_of(const loam_budget *budget)
{
    loam_stats stats;

    loam_budget_stats(budget, &stats);
    return stats;
}

/* The last byte is served and the next one is not, and then nobody below is asked. */
TEST(limit_is_exact, fast)
{
    loam_budget_config config = {.tag = "exact", .limit = 1000};
    loam_budget budget;
    loam_allocator a;
    puppet p;
    void *one, *other;

    puppet_init(&p);
    loam_budget_init(&budget, puppet_allocator(&p), &config);
    a = loam_budget_allocator(&budget);
    EXPECT_STR(a.ops->name, "exact");
    EXPECT(!loam_alloc(a, 1001, 8));
    one = loam_alloc(a, 600, 8);
    other = loam_zalloc(a, 400, 8);
    EXPECT(one && other && used(&budget) == 1000 && loam_budget_available(&budget) == 0);
    EXPECT(!loam_alloc(a, 1, 1) && !loam_zalloc(a, 1, 1));
    EXPECT(p.calls.alloc == 1 && p.calls.zalloc == 1);
    loam_dealloc(a, other, 400, 8);
    EXPECT(used(&budget) == 600 && loam_budget_available(&budget) == 400);
    EXPECT(!loam_alloc(a, 401, 8));
    EXPECT(loam_alloc(a, 400, 8));
    EXPECT(stats_of(&budget).peak == 1000 && stats_of(&budget).reserved == 1000);
    EXPECT(stats_of(&budget).allocations == 3 && stats_of(&budget).blocks == 2);
    EXPECT(stats_of(&budget).failures == 4 && loam_budget_refusals(&budget) == 4);
}

/* Sizes near the top of the address space do not wrap around. */
TEST(sums_do_not_wrap, fast)
{
    loam_budget unlimited;
    puppet p;

    puppet_init(&p);
    loam_budget_init(&unlimited, puppet_allocator(&p), NULL);
    EXPECT(loam_budget_available(&unlimited) == SIZE_MAX);
    EXPECT(loam_budget_charge(&unlimited, SIZE_MAX - 10));
    EXPECT(loam_budget_charge(&unlimited, 10));
    EXPECT(!loam_budget_charge(&unlimited, 1) && used(&unlimited) == SIZE_MAX);
    loam_budget_discharge(&unlimited, SIZE_MAX);
    EXPECT(!loam_alloc(loam_budget_allocator(&unlimited), PTRDIFF_MAX, 8));
    EXPECT_EQ(used(&unlimited), 0);
}

typedef struct family {
    puppet p;
    loam_budget game, graphics, textures, sound;
} family;

static void set_up(family *f, size_t game, size_t graphics, size_t textures)
{
    loam_budget_config config = {.tag = "game", .limit = game};

    puppet_init(&f->p);
    loam_budget_init(&f->game, puppet_allocator(&f->p), &config);
    config = (loam_budget_config){.tag = "graphics", .limit = graphics, .parent = &f->game};
    loam_budget_init(&f->graphics, puppet_allocator(&f->p), &config);
    config = (loam_budget_config){.tag = "textures", .limit = textures, .parent = &f->graphics};
    loam_budget_init(&f->textures, puppet_allocator(&f->p), &config);
    config = (loam_budget_config){.tag = "sound", .parent = &f->game};
    loam_budget_init(&f->sound, puppet_allocator(&f->p), &config);
}

/* A charge is at every level, and comes off every level. */
TEST(groups_are_charged, fast)
{
    family f;
    void *one, *other;

    set_up(&f, 1000, 500, 300);
    one = loam_alloc(loam_budget_allocator(&f.textures), 200, 8);
    other = loam_alloc(loam_budget_allocator(&f.sound), 300, 8);
    EXPECT(one && other);
    EXPECT(used(&f.textures) == 200 && used(&f.graphics) == 200 && used(&f.game) == 500);
    EXPECT(used(&f.sound) == 300 && stats_of(&f.game).blocks == 2);
    EXPECT_EQ(loam_budget_available(&f.textures), 100);
    EXPECT_EQ(loam_budget_available(&f.sound), 500);
    loam_dealloc(loam_budget_allocator(&f.textures), one, 200, 8);
    EXPECT(used(&f.textures) == 0 && used(&f.graphics) == 0 && used(&f.game) == 300);
    EXPECT(stats_of(&f.graphics).peak == 200 && stats_of(&f.graphics).blocks == 0);
    EXPECT(stats_of(&f.game).peak == 500 && stats_of(&f.game).allocations == 2);
    loam_dealloc(loam_budget_allocator(&f.sound), other, 300, 8);
    EXPECT_EQ(used(&f.game), 0);
}

/* Whichever level refuses: no level keeps a charge or a peak of it, and the one that refused
 * knows. */
TEST(refusal_anywhere_rolls_back, fast)
{
    static const size_t limits[][3] = {{100, 900, 900}, {900, 100, 900}, {900, 900, 100}};

    for (size_t i = 0; i < 3; i++) {
        loam_budget *refusing;
        family f;
        void *held;

        set_up(&f, limits[i][0], limits[i][1], limits[i][2]);
        refusing = i == 0 ? &f.game : i == 1 ? &f.graphics : &f.textures;
        held = loam_alloc(loam_budget_allocator(&f.textures), 60, 8);
        EXPECT(held);
        EXPECT(!loam_alloc(loam_budget_allocator(&f.textures), 41, 8));
        EXPECT(!loam_resize(loam_budget_allocator(&f.textures), held, 60, 101, 8));
        EXPECT(!loam_remap(loam_budget_allocator(&f.textures), held, 60, 101, 8));
        EXPECT(used(&f.textures) == 60 && used(&f.graphics) == 60 && used(&f.game) == 60);
        EXPECT(stats_of(&f.textures).peak == 60 && stats_of(&f.graphics).peak == 60 &&
               stats_of(&f.game).peak == 60);
        EXPECT_EQ(stats_of(&f.textures).failures, 1);
        EXPECT_EQ(loam_budget_refusals(refusing), 3);
        EXPECT_EQ(loam_budget_refusals(&f.game) + loam_budget_refusals(&f.graphics) +
                      loam_budget_refusals(&f.textures),
                  3);
        EXPECT(f.p.calls.alloc == 1 && f.p.calls.resize == 0 && f.p.calls.remap == 0);
    }
}

/* What the allocator below refuses is not charged. */
TEST(refusal_below_rolls_back, fast)
{
    loam_allocator a;
    family f;
    void *ptr;

    set_up(&f, 0, 0, 0);
    a = loam_budget_allocator(&f.textures);
    ptr = loam_alloc(a, 100, 8);
    f.p.refuse = true;
    EXPECT(!loam_alloc(a, 50, 8) && !loam_zalloc(a, 50, 8));
    EXPECT(!loam_resize(a, ptr, 100, 150, 8) && !loam_remap(a, ptr, 100, 150, 8));
    EXPECT(!loam_resize(a, ptr, 100, 50, 8) && !loam_remap(a, ptr, 100, 50, 8));
    EXPECT(used(&f.textures) == 100 && used(&f.graphics) == 100 && used(&f.game) == 100);
    EXPECT(stats_of(&f.textures).failures == 2 && stats_of(&f.textures).blocks == 1);
    EXPECT_EQ(loam_budget_refusals(&f.textures), 0);
}

/* A change of size is charged with the difference, both ways, up to the last byte. */
TEST(size_changes_are_exact, fast)
{
    loam_budget_config config = {.limit = 200};
    loam_budget budget;
    loam_allocator a;
    puppet p;
    void *ptr;

    puppet_init(&p);
    loam_budget_init(&budget, puppet_allocator(&p), &config);
    a = loam_budget_allocator(&budget);
    ptr = loam_alloc(a, 100, 8);
    EXPECT(loam_resize(a, ptr, 100, 200, 8) && used(&budget) == 200);
    EXPECT(!loam_resize(a, ptr, 200, 201, 8) && used(&budget) == 200);
    EXPECT(loam_resize(a, ptr, 200, 30, 8) && used(&budget) == 30);
    EXPECT((ptr = loam_remap(a, ptr, 30, 200, 8)) != NULL && used(&budget) == 200);
    EXPECT(!loam_remap(a, ptr, 200, 201, 8) && used(&budget) == 200);
    EXPECT((ptr = loam_remap(a, ptr, 200, 10, 8)) != NULL && used(&budget) == 10);
    EXPECT(stats_of(&budget).peak == 200 && stats_of(&budget).blocks == 1);
    loam_dealloc(a, ptr, 10, 8);
    EXPECT(used(&budget) == 0 && p.live == 0);
}

typedef struct refusal {
    const loam_budget *expected;
    size_t bytes;
    size_t count;
} refusal;

static void note_refusal(void *context, const loam_budget *budget, size_t bytes)
{
    refusal *r = context;

    EXPECT_PTR(budget, r->expected);
    EXPECT_EQ(used(budget), 50); /* the charge is off again */
    r->bytes = bytes;
    r->count++;
}

/* The callback is that of the limit which refused, after everything was undone. */
TEST(callback_tells_who_refused, fast)
{
    refusal r = {NULL, 0, 0};
    family f;
    void *ptr;

    set_up(&f, 0, 100, 0);
    f.graphics.on_refusal = f.textures.on_refusal = note_refusal;
    f.graphics.context = f.textures.context = &r;
    r.expected = &f.graphics;
    ptr = loam_alloc(loam_budget_allocator(&f.textures), 50, 8);
    EXPECT(!loam_alloc(loam_budget_allocator(&f.textures), 51, 8));
    EXPECT(r.count == 1 && r.bytes == 51);
    EXPECT(!loam_remap(loam_budget_allocator(&f.textures), ptr, 50, 120, 8));
    EXPECT(r.count == 2 && r.bytes == 70);
    f.p.refuse = true;
    EXPECT(!loam_alloc(loam_budget_allocator(&f.textures), 1, 8));
    EXPECT_EQ(r.count, 2);
}

/* A limit may be set below what is used: it refuses until enough has come back. */
TEST(limit_can_change, fast)
{
    loam_budget budget;
    loam_allocator a;
    puppet p;
    void *one, *other;

    puppet_init(&p);
    loam_budget_init(&budget, puppet_allocator(&p), NULL);
    a = loam_budget_allocator(&budget);
    one = loam_alloc(a, 500, 8);
    other = loam_alloc(a, 500, 8);
    loam_budget_set_limit(&budget, 600);
    EXPECT(!loam_alloc(a, 1, 8) && loam_budget_available(&budget) == 0);
    EXPECT(loam_resize(a, other, 500, 490, 8));
    loam_dealloc(a, one, 500, 8);
    EXPECT(!loam_alloc(a, 111, 8) && loam_alloc(a, 110, 8));
    loam_budget_set_limit(&budget, 0);
    EXPECT(loam_alloc(a, 100000, 8) && loam_budget_available(&budget) == SIZE_MAX);
    EXPECT_EQ(stats_of(&budget).reserved, 0);
}

/* What is still charged when a budget ends, or is reset with its arena, comes off its ancestors. */
TEST(end_and_reset_discharge, fast)
{
    family f;

    set_up(&f, 1000, 500, 300);
    EXPECT(loam_alloc(loam_budget_allocator(&f.textures), 200, 8));
    EXPECT(loam_budget_charge(&f.textures, 30));
    EXPECT(loam_alloc(loam_budget_allocator(&f.sound), 100, 8));
    EXPECT(used(&f.textures) == 230 && used(&f.game) == 330);
    loam_budget_reset(&f.textures);
    EXPECT(used(&f.textures) == 0 && used(&f.graphics) == 0 && used(&f.game) == 100);
    EXPECT(stats_of(&f.game).blocks == 1 && stats_of(&f.textures).peak == 230);
    loam_budget_reset_peak(&f.textures);
    EXPECT_EQ(stats_of(&f.textures).peak, 0);
    loam_budget_deinit(&f.sound);
    EXPECT(used(&f.game) == 0 && stats_of(&f.game).blocks == 0);
    EXPECT(!loam_budget_charge(&f.textures, 301) && loam_budget_charge(&f.textures, 300));
    loam_budget_discharge(&f.textures, 300);
    EXPECT_EQ(used(&f.game), 0);
}

/* ---- threads ---- */

enum { THREADS = 4, LIMIT = 1000 };

/* An allocator that watches, at every call, how much is out in all: the budget in front of it must
 * never let more than its limit through, not even for a moment. */
typedef struct witness {
    size_t out;
    size_t most;
    loam_allocator_ops ops;
} witness;

static void *witness_alloc(void *self, size_t size, size_t align)
{
    witness *w = self;
    size_t out = __atomic_add_fetch(&w->out, size, __ATOMIC_SEQ_CST);
    size_t most = __atomic_load_n(&w->most, __ATOMIC_SEQ_CST);

    while (most < out && !__atomic_compare_exchange_n(&w->most, &most, out, true, __ATOMIC_SEQ_CST,
                                                      __ATOMIC_SEQ_CST)) {
    }
    return loam_alloc(loam_libc_allocator(), size, align);
}

static void witness_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    witness *w = self;

    __atomic_sub_fetch(&w->out, size, __ATOMIC_SEQ_CST);
    loam_dealloc(loam_libc_allocator(), ptr, size, align);
}

typedef struct crowd {
    witness below;
    loam_budget group;
    loam_budget each[THREADS];
    size_t served;
    size_t rounds;
    uint64_t seed;
} crowd;

static void compete(void *context, size_t index)
{
    crowd *all = context;
    loam_allocator a = loam_budget_allocator(&all->each[index]);
    size_t sizes[8] = {0};
    void *blocks[8] = {NULL};
    test_rng rng;

    test_rng_init(&rng, all->seed + index);
    for (size_t i = 0; i < all->rounds; i++) {
        size_t k = (size_t)test_rng_below(&rng, 8);

        loam_dealloc(a, blocks[k], sizes[k], 8);
        sizes[k] = 1 + (size_t)test_rng_below(&rng, 200);
        blocks[k] = loam_alloc(a, sizes[k], 8);
        if (blocks[k])
            __atomic_add_fetch(&all->served, 1, __ATOMIC_RELAXED);
        EXPECT_LE(used(&all->group), LIMIT);
        EXPECT_LE(used(&all->each[index]), LIMIT / 2);
    }
    for (size_t k = 0; k < 8; k++)
        loam_dealloc(a, blocks[k], sizes[k], 8);
}

TEST(threads_stay_below_the_limit, fast)
{
    loam_budget_config config = {.limit = LIMIT};
    crowd all = {.below.ops = {.alloc = witness_alloc,
                               .dealloc = witness_dealloc,
                               .name = "witness",
                               .traits = LOAM_RECLAIMS | LOAM_THREADSAFE}};
    loam_allocator below = {&all.below.ops, &all.below};

    all.seed = test_seed();
    all.rounds = test_bound("LOAM_TEST_BUDGET_ROUNDS", 5000);
    loam_budget_init(&all.group, below, &config);
    config = (loam_budget_config){.limit = LIMIT / 2, .parent = &all.group};
    for (size_t i = 0; i < THREADS; i++)
        loam_budget_init(&all.each[i], below, &config);
    test_run_threads(THREADS, compete, &all);
    EXPECT_LE(all.below.most, LIMIT);
    EXPECT_EQ(used(&all.group), 0);
    EXPECT_EQ(stats_of(&all.group).blocks, 0);
    EXPECT_LE(stats_of(&all.group).peak, LIMIT);
    EXPECT_EQ(stats_of(&all.group).allocations, all.served);
    EXPECT(all.served > 0);
    for (size_t i = 0; i < THREADS; i++) {
        EXPECT_EQ(used(&all.each[i]), 0);
        EXPECT_LE(stats_of(&all.each[i]).peak, LIMIT / 2);
    }
}

TEST_MAIN
