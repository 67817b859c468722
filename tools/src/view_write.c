/* view_write.c: the data of `loam view` as JSON, and the page around it. docs/tools.md has the members.
 *
 * The page is the file tools/view/view.html, in which "@@name@@" stands for another file of that folder,
 * for the title or for the data. All of them are in this program, see tools/view/embed.cmake.
 */
#include "view_write.h"

#include "tool.h"
#include "view_text.h"

#include <loam/version.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHOWN = 7,             /* groups that are drawn, before "others" */
    POINTS = 1024,         /* of a group's line */
    MOST_LEVELS = 1000000, /* bytes of the cells of all maps, so that the page stays small */
    LETTER = 'A'           /* of level 0 */
};

/* ---- members ---- */

static void member(view_sink *s, const char *name, uint64_t value)
{
    view_puts(s, ",\"");
    view_puts(s, name);
    view_puts(s, "\":");
    view_number(s, value);
}

static void text_member(view_sink *s, const char *name, const char *text)
{
    view_puts(s, ",\"");
    view_puts(s, name);
    view_puts(s, "\":");
    if (text)
        view_string(s, text);
    else
        view_puts(s, "null");
}

/* The field at `offset` of each `step` bytes; VIEW_UNKNOWN is null. */
static void list(view_sink *s, const char *name, const void *first, size_t step, size_t count)
{
    const char *at = first;

    view_puts(s, name);
    view_puts(s, "[");
    for (size_t i = 0; i < count; i++, at += step) {
        uint64_t value;

        memcpy(&value, at, sizeof value);
        if (i > 0)
            view_puts(s, ",");
        if (value == VIEW_UNKNOWN)
            view_puts(s, "null");
        else
            view_number(s, value);
    }
    view_puts(s, "]");
}

static void put_summary(view_sink *s, const view_data *d)
{
    const view_series *v = d->series;
    const trace_sums *sums = trace_reader_sums(v->reader);
    const trace_head *head = trace_reader_head(v->reader);
    trace_text_kind kind;
    const char *program = trace_reader_text(v->reader, 1, &kind);
    char version[32];

    (void)snprintf(version, sizeof version, "%d.%d.%d", LOAM_VERSION_MAJOR, LOAM_VERSION_MINOR,
                   LOAM_VERSION_PATCH);
    view_puts(s, "{\"loam\":");
    view_string(s, version);
    text_member(s, "title", d->title);
    text_member(s, "file", d->file);
    text_member(s, "program", program && kind == TRACE_TEXT_PROGRAM ? program : NULL);
    member(s, "start", head->start);
    member(s, "duration", v->last_time);
    member(s, "calls", v->calls);
    member(s, "requests", sums->requests);
    member(s, "frees", v->frees);
    member(s, "resizes", v->resizes);
    member(s, "bulks", v->bulks);
    member(s, "bulk_blocks", v->bulk_blocks);
    member(s, "total_bytes", sums->total_bytes);
    member(s, "largest", sums->largest_request);
    member(s, "threads", v->threads);
    member(s, "lost", sums->lost);
    member(s, "peak_bytes", sums->peak_live_bytes);
    member(s, "peak_blocks", sums->peak_live_objects);
    member(s, "peak_call", v->peak_call);
    member(s, "end_bytes", v->live);
    member(s, "end_blocks", v->blocks);
    member(s, "bin_calls", v->width);
}

static void put_bins(view_sink *s, const view_series *v)
{
    list(s, ",\n\"bins\":{\"time\":", &v->bins[0].time, sizeof(view_bin), v->count);
    list(s, ",\n\"top\":", &v->bins[0].top, sizeof(view_bin), v->count);
    list(s, ",\n\"live\":", &v->bins[0].live, sizeof(view_bin), v->count);
    list(s, ",\n\"blocks\":", &v->bins[0].blocks, sizeof(view_bin), v->count);
    view_puts(s, "}");
}

/* ---- groups ---- */

static int by_peak(const void *a, const void *b)
{
    const view_group *first = a, *second = b;

    if (first->peak != second->peak)
        return first->peak < second->peak ? 1 : -1;
    if (first->requests != second->requests)
        return first->requests < second->requests ? 1 : -1;
    return first->key < second->key ? -1 : first->key > second->key;
}

static void put_name(view_sink *s, const view_series *v, view_kind of, uint32_t key)
{
    trace_text_kind kind;
    uint32_t text = of == VIEW_THREAD ? v->thread_texts[key] : key;
    const char *name = text ? trace_reader_text(v->reader, text, &kind) : NULL;
    char number[32];

    (void)snprintf(number, sizeof number, "thread %u", (unsigned)key);
    if (name && *name)
        view_string(s, name);
    else
        view_string(s, of == VIEW_THREAD      ? number
                       : key                  ? "(no name)"
                       : of == VIEW_ALLOCATOR ? "malloc"
                                              : "(no tag)");
}

