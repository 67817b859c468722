/* view_map.c: replays a trace and looks where its blocks are.
 *
 * Twice: a copy of the process goes first and finds which addresses there will be. A copy has the same
 * mappings at the same places, so the allocator does the same again; a block that is elsewhere all the
 * same is not on the map, but is counted.
 *
 * Nothing here takes memory from malloc, which may be what is looked at, and what is used here is in
 * memory before the first frame, so that it is not counted as the allocator's.
 */
#include "view_map.h"

#include "tool.h"
#include "view_ranges.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, ENTRIES = 4096, NEAR = 256 << 10 };

enum { NOWHERE = 255 };

/* What is known of a slot. */
typedef struct known {
    uint64_t size;        /* 0: no block */
    uint64_t start, held; /* the block that is counted in the cells; held 0: none */
    uint8_t align_log2;
    uint8_t segment; /* of that block, or NOWHERE */
} known;

/* What this process uses for itself. */
typedef struct work {
    view_map *map;
    const parcel *p;
    const subject *s;
    void **blocks; /* by slot */
    known *slots;  /* by slot */
    uint64_t at;   /* steps done */
    uint64_t live, held;
    ranges ranges;
    uint64_t used[VIEW_CELLS];    /* bytes of blocks, by cell */
    uint64_t present[VIEW_CELLS]; /* bytes in memory */
    range extents[NOWHERE + 1];   /* by segment: lowest and highest block */
    uint64_t entries[ENTRIES];    /* of the page map */
} work;

void view_map_plan(view_map *map, uint64_t calls, uint64_t peak)
{
    uint64_t most = VIEW_FRAMES - 1, count = calls < most ? calls : most, added = 0;

    memset(map, 0, sizeof *map);
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t call = (uint64_t)((double)calls * (double)i / (double)count);

        call = i == count ? calls : call;
        if (peak > added && peak < call)
            map->frames[map->frame_count++].call = peak;
        map->frames[map->frame_count++].call = call;
        added = call;
    }
}

static void *map_memory(size_t size)
{
    void *mapped =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    return mapped == MAP_FAILED ? NULL : mapped;
}

/* ---- running ---- */

/* Runs up to a call. False: a request was refused. */
static bool run_to(work *w, uint64_t call)
{
    const replay_step *steps = w->p->steps + w->at;
    size_t count = (size_t)(call - w->at), done = w->s->run(w->blocks, steps, count, NULL);

    for (size_t i = 0; i < done; i++) {
        known *k = &w->slots[steps[i].slot];

        k->size = steps[i].op == STEP_FREE ? 0 : steps[i].size;
        k->align_log2 = steps[i].align_log2;
        w->live += k->size - steps[i].before;
    }
    w->at += done;
    return done == count;
}

/* What the block of a slot has; 0 if there is none. */
static uint64_t held(const work *w, size_t slot)
{
    const known *k = &w->slots[slot];
    size_t size = (size_t)k->size;

    if (size == 0)
        return 0;
    return w->s->held ? w->s->held(w->blocks[slot], size, k->align_log2) : size;
}

/* ---- which addresses there are ---- */

/* Only slots that the steps since the last frame are about can have a block that was not seen. */
static void scout(work *w)
{
    for (uint64_t f = 0; f < w->map->frame_count; f++) {
        uint64_t from = w->at;

        if (!run_to(w, w->map->frames[f].call))
            return;
        for (uint64_t i = from; i < w->at; i++) {
            uint32_t slot = w->p->steps[i].slot;
            uint64_t start = (uintptr_t)w->blocks[slot], bytes = held(w, slot);

            if (bytes)
                ranges_add(&w->ranges, start, start + bytes);
        }
    }
}

