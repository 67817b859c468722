/* test_pool.c: the conformance suite over the handles of a pool and of a single class, on granules and
 * on allocators of every kind, with each table of sizes, and what a setting may change about it.
 *
 * At the end of each section the pool is sound, and the source has back what it gave.
 */
#include "support/conformance.h"
#include "support/fail_vm.h"
#include "support/ground.h"
#include "support/test.h"

#include <loam/arena.h>
#include <loam/pool.h>

enum { KIB = 1 << 10, MIB = 1 << 20 };

typedef enum stand { ON_GROUND, ON_REGION, ON_ARENA } stand;

typedef struct pool_case {
    stand on;
    ground_kind kind;      /* of the ground */
    size_t limit;          /* of the region; 0: none */
    loam_pool_config pool; /* without a source */
    size_t size;           /* not 0: a class of such blocks and no pool */
    size_t front;
    bool checked; /* behind a checked adapter */

    ground ground;
    loam_region region;
    loam_arena arena;
    loam_checked check;
    loam_pool many;
    loam_pool_class one;
} pool_case;

static void report(void *context, const char *property, const void *where)
{
    (void)context;
    TEST_FAIL("the pool is not sound: %s at %p", property, where);
}

static loam_allocator make_source(pool_case *c, loam_granules *granules)
{
    loam_region_config config = {.reserve = 512 * (size_t)MIB, .limit = c->limit};
    loam_arena_config chain = {.backing = LOAM_ARENA_CHAIN};
    loam_allocator none = {NULL, NULL};

    if (c->on == ON_REGION) {
        EXPECT(loam_region_init(&c->region, &config));
        *granules = loam_region_granules(&c->region);
        return none;
    }
    ground_init(&c->ground, c->kind, false);
    if (c->on == ON_GROUND)
        return ground_allocator(&c->ground);
    chain.source = ground_allocator(&c->ground);
    EXPECT(loam_arena_init(&c->arena, &chain));
    return loam_arena_allocator(&c->arena);
}

static loam_allocator make(void *context)
{
    pool_case *c = context;
    loam_granules granules = {NULL, NULL};
    loam_allocator source = make_source(c, &granules), handle;

    if (c->size != 0) {
        loam_pool_class_config config = {
            .size = c->size, .granules = granules, .allocator = source, .front = c->front};

        EXPECT(loam_pool_class_init(&c->one, &config));
        handle = loam_pool_class_allocator(&c->one);
    } else {
        loam_pool_config config = c->pool;

        config.granules = granules;
        config.allocator = source;
        EXPECT(loam_pool_init(&c->many, &config));
        handle = loam_pool_allocator(&c->many);
    }
    if (!c->checked)
        return handle;
    loam_checked_init(&c->check, handle, NULL);
    return loam_checked_allocator(&c->check);
}

static void end(void *context)
{
    pool_case *c = context;
    loam_stats stats;

    if (c->checked)
        loam_checked_deinit(&c->check);
    if (c->size != 0) {
        EXPECT(loam_pool_class_check(&c->one, report, NULL));
        loam_pool_class_stats(&c->one, &stats);
        loam_pool_class_deinit(&c->one);
    } else {
        EXPECT(loam_pool_check(&c->many, report, NULL));
        loam_pool_stats(&c->many, &stats);
        loam_pool_deinit(&c->many);
    }
    EXPECT_EQ(stats.live, 0);
    EXPECT_EQ(stats.blocks, 0);
    if (c->on == ON_REGION) {
        EXPECT_EQ(c->region.held, 0);
        EXPECT(loam_region_check(&c->region, report, NULL));
        loam_region_deinit(&c->region);
        return;
    }
    if (c->on == ON_ARENA)
        loam_arena_deinit(&c->arena);
    EXPECT(ground_blocks(&c->ground) == 0 && ground_live(&c->ground) == 0);
    ground_deinit(&c->ground);
}

static void press(void *context, bool on)
{
    pool_case *c = context;

    if (c->on != ON_REGION)
        ground_press(&c->ground, on);
    else if (on)
        fail_vm_arm(FAIL_VM_ALL, 1, true);
    else
        fail_vm_disarm();
}

static size_t footprint(void *context)
{
    pool_case *c = context;

    return c->on == ON_REGION ? c->region.held * LOAM_REGION_GRANULE : ground_live(&c->ground);
}

static void run(const char *name, pool_case *c, conformance_subject like)
{
    like.name = name;
    like.context = c;
    like.make = make;
    like.end = end;
    like.press = press;
    like.footprint = c->on == ON_ARENA ? NULL : footprint;
    loam_conformance_run(&like);
}

