/* trace_writer.c: items into bytes. */
#include "trace_writer.h"

#include <string.h>

enum { RECORD = 16, SUMS = 7 };

static void put(unsigned char *bytes, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
}

static void flush(loam_trace_writer *w)
{
    if (w->used > 0 && !w->failed && !w->sink(w->context, w->buffer, w->used))
        w->failed = true;
    w->used = 0;
}

/* Room for so many bytes, a multiple of 8 up to the buffer's, that are to be filled at once. */
static unsigned char *room(loam_trace_writer *w, size_t count)
{
    if (LOAM_TRACE_BUFFER - w->used < count)
        flush(w);
    w->used += count;
    return w->buffer + w->used - count;
}

/* Counts bytes in, as the reader does. */
static void sum(loam_trace_writer *w, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i += 8) {
        uint64_t word = 0;

        for (unsigned k = 8; k-- > 0;)
            word = word << 8 | bytes[i + k];
        w->checksum = (w->checksum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        w->checksum ^= w->checksum >> 29;
    }
}

static void item(loam_trace_writer *w, unsigned op, uint32_t slot, unsigned align_log2,
                 uint16_t thread, uint64_t size)
{
    unsigned char *bytes = room(w, RECORD);

    put(bytes, slot, 4);
    put(bytes + 4, op, 1);
    put(bytes + 5, align_log2, 1);
    put(bytes + 6, thread, 2);
    put(bytes + 8, size, 8);
    if (!w->plain)
        sum(w, bytes, RECORD);
    if (op != LOAM_TRACE_END)
        w->items++;
}

void loam_trace_writer_begin(loam_trace_writer *w, const loam_trace_about *about,
                             loam_trace_sink_fn sink, void *context)
{
    unsigned char *head;

    memset(w, 0, offsetof(loam_trace_writer, buffer));
    w->sink = sink;
    w->context = context;
    w->plain = about->plain;
    w->time_step = about->time_step;
    head = room(w, LOAM_TRACE_HEAD);
    memset(head, 0, LOAM_TRACE_HEAD);
    if (w->plain)
        return;
    memcpy(head, "LOAMTR2", 8);
    put(head + 8, about->start, 8);
    put(head + 16, about->process, 8);
    put(head + 24, about->time_step, 8);
    sum(w, head, LOAM_TRACE_HEAD);
}

void loam_trace_writer_time(loam_trace_writer *w, uint64_t nanoseconds)
{
    if (w->plain || w->time_step == 0 || nanoseconds < w->time ||
        nanoseconds - w->time < w->time_step)
        return;
    w->time = nanoseconds;
    item(w, LOAM_TRACE_TIME, 0, 0, 0, nanoseconds);
}

static void count_request(loam_trace_writer *w, uint64_t size)
{
    w->requests++;
    w->total += size;
    if (w->largest < size)
        w->largest = size;
    if (w->peak_bytes < w->live_bytes)
        w->peak_bytes = w->live_bytes;
    if (w->peak_objects < w->live_objects)
        w->peak_objects = w->live_objects;
}

uint64_t loam_trace_writer_alloc(loam_trace_writer *w, unsigned op, uint32_t slot,
                                 unsigned align_log2, uint16_t thread, uint64_t size)
{
    item(w, op, slot, align_log2, thread, size);
    if (w->slots <= slot)
        w->slots = (uint64_t)slot + 1;
    w->live_bytes += size;
    w->live_objects++;
    count_request(w, size);
    return w->items - 1;
}

void loam_trace_writer_resize(loam_trace_writer *w, uint32_t slot, uint16_t thread, uint64_t before,
                              uint64_t size)
{
    item(w, LOAM_TRACE_RESIZE, slot, 0, thread, size);
    w->live_bytes += size - before;
    count_request(w, size);
}

void loam_trace_writer_free(loam_trace_writer *w, uint32_t slot, uint16_t thread, uint64_t before)
{
    item(w, LOAM_TRACE_FREE, slot, 0, thread, 0);
    w->live_bytes -= before;
    w->live_objects--;
}

/* A text ends where it has a zero byte. */
uint32_t loam_trace_writer_text(loam_trace_writer *w, unsigned kind, uint16_t thread,
                                const char *text, size_t length)
{
    const char *zero = memchr(text, 0, length);
    size_t padded;
    unsigned char *bytes;

    if (w->plain)
        return 0;
    if (zero)
        length = (size_t)(zero - text);
    if (length > LOAM_TRACE_MOST_TEXT)
        length = LOAM_TRACE_MOST_TEXT;
    padded = (length + RECORD - 1) / RECORD * RECORD;
    item(w, LOAM_TRACE_TEXT, ++w->texts, kind, thread, length);
    bytes = room(w, padded);
    memset(bytes, 0, padded);
    memcpy(bytes, text, length);
    sum(w, bytes, padded);
    return w->texts;
}

void loam_trace_writer_scope(loam_trace_writer *w, uint16_t thread, uint32_t allocator,
                             uint32_t tag)
{
    if (w->plain || (w->scope_thread == 0 && allocator == 0 && tag == 0))
        return;
    if (w->scope_thread == thread && w->scope_allocator == allocator && w->scope_tag == tag)
        return;
    w->scope_thread = thread;
    w->scope_allocator = allocator;
    w->scope_tag = tag;
    item(w, LOAM_TRACE_SCOPE, allocator, 0, thread, tag);
}

void loam_trace_writer_bulk(loam_trace_writer *w, uint16_t thread, uint32_t allocator,
                            uint64_t since, uint64_t blocks, uint64_t bytes)
{
    item(w, LOAM_TRACE_BULK, allocator, 0, thread, since);
    w->live_objects -= blocks;
    w->live_bytes -= bytes;
}

static void put_sums(const loam_trace_writer *w, unsigned char *bytes)
{
    const uint64_t sums[] = {w->peak_bytes, w->peak_objects, w->total, w->requests, w->largest};

    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        put(bytes + 8 * i, sums[i], 8);
}

void loam_trace_writer_head(const loam_trace_writer *w, unsigned char head[LOAM_TRACE_HEAD])
{
    memcpy(head, "LOAMTR1", 8);
    put(head + 8, w->items, 8);
    put(head + 16, w->slots, 8);
    put_sums(w, head + 24);
}

bool loam_trace_writer_end(loam_trace_writer *w, uint64_t lost)
{
    unsigned char *bytes;

    if (!w->plain) {
        item(w, LOAM_TRACE_END, 0, 0, 0, w->items);
        bytes = room(w, (size_t)SUMS * 8);
        put_sums(w, bytes);
        put(bytes + 40, w->slots, 8);
        put(bytes + 48, lost, 8);
        sum(w, bytes, (size_t)SUMS * 8);
        put(room(w, 8), w->checksum, 8);
    }
    flush(w);
    return !w->failed;
}
