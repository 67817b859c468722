/* export_pprof.c: profile.proto, as github.com/google/pprof describes it, and the older text of
 * gperftools' heap profiler with the names of its addresses in front.
 *
 * A message of Protocol Buffers is a row of fields, each a number of 7 bits a byte (a varint) that holds
 * the field's number and type, and then a varint (type 0), or a length and so many bytes (type 2).
 * Site n is location and function n + 1, and string NAMES + n is its name.
 */
#include "export.h"

#include <string.h>

/* ---- protocol buffers ---- */

/* A small message that goes into another. Fields of numbers and of packed numbers only. */
typedef struct message {
    size_t used;
    unsigned char bytes[256];
} message;

static size_t varint(unsigned char *to, uint64_t value)
{
    size_t length = 0;

    while (value >= 128) {
        to[length++] = (unsigned char)(value | 128);
        value >>= 7;
    }
    to[length++] = (unsigned char)value;
    return length;
}

static void add_varint(message *m, uint64_t value)
{
    m->used += varint(m->bytes + m->used, value);
}

static void add_number(message *m, unsigned field, uint64_t value)
{
    add_varint(m, (uint64_t)field << 3);
    add_varint(m, value);
}

static void add_message(message *m, unsigned field, const message *inner)
{
    add_varint(m, (uint64_t)field << 3 | 2);
    add_varint(m, inner->used);
    memcpy(m->bytes + m->used, inner->bytes, inner->used);
    m->used += inner->used;
}

static void put_bytes(text_writer *t, unsigned field, const void *bytes, size_t size)
{
    unsigned char head[20];
    size_t length = varint(head, (uint64_t)field << 3 | 2);

    length += varint(head + length, size);
    text_put(t, head, length);
    text_put(t, bytes, size);
}

static void put_message(text_writer *t, unsigned field, const message *m)
{
    put_bytes(t, field, m->bytes, m->used);
}

static void put_number(text_writer *t, unsigned field, uint64_t value)
{
    message m = {.used = 0};

    add_number(&m, field, value);
    text_put(t, m.bytes, m.used);
}

/* ---- profile.proto ---- */

/* Fields of a Profile, and of what is in it. */
enum {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_MAPPING = 3,
    PROFILE_LOCATION = 4,
    PROFILE_FUNCTION = 5,
    PROFILE_STRING = 6,
    PROFILE_TIME = 9,
    PROFILE_DURATION = 10,
    PROFILE_PERIOD_TYPE = 11,
    PROFILE_PERIOD = 12,
    PROFILE_COMMENT = 13,
    PROFILE_DEFAULT_TYPE = 14,
    TYPE_TYPE = 1,
    TYPE_UNIT = 2,
    SAMPLE_LOCATION = 1,
    SAMPLE_VALUE = 2,
    SAMPLE_LABEL = 3,
    LABEL_KEY = 1,
    LABEL_NUMBER = 3,
    LABEL_UNIT = 4,
    MAPPING_ID = 1,
    MAPPING_FILE = 5,
    MAPPING_HAS_FUNCTIONS = 7,
    LOCATION_ID = 1,
    LOCATION_MAPPING = 2,
    LOCATION_ADDRESS = 3,
    LOCATION_LINE = 4,
    LINE_FUNCTION = 1,
    FUNCTION_ID = 1,
    FUNCTION_NAME = 2,
    FUNCTION_SYSTEM_NAME = 3
};

/* Strings that come before the names of sites. */
enum {
    EMPTY,
    COUNT,
    BYTES,
    ALLOC_OBJECTS,
    ALLOC_SPACE,
    INUSE_OBJECTS,
    INUSE_SPACE,
    PEAK_OBJECTS,
    PEAK_SPACE,
    SPACE,
    PROGRAM,
    COMMAND,
    NAMES
};

static const char *const strings[] = {"",
                                      "count",
                                      "bytes",
                                      "alloc_objects",
                                      "alloc_space",
                                      "inuse_objects",
                                      "inuse_space",
                                      "peak_objects",
                                      "peak_space",
                                      "space"};

static void put_type(text_writer *t, unsigned field, unsigned type, unsigned unit)
{
    message m = {.used = 0};

    add_number(&m, TYPE_TYPE, type);
    add_number(&m, TYPE_UNIT, unit);
    put_message(t, field, &m);
}

static void put_head(exporter *e)
{
    text_writer *t = &e->text;
    char words[TEXT_NAME * 4];
    message mapping = {.used = 0};

    for (unsigned type = ALLOC_OBJECTS; type <= PEAK_SPACE; type += 2) {
        put_type(t, PROFILE_SAMPLE_TYPE, type, COUNT);
        put_type(t, PROFILE_SAMPLE_TYPE, type + 1, BYTES);
    }
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        put_bytes(t, PROFILE_STRING, strings[i], strlen(strings[i]));
    export_program(e, "", words, TEXT_NAME);
    put_bytes(t, PROFILE_STRING, words, strlen(words));
    export_command(e, "", words, sizeof words);
    put_bytes(t, PROFILE_STRING, words, strlen(words));
    add_number(&mapping, MAPPING_ID, 1);
    add_number(&mapping, MAPPING_FILE, PROGRAM);
    add_number(&mapping, MAPPING_HAS_FUNCTIONS, 1);
    put_message(t, PROFILE_MAPPING, &mapping);
    put_number(t, PROFILE_TIME, trace_reader_head(e->reader)->start);
    put_number(t, PROFILE_DURATION, e->now);
    put_type(t, PROFILE_PERIOD_TYPE, SPACE, BYTES);
    put_number(t, PROFILE_PERIOD, 1);
    put_number(t, PROFILE_COMMENT, COMMAND);
    put_number(t, PROFILE_DEFAULT_TYPE, e->at_end ? INUSE_SPACE : PEAK_SPACE);
}

