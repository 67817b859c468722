/* vm_windows.c: the page layer on Windows 7 and later, through VirtualAlloc and its relatives.
 *
 * The system has our own words: MEM_RESERVE, MEM_COMMIT, MEM_DECOMMIT. Commit is charged, and what
 * was decommitted reads zero. Reservations start at 64 KiB and are released whole, or not at all.
 *
 * A guard is a decommitted page: it faults on any touch and costs neither memory, charge nor a
 * mapping; PAGE_NOACCESS would keep charge and contents. What not every Windows has is looked up
 * at run time: aligned reservations (VirtualAlloc2) and DiscardVirtualMemory. Large pages need a
 * privilege and can't be decommitted, so there are none by advice.
 */
#include "internal/vm_backend.h"

#include "internal/bits.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <string.h>

/* Of our own, because older headers have neither. */
typedef struct address_requirements {
    void *lowest;
    void *highest;
    SIZE_T alignment;
} address_requirements;

typedef struct extended_parameter {
    uint64_t type; /* 8 bits, and 56 that are reserved */
    union {
        uint64_t number;
        void *pointer;
    } value;
} extended_parameter;

enum { ADDRESS_REQUIREMENTS = 1 }; /* MemExtendedParameterAddressRequirements */

typedef void *(WINAPI *virtual_alloc2_fn)(HANDLE process, void *base, SIZE_T size, ULONG type,
                                          ULONG protection, extended_parameter *parameters,
                                          ULONG count);
typedef DWORD(WINAPI *discard_fn)(void *ptr, SIZE_T size);

static virtual_alloc2_fn virtual_alloc2;
static discard_fn discard_virtual_memory;
static size_t granularity;

/* ---- facts ---- */

/* Looks a function up in a library that is in every process. NULL where there is none. */
static FARPROC find_function(const char *name)
{
    HMODULE library = GetModuleHandleW(L"kernelbase.dll");
    FARPROC found = library ? GetProcAddress(library, name) : NULL;

    if (!found && (library = GetModuleHandleW(L"kernel32.dll")) != NULL)
        found = GetProcAddress(library, name);
    return found;
}

void loam_vm_native_facts(loam_vm_facts *facts)
{
    FARPROC found;
    SYSTEM_INFO info;

    found = find_function("VirtualAlloc2");
    memcpy(&virtual_alloc2, &found, sizeof found);
    found = find_function("DiscardVirtualMemory");
    memcpy(&discard_virtual_memory, &found, sizeof found);

    GetSystemInfo(&info);
    granularity = info.dwAllocationGranularity;
    facts->page_size = info.dwPageSize;
    facts->huge_page_size = 0;
    facts->granularity = granularity;
    facts->address_space = (size_t)((char *)info.lpMaximumApplicationAddress -
                                    (char *)info.lpMinimumApplicationAddress) +
                           1;
    facts->capabilities = LOAM_VM_LAZY_PURGE | LOAM_VM_CHEAP_GUARD | LOAM_VM_ZERO_ON_DECOMMIT;
}

uint32_t loam_vm_native_probe(void)
{
    return 0;
}

void loam_vm_native_force_strict(void) {}

/* ---- reservations ---- */

static void *reserve_at(void *where, size_t size)
{
    return VirtualAlloc(where, size, MEM_RESERVE, PAGE_NOACCESS);
}

static void *reserve_required(size_t size, size_t align)
{
    address_requirements requirements = {NULL, NULL, align};
    extended_parameter parameter = {ADDRESS_REQUIREMENTS, {0}};

    parameter.value.pointer = &requirements;
    return virtual_alloc2(GetCurrentProcess(), NULL, size, MEM_RESERVE, PAGE_NOACCESS, &parameter,
                          1);
}

/* Finds a hole that has an aligned part, gives it back, and reserves that part. Another thread may
 * be quicker, so more than once:
 *
 *   [ .... [------- size -------] .. ]      size + align - granularity
 *          ^ multiple of align            */
