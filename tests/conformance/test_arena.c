/* test_arena.c: the conformance suite over the arena's handle: every backing, and what a setting
 * may change about it: page size, alignment, limit, logging, a place inside its own memory.
 *
 * At the end of each section the arena is sound, and a source has back what it gave.
 */
#include "support/conformance.h"
#include "support/fail_vm.h"
#include "support/ground.h"
#include "support/test.h"

#include <loam/arena.h>

#include <stdlib.h>

enum { MIB = 1 << 20 };

typedef struct arena_case {
    loam_arena_config config;
    bool created;          /* inside its own memory */
    bool child;            /* of another one */
    loam_checked *checked; /* in front of it, or NULL */
    loam_locked *locked;   /* in front of it, or NULL */

    loam_arena storage;
    loam_arena *arena;
    loam_arena *parent;
    ground source;
    size_t events;
} arena_case;

static void count_event(void *context, const loam_arena_event *event)
{
    arena_case *c = context;

    c->events += event->size > 0;
}

static bool chains(const arena_case *c)
{
    return c->config.backing == LOAM_ARENA_CHAIN || c->config.backing == LOAM_ARENA_RESERVE_CHAIN;
}

static loam_allocator make(void *context)
{
    arena_case *c = context;
    loam_allocator handle;

    if (chains(c)) {
        ground_init(&c->source, GROUND_LIBC, false);
        c->config.source = ground_allocator(&c->source);
    }
    if (c->child) {
        c->parent = loam_arena_create(NULL);
        EXPECT(c->parent != NULL);
        c->arena = loam_arena_create_child(c->parent, &c->config);
    } else if (c->created) {
        c->arena = loam_arena_create(&c->config);
    } else {
        c->arena = loam_arena_init(&c->storage, &c->config) ? &c->storage : NULL;
    }
    EXPECT(c->arena != NULL);
    handle = loam_arena_allocator(c->arena);
    if (c->checked) {
        loam_checked_init(c->checked, handle, NULL);
        handle = loam_checked_allocator(c->checked);
    }
    if (c->locked) {
        loam_locked_init(c->locked, handle);
        handle = loam_locked_allocator(c->locked);
    }
    return handle;
}

static void report(void *context, const char *property, const void *where)
{
    (void)context;
    TEST_FAIL("the arena is not sound: %s at %p", property, where);
}

static void end(void *context)
{
    arena_case *c = context;

    if (c->locked)
        loam_locked_deinit(c->locked);
    if (c->checked)
        loam_checked_deinit(c->checked);
    EXPECT(loam_arena_check(c->arena, report, NULL));
    if (c->created || c->child)
        loam_arena_destroy(c->arena);
    else
        loam_arena_deinit(c->arena);
    loam_arena_destroy(c->parent);
    c->parent = NULL;
    if (chains(c)) {
        EXPECT_EQ(ground_blocks(&c->source), 0);
        ground_deinit(&c->source);
    }
}

static void press(void *context, bool on)
{
    arena_case *c = context;

    if (chains(c))
        ground_press(&c->source, on);
    if (on)
        fail_vm_arm(FAIL_VM_ALL, 1, true);
    else
        fail_vm_disarm();
}

/* What a case promises: each block costs its size, its alignment, and up to one more alignment of
 * the arena; half of a bound is left to the tails of chained blocks. */
static void run(const char *name, arena_case *c, size_t bound)
{
    loam_conformance_run(&(conformance_subject){
        .name = name,
        .context = c,
        .make = make,
        .end = end,
        .capacity = bound ? bound / 4 : (size_t)64 * MIB,
        .max_size = bound ? bound / 16 : 0,
        .max_align = bound ? bound / 64 : 0,
        .overhead = 128 + c->config.auto_align,
        .bounded = bound != 0,
        .press = press,
    });
}

/* ---- the four backings ---- */

TEST(fixed, fast)
{
    arena_case c = {.config = {.backing = LOAM_ARENA_FIXED, .buffer_size = 16 * MIB}};

    c.config.buffer = malloc(c.config.buffer_size);
    EXPECT(c.config.buffer != NULL);
    run("fixed arena", &c, c.config.buffer_size);
    c.created = true;
    run("fixed arena in its own buffer", &c, c.config.buffer_size);
    free(c.config.buffer);
}

TEST(chain, fast)
{
    arena_case c = {.config = {.backing = LOAM_ARENA_CHAIN}};

    run("chain", &c, 0);
}

TEST(chain_created, fast)
{
    arena_case c = {.config = {.backing = LOAM_ARENA_CHAIN, .block_size = 5000}, .created = true};

    run("chain in its own block", &c, 0);
}

TEST(reserve, fast)
{
    arena_case c = {.config = {.backing = LOAM_ARENA_RESERVE, .reserve = 64 * MIB}};

    run("reservation", &c, c.config.reserve);
}

TEST(reserve_created, fast)
{
    arena_case c = {.config = {.backing = LOAM_ARENA_RESERVE}, .created = true};

    if (sizeof(void *) < 8)
        TEST_SKIP(
            "assumes that a reservation of the default size holds all: that of a 64-bit process");
    run("reservation that holds its arena", &c, 0);
}

/* Small enough that most sections run over the reservation into the chain. */
TEST(reserve_chain, fast)
{
    arena_case c = {.config = {.backing = LOAM_ARENA_RESERVE_CHAIN, .reserve = 2 * MIB}};

    run("reservation and chain", &c, 0);
}

TEST(reserve_chain_created, fast)
{
    arena_case c = {.config = {.reserve = MIB, .block_size = 70000}, .created = true};

    run("reservation and chain that hold their arena", &c, 0);
}

/* ---- settings ---- */

TEST(limit, fast)
{
    arena_case c = {.config = {.limit = 8 * MIB}};

    run("arena with a limit", &c, c.config.limit);
}

TEST(huge_pages, fast)
{
    arena_case c = {.config = {.page_size = 2 * MIB}};

    run("arena of huge pages", &c, 0);
}

TEST(auto_align_1, fast)
{
    arena_case c = {.config = {.auto_align = 1}};

    run("arena aligned to 1", &c, 0);
}

TEST(auto_align_4096, fast)
{
    arena_case c = {.config = {.auto_align = 4096}};

    run("arena aligned to 4096", &c, 0);
}

TEST(logged, fast)
{
    arena_case c = {.config = {.backing = LOAM_ARENA_CHAIN, .log = count_event}};

    c.config.log_context = &c;
    run("arena that logs", &c, 0);
    EXPECT(c.events > 0);
}

TEST(child, fast)
{
    arena_case c = {.child = true};

    run("child arena", &c, 0);
}

/* ---- behind adapters ---- */

TEST(checked_arena, fast)
{
    loam_checked checked;
    arena_case c = {.checked = &checked};

    run("checked arena", &c, 0);
}

TEST(locked_arena, fast)
{
    loam_locked locked;
    arena_case c = {.locked = &locked};

    run("locked arena", &c, 0);
}

TEST_MAIN
