/* pile.h: what the conformance suite runs over here: one adapter, or several, over one ground or
 * two.
 *
 * Grounds can refuse everything (the section "pressure") and know what is live: at the end of each
 * section nothing may be.
 */
#ifndef LOAM_TEST_PILE_H
#define LOAM_TEST_PILE_H

#include "support/ground.h"
#include "support/test.h"

typedef struct pile {
    ground_kind kind;
    ground_kind second_kind;
    size_t limit;
    ground ground;
    ground second_ground; /* of the adapters that have two */
    loam_checked checked;
    loam_counting counting;
    loam_budget parent;
    loam_budget budget;
    loam_failing failing;
    loam_locked locked;
    loam_logging logging;
    loam_fallback fallback;
    loam_split split;
    size_t events;
} pile;

/* Set up the grounds of the pile's kinds, on which the adapters are made then. */
loam_allocator pile_begin(pile *p);
loam_allocator pile_begin_second(pile *p);

/* End them, when all that was taken is given back. */
void pile_finish(pile *p);
void pile_finish_both(pile *p);

/* What a subject of the suite needs of a pile, which is the context. */
void pile_press(void *context, bool on);
void pile_press_both(void *context, bool on);
size_t pile_footprint(void *context);
size_t pile_footprint_of_both(void *context);

/* A callback for loam_logging, with the pile as its context. */
void pile_count_event(void *context, const loam_logging_event *event);

#endif
