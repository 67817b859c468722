/* heap_support.c: see heap_support.h. */
#include "heap/heap_support.h"

#include <stdlib.h>
#include <string.h>

/* ---- worlds ---- */

const char *heap_kind_name(heap_kind kind)
{
    static const char *const names[] = {"buffer",          "odd buffer",       "regions",
                                        "growing on libc", "growing, checked", "growing on a bump"};

    return names[kind];
}

bool heap_kind_grows(heap_kind kind)
{
    return kind >= HEAP_GROWING;
}

enum { PAGE = 4096 };

/* Memory of our own, filled so that nobody takes it for fresh. */
static unsigned char *take_memory(heap_world *w, size_t size)
{
    void *memory = NULL;

    memory = loam_alloc(loam_libc_allocator(), size, PAGE);
    EXPECT(memory != NULL);
    memset(memory, 0xa5, size);
    w->memory = (unsigned char *)memory;
    w->memory_size = size;
    return w->memory;
}

/* The buffer takes a half, the regions the rest in odd pieces with gaps between them. */
static void begin_regions(heap_world *w, const loam_heap_config *config, size_t size)
{
    static const size_t parts[WORLD_BUFFERS] = {50, 20, 14, 10, 6};
    unsigned char *at = take_memory(w, size + PAGE);

    for (size_t i = 0; i < WORLD_BUFFERS; i++) {
        w->buffers[i] = at;
        w->sizes[i] = size / 100 * parts[i] - i;
        at += w->sizes[i] + 3 + 40 * i;
        if (i == 0) {
            w->heap = loam_heap_init(w->buffers[0], w->sizes[0], config);
            EXPECT(w->heap != NULL);
        } else {
            EXPECT(loam_heap_add(w->heap, w->buffers[i], w->sizes[i]));
        }
    }
}

static void begin_growing(heap_world *w, loam_heap_config config, size_t size)
{
    static const ground_kind below[] = {GROUND_LIBC, GROUND_CHECKED, GROUND_BUMP};

    config.region_size = size;
    config.keep = w->kind == HEAP_GROWING_CHECKED ? LOAM_HEAP_KEEP_NONE : 0;
    ground_init(&w->ground, below[w->kind - HEAP_GROWING], false);
    w->heap = loam_heap_create(ground_allocator(&w->ground), &config);
    EXPECT(w->heap != NULL);
}

void world_begin(heap_world *w, heap_kind kind, size_t granule, size_t size)
{
    loam_heap_config config = {.granule = granule};
    size_t odd = kind == HEAP_ODD_BUFFER ? 13 : 0;

    memset(w, 0, sizeof *w);
    w->kind = kind;
    w->granule = granule == 0 ? 16 : granule;
    if (heap_kind_grows(kind)) {
        begin_growing(w, config, size);
    } else if (kind == HEAP_REGIONS) {
        begin_regions(w, &config, size);
    } else {
        w->buffers[0] = take_memory(w, size + 3 * odd) + odd;
        w->sizes[0] = size + odd;
        w->heap = loam_heap_init(w->buffers[0], w->sizes[0], &config);
        EXPECT(w->heap != NULL);
    }
}

void world_end(heap_world *w)
{
    if (heap_kind_grows(w->kind)) {
        loam_heap_destroy(w->heap);
        EXPECT_EQ(ground_blocks(&w->ground), 0);
        EXPECT_EQ(ground_live(&w->ground), 0);
        ground_deinit(&w->ground);
    } else {
        loam_heap_deinit(w->heap);
        memset(w->memory, 0, w->memory_size); /* ours again */
        loam_dealloc(loam_libc_allocator(), w->memory, w->memory_size, PAGE);
    }
    memset(w, 0, sizeof *w);
}

/* ---- what a walk shows ---- */

