/* strbuf.c: a text in chunks: how they come and go, and how bytes get into them.
 *
 * An append first fills the tail. For the rest it takes all the chunks that are needed before it
 * writes a byte, so that a refusal leaves nothing half done:
 *
 *     before   head -> [====] -> [==  ] tail            "abcdefgh" is appended
 *     planned                             [    ] -> [    ]
 *     after    head -> [====] -> [==ab] -> [cdef] -> [gh  ] tail
 *
 * What must lie in one piece goes to a new tail whole, and the room in the old one is lost.
 */
#include "strbuf_internal.h"

enum { BLOCK_LEAST = 64, BLOCK_MOST = 1 << 30 };

/* More chunks than this for one append are a length that is wrong. */
enum { CHUNKS_MOST = 1 << 14 };

_Static_assert(sizeof(loam_strbuf_chunk) < BLOCK_LEAST, "a block has room for text");

/* Chunks that were taken for an append, not yet a part of the text. */
typedef struct plan {
    loam_strbuf_chunk *head;
    loam_strbuf_chunk *tail;
    size_t waited; /* how many of them, the first ones, had waited */
} plan;

/* ---- blocks ---- */

/* The power of two that is not below n, which is at most PTRDIFF_MAX / 2 + 1 and not 0. */
static size_t power_above(size_t n)
{
    return (size_t)1 << (loam_log2(n) + !loam_is_pow2(n));
}

/* The bytes of a block with room for `size` bytes of text: a power of two up to the limit, a
 * multiple of that above it; 0 if there is none. */
static size_t block_for(const loam_strbuf *s, size_t size)
{
    size_t need = sizeof(loam_strbuf_chunk) + size + 1;

    if (size > (size_t)PTRDIFF_MAX / 2)
        return 0;
    return need <= s->limit ? power_above(need) : loam_round_up(need, s->limit);
}

/* The most text that a block of the limit holds. */
static size_t room_below_limit(const loam_strbuf *s)
{
    return s->limit - sizeof(loam_strbuf_chunk) - 1;
}

/* Blocks that were made for one big piece do not wait for another one. */
static bool is_oversized(const loam_strbuf *s, const loam_strbuf_chunk *chunk)
{
    return chunk->size >= 2 * s->limit;
}

/* The next chunks are bigger. */
static void raise_block_size(loam_strbuf *s, size_t size)
{
    if (size >= s->limit)
        s->block_size = s->limit;
    else
        s->block_size = loam_max(s->block_size, power_above(size + 1));
}

static loam_strbuf_chunk *take_block(loam_strbuf *s, size_t size)
{
    loam_strbuf_chunk *chunk;

    size = loam_good_size(s->allocator, size, CHUNK_ALIGN);
    chunk = (loam_strbuf_chunk *)loam_alloc(s->allocator, size, CHUNK_ALIGN);
    if (!chunk)
        return NULL;
    chunk->prev = chunk->next = NULL;
    chunk->size = size;
    chunk->used = 0;
    s->taken += size;
    raise_block_size(s, size);
    return chunk;
}

static void drop_block(loam_strbuf *s, loam_strbuf_chunk *chunk)
{
    s->taken -= chunk->size;
    loam_dealloc(s->allocator, chunk, chunk->size, CHUNK_ALIGN);
}

/* A new chunk of the usual size, or of more where `size` bytes ask for it; where that is refused,
 * one that just holds them. */
static loam_strbuf_chunk *take_chunk(loam_strbuf *s, size_t size)
{
    size_t least = block_for(s, size);
    loam_strbuf_chunk *chunk = NULL;

    if (least == 0)
        return NULL;
    if (least < s->block_size)
        chunk = take_block(s, s->block_size);
    return chunk ? chunk : take_block(s, least);
}

/* ---- chunks that wait ---- */

static void push_spare(loam_strbuf *s, loam_strbuf_chunk *chunk)
{
    chunk->next = s->spare;
    s->spare = chunk;
}

/* What points to the first waiting chunk with room for `size` bytes, or to none. */
static loam_strbuf_chunk **find_spare(loam_strbuf *s, size_t size)
{
    loam_strbuf_chunk **link = &s->spare;

    while (*link && room_of(*link) < size)
        link = &(*link)->next;
    return link;
}

