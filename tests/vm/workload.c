/* workload.c: the frame of the work, and its pieces that use pages directly; see workload.h. */
#include "vm/workload.h"

#include "support/test.h"

#include "internal/vm_backend.h"
#include <loam/allocator.h>
#include <loam/region.h>
#include <loam/vm.h>

#include <stdint.h>
#include <string.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* ---- the frame ---- */

#ifdef LOAM_TEST_STRICT
__attribute__((constructor)) static void be_strict(void)
{
    loam_vm_native_force_strict();
}
#endif

static void (*const pieces[])(workload *) = {
    workload_pages, workload_moves,  workload_vm_allocator,
    workload_ahead, workload_region, workload_scratch,
};

static const char *const names[] = {"pages", "moves", "vm_allocator", "ahead", "region", "scratch"};

enum { PIECES = sizeof pieces / sizeof *pieces };

const char *workload_name(size_t index)
{
    return index < PIECES ? names[index] : workload_arena_names[index - PIECES];
}

void workload_run(workload *work, size_t index)
{
    if (index < PIECES)
        pieces[index](work);
    else
        workload_arena(work, index - PIECES);
}

void workload_step(workload *work)
{
    work->steps++;
    if (work->step)
        work->step(work->context);
}

bool workload_again(workload *work)
{
    work->refusals++;
    return work->relents && work->relents(work->context);
}

void workload_leave(workload *work, void *ptr, size_t size)
{
    EXPECT(work->leftover_count < WORKLOAD_LEFTOVERS);
    work->leftovers[work->leftover_count].ptr = ptr;
    work->leftovers[work->leftover_count].size = size;
    work->leftover_count++;
}

void workload_clean_up(workload *work)
{
    while (work->leftover_count > 0) {
        work->leftover_count--;
        EXPECT(loam_vm_release(work->leftovers[work->leftover_count].ptr,
                               work->leftovers[work->leftover_count].size));
    }
}

/* ---- contents ---- */

/* Every byte of the first few, some on each of the first pages, and then less: a page fault costs
 * more than all else here. */
static size_t step_at(size_t at)
{
    return at < 256 ? 1 : at < 32 * KIB ? 1021 : 20479;
}

static unsigned char byte_at(size_t at, unsigned salt)
{
    return (unsigned char)(at * 31 + salt * 7 + 1);
}

void workload_fill(void *ptr, size_t size, unsigned salt)
{
    unsigned char *bytes = (unsigned char *)ptr;

    if (size > 0)
        bytes[size - 1] = 1; /* so that it is touched */
    for (size_t at = 0; at < size; at += step_at(at))
        bytes[at] = byte_at(at, salt);
}

void workload_expect(const void *ptr, size_t size, unsigned salt)
{
    const unsigned char *bytes = (const unsigned char *)ptr;

    for (size_t at = 0; at < size; at += step_at(at)) {
        if (bytes[at] != byte_at(at, salt))
            TEST_FAIL("byte %zu of %zu is %u, not %u", at, size, bytes[at], byte_at(at, salt));
    }
}

void workload_expect_zero(const void *ptr, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)ptr;

    for (size_t at = 0; at < size; at += step_at(at)) {
        if (bytes[at] != 0)
            TEST_FAIL("byte %zu of %zu is %u, not zero", at, size, bytes[at]);
    }
    EXPECT(size == 0 || bytes[size - 1] == 0);
}

/* ---- pages ---- */

static void release(workload *work, char *ptr, size_t size)
{
    bool ok;

    ATTEMPT(work, ok, loam_vm_release(ptr, size), (void)0);
    if (!ok)
        workload_leave(work, ptr, size);
}

static char *reserve(workload *work, size_t size, size_t align)
{
    char *ptr;
    bool ok;

    ATTEMPT(work, ok, (ptr = (char *)loam_vm_reserve(size, align)) != NULL, (void)0);
    if (ok)
        EXPECT_EQ((uintptr_t)ptr & (align - 1), 0);
    return ptr;
}

/* A reservation that is committed whole and filled, or NULL. */
static char *take(workload *work, size_t size, unsigned salt)
{
    char *ptr = reserve(work, size, 64 * KIB);
    bool ok;

    if (!ptr)
        return NULL;
    ATTEMPT(work, ok, loam_vm_commit(ptr, size), (void)0);
    if (!ok) {
        release(work, ptr, size);
        return NULL;
    }
    workload_expect_zero(ptr, size);
    workload_fill(ptr, size, salt);
    return ptr;
}

