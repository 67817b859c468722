/* test_sharded_fail.c: sharded heaps whose source refuses, at each call in turn, once and for ever: what is
 * refused leaves all as it was, and is forgotten. And what is tried before a request is refused. */
#include "heap/sharded_support.h"

#include "support/fail_vm.h"

#include <loam/vm.h>

/* A source that refuses the k-th call that takes, and maybe all after it. */
typedef struct refuser {
    loam_granules source;
    size_t calls, k; /* `k` 0: none is refused */
    bool for_ever;
} refuser;

static bool refuses(refuser *r)
{
    r->calls++;
    return r->k != 0 && (r->calls == r->k || (r->for_ever && r->calls > r->k));
}

static void *refuser_take(void *self, size_t count, size_t align, uint8_t kind, void *owner,
                          loam_granules_info *info)
{
    refuser *r = (refuser *)self;

    return refuses(r) ? NULL : loam_granules_take(r->source, count, align, kind, owner, info);
}

static void refuser_give(void *self, void *ptr, size_t count)
{
    loam_granules_give(((refuser *)self)->source, ptr, count);
}

static loam_region *refuser_region(void *self, const void *ptr)
{
    return loam_granules_region(((refuser *)self)->source, ptr);
}

static size_t refuser_purge(void *self, size_t budget)
{
    return loam_granules_purge(((refuser *)self)->source, budget);
}

static bool refuser_resize(void *self, void *ptr, size_t count, size_t new_count)
{
    refuser *r = (refuser *)self;

    return !refuses(r) && loam_granules_resize(r->source, ptr, count, new_count);
}

static const loam_granules_ops refuser_ops = {
    .take = refuser_take,
    .give = refuser_give,
    .region = refuser_region,
    .purge = refuser_purge,
    .resize = refuser_resize,
    .name = "refuser",
};

static sharded the;
static refuser source;

static void begin(ground_of over)
{
    sharded_begin(&the, over, 0,
                  (loam_heap_sharded_config){.shards = 3, .big = 200000, .at_once = true});
    source = (refuser){.source = the.heap.granules};
    the.heap.granules = (loam_granules){&refuser_ops, &source};
    if (over == OVER_SPAN) { /* so that the system is asked to commit */
        the.span.spans = LOAM_SPAN_DECOMMIT;
        the.span.chunks = LOAM_SPAN_DECOMMIT;
    }
}

/* This thread goes to a shard that it was not in yet. Nothing is refused meanwhile: it would wait. */
static void to_next_shard(void)
{
    static loam_heap_shard_ *held[LOAM_HEAP_SHARDS];
    size_t count = 0;

    for (size_t i = 0; i < the.heap.count; i++)
        if (the.heap.shards[i].heap && the.heap.shards[i].lock.word == 0) {
            held[count++] = &the.heap.shards[i];
            the.heap.shards[i].lock.word = 1;
        }
    if (count < the.heap.count)
        loam_heap_sharded_dealloc(&the.heap, loam_heap_sharded_alloc(&the.heap, 1));
    while (count > 0)
        held[--count]->lock.word = 0;
}

typedef struct held {
    char *ptr;
    size_t size;
} held;

static size_t live_now(void)
{
    loam_stats stats;

    loam_heap_sharded_stats(&the.heap, &stats);
    return stats.live;
}

static const size_t sizes[] = {100,    3000, 150000, 190000, 300000, 1300000,
                               190001, 8,    180000, 190002, 1 << 20};
enum { COUNT = sizeof sizes / sizeof *sizes };

static held all[COUNT];

/* Each of these returns how many steps were refused; after one that was, the heap is sound, and holds what
 * it held. */
static size_t take_all(void)
{
    size_t refused = 0, live = 0;

    for (size_t i = 0; i < COUNT; i++) {
        size_t before = live_now();

        all[i].size = sizes[i];
        all[i].ptr = (char *)(i % 2 ? loam_heap_sharded_alloc(&the.heap, sizes[i])
                                    : loam_heap_sharded_zalloc(&the.heap, sizes[i]));
        if (!all[i].ptr) {
            EXPECT_EQ(sharded_look(&the, live).live, before);
            refused++;
            continue;
        }
        live++;
        EXPECT_LE(before + sizes[i], live_now());
        EXPECT(i % 2 || is_zero(all[i].ptr, sizes[i]));
        sign(all[i].ptr, sizes[i], i);
    }
    return refused;
}

static size_t change_all(size_t live)
{
    size_t refused = 0;

    for (size_t i = 0; i < COUNT; i++) {
        size_t size = i % 3 ? all[i].size * 2 : all[i].size / 2 + 8;
        size_t kept = size < all[i].size ? 8 : all[i].size;
        char *moved;

        if (!all[i].ptr)
            continue;
        if (i % 4 == 0 && loam_heap_sharded_resize(&the.heap, all[i].ptr, all[i].size + 65536))
            EXPECT(loam_heap_sharded_resize(&the.heap, all[i].ptr, all[i].size));
        EXPECT(is_signed(all[i].ptr, all[i].size, i));
        moved = (char *)loam_heap_sharded_realloc(&the.heap, all[i].ptr, size);
        if (moved) {
            EXPECT(is_signed(moved, kept < 16 ? 8 : kept, i));
            all[i] = (held){moved, size};
            sign(moved, size, i);
            continue;
        }
        refused++;
        EXPECT(is_signed(all[i].ptr, all[i].size, i));
        (void)sharded_look(&the, live);
    }
    return refused;
}

