/* export_massif.c: what Valgrind's massif writes: snapshots, and trees of what was live.
 *
 * While a trace is read nobody knows how long it will be. Snapshots are taken at steps of time that double
 * whenever there are MOST of them, and every second one goes then: as massif does it. The peak has one of
 * its own, which is exact.
 *
 *   M1  all[0 .. count) are in the order of their time; the next one is due at `next`
 */
#include "export.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 100, DETAILED_EVERY = 10, PERCENT = 1 };

/* A site that holds a hundredth of what is live, and how many below it hold less than that, and something. */
typedef struct share {
    uint64_t bytes;
    uint32_t site, small;
} share;

typedef struct snapshot {
    uint64_t time, bytes;
    share *shares; /* the most bytes first, parents before what is in them */
    size_t count;
} snapshot;

typedef struct state {
    snapshot all[MOST], peak;
    size_t count;
    uint64_t step, next;
    uint64_t moved; /* bytes that were given and taken so far: time, where calls count */
    uint64_t *sums; /* of sites */
    size_t room;
} state;

/* Comments begin with a number sign; brackets end a line. */
static const char swaps[] = "#~([)]";

static uint64_t time_now(const exporter *e)
{
    const state *s = e->state;

    return e->count_calls ? s->moved : e->now;
}

/* ---- snapshots ---- */

static int by_bytes(const void *a, const void *b)
{
    const share *x = a, *y = b;

    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x->site < y->site ? -1 : x->site > y->site;
}

static int by_site(const void *a, const void *b)
{
    const share *x = a, *y = b;

    return x->site < y->site ? -1 : x->site > y->site;
}

/* Sums up the leaves into the sites above. False: out of memory. */
static bool sum_up(const exporter *e, bool at_peak)
{
    const sites *tree = &e->sites;
    state *s = e->state;

    if (s->room < tree->count) {
        uint64_t *more = realloc(s->sums, tree->room * sizeof *more);

        if (!more)
            return false;
        s->sums = more;
        s->room = tree->room;
    }
    for (size_t i = 0; i < tree->count; i++)
        s->sums[i] = at_peak ? tree->all[i].peak_bytes : tree->all[i].live_bytes;
    for (size_t i = tree->count; i-- > 1;)
        s->sums[tree->all[i].parent] += s->sums[i];
    return true;
}

static bool is_large(uint64_t part, uint64_t whole)
{
    return part > 0 && part >= whole / 100 * PERCENT + whole % 100 * PERCENT / 100;
}

/* One of what is below `parent` is no share. */
static void count_small(snapshot *of, uint32_t parent)
{
    share wanted = {.site = parent}, *found = NULL;

    if (of->count > 0)
        found = bsearch(&wanted, of->shares, of->count, sizeof wanted, by_site);
    if (found)
        found->small++;
}

/* Fills a snapshot with what is live, or was at the peak. False: out of memory. */
static bool take(const exporter *e, snapshot *to, bool at_peak)
{
    const sites *tree = &e->sites;
    const state *s = e->state;
    size_t count = 0;

    if (!sum_up(e, at_peak))
        return false;
    to->bytes = s->sums[0];
    for (size_t i = 0; i < tree->count; i++)
        count += is_large(s->sums[i], to->bytes);
    to->shares = calloc(count + 1, sizeof *to->shares);
    if (!to->shares)
        return false;
    for (uint32_t i = 0; i < tree->count; i++)
        if (is_large(s->sums[i], to->bytes))
            to->shares[to->count++] = (share){s->sums[i], i, 0};
    for (uint32_t i = 1; i < tree->count; i++)
        if (s->sums[i] > 0 && !is_large(s->sums[i], to->bytes))
            count_small(to, tree->all[i].parent);
    qsort(to->shares, to->count, sizeof *to->shares, by_bytes);
    return true;
}

static void thin_out(state *s)
{
    for (size_t i = 0; i < MOST; i++)
        if (i % 2 == 1)
            free(s->all[i].shares);
        else
            s->all[i / 2] = s->all[i];
    s->count = MOST / 2;
    memset(s->all + s->count, 0, (MOST - s->count) * sizeof *s->all);
    s->step *= 2;
}

/* A snapshot of now, if it is time. */
static bool take_if_due(exporter *e)
{
    state *s = e->state;

    if (time_now(e) < s->next)
        return true;
    if (s->count == MOST)
        thin_out(s);
    s->all[s->count].time = time_now(e);
    s->next = time_now(e) + s->step;
    return take(e, &s->all[s->count++], false);
}

