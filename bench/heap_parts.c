/* heap_parts.c: what the rows of heaps and the sweep of a heap's constants stand on. */
#include "heap_parts.h"

#include "machine.h"

#include <stdlib.h>
#include <sys/mman.h>

/* ---- memory ---- */

size_t bench_heap_roomy(const bench_trace *t)
{
    return ((size_t)t->peak * 4 + ((size_t)4 << 20)) & ~(size_t)4095;
}

void *bench_map_memory(size_t size)
{
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (mapped == MAP_FAILED)
        abort();
    (void)madvise(mapped, size, MADV_HUGEPAGE);
    return mapped;
}

void *bench_heap_memory(size_t size)
{
    static void *memory;
    static size_t mapped;

    if (mapped < size) {
        if (memory)
            munmap(memory, mapped);
        memory = bench_map_memory(size);
        memset(memory, 1, size);
        mapped = size;
    }
    return memory;
}

/* ---- recorded programs ---- */

double bench_heap_replay(const loam_bench_heap *heap, const bench_trace *t, void *memory,
                         size_t size, uint32_t *ticks)
{
    void *opened = heap->open(memory, size);
    double seconds = -1;
    size_t done = 0;

    if (!opened)
        return seconds;
    if (ticks) {
        done = heap->replay_timed(opened, t->blocks, t->steps, t->count, ticks);
    } else {
        double began = machine_own_seconds();

        done = heap->replay(opened, t->blocks, t->steps, t->count);
        seconds = machine_own_seconds() - began;
    }
    if (done < t->count)
        seconds = -1;
    else
        heap->replay(opened, t->blocks, t->rest, t->rest_count);
    heap->close(opened);
    return ticks && done == t->count ? 0 : seconds;
}

/* The step from `from` on and before `to` behind which the most is live. */
static size_t fullest(const bench_trace *t, size_t from, size_t to, uint64_t *live)
{
    uint64_t most = 0;
    size_t at = from;

    for (size_t i = from; i < to; i++) {
        *live += t->steps[i].size;
        *live -= t->steps[i].before;
        if (*live > most) {
            most = *live;
            at = i;
        }
    }
    return at;
}

size_t bench_heap_resident(const loam_bench_heap *heap, const bench_trace *t, void *memory,
                           size_t size)
{
    enum { PARTS = 256 };
    size_t before, most, faults = 0, done = 0;
    uint64_t live = 0;
    void *opened;

    (void)machine_anonymous_bytes(); /* takes pages itself, the first time */
    before = most = machine_anonymous_bytes();
    opened = heap->open(memory, size);
    for (size_t part = 0; opened && part <= PARTS; part++) {
        size_t from = t->count * part / PARTS, to = t->count * (part + 1) / PARTS;
        size_t until = part < PARTS ? fullest(t, from, to, &live) + 1 : t->count;
        size_t now;

        if (until <= done)
            continue;
        done += heap->replay(opened, t->blocks, t->steps + done, until - done);
        if (done < until)
            return 0;
        if (machine_faults() == faults)
            continue;
        now = machine_anonymous_bytes();
        most = now > most ? now : most;
        faults = machine_faults();
    }
    if (!opened)
        return 0;
    heap->replay(opened, t->blocks, t->rest, t->rest_count);
    heap->close(opened);
    return most - before;
}

static bool fits(const loam_bench_heap *heap, const bench_trace *t, void *memory, size_t size)
{
    return bench_heap_replay(heap, t, memory, size, NULL) >= 0;
}

size_t bench_heap_smallest(const loam_bench_heap *heap, const bench_trace *t)
{
    size_t step = (size_t)t->peak / 4096 < 64 ? 64 : (size_t)t->peak / 4096 & ~(size_t)63;
    size_t low = 0, high = (size_t)t->peak / step, most = bench_heap_roomy(t) / step;
    void *memory = bench_heap_memory(most * step);

    while (!fits(heap, t, memory, high * step)) {
        low = high;
        high += high / 8 + 1;
        if (high > most)
            return 0;
    }
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (fits(heap, t, memory, middle * step))
            high = middle;
        else
            low = middle;
    }
    return high * step;
}

/* ---- drawn blocks ---- */

/* Mostly small: 16 * 2^e bytes and up to as many again. e is 0, and one more as long as three of five
 * say so, 13 at most: 16 B to 256 KiB, 735 bytes on average. Uniform: 16 to 4096 bytes. Drawn with
 * seed 1, the same for all contenders. */
static uint32_t draw_size(uint64_t *state, size_t mixture)
{
    uint32_t size = 16;

    if (mixture == BENCH_UNIFORM)
        return (uint32_t)(16 + loam_bench_draw(state, 4096 - 16 + 1));
    while (size < 131072 && loam_bench_draw(state, 5) < 3)
        size *= 2;
    return size + (uint32_t)loam_bench_draw(state, size + 1);
}

const uint32_t *bench_drawn_sizes(size_t mixture)
{
    static uint32_t sizes[BENCH_MIXTURES][BENCH_DRAWN];
    uint64_t state = 1;

    if (sizes[mixture][0] == 0)
        for (size_t i = 0; i < BENCH_DRAWN; i++)
            sizes[mixture][i] = draw_size(&state, mixture);
    return sizes[mixture];
}

static void *map_array(size_t size)
{
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (mapped == MAP_FAILED)
        abort();
    memset(mapped, 0, size);
    return mapped;
}

void bench_churn_start(loam_bench_churn *c, size_t mixture, uint64_t held)
{
    size_t most = (size_t)held / 16;

    *c = (loam_bench_churn){.most = most,
                            .held = held,
                            .drawn = bench_drawn_sizes(mixture),
                            .drawn_count = BENCH_DRAWN,
                            .state = 1};
    c->blocks = map_array(most * sizeof *c->blocks);
    c->sizes = map_array(most * sizeof *c->sizes);
}

void bench_churn_end(loam_bench_churn *c, const loam_bench_heap *heap, void *opened)
{
    heap->shrink(opened, c, 0);
    munmap(c->blocks, c->most * sizeof *c->blocks);
    munmap(c->sizes, c->most * sizeof *c->sizes);
}
