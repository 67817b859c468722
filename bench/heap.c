/* heap.c: the rows of heaps. Programs that were recorded run again, each with rows of its own, and
 * blocks of drawn sizes come and go.
 *
 * Memory is compared at one granule: rows without a word about it are those of 16 bytes, loam's
 * default; heaps with a finer one stand beside them. Rows that end in _8 are for loam and them at 8.
 */
#include "bench_limits.h"
#include "heap_loops.h"
#include "peers.h"

#include <loam/heap.h>

#include <stdio.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* ---- loam ---- */

static void *open_heap(void *buffer, size_t size)
{
    return loam_heap_init(buffer, size, NULL);
}

static void *open_granule_8(void *buffer, size_t size)
{
    return loam_heap_init(buffer, size, &(loam_heap_config){.granule = 8});
}

static void close_heap(void *heap)
{
    loam_heap_deinit(heap);
}

#define HEAP_SELF(opaque)                   ((loam_heap *)(opaque))
#define HEAP_GET(heap, size)                loam_heap_alloc(heap, size)
#define HEAP_ZEROED(heap, size)             loam_heap_zalloc(heap, size)
#define HEAP_ALIGNED(heap, size, align)     loam_heap_alloc_aligned(heap, size, align)
#define HEAP_RESIZE(heap, block, old, size) loam_heap_realloc(heap, block, size)
#define HEAP_GIVE(heap, block, size)        loam_heap_dealloc(heap, block)
#define HEAP_GIVE_SIZED(heap, block, size)  loam_heap_dealloc_sized(heap, block, size)
#define HANDLE_SELF(opaque)                 loam_heap_allocator(opaque)
#define HANDLE_GET(a, size)                 loam_alloc(a, size, 16)
#define HANDLE_ZEROED(a, size)              loam_zalloc(a, size, 16)
#define HANDLE_ALIGNED(a, size, align)      loam_alloc(a, size, align)
#define HANDLE_RESIZE(a, block, old, size)  loam_realloc(a, block, old, size, 16)
#define HANDLE_GIVE(a, block, size)         loam_dealloc(a, block, size, 16)

LOAM_BENCH_HEAPS(direct, loam_heap *, HEAP_SELF, HEAP_GET, HEAP_ZEROED, HEAP_ALIGNED, HEAP_RESIZE,
                 HEAP_GIVE)
LOAM_BENCH_HEAPS(sized, loam_heap *, HEAP_SELF, HEAP_GET, HEAP_ZEROED, HEAP_ALIGNED, HEAP_RESIZE,
                 HEAP_GIVE_SIZED)
LOAM_BENCH_HEAPS(handle, loam_allocator, HANDLE_SELF, HANDLE_GET, HANDLE_ZEROED, HANDLE_ALIGNED,
                 HANDLE_RESIZE, HANDLE_GIVE)

static const loam_bench_heap direct = {16, open_heap, close_heap, 0, LOAM_BENCH_HEAP_TABLE(direct)};
static const loam_bench_heap sized = {16, open_heap, close_heap, 0, LOAM_BENCH_HEAP_TABLE(sized)};
static const loam_bench_heap handle = {16, open_heap, close_heap, 0, LOAM_BENCH_HEAP_TABLE(handle)};
static const loam_bench_heap granule_8 = {8, open_granule_8, close_heap, 0,
                                          LOAM_BENCH_HEAP_TABLE(direct)};

/* ---- the rows of a trace ---- */

enum { TRACES = 16, TRACE_ROWS = 16, NAME_SIZE = 64 };

/* Who is in a row. */
typedef enum in_row {
    REGIONS = 1, /* heaps in the caller's memory, at the granule of the row or above */
    MALLOCS = 2,
    ANY_GRANULE = 4, /* ... and those of a finer one too */
    VARIANTS = 8     /* loam by its other ways in, too */
} in_row;

typedef struct trace_row {
    bench_row row;  /* its name and the one that it is with: the trace's name is put behind them */
    shim_body body; /* NULL: another row's sets its figure */
    shim_body limit;
    const loam_bench_heap *lists; /* what `limit` works on */
    unsigned who;
    size_t granule;
} trace_row;

#define ALL   (REGIONS | MALLOCS | ANY_GRANULE)
#define LISTS &bench_limit_heap_lists

