/* trace_calls.c: the calls of a trace, and the slots that they fill and empty. */
#include "traces/trace_reader_internal.h"

#include <stdlib.h>

/* The biggest request that is believed. */
#define LARGEST_1 ((uint64_t)1 << 31)
#define LARGEST_2 ((uint64_t)1 << 47)

/* Room for one more slot than there are. */
static bool add_slot(trace_reader *r, uint64_t at, trace_error *error)
{
    if (r->sums.slots == r->slot_room) {
        size_t room = r->slot_room ? r->slot_room * 2 : 256;
        slot *more = r->slot_room > SIZE_MAX / sizeof *more / 4
                         ? NULL
                         : realloc(r->slots, room * sizeof *more);

        if (!more)
            return trace_wrong(error, at, "out of memory");
        r->slots = more;
        r->slot_room = room;
    }
    r->slots[r->sums.slots++] = (slot){.held = 0};
    return true;
}

bool trace_check_call(trace_reader *r, const trace_item *item, uint64_t at, trace_error *error)
{
    bool aligned = item->op == TRACE_ALLOC_ALIGNED, first = r->head.version == 1;

    if (r->grows && item->slot == r->sums.slots && item->slot < r->head.slots &&
        item->slot != NONE && !add_slot(r, at, error))
        return false;
    if (item->slot >= r->sums.slots)
        return trace_wrong(error, at, "slot %lu, and there are %llu", (unsigned long)item->slot,
                           (unsigned long long)r->sums.slots);
    if (aligned ? item->align_log2 > TRACE_MOST_ALIGN_LOG2 : item->align_log2 != 0)
        return trace_wrong(error, at + AT_ALIGN, "alignment 2^%u in operation %u", item->align_log2,
                           item->op);
    if (item->thread == 0)
        return trace_wrong(error, at + AT_THREAD, "thread 0; they are counted from 1");
    if (item->op == TRACE_FREE && item->size != 0)
        return trace_wrong(error, at + AT_SIZE, "a free with a size");
    if (item->size > (first ? LARGEST_1 : LARGEST_2))
        return trace_wrong(error, at + AT_SIZE, "a request for %llu bytes, above 2^%d",
                           (unsigned long long)item->size, first ? 31 : 47);
    return true;
}

/* Puts a slot behind the others of its allocator (R2). */
static void link_slot(trace_reader *r, uint32_t number)
{
    slot *s = &r->slots[number];
    text *owner = &r->texts[s->allocator];

    s->older = owner->newest;
    s->newer = NONE;
    if (owner->newest != NONE)
        r->slots[owner->newest].newer = number;
    owner->newest = number;
}

static void unlink_slot(trace_reader *r, uint32_t number)
{
    slot *s = &r->slots[number];

    if (s->older != NONE)
        r->slots[s->older].newer = s->newer;
    if (s->newer != NONE)
        r->slots[s->newer].older = s->older;
    else
        r->texts[s->allocator].newest = s->older;
}

static void fill_slot(trace_reader *r, const trace_item *item)
{
    slot *s = &r->slots[item->slot];

    s->born = r->sums.items;
    s->allocator = r->scopes ? r->scopes[item->thread].allocator : 0;
    s->tag = r->scopes ? r->scopes[item->thread].tag : 0;
    link_slot(r, item->slot);
}

static void count_request(trace_reader *r, uint64_t size)
{
    trace_sums *sums = &r->sums;

    sums->requests++;
    sums->total_bytes += size;
    if (sums->largest_request < size)
        sums->largest_request = size;
    if (sums->peak_live_bytes < r->live_bytes)
        sums->peak_live_bytes = r->live_bytes;
    if (sums->peak_live_objects < r->live_objects)
        sums->peak_live_objects = r->live_objects;
}

void trace_empty_slot(trace_reader *r, trace_item *item)
{
    slot *s = &r->slots[item->slot];

    item->before = s->held - 1;
    item->born = s->born;
    item->allocator = s->allocator;
    item->tag = s->tag;
    r->live_bytes -= item->before;
    r->live_objects--;
    s->held = 0;
    unlink_slot(r, item->slot);
}

bool trace_follow_call(trace_reader *r, trace_item *item, uint64_t at, trace_error *error)
{
    slot *s = &r->slots[item->slot];
    bool wants_live = item->op == TRACE_RESIZE || item->op == TRACE_FREE;

    if (wants_live && s->held == 0)
        return trace_wrong(error, at, "slot %lu is %s, and nothing is in it",
                           (unsigned long)item->slot, item->op == TRACE_FREE ? "freed" : "resized");
    if (!wants_live && s->held != 0)
        return trace_wrong(error, at, "slot %lu is filled, and is full", (unsigned long)item->slot);
    if (item->op == TRACE_FREE) {
        trace_empty_slot(r, item);
        return true;
    }
    if (item->size > UINT64_MAX - r->sums.total_bytes)
        return trace_wrong(error, at + AT_SIZE, "requests for more than 2^64 bytes together");
    if (!wants_live) {
        fill_slot(r, item);
        r->live_objects++;
    }
    item->before = wants_live ? s->held - 1 : 0;
    item->born = s->born;
    item->allocator = s->allocator;
    item->tag = s->tag;
    r->live_bytes += item->size - item->before;
    s->held = item->size + 1;
    count_request(r, item->size);
    return true;
}
