/* export_run.c: reads a trace once and hands its events to a format.
 *
 * Takes memory for the slots of the trace, for its sites, of which there are so many at most, and for
 * what a format keeps, which is bounded too.
 */
#include "export.h"
#include "tool.h"

#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

static const char *program_text(const exporter *e)
{
    trace_text_kind kind;
    const char *words =
        e->sites.program ? trace_reader_text(e->reader, e->sites.program, &kind) : NULL;

    return words && *words ? words : NULL;
}

static const char *file_name(const exporter *e)
{
    const char *slash = strrchr(e->file, '/');

    return strcmp(e->file, "-") == 0 ? "unknown" : slash ? slash + 1 : e->file;
}

void export_command(const exporter *e, const char *swaps, char *words, size_t room)
{
    const char *said = program_text(e);

    (void)text_clean(words, room, said ? said : file_name(e), swaps);
}

/* The last part of the first word. */
void export_program(const exporter *e, const char *swaps, char *name, size_t room)
{
    char first[TRACE_MOST_TEXT + 1];
    const char *said = program_text(e);
    size_t length, from;

    said = said ? said : file_name(e);
    length = program_text(e) ? strcspn(said, " ") : strcspn(said, ".");
    length = length == 0 ? strlen(said) : length;
    length = length < sizeof first ? length : sizeof first - 1;
    for (from = length; from > 0 && said[from - 1] != '/';)
        from--;
    from = from == length ? 0 : from;
    memcpy(first, said + from, length - from);
    first[length - from] = 0;
    (void)text_clean(name, room, first, swaps);
}

void export_site_name(const exporter *e, uint32_t number, const char *swaps, char name[TEXT_NAME])
{
    const site *one = &e->sites.all[number];
    char program[TEXT_NAME / 2] = "";

    if (one->level == SITE_PROGRAM)
        export_program(e, "", program, sizeof program);
    sites_describe(&e->sites, e->reader, one, program, swaps, name, TEXT_NAME);
}

/* ---- the trace ---- */

/* What a format is told of an item. False: out of memory. */
static bool follow(exporter *e, const trace_item *item)
{
    site_move move;

    if (item->op == TRACE_TEXT)
        return sites_note_text(&e->sites, e->reader, item);
    if (!e->count_calls)
        e->now = item->time;
    if (item->op == TRACE_BULK && e->format->bulk)
        e->format->bulk(e, item);
    if (item->op > TRACE_ALLOC_ALIGNED)
        return true;
    e->calls++;
    if (e->count_calls)
        e->now = e->calls * 1000;
    return sites_follow(&e->sites, item, &move) &&
           (!e->format->call || e->format->call(e, item, &move));
}

static bool follow_all(exporter *e, trace_error *error)
{
    trace_item item;
    trace_result got;
    uint64_t items = 0;

    while ((got = trace_reader_next(e->reader, &item, error)) == TRACE_GOT && !e->text.failed) {
        if (!follow(e, &item))
            return trace_wrong(error, trace_reader_at(e->reader), "out of memory");
        if (++items % (1 << 18) == 0)
            tool_progress("exporting", trace_reader_at(e->reader), trace_reader_size(e->reader));
    }
    tool_progress_end();
    if (got != TRACE_DONE)
        return false;
    return e->format->end(e) || trace_wrong(error, trace_reader_at(e->reader), "out of memory");
}

/* ---- the whole ---- */

exporter *export_new(const export_format *format, const char *file)
{
    exporter *e = calloc(1, sizeof *e);

    if (!e)
        return NULL;
    e->format = format;
    e->file = file;
    e->state = calloc(1, format->state_size);
    if (e->state && sites_init(&e->sites))
        return e;
    sites_deinit(&e->sites);
    free(e->state);
    free(e);
    return NULL;
}

void export_free(exporter *e)
{
    if (!e)
        return;
    if (e->format->drop)
        e->format->drop(e);
    sites_deinit(&e->sites);
    free(e->state);
    free(e);
}

bool export_run(exporter *e, trace_reader *reader, out *to, trace_error *error)
{
    bool good;

    e->reader = reader;
    e->text.to = to;
    if (trace_reader_head(reader)->time_step == 0)
        e->count_calls = true;
    good = e->format->begin(e) ? follow_all(e, error)
                               : trace_wrong(error, trace_reader_at(reader), "out of memory");
    return text_flush(&e->text) && good;
}
