/* test_layout.c: where the blocks of a slab lie: every size, every alignment, every size of slab,
 * over granules and over allocators. */
#include "pool/pool_support.h"

#include "internal/bits.h"

enum { MOST_BLOCKS = (256 << 10) / 8 + 1, PAGE_WASTE = 128 };

static void *blocks[MOST_BLOCKS];

/* Every size where blocks are cheap; every thirteenth where each is written and looked at. */
static size_t size_step(void)
{
    return LOAM_CHECKS || test_under_asan() || test_under_valgrind() ? 13 : 1;
}

/* ---- one slab ---- */

typedef struct shape {
    size_t size, align; /* as asked for */
    size_t slab;
} shape;

static size_t largest_bit(size_t size)
{
    return size & (0 - size);
}

/* What loam/pool_class.h promises of a block's size and alignment: at least what is asked for, and
 * what its size has anyway. */
static void expect_block(const loam_pool_class *cls, const shape *s)
{
    size_t rounded = loam_round_up(s->size, s->align > 8 ? s->align : 8);

    EXPECT_EQ(cls->front.size, rounded);
    EXPECT_EQ(cls->front.align, loam_min(largest_bit(rounded), loam_vm_page_size()));
    EXPECT_LE(s->align, cls->front.align);
}

/* Whether blocks are promised to stay within pages: they fit, and it costs a 128th at most. */
static bool stays_in_page(size_t size)
{
    size_t page = loam_vm_page_size();

    return size <= page && page % size <= page / PAGE_WASTE;
}

static void expect_in_slab(const loam_pool_class *cls, const char *slab, const char *block)
{
    size_t size = cls->front.size, page = loam_vm_page_size();

    EXPECT(is_aligned(block, cls->front.align));
    EXPECT(block >= slab && block + size <= slab + cls->slab_size);
    if (stays_in_page(size))
        EXPECT_EQ((uintptr_t)block / page, ((uintptr_t)block + size - 1) / page);
}

/* Over granules a slab is nothing but blocks, unless a checked build keeps its own there. */
static void expect_full_use(const loam_pool_class *cls, size_t capacity)
{
    size_t size = cls->front.size, page = loam_vm_page_size();

    if (is_watched(cls) || !cls->granules.ops)
        return;
    EXPECT_EQ(capacity,
              stays_in_page(size) ? cls->slab_size / page * (page / size) : cls->slab_size / size);
}

/* The live blocks of one slab, in the order of their addresses; every other one of `blocks`. */
typedef struct half {
    size_t next;
    size_t size;
} half;

static bool look_at_half(void *context, const loam_walk_item *item)
{
    half *h = (half *)context;

    if (item->kind == LOAM_WALK_LIVE) {
        EXPECT_PTR(item->address, blocks[h->next]);
        EXPECT_EQ(item->size, h->size);
        h->next += 2;
    }
    return true;
}

/* Gives every other block of a slab: those in between, and no others, are live in a walk. */
static void expect_half(loam_pool_class *cls, size_t capacity)
{
    half h = {0, cls->front.size};

    for (size_t i = 1; i < capacity; i += 2)
        loam_pool_class_give(cls, blocks[i]);
    EXPECT_GOOD_CLASS(cls);
    EXPECT_EQ(class_stats(cls).blocks, (capacity + 1) / 2);
    EXPECT(loam_pool_class_walk(cls, look_at_half, &h));
    EXPECT_EQ(h.next, (capacity + 1) / 2 * 2);
    for (size_t i = 1; i < capacity; i += 2)
        blocks[i] = must_take(cls);
    EXPECT_EQ(cls->slabs, 1);
}

/* Takes a whole slab. Fresh blocks come in the order of their addresses, so they don't overlap if
 * each begins behind the one before. */
