/* report.c: measures every row again and again, contenders interleaved, each time in new processes.
 *
 *     repetition 1:  row 1: { loam limit apr obstack } {glibc} {jemalloc} {mimalloc}   row 2: ...
 *     repetition 2:  row 1: {mimalloc} { obstack loam apr limit } {glibc} {jemalloc}   row 2: ...
 *
 * Libraries share a process with loam, so that they meet the same memory and the same moment; each
 * malloc has a process of its own, in which it is everybody's malloc; in a cold row everyone has. A
 * new process has a new layout of its address space: what the layout does to a loop becomes a part
 * of the spread, and does not stand in the report as a fact. The order is drawn anew each time.
 */
#include "report.h"

#include "bench_config.h"
#include "machine.h"
#include "peers.h"

#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_ARGUMENTS = 64, NAME_SIZE = 256 };

/* ---- what is to be measured ---- */

/* The row whose bodies measure this one. */
static const bench_row *source_of(const bench_row *row)
{
    return row->with ? bench_row_find(row->with) : row;
}

/* Rows that are measured together are in a report together. */
bool report_has_row(const report *all, const bench_row *row)
{
    if (all->layer[0] && strcmp(all->layer, row->layer) != 0)
        return false;
    for (size_t i = 0; all->row && i < bench_row_count(); i++) {
        const bench_row *other = bench_row_at(i);

        if (source_of(other) == source_of(row) && fnmatch(all->row, other->name, 0) == 0)
            return true;
    }
    return !all->row;
}

size_t report_columns_of(const report *all, const bench_row *row, report_column **first)
{
    size_t count = 0;

    *first = NULL;
    for (size_t i = 0; i < all->column_count; i++) {
        if (all->columns[i].row != row)
            continue;
        if (count++ == 0)
            *first = &all->columns[i];
    }
    return count;
}

static void add_column(report *all, const bench_row *row, const bench_contender *contender,
                       const char *name, const char *preload)
{
    report_column *column;

    all->columns = realloc(all->columns, (all->column_count + 1) * sizeof *all->columns);
    column = &all->columns[all->column_count++];
    *column = (report_column){row, contender, name, preload, NULL, ""};
    column->values = malloc(all->repetitions * sizeof *column->values);
    for (size_t i = 0; i < all->repetitions; i++)
        column->values[i] = NAN;
}

static void add_columns(report *all, const bench_row *row)
{
    for (size_t i = 0; i < bench_contender_count(); i++) {
        const bench_contender *contender = bench_contender_at(i);

        if (contender->row != source_of(row))
            continue;
        if (contender->kind != BENCH_MALLOC) {
            add_column(all, row, contender, contender->name, NULL);
            continue;
        }
        for (size_t k = 0; k < peers_malloc_count(); k++)
            add_column(all, row, contender, peers_malloc_name(k), peers_malloc_path(k));
    }
}

/* Takes a row out of the report that this machine cannot measure. */
static bool row_possible(const bench_row *row)
{
    if (source_of(row)->threads > machine_cpus()) {
        printf("not measured: %s (wants %u CPUs)\n", row->name, source_of(row)->threads);
        return false;
    }
    if (!source_of(row)->huge || machine_has_huge())
        return true;
    printf("not measured: %s (the system gives no huge pages: "
           "/sys/kernel/mm/transparent_hugepage/enabled)\n",
           row->name);
    return false;
}

static void plan(report *all)
{
    for (size_t i = 0; i < bench_row_count(); i++) {
        const bench_row *row = bench_row_at(i);

        if (report_has_row(all, row) && row_possible(row))
            add_columns(all, row);
    }
}

/* ---- one process ---- */

/* What makes each malloc use huge pages by itself, as its manual has it. */
static void permit_huge_to_mallocs(void)
{
    setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 1);
    setenv("MALLOC_CONF", "thp:always", 1);
    setenv("MIMALLOC_LARGE_OS_PAGES", "1", 1);
    setenv("MIMALLOC_ALLOW_LARGE_OS_PAGES", "1", 1);
}

static void become_child(const report *all, report_column **columns, size_t count)
{
    char *arguments[MOST_ARGUMENTS] = {"loam_bench", "run", "--seconds"};
    static char names[MOST_ARGUMENTS][NAME_SIZE];
    char seconds[32];
    size_t n = 3;

    snprintf(seconds, sizeof seconds, "%g", all->seconds);
    arguments[n++] = seconds;
    if (all->is_short)
        arguments[n++] = "--short";
    for (size_t i = 0; i < count && n + 1 < MOST_ARGUMENTS; i++) {
        snprintf(names[i], NAME_SIZE, "%s/%s", columns[i]->contender->row->name,
                 columns[i]->contender->name);
        arguments[n++] = names[i];
    }
    arguments[n] = NULL;

    if (columns[0]->preload)
        setenv("LD_PRELOAD", columns[0]->preload, 1);
    if (columns[0]->contender->row->huge && !columns[0]->contender->row->untold)
        permit_huge_to_mallocs();
    (void)machine_permit_huge(columns[0]->contender->row->huge);
    execv("/proc/self/exe", arguments);
    _exit(127);
}

