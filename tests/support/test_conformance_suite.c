/* test_conformance_suite.c: the conformance suite finds what it is there to find. Two toys are
 * right at first, and then have one planted bug at a time; each must be named by its rule.
 *
 * The toy heap stands on malloc(), reclaims, and has every operation but owns; the toy bump does
 * not reclaim, and has owns.
 */
#include "support/blocks.h"
#include "support/conformance.h"
#include "support/test.h"
#include "support/toy_bump.h"

#include "internal/bits.h"

#include <loam/cache.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#if TEST_HAS_FORK
#include <sched.h>
#endif

typedef enum bug {
    NO_BUG,
    /* of the table */
    NO_NAME,
    UNKNOWN_TRAIT,
    THREADSAFE_CACHE,
    /* of alloc */
    MISALIGNED,
    HANDED_OUT_TWICE,
    REFUSES_SOME,
    SERVES_ANYTHING,
    WRITES_BEFORE,
    /* of dealloc */
    CHANGES_ERRNO,
    LOSES_BLOCKS,
    /* of resize */
    RESIZE_LOSES,
    RESIZE_OVERLAPS,
    RESIZE_REFUSES_LATE,
    /* of remap */
    REMAP_LOSES,
    REMAP_MISALIGNS,
    REMAP_REFUSES_LATE,
    /* of good_size */
    GOOD_SIZE_LESS,
    GOOD_SIZE_FALLS,
    GOOD_SIZE_CREEPS,
    GOOD_SIZE_CHANGES,
    GOOD_SIZE_WRAPS,
    /* of zalloc */
    ZALLOC_DIRTY,
    ZALLOC_TAIL_DIRTY,
    /* of owns */
    OWNS_ALL,
    OWNS_NONE,
    OWNS_STARTS,
    /* of traits */
    FALSE_RECLAIMS,
    FALSE_THREADSAFE,
    /* of the cache */
    CACHE_BLOCKS_SMALL,
    CACHE_TWO_SHARED,
    CACHE_OVER_EXACT,
    /* of a limit */
    REFUSAL_IS_CHARGED
} bug;

enum { STEP = 64, LIMIT = 1 << 20, BUMP_SIZE = 1 << 23 };

typedef struct toy {
    bug planted;
    loam_allocator_ops ops;
    size_t calls; /* of alloc and good_size */
    size_t asked; /* for a cache */
    size_t live;  /* bytes, where there is a limit */
    size_t limit; /* 0: none */
    void *last;   /* the newest block */
    toy_bump bump;
    void *buffer;
    loam_cache_own shared[2];
    atomic_uintptr_t spare; /* of the heap that only says that it is thread safe */
} toy;

/* ---- the toy heap ---- */

static size_t rounded(size_t size)
{
    return size > PTRDIFF_MAX - STEP ? size : loam_round_up(size, STEP);
}

static void *heap_raw(size_t size, size_t align)
{
    return loam_alloc(loam_libc_allocator(), rounded(size), align);
}

static bool heap_charge(toy *t, size_t size)
{
    if (t->limit == 0)
        return true;
    if (size <= t->limit - t->live || t->planted == REFUSAL_IS_CHARGED)
        t->live += size;
    else
        return false;
    if (t->live <= t->limit)
        return true;
    t->live = t->limit;
    return false;
}

/* Keeps one block back without a lock: two threads may find it at once. */
static void *take_spare(toy *t, size_t size)
{
    uintptr_t spare = atomic_load(&t->spare);

    if (!spare || size > 3008)
        return NULL;
#if TEST_HAS_FORK
    sched_yield(); /* the gap that others fall into */
#endif
    atomic_store(&t->spare, 0);
    return (void *)spare;
}

static void *heap_alloc(void *self, size_t size, size_t align)
{
    toy *t = self;
    void *ptr = NULL;

    t->calls += t->planted != FALSE_THREADSAFE;
    if (t->planted == REFUSES_SOME && size % 1000 == 999)
        return NULL;
    if (t->planted == HANDED_OUT_TWICE && t->calls % 100 == 0 && t->last)
        return t->last;
    if (t->planted == SERVES_ANYTHING && size > LIMIT * 16)
        size = 1;
    if (t->planted == FALSE_THREADSAFE && align <= LOAM_MAX_ALIGN) {
        ptr = take_spare(t, size);
        size = loam_max(size, 3008);
    }
    if (!heap_charge(t, rounded(size)))
        return NULL;
    if (!ptr)
        ptr = heap_raw(t->planted == MISALIGNED ? size + 64 : size, align);
    if (!ptr && t->limit)
        t->live -= rounded(size);
    if (ptr && t->planted == MISALIGNED && align == 32)
        ptr = (char *)ptr + 16;
    if (t->planted != FALSE_THREADSAFE)
        t->last = ptr;
    return ptr;
}

