/* out.h: a file that is written whole or not at all, compressed where its name ends in .zst. */
#ifndef LOAM_TOOLS_OUT_H
#define LOAM_TOOLS_OUT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct out out;

/* Opens a file beside `path`, which out_end() gives that name; or `path` itself, if that is there and
 * no plain file, and standard output for "-". Ends the program where it can't. */
out *out_begin(const char *path, int exit_code);

/* The sink of a trace's writer; `context` is an `out`. */
bool out_write(void *context, const void *bytes, size_t size);

/* Replaces the first bytes. False: not possible in this kind of file. */
bool out_rewrite(out *o, const void *bytes, size_t size);

/* Whether out_rewrite() can. */
bool out_can_rewrite(const out *o);

/* Ends it; without `good`, leaves nothing behind. Returns NULL, or what went wrong. */
const char *out_end(out *o, bool good);

#endif