static void put_place(exporter *e, uint32_t number)
{
    message line = {.used = 0}, location = {.used = 0}, function = {.used = 0};
    uint64_t id = (uint64_t)number + 1;
    char name[TEXT_NAME];

    export_site_name(e, number, "", name);
    put_bytes(&e->text, PROFILE_STRING, name, strlen(name));
    add_number(&line, LINE_FUNCTION, id);
    add_number(&location, LOCATION_ID, id);
    add_number(&location, LOCATION_MAPPING, 1);
    add_number(&location, LOCATION_ADDRESS, id);
    add_message(&location, LOCATION_LINE, &line);
    put_message(&e->text, PROFILE_LOCATION, &location);
    add_number(&function, FUNCTION_ID, id);
    add_number(&function, FUNCTION_NAME, NAMES + (uint64_t)number);
    add_number(&function, FUNCTION_SYSTEM_NAME, NAMES + (uint64_t)number);
    put_message(&e->text, PROFILE_FUNCTION, &function);
}

static void put_sample(exporter *e, uint32_t leaf)
{
    const site *one = &e->sites.all[leaf];
    const uint64_t values[] = {one->requests,   one->bytes,       one->live_blocks,
                               one->live_bytes, one->peak_blocks, one->peak_bytes};
    message sample = {.used = 0}, packed = {.used = 0}, label = {.used = 0};

    for (uint32_t at = leaf;; at = e->sites.all[at].parent) {
        add_varint(&packed, (uint64_t)at + 1);
        if (at == 0)
            break;
    }
    add_message(&sample, SAMPLE_LOCATION, &packed);
    packed.used = 0;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        add_varint(&packed, values[i]);
    add_message(&sample, SAMPLE_VALUE, &packed);
    if (one->level == SITE_SIZES) {
        add_number(&label, LABEL_KEY, BYTES);
        add_number(&label, LABEL_NUMBER, (uint64_t)1 << one->key);
        add_number(&label, LABEL_UNIT, BYTES);
        add_message(&sample, SAMPLE_LABEL, &label);
    }
    put_message(&e->text, PROFILE_SAMPLE, &sample);
}

static bool begin(exporter *e)
{
    (void)e;
    return true;
}

static bool end(exporter *e)
{
    put_head(e);
    for (uint32_t i = 0; i < e->sites.count; i++)
        put_place(e, i);
    for (uint32_t i = 0; i < e->sites.count; i++)
        if (e->sites.all[i].requests > 0)
            put_sample(e, i);
    return true;
}

const export_format export_pprof = {"pprof", true, 1, begin, NULL, NULL, end, NULL};

/* ---- gperftools ---- */

/* Its reader leaves away what stands in brackets. */
static const char bracket_swaps[] = "<{>}([)]";

/* Two dashes part the names of functions that were inlined. */
static void put_symbol(exporter *e, uint32_t number)
{
    char name[TEXT_NAME];

    export_site_name(e, number, bracket_swaps, name);
    text_format(&e->text, "0x%016llx ", (unsigned long long)number + 1);
    for (const char *at = name; *at; at++)
        text_words(&e->text,
                   at[0] == '-' && at > name && at[-1] == '-' ? "\\x2d" : (char[]){*at, 0});
    text_words(&e->text, "\n");
}

static void put_counts(exporter *e, uint64_t blocks, uint64_t bytes, uint64_t requests,
                       uint64_t total)
{
    text_format(&e->text, "%llu: %llu [%llu: %llu] @", (unsigned long long)blocks,
                (unsigned long long)bytes, (unsigned long long)requests, (unsigned long long)total);
}

static void put_stack(exporter *e, uint32_t leaf)
{
    const site *one = &e->sites.all[leaf];

    put_counts(e, e->at_end ? one->live_blocks : one->peak_blocks,
               e->at_end ? one->live_bytes : one->peak_bytes, one->requests, one->bytes);
    for (uint32_t at = leaf;; at = e->sites.all[at].parent) {
        text_format(&e->text, " 0x%016llx", (unsigned long long)at + 1);
        if (at == 0)
            break;
    }
    text_words(&e->text, "\n");
}

static bool end_gperftools(exporter *e)
{
    const sites *s = &e->sites;
    const trace_sums *sums = trace_reader_sums(e->reader);
    char program[TEXT_NAME];

    export_program(e, bracket_swaps, program, sizeof program);
    text_format(&e->text, "--- symbol\nbinary=%s\n", program);
    for (uint32_t i = 0; i < s->count; i++)
        put_symbol(e, i);
    text_words(&e->text, "---\nheap profile: ");
    put_counts(e, e->at_end ? s->live_blocks : s->peak_blocks,
               e->at_end ? s->live_bytes : s->peak_bytes, sums->requests, sums->total_bytes);
    text_words(&e->text, " heapprofile\n");
    for (uint32_t i = 0; i < s->count; i++)
        if (s->all[i].requests > 0)
            put_stack(e, i);
    return true;
}

const export_format export_gperftools = {"gperftools", false,          1,   begin, NULL,
                                         NULL,         end_gperftools, NULL};
