/* heap_traces.c: finds traces, and turns one into what the loops want: in a child, which writes to
 * memory that it shares, so that nothing that reading needs is ever taken from this process's malloc.
 */
#include "heap_traces.h"

#include "traces/trace.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRACES = 16, NAME_SIZE = 24, PATH_SIZE = 512 };

typedef struct entry {
    char name[NAME_SIZE];
    char path[PATH_SIZE];
} entry;

static entry entries[TRACES];
static size_t entry_count;

/* ---- which there are ---- */

static bool fit_name(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9') &&
            name[i] != '_')
            return false;
    return length > 0 && length < NAME_SIZE;
}

static void add_entry(const char *folder, const char *file)
{
    size_t length = strlen(file), stem = length < 4 ? 0 : length - 4;
    entry *added = &entries[entry_count];

    if (entry_count == TRACES || stem == 0 || strcmp(file + stem, ".mtr") != 0 ||
        !fit_name(file, stem))
        return;
    snprintf(added->name, sizeof added->name, "%.*s", (int)stem, file);
    snprintf(added->path, sizeof added->path, "%s%s%s", folder, folder[0] ? "/" : "", file);
    entry_count++;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->name, ((const entry *)b)->name);
}

void bench_traces_find(void)
{
    DIR *folder = LOAM_TRACE_DIR[0] ? opendir(LOAM_TRACE_DIR) : NULL;
    const struct dirent *file;

    snprintf(entries[0].name, NAME_SIZE, "words");
    snprintf(entries[0].path, PATH_SIZE, "%s", LOAM_TRACE_SMALL);
    entry_count = 1;
    while (folder && (file = readdir(folder)) != NULL)
        add_entry(LOAM_TRACE_DIR, file->d_name);
    if (folder)
        closedir(folder);
    qsort(entries + 1, entry_count - 1, sizeof *entries, by_name);
}

size_t bench_traces_count(void)
{
    return entry_count;
}

const char *bench_traces_name(size_t index)
{
    return entries[index].name;
}

/* ---- one of them ---- */

/* What child and parent share: this, then steps, then the steps that give the rest. */
typedef struct parcel {
    size_t count, rest_count, slots;
    uint64_t peak, floor_8, floor_16;
    char why[200];
    loam_bench_step steps[];
} parcel;

static uint64_t with_header(uint64_t size, uint64_t granule)
{
    uint64_t bytes = (size + 8 + granule - 1) & ~(granule - 1);

    return bytes < 16 ? 16 : bytes;
}

/* The floor under every heap that has one word for each block. */
static uint64_t floor_of(const trace *t, uint64_t granule)
{
    uint64_t bytes = 0, most = 0;

    for (size_t i = 0; i < t->count; i++) {
        const trace_step *s = &t->steps[i];

        if (s->op == TRACE_RESIZE || s->op == TRACE_FREE)
            bytes -= with_header(s->before, granule);
        if (s->op != TRACE_FREE)
            bytes += with_header(s->size, granule);
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* In the loops no size is 0. */
static uint32_t wanted(uint64_t size)
{
    return size == 0 ? 1 : (uint32_t)size;
}

static void convert(const trace *t, parcel *out)
{
    uint32_t *sizes = calloc(t->slots + 1, sizeof *sizes);
    loam_bench_step *rest = out->steps + t->count + LOAM_BENCH_AHEAD;

    if (!sizes)
        _exit(1);
    for (size_t i = 0; i < t->count; i++) {
        const trace_step *s = &t->steps[i];
        bool gives = s->op == TRACE_FREE;

        out->steps[i] = (loam_bench_step){.slot = s->slot,
                                          .size = gives ? 0 : wanted(s->size),
                                          .before = sizes[s->slot],
                                          .op = s->op,
                                          .align_log2 = s->align_log2};
        sizes[s->slot] = gives ? 0 : wanted(s->size);
    }
    for (size_t i = 0; i < t->slots; i++)
        if (sizes[i] != 0)
            rest[out->rest_count++] =
                (loam_bench_step){.slot = (uint32_t)i, .before = sizes[i], .op = LOAM_BENCH_GIVE};
    free(sizes);
    out->count = t->count;
    out->slots = t->slots;
    out->peak = t->peak_live_bytes;
    out->floor_8 = floor_of(t, 8);
    out->floor_16 = floor_of(t, 16);
}

static void read_in_child(const char *path, parcel *out)
{
    trace_error error = {0, ""};
    trace *t;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        t = trace_load(path, &error);
        if (t)
            convert(t, out);
        else
            snprintf(out->why, sizeof out->why, "at byte %llu: %s",
                     (unsigned long long)error.offset, error.reason);
        _exit(0);
    }
    if (child > 0)
        waitpid(child, NULL, 0);
}

/* Brings shared pages to where this process finds them, before anybody counts what it has. */
static void look_at(const void *bytes, size_t size)
{
    const volatile unsigned char *page = bytes;

    for (size_t at = 0; at < size; at += 4096)
        (void)page[at];
}

static void *map(size_t size, int flags)
{
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

    return mapped == MAP_FAILED ? NULL : mapped;
}

/* Room for every step, what gives the rest, and twice the steps ahead. */
static parcel *new_parcel(const char *path)
{
    struct stat file;

    if (stat(path, &file) != 0)
        return NULL;
    return map(sizeof(parcel) + 2 * (size_t)file.st_size +
                   2 * LOAM_BENCH_AHEAD * sizeof(loam_bench_step),
               MAP_SHARED | MAP_NORESERVE);
}

const bench_trace *bench_traces_at(size_t index, const char **why)
{
    static bench_trace read[TRACES];
    static char words[300];
    bench_trace *t = &read[index];
    parcel *p;

    if (t->steps)
        return t;
    *why = "the trace cannot be read";
    p = new_parcel(entries[index].path);
    if (!p)
        return NULL;
    read_in_child(entries[index].path, p);
    if (p->count == 0) {
        snprintf(words, sizeof words, "%s", p->why[0] ? p->why : "an empty trace");
        *why = words;
        return NULL;
    }
    t->blocks = map((p->slots + 1) * sizeof *t->blocks, MAP_PRIVATE);
    if (!t->blocks)
        return NULL;
    memset(t->blocks, 0, (p->slots + 1) * sizeof *t->blocks);
    look_at(p, sizeof *p + (p->count + p->rest_count + 2 * LOAM_BENCH_AHEAD) * sizeof *p->steps);
    *t = (bench_trace){p->steps,      p->steps + p->count + LOAM_BENCH_AHEAD,
                       t->blocks,     p->count,
                       p->rest_count, p->slots,
                       p->peak,       p->floor_8,
                       p->floor_16};
    return t;
}
