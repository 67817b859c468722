/* view_ranges.h: stretches of addresses, joined where little lies between them. */
#ifndef LOAM_TOOLS_VIEW_RANGES_H
#define LOAM_TOOLS_VIEW_RANGES_H

#include <stddef.h>
#include <stdint.h>

enum { MOST_RANGES = 4096 };

typedef struct range {
    uint64_t start, end;
} range;

/* In order; between two lie at least `gap` bytes. */
typedef struct ranges {
    range all[MOST_RANGES + 1];
    size_t count, last; /* last: where something was found */
    uint64_t gap;       /* at least 1 */
} ranges;

/* Adds addresses from `start` to before `end`. */
void ranges_add(ranges *r, uint64_t start, uint64_t end);

/* Joins, by a wider gap, until there are no more than `most`. */
void ranges_join(ranges *r, size_t most);

#endif
