/* Uses the library. */
#include "notes.h"

#include <stdio.h>

int main(void)
{
    const char *const notes[] = {"sand", "silt", "clay"};
    size_t length = notes_length_of_all(notes, 3);

    printf("notes: %zu\n", length);
    return length == 12 ? 0 : 1;
}
