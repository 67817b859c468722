/* pool.c: a class for each of a table of sizes, and large blocks beside them.
 *
 *     size -> by_8 / by_128 -> classes[i]          smallest class that is big enough, by one load
 *     size > largest        -> granules or the allocator
 *
 *   Q1  classes are in ascending order of size, with different sizes
 *   Q2  by_8[n] and by_128[n] are the smallest class for each size of their step: sizes are multiples
 *       of the step, so that all requests of a step have the same
 *   Q3  over granules, large blocks are linked through their records; large_blocks, large_live and
 *       large_held are their sums
 */
#include "pool_large.h"

/* ---- sizes ---- */

enum { LINE = 64, LINES_FROM = 32, STEP_SMALL = 8, STEP_BIG = 128, PER_DOUBLING = 4 };

/* The size behind one: by 8 up to 64, by 16 up to 128, and then by four to a doubling. On
 * traces of four programs the sizes 24, 40 and 56 save waste for who asks with an alignment of 8; with
 * 16, as loam_pool_take() does, they are passed over. */
static size_t next_geometric(size_t size)
{
    if (size < 64)
        return size + 8;
    if (size < 128)
        return size + 16;
    return size + ((size_t)1 << loam_log2(size)) / PER_DOUBLING;
}

static size_t next_size(const loam_pool_config *config, size_t size, size_t index)
{
    switch (config->sizes) {
    case LOAM_POOL_GEOMETRIC:
        return size == 0 ? 8 : next_geometric(size);
    case LOAM_POOL_POWERS:
        return size == 0 ? 8 : size * 2;
    case LOAM_POOL_TABLE:
        return index < config->table_count ? config->table[index] : SIZE_MAX;
    }
    return SIZE_MAX;
}

static bool valid_table(const loam_pool_config *config)
{
    if (config->sizes != LOAM_POOL_TABLE)
        return config->sizes == LOAM_POOL_GEOMETRIC || config->sizes == LOAM_POOL_POWERS;
    if (!config->table || config->table_count == 0 || config->table_count > LOAM_POOL_CLASSES)
        return false;
    for (size_t i = 0; i < config->table_count; i++) {
        size_t size = config->table[i];
        size_t step = size <= LOAM_POOL_SMALL ? STEP_SMALL : STEP_BIG;

        if (size == 0 || size > LOAM_POOL_LARGEST || size % step != 0 ||
            (i > 0 && size <= config->table[i - 1]))
            return false;
    }
    return true;
}

/* Lists the sizes that the classes will have. Returns how many; 0 iff that can't be. */
static size_t list_sizes(const loam_pool_config *config, size_t sizes[LOAM_POOL_CLASSES])
{
    size_t count = 0, size = 0, largest = config->largest ? config->largest : LOAM_POOL_LARGEST;

    if (!valid_table(config) || largest > LOAM_POOL_LARGEST)
        return 0;
    for (size_t i = 0; (size = next_size(config, size, i)) <= LOAM_POOL_LARGEST; i++) {
        size_t rounded =
            config->cache_lines && size >= LINES_FROM ? loam_round_up(size, LINE) : size;

        if (count == 0 || rounded > sizes[count - 1])
            sizes[count++] = rounded;
        if (size >= largest)
            break;
    }
    return count;
}

/* ---- life ---- */

/* The classes lie in a block of the source: granules, or what an allocator gives. */
static bool take_own(loam_pool *pool, size_t count)
{
    size_t bytes = count * sizeof(loam_pool_class);

    if (pool->granules.ops) {
        bytes = loam_round_up(bytes, LOAM_REGION_GRANULE);
        pool->classes = (loam_pool_class *)loam_granules_take(pool->granules,
                                                              bytes >> LOAM_REGION_GRANULE_SHIFT, 1,
                                                              LOAM_POOL_KIND_LARGE, pool, NULL);
    } else if (pool->allocator.ops) {
        pool->classes =
            (loam_pool_class *)loam_alloc(pool->allocator, bytes, LOAM_ALIGNOF(loam_pool_class));
    }
    pool->own_size = bytes;
    return pool->classes != NULL;
}

static void give_own(loam_pool *pool)
{
    if (pool->granules.ops)
        loam_granules_give(pool->granules, pool->classes,
                           pool->own_size >> LOAM_REGION_GRANULE_SHIFT);
    else
        loam_dealloc(pool->allocator, pool->classes, pool->own_size, LOAM_ALIGNOF(loam_pool_class));
}

