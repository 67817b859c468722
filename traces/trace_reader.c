/* trace_reader.c: reads traces item by item and believes nothing in them. */
#include "traces/trace_reader_internal.h"

#include <stdlib.h>
#include <string.h>

static const char magic[6] = {'L', 'O', 'A', 'M', 'T', 'R'};

static uint64_t little(const unsigned char *bytes, unsigned count)
{
    uint64_t value = 0;

    for (unsigned i = count; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

/* ---- bytes ---- */

/* Has `count` bytes at buffer + next, if there are so many; *have tells. */
static bool look(trace_reader *r, size_t count, size_t *have, trace_error *error)
{
    size_t got = 0;

    if (r->filled - r->next < count) {
        memmove(r->buffer, r->buffer + r->next, r->filled - r->next);
        r->filled -= r->next;
        r->next = 0;
        if (!trace_source_read(&r->source, r->buffer + r->filled, BUFFER - r->filled, &got, error))
            return false;
        r->filled += got;
    }
    *have = r->filled - r->next < count ? r->filled - r->next : count;
    return true;
}

/* Goes on by `count` bytes, a multiple of 8. Each word changes the sum, whatever it was: both steps
 * can be undone. */
static const unsigned char *take(trace_reader *r, size_t count)
{
    const unsigned char *bytes = r->buffer + r->next;

    if (r->head.version != 1)
        for (size_t i = 0; i < count; i += 8) {
            r->checksum = (r->checksum ^ little(bytes + i, 8)) * UINT64_C(0x9e3779b97f4a7c15);
            r->checksum ^= r->checksum >> 29;
        }
    r->next += count;
    r->at += count;
    return bytes;
}

/* ---- the head ---- */

static bool read_head_1(trace_reader *r, const unsigned char *bytes, trace_error *error)
{
    uint64_t count = little(bytes + AT_COUNT, 8), slots = little(bytes + AT_SLOTS, 8);
    uint64_t size = r->source.size;

    if (size != UINT64_MAX) {
        if (count > (size - HEAD) / RECORD)
            return trace_wrong(error, size, "the file ends before its %llu records do",
                               (unsigned long long)count);
        if (count * RECORD != size - HEAD)
            return trace_wrong(error, HEAD + count * RECORD,
                               "there are bytes behind the last record");
    }
    if (slots > count)
        return trace_wrong(error, AT_SLOTS, "more slots than records");
    if (slots > UINT32_MAX)
        return trace_wrong(error, AT_SLOTS, "more slots than can be numbered");
    for (size_t i = 0; i < 5; i++)
        r->said[i] = little(bytes + AT_PEAK_BYTES + 8 * i, 8);
    r->head.items = count;
    r->head.slots = slots;
    r->grows = size == UINT64_MAX;
    if (r->grows)
        return true;
    r->sums.slots = slots;
    r->slot_room = (size_t)slots;
    r->slots = calloc(r->slot_room + 1, sizeof *r->slots);
    return r->slots != NULL || trace_wrong(error, AT_SLOTS, "out of memory");
}

static bool read_head_2(trace_reader *r, const unsigned char *bytes, trace_error *error)
{
    for (size_t i = AT_ZEROS; i < HEAD; i++)
        if (bytes[i] != 0)
            return trace_wrong(error, i, "a byte of the head that must be 0 is %u", bytes[i]);
    r->head.start = little(bytes + AT_START, 8);
    r->head.process = little(bytes + AT_PROCESS, 8);
    r->head.time_step = little(bytes + AT_STEP, 8);
    r->head.items = r->head.slots = UINT64_MAX;
    r->grows = true;
    return true;
}

static bool read_head(trace_reader *r, trace_error *error)
{
    size_t have;
    const unsigned char *bytes = r->buffer;

    if (!look(r, HEAD, &have, error))
        return false;
    for (size_t i = 0; i < sizeof magic && i < have; i++)
        if (bytes[i] != (unsigned char)magic[i])
            return trace_wrong(error, i, "not a trace: the first bytes are not LOAMTR");
    if (have > 6 && bytes[6] >= '3' && bytes[6] <= '9')
        return trace_wrong(error, 6, "version %c of the format: not a trace that this loam reads",
                           bytes[6]);
    if (have > 6 && bytes[6] != '1' && bytes[6] != '2')
        return trace_wrong(error, 6, "not a trace: there is no version of the format");
    if (have > 7 && bytes[7] != 0)
        return trace_wrong(error, 7, "not a trace: the first bytes are not LOAMTR%c", bytes[6]);
    if (have < HEAD)
        return trace_wrong(error, have, "the head of %d bytes is cut off", HEAD);
    r->head.version = bytes[6] - '0';
    (void)take(r, HEAD);
    return r->head.version == 1 ? read_head_1(r, bytes, error) : read_head_2(r, bytes, error);
}

/* ---- life ---- */

static trace_reader *new_reader(void)
{
    trace_reader *r = malloc(sizeof *r);

    if (!r)
        return NULL;
    memset(r, 0, offsetof(trace_reader, buffer));
    r->text_count = 1;
    r->text_room = 16;
    r->texts = calloc(r->text_room, sizeof *r->texts);
    if (!r->texts) {
        free(r);
        return NULL;
    }
    r->texts[0] = (text){NULL, TRACE_TEXT_ALLOCATOR, NONE};
    return r;
}

static trace_reader *begin(trace_reader *r, bool opened, trace_error *error)
{
    if (opened && read_head(r, error))
        return r;
    trace_reader_close(r);
    return NULL;
}

trace_reader *trace_reader_open(const char *path, trace_error *error)
{
    trace_reader *r = new_reader();

    if (!r) {
        trace_wrong(error, 0, "out of memory");
        return NULL;
    }
    return begin(r, trace_source_open(&r->source, path, error), error);
}

trace_reader *trace_reader_open_memory(const void *bytes, size_t size, trace_error *error)
{
    trace_reader *r = new_reader();

    if (!r) {
        trace_wrong(error, 0, "out of memory");
        return NULL;
    }
    return begin(r, trace_source_open_memory(&r->source, bytes, size, error), error);
}

void trace_reader_close(trace_reader *r)
{
    if (!r)
        return;
    trace_source_close(&r->source);
    for (size_t i = 0; i < r->text_count; i++)
        free(r->texts[i].words);
    free(r->texts);
    free(r->slots);
    free(r->scopes);
    free(r);
}

/* ---- the other items of version 2 ---- */

static bool follow_time(trace_reader *r, const trace_item *item, uint64_t at, trace_error *error)
{
    if (item->slot != 0 || item->align_log2 != 0 || item->thread != 0)
        return trace_wrong(error, at, "a time with more than a time");
    if (item->size < r->time)
        return trace_wrong(error, at + AT_SIZE, "time goes back by %llu ns",
                           (unsigned long long)(r->time - item->size));
    r->time = item->size;
    return true;
}

static bool add_text(trace_reader *r, const trace_item *item, const unsigned char *bytes,
                     uint64_t at, trace_error *error)
{
    size_t room = r->text_room * 2, size = (size_t)item->size;
    text *more;
    char *words;

    if (r->text_count == r->text_room) {
        more = realloc(r->texts, room * sizeof *more);
        if (!more)
            return trace_wrong(error, at, "out of memory");
        r->texts = more;
        r->text_room = room;
    }
    words = malloc(size + 1);
    if (!words)
        return trace_wrong(error, at, "out of memory");
    memcpy(words, bytes, size);
    words[size] = 0;
    r->texts[r->text_count++] = (text){words, (trace_text_kind)item->align_log2, NONE};
    return true;
}

static bool follow_text(trace_reader *r, const trace_item *item, uint64_t at, trace_error *error)
{
    size_t have, padded = ((size_t)item->size + RECORD - 1) / RECORD * RECORD;
    const unsigned char *bytes;

    if (item->slot != r->text_count)
        return trace_wrong(error, at, "text %lu, and the next one is %zu",
                           (unsigned long)item->slot, r->text_count);
    if (item->align_log2 == 0 || item->align_log2 >= TRACE_TEXT_KINDS)
        return trace_wrong(error, at + AT_ALIGN, "a text of unknown kind %u", item->align_log2);
    if (item->size > TRACE_MOST_TEXT)
        return trace_wrong(error, at + AT_SIZE, "a text of %llu bytes, above %d",
                           (unsigned long long)item->size, TRACE_MOST_TEXT);
    if (!look(r, padded, &have, error))
        return false;
    if (have < padded)
        return trace_wrong(error, at + RECORD + have, "the file ends within a text");
    bytes = take(r, padded);
    for (size_t i = 0; i < padded; i++)
        if ((bytes[i] == 0) != (i >= item->size))
            return trace_wrong(error, at + RECORD + i, "a text has a byte that is %s0",
                               i < item->size ? "" : "not ");
    return add_text(r, item, bytes, at, error);
}

/* Whether a text of this kind is known; 0 always is. */
static bool is_text(const trace_reader *r, uint64_t number, trace_text_kind kind)
{
    return number == 0 || (number < r->text_count && r->texts[number].kind == kind);
}

static bool follow_scope(trace_reader *r, const trace_item *item, uint64_t at, trace_error *error)
{
    if (item->align_log2 != 0 || item->thread == 0)
        return trace_wrong(error, at + AT_ALIGN, "a scope of no thread");
    if (!is_text(r, item->slot, TRACE_TEXT_ALLOCATOR))
        return trace_wrong(error, at, "text %lu names no allocator", (unsigned long)item->slot);
    if (!is_text(r, item->size, TRACE_TEXT_TAG))
        return trace_wrong(error, at + AT_SIZE, "text %llu is no tag",
                           (unsigned long long)item->size);
    if (!r->scopes)
        r->scopes = calloc(THREADS, sizeof *r->scopes);
    if (!r->scopes)
        return trace_wrong(error, at, "out of memory");
    r->scopes[item->thread] = (scope){item->slot, (uint32_t)item->size};
    return true;
}

/* Counts what a bulk gives; next_of_bulk() then gives it. */
static bool follow_bulk(trace_reader *r, trace_item *item, uint64_t at, trace_error *error)
{
    if (item->align_log2 != 0 || item->thread == 0)
        return trace_wrong(error, at + AT_ALIGN, "a bulk of no thread");
    if (!is_text(r, item->slot, TRACE_TEXT_ALLOCATOR))
        return trace_wrong(error, at, "text %lu names no allocator", (unsigned long)item->slot);
    if (item->size > r->sums.items)
        return trace_wrong(error, at + AT_SIZE, "a bulk from item %llu on, which is to come",
                           (unsigned long long)item->size);
    item->born = item->size;
    item->allocator = item->slot;
    item->slot = 0;
    item->size = 0;
    for (uint32_t s = r->texts[item->allocator].newest; s != NONE && r->slots[s].born >= item->born;
         s = r->slots[s].older) {
        item->blocks++;
        item->size += r->slots[s].held - 1;
    }
    r->bulk_left = item->blocks;
    r->bulk_allocator = item->allocator;
    r->bulk_thread = item->thread;
    return true;
}

static void next_of_bulk(trace_reader *r, trace_item *item)
{
    *item = (trace_item){.op = TRACE_FREE,
                         .slot = r->texts[r->bulk_allocator].newest,
                         .thread = r->bulk_thread,
                         .time = r->time,
                         .bulk = true};
    trace_empty_slot(r, item);
    r->bulk_left--;
}

/* ---- the end ---- */

static const char *const sum_names[] = {"peak of live bytes",     "peak of live objects",
                                        "sum of allocated bytes", "number of allocations",
                                        "largest request",        "number of slots"};

static bool compare(uint64_t at, const char *name, const char *where, uint64_t said, uint64_t is,
                    trace_error *error)
{
    return said == is || trace_wrong(error, at, "the %s is %llu in the %s and %llu in the records",
                                     name, (unsigned long long)said, where, (unsigned long long)is);
}

/* The sums that were said are those of the records. */
static bool compare_sums(const trace_reader *r, const uint64_t *said, const char *where,
                         uint64_t at, trace_error *error)
{
    const uint64_t is[] = {r->sums.peak_live_bytes, r->sums.peak_live_objects, r->sums.total_bytes,
                           r->sums.requests, r->sums.largest_request};

    for (size_t i = 0; i < sizeof is / sizeof *is; i++)
        if (!compare(at + 8 * i, sum_names[i], where, said[i], is[i], error))
            return false;
    return true;
}

static bool nothing_behind(trace_reader *r, trace_error *error)
{
    size_t have;

    if (!look(r, 1, &have, error))
        return false;
    return have == 0 || trace_wrong(error, r->at, "there are bytes behind the last record");
}

static bool follow_end(trace_reader *r, const trace_item *item, uint64_t at, trace_error *error)
{
    size_t have, size = ((size_t)END_SUMS + 1) * 8;
    uint64_t said[END_SUMS], sum;
    const unsigned char *bytes;

    if (item->slot != 0 || item->align_log2 != 0 || item->thread != 0)
        return trace_wrong(error, at, "an end with more than a number of records");
    if (!look(r, size, &have, error))
        return false;
    if (have < size)
        return trace_wrong(error, at + RECORD + have, "the file ends within its end");
    bytes = take(r, (size_t)END_SUMS * 8);
    for (size_t i = 0; i < END_SUMS; i++)
        said[i] = little(bytes + 8 * i, 8);
    sum = r->checksum;
    if (little(take(r, 8), 8) != sum)
        return trace_wrong(error, r->at - 8, "the checksum is not that of the bytes before it");
    r->sums.lost = said[6];
    return compare(at + AT_SIZE, "number of records", "end", item->size, r->sums.items, error) &&
           compare_sums(r, said, "end", at + RECORD, error) &&
           compare(at + RECORD + 40, sum_names[5], "end", said[5], r->sums.slots, error) &&
           nothing_behind(r, error);
}

/* ---- items ---- */

/* One item that is not the end, of `version`. */
static bool follow(trace_reader *r, trace_item *item, uint64_t at, trace_error *error)
{
    switch (item->op) {
    case TRACE_ALLOC:
    case TRACE_ALLOC_ZEROED:
    case TRACE_RESIZE:
    case TRACE_FREE:
    case TRACE_ALLOC_ALIGNED:
        return trace_check_call(r, item, at, error) && trace_follow_call(r, item, at, error);
    case TRACE_TIME:
        return follow_time(r, item, at, error);
    case TRACE_TEXT:
        return follow_text(r, item, at, error);
    case TRACE_SCOPE:
        return follow_scope(r, item, at, error);
    default:
        return follow_bulk(r, item, at, error);
    }
}

/* A record's bytes; *end: there is none, as there should not. */
static bool read_record(trace_reader *r, trace_item *item, bool *end, trace_error *error)
{
    size_t have;
    const unsigned char *bytes;

    *end = r->head.version == 1 && r->sums.items == r->head.items;
    if (*end)
        return nothing_behind(r, error);
    if (!look(r, RECORD, &have, error))
        return false;
    if (have < RECORD && r->head.version == 1)
        return trace_wrong(error, r->at + have, "the file ends before its %llu records do",
                           (unsigned long long)r->head.items);
    if (have < RECORD)
        return trace_wrong(error, r->at + have, "the file ends before its last record");
    bytes = take(r, RECORD);
    *item = (trace_item){.slot = (uint32_t)little(bytes, 4),
                         .op = bytes[AT_OP],
                         .align_log2 = bytes[AT_ALIGN],
                         .thread = (uint16_t)little(bytes + AT_THREAD, 2),
                         .size = little(bytes + AT_SIZE, 8)};
    return true;
}

static trace_result ended(trace_reader *r, bool well)
{
    r->done = true;
    return well ? TRACE_DONE : TRACE_WRONG;
}

trace_result trace_reader_next(trace_reader *r, trace_item *item, trace_error *error)
{
    uint64_t at = r->at;
    bool end;

    if (r->bulk_left > 0) {
        next_of_bulk(r, item);
        return TRACE_GOT;
    }
    if (r->done)
        return TRACE_DONE;
    if (!read_record(r, item, &end, error))
        return ended(r, false);
    if (end)
        return ended(r, compare_sums(r, r->said, "head", AT_PEAK_BYTES, error));
    if (r->head.version == 2 && item->op == OP_END)
        return ended(r, follow_end(r, item, at, error));
    if (item->op == 0 || item->op > (r->head.version == 1 ? TRACE_ALLOC_ALIGNED : TRACE_BULK)) {
        trace_wrong(error, at + AT_OP, "unknown operation %u", item->op);
        return ended(r, false);
    }
    if (!follow(r, item, at, error))
        return ended(r, false);
    item->time = r->time;
    r->sums.items++;
    return TRACE_GOT;
}

/* ---- looks ---- */

const trace_head *trace_reader_head(const trace_reader *r)
{
    return &r->head;
}

const trace_sums *trace_reader_sums(const trace_reader *r)
{
    return &r->sums;
}

uint64_t trace_reader_live_bytes(const trace_reader *r)
{
    return r->live_bytes;
}

uint64_t trace_reader_live_objects(const trace_reader *r)
{
    return r->live_objects;
}

uint64_t trace_reader_at(const trace_reader *r)
{
    return r->at;
}

uint64_t trace_reader_size(const trace_reader *r)
{
    return r->source.size == UINT64_MAX ? 0 : r->source.size;
}

const char *trace_reader_text(const trace_reader *r, uint32_t number, trace_text_kind *kind)
{
    if (number == 0 || number >= r->text_count)
        return NULL;
    if (kind)
        *kind = r->texts[number].kind;
    return r->texts[number].words;
}
