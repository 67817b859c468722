/* memory.h: where a run takes its memory from.
 *
 * The rest of the program sees three handles and does not know what is behind them:
 *
 *                 MEMORY_LOAM                       MEMORY_LIBC
 *     words       an arena                          malloc
 *     arrays      whole pages, added or moved       malloc
 *                 when they grow
 *     scratch     this thread's scratch arena       malloc
 */
#ifndef CONCORDANCE_MEMORY_H
#define CONCORDANCE_MEMORY_H

#include "files.h"

#include <loam/adapters.h>
#include <loam/scratch.h>

typedef enum memory_kind { MEMORY_LOAM, MEMORY_LIBC } memory_kind;

struct memory {
    loam_allocator words;   /* what lives as long as the run */
    loam_allocator arrays;  /* big arrays that grow */
    loam_allocator scratch; /* what lives a moment; the newest is given back first */

    /* Behind the handles. */
    memory_kind kind;
    loam_arena arena;            /* MEMORY_LOAM: the words */
    loam_scratch scratch_scope;  /* MEMORY_LOAM: the scratch memory */
    loam_budget budget;          /* MEMORY_LIBC: the limit */
    loam_counting words_counter; /* what was asked for, if that is counted */
    loam_counting arrays_counter;
    loam_counting scratch_counter;
};

/* Sets up the handles; `*memory` must not move. `limit` is the most bytes that `words` may take,
 * or 0. With `counted`, memory_print() knows what was asked for; that costs time.
 *
 * Returns false iff out of memory. */
bool memory_init(struct memory *memory, memory_kind kind, size_t limit, bool counted);

/* Drops all that was taken. */
void memory_deinit(struct memory *memory);

/* Prints a table of what each allocator holds now: of this memory, which was counted, and of the
 * list of files. Nothing for MEMORY_LIBC: malloc does not tell. */
void memory_print(const struct memory *memory, const struct files *files, FILE *out);

#endif
