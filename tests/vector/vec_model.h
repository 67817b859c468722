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
#include <loam/vec_algorithms.h>

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
    bool in_buffer;                /* an array that begins in a buffer over that */
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

/* For sorting such elements by all their bytes; `context` points to the size. */
int model_compare(void *context, const void *a, const void *b);

/* ---- what operations are made of ---- */

/* Does something to the array `one` and to its model. `before` is what the array was. */
typedef void model_operation(model *m, const loam_vec *before);

/* A number below n; a position; a number of elements that there is room for in the model. */
size_t model_below(model *m, size_t n);
size_t model_position(model *m);
size_t model_amount(model *m);

/* `n` elements, or less if they are of the array itself, and their numbers in model_keys. */
const void *model_choose_source(model *m, size_t *n);
extern uint64_t model_keys[MODEL_MOST];
extern unsigned char model_source[MODEL_BYTES];

/* What an operation said. False is for refused memory, and then nothing has changed. */
bool model_done(const model *m, const loam_vec *before, bool result);

char *model_nth(const model *m, const model_array *array, size_t at);
void model_expect_same(const model *m, const model_array *array);
void model_insert(model_array *array, size_t at, const uint64_t *keys, size_t n);
void model_erase(model_array *array, size_t at, size_t n);

/* vec_model_algorithms.c */
model_operation model_sort, model_stable_sort, model_insert_sorted, model_erase_if, model_dedup,
    model_reverse, model_rotate;

#endif
