#include "memory.h"

static bool init_loam(struct memory *memory)
{
    const loam_pool_class_config pool = {
        .size = sizeof(struct word), .allocator = loam_vm_allocator(), .name = "records"};
    const loam_heap_config heap = {.granule = 8}; /* texts need no alignment */
    const loam_arena_config nodes = {.name = "nodes"}, places = {.name = "places"};

    if (!loam_arena_init(&memory->nodes, &nodes))
        return false;
    if (!loam_arena_init(&memory->places, &places)) {
        loam_arena_deinit(&memory->nodes);
        return false;
    }
    memory->heap = loam_heap_create(loam_vm_allocator(), &heap);
    if (!memory->heap || !loam_pool_class_init(&memory->pool, &pool)) {
        loam_heap_destroy(memory->heap);
        loam_arena_deinit(&memory->places);
        loam_arena_deinit(&memory->nodes);
        return false;
    }
    memory->scratch_scope = loam_scratch_begin(NULL, 0);
    memory->words.records = loam_pool_class_allocator(&memory->pool);
    memory->words.texts = loam_heap_allocator(memory->heap);
    memory->words.nodes = loam_arena_allocator(&memory->nodes);
    memory->words.places = loam_arena_allocator(&memory->places);
    memory->scratch = loam_arena_allocator(memory->scratch_scope.arena);
    return true;
}

static void init_libc(struct memory *memory)
{
    loam_allocator libc = loam_libc_allocator();

    memory->words = (struct words_memory){libc, libc, libc, libc};
    memory->scratch = libc;
}

/* Puts a budget in front of a handle, whose bytes are charged to its parent as well. */
static void charge(loam_allocator *handle, loam_budget *budget, loam_budget *parent)
{
    const loam_budget_config config = {.parent = parent};

    loam_budget_init(budget, *handle, &config);
    *handle = loam_budget_allocator(budget);
}

static void limit_words(struct memory *memory, size_t limit)
{
    const loam_budget_config config = {.tag = "words", .limit = limit};

    memory->limited = true;
    loam_budget_init(&memory->words_budget, memory->words.records, &config);
    charge(&memory->words.records, &memory->records_budget, &memory->words_budget);
    charge(&memory->words.texts, &memory->texts_budget, &memory->words_budget);
}

/* Puts a counter in front of a handle. */
static void count(loam_allocator *handle, loam_counting *counter)
{
    loam_counting_init(counter, *handle);
    *handle = loam_counting_allocator(counter);
}

bool memory_init(struct memory *memory, memory_kind kind, size_t limit, bool counted)
{
    memory->kind = kind;
    memory->limited = false;
    if (kind == MEMORY_LIBC)
        init_libc(memory);
    else if (!init_loam(memory))
        return false;
    if (limit)
        limit_words(memory, limit);
    if (counted) {
        count(&memory->words.records, &memory->records_counter);
        count(&memory->words.texts, &memory->texts_counter);
        count(&memory->words.nodes, &memory->nodes_counter);
        count(&memory->words.places, &memory->places_counter);
        count(&memory->scratch, &memory->scratch_counter);
    }
    return true;
}

void memory_deinit(struct memory *memory)
{
    if (memory->limited) {
        loam_budget_deinit(&memory->texts_budget);
        loam_budget_deinit(&memory->records_budget);
        loam_budget_deinit(&memory->words_budget);
    }
    if (memory->kind == MEMORY_LIBC)
        return;
    loam_scratch_end(&memory->scratch_scope);
    loam_heap_destroy(memory->heap);
    loam_pool_class_deinit(&memory->pool);
    loam_arena_deinit(&memory->places);
    loam_arena_deinit(&memory->nodes);
}

/* ---- the table ---- */

static void print_size(FILE *out, size_t size)
{
    static const char units[] = "KMGTPE";
    double scaled = (double)size / 1024;
    size_t unit = 0;

    if (size < 1024) {
        fprintf(out, "%10zu B", size);
        return;
    }
    while (scaled >= 1023.95) { /* which would be shown as 1024.0 */
        scaled /= 1024;
        unit++;
    }
    fprintf(out, "%8.1f %ciB", scaled, units[unit]);
}

static void print_row(FILE *out, const char *name, const loam_stats *stats)
{
    fprintf(out, "  %-24s", name);
    print_size(out, stats->live);
    print_size(out, stats->peak);
    print_size(out, stats->committed);
    if (stats->reserved > 0)
        print_size(out, stats->reserved);
    else
        fprintf(out, "%12s", "-");
    print_size(out, stats->lost);
    fputc('\n', out);
}

/* An arena knows how far it was pushed, the counter in front of it what was asked for; what lies
 * between is padding. */
static void print_arena(FILE *out, const char *name, const loam_arena *arena, size_t asked)
{
    loam_stats stats;

    loam_arena_stats(arena, &stats);
    stats.lost = stats.live - asked;
    print_row(out, name, &stats);
}

/* What lies between what a pool or a heap holds live and what was asked for is rounding. */
static void print_source(FILE *out, const char *name, loam_stats stats, size_t asked)
{
    stats.lost = stats.live > asked ? stats.live - asked : 0;
    print_row(out, name, &stats);
}

void memory_print(const struct memory *memory, const struct files *files, FILE *out)
{
    loam_stats records, texts, nodes, places, scratch, stats;

    if (memory->kind == MEMORY_LIBC)
        return;
    loam_counting_stats(&memory->records_counter, &records);
    loam_counting_stats(&memory->texts_counter, &texts);
    loam_counting_stats(&memory->nodes_counter, &nodes);
    loam_counting_stats(&memory->places_counter, &places);
    loam_counting_stats(&memory->scratch_counter, &scratch);

    fprintf(out, "\n%-26s%12s%12s%12s%12s%12s\n", "memory", "live", "peak", "committed", "reserved",
            "lost to");
    fprintf(out, "%86s\n", "rounding up");
    print_arena(out, "files    an arena", &files->arena, files_asked(files));
    loam_pool_class_stats(&memory->pool, &stats);
    print_source(out, "records  a pool", stats, records.live);
    loam_heap_stats(memory->heap, &stats);
    print_source(out, "texts    a heap", stats, texts.live);

    print_arena(out, "nodes    an arena", &memory->nodes, nodes.live);
    print_arena(out, "places   an arena", &memory->places, places.live);

    loam_scratch_stats(&stats);
    stats.lost = stats.live - scratch.live;
    print_row(out, "scratch  arenas", &stats);
    fprintf(out, "The words made %zu requests.\n", records.allocations + texts.allocations);
}
