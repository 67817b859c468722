/* test_failures_adapters.c: as test_failures.c, under each adapter: one walk through all operations,
 * of which each call that takes memory is refused in turn.
 */
#include "all_grounds.h"
#include "support/blocks.h"
#include "support/toy_bump.h"

#include <loam/adapters.h>

#include <string.h>

/* ---- adapters: one walk through all operations ---- */

typedef enum move_kind { TAKE, TAKE_ZERO, REALLOC, TRY_RESIZE, TRY_REMAP, DROP } move_kind;

static const struct {
    move_kind kind;
    size_t slot, size, align;
} moves[] = {
    {TAKE, 0, 100, 8},       {TAKE_ZERO, 1, 2000, 64}, {REALLOC, 0, 700, 8},
    {REALLOC, 1, 300, 64},   {TAKE, 2, 30, 256},       {TRY_RESIZE, 2, 40, 256},
    {DROP, 1, 0, 0},         {REALLOC, 2, 9000, 256},  {TAKE_ZERO, 3, 5000, 16},
    {TRY_REMAP, 3, 6000, 0}, {DROP, 0, 0, 0},          {TAKE, 0, 1, 1},
    {REALLOC, 3, 20, 16},    {TAKE_ZERO, 1, 200, 8},   {TRY_RESIZE, 1, 100, 8},
};

enum { MOVES = sizeof moves / sizeof *moves, SLOTS = 4, FIRST_SIZE = 8192 };

typedef struct walk {
    /* What is under test: made over an allocator, looked at, ended. */
    loam_allocator (*make)(struct walk *w, loam_allocator below);
    void (*look)(struct walk *w);
    void (*unmake)(struct walk *w);

    loam_allocator allocator;
    test_block slots[SLOTS]; /* size 0: none */
    size_t at;               /* the next move */
    size_t refusals;

    loam_checked checked;
    loam_counting counting;
    loam_budget parent, budget;
    loam_failing failing;
    loam_locked locked;
    loam_logging logging;
    loam_fallback fallback;
    loam_split split;
    toy_bump bump;
    unsigned char buffer[FIRST_SIZE];
} walk;

static void begin_walk(void *context, loam_allocator allocator)
{
    walk *w = context;

    w->at = 0;
    w->refusals = 0;
    memset(w->slots, 0, sizeof w->slots);
    w->allocator = w->make(w, allocator);
}

static bool take(walk *w, test_block *slot)
{
    size_t size = moves[w->at].size, align = moves[w->at].align;
    bool zero = moves[w->at].kind == TAKE_ZERO;
    unsigned char *ptr =
        zero ? loam_zalloc(w->allocator, size, align) : loam_alloc(w->allocator, size, align);

    if (!ptr)
        return false;
    for (size_t i = 0; zero && i < size; i++)
        EXPECT_EQ(ptr[i], 0);
    *slot = (test_block){.ptr = ptr, .size = size, .align = align, .seed = (uint64_t)w->at << 40};
    test_block_fill(slot);
    return true;
}

/* Only realloc has to succeed when nothing is refused; the others may be refused for good. */
static bool change(walk *w, test_block *slot)
{
    size_t size = moves[w->at].size;
    move_kind kind = moves[w->at].kind;
    unsigned char *ptr;

    if (kind == REALLOC)
        ptr = loam_realloc(w->allocator, slot->ptr, slot->size, size, slot->align);
    else if (kind == TRY_REMAP)
        ptr = loam_remap(w->allocator, slot->ptr, slot->size, size, slot->align);
    else
        ptr =
            loam_resize(w->allocator, slot->ptr, slot->size, size, slot->align) ? slot->ptr : NULL;
    if (!ptr)
        return kind != REALLOC;
    EXPECT(test_block_found_at(slot, ptr, size < slot->size ? size : slot->size));
    slot->ptr = ptr;
    slot->size = size;
    test_block_fill(slot);
    return true;
}

static void drop(walk *w, test_block *slot)
{
    EXPECT(test_block_intact(slot));
    loam_dealloc(w->allocator, slot->ptr, slot->size, slot->align);
    slot->size = 0;
}

static bool step_walk(void *context)
{
    walk *w = context;

    for (; w->at < MOVES; w->at++) {
        test_block *slot = &w->slots[moves[w->at].slot];
        bool met = true;

        if (moves[w->at].kind == DROP)
            drop(w, slot);
        else if (moves[w->at].kind <= TAKE_ZERO)
            met = take(w, slot);
        else
            met = change(w, slot);
        if (!met) {
            w->refusals++;
            return false;
        }
    }
    return true;
}

