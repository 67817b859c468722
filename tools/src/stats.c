/* stats.c: `loam stats`: what a trace is made of, and what follows from it.
 *
 * Reads the trace once. Takes memory for the slots of the trace, not for its length.
 */
#include "export_text.h"
#include "stats_classes.h"
#include "tool.h"
#include "traces/trace_reader.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run(int argc, char **argv);

const tool_command tool_stats = {
    "stats", "tells what a trace is made of, and what follows from it",
    "Usage: loam stats [OPTIONS] FILE\n"
    "\n"
    "Reads the trace FILE and prints sizes, lifetimes, threads, allocators, tags and the peak, "
    "the\n"
    "size classes that would waste least, and advice, each with the figure that it follows from.\n"
    "\n"
    "  --classes N  how many size classes (default 16, at most 64)\n"
    "  -h, --help   this text\n"
    "\n"
    "A lifetime is counted in calls, from the request that filled a block to the one that gave it\n"
    "back. A block is given in LIFO order if it is the youngest of those that live.\n",
    run};

enum { DOUBLINGS = 48, NAMES = 65536, SHORT_LIFE = 32, NONE = -1 };

typedef struct pair {
    uint64_t count, bytes;
} pair;

/* What is known of a live block. */
typedef struct block {
    int64_t older, newer; /* by age; NONE */
    uint64_t size, born;
    uint16_t thread;
} block;

/* Of an allocator or a tag. */
typedef struct name_sums {
    uint64_t requests, bytes, live, peak, bulks;
} name_sums;

typedef struct stats {
    const char *file;
    trace_reader *reader;
    uint64_t calls, frees, resizes, aligned, zeroed, moved_bytes, bulks, bulk_blocks;
    uint64_t lifo, other_thread, short_lived, short_bytes, threads,
        wide; /* wide: above the table */
    uint64_t last_time;
    pair sizes[DOUBLINGS], lives[DOUBLINGS];
    block *blocks;
    size_t slots;
    int64_t newest;
    name_sums *names; /* by text */
    uint64_t *table;  /* requests by size in words of 8 bytes, for classes */
} stats;

static unsigned doubling(uint64_t value)
{
    unsigned log2 = 0;

    while (value > 1 && log2 + 1 < DOUBLINGS) {
        value = (value + 1) / 2;
        log2++;
    }
    return log2;
}

/* ---- items ---- */

static void know_slot(stats *s, uint32_t slot)
{
    size_t wanted = s->slots ? s->slots : 1024;

    while (wanted <= slot)
        wanted *= 2;
    if (wanted == s->slots)
        return;
    s->blocks = realloc(s->blocks, wanted * sizeof *s->blocks);
    if (!s->blocks)
        tool_fail(EXIT_BAD, "out of memory");
    s->slots = wanted;
}

static void count_size(stats *s, uint64_t size)
{
    pair *sum = &s->sizes[doubling(size)];

    sum->count++;
    sum->bytes += size;
    if (size > CLASSES_LARGEST)
        s->wide++;
    else
        s->table[size == 0 ? 0 : (size - 1) / 8]++;
}

static void count_names(stats *s, const trace_item *item)
{
    const uint32_t names[] = {item->allocator, item->tag};

    for (size_t i = 0; i < 2; i++) {
        name_sums *n = &s->names[names[i] < NAMES ? names[i] : 0];

        if (names[i] == 0 && i == 1)
            continue;
        n->live += item->size - item->before;
        n->peak = n->live > n->peak ? n->live : n->peak;
        n->requests += item->op != TRACE_FREE;
        n->bytes += item->op != TRACE_FREE ? item->size : 0;
    }
}

static void take(stats *s, const trace_item *item)
{
    block *b = &s->blocks[item->slot];

    *b = (block){s->newest, NONE, item->size, s->calls, item->thread};
    if (s->newest != NONE)
        s->blocks[s->newest].newer = item->slot;
    s->newest = item->slot;
    count_size(s, item->size);
    s->aligned += item->op == TRACE_ALLOC_ALIGNED;
    s->zeroed += item->op == TRACE_ALLOC_ZEROED;
}

static void give(stats *s, const trace_item *item)
{
    block *b = &s->blocks[item->slot];
    uint64_t life = s->calls - b->born;

    s->frees++;
    s->lifo += s->newest == item->slot;
    s->other_thread += b->thread != item->thread;
    s->short_lived += life <= SHORT_LIFE;
    s->short_bytes += life <= SHORT_LIFE ? b->size : 0;
    s->lives[doubling(life)].count++;
    s->lives[doubling(life)].bytes += b->size;
    if (b->older != NONE)
        s->blocks[b->older].newer = b->newer;
    if (b->newer != NONE)
        s->blocks[b->newer].older = b->older;
    else
        s->newest = b->older;
}

static void count_call(stats *s, const trace_item *item)
{
    know_slot(s, item->slot);
    s->calls++;
    if (s->threads < item->thread)
        s->threads = item->thread;
    if (item->op == TRACE_FREE)
        give(s, item);
    else if (item->op != TRACE_RESIZE)
        take(s, item);
    if (item->op == TRACE_RESIZE) {
        s->blocks[item->slot].size = item->size;
        s->resizes++;
        s->moved_bytes += item->before < item->size ? item->before : item->size;
        count_size(s, item->size);
    }
    count_names(s, item);
}