static size_t run_all(void)
{
    size_t refused = take_all();

    refused += change_all(COUNT - refused);
    for (size_t i = 0; i < COUNT; i++)
        if (all[i].ptr) {
            EXPECT(is_signed(all[i].ptr, all[i].size, i));
            loam_heap_sharded_dealloc_sized(&the.heap, all[i].ptr, all[i].size);
        }
    (void)loam_heap_sharded_purge_step(&the.heap, SIZE_MAX);
    EXPECT_EQ(sharded_look(&the, 0).live, 0);
    return refused;
}

static void run_refusals_with(ground_of over, bool by_system, bool for_ever, size_t shards)
{
    size_t refusals = 0;

    for (size_t k = 1;; k++) {
        size_t calls, failures;

        test_note("call %zu%s, of %s", k, for_ever ? " and all after it" : "",
                  by_system ? "the system" : "the source");
        EXPECT_LE(k, 400);
        (void)loam_vm_trim();
        begin(over);
        for (size_t i = 0; i < shards; i++)
            to_next_shard();
        source.calls = 0;
        if (by_system)
            fail_vm_arm(FAIL_VM_TAKE, k, for_ever);
        else
            source.k = k;
        source.for_ever = for_ever;
        refusals += run_all();
        refusals += run_all();
        failures = the.heap.failures;
        calls = by_system ? fail_vm_calls() : source.calls;
        if (by_system)
            fail_vm_disarm();
        source.k = 0;
        EXPECT_EQ(run_all(), 0);
        EXPECT_EQ(the.heap.failures, failures);
        sharded_end(&the);
        if (calls < k)
            break;
    }
    EXPECT(refusals != 0 || !for_ever);
    test_note(NULL);
}

/* With none that has a heap yet, and with all. */
static void run_refusals(ground_of over, bool by_system, bool for_ever)
{
    run_refusals_with(over, by_system, for_ever, 0);
    run_refusals_with(over, by_system, for_ever, 3);
}

TEST(the_source_refuses_once, fast)
{
    for (int over = 0; over < OVER_KINDS; over++)
        run_refusals((ground_of)over, false, false);
}

TEST(the_source_refuses_for_ever, fast)
{
    for (int over = 0; over < OVER_KINDS; over++)
        run_refusals((ground_of)over, false, true);
}

TEST(the_system_refuses, fast)
{
    for (int over = 0; over < OVER_KINDS; over++) {
        run_refusals((ground_of)over, true, false);
        run_refusals((ground_of)over, true, true);
    }
}

/* ---- what is tried before a refusal ---- */

/* Each shard has one run, with some room; the source refuses more from then on. What the thread's own
 * shard can't meet is met in each of the others, and only then refused. */
TEST(each_shard_is_tried, fast)
{
    size_t in[LOAM_HEAP_SHARDS] = {0}, blocks = 0;
    void *ptr;

    begin(OVER_REGION);
    for (size_t i = 0; i < the.heap.count; i++)
        to_next_shard();
    for (size_t i = 0; i < the.heap.count; i++)
        EXPECT(the.heap.shards[i].heap != NULL);
    source.k = 1;
    source.for_ever = true;
    while ((ptr = loam_heap_sharded_alloc(&the.heap, 5000)) != NULL) {
        const loam_record *record = loam_region_find(&the.region, ptr);

        in[(loam_heap_shard_ *)loam_record_owner(record) - the.heap.shards]++;
        blocks++;
    }
    for (size_t i = 0; i < the.heap.count; i++)
        EXPECT_LE(5, in[i]); /* of 64 KiB, less the heap itself */
    (void)sharded_look(&the, blocks);
    sharded_end(&the);
}

/* What a thread's own span could only meet with fresh pages comes from another shard's, where it was used
 * before. */
TEST(dirty_granules_of_others_come_before_fresh_ones, fast)
{
    loam_stats before, after;
    char *ptr, *again;

    sharded_begin(&the, OVER_SPANS, 0, (loam_heap_sharded_config){.shards = 1});
    loam_span_sharded_deinit(the.spans);
    EXPECT(loam_span_sharded_init(the.spans, &the.region,
                                  &(loam_span_sharded_config){.shards = 2, .uncached = true}));
    ptr = (char *)loam_heap_sharded_alloc(&the.heap, 3 * MIB);
    EXPECT(ptr != NULL);
    loam_heap_sharded_dealloc(&the.heap, ptr);
    loam_span_sharded_stats(the.spans, &before);
    for (size_t i = 0; i < 2; i++) /* the thread goes to the span that has nothing */
        if (the.spans->shards[i].owned != 0)
            the.spans->shards[i].lock.word = 1;
    again = (char *)loam_span_sharded_take(the.spans, 1, 1, LOAM_REGION_KIND_USER, NULL, NULL);
    for (size_t i = 0; i < 2; i++)
        if (the.spans->shards[i].live == 0)
            the.spans->shards[i].lock.word = 0;
    EXPECT(again != NULL);
    EXPECT(the.spans->shards[0].owned == 64 && the.spans->shards[1].owned == 64);
    EXPECT_PTR(loam_heap_sharded_alloc(&the.heap, 3 * MIB), ptr);
    loam_span_sharded_stats(the.spans, &after);
    EXPECT_EQ(after.reserved, before.reserved + LOAM_REGION_CHUNK);
    loam_span_sharded_give(the.spans, again, 1);
    (void)sharded_look(&the, 1);
    sharded_end(&the);
}

TEST_MAIN
