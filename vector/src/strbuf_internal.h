/* strbuf_internal.h: the chunks of a text, and what must hold between them.
 *
 *     block:  | header: prev next size used |======== text ========|..... room .....|0|
 *                                            ^ text_of              ^ next      end ^
 *
 *   S1  the chunks from `head` to `tail` are linked both ways; there is a head iff there is a tail
 *   S2  next and end lie in the tail, text_of(tail) <= next <= end, and one byte of the block
 *       follows; both are NULL where there is no tail
 *   S3  no chunk before the tail is empty; `before` is the sum of what they hold
 *   S4  `taken` is the sum of all blocks, with those that wait
 *   S5  over an allocator that reclaims, at most one chunk waits, and no big one
 *   S6  first <= block_size <= limit, all powers of two
 */
#ifndef LOAM_STRBUF_INTERNAL_H
#define LOAM_STRBUF_INTERNAL_H

#include <loam/strbuf.h>

#include "internal/bits.h"

enum { CHUNK_ALIGN = LOAM_ALIGNOF(loam_strbuf_chunk) };

static inline char *text_of(const loam_strbuf_chunk *chunk)
{
    return (char *)(uintptr_t)(chunk + 1);
}

/* Where the room for text ends; the byte that follows is for a zero. */
static inline char *end_of(const loam_strbuf_chunk *chunk)
{
    return (char *)(uintptr_t)chunk + chunk->size - 1;
}

static inline size_t room_of(const loam_strbuf_chunk *chunk)
{
    return (size_t)(end_of(chunk) - text_of(chunk));
}

/* Bytes of text in a chunk of `s`. */
static inline size_t used_of(const loam_strbuf *s, const loam_strbuf_chunk *chunk)
{
    return chunk == s->tail ? (size_t)(s->next - text_of(chunk)) : chunk->used;
}

/* Copies the first `size` bytes of the text, which are there. */
static inline void copy_text(const loam_strbuf *s, size_t size, char *to)
{
    const loam_strbuf_chunk *chunk;

    for (chunk = s->head; size > 0; chunk = chunk->next) {
        size_t part = loam_min(used_of(s, chunk), size);

        memcpy(to, text_of(chunk), part);
        to += part;
        size -= part;
    }
}

/* Writes a piece of text to a place, and its length. False: it can't, and nothing is appended. */
typedef bool loam_strbuf_piece_fn(void *piece, char *to, size_t *written);

/* Appends a piece of at most `size` bytes, which do not fit in the tail, and a zero byte, in one
 * piece. False iff the memory can't be had, or `write` says so; then nothing changed, but that a
 * tail which grew where it is stays so if the allocator refuses to shrink it. */
bool loam_strbuf_write_piece(loam_strbuf *s, size_t size, loam_strbuf_piece_fn *write, void *piece);

/* Counts a refusal. */
static inline bool loam_strbuf_refuse(loam_strbuf *s)
{
    s->failures++;
    return false;
}

#endif
