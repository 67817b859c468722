/** @file loam/strbuf.h
 * A text that is put together piece by piece, in chunks that never move.
 *
 *     head                                tail
 *      |"GET /index"|->|" HTTP/1.1\r\n..."|->|"Host: "....|      chunks of 256 bytes to 64 KiB
 *                                                  ^ next  ^ end
 *
 * Appending copies bytes to the end of the last chunk; when that is full there is another one, of
 * twice its size. Nothing that was written is copied again, until the whole is wanted in one piece
 * (loam_strbuf_text(), loam_strbuf_flatten()), or never: loam_strbuf_write() hands the chunks to
 * the system as they are.
 *
 *     loam_strbuf s;
 *
 *     loam_strbuf_init(&s, loam_libc_allocator());
 *     if (!loam_strbuf_append_text(&s, "sum: ") || !loam_strbuf_append_uint(&s, sum) ||
 *         !loam_strbuf_append_format(&s, " of %s, %.1f %%\n", name, percent))
 *         return out_of_memory();
 *     good = loam_strbuf_write(&s, 0, STDOUT_FILENO, NULL);
 *     loam_strbuf_deinit(&s);
 *
 * ## What holds
 *
 * - The text is bytes; zero bytes are bytes like any other, and no encoding is looked at.
 * - An append that fails has changed nothing. A text made of several appends is all there or not at
 *   all with a mark: its length before, given to loam_strbuf_undo() when one of them failed.
 * - Bytes that were appended stay where they are until they are undone, or loam_strbuf_text() has
 *   moved them: a part of the text may be appended to it again.
 * - Chunks are blocks of a power of two of bytes, their header of four words included; rounded up
 *   where the allocator's `good_size` says so. Where the allocator can grow a block in place, as an
 *   arena can, the last chunk grows instead: there the text stays in one piece as long as nothing
 *   else is pushed.
 * - A piece that is bigger than the limit gets a block of its own, of a multiple of the limit,
 *   where the allocator has one; else it is cut into chunks of the limit, up to 2^14 of them.
 * - When the text gets shorter, chunks are given back, all but one that waits for the next append.
 *   Over an allocator that does not reclaim all of them wait, and loam_strbuf_deinit() is O(1).
 *
 * Not thread safe.
 */
#ifndef LOAM_STRBUF_H
#define LOAM_STRBUF_H

#include <loam/allocator.h>
#include <loam/inspect.h>

#include <stdarg.h>
#include <string.h>

LOAM_BEGIN_DECLS

/** Bytes of the first chunk, unless loam_strbuf_init_sized() says otherwise. */
#define LOAM_STRBUF_FIRST ((size_t)256)

/** Bytes up to which chunks double, unless loam_strbuf_init_sized() says otherwise: below what the
 * C library takes from the system one by one, and as much as a pipe holds. */
#define LOAM_STRBUF_LIMIT ((size_t)64 << 10)

/** A piece of the text, in a block of its own. Its bytes follow it. */
typedef struct loam_strbuf_chunk {
    struct loam_strbuf_chunk *prev; /**< The one before; NULL at the head. */
    struct loam_strbuf_chunk *next; /**< The one behind; NULL at the tail. */
    size_t size;                    /**< Bytes of the block. */
    size_t used;                    /**< Bytes of text; that of the tail is not kept here. */
} loam_strbuf_chunk;

/** A text under construction. Its fields are not for use, but for reading in a debugger. */
typedef struct loam_strbuf {
    char *next;    /**< Where the next byte goes; NULL before the first one. */
    char *end;     /**< Behind the room for text in the tail; a byte for a zero follows. */
    size_t before; /**< Bytes of text in the chunks before the tail. */
    loam_strbuf_chunk *tail;  /**< The newest chunk; NULL: there is none. */
    loam_strbuf_chunk *head;  /**< The oldest chunk. */
    loam_strbuf_chunk *spare; /**< Chunks that wait, linked through `next`. */
    size_t block_size;        /**< Bytes of the chunk to take next. */
    size_t first;             /**< Bytes of the first chunk. */
    size_t limit;             /**< Bytes that chunks double up to. */
    size_t taken;             /**< Bytes of all chunks. */
    size_t peak;              /**< The longest that the text was when it was made shorter. */
    size_t failures;          /**< Appends that were refused. */
    loam_allocator allocator; /**< Where chunks come from. */
} loam_strbuf;

/* ---- life ------------------------------------------------------------------------------------ */

