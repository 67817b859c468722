/* merge.c: the events of all threads, put into one order, with slots in place of addresses.
 *
 * Each chunk is ascending by itself. Chunks are opened in the order of their first events, and of the
 * open ones that with the least next event goes on: so as many are open as threads lived at once.
 *
 * A log may be damaged: nothing in it is believed, and what it makes this take is bounded by its length.
 */
#include "merge.h"

#include "out.h"
#include "preload/log.h"
#include "recorder/src/blocks.h"
#include "recorder/src/trace_writer.h"
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TIME_STEP = 10000, MOST_THREAD = UINT16_MAX, MOST_ALIGN = 30 };

/* The largest block and the last time, in nanoseconds, that are believed. */
#define MOST_SIZE ((uint64_t)1 << 47)
#define MOST_TIME ((uint64_t)1 << 62)

typedef struct chunk {
    const log_event *next, *end;
    uint64_t number; /* that of `next` */
    uint64_t thread;
    uint64_t more, size_high; /* from LOG_MORE */
    uint64_t time;            /* nanoseconds */
    char name[17];
    unsigned name_length;
} chunk;

/* An event, taken apart. */
typedef struct event {
    unsigned op, align;
    uint64_t place, address, size;
} event;

/* What is known of a thread: a resize that it has begun, and its name as it was written last. */
typedef struct thread_state {
    uint32_t slot;
    bool begun;
    char name[17];
} thread_state;

typedef struct merge {
    const log_head *head;
    size_t size;   /* of the file */
    chunk *chunks; /* in the order of their first events */
    size_t count;  /* of all */
    chunk **open;  /* a heap by `number` */
    size_t open_count;
    thread_state *states; /* by thread */
    size_t threads;
    loam_blocks blocks;
    loam_trace_writer writer;
    double scale; /* nanoseconds of a tick */
    merge_result *result;
} merge;

static bool fail(merge *m, const char *what)
{
    (void)snprintf(m->result->error, sizeof m->result->error, "%s", what);
    return false;
}

/* ---- chunks ---- */

/* Whether the chunk has an event; notes its number. */
static bool has_event(chunk *c)
{
    uint64_t first = c->next < c->end ? __atomic_load_n(&c->next->first, __ATOMIC_ACQUIRE) : 0;

    if (first != 0)
        c->number = log_number(first, c->next->second);
    return first != 0;
}

