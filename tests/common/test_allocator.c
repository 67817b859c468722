/* test_allocator.c: what the wrappers of allocator.h do by themselves (A1), call by call, seen from
 * an allocator that notes each call; loam_realloc(); the typed macros; what is special about the
 * allocators of libc and of the page layer.
 */
#include "support/fail_vm.h"
#include "support/test.h"

#include <loam/allocator.h>
#include <loam/vm.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- an allocator that notes what it is asked ---- */

typedef struct notes {
    size_t alloc, zalloc, dealloc, resize, remap, good_size, owns; /* calls */
    size_t size, new_size, align;                                  /* of the last call */
    void *ptr;
    bool refuse;
    loam_allocator_ops ops;
    _Alignas(64) unsigned char memory[4][256];
} notes;

static void *note_alloc(void *self, size_t size, size_t align)
{
    notes *n = self;

    n->size = size;
    n->align = align;
    return n->refuse || size > sizeof n->memory[0] ? NULL : n->memory[n->alloc++ % 4];
}

static void *note_zalloc(void *self, size_t size, size_t align)
{
    notes *n = self;

    (void)align;
    n->size = size;
    return n->refuse ? NULL : memset(n->memory[n->zalloc++ % 4], 0, size);
}

static void note_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    notes *n = self;

    n->dealloc++;
    n->ptr = ptr;
    n->size = size;
    n->align = align;
}

static bool note_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    notes *n = self;

    n->resize++;
    n->ptr = ptr;
    n->size = size;
    n->new_size = new_size;
    n->align = align;
    return !n->refuse;
}

static void *note_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    notes *n = self;

    n->remap++;
    n->ptr = ptr;
    n->size = size;
    n->new_size = new_size;
    n->align = align;
    return n->refuse ? NULL : n->memory[3];
}

static size_t note_good_size(void *self, size_t size, size_t align)
{
    notes *n = self;

    n->good_size++;
    n->align = align;
    return size + 3;
}

static bool note_owns(void *self, const void *ptr)
{
    notes *n = self;

    n->owns++;
    return ptr == n->memory;
}

/* With the optional operations or without. */
static loam_allocator take_notes(notes *n, bool optional)
{
    memset(n, 0, sizeof *n);
    n->ops = (loam_allocator_ops){.alloc = note_alloc, .dealloc = note_dealloc, .name = "notes"};
    if (optional) {
        n->ops.zalloc = note_zalloc;
        n->ops.resize = note_resize;
        n->ops.remap = note_remap;
        n->ops.good_size = note_good_size;
        n->ops.owns = note_owns;
    }
    return (loam_allocator){&n->ops, n};
}

static size_t calls(const notes *n)
{
    return n->alloc + n->zalloc + n->dealloc + n->resize + n->remap + n->good_size + n->owns;
}

/* ---- A1 ---- */

/* What no operation may see is answered by the wrappers, without a call. */
TEST(odd_requests_reach_no_operation, fast)
{
    static const size_t too_much[] = {(size_t)PTRDIFF_MAX + 1, SIZE_MAX};
    notes n;
    loam_allocator a = take_notes(&n, true);

    for (size_t align = 1; align != 0; align *= 2) {
        void *empty = loam_alloc(a, 0, align);

        EXPECT(empty != NULL);
        EXPECT_EQ((uintptr_t)empty & (align - 1), 0);
        EXPECT(loam_zalloc(a, 0, align) != NULL);
        loam_dealloc(a, empty, 0, align);
        loam_dealloc(a, NULL, 16, align);
        EXPECT_EQ(loam_good_size(a, 0, align), 0);
        EXPECT(loam_resize(a, empty, 0, 0, align));
        EXPECT(!loam_resize(a, empty, 0, 1, align));
        EXPECT_PTR(loam_remap(a, empty, 0, 0, align), empty);
        EXPECT_PTR(loam_remap(a, empty, 0, 1, align), NULL);
    }
    for (size_t i = 0; i < 2; i++) {
        EXPECT_PTR(loam_alloc(a, too_much[i], 8), NULL);
        EXPECT_PTR(loam_zalloc(a, too_much[i], 8), NULL);
        EXPECT_PTR(loam_realloc(a, NULL, 0, too_much[i], 8), NULL);
        EXPECT_PTR(loam_realloc(a, n.memory, 8, too_much[i], 8), NULL);
        EXPECT(!loam_resize(a, n.memory, 8, too_much[i], 8));
        EXPECT_PTR(loam_remap(a, n.memory, 8, too_much[i], 8), NULL);
        EXPECT_EQ(loam_good_size(a, too_much[i], 8), too_much[i]);
    }
    EXPECT(!loam_resize(a, n.memory, 8, 0, 8));
    EXPECT_PTR(loam_remap(a, n.memory, 8, 0, 8), NULL);
    EXPECT_EQ(calls(&n), 0);
}

