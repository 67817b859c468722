/* test_sizes.c: the tables of sizes: each request finds the smallest class that is big enough and
 * aligned enough; which tables are good; blocks that share no cache line. */
#include "pool/pool_support.h"

#include "internal/bits.h"

enum { LINE = 64 };

static source src;
static loam_pool pool;

static bool comes_to_be(const loam_pool_config *config)
{
    bool good = loam_pool_init(&pool, config);

    if (good)
        loam_pool_deinit(&pool);
    EXPECT_EQ(source_held(&src), 0);
    return good;
}

/* By looking at all classes, as slowly as it can be done. */
static const loam_pool_class *smallest(size_t size, size_t align)
{
    for (size_t i = 0; i < pool.count; i++) {
        const loam_pool_class *cls = &pool.classes[i];

        if (cls->front.size >= size && cls->front.align >= align)
            return cls;
    }
    return NULL;
}

static void expect_classes(void)
{
    for (size_t size = 1; size <= LOAM_POOL_LARGEST + 300; size++) {
        for (size_t align = 1; align <= 8192; align *= size % 61 == 0 ? 2 : 16) {
            const loam_pool_class *cls = loam_pool_class_aligned(&pool, size, align);

            if (cls != smallest(size, align))
                TEST_FAIL("size %zu, alignment %zu: %p is not the smallest class", size, align,
                          (const void *)cls);
        }
        EXPECT(size > pool.largest || loam_pool_class_for(&pool, size) == smallest(size, 0));
    }
    EXPECT(loam_pool_class_aligned(&pool, SIZE_MAX / 2, 8) == NULL);
    EXPECT_GOOD_POOL(&pool);
}

static void expect_sizes(const size_t *sizes, size_t count)
{
    EXPECT_EQ(pool.count, count);
    for (size_t i = 0; i < count; i++)
        EXPECT_EQ(pool.classes[i].front.size, sizes[i]);
    EXPECT_EQ(pool.largest, sizes[count - 1]);
}

/* ---- the three tables ---- */

static size_t list_geometric(size_t *sizes)
{
    size_t count = 0;

    for (size_t size = 8; size < 64; size += 8)
        sizes[count++] = size;
    for (size_t size = 64; size <= 128; size += 16)
        sizes[count++] = size;
    for (size_t from = 128; from < LOAM_POOL_LARGEST; from *= 2) {
        for (size_t quarter = 1; quarter <= 4; quarter++)
            sizes[count++] = from + quarter * from / 4;
    }
    return count;
}

TEST(geometric_sizes, fast)
{
    loam_pool_config config;
    size_t sizes[LOAM_POOL_CLASSES], count = list_geometric(sizes);

    source_begin(&src, SOURCE_REGION);
    config = pool_config(&src);
    begin_pool(&pool, &config);
    expect_sizes(sizes, count);
    EXPECT_EQ(pool.largest, LOAM_POOL_LARGEST);
    expect_classes();
    for (size_t size = 113; size <= LOAM_POOL_LARGEST; size++) /* by a quarter at most */
        EXPECT_LE(loam_pool_class_for(&pool, size)->front.size * 4, (size + 1) * 5);
    loam_pool_deinit(&pool);
    source_end(&src);
}

TEST(powers_of_two, fast)
{
    loam_pool_config config;
    size_t sizes[LOAM_POOL_CLASSES], count = 0;

    for (size_t size = 8; size <= LOAM_POOL_LARGEST; size *= 2)
        sizes[count++] = size;
    source_begin(&src, SOURCE_REGION);
    config = pool_config(&src);
    config.sizes = LOAM_POOL_POWERS;
    begin_pool(&pool, &config);
    expect_sizes(sizes, count);
    expect_classes();
    for (size_t i = 0; i < pool.count; i++) /* each aligned to its size, up to a page */
        EXPECT_EQ(pool.classes[i].front.align, loam_min(sizes[i], loam_vm_page_size()));
    loam_pool_deinit(&pool);
    source_end(&src);
}

static void expect_table(const size_t *table, size_t count)
{
    loam_pool_config config = pool_config(&src);
    size_t copy[LOAM_POOL_CLASSES];

    for (size_t i = 0; i < count; i++)
        copy[i] = table[i];
    config.sizes = LOAM_POOL_TABLE;
    config.table = copy;
    config.table_count = count;
    begin_pool(&pool, &config);
    copy[0] = 0; /* it was copied */
    expect_sizes(table, count);
    expect_classes();
    loam_pool_deinit(&pool);
}

TEST(tables_of_ones_own, fast)
{
    static const size_t one[] = {24}, biggest[] = {LOAM_POOL_LARGEST};
    static const size_t few[] = {8, 40, 1024, 1152, 4096, 5120, 32640};
    static const size_t odd[] = {56, 104, 200, 1000, 2944};
    size_t most[LOAM_POOL_CLASSES];

    for (size_t i = 0; i < LOAM_POOL_CLASSES; i++)
        most[i] = 8 * (i + 1);
    source_begin(&src, SOURCE_REGION);
    expect_table(one, 1);
    expect_table(biggest, 1);
    expect_table(few, 7);
    expect_table(odd, 5);
    expect_table(most, LOAM_POOL_CLASSES);
    source_end(&src);
}

/* ---- what is refused ---- */

static bool table_is_good(const size_t *table, size_t count)
{
    loam_pool_config config = pool_config(&src);

    config.sizes = LOAM_POOL_TABLE;
    config.table = table;
    config.table_count = count;
    return comes_to_be(&config);
}

