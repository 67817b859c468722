/* trace.c: reads `.mtr` files and believes nothing in them. */
#include "trace.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the file's head and of a record, and where the fields stand. */
enum {
    HEAD = 64,
    RECORD = 16,
    AT_COUNT = 8,
    AT_SLOTS = 16,
    AT_PEAK_BYTES = 24,
    AT_PEAK_OBJECTS = 32,
    AT_TOTAL = 40,
    AT_REQUESTS = 48,
    AT_LARGEST = 56,
    AT_OP = 4,
    AT_ALIGN = 5,
    AT_THREAD = 6,
    AT_SIZE = 8
};

static const char magic[8] = {'L', 'O', 'A', 'M', 'T', 'R', '1', 0};

/* What a slot holds while it is free. */
#define NOTHING UINT64_MAX

/* The biggest request that is believed. Sums of 2^32 of them fit into 64 bits. */
#define LARGEST ((uint64_t)1 << 31)

static uint64_t little(const unsigned char *bytes, unsigned count)
{
    uint64_t value = 0;

    for (unsigned i = count; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

/* Formats are those of C11 everywhere. */
#if defined(__MINGW32__)
__attribute__((format(gnu_printf, 3, 4)))
#else
__attribute__((format(printf, 3, 4)))
#endif
static bool
wrong(trace_error *error, uint64_t offset, const char *format, ...)
{
    va_list arguments;

    error->offset = offset;
    va_start(arguments, format);
    (void)vsnprintf(error->reason, sizeof error->reason, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- the head ---- */

static bool read_head(trace *t, const unsigned char *bytes, size_t size, trace_error *error)
{
    uint64_t count, slots;

    for (size_t i = 0; i < sizeof magic && i < size; i++)
        if (bytes[i] != (unsigned char)magic[i])
            return wrong(error, i, "not a trace: the first bytes are not LOAMTR1");
    if (size < HEAD)
        return wrong(error, size, "the head of %d bytes is cut off", HEAD);
    count = little(bytes + AT_COUNT, 8);
    slots = little(bytes + AT_SLOTS, 8);
    if (count > (size - HEAD) / RECORD)
        return wrong(error, size, "the file ends before its %llu records do",
                     (unsigned long long)count);
    if (count * RECORD != size - HEAD)
        return wrong(error, HEAD + count * RECORD, "there are bytes behind the last record");
    if (slots > count)
        return wrong(error, AT_SLOTS, "more slots than records");
    t->count = (size_t)count;
    t->slots = (size_t)slots;
    return true;
}

/* The sums of the head are those of the records. */
static bool compare_sums(const trace *t, const unsigned char *bytes, trace_error *error)
{
    const struct {
        const char *name;
        uint64_t at, is;
    } sums[] = {
        {"peak of live bytes", AT_PEAK_BYTES, t->peak_live_bytes},
        {"peak of live objects", AT_PEAK_OBJECTS, t->peak_live_objects},
        {"sum of allocated bytes", AT_TOTAL, t->total_bytes},
        {"number of allocations", AT_REQUESTS, t->requests},
        {"largest request", AT_LARGEST, t->largest_request},
    };

    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        uint64_t said = little(bytes + sums[i].at, 8);

        if (said != sums[i].is)
            return wrong(error, sums[i].at, "the %s is %llu in the head and %llu in the records",
                         sums[i].name, (unsigned long long)said, (unsigned long long)sums[i].is);
    }
    return true;
}

/* ---- the records ---- */

/* What is live while records are read. */
typedef struct live {
    uint64_t *sizes; /* of each slot; or NOTHING */
    uint64_t bytes, objects;
} live;

/* Looks at a record by itself. */
static bool check_record(const trace *t, const trace_step *step, uint64_t at, trace_error *error)
{
    bool aligned = step->op == TRACE_ALLOC_ALIGNED;

    if (step->slot >= t->slots)
        return wrong(error, at, "slot %lu, and there are %zu", (unsigned long)step->slot, t->slots);
    if (step->op < TRACE_ALLOC || step->op > TRACE_ALLOC_ALIGNED)
        return wrong(error, at + AT_OP, "unknown operation %u", step->op);
    if (aligned ? step->align_log2 > TRACE_MOST_ALIGN_LOG2 : step->align_log2 != 0)
        return wrong(error, at + AT_ALIGN, "alignment 2^%u in operation %u", step->align_log2,
                     step->op);
    if (step->thread == 0)
        return wrong(error, at + AT_THREAD, "thread 0; they are counted from 1");
    if (step->op == TRACE_FREE && step->size != 0)
        return wrong(error, at + AT_SIZE, "a free with a size");
    if (step->size > LARGEST)
        return wrong(error, at + AT_SIZE, "a request for %llu bytes, above 2^31",
                     (unsigned long long)step->size);
    return true;
}

/* Looks at it in its place among the others, and does it. */
static bool follow_record(trace *t, trace_step *step, live *l, uint64_t at, trace_error *error)
{
    uint64_t *held = &l->sizes[step->slot];
    bool wants_live = step->op == TRACE_RESIZE || step->op == TRACE_FREE;

    if (wants_live && *held == NOTHING)
        return wrong(error, at, "slot %lu is %s, and nothing is in it", (unsigned long)step->slot,
                     step->op == TRACE_FREE ? "freed" : "resized");
    if (!wants_live && *held != NOTHING)
        return wrong(error, at, "slot %lu is filled, and is full", (unsigned long)step->slot);
    step->before = wants_live ? *held : 0;
    l->bytes += step->size - step->before;
    if (step->op == TRACE_FREE) {
        *held = NOTHING;
        l->objects--;
        return true;
    }
    *held = step->size;
    l->objects += !wants_live;
    t->requests++;
    t->total_bytes += step->size;
    if (t->largest_request < step->size)
        t->largest_request = step->size;
    if (t->peak_live_bytes < l->bytes)
        t->peak_live_bytes = l->bytes;
    if (t->peak_live_objects < l->objects)
        t->peak_live_objects = l->objects;
    return true;
}

static bool read_records(trace *t, const unsigned char *bytes, live *l, trace_error *error)
{
    for (size_t i = 0; i < t->slots; i++)
        l->sizes[i] = NOTHING;
    for (size_t i = 0; i < t->count; i++) {
        uint64_t at = HEAD + (uint64_t)i * RECORD;
        const unsigned char *record = bytes + at;
        trace_step *step = &t->steps[i];

        *step = (trace_step){.slot = (uint32_t)little(record, 4),
                             .op = record[AT_OP],
                             .align_log2 = record[AT_ALIGN],
                             .thread = (uint16_t)little(record + AT_THREAD, 2),
                             .size = little(record + AT_SIZE, 8)};
        if (!check_record(t, step, at, error) || !follow_record(t, step, l, at, error))
            return false;
    }
    return true;
}

/* ---- the whole ---- */

trace *trace_read(const void *bytes, size_t size, trace_error *error)
{
    trace *t = calloc(1, sizeof *t);
    live l = {NULL, 0, 0};
    bool good = false;

    if (!t) {
        wrong(error, 0, "out of memory");
        return NULL;
    }
    if (read_head(t, bytes, size, error)) {
        t->steps = calloc(t->count + 1, sizeof *t->steps);
        l.sizes = malloc((t->slots + 1) * sizeof *l.sizes);
        if (!t->steps || !l.sizes)
            wrong(error, 0, "out of memory");
        else
            good = read_records(t, bytes, &l, error) && compare_sums(t, bytes, error);
        free(l.sizes);
    }
    if (good)
        return t;
    trace_free(t);
    return NULL;
}

/* All bytes of a file that is open, with their number; NULL: it cannot be read. */
static unsigned char *read_all(FILE *file, size_t *size)
{
    size_t room = (size_t)1 << 16;
    unsigned char *bytes = malloc(room), *more;

    *size = 0;
    while (bytes) {
        *size += fread(bytes + *size, 1, room - *size, file);
        if (*size < room)
            break;
        more = room > SIZE_MAX / 2 ? NULL : realloc(bytes, room * 2);
        if (!more) {
            errno = ENOMEM;
            free(bytes);
            return NULL;
        }
        bytes = more;
        room *= 2;
    }
    if (bytes && ferror(file)) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

trace *trace_load(const char *path, trace_error *error)
{
    FILE *file = fopen(path, "rb");
    unsigned char *bytes;
    size_t size = 0;
    trace *t = NULL;

    bytes = file ? read_all(file, &size) : NULL;
    if (bytes)
        t = trace_read(bytes, size, error);
    else
        wrong(error, size, "cannot be read: %s", strerror(errno));
    free(bytes);
    if (file)
        (void)fclose(file);
    return t;
}

void trace_free(trace *t)
{
    if (!t)
        return;
    free(t->steps);
    free(t);
}