static int by_number(const void *a, const void *b)
{
    const chunk *x = a, *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

static bool find_chunks(merge *m)
{
    size_t bytes_of_all = m->size < LOG_HEAD ? 0 : m->size - LOG_HEAD;
    size_t all = (bytes_of_all + LOG_CHUNK - 1) / LOG_CHUNK; /* the last one may be cut off */
    const unsigned char *bytes = (const unsigned char *)m->head + LOG_HEAD;

    m->chunks = calloc(all + 1, sizeof *m->chunks);
    m->open = calloc(all + 1, sizeof(chunk *));
    if (!m->chunks || !m->open)
        return fail(m, "out of memory");
    for (size_t i = 0; i < all; i++) {
        chunk *c = &m->chunks[m->count];
        size_t there = (bytes_of_all - i * LOG_CHUNK) / sizeof(log_event);

        c->next = (const log_event *)(const void *)(bytes + i * LOG_CHUNK);
        c->end = c->next + (there < LOG_EVENTS - LOG_RESERVED ? there : LOG_EVENTS - LOG_RESERVED);
        m->count += has_event(c);
    }
    qsort(m->chunks, m->count, sizeof *m->chunks, by_number);
    return true;
}

static void sift_down(merge *m, size_t at)
{
    for (;;) {
        size_t least = at, left = 2 * at + 1;
        chunk *moved = m->open[at];

        for (size_t i = left; i < left + 2 && i < m->open_count; i++)
            if (m->open[i]->number < m->open[least]->number)
                least = i;
        if (least == at)
            return;
        m->open[at] = m->open[least];
        m->open[least] = moved;
        at = least;
    }
}

static void open_chunk(merge *m, chunk *c)
{
    size_t at = m->open_count++;

    m->open[at] = c;
    while (at > 0 && m->open[(at - 1) / 2]->number > m->open[at]->number) {
        m->open[at] = m->open[(at - 1) / 2];
        at = (at - 1) / 2;
        m->open[at] = c;
    }
}

/* ---- events ---- */

/* Each thread has written an event or more. */
static bool know_thread(merge *m, uint64_t thread)
{
    size_t wanted = m->threads ? m->threads : 16;
    thread_state *more;

    if (thread > m->size / sizeof(log_event))
        return fail(m, "the log is damaged");
    while (wanted <= thread)
        wanted *= 2;
    if (wanted <= m->threads)
        return true;
    more = realloc(m->states, wanted * sizeof *more);
    if (!more)
        return fail(m, "out of memory");
    memset(more + m->threads, 0, (wanted - m->threads) * sizeof *more);
    m->states = more;
    m->threads = wanted;
    return true;
}

static void give(merge *m, uint32_t slot, uint16_t thread)
{
    loam_trace_writer_free(&m->writer, slot, thread, m->blocks.all[slot].size);
    loam_blocks_remove(&m->blocks, slot);
}

/* Nothing is at this address any more: what was there, went unseen. */
static void clear(merge *m, uint64_t address, uint16_t thread)
{
    uint32_t slot = loam_blocks_find(&m->blocks, address);

    if (slot == LOAM_BLOCKS_NONE)
        return;
    m->result->unseen++;
    give(m, slot, thread);
}

/* Whether a trace can hold a request for so many bytes. */
static bool believes(merge *m, uint64_t size)
{
    return (size <= MOST_SIZE && m->writer.total <= UINT64_MAX - MOST_SIZE) ||
           fail(m, "the log is damaged");
}

static bool take(merge *m, unsigned op, unsigned align, const event *e, uint16_t thread)
{
    uint32_t slot;

    if (!believes(m, e->size))
        return false;
    clear(m, e->address, thread);
    slot = loam_blocks_add(&m->blocks, e->address, e->size);
    if (slot == LOAM_BLOCKS_NONE)
        return fail(m, "out of memory");
    (void)loam_trace_writer_alloc(&m->writer, op, slot, align > MOST_ALIGN ? MOST_ALIGN : align,
                                  thread, e->size);
    return true;
}

static bool end_resize(merge *m, const event *e, thread_state *r, uint16_t thread)
{
    loam_blocks_one *block;

    if (!r->begun)
        return true;
    r->begun = false;
    if (r->slot == LOAM_BLOCKS_NONE)
        return e->address == 0 || take(m, LOAM_TRACE_ALLOC, 0, e, thread);
    block = &m->blocks.all[r->slot];
    if (e->address == 0 && e->size == 0) {
        give(m, r->slot, thread);
        return true;
    }
    if (e->address == 0) {
        loam_blocks_attach(&m->blocks, r->slot, block->address);
        return true;
    }
    if (!believes(m, e->size))
        return false;
    clear(m, e->address, thread);
    loam_blocks_attach(&m->blocks, r->slot, e->address);
    loam_trace_writer_resize(&m->writer, r->slot, thread, block->size, e->size);
    block->size = e->size;
    return true;
}

static void begin_resize(merge *m, const event *e, thread_state *r)
{
    r->begun = true;
    r->slot = loam_blocks_find(&m->blocks, e->address);
    if (r->slot == LOAM_BLOCKS_NONE)
        m->result->foreign++;
    else
        loam_blocks_detach(&m->blocks, r->slot);
}

/* The second part of a name ends it. */
static void name_thread(merge *m, chunk *c, const event *e, uint16_t thread)
{
    uint32_t words[2] = {(uint32_t)e->place, (uint32_t)e->size};

    memcpy(c->name + (c->name_length & 8), words, sizeof words);
    c->name_length ^= 8;
    if (c->name_length != 0 || strcmp(c->name, m->states[c->thread].name) == 0)
        return;
    memcpy(m->states[c->thread].name, c->name, sizeof c->name);
    if (c->name[0])
        (void)loam_trace_writer_text(&m->writer, LOAM_TRACE_THREAD, thread, c->name,
                                     strlen(c->name));
}

/* An event with all that was noted for it before. */
static event take_apart(chunk *c)
{
    uint64_t first = c->next->first, size = c->next->second & 0xffffffff;
    event e = {.op = first & 15, .place = first >> 19};

    e.size = size;
    if (e.op < LOG_THREAD) {
        e.align = c->more & 0xff;
        e.address = e.place << 3 | (c->more >> 8 & 7) | c->more >> 11 << 48;
        e.size |= c->size_high << 32;
        c->more = c->size_high = 0;
    }
    return e;
}

/* Ticks as nanoseconds. */
static uint64_t time_of(const merge *m, uint64_t ticks)
{
    double time = (double)ticks * m->scale;

    return time < (double)MOST_TIME ? (uint64_t)time : MOST_TIME;
}

/* An event that only tells of others. */
static bool follow_other(merge *m, chunk *c, const event *e, uint16_t thread)
{
    switch (e->op) {
    case LOG_THREAD:
        c->thread = e->place ? e->place : 1;
        if (m->result->threads < c->thread)
            m->result->threads = c->thread;
        return know_thread(m, c->thread);
    case LOG_NAME:
        name_thread(m, c, e, thread);
        return true;
    case LOG_TIME:
        c->time = time_of(m, e->place << 32 | e->size);
        return true;
    case LOG_MORE:
        c->more = e->place;
        c->size_high = e->size;
        return true;
    default:
        return fail(m, "the log is damaged");
    }
}

static bool follow(merge *m, chunk *c)
{
    event e = take_apart(c);
    uint16_t thread = (uint16_t)(c->thread > MOST_THREAD ? MOST_THREAD : c->thread);
    uint32_t slot;

    if (thread == 0 && (e.op < LOG_THREAD || e.op == LOG_NAME))
        return fail(m, "the log is damaged");
    if (e.op >= LOG_THREAD)
        return follow_other(m, c, &e, thread);
    loam_trace_writer_time(&m->writer, c->time);
    switch (e.op) {
    case LOG_ALLOC:
        return take(m, LOAM_TRACE_ALLOC, 0, &e, thread);
    case LOG_ALLOC_ZEROED:
        return take(m, LOAM_TRACE_ALLOC_ZEROED, 0, &e, thread);
    case LOG_ALLOC_ALIGNED:
        return take(m, LOAM_TRACE_ALLOC_ALIGNED, e.align, &e, thread);
    case LOG_FREE:
        slot = loam_blocks_find(&m->blocks, e.address);
        if (slot == LOAM_BLOCKS_NONE)
            m->result->foreign++;
        else
            give(m, slot, thread);
        return true;
    case LOG_RESIZE_BEGIN:
        begin_resize(m, &e, &m->states[c->thread]);
        return true;
    default:
        return end_resize(m, &e, &m->states[c->thread], thread);
    }
}

static bool follow_all(merge *m)
{
    size_t next = 0;
    uint64_t done = 0;

    while (next < m->count || m->open_count > 0) {
        chunk *c;

        while (next < m->count &&
               (m->open_count == 0 || m->chunks[next].number <= m->open[0]->number))
            open_chunk(m, &m->chunks[next++]);
        c = m->open[0];
        if (!follow(m, c))
            return false;
        c->next++;
        if (!has_event(c))
            m->open[0] = m->open[--m->open_count];
        sift_down(m, 0);
        if (++done % (1 << 18) == 0)
            tool_progress("writing the trace", done, m->count * LOG_EVENTS);
    }
    tool_progress_end();
    return true;
}

/* ---- the whole ---- */

/* By how much ticks and nanoseconds went on since the log began. */
static double scale_of(const log_head *head)
{
    struct timespec time;
    uint64_t clock, ticks = log_ticks();

    clock_gettime(CLOCK_MONOTONIC, &time);
    clock = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
    if (clock <= head->clock || ticks <= head->ticks)
        return 0; /* another machine, or after a restart: time stands still */
    return (double)(clock - head->clock) / (double)(ticks - head->ticks);
}

static bool map_log(merge *m, const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat about = {.st_size = 0};
    void *mapped = MAP_FAILED;
    bool fits;

    if (file < 0 || fstat(file, &about) != 0) {
        (void)fail(m, strerror(errno));
        if (file >= 0)
            (void)close(file);
        return false;
    }
    fits = about.st_size >= LOG_HEAD && (uint64_t)about.st_size <= SIZE_MAX;
    m->size = fits ? (size_t)about.st_size : 0;
    if (fits)
        mapped = mmap(NULL, m->size, PROT_READ, MAP_SHARED, file, 0);
    (void)close(file);
    if (mapped == MAP_FAILED)
        return fail(m, about.st_size < LOG_HEAD ? "the log is too short to be one"
                                                : "there is no room to look at the log");
    m->head = mapped;
    if (memcmp(m->head->magic, LOG_MAGIC, sizeof m->head->magic) != 0 ||
        m->head->event != sizeof(log_event) || m->head->chunk != LOG_CHUNK)
        return fail(m, "not a log of this loam's recorder");
    return true;
}

/* The command, with blanks between its words. */
static void write_words(merge *m)
{
    char words[LOG_WORDS];
    size_t length = 0;

    memcpy(words, m->head->words, sizeof words);
    for (size_t i = 0; i < sizeof words; i++)
        if (words[i])
            length = i + 1;
    for (size_t i = 0; i < length; i++)
        if (!words[i])
            words[i] = ' ';
    (void)loam_trace_writer_text(&m->writer, LOAM_TRACE_PROGRAM, 0, words, length);
}

static bool write_trace(merge *m, const char *to, bool plain)
{
    out *o = out_begin(to, EXIT_RECORD);
    loam_trace_about about = {plain, m->head->start, m->head->process, TIME_STEP};
    unsigned char head[LOAM_TRACE_HEAD];
    const char *wrong;
    bool good;

    if (plain && !out_can_rewrite(o)) {
        (void)out_end(o, false);
        return fail(m, "a plain trace must be a file that is not compressed");
    }
    loam_trace_writer_begin(&m->writer, &about, out_write, o);
    write_words(m);
    good = follow_all(m);
    good = loam_trace_writer_end(&m->writer, m->head->lost) && good;
    if (plain && good) {
        loam_trace_writer_head(&m->writer, head);
        good = out_rewrite(o, head, sizeof head);
    }
    wrong = out_end(o, good);
    return !wrong || (m->result->error[0] == 0 && fail(m, wrong));
}

bool merge_log(const char *log, const char *to, bool plain, merge_result *result)
{
    merge *m = calloc(1, sizeof *m);
    bool good;

    *result = (merge_result){.calls = 0};
    if (!m)
        return false;
    m->result = result;
    loam_blocks_init(&m->blocks, loam_libc_allocator());
    good = map_log(m, log);
    if (good)
        m->scale = scale_of(m->head);
    good = good && find_chunks(m) && write_trace(m, to, plain);
    if (good) {
        result->calls = m->writer.requests;
        result->peak_bytes = m->writer.peak_bytes;
        result->peak_blocks = m->writer.peak_objects;
        result->lost = m->head->lost;
        result->limit = m->head->limit_reached == 1;
    }
    loam_blocks_deinit(&m->blocks);
    if (m->head)
        munmap((void *)(uintptr_t)m->head, m->size);
    free(m->chunks);
    free(m->open);
    free(m->states);
    free(m);
    return good;
}
