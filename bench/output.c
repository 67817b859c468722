/* output.c: the tables that people read, and the list that programs read. */
#include "figures.h"
#include "report.h"

#include <math.h>
#include <string.h>

/* Values whose quartiles lie further apart than this part of the median are called unsteady. */
#define UNSTEADY 0.1

/* One row, worked out. Columns that have no figure are not there. */
typedef struct line {
    const bench_row *row;
    const report_column *loam, *limit, *library, *mallocs, *peer; /* the best of each; or NULL */
    const report_column *named;                                   /* whom the goal names; or NULL */
    figure to_limit, to_library, to_mallocs, to_peer, to_named, absolute;
    size_t count; /* of repetitions */
} line;

static double median_of(const line *l, const report_column *column)
{
    return figures_median(column->values, l->count);
}

static bool better(const line *l, const report_column *column, const report_column *than)
{
    double one = median_of(l, column), other = than ? median_of(l, than) : NAN;

    return !than || (l->row->higher ? one > other : one < other);
}

static figure ratio(const line *l, const report_column *to)
{
    const figure none = {NAN, NAN, NAN};

    return l->loam && to ? figures_ratio(l->loam->values, to->values, l->count) : none;
}

static line work_out(const report *all, const bench_row *row)
{
    line l = {.row = row, .count = all->repetitions};
    report_column *columns;
    size_t count = report_columns_of(all, row, &columns);

    for (size_t i = 0; i < count; i++) {
        const report_column *column = &columns[i];

        if (isnan(median_of(&l, column)))
            continue;
        if (row->goal.named && strcmp(row->goal.named, column->name) == 0)
            l.named = column;
        switch (column->contender->kind) {
        case BENCH_LOAM:
            l.loam = column;
            continue;
        case BENCH_LIMIT:
            l.limit = column;
            continue;
        case BENCH_PEER:
            if (better(&l, column, l.library))
                l.library = column;
            break;
        case BENCH_MALLOC:
            if (better(&l, column, l.mallocs))
                l.mallocs = column;
            break;
        case BENCH_BESIDE:
            continue;
        }
        if (better(&l, column, l.peer))
            l.peer = column;
    }
    l.to_limit = ratio(&l, l.limit);
    l.to_library = ratio(&l, l.library);
    l.to_mallocs = ratio(&l, l.mallocs);
    l.to_peer = ratio(&l, l.peer);
    l.to_named = ratio(&l, l.named);
    if (l.loam)
        l.absolute = figures_ratio(l.loam->values, NULL, l.count);
    return l;
}

/* ---- goals ---- */

/* Met: the goal is in reach of the interval; behind: the interval excludes it. */
typedef enum verdict { MET, MET_WITHIN_NOISE, BEHIND } verdict;

static verdict judge(const line *l, figure is, double goal)
{
    bool higher = l->row->higher;

    if (higher ? is.value >= goal : is.value <= goal)
        return MET;
    return (higher ? is.high >= goal : is.low <= goal) ? MET_WITHIN_NOISE : BEHIND;
}

/* Whether the best peer is ahead of loam beyond doubt. */
static bool peer_ahead(const line *l)
{
    return l->peer && (l->row->higher ? l->to_peer.high < 1 : l->to_peer.low > 1);
}

static verdict worse(verdict a, verdict b)
{
    return a > b ? a : b;
}

/* The absolute goal of a row, on a machine whose limit is this one. */
static double absolute_goal(const line *l)
{
    const bench_goal *goal = &l->row->goal;

    if (goal->at_limit > 0 && l->limit)
        return goal->absolute * median_of(l, l->limit) / goal->at_limit;
    return goal->absolute;
}

/* The goal in words. */
static void describe_goal(const line *l, char *text, size_t size)
{
    const bench_goal *goal = &l->row->goal;
    size_t n = 0;

    text[0] = 0;
    if (goal->limit > 0)
        n += (size_t)snprintf(text + n, size - n, "%.4g limit", goal->limit);
    if (goal->library > 0)
        n += (size_t)snprintf(text + n, size - n, "%s%.4g library", n ? ", " : "", goal->library);
    if (goal->mallocs > 0)
        n += (size_t)snprintf(text + n, size - n, "%s%.4g malloc", n ? ", " : "", goal->mallocs);
    if (goal->peer > 0)
        n += (size_t)snprintf(text + n, size - n, "%s%.4g peer", n ? ", " : "", goal->peer);
    if (goal->named)
        n += (size_t)snprintf(text + n, size - n, "%s%.4g %s", n ? ", " : "", goal->to_named,
                              goal->named);
    if (goal->absolute > 0)
        snprintf(text + n, size - n, "%s%.3g %s", n ? ", " : "", absolute_goal(l), l->row->unit);
}

