/* shim.h: Google Benchmark for C.
 *
 * Everything that the benchmarks use of that library, behind a state that C cannot look into. A
 * body asks for its iterations in batches and runs each batch in a loop of its own:
 *
 *     static void body(shim_state *state)
 *     {
 *         size_t count;
 *
 *         while ((count = shim_next(state)) != 0)
 *             for (size_t i = 0; i < count; i++)
 *                 the thing that is measured;
 *     }
 *
 * A call across the shim for every iteration would cost more than an arena's push.
 */
#ifndef BENCH_SHIM_H
#define BENCH_SHIM_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct shim_state shim_state;

/* Runs one benchmark once; called more than once while the count of iterations is looked for. */
typedef void (*shim_body)(shim_state *state);

/* How a benchmark is to be run. */
typedef struct shim_how {
    const void *context;  /* handed back by shim_context() */
    double seconds;       /* run for at least so long; not used when iterations is not 0 */
    size_t iterations;    /* run exactly so many */
    bool body_takes_time; /* the body tells its time with shim_set_seconds() */
    bool real_time;       /* by the clock on the wall, for several threads; else by the time that
                             this process ran, which other programs cannot lengthen */
} shim_how;

/* Called by shim_run() for each figure: nanoseconds per iteration under the benchmark's name, or a
 * counter that the body set, with the benchmark's name behind it. `error` is why there is none. */
typedef void (*shim_report)(void *context, const char *counter, const char *name, double value,
                            const char *error);

/* Adds a benchmark. It runs in the order of registration. */
void shim_register(const char *name, shim_body body, const shim_how *how);

/* Runs all that were registered and hands their figures to `report`. */
void shim_run(shim_report report, void *context);

/* Runs those that were registered as Google Benchmark's own program would: its options, its output.
 * Returns what main() is to return. */
int shim_main(int argc, char **argv);

/* What shim_how gave. */
const void *shim_context(const shim_state *state);

/* Starts the clock and returns how many iterations to run; 0 stops it: the body is to return. */
size_t shim_next(shim_state *state);

/* Stops the clock inside a batch, and starts it again; each costs some hundred nanoseconds. */
void shim_pause(shim_state *state);
void shim_resume(shim_state *state);

/* The time of the whole batch, where the body takes it. */
void shim_set_seconds(shim_state *state, double seconds);

/* Sets a figure of the body's own. */
void shim_set_counter(shim_state *state, const char *counter, double value);

/* Says why this benchmark has no figure. shim_next() returns 0 from now on. */
void shim_fail(shim_state *state, const char *why);

#ifdef __cplusplus
}
#endif

#endif
