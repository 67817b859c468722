/* locked.c: processes that lock their memory. Address space that is reserved is not filled, whoever
 * locks when; and what was touched can be given back. */
#define _GNU_SOURCE
#include "support/test.h"
#include "vm/memory.h"
#include "vm/workload.h"

#include <loam/allocator.h>
#include <loam/vm.h>

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

/* Locks what is mapped from now on, by who may lock as much as there is address space. */
static void lock_memory(int flags)
{
    size_t much = (size_t)1 << (sizeof(size_t) >= 8 ? 38 : 28);
    void *ptr;

    if (mlockall(flags) != 0)
        TEST_SKIP("memory can't be locked");
    ptr = mmap(NULL, much, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ptr == MAP_FAILED || munmap(ptr, much) != 0)
        TEST_SKIP("memory can't be locked without a limit");
}

static bool can(loam_vm_capability capability)
{
    return (loam_vm_capabilities() & (uint32_t)capability) != 0;
}

static size_t resident(char *ptr, size_t size)
{
    return memory_resident(ptr, size, loam_vm_page_size()) * loam_vm_page_size();
}

/* Reserves, commits, touches, gives back. `filled`: what is committed is filled at once. */
static void use_pages(size_t align, bool filled)
{
    size_t size = 128 * MIB, part = 4 * MIB;
    char *ptr = (char *)loam_vm_reserve(size, align);

    EXPECT(ptr != NULL);
    EXPECT_EQ(resident(ptr, size), 0);
    for (int i = 0; i < 2; i++) {
        EXPECT(loam_vm_commit(ptr, part));
        EXPECT_EQ(resident(ptr, size), filled ? part : 0);
        memset(ptr, 1, part);
        EXPECT_EQ(resident(ptr, size), part);
        EXPECT(loam_vm_purge(ptr, part, i ? LOAM_VM_PURGE_LAZY : LOAM_VM_PURGE_NOW));
        EXPECT(resident(ptr, size) == 0 || i == 1);
        workload_fill(ptr, part, 1);
        EXPECT(loam_vm_decommit(ptr, part));
        EXPECT_EQ(resident(ptr, size), 0);
    }
    EXPECT(loam_vm_release(ptr, size));
}

/* A block grows in its reservation and beyond it, and holds no more than it has. */
static void use_block(void)
{
    loam_allocator pages = loam_vm_allocator();
    size_t size = 512 << 10, bigger = 2 * MIB;
    char *ptr = (char *)loam_alloc(pages, size, 16);

    EXPECT(ptr != NULL);
    workload_fill(ptr, size, 2);
    for (; bigger > size && bigger <= 512 * MIB; size = bigger, bigger *= 16) {
        ptr = (char *)loam_realloc(pages, ptr, size, bigger, 16);
        EXPECT(ptr != NULL);
        workload_expect(ptr, 512 << 10, 2);
        if (can(LOAM_VM_FREE_COMMIT))
            EXPECT_LE(resident(ptr, bigger), bigger / 8 + 4 * MIB);
    }
    EXPECT(loam_resize(pages, ptr, size, MIB, 16));
    EXPECT_LE(resident(ptr, size), 4 * MIB);
    loam_dealloc(pages, ptr, MIB, 16);
}

static void use_all(bool filled)
{
    workload work = {.steps = 0};
    struct rusage usage;

    use_pages(1, filled);
    use_pages(8 * MIB, filled);
    use_block();
    for (size_t piece = 0; workload_name(piece); piece++) {
        test_note("piece %s", workload_name(piece));
        workload_run(&work, piece);
        EXPECT_EQ(work.refusals, 0);
    }
    test_note(NULL);
    EXPECT(getrusage(RUSAGE_SELF, &usage) == 0);
    EXPECT_LE((size_t)usage.ru_maxrss << 10, 1024 * MIB);
}

static void need_plain_process(void)
{
    if (test_under_asan() || test_under_tsan() || test_under_valgrind())
        TEST_SKIP("the tool needs the memory itself");
}

static void lock_first(void *context)
{
    (void)context;
    lock_memory(MCL_FUTURE);
    EXPECT(!can(LOAM_VM_FREE_COMMIT));
    use_all(true);
}

/* Who locks before the first use of the page layer has all locked and filled that is committed. */
TEST(locked_first, fast)
{
    need_plain_process();
    test_survives(lock_first, NULL);
}

static void lock_later(void *context)
{
    (void)context;
    (void)loam_vm_page_size();
    lock_memory(MCL_FUTURE);
    use_all(!can(LOAM_VM_FREE_COMMIT));
}

/* Who locks later has locked what is touched. */
TEST(locked_later, fast)
{
    need_plain_process();
    test_survives(lock_later, NULL);
}

static void lock_on_fault(void *context)
{
    bool free_before = *(const bool *)context;

    lock_memory(MCL_FUTURE | MCL_ONFAULT);
    EXPECT_EQ(can(LOAM_VM_FREE_COMMIT), free_before);
    use_all(false);
}

static void tell_free_commit(void *context)
{
    (void)context;
    _exit(can(LOAM_VM_FREE_COMMIT) ? 1 : 0);
}

/* Nothing else changes for who locks on fault from the start. */
TEST(locked_on_fault, fast)
{
    test_child child;
    bool free_commit;

    need_plain_process();
    test_run_child(tell_free_commit, NULL, &child);
    free_commit = child.exit_code == 1;
    test_survives(lock_on_fault, &free_commit);
}

static void lock_with_limit(void *context)
{
    struct rlimit limit;
    workload work = {.steps = 0};

    if (*(const bool *)context)
        (void)loam_vm_page_size();
    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        TEST_SKIP("there is no such limit");
    if (limit.rlim_max > 24 * MIB)
        limit.rlim_max = 24 * MIB;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || (geteuid() == 0 && setuid(65534) != 0) ||
        mlockall(MCL_FUTURE) != 0)
        TEST_SKIP("memory can't be locked within a limit");
    for (size_t piece = 0; workload_name(piece); piece++)
        workload_run(&work, piece);
}

/* Without the right to lock more than some MiB, what is beyond is refused, and nothing breaks. */
TEST(locked_within_limit, fast)
{
    bool later[] = {false, true};

    need_plain_process();
    test_survives(lock_with_limit, &later[0]);
    test_survives(lock_with_limit, &later[1]);
}

TEST_MAIN
