/* trace_source.c: where the bytes of traces come from. */
#include "traces/trace_source.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#if !defined(_WIN32)
#include <sys/stat.h>
#endif

#if LOAM_HAS_ZSTD
#include <zstd.h>
#endif

bool trace_wrong(trace_error *error, uint64_t offset, const char *format, ...)
{
    va_list arguments;

    error->offset = offset;
    va_start(arguments, format);
    (void)vsnprintf(error->reason, sizeof error->reason, format, arguments);
    va_end(arguments);
    return false;
}

bool trace_has_zstd(void)
{
    return LOAM_HAS_ZSTD;
}

/* ---- bytes as they are ---- */

/* As many bytes as there are, up to `room`. */
static bool read_raw(trace_source *source, unsigned char *to, size_t room, size_t *got,
                     trace_error *error)
{
    size_t count = source->first_count < room ? source->first_count : room;

    memcpy(to, source->first, count);
    memmove(source->first, source->first + count, source->first_count - count);
    source->first_count -= count;
    if (source->file) {
        count += fread(to + count, 1, room - count, source->file);
        if (ferror(source->file))
            return trace_wrong(error, source->raw + count, "cannot be read: %s", strerror(errno));
    } else {
        size_t more = source->left < room - count ? source->left : room - count;

        if (more > 0)
            memcpy(to + count, source->memory, more);
        source->memory += more;
        source->left -= more;
        count += more;
    }
    source->raw += count;
    *got = count;
    return true;
}

/* ---- zstd ---- */

static const unsigned char zstd_magic[4] = {0x28, 0xb5, 0x2f, 0xfd};

#if LOAM_HAS_ZSTD

enum { PACKED = 1 << 16 };

typedef struct trace_unpacker {
    ZSTD_DStream *stream;
    ZSTD_inBuffer in;
    bool between; /* frames: this may be the end */
    unsigned char bytes[PACKED];
} trace_unpacker;

static bool open_zstd(trace_source *source, trace_error *error)
{
    source->zstd = calloc(1, sizeof *source->zstd);
    if (source->zstd)
        source->zstd->stream = ZSTD_createDStream();
    if (!source->zstd || !source->zstd->stream)
        return trace_wrong(error, 0, "out of memory");
    source->zstd->in.src = source->zstd->bytes;
    source->size = UINT64_MAX;
    return true;
}

static bool read_zstd(trace_source *source, void *to, size_t room, size_t *got, trace_error *error)
{
    trace_unpacker *z = source->zstd;
    ZSTD_outBuffer out = {to, room, 0};

    while (out.pos < room) {
        size_t result, before = out.pos;

        if (z->in.pos == z->in.size) {
            z->in.pos = 0;
            if (!read_raw(source, z->bytes, PACKED, &z->in.size, error))
                return false;
        }
        if (z->in.size == 0 && z->between)
            break;
        result = ZSTD_decompressStream(z->stream, &out, &z->in);
        if (ZSTD_isError(result))
            return trace_wrong(error, source->raw - z->in.size + z->in.pos,
                               "the compressed bytes are damaged: %s", ZSTD_getErrorName(result));
        z->between = result == 0;
        if (z->in.size == 0 && !z->between && out.pos == before)
            return trace_wrong(error, source->raw, "the compressed bytes are cut off");
    }
    *got = out.pos;
    return true;
}

static void close_zstd(trace_source *source)
{
    if (source->zstd)
        ZSTD_freeDStream(source->zstd->stream);
    free(source->zstd);
}

#else

static bool open_zstd(trace_source *source, trace_error *error)
{
    (void)source;
    return trace_wrong(error, 0, "compressed with zstd, which this build of loam does not read");
}

static bool read_zstd(trace_source *source, void *to, size_t room, size_t *got, trace_error *error)
{
    return read_raw(source, to, room, got, error);
}

static void close_zstd(trace_source *source)
{
    (void)source;
}

#endif

/* ---- the whole ---- */

/* Looks whether the bytes are compressed. */
static bool look_at_first(trace_source *source, trace_error *error)
{
    size_t count = 0;

    if (!read_raw(source, source->first, sizeof source->first, &count, error))
        return false;
    source->first_count = count;
    source->raw = 0;
    if (count == sizeof zstd_magic && memcmp(source->first, zstd_magic, count) == 0)
        return open_zstd(source, error);
    return true;
}

bool trace_source_open_memory(trace_source *source, const void *bytes, size_t size,
                              trace_error *error)
{
    *source = (trace_source){.memory = bytes, .left = size, .size = size};
    return look_at_first(source, error);
}

bool trace_source_open(trace_source *source, const char *path, trace_error *error)
{
    *source = (trace_source){.size = UINT64_MAX};
    source->file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!source->file)
        return trace_wrong(error, 0, "cannot be read: %s", strerror(errno));
#if !defined(_WIN32)
    struct stat about;

    if (fstat(fileno(source->file), &about) == 0 && S_ISREG(about.st_mode))
        source->size = (uint64_t)about.st_size;
#endif
    return look_at_first(source, error);
}

bool trace_source_read(trace_source *source, void *to, size_t room, size_t *got, trace_error *error)
{
    if (source->zstd)
        return read_zstd(source, to, room, got, error);
    return read_raw(source, to, room, got, error);
}

void trace_source_close(trace_source *source)
{
    close_zstd(source);
    if (source->file && source->file != stdin)
        (void)fclose(source->file);
    *source = (trace_source){.file = NULL};
}
