/* strbuf_out.c: how a text gets out: piece by piece, copied, or to a descriptor. */
#include "strbuf_internal.h"

#include "internal/os.h"

#include <errno.h>

/* ---- pieces ---- */

/* Only the tail can be empty (S3). */
static loam_strbuf_span span_of(const loam_strbuf *s, const loam_strbuf_chunk *chunk)
{
    loam_strbuf_span span = {NULL, 0, chunk};

    if (chunk) {
        span.bytes = text_of(chunk);
        span.size = used_of(s, chunk);
    }
    return span;
}

loam_strbuf_span loam_strbuf_first_span(const loam_strbuf *s)
{
    return span_of(s, s->head);
}

loam_strbuf_span loam_strbuf_next_span(const loam_strbuf *s, const loam_strbuf_span *span)
{
    return span_of(s, span->chunk ? span->chunk->next : NULL);
}

/* Drops the first bytes of a piece. */
static void skip_in_span(loam_strbuf_span *span, size_t size)
{
    span->bytes += size;
    span->size -= size;
}

/* What lies `size` bytes behind the start of a piece. */
static loam_strbuf_span skip(const loam_strbuf *s, loam_strbuf_span span, size_t size)
{
    while (size > 0 && size >= span.size) {
        size -= span.size;
        span = loam_strbuf_next_span(s, &span);
    }
    if (size > 0)
        skip_in_span(&span, size);
    return span;
}

/* ---- copies ---- */

bool loam_strbuf_read(const loam_strbuf *s, size_t from, size_t size, void *bytes)
{
    size_t length = loam_strbuf_length(s);
    char *to = (char *)bytes;
    loam_strbuf_span span;

    if (from > length || size > length - from)
        return false;
    if (size == 0)
        return true;
    for (span = skip(s, loam_strbuf_first_span(s), from); size > 0;
         span = loam_strbuf_next_span(s, &span)) {
        size_t part = loam_min(span.size, size);

        memcpy(to, span.bytes, part);
        to += part;
        size -= part;
    }
    return true;
}

bool loam_strbuf_flatten(const loam_strbuf *s, char *buffer, size_t size)
{
    size_t length = loam_strbuf_length(s);

    if (size <= length)
        return false;
    copy_text(s, length, buffer);
    buffer[length] = '\0';
    return true;
}

char *loam_strbuf_flatten_to(const loam_strbuf *s, loam_allocator allocator)
{
    size_t length = loam_strbuf_length(s);
    char *block = (char *)loam_alloc(allocator, length + 1, 1);

    if (!block)
        return NULL;
    copy_text(s, length, block);
    block[length] = '\0';
    return block;
}

/* ---- writing ---- */

/* The pieces from `span` on, as many as one call takes. */
static size_t gather(const loam_strbuf *s, loam_strbuf_span span, loam_os_piece *pieces)
{
    size_t count = 0;

    for (; span.size > 0 && count < LOAM_OS_PIECES; span = loam_strbuf_next_span(s, &span)) {
        pieces[count].bytes = span.bytes;
        pieces[count].size = span.size;
        count++;
    }
    return count;
}

static bool write_all(const loam_strbuf *s, size_t from, int descriptor, size_t *written)
{
    loam_os_piece pieces[LOAM_OS_PIECES];
    loam_strbuf_span span = skip(s, loam_strbuf_first_span(s), from);

    while (span.size > 0) {
        size_t went;

        if (!loam_os_write(descriptor, pieces, gather(s, span, pieces), &went))
            return false;
        *written += went;
        span = skip(s, span, went);
    }
    return true;
}

bool loam_strbuf_write(const loam_strbuf *s, size_t from, int descriptor, size_t *written)
{
    size_t ignored;

    if (!written)
        written = &ignored;
    *written = 0;
    LOAM_REQUIRE(from <= loam_strbuf_length(s), LOAM_MISUSE_STRBUF_MARK, s);
    if (from > loam_strbuf_length(s)) {
        errno = EINVAL;
        return false;
    }
    return write_all(s, from, descriptor, written);
}
