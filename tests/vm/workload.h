/* workload.h: work for all of common and arena that can reach the system for memory, written so
 * that any call to the system may be refused at any time.
 *
 * After every failure it looks at what must not have changed: contents, positions, figures, and
 * what the checkers say. The same work runs with refusals by a replaced table (fail_vm.h), by the
 * kernel through a filter, and by a tracer.
 */
#ifndef LOAM_TEST_WORKLOAD_H
#define LOAM_TEST_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>

enum { WORKLOAD_LEFTOVERS = 64 };

typedef struct workload {
    /* Called before each step, which is a call that can be refused; may be NULL. */
    void (*step)(void *context);
    /* Called after each refusal. True: nothing is refused from now on, and the step must succeed
     * when it is tried again. */
    bool (*relents)(void *context);
    void *context;

    size_t steps;
    size_t refusals;

    /* Reservations that the system did not take back. */
    size_t leftover_count;
    struct {
        void *ptr;
        size_t size;
    } leftovers[WORKLOAD_LEFTOVERS];
} workload;

/* The pieces of work, by name; NULL beyond the last. */
const char *workload_name(size_t index);

/* Does one piece. Nothing of it is left but what the system refused to take back. */
void workload_run(workload *work, size_t index);

/* Gives all that is left back; nothing is refused now. */
void workload_clean_up(workload *work);

/* ---- for the pieces ---- */

void workload_step(workload *work);
bool workload_again(workload *work);
void workload_leave(workload *work, void *ptr, size_t size);

/* A step: sets `ok` to what `call` gives. After a refusal `unchanged` must hold, a statement; and
 * when the system relents, the call must succeed. */
#define ATTEMPT(work, ok, call, unchanged)                                                         \
    do {                                                                                           \
        workload_step(work);                                                                       \
        (ok) = (call);                                                                             \
        if (!(ok)) {                                                                               \
            unchanged;                                                                             \
            if (workload_again(work)) {                                                            \
                (ok) = (call);                                                                     \
                EXPECT(ok);                                                                        \
            }                                                                                      \
        }                                                                                          \
    } while (0)

/* Contents: a pattern told by a salt. A prefix of what was filled can be expected too. */
void workload_fill(void *ptr, size_t size, unsigned salt);
void workload_expect(const void *ptr, size_t size, unsigned salt);
void workload_expect_zero(const void *ptr, size_t size);

/* The pieces, in files of their own. */
void workload_pages(workload *work);
void workload_moves(workload *work);
void workload_vm_allocator(workload *work);
void workload_ahead(workload *work);
void workload_region(workload *work);
void workload_arena(workload *work, size_t kind);
void workload_scratch(workload *work);
extern const char *const workload_arena_names[];

#endif