static void put_group(view_sink *s, const view_group *g, size_t count, size_t every)
{
    member(s, "requests", g->requests);
    member(s, "bytes", g->bytes);
    member(s, "frees", g->frees);
    view_puts(s, ",\"peak\":");
    if (g->peak == VIEW_UNKNOWN)
        view_puts(s, "null");
    else
        view_number(s, g->peak);
    member(s, "end", g->live);
    list(s, ",\"series\":", g->series + every - 1, every * sizeof *g->series, count / every);
    view_puts(s, "}");
}

static void add_group(view_group *to, const view_group *g, size_t count)
{
    to->requests += g->requests;
    to->bytes += g->bytes;
    to->frees += g->frees;
    to->live += g->live;
    for (size_t i = 0; i < count; i++)
        to->series[i] += g->series[i];
}

static void put_groups(view_sink *s, const view_series *v, view_kind of, view_groups *g)
{
    static const char *const kinds[] = {"thread", "tag", "allocator"};
    view_group *others = &g->rows[VIEW_GROUPS];
    size_t every = (v->count + POINTS - 1) / POINTS, merged = others->requests > 0;

    every = every ? every : 1;
    qsort(g->rows, g->count, sizeof *g->rows, by_peak);
    if (g->count > SHOWN && !others->series)
        others->series = calloc(VIEW_BINS, sizeof *others->series);
    if (g->count > SHOWN && !others->series)
        tool_fail(EXIT_BAD, "out of memory");
    for (size_t i = SHOWN; i < g->count; i++, merged++)
        add_group(others, &g->rows[i], v->count);
    others->peak = VIEW_UNKNOWN;
    view_puts(s, "{\"kind\":");
    view_string(s, kinds[of]);
    member(s, "every", every);
    member(s, "others", merged);
    view_puts(s, ",\"rows\":[");
    for (size_t i = 0; i < g->count && i < SHOWN; i++) {
        view_puts(s, i ? ",\n{\"name\":" : "\n{\"name\":");
        put_name(s, v, of, g->rows[i].key);
        put_group(s, &g->rows[i], v->count, every);
    }
    if (merged) {
        view_puts(s, ",\n{\"name\":\"others\"");
        put_group(s, others, v->count, every);
    }
    view_puts(s, "]}");
}

static void put_all_groups(view_sink *s, view_series *v)
{
    view_puts(s, ",\n\"groups\":[");
    for (size_t k = 0; k < VIEW_KINDS; k++) {
        if (k > 0)
            view_puts(s, ",\n");
        put_groups(s, v, (view_kind)k, &v->groups[k]);
    }
    view_puts(s, "]");
}

/* ---- the heat map ---- */

static void put_heat(view_sink *s, const char *name, const view_series *v, size_t which)
{
    bool begun = false;

    view_puts(s, name);
    view_puts(s, "[");
    for (size_t y = 0; y < VIEW_STEPS; y++)
        for (size_t x = 0; x < VIEW_STEPS; x++) {
            const view_heat *h = &v->heat[which][y][x];
            char text[96];

            if (h->count == 0)
                continue;
            (void)snprintf(text, sizeof text, "%s[%zu,%zu,%llu,%llu]", begun ? "," : "", y, x,
                           (unsigned long long)h->count, (unsigned long long)h->bytes);
            view_puts(s, text);
            begun = true;
        }
    view_puts(s, "]");
}

static void put_kept(view_sink *s, const view_series *v)
{
    bool begun = false;

    view_puts(s, ",\n\"kept\":[");
    for (size_t y = 0; y < VIEW_STEPS; y++) {
        char text[96];

        if (v->kept[y].count == 0)
            continue;
        (void)snprintf(text, sizeof text, "%s[%zu,%llu,%llu]", begun ? "," : "", y,
                       (unsigned long long)v->kept[y].count, (unsigned long long)v->kept[y].bytes);
        view_puts(s, text);
        begun = true;
    }
    view_puts(s, "]}");
}

/* ---- maps ---- */

/* The cells of a frame: a letter for a level, '=' for what it was in the frame before, and behind
 * either how many cells are so, if more than one. Never longer than the cells. */
static void put_levels(view_sink *s, const uint8_t *levels, const uint8_t *before, size_t count)
{
    view_puts(s, "\"");
    for (size_t i = 0; i < count;) {
        size_t same = 0, run = 0;
        char text[32];

        while (before && i + same < count && levels[i + same] == before[i + same])
            same++;
        while (i + run < count && levels[i + run] == levels[i])
            run++;
        text[0] = (char)(LETTER + levels[i]);
        if (same >= run) {
            text[0] = '=';
            run = same;
        }
        if (run > 1)
            (void)snprintf(text + 1, sizeof text - 1, "%zu", run);
        view_put(s, text, run > 1 ? strlen(text) : 1);
        i += run;
    }
    view_puts(s, "\"");
}

