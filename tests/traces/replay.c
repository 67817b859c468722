/* replay.c: a recorded program, run again with eyes open. */
#include "traces/replay.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#include <io.h>
#else
#include <dirent.h>
#endif

/* A block's slot. */
typedef struct held {
    unsigned char *block;
    size_t size, align;
    uint32_t mark; /* what its bytes are made from */
} held;

/* Of a big block only the ends are written and looked at. */
enum { END = 128 };

static unsigned char byte_at(uint32_t mark, size_t index)
{
    return (unsigned char)(mark + index * 7 + 1);
}

/* The first place behind `i` that is looked at, in a block of `size` bytes. */
static size_t next_place(size_t i, size_t size)
{
    return i + 1 == END && size > 2 * END ? size - END : i + 1;
}

static void fill(const held *h)
{
    for (size_t i = 0; i < h->size; i = next_place(i, h->size))
        h->block[i] = byte_at(h->mark, i);
}

/* The bytes below `kept` are what fill() wrote for a block of `size`. */
static void expect_kept(const held *h, size_t size, size_t kept)
{
    for (size_t i = 0; i < size && i < kept; i = next_place(i, size))
        if (h->block[i] != byte_at(h->mark, i))
            TEST_FAIL("byte %zu of a block of %zu is lost", i, size);
}

static void expect_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            TEST_FAIL("byte %zu of a zeroed block of %zu is %d", i, size, bytes[i]);
}

static size_t align_of(const trace_step *step)
{
    return step->op == TRACE_ALLOC_ALIGNED ? (size_t)1 << step->align_log2 : 16;
}

/* One step. False: the allocator refused; then the slot is as it was. */
static bool take_step(const trace_step *step, held *h, loam_allocator a)
{
    size_t size = (size_t)step->size, before = h->size;
    void *block;

    switch (step->op) {
    case TRACE_FREE:
        expect_kept(h, before, before);
        loam_dealloc(a, h->block, before, h->align);
        *h = (held){NULL, 0, 0, 0};
        return true;
    case TRACE_RESIZE:
        expect_kept(h, before, before);
        block = loam_realloc(a, h->block, before, size, h->align);
        break;
    case TRACE_ALLOC_ZEROED:
        h->align = align_of(step);
        block = loam_zalloc(a, size, h->align);
        break;
    default:
        h->align = align_of(step);
        block = loam_alloc(a, size, h->align);
        break;
    }
    if (!block)
        return false;
    EXPECT_EQ((uintptr_t)block % h->align, 0);
    h->block = block;
    if (step->op == TRACE_RESIZE)
        expect_kept(h, before, size);
    if (step->op == TRACE_ALLOC_ZEROED)
        expect_zero(block, size);
    h->size = size;
    h->mark = step->slot * 31 + (uint32_t)size;
    fill(h);
    return true;
}

static size_t run(const trace *t, loam_allocator a, const replay_watch *watch)
{
    held *slots = calloc(t->slots + 1, sizeof *slots);
    size_t done = 0;

    EXPECT(slots != NULL);
    while (done < t->count && take_step(&t->steps[done], &slots[t->steps[done].slot], a)) {
        done++;
        if (watch && done % watch->every == 0)
            watch->look(watch->context);
    }
    for (size_t i = 0; i < t->slots; i++) {
        if (!slots[i].block)
            continue;
        expect_kept(&slots[i], slots[i].size, slots[i].size);
        loam_dealloc(a, slots[i].block, slots[i].size, slots[i].align);
    }
    if (watch)
        watch->look(watch->context);
    free(slots);
    return done;
}

void replay(const trace *t, loam_allocator allocator, const replay_watch *watch)
{
    EXPECT_EQ(run(t, allocator, watch), t->count);
}

size_t replay_until_full(const trace *t, loam_allocator allocator)
{
    return run(t, allocator, NULL);
}

/* ---- which there are ---- */

static bool is_trace(const char *name)
{
    size_t length = strlen(name);

    return length > 4 && strcmp(name + length - 4, ".mtr") == 0;
}

/* The path of the trace of that number in LOAM_TRACE_DIR, from 1, in no order. */
static bool find_trace(size_t number, char *path, size_t size)
{
    bool found = false;
#if defined(_WIN32)
    struct _finddata_t file;
    intptr_t search;

    snprintf(path, size, "%s/*.mtr", LOAM_TRACE_DIR);
    search = LOAM_TRACE_DIR[0] ? _findfirst(path, &file) : -1;
    for (bool more = search != -1; more && !found; more = _findnext(search, &file) == 0)
        if (is_trace(file.name) && --number == 0) {
            snprintf(path, size, "%s/%s", LOAM_TRACE_DIR, file.name);
            found = true;
        }
    if (search != -1)
        _findclose(search);
#else
    DIR *folder = LOAM_TRACE_DIR[0] ? opendir(LOAM_TRACE_DIR) : NULL;
    const struct dirent *file;

    while (folder && !found && (file = readdir(folder)) != NULL)
        if (is_trace(file->d_name) && --number == 0) {
            snprintf(path, size, "%s/%s", LOAM_TRACE_DIR, file->d_name);
            found = true;
        }
    if (folder)
        closedir(folder);
#endif
    return found;
}

trace *replay_trace(size_t number)
{
    char path[1024] = LOAM_TRACE_SMALL;
    trace_error error;
    trace *t;

    if (number > 0 && !find_trace(number, path, sizeof path))
        return NULL;
    test_note("%s", path);
    t = trace_load(path, &error);
    if (!t)
        TEST_FAIL("%s: at %llu: %s", path, (unsigned long long)error.offset, error.reason);
    return t;
}
