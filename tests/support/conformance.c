/* conformance.c: the sections that go through the operations one by one. */
#include "support/conformance_run.h"

#include "internal/bits.h"

#include <loam/cache.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const size_t top_bit = SIZE_MAX - SIZE_MAX / 2;

/* ---- the table ---- */

void conformance_table(run *r)
{
    const loam_allocator_ops *ops = r->allocator.ops;
    uint32_t known = LOAM_RECLAIMS | LOAM_THREADSAFE | LOAM_EXACT;

    if (!ops->alloc || !ops->dealloc)
        run_broke(r, "table", "alloc and dealloc are required");
    if (!ops->name || !*ops->name)
        run_broke(r, "table", "there is no name");
    if (ops->traits & ~known)
        run_broke(r, "table", "traits 0x%x has unknown bits", (unsigned)ops->traits);
    if ((ops->traits & LOAM_THREADSAFE) && ops->cache)
        run_broke(r, "C4", "a thread-safe allocator offers a cache");
}

/* ---- A1: what no operation sees ---- */

static void expect_empty(const run *r, const void *ptr, size_t align, const char *from)
{
    if (!ptr || ((uintptr_t)ptr & (align - 1)))
        run_broke(r, "A1", "%s of no bytes aligned to %zu gives %p", from, align, ptr);
}

static void empty_requests(run *r, size_t align)
{
    loam_allocator a = r->allocator;
    void *ptr = loam_alloc(a, 0, align);

    expect_empty(r, ptr, align, "alloc");
    expect_empty(r, loam_zalloc(a, 0, align), align, "zalloc");
    expect_empty(r, loam_alloc_array(a, 0, 8, align), align, "alloc_array");
    expect_empty(r, loam_realloc(a, ptr, 0, 0, align), align, "realloc");
    if (!loam_resize(a, ptr, 0, 0, align) || loam_resize(a, ptr, 0, 8, align))
        run_broke(r, "A1", "resize of no bytes grows, or does not stay");
    if (loam_remap(a, ptr, 0, 8, align))
        run_broke(r, "A1", "remap of no bytes grows");
    loam_dealloc(a, ptr, 0, align);
    loam_dealloc(a, NULL, 8, align);
    if (loam_good_size(a, 0, align) != 0)
        run_broke(r, "A1", "good_size of 0 is not 0");
}

static void excessive_requests(run *r, size_t size)
{
    loam_allocator a = r->allocator;
    size_t index = run_take(r, run_cap_size(r, 24), 8, false);

    if (loam_alloc(a, size, 8) || loam_zalloc(a, size, 8) || loam_realloc(a, NULL, 0, size, 8))
        run_broke(r, "A1", "%zu bytes are served", size);
    if (loam_good_size(a, size, 8) != size)
        run_broke(r, "A1", "good_size of %zu is another size", size);
    if (index == RUN_NONE)
        return;
    if (run_change_size(r, &index, size, RUN_RESIZE) ||
        run_change_size(r, &index, size, RUN_REMAP) ||
        run_change_size(r, &index, size, RUN_REALLOC))
        run_broke(r, "A1", "a block grew to %zu bytes", size);
    run_drop(r, index);
}

typedef struct odd_alignment {
    loam_allocator allocator;
    size_t align;
} odd_alignment;

static void alloc_with_odd_alignment(void *context)
{
    const odd_alignment *odd = context;

    (void)!loam_alloc(odd->allocator, 8, odd->align);
}

static void odd_alignments(run *r)
{
    static const size_t odd[] = {0, 3, 6, 24, SIZE_MAX, SIZE_MAX - 1};

    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        odd_alignment context = {r->allocator, odd[i]};

#if LOAM_CHECKS
        if (TEST_HAS_FORK)
            test_dies_with(alloc_with_odd_alignment, &context,
                           "loam: fatal: alignment is not a power of two: 0x",
                           (void *)(uintptr_t)odd[i]);
#else
        (void)alloc_with_odd_alignment;
        if (loam_alloc(context.allocator, 8, odd[i]) || loam_zalloc(context.allocator, 0, odd[i]))
            run_broke(r, "A1", "alignment %zu is served", odd[i]);
#endif
    }
}

