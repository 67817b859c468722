/* pool_support.c: see pool_support.h. */
#include "pool/pool_support.h"

#include <stdlib.h>
#include <string.h>

/* ---- granules that count and refuse ---- */

static bool refuses(source *s)
{
    bool refused;

    s->calls++;
    refused = s->nth != 0 && (s->calls == s->nth || (s->for_ever && s->calls > s->nth));
    refused = refused || (s->chance != 0 && test_rng_below(&s->rng, 1000000) < s->chance);
    s->refused += refused;
    return refused;
}

static void *take_granules(void *self, size_t count, size_t align, uint8_t kind, void *owner,
                           loam_granules_info *info)
{
    source *s = (source *)self;
    loam_region *region = &s->regions[s->turn % s->region_count];
    void *ptr = refuses(s) ? NULL : loam_region_take(region, count, align, kind, owner, info);

    if (!ptr)
        return NULL;
    s->turn++;
    s->held += count;
    s->blocks++;
    s->takes++;
    return ptr;
}

static loam_region *find_region(void *self, const void *ptr)
{
    source *s = (source *)self;

    if (!ptr)
        return s->region_count == 1 ? &s->regions[0] : NULL;
    for (size_t i = 0; i < s->region_count; i++) {
        if (loam_region_contains(&s->regions[i], ptr))
            return &s->regions[i];
    }
    return NULL;
}

static void give_granules(void *self, void *ptr, size_t count)
{
    source *s = (source *)self;
    loam_region *region = find_region(s, ptr);

    EXPECT(region != NULL);
    EXPECT_LE(count, s->held);
    s->held -= count;
    s->blocks--;
    loam_region_give(region, ptr, count);
}

static const loam_granules_ops granules_ops = {
    .take = take_granules, .give = give_granules, .region = find_region, .name = "counted"};

static void begin_granules(source *s, const loam_region_config *config, size_t count)
{
    s->region_count = count;
    for (size_t i = 0; i < count; i++)
        EXPECT(loam_region_init(&s->regions[i], config));
    s->granules = (loam_granules){&granules_ops, s};
}

/* ---- allocators ---- */

static loam_allocator begin_arena(source *s, const loam_arena_config *config)
{
    EXPECT(loam_arena_init(&s->arena, config));
    return loam_arena_allocator(&s->arena);
}

static loam_allocator bottom(source *s)
{
    loam_budget_config budget = {.limit = SOURCE_BUDGET_LIMIT};
    loam_arena_config chain = {.backing = LOAM_ARENA_CHAIN};
    loam_arena_config fixed = {.backing = LOAM_ARENA_FIXED, .buffer_size = SOURCE_BUFFER_SIZE};

    switch (s->kind) {
    case SOURCE_VM:
        return loam_vm_allocator();
    case SOURCE_ARENA:
        return begin_arena(s, &chain);
    case SOURCE_BUFFER:
        fixed.buffer = s->buffer = malloc(SOURCE_BUFFER_SIZE);
        EXPECT(s->buffer != NULL);
        return begin_arena(s, &fixed);
    case SOURCE_CHECKED:
        loam_checked_init(&s->checked, loam_libc_allocator(), NULL);
        return loam_checked_allocator(&s->checked);
    case SOURCE_BUDGET:
        loam_budget_init(&s->budget, loam_libc_allocator(), &budget);
        return loam_budget_allocator(&s->budget);
    case SOURCE_REGION:
    case SOURCE_REGIONS:
    case SOURCE_LIBC:
    case SOURCE_KINDS:
        break;
    }
    return loam_libc_allocator();
}

static void end_bottom(source *s)
{
    if (s->kind == SOURCE_ARENA || s->kind == SOURCE_BUFFER)
        loam_arena_deinit(&s->arena);
    else if (s->kind == SOURCE_CHECKED)
        loam_checked_deinit(&s->checked);
    else if (s->kind == SOURCE_BUDGET)
        loam_budget_deinit(&s->budget);
    free(s->buffer);
}

/* ---- sources ---- */

const char *source_name(source_kind kind)
{
    static const char *const names[] = {"region", "regions", "libc",    "vm",
                                        "arena",  "buffer",  "checked", "budget"};

    return names[kind];
}