/* The source refused a slab to a class. What others keep may be enough for it. */
static bool relieve(loam_pool_class *cls)
{
    char *taken = (char *)cls->taken;

    return loam_pool_trim((loam_pool *)(void *)(taken - offsetof(loam_pool, taken))) != 0;
}

static bool init_classes(loam_pool *pool, const loam_pool_config *config, const size_t *sizes)
{
    loam_pool_class_config one = {
        .granules = config->granules,
        .allocator = config->allocator,
        .slab = config->slab,
        .front = config->front,
        .keep = config->keep,
        .name = pool->name,
    };

    for (size_t i = 0; i < pool->count; i++) {
        one.size = sizes[i];
        if (!loam_pool_class_init(&pool->classes[i], &one))
            return false;
        pool->classes[i].taken = &pool->taken;
        pool->classes[i].relieve = relieve;
    }
    return true;
}

/* The first class from one on that is big enough, or the one behind the last. */
static loam_pool_class *smallest_for(const loam_pool *pool, loam_pool_class *cls, size_t size)
{
    while (cls < pool->classes + pool->count && cls->front.size < size)
        cls++;
    return cls;
}

static void fill_index(loam_pool *pool)
{
    loam_pool_class *cls = pool->classes;

    memset(&pool->classes[pool->count], 0, sizeof *cls);
    for (size_t size = STEP_SMALL; size <= LOAM_POOL_SMALL; size += STEP_SMALL)
        pool->by_8[(size - 1) / STEP_SMALL] = cls = smallest_for(pool, cls, size);
    for (size_t size = STEP_BIG; size <= LOAM_POOL_LARGEST; size += STEP_BIG)
        pool->by_128[(size - 1) / STEP_BIG] = smallest_for(pool, pool->classes, size);
}

bool loam_pool_init(loam_pool *pool, const loam_pool_config *config)
{
    size_t sizes[LOAM_POOL_CLASSES] = {0};

    memset(pool, 0, sizeof *pool);
    pool->granules = config->granules;
    pool->allocator = config->allocator;
    pool->name = config->name ? config->name : "pool";
    pool->count = list_sizes(config, sizes);
    if (pool->count == 0 || !take_own(pool, pool->count + 1))
        return false;
    if (!init_classes(pool, config, sizes)) {
        give_own(pool);
        return false;
    }
    pool->largest = sizes[pool->count - 1];
    fill_index(pool);
    return true;
}

/* ---- the rest ---- */

loam_pool_class *loam_pool_class_aligned(const loam_pool *pool, size_t size, size_t align)
{
    loam_pool_class *cls;

    if (size - 1 >= pool->largest)
        return NULL;
    cls = loam_pool_class_for(pool, size);
    while (cls < pool->classes + pool->count && align > cls->front.align)
        cls++;
    return cls < pool->classes + pool->count ? cls : NULL;
}

LOAM_COLD void *loam_pool_take_slow_(loam_pool *pool, size_t size, size_t align)
{
    loam_pool_class *cls = loam_pool_class_aligned(pool, size, align);

    if (cls)
        return loam_pool_class_take(cls);
    return size - 1 < (size_t)PTRDIFF_MAX ? loam_pool_take_large(pool, size, align) : NULL;
}

LOAM_COLD void loam_pool_give_slow_(loam_pool *pool, void *block, size_t size, size_t align)
{
    loam_pool_class *cls = loam_pool_class_aligned(pool, size, align);

    if (cls)
        loam_pool_class_give(cls, block);
    else
        loam_pool_give_large(pool, block, size, align);
}

void loam_pool_deinit(loam_pool *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        loam_pool_class_deinit(&pool->classes[i]);
    loam_pool_end_large(pool);
    give_own(pool);
    memset(pool, 0, sizeof *pool);
}

void loam_pool_give_remote(const loam_pool *pool, void *block, size_t size, size_t align)
{
    loam_pool_class *cls = loam_pool_class_aligned(pool, size, align);

    LOAM_REQUIRE(cls, LOAM_MISUSE_FOREIGN_BLOCK, block);
    loam_pool_class_give_remote(cls, block);
}

