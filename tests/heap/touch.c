/* touch.c: a program that touches memory of a heap that is nobody's, in the way that its argument
 * names. A tool that watches must say so; the way "good" does all that a heap can do, and touches
 * nothing of the kind. Run by test_tools.c. */
#include <loam/adapters.h>
#include <loam/heap.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 100, BLOCKS = 60 };

static char buffer[1 << 16], more[1 << 14];

static void use(char *ptr)
{
    *(volatile char *)ptr = 1;
}

/* The compiler does not see how long the block is, or it would warn of what is done here. */
static char *take(loam_heap *heap, size_t size)
{
    char *volatile hidden = (char *)loam_heap_alloc(heap, size);
    char *ptr = hidden;

    if (!ptr)
        abort();
    memset(ptr, 1, size);
    return ptr;
}

/* ---- the ways ---- */

static void after_dealloc(loam_heap *heap)
{
    char *ptr = take(heap, SIZE);

    loam_heap_dealloc(heap, ptr);
    use(ptr + SIZE / 2);
}

static void after_reset(loam_heap *heap)
{
    char *ptr = take(heap, SIZE);

    loam_heap_reset(heap);
    use(ptr + SIZE / 2);
}

static void behind(loam_heap *heap)
{
    use(take(heap, SIZE) + SIZE);
}

static void in_front(loam_heap *heap)
{
    use(take(heap, SIZE) - 1);
}

static void after_shrinking(loam_heap *heap)
{
    char *ptr = take(heap, SIZE);

    if (loam_heap_resize(heap, ptr, SIZE / 2))
        use(ptr + SIZE - 1);
}

static void after_moving(loam_heap *heap)
{
    char *ptr = take(heap, SIZE), *next = take(heap, SIZE);

    ptr = (char *)loam_heap_realloc(heap, ptr, sizeof buffer / 4);
    use(next + SIZE); /* of a block that did not move */
    (void)ptr;
}

/* ---- nothing of the kind ---- */

static bool visit(void *context, const loam_walk_item *item)
{
    *(size_t *)context += item->size;
    return true;
}

static void look(loam_heap *heap)
{
    loam_heap_figures figures;
    loam_stats stats;
    size_t bytes = 0;

    loam_heap_stats(heap, &stats);
    loam_heap_measure(heap, &figures);
    if (!loam_heap_check(heap, NULL, NULL) || !loam_heap_walk(heap, visit, &bytes) ||
        bytes != stats.reserved || figures.live_blocks != stats.blocks)
        abort();
}

/* What is decided by a number that a tool believes to be undefined is reported. */
static void read_all(loam_heap *heap, char *ptr, size_t size)
{
    size_t sum = 0;

    for (size_t i = 0; i < size; i++)
        sum += (unsigned char)ptr[i];
    if (sum != size || loam_heap_usable_size(heap, ptr) < size || !loam_heap_owns(heap, ptr))
        abort();
}

static void resize_each(loam_heap *heap, char **blocks)
{
    for (size_t i = 1; i < BLOCKS; i += 2) {
        size_t size = i % 4 == 1 ? 2 * SIZE : SIZE / 2;

        if (i % 6 == 1) /* nothing in front or behind is free */
            blocks[i - 1] = blocks[i - 1] ? blocks[i - 1] : take(heap, SIZE);
        blocks[i] = (char *)loam_heap_realloc(heap, blocks[i], size);
        if (!blocks[i])
            abort();
        read_all(heap, blocks[i], size < SIZE ? size : SIZE);
        memset(blocks[i], 1, size);
    }
}

static void good(loam_heap *heap)
{
    char *blocks[BLOCKS], *zero;

    for (size_t i = 0; i < BLOCKS; i++)
        blocks[i] = take(heap, SIZE);
    for (size_t i = 0; i < BLOCKS; i += 2) {
        loam_heap_dealloc(heap, blocks[i]);
        blocks[i] = NULL;
    }
    look(heap);
    if (!loam_heap_add(heap, more, sizeof more))
        abort();
    resize_each(heap, blocks);
    look(heap);
    zero = (char *)loam_heap_zalloc_aligned(heap, SIZE, 256);
    if (!zero || zero[0] != 0 || memcmp(zero, zero + 1, SIZE - 1) != 0)
        abort();
    (void)loam_heap_trim(heap);
    for (size_t i = 1; i < BLOCKS; i += 4)
        loam_heap_dealloc(heap, blocks[i]);
    look(heap);
    loam_heap_reset(heap);
    look(heap);
    blocks[0] = take(heap, SIZE);
    read_all(heap, blocks[0], SIZE);
}

/* Regions go back to a source that looks at what it is given. */
static void good_growing(void)
{
    loam_heap_config config = {.region_size = 8 << 10, .keep = LOAM_HEAP_KEEP_NONE};
    loam_counting counting;
    loam_stats stats;
    loam_heap *heap;
    char *blocks[20];

    loam_counting_init(&counting, loam_libc_allocator());
    heap = loam_heap_create(loam_counting_allocator(&counting), &config);
    if (!heap)
        abort();
    for (size_t i = 0; i < 20; i++)
        blocks[i] = take(heap, 5000 + i * 100);
    for (size_t i = 0; i < 20; i++) {
        loam_heap_dealloc(heap, blocks[i]);
        if (i % 5 == 0)
            look(heap);
    }
    for (size_t i = 0; i < 20; i++)
        blocks[i] = take(heap, 5000 + i * 100);
    loam_heap_reset(heap);
    for (size_t i = 0; i < 20; i++)
        blocks[i] = take(heap, 5000 + i * 100);
    loam_heap_destroy(heap);
    loam_counting_stats(&counting, &stats);
    if (stats.live != 0)
        abort();
    loam_counting_deinit(&counting);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*touch)(loam_heap *heap);
    } ways[] = {
        {"good", good},         {"dealloc", after_dealloc}, {"reset", after_reset},
        {"behind", behind},     {"in_front", in_front},     {"shrink", after_shrinking},
        {"move", after_moving},
    };
    loam_heap *heap = loam_heap_init(buffer, sizeof buffer, NULL);

    if (argc != 2 || !heap)
        return 2;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (strcmp(ways[i].name, argv[1]) == 0)
            ways[i].touch(heap);
    }
    loam_heap_deinit(heap);
    memset(buffer, 1, sizeof buffer);
    memset(more, 1, sizeof more);
    if (strcmp(argv[1], "good") == 0)
        good_growing();
    return 0;
}