static void look_at_slab(const source *src, const shape *s)
{
    loam_pool_class cls;
    loam_pool_class_config config = class_config(src, s->size);
    size_t capacity;
    char *slab;

    config.align = s->align;
    config.slab = s->slab;
    begin_class(&cls, &config);
    expect_block(&cls, s);
    EXPECT(s->slab == 0 || s->slab == loam_pool_class_slab_size(&cls, &capacity) ||
           (src->granules.ops && s->slab < LOAM_REGION_GRANULE));
    (void)loam_pool_class_slab_size(&cls, &capacity);
    EXPECT(capacity >= 2);
    expect_full_use(&cls, capacity);
    for (size_t i = 0; i < capacity; i++) {
        blocks[i] = must_take(&cls);
        slab =
            (char *)((uintptr_t)blocks[0] &
                     ~(uintptr_t)(cls.granules.ops ? LOAM_REGION_GRANULE - 1 : cls.slab_size - 1));
        expect_in_slab(&cls, slab, (char *)blocks[i]);
        EXPECT(i == 0 || (char *)blocks[i] >= (char *)blocks[i - 1] + cls.front.size);
    }
    EXPECT_EQ(cls.slabs, 1);
    EXPECT_GOOD_CLASS(&cls);
    EXPECT_EQ(class_stats(&cls).blocks, capacity);
    expect_half(&cls, capacity);
    blocks[capacity] = must_take(&cls);
    EXPECT_EQ(cls.slabs, 2);
    for (size_t i = 0; i <= capacity; i++)
        loam_pool_class_give(&cls, blocks[i]);
    (void)loam_pool_class_trim(&cls);
    EXPECT_EQ(cls.slabs, 0);
    EXPECT_EQ(source_held(src), 0);
    loam_pool_class_deinit(&cls);
}

/* ---- all of them ---- */

static void look_at_all_sizes(source_kind kind)
{
    static const size_t aligns[] = {0, 1, 8, 16, 64, 256, 4096};
    source src;

    source_begin(&src, kind);
    for (size_t size = 1; size <= LOAM_POOL_LARGEST; size += size_step()) {
        shape s = {size, aligns[size % 7], 0};

        test_note("size %zu, alignment %zu", s.size, s.align);
        look_at_slab(&src, &s);
        s.align = 0;
        look_at_slab(&src, &s);
    }
    source_end(&src);
}

TEST(every_size_over_granules, fast)
{
    look_at_all_sizes(SOURCE_REGION);
}

TEST(every_size_over_an_allocator, fast)
{
    look_at_all_sizes(SOURCE_LIBC);
}

/* Sizes that just fit into a page beside a slab's record, or do not. */
TEST(sizes_around_a_page, fast)
{
    static const source_kind kinds[] = {SOURCE_REGION, SOURCE_LIBC};

    for (size_t k = 0; k < 2; k++) {
        source src;

        source_begin(&src, kinds[k]);
        for (size_t parts = 1; parts <= 8; parts++) {
            size_t most = loam_vm_page_size() / parts;

            for (size_t size = most - 64; size <= most + 64; size += 8) {
                test_note("size %zu, over %s", size, source_name(kinds[k]));
                look_at_slab(&src, &(shape){size, 0, 0});
            }
        }
        source_end(&src);
    }
}

/* Every size of slab, with sizes of block from many in a slab to two. */
TEST(every_size_of_slab, fast)
{
    static const source_kind kinds[] = {SOURCE_REGION, SOURCE_REGIONS, SOURCE_LIBC};
    static const size_t sizes[] = {8, 24, 48, 64, 100, 200, 320, 1000, 1360, 4096, 8000, 20000};

    for (size_t k = 0; k < 3; k++) {
        source src;

        source_begin(&src, kinds[k]);
        for (size_t slab = KIB; slab <= 256 * KIB; slab *= 2) {
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                size_t least = kinds[k] == SOURCE_LIBC ? slab : loam_max(slab, 64 * KIB);

                test_note("size %zu in slabs of %zu over %s", sizes[i], slab,
                          source_name(kinds[k]));
                if (sizes[i] * 4 + KIB <= least)
                    look_at_slab(&src, &(shape){sizes[i], 0, slab});
            }
        }
        source_end(&src);
    }
}

/* ---- colours ---- */

enum { COLOURED_SLABS = 40 };

/* How many different places, counted from the slab's base, the first blocks of slabs have. */
static size_t count_places(source *src, size_t size, bool *useful)
{
    loam_pool_class cls;
    size_t capacity, places[COLOURED_SLABS], count = 0;

    begin_class_of(&cls, src, size);
    (void)loam_pool_class_slab_size(&cls, &capacity);
    *useful = true;
    for (size_t slab = 0; slab < COLOURED_SLABS; slab++) {
        size_t place = 0, i = 0;

        for (size_t n = 0; n < capacity; n++) {
            uintptr_t block = (uintptr_t)must_take(&cls);

            if (n == 0)
                place = block & (cls.slab_size - 1);
        }
        while (i < count && places[i] != place)
            i++;
        if (i == count)
            places[count++] = place;
        *useful = *useful && place % 64 == (places[0] & 63);
    }
    EXPECT_GOOD_CLASS(&cls);
    loam_pool_class_deinit(&cls);
    return count;
}