static void read_trace(stats *s)
{
    trace_error error = {0, ""};
    trace_item item;
    trace_result got = TRACE_WRONG;
    uint64_t items = 0;

    s->reader = trace_reader_open(s->file, &error);
    while (s->reader && (got = trace_reader_next(s->reader, &item, &error)) == TRACE_GOT) {
        s->last_time = item.time;
        if (item.op <= TRACE_ALLOC_ALIGNED)
            count_call(s, &item);
        if (item.op == TRACE_BULK) {
            s->bulks++;
            s->bulk_blocks += item.blocks;
            s->names[item.allocator < NAMES ? item.allocator : 0].bulks++;
        }
        if (++items % (1 << 18) == 0)
            tool_progress("reading", trace_reader_at(s->reader), trace_reader_size(s->reader));
    }
    tool_progress_end();
    if (got != TRACE_DONE)
        tool_fail(EXIT_BAD, "%s: at byte %llu: %s", s->file, (unsigned long long)error.offset,
                  error.reason);
}

/* ---- telling ---- */

static double percent(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
}

/* A name as a terminal may show it. */
static const char *clean(const char *name, char *to, size_t room)
{
    (void)text_clean(to, room, name, "");
    return to;
}

static void tell_summary(const stats *s)
{
    const trace_sums *sums = trace_reader_sums(s->reader);
    trace_text_kind kind;
    const char *program = trace_reader_text(s->reader, 1, &kind);
    char words[101];

    printf("%s", s->file);
    if (program && kind == TRACE_TEXT_PROGRAM)
        printf(": %s", clean(program, words, sizeof words));
    printf("\n\n  calls        %16s\n", tool_count(s->calls));
    if (s->last_time)
        printf("  time         %16s\n", tool_time((double)s->last_time));
    printf("  requests     %16s  %s in all, the largest %s\n", tool_count(sums->requests),
           tool_bytes(sums->total_bytes), tool_bytes(sums->largest_request));
    printf("    zeroed     %16s\n    aligned    %16s\n    resized    %16s  %s kept\n",
           tool_count(s->zeroed), tool_count(s->aligned), tool_count(s->resizes),
           tool_bytes(s->moved_bytes));
    printf("  given back   %16s  %.1f %% by another thread\n", tool_count(s->frees),
           percent(s->other_thread, s->frees));
    if (s->bulks)
        printf("    in bulk    %16s  in %s events\n", tool_count(s->bulk_blocks),
               tool_count(s->bulks));
    printf("  peak         %16s  in at most %s blocks\n", tool_bytes(sums->peak_live_bytes),
           tool_count(sums->peak_live_objects));
    printf("  live at end  %16s  in %s blocks\n", tool_bytes(trace_reader_live_bytes(s->reader)),
           tool_count(trace_reader_live_objects(s->reader)));
    printf("  threads      %16s\n", tool_count(s->threads));
    if (sums->lost)
        printf("  missing      %16s  calls that were not recorded\n", tool_count(sums->lost));
}

static void tell_doublings(const char *title, const char *unit, const pair *all, uint64_t count,
                           uint64_t bytes)
{
    printf("\n%s\n  %18s %16s %7s %12s %7s\n", title, unit, "blocks", "", "bytes", "");
    for (unsigned i = 0; i < DOUBLINGS; i++) {
        if (all[i].count == 0)
            continue;
        printf("  %18s %16s %5.1f %% %12s %5.1f %%\n", tool_count((uint64_t)1 << i),
               tool_count(all[i].count), percent(all[i].count, count), tool_bytes(all[i].bytes),
               percent(all[i].bytes, bytes));
    }
}

static void tell_names(const stats *s)
{
    static const struct {
        trace_text_kind kind;
        const char *title;
    } tables[] = {{TRACE_TEXT_ALLOCATOR, "Allocators"}, {TRACE_TEXT_TAG, "Tags"}};

    for (size_t t = 0; t < 2; t++) {
        bool begun = false;
        trace_text_kind kind;
        const char *name;
        char words[25];

        for (uint32_t i = 1; (name = trace_reader_text(s->reader, i, &kind)) != NULL; i++) {
            const name_sums *n = &s->names[i < NAMES ? i : 0];

            if (kind != tables[t].kind)
                continue;
            if (!begun)
                printf("\n%s\n  %-24s %14s %12s %12s %10s\n", tables[t].title, "", "requests",
                       "bytes", "peak", "bulk");
            begun = true;
            printf("  %-24s %14s %12s %12s %10s\n", clean(name, words, sizeof words),
                   tool_count(n->requests), tool_bytes(n->bytes), tool_bytes(n->peak),
                   tool_count(n->bulks));
        }
    }
}