/** Makes an empty text over `allocator`. Takes no memory; can't fail. O(1). */
void loam_strbuf_init(loam_strbuf *s, loam_allocator allocator);

/** As loam_strbuf_init(), with a first chunk of `first` bytes and chunks that double up to `limit`
 * bytes. Both are rounded up to powers of two of at least 64 and at most 1 GiB, and the limit to
 * the first size; 0 stands for #LOAM_STRBUF_FIRST and #LOAM_STRBUF_LIMIT. */
void loam_strbuf_init_sized(loam_strbuf *s, loam_allocator allocator, size_t first, size_t limit);

/** Ends a text: gives its chunks back, or forgets them where the allocator does not reclaim. What
 * remains is an empty text, which may be used, or ended again.
 *
 * Can't fail. Cost: one call to the allocator for each chunk; O(1) over an allocator that does not
 * reclaim. */
void loam_strbuf_deinit(loam_strbuf *s);

/** Exchanges two texts, allocators included. `a` may be `b`. O(1). */
void loam_strbuf_swap(loam_strbuf *a, loam_strbuf *b);

/* ---- out of line ----------------------------------------------------------------------------- */

/** loam_strbuf_append() of what does not fit in the tail. Internal. */
LOAM_NODISCARD bool loam_strbuf_append_slow(loam_strbuf *s, const void *bytes, size_t size);

/** loam_strbuf_room() of what does not fit in the tail. Internal. */
LOAM_NODISCARD char *loam_strbuf_room_slow(loam_strbuf *s, size_t least);

/* ---- appending ------------------------------------------------------------------------------- */

/** Bytes that fit in the tail. O(1), inline. */
LOAM_INLINE size_t loam_strbuf_left(const loam_strbuf *s)
{
    return (size_t)((uintptr_t)s->end - (uintptr_t)s->next);
}

/** Bytes of the text; also a mark, for loam_strbuf_undo(). O(1), inline. */
LOAM_INLINE size_t loam_strbuf_length(const loam_strbuf *s)
{
    return s->tail ? s->before + (size_t)(s->next - (const char *)(s->tail + 1)) : 0;
}

/** Appends `size` bytes, which may be a part of the text itself. With a size of 0 `bytes` may be
 * NULL.
 *
 * Returns false iff the memory can't be had; then nothing was appended.
 * Cost: O(size); what does not fit in the tail takes a chunk, or as many of the limit as it
 * takes. */
LOAM_INLINE LOAM_NODISCARD bool loam_strbuf_append(loam_strbuf *s, const void *bytes, size_t size)
{
    if (LOAM_UNLIKELY(size > loam_strbuf_left(s)))
        return loam_strbuf_append_slow(s, bytes, size);
    if (size) {
        memcpy(s->next, bytes, size);
        s->next += size;
    }
    return true;
}

/** Appends one byte. Returns false iff the memory can't be had. Cost: a load, a compare and two
 * stores, inline; a chunk now and then. */
LOAM_INLINE LOAM_NODISCARD bool loam_strbuf_append_char(loam_strbuf *s, char byte)
{
    if (LOAM_UNLIKELY(s->next == s->end))
        return loam_strbuf_append_slow(s, &byte, 1);
    *s->next++ = byte;
    return true;
}

/** Appends a text that ends in a zero byte, without that byte.
 *
 * Returns false iff the memory can't be had, or `text` is NULL (a checked build stops with "text is
 * NULL"); then nothing was appended. Cost: O(length). */
LOAM_INLINE LOAM_NODISCARD bool loam_strbuf_append_text(loam_strbuf *s, const char *text)
{
    LOAM_REQUIRE(text, LOAM_MISUSE_STRBUF_NULL, s);
    return text && loam_strbuf_append(s, text, strlen(text));
}

/** Appends one byte `count` times. Returns false iff the memory can't be had; then nothing was
 * appended. Cost: O(count). */
LOAM_NODISCARD bool loam_strbuf_append_repeat(loam_strbuf *s, char byte, size_t count);

/** Appends the bytes of another text, which may be the same one. Returns false iff the memory can't
 * be had; then nothing was appended. Cost: O(its length). */
LOAM_NODISCARD bool loam_strbuf_append_strbuf(loam_strbuf *s, const loam_strbuf *other);

/** Appends a number in decimal. Returns false iff the memory can't be had. Cost: O(digits). */
LOAM_NODISCARD bool loam_strbuf_append_int(loam_strbuf *s, int64_t number);