static void check_walk(void *context, bool done)
{
    walk *w = context;

    EXPECT_EQ(done, w->at == MOVES);
    for (size_t i = 0; i < SLOTS; i++)
        EXPECT(test_block_intact(&w->slots[i]));
    w->look(w);
}

static void end_walk(void *context)
{
    walk *w = context;

    for (size_t i = 0; i < SLOTS; i++) {
        if (w->slots[i].size)
            drop(w, &w->slots[i]);
    }
    w->look(w);
    w->unmake(w);
}

static void look_at_nothing(walk *w)
{
    (void)w;
}

/* Bytes and blocks that an adapter says are live are those of the slots. */
static void expect_live(const walk *w, const loam_stats *stats)
{
    size_t live = 0, blocks = 0;

    for (size_t i = 0; i < SLOTS; i++) {
        live += w->slots[i].size;
        blocks += w->slots[i].size != 0;
    }
    EXPECT_EQ(stats->live, live);
    EXPECT_EQ(stats->blocks, blocks);
    EXPECT_LE(stats->live, stats->peak);
}

static void run_walk(const char *name, loam_allocator (*make)(walk *, loam_allocator),
                     void (*look)(walk *), void (*unmake)(walk *))
{
    static walk w;

    w.make = make;
    w.look = look;
    w.unmake = unmake;
    fail_each_on_all_grounds((fail_each_scenario){
        .name = name,
        .context = &w,
        .begin = begin_walk,
        .step = step_walk,
        .check = check_walk,
        .end = end_walk,
    });
}

/* ---- each adapter ---- */

/* Its records come from the allocator that fails, too. */
static loam_allocator make_checked(walk *w, loam_allocator below)
{
    loam_checked_config config = {.records = below};

    loam_checked_init(&w->checked, below, &config);
    return loam_checked_allocator(&w->checked);
}

static void look_at_checked(walk *w)
{
    loam_stats stats;

    loam_checked_stats(&w->checked, &stats);
    expect_live(w, &stats);
    EXPECT(loam_checked_check(&w->checked, NULL, NULL));
}

static void unmake_checked(walk *w)
{
    loam_checked_deinit(&w->checked);
}

TEST(checked, fast)
{
    run_walk("checked", make_checked, look_at_checked, unmake_checked);
}

static loam_allocator make_counting(walk *w, loam_allocator below)
{
    loam_counting_init(&w->counting, below);
    return loam_counting_allocator(&w->counting);
}

static void look_at_counting(walk *w)
{
    loam_stats stats;

    loam_counting_stats(&w->counting, &stats);
    expect_live(w, &stats);
    EXPECT_EQ(stats.failures, w->refusals);
}

static void unmake_counting(walk *w)
{
    loam_counting_deinit(&w->counting);
}

TEST(counting, fast)
{
    run_walk("counting", make_counting, look_at_counting, unmake_counting);
}

static loam_allocator make_budget(walk *w, loam_allocator below)
{
    loam_budget_config parent = {.tag = "parent", .limit = 1 << 20};
    loam_budget_config child = {.tag = "child", .parent = &w->parent};

    loam_budget_init(&w->parent, below, &parent);
    loam_budget_init(&w->budget, below, &child);
    return loam_budget_allocator(&w->budget);
}

/* A charge that a refusal below undid is undone in the parent, too. */
static void look_at_budget(walk *w)
{
    loam_stats stats;

    loam_budget_stats(&w->budget, &stats);
    expect_live(w, &stats);
    loam_budget_stats(&w->parent, &stats);
    expect_live(w, &stats);
    EXPECT_EQ(loam_budget_available(&w->budget), (1 << 20) - stats.live);
    EXPECT_EQ(loam_budget_refusals(&w->parent), 0);
}

static void unmake_budget(walk *w)
{
    loam_budget_deinit(&w->budget);
    loam_budget_deinit(&w->parent);
}

TEST(budget, fast)
{
    run_walk("budget", make_budget, look_at_budget, unmake_budget);
}

static loam_allocator make_failing(walk *w, loam_allocator below)
{
    loam_failing_init(&w->failing, below, NULL);
    return loam_failing_allocator(&w->failing);
}

