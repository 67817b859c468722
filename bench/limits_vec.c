/* limits_vec.c: for arrays, the simplest correct code: there is room for all elements before the
 * first one is pushed, and a push is a store and a count. */
#include "bench_limits.h"

#include <loam/base.h>

#include <stdlib.h>
#include <sys/mman.h>

/* ---- vec: elements go to memory that is as big as they all will be ----------------------------
 */

typedef struct presized {
    void *data;
    size_t count;
    char *mapped;
    size_t mapped_size;
} presized;

enum { HUGE = 2 << 20 };

/* Memory that nobody has touched, with huge pages if the row permits them. */
static void presized_map(presized *a, size_t bytes)
{
    size_t whole = (bytes + HUGE - 1) & ~(size_t)(HUGE - 1);

    a->mapped_size = whole + HUGE;
    a->mapped = mmap(NULL, a->mapped_size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (a->mapped == MAP_FAILED)
        abort();
    a->data = a->mapped + (HUGE - (uintptr_t)a->mapped % HUGE) % HUGE;
    a->count = 0;
    (void)madvise(a->data, whole, MADV_HUGEPAGE);
}

static void presized_unmap(presized *a)
{
    munmap(a->mapped, a->mapped_size);
}

/* The memory of the array before, which all arrays of the process get in turn. */
static void presized_reuse(presized *a, size_t bytes)
{
    static presized kept;

    if (kept.mapped_size < bytes + HUGE) {
        if (kept.mapped)
            presized_unmap(&kept);
        presized_map(&kept, bytes);
    }
    *a = kept;
}

#define PRESIZED(T)                 presized
#define PRESIZED_MAP(a, T, count)   presized_map(a, (count) * sizeof(T))
#define PRESIZED_REUSE(a, T, count) presized_reuse(a, (count) * sizeof(T))
#define PRESIZED_PUSH(a, T, value)  (((T *)(a)->data)[(a)->count++] = (value))
#define PRESIZED_AT(a, T, index)    (&((T *)(a)->data)[index])
#define PRESIZED_UNMAP(a, T)        presized_unmap(a)
#define PRESIZED_KEEP(a, T)         ((void)(a))

LOAM_BENCH_ARRAYS(cold, PRESIZED, PRESIZED_MAP, PRESIZED_PUSH, PRESIZED_AT, PRESIZED_UNMAP)
LOAM_BENCH_ARRAYS(warm, PRESIZED, PRESIZED_REUSE, PRESIZED_PUSH, PRESIZED_AT, PRESIZED_KEEP)

const loam_bench_vec bench_limit_vec_cold = LOAM_BENCH_ARRAY_TABLE(cold);
const loam_bench_vec bench_limit_vec_warm = LOAM_BENCH_ARRAY_TABLE(warm);

/* ---- bucket: the same memory, read by index ---------------------------------------------------
 */

BENCH_READS(warm, PRESIZED, PRESIZED_AT)

const bench_loop bench_limit_read_by_index = {warm_open, warm_by_index, warm_close};
const bench_loop bench_limit_read_random = {warm_open, warm_random, warm_close};
