/* test_slabs.c: when slabs are taken and given back, what a slab occupies, and questions about the
 * slab of a block. */
#include "pool/pool_support.h"

#include "internal/bits.h"
#include "vm/memory.h"

#include <string.h>

enum { MANY = 20000 };

static void *blocks[MANY];

/* Takes whole slabs; the block's place in the array tells its slab. */
static size_t take_slabs(loam_pool_class *cls, size_t slabs)
{
    size_t capacity;

    (void)loam_pool_class_slab_size(cls, &capacity);
    EXPECT_LE(slabs * capacity, MANY);
    for (size_t i = 0; i < slabs * capacity; i++)
        blocks[i] = must_take(cls);
    EXPECT_EQ(cls->slabs, slabs);
    return capacity;
}

static void give_slab(loam_pool_class *cls, size_t slab, size_t capacity)
{
    for (size_t i = 0; i < capacity; i++)
        loam_pool_class_give(cls, blocks[slab * capacity + i]);
}

/* ---- empty slabs ---- */

enum { SLABS = 8 };

/* So many empty slabs are kept, and no more; what goes, goes to the source at once. */
static void run_keep(source_kind kind, size_t keep, size_t kept)
{
    source src;
    loam_pool_class cls;
    loam_pool_class_config config;
    size_t capacity;

    source_begin(&src, kind);
    config = class_config(&src, 256);
    config.keep = keep;
    config.front = 1;
    begin_class(&cls, &config);
    capacity = take_slabs(&cls, SLABS);
    EXPECT_EQ(source_blocks(&src), SLABS);
    for (size_t slab = 0; slab < SLABS; slab++) {
        give_slab(&cls, slab, capacity);
        EXPECT_EQ(cls.empty, loam_min(slab + 1, kept));
        EXPECT_EQ(source_blocks(&src), SLABS - (slab + 1) + loam_min(slab + 1, kept));
        EXPECT_EQ(source_held(&src), source_blocks(&src) * cls.slab_size);
    }
    EXPECT_GOOD_CLASS(&cls);
    EXPECT_EQ(loam_pool_class_trim(&cls), kept * cls.slab_size);
    EXPECT_EQ(source_held(&src), 0);
    EXPECT_EQ(loam_pool_class_trim(&cls), 0);
    EXPECT_EQ(must_take(&cls) != NULL, true);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

TEST(empty_slabs_are_kept_as_told, fast)
{
    static const source_kind kinds[] = {SOURCE_REGION, SOURCE_REGIONS, SOURCE_LIBC, SOURCE_VM};

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        test_note("over %s", source_name(kinds[k]));
        run_keep(kinds[k], 0, 1);
        run_keep(kinds[k], 1, 0);
        run_keep(kinds[k], 64 * KIB - 1, 0);
        run_keep(kinds[k], 64 * KIB, 1);
        run_keep(kinds[k], 3 * 64 * KIB, 3);
        run_keep(kinds[k], SIZE_MAX, SLABS);
    }
}

