/* refusal_filter.c: system calls refused by the kernel itself, through a filter that the process
 * installs on its way: from some step of the work on, one of the calls for memory, or all of them,
 * fail for ever. The process must go on, and all that it has must stay whole.
 *
 * A filter can't be taken off again: each run has a process of its own.
 */
#define _GNU_SOURCE
#include "support/test.h"
#include "vm/memory.h"
#include "vm/workload.h"

#include <loam/arena.h>
#include <loam/vm.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* ---- the filter ---- */

static const struct {
    const char *name;
    long number; /* -1: all of them */
} calls[] = {
    {"mmap", SYS_mmap},       {"munmap", SYS_munmap}, {"mprotect", SYS_mprotect},
    {"madvise", SYS_madvise}, {"mremap", SYS_mremap}, {"all", -1},
};

enum { CALLS = sizeof calls / sizeof *calls };

static bool install(const struct sock_filter *code, size_t length)
{
    struct sock_fprog program = {(unsigned short)length, (struct sock_filter *)(uintptr_t)code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

/* Refuses a system call with an error from now on. */
static bool refuse(long number, unsigned error)
{
    const struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };

    return install(code, sizeof code / sizeof *code);
}

static bool refuse_call(size_t call, unsigned error)
{
    if (calls[call].number >= 0)
        return refuse(calls[call].number, error);
    for (size_t i = 0; i < CALLS - 1; i++) {
        if (!refuse(calls[i].number, error))
            return false;
    }
    return true;
}

/* ---- runs ---- */

typedef struct plan {
    size_t piece;
    size_t call;
    unsigned error;
    size_t at; /* the step before which the filter is installed; 0: never */
    size_t step;
} plan;

static void maybe_install(void *context)
{
    plan *p = (plan *)context;

    if (++p->step == p->at && !refuse_call(p->call, p->error))
        TEST_SKIP("filters are not permitted");
}

static void run_plan(void *context)
{
    plan *p = (plan *)context;
    workload warm_up = {.steps = 0}, work = {.step = maybe_install, .context = p};

    workload_run(&warm_up, p->piece);
    workload_run(&work, p->piece);
}

/* Installs the filter before at most `most` steps of a piece of work, spread evenly. */
static void run_piece(size_t piece, size_t most, unsigned error)
{
    workload work = {.steps = 0};
    plan p = {.piece = piece, .error = error};
    test_child child;

    workload_run(&work, piece);
    for (p.call = 0; p.call < CALLS; p.call++) {
        size_t stride = work.steps > most ? work.steps / most : 1;

        for (p.at = 1 + p.call % stride; p.at <= work.steps; p.at += stride) {
            test_run_child(run_plan, &p, &child);
            if (child.exit_code == 77)
                TEST_SKIP("filters are not permitted");
            if (child.exit_code != 0)
                TEST_FAIL("%s: %s refused from step %zu on: exit code %d, signal %d\n%s",
                          workload_name(piece), calls[p.call].name, p.at, child.exit_code,
                          child.signal, child.output);
        }
    }
}

static void need_plain_process(void)
{
    if (test_under_asan() || test_under_tsan() || test_under_valgrind())
        TEST_SKIP("the tool makes such calls itself");
}

static void run_all(size_t most, unsigned error)
{
    need_plain_process();
    for (size_t piece = 0; workload_name(piece); piece++)
        run_piece(piece, most, error);
}

TEST(some_steps, fast)
{
    run_all(test_bound("LOAM_TEST_FILTER_STEPS", 5), ENOMEM);
}

/* Sandboxes refuse with EPERM, and old kernels with EINVAL. */
TEST(some_steps_not_permitted, fast)
{
    run_all(test_bound("LOAM_TEST_FILTER_STEPS", 2), EPERM);
    run_all(test_bound("LOAM_TEST_FILTER_STEPS", 2), EINVAL);
}

TEST(every_step, slow)
{
    run_all(SIZE_MAX, ENOMEM);
}

/* ---- before anything else ---- */

static void start_without(void *context)
{
    size_t call = *(const size_t *)context;
    workload work = {.steps = 0};

    if (!refuse_call(call, ENOMEM))
        TEST_SKIP("filters are not permitted");
    for (size_t piece = 0; workload_name(piece); piece++)
        workload_run(&work, piece);
}

/* Refused from the very first call on, before the facts are known. */
TEST(from_the_start, fast)
{
    need_plain_process();
    for (size_t call = 0; call < CALLS; call++)
        test_survives(start_without, &call);
}

/* ---- what can't be unmapped ---- */

static void pile_up(void *context)
{
    size_t size = (size_t)64 << 10, align = (size_t)1 << 20, before, refusals = 0;

    (void)context;
    (void)loam_vm_page_size();
    if (!refuse(SYS_munmap, ENOMEM))
        TEST_SKIP("filters are not permitted");
    before = memory_address_space();
    for (int i = 0; i < 1000; i++)
        refusals += loam_vm_reserve(size, align) == NULL;
    EXPECT(refusals > 900);
    EXPECT_LE(memory_address_space(), before + 64 * (align + size));
    EXPECT(loam_vm_reserve(size, 1) != NULL); /* has no edges */
}

/* Where nothing can be unmapped, aligned reservations end before they eat the address space. */
TEST(edges_do_not_pile_up, fast)
{
    need_plain_process();
    test_survives(pile_up, NULL);
}

static void stay_reserved(void *context)
{
    size_t size = (size_t)1 << (sizeof(void *) >= 8 ? 30 : 26), before;
    loam_arena_config config = {.backing = LOAM_ARENA_RESERVE, .reserve = size};

    (void)context;
    (void)loam_vm_page_size();
    if (!refuse(SYS_munmap, ENOMEM))
        TEST_SKIP("filters are not permitted");
    before = memory_address_space();
    for (int i = 0; i < 1000; i++) {
        loam_arena *arena = loam_arena_create(&config);

        EXPECT(arena != NULL && loam_arena_push(arena, 100000) != NULL);
        loam_arena_destroy(arena);
        (void)loam_vm_trim();
    }
    EXPECT_LE(memory_address_space(), before + 4 * size);
}

/* A reservation that can't be released serves the next arena. */
TEST(refused_reservations_serve_again, fast)
{
    need_plain_process();
    test_survives(stay_reserved, NULL);
}

TEST_MAIN
