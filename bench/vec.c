/* vec.c: the rows of arrays that grow. All of loam's run one configuration: LOAM_VEC over
 * loam_vec_default_allocator(). */
#include "bench_limits.h"
#include "peers.h"

#include <loam/vec.h>

#include <stdlib.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* ---- the rows ---- */

typedef struct vec_row {
    bench_row row;
    size_t element; /* LOAM_BENCH_ELEMENT_... */
    size_t count;   /* of elements in an array */
} vec_row;

/* From nothing, in a process of its own. */
#define FRESH      .fresh = true
#define FRESH_HUGE .fresh = true, .huge = true

enum { E4 = LOAM_BENCH_ELEMENT_4, E8 = LOAM_BENCH_ELEMENT_8, E64 = LOAM_BENCH_ELEMENT_64 };
enum { N1E3 = 1000, N1E6 = 1000000, N2E7 = 20000000, N1E8 = 100000000 };

/* Arrays of a thousand, each made and ended. */
static const vec_row small_rows[] = {
    {{"vec", "push_4_to_1e3", "ns", .goal = {.limit = 1.15}}, E4, N1E3},
    {{"vec", "push_8_to_1e3", "ns", .goal = {.limit = 1.15}}, E8, N1E3},
    {{"vec", "push_64_to_1e3", "ns", .goal = {.limit = 1.15}}, E64, N1E3},
};

/* Arrays of a million, each made and ended, from the third one of a process on. */
static const vec_row warm_rows[] = {
    {{"vec", "push_4_to_1e6_warm", "ns", .goal = {.peer = 1.05}}, E4, N1E6},
    {{"vec", "push_8_to_1e6_warm", "ns", .goal = {.peer = 1.05}}, E8, N1E6},
    {{"vec", "push_64_to_1e6_warm", "ns", .goal = {.peer = 1.05}}, E64, N1E6},
};

/* The first array of a process. */
static const vec_row cold_rows[] = {
    {{"vec", "push_4_to_1e6_4k_pages", "ns", FRESH, .goal = {.limit = 1.1}}, E4, N1E6},
    {{"vec", "push_8_to_1e6_4k_pages", "ns", FRESH, .goal = {.limit = 1.1}}, E8, N1E6},
    {{"vec", "push_64_to_1e6_4k_pages", "ns", FRESH, .goal = {.limit = 1.1}}, E64, N1E6},
    {{"vec", "push_4_to_1e6_huge_pages", "ns", FRESH_HUGE, .goal = {.limit = 1.1}}, E4, N1E6},
    {{"vec", "push_8_to_1e6_huge_pages", "ns", FRESH_HUGE, .goal = {.limit = 1.1}}, E8, N1E6},
    {{"vec", "push_64_to_1e6_huge_pages", "ns", FRESH_HUGE, .goal = {.limit = 1.1}}, E64, N1E6},
    {{"vec", "push_4_to_1e8_4k_pages", "ms", FRESH, .goal = {.limit = 300.0 / 290, .peer = 1}},
     E4,
     N1E8},
    {{"vec", "push_8_to_1e8_4k_pages", "ms", FRESH, .goal = {.limit = 300.0 / 290, .peer = 1}},
     E8,
     N1E8},
    {{"vec", "push_64_to_2e7_4k_pages", "ms", FRESH, .goal = {.limit = 300.0 / 290, .peer = 1}},
     E64,
     N2E7},
    {{"vec", "push_4_to_1e8_huge_pages", "ms", FRESH_HUGE, .goal = {.limit = 1.1, .peer = 1}},
     E4,
     N1E8},
    {{"vec", "push_8_to_1e8_huge_pages", "ms", FRESH_HUGE, .goal = {.limit = 1.1, .peer = 1}},
     E8,
     N1E8},
    {{"vec", "push_64_to_2e7_huge_pages", "ms", FRESH_HUGE, .goal = {.limit = 1.1, .peer = 1}},
     E64,
     N2E7},
    /* the same, with mallocs as they are by default */
    {{"vec", "push_8_to_1e8_huge_default", "ms", FRESH_HUGE, .untold = true,
      .goal = {.limit = 1.1, .peer = 1 / 2.5}},
     E8,
     N1E8},
};

