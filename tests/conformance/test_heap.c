/* test_heap.c: the conformance suite over the handle of a heap: in a buffer, over several regions, and
 * growing through allocators of every kind.
 *
 * At the end of each section the heap is sound, and the source has back what it gave.
 */
#include "support/conformance.h"
#include "support/ground.h"
#include "support/test.h"

#include <loam/heap.h>

#include <stdlib.h>

enum { KIB = 1 << 10, MIB = 1 << 20, PIECES = 4 };

typedef struct heap_case {
    size_t pieces;    /* not 0: the heap is in so many buffers of the caller's */
    ground_kind kind; /* of the ground, if it grows */
    loam_heap_config config;
    bool checked; /* behind a checked adapter */

    ground ground;
    unsigned char *memory;
    loam_heap *heap;
    loam_checked check;
} heap_case;

static void report(void *context, const char *property, const void *where)
{
    (void)context;
    TEST_FAIL("the heap is not sound: %s at %p", property, where);
}

static loam_allocator make(void *context)
{
    heap_case *c = context;
    size_t size = 8 * (size_t)MIB;

    if (c->pieces != 0) {
        c->memory = malloc(size + PIECES * 64);
        EXPECT(c->memory != NULL);
        c->heap = loam_heap_init(c->memory, size / c->pieces, &c->config);
        EXPECT(c->heap != NULL);
        for (size_t i = 1; i < c->pieces; i++)
            EXPECT(
                loam_heap_add(c->heap, c->memory + i * (size / c->pieces + 33), size / c->pieces));
    } else {
        ground_init(&c->ground, c->kind, false);
        c->heap = loam_heap_create(ground_allocator(&c->ground), &c->config);
        EXPECT(c->heap != NULL);
    }
    if (!c->checked)
        return loam_heap_allocator(c->heap);
    loam_checked_init(&c->check, loam_heap_allocator(c->heap), NULL);
    return loam_checked_allocator(&c->check);
}

static void end(void *context)
{
    heap_case *c = context;
    loam_stats stats;

    if (c->checked)
        loam_checked_deinit(&c->check);
    EXPECT(loam_heap_check(c->heap, report, NULL));
    loam_heap_stats(c->heap, &stats);
    EXPECT_EQ(stats.live, 0);
    EXPECT_EQ(stats.blocks, 0);
    if (c->pieces != 0) {
        loam_heap_deinit(c->heap);
        free(c->memory);
        return;
    }
    loam_heap_destroy(c->heap);
    EXPECT(ground_blocks(&c->ground) == 0 && ground_live(&c->ground) == 0);
    ground_deinit(&c->ground);
}

static void press(void *context, bool on)
{
    heap_case *c = context;

    ground_press(&c->ground, on);
}

static size_t footprint(void *context)
{
    heap_case *c = context;

    return ground_live(&c->ground);
}

static void run_growing(const char *name, heap_case *c, conformance_subject like)
{
    like.name = name;
    like.context = c;
    like.make = make;
    like.end = end;
    like.press = press;
    like.footprint = c->kind == GROUND_BUMP ? NULL : footprint;
    loam_conformance_run(&like);
}

/* Memory of the caller's: full at some point, of which much is promised below. */
static void run_bounded(const char *name, heap_case *c)
{
    size_t size = 8 * (size_t)MIB / c->pieces;

    loam_conformance_run(
        &(conformance_subject){.name = name,
                               .context = c,
                               .make = make,
                               .end = end,
                               .max_size = size / 8,
                               .max_align = 64 * KIB,
                               .capacity = c->pieces == 1 ? 4 * (size_t)MIB : size / 2,
                               .overhead = 32,
                               .bounded = true});
}

TEST(heap_in_a_buffer, fast)
{
    heap_case c = {.pieces = 1};

    run_bounded("heap in a buffer", &c);
}

TEST(heap_of_eights_in_a_buffer, fast)
{
    heap_case c = {.pieces = 1, .config = {.granule = 8}};

    run_bounded("heap of granule 8 in a buffer", &c);
}

TEST(heap_in_several_regions, fast)
{
    heap_case c = {.pieces = PIECES};

    run_bounded("heap in several regions", &c);
}

TEST(checked_heap_in_a_buffer, fast)
{
    heap_case c = {.pieces = 1, .checked = true};

    run_bounded("checked heap in a buffer", &c);
}

TEST(heap_on_libc, fast)
{
    heap_case c = {.kind = GROUND_LIBC};

    run_growing("heap on libc", &c, (conformance_subject){0});
}

TEST(heap_on_pages, fast)
{
    heap_case c = {.kind = GROUND_VM, .config = {.granule = 8}};

    run_growing("heap on pages", &c, (conformance_subject){0});
}

TEST(heap_on_checked_libc, fast)
{
    heap_case c = {.kind = GROUND_CHECKED, .config = {.region_size = 4 * KIB}};

    run_growing("heap on checked libc", &c, (conformance_subject){0});
}

/* What the source gave never comes back. */
TEST(heap_on_a_bump, fast)
{
    heap_case c = {.kind = GROUND_BUMP};

    run_growing("heap on a bump", &c,
                (conformance_subject){
                    .max_size = 256 * KIB, .max_align = 4 * KIB, .capacity = 4 * (size_t)MIB});
}

TEST(heap_that_keeps_none, fast)
{
    heap_case c = {.kind = GROUND_CHECKED,
                   .config = {.keep = LOAM_HEAP_KEEP_NONE, .region_size = 4 * KIB}};

    run_growing("heap that keeps no region", &c, (conformance_subject){0});
}

TEST(heap_that_keeps_all, fast)
{
    heap_case c = {.kind = GROUND_LIBC, .config = {.keep = LOAM_HEAP_KEEP_ALL, .granule = 8}};

    run_growing("heap that keeps all regions", &c, (conformance_subject){0});
}

TEST(checked_heap_that_grows, fast)
{
    heap_case c = {.kind = GROUND_CHECKED, .checked = true};

    run_growing("checked heap that grows", &c, (conformance_subject){0});
}

TEST_MAIN
