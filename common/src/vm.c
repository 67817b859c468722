/* vm.c: the page layer's checks, the same on every system; the calls are the backend's. */
#include <loam/vm.h>

#include "internal/bits.h"
#include "internal/os.h"
#include "internal/vm_backend.h"

static loam_vm_facts facts;
static loam_os_once facts_once = LOAM_OS_ONCE_INIT;
static uint32_t facts_ready; /* the same as facts_once, without a call */
static uint32_t probed;      /* what the probe found */
static loam_os_once probe_once = LOAM_OS_ONCE_INIT;
static uint32_t probe_ready;
static const loam_vm_backend *backend = &loam_vm_native;

static void find_facts(void)
{
    loam_vm_native_facts(&facts);
}

static const loam_vm_facts *get_facts(void)
{
    if (LOAM_UNLIKELY(!__atomic_load_n(&facts_ready, __ATOMIC_ACQUIRE))) {
        loam_os_once_run(&facts_once, find_facts);
        __atomic_store_n(&facts_ready, 1, __ATOMIC_RELEASE);
    }
    return &facts;
}

const loam_vm_backend *loam_vm_replace_backend(const loam_vm_backend *replacement)
{
    const loam_vm_backend *previous = backend;

    (void)get_facts();
    backend = replacement;
    return previous;
}

/* ---- facts ---- */

static void probe(void)
{
    (void)get_facts();
    probed = loam_vm_native_probe();
}

uint32_t loam_vm_basics(void)
{
    return get_facts()->capabilities;
}

uint32_t loam_vm_capabilities(void)
{
    if (LOAM_UNLIKELY(!__atomic_load_n(&probe_ready, __ATOMIC_ACQUIRE))) {
        loam_os_once_run(&probe_once, probe);
        __atomic_store_n(&probe_ready, 1, __ATOMIC_RELEASE);
    }
    return facts.capabilities | probed;
}

size_t loam_vm_page_size(void)
{
    return get_facts()->page_size;
}

size_t loam_vm_huge_page_size(void)
{
    return get_facts()->huge_page_size;
}

size_t loam_vm_reserve_granularity(void)
{
    return get_facts()->granularity;
}

static bool has(loam_vm_capability capability)
{
    return (get_facts()->capabilities & (uint32_t)capability) != 0;
}

size_t loam_vm_address_space(void)
{
    return get_facts()->address_space;
}

/* Whether a range is whole pages, not empty and not wrapped. */
static bool is_pages(const void *ptr, size_t size)
{
    size_t mask = get_facts()->page_size - 1;

    return ptr && size != 0 && (((uintptr_t)ptr | size) & mask) == 0 &&
           size <= UINTPTR_MAX - (uintptr_t)ptr;
}

/* ---- reservations ---- */

/* Rounds a size to what reservations are counted in. False iff nothing of that size can exist. */
static bool reservation_size(size_t size, size_t *rounded)
{
    return size != 0 && loam_round_up_checked(size, get_facts()->granularity, rounded) &&
           *rounded <= (size_t)PTRDIFF_MAX;
}

void *loam_vm_reserve(size_t size, size_t align)
{
    size_t rounded;

    if (!loam_is_pow2(align) || !reservation_size(size, &rounded))
        return NULL;
    return backend->reserve(rounded, loam_max(align, get_facts()->granularity));
}

void *loam_vm_reserve_ladder(size_t size, size_t least, size_t align, size_t *got)
{
    void *ptr;

    *got = 0;
    if (least == 0 || least > size)
        return NULL;
    while ((ptr = loam_vm_reserve(size, align)) == NULL && size > least)
        size = loam_max(size / 2, least);
    if (ptr)
        (void)reservation_size(size, got);
    return ptr;
}

bool loam_vm_release(void *ptr, size_t size)
{
    size_t rounded;

    return ptr && ((uintptr_t)ptr & (get_facts()->granularity - 1)) == 0 &&
           reservation_size(size, &rounded) && backend->release(ptr, rounded);
}

bool loam_vm_release_part(void *ptr, size_t size)
{
    return has(LOAM_VM_PARTIAL_RELEASE) && is_pages(ptr, size) && backend->release_part(ptr, size);
}

/* ---- memory behind them ---- */

bool loam_vm_commit(void *ptr, size_t size)
{
    return is_pages(ptr, size) && backend->commit(ptr, size);
}

bool loam_vm_decommit(void *ptr, size_t size)
{
    return is_pages(ptr, size) && backend->decommit(ptr, size);
}

bool loam_vm_purge(void *ptr, size_t size, loam_vm_purge_mode mode)
{
    if (mode == LOAM_VM_PURGE_LAZY && !has(LOAM_VM_LAZY_PURGE))
        mode = LOAM_VM_PURGE_NOW;
    return is_pages(ptr, size) && backend->purge(ptr, size, mode);
}

bool loam_vm_extend(void *ptr, size_t size, size_t new_size)
{
    size_t old_rounded, new_rounded;

    if (!has(LOAM_VM_REMAP) || !ptr || !reservation_size(size, &old_rounded) ||
        !reservation_size(new_size, &new_rounded))
        return false;
    return old_rounded == new_rounded || backend->extend(ptr, old_rounded, new_rounded);
}

void *loam_vm_remap(void *ptr, size_t size, size_t new_size)
{
    size_t old_rounded, new_rounded;

    if (!has(LOAM_VM_REMAP) || !ptr || !reservation_size(size, &old_rounded) ||
        !reservation_size(new_size, &new_rounded))
        return NULL;
    return old_rounded == new_rounded ? ptr : backend->remap(ptr, old_rounded, new_rounded);
}

/* ---- guards and advice ---- */

bool loam_vm_guard(void *ptr, size_t size)
{
    (void)loam_vm_capabilities();
    return is_pages(ptr, size) && backend->guard(ptr, size);
}

bool loam_vm_unguard(void *ptr, size_t size)
{
    (void)loam_vm_capabilities();
    return is_pages(ptr, size) && backend->unguard(ptr, size);
}

bool loam_vm_advise(void *ptr, size_t size, loam_vm_advice advice)
{
    if (advice == LOAM_VM_INTERLEAVE || advice == LOAM_VM_LOCAL)
        (void)loam_vm_capabilities();
    return is_pages(ptr, size) && backend->advise(ptr, size, advice);
}
