/* test_inspect.c: figures, walks and the checker of a class. */
#include "pool/pool_support.h"

#include "internal/bits.h"

#include <string.h>

enum { MANY = 6000 };

static void *blocks[MANY];

/* ---- figures ---- */

/* Every figure, computed from what was done; without a front, so that none lags. */
static void expect_figures(const loam_pool_class *cls, size_t live, size_t peak, size_t taken)
{
    size_t capacity, slab = loam_pool_class_slab_size(cls, &capacity), size = cls->front.size;
    size_t record = cls->granules.ops ? 0 : sizeof(loam_pool_slab);
    loam_stats s = class_stats(cls);

    EXPECT_EQ(s.live, live * size);
    EXPECT_EQ(s.peak, peak * size);
    EXPECT_EQ(s.blocks, live);
    EXPECT_EQ(s.allocations, taken);
    EXPECT_EQ(s.committed, cls->slabs * slab);
    EXPECT_EQ(s.reserved, s.committed);
    EXPECT_EQ(s.lost, cls->slabs * (slab - capacity * size - record));
    EXPECT_EQ(s.metadata, sizeof *cls + cls->slabs * sizeof(loam_pool_slab));
    EXPECT_EQ(s.refused, 0);
}

static void run_figures(source *src)
{
    loam_pool_class cls;
    loam_pool_class_config config = class_config(src, 1000);
    size_t capacity;

    config.front = 1;
    config.keep = 2 * 64 * KIB;
    begin_class(&cls, &config);
    (void)loam_pool_class_slab_size(&cls, &capacity);
    expect_figures(&cls, 0, 0, 0);
    for (size_t i = 0; i < 5 * capacity; i++) {
        blocks[i] = must_take(&cls);
        expect_figures(&cls, i + 1, i + 1, i + 1);
        EXPECT_EQ(cls.slabs, i / capacity + 1);
    }
    EXPECT_EQ(source_held(src), class_stats(&cls).committed);
    for (size_t i = 5 * capacity; i-- > 0;) {
        loam_pool_class_give(&cls, blocks[i]);
        expect_figures(&cls, i, 5 * capacity, 5 * capacity);
    }
    EXPECT_EQ(cls.slabs, 2);
    for (size_t i = 0; i < capacity; i++)
        blocks[i] = must_take(&cls);
    expect_figures(&cls, capacity, 5 * capacity, 6 * capacity);
    EXPECT_EQ(class_stats(&cls).failures, 0);
    loam_pool_class_deinit(&cls);
}

TEST(figures_are_exact, fast)
{
    for_each_source(run_figures);
}