/* The very limits pass: 1 byte, PTRDIFF_MAX bytes, alignment 1 and the highest bit. */
TEST(the_limits_of_requests_pass, fast)
{
    notes n;
    loam_allocator a = take_notes(&n, true);
    size_t top = SIZE_MAX - SIZE_MAX / 2;

    EXPECT_PTR(loam_alloc(a, 1, 1), n.memory[0]);
    EXPECT_EQ(n.size, 1);
    EXPECT_EQ(n.align, 1);
    EXPECT_PTR(loam_alloc(a, PTRDIFF_MAX, top), NULL);
    EXPECT_EQ(n.size, PTRDIFF_MAX);
    EXPECT_EQ(n.align, top);
    EXPECT(loam_resize(a, n.memory, 1, PTRDIFF_MAX, 1));
    EXPECT_EQ(n.new_size, PTRDIFF_MAX);
}

typedef struct request {
    loam_allocator allocator;
    size_t size, align;
    bool zero;
} request;

static void ask(void *context)
{
    const request *r = context;
    void *ptr = r->zero ? loam_zalloc(r->allocator, r->size, r->align)
                        : loam_alloc(r->allocator, r->size, r->align);

    EXPECT_PTR(ptr, NULL);
}

/* An alignment that is no power of two gives NULL, for any size; a checked build stops. */
TEST(odd_alignments_are_refused, fast)
{
    static const size_t odd[] = {0, 3, 5, 6, 12, 100, SIZE_MAX};
    notes n;
    loam_allocator a = take_notes(&n, true);

    for (size_t i = 0; i < 7; i++) {
        for (size_t size = 0; size < 2; size++) {
            request r = {a, size * 8, odd[i], i % 2 != 0};

#if LOAM_CHECKS
            test_dies_with(ask, &r, "loam: fatal: alignment is not a power of two: 0x",
                           (void *)(uintptr_t)odd[i]);
#else
            ask(&r);
#endif
        }
        EXPECT_EQ(loam_good_size(a, 8, odd[i]), 8);
    }
    EXPECT_EQ(calls(&n), 0);
}

/* ---- each wrapper ---- */

/* Operations that are there get what they are asked, unchanged. */
TEST(operations_get_what_was_asked, fast)
{
    notes n;
    loam_allocator a = take_notes(&n, true);

    EXPECT_PTR(loam_alloc(a, 33, 8), n.memory[0]);
    EXPECT_EQ(n.size, 33);
    EXPECT_EQ(n.align, 8);
    EXPECT_PTR(loam_zalloc(a, 34, 8), n.memory[0]);
    EXPECT_EQ(n.zalloc, 1);
    EXPECT_EQ(n.alloc, 1);
    EXPECT(loam_resize(a, n.memory[0], 34, 35, 16));
    EXPECT(n.size == 34 && n.new_size == 35 && n.align == 16 && n.ptr == n.memory[0]);
    EXPECT_PTR(loam_remap(a, n.memory[0], 35, 36, 32), n.memory[3]);
    EXPECT(n.size == 35 && n.new_size == 36 && n.align == 32 && n.ptr == n.memory[0]);
    EXPECT_EQ(loam_good_size(a, 40, 4), 43);
    EXPECT_EQ(n.align, 4);
    EXPECT(loam_owns(a, n.memory));
    EXPECT(!loam_owns(a, &a));
    loam_dealloc(a, n.memory[3], 36, 32);
    EXPECT(n.size == 36 && n.align == 32 && n.ptr == n.memory[3]);
    EXPECT_EQ(n.dealloc, 1);
}

