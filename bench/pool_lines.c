/* pool_lines.c: what pools do about cache lines: colours, so that what is at the same place of many
 * slabs is not in the same sets of the cache, and classes whose blocks share no line. loam's default
 * is measured against itself without; the limit is the same thing with memory laid out by hand. */
#include "bench.h"
#include "loops.h"
#include "machine.h"

#include <loam/pool.h>

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

static const bench_row rows[] = {
    /* the first block of each slab, where there is slack to move it in */
    {"pool", "pool_colours_320", "ns", .goal = {.limit = 1.2}},
    /* two threads write blocks that were taken in turn */
    {"pool", "pool_neighbours_48", "ns", .real_time = true, .threads = 2, .goal = {.limit = 1.2}},
};

/* ---- one thing of each slab ---- */

enum { SLABS = 32, LINE = 64 };

typedef struct slabs {
    loam_region region;
    loam_pool_class cls;
    void **start;     /* a ring through one block of each slab */
    void *one[SLABS]; /* and the same as an array */
    char *spread;
    _Alignas(LINE) char dense[SLABS][LINE];
} slabs;

/* In an order that was drawn, so that the processor cannot guess the next address. */
static void link_ring(slabs *s)
{
    uint64_t state = 1;

    for (size_t i = SLABS; i > 1; i--) {
        size_t other = loam_bench_draw(&state, i);
        void *swapped = s->one[i - 1];

        s->one[i - 1] = s->one[other];
        s->one[other] = swapped;
    }
    for (size_t i = 0; i < SLABS; i++)
        *(void **)s->one[i] = s->one[(i + 1) % SLABS];
    s->start = s->one[0];
}

/* Takes all blocks of the slabs, which are used up one after the other, and picks the first block of
 * each. */
static void pick_blocks(slabs *s)
{
    size_t capacity;

    (void)loam_pool_class_slab_size(&s->cls, &capacity);
    for (size_t i = 0; i < SLABS * capacity; i++) {
        char *block = loam_pool_class_take(&s->cls);
        void **first = &s->one[i / capacity];

        if (!block)
            abort();
        if (i % capacity == 0 || block < (char *)*first)
            *first = block;
    }
}

static void *open_slabs(bool coloured)
{
    slabs *s = aligned_alloc(LINE, sizeof *s);
    loam_pool_class_config config = {.size = 320};

    if (!s || !loam_region_init(&s->region, NULL))
        abort();
    config.granules = loam_region_granules(&s->region);
    if (!loam_pool_class_init(&s->cls, &config))
        abort();
    if (!coloured)
        s->cls.slack = 0;
    pick_blocks(s);
    link_ring(s);
    return s;
}

static void *open_coloured(void)
{
    return open_slabs(true);
}

static void *open_uncoloured(void)
{
    return open_slabs(false);
}

static void close_slabs(void *opened)
{
    slabs *s = opened;

    loam_pool_class_deinit(&s->cls);
    loam_region_deinit(&s->region);
    free(s);
}

static void *open_dense(void)
{
    slabs *s = aligned_alloc(LINE, sizeof *s);

    if (!s)
        abort();
    for (size_t i = 0; i < SLABS; i++)
        s->one[i] = s->dense[i];
    link_ring(s);
    return s;
}

/* By hand: as far apart as slabs, which also share the sets of the TLB, but each in a set of its own of
 * the cache. */
static void *open_spread(void)
{
    slabs *s = open_dense();

    s->spread = aligned_alloc(LOAM_REGION_GRANULE, SLABS * LOAM_REGION_GRANULE);
    if (!s->spread)
        abort();
    for (size_t i = 0; i < SLABS; i++)
        s->one[i] = s->spread + i * (LOAM_REGION_GRANULE + LINE) % (SLABS * LOAM_REGION_GRANULE);
    link_ring(s);
    return s;
}

static void close_spread(void *opened)
{
    slabs *s = opened;

    free(s->spread);
    free(s);
}

/* From each block to the next one: a load waits for the load before. */
static void walk_ring(void *opened, size_t count)
{
    slabs *s = opened;
    void **at = s->start;

    for (size_t i = 0; i < count; i++) {
        at = *at;
        LOAM_BENCH_USE(at);
    }
    s->start = at;
}

static const bench_loop coloured = {open_coloured, walk_ring, close_slabs};
static const bench_loop uncoloured = {open_uncoloured, walk_ring, close_slabs};
static const bench_loop spread = {open_spread, walk_ring, close_spread};
static const bench_loop dense = {open_dense, walk_ring, free};

/* ---- neighbours ---- */

enum { WRITTEN = 16 }; /* blocks of each thread */