void source_begin(source *s, source_kind kind)
{
    loam_region_config config = {.reserve = 256 * MIB};

    memset(s, 0, sizeof *s);
    s->kind = kind;
    if (kind == SOURCE_REGION || kind == SOURCE_REGIONS) {
        begin_granules(s, &config, kind == SOURCE_REGION ? 1 : SOURCE_REGION_COUNT);
        return;
    }
    loam_counting_init(&s->counting, bottom(s));
    loam_failing_init(&s->failing, loam_counting_allocator(&s->counting), NULL);
    s->allocator = loam_failing_allocator(&s->failing);
}

void source_begin_region(source *s, const loam_region_config *config)
{
    memset(s, 0, sizeof *s);
    s->kind = SOURCE_REGION;
    begin_granules(s, config, 1);
}

void source_end(source *s)
{
    EXPECT_EQ(source_held(s), 0);
    EXPECT_EQ(source_blocks(s), 0);
    for (size_t i = 0; i < s->region_count; i++) {
        EXPECT_EQ(s->regions[i].held, 0);
        EXPECT(loam_region_check(&s->regions[i], NULL, NULL));
        loam_region_deinit(&s->regions[i]);
    }
    if (s->granules.ops)
        return;
    loam_failing_deinit(&s->failing);
    loam_counting_deinit(&s->counting);
    end_bottom(s);
}

size_t source_held(const source *s)
{
    return s->granules.ops ? s->held * LOAM_REGION_GRANULE : s->counting.live;
}

size_t source_blocks(const source *s)
{
    return s->granules.ops ? s->blocks : s->counting.blocks;
}

size_t source_takes(const source *s)
{
    return s->granules.ops ? s->takes : s->counting.allocations;
}

void source_refuse(source *s, size_t nth, bool for_ever)
{
    const loam_failing_config config = {.alloc = {.nth = nth, .for_ever = for_ever}};

    s->calls = s->refused = 0;
    s->nth = nth;
    s->for_ever = for_ever;
    s->chance = 0;
    if (!s->granules.ops)
        loam_failing_restart(&s->failing, &config);
}

void source_refuse_randomly(source *s, uint32_t chance, uint64_t seed)
{
    const loam_failing_config config = {.alloc = {.per_million = chance}, .seed = seed};

    source_refuse(s, 0, false);
    s->chance = chance;
    test_rng_init(&s->rng, seed);
    if (!s->granules.ops)
        loam_failing_restart(&s->failing, &config);
}

size_t source_refused(const source *s)
{
    return s->granules.ops ? s->refused : loam_failing_failed(&s->failing, LOAM_FAILING_ALLOC);
}

void for_each_source(void (*run)(source *s))
{
    for (int kind = 0; kind < SOURCE_KINDS; kind++) {
        static source s;

        test_note("over %s", source_name((source_kind)kind));
        source_begin(&s, (source_kind)kind);
        run(&s);
        source_end(&s);
        test_note(NULL);
    }
}

/* ---- objects ---- */

loam_pool_class_config class_config(const source *s, size_t size)
{
    return (loam_pool_class_config){
        .size = size, .granules = s->granules, .allocator = s->allocator};
}

loam_pool_config pool_config(const source *s)
{
    return (loam_pool_config){.granules = s->granules, .allocator = s->allocator};
}

void begin_class(loam_pool_class *cls, const loam_pool_class_config *config)
{
    EXPECT(loam_pool_class_init(cls, config));
}

void begin_class_of(loam_pool_class *cls, const source *s, size_t size)
{
    loam_pool_class_config config = class_config(s, size);

    begin_class(cls, &config);
}

void begin_pool(loam_pool *pool, const loam_pool_config *config)
{
    EXPECT(loam_pool_init(pool, config));
}

void *must_take(loam_pool_class *cls)
{
    void *block = loam_pool_class_take(cls);

    EXPECT(block != NULL);
    EXPECT(is_aligned(block, cls->front.align));
    return block;
}

/* ---- looking ---- */

typedef struct finder {
    const char *file;
    int line;
} finder;

static void fail_property(void *context, const char *property, const void *where)
{
    const finder *from = (const finder *)context;

    test_fail_at(from->file, from->line, "%s: at %p", property, where);
}