static bool begin(exporter *e)
{
    state *s = e->state;

    s->step = 1;
    return take_if_due(e);
}

static bool call(exporter *e, const trace_item *item, const site_move *move)
{
    state *s = e->state;

    (void)item;
    s->moved += move->before + move->size;
    if (move->new_peak)
        s->peak.time = time_now(e);
    return take_if_due(e);
}

/* ---- writing ---- */

static void put_share(exporter *e, const snapshot *of, size_t at, int depth);

/* What is below one of the shares. */
static void put_below(exporter *e, const snapshot *of, size_t at, int depth)
{
    const share *one = &of->shares[at];
    uint64_t rest = one->bytes;

    for (size_t i = 0; i < of->count; i++)
        if (of->shares[i].site != 0 && e->sites.all[of->shares[i].site].parent == one->site) {
            put_share(e, of, i, depth + 1);
            rest -= of->shares[i].bytes;
        }
    if (one->small > 0)
        text_format(&e->text,
                    "%*sn0: %llu in %lu place%s, all below massif's threshold (%d.00%%)\n",
                    depth + 1, "", (unsigned long long)rest, (unsigned long)one->small,
                    one->small == 1 ? "" : "s", PERCENT);
}

static void put_share(exporter *e, const snapshot *of, size_t at, int depth)
{
    const share *one = &of->shares[at];
    unsigned long below = one->small > 0;
    char name[TEXT_NAME], program[TEXT_NAME];

    for (size_t i = 0; i < of->count; i++)
        below += of->shares[i].site != 0 && e->sites.all[of->shares[i].site].parent == one->site;
    text_format(&e->text, "%*sn%lu: %llu ", depth, "", below, (unsigned long long)one->bytes);
    if (depth == 0) {
        text_words(&e->text, "(heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n");
    } else {
        export_site_name(e, one->site, swaps, name);
        export_program(e, swaps, program, sizeof program);
        text_format(&e->text, "0x%lX: %s (in %s)\n", (unsigned long)one->site, name, program);
    }
    put_below(e, of, at, depth);
}

static void put_time(exporter *e, uint64_t time)
{
    if (e->count_calls)
        text_format(&e->text, "time=%llu\n", (unsigned long long)time);
    else
        text_format(&e->text, "time=%llu.%03llu\n", (unsigned long long)(time / 1000000),
                    (unsigned long long)(time / 1000 % 1000));
}

static void put_snapshot(exporter *e, const snapshot *one, size_t number, const char *tree)
{
    text_format(&e->text, "#-----------\nsnapshot=%zu\n#-----------\n", number);
    put_time(e, one->time);
    text_format(&e->text, "mem_heap_B=%llu\nmem_heap_extra_B=0\nmem_stacks_B=0\nheap_tree=%s\n",
                (unsigned long long)one->bytes, tree);
    if (strcmp(tree, "empty") == 0)
        return;
    if (one->count > 0)
        put_share(e, one, 0, 0);
    else
        text_words(&e->text, "n0: 0 (heap allocation functions) malloc/new/new[], --alloc-fns, "
                             "etc.\n");
}

static bool end(exporter *e)
{
    state *s = e->state;
    char words[TEXT_NAME * 2];
    size_t number = 0;
    bool told = e->sites.peak_bytes == 0;

    s->next = 0; /* the end has one too */
    if (!take_if_due(e) || !take(e, &s->peak, true))
        return false;
    export_command(e, "#~", words, sizeof words);
    text_format(&e->text, "desc: written by loam export\ncmd: %s\ntime_unit: %s\n", words,
                e->count_calls ? "B" : "ms");
    for (size_t i = 0; i < s->count; i++) {
        bool last = i + 1 == s->count;

        if (!told && s->all[i].time >= s->peak.time) {
            put_snapshot(e, &s->peak, number++, "peak");
            told = true;
        }
        put_snapshot(e, &s->all[i], number++,
                     last || (i + 1) % DETAILED_EVERY == 0 ? "detailed" : "empty");
    }
    return true;
}

static void drop(exporter *e)
{
    state *s = e->state;

    for (size_t i = 0; i < MOST; i++)
        free(s->all[i].shares);
    free(s->peak.shares);
    free(s->sums);
}

const export_format export_massif = {"massif", false, sizeof(state), begin, call, NULL, end, drop};