/* Cuts what was found into cells. */
static void cut(work *w)
{
    view_map *m = w->map;
    uint64_t cells;

    ranges_join(&w->ranges, VIEW_SEGMENTS);
    m->segment_count = w->ranges.count;
    for (size_t i = 0; i < w->ranges.count; i++) {
        uint64_t start = w->ranges.all[i].start & ~(uint64_t)(PAGE - 1);
        uint64_t end = (w->ranges.all[i].end + PAGE - 1) & ~(uint64_t)(PAGE - 1);

        m->segments[i] = (view_segment){start, end - start, 0};
    }
    m->cell_log2 = 3;
    do {
        m->cell_log2++;
        cells = 0;
        for (size_t i = 0; i < m->segment_count; i++) {
            m->segments[i].first = cells;
            cells += ((m->segments[i].size - 1) >> m->cell_log2) + 1;
        }
    } while (cells > VIEW_CELLS);
    m->cells = cells;
}

static bool go_first(work *w)
{
    int status = 1;
    pid_t child = fork();

    if (child == 0) {
        tool_end_with_parent();
        if (w->s->open(w->p, 0))
            scout(w);
        cut(w);
        _exit(0);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return child > 0 && status == 0;
}

/* ---- a frame ---- */

static uint8_t find_segment(const work *w, uint64_t address)
{
    const view_map *m = w->map;
    size_t low = 0, high = (size_t)m->segment_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (m->segments[middle].start + m->segments[middle].size <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m->segment_count && m->segments[low].start <= address ? (uint8_t)low : NOWHERE;
}

/* Adds the block that is counted for a slot to its cells, or takes it away. */
static void paint(work *w, const known *k, bool add)
{
    uint64_t end = k->start + k->held, log2 = w->map->cell_log2;
    const view_segment *s;

    if (k->segment == NOWHERE)
        return;
    s = &w->map->segments[k->segment];
    end = end > s->start + s->size ? s->start + s->size : end;
    for (uint64_t at = k->start; at < end;) {
        uint64_t cell = (at - s->start) >> log2, next = s->start + ((cell + 1) << log2);

        next = next < end ? next : end;
        w->used[s->first + cell] += add ? next - at : at - next;
        at = next;
    }
}

/* Counts the block that a slot has now instead of the one that was counted. */
static void settle(work *w, uint32_t slot)
{
    known *k = &w->slots[slot];
    uint64_t bytes = held(w, slot), start = (uintptr_t)w->blocks[slot];

    if (bytes == k->held && (bytes == 0 || start == k->start))
        return;
    if (k->held)
        paint(w, k, false);
    w->held += bytes - k->held;
    k->held = bytes;
    k->start = start;
    k->segment = find_segment(w, start);
    if (bytes)
        paint(w, k, true);
}

static uint64_t find_span(work *w)
{
    uint64_t span = 0;

    for (size_t i = 0; i < w->map->segment_count; i++)
        w->extents[i] = (range){UINT64_MAX, 0};
    for (size_t i = 0; i < w->p->slots; i++) {
        const known *k = &w->slots[i];
        range *extent = &w->extents[k->segment];

        if (k->held == 0 || k->segment == NOWHERE)
            continue;
        extent->start = k->start < extent->start ? k->start : extent->start;
        extent->end = k->start + k->held > extent->end ? k->start + k->held : extent->end;
    }
    for (size_t i = 0; i < w->map->segment_count; i++)
        if (w->extents[i].end)
            span += w->extents[i].end - w->extents[i].start;
    return span;
}

static void count_page(work *w, const view_segment *s, uint64_t page)
{
    uint64_t log2 = w->map->cell_log2, cell = s->first + (page * PAGE >> log2);

    if (log2 >= 12) {
        w->present[cell] += PAGE;
        return;
    }
    for (size_t i = 0; i < (size_t)PAGE >> log2; i++)
        w->present[cell + i] += (uint64_t)1 << log2;
}

/* Looks which pages of the cells are in memory; without a page map, none are known to be. */
static void find_present(work *w, int file)
{
    memset(w->present, 0, sizeof w->present);
    for (size_t i = 0; i < w->map->segment_count && file >= 0; i++) {
        const view_segment *s = &w->map->segments[i];
        uint64_t pages = s->size / PAGE;

        for (uint64_t page = 0; page < pages;) {
            uint64_t count = pages - page < ENTRIES ? pages - page : ENTRIES;
            off_t at = (off_t)((s->start / PAGE + page) * sizeof *w->entries);

            if (pread(file, w->entries, (size_t)count * sizeof *w->entries, at) !=
                (ssize_t)((size_t)count * sizeof *w->entries))
                break;
            for (uint64_t k = 0; k < count; k++)
                if (w->entries[k] >> 63)
                    count_page(w, s, page + k);
            page += count;
        }
    }
}

/* The bytes of private memory of this process, or unknown. */
static uint64_t resident(void)
{
    static const char name[] = "\nAnonymous:";
    char text[4096];
    int file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? 0 : read(file, text, sizeof text - 1);
    const char *at;
    uint64_t value = 0;

    if (file >= 0)
        close(file);
    text[length > 0 ? length : 0] = 0;
    at = strstr(text, name);
    if (!at)
        return VIEW_UNKNOWN;
    for (at += sizeof name - 1; *at && *at != '\n'; at++)
        if (*at >= '0' && *at <= '9')
            value = value * 10 + (uint64_t)(*at - '0');
    return value * 1024;
}

static void look(work *w, uint64_t number, uint64_t before, int pages)
{
    view_map *m = w->map;
    view_frame *f = &m->frames[number];
    uint64_t size = (uint64_t)1 << m->cell_log2, now = resident();
    uint8_t *levels = m->levels[number];

    f->resident = now == VIEW_UNKNOWN || before == VIEW_UNKNOWN ? VIEW_UNKNOWN
                  : now > before                                ? now - before
                                                                : 0;
    f->live = w->live;
    f->held = w->held;
    f->span = find_span(w);
    find_present(w, pages);
    for (size_t i = 0; i < m->cells; i++) {
        uint64_t part = w->used[i] == 0 ? 0 : (w->used[i] - 1) * 16 >> m->cell_log2;

        if (w->used[i])
            levels[i] = (uint8_t)(VIEW_USED + (part < 15 ? part : 15));
        else
            levels[i] = w->present[i] * 2 >= size ? VIEW_EMPTY : VIEW_ABSENT;
    }
    m->done = number + 1;
}

/* ---- the whole ---- */

static void fail(view_map *map, const char *why, uint64_t after)
{
    (void)snprintf(map->failed, sizeof map->failed, "%s after %llu calls", why,
                   (unsigned long long)after);
}

static void go(work *w)
{
    int pages = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    uint64_t before = resident();

    if (w->s->open(w->p, 0)) {
        for (uint64_t f = 0; f < w->map->frame_count; f++) {
            uint64_t from = w->at;

            if (!run_to(w, w->map->frames[f].call)) {
                fail(w->map, "out of memory", w->at);
                break;
            }
            for (uint64_t i = from; i < w->at; i++)
                settle(w, w->p->steps[i].slot);
            look(w, f, before, pages);
        }
    } else {
        fail(w->map, "it cannot be made: out of memory", 0);
    }
    if (pages >= 0)
        close(pages);
}

void view_map_fill(view_map *map, const parcel *p, const subject *s)
{
    work *w = map_memory(sizeof *w);

    if (w) {
        w->map = map;
        w->p = p;
        w->s = s;
        w->ranges.gap = NEAR;
        w->blocks = map_memory((size_t)(p->slots + 1) * sizeof *w->blocks);
        w->slots = map_memory((size_t)(p->slots + 1) * sizeof *w->slots);
    }
    if (!w || !w->blocks || !w->slots)
        fail(map, "out of memory", 0);
    else if (go_first(w))
        go(w);
    else
        fail(map, "its process failed", 0);
}