/* The first waiting chunk with room for `size` bytes, or NULL. */
static loam_strbuf_chunk *pop_spare(loam_strbuf *s, size_t size)
{
    loam_strbuf_chunk **link = find_spare(s, size), *chunk = *link;

    if (chunk) {
        *link = chunk->next;
        chunk->next = NULL;
    }
    return chunk;
}

/* Restores S5: the chunk that came last stays. */
static void settle_spares(loam_strbuf *s)
{
    loam_strbuf_chunk *chunk = s->spare, *kept = NULL;

    if (!loam_allocator_reclaims(s->allocator))
        return;
    while (chunk) {
        loam_strbuf_chunk *next = chunk->next;

        if (kept || is_oversized(s, chunk)) {
            drop_block(s, chunk);
        } else {
            kept = chunk;
            kept->next = NULL;
        }
        chunk = next;
    }
    s->spare = kept;
}

/* ---- the tail ---- */

/* Makes a chunk the tail. One that is empty is no part of the text then (S3). */
static void enter(loam_strbuf *s, loam_strbuf_chunk *chunk)
{
    loam_strbuf_chunk *old = s->tail;

    if (old && s->next == text_of(old)) {
        chunk->prev = old->prev;
        push_spare(s, old);
    } else {
        if (old) {
            old->used = used_of(s, old);
            s->before += old->used;
        }
        chunk->prev = old;
    }
    if (chunk->prev)
        chunk->prev->next = chunk;
    else
        s->head = chunk;
    chunk->next = NULL;
    s->tail = chunk;
    s->next = text_of(chunk);
    s->end = end_of(chunk);
}

/* Grows the tail where it is, to have room for `size` bytes more: to twice its size below the
 * limit, and by multiples of the limit above. */
static bool grow_tail(loam_strbuf *s, size_t size)
{
    loam_strbuf_chunk *tail = s->tail;
    size_t need, new_size;

    if (!tail || !s->allocator.ops->resize || size > (size_t)PTRDIFF_MAX / 4)
        return false;
    need = tail->size - loam_strbuf_left(s) + size;
    if (need > (size_t)PTRDIFF_MAX / 2)
        return false;
    if (need > s->limit)
        new_size = loam_round_up(need, s->limit);
    else
        new_size = loam_max(power_above(need), loam_min(power_above(tail->size + 1), s->limit));
    new_size = loam_good_size(s->allocator, new_size, CHUNK_ALIGN);
    if (!loam_resize(s->allocator, tail, tail->size, new_size, CHUNK_ALIGN))
        return false;
    s->taken += new_size - tail->size;
    tail->size = new_size;
    s->end = end_of(tail);
    raise_block_size(s, new_size);
    return true;
}

/* ---- plans ---- */

static void link_to_plan(plan *p, loam_strbuf_chunk *chunk)
{
    chunk->prev = p->tail;
    chunk->next = NULL;
    if (p->tail)
        p->tail->next = chunk;
    else
        p->head = chunk;
    p->tail = chunk;
}

/* Gives back what a plan took, newest first, so that an arena takes it back too. */
static void give_up(loam_strbuf *s, plan *p, size_t chunks)
{
    while (p->tail) {
        loam_strbuf_chunk *chunk = p->tail;

        p->tail = chunk->prev;
        if (chunks-- > p->waited)
            drop_block(s, chunk);
        else
            push_spare(s, chunk);
    }
}

/* A new chunk for the first of `size` bytes: for all of them if it can be had, else for as many as
 * the limit holds, if that does not take too many chunks. */
static loam_strbuf_chunk *take_next(loam_strbuf *s, size_t size)
{
    loam_strbuf_chunk *chunk = take_chunk(s, size);

    if (!chunk && size > room_below_limit(s) && size / s->limit < CHUNKS_MOST)
        chunk = take_chunk(s, room_below_limit(s));
    return chunk;
}

/* Takes chunks for `size` bytes: those that wait, then new ones. False iff one of these is refused;
 * then nothing changed. */
static bool plan_chunks(loam_strbuf *s, size_t size, plan *p)
{
    size_t block_size = s->block_size, chunks = 0;

    for (; size > 0; chunks++) {
        loam_strbuf_chunk *chunk = pop_spare(s, 0);

        if (chunk)
            p->waited++;
        else
            chunk = take_next(s, size);
        if (!chunk) {
            give_up(s, p, chunks);
            s->block_size = block_size;
            return false;
        }
        link_to_plan(p, chunk);
        size -= loam_min(size, room_of(chunk));
    }
    return true;
}

