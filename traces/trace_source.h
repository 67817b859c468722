/* trace_source.h: the bytes of a trace: of a file, of standard input, or in memory. What was
 * compressed with zstd is decompressed on the way, where loam was built with its library. */
#ifndef LOAM_TRACES_TRACE_SOURCE_H
#define LOAM_TRACES_TRACE_SOURCE_H

#include "traces/trace_error.h"

#include <stddef.h>
#include <stdio.h>

typedef struct trace_source {
    FILE *file;                  /* or NULL */
    const unsigned char *memory; /* what is left of it */
    size_t left;                 /* its bytes */
    uint64_t size;               /* of all bytes that will come; UINT64_MAX: not known */
    uint64_t raw;                /* bytes taken from the file or from memory so far */
    struct trace_unpacker *zstd; /* or NULL: the bytes are as they are */
    unsigned char first[4];      /* bytes that were looked at already */
    size_t first_count;
} trace_source;

/* Opens a file; "-" is standard input. False: it cannot be read, and `error` says why. */
bool trace_source_open(trace_source *source, const char *path, trace_error *error);

/* Reads from memory, which stays the caller's. */
bool trace_source_open_memory(trace_source *source, const void *bytes, size_t size,
                              trace_error *error);

/* Fills `to` as far as there are bytes; *got tells how many came, less than `room` only at the end.
 * False: reading failed, or what is compressed is damaged or cut off. */
bool trace_source_read(trace_source *source, void *to, size_t room, size_t *got,
                       trace_error *error);

/* Ends a source that was opened, or was not. */
void trace_source_close(trace_source *source);

/* Whether this build reads and writes zstd. */
bool trace_has_zstd(void);

#endif
