/* replay.h: runs a recorded program over an allocator, as the program ran, and looks at all that it
 * gets: alignment, zeroed memory, and that each block still holds what was written when it is resized
 * or given back. */
#ifndef LOAM_TESTS_TRACES_REPLAY_H
#define LOAM_TESTS_TRACES_REPLAY_H

#include "traces/trace.h"

#include <loam/allocator.h>

/* Called now and then, between two steps. */
typedef struct replay_watch {
    void (*look)(void *context);
    void *context;
    size_t every; /* steps */
} replay_watch;

/* Runs all steps; each must succeed. Gives what is live at the end, too, in the order of slots.
 * `watch` may be NULL. */
void replay(const trace *t, loam_allocator allocator, const replay_watch *watch);

/* As replay(), where a step may fail. Returns how many were done until one did. */
size_t replay_until_full(const trace *t, loam_allocator allocator);

/* The traces: the one in the repository is number 0, those of LOAM_TRACE_DIR come behind it. NULL:
 * there is no such one. A malformed one is a failure. */
trace *replay_trace(size_t number);

#endif