/* One block, taken and given again and again, asks the source once, as long as one slab is kept. */
TEST(a_pair_in_turn_does_not_reach_the_source, fast)
{
    source src;
    loam_pool_class cls;

    source_begin(&src, SOURCE_LIBC);
    begin_class_of(&cls, &src, 8192);
    for (size_t i = 0; i < 1000; i++)
        loam_pool_class_give(&cls, must_take(&cls));
    EXPECT_EQ(source_takes(&src), 1);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* An empty slab that is kept serves before another is taken, and its blocks come in the order of
 * their addresses again. */
TEST(kept_slabs_begin_anew, fast)
{
    source src;
    loam_pool_class cls;
    loam_pool_class_config config;
    size_t capacity;

    source_begin(&src, SOURCE_REGION);
    config = class_config(&src, 64);
    config.front = 1;
    begin_class(&cls, &config);
    capacity = take_slabs(&cls, 1);
    for (size_t i = 0; i < capacity; i++)
        loam_pool_class_give(&cls, blocks[(i * 389 + 7) % capacity]);
    EXPECT_EQ(cls.empty, 1);
    for (size_t i = 0; i < capacity; i++)
        EXPECT_PTR(must_take(&cls), blocks[i]);
    EXPECT_EQ(source_takes(&src), 1);
    EXPECT_GOOD_CLASS(&cls);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* Blocks in the front keep their slabs from being empty; trim empties it. */
TEST(trim_empties_the_front, fast)
{
    source src;
    loam_pool_class cls;
    size_t capacity, count;

    source_begin(&src, SOURCE_REGION);
    begin_class_of(&cls, &src, 1024);
    capacity = take_slabs(&cls, 5);
    for (size_t i = 0; i < capacity; i++) { /* one of each slab in turn */
        for (size_t slab = 0; slab < 5; slab++)
            loam_pool_class_give(&cls, blocks[slab * capacity + i]);
    }
    count = source_blocks(&src);
    EXPECT_EQ(loam_pool_class_trim(&cls), count * cls.slab_size);
    EXPECT_EQ(loam_cache_count(&cls.front), 0);
    EXPECT_EQ(source_held(&src), 0);
    EXPECT_GOOD_CLASS(&cls);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* ---- what is resident ---- */

static size_t resident_of(const loam_pool_class *cls, const char *slab)
{
    return memory_resident((void *)(uintptr_t)slab, cls->slab_size, loam_vm_page_size());
}

/* A slab grows page by page: what is resident is what was taken, and the page of the next block. */
static void run_growth(size_t size)
{
    source src;
    loam_pool_class cls;
    size_t page = loam_vm_page_size(), capacity;
    char *slab = NULL;

    source_begin(&src, SOURCE_REGION);
    begin_class_of(&cls, &src, size);
    if (is_watched(&cls) || test_under_tsan() || !memory_tells_resident())
        TEST_SKIP("somebody else touches the pages too");
    (void)loam_pool_class_slab_size(&cls, &capacity);
    for (size_t i = 0; i < capacity; i++) {
        char *block = (char *)must_take(&cls);
        size_t end, resident;

        if (i == 0)
            slab = (char *)((uintptr_t)block & ~(uintptr_t)(LOAM_REGION_GRANULE - 1));
        end = (size_t)(block - slab) + size;
        *(volatile char *)block = 1;
        *(volatile char *)(block + size - 1) = 1;
        resident = resident_of(&cls, slab);
        EXPECT_EQ(resident, (end + page - 1) / page);
    }
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

TEST(slabs_grow_page_by_page, fast)
{
    run_growth(64);
    run_growth(256);
    run_growth(512);
    run_growth(1024);
    run_growth(4096);
}

/* Given back blocks are not touched, so that pages that nobody wrote stay absent: blocks that were
 * taken, not written, and given back leave at most the pages of those that hold numbers. */
TEST(giving_touches_few_blocks, fast)
{
    source src;
    loam_pool_class cls;
    size_t page = loam_vm_page_size(), capacity;

    source_begin(&src, SOURCE_REGION);
    begin_class_of(&cls, &src, 4096);
    if (is_watched(&cls) || test_under_tsan() || !memory_tells_resident())
        TEST_SKIP("somebody else touches the pages too");
    capacity = take_slabs(&cls, 2);
    for (size_t i = 1; i < 2 * capacity; i++) /* one stays, so that its slab does */
        loam_pool_class_give(&cls, blocks[i]);
    (void)loam_pool_class_check(&cls, NULL, NULL);
    EXPECT_LE(memory_resident(blocks[0], capacity * page, page), 1);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* ---- whose block is it? ---- */

static void look_at_owns(source *src)
{
    static char elsewhere[64];
    loam_pool_class cls, other;
    char on_stack[64];
    size_t capacity;
    char *theirs;

    begin_class_of(&cls, src, 2048);
    begin_class_of(&other, src, 2048);
    EXPECT(!loam_pool_class_owns(&cls, on_stack));
    capacity = take_slabs(&cls, 3);
    theirs = (char *)must_take(&other);
    for (size_t i = 0; i < 3 * capacity; i++) {
        char *block = (char *)blocks[i];

        EXPECT(loam_pool_class_owns(&cls, block) && loam_pool_class_owns(&cls, block + 2047));
        EXPECT(!loam_pool_class_owns(&other, block));
    }
    EXPECT(loam_pool_class_owns(&other, theirs) && !loam_pool_class_owns(&cls, theirs));
    EXPECT(!loam_pool_class_owns(&cls, on_stack) && !loam_pool_class_owns(&cls, elsewhere));
    EXPECT(!loam_pool_class_owns(&cls, NULL) && !loam_pool_class_owns(&cls, &cls));
    loam_pool_class_give(&cls, blocks[0]);
    EXPECT(loam_pool_class_owns(&cls, blocks[0])); /* its slab is there */
    for (size_t i = 1; i < 3 * capacity; i++)
        loam_pool_class_give(&cls, blocks[i]);
    (void)loam_pool_class_trim(&cls);
    EXPECT(!loam_pool_class_owns(&cls, blocks[0]));
    EXPECT(loam_pool_class_owns(&other, theirs));
    loam_pool_class_deinit(&other);
    loam_pool_class_deinit(&cls);
}

TEST(owns, fast)
{
    for_each_source(look_at_owns);
}

/* ---- compaction ---- */

/* Blocks of a slab that is almost empty are sparse as long as there is a fuller one with room. */
static void look_at_sparse(source *src)
{
    loam_pool_class cls;
    loam_pool_class_config config = class_config(src, 512);
    size_t capacity;

    config.front = 1;
    begin_class(&cls, &config);
    capacity = take_slabs(&cls, 2);
    EXPECT(!loam_pool_class_is_sparse(&cls, blocks[0])); /* full */
    for (size_t i = 2; i < capacity; i++)
        loam_pool_class_give(&cls, blocks[i]);
    EXPECT(!loam_pool_class_is_sparse(&cls, blocks[0])); /* the other one has no room */
    loam_pool_class_give(&cls, blocks[capacity]);
    EXPECT(loam_pool_class_is_sparse(&cls, blocks[0]));
    EXPECT(loam_pool_class_is_sparse(&cls, blocks[1]));
    EXPECT(!loam_pool_class_is_sparse(&cls, blocks[capacity + 1]));
    /* Two that are almost empty: what is in one of them goes to the other. */
    for (size_t i = capacity + 2; i < 2 * capacity; i++)
        loam_pool_class_give(&cls, blocks[i]);
    EXPECT(loam_pool_class_is_sparse(&cls, blocks[0]) !=
           loam_pool_class_is_sparse(&cls, blocks[capacity + 1]));
    loam_pool_class_deinit(&cls);
}

TEST(sparse_slabs, fast)
{
    for_each_source(look_at_sparse);
}

enum { COMPACTED = 8000, LEFT_OF = 10 };

/* Leaves six of ten blocks of the first slab, and one of ten of all others. Returns how many. */
static size_t thin_out(loam_pool_class *cls, size_t capacity)
{
    size_t live = 0;
    test_rng rng;

    test_rng_init(&rng, test_seed());
    for (size_t i = 0; i < COMPACTED; i++)
        blocks[i] = must_take(cls);
    for (size_t i = 0; i < COMPACTED; i++) {
        bool stays = i < capacity ? i % 10 < 6 : test_rng_one_in(&rng, LEFT_OF);

        if (stays)
            blocks[live++] = blocks[i];
        else
            loam_pool_class_give(cls, blocks[i]);
    }
    return live;
}

/* What is_sparse() is for: what is sparse moves to where there is room in fuller slabs, until these
 * are full, and the slabs that it left go. The old blocks are given in the end, for what was given
 * last would be taken next. */
static void compact(source *src)
{
    static void *old[COMPACTED];
    loam_pool_class cls;
    size_t capacity, live, moved = 0, before;

    begin_class_of(&cls, src, 64);
    (void)loam_pool_class_slab_size(&cls, &capacity);
    live = thin_out(&cls, capacity);
    (void)loam_pool_class_trim(&cls);
    before = cls.slabs;
    for (size_t i = 0; i < live; i++) {
        fill_pattern(blocks[i], 64, i);
        if (loam_pool_class_is_sparse(&cls, blocks[i])) {
            old[moved++] = blocks[i];
            blocks[i] = memcpy(must_take(&cls), blocks[i], 64);
        }
    }
    for (size_t i = 0; i < moved; i++)
        loam_pool_class_give(&cls, old[i]);
    (void)loam_pool_class_trim(&cls);
    for (size_t i = 0; i < live; i++)
        EXPECT(has_pattern(blocks[i], 64, i));
    EXPECT(moved >= capacity * 3 / 10);
    EXPECT_LE(cls.slabs, before - 2);
    EXPECT_GOOD_CLASS(&cls);
    loam_pool_class_deinit(&cls);
}

TEST(compaction_by_the_hint, fast)
{
    for_each_source(compact);
}

TEST_MAIN
