/* export_chrome.c: the trace event format of Chrome, in JSON, which Perfetto opens too.
 *
 * Counters over time: live bytes and blocks of the program, and live bytes of each thread, allocator and
 * tag. Time is cut into at most BINS bins, whose width doubles as the trace goes on. A bin tells the most
 * that was live within it, which no width hides, and then what was live at its end. Of what is given back
 * in bulk, a bin tells the largest, and the sums.
 *
 *   C1  bins from now / width on were not touched; all of a series has the same width
 *   C2  a bin was touched iff its `last` is not UNTOUCHED
 */
#include "export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* KEPT: so many threads, allocators and tags have counters of their own, the first ones; the others of a
 * kind share one. */
enum { BINS = 512, KEPT = 64, FIRST_WIDTH = 1000 };

#define UNTOUCHED UINT64_MAX

typedef struct bin {
    uint64_t most, last;
} bin;

/* Of a thread, an allocator or a tag, or of the others of these. */
typedef struct series {
    bin bins[BINS];
    uint32_t key;
    uint64_t live;
    uint64_t first, end; /* time of its calls */
    uint64_t requests, bytes;
} series;

typedef enum series_kind { OF_THREADS, OF_ALLOCATORS, OF_TAGS, KINDS } series_kind;

/* All series of a kind; [KEPT]: of the others. */
typedef struct family {
    series *all[KEPT + 1];
    size_t count;
} family;

typedef struct bulks {
    uint64_t events, blocks, bytes;       /* in all */
    uint64_t time, one_blocks, one_bytes; /* of the largest */
    uint32_t allocator;
    uint16_t thread;
} bulks;

typedef struct state {
    uint64_t width; /* nanoseconds */
    bin bytes[BINS], blocks[BINS];
    bulks bulks[BINS];
    family families[KINDS];
} state;

/* ---- bins ---- */

static void clear_bins(bin *bins)
{
    for (size_t i = 0; i < BINS; i++)
        bins[i] = (bin){0, UNTOUCHED};
}

static void widen_bins(bin *bins)
{
    for (size_t i = 0; i < BINS; i += 2) {
        bin a = bins[i], b = bins[i + 1];

        if (b.last != UNTOUCHED) {
            a.most = a.last == UNTOUCHED || b.most > a.most ? b.most : a.most;
            a.last = b.last;
        }
        bins[i / 2] = a;
    }
    for (size_t i = BINS / 2; i < BINS; i++)
        bins[i] = (bin){0, UNTOUCHED};
}

static void widen_bulks(bulks *all)
{
    for (size_t i = 0; i < BINS; i += 2) {
        bulks a = all[i], b = all[i + 1];
        bulks *larger = a.one_bytes >= b.one_bytes && a.events > 0 ? &a : &b;

        larger->events = a.events + b.events;
        larger->blocks = a.blocks + b.blocks;
        larger->bytes = a.bytes + b.bytes;
        all[i / 2] = *larger;
    }
    memset(all + BINS / 2, 0, BINS / 2 * sizeof *all);
}

/* Which bin now is in. */
static size_t bin_now(exporter *e)
{
    state *s = e->state;

    while (e->now / s->width >= BINS) {
        widen_bins(s->bytes);
        widen_bins(s->blocks);
        widen_bulks(s->bulks);
        for (size_t f = 0; f < KINDS; f++)
            for (size_t i = 0; i <= KEPT; i++)
                if (s->families[f].all[i])
                    widen_bins(s->families[f].all[i]->bins);
        s->width *= 2;
    }
    return (size_t)(e->now / s->width);
}

static void note(bin *in, uint64_t value)
{
    in->most = in->last == UNTOUCHED || value > in->most ? value : in->most;
    in->last = value;
}

/* ---- series ---- */

/* The series of a thread, an allocator or a tag. NULL: out of memory. */
static series *find_series(exporter *e, series_kind kind, uint32_t key, bool other)
{
    family *f = &((state *)e->state)->families[kind];
    size_t at = other ? KEPT : 0;

    while (at < f->count && at < KEPT && f->all[at]->key != key)
        at++;
    if (f->all[at])
        return f->all[at];
    f->all[at] = calloc(1, sizeof *f->all[at]);
    if (!f->all[at])
        return NULL;
    clear_bins(f->all[at]->bins);
    f->all[at]->key = key;
    f->all[at]->first = e->now;
    if (at < KEPT)
        f->count++;
    return f->all[at];
}

