/* figures.h: medians, and how far they can be believed. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stddef.h>

/* A figure and the interval that holds the true one in 95 of 100 reports. */
typedef struct figure {
    double value;
    double low;
    double high;
} figure;

/* The median of `count` values; values that are not numbers are left out. NaN if none is left. */
double figures_median(const double *values, size_t count);

/* The distance of the quartiles as a part of the median: how unsteady the values are. */
double figures_spread(const double *values, size_t count);

/* The ratio of the medians of `a` and `b`, with its interval: the repetitions are drawn again with
 * replacement, some thousand times, each draw taking what `a` and `b` had in the same repetition,
 * because what disturbed one is likely to have disturbed the other. `b` NULL: the median of `a`. */
figure figures_ratio(const double *a, const double *b, size_t count);

#endif
