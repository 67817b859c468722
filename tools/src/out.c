/* out.c: files that appear when they are whole. */
#include "out.h"

#include "tool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if LOAM_HAS_ZSTD
#include <zstd.h>
#endif

struct out {
    FILE *file;
    char *path, *temporary; /* the latter NULL: written in place */
    int error;
#if LOAM_HAS_ZSTD
    ZSTD_CStream *zstd; /* NULL: not compressed */
    unsigned char packed[1 << 16];
#endif
};

/* What a signal that ends the program leaves nothing of. */
static const char *volatile unfinished;

static void remove_unfinished(int number)
{
    const char *path = unfinished;

    if (path)
        (void)unlink(path);
    (void)raise(number); /* which does now what it did before */
}

static void heed_signals(const char *path)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGXFSZ};
    struct sigaction action = {.sa_handler = remove_unfinished, .sa_flags = (int)SA_RESETHAND},
                     before;

    unfinished = path;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            (void)sigaction(numbers[i], &action, NULL);
}

static bool ends_in(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);

    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static void begin_zstd(out *o, int exit_code)
{
#if LOAM_HAS_ZSTD
    o->zstd = ZSTD_createCStream();
    if (!o->zstd)
        tool_fail(exit_code, "out of memory");
    (void)ZSTD_CCtx_setParameter(o->zstd, ZSTD_c_compressionLevel, 3);
    (void)ZSTD_CCtx_setParameter(o->zstd, ZSTD_c_checksumFlag, 1);
#else
    tool_fail(exit_code, "%s: this build of loam does not write zstd", o->path);
#endif
}

out *out_begin(const char *path, int exit_code)
{
    out *o = calloc(1, sizeof *o);
    size_t size = strlen(path) + 16;
    struct stat about;

    if (!o || !(o->path = strdup(path)))
        tool_fail(exit_code, "out of memory");
    if (strcmp(path, "-") == 0) {
        o->file = stdout;
    } else if (stat(path, &about) == 0 && !S_ISREG(about.st_mode)) {
        o->file = fopen(path, "wb");
    } else {
        o->temporary = malloc(size);
        if (!o->temporary)
            tool_fail(exit_code, "out of memory");
        (void)snprintf(o->temporary, size, "%s.part", path);
        o->file = fopen(o->temporary, "wb");
        if (o->file)
            heed_signals(o->temporary);
    }
    if (!o->file)
        tool_fail(exit_code, "%s: cannot be written: %s", path, strerror(errno));
    if (ends_in(path, ".zst"))
        begin_zstd(o, exit_code);
    return o;
}

static bool put(out *o, const void *bytes, size_t size)
{
    if (fwrite(bytes, 1, size, o->file) == size)
        return true;
    o->error = errno;
    return false;
}

#if LOAM_HAS_ZSTD
static bool put_zstd(out *o, const void *bytes, size_t size, ZSTD_EndDirective how)
{
    ZSTD_inBuffer in = {bytes, size, 0};
    size_t left;

    do {
        ZSTD_outBuffer packed = {o->packed, sizeof o->packed, 0};

        left = ZSTD_compressStream2(o->zstd, &packed, &in, how);
        if (ZSTD_isError(left)) {
            o->error = EIO;
            return false;
        }
        if (!put(o, o->packed, packed.pos))
            return false;
    } while (how == ZSTD_e_end ? left > 0 : in.pos < in.size);
    return true;
}
#endif

bool out_write(void *context, const void *bytes, size_t size)
{
    out *o = context;

#if LOAM_HAS_ZSTD
    if (o->zstd)
        return put_zstd(o, bytes, size, ZSTD_e_continue);
#endif
    return put(o, bytes, size);
}

bool out_can_rewrite(const out *o)
{
#if LOAM_HAS_ZSTD
    if (o->zstd)
        return false;
#endif
    return o->temporary != NULL;
}

bool out_rewrite(out *o, const void *bytes, size_t size)
{
    return out_can_rewrite(o) && fseek(o->file, 0, SEEK_SET) == 0 && put(o, bytes, size);
}

static bool finish(out *o, bool good)
{
#if LOAM_HAS_ZSTD
    if (o->zstd && !put_zstd(o, NULL, 0, ZSTD_e_end))
        return false;
#endif
    if (fflush(o->file) != 0 || (o->file != stdout && fclose(o->file) != 0)) {
        o->error = errno;
        return false;
    }
    if (good && o->temporary && rename(o->temporary, o->path) != 0) {
        o->error = errno;
        return false;
    }
    return true;
}

const char *out_end(out *o, bool good)
{
    int error;

    good = finish(o, good) && good && o->error == 0;
    error = o->error ? o->error : EIO;
    if (!good && o->temporary)
        (void)unlink(o->temporary);
#if LOAM_HAS_ZSTD
    ZSTD_freeCStream(o->zstd);
#endif
    unfinished = NULL;
    free(o->temporary);
    free(o->path);
    free(o);
    return good ? NULL : strerror(error);
}