static void tell_classes(const stats *s, size_t count)
{
    classes_result best, powers, geometric;

    classes_powers(s->table, &powers);
    classes_geometric(s->table, &geometric);
    if (!classes_best(s->table, count, &best)) {
        tool_say("no memory to look for size classes");
        return;
    }
    if (best.count == 0)
        return;
    printf("\nSize classes up to %d bytes, for %s requests\n", CLASSES_LARGEST,
           tool_count(best.requests));
    printf("  the best %-2zu waste  %5.1f %% of what is handed out:", best.count, best.waste);
    for (size_t i = 0; i < best.count; i++)
        printf("%s%zu", i % 12 == 0 ? "\n    " : " ", best.sizes[i]);
    printf("\n  powers of two      %5.1f %%, in %zu classes\n", powers.waste, powers.count);
    printf("  four to a doubling %5.1f %%, in %zu classes\n", geometric.waste, geometric.count);
}

/* ---- advice ---- */

static bool advise_on_lives(const stats *s)
{
    double lifo = percent(s->lifo, s->frees), brief = percent(s->short_lived, s->frees);
    bool told = false;

    if (lifo >= 60) {
        printf(
            "  %.0f %% of blocks are given back in LIFO order: an arena with marks needs no list "
            "of free\n  blocks for them (loam/arena.h, loam/scratch.h).\n",
            lifo);
        told = true;
    }
    if (brief >= 50) {
        printf("  %.0f %% of blocks, %s, live for %d calls at most: scratch memory of the thread "
               "would do\n  (loam/scratch.h).\n",
               brief, tool_bytes(s->short_bytes), SHORT_LIFE);
        told = true;
    }
    return told;
}

static bool advise_on_sizes(const stats *s)
{
    uint64_t requests = trace_reader_sums(s->reader)->requests, most = 0;
    size_t at = 0, second = 0;

    for (size_t i = 0; i < CLASSES_WORDS; i++)
        if (s->table[i] > most) {
            second = at;
            at = i;
            most = s->table[i];
        }
    most += second != at ? s->table[second] : 0;
    if (percent(most, requests) < 50 || requests < 1000)
        return false;
    printf(
        "  %.0f %% of requests are for %zu or %zu bytes or a few less: a pool class of their own "
        "has no\n  header for each (loam/pool_class.h).\n",
        percent(most, requests), (at + 1) * 8, (second + 1) * 8);
    return true;
}

static bool advise_on_others(const stats *s)
{
    const trace_sums *sums = trace_reader_sums(s->reader);
    bool told = false;

    if (percent(s->resizes, sums->requests) >= 10) {
        printf("  %.0f %% of requests resize a block, which keeps %s: arrays that grow in reserved "
               "address\n  space copy nothing (loam/vec.h).\n",
               percent(s->resizes, sums->requests), tool_bytes(s->moved_bytes));
        told = true;
    }
    if (percent(s->other_thread, s->frees) >= 5) {
        printf("  %.0f %% of blocks are given back by another thread than took them: the allocator "
               "must be one\n  for that (loam/heap_sharded.h, loam/pool_threaded.h).\n",
               percent(s->other_thread, s->frees));
        told = true;
    }
    if (percent(trace_reader_live_objects(s->reader), sums->requests) >= 50) {
        printf(
            "  %.0f %% of what is asked for is never given back: an arena costs nothing for it.\n",
            percent(trace_reader_live_objects(s->reader), sums->requests));
        told = true;
    }
    return told;
}

static void tell_advice(const stats *s)
{
    bool told;

    puts("\nAdvice");
    told = advise_on_lives(s);
    told = advise_on_sizes(s) || told;
    told = advise_on_others(s) || told;
    if (!told)
        puts("  Nothing stands out: a heap for all sizes is right (loam/heap.h).");
}

/* ---- the whole ---- */

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"classes", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    static stats s = {.newest = NONE};
    uint64_t classes = 16, blocks = 0, bytes = 0;
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h')
            return tool_help();
        if (option != 'c' || !tool_read_number(optarg, 1, CLASSES_MOST, &classes))
            tool_usage(option == 'c' ? "--classes wants a number from 1 to 64" : NULL);
    }
    if (optind + 1 != argc)
        tool_usage(optind == argc ? "which trace?" : "one trace at a time");
    s.file = argv[optind];
    s.names = calloc(NAMES, sizeof *s.names);
    s.table = calloc(CLASSES_WORDS, sizeof *s.table);
    if (!s.names || !s.table)
        tool_fail(EXIT_BAD, "out of memory");
    read_trace(&s);
    tell_summary(&s);
    tell_doublings("Sizes", "up to bytes", s.sizes, trace_reader_sums(s.reader)->requests,
                   trace_reader_sums(s.reader)->total_bytes);
    for (unsigned i = 0; i < DOUBLINGS; i++) {
        blocks += s.lives[i].count;
        bytes += s.lives[i].bytes;
    }
    tell_doublings("Lifetimes of what was given back", "up to calls", s.lives, blocks, bytes);
    tell_names(&s);
    tell_classes(&s, (size_t)classes);
    tell_advice(&s);
    trace_reader_close(s.reader);
    free(s.blocks);
    free(s.names);
    free(s.table);
    return EXIT_GOOD;
}
