/* test_life.c: how a heap begins and ends: every small buffer, exact limits, configurations, attach,
 * reset, and requests at the end of the range. */
#include "heap/heap_support.h"

#include <stdlib.h>
#include <string.h>

static const size_t granules[] = {0, 8, 16};

enum { GRANULES = sizeof granules / sizeof *granules, ROOM = 6144 };

static _Alignas(4096) unsigned char memory[ROOM + 4096];

/* What is free right behind init. */
static size_t room_of(const loam_heap *heap)
{
    loam_heap_figures figures = heap_figures(heap);

    EXPECT_EQ(figures.free_blocks, 1);
    EXPECT_EQ(figures.free_bytes, figures.largest_free);
    EXPECT_EQ(figures.live_blocks, 0);
    EXPECT_EQ(figures.regions, 1);
    return figures.largest_free;
}

/* ---- every small buffer ---- */

static bool fits(size_t size, size_t padding, const loam_heap_config *config)
{
    size_t aligned;

    if (size < padding)
        return false;
    aligned = size - padding;
    return aligned >= loam_heap_overhead(aligned, config) + LEAST_BLOCK - WORD_SIZE;
}

/* A heap in `size` bytes: all can be allocated, and nothing outside of them is written. */
static void use_buffer(unsigned char *buffer, size_t size, const loam_heap_config *config)
{
    loam_heap *heap;
    size_t padding = (size_t)(-(uintptr_t)buffer & (LOAM_HEAP_ALIGN - 1)), room;
    void *all;

    memset(memory, 0x5a, sizeof memory);
    heap = loam_heap_init(buffer, size, config);
    if (!fits(size, padding, config)) {
        EXPECT_PTR(heap, NULL);
        for (size_t i = 0; i < sizeof memory; i++)
            EXPECT_EQ(memory[i], 0x5a);
        return;
    }
    EXPECT_PTR(heap, buffer + padding);
    EXPECT_GOOD_HEAP(heap);
    room = room_of(heap);
    EXPECT_EQ(room, size - padding - loam_heap_overhead(size - padding, config));
    EXPECT_EQ(heap_stats(heap).committed, size);
    EXPECT_PTR(loam_heap_alloc(heap, hidden(room + 1)), NULL);
    all = must_alloc(heap, room);
    EXPECT_EQ(loam_heap_usable_size(heap, all), room);
    EXPECT((unsigned char *)all >= buffer && (unsigned char *)all + room <= buffer + size);
    fill_pattern(all, room, size);
    EXPECT_GOOD_HEAP(heap);
    EXPECT_PTR(loam_heap_alloc(heap, 0), NULL);
    EXPECT(has_pattern(all, room, size));
    loam_heap_dealloc(heap, all);
    EXPECT_GOOD_HEAP(heap);
    EXPECT_EQ(room_of(heap), room);
    loam_heap_deinit(heap);
    for (unsigned char *at = memory; at < memory + sizeof memory; at++) {
        if (at < buffer || at >= buffer + size)
            EXPECT_EQ(*at, 0x5a);
    }
}

static void use_buffers(size_t stride)
{
    static const size_t starts[] = {0, 1, 8, 33, 63, 64};

    for (size_t g = 0; g < GRANULES; g++) {
        loam_heap_config config = {.granule = granules[g]};

        for (size_t s = 0; s < sizeof starts / sizeof *starts; s++) {
            for (size_t size = s; size <= ROOM; size += stride) {
                test_note("granule %zu, start %zu, %zu bytes", granules[g], starts[s], size);
                use_buffer(memory + 128 + starts[s], size, &config);
            }
        }
    }
    test_note(NULL);
}

TEST(small_buffers, fast)
{
    use_buffers(37);
}

TEST(every_small_buffer, slow)
{
    use_buffers(1);
}