/* The series that a leaf counts in; of[] of a kind is NULL where it is in none. False: out of memory. */
static bool find_all(exporter *e, uint32_t leaf, series *of[KINDS])
{
    static const series_kind kinds[] = {
        [SITE_THREAD] = OF_THREADS, [SITE_ALLOCATOR] = OF_ALLOCATORS, [SITE_TAG] = OF_TAGS};
    const site *all = e->sites.all;
    bool rest = all[leaf].level == SITE_REST;

    for (size_t k = 0; k < KINDS; k++)
        of[k] = NULL;
    for (uint32_t at = rest ? 0 : all[leaf].parent; at != 0; at = all[at].parent) {
        series_kind kind = kinds[all[at].level];

        of[kind] = find_series(e, kind, all[at].key, false);
        if (!of[kind])
            return false;
    }
    for (size_t k = 0; rest && k < OF_TAGS; k++)
        if (!(of[k] = find_series(e, (series_kind)k, 0, true)))
            return false;
    return true;
}

static bool begin(exporter *e)
{
    state *s = e->state;

    s->width = FIRST_WIDTH;
    clear_bins(s->bytes);
    clear_bins(s->blocks);
    return true;
}

static bool call(exporter *e, const trace_item *item, const site_move *move)
{
    state *s = e->state;
    size_t at = bin_now(e);
    series *from[KINDS] = {NULL}, *to[KINDS] = {NULL};

    (void)item;
    if ((move->from != SITES_NONE && !find_all(e, move->from, from)) ||
        (move->to != SITES_NONE && !find_all(e, move->to, to)))
        return false;
    for (size_t k = 0; k < KINDS; k++) {
        if (from[k])
            from[k]->live -= move->before;
        if (to[k]) {
            to[k]->live += move->size;
            to[k]->bytes += move->size;
            to[k]->requests++;
            to[k]->end = e->now;
        }
        if (from[k])
            note(&from[k]->bins[at], from[k]->live);
        if (to[k])
            note(&to[k]->bins[at], to[k]->live);
    }
    note(&s->bytes[at], e->sites.live_bytes);
    note(&s->blocks[at], e->sites.live_blocks);
    return true;
}

static void bulk(exporter *e, const trace_item *item)
{
    state *s = e->state;
    bulks *in = &s->bulks[bin_now(e)];

    if (in->events == 0 || item->size > in->one_bytes) {
        in->time = e->now;
        in->one_blocks = item->blocks;
        in->one_bytes = item->size;
        in->allocator = item->allocator;
        in->thread = item->thread;
    }
    in->events++;
    in->blocks += item->blocks;
    in->bytes += item->size;
}

/* ---- writing ---- */

static unsigned long process_of(const exporter *e)
{
    uint64_t process = trace_reader_head(e->reader)->process;

    return process > 0 && process <= INT32_MAX ? (unsigned long)process : 1;
}

/* The beginning of an event, up to its name, which follows. */
static void put_event(exporter *e, char phase, uint32_t thread, uint64_t time)
{
    text_format(&e->text,
                ",\n{\"ph\":\"%c\",\"pid\":%lu,\"tid\":%lu,\"ts\":%llu.%03llu,\"name\":", phase,
                process_of(e), (unsigned long)thread, (unsigned long long)(time / 1000),
                (unsigned long long)(time % 1000));
}

static void put_value(exporter *e, const char *name, const char *unit, uint64_t time,
                      uint64_t value)
{
    put_event(e, 'C', 0, time < e->now ? time : e->now);
    text_json(&e->text, name);
    text_format(&e->text, ",\"args\":{\"%s\":%llu}}", unit, (unsigned long long)value);
}

static void put_counter(exporter *e, const char *name, const char *unit, const bin *bins)
{
    const state *s = e->state;
    uint64_t before = 0;

    put_value(e, name, unit, 0, 0);
    for (size_t i = 0; i < BINS; i++) {
        uint64_t time = i * s->width;

        if (bins[i].last == UNTOUCHED || (bins[i].last == before && bins[i].most <= before))
            continue;
        if (bins[i].most != bins[i].last)
            put_value(e, name, unit, time, bins[i].most);
        put_value(e, name, unit, time + s->width / 2, bins[i].last);
        before = bins[i].last;
    }
}

static void name_series(const exporter *e, series_kind kind, size_t at, char *name, size_t room)
{
    static const char *const others[] = {"other threads", "other allocators", "other tags"};
    static const site_level levels[] = {SITE_THREAD, SITE_ALLOCATOR, SITE_TAG};
    const family *f = &((const state *)e->state)->families[kind];
    site wanted = {.key = f->all[at]->key, .level = (uint8_t)levels[kind]};

    if (at == KEPT)
        (void)snprintf(name, room, "%s", others[kind]);
    else
        sites_describe(&e->sites, e->reader, &wanted, "", "", name, room);
}

