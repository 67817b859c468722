/* vec_model.h: an array beside a plain one, which every operation is done to as well.
 *
 * Elements are made from numbers: the model knows the number of each, and after every operation
 * every byte is compared. Where memory is refused the array must be exactly as before. Half of the
 * arguments are elements of the array itself, half of the positions are at its ends.
 */
#ifndef LOAM_TEST_VEC_MODEL_H
#define LOAM_TEST_VEC_MODEL_H

#include "support/test.h"

#include <loam/adapters.h>
#include <loam/vec.h>

enum { MODEL_MOST = 400, MODEL_BYTES = 64 << 10, MODEL_ELEMENT = 4096 };

typedef struct model_shape {
    size_t size;
    size_t align;
} model_shape;

/* What an array stands on. */
typedef struct model_ground {
    loam_allocator (*begin)(void); /* NULL: a reserved array */
    void (*end)(void);             /* may be NULL */
    bool may_refuse;               /* also when it is not made to */
} model_ground;

typedef struct model_array {
    loam_vec vec;
    uint64_t keys[MODEL_MOST];
    size_t count;
} model_array;

typedef struct model {
    const model_ground *ground;
    model_shape shape;
    size_t most; /* elements that an array here may have */
    loam_failing failing;
    bool pressed;
    model_array one, two;
    test_rng rng;
    uint64_t next_key;
} model;

/* Random operations over each shape of element. */
void model_run(const model_ground *ground, size_t steps);

/* Writes the element of a number; says whether some bytes are it. */
void model_make(void *to, uint64_t key, size_t size);
bool model_is(const void *bytes, uint64_t key, size_t size);

/* For sorting such elements by their first bytes. */
int model_compare(void *context, const void *a, const void *b);

#endif
