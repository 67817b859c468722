/* main.c: the program of the benchmarks.
 *
 *     loam_bench report ...    measures everything and prints the tables; see report.c
 *     loam_bench run ...       one process of a report: a line for each figure
 *     loam_bench list          the names of everything that can be run, as row/contender
 *     loam_bench --benchmark_filter=push_no_zero_16/   Google Benchmark's own program
 */
#include "bench.h"
#include "machine.h"
#include "peers.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

/* Every layer that has rows. */
static void (*const layers[])(void) = {bench_add_common, bench_add_arena, bench_add_vec,
                                       bench_add_bucket, bench_add_pool,  bench_add_pool_lines,
                                       bench_add_heap,   bench_add_btree};

static void add_layers(bool quiet)
{
    peers_load(quiet);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        layers[i]();
}

/* Hands a figure to the report that started this process. */
static void print_figure(void *context, const char *counter, const char *name, double value,
                         const char *error)
{
    const char *slash = strrchr(name, '/');
    int length = (int)(slash - name);

    (void)context;
    if (error)
        printf("failed %.*s %s %s\n", length, name, slash + 1, error);
    else if (counter)
        printf("figure %s %s %.17g\n", counter, slash + 1, value);
    else
        printf("figure %.*s %s %.17g\n", length, name, slash + 1, value);
    fflush(stdout);
}

/* The contender that "row/name" names. */
static const bench_contender *find(const char *both)
{
    const char *slash = strrchr(both, '/');
    char row[256];

    if (!slash || (size_t)(slash - both) >= sizeof row)
        return NULL;
    memcpy(row, both, (size_t)(slash - both));
    row[slash - both] = 0;
    return bench_contender_find(row, slash + 1);
}

static int run_main(int argc, char **argv)
{
    double seconds = 0.03;

    for (int i = 0; i < argc; i++) {
        const bench_contender *contender;

        if (strcmp(argv[i], "--short") == 0) {
            bench_set_short_run(true);
            continue;
        }
        if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
            seconds = strtod(argv[++i], NULL);
            continue;
        }
        contender = find(argv[i]);
        if (!contender) {
            fprintf(stderr, "bench: there is no %s\n", argv[i]);
            return 2;
        }
        bench_register(contender, seconds);
    }
    shim_run(print_figure, NULL);
    return 0;
}

static int list_main(void)
{
    for (size_t i = 0; i < bench_contender_count(); i++) {
        const bench_contender *contender = bench_contender_at(i);

        printf("%s/%s\n", contender->row->name, contender->name);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";

    add_layers(strcmp(command, "run") == 0);
    if (strcmp(command, "report") == 0)
        return report_main(argc - 2, argv + 2);
    if (strcmp(command, "run") == 0)
        return run_main(argc - 2, argv + 2);
    if (strcmp(command, "list") == 0)
        return list_main();
    for (size_t i = 0; i < bench_contender_count(); i++)
        bench_register(bench_contender_at(i), 0);
    return shim_main(argc, argv);
}