/* Operations that are absent have an answer all the same. */
TEST(absent_operations_are_answered, fast)
{
    notes n;
    loam_allocator a = take_notes(&n, false);
    unsigned char *ptr;

    memset(n.memory, 0xEE, sizeof n.memory);
    ptr = loam_zalloc(a, 40, 8);
    EXPECT_PTR(ptr, n.memory[0]);
    for (size_t i = 0; i < 40; i++)
        EXPECT_EQ(ptr[i], 0);
    EXPECT_EQ(ptr[40], 0xEE);
    EXPECT(!loam_resize(a, ptr, 40, 41, 8));
    EXPECT(loam_resize(a, ptr, 40, 40, 8));
    EXPECT_PTR(loam_remap(a, ptr, 40, 41, 8), NULL);
    EXPECT_PTR(loam_remap(a, ptr, 40, 40, 8), ptr);
    EXPECT_EQ(loam_good_size(a, 40, 8), 40);
    EXPECT(!loam_owns(a, ptr));
    n.refuse = true;
    EXPECT_PTR(loam_zalloc(a, 40, 8), NULL);
}

/* Where there is no remap, resize stands in for it, since a block that stays has moved by nothing.
 */
TEST(resize_stands_in_for_remap, fast)
{
    notes n;
    loam_allocator a = take_notes(&n, true);

    n.ops.remap = NULL;
    EXPECT_PTR(loam_remap(a, n.memory[1], 10, 20, 8), n.memory[1]);
    n.refuse = true;
    EXPECT_PTR(loam_remap(a, n.memory[1], 10, 20, 8), NULL);
    EXPECT_EQ(n.resize, 2);
}

/* Traits are told, and handles compared, by table and object. */
TEST(handles_tell_traits_and_identity, fast)
{
    notes n, other;
    loam_allocator a = take_notes(&n, false), b = take_notes(&other, false);

    EXPECT(!loam_allocator_reclaims(a) && !loam_allocator_threadsafe(a));
    n.ops.traits = LOAM_RECLAIMS;
    EXPECT(loam_allocator_reclaims(a) && !loam_allocator_threadsafe(a));
    n.ops.traits = LOAM_THREADSAFE | LOAM_EXACT;
    EXPECT(!loam_allocator_reclaims(a) && loam_allocator_threadsafe(a));
    EXPECT(loam_allocator_same(a, a));
    EXPECT(!loam_allocator_same(a, b));
    b.ops = a.ops;
    EXPECT(!loam_allocator_same(a, b));
    EXPECT(loam_allocator_same(loam_libc_allocator(), loam_libc_allocator()));
    EXPECT(!loam_allocator_same(loam_libc_allocator(), loam_vm_allocator()));
}

/* ---- loam_realloc ---- */

/* The cheapest way first: remap; only if that refuses alloc, copy, dealloc. */
TEST(realloc_asks_remap_first, fast)
{
    notes n;
    loam_allocator a = take_notes(&n, true);

    EXPECT_PTR(loam_realloc(a, n.memory[0], 10, 20, 8), n.memory[3]);
    EXPECT_EQ(n.remap, 1);
    EXPECT_EQ(calls(&n), 1);
}

TEST(realloc_copies_when_it_must, fast)
{
    notes n;
    loam_allocator a = take_notes(&n, false);
    unsigned char *ptr = loam_alloc(a, 10, 8), *bigger, *smaller;

    memset(n.memory, 0xEE, sizeof n.memory);
    memcpy(ptr, "0123456789", 10);
    bigger = loam_realloc(a, ptr, 10, 100, 8);
    EXPECT_PTR(bigger, n.memory[1]);
    EXPECT(memcmp(bigger, "0123456789\xEE", 11) == 0);
    EXPECT(n.dealloc == 1 && n.ptr == ptr && n.size == 10);
    smaller = loam_realloc(a, bigger, 100, 4, 8);
    EXPECT_PTR(smaller, n.memory[2]);
    EXPECT(memcmp(smaller, "0123\xEE", 5) == 0);
    EXPECT(n.dealloc == 2 && n.ptr == bigger && n.size == 100);
}

