/* run.h: the job from beginning to end, over one kind of memory. */
#ifndef CONCORDANCE_RUN_H
#define CONCORDANCE_RUN_H

#include "console.h"
#include "files.h"
#include "memory.h"
#include "options.h"

struct job {
    const struct options *options;
    const struct files *files;
    struct console *console;
};

/* What a run took, in seconds of processor time. */
struct run_times {
    double index; /* reading the files and noting the words */
    double rank;  /* sorting them */
    double drop;  /* giving everything back */
};

/* Runs the job. With `out` it counts and prints; with NULL it does the same work for the clock
 * alone. Returns an exit status; `*times` is filled in unless that is STATUS_MEMORY. */
int run_job(const struct job *job, memory_kind kind, FILE *out, struct run_times *times);

#endif
