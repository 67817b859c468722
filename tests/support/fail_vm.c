/* fail_vm.c: see fail_vm.h. A table in front of the one in use, which counts and refuses. */
#include "support/fail_vm.h"

#include "internal/vm_backend.h"

#include <stdatomic.h>

static const loam_vm_backend *below;
static unsigned armed_kinds;
static size_t refuse_at;
static bool refuse_on;
static atomic_size_t calls;
static atomic_size_t refused;
static atomic_uint last_refused;
static atomic_ptrdiff_t live;

/* Counts a call. Returns whether it must be refused. */
static bool refuses(unsigned kind)
{
    size_t number;

    if (!(armed_kinds & kind))
        return false;
    number = atomic_fetch_add(&calls, 1) + 1;
    if (refuse_at == 0 || number < refuse_at || (number > refuse_at && !refuse_on))
        return false;
    atomic_fetch_add(&refused, 1);
    atomic_store(&last_refused, kind);
    return true;
}

static void account(size_t before, size_t after)
{
    atomic_fetch_add(&live, (ptrdiff_t)after - (ptrdiff_t)before);
}

static void *fail_reserve(size_t size, size_t align)
{
    void *ptr = refuses(FAIL_VM_RESERVE) ? NULL : below->reserve(size, align);

    account(0, ptr ? size : 0);
    return ptr;
}

static bool fail_commit(void *ptr, size_t size)
{
    return !refuses(FAIL_VM_COMMIT) && below->commit(ptr, size);
}

static bool fail_decommit(void *ptr, size_t size)
{
    return !refuses(FAIL_VM_DECOMMIT) && below->decommit(ptr, size);
}

static bool fail_purge(void *ptr, size_t size, loam_vm_purge_mode mode)
{
    return !refuses(FAIL_VM_PURGE) && below->purge(ptr, size, mode);
}

static bool fail_release(void *ptr, size_t size)
{
    bool done = !refuses(FAIL_VM_RELEASE) && below->release(ptr, size);

    account(done ? size : 0, 0);
    return done;
}

static bool fail_release_part(void *ptr, size_t size)
{
    bool done = !refuses(FAIL_VM_RELEASE_PART) && below->release_part(ptr, size);

    account(done ? size : 0, 0);
    return done;
}

static bool fail_extend(void *ptr, size_t size, size_t new_size)
{
    bool done = !refuses(FAIL_VM_EXTEND) && below->extend(ptr, size, new_size);

    account(done ? size : 0, done ? new_size : 0);
    return done;
}

static void *fail_remap(void *ptr, size_t size, size_t new_size)
{
    void *moved = refuses(FAIL_VM_REMAP) ? NULL : below->remap(ptr, size, new_size);

    account(moved ? size : 0, moved ? new_size : 0);
    return moved;
}

static bool fail_guard(void *ptr, size_t size)
{
    return !refuses(FAIL_VM_GUARD) && below->guard(ptr, size);
}

static bool fail_unguard(void *ptr, size_t size)
{
    return !refuses(FAIL_VM_UNGUARD) && below->unguard(ptr, size);
}

static bool fail_advise(void *ptr, size_t size, loam_vm_advice advice)
{
    return !refuses(FAIL_VM_ADVISE) && below->advise(ptr, size, advice);
}

static const loam_vm_backend failing = {
    .reserve = fail_reserve,
    .commit = fail_commit,
    .decommit = fail_decommit,
    .purge = fail_purge,
    .release = fail_release,
    .release_part = fail_release_part,
    .extend = fail_extend,
    .remap = fail_remap,
    .guard = fail_guard,
    .unguard = fail_unguard,
    .advise = fail_advise,
};

void fail_vm_arm(unsigned kinds, size_t n, bool forever)
{
    if (!below)
        below = loam_vm_replace_backend(&failing);
    armed_kinds = kinds;
    refuse_at = n;
    refuse_on = forever;
    atomic_store(&calls, 0);
    atomic_store(&refused, 0);
    atomic_store(&last_refused, 0);
}

void fail_vm_disarm(void)
{
    if (!below)
        return;
    (void)loam_vm_replace_backend(below);
    below = NULL;
}

size_t fail_vm_calls(void)
{
    return atomic_load(&calls);
}

size_t fail_vm_refused(void)
{
    return atomic_load(&refused);
}

const char *fail_vm_name(unsigned kind)
{
    static const char *const names[FAIL_VM_KINDS] = {
        "reserve", "commit", "decommit", "purge",   "release", "release_part",
        "extend",  "remap",  "guard",    "unguard", "advise",
    };

    for (unsigned i = 0; i < FAIL_VM_KINDS; i++) {
        if (kind == 1u << i)
            return names[i];
    }
    return "";
}

const char *fail_vm_last(void)
{
    return fail_vm_name(atomic_load(&last_refused));
}

ptrdiff_t fail_vm_live(void)
{
    return atomic_load(&live);
}