/* The same size is no change; from nothing is alloc; to nothing is dealloc. */
TEST(realloc_at_its_ends, fast)
{
    notes n;
    loam_allocator a = take_notes(&n, false);
    unsigned char *ptr = loam_realloc(a, NULL, 0, 10, 8);

    EXPECT_PTR(ptr, n.memory[0]);
    EXPECT_PTR(loam_realloc(a, ptr, 10, 10, 8), ptr);
    EXPECT_EQ(calls(&n), 1);
    EXPECT(loam_realloc(a, ptr, 10, 0, 8) != NULL);
    EXPECT(n.dealloc == 1 && n.ptr == ptr && n.size == 10);
    EXPECT_PTR(loam_realloc(a, loam_empty_block(8), 0, 10, 8), n.memory[1]);
    EXPECT_EQ(n.dealloc, 1);
}

/* Refused by all ways, the old block is as it was. */
TEST(realloc_refused_changes_nothing, fast)
{
    notes n;
    loam_allocator a = take_notes(&n, true);

    memset(n.memory[0], 0x5A, 10);
    n.refuse = true;
    EXPECT_PTR(loam_realloc(a, n.memory[0], 10, 20, 8), NULL);
    EXPECT_EQ(n.dealloc, 0);
    for (size_t i = 0; i < 10; i++)
        EXPECT_EQ(n.memory[0][i], 0x5A);
}

/* ---- arrays and types ---- */

/* Products up to PTRDIFF_MAX are right; above, they are a size that nobody serves. */
TEST(array_sizes_do_not_overflow, fast)
{
    size_t half = (size_t)1 << (sizeof(size_t) * 4);
    size_t most = PTRDIFF_MAX;
    size_t bytes;

    EXPECT(loam_array_size(3, 7, &bytes) && bytes == 21);
    EXPECT(loam_array_size(0, 7, &bytes) && bytes == 0);
    EXPECT(loam_array_size(7, 0, &bytes) && bytes == 0);
    EXPECT(loam_array_size(SIZE_MAX, 0, &bytes) && bytes == 0);
    EXPECT(loam_array_size(0, SIZE_MAX, &bytes) && bytes == 0);
    EXPECT(loam_array_size(most, 1, &bytes) && bytes == most);
    EXPECT(loam_array_size(1, most, &bytes) && bytes == most);
    EXPECT(!loam_array_size(most + 1, 1, &bytes) && bytes == most + 1);
    EXPECT(!loam_array_size(2, most, &bytes) && bytes == most + 1);
    EXPECT(!loam_array_size(half, half, &bytes) && bytes == most + 1);
    EXPECT(!loam_array_size(half, half / 2, &bytes) && bytes == most + 1);
    EXPECT(loam_array_size(half, half / 4, &bytes) && bytes == half * (half / 4));
    EXPECT(!loam_array_size(SIZE_MAX, SIZE_MAX, &bytes) && bytes == most + 1);
    EXPECT(!loam_array_size(SIZE_MAX / 2 + 2, 2, &bytes) && bytes == most + 1);
}

/* An array whose size overflows is refused before any operation is asked. */
TEST(arrays_are_checked, fast)
{
    notes n;
    loam_allocator a = take_notes(&n, true);

    EXPECT_PTR(loam_alloc_array(a, SIZE_MAX / 2 + 2, 2, 8), NULL);
    EXPECT_PTR(loam_zalloc_array(a, SIZE_MAX / 8 + 2, 8, 8), NULL);
    EXPECT_EQ(calls(&n), 0);
    EXPECT(loam_alloc_array(a, 0, 8, 8) != NULL);
    EXPECT_EQ(calls(&n), 0);
    EXPECT_PTR(loam_alloc_array(a, 5, 8, 16), n.memory[0]);
    EXPECT(n.size == 40 && n.align == 16);
    EXPECT_PTR(loam_zalloc_array(a, 6, 8, 16), n.memory[0]);
    EXPECT_EQ(n.size, 48);
}