static const trace_row trace_rows[] = {
    {{"heap", "heap_replay", "ns", .goal = {.library = 1, .mallocs = 1.5}},
     bench_run_replay,
     bench_run_replay,
     LISTS,
     ALL | VARIANTS,
     16},
    {{"heap", "heap_replay_huge", "ns", .huge = true, .untold = true, .goal = {.library = 1}},
     bench_run_replay,
     bench_run_replay,
     LISTS,
     ALL,
     16},
    {{"heap", "heap_p9999", "ns", .whole = true, .goal = {.named = "tlsf", .to_named = 1}},
     bench_run_latency,
     bench_run_latency,
     LISTS,
     ALL,
     16},
    {{"heap", "heap_p50", "ns", .with = "heap_p9999"}, NULL, NULL, NULL, 0, 0},
    {{"heap", "heap_p99", "ns", .with = "heap_p9999"}, NULL, NULL, NULL, 0, 0},
    {{"heap", "heap_p999", "ns", .with = "heap_p9999"}, NULL, NULL, NULL, 0, 0},
    {{"heap", "heap_max", "ns", .with = "heap_p9999"}, NULL, NULL, NULL, 0, 0},
    {{"heap", "heap_cold", "ns", .fresh = true},
     bench_run_cold_replay,
     bench_run_cold_replay,
     LISTS,
     ALL,
     16},
    {{"heap", "heap_faults", "faults", .with = "heap_cold"}, NULL, NULL, NULL, 0, 0},
    {{"heap", "heap_rss", "ratio", .fresh = true, .goal = {.named = "dlmalloc", .to_named = 1}},
     bench_run_resident,
     bench_run_resident,
     LISTS,
     REGIONS | MALLOCS,
     16},
    {{"heap", "heap_cold_8", "ns", .fresh = true},
     bench_run_cold_replay,
     bench_run_cold_replay,
     LISTS,
     REGIONS,
     8},
    {{"heap", "heap_rss_8", "ratio", .fresh = true, .goal = {.named = "tlsf", .to_named = 1}},
     bench_run_resident,
     bench_run_resident,
     LISTS,
     REGIONS,
     8},
    {{"heap", "heap_fit", "ratio", .exact = true, .goal = {.library = 1}},
     bench_run_fit,
     bench_run_floor_16,
     LISTS,
     REGIONS,
     16},
    {{"heap", "heap_fit_8", "ratio", .exact = true, .goal = {.library = 1}},
     bench_run_fit,
     bench_run_floor_8,
     LISTS,
     REGIONS,
     8},
};

/* Goals that only one trace has. */
static bench_goal goal_of(const char *row, const char *trace, bench_goal goal)
{
    if (strcmp(trace, "cc1") == 0 && strcmp(row, "heap_fit") == 0)
        goal.absolute = 1.20;
    if (strcmp(trace, "cc1") == 0 && strcmp(row, "heap_rss") == 0)
        goal.absolute = 1.22;
    return goal;
}

/* ---- the rows of drawn sizes ---- */

typedef struct drawn_row {
    bench_row row;
    shim_body body;
    size_t mixture;
    unsigned who;
    bool has_limit;
} drawn_row;

static const drawn_row drawn_rows[] = {
    {{"heap", "heap_churn_small", "ns", .goal = {.absolute = 18, .at_limit = 11}},
     bench_run_heap_churn,
     BENCH_MOSTLY_SMALL,
     ALL | VARIANTS,
     true},
    {{"heap", "heap_churn_uniform", "ns", .goal = {.absolute = 25, .at_limit = 10.3}},
     bench_run_heap_churn,
     BENCH_UNIFORM,
     ALL | VARIANTS,
     true},
    {{"heap", "heap_failures_80", "fails", .exact = true,
      .goal = {.named = "dlmalloc", .to_named = 1}},
     bench_run_failures_80,
     BENCH_MOSTLY_SMALL,
     REGIONS | ANY_GRANULE,
     false},
    {{"heap", "heap_failures_90", "fails", .exact = true,
      .goal = {.named = "dlmalloc", .to_named = 1}},
     bench_run_failures_90,
     BENCH_MOSTLY_SMALL,
     REGIONS | ANY_GRANULE,
     false},
};

static const bench_row threads_row = {"heap",        "heap_two_threads", "ns",
                                      .whole = true, .real_time = true,  .threads = 2};