/* Takes the middle of four pages away and brings it back, in each way that there is. */
static void use_middle(workload *work, char *ptr, size_t page)
{
    char *middle = ptr + page;
    size_t size = 2 * page;
    bool ok;

    ATTEMPT(work, ok, loam_vm_purge(middle, size, LOAM_VM_PURGE_NOW), (void)0);
    if (ok)
        workload_expect_zero(middle, size);
    workload_fill(middle, size, 2);
    ATTEMPT(work, ok, loam_vm_purge(middle, size, LOAM_VM_PURGE_LAZY), (void)0);
    workload_fill(middle, size, 2);
    workload_expect(middle, size, 2);

    ATTEMPT(work, ok, loam_vm_guard(middle, size), workload_expect(middle, size, 2));
    if (ok) {
        ATTEMPT(work, ok, loam_vm_unguard(middle, size), (void)0);
        if (!ok)
            return; /* must not be touched any more */
        workload_expect_zero(middle, size);
    }

    ATTEMPT(work, ok, loam_vm_decommit(middle, size), (void)0);
    ATTEMPT(work, ok, loam_vm_commit(middle, size), (void)0);
    if (ok)
        workload_fill(middle, size, 3);
}

void workload_pages(workload *work)
{
    size_t page = loam_vm_page_size(), size = 64 * page, got;
    char *ptr = take(work, size, 1), *big;
    bool ok;

    if (ptr) {
        use_middle(work, ptr + 8 * page, page);
        (void)loam_vm_advise(ptr, size, LOAM_VM_HUGE); /* may always be refused */
        (void)loam_vm_advise(ptr, size, LOAM_VM_NO_HUGE);
        workload_fill(ptr, 8 * page, 4);
        workload_expect(ptr, 8 * page, 4);
        release(work, ptr, size);
    }
    for (size_t align = page; align <= 16 * MIB; align *= 8) {
        ptr = reserve(work, size, align);
        if (ptr)
            release(work, ptr, size);
    }
    ATTEMPT(work, ok, (big = (char *)loam_vm_reserve_ladder(64 * MIB, MIB, 2 * MIB, &got)) != NULL,
            EXPECT_EQ(got, 0));
    if (ok)
        release(work, big, got);
}

/* ---- moves: extend, remap, release in part ---- */

void workload_moves(workload *work)
{
    uint32_t capabilities = loam_vm_capabilities();
    size_t size = 4 * MIB;
    char *ptr = take(work, 2 * size, 1), *moved;
    bool ok;

    if (!ptr)
        return;
    if (!(capabilities & LOAM_VM_REMAP) || !(capabilities & LOAM_VM_PARTIAL_RELEASE)) {
        release(work, ptr, 2 * size);
        return;
    }
    workload_fill(ptr, size, 2);
    workload_fill(ptr + size, size, 3);
    EXPECT(!loam_vm_extend(ptr, size, size + MIB)); /* the upper half is in the way */
    ATTEMPT(work, ok, (moved = (char *)loam_vm_remap(ptr, size, size + MIB)) != NULL,
            workload_expect(ptr, size, 2));
    if (ok) {
        workload_expect(moved, size, 2);
        workload_expect_zero(moved + size, MIB);
        release(work, moved, size + MIB);
        ptr += size;
        workload_expect(ptr, size, 3);
    } else {
        ATTEMPT(work, ok, loam_vm_release_part(ptr, size), workload_expect(ptr, size, 2));
        workload_expect(ptr + size, size, 3);
        if (!ok) {
            release(work, ptr, 2 * size);
            return;
        }
        ptr += size;
    }
    ATTEMPT(work, ok, loam_vm_extend(ptr, size, MIB), workload_expect(ptr, size, 3));
    if (ok) {
        ATTEMPT(work, ok, loam_vm_extend(ptr, MIB, 2 * MIB), (void)0);
        size = ok ? 2 * MIB : MIB;
    }
    release(work, ptr, size);
}

/* ---- the page allocator ---- */

enum { BLOCKS = 24 }; /* more than the cache of released mappings holds */

typedef struct block {
    char *ptr;
    size_t size;
} block;

static void expect_blocks(const block *blocks)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (blocks[i].ptr)
            workload_expect(blocks[i].ptr, blocks[i].size, i);
    }
}

static void grow_block(workload *work, const block *blocks, block *one, unsigned salt)
{
    loam_allocator pages = loam_vm_allocator();
    size_t grown = one->size * 3 / 2;
    char *ptr;
    bool ok;

    ATTEMPT(work, ok, (ptr = (char *)loam_realloc(pages, one->ptr, one->size, grown, 16)) != NULL,
            expect_blocks(blocks));
    if (!ok)
        return;
    workload_expect(ptr, one->size, salt);
    one->ptr = ptr;
    one->size = grown;
    workload_fill(ptr, grown, salt);
    /* Growing or shrinking in place may be refused for good. */
    if (loam_resize(pages, ptr, grown, grown / 2, 16)) {
        one->size = grown / 2;
        workload_fill(ptr, one->size, salt);
    }
}