static verdict judge_all(const line *l)
{
    const bench_goal *goal = &l->row->goal;
    verdict v = MET;

    if (goal->limit > 0 && l->limit)
        v = worse(v, judge(l, l->to_limit, goal->limit));
    if (goal->library > 0 && l->library)
        v = worse(v, judge(l, l->to_library, goal->library));
    if (goal->mallocs > 0 && l->mallocs)
        v = worse(v, judge(l, l->to_mallocs, goal->mallocs));
    if (goal->peer > 0 && l->peer)
        v = worse(v, judge(l, l->to_peer, goal->peer));
    if (goal->named && l->named)
        v = worse(v, judge(l, l->to_named, goal->to_named));
    if (goal->absolute > 0)
        v = worse(v, judge(l, l->absolute, absolute_goal(l)));
    return v;
}

/* ---- tables ---- */

static void print_ratio(FILE *out, figure f)
{
    char text[64] = "-";

    if (!isnan(f.value))
        snprintf(text, sizeof text, "%.2f (%.2f-%.2f)", f.value, f.low, f.high);
    fprintf(out, "  %-18s", text);
}

static void print_figure(FILE *out, const line *l, const report_column *column)
{
    if (column)
        fprintf(out, " %9.4g", median_of(l, column));
    else
        fprintf(out, " %9s", "-");
}

static void print_verdict(FILE *out, const line *l)
{
    static const char *const words[] = {"met", "met within noise", "BEHIND"};
    char goal[64];

    if (!l->loam) {
        fprintf(out, "  not measured\n");
        return;
    }
    describe_goal(l, goal, sizeof goal);
    fprintf(out, "  %-24s %s", goal, words[judge_all(l)]);
    if (peer_ahead(l))
        fprintf(out, "; %s is ahead", l->peer->name);
    if (figures_spread(l->loam->values, l->count) > UNSTEADY ||
        (l->limit && figures_spread(l->limit->values, l->count) > UNSTEADY))
        fprintf(out, "; unsteady");
    fprintf(out, "\n");
}

static void print_line(FILE *out, const line *l)
{
    char peer[64] = "-";

    fprintf(out, "%-28s %-5s", l->row->name, l->row->unit);
    print_figure(out, l, l->loam);
    print_figure(out, l, l->limit);
    if (l->peer)
        snprintf(peer, sizeof peer, "%s %.4g", l->peer->name, median_of(l, l->peer));
    fprintf(out, "  %-16s", peer);
    print_ratio(out, l->to_limit);
    print_ratio(out, l->to_peer);
    print_verdict(out, l);
}

/* All peers of a row, and what is shown beside them, in brackets. */
static void print_peers(FILE *out, const report *all, const line *l)
{
    report_column *columns;
    size_t count = report_columns_of(all, l->row, &columns), printed = 0;

    for (size_t i = 0; i < count; i++) {
        bench_kind kind = columns[i].contender->kind;
        bool beside = kind == BENCH_BESIDE;

        if (kind == BENCH_LOAM || kind == BENCH_LIMIT || isnan(median_of(l, &columns[i])))
            continue;
        if (printed++ == 0)
            fprintf(out, "%-28s %-5s", l->row->name, l->row->unit);
        fprintf(out, beside ? "  (%s %.4g)" : "  %s %.4g", columns[i].name,
                median_of(l, &columns[i]));
    }
    if (printed > 0)
        fprintf(out, "\n");
}

static void print_layer(FILE *out, const report *all, const char *layer)
{
    report_column *columns;

    fprintf(out, "\n%-28s       %9s %9s  %-16s  %-18s  %-18s  %-24s %s\n", layer, "loam", "limit",
            "best peer", "loam : limit", "loam : best peer", "goal", "");
    for (size_t i = 0; i < bench_row_count(); i++) {
        const bench_row *row = bench_row_at(i);

        if (strcmp(row->layer, layer) == 0 && report_columns_of(all, row, &columns) > 0) {
            line l = work_out(all, row);

            print_line(out, &l);
        }
    }
    fprintf(out, "\n%s: all peers\n", layer);
    for (size_t i = 0; i < bench_row_count(); i++) {
        const bench_row *row = bench_row_at(i);

        if (strcmp(row->layer, layer) == 0 && report_columns_of(all, row, &columns) > 0) {
            line l = work_out(all, row);

            print_peers(out, all, &l);
        }
    }
}