void conformance_odd_requests(run *r)
{
    size_t size = run_cap_size(r, 24);
    size_t index;

    for (size_t align = 1; align != 0; align *= 2)
        empty_requests(r, align);
    excessive_requests(r, (size_t)PTRDIFF_MAX + 1);
    excessive_requests(r, SIZE_MAX);
    odd_alignments(r);

    /* A block that shrinks to nothing is given back by realloc, and by nothing else. */
    index = run_take(r, size, 8, false);
    if (index == RUN_NONE)
        return;
    if (loam_resize(r->allocator, r->blocks.items[index].ptr, size, 0, 8) ||
        loam_remap(r->allocator, r->blocks.items[index].ptr, size, 0, 8))
        run_broke(r, "A1", "a block shrank to nothing without being given back");
    expect_empty(r, loam_realloc(r->allocator, run_release(r, index).ptr, size, 0, 8), 8,
                 "realloc");
}

/* Whether no system has so much memory. */
static bool beyond_any_memory(size_t size)
{
    return sizeof size >= 8 && size >= (size_t)PTRDIFF_MAX / 2;
}

/* A 32-bit process may have that much, and takes seconds to fill it. */
static void ask_only(const run *r, size_t size, size_t align)
{
    void *ptr = loam_alloc(r->allocator, size, align);

    if (ptr)
        loam_dealloc(r->allocator, ptr, size, align);
}

/* Requests that an operation does see and that cannot be met; sums with them overflow easily. */
void conformance_impossible_requests(run *r)
{
    const size_t most = PTRDIFF_MAX;
    const struct {
        size_t size, align;
    } requests[] = {
        {most, 1},
        {most, LOAM_MAX_ALIGN},
        {most, 4096},
        {most - 15, 64},
        {most - 4095, 1},
        {most, top_bit},
        {1, top_bit},
        {8, top_bit / 2},
        {most, most / 2 + 1},
        {top_bit / 2, top_bit / 2},
    };

    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        size_t size = requests[i].size, align = requests[i].align;
        size_t index;
        bool served;

        if (test_under_valgrind() && align >= top_bit / 2)
            continue; /* its own memalign() ends the program */
        if (sizeof(void *) < 8 && size >= top_bit / 2) {
            ask_only(r, size, align);
            continue;
        }
        index = run_take(r, run_cap_size(r, 40), 8, false);
        if (beyond_any_memory(size) && loam_alloc(r->allocator, size, align))
            run_broke(r, "A2", "%zu bytes aligned to %zu are served", size, align);
        served = run_take(r, size, align, false) != RUN_NONE;
        served = run_take(r, size, align, true) != RUN_NONE || served;
        if (index != RUN_NONE && !served && !run_change_size(r, &index, size, RUN_RESIZE) &&
            !run_change_size(r, &index, size, RUN_REMAP))
            (void)run_change_size(r, &index, size, RUN_REALLOC);
        run_drop_all(r);
    }

    /* All those refusals took nothing away (A9). */
    for (size_t i = 0; i < 32; i++) {
        run_make_room(r, run_cap_size(r, 2000), 8);
        (void)!run_take(r, run_cap_size(r, 2000), 8, false);
    }
}

/* ---- A2: alignment, sizes, contents ---- */

void conformance_alignments(run *r)
{
    for (size_t align = 1; align <= r->max_align; align *= 2) {
        const size_t sizes[] = {1, 24, align / 2 + 1, align, align + 1, align + align / 2};

        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            run_make_room(r, sizes[i], align);
            (void)!run_take(r, sizes[i], align, i % 2 != 0);
        }
        run_check_blocks(r);
        run_drop_all(r);
    }
}

/* Keeps some sixteen blocks live, so that neighbours of many sizes meet. */
static void take_among_others(run *r, size_t size, size_t align)
{
    run_make_room(r, size, align);
    (void)!run_take(r, size, align, size % 3 == 0);
    if (r->blocks.count > 16)
        run_drop(r, (size_t)test_rng_below(&r->rng, r->blocks.count));
}