static void look_at_failing(walk *w)
{
    for (int op = 0; op < LOAM_FAILING_OPS; op++)
        EXPECT_EQ(loam_failing_failed(&w->failing, (loam_failing_op)op), 0);
}

static void unmake_failing(walk *w)
{
    loam_failing_deinit(&w->failing);
}

TEST(failing, fast)
{
    run_walk("failing", make_failing, look_at_failing, unmake_failing);
}

static loam_allocator make_locked(walk *w, loam_allocator below)
{
    loam_locked_init(&w->locked, below);
    return loam_locked_allocator(&w->locked);
}

/* The lock is free after a refusal, too. */
static void look_at_locked(walk *w)
{
    loam_locked_lock(&w->locked);
    loam_locked_unlock(&w->locked);
}

static void unmake_locked(walk *w)
{
    loam_locked_deinit(&w->locked);
}

TEST(locked, fast)
{
    run_walk("locked", make_locked, look_at_locked, unmake_locked);
}

static void note_refusal(void *context, const loam_logging_event *event)
{
    walk *w = context;

    if (!event->ok && (event->op == LOAM_LOGGING_ALLOC || event->op == LOAM_LOGGING_ZALLOC))
        w->refusals++;
}

static loam_allocator make_logging(walk *w, loam_allocator below)
{
    loam_logging_config config = {.callback = note_refusal, .context = w};

    loam_logging_init(&w->logging, below, &config);
    return loam_logging_allocator(&w->logging);
}

/* Each refusal is counted twice: as it is told, and as the walk meets it. */
static void look_at_logging(walk *w)
{
    EXPECT_EQ(w->refusals % 2, 0);
}

static void unmake_logging(walk *w)
{
    loam_logging_deinit(&w->logging);
}

TEST(logging, fast)
{
    run_walk("logging", make_logging, look_at_logging, unmake_logging);
}

/* The first allocator is soon full; what the second refuses is refused. */
static loam_allocator make_fallback(walk *w, loam_allocator below)
{
    toy_bump_init(&w->bump, w->buffer, sizeof w->buffer);
    EXPECT(loam_fallback_init(&w->fallback, toy_bump_allocator(&w->bump), below));
    return loam_fallback_allocator(&w->fallback);
}

static void unmake_fallback(walk *w)
{
    loam_fallback_deinit(&w->fallback);
}

TEST(fallback, fast)
{
    run_walk("fallback", make_fallback, look_at_nothing, unmake_fallback);
}

/* The other way round: the first refuses by the driver, the second always serves, so that no
 * refusal is seen at all. Needs `owns` below, so a bump it is. */
static bool step_without_refusal(void *context)
{
    EXPECT(step_walk(context));
    return true;
}

static loam_allocator make_fallback_to_libc(walk *w, loam_allocator below)
{
    EXPECT(loam_fallback_init(&w->fallback, below, loam_libc_allocator()));
    return loam_fallback_allocator(&w->fallback);
}

TEST(fallback_hides_refusals, fast)
{
    static walk w;
    fail_each_scenario scenario = {
        .name = "fallback to libc",
        .context = &w,
        .flags = FAIL_EACH_NO_RECLAIM | FAIL_EACH_INEXACT,
        .begin = begin_walk,
        .step = step_without_refusal,
        .check = check_walk,
        .end = end_walk,
    };

    w.make = make_fallback_to_libc;
    w.look = look_at_nothing;
    w.unmake = unmake_fallback;
    EXPECT(fail_each_allocation(&scenario) > 0);
}

/* Both sides are the same allocator, seen through handles of two counters. */
static loam_allocator make_split(walk *w, loam_allocator below)
{
    loam_counting_init(&w->counting, below);
    loam_split_init(&w->split, below, loam_counting_allocator(&w->counting), 1000);
    return loam_split_allocator(&w->split);
}

static void look_at_split(walk *w)
{
    size_t large = 0;
    loam_stats stats;

    for (size_t i = 0; i < SLOTS; i++)
        large += w->slots[i].size > 1000 ? w->slots[i].size : 0;
    loam_counting_stats(&w->counting, &stats);
    EXPECT_EQ(stats.live, large);
}

static void unmake_split(walk *w)
{
    loam_split_deinit(&w->split);
    loam_counting_deinit(&w->counting);
}

TEST(split, fast)
{
    run_walk("split", make_split, look_at_split, unmake_split);
}
