/* tools_support.h: runs loam and looks at the traces that it writes. */
#ifndef LOAM_TEST_TOOLS_SUPPORT_H
#define LOAM_TEST_TOOLS_SUPPORT_H

#include "support/test.h"
#include "traces/trace_reader.h"

enum { OUTPUT = 1 << 16 };

/* What a command wrote and how it ended; 128 and the signal if one ended it. */
typedef struct ran {
    int code;
    char out[OUTPUT], err[OUTPUT];
} ran;

/* The programs. */
const char *tools_loam(void);
const char *tools_subject(void);

/* A library with a malloc that a signal may interrupt. */
const char *tools_quick_malloc(void);

/* A file of this test's own, which is gone now; `name` is any. One of several static texts. */
const char *tools_file(const char *name);

/* Runs loam with words up to NULL; the result is static. */
const ran *tools_run(const char *const *words);
#define RUN(...) tools_run((const char *const[]){tools_loam(), __VA_ARGS__, NULL})

/* Runs the subject in `mode` under `loam record`, which must end with `code`. Returns the trace's file. */
const char *tools_record(const char *mode, int code);

/* The calls of a trace, which must be a good one, in an array that is the caller's. */
trace_item *tools_calls(const char *file, size_t *count, trace_sums *sums);

#endif
