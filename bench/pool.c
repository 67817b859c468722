/* pool.c: the rows of pools. All of loam's run one configuration: a loam_pool
 * over a region, each by default. Rows without a word about it take and give
 * through the class, as who knows the type of his blocks does; those of the
 * handle through loam_pool_allocator(). Where several threads share it, it is a
 * loam_pool_threaded over a region, through its handle. */
#include "bench_limits.h"
#include "peers.h"
#include "pool_loops.h"

#include <loam/pool_threaded.h>

#include <stdlib.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* ---- the rows ---- */

typedef struct pool_row {
    bench_row row;
    shim_body body;
    size_t size; /* LOAM_BENCH_BLOCK_... */
} pool_row;

enum { B16 = LOAM_BENCH_BLOCK_16, B64 = LOAM_BENCH_BLOCK_64, B256 = LOAM_BENCH_BLOCK_256 };

/* A class keeps no list through its blocks, so it does not reach what that
 * takes in pairs. */
#define PAIR_GOAL   .goal = {.absolute = 1.0, .at_limit = 0.47, .mallocs = 1}
#define HANDLE_GOAL .goal = {.absolute = 2.0, .at_limit = 0.47, .peer = 1}
#define FIFO_GOAL   .goal = {.absolute = 1.5, .at_limit = 1.26, .mallocs = 1}
#define RANDOM_GOAL .goal = {.absolute = 2.0, .at_limit = 1.26, .peer = 1}

static const pool_row pair_rows[] = {
    {{"pool", "pool_pair_16", "ns", PAIR_GOAL}, bench_run_block_pairs, B16},
    {{"pool", "pool_pair_64", "ns", PAIR_GOAL}, bench_run_block_pairs, B64},
    {{"pool", "pool_pair_256", "ns", PAIR_GOAL}, bench_run_block_pairs, B256},
};

static const pool_row handle_rows[] = {
    {{"pool", "pool_pair_16_handle", "ns", HANDLE_GOAL}, bench_run_block_pairs, B16},
    {{"pool", "pool_pair_64_handle", "ns", HANDLE_GOAL}, bench_run_block_pairs, B64},
    {{"pool", "pool_pair_256_handle", "ns", HANDLE_GOAL}, bench_run_block_pairs, B256},
};

static const pool_row many_rows[] = {
    {{"pool", "pool_batch_fifo_64", "ns", FIFO_GOAL}, bench_run_batch_fifo, B64},
    {{"pool", "pool_batch_fifo_256", "ns", FIFO_GOAL}, bench_run_batch_fifo, B256},
    {{"pool", "pool_batch_random_64", "ns", RANDOM_GOAL}, bench_run_batch_random, B64},
    {{"pool", "pool_batch_random_256", "ns", RANDOM_GOAL}, bench_run_batch_random, B256},
    {{"pool", "pool_churn_64", "ns", .goal = {.limit = 1.2, .mallocs = 1}}, bench_run_churn, B64},
};

static const bench_row two_threads_row = {
    "pool", "pool_two_threads_64", "ns", .real_time = true, .threads = 2, .goal = {.peer = 1}};
static const bench_row two_to_one_row = {"pool", "pool_two_threads_64_to_one", "ratio",
                                         .with = "pool_two_threads_64", .goal = {.absolute = 1.05}};
static const bench_row producer_row = {
    "pool",       "pool_producer_consumer_64",
    "ns",         .real_time = true,
    .threads = 2, .goal = {.absolute = 10, .at_limit = 6.9, .mallocs = 1}};

/* All that a live block takes of the system, with everything that the pool
 * needs beside it. */
