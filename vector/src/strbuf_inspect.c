/* strbuf_inspect.c: looking at a text: figures, a walk over its memory, the check of S1-S6. */
#include "strbuf_internal.h"

/* ---- figures ---- */

void loam_strbuf_stats(const loam_strbuf *s, loam_stats *stats)
{
    const loam_strbuf_chunk *chunk;

    memset(stats, 0, sizeof *stats);
    stats->live = loam_strbuf_length(s);
    stats->peak = loam_max(s->peak, stats->live);
    stats->committed = stats->reserved = s->taken;
    stats->metadata = sizeof *s;
    stats->failures = s->failures;
    for (chunk = s->head; chunk; chunk = chunk->next) {
        if (chunk != s->tail)
            stats->lost += room_of(chunk) - chunk->used;
        stats->blocks++;
    }
    for (chunk = s->spare; chunk; chunk = chunk->next)
        stats->blocks++;
    stats->metadata += stats->blocks * sizeof *chunk;
}

/* ---- walking ---- */

static bool show(loam_walk_fn visit, void *context, const void *from, size_t size,
                 loam_walk_kind kind)
{
    loam_walk_item item = {from, size, kind};

    return size == 0 || visit(context, &item);
}

static bool show_chunk(const loam_strbuf_chunk *chunk, size_t used, loam_walk_fn visit,
                       void *context)
{
    const char *text = text_of(chunk);

    return show(visit, context, chunk, sizeof *chunk, LOAM_WALK_METADATA) &&
           show(visit, context, text, used, LOAM_WALK_LIVE) &&
           show(visit, context, text + used, room_of(chunk) + 1 - used, LOAM_WALK_FREE);
}

bool loam_strbuf_walk(const loam_strbuf *s, loam_walk_fn visit, void *context)
{
    const loam_strbuf_chunk *chunk;

    if (!show(visit, context, s, sizeof *s, LOAM_WALK_METADATA))
        return false;
    for (chunk = s->head; chunk; chunk = chunk->next) {
        if (!show_chunk(chunk, used_of(s, chunk), visit, context))
            return false;
    }
    for (chunk = s->spare; chunk; chunk = chunk->next) {
        if (!show_chunk(chunk, 0, visit, context))
            return false;
    }
    return true;
}

/* ---- checking ---- */

typedef struct checker {
    loam_check_fn report;
    void *context;
    bool good;
} checker;

static void expect(checker *check, bool holds, const char *property, const void *where)
{
    if (holds)
        return;
    check->good = false;
    if (check->report)
        check->report(check->context, property, where);
}

static void check_chunks(const loam_strbuf *s, checker *check)
{
    const loam_strbuf_chunk *chunk, *prev = NULL;
    size_t before = 0;

    for (chunk = s->head; chunk; prev = chunk, chunk = chunk->next) {
        size_t used = used_of(s, chunk);

        expect(check, chunk->prev == prev, "S1: a chunk does not know the one before", chunk);
        if (chunk == s->tail)
            continue;
        before += used;
        expect(check, used > 0 && used <= room_of(chunk),
               "S3: a chunk before the tail is empty or holds too much", chunk);
    }
    expect(check, prev == s->tail, "S1: the chain does not end in the tail", s->tail);
    expect(check, before == s->before, "S3: the chunks do not hold what is before the tail", s);
}

static void check_tail(const loam_strbuf *s, checker *check)
{
    if (!s->tail) {
        expect(check, !s->next && !s->end && s->before == 0, "S2: there is text without a tail", s);
        return;
    }
    expect(check,
           (uintptr_t)text_of(s->tail) <= (uintptr_t)s->next &&
               (uintptr_t)s->next <= (uintptr_t)s->end && s->end == end_of(s->tail),
           "S2: next or end do not lie in the tail", s->tail);
}

static void check_sums(const loam_strbuf *s, checker *check)
{
    const loam_strbuf_chunk *chunk;
    size_t taken = 0, spares = 0;

    for (chunk = s->head; chunk; chunk = chunk->next)
        taken += chunk->size;
    for (chunk = s->spare; chunk; chunk = chunk->next) {
        taken += chunk->size;
        spares++;
    }
    expect(check, taken == s->taken, "S4: the blocks do not add up to what was taken", s);
    expect(check, spares <= 1 || !loam_allocator_reclaims(s->allocator),
           "S5: chunks wait that were to be given back", s->spare);
    expect(check,
           s->first <= s->block_size && s->block_size <= s->limit && loam_is_pow2(s->first) &&
               loam_is_pow2(s->block_size) && loam_is_pow2(s->limit),
           "S6: the sizes of blocks are out of order", s);
}

bool loam_strbuf_check(const loam_strbuf *s, loam_check_fn report, void *context)
{
    checker check = {report, context, true};

    check_chunks(s, &check);
    check_tail(s, &check);
    check_sums(s, &check);
    return check.good;
}