/* Around the sizes at which there are more lists, and at every last byte there. */
TEST(limits_of_the_lists, fast)
{
    static const size_t limits[] = {16, 64, 256, 1024, 4096};
    unsigned char *big = (unsigned char *)aligned_alloc(4096, 4096 * KIB + 4096);

    EXPECT(big != NULL);
    for (size_t g = 0; g < GRANULES; g++) {
        loam_heap_config config = {.granule = granules[g]};

        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
            for (size_t off = 0; off < 140; off += off < 36 ? 1 : 13) {
                size_t size = limits[i] * KIB - 70 + off;
                loam_heap *heap = loam_heap_init(big, size, &config);

                EXPECT(heap != NULL);
                EXPECT_EQ(room_of(heap), size - loam_heap_overhead(size, &config));
                EXPECT_LE(loam_heap_overhead(size, &config), size / 8 + 1024);
                EXPECT_SOUND_HEAP(heap);
                loam_heap_deinit(heap);
            }
        }
    }
    free(big);
}

/* ---- configurations ---- */

TEST(bad_configurations, fast)
{
    for (size_t granule = 1; granule < 200; granule++) {
        loam_heap_config config = {.granule = granule};

        if (granule == 8 || granule == 16)
            continue;
        EXPECT_PTR(loam_heap_init(memory, ROOM, &config), NULL);
        EXPECT_PTR(loam_heap_create(loam_libc_allocator(), &config), NULL);
    }
    EXPECT_PTR(loam_heap_init(NULL, ROOM, NULL), NULL);
    EXPECT_PTR(loam_heap_init(NULL, 0, NULL), NULL);
    EXPECT_PTR(loam_heap_init(memory, hidden(LOAM_HEAP_MAX + 1), NULL), NULL);
    EXPECT_PTR(loam_heap_init(memory, hidden(SIZE_MAX), NULL), NULL);
}

TEST(nothing_is_ended, fast)
{
    loam_heap_destroy(NULL);
}

TEST(configurations_are_read_once, fast)
{
    loam_heap_config config = {.granule = 8};
    loam_heap *heap = loam_heap_init(memory, ROOM, &config);
    unsigned char *a, *b;

    EXPECT(heap != NULL);
    memset(&config, 0xff, sizeof config);
    a = (unsigned char *)must_alloc(heap, 8);
    b = (unsigned char *)must_alloc(heap, 8);
    EXPECT(is_aligned(a, 8) && is_aligned(b, 8));
    EXPECT_EQ(a < b ? b - a : a - b, LEAST_BLOCK);
    EXPECT_GOOD_HEAP(heap);
    loam_heap_deinit(heap);
}

/* The buffer is used again, with whatever is in it. */
TEST(again_and_again, fast)
{
    for (size_t i = 0; i < 50; i++) {
        loam_heap *heap = loam_heap_init(memory + i, ROOM - i, NULL);
        void *block;

        EXPECT(heap != NULL);
        block = must_alloc(heap, 100);
        memset(block, 0xff, 100);
        EXPECT(loam_heap_alloc(heap, 50) != NULL);
        loam_heap_dealloc(heap, block);
        EXPECT_GOOD_HEAP(heap);
        loam_heap_deinit(heap);
        memset(memory, (int)i, sizeof memory); /* it is ours */
    }
}

/* ---- requests at the end of the range ---- */

static const size_t absurd[] = {
    LOAM_HEAP_MAX - 64,
    LOAM_HEAP_MAX - 16,
    LOAM_HEAP_MAX - 8,
    LOAM_HEAP_MAX - 1,
    LOAM_HEAP_MAX,
    LOAM_HEAP_MAX + 1,
    (size_t)PTRDIFF_MAX - 64,
    (size_t)PTRDIFF_MAX - 8,
    (size_t)PTRDIFF_MAX - 1,
    (size_t)PTRDIFF_MAX,
    (size_t)PTRDIFF_MAX + 1,
    SIZE_MAX / 2 + 2,
    SIZE_MAX - 4096,
    SIZE_MAX - 64,
    SIZE_MAX - 17,
    SIZE_MAX - 16,
    SIZE_MAX - 15,
    SIZE_MAX - 9,
    SIZE_MAX - 8,
    SIZE_MAX - 7,
    SIZE_MAX - 1,
    SIZE_MAX,
};