static void heap_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    toy *t = self;

    if (t->limit)
        t->live -= rounded(size);
    if (t->planted == CHANGES_ERRNO)
        errno = ENOMEM;
    if (t->planted == FALSE_THREADSAFE && align <= LOAM_MAX_ALIGN && !atomic_load(&t->spare)) {
        atomic_store(&t->spare, (uintptr_t)ptr);
        return;
    }
    if (t->last == ptr)
        t->last = NULL;
    if (t->planted == MISALIGNED && align == 32)
        ptr = (char *)ptr - 16;
    loam_dealloc(loam_libc_allocator(), ptr, rounded(size), align);
}

static void *heap_zalloc(void *self, size_t size, size_t align)
{
    const toy *t = self;
    void *ptr = heap_alloc(self, size, align);

    if (!ptr)
        return NULL;
    memset(ptr, t->planted == ZALLOC_DIRTY ? 0xAA : 0, size);
    if (t->planted == ZALLOC_TAIL_DIRTY && size > 4096)
        ((unsigned char *)ptr)[size - 1] = 1;
    return ptr;
}

static bool heap_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    const toy *t = self;

    (void)align;
    if (t->planted == RESIZE_REFUSES_LATE)
        *(unsigned char *)ptr ^= 1;
    if (t->planted == RESIZE_REFUSES_LATE || rounded(new_size) != rounded(size))
        return false;
    if (t->planted == RESIZE_LOSES && new_size > 8)
        memmove(ptr, (char *)ptr + 1, 8);
    return true;
}

static void *heap_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    const toy *t = self;
    size_t kept = loam_min(size, new_size);
    void *moved;

    if (t->planted == REMAP_REFUSES_LATE) {
        *(unsigned char *)ptr ^= 1;
        return NULL;
    }
    if (t->planted == REMAP_MISALIGNS && align == 64) {
        moved = heap_alloc(self, new_size + 64, align);
        return moved ? memcpy((char *)moved + 8, ptr, kept) : NULL; /* its test ends here */
    }
    moved = heap_alloc(self, new_size, align);
    if (!moved)
        return NULL;
    if (t->planted == REMAP_LOSES && kept > 4096)
        kept = 4096;
    memcpy(moved, ptr, kept);
    heap_dealloc(self, ptr, size, align);
    return moved;
}

static size_t heap_good_size(void *self, size_t size, size_t align)
{
    toy *t = self;

    (void)align;
    t->calls++;
    switch (t->planted) {
    case GOOD_SIZE_LESS:
        return size > 1000 && size < 1024 ? 1000 : rounded(size);
    case GOOD_SIZE_FALLS:
        return size == 100 ? 256 : rounded(size);
    case GOOD_SIZE_CREEPS:
        return size < (size_t)PTRDIFF_MAX - 16 ? size + 16 : size;
    case GOOD_SIZE_CHANGES:
        return loam_round_up(size, 256) + t->calls / 2000 * 256;
    case GOOD_SIZE_WRAPS:
        return size > PTRDIFF_MAX - 8192 ? 0 : rounded(size);
    default:
        return rounded(size);
    }
}

static loam_cache *heap_cache(void *self, size_t size, size_t align)
{
    toy *t = self;
    int which = t->planted == CACHE_TWO_SHARED && t->asked++ % 2;
    loam_cache_own *own = &t->shared[which];
    bool small = t->planted == CACHE_BLOCKS_SMALL;

    if (size != 64 || align != 16)
        return NULL;
    if (!own->below.ops)
        (void)loam_allocator_cache(loam_libc_allocator(), small ? 32 : size, align, own);
    if (t->planted == CACHE_OVER_EXACT)
        own->cache.high = own->slots + LOAM_CACHE_OWN_CAPACITY;
    return &own->cache;
}

