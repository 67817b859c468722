/* replay_steps.h: a trace as steps, in a file in memory that other processes map. */
#ifndef LOAM_TOOLS_REPLAY_STEPS_H
#define LOAM_TOOLS_REPLAY_STEPS_H

#include "replay_run.h"
#include "traces/trace_reader.h"

/* Sees each item of the trace as it is read. */
typedef void steps_visit(void *context, const trace_item *item);

/* Reads a trace into a file in memory, whose descriptor is told. With `exact`, sizes of 0 stay so and
 * nothing is given back at the end. `visit` may be NULL. Returns the reader, at its end; ends the
 * program where the trace is no good one. */
trace_reader *steps_read(const char *path, bool exact, steps_visit *visit, void *context,
                         int *file);

/* Whether there is too little memory to replay in, over that subject. */
bool steps_too_big(const parcel *p, const char *subject_name);

/* Maps the steps. NULL: it can't be. */
const parcel *steps_map(int file);

#endif
