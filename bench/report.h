/* report.h: what a report measured, between the part that measures and the part that prints. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "bench.h"

#include <stdio.h>

/* The values of one contender in one row, one for each repetition; NaN where there is none. A
 * contender of kind BENCH_MALLOC is a column for each malloc. */
typedef struct report_column {
    const bench_row *row;
    const bench_contender *contender;
    const char *name;
    const char *preload; /* the malloc's library; NULL: none */
    double *values;
    char why[128]; /* why there is no value; "" if there is one */
} report_column;

typedef struct report {
    const char *layer; /* only this one; "" for all */
    const char *row;  /* only this one, or those that this pattern of a shell tells; NULL for all */
    const char *json; /* file to write; NULL for none */
    size_t repetitions; /* of each contender in each row */
    double seconds;     /* that each repetition takes at least, where it is not one cold run */
    bool is_short;
    bool markdown;          /* tables to paste */
    report_column *columns; /* those of one row behind each other, in the order of the rows */
    size_t column_count;
} report;

/* Measures, prints, writes. Returns what main() is to return: 0 iff loam and the limit have a
 * figure in every row that this machine can measure. Whether a goal is met makes no difference. */
int report_main(int argc, char **argv);

/* The columns of a row. */
size_t report_columns_of(const report *all, const bench_row *row, report_column **first);

/* Whether a row is to be in this report. */
bool report_has_row(const report *all, const bench_row *row);

/* Prints the tables. */
void output_print(const report *all, FILE *out);

/* Prints them in Markdown: a column for each contender. */
void output_print_markdown(const report *all, FILE *out);

/* Writes the list of rows. False: could not be written. */
bool output_write_json(const report *all, const char *path);

#endif
