/* replay_subjects.c: the allocators that traces run over. For each the loop is compiled on its own, so
 * that what is called directly in programs is called directly here. */
#include "replay_run.h"

#include "preload/log.h"

#include <loam/arena.h>
#include <loam/heap.h>
#include <loam/heap_sharded.h>
#include <loam/pool.h>
#include <loam/vm.h>

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* Writes as a program does: the first word and the last byte; of a big block a byte in each page. */
static inline void touch(void *block, size_t size)
{
    volatile unsigned char *bytes = block;

    for (size_t at = 0; at < size; at += 4096)
        bytes[at] = 1;
    bytes[size - 1] = 1;
}

/* The loop, for whatever takes, resizes and gives. */
#define RUN_STEPS(take, zeroed, aligned, resize, give)                                             \
    for (size_t i = 0; i < count; i++) {                                                           \
        const replay_step *s = &steps[i];                                                          \
        void **at = &blocks[s->slot], *block = *at;                                                \
        size_t size = (size_t)s->size, before = (size_t)s->before;                                 \
        size_t align = (size_t)1 << s->align_log2;                                                 \
        uint64_t began = ticks ? log_ticks() : 0;                                                  \
                                                                                                   \
        (void)before;                                                                              \
        switch (s->op) {                                                                           \
        case STEP_ALLOC:                                                                           \
            block = (take);                                                                        \
            break;                                                                                 \
        case STEP_ZEROED:                                                                          \
            block = (zeroed);                                                                      \
            break;                                                                                 \
        case STEP_ALIGNED:                                                                         \
            align = align < sizeof(void *) ? sizeof(void *) : align;                               \
            block = (aligned);                                                                     \
            break;                                                                                 \
        case STEP_RESIZE:                                                                          \
            block = (resize);                                                                      \
            break;                                                                                 \
        default:                                                                                   \
            (give);                                                                                \
            block = NULL;                                                                          \
            break;                                                                                 \
        }                                                                                          \
        if (ticks) {                                                                               \
            uint64_t took = log_ticks() - began;                                                   \
                                                                                                   \
            took = took > UINT32_MAX ? UINT32_MAX : took;                                          \
            ticks[i] = took < ticks[i] ? (uint32_t)took : ticks[i];                                \
        }                                                                                          \
        if (s->op == STEP_FREE) {                                                                  \
            *at = NULL;                                                                            \
            continue;                                                                              \
        }                                                                                          \
        if (!block)                                                                                \
            return i;                                                                              \
        *at = block;                                                                               \
        touch(block, size);                                                                        \
    }                                                                                              \
    return count;

/* Both loops, with ticks and without. */
#define SUBJECT_RUN(name, ...)                                                                     \
    static inline __attribute__((always_inline))                                                   \
    size_t name##_loop(void **blocks, const replay_step *steps, size_t count, uint32_t *ticks)     \
    {                                                                                              \
        RUN_STEPS(__VA_ARGS__)                                                                     \
    }                                                                                              \
    static size_t name##_run(void **blocks, const replay_step *steps, size_t count,                \
                             uint32_t *ticks)                                                      \
    {                                                                                              \
        return ticks ? name##_loop(blocks, steps, count, ticks)                                    \
                     : name##_loop(blocks, steps, count, NULL);                                    \
    }

/* ---- the malloc of the process ---- */

static bool libc_open(const parcel *p, size_t region)
{
    (void)p;
    (void)region;
    return true;
}

static void libc_close(void) {}

static void *libc_aligned(size_t align, size_t size)
{
    void *block;

    return posix_memalign(&block, align, size) == 0 ? block : NULL;
}

SUBJECT_RUN(libc, malloc(size), calloc(1, size), libc_aligned(align, size), realloc(block, size),
            free(block))

/* ---- heap: in one region ---- */

static loam_heap *heap;
static void *heap_memory;
static size_t heap_size;

/* Enough for a heap of this trace, whatever its order. */
static size_t roomy(const parcel *p)
{
    return (size_t)(p->peak_bytes * 2 + p->peak_blocks * 32 + p->largest + ((size_t)4 << 20));
}

static bool heap_open(const parcel *p, size_t region)
{
    size_t size = region ? region : roomy(p), page = loam_vm_page_size();

    heap_size = (size + page - 1) & ~(page - 1);
    heap_memory = loam_vm_reserve(heap_size, page);
    if (!heap_memory || !loam_vm_commit(heap_memory, heap_size))
        return false;
    heap = loam_heap_init(heap_memory, size, &(loam_heap_config){.zeroed = true});
    return heap != NULL;
}

static void heap_close(void)
{
    if (heap)
        loam_heap_deinit(heap);
    if (heap_memory)
        (void)loam_vm_release(heap_memory, heap_size);
    heap = NULL;
    heap_memory = NULL;
}

SUBJECT_RUN(heap, loam_heap_alloc(heap, size), loam_heap_zalloc(heap, size),
            loam_heap_alloc_aligned(heap, size, align), loam_heap_realloc(heap, block, size),
            loam_heap_dealloc(heap, block))

/* ---- heap that grows ---- */

static bool grown_open(const parcel *p, size_t region)
{
    (void)p;
    (void)region;
    heap = loam_heap_create(loam_vm_allocator(), NULL);
    return heap != NULL;
}

static void grown_close(void)
{
    loam_heap_destroy(heap);
    heap = NULL;
}

/* ---- heap for many threads ---- */

static loam_region region_of_all;
static loam_heap_sharded sharded;