static const bench_row threads_to_one_row = {"heap", "heap_two_threads_to_one", "ratio",
                                             .with = "heap_two_threads",
                                             .goal = {.absolute = 2 / 1.9}};

/* ---- who is measured where ---- */

/* Peers of a finer granule are shown in a row of a coarser one where all may be compared, and beside
 * it where memory is. */
static bool judged(const loam_bench_heap *heap, unsigned who, size_t granule)
{
    return who & ANY_GRANULE || heap->granule >= granule;
}

static void add_peers(const char *row, shim_body body, unsigned who, size_t granule,
                      size_t parameter)
{
    for (size_t i = 0; i < peers_heap_count(); i++) {
        const loam_bench_heap *heap = peers_heap_at(i);
        bench_kind kind = judged(heap, who, granule) ? BENCH_PEER : BENCH_BESIDE;

        if (granule != 8 || heap->granule == 8)
            bench_add(row, kind, peers_heap_name(i), body, heap, parameter);
    }
    if (who & MALLOCS)
        bench_add(row, BENCH_MALLOC, NULL, body, &bench_malloc_heap, parameter);
}

static void add_loam(const char *row, shim_body body, unsigned who, size_t granule,
                     size_t parameter)
{
    if (granule == 8) {
        bench_add(row, BENCH_LOAM, NULL, body, &granule_8, parameter);
        return;
    }
    bench_add(row, BENCH_LOAM, NULL, body, &direct, parameter);
    bench_add(row, BENCH_BESIDE, "granule_8", body, &granule_8, parameter);
    if (!(who & VARIANTS))
        return;
    bench_add(row, BENCH_BESIDE, "sized", body, &sized, parameter);
    bench_add(row, BENCH_BESIDE, "handle", body, &handle, parameter);
}

static const char *with_trace(const char *name, const char *trace)
{
    static char names[TRACES * TRACE_ROWS * 2][NAME_SIZE];
    static size_t used;
    char *full = names[used++];

    snprintf(full, NAME_SIZE, "%s_%s", name, trace);
    return full;
}

static void add_trace(size_t trace)
{
    static bench_row rows[TRACES][TRACE_ROWS];
    const char *name = bench_traces_name(trace);

    for (size_t i = 0; i < LENGTH(trace_rows); i++) {
        const trace_row *from = &trace_rows[i];
        bench_row *row = &rows[trace][i];

        *row = from->row;
        row->name = with_trace(from->row.name, name);
        row->with = row->with ? with_trace(row->with, name) : NULL;
        row->goal = goal_of(from->row.name, name, row->goal);
        bench_add_row(row);
        if (!from->body)
            continue;
        add_loam(row->name, from->body, from->who, from->granule, trace);
        bench_add(row->name, BENCH_LIMIT, NULL, from->limit, from->lists, trace);
        add_peers(row->name, from->body, from->who, from->granule, trace);
    }
}

static void add_drawn(void)
{
    for (size_t i = 0; i < LENGTH(drawn_rows); i++) {
        const drawn_row *from = &drawn_rows[i];
        const char *row = from->row.name;

        bench_add_row(&from->row);
        add_loam(row, from->body, from->who, 16, from->mixture);
        if (from->has_limit)
            bench_add(row, BENCH_LIMIT, NULL, from->body, LISTS, from->mixture);
        add_peers(row, from->body, from->who, 16, from->mixture);
    }
}

static void add_threads(void)
{
    bench_add_row(&threads_row);
    bench_add_row(&threads_to_one_row);
    bench_add(threads_row.name, BENCH_LOAM, NULL, bench_run_heap_threads, &bench_heap_sharded,
              BENCH_UNIFORM);
    bench_add(threads_row.name, BENCH_BESIDE, "over_spans", bench_run_heap_threads,
              &bench_heap_sharded_spans, BENCH_UNIFORM);
    bench_add(threads_row.name, BENCH_BESIDE, "own_heaps", bench_run_heap_threads, &direct,
              BENCH_UNIFORM);
    bench_add(threads_row.name, BENCH_LIMIT, NULL, bench_run_heap_threads, LISTS, BENCH_UNIFORM);
    add_peers(threads_row.name, bench_run_heap_threads, ALL, 16, BENCH_UNIFORM);
}

void bench_add_heap(void)
{
    bench_traces_find();
    for (size_t i = 0; i < bench_traces_count(); i++)
        add_trace(i);
    add_drawn();
    add_threads();
}
