/* arena.c: the rows of the arena. All but the fixed and the chained life run one configuration:
 * the default. */
#include "bench.h"
#include "bench_limits.h"
#include "peers.h"

#include <loam/arena.h>

#include <stdlib.h>
#include <sys/mman.h>

/* ---- the rows ---- */

/* Ahead of the best library by two, and a tenth behind an ideal bump at most. */
#define PUSH_GOAL                                                                                  \
    {                                                                                              \
        .limit = 1.1, .library = 0.5                                                               \
    }
#define ZEROED_GOAL                                                                                \
    {                                                                                              \
        .limit = 1.1                                                                               \
    }

static const bench_row rows[] = {
    {"arena", "push_no_zero_16", "ns", .goal = PUSH_GOAL},
    {"arena", "push_no_zero_64", "ns", .goal = PUSH_GOAL},
    {"arena", "push_no_zero_256", "ns", .goal = PUSH_GOAL},
    {"arena", "push_zeroed_16", "ns", .goal = PUSH_GOAL},
    {"arena", "push_zeroed_64", "ns", .goal = PUSH_GOAL},
    {"arena", "push_zeroed_256", "ns", .goal = PUSH_GOAL},
    {"arena", "push_zeroed_4096", "ns", .goal = ZEROED_GOAL},
    {"arena", "mark_4_pushes_rewind", "ns", .goal = {.limit = 1.2}},
    {"arena", "create_push_destroy_reserved", "ns", .goal = {.absolute = 100}},
    {"arena", "create_push_destroy_chained", "ns", .goal = {.absolute = 25}},
    {"arena", "create_push_destroy_fixed", "ns", .goal = {.absolute = 25}},
    {"arena", "fill_1gib_4k_pages", "ms", .fresh = true, .goal = {.limit = 1.03}},
    {"arena", "fill_1gib_huge_pages", "ms", .fresh = true, .huge = true, .goal = {.limit = 1.1}},
    {"arena", "give_1gib_4k_pages", "ms", .with = "fill_1gib_4k_pages", .goal = {.limit = 1}},
    {"arena", "give_1gib_huge_pages", "ms", .with = "fill_1gib_huge_pages", .goal = {.limit = 1}},
};

/* ---- loam ---- */

static void *open_arena(size_t size, size_t count)
{
    (void)size;
    (void)count;
    return loam_arena_create(NULL);
}

static void reset_arena(void *arena)
{
    loam_arena_clear(arena);
}

static void close_arena(void *arena)
{
    loam_arena_destroy(arena);
}

LOAM_BENCH_PUSHES(push, loam_arena, loam_arena_push_no_zero)
LOAM_BENCH_PUSHES(push_zeroed, loam_arena, loam_arena_push)
LOAM_BENCH_MARKS(marks, loam_arena, loam_arena_mark, loam_arena_get_mark, loam_arena_push_no_zero,
                 loam_arena_rewind)

static inline void push_one(loam_arena *arena, size_t value)
{
    loam_bench_word *block = loam_arena_push_no_zero(arena, 64);

    *block = value;
    LOAM_BENCH_USE(block);
}

static void lives(const loam_arena_config *config, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        loam_arena *arena = loam_arena_create(config);

        push_one(arena, i);
        loam_arena_destroy(arena);
    }
}

static void lives_reserved(void *none, size_t count)
{
    (void)none;
    lives(NULL, count);
}

static void lives_chained(void *none, size_t count)
{
    static const loam_arena_config config = {.backing = LOAM_ARENA_CHAIN};

    (void)none;
    lives(&config, count);
}

static void lives_fixed(void *none, size_t count)
{
    _Alignas(64) char buffer[1024];
    const loam_arena_config config = {
        .backing = LOAM_ARENA_FIXED, .buffer = buffer, .buffer_size = sizeof buffer};

    (void)none;
    for (size_t i = 0; i < count; i++) {
        loam_arena arena;

        if (!loam_arena_init(&arena, &config))
            abort();
        push_one(&arena, i);
        loam_arena_deinit(&arena);
    }
}

static const loam_bench_bump loam = {
    .open = open_arena,
    .reset = reset_arena,
    .close = close_arena,
    .push = LOAM_BENCH_PUSH_TABLE(push),
    .push_zeroed = LOAM_BENCH_PUSH_TABLE(push_zeroed),
    .marks = marks,
    .lives_reserved = lives_reserved,
    .lives_heap = lives_chained,
    .lives_fixed = lives_fixed,
    .cold = 1,
};

/* What a reserving arena does that keeps no reservation: a peer of the row of reserved lives. */
static void lives_mapped(void *none, size_t count)
{
    const size_t size = (size_t)64 << 30;

    (void)none;
    for (size_t i = 0; i < count; i++) {
        loam_bench_word *block = mmap(NULL, size, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (block == MAP_FAILED)
            abort();
        *block = i;
        LOAM_BENCH_USE(block);
        munmap(block, size);
    }
}

static const loam_bench_bump mapped = {.lives_reserved = lives_mapped};

/* ---- who is measured where ---- */

static void run_lives(shim_state *state)
{
    const loam_bench_bump *bump = bench_self(state)->subject;
    const loam_bench_loop all[] = {bump->lives_reserved, bump->lives_heap, bump->lives_fixed};
    loam_bench_loop run = all[bench_self(state)->parameter];
    size_t count;

    run(NULL, 8);
    while ((count = shim_next(state)) != 0)
        run(NULL, count);
}

/* Adds a contender to each row that it has a function for. */
static void add_bump(bench_kind kind, const char *name, const loam_bench_bump *bump)
{
    static const char *const push_rows[] = {"push_no_zero_16", "push_no_zero_64",
                                            "push_no_zero_256", NULL};
    static const char *const zeroed_rows[] = {"push_zeroed_16", "push_zeroed_64", "push_zeroed_256",
                                              "push_zeroed_4096"};
    static const char *const life_rows[] = {
        "create_push_destroy_reserved", "create_push_destroy_chained", "create_push_destroy_fixed"};
    const loam_bench_loop life[] = {bump->lives_reserved, bump->lives_heap, bump->lives_fixed};

    for (size_t i = 0; i < LOAM_BENCH_SIZES; i++) {
        if (push_rows[i] && bump->push[i])
            bench_add(push_rows[i], kind, name, bench_run_push, bump, i);
        if (bump->push_zeroed[i])
            bench_add(zeroed_rows[i], kind, name, bench_run_push_zeroed, bump, i);
    }
    if (bump->marks)
        bench_add("mark_4_pushes_rewind", kind, name, bench_run_marks, bump, 0);
    for (size_t i = 0; i < sizeof life / sizeof *life; i++) {
        if (life[i])
            bench_add(life_rows[i], kind, name, run_lives, bump, i);
    }
    if (bump->cold) {
        bench_add("fill_1gib_4k_pages", kind, name, bench_run_cold, bump, 0);
        bench_add("fill_1gib_huge_pages", kind, name, bench_run_cold, bump, 0);
    }
}

void bench_add_arena(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        bench_add_row(&rows[i]);
    add_bump(BENCH_LOAM, NULL, &loam);
    add_bump(BENCH_LIMIT, NULL, &bench_limit_bump);
    add_bump(BENCH_PEER, "mmap", &mapped);
    for (size_t i = 0; i < peers_bump_count(); i++)
        add_bump(BENCH_PEER, peers_bump_name(i), peers_bump_at(i));
    add_bump(BENCH_MALLOC, NULL, &bench_malloc_bump);
}