/** As loam_strbuf_append_int(), unsigned. */
LOAM_NODISCARD bool loam_strbuf_append_uint(loam_strbuf *s, uint64_t number);

/** Appends a number in hexadecimal, in lower case without a prefix, with zeros before it up to
 * `least` digits (at most 16). Returns false iff the memory can't be had. Cost: O(digits). */
LOAM_NODISCARD bool loam_strbuf_append_hex(loam_strbuf *s, uint64_t number, unsigned least);

/** @cond attributes */
#if defined(__MINGW32__)
#define LOAM_STRBUF_FORMAT_(text, first) __attribute__((format(gnu_printf, text, first)))
#else
#define LOAM_STRBUF_FORMAT_(text, first) LOAM_FORMAT(text, first)
#endif
/** @endcond */

/** Appends what printf() would print.
 *
 * It is written straight to the tail. What does not fit there is formatted a second time, into a
 * chunk that is big enough: no other memory is taken (but by the C library, for some numbers).
 * `%%n` tells what it would anywhere, if twice. An argument may be a part of the text, if
 * a precision ends it, since no zero byte does.
 *
 * Returns false iff
 *  - the memory can't be had,
 *  - the C library can't convert an argument, or the result is not shorter than INT_MAX,
 *  - an argument has become longer when it is formatted for the second time, or
 *  - `format` is NULL (a checked build stops with "text is NULL").
 *
 * Then nothing was appended. Cost: that of vsnprintf(), twice where a chunk is taken. */
LOAM_STRBUF_FORMAT_(2, 3)
LOAM_NODISCARD bool loam_strbuf_append_format(loam_strbuf *s, const char *format, ...);

/** As loam_strbuf_append_format(), with the arguments in a list, which is as after vprintf(): to be
 * ended by the caller, and not to be read further. */
LOAM_STRBUF_FORMAT_(2, 0)
LOAM_NODISCARD bool loam_strbuf_append_format_list(loam_strbuf *s, const char *format,
                                                   va_list arguments);

/** A place to write at least `least` bytes to, which then become text by loam_strbuf_advance(); for
 * encoders, and for reading from a descriptor without a copy. `*room`, unless `room` is NULL,
 * becomes how many fit; with `least` 0 that may be 0.
 *
 * Good until the next call that changes the text. Returns NULL iff the memory can't be had; then
 * nothing changed. Cost: O(1); a chunk where the tail does not have the room. */
LOAM_INLINE LOAM_NODISCARD char *loam_strbuf_room(loam_strbuf *s, size_t least, size_t *room)
{
    char *place = s->next;

    if (LOAM_UNLIKELY(!place || least > loam_strbuf_left(s))) {
        place = loam_strbuf_room_slow(s, least);
        if (!place)
            return NULL;
    }
    if (room)
        *room = loam_strbuf_left(s);
    return place;
}

/** Makes the first `size` bytes at the place that loam_strbuf_room() told a part of the text.
 *
 * There must be room for them: more than that is not appended at all; a checked build stops with
 * "more bytes than there is room for". O(1), inline. */
LOAM_INLINE void loam_strbuf_advance(loam_strbuf *s, size_t size)
{
    size_t room = loam_strbuf_left(s);

    LOAM_REQUIRE(size <= room, LOAM_MISUSE_STRBUF_ROOM, s);
    if (LOAM_LIKELY(size <= room && size))
        s->next += size;
}

/* ---- taking back ----------------------------------------------------------------------------- */

/** Makes the text as long as it was, or truncates it: drops what is behind the first `length` bytes.
 * Can't fail.
 *
 * A length above the present one changes nothing; a checked build stops with "mark lies above the
 * end of the text". Cost: O(chunks dropped). */
void loam_strbuf_undo(loam_strbuf *s, size_t length);

/** Drops all of the text. Cost: O(chunks). */
void loam_strbuf_clear(loam_strbuf *s);

/* ---- taking out ------------------------------------------------------------------------------ */

/** The whole text in one piece, with a zero byte behind it; it stays the builder's, and is good
 * until the next call that changes the text.
 *
 * Where the text is in one chunk this writes the zero byte; else it moves all of it to a new chunk
 * and gives the old ones back. Pointers into the text are then bad, marks are good.
 *
 * Returns NULL iff the memory can't be had; then nothing changed. Cost: O(1), or O(length). */
LOAM_NODISCARD const char *loam_strbuf_text(loam_strbuf *s);