void workload_vm_allocator(workload *work)
{
    loam_allocator pages = loam_vm_allocator();
    block blocks[BLOCKS];

    memset(blocks, 0, sizeof blocks);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < BLOCKS; i++) {
            block *one = &blocks[i];
            bool zero = (i + round) % 2 == 0, ok;

            if (one->ptr)
                continue;
            one->size = (i % 5 + 1) * 10 * KIB;
            ATTEMPT(work, ok,
                    (one->ptr = (char *)(zero ? loam_zalloc(pages, one->size, 64)
                                              : loam_alloc(pages, one->size, 64))) != NULL,
                    expect_blocks(blocks));
            if (ok && zero)
                workload_expect_zero(one->ptr, one->size);
            if (ok)
                workload_fill(one->ptr, one->size, i);
        }
        for (unsigned i = round; i < BLOCKS; i += 3) {
            if (blocks[i].ptr)
                grow_block(work, blocks, &blocks[i], i);
        }
        expect_blocks(blocks);
        for (unsigned i = 0; i < BLOCKS; i += round == 0 ? 2 : 1) {
            workload_step(work);
            loam_dealloc(pages, blocks[i].ptr, blocks[i].size, 16);
            blocks[i].ptr = NULL;
        }
        workload_step(work);
        (void)loam_vm_trim();
    }
}

/* ---- the region ---- */

enum { RUNS = 12 };

typedef struct run {
    char *ptr;
    size_t count;
} run;

static void expect_region(loam_region *region, const run *runs, size_t held)
{
    loam_stats stats;

    EXPECT(loam_region_check(region, NULL, NULL));
    loam_region_stats(region, &stats);
    EXPECT_EQ(stats.live, held * LOAM_REGION_GRANULE);
    for (unsigned i = 0; i < RUNS; i++) {
        if (runs[i].ptr)
            workload_expect(runs[i].ptr, runs[i].count * LOAM_REGION_GRANULE, i);
    }
}

static void take_runs(workload *work, loam_region *region, run *runs, size_t *held)
{
    for (unsigned i = 0; i < RUNS; i++) {
        run *one = &runs[i];
        size_t align = i % 4 == 3 ? LOAM_REGION_CHUNK_GRANULES : 1;
        loam_granules_info info;
        bool ok;

        if (one->ptr)
            continue;
        one->count = i % 3 + 1;
        ATTEMPT(work, ok,
                (one->ptr = (char *)loam_region_take(region, one->count, align,
                                                     LOAM_REGION_KIND_USER, NULL, &info)) != NULL,
                expect_region(region, runs, *held));
        if (!ok)
            continue;
        *held += one->count;
        workload_expect_zero(one->ptr + info.dirty * LOAM_REGION_GRANULE,
                             (one->count - info.dirty) * LOAM_REGION_GRANULE);
        workload_fill(one->ptr, one->count * LOAM_REGION_GRANULE, i);
    }
}

static void use_region(workload *work, loam_region *region)
{
    run runs[RUNS];
    size_t held = 0;

    memset(runs, 0, sizeof runs);
    for (unsigned round = 0; round < 3; round++) {
        take_runs(work, region, runs, &held);
        expect_region(region, runs, held);
        for (unsigned i = round; i < RUNS; i += 2) {
            if (!runs[i].ptr)
                continue;
            held -= runs[i].count;
            loam_region_give(region, runs[i].ptr, runs[i].count);
            runs[i].ptr = NULL;
        }
        workload_step(work);
        if (round == 1)
            (void)loam_region_decommit(region, SIZE_MAX);
        else
            (void)loam_region_purge(region, 3 * LOAM_REGION_GRANULE);
        expect_region(region, runs, held);
    }
}

void workload_region(workload *work)
{
    loam_region_config config = {.reserve = 64 * MIB};
    loam_region storage, *region;
    bool ok;

    ATTEMPT(work, ok, loam_region_init(&storage, &config), (void)0);
    if (ok) {
        use_region(work, &storage);
        workload_step(work);
        loam_region_deinit(&storage);
    }
    ATTEMPT(work, ok, (region = loam_region_create(&config)) != NULL, (void)0);
    if (ok) {
        use_region(work, region);
        workload_step(work);
        loam_region_destroy(region);
    }
    workload_step(work);
    (void)loam_vm_trim();
}