/* Has room for `size` bytes more, in the tail and in the chunks of a plan. */
static bool prepare(loam_strbuf *s, size_t size, plan *p)
{
    size_t left = loam_strbuf_left(s);

    memset(p, 0, sizeof *p);
    if (size <= left || grow_tail(s, size))
        return true;
    return plan_chunks(s, size - left, p) || loam_strbuf_refuse(s);
}

/* Goes to the next chunk of a plan when the tail is full. Returns how many bytes fit. */
static size_t go_on(loam_strbuf *s, plan *p)
{
    loam_strbuf_chunk *chunk = p->head;

    if (chunk && loam_strbuf_left(s) == 0) {
        p->head = chunk->next;
        enter(s, chunk);
    }
    return loam_strbuf_left(s);
}

static void put(loam_strbuf *s, plan *p, const char *bytes, size_t size)
{
    while (size > 0) {
        size_t part = loam_min(go_on(s, p), size);

        memcpy(s->next, bytes, part);
        s->next += part;
        bytes += part;
        size -= part;
    }
}

/* ---- appending ---- */

bool loam_strbuf_append_slow(loam_strbuf *s, const void *bytes, size_t size)
{
    plan p;

    if (!prepare(s, size, &p))
        return false;
    put(s, &p, (const char *)bytes, size);
    return true;
}

bool loam_strbuf_append_repeat(loam_strbuf *s, char byte, size_t count)
{
    plan p;

    if (!prepare(s, count, &p))
        return false;
    while (count > 0) {
        size_t part = loam_min(go_on(s, &p), count);

        memset(s->next, byte, part);
        s->next += part;
        count -= part;
    }
    return true;
}

/* Where both are the same text, what is put grows the tail that is read; its old length ends it. */
bool loam_strbuf_append_strbuf(loam_strbuf *s, const loam_strbuf *other)
{
    size_t left = loam_strbuf_length(other);
    const loam_strbuf_chunk *chunk;
    plan p;

    if (!prepare(s, left, &p))
        return false;
    for (chunk = other->head; left > 0; chunk = chunk->next) {
        size_t part = loam_min(used_of(other, chunk), left);

        put(s, &p, text_of(chunk), part);
        left -= part;
    }
    return true;
}

/* A chunk with room for `size` bytes in one piece. */
static loam_strbuf_chunk *find_chunk(loam_strbuf *s, size_t size)
{
    loam_strbuf_chunk *chunk = pop_spare(s, size);

    return chunk ? chunk : take_chunk(s, size);
}

/* Writes a piece to the tail, which was grown for it. If it fails the tail shrinks again, where the
 * allocator lets it. */
static bool write_to_grown_tail(loam_strbuf *s, size_t old_size, size_t old_block_size,
                                loam_strbuf_piece_fn *write, void *piece)
{
    loam_strbuf_chunk *tail = s->tail;
    size_t written;

    if (write(piece, s->next, &written)) {
        s->next += written;
        return true;
    }
    if (loam_resize(s->allocator, tail, tail->size, old_size, CHUNK_ALIGN)) {
        s->taken -= tail->size - old_size;
        tail->size = old_size;
        s->end = end_of(tail);
        s->block_size = old_block_size;
    }
    return loam_strbuf_refuse(s);
}

/* Writes a piece to a chunk that is no part of the text until that is done. */
static bool write_to_chunk(loam_strbuf *s, size_t size, loam_strbuf_piece_fn *write, void *piece)
{
    loam_strbuf_chunk **link = find_spare(s, size), *chunk = *link;
    size_t written, block_size = s->block_size;
    bool waited = chunk != NULL;

    if (!waited)
        chunk = take_chunk(s, size);
    if (!chunk)
        return loam_strbuf_refuse(s);
    if (!write(piece, text_of(chunk), &written)) {
        if (!waited)
            drop_block(s, chunk);
        s->block_size = block_size;
        return loam_strbuf_refuse(s);
    }
    if (waited)
        *link = chunk->next;
    enter(s, chunk);
    s->next += written;
    settle_spares(s);
    return true;
}

bool loam_strbuf_write_piece(loam_strbuf *s, size_t size, loam_strbuf_piece_fn *write, void *piece)
{
    size_t block_size = s->block_size, tail_size = s->tail ? s->tail->size : 0;

    if (grow_tail(s, size))
        return write_to_grown_tail(s, tail_size, block_size, write, piece);
    return write_to_chunk(s, size, write, piece);
}