/* With a front, `live` is exact all the same, and `peak` lags by what the front holds at most. */
TEST(figures_with_a_front, fast)
{
    source src;
    loam_pool_class cls;
    size_t peak = 0, count = 0;
    test_rng rng;

    test_rng_init(&rng, test_seed());
    source_begin(&src, SOURCE_REGION);
    begin_class_of(&cls, &src, 64);
    for (size_t i = 0; i < 100000; i++) {
        loam_stats s;

        if (count == 0 || (count < MANY && test_rng_below(&rng, 4096) > count / 2))
            blocks[count++] = must_take(&cls);
        else
            loam_pool_class_give(&cls, blocks[--count]);
        peak = count > peak ? count : peak;
        s = class_stats(&cls);
        EXPECT_EQ(s.blocks, count);
        EXPECT_EQ(s.live, count * 64);
        EXPECT_LE(s.peak, peak * 64);
        EXPECT_LE(peak, s.peak / 64 + LOAM_POOL_FRONT);
    }
    EXPECT_GOOD_CLASS(&cls);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* A refused take is counted, and nothing else changes. */
static void run_refusal(source *src)
{
    loam_pool_class cls;
    size_t capacity;
    loam_stats before, after;

    begin_class_of(&cls, src, 500);
    (void)loam_pool_class_slab_size(&cls, &capacity);
    for (size_t slabs = 0; slabs < 3; slabs++) {
        source_refuse(src, 1, true);
        before = class_stats(&cls);
        for (size_t n = 1; n <= 3; n++) {
            EXPECT(loam_pool_class_take(&cls) == NULL);
            after = class_stats(&cls);
            EXPECT_EQ(after.failures, before.failures + n);
        }
        after.failures = before.failures;
        EXPECT(memcmp(&before, &after, sizeof before) == 0);
        source_refuse(src, 0, false);
        for (size_t i = 0; i < capacity; i++)
            (void)must_take(&cls);
    }
    EXPECT_GOOD_CLASS(&cls);
    loam_pool_class_deinit(&cls);
}

TEST(a_refusal_is_counted, fast)
{
    for_each_source(run_refusal);
}

/* ---- walk ---- */

typedef struct seen {
    const loam_pool_class *cls;
    size_t live;
    const char *end;         /* of the piece before */
    loam_walk_kind kind;     /* of the piece before */
    unsigned char hit[MANY]; /* blocks that were shown */
    size_t stop_after;
} seen;

static size_t index_of(const void *block, size_t count)
{
    size_t i = 0;

    while (i < count && blocks[i] != block)
        i++;
    return i;
}

/* Pieces of a slab come in order of address without a gap, and free ones are joined. */
static bool look_at_piece(void *context, const loam_walk_item *item)
{
    seen *s = (seen *)context;
    const char *at = (const char *)item->address;

    if (at == s->end && ((uintptr_t)at & (s->cls->slab_size - 1)) != 0)
        EXPECT(item->kind == LOAM_WALK_LIVE || item->kind != s->kind);
    else
        EXPECT_EQ((uintptr_t)at & (LOAM_REGION_GRANULE - 1), 0);
    s->end = at + item->size;
    s->kind = item->kind;
    if (item->kind == LOAM_WALK_LIVE) {
        size_t i = index_of(at, MANY);

        EXPECT(i < MANY);
        EXPECT_EQ(item->size, s->cls->front.size);
        EXPECT_EQ(s->hit[i]++, 0);
        s->live++;
    }
    return s->stop_after == 0 || --s->stop_after > 0;
}

/* A walk shows exactly the live blocks, once each, in any state. */
static void run_walk(source *src)
{
    static seen s;
    loam_pool_class cls;
    size_t live = 0;
    test_rng rng;

    memset(blocks, 0, sizeof blocks);
    test_rng_init(&rng, test_seed());
    begin_class_of(&cls, src, 720);
    for (size_t round = 0; round < 40; round++) {
        for (size_t i = 0; i < 60; i++) {
            size_t at = (size_t)test_rng_below(&rng, 400);

            if (blocks[at]) {
                loam_pool_class_give(&cls, blocks[at]);
                live--;
            }
            blocks[at] = blocks[at] ? NULL : must_take(&cls);
            live += blocks[at] != NULL;
        }
        memset(&s, 0, sizeof s);
        s.cls = &cls;
        EXPECT(loam_pool_class_walk(&cls, look_at_piece, &s));
        EXPECT_EQ(s.live, live);
        EXPECT_GOOD_CLASS(&cls);
    }
    memset(&s, 0, sizeof s);
    s.cls = &cls;
    s.stop_after = 3;
    EXPECT(!loam_pool_class_walk(&cls, look_at_piece, &s));
    EXPECT_EQ(s.stop_after, 0);
    loam_pool_class_deinit(&cls);
}

TEST(walk_shows_what_is_live, fast)
{
    for_each_source(run_walk);
}

/* ---- check ---- */

typedef struct finding {
    char first[100];
    size_t count;
} finding;

static void note_finding(void *context, const char *property, const void *where)
{
    finding *f = (finding *)context;

    EXPECT(where != NULL);
    if (f->count++ == 0)
        strncpy(f->first, property, sizeof f->first - 1);
}

static void expect_finding(loam_pool_class *cls, const char *property)
{
    finding f = {{0}, 0};

    EXPECT(!loam_pool_class_check(cls, note_finding, &f));
    EXPECT(f.count > 0);
    EXPECT_STR(f.first, property);
    EXPECT(!loam_pool_class_check(cls, NULL, NULL));
}

/* What is broken is found, under its own name, and nothing is found when it is mended. */
TEST(check_finds_what_is_broken, fast)
{
    source src;
    loam_pool_class cls;
    loam_pool_slab *slab, copy;

    source_begin(&src, SOURCE_REGION);
    begin_class_of(&cls, &src, 64);
    for (size_t i = 0; i < 300; i++)
        blocks[i] = must_take(&cls);
    for (size_t i = 0; i < 300; i += 3)
        loam_pool_class_give(&cls, blocks[i]);
    EXPECT_GOOD_CLASS(&cls);
    slab = cls.lists[1];
    EXPECT(slab != NULL);
    copy = *slab;

    cls.out++;
    expect_finding(&cls, "P4: used blocks are counted wrong");
    cls.out--;
    cls.slabs++;
    expect_finding(&cls, "P1: slabs are counted wrong");
    cls.slabs--;
    slab->list++;
    expect_finding(&cls, "P1: slab is in another list than it says");
    *slab = copy;
    slab->owner = &src;
    expect_finding(&cls, "P9: slab has another owner");
    *slab = copy;
    slab->known = (uint16_t)(slab->fresh - 1);
    expect_finding(&cls, "P7: used blocks that are not known");
    *slab = copy;
    slab->fresh++;
    expect_finding(&cls, "P2: blocks of a slab don't add up");
    *slab = copy;
    slab->state |= (uint64_t)1 << 63;
    expect_finding(&cls, "P1: slab with fewer used blocks than its list has");
    *slab = copy;
    EXPECT_GOOD_CLASS(&cls);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* A number that is overwritten in a free block: it stands twice, or is no block's. */
TEST(check_finds_wrong_numbers, fast)
{
    source src;
    loam_pool_class cls;
    const loam_pool_slab *slab;
    uint16_t *holder, number;

    source_begin(&src, SOURCE_REGION);
    begin_class_of(&cls, &src, 64);
    if (is_watched(&cls))
        TEST_SKIP("numbers stand elsewhere");
    for (size_t i = 0; i < 300; i++)
        blocks[i] = must_take(&cls);
    for (size_t i = 0; i < 10; i++)
        loam_pool_class_give(&cls, blocks[i]);
    EXPECT_GOOD_CLASS(&cls);
    slab = cls.lists[2];
    EXPECT(slab != NULL);
    holder = (uint16_t *)(void *)(slab->base + 8 * (slab->state & 0xffff));
    number = holder[1];
    holder[1] = holder[2];
    expect_finding(&cls, "P2: blocks of a slab don't add up");
    holder[1] = (uint16_t)(number + 1);
    expect_finding(&cls, "P3: number of no used block");
    holder[1] = number;
    EXPECT_GOOD_CLASS(&cls);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

TEST_MAIN
