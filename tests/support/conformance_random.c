/* conformance_random.c: the sections that run for long, at random, short of memory, or in threads.
 */
#include "support/conformance_run.h"

#include "internal/bits.h"

#include <stdatomic.h>
#include <stdlib.h>

/* ---- LOAM_RECLAIMS ---- */

typedef enum drop_order { OLDEST_FIRST, NEWEST_FIRST, RANDOM_ORDER, DROP_ORDERS } drop_order;

/* Index of the live block that an order gives back next: the seeds of blocks tell their age. */
static size_t next_to_drop(run *r, drop_order order)
{
    const test_block *items = r->blocks.items;
    size_t found = 0;

    if (order == RANDOM_ORDER)
        return (size_t)test_rng_below(&r->rng, r->blocks.count);
    for (size_t i = 1; i < r->blocks.count; i++) {
        if (order == OLDEST_FIRST ? items[i].age < items[found].age
                                  : items[i].age > items[found].age)
            found = i;
    }
    return found;
}

/* Takes and gives `volume` bytes in all, with at most `window` of them live at once. */
static void churn(run *r, size_t volume, size_t window, drop_order order)
{
    size_t most = loam_max(run_cap_size(r, window / 16), 1);
    size_t taken = 0;

    while (taken < volume) {
        size_t size = 1 + (size_t)test_rng_below(&r->rng, most);
        size_t align = (size_t)1 << test_rng_below(&r->rng, 6);

        /* Half of the time down to nothing, else just enough. */
        if (r->cost + size + align + r->subject->overhead > window) {
            size_t keep = test_rng_one_in(&r->rng, 2) ? 0 : r->blocks.count / 2;

            while (r->blocks.count > keep)
                run_drop(r, next_to_drop(r, order));
        }
        (void)!run_take(r, size, align, false);
        taken += size + r->subject->overhead;
    }
    run_drop_all(r);
}

/* An allocator that says it reclaims serves far more than it has, in whatever order blocks come
 * back; and what it holds does not grow with the work done. */
void conformance_reclaims(run *r)
{
    const conformance_subject *subject = r->subject;
    size_t window = r->capacity == SIZE_MAX ? (size_t)1 << 18 : r->capacity / 2;
    size_t volume = run_steps(r->capacity == SIZE_MAX ? (size_t)1 << 23 : 4 * r->capacity);
    size_t held = 0;

    if (!loam_allocator_reclaims(r->allocator))
        return;
    for (size_t round = 0; round < 3; round++) {
        for (drop_order order = OLDEST_FIRST; order < DROP_ORDERS; order++)
            churn(r, volume, window, order);
        if (!subject->footprint)
            continue;
        if (round > 0 && subject->footprint(subject->context) > 2 * held + window)
            run_broke(r, "LOAM_RECLAIMS", "%zu bytes held after one round, %zu after %zu", held,
                      subject->footprint(subject->context), round + 1);
        if (round == 0)
            held = subject->footprint(subject->context);
    }
}

/* ---- A9: at the brim, and short of memory ---- */

static size_t fill_to_the_brim(run *r, size_t size)
{
    size_t limit = 16 * (r->capacity / size) + 4096;

    while (run_take(r, size, 8, false) != RUN_NONE) {
        if (r->blocks.count > limit)
            run_broke(r, "capacity", "%zu blocks of %zu bytes and no end", r->blocks.count, size);
    }
    return r->blocks.count;
}

/* Refusals at the brim change nothing, and what comes back is there again. */
static void brim_of(run *r, size_t size)
{
    size_t count = fill_to_the_brim(r, size);

    (void)!run_take(r, size, 8, true);
    for (size_t i = 0; i < r->blocks.count && i < 64; i++) {
        size_t index = (size_t)test_rng_below(&r->rng, r->blocks.count);

        (void)!run_change_size(r, &index, size * 2, (run_change)(i % 3));
    }
    run_check_blocks(r);
    if (!loam_allocator_reclaims(r->allocator)) {
        run_clear(r);
        return;
    }
    run_drop_all(r);
    if (fill_to_the_brim(r, size) < count)
        run_broke(r, "LOAM_RECLAIMS", "%zu blocks of %zu bytes, but only %zu after a refill", count,
                  size, r->blocks.count);
    run_drop(r, (size_t)test_rng_below(&r->rng, count));
    if (run_take(r, size, 8, false) == RUN_NONE)
        run_broke(r, "LOAM_RECLAIMS", "a block of %zu bytes that came back is not there", size);
    run_drop_all(r);
}

void conformance_brim(run *r)
{
    if (!r->subject->bounded)
        return;
    brim_of(r, run_cap_size(r, r->capacity / 1500 + 1));
    brim_of(r, run_cap_size(r, r->capacity / 64));
    brim_of(r, run_cap_size(r, r->capacity / 3));
}

/* ---- at random, against the model ---- */

static size_t random_size(run *r, size_t most)
{
    uint64_t kind = test_rng_below(&r->rng, 16);
    size_t limit = kind < 8 ? 64 : kind < 14 ? 1024 : kind < 15 ? 16384 : most;

    return 1 + (size_t)test_rng_below(&r->rng, loam_min(limit, most));
}

