/* refusal_table.c: every call of the page layer refused by a table in its place: each n-th one, of
 * each kind and of any, once and for ever. Works everywhere, under every tool.
 *
 * After each run nothing may be left of what was reserved.
 */
#include "support/fail_vm.h"
#include "support/test.h"
#include "vm/workload.h"

#include <loam/scratch.h>
#include <loam/vm.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum manner {
    ONCE,          /* only the n-th call is refused */
    UNTIL_NOTICED, /* it and all after it, until somebody notices */
    FOR_EVER,      /* it and all after it */
    MANNERS
} manner;

static bool relents(void *context)
{
    manner how = *(const manner *)context;

    EXPECT(fail_vm_refused() > 0); /* else it failed by itself */
    if (how == UNTIL_NOTICED)
        fail_vm_arm(0, 0, false);
    return how != FOR_EVER;
}

/* One run. Returns whether anything was refused. */
static bool run_refusing(size_t piece, unsigned kinds, size_t n, manner how)
{
    workload work = {.relents = relents, .context = &how};
    ptrdiff_t live = fail_vm_live();
    size_t refused;

    if (getenv("LOAM_TEST_VERBOSE"))
        fprintf(stderr, "kinds 0x%x, call %zu, manner %d\n", kinds, n, (int)how);
    fail_vm_arm(kinds, n, how != ONCE);
    workload_run(&work, piece);
    refused = fail_vm_refused() + work.refusals;

    fail_vm_arm(0, 0, false);
    workload_clean_up(&work);
    EXPECT(loam_scratch_release());
    (void)loam_vm_trim();
    if (fail_vm_live() != live)
        TEST_FAIL("%td bytes of address space are lost", fail_vm_live() - live);
    return refused > 0;
}

/* All runs over one piece of work. */
static void refuse_each(const char *name)
{
    size_t piece = 0, runs = 0;

    while (workload_name(piece) && strcmp(workload_name(piece), name) != 0)
        piece++;
    EXPECT(workload_name(piece) != NULL);
    (void)loam_vm_trim();
    for (unsigned bit = 0; bit <= FAIL_VM_KINDS; bit++) {
        unsigned kinds = bit < FAIL_VM_KINDS ? 1u << bit : (unsigned)FAIL_VM_ALL;

        for (manner how = ONCE; how < MANNERS; how++) {
            size_t n = 1;

            while (run_refusing(piece, kinds, n, how))
                n++;
            runs += n - 1;
        }
    }
    fail_vm_disarm();
    fprintf(stderr, "%s: %zu runs with refusals\n", name, runs);
    EXPECT(runs > 0);
}

TEST(pages, fast)
{
    refuse_each("pages");
}

TEST(moves, fast)
{
    refuse_each("moves");
}

TEST(vm_allocator, fast)
{
    refuse_each("vm_allocator");
}

TEST(ahead, fast)
{
    refuse_each("ahead");
}

TEST(region, fast)
{
    refuse_each("region");
}

TEST(scratch, fast)
{
    refuse_each("scratch");
}

TEST(arena_reserve_decaying, fast)
{
    refuse_each("arena_reserve_decaying");
}

TEST(arena_reserve_give_back, fast)
{
    refuse_each("arena_reserve_give_back");
}

TEST(arena_reserve_huge, fast)
{
    refuse_each("arena_reserve_huge");
}

TEST(arena_full_chain, fast)
{
    refuse_each("arena_full_chain");
}

TEST(arena_default, fast)
{
    refuse_each("arena_default");
}

TEST(arena_chain_vm, fast)
{
    refuse_each("arena_chain_vm");
}

static workload thread_work[4];

static void work_in_thread(void *context, size_t index)
{
    (void)context;
    for (size_t piece = 0; workload_name(piece); piece++) {
        if (piece % 2 == index % 2)
            workload_run(&thread_work[index], piece);
    }
    EXPECT(loam_scratch_release());
}

/* Refusals hit threads that work at the same time on what they share: the cache of released
 * mappings, and whatever the system did not take back. */
TEST(in_threads, fast)
{
    ptrdiff_t live;

    (void)loam_vm_trim();
    live = fail_vm_live();
    for (unsigned bit = 0; bit <= FAIL_VM_KINDS; bit++) {
        unsigned kinds = bit < FAIL_VM_KINDS ? 1u << bit : (unsigned)FAIL_VM_ALL;

        memset(thread_work, 0, sizeof thread_work);
        fail_vm_arm(kinds, 1 + bit * 5 % 17, true);
        test_run_threads(4, work_in_thread, NULL);
        fail_vm_arm(0, 0, false);
        for (size_t i = 0; i < 4; i++)
            workload_clean_up(&thread_work[i]);
        (void)loam_vm_trim();
        EXPECT_EQ(fail_vm_live(), live);
    }
    fail_vm_disarm();
}

TEST_MAIN