/* Puts what a line of a child says where it belongs: row, contender, nanoseconds, or why not. */
static void take_line(report *all, report_column **columns, size_t count, size_t repetition,
                      const char *row, const char *contender, double value, const char *why)
{
    for (size_t i = 0; i < all->column_count; i++) {
        report_column *column = &all->columns[i];
        size_t k;

        if (strcmp(column->row->name, row) != 0 || strcmp(column->contender->name, contender) != 0)
            continue;
        for (k = 0; k < count; k++) {
            if (columns[k]->contender == column->contender && columns[k]->name == column->name)
                break;
        }
        if (k == count)
            continue;
        if (why)
            snprintf(column->why, sizeof column->why, "%s", why);
        else
            column->values[repetition] =
                strcmp(column->row->unit, "ms") == 0 ? value * 1e-6 : value;
    }
}

/* Lines: "figure ROW CONTENDER NANOSECONDS" and "failed ROW CONTENDER WHY...". */
static void take_output(report *all, report_column **columns, size_t count, size_t repetition,
                        FILE *output)
{
    char line[512], row[NAME_SIZE], contender[NAME_SIZE];
    double value;
    int end;

    while (fgets(line, sizeof line, output)) {
        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, "figure %255s %255s %lf", row, contender, &value) == 3) {
            take_line(all, columns, count, repetition, row, contender, value, NULL);
        } else if (sscanf(line, "failed %255s %255s %n", row, contender, &end) == 2) {
            take_line(all, columns, count, repetition, row, contender, 0, line + end);
        }
    }
}

/* A column whose process ended badly is not tried again. */
static void take_status(report_column **columns, size_t count, size_t repetition, int status)
{
    for (size_t i = 0; i < count; i++) {
        report_column *column = columns[i];

        if (!isnan(column->values[repetition]) || column->why[0])
            continue;
        if (WIFSIGNALED(status))
            snprintf(column->why, sizeof column->why, "its process ended with signal %d",
                     WTERMSIG(status));
        else
            snprintf(column->why, sizeof column->why, "its process ended with code %d",
                     WEXITSTATUS(status));
    }
}

/* Runs contenders of one row in one new process, in the order given. */
static void run_process(report *all, report_column **columns, size_t count, size_t repetition)
{
    int ends[2], status = 0;
    FILE *output;
    pid_t child;

    fflush(NULL);
    if (count == 0 || pipe(ends) != 0)
        return;
    child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        become_child(all, columns, count);
    }
    close(ends[1]);
    output = fdopen(ends[0], "r");
    if (output) {
        take_output(all, columns, count, repetition, output);
        fclose(output);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    take_status(columns, count, repetition, status);
}

/* ---- the order ---- */

static size_t random_below(size_t n)
{
    static unsigned state = 1;

    state = state * 1103515245u + 12345u;
    return (size_t)(state >> 8) % n;
}

static void shuffle(report_column **columns, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = random_below(i);
        report_column *swapped = columns[i - 1];

        columns[i - 1] = columns[other];
        columns[other] = swapped;
    }
}

/* What does not change is not measured again. */
static void copy_row(report *all, const bench_row *row, size_t repetition)
{
    report_column *first;
    size_t count = report_columns_of(all, row, &first);

    for (size_t i = 0; i < count; i++)
        first[i].values[repetition] = first[i].values[0];
}

/* One repetition of one row. The libraries run where the first of them stands in the order. */
static void run_row(report *all, const bench_row *row, size_t repetition)
{
    report_column *first, *order[MOST_ARGUMENTS], *shared[MOST_ARGUMENTS];
    size_t count = report_columns_of(all, row, &first);
    size_t together = 0, used = 0;
    bool shared_ran = false;

    for (size_t i = 0; i < count && used < MOST_ARGUMENTS; i++) {
        if (!first[i].why[0])
            order[used++] = &first[i];
    }
    shuffle(order, used);
    for (size_t i = 0; i < used && !row->fresh; i++) {
        if (order[i]->contender->kind != BENCH_MALLOC)
            shared[together++] = order[i];
    }
    for (size_t i = 0; i < used; i++) {
        if (row->fresh || order[i]->contender->kind == BENCH_MALLOC) {
            run_process(all, &order[i], 1, repetition);
        } else if (!shared_ran) {
            run_process(all, shared, together, repetition);
            shared_ran = true;
        }
    }
}

