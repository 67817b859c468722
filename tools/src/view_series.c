/* view_series.c: counts what `loam view` draws, while a trace is read. */
#include "view_series.h"

#include "tool.h"

#include <stdlib.h>
#include <string.h>

enum { THREADS = 65536 };

/* A block that is live. */
typedef struct view_block {
    uint64_t size, time;
    uint64_t born; /* calls made when it was there, so at least 1; 0: no block */
    uint8_t rows[VIEW_KINDS];
} view_block;

unsigned view_step(uint64_t value)
{
    unsigned log2 = 0;

    if (value == 0)
        return 0;
    while (value >> log2 > 1)
        log2++;
    if (log2 > (VIEW_STEPS - 3) / 2)
        return VIEW_STEPS - 1;
    return 1 + 2 * log2 + (log2 > 0 && (value >> (log2 - 1) & 1));
}

static void *zeros(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (!memory)
        tool_fail(EXIT_BAD, "out of memory");
    return memory;
}

void view_series_init(view_series *s)
{
    memset(s, 0, sizeof *s);
    s->width = 1;
    s->thread_texts = zeros(THREADS, sizeof *s->thread_texts);
}

void view_series_deinit(view_series *s)
{
    for (size_t k = 0; k < VIEW_KINDS; k++)
        for (size_t i = 0; i <= VIEW_GROUPS; i++)
            free(s->groups[k].rows[i].series);
    free(s->thread_texts);
    free(s->slots);
}

/* ---- groups ---- */

/* The row of a key; those that come when all rows are taken share one. */
static uint8_t row_of(view_groups *g, uint32_t key)
{
    size_t row = g->last;

    if (row < g->count && g->rows[row].key == key)
        return (uint8_t)row;
    for (row = 0; row < g->count && g->rows[row].key != key; row++)
        ;
    if (row == g->count && row < VIEW_GROUPS)
        g->count++;
    if (!g->rows[row].series)
        g->rows[row].series = zeros(VIEW_BINS, sizeof(uint64_t));
    g->rows[row].key = key;
    g->last = row;
    return (uint8_t)row;
}

static void count_group(view_group *g, const trace_item *item)
{
    if (item->op == TRACE_FREE) {
        g->frees++;
        g->live -= item->before;
        return;
    }
    g->requests++;
    g->bytes += item->size;
    g->live += item->size - item->before;
    g->peak = g->live > g->peak ? g->live : g->peak;
}

/* ---- bins ---- */

static void join_bins(view_series *s)
{
    for (size_t i = 0; i < VIEW_BINS / 2; i++) {
        const view_bin *first = &s->bins[2 * i], *second = &s->bins[2 * i + 1];
        uint64_t top = first->top > second->top ? first->top : second->top;

        s->bins[i] = *second;
        s->bins[i].top = top;
    }
    for (size_t k = 0; k < VIEW_KINDS; k++)
        for (size_t g = 0; g <= VIEW_GROUPS; g++) {
            uint64_t *series = s->groups[k].rows[g].series;

            if (!series)
                continue;
            for (size_t i = 0; i < VIEW_BINS / 2; i++)
                series[i] = series[2 * i + 1];
            memset(series + VIEW_BINS / 2, 0, VIEW_BINS / 2 * sizeof *series);
        }
    s->count = VIEW_BINS / 2;
    s->width *= 2;
}

static void close_bin(view_series *s)
{
    view_bin *bin = &s->bins[s->count];

    bin->live = s->live;
    bin->blocks = s->blocks;
    for (size_t k = 0; k < VIEW_KINDS; k++)
        for (size_t g = 0; g <= VIEW_GROUPS; g++)
            if (s->groups[k].rows[g].series)
                s->groups[k].rows[g].series[s->count] = s->groups[k].rows[g].live;
    s->fill = 0;
    s->count++;
}

static void fill_bin(view_series *s, uint64_t time)
{
    view_bin *bin;

    if (s->count == VIEW_BINS)
        join_bins(s);
    bin = &s->bins[s->count];
    if (s->fill == 0)
        *bin = (view_bin){0, 0, 0, 0};
    bin->time = time;
    bin->top = s->live > bin->top ? s->live : bin->top;
    if (++s->fill == s->width)
        close_bin(s);
}

/* ---- items ---- */

static void know_slot(view_series *s, uint32_t slot)
{
    size_t wanted = s->slot_count ? s->slot_count : 1024;

    while (wanted <= slot)
        wanted *= 2;
    if (wanted == s->slot_count)
        return;
    s->slots = realloc(s->slots, wanted * sizeof *s->slots);
    if (!s->slots)
        tool_fail(EXIT_BAD, "out of memory");
    memset(s->slots + s->slot_count, 0, (wanted - s->slot_count) * sizeof *s->slots);
    s->slot_count = wanted;
}

static void take(view_series *s, view_block *b, const trace_item *item)
{
    const uint32_t keys[] = {item->thread, item->tag, item->allocator};

    *b = (view_block){.size = item->size, .time = item->time, .born = s->calls};
    for (size_t k = 0; k < VIEW_KINDS; k++)
        b->rows[k] = row_of(&s->groups[k], keys[k]);
    s->blocks++;
}

static void give(view_series *s, view_block *b, const trace_item *item)
{
    const uint64_t lives[] = {s->calls - b->born, item->time - b->time};

    for (size_t i = 0; i < 2; i++) {
        view_heat *heat = &s->heat[i][view_step(b->size)][view_step(lives[i])];

        heat->count++;
        heat->bytes += b->size;
    }
    s->frees++;
    s->blocks--;
}

static void see_call(view_series *s, const trace_item *item)
{
    view_block *b;

    know_slot(s, item->slot);
    b = &s->slots[item->slot];
    s->calls++;
    s->threads = item->thread > s->threads ? item->thread : s->threads;
    s->last_time = item->time;
    if (item->op == TRACE_FREE)
        give(s, b, item);
    else if (item->op != TRACE_RESIZE)
        take(s, b, item);
    s->resizes += item->op == TRACE_RESIZE;
    for (size_t k = 0; k < VIEW_KINDS; k++)
        count_group(&s->groups[k].rows[b->rows[k]], item);
    b->size = item->size;
    if (item->op == TRACE_FREE)
        b->born = 0;
    s->live += item->size - item->before;
    if (s->live > s->peak) {
        s->peak = s->live;
        s->peak_call = s->calls;
    }
    fill_bin(s, item->time);
}

void view_series_see(void *series, const trace_item *item)
{
    view_series *s = series;

    if (item->op <= TRACE_ALLOC_ALIGNED)
        see_call(s, item);
    if (item->op == TRACE_TEXT && item->align_log2 == TRACE_TEXT_THREAD)
        s->thread_texts[item->thread] = item->slot;
    if (item->op == TRACE_BULK) {
        s->bulks++;
        s->bulk_blocks += item->blocks;
    }
}

void view_series_end(view_series *s)
{
    if (s->fill > 0)
        close_bin(s);
    for (size_t i = 0; i < s->slot_count; i++)
        if (s->slots[i].born != 0) {
            view_heat *heat = &s->kept[view_step(s->slots[i].size)];

            heat->count++;
            heat->bytes += s->slots[i].size;
        }
}
