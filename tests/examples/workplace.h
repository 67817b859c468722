/* workplace.h: a folder of its own for each case, the files in it, and what a program did there. */
#ifndef LOAM_TEST_WORKPLACE_H
#define LOAM_TEST_WORKPLACE_H

#include <stdbool.h>
#include <stddef.h>

/* Makes the folder of the running case, empty or as the last run left it, and goes there. */
void workplace_enter(void);

/* Writes a file, or makes a folder that may be there already. */
void workplace_write(const char *path, const char *text);
void workplace_write_bytes(const char *path, const void *bytes, size_t size);
void workplace_make_folder(const char *path);

/* A whole file as a text, which the caller frees. */
char *workplace_read(const char *path);

/* What a program did. */
typedef struct outcome {
    int status; /* its exit status; -1 if a signal ended it */
    char *out;  /* what it wrote to standard output */
    char *error;
} outcome;

/* How a program is run. All zero: as it is, with its output caught. */
typedef struct manner {
    const char *out; /* where standard output goes, instead of being caught */
    bool humble;     /* as nobody special; the case is skipped where something is in the way */
} manner;

/* Runs a program with these arguments, ended by NULL; the first is its path. */
void workplace_run(const char *const *arguments, manner how, outcome *seen);

void outcome_free(outcome *seen);

#endif