/* The most memory over what the elements take; measured with those rows. */
#define PEAK(row_name, with_name)                                                                  \
    {                                                                                              \
        "vec", row_name, "ratio", .with = with_name, .goal = {.absolute = 1.02 }                   \
    }
static const bench_row peak_rows[] = {
    PEAK("peak_4_at_1e8_4k_pages", "push_4_to_1e8_4k_pages"),
    PEAK("peak_8_at_1e8_4k_pages", "push_8_to_1e8_4k_pages"),
    PEAK("peak_64_at_2e7_4k_pages", "push_64_to_2e7_4k_pages"),
    PEAK("peak_4_at_1e8_huge_pages", "push_4_to_1e8_huge_pages"),
    PEAK("peak_8_at_1e8_huge_pages", "push_8_to_1e8_huge_pages"),
    PEAK("peak_64_at_2e7_huge_pages", "push_64_to_2e7_huge_pages"),
};

/* ---- loam ---- */

#define VEC(T) vec_of_##T
typedef LOAM_VEC(loam_bench_4) VEC(loam_bench_4);
typedef LOAM_VEC(loam_bench_8) VEC(loam_bench_8);
typedef LOAM_VEC(loam_bench_64) VEC(loam_bench_64);

#define VEC_MAKE(a, T, count) loam_vec_init(a, loam_vec_default_allocator())
#define VEC_PUSH(a, T, value)                                                                      \
    do {                                                                                           \
        if (!loam_vec_push(a, value))                                                              \
            abort();                                                                               \
    } while (0)
#define VEC_AT(a, T, index) (&(a)->data[index])
#define VEC_END(a, T)       loam_vec_deinit(a)

LOAM_BENCH_ARRAYS(vec, VEC, VEC_MAKE, VEC_PUSH, VEC_AT, VEC_END)

static const loam_bench_vec loam_vec_loops = LOAM_BENCH_ARRAY_TABLE(vec);

/* ---- who is measured where ---- */

/* Adds a contender to rows, each time with the array of the row's element. */
static void add_to(const vec_row *rows, size_t count, bench_kind kind, const char *name,
                   const loam_bench_vec *vec, shim_body body)
{
    for (size_t i = 0; i < count; i++) {
        const loam_bench_array *array = &vec->of[rows[i].element];

        if (array->fill)
            bench_add(rows[i].row.name, kind, name, body, array, rows[i].count);
    }
}

static void add_vec(bench_kind kind, const char *name, const loam_bench_vec *warm,
                    const loam_bench_vec *cold)
{
    add_to(small_rows, LENGTH(small_rows), kind, name, warm, bench_run_arrays);
    add_to(warm_rows, LENGTH(warm_rows), kind, name, warm, bench_run_arrays);
    add_to(cold_rows, LENGTH(cold_rows), kind, name, cold, bench_run_first_array);
}

static void add_rows(const vec_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bench_add_row(&rows[i].row);
}

void bench_add_vec(void)
{
    add_rows(small_rows, LENGTH(small_rows));
    add_rows(warm_rows, LENGTH(warm_rows));
    add_rows(cold_rows, LENGTH(cold_rows));
    for (size_t i = 0; i < LENGTH(peak_rows); i++)
        bench_add_row(&peak_rows[i]);

    add_vec(BENCH_LOAM, NULL, &loam_vec_loops, &loam_vec_loops);
    add_vec(BENCH_LIMIT, NULL, &bench_limit_vec_warm, &bench_limit_vec_cold);
    for (size_t i = 0; i < peers_vec_count(); i++)
        add_vec(BENCH_PEER, peers_vec_name(i), peers_vec_at(i), peers_vec_at(i));
    add_vec(BENCH_MALLOC, NULL, &bench_malloc_vec, &bench_malloc_vec);
}
