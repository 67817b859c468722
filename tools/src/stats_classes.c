/* stats_classes.c: least waste by dynamic programming: cost[k][i] is that of the first i words in k
 * classes, the last of which ends there. */
#include "stats_classes.h"

#include <math.h>
#include <stdlib.h>

/* Counts what the classes of a result hand out. Sizes above the last are not counted. */
static void take_waste(const uint64_t table[CLASSES_WORDS], classes_result *result)
{
    double asked = 0, given = 0;
    size_t at = 0;

    result->requests = 0;
    for (size_t i = 0; i < CLASSES_WORDS; i++) {
        while (at < result->count && result->sizes[at] < (i + 1) * 8)
            at++;
        if (at == result->count)
            break;
        result->requests += table[i];
        asked += (double)table[i] * (double)(i + 1) * 8;
        given += (double)table[i] * (double)result->sizes[at];
    }
    result->waste = given > 0 ? 100 * (given - asked) / given : 0;
}

void classes_powers(const uint64_t table[CLASSES_WORDS], classes_result *result)
{
    result->count = 0;
    for (size_t size = 8; size <= CLASSES_LARGEST; size *= 2)
        result->sizes[result->count++] = size;
    take_waste(table, result);
}

void classes_geometric(const uint64_t table[CLASSES_WORDS], classes_result *result)
{
    size_t step = 8;

    result->count = 0;
    for (size_t size = 8; size <= CLASSES_LARGEST; size += step) {
        result->sizes[result->count++] = size;
        if (size >= 64 && (size & (size - 1)) == 0)
            step = size / 4;
    }
    take_waste(table, result);
}

/* Requests of the words before each. */
static void sum_up(const uint64_t table[CLASSES_WORDS], double before[CLASSES_WORDS + 1])
{
    before[0] = 0;
    for (size_t i = 0; i < CLASSES_WORDS; i++)
        before[i + 1] = before[i] + (double)table[i];
}

typedef struct plan {
    double cost[CLASSES_MOST + 1][CLASSES_WORDS + 1];
    uint16_t from[CLASSES_MOST + 1][CLASSES_WORDS + 1];
    double before[CLASSES_WORDS + 1];
} plan;

static void fill_plan(plan *p, size_t most, size_t words)
{
    for (size_t i = 0; i <= words; i++)
        p->cost[0][i] = i == 0 ? 0 : INFINITY;
    for (size_t k = 1; k <= most; k++)
        for (size_t i = 0; i <= words; i++) {
            p->cost[k][i] = p->cost[k - 1][i]; /* a class less does */
            p->from[k][i] = UINT16_MAX;
            for (size_t j = 0; j < i; j++) {
                double cost = p->cost[k - 1][j] + (p->before[i] - p->before[j]) * (double)i * 8;

                if (cost < p->cost[k][i]) {
                    p->cost[k][i] = cost;
                    p->from[k][i] = (uint16_t)j;
                }
            }
        }
}

bool classes_best(const uint64_t table[CLASSES_WORDS], size_t most, classes_result *result)
{
    plan *p = malloc(sizeof *p);
    size_t words = CLASSES_WORDS, k = most, at;

    if (!p)
        return false;
    while (words > 0 && table[words - 1] == 0)
        words--;
    sum_up(table, p->before);
    fill_plan(p, most, words);
    result->count = 0;
    for (at = words; at > 0 && k > 0; k--)
        if (p->from[k][at] != UINT16_MAX) {
            result->sizes[result->count++] = at * 8;
            at = p->from[k][at];
        }
    for (size_t i = 0; i < result->count / 2; i++) {
        size_t moved = result->sizes[i];

        result->sizes[i] = result->sizes[result->count - 1 - i];
        result->sizes[result->count - 1 - i] = moved;
    }
    free(p);
    take_waste(table, result);
    return true;
}