void conformance_sizes(run *r)
{
    static const int near[] = {-32, -31, -17, -16, -9, -8, -2, -1, 0, 1, 2, 8, 9, 16, 17, 31, 32};

    for (size_t size = 1; size <= run_cap_size(r, run_steps(4096)); size++)
        take_among_others(r, size, (size_t)1 << size % 7);
    for (size_t power = 64; power <= r->max_size; power *= 2) {
        for (size_t i = 0; i < sizeof near / sizeof *near; i++)
            take_among_others(r, run_cap_size(r, power + (size_t)near[i]), (size_t)1 << i % 5);
    }
}

void conformance_contents(run *r)
{
    size_t most = run_cap_size(r, 2048);

    for (size_t round = 0; round < 6; round++) {
        for (size_t i = 0; i < run_steps(200); i++) {
            size_t size = 1 + (size_t)test_rng_below(&r->rng, most);
            size_t align = (size_t)1 << test_rng_below(&r->rng, 9);

            run_make_room(r, size, align);
            (void)!run_take(r, size, align, false);
        }
        run_check_blocks(r);
        for (size_t left = r->blocks.count / 2; r->blocks.count > left;)
            run_drop(r, (size_t)test_rng_below(&r->rng, r->blocks.count));
        run_check_blocks(r);
    }
}

/* ---- A4, A5: changes of size ---- */

/* Every pair of sizes, as the newest block and as one with a younger neighbour. */
static void change_pairs(run *r, const size_t *sizes, size_t count, run_change how)
{
    /* Thirteen, which divides no count of pairs, so that sizes and alignments mix. */
    static const size_t aligns[] = {1, 16, 8192, 2, 64, 4, 65536, 8, 256, 1, 128, 16384, 32};

    for (size_t i = 0; i < count * count * 2; i++) {
        size_t size = run_cap_size(r, sizes[i / 2 / count]);
        size_t new_size = run_cap_size(r, sizes[i / 2 % count]);
        size_t align = loam_min(aligns[i % COUNT(aligns)], r->max_align);
        size_t index;

        if (i % run_slowness() != 0)
            continue;
        run_make_room(r, size + new_size + 64, align);
        index = run_take(r, size, align, false);
        if (index == RUN_NONE)
            continue;
        if (i % 2) {
            const unsigned char *ptr = r->blocks.items[index].ptr;

            (void)!run_take(r, run_cap_size(r, 24), 8, false);
            while (r->blocks.items[index].ptr != ptr)
                index++;
        }
        (void)!run_change_size(r, &index, new_size, how);
        run_check_blocks(r);
        run_drop_all(r);
    }
}

static const size_t small_pairs[] = {1,  2,  8,  15,  16,  17,   24,   32,   33,
                                     48, 64, 96, 100, 256, 1000, 4095, 4096, 4097};
static const size_t big_pairs[] = {1,     100,    4096,   4097,    8192,   65536,
                                   70000, 262144, 300000, 1048576, 3000000};

/* There and back again: a block that changes often keeps its first bytes. */
static void change_often(run *r, run_change how)
{
    size_t most = run_cap_size(r, 8192);
    size_t index;

    run_make_room(r, most * 8, 16);
    index = run_take(r, run_cap_size(r, 64), 16, false);
    for (size_t i = 0; i < 64 && index != RUN_NONE && run_promised(r, most, 16); i++)
        (void)!run_change_size(r, &index, 1 + (size_t)test_rng_below(&r->rng, most), how);
}

void conformance_resize(run *r)
{
    if (!r->allocator.ops->resize)
        return;
    change_pairs(r, small_pairs, COUNT(small_pairs), RUN_RESIZE);
    change_pairs(r, big_pairs, COUNT(big_pairs), RUN_RESIZE);
    change_often(r, RUN_RESIZE);
}

void conformance_remap(run *r)
{
    if (!r->allocator.ops->remap)
        return;
    change_pairs(r, small_pairs, COUNT(small_pairs), RUN_REMAP);
    change_pairs(r, big_pairs, COUNT(big_pairs), RUN_REMAP);
    change_often(r, RUN_REMAP);
}

