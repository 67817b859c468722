/* test_checked_records.c: the records that checked keeps of its blocks: memory for them that is
 * refused or used again, what stats, walk and check tell from them, and that they stay right and
 * quick with many blocks. */
#include "adapters/checked_fixture.h"

#include <string.h>

/* ---- memory for records ---- */

/* Each allocation of records refused in turn: the request is refused, the allocator below was not
 * asked, nothing else has changed, and the next request is served. */
TEST(no_memory_for_records, fast)
{
    enum { BLOCKS = 170 };

    for (size_t k = 1;; k++) {
        loam_failing_config rule = {.alloc = {.nth = k}};
        loam_checked_config config = {0};
        loam_counting counting;
        loam_failing failing;
        void *ptr[BLOCKS];
        size_t refused = 0;
        fixture f;

        loam_counting_init(&counting, loam_libc_allocator());
        loam_failing_init(&failing, loam_counting_allocator(&counting), &rule);
        config.records = loam_failing_allocator(&failing);
        set_up(&f, &config);
        for (size_t i = 0; i < BLOCKS; i++) {
            puppet_calls calls = f.p.calls;
            loam_stats before = stats_of(&f.checked);

            ptr[i] = i % 2 ? loam_alloc(f.a, 10, 8) : loam_zalloc(f.a, 10, 8);
            if (ptr[i])
                continue;
            refused++;
            before.failures++;
            EXPECT(memcmp(&calls, &f.p.calls, sizeof calls) == 0);
            EXPECT(stats_of(&f.checked).live == before.live &&
                   stats_of(&f.checked).metadata == before.metadata &&
                   stats_of(&f.checked).failures == before.failures);
            EXPECT((ptr[i] = loam_alloc(f.a, 10, 8)) != NULL);
        }
        EXPECT(loam_checked_check(&f.checked, NULL, NULL));
        EXPECT_EQ(stats_of(&f.checked).metadata, counting.live);
        for (size_t i = 0; i < BLOCKS; i++)
            loam_dealloc(f.a, ptr[i], 10, 8);
        loam_checked_deinit(&f.checked);
        EXPECT(f.p.live == 0 && counting.live == 0 && counting.blocks == 0);
        if (refused == 0) {
            EXPECT(k > 3); /* there were at least three allocations of records */
            return;
        }
        EXPECT_EQ(refused, 1);
    }
}

/* Records are used again: what they take follows the number of blocks, not of calls. */
TEST(records_are_used_again, fast)
{
    loam_checked_config config = {.quarantine = LOAM_CHECKED_NONE};
    size_t metadata;
    fixture f;

    set_up(&f, &config);
    loam_dealloc(f.a, loam_alloc(f.a, 1, 1), 1, 1);
    metadata = stats_of(&f.checked).metadata;
    for (size_t i = 0; i < 1000; i++)
        loam_dealloc(f.a, loam_alloc(f.a, 1, 1), 1, 1);
    EXPECT_EQ(stats_of(&f.checked).metadata, metadata);
    loam_checked_deinit(&f.checked);
}

/* ---- inspection ---- */

TEST(stats_are_exact, fast)
{
    enum { ZONES = 2 * LOAM_CHECKED_RED_ZONE };
    void *one, *other;
    fixture f;

    set_up(&f, NULL);
    EXPECT_EQ(stats_of(&f.checked).metadata, 0);
    one = loam_alloc(f.a, 100, 8);
    other = loam_zalloc(f.a, 50, 128);
    EXPECT_EQ(stats_of(&f.checked).live, 150);
    EXPECT_EQ(stats_of(&f.checked).committed, 150 + ZONES + LOAM_CHECKED_RED_ZONE + 128);
    EXPECT_EQ(stats_of(&f.checked).lost, stats_of(&f.checked).committed - 150);
    EXPECT(stats_of(&f.checked).metadata > 0 && stats_of(&f.checked).allocations == 2);
    loam_dealloc(f.a, other, 50, 128);
    EXPECT(stats_of(&f.checked).live == 100 && stats_of(&f.checked).blocks == 1);
    EXPECT(stats_of(&f.checked).peak == 150 && stats_of(&f.checked).lost > ZONES + 128);
    EXPECT(loam_resize(f.a, one, 100, 150, 8));
    EXPECT(stats_of(&f.checked).live == 150 && stats_of(&f.checked).peak == 150);
    EXPECT(loam_resize(f.a, one, 150, 10, 8));
    EXPECT(stats_of(&f.checked).live == 10 && stats_of(&f.checked).peak == 150);
    loam_dealloc(f.a, one, 10, 8);
    loam_checked_deinit(&f.checked);
    EXPECT(stats_of(&f.checked).live == 0 && stats_of(&f.checked).committed == 0);
}

