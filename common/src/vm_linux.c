/* vm_linux.c: the page layer on Linux. Nothing else in loam makes memory system calls there.
 *
 * Under overcommit modes 0 and 1 a reservation is mapped readable and writable at once with
 * MAP_NORESERVE: it charges nothing until it is touched, and commit is free. Under mode 2, or under
 * RLIMIT_DATA, that would be charged whole, so a reservation is PROT_NONE, commit is mprotect, and
 * decommit maps fresh PROT_NONE pages over the range, which is what gives the charge back, and
 * loses the advice that was given for them.
 *
 * mlockall(MCL_FUTURE) makes the kernel fill new mappings at once, unless they are PROT_NONE; and
 * mprotect then fills what it makes accessible. A process that begins so works as one that is
 * charged: what is committed is filled and locked, and address space is not. If it begins later,
 * reservations of LOCK_FROM bytes or more are mapped PROT_NONE, looked at, set to be locked page by
 * page when they are touched, and made accessible only then. The look is one that the kernel answers
 * for this very mapping: it does not drop pages of locked ones.
 */
#define _GNU_SOURCE
#include "internal/vm_backend.h"

#include "internal/atomic.h"
#include "internal/bits.h"
#include "internal/mark.h"
#include "internal/vm_edges.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the C library's headers may be. */
enum {
    ADVICE_GUARD_INSTALL = 102, /* Linux 6.13 */
    ADVICE_GUARD_REMOVE = 103,
    ADVICE_DROP_LOCKED = 24, /* Linux 5.18: MADV_DONTNEED for locked pages too */
    LOCK_ON_FAULT = 1,       /* flag of mlock2, Linux 4.4 */
    POLICY_INTERLEAVE = 3,
    POLICY_LOCAL = 4,
    POLICY_MEMS_ALLOWED = 4 /* flag of get_mempolicy */
};

enum { NODE_WORDS = 16 };     /* 1024 memory nodes */
enum { LOCK_FROM = 1 << 20 }; /* smaller reservations may be filled and locked whole */

static loam_vm_facts known;
static uint32_t probed; /* capabilities that were tried out */
static bool forced_strict;

void loam_vm_native_force_strict(void)
{
    forced_strict = true;
}

static bool can(loam_vm_capability capability)
{
    return (known.capabilities & (uint32_t)capability) != 0;
}

static bool was_found(loam_vm_capability capability)
{
    return (probed & (uint32_t)capability) != 0;
}

/* ---- facts ---- */

/* Reads a short text file. Returns its length; 0 when it can't be read. */
static size_t read_text(const char *path, char *text, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length;

    if (file < 0)
        return 0;
    do
        length = read(file, text, size - 1);
    while (length < 0 && errno == EINTR);
    (void)close(file);
    text[length > 0 ? length : 0] = '\0';
    return length > 0 ? (size_t)length : 0;
}

/* Whether writable mappings are charged when they are made. What can't be read counts as so: that
 * works under every mode. */
static bool commit_is_charged(void)
{
    struct rlimit data;
    char text[16];

    if (forced_strict || getrlimit(RLIMIT_DATA, &data) != 0 || data.rlim_cur != RLIM_INFINITY)
        return true;
    return read_text("/proc/sys/vm/overcommit_memory", text, sizeof text) == 0 || text[0] == '2';
}

/* Whether the kernel fills new mappings as soon as they are there. */
static bool mappings_are_filled(size_t page_size)
{
    void *page = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char state = 0;
    bool filled;

    if (page == MAP_FAILED)
        return false;
    filled = mincore(page, page_size, &state) == 0 && (state & 1) != 0;
    (void)munmap(page, page_size);
    return filled;
}

#if defined(__x86_64__)
/* To ask costs 5 us. */
static size_t huge_page_size_when_on(void)
{
    return (size_t)2 << 20;
}
#else
static size_t parse_size(const char *text)
{
    size_t value = 0;

    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (size_t)(*text - '0');
    return value;
}

static size_t huge_page_size_when_on(void)
{
    char text[64];

    if (read_text("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", text, sizeof text) == 0)
        return 0;
    return parse_size(text);
}
#endif

