/* heap_sharded_inspect.c: a look at all shards and big blocks. */
#include "heap_sharded_internal.h"

#include "heap_internal.h"

void loam_heap_sharded_stats(loam_heap_sharded *heap, loam_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    for (size_t i = 0; i < heap->count; i++) {
        loam_heap_shard_ *shard = &heap->shards[i];
        loam_stats one = {0};

        loam_shard_enter(shard);
        if (shard->heap)
            loam_heap_stats(shard->heap, &one);
        loam_shard_leave(shard);
        stats->live += one.live;
        stats->peak += one.peak;
        stats->committed += one.committed;
        stats->reserved += one.reserved;
        stats->lost += one.lost;
        stats->metadata += one.metadata;
        stats->blocks += one.blocks;
    }
    loam_os_mutex_lock(sharded_mutex(heap));
    stats->live += heap->big_live;
    stats->peak += heap->big_peak;
    stats->committed += heap->big_held;
    stats->reserved += heap->big_held;
    stats->lost += heap->big_held - heap->big_live;
    stats->blocks += heap->big_blocks;
    loam_os_mutex_unlock(sharded_mutex(heap));
    stats->failures = loam_atomic_load(&heap->failures);
}

void loam_heap_sharded_look(loam_heap_sharded *heap, loam_heap_sharded_figures *figures)
{
    memset(figures, 0, sizeof *figures);
    for (size_t i = 0; i < heap->count; i++) {
        loam_heap_shard_ *shard = &heap->shards[i];

        loam_shard_enter(shard);
        figures->shards += shard->heap != NULL;
        figures->remotes += shard->remotes;
        loam_shard_leave(shard);
    }
    loam_os_mutex_lock(sharded_mutex(heap));
    figures->bigs = heap->big_blocks;
    loam_os_mutex_unlock(sharded_mutex(heap));
    figures->moves = loam_atomic_load(&heap->moves);
    figures->helped = loam_atomic_load(&heap->helped);
}

/* ---- walk ---- */

static bool show_big(loam_record *head, loam_walk_fn visit, void *context)
{
    const big_note *note = note_of(head);
    const char *start = (const char *)loam_region_address(note->region, loam_record_first(head));
    size_t bytes = loam_record_length(head) << LOAM_REGION_GRANULE_SHIFT;
    loam_walk_item live = {start, note->size, LOAM_WALK_LIVE};
    loam_walk_item tail = {start + note->size, bytes - note->size, LOAM_WALK_METADATA};

    return visit(context, &live) && (tail.size == 0 || visit(context, &tail));
}

bool loam_heap_sharded_walk(loam_heap_sharded *heap, loam_walk_fn visit, void *context)
{
    bool go_on = true;

    for (size_t i = 0; i < heap->count && go_on; i++) {
        loam_heap_shard_ *shard = &heap->shards[i];

        loam_shard_enter(shard);
        if (shard->heap)
            go_on = loam_heap_walk(shard->heap, visit, context);
        loam_shard_leave(shard);
    }
    loam_os_mutex_lock(sharded_mutex(heap));
    for (loam_record *head = heap->bigs; head && go_on; head = note_of(head)->next)
        go_on = show_big(head, visit, context);
    loam_os_mutex_unlock(sharded_mutex(heap));
    return go_on;
}

/* ---- check ---- */

typedef struct check {
    loam_check_fn report;
    void *context;
    bool good;
} check;

static void expect(check *c, bool holds, const char *property, const void *where)
{
    if (holds)
        return;
    c->good = false;
    if (c->report)
        c->report(c->context, property, where);
}

/* Each granule of each region says whose it is. */
static void check_records(check *c, const loam_heap_shard_ *shard)
{
    const loam_heap *heap = shard->heap;
    word link = heap->newest;

    while (link) {
        const region *r = region_at(heap, link);
        const char *base = (const char *)block_at(heap, r->base);

        for (size_t at = 0; at < r->size; at += LOAM_REGION_GRANULE) {
            const loam_record *record = loam_sharded_record(shard->all, base + at);

            expect(c, record && shard_of(record) == shard,
                   "X2: granule of a shard whose record says otherwise", base + at);
        }
        link = r->older;
    }
}

static void check_bigs(check *c, loam_heap_sharded *heap)
{
    size_t blocks = 0, live = 0, held = 0;
    const loam_record *prev = NULL;

    for (loam_record *head = heap->bigs; head && blocks <= heap->big_blocks;
         head = note_of(head)->next) {
        const big_note *note = note_of(head);

        expect(c, note->prev == prev, "X3: big block with another one before", head);
        expect(c,
               loam_record_kind(head) == LOAM_HEAP_KIND_BIG && loam_record_owner(head) == heap &&
                   loam_region_head(note->region, loam_record_first(head)) == head,
               "X2: head of a big block that says otherwise", head);
        expect(c, granules_for(note->size) == loam_record_length(head),
               "X3: big block that does not fit its size", head);
        blocks++;
        live += note->size;
        held += loam_record_length(head) << LOAM_REGION_GRANULE_SHIFT;
        prev = head;
    }
    expect(c, blocks == heap->big_blocks && live == heap->big_live && held == heap->big_held,
           "X3: big blocks are counted wrong", heap);
}

bool loam_heap_sharded_check(loam_heap_sharded *heap, loam_check_fn report, void *context)
{
    check c = {report, context, true};

    for (size_t i = 0; i < heap->count; i++) {
        loam_heap_shard_ *shard = &heap->shards[i];

        loam_shard_enter(shard);
        if (shard->heap && !loam_heap_check(shard->heap, report, context))
            c.good = false;
        else if (shard->heap)
            check_records(&c, shard);
        loam_shard_leave(shard);
    }
    loam_os_mutex_lock(sharded_mutex(heap));
    check_bigs(&c, heap);
    loam_os_mutex_unlock(sharded_mutex(heap));
    return c.good;
}