static void show_progress(const report *all, size_t repetition, const bench_row *row)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (row)
        fprintf(stderr, "\r\033[Krepetition %zu of %zu: %s", repetition + 1, all->repetitions,
                row->name);
    else
        fprintf(stderr, "\r\033[K");
}

static void measure(report *all)
{
    for (size_t repetition = 0; repetition < all->repetitions; repetition++) {
        for (size_t i = 0; i < bench_row_count(); i++) {
            const bench_row *row = bench_row_at(i);

            show_progress(all, repetition, row);
            if (row->exact && repetition > 0)
                copy_row(all, row, repetition);
            else if (!row->with)
                run_row(all, row, repetition);
        }
    }
    show_progress(all, 0, NULL);
}

/* ---- the whole ---- */

static void usage(void)
{
    fprintf(stderr,
            "usage: loam_bench report [--layer NAME] [--row NAME | --rows 'PATTERN'] "
            "[--repetitions N]\n"
            "                         [--seconds S] [--json FILE] [--markdown] [--short]\n");
    exit(2);
}

static void read_options(report *all, int argc, char **argv)
{
    *all = (report){.layer = BENCH_LAYER, .repetitions = BENCH_REPETITIONS, .seconds = 0.03};
    for (int i = 0; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (strcmp(argv[i], "--short") == 0) {
            all->is_short = true;
            all->repetitions = 2;
            all->seconds = 0.001;
            continue;
        }
        if (strcmp(argv[i], "--markdown") == 0) {
            all->markdown = true;
            continue;
        }
        if (!value)
            usage();
        if (strcmp(argv[i], "--layer") == 0)
            all->layer = value;
        else if (strcmp(argv[i], "--row") == 0 || strcmp(argv[i], "--rows") == 0)
            all->row = value;
        else if (strcmp(argv[i], "--repetitions") == 0)
            all->repetitions = strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--seconds") == 0)
            all->seconds = strtod(value, NULL);
        else if (strcmp(argv[i], "--json") == 0)
            all->json = value;
        else
            usage();
        i++;
    }
    if (all->repetitions < 1 || all->repetitions > 999 || !(all->seconds > 0))
        usage();
}

static void print_head(const report *all, int cpu)
{
    printf("loam: %zu repetitions, interleaved; %s, %s%s\n", all->repetitions, BENCH_COMPILER,
           BENCH_BUILD_TYPE, all->is_short ? "; a SHORT run, whose figures mean nothing" : "");
    machine_describe(stdout, cpu);
    if (LOAM_CHECKS)
        printf("warning: a checked build (LOAM_CHECKS): its figures are not loam's\n");
    if (strcmp(BENCH_BUILD_TYPE, "Release") != 0)
        printf("warning: not a Release build\n");
    for (size_t i = 0; i < peers_missing_count(); i++)
        printf("not measured: %s\n", peers_missing_at(i));
}

/* What has no figure, and why. Returns whether loam and the limit have all theirs. */
static bool print_failures(const report *all)
{
    bool whole = true;

    for (size_t i = 0; i < all->column_count; i++) {
        const report_column *column = &all->columns[i];
        bool ours = column->contender->kind == BENCH_LOAM || column->contender->kind == BENCH_LIMIT;
        bool missing = isnan(column->values[0]);

        if (column->why[0])
            printf("not measured: %s in %s (%s)\n", column->name, column->row->name, column->why);
        else if (missing && column->row->with)
            printf("not measured: %s in %s (it has no such figure)\n", column->name,
                   column->row->name);
        if (ours && missing)
            whole = false;
    }
    return whole;
}

int report_main(int argc, char **argv)
{
    machine_noise before, after;
    bool whole;
    report all;
    int cpu;

    read_options(&all, argc, argv);
    cpu = machine_pin();
    print_head(&all, cpu);
    plan(&all);
    if (all.column_count == 0) {
        fprintf(stderr, "bench: there is no such row or layer\n");
        return 2;
    }

    machine_look(&before, cpu);
    measure(&all);
    machine_look(&after, cpu);

    whole = print_failures(&all);
    if (all.markdown)
        output_print_markdown(&all, stdout);
    else
        output_print(&all, stdout);
    machine_describe_noise(stdout, &before, &after);
    printf("%.0f seconds\n", after.at - before.at);
    if (all.json && !output_write_json(&all, all.json)) {
        perror(all.json);
        return 1;
    }
    if (all.json)
        printf("written: %s\n", all.json);
    return whole ? 0 : 1;
}