typedef struct tour {
    size_t count;
    size_t stop_at;
    loam_walk_item items[8];
} tour;

static bool note_item(void *context, const loam_walk_item *item)
{
    tour *t = context;

    t->items[t->count++] = *item;
    return t->count != t->stop_at;
}

TEST(walk_is_by_age, fast)
{
    tour t = {0};
    void *ptr[4];
    fixture f;

    set_up(&f, NULL);
    EXPECT(loam_checked_walk(&f.checked, note_item, &t) && t.count == 0);
    for (size_t i = 0; i < 4; i++)
        ptr[i] = loam_alloc(f.a, i + 1, 8);
    loam_dealloc(f.a, ptr[2], 3, 8);
    loam_dealloc(f.a, ptr[0], 1, 8);
    EXPECT(loam_checked_walk(&f.checked, note_item, &t));
    EXPECT_EQ(t.count, 4);
    EXPECT(t.items[0].address == ptr[1] && t.items[0].size == 2 &&
           t.items[0].kind == LOAM_WALK_LIVE);
    EXPECT(t.items[1].address == ptr[3] && t.items[1].kind == LOAM_WALK_LIVE);
    EXPECT(t.items[2].address == ptr[2] && t.items[2].size == 3 &&
           t.items[2].kind == LOAM_WALK_FREE);
    EXPECT(t.items[3].address == ptr[0] && t.items[3].kind == LOAM_WALK_FREE);
    t = (tour){.stop_at = 3};
    EXPECT(!loam_checked_walk(&f.checked, note_item, &t) && t.count == 3);
    loam_dealloc(f.a, ptr[1], 2, 8);
    loam_dealloc(f.a, ptr[3], 4, 8);
    loam_checked_deinit(&f.checked);
}

typedef struct findings {
    size_t count;
    const char *property;
    const void *where;
} findings;

static void note_finding(void *context, const char *property, const void *where)
{
    findings *found = context;

    found->count++;
    found->property = property;
    found->where = where;
}

static void expect_finding(const loam_checked *checked, const char *property, const void *where)
{
    findings found = {0};

    EXPECT(!loam_checked_check(checked, note_finding, &found));
    EXPECT_EQ(found.count, 1);
    EXPECT_STR(found.property, property);
    EXPECT_PTR(found.where, where);
    EXPECT(!loam_checked_check(checked, NULL, NULL));
}

/* _check reports each kind of damage, with the block's address, and ends nothing: the damage is
 * mended here, and all is well again. */
TEST(check_reports, fast)
{
    unsigned char *ptr, *freed;
    fixture f;

    set_up(&f, NULL);
    ptr = loam_alloc(f.a, 13, 8);
    freed = loam_alloc(f.a, 100, 8);
    loam_dealloc(f.a, freed, 100, 8);
    EXPECT(loam_checked_check(&f.checked, note_finding, NULL));
    poke(ptr, 13, 0);
    expect_finding(&f.checked, "K2: write behind the end of a block", ptr);
    poke(ptr, 13, LOAM_CHECKED_ZONE);
    poke(ptr, -1, 0);
    expect_finding(&f.checked, "K2: write before the start of a block", ptr);
    poke(ptr, -1, LOAM_CHECKED_ZONE);
    poke(freed, 50, 0);
    expect_finding(&f.checked, "K3: write to a block that was given back", freed);
    poke(freed, 50, LOAM_CHECKED_FREED);
    f.checked.live++;
    expect_finding(&f.checked, "K4: live is not the sum of the blocks", &f.checked);
    f.checked.live--;
    f.checked.blocks++;
    expect_finding(&f.checked, "K4: blocks is not their count", &f.checked);
    f.checked.blocks--;
    f.checked.raw++;
    expect_finding(&f.checked, "K4: raw is not the sum of the blocks", &f.checked);
    f.checked.raw--;
    f.checked.held++;
    expect_finding(&f.checked, "K4: held is not the sum of the quarantine", &f.checked);
    f.checked.held--;
    f.checked.quarantine = 1;
    expect_finding(&f.checked, "K3: quarantine is too full", &f.checked);
    f.checked.quarantine = LOAM_CHECKED_QUARANTINE;
    EXPECT(loam_checked_check(&f.checked, note_finding, NULL));
    loam_dealloc(f.a, ptr, 13, 8);
    loam_checked_deinit(&f.checked);
}