typedef struct wide {
    _Alignas(64) char bytes[100];
} wide;

/* The typed macros ask for the size and alignment of their type, and give back the same. */
TEST(typed_macros_know_their_type, fast)
{
    notes n;
    loam_allocator a = take_notes(&n, true);
    wide *one = loam_new(a, wide);
    uint16_t *many;
    size_t count = 3;

    EXPECT(n.size == sizeof(wide) && n.align == 64);
    EXPECT_PTR(one, n.memory[0]);
    loam_delete(a, wide, one);
    EXPECT(n.dealloc == 1 && n.size == sizeof(wide) && n.align == 64);
    one = loam_znew(a, wide);
    EXPECT(one != NULL && n.zalloc == 1);
    loam_delete(a, wide, one);

    many = loam_new_array(a, uint16_t, count++);
    EXPECT(many != NULL && count == 4 && n.size == 6 && n.align == 2);
    loam_delete_array(a, uint16_t, many, 3);
    EXPECT(n.dealloc == 3 && n.size == 6 && n.align == 2);
    EXPECT_PTR(loam_new_array(a, wide, SIZE_MAX / 64), NULL);
    loam_delete(a, wide, NULL);
    loam_delete_array(a, wide, NULL, SIZE_MAX);
    EXPECT_EQ(n.dealloc, 3);
}

/* ---- the allocator of libc ---- */

/* It can't resize in place, and keeps alignments beyond malloc's by refusing to remap. */
TEST(libc_remaps_what_realloc_can, fast)
{
    loam_allocator a = loam_libc_allocator();
    unsigned char *ptr = loam_alloc(a, 100, LOAM_MAX_ALIGN);

    EXPECT(ptr != NULL);
    EXPECT(a.ops->resize == NULL);
    memset(ptr, 0x77, 100);
    ptr = loam_remap(a, ptr, 100, 100000, LOAM_MAX_ALIGN);
    EXPECT(ptr != NULL && ptr[0] == 0x77 && ptr[99] == 0x77);
    loam_dealloc(a, ptr, 100000, LOAM_MAX_ALIGN);

    ptr = loam_alloc(a, 100, 4 * LOAM_MAX_ALIGN);
    EXPECT(ptr != NULL);
    EXPECT_PTR(loam_remap(a, ptr, 100, 200, 4 * LOAM_MAX_ALIGN), NULL);
    loam_dealloc(a, ptr, 100, 4 * LOAM_MAX_ALIGN);
}

/* Sizes that are no multiple of their alignment are served, and zeroed whole. */
TEST(libc_aligns_any_size, fast)
{
    loam_allocator a = loam_libc_allocator();

    for (size_t align = 1; align <= 65536; align *= 2) {
        size_t size = align + align / 2 + 1;
        unsigned char *ptr = loam_zalloc(a, size, align);

        EXPECT(ptr != NULL);
        EXPECT_EQ((uintptr_t)ptr & (align - 1), 0);
        for (size_t i = 0; i < size; i++)
            EXPECT_EQ(ptr[i], 0);
        loam_dealloc(a, ptr, size, align);
    }
}

/* ---- the allocator of whole mappings ---- */

/* Blocks are pages, and all of them may be used. */
TEST(vm_blocks_are_whole_pages, fast)
{
    loam_allocator a = loam_vm_allocator();
    size_t unit = loam_vm_reserve_granularity();
    unsigned char *ptr = loam_alloc(a, 1, 1);

    EXPECT(ptr != NULL);
    EXPECT_EQ((uintptr_t)ptr % unit, 0);
    EXPECT_EQ(loam_good_size(a, 1, 1), unit);
    EXPECT_EQ(loam_good_size(a, unit, 1), unit);
    EXPECT_EQ(loam_good_size(a, unit + 1, 1), 2 * unit);
    EXPECT_EQ(loam_good_size(a, PTRDIFF_MAX, 1), PTRDIFF_MAX);
    EXPECT(loam_resize(a, ptr, 1, unit, 1));
    memset(ptr, 1, unit);
    loam_dealloc(a, ptr, unit, 1);
}