static bool sharded_open(const parcel *p, size_t region)
{
    loam_heap_sharded_config config;

    (void)p;
    (void)region;
    if (!loam_region_init(&region_of_all, NULL))
        return false;
    config = (loam_heap_sharded_config){.granules = loam_region_granules(&region_of_all)};
    if (loam_heap_sharded_init(&sharded, &config))
        return true;
    loam_region_deinit(&region_of_all);
    return false;
}

static void sharded_close(void)
{
    loam_heap_sharded_deinit(&sharded);
    loam_region_deinit(&region_of_all);
}

SUBJECT_RUN(sharded, loam_heap_sharded_alloc(&sharded, size),
            loam_heap_sharded_zalloc(&sharded, size),
            loam_heap_sharded_alloc_aligned(&sharded, size, align),
            loam_heap_sharded_realloc(&sharded, block, size),
            loam_heap_sharded_dealloc(&sharded, block))

/* ---- pool: classes of sizes over pages, big blocks from a heap ---- */

static loam_pool pool;
static loam_allocator pooled;

static bool pool_open(const parcel *p, size_t region)
{
    loam_pool_config config = {.name = "replay"};

    if (!grown_open(p, region))
        return false;
    config.allocator = loam_heap_allocator(heap);
    if (!loam_pool_init(&pool, &config)) {
        grown_close();
        return false;
    }
    pooled = loam_pool_allocator(&pool);
    return true;
}

static void pool_close(void)
{
    loam_pool_deinit(&pool);
    grown_close();
}

/* Of a block that was taken with an alignment the steps tell it whenever they are about it. */
static inline void *pool_take(size_t size, unsigned align_log2)
{
    return align_log2 ? loam_pool_take_aligned(&pool, size, (size_t)1 << align_log2)
                      : loam_pool_take(&pool, size);
}

static inline void pool_give(void *block, size_t size, unsigned align_log2)
{
    if (align_log2)
        loam_pool_give_aligned(&pool, block, size, (size_t)1 << align_log2);
    else
        loam_pool_give(&pool, block, size);
}

/* loam_pool_take() aligns blocks of up to 8 bytes to 8, others to 16. */
static void *pool_resize(void *block, size_t before, size_t size, unsigned align_log2)
{
    void *moved;

    if (align_log2)
        return loam_realloc(pooled, block, before, size, (size_t)1 << align_log2);
    if (before > 8 && size > 8)
        return loam_realloc(pooled, block, before, size, LOAM_MAX_ALIGN);
    moved = loam_pool_take(&pool, size);
    if (!moved)
        return NULL;
    memcpy(moved, block, before < size ? before : size);
    loam_pool_give(&pool, block, before);
    return moved;
}

static void *pool_zeroed(size_t size)
{
    void *block = loam_pool_take(&pool, size);

    return block ? memset(block, 0, size) : NULL;
}

SUBJECT_RUN(pool, loam_pool_take(&pool, size), pool_zeroed(size), pool_take(size, s->align_log2),
            pool_resize(block, before, size, s->align_log2),
            pool_give(block, before, s->align_log2))

/* ---- arena: nothing is given back before the end ---- */

static loam_arena arena;

static bool arena_open(const parcel *p, size_t region)
{
    (void)p;
    (void)region;
    return loam_arena_init(&arena, NULL);
}

static void arena_close(void)
{
    loam_arena_deinit(&arena);
}

static void *arena_resize(void *block, size_t before, size_t size)
{
    void *moved;

    if (loam_arena_resize(&arena, block, before, size))
        return block;
    moved = loam_arena_push_no_zero(&arena, size);
    return moved ? memcpy(moved, block, before < size ? before : size) : NULL;
}

SUBJECT_RUN(arena, loam_arena_push_no_zero(&arena, size), loam_arena_push(&arena, size),
            loam_arena_push_aligned_no_zero(&arena, size, align), arena_resize(block, before, size),
            (void)block)

static void arena_reset(void)
{
    loam_arena_clear(&arena);
}

/* ---- what blocks have ---- */

static size_t libc_held(const void *block, size_t size, unsigned align_log2)
{
    (void)size;
    (void)align_log2;
    return malloc_usable_size((void *)(uintptr_t)block);
}

static size_t heap_held(const void *block, size_t size, unsigned align_log2)
{
    (void)size;
    (void)align_log2;
    return loam_heap_usable_size(heap, block);
}

static size_t sharded_held(const void *block, size_t size, unsigned align_log2)
{
    (void)size;
    (void)align_log2;
    return loam_heap_sharded_usable_size(&sharded, block);
}

static size_t pool_held(const void *block, size_t size, unsigned align_log2)
{
    (void)block;
    if (align_log2 == 0)
        align_log2 = size > 8 ? 4 : 3;
    return loam_pool_good_size(&pool, size, (size_t)1 << align_log2);
}

/* ---- all ---- */

const subject replay_subjects[] = {
    {"libc", libc_open, libc_close, NULL, libc_run, false, libc_held},
    {"heap", heap_open, heap_close, NULL, heap_run, true, heap_held},
    {"grown", grown_open, grown_close, NULL, heap_run, false, heap_held},
    {"sharded", sharded_open, sharded_close, NULL, sharded_run, false, sharded_held},
    {"pool", pool_open, pool_close, NULL, pool_run, false, pool_held},
    {"arena", arena_open, arena_close, arena_reset, arena_run, false, NULL},
};
const size_t replay_subject_count = sizeof replay_subjects / sizeof *replay_subjects;

const subject *replay_find_subject(const char *name, size_t length)
{
    for (size_t i = 0; i < replay_subject_count; i++)
        if (strlen(replay_subjects[i].name) == length &&
            strncmp(replay_subjects[i].name, name, length) == 0)
            return &replay_subjects[i];
    return NULL;
}