static size_t find_huge_page_size(void)
{
    char text[64];
    size_t size;

    if (read_text("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof text) == 0 ||
        strstr(text, "[never]") || prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1)
        return 0;
    size = huge_page_size_when_on();
    return loam_is_pow2(size) ? size : 0;
}

static size_t find_address_space(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    return (size_t)limit.rlim_cur;
}

/* Emulators take advice that they do not know and do nothing; so a system call that must write to
 * the page says whether the guard is there. It is one whose argument Valgrind hands on without
 * touching it. */
static bool probe_guard(size_t page_size)
{
    char *page = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool works;

    if (page == MAP_FAILED)
        return false;
    works = madvise(page, page_size, ADVICE_GUARD_INSTALL) == 0 &&
            syscall(SYS_getrandom, page, 1, GRND_NONBLOCK) != 1 && errno == EFAULT;
    (void)munmap(page, page_size);
    return works;
}

static bool allowed_nodes(unsigned long nodes[NODE_WORDS])
{
    memset(nodes, 0, NODE_WORDS * sizeof *nodes);
    return syscall(SYS_get_mempolicy, NULL, nodes, NODE_WORDS * sizeof *nodes * 8, NULL,
                   POLICY_MEMS_ALLOWED) == 0;
}

void loam_vm_native_facts(loam_vm_facts *facts)
{
    int saved = errno;

    known.page_size = (size_t)sysconf(_SC_PAGESIZE);
    known.granularity = known.page_size;
    known.huge_page_size = find_huge_page_size();
    known.address_space = find_address_space();
    known.capabilities =
        LOAM_VM_LAZY_PURGE | LOAM_VM_REMAP | LOAM_VM_PARTIAL_RELEASE | LOAM_VM_ZERO_ON_DECOMMIT;
    if (!commit_is_charged() && !mappings_are_filled(known.page_size))
        known.capabilities |= LOAM_VM_FREE_COMMIT;
    if (known.huge_page_size)
        known.capabilities |= LOAM_VM_HUGE_ADVICE;
    *facts = known;
    errno = saved;
}

uint32_t loam_vm_native_probe(void)
{
    unsigned long nodes[NODE_WORDS];
    int saved = errno;

    if (probe_guard(known.page_size))
        probed |= LOAM_VM_CHEAP_GUARD;
    if (allowed_nodes(nodes))
        probed |= LOAM_VM_NUMA_ADVICE;
    errno = saved;
    return probed;
}

/* ---- reservations ---- */

static void *map_pages(void *where, size_t size, int protection, int flags)
{
    void *ptr =
        mmap(where, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);

    return ptr == MAP_FAILED ? NULL : ptr;
}

/* Drops the pages of a mapping, also of a locked one. */
static bool drop_pages(void *ptr, size_t size)
{
    return madvise(ptr, size, MADV_DONTNEED) == 0 ||
           (errno == EINVAL && madvise(ptr, size, ADVICE_DROP_LOCKED) == 0);
}

/* Makes a reservation accessible, without a page being filled. */
static bool open_pages(void *ptr, size_t size)
{
    bool locked = madvise(ptr, known.page_size, MADV_DONTNEED) != 0 && errno == EINVAL;

    if (locked && syscall(SYS_mlock2, ptr, size, LOCK_ON_FAULT) != 0)
        return false;
    return mprotect(ptr, size, PROT_READ | PROT_WRITE) == 0;
}

/* Whether a reservation is made accessible in a step of its own, which may be refused. */
static bool opens_later(size_t size)
{
    return can(LOAM_VM_FREE_COMMIT) && size >= LOCK_FROM;
}

static void *map_reservation(loam_vm_claim *mine, size_t size)
{
    bool closed = !can(LOAM_VM_FREE_COMMIT) || opens_later(size);
    void *ptr = map_pages(NULL, size, closed ? PROT_NONE : PROT_READ | PROT_WRITE, 0);

    if (!ptr || !opens_later(size) || open_pages(ptr, size))
        return ptr;
    loam_vm_unmap(mine, ptr, size);
    return NULL;
}

/* Maps `size` bytes at `phase` modulo `align`, by mapping more and trimming both edges.
 *
 *   [ edge ][------- size -------][ edge ]
 *           ^ phase modulo align            */
static void *map_trimmed(loam_vm_claim *mine, size_t size, size_t align, size_t phase)
{
    size_t whole, before;
    char *ptr;

    if (!loam_add_checked(size, align - known.page_size, &whole))
        return NULL;
    ptr = map_reservation(mine, whole);
    if (!ptr)
        return NULL;
    before = (phase - (uintptr_t)ptr) & (align - 1);
    loam_vm_unmap(mine, ptr, before);
    loam_vm_unmap(mine, ptr + before + size, whole - before - size);
    return ptr + before;
}

/* Maps `size` bytes and keeps them only if they happen to be aligned. */
static void *map_lucky(loam_vm_claim *mine, size_t size, size_t align)
{
    void *ptr = map_reservation(mine, size);

    if (!ptr || loam_padding(ptr, align) == 0)
        return ptr;
    loam_vm_unmap(mine, ptr, size);
    return NULL;
}

/* The kernel itself aligns what is made of whole huge pages; all else is aligned by luck only,
 * which is still tried last, where a limit has no room for edges. */
static void *map_aligned(loam_vm_claim *mine, size_t size, size_t align)
{
    size_t huge = known.huge_page_size;
    bool likely = align <= huge && (size & (huge - 1)) == 0;
    void *ptr = likely ? map_lucky(mine, size, align) : NULL;

    if (!ptr)
        ptr = map_trimmed(mine, size, align, 0);
    if (!ptr && !likely)
        ptr = map_lucky(mine, size, align);
    return ptr;
}

static void *linux_reserve(size_t size, size_t align)
{
    int saved = errno;
    void *ptr = NULL;
    loam_vm_claim mine;

    loam_vm_retry_unmap();
    if (align <= known.page_size && !opens_later(size)) {
        ptr = map_reservation(NULL, size);
    } else if (loam_vm_claim_places(&mine)) {
        ptr = align <= known.page_size ? map_reservation(&mine, size)
                                       : map_aligned(&mine, size, align);
        loam_vm_end_claim(&mine);
    }
    errno = saved;
    return ptr;
}

static bool linux_release(void *ptr, size_t size)
{
    int saved = errno;
    bool done = munmap(ptr, size) == 0;

    errno = saved;
    return done;
}

/* ---- memory behind them ---- */

static bool linux_commit(void *ptr, size_t size)
{
    int saved = errno;
    bool done = can(LOAM_VM_FREE_COMMIT) || mprotect(ptr, size, PROT_READ | PROT_WRITE) == 0;

    errno = saved;
    return done;
}

static bool advise_pages(void *ptr, size_t size, int advice)
{
    int saved = errno;
    bool done = madvise(ptr, size, advice) == 0;

    errno = saved;
    return done;
}

static bool linux_purge(void *ptr, size_t size, loam_vm_purge_mode mode)
{
    int saved = errno;
    bool done =
        (mode == LOAM_VM_PURGE_LAZY && madvise(ptr, size, MADV_FREE) == 0) || drop_pages(ptr, size);

    errno = saved;
    return done;
}

static bool linux_decommit(void *ptr, size_t size)
{
    int saved = errno;
    bool done = can(LOAM_VM_FREE_COMMIT) ? drop_pages(ptr, size)
                                         : map_pages(ptr, size, PROT_NONE, MAP_FIXED) != NULL;

    errno = saved;
    return done;
}

static char places; /* only its address counts: see loam_mark_leaving() */

static bool linux_extend(void *ptr, size_t size, size_t new_size)
{
    int saved = errno;
    bool done = mremap(ptr, size, new_size, 0) != MAP_FAILED;

    loam_mark_arrived(&places);
    errno = saved;
    return done;
}

/* Page tables move whole only between addresses that are congruent modulo a huge page, so a hole
 * at such an address is mapped first, and then moved over.
 *
 * The kernel unmaps the hole before it moves, and a refusal in between would leave the hole to
 * other threads while it is still unmapped here once more. What it checks in between are limits,
 * and those the hole has met already: it is as big and as writable as what comes. A charge is the
 * exception, so this is not for systems that charge. */
static void *move_congruent(void *ptr, size_t size, size_t new_size)
{
    size_t align = known.huge_page_size ? known.huge_page_size : (size_t)1 << 21;
    void *moved = MAP_FAILED;
    void *hole;
    loam_vm_claim mine;

    if (size < align || !can(LOAM_VM_FREE_COMMIT) || !loam_vm_claim_places(&mine))
        return MAP_FAILED;
    hole = map_trimmed(&mine, new_size, align, (uintptr_t)ptr & (align - 1));
    if (hole)
        moved = mremap(ptr, size, new_size, MREMAP_MAYMOVE | MREMAP_FIXED, hole);
    if (hole && moved == MAP_FAILED)
        loam_vm_unmap(&mine, hole, new_size);
    loam_vm_end_claim(&mine);
    return moved;
}

static void *linux_remap(void *ptr, size_t size, size_t new_size)
{
    int saved = errno;
    void *moved;

    loam_mark_leaving(&places);
    moved = mremap(ptr, size, new_size, 0);
    if (moved == MAP_FAILED)
        moved = move_congruent(ptr, size, new_size);
    if (moved == MAP_FAILED)
        moved = mremap(ptr, size, new_size, MREMAP_MAYMOVE);
    loam_mark_arrived(&places);
    errno = saved;
    return moved == MAP_FAILED ? NULL : moved;
}

/* ---- guards and advice ---- */

/* Locked pages can't have the cheap kind: then guards may be of both kinds from there on. */
static size_t guards_protect;

/* The protection is set first, because nothing has changed when it is refused; the contents must go
 * at the latest when the guard does. */
static bool protect_pages(void *ptr, size_t size)
{
    if (mprotect(ptr, size, PROT_NONE) != 0)
        return false;
    (void)drop_pages(ptr, size);
    return true;
}

static bool unprotect_pages(void *ptr, size_t size)
{
    return drop_pages(ptr, size) && mprotect(ptr, size, PROT_READ | PROT_WRITE) == 0;
}

static bool linux_guard(void *ptr, size_t size)
{
    int saved = errno;
    bool cheap = was_found(LOAM_VM_CHEAP_GUARD);
    bool done = cheap && madvise(ptr, size, ADVICE_GUARD_INSTALL) == 0;

    if (!done && (!cheap || errno == EINVAL)) {
        loam_atomic_store(&guards_protect, 1);
        done = protect_pages(ptr, size);
    }
    errno = saved;
    return done;
}

static bool linux_unguard(void *ptr, size_t size)
{
    int saved = errno;
    bool done = loam_atomic_load(&guards_protect) == 0 || unprotect_pages(ptr, size);

    if (done && was_found(LOAM_VM_CHEAP_GUARD))
        done = madvise(ptr, size, ADVICE_GUARD_REMOVE) == 0;
    errno = saved;
    return done;
}

static bool bind_pages(void *ptr, size_t size, int policy)
{
    unsigned long nodes[NODE_WORDS];
    int saved = errno;
    bool done;

    if (policy == POLICY_INTERLEAVE)
        done = allowed_nodes(nodes) &&
               syscall(SYS_mbind, ptr, size, policy, nodes, NODE_WORDS * sizeof *nodes * 8, 0) == 0;
    else
        done = syscall(SYS_mbind, ptr, size, policy, NULL, 0, 0) == 0;
    errno = saved;
    return done;
}

static bool linux_advise(void *ptr, size_t size, loam_vm_advice advice)
{
    switch (advice) {
    case LOAM_VM_HUGE:
        return can(LOAM_VM_HUGE_ADVICE) && advise_pages(ptr, size, MADV_HUGEPAGE);
    case LOAM_VM_NO_HUGE:
        return advise_pages(ptr, size, MADV_NOHUGEPAGE);
    case LOAM_VM_INTERLEAVE:
        return was_found(LOAM_VM_NUMA_ADVICE) && bind_pages(ptr, size, POLICY_INTERLEAVE);
    case LOAM_VM_LOCAL:
        return was_found(LOAM_VM_NUMA_ADVICE) && bind_pages(ptr, size, POLICY_LOCAL);
    }
    return false;
}

const loam_vm_backend loam_vm_native = {
    .reserve = linux_reserve,
    .commit = linux_commit,
    .decommit = linux_decommit,
    .purge = linux_purge,
    .release = linux_release,
    .release_part = linux_release,
    .extend = linux_extend,
    .remap = linux_remap,
    .guard = linux_guard,
    .unguard = linux_unguard,
    .advise = linux_advise,
};