void conformance_realloc(run *r)
{
    change_pairs(r, small_pairs, COUNT(small_pairs), RUN_REALLOC);
    change_pairs(r, big_pairs, COUNT(big_pairs), RUN_REALLOC);
    change_often(r, RUN_REALLOC);
}

/* ---- A7 ---- */

/* Returns good_size(size) after a look at it by itself and beside that of a smaller size. */
static size_t good_size_after(const run *r, size_t size, size_t align, size_t smaller)
{
    size_t good = loam_good_size(r->allocator, size, align);

    if (good < size)
        run_broke(r, "A7", "good_size(%zu) is %zu, which is less", size, good);
    if (good < smaller)
        run_broke(r, "A7", "good_size(%zu) is %zu, and %zu for a smaller size", size, good,
                  smaller);
    if (loam_good_size(r->allocator, good, align) != good)
        run_broke(r, "A7", "good_size(%zu) is %zu, which is not a good size", size, good);
    if (loam_good_size(r->allocator, size, align) != good)
        run_broke(r, "A7", "good_size(%zu) is %zu, and then another", size, good);
    return good;
}

static void good_sizes(run *r, size_t align)
{
    size_t smaller = 0;

    for (size_t size = 1; size <= 8192; size++)
        smaller = good_size_after(r, size, align, smaller);
    for (size_t power = 16384; power <= top_bit / 2; power *= 2) {
        smaller = good_size_after(r, power - 1, align, smaller);
        smaller = good_size_after(r, power, align, smaller);
        smaller = good_size_after(r, power + 1, align, smaller);
    }
    smaller = good_size_after(r, (size_t)PTRDIFF_MAX - 4096, align, smaller);
    (void)good_size_after(r, PTRDIFF_MAX, align, smaller);
}

void conformance_good_size(run *r)
{
    const conformance_subject *subject = r->subject;
    size_t held = subject->footprint ? subject->footprint(subject->context) : 0;

    for (size_t align = 1; align <= 4096; align *= 8)
        good_sizes(r, align);
    if (subject->footprint && subject->footprint(subject->context) != held)
        run_broke(r, "A7", "good_size changed what the allocator holds");

    /* All of a good size may be used. */
    for (size_t i = 0; i < COUNT(big_pairs); i++) {
        size_t good = loam_good_size(r->allocator, run_cap_size(r, big_pairs[i]), 16);

        run_make_room(r, good, 16);
        if (run_promised(r, good, 16))
            (void)!run_take(r, good, 16, i % 2 != 0);
    }
}

/* ---- zalloc ---- */

/* Dirties blocks, gives them back whole or in part, and asks for zeroes in their place. */
void conformance_zalloc(run *r)
{
    static const size_t sizes[] = {1, 8, 13, 64, 100, 1000, 4096, 5000, 65536, 200000, 1048576};

    for (size_t i = 0; i < COUNT(sizes) * 4; i++) {
        size_t size = run_cap_size(r, sizes[i / 4]);
        size_t align = (size_t)1 << (i * 5 % 13);
        size_t index;

        run_make_room(r, size * 4, align);
        index = run_take(r, size, align, false);
        if (index == RUN_NONE)
            continue;
        if (i % 2)
            run_drop(r, index);
        else if (size > 1)
            (void)!run_change_size(r, &index, size / 2, RUN_RESIZE);
        (void)!run_take(r, size, align, true);
        (void)!run_take(r, size / 2 + 1, align, true);
        run_drop_all(r);
    }
}

/* ---- owns ---- */

static void expect_owned(const run *r, const unsigned char *ptr)
{
    if (!loam_owns(r->allocator, ptr))
        run_broke(r, "owns", "%p lies in a live block and is not owned", (const void *)ptr);
}