void output_print(const report *all, FILE *out)
{
    const char *layer = "";

    for (size_t i = 0; i < all->column_count; i++) {
        const char *next = all->columns[i].row->layer;

        if (strcmp(next, layer) != 0) {
            print_layer(out, all, next);
            layer = next;
        }
    }
    fprintf(out, "\n");
}

/* ---- the same to paste ---- */

/* Whether two rows have the same contenders: then they share a table. */
static bool same_columns(const report *all, const bench_row *a, const bench_row *b)
{
    report_column *one, *other;
    size_t count = report_columns_of(all, a, &one);

    if (report_columns_of(all, b, &other) != count || strcmp(a->layer, b->layer) != 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(one[i].name, other[i].name) != 0)
            return false;
    return true;
}

/* Those that are shown beside are in brackets. */
static void print_markdown_head(FILE *out, const report *all, const bench_row *row)
{
    report_column *columns;
    size_t count = report_columns_of(all, row, &columns);

    fprintf(out, "\n| %s |", row->layer);
    for (size_t i = 0; i < count; i++)
        fprintf(out, columns[i].contender->kind == BENCH_BESIDE ? " (%s) |" : " %s |",
                columns[i].name);
    fprintf(out, " loam : best peer | goal | |\n|---|");
    for (size_t i = 0; i < count; i++)
        fprintf(out, "---:|");
    fprintf(out, "---|---|---|\n");
}

static void print_markdown_line(FILE *out, const report *all, const line *l)
{
    static const char *const words[] = {"met", "met within noise", "behind"};
    report_column *columns;
    size_t count = report_columns_of(all, l->row, &columns);
    char goal[64];

    describe_goal(l, goal, sizeof goal);
    fprintf(out, "| %s, %s |", l->row->name, l->row->unit);
    for (size_t i = 0; i < count; i++) {
        double median = median_of(l, &columns[i]);

        if (isnan(median))
            fprintf(out, " - |");
        else
            fprintf(out, median < 1000 ? " %.3g |" : " %.0f |", median);
    }
    if (l->loam && l->peer)
        fprintf(out, " %.2f |", l->to_peer.value);
    else
        fprintf(out, " - |");
    fprintf(out, " %s | %s |\n", goal, l->loam ? words[judge_all(l)] : "not measured");
}

void output_print_markdown(const report *all, FILE *out)
{
    const bench_row *before = NULL;
    report_column *columns;

    for (size_t i = 0; i < bench_row_count(); i++) {
        const bench_row *row = bench_row_at(i);
        line l;

        if (report_columns_of(all, row, &columns) == 0)
            continue;
        if (!before || !same_columns(all, before, row))
            print_markdown_head(out, all, row);
        before = row;
        l = work_out(all, row);
        print_markdown_line(out, all, &l);
    }
    fprintf(out, "\n");
}

/* ---- the list ---- */

static void write_row(FILE *out, const report *all, const line *l)
{
    report_column *columns;
    size_t count = report_columns_of(all, l->row, &columns);
    const char *comma = "";

    fprintf(out, "{\"layer\": \"%s\", \"row\": \"%s\", \"unit\": \"%s\", \"better\": \"%s\", ",
            l->row->layer, l->row->name, l->row->unit, l->row->higher ? "higher" : "lower");
    fprintf(out, "\"loam\": %.6g, \"limit\": ", median_of(l, l->loam));
    if (l->limit)
        fprintf(out, "%.6g", median_of(l, l->limit));
    else
        fprintf(out, "null");
    fprintf(out, ", \"peers\": {");
    for (size_t i = 0; i < count; i++) {
        bench_kind kind = columns[i].contender->kind;

        if ((kind != BENCH_PEER && kind != BENCH_MALLOC) || isnan(median_of(l, &columns[i])))
            continue;
        fprintf(out, "%s\"%s\": %.6g", comma, columns[i].name, median_of(l, &columns[i]));
        comma = ", ";
    }
    fprintf(out, "}}");
}

bool output_write_json(const report *all, const char *path)
{
    FILE *out = fopen(path, "w");
    const char *comma = "";
    report_column *columns;
    bool written;

    if (!out)
        return false;
    fprintf(out, "[");
    for (size_t i = 0; i < bench_row_count(); i++) {
        const bench_row *row = bench_row_at(i);
        line l;

        if (report_columns_of(all, row, &columns) == 0)
            continue;
        l = work_out(all, row);
        if (!l.loam)
            continue;
        fprintf(out, "%s\n  ", comma);
        write_row(out, all, &l);
        comma = ",";
    }
    fprintf(out, "\n]\n");
    written = !ferror(out);
    return fclose(out) == 0 && written;
}