/* Slabs of blocks that leave a rest begin at different cache lines, so that the first blocks of
 * many slabs don't meet in the same sets. */
TEST(slabs_have_colours, fast)
{
    source src;
    bool useful;

    source_begin(&src, SOURCE_REGION);
    EXPECT(count_places(&src, 3000, &useful) > 1);
    EXPECT(useful);
    EXPECT_EQ(count_places(&src, 64, &useful), 1); /* where there is no rest, none is made */
    source_end(&src);
}

/* The records of slabs over an allocator stand at different cache lines of their pages. */
TEST(records_have_colours, fast)
{
    source src;
    loam_pool_class cls;
    bool seen[8] = {false};
    size_t capacity, count = 0;

    source_begin(&src, SOURCE_LIBC);
    begin_class_of(&cls, &src, 8000);
    (void)loam_pool_class_slab_size(&cls, &capacity);
    for (size_t i = 0; i < 64 * capacity; i++)
        (void)must_take(&cls);
    for (int list = 0; list < LOAM_POOL_LISTS_; list++) {
        for (const loam_pool_slab *slab = cls.lists[list]; slab; slab = slab->next) {
            size_t place = (size_t)((const char *)slab - slab->base);

            EXPECT(place % 64 == 0 && place < sizeof seen * 64);
            count += !seen[place / 64];
            seen[place / 64] = true;
        }
    }
    EXPECT(count > 2);
    loam_pool_class_deinit(&cls);
    source_end(&src);
}

/* ---- configurations ---- */

static bool comes_to_be(const loam_pool_class_config *config)
{
    loam_pool_class cls;
    bool good = loam_pool_class_init(&cls, config);

    if (good)
        loam_pool_class_deinit(&cls);
    return good;
}

static void expect_slab_sizes(const loam_pool_class_config *like)
{
    loam_pool_class_config config = *like;

    for (size_t slab = 1; slab != 0; slab *= 2) {
        config.slab = slab;
        EXPECT_EQ(comes_to_be(&config), slab >= KIB && slab <= 256 * KIB);
        config.slab = slab + 24;
        EXPECT_EQ(comes_to_be(&config), false);
    }
}

/* What is out of its range is refused, and takes nothing. */
static void expect_ranges(source *src)
{
    loam_pool_class_config good = class_config(src, 48), config = good;

    EXPECT(comes_to_be(&config));
    config.size = 0;
    EXPECT(!comes_to_be(&config));
    config.size = LOAM_POOL_LARGEST;
    EXPECT(comes_to_be(&config));
    config.size = LOAM_POOL_LARGEST + 1;
    EXPECT(!comes_to_be(&config));
    config.size = SIZE_MAX;
    EXPECT(!comes_to_be(&config));
    config = good;
    for (size_t align = 1; align != 0; align *= 2) {
        config.align = align;
        EXPECT_EQ(comes_to_be(&config), align <= loam_vm_page_size());
        config.align = align + 2;
        EXPECT_EQ(comes_to_be(&config), align == 2); /* 4 */
    }
    expect_slab_sizes(&good);
    config = good;
    config.granules.ops = NULL;
    config.allocator.ops = NULL;
    EXPECT(!comes_to_be(&config));
    EXPECT_EQ(source_takes(src), 0);
}

TEST(values_out_of_range, fast)
{
    static const source_kind kinds[] = {SOURCE_REGION, SOURCE_LIBC};

    for (size_t k = 0; k < 2; k++) {
        source src;

        source_begin(&src, kinds[k]);
        expect_ranges(&src);
        source_end(&src);
    }
}

/* A slab that does not hold two blocks is none. */
TEST(slabs_too_small_for_two_blocks, fast)
{
    source src;

    source_begin(&src, SOURCE_LIBC);
    for (size_t slab = KIB; slab <= 64 * KIB; slab *= 2) {
        loam_pool_class_config config = class_config(&src, slab / 2);

        config.slab = slab;
        EXPECT(!comes_to_be(&config)); /* there is a record too */
        config.size = slab / 4;
        EXPECT(comes_to_be(&config));
    }
    source_end(&src);
}

TEST_MAIN
