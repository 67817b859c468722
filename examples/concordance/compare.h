/* compare.h: the same job over loam and over malloc, each run in a process of its own. */
#ifndef CONCORDANCE_COMPARE_H
#define CONCORDANCE_COMPARE_H

#include "run.h"

/* Runs the job over loam and prints its report; then runs it again, over loam and over malloc in
 * turn, and prints what these runs took. Returns the exit status of the first run. */
int compare_job(const struct job *job, FILE *out);

#endif
