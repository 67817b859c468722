/* heap_sweep.c: what a heap's constants do, so that none is chosen for one program: up to which size
 * each size of block has a list of its own, and how a growing heap takes memory.
 *
 * The first is a constant of the library; so the heap is compiled once for each value, and each
 * program of the target bench_heap_sweep prints a line of one table:
 *
 *     loam_bench_heap_sweep_N [REPETITIONS]
 */
#include "heap_parts.h"
#include "machine.h"

#include <loam/adapters.h>
#include <loam/heap.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MOST_REPETITIONS = 99, REQUESTS = 2000000 };

static void *open_heap(void *buffer, size_t size)
{
    return loam_heap_init(buffer, size, NULL);
}

static void close_heap(void *heap)
{
    loam_heap_deinit(heap);
}

#define SELF(opaque)                   ((loam_heap *)(opaque))
#define GET(heap, size)                loam_heap_alloc(heap, size)
#define ZEROED(heap, size)             loam_heap_zalloc(heap, size)
#define ALIGNED(heap, size, align)     loam_heap_alloc_aligned(heap, size, align)
#define RESIZE(heap, block, old, size) loam_heap_realloc(heap, block, size)
#define GIVE(heap, block, size)        loam_heap_dealloc(heap, block)

LOAM_BENCH_HEAPS(swept, loam_heap *, SELF, GET, ZEROED, ALIGNED, RESIZE, GIVE)

static const loam_bench_heap swept = {16, open_heap, close_heap, 0, LOAM_BENCH_HEAP_TABLE(swept)};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}

/* ---- in a buffer ---- */

static void print_trace(const bench_trace *t, size_t repetitions)
{
    size_t size = bench_heap_roomy(t);
    void *memory = bench_heap_memory(size), *fresh = bench_map_memory(size);
    double values[MOST_REPETITIONS], peak = (double)t->peak;

    (void)bench_heap_replay(&swept, t, memory, size, NULL);
    for (size_t r = 0; r < repetitions; r++)
        values[r] = bench_heap_replay(&swept, t, memory, size, NULL) * 1e9 / (double)t->count;
    printf(" %.2f | %.4f | %.4f |", median(values, repetitions),
           (double)bench_heap_smallest(&swept, t) / peak,
           (double)bench_heap_resident(&swept, t, fresh, size) / peak);
    munmap(fresh, size);
}

static void print_churn(size_t mixture, size_t repetitions)
{
    void *opened = swept.open(bench_heap_memory(BENCH_CHURN_REGION), BENCH_CHURN_REGION);
    double values[MOST_REPETITIONS];
    loam_bench_churn c;

    bench_churn_start(&c, mixture, BENCH_CHURN_REGION / 2);
    swept.churn(opened, &c, REQUESTS / 4);
    for (size_t r = 0; r < repetitions; r++) {
        uint64_t before = c.operations;
        double seconds = machine_own_seconds();

        swept.churn(opened, &c, REQUESTS / 4);
        seconds = machine_own_seconds() - seconds;
        values[r] = seconds * 1e9 / (double)(c.operations - before);
    }
    printf(" %.1f |", median(values, repetitions));
    bench_churn_end(&c, &swept, opened);
    swept.close(opened);
}

/* How many fail is a matter of luck too: so the middle one of several draws, and the fewest and most. */
static void print_failures(size_t percent)
{
    enum { DRAWS = 9 };
    double values[DRAWS], middle;

    for (size_t draw = 0; draw < DRAWS; draw++) {
        void *opened = swept.open(bench_heap_memory(BENCH_CHURN_REGION), BENCH_CHURN_REGION);
        loam_bench_churn c;

        bench_churn_start(&c, BENCH_MOSTLY_SMALL, BENCH_CHURN_REGION / 100 * percent);
        c.state = draw + 1;
        swept.churn(opened, &c, REQUESTS);
        values[draw] = (double)c.failures;
        bench_churn_end(&c, &swept, opened);
        swept.close(opened);
    }
    middle = median(values, DRAWS);
    printf(" %.0f (%.0f-%.0f) |", middle, values[0], values[DRAWS - 1]);
}

/* ---- growing ---- */

/* The most that the source gave, over the most that the program wanted; and how often it was asked. */
static void print_growth(const bench_trace *t, size_t region_size)
{
    loam_heap_config config = {.region_size = region_size};
    loam_counting counting;
    loam_stats stats;
    loam_heap *heap;

    loam_counting_init(&counting, loam_libc_allocator());
    heap = loam_heap_create(loam_counting_allocator(&counting), &config);
    if (!heap || swept.replay(heap, t->blocks, t->steps, t->count) < t->count)
        abort();
    loam_counting_stats(&counting, &stats);
    printf(" %.3f / %zu |", (double)stats.peak / (double)t->peak, stats.allocations);
    loam_heap_destroy(heap);
    loam_counting_deinit(&counting);
}

static void print_growths(void)
{
    printf("\n| first region |");
    for (size_t i = 0; i < bench_traces_count(); i++)
        printf(" %s, memory of the source / regions |", bench_traces_name(i));
    printf("\n");
    for (size_t kib = 4; kib <= 4096; kib *= 4) {
        printf("| %zu KiB |", kib);
        for (size_t i = 0; i < bench_traces_count(); i++) {
            const char *why;
            const bench_trace *t = bench_traces_at(i, &why);

            if (t)
                print_growth(t, kib << 10);
        }
        printf("\n");
    }
}

int main(int argc, char **argv)
{
    size_t repetitions = argc > 1 ? strtoul(argv[1], NULL, 10) : 5;

    if (repetitions < 1 || repetitions > MOST_REPETITIONS)
        return 2;
    (void)machine_permit_huge(false);
    (void)machine_pin();
    bench_traces_find();
    if (LOAM_HEAP_SMALL_MOST == 1024) {
        printf("| lists up to |");
        for (size_t i = 0; i < bench_traces_count(); i++)
            printf(" %s, ns | smallest region | touched |", bench_traces_name(i));
        printf(" churn small, ns | uniform | failures at 80 | at 90 |\n");
    }
    printf("| %d |", LOAM_HEAP_SMALL_MOST);
    for (size_t i = 0; i < bench_traces_count(); i++) {
        const char *why;
        const bench_trace *t = bench_traces_at(i, &why);

        if (t)
            print_trace(t, repetitions);
    }
    print_churn(BENCH_MOSTLY_SMALL, repetitions);
    print_churn(BENCH_UNIFORM, repetitions);
    print_failures(80);
    print_failures(90);
    printf("\n");
    if (LOAM_HEAP_SMALL_MOST == 8192)
        print_growths();
    return 0;
}