/** Copies the whole text, and a zero byte, to `buffer` of `size` bytes.
 *
 * Returns false iff `size` is not above the length; then nothing is written. Cost: O(length). */
LOAM_NODISCARD bool loam_strbuf_flatten(const loam_strbuf *s, char *buffer, size_t size);

/** Copies the whole text, and a zero byte, to a block of `allocator`, of the length plus one byte
 * at alignment 1: give it back with `loam_dealloc(allocator, block, length + 1, 1)`.
 *
 * Returns NULL iff the memory can't be had. Cost: O(length). */
LOAM_NODISCARD char *loam_strbuf_flatten_to(const loam_strbuf *s, loam_allocator allocator);

/** Copies `size` bytes of the text from number `from` on.
 *
 * Returns false iff they are not all there; then nothing is written. Cost: O(size + chunks). */
LOAM_NODISCARD bool loam_strbuf_read(const loam_strbuf *s, size_t from, size_t size, void *bytes);

/** Writes the text from byte number `from` on to a descriptor, and keeps it.
 *
 * Gathers chunks (`writev`), 64 to a call, and goes on after partial writes and interrupted calls.
 * `*written`, unless `written` is NULL, becomes how many bytes went in this call, also if it fails.
 *
 * Returns true iff all bytes from `from` on went. False, and why in `errno`:
 *  - EAGAIN: the descriptor does not block and takes no more now; call again later with
 *    `from + *written`,
 *  - EINVAL: `from` is above the length; a checked build stops with "mark lies above the end of the
 *    text",
 *  - EIO: the system took nothing, and did not say why, or
 *  - what the system says. SIGPIPE is not held back.
 *
 * Where there is no `writev`, such as on Windows, each chunk is a call; there a descriptor that is
 * in text mode changes line ends on the way, and bytes are counted before that.
 *
 * Cost: one system call for 64 chunks at best; O(chunks) to find `from`. */
LOAM_NODISCARD bool loam_strbuf_write(const loam_strbuf *s, size_t from, int descriptor,
                                      size_t *written);

/* ---- looking --------------------------------------------------------------------------------- */

/** A piece of the text that lies in one chunk; `size` is 0 behind the last one. */
typedef struct loam_strbuf_span {
    const char *bytes;              /**< Where it starts. */
    size_t size;                    /**< Its bytes. */
    const loam_strbuf_chunk *chunk; /**< The chunk that it lies in. */
} loam_strbuf_span;

/** The first piece of the text; its size is 0 iff the text is empty. O(1). */
loam_strbuf_span loam_strbuf_first_span(const loam_strbuf *s);

/** The piece behind another one. O(1). */
loam_strbuf_span loam_strbuf_next_span(const loam_strbuf *s, const loam_strbuf_span *span);

/* NOLINTBEGIN(bugprone-macro-parentheses): types and names that are declared can have none */

/** A loop over the pieces of a text, in order, none of them empty:
 * `LOAM_STRBUF_EACH_SPAN(span, &s) hash(span.bytes, span.size);`
 *
 * The text must not change in it. */
#define LOAM_STRBUF_EACH_SPAN(span, s)                                                             \
    for (loam_strbuf_span span = loam_strbuf_first_span(s); span.size > 0;                         \
         span = loam_strbuf_next_span((s), &span))

/* NOLINTEND(bugprone-macro-parentheses) */

/** Writes the figures of the text.
 *
 * `live` is the length, `peak` the most that it was, `committed` and `reserved` the chunks, with
 * those that wait, `lost` room that was left at the end of chunks before the tail, `metadata` the
 * object and the headers of the chunks, `blocks` the count of chunks, `failures` the appends that
 * were refused. Cost: O(chunks). */
void loam_strbuf_stats(const loam_strbuf *s, loam_stats *stats);

/** Shows the object as ::LOAM_WALK_METADATA, then chunk by chunk its header, what is
 * ::LOAM_WALK_LIVE, and ::LOAM_WALK_FREE.
 *
 * Returns false iff the callback ended the walk. Cost: O(chunks). */
bool loam_strbuf_walk(const loam_strbuf *s, loam_walk_fn visit, void *context);

/** Checks the invariants S1-S6 of strbuf_internal.h. Returns true iff all hold; each that does not
 * is reported. `report` may be NULL. Cost: O(chunks). */
bool loam_strbuf_check(const loam_strbuf *s, loam_check_fn report, void *context);

LOAM_END_DECLS

#endif