size_t loam_pool_good_size(const loam_pool *pool, size_t size, size_t align)
{
    const loam_pool_class *cls;

    if (size - 1 >= (size_t)PTRDIFF_MAX)
        return size;
    cls = loam_pool_class_aligned(pool, size, align);
    if (cls)
        return cls->front.size;
    if (!pool->granules.ops)
        return loam_good_size(pool->allocator, size, align);
    return size > (size_t)PTRDIFF_MAX - LOAM_REGION_GRANULE
               ? size
               : loam_round_up(size, LOAM_REGION_GRANULE);
}

size_t loam_pool_trim(loam_pool *pool)
{
    size_t went = 0;

    for (size_t i = 0; i < pool->count; i++)
        went += loam_pool_class_trim(&pool->classes[i]);
    return went;
}

loam_pool_class *loam_pool_find(const loam_pool *pool, const void *ptr)
{
    for (size_t i = 0; !pool->granules.ops && i < pool->count; i++) {
        if (loam_pool_class_owns(&pool->classes[i], ptr))
            return &pool->classes[i];
    }
    if (pool->granules.ops) {
        loam_record *record = loam_pool_record_at(pool, ptr);
        uintptr_t owner = record && loam_record_kind(record) == LOAM_POOL_KIND_SLAB
                              ? (uintptr_t)loam_record_owner(record)
                              : 0;

        if (owner - (uintptr_t)pool->classes < pool->count * sizeof *pool->classes)
            return (loam_pool_class *)owner;
    }
    return NULL;
}

bool loam_pool_owns(const loam_pool *pool, const void *ptr)
{
    const loam_record *record;

    if (loam_pool_find(pool, ptr))
        return true;
    record = pool->granules.ops ? loam_pool_record_at(pool, ptr) : NULL;
    return record && loam_record_kind(record) == LOAM_POOL_KIND_LARGE &&
           loam_record_owner(record) == pool &&
           (uintptr_t)ptr - (uintptr_t)pool->classes >= pool->own_size;
}

/* ---- looking at it ---- */

void loam_pool_stats(const loam_pool *pool, loam_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    for (size_t i = 0; i < pool->count; i++) {
        loam_stats one;

        loam_pool_class_stats(&pool->classes[i], &one);
        stats->live += one.live;
        stats->peak += one.peak;
        stats->committed += one.committed;
        stats->lost += one.lost;
        stats->metadata += one.metadata;
        stats->blocks += one.blocks;
        stats->allocations += one.allocations;
        stats->failures += one.failures;
    }
    stats->live += pool->large_live;
    stats->peak += pool->large_peak;
    stats->committed += pool->large_held + pool->own_size;
    stats->lost += pool->large_held - pool->large_live;
    stats->metadata += sizeof *pool;
    stats->blocks += pool->large_blocks;
    stats->allocations += pool->large_allocations;
    stats->failures += pool->failures;
    stats->reserved = stats->committed;
}

bool loam_pool_walk(loam_pool *pool, loam_walk_fn visit, void *context)
{
    loam_walk_item own = {pool->classes, pool->own_size, LOAM_WALK_METADATA};

    if (!visit(context, &own))
        return false;
    for (size_t i = 0; i < pool->count; i++) {
        if (!loam_pool_class_walk(&pool->classes[i], visit, context))
            return false;
    }
    return loam_pool_walk_large(pool, visit, context);
}

static bool check_that(bool holds, const char *property, const void *where, loam_check_fn report,
                       void *context)
{
    if (!holds && report)
        report(context, property, where);
    return holds;
}

static bool check_index(const loam_pool *pool, loam_check_fn report, void *context)
{
    bool good = true;

    for (size_t size = 1; size <= pool->largest && good; size++) {
        const loam_pool_class *cls = loam_pool_class_for(pool, size);

        good = cls->front.size >= size && (cls == pool->classes || cls[-1].front.size < size);
    }
    return check_that(good, "Q2: a size finds a class that is not the smallest", pool, report,
                      context);
}

bool loam_pool_check(loam_pool *pool, loam_check_fn report, void *context)
{
    bool good = check_index(pool, report, context);

    good = check_that(loam_pool_large_adds_up(pool), "Q3: large blocks are counted wrong", pool,
                      report, context) &&
           good;
    for (size_t i = 0; i < pool->count; i++) {
        bool ordered = i == 0 || pool->classes[i - 1].front.size < pool->classes[i].front.size;

        good = check_that(ordered, "Q1: classes are out of order", &pool->classes[i], report,
                          context) &&
               good;
        good = loam_pool_class_check(&pool->classes[i], report, context) && good;
    }
    return good;
}