char *loam_strbuf_room_slow(loam_strbuf *s, size_t least)
{
    loam_strbuf_chunk *chunk;

    if (grow_tail(s, least))
        return s->next;
    chunk = find_chunk(s, least);
    if (!chunk) {
        (void)loam_strbuf_refuse(s);
        return NULL;
    }
    enter(s, chunk);
    settle_spares(s);
    return s->next;
}

/* ---- taking back ---- */

static void note_peak(loam_strbuf *s)
{
    s->peak = loam_max(s->peak, loam_strbuf_length(s));
}

/* The chunk before the tail becomes the tail, as it was left. */
static void leave_tail(loam_strbuf *s)
{
    loam_strbuf_chunk *old = s->tail, *tail = old->prev;

    push_spare(s, old);
    tail->next = NULL;
    s->tail = tail;
    s->before -= tail->used;
    s->next = text_of(tail) + tail->used;
    s->end = end_of(tail);
}

/* All chunks of the text wait. */
static void leave_all(loam_strbuf *s)
{
    while (s->tail->prev)
        leave_tail(s);
    push_spare(s, s->tail);
    s->head = s->tail = NULL;
    s->next = s->end = NULL;
}

static void leave_empty_tail(loam_strbuf *s)
{
    if (s->tail->prev)
        leave_tail(s);
    else
        leave_all(s);
}

void loam_strbuf_undo(loam_strbuf *s, size_t length)
{
    LOAM_REQUIRE(length <= loam_strbuf_length(s), LOAM_MISUSE_STRBUF_MARK, s);
    if (length >= loam_strbuf_length(s))
        return;
    note_peak(s);
    while (length < s->before)
        leave_tail(s);
    s->next = text_of(s->tail) + (length - s->before);
    if (length == s->before && is_oversized(s, s->tail) && loam_allocator_reclaims(s->allocator))
        leave_empty_tail(s);
    settle_spares(s);
}

void loam_strbuf_clear(loam_strbuf *s)
{
    loam_strbuf_undo(s, 0);
}

/* ---- in one piece ---- */

const char *loam_strbuf_text(loam_strbuf *s)
{
    size_t length = loam_strbuf_length(s);
    loam_strbuf_chunk *chunk;

    if (!s->tail)
        return "";
    if (s->head != s->tail) {
        chunk = find_chunk(s, length);
        if (!chunk) {
            (void)loam_strbuf_refuse(s);
            return NULL;
        }
        copy_text(s, length, text_of(chunk));
        leave_all(s);
        enter(s, chunk);
        s->next += length;
        settle_spares(s);
    }
    *s->next = '\0';
    return text_of(s->tail);
}

/* ---- life ---- */

static size_t size_of_blocks(size_t asked, size_t otherwise)
{
    if (asked == 0)
        return otherwise;
    return power_above(loam_max(loam_min(asked, BLOCK_MOST), BLOCK_LEAST));
}

void loam_strbuf_init_sized(loam_strbuf *s, loam_allocator allocator, size_t first, size_t limit)
{
    memset(s, 0, sizeof *s);
    s->first = s->block_size = size_of_blocks(first, LOAM_STRBUF_FIRST);
    s->limit = loam_max(size_of_blocks(limit, LOAM_STRBUF_LIMIT), s->first);
    s->allocator = allocator;
}

void loam_strbuf_init(loam_strbuf *s, loam_allocator allocator)
{
    loam_strbuf_init_sized(s, allocator, 0, 0);
}

static void drop_chain(loam_strbuf *s, loam_strbuf_chunk *chunk)
{
    while (chunk) {
        loam_strbuf_chunk *next = chunk->next;

        drop_block(s, chunk);
        chunk = next;
    }
}

void loam_strbuf_deinit(loam_strbuf *s)
{
    if (loam_allocator_reclaims(s->allocator)) {
        drop_chain(s, s->head);
        drop_chain(s, s->spare);
    }
    loam_strbuf_init_sized(s, s->allocator, s->first, s->limit);
}

void loam_strbuf_swap(loam_strbuf *a, loam_strbuf *b)
{
    loam_strbuf kept = *a;

    *a = *b;
    *b = kept;
}
