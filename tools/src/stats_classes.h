/* stats_classes.h: which size classes waste least, for requests that are counted by size. */
#ifndef LOAM_TOOLS_STATS_CLASSES_H
#define LOAM_TOOLS_STATS_CLASSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CLASSES_LARGEST = 4096, /* bytes */
    CLASSES_WORDS = CLASSES_LARGEST / 8,
    CLASSES_MOST = 64
};

typedef struct classes_result {
    size_t sizes[CLASSES_WORDS]; /* ascending */
    size_t count;
    uint64_t requests;
    double waste; /* percent of the bytes that are handed out, sizes counted in words of 8 bytes */
} classes_result;

/* The classes, at most so many, with the least sum of what is handed out: by dynamic programming, over
 * `table[i]` requests for i * 8 + 1 to i * 8 + 8 bytes. False: no memory. */
bool classes_best(const uint64_t table[CLASSES_WORDS], size_t most, classes_result *result);

/* The waste of powers of two from 8, and of four classes to each doubling from 64, below it by 8. */
void classes_powers(const uint64_t table[CLASSES_WORDS], classes_result *result);
void classes_geometric(const uint64_t table[CLASSES_WORDS], classes_result *result);

#endif
