/* fail_each.h: a driver that refuses the k-th call, for every k, and looks at what is left.
 *
 * A scenario is an object and one step on it. The driver first runs it with nothing refused and
 * counts; then, for k = 1, 2, ... until a run has fewer than k calls, it runs the scenario anew
 *
 *   - with the k-th call refused once, and
 *   - with the k-th call and all later ones refused.
 *
 * After each run:
 *
 *   1. a step in which nothing was refused has succeeded;
 *   2. `check` holds: as before the step if it failed, as after it if it succeeded all the same;
 *   3. a step that failed succeeds when it is tried again, with nothing refused;
 *   4. after `end` the allocator below has no live block (unless the scenario says otherwise).
 *
 * The kinds of calls have separate counters: alloc (with zalloc), resize, remap; then alloc again
 * with every resize and remap refused, since that is the road on which growth copies.
 *
 * A scenario is run many times, so `begin` sets everything up anew. Where a step makes several
 * calls, a second try goes on where the first one stopped, and `check` knows how far that was.
 *
 *     static bool grow(void *context) { return loam_vec_push(...); }
 *     ...
 *     fail_each_allocation(&(fail_each_scenario){.name = "vec push", .context = &object,
 *         .begin = fill, .step = grow, .check = look, .end = drop});
 *
 * fail_each_call() is the same driver over calls of any other kind, such as those to the system.
 * A failure ends the test and says which k of which kind it was.
 */
#ifndef LOAM_TEST_FAIL_EACH_H
#define LOAM_TEST_FAIL_EACH_H

#include <loam/allocator.h>

typedef enum fail_each_flag {
    /* The allocator does not reclaim (a bump allocator lies below), and blocks that are still live
     * at the end are no leak. */
    FAIL_EACH_NO_RECLAIM = 1 << 0,
    /* The allocator does not say LOAM_EXACT, so that caches over it have their capacity. */
    FAIL_EACH_INEXACT = 1 << 1
} fail_each_flag;

typedef struct fail_each_scenario {
    const char *name;
    void *context;
    unsigned flags; /* fail_each_flag bits */

    /* Brings the object into the state before the step. Nothing is refused yet. Over
     * fail_each_call() the allocator is libc's. May be NULL. */
    void (*begin)(void *context, loam_allocator allocator);

    /* The calls under test. False iff one of them reported failure. */
    bool (*step)(void *context);

    /* Looks at everything: the object is as `begin` left it, or, if `done`, as `step` leaves it.
     * May be NULL. Uses EXPECT. */
    void (*check)(void *context, bool done);

    /* Gives everything back, after a step or after none that succeeded. May be NULL. */
    void (*end)(void *context);
} fail_each_scenario;

/* Something else whose calls can be refused. */
typedef struct fail_each_injector {
    void *context;
    const char *const *kinds; /* names, ended by NULL; an index into them is a kind */

    /* From now on the `nth` call of this kind is refused, counted from 1, and with `for_ever` all
     * later ones of this kind too. 0 refuses none and counts. */
    void (*arm)(void *context, size_t kind, size_t nth, bool for_ever);

    /* Refuses nothing any more. Returns how many calls of the kind were seen since `arm`, and in
     * *refused how many calls, of whatever kind, were refused. */
    size_t (*disarm)(void *context, size_t *refused);
} fail_each_injector;

/* Runs the scenario over an allocator whose calls are refused one by one. Returns how many calls
 * were refused in all, so that a test can demand that there were some. */
size_t fail_each_allocation(const fail_each_scenario *scenario);

/* Runs the scenario with each call of an injector refused. Returns as fail_each_allocation(). */
size_t fail_each_call(const fail_each_scenario *scenario, const fail_each_injector *injector);

#endif
