/* figures.c: medians, and how far they can be believed. */
#include "figures.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS = 4000, MOST_VALUES = 1000 };

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Copies the numbers among the values, sorted. */
static size_t sort_numbers(const double *values, size_t count, double *sorted)
{
    size_t numbers = 0;

    for (size_t i = 0; i < count && numbers < MOST_VALUES; i++) {
        if (!isnan(values[i]))
            sorted[numbers++] = values[i];
    }
    qsort(sorted, numbers, sizeof *sorted, compare);
    return numbers;
}

/* The value below which a part of the sorted ones lies. */
static double quantile(const double *sorted, size_t count, double part)
{
    double place = part * (double)(count - 1);
    size_t below = (size_t)place;

    if (below + 1 >= count)
        return sorted[count - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

double figures_median(const double *values, size_t count)
{
    double sorted[MOST_VALUES];
    size_t numbers = sort_numbers(values, count, sorted);

    return numbers > 0 ? quantile(sorted, numbers, 0.5) : NAN;
}

double figures_spread(const double *values, size_t count)
{
    double sorted[MOST_VALUES];
    size_t numbers = sort_numbers(values, count, sorted);

    if (numbers == 0)
        return NAN;
    return (quantile(sorted, numbers, 0.75) - quantile(sorted, numbers, 0.25)) /
           quantile(sorted, numbers, 0.5);
}

/* A small generator of its own, so that the same figures always give the same interval. */
static size_t draw(uint64_t *state, size_t below)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (size_t)((x ^ (x >> 31)) % below);
}

/* Keeps the repetitions in which both have a value. */
static size_t pair_up(const double *a, const double *b, size_t count, double *x, double *y)
{
    size_t pairs = 0;

    for (size_t i = 0; i < count && pairs < MOST_VALUES; i++) {
        if (isnan(a[i]) || (b && isnan(b[i])))
            continue;
        x[pairs] = a[i];
        y[pairs++] = b ? b[i] : 1;
    }
    return pairs;
}

figure figures_ratio(const double *a, const double *b, size_t count)
{
    static double x[MOST_VALUES], y[MOST_VALUES], dx[MOST_VALUES], dy[MOST_VALUES];
    static double ratios[DRAWS];
    size_t pairs = pair_up(a, b, count, x, y);
    uint64_t state = 1;
    figure result = {NAN, NAN, NAN};

    if (pairs == 0)
        return result;
    for (size_t i = 0; i < DRAWS; i++) {
        for (size_t k = 0; k < pairs; k++) {
            size_t drawn = draw(&state, pairs);

            dx[k] = x[drawn];
            dy[k] = y[drawn];
        }
        ratios[i] = figures_median(dx, pairs) / figures_median(dy, pairs);
    }
    qsort(ratios, DRAWS, sizeof *ratios, compare);
    result.value = figures_median(x, pairs) / figures_median(y, pairs);
    result.low = quantile(ratios, DRAWS, 0.025);
    result.high = quantile(ratios, DRAWS, 0.975);
    return result;
}