static void expect_bad_tables(void)
{
    static const size_t fine[] = {8, 16, 1152};
    static const size_t bad[][2] = {{16, 16},   {16, 8},       {0, 8},       {12, 16},
                                    {8, 1032},  {8, 1025},     {8, 2056},    {8, 32769},
                                    {8, 32896}, {8, SIZE_MAX}, {1024, 1024}, {8, 4}};
    size_t many[LOAM_POOL_CLASSES + 1];

    for (size_t i = 0; i <= LOAM_POOL_CLASSES; i++)
        many[i] = 8 * (i + 1);
    EXPECT(table_is_good(fine, 3));
    EXPECT(!table_is_good(fine, 0));
    EXPECT(!table_is_good(NULL, 3));
    EXPECT(table_is_good(many, LOAM_POOL_CLASSES));
    EXPECT(!table_is_good(many, LOAM_POOL_CLASSES + 1));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        test_note("table %zu", i);
        EXPECT(!table_is_good(bad[i], 2));
    }
    test_note(NULL);
}

static void expect_bad_values(void)
{
    loam_pool_config good = pool_config(&src), config = good;

    EXPECT(comes_to_be(&config));
    config.sizes = (loam_pool_sizes)(LOAM_POOL_TABLE + 1);
    EXPECT(!comes_to_be(&config));
    config = good;
    config.largest = LOAM_POOL_LARGEST;
    EXPECT(comes_to_be(&config));
    config.largest++;
    EXPECT(!comes_to_be(&config));
    config = good;
    config.slab = 3000;
    EXPECT(!comes_to_be(&config));
    config.slab = 512 * KIB;
    EXPECT(!comes_to_be(&config));
    config = good;
    config.granules.ops = NULL;
    config.allocator.ops = NULL;
    EXPECT(!comes_to_be(&config));
}

/* What is out of its range is refused, and leaves nothing in the source. */
TEST(values_out_of_range, fast)
{
    static const source_kind kinds[] = {SOURCE_REGION, SOURCE_CHECKED};

    for (size_t k = 0; k < 2; k++) {
        source_begin(&src, kinds[k]);
        expect_bad_tables();
        expect_bad_values();
        source_end(&src);
    }
}

/* A slab must hold two blocks of each size; `largest` leaves the big sizes out. */
TEST(slabs_too_small_for_a_class, fast)
{
    loam_pool_config config;

    source_begin(&src, SOURCE_LIBC);
    config = pool_config(&src);
    for (config.slab = KIB; config.slab <= 64 * KIB; config.slab *= 2) {
        config.largest = 0;
        EXPECT(!comes_to_be(&config));
        config.largest = config.slab / 4;
        EXPECT(comes_to_be(&config));
    }
    config.largest = 0;
    EXPECT_EQ(config.slab, 128 * KIB);
    EXPECT(comes_to_be(&config));
    source_end(&src);
}

/* ---- largest ---- */

/* Sizes go on to the first that is not below `largest`. */
TEST(largest_request_of_a_class, fast)
{
    size_t sizes[LOAM_POOL_CLASSES], count = list_geometric(sizes);

    source_begin(&src, SOURCE_LIBC);
    for (size_t i = 0; i < count; i++) {
        loam_pool_config config = pool_config(&src);

        for (config.largest = sizes[i] - 7; config.largest <= sizes[i]; config.largest++) {
            begin_pool(&pool, &config);
            expect_sizes(sizes, i + 1);
            loam_pool_deinit(&pool);
        }
    }
    source_end(&src);
}

/* ---- cache lines ---- */

static void expect_own_lines(loam_pool_class *cls)
{
    uintptr_t last = 0;

    if (cls->front.size < 32)
        return;
    EXPECT_EQ(cls->front.size % LINE, 0);
    for (size_t i = 0; i < 300; i++) {
        uintptr_t block = (uintptr_t)must_take(cls);

        EXPECT_EQ(block % LINE, 0);
        EXPECT(block / LINE > last || block + cls->front.size - 1 < last * LINE);
        last = (block + cls->front.size - 1) / LINE;
    }
}

static void run_lines(loam_pool_sizes table)
{
    static const size_t own[] = {8, 24, 32, 40, 64, 72, 1000, 1152, 1280};
    static const size_t rounded[] = {8, 24, 64, 128, 1024, 1152, 1280};
    loam_pool_config config = pool_config(&src);

    config.sizes = table;
    config.table = own;
    config.table_count = sizeof own / sizeof *own;
    config.cache_lines = true;
    begin_pool(&pool, &config);
    if (table == LOAM_POOL_TABLE)
        expect_sizes(rounded, sizeof rounded / sizeof *rounded);
    expect_classes();
    for (size_t i = 0; i < pool.count; i++)
        expect_own_lines(&pool.classes[i]);
    EXPECT_GOOD_POOL(&pool);
    loam_pool_deinit(&pool);
}

/* Blocks of 32 bytes and more have their lines for themselves. */
TEST(blocks_share_no_cache_line, fast)
{
    static const source_kind kinds[] = {SOURCE_REGION, SOURCE_LIBC};

    for (size_t k = 0; k < 2; k++) {
        source_begin(&src, kinds[k]);
        run_lines(LOAM_POOL_GEOMETRIC);
        run_lines(LOAM_POOL_POWERS);
        run_lines(LOAM_POOL_TABLE);
        source_end(&src);
    }
}

TEST_MAIN
