/* view_ranges.c: stretches of addresses. Takes no memory. */
#include "view_ranges.h"

#include <string.h>

/* Joins neighbours that are too near to each other, from `at` on, until one is not. */
static void join_from(ranges *r, size_t at)
{
    size_t next = at + 1;

    while (next < r->count && r->all[next].start - r->all[at].end < r->gap) {
        if (r->all[next].end > r->all[at].end)
            r->all[at].end = r->all[next].end;
        next++;
    }
    memmove(&r->all[at + 1], &r->all[next], (r->count - next) * sizeof *r->all);
    r->count -= next - at - 1;
}

/* The first range that ends above `start`, less the gap. */
static size_t find(const ranges *r, uint64_t start)
{
    size_t low = 0, high = r->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (r->all[middle].end + r->gap > start)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

void ranges_add(ranges *r, uint64_t start, uint64_t end)
{
    range *at = &r->all[r->last];
    size_t i;

    if (r->last < r->count && at->start <= start && end <= at->end)
        return;
    i = find(r, start);
    at = &r->all[i];
    r->last = i;
    if (i < r->count && at->start < end + r->gap) {
        at->start = start < at->start ? start : at->start;
        if (end > at->end) {
            at->end = end;
            join_from(r, i);
        }
        return;
    }
    memmove(at + 1, at, (r->count - i) * sizeof *at);
    *at = (range){start, end};
    if (++r->count > MOST_RANGES)
        ranges_join(r, MOST_RANGES / 2);
}

void ranges_join(ranges *r, size_t most)
{
    while (r->count > most) {
        r->gap *= 2;
        for (size_t i = 0; i < r->count; i++)
            join_from(r, i);
    }
}
