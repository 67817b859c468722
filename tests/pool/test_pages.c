/* test_pages.c: classes where pages are bigger than those of this system. The linker puts the function
 * below in place of the page layer's, for whoever asks for the size of a page. */
#include "pool/pool_support.h"

#include "internal/bits.h"

#include <string.h>

size_t __real_loam_vm_page_size(void);
size_t __wrap_loam_vm_page_size(void);

static size_t pretended; /* 0: the system's own */

size_t __wrap_loam_vm_page_size(void)
{
    return pretended ? pretended : __real_loam_vm_page_size();
}

static const size_t pages[] = {8 * KIB, 16 * KIB, 64 * KIB};

/* The class believes in these pages; its source does not. */
static bool begin_paged(loam_pool_class *cls, const source *src, size_t page, size_t size,
                        size_t align, size_t slab)
{
    loam_pool_class_config config = class_config(src, size);
    bool good;

    config.align = align;
    config.slab = slab;
    pretended = page;
    good = loam_pool_class_init(cls, &config);
    pretended = 0;
    return good;
}

/* Takes all blocks of some slabs: each lies in its slab, is aligned as was asked for and as the class
 * says, and is written to its end without touching another one. */
static void fill_slabs(loam_pool_class *cls, size_t align)
{
    enum { SLABS = 10, MOST = 3000 };
    static char *blocks[MOST];
    size_t capacity, size = cls->front.size, count;

    EXPECT_EQ(loam_pool_class_slab_size(cls, &capacity), cls->slab_size);
    count = loam_min(SLABS * capacity, MOST);
    for (size_t i = 0; i < count; i++) {
        blocks[i] = must_take(cls);
        EXPECT(is_aligned(blocks[i], cls->front.align) && is_aligned(blocks[i], align));
        EXPECT_EQ((uintptr_t)blocks[i] / cls->slab_size,
                  ((uintptr_t)blocks[i] + size - 1) / cls->slab_size);
        EXPECT(!cls->whole ||
               (uintptr_t)blocks[i] / cls->page == ((uintptr_t)blocks[i] + size - 1) / cls->page);
        fill_pattern(blocks[i], size, i);
    }
    for (size_t i = 0; i < count; i++) {
        EXPECT(has_pattern(blocks[i], size, i));
        loam_pool_class_give(cls, blocks[i]);
    }
    EXPECT_GOOD_CLASS(cls);
}

static void run_sizes(source *src, size_t page, size_t slab)
{
    static const size_t sizes[] = {24,   136,  320,  1000,  1368,  2720,
                                   4096, 5456, 8184, 13104, 16384, 32768};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        loam_pool_class cls;

        if (!begin_paged(&cls, src, page, sizes[i], 0, slab))
            continue; /* a slab of such blocks does not hold two */
        fill_slabs(&cls, 8);
        loam_pool_class_deinit(&cls);
    }
}

/* Over granules, where slabs are not smaller than pages, and over an allocator, where they may be. */
TEST(layouts_with_big_pages, fast)
{
    static const size_t slabs[] = {0, 4 * KIB, 64 * KIB, 256 * KIB};

    for (size_t p = 0; p < sizeof pages / sizeof *pages; p++) {
        for (size_t s = 0; s < sizeof slabs / sizeof *slabs; s++) {
            for (int kind = SOURCE_REGION; kind <= SOURCE_LIBC; kind++) {
                source src;

                source_begin(&src, (source_kind)kind);
                run_sizes(&src, pages[p], slabs[s]);
                source_end(&src);
            }
        }
    }
}

/* A2 for alignments of up to such a page, through the handle. */
TEST(alignments_up_to_a_big_page, fast)
{
    for (size_t p = 0; p < sizeof pages / sizeof *pages; p++) {
        for (size_t align = 8; align <= loam_min(pages[p], LOAM_POOL_LARGEST); align *= 2) {
            source src;
            loam_pool_class cls;
            loam_allocator a;
            void *block;

            source_begin(&src, SOURCE_REGION);
            EXPECT(begin_paged(&cls, &src, pages[p], 40, align, 256 * KIB));
            fill_slabs(&cls, align);
            a = loam_pool_class_allocator(&cls);
            EXPECT((block = loam_alloc(a, 40, align)) != NULL && is_aligned(block, align));
            loam_dealloc(a, block, 40, align);
            loam_pool_class_deinit(&cls);
            source_end(&src);
        }
    }
}

TEST_MAIN
