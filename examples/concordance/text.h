/* text.h: reads a text file piece by piece, so that no word is cut in two.
 *
 *     file    |...a letter to the edi|tor of the ...
 *     block 1 |...a letter to the |            <- ends behind white space
 *     block 2                     |editor of the ...
 *
 * The buffer is a vec, small and reused; it grows only where one word is longer than all of it. Over
 * an arena it then grows in place, because it is the newest block there.
 */
#ifndef CONCORDANCE_TEXT_H
#define CONCORDANCE_TEXT_H

#include <loam/vec.h>

typedef enum text_status {
    TEXT_OK,
    TEXT_END,          /* there is no more */
    TEXT_SYSTEM_ERROR, /* the system refused; errno says why */
    TEXT_IS_FOLDER,
    TEXT_IS_NO_FILE, /* a pipe or a device: it can't be read once more to compare */
    TEXT_IS_BINARY,
    TEXT_NO_MEMORY
} text_status;

struct text {
    int descriptor;
    LOAM_VEC(char) buffer; /* what was read and is not done with */
    size_t handed;         /* how much of that was handed out */
    bool ended;            /* the file has no more */
};

/* Opens a file. Anything but TEXT_OK: it is not open. */
text_status text_open(struct text *text, const char *path, loam_allocator memory);

/* Hands out the next block, never an empty one, which the caller may change and which lasts until
 * the next call. */
text_status text_next(struct text *text, char **block, size_t *length);

/* Leaves errno alone. */
void text_close(struct text *text);

/* Words for a status that is neither TEXT_OK nor TEXT_END. Call it before errno changes. */
const char *text_reason(text_status status);

#endif
