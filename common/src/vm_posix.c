/* vm_posix.c: the page layer on POSIX systems that are not Linux: mmap, mprotect, munmap, and
 * madvise for one thing only, because its words mean something else on each of them.
 *
 * A reservation is PROT_NONE, which no system charges; commit is mprotect. Mapping fresh pages over
 * a range is the one portable way to be rid of what is there at once: PROT_NONE ones decommit and
 * guard, writable ones purge. MADV_DONTNEED is not: outside Linux it keeps the contents.
 *
 * Nothing here moves pages or knows huge pages and memory nodes: the systems either do it
 * unasked or have no call in common.
 */
#define _GNU_SOURCE
#include "internal/vm_backend.h"

#include "internal/bits.h"
#include "internal/vm_edges.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(MAP_ANONYMOUS)
#define ANONYMOUS MAP_ANONYMOUS
#else
#define ANONYMOUS MAP_ANON
#endif

/* ---- facts ---- */

static size_t page_size;

static size_t find_address_space(void)
{
#if defined(RLIMIT_AS)
    struct rlimit limit;

    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        return (size_t)limit.rlim_cur;
#endif
    return SIZE_MAX;
}

void loam_vm_native_facts(loam_vm_facts *facts)
{
    int saved = errno;

    page_size = (size_t)sysconf(_SC_PAGESIZE);
    facts->page_size = page_size;
    facts->huge_page_size = 0;
    facts->granularity = page_size;
    facts->address_space = find_address_space();
    facts->capabilities = LOAM_VM_PARTIAL_RELEASE | LOAM_VM_ZERO_ON_DECOMMIT;
#if defined(MADV_FREE)
    facts->capabilities |= LOAM_VM_LAZY_PURGE;
#endif
    errno = saved;
}

uint32_t loam_vm_native_probe(void)
{
    return 0;
}

void loam_vm_native_force_strict(void) {}

/* ---- reservations ---- */

static void *map_pages(void *where, size_t size, int protection, int flags)
{
    void *ptr = mmap(where, size, protection, MAP_PRIVATE | ANONYMOUS | flags, -1, 0);

    return ptr == MAP_FAILED ? NULL : ptr;
}

/* Maps more and trims both edges.
 *
 *   [ edge ][------- size -------][ edge ]
 *           ^ multiple of align            */
static void *map_trimmed(loam_vm_claim *mine, size_t size, size_t align)
{
    size_t whole, before;
    char *ptr;

    if (!loam_add_checked(size, align - page_size, &whole))
        return NULL;
    ptr = map_pages(NULL, whole, PROT_NONE, 0);
    if (!ptr)
        return NULL;
    before = loam_padding(ptr, align);
    loam_vm_unmap(mine, ptr, before);
    loam_vm_unmap(mine, ptr + before + size, whole - before - size);
    return ptr + before;
}

/* Where a limit has no room for the edges, a mapping may still be aligned by luck. */
static void *map_lucky(loam_vm_claim *mine, size_t size, size_t align)
{
    void *ptr = map_pages(NULL, size, PROT_NONE, 0);

    if (!ptr || loam_padding(ptr, align) == 0)
        return ptr;
    loam_vm_unmap(mine, ptr, size);
    return NULL;
}

static void *posix_reserve(size_t size, size_t align)
{
    int saved = errno;
    void *ptr = NULL;
    loam_vm_claim mine;

    loam_vm_retry_unmap();
    if (align <= page_size) {
        ptr = map_pages(NULL, size, PROT_NONE, 0);
    } else if (loam_vm_claim_places(&mine)) {
        ptr = map_trimmed(&mine, size, align);
        if (!ptr)
            ptr = map_lucky(&mine, size, align);
        loam_vm_end_claim(&mine);
    }
    errno = saved;
    return ptr;
}

static bool posix_release(void *ptr, size_t size)
{
    int saved = errno;
    bool done = munmap(ptr, size) == 0;

    errno = saved;
    return done;
}

/* ---- memory behind them ---- */

static bool posix_commit(void *ptr, size_t size)
{
    int saved = errno;
    bool done = mprotect(ptr, size, PROT_READ | PROT_WRITE) == 0;

    errno = saved;
    return done;
}

static bool map_over(void *ptr, size_t size, int protection)
{
    int saved = errno;
    bool done = map_pages(ptr, size, protection, MAP_FIXED) != NULL;

    errno = saved;
    return done;
}

static bool posix_decommit(void *ptr, size_t size)
{
    return map_over(ptr, size, PROT_NONE);
}

static bool posix_purge(void *ptr, size_t size, loam_vm_purge_mode mode)
{
#if defined(MADV_FREE)
    if (mode == LOAM_VM_PURGE_LAZY) {
        int saved = errno;
        bool done = madvise(ptr, size, MADV_FREE) == 0;

        errno = saved;
        if (done)
            return true;
    }
#endif
    (void)mode;
    return map_over(ptr, size, PROT_READ | PROT_WRITE);
}

/* ---- guards: pages that are reserved only fault, and cost no memory ---- */

static bool posix_guard(void *ptr, size_t size)
{
    return posix_decommit(ptr, size);
}

static bool posix_unguard(void *ptr, size_t size)
{
    return posix_commit(ptr, size);
}

/* ---- what there is not ---- */

static bool posix_extend(void *ptr, size_t size, size_t new_size)
{
    (void)ptr, (void)size, (void)new_size;
    return false;
}

static void *posix_remap(void *ptr, size_t size, size_t new_size)
{
    (void)ptr, (void)size, (void)new_size;
    return NULL;
}

static bool posix_advise(void *ptr, size_t size, loam_vm_advice advice)
{
    (void)ptr, (void)size, (void)advice;
    return false;
}

const loam_vm_backend loam_vm_native = {
    .reserve = posix_reserve,
    .commit = posix_commit,
    .decommit = posix_decommit,
    .purge = posix_purge,
    .release = posix_release,
    .release_part = posix_release,
    .extend = posix_extend,
    .remap = posix_remap,
    .guard = posix_guard,
    .unguard = posix_unguard,
    .advise = posix_advise,
};
