/* model.h: an arena beside a model of it that is too simple to be wrong: the list of its blocks with
 * their positions and contents, and the marks, scopes and children that it should have.
 *
 * Each operation is chosen by chance, with sizes that like to be exactly what fits, one less or one
 * more. Before it the model says what may and what must happen; after it everything that can be seen
 * is compared, and the invariants are checked. */
#ifndef LOAM_TEST_ARENA_MODEL_H
#define LOAM_TEST_ARENA_MODEL_H

#include "arena_support.h"

/* Runs an arena of a random configuration on this backing through this many operations. With
 * `pressure`, the system and the source refuse all calls now and then. */
void model_run(test_rng *rng, loam_arena_backing backing, size_t operations, bool pressure);

#endif
