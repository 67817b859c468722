/* The library keeps its notes in an arena; who uses it need not know. */
#include "notes.h"

#include <loam/arena.h>

#include <string.h>

size_t notes_length_of_all(const char *const *notes, size_t count)
{
    loam_arena *arena = loam_arena_create(NULL);
    size_t length = 0;

    for (size_t i = 0; arena && i < count; i++) {
        char *copy = loam_arena_push_text(arena, notes[i], strlen(notes[i]));
        length += copy ? strlen(copy) : 0;
    }
    loam_arena_destroy(arena);
    return length;
}
