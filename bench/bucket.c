/* bucket.c: the rows of arrays whose elements stay where they are, against arrays in one piece. All
 * of loam's run one configuration: LOAM_BUCKET over loam_vec_default_allocator(). */
#include "bench_limits.h"
#include "peers.h"

#include <loam/bucket.h>
#include <loam/vec.h>

/* ---- the rows ---- */

static const bench_row rows[] = {
    {"vec", "bucket_push_8_to_1e3", "ns", .goal = {.library = 1}},
    {"vec", "bucket_push_8_to_1e6_warm", "ns", .goal = {.library = 1}},
    {"vec", "bucket_read_8_in_order", "ns", .goal = {.limit = 1.3}},
    {"vec", "bucket_read_8_by_index", "ns", .goal = {.limit = 1.3}},
    {"vec", "bucket_read_8_random", "ns", .goal = {.limit = 1.3}},
};

/* ---- loam ---- */

#define BUCKET(T) bucket_of_##T
typedef LOAM_BUCKET(loam_bench_4) BUCKET(loam_bench_4);
typedef LOAM_BUCKET(loam_bench_8) BUCKET(loam_bench_8);
typedef LOAM_BUCKET(loam_bench_64) BUCKET(loam_bench_64);

#define BUCKET_MAKE(a, T, count) loam_bucket_init(a, loam_vec_default_allocator())
#define BUCKET_PUSH(a, T, value)                                                                   \
    do {                                                                                           \
        if (!loam_bucket_push(a, value))                                                           \
            abort();                                                                               \
    } while (0)
#define BUCKET_AT(a, T, index) loam_bucket_at(a, index)
#define BUCKET_END(a, T)       loam_bucket_deinit(a)

LOAM_BENCH_ARRAYS(bucket, BUCKET, BUCKET_MAKE, BUCKET_PUSH, BUCKET_AT, BUCKET_END)
BENCH_READS(bucket, BUCKET, BUCKET_AT)

/* As its users go through all elements; the last round, which is not whole, by index. */
static void bucket_in_order(void *opaque, size_t count)
{
    BUCKET(loam_bench_8) *array = opaque;
    uint64_t sum = 0;

    for (; count >= BENCH_READ_ELEMENTS; count -= BENCH_READ_ELEMENTS) {
        LOAM_BUCKET_EACH(loam_bench_8 *, it, array)
        {
            sum += *it;
            LOAM_BENCH_USE(array);
        }
    }
    LOAM_BENCH_USE(sum);
    bucket_by_index(opaque, count);
}

static const loam_bench_vec bucket = LOAM_BENCH_ARRAY_TABLE(bucket);
static const bench_loop in_order = {bucket_open, bucket_in_order, bucket_close};
static const bench_loop by_index = {bucket_open, bucket_by_index, bucket_close};
static const bench_loop random_ = {bucket_open, bucket_random, bucket_close};

/* ---- who is measured where ---- */

static void add_pushes(bench_kind kind, const char *name, const loam_bench_vec *vec)
{
    const loam_bench_array *array = &vec->of[LOAM_BENCH_ELEMENT_8];

    bench_add("bucket_push_8_to_1e3", kind, name, bench_run_arrays, array, 1000);
    bench_add("bucket_push_8_to_1e6_warm", kind, name, bench_run_arrays, array, 1000000);
}

static void add_reads(bench_kind kind, const char *name, const bench_loop *ordered,
                      const bench_loop *indexed, const bench_loop *random)
{
    bench_add("bucket_read_8_in_order", kind, name, bench_run_loop, ordered, 0);
    bench_add("bucket_read_8_by_index", kind, name, bench_run_loop, indexed, 0);
    bench_add("bucket_read_8_random", kind, name, bench_run_loop, random, 0);
}

void bench_add_bucket(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        bench_add_row(&rows[i]);
    add_pushes(BENCH_LOAM, NULL, &bucket);
    add_pushes(BENCH_LIMIT, NULL, &bench_limit_vec_warm);
    add_pushes(BENCH_PEER, "deque", &bench_deque);
    add_reads(BENCH_LOAM, NULL, &in_order, &by_index, &random_);
    add_reads(BENCH_LIMIT, NULL, &bench_limit_read_by_index, &bench_limit_read_by_index,
              &bench_limit_read_random);
    add_reads(BENCH_PEER, "deque", &bench_deque_by_index, &bench_deque_by_index,
              &bench_deque_random);
}
