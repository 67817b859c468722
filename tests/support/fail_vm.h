/* fail_vm.h: a page layer that refuses chosen calls, for tests of what stands on it.
 *
 *     fail_vm_arm(FAIL_VM_COMMIT | FAIL_VM_RESERVE, 3, false);   // the third such call is refused
 *     ...
 *     EXPECT(fail_vm_refused() == 1);
 *     fail_vm_disarm();                                          // the system's own again
 *
 * A refused call does nothing and returns NULL or false, as a system call does that the kernel
 * refuses; all others go to the backend that was there before. Arming and disarming must have the
 * process to themselves; the calls in between may come from any thread.
 */
#ifndef LOAM_TEST_FAIL_VM_H
#define LOAM_TEST_FAIL_VM_H

#include <stdbool.h>
#include <stddef.h>

/* The calls of the page layer, one bit each. */
enum {
    FAIL_VM_RESERVE = 1 << 0,
    FAIL_VM_COMMIT = 1 << 1,
    FAIL_VM_DECOMMIT = 1 << 2,
    FAIL_VM_PURGE = 1 << 3,
    FAIL_VM_RELEASE = 1 << 4,
    FAIL_VM_RELEASE_PART = 1 << 5,
    FAIL_VM_EXTEND = 1 << 6,
    FAIL_VM_REMAP = 1 << 7,
    FAIL_VM_GUARD = 1 << 8,
    FAIL_VM_UNGUARD = 1 << 9,
    FAIL_VM_ADVISE = 1 << 10,
    FAIL_VM_KINDS = 11,
    FAIL_VM_TAKE = FAIL_VM_RESERVE | FAIL_VM_COMMIT | FAIL_VM_EXTEND | FAIL_VM_REMAP,
    FAIL_VM_GIVE = FAIL_VM_DECOMMIT | FAIL_VM_PURGE | FAIL_VM_RELEASE | FAIL_VM_RELEASE_PART,
    FAIL_VM_ALL = (1 << FAIL_VM_KINDS) - 1
};

/* Starts a count of the calls of these kinds, and refuses the n-th of them: that one, or that one
 * and all after it. `n` counts from 1; 0 refuses none. Arming again starts anew. */
void fail_vm_arm(unsigned kinds, size_t n, bool forever);

/* Puts back the backend that was there before. The counts stay readable. */
void fail_vm_disarm(void);

/* Calls of the armed kinds since fail_vm_arm(), refused ones included. */
size_t fail_vm_calls(void);

/* How many of them were refused. */
size_t fail_vm_refused(void);

/* The name of a kind, given as its bit; and of the call that was refused last, "" if none was. */
const char *fail_vm_name(unsigned kind);
const char *fail_vm_last(void);

/* Bytes reserved less bytes released, counted only between arm and disarm, and over all of those
 * stretches: what a test that holds nothing before and after it has leaked. */
ptrdiff_t fail_vm_live(void);

#endif