static void *reserve_searching(size_t size, size_t align)
{
    enum { TRIES = 16 };
    size_t whole;

    if (!loam_add_checked(size, align - granularity, &whole))
        return NULL;
    for (int i = 0; i < TRIES; i++) {
        char *hole = (char *)reserve_at(NULL, whole);
        void *ptr;

        if (!hole)
            return NULL;
        ptr = hole + loam_padding(hole, align);
        (void)VirtualFree(hole, 0, MEM_RELEASE);
        ptr = reserve_at(ptr, size);
        if (ptr)
            return ptr;
    }
    return NULL;
}

static void *windows_reserve(size_t size, size_t align)
{
    void *ptr = NULL;

    if (align <= granularity)
        return reserve_at(NULL, size);
    if (virtual_alloc2)
        ptr = reserve_required(size, align);
    return ptr ? ptr : reserve_searching(size, align);
}

/* Only a whole reservation can be released, and its base says which one. */
static bool windows_release(void *ptr, size_t size)
{
    (void)size;
    return VirtualFree(ptr, 0, MEM_RELEASE) != 0;
}

/* ---- memory behind them ---- */

static bool windows_commit(void *ptr, size_t size)
{
    return VirtualAlloc(ptr, size, MEM_COMMIT, PAGE_READWRITE) != NULL;
}

static bool windows_decommit(void *ptr, size_t size)
{
    return VirtualFree(ptr, size, MEM_DECOMMIT) != 0;
}

static bool reset(void *ptr, size_t size)
{
    return VirtualAlloc(ptr, size, MEM_RESET, PAGE_READWRITE) != NULL;
}

/* Takes pages out of resident memory, which keep their contents or read zero afterwards. Unlocking
 * what is not locked is how a page leaves the working set; it is an error that does so. */
static bool discard(void *ptr, size_t size)
{
    if (discard_virtual_memory)
        return discard_virtual_memory(ptr, size) == ERROR_SUCCESS;
    if (!reset(ptr, size))
        return false;
    (void)VirtualUnlock(ptr, size);
    return true;
}

/* Decommitting and committing again would be quicker, but the second can be refused, and then the
 * pages would be gone. So they are cleared, piece by piece, and then thrown away: either way they
 * read zero. */
static bool purge_now(char *ptr, size_t size)
{
    const size_t piece = (size_t)1 << 20;

    while (size > 0) {
        size_t part = loam_min(size, piece);

        memset(ptr, 0, part);
        if (!discard(ptr, part))
            return false;
        ptr += part;
        size -= part;
    }
    return true;
}

static bool windows_purge(void *ptr, size_t size, loam_vm_purge_mode mode)
{
    return mode == LOAM_VM_PURGE_LAZY ? reset(ptr, size) : purge_now((char *)ptr, size);
}

/* ---- guards ---- */

static bool windows_guard(void *ptr, size_t size)
{
    return windows_decommit(ptr, size);
}

static bool windows_unguard(void *ptr, size_t size)
{
    return windows_commit(ptr, size);
}

/* ---- what there is not ---- */

static bool windows_release_part(void *ptr, size_t size)
{
    (void)ptr, (void)size;
    return false;
}

static bool windows_extend(void *ptr, size_t size, size_t new_size)
{
    (void)ptr, (void)size, (void)new_size;
    return false;
}

static void *windows_remap(void *ptr, size_t size, size_t new_size)
{
    (void)ptr, (void)size, (void)new_size;
    return NULL;
}

static bool windows_advise(void *ptr, size_t size, loam_vm_advice advice)
{
    (void)ptr, (void)size, (void)advice;
    return false;
}

const loam_vm_backend loam_vm_native = {
    .reserve = windows_reserve,
    .commit = windows_commit,
    .decommit = windows_decommit,
    .purge = windows_purge,
    .release = windows_release,
    .release_part = windows_release_part,
    .extend = windows_extend,
    .remap = windows_remap,
    .guard = windows_guard,
    .unguard = windows_unguard,
    .advise = windows_advise,
};
