/* merge.h: turns the log of a process into a trace. */
#ifndef LOAM_TOOLS_MERGE_H
#define LOAM_TOOLS_MERGE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct merge_result {
    uint64_t calls, peak_bytes, peak_blocks, threads;
    uint64_t lost;    /* calls that the log has not */
    uint64_t foreign; /* blocks that were given back and never seen */
    uint64_t unseen;  /* blocks that must have been given back, and nobody saw how */
    bool limit;       /* the log reached its greatest size */
    char error[200];  /* why there is no trace */
} merge_result;

/* Reads the log at `log` and writes `to`. False: `result->error` says why, and there is no file. */
bool merge_log(const char *log, const char *to, bool plain, merge_result *result);

#endif