static void add_piece(heap_map *map, const loam_walk_item *item)
{
    if (map->count == map->room) {
        map->room = map->room ? 2 * map->room : 64;
        map->pieces = (heap_piece *)realloc(map->pieces, map->room * sizeof *map->pieces);
        EXPECT(map->pieces != NULL);
    }
    map->pieces[map->count++] = (heap_piece){(unsigned char *)(uintptr_t)item->address, item->size,
                                             item->kind == LOAM_WALK_LIVE};
}

static bool see_item(void *context, const loam_walk_item *item)
{
    heap_map *map = (heap_map *)context;
    const unsigned char *at = (const unsigned char *)item->address;

    EXPECT(item->size != 0);
    if (at != map->next) {
        map->regions++;
        map->after_free = false;
    }
    map->next = at + item->size;
    switch (item->kind) {
    case LOAM_WALK_LIVE:
        map->live += item->size;
        map->live_count++;
        map->after_free = false;
        add_piece(map, item);
        break;
    case LOAM_WALK_FREE:
        if (map->after_free)
            TEST_FAIL("two free blocks lie side by side at %p", item->address);
        map->free += item->size;
        map->free_count++;
        if (item->size > map->largest_free)
            map->largest_free = item->size;
        map->after_free = true;
        map->between = 0;
        add_piece(map, item);
        break;
    case LOAM_WALK_METADATA:
        map->metadata += item->size;
        map->between += item->size;
        map->after_free = map->after_free && map->between <= WORD_SIZE; /* else: another region */
        break;
    case LOAM_WALK_RESERVED:
        map->reserved += item->size;
        break;
    }
    return true;
}

void heap_map_take(heap_map *map, const loam_heap *heap)
{
    heap_piece *pieces = map->pieces;
    size_t room = map->room;

    memset(map, 0, sizeof *map);
    map->pieces = pieces;
    map->room = room;
    EXPECT(loam_heap_walk(heap, see_item, map));
}

void heap_map_end(heap_map *map)
{
    free(map->pieces);
    memset(map, 0, sizeof *map);
}

const heap_piece *heap_map_fit(const heap_map *map, size_t size)
{
    const heap_piece *best = NULL;

    for (size_t i = 0; i < map->count; i++) {
        const heap_piece *piece = &map->pieces[i];

        if (!piece->live && piece->size >= size && (!best || piece->size < best->size))
            best = piece;
    }
    return best;
}

/* What is cut off in front must be a block of its own. */
bool heap_piece_holds(const heap_piece *piece, size_t size, size_t align)
{
    size_t front = (size_t)(-(uintptr_t)piece->at & (align - 1));

    if (size < LEAST_BLOCK - WORD_SIZE)
        size = LEAST_BLOCK - WORD_SIZE;
    while (front != 0 && front < LEAST_BLOCK)
        front += align;
    return front <= piece->size && size <= piece->size - front;
}

bool heap_map_holds(const heap_map *map, size_t size, size_t align)
{
    for (size_t i = 0; i < map->count; i++) {
        if (!map->pieces[i].live && heap_piece_holds(&map->pieces[i], size, align))
            return true;
    }
    return false;
}

/* ---- looking ---- */

typedef struct place {
    const char *file;
    int line;
} place;

static void report_broken(void *context, const char *property, const void *where)
{
    const place *from = (const place *)context;

    test_fail_at(from->file, from->line, "the heap is not sound: %s at %p", property, where);
}

void expect_sound_heap(const char *file, int line, const loam_heap *heap)
{
    place from = {file, line};

    if (!loam_heap_check(heap, report_broken, &from))
        test_fail_at(file, line, "the heap is not sound, and nothing was reported");
}

loam_stats heap_stats(const loam_heap *heap)
{
    loam_stats stats;

    loam_heap_stats(heap, &stats);
    return stats;
}

loam_heap_figures heap_figures(const loam_heap *heap)
{
    loam_heap_figures figures;

    memset(&figures, 0xff, sizeof figures);
    loam_heap_measure(heap, &figures);
    return figures;
}

#define AGREE(a, b) test_expect_eq(file, line, #a, #b, (uintmax_t)(a), (uintmax_t)(b))

