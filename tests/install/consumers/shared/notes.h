/* notes.h: the interface of a shared library that keeps notes. */
#include <stddef.h>

/* Returns the length of all notes together. */
size_t notes_length_of_all(const char *const *notes, size_t count);
