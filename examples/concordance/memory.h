/* memory.h: where a run takes its memory from.
 *
 * The rest of the program sees five handles and does not know what is behind them:
 *
 *                 MEMORY_LOAM                       MEMORY_LIBC
 *     records     a pool                            malloc
 *     texts       a heap                            malloc
 *     nodes       an arena                          malloc
 *     places      an arena, at whose end the one    malloc
 *                 array in it grows
 *     scratch     this thread's scratch arena       malloc
 */
#ifndef CONCORDANCE_MEMORY_H
#define CONCORDANCE_MEMORY_H

#include "files.h"
#include "words.h"

#include <loam/adapters.h>
#include <loam/heap.h>
#include <loam/pool_class.h>
#include <loam/scratch.h>

typedef enum memory_kind { MEMORY_LOAM, MEMORY_LIBC } memory_kind;

struct memory {
    struct words_memory words; /* what lives as long as the run */
    loam_allocator scratch;    /* what lives a moment; the newest is given back first */

    /* Behind the handles. */
    memory_kind kind;
    bool limited;               /* whether there are budgets */
    loam_pool_class pool;       /* MEMORY_LOAM: the records */
    loam_heap *heap;            /* MEMORY_LOAM: the texts */
    loam_arena nodes;           /* MEMORY_LOAM: the dictionary's nodes, none of which ends early */
    loam_arena places;          /* MEMORY_LOAM: the places */
    loam_scratch scratch_scope; /* MEMORY_LOAM: the scratch memory */
    loam_budget words_budget;   /* the limit, which both of these share: */
    loam_budget records_budget;
    loam_budget texts_budget;
    loam_counting records_counter; /* what was asked for, if that is counted */
    loam_counting texts_counter;
    loam_counting nodes_counter;
    loam_counting places_counter;
    loam_counting scratch_counter;
};

/* Sets up the handles; `*memory` must not move. `limit` is the most bytes that `records` and `texts`
 * may give together, or 0. With `counted`, memory_print() knows what was asked for; that costs time.
 *
 * Returns false iff out of memory. */
bool memory_init(struct memory *memory, memory_kind kind, size_t limit, bool counted);

/* Drops all that was taken. */
void memory_deinit(struct memory *memory);

/* Prints a table of what each allocator holds now: of this memory, which was counted, and of the
 * list of files. Nothing for MEMORY_LIBC: malloc does not tell. */
void memory_print(const struct memory *memory, const struct files *files, FILE *out);

#endif