/* ---- pools ---- */

TEST(pool_on_granules, fast)
{
    pool_case c = {.on = ON_REGION};

    run("pool on granules", &c, (conformance_subject){0});
}

/* Full is full: each class holds a slab or two, the rest is left to whoever asks first. */
TEST(pool_on_granules_with_a_limit, fast)
{
    pool_case c = {.on = ON_REGION, .limit = 64 * (size_t)MIB};

    run("pool on granules with a limit", &c,
        (conformance_subject){.capacity = 8 * (size_t)MIB,
                              .max_size = MIB,
                              .max_align = 64 * KIB,
                              .overhead = 128 * KIB,
                              .bounded = true});
}

TEST(pool_on_libc, fast)
{
    pool_case c = {.kind = GROUND_LIBC};

    run("pool on libc", &c, (conformance_subject){0});
}

TEST(pool_on_pages, fast)
{
    pool_case c = {.kind = GROUND_VM};

    run("pool on pages", &c, (conformance_subject){0});
}

TEST(pool_on_checked_libc, fast)
{
    pool_case c = {.kind = GROUND_CHECKED};

    run("pool on checked libc", &c, (conformance_subject){0});
}

/* The arena gives nothing back before its end. */
TEST(pool_on_an_arena, fast)
{
    pool_case c = {.on = ON_ARENA, .kind = GROUND_LIBC};

    run("pool on an arena", &c, (conformance_subject){.max_size = 256 * KIB, .max_align = 4 * KIB});
}

TEST(pool_of_powers, fast)
{
    pool_case c = {.on = ON_REGION, .pool = {.sizes = LOAM_POOL_POWERS}};

    run("pool of powers of two", &c, (conformance_subject){0});
}

TEST(pool_of_a_table, fast)
{
    static const size_t table[] = {8, 24, 40, 104, 1000, 1152, 5120, 20480};
    pool_case c = {.kind = GROUND_CHECKED,
                   .pool = {.sizes = LOAM_POOL_TABLE, .table = table, .table_count = 8}};

    run("pool of a table", &c, (conformance_subject){0});
}

TEST(pool_of_cache_lines, fast)
{
    pool_case c = {.on = ON_REGION, .pool = {.cache_lines = true}};

    run("pool of cache lines", &c, (conformance_subject){0});
}

TEST(pool_of_small_slabs, fast)
{
    pool_case c = {.kind = GROUND_CHECKED, .pool = {.slab = 4 * KIB, .largest = 1000}};

    run("pool of small slabs", &c, (conformance_subject){0});
}

TEST(pool_of_big_slabs, fast)
{
    pool_case c = {.on = ON_REGION, .pool = {.slab = 256 * KIB, .keep = 1}};

    run("pool of big slabs that keeps none", &c, (conformance_subject){0});
}

TEST(pool_without_fronts, fast)
{
    pool_case c = {.on = ON_REGION, .pool = {.front = 1}};

    run("pool without fronts", &c, (conformance_subject){0});
}

TEST(checked_pool, fast)
{
    pool_case c = {.on = ON_REGION, .checked = true};

    run("checked pool", &c, (conformance_subject){0});
}

/* ---- classes ---- */

/* The overhead keeps the number of blocks down, which the suite's model needs. */
static void run_class(const char *name, stand on, ground_kind kind, size_t size, size_t front)
{
    pool_case c = {.on = on, .kind = kind, .size = size, .front = front};

    run(name, &c,
        (conformance_subject){.max_size = size, .max_align = size & (0 - size), .overhead = KIB});
}

TEST(class_on_granules, fast)
{
    run_class("class of 64 bytes", ON_REGION, GROUND_LIBC, 64, 0);
    run_class("class of 8 bytes", ON_REGION, GROUND_LIBC, 8, 0);
    run_class("class of 4096 bytes", ON_REGION, GROUND_LIBC, 4096, 0);
}

TEST(class_on_libc, fast)
{
    run_class("class of 48 bytes on libc", ON_GROUND, GROUND_LIBC, 48, 0);
    run_class("class of 2000 bytes on libc", ON_GROUND, GROUND_LIBC, 2000, 3);
}

TEST(class_on_checked_libc, fast)
{
    run_class("class of 320 bytes on checked libc", ON_GROUND, GROUND_CHECKED, 320, 1);
}

TEST(class_on_an_arena, fast)
{
    run_class("class of 96 bytes on an arena", ON_ARENA, GROUND_LIBC, 96, 0);
}

TEST_MAIN