static void expect_figures(const char *file, int line, const loam_heap *heap, const heap_map *map)
{
    loam_heap_figures f = heap_figures(heap);
    size_t histogram[LOAM_HEAP_HISTOGRAM] = {0};
    double outside = map->free == 0 ? 0 : 1 - (double)map->largest_free / (double)map->free;

    AGREE(f.free_bytes, map->free);
    AGREE(f.free_blocks, map->free_count);
    AGREE(f.largest_free, map->largest_free);
    AGREE(f.live_blocks, map->live_count);
    for (size_t i = 0; i < map->count; i++) {
        size_t log = 0;

        while (!map->pieces[i].live && (map->pieces[i].size >> log) > 1)
            log++;
        histogram[log] += !map->pieces[i].live;
    }
    for (size_t i = 0; i < LOAM_HEAP_HISTOGRAM; i++)
        AGREE(f.histogram[i], histogram[i]);
    test_expect_le(file, line, "requested", "live", f.requested, map->live);
    test_expect_le(file, line, "stretches", "regions", map->regions, f.regions);
    if (f.external_fragmentation < outside - 1e-9 || f.external_fragmentation > outside + 1e-9)
        test_fail_at(file, line, "external fragmentation is %f and not %f",
                     f.external_fragmentation, outside);
    if (f.internal_fragmentation < 0 || f.internal_fragmentation > 1)
        test_fail_at(file, line, "internal fragmentation is %f", f.internal_fragmentation);
}

void expect_good_heap(const char *file, int line, const loam_heap *heap)
{
    loam_stats stats = heap_stats(heap);
    heap_map map = {0};

    expect_sound_heap(file, line, heap);
    heap_map_take(&map, heap);
    AGREE(stats.live, map.live);
    AGREE(stats.blocks, map.live_count);
    AGREE(stats.committed, map.live + map.free + map.metadata);
    AGREE(stats.reserved, stats.committed + map.reserved);
    test_expect_le(file, line, "live", "peak", stats.live, stats.peak);
    test_expect_le(file, line, "live + lost", "committed", stats.live + stats.lost,
                   stats.committed);
    test_expect_le(file, line, "metadata", "all metadata", stats.metadata, map.metadata);
    expect_figures(file, line, heap, &map);
    heap_map_end(&map);
}

void *must_alloc(loam_heap *heap, size_t size)
{
    void *ptr = loam_heap_alloc(heap, size);

    if (!ptr)
        TEST_FAIL("no block of %zu bytes", size);
    EXPECT_LE(size, loam_heap_usable_size(heap, ptr));
    return ptr;
}

size_t hidden(size_t size)
{
    volatile size_t value = size;

    return value;
}

/* ---- contents ---- */

static unsigned char pattern_at(uint64_t seed, size_t i)
{
    return (unsigned char)((seed * 0x9e3779b97f4a7c15u >> 32) + i * 131 + (i >> 8));
}

void fill_pattern(void *ptr, size_t size, uint64_t seed)
{
    unsigned char *bytes = (unsigned char *)ptr;

    for (size_t i = 0; i < size; i++)
        bytes[i] = pattern_at(seed, i);
}

bool has_pattern(const void *ptr, size_t size, uint64_t seed)
{
    const unsigned char *bytes = (const unsigned char *)ptr;

    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != pattern_at(seed, i))
            return false;
    }
    return true;
}

bool is_zero(const void *ptr, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)ptr;

    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

/* ---- memory that is the heap's ---- */

#if defined(__GNUC__) || defined(__clang__)
#define UNWATCHED __attribute__((noinline, no_sanitize("address")))
#else
#define UNWATCHED
#endif

UNWATCHED unsigned char raw_load(const void *at)
{
    return *(const volatile unsigned char *)at;
}

UNWATCHED void raw_store(void *at, unsigned char value)
{
    *(volatile unsigned char *)at = value;
}

UNWATCHED void raw_copy(void *to, const void *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((volatile unsigned char *)to)[i] = ((const volatile unsigned char *)from)[i];
}
