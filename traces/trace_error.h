/* trace_error.h: why a file is no trace. */
#ifndef LOAM_TRACES_TRACE_ERROR_H
#define LOAM_TRACES_TRACE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

typedef struct trace_error {
    uint64_t offset; /* the byte that is not as it must be; the size where bytes are missing */
    char reason[160];
} trace_error;

/* Fills an error. Returns false. */
#if defined(__MINGW32__)
__attribute__((format(gnu_printf, 3, 4)))
#else
__attribute__((format(printf, 3, 4)))
#endif
bool trace_wrong(trace_error *error, uint64_t offset, const char *format, ...);

#endif
