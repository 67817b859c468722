/* trace.c: a trace as an array of its calls. */
#include "traces/trace.h"

#include <stdlib.h>

/* The biggest request that is taken: the sizes of steps are used as 32 bits. */
#define LARGEST ((uint64_t)1 << 31)

static bool add_step(trace *t, size_t *room, const trace_item *item)
{
    if (t->count == *room) {
        size_t wanted = *room ? *room * 2 : 1024;
        trace_step *more =
            wanted > SIZE_MAX / sizeof *more ? NULL : realloc(t->steps, wanted * sizeof *more);

        if (!more)
            return false;
        t->steps = more;
        *room = wanted;
    }
    t->steps[t->count++] = (trace_step){.size = item->size,
                                        .before = item->before,
                                        .slot = item->slot,
                                        .thread = item->thread,
                                        .op = item->op,
                                        .align_log2 = item->align_log2};
    return true;
}

static bool read_steps(trace *t, trace_reader *reader, trace_error *error)
{
    trace_item item;
    trace_result got;
    size_t room = 0;
    uint64_t at = trace_reader_at(reader);

    while ((got = trace_reader_next(reader, &item, error)) == TRACE_GOT) {
        if (item.op <= TRACE_ALLOC_ALIGNED && item.size > LARGEST)
            return trace_wrong(error, at + 8, "a request for %llu bytes, above 2^31",
                               (unsigned long long)item.size);
        if (item.op <= TRACE_ALLOC_ALIGNED && !add_step(t, &room, &item))
            return trace_wrong(error, at, "out of memory");
        at = trace_reader_at(reader);
    }
    return got == TRACE_DONE;
}

static trace *read_whole(trace_reader *reader, trace_error *error)
{
    const trace_sums *sums;
    trace *t;

    if (!reader)
        return NULL;
    t = calloc(1, sizeof *t);
    if (!t)
        trace_wrong(error, 0, "out of memory");
    if (t && !read_steps(t, reader, error)) {
        trace_free(t);
        t = NULL;
    }
    if (t) {
        sums = trace_reader_sums(reader);
        t->slots = (size_t)sums->slots;
        t->peak_live_bytes = sums->peak_live_bytes;
        t->peak_live_objects = sums->peak_live_objects;
        t->total_bytes = sums->total_bytes;
        t->requests = sums->requests;
        t->largest_request = sums->largest_request;
    }
    trace_reader_close(reader);
    return t;
}

trace *trace_read(const void *bytes, size_t size, trace_error *error)
{
    return read_whole(trace_reader_open_memory(bytes, size, error), error);
}

trace *trace_load(const char *path, trace_error *error)
{
    return read_whole(trace_reader_open(path, error), error);
}

void trace_free(trace *t)
{
    if (!t)
        return;
    free(t->steps);
    free(t);
}