bool add_to_sums(void *context, const loam_walk_item *item)
{
    walk_sums *sums = (walk_sums *)context;

    EXPECT(item->size > 0);
    sums->blocks += item->kind == LOAM_WALK_LIVE;
    if (item->kind == LOAM_WALK_LIVE)
        sums->live += item->size;
    else if (item->kind == LOAM_WALK_FREE)
        sums->free += item->size;
    else if (item->kind == LOAM_WALK_METADATA)
        sums->metadata += item->size;
    else
        sums->reserved += item->size;
    return true;
}

static void expect_figures(const char *file, int line, const loam_stats *s)
{
    test_expect_le(file, line, "live", "peak", s->live, s->peak);
    test_expect_le(file, line, "live + lost", "committed", s->live + s->lost, s->committed);
    test_expect_le(file, line, "committed", "reserved", s->committed, s->reserved);
    test_expect_le(file, line, "blocks", "allocations", s->blocks, s->allocations);
}

static void expect_sums(const char *file, int line, const loam_stats *s, const walk_sums *sums,
                        size_t hidden)
{
    test_expect_eq(file, line, "what a walk shows", "committed",
                   sums->live + sums->free + sums->metadata + hidden, s->committed);
    test_expect_eq(file, line, "reserved pieces", "0", sums->reserved, 0);
}

void expect_good_class(const char *file, int line, loam_pool_class *cls)
{
    finder from = {file, line};
    walk_sums sums = {0, 0, 0, 0, 0};
    loam_stats stats;

    if (!loam_pool_class_check(cls, fail_property, &from))
        test_fail_at(file, line, "the class is not good, and nobody says why");
    EXPECT(loam_pool_class_walk(cls, add_to_sums, &sums));
    stats = class_stats(cls);
    expect_figures(file, line, &stats);
    expect_sums(file, line, &stats, &sums, 0);
    test_expect_eq(file, line, "live blocks of a walk", "live blocks", sums.blocks, stats.blocks);
    test_expect_eq(file, line, "live bytes of a walk", "live bytes", sums.live, stats.live);
}

/* Large blocks of an allocator are shown by no walk. */
void expect_good_pool(const char *file, int line, loam_pool *pool)
{
    finder from = {file, line};
    walk_sums sums = {0, 0, 0, 0, 0};
    bool hides = pool->granules.ops == NULL;
    loam_stats stats;

    if (!loam_pool_check(pool, fail_property, &from))
        test_fail_at(file, line, "the pool is not good, and nobody says why");
    EXPECT(loam_pool_walk(pool, add_to_sums, &sums));
    stats = pool_stats(pool);
    expect_figures(file, line, &stats);
    expect_sums(file, line, &stats, &sums, hides ? pool->large_held : 0);
    test_expect_eq(file, line, "live blocks of a walk", "live blocks",
                   sums.blocks + (hides ? pool->large_blocks : 0), stats.blocks);
    test_expect_eq(file, line, "live bytes of a walk", "live bytes",
                   sums.live + (hides ? pool->large_live : 0), stats.live);
}

loam_stats class_stats(const loam_pool_class *cls)
{
    loam_stats stats;

    loam_pool_class_stats(cls, &stats);
    return stats;
}

loam_stats pool_stats(const loam_pool *pool)
{
    loam_stats stats;

    loam_pool_stats(pool, &stats);
    return stats;
}

/* ---- contents ---- */

/* Eight bytes of a pattern, none of them 0. */
static uint64_t pattern_word(size_t i, uint64_t seed)
{
    uint64_t z = (seed + i) * 0x9e3779b97f4a7c15u;

    return (z ^ (z >> 29)) | 0x0101010101010101u;
}

void fill_pattern(void *ptr, size_t size, uint64_t seed)
{
    unsigned char *bytes = (unsigned char *)ptr;

    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = pattern_word(i / 8, seed);

        memcpy(bytes + i, &word, size - i < 8 ? size - i : 8);
    }
}

bool has_pattern(const void *ptr, size_t size, uint64_t seed)
{
    const unsigned char *bytes = (const unsigned char *)ptr;

    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = pattern_word(i / 8, seed);

        if (memcmp(bytes + i, &word, size - i < 8 ? size - i : 8) != 0)
            return false;
    }
    return true;
}
