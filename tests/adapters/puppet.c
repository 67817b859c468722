#include "adapters/puppet.h"

#include "internal/bits.h"
#include "internal/mark.h"

#include <errno.h>

#define BUFFERS 4

static _Alignas(1 << 16) unsigned char buffers[BUFFERS][PUPPET_BYTES];
static size_t taken;

static void begin(puppet *p, size_t *calls)
{
    ++*calls;
    if (p->on_call)
        p->on_call(p->context);
}

static bool refuses(const puppet *p, size_t size)
{
    return p->refuse || size > p->refuse_above;
}

static void *take(puppet *p, size_t size, size_t align)
{
    size_t start = loam_round_up(p->used, align);

    if (p->bug == PUPPET_OVERLAPPING)
        return p->buffer + p->newest + align;
    if (p->bug == PUPPET_SAME_AGAIN)
        return p->buffer + p->newest;
    if (start > p->bytes || size > p->bytes - start)
        return NULL;
    p->newest = start;
    p->used = start + loam_round_up(size, p->step);
    p->live += size;
    return p->buffer + start + (p->bug == PUPPET_MISALIGNED);
}

static void *puppet_alloc(void *self, size_t size, size_t align)
{
    puppet *p = self;

    begin(p, &p->calls.alloc);
    p->last_size = size;
    p->last_align = align;
    return refuses(p, size) ? NULL : take(p, size, align);
}

static void *puppet_zalloc(void *self, size_t size, size_t align)
{
    puppet *p = self;
    unsigned char *ptr;

    begin(p, &p->calls.zalloc);
    p->last_size = size;
    p->last_align = align;
    ptr = refuses(p, size) ? NULL : take(p, size, align);
    if (ptr)
        memset(ptr, 0, size);
    if (ptr && p->bug == PUPPET_DIRTY_ZERO)
        ptr[size / 2] = 1;
    return ptr;
}

static void puppet_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    puppet *p = self;

    (void)ptr;
    begin(p, &p->calls.dealloc);
    p->last_size = size;
    p->last_align = align;
    p->live -= size;
    if (p->bug == PUPPET_SETS_ERRNO)
        errno = EINVAL;
}

/* Whether a change of size is refused, which PUPPET_SPOILS_REFUSED does not do properly. */
static bool refuses_change(const puppet *p, void *ptr, size_t size, size_t new_size)
{
    if (p->bug != PUPPET_SPOILS_REFUSED)
        return refuses(p, new_size);
    ((unsigned char *)ptr)[p->spoil_at == SIZE_MAX ? size / 2 : p->spoil_at] ^= 1;
    return true;
}

static bool puppet_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    puppet *p = self;

    begin(p, &p->calls.resize);
    p->last_size = size;
    p->last_new_size = new_size;
    p->last_align = align;
    if (refuses_change(p, ptr, size, new_size))
        return false;
    if (p->bug != PUPPET_GROWS_OVER &&
        loam_round_up(new_size, p->step) != loam_round_up(size, p->step))
        return false;
    p->live += new_size - size;
    return true;
}

static void *puppet_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    puppet *p = self;
    void *moved;

    begin(p, &p->calls.remap);
    p->last_size = size;
    p->last_new_size = new_size;
    p->last_align = align;
    if (p->bug == PUPPET_MOVES_OVER)
        return p->buffer + p->newest + align;
    if (refuses_change(p, ptr, size, new_size))
        return NULL;
    moved = take(p, new_size, align);
    if (!moved)
        return NULL;
    p->live -= size;
    if (p->bug == PUPPET_LOSES_CONTENTS)
        memset(moved, 0, loam_min(size, new_size));
    else
        memcpy(moved, ptr, loam_min(size, new_size));
    return moved;
}

static size_t puppet_good_size(void *self, size_t size, size_t align)
{
    puppet *p = self;

    (void)align;
    p->calls.good_size++;
    if (p->bug == PUPPET_SMALL_GOOD)
        return size - 1;
    return size > (size_t)PTRDIFF_MAX - p->step ? size : loam_round_up(size, p->step);
}

static bool puppet_owns(void *self, const void *ptr)
{
    puppet *p = self;

    p->calls.owns++;
    return p->bug != PUPPET_DENIES && (uintptr_t)ptr - (uintptr_t)p->buffer < p->used;
}

/* A cache of no capacity: enough to be handed on. */
static loam_cache *puppet_cache(void *self, size_t size, size_t align)
{
    puppet *p = self;

    p->calls.cache++;
    p->shared.size = size;
    p->shared.align = align;
    return &p->shared;
}

void puppet_init(puppet *p)
{
    *p = (puppet){
        .ops = {.alloc = puppet_alloc,
                .dealloc = puppet_dealloc,
                .zalloc = puppet_zalloc,
                .resize = puppet_resize,
                .remap = puppet_remap,
                .good_size = puppet_good_size,
                .owns = puppet_owns,
                .cache = puppet_cache,
                .name = "puppet",
                .traits = LOAM_RECLAIMS},
        .refuse_above = SIZE_MAX,
        .spoil_at = SIZE_MAX,
        .buffer = buffers[taken++ % BUFFERS],
        .bytes = PUPPET_BYTES,
        .step = PUPPET_STEP,
    };
}

loam_allocator puppet_allocator(puppet *p)
{
    return (loam_allocator){&p->ops, p};
}

#if LOAM_VALGRIND
#define REPORTS_OFF VALGRIND_DISABLE_ERROR_REPORTING
#define REPORTS_ON  VALGRIND_ENABLE_ERROR_REPORTING
#else
#define REPORTS_OFF ((void)0)
#define REPORTS_ON  ((void)0)
#endif

__attribute__((noinline, no_sanitize_address)) void poke(void *ptr, ptrdiff_t offset,
                                                         unsigned char value)
{
    REPORTS_OFF;
    ((volatile unsigned char *)ptr)[offset] = value;
    REPORTS_ON;
}

__attribute__((noinline, no_sanitize_address)) unsigned char peek(const void *ptr, ptrdiff_t offset)
{
    unsigned char value;

    REPORTS_OFF;
    value = ((const volatile unsigned char *)ptr)[offset];
    REPORTS_ON;
#if LOAM_VALGRIND
    (void)VALGRIND_MAKE_MEM_DEFINED(&value, 1);
#endif
    return value;
}