/* Records that are no longer where they belong, with all sums right. */
TEST(check_reports_lost_records, fast)
{
    struct loam_checked_record *root;
    unsigned char *ptr;
    fixture f;

    set_up(&f, NULL);
    ptr = loam_alloc(f.a, 13, 8);
    root = f.checked.root;
    f.checked.root = NULL;
    expect_finding(&f.checked, "K1: record is not in the tree", ptr);
    f.checked.root = root;
    loam_dealloc(f.a, ptr, 13, 8);
    loam_checked_deinit(&f.checked);
}

/* ---- many blocks ---- */

enum { MODEL = 600 };

typedef struct model_block {
    unsigned char *ptr;
    size_t size;
    size_t align;
} model_block;

static void change(loam_allocator a, model_block *b, test_rng *rng)
{
    size_t new_size = 1 + (size_t)test_rng_below(rng, 300);
    unsigned char first = b->ptr[0];

    if (test_rng_one_in(rng, 3)) {
        loam_dealloc(a, b->ptr, b->size, b->align);
        b->ptr = NULL;
        return;
    }
    b->ptr = loam_realloc(a, b->ptr, b->size, new_size, b->align);
    EXPECT(b->ptr && b->ptr[0] == first);
    b->size = new_size;
    memset(b->ptr, first, new_size);
}

/* At random, with a small quarantine, so that addresses are used again and again: the tree, the
 * lists and the sums stay right, which _check looks at. */
TEST(random_calls_keep_it_whole, fast)
{
    size_t rounds = test_bound("LOAM_TEST_CHECKED_ROUNDS", test_under_valgrind() ? 4000 : 20000);
    loam_checked_config config = {.quarantine = 4096};
    static model_block blocks[MODEL];
    loam_checked checked;
    loam_allocator a;
    test_rng rng;

    test_rng_init(&rng, test_seed());
    loam_checked_init(&checked, loam_libc_allocator(), &config);
    a = loam_checked_allocator(&checked);
    for (size_t i = 0; i < rounds; i++) {
        model_block *b = &blocks[test_rng_below(&rng, MODEL)];

        if (b->ptr) {
            change(a, b, &rng);
        } else {
            b->size = 1 + (size_t)test_rng_below(&rng, 300);
            b->align = (size_t)1 << test_rng_below(&rng, 8);
            EXPECT((b->ptr = loam_alloc(a, b->size, b->align)) != NULL);
            memset(b->ptr, (int)(i & 255), b->size);
        }
        if (i % 1000 == 0)
            EXPECT(loam_checked_check(&checked, NULL, NULL));
    }
    for (size_t i = 0; i < MODEL; i++)
        loam_dealloc(a, blocks[i].ptr, blocks[i].size, blocks[i].align);
    EXPECT(stats_of(&checked).live == 0 && stats_of(&checked).blocks == 0);
    EXPECT(loam_checked_check(&checked, NULL, NULL));
    loam_checked_deinit(&checked);
}

/* Addresses in order are the worst case for a tree that does not balance itself: a quarter of a
 * million blocks in ascending order take a second here, and would take hours there. */
TEST(ascending_addresses_stay_fast, fast)
{
    size_t count = test_under_valgrind() ? 20000 : 250000;
    loam_checked_config config = {.red_zone = LOAM_CHECKED_NONE, .quarantine = LOAM_CHECKED_NONE};
    size_t bytes = count * 16;
    unsigned char *buffer = loam_alloc(loam_vm_allocator(), bytes, 16);
    loam_checked checked;
    loam_allocator a;
    size_t next = 0;
    puppet p;

    EXPECT(buffer);
    puppet_init(&p);
    p.buffer = buffer;
    p.step = 16;
    p.bytes = bytes;
    loam_checked_init(&checked, puppet_allocator(&p), &config);
    a = loam_checked_allocator(&checked);
    for (next = 0; next < count; next++)
        EXPECT_PTR(loam_alloc(a, 16, 16), buffer + 16 * next);
    EXPECT(loam_checked_check(&checked, NULL, NULL));
    for (next = 0; next < count; next++)
        loam_dealloc(a, buffer + 16 * next, 16, 16);
    loam_checked_deinit(&checked);
    loam_dealloc(loam_vm_allocator(), buffer, bytes, 16);
}

TEST_MAIN