static loam_allocator make_heap(void *context)
{
    static const loam_allocator_ops ops = {
        .alloc = heap_alloc,
        .dealloc = heap_dealloc,
        .zalloc = heap_zalloc,
        .resize = heap_resize,
        .remap = heap_remap,
        .good_size = heap_good_size,
        .cache = heap_cache,
        .name = "toy heap",
        .traits = LOAM_RECLAIMS,
    };
    toy *t = context;

    t->ops = ops;
    t->live = t->calls = 0;
    t->last = NULL;
    memset(t->shared, 0, sizeof t->shared);
    if (t->planted == NO_NAME)
        t->ops.name = NULL;
    if (t->planted == UNKNOWN_TRAIT)
        t->ops.traits |= 1u << 31;
    if (t->planted == THREADSAFE_CACHE)
        t->ops.traits |= LOAM_THREADSAFE;
    if (t->planted == CACHE_OVER_EXACT)
        t->ops.traits |= LOAM_EXACT;
    if (t->planted == FALSE_THREADSAFE) {
        t->ops.traits |= LOAM_THREADSAFE;
        t->ops.cache = NULL;
        t->ops.remap = NULL;
        t->ops.good_size = NULL;
        t->ops.resize = NULL;
    }
    if (t->limit)
        t->ops.cache = NULL; /* the shared one of this toy is charged to nobody */
    return (loam_allocator){&t->ops, t};
}

static void end_heap(void *context)
{
    toy *t = context;

    for (int i = 0; i < 2; i++) {
        if (t->shared[i].below.ops)
            loam_cache_deinit(&t->shared[i]);
    }
    free((void *)atomic_exchange(&t->spare, 0));
    EXPECT(t->limit == 0 || t->live == 0 || t->planted == REFUSAL_IS_CHARGED);
}

/* ---- the toy bump ---- */

static void *bump_alloc(void *self, size_t size, size_t align)
{
    toy *t = self;
    unsigned char *ptr = loam_alloc(toy_bump_allocator(&t->bump), size, align);

    if (ptr && t->planted == WRITES_BEFORE && ptr > t->bump.low)
        ptr[-1] = 0x55;
    return ptr;
}

static void bump_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    toy *t = self;

    if (t->planted != LOSES_BLOCKS)
        loam_dealloc(toy_bump_allocator(&t->bump), ptr, size, align);
}

static bool bump_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    toy *t = self;

    if (t->planted == RESIZE_OVERLAPS && new_size < size + 64)
        return true;
    return loam_resize(toy_bump_allocator(&t->bump), ptr, size, new_size, align);
}

static bool bump_owns(void *self, const void *ptr)
{
    toy *t = self;

    if (t->planted == OWNS_ALL)
        return true;
    if (t->planted == OWNS_NONE || (t->planted == OWNS_STARTS && (uintptr_t)ptr % 8 != 0))
        return false;
    return loam_owns(toy_bump_allocator(&t->bump), ptr);
}

static loam_allocator make_bump(void *context)
{
    static const loam_allocator_ops ops = {
        .alloc = bump_alloc,
        .dealloc = bump_dealloc,
        .resize = bump_resize,
        .owns = bump_owns,
        .name = "toy bump with a bug",
    };
    toy *t = context;

    t->ops = ops;
    if (t->planted == FALSE_RECLAIMS || t->planted == LOSES_BLOCKS)
        t->ops.traits |= LOAM_RECLAIMS;
    toy_bump_init(&t->bump, t->buffer, BUMP_SIZE);
    return (loam_allocator){&t->ops, t};
}

/* ---- both are right without a bug ---- */

static void run_heap(void *context)
{
    toy *t = context;

    loam_conformance_run(&(conformance_subject){
        .name = "toy heap",
        .context = t,
        .make = make_heap,
        .end = end_heap,
        .capacity = t->limit,
        .max_size = t->limit / 4,
        .overhead = STEP,
        .bounded = t->limit != 0,
    });
}

static void run_bump(void *context)
{
    toy *t = context;

    t->buffer = malloc(BUMP_SIZE);
    EXPECT(t->buffer != NULL);
    loam_conformance_run(&(conformance_subject){
        .name = "toy bump",
        .context = t,
        .make = make_bump,
        .capacity = BUMP_SIZE,
        .max_size = BUMP_SIZE / 8,
        .bounded = true,
    });
    free(t->buffer);
}

TEST(right_heap_passes, fast)
{
    toy t = {.planted = NO_BUG};

    run_heap(&t);
}

TEST(right_heap_with_limit_passes, fast)
{
    toy t = {.planted = NO_BUG, .limit = LIMIT};

    run_heap(&t);
}

TEST(right_bump_passes, fast)
{
    toy t = {.planted = NO_BUG};

    run_bump(&t);
}

/* ---- each bug is found ---- */

static void expect_found(test_fn run, bug planted, size_t limit, const char *message)
{
    toy t = {.planted = planted, .limit = limit};
    test_child child;

    test_run_child(run, &t, &child);
    if (child.exit_code < 1 || !strstr(child.output, message))
        TEST_FAIL("expected \"%s\", but exit code %d, signal %d and: %s", message, child.exit_code,
                  child.signal, child.output);
}

