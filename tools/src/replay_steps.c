/* replay_steps.c: a trace as steps, in a file in memory. */
#include "replay_steps.h"

#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The steps while they are read: a file in memory that grows, mapped as a whole. */
typedef struct steps {
    int file;
    parcel *at;
    size_t room; /* of steps */
    uint64_t count;
    struct held {
        uint64_t size; /* 0: empty */
        uint8_t align_log2;
    } * held;
    size_t slots;
} steps;

static void make_room(steps *s)
{
    size_t room = s->room ? s->room * 2 : 1 << 16;
    size_t old = sizeof(parcel) + s->room * sizeof(replay_step),
           size = sizeof(parcel) + room * sizeof(replay_step);
    void *mapped;

    if (ftruncate(s->file, (off_t)size) != 0)
        tool_fail(EXIT_BAD, "out of memory: %s", strerror(errno));
    mapped = s->at ? mremap(s->at, old, size, MREMAP_MAYMOVE)
                   : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s->file, 0);
    if (mapped == MAP_FAILED)
        tool_fail(EXIT_BAD, "out of memory: %s", strerror(errno));
    s->at = mapped;
    s->room = room;
}

static void know_slot(steps *s, uint32_t slot)
{
    size_t wanted = s->slots ? s->slots : 1024;

    while (wanted <= slot)
        wanted *= 2;
    if (wanted == s->slots)
        return;
    s->held = realloc(s->held, wanted * sizeof *s->held);
    if (!s->held)
        tool_fail(EXIT_BAD, "out of memory");
    memset(s->held + s->slots, 0, (wanted - s->slots) * sizeof *s->held);
    s->slots = wanted;
}

static void add_step(steps *s, uint32_t slot, unsigned op, unsigned align_log2, uint64_t size)
{
    struct held *held = &s->held[slot];

    if (s->count == s->room)
        make_room(s);
    if (op == STEP_ALIGNED)
        held->align_log2 = (uint8_t)align_log2;
    else if (op == STEP_ALLOC || op == STEP_ZEROED)
        held->align_log2 = 0;
    s->at->steps[s->count++] = (replay_step){.size = size,
                                             .before = held->size,
                                             .slot = slot,
                                             .op = (uint8_t)op,
                                             .align_log2 = held->align_log2};
    held->size = size;
}

static void add_item(steps *s, const trace_item *item, bool exact)
{
    static const uint8_t ops[] = {[TRACE_ALLOC] = STEP_ALLOC,
                                  [TRACE_ALLOC_ZEROED] = STEP_ZEROED,
                                  [TRACE_RESIZE] = STEP_RESIZE,
                                  [TRACE_FREE] = STEP_FREE,
                                  [TRACE_ALLOC_ALIGNED] = STEP_ALIGNED};
    uint64_t size = item->op == TRACE_FREE ? 0 : item->size ? item->size : exact ? 0 : 1;

    know_slot(s, item->slot);
    add_step(s, item->slot, ops[item->op], item->align_log2, size);
}

/* Tells what the sums say, and adds the steps that give back what is left. */
static void finish(steps *s, const trace_sums *sums, bool exact)
{
    s->at->count = s->count;
    s->at->slots = sums->slots;
    s->at->peak_bytes = sums->peak_live_bytes;
    s->at->peak_blocks = sums->peak_live_objects;
    s->at->requests = sums->requests;
    s->at->total_bytes = sums->total_bytes;
    s->at->largest = sums->largest_request;
    for (uint32_t slot = 0; !exact && slot < sums->slots && slot < s->slots; slot++)
        if (s->held[slot].size != 0)
            add_step(s, slot, STEP_FREE, 0, 0);
    s->at->rest = s->count - s->at->count;
    s->at->size = sizeof(parcel) + s->room * sizeof(replay_step);
}

trace_reader *steps_read(const char *path, bool exact, steps_visit *visit, void *context, int *file)
{
    trace_error error = {0, ""};
    trace_reader *reader = trace_reader_open(path, &error);
    trace_item item;
    trace_result got = TRACE_WRONG;
    steps s = {.file = memfd_create("loam-replay", 0)};
    uint64_t items = 0;

    if (s.file < 0)
        tool_fail(EXIT_BAD, "no file in memory: %s", strerror(errno));
    make_room(&s);
    while (reader && (got = trace_reader_next(reader, &item, &error)) == TRACE_GOT) {
        if (item.op <= TRACE_ALLOC_ALIGNED)
            add_item(&s, &item, exact);
        if (visit)
            visit(context, &item);
        if (++items % (1 << 18) == 0)
            tool_progress("reading", trace_reader_at(reader), trace_reader_size(reader));
    }
    tool_progress_end();
    if (got == TRACE_WRONG)
        tool_fail(EXIT_BAD, "%s: at byte %llu: %s", path, (unsigned long long)error.offset,
                  error.reason);
    finish(&s, trace_reader_sums(reader), exact);
    munmap(s.at, (size_t)s.at->size);
    free(s.held);
    *file = s.file;
    return reader;
}

/* What the system says is there without swapping, what it keeps of files included; 0: it does not say. */
static uint64_t available(void)
{
    FILE *file = fopen("/proc/meminfo", "re");
    long pages = sysconf(_SC_AVPHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t bytes = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
    char line[256];

    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "MemAvailable:", 13) == 0)
            bytes = strtoull(line + 13, NULL, 10) * 1024;
    if (file)
        (void)fclose(file);
    return bytes;
}

/* An arena gives nothing back. */
bool steps_too_big(const parcel *p, const char *subject_name)
{
    uint64_t most = available();

    return most > 0 &&
           (strcmp(subject_name, "arena") == 0 ? p->total_bytes : p->peak_bytes) >= most;
}

const parcel *steps_map(int file)
{
    off_t size = lseek(file, 0, SEEK_END);
    void *mapped = size < (off_t)sizeof(parcel)
                       ? MAP_FAILED
                       : mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, file, 0);

    return mapped == MAP_FAILED ? NULL : mapped;
}
