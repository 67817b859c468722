/* vm_backend.h: what one system has to offer to vm.c, and the table through which vm.c calls it.
 *
 * vm_linux.c, vm_posix.c and vm_windows.c each implement it once. vm.c has checked the arguments:
 * ranges are whole pages and not empty, alignments powers of two of at least the granularity.
 * Meanings and failure rules are those of the functions of the same names in loam/vm.h.
 *
 * Tests replace the table, to refuse chosen calls where the kernel can't be made to.
 */
#ifndef LOAM_INTERNAL_VM_BACKEND_H
#define LOAM_INTERNAL_VM_BACKEND_H

#include <loam/vm.h>

typedef struct loam_vm_backend {
    void *(*reserve)(size_t size, size_t align);
    bool (*commit)(void *ptr, size_t size);
    bool (*decommit)(void *ptr, size_t size);
    bool (*purge)(void *ptr, size_t size, loam_vm_purge_mode mode);
    bool (*release)(void *ptr, size_t size);
    bool (*release_part)(void *ptr, size_t size);
    bool (*extend)(void *ptr, size_t size, size_t new_size);
    void *(*remap)(void *ptr, size_t size, size_t new_size);
    bool (*guard)(void *ptr, size_t size);
    bool (*unguard)(void *ptr, size_t size);
    bool (*advise)(void *ptr, size_t size, loam_vm_advice advice);
} loam_vm_backend;

/* What the system is, found out once. */
typedef struct loam_vm_facts {
    size_t page_size;
    size_t huge_page_size; /* 0: none */
    size_t granularity;
    size_t address_space; /* bytes that the process may map, at most; SIZE_MAX: not known */
    uint32_t capabilities;
} loam_vm_facts;

/* The system's own backend. */
extern const loam_vm_backend loam_vm_native;

/* Fills in the facts; called once, before any function of the backend. */
void loam_vm_native_facts(loam_vm_facts *facts);

/* Tries out what else the system can do. Called once, before guards, advice on memory nodes, and
 * whenever somebody wants to know all; most programs need none of that. */
uint32_t loam_vm_native_probe(void);

/* The capabilities that are known without that: all but LOAM_VM_CHEAP_GUARD and
 * LOAM_VM_NUMA_ADVICE on Linux. The first loam_vm_capabilities() costs 10 us more than this. */
uint32_t loam_vm_basics(void);

/* Makes the system's own backend work as where memory is charged when it is committed, although
 * this system may not charge; where it always does, this changes nothing. For tests, before any
 * other function of the page layer. */
void loam_vm_native_force_strict(void);

/* Puts another table in place of the one in use and returns that one. For tests, while no other
 * thread is in here. */
const loam_vm_backend *loam_vm_replace_backend(const loam_vm_backend *replacement);

#endif
