/* loops.h: the bodies that most rows share. Each asks for its iterations in one batch and hands
 * them on to a loop of the contender's, so that no call of the harness stands between two pushes.
 */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

#include "bench.h"
#include "peer.h"

#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that are pushed between two resets in the warm rows. */
#define BENCH_ROUND_BYTES ((size_t)1 << 20)

/* Something that is done again and again, and is not a bump. */
typedef struct bench_loop {
    void *(*open)(void);         /* NULL: nothing to set up */
    loam_bench_loop run;         /* does it `count` times, on what open() gave */
    void (*close)(void *opened); /* NULL: nothing to end */
} bench_loop;

/* The bytes of a block for an index into the tables of loam_bench_bump. */
size_t bench_push_size(size_t index);

/* Subject: a loam_bench_bump. Parameter: an index into its tables. An iteration is one push; after
 * each BENCH_ROUND_BYTES the bump is reset, which is timed with the pushes. All of the memory was
 * pushed on and stored to before. */
void bench_run_push(shim_state *state);
void bench_run_push_zeroed(shim_state *state);

/* Subject: a loam_bench_bump. An iteration is a mark, four pushes and a rewind. */
void bench_run_marks(shim_state *state);

/* Subject: a loam_bench_bump. One iteration: opens it with nothing known and pushes 64 bytes up to
 * bench_cold_bytes(). Then ends it, and sets the time of that as a counter named by the row that
 * wants it, if the memory has really gone back to the system. */
void bench_run_cold(shim_state *state);

/* How much a cold row fills: 1 GiB, less in a short run. */
size_t bench_cold_bytes(void);

/* The row that is measured with this one, or NULL. */
const bench_row *bench_row_with(const bench_row *row);

/* Why the pages that a contender met are not those of its row, or NULL: it touched so many bytes and
 * had so many faults. */
const char *bench_wrong_pages(const bench_contender *self, size_t bytes, size_t faults);

/* Subject: a bench_loop. */
void bench_run_loop(shim_state *state);

/* Subject: a loam_bench_array. Parameter: how many elements are pushed to each array. Arrays are
 * made, filled and ended after each other, at least four, and only after two that count for nothing:
 * in those, what a library keeps for the next array settles. Sets the row's figure to the time of
 * all that for one element. */
void bench_run_arrays(shim_state *state);

/* Subject: a loam_bench_array. Parameter: how many elements are pushed; fewer in a short run. One
 * iteration: makes and fills the first array of this process; ends it when the clock has stopped.
 * Sets the row's figure, for one element where its unit is ns; and as a counter named by the row
 * that wants it the most memory that there was, as a multiple of what the elements take. */
void bench_run_first_array(shim_state *state);

/* Memory for an array's own fields, zeroed; free() ends it. */
void *bench_new_array(void);

/* The elements of an array that is read; and where in it those look who read at random: indices,
 * drawn once for all. */
enum { BENCH_READ_ELEMENTS = 1000000, BENCH_READ_PLACES = 1 << 18 };
const uint32_t *bench_read_places(void);

#ifdef __cplusplus
}
#endif

/* Loops that read an array whose functions LOAM_BENCH_ARRAYS() made under this name: one element
 * after the other, name_by_index; here and there, name_random. An element is reached by its index
 * and added to a sum. The barrier is that of the pushes. With name_open and name_close each is a
 * bench_loop. */
#define BENCH_READS(name, type, at)                                                                \
    static void *name##_open(void)                                                                 \
    {                                                                                              \
        void *array = bench_new_array();                                                           \
                                                                                                   \
        name##_fill_8(array, BENCH_READ_ELEMENTS);                                                 \
        return array;                                                                              \
    }                                                                                              \
                                                                                                   \
    static void name##_close(void *array)                                                          \
    {                                                                                              \
        name##_end_8(array);                                                                       \
        free(array);                                                                               \
    }                                                                                              \
                                                                                                   \
    static void name##_by_index(void *opaque, size_t count)                                        \
    {                                                                                              \
        type(loam_bench_8) *array = (type(loam_bench_8) *)opaque;                                  \
        uint64_t sum = 0;                                                                          \
                                                                                                   \
        for (size_t round; count > 0; count -= round) {                                            \
            round = count < BENCH_READ_ELEMENTS ? count : (size_t)BENCH_READ_ELEMENTS;             \
            for (size_t i = 0; i < round; i++) {                                                   \
                sum += *at(array, loam_bench_8, i);                                                \
                LOAM_BENCH_USE(array);                                                             \
            }                                                                                      \
        }                                                                                          \
        LOAM_BENCH_USE(sum);                                                                       \
    }                                                                                              \
                                                                                                   \
    static void name##_random(void *opaque, size_t count)                                          \
    {                                                                                              \
        type(loam_bench_8) *array = (type(loam_bench_8) *)opaque;                                  \
        const uint32_t *places = bench_read_places();                                              \
        uint64_t sum = 0;                                                                          \
                                                                                                   \
        for (size_t i = 0; i < count; i++) {                                                       \
            sum += *at(array, loam_bench_8, places[i % BENCH_READ_PLACES]);                        \
            LOAM_BENCH_USE(array);                                                                 \
        }                                                                                          \
        LOAM_BENCH_USE(sum);                                                                       \
    }

#endif