/* Zeroed blocks are zero also in memory that was used and given back a moment ago. */
TEST(vm_zalloc_after_use, fast)
{
    loam_allocator a = loam_vm_allocator();
    size_t size = 10 * loam_vm_page_size() - 5;

    for (int round = 0; round < 8; round++) {
        unsigned char *ptr = loam_zalloc(a, size, 1);

        EXPECT(ptr != NULL);
        EXPECT(ptr[0] == 0 && memcmp(ptr, ptr + 1, size - 1) == 0);
        memset(ptr, 0xFF, size);
        loam_dealloc(a, ptr, size, 1);
    }
}

/* Taking and giving in turn makes no call to the system once it has begun. */
TEST(vm_takes_and_gives_without_calls, fast)
{
    loam_allocator a = loam_vm_allocator();
    size_t size = 8 * loam_vm_reserve_granularity();

    loam_dealloc(a, loam_alloc(a, size, 1), size, 1);
    fail_vm_arm(FAIL_VM_ALL, 0, false);
    for (int i = 0; i < 1000; i++) {
        void *ptr = loam_alloc(a, size, 1);

        EXPECT(ptr != NULL);
        loam_dealloc(a, ptr, size, 1);
    }
    fail_vm_disarm();
    EXPECT_EQ(fail_vm_calls(), 0);
}

/* What is kept of released mappings is bounded: sixteen, and 64 MiB. */
TEST(vm_keeps_a_bounded_rest, fast)
{
    enum { COUNT = 60 };
    loam_allocator a = loam_vm_allocator();
    size_t size = (size_t)2 << 20;
    void *blocks[COUNT];

    fail_vm_arm(FAIL_VM_RELEASE, 0, false);
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = loam_alloc(a, size, 1);
        EXPECT(blocks[i] != NULL);
    }
    for (int i = 0; i < COUNT; i++)
        loam_dealloc(a, blocks[i], size, 1);
    fail_vm_disarm();
    EXPECT_LE(COUNT - 16, fail_vm_calls());
}

/* A mapping that the system does not take back stays usable, and nothing is lost (A6). */
TEST(vm_reuses_what_is_not_taken_back, fast)
{
    enum { COUNT = 40 };
    loam_allocator a = loam_vm_allocator();
    size_t size = 3 * loam_vm_reserve_granularity();
    void *blocks[COUNT];

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++) {
            blocks[i] = loam_alloc(a, size, 1);
            EXPECT(blocks[i] != NULL);
            memset(blocks[i], round, size);
        }
        fail_vm_arm(FAIL_VM_GIVE, 1, true);
        errno = 4711;
        for (int i = 0; i < COUNT; i++)
            loam_dealloc(a, blocks[i], size, 1);
        EXPECT_EQ(errno, 4711);
        EXPECT(round > 0 || fail_vm_refused() > 0);
        fail_vm_disarm();
    }
}

/* Big blocks grow without being copied where the system can move pages. */
TEST(vm_remaps_big_blocks, fast)
{
    loam_allocator a = loam_vm_allocator();
    size_t small = (size_t)3 << 20, big = (size_t)64 << 20;
    unsigned char *ptr = loam_alloc(a, small, 1);

    EXPECT(ptr != NULL);
    ptr[0] = 1;
    ptr[small - 1] = 2;
    if (loam_vm_capabilities() & LOAM_VM_REMAP) {
        unsigned char *moved = loam_remap(a, ptr, small, big, 1);

        EXPECT(moved != NULL && moved[0] == 1 && moved[small - 1] == 2);
        EXPECT_EQ(moved[small], 0);
        moved[big - 1] = 3;
        ptr = moved;
        moved = loam_remap(a, ptr, big, small, 1);
        EXPECT(moved != NULL && moved[0] == 1 && moved[small - 1] == 2);
        ptr = moved;
    }
    loam_dealloc(a, ptr, small, 1);
}
