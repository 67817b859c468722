/* conformance_run.c: one subject, its blocks, and the calls that are checked; the order of the
 * sections. */
#include "support/conformance_run.h"

#include "internal/bits.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum { ERRNO_MARK = 4711 };

void run_broke(const run *r, const char *rule, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    TEST_FAIL("%s: %s: %s: %s", r->subject->name, r->section, rule, text);
}

/* ---- begin and end ---- */

void run_begin(run *r, const conformance_subject *subject, const char *section)
{
    size_t mebibyte = (size_t)1 << 20;

    *r = (run){.subject = subject, .section = section};
    r->max_size = subject->max_size ? subject->max_size : 4 * mebibyte;
    r->max_align = subject->max_align ? subject->max_align : mebibyte;
    r->capacity = subject->capacity ? subject->capacity : SIZE_MAX;
    test_rng_init(&r->rng, test_seed());
    test_blocks_init(&r->blocks);
    r->allocator = subject->make(subject->context);
}

void run_end(run *r)
{
    run_drop_all(r);
    if (r->subject->end)
        r->subject->end(r->subject->context);
    test_blocks_deinit(&r->blocks);
}

static bool reclaims(const run *r)
{
    return loam_allocator_reclaims(r->allocator);
}

static void start_over(run *r)
{
    if (r->subject->end)
        r->subject->end(r->subject->context);
    r->allocator = r->subject->make(r->subject->context);
    r->cost = 0;
}

/* ---- promises ---- */

static size_t cost_of(const run *r, size_t size, size_t align)
{
    return size + align + r->subject->overhead;
}

bool run_serves(const run *r, size_t size, size_t align)
{
    const conformance_subject *subject = r->subject;

    return size <= r->max_size && align <= r->max_align &&
           (!subject->serves || subject->serves(subject->context, size, align));
}

bool run_promised(const run *r, size_t size, size_t align)
{
    return !r->pressed && run_serves(r, size, align) && r->cost <= r->capacity &&
           cost_of(r, size, align) <= r->capacity - r->cost;
}

void run_clear(run *r)
{
    run_drop_all(r);
    if (!reclaims(r) && r->cost > 0)
        start_over(r);
}

void run_make_room(run *r, size_t size, size_t align)
{
    size_t needed = size + 4 * cost_of(r, 0, align);

    if (r->cost > r->capacity || needed > r->capacity - r->cost)
        run_clear(r);
}

size_t run_cap_size(const run *r, size_t size)
{
    return loam_min(size, r->max_size);
}

/* Primes, so that a loop that skips most steps still meets all kinds of them. */
size_t run_slowness(void)
{
    return test_under_valgrind() ? 17 : test_under_tsan() ? 5 : 1;
}

size_t run_steps(size_t count)
{
    return count / run_slowness() + 1;
}

/* ---- blocks ---- */

size_t run_adopt(run *r, void *ptr, size_t size, size_t align)
{
    if ((uintptr_t)ptr & (align - 1))
        run_broke(r, "A2", "block of %zu bytes at %p is not aligned to %zu", size, ptr, align);
    if ((uintptr_t)ptr > UINTPTR_MAX - size || !test_blocks_disjoint(&r->blocks, ptr, size))
        run_broke(r, "A2", "block of %zu bytes at %p overlaps a live one", size, ptr);
    r->cost += cost_of(r, size, align);
    return test_blocks_add(&r->blocks, ptr, size, align);
}

static bool reads_zero(const unsigned char *bytes, size_t size)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

size_t run_take(run *r, size_t size, size_t align, bool zero)
{
    bool promised = run_promised(r, size, align);
    void *ptr =
        zero ? loam_zalloc(r->allocator, size, align) : loam_alloc(r->allocator, size, align);

    if (!ptr) {
        if (promised)
            run_broke(r, "A2", "%zu bytes aligned to %zu were refused", size, align);
        return RUN_NONE;
    }
    if (zero && !reads_zero(ptr, size))
        run_broke(r, "zalloc", "%zu bytes aligned to %zu do not read as zero", size, align);
    return run_adopt(r, ptr, size, align);
}