typedef struct writer {
    loam_bench_word *blocks[WRITTEN];
    pthread_barrier_t *barrier;
    size_t count;
    unsigned number;
    double seconds;
} writer;

/* Who hands out so many blocks for two threads, in turn, and takes them back. */
typedef struct neighbours {
    void *(*open)(loam_bench_word **blocks);
    void (*close)(void *opened);
} neighbours;

static void *write_blocks(void *argument)
{
    writer *w = argument;
    double start;

    machine_pin_thread(w->number);
    pthread_barrier_wait(w->barrier);
    start = machine_seconds();
    for (size_t i = 0; i < w->count; i++) {
        (*w->blocks[i % WRITTEN])++;
        LOAM_BENCH_USE(w);
    }
    w->seconds = machine_seconds() - start;
    return NULL;
}

static void run_neighbours(shim_state *state)
{
    enum { THREADS = 2, LEAST = 200000 };
    const neighbours *subject = bench_self(state)->subject;
    loam_bench_word *blocks[THREADS * WRITTEN];
    void *opened = subject->open(blocks);
    size_t count;

    while ((count = shim_next(state)) != 0) {
        static _Alignas(64) struct {
            writer of;
            char apart[128];
        } writers[THREADS];
        pthread_barrier_t barrier;
        pthread_t threads[THREADS];
        double seconds = 0;

        count = count > LEAST ? count : LEAST;
        pthread_barrier_init(&barrier, NULL, THREADS);
        for (unsigned t = 0; t < THREADS; t++) {
            writer *w = &writers[t].of;

            for (size_t i = 0; i < WRITTEN; i++)
                w->blocks[i] = blocks[i * THREADS + t];
            w->barrier = &barrier;
            w->count = count;
            w->number = t;
            if (pthread_create(&threads[t], NULL, write_blocks, w) != 0)
                abort();
        }
        for (unsigned t = 0; t < THREADS; t++) {
            pthread_join(threads[t], NULL);
            seconds += writers[t].of.seconds / THREADS;
        }
        pthread_barrier_destroy(&barrier);
        shim_set_counter(state, bench_self(state)->row->name, seconds * 1e9 / (double)count);
    }
    subject->close(opened);
}

typedef struct small_pool {
    loam_region region;
    loam_pool pool;
} small_pool;

static void *open_neighbours(loam_bench_word **blocks, bool cache_lines)
{
    small_pool *p = aligned_alloc(_Alignof(small_pool), sizeof *p);
    loam_pool_config config = {.cache_lines = cache_lines};

    if (!p || !loam_region_init(&p->region, NULL))
        abort();
    config.granules = loam_region_granules(&p->region);
    if (!loam_pool_init(&p->pool, &config))
        abort();
    for (size_t i = 0; i < (size_t)2 * WRITTEN; i++) {
        blocks[i] = loam_pool_take(&p->pool, 48);
        *blocks[i] = 0;
    }
    return p;
}

static void *open_apart(loam_bench_word **blocks)
{
    return open_neighbours(blocks, true);
}

static void *open_packed(loam_bench_word **blocks)
{
    return open_neighbours(blocks, false);
}

static void close_neighbours(void *opened)
{
    small_pool *p = opened;

    loam_pool_deinit(&p->pool);
    loam_region_deinit(&p->region);
    free(p);
}

static void *open_lines(loam_bench_word **blocks)
{
    enum { APART = 128 };
    char *lines = aligned_alloc(APART, (size_t)2 * WRITTEN * APART);

    if (!lines)
        abort();
    memset(lines, 0, (size_t)2 * WRITTEN * APART);
    for (size_t i = 0; i < (size_t)2 * WRITTEN; i++)
        blocks[i] = (loam_bench_word *)(void *)(lines + i * APART);
    return lines;
}

static const neighbours apart = {open_apart, close_neighbours};
static const neighbours packed = {open_packed, close_neighbours};
static const neighbours lines = {open_lines, free};

void bench_add_pool_lines(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        bench_add_row(&rows[i]);
    bench_add(rows[0].name, BENCH_LOAM, NULL, bench_run_loop, &coloured, 0);
    bench_add(rows[0].name, BENCH_LIMIT, NULL, bench_run_loop, &spread, 0);
    bench_add(rows[0].name, BENCH_BESIDE, "side_by_side", bench_run_loop, &dense, 0);
    bench_add(rows[0].name, BENCH_BESIDE, "no_colours", bench_run_loop, &uncoloured, 0);
    bench_add(rows[1].name, BENCH_LOAM, NULL, run_neighbours, &apart, 0);
    bench_add(rows[1].name, BENCH_LIMIT, NULL, run_neighbours, &lines, 0);
    bench_add(rows[1].name, BENCH_BESIDE, "packed", run_neighbours, &packed, 0);
}
