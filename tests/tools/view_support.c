/* view_support.c: makes traces, and reads pages. */
#include "view_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- version 2, in memory ---- */

static bool write_sink(void *context, const void *bytes, size_t size)
{
    sink *s = context;

    if (s->size + size > s->room) {
        s->room = (s->size + size) * 2;
        s->bytes = realloc(s->bytes, s->room);
        EXPECT(s->bytes != NULL);
    }
    memcpy(s->bytes + s->size, bytes, size);
    s->size += size;
    return true;
}

static uint64_t tell_time(void *context)
{
    sink *s = context;

    return s->time += 15000;
}

static uint16_t tell_thread(void *context)
{
    const sink *s = context;

    return s->thread;
}

loam_recorder *view_begin(sink *s, const char *program)
{
    loam_recorder_config config = {.write = write_sink,
                                   .clock = tell_time,
                                   .thread = tell_thread,
                                   .context = s,
                                   .program = program};
    loam_recorder *recorder;

    *s = (sink){.thread = 1};
    recorder = loam_recorder_create(&config);
    EXPECT(recorder != NULL);
    return recorder;
}

void view_end(loam_recorder *recorder)
{
    EXPECT(loam_recorder_finish(recorder));
    loam_recorder_destroy(recorder);
}

void view_rich(sink *s)
{
    loam_recorder *recorder = view_begin(s, "rich");
    loam_arena arena;
    loam_recorded frames, others;
    loam_allocator a, b;
    void *blocks[12];
    uint64_t mark;
    uint32_t nodes = loam_recorder_tag(recorder, "nodes");

    EXPECT(loam_arena_init(&arena, NULL));
    loam_recorded_init(&frames, loam_arena_allocator(&arena), recorder, "frames");
    loam_recorded_init(&others, loam_arena_allocator(&arena), recorder, "others");
    a = loam_recorded_allocator(&frames);
    b = loam_recorded_allocator(&others);
    for (size_t i = 0; i < 12; i++) {
        s->thread = (uint16_t)(1 + i % 4);
        loam_recorded_set_tag(&frames, i % 3 ? nodes : 0);
        blocks[i] = loam_alloc(i % 2 ? a : b, 100 + 700 * i, i == 7 ? 256 : 16);
        EXPECT(blocks[i] != NULL);
    }
    mark = loam_recorder_mark(recorder);
    EXPECT(loam_alloc(a, 5000, 8) && loam_alloc(a, 6000, 8));
    loam_recorded_rewind(&frames, mark);
    blocks[0] = loam_realloc(b, blocks[0], 100, 9000, 16);
    EXPECT(blocks[0] != NULL);
    loam_dealloc(b, blocks[2], 1500, 16);
    loam_recorded_reset(&frames);
    EXPECT(loam_alloc(a, 33, 8));
    loam_recorded_deinit(&frames);
    loam_recorded_deinit(&others);
    view_end(recorder);
    loam_arena_deinit(&arena);
}

/* ---- files ---- */

const char *view_file(const char *name, const void *bytes, size_t size)
{
    const char *path = tools_file(name);
    FILE *file = fopen(path, "wb");

    EXPECT(file != NULL && fwrite(bytes, 1, size, file) == size);
    EXPECT(fclose(file) == 0);
    return path;
}

static void put(unsigned char *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (unsigned char)(value >> (8 * i));
}

const char *view_plain(const char *name, const view_call *calls, size_t count)
{
    size_t size = 64 + 16 * count;
    unsigned char *bytes = calloc(size, 1);
    uint64_t live = 0, blocks = 0, sums[7] = {count, 0, 0, 0, 0, 0, 0}, *held;
    const char *path;

    held = calloc(count + 1, sizeof *held);
    EXPECT(bytes != NULL && held != NULL);
    memcpy(bytes, "LOAMTR1", 8);
    for (size_t i = 0; i < count; i++) {
        const view_call *c = &calls[i];
        unsigned char *at = bytes + 64 + 16 * i;

        put(at, c->slot, 4);
        at[4] = c->op;
        put(at + 6, 1, 2);
        put(at + 8, c->size, 8);
        live += c->size - held[c->slot];
        held[c->slot] = c->size;
        blocks += c->op == TRACE_FREE ? UINT64_MAX : c->op == TRACE_RESIZE ? 0 : 1;
        sums[1] = c->slot >= sums[1] ? c->slot + 1 : sums[1];
        sums[2] = live > sums[2] ? live : sums[2];
        sums[3] = blocks > sums[3] ? blocks : sums[3];
        sums[4] += c->size;
        sums[5] += c->op != TRACE_FREE;
        sums[6] = c->size > sums[6] ? c->size : sums[6];
    }
    for (size_t i = 0; i < 7; i++)
        put(bytes + 8 + 8 * i, sums[i], 8);
    path = view_file(name, bytes, size);
    free(held);
    free(bytes);
    return path;
}

char *view_made(const char *trace, size_t *size, const char *a, const char *b, const char *c)
{
    char path[256], *text;
    const ran *r;
    FILE *file;

    snprintf(path, sizeof path, "%s", tools_file("page"));
    r = RUN("view", trace, "-o", path, a, b, c);
    if (r->code != 0)
        TEST_FAIL("view ended with %d:\n%s", r->code, r->err);
    file = fopen(path, "rb");
    EXPECT(file != NULL && fseek(file, 0, SEEK_END) == 0);
    *size = (size_t)ftell(file);
    text = malloc(*size + 1);
    EXPECT(text != NULL && fseek(file, 0, SEEK_SET) == 0);
    EXPECT_EQ(fread(text, 1, *size, file), *size);
    text[*size] = 0;
    fclose(file);
    unlink(path);
    if (strncmp(trace, "tools-", 6) == 0)
        unlink(trace);
    return text;
}

/* ---- JSON, as far as it is needed ---- */

static const char *find(const char *from, const char *name)
{
    char member[64];
    const char *at;

    snprintf(member, sizeof member, "\"%s\":", name);
    at = strstr(from, member);
    if (!at)
        TEST_FAIL("there is no %s", member);
    return at + strlen(member);
}

uint64_t view_get(const char *from, const char *name)
{
    return strtoull(find(from, name), NULL, 10);
}

uint64_t *view_list(const char *from, const char *name, size_t *count)
{
    const char *at = find(from, name), *end = strchr(at, ']');
    uint64_t *values = calloc((size_t)(end - at) / 2 + 2, sizeof *values);
    char *next;

    EXPECT(*at == '[' && values != NULL);
    *count = 0;
    for (at++; at < end; at = next + 1) {
        if (strncmp(at, "null", 4) == 0) {
            values[*count] = UINT64_MAX;
            next = (char *)(uintptr_t)at + 4;
        } else {
            values[*count] = strtoull(at, &next, 10);
        }
        EXPECT(next > at && next <= end);
        ++*count;
    }
    return values;
}