static void put_segments(view_sink *s, const view_map *m)
{
    view_puts(s, ",\"segments\":[");
    for (size_t i = 0; i < m->segment_count; i++) {
        uint64_t end = i + 1 < m->segment_count ? m->segments[i + 1].first : m->cells;

        view_puts(s, i ? ",[" : "[");
        view_number(s, m->segments[i].size);
        view_puts(s, ",");
        view_number(s, end - m->segments[i].first);
        view_puts(s, "]");
    }
    view_puts(s, "]");
}

/* The cells of every so many frames, the last one among them. */
static void put_frames(view_sink *s, const view_map *m, size_t every)
{
    size_t first = (size_t)(m->done - 1) % every;

    view_puts(s, ",\n\"levels\":[");
    for (size_t i = first; i < m->done; i += every) {
        if (i > first)
            view_puts(s, ",\n");
        put_levels(s, m->levels[i], i > first ? m->levels[i - every] : NULL, (size_t)m->cells);
    }
    view_puts(s, "]");
}

/* How many frames must be left out for each that is written. */
static size_t choose_frames(const view_map *m, uint64_t most)
{
    size_t every = 0;
    view_sink counts;

    do {
        every = every ? every * 2 : 1;
        counts = (view_sink){.good = true};
        put_frames(&counts, m, every);
    } while (counts.total > most && every < VIEW_FRAMES);
    return every;
}

static void put_map(view_sink *s, const view_over *over, uint64_t most)
{
    const view_map *m = over->map;
    size_t every = choose_frames(m, most), step = every * sizeof(view_frame);
    size_t first = (size_t)(m->done - 1) % every, count = ((size_t)m->done + every - 1) / every;
    const view_frame *f = &m->frames[m->done ? first : 0];

    view_puts(s, "{\"name\":");
    view_string(s, over->name);
    text_member(s, "failed", m->failed[0] ? m->failed : NULL);
    member(s, "cell_bytes", m->cells ? (uint64_t)1 << m->cell_log2 : 0);
    member(s, "cells", m->cells);
    put_segments(s, m);
    list(s, ",\n\"call\":", &f->call, step, count);
    list(s, ",\n\"live\":", &f->live, step, count);
    list(s, ",\n\"held\":", &f->held, step, count);
    list(s, ",\n\"span\":", &f->span, step, count);
    list(s, ",\n\"resident\":", &f->resident, step, count);
    put_frames(s, m, every);
    view_puts(s, "}");
}

/* ---- the whole ---- */

static void put_data(view_sink *s, const view_data *d)
{
    put_summary(s, d);
    put_bins(s, d->series);
    put_all_groups(s, d->series);
    view_puts(s, ",\n\"heat\":{");
    put_heat(s, "\"calls\":", d->series, 0);
    if (d->series->last_time)
        put_heat(s, ",\n\"time\":", d->series, 1);
    put_kept(s, d->series);
    view_puts(s, ",\n\"maps\":[");
    for (size_t i = 0; i < d->over_count; i++) {
        if (i > 0)
            view_puts(s, ",\n");
        put_map(s, &d->over[i], MOST_LEVELS / d->over_count);
    }
    view_puts(s, "]}\n");
}

bool view_write_data(out *to, const view_data *data)
{
    view_sink s = {.to = to, .good = true};

    put_data(&s, data);
    return view_flush(&s);
}

/* A file of tools/view. */
typedef struct view_file {
    const char *name;
    const unsigned char *bytes;
    size_t size;
} view_file;

#include "view_files.h" /* made by tools/view/embed.cmake: view_files[], the page first */

static void put_mark(view_sink *s, const view_data *d, const char *name, size_t length)
{
    if (length == 4 && memcmp(name, "data", 4) == 0)
        put_data(s, d);
    else if (length == 5 && memcmp(name, "title", 5) == 0)
        view_html(s, d->title);
    for (size_t i = 1; i < sizeof view_files / sizeof *view_files; i++)
        if (strlen(view_files[i].name) == length && memcmp(view_files[i].name, name, length) == 0)
            view_put(s, view_files[i].bytes, view_files[i].size);
}

bool view_write_page(out *to, const view_data *data)
{
    view_sink s = {.to = to, .good = true};
    const char *at = (const char *)view_files[0].bytes, *end = at + view_files[0].size;

    while (at < end) {
        const char *mark = memmem(at, (size_t)(end - at), "@@", 2);
        const char *close = mark ? memmem(mark + 2, (size_t)(end - mark - 2), "@@", 2) : NULL;

        if (!close)
            break;
        view_put(&s, at, (size_t)(mark - at));
        put_mark(&s, data, mark + 2, (size_t)(close - mark - 2));
        at = close + 2;
    }
    view_put(&s, at, (size_t)(end - at));
    return view_flush(&s);
}