/* What the table says of itself. */
TEST(finds_bad_tables, fast)
{
    expect_found(run_heap, NO_NAME, 0, "table: there is no name");
    expect_found(run_heap, UNKNOWN_TRAIT, 0, "has unknown bits");
    expect_found(run_heap, THREADSAFE_CACHE, 0, "C4: a thread-safe allocator offers a cache");
}

/* alloc and dealloc. */
TEST(finds_bad_blocks, fast)
{
    expect_found(run_heap, MISALIGNED, 0, "A2: block of ");
    expect_found(run_heap, HANDED_OUT_TWICE, 0, "overlaps a live one");
    expect_found(run_heap, REFUSES_SOME, 0, "999 bytes aligned to ");
    if (sizeof(void *) >= 8) /* with 32 bits there may be so much */
        expect_found(run_heap, SERVES_ANYTHING, 0, "impossible requests: A2: ");
    expect_found(run_bump, WRITES_BEFORE, 0, "A2: contents of a live block of ");
    expect_found(run_heap, CHANGES_ERRNO, 0, "A6: dealloc of ");
}

/* resize and remap. */
TEST(finds_bad_changes, fast)
{
    expect_found(run_heap, RESIZE_LOSES, 0, "A4: resize from ");
    expect_found(run_bump, RESIZE_OVERLAPS, 0, "overlaps a live one");
    expect_found(run_heap, RESIZE_REFUSES_LATE, 0, "A9: contents of a live block of ");
    expect_found(run_heap, REMAP_LOSES, 0, "A5: remap from ");
    expect_found(run_heap, REMAP_MISALIGNS, 0, "is not aligned to 64");
    expect_found(run_heap, REMAP_REFUSES_LATE, 0, "A9: contents of a live block of ");
}

/* good_size. */
TEST(finds_bad_good_sizes, fast)
{
    expect_found(run_heap, GOOD_SIZE_LESS, 0, "A7: good_size(1001) is 1000, which is less");
    expect_found(run_heap, GOOD_SIZE_FALLS, 0, "A7: good_size(101) is 128, and 256 for a smaller");
    expect_found(run_heap, GOOD_SIZE_CREEPS, 0, "A7: good_size(1) is 17, which is not a good size");
    expect_found(run_heap, GOOD_SIZE_CHANGES, 0, "A7: good_size(");
    expect_found(run_heap, GOOD_SIZE_WRAPS, 0, "is 0, which is less");
}

/* zalloc and owns. */
TEST(finds_dirt_and_false_owners, fast)
{
    expect_found(run_heap, ZALLOC_DIRTY, 0, "do not read as zero");
    expect_found(run_heap, ZALLOC_TAIL_DIRTY, 0, "do not read as zero");
    expect_found(run_bump, OWNS_ALL, 0, "owns: foreign memory is owned");
    expect_found(run_bump, OWNS_NONE, 0, "lies in a live block and is not owned");
    expect_found(run_bump, OWNS_STARTS, 0, "lies in a live block and is not owned");
}

/* Promises that are not kept. */
TEST(finds_false_traits, fast)
{
    expect_found(run_bump, FALSE_RECLAIMS, 0, "were refused");
    expect_found(run_bump, LOSES_BLOCKS, 0, "were refused");
    expect_found(run_heap, REFUSAL_IS_CHARGED, LIMIT, "were refused");
}

/* A heap that is thread safe only by its own words is found at once or, at the latest, by what it
 * breaks. */
TEST(finds_false_threadsafe, fast)
{
    toy t = {.planted = FALSE_THREADSAFE};
    test_child child;

    if (test_under_valgrind())
        TEST_SKIP("Valgrind runs one thread at a time");
    test_run_child(run_heap, &t, &child);
    EXPECT(child.exit_code != 0);
    if (!test_under_asan() && !test_under_tsan() && child.exit_code == 1)
        EXPECT(strstr(child.output, "threads: LOAM_THREADSAFE: ") != NULL);
}

/* Shared caches. */
TEST(finds_bad_caches, fast)
{
    expect_found(run_heap, CACHE_BLOCKS_SMALL, 0, "cache: blocks of 32 bytes for requests of 64");
    expect_found(run_heap, CACHE_TWO_SHARED, 0, "C3: two askers for 64 bytes");
    expect_found(run_heap, CACHE_OVER_EXACT, 0, "C6: a cache over an exact allocator");
}

TEST_MAIN
