/* index.h: reads files and notes every word in them. */
#ifndef CONCORDANCE_INDEX_H
#define CONCORDANCE_INDEX_H

#include "console.h"
#include "files.h"
#include "words.h"

struct index_result {
    size_t files;   /* how many were read to their end */
    uint64_t bytes; /* of text that was read */
    uint64_t lines;
    int status; /* an exit status: STATUS_DONE, STATUS_FILES or STATUS_MEMORY */
};

/* Reads all files. One that can't be read is complained about and the next one follows. When
 * memory runs out that is said, and `words` holds what was found up to there. Buffers come from
 * `scratch`. */
struct index_result index_files(struct words *words, const struct files *files,
                                loam_allocator scratch, struct console *console);

#endif
