#include "memory.h"

static bool init_loam(struct memory *memory, size_t limit)
{
    /* All that is pushed has the alignment of a pointer; rounding up to more would be a waste. */
    const loam_arena_config config = {
        .name = "words", .auto_align = LOAM_ALIGNOF(void *), .limit = limit};

    if (!loam_arena_init(&memory->arena, &config))
        return false;
    memory->scratch_scope = loam_scratch_begin(NULL, 0);
    memory->words = loam_arena_allocator(&memory->arena);
    memory->arrays = loam_vm_allocator();
    memory->scratch = loam_arena_allocator(memory->scratch_scope.arena);
    return true;
}

static void init_libc(struct memory *memory, size_t limit)
{
    const loam_budget_config config = {.tag = "words", .limit = limit};

    loam_budget_init(&memory->budget, loam_libc_allocator(), &config);
    memory->words = limit ? loam_budget_allocator(&memory->budget) : loam_libc_allocator();
    memory->arrays = loam_libc_allocator();
    memory->scratch = loam_libc_allocator();
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
    if (kind == MEMORY_LIBC)
        init_libc(memory, limit);
    else if (!init_loam(memory, limit))
        return false;
    if (counted) {
        count(&memory->words, &memory->words_counter);
        count(&memory->arrays, &memory->arrays_counter);
        count(&memory->scratch, &memory->scratch_counter);
    }
    return true;
}

void memory_deinit(struct memory *memory)
{
    if (memory->kind == MEMORY_LIBC) {
        loam_budget_deinit(&memory->budget);
        return;
    }
    loam_scratch_end(&memory->scratch_scope);
    loam_arena_deinit(&memory->arena);
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

void memory_print(const struct memory *memory, const struct files *files, FILE *out)
{
    loam_stats words, arrays, scratch, stats;

    if (memory->kind == MEMORY_LIBC)
        return;
    loam_counting_stats(&memory->words_counter, &words);
    loam_counting_stats(&memory->arrays_counter, &arrays);
    loam_counting_stats(&memory->scratch_counter, &scratch);

    fprintf(out, "\n%-26s%12s%12s%12s%12s%12s\n", "memory", "live", "peak", "committed", "reserved",
            "lost to");
    fprintf(out, "%86s\n", "alignment");
    print_arena(out, "files    an arena", &files->arena, files_asked(files));
    print_arena(out, "words    an arena", &memory->arena, words.live);

    stats = arrays;
    stats.committed = loam_good_size(memory->arrays, arrays.live, LOAM_ALIGNOF(void *));
    stats.lost = stats.committed - arrays.live;
    print_row(out, "arrays   whole pages", &stats);

    loam_scratch_stats(&stats);
    stats.lost = stats.live - scratch.live;
    print_row(out, "scratch  arenas", &stats);
    fprintf(out, "The words made %zu requests. Pages are lost to rounding up.\n",
            words.allocations);
}