static void check_intact(const run *r, const char *rule, const test_block *block)
{
    if (!test_block_intact(block))
        run_broke(r, rule, "contents of a live block of %zu bytes at %p changed", block->size,
                  (void *)block->ptr);
}

test_block run_release(run *r, size_t index)
{
    test_block block = test_blocks_remove(&r->blocks, index);

    check_intact(r, "A2", &block);
    if (reclaims(r))
        r->cost -= cost_of(r, block.size, block.align);
    return block;
}

void run_drop(run *r, size_t index)
{
    test_block block = run_release(r, index);

    errno = ERRNO_MARK;
    loam_dealloc(r->allocator, block.ptr, block.size, block.align);
    if (errno != ERRNO_MARK)
        run_broke(r, "A6", "dealloc of %zu bytes changed errno to %d", block.size, errno);
}

void run_drop_all(run *r)
{
    while (r->blocks.count > 0)
        run_drop(r, (size_t)test_rng_below(&r->rng, r->blocks.count));
}

void run_check_blocks(const run *r)
{
    size_t broken = test_blocks_broken(&r->blocks);

    if (broken < r->blocks.count)
        check_intact(r, "A2", &r->blocks.items[broken]);
}

/* ---- changes of size ---- */

static const char *change_name(run_change how)
{
    return how == RUN_RESIZE ? "resize" : how == RUN_REMAP ? "remap" : "realloc";
}

static void *change(const run *r, const test_block *block, size_t new_size, run_change how)
{
    if (how == RUN_RESIZE)
        return loam_resize(r->allocator, block->ptr, block->size, new_size, block->align)
                   ? block->ptr
                   : NULL;
    if (how == RUN_REMAP)
        return loam_remap(r->allocator, block->ptr, block->size, new_size, block->align);
    return loam_realloc(r->allocator, block->ptr, block->size, new_size, block->align);
}

bool run_change_size(run *r, size_t *index, size_t new_size, run_change how)
{
    test_block block = r->blocks.items[*index];
    bool promised = how == RUN_REALLOC && run_promised(r, new_size, block.align);
    const char *rule = how == RUN_RESIZE ? "A4" : how == RUN_REMAP ? "A5" : "realloc";
    unsigned char *ptr = change(r, &block, new_size, how);

    if (!ptr) {
        if (promised)
            run_broke(r, rule, "realloc from %zu to %zu bytes was refused", block.size, new_size);
        check_intact(r, "A9", &block);
        return false;
    }
    if (!test_block_found_at(&block, ptr, loam_min(block.size, new_size)))
        run_broke(r, rule, "%s from %zu to %zu bytes lost contents", change_name(how), block.size,
                  new_size);
    test_blocks_remove(&r->blocks, *index);
    if (reclaims(r))
        r->cost -= cost_of(r, block.size, block.align);
    *index = run_adopt(r, ptr, new_size, block.align);
    return true;
}

/* ---- the suite ---- */

void loam_conformance_run(const conformance_subject *subject)
{
    static const struct {
        const char *name;
        void (*run)(run *r);
    } sections[] = {
        {"table", conformance_table},
        {"odd requests", conformance_odd_requests},
        {"impossible requests", conformance_impossible_requests},
        {"alignments", conformance_alignments},
        {"sizes", conformance_sizes},
        {"contents", conformance_contents},
        {"resize", conformance_resize},
        {"remap", conformance_remap},
        {"realloc", conformance_realloc},
        {"good_size", conformance_good_size},
        {"zalloc", conformance_zalloc},
        {"owns", conformance_owns},
        {"cache", conformance_cache},
        {"reclaims", conformance_reclaims},
        {"brim", conformance_brim},
        {"pressure", conformance_pressure},
        {"random", conformance_random},
        {"threads", conformance_threads},
    };
    run r;

    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        run_begin(&r, subject, sections[i].name);
        sections[i].run(&r);
        run_end(&r);
    }
}