void conformance_owns(run *r)
{
    static char elsewhere[64];
    char nearby[64];

    if (loam_owns(r->allocator, elsewhere) || loam_owns(r->allocator, nearby + 8) ||
        loam_owns(r->allocator, r) || loam_owns(r->allocator, NULL))
        run_broke(r, "owns", "foreign memory is owned");
    if (!r->allocator.ops->owns)
        return;
    for (size_t i = 0; i < COUNT(big_pairs); i++) {
        size_t size = run_cap_size(r, big_pairs[i]);

        run_make_room(r, size, 8);
        (void)!run_take(r, size, 8, false);
    }
    for (size_t i = 0; i < r->blocks.count; i++) {
        const test_block *block = &r->blocks.items[i];

        expect_owned(r, block->ptr);
        expect_owned(r, block->ptr + block->size / 2);
        expect_owned(r, block->ptr + block->size - 1);
    }
    if (loam_owns(r->allocator, elsewhere))
        run_broke(r, "owns", "foreign memory is owned");
}

/* ---- cache ---- */

static void look_at_cache(const run *r, const loam_cache *cache, const loam_cache_own *own,
                          size_t size, size_t align)
{
    const loam_allocator_ops *ops = r->allocator.ops;

    if (cache->size < size || cache->align < align)
        run_broke(r, "cache", "blocks of %zu bytes for requests of %zu", cache->size, size);
    if (cache->low > cache->top || cache->top > cache->high)
        run_broke(r, "cache", "top lies outside of the stack");
    if ((ops->traits & LOAM_THREADSAFE) && cache != &own->cache)
        run_broke(r, "C4", "a thread-safe allocator shares a cache");
    if ((ops->traits & LOAM_EXACT) && cache->low != cache->high)
        run_broke(r, "C6", "a cache over an exact allocator has a capacity");
}

/* Takes from the cache and from the allocator in turn, and gives each block to either (C2). */
static void use_cache(run *r, loam_cache *cache, size_t size, size_t align, size_t count)
{
    for (size_t i = 0; i < count * 4; i++) {
        if (r->blocks.count < count && !test_rng_one_in(&r->rng, 3)) {
            void *ptr = test_rng_one_in(&r->rng, 4) ? loam_alloc(r->allocator, size, align)
                                                    : loam_cache_take(cache);

            if (!ptr)
                run_broke(r, "cache", "a block of %zu bytes was refused", size);
            run_adopt(r, ptr, size, align);
        } else if (r->blocks.count > 0) {
            size_t index = (size_t)test_rng_below(&r->rng, r->blocks.count);

            if (test_rng_one_in(&r->rng, 4))
                run_drop(r, index);
            else
                loam_cache_give(cache, run_release(r, index).ptr);
        }
    }
    run_check_blocks(r);
    while (r->blocks.count > 0)
        loam_cache_give(cache, run_release(r, r->blocks.count - 1).ptr);
}

static void cache_of(run *r, size_t size, size_t align)
{
    size_t each = size + align + r->subject->overhead;
    size_t count = r->capacity == SIZE_MAX ? 100 : loam_min(r->capacity / each / 16, 100);
    loam_cache_own own, another;
    loam_cache *cache;

    if (count == 0 || !run_serves(r, size, align))
        return;
    run_clear(r);
    cache = loam_allocator_cache(r->allocator, size, align, &own);
    look_at_cache(r, cache, &own, size, align);
    use_cache(r, cache, size, align, run_steps(count));

    /* A shared one is the same for all who ask, and outlives them (C3). */
    if (cache != &own.cache) {
        if (loam_allocator_cache(r->allocator, size, align, &another) != cache)
            run_broke(r, "C3", "two askers for %zu bytes are given two shared caches", size);
        loam_cache_deinit(&another);
    }
    loam_cache_deinit(&own);
    if (loam_cache_count(&own.cache) != 0)
        run_broke(r, "C3", "an ended cache holds %zu blocks", loam_cache_count(&own.cache));
    if (cache != &own.cache)
        use_cache(r, cache, size, align, run_steps(count));
}

void conformance_cache(run *r)
{
    static const size_t sizes[] = {1, 8, 24, 64, 200, 1024, 4096};

    for (size_t i = 0; i < COUNT(sizes); i++) {
        cache_of(r, sizes[i], 1);
        cache_of(r, sizes[i], 16);
        cache_of(r, sizes[i], 256);
    }
}