static void random_step(run *r, size_t most)
{
    size_t size = random_size(r, most);
    size_t align = (size_t)1 << test_rng_below(&r->rng, test_rng_one_in(&r->rng, 32) ? 13 : 6);
    size_t index = r->blocks.count ? (size_t)test_rng_below(&r->rng, r->blocks.count) : 0;
    uint64_t what = test_rng_below(&r->rng, 10);

    if (r->blocks.count >= 200)
        what = 4;
    if (what < 4 || r->blocks.count == 0)
        (void)!run_take(r, size, loam_min(align, r->max_align), what == 3);
    else if (what < 7)
        run_drop(r, index);
    else
        (void)!run_change_size(r, &index, size, (run_change)(what - 7));
}

static void random_steps(run *r, size_t steps)
{
    size_t share = r->capacity == SIZE_MAX ? (size_t)1 << 20 : r->capacity / 8;
    size_t most = loam_max(run_cap_size(r, share), 1);

    for (size_t i = 0; i < steps; i++) {
        if (!r->pressed)
            run_make_room(r, 3 * most, 4096);
        random_step(r, most);
        if (i % 256 == 0)
            run_check_blocks(r);
    }
}

void conformance_random(run *r)
{
    random_steps(r, run_steps(test_bound("LOAM_TEST_CONFORMANCE_STEPS", 20000)));
}

/* Short of memory, requests fail and nothing else changes; with memory back, all is well. */
void conformance_pressure(run *r)
{
    const conformance_subject *subject = r->subject;

    if (!subject->press)
        return;
    for (size_t round = 0; round < 4; round++) {
        random_steps(r, run_steps(300));
        subject->press(subject->context, true);
        r->pressed = true;
        random_steps(r, run_steps(300));
        subject->press(subject->context, false);
        r->pressed = false;
        run_check_blocks(r);
        run_make_room(r, 64, 8);
        (void)!run_take(r, run_cap_size(r, 64), 8, false);
    }
}

/* ---- LOAM_THREADSAFE ---- */

enum { THREADS = 4, CROSSINGS = 16, HELD = 32 };

typedef struct crowd {
    run *r;
    size_t steps;
    _Atomic(test_block *) crossings[CROSSINGS]; /* blocks on their way to another thread */
    atomic_size_t served;
} crowd;

static test_block *crowd_take(crowd *c, test_rng *rng)
{
    const run *r = c->r;
    size_t size = 1 + (size_t)test_rng_below(rng, run_cap_size(r, 3000));
    size_t align = (size_t)1 << test_rng_below(rng, 7);
    test_block *block;
    void *ptr = test_rng_one_in(rng, 4) ? loam_zalloc(r->allocator, size, align)
                                        : loam_alloc(r->allocator, size, align);

    if (!ptr)
        return NULL;
    atomic_fetch_add(&c->served, 1);
    block = malloc(sizeof *block);
    EXPECT(block != NULL);
    *block = (test_block){.ptr = ptr, .size = size, .align = align, .seed = test_rng_next(rng)};
    test_block_fill(block);
    return block;
}

static void crowd_drop(crowd *c, test_block *block)
{
    if (!block)
        return;
    if (!test_block_intact(block))
        run_broke(c->r, "LOAM_THREADSAFE", "contents of a block of %zu bytes changed", block->size);
    loam_dealloc(c->r->allocator, block->ptr, block->size, block->align);
    free(block);
}

static void crowd_change(crowd *c, test_block *block, test_rng *rng)
{
    size_t size = 1 + (size_t)test_rng_below(rng, run_cap_size(c->r, 3000));
    unsigned char *ptr = loam_realloc(c->r->allocator, block->ptr, block->size, size, block->align);

    if (!ptr)
        return;
    if (!test_block_found_at(block, ptr, loam_min(size, block->size)))
        run_broke(c->r, "LOAM_THREADSAFE", "realloc lost contents");
    block->ptr = ptr;
    block->size = size;
    test_block_fill(block);
}

static void crowd_member(void *context, size_t index)
{
    crowd *c = context;
    test_block *held[HELD] = {NULL};
    test_rng rng;

    test_rng_init(&rng, test_seed() + index + 1);
    for (size_t step = 0; step < c->steps; step++) {
        test_block **mine = &held[test_rng_below(&rng, HELD)];
        uint64_t what = test_rng_below(&rng, 8);

        if (what < 3)
            *mine = atomic_exchange(&c->crossings[test_rng_below(&rng, CROSSINGS)], *mine);
        if (!*mine)
            *mine = crowd_take(c, &rng);
        else if (what < 6)
            crowd_drop(c, *mine), *mine = NULL;
        else
            crowd_change(c, *mine, &rng);
    }
    for (size_t i = 0; i < HELD; i++)
        crowd_drop(c, held[i]);
}

/* Threads take, change and give back, and every other block ends in another thread than the one
 * that took it. */
void conformance_threads(run *r)
{
    crowd c = {.r = r, .steps = run_steps(test_bound("LOAM_TEST_CONFORMANCE_STEPS", 20000) / 4)};

    if (!loam_allocator_threadsafe(r->allocator))
        return;
    for (size_t i = 0; i < CROSSINGS; i++)
        atomic_init(&c.crossings[i], NULL);
    atomic_init(&c.served, 0);
    (void)test_seed();
    test_run_threads(THREADS, crowd_member, &c);
    for (size_t i = 0; i < CROSSINGS; i++)
        crowd_drop(&c, atomic_load(&c.crossings[i]));
    if (atomic_load(&c.served) == 0)
        run_broke(r, "LOAM_THREADSAFE", "nothing was served");
}