/* Growing heaps are not asked for what the system may give. */
static void refuse_absurd(loam_heap *heap, bool grows)
{
    unsigned char *block = (unsigned char *)must_alloc(heap, 100);
    size_t failures = 0;

    fill_pattern(block, 100, 7);
    failures = heap_stats(heap).failures;
    for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++) {
        size_t size = hidden(absurd[i]);

        test_note("%zx bytes", size);
        EXPECT_PTR(loam_heap_alloc(heap, size), NULL);
        EXPECT_PTR(loam_heap_zalloc(heap, size), NULL);
        EXPECT_PTR(loam_heap_alloc_aligned(heap, size, 8), NULL);
        EXPECT_PTR(loam_heap_alloc_aligned(heap, size, 4096), NULL);
        EXPECT_PTR(loam_heap_zalloc_aligned(heap, size, 64), NULL);
        EXPECT_PTR(loam_heap_realloc(heap, block, size), NULL);
        EXPECT_PTR(loam_heap_realloc_aligned(heap, block, size, 256), NULL);
        EXPECT_PTR(loam_heap_realloc(heap, NULL, size), NULL);
        EXPECT(!loam_heap_resize(heap, block, size));
        EXPECT_LE(size, loam_heap_good_size(heap, size));
        EXPECT(has_pattern(block, 100, 7));
        EXPECT_LE(failures + 8, heap_stats(heap).failures);
        failures = heap_stats(heap).failures;
    }
    for (size_t align = 1; align != 0; align *= 2) {
        void *ptr = loam_heap_alloc_aligned(heap, hidden(SIZE_MAX), align);

        test_note("alignment %zx", align);
        EXPECT_PTR(ptr, NULL);
        if (grows && align > MIB && align <= LOAM_HEAP_MAX)
            continue;
        ptr = loam_heap_alloc_aligned(heap, 16, align);
        EXPECT(ptr == NULL || is_aligned(ptr, align));
        EXPECT(align <= 16 ? ptr != NULL : align <= LOAM_HEAP_MAX || ptr == NULL);
        loam_heap_dealloc(heap, ptr);
        EXPECT(has_pattern(block, 100, 7));
    }
    test_note(NULL);
    EXPECT_EQ(heap_stats(heap).blocks, 1);
    EXPECT_GOOD_HEAP(heap);
    loam_heap_dealloc(heap, block);
}

TEST(absurd_requests, fast)
{
    for (int kind = 0; kind < HEAP_KINDS; kind++) {
        for (size_t granule = 8; granule <= 16; granule += 8) {
            heap_world w;

            world_begin(&w, (heap_kind)kind, granule, 64 * KIB);
            refuse_absurd(w.heap, heap_kind_grows((heap_kind)kind));
            world_end(&w);
        }
    }
}

/* Also where the free block lies at the end of the address space, as far as sums can tell. */
TEST(good_size_tells_what_a_request_gets, fast)
{
    for (size_t granule = 8; granule <= 16; granule += 8) {
        heap_world w;

        world_begin(&w, HEAP_BUFFER, granule, 64 * KIB);
        for (size_t size = 0; size < 2000; size++) {
            size_t good = loam_heap_good_size(w.heap, size);
            void *block = must_alloc(w.heap, size);

            EXPECT_LE(size, good);
            EXPECT_EQ(good, whole_block(size, granule) - WORD_SIZE);
            EXPECT_EQ(loam_heap_usable_size(w.heap, block), good);
            EXPECT_EQ(loam_heap_good_size(w.heap, good), good);
            loam_heap_dealloc(w.heap, block);
        }
        EXPECT_EQ(loam_heap_usable_size(w.heap, NULL), 0);
        EXPECT_EQ(loam_heap_good_size(w.heap, SIZE_MAX), SIZE_MAX);
        EXPECT_EQ(loam_heap_good_size(w.heap, LOAM_HEAP_MAX + 1), LOAM_HEAP_MAX + 1);
        world_end(&w);
    }
}