#define BYTES(bytes)                                                                               \
    {                                                                                              \
        {"pool", "pool_bytes_" #bytes, "B", .fresh = true, .goal = {.absolute = 1.01 * (bytes)}},  \
            bench_run_block_bytes, LOAM_BENCH_BLOCK_##bytes                                        \
    }
static const pool_row bytes_rows[] = {BYTES(16),  BYTES(32),  BYTES(48), BYTES(64),
                                      BYTES(128), BYTES(256), BYTES(512)};

/* ---- loam ---- */

typedef struct opened {
    loam_pool_class *cls;
    loam_allocator handle;
    loam_pool pool;
    loam_region region;
} opened;

static void *open_pool(size_t size, size_t count)
{
    opened *o = aligned_alloc(_Alignof(opened), sizeof *o);
    loam_pool_config config = {0};

    (void)count;
    if (!o || !loam_region_init(&o->region, NULL))
        abort();
    config.granules = loam_region_granules(&o->region);
    if (!loam_pool_init(&o->pool, &config))
        abort();
    o->cls = loam_pool_class_for(&o->pool, size);
    o->handle = loam_pool_allocator(&o->pool);
    return o;
}

static void close_pool(void *pool)
{
    opened *o = pool;

    loam_pool_deinit(&o->pool);
    loam_region_deinit(&o->region);
    free(o);
}

#define CLASS_SELF(opaque)           (((opened *)(opaque))->cls)
#define CLASS_TAKE(cls, size)        loam_pool_class_take(cls)
#define CLASS_GIVE(cls, block, size) loam_pool_class_give(cls, block)
#define HANDLE_SELF(opaque)          (((opened *)(opaque))->handle)
#define HANDLE_TAKE(a, size)         loam_alloc(a, size, 16)
#define HANDLE_GIVE(a, block, size)  loam_dealloc(a, block, size, 16)

LOAM_BENCH_POOLS(direct, loam_pool_class *, CLASS_SELF, CLASS_TAKE, CLASS_GIVE)
LOAM_BENCH_POOLS(handle, loam_allocator, HANDLE_SELF, HANDLE_TAKE, HANDLE_GIVE)

static const loam_bench_pool direct = {open_pool, close_pool, 0, 0, LOAM_BENCH_POOL_TABLE(direct)};
static const loam_bench_pool handle = {open_pool, close_pool, 0, 1, LOAM_BENCH_POOL_TABLE(handle)};

/* One pool for all threads, through its handle. */
typedef struct opened_threaded {
    loam_allocator handle;
    loam_pool_threaded pool;
    loam_region region;
} opened_threaded;

static void *open_threaded(size_t size, size_t count)
{
    opened_threaded *o = aligned_alloc(_Alignof(opened_threaded), sizeof *o);
    loam_pool_config config = {0};

    (void)size;
    (void)count;
    if (!o || !loam_region_init(&o->region, NULL))
        abort();
    config.granules = loam_region_granules(&o->region);
    if (!loam_pool_threaded_init(&o->pool, &config))
        abort();
    o->handle = loam_pool_threaded_allocator(&o->pool);
    return o;
}

static void close_threaded(void *pool)
{
    opened_threaded *o = pool;

    loam_pool_threaded_deinit(&o->pool);
    loam_region_deinit(&o->region);
    free(o);
}

#define THREADED_SELF(opaque) (((opened_threaded *)(opaque))->handle)

LOAM_BENCH_POOLS(threaded, loam_allocator, THREADED_SELF, HANDLE_TAKE, HANDLE_GIVE)

static const loam_bench_pool threaded = {open_threaded, close_threaded, 1, 1,
                                         LOAM_BENCH_POOL_TABLE(threaded)};

/* ---- who is measured where ---- */

static void add_to(const pool_row *rows, size_t count, bench_kind kind, const char *name,
                   const loam_bench_pool *pool)
{
    for (size_t i = 0; i < count; i++)
        bench_add(rows[i].row.name, kind, name, rows[i].body, pool, rows[i].size);
}

#define ADD_TO(rows, kind, name, pool) add_to(rows, LENGTH(rows), kind, name, pool)

/* Rows of the handle are for those who hand out any size. */
static void add_peer(bench_kind kind, const char *name, const loam_bench_pool *pool,
                     const loam_bench_pool *shared)
{
    ADD_TO(pair_rows, kind, name, pool);
    if (pool->any_size)
        ADD_TO(handle_rows, kind, name, pool);
    ADD_TO(many_rows, kind, name, pool);
    ADD_TO(bytes_rows, kind, name, pool);
    bench_add(two_threads_row.name, kind, name, bench_run_two_threads, shared ? shared : pool, B64);
    if (shared)
        bench_add(producer_row.name, kind, name, bench_run_producer_consumer, shared, B64);
}

static void add_loam(void)
{
    ADD_TO(pair_rows, BENCH_LOAM, NULL, &direct);
    ADD_TO(handle_rows, BENCH_LOAM, NULL, &handle);
    ADD_TO(many_rows, BENCH_LOAM, NULL, &direct);
    ADD_TO(many_rows, BENCH_BESIDE, "handle", &handle);
    ADD_TO(bytes_rows, BENCH_LOAM, NULL, &direct);
    ADD_TO(handle_rows, BENCH_BESIDE, "threaded", &threaded);
    ADD_TO(many_rows, BENCH_BESIDE, "threaded", &threaded);
    ADD_TO(bytes_rows, BENCH_BESIDE, "threaded", &threaded);
    bench_add(two_threads_row.name, BENCH_LOAM, NULL, bench_run_two_threads, &threaded, B64);
    bench_add(two_threads_row.name, BENCH_BESIDE, "own_pools", bench_run_two_threads, &direct, B64);
    bench_add(producer_row.name, BENCH_LOAM, NULL, bench_run_producer_consumer, &threaded, B64);
}

/* The better limit of each row is its limit; the other one stands beside it. */
static void add_limits(void)
{
    const loam_bench_pool *list = &bench_limit_pool_list, *stack = &bench_limit_pool_stack;

    ADD_TO(pair_rows, BENCH_LIMIT, NULL, list);
    ADD_TO(pair_rows, BENCH_BESIDE, "stack", stack);
    ADD_TO(handle_rows, BENCH_LIMIT, NULL, list);
    ADD_TO(many_rows, BENCH_LIMIT, NULL, stack);
    ADD_TO(many_rows, BENCH_BESIDE, "list", list);
    ADD_TO(bytes_rows, BENCH_LIMIT, NULL, list);
    bench_add(two_threads_row.name, BENCH_LIMIT, NULL, bench_run_two_threads, stack, B64);
    bench_add(producer_row.name, BENCH_LIMIT, NULL, bench_run_producer_consumer,
              &bench_limit_pool_remote, B64);
}

static void add_rows(const pool_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bench_add_row(&rows[i].row);
}

void bench_add_pool(void)
{
    add_rows(pair_rows, LENGTH(pair_rows));
    add_rows(handle_rows, LENGTH(handle_rows));
    add_rows(many_rows, LENGTH(many_rows));
    bench_add_row(&two_threads_row);
    bench_add_row(&two_to_one_row);
    bench_add_row(&producer_row);
    add_rows(bytes_rows, LENGTH(bytes_rows));

    add_loam();
    add_limits();
    for (size_t i = 0; i < peers_pool_count(); i++)
        add_peer(BENCH_PEER, peers_pool_name(i), peers_pool_at(i), peers_pool_shared_at(i));
    add_peer(BENCH_MALLOC, NULL, &bench_malloc_pool, &bench_malloc_pool);
}