/* Counters with the same name would be one: a later one has its number behind it. */
static void put_series(exporter *e, series_kind kind, size_t at)
{
    char name[TEXT_NAME], other[TEXT_NAME], full[TEXT_NAME * 2];
    const series *one = ((const state *)e->state)->families[kind].all[at];
    bool same = false;

    name_series(e, kind, at, name, sizeof name);
    for (size_t i = 0; i < at && at < KEPT && !same; i++) {
        name_series(e, kind, i, other, sizeof other);
        same = strcmp(name, other) == 0;
    }
    (void)snprintf(full, sizeof full, "bytes of %s", name);
    if (same)
        (void)snprintf(full, sizeof full, "bytes of %s #%lu", name, (unsigned long)one->key);
    put_counter(e, full, "bytes", one->bins);
}

/* A thread: its name, and a bar from its first call to its last. */
static void put_thread(exporter *e, size_t at)
{
    const series *one = ((const state *)e->state)->families[OF_THREADS].all[at];
    char name[TEXT_NAME];

    name_series(e, OF_THREADS, at, name, sizeof name);
    put_event(e, 'M', one->key, 0);
    text_words(&e->text, "\"thread_name\",\"args\":{\"name\":");
    text_json(&e->text, name);
    text_words(&e->text, "}}");
    put_event(e, 'X', one->key, one->first);
    text_format(&e->text,
                "\"first to last request\",\"dur\":%llu.%03llu,\"args\":{\"requests\":%llu,"
                "\"bytes\":%llu}}",
                (unsigned long long)((one->end - one->first) / 1000),
                (unsigned long long)((one->end - one->first) % 1000),
                (unsigned long long)one->requests, (unsigned long long)one->bytes);
}

static void put_bulks(exporter *e)
{
    const state *s = e->state;
    char name[TEXT_NAME];

    for (size_t i = 0; i < BINS; i++) {
        const bulks *in = &s->bulks[i];
        site wanted = {.key = in->allocator, .level = SITE_ALLOCATOR};

        if (in->events == 0)
            continue;
        sites_describe(&e->sites, e->reader, &wanted, "", "", name, sizeof name);
        put_event(e, 'i', in->thread, in->time);
        text_words(&e->text, "\"bulk\",\"s\":\"t\",\"args\":{\"from\":");
        text_json(&e->text, name);
        text_format(&e->text,
                    ",\"blocks\":%llu,\"bytes\":%llu,\"events_in_bin\":%llu,"
                    "\"blocks_in_bin\":%llu,\"bytes_in_bin\":%llu}}",
                    (unsigned long long)in->one_blocks, (unsigned long long)in->one_bytes,
                    (unsigned long long)in->events, (unsigned long long)in->blocks,
                    (unsigned long long)in->bytes);
    }
}

static void put_head(exporter *e)
{
    const trace_head *head = trace_reader_head(e->reader);
    char words[TEXT_NAME * 4];

    export_command(e, "", words, sizeof words);
    text_words(&e->text, "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"command\":");
    text_json(&e->text, words);
    text_format(
        &e->text,
        ",\"start\":\"%llu\",\"time\":\"%s\",\"calls\":\"%llu\",\"lost\":\"%llu\"},\n"
        "\"traceEvents\":[\n",
        (unsigned long long)head->start, e->count_calls ? "calls, each a microsecond" : "clock",
        (unsigned long long)e->calls, (unsigned long long)trace_reader_sums(e->reader)->lost);
    export_program(e, "", words, TEXT_NAME);
    text_format(&e->text, "{\"ph\":\"M\",\"pid\":%lu,\"name\":\"process_name\",\"args\":{\"name\":",
                process_of(e));
    text_json(&e->text, words);
    text_words(&e->text, "}}");
}

static bool end(exporter *e)
{
    state *s = e->state;

    put_head(e);
    for (size_t i = 0; i < s->families[OF_THREADS].count; i++)
        put_thread(e, i);
    put_bulks(e);
    put_counter(e, "live bytes", "bytes", s->bytes);
    put_counter(e, "live blocks", "blocks", s->blocks);
    for (size_t k = 0; k < KINDS; k++)
        for (size_t i = 0; i <= KEPT; i++)
            if (s->families[k].all[i])
                put_series(e, (series_kind)k, i);
    text_words(&e->text, "\n]}\n");
    return true;
}

static void drop(exporter *e)
{
    state *s = e->state;

    for (size_t k = 0; k < KINDS; k++)
        for (size_t i = 0; i <= KEPT; i++)
            free(s->families[k].all[i]);
}

const export_format export_chrome = {"chrome", false, sizeof(state), begin, call, bulk, end, drop};