/* ---- reset ---- */

TEST(reset_makes_all_free, fast)
{
    for (int kind = 0; kind < HEAP_KINDS; kind++) {
        heap_world w;
        loam_stats before, after;

        test_note("%s", heap_kind_name((heap_kind)kind));
        world_begin(&w, (heap_kind)kind, 0, 64 * KIB);
        before = heap_stats(w.heap);
        for (size_t round = 0; round < 3; round++) {
            for (size_t i = 0; i < 100; i++)
                (void)!loam_heap_alloc(w.heap, i * 37 % 900);
            EXPECT_GOOD_HEAP(w.heap);
            loam_heap_reset(w.heap);
            after = heap_stats(w.heap);
            EXPECT_GOOD_HEAP(w.heap);
            EXPECT_EQ(after.live, 0);
            EXPECT_EQ(after.blocks, 0);
            EXPECT_LE(before.peak + 1, after.peak);
            if (!heap_kind_grows((heap_kind)kind)) {
                EXPECT_EQ(after.committed, before.committed);
                EXPECT_EQ(heap_figures(w.heap).free_blocks, kind == HEAP_REGIONS ? 5 : 1);
            }
            loam_heap_reset_peak(w.heap);
            EXPECT_EQ(heap_stats(w.heap).peak, 0);
        }
        world_end(&w);
    }
    test_note(NULL);
}

/* ---- attach ---- */

static const loam_heap_config shared = {.shared = true};

TEST(attach_finds_the_heap, fast)
{
    loam_heap *heap = loam_heap_init(memory + 5, ROOM, &shared);

    EXPECT(heap != NULL);
    EXPECT(loam_heap_alloc(heap, 10) != NULL);
    EXPECT_PTR(loam_heap_attach(memory + 5, ROOM), heap);
    EXPECT_GOOD_HEAP(loam_heap_attach(memory + 5, ROOM));
    EXPECT_PTR(loam_heap_attach(NULL, ROOM), NULL);
    EXPECT_PTR(loam_heap_attach(memory + 5, 0), NULL);
    EXPECT_PTR(loam_heap_attach(memory + 5, 63), NULL);
    EXPECT_PTR(loam_heap_attach(memory + 5, ROOM - 1), NULL);
    EXPECT_PTR(loam_heap_attach(memory + 5, ROOM + 1), NULL);
    loam_heap_deinit(heap);
}

TEST(attach_finds_nothing_else, fast)
{
    memset(memory, 0, sizeof memory);
    EXPECT_PTR(loam_heap_attach(memory, ROOM), NULL);
    memset(memory, 0xff, sizeof memory);
    EXPECT_PTR(loam_heap_attach(memory, ROOM), NULL);
    memset(memory, 0, sizeof memory);
    for (size_t size = 0; size < 256; size++)
        EXPECT_PTR(loam_heap_attach(memory + sizeof memory - size, size), NULL);
}

/* A heap that was ended, or that is in no buffer, can't be found. */
TEST(attach_after_the_end, fast)
{
    loam_heap *heap = loam_heap_init(memory, ROOM, &shared);

    EXPECT(heap != NULL);
    loam_heap_deinit(heap);
    EXPECT_PTR(loam_heap_attach(memory, ROOM), NULL);
    heap = loam_heap_init(memory, ROOM, NULL);
    EXPECT(heap != NULL);
    EXPECT_PTR(loam_heap_attach(memory, ROOM), NULL); /* it is not shared */
    loam_heap_deinit(heap);
}

TEST_MAIN
